/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_PORTAL_H
#define BENCH_PORTAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What clientid-portal sustains: see bench/README.md. */

#define BENCH_ORGANIZATION "b5e4ac58-0001-4000-8000-0123456789ab"
#define BENCH_ENVIRONMENT  "b5e4ac58-0002-4000-8000-0123456789ab"
#define BENCH_TOKEN_BYTES  65

/* ---- subject.c: the portal, and a store with something in it ------------------------------------ */

struct subject {
    char folder[256];
    pid_t pid;
    unsigned port;
    char token[BENCH_TOKEN_BYTES];         /* of an administrator */
    char reader_id[64], reader_secret[64]; /* of a Connected App that reads the feed */
    uint64_t api;                          /* "orders", with the tiers below */
    uint64_t automatic, manual;            /* tiers */
    size_t applications;                   /* ids 1 to that, each with a contract */
};

/* Makes the store in |folder| (which must exist) and starts |program|.  Exits with a message when it cannot. */
void subject_start(struct subject *subject, const char *program, const char *folder,
                   size_t applications);
void subject_stop(struct subject *subject);
/* Resident memory of the process: now, and at its peak. */
void subject_memory(const struct subject *subject, double *now_mib, double *peak_mib);

/* ---- load.c: requests at a steady rate ---------------------------------------------------------- */

struct latency {
    size_t count, failed; /* failed: not the status that was due */
    double p50_ms, p99_ms, p999_ms, max_ms;
    double rate; /* answers a second */
};

/*
 * |reads| and |writes| a second for |seconds|, whether answers come or not: a request's time counts from when it was due, so a portal that
 * stalls is not spared.
 */
void load_run(const struct subject *subject, double reads, double writes, double seconds,
              struct latency *read, struct latency *write);

/* ---- feed.c ------------------------------------------------------------------------------------- */

struct feed {
    size_t contracts, pages;
    uint64_t bytes;
    double seconds;
};

/* All contracts, as a new gateway reads them. */
struct feed feed_run(const struct subject *subject);

/* ---- follow.c ----------------------------------------------------------------------------------- */

struct follow {
    double first_s;           /* until a new gateway has all contracts in force */
    double median_ms, max_ms; /* from the answer to a revocation, or its end, to other decisions */
};

/* A gateway of the library in this process, which syncs from the portal. */
struct follow follow_run(const struct subject *subject);

double seconds_now(void);
void die(const char *what);

#endif
