/* SPDX-License-Identifier: Apache-2.0 */
/* The decision as a whole: the order of its questions, what is charged, what waits, what it explains. */
#include "support_world.h"

#include "base/str.h"
#include "gateway.h"

#include <stdio.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define MS 1000000ULL
#define S  1000000000ULL

#define ORDERS(policies) "{\"apis\": {\"orders\": {\"policies\": [" policies "]}}}"
#define CIE                                                                                        \
    "{\"policy\": \"client-id-enforcement\", \"id\": \"query:id\", \"secret\": \"query:secret\"}"
#define SLA                                                                                        \
    "{\"policy\": \"rate-limiting-sla-based\", \"id\": \"query:id\", \"secret\": "                 \
    "\"query:secret\"}"
#define THROTTLE                                                                                   \
    "{\"policy\": \"throttling-sla-based\", \"id\": \"query:id\", \"secret\": \"query:secret\","   \
    " \"delay\": \"500ms\", \"attempts\": 2, \"queue\": 1}"

#define GOOD  "GET /a?id=app&secret=right HTTP/1.1\r\nHost: a\r\n\r\n"
#define WRONG "GET /a?id=app&secret=wrong HTTP/1.1\r\nHost: a\r\n\r\n"
#define NONE  "GET /a HTTP/1.1\r\nHost: a\r\n\r\n"

static void expect(const clientid_decision *d, clientid_verdict verdict, clientid_reason reason)
{
    assert_string_equal(clientid_reason_label(d->reason), clientid_reason_label(reason));
    assert_int_equal(d->verdict, verdict);
}

/* One API instance, one application "app" with secret "right" and a tier of 2 requests a minute. */
static void world(struct support_world *w, const char *config)
{
    support_world_new(w, config);
    support_tier(w, 1, "gold", 2, 60000);
    support_contract(w, &(struct support_contract){
                            .api = "orders", .client_id = "app", .secret = "right", .tier_id = 1});
}

static void test_identity(void **state)
{
    static const struct {
        const char *why, *raw;
        clientid_verdict verdict;
        clientid_reason reason;
    } rows[] = {
        {"right secret", GOOD, CLIENTID_ALLOW, CLIENTID_REASON_ALLOWED},
        {"wrong secret", WRONG, CLIENTID_DENY, CLIENTID_REASON_SECRET_WRONG},
        {"nothing shown", NONE, CLIENTID_DENY, CLIENTID_REASON_ID_MISSING},
        {"unknown client", "GET /?id=other&secret=right HTTP/1.1\r\n\r\n", CLIENTID_DENY,
         CLIENTID_REASON_CLIENT_UNKNOWN},
        {"secret left out", "GET /?id=app HTTP/1.1\r\n\r\n", CLIENTID_DENY,
         CLIENTID_REASON_SECRET_MISSING},
        {"id twice", "GET /?id=app&id=app&secret=right HTTP/1.1\r\n\r\n", CLIENTID_DENY,
         CLIENTID_REASON_CREDENTIALS_AMBIGUOUS},
        {"ids differ in case", "GET /?id=APP&secret=right HTTP/1.1\r\n\r\n", CLIENTID_DENY,
         CLIENTID_REASON_CLIENT_UNKNOWN},
    };
    struct support_world w;

    (void)state;
    world(&w, ORDERS(CIE));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        clientid_decision d = support_ask(&w, "orders", rows[i].raw);

        if (d.verdict != rows[i].verdict || d.reason != rows[i].reason)
            fail_msg("%s: %s", rows[i].why, clientid_reason_label(d.reason));
    }
    support_world_del(&w);
}

static void test_contract_status(void **state)
{
    static const struct {
        unsigned status;
        clientid_reason reason;
    } rows[] = {{CLIENTID_PENDING, CLIENTID_REASON_CONTRACT_PENDING},
                {CLIENTID_REJECTED, CLIENTID_REASON_CONTRACT_REJECTED},
                {CLIENTID_REVOKED, CLIENTID_REASON_CONTRACT_REVOKED},
                {CLIENTID_APPROVED, CLIENTID_REASON_ALLOWED}};
    struct support_world w;

    (void)state;
    world(&w, ORDERS(CIE));
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        clientid_decision d;

        support_contract(&w, &(struct support_contract){.api = "orders",
                                                        .client_id = "app",
                                                        .secret = "right",
                                                        .tier_id = 1,
                                                        .status = rows[i].status});
        d = support_ask(&w, "orders", GOOD);
        assert_int_equal(d.reason, rows[i].reason);
        d = support_ask(&w, "orders", WRONG);
        assert_int_equal(d.reason, CLIENTID_REASON_SECRET_WRONG);
        assert_int_equal(d.contract_id, 0); /* who does not know the secret learns nothing */
    }
    support_contract_remove(&w, "orders", "app");
    assert_int_equal(support_ask(&w, "orders", GOOD).reason, CLIENTID_REASON_CLIENT_UNKNOWN);
    support_world_del(&w);
}

