/* SPDX-License-Identifier: Apache-2.0 */
/* API Manager, Exchange and the API Platform: what each request gets for an answer, and each rule once broken. */
#include "support_portal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct portal portal;

#define APIS           "/apimanager/api/v1/organizations/${org}/environments/${env}/apis"
#define X_APIS         "/apimanager/xapi/v1/organizations/${org}/environments/${env}/apis"
#define EXCHANGE       "/exchange/api/v2/organizations/${org}"
#define PLATFORM       "/apiplatform/repository/v2/organizations/${org}"
#define CHANGES        "/accounts/api/organizations/${org}/changes"
#define NOBODY         "b5e4ac58-0003-4000-8000-0123456789ab"
#define FIELD(pointer) "{\"field\":\"" pointer "\"}"
#define BREAKS(label)  "{\"message\":\"@some " label "\"}"
#define SPEC(asset)                                                                                \
    "\"spec\":{\"groupId\":\"${org}\",\"assetId\":\"" asset "\",\"version\":\"1.0.0\"}"
#define LIMIT(requests) "{\"maximumRequests\":" requests ",\"timePeriodInMilliseconds\":1000}"

/* root administers, oona owns APIs, mia and max are members, bot is a Connected App of mia's. */
static int setup(void **state)
{
    (void)state;
    portal_prepare(&portal, "");
    portal_user(&portal, "root", CLIENTID_ROLE_ADMINISTRATOR);
    portal_user(&portal, "oona", CLIENTID_ROLE_API_OWNER);
    portal_user(&portal, "mia", CLIENTID_ROLE_MEMBER);
    portal_user(&portal, "max", CLIENTID_ROLE_MEMBER);
    portal_connected_app(&portal, "bot", "mia", CLIENTID_SCOPE_CREATE_APPLICATIONS);
    portal_connected_app(&portal, "viewer", "mia", CLIENTID_SCOPE_VIEW_EXCHANGE);
    portal_start(&portal);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(portal_stop(&portal), 0);
    portal_remove(&portal);
    return 0;
}

/* ---- API instances --------------------------------------------------------------------------- */

static void apis(void **state)
{
    (void)state;
    static const struct portal_row rows[] = {
        /* As in the vendor's sample. */
        {"oona", "POST", APIS,
         "{" SPEC("orders-api") ",\"instanceLabel\":\"orders\",\"technology\":\"mule4\","
                                "\"endpoint\":{\"deploymentType\":\"HY\",\"type\":\"raml\",\"uri\":"
                                "\"https://impl.example.com\","
                                "\"proxyUri\":\"http://0.0.0.0:8081/\",\"isCloudHub\":null}}",
         201,
         "{\"id\":\"@keep orders\",\"assetVersion\":\"1.0.0\",\"productVersion\":\"v1\","
         "\"environmentId\":\"${env}\",\"instanceLabel\":\"orders\",\"organizationId\":\"${org}\","
         "\"masterOrganizationId\":\"${org}\",\"groupId\":\"${org}\",\"assetId\":\"orders-api\","
         "\"audit\":{\"created\":{\"date\":\"@time\"},\"updated\":{}},\"providerId\":null,"
         "\"terms\":null}"},
        {"root", "POST", APIS, "{" SPEC("stock-api") ",\"terms\":\"be kind\"}", 201,
         "{\"id\":\"@keep stock\",\"name\":\"stock-api:1.0.0\",\"terms\":\"be kind\"}"},
        {"root", "POST", APIS,
         "{" SPEC("stock-api") ",\"instanceLabel\":\"foreign\",\"providerId\":\"acme\"}", 201,
         "{\"id\":\"@keep foreign\",\"clientProvider\":{\"providerId\":\"acme\"}}"},
        {"root", "POST", APIS,
         "{\"instanceType\":\"api-group\",\"name\":\"shop\",\"members\":[\"orders\",\"stock-api:1."
         "0.0\"]}",
         201,
         "{\"id\":\"@keep shop\",\"instanceType\":\"api-group\","
         "\"members\":[\"orders\",\"stock-api:1.0.0\"]}"},
        {"mia", "GET", APIS "/${orders}", NULL, 200,
         "{\"id\":${orders},\"autodiscoveryInstanceName\":\"v1:${orders}\"}"},
        {"viewer", "GET", APIS, NULL, 200,
         "{\"total\":3,\"assets\":[{\"assetId\":\"orders-api\",\"totalApis\":1,\"apis\":[{\"id\":"
         "${orders}}]},{\"exchangeAssetName\":\"stock-api\",\"totalApis\":2},{\"name\":\"shop\"}]"
         "}"},
        {"mia", "GET", APIS "?limit=1&offset=1", NULL, 200,
         "{\"total\":3,\"assets\":[{\"assetId\":\"stock-api\"}]}"},
        {"mia", "GET", APIS "?query=ORD", NULL, 200,
         "{\"total\":1,\"assets\":[{\"assetId\":\"orders-api\"}]}"},
        {"mia", "GET", APIS "?instanceLabel=foreign", NULL, 200,
         "{\"total\":1,\"assets\":[{\"apis\":[{\"id\":${foreign}}]}]}"},
        {"mia", "GET", X_APIS "?assetId=stock-api", NULL, 200,
         "{\"total\":2,\"instances\":[{\"id\":${stock},\"asset\":{\"assetId\":\"stock-api\"}},"
         "{\"id\":${foreign}}]}"},
        {"oona", "PATCH", APIS "/${orders}", "{\"assetVersion\":\"2.1.0\"}", 200,
         "{\"assetVersion\":\"2.1.0\",\"productVersion\":\"v2\",\"audit\":{\"updated\":{\"date\":"
         "\"@time\"}}}"},
        {"oona", "PATCH", APIS "/${orders}", "{\"instanceLabel\":\"orders\",\"terms\":null}", 200,
         "{\"terms\":null}"},

        {"mia", "POST", APIS, "{" SPEC("a") "}", 403, BREAKS("api-create")},
        {"bot", "POST", APIS, "{" SPEC("a") "}", 403, BREAKS("api-create")},
        {NULL, "POST", APIS, "{" SPEC("a") "}", 401, NULL},
        {"root", "POST", APIS, "{" SPEC("x") ",\"instanceLabel\":\"orders\"}", 409,
         BREAKS("api-name-taken")},
        {"root", "POST", APIS, "{\"instanceLabel\":\"a\"}", 400, FIELD("/spec")},
        {"root", "POST", APIS, "{\"spec\":{\"groupId\":\"${org}\",\"assetId\":\"a\"}}", 400,
         FIELD("/spec/version")},
        {"root", "POST", APIS,
         "{\"spec\":{\"groupId\":\"" NOBODY "\",\"assetId\":\"a\",\"version\":\"1\"}}", 400,
         FIELD("/spec/groupId")},
        {"root", "POST", APIS, "{" SPEC("a") ",\"instanceLabel\":7}", 400, FIELD("/instanceLabel")},
        {"root", "POST", APIS, "{" SPEC("a") ",\"labels\":1}", 400, FIELD("/labels")},
        {"root", "POST", APIS, "{" SPEC("a") ",\"instanceLabel\":\"a\",\"name\":\"b\"}", 400,
         FIELD("/name")},
        {"root", "POST", APIS,
         "{" SPEC("a") ",\"providerId\":\"a\",\"clientProvider\":{\"providerId\":\"b\"}}", 400,
         FIELD("/providerId")},
        {"root", "POST", APIS, "{" SPEC("a") ",\"members\":[\"orders\"]}", 400,
         BREAKS("instance-members")},
        {"root", "POST", APIS,
         "{\"instanceType\":\"api-group\",\"name\":\"g\",\"members\":[\"orders\",\"foreign\"]}",
         400, BREAKS("group-provider")},
        {"root", "POST", APIS,
         "{\"instanceType\":\"api-group\",\"name\":\"g\",\"members\":[\"nothing\"]}", 400,
         BREAKS("group-member")},
        {"oona", "PATCH", APIS "/${orders}", "{\"instanceLabel\":\"renamed\"}", 400,
         BREAKS("api-name-fixed")},
        {"oona", "PATCH", APIS "/${stock}", "{\"terms\":\"\"}", 403, BREAKS("api-manage")},
        {"mia", "PATCH", APIS "/${stock}", "{\"terms\":\"\"}", 403, BREAKS("api-manage")},
        {"root", "DELETE", APIS "/${orders}", NULL, 409, BREAKS("api-in-use")},
        {"oona", "DELETE", APIS "/${foreign}", NULL, 403, BREAKS("api-manage")},
        {"root", "GET", APIS "/999", NULL, 404, NULL},
        {"root", "GET", APIS "/x", NULL, 404, NULL},
        {"root", "GET", APIS "?limit=501", NULL, 400, FIELD("limit")},
        {"root", "GET", "/apimanager/api/v1/organizations/" NOBODY "/environments/${env}/apis",
         NULL, 404, NULL},
        {"root", "GET", "/apimanager/api/v1/organizations/${org}/environments/" NOBODY "/apis",
         NULL, 404, NULL},

        {"root", "POST", APIS, "{" SPEC("gone") "}", 201, "{\"id\":\"@keep gone\"}"},
        {"root", "DELETE", APIS "/${gone}", NULL, 204, ""},
        {"root", "DELETE", APIS "/${gone}", NULL, 404, NULL},
        {"root", "GET", PLATFORM "/apis/${orders}/versions/${orders}", NULL, 200,
         "{\"id\":${orders}}"},
        {"root", "GET", PLATFORM "/apis/${stock}/versions/${orders}", NULL, 404, NULL},
    };
    PORTAL_ROWS(&portal, rows);
}

