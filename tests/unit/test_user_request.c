/* SPDX-License-Identifier: Apache-2.0 */
/* The vendor's story, step by step: "Requesting Application for Third-party Gateway APIs"; then every status, and the rules. */
#include "support_gateway.h"

#include <jansson.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void check(struct support_store *s, int rc)
{
    if (rc != 0)
        fail_msg("%d: %s (%s)", rc, s->error.text, s->error.pointer);
}

static void uuid(struct support_gateway *g, clientid_uuid_kind kind, uint64_t id, char *out)
{
    check(&g->s, clientid_control_uuid_format(g->s.control, kind, id, out, &g->s.error));
}

/* ---- the story ------------------------------------------------------------------------------- */

/* The credentials of the vendor's sample. */
static const char credentials[] =
    "{\"name\":\"Petstore App\",\"credentials\":["
    "{\"expiry\":null,\"apiKey\":\"709cb14b-f19f-4df9-98b8-eebe727f7844\",\"type\":\"APIKey\"},"
    "{\"clientId\":\"3d2404cb-d07d-4101-b38a-f13005b4cc53\","
    "\"clientSecret\":\"caed6fb3-7fd3-479f-8db5-81b4aeeeba86\",\"scopes\":[],"
    "\"tokenLifeTime\":3600,\"tokenRefreshLimit\":0,"
    "\"authorizationUris\":[\"https://hostname:5543/invoke/pub.apigateway.oauth2/authorize\"],"
    "\"accessTokenUris\":[\"https://hostname:5543/invoke/pub.apigateway.oauth2/getAccessToken\"],"
    "\"redirectUris\":[\"https://hostname:18152/portal/rest/v1/oauth/callback\"],"
    "\"refreshTokenUris\":[\"https://hostname:5543/invoke/pub.oauth/refreshAccessToken\"],"
    "\"type\":\"OAuth2\"},"
    "{\"claimsets\":[{\"name\":\"JWT default claims set\",\"claims\":[{\"key\":\"app_id\","
    "\"value\":\"29cfdae1-c8c5-44d4-9214-5415496d3d4a\"}]}],\"accesstoken_uris\":null,"
    "\"type\":\"JWT\"}]}";

static uint64_t ask_json(struct support_gateway *g, const char *text, uint64_t *application)
{
    clientid_user_request request;
    clientid_json *json = NULL;
    uint64_t id = 0;

    check(&g->s, clientid_user_request_from_json(g->s.control, support_str(text), &request, &json,
                                                 &g->s.error));
    check(&g->s, clientid_control_user_request_create(g->s.control, &request, &id, application,
                                                      &g->s.error));
    clientid_json_del(json);
    return id;
}

/* A sample with our ids in place of the vendor's, compared key by key. */
static void compare(const char *expected, const char *got)
{
    json_t *a = json_loads(expected, 0, NULL), *b = json_loads(got, 0, NULL);
    char *text;

    assert_non_null(a);
    assert_non_null(b);
    text = json_dumps(b, JSON_INDENT(1));
    if (!json_equal(a, b))
        fail_msg("expected %s\ngot %s", expected, text);
    free(text);
    json_decref(a);
    json_decref(b);
}