static void test_explains(void **state)
{
    struct support_world w;
    clientid_decision d;

    (void)state;
    world(&w, ORDERS(SLA));
    d = support_ask(&w, "orders", GOOD);
    expect(&d, CLIENTID_ALLOW, CLIENTID_REASON_ALLOWED);
    assert_true(clientid__str_eq(d.client_id, CLIENTID_STR("app")));
    assert_true(clientid__str_eq(d.client_name, CLIENTID_STR("Test application")));
    assert_true(clientid__str_eq(d.tier, CLIENTID_STR("gold")));
    assert_int_equal(d.contract_id, 1);
    assert_int_equal(d.application_id, 7);
    assert_int_equal(d.tier_id, 1);
    assert_int_equal(d.verified, 1);
    assert_int_equal(d.secret_slot, 1);
    assert_int_equal(d.from_query, 1);
    assert_int_equal(d.registry_revision, 1);
    assert_int_equal(d.limit_count, 1);
    assert_int_equal(d.limits[0].maximum_requests, 2);
    assert_int_equal(d.limits[0].remaining, 1);
    assert_int_equal(d.limits[0].period_ns, 60 * S);
    assert_int_equal(d.limits[0].algorithm, CLIENTID_FIXED_WINDOW);
    support_ask(&w, "orders", GOOD);
    d = support_ask(&w, "orders", GOOD);
    expect(&d, CLIENTID_DENY, CLIENTID_REASON_QUOTA_EXCEEDED);
    assert_true(clientid__str_eq(d.policy, CLIENTID_STR("rate-limiting-sla-based")));
    assert_int_equal(d.bound_limit, 0);
    assert_true(d.limits[0].flags & CLIENTID_LIMIT_BOUND);
    assert_true(d.retry_after_ns > 0 && d.retry_after_ns <= 60 * S);
    w.now_ns += 60 * S;
    assert_int_equal(support_ask(&w, "orders", GOOD).verdict, CLIENTID_ALLOW);
    support_world_del(&w);
}

/* A window that begins between two milliseconds is not announced as longer than its period. */
static void test_reset_is_no_longer_than_the_period(void **state)
{
    clientid_answer answer = {.size = sizeof(answer)};
    struct support_world w;
    clientid_decision d;

    (void)state;
    world(
        &w,
        ORDERS("{\"policy\": \"rate-limiting\", \"limits\": [\"2/1m\"], \"exposeHeaders\": true}"));
    w.now_ns += 1;
    d = support_ask(&w, "orders", NONE);
    assert_int_equal(clientid_render(&d, &answer), 0);
    assert_int_equal(answer.header_count, 3);
    assert_true(clientid__str_eq(answer.headers[2].name, CLIENTID_STR("X-RateLimit-Reset")));
    assert_true(clientid__str_eq(answer.headers[2].value, CLIENTID_STR("60000")));
    support_world_del(&w);
}

/* Without valid credentials nothing is spent: 100 wrong secrets leave the quota as it was. */
static void test_refused_charges_nothing(void **state)
{
    struct support_world w;

    (void)state;
    world(&w, ORDERS(SLA ", {\"policy\": \"rate-limiting\", \"limits\": [\"5/1m\"]}"));
    for (int i = 0; i < 100; i++)
        support_ask(&w, "orders", WRONG);
    assert_int_equal(support_ask(&w, "orders", GOOD).verdict, CLIENTID_ALLOW);
    assert_int_equal(support_ask(&w, "orders", GOOD).verdict, CLIENTID_ALLOW);
    /* The tier refuses: the policy's own limit must not have been charged for it. */
    for (int i = 0; i < 100; i++)
        assert_int_equal(support_ask(&w, "orders", GOOD).verdict, CLIENTID_DENY);
    assert_int_equal(support_ask(&w, "orders", GOOD).limits[1].remaining, 3);
    support_world_del(&w);
}