static void api_owners(void **state)
{
    (void)state;
    static const struct portal_row rows[] = {
        {"oona", "GET", APIS "/${orders}/owners", NULL, 200,
         "[{\"id\":\"${oona.id}\",\"username\":\"oona\",\"entityType\":\"user\"}]"},
        {"mia", "GET", APIS "/${orders}/owners", NULL, 403, BREAKS("api-manage")},
        {"mia", "POST", APIS "/${orders}/owners", "{\"id\":\"mia\"}", 403, BREAKS("api-manage")},
        {"root", "POST", APIS "/${stock}/owners", "{\"id\":\"${oona.id}\"}", 201, "@list"},
        {"root", "POST", APIS "/${stock}/owners", "{\"id\":\"oona\"}", 409, BREAKS("owner-taken")},
        {"root", "POST", APIS "/${stock}/owners", "{\"id\":\"nobody\"}", 404, NULL},
        {"root", "POST", APIS "/${stock}/owners", "{\"id\":7}", 400, FIELD("/id")},
        {"root", "POST", APIS "/${stock}/owners", "{}", 400, FIELD("/id")},
        {"oona", "PATCH", APIS "/${stock}", "{\"terms\":\"be kind\"}", 200, "{}"},
        {"root", "DELETE", APIS "/${stock}/owners/${oona.id}", NULL, 204, ""},
        {"root", "DELETE", APIS "/${stock}/owners/oona", NULL, 404, NULL},
        {"oona", "PATCH", APIS "/${stock}", "{\"terms\":\"be kind\"}", 403, BREAKS("api-manage")},
    };
    PORTAL_ROWS(&portal, rows);
}

/* ---- SLA tiers ------------------------------------------------------------------------------- */

