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

/* ---- status ---------------------------------------------------------------------------------- */

/* What stands for a request whose states are these: the first of the order that is among them. */
static void test_status_rule(void **state)
{
    static const uint32_t order[] = {
        CLIENTID_USER_REQUEST_STATUS_APPROVAL_PENDING,
        CLIENTID_USER_REQUEST_STATUS_REJECTED,
        CLIENTID_USER_REQUEST_STATUS_DELIVERY_UNSUCCESSFUL,
        CLIENTID_USER_REQUEST_STATUS_FAILED,
        CLIENTID_USER_REQUEST_STATUS_NEW,
        CLIENTID_USER_REQUEST_STATUS_APPROVED,
        CLIENTID_USER_REQUEST_STATUS_WAITING_THIRDPARTY,
        CLIENTID_USER_REQUEST_STATUS_COMPLETED,
    };
    clientid_user_request_state two[2] = {{.event_id = 1}, {.event_id = 2}};

    (void)state;
    assert_int_equal(clientid_user_request_status_of(NULL, 0),
                     CLIENTID_USER_REQUEST_STATUS_COMPLETED);
    for (size_t a = 0; a < 8; a++)
        for (size_t b = 0; b < 8; b++) {
            two[0].status = order[a];
            two[1].status = order[b];
            assert_int_equal(clientid_user_request_status_of(two, 2), order[a < b ? a : b]);
        }
}

static void test_labels(void **state)
{
    (void)state;
    for (uint32_t type = 1; type <= 5; type++)
        assert_int_equal(
            clientid_user_request_type_find(support_str(clientid_user_request_type_label(type))),
            type);
    assert_string_equal(clientid_user_request_type_label(6), "?");
    assert_int_equal(clientid_user_request_type_find(CLIENTID_STR("SUBSCRIPTION_CREATION_REQUEST")),
                     0);
    assert_string_equal(clientid_user_request_status_label(8), "DELIVERY_UNSUCCESSFUL");
    assert_string_equal(clientid_user_request_status_label(9), "?");
}

static uint64_t last_event(struct support_gateway *g)
{
    return support_sql(&g->s, "SELECT max(id) FROM gateway_event");
}

static uint64_t last_contract(struct support_gateway *g)
{
    return support_sql(&g->s, "SELECT max(id) FROM contract");
}

static int answer(struct support_gateway *g, uint64_t application, uint64_t event, const char *body)
{
    return clientid_control_event_answer(g->s.control, application, event, support_str(body),
                                         &g->s.error);
}

static int retry(struct support_gateway *g, uint64_t request, uint64_t event)
{
    return clientid_control_user_request_retry(g->s.control, request, event, &g->s.error);
}

/* Each status, as a request gets there. */
static void test_every_status(void **state)
{
    struct support_gateway g;
    struct support_delivery *d = calloc(1, sizeof(*d));
    uint64_t app = 0, request, event;

    (void)state;
    assert_non_null(d);
    support_gateway_new(&g);
    support_new_tier(&g.s, g.petstore1, "gold", false);
    request = support_user_request(&g.s, CLIENTID_USER_REQUEST_CREATION, &app, &g.petstore1, 1);
    event = last_event(&g);
    assert_string_equal(support_request_status(&g.s, request), "APPROVAL_PENDING");
    assert_int_equal(support_backlog(&g.s), 0);
    assert_int_equal(answer(&g, app, event, ""), CLIENTID_ERR_RULE);
    assert_int_equal(retry(&g, request, event), CLIENTID_ERR_RULE);
    support_act(&g.s, last_contract(&g), CLIENTID_VERB_APPROVE);
    assert_string_equal(support_request_status(&g.s, request), "APPROVED");
    assert_int_equal(last_event(&g), event);
    assert_int_equal(retry(&g, request, event), CLIENTID_ERR_RULE);
    assert_int_equal(support_due(&g.s, d, 1, NULL), 1);
    support_done(&g.s, d->record.id, CLIENTID_DELIVERY_REFUSED);
    assert_string_equal(support_request_status(&g.s, request), "FAILED");
    assert_int_equal(retry(&g, request, event), 0);
    assert_string_equal(support_request_status(&g.s, request), "NEW");
    assert_int_equal(support_deliver_all(&g.s), 1);
    assert_string_equal(support_request_status(&g.s, request), "WAITING_THIRDPARTY");
    assert_int_equal(retry(&g, request, event), CLIENTID_ERR_RULE);
    assert_int_equal(answer(&g, app, event, ""), 0);
    assert_string_equal(support_request_status(&g.s, request), "COMPLETED");
    assert_int_equal(retry(&g, request, event), CLIENTID_ERR_RULE);
    /* Rejected, which is final; and withdrawn. */
    for (int withdraw = 0; withdraw < 2; withdraw++) {
        app = 0;
        request = support_user_request(&g.s, CLIENTID_USER_REQUEST_CREATION, &app, &g.petstore1, 1);
        support_act(&g.s, last_contract(&g),
                    withdraw ? CLIENTID_VERB_WITHDRAW : CLIENTID_VERB_REJECT);
        assert_string_equal(support_request_status(&g.s, request), "REJECTED");
        assert_int_equal(answer(&g, app, last_event(&g), ""), CLIENTID_ERR_RULE);
        assert_int_equal(retry(&g, request, last_event(&g)), CLIENTID_ERR_RULE);
    }
    assert_int_equal(support_backlog(&g.s), 0);
    free(d);
    support_gateway_del(&g);
}

