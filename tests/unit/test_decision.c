/* SPDX-License-Identifier: Apache-2.0 */
/* What a decision says must be so on every path, whatever lay in its memory before. */
#include "support_random.h"
#include "support_world.h"

#include "base/str.h"
#include "gateway.h"

#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define ORDERS(policies) "{\"apis\": {\"orders\": {\"policies\": [" policies "]}}}"
#define CIE                                                                                        \
    "{\"policy\": \"client-id-enforcement\", \"id\": \"query:id\", \"secret\": \"query:secret\"}"
#define SHADOW_ID(name)                                                                            \
    "{\"policy\": \"client-id-enforcement\", \"name\": \"" name "\", \"mode\": \"shadow\", "       \
    "\"id\": \"header:x-try\"}"
#define SLA                                                                                        \
    "{\"policy\": \"rate-limiting-sla-based\", \"id\": \"query:id\", \"secret\": "                 \
    "\"query:secret\"}"
#define PLAIN_SLA "\"policy\": \"rate-limiting-sla-based\", \"id\": \"query:id\""
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

static void tier(struct support_world *w, uint64_t id, const char *name, size_t count)
{
    clientid_limit limits[CLIENTID_TIER_LIMITS_MAX];
    clientid_event event = {.type = CLIENTID_EVENT_TIER};

    for (size_t i = 0; i < count; i++)
        limits[i] =
            (clientid_limit){.maximum_requests = 2 + i, .period_ms = 60000 * (i + 1), .visible = 1};
    event.u.tier = (clientid_tier_event){id, clientid__cstr(name), limits, count};
    assert_int_equal(clientid__registry_apply(w->registry, &event), 0);
}

static void world(struct support_world *w, const char *config)
{
    support_world_new(w, config);
    support_tier(w, 1, "gold", 2, 60000);
    support_contract(w, &(struct support_contract){
                            .api = "orders", .client_id = "app", .secret = "right", .tier_id = 1});
    support_contract(
        w, &(struct support_contract){
               .api = "orders", .client_id = "other", .secret = "right", .id = 2, .tier_id = 1});
}

/* ---- every field ------------------------------------------------------------------------------- */

static int check_poisoned(struct support_world *w, const char *api, const char *raw, int poison,
                          unsigned flags, clientid_decision *d)
{
    const clientid_api *found;

    memset(d, poison, sizeof(*d));
    d->size = sizeof(*d);
    assert_int_equal(clientid_api_get(w->gateway, clientid__cstr(api), &found), 0);
    assert_int_equal(support_request_parse(&w->request, clientid__cstr(raw), w->now_ns), 0);
    w->request.request.flags = flags;
    return clientid_check(w->worker, found, &w->request.request, d);
}

/* Offset of the first byte in which both differ and which a host may read, or -1. */
static long difference(const clientid_decision *a, const clientid_decision *b)
{
    const unsigned char *x = (const unsigned char *)a, *y = (const unsigned char *)b;
    const size_t limits = offsetof(clientid_decision, limits);
    const size_t receipt = offsetof(clientid_decision, receipt);
    const size_t entry = receipt + offsetof(clientid_receipt, entry);
    const size_t answer = offsetof(clientid_decision, answer);

    for (size_t i = 0; i < sizeof(*a); i++) {
        if (i >= limits + a->limit_count * sizeof(a->limits[0]) && i < receipt)
            continue;
        if (i >= entry + a->receipt.count * sizeof(a->receipt.entry[0]) && i < answer)
            continue;
        if (x[i] != y[i])
            return (long)i;
    }
    return -1;
}

/* Leaves things as they were. */
static void undo(struct support_world *w, clientid_decision *d)
{
    clientid_cancel(d);
    assert_int_equal(clientid_refund(w->worker, &d->receipt, w->now_ns), 0);
}