static void test_cost_peek_refund(void **state)
{
    struct support_world w;
    clientid_decision d = {.size = sizeof(d)};
    const clientid_api *api;

    (void)state;
    support_world_new(&w, ORDERS("{\"policy\": \"rate-limiting\", \"limits\": [\"10/1m\"]}"));
    assert_int_equal(clientid_api_get(w.gateway, CLIENTID_STR("orders"), &api), 0);
    support_request_parse(&w.request, CLIENTID_STR(NONE), w.now_ns);
    w.request.request.cost = 7;
    assert_int_equal(clientid_check(w.worker, api, &w.request.request, &d), 0);
    assert_int_equal(d.limits[0].remaining, 3);
    w.request.request.flags = CLIENTID_PEEK;
    w.request.request.cost = 1;
    assert_int_equal(clientid_check(w.worker, api, &w.request.request, &d), 0);
    assert_int_equal(d.verdict, CLIENTID_ALLOW);
    assert_int_equal(d.peeked, 1);
    assert_int_equal(d.limits[0].remaining, 3);
    w.request.request.cost = 4;
    assert_int_equal(clientid_check(w.worker, api, &w.request.request, &d), 0);
    assert_int_equal(d.verdict, CLIENTID_DENY);
    w.request.request.flags = 0;
    w.request.request.cost = 3;
    assert_int_equal(clientid_check(w.worker, api, &w.request.request, &d), 0);
    assert_int_equal(d.verdict, CLIENTID_ALLOW);
    assert_int_equal(clientid_refund(w.worker, &d.receipt, w.now_ns), 0);
    d = support_ask(&w, "orders", NONE);
    assert_int_equal(d.limits[0].remaining, 2);
    support_world_del(&w);
}

static void test_shadow(void **state)
{
    struct support_world w;
    clientid_decision d;

    (void)state;
    world(
        &w,
        ORDERS("{\"policy\": \"client-id-enforcement\", \"mode\": \"shadow\", \"id\": \"query:id\","
               " \"secret\": \"query:secret\"}, {\"policy\": \"rate-limiting\", \"mode\":"
               " \"shadow\", \"limits\": [\"1/1m\"]}"));
    d = support_ask(&w, "orders", WRONG);
    expect(&d, CLIENTID_ALLOW, CLIENTID_REASON_ALLOWED);
    assert_int_equal(d.shadow_denied, 1);
    assert_int_equal(d.shadow_reason, CLIENTID_REASON_SECRET_WRONG);
    assert_int_equal(d.verified, 0);
    d = support_ask(&w, "orders", GOOD);
    expect(&d, CLIENTID_ALLOW, CLIENTID_REASON_ALLOWED);
    assert_int_equal(d.shadow_denied, 1);
    assert_int_equal(d.shadow_reason, CLIENTID_REASON_QUOTA_EXCEEDED);
    assert_int_equal(d.verified, 1);
    assert_int_equal(d.limits[0].flags & CLIENTID_LIMIT_SHADOW, CLIENTID_LIMIT_SHADOW);
    support_world_del(&w);
}

static void test_delay(void **state)
{
    struct support_world w;
    clientid_decision first, second;

    (void)state;
    world(&w, ORDERS(THROTTLE));
    support_ask(&w, "orders", GOOD);
    support_ask(&w, "orders", GOOD);
    first = support_ask(&w, "orders", GOOD);
    expect(&first, CLIENTID_DELAY, CLIENTID_REASON_THROTTLED);
    assert_int_equal(first.delay_ns, 500 * MS);
    second = support_ask(&w, "orders", GOOD);
    expect(&second, CLIENTID_DENY, CLIENTID_REASON_QUEUE_FULL);
    /* The first goes on waiting, then is out of attempts. */
    w.request.request.now_ns += 500 * MS;
    assert_int_equal(clientid_resume(w.worker, &w.request.request, &first), 0);
    expect(&first, CLIENTID_DELAY, CLIENTID_REASON_THROTTLED);
    assert_int_equal(clientid_resume(w.worker, &w.request.request, &first), 0);
    expect(&first, CLIENTID_DENY, CLIENTID_REASON_DELAYS_EXHAUSTED);
    /* Its place is free again; a client that leaves frees it too. */
    second = support_ask(&w, "orders", GOOD);
    expect(&second, CLIENTID_DELAY, CLIENTID_REASON_THROTTLED);
    clientid_cancel(&second);
    clientid_cancel(&second);
    first = support_ask(&w, "orders", GOOD);
    expect(&first, CLIENTID_DELAY, CLIENTID_REASON_THROTTLED);
    /* Served once the window has ended. */
    w.request.request.now_ns = w.now_ns + 60 * S;
    assert_int_equal(clientid_resume(w.worker, &w.request.request, &first), 0);
    expect(&first, CLIENTID_ALLOW, CLIENTID_REASON_ALLOWED);
    assert_int_equal(clientid_resume(w.worker, &w.request.request, &first), CLIENTID_ERR_ARG);
    support_world_del(&w);
}

