/* SPDX-License-Identifier: Apache-2.0 */
/* How limits stand and are reset, as operators ask for it: the same cells that requests charge. */
#include "support_world.h"

#include "base/str.h"
#include "gateway.h"

#include <clientid/limits.h>

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const char config[] =
    "{\"apis\": {"
    "\"orders\": {\"policies\": ["
    "  {\"policy\": \"rate-limiting-sla-based\", \"name\": \"sla\", \"id\": \"header:id\","
    "   \"exposeHeaders\": true},"
    "  {\"policy\": \"rate-limiting-sla-based\", \"name\": \"watch\", \"id\": \"header:id\","
    "   \"algorithm\": \"token-bucket\", \"burst\": 4, \"mode\": \"shadow\"},"
    "  {\"policy\": \"rate-limiting\", \"name\": \"all\", \"limits\": [\"100/1h\"]},"
    "  {\"policy\": \"rate-limiting\", \"name\": \"each\", \"limits\": [\"9/1h\"],"
    "   \"key\": \"header:ip\"}]},"
    "\"other\": {\"policies\": [{\"policy\": \"client-id-enforcement\", \"id\": \"header:id\"}]}}}";

#define ALICE "GET / HTTP/1.1\r\nid: alice\r\nip: 1\r\n\r\n"

enum { ROOM = 8 };

struct seen {
    clientid_limit_standing standings[ROOM];
    size_t count;
};

static void world_new(struct support_world *w)
{
    support_world_new(w, config);
    support_tier(w, 1, "gold", 10, 60000);
    support_contract(
        w, &(struct support_contract){.api = "orders", .client_id = "alice", .tier_id = 1});
    support_contract(w, &(struct support_contract){.api = "other", .client_id = "alice", .id = 2});
}

static const clientid_api *api_of(struct support_world *w, const char *name)
{
    const clientid_api *api;

    assert_int_equal(clientid_api_get(w->gateway, clientid__cstr(name), &api), 0);
    return api;
}

typedef int standing_fn(clientid_worker *worker, const clientid_api *api, clientid_str client_id,
                        uint64_t now_ns, clientid_limit_standing *standings, size_t *count,
                        clientid_error *error);

static int ask_limits(struct support_world *w, standing_fn *each, const char *api,
                      const char *client, struct seen *seen)
{
    clientid_error error = {0};
    int rv;

    seen->count = ROOM;
    rv = each(w->worker, api_of(w, api), clientid__cstr(client), w->now_ns, seen->standings,
              &seen->count, &error);
    assert_int_equal(rv, error.code);
    assert_true(rv == 0 || error.text[0] != '\0');
    return rv;
}

static void test_as_requests_see_them(void **state)
{
    struct support_world w;
    struct seen seen;
    clientid_decision d;

    (void)state;
    world_new(&w);
    for (int i = 0; i < 3; i++)
        d = support_ask(&w, "orders", ALICE);
    assert_int_equal(d.verdict, CLIENTID_ALLOW);
    assert_int_equal(d.limit_count, 4);
    assert_int_equal(ask_limits(&w, clientid_limits_get, "orders", "alice", &seen), 0);
    assert_int_equal(seen.count, 2);
    for (int i = 0; i < 2; i++) {
        const clientid_limit_report *r = &seen.standings[i].report;

        assert_true(clientid__str_eq(r->policy, d.limits[i].policy));
        assert_int_equal(r->remaining, d.limits[i].remaining);
        assert_int_equal(r->reset_ns, d.limits[i].reset_ns);
        assert_int_equal(r->maximum_requests, d.limits[i].maximum_requests);
        assert_int_equal(r->period_ns, d.limits[i].period_ns);
        assert_int_equal(r->algorithm, d.limits[i].algorithm);
        assert_int_equal(r->flags, d.limits[i].flags);
        assert_int_equal(seen.standings[i].used, 3);
        assert_int_equal(seen.standings[i].flags, 0);
    }
    assert_int_equal(seen.standings[0].capacity, 10);
    assert_int_equal(seen.standings[1].capacity, 4);
    /* The API instance's own; values of key selectors have no list. */
    assert_int_equal(ask_limits(&w, clientid_limits_get, "orders", "", &seen), 0);
    assert_int_equal(seen.count, 1);
    assert_int_equal(seen.standings[0].used, 3);
    assert_int_equal(seen.standings[0].report.remaining, d.limits[2].remaining);
    /* A contract without limits. */
    assert_int_equal(ask_limits(&w, clientid_limits_get, "other", "alice", &seen), 0);
    assert_int_equal(seen.count, 0);
    support_world_del(&w);
}

