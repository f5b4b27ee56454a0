/* SPDX-License-Identifier: Apache-2.0 */
/* No key ever has two cells, and whoever dies at any instruction leaves a bucket that works. */
#include "limit/bucket.h"

/*
 * Two cells for one key would double its budget.  The control {number x 32 + entry, cell word} makes claims one after
 * the other without a lock:
 *
 *   1. Read the control.  If a claim is pending (entry != 0), complete it and begin anew.
 *   2. Search the bucket for the key.  Choose an empty cell.  If there is none, take an expired one: advance the
 *      control to a number of one's own, swap the cell as read for {0, that number}, begin anew.
 *   3. Swap the control for {number + 1, entry, first word of the key}.  Keys appear only through claims, so success
 *      means that none appeared since 1, and that the key is still absent.
 *   4. Anybody completes: read the cell; if it is empty and the claim still pending, swap it, as read, for the key
 *      with virgin state; once it is not empty, swap the control for {number + 2, no entry}.
 *
 * A helper that comes late finds another value than it read: the stamp in an empty cell is the number of its
 * eviction, the word of a virgin cell the number of its claim, and no number is used twice.  The claim is closed only
 * after the cell was seen not empty, so nobody can fill it for that claim later.  An eviction that comes late hits a
 * cell with the very bits it read: expired or virgin, so nothing is lost.  Only a cell that is evicted, claimed by
 * the same key and charged to the same nanosecond again, after the clock was set back, could deceive.
 *
 * Every step needs nothing from the process that began the claim, so its death does not matter.
 */
#define ENTRY_BITS 5
#define ENTRY_MASK (CLIENTID__BUCKET_ENTRIES - 1U)
#define ATTEMPTS   64 /* lost to other claims in a row; then the key is served by the overflow cell */

/* Rounds in which whoever claimed a cell may charge it, before the cell is taken for that of a dead process. */
#ifndef CLIENTID__PATIENCE
#define CLIENTID__PATIENCE 8
#endif

/* The numbers never return, so an unchanged first word vouches for the second. */
static union clientid__cell control_of(const struct clientid__place *place)
{
    return clientid__cell_read(place->bucket);
}

static bool control_advance(const struct clientid__place *place, union clientid__cell control,
                            unsigned entry, uint64_t first_word, uint64_t *number)
{
    union clientid__cell next;

    *number = (control.word[0] >> ENTRY_BITS) + 1;
    next = (union clientid__cell){.word = {*number << ENTRY_BITS | entry, first_word}};
    return clientid__cell_swap(place->bucket, control, next);
}

static void complete(const struct clientid__place *place, union clientid__cell control)
{
    union clientid__cell *cell = place->bucket + (control.word[0] & ENTRY_MASK);
    union clientid__cell seen = clientid__cell_read(cell);
    union clientid__cell claimed = {.word = {control.word[1], control.word[0] >> ENTRY_BITS}};
    uint64_t number;

    if (clientid__cell_word(place->bucket, 0) != control.word[0])
        return;
    if (seen.word[0] == 0 && !clientid__cell_swap(cell, seen, claimed))
        return; /* somebody else did; the next round closes the claim */
    control_advance(place, control, 0, 0, &number);
}

/* What a search of the whole bucket found. */
struct survey {
    union clientid__cell *found;
    union clientid__cell *empty;
    union clientid__cell *expired;
    union clientid__cell as_read; /* of |expired| */
};

/* A virgin cell is somebody's who is about to charge it: taken only if there is no other. */
static bool better_to_evict(const struct survey *s, union clientid__cell seen)
{
    return s->expired == NULL || (clientid__cell_is_virgin(s->as_read.word[0]) &&
                                  !clientid__cell_is_virgin(seen.word[0]));
}

/* Clocks of processes differ: a cell that has just expired here may be live for another. */
static bool long_expired(union clientid__cell seen, uint64_t now_ns)
{
    uint64_t expiry_ns = clientid__cell_expiry_ns(seen);

    return expiry_ns == 0 || clientid__add_sat(expiry_ns, CLIENTID__SKEW_NS) <= now_ns;
}

static struct survey search(const struct clientid__place *place, uint64_t now_ns)
{
    struct survey s = {0};

