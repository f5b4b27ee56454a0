/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An object retired at epoch e is released only when every slot is outside or entered after e.
 *
 * Why that suffices: a writer unlinks, then moves the epoch on.  A reader that entered later read the new epoch
 * with acquire, so it also sees the unlinking.  A reader that entered before is either seen by the writer's scan of
 * the slots or, its store being later than the writer's barrier, loads pointers after that barrier and finds
 * the object gone.
 */
#include "base/epoch.h"

#include "base/mem.h"

#include <clientid/check.h>

#include <errno.h>
#include <linux/membarrier.h>
#include <pthread.h>
#include <stdbool.h>
#include <string.h>
#include <sys/syscall.h>
#include <time.h>
#include <unistd.h>

/*
 * Retired objects per barrier: it costs the writer some 20 us, and every reader some 5, since it interrupts them.  With
 * one for 1000 changes, those are fewer than one decision in a thousand that is made meanwhile.
 */
#define SWEEP_BATCH 1024
#define NO_READER   UINT64_MAX

struct retired {
    uint64_t epoch;
    clientid__epoch_free_fn *release;
    void *context;
    void *object;
};

struct clientid__epoch {
    _Atomic uint64_t now; /* from 1; 0 in a slot means outside */
    bool fenced;          /* readers pay for a full fence since membarrier(2) is refused */
    struct clientid__epoch_slot *slots;
    _Atomic uint32_t slots_seen; /* slots from this one on were never used */

    char other_line[64]; /* readers read what is above at every section; the rest is the writers' */
    const clientid_allocator *mem;
    void *slots_memory;
    pthread_mutex_t lock; /* of all below, and of |used| in the slots */
    struct retired *list; /* in the order of their epochs, from |head| */
    size_t head, count, capacity;
    size_t sweep_at;
};

static int membarrier(int command)
{
    return (int)syscall(SYS_membarrier, command, 0, 0);
}

static void full_fence(void)
{
    /* Not atomic_thread_fence: gcc's ThreadSanitizer does not know it and refuses it with a warning. */
    __sync_synchronize();
}

/*
 * Makes every store that a reader did before visible, and its loads from here on fresh.  False: it cannot.  The kernel
 * runs a full barrier on each processor that runs one of our threads, a dmb on arm64: more than any order of a reader's own
 * plain store and loads needs.  tests/race/model_index.pml holds with it and fails without.
 */
static bool writer_barrier(const struct clientid__epoch *epoch)
{
    full_fence();
    if (epoch->fenced || membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) == 0)
        return true;
    /* A gateway made before fork: the child may have to register again. */
    return errno == EPERM && membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0 &&
           membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) == 0;
}

/* ---- life ------------------------------------------------------------------------------------ */

static struct clientid__epoch_slot *align_slots(void *memory)
{
    uintptr_t address = (uintptr_t)memory;
    size_t past = address % _Alignof(struct clientid__epoch_slot);

    if (past == 0)
        return memory;
    return (void *)((char *)memory + (_Alignof(struct clientid__epoch_slot) - past));
}

static int new_domain(struct clientid__epoch **out, const clientid_allocator *mem, bool fenced)
{
    struct clientid__epoch *epoch = clientid__alloc(mem, 1, sizeof(*epoch));

    if (epoch == NULL)
        return CLIENTID_ERR_NOMEM;
    epoch->mem = mem;
    epoch->slots_memory =
        clientid__alloc(mem, CLIENTID_WORKERS_MAX + 1, sizeof(struct clientid__epoch_slot));
    if (epoch->slots_memory == NULL || pthread_mutex_init(&epoch->lock, NULL) != 0)
        goto fail;
    epoch->slots = align_slots(epoch->slots_memory);
    for (size_t i = 0; i < CLIENTID_WORKERS_MAX; i++)
        epoch->slots[i].domain = epoch;
    epoch->sweep_at = SWEEP_BATCH;
    epoch->fenced = fenced;
    atomic_init(&epoch->now, 1);
    *out = epoch;
    return 0;
fail:
    clientid__free(mem, epoch->slots_memory);
    clientid__free(mem, epoch);
    return CLIENTID_ERR_NOMEM;
}

