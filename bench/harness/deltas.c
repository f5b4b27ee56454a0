/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Changes while two threads decide at full speed.  With two processors the thread that syncs takes its time from one
 * of these, so a delta is given in time of its own, on a processor, and in time on the clock.
 */
#include "bench.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum { CHUNK = 32, BUCKETS = 1 << 16, BUCKET_TICKS = 32, QUIET = 0, CHANGING = 1 };

struct decider {
    struct subject *subject;
    const struct requests *requests;
    size_t worker;
    _Atomic int *phase; /* of the main thread; negative: stop */
    _Atomic uint64_t done;
    uint64_t wrong;
    uint32_t *seen[2]; /* how often a decision took so long, by phase */
};

static void sort_in(struct decider *d, int phase, const uint32_t *times)
{
    for (size_t i = 0; i < CHUNK; i++) {
        uint32_t at = times[i] / BUCKET_TICKS;

        d->seen[phase][at < BUCKETS ? at : BUCKETS - 1]++;
    }
}

static void *decide(void *argument)
{
    struct decider *d = argument;
    uint32_t times[CHUNK];
    uint64_t now_ns = d->subject->now_ns;
    size_t at = d->worker * d->requests->count / 2;
    int before;

    while ((before = atomic_load(d->phase)) >= 0) {
        d->wrong += decide_timed(d->subject, d->worker, d->requests, at, CHUNK, now_ns, times);
        sort_in(d, before == CHANGING || atomic_load(d->phase) == CHANGING ? CHANGING : QUIET,
                times);
        at += CHUNK;
        now_ns += (uint64_t)CHUNK * 1000;
        atomic_fetch_add_explicit(&d->done, CHUNK, memory_order_relaxed);
    }
    return NULL;
}

struct crowd {
    _Atomic int phase;
    struct decider deciders[2];
    pthread_t threads[2];
};

static void crowd_start(struct crowd *c, struct subject *s, const struct requests *requests)
{
    atomic_init(&c->phase, QUIET);
    for (size_t i = 0; i < 2; i++) {
        c->deciders[i] =
            (struct decider){.subject = s, .requests = requests, .worker = i, .phase = &c->phase};
        for (size_t k = 0; k < 2; k++)
            c->deciders[i].seen[k] = need_memory(BUCKETS * sizeof(uint32_t));
        need(pthread_create(&c->threads[i], NULL, decide, &c->deciders[i]) == 0
                 ? 0
                 : CLIENTID_ERR_NOMEM,
             "thread", NULL);
    }
}

static void crowd_stop(struct crowd *c, size_t clients)
{
    atomic_store(&c->phase, -1);
    for (size_t i = 0; i < 2; i++) {
        pthread_join(c->threads[i], NULL);
        if (c->deciders[i].wrong > 0)
            result_void("delta", "decisions", clients, c->deciders[i].wrong);
        for (size_t k = 0; k < 2; k++)
            free_memory(c->deciders[i].seen[k], BUCKETS * sizeof(uint32_t));
    }
}

static uint64_t done(const struct crowd *c)
{
    return atomic_load(&c->deciders[0].done) + atomic_load(&c->deciders[1].done);
}

static void forget(struct crowd *c)
{
    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; k < 2; k++)
            memset(c->deciders[i].seen[k], 0, BUCKETS * sizeof(uint32_t));
}

/* The time that 999 in a thousand stay below; ticks. */
static double slow_ticks(const struct crowd *c, int phase)
{
    uint64_t sum = 0, above = 0;

    for (size_t i = 0; i < 2; i++)
        for (size_t k = 0; k < BUCKETS; k++)
            sum += c->deciders[i].seen[phase][k];
    for (size_t k = BUCKETS; k-- > 0;) {
        above += c->deciders[0].seen[phase][k] + c->deciders[1].seen[phase][k];
        if (above * 1000 > sum)
            return (double)(k + 1) * BUCKET_TICKS;
    }
    return 0;
}

