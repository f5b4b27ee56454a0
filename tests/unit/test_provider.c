/* SPDX-License-Identifier: Apache-2.0 */
/* Providers and the hooks that each is told by. */
#include "support_gateway.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int to_json(void *sink, const clientid_provider_record *record)
{
    struct {
        clientid_control *control;
        char *text;
    } *json = sink;

    return clientid_provider_to_json(json->control, record, &json->text, NULL);
}

static void test_round_trip(void **state)
{
    struct support_gateway g;
    struct {
        clientid_control *control;
        char *text;
    } json;
    clientid_provider_record record;
    clientid_json *owner = NULL;
    char hook[40], text[512];

    (void)state;
    support_gateway_new(&g);
    json.control = g.s.control;
    assert_int_equal(
        clientid_control_uuid_format(g.s.control, CLIENTID_UUID_HOOK, g.hook, hook, &g.s.error), 0);
    /* As the vendor's documentation sends it: the whole object. */
    snprintf(text, sizeof(text),
             "{\"name\":\"X Gateway\",\"owner\":\"200ceb26\",\"id\":\"cf864096\",\"providerRef\":"
             "\"cf864096\",\"stage\":\"Y\",\"type\":\"THIRD_PARTY\",\"summary\":\"External\","
             "\"description\":\"External Gateway\",\"webhooks\":[\"%s\"]}",
             hook);
    assert_int_equal(
        clientid_provider_from_json(g.s.control, support_str(text), &record, &owner, &g.s.error),
        0);
    assert_int_equal(clientid_control_provider_update(g.s.control, g.provider, &record, &g.s.error),
                     0);
    clientid_json_del(owner);
    assert_int_equal(
        clientid_control_provider_get(g.s.control, g.provider, to_json, &json, &g.s.error), 0);
    assert_non_null(strstr(json.text, "\"name\":\"X Gateway\",\"description\":\"External Gateway\","
                                      "\"stage\":\"Y\",\"type\":\"THIRD_PARTY\""));
    assert_non_null(strstr(json.text, hook));
    clientid_json_free(json.text);
    support_gateway_del(&g);
}

static void test_json_errors(void **state)
{
    static const struct {
        const char *text, *pointer;
    } rows[] = {
        {"{\"name\":1}", "/name"},
        {"{\"title\":\"x\"}", "/title"},
        {"{\"type\":\"CENTRASITE\"}", "/type"},
        {"{\"webhooks\":\"x\"}", "/webhooks"},
        {"{\"webhooks\":[1]}", "/webhooks/0"},
        {"{\"webhooks\":[\"07522ff8-fccd-45a0-b934-0ab67dffdf86\"]}", "/webhooks/0"},
    };
    struct support_store s;
    clientid_provider_record record;
    clientid_json *json;

    (void)state;
    support_store_new(&s);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int rc = clientid_provider_from_json(s.control, support_str(rows[i].text), &record, &json,
                                             &s.error);

        if (rc != CLIENTID_ERR_SYNTAX || strcmp(s.error.pointer, rows[i].pointer) != 0)
            fail_msg("%s: %d at %s", rows[i].text, rc, s.error.pointer);
    }
    support_store_del(&s);
}

static void test_hooks(void **state)
{
    struct support_gateway g;
    uint64_t hooks[CLIENTID_PROVIDER_HOOKS_MAX + 1];
    clientid_provider_record record = {
        .size = sizeof(record), .type = CLIENTID_PROVIDER_THIRD_PARTY, .hooks = hooks};
    int rc;

    (void)state;
    support_gateway_new(&g);
    hooks[0] = hooks[1] = g.hook;
    record.hook_count = 2;
    rc = clientid_control_provider_update(g.s.control, g.provider, &record, &g.s.error);
    assert_int_equal(rc, CLIENTID_ERR_SYNTAX);
    assert_string_equal(g.s.error.pointer, "/webhooks/1");
    hooks[1] = 99;
    rc = clientid_control_provider_update(g.s.control, g.provider, &record, &g.s.error);
    assert_int_equal(rc, CLIENTID_ERR_NOT_FOUND);
    record.hook_count = CLIENTID_PROVIDER_HOOKS_MAX + 1;
    rc = clientid_control_provider_update(g.s.control, g.provider, &record, &g.s.error);
    assert_int_equal(rc, CLIENTID_ERR_SYNTAX);
    for (uint32_t i = 1; i < CLIENTID_PROVIDER_HOOKS_MAX; i++)
        hooks[i] = support_new_hook(&g.s, "https://a", 0);
    record.hook_count = CLIENTID_PROVIDER_HOOKS_MAX;
    rc = clientid_control_provider_update(g.s.control, g.provider, &record, &g.s.error);
    assert_int_equal(rc, 0);
    /* A hook takes itself out of the providers that name it. */
    assert_int_equal(clientid_control_hook_delete(g.s.control, hooks[3], &g.s.error), 0);
    assert_int_equal(support_sql(&g.s, "SELECT count(*) FROM provider_hook"),
                     CLIENTID_PROVIDER_HOOKS_MAX - 1);
    assert_int_equal(clientid_control_provider_update(g.s.control, 99, &record, &g.s.error),
                     CLIENTID_ERR_NOT_FOUND);
    support_gateway_del(&g);
}

static void test_in_use(void **state)
{
    struct support_gateway g;

    (void)state;
    support_gateway_new(&g);
    assert_int_equal(clientid_control_provider_delete(g.s.control, g.provider, &g.s.error),
                     CLIENTID_ERR_RULE);
    assert_int_equal(clientid_control_api_delete(g.s.control, g.petstore1, &g.s.error), 0);
    assert_int_equal(clientid_control_api_delete(g.s.control, g.petstore2, &g.s.error), 0);
    assert_int_equal(clientid_control_provider_delete(g.s.control, g.provider, &g.s.error), 0);
    assert_int_equal(clientid_control_provider_delete(g.s.control, g.provider, &g.s.error),
                     CLIENTID_ERR_NOT_FOUND);
    support_gateway_del(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_json_errors),
        cmocka_unit_test(test_hooks),
        cmocka_unit_test(test_in_use),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
