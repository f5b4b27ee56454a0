/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include <stdlib.h>
#include <time.h>

static uint64_t read_clock(clockid_t clock)
{
    struct timespec t;

    clock_gettime(clock, &t);
    return (uint64_t)t.tv_sec * 1000000000 + (uint64_t)t.tv_nsec;
}

uint64_t clock_ns(void)
{
    return read_clock(CLOCK_MONOTONIC);
}

uint64_t wall_ns(void)
{
    return read_clock(CLOCK_REALTIME);
}

uint64_t cpu_ns(void)
{
    return read_clock(CLOCK_THREAD_CPUTIME_ID);
}

uint64_t ticks(void)
{
#if defined(__x86_64__)
    unsigned ignored;

    /* Waits for what came before, so a decision cannot run past the end of its own measurement. */
    return __builtin_ia32_rdtscp(&ignored);
#else
    return clock_ns();
#endif
}

double ticks_per_ns(void)
{
    uint64_t ns = clock_ns(), at = ticks();

    while (clock_ns() - ns < 20000000)
        ;
    return (double)(ticks() - at) / (double)(clock_ns() - ns);
}

static int by_size(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

uint32_t ticks_cost(void)
{
    uint32_t cost[1001];

    for (size_t i = 0; i < 1001; i++) {
        uint64_t start = ticks();

        cost[i] = (uint32_t)(ticks() - start);
    }
    qsort(cost, 1001, sizeof(cost[0]), by_size);
    return cost[500];
}

void pause_ns(uint64_t ns)
{
    struct timespec t = {(time_t)(ns / 1000000000), (long)(ns % 1000000000)};

    nanosleep(&t, NULL);
}