static void tiers(void **state)
{
    (void)state;
    static const struct portal_row rows[] = {
        {"oona", "POST", APIS "/${orders}/tiers",
         "{\"name\":\"gold\",\"description\":\"tier "
         "description\",\"status\":\"ACTIVE\",\"autoApprove\":true,"
         "\"limits\":[{\"visible\":true,\"maximumRequests\":5,\"timePeriodInMilliseconds\":1000}]}",
         201,
         "{\"id\":\"@keep gold\",\"status\":\"ACTIVE\",\"autoApprove\":true,\"apiId\":${orders},"
         "\"limits\":[{\"visible\":true,\"maximumRequests\":5,\"timePeriodInMilliseconds\":1000}],"
         "\"name\":\"gold\",\"description\":\"tier description\",\"organizationId\":\"${org}\","
         "\"masterOrganizationId\":\"${org}\",\"audit\":{\"created\":{\"date\":\"@time\"},"
         "\"updated\":{}}}"},
        {"oona", "POST", APIS "/${orders}/tiers",
         "{\"name\":\"silver\",\"status\":\"ACTIVE\",\"apiVersionId\":\"7\",\"limits\":[" LIMIT(
             "1") "]}",
         201, "{\"id\":\"@keep silver\",\"autoApprove\":false,\"limits\":[{\"visible\":true}]}"},
        {"oona", "POST", APIS "/${orders}/tiers", "{\"name\":\"old\",\"status\":\"INACTIVE\"}", 201,
         "{\"id\":\"@keep old\",\"status\":\"DEPRECATED\",\"limits\":[]}"},
        {"mia", "GET", APIS "/${orders}/tiers", NULL, 200,
         "{\"total\":3,\"tiers\":[{\"name\":\"gold\",\"applicationCount\":0},{\"id\":${silver}},"
         "{\"id\":${old}}]}"},
        {"mia", "GET", APIS "/${orders}/tiers?active=true", NULL, 200,
         "{\"total\":2,\"tiers\":[{\"id\":${gold}},{\"id\":${silver}}]}"},
        {"mia", "GET", APIS "/${orders}/tiers?query=IL&limit=250", NULL, 200,
         "{\"total\":1,\"tiers\":[{\"id\":${silver}}]}"},
        {"mia", "GET", APIS "/${orders}/tiers?limit=1&offset=2", NULL, 200,
         "{\"total\":3,\"tiers\":[{\"id\":${old}}]}"},
        {"oona", "PUT", APIS "/${orders}/tiers/${old}", "{\"name\":\"older\"}", 201,
         "{\"name\":\"older\",\"status\":\"DEPRECATED\",\"audit\":{\"updated\":{\"date\":\"@time\"}"
         "}}"},
        {"oona", "PUT", PLATFORM "/apis/${orders}/versions/${orders}/tiers/${old}",
         "{\"name\":\"old\"}", 200, "{\"name\":\"old\"}"},

        {"oona", "POST", APIS "/${orders}/tiers", "{\"name\":\"gold\",\"status\":\"ACTIVE\"}", 409,
         BREAKS("tier-name-taken")},
        {"oona", "PUT", APIS "/${orders}/tiers/${old}", "{\"name\":\"gold\"}", 409,
         BREAKS("tier-name-taken")},
        {"oona", "POST", APIS "/${orders}/tiers", "{\"name\":\"a\"}", 400, FIELD("/status")},
        {"oona", "POST", APIS "/${orders}/tiers", "{\"name\":\"a\",\"status\":\"OPEN\"}", 400,
         FIELD("/status")},
        {"oona", "POST", APIS "/${orders}/tiers", "{\"name\":\"\",\"status\":\"ACTIVE\"}", 400,
         FIELD("/name")},
        {"oona", "POST", APIS "/${orders}/tiers",
         "{\"name\":\"a\",\"status\":\"ACTIVE\",\"limits\":[{\"maximumRequests\":1}]}", 400,
         FIELD("/limits/0/timePeriodInMilliseconds")},
        {"oona", "POST", APIS "/${orders}/tiers",
         "{\"name\":\"a\",\"status\":\"ACTIVE\",\"limits\":[{\"maximumRequests\":1.5,"
         "\"timePeriodInMilliseconds\":1}]}",
         400, FIELD("/limits/0/maximumRequests")},
        {"oona", "POST", APIS "/${orders}/tiers",
         "{\"name\":\"a\",\"status\":\"ACTIVE\",\"limits\":[{\"maximumRequests\":-1,"
         "\"timePeriodInMilliseconds\":1}]}",
         400, FIELD("/limits/0/maximumRequests")},
        {"oona", "POST", APIS "/${orders}/tiers",
         "{\"name\":\"a\",\"status\":\"ACTIVE\",\"limits\":[{\"visible\":false,\"maximumRequests\":"
         "1,"
         "\"timePeriodInMilliseconds\":1}]}",
         400, BREAKS("limit-visible")},
        {"oona", "POST", APIS "/${orders}/tiers",
         "{\"name\":\"a\",\"status\":\"ACTIVE\",\"limits\":[" LIMIT("0") "]}", 400,
         BREAKS("limit-range")},
        {"oona", "POST", APIS "/${orders}/tiers",
         "{\"name\":\"a\",\"status\":\"ACTIVE\",\"limits\":[" LIMIT("1") "," LIMIT("2") "]}", 400,
         BREAKS("limit-period")},
        {"oona", "POST", APIS "/${orders}/tiers",
         "{\"name\":\"a\",\"status\":\"ACTIVE\",\"limits\":[{\"maximumRequests\":1,"
         "\"timePeriodInMilliseconds\":1000},{\"maximumRequests\":1,\"timePeriodInMilliseconds\":"
         "2000},{\"maximumRequests\":1,\"timePeriodInMilliseconds\":3000},{\"maximumRequests\":1,"
         "\"timePeriodInMilliseconds\":4000},{\"maximumRequests\":1,\"timePeriodInMilliseconds\":"
         "5000},{\"maximumRequests\":1,\"timePeriodInMilliseconds\":6000},{\"maximumRequests\":1,"
         "\"timePeriodInMilliseconds\":7000},{\"maximumRequests\":1,\"timePeriodInMilliseconds\":"
         "8000},{\"maximumRequests\":1,\"timePeriodInMilliseconds\":9000}]}",
         400, BREAKS("limit-count")},
        {"mia", "POST", APIS "/${orders}/tiers", "{\"name\":\"a\",\"status\":\"ACTIVE\"}", 403,
         BREAKS("api-manage")},
        {"oona", "POST", APIS "/${stock}/tiers", "{\"name\":\"a\",\"status\":\"ACTIVE\"}", 403,
         BREAKS("api-manage")},
        {"root", "POST", APIS "/999/tiers", "{\"name\":\"a\",\"status\":\"ACTIVE\"}", 404, NULL},
        {"root", "PUT", APIS "/${stock}/tiers/${gold}", "{\"name\":\"a\"}", 404, NULL},
        {"root", "GET", APIS "/999/tiers", NULL, 404, NULL},
        {"root", "GET", APIS "/${orders}/tiers?active=yes", NULL, 400, FIELD("active")},
        {"root", "GET", APIS "/${orders}/tiers?limit=251", NULL, 400, FIELD("limit")},

        {"oona", "POST", APIS "/${orders}/tiers", "{\"name\":\"short\",\"status\":\"ACTIVE\"}", 201,
         "{\"id\":\"@keep short\"}"},
        {"oona", "DELETE", APIS "/${orders}/tiers/${short}", NULL, 204, ""},
        {"oona", "DELETE", APIS "/${orders}/tiers/${short}", NULL, 404, NULL},
        /* What a member sees before requesting access. */
        {"mia", "GET", EXCHANGE "/apis?query=orders", NULL, 200,
         "[{\"id\":${orders},\"terms\":null,\"tiers\":[{\"id\":${gold},\"applicationCount\":\"@"
         "none\"},"
         "{\"id\":${silver}}]}]"},
        {"mia", "GET", EXCHANGE "/apis/${stock}", NULL, 200,
         "{\"terms\":\"be kind\",\"tiers\":[],\"name\":\"stock-api:1.0.0\"}"},
    };
    PORTAL_ROWS(&portal, rows);
}