/* What can never pass is refused at once, and takes nobody's place. */
static void test_no_delay_in_vain(void **state)
{
    struct support_world w;
    clientid_decision d = {.size = sizeof(d)};
    const clientid_api *api;

    (void)state;
    world(&w, ORDERS(THROTTLE));
    assert_int_equal(clientid_api_get(w.gateway, CLIENTID_STR("orders"), &api), 0);
    support_request_parse(&w.request, CLIENTID_STR(GOOD), w.now_ns);
    w.request.request.cost = 3;
    assert_int_equal(clientid_check(w.worker, api, &w.request.request, &d), 0);
    expect(&d, CLIENTID_DENY, CLIENTID_REASON_QUOTA_EXCEEDED);
    assert_true(d.retry_after_ns == UINT64_MAX);
    assert_int_equal(d.limits[0].remaining, 2);
    support_world_del(&w);
}

/* A delay reserves nothing: who is revoked while waiting is refused. */
static void test_revoked_while_waiting(void **state)
{
    struct support_world w;
    clientid_decision d;

    (void)state;
    world(&w, ORDERS(THROTTLE));
    support_ask(&w, "orders", GOOD);
    support_ask(&w, "orders", GOOD);
    d = support_ask(&w, "orders", GOOD);
    assert_int_equal(d.verdict, CLIENTID_DELAY);
    support_contract_remove(&w, "orders", "app");
    w.request.request.now_ns += 60 * S;
    assert_int_equal(clientid_resume(w.worker, &w.request.request, &d), 0);
    expect(&d, CLIENTID_DENY, CLIENTID_REASON_CLIENT_UNKNOWN);
    assert_int_equal(d.ticket.held, 0);
    support_world_del(&w);
}

/* When one limit that refuses has no queue, waiting for the other would be for nothing. */
static void test_delay_and_deny_together(void **state)
{
    struct support_world w;
    clientid_decision d;

    (void)state;
    world(&w, ORDERS(THROTTLE ", {\"policy\": \"rate-limiting\", \"limits\": [\"2/1m\"]}"));
    support_ask(&w, "orders", GOOD);
    support_ask(&w, "orders", GOOD);
    d = support_ask(&w, "orders", GOOD);
    expect(&d, CLIENTID_DENY, CLIENTID_REASON_QUOTA_EXCEEDED);
    assert_true(clientid__str_eq(d.policy, CLIENTID_STR("rate-limiting")));
    support_world_del(&w);
}

static void test_key_selector(void **state)
{
    struct support_world w;

    (void)state;
    support_world_new(
        &w,
        ORDERS(
            "{\"policy\": \"rate-limiting\", \"limits\": [\"1/1m\"], \"key\": \"header:x-user\"}"));
    assert_int_equal(support_ask(&w, "orders", "GET / HTTP/1.1\r\nX-User: a\r\n\r\n").verdict,
                     CLIENTID_ALLOW);
    assert_int_equal(support_ask(&w, "orders", "GET / HTTP/1.1\r\nX-User: b\r\n\r\n").verdict,
                     CLIENTID_ALLOW);
    assert_int_equal(support_ask(&w, "orders", "GET / HTTP/1.1\r\nX-User: a\r\n\r\n").verdict,
                     CLIENTID_DENY);
    assert_int_equal(support_ask(&w, "orders", "GET / HTTP/1.1\r\nX-User: A\r\n\r\n").verdict,
                     CLIENTID_ALLOW);
    /* A missing value has a quota of its own. */
    assert_int_equal(support_ask(&w, "orders", NONE).verdict, CLIENTID_ALLOW);
    assert_int_equal(support_ask(&w, "orders", NONE).verdict, CLIENTID_DENY);
    support_world_del(&w);
}

