/* SPDX-License-Identifier: Apache-2.0 */
/* Single decisions, each timed: what the slowest of a thousand takes.  The clock's own cost is subtracted. */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>

enum { TURNS = 4 };

static int by_size(const void *a, const void *b)
{
    const uint32_t x = *(const uint32_t *)a, y = *(const uint32_t *)b;

    return (x > y) - (x < y);
}

static void report(const char *who, size_t clients, uint32_t *times, size_t count, uint32_t cost,
                   double scale)
{
    static const struct {
        const char *name;
        size_t of_ten_thousand;
    } points[] = {{"p50", 5000}, {"p99", 9900}, {"p99.9", 9990}, {"worst", 10000}};
    char name[40];

    qsort(times, count, sizeof(*times), by_size);
    for (size_t i = 0; i < 4; i++) {
        uint32_t took = times[(count - 1) * points[i].of_ten_thousand / 10000];

        snprintf(name, sizeof(name), "%s %s", who, points[i].name);
        result("tail", name, clients, "ns", (took > cost ? took - cost : 0) / scale);
    }
}

void measure_tail(struct subject *s, const struct requests *requests, struct floor *floor)
{
    const struct floor_work work = {BY_QUERY, ALLOWED, 1};
    size_t count = requests->count / 4, clients = s->population.clients, wrong = 0;
    uint32_t *times[2] = {need_memory(requests->count * 4), need_memory(requests->count * 4)};
    uint32_t cost = ticks_cost();
    double scale = ticks_per_ns();
    volatile uint64_t sink = 0;

    for (size_t turn = 0; turn < TURNS; turn++) {
        wrong +=
            decide_timed(s, 0, requests, turn * count, count, s->now_ns, times[0] + turn * count);
        s->now_ns += count * 1000;
        for (size_t i = turn * count; i < (turn + 1) * count; i++) {
            uint64_t start = ticks();

            sink ^= floor_run(floor, &work, requests, i, 1, s->now_ns);
            times[1][i] = (uint32_t)(ticks() - start);
        }
    }
    (void)sink;
    if (wrong > 0)
        result_void("tail", "decision", clients, wrong);
    result("tail", "clock (subtracted)", clients, "ns", cost / scale);
    report("decision", clients, times[0], requests->count, cost, scale);
    report("floor", clients, times[1], requests->count, cost, scale);
    free_memory(times[0], requests->count * 4);
    free_memory(times[1], requests->count * 4);
}
