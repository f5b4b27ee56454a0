/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/str.h"
#include "policy/policy.h"
#include "support_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define MS UINT64_C(1000000)

/* A configuration with one API instance "a" that has these policies. */
#define POLICIES(policies) "{\"apis\":{\"a\":{\"policies\":[" policies "]}}}"
#define API(members)       "{\"apis\":{\"a\":{\"policies\":[]," members "}}}"

struct warnings {
    size_t count;
    clientid_error last;
};

struct world {
    struct clientid__pool *pool;
    struct clientid__config *config;
    clientid_error error;
    struct warnings warnings;
};

static void on_warning(void *self, const clientid_error *warning)
{
    struct warnings *warnings = self;

    warnings->count++;
    warnings->last = *warning;
}

static int parse(struct world *w, const char *json)
{
    *w = (struct world){.config = NULL};
    assert_int_equal(clientid__pool_new(&w->pool, &clientid__malloc), 0);
    return clientid__config_parse(&w->config, &clientid__malloc, w->pool, clientid__cstr(json),
                                  "test.json", on_warning, &w->warnings, &w->error);
}

static const struct clientid__chain *chain_of(struct world *w, const char *json)
{
    if (parse(w, json) != 0)
        fail_msg("%s: %s", w->error.pointer, w->error.text);
    assert_int_equal(w->config->api_count, 1);
    return w->config->apis[0].chain;
}

static void end(struct world *w)
{
    clientid__config_del(w->config);
    clientid__pool_del(w->pool);
}

static bool str_is(clientid_str text, const char *expected)
{
    return clientid__str_eq(text, clientid__cstr(expected));
}

static bool expression_is(const struct clientid__expression *e, enum clientid__carrier carrier,
                          const char *name)
{
    return e->carrier == carrier && str_is(clientid__expression_name(e), name);
}

/* ---- top level ------------------------------------------------------------------------------- */

static void test_defaults(void **state)
{
    struct world w;

    (void)state;
    assert_int_equal(parse(&w, "{}"), 0);
    assert_null(w.config->store);
    assert_null(w.config->state);
    assert_null(w.config->pepper_file);
    assert_null(w.config->pepper_env);
    assert_null(w.config->limits_file);
    assert_int_equal(w.config->cells, 262144);
    assert_int_equal(w.config->key_cells, 65536);
    assert_int_equal(w.config->use_cells, 262144);
    assert_int_equal(w.config->gatekeeper, CLIENTID__GATEKEEPER_FLEXIBLE);
    assert_int_equal(w.config->maximum_age_ns, 2592000 * (1000 * MS));
    assert_int_equal(w.config->degraded_after_ns, 60000 * MS);
    assert_int_equal(w.config->api_count, 0);
    assert_int_equal(w.warnings.count, 0);
    end(&w);
}

static void test_top(void **state)
{
    struct world w;

    (void)state;
    assert_int_equal(
        parse(&w, "{\"store\":\"sqlite:/x.db\",\"state\":\"/s\",\"pepper\":{\"file\":\"/p\"},"
                  "\"limits\":{\"file\":\"/l\",\"cells\":1,\"keyCells\":2,\"useCells\":0},"
                  "\"gatekeeper\":\"strict\",\"maximumAge\":\"0\",\"degradedAfter\":\"500ms\","
                  "\"apis\":null,\"proxy\":{\"anything\":[1,2]}}"),
        0);
    assert_string_equal(w.config->store, "sqlite:/x.db");
    assert_string_equal(w.config->state, "/s");
    assert_string_equal(w.config->pepper_file, "/p");
    assert_string_equal(w.config->limits_file, "/l");
    assert_int_equal(w.config->cells, 1);
    assert_int_equal(w.config->key_cells, 2);
    assert_int_equal(w.config->use_cells, 0);
    assert_int_equal(w.config->gatekeeper, CLIENTID__GATEKEEPER_STRICT);
    assert_int_equal(w.config->maximum_age_ns, 0);
    assert_int_equal(w.config->degraded_after_ns, 500 * MS);
    end(&w);
    assert_int_equal(parse(&w, "{\"gatekeeper\":\"disabled\",\"pepper\":{\"env\":\"P\"}}"), 0);
    assert_int_equal(w.config->gatekeeper, CLIENTID__GATEKEEPER_DISABLED);
    assert_string_equal(w.config->pepper_env, "P");
    end(&w);
}

static void test_syntax(void **state)
{
    static const struct {
        const char *name, *json;
        unsigned line, column;
        const char *text; /* its beginning */
    } rows[] = {
        {"empty", "", 1, 1, ""},
        {"a number", "5", 1, 1, ""},
        {"cut", "{\"apis\":", 1, 8, ""},
        {"comma at the end", "{\n  \"apis\": {},\n}", 3, 1, ""},
        {"duplicate key", "{\n \"apis\": {},\n \"apis\": {}}", 3, 7, "duplicate object key"},
        {"duplicate key inside", "{\"apis\":{\"a\":{},\"a\":{}}}", 1, 19, "duplicate object key"},
        {"column in bytes", "{\"\xc3\xa9\xc3\xa9\":x}", 1, 9, "invalid token"},
        {"NUL escape", "{\"store\":\"\\u0000\"}", 1, 17, "\\u0000 is not allowed"},
        {"invalid UTF-8", "{\"store\":\"\xff\"}", 1, 10, "unable to decode"},
        {"something behind", "{} {}", 1, 4, "end of file expected"},
        {"secret in the wrong place", "{\"pepper\": hunter}", 1, 17, "invalid token"},
        {"big number", "{\"limits\":{\"cells\":99999999999999999999}}", 1, 39, "too big integer"},
    };
    struct world w;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int rv = parse(&w, rows[i].json);

        if (rv != CLIENTID_ERR_SYNTAX || w.error.code != rv || w.error.line != rows[i].line ||
            w.error.column != rows[i].column ||
            strncmp(w.error.text, rows[i].text, strlen(rows[i].text)) != 0)
            fail_msg("%s: %d at %u:%u %s", rows[i].name, rv, w.error.line, w.error.column,
                     w.error.text);
        assert_string_equal(w.error.file, "test.json");
        assert_null(strstr(w.error.text, "hunter"));
        end(&w);
    }
}

/* ---- what is refused ------------------------------------------------------------------------- */

#define CIE_IN(members) POLICIES("{\"policy\":\"client-id-enforcement\"," members "}")
#define RL_IN(members)  POLICIES("{\"policy\":\"rate-limiting\"," members "}")
#define EXPORTED(asset, configuration)                                                             \
    POLICIES("{\"assetId\":\"" asset "\",\"configurationData\":{" configuration "}}")

