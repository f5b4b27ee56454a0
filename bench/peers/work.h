/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_PEERS_WORK_H
#define BENCH_PEERS_WORK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* The work that every driver does, in whatever language: the same keys, the same order, the same limits. */

enum {
    KEY_LEN = 32, /* hexadecimal digits */
    WORK_THREADS_MAX = 2,
    WORK_REQUESTS = 1000000, /* of the limit that all requests pass, in a minute */
    WORK_PERIOD_US = 60,     /* a minute over that */
    WORK_TINY = 3,           /* of the limit that must refuse, in an hour */
    WORK_TINY_ASKED = 10
};

struct work {
    char (*keys)[KEY_LEN];
    size_t count;
    uint32_t *order; /* which key each decision is about */
    size_t decisions;
};

void work_write_keys(const char *name, size_t count);
/* Reads the keys and draws the order; exits when it cannot. */
struct work work_read(const char *name, size_t decisions);
void work_free(struct work *work);

/* One thread's share: |decide| makes |count| decisions from |begin| on, around the end, and returns how many were allowed. */
struct share {
    size_t (*decide)(struct share *);
    void *driver;
    const struct work *work;
    size_t begin, count;
    size_t allowed;
    unsigned thread;
};

/* Runs |decide| in 1 and in 2 threads, |count| decisions each, and prints a line for each. */
void work_measure(const char *name, const char *version, const struct work *work,
                  size_t (*decide)(struct share *), void *driver, size_t count);
/* A peer that does not refuse is no limiter: exits unless exactly the tiny limit was allowed. */
void work_check_tiny(const char *name, size_t allowed);
uint64_t work_clock_ns(void);

#endif
