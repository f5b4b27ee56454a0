/* SPDX-License-Identifier: Apache-2.0 */
/* The module in a real Envoy with two worker threads: what only the real one can tell. */
#include "support_envoy.h"
#include "support_program.h"
#include "support_proxy.h"

#include <limits.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct upstream upstream;
static struct proxy files; /* the folder, with contracts as last-known-good files */
static struct envoy envoy;

#define STAT "dynamicmodulescustom.clientid."

/* ---- configuration --------------------------------------------------------------------------- */

static const char gateway[] =
    "{\"state\":\"@DIR@/state\",\"apis\":{"
    "\"open\":{\"policies\":[]},"
    "\"id\":{\"policies\":[{\"policy\":\"client-id-enforcement\",\"id\":\"query:client_id\"}]},"
    "\"secret\":{\"policies\":[{\"policy\":\"client-id-enforcement\",\"basic\":true,"
    "  \"id\":\"any:client_id\",\"secret\":\"any:client_secret\"}],\"stripCredentials\":\"all\"},"
    "\"slow\":{\"policies\":[{\"policy\":\"client-id-enforcement\","
    "  \"id\":\"form:client_id\"}]},"
    "\"limited\":{\"policies\":[{\"policy\":\"rate-limiting-sla-based\","
    "  \"id\":\"query:client_id\",\"exposeHeaders\":true}]},"
    "\"few\":{\"policies\":[{\"policy\":\"rate-limiting\",\"limits\":[\"3/1d\"],"
    "  \"exposeHeaders\":true}]},"
    "\"many\":{\"policies\":[{\"policy\":\"rate-limiting\",\"limits\":[\"1000/1d\"],"
    "  \"exposeHeaders\":true}]},"
    "\"wait\":{\"policies\":[{\"policy\":\"spike-control\",\"limit\":\"1/300ms\","
    "  \"algorithm\":\"fixed-window\",\"delay\":\"50ms\",\"attempts\":100,\"queue\":10,"
    "  \"exposeHeaders\":true}]},"
    "\"stuck\":{\"policies\":[{\"policy\":\"spike-control\",\"limit\":\"1/1h\","
    "  \"algorithm\":\"fixed-window\",\"delay\":\"1h\",\"attempts\":1,\"queue\":1}]}}}";

static const char bootstrap[] =
    "node: {id: test, cluster: test}\n"
    "stats_flush_interval: 0.1s\n"
    "admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}\n"
    "dynamic_resources:\n"
    "  lds_config: {path_config_source: {path: @DIR@/lds.yaml}}\n"
    "static_resources:\n"
    "  clusters:\n"
    "  - name: up\n"
    "    load_assignment: {cluster_name: up, endpoints: [{lb_endpoints: [{endpoint: {address: "
    "{socket_address: {address: 127.0.0.1, port_value: @UP@}}}}]}]}\n"
    "  - name: refused\n"
    "    load_assignment: {cluster_name: refused, endpoints: [{lb_endpoints: [{endpoint: {address: "
    "{socket_address: {address: 127.0.0.1, port_value: 1}}}}]}]}\n"
    "  - name: grudging\n"
    "    circuit_breakers: {thresholds: [{max_retries: 0}]}\n"
    "    load_assignment: {cluster_name: grudging, endpoints: [{lb_endpoints: [{endpoint: "
    "{address: "
    "{socket_address: {address: 127.0.0.1, port_value: @UP@}}}}]}]}\n"
    "  - name: helper\n"
    "    load_assignment: {cluster_name: helper, endpoints: [{lb_endpoints: [{endpoint: {address: "
    "{pipe: {path: @DIR@/helper.sock}}}}]}]}\n";

#define HCM                                                                                        \
    "    - filters:\n"                                                                             \
    "      - name: envoy.filters.network.http_connection_manager\n"                                \
    "        typed_config:\n"                                                                      \
    "          \"@type\": type.googleapis.com/envoy.extensions.filters.network."                   \
    "http_connection_manager.v3.HttpConnectionManager\n"
#define FILTER_TYPE                                                                                \
    "\"@type\": type.googleapis.com/envoy.extensions.filters.http.dynamic_modules.v3."             \
    "DynamicModuleFilter"
#define ROUTER                                                                                     \
    "          - name: envoy.filters.http.router\n"                                                \
    "            typed_config: {\"@type\": "                                                       \
    "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}\n"