static void test_refused(void **state)
{
    static const struct {
        const char *name, *json, *pointer, *text; /* the text's beginning */
    } rows[] = {
        {"no object", "[]", "", "expected an object"},
        {"unknown top key", "{\"api\":{}}", "/api", "unknown key, did you mean \"apis\""},
        {"far from everything", "{\"zzzzzzzzzz\":1}", "/zzzzzzzzzz", "unknown key"},
        {"key with slash and tilde", "{\"a/b~c\":1}", "/a~1b~0c", "unknown key"},
        {"control in a key", "{\"a\\nb\":1}", "/a?b", "unknown key"},
        {"empty store", "{\"store\":\"\"}", "/store", "expected a string"},
        {"store of another type", "{\"store\":5}", "/store", "expected a string"},
        {"pepper in clear", "{\"pepper\":\"x\"}", "/pepper", "expected an object"},
        {"pepper twice", "{\"pepper\":{\"file\":\"x\",\"env\":\"y\"}}", "/pepper",
         "expected either"},
        {"pepper nowhere", "{\"pepper\":{}}", "/pepper", "expected either"},
        {"pepper key", "{\"pepper\":{\"path\":\"x\"}}", "/pepper/path", "unknown key"},
        {"limits key", "{\"limits\":{\"cell\":1}}", "/limits/cell",
         "unknown key, did you mean \"cells\""},
        {"no cells", "{\"limits\":{\"cells\":0}}", "/limits/cells", "expected an integer from 1"},
        {"cells as text", "{\"limits\":{\"keyCells\":\"1\"}}", "/limits/keyCells",
         "expected an integer"},
        {"negative cells", "{\"limits\":{\"useCells\":-1}}", "/limits/useCells",
         "expected an integer from 0"},
        {"fractional cells", "{\"limits\":{\"cells\":1.5}}", "/limits/cells",
         "expected an integer"},
        {"gatekeeper", "{\"gatekeeper\":\"open\"}", "/gatekeeper",
         "expected one of \"flexible\", \"strict\", \"disabled\""},
        {"gatekeeper of another type", "{\"gatekeeper\":true}", "/gatekeeper", "expected one of"},
        {"age", "{\"maximumAge\":\"30\"}", "/maximumAge", "expected a string such as"},
        {"age of another type", "{\"degradedAfter\":60}", "/degradedAfter",
         "expected a string such as"},
        {"proxy section", "{\"proxy\":[]}", "/proxy", "expected an object"},
        {"apis", "{\"apis\":[]}", "/apis", "expected an object"},
        {"API instance", "{\"apis\":{\"a\":[]}}", "/apis/a", "expected an object"},
        {"nameless API instance", "{\"apis\":{\"\":{}}}", "/apis/", "the name of an API instance"},
        {"open without saying so", "{\"apis\":{\"a\":{}}}", "/apis/a", "\"policies\" is missing"},
        {"API key", API("\"SOAP\":\"1.1\""), "/apis/a/SOAP", "unknown key, did you mean \"soap\""},
        {"soap", API("\"soap\":\"1.0\""), "/apis/a/soap", "expected one of \"1.1\", \"1.2\""},
        {"soap with answers", API("\"soap\":\"1.1\",\"answers\":\"json\""), "/apis/a/answers",
         "a SOAP API instance answers with faults"},
        {"preflight", API("\"allowPreflight\":1"), "/apis/a/allowPreflight",
         "expected true or false"},
        {"strip", API("\"stripCredentials\":false"), "/apis/a/stripCredentials",
         "expected one of \"default\", \"all\", \"none\""},
        {"status", API("\"noContractStatus\":402"), "/apis/a/noContractStatus",
         "expected 401 or 403"},
        {"other status", API("\"noContractStatus\":404"), "/apis/a/noContractStatus",
         "expected an integer"},
        {"generation", API("\"headers\":\"draft-10\""), "/apis/a/headers", "expected one of"},
        {"answers", API("\"answers\":\"xml\""), "/apis/a/answers", "expected one of"},
        {"answers of another type", API("\"answers\":5"), "/apis/a/answers", "expected one of"},
        {"answers key", API("\"answers\":{\"body\":\"x\"}"), "/apis/a/answers/body", "unknown key"},
        {"header injection", API("\"answers\":{\"contentType\":\"a\\r\\nb\"}"),
         "/apis/a/answers/contentType", "expected up to 128 printable"},
        {"cap", API("\"caps\":{\"credentialBytes\":4097}"), "/apis/a/caps/credentialBytes",
         "expected an integer from 16 to 4096"},
        {"cap key", API("\"caps\":{\"query\":1}"), "/apis/a/caps/query", "unknown key"},
        {"policies", "{\"apis\":{\"a\":{\"policies\":{}}}}", "/apis/a/policies",
         "expected an array"},
        {"no policy", POLICIES("5"), "/apis/a/policies/0", "expected an object"},
        {"nameless policy", POLICIES("{}"), "/apis/a/policies/0", "expected \"policy\""},
        {"unknown policy", POLICIES("{\"policy\":\"cors\"}"), "/apis/a/policies/0/policy",
         "unknown policy; known are client-id-enforcement, "},
        {"unknown asset", POLICIES("{\"assetId\":\"jwt-validation\"}"),
         "/apis/a/policies/0/assetId", "unknown policy"},
        {"asset of another type", POLICIES("{\"assetId\":5}"), "/apis/a/policies/0/assetId",
         "unknown policy"},
        {"numbers name no policy", POLICIES("{\"policyTemplateId\":\"307\",\"policyId\":5}"),
         "/apis/a/policies/0", "expected \"policy\""},
        {"second policy",
         POLICIES("{\"policy\":\"client-id-enforcement\"},{\"policy\":\"rate-limiting\"}"),
         "/apis/a/policies/1", "\"limits\" is missing"},
        {"misspelt", EXPORTED("client-id-enforcement", "\"clientIdExpresion\":\"x\""),
         "/apis/a/policies/0/configurationData/clientIdExpresion",
         "unknown key, did you mean \"clientIdExpression\""},
        {"key of another policy", EXPORTED("client-id-enforcement", "\"rateLimits\":[]"),
         "/apis/a/policies/0/configurationData/rateLimits", "this key does not apply here"},
        {"short key of another policy", CIE_IN("\"limits\":[\"1/s\"]"), "/apis/a/policies/0/limits",
         "this key does not apply here"},
        {"short key in the exported form",
         POLICIES("{\"assetId\":\"rate-limiting\",\"limits\":[\"1/s\"]}"),
         "/apis/a/policies/0/limits", "unknown key"},
        {"no configuration", POLICIES("{\"assetId\":\"spike-control\"}"), "/apis/a/policies/0",
         "\"configurationData\" is missing"},
        {"two configurations",
         POLICIES("{\"assetId\":\"spike-control\",\"configuration\":{},\"config\":{}}"),
         "/apis/a/policies/0/config", "given twice, also as \"configuration\""},
        {"configuration of another type",
         POLICIES("{\"assetId\":\"spike-control\",\"configuration\":[]}"),
         "/apis/a/policies/0/configuration", "expected an object"},
        {"expression", CIE_IN("\"id\":\"#[vars.x]\""), "/apis/a/policies/0/id",
         "expression, at offset 2"},
        {"short expression", CIE_IN("\"id\":\"cookie:x\""), "/apis/a/policies/0/id",
         "expression, at offset"},
        {"expression of another type", CIE_IN("\"id\":5"), "/apis/a/policies/0/id",
         "expected a string"},
        {"blank id", CIE_IN("\"id\":\" \""), "/apis/a/policies/0/id", "expected an expression"},
        {"secret without id", CIE_IN("\"secret\":\"header:s\""), "/apis/a/policies/0/secret",
         "needs \"id\""},
        {"no secret without id", CIE_IN("\"secret\":\"\""), "/apis/a/policies/0/secret",
         "needs \"id\""},
        {"id as secret", CIE_IN("\"id\":\"header:x\",\"secret\":\"header:X\""),
         "/apis/a/policies/0/secret", "client id and secret are read from the same place"},
        {"id as secret by MEL", CIE_IN("\"id\":\"any:x\",\"secret\":\"query:x\""),
         "/apis/a/policies/0/secret", "client id and secret are read from the same place"},
        {"id as secret by MEL, the other way", CIE_IN("\"id\":\"header:x\",\"secret\":\"any:x\""),
         "/apis/a/policies/0/secret", "client id and secret are read from the same place"},
        {"both sources without secret", CIE_IN("\"basic\":true,\"id\":\"query:x\""),
         "/apis/a/policies/0/secret", "needed when \"id\" stands beside"},
        {"realm without Basic", CIE_IN("\"realm\":\"x\""), "/apis/a/policies/0/realm",
         "only with \"basic\": true"},
        {"urldecode without Basic", CIE_IN("\"urldecode\":true"), "/apis/a/policies/0/urldecode",
         "only with"},
        {"quote in the realm", CIE_IN("\"basic\":true,\"realm\":\"a\\\"b\""),
         "/apis/a/policies/0/realm", "expected up to 64 printable"},
        {"line feed in the realm", CIE_IN("\"basic\":true,\"realm\":\"a\\nb\""),
         "/apis/a/policies/0/realm", "expected up to 64 printable"},
        {"plus", CIE_IN("\"plus\":\"+\""), "/apis/a/policies/0/plus", "expected one of"},
        {"origin",
         EXPORTED("client-id-enforcement",
                  "\"credentialsOriginHasHttpBasicAuthenticationHeader\":true"),
         "/apis/a/policies/0/configurationData/credentialsOriginHasHttpBasicAuthenticationHeader",
         "expected one of \"customExpression\""},
        {"two origins",
         EXPORTED("client-id-enforcement",
                  "\"credentialsOriginHasHttpBasicAuthenticationHeader\":\"customExpression\","
                  "\"credentialsOrigin\":\"customExpression\""),
         "/apis/a/policies/0/configurationData/credentialsOrigin", "given twice"},
        {"order", CIE_IN("\"order\":\"1\""), "/apis/a/policies/0/order", "expected an integer"},
        {"disabled", CIE_IN("\"disabled\":\"yes\""), "/apis/a/policies/0/disabled",
         "expected true or false"},
        {"mode", CIE_IN("\"mode\":\"dry\""), "/apis/a/policies/0/mode", "expected one of"},
        {"name", CIE_IN("\"name\":\"a b\""), "/apis/a/policies/0/name", "expected 1 to 64 letters"},
        {"disabled ones are checked", CIE_IN("\"disabled\":true,\"mode\":\"x\""),
         "/apis/a/policies/0/mode", "expected one of"},
        {"no limits", RL_IN("\"limits\":[]"), "/apis/a/policies/0/limits",
         "expected an array of 1 to 16 limits"},
        {"limits of another type", RL_IN("\"limits\":\"1/s\""), "/apis/a/policies/0/limits",
         "expected an array"},
        {"limit", RL_IN("\"limits\":[\"1/s\",\"x\"]"), "/apis/a/policies/0/limits/1",
         "expected a limit such as"},
        {"two limits of one period", RL_IN("\"limits\":[\"1/1m\",\"2/60s\"]"),
         "/apis/a/policies/0/limits/1", "another limit of this policy has the same period"},
        {"rate that no cell can keep", RL_IN("\"limits\":[\"1001/1ms\"]"),
         "/apis/a/policies/0/limits/0", "1001 requests in 1 ms are more than"},
        {"burst of a window", RL_IN("\"limits\":[\"1/s\"],\"burst\":5"), "/apis/a/policies/0/burst",
         "only \"token-bucket\" has a burst"},
        {"algorithm", RL_IN("\"limits\":[\"1/s\"],\"algorithm\":\"leaky\""),
         "/apis/a/policies/0/algorithm", "expected one of \"fixed-window\""},
        {"key", RL_IN("\"limits\":[\"1/s\"],\"key\":\"x\""), "/apis/a/policies/0/key",
         "expression, at offset"},
        {"exported limits", EXPORTED("rate-limiting", "\"rateLimits\":[5]"),
         "/apis/a/policies/0/configurationData/rateLimits/0", "expected an object"},
        {"exported limit key", EXPORTED("rate-limiting", "\"rateLimits\":[{\"maximum\":5}]"),
         "/apis/a/policies/0/configurationData/rateLimits/0/maximum", "unknown key"},
        {"half a limit", EXPORTED("rate-limiting", "\"rateLimits\":[{\"maximumRequests\":5}]"),
         "/apis/a/policies/0/configurationData/rateLimits/0", "expected \"maximumRequests\" and"},
        {"limit of nothing",
         EXPORTED("rate-limiting",
                  "\"rateLimits\":[{\"maximumRequests\":0,\"timePeriodInMilliseconds\":1}]"),
         "/apis/a/policies/0/configurationData/rateLimits/0/maximumRequests",
         "expected an integer from 1"},
        {"exported limits missing", EXPORTED("rate-limiting", ""),
         "/apis/a/policies/0/configurationData", "\"rateLimits\" is missing"},
        {"spike without limit", POLICIES("{\"policy\":\"spike-control\"}"), "/apis/a/policies/0",
         "\"limit\" is missing"},
        {"spike limit", POLICIES("{\"policy\":\"spike-control\",\"limit\":5}"),
         "/apis/a/policies/0/limit", "expected a limit such as"},
        {"exported spike limit", EXPORTED("spike-control", "\"maximumRequests\":1000000000"),
         "/apis/a/policies/0/configurationData", "1000000000 requests in 1000 ms are more than"},
        {"delay", POLICIES("{\"policy\":\"spike-control\",\"limit\":\"1/s\",\"delay\":500}"),
         "/apis/a/policies/0/delay", "expected a string such as"},
        {"delay of nothing",
         POLICIES("{\"policy\":\"spike-control\",\"limit\":\"1/s\",\"delay\":\"0\"}"),
         "/apis/a/policies/0/delay", "expected a delay above zero"},
        {"delay of days",
         POLICIES("{\"policy\":\"spike-control\",\"limit\":\"1/s\",\"delay\":\"1d\"}"),
         "/apis/a/policies/0/delay", "expected a delay above zero"},
        {"exported delay of nothing", EXPORTED("spike-control", "\"delayTimeInMillis\":0"),
         "/apis/a/policies/0/configurationData/delayTimeInMillis", "expected a delay above zero"},
        {"clusterizable", EXPORTED("spike-control", "\"clusterizable\":\"x\""),
         "/apis/a/policies/0/configurationData/clusterizable", "expected true or false"},
        {"match", CIE_IN("\"match\":{}"), "/apis/a/policies/0/match", "expected an array"},
        {"match entry", CIE_IN("\"match\":[5]"), "/apis/a/policies/0/match/0",
         "expected an object"},
        {"match of everything", CIE_IN("\"match\":[{}]"), "/apis/a/policies/0/match/0",
         "expected \"method\", \"path\" or both"},
        {"match key", CIE_IN("\"match\":[{\"uri\":\"/\"}]"), "/apis/a/policies/0/match/0/uri",
         "unknown key"},
        {"exported match key in the short form", CIE_IN("\"match\":[{\"methodRegex\":\"x\"}]"),
         "/apis/a/policies/0/match/0/methodRegex", "unknown key"},
        {"regex", CIE_IN("\"match\":[{\"path\":\"/a\"},{\"path\":\"/(\"}]"),
         "/apis/a/policies/0/match/1/path", "regular expression, at offset 2: missing closing"},
        {"method regex", CIE_IN("\"match\":[{\"method\":\"[\"}]"),
         "/apis/a/policies/0/match/0/method", "regular expression, at offset 1"},
        {"placeholder", CIE_IN("\"match\":[{\"path\":\"/a/{id}\"}]"),
         "/apis/a/policies/0/match/0/path", "regular expression, at offset 3: '{' is no"},
        {"regex of another type", CIE_IN("\"match\":[{\"path\":5}]"),
         "/apis/a/policies/0/match/0/path", "expected a string"},
        {"two policies of one name",
         POLICIES("{\"policy\":\"client-id-enforcement\",\"name\":\"x\"},"
                  "{\"policy\":\"client-id-enforcement\",\"name\":\"x\"}"),
         "/apis/a/policies/1/name", "another policy of this API instance is named \"x\""},
        {"a name that another gets by itself",
         POLICIES("{\"policy\":\"spike-control\",\"limit\":\"1/s\",\"name\":"
                  "\"client-id-enforcement\"},{\"policy\":\"client-id-enforcement\"}"),
         "/apis/a/policies/1/name", "another policy of this API instance is named"},
    };
    struct world w;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int rv = parse(&w, rows[i].json);

        if (rv != CLIENTID_ERR_CONFIG || w.error.code != rv || w.error.line != 0 ||
            strcmp(w.error.pointer, rows[i].pointer) != 0 ||
            strncmp(w.error.text, rows[i].text, strlen(rows[i].text)) != 0)
            fail_msg("%s: %d at \"%s\": %s", rows[i].name, rv, w.error.pointer, w.error.text);
        assert_string_equal(w.error.file, "test.json");
        assert_null(w.config);
        end(&w);
    }
}

