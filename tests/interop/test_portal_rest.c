/* SPDX-License-Identifier: Apache-2.0 */
/* The vendor's story of third-party gateways (seed "Requesting Application for Third-party Gateway APIs"), request by request. */
#include "support_callback.h"
#include "support_portal.h"
#include "support_proxy.h"

#include <clientid/delivery.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ADMIN_BASIC "Basic YWRtaW46Y29ycmVjdCBob3JzZSBiYXR0ZXJ5" /* admin:correct horse battery */

struct world {
    struct portal portal;
    struct callback callback;
};

static void check(int rc, const clientid_error *error)
{
    if (rc != 0)
        fail_msg("%d %s: %s", rc, error->pointer, error->text);
}

static void make_api(struct portal *portal, const char *name, const char *provider)
{
    const clientid_api_record record = {.size = sizeof record,
                                        .kind = CLIENTID_API_INSTANCE,
                                        .name = {name, strlen(name)},
                                        .provider = {provider, strlen(provider)}};
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

static void prepare(struct world *world, const char *more)
{
    char port[16];
    *world = (struct world){.callback = {.port = 0}};
    portal_prepare(&world->portal, more);
    portal_user(&world->portal, "admin", CLIENTID_ROLE_ADMINISTRATOR);
    portal_user(&world->portal, "mia", CLIENTID_ROLE_MEMBER);
    portal_connected_app(&world->portal, "reader", "mia", CLIENTID_SCOPE_READ_APPLICATIONS);
    portal_user(&world->portal, "tom", CLIENTID_ROLE_MEMBER);
    make_api(&world->portal, "petstore1", "");
    make_api(&world->portal, "petstore2", "");
    callback_start(&world->callback, NULL, NULL, NULL);
    snprintf(port, sizeof port, "%u", world->callback.port);
    portal_set(&world->portal, "port", port);
    portal_start(&world->portal);
}

/* "X Gateway", its webhook, and both APIs. */
static void attach(struct world *world)
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
         201, "{\"id\":\"@keep hook\",\"_self\":\"@some /rest/v1/hooks/\"}"},
        {"admin", "POST", "/rest/v1/providers",
         "{\"name\":\"X Gateway\",\"stage\":\"X Gateway\",\"type\":\"THIRD_PARTY\","
         "\"description\":\"External Gateway\",\"webhooks\":[\"${hook}\"]}",
         201, "{\"id\":\"@keep provider\",\"_self\":\"@some /rest/v1/providers/\"}"},
        {"admin", "PUT", "/rest/v1/providers/${provider}/apis",
         "[\"${petstore1}\",\"${petstore2}\"]", 200,
         "{\"code\":200,\"message\":\"API/s  linked successfully with provider\"}"},
    };
    PORTAL_ROWS(&world->portal, rows);
}

static void finish(struct world *world)
{
    callback_stop(&world->callback);
    assert_int_equal(portal_stop(&world->portal), 0);
    portal_remove(&world->portal);
}

static void expect(struct world *world, size_t index, const char *pattern)
{
    char why[1024] = "";
    const struct callback_request *request = callback_wait(&world->callback, index);
    json_t *json = json_loads(request->body, JSON_REJECT_DUPLICATES, NULL);
    if (!portal_matches(&world->portal, pattern, json, why, sizeof why))
        fail_msg("%s\n%s", why, request->body);
    json_decref(json);
}

/* Until the request that is called |name| has that status. */
static void await(struct world *world, const char *name, const char *status)
{
    char path[128], pattern[128], why[1024] = "";
    snprintf(path, sizeof path, "/rest/v1/requests/${%s}", name);
    snprintf(pattern, sizeof pattern, "{\"status\":\"%s\"}", status);
    for (uint64_t end_ms = now_ms() + 10000; now_ms() < end_ms; sleep_ms(10)) {
        struct portal_answer answer =
            portal_ask(&world->portal, "GET", path, "bearer ${admin}", NULL, NULL);
        bool good = portal_matches(&world->portal, pattern, answer.json, why, sizeof why);
        portal_answer_free(&answer);
        if (good)
            return;
    }
    fail_msg("%s: %s", name, why);
}

/* ---- the story ------------------------------------------------------------------------------- */

#define CREDENTIALS                                                                                \
    "{\"name\":\"Petstore App\",\"credentials\":["                                                 \
    "{\"expiry\":null,\"apiKey\":\"709cb14b-f19f-4df9-98b8-eebe727f7844\",\"type\":\"APIKey\"},"   \
    "{\"clientId\":\"3d2404cb-d07d-4101-b38a-f13005b4cc53\","                                      \
    "\"clientSecret\":\"caed6fb3-7fd3-479f-8db5-81b4aeeeba86\",\"scopes\":[],"                     \
    "\"tokenLifeTime\":3600,\"tokenRefreshLimit\":0,"                                              \
    "\"authorizationUris\":[\"https://hostname:5543/invoke/pub.apigateway.oauth2/authorize\"],"    \
    "\"accessTokenUris\":[\"https://hostname:5543/invoke/pub.apigateway.oauth2/getAccessToken\"]," \
    "\"redirectUris\":[\"https://hostname:18152/portal/rest/v1/oauth/callback\"],"                 \
    "\"refreshTokenUris\":[\"https://hostname:5543/invoke/pub.oauth/refreshAccessToken\"],"        \
    "\"type\":\"OAuth2\"},"                                                                        \
    "{\"claimsets\":[{\"name\":\"JWT default claims set\",\"claims\":[{\"key\":\"app_id\","        \
    "\"value\":\"29cfdae1-c8c5-44d4-9214-5415496d3d4a\"}]}],\"accesstoken_uris\":null,"            \
    "\"type\":\"JWT\"}]}"

