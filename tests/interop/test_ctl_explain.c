/* SPDX-License-Identifier: Apache-2.0 */
/* clientidctl: what it says of a configuration and of decisions under it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support_ctl.h"

#include <clientid/clientid.h>
#include <clientid/store.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>

static const char secret[] = "the-secret-of-the-shop";

static const char policies[] =
    "\"apis\":{"
    "\"orders\":{\"policies\":[{\"policy\":\"rate-limiting-sla-based\",\"id\":\"header:client_id\","
    "\"secret\":\"header:client_secret\",\"exposeHeaders\":true}]},"
    "\"query\":{\"policies\":[{\"policy\":\"client-id-enforcement\",\"id\":\"query:client_id\","
    "\"secret\":\"query:client_secret\"}]},"
    "\"any\":{\"policies\":[{\"assetId\":\"client-id-enforcement\",\"configurationData\":{"
    "\"clientIdExpression\":\"#[message.inboundProperties['client_id']]\","
    "\"clientSecretExpression\":\"#[message.inboundProperties[\\\"client_secret\\\"]]\"},"
    "\"pointcutData\":[{\"methodRegex\":\"GET|PUT\",\"uriTemplateRegex\":\".*\"}]}]},"
    "\"basic\":{\"policies\":[{\"policy\":\"client-id-enforcement\",\"basic\":true}]},"
    "\"form\":{\"policies\":[{\"policy\":\"client-id-enforcement\",\"id\":\"form:client_id\"}]},"
    "\"spike\":{\"policies\":[{\"policy\":\"spike-control\",\"limit\":\"1/1h\",\"queue\":3},"
    "{\"policy\":\"client-id-enforcement\",\"mode\":\"shadow\"}]},"
    "\"open\":{\"policies\":[]}}";

static void prepare(struct ctl_world *w)
{
    char text[4096];
    const char *state = ctl_path(w, "state");
    assert_int_equal(mkdir(state, 0700), 0);
    snprintf(text, sizeof(text),
             "{\"store\":\"sqlite:%s\",\"state\":\"%s\",\"limits\":{\"file\":\"%s\",\"cells\":1024,"
             "\"keyCells\":64,"
             "\"useCells\":1024},%s}",
             w->store, state, ctl_path(w, "limits"), policies);
    file_write(ctl_path(w, "gateway.json"), text);
    CTL(w, 0, "api", "create", "orders");
    CTL(w, 0, "api", "create", "form");
    CTL(w, 0, "api", "create", "query");
    CTL(w, 0, "tier", "create", "orders", "gold", "--limit", "2/1d", "--limit", "9/7d:hidden",
        "--auto-approve");
    CTL_INPUT(w, 0, secret, "app", "create", "shop", "--client-id", "c1", "--secret-stdin");
    CTL(w, 0, "contract", "request", "shop", "orders", "--tier", "gold");
    CTL(w, 0, "contract", "request", "shop", "form");
    CTL(w, 0, "contract", "request", "shop", "query");
}

#define CONFIG(w) "-c", ctl_path(w, "gateway.json")

static json_t *at(const json_t *root, const char *outer, const char *inner)
{
    json_t *value = json_object_get(root, outer);
    value = inner != NULL ? json_object_get(value, inner) : value;
    assert_non_null(value);
    return value;
}

static void assert_text_at(const json_t *root, const char *outer, const char *inner,
                           const char *expected)
{
    assert_string_equal(json_string_value(at(root, outer, inner)), expected);
}

/* ---- a host ---------------------------------------------------------------------------------- */

static int one_header(void *host, clientid_str name, size_t nth, clientid_str *value)
{
    (void)host;
    if (nth > 0 || name.len < 9 || memcmp(name.ptr, "client_", 7) != 0)
        return 0;
    *value = name.ptr[7] == 'i' ? CLIENTID_STR("c1") : (clientid_str){secret, sizeof(secret) - 1};
    return 1;
}

