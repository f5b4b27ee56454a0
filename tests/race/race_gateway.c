/* SPDX-License-Identifier: Apache-2.0 */
/* Requests while configurations are replaced, names interned, workers come and go, and somebody reads the metrics. */
#include "support_random.h"
#include "support_world.h"

#include "base/str.h"
#include "gateway.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { ROUNDS = 400, REQUESTERS = 2 };

#define POLICIES(first)                                                                            \
    "[" first "{\"policy\": \"rate-limiting-sla-based\", \"id\": \"query:id\", \"secret\": "       \
    "\"query:secret\", \"exposeHeaders\": true}, {\"policy\": \"spike-control\", \"limit\": "      \
    "\"3/1m\", \"delay\": \"1s\", \"attempts\": 3, \"queue\": 2, \"match\": [{\"method\": "        \
    "\"GET\", \"path\": \"/slow[0-9]\"}]}]"
#define EVEN "{\"apis\": {\"orders\": {\"policies\": " POLICIES("") "}}}"
#define ODD                                                                                        \
    "{\"apis\": {\"orders\": {\"stripCredentials\": \"all\", \"policies\": " POLICIES(             \
        "{\"policy\": \"client-id-enforcement\", \"id\": \"header:x-try\", \"mode\": "             \
        "\"shadow\", \"name\": \"tried\"}, ") "}, \"billing\": {\"policies\": []}}}"

static const char *const requests[] = {
    "GET /?id=app&secret=right HTTP/1.1\r\nX-Try: other\r\n\r\n",
    "GET /slow1?id=app&secret=right HTTP/1.1\r\n\r\n",
    "GET /?id=app&secret=wrong HTTP/1.1\r\n\r\n",
    "GET /slow%31/../slow2 HTTP/1.1\r\n\r\n",
};

struct shared {
    struct support_world world;
    atomic_bool stop;
    atomic_uint seen, wrong;
};

/* What a host does with a decision, after the configuration that made it may have gone. */
static void use(struct shared *s, clientid_worker *worker, const clientid_request *request,
                clientid_decision *decision)
{
    clientid_answer answer = {.size = sizeof(answer)};
    char stripped[256];
    size_t len = sizeof(stripped);

    if (decision->verdict == CLIENTID_DELAY && clientid_resume(worker, request, decision) != 0)
        atomic_fetch_add(&s->wrong, 1);
    if (decision->verdict == CLIENTID_DELAY) {
        clientid_cancel(decision);
        return;
    }
    if (clientid_render(decision, &answer) != 0 ||
        clientid_strip(decision, request->query, stripped, &len) != 0 || len > 0)
        atomic_fetch_add(&s->wrong, 1);
    clientid_strips_header(decision, CLIENTID_STR("x-try"));
    if (decision->policy.len > 64)
        atomic_fetch_add(&s->wrong, 1);
    clientid_refund(worker, &decision->receipt, request->now_ns);
}

/* |decision| must be one that some configuration gives. */
static bool possible(size_t which, const clientid_decision *d)
{
    switch (which) {
    case 0:
        return d->verdict == CLIENTID_ALLOW ||
               (d->verdict == CLIENTID_DENY && d->reason == CLIENTID_REASON_QUOTA_EXCEEDED);
    case 1:
        return d->verdict != CLIENTID_NEED_BODY && d->reason != CLIENTID_REASON_SECRET_WRONG;
    case 2:
        return d->reason == CLIENTID_REASON_SECRET_WRONG;
    default:
        return d->reason == CLIENTID_REASON_ID_MISSING;
    }
}

