/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__BACKOFF_H
#define CLIENTID__BACKOFF_H

#include <stdint.h>

/*
 * How long to wait after a failure: doubles from |base_ns| up to |most_ns|, and each wait is drawn from the
 * upper half, so that gateways that failed together do not come back together.
 */
struct clientid__backoff {
    uint64_t base_ns;
    uint64_t most_ns;
    uint64_t seed;     /* another one for each process */
    uint64_t draws;    /* so far */
    uint32_t failures; /* in a row */
};

/* Counts a failure; returns the wait. */
uint64_t clientid__backoff_wait(struct clientid__backoff *backoff);
/* The next failure is the first again. */
void clientid__backoff_reset(struct clientid__backoff *backoff);

#endif
