/* SPDX-License-Identifier: Apache-2.0 */
/* Records as JSON in Anypoint's words, both ways; errors say where. */
#include "support_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define T 1700000000000000000ULL

static void expect(char *text, const char *json)
{
    assert_string_equal(text, json);
    clientid_json_free(text);
}

static void test_writing(void **state)
{
    const clientid_limit limits[] = {{100, 60000, 1, 0}};
    clientid_str members[] = {CLIENTID_STR("a")};
    clientid_api_record api = {.id = 7,
                               .kind = CLIENTID_API_GROUP,
                               .name = CLIENTID_STR("all"),
                               .provider = CLIENTID_STR("okta"),
                               .asset = CLIENTID_STR("orders-api"),
                               .version = CLIENTID_STR("v1"),
                               .terms = CLIENTID_STR("Be \"kind\""),
                               .members = members,
                               .member_count = 1,
                               .created_ns = T,
                               .updated_ns = T + 1};
    clientid_tier_record tier = {.id = 1,
                                 .api_id = 7,
                                 .api_name = CLIENTID_STR("all"),
                                 .name = CLIENTID_STR("gold"),
                                 .status = CLIENTID_TIER_DEPRECATED,
                                 .auto_approve = 1,
                                 .limits = limits,
                                 .limit_count = 1,
                                 .application_count = 3,
                                 .created_ns = T,
                                 .updated_ns = T};
    clientid_change_record change = {.revision = 4,
                                     .at_ns = T,
                                     .actor = CLIENTID_STR("ann"),
                                     .entity = CLIENTID_STR("tier"),
                                     .entity_id = 1,
                                     .verb = CLIENTID_STR("create"),
                                     .api = CLIENTID_STR("all"),
                                     .detail = CLIENTID_STR("gold")};
    clientid_credentials credentials = {.size = sizeof(credentials),
                                        .application_id = 3,
                                        .slot = 1,
                                        .client_id = "id",
                                        .client_secret = "se\"cret"};
    char *text;

    (void)state;
    assert_int_equal(clientid_api_to_json(&api, &text, NULL), 0);
    expect(text, "{\"id\":7,\"name\":\"all\",\"instanceType\":\"api-group\",\"assetId\":"
                 "\"orders-api\",\"version\":\"v1\",\"clientProvider\":{\"providerId\":\"okta\"},"
                 "\"terms\":\"Be \\\"kind\\\"\",\"members\":[\"a\"],\"audit\":{\"created\":{"
                 "\"date\":\"2023-11-14T22:13:20.000Z\"},\"updated\":{\"date\":"
                 "\"2023-11-14T22:13:20.000000001Z\"}}}");
    assert_int_equal(clientid_tier_to_json(&tier, &text, NULL), 0);
    expect(text, "{\"id\":1,\"name\":\"gold\",\"description\":\"\",\"autoApprove\":true,"
                 "\"status\":\"DEPRECATED\",\"limits\":[{\"visible\":true,\"maximumRequests\":100,"
                 "\"timePeriodInMilliseconds\":60000}],\"apiId\":7,\"apiName\":\"all\","
                 "\"applicationCount\":3,\"audit\":{\"created\":{\"date\":"
                 "\"2023-11-14T22:13:20.000Z\"},\"updated\":{\"date\":"
                 "\"2023-11-14T22:13:20.000Z\"}}}");
    assert_int_equal(clientid_change_to_json(&change, &text, NULL), 0);
    expect(text, "{\"revision\":4,\"date\":\"2023-11-14T22:13:20.000Z\",\"actor\":\"ann\","
                 "\"entity\":\"tier\",\"id\":1,\"verb\":\"create\",\"api\":\"all\",\"clientId\":"
                 "\"\",\"detail\":\"gold\"}");
    assert_int_equal(clientid_credentials_to_json(&credentials, &text, NULL), 0);
    expect(text, "{\"id\":3,\"clientId\":\"id\",\"clientSecret\":\"se\\\"cret\",\"slot\":1,"
                 "\"previousNotAfter\":null}");
    api.name = CLIENTID_STR("\xff");
    assert_int_equal(clientid_api_to_json(&api, &text, NULL), CLIENTID_ERR_NOMEM);
    assert_int_equal(clientid_api_to_json(NULL, &text, NULL), CLIENTID_ERR_ARG);
    assert_int_equal(clientid_tier_to_json(NULL, &text, NULL), CLIENTID_ERR_ARG);
    assert_int_equal(clientid_application_to_json(NULL, &text, NULL), CLIENTID_ERR_ARG);
    assert_int_equal(clientid_contract_to_json(NULL, &text, NULL), CLIENTID_ERR_ARG);
    assert_int_equal(clientid_change_to_json(NULL, &text, NULL), CLIENTID_ERR_ARG);
    assert_int_equal(clientid_credentials_to_json(NULL, &text, NULL), CLIENTID_ERR_ARG);
    clientid_json_free(NULL);
}