static void test_reset(void **state)
{
    struct support_world w;
    struct seen seen;

    (void)state;
    world_new(&w);
    support_contract(
        &w, &(struct support_contract){.api = "orders", .client_id = "bob", .tier_id = 1, .id = 3});
    for (int i = 0; i < 9; i++)
        assert_int_equal(support_ask(&w, "orders", ALICE).verdict, CLIENTID_ALLOW);
    assert_int_equal(
        support_ask(&w, "orders", "GET / HTTP/1.1\r\nid: bob\r\nip: 2\r\n\r\n").verdict,
        CLIENTID_ALLOW);
    assert_int_equal(support_ask(&w, "orders", ALICE).reason, CLIENTID_REASON_QUOTA_EXCEEDED);
    assert_int_equal(ask_limits(&w, clientid_limits_reset, "orders", "alice", &seen), 0);
    assert_int_equal(seen.count, 2);
    assert_int_equal(seen.standings[0].used, 9);
    assert_int_equal(seen.standings[1].used, 4);
    assert_int_equal(ask_limits(&w, clientid_limits_get, "orders", "alice", &seen), 0);
    assert_int_equal(seen.standings[0].used, 0);
    assert_int_equal(seen.standings[0].report.reset_ns, 0);
    assert_int_equal(seen.standings[1].report.remaining, 4);
    /* Others and the API instance's own are as they were. */
    assert_int_equal(ask_limits(&w, clientid_limits_get, "orders", "bob", &seen), 0);
    assert_int_equal(seen.standings[0].used, 1);
    assert_int_equal(ask_limits(&w, clientid_limits_reset, "orders", "", &seen), 0);
    assert_int_equal(seen.standings[0].used, 10);
    assert_int_equal(ask_limits(&w, clientid_limits_get, "orders", "", &seen), 0);
    assert_int_equal(seen.standings[0].used, 0);
    support_world_del(&w);
}

static void test_a_changed_limit(void **state)
{
    struct support_world w;
    struct seen seen;

    (void)state;
    world_new(&w);
    for (int i = 0; i < 6; i++)
        support_ask(&w, "orders", ALICE);
    support_tier(&w, 1, "gold", 5, 60000); /* less than is used */
    assert_int_equal(ask_limits(&w, clientid_limits_get, "orders", "alice", &seen), 0);
    assert_int_equal(seen.standings[0].capacity, 5);
    assert_int_equal(seen.standings[0].used, 5);
    assert_int_equal(seen.standings[0].report.remaining, 0);
    support_world_del(&w);
}

static void test_refusals(void **state)
{
    struct support_world w;
    struct seen seen;
    clientid_limit_standing one;
    size_t count = 1;

    (void)state;
    world_new(&w);
    for (int i = 0; i < 2; i++)
        support_ask(&w, "orders", ALICE);
    assert_int_equal(ask_limits(&w, clientid_limits_get, "nowhere", "alice", &seen),
                     CLIENTID_ERR_NOT_FOUND);
    assert_int_equal(ask_limits(&w, clientid_limits_reset, "nowhere", "", &seen),
                     CLIENTID_ERR_NOT_FOUND);
    assert_int_equal(ask_limits(&w, clientid_limits_get, "orders", "carol", &seen),
                     CLIENTID_ERR_NOT_FOUND);
    /* Without room nothing is reset, and it is said how much is needed. */
    assert_int_equal(clientid_limits_reset(w.worker, api_of(&w, "orders"), CLIENTID_STR("alice"),
                                           w.now_ns, &one, &count, NULL),
                     CLIENTID_ERR_SPACE);
    assert_int_equal(count, 2);
    count = 0;
    assert_int_equal(clientid_limits_get(w.worker, api_of(&w, "orders"), CLIENTID_STR("alice"),
                                         w.now_ns, NULL, &count, NULL),
                     CLIENTID_ERR_SPACE);
    assert_int_equal(count, 2);
    assert_int_equal(ask_limits(&w, clientid_limits_get, "orders", "alice", &seen), 0);
    assert_int_equal(seen.standings[0].used, 2);
    /* A limit that cannot be kept: nothing is reset. */
    support_tier(&w, 1, "gold", UINT64_MAX, 60000);
    assert_int_equal(ask_limits(&w, clientid_limits_reset, "orders", "alice", &seen),
                     CLIENTID_ERR_CONFIG);
    support_tier(&w, 1, "gold", 10, 60000);
    assert_int_equal(ask_limits(&w, clientid_limits_get, "orders", "alice", &seen), 0);
    assert_int_equal(seen.standings[0].used, 2);
    assert_int_equal(clientid_limits_get(NULL, api_of(&w, "orders"), CLIENTID_STR(""), w.now_ns,
                                         &one, &count, NULL),
                     CLIENTID_ERR_ARG);
    assert_int_equal(
        clientid_limits_get(w.worker, NULL, CLIENTID_STR(""), w.now_ns, &one, &count, NULL),
        CLIENTID_ERR_ARG);
    assert_int_equal(clientid_limits_reset(w.worker, api_of(&w, "orders"), CLIENTID_STR(""),
                                           w.now_ns, &one, NULL, NULL),
                     CLIENTID_ERR_ARG);
    support_world_del(&w);
}