/* What a host does: one real request, through the shared limits file. */
static void real_request(struct ctl_world *w, const char *api_name, uint64_t now_ns)
{
    size_t len;
    clientid_gateway *gateway;
    clientid_worker *worker;
    clientid_sync *sync;
    clientid_source source;
    const clientid_api *api;
    uint64_t next_ns;
    char uri[600], scratch[CLIENTID_SCRATCH_BYTES];
    char *text = file_read(ctl_path(w, "gateway.json"), &len);
    clientid_options options = {.size = sizeof(options), .config = {text, len}};
    clientid_sync_options sync_options = {.size = sizeof(sync_options),
                                          .state = ctl_path(w, "state")};
    clientid_request request = {.size = sizeof(request),
                                .method = CLIENTID_STR("GET"),
                                .path = CLIENTID_STR("/"),
                                .header = one_header,
                                .now_ns = now_ns,
                                .scratch = scratch,
                                .scratch_len = sizeof(scratch)};
    clientid_decision decision = {.size = sizeof(decision)};
    snprintf(uri, sizeof(uri), "sqlite:%s", w->store);
    assert_int_equal(clientid_gateway_new(&gateway, &options, NULL), 0);
    assert_int_equal(clientid_store_source(&source, uri, NULL), 0);
    assert_int_equal(clientid_sync_new(&sync, gateway, &source, &sync_options, NULL), 0);
    assert_int_equal(clientid_sync_step(sync, now_ns, &next_ns, NULL), 0);
    assert_int_equal(clientid_worker_new(&worker, gateway), 0);
    assert_int_equal(clientid_api_get(gateway, (clientid_str){api_name, strlen(api_name)}, &api),
                     0);
    assert_int_equal(clientid_check(worker, api, &request, &decision), 0);
    assert_int_equal(decision.verdict, CLIENTID_ALLOW);
    clientid_worker_del(worker);
    clientid_sync_del(sync);
    clientid_gateway_del(gateway);
    free(text);
}

/* ---- explain ----------------------------------------------------------------------------------- */

static void a_request_is_explained(void **state)
{
    struct ctl_world *w = *state;
    prepare(w);
    char raw[256];
    snprintf(
        raw, sizeof(raw),
        "GET /orders/7?page=2 HTTP/1.1\r\nHost: x\r\nclient_id: c1\r\nClient_Secret: %s\r\n\r\n",
        secret);
    CTL_INPUT(w, 0, raw, "explain", CONFIG(w), "-a", "orders", "--request", "-");
    assert_out_has(w, "request    GET /orders/7, a query, 3 header lines, 0 bytes of body\n");
    assert_out_has(w, "client id  c1\n");
    assert_out_has(w, "secret     matches slot 1\n");
    assert_out_has(w, "contract   1 of application 1 \"shop\"\n");
    assert_out_has(w, "tier       gold (1)\n");
    assert_out_has(w, "decision   allow: allowed");
    assert_out_has(w, "rate-limiting-sla-based  2/1d   fixed-window");
    assert_out_has(w, "not in headers");
    assert_out_has(w, "X-RateLimit-Limit: 2\n");
    assert_out_has(w, "stripped   header Client_Secret\n");
    assert_null(strstr(w->run.out, secret));
    assert_string_equal(w->run.err, "");
}

static void an_explanation_charges_nothing(void **state)
{
    struct ctl_world *w = *state;
    prepare(w);
    for (int i = 0; i < 4; i++) {
        char line[64];
        snprintf(line, sizeof(line), "client_secret: %s", secret);
        CTL(w, 0, "--json", "explain", CONFIG(w), "-a", "orders", "-H", "client_id: c1", "-H", line,
            "-e", "/");
        json_t *root = ctl_json(w);
        const json_t *limit = json_array_get(json_object_get(root, "limits"), 0);
        assert_text_at(root, "decision", "verdict", "allow");
        assert_int_equal(json_integer_value(json_object_get(limit, "maximumRequests")), 2);
        assert_true(json_integer_value(json_object_get(limit, "remaining")) >= 1);
        assert_null(strstr(w->run.out, secret));
        json_decref(root);
    }
}

struct refusal_row {
    const char *reason;
    const char *api;
    const char *arguments[6];
    const char *label;
    int status;
};