/* A tier that becomes automatic approves what waits, and tells the gateway in that transaction. */
static void test_tier_becomes_automatic(void **state)
{
    const clientid_tier_record automatic = {.size = sizeof(automatic), .auto_approve = 1};
    struct support_gateway g;
    uint64_t tier, apps[3] = {0}, approved = 0;

    (void)state;
    support_gateway_new(&g);
    tier = support_new_tier(&g.s, g.petstore1, "gold", false);
    for (int i = 0; i < 3; i++)
        support_user_request(&g.s, CLIENTID_USER_REQUEST_CREATION, &apps[i], &g.petstore1, 1);
    assert_int_equal(support_backlog(&g.s), 0);
    check(&g.s, clientid_control_tier_update(g.s.control, tier, &automatic,
                                             CLIENTID_TIER_AUTO_APPROVE, &approved, &g.s.error));
    assert_int_equal(approved, 3);
    assert_int_equal(support_backlog(&g.s), 3);
    support_gateway_del(&g);
}

/* ---- what was not asked for by a user request ------------------------------------------------- */

static void expect_request(struct support_gateway *g, uint64_t app, uint32_t type,
                           const char *status)
{
    struct support_request r;

    support_request_get(&g->s, support_last_request(&g->s, app), &r);
    assert_int_equal(r.record.type, type);
    assert_string_equal(clientid_user_request_status_label(r.record.status), status);
    assert_string_equal(r.owner, "tester");
    assert_int_equal(r.record.state_count, 1);
}

static void test_implicit_requests(void **state)
{
    struct support_gateway g;
    uint64_t app, first, second, tier;

    (void)state;
    support_gateway_new(&g);
    tier = support_new_tier(&g.s, g.petstore2, "gold", false);
    app = support_new_application_at(&g.s, "app", "X Gateway");
    first = support_new_contract(&g.s, app, g.petstore1, 0);
    expect_request(&g, app, CLIENTID_USER_REQUEST_CREATION, "NEW");
    second = support_new_contract(&g.s, app, g.petstore2, tier);
    expect_request(&g, app, CLIENTID_USER_REQUEST_REGISTRATION, "APPROVAL_PENDING");
    support_act(&g.s, second, CLIENTID_VERB_APPROVE);
    expect_request(&g, app, CLIENTID_USER_REQUEST_REGISTRATION, "APPROVED");
    assert_int_equal(
        support_sql(&g.s, "SELECT subscription FROM gateway_event ORDER BY id DESC LIMIT 1"),
        CLIENTID_HOOK_EVENT_SCOPE_INCREASE);
    support_act(&g.s, first, CLIENTID_VERB_REVOKE);
    expect_request(&g, app, CLIENTID_USER_REQUEST_DEREGISTRATION, "NEW");
    support_act(&g.s, first, CLIENTID_VERB_RESTORE);
    expect_request(&g, app, CLIENTID_USER_REQUEST_REGISTRATION, "NEW");
    support_act(&g.s, second, CLIENTID_VERB_REVOKE);
    support_act(&g.s, first, CLIENTID_VERB_REVOKE);
    assert_int_equal(support_deliver_all(&g.s), 6);
    /* What had ended before tells nothing when it goes. */
    support_act(&g.s, first, CLIENTID_VERB_DELETE);
    assert_int_equal(support_backlog(&g.s), 0);
    /* With its application goes what is pending: no gateway was told of it. */
    support_new_contract(&g.s, app, g.petstore1, 0);
    support_act(&g.s, last_contract(&g), CLIENTID_VERB_REVOKE);
    check(&g.s, clientid_control_application_delete(g.s.control, app, &g.s.error));
    /* The requests stay, the gateway is told of the end, and may answer. */
    assert_int_equal(support_deliver_all(&g.s), 2);
    assert_int_equal(answer(&g, app, last_event(&g), credentials), 0);
    expect_request(&g, app, CLIENTID_USER_REQUEST_DEREGISTRATION, "COMPLETED");
    assert_int_equal(support_sql(&g.s, "SELECT count(*) FROM delivered_credential"), 0);
    support_gateway_del(&g);
}

static void test_pending_goes_with_its_application(void **state)
{
    struct support_gateway g;
    uint64_t app;

    (void)state;
    support_gateway_new(&g);
    app = support_new_application_at(&g.s, "app", "X Gateway");
    support_new_contract(&g.s, app, g.petstore1, support_new_tier(&g.s, g.petstore1, "gold", 0));
    check(&g.s, clientid_control_application_delete(g.s.control, app, &g.s.error));
    expect_request(&g, app, CLIENTID_USER_REQUEST_CREATION, "REJECTED");
    assert_int_equal(support_backlog(&g.s), 0);
    support_gateway_del(&g);
}

