/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__TALLY_H
#define CLIENTID__TALLY_H

#include <clientid/check.h>

#include <stdatomic.h>
#include <stdbool.h>

/*
 * Counters in memory that a process shares with those it forks later: a slot for each worker, in it a row for each API
 * instance.  A slot has one writer at a time, so nobody needs a locked instruction to count; what it holds outlives the
 * writer, however that one ends.
 */

/* Written by one worker only, read by metrics: relaxed loads and stores, no locked instruction. */
struct clientid__counters {
    _Atomic uint64_t decisions[CLIENTID_REASON_COUNT];
    _Atomic uint64_t shadow[CLIENTID_REASON_COUNT]; /* what shadowed policies would have refused */
    char apart[64]; /* no cache line is shared with another worker's counters */
};

/* Upper bounds of the latency histogram's buckets; the last bucket has none. */
#define CLIENTID__LATENCY_BOUNDS_NS                                                                \
    {                                                                                              \
        100, 250, 500, 1000, 2500, 5000, 10000, 25000, 50000, 100000, 250000, 1000000              \
    }
#define CLIENTID__LATENCY_BUCKETS 13

struct clientid__latency {
    _Atomic uint64_t bucket[CLIENTID__LATENCY_BUCKETS];
    _Atomic uint64_t sum_ns;
};

/* What metrics add up. */
struct clientid__sums {
    uint64_t decisions[CLIENTID_REASON_COUNT];
    uint64_t shadow[CLIENTID_REASON_COUNT];
};
void clientid__sums_add(struct clientid__sums *sums, const struct clientid__counters *counters);

struct clientid__tally;
struct clientid__tally_slot;

enum { CLIENTID__TALLY_SLOTS_MAX = 65536 };

/* |rows|: API instances that a slot has room for.  CLIENTID_ERR_NOMEM. */
int clientid__tally_new(struct clientid__tally **out, const clientid_allocator *mem, uint32_t slots,
                        size_t rows);
/* Of this process; the others keep theirs. */
void clientid__tally_del(struct clientid__tally *tally);

/* A slot that is free or whose process is dead.  NULL: the workers of living processes have them all. */
struct clientid__tally_slot *clientid__tally_take(struct clientid__tally *tally);
/* Hands it back; what it counted stays.  Nothing happens in a child that inherited it. */
void clientid__tally_put(struct clientid__tally_slot *slot);

struct clientid__latency *clientid__tally_latency(struct clientid__tally_slot *slot);
/*
 * The row of |name|, up to 128 bytes, made if there is none; NULL when all rows have other names.  Names are found by
 * themselves, since processes number API instances each in an order of its own.
 */
struct clientid__counters *clientid__tally_row(const struct clientid__tally *tally,
                                               struct clientid__tally_slot *slot,
                                               clientid_str name);
/* True for what clientid__tally_row gave out. */
bool clientid__tally_holds(const struct clientid__tally *tally,
                           const struct clientid__counters *counters);

/* Sums over all slots, of the dead too. */
void clientid__tally_sum(const struct clientid__tally *tally, clientid_str name,
                         struct clientid__sums *sums);
uint64_t clientid__tally_bucket(const struct clientid__tally *tally, size_t bucket);
uint64_t clientid__tally_latency_ns(const struct clientid__tally *tally);
/*
 * Goes through the distinct names: |*at| is 0 at first and moves on.  False: there are no more.  A name lives as long
 * as the tally.
 */
bool clientid__tally_name(const struct clientid__tally *tally, size_t *at, clientid_str *name);

#endif