static const struct refusal_row refusal_rows[] = {
    {"nothing shown", "orders", {"/"}, "client-id-missing", 401},
    {"an id without its secret",
     "orders",
     {"-H", "client_id: c1", "/"},
     "client-secret-missing",
     401},
    {"a wrong secret",
     "orders",
     {"-H", "client_id: c1", "-H", "client_secret: wrong", "/"},
     "client-secret-wrong",
     401},
    {"an unknown client",
     "orders",
     {"-H", "client_id: c9", "-H", "client_secret: wrong", "/"},
     "client-unknown",
     401},
    {"two ids",
     "query",
     {"/?client_id=c1&client_id=c1&client_secret=x"},
     "credentials-ambiguous",
     401},
    {"another method is outside the pointcut", "any", {"-X", "POST", "/"}, "no-policy", 0},
    {"no policy at all", "open", {"http://host.example/x?y=1"}, "no-policy", 0},
};

static void refusals_are_explained(void **state)
{
    struct ctl_world *w = *state;
    prepare(w);
    for (size_t i = 0; i < sizeof(refusal_rows) / sizeof(refusal_rows[0]); i++) {
        const struct refusal_row *row = &refusal_rows[i];
        const char *arguments[16] = {"--json", "explain", CONFIG(w), "-a", row->api, "--exit-code"};
        memcpy(arguments + 7, row->arguments, sizeof(row->arguments));
        ctl_run(w, (int)i, row->status != 0 ? 6 : 0, &(struct program_options){0}, arguments);
        json_t *root = ctl_json(w);
        if (strcmp(json_string_value(at(root, "decision", "reason")), row->label) != 0)
            fail_msg("%s: %s", row->reason, w->run.out);
        if (row->status != 0)
            assert_int_equal(json_integer_value(at(root, "answer", "status")), row->status);
        json_decref(root);
    }
}

static void what_is_stripped_is_named_without_its_value(void **state)
{
    struct ctl_world *w = *state;
    prepare(w);
    CTL_INPUT(
        w, 0,
        "GET /x?a=1&client_id=c1&client%5Fsecret=the-secret-of-the-shop&b=2&client_id HTTP/1.1\n\n",
        "explain", CONFIG(w), "-a", "query", "-r", "-");
    assert_null(strstr(w->run.out, secret));
    CTL_INPUT(w, 0,
              "GET /x?a=1&client_id=c1&client%5Fsecret=the-secret-of-the-shop&b=2 HTTP/1.1\n\n",
              "--json", "explain", CONFIG(w), "-a", "query", "-r", "-");
    assert_null(strstr(w->run.out, secret));
    json_t *root = ctl_json(w);
    assert_text_at(root, "decision", "verdict", "allow");
    const json_t *names = at(root, "stripped", "queryParameters");
    assert_int_equal(json_array_size(names), 2);
    assert_string_equal(json_string_value(json_array_get(names, 0)), "client_id");
    assert_string_equal(json_string_value(json_array_get(names, 1)), "client%5Fsecret");
    json_decref(root);
}

static void a_body_is_read_when_a_policy_wants_it(void **state)
{
    struct ctl_world *w = *state;
    prepare(w);
    CTL_INPUT(
        w, 0,
        "POST /x HTTP/1.1\nContent-Type: application/x-www-form-urlencoded\nContent-Length: 12\n\n"
        "client_id=c1\n",
        "explain", CONFIG(w), "-a", "form", "-r", "-");
    assert_out_has(w, "12 bytes of body");
    assert_out_has(w, "decision   allow");
    CTL_INPUT(w, 0, "client_id=c1", "explain", CONFIG(w), "-a", "form", "-X", "POST", "-H",
              "Content-Type: application/x-www-form-urlencoded", "-d", "-", "/x");
    assert_out_has(w, "decision   allow");
}

struct bad_request_row {
    const char *reason;
    const char *text;
    const char *said;
};