static void test_every_field_is_set(void **state)
{
#define FORM                                                                                       \
    "POST / HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\nContent-Length: 6\r\n"  \
    "\r\nid=app"
    static const struct {
        const char *why, *config, *api, *raw;
        unsigned flags, uses;
        clientid_verdict verdict;
    } rows[] = {
        {"allowed", ORDERS(CIE), "orders", GOOD, 0, 0, CLIENTID_ALLOW},
        {"with limits", ORDERS(SLA), "orders", GOOD, 0, 0, CLIENTID_ALLOW},
        {"peeked", ORDERS(SLA), "orders", GOOD, CLIENTID_PEEK, 0, CLIENTID_ALLOW},
        {"wrong secret", ORDERS(SLA), "orders", WRONG, 0, 0, CLIENTID_DENY},
        {"nothing shown", ORDERS(CIE), "orders", NONE, 0, 0, CLIENTID_DENY},
        {"unknown API instance", ORDERS(CIE), "stranger", GOOD, 0, 0, CLIENTID_DENY},
        {"no policy", ORDERS(""), "orders", GOOD, 0, 0, CLIENTID_ALLOW},
        {"preflight",
         "{\"apis\": {\"orders\": {\"allowPreflight\": true, \"policies\": [" CIE "]}}}", "orders",
         "OPTIONS / HTTP/1.1\r\nOrigin: a\r\nAccess-Control-Request-Method: GET\r\n\r\n", 0, 0,
         CLIENTID_ALLOW},
        {"shadow", ORDERS(SHADOW_ID("tried")), "orders", NONE, 0, 0, CLIENTID_ALLOW},
        {"body needed", ORDERS("{\"policy\": \"client-id-enforcement\", \"id\": \"form:id\"}"),
         "orders", FORM, 0, 0, CLIENTID_NEED_BODY},
        {"body too large", ORDERS("{\"policy\": \"client-id-enforcement\", \"id\": \"form:id\"}"),
         "orders", FORM, CLIENTID_BODY_TOO_LARGE, 0, CLIENTID_DENY},
        {"quota used up", ORDERS(SLA), "orders", GOOD, 0, 2, CLIENTID_DENY},
        {"waits", ORDERS(THROTTLE), "orders", GOOD, 0, 2, CLIENTID_DELAY},
        {"peeks at a wait", ORDERS(THROTTLE), "orders", GOOD, CLIENTID_PEEK, 2, CLIENTID_DELAY},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        clientid_decision a, b;
        struct support_world w;
        long at;

        world(&w, rows[i].config);
        for (unsigned use = 0; use < rows[i].uses; use++)
            check_poisoned(&w, rows[i].api, rows[i].raw, 0, 0, &a);
        check_poisoned(&w, rows[i].api, rows[i].raw, 0, rows[i].flags, &a);
        undo(&w, &a);
        assert_int_equal(check_poisoned(&w, rows[i].api, rows[i].raw, 0xa5, rows[i].flags, &a), 0);
        b = a;
        undo(&w, &b);
        assert_int_equal(check_poisoned(&w, rows[i].api, rows[i].raw, 0x5a, rows[i].flags, &b), 0);
        at = difference(&a, &b);
        undo(&w, &b);
        if (a.verdict != rows[i].verdict)
            fail_msg("%s: %s", rows[i].why, clientid_reason_label(a.reason));
        if (at >= 0)
            fail_msg("%s: byte %ld", rows[i].why, at);
        assert_true(a.verdict == CLIENTID_DENY || a.verdict == CLIENTID_DELAY ||
                    a.retry_after_ns == 0);
        assert_true(a.verdict == CLIENTID_DELAY || a.delay_ns == 0);
        assert_true(a.verdict == CLIENTID_DELAY || a.ticket.held == 0);
        support_world_del(&w);
    }
}

/* ---- who it was -------------------------------------------------------------------------------- */

/* Nothing that a policy in shadow mode found out about one client is said of another. */
static void test_shadow_verifies_nobody_else(void **state)
{
    struct support_world w;
    clientid_decision d;

    (void)state;
    world(&w,
          ORDERS("{\"policy\": \"client-id-enforcement\", \"name\": \"tried\", \"mode\": "
                 "\"shadow\", \"id\": \"header:x-try\", \"secret\": \"header:x-secret\"}, " CIE));
    d = support_ask(
        &w, "orders",
        "GET /?id=app&secret=wrong HTTP/1.1\r\nX-Try: other\r\nX-Secret: right\r\n\r\n");
    expect(&d, CLIENTID_DENY, CLIENTID_REASON_SECRET_WRONG);
    assert_true(clientid__str_eq(d.client_id, CLIENTID_STR("app")));
    assert_int_equal(d.verified, 0);
    assert_int_equal(d.secret_slot, 0);
    support_world_del(&w);
}

