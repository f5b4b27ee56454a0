/* SPDX-License-Identifier: Apache-2.0 */
/* Requests decided together are decided as one after the other. */
#include "support_random.h"
#include "support_world.h"

#include "base/str.h"
#include "gateway.h"

#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define S UINT64_C(1000000000)

enum { ENTRIES = 3 * CLIENTID_BATCH_GROUP + 1 };

#define SLA                                                                                        \
    "{\"policy\": \"rate-limiting-sla-based\", \"id\": \"query:id\", \"secret\": "                 \
    "\"query:secret\"}"
#define HEADER_SLA                                                                                 \
    "{\"policy\": \"rate-limiting-sla-based\", \"algorithm\": \"token-bucket\", \"id\": "          \
    "\"header:x-id\", \"secret\": \"header:x-secret\"}"
#define SHADOW                                                                                     \
    "{\"policy\": \"client-id-enforcement\", \"name\": \"try\", \"mode\": \"shadow\", \"id\": "    \
    "\"header:x-id\"}"
#define LIMIT "{\"policy\": \"rate-limiting\", \"limits\": [\"40/1m\"]}"
#define THROTTLE                                                                                   \
    "{\"policy\": \"throttling-sla-based\", \"id\": \"query:id\", \"secret\": \"query:secret\", "  \
    "\"delay\": \"500ms\", \"attempts\": 2, \"queue\": 3}"
#define FORM "{\"policy\": \"client-id-enforcement\", \"id\": \"form:id\"}"
#define POINTCUT                                                                                   \
    "{\"policy\": \"client-id-enforcement\", \"id\": \"query:id\", \"match\": [{\"path\": "        \
    "\"/closed.*\"}]}"

/* First policies that are looked up ahead, and first policies that are not. */
static const char *const configs[] = {SLA,      HEADER_SLA,    SHADOW ", " SLA,   LIMIT ", " SLA,
                                      THROTTLE, FORM ", " SLA, POINTCUT ", " SLA, POINTCUT};

static const char *const requests[] = {
    "GET /a?id=app&secret=right HTTP/1.1\r\n\r\n",
    "GET /a?id=other&secret=right HTTP/1.1\r\n\r\n",
    "GET /a?id=app&secret=wrong HTTP/1.1\r\n\r\n",
    "GET /closed?id=nobody&secret=right HTTP/1.1\r\n\r\n",
    "GET /a?id=pending&secret=right HTTP/1.1\r\n\r\n",
    "GET /a?id=free&secret=right HTTP/1.1\r\n\r\n",
    "GET /a?id=a%70p&secret=r%69ght HTTP/1.1\r\n\r\n",
    "GET /a?id=app&id=app HTTP/1.1\r\n\r\n",
    "GET /a HTTP/1.1\r\n\r\n",
    "GET /a?id=app&secret=right HTTP/1.1\r\nX-Id: other\r\nX-Secret: right\r\n\r\n",
    "GET /a HTTP/1.1\r\nX-Id: app\r\nX-Secret: right\r\n\r\n",
    "GET /a HTTP/1.1\r\nX-Id: app\r\nX-Id: app\r\n\r\n",
    "OPTIONS /a HTTP/1.1\r\nOrigin: x\r\nAccess-Control-Request-Method: GET\r\n\r\n",
    "POST /a?id=app&secret=right HTTP/1.1\r\nContent-Type: application/x-www-form-urlencoded\r\n"
    "Content-Length: 6\r\n\r\nid=app",
};

static void fill(struct support_world *w, const char *policies)
{
    char config[1024];

    snprintf(config, sizeof(config), "{\"apis\": {\"orders\": {\"policies\": [%s]}}}", policies);
    support_world_new(w, config);
    support_tier(w, 1, "gold", 5, 60000);
    support_contract(w, &(struct support_contract){
                            .api = "orders", .client_id = "app", .secret = "right", .tier_id = 1});
    support_contract(
        w, &(struct support_contract){
               .api = "orders", .client_id = "other", .secret = "right", .id = 2, .tier_id = 1});
    support_contract(w, &(struct support_contract){.api = "orders",
                                                   .client_id = "pending",
                                                   .secret = "right",
                                                   .id = 3,
                                                   .status = CLIENTID_PENDING});
    support_contract(w, &(struct support_contract){
                            .api = "orders", .client_id = "free", .secret = "right", .id = 4});
}

/* ---- two worlds -------------------------------------------------------------------------------- */

static void same_text(clientid_str a, clientid_str b)
{
    if (!clientid__str_eq(a, b))
        fail_msg("%.*s != %.*s", (int)a.len, a.ptr, (int)b.len, b.ptr);
}

static void same(const clientid_decision *a, const clientid_decision *b)
{
    assert_string_equal(clientid_reason_label(a->reason), clientid_reason_label(b->reason));
    assert_int_equal(a->verdict, b->verdict);
    same_text(a->policy, b->policy);
    same_text(a->client_id, b->client_id);
    same_text(a->client_name, b->client_name);
    same_text(a->tier, b->tier);
    assert_true(a->contract_id == b->contract_id && a->application_id == b->application_id &&
                a->tier_id == b->tier_id && a->verified == b->verified &&
                a->secret_slot == b->secret_slot && a->from_query == b->from_query &&
                a->shadow_denied == b->shadow_denied && a->shadow_reason == b->shadow_reason &&
                a->delay_ns == b->delay_ns && a->retry_after_ns == b->retry_after_ns &&
                a->limit_count == b->limit_count && a->bound_limit == b->bound_limit &&
                a->ticket.held == b->ticket.held && a->receipt.count == b->receipt.count);
    for (uint32_t i = 0; i < a->limit_count; i++)
        assert_true(a->limits[i].remaining == b->limits[i].remaining &&
                    a->limits[i].reset_ns == b->limits[i].reset_ns &&
                    a->limits[i].flags == b->limits[i].flags);
}