static const struct bad_request_row bad_requests[] = {
    {"nothing", "", "standard input:1:1: the first line must be METHOD TARGET HTTP/1.1"},
    {"no version", "GET /\n\n", "the first line must be"},
    {"a space in the target", "GET /a b HTTP/1.1\n\n", "the target has a space"},
    {"a method that is none", "G@T / HTTP/1.1\n\n", "the method has a character"},
    {"a relative target", "GET x HTTP/1.1\n\n", "must be a path"},
    {"a header without a colon", "GET / HTTP/1.1\nHost: x\nbroken the-secret-of-the-shop\n\n",
     "standard input:3:1: a header line needs a name and a colon"},
    {"a header with a space in its name", "GET / HTTP/1.1\nHo st: x\n\n", "the name of a header"},
    {"a folded header", "GET / HTTP/1.1\nHost: x\n y: z\n\n", "the name of a header"},
    {"a body shorter than it says", "POST / HTTP/1.1\nContent-Length: 5\n\nabc",
     "the body is shorter than Content-Length"},
    {"a length that is none", "POST / HTTP/1.1\nContent-Length: x\n\nabc",
     "Content-Length is not a number"},
};

static void wrong_requests_are_refused_with_their_line(void **state)
{
    struct ctl_world *w = *state;
    char request[256];
    prepare(w);
    snprintf(request, sizeof(request), "GET / HTTP/1.1\nclient_id: c1\nclient_secret: %s\n\n",
             secret);
    file_write(ctl_path(w, "request"), request);
    for (size_t i = 0; i < sizeof(bad_requests) / sizeof(bad_requests[0]); i++) {
        ctl_run(w, (int)i, 5, &(struct program_options){.input = bad_requests[i].text},
                (const char *const[]){"explain", CONFIG(w), "-a", "orders", "-r", "-", NULL});
        if (strstr(w->run.err, bad_requests[i].said) == NULL)
            fail_msg("%s: %s", bad_requests[i].reason, w->run.err);
        assert_one_error(w);
        assert_null(strstr(w->run.err, secret));
    }
    CTL(w, 0, "explain", CONFIG(w), "-a", "orders", "--cost", "3", "-r", ctl_path(w, "request"));
    assert_out_has(w, "retry after  never");
    CTL(w, 2, "explain", CONFIG(w), "-a", "orders");
    CTL(w, 2, "explain", CONFIG(w), "-a", "orders", "x");
    CTL(w, 2, "explain", CONFIG(w), "-a", "orders", "-r", "-", "/");
    CTL(w, 2, "explain", CONFIG(w), "-a", "orders", "-H", "nothing", "/");
    CTL(w, 2, "explain", CONFIG(w), "/");
    CTL(w, 2, "explain", "-a", "orders", "/");
    CTL(w, 2, "explain", CONFIG(w), "-a", "orders", "--cost", "many", "/");
    CTL(w, 3, "explain", CONFIG(w), "-a", "none", "/");
    assert_err_has(w, "knows no API instance \"none\"");
}

static void a_decision_without_contracts_says_why(void **state)
{
    struct ctl_world *w = *state;
    char uri[600];
    prepare(w);
    snprintf(uri, sizeof(uri), "sqlite:%s", ctl_path(w, "none.db"));
    CTL(w, 0, "--store", uri, "explain", CONFIG(w), "-a", "orders", "-H", "client_id: c1", "/");
    assert_out_has(w, "contracts-unreachable");
    assert_out_has(w, "from nowhere: ");
    assert_out_has(w, "HTTP 503");
}

/* ---- last use ------------------------------------------------------------------------------- */