/* ---- applications ---------------------------------------------------------------------------- */

static void applications(void **state)
{
    (void)state;
    static const struct portal_row rows[] = {
        /* As in the vendor's article about Connected Apps. */
        {"bot", "POST", PLATFORM "/applications?apiVersionId=${orders}",
         "{\"redirectUri\":[\"http://example.com/\"],\"apiEndpoints\":false,"
         "\"name\":\"Sample Client Apps Name\",\"description\":\"Create this App for Sample Client "
         "Apps via API 1\","
         "\"url\":\"https://www.example.com/app-test1\"}",
         201,
         "{\"id\":\"@keep sample\",\"redirectUri\":[\"http://example.com/\"],\"grantTypes\":[],"
         "\"name\":\"Sample Client Apps Name\",\"description\":\"Create this App for Sample Client "
         "Apps via API 1\","
         "\"url\":\"https://www.example.com/app-test1\",\"clientId\":\"@keep sample.client\","
         "\"coreServicesId\":\"@secret\",\"clientSecret\":\"@secret\","
         "\"masterOrganizationId\":\"${org}\",\"owners\":[{\"id\":\"${mia.id}\",\"username\":"
         "\"mia\"}]}"},
        {"mia", "POST", EXCHANGE "/applications?apiInstanceId=${foreign}",
         "{\"name\":\"acme\",\"grantTypes\":[\"client_credentials\"]}", 201,
         "{\"id\":\"@keep acme\",\"clientProvider\":{\"providerId\":\"acme\"},"
         "\"grantTypes\":[\"client_credentials\"],\"clientSecret\":\"@secret\"}"},
        {"mia", "POST", EXCHANGE "/applications", "{\"name\":\"shopper\",\"description\":null}",
         201,
         "{\"id\":\"@keep "
         "shopper\",\"description\":null,\"clientProvider\":{\"providerId\":null}}"},
        {"max", "POST", EXCHANGE "/applications", "{\"name\":\"maximal\"}", 201,
         "{\"id\":\"@keep maximal\"}"},

        {"mia", "GET", EXCHANGE "/applications/${shopper}", NULL, 200,
         "{\"id\":${shopper},\"name\":\"shopper\",\"clientId\":\"@secret\",\"clientSecret\":\"@"
         "none\","
         "\"owners\":[{\"id\":\"${mia.id}\"}],\"secrets\":[{\"slot\":1}]}"},
        {"mia", "GET", EXCHANGE "/applications", NULL, 200,
         "[{\"id\":${sample},\"clientSecret\":\"@none\"},{\"id\":${acme}},{\"id\":${shopper}}]"},
        {"mia", "GET", EXCHANGE "/applications?query=SHOP", NULL, 200, "[{\"id\":${shopper}}]"},
        {"bot", "GET", EXCHANGE "/applications", NULL, 200, "[{\"id\":${sample}}]"},
        {"viewer", "GET", PLATFORM "/applications?targetAdminSite=true", NULL, 200,
         "{\"applications\":[],\"total\":0}"},
        {"root", "GET", PLATFORM "/applications", NULL, 200, "{\"applications\":[],\"total\":0}"},
        {"root", "GET", PLATFORM "/applications?targetAdminSite=true&limit=1&offset=1", NULL, 200,
         "{\"applications\":[{\"id\":${acme}}],\"total\":4}"},
        {"mia", "PATCH", EXCHANGE "/applications/${shopper}",
         "{\"url\":\"http://shop.example.com\"}", 200,
         "{\"name\":\"shopper\",\"url\":\"http://shop.example.com\",\"clientSecret\":\"@none\"}"},
        {"mia", "PUT", PLATFORM "/applications/${shopper}", "{\"name\":\"shopper\",\"url\":null}",
         200, "{\"name\":\"shopper\",\"url\":null}"},

        {"mia", "GET", EXCHANGE "/applications/${maximal}", NULL, 404, NULL},
        {"mia", "PATCH", EXCHANGE "/applications/${maximal}", "{\"name\":\"a\"}", 403,
         BREAKS("application-manage")},
        {"mia", "DELETE", EXCHANGE "/applications/${maximal}", NULL, 403, NULL},
        {"bot", "PATCH", EXCHANGE "/applications/${sample}", "{\"name\":\"a\"}", 403,
         BREAKS("application-manage")},
        {"viewer", "POST", EXCHANGE "/applications", "{\"name\":\"a\"}", 403,
         BREAKS("application-create")},
        {"mia", "POST", EXCHANGE "/applications", "{}", 400, FIELD("/name")},
        {"mia", "POST", EXCHANGE "/applications", NULL, 415, NULL},
        {"mia", "POST", EXCHANGE "/applications", "{\"name\":null}", 400, FIELD("/name")},
        {"mia", "POST", EXCHANGE "/applications", "{\"name\":\"a\",\"clientSecret\":\"x\"}", 400,
         FIELD("/clientSecret")},
        {"mia", "POST", EXCHANGE "/applications", "{\"name\":\"a\",\"redirectUri\":[7]}", 400,
         FIELD("/redirectUri/0")},
        {"mia", "POST", EXCHANGE "/applications", "{\"name\":\"a\",\"apiEndpoints\":\"false\"}",
         400, FIELD("/apiEndpoints")},
        {"mia", "POST", EXCHANGE "/applications?apiInstanceId=999", "{\"name\":\"a\"}", 404, NULL},
        {"mia", "POST", EXCHANGE "/applications?apiInstanceId=x", "{\"name\":\"a\"}", 400,
         FIELD("apiInstanceId")},
        {"mia", "POST", EXCHANGE "/applications?apiInstanceId=${orders}",
         "{\"name\":\"a\",\"clientProvider\":{\"providerId\":\"acme\"}}", 400,
         FIELD("/clientProvider/providerId")},
        {"mia", "GET", EXCHANGE "/applications?limit=251", NULL, 400, FIELD("limit")},
        {"root", "GET", "/exchange/api/v2/organizations/" NOBODY "/applications", NULL, 404, NULL},
        {"root", "GET", "/apiplatform/repository/v2/organizations/" NOBODY "/applications", NULL,
         404, NULL},
        {"root", "GET", EXCHANGE "/applications/999", NULL, 404, NULL},

        {"mia", "POST", EXCHANGE "/applications", "{\"name\":\"short\"}", 201,
         "{\"id\":\"@keep app\"}"},
        {"mia", "DELETE", EXCHANGE "/applications/${app}", NULL, 204, ""},
        {"mia", "DELETE", EXCHANGE "/applications/${app}", NULL, 404, NULL},
    };
    PORTAL_ROWS(&portal, rows);
}

