/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One decision: the base (credentials and secret in a query of 90 bytes, one token bucket, clients drawn evenly, allowed)
 * at every size, and what changes when one thing about it does.
 */
#include "bench.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>

struct scenario {
    const char *name;
    enum carrier carrier;
    enum who who;
    enum access access;
    enum outcome outcome;
    size_t query_bytes;
};

static const struct scenario scenarios[] = {
    {"base", BY_QUERY, WHO_KNOWN, UNIFORM, ALLOWED, 0},
    {"zipf access", BY_QUERY, WHO_KNOWN, ZIPF, ALLOWED, 0},
    {"header", BY_HEADER, WHO_KNOWN, UNIFORM, ALLOWED, 0},
    {"basic", BY_BASIC, WHO_KNOWN, UNIFORM, ALLOWED, 0},
    {"id only", BY_ID, WHO_KNOWN, UNIFORM, ALLOWED, 0},
    {"denied: unknown id", BY_QUERY, WHO_UNKNOWN, UNIFORM, DENIED_UNKNOWN, 0},
    {"denied: wrong secret", BY_QUERY, WHO_WRONG_SECRET, UNIFORM, DENIED_SECRET, 0},
};

static void run(struct subject *s, struct floor *floor, const struct scenario *scenario,
                const char *name, unsigned limits)
{
    struct requests requests;
    struct trial trial = {.section = "decision",
                          .name = name,
                          .subject = s,
                          .requests = &requests,
                          .floor = floor,
                          .work = {scenario->carrier, scenario->outcome, limits}};
    size_t clients = s->population.clients;

    requests_make(&requests, scenario->carrier, scenario->who, scenario->access, clients,
                  trial_count(clients), scenario->query_bytes);
    (void)trial_measure(&trial);
    requests_free(&requests);
}

/*
 * The first pass spends what there is.  Ten minutes pass before, so that the cells of the limits before have ended: a
 * client for whom there is no cell would wait for one, and be allowed when the others no longer are.
 */
static void spent(struct subject *s, struct floor *floor)
{
    struct requests requests;
    struct trial trial = {.section = "decision",
                          .name = "denied: quota",
                          .subject = s,
                          .requests = &requests,
                          .floor = floor,
                          .work = {BY_QUERY, DENIED_QUOTA, 1}};
    size_t clients = s->population.clients;

    s->now_ns += UINT64_C(600000000000);
    subject_limits(s, 1, 1);
    requests_make(&requests, BY_QUERY, WHO_KNOWN, UNIFORM, clients, trial_count(clients), 0);
    (void)decide_run(s, 0, &requests, ALLOWED, 0, requests.count, s->now_ns);
    s->now_ns += requests.count * 1000;
    (void)trial_measure(&trial);
    requests_free(&requests);
    subject_limits(s, 1, 10000000);
}

/* One by one and in batches in turns: how much of the time is left. */
static struct spread batch_gain(struct subject *s, const struct requests *requests, size_t batch)
{
    enum { TURNS = 11 };
    double left[TURNS];
    size_t turns = options.quick ? 3 : TURNS, count = trial_passes(requests) / 2, wrong = 0;

    for (size_t r = 0; r < turns; r++) {
        size_t begin = 2 * r * count;
        uint64_t start = cpu_ns(), middle;

        wrong += decide_run(s, 0, requests, ALLOWED, begin, count, s->now_ns);
        middle = cpu_ns();
        wrong += decide_batch(s, batch, requests, ALLOWED, begin + count, count, s->now_ns);
        left[r] = (double)(cpu_ns() - middle) / (double)(middle - start);
        s->now_ns += count * 1000;
    }
    if (wrong > 0)
        result_void("batch", "in turns", s->population.clients, wrong);
    return spread_of(left, turns);
}