static void the_last_use_of_each_secret_is_listed(void **state)
{
    struct ctl_world *w = *state;
    char minute[40];
    prepare(w);
    CTL(w, 0, "secrets", "last-use", CONFIG(w));
    assert_out_has(w, "ID  APPLICATION  CLIENT ID  SLOT  VALID FROM");
    assert_out_has(w, "never");
    time_t now = time(NULL);
    now -= now % 60;
    struct tm tm;
    strftime(minute, sizeof(minute), "%Y-%m-%dT%H:%M:00Z", gmtime_r(&now, &tm));
    real_request(w, "orders", (uint64_t)now * 1000000000u + 5);
    CTL(w, 0, "app", "reset-secret", "shop", "--overlap", "1h");
    CTL(w, 0, "--json", "secrets", "last-use", CONFIG(w));
    json_t *root = ctl_json(w);
    const json_t *list = json_object_get(root, "secrets");
    assert_int_equal(json_array_size(list), 2);
    assert_string_equal(json_string_value(json_object_get(json_array_get(list, 0), "lastUsed")),
                        minute);
    assert_true(json_is_string(json_object_get(json_array_get(list, 0), "notAfter")));
    assert_true(json_is_null(json_object_get(json_array_get(list, 1), "lastUsed")));
    json_decref(root);
    CTL(w, 0, "--json", "explain", CONFIG(w), "-a", "orders", "-H", "client_id: c1", "/");
    CTL(w, 2, "secrets", "last-use");
}

static uint64_t now_ns(void)
{
    return (uint64_t)time(NULL) * 1000000000u;
}

static void a_delay_and_a_shadow_are_explained(void **state)
{
    struct ctl_world *w = *state;
    prepare(w);
    real_request(w, "spike", now_ns());
    CTL(w, 0, "explain", CONFIG(w), "-a", "spike", "/");
    assert_out_has(w, "delay: throttled, ");
    assert_out_has(w, "1000 ms, then it is decided again\n");
    assert_out_has(w, "spike-control  1/1h   sliding-window          0  ");
    assert_out_has(w, "this one refused");
    assert_out_has(w, "forwarded  no\n");
    CTL(w, 0, "explain", CONFIG(w), "-a", "spike", "--at", "+3h", "/");
    assert_out_has(w, "allow: allowed");
    assert_out_has(w, "would have refused: client-id-missing");
    CTL(w, 6, "--json", "explain", CONFIG(w), "-a", "spike", "/", "-e");
    json_t *root = ctl_json(w);
    assert_int_equal(json_integer_value(at(root, "decision", "delayInMilliseconds")), 1000);
    assert_true(json_is_null(at(root, "answer", NULL)));
    json_decref(root);
    CTL(w, 0, "--json", "explain", CONFIG(w), "-a", "spike", "/", "--at", "+3h");
    root = ctl_json(w);
    assert_text_at(at(root, "decision", "shadow"), "reason", NULL, "client-id-missing");
    json_decref(root);
    CTL(w, 2, "explain", CONFIG(w), "-a", "spike", "--at", "later", "/");
}

static void an_old_secret_is_explained(void **state)
{
    struct ctl_world *w = *state;
    char raw[256];
    prepare(w);
    snprintf(raw, sizeof(raw), "GET / HTTP/1.1\nclient_id: c1\nclient_secret: %s\n\n", secret);
    CTL(w, 0, "app", "reset-secret", "shop", "--overlap", "1h");
    CTL_INPUT(w, 0, raw, "explain", CONFIG(w), "-a", "orders", "-r", "-", "--exit-code");
    CTL_INPUT(w, 6, raw, "explain", CONFIG(w), "-a", "orders", "-r", "-", "-e", "--at", "+2h");
    assert_out_has(w, "client-secret-expired");
    assert_out_has(w, "secret     known, but outside its validity\n");
    CTL_INPUT(w, 6, raw, "explain", CONFIG(w), "-a", "query", "-r", "-", "-e");
    CTL(w, 0, "contract", "revoke", "shop", "orders");
    CTL_INPUT(w, 6, raw, "explain", CONFIG(w), "-a", "orders", "-r", "-", "-e");
    assert_out_has(w, "contract-revoked");
}

static void the_last_known_good_files_stand_in_for_the_store(void **state)
{
    struct ctl_world *w = *state;
    char raw[256];
    prepare(w);
    snprintf(raw, sizeof(raw), "GET / HTTP/1.1\nclient_id: c1\nclient_secret: %s\n\n", secret);
    real_request(w, "orders", now_ns());
    assert_int_equal(rename(w->store, ctl_path(w, "moved.db")), 0);
    CTL_INPUT(w, 0, raw, "explain", CONFIG(w), "-a", "orders", "-r", "-", "-e");
    assert_out_has(w, "from the last-known-good files, since the store says: ");
    assert_out_has(w, "decision   allow");
}

