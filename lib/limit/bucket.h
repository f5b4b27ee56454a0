/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__BUCKET_H
#define CLIENTID__BUCKET_H

#include "limit/cell.h"

/*
 * 32 entries of 16 bytes: the bucket's control, its note, 30 cells.  A key lives in its own bucket only, in at most
 * one cell, at or after the entry where its search begins and before the first cell that was never used.
 */
#define CLIENTID__BUCKET_ENTRIES 32
#define CLIENTID__BUCKET_CONTROL 0
#define CLIENTID__BUCKET_NOTE    1
#define CLIENTID__BUCKET_FIRST   2 /* cell */
#define CLIENTID__BUCKET_CELLS   (CLIENTID__BUCKET_ENTRIES - CLIENTID__BUCKET_FIRST)

/* Where a key is looked for. */
struct clientid__place {
    union clientid__cell *bucket;
    unsigned begin;    /* entry; the first of a cache line */
    uint64_t identity; /* clientid__cell_identity */
};

/* The key's cell as it is now, or NULL; sets |*seen| when there is one. */
union clientid__cell *clientid__bucket_find(const struct clientid__place *place,
                                            union clientid__cell *seen);

/*
 * The key's cell, claimed if there was none.  NULL: every cell is live at |now_ns| (or others were faster many times in
 * a row).  The cell may be lost again to another claim until it is charged.
 */
union clientid__cell *clientid__bucket_claim(const struct clientid__place *place, uint64_t now_ns);

/* Ends a claim that was begun, whoever began it; false: there is none. */
bool clientid__bucket_settle(const struct clientid__place *place);
/* Empties |cell|, whatever it holds, if it is still as |seen|. */
bool clientid__bucket_evict(const struct clientid__place *place, union clientid__cell *cell,
                            union clientid__cell seen);

/*
 * The note: until when a key of this bucket may have spent something in an overflow cell.  Kept apart for each bucket,
 * or one full bucket would let every new client of a rule begin with what a few others had spent.
 */
static inline bool clientid__bucket_overflowed(const struct clientid__place *place, uint64_t now_ns)
{
    return clientid__cell_word(place->bucket + CLIENTID__BUCKET_NOTE, 0) > now_ns;
}
void clientid__bucket_note(const struct clientid__place *place, uint64_t until_ns);

#endif