/* Entries of an array, |entry| again and again; the caller makes each differ where it must. */
static void repeat(char *out, size_t room, const char *entry, size_t count)
{
    size_t len = 0;

    out[0] = '\0';
    for (size_t i = 0; i < count; i++)
        len += (size_t)snprintf(out + len, room - len, "%s%s", i > 0 ? "," : "", entry);
}

static void test_too_many(void **state)
{
    static char entries[8192], json[9000];
    struct world w;

    (void)state;
    repeat(entries, sizeof(entries), "{\"policy\":\"client-id-enforcement\"}", 33);
    snprintf(json, sizeof(json), POLICIES("%s"), entries);
    assert_int_equal(parse(&w, json), CLIENTID_ERR_CONFIG);
    assert_string_equal(w.error.text, "more than 32 policies");
    end(&w);
    repeat(entries, sizeof(entries), "{\"policy\":\"client-id-enforcement\"}", 32);
    snprintf(json, sizeof(json), POLICIES("%s"), entries);
    assert_int_equal(parse(&w, json), 0);
    assert_int_equal(w.config->apis[0].chain->policy_count, 32);
    assert_int_equal(w.config->apis[0].chain->spec_count, 1);
    assert_true(str_is(w.config->apis[0].chain->policies[31].label, "client-id-enforcement-32"));
    end(&w);
    repeat(entries, sizeof(entries), "{\"path\":\"/x\"}", 33);
    snprintf(json, sizeof(json), CIE_IN("\"match\":[%s]"), entries);
    assert_int_equal(parse(&w, json), CLIENTID_ERR_CONFIG);
    assert_string_equal(w.error.pointer, "/apis/a/policies/0/match");
    end(&w);
    /* 17 limits that every request would be charged; a pointcut or "disabled" makes it possible. */
    repeat(entries, sizeof(entries), "{\"policy\":\"spike-control\",\"limit\":\"1/s\"}", 17);
    snprintf(json, sizeof(json), POLICIES("%s"), entries);
    assert_int_equal(parse(&w, json), CLIENTID_ERR_CONFIG);
    assert_string_equal(w.error.pointer, "/apis/a/policies");
    assert_string_equal(w.error.text, "17 limits apply to every request, 16 are possible");
    end(&w);
    repeat(entries, sizeof(entries), "{\"policy\":\"spike-control\",\"limit\":\"1/s\"}", 16);
    snprintf(json, sizeof(json),
             POLICIES("%s,{\"policy\":\"spike-control\",\"limit\":\"1/s\",\"disabled\":true},"
                      "{\"policy\":\"spike-control\",\"limit\":\"1/s\",\"match\":[{\"path\":\"/x\"}"
                      "]}"),
             entries);
    assert_int_equal(parse(&w, json), 0);
    end(&w);
}

