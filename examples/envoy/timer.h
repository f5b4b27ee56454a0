/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENVOY_TIMER_H
#define ENVOY_TIMER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A wait that ends with an event on the stream's own thread, through |scheduler|.  Zero-initialise. */
struct timer {
    uint64_t due_ns; /* CLOCK_MONOTONIC */
    size_t place;    /* in the heap, from 1; 0: not waiting */
    void *scheduler;
};

/*
 * Starts the one thread of the process, unless it runs; it blocks all signals.  |every_second| is called on it.  False when
 * there can be none.
 */
bool timer_thread(void (*every_second)(void));
/* False when memory ended or there is no thread. */
bool timer_set(struct timer *timer, uint64_t wait_ns);
/* After it the thread does not touch |timer| or its scheduler any more. */
void timer_clear(struct timer *timer);

#endif