static void test_pointcut_and_preflight(void **state)
{
    struct support_world w;

    (void)state;
    world(&w, "{\"apis\": {\"orders\": {\"allowPreflight\": true, \"policies\": [{\"policy\":"
              " \"client-id-enforcement\", \"id\": \"query:id\", \"secret\": \"query:secret\","
              " \"match\": [{\"method\": \"GET|OPTIONS\", \"path\": \"/v1/.*\"}]}]}}}");
    assert_int_equal(support_ask(&w, "orders", "GET /open HTTP/1.1\r\n\r\n").reason,
                     CLIENTID_REASON_NO_POLICY);
    assert_int_equal(support_ask(&w, "orders", "POST /v1/a HTTP/1.1\r\n\r\n").reason,
                     CLIENTID_REASON_NO_POLICY);
    assert_int_equal(support_ask(&w, "orders", "GET /v1/a HTTP/1.1\r\n\r\n").reason,
                     CLIENTID_REASON_ID_MISSING);
    assert_int_equal(support_ask(&w, "orders", "GET /open/../v1/a HTTP/1.1\r\n\r\n").reason,
                     CLIENTID_REASON_ID_MISSING);
    assert_int_equal(support_ask(&w, "orders", "GET /%76%31/a HTTP/1.1\r\n\r\n").reason,
                     CLIENTID_REASON_ID_MISSING);
    /* new URL(request.url, base) in Node, urlsplit() in Python: a host, then /v1/a. */
    assert_int_equal(support_ask(&w, "orders", "GET //open/v1/a HTTP/1.1\r\n\r\n").reason,
                     CLIENTID_REASON_ID_MISSING);
    assert_int_equal(support_ask(&w, "orders",
                                 "OPTIONS /v1/a HTTP/1.1\r\nOrigin: "
                                 "http://a\r\nAccess-Control-Request-Method: PUT\r\n\r\n")
                         .reason,
                     CLIENTID_REASON_PREFLIGHT);
    assert_int_equal(
        support_ask(&w, "orders", "OPTIONS /v1/a HTTP/1.1\r\nOrigin: http://a\r\n\r\n").reason,
        CLIENTID_REASON_ID_MISSING);
    support_world_del(&w);
}

/* Two policies that read different places must not be shown two clients. */
static void test_two_places_one_client(void **state)
{
    struct support_world w;

    (void)state;
    world(&w, ORDERS("{\"policy\": \"client-id-enforcement\", \"id\": \"header:x-id\"}, " SLA));
    support_contract(
        &w, &(struct support_contract){
                .api = "orders", .client_id = "other", .secret = "right", .id = 2, .tier_id = 1});
    assert_int_equal(
        support_ask(&w, "orders", "GET /?id=app&secret=right HTTP/1.1\r\nX-Id: app\r\n\r\n").reason,
        CLIENTID_REASON_ALLOWED);
    assert_int_equal(
        support_ask(&w, "orders", "GET /?id=app&secret=right HTTP/1.1\r\nX-Id: other\r\n\r\n")
            .reason,
        CLIENTID_REASON_CREDENTIALS_AMBIGUOUS);
    support_world_del(&w);
}

/* A shadowed policy that reads another client never refuses, and does not weaken the rule for those in force. */
static void test_shadow_names_another_client(void **state)
{
#define SHADOW                                                                                     \
    "{\"policy\": \"rate-limiting-sla-based\", \"name\": \"tried\", \"mode\": \"shadow\", "        \
    "\"id\": \"header:x-try\"}, "
    struct support_world w;
    clientid_decision d;

    (void)state;
    world(&w,
          ORDERS(SHADOW SLA ", {\"policy\": \"client-id-enforcement\", \"id\": \"header:x-id\"}"));
    support_contract(
        &w, &(struct support_contract){
                .api = "orders", .client_id = "other", .secret = "right", .id = 2, .tier_id = 1});
    d = support_ask(&w, "orders",
                    "GET /?id=app&secret=right HTTP/1.1\r\nX-Try: other\r\nX-Id: app\r\n\r\n");
    expect(&d, CLIENTID_ALLOW, CLIENTID_REASON_ALLOWED);
    assert_true(clientid__str_eq(d.client_id, CLIENTID_STR("app")));
    assert_int_equal(d.contract_id, 1);
    d = support_ask(&w, "orders",
                    "GET /?id=app&secret=right HTTP/1.1\r\nX-Try: other\r\nX-Id: other\r\n\r\n");
    expect(&d, CLIENTID_DENY, CLIENTID_REASON_CREDENTIALS_AMBIGUOUS);
    d = support_ask(&w, "orders",
                    "GET /?id=other&secret=wrong HTTP/1.1\r\nX-Try: app\r\nX-Id: other\r\n\r\n");
    expect(&d, CLIENTID_DENY, CLIENTID_REASON_SECRET_WRONG);
    assert_int_equal(d.contract_id, 0); /* not that of the client that the shadow read */
    support_world_del(&w);
}