static void owners(void **state)
{
    (void)state;
    static const struct portal_row rows[] = {
        {"bot", "POST", PLATFORM "/applications/${sample}/owners", "{\"id\":\"${max.id}\"}", 201,
         "[{\"username\":\"@any\"},{\"username\":\"@any\"}]"},
        {"max", "GET", EXCHANGE "/applications/${sample}/owners", NULL, 200, "@list"},
        {"max", "POST", PLATFORM "/applications/${sample}/owners", "{\"id\":\"max\"}", 409,
         BREAKS("owner-taken")},
        {"max", "POST", PLATFORM "/applications/${sample}/owners", "{\"id\":\"${bot.id}\"}", 400,
         BREAKS("owner-connected-app")},
        {"max", "POST", PLATFORM "/applications/${sample}/owners", "{\"id\":\"nobody\"}", 404,
         NULL},
        {"max", "POST", PLATFORM "/applications/${sample}/owners", "{\"name\":\"mia\"}", 400,
         FIELD("/name")},
        {"bot", "DELETE", PLATFORM "/applications/${sample}/owners/${max.id}", NULL, 403,
         BREAKS("application-manage")},
        {"mia", "DELETE", PLATFORM "/applications/${sample}/owners/${max.id}", NULL, 204, ""},
        {"mia", "DELETE", PLATFORM "/applications/${sample}/owners/${max.id}", NULL, 404, NULL},
        {"mia", "DELETE", PLATFORM "/applications/${sample}/owners/mia", NULL, 409,
         BREAKS("owner-last")},
        {"max", "GET", EXCHANGE "/applications/${sample}/owners", NULL, 404, NULL},
        {"max", "POST", PLATFORM "/applications/${sample}/owners", "{\"id\":\"max\"}", 403,
         BREAKS("application-use")},
    };
    PORTAL_ROWS(&portal, rows);
}

static void secrets(void **state)
{
    (void)state;
    static const struct portal_row rows[] = {
        {"bot", "POST", EXCHANGE "/applications/${sample}/secret/reset", NULL, 201,
         "{\"clientSecret\":\"@secret\",\"clientId\":\"${sample.client}\",\"slot\":2,"
         "\"previousNotAfter\":\"@time\"}"},
        {"bot", "POST", PLATFORM "/applications/${sample}/secret/reset", "{}", 201,
         "{\"clientSecret\":\"@secret\",\"slot\":1}"},
        {"mia", "POST", EXCHANGE "/applications/${sample}/secret/reset",
         "{\"overlapInMilliseconds\":60000}", 201,
         "{\"clientSecret\":\"@secret\",\"slot\":2,\"previousNotAfter\":\"@time\"}"},
        {"mia", "GET", EXCHANGE "/applications/${sample}", NULL, 200,
         "{\"secrets\":[{\"slot\":1,\"newest\":false},{\"slot\":2,\"newest\":true}]}"},
        {"mia", "DELETE", EXCHANGE "/applications/${sample}/secrets/1", NULL, 204, ""},
        {"mia", "DELETE", EXCHANGE "/applications/${sample}/secrets/1", NULL, 404, NULL},
        {"mia", "DELETE", EXCHANGE "/applications/${sample}/secrets/3", NULL, 404, NULL},
        {"max", "POST", EXCHANGE "/applications/${sample}/secret/reset", NULL, 403,
         BREAKS("application-use")},
        {"mia", "POST", EXCHANGE "/applications/${sample}/secret/reset",
         "{\"overlapInMilliseconds\":\"60000\"}", 400, FIELD("/overlapInMilliseconds")},
        {"mia", "POST", EXCHANGE "/applications/${sample}/secret/reset", "{\"overlap\":1}", 400,
         FIELD("/overlap")},
        {"mia", "POST", EXCHANGE "/applications/999/secret/reset", NULL, 404, NULL},
    };
    PORTAL_ROWS(&portal, rows);
}

/* ---- contracts ------------------------------------------------------------------------------- */

#define REQUEST(application) EXCHANGE "/applications/${" application "}/contracts"
#define DECIDE(verb)         X_APIS "/${orders}/contracts/${waiting}/" verb