/* Contracts from before the provider was a third party's: it is told when they change. */
static void test_provider_comes_later(void **state)
{
    struct support_gateway g;
    uint64_t api, app, contract;
    char *json = NULL;

    (void)state;
    support_gateway_new(&g);
    api = support_new_api_at(&g.s, "late", "Late");
    app = support_new_application_at(&g.s, "app", "Late");
    contract = support_new_contract(&g.s, app, api, support_new_tier(&g.s, api, "gold", false));
    assert_int_equal(support_last_request(&g.s, app), 0);
    support_new_provider(&g.s, "Late", CLIENTID_PROVIDER_THIRD_PARTY, g.hook);
    check(&g.s, clientid_application_to_rest_json(g.s.control, app, &json, &g.s.error));
    assert_non_null(strstr(json, "\"status\":\"INACTIVE\""));
    clientid_json_free(json);
    support_act(&g.s, contract, CLIENTID_VERB_APPROVE);
    expect_request(&g, app, CLIENTID_USER_REQUEST_CREATION, "NEW");
    support_gateway_del(&g);
}

/* An API of ours needs no event: nothing is written for it but the states of a user request. */
static void test_own_provider(void **state)
{
    struct support_gateway g;
    uint64_t app, request, tier;
    char *json = NULL;

    (void)state;
    support_gateway_new(&g);
    app = support_new_application(&g.s, "app");
    support_act(&g.s, support_new_contract(&g.s, app, g.own, 0), CLIENTID_VERB_REVOKE);
    assert_int_equal(support_sql(&g.s, "SELECT count(*) FROM user_request"), 0);
    tier = support_new_tier(&g.s, g.own, "gold", false);
    app = 0;
    request = support_user_request(&g.s, CLIENTID_USER_REQUEST_CREATION, &app, &g.own, 1);
    assert_string_equal(support_request_status(&g.s, request), "APPROVAL_PENDING");
    check(&g.s, clientid_application_to_rest_json(g.s.control, app, &json, &g.s.error));
    assert_non_null(strstr(json, "\"apis\":[]"));
    assert_non_null(strstr(json, "\"status\":\"INACTIVE\",\"credentials\":[]"));
    assert_non_null(strstr(json, "\"slots\":{}"));
    assert_non_null(strstr(json, "\"providerRef\":null"));
    clientid_json_free(json);
    support_act(&g.s, last_contract(&g), CLIENTID_VERB_APPROVE);
    assert_string_equal(support_request_status(&g.s, request), "COMPLETED");
    check(&g.s, clientid_application_to_rest_json(g.s.control, app, &json, &g.s.error));
    assert_non_null(strstr(json, "\"status\":\"LIVE\""));
    clientid_json_free(json);
    /* No gateway was told, so none answers. */
    assert_int_equal(answer(&g, app, last_event(&g), credentials), CLIENTID_ERR_RULE);
    assert_int_equal(support_backlog(&g.s), 0);
    (void)tier;
    support_gateway_del(&g);
}

static void test_rejected_application(void **state)
{
    struct support_gateway g;
    uint64_t app = 0;
    char *json = NULL;

    (void)state;
    support_gateway_new(&g);
    support_new_tier(&g.s, g.petstore1, "gold", false);
    support_user_request(&g.s, CLIENTID_USER_REQUEST_CREATION, &app, &g.petstore1, 1);
    support_act(&g.s, last_contract(&g), CLIENTID_VERB_REJECT);
    check(&g.s, clientid_application_to_rest_json(g.s.control, app, &json, &g.s.error));
    assert_non_null(strstr(json, "\"status\":\"REJECTED\""));
    clientid_json_free(json);
    assert_int_equal(clientid_application_to_rest_json(g.s.control, 999, &json, &g.s.error),
                     CLIENTID_ERR_NOT_FOUND);
    support_gateway_del(&g);
}

/* ---- retry ----------------------------------------------------------------------------------- */

