/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__CELL_H
#define CLIENTID__CELL_H

#include "limit/algorithm.h"

/*
 * A cell is 16 bytes {identity and extra, word}, changed only as a whole by compare-and-swap.  Whoever holds a
 * cell that was meanwhile given to another key fails its swap and looks again; no generation is needed.
 *
 *   word[0]   40 bits of the key, 2 bits of algorithm, 22 bits of extra state; 0: the cell is empty
 *   word[1]   state, which begins with a time; of an empty cell the stamp of its last eviction, 0: never used
 */
#if !defined(__GCC_HAVE_SYNC_COMPARE_AND_SWAP_16) && !defined(__aarch64__)
#error "cells need a 16-byte compare-and-swap: build with -mcx16 on x86-64"
#endif

__extension__ typedef unsigned __int128 clientid__pair;

union clientid__cell {
    clientid__pair whole;
    uint64_t word[2];
};

#define CLIENTID__TAG_SHIFT 24 /* the key's bits above it are the tag */

/* A test that defines this lets other threads go on before a load or swap of |cell|. */
#ifndef CLIENTID__STEP
#define CLIENTID__STEP(cell, swap) ((void)0)
#endif

/* Acquire: looks at cells happen in the order they are written in, on arm64 too; the protocols of bucket.c and decide.c need that. */
static inline uint64_t clientid__cell_word(const union clientid__cell *cell, int which)
{
    CLIENTID__STEP(cell, 0);
    return __atomic_load_n(&cell->word[which], __ATOMIC_ACQUIRE);
}

/*
 * Both words as they stood together at one moment, unless both changed and changed back in between; good enough
 * to refuse on.  The loads keep their order, and a swap stores both words at once: between the first load of the second
 * word and the second load of the first, both held.  Ends: memory that differs between two reads was changed by somebody who thereby got on.
 */
static inline union clientid__cell clientid__cell_read(const union clientid__cell *cell)
{
    uint64_t first = clientid__cell_word(cell, 0);
    uint64_t second = clientid__cell_word(cell, 1);

    for (;;) {
        uint64_t again = clientid__cell_word(cell, 0);
        uint64_t after = clientid__cell_word(cell, 1);

        if (again == first && after == second)
            return (union clientid__cell){.word = {first, second}};
        first = again;
        second = after;
    }
}

/*
 * A full barrier when it succeeds: who charges an overflow cell and then looks for the key, and who claims a cell and then
 * looks at note and overflow cell, cannot both miss the other.  When it fails, at least an acquire load: arm64's casp is no
 * more then.  Lock-free: cmpxchg16b; on arm64 casp, or ldxp and stlxp where the processor has none.
 */
static inline bool clientid__cell_swap(union clientid__cell *cell, union clientid__cell from,
                                       union clientid__cell to)
{
    CLIENTID__STEP(cell, 1);
    return __sync_bool_compare_and_swap(&cell->whole, from.whole, to.whole);
}

/* What word[0] of the key's cell holds above the extra bits.  Never 0. */
static inline uint64_t clientid__cell_identity(const uint64_t key[2], clientid_algorithm algorithm)
{
    uint64_t tag = key[1] >> CLIENTID__TAG_SHIFT;

    return (tag != 0 ? tag : 1) << 2 | ((uint64_t)algorithm & 3);
}

static inline uint64_t clientid__cell_identity_of(uint64_t first_word)
{
    return first_word >> CLIENTID__EXTRA_BITS;
}

/* Claimed, and not charged yet; word[1] is then the number of the claim. */
static inline bool clientid__cell_is_virgin(uint64_t first_word)
{
    return first_word != 0 && (first_word & CLIENTID__EXTRA_MAX) == CLIENTID__EXTRA_MAX;
}

static inline struct clientid__state clientid__cell_state(union clientid__cell cell)
{
    return (struct clientid__state){.word = cell.word[1],
                                    .extra = (uint32_t)(cell.word[0] & CLIENTID__EXTRA_MAX)};
}

static inline union clientid__cell clientid__cell_make(uint64_t identity,
                                                       struct clientid__state state)
{
    return (union clientid__cell){
        .word = {identity << CLIENTID__EXTRA_BITS | state.extra, state.word}};
}

/* When the cell equals an absent one; told from its bits alone, since an evictor knows no rule. */
static inline uint64_t clientid__cell_expiry_ns(union clientid__cell cell)
{
    if (clientid__cell_is_virgin(cell.word[0]))
        return 0;
    return clientid__state_expiry_ns((unsigned)clientid__cell_identity_of(cell.word[0]) & 3,
                                     clientid__cell_state(cell));
}

#endif
