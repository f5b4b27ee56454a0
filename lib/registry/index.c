/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/index.h"

#include "base/mem.h"
#include "registry/arena.h"

#include <string.h>

#define SLOTS_MIN   64
#define TRIM_LEAST  4096 /* slots: smaller tables are not worth a walk over them */
#define FETCH_AHEAD 16

static struct clientid__index_table *current(const struct clientid__index *index)
{
    /* Only the writer stores it, so the writer needs no order to load it. */
    return atomic_load_explicit(&index->table, memory_order_relaxed);
}

static uint64_t slot_of(uint64_t hash, const void *object)
{
    return (hash & ~CLIENTID__INDEX_OBJECT) | (uint64_t)(uintptr_t)object;
}

static size_t table_bytes(uint64_t slots)
{
    return sizeof(struct clientid__index_table) + slots * sizeof(uint64_t);
}

static struct clientid__index_table *new_table(const clientid_allocator *mem, uint64_t slots,
                                               bool small_pages)
{
    size_t bytes = table_bytes(slots);
    struct clientid__index_table *table = mem->allocate(mem->self, bytes);

    if (table == NULL)
        return NULL;
    if (!small_pages) /* before the first touch, or the small pages are there already */
        clientid__huge_pages(table, bytes);
    memset(table, 0, bytes);
    table->mask = slots - 1;
    return table;
}

int clientid__index_init(struct clientid__index *index, const clientid_allocator *mem,
                         struct clientid__epoch *epoch, clientid__index_hash_fn *hash,
                         const void *self)
{
    struct clientid__index_table *table = new_table(mem, SLOTS_MIN, true);

    if (table == NULL)
        return CLIENTID_ERR_NOMEM;
    *index = (struct clientid__index){.mem = mem, .epoch = epoch, .hash = hash, .self = self};
    atomic_init(&index->table, table);
    return 0;
}

void clientid__index_clear(struct clientid__index *index)
{
    if (index->mem != NULL)
        clientid__free(index->mem, current(index));
    *index = (struct clientid__index){.mem = NULL};
}

/* ---- the writer ------------------------------------------------------------------------------ */

static void release_table(void *mem, void *table)
{
    clientid__free(mem, table);
}

static void place(const struct clientid__index *index, struct clientid__index_table *table,
                  void *object)
{
    uint64_t hash = index->hash(index->self, object);
    uint64_t i = hash & table->mask;

    while (atomic_load_explicit(&table->slots[i], memory_order_relaxed) != 0)
        i = (i + 1) & table->mask;
    /* Relaxed: nobody reads this table before it is published, with release. */
    atomic_store_explicit(&table->slots[i], slot_of(hash, object), memory_order_relaxed);
}

/*
 * Fills a table that no reader has yet.  Each object must be read for its hash; fetching some ahead makes the misses
 * overlap, else they are most of the time that loading a million takes.
 */
static void fill(const struct clientid__index *index, struct clientid__index_table *table)
{
    void *ahead[FETCH_AHEAD] = {NULL}, *object;
    uint64_t at = 0;
    size_t n = 0;

    while ((object = clientid__index_each(index, &at)) != NULL) {
        void **next = &ahead[n++ % FETCH_AHEAD];

        __builtin_prefetch(object);
        __builtin_prefetch((char *)object + 64);
        if (*next != NULL)
            place(index, table, *next);
        *next = object;
    }
    for (size_t i = 0; i < FETCH_AHEAD; i++)
        if (ahead[i] != NULL)
            place(index, table, ahead[i]);
}