static void test_no_hook(void **state)
{
    struct support_gateway g;
    struct support_request r;
    uint64_t app = 0, request, event;

    (void)state;
    support_gateway_new(&g);
    support_set_hooks(&g.s, g.provider, NULL, 0);
    request = support_user_request(&g.s, CLIENTID_USER_REQUEST_CREATION, &app, &g.petstore1, 1);
    event = last_event(&g);
    support_request_get(&g.s, request, &r);
    assert_int_equal(r.record.status, CLIENTID_USER_REQUEST_STATUS_DELIVERY_UNSUCCESSFUL);
    assert_non_null(strstr(r.states[0].detail, "no webhook"));
    assert_int_equal(retry(&g, request, event), CLIENTID_ERR_RULE);
    assert_non_null(strstr(g.s.error.text, "no webhook"));
    /* One for other events is none. */
    g.hook = support_new_hook(&g.s, "https://b", CLIENTID_HOOK_EVENT_SCOPE_DECREASE);
    support_set_hooks(&g.s, g.provider, &g.hook, 1);
    assert_int_equal(retry(&g, request, event), CLIENTID_ERR_RULE);
    g.hook = support_new_hook(&g.s, "https://c", CLIENTID_HOOK_EVENT_CREATION);
    support_set_hooks(&g.s, g.provider, &g.hook, 1);
    assert_int_equal(retry(&g, request, event + 1), CLIENTID_ERR_NOT_FOUND);
    assert_int_equal(retry(&g, request + 1, event), CLIENTID_ERR_NOT_FOUND);
    assert_int_equal(retry(&g, request, event), 0);
    assert_int_equal(support_deliver_all(&g.s), 1);
    assert_string_equal(support_request_status(&g.s, request), "WAITING_THIRDPARTY");
    support_gateway_del(&g);
}

/* A late retry neither grants what was taken nor takes what was granted since. */
static void test_retry_of_the_past(void **state)
{
    struct support_gateway g;
    uint64_t app, contract, granting, revoking, grant_event, revoke_event;

    (void)state;
    support_gateway_new(&g);
    support_set_hooks(&g.s, g.provider, NULL, 0);
    app = support_new_application_at(&g.s, "app", "X Gateway");
    contract = support_new_contract(&g.s, app, g.petstore1, 0);
    granting = support_last_request(&g.s, app);
    grant_event = last_event(&g);
    support_act(&g.s, contract, CLIENTID_VERB_REVOKE);
    revoking = support_last_request(&g.s, app);
    revoke_event = last_event(&g);
    support_set_hooks(&g.s, g.provider, &g.hook, 1);
    assert_int_equal(retry(&g, granting, grant_event), CLIENTID_ERR_RULE);
    assert_non_null(strstr(g.s.error.text, "event-state: the contract is no longer in force"));
    assert_int_equal(retry(&g, revoking, revoke_event), 0);
    support_set_hooks(&g.s, g.provider, NULL, 0);
    check(&g.s, clientid_control_hook_delete(g.s.control, g.hook, &g.s.error));
    support_act(&g.s, contract, CLIENTID_VERB_RESTORE);
    assert_int_equal(retry(&g, revoking, revoke_event), CLIENTID_ERR_RULE);
    assert_non_null(strstr(g.s.error.text, "in force again"));
    support_act(&g.s, contract, CLIENTID_VERB_REVOKE);
    support_act(&g.s, contract, CLIENTID_VERB_DELETE);
    assert_int_equal(retry(&g, granting, grant_event), CLIENTID_ERR_RULE);
    support_gateway_del(&g);
}

/* ---- answers --------------------------------------------------------------------------------- */

static void expect_credentials(struct support_gateway *g, uint64_t app, const char *expected)
{
    char *text = NULL;

    check(&g->s, clientid_control_delivered_credentials(g->s.control, app, &text, &g->s.error));
    assert_string_equal(text, expected);
    clientid_json_free(text);
}

#define KEY(key)  "{\"credentials\":[{\"type\":\"APIKey\",\"apiKey\":\"" key "\"}]}"
#define LIST(key) "[{\"type\":\"APIKey\",\"apiKey\":\"" key "\"}]"

static int no_secret(void *sink, const clientid_change_record *record)
{
    (void)sink;
    for (size_t i = 0; i + 5 <= record->detail.len; i++)
        assert_memory_not_equal(record->detail.ptr + i, "qwert", 5);
    return 0;
}