static int to_json(void *sink, const clientid_application_record *record)
{
    return clientid_application_to_json(record, sink, NULL);
}

static int contract_to_json(void *sink, const clientid_contract_record *record)
{
    return clientid_contract_to_json(record, sink, NULL);
}

static void test_application_and_contract(void **state)
{
    struct support_store s;
    uint64_t api, tier, contract;
    char *text;

    (void)state;
    support_store_new(&s);
    api = support_new_api(&s, "orders");
    tier = support_new_tier(&s, api, "gold", false);
    contract = support_new_contract(&s, support_new_application(&s, "app"), api, tier);
    assert_int_equal(clientid_control_application_get(s.control, 1, to_json, &text, NULL), 0);
    assert_null(strstr(text, "hash")); /* nor the salt: what a list shows cannot be attacked */
    assert_null(strstr(text, "salt"));
    expect(text,
           "{\"id\":1,\"name\":\"An application\",\"description\":\"\",\"url\":\"\","
           "\"redirectUri\":[],\"grantTypes\":[],\"apiEndpoints\":false,\"clientId\":\"app\","
           "\"clientProvider\":{\"providerId\":\"\"},\"owners\":[],\"secrets\":[{\"slot\":1,"
           "\"algorithm\":\"sha256\",\"notBefore\":null,\"notAfter\":null,\"newest\":true}],"
           "\"contractCount\":1,\"audit\":{\"created\":{\"date\":\"2023-11-14T22:13:20.000Z\"},"
           "\"updated\":{\"date\":\"2023-11-14T22:13:20.000Z\"}}}");
    assert_int_equal(
        clientid_control_contract_get(s.control, contract, contract_to_json, &text, NULL), 0);
    expect(text,
           "{\"id\":1,\"status\":\"PENDING\",\"approvedDate\":null,\"rejectedDate\":null,"
           "\"revokedDate\":null,\"applicationId\":1,\"application\":{\"id\":1,\"name\":"
           "\"An application\",\"coreServicesId\":\"app\"},\"tierId\":null,\"tier\":null,"
           "\"requestedTierId\":1,\"requestedTier\":{\"id\":1,\"name\":\"gold\"},\"apiId\":1,"
           "\"api\":{\"id\":1,\"name\":\"orders\"},\"terms\":\"\",\"partyId\":\"\",\"partyName\":"
           "\"\",\"requestAccessInfo\":{\"reason\":\"\"},\"audit\":{\"created\":{\"date\":"
           "\"2023-11-14T22:13:20.000Z\"},\"updated\":{\"date\":\"2023-11-14T22:13:20.000Z\"}}}");
    support_store_del(&s);
}

/* ---- reading --------------------------------------------------------------------------------- */