/* ---- configurations ---------------------------------------------------------------------------- */

static void configurations_are_checked(void **state)
{
    struct ctl_world *w = *state;
    prepare(w);
    CTL(w, 0, "check-config", ctl_path(w, "gateway.json"));
    assert_out(w, "the configuration is valid\n");
    CTL_INPUT(w, 5, "{\n  \"apis\" {}\n}", "check-config", "-");
    assert_err_has(w, "clientidctl: configuration: standard input:2:");
    CTL_INPUT(w, 5, "{\"apis\":{\"a\":{\"policies\":[{\"policy\":\"no-such\"}]}}}", "check-config",
              "-");
    assert_err_has(w, "/apis/a/policies/0/policy: unknown policy");
    CTL_INPUT(w, 5,
              "{\"apis\":{\"a\":{\"policies\":[{\"policy\":\"client-id-enforcement\",\"id\":"
              "\"cookie:x\"}]}}}",
              "check-config", "-");
    assert_err_has(w, "/apis/a/policies/0/id");
    CTL_INPUT(w, 5,
              "{\"apis\":{\"a\":{\"policies\":[{\"policy\":\"client-id-enforcement\","
              "\"match\":[{\"path\":\"/(\"}]}]}}}",
              "check-config", "-");
    assert_err_has(w, "/apis/a/policies/0/match/0/path");
    CTL(w, 1, "check-config", ctl_path(w, "none.json"));
    CTL_INPUT(
        w, 0,
        "{\"apis\":{\"a\":{\"policies\":[{\"assetId\":\"rate-limiting\",\"configurationData\":{"
        "\"rateLimits\":[{\"maximumRequests\":1,\"timePeriodInMilliseconds\":1000}],"
        "\"clusterizable\":true}}]}}}",
        "check-config", "-");
    assert_err_has(w, "clientidctl: warning: ");
    assert_err_has(w, "clusterizable");
}

/* ---- definitions ------------------------------------------------------------------------------- */

static void raml_states_what_clients_must_send(void **state)
{
    struct ctl_world *w = *state;
    prepare(w);
    CTL(w, 0, "raml", CONFIG(w), "-a", "query");
    assert_out(w,
               "#%RAML 1.0 Library\n"
               "usage: 'What the policies in force ask of the clients of this API'\n"
               "traits:\n"
               "  client-id-required:\n"
               "    queryParameters:\n"
               "      'client_id':\n"
               "        type: string\n"
               "        description: Client id\n"
               "      'client_secret':\n"
               "        type: string\n"
               "        description: Client secret\n"
               "    responses:\n"
               "      401:\n"
               "        description: 'Unauthorized or invalid client application credentials'\n"
               "        headers:\n"
               "          WWW-Authenticate:\n"
               "            type: string\n"
               "        body:\n"
               "          application/json:\n"
               "            example: '{\"error\":\"Authentication Attempt Failed\"}'\n"
               "      500:\n"
               "        description: 'Bad response from authorization server, or WSDL SOAP Fault "
               "error'\n"
               "      503:\n"
               "        description: 'Contracts Information Unreachable.'\n"
               "        body:\n"
               "          application/json:\n"
               "            example: '{\"error\":\"Contracts Information Unreachable\"}'\n");
    CTL(w, 0, "raml", CONFIG(w), "-a", "orders");
    assert_out_has(w, "    headers:\n      'client_id':\n");
    assert_out_has(w, "      429:\n");
    assert_out_has(w, "X-RateLimit-Remaining:");
    CTL(w, 0, "raml", CONFIG(w), "-a", "basic");
    assert_out_has(w, "    type: Basic Authentication\n");
    assert_null(strstr(w->run.out, "traits:"));
    CTL(w, 0, "raml", CONFIG(w), "-a", "any");
    assert_out_has(w, "as a query parameter or a header\n        required: false\n");
    assert_out_has(w, "# Some policies apply to some methods and paths only");
    CTL(w, 0, "raml", CONFIG(w), "-a", "form");
    assert_out_has(
        w,
        "      application/x-www-form-urlencoded:\n        properties:\n          'client_id':\n");
    CTL(w, 0, "raml", CONFIG(w), "-a", "spike");
    assert_out_has(w, "  rate-limited:\n    responses:\n      429:\n");
    assert_null(strstr(w->run.out, "401"));
    CTL(w, 0, "--json", "raml", CONFIG(w), "-a", "spike");
    json_decref(ctl_json(w));
    CTL(w, 3, "raml", CONFIG(w), "-a", "none");
}