static void test_body(void **state)
{
    static const char raw[] =
        "POST / HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
        "Content-Length: 19\r\n\r\nid=app&secret=right";
    struct support_world w;
    clientid_decision d = {.size = sizeof(d)};
    const clientid_api *api;

    (void)state;
    world(&w, ORDERS("{\"policy\": \"rate-limiting-sla-based\", \"id\": \"form:id\", \"secret\": "
                     "\"form:secret\"}"));
    assert_int_equal(clientid_api_get(w.gateway, CLIENTID_STR("orders"), &api), 0);
    assert_true(clientid_api_wants(w.worker, api) & CLIENTID_WANTS_BODY);
    support_request_parse(&w.request, CLIENTID_STR(raw), w.now_ns);
    assert_int_equal(clientid_check(w.worker, api, &w.request.request, &d), 0);
    expect(&d, CLIENTID_NEED_BODY, CLIENTID_REASON_BODY_NEEDED);
    w.request.request.flags = CLIENTID_BODY_TOO_LARGE;
    assert_int_equal(clientid_check(w.worker, api, &w.request.request, &d), 0);
    expect(&d, CLIENTID_DENY, CLIENTID_REASON_BODY_TOO_LARGE);
    d = support_ask(&w, "orders", raw);
    expect(&d, CLIENTID_ALLOW, CLIENTID_REASON_ALLOWED);
    assert_int_equal(d.limits[0].remaining, 1); /* NEED_BODY charged nothing */
    support_world_del(&w);
}

static void test_rotation(void **state)
{
    struct support_world w;
    clientid_decision d;

    (void)state;
    support_world_new(&w, ORDERS(CIE));
    support_contract(&w, &(struct support_contract){.api = "orders",
                                                    .client_id = "app",
                                                    .secret = "right",
                                                    .secret2 = "wrong",
                                                    .not_after_ns = w.now_ns + 10 * S,
                                                    .not_before2_ns = w.now_ns + 5 * S});
    assert_int_equal(support_ask(&w, "orders", GOOD).secret_slot, 1);
    assert_int_equal(support_ask(&w, "orders", WRONG).reason, CLIENTID_REASON_SECRET_EXPIRED);
    w.now_ns += 5 * S;
    d = support_ask(&w, "orders", WRONG);
    expect(&d, CLIENTID_ALLOW, CLIENTID_REASON_ALLOWED);
    assert_int_equal(d.secret_slot, 2);
    assert_int_equal(support_ask(&w, "orders", GOOD).verdict, CLIENTID_ALLOW);
    w.now_ns += 5 * S;
    assert_int_equal(support_ask(&w, "orders", GOOD).reason, CLIENTID_REASON_SECRET_EXPIRED);
    assert_int_equal(support_ask(&w, "orders", WRONG).verdict, CLIENTID_ALLOW);
    support_world_del(&w);
}

static void test_last_use(void **state)
{
    clientid_secret slot = {.salt_len = 16};
    struct support_world w;

    (void)state;
    world(&w, ORDERS(CIE));
    memcpy(slot.salt, "0123456789abcdef", 16);
    assert_int_equal(clientid_secret_hash(&slot, CLIENTID_STR("right"), NULL, 0), 0);
    assert_int_equal(
        clientid_last_use_minute(w.gateway, CLIENTID_STR("app"), clientid_slot_key(slot.hash)), 0);
    support_ask(&w, "orders", WRONG);
    assert_int_equal(
        clientid_last_use_minute(w.gateway, CLIENTID_STR("app"), clientid_slot_key(slot.hash)), 0);
    support_ask(&w, "orders", GOOD);
    assert_int_equal(
        clientid_last_use_minute(w.gateway, CLIENTID_STR("app"), clientid_slot_key(slot.hash)),
        w.now_ns / (60 * S));
    support_world_del(&w);
}

static uint64_t last_use(struct support_world *w, const char *secret)
{
    clientid_secret slot = {.salt_len = 16};

    memcpy(slot.salt, "0123456789abcdef", 16);
    assert_int_equal(clientid_secret_hash(&slot, clientid__cstr(secret), NULL, 0), 0);
    return clientid_last_use_minute(w->gateway, CLIENTID_STR("app"), clientid_slot_key(slot.hash));
}

