/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* memmem */
/* Every recorded case through the whole library: a test for each row, named for its reason. */
#include "support_cases.h"
#include "support_world.h"

#include "base/str.h"
#include "gateway.h"

#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct row {
    const struct support_suite *suite;
    const json_t *json;
    char name[160];
};

static struct support_world world;
static const struct support_suite *current;

/* ---- a suite's world ------------------------------------------------------------------------- */

static void add_tier(uint64_t id, const json_t *limits)
{
    clientid_limit list[CLIENTID_TIER_LIMITS_MAX];
    clientid_event event = {.type = CLIENTID_EVENT_TIER};

    for (size_t i = 0; i < json_array_size(limits); i++)
        list[i] = support_limit(json_string_value(json_array_get(limits, i)));
    event.u.tier = (clientid_tier_event){id, CLIENTID_STR("gold"), list, json_array_size(limits)};
    assert_int_equal(clientid__registry_apply(world.registry, &event), 0);
}

static unsigned status_of(const char *text)
{
    if (text == NULL || strcmp(text, "APPROVED") == 0)
        return CLIENTID_APPROVED;
    if (strcmp(text, "PENDING") == 0)
        return CLIENTID_PENDING;
    if (strcmp(text, "REJECTED") == 0)
        return CLIENTID_REJECTED;
    return CLIENTID_REVOKED;
}

static void add_contracts(const struct support_suite *suite, const char *api, uint64_t *id)
{
    const json_t *contract;
    size_t i;

    json_array_foreach(suite->contracts, i, contract)
    {
        struct support_contract c = {.api = api,
                                     .client_id = support_text(contract, "clientId"),
                                     .secret = support_text(contract, "clientSecret"),
                                     .id = ++*id,
                                     .status = status_of(support_text(contract, "status"))};

        if (json_array_size(json_object_get(contract, "limits")) > 0) {
            c.tier_id = *id;
            add_tier(*id, json_object_get(contract, "limits"));
        }
        support_contract(&world, &c);
    }
}

static int set_up(void **state)
{
    json_t *config = json_object_get(current->json, "config");
    char *text = json_dumps(config, 0);
    const char *api;
    json_t *ignored;
    uint64_t id = 0;

    (void)state;
    support_world_new(&world, text);
    free(text);
    json_object_foreach(json_object_get(config, "apis"), api, ignored)
        add_contracts(current, api, &id);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    support_world_del(&world);
    return 0;
}

/* ---- what a row expects ---------------------------------------------------------------------- */

static const clientid_header *find_header(const clientid_answer *answer, const char *name)
{
    for (size_t i = 0; i < answer->header_count; i++)
        if (clientid__str_case_eq(answer->headers[i].name, clientid__cstr(name)))
            return &answer->headers[i];
    return NULL;
}

static void expect_text(const char *what, const char *wanted, clientid_str got)
{
    if (!clientid__str_eq(clientid__cstr(wanted), got))
        fail_msg("%s: wanted %s, got %.*s", what, wanted, (int)got.len, got.ptr);
}

static void expect_header(const clientid_answer *answer, const char *name, const char *wanted)
{
    const clientid_header *header = find_header(answer, name);

    if (wanted == NULL) {
        if (header != NULL)
            fail_msg("%s: not wanted", name);
        return;
    }
    if (header == NULL)
        fail_msg("%s: missing", name);
    expect_text(name, wanted, header->value);
}

static void expect_answer(const json_t *row, const clientid_decision *decision)
{
    const json_t *headers = json_object_get(row, "headers"), *part;
    const json_t *challenge = json_object_get(row, "challenge");
    const char *body = support_text(row, "body");
    clientid_answer answer = {.size = sizeof(answer)};
    const char *name;
    json_t *value;
    size_t i;

    if (decision->verdict == CLIENTID_DELAY)
        return;
    assert_int_equal(clientid_render(decision, &answer), 0);
    if (json_object_get(row, "status") != NULL && decision->verdict == CLIENTID_DENY)
        assert_int_equal(answer.status, json_integer_value(json_object_get(row, "status")));
    if (challenge != NULL)
        expect_header(&answer, "www-authenticate", json_string_value(challenge));
    json_object_foreach((json_t *)(uintptr_t)headers, name, value)
        expect_header(&answer, name, json_string_value(value));
    if (body != NULL && decision->verdict == CLIENTID_DENY)
        expect_text("body", body, answer.body);
    json_array_foreach(json_object_get(row, "body_contains"), i, part)
    {
        if (memmem(answer.body.ptr, answer.body.len, json_string_value(part),
                   json_string_length(part)) == NULL)
            fail_msg("body without %s: %.*s", json_string_value(part), (int)answer.body.len,
                     answer.body.ptr);
    }
}