#define SAMPLE_LIST                                                                                \
    "[{\"apiKey\":\"709cb14b-f19f-4df9-98b8-eebe727f7844\",\"type\":\"APIKey\"},"                  \
    "{\"clientId\":\"3d2404cb-d07d-4101-b38a-f13005b4cc53\",\"clientSecret\":"                     \
    "\"caed6fb3-7fd3-479f-8db5-81b4aeeeba86\",\"tokenLifeTime\":3600,\"type\":\"OAuth2\"},"        \
    "{\"claimsets\":\"@list\",\"type\":\"JWT\"}]"

static void create_application(struct world *world)
{
    static const struct portal_row rows[] = {
        {"mia", "POST", "/portal/rest/v1/requests",
         "{\"context\":{\"name\":\"Petstore App\",\"description\":\"This application is used for "
         "building petstore app\",\"apis\":[\"${petstore1}\"]},"
         "\"type\":\"APPLICATION_CREATION_REQUEST\"}",
         201, "{\"id\":\"@keep request\",\"_self\":\"@some /portal/rest/v1/requests/\"}"},
        {"mia", "GET", "/portal/rest/v1/requests/${request}", NULL, 200,
         "{\"id\":\"${request}\",\"owner\":\"${mia.id}\",\"documentType\":\"USER_REQUEST\","
         "\"application\":\"@keep application\",\"created\":\"@some +0000\"}"},
    };
    PORTAL_ROWS(&world->portal, rows);
}

/* Fails twice first: the same payload comes again, after a second and then after two. */
static void expect_creation(struct world *world)
{
    static const char pattern[] =
        "{\"executor\":{\"id\":\"${mia.id}\",\"email\":\"somebody@example.com\",\"name\":\"mia\"},"
        "\"source\":{\"id\":\"${petstore1}\",\"externalref\":\"petstore1\"},"
        "\"contextdata\":{\"consumer_appName\":\"Petstore App\",\"consumer_appDesc\":\"@some "
        "building petstore app\",\"tenant\":\"default\",\"redirect_uris\":\"@list\","
        "\"provider_id\":null,\"api_id\":\"${petstore1}\",\"application_id\":\"${application}\"},"
        "\"type\":\"REQUEST_ACCESS_TOKEN\",\"creationdate\":\"@some  \",\"eventid\":\"@keep "
        "event\","
        "\"status\":\"NEW\"}";
    for (size_t i = 0; i < 3; i++)
        expect(world, i, pattern);
    const struct callback_request *first = callback_wait(&world->callback, 0);
    const struct callback_request *last = callback_wait(&world->callback, 2);
    assert_string_equal(first->body, last->body);
    assert_string_equal(last->authorization, "Basic c3lzdGVtOnNzcw==");
    assert_string_equal(last->type, "application/json");
    assert_string_equal(last->path, "/events");
    assert_int_equal(first->status, 503);
    assert_int_equal(last->status, 200);
}