struct side {
    struct support_world world;
    const clientid_api *api;
    struct support_request requests[ENTRIES];
    clientid_decision decisions[ENTRIES];
    clientid_batch_entry entries[ENTRIES];
};

static void prepare(struct side *s, size_t i, const char *raw, unsigned flags, uint64_t now_ns)
{
    clientid_request *request = &s->requests[i].request;

    assert_int_equal(support_request_parse(&s->requests[i], clientid__cstr(raw), now_ns), 0);
    request->flags = flags;
    if (flags & CLIENTID_BODY_GIVEN)
        request->body = support_request_body(clientid__cstr(raw));
    s->decisions[i].size = sizeof(s->decisions[i]);
    s->entries[i] =
        (clientid_batch_entry){.api = s->api, .request = request, .decision = &s->decisions[i]};
}

static void open_side(struct side *s, const char *policies)
{
    fill(&s->world, policies);
    assert_int_equal(clientid_api_get(s->world.gateway, CLIENTID_STR("orders"), &s->api), 0);
}

static void test_as_one_by_one(void **state)
{
    static struct side one, many;
    uint64_t seed = 11;

    (void)state;
    for (size_t c = 0; c < sizeof(configs) / sizeof(configs[0]); c++) {
        uint64_t now_ns = UINT64_C(1700000000) * S;

        open_side(&one, configs[c]);
        open_side(&many, configs[c]);
        for (int round = 0; round < 60; round++) {
            size_t count = support_random(&seed) % (ENTRIES + 1);

            for (size_t i = 0; i < count; i++) {
                const char *raw =
                    requests[support_random(&seed) % (sizeof(requests) / sizeof(requests[0]))];
                unsigned flags = support_random(&seed) % 8 == 0   ? CLIENTID_PEEK
                                 : support_random(&seed) % 2 == 0 ? CLIENTID_BODY_GIVEN
                                                                  : 0;

                now_ns += support_random(&seed) % S;
                prepare(&one, i, raw, flags, now_ns);
                prepare(&many, i, raw, flags, now_ns);
            }
            for (size_t i = 0; i < count; i++)
                one.entries[i].rv = clientid_check(one.world.worker, one.api,
                                                   one.entries[i].request, &one.decisions[i]);
            assert_int_equal(clientid_check_batch(many.world.worker, many.entries, count), 0);
            for (size_t i = 0; i < count; i++) {
                assert_int_equal(many.entries[i].rv, one.entries[i].rv);
                same(&one.decisions[i], &many.decisions[i]);
                clientid_cancel(&one.decisions[i]);
                clientid_cancel(&many.decisions[i]);
            }
        }
        support_world_del(&one.world);
        support_world_del(&many.world);
    }
}

/* ---- entries that cannot be decided -------------------------------------------------------------- */

static int broken_header(void *host, clientid_str name, size_t nth, clientid_str *value)
{
    (void)host, (void)name, (void)nth, (void)value;
    return -77;
}

static void test_a_bad_entry_spoils_no_other(void **state)
{
    static struct side s;

    (void)state;
    open_side(&s, HEADER_SLA);
    for (size_t i = 0; i < 6; i++)
        prepare(&s, i, requests[10], 0, s.world.now_ns);
    s.requests[1].request.header = broken_header;
    s.entries[2].api = NULL;
    s.requests[3].request.scratch_len = 1;
    s.entries[4].decision = NULL;
    assert_int_equal(clientid_check_batch(s.world.worker, s.entries, 6), 0);
    assert_int_equal(s.entries[0].rv, 0);
    assert_int_equal(s.entries[1].rv, -77);
    assert_int_equal(s.entries[2].rv, CLIENTID_ERR_ARG);
    assert_int_equal(s.entries[3].rv, CLIENTID_ERR_SPACE);
    assert_int_equal(s.entries[4].rv, CLIENTID_ERR_ARG);
    assert_int_equal(s.entries[5].rv, 0);
    assert_int_equal(s.decisions[5].verdict, CLIENTID_ALLOW);
    assert_true(s.decisions[5].limits[0].remaining == 3);
    support_world_del(&s.world);
}

static void test_arguments(void **state)
{
    static struct side s;

    (void)state;
    open_side(&s, SLA);
    assert_int_equal(clientid_check_batch(NULL, s.entries, 0), CLIENTID_ERR_ARG);
    assert_int_equal(clientid_check_batch(s.world.worker, NULL, 1), CLIENTID_ERR_ARG);
    assert_int_equal(clientid_check_batch(s.world.worker, NULL, 0), 0);
    support_world_del(&s.world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_one_by_one),
        cmocka_unit_test(test_a_bad_entry_spoils_no_other),
        cmocka_unit_test(test_arguments),
    };

    return cmocka_run_group_tests_name("batch", tests, NULL, NULL);
}