static void expect_target(const json_t *row, const clientid_decision *decision)
{
    const json_t *target = json_object_get(json_object_get(row, "upstream"), "target");
    const clientid_request *request = &world.request.request;
    char forwarded[32768];
    size_t len, wanted_len, used = request->path.len;
    char *wanted;

    if (target == NULL)
        return;
    memcpy(forwarded, request->path.ptr, used);
    len = sizeof(forwarded) - used - 1;
    assert_int_equal(clientid_strip(decision, request->query, forwarded + used + 1, &len), 0);
    if (len > 0) {
        forwarded[used] = '?';
        used += len + 1;
    }
    wanted = support_bytes(target, &wanted_len);
    if (used != wanted_len || memcmp(forwarded, wanted, used) != 0)
        fail_msg("target: wanted %s, got %.*s", wanted, (int)used, forwarded);
    free(wanted);
}

static void expect_stripped(const json_t *row, const clientid_decision *decision)
{
    const json_t *upstream = json_object_get(row, "upstream"), *name;
    size_t i;

    json_array_foreach(
        json_object_get(upstream, "absent_headers"), i,
        name) if (!clientid_strips_header(decision, clientid__cstr(json_string_value(name))))
        fail_msg("%s is forwarded", json_string_value(name));
    json_array_foreach(
        json_object_get(upstream, "present_headers"), i,
        name) if (clientid_strips_header(decision, clientid__cstr(json_string_value(name))))
        fail_msg("%s is not forwarded", json_string_value(name));
}

static void test_row(void **state)
{
    const struct row *row = *state;
    const char *api = support_text(row->json, "api");
    clientid_decision decision = {.size = sizeof(decision)};
    const clientid_api *found;
    size_t len;
    char *raw = support_bytes(json_object_get(row->json, "request"), &len);

    api = api != NULL ? api : row->suite->api;
    assert_int_equal(clientid_api_get(world.gateway, clientid__cstr(api), &found), 0);
    assert_int_equal(support_request_parse(&world.request, clientid__str(raw, len), world.now_ns),
                     0);
    assert_int_equal(support_request_check(&world.request, world.worker, found,
                                           clientid__str(raw, len), &decision),
                     0);
    assert_string_equal(clientid_reason_label(decision.reason), support_text(row->json, "reason"));
    assert_string_equal(clientid_verdict_label(decision.verdict),
                        support_text(row->json, "verdict"));
    expect_answer(row->json, &decision);
    expect_target(row->json, &decision);
    expect_stripped(row->json, &decision);
    clientid_cancel(&decision);
    free(raw);
}

static int run(const struct support_suite *suite)
{
    size_t count = json_array_size(suite->rows);
    struct CMUnitTest *tests = calloc(count, sizeof(*tests));
    struct row *rows = calloc(count, sizeof(*rows));
    int failed;

    if (tests == NULL || rows == NULL)
        exit(1);
    for (size_t i = 0; i < count; i++) {
        rows[i] = (struct row){.suite = suite, .json = json_array_get(suite->rows, i)};
        snprintf(rows[i].name, sizeof(rows[i].name), "%s: %s", suite->name,
                 support_text(rows[i].json, "name"));
        tests[i] = (struct CMUnitTest){
            .name = rows[i].name, .test_func = test_row, .initial_state = &rows[i]};
    }
    current = suite;
    failed = _cmocka_run_group_tests(suite->name, tests, count, set_up, tear_down);
    free(rows);
    free(tests);
    return failed;
}

int main(void)
{
    size_t count;
    struct support_suite *suites = support_suites(&count);
    int failed = 0;

    for (size_t i = 0; i < count; i++)
        failed += run(&suites[i]);
    support_suites_free(suites, count);
    return failed != 0;
}