/* "@LINE@", "@SETTINGS@", "@ROUTES@" are filled in. */
static const char main_listener[] =
    "resources:\n"
    "- \"@type\": type.googleapis.com/envoy.config.listener.v3.Listener\n"
    "  name: main\n"
    "  @LINE@\n"
    "  address: {socket_address: {address: 127.0.0.1, port_value: 0}}\n"
    "  filter_chains:\n" HCM "          stat_prefix: main\n"
    "          http_protocol_options: {enable_trailers: true}\n"
    "          access_log:\n"
    "          - name: file\n"
    "            typed_config:\n"
    "              \"@type\": type.googleapis.com/envoy.extensions.access_loggers.file.v3."
    "FileAccessLog\n"
    "              path: @DIR@/access\n"
    "              log_format: {text_format_source: {inline_string: \"%PATH(NQ)% %RESPONSE_CODE% "
    "%RESPONSE_CODE_DETAILS% %DYNAMIC_METADATA(clientid)% "
    "%FILTER_STATE(clientid.id:PLAIN)%\\n\"}}\n"
    "          http_filters:\n"
    "          - name: clientid\n"
    "            typed_config:\n"
    "              " FILTER_TYPE "\n"
    "              dynamic_module_config: {name: clientid_envoy}\n"
    "              filter_name: clientid\n"
    "              filter_config:\n"
    "                \"@type\": type.googleapis.com/google.protobuf.Struct\n"
    "                value: @SETTINGS@\n" ROUTER "          route_config:\n"
    "            virtual_hosts:\n"
    "            - name: all\n"
    "              domains: ['*']\n"
    "              routes:\n"
    "@ROUTES@";

/* Redirects, for the cluster of that name. */
static const char helper_listener[] =
    "- \"@type\": type.googleapis.com/envoy.config.listener.v3.Listener\n"
    "  name: helper\n"
    "  address: {pipe: {path: @DIR@/helper.sock}}\n"
    "  filter_chains:\n" HCM "          stat_prefix: helper\n"
    "          http_filters:\n" ROUTER
    "          route_config: {virtual_hosts: [{name: all, domains: ['*'], routes: [{match: {path: "
    "/moved/many}, redirect: {path_redirect: /many/echo, response_code: FOUND}}, {match: {prefix: "
    "/}, redirect: {path_redirect: /id/echo, response_code: FOUND}}]}]}\n";

/* prefix, action, settings of the route */
static const char *const routes[][3] = {
#define TO_UPSTREAM "cluster: up, prefix_rewrite: /"
    {"id", TO_UPSTREAM, "{\"api\":\"id\"}"},
    {"secret", TO_UPSTREAM, "{\"api\":\"secret\"}"},
    {"form", TO_UPSTREAM, "{\"api\":\"slow\"}"},
    {"limited", TO_UPSTREAM, "{\"api\":\"limited\"}"},
    {"few", TO_UPSTREAM, "{\"api\":\"few\"}"},
    {"many", TO_UPSTREAM, "{\"api\":\"many\"}"},
    {"wait", TO_UPSTREAM, "{\"api\":\"wait\"}"},
    {"stuck", TO_UPSTREAM, "{\"api\":\"stuck\"}"},
    {"nobody", TO_UPSTREAM, "{\"api\":\"nobody\"}"},
    {"off", TO_UPSTREAM, "{\"api\":\"off\"}"},
    {"shadow", TO_UPSTREAM, "{\"api\":\"secret\",\"mode\":\"shadow\"}"},
    {"down", "cluster: refused", "{\"api\":\"many\"}"},
    {"retried",
     "cluster: grudging, prefix_rewrite: /, retry_policy: {retry_on: retriable-status-codes, "
     "retriable_status_codes: [200]}",
     "{\"api\":\"many\"}"},
    {"moved", "cluster: helper, internal_redirect_policy: {max_internal_redirects: 2}",
     "{\"api\":\"many\"}"},
};

static size_t write_routes(char *out, size_t size)
{
    size_t len = 0;
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++)
        len += (size_t)snprintf(
            out + len, size - len,
            "              - {match: {prefix: /%s/}, route: {%s}, typed_per_filter_config: "
            "{clientid: {" FILTER_TYPE "PerRoute, dynamic_module_config: {name: clientid_envoy}, "
            "filter_config: {\"@type\": "
            "type.googleapis.com/google.protobuf.StringValue, value: '%s'}}}}\n",
            routes[i][0], routes[i][1], routes[i][2]);
    len += (size_t)snprintf(out + len, size - len,
                            "              - {match: {prefix: /}, route: {cluster: up}}\n");
    assert_true(len < size);
    return len;
}

#define SETTINGS "{config: gateway.json, api: open, metricsPath: /metrics}"

static void write_listeners(const char *line, const char *settings)
{
    static char text[65536];
    size_t len = 0;
    for (const char *at = main_listener; *at != '\0';) {
        if (strncmp(at, "@LINE@", 6) == 0) {
            len += (size_t)snprintf(text + len, sizeof text - len, "%s", line);
            at += 6;
        } else if (strncmp(at, "@SETTINGS@", 10) == 0) {
            len += (size_t)snprintf(text + len, sizeof text - len, "%s", settings);
            at += 10;
        } else if (strncmp(at, "@ROUTES@", 8) == 0) {
            len += write_routes(text + len, sizeof text - len);
            at += 8;
        } else {
            text[len++] = *at++;
        }
    }
    snprintf(text + len, sizeof text - len, "%s", helper_listener);
    envoy_write(&envoy, "lds.yaml", text, upstream.port);
}