static json_t *openapi(struct ctl_world *w, const char *api)
{
    CTL(w, 0, "openapi", CONFIG(w), "-a", api);
    json_t *root = ctl_json(w);
    assert_text_at(root, "openapi", NULL, "3.0.3");
    return root;
}

static void openapi_states_what_clients_must_send(void **state)
{
    struct ctl_world *w = *state;
    prepare(w);
    json_t *root = openapi(w, "orders");
    const json_t *schemes = at(root, "components", "securitySchemes");
    assert_text_at(schemes, "clientIdHeader", "name", "client_id");
    assert_text_at(schemes, "clientSecretHeader", "in", "header");
    const json_t *responses = at(root, "components", "responses");
    assert_non_null(json_object_get(responses, "Refused401"));
    assert_non_null(json_object_get(responses, "Refused429"));
    assert_non_null(json_object_get(responses, "Refused500"));
    assert_non_null(json_object_get(responses, "Refused503"));
    json_decref(root);

    root = openapi(w, "any");
    assert_int_equal(json_array_size(json_object_get(root, "security")), 2);
    json_decref(root);

    root = openapi(w, "basic");
    assert_text_at(at(root, "components", "securitySchemes"), "clientIdBasic", "scheme", "basic");
    json_decref(root);

    root = openapi(w, "form");
    assert_non_null(
        at(at(root, "components", "requestBodies"), "ClientCredentialsForm", "content"));
    json_decref(root);

    root = openapi(w, "spike");
    assert_null(json_object_get(at(root, "components", "responses"), "Refused401"));
    assert_int_equal(json_array_size(json_object_get(root, "security")), 0);
    json_decref(root);
}

struct definition_row {
    const char *reason;
    const char *api; /* what stands in the configuration */
    const char *command;
    const char *has;
    const char *has_not;
};