/* One policy takes the id alone, the next wants the secret, which is wrong. */
static void test_refused_is_not_verified(void **state)
{
    struct support_world w;
    clientid_decision d;

    (void)state;
    world(&w, ORDERS("{\"policy\": \"client-id-enforcement\", \"id\": \"header:x-id\"}, " SLA));
    d = support_ask(&w, "orders", "GET /?id=app&secret=wrong HTTP/1.1\r\nX-Id: app\r\n\r\n");
    expect(&d, CLIENTID_DENY, CLIENTID_REASON_SECRET_WRONG);
    assert_int_equal(d.verified, 0);
    support_world_del(&w);
}

/* Which limits are visible is a matter of the tier they come from. */
static void test_shadow_limits_keep_their_tier(void **state)
{
#define SHOWN(mode, name, id)                                                                      \
    "{\"policy\": \"rate-limiting-sla-based\", \"mode\": \"" mode "\", \"name\": \"" name "\", "   \
    "\"id\": \"" id "\", \"exposeHeaders\": true}"
    struct support_world w;
    clientid_decision d;

    (void)state;
    world(&w, ORDERS(SHOWN("shadow", "tried", "header:x-try") ", " SHOWN("enforce", "kept",
                                                                         "header:x-id")));
    tier(&w, 2, "wide", 4);
    support_contract(&w, &(struct support_contract){
                             .api = "orders", .client_id = "wide", .id = 3, .tier_id = 2});
    d = support_ask(&w, "orders", "GET / HTTP/1.1\r\nX-Try: wide\r\nX-Id: app\r\n\r\n");
    expect(&d, CLIENTID_ALLOW, CLIENTID_REASON_ALLOWED);
    assert_int_equal(d.limit_count, 5);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(d.limits[i].flags,
                         CLIENTID_LIMIT_VISIBLE | CLIENTID_LIMIT_SHADOW | CLIENTID_LIMIT_TIER);
    support_world_del(&w);
}

/* ---- room ---------------------------------------------------------------------------------------- */

#define EIGHT                                                                                      \
    "[\"1000/1m\", \"1001/2m\", \"1002/3m\", \"1003/4m\", \"1004/5m\", \"1005/6m\", \"1006/7m\", " \
    "\"1007/8m\"]"
#define MATCHED(name, mode)                                                                        \
    "{\"policy\": \"rate-limiting\", \"name\": \"" name "\", \"mode\": \"" mode "\", "             \
    "\"limits\": " EIGHT ", \"match\": [{\"method\": \"GET\", \"path\": \"/.*\"}]}"