static void test_before_contracts_are_loaded(void **state)
{
    clientid_options options = {.size = sizeof(options), .config = {config, sizeof(config) - 1}};
    struct support_world w = {.now_ns = 1700000000000000000};
    clientid_limits_info info = {.size = sizeof(info)};
    struct seen seen;

    (void)state;
    assert_int_equal(clientid_gateway_new(&w.gateway, &options, NULL), 0);
    assert_int_equal(clientid_worker_new(&w.worker, w.gateway), 0);
    assert_int_equal(ask_limits(&w, clientid_limits_get, "orders", "alice", &seen),
                     CLIENTID_ERR_UNREACHABLE);
    assert_int_equal(ask_limits(&w, clientid_limits_get, "orders", "", &seen), 0);
    /* How far a tier's limits reach, nobody knows. */
    assert_int_equal(clientid_limits_read(clientid_gateway_limits(w.gateway), w.now_ns, &info), 0);
    assert_int_equal(info.reach_ns, 0);
    support_world_del(&w);
}

/* ---- the table ------------------------------------------------------------------------------- */

static void test_table(void **state)
{
    struct support_world w;
    clientid_limits_info info = {.size = sizeof(info)};
    clientid_limits_cleared cleared = {.size = sizeof(cleared)};
    clientid_limits *limits;
    struct seen seen;

    (void)state;
    world_new(&w);
    limits = clientid_gateway_limits(w.gateway);
    support_ask(&w, "orders", ALICE);
    assert_int_equal(clientid_limits_read(limits, w.now_ns, &info), 0);
    assert_int_equal(info.region[CLIENTID_CELLS_CONTRACTS].live, 3);
    assert_int_equal(info.region[CLIENTID_CELLS_KEYS].live, 1);
    assert_int_equal(info.reach_ns, 3600 * UINT64_C(1000000000));
    /* The clock goes back by a month: what was spent is ahead of all limits. */
    w.now_ns -= UINT64_C(30) * 86400 * 1000000000;
    assert_int_equal(clientid_limits_read(limits, w.now_ns, &info), 0);
    assert_int_equal(info.region[CLIENTID_CELLS_CONTRACTS].ahead, 3);
    assert_int_equal(ask_limits(&w, clientid_limits_get, "orders", "alice", &seen), 0);
    assert_int_equal(seen.standings[0].flags, CLIENTID_STANDING_AHEAD);
    assert_int_equal(seen.standings[0].used, 1);
    assert_int_equal(clientid_limits_clear(limits, CLIENTID_CLEAR_AHEAD, w.now_ns, &cleared), 0);
    assert_int_equal(cleared.ahead, 4);
    assert_int_equal(ask_limits(&w, clientid_limits_get, "orders", "alice", &seen), 0);
    assert_int_equal(seen.standings[0].used, 0);
    assert_int_equal(seen.standings[0].flags, 0);
    assert_int_equal(clientid_limits_clear(limits, 32, w.now_ns, &cleared), CLIENTID_ERR_ARG);
    assert_int_equal(clientid_limits_clear(NULL, 1, w.now_ns, &cleared), CLIENTID_ERR_ARG);
    cleared.size--;
    assert_int_equal(clientid_limits_clear(limits, 1, w.now_ns, &cleared), CLIENTID_ERR_ARG);
    info.size--;
    assert_int_equal(clientid_limits_read(limits, w.now_ns, &info), CLIENTID_ERR_ARG);
    clientid_limits_close(limits); /* is the gateway's */
    support_world_del(&w);
}

/* A file that does not fit, and a folder that is not there, without a trace of the check. */
static void check_sees_what_a_start_would(const char *file, const clientid_options *options)
{
    clientid_options check = *options;
    clientid_gateway *gateway;
    clientid_error error = {0};
    FILE *out = fopen(file, "w");

    check.flags = CLIENTID_LIMITS_ASIDE;
    assert_non_null(out);
    fputs("something else\n", out);
    fclose(out);
    assert_int_equal(clientid_gateway_new(&gateway, &check, &error), CLIENTID_ERR_FORMAT);
    unlink(file);
    check.config = CLIENTID_STR("{\"limits\": {\"file\": \"/nowhere/at/all/limits\"}}");
    assert_int_equal(clientid_gateway_new(&gateway, &check, &error), CLIENTID_ERR_IO);
    assert_string_equal(error.pointer, "/limits/file");
}