/* The record remembers what was noted last: another minute or another secret must not be taken for it. */
static void test_every_minute_and_secret_is_noted(void **state)
{
    static const char one[] = "GET /a?id=app&secret=one HTTP/1.1\r\n\r\n",
                      two[] = "GET /a?id=app&secret=two HTTP/1.1\r\n\r\n";
    struct support_world w;
    uint64_t minute;

    (void)state;
    support_world_new(
        &w, "{\"degradedAfter\": \"1d\", \"apis\": {\"orders\": {\"policies\": [{\"policy\": "
            "\"client-id-enforcement\", \"id\": \"query:id\", \"secret\": \"query:secret\"}]}}}");
    support_contract(&w,
                     &(struct support_contract){
                         .api = "orders", .client_id = "app", .secret = "one", .secret2 = "two"});
    for (int round = 0; round < 3; round++, w.now_ns += UINT64_C(60000000000)) {
        minute = w.now_ns / UINT64_C(60000000000);
        assert_int_equal(support_ask(&w, "orders", one).secret_slot, 1);
        assert_int_equal(support_ask(&w, "orders", one).secret_slot, 1);
        assert_int_equal(last_use(&w, "one"), minute);
        assert_int_equal(last_use(&w, "two"), round == 0 ? 0 : minute - 1);
        assert_int_equal(support_ask(&w, "orders", two).secret_slot, 2);
        assert_int_equal(last_use(&w, "two"), minute);
    }
    for (int round = 0; round < 2; round++, w.now_ns += UINT64_C(60000000000)) {
        assert_int_equal(support_ask(&w, "orders", one).secret_slot, 1);
        assert_int_equal(last_use(&w, "one"), w.now_ns / UINT64_C(60000000000));
    }
    support_world_del(&w);
}

/* Decoded secrets do not stay in the host's memory. */
static void test_scratch_is_wiped(void **state)
{
    struct support_world w;
    clientid_decision d;

    (void)state;
    world(&w, ORDERS("{\"policy\": \"client-id-enforcement\", \"basic\": true}"));
    d = support_ask(&w, "orders", "GET / HTTP/1.1\r\nAuthorization: Basic YXBwOnJpZ2h0\r\n\r\n");
    expect(&d, CLIENTID_ALLOW, CLIENTID_REASON_ALLOWED);
    assert_true(clientid__str_eq(d.client_id, CLIENTID_STR("app")));
    for (size_t i = 0; i + 5 <= sizeof(w.request.scratch); i++)
        assert_memory_not_equal(w.request.scratch + i, "right", 5);
    support_world_del(&w);
}

static void test_gatekeeper(void **state)
{
    static const struct {
        const char *why, *gatekeeper;
        int loaded, from_source;
        clientid_reason reason;
    } rows[] = {
        {"flexible, nothing loaded", "flexible", 0, 0, CLIENTID_REASON_REGISTRY_NOT_LOADED},
        {"flexible, from disk", "flexible", 1, 0, CLIENTID_REASON_ALLOWED},
        {"strict, from disk", "strict", 1, 0, CLIENTID_REASON_REGISTRY_NOT_LOADED},
        {"strict, from the source", "strict", 1, 1, CLIENTID_REASON_ALLOWED},
        {"disabled, nothing loaded", "disabled", 0, 0, CLIENTID_REASON_GATEKEEPER_DISABLED},
        {"disabled, loaded", "disabled", 1, 0, CLIENTID_REASON_ALLOWED},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        clientid_status status = {.size = sizeof(status)};
        char config[512];
        struct support_world w;
        clientid_decision d;

        snprintf(config, sizeof(config),
                 "{\"gatekeeper\": \"%s\", \"apis\": {\"orders\": {\"policies\": [" CIE "]}}}",
                 rows[i].gatekeeper);
        world(&w, config);
        if (!rows[i].loaded)
            clientid__gateway_publish(w.gateway, NULL);
        clientid__gateway_synced(w.gateway, &(struct clientid__sync_status){
                                                .contact_ns = w.now_ns,
                                                .revision = 1,
                                                .from_source = (uint32_t)rows[i].from_source});
        d = support_ask(&w, "orders", GOOD);
        if (d.reason != rows[i].reason)
            fail_msg("%s: %s", rows[i].why, clientid_reason_label(d.reason));
        assert_int_equal(clientid_gateway_status(w.gateway, w.now_ns, &status), 0);
        assert_int_equal(status.reason, rows[i].reason);
        assert_int_equal(status.serving, d.verdict == CLIENTID_ALLOW);
        assert_int_equal(status.loaded, rows[i].loaded);
        assert_int_equal(status.source_reached, rows[i].from_source);
        assert_int_equal(status.contracts, rows[i].loaded);
        support_world_del(&w);
    }
}