/* ---- policies -------------------------------------------------------------------------------- */

static void test_exported_cie(void **state)
{
    const struct clientid__chain *chain;
    struct world w;

    (void)state;
    /* As API Manager exports one, with all of its envelope. */
    chain = chain_of(
        &w, POLICIES("{\"policyTemplateId\":\"289307\",\"order\":2,\"pointcutData\":null,"
                     "\"disabled\":false,\"type\":\"system\",\"policyId\":6198311,\"id\":5,"
                     "\"configuration\":{\"credentialsOriginHasHttpBasicAuthenticationHeader\":"
                     "\"customExpression\",\"clientIdExpression\":"
                     "\"#[attributes.headers['client_id']]\",\"clientSecretExpression\":"
                     "\"#[attributes.headers['client_secret']]\"},"
                     "\"template\":{\"groupId\":\"68ef9520-24e9-4cf2-b2f5-620025690913\","
                     "\"assetId\":\"client-id-enforcement\",\"assetVersion\":\"1.3.3\"},"
                     "\"groupId\":\"g\",\"assetVersion\":\"1\",\"apiId\":7,\"apiVersionId\":8,"
                     "\"api\":[{\"id\":1}],\"organizationId\":\"o\",\"environmentId\":\"e\","
                     "\"masterOrganizationId\":\"m\",\"implementationAsset\":{},"
                     "\"implementationAssets\":[],\"version\":1733730272393,"
                     "\"audit\":{\"created\":{\"date\":\"2024-01-01\"},\"updated\":{}}}"));
    assert_int_equal(chain->policy_count, 1);
    assert_int_equal(chain->policies[0].type, CLIENTID__CLIENT_ID_ENFORCEMENT);
    assert_true(str_is(chain->policies[0].label, "client-id-enforcement"));
    assert_int_equal(chain->policies[0].order, 2);
    assert_true(chain->policies[0].needs_contract && chain->policies[0].needs_secret);
    assert_int_equal(chain->policies[0].pointcut_count, 0);
    assert_int_equal(chain->specs[0].flags, CLIENTID__SPEC_EXPRESSIONS);
    assert_true(expression_is(&chain->specs[0].id, CLIENTID__HEADER, "client_id"));
    assert_true(expression_is(&chain->specs[0].secret, CLIENTID__HEADER, "client_secret"));
    assert_int_equal(chain->wants, CLIENTID_WANTS_HEADERS);
    assert_int_equal(w.warnings.count, 0);
    end(&w);
}

/* Without a secret expression only the id counts; without an id expression it is the documented header. */
static void test_exported_defaults(void **state)
{
    static const char *const configurations[] = {
        "", "\"clientSecretExpression\":\"\"", "\"clientSecretExpression\":\" \\t\"",
        "\"clientSecretExpression\":null", "\"clientIdExpression\":null"};
    struct world w;

    (void)state;
    for (size_t i = 0; i < sizeof(configurations) / sizeof(configurations[0]); i++) {
        char json[256];
        const struct clientid__chain *chain;

        snprintf(json, sizeof(json), EXPORTED("client-id-enforcement", "%s"), configurations[i]);
        chain = chain_of(&w, json);
        assert_true(chain->policies[0].needs_contract);
        assert_false(chain->policies[0].needs_secret);
        assert_true(expression_is(&chain->specs[0].id, CLIENTID__HEADER, "client_id"));
        assert_int_equal(chain->specs[0].secret.carrier, CLIENTID__NOWHERE);
        end(&w);
    }
}