static void access_requests(void **state)
{
    (void)state;
    static const struct portal_row rows[] = {
        {"bot", "POST", REQUEST("sample"),
         "{\"apiId\":\"${orders}\",\"instanceType\":\"api\",\"requestedTierId\":${gold},"
         "\"acceptedTerms\":true,\"organizationId\":\"${org}\",\"groupId\":\"${org}\","
         "\"assetId\":\"orders-api\",\"version\":\"1.0.0\",\"versionGroup\":\"v1\"}",
         201,
         "{\"id\":\"@keep approved\",\"status\":\"APPROVED\",\"applicationId\":${sample},"
         "\"clientId\":\"${sample.client}\",\"clientSecret\":\"@none\",\"requestedTier\":null,"
         "\"tier\":{\"id\":${gold},\"name\":\"gold\",\"autoApprove\":true,\"limits\":[{"
         "\"maximumRequests\":5}]},\"api\":{\"id\":${orders},\"assetId\":\"orders-api\"}}"},
        {"mia", "POST", "/exchange/api/v1/organizations/${org}/applications/${shopper}/contracts",
         "{\"apiId\":\"${orders}\",\"environmentId\":\"${env}\",\"requestedTierId\":${silver},"
         "\"acceptedTerms\":true,\"organizationId\":\"${org}\",\"groupId\":\"${org}\","
         "\"assetId\":\"orders-api\",\"version\":\"1.0.0\",\"productAPIVersion\":\"v1\"}",
         201,
         "{\"id\":\"@keep waiting\",\"status\":\"PENDING\",\"tier\":null,"
         "\"requestedTier\":{\"id\":${silver}}}"},
        {"mia", "GET", REQUEST("shopper"), NULL, 200,
         "[{\"id\":${waiting},\"status\":\"PENDING\",\"apiVersion\":\"@none\"}]"},
        {"mia", "GET", PLATFORM "/applications/${shopper}/contracts", NULL, 200,
         "[{\"id\":${waiting},\"apiVersion\":{\"id\":${orders},\"name\":\"v2:${orders}\","
         "\"api\":{\"name\":\"groupId:${org}:assetId:orders-api\"}}}]"},
        {"mia", "GET", REQUEST("shopper") "/${waiting}", NULL, 200, "{\"id\":${waiting}}"},
        /* A group covers its members; terms must be accepted; another client provider. */
        {"mia", "POST", REQUEST("shopper"),
         "{\"apiGroupInstanceId\":${shop},\"instanceType\":\"api-group\"}", 201,
         "{\"id\":\"@keep group\",\"status\":\"APPROVED\",\"api\":{\"name\":\"shop\"}}"},
        {"mia", "POST", REQUEST("shopper"), "{\"apiId\":\"${stock}\"}", 400, BREAKS("terms")},
        {"mia", "POST", REQUEST("acme"), "{\"apiId\":\"${stock}\",\"acceptedTerms\":true}", 400,
         BREAKS("client-provider")},
        {"max", "POST", APIS "/${stock}/contracts",
         "{\"applicationId\":${maximal},\"acceptedTerms\":true,\"partyId\":\"p\",\"partyName\":"
         "\"P\","
         "\"requestAccessInfo\":{\"reason\":\"why\"}}",
         201,
         "{\"id\":\"@keep "
         "free\",\"status\":\"APPROVED\",\"approvedDate\":\"@time\",\"rejectedDate\":null,"
         "\"revokedDate\":null,\"applicationId\":${maximal},\"application\":{\"name\":\"maximal\","
         "\"coreServicesId\":\"@secret\",\"clientSecret\":\"@none\"},\"tierId\":null,\"tier\":null,"
         "\"terms\":\"be kind\",\"partyId\":\"p\",\"partyName\":\"P\","
         "\"requestAccessInfo\":{\"reason\":\"why\"},\"apiId\":${stock},\"api\":{\"id\":${stock}}"
         "}"},

        {"root", "POST", APIS "/${foreign}/tiers", "{\"name\":\"shut\",\"status\":\"DEPRECATED\"}",
         201, "{\"id\":\"@keep shut\"}"},
        {"mia", "POST", REQUEST("acme"), "{\"apiId\":\"${foreign}\"}", 400, BREAKS("tier-closed")},
        {"mia", "POST", REQUEST("acme"), "{\"apiId\":\"${foreign}\",\"requestedTierId\":${gold}}",
         400, BREAKS("tier-other-api")},
        {"mia", "POST", REQUEST("shopper"), "{\"apiId\":\"${orders}\",\"requestedTierId\":${gold}}",
         409, BREAKS("contract-taken")},
        {"max", "POST", REQUEST("maximal"), "{\"apiId\":\"${orders}\"}", 400,
         BREAKS("tier-needed")},
        {"max", "POST", REQUEST("maximal"), "{\"apiId\":\"${orders}\",\"requestedTierId\":${old}}",
         400, BREAKS("tier-deprecated")},
        {"max", "POST", REQUEST("maximal"),
         "{\"apiId\":\"${foreign}\",\"requestedTierId\":${gold}}", 400, NULL},
        {"max", "POST", REQUEST("maximal"), "{\"apiId\":\"999\"}", 404, NULL},
        {"max", "POST", REQUEST("maximal"), "{}", 400, FIELD("/apiId")},
        {"max", "POST", REQUEST("maximal"), "{\"apiId\":\"orders\"}", 400, FIELD("/apiId")},
        {"max", "POST", REQUEST("maximal"), "{\"apiId\":true}", 400, FIELD("/apiId")},
        {"max", "POST", REQUEST("maximal"), "{\"apiId\":\"1\",\"tier\":1}", 400, FIELD("/tier")},
        {"max", "POST", REQUEST("maximal"), "{\"apiId\":\"1\",\"organizationId\":\"" NOBODY "\"}",
         400, FIELD("/organizationId")},
        {"max", "POST", REQUEST("shopper"), "{\"apiId\":\"${stock}\",\"acceptedTerms\":true}", 403,
         BREAKS("application-use")},
        {"max", "GET", REQUEST("shopper"), NULL, 404, NULL},
        {"max", "GET", REQUEST("maximal") "/${waiting}", NULL, 404, NULL},
        {"mia", "GET", REQUEST("sample") "/${waiting}", NULL, 404, NULL},
        {"mia", "POST", APIS "/${stock}/contracts", "{\"acceptedTerms\":true}", 400,
         FIELD("/applicationId")},
        {"mia", "POST", APIS "/${stock}/contracts",
         "{\"applicationId\":${shopper},\"requestAccessInfo\":{}}", 400,
         FIELD("/requestAccessInfo/reason")},
    };
    PORTAL_ROWS(&portal, rows);
}

