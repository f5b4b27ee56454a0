/* SPDX-License-Identifier: Apache-2.0 */
/* A portal, and clientid-portal --gateway as its third-party gateway: both real programs. */
#define _GNU_SOURCE /* memmem */
#include "support_callback.h"
#include "support_portal.h"
#include "support_program.h"
#include "support_proxy.h"

#include <clientid/delivery.h>
#include <clientid/third_party.h>

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HOOK_BASIC "Basic c3lzdGVtOnNzcw==" /* system:sss */

/* The portal comes from support_portal.h; of the gateway only what differs from it is here. */
struct world {
    struct portal portal;
    struct portal gateway;
    struct callback callback; /* in place of the portal, where it must be watched */
};

static void check(int rc, const clientid_error *error)
{
    if (rc != 0)
        fail_msg("%d %s: %s", rc, error->pointer, error->text);
}

static void make_api(struct portal *portal, const char *name)
{
    const clientid_api_record record = {
        .size = sizeof record, .kind = CLIENTID_API_INSTANCE, .name = {name, strlen(name)}};
    clientid_error error = {0};
    struct portal_store store;
    char uuid[CLIENTID_UUID_CHARS + 1];
    uint64_t id = 0;
    portal_open(portal, &store);
    check(clientid_control_api_create(store.control, &record, &id, &error), &error);
    check(clientid_control_uuid_format(store.control, CLIENTID_UUID_API, id, uuid, &error), &error);
    portal_close(&store);
    portal_set(portal, name, uuid);
}

/* portal_start gives no option: this one is started here. */
static void start_gateway(struct portal *gateway)
{
    char config[128], err[128], port[128];
    snprintf(config, sizeof config, "%s/config", gateway->dir);
    snprintf(err, sizeof err, "%s/err", gateway->dir);
    snprintf(port, sizeof port, "%s/port", gateway->dir);
    (void)remove(port);
    gateway->pid = program_spawn("clientid-portal", config, err, "--gateway");
    for (uint64_t end_ms = now_ms() + 10000; now_ms() < end_ms; sleep_ms(5)) {
        size_t len;
        char *text = file_read(port, &len);
        bool whole =
            text != NULL && strchr(text, '\n') != NULL && sscanf(text, "%u", &gateway->port) == 1;
        free(text);
        if (whole)
            return;
    }
    fail_msg("the gateway did not start");
}

/* |port|: of the portal. */
static void prepare_gateway(struct world *world, unsigned port)
{
    char more[512], path[128], url[64];
    struct portal *gateway = &world->gateway;
    char *dir = folder_new();
    snprintf(path, sizeof path, "%s/portal.password", dir);
    file_write(path, PORTAL_PASSWORD "\n");
    snprintf(path, sizeof path, "%s/hook.password", dir);
    file_write(path, "sss\n");
    snprintf(url, sizeof url, "http://127.0.0.1:%u/portal", port);
    snprintf(more, sizeof more,
             ",\"gateway\":{\"portal\":\"%s\",\"username\":\"admin\",\"passwordFile\":"
             "\"%s/portal.password\",\"hookUsername\":\"system\",\"hookPasswordFile\":"
             "\"%s/hook.password\"}",
             url, dir, dir);
    portal_prepare(gateway, more);
    make_api(gateway, "petstore1");
    make_api(gateway, "petstore2");
    start_gateway(gateway);
    portal_set(gateway, "secrets", dir);
    free(dir);
}

static void remove_gateway(struct world *world)
{
    char *dir = strdup(portal_name(&world->gateway, "secrets"));
    assert_int_equal(portal_stop(&world->gateway), 0);
    portal_remove(&world->gateway);
    folder_del(dir);
}

