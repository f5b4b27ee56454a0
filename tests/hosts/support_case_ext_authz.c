/* SPDX-License-Identifier: Apache-2.0 */
/* Envoy as it comes, with ext_authz over HTTP. */
#include "support_case_hosts.h"
#include "support_envoy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct proxy service;
static struct envoy envoy;

static const char *missing(void)
{
    return envoy_program() == NULL ? "there is no Envoy" : NULL;
}

/* As in examples/proxy/README.md. */
static void write_filters(FILE *out, const char *suite)
{
    fprintf(out,
            "          http_filters:\n"
            "          - name: envoy.filters.http.ext_authz\n"
            "            typed_config:\n"
            "              \"@type\": type.googleapis.com/"
            "envoy.extensions.filters.http.ext_authz.v3.ExtAuthz\n"
            "              http_service:\n"
            "                server_uri: {uri: \"http://127.0.0.1:%u\", cluster: clientid, "
            "timeout: 2s}\n"
            "                path_prefix: /envoy/%s\n"
            "                authorization_response:\n"
            "                  allowed_upstream_headers: {patterns: [{prefix: x-client-}]}\n"
            "              allowed_headers: {patterns: [{safe_regex: {regex: \".*\"}}]}\n"
            "              with_request_body: {max_request_bytes: 65536}\n"
            "          - name: envoy.filters.http.router\n"
            "            typed_config: {\"@type\": type.googleapis.com/"
            "envoy.extensions.filters.http.router.v3.Router}\n",
            service.port, suite);
}

static void write_listener(FILE *out, const struct support_suite *suite)
{
    const char *name;
    json_t *ignored;

    fprintf(out,
            "  - name: %s\n"
            "    address: {socket_address: {address: 127.0.0.1, port_value: 0}}\n"
            "    filter_chains:\n"
            "    - filters:\n"
            "      - name: envoy.filters.network.http_connection_manager\n"
            "        typed_config:\n"
            "          \"@type\": type.googleapis.com/envoy.extensions.filters.network."
            "http_connection_manager.v3.HttpConnectionManager\n"
            "          stat_prefix: cases\n"
            "          route_config:\n"
            "            virtual_hosts:\n"
            "            - name: all\n"
            "              domains: [\"*\"]\n"
            "              routes:\n",
            suite->name);
    json_object_foreach((json_t *)(uintptr_t)suite_apis(suite), name, ignored)
        fprintf(out, "              - {match: {prefix: /%s/}, route: {cluster: upstream}}\n", name);
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

static void start(const struct replay *replay)
{
    FILE *out;

    case_service_start(&service, replay, "native");
    envoy = (struct envoy){.concurrency = 1};
    snprintf(envoy.dir, sizeof(envoy.dir), "%s", replay->dir);
    free(case_file(replay, "envoy.yaml", &out));
    fprintf(out, "admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}\n"
                 "static_resources:\n  listeners:\n");
    for (size_t i = 0; i < replay->count; i++) {
        write_listener(out, &replay->suites[i]);
        write_filters(out, replay->suites[i].name);
    }
    fprintf(out, "  clusters:\n");
    write_cluster(out, "upstream", replay->upstream.port);
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

static void stop(void)
{
    int code = envoy_stop(&envoy);

    case_proxy_stop(&service);
    assert_int_equal(code, 0);
}

/* Refusals are the service's, whole; an answer of 200 adds nothing to the upstream's. */
const struct case_host case_ext_authz = {.name = "ext_authz",
                                         .judges = JUDGES_STATUS | JUDGES_CHALLENGE | JUDGES_BODY |
                                                   JUDGES_IDENTITY,
                                         .missing = missing,
                                         .start = start,
                                         .serve = serve,
                                         .stop = stop};