static const struct definition_row definition_rows[] = {
    {"quota headers of the draft of 2020",
     "{\"headers\":\"draft-03\",\"policies\":[{\"policy\":\"rate-limiting-sla-based\","
     "\"exposeHeaders\":true}]}",
     "raml", "RateLimit-Reset:", "X-RateLimit"},
    {"quota headers of the newest draft",
     "{\"headers\":\"draft-11\",\"policies\":[{\"policy\":\"rate-limiting-sla-based\","
     "\"exposeHeaders\":true}]}",
     "openapi", "\"RateLimit-Policy\"", "X-RateLimit"},
    {"no quota headers unless they are shown",
     "{\"policies\":[{\"policy\":\"rate-limiting-sla-based\"}]}", "raml", "Retry-After",
     "X-RateLimit"},
    {"problem bodies",
     "{\"answers\":\"problem\",\"policies\":[{\"policy\":\"client-id-enforcement\"}]}", "raml",
     "401:", "{\"error\""},
    {"bodies of one's own",
     "{\"answers\":{\"contentType\":\"text/plain\",\"failed\":\"no\"},\"policies\":[{\"policy\":"
     "\"client-id-enforcement\"}]}",
     "openapi", "Refused401", "Authentication Attempt Failed"},
    {"an own status without contract",
     "{\"noContractStatus\":403,\"policies\":[{\"policy\":\"client-id-enforcement\"}]}", "raml",
     "      403:\n", NULL},
    {"SOAP 1.2", "{\"soap\":\"1.2\",\"policies\":[{\"policy\":\"client-id-enforcement\"}]}", "raml",
     "      400:\n", NULL},
    {"SOAP 1.1", "{\"soap\":\"1.1\",\"policies\":[{\"policy\":\"client-id-enforcement\"}]}", "raml",
     "      500:\n", "      400:\n"},
    {"disabled policies do not count",
     "{\"policies\":[{\"policy\":\"client-id-enforcement\",\"disabled\":true}]}", "raml",
     "rate-limited", "client_id"},
    {"an exported Basic policy",
     "{\"policies\":[{\"assetId\":\"client-id-enforcement-flex\",\"configurationData\":{"
     "\"credentialsOriginHasHttpBasicAuthenticationHeader\":\"httpBasicAuthenticationHeader\"}}]}",
     "raml", "Basic Authentication", "client_id'"},
    {"a Mule 3 policy with Basic",
     "{\"policies\":[{\"template\":{\"assetId\":\"client-id-enforcement\"},\"configuration\":{"
     "\"credentialsOrigin\":\"httpAuthorizationHeader\"}}]}",
     "openapi", "clientIdBasic", "apiKey"},
    {"an old export names the policy as its template",
     "{\"policies\":[{\"policyTemplateId\":\"client-id-enforcement\",\"config\":{}}]}", "raml",
     "'client_id':", "client_secret':"},
    {"a template's number is no name",
     "{\"policies\":[{\"policyTemplateId\":\"294\",\"policyId\":\"client-id-enforcement\","
     "\"configurationData\":{\"clientIdExpression\":\"#[attributes.queryParams.'key']\"}}]}",
     "raml", "    queryParameters:\n      'key':\n", NULL},
    {"a part of a form",
     "{\"policies\":[{\"policy\":\"client-id-enforcement\",\"id\":\"part:id\"}]}", "openapi",
     "multipart/form-data", NULL},
    {"two ids by header have two names",
     "{\"policies\":[{\"policy\":\"client-id-enforcement\",\"id\":\"header:a\"},{\"policy\":"
     "\"client-id-enforcement\",\"id\":\"any:b\"}]}",
     "openapi", "\"clientIdHeader2\"", "\"clientIdQuery2\""},
    {"a header that one policy names settles another's choice",
     "{\"policies\":[{\"policy\":\"client-id-enforcement\",\"id\":\"any:a\"},{\"policy\":"
     "\"client-id-enforcement\",\"id\":\"header:a\"}]}",
     "openapi", "\"clientIdHeader\"", "clientIdQuery"},
};

static void definitions_follow_the_policies(void **state)
{
    struct ctl_world *w = *state;
    for (size_t i = 0; i < sizeof(definition_rows) / sizeof(definition_rows[0]); i++) {
        const struct definition_row *row = &definition_rows[i];
        char text[1024];
        snprintf(text, sizeof(text), "{\"apis\":{\"x\":%s}}", row->api);
        ctl_run(w, (int)i, 0, &(struct program_options){.input = text},
                (const char *const[]){row->command, "-c", "-", "-a", "x", NULL});
        if (strstr(w->run.out, row->has) == NULL)
            fail_msg("%s: no %s in %s", row->reason, row->has, w->run.out);
        if (row->has_not != NULL && strstr(w->run.out, row->has_not) != NULL)
            fail_msg("%s: %s in %s", row->reason, row->has_not, w->run.out);
    }
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, ctl_setup, ctl_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_request_is_explained),
        TEST(an_explanation_charges_nothing),
        TEST(refusals_are_explained),
        TEST(what_is_stripped_is_named_without_its_value),
        TEST(a_body_is_read_when_a_policy_wants_it),
        TEST(wrong_requests_are_refused_with_their_line),
        TEST(a_decision_without_contracts_says_why),
        TEST(the_last_use_of_each_secret_is_listed),
        TEST(a_delay_and_a_shadow_are_explained),
        TEST(an_old_secret_is_explained),
        TEST(the_last_known_good_files_stand_in_for_the_store),
        TEST(configurations_are_checked),
        TEST(raml_states_what_clients_must_send),
        TEST(openapi_states_what_clients_must_send),
        TEST(definitions_follow_the_policies),
    };
    return cmocka_run_group_tests_name("clientidctl explains", tests, NULL, NULL);
}
