/* SPDX-License-Identifier: Apache-2.0 */
/* A binary heap: no timer is due before its parent. */
#include "timer.h"

#include <stdlib.h>
#include <time.h>

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t monotonic_ns(void)
{
    return clock_ns(CLOCK_MONOTONIC);
}

uint64_t realtime_ns(void)
{
    return clock_ns(CLOCK_REALTIME);
}

static void put(struct timers *timers, size_t place, struct timer *timer)
{
    timers->heap[place] = timer;
    timer->place = place;
}

static void rise(struct timers *timers, struct timer *timer)
{
    size_t place = timer->place;
    while (place > 1 && timers->heap[place / 2]->due_ns > timer->due_ns) {
        put(timers, place, timers->heap[place / 2]);
        place /= 2;
    }
    put(timers, place, timer);
}

static void sink(struct timers *timers, struct timer *timer)
{
    size_t place = timer->place;
    for (;;) {
        size_t child = place * 2;
        if (child < timers->count && timers->heap[child + 1]->due_ns < timers->heap[child]->due_ns)
            child++;
        if (child > timers->count || timers->heap[child]->due_ns >= timer->due_ns)
            break;
        put(timers, place, timers->heap[child]);
        place = child;
    }
    put(timers, place, timer);
}

bool timer_set(struct timers *timers, struct timer *timer, uint64_t due_ns)
{
    timer_clear(timers, timer);
    if (timers->count + 1 >= timers->cap) {
        size_t cap = timers->cap != 0 ? timers->cap * 2 : 64;
        struct timer **heap = realloc(timers->heap, cap * sizeof(struct timer *));
        if (heap == NULL)
            return false;
        timers->heap = heap;
        timers->cap = cap;
    }
    timer->due_ns = due_ns;
    put(timers, ++timers->count, timer);
    rise(timers, timer);
    return true;
}

void timer_clear(struct timers *timers, struct timer *timer)
{
    size_t place = timer->place;
    if (place == 0)
        return;
    struct timer *last = timers->heap[timers->count--];
    timer->place = 0;
    if (last == timer)
        return;
    put(timers, place, last);
    rise(timers, last);
    sink(timers, last);
}

uint64_t timers_run(struct timers *timers, uint64_t now_ns)
{
    while (timers->count != 0 && timers->heap[1]->due_ns <= now_ns) {
        struct timer *timer = timers->heap[1];
        timer_clear(timers, timer);
        timer->fire(timer);
    }
    return timers->count != 0 ? timers->heap[1]->due_ns : UINT64_MAX;
}

void timers_free(struct timers *timers)
{
    free(timers->heap);
    *timers = (struct timers){.heap = NULL};
}