static void batches(struct subject *s, struct floor *floor, const struct requests *requests)
{
    static const size_t sizes[] = {8, 32};
    struct trial trial = {.section = "batch",
                          .subject = s,
                          .requests = requests,
                          .floor = floor,
                          .work = {BY_QUERY, ALLOWED, 1}};
    size_t clients = s->population.clients;

    for (size_t i = 0; i < 2; i++) {
        char name[40], text[80], size[16];

        snprintf(name, sizeof(name), "batch of %zu", sizes[i]);
        trial.name = name;
        trial.batch = sizes[i];
        (void)trial_measure(&trial);
        if (clients < 1000000)
            continue;
        size_text(clients, size);
        snprintf(text, sizeof(text), "%s clients, batch of %zu: a decision", size, sizes[i]);
        target(text, "x single", batch_gain(s, requests, sizes[i]).median, 0.5, false);
    }
}

static void base_target(size_t clients)
{
    const struct figure *base = result_find("decision", "base", clients);
    char text[80], size[16];

    if (base == NULL)
        return;
    size_text(clients, size);
    snprintf(text, sizeof(text), "%s clients: a decision", size);
    target(text, "x floor", base->ratio, 1.5, false);
}

/* Unknown ids and wrong secrets in turns, so that the machine's mood cancels out; each beside an allowed request. */
static void attack(struct subject *s, struct floor *floor)
{
    enum { TURNS = 15 };
    size_t clients = s->population.clients, count = trial_count(clients) / 4, wrong = 0;
    static const enum who who[3] = {WHO_KNOWN, WHO_UNKNOWN, WHO_WRONG_SECRET};
    static const enum outcome outcome[3] = {ALLOWED, DENIED_UNKNOWN, DENIED_SECRET};
    double against[TURNS], dearer[TURNS], misses[TURNS];
    size_t turns = options.quick ? 3 : TURNS;
    struct requests requests[3];
    char text[80], size[16];

    for (size_t k = 0; k < 3; k++)
        requests_make(&requests[k], BY_QUERY, who[k], UNIFORM, clients, trial_count(clients), 0);
    for (size_t r = 0; r < turns; r++) {
        double ns[3];

        for (size_t j = 0; j < 3; j++) {
            size_t k = (j + r) % 3;
            uint64_t start = cpu_ns();

            wrong += decide_run(s, 0, &requests[k], outcome[k], r * count, count, s->now_ns);
            ns[k] = (double)(cpu_ns() - start) / (double)count;
            s->now_ns += count * 1000;
        }
        against[r] = ns[1] / ns[2];
        misses[r] = floor_miss_ns(floor);
        dearer[r] = (ns[1] > ns[2] ? ns[1] : ns[2]) - ns[0];
    }
    for (size_t k = 0; k < 3; k++)
        requests_free(&requests[k]);
    if (wrong > 0)
        result_void("decision", "attack", clients, wrong);
    size_text(clients, size);
    result("attack", "unknown id / wrong secret", clients, "x", spread_of(against, turns).median);
    result("attack", "refusal dearer than allowed", clients, "ns", spread_of(dearer, turns).median);
    result("attack", "one memory miss", clients, "ns", spread_of(misses, turns).median);
    snprintf(text, sizeof(text), "%s clients: unknown id against wrong secret, off by", size);
    target(text, "%", fabs(spread_of(against, turns).median - 1) * 100, 5, false);
    snprintf(text, sizeof(text), "%s clients: a refusal dearer than allowed by", size);
    target(text, "ns", spread_of(dearer, turns).median, spread_of(misses, turns).median, false);
}

static void lengths(struct subject *s, struct floor *floor)
{
    static const size_t bytes[] = {100, 200, 400, 800, 1600, 3200};
    struct scenario scenario = scenarios[0];
    char name[40];

    for (size_t i = 0; i < sizeof(bytes) / sizeof(bytes[0]); i++) {
        scenario.query_bytes = bytes[i];
        snprintf(name, sizeof(name), "query of %zu bytes", bytes[i]);
        run(s, floor, &scenario, name, 1);
    }
}