static void test_answers(void **state)
{
    struct support_gateway g;
    uint64_t app = 0, other = 0, event, revision;

    (void)state;
    support_gateway_new(&g);
    support_user_request(&g.s, CLIENTID_USER_REQUEST_CREATION, &app, &g.petstore1, 1);
    event = last_event(&g);
    expect_credentials(&g, app, "[]");
    /* Before its delivery was said to be done: gateways may be faster. */
    assert_int_equal(answer(&g, app, event, KEY("qwert1")), 0);
    expect_credentials(&g, app, LIST("qwert1"));
    assert_int_equal(support_deliver_all(&g.s), 1);
    assert_string_equal(support_request_status(&g.s, support_last_request(&g.s, app)), "COMPLETED");
    /* Again: others replace them, an acknowledgement leaves them, an empty list removes them. */
    assert_int_equal(answer(&g, app, event, KEY("qwert2")), 0);
    expect_credentials(&g, app, LIST("qwert2"));
    assert_int_equal(answer(&g, app, event, ""), 0);
    expect_credentials(&g, app, LIST("qwert2"));
    assert_int_equal(answer(&g, app, event, "{\"credentials\":[]}"), 0);
    expect_credentials(&g, app, "[]");
    assert_int_equal(answer(&g, app, event, KEY("qwert3")), 0);
    /* Nothing of what is wrong is kept. */
    revision = support_revision(&g.s);
    assert_int_equal(answer(&g, app, event, "{\"credentials\":[{\"type\":\"X\"}]}"),
                     CLIENTID_ERR_SYNTAX);
    assert_int_equal(answer(&g, app, event + 1, KEY("x")), CLIENTID_ERR_NOT_FOUND);
    support_user_request(&g.s, CLIENTID_USER_REQUEST_CREATION, &other, &g.petstore1, 1);
    revision = support_revision(&g.s);
    assert_int_equal(answer(&g, other, event, KEY("x")), CLIENTID_ERR_NOT_FOUND);
    assert_int_equal(answer(&g, 0, event, KEY("x")), CLIENTID_ERR_NOT_FOUND);
    assert_int_equal(support_revision(&g.s), revision);
    expect_credentials(&g, app, LIST("qwert3"));
    expect_credentials(&g, other, "[]");
    /* With the last API they go. */
    support_user_request(&g.s, CLIENTID_USER_REQUEST_DEREGISTRATION, &app, &g.petstore1, 1);
    expect_credentials(&g, app, LIST("qwert3"));
    assert_int_equal(answer(&g, app, last_event(&g), ""), 0);
    expect_credentials(&g, app, "[]");
    /* And a late answer does not bring them back. */
    assert_int_equal(answer(&g, app, event, KEY("qwert4")), 0);
    expect_credentials(&g, app, "[]");
    assert_int_equal(clientid_control_changes(g.s.control, 0, 0, no_secret, NULL, &g.s.error), 0);
    support_gateway_del(&g);
}

/* Also of one whose gateway has not answered yet. */
static void test_credentials_go_with_their_application(void **state)
{
    struct support_gateway g;
    uint64_t app = 0;

    (void)state;
    support_gateway_new(&g);
    support_user_request(&g.s, CLIENTID_USER_REQUEST_CREATION, &app, &g.petstore1, 1);
    assert_int_equal(answer(&g, app, last_event(&g), KEY("k")), 0);
    support_act(&g.s, last_contract(&g), CLIENTID_VERB_REVOKE);
    expect_credentials(&g, app, LIST("k"));
    check(&g.s, clientid_control_application_delete(g.s.control, app, &g.s.error));
    assert_int_equal(support_sql(&g.s, "SELECT count(*) FROM delivered_credential"), 0);
    support_gateway_del(&g);
}

/* The payload has no place for a tier. */
static void test_tier_change_is_no_event(void **state)
{
    struct support_gateway g;
    uint64_t app, contract, gold, silver, event;

    (void)state;
    support_gateway_new(&g);
    gold = support_new_tier(&g.s, g.petstore1, "gold", true);
    silver = support_new_tier(&g.s, g.petstore1, "silver", false);
    app = support_new_application_at(&g.s, "app", "X Gateway");
    contract = support_new_contract(&g.s, app, g.petstore1, gold);
    event = last_event(&g);
    check(&g.s,
          clientid_control_contract_change_tier(g.s.control, contract, silver, NULL, &g.s.error));
    support_act(&g.s, contract, CLIENTID_VERB_APPROVE_TIER);
    assert_int_equal(last_event(&g), event);
    support_gateway_del(&g);
}

static void test_answer_without_key(void **state)
{
    struct support_gateway g;
    clientid_control *control = NULL;
    uint64_t app = 0;

    (void)state;
    support_gateway_new(&g);
    support_user_request(&g.s, CLIENTID_USER_REQUEST_CREATION, &app, &g.petstore1, 1);
    assert_int_equal(clientid_control_new(&control, g.s.store, NULL, NULL), 0);
    assert_int_equal(clientid_control_event_answer(control, app, last_event(&g),
                                                   CLIENTID_STR(KEY("k")), &g.s.error),
                     CLIENTID_ERR_ARG);
    assert_string_equal(support_request_status(&g.s, support_last_request(&g.s, app)), "NEW");
    assert_int_equal(
        clientid_control_event_answer(control, app, last_event(&g), CLIENTID_STR(""), &g.s.error),
        0);
    clientid_control_del(control);
    support_gateway_del(&g);
}

/* ---- the other types ------------------------------------------------------------------------- */

