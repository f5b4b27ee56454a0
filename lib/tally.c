/* SPDX-License-Identifier: Apache-2.0 */
/* A slot has one writer at a time, and what was counted in it is never taken back. */
#include "tally.h"

#include "base/mem.h"
#include "base/str.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

enum { NAME_MAX_BYTES = 128, LINE_BYTES = 64 };

/* |name_len| is written last: 0 is a row that nobody has yet, even if its maker died over it. */
struct row {
    _Atomic uint32_t name_len;
    char name[NAME_MAX_BYTES];
    struct clientid__counters counters;
};

struct clientid__tally_slot {
    _Alignas(LINE_BYTES) _Atomic uint64_t owner; /* 0: nobody */
    struct clientid__latency latency;
    struct row rows[];
};

struct header {
    _Alignas(LINE_BYTES) _Atomic uint32_t slots_seen; /* slots from this one on were never taken */
};

struct clientid__tally {
    const clientid_allocator *mem;
    char *memory; /* shared: header, then slots */
    size_t bytes;
    size_t slot_bytes;
    uint32_t slots;
    size_t rows;
};

/* ---- life ------------------------------------------------------------------------------------ */

int clientid__tally_new(struct clientid__tally **out, const clientid_allocator *mem, uint32_t slots,
                        size_t rows)
{
    struct clientid__tally *tally = clientid__alloc(mem, 1, sizeof(*tally));
    size_t slot_bytes = sizeof(struct clientid__tally_slot) + rows * sizeof(struct row);

    if (tally == NULL)
        return CLIENTID_ERR_NOMEM;
    slot_bytes = (slot_bytes + LINE_BYTES - 1) / LINE_BYTES * LINE_BYTES;
    *tally = (struct clientid__tally){.mem = mem,
                                      .bytes = sizeof(struct header) + slots * slot_bytes,
                                      .slot_bytes = slot_bytes,
                                      .slots = slots,
                                      .rows = rows};
    /* Pages come with the first use, so room for more workers and names costs nothing. */
    tally->memory = mmap(NULL, tally->bytes, PROT_READ | PROT_WRITE,
                         MAP_SHARED | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (tally->memory == MAP_FAILED) {
        clientid__free(mem, tally);
        return CLIENTID_ERR_NOMEM;
    }
    *out = tally;
    return 0;
}

void clientid__tally_del(struct clientid__tally *tally)
{
    if (tally == NULL)
        return;
    munmap(tally->memory, tally->bytes);
    clientid__free(tally->mem, tally);
}

static struct header *header_of(const struct clientid__tally *tally)
{
    return (struct header *)(void *)tally->memory;
}

static struct clientid__tally_slot *slot_at(const struct clientid__tally *tally, uint32_t i)
{
    return (struct clientid__tally_slot *)(void *)(tally->memory + sizeof(struct header) +
                                                   i * tally->slot_bytes);
}

/* ---- owners ---------------------------------------------------------------------------------- */

/*
 * An owner is a process: its id, which the system gives to another process some day, and above it the moment at which
 * it began, in clock ticks since the machine was started, so that no two are alike (proc(5), stat, field 22).  Ids are
 * below 2^22 (PID_MAX_LIMIT).  Moment 0: /proc could not be read.
 */
#define PID_BITS 22
#define PID_MASK ((UINT64_C(1) << PID_BITS) - 1)

struct life {
    char state;
    unsigned long threads;
    uint64_t began;
};

/* The fields after the name, which is in parentheses and may hold any byte. */
static bool parse_stat(const char *text, struct life *life)
{
    const char *at = strrchr(text, ')');
    unsigned long long field = 0;
    char *end;

    if (at == NULL || at[1] != ' ' || at[2] == '\0')
        return false;
    life->state = at[2];
    at += 3;
    for (int number = 4; number <= 22; number++) {
        field = strtoull(at, &end, 10); /* the negative ones among them are not looked at */
        if (end == at)
            return false;
        at = end;
        if (number == 20)
            life->threads = (unsigned long)field;
    }
    life->began = field;
    return true;
}

/* False when there is nothing to be learnt: no such process, or no /proc. */
static bool read_life(uint64_t pid, struct life *life)
{
    char path[32] = "/proc/", text[1024];
    char digits[20];
    size_t used = strlen(path), count = 0;
    ssize_t got;
    int fd;

    do
        digits[count++] = (char)('0' + pid % 10);
    while ((pid /= 10) != 0);
    while (count > 0)
        path[used++] = digits[--count];
    memcpy(path + used, "/stat", sizeof("/stat"));
    fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return false;
    got = read(fd, text, sizeof(text) - 1);
    close(fd);
    if (got <= 0)
        return false;
    text[got] = '\0';
    return parse_stat(text, life);
}

static uint64_t owner_self(void)
{
    uint64_t pid = (uint64_t)getpid();
    struct life life = {0};

    if (!read_life(pid, &life))
        life.began = 0;
    return life.began << PID_BITS | pid;
}

/*
 * Where it cannot be told, it lives: a slot that is lost to a stranger costs a place, one with two writers loses
 * counts.  A process that nobody has waited for yet is dead once its last thread is gone.
 */
static bool lives(uint64_t owner)
{
    uint64_t pid = owner & PID_MASK, began = owner >> PID_BITS;
    struct life life;

    if (kill((pid_t)pid, 0) != 0 && errno == ESRCH)
        return false;
    if (!read_life(pid, &life))
        return true;
    if ((life.state == 'Z' || life.state == 'X') && life.threads <= 1)
        return false;
    return began == 0 || life.began == 0 || life.began == began;
}

static void note_seen(const struct clientid__tally *tally, uint32_t slots)
{
    _Atomic uint32_t *seen = &header_of(tally)->slots_seen;
    uint32_t noted = atomic_load(seen);

    while (noted < slots && !atomic_compare_exchange_weak(seen, &noted, slots))
        continue;
}

static struct clientid__tally_slot *take(const struct clientid__tally *tally, uint64_t self,
                                         bool of_the_dead)
{
    for (uint32_t i = 0; i < tally->slots; i++) {
        struct clientid__tally_slot *slot = slot_at(tally, i);
        uint64_t owner;

        if (i >= atomic_load(&header_of(tally)->slots_seen))
            note_seen(tally, i + 1); /* before it counts: nobody may die in between */
        owner = atomic_load(&slot->owner);
        if (owner != 0 && (!of_the_dead || lives(owner)))
            continue;
        /* Two may find the same one dead. */
        if (atomic_compare_exchange_strong(&slot->owner, &owner, self))
            return slot;
    }
    return NULL;
}

struct clientid__tally_slot *clientid__tally_take(struct clientid__tally *tally)
{
    uint64_t self = owner_self();
    struct clientid__tally_slot *slot = take(tally, self, false);

    return slot != NULL ? slot : take(tally, self, true);
}

void clientid__tally_put(struct clientid__tally_slot *slot)
{
    if (slot != NULL && (atomic_load(&slot->owner) & PID_MASK) == (uint64_t)getpid())
        atomic_store(&slot->owner, 0);
}

/* ---- counters -------------------------------------------------------------------------------- */

struct clientid__latency *clientid__tally_latency(struct clientid__tally_slot *slot)
{
    return &slot->latency;
}

/* The row's name; empty when it has none yet. */
static clientid_str name_of(const struct row *row)
{
    return clientid__str(row->name, atomic_load_explicit(&row->name_len, memory_order_acquire));
}

struct clientid__counters *clientid__tally_row(const struct clientid__tally *tally,
                                               struct clientid__tally_slot *slot, clientid_str name)
{
    for (size_t i = 0; i < tally->rows && name.len <= NAME_MAX_BYTES; i++) {
        struct row *row = &slot->rows[i];
        clientid_str known = name_of(row);

        if (known.len == 0) {
            memcpy(row->name, name.ptr, name.len);
            atomic_store_explicit(&row->name_len, (uint32_t)name.len, memory_order_release);
            return &row->counters;
        }
        if (clientid__str_eq(known, name))
            return &row->counters;
    }
    return NULL;
}

bool clientid__tally_holds(const struct clientid__tally *tally,
                           const struct clientid__counters *counters)
{
    const uintptr_t start = tally != NULL ? (uintptr_t)tally->memory : 0;

    return tally != NULL && (uintptr_t)counters >= start &&
           (uintptr_t)counters < start + tally->bytes;
}

void clientid__sums_add(struct clientid__sums *sums, const struct clientid__counters *counters)
{
    for (size_t r = 0; r < CLIENTID_REASON_COUNT; r++) {
        sums->decisions[r] += atomic_load_explicit(&counters->decisions[r], memory_order_relaxed);
        sums->shadow[r] += atomic_load_explicit(&counters->shadow[r], memory_order_relaxed);
    }
}

static const struct row *find_row(const struct clientid__tally *tally, uint32_t slot,
                                  clientid_str name)
{
    const struct clientid__tally_slot *s = slot_at(tally, slot);

    for (size_t i = 0; i < tally->rows; i++) {
        clientid_str known = name_of(&s->rows[i]);

        if (known.len == 0)
            return NULL;
        if (clientid__str_eq(known, name))
            return &s->rows[i];
    }
    return NULL;
}

static uint32_t slots_seen(const struct clientid__tally *tally)
{
    return tally != NULL ? atomic_load(&header_of(tally)->slots_seen) : 0;
}

void clientid__tally_sum(const struct clientid__tally *tally, clientid_str name,
                         struct clientid__sums *sums)
{
    for (uint32_t i = 0; i < slots_seen(tally); i++) {
        const struct row *row = find_row(tally, i, name);

        if (row != NULL)
            clientid__sums_add(sums, &row->counters);
    }
}

uint64_t clientid__tally_bucket(const struct clientid__tally *tally, size_t bucket)
{
    uint64_t total = 0;

    for (uint32_t i = 0; i < slots_seen(tally); i++)
        total +=
            atomic_load_explicit(&slot_at(tally, i)->latency.bucket[bucket], memory_order_relaxed);
    return total;
}

uint64_t clientid__tally_latency_ns(const struct clientid__tally *tally)
{
    uint64_t total = 0;

    for (uint32_t i = 0; i < slots_seen(tally); i++)
        total += atomic_load_explicit(&slot_at(tally, i)->latency.sum_ns, memory_order_relaxed);
    return total;
}

static bool in_earlier_slot(const struct clientid__tally *tally, uint32_t slot, clientid_str name)
{
    for (uint32_t i = 0; i < slot; i++)
        if (find_row(tally, i, name) != NULL)
            return true;
    return false;
}

bool clientid__tally_name(const struct clientid__tally *tally, size_t *at, clientid_str *name)
{
    while (tally != NULL && *at < slots_seen(tally) * tally->rows) {
        uint32_t slot = (uint32_t)(*at / tally->rows);

        *name = name_of(&slot_at(tally, slot)->rows[*at % tally->rows]);
        if (name->len == 0) {
            *at = (slot + (size_t)1) * tally->rows;
            continue;
        }
        ++*at;
        if (!in_earlier_slot(tally, slot, *name))
            return true;
    }
    return false;
}