static void contracts(void **state)
{
    (void)state;
    static const struct portal_row rows[] = {
        {"oona", "GET", APIS "/${orders}/contracts", NULL, 200,
         "{\"total\":2,\"contracts\":[{\"id\":${approved},\"application\":{\"id\":${sample}}},"
         "{\"id\":${waiting}}]}"},
        {"oona", "GET", APIS "/${orders}/contracts?status=pending", NULL, 200,
         "{\"total\":1,\"contracts\":[{\"id\":${waiting}}]}"},
        {"oona", "GET", APIS "/${orders}/contracts?limit=1&offset=1", NULL, 200,
         "{\"total\":2,\"contracts\":[{\"id\":${waiting}}]}"},
        {"oona", "GET", APIS "/${orders}/contracts?query=SHOP", NULL, 200,
         "{\"total\":1,\"contracts\":[{\"id\":${waiting}}]}"},
        {"oona", "GET", APIS "/${orders}/contracts?coreServicesId=${sample.client}", NULL, 200,
         "{\"total\":1,\"contracts\":[{\"id\":${approved}}]}"},
        {"oona", "GET", PLATFORM "/apis/${orders}/versions/${orders}/contracts?limit=0", NULL, 200,
         "{\"total\":2,\"contracts\":[]}"},
        {"oona", "GET", APIS "/${orders}/contracts/${approved}", NULL, 200,
         "{\"tierId\":${gold},\"tier\":{\"name\":\"gold\",\"applicationCount\":\"@none\"}}"},
        {"max", "GET", APIS "/${orders}/contracts", NULL, 200, "{\"total\":0,\"contracts\":[]}"},
        {"oona", "GET", APIS "/${orders}/contracts?status=OPEN", NULL, 400, FIELD("status")},
        {"oona", "GET", APIS "/${orders}/contracts?limit=251", NULL, 400, FIELD("limit")},
        {"oona", "GET", APIS "/${stock}/contracts/${approved}", NULL, 404, NULL},
        {"oona", "GET", APIS "/${orders}/contracts/${free}", NULL, 404, NULL},

        {"mia", "POST", DECIDE("approve"), NULL, 403, BREAKS("contract-decide")},
        {"max", "POST", DECIDE("approve"), NULL, 404, NULL},
        {"oona", "POST", DECIDE("revoke"), NULL, 409, BREAKS("contract-state")},
        {"oona", "POST", DECIDE("approve"), "{\"why\":1}", 400, NULL},
        {"oona", "POST", DECIDE("approve"), "{}", 201,
         "{\"id\":${waiting},\"status\":\"APPROVED\",\"tierId\":${silver},\"requestedTierId\":"
         "null}"},
        {"oona", "POST", DECIDE("approve"), NULL, 409, BREAKS("contract-state")},
        {"oona", "POST", DECIDE("reject"), NULL, 409, BREAKS("contract-state")},
        {"oona", "POST", DECIDE("revoke"), NULL, 201,
         "{\"status\":\"REVOKED\",\"revokedDate\":\"@time\"}"},
        {"oona", "POST", DECIDE("restore"), NULL, 201, "{\"status\":\"APPROVED\"}"},
        {"oona", "PATCH", APIS "/${orders}/contracts/${waiting}", "{\"status\":\"REVOKED\"}", 200,
         "{\"status\":\"REVOKED\"}"},
        {"oona", "PATCH", APIS "/${orders}/contracts/${waiting}", "{\"status\":\"APPROVED\"}", 200,
         "{\"status\":\"APPROVED\"}"},
        {"oona", "PATCH", APIS "/${orders}/contracts/${waiting}", "{\"status\":\"REJECTED\"}", 409,
         BREAKS("contract-state")},
        {"oona", "PATCH", APIS "/${orders}/contracts/${waiting}", "{\"status\":\"PENDING\"}", 400,
         FIELD("/status")},
        {"oona", "PATCH", APIS "/${orders}/contracts/${waiting}",
         "{\"status\":\"REVOKED\",\"requestedTierId\":${gold}}", 400, NULL},
        {"oona", "PATCH", APIS "/${orders}/contracts/${waiting}", "{}", 400, NULL},
        {"oona", "PATCH", APIS "/${orders}/contracts/${waiting}", "{\"tierId\":${gold}}", 200,
         "{\"tierId\":${gold},\"requestedTierId\":null}"},
        {"mia", "PATCH", APIS "/${orders}/contracts/${waiting}", "{\"tierId\":${silver}}", 403,
         BREAKS("contract-decide")},
        {"oona", "PATCH", APIS "/${orders}/contracts/${waiting}", "{\"tierId\":${silver}}", 200,
         "{\"tierId\":${silver}}"},
        {"oona", "DELETE", APIS "/${orders}/contracts/${waiting}", NULL, 409,
         BREAKS("contract-state")},
        {"oona", "DELETE", APIS "/${orders}/tiers/${silver}", NULL, 409, BREAKS("tier-in-use")},
        {"mia", "DELETE", EXCHANGE "/applications/${shopper}", NULL, 409,
         BREAKS("application-in-use")},
        {"oona", "PATCH", APIS "/${orders}", "{\"providerId\":\"acme\"}", 409,
         BREAKS("api-provider")},
        {"mia", "PATCH", EXCHANGE "/applications/${shopper}",
         "{\"clientProvider\":{\"providerId\":\"acme\"}}", 409, BREAKS("application-provider")},
        {"root", "DELETE", APIS "/${stock}", NULL, 409, BREAKS("api-in-use")},
    };
    PORTAL_ROWS(&portal, rows);
}