static int setup(void **state)
{
    (void)state;
    upstream_start(&upstream);
    proxy_prepare(&files);
    snprintf(envoy.dir, sizeof envoy.dir, "%s", files.dir);
    envoy_write(&envoy, "gateway.json", gateway, upstream.port);
    envoy_write(&envoy, "envoy.yaml", bootstrap, upstream.port);
    write_listeners("", SETTINGS);
    return envoy_program() == NULL || envoy_start(&envoy) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    int code = envoy_stop(&envoy);
    if (code != 0)
        fprintf(stderr, "envoy ended: %d\n%s\n", code, envoy_file(&envoy, "log"));
    proxy_remove(&files);
    upstream_stop(&upstream);
    return code;
}

static void needs_envoy(void)
{
    if (envoy_program() == NULL)
        skip();
}

static void expect(const char *target, const char *lines, unsigned status)
{
    struct reply reply = get(envoy.port, target, lines);
    if (reply.status != status)
        fail_msg("%s: %u, not %u", target, reply.status, status);
    reply_free(&reply);
}

/* ---- names ----------------------------------------------------------------------------------- */

/* Lines of "nm -D" over a file, by the letter of their kind: "U" needed, "T" defined; free it. */
static char *symbols(const char *file, const char *option)
{
    struct program_run run = {0};
    const char *const argv[] = {"/usr/bin/nm", "-D", option, file, NULL};
    program_run(&run, argv, &(struct program_options){0});
    assert_int_equal(run.status, 0);
    char *out = strdup(run.out);
    program_free(&run);
    return out;
}

static bool defines(const char *table, const char *name)
{
    size_t len = strlen(name);
    for (const char *at = table; (at = strstr(at, name)) != NULL; at += len) {
        if (at > table && at[-1] == ' ' && (at[len] == '\n' || at[len] == '@' || at[len] == '\0'))
            return true;
    }
    return false;
}

static bool is_openssl(const char *name)
{
    static const char *const prefixes[] = {
        "EVP_",     "SHA1_", "SHA256_", "SHA256", "HMAC",      "RAND_",    "CRYPTO_",
        "OPENSSL_", "ERR_",  "BIO_",    "SSL_",   "X509_",     "RSA_",     "EC_",
        "BN_",      "ASN1_", "OSSL_",   "ossl_",  "clientid_", "sqlite3_", "pcre2_"};
    for (size_t i = 0; i < sizeof prefixes / sizeof prefixes[0]; i++) {
        if (strncmp(name, prefixes[i], strlen(prefixes[i])) == 0)
            return true;
    }
    return false;
}