    for (unsigned i = 0; i < CLIENTID__BUCKET_ENTRIES; i++) {
        unsigned entry = (place->begin + i) & ENTRY_MASK;
        union clientid__cell *cell = place->bucket + entry;
        union clientid__cell seen;

        if (entry < CLIENTID__BUCKET_FIRST)
            continue;
        seen = clientid__cell_read(cell);
        if (clientid__cell_identity_of(seen.word[0]) == place->identity) {
            s.found = cell;
            break;
        }
        if (seen.word[0] == 0) {
            s.empty = s.empty != NULL ? s.empty : cell;
            if (seen.word[1] == 0)
                break; /* never used: the key cannot be further on */
        } else if (long_expired(seen, now_ns) && better_to_evict(&s, seen)) {
            s.expired = cell;
            s.as_read = seen;
        }
    }
    return s;
}

union clientid__cell *clientid__bucket_find(const struct clientid__place *place,
                                            union clientid__cell *seen)
{
    for (unsigned i = 0; i < CLIENTID__BUCKET_ENTRIES; i++) {
        unsigned entry = (place->begin + i) & ENTRY_MASK;
        union clientid__cell *cell = place->bucket + entry;
        uint64_t first;

        if (entry < CLIENTID__BUCKET_FIRST)
            continue;
        first = clientid__cell_word(cell, 0);
        if (clientid__cell_identity_of(first) == place->identity) {
            *seen = clientid__cell_read(cell);
            if (clientid__cell_identity_of(seen->word[0]) == place->identity)
                return cell;
        } else if (first == 0 && clientid__cell_word(cell, 1) == 0) {
            return NULL; /* never used */
        }
    }
    return NULL;
}

/* One round of steps 1 to 3; true when |*cell| is the answer, NULL included. */
static bool claim_once(const struct clientid__place *place, uint64_t now_ns, bool patient,
                       union clientid__cell **cell)
{
    union clientid__cell control = control_of(place);
    struct survey s;
    uint64_t number;

    if ((control.word[0] & ENTRY_MASK) != 0) {
        complete(place, control);
        return false;
    }
    s = search(place, now_ns);
    *cell = s.found;
    if (s.found != NULL || (s.empty == NULL && s.expired == NULL))
        return true;
    if (s.empty != NULL)
        control_advance(place, control, (unsigned)(s.empty - place->bucket),
                        place->identity << CLIENTID__EXTRA_BITS | CLIENTID__EXTRA_MAX, &number);
    else if (!(patient && clientid__cell_is_virgin(s.as_read.word[0])) &&
             control_advance(place, control, 0, 0, &number))
        clientid__cell_swap(s.expired, s.as_read, (union clientid__cell){.word = {0, number}});
    return false;
}

union clientid__cell *clientid__bucket_claim(const struct clientid__place *place, uint64_t now_ns)
{
    union clientid__cell *cell = NULL;

    for (int i = 0; i < ATTEMPTS; i++)
        if (claim_once(place, now_ns, i < CLIENTID__PATIENCE, &cell))
            return cell;
    return NULL;
}

bool clientid__bucket_settle(const struct clientid__place *place)
{
    union clientid__cell control = control_of(place);

    if ((control.word[0] & ENTRY_MASK) == 0)
        return false;
    complete(place, control);
    return true;
}

/* As step 2 does with an expired one. */
bool clientid__bucket_evict(const struct clientid__place *place, union clientid__cell *cell,
                            union clientid__cell seen)
{
    union clientid__cell control = control_of(place);
    uint64_t number;

    return (control.word[0] & ENTRY_MASK) == 0 && control_advance(place, control, 0, 0, &number) &&
           clientid__cell_swap(cell, seen, (union clientid__cell){.word = {0, number}});
}

void clientid__bucket_note(const struct clientid__place *place, uint64_t until_ns)
{
    uint64_t *note = &place->bucket[CLIENTID__BUCKET_NOTE].word[0];
    /* Relaxed, also where another has noted as much: the charge that follows is a full barrier. */
    uint64_t noted = __atomic_load_n(note, __ATOMIC_RELAXED);

    while (noted < until_ns && !__atomic_compare_exchange_n(note, &noted, until_ns, true,
                                                            __ATOMIC_SEQ_CST, __ATOMIC_RELAXED))
        continue;
}
