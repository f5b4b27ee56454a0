/* SPDX-License-Identifier: Apache-2.0 */
#include "bench.h"

#include <stdio.h>

enum { ROUNDS = 11, BATCH_MAX = 32 };

/* ---- decisions -------------------------------------------------------------------------------- */

bool answer_is(const clientid_decision *decision, enum outcome outcome)
{
    static const struct {
        clientid_verdict verdict;
        clientid_reason reason;
    } expected[OUTCOMES] = {
        [ALLOWED] = {CLIENTID_ALLOW, CLIENTID_REASON_ALLOWED},
        [DENIED_UNKNOWN] = {CLIENTID_DENY, CLIENTID_REASON_CLIENT_UNKNOWN},
        [DENIED_SECRET] = {CLIENTID_DENY, CLIENTID_REASON_SECRET_WRONG},
        [DENIED_QUOTA] = {CLIENTID_DENY, CLIENTID_REASON_QUOTA_EXCEEDED},
    };

    return decision->verdict == expected[outcome].verdict &&
           decision->reason == expected[outcome].reason;
}

static clientid_request plain_request(struct host *host, char *scratch)
{
    return (clientid_request){.size = sizeof(clientid_request),
                              .method = CLIENTID_STR("GET"),
                              .path = CLIENTID_STR("/orders/17"),
                              .header = host_header,
                              .host = host,
                              .scratch = scratch,
                              .scratch_len = CLIENTID_SCRATCH_BYTES};
}

static bool decide_one(struct subject *s, size_t worker, clientid_request *request,
                       clientid_decision *decision, enum outcome outcome)
{
    return clientid_check(s->workers[worker], s->api, request, decision) == 0 &&
           answer_is(decision, outcome);
}

size_t decide_run(struct subject *s, size_t worker, const struct requests *requests,
                  enum outcome outcome, size_t begin, size_t count, uint64_t now_ns)
{
    char scratch[CLIENTID_SCRATCH_BYTES];
    struct host host = {.carrier = requests->carrier};
    clientid_request request = plain_request(&host, scratch);
    clientid_decision decision = {.size = sizeof(decision)};
    size_t wrong = 0;

    for (size_t i = 0; i < count; i++) {
        request_fetch(requests, begin + i + 2);
        request_set(&request, &host, request_at(requests, begin + i));
        request.now_ns = now_ns + i * 1000;
        wrong += !decide_one(s, worker, &request, &decision, outcome);
        one_at_a_time();
    }
    return wrong;
}

size_t decide_timed(struct subject *s, size_t worker, const struct requests *requests, size_t begin,
                    size_t count, uint64_t now_ns, uint32_t *times)
{
    char scratch[CLIENTID_SCRATCH_BYTES];
    struct host host = {.carrier = requests->carrier};
    clientid_request request = plain_request(&host, scratch);
    clientid_decision decision = {.size = sizeof(decision)};
    size_t wrong = 0;

    for (size_t i = 0; i < count; i++) {
        uint64_t start;

        request_fetch(requests, begin + i + 2);
        request_set(&request, &host, request_at(requests, begin + i));
        request.now_ns = now_ns + i * 1000;
        start = ticks();
        wrong += !decide_one(s, worker, &request, &decision, ALLOWED);
        times[i] = (uint32_t)(ticks() - start);
    }
    return wrong;
}

struct hand {
    struct host host[BATCH_MAX];
    clientid_request request[BATCH_MAX];
    clientid_decision decision[BATCH_MAX];
    clientid_batch_entry entry[BATCH_MAX];
    char scratch[BATCH_MAX][CLIENTID_SCRATCH_BYTES];
};

static void hand_init(struct hand *hand, struct subject *s, enum carrier carrier)
{
    for (size_t k = 0; k < BATCH_MAX; k++) {
        hand->host[k].carrier = carrier;
        hand->request[k] = plain_request(&hand->host[k], hand->scratch[k]);
        hand->decision[k].size = sizeof(hand->decision[k]);
        hand->entry[k] = (clientid_batch_entry){s->api, &hand->request[k], &hand->decision[k], 0};
    }
}

size_t decide_batch(struct subject *s, size_t batch, const struct requests *requests,
                    enum outcome outcome, size_t begin, size_t count, uint64_t now_ns)
{
    struct hand *hand = need_memory(sizeof(*hand));
    size_t wrong = 0;

    hand_init(hand, s, requests->carrier);
    for (size_t i = 0; i < count; i += batch) {
        for (size_t k = 0; k < batch; k++) {
            request_fetch(requests, begin + i + batch + k);
            request_set(&hand->request[k], &hand->host[k], request_at(requests, begin + i + k));
            hand->request[k].now_ns = now_ns + (i + k) * 1000;
        }
        need(clientid_check_batch(s->workers[0], hand->entry, batch), "batch", NULL);
        for (size_t k = 0; k < batch; k++)
            wrong += hand->entry[k].rv != 0 || !answer_is(&hand->decision[k], outcome);
    }
    free_memory(hand, sizeof(*hand));
    return wrong;
}

/* ---- rounds ----------------------------------------------------------------------------------- */

size_t trial_count(size_t clients)
{
    if (options.quick)
        return 1 << 12;
    return clients <= 10000 ? 1 << 15 : 1 << 18;
}

size_t trial_passes(const struct requests *requests)
{
    return requests->count <= 1 << 15 ? requests->count : requests->count / 4;
}

static size_t run_once(const struct trial *t, size_t begin, size_t count)
{
    struct subject *s = t->subject;
    size_t wrong;

    if (t->batch > 0)
        wrong = decide_batch(s, t->batch, t->requests, t->work.outcome, begin, count, s->now_ns);
    else
        wrong = decide_run(s, 0, t->requests, t->work.outcome, begin, count, s->now_ns);
    s->now_ns += count * 1000;
    return wrong;
}

double trial_measure(const struct trial *t)
{
    struct figure figure = {
        .section = t->section, .clients = t->subject->population.clients, .unit = "ns"};
    double decide[ROUNDS], lowest[ROUNDS], ratio[ROUNDS];
    size_t count = trial_passes(t->requests), rounds = options.quick ? 3 : ROUNDS, wrong = 0;
    volatile uint64_t sink = 0;

    count = count / BATCH_MAX * BATCH_MAX;
    run_once(t, 0, count);
    sink ^= floor_run(t->floor, &t->work, t->requests, 0, count, t->subject->now_ns);
    for (size_t r = 0; r < rounds; r++) {
        size_t begin = (r + 1) * count;
        uint64_t start = cpu_ns(), middle;

        wrong += run_once(t, begin, count);
        middle = cpu_ns();
        sink ^= floor_run(t->floor, &t->work, t->requests, begin, count, t->subject->now_ns);
        lowest[r] = (double)(cpu_ns() - middle) / (double)count;
        decide[r] = (double)(middle - start) / (double)count;
        ratio[r] = decide[r] / lowest[r];
    }
    (void)sink;
    snprintf(figure.name, sizeof(figure.name), "%s", t->name);
    figure.value = spread_of(decide, rounds);
    figure.floor = spread_of(lowest, rounds).median;
    figure.ratio = spread_of(ratio, rounds).median;
    result_figure(&figure);
    if (wrong > 0)
        result_void(t->section, t->name, figure.clients, wrong);
    return figure.value.median;
}
