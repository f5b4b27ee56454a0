/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The whole story, with the real portal and the real proxy that syncs from its feed: a Connected App gets an application its contract, an
 * owner approves, the gateway follows, up to the revocation.
 */
#include "support_portal.h"
#include "support_program.h"
#include "support_proxy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define APIS     "/apimanager/api/v1/organizations/${org}/environments/${env}/apis"
#define X_APIS   "/apimanager/xapi/v1/organizations/${org}/environments/${env}/apis"
#define EXCHANGE "/exchange/api/v2/organizations/${org}"
#define PLATFORM "/apiplatform/repository/v2/organizations/${org}"

static struct portal portal;
static struct upstream upstream;
static struct proxy proxy;

static const char config[] =
    "{\"state\":\"@DIR@/state\",\"store\":\"anypoint:@DIR@/anypoint.json\",\"apis\":{"
    "\"orders\":{\"policies\":[{\"policy\":\"rate-limiting-sla-based\",\"id\":\"header:client_id\","
    "  \"secret\":\"header:client_secret\",\"exposeHeaders\":true}]}},"
    "\"proxy\":{\"listen\":\"127.0.0.1:0\",\"admin\":\"127.0.0.1:0\",\"portFile\":\"@DIR@/port\","
    "\"timeouts\":{\"stop\":\"2s\"},\"routes\":[{\"prefix\":\"/orders\",\"api\":\"orders\","
    "\"upstream\":\"http://127.0.0.1:@UP@\",\"stripPrefix\":true}]}}";

/* ---- the gateway --------------------------------------------------------------------------------- */

static void write_proxy_file(const char *name, const char *text)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", proxy.dir, name);
    file_write(path, text);
}

static void start_gateway(void)
{
    char text[600];

    snprintf(text, sizeof(text),
             "{\"url\":\"http://127.0.0.1:%u\",\"organizationId\":\"" PORTAL_ORGANIZATION
             "\",\"environmentId\":\"" PORTAL_ENVIRONMENT "\",\"clientId\":\"%s\","
             "\"clientSecret\":{\"file\":\"%s/secret\"},\"apis\":{\"orders\":%s}}",
             portal.port, portal_name(&portal, "gateway.id"), proxy.dir,
             portal_name(&portal, "api"));
    write_proxy_file("anypoint.json", text);
    write_proxy_file("secret", portal_name(&portal, "gateway.secret"));
    proxy_write_config(&proxy, config, &upstream);
    proxy_start(&proxy);
}

static unsigned ask_gateway(const char *secret, const char *limit)
{
    char lines[300];
    struct reply reply;
    unsigned status;

    snprintf(lines, sizeof(lines), "client_id: %s\r\nclient_secret: %s\r\n",
             portal_name(&portal, "app.client"), portal_name(&portal, secret));
    reply = get(proxy.port, "/orders/echo", lines);
    status = reply.status;
    if (status == 200 && limit != NULL && strstr(reply.head, limit) == NULL)
        status = 0;
    reply_free(&reply);
    return status;
}

/* Asks until the gateway answers so, for 5 s; how long it took is printed, and judged by "make bench-portal". */
static void gateway_says(unsigned status, const char *secret, const char *limit)
{
    uint64_t start_ms = now_ms();

    for (int i = 0; i < 1000; i++) {
        if (ask_gateway(secret, limit) == status) {
            print_message("gateway: %u after %llu ms\n", status,
                          (unsigned long long)(now_ms() - start_ms));
            return;
        }
        sleep_ms(5);
    }
    fail_msg("the gateway never says %u to %s", status, secret);
}

/* ---- the portal ---------------------------------------------------------------------------------- */

