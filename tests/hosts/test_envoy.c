/* SPDX-License-Identifier: Apache-2.0 */
/* The module in a real Envoy. */
#include "support_envoy.h"
#include "support_proxy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct upstream upstream;
static struct proxy files; /* the folder, with contracts as last-known-good files */
static struct envoy envoy;

static const char gateway[] =
    "{\"state\":\"@DIR@/state\",\"apis\":{"
    "\"id\":{\"policies\":[{\"policy\":\"client-id-enforcement\",\"id\":\"query:client_id\"}]}}}";

static const char yaml[] =
    "admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}\n"
    "static_resources:\n"
    "  listeners:\n"
    "  - name: main\n"
    "    address: {socket_address: {address: 127.0.0.1, port_value: 0}}\n"
    "    filter_chains:\n"
    "    - filters:\n"
    "      - name: envoy.filters.network.http_connection_manager\n"
    "        typed_config:\n"
    "          \"@type\": type.googleapis.com/envoy.extensions.filters.network."
    "http_connection_manager.v3.HttpConnectionManager\n"
    "          stat_prefix: main\n"
    "          http_filters:\n"
    "          - name: clientid\n"
    "            typed_config:\n"
    "              \"@type\": type.googleapis.com/envoy.extensions.filters.http.dynamic_modules.v3."
    "DynamicModuleFilter\n"
    "              dynamic_module_config: {name: clientid_envoy}\n"
    "              filter_name: clientid\n"
    "              filter_config:\n"
    "                \"@type\": type.googleapis.com/google.protobuf.Struct\n"
    "                value: {config: gateway.json, api: id}\n"
    "          - name: envoy.filters.http.router\n"
    "            typed_config: {\"@type\": "
    "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}\n"
    "          route_config:\n"
    "            virtual_hosts:\n"
    "            - {name: all, domains: ['*'], routes: [{match: {prefix: /}, route: {cluster: "
    "up}}]}\n"
    "  clusters:\n"
    "  - name: up\n"
    "    load_assignment: {cluster_name: up, endpoints: [{lb_endpoints: [{endpoint: {address: "
    "{socket_address: {address: 127.0.0.1, port_value: @UP@}}}}]}]}\n";

static int setup(void **state)
{
    (void)state;
    upstream_start(&upstream);
    proxy_prepare(&files);
    snprintf(envoy.dir, sizeof envoy.dir, "%s", files.dir);
    envoy_write(&envoy, "gateway.json", gateway, upstream.port);
    envoy_write(&envoy, "envoy.yaml", yaml, upstream.port);
    return envoy_program() == NULL || envoy_start(&envoy) ? 0 : -1;
}

static int teardown(void **state)
{
    (void)state;
    int code = envoy_stop(&envoy);
    proxy_remove(&files);
    upstream_stop(&upstream);
    return code;
}

static void needs_envoy(void)
{
    if (envoy_program() == NULL)
        skip();
}

static void one_request(void **state)
{
    (void)state;
    needs_envoy();
    struct reply reply = get(envoy.port, "/echo?client_id=alice&x=1", "");
    printf("%s%s\n", reply.head, reply.body);
    assert_int_equal(reply.status, 200);
    reply_free(&reply);
    reply = get(envoy.port, "/echo", "");
    printf("%s%s\n", reply.head, reply.body);
    assert_int_equal(reply.status, 401);
    reply_free(&reply);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_request),
    };
    return cmocka_run_group_tests_name("envoy", tests, setup, teardown);
}