static void test_asset_names(void **state)
{
    static const char *const policies[] = {
        "{\"assetId\":\"client-id-enforcement\",\"config\":{}}",
        "{\"assetId\":\"client-id-enforcement-mule\",\"config\":{}}",
        "{\"assetId\":\"client-id-enforcement-flex\",\"config\":{}}",
        "{\"template\":{\"assetId\":\"client-id-enforcement\"},\"configurationData\":{}}",
        "{\"policyTemplateId\":\"client-id-enforcement\",\"configurationData\":{}}",
        "{\"policyId\":\"client-id-enforcement\",\"policyTemplateId\":7,\"configuration\":{}}",
        "{\"assetId\":\"client-id-enforcement\",\"policyTemplateId\":\"307\",\"config\":{}}",
        "{\"policy\":\"client-id-enforcement-mule\"}",
        "{\"policy\":\"client-id-enforcement\"}",
    };
    struct world w;

    (void)state;
    for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
        char json[256];
        const struct clientid__chain *chain;

        snprintf(json, sizeof(json), POLICIES("%s"), policies[i]);
        chain = chain_of(&w, json);
        assert_int_equal(chain->policies[0].type, CLIENTID__CLIENT_ID_ENFORCEMENT);
        assert_true(str_is(chain->policies[0].label, "client-id-enforcement"));
        end(&w);
    }
}

/* In Basic mode the expressions are ignored, whatever they say. */
static void test_basic(void **state)
{
    static const char *const policies[] = {
        ("{\"assetId\":\"client-id-enforcement\",\"config\":{"
         "\"credentialsOriginHasHttpBasicAuthenticationHeader\":\"httpBasicAuthenticationHeader\","
         "\"clientIdExpression\":\"#[whatever]\"}}"),
        ("{\"assetId\":\"client-id-enforcement\",\"config\":{"
         "\"credentialsOrigin\":\"httpAuthorizationHeader\"}}"),
        "{\"policy\":\"client-id-enforcement\",\"basic\":true}",
    };
    const struct clientid__chain *chain;
    struct world w;

    (void)state;
    for (size_t i = 0; i < sizeof(policies) / sizeof(policies[0]); i++) {
        char json[512];

        snprintf(json, sizeof(json), POLICIES("%s"), policies[i]);
        chain = chain_of(&w, json);
        assert_int_equal(chain->specs[0].flags, CLIENTID__SPEC_BASIC);
        assert_int_equal(chain->specs[0].id.carrier, CLIENTID__NOWHERE);
        assert_true(chain->policies[0].needs_secret);
        assert_true(chain->answers->basic);
        assert_true(str_is(chain->answers->realm, "mule-realm"));
        assert_int_equal(chain->wants, CLIENTID_WANTS_HEADERS);
        end(&w);
    }
    chain = chain_of(&w, CIE_IN("\"basic\":true,\"realm\":\"Orders API\",\"urldecode\":true,"
                                "\"unpadded\":true,\"plus\":\"literal\""));
    assert_int_equal(chain->specs[0].flags, CLIENTID__SPEC_BASIC | CLIENTID__SPEC_URLDECODE |
                                                CLIENTID__SPEC_UNPADDED | CLIENTID__SPEC_PLUS);
    assert_true(str_is(chain->answers->realm, "Orders API"));
    end(&w);
    chain = chain_of(&w, CIE_IN("\"basic\":true,\"id\":\"query:i\",\"secret\":\"form:s\""));
    assert_int_equal(chain->specs[0].flags, CLIENTID__SPEC_BASIC | CLIENTID__SPEC_EXPRESSIONS);
    assert_int_equal(chain->wants,
                     CLIENTID_WANTS_HEADERS | CLIENTID_WANTS_QUERY | CLIENTID_WANTS_BODY);
    end(&w);
}

static void test_short_credentials(void **state)
{
    const struct clientid__chain *chain;
    struct world w;

    (void)state;
    chain = chain_of(&w, POLICIES("{\"policy\":\"rate-limiting-sla-based\"}"));
    assert_true(expression_is(&chain->specs[0].id, CLIENTID__HEADER, "client_id"));
    assert_true(expression_is(&chain->specs[0].secret, CLIENTID__HEADER, "client_secret"));
    assert_true(chain->policies[0].needs_secret);
    end(&w);
    chain = chain_of(&w, CIE_IN("\"id\":\"query:client_id\""));
    assert_true(expression_is(&chain->specs[0].id, CLIENTID__QUERY, "client_id"));
    assert_false(chain->policies[0].needs_secret);
    assert_int_equal(chain->wants & CLIENTID_WANTS_QUERY, CLIENTID_WANTS_QUERY);
    end(&w);
    chain = chain_of(&w, CIE_IN("\"id\":\"#[message.inboundProperties['i']]\",\"secret\":\"\""));
    assert_true(expression_is(&chain->specs[0].id, CLIENTID__ANY, "i"));
    assert_false(chain->policies[0].needs_secret);
    assert_false(chain->answers->basic);
    end(&w);
}

static void test_rate_limiting(void **state)
{
    const struct clientid__chain *chain;
    const struct clientid__policy *policy;
    struct world w;

    (void)state;
    chain = chain_of(
        &w, EXPORTED("rate-limiting",
                     "\"rateLimits\":[{\"maximumRequests\":100,\"timePeriodInMilliseconds\":60000},"
                     "{\"maximumRequests\":5,\"timePeriodInMilliseconds\":1000}],"
                     "\"keySelector\":\"#[attributes.queryParams['user']]\","
                     "\"exposeHeaders\":true,\"clusterizable\":true"));
    policy = &chain->policies[0];
    assert_int_equal(policy->type, CLIENTID__RATE_LIMITING);
    assert_false(policy->needs_contract);
    assert_int_equal(chain->spec_count, 0);
    assert_int_equal(policy->algorithm, CLIENTID_FIXED_WINDOW);
    assert_int_equal(policy->rule_count, 2);
    assert_int_equal(policy->rules[0].maximum, 100);
    assert_int_equal(policy->rules[0].period_ns, 60000 * MS);
    assert_int_equal(policy->rules[1].maximum, 5);
    assert_true(expression_is(&policy->key, CLIENTID__QUERY, "user"));
    assert_int_equal(chain->wants, CLIENTID_WANTS_QUERY);
    assert_true(policy->expose_headers && chain->answers->expose_headers);
    assert_null(policy->queue);
    assert_int_equal(w.warnings.count, 1);
    assert_string_equal(w.warnings.last.pointer,
                        "/apis/a/policies/0/configurationData/clusterizable");
    assert_string_equal(w.warnings.last.file, "test.json");
    assert_int_equal(w.warnings.last.code, 0);
    end(&w);
    chain = chain_of(&w, RL_IN("\"limits\":[\"100/1m\",\"5/s\"],\"key\":\"header:X-User\","
                               "\"algorithm\":\"token-bucket\",\"burst\":10"));
    policy = &chain->policies[0];
    assert_int_equal(policy->algorithm, CLIENTID_TOKEN_BUCKET);
    assert_int_equal(policy->burst, 10);
    assert_int_equal(policy->rules[1].algorithm, CLIENTID_TOKEN_BUCKET);
    assert_int_equal(policy->rules[1].burst_ns, 10 * policy->rules[1].step_ns);
    assert_true(expression_is(&policy->key, CLIENTID__HEADER, "x-user"));
    assert_false(chain->answers->expose_headers);
    end(&w);
    chain = chain_of(&w, RL_IN("\"limits\":[\"1/s\"],\"key\":\"\",\"algorithm\":"
                               "\"sliding-window\""));
    assert_int_equal(chain->policies[0].key.carrier, CLIENTID__NOWHERE);
    assert_int_equal(chain->policies[0].algorithm, CLIENTID_SLIDING_WINDOW);
    end(&w);
}