static int setup(void **state)
{
    (void)state;
    portal_prepare(&portal, "");
    portal_user(&portal, "oona", CLIENTID_ROLE_API_OWNER);
    portal_user(&portal, "mia", CLIENTID_ROLE_MEMBER);
    portal_connected_app(&portal, "bot", "mia", CLIENTID_SCOPE_CREATE_APPLICATIONS);
    portal_connected_app(&portal, "gateway", "oona", CLIENTID_SCOPE_READ_CONTRACTS);
    portal_start(&portal);
    upstream_start(&upstream);
    proxy_prepare(&proxy);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (proxy.pid > 0)
        assert_int_equal(proxy_stop(&proxy), 0);
    proxy_remove(&proxy);
    upstream_stop(&upstream);
    assert_int_equal(portal_stop(&portal), 0);
    portal_remove(&portal);
    return 0;
}

static void an_api_with_a_manual_tier(void **state)
{
    static const struct portal_row rows[] = {
        {"oona", "POST", APIS,
         "{\"spec\":{\"groupId\":\"${org}\",\"assetId\":\"orders-api\",\"version\":\"1.0.0\"},"
         "\"instanceLabel\":\"orders\",\"terms\":\"be kind\"}",
         201, "{\"id\":\"@keep api\"}"},
        {"oona", "POST", APIS "/${api}/tiers",
         "{\"name\":\"silver\",\"status\":\"ACTIVE\",\"autoApprove\":false,\"limits\":[{"
         "\"visible\":true,"
         "\"maximumRequests\":1000,\"timePeriodInMilliseconds\":60000}]}",
         201, "{\"id\":\"@keep silver\"}"},
        {"oona", "POST", APIS "/${api}/tiers",
         "{\"name\":\"gold\",\"status\":\"ACTIVE\",\"autoApprove\":false,\"limits\":[{\"visible\":"
         "true,"
         "\"maximumRequests\":9000,\"timePeriodInMilliseconds\":60000}]}",
         201, "{\"id\":\"@keep gold\"}"},
    };

    (void)state;
    PORTAL_ROWS(&portal, rows);
    start_gateway();
}

static void a_connected_app_gets_a_token_and_asks_for_access(void **state)
{
    /* The vendor's samples: JSON, and the paths of "Creating Client Applications with Connected Apps". */
    static const struct portal_row rows[] = {
        {NULL, "POST", "/accounts/api/v2/oauth2/token",
         "{\"grant_type\":\"client_credentials\",\"client_id\":\"${bot.id}\",\"client_secret\":"
         "\"${bot.secret}\"}",
         200, "{\"access_token\":\"@keep token\",\"token_type\":\"bearer\",\"expires_in\":3600}"},
        {"token", "POST", PLATFORM "/applications?apiVersionId=${api}",
         "{\"redirectUri\":[\"http://example.com/\"],\"apiEndpoints\":false,\"name\":\"Sample "
         "Client Apps "
         "Name\",\"description\":\"Create this App for Sample Client Apps via API 1\",\"url\":"
         "\"https://www.example.com/app-test1\"}",
         201,
         "{\"id\":\"@keep app\",\"clientId\":\"@keep app.client\",\"clientSecret\":\"@keep "
         "app.secret\"}"},
        {"token", "POST", APIS "/${api}/contracts",
         "{\"applicationId\":${app},\"requestedTierId\":${silver},\"acceptedTerms\":false}", 400,
         "{\"message\":\"@some terms\"}"},
        {"token", "POST", APIS "/${api}/contracts",
         "{\"applicationId\":${app},\"requestedTierId\":${silver},\"acceptedTerms\":true,"
         "\"requestAccessInfo\":{\"reason\":\"to try it\"}}",
         201, "{\"id\":\"@keep contract\",\"status\":\"PENDING\",\"terms\":\"be kind\"}"},
        {"token", "POST", X_APIS "/${api}/contracts/${contract}/approve", "{}", 403, NULL},
    };

    (void)state;
    PORTAL_ROWS(&portal, rows);
    gateway_says(401, "app.secret", NULL);
}

static void an_owner_approves_and_the_gateway_admits(void **state)
{
    static const struct portal_row rows[] = {
        {"oona", "POST", X_APIS "/${api}/contracts/${contract}/approve", NULL, 201,
         "{\"status\":\"APPROVED\"}"},
    };

    (void)state;
    PORTAL_ROWS(&portal, rows);
    gateway_says(200, "app.secret", "X-RateLimit-Limit: 1000");
}

