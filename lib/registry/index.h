/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__INDEX_H
#define CLIENTID__INDEX_H

#include "base/epoch.h"

#include <stdbool.h>

/*
 * A set of objects found by hash.  One writer; a reader inside an epoch section sees every object that was in the set
 * all the time, and never a slot half written.
 *
 * Open addressing with linear probing.  A slot is 16 bits of the hash and a 48-bit address: an object is
 * visited only when the bits fit, so a look-up costs one memory miss for the slot and one for the object.
 */

struct clientid__index_table {
    uint64_t mask; /* slots - 1 */
    _Atomic uint64_t slots[];
};

/* Recomputes the hash an object was added with, to move it to a larger table. */
typedef uint64_t clientid__index_hash_fn(const void *self, const void *object);

struct clientid__index {
    struct clientid__index_table *_Atomic table;
    const clientid_allocator *mem;
    struct clientid__epoch *epoch;
    clientid__index_hash_fn *hash;
    const void *self;
    uint64_t live;    /* objects */
    uint64_t used;    /* slots that are not empty: objects and tombstones */
    uint64_t moves;   /* to another table */
    bool small_pages; /* no huge pages are asked for */
};

#define CLIENTID__INDEX_TOMBSTONE UINT64_C(1)
#define CLIENTID__INDEX_OBJECT    UINT64_C(0xffffffffffff)
#define CLIENTID__INDEX_ALIGNMENT 2 /* of objects at least, so that none looks like a tombstone */

int clientid__index_init(struct clientid__index *index, const clientid_allocator *mem,
                         struct clientid__epoch *epoch, clientid__index_hash_fn *hash,
                         const void *self);
/* No reader may be inside. */
void clientid__index_clear(struct clientid__index *index);

/* True when |object| has an address that a slot can hold. */
static inline bool clientid__index_fits(const void *object)
{
    return ((uintptr_t)object & ~(uintptr_t)CLIENTID__INDEX_OBJECT) == 0;
}

/* ---- readers --------------------------------------------------------------------------------- */

/* A walk over the objects whose hash may be |hash|. */
struct clientid__index_walk {
    const struct clientid__index_table *table;
    uint64_t hash;
    uint64_t at; /* the slot to look at next */
};

static inline struct clientid__index_walk clientid__index_begin(const struct clientid__index *index,
                                                                uint64_t hash)
{
    /* Acquire: the table is as it was published, or newer. */
    const struct clientid__index_table *table =
        atomic_load_explicit(&index->table, memory_order_acquire);

    return (struct clientid__index_walk){table, hash, hash};
}

/* The next one, or NULL when there are no more. */
static inline void *clientid__index_next(struct clientid__index_walk *walk)
{
    for (;;) {
        /*
         * Acquire: the object is as it was when it was put here.  Slots need no order among themselves: one in front of an
         * object that stays is not empty as long as that stays.
         */
        uint64_t slot = atomic_load_explicit(&walk->table->slots[walk->at++ & walk->table->mask],
                                             memory_order_acquire);

        if (slot == 0)
            return NULL;
        if ((slot ^ walk->hash) >> 48 == 0 && slot != CLIENTID__INDEX_TOMBSTONE)
            return (void *)(uintptr_t)(slot & CLIENTID__INDEX_OBJECT);
    }
}

/* An object that lies where |hash| would, or shortly behind; NULL when there is none.  As far away as that of |hash|. */
static inline void *clientid__index_near(const struct clientid__index *index, uint64_t hash)
{
    const struct clientid__index_table *table =
        atomic_load_explicit(&index->table, memory_order_acquire);

    for (uint64_t i = 0; i < 64; i++) {
        uint64_t slot =
            atomic_load_explicit(&table->slots[(hash + i) & table->mask], memory_order_acquire);

        if (slot > CLIENTID__INDEX_TOMBSTONE)
            return (void *)(uintptr_t)(slot & CLIENTID__INDEX_OBJECT);
    }
    return NULL;
}

static inline void clientid__index_prefetch(const struct clientid__index *index, uint64_t hash)
{
    const struct clientid__index_table *table =
        atomic_load_explicit(&index->table, memory_order_acquire);

    __builtin_prefetch((const char *)table + offsetof(struct clientid__index_table, slots) +
                       (hash & table->mask) * sizeof(uint64_t));
}

/* ---- the writer ------------------------------------------------------------------------------ */

/* Room for |count| additions, which then cannot fail.  0 or CLIENTID_ERR_NOMEM. */
int clientid__index_reserve(struct clientid__index *index, uint64_t count);
/* After clientid__index_reserve. */
void clientid__index_add(struct clientid__index *index, uint64_t hash, void *object);
/* |old| must be in the set; a reader finds the one or the other. */
void clientid__index_replace(struct clientid__index *index, uint64_t hash, const void *old,
                             void *object);
/* |old| must be in the set. */
void clientid__index_remove(struct clientid__index *index, uint64_t hash, const void *old);
/* Gives back what a table that is nearly empty has too much.  Takes back what was reserved. */
void clientid__index_trim(struct clientid__index *index);
/* All objects, in the order of slots: |*at| is 0 before the first; NULL after the last.  No change in between. */
void *clientid__index_each(const struct clientid__index *index, uint64_t *at);
/* Bytes of the table in use. */
uint64_t clientid__index_bytes(const struct clientid__index *index);

#endif