static void prepare(struct world *world)
{
    static const struct portal_row rows[] = {
        {"admin", "POST", "/rest/v1/hooks",
         "{\"url\":\"http://127.0.0.1:${port}/events\",\"configuration_type\":\"PROVIDER\","
         "\"subscriptions\":[{\"id\":\"GATEWAY_APPLICATION_CREATION_REQUEST_EVENT\"},"
         "{\"id\":\"GATEWAY_APPLICATION_SCOPE_INCREASE_REQUEST_EVENT\"},"
         "{\"id\":\"GATEWAY_APPLICATION_SCOPE_DECREASE_REQUEST_EVENT\"},"
         "{\"id\":\"GATEWAY_APPLICATION_UPDATION_REQUEST_EVENT\"}],"
         "\"parameters\":{\"authentication\":\"BASIC\",\"username\":\"system\",\"password\":"
         "\"sss\"}}",
         201, "{\"id\":\"@keep hook\"}"},
        {"admin", "POST", "/rest/v1/providers",
         "{\"name\":\"X Gateway\",\"type\":\"THIRD_PARTY\",\"webhooks\":[\"${hook}\"]}", 201,
         "{\"id\":\"@keep provider\"}"},
        {"admin", "PUT", "/rest/v1/providers/${provider}/apis",
         "[\"${petstore1}\",\"${petstore2}\"]", 200, NULL},
    };
    char port[16];
    *world = (struct world){.callback = {.port = 0}};
    portal_prepare(&world->portal, "");
    portal_user(&world->portal, "admin", CLIENTID_ROLE_ADMINISTRATOR);
    portal_user(&world->portal, "mia", CLIENTID_ROLE_MEMBER);
    make_api(&world->portal, "petstore1");
    make_api(&world->portal, "petstore2");
    portal_start(&world->portal);
    prepare_gateway(world, world->portal.port);
    snprintf(port, sizeof port, "%u", world->gateway.port);
    portal_set(&world->portal, "port", port);
    PORTAL_ROWS(&world->portal, rows);
}

static void await(struct portal *portal, const char *path, const char *pattern)
{
    char why[1024] = "";
    for (uint64_t end_ms = now_ms() + 15000; now_ms() < end_ms; sleep_ms(10)) {
        struct portal_answer answer =
            portal_ask(portal, "GET", path, "bearer ${admin}", NULL, NULL);
        bool good = portal_matches(portal, pattern, answer.json, why, sizeof why);
        portal_answer_free(&answer);
        if (good)
            return;
    }
    fail_msg("%s: %s", path, why);
}

/* ---- what the gateway has -------------------------------------------------------------------- */

struct seen {
    size_t applications;
    char name[256];
};

static int take(void *self, const clientid_application_record *record)
{
    struct seen *seen = self;
    seen->applications++;
    snprintf(seen->name, sizeof seen->name, "%.*s", (int)record->name.len, record->name.ptr);
    return 0;
}

static size_t contracts_of(struct portal *portal, const char *api, uint32_t status)
{
    clientid_contract_filter filter = {.size = sizeof filter, .status = status};
    clientid_error error = {0};
    struct portal_store store;
    uint64_t count = 0;
    portal_open(portal, &store);
    check(clientid_control_api_find(store.control, (clientid_str){api, strlen(api)}, &filter.api_id,
                                    &error),
          &error);
    check(clientid_control_contract_count(store.control, &filter, &count, &error), &error);
    portal_close(&store);
    return count;
}

static struct seen applications_of(struct portal *portal)
{
    struct seen seen = {.applications = 0};
    clientid_error error = {0};
    struct portal_store store;
    portal_open(portal, &store);
    check(clientid_control_application_list(store.control, NULL, take, &seen, &error), &error);
    portal_close(&store);
    return seen;
}

static void await_empty_outbox(struct portal *portal)
{
    clientid_error error = {0};
    uint64_t count = 1, oldest;
    for (uint64_t end_ms = now_ms() + 15000; count != 0 && now_ms() < end_ms; sleep_ms(10)) {
        struct portal_store store;
        portal_open(portal, &store);
        check(clientid_control_delivery_backlog(store.control, &count, &oldest, &error), &error);
        portal_close(&store);
    }
    assert_int_equal(count, 0);
}

/* Nothing of the secret is in the gateway's database in clear. */
static void assert_nowhere(struct portal *portal, const char *secret)
{
    static const char *const names[] = {"store.db", "store.db-wal"};
    for (size_t i = 0; i < 2; i++) {
        char path[128];
        size_t len = 0;
        snprintf(path, sizeof path, "%s/%s", portal->dir, names[i]);
        char *bytes = file_read(path, &len);
        if (bytes != NULL)
            assert_null(memmem(bytes, len, secret, strlen(secret)));
        free(bytes);
    }
}

/* ---- the two of them ------------------------------------------------------------------------- */