/* To a table of the right size for |count| more. */
static int move(struct clientid__index *index, uint64_t count)
{
    struct clientid__index_table *old = current(index), *table;
    uint64_t slots = SLOTS_MIN;

    /* Half full after the move, so that the next one is many additions away; those that are announced come on top. */
    while (slots < index->live * 2 || (index->live + count) * 10 > slots * 7)
        slots *= 2;
    table = new_table(index->mem, slots, index->small_pages);
    if (table == NULL)
        return CLIENTID_ERR_NOMEM;
    fill(index, table);
    index->used = index->live;
    index->moves++;
    /* Release: who finds the table finds all that was placed in it. */
    atomic_store_explicit(&index->table, table, memory_order_release);
    /* The allocator is the gateway's and outlives the epoch domain; it is const only to those who call it. */
    clientid__epoch_retire(index->epoch, release_table, (void *)(uintptr_t)index->mem, old);
    (void)clientid__epoch_reclaim(
        index->epoch); /* megabytes should not wait for more to be retired */
    return 0;
}

int clientid__index_reserve(struct clientid__index *index, uint64_t count)
{
    if ((index->used + count) * 10 <= (current(index)->mask + 1) * 7)
        return 0;
    return move(index, count);
}

void clientid__index_trim(struct clientid__index *index)
{
    uint64_t slots = current(index)->mask + 1;

    /* Without memory it stays as it is; four times as many or as few are needed for the next move. */
    if (slots >= TRIM_LEAST && index->live * 16 < slots)
        (void)move(index, 0);
}

void clientid__index_add(struct clientid__index *index, uint64_t hash, void *object)
{
    struct clientid__index_table *table = current(index);
    uint64_t i = hash & table->mask;
    uint64_t slot;

    while ((slot = atomic_load_explicit(&table->slots[i], memory_order_relaxed)) >
           CLIENTID__INDEX_TOMBSTONE)
        i = (i + 1) & table->mask;
    index->live++;
    index->used += slot == 0;
    /* Release: who finds the object finds what was written into it. */
    atomic_store_explicit(&table->slots[i], slot_of(hash, object), memory_order_release);
}

static uint64_t position(const struct clientid__index *index, uint64_t hash, const void *object)
{
    const struct clientid__index_table *table = current(index);
    uint64_t i = hash & table->mask;

    while (atomic_load_explicit(&table->slots[i], memory_order_relaxed) != slot_of(hash, object))
        i = (i + 1) & table->mask;
    return i;
}

void clientid__index_replace(struct clientid__index *index, uint64_t hash, const void *old,
                             void *object)
{
    /* Release, as in add; the epoch that retires |old| begins after it. */
    atomic_store_explicit(&current(index)->slots[position(index, hash, old)], slot_of(hash, object),
                          memory_order_release);
}

void clientid__index_remove(struct clientid__index *index, uint64_t hash, const void *old)
{
    struct clientid__index_table *table = current(index);
    uint64_t i = position(index, hash, old);

    index->live--;
    /* A tombstone publishes nothing, nor does an empty slot: release only keeps them in the writer's order. */
    atomic_store_explicit(&table->slots[i], CLIENTID__INDEX_TOMBSTONE, memory_order_release);
    /* Nothing was ever placed past an empty slot: tombstones in front of one end no walk too early. */
    if (atomic_load_explicit(&table->slots[(i + 1) & table->mask], memory_order_relaxed) != 0)
        return;
    while (atomic_load_explicit(&table->slots[i], memory_order_relaxed) ==
           CLIENTID__INDEX_TOMBSTONE) {
        atomic_store_explicit(&table->slots[i], 0, memory_order_release);
        index->used--;
        i = (i - 1) & table->mask;
    }
}

void *clientid__index_each(const struct clientid__index *index, uint64_t *at)
{
    const struct clientid__index_table *table = current(index);

    while (*at <= table->mask) {
        uint64_t slot = atomic_load_explicit(&table->slots[(*at)++], memory_order_relaxed);

        if (slot > CLIENTID__INDEX_TOMBSTONE)
            return (void *)(uintptr_t)(slot & CLIENTID__INDEX_OBJECT);
    }
    return NULL;
}

uint64_t clientid__index_bytes(const struct clientid__index *index)
{
    return table_bytes(current(index)->mask + 1);
}