/* More limits than a decision has room for: those of policies in shadow mode give way, and never refuse. */
static void test_shadow_takes_no_room(void **state)
{
    static const struct {
        const char *why, *config;
        clientid_reason reason;
        uint32_t limits;
    } rows[] = {
        {"the shadow comes last",
         ORDERS(MATCHED("a", "enforce") ", " MATCHED("b", "enforce") ", " MATCHED("c", "shadow")),
         CLIENTID_REASON_ALLOWED, 16},
        {"the shadow comes first",
         ORDERS(MATCHED("a", "shadow") ", " MATCHED("b", "enforce") ", " MATCHED("c", "enforce")),
         CLIENTID_REASON_ALLOWED, 16},
        {"of a tier", ORDERS(MATCHED("a", "shadow") ", " MATCHED("b", "enforce") ", " SLA),
         CLIENTID_REASON_ALLOWED, 9},
        {"all in force",
         ORDERS(MATCHED("a", "enforce") ", " MATCHED("b", "enforce") ", " MATCHED("c", "enforce")),
         CLIENTID_REASON_LIMITS_INVALID, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct support_world w;
        clientid_decision d;
        bool shadow = strstr(rows[i].config, "shadow") != NULL;

        world(&w, rows[i].config);
        d = support_ask(&w, "orders", GOOD);
        if (d.reason != rows[i].reason || d.limit_count != rows[i].limits)
            fail_msg("%s: %s, %u limits", rows[i].why, clientid_reason_label(d.reason),
                     d.limit_count);
        assert_int_equal(d.shadow_denied, shadow);
        if (shadow)
            assert_int_equal(d.shadow_reason, CLIENTID_REASON_LIMITS_INVALID);
        for (uint32_t k = 0; k < d.limit_count; k++) {
            assert_int_equal(d.limits[k].flags & CLIENTID_LIMIT_BOUND, 0);
            assert_true(d.limits[k].maximum_requests == 2 ||
                        (d.limits[k].maximum_requests >= 1000 &&
                         d.limits[k].remaining == d.limits[k].maximum_requests - 1));
        }
        support_world_del(&w);
    }
}

/* Limits of a tier that move up are still those of the tier. */
static void test_limits_move_up(void **state)
{
    struct support_world w;
    clientid_decision d;

    (void)state;
    world(&w, ORDERS(MATCHED("a", "shadow") ", {\"name\": \"x\", " PLAIN_SLA
                                            "}, {\"name\": \"y\", " PLAIN_SLA "}"));
    tier(&w, 2, "wide", 5);
    support_contract(&w, &(struct support_contract){
                             .api = "orders", .client_id = "wide", .id = 3, .tier_id = 2});
    d = support_ask(&w, "orders", "GET /?id=wide HTTP/1.1\r\n\r\n");
    expect(&d, CLIENTID_ALLOW, CLIENTID_REASON_ALLOWED);
    assert_int_equal(d.limit_count, 10);
    for (uint32_t i = 0; i < 10; i++) {
        assert_int_equal(d.limits[i].maximum_requests, 2 + i % 5);
        assert_int_equal(d.limits[i].remaining, 1 + i % 5);
        assert_true(clientid__str_eq(d.limits[i].policy, clientid__cstr(i < 5 ? "x" : "y")));
    }
    support_world_del(&w);
}

/* A request that fills the scratch is refused: it does not go on without the name and tier of its client. */
static void test_scratch_holds_name_and_tier(void **state)
{
    char config[4096], raw[8192];
    size_t used, filled = 0;

    (void)state;
    used = (size_t)snprintf(config, sizeof(config), "{\"apis\": {\"orders\": {\"policies\": [");
    for (int i = 0; i < 9; i++)
        used += (size_t)snprintf(config + used, sizeof(config) - used,
                                 "{\"policy\": \"rate-limiting\", \"limits\": [\"9/s\"], \"key\": "
                                 "\"query:k%d\"}, ",
                                 i);
    snprintf(config + used, sizeof(config) - used,
             "{\"policy\": \"client-id-enforcement\", \"id\": \"header:x-id\"}]}}}");
    for (size_t last = 0; last < 500; last += 7) {
        struct support_world w;
        clientid_decision d;

        used = (size_t)snprintf(raw, sizeof(raw), "GET /?");
        for (int i = 0; i < 9; i++)
            used += (size_t)snprintf(raw + used, sizeof(raw) - used, "k%d=%%41%0*d&", i,
                                     i < 8 ? 480 : (int)last + 1, 0);
        snprintf(raw + used, sizeof(raw) - used, " HTTP/1.1\r\nX-Id: app\r\n\r\n");
        world(&w, config);
        d = support_ask(&w, "orders", raw);
        if (d.verdict == CLIENTID_ALLOW) {
            assert_true(clientid__str_eq(d.client_name, CLIENTID_STR("Test application")));
            assert_true(clientid__str_eq(d.tier, CLIENTID_STR("gold")));
        } else {
            expect(&d, CLIENTID_DENY, CLIENTID_REASON_CREDENTIALS_TOO_LONG);
            assert_int_equal(d.verified, 0);
            filled++;
        }
        support_world_del(&w);
    }
    assert_true(filled > 0);
}

/* ---- shadow mode ----------------------------------------------------------------------------------- */

static const char *const kinds[] = {
    "\"policy\": \"client-id-enforcement\", \"id\": \"query:id\", \"secret\": \"query:secret\"",
    "\"policy\": \"client-id-enforcement\", \"id\": \"header:x-id\"",
    "\"policy\": \"client-id-enforcement\", \"basic\": true",
    "\"policy\": \"client-id-enforcement\", \"id\": \"any:id\", \"secret\": \"any:secret\"",
    "\"policy\": \"rate-limiting-sla-based\", \"id\": \"query:id\", \"secret\": \"query:secret\"",
    "\"policy\": \"rate-limiting-sla-based\", \"id\": \"header:x-id\"",
    "\"policy\": \"throttling-sla-based\", \"id\": \"query:id\", \"delay\": \"1s\", \"queue\": 1",
    "\"policy\": \"rate-limiting\", \"limits\": [\"3/1m\", \"9/1h\"]",
    "\"policy\": \"rate-limiting\", \"limits\": [\"2/1m\"], \"key\": \"query:id\"",
    "\"policy\": \"spike-control\", \"limit\": \"4/1m\", \"delay\": \"1s\", \"queue\": 1",
    "\"policy\": \"rate-limiting\", \"limits\": [\"1/1m\"], \"match\": [{\"path\": \"/b.*\"}]",
};

static const char *const asks[] = {
    GOOD,
    WRONG,
    NONE,
    "GET /b?id=app&secret=right HTTP/1.1\r\nX-Id: app\r\n\r\n",
    "GET /a?id=app&secret=right HTTP/1.1\r\nX-Id: other\r\n\r\n",
    "GET /a?id=other&secret=right HTTP/1.1\r\nX-Id: other\r\nId: other\r\nSecret: right\r\n\r\n",
    "GET /b HTTP/1.1\r\nX-Id: app\r\nAuthorization: Basic YXBwOnJpZ2h0\r\n\r\n",
    "GET /a?id=other&secret=right HTTP/1.1\r\nAuthorization: Basic YXBwOnJpZ2h0\r\n\r\n",
    "GET /a?id=%61pp&id=app HTTP/1.1\r\nX-Id: nobody\r\n\r\n",
};

/* The same chain twice, in |kept| without the policies in shadow mode. */
static void any_chain(uint64_t *seed, char *all, char *kept, size_t room)
{
    const char *comma[2] = {"", ""};
    size_t count = 1 + support_below(seed, 6), used[2];

    used[0] = (size_t)snprintf(all, room, "{\"apis\": {\"orders\": {\"policies\": [");
    used[1] = (size_t)snprintf(kept, room, "%s", all);
    for (size_t i = 0; i < count; i++) {
        const char *kind = kinds[support_below(seed, sizeof(kinds) / sizeof(kinds[0]))];
        bool shadow = support_below(seed, 2) == 0;

        used[0] += (size_t)snprintf(all + used[0], room - used[0],
                                    "%s{%s, \"name\": \"p%zu\", \"mode\": \"%s\"}", comma[0], kind,
                                    i, shadow ? "shadow" : "enforce");
        comma[0] = ", ";
        if (shadow)
            continue;
        used[1] += (size_t)snprintf(kept + used[1], room - used[1], "%s{%s, \"name\": \"p%zu\"}",
                                    comma[1], kind, i);
        comma[1] = ", ";
    }
    snprintf(all + used[0], room - used[0], "]}}}");
    snprintf(kept + used[1], room - used[1], "]}}}");
}

static bool same_decision(const clientid_decision *all, const clientid_decision *kept)
{
    uint32_t k = 0;

    if (all->verdict != kept->verdict || !clientid__str_eq(all->policy, kept->policy) ||
        (all->reason != kept->reason && kept->reason != CLIENTID_REASON_NO_POLICY) ||
        all->retry_after_ns != kept->retry_after_ns || all->delay_ns != kept->delay_ns)
        return false;
    if (kept->verified &&
        (!all->verified || !clientid__str_eq(all->client_id, kept->client_id) ||
         !clientid__str_eq(all->tier, kept->tier) || all->contract_id != kept->contract_id ||
         all->secret_slot < kept->secret_slot))
        return false;
    for (uint32_t i = 0; i < all->limit_count; i++) {
        const clientid_limit_report *a = &all->limits[i], *b = &kept->limits[k];

        if (a->flags & CLIENTID_LIMIT_SHADOW)
            continue;
        if (k++ == kept->limit_count || !clientid__str_eq(a->policy, b->policy) ||
            a->remaining != b->remaining || a->reset_ns != b->reset_ns || a->flags != b->flags)
            return false;
    }
    return k == kept->limit_count;
}

/* "Decide, count and report, never refuse": a chain decides as it does without what is in shadow mode. */
static void test_shadow_changes_nothing(void **state)
{
    (void)state;
    for (uint64_t round = 0; round < 400; round++) {
        char all[4096], kept[4096];
        struct support_world a, b;
        uint64_t seed = round;

        any_chain(&seed, all, kept, sizeof(all));
        world(&a, all);
        world(&b, kept);
        for (int i = 0; i < 30; i++) {
            const char *raw = asks[support_below(&seed, sizeof(asks) / sizeof(asks[0]))];
            clientid_decision x = support_ask(&a, "orders", raw);
            clientid_decision y = support_ask(&b, "orders", raw);

            if (!same_decision(&x, &y))
                fail_msg("seed %llu: %s\n%s%s and %s", (unsigned long long)round, all, raw,
                         clientid_reason_label(x.reason), clientid_reason_label(y.reason));
            if (support_below(&seed, 2) == 0) {
                clientid_cancel(&x);
                clientid_cancel(&y);
            }
            a.now_ns = b.now_ns += support_below(&seed, 4000000000);
        }
        support_world_del(&a);
        support_world_del(&b);
    }
}

/* ---- waiting ------------------------------------------------------------------------------------- */

/* "On an error the place is free too", whatever the error. */
static void test_failed_resume_frees_the_place(void **state)
{
    struct support_world w;
    clientid_decision d, next;
    clientid_request *r = &w.request.request;

    (void)state;
    world(&w, ORDERS(THROTTLE));
    support_ask(&w, "orders", GOOD);
    support_ask(&w, "orders", GOOD);
    for (int error = 0; error < 5; error++) {
        clientid_worker *worker = error == 0 ? NULL : w.worker;

        d = support_ask(&w, "orders", GOOD);
        expect(&d, CLIENTID_DELAY, CLIENTID_REASON_THROTTLED);
        next = support_ask(&w, "orders", GOOD);
        expect(&next, CLIENTID_DENY, CLIENTID_REASON_QUEUE_FULL);
        r->cost = error == 1 ? 1000001 : 0;
        r->flags = error == 2 ? 64 : 0;
        r->size -= error == 3;
        r->scratch_len -= error == 4;
        assert_true(clientid_resume(worker, r, &d) < 0);
        assert_int_equal(d.ticket.held, 0);
        clientid_cancel(&d);
    }
    d = support_ask(&w, "orders", GOOD);
    expect(&d, CLIENTID_DELAY, CLIENTID_REASON_THROTTLED);
    clientid_cancel(&d);
    support_world_del(&w);
}

/* Whoever resumes with another request gets the verdict that this request deserves. */
static void test_resume_with_another_request(void **state)
{
    struct support_world w;
    clientid_decision d;

    (void)state;
    world(&w, ORDERS(THROTTLE));
    support_ask(&w, "orders", GOOD);
    support_ask(&w, "orders", GOOD);
    d = support_ask(&w, "orders", GOOD);
    expect(&d, CLIENTID_DELAY, CLIENTID_REASON_THROTTLED);
    support_request_parse(&w.request, CLIENTID_STR(WRONG), w.now_ns);
    assert_int_equal(clientid_resume(w.worker, &w.request.request, &d), 0);
    expect(&d, CLIENTID_DENY, CLIENTID_REASON_SECRET_WRONG);
    assert_int_equal(d.ticket.held, 0);
    assert_int_equal(clientid_resume(w.worker, &w.request.request, &d), CLIENTID_ERR_ARG);
    support_world_del(&w);
}

/* ---- receipts ------------------------------------------------------------------------------------ */

/* No receipt, however made up, gives more than the limit, and none touches memory outside the table. */
static void test_forged_receipts(void **state)
{
    uint64_t seed = 20;
    struct support_world w;
    clientid_decision d;

    (void)state;
    world(&w, ORDERS(SLA));
    for (int i = 0; i < 20000; i++) {
        clientid_receipt receipt;
        unsigned char *bytes = (unsigned char *)&receipt;

        d = support_ask(&w, "orders", GOOD);
        receipt = d.receipt;
        if (i % 2 == 0)
            for (size_t b = 0; b < sizeof(receipt); b++)
                bytes[b] = (unsigned char)support_random(&seed);
        else if (receipt.count > 0)
            ((unsigned char *)receipt.entry)[support_below(&seed, sizeof(receipt.entry[0]))] ^=
                (unsigned char)(1U << support_below(&seed, 8));
        clientid_refund(w.worker, &receipt, w.now_ns + support_below(&seed, 1000000000));
        d = support_ask(&w, "orders", GOOD);
        assert_true(d.verdict == CLIENTID_DENY || d.limits[0].remaining <= 1);
    }
    support_world_del(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_field_is_set),
        cmocka_unit_test(test_shadow_verifies_nobody_else),
        cmocka_unit_test(test_refused_is_not_verified),
        cmocka_unit_test(test_shadow_limits_keep_their_tier),
        cmocka_unit_test(test_shadow_takes_no_room),
        cmocka_unit_test(test_limits_move_up),
        cmocka_unit_test(test_scratch_holds_name_and_tier),
        cmocka_unit_test(test_shadow_changes_nothing),
        cmocka_unit_test(test_failed_resume_frees_the_place),
        cmocka_unit_test(test_resume_with_another_request),
        cmocka_unit_test(test_forged_receipts),
    };

    return cmocka_run_group_tests_name("decision", tests, NULL, NULL);
}