static void answer_creation(struct world *world)
{
    static const struct portal_row rows[] = {
        {"mia", "GET", "/rest/v1/requests/${request}/trace", NULL, 200,
         "{\"status\":\"WAITING_THIRDPARTY\",\"state\":{\"${event}\":\"WAITING_THIRDPARTY\"},"
         "\"trace\":{\"petstore1\":[{\"type\":\"GATEWAY_APPLICATION_CREATION_REQUEST_EVENT\","
         "\"id\":\"${event}\",\"status\":\"INPROGRESS\",\"reason\":\"Delivered to gateway\","
         "\"code\":\"200\",\"attempts\":3},"
         "{\"type\":\"PORTAL_APPLICATION_CREATION_REQUEST_EVENT\"}]}}"},
        {"admin", "PUT", "/rest/v1/applications/${application}?eventId=${event}", CREDENTIALS, 200,
         "{\"code\":200,\"message\":\"Application is updated successfully\"}"},
        {"mia", "GET", "/rest/v1/requests/${request}", NULL, 200,
         "{\"status\":\"COMPLETED\",\"state\":{\"${event}\":\"COMPLETED\"}}"},
        {"mia", "GET", "/rest/v1/applications/${application}", NULL, 200,
         "{\"name\":\"Petstore App\",\"owner\":\"${mia.id}\",\"id\":\"${application}\","
         "\"documentType\":\"APPLICATION\",\"providerRef\":\"${provider}\",\"access\":{\"teams\":[]"
         ","
         "\"users\":[]},\"apis\":[\"${petstore1}\"],\"credentials\":" SAMPLE_LIST ","
         "\"status\":\"LIVE\",\"slots\":{\"$stage\":\"X Gateway\"},\"deleted\":false,"
         "\"app_type\":\"API\"}"},
        {"mia", "GET", "/rest/v1/applications", NULL, 200,
         "{\"result\":[{\"id\":\"${application}\"}],\"count\":1,"
         "\"_links\":{\"_self\":\"/rest/v1/applications?page=0\",\"_next\":\"@none\"}}"},
        {"tom", "GET", "/rest/v1/applications", NULL, 200, "{\"result\":[],\"count\":0}"},
        {"tom", "GET", "/rest/v1/applications/${application}", NULL, 404,
         "{\"code\":404,\"message\":\"Unable to find the Application\"}"},
        {"tom", "GET", "/rest/v1/applications/_all", NULL, 403,
         "{\"code\":403,\"message\":\"Insufficient privileges\"}"},
        {"admin", "GET", "/rest/v1/applications/_all", NULL, 200, "{\"count\":1}"},
        {"mia", "GET", "/rest/v1/applications/${application}/requests", NULL, 200,
         "{\"result\":[{\"owner\":\"${mia.id}\",\"id\":\"${request}\",\"documentType\":"
         "\"USER_REQUEST\",\"type\":\"APPLICATION_CREATION_REQUEST\",\"status\":\"COMPLETED\","
         "\"application\":\"${application}\",\"state\":{\"${event}\":\"COMPLETED\"}}],\"count\":1,"
         "\"_links\":\"@none\"}"},
        /* Who may only read sees no secrets. */
        {"reader", "GET", "/rest/v1/applications/${application}", NULL, 200,
         "{\"name\":\"Petstore App\",\"credentials\":[]}"},
    };
    await(world, "request", "WAITING_THIRDPARTY");
    PORTAL_ROWS(&world->portal, rows);
}

static void increase(struct world *world)
{
    static const struct portal_row ask[] = {
        {"mia", "POST", "/rest/v1/requests",
         "{\"context\":{\"application\":\"${application}\",\"apis\":[\"${petstore2}\"]},"
         "\"type\":\"APPLICATION_API_REGISTRATION_REQUEST\"}",
         201, "{\"id\":\"@keep increase\"}"},
    };
    static const struct portal_row reply[] = {
        {"admin", "PUT", "/portal/rest/v1/applications/${application}?eventId=${event2}",
         CREDENTIALS, 200, "{\"code\":200,\"message\":\"Application is updated successfully\"}"},
        {"mia", "GET", "/rest/v1/applications/${application}", NULL, 200,
         "{\"apis\":[\"${petstore1}\",\"${petstore2}\"],\"status\":\"LIVE\"}"},
    };
    PORTAL_ROWS(&world->portal, ask);
    expect(world, 3,
           "{\"source\":{\"id\":\"${petstore2}\",\"externalref\":\"petstore2\"},\"contextdata\":{"
           "\"api_id\":\"${petstore2}\",\"application_id\":\"${application}\"},"
           "\"type\":\"REQUEST_ACCESS_TOKEN\",\"eventid\":\"@keep event2\"}");
    PORTAL_ROWS(&world->portal, reply);
}

/* The vendor's sample of the payload lacks a comma; ours is JSON.  The acknowledgement has no body. */
static void decrease(struct world *world)
{
    static const struct portal_row ask[] = {
        {"mia", "POST", "/rest/v1/requests",
         "{\"context\":{\"application\":\"${application}\",\"apis\":[\"${petstore1}\"]},"
         "\"type\":\"APPLICATION_API_DEREGISTRATION_REQUEST\"}",
         201, "{\"id\":\"@keep decrease\"}"},
    };
    static const struct portal_row reply[] = {
        {"admin", "PUT", "/rest/v1/applications/${application}?eventId=${event3}", NULL, 200,
         "{\"code\":200,\"message\":\"Application is updated successfully\"}"},
        {"mia", "GET", "/rest/v1/requests/${decrease}", NULL, 200, "{\"status\":\"COMPLETED\"}"},
        {"mia", "GET", "/rest/v1/applications/${application}", NULL, 200,
         "{\"apis\":[\"${petstore2}\"],\"status\":\"LIVE\"}"},
        {"mia", "GET", "/rest/v1/requests?type=APPLICATION_API_DEREGISTRATION_REQUEST", NULL, 200,
         "{\"result\":[{\"id\":\"${decrease}\"}],\"count\":1,\"_links\":{\"_self\":"
         "\"/rest/v1/requests?type=APPLICATION_API_DEREGISTRATION_REQUEST&page=0\"}}"},
        {"tom", "GET", "/rest/v1/requests?type=APPLICATION_API_DEREGISTRATION_REQUEST", NULL, 200,
         "{\"result\":[],\"count\":0}"},
    };
    PORTAL_ROWS(&world->portal, ask);
    expect(world, 4,
           "{\"source\":{\"id\":\"${application}\",\"externalref\":null},\"contextdata\":{\"api\":{"
           "\"id\":\"${petstore1}\",\"externalRef\":\"petstore1\"},\"application_id\":"
           "\"${application}\"},\"type\":\"REVOKE_ACCESS_TOKEN\",\"eventid\":\"@keep event3\","
           "\"status\":\"NEW\"}");
    PORTAL_ROWS(&world->portal, reply);
}