static void test_spike_control(void **state)
{
    const struct clientid__policy *policy;
    struct world w;

    (void)state;
    policy = &chain_of(&w, EXPORTED("spike-control", ""))->policies[0];
    assert_int_equal(policy->algorithm, CLIENTID_SLIDING_WINDOW);
    assert_int_equal(policy->rule_count, 1);
    assert_int_equal(policy->rules[0].maximum, 1);
    assert_int_equal(policy->rules[0].period_ns, 1000 * MS);
    assert_int_equal(policy->delay_ns, 1000 * MS);
    assert_int_equal(policy->delay_attempts, 1);
    assert_int_equal(policy->queuing_limit, 0);
    assert_false(policy->expose_headers);
    assert_non_null(policy->queue);
    end(&w);
    policy =
        &chain_of(&w, POLICIES("{\"policy\":\"spike-control\",\"limit\":\"10/1s\",\"delay\":"
                               "\"500ms\",\"attempts\":2,\"queue\":20,\"exposeHeaders\":true}"))
             ->policies[0];
    assert_int_equal(policy->rules[0].maximum, 10);
    assert_int_equal(policy->delay_ns, 500 * MS);
    assert_int_equal(policy->delay_attempts, 2);
    assert_int_equal(policy->queuing_limit, 20);
    assert_true(policy->expose_headers);
    end(&w);
    policy = &chain_of(&w, EXPORTED("spike-control", "\"maximumRequests\":7,"
                                                     "\"timePeriodInMilliseconds\":250,"
                                                     "\"delayTimeInMillis\":0,\"delayAttempts\":0,"
                                                     "\"queuingLimit\":3"))
                  ->policies[0];
    assert_int_equal(policy->rules[0].maximum, 7);
    assert_int_equal(policy->rules[0].period_ns, 250 * MS);
    assert_int_equal(policy->delay_attempts, 0);
    assert_int_equal(policy->queuing_limit, 3);
    end(&w);
}

static void test_throttling(void **state)
{
    const struct clientid__policy *policy;
    struct world w;

    (void)state;
    policy = &chain_of(&w, EXPORTED("throttling-sla-based", ""))->policies[0];
    assert_int_equal(policy->type, CLIENTID__THROTTLING_SLA);
    assert_true(policy->needs_contract);
    assert_int_equal(policy->rule_count, 0);
    assert_int_equal(policy->algorithm, CLIENTID_FIXED_WINDOW);
    assert_int_equal(policy->delay_ns, 1000 * MS);
    assert_int_equal(policy->delay_attempts, 1);
    assert_int_equal(policy->queuing_limit, 1000);
    assert_non_null(policy->queue);
    end(&w);
    policy =
        &chain_of(&w, POLICIES("{\"policy\":\"throttling-sla-based\",\"id\":\"query:i\",\"delay\":"
                               "\"20ms\",\"algorithm\":\"token-bucket\",\"burst\":3}"))
             ->policies[0];
    assert_int_equal(policy->delay_ns, 20 * MS);
    assert_int_equal(policy->queuing_limit, 1000);
    assert_int_equal(policy->algorithm, CLIENTID_TOKEN_BUCKET);
    assert_int_equal(policy->burst, 3);
    end(&w);
}

static void test_pointcuts(void **state)
{
    struct clientid__match_data *data = clientid__match_data_new(&clientid__malloc);
    const struct clientid__chain *chain;
    char room[64];
    struct clientid__scratch scratch = {room, sizeof(room)};
    struct world w;

    (void)state;
    chain = chain_of(
        &w, POLICIES("{\"assetId\":\"client-id-enforcement\",\"config\":{},\"pointcutData\":"
                     "[{\"methodRegex\":\"GET|PUT\",\"uriTemplateRegex\":\"/api/v[0-9]+/.*\"},"
                     "{\"uriTemplateRegex\":\"/b\"}]},"
                     "{\"policy\":\"client-id-enforcement\",\"match\":[{\"method\":\"POST\"}]},"
                     "{\"policy\":\"client-id-enforcement\",\"match\":[]}"));
    assert_int_equal(chain->policies[0].pointcut_count, 2);
    assert_int_equal(clientid__chain_match(chain, data, CLIENTID_STR("GET"),
                                           CLIENTID_STR("/api/v12/x"), &scratch),
                     5);
    assert_int_equal(
        clientid__chain_match(chain, data, CLIENTID_STR("POST"), CLIENTID_STR("/b"), &scratch), 7);
    assert_int_equal(
        clientid__chain_match(chain, data, CLIENTID_STR("POST"), CLIENTID_STR("/c"), &scratch), 6);
    assert_int_equal(w.warnings.count, 0);
    end(&w);
    clientid__match_data_del(data);
    chain_of(&w, CIE_IN("\"match\":[{\"path\":\"/a%20b\"}]"));
    assert_int_equal(w.warnings.count, 1);
    assert_string_equal(w.warnings.last.pointer, "/apis/a/policies/0/match/0/path");
    end(&w);
}

/* ---- the chain ------------------------------------------------------------------------------- */