static const struct portal_row creation[] = {
    {"mia", "POST", "/rest/v1/requests",
     "{\"context\":{\"name\":\"Petstore App\",\"description\":\"for "
     "pets\",\"apis\":[\"${petstore1}\"],"
     "\"redirect_uris\":[\"https://hostname:18152/portal/rest/v1/oauth/callback\"]},"
     "\"type\":\"APPLICATION_CREATION_REQUEST\"}",
     201, "{\"id\":\"@keep request\"}"},
    {"mia", "GET", "/rest/v1/requests/${request}", NULL, 200,
     "{\"application\":\"@keep application\"}"},
};

#define CREDENTIALS                                                                                \
    "\"credentials\":[{\"type\":\"APIKey\",\"apiKey\":\"@keep id\",\"expiry\":null},"              \
    "{\"type\":\"OAuth2\",\"clientId\":\"@secret\",\"clientSecret\":\"@keep secret\","             \
    "\"redirectUris\":[\"https://hostname:18152/portal/rest/v1/oauth/callback\"]}]"

static void test_both(void **state)
{
    static const struct portal_row increase[] = {
        {"mia", "POST", "/rest/v1/requests",
         "{\"context\":{\"application\":\"${application}\",\"apis\":[\"${petstore2}\"]},"
         "\"type\":\"APPLICATION_API_REGISTRATION_REQUEST\"}",
         201, "{\"id\":\"@keep request\"}"},
    };
    static const struct portal_row update[] = {
        {"mia", "POST", "/rest/v1/requests",
         "{\"context\":{\"application\":\"${application}\",\"name\":\"Renamed\"},"
         "\"type\":\"APPLICATION_UPDATE_REQUEST\"}",
         201, "{\"id\":\"@keep request\"}"},
    };
    static const struct portal_row decrease[] = {
        {"mia", "POST", "/rest/v1/requests",
         "{\"context\":{\"application\":\"${application}\",\"apis\":[\"${petstore1}\"]},"
         "\"type\":\"APPLICATION_API_DEREGISTRATION_REQUEST\"}",
         201, "{\"id\":\"@keep request\"}"},
    };
    static const struct portal_row again[] = {
        {"mia", "POST", "/rest/v1/requests",
         "{\"context\":{\"application\":\"${application}\",\"apis\":[\"${petstore1}\"]},"
         "\"type\":\"APPLICATION_API_REGISTRATION_REQUEST\"}",
         201, "{\"id\":\"@keep request\"}"},
    };
    struct world world;
    struct portal *portal = &world.portal;
    (void)state;
    prepare(&world);
    PORTAL_ROWS(portal, creation);
    await(portal, "/rest/v1/requests/${request}", "{\"status\":\"COMPLETED\"}");
    await(portal, "/rest/v1/applications/${application}", "{\"status\":\"LIVE\"," CREDENTIALS "}");
    await_empty_outbox(&world.gateway);
    assert_string_equal(applications_of(&world.gateway).name, "Petstore App");
    assert_int_equal(contracts_of(&world.gateway, "petstore1", CLIENTID_APPROVED), 1);
    assert_nowhere(&world.gateway, portal_name(portal, "secret"));

    PORTAL_ROWS(portal, increase);
    await(portal, "/rest/v1/requests/${request}", "{\"status\":\"COMPLETED\"}");
    assert_int_equal(contracts_of(&world.gateway, "petstore2", CLIENTID_APPROVED), 1);
    PORTAL_ROWS(portal, update);
    await(portal, "/rest/v1/requests/${request}", "{\"status\":\"COMPLETED\"}");
    assert_string_equal(applications_of(&world.gateway).name, "Renamed");
    PORTAL_ROWS(portal, decrease);
    await(portal, "/rest/v1/requests/${request}", "{\"status\":\"COMPLETED\"}");
    assert_int_equal(contracts_of(&world.gateway, "petstore1", CLIENTID_REVOKED), 1);
    PORTAL_ROWS(portal, again);
    await(portal, "/rest/v1/requests/${request}", "{\"status\":\"COMPLETED\"}");
    assert_int_equal(contracts_of(&world.gateway, "petstore1", CLIENTID_APPROVED), 1);
    assert_int_equal(applications_of(&world.gateway).applications, 1);
    await(portal, "/rest/v1/applications/${application}",
          "{\"status\":\"LIVE\",\"credentials\":[{\"apiKey\":\"${id}\"},"
          "{\"clientSecret\":\"${secret}\"}]}");
    remove_gateway(&world);
    assert_int_equal(portal_stop(portal), 0);
    portal_remove(portal);
}