static void test_story(void **state)
{
    struct world world;
    (void)state;
    prepare(&world, "");
    attach(&world);
    callback_answers(&world.callback, 2, 503, NULL);
    create_application(&world);
    expect_creation(&world);
    answer_creation(&world);
    increase(&world);
    decrease(&world);
    finish(&world);
}

/* ---- deliveries that do not go well ------------------------------------------------------------ */

static void test_refused_and_retried(void **state)
{
    static const struct portal_row retry[] = {
        {"mia", "GET", "/rest/v1/requests/${request}/trace", NULL, 200,
         "{\"trace\":{\"petstore1\":[{\"status\":\"FAILED\",\"reason\":\"HTTP "
         "422\",\"code\":\"422\"},"
         "\"@any\"]}}"},
        {"mia", "GET", "/rest/v1/applications/${application}/requests", NULL, 200,
         "{\"result\":[{\"status\":\"FAILED\",\"state\":{\"${event}\":\"FAILED\"}}],\"count\":1}"},
        {"admin", "PUT", "/rest/v1/requests/${request}/retry", NULL, 400,
         "{\"code\":400,\"message\":\"User provided data is not correct\","
         "\"errors\":[\"state is missing\"]}"},
        {"admin", "PUT", "/rest/v1/requests/${request}/retry?state=${request}", NULL, 404,
         "{\"code\":404}"},
        {"admin", "PUT", "/rest/v1/requests/${request}/retry?state=${event}", NULL, 200,
         "{\"code\":200,\"message\":\"User request retried successfully\"}"},
    };
    static const struct portal_row again[] = {
        {"admin", "PUT", "/rest/v1/requests/${request}/retry?state=${event}", NULL, 400,
         "{\"code\":400,\"errors\":[\"@some event-state\"]}"},
    };
    struct world world;
    (void)state;
    prepare(&world, "");
    attach(&world);
    callback_answers(&world.callback, 1, 422, NULL);
    create_application(&world);
    expect(&world, 0, "{\"eventid\":\"@keep event\"}");
    await(&world, "request", "FAILED");
    PORTAL_ROWS(&world.portal, retry);
    expect(&world, 1, "{\"eventid\":\"${event}\"}");
    await(&world, "request", "WAITING_THIRDPARTY");
    PORTAL_ROWS(&world.portal, again);
    assert_int_equal(callback_count(&world.callback), 2);
    finish(&world);
}

static void test_retry_after(void **state)
{
    struct world world;
    (void)state;
    prepare(&world, "");
    attach(&world);
    callback_answers(&world.callback, 1, 429, "Retry-After: 4");
    create_application(&world);
    uint64_t first_ms = callback_wait(&world.callback, 0)->at_ms;
    uint64_t second_ms = callback_wait(&world.callback, 1)->at_ms;
    assert_in_range(second_ms - first_ms, 3900, 7000);
    finish(&world);
}

/* What waits survives a kill, and goes out when the callback is back. */
static void test_killed(void **state)
{
    struct world world;
    (void)state;
    prepare(&world, "");
    attach(&world);
    callback_answers(&world.callback, 1000, 503, NULL);
    create_application(&world);
    (void)callback_wait(&world.callback, 0);
    portal_kill(&world.portal);
    callback_answers(&world.callback, 0, 0, NULL);
    size_t before = callback_count(&world.callback);
    portal_start(&world.portal);
    expect(&world, before, "{\"contextdata\":{\"application_id\":\"${application}\"}}");
    await(&world, "request", "WAITING_THIRDPARTY");
    finish(&world);
}

/* ---- lanes ----------------------------------------------------------------------------------- */

static const struct portal_row creation[] = {
    {"mia", "POST", "/rest/v1/requests",
     "{\"context\":{\"name\":\"one of many\",\"apis\":[\"${petstore1}\"]},"
     "\"type\":\"APPLICATION_CREATION_REQUEST\"}",
     201, "{\"id\":\"@keep request\"}"},
};