static void test_order(void **state)
{
    const struct clientid__chain *chain;
    struct world w;

    (void)state;
    chain = chain_of(
        &w, POLICIES("{\"policy\":\"client-id-enforcement\",\"name\":\"e\",\"order\":5},"
                     "{\"policy\":\"client-id-enforcement\",\"name\":\"b\",\"order\":2},"
                     "{\"policy\":\"client-id-enforcement\",\"name\":\"x\",\"disabled\":true},"
                     "{\"policy\":\"client-id-enforcement\",\"name\":\"c\",\"order\":2},"
                     "{\"policy\":\"client-id-enforcement\",\"name\":\"a\"},"
                     "{\"policy\":\"client-id-enforcement\",\"name\":\"d\",\"order\":2}"));
    assert_int_equal(chain->policy_count, 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(chain->policies[i].label.ptr[0], "abcde"[i]);
    end(&w);
}

static void test_labels(void **state)
{
    const struct clientid__chain *chain;
    struct world w;
    uint64_t identity;

    (void)state;
    chain = chain_of(&w, POLICIES("{\"policy\":\"rate-limiting\",\"limits\":[\"1/s\"]},"
                                  "{\"policy\":\"client-id-enforcement\"},"
                                  "{\"policy\":\"rate-limiting\",\"limits\":[\"1/s\"],"
                                  "\"disabled\":true},"
                                  "{\"policy\":\"rate-limiting\",\"limits\":[\"1/s\"]},"
                                  "{\"policy\":\"rate-limiting\",\"limits\":[\"1/s\"],\"name\":"
                                  "\"Peak_1.5\"}"));
    assert_true(str_is(chain->policies[0].label, "rate-limiting"));
    assert_true(str_is(chain->policies[1].label, "client-id-enforcement"));
    /* The disabled one has its number, so that enabling it moves nobody's quota. */
    assert_true(str_is(chain->policies[2].label, "rate-limiting-3"));
    assert_true(str_is(chain->policies[3].label, "Peak_1.5"));
    identity = chain->policies[0].identity;
    assert_int_not_equal(identity, chain->policies[2].identity);
    /* Cells are found by rules of equal limits only if the policies differ. */
    assert_int_not_equal(chain->policies[0].rules[0].salt[0], chain->policies[2].rules[0].salt[0]);
    end(&w);
    /* The same in every process and version: quota in a file depends on it. */
    chain = chain_of(&w, RL_IN("\"limits\":[\"9/d\"]"));
    assert_int_equal(chain->policies[0].identity, identity);
    assert_int_equal(identity, UINT64_C(0xda24eab64ed2d79d));
    end(&w);
}

static void test_shared_extraction(void **state)
{
    const struct clientid__chain *chain;
    struct world w;

    (void)state;
    chain = chain_of(
        &w, POLICIES("{\"policy\":\"client-id-enforcement\"},"
                     "{\"policy\":\"rate-limiting-sla-based\",\"id\":\"header:Client_Id\","
                     "\"secret\":\"header:client_secret\"},"
                     "{\"policy\":\"throttling-sla-based\",\"id\":\"header:client_id\"},"
                     "{\"policy\":\"client-id-enforcement\",\"plus\":\"literal\"},"
                     "{\"policy\":\"client-id-enforcement\",\"id\":\"query:client_id\",\"secret\":"
                     "\"header:client_secret\"}"));
    assert_int_equal(chain->spec_count, 4);
    assert_int_equal(chain->policies[0].spec, 0);
    assert_int_equal(chain->policies[1].spec, 0);
    assert_int_equal(chain->policies[2].spec, 1);
    assert_int_equal(chain->policies[3].spec, 2);
    assert_int_equal(chain->policies[4].spec, 3);
    end(&w);
}

static bool names_are(const clientid_str *names, size_t count, const char *expected)
{
    char all[256] = "";
    size_t len = 0;

    for (size_t i = 0; i < count; i++)
        len += (size_t)snprintf(all + len, sizeof(all) - len, "%s%.*s", i > 0 ? " " : "",
                                (int)names[i].len, names[i].ptr);
    return strcmp(all, expected) == 0;
}

static void test_stripping(void **state)
{
    static const struct {
        const char *name, *strip, *policies, *query, *headers;
    } rows[] = {
        {"headers", "default", "{\"policy\":\"client-id-enforcement\"}", "", "client_secret"},
        {"headers, all", "all", "{\"policy\":\"client-id-enforcement\"}", "",
         "client_secret client_id"},
        {"headers, none", "none", "{\"policy\":\"client-id-enforcement\"}", "", ""},
        {"query", "default",
         "{\"policy\":\"client-id-enforcement\",\"id\":\"query:i\",\"secret\":\"query:s\"}", "i s",
         ""},
        {"query, none", "none", "{\"policy\":\"client-id-enforcement\",\"id\":\"query:i\"}", "",
         ""},
        {"Basic", "default", "{\"policy\":\"client-id-enforcement\",\"basic\":true}", "",
         "authorization"},
        {"Basic and query", "default",
         "{\"policy\":\"client-id-enforcement\",\"basic\":true,\"id\":\"query:i\",\"secret\":"
         "\"header:s\"}",
         "i", "authorization s"},
        {"MEL", "default",
         "{\"policy\":\"client-id-enforcement\",\"id\":\"any:i\",\"secret\":\"any:s\"}", "i s",
         "s"},
        {"MEL, all", "all",
         "{\"policy\":\"client-id-enforcement\",\"id\":\"any:i\",\"secret\":\"any:s\"}", "i s",
         "s i"},
        {"body", "all",
         "{\"policy\":\"client-id-enforcement\",\"id\":\"form:i\",\"secret\":\"form:s\"}", "", ""},
        {"key selectors are no credentials", "all",
         "{\"policy\":\"rate-limiting\",\"limits\":[\"1/s\"],\"key\":\"query:user\"}", "", ""},
        {"shadow mode too", "default",
         "{\"policy\":\"client-id-enforcement\",\"id\":\"query:i\",\"mode\":\"shadow\"}", "i", ""},
        {"disabled ones not", "default",
         "{\"policy\":\"client-id-enforcement\",\"id\":\"query:i\",\"disabled\":true}", "", ""},
        {"each name once", "default",
         "{\"policy\":\"client-id-enforcement\"},{\"policy\":\"rate-limiting-sla-based\"},"
         "{\"policy\":\"throttling-sla-based\",\"id\":\"query:i\",\"secret\":"
         "\"header:client_secret\"}",
         "i", "client_secret"},
    };
    struct world w;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char json[512];
        const struct clientid__answers *answers;

        snprintf(json, sizeof(json),
                 "{\"apis\":{\"a\":{\"stripCredentials\":\"%s\",\"policies\":[%s]}}}",
                 rows[i].strip, rows[i].policies);
        answers = chain_of(&w, json)->answers;
        if (!names_are(answers->strip_query, answers->strip_query_count, rows[i].query) ||
            !names_are(answers->strip_headers, answers->strip_header_count, rows[i].headers))
            fail_msg("%s", rows[i].name);
        end(&w);
    }
}

static void test_api(void **state)
{
    const struct clientid__chain *chain;
    struct world w;

    (void)state;
    chain = chain_of(&w, API("\"soap\":\"1.2\",\"allowPreflight\":true,\"noContractStatus\":403,"
                             "\"headers\":\"draft-11\",\"caps\":{\"credentialBytes\":64,"
                             "\"queryBytes\":1024,\"parameters\":9,\"bodyBytes\":100}"));
    assert_true(chain->allow_preflight);
    assert_int_equal(chain->answers->soap, CLIENTID__SOAP_1_2);
    assert_int_equal(chain->answers->contract_status, 403);
    assert_int_equal(chain->answers->generation, CLIENTID__HEADERS_DRAFT_11);
    assert_int_equal(chain->caps.credential_bytes, 64);
    assert_int_equal(chain->caps.query_bytes, 1024);
    assert_int_equal(chain->caps.params, 9);
    assert_int_equal(chain->caps.body_bytes, 100);
    end(&w);
    chain = chain_of(&w, API("\"soap\":\"1.1\",\"headers\":\"draft-03\""));
    assert_int_equal(chain->answers->soap, CLIENTID__SOAP_1_1);
    assert_int_equal(chain->answers->generation, CLIENTID__HEADERS_DRAFT_03);
    end(&w);
    chain = chain_of(&w, API("\"answers\":\"problem\""));
    assert_int_equal(chain->answers->format, CLIENTID__BODY_PROBLEM);
    assert_int_equal(chain->answers->contract_status, 401);
    assert_int_equal(chain->caps.credential_bytes, 512);
    assert_int_equal(chain->caps.query_bytes, 8192);
    assert_int_equal(chain->caps.params, 256);
    assert_int_equal(chain->caps.body_bytes, 65536);
    assert_false(chain->allow_preflight);
    end(&w);
    chain = chain_of(&w, API("\"answers\":{\"contentType\":\"text/plain\",\"missing\":\"m\","
                             "\"failed\":\"f\",\"quota\":\"q\",\"unavailable\":\"u\"}"));
    assert_int_equal(chain->answers->format, CLIENTID__BODY_CUSTOM);
    assert_true(str_is(chain->answers->content_type, "text/plain"));
    assert_true(str_is(chain->answers->body_missing, "m"));
    assert_true(str_is(chain->answers->body_failed, "f"));
    assert_true(str_is(chain->answers->body_quota, "q"));
    assert_true(str_is(chain->answers->body_unavailable, "u"));
    end(&w);
}

