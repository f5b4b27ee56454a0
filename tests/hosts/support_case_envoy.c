/* SPDX-License-Identifier: Apache-2.0 */
/* Envoy with ext_authz over HTTP, and with the module. */
#include "support_case_hosts.h"
#include "support_envoy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#define TYPES  "\"@type\": type.googleapis.com/"
#define FILTER "envoy.extensions.filters.http."

static struct proxy service;
static struct envoy envoy;

/* ---- what both have -------------------------------------------------------------------------- */

static void write_listener(FILE *out, const struct support_suite *suite)
{
    fprintf(out,
            "  - name: %s\n"
            "    address: {socket_address: {address: 127.0.0.1, port_value: 0}}\n"
            "    filter_chains:\n"
            "    - filters:\n"
            "      - name: envoy.filters.network.http_connection_manager\n"
            "        typed_config:\n"
            "          " TYPES "envoy.extensions.filters.network.http_connection_manager.v3."
            "HttpConnectionManager\n"
            "          stat_prefix: cases\n"
            "          route_config:\n"
            "            virtual_hosts:\n"
            "            - name: all\n"
            "              domains: [\"*\"]\n"
            "              routes:\n",
            suite->name);
}

static void write_route(FILE *out, const char *name)
{
    fprintf(out,
            "              - match: {prefix: /%s/}\n"
            "                route: {cluster: upstream}\n",
            name);
}

static void write_router(FILE *out)
{
    fprintf(out, "          - name: envoy.filters.http.router\n"
                 "            typed_config: {" TYPES FILTER "router.v3.Router}\n");
}

static void write_cluster(FILE *out, const char *name, unsigned port)
{
    fprintf(out,
            "  - name: %s\n"
            "    load_assignment:\n"
            "      cluster_name: %s\n"
            "      endpoints: [{lb_endpoints: [{endpoint: {address: {socket_address: "
            "{address: 127.0.0.1, port_value: %u}}}}]}]\n",
            name, name, port);
}

/* |write_suite| writes a whole listener. */
static void start(const struct replay *replay,
                  void (*write_suite)(FILE *out, const struct support_suite *suite))
{
    FILE *out;

    envoy = (struct envoy){.concurrency = 1};
    snprintf(envoy.dir, sizeof(envoy.dir), "%s", replay->dir);
    free(case_file(replay, "envoy.yaml", &out));
    fprintf(out, "admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}\n"
                 "static_resources:\n  listeners:\n");
    for (size_t i = 0; i < replay->count; i++)
        write_suite(out, &replay->suites[i]);
    fprintf(out, "  clusters:\n");
    write_cluster(out, "upstream", replay->upstream.port);
    if (service.pid > 0)
        write_cluster(out, "clientid", service.port);
    assert_int_equal(fclose(out), 0);
    assert_true(envoy_start(&envoy));
}

static unsigned serve(const struct replay *replay, size_t suite)
{
    unsigned port = envoy_port(&envoy, replay->suites[suite].name);

    assert_true(port != 0);
    return port;
}

/* ---- ext_authz ------------------------------------------------------------------------------- */

static const char *no_envoy(void)
{
    return envoy_program() == NULL ? "there is no Envoy" : NULL;
}

/* The filter as in examples/proxy/README.md. */
static void write_ext_authz(FILE *out, const struct support_suite *suite)
{
    const char *name;
    json_t *ignored;

    write_listener(out, suite);
    json_object_foreach((json_t *)(uintptr_t)suite_apis(suite), name, ignored)
        write_route(out, name);
    fprintf(out,
            "          http_filters:\n"
            "          - name: envoy.filters.http.ext_authz\n"
            "            typed_config:\n"
            "              " TYPES FILTER "ext_authz.v3.ExtAuthz\n"
            "              http_service:\n"
            "                server_uri: {uri: \"http://clientid\", cluster: clientid, "
            "timeout: 2s}\n"
            "                path_prefix: /envoy/%s\n"
            "                authorization_response:\n"
            "                  allowed_upstream_headers: {patterns: [{prefix: x-client-}]}\n"
            "              allowed_headers: {patterns: [{safe_regex: {regex: \".*\"}}]}\n"
            "              with_request_body: {max_request_bytes: 65536}\n",
            suite->name);
    write_router(out);
}

static void start_ext_authz(const struct replay *replay)
{
    case_service_start(&service, replay, "native");
    start(replay, write_ext_authz);
}

static void stop_ext_authz(void)
{
    int code = envoy_stop(&envoy);

    case_proxy_stop(&service);
    assert_int_equal(code, 0);
}

/* Refusals are the service's, whole; an answer of 200 adds nothing to the upstream's. */
const struct case_host case_ext_authz = {.name = "ext_authz",
                                         .judges = JUDGES_STATUS | JUDGES_CHALLENGE | JUDGES_BODY |
                                                   JUDGES_IDENTITY,
                                         .missing = no_envoy,
                                         .start = start_ext_authz,
                                         .serve = serve,
                                         .stop = stop_ext_authz};

/* ---- the module ------------------------------------------------------------------------------ */

static const char *no_module(void)
{
    char path[512];
    const char *folder = envoy_modules();

    snprintf(path, sizeof(path), "%s/libclientid_envoy.so", folder != NULL ? folder : "");
    return envoy_program() == NULL ? "there is no Envoy"
           : access(path, R_OK)    ? "the module was not built"
                                   : NULL;
}

static void write_module_route(FILE *out, const struct support_suite *suite, const char *name)
{
    char api[SUITE_API_BYTES];

    suite_api_name(api, suite, name);
    write_route(out, name);
    fprintf(out,
            "                typed_per_filter_config:\n"
            "                  clientid:\n"
            "                    " TYPES FILTER "dynamic_modules.v3.DynamicModuleFilterPerRoute\n"
            "                    dynamic_module_config: {name: clientid_envoy}\n"
            "                    filter_config:\n"
            "                      " TYPES "google.protobuf.StringValue\n"
            "                      value: '{\"api\": \"%s\"}'\n",
            api);
}

static void write_module(FILE *out, const struct support_suite *suite)
{
    char api[SUITE_API_BYTES];
    const char *name;
    json_t *ignored;

    write_listener(out, suite);
    json_object_foreach((json_t *)(uintptr_t)suite_apis(suite), name, ignored)
        write_module_route(out, suite, name);
    suite_api_name(api, suite, suite->api);
    fprintf(out,
            "          http_filters:\n"
            "          - name: clientid\n"
            "            typed_config:\n"
            "              " TYPES FILTER "dynamic_modules.v3.DynamicModuleFilter\n"
            "              dynamic_module_config: {name: clientid_envoy}\n"
            "              filter_name: clientid\n"
            "              filter_config:\n"
            "                " TYPES "google.protobuf.Struct\n"
            "                value: {config: gateway.json, api: %s}\n",
            api);
    write_router(out);
}

static void start_module(const struct replay *replay)
{
    case_config(replay, "gateway.json");
    start(replay, write_module);
    case_wait_loaded(serve(replay, 0), &replay->suites[0]);
}

static void stop_module(void)
{
    assert_int_equal(envoy_stop(&envoy), 0);
}

const struct case_host case_envoy = {.name = "envoy",
                                     .judges = JUDGES_ALL,
                                     .missing = no_module,
                                     .start = start_module,
                                     .serve = serve,
                                     .stop = stop_module};