static void names_fit(void **state)
{
    (void)state;
    needs_envoy();
    char module[PATH_MAX + 32];
    snprintf(module, sizeof module, "%s/libclientid_envoy.so", envoy_modules());
    char *theirs = symbols(envoy_program(), "--defined-only");
    char *needed = symbols(module, "--undefined-only");
    char *ours = symbols(module, "--defined-only");
    unsigned used = 0, offered = 0, optional = 0, openssl = 0;
    for (char *rest = NULL, *line = strtok_r(needed, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        char kind = 0, name[256];
        assert_int_equal(sscanf(line, " %c %255s", &kind, name), 2);
        if (strncmp(name, "envoy_", 6) != 0) {
            if (is_openssl(name))
                fail_msg("the module looks outside for %s", name);
            continue;
        }
        used++;
        if (defines(theirs, name))
            offered++;
        else if (kind == 'w')
            optional++;
        else
            fail_msg("Envoy does not offer %s", name);
    }
    for (char *rest = NULL, *line = strtok_r(ours, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        if (strstr(line, " envoy_dynamic_module_on_") == NULL)
            fail_msg("the module shows %s", line);
    }
    for (char *rest = NULL, *line = strtok_r(theirs, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        const char *space = strrchr(line, ' ');
        if (space != NULL && is_openssl(space + 1)) {
            openssl++;
            fail_msg("Envoy shows %s", space + 1);
        }
    }
    printf(
        "  callbacks: %u used, %u offered, %u optional and not offered; names of OpenSSL, SQLite, "
        "PCRE2 shown by Envoy: %u\n",
        used, offered, optional, openssl);
    free(theirs);
    free(needed);
    free(ours);
}

/* ---- decisions ------------------------------------------------------------------------------- */

static void allowed_and_refused(void **state)
{
    (void)state;
    needs_envoy();
    struct reply reply = get(envoy.port, "/id/echo?a=1&client_id=alice&b=%32",
                             "X-Client-Id: mallory\r\nx_client_name: mallory\r\nX-Other: 1\r\n");
    assert_int_equal(reply.status, 200);
    assert_has(reply.body, "GET /echo?a=1&b=%32 HTTP/1.1\r\n");
    assert_has(reply.body, "\r\nx-client-id: alice\r\n");
    assert_has(reply.body, "\r\nx-client-name: Alice Inc\r\n");
    assert_has(reply.body, "\r\nx-client-tier: gold\r\n");
    assert_has(reply.body, "\r\nx-other: 1\r\n");
    assert_hasnt(reply.body, "mallory");
    assert_has(reply.head, "\r\ncache-control: private\r\n");
    reply_free(&reply);

    reply = get(envoy.port, "/id/echo", "");
    assert_int_equal(reply.status, 401);
    assert_string_equal(reply.body, "{\"error\":\"Client ID is not present\"}");
    assert_has(reply.head, "\r\ncontent-type: application/json\r\n");
    assert_has(reply.head, "\r\nwww-authenticate: Client-ID-Enforcement\r\n");
    reply_free(&reply);

    reply = get(envoy.port, "/echo", "X-Client-Id: mallory\r\n"); /* an open API */
    assert_int_equal(reply.status, 200);
    assert_hasnt(reply.body, "mallory");
    reply_free(&reply);
    expect("/off/echo", "", 200);
    expect("/id/echo?client_id=bob", "", 401);
    expect("/id/echo?client_id=alice&client_id=alice", "", 401);
}

static void secrets_end_here(void **state)
{
    (void)state;
    needs_envoy();
    static const char *const ways[][2] = {
        {"/secret/echo?client_id=alice&client_secret=wonderland", ""},
        {"/secret/echo", "client_id: alice\r\nclient_secret: wonderland\r\n"},
        {"/secret/echo", "Authorization: Basic YWxpY2U6d29uZGVybGFuZA==\r\n"},
    };
    for (size_t i = 0; i < 3; i++) {
        struct reply reply = get(envoy.port, ways[i][0], ways[i][1]);
        assert_int_equal(reply.status, 200);
        assert_has(reply.body, "\r\nx-client-id: alice\r\n");
        assert_hasnt(reply.body, "wonderland");
        assert_hasnt(reply.body, "client_id");
        assert_hasnt(reply.body, "uthorization");
        reply_free(&reply);
    }
    /* Envoy joins lines of some names: joined or not, two are refused. */
    expect("/secret/echo",
           "Authorization: Basic YWxpY2U6d29uZGVybGFuZA==\r\n"
           "Authorization: Basic YWxpY2U6d29uZGVybGFuZA==\r\n",
           401);
    char *log = envoy_file(&envoy, "access");
    assert_hasnt(log, "wonderland");
    free(log);
}

static void told_in_the_access_log(void **state)
{
    (void)state;
    needs_envoy();
    expect("/id/logged?client_id=alice", "", 200);
    expect("/id/logged?client_id=bob", "", 401);
    assert_true(envoy_file_gets(&envoy, "access", "/id/logged 401 clientid_client_unknown"));
    char *log = envoy_file(&envoy, "access");
    const char *line = strstr(log, " 401 clientid_client_unknown ");
    assert_has(line, "\"id\":\"bob\"");
    assert_has(line, "\"reason\":\"client-unknown\"");
    line = strstr(log, "/id/logged 200 ");
    assert_non_null(line);
    char *end = strchr(line, '\n');
    *end = '\0';
    assert_has(line, "\"id\":\"alice\"");
    assert_has(line, "\"tier\":\"gold\"");
    assert_has(line, "\"reason\":\"allowed\"");
    assert_has(line, " alice"); /* filter state */
    free(log);
}

static void statistics(void **state)
{
    (void)state;
    needs_envoy();
    long long allowed = envoy_stat(&envoy, STAT "allowed");
    long long missing = envoy_stat(&envoy, STAT "client_id_missing");
    expect("/id/echo?client_id=alice", "", 200);
    expect("/id/echo?client_id=alice", "", 200);
    expect("/id/echo", "", 401);
    assert_true(envoy_stat_gets(&envoy, STAT "allowed", allowed + 2));
    assert_true(envoy_stat_gets(&envoy, STAT "client_id_missing", missing + 1));
    assert_int_equal(envoy_stat(&envoy, STAT "undecided"), 0);
    char *text = NULL;
    for (unsigned i = 0; i < 500 && (text == NULL || strstr(text, "decision_ns: P0(") == NULL);
         i++) {
        free(text);
        text = envoy_admin(&envoy, "/stats?filter=decision_ns");
        sleep_ms(10);
    }
    assert_has(text, STAT "decision_ns: P0(");
    free(text);
    struct reply reply = get(envoy.port, "/metrics", "");
    assert_int_equal(reply.status, 200);
    assert_has(reply.body, "clientid_decisions_total{api=\"id\",verdict=\"allow\"");
    reply_free(&reply);
}

static void unknown_api_instances_are_closed(void **state)
{
    (void)state;
    needs_envoy();
    expect("/nobody/echo", "", 503);
    expect("/nobody/echo", "", 503);
    assert_true(envoy_file_gets(&envoy, "log", "no API instance \"nobody\" (said once)"));
    assert_true(envoy_file_gets(&envoy, "access", "/nobody/echo 503 clientid_api_unknown"));
    char *log = envoy_file(&envoy, "log");
    assert_null(strstr(strstr(log, "no API instance") + 1, "no API instance"));
    free(log);
}

static void shadow_mode(void **state)
{
    (void)state;
    needs_envoy();
    struct reply reply = get(envoy.port, "/shadow/echo",
                             "client_id: alice\r\nclient_secret: wrong\r\nX-Client-Id: m\r\n");
    assert_int_equal(reply.status, 200);
    assert_hasnt(reply.body, "x-client-id");
    assert_hasnt(reply.body, "client_secret");
    reply_free(&reply);
    assert_true(envoy_stat(&envoy, STAT "shadowed") >= 1);
}

/* ---- quota ----------------------------------------------------------------------------------- */

static long remaining(const char *target)
{
    struct reply reply = get(envoy.port, target, "");
    const char *line =
        reply.head != NULL ? strstr(reply.head, "\r\nx-ratelimit-remaining: ") : NULL;
    long left = line != NULL ? strtol(line + 25, NULL, 10) : -1;
    reply_free(&reply);
    return left;
}

static void quota(void **state)
{
    (void)state;
    needs_envoy();
    struct reply reply = get(envoy.port, "/limited/echo?client_id=alice", "");
    assert_int_equal(reply.status, 200);
    assert_has(reply.head, "\r\nx-ratelimit-limit: 2\r\n");
    assert_has(reply.head, "\r\nx-ratelimit-remaining: 1\r\n");
    reply_free(&reply);
    expect("/limited/echo?client_id=alice", "", 200);
    reply = get(envoy.port, "/limited/echo?client_id=alice", "");
    assert_int_equal(reply.status, 429);
    assert_has(reply.head, "\r\nx-ratelimit-remaining: 0\r\n");
    assert_string_equal(reply.body, "{\"error\":\"Quota has been exceeded\"}");
    reply_free(&reply);
}

static void an_upstream_that_saw_nothing_costs_nothing(void **state)
{
    (void)state;
    needs_envoy();
    long before = remaining("/many/echo");
    expect("/down/echo", "", 503);
    char *version = envoy_admin(&envoy, "/server_info");
    bool knows_flags = strstr(version, "/1.38.") == NULL;
    free(version);
    assert_int_equal(remaining("/many/echo"), before - (knows_flags ? 1 : 2));
}

/* Envoy marks an answer as "overflow" when it would have liked to ask again and may not. */
static void an_upstream_that_answered_costs(void **state)
{
    (void)state;
    needs_envoy();
    long before = remaining("/many/echo");
    expect("/retried/echo", "", 200);
    assert_int_equal(remaining("/many/echo"), before - 2);
}

static void internal_redirects_are_new_requests(void **state)
{
    (void)state;
    needs_envoy();
    long before = remaining("/many/echo");
    struct reply reply = get(envoy.port, "/moved/many", "");
    assert_int_equal(reply.status, 200);
    assert_has(reply.body, "GET /echo HTTP/1.1");
    reply_free(&reply);
    assert_int_equal(remaining("/many/echo"), before - 3); /* both, and this one */
    /* They lead into no protected place, and an identity of the first does not count in the second. */
    expect("/moved/id", "X-Client-Id: alice\r\n", 401);
}

static void updates_keep_quota(void **state)
{
    (void)state;
    needs_envoy();
    expect("/few/echo", "", 200);
    expect("/few/echo", "", 200);
    long long updates = envoy_stat(&envoy, "listener_manager.lds.update_success");
    write_listeners("traffic_direction: INBOUND",
                    "{config: gateway.json, api: open, metadata: clientid, metricsPath: /metrics}");
    assert_true(envoy_stat_gets(&envoy, "listener_manager.lds.update_success", updates + 1));
    for (unsigned i = 0;
         i < 500 && envoy_stat(&envoy, "listener_manager.total_listeners_warming") > 0; i++)
        sleep_ms(10);
    envoy.port = envoy_port(&envoy, "main");
    expect("/few/echo", "", 200);
    expect("/few/echo", "", 429);
}

static void refuse_update(const char *settings, const char *says)
{
    long long rejected = envoy_stat(&envoy, "listener_manager.lds.update_rejected");
    write_listeners("", settings);
    assert_true(envoy_stat_gets(&envoy, "listener_manager.lds.update_rejected", rejected + 1));
    if (!envoy_file_gets(&envoy, "log", says))
        fail_msg("not said: %s\n%s", says, envoy_file(&envoy, "log"));
    expect("/id/echo?client_id=alice", "", 200);
    expect("/id/echo", "", 401);
}

static void bad_updates_change_nothing(void **state)
{
    (void)state;
    needs_envoy();
    refuse_update("{config: gateway.json, api: unheard}", "no API instance \"unheard\"");
    refuse_update("{config: missing.json, api: open}", "missing.json: No such file");
    refuse_update("{config: gateway.json, api: open, extra: 1}", "/extra: unknown key");
    refuse_update("{config: gateway.json}", "\"config\" and \"api\" are needed");
    long long updates = envoy_stat(&envoy, "listener_manager.lds.update_success");
    write_listeners("traffic_direction: INBOUND", SETTINGS);
    assert_true(envoy_stat_gets(&envoy, "listener_manager.lds.update_success", updates + 1));
    envoy.port = envoy_port(&envoy, "main");
}

static void a_changed_file_takes_effect(void **state)
{
    (void)state;
    needs_envoy();
    char changed[sizeof gateway + 64];
    const char *tail = strstr(gateway, "\"open\":{\"policies\":[]},");
    snprintf(changed, sizeof changed, "%.*s\"nobody\":{\"policies\":[]},%s", (int)(tail - gateway),
             gateway, tail);
    envoy_write(&envoy, "gateway.json", "{\"apis\":1}", 0);
    assert_true(envoy_file_gets(&envoy, "log", "the configuration before stays in force"));
    expect("/nobody/echo", "", 503);
    envoy_write(&envoy, "gateway.json", changed, 0);
    assert_true(envoy_file_gets(&envoy, "log", "new configuration in force"));
    expect("/nobody/echo", "", 200);
    expect("/few/echo", "", 429);
    envoy_write(&envoy, "gateway.json", gateway, 0);
}

/* ---- waiting --------------------------------------------------------------------------------- */

static void delayed(void **state)
{
    (void)state;
    needs_envoy();
    enum { CLIENTS = 4 };
    int fds[CLIENTS];
    for (unsigned i = 0; i < CLIENTS; i++) {
        fds[i] = client_connect(envoy.port);
        client_text(fds[i],
                    "POST /wait/body HTTP/1.1\r\nHost: test\r\nContent-Length: 5\r\n\r\nhello");
    }
    for (unsigned i = 0; i < CLIENTS; i++) {
        struct reply reply = client_read(fds[i], false);
        assert_int_equal(reply.status, 200);
        assert_string_equal(reply.body, "hello");
        reply_free(&reply);
        close(fds[i]);
    }
    assert_true(envoy_stat(&envoy, STAT "throttled") >= CLIENTS - 1);
    assert_true(envoy_file_gets(&envoy, "access", "\"delay\":\""));
}

static void leaving_frees_the_place(void **state)
{
    (void)state;
    needs_envoy();
    expect("/stuck/echo", "", 200);
    for (unsigned i = 0; i < 3; i++) {
        long long throttled = envoy_stat(&envoy, STAT "throttled");
        long long abandoned = envoy_stat(&envoy, STAT "abandoned");
        int fd = client_connect(envoy.port);
        client_text(fd, "GET /stuck/echo HTTP/1.1\r\nHost: test\r\n\r\n");
        assert_true(envoy_stat_gets(&envoy, STAT "throttled", throttled + 1));
        expect("/stuck/echo", "", 429); /* the queue is full */
        close(fd);
        assert_true(envoy_stat_gets(&envoy, STAT "abandoned", abandoned + 1));
    }
}

/* ---- bodies ---------------------------------------------------------------------------------- */

#define FORM                                                                                       \
    "POST /form/body HTTP/1.1\r\nHost: test\r\nContent-Type: "                                     \
    "application/x-www-form-urlencoded\r\n"                                                        \
    "Connection: close\r\n"

static void expect_raw(const char *text, unsigned status, const char *body)
{
    struct reply reply = ask(envoy.port, text);
    if (reply.status != status)
        fail_msg("%.60s: %u, not %u", text, reply.status, status);
    if (body != NULL)
        assert_string_equal(reply.body, body);
    reply_free(&reply);
}

static void bodies(void **state)
{
    (void)state;
    needs_envoy();
    expect_raw(FORM "Content-Length: 19\r\n\r\nx=1&client_id=alice", 200, "x=1&client_id=alice");
    expect_raw(FORM "Content-Length: 13\r\n\r\nclient_id=bob", 401, NULL);
    expect_raw(FORM "Content-Length: 0\r\n\r\n", 401, NULL);
    expect_raw(FORM "Transfer-Encoding: chunked\r\n\r\n8\r\nclient_i\r\n7\r\nd=alice\r\n0\r\n\r\n",
               200, "client_id=alice");
    expect_raw(FORM "Transfer-Encoding: chunked\r\n\r\n8\r\nclient_i\r\n7\r\nd=alice\r\n0\r\n"
                    "Trailer-Line: 1\r\nX-Client-Id: mallory\r\n\r\n",
               200, "client_id=alice");
    expect_raw(FORM "Content-Length: 70000\r\n\r\n", 413, NULL);

    /* In pieces, with time between them. */
    int fd = client_connect(envoy.port);
    static const char *const pieces[] = {FORM "Content-Length: 15\r\n\r\n", "client", "_id=al",
                                         "ice"};
    for (size_t i = 0; i < 4; i++) {
        client_text(fd, pieces[i]);
        sleep_ms(30);
    }
    struct reply reply = client_read(fd, false);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, "client_id=alice");
    reply_free(&reply);
    close(fd);

    /* Too large only while it comes. */
    static char big[80000];
    size_t len =
        (size_t)snprintf(big, sizeof big, FORM "Transfer-Encoding: chunked\r\n\r\n11800\r\n");
    memset(big + len, 'a', 71680);
    reply = ask_bytes(envoy.port, big, len + 71680);
    assert_int_equal(reply.status, 413);
    reply_free(&reply);
}

/* ---- HTTP/2 ---------------------------------------------------------------------------------- */

static void curl(const char *target, const char *header, const char *body, const char *wanted)
{
    char url[256];
    struct program_run run = {0};
    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", envoy.port, target);
    const char *argv[16] = {"/usr/bin/curl",           "-sS", "-i",   "--max-time", "20",
                            "--http2-prior-knowledge", "-H",  header, url};
    if (body != NULL) {
        argv[9] = "--data-binary";
        argv[10] = body;
    }
    program_run(&run, argv, &(struct program_options){0});
    if (strstr(run.out, wanted) == NULL)
        fail_msg("%s: %d, wanted %s in\n%s%s", target, run.status, wanted, run.out, run.err);
    program_free(&run);
}

static void http2(void **state)
{
    (void)state;
    needs_envoy();
    curl("/id/echo?client_id=alice", "x-client-id: mallory", NULL, "\r\nx-client-id: alice\r\n");
    curl("/id/echo?client_id=alice&x=1", "a: b", NULL, "GET /echo?x=1 HTTP/1.1");
    curl("/id/echo", "a: b", NULL, "HTTP/2 401");
    curl("/form/body", "content-type: application/x-www-form-urlencoded", "client_id=alice&y=2",
         "\r\n\r\nclient_id=alice&y=2");
    curl("/wait/body", "content-type: text/plain", "hello", "\r\n\r\nhello");
}

static void grpc(void **state)
{
    (void)state;
    needs_envoy();
    /* Without a body: Envoy resets a stream that it answers before its end, and curl takes that badly. */
    curl("/id/Service/Method", "content-type: application/grpc", NULL, "\r\ngrpc-status: 16\r\n");
    curl("/few/Service/Method", "content-type: application/grpc", NULL, "\r\ngrpc-status: 8\r\n");
}

/* ---- other instances ------------------------------------------------------------------------- */

static void bad_configurations_do_not_start(void **state)
{
    (void)state;
    needs_envoy();
    struct envoy other = {.pid = 0};
    snprintf(other.dir, sizeof other.dir, "%.100s/other", files.dir);
    assert_int_equal(mkdir(other.dir, 0700), 0);
    char text[32768];
    static const struct {
        const char *settings;
        int code;
        const char *says;
    } cases[] = {
        {"{config: gateway.json, api: open}", 0, ""},
        {"{config: gateway.json, api: unheard}", 1, "no API instance"},
        {"{config: broken.json, api: open}", 1, "broken.json: 1:"},
        {"{config: wrong.json, api: open}", 1, "wrong.json: /apis/open/policies/0"},
    };
    envoy_write(&other, "gateway.json",
                "{\"state\":\"@DIR@\",\"apis\":{\"open\":{\"policies\":[]}}}", 0);
    envoy_write(&other, "broken.json", "{", 0);
    envoy_write(&other, "wrong.json", "{\"apis\":{\"open\":{\"policies\":[{\"policy\":\"x\"}]}}}",
                0);
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        snprintf(
            text, sizeof text,
            "static_resources:\n  listeners:\n  - name: main\n    address: {socket_address: "
            "{address: 127.0.0.1, port_value: 0}}\n    filter_chains:\n" HCM
            "          stat_prefix: main\n          http_filters:\n          - name: clientid\n"
            "            typed_config:\n              " FILTER_TYPE "\n"
            "              dynamic_module_config: {name: clientid_envoy}\n"
            "              filter_name: clientid\n              filter_config:\n"
            "                \"@type\": type.googleapis.com/google.protobuf.Struct\n"
            "                value: %s\n" ROUTER "          route_config: {virtual_hosts: []}\n",
            cases[i].settings);
        envoy_write(&other, "envoy.yaml", text, 0);
        assert_int_equal(envoy_check(&other), cases[i].code);
        if (cases[i].code != 0) {
            char *log = envoy_file(&other, "log");
            assert_has(log, cases[i].says);
            free(log);
        }
    }
    /* And serving. */
    fprintf(stderr, "  an Envoy that must not start:\n");
    assert_false(envoy_start(&other));
}

/* A shipped configuration with the ports of this test. */
static void write_shipped(const struct envoy *other, const char *file, unsigned service)
{
    char *text = file_read(file, NULL);
    assert_non_null(text);
    size_t size = strlen(text) + 4096, len = 0;
    char *out = malloc(size);
    static const char *const ports[] = {"port_value: 9901", "port_value: 9902", "port_value: 10000",
                                        "port_value: 8000", "port_value: 8080"};
    for (const char *at = text; *at != '\0';) {
        size_t i = 0;
        while (i < 5 && strncmp(at, ports[i], strlen(ports[i])) != 0)
            i++;
        if (i == 5) {
            out[len++] = *at++;
            continue;
        }
        len += (size_t)snprintf(out + len, size - len, "port_value: %u",
                                i < 3    ? 0
                                : i == 3 ? upstream.port
                                         : service);
        at += strlen(ports[i]);
    }
    out[len] = '\0';
    envoy_write(other, "envoy.yaml", out, 0);
    free(out);
    free(text);
}

static void the_shipped_configuration(void **state)
{
    (void)state;
    needs_envoy();
    struct envoy other = {.pid = 0};
    snprintf(other.dir, sizeof other.dir, "%.100s/shipped", files.dir);
    assert_int_equal(mkdir(other.dir, 0700), 0);
    char *config = file_read("examples/envoy/gateway.json", NULL);
    envoy_write(&other, "gateway.json", config, 0);
    free(config);
    write_shipped(&other, "examples/envoy/envoy.yaml", 0);
    assert_true(envoy_start(&other));
    unsigned port = envoy_port(&other, "clients");
    struct reply reply = get(port, "/orders/1", "client_id: a\r\nclient_secret: b\r\n");
    assert_int_equal(reply.status, 503); /* there is no store yet */
    assert_has(reply.body, "Contracts Information Unreachable");
    reply_free(&reply);
    reply = get(port, "/health", "");
    assert_int_equal(reply.status, 200); /* the upstream's */
    assert_has(reply.head, "x-envoy-upstream-service-time");
    reply_free(&reply);
    reply = get(envoy_port(&other, "metrics"), "/metrics", "");
    assert_int_equal(reply.status, 200);
    assert_has(reply.body, "clientid_decisions_total");
    reply_free(&reply);
    assert_int_equal(envoy_stop(&other), 0);
}

/* clientid-proxy decides, Envoy asks it. */
static void ext_authz(void **state)
{
    (void)state;
    needs_envoy();
    struct proxy service;
    struct envoy other = {.pid = 0};
    proxy_prepare(&service);
    proxy_write_config(
        &service,
        "{\"state\":\"@DIR@/"
        "state\",\"apis\":{\"orders\":{\"policies\":[]},\"secret\":{\"policies\":"
        "[{\"policy\":\"client-id-enforcement\",\"id\":\"header:client_id\",\"secret\":"
        "\"header:client_secret\"}]}},"
        "\"proxy\":{\"listen\":\"127.0.0.1:0\",\"admin\":\"127.0.0.1:0\",\"portFile\":\"@DIR@/"
        "port\","
        "\"routes\":[{\"prefix\":\"/envoy\",\"api\":\"secret\",\"pathPrefix\":\"/envoy\"}]}}",
        &upstream);
    proxy_start(&service);
    snprintf(other.dir, sizeof other.dir, "%s", service.dir);
    write_shipped(&other, "examples/envoy/envoy-ext_authz.yaml", service.port);
    assert_true(envoy_start(&other));
    struct reply reply = get(other.port, "/orders/echo",
                             "client_id: alice\r\nclient_secret: wonderland\r\nX-Client-Id: m\r\n"
                             "X-Client-Tier: m\r\nx_client_id: m\r\n");
    assert_int_equal(reply.status, 200);
    assert_has(reply.head, "x-envoy-upstream-service-time");
    reply_free(&reply);
    reply = get(other.port, "/orders/echo", "client_id: alice\r\nclient_secret: wrong\r\n");
    assert_int_equal(reply.status, 401);
    assert_has(reply.head, "\r\nwww-authenticate: Client-ID-Enforcement\r\n");
    assert_string_equal(reply.body, "{\"error\":\"Authentication Attempt Failed\"}");
    reply_free(&reply);
    reply = get(other.port, "/health", "");
    assert_int_equal(reply.status, 200);
    reply_free(&reply);
    assert_int_equal(proxy_stop(&service), 0);
    reply = get(other.port, "/orders/echo", "client_id: alice\r\nclient_secret: wonderland\r\n");
    assert_int_equal(reply.status, 503); /* closed without its judge */
    reply_free(&reply);
    assert_int_equal(envoy_stop(&other), 0);
    proxy_remove(&service);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_fit),
        cmocka_unit_test(allowed_and_refused),
        cmocka_unit_test(secrets_end_here),
        cmocka_unit_test(told_in_the_access_log),
        cmocka_unit_test(statistics),
        cmocka_unit_test(unknown_api_instances_are_closed),
        cmocka_unit_test(shadow_mode),
        cmocka_unit_test(quota),
        cmocka_unit_test(an_upstream_that_saw_nothing_costs_nothing),
        cmocka_unit_test(an_upstream_that_answered_costs),
        cmocka_unit_test(internal_redirects_are_new_requests),
        cmocka_unit_test(updates_keep_quota),
        cmocka_unit_test(bad_updates_change_nothing),
        cmocka_unit_test(a_changed_file_takes_effect),
        cmocka_unit_test(delayed),
        cmocka_unit_test(leaving_frees_the_place),
        cmocka_unit_test(bodies),
        cmocka_unit_test(http2),
        cmocka_unit_test(grpc),
        cmocka_unit_test(bad_configurations_do_not_start),
        cmocka_unit_test(the_shipped_configuration),
        cmocka_unit_test(ext_authz),
    };
    return cmocka_run_group_tests_name("envoy", tests, setup, teardown);
}
