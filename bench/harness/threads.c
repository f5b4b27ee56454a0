/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One thread and two, in turns: on different contracts, and both on one.  On a machine with other users two threads may
 * never have two processors at once, so how the work scales is told by processor time: nothing here ever sleeps, so what
 * threads cost each other is time on a processor.
 */
#include "bench.h"

#include <pthread.h>
#include <stdio.h>

enum { TURNS = 9 };

struct share {
    struct subject *subject;
    const struct requests *requests;
    pthread_barrier_t *start;
    size_t worker, begin, count, wrong;
    uint64_t clock_ns, cpu_ns; /* that it took */
};

static void *decide(void *argument)
{
    struct share *share = argument;

    pthread_barrier_wait(share->start);
    share->clock_ns = clock_ns();
    share->cpu_ns = cpu_ns();
    share->wrong = decide_run(share->subject, share->worker, share->requests, ALLOWED, share->begin,
                              share->count, share->subject->now_ns);
    share->cpu_ns = cpu_ns() - share->cpu_ns;
    share->clock_ns = clock_ns() - share->clock_ns;
    return NULL;
}

struct rate {
    double clock, cpu; /* million decisions a second; what a processor each would make of it */
};

/* |n| threads, each with its own part of the list. */
static struct rate rate(struct subject *s, const struct requests *requests, size_t n, size_t count,
                        size_t *wrong)
{
    pthread_barrier_t start;
    pthread_t threads[2];
    struct share shares[2];
    struct rate sum = {0, 0};

    pthread_barrier_init(&start, NULL, (unsigned)n);
    for (size_t i = 0; i < n; i++) {
        shares[i] = (struct share){.subject = s,
                                   .requests = requests,
                                   .start = &start,
                                   .worker = i,
                                   .begin = i * requests->count / 2,
                                   .count = count};
        need(pthread_create(&threads[i], NULL, decide, &shares[i]) != 0 ? CLIENTID_ERR_NOMEM : 0,
             "thread", NULL);
    }
    for (size_t i = 0; i < n; i++) {
        pthread_join(threads[i], NULL);
        *wrong += shares[i].wrong;
        sum.clock += (double)count / (double)shares[i].clock_ns * 1e3;
        sum.cpu += (double)count / (double)shares[i].cpu_ns * 1e3;
    }
    pthread_barrier_destroy(&start);
    s->now_ns += count * 1000;
    return sum;
}

static void report(const char *name, const char *what, size_t clients, const char *unit,
                   struct spread value)
{
    struct figure figure = {.section = "threads", .clients = clients, .unit = unit, .value = value};

    snprintf(figure.name, sizeof(figure.name), "%s, %s", name, what);
    result_figure(&figure);
}

static void scale(struct subject *s, const struct requests *requests, const char *what,
                  double at_least)
{
    double one[TURNS], two[TURNS], ratio[TURNS];
    size_t count = options.quick ? 1 << 12 : 1 << 16, turns = options.quick ? 3 : TURNS, wrong = 0;
    size_t clients = s->population.clients;
    struct spread times;
    char text[80], size[16];

    for (size_t r = 0; r < turns; r++) {
        struct rate single = rate(s, requests, 1, count, &wrong);
        struct rate both = rate(s, requests, 2, count, &wrong);

        one[r] = single.clock;
        two[r] = both.clock;
        ratio[r] = both.cpu / single.cpu;
    }
    if (wrong > 0)
        result_void("threads", what, clients, wrong);
    times = spread_of(ratio, turns);
    report("1 thread", what, clients, "M/s", spread_of(one, turns));
    report("2 threads", what, clients, "M/s", spread_of(two, turns));
    report("2 / 1 by processor time", what, clients, "x", times);
    if (at_least <= 0)
        return;
    size_text(clients, size);
    snprintf(text, sizeof(text), "%s clients: two threads, %s", size, what);
    target(text, "x one", times.median, at_least, true);
}

void measure_threads(struct subject *s, const struct requests *many, const struct requests *one)
{
    scale(s, many, "many contracts", 1.9);
    scale(s, one, "one contract", 0);
}