/* A second gateway whose callback takes its time: the first's events do not wait, though more are due than may go to one host. */
static void test_slow_callback(void **state)
{
    static const struct portal_row other[] = {
        {"admin", "POST", "/rest/v1/hooks",
         "{\"url\":\"http://localhost:${slow}/events\",\"configuration_type\":\"PROVIDER\","
         "\"subscriptions\":[{\"id\":\"GATEWAY_APPLICATION_CREATION_REQUEST_EVENT\"}]}",
         201, "{\"id\":\"@keep hook2\"}"},
        {"admin", "POST", "/rest/v1/providers",
         "{\"name\":\"Slow\",\"type\":\"THIRD_PARTY\",\"webhooks\":[\"${hook2}\"]}", 201,
         "{\"id\":\"@keep provider2\"}"},
        {"admin", "PUT", "/rest/v1/providers/${provider2}/apis", "[\"${petstore2}\"]", 200, NULL},
    };
    static const struct portal_row slow_creation[] = {
        {"mia", "POST", "/rest/v1/requests",
         "{\"context\":{\"name\":\"slow\",\"apis\":[\"${petstore2}\"]},"
         "\"type\":\"APPLICATION_CREATION_REQUEST\"}",
         201, NULL},
    };
    struct world world;
    struct callback slow = {.port = 0};
    char port[16];
    (void)state;
    prepare(&world, "");
    attach(&world);
    callback_start(&slow, NULL, NULL, NULL);
    callback_delays(&slow, 3000);
    snprintf(port, sizeof port, "%u", slow.port);
    portal_set(&world.portal, "slow", port);
    PORTAL_ROWS(&world.portal, other);
    for (int i = 0; i < 200; i++)
        PORTAL_ROWS(&world.portal, slow_creation);
    (void)callback_wait(&slow, 7);
    PORTAL_ROWS(&world.portal, creation);
    uint64_t asked_ms = now_ms();
    (void)callback_wait(&world.callback, 0);
    assert_true(now_ms() - asked_ms < 1000);
    assert_true(callback_count(&slow) < 24); /* eight at a time */
    finish(&world);
    callback_stop(&slow);
}

/* Events of one application come one after the other, in their order, also when the first has to be sent again. */
static void test_order(void **state)
{
    static const struct portal_row rows[] = {
        {"mia", "POST", "/rest/v1/requests",
         "{\"context\":{\"application\":\"${application}\",\"apis\":[\"${petstore2}\"]},"
         "\"type\":\"APPLICATION_API_REGISTRATION_REQUEST\"}",
         201, NULL},
        {"mia", "POST", "/rest/v1/requests",
         "{\"context\":{\"application\":\"${application}\",\"apis\":[\"${petstore1}\"]},"
         "\"type\":\"APPLICATION_API_DEREGISTRATION_REQUEST\"}",
         201, NULL},
    };
    struct world world;
    (void)state;
    prepare(&world, "");
    attach(&world);
    callback_answers(&world.callback, 1, 500, NULL);
    create_application(&world);
    PORTAL_ROWS(&world.portal, rows);
    for (size_t i = 0; i < 2; i++)
        expect(&world, i, "{\"contextdata\":{\"api_id\":\"${petstore1}\"}}");
    expect(&world, 2, "{\"contextdata\":{\"api_id\":\"${petstore2}\"}}");
    expect(&world, 3, "{\"contextdata\":{\"api\":{\"id\":\"${petstore1}\"}}}");
    finish(&world);
}

/* Of two portals on one store one sends; the other takes over when it is killed. */
static void test_take_over(void **state)
{
    struct world world;
    (void)state;
    prepare(&world, "");
    attach(&world);
    struct portal first = world.portal;
    portal_start(&world.portal); /* on another port; |first| goes on */
    PORTAL_ROWS(&world.portal, creation);
    (void)callback_wait(&world.callback, 0);
    await(&world, "request", "WAITING_THIRDPARTY");
    portal_kill(&first);
    PORTAL_ROWS(&world.portal, creation);
    (void)callback_wait(&world.callback, 1);
    sleep_ms(300);
    assert_int_equal(callback_count(&world.callback), 2);
    finish(&world);
}

/* ---- webhooks and providers -------------------------------------------------------------------- */