static void test_age(void **state)
{
    struct support_world w;

    (void)state;
    world(&w, "{\"maximumAge\": \"1h\", \"degradedAfter\": \"10s\", \"apis\": {\"orders\": "
              "{\"policies\": [" CIE "]}}}");
    assert_int_equal(support_ask(&w, "orders", GOOD).degraded, 0);
    w.now_ns += 11 * S;
    assert_int_equal(support_ask(&w, "orders", GOOD).degraded, 1);
    assert_int_equal(support_ask(&w, "orders", GOOD).verdict, CLIENTID_ALLOW);
    w.now_ns += 3600 * S;
    assert_int_equal(support_ask(&w, "orders", GOOD).reason, CLIENTID_REASON_REGISTRY_EXPIRED);
    /* A clock that went back is no reason to refuse. */
    w.now_ns -= 2 * 3600 * S;
    assert_int_equal(support_ask(&w, "orders", GOOD).verdict, CLIENTID_ALLOW);
    support_world_del(&w);
}

static void test_bad_calls(void **state)
{
    struct support_world w;
    clientid_decision d = {.size = sizeof(d)};
    clientid_request *r = &w.request.request;
    const clientid_api *api, *foreign;
    struct support_world other;

    (void)state;
    world(&w, ORDERS(CIE));
    world(&other, ORDERS(CIE));
    assert_int_equal(clientid_api_get(w.gateway, CLIENTID_STR("orders"), &api), 0);
    assert_int_equal(clientid_api_get(other.gateway, CLIENTID_STR("orders"), &foreign), 0);
    support_request_parse(&w.request, CLIENTID_STR(GOOD), w.now_ns);
    assert_int_equal(clientid_check(w.worker, api, r, &d), 0);
    assert_int_equal(clientid_check(w.worker, foreign, r, &d), CLIENTID_ERR_ARG);
    assert_int_equal(clientid_check(NULL, api, r, &d), CLIENTID_ERR_ARG);
    assert_int_equal(clientid_check(w.worker, NULL, r, &d), CLIENTID_ERR_ARG);
    r->flags = 64;
    assert_int_equal(clientid_check(w.worker, api, r, &d), CLIENTID_ERR_ARG);
    r->flags = 0;
    r->cost = 1000001;
    assert_int_equal(clientid_check(w.worker, api, r, &d), CLIENTID_ERR_ARG);
    r->cost = 0;
    r->scratch_len = CLIENTID_SCRATCH_BYTES - 1;
    assert_int_equal(clientid_check(w.worker, api, r, &d), CLIENTID_ERR_SPACE);
    r->scratch_len++;
    r->size--;
    assert_int_equal(clientid_check(w.worker, api, r, &d), CLIENTID_ERR_ARG);
    support_world_del(&other);
    support_world_del(&w);
}

static int broken_header(void *host, clientid_str name, size_t nth, clientid_str *value)
{
    (void)host, (void)name, (void)nth, (void)value;
    return -77;
}

static void test_host_that_cannot_tell(void **state)
{
    struct support_world w;
    clientid_decision d = {.size = sizeof(d)};
    const clientid_api *api;

    (void)state;
    world(&w, ORDERS("{\"policy\": \"client-id-enforcement\", \"basic\": true}"));
    assert_int_equal(clientid_api_get(w.gateway, CLIENTID_STR("orders"), &api), 0);
    support_request_parse(&w.request, CLIENTID_STR(GOOD), w.now_ns);
    w.request.request.header = broken_header;
    assert_int_equal(clientid_check(w.worker, api, &w.request.request, &d), -77);
    support_world_del(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_identity),
        cmocka_unit_test(test_contract_status),
        cmocka_unit_test(test_explains),
        cmocka_unit_test(test_reset_is_no_longer_than_the_period),
        cmocka_unit_test(test_refused_charges_nothing),
        cmocka_unit_test(test_cost_peek_refund),
        cmocka_unit_test(test_shadow),
        cmocka_unit_test(test_delay),
        cmocka_unit_test(test_no_delay_in_vain),
        cmocka_unit_test(test_revoked_while_waiting),
        cmocka_unit_test(test_delay_and_deny_together),
        cmocka_unit_test(test_key_selector),
        cmocka_unit_test(test_pointcut_and_preflight),
        cmocka_unit_test(test_two_places_one_client),
        cmocka_unit_test(test_shadow_names_another_client),
        cmocka_unit_test(test_body),
        cmocka_unit_test(test_rotation),
        cmocka_unit_test(test_last_use),
        cmocka_unit_test(test_every_minute_and_secret_is_noted),
        cmocka_unit_test(test_scratch_is_wiped),
        cmocka_unit_test(test_gatekeeper),
        cmocka_unit_test(test_age),
        cmocka_unit_test(test_bad_calls),
        cmocka_unit_test(test_host_that_cannot_tell),
    };

    return cmocka_run_group_tests_name("check", tests, NULL, NULL);
}