static void test_story(void **state)
{
    static struct support_delivery d;
    struct support_gateway g;
    char api1[40], api2[40], app[40], event[40], user[40], text[2048], *json;
    uint64_t application = 0, request, event_id, id;

    (void)state;
    support_gateway_new(&g);
    support_sql(&g.s,
                "INSERT INTO user VALUES(1,'tester','','Administrator','System',1,1,1,'',1,1)");
    uuid(&g, CLIENTID_UUID_API, g.petstore1, api1);
    uuid(&g, CLIENTID_UUID_API, g.petstore2, api2);
    uuid(&g, CLIENTID_UUID_USER, 1, user);
    g.s.now_ns = 1641825374ULL * 1000000000; /* 2022-01-10 14:36:14 */

    /* Creation. */
    snprintf(text, sizeof(text),
             "{\"context\":{\"name\":\"Petstore App\",\"description\":\"This application is used "
             "for building petstore app\",\"apis\":[\"%s\"],\"redirect_uris\":"
             "[\"https://hostname:18152/portal/rest/v1/oauth/callback\"]},"
             "\"type\":\"APPLICATION_CREATION_REQUEST\"}",
             api1);
    request = ask_json(&g, text, &application);
    uuid(&g, CLIENTID_UUID_APPLICATION, application, app);
    assert_string_equal(support_request_status(&g.s, request), "NEW");
    assert_int_equal(support_due(&g.s, &d, 1, NULL), 1);
    event_id = support_sql(&g.s, "SELECT max(id) FROM gateway_event");
    uuid(&g, CLIENTID_UUID_EVENT, event_id, event);
    snprintf(text, sizeof(text),
             "{\"executor\":{\"id\":\"%s\",\"email\":null,\"lastname\":\"System\","
             "\"firstname\":\"Administrator\",\"name\":\"tester\"},"
             "\"source\":{\"id\":\"%s\",\"externalref\":\"petstore1\"},"
             "\"contextdata\":{\"consumer_appName\":\"Petstore App\",\"consumer_appDesc\":"
             "\"This application is used for building petstore app\",\"tenant\":\"default\","
             "\"redirect_uris\":[\"https://hostname:18152/portal/rest/v1/oauth/callback\"],"
             "\"provider_id\":null,\"api_id\":\"%s\",\"application_id\":\"%s\"},"
             "\"type\":\"REQUEST_ACCESS_TOKEN\",\"creationdate\":\"2022-01-10 14:36:14\","
             "\"eventid\":\"%s\",\"status\":\"NEW\"}",
             user, api1, api1, app, event);
    compare(text, d.body);
    assert_string_equal(d.url, "https://gateway.example/events");
    support_done(&g.s, d.record.id, CLIENTID_DELIVERY_DONE);
    assert_string_equal(support_request_status(&g.s, request), "WAITING_THIRDPARTY");

    /* The gateway answers. */
    check(&g.s, clientid_control_event_answer(g.s.control, application, event_id,
                                              support_str(credentials), &g.s.error));
    assert_string_equal(support_request_status(&g.s, request), "COMPLETED");

    /* A further API. */
    snprintf(text, sizeof(text),
             "{\"context\":{\"application\":\"%s\",\"apis\":[\"%s\"]},"
             "\"type\":\"APPLICATION_API_REGISTRATION_REQUEST\"}",
             app, api2);
    request = ask_json(&g, text, &id);
    assert_int_equal(id, application);
    assert_int_equal(support_deliver_all(&g.s), 1);
    event_id = support_sql(&g.s, "SELECT max(id) FROM gateway_event");
    assert_int_equal(support_sql(&g.s, "SELECT subscription FROM gateway_event ORDER BY id DESC"),
                     CLIENTID_HOOK_EVENT_SCOPE_INCREASE);
    check(&g.s, clientid_control_event_answer(g.s.control, application, event_id,
                                              support_str(credentials), &g.s.error));
    assert_string_equal(support_request_status(&g.s, request), "COMPLETED");

    /* What the application has. */
    check(&g.s, clientid_application_to_rest_json(g.s.control, application, &json, &g.s.error));
    uuid(&g, CLIENTID_UUID_PROVIDER, g.provider, event);
    snprintf(text, sizeof(text),
             "{\"name\":\"Petstore App\",\"owner\":\"%s\",\"id\":\"%s\",\"documentType\":"
             "\"APPLICATION\",\"providerRef\":\"%s\",\"access\":{\"teams\":[],\"users\":[]},"
             "\"apis\":[\"%s\",\"%s\"],%.*s,\"status\":\"LIVE\",\"slots\":{\"$stage\":"
             "\"X Gateway\"},\"deleted\":false,\"description\":\"This application is used for "
             "building petstore app\",\"app_type\":\"API\"}",
             user, app, event, api1, api2,
             (int)(sizeof(credentials) - sizeof("{\"name\":\"Petstore App\",") - 1),
             credentials + sizeof("{\"name\":\"Petstore App\",") - 1);
    compare(text, json);
    clientid_json_free(json);

    /* One API less. */
    g.s.now_ns = 1641829658ULL * 1000000000; /* 2022-01-10 15:47:38 */
    snprintf(text, sizeof(text),
             "{\"context\":{\"application\":\"%s\",\"apis\":[\"%s\"]},"
             "\"type\":\"APPLICATION_API_DEREGISTRATION_REQUEST\"}",
             app, api1);
    request = ask_json(&g, text, &id);
    assert_int_equal(support_due(&g.s, &d, 1, NULL), 1);
    event_id = support_sql(&g.s, "SELECT max(id) FROM gateway_event");
    uuid(&g, CLIENTID_UUID_EVENT, event_id, event);
    snprintf(text, sizeof(text),
             "{\"executor\":{\"id\":\"%s\",\"email\":null,\"lastname\":\"System\","
             "\"firstname\":\"Administrator\",\"name\":\"tester\"},"
             "\"source\":{\"id\":\"%s\",\"externalref\":null},"
             "\"contextdata\":{\"api\":{\"id\":\"%s\",\"externalRef\":\"petstore1\"},"
             "\"application_id\":\"%s\"},"
             "\"type\":\"REVOKE_ACCESS_TOKEN\",\"creationdate\":\"2022-01-10 15:47:38\","
             "\"eventid\":\"%s\",\"status\":\"NEW\"}",
             user, app, api1, app, event);
    compare(text, d.body);
    support_done(&g.s, d.record.id, CLIENTID_DELIVERY_DONE);
    check(&g.s, clientid_control_event_answer(g.s.control, application, event_id, CLIENTID_STR(""),
                                              &g.s.error));
    assert_string_equal(support_request_status(&g.s, request), "COMPLETED");
    check(&g.s,
          clientid_control_delivered_credentials(g.s.control, application, &json, &g.s.error));
    assert_non_null(strstr(json, "caed6fb3"));
    clientid_json_free(json);
    support_gateway_del(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_story),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