static void test_hooks(void **state)
{
    static const struct portal_row rows[] = {
        {"admin", "GET", "/rest/v1/hooks/events", NULL, 200,
         "[{\"id\":\"GATEWAY_APPLICATION_CREATION_REQUEST_EVENT\",\"name\":\"@text\","
         "\"description\":\"@text\"},"
         "{\"id\":\"GATEWAY_APPLICATION_SCOPE_INCREASE_REQUEST_EVENT\"},"
         "{\"id\":\"GATEWAY_APPLICATION_SCOPE_DECREASE_REQUEST_EVENT\"},"
         "{\"id\":\"GATEWAY_APPLICATION_UPDATION_REQUEST_EVENT\"}]"},
        {"admin", "POST", "/rest/v1/hooks", "{}", 400,
         "{\"code\":400,\"message\":\"User provided data is not correct\",\"errors\":\"@list\"}"},
        {"admin", "POST", "/rest/v1/hooks", "{\"url\":\"ftp://x/\"}", 400, "{\"code\":400}"},
        {"admin", "POST", "/rest/v1/hooks",
         "{\"url\":\"http://x/\",\"parameters\":{\"authentication\":\"SSL\",\"file_id\":\"../x\"}}",
         400, "{\"code\":400}"},
        {"admin", "GET", "/portal/rest/v1/hooks/${hook}", NULL, 200,
         "{\"id\":\"${hook}\",\"configuration_type\":\"PROVIDER\",\"parameters\":{"
         "\"authentication\":\"BASIC\",\"username\":\"system\",\"password\":\"@none\"}}"},
        {"admin", "GET", "/portal/rest/v1/hooks?limit=1", NULL, 200,
         "{\"result\":[{\"id\":\"${hook}\"}],\"count\":1,\"_links\":{\"_self\":"
         "\"/portal/rest/v1/hooks?page=0&limit=1\",\"_next\":\"@none\"}}"},
        {"admin", "PUT", "/rest/v1/hooks/${hook}",
         "{\"url\":\"http://127.0.0.1:1/\",\"configuration_type\":\"PROVIDER\","
         "\"subscriptions\":[\"GATEWAY_APPLICATION_CREATION_REQUEST_EVENT\"]}",
         200, "{\"url\":\"http://127.0.0.1:1/\"}"},
        {"admin", "GET", "/rest/v1/hooks/842c3e33-5c4b-4abf-b827-1a194affde50", NULL, 404,
         "{\"code\":404,\"message\":\"Unable to find the Webhook with id "
         "[842c3e33-5c4b-4abf-b827-1a194affde50]\"}"},
        {"mia", "GET", "/rest/v1/hooks", NULL, 403,
         "{\"code\":403,\"message\":\"Insufficient privileges\"}"},
        {"mia", "GET", "/rest/v1/hooks/events", NULL, 403, NULL},
        {NULL, "GET", "/rest/v1/hooks", NULL, 401,
         "{\"code\":401,\"message\":\"Invalid credentials\"}"},
        {"admin", "DELETE", "/rest/v1/hooks/${hook}", NULL, 204, ""},
        {"admin", "GET", "/rest/v1/hooks/${hook}", NULL, 404, NULL},
    };
    struct world world;
    (void)state;
    prepare(&world, "");
    attach(&world);
    PORTAL_ROWS(&world.portal, rows);
    finish(&world);
}

static void test_providers(void **state)
{
    static const struct portal_row rows[] = {
        {"admin", "GET", "/rest/v1/providers", NULL, 200,
         "{\"result\":[{\"name\":\"X "
         "Gateway\",\"id\":\"${provider}\",\"providerRef\":\"${provider}\","
         "\"type\":\"THIRD_PARTY\",\"webhooks\":[\"${hook}\"]}],\"count\":1}"},
        {"admin", "GET", "/rest/v1/providers/${provider}", NULL, 200,
         "{\"hooks\":[{\"id\":\"${hook}\"}]}"},
        {"admin", "PUT", "/portal/rest/v1/providers/${provider}",
         "{\"name\":\"X Gateway\",\"owner\":\"200ceb26-807d-3bf9-9fd6-f4f0d1ca54d4\","
         "\"id\":\"${provider}\",\"providerRef\":\"${provider}\",\"stage\":\"Prod\","
         "\"type\":\"THIRD_PARTY\",\"summary\":\"External Gateway\","
         "\"description\":\"External Gateway\",\"webhooks\":[\"${hook}\"]}",
         200, "{\"stage\":\"Prod\"}"},
        {"admin", "GET", "/rest/v1/providers/${provider}/apis?limit=1", NULL, 200,
         "{\"result\":[{\"id\":\"${petstore1}\",\"name\":\"petstore1\"}],\"count\":2,\"_links\":{"
         "\"_next\":\"@some page=1&limit=1\"}}"},
        {"admin", "PUT", "/rest/v1/providers/${provider}/apis", "{}", 400, NULL},
        {"admin", "PUT", "/rest/v1/providers/${provider}/apis", "[\"x\"]", 400,
         "{\"errors\":[\"/0 is not the id of an API\"]}"},
        {"admin", "DELETE", "/rest/v1/providers/${provider}", NULL, 400,
         "{\"errors\":[\"@some provider-in-use\"]}"},
        {"admin", "DELETE", "/rest/v1/providers/${provider}/apis",
         "[\"${petstore1}\",\"${petstore2}\"]", 200,
         "{\"code\":200,\"message\":\"API/s  un-linked successfully with provider\"}"},
        {"admin", "DELETE", "/rest/v1/providers/${provider}", NULL, 204, ""},
        {"admin", "GET", "/rest/v1/providers/${provider}", NULL, 404,
         "{\"message\":\"@some Unable to find the Provider with id [\"}"},
    };
    struct world world;
    (void)state;
    prepare(&world, "");
    attach(&world);
    PORTAL_ROWS(&world.portal, rows);
    finish(&world);
}

/* ---- authentication, mistakes ------------------------------------------------------------------ */

static void test_basic(void **state)
{
    struct world world;
    (void)state;
    prepare(&world, "");
    struct portal_answer answer =
        portal_ask(&world.portal, "GET", "/rest/v1/hooks", ADMIN_BASIC, NULL, NULL);
    assert_int_equal(answer.status, 200);
    portal_answer_free(&answer);
    answer = portal_ask(&world.portal, "GET", "/rest/v1/hooks", "Basic YWRtaW46bm8=", NULL, NULL);
    assert_int_equal(answer.status, 401);
    portal_answer_free(&answer);
    finish(&world);
}

