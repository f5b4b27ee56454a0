/* SPDX-License-Identifier: Apache-2.0 */
/* One thread and two, in turns: on different contracts, and both on one. */
#include "bench.h"

#include <pthread.h>
#include <stdio.h>

enum { TURNS = 9 };

struct share {
    struct subject *subject;
    const struct requests *requests;
    pthread_barrier_t *start;
    size_t worker, begin, count, wrong;
    uint64_t began_ns, ended_ns;
};

static void *decide(void *argument)
{
    struct share *share = argument;

    pthread_barrier_wait(share->start);
    share->began_ns = clock_ns();
    share->wrong = decide_run(share->subject, share->worker, share->requests, ALLOWED, share->begin,
                              share->count, share->subject->now_ns);
    share->ended_ns = clock_ns();
    return NULL;
}

/* Million decisions a second of |n| threads, each with its own part of the list. */
static double rate(struct subject *s, const struct requests *requests, size_t n, size_t count,
                   size_t *wrong)
{
    pthread_barrier_t start;
    pthread_t threads[2];
    struct share shares[2];
    double sum = 0;

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
        sum += (double)count / (double)(shares[i].ended_ns - shares[i].began_ns) * 1e3;
    }
    pthread_barrier_destroy(&start);
    s->now_ns += count * 1000;
    return sum;
}

static void scale(struct subject *s, const struct requests *requests, const char *what,
                  double at_least)
{
    struct figure figure = {.section = "threads", .clients = s->population.clients, .unit = "M/s"};
    double one[TURNS], two[TURNS], ratio[TURNS];
    size_t count = options.quick ? 1 << 12 : 1 << 16, turns = options.quick ? 3 : TURNS, wrong = 0;
    char text[80], size[16];

    for (size_t r = 0; r < turns; r++) {
        one[r] = rate(s, requests, 1, count, &wrong);
        two[r] = rate(s, requests, 2, count, &wrong);
        ratio[r] = two[r] / one[r];
    }
    if (wrong > 0)
        result_void("threads", what, figure.clients, wrong);
    snprintf(figure.name, sizeof(figure.name), "1 thread, %s", what);
    figure.value = spread_of(one, turns);
    result_figure(&figure);
    snprintf(figure.name, sizeof(figure.name), "2 threads, %s", what);
    figure.value = spread_of(two, turns);
    result_figure(&figure);
    snprintf(figure.name, sizeof(figure.name), "2 threads / 1, %s", what);
    figure.value = spread_of(ratio, turns);
    figure.unit = "x";
    result_figure(&figure);
    if (at_least <= 0)
        return;
    size_text(figure.clients, size);
    snprintf(text, sizeof(text), "%s clients: two threads, %s", size, what);
    target(text, "x one", figure.value.median, at_least, true);
}

void measure_threads(struct subject *s, const struct requests *many, const struct requests *one)
{
    scale(s, many, "many contracts", 1.9);
    scale(s, one, "one contract", 0);
}