int clientid__epoch_new(struct clientid__epoch **out, const clientid_allocator *mem)
{
    /* Registering does not mean the command works (a seccomp filter may tell them apart): try it. */
    bool works = membarrier(MEMBARRIER_CMD_REGISTER_PRIVATE_EXPEDITED) == 0 &&
                 membarrier(MEMBARRIER_CMD_PRIVATE_EXPEDITED) == 0;

    return new_domain(out, mem, !works);
}

int clientid__epoch_new_fenced(struct clientid__epoch **out, const clientid_allocator *mem)
{
    return new_domain(out, mem, true);
}

void clientid__epoch_del(struct clientid__epoch *epoch)
{
    if (epoch == NULL)
        return;
    /* A release may retire more, so look again each time. */
    while (epoch->head < epoch->count) {
        struct retired r = epoch->list[epoch->head++];

        r.release(r.context, r.object);
    }
    pthread_mutex_destroy(&epoch->lock);
    clientid__free(epoch->mem, epoch->list);
    clientid__free(epoch->mem, epoch->slots_memory);
    clientid__free(epoch->mem, epoch);
}

/* ---- readers --------------------------------------------------------------------------------- */

struct clientid__epoch_slot *clientid__epoch_slot_get(struct clientid__epoch *epoch)
{
    struct clientid__epoch_slot *slot = NULL;
    uint32_t i = 0;

    pthread_mutex_lock(&epoch->lock);
    while (i < CLIENTID_WORKERS_MAX && epoch->slots[i].used)
        i++;
    if (i < CLIENTID_WORKERS_MAX) {
        slot = &epoch->slots[i];
        slot->used = 1;
        if (i >= atomic_load_explicit(&epoch->slots_seen, memory_order_relaxed))
            atomic_store_explicit(&epoch->slots_seen, i + 1, memory_order_release);
    }
    pthread_mutex_unlock(&epoch->lock);
    return slot;
}

void clientid__epoch_slot_put(struct clientid__epoch_slot *slot)
{
    struct clientid__epoch *epoch;

    if (slot == NULL)
        return;
    epoch = slot->domain;
    pthread_mutex_lock(&epoch->lock);
    slot->used = 0;
    pthread_mutex_unlock(&epoch->lock);
}

void clientid__epoch_enter(struct clientid__epoch_slot *slot)
{
    const struct clientid__epoch *epoch = slot->domain;
    /* Acquire, with the release in retire: who has seen an epoch sees all that was unlinked before it began. */
    uint64_t now = atomic_load_explicit(&epoch->now, memory_order_acquire);

    /* Release: a writer that sees this section, and not the one before, comes after all that was read in that one. */
    atomic_store_explicit(&slot->entered, now, memory_order_release);
    /* The compiler must not move loads of the section above the store; the processor is the writer's care. */
    atomic_signal_fence(memory_order_seq_cst);
    if (epoch->fenced)
        full_fence();
}

void clientid__epoch_leave(struct clientid__epoch_slot *slot)
{
    /* Release, with the acquire in oldest_reader: all reads of the section come before the object's release. */
    atomic_store_explicit(&slot->entered, 0, memory_order_release);
}

/* ---- writers --------------------------------------------------------------------------------- */

/* The oldest epoch that a reader inside entered in.  After writer_barrier. */
static uint64_t oldest_reader(const struct clientid__epoch *epoch)
{
    /* A slot's first section comes after its store of slots_seen: the barrier that shows the one shows the other. */
    uint32_t count = atomic_load_explicit(&epoch->slots_seen, memory_order_acquire);
    uint64_t oldest = NO_READER;

    for (uint32_t i = 0; i < count; i++) {
        /* Acquire: what the reader did before it left comes before what we do to the object. */
        uint64_t entered = atomic_load_explicit(&epoch->slots[i].entered, memory_order_acquire);

        if (entered != 0 && entered < oldest)
            oldest = entered;
    }
    return oldest;
}