static void test_mistakes(void **state)
{
    static const struct portal_row rows[] = {
        {"mia", "GET", "/rest/v1/requests", NULL, 400, "{\"code\":400,\"errors\":\"@list\"}"},
        {"mia", "POST", "/rest/v1/requests", "{\"type\":\"SUBSCRIPTION_CREATION_REQUEST\"}", 400,
         "{\"errors\":[\"@some /type\"]}"},
        {"mia", "POST", "/rest/v1/requests", "{\"type\" \"x\"}", 400,
         "{\"errors\":[\"@some line 1\"]}"},
        {"mia", "POST", "/rest/v1/requests",
         "{\"context\":{\"name\":\"x\",\"apis\":[]},\"type\":\"APPLICATION_CREATION_REQUEST\"}",
         400, "{\"errors\":[\"@some /context/apis\"]}"},
        {"mia", "GET", "/rest/v1/requests/842c3e33-5c4b-4abf-b827-1a194affde50", NULL, 404,
         "{\"code\":404,\"message\":\"Unable to find the User Request\"}"},
        {"mia", "PATCH", "/rest/v1/requests", NULL, 405, "{\"code\":405}"},
        {"admin", "PUT", "/rest/v1/applications/${application}", CREDENTIALS, 400,
         "{\"errors\":[\"eventId is missing\"]}"},
        {"admin", "PUT", "/rest/v1/applications/${application}?eventId=${request}", CREDENTIALS,
         404, "{\"message\":\"@some Unable to find the Event\"}"},
        {"admin", "PUT", "/rest/v1/applications/${application}?eventId=${event}",
         "{\"credentials\":[{\"type\":\"Other\"}]}", 400,
         "{\"errors\":[\"@some /credentials/0/type\"]}"},
        {"mia", "PUT", "/rest/v1/applications/${application}?eventId=${event}", CREDENTIALS, 403,
         NULL},
        {"tom", "GET", "/rest/v1/requests/${request}", NULL, 404, NULL},
        {"tom", "POST", "/rest/v1/requests",
         "{\"context\":{\"application\":\"${application}\",\"apis\":[\"${petstore1}\"]},"
         "\"type\":\"APPLICATION_API_DEREGISTRATION_REQUEST\"}",
         403, "{\"code\":403,\"message\":\"Insufficient privileges\"}"},
    };
    struct world world;
    (void)state;
    prepare(&world, "");
    attach(&world);
    create_application(&world);
    expect(&world, 0, "{\"eventid\":\"@keep event\"}");
    await(&world, "request", "WAITING_THIRDPARTY");
    PORTAL_ROWS(&world.portal, rows);
    finish(&world);
}

/* The gateway is told of each API, and the application goes when it has answered. */
static void test_deletion(void **state)
{
    static const struct portal_row ask[] = {
        {"admin", "PUT", "/rest/v1/applications/${application}?eventId=${event}", CREDENTIALS, 200,
         NULL},
        {"mia", "DELETE", "/rest/v1/applications/${application}?force=true", NULL, 400, NULL},
        {"mia", "DELETE", "/rest/v1/applications/${application}", NULL, 204, ""},
        {"mia", "GET", "/rest/v1/applications/${application}", NULL, 200,
         "{\"apis\":[],\"status\":\"INACTIVE\"}"},
    };
    static const struct portal_row reply[] = {
        {"admin", "PUT", "/rest/v1/applications/${application}?eventId=${event2}", NULL, 200, NULL},
        {"mia", "GET", "/rest/v1/applications/${application}", NULL, 404, NULL},
    };
    struct world world;
    (void)state;
    prepare(&world, "");
    attach(&world);
    create_application(&world);
    expect(&world, 0, "{\"eventid\":\"@keep event\"}");
    await(&world, "request", "WAITING_THIRDPARTY");
    PORTAL_ROWS(&world.portal, ask);
    expect(&world, 1, "{\"type\":\"REVOKE_ACCESS_TOKEN\",\"eventid\":\"@keep event2\"}");
    PORTAL_ROWS(&world.portal, reply);
    finish(&world);
}