static void test_a_file_by_itself(void **state)
{
    char folder[] = "/tmp/clientid-limits-XXXXXX", file[64], text[2048];
    clientid_options options = {.size = sizeof(options), .flags = CLIENTID_LIMITS_EXISTING};
    clientid_limits_info info = {.size = sizeof(info)};
    clientid_limits_cleared cleared = {.size = sizeof(cleared)};
    clientid_gateway *gateway;
    clientid_limits *limits;
    clientid_error error = {0};
    struct support_world w;

    (void)state;
    assert_non_null(mkdtemp(folder));
    snprintf(file, sizeof(file), "%s/limits", folder);
    snprintf(text, sizeof(text), "{\"limits\": {\"file\": \"%s\", \"cells\": 64},%s", file,
             config + 1);
    options.config = clientid__cstr(text);
    assert_int_equal(clientid_limits_open(&limits, file, CLIENTID_LIMITS_READ, &error),
                     CLIENTID_ERR_NOT_FOUND);
    assert_int_equal(clientid_gateway_new(&gateway, &options, &error), CLIENTID_ERR_NOT_FOUND);
    for (unsigned i = 0; i < 2; i++) {
        options.flags = CLIENTID_LIMITS_ASIDE | (i == 0 ? 0 : CLIENTID_LIMITS_EXISTING);
        assert_int_equal(clientid_gateway_new(&gateway, &options, &error), 0);
        clientid_gateway_del(gateway);
    }
    assert_int_equal(access(file, F_OK), -1);
    check_sees_what_a_start_would(file, &options);
    options.flags = CLIENTID_LIMITS_EXISTING;
    support_world_new(&w, text);
    assert_true(clientid__str_eq(clientid_gateway_limits_file(w.gateway), clientid__cstr(file)));
    support_ask(&w, "orders", ALICE);
    assert_int_equal(clientid_gateway_new(&gateway, &options, &error), 0);
    clientid_gateway_del(gateway);
    assert_int_equal(clientid_limits_open(&limits, file, 2, &error), CLIENTID_ERR_ARG);
    assert_int_equal(clientid_limits_open(&limits, NULL, 0, &error), CLIENTID_ERR_ARG);
    assert_int_equal(clientid_limits_open(&limits, file, CLIENTID_LIMITS_READ, &error), 0);
    assert_int_equal(clientid_limits_clear(limits, 1, w.now_ns, &cleared), CLIENTID_ERR_ARG);
    assert_int_equal(clientid_limits_read(limits, w.now_ns, &info), 0);
    assert_int_equal(info.reach_ns, 0);
    assert_int_equal(info.layout, 1);
    clientid_limits_close(limits);
    assert_int_equal(clientid_limits_open(&limits, file, 0, &error), 0);
    assert_int_equal(clientid_limits_clear(limits, CLIENTID_CLEAR_LIVE, w.now_ns, &cleared), 0);
    clientid_limits_close(limits);
    clientid_limits_close(NULL);
    support_world_del(&w);
    options.config = clientid__cstr(config);
    assert_int_equal(clientid_gateway_new(&gateway, &options, &error), CLIENTID_ERR_NOT_FOUND);
    assert_string_equal(error.pointer, "/limits/file");
    unlink(file);
    rmdir(folder);
}

static void test_names_in_order(void **state)
{
    struct support_world w;
    const clientid_api *api;

    (void)state;
    world_new(&w);
    support_contract(&w,
                     &(struct support_contract){.api = "unasked", .client_id = "alice", .id = 9});
    assert_int_equal(clientid_api_nth(w.gateway, 0, &api), 0);
    assert_true(clientid__str_eq(clientid_api_name(api), CLIENTID_STR("orders")));
    assert_int_equal(clientid_api_nth(w.gateway, 1, &api), 0);
    assert_true(clientid__str_eq(clientid_api_name(api), CLIENTID_STR("other")));
    assert_int_equal(clientid_api_nth(w.gateway, 2, &api), CLIENTID_ERR_NOT_FOUND);
    api_of(&w, "unasked"); /* known to the registry before */
    assert_int_equal(clientid_api_nth(w.gateway, 2, &api), 0);
    assert_int_equal(support_ask(&w, "unasked", ALICE).reason, CLIENTID_REASON_API_UNKNOWN);
    assert_int_equal(clientid_api_nth(NULL, 0, &api), CLIENTID_ERR_ARG);
    assert_int_equal(clientid_api_nth(w.gateway, 0, NULL), CLIENTID_ERR_ARG);
    support_world_del(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_as_requests_see_them),
        cmocka_unit_test(test_reset),
        cmocka_unit_test(test_a_changed_limit),
        cmocka_unit_test(test_refusals),
        cmocka_unit_test(test_before_contracts_are_loaded),
        cmocka_unit_test(test_table),
        cmocka_unit_test(test_a_file_by_itself),
        cmocka_unit_test(test_names_in_order),
    };

    return cmocka_run_group_tests_name("limits for operators", tests, NULL, NULL);
}