/* ---- the gateway alone ------------------------------------------------------------------------- */

#define GRANT                                                                                      \
    "{\"executor\":{\"id\":\"200ceb26-807d-3bf9-9fd6-f4f0d1ca54d4\",\"email\":null,"               \
    "\"lastname\":\"System\",\"firstname\":\"Administrator\",\"name\":\"administrator\"},"         \
    "\"source\":{\"id\":\"842c3e33-5c4b-4abf-b827-1a194affde50\",\"externalref\":\"petstore1\"},"  \
    "\"contextdata\":{\"consumer_appName\":\"Petstore App\",\"consumer_appDesc\":\"This "          \
    "application is used for building petstore app\",\"tenant\":\"default\",\"redirect_uris\":["   \
    "\"https://hostname:18152/portal/rest/v1/oauth/callback\"],\"provider_id\":null,"              \
    "\"api_id\":\"842c3e33-5c4b-4abf-b827-1a194affde50\","                                         \
    "\"application_id\":\"6179b933-1382-4e1a-becc-239dcfeaaa6d\"},"                                \
    "\"type\":\"REQUEST_ACCESS_TOKEN\",\"creationdate\":\"2022-01-10 14:36:14\","                  \
    "\"eventid\":\"5790ab9a-5312-4122-8aa8-8ca21cf98663\",\"status\":\"NEW\"}"

#define REVOKE(comma)                                                                              \
    "{\"source\":{\"id\":\"6179b933-1382-4e1a-becc-239dcfeaaa6d\",\"externalref\":null},\n"        \
    "\"contextdata\":{\"api\":{\"id\":\"842c3e33-5c4b-4abf-b827-1a194affde50\","                   \
    "\"externalRef\":\"petstore1\"}" comma "\n\"application_id\":"                                 \
    "\"6179b933-1382-4e1a-becc-239dcfeaaa6d\"},\"type\":\"REVOKE_ACCESS_TOKEN\","                  \
    "\"creationdate\":\"2022-01-10 "                                                               \
    "15:47:38\",\"eventid\":\"8115a10f-451f-4cce-9bb6-7beb1e4722d3\","                             \
    "\"status\":\"NEW\"}"

static unsigned tell(struct world *world, const char *authorization, const char *body,
                     const char *pattern)
{
    char why[1024] = "";
    struct portal_answer answer =
        portal_ask(&world->gateway, "POST", "/events", authorization, NULL, body);
    unsigned status = answer.status;
    if (pattern != NULL && !portal_matches(&world->gateway, pattern, answer.json, why, sizeof why))
        fail_msg("%s\n%s", why, answer.text);
    portal_answer_free(&answer);
    return status;
}

static void watch(struct world *world)
{
    *world = (struct world){.callback = {.port = 0}};
    callback_start(&world->callback, NULL, NULL, NULL);
    prepare_gateway(world, world->callback.port);
}

static void unwatch(struct world *world)
{
    remove_gateway(world);
    callback_stop(&world->callback);
}