struct delta {
    struct spread cpu_us, clock_us;
};

static struct delta deltas(struct crowd *c, struct subject *s, size_t count, size_t times)
{
    double cpu[64], wall[64];

    for (size_t i = 0; i < times; i++) {
        uint64_t begun, begun_cpu;

        s->population.replaced = count;
        pause_ns(2000000);
        atomic_store(&c->phase, CHANGING);
        begun = clock_ns();
        begun_cpu = cpu_ns();
        subject_step(s);
        cpu[i] = (double)(cpu_ns() - begun_cpu) / 1e3;
        wall[i] = (double)(clock_ns() - begun) / 1e3;
        atomic_store(&c->phase, QUIET);
    }
    return (struct delta){spread_of(cpu, times), spread_of(wall, times)};
}

static void report(const char *name, size_t clients, const char *unit, struct spread value)
{
    struct figure figure = {.section = "delta", .clients = clients, .unit = unit, .value = value};

    snprintf(figure.name, sizeof(figure.name), "%s", name);
    result_figure(&figure);
}

/* Million decisions a second while |changes| a second arrive, in steps of 10 ms. */
static double flow(struct crowd *c, struct subject *s, size_t changes)
{
    uint64_t begun = clock_ns(), before = done(c), length = options.quick ? 50000000 : 700000000;
    size_t steps = 0;

    while (clock_ns() - begun < length) {
        uint64_t due = begun + ++steps * 10000000, now = clock_ns();

        if (due > now)
            pause_ns(due - now);
        s->population.replaced = changes / 100;
        if (changes > 0)
            subject_step(s);
    }
    return (double)(done(c) - before) / (double)(clock_ns() - begun) * 1e3;
}

static void flows(struct crowd *c, struct subject *s)
{
    static const size_t rates[] = {0, 1000, 10000, 100000};
    double seen[4];
    char name[40];

    for (size_t i = 0; i < 4; i++) {
        seen[i] = flow(c, s, rates[i]);
        snprintf(name, sizeof(name), "%zu changes a second", rates[i]);
        result("flow", name, s->population.clients, "M/s", seen[i]);
    }
}

static void with_crowd(struct crowd *c, struct subject *s)
{
    size_t clients = s->population.clients, times = options.quick ? 5 : 41;
    struct delta one = deltas(c, s, 1, times), thousand;
    double quiet, changing, scale = ticks_per_ns();

    forget(c);
    pause_ns(300000000);
    thousand = deltas(c, s, 1000, times);
    quiet = slow_ticks(c, QUIET) / scale;
    changing = slow_ticks(c, CHANGING) / scale;
    report("1 change, on the processor", clients, "us", one.cpu_us);
    report("1 change, on the clock", clients, "us", one.clock_us);
    report("1000 changes, on the processor", clients, "us", thousand.cpu_us);
    report("1000 changes, on the clock", clients, "us", thousand.clock_us);
    result("delta", "p99.9 of decisions, quiet", clients, "ns", quiet);
    result("delta", "p99.9 of decisions, 1000 changing", clients, "ns", changing);
    target("a delta of 1 while two threads decide", "us", one.cpu_us.median, 20, false);
    target("a delta of 1000 while two threads decide", "us", thousand.cpu_us.median, 1000, false);
    target("p99.9 of a decision during a delta", "x quiet", changing / quiet, 2, false);
    flows(c, s);
}

void measure_deltas(void)
{
    size_t clients = options.quick ? 2000 : 1000000;
    struct subject s;
    struct requests requests;
    struct crowd crowd;

    subject_open(&s, clients, 2);
    requests_make(&requests, BY_QUERY, WHO_KNOWN, UNIFORM, clients, trial_count(clients), 0);
    crowd_start(&crowd, &s, &requests);
    with_crowd(&crowd, &s);
    crowd_stop(&crowd, clients);
    requests_free(&requests);
    subject_close(&s);
}