/* More limits need more cells, so these have a gateway of their own. */
static void wide(size_t clients)
{
    struct subject s;
    struct floor *floor;
    static const struct {
        const char *name;
        size_t limits;
        enum limit_kind kind;
    } kinds[] = {{"1 token bucket", 1, TOKEN_BUCKET},
                 {"2 token buckets", 2, TOKEN_BUCKET},
                 {"4 token buckets", 4, TOKEN_BUCKET},
                 {"1 fixed window", 1, FIXED_WINDOW},
                 {"2 fixed windows", 2, FIXED_WINDOW}};

    subject_open(&s, clients, 8);
    floor = floor_new(clients, 4);
    for (size_t i = 0; i < sizeof(kinds) / sizeof(kinds[0]); i++) {
        subject_limits(&s, kinds[i].limits, 10000000);
        subject_configure(&s, BY_QUERY, kinds[i].kind);
        run(&s, floor, &scenarios[0], kinds[i].name, (unsigned)kinds[i].limits);
    }
    subject_configure(&s, BY_QUERY, TOKEN_BUCKET);
    spent(&s, floor);
    floor_del(floor);
    subject_close(&s);
}

static void with_requests(struct subject *s, struct floor *floor)
{
    size_t clients = s->population.clients;
    struct requests many, one;

    requests_make(&many, BY_QUERY, WHO_KNOWN, UNIFORM, clients, trial_count(clients), 0);
    requests_make(&one, BY_QUERY, WHO_KNOWN, ONE_CLIENT, clients, 1 << 12, 0);
    if (wanted("batch"))
        batches(s, floor, &many);
    if (wanted("tail"))
        measure_tail(s, &many, floor);
    if (wanted("threads"))
        measure_threads(s, &many, &one);
    requests_free(&many);
    requests_free(&one);
}

void measure_base(size_t clients)
{
    struct subject s;
    struct floor *floor = floor_new(clients, 1);

    subject_open(&s, clients, 2);
    if (wanted("decision"))
        run(&s, floor, &scenarios[0], "base", 1);
    base_target(clients);
    if (clients > 1000000)
        with_requests(&s, floor);
    floor_del(floor);
    subject_close(&s);
}

/* What a comparison of two builds looks at: seconds, not minutes. */
void measure_main(void)
{
    struct subject s;
    struct floor *floor = floor_new(1000, 1);

    subject_open(&s, 1000, 8);
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
        subject_configure(&s, scenarios[i].carrier, TOKEN_BUCKET);
        run(&s, floor, &scenarios[i], scenarios[i].name, 1);
    }
    subject_configure(&s, BY_QUERY, TOKEN_BUCKET);
    spent(&s, floor);
    floor_del(floor);
    subject_close(&s);
    floor = floor_new(100000, 1);
    subject_open(&s, 100000, 2);
    run(&s, floor, &scenarios[0], "base", 1);
    floor_del(floor);
    subject_close(&s);
}

static void decisions(struct subject *s, struct floor *floor)
{
    for (size_t i = 0; i < sizeof(scenarios) / sizeof(scenarios[0]); i++) {
        subject_configure(s, scenarios[i].carrier, TOKEN_BUCKET);
        run(s, floor, &scenarios[i], scenarios[i].name, 1);
    }
    subject_configure(s, BY_QUERY, TOKEN_BUCKET);
    attack(s, floor);
    if (s->population.clients <= 1000)
        lengths(s, floor);
}

void measure_scenarios(size_t clients)
{
    struct subject s;
    struct floor *floor = floor_new(clients, 1);

    subject_open(&s, clients, 2);
    if (wanted("decision"))
        decisions(&s, floor);
    base_target(clients);
    with_requests(&s, floor);
    floor_del(floor);
    subject_close(&s);
    if (wanted("decision"))
        wide(clients);
}