static void test_update(void **state)
{
    const clientid_str uris[] = {CLIENTID_STR("https://new")};
    struct support_delivery *d = calloc(1, sizeof(*d));
    struct support_gateway g;
    clientid_user_request request = {.size = sizeof(request),
                                     .type = CLIENTID_USER_REQUEST_UPDATE,
                                     .name = CLIENTID_STR("New name")};
    uint64_t app, id;

    (void)state;
    assert_non_null(d);
    support_gateway_new(&g);
    app = support_new_application_at(&g.s, "app", "X Gateway");
    request.application_id = app;
    /* A gateway that does not know it need not be told. */
    check(&g.s, clientid_control_user_request_create(g.s.control, &request, &id, NULL, &g.s.error));
    assert_string_equal(support_request_status(&g.s, id), "COMPLETED");
    support_new_contract(&g.s, app, g.petstore1, 0);
    support_deliver_all(&g.s);
    request.name = CLIENTID_STR("");
    request.description = CLIENTID_STR("New description");
    request.redirect_uris = uris;
    request.redirect_uri_count = 1;
    check(&g.s, clientid_control_user_request_create(g.s.control, &request, &id, NULL, &g.s.error));
    assert_string_equal(support_request_status(&g.s, id), "NEW");
    assert_int_equal(support_due(&g.s, d, 1, NULL), 1);
    assert_non_null(strstr(d->body, "\"type\":\"APPLICATION_UPDATE\""));
    assert_non_null(strstr(d->body, "\"consumer_appName\":\"New name\",\"consumer_appDesc\":"
                                    "\"New description\",\"tenant\":\"default\","
                                    "\"redirect_uris\":[\"https://new\"]"));
    assert_non_null(strstr(d->body, "\"externalref\":null"));
    assert_null(strstr(d->body, "api_id"));
    support_done(&g.s, d->record.id, CLIENTID_DELIVERY_DONE);
    assert_int_equal(answer(&g, app, last_event(&g), ""), 0);
    assert_string_equal(support_request_status(&g.s, id), "COMPLETED");
    free(d);
    support_gateway_del(&g);
}

/* The application goes when the gateway has answered for all of its APIs. */
static void test_deletion(void **state)
{
    struct support_gateway g;
    uint64_t app = 0, apis[2], request, first;
    const clientid_access_request access = {.size = sizeof(access)};

    (void)state;
    support_gateway_new(&g);
    apis[0] = g.petstore1;
    apis[1] = g.petstore2;
    support_user_request(&g.s, CLIENTID_USER_REQUEST_CREATION, &app, apis, 2);
    assert_int_equal(answer(&g, app, last_event(&g), KEY("k")), 0);
    request = support_user_request(&g.s, CLIENTID_USER_REQUEST_DELETION, &app, NULL, 0);
    first = last_event(&g) - 1;
    assert_int_equal(support_deliver_all(&g.s), 4);
    assert_string_equal(support_request_status(&g.s, request), "WAITING_THIRDPARTY");
    /* Meanwhile nothing is added to it. */
    {
        clientid_access_request one = access;
        clientid_user_request again = {
            .size = sizeof(again), .type = CLIENTID_USER_REQUEST_DELETION, .application_id = app};
        uint64_t id, contract = 0;

        one.application_id = app;
        one.api_id = support_new_api_at(&g.s, "petstore3", "X Gateway");
        assert_int_equal(
            clientid_control_contract_request(g.s.control, &one, &id, NULL, &g.s.error),
            CLIENTID_ERR_RULE);
        assert_non_null(strstr(g.s.error.text, "user-request-open:"));
        assert_int_equal(
            clientid_control_user_request_create(g.s.control, &again, &id, NULL, &g.s.error),
            CLIENTID_ERR_RULE);
        check(&g.s,
              clientid_control_contract_find(g.s.control, app, g.petstore1, &contract, &g.s.error));
        assert_int_equal(
            clientid_control_contract_act(g.s.control, contract, CLIENTID_VERB_RESTORE, &g.s.error),
            CLIENTID_ERR_RULE);
    }
    assert_int_equal(answer(&g, app, first, ""), 0);
    assert_int_equal(support_sql(&g.s, "SELECT count(*) FROM application"), 1);
    assert_int_equal(answer(&g, app, first + 1, ""), 0);
    assert_int_equal(support_sql(&g.s, "SELECT count(*) FROM application"), 0);
    assert_int_equal(support_sql(&g.s, "SELECT count(*) FROM delivered_credential"), 0);
    assert_string_equal(support_request_status(&g.s, request), "COMPLETED");
    /* Repeated it is no error. */
    assert_int_equal(answer(&g, app, first + 1, ""), 0);
    support_gateway_del(&g);
}

static void test_deletion_at_once(void **state)
{
    struct support_gateway g;
    uint64_t app, request, tier;

    (void)state;
    support_gateway_new(&g);
    tier = support_new_tier(&g.s, g.petstore1, "gold", false);
    app = support_new_application_at(&g.s, "app", "X Gateway");
    support_new_contract(&g.s, app, g.petstore1, tier);
    request = support_user_request(&g.s, CLIENTID_USER_REQUEST_DELETION, &app, NULL, 0);
    assert_string_equal(support_request_status(&g.s, request), "COMPLETED");
    assert_int_equal(support_sql(&g.s, "SELECT count(*) FROM application"), 0);
    app = support_new_application(&g.s, "own");
    support_new_contract(&g.s, app, g.own, 0);
    request = support_user_request(&g.s, CLIENTID_USER_REQUEST_DELETION, &app, NULL, 0);
    assert_string_equal(support_request_status(&g.s, request), "COMPLETED");
    assert_int_equal(support_sql(&g.s, "SELECT count(*) FROM application"), 0);
    assert_int_equal(support_sql(&g.s, "SELECT count(*) FROM contract"), 0);
    assert_int_equal(support_backlog(&g.s), 0);
    support_gateway_del(&g);
}