/* The answer is kept, sealed, until the portal takes it; then it is gone, and a repeated event is answered without. */
static void test_repeated(void **state)
{
    struct world world;
    char why[1024] = "";
    (void)state;
    watch(&world);
    callback_answers(&world.callback, 2, 503, NULL);
    assert_int_equal(tell(&world, HOOK_BASIC, GRANT, NULL), 202);
    assert_int_equal(tell(&world, HOOK_BASIC, GRANT, NULL), 202);
    const struct callback_request *first = callback_wait(&world.callback, 0);
    const struct callback_request *third = callback_wait(&world.callback, 2);
    assert_string_equal(first->method, "PUT");
    assert_string_equal(first->path,
                        "/portal/rest/v1/applications/6179b933-1382-4e1a-becc-239dcfeaaa6d");
    assert_string_equal(first->body, third->body);
    json_t *json = json_loads(first->body, 0, NULL);
    if (!portal_matches(&world.gateway, "{\"name\":\"Petstore App\"," CREDENTIALS "}", json, why,
                        sizeof why))
        fail_msg("%s", why);
    json_decref(json);
    await_empty_outbox(&world.gateway);
    assert_int_equal(tell(&world, HOOK_BASIC, GRANT, NULL), 202);
    assert_string_equal(callback_wait(&world.callback, 3)->body, "");
    await_empty_outbox(&world.gateway);
    assert_int_equal(callback_count(&world.callback), 4);
    assert_int_equal(applications_of(&world.gateway).applications, 1);
    assert_int_equal(contracts_of(&world.gateway, "petstore1", CLIENTID_APPROVED), 1);
    assert_nowhere(&world.gateway, portal_name(&world.gateway, "secret"));
    assert_int_equal(tell(&world, HOOK_BASIC, REVOKE(","), NULL), 202);
    assert_string_equal(callback_wait(&world.callback, 4)->body, "");
    assert_int_equal(contracts_of(&world.gateway, "petstore1", CLIENTID_REVOKED), 1);
    unwatch(&world);
}

/* Killed when the webhook was answered and the portal is away: the answer goes out all the same, with the same credentials. */
static void test_killed(void **state)
{
    struct world world;
    (void)state;
    watch(&world);
    callback_answers(&world.callback, 1000, 503, NULL);
    assert_int_equal(tell(&world, HOOK_BASIC, GRANT, NULL), 202);
    char *body = strdup(callback_wait(&world.callback, 0)->body);
    portal_kill(&world.gateway);
    callback_answers(&world.callback, 0, 0, NULL);
    size_t before = callback_count(&world.callback);
    start_gateway(&world.gateway);
    assert_string_equal(callback_wait(&world.callback, before)->body, body);
    free(body);
    await_empty_outbox(&world.gateway);
    unwatch(&world);
}

static void test_refused(void **state)
{
    struct world world;
    (void)state;
    watch(&world);
    assert_int_equal(
        tell(&world, NULL, GRANT, "{\"code\":401,\"message\":\"Invalid credentials\"}"), 401);
    assert_int_equal(tell(&world, "Basic c3lzdGVtOnNzcw", GRANT, NULL), 401);
    assert_int_equal(tell(&world, "Basic c3lzdGVtOnNzYw==", "{", NULL), 401);
    /* The vendor's sample, as it stands in its documentation: without the comma. */
    assert_int_equal(tell(&world, HOOK_BASIC, REVOKE(""),
                          "{\"code\":400,\"errors\":[\"@some line 3, column 16\"]}"),
                     400);
    assert_int_equal(tell(&world, HOOK_BASIC, "{\"type\":\"OTHER\"}", "{\"code\":400}"), 400);
    assert_int_equal(
        tell(&world, HOOK_BASIC,
             "{\"type\":\"REQUEST_ACCESS_TOKEN\",\"eventid\":\"e1\",\"source\":{\"externalref\":"
             "\"nowhere\"},\"contextdata\":{\"application_id\":\"a1\",\"consumer_appName\":\"x\"}}",
             "{\"code\":422,\"message\":\"there is no API named nowhere\"}"),
        422);
    assert_int_equal(
        tell(&world, HOOK_BASIC,
             "{\"type\":\"REQUEST_ACCESS_TOKEN\",\"eventid\":\"e1\",\"source\":{\"externalref\":"
             "\"petstore1\"},\"contextdata\":{\"application_id\":\"../x\",\"consumer_appName\":"
             "\"x\"}}",
             "{\"code\":400,\"errors\":[\"@some /contextdata/application_id\"]}"),
        400);
    /* What a portal serves is not here. */
    struct portal_answer answer =
        portal_ask(&world.gateway, "GET", "/rest/v1/hooks", HOOK_BASIC, NULL, NULL);
    assert_int_equal(answer.status, 404);
    portal_answer_free(&answer);
    answer = portal_ask(&world.gateway, "GET", "/healthz", NULL, NULL, NULL);
    assert_int_equal(answer.status, 200);
    portal_answer_free(&answer);
    assert_int_equal(callback_count(&world.callback), 0);
    assert_int_equal(applications_of(&world.gateway).applications, 0);
    unwatch(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_both),
        cmocka_unit_test(test_repeated),
        cmocka_unit_test(test_killed),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