static void test_reading(void **state)
{
    clientid_application_record app;
    clientid_tier_record tier;
    clientid_api_record api;
    clientid_str secret;
    clientid_json *json;
    unsigned fields;

    (void)state;
    /* The body of Anypoint's own example, seed 004. */
    assert_int_equal(clientid_application_from_json(
                         CLIENTID_STR("{\"redirectUri\": [\"http://example.com/\"], "
                                      "\"apiEndpoints\": false, \"name\": \"Sample\", "
                                      "\"description\": \"Create this\", \"url\": "
                                      "\"https://www.example.com/app-test1\"}"),
                         &app, &fields, &secret, &json, NULL),
                     0);
    assert_int_equal(fields, CLIENTID_APPLICATION_NAME | CLIENTID_APPLICATION_DESCRIPTION |
                                 CLIENTID_APPLICATION_URL | CLIENTID_APPLICATION_REDIRECT_URIS |
                                 CLIENTID_APPLICATION_API_ENDPOINTS);
    assert_int_equal(app.redirect_uri_count, 1);
    assert_memory_equal(app.redirect_uris[0].ptr, "http://example.com/", 19);
    assert_int_equal(secret.len, 0);
    clientid_json_del(json);
    assert_int_equal(clientid_application_from_json(
                         CLIENTID_STR("{\"name\":\"x\",\"clientSecret\":\"s3\",\"clientProvider\":"
                                      "{\"providerId\":\"okta\"},\"id\":4,\"description\":null}"),
                         &app, &fields, &secret, &json, NULL),
                     0);
    assert_memory_equal(secret.ptr, "s3", 2);
    assert_memory_equal(app.provider.ptr, "okta", 4);
    assert_int_equal(app.id, 0);
    assert_int_equal(app.description.len, 0);
    clientid_json_del(json);
    assert_int_equal(clientid_tier_from_json(
                         CLIENTID_STR("{\"name\":\"gold\",\"status\":\"INACTIVE\",\"autoApprove\":"
                                      "true,\"apiId\":3,\"limits\":[{\"maximumRequests\":5,"
                                      "\"timePeriodInMilliseconds\":1000},{\"visible\":false,"
                                      "\"maximumRequests\":6,\"timePeriodInMilliseconds\":7}]}"),
                         &tier, &fields, &json, NULL),
                     0);
    assert_int_equal(tier.status, CLIENTID_TIER_DEPRECATED);
    assert_int_equal(tier.api_id, 3);
    assert_int_equal(tier.limit_count, 2);
    assert_int_equal(tier.limits[0].visible, 1);
    assert_int_equal(tier.limits[1].visible, 0);
    assert_int_equal(tier.limits[1].period_ms, 7);
    clientid_json_del(json);
    assert_int_equal(clientid_api_from_json(
                         CLIENTID_STR("{\"name\":\"g\",\"instanceType\":\"api-group\",\"members\":"
                                      "[\"a\",\"b\"],\"clientProvider\":\"plain\"}"),
                         &api, &fields, &json, NULL),
                     0);
    assert_int_equal(api.kind, CLIENTID_API_GROUP);
    assert_int_equal(api.member_count, 2);
    assert_int_equal(api.provider.len, 5);
    clientid_json_del(json);
    clientid_json_del(NULL);
    assert_int_equal(clientid_api_from_json(CLIENTID_STR("{}"), NULL, &fields, &json, NULL),
                     CLIENTID_ERR_ARG);
    assert_int_equal(clientid_tier_from_json(CLIENTID_STR("{}"), NULL, &fields, &json, NULL),
                     CLIENTID_ERR_ARG);
    assert_int_equal(
        clientid_application_from_json(CLIENTID_STR("{}"), NULL, &fields, NULL, &json, NULL),
        CLIENTID_ERR_ARG);
}

