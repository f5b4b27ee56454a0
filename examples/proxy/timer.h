/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROXY_TIMER_H
#define PROXY_TIMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Nanoseconds of CLOCK_MONOTONIC and CLOCK_REALTIME. */
uint64_t monotonic_ns(void);
uint64_t realtime_ns(void);

struct timer {
    uint64_t due_ns; /* CLOCK_MONOTONIC */
    void (*fire)(struct timer *timer);
    size_t place; /* in the heap, from 1; 0: not set */
};

struct timers {
    struct timer **heap; /* heap[0] is not used */
    size_t count;
    size_t cap;
};

/* Sets or moves a timer.  False when memory ended; it is then not set. */
bool timer_set(struct timers *timers, struct timer *timer, uint64_t due_ns);
void timer_clear(struct timers *timers, struct timer *timer);

/* Fires what is due; returns when the next one is, UINT64_MAX for never. */
uint64_t timers_run(struct timers *timers, uint64_t now_ns);
void timers_free(struct timers *timers);

#endif