/* The challenge is that of the first policy in force that asks for credentials. */
static void test_challenge(void **state)
{
    const struct clientid__chain *chain;
    struct world w;

    (void)state;
    chain = chain_of(
        &w,
        POLICIES("{\"policy\":\"client-id-enforcement\",\"order\":2},"
                 "{\"policy\":\"client-id-enforcement\",\"basic\":true,\"realm\":\"r\",\"order\""
                 ":1},{\"policy\":\"rate-limiting\",\"limits\":[\"1/s\"]}"));
    assert_true(chain->answers->basic);
    assert_true(str_is(chain->answers->realm, "r"));
    end(&w);
    chain = chain_of(
        &w, POLICIES("{\"policy\":\"client-id-enforcement\",\"basic\":true,\"disabled\":true},"
                     "{\"policy\":\"client-id-enforcement\"},"
                     "{\"policy\":\"client-id-enforcement\",\"basic\":true}"));
    assert_false(chain->answers->basic);
    end(&w);
}

/* What outlives a configuration is the same object in the next one. */
static void test_reload(void **state)
{
    static const char json[] =
        POLICIES("{\"policy\":\"spike-control\",\"limit\":\"1/s\",\"queue\":5}");
    struct clientid__config *next = NULL;
    const struct clientid__chain *one, *other;
    struct world w;

    (void)state;
    one = chain_of(&w, json);
    assert_int_equal(clientid__config_parse(&next, &clientid__malloc, w.pool, clientid__cstr(json),
                                            NULL, NULL, NULL, NULL),
                     0);
    other = next->apis[0].chain;
    assert_ptr_equal(one->policies[0].queue, other->policies[0].queue);
    assert_ptr_equal(one->policies[0].label.ptr, other->policies[0].label.ptr);
    assert_ptr_equal(one->answers, other->answers);
    clientid__config_del(next);
    end(&w);
}

static void test_chain_taken_out(void **state)
{
    struct clientid__chain *chain;
    struct world w;

    (void)state;
    chain_of(&w, CIE_IN("\"match\":[{\"path\":\"/v[1]\"}]"));
    chain = w.config->apis[0].chain;
    w.config->apis[0].chain = NULL;
    clientid__config_del(w.config);
    w.config = NULL;
    assert_int_equal(chain->policy_count, 1);
    clientid__chain_del(&clientid__malloc, chain);
    clientid__chain_del(&clientid__malloc, NULL);
    clientid__config_del(NULL);
    end(&w);
}

/* Nobody listens: neither error nor warnings. */
static void test_silent(void **state)
{
    static const char *const rows[] = {"{",
                                       "[]",
                                       "{\"x\":1}",
                                       CIE_IN("\"match\":[{\"path\":\"(\"}]"),
                                       CIE_IN("\"id\":\"x\""),
                                       RL_IN("\"limits\":[\"1001/ms\"]")};
    struct world w;

    (void)state;
    assert_int_equal(parse(&w, "{}"), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct clientid__config *config = NULL;

        assert_int_not_equal(clientid__config_parse(&config, &clientid__malloc, w.pool,
                                                    clientid__cstr(rows[i]), NULL, NULL, NULL,
                                                    NULL),
                             0);
    }
    end(&w);
    w = (struct world){.config = NULL};
    assert_int_equal(clientid__pool_new(&w.pool, &clientid__malloc), 0);
    assert_int_equal(
        clientid__config_parse(&w.config, &clientid__malloc, w.pool,
                               clientid__cstr(EXPORTED("spike-control", "\"clusterizable\":true")),
                               NULL, NULL, NULL, NULL),
        0);
    end(&w);
}

/* A pointer longer than its room is cut, not overrun. */
static void test_long_pointer(void **state)
{
    char json[600], key[400];
    struct world w;

    (void)state;
    memset(key, '/', sizeof(key) - 1);
    key[sizeof(key) - 1] = '\0';
    snprintf(json, sizeof(json), "{\"%s\":1}", key);
    assert_int_equal(parse(&w, json), CLIENTID_ERR_CONFIG);
    assert_int_equal(strlen(w.error.pointer), sizeof(w.error.pointer) - 1);
    end(&w);
}

static void test_no_memory(void **state)
{
    static const char json[] =
        "{\"store\":\"s\",\"state\":\"t\",\"pepper\":{\"env\":\"P\"},\"limits\":{\"file\":\"l\"},"
        "\"apis\":{\"a\":{\"answers\":{\"missing\":\"m\"},\"policies\":["
        "{\"policy\":\"client-id-enforcement\",\"match\":[{\"method\":\"GET\",\"path\":\"/v[1]\"}]}"
        ",{\"policy\":\"throttling-sla-based\",\"id\":\"query:i\"},"
        "{\"policy\":\"rate-limiting\",\"limits\":[\"1/s\",\"2/m\"],\"disabled\":true},"
        "{\"policy\":\"spike-control\",\"limit\":\"1/s\"}]},\"b\":{\"policies\":[]}}}";
    struct support_alloc a;
    size_t failures = 0;

    (void)state;
    for (size_t nth = 1;; nth++) {
        struct clientid__config *config = NULL;
        struct clientid__pool *pool = NULL;
        clientid_error error = {.code = 0};
        int rv;

        support_alloc_init(&a);
        assert_int_equal(clientid__pool_new(&pool, &a.allocator), 0);
        a.fail_at = a.calls + nth;
        rv = clientid__config_parse(&config, &a.allocator, pool, clientid__cstr(json), "x", NULL,
                                    NULL, &error);
        if (rv != 0) {
            failures++;
            assert_int_equal(rv, CLIENTID_ERR_NOMEM);
            assert_int_equal(error.code, CLIENTID_ERR_NOMEM);
            assert_null(config);
        }
        clientid__config_del(config);
        clientid__pool_del(pool);
        assert_int_equal(a.live, 0);
        if (rv == 0)
            break;
    }
    assert_true(failures > 30);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_defaults),
        cmocka_unit_test(test_top),
        cmocka_unit_test(test_syntax),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_too_many),
        cmocka_unit_test(test_exported_cie),
        cmocka_unit_test(test_exported_defaults),
        cmocka_unit_test(test_asset_names),
        cmocka_unit_test(test_basic),
        cmocka_unit_test(test_short_credentials),
        cmocka_unit_test(test_rate_limiting),
        cmocka_unit_test(test_spike_control),
        cmocka_unit_test(test_throttling),
        cmocka_unit_test(test_pointcuts),
        cmocka_unit_test(test_order),
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_shared_extraction),
        cmocka_unit_test(test_stripping),
        cmocka_unit_test(test_api),
        cmocka_unit_test(test_challenge),
        cmocka_unit_test(test_reload),
        cmocka_unit_test(test_chain_taken_out),
        cmocka_unit_test(test_silent),
        cmocka_unit_test(test_long_pointer),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