/* What the application gave back it may ask for again; what the API's owner revoked stays revoked. */
static void test_giving_back(void **state)
{
    struct support_gateway g;
    clientid_user_request request = {.size = sizeof(request), .api_count = 1};
    uint64_t app = 0, id;

    (void)state;
    support_gateway_new(&g);
    support_user_request(&g.s, CLIENTID_USER_REQUEST_CREATION, &app, &g.petstore1, 1);
    support_user_request(&g.s, CLIENTID_USER_REQUEST_DEREGISTRATION, &app, &g.petstore1, 1);
    support_user_request(&g.s, CLIENTID_USER_REQUEST_REGISTRATION, &app, &g.petstore1, 1);
    support_act(&g.s, last_contract(&g), CLIENTID_VERB_REVOKE);
    request.application_id = app;
    request.apis = &g.petstore1;
    request.type = CLIENTID_USER_REQUEST_REGISTRATION;
    assert_int_equal(
        clientid_control_user_request_create(g.s.control, &request, &id, NULL, &g.s.error),
        CLIENTID_ERR_EXISTS);
    request.type = CLIENTID_USER_REQUEST_DEREGISTRATION;
    assert_int_equal(
        clientid_control_user_request_create(g.s.control, &request, &id, NULL, &g.s.error),
        CLIENTID_ERR_RULE);
    request.apis = &g.petstore2;
    assert_int_equal(
        clientid_control_user_request_create(g.s.control, &request, &id, NULL, &g.s.error),
        CLIENTID_ERR_NOT_FOUND);
    support_gateway_del(&g);
}

/* All of a request or nothing. */
static void test_whole(void **state)
{
    struct support_gateway g;
    const clientid_api_record terms = {.size = sizeof(terms),
                                       .kind = CLIENTID_API_INSTANCE,
                                       .name = CLIENTID_STR("terms"),
                                       .provider = CLIENTID_STR("X Gateway"),
                                       .terms = CLIENTID_STR("Be kind")};
    clientid_user_request request = {.size = sizeof(request),
                                     .type = CLIENTID_USER_REQUEST_CREATION,
                                     .name = CLIENTID_STR("x"),
                                     .api_count = 2};
    uint64_t apis[2], id, revision;

    (void)state;
    support_gateway_new(&g);
    apis[0] = g.petstore1;
    check(&g.s, clientid_control_api_create(g.s.control, &terms, &apis[1], &g.s.error));
    request.apis = apis;
    revision = support_revision(&g.s);
    assert_int_equal(
        clientid_control_user_request_create(g.s.control, &request, &id, NULL, &g.s.error),
        CLIENTID_ERR_RULE);
    assert_non_null(strstr(g.s.error.text, "terms:"));
    assert_int_equal(support_revision(&g.s), revision);
    assert_int_equal(support_sql(&g.s, "SELECT (SELECT count(*) FROM application) + (SELECT"
                                       " count(*) FROM gateway_event) + (SELECT count(*) FROM"
                                       " outbox) + (SELECT count(*) FROM user_request)"),
                     0);
    apis[1] = g.own;
    assert_int_equal(
        clientid_control_user_request_create(g.s.control, &request, &id, NULL, &g.s.error),
        CLIENTID_ERR_RULE);
    assert_non_null(strstr(g.s.error.text, "one-provider:"));
    /* What is made afterwards belongs to no request that failed. */
    support_new_contract(&g.s, support_new_application(&g.s, "app"), g.own, 0);
    assert_int_equal(support_sql(&g.s, "SELECT count(*) FROM gateway_event"), 0);
    support_gateway_del(&g);
}

static void test_request_fields(void **state)
{
    static const uint64_t apis[CLIENTID_USER_REQUEST_APIS_MAX + 1] = {1};
    const struct {
        clientid_user_request request;
        const char *pointer;
    } rows[] = {
        {{.type = 1, .name = CLIENTID_STR("x")}, "/context/apis"},
        {{.type = 1, .apis = apis, .api_count = 1}, "/context/name"},
        {{.type = 1, .name = CLIENTID_STR("a\nb"), .apis = apis, .api_count = 1}, "/name"},
        {{.type = 2, .apis = apis, .api_count = 1}, "/context/application"},
        {{.type = 2, .application_id = 1}, "/context/apis"},
        {{.type = 3, .application_id = 1, .apis = apis, .api_count = 65}, "/context/apis"},
        {{.type = 4}, "/context/application"},
        {{.type = 5, .application_id = 1, .apis = apis, .api_count = 1}, "/context/apis"},
    };
    struct support_store s;
    uint64_t id;

    (void)state;
    support_store_new(&s);
    support_new_api(&s, "first");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        clientid_user_request request = rows[i].request;
        int rc;

        request.size = sizeof(request);
        rc = clientid_control_user_request_create(s.control, &request, &id, NULL, &s.error);
        if (rc != CLIENTID_ERR_SYNTAX || strcmp(s.error.pointer, rows[i].pointer) != 0)
            fail_msg("row %zu: %d at %s", i, rc, s.error.pointer);
        request.type = 6;
        assert_int_equal(
            clientid_control_user_request_create(s.control, &request, &id, NULL, &s.error),
            CLIENTID_ERR_ARG);
    }
    support_store_del(&s);
}