static void the_tier_is_raised(void **state)
{
    static const struct portal_row rows[] = {
        {"token", "PATCH", EXCHANGE "/applications/${app}/contracts/${contract}",
         "{\"requestedTierId\":${gold}}", 200,
         "{\"status\":\"APPROVED\",\"tier\":{\"name\":\"silver\"},\"requestedTier\":{\"name\":"
         "\"gold\"}}"},
        {"oona", "POST", X_APIS "/${api}/contracts/${contract}/approveTierChange", NULL, 201,
         "{\"tier\":{\"name\":\"gold\"},\"requestedTier\":null}"},
    };

    (void)state;
    PORTAL_ROWS(&portal, rows);
    gateway_says(200, "app.secret", "X-RateLimit-Limit: 9000");
}

static void the_secret_is_reset_with_overlap(void **state)
{
    static const struct portal_row rows[] = {
        {"token", "POST", EXCHANGE "/applications/${app}/secret/reset",
         "{\"overlapInMilliseconds\":3600000}", 201, "{\"clientSecret\":\"@keep app.secret2\"}"},
    };
    static const struct portal_row end[] = {
        {"mia", "DELETE", EXCHANGE "/applications/${app}/secrets/1", NULL, 204, ""},
    };

    (void)state;
    PORTAL_ROWS(&portal, rows);
    gateway_says(200, "app.secret2", NULL);
    gateway_says(200, "app.secret", NULL); /* both, for an hour */
    PORTAL_ROWS(&portal, end);
    gateway_says(401, "app.secret", NULL);
    gateway_says(200, "app.secret2", NULL);
}

/* The feed's links survive a restart of the portal: the gateway asks on as soon as it is there. */
static void the_portal_is_killed_and_comes_back(void **state)
{
    char port[16];

    (void)state;
    snprintf(port, sizeof(port), "%u", portal.port);
    portal_kill(&portal);
    gateway_says(200, "app.secret2", NULL); /* what it knew */
    portal_start_at(&portal, port);
    gateway_says(200, "app.secret2", NULL);
}

static void the_contract_is_revoked(void **state)
{
    static const struct portal_row rows[] = {
        {"oona", "POST", X_APIS "/${api}/contracts/${contract}/revoke", NULL, 201,
         "{\"status\":\"REVOKED\"}"},
    };

    (void)state;
    PORTAL_ROWS(&portal, rows);
    gateway_says(401, "app.secret2", NULL);
}

/* Revoking the Connected App stops its token at once; what it made stays, with its owner. */
static void the_connected_app_is_revoked(void **state)
{
    static const struct portal_row rows[] = {
        {"root", "DELETE", "/accounts/api/connectedApplications/${bot.id}", NULL, 204, ""},
        {"token", "GET", EXCHANGE "/applications/${app}", NULL, 401, NULL},
        {"mia", "GET", EXCHANGE "/applications/${app}", NULL, 200, "{\"clientSecret\":\"@none\"}"},
        {"root", "GET", "/accounts/api/organizations/${org}/changes?limit=1000", NULL, 200,
         "{\"data\":\"@list\"}"},
    };

    (void)state;
    portal_user(&portal, "root", CLIENTID_ROLE_ADMINISTRATOR);
    PORTAL_ROWS(&portal, rows);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(an_api_with_a_manual_tier),
        cmocka_unit_test(a_connected_app_gets_a_token_and_asks_for_access),
        cmocka_unit_test(an_owner_approves_and_the_gateway_admits),
        cmocka_unit_test(the_tier_is_raised),
        cmocka_unit_test(the_secret_is_reset_with_overlap),
        cmocka_unit_test(the_portal_is_killed_and_comes_back),
        cmocka_unit_test(the_contract_is_revoked),
        cmocka_unit_test(the_connected_app_is_revoked),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