static const struct {
    const char *name, *text, *pointer;
    unsigned line;
} bad_tiers[] = {
    {"not JSON", "{\n\"name\": }", "", 2},
    {"nothing", "", "", 1},
    {"an array", "[]", "", 0},
    {"a key twice", "{\"name\":\"a\",\"name\":\"b\"}", "", 1},
    {"an unknown key", "{\"nmae\":\"x\"}", "/nmae", 0},
    {"an unknown key that needs escapes", "{\"a/b~c\":1}", "/a~1b~0c", 0},
    {"a name that is a number", "{\"name\":1}", "/name", 0},
    {"a flag that is text", "{\"autoApprove\":\"true\"}", "/autoApprove", 0},
    {"a negative number", "{\"apiId\":-1}", "/apiId", 0},
    {"a fraction", "{\"apiId\":1.5}", "/apiId", 0},
    {"an unknown status", "{\"status\":\"active\"}", "/status", 0},
    {"limits that are no array", "{\"limits\":{}}", "/limits", 0},
    {"a limit that is no object", "{\"limits\":[5]}", "/limits/0", 0},
    {"a limit without a period", "{\"limits\":[{\"maximumRequests\":5}]}",
     "/limits/0/timePeriodInMilliseconds", 0},
    {"a limit without a count", "{\"limits\":[{\"timePeriodInMilliseconds\":5}]}",
     "/limits/0/maximumRequests", 0},
    {"an unknown key in a limit", "{\"limits\":[{\"maximumRequests\":5,\"period\":1}]}",
     "/limits/0/period", 0},
    {"a number beyond 64 bits", "{\"apiId\":99999999999999999999}", "", 1},
};

static void test_bad_json(void **state)
{
    clientid_application_record app;
    clientid_tier_record tier;
    clientid_api_record api;
    clientid_json *json;
    clientid_str secret;
    unsigned fields;

    (void)state;
    for (size_t i = 0; i < sizeof(bad_tiers) / sizeof(bad_tiers[0]); i++) {
        clientid_error error = {0};

        if (clientid_tier_from_json(support_str(bad_tiers[i].text), &tier, &fields, &json,
                                    &error) != CLIENTID_ERR_SYNTAX ||
            strcmp(error.pointer, bad_tiers[i].pointer) != 0 || error.line != bad_tiers[i].line)
            fail_msg("%s: %u %s %s", bad_tiers[i].name, error.line, error.pointer, error.text);
        assert_null(json);
    }
#define BAD(kind, text, at)                                                                        \
    {                                                                                              \
        clientid_error error = {0};                                                                \
        assert_int_equal(clientid_##kind, CLIENTID_ERR_SYNTAX);                                    \
        assert_string_equal(error.pointer, at);                                                    \
    }
    BAD(api_from_json(CLIENTID_STR("{\"instanceType\":\"x\"}"), &api, &fields, &json, &error), "",
        "/instanceType")
    BAD(api_from_json(CLIENTID_STR("{\"members\":\"x\"}"), &api, &fields, &json, &error), "",
        "/members")
    BAD(api_from_json(CLIENTID_STR("{\"members\":[\"a\",1]}"), &api, &fields, &json, &error), "",
        "/members/1")
    BAD(api_from_json(CLIENTID_STR("{\"clientProvider\":{}}"), &api, &fields, &json, &error), "",
        "/clientProvider")
    BAD(application_from_json(CLIENTID_STR("{\"clientSecret\":1}"), &app, &fields, &secret, &json,
                              &error),
        "", "/clientSecret")
#undef BAD
}

/* A syntax error must not repeat what it read: it may be a secret. */
static void test_errors_keep_secrets(void **state)
{
    clientid_application_record app;
    clientid_error error = {0};
    clientid_json *json;
    unsigned fields;

    (void)state;
    assert_int_equal(
        clientid_application_from_json(CLIENTID_STR("{\"clientSecret\":\"x\" \"needle\"}"), &app,
                                       &fields, NULL, &json, &error),
        CLIENTID_ERR_SYNTAX);
    assert_null(strstr(error.text, "needle"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_writing),
        cmocka_unit_test(test_application_and_contract),
        cmocka_unit_test(test_reading),
        cmocka_unit_test(test_bad_json),
        cmocka_unit_test(test_errors_keep_secrets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