/* ---- JSON ------------------------------------------------------------------------------------ */

static void test_json_errors(void **state)
{
    static const struct {
        const char *text, *pointer;
    } rows[] = {
        {"{}", "/type"},
        {"{\"type\":1}", "/type"},
        {"{\"type\":\"SUBSCRIPTION_CREATION_REQUEST\"}", "/type"},
        {"{\"type\":\"APPLICATION_DELETION_REQUEST\",\"comment\":\"x\"}", "/comment"},
        {"{\"context\":[]}", "/context"},
        {"{\"context\":{\"plan\":\"x\"}}", "/context/plan"},
        {"{\"context\":{\"name\":1}}", "/context/name"},
        {"{\"context\":{\"application\":\"6179b933-1382-4e1a-becc-239dcfeaaa6d\"}}",
         "/context/application"},
        {"{\"context\":{\"application\":1}}", "/context/application"},
        {"{\"context\":{\"apis\":\"x\"}}", "/context/apis"},
        {"{\"context\":{\"apis\":[\"842c3e33-5c4b-4abf-b827-1a194affde50\"]}}", "/context/apis/0"},
        {"{\"context\":{\"redirect_uris\":[1]}}", "/context/redirect_uris/0"},
        {"{\"context\":{\"accepted_terms\":1}}", "/context/accepted_terms"},
    };
    struct support_store s;
    clientid_user_request request;
    clientid_json *json;

    (void)state;
    support_store_new(&s);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int rc = clientid_user_request_from_json(s.control, support_str(rows[i].text), &request,
                                                 &json, &s.error);

        if (rc != CLIENTID_ERR_SYNTAX || strcmp(s.error.pointer, rows[i].pointer) != 0)
            fail_msg("%s: %d at %s", rows[i].text, rc, s.error.pointer);
    }
    support_store_del(&s);
}

struct to_json {
    clientid_control *control;
    char *text;
};

static int to_json(void *sink, const clientid_user_request_record *record)
{
    struct to_json *json = sink;

    return clientid_user_request_to_json(json->control, record, &json->text, NULL);
}

static void test_json(void **state)
{
    struct support_gateway g;
    struct to_json json;
    uint64_t app = 0, request;
    char ids[3][40], expected[512];

    (void)state;
    support_gateway_new(&g);
    json.control = g.s.control;
    g.s.now_ns = 1644496980ULL * 1000000000; /* 2022-02-10 12:43 */
    support_set_hooks(&g.s, g.provider, NULL, 0);
    request = support_user_request(&g.s, CLIENTID_USER_REQUEST_CREATION, &app, &g.petstore1, 1);
    uuid(&g, CLIENTID_UUID_REQUEST, request, ids[0]);
    uuid(&g, CLIENTID_UUID_APPLICATION, app, ids[1]);
    uuid(&g, CLIENTID_UUID_EVENT, last_event(&g), ids[2]);
    check(&g.s,
          clientid_control_user_request_get(g.s.control, request, to_json, &json, &g.s.error));
    snprintf(expected, sizeof(expected),
             "{\"owner\":null,\"id\":\"%s\",\"modified\":\"2022-02-10T12:43+0000\","
             "\"created\":\"2022-02-10T12:43+0000\",\"documentType\":\"USER_REQUEST\","
             "\"type\":\"APPLICATION_CREATION_REQUEST\",\"status\":\"DELIVERY_UNSUCCESSFUL\","
             "\"application\":\"%s\",\"state\":{\"%s\":\"DELIVERY_UNSUCCESSFUL\"}}",
             ids[0], ids[1], ids[2]);
    assert_string_equal(json.text, expected);
    clientid_json_free(json.text);
    support_gateway_del(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_story),
        cmocka_unit_test(test_status_rule),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_every_status),
        cmocka_unit_test(test_tier_becomes_automatic),
        cmocka_unit_test(test_implicit_requests),
        cmocka_unit_test(test_pending_goes_with_its_application),
        cmocka_unit_test(test_provider_comes_later),
        cmocka_unit_test(test_own_provider),
        cmocka_unit_test(test_rejected_application),
        cmocka_unit_test(test_no_hook),
        cmocka_unit_test(test_retry_of_the_past),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_credentials_go_with_their_application),
        cmocka_unit_test(test_tier_change_is_no_event),
        cmocka_unit_test(test_answer_without_key),
        cmocka_unit_test(test_update),
        cmocka_unit_test(test_deletion),
        cmocka_unit_test(test_deletion_at_once),
        cmocka_unit_test(test_giving_back),
        cmocka_unit_test(test_whole),
        cmocka_unit_test(test_request_fields),
        cmocka_unit_test(test_json_errors),
        cmocka_unit_test(test_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