static void *requester(void *self)
{
    struct shared *s = self;
    struct support_request request;
    clientid_decision decision;
    const clientid_api *api;
    clientid_worker *worker;
    uint64_t seed = (uint64_t)(uintptr_t)&request;

    while (!atomic_load(&s->stop)) {
        if (clientid_worker_new(&worker, s->world.gateway) != 0 ||
            clientid_api_get(s->world.gateway, CLIENTID_STR("orders"), &api) != 0)
            abort();
        for (int i = 0; i < 40; i++) {
            size_t which = support_below(&seed, sizeof(requests) / sizeof(requests[0]));

            decision.size = sizeof(decision);
            support_request_parse(&request, clientid__cstr(requests[which]),
                                  s->world.now_ns + support_below(&seed, 1000000000));
            if (clientid_check(worker, api, &request.request, &decision) != 0 ||
                !possible(which, &decision))
                atomic_fetch_add(&s->wrong, 1);
            use(s, worker, &request.request, &decision);
            clientid_worker_latency(worker, support_below(&seed, 5000));
            clientid_api_wants(worker, api);
            atomic_fetch_add(&s->seen, 1);
        }
        clientid_worker_del(worker);
    }
    return NULL;
}

static void *reloader(void *self)
{
    struct shared *s = self;

    for (unsigned round = 0; !atomic_load(&s->stop); round++)
        if (clientid_gateway_reload(s->world.gateway, clientid__cstr(round % 2 == 0 ? ODD : EVEN),
                                    "race.json", NULL) != 0)
            abort();
    return NULL;
}

static void *reporter(void *self)
{
    static char text[1 << 20];
    clientid_status status = {.size = sizeof(status)};
    struct shared *s = self;

    while (!atomic_load(&s->stop)) {
        size_t len = sizeof(text);
        int rv = clientid_metrics_write(s->world.gateway, s->world.now_ns, text, &len);

        if ((rv != 0 && rv != CLIENTID_ERR_SPACE) ||
            clientid_gateway_status(s->world.gateway, s->world.now_ns, &status) != 0)
            abort();
    }
    return NULL;
}

static uint64_t decisions_in(const char *text)
{
    static const char name[] = "clientid_decisions_total{";
    uint64_t total = 0;

    for (const char *at = strstr(text, name); at != NULL; at = strstr(at + 1, name))
        total += strtoull(strstr(at, "} ") + 2, NULL, 10);
    return total;
}

static void test_gateway(void **state)
{
    static struct shared s;
    static char text[1 << 20];
    size_t len = sizeof(text) - 1;
    pthread_t requesters[REQUESTERS], others[2];

    (void)state;
    support_world_new(&s.world, EVEN);
    support_tier(&s.world, 1, "gold", 50, 60000);
    support_contract(&s.world,
                     &(struct support_contract){
                         .api = "orders", .client_id = "app", .secret = "right", .tier_id = 1});
    for (int i = 0; i < REQUESTERS; i++)
        assert_int_equal(pthread_create(&requesters[i], NULL, requester, &s), 0);
    assert_int_equal(pthread_create(&others[0], NULL, reloader, &s), 0);
    assert_int_equal(pthread_create(&others[1], NULL, reporter, &s), 0);
    for (unsigned round = 0; round < ROUNDS; round++) {
        const clientid_api *api;
        char name[32];
        unsigned before = atomic_load(&s.seen);

        snprintf(name, sizeof(name), "api-%u", round);
        assert_int_equal(clientid_api_get(s.world.gateway, clientid__cstr(name), &api), 0);
        assert_int_equal(clientid_api_configured(api), 0);
        while (atomic_load(&s.seen) < before + 10)
            sched_yield();
    }
    atomic_store(&s.stop, true);
    for (int i = 0; i < REQUESTERS; i++)
        pthread_join(requesters[i], NULL);
    for (int i = 0; i < 2; i++)
        pthread_join(others[i], NULL);
    assert_int_equal(s.wrong, 0);
    /* Every decision was counted, also those of workers that are gone; a resumed one is a second decision. */
    assert_int_equal(clientid_metrics_write(s.world.gateway, s.world.now_ns, text, &len), 0);
    text[len] = '\0';
    assert_true(decisions_in(text) >= s.seen);
    assert_null(
        strstr(text, "clientid_waiting_requests{api=\"orders\",policy=\"spike-control\"} 1"));
    support_world_del(&s.world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_gateway)};

    return cmocka_run_group_tests_name("gateway race", tests, NULL, NULL);
}