static void tier_changes(void **state)
{
    (void)state;
    static const struct portal_row rows[] = {
        {"mia", "PATCH", REQUEST("sample") "/${approved}", "{\"requestedTierId\":${silver}}", 200,
         "{\"status\":\"APPROVED\",\"tier\":{\"id\":${gold}},\"requestedTier\":{\"id\":${silver}}"
         "}"},
        {"mia", "DELETE", REQUEST("sample") "/${approved}", NULL, 204, ""},
        {"mia", "DELETE", REQUEST("sample") "/${approved}", NULL, 409, BREAKS("contract-state")},
        {"bot", "PATCH", PLATFORM "/applications/${sample}/contracts/${approved}",
         "{\"requestedTierId\":\"${silver}\"}", 200, "{\"requestedTierId\":${silver}}"},
        {"oona", "POST", X_APIS "/${orders}/contracts/${approved}/rejectTierChange", NULL, 201,
         "{\"tierId\":${gold},\"requestedTierId\":null}"},
        {"mia", "PATCH", APIS "/${orders}/contracts/${approved}", "{\"requestedTierId\":${silver}}",
         200, "{\"requestedTierId\":${silver}}"},
        {"oona", "POST",
         PLATFORM "/apis/${orders}/versions/${orders}/contracts/${approved}/approveTierChange",
         "{}", 201, "{\"tierId\":${silver},\"requestedTierId\":null}"},
        {"oona", "POST", X_APIS "/${orders}/contracts/${approved}/approveTierChange", NULL, 409,
         BREAKS("contract-state")},
        {"mia", "PATCH", REQUEST("sample") "/${approved}", "{\"requestedTierId\":${silver}}", 400,
         BREAKS("tier-same")},
        {"mia", "PATCH", REQUEST("sample") "/${approved}", "{\"requestedTierId\":${old}}", 400,
         BREAKS("tier-deprecated")},
        {"mia", "PATCH", REQUEST("sample") "/${approved}", "{}", 400, FIELD("/requestedTierId")},
        {"max", "PATCH", REQUEST("sample") "/${approved}", "{\"requestedTierId\":${gold}}", 404,
         NULL},
        /* A tier that approves by itself is in force at once. */
        {"mia", "PATCH", REQUEST("sample") "/${approved}", "{\"requestedTierId\":${gold}}", 200,
         "{\"tierId\":${gold},\"requestedTierId\":null}"},
        /* An access request goes away; a rejected one is deleted by the side of the API. */
        {"max", "POST", REQUEST("maximal"),
         "{\"apiId\":\"${orders}\",\"requestedTierId\":${silver}}", 201,
         "{\"id\":\"@keep taken\",\"status\":\"PENDING\"}"},
        {"max", "DELETE", REQUEST("maximal") "/${taken}", NULL, 204, ""},
        {"max", "GET", REQUEST("maximal") "/${taken}", NULL, 404, NULL},
        {"max", "POST", REQUEST("maximal"),
         "{\"apiId\":\"${orders}\",\"requestedTierId\":${silver}}", 201,
         "{\"id\":\"@keep taken\"}"},
        {"oona", "POST", X_APIS "/${orders}/contracts/${taken}/reject", NULL, 201,
         "{\"status\":\"REJECTED\",\"rejectedDate\":\"@time\"}"},
        {"max", "DELETE", APIS "/${orders}/contracts/${taken}", NULL, 403,
         BREAKS("contract-decide")},
        {"oona", "DELETE", APIS "/${orders}/contracts/${taken}", NULL, 204, ""},
        {"oona", "DELETE", APIS "/${orders}/contracts/${taken}", NULL, 404, NULL},
    };
    PORTAL_ROWS(&portal, rows);
}

/* ---- audit trail ----------------------------------------------------------------------------- */

static void changes(void **state)
{
    (void)state;
    static const struct portal_row rows[] = {
        {"root", "GET", CHANGES "?limit=1", NULL, 200,
         "{\"data\":[{\"revision\":1,\"date\":\"@time\",\"actor\":\"@text\",\"entity\":\"user\"}],"
         "\"next\":1}"},
        {"root", "GET", CHANGES "?after=1000000", NULL, 200, "{\"data\":[],\"next\":1000000}"},
        {"root", "GET", CHANGES "?limit=1000", NULL, 200,
         "{\"data\":\"@list\",\"next\":\"@keep next\"}"},
        {"root", "GET", CHANGES "?after=${next}", NULL, 200, "{\"data\":[],\"next\":${next}}"},
        {"oona", "GET", CHANGES, NULL, 403, BREAKS("changes-read")},
        {"bot", "GET", CHANGES, NULL, 403, BREAKS("changes-read")},
        {NULL, "GET", CHANGES, NULL, 401, NULL},
        {"root", "GET", CHANGES "?limit=0", NULL, 400, FIELD("limit")},
    };
    PORTAL_ROWS(&portal, rows);
}

/* A Connected App acts in the trail under its own name. */
static void connected_app_is_named(void **state)
{
    (void)state;
    struct portal_answer answer =
        portal_ask(&portal, "GET", CHANGES "?limit=1000", "bearer ${root}", NULL, NULL);
    char *wanted = portal_fill(&portal, "\"actor\":\"connected-app:${bot.id}\"");
    assert_int_equal(answer.status, 200);
    assert_non_null(strstr(answer.text, wanted));
    free(wanted);
    portal_answer_free(&answer);
}

/* What was answered is there after kill -9. */
static void kill_keeps_answers(void **state)
{
    (void)state;
    static const struct portal_row before[] = {
        {"mia", "POST", EXCHANGE "/applications", "{\"name\":\"kept\"}", 201,
         "{\"id\":\"@keep kept\"}"},
    };
    static const struct portal_row after[] = {
        {"mia", "GET", EXCHANGE "/applications/${kept}", NULL, 200, "{\"name\":\"kept\"}"},
        {"mia", "DELETE", EXCHANGE "/applications/${kept}", NULL, 204, ""},
        {NULL, "GET", "/openapi.json", NULL, 200, "{\"openapi\":\"3.0.3\"}"},
    };
    PORTAL_ROWS(&portal, before);
    portal_kill(&portal);
    portal_start(&portal);
    PORTAL_ROWS(&portal, after);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(kill_keeps_answers), /* first: leaks of the others show at the end */
        cmocka_unit_test(apis),
        cmocka_unit_test(api_owners),
        cmocka_unit_test(tiers),
        cmocka_unit_test(applications),
        cmocka_unit_test(owners),
        cmocka_unit_test(secrets),
        cmocka_unit_test(access_requests),
        cmocka_unit_test(contracts),
        cmocka_unit_test(tier_changes),
        cmocka_unit_test(changes),
        cmocka_unit_test(connected_app_is_named),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