/* The vendor's sample of a request that could not be delivered, and the retry; the webhook is deleted, since attempts take half an hour. */
static void test_unsuccessful(void **state)
{
    static const struct portal_row rows[] = {
        {"admin", "DELETE", "/rest/v1/hooks/${hook}", NULL, 204, ""},
        {"mia", "GET", "/rest/v1/applications/${application}/requests", NULL, 200,
         "{\"result\":[{\"owner\":\"${mia.id}\",\"id\":\"${request}\",\"modified\":\"@some +0000\","
         "\"created\":\"@some +0000\",\"documentType\":\"USER_REQUEST\","
         "\"type\":\"APPLICATION_CREATION_REQUEST\",\"status\":\"DELIVERY_UNSUCCESSFUL\","
         "\"application\":\"${application}\",\"state\":{\"${event}\":\"DELIVERY_UNSUCCESSFUL\"}}],"
         "\"count\":1}"},
        {"admin", "PUT", "/rest/v1/requests/${request}/retry?state=${event}", NULL, 400,
         "{\"errors\":[\"@some no webhook\"]}"},
        {"admin", "POST", "/rest/v1/hooks",
         "{\"url\":\"http://127.0.0.1:${port}/events\","
         "\"subscriptions\":[{\"id\":\"GATEWAY_APPLICATION_CREATION_REQUEST_EVENT\"}]}",
         201, NULL},
        {"mia", "PUT", "/rest/v1/requests/${request}/retry?state=${event}", NULL, 403, NULL},
        {"admin", "PUT", "/rest/v1/requests/${request}/retry?state=${event}", NULL, 200,
         "{\"code\":200,\"message\":\"User request retried successfully\"}"},
    };
    struct world world;
    (void)state;
    prepare(&world, "");
    attach(&world);
    callback_answers(&world.callback, 1, 503, NULL);
    create_application(&world);
    expect(&world, 0, "{\"eventid\":\"@keep event\"}");
    PORTAL_ROWS(&world.portal, rows);
    expect(&world, 1, "{\"eventid\":\"${event}\"}");
    await(&world, "request", "WAITING_THIRDPARTY");
    finish(&world);
}

/* ---- approvals ------------------------------------------------------------------------------- */

static void make_tier(struct portal *portal)
{
    clientid_tier_record tier = {
        .size = sizeof tier, .name = CLIENTID_STR("gold"), .status = CLIENTID_TIER_ACTIVE};
    clientid_error error = {0};
    struct portal_store store;
    uint64_t id;
    portal_open(portal, &store);
    check(clientid_control_api_find(store.control, CLIENTID_STR("petstore1"), &tier.api_id, &error),
          &error);
    check(clientid_control_tier_create(store.control, &tier, &id, &error), &error);
    portal_close(&store);
}

/* The gateway hears of it when the owner of the API has said yes, and of nothing when he has said no. */
static void test_approvals(void **state)
{
    static const struct portal_row approve[] = {
        {"mia", "GET", "/rest/v1/requests/${request}", NULL, 200,
         "{\"status\":\"APPROVAL_PENDING\"}"},
        {"admin", "GET", "/rest/v1/approvals/request", NULL, 200,
         "{\"result\":[{\"id\":\"@keep approval\",\"status\":\"PENDING\","
         "\"contextId\":\"${application}\",\"contextData\":{\"name\":\"Petstore App\"}}],"
         "\"count\":1}"},
        {"admin", "GET", "/rest/v1/approvals/request/${approval}", NULL, 200,
         "{\"id\":\"${approval}\"}"},
        {"mia", "PUT", "/rest/v1/approvals/request/${approval}/approve", NULL, 403, NULL},
        {"admin", "PUT", "/rest/v1/approvals/request/${approval}/approve?comments=well", NULL, 200,
         ""},
        {"admin", "PUT", "/rest/v1/approvals/request/${approval}/approve", NULL, 400,
         "{\"errors\":[\"@some contract-state\"]}"},
        {"admin", "GET", "/rest/v1/approvals/request/${approval}", NULL, 404, "{\"code\":404}"},
    };
    static const struct portal_row reject[] = {
        {"admin", "GET", "/rest/v1/approvals/request", NULL, 200,
         "{\"result\":[{\"id\":\"@keep approval\"}],\"count\":1}"},
        {"admin", "PUT", "/rest/v1/approvals/request/${approval}/reject", NULL, 200, ""},
        {"mia", "GET", "/rest/v1/requests/${request}", NULL, 200, "{\"status\":\"REJECTED\"}"},
        {"mia", "GET", "/rest/v1/applications/${application}", NULL, 200,
         "{\"apis\":[],\"status\":\"REJECTED\"}"},
    };
    struct world world;
    (void)state;
    prepare(&world, "");
    attach(&world);
    make_tier(&world.portal);
    create_application(&world);
    PORTAL_ROWS(&world.portal, approve);
    expect(&world, 0, "{\"type\":\"REQUEST_ACCESS_TOKEN\"}");
    await(&world, "request", "WAITING_THIRDPARTY");
    create_application(&world);
    PORTAL_ROWS(&world.portal, reject);
    assert_int_equal(callback_count(&world.callback), 1);
    finish(&world);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_story),         cmocka_unit_test(test_refused_and_retried),
        cmocka_unit_test(test_retry_after),   cmocka_unit_test(test_killed),
        cmocka_unit_test(test_slow_callback), cmocka_unit_test(test_order),
        cmocka_unit_test(test_take_over),     cmocka_unit_test(test_hooks),
        cmocka_unit_test(test_providers),     cmocka_unit_test(test_basic),
        cmocka_unit_test(test_unsuccessful),  cmocka_unit_test(test_approvals),
        cmocka_unit_test(test_mistakes),      cmocka_unit_test(test_deletion),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