/* Moves up to |room| objects retired before |oldest| from the list to |batch|. */
static size_t take(struct clientid__epoch *epoch, uint64_t oldest, struct retired *batch,
                   size_t room)
{
    size_t taken = 0;

    pthread_mutex_lock(&epoch->lock);
    while (taken < room && epoch->head < epoch->count && epoch->list[epoch->head].epoch < oldest)
        batch[taken++] = epoch->list[epoch->head++];
    if (epoch->head == epoch->count)
        epoch->head = epoch->count = 0;
    pthread_mutex_unlock(&epoch->lock);
    return taken;
}

static void release_before(struct clientid__epoch *epoch, uint64_t oldest)
{
    struct retired batch[32];
    size_t count;

    do {
        count = take(epoch, oldest, batch, sizeof(batch) / sizeof(batch[0]));
        for (size_t i = 0; i < count; i++)
            batch[i].release(batch[i].context, batch[i].object);
    } while (count > 0);
}

size_t clientid__epoch_reclaim(struct clientid__epoch *epoch)
{
    uint64_t before;
    size_t left;

    /*
     * What is retired after this line came after the barrier, and must wait for the next one.  Acquire: what other
     * writers unlinked before the epochs up to here comes before our barrier.
     */
    before = atomic_load_explicit(&epoch->now, memory_order_acquire);
    if (writer_barrier(epoch)) {
        uint64_t oldest = oldest_reader(epoch);

        release_before(epoch, oldest < before ? oldest : before);
    }
    pthread_mutex_lock(&epoch->lock);
    left = epoch->count - epoch->head;
    /* Twice what is left: a reader that stays inside must not cost a barrier for each object. */
    epoch->sweep_at = 2 * left + SWEEP_BATCH;
    pthread_mutex_unlock(&epoch->lock);
    return left;
}

/* Room at the end of the list; the released part in front is reused first.  Under the lock. */
static bool make_room(struct clientid__epoch *epoch)
{
    struct retired *larger;

    if (epoch->count == epoch->capacity && epoch->head > epoch->count / 2) {
        memmove(epoch->list, epoch->list + epoch->head,
                (epoch->count - epoch->head) * sizeof(*epoch->list));
        epoch->count -= epoch->head;
        epoch->head = 0;
    }
    larger = clientid__grow(epoch->mem, epoch->list, epoch->count, &epoch->capacity,
                            sizeof(*epoch->list));
    if (larger == NULL)
        return false;
    epoch->list = larger;
    return true;
}

static bool grace_period(struct clientid__epoch *epoch)
{
    const struct timespec pause = {.tv_nsec = 50000};
    uint64_t e = atomic_fetch_add_explicit(&epoch->now, 1, memory_order_acq_rel);
    bool inside;

    do {
        /*
         * Without a barrier nobody can tell who is inside.  That takes a kernel that withdraws membarrier(2)
         * from a running process; the objects then wait for clientid__epoch_del.
         */
        if (!writer_barrier(epoch))
            return false;
        inside = oldest_reader(epoch) <= e;
        if (inside)
            nanosleep(&pause, NULL);
    } while (inside);
    return true;
}

void clientid__epoch_retire(struct clientid__epoch *epoch, clientid__epoch_free_fn *release,
                            void *context, void *object)
{
    bool listed, sweep;

    pthread_mutex_lock(&epoch->lock);
    listed = make_room(epoch);
    if (listed) {
        /* Release: the unlinking comes before the epoch that follows it. */
        uint64_t e = atomic_fetch_add_explicit(&epoch->now, 1, memory_order_acq_rel);

        epoch->list[epoch->count++] = (struct retired){e, release, context, object};
    }
    sweep = epoch->count - epoch->head >= epoch->sweep_at;
    pthread_mutex_unlock(&epoch->lock);

    if (!listed) {
        if (grace_period(epoch))
            release(context, object);
    } else if (sweep) {
        clientid__epoch_reclaim(epoch);
    }
}

void clientid__epoch_wait(struct clientid__epoch *epoch)
{
    if (grace_period(epoch))
        clientid__epoch_reclaim(epoch);
}
