/* SPDX-License-Identifier: Apache-2.0 */
#include "support_fleet.h"

#include <clientid/control.h>
#include <clientid/store.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

enum { TEXT_BYTES = 16384 };

const char *fleet_name(enum fleet_host host)
{
    static const char *const of[] = {"NGINX", "Envoy", "clientid-proxy"};
    return of[host];
}

const char *fleet_missing(void)
{
    if (!nginx_available())
        return "no nginx, or its module is not built";
    return envoy_program() == NULL ? "no Envoy" : NULL;
}

/* ---- contracts ------------------------------------------------------------------------------- */

static void need(int rv, const clientid_error *error)
{
    if (rv != 0)
        fail_msg("%s %s", clientid_strerror(rv), error->text);
}

static clientid_str str(const char *text)
{
    return (clientid_str){text, strlen(text)};
}

static uint64_t add_tier(clientid_control *control, const char *name, uint64_t maximum,
                         uint64_t period_ms, uint64_t *api_id)
{
    clientid_limit limit = {.maximum_requests = maximum, .period_ms = period_ms, .visible = 1};
    clientid_api_record api = {
        .size = sizeof api, .kind = CLIENTID_API_INSTANCE, .name = str(name)};
    clientid_tier_record tier = {.size = sizeof tier,
                                 .name = CLIENTID_STR("tier"),
                                 .limits = &limit,
                                 .limit_count = 1,
                                 .status = CLIENTID_TIER_ACTIVE,
                                 .auto_approve = 1};
    clientid_error error;
    uint64_t id;
    need(clientid_control_api_create(control, &api, api_id, &error), &error);
    tier.api_id = *api_id;
    need(clientid_control_tier_create(control, &tier, &id, &error), &error);
    return id;
}

static uint64_t alice(clientid_control *control)
{
    clientid_application_record record = {
        .size = sizeof record, .name = CLIENTID_STR("alice"), .client_id = CLIENTID_STR("alice")};
    clientid_credentials credentials = {.size = sizeof credentials};
    clientid_error error;
    uint64_t id;
    if (clientid_control_application_find(control, record.client_id, &id, &error) == 0)
        return id;
    need(clientid_control_application_create(control, &record, CLIENTID_STR("wonderland"),
                                             &credentials, &error),
         &error);
    return credentials.application_id;
}

void fleet_add(struct fleet *fleet, const char *api, const char *policies, uint64_t maximum,
               uint64_t period_ms)
{
    clientid_access_request request = {.size = sizeof request};
    clientid_control *control;
    clientid_store *store;
    clientid_error error;
    uint64_t id;
    need(clientid_store_open(&store, fleet->store, CLIENTID_STORE_CREATE, &error), &error);
    need(clientid_control_new(&control, store, NULL, &error), &error);
    request.tier_id = add_tier(control, api, maximum, period_ms, &request.api_id);
    request.application_id = alice(control);
    need(clientid_control_contract_request(control, &request, &id, NULL, &error), &error);
    clientid_control_del(control);
    clientid_store_close(store);
    assert_true(fleet->api_count < FLEET_APIS_MAX);
    fleet->apis[fleet->api_count].name = api;
    fleet->apis[fleet->api_count++].policies = policies;
}

/* ---- configuration --------------------------------------------------------------------------- */

static void append(char *text, const char *format, ...) __attribute__((format(printf, 2, 3)));
static void append(char *text, const char *format, ...)
{
    size_t used = strlen(text);
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text + used, TEXT_BYTES - used, format, args);
    va_end(args);
    assert_true(len >= 0 && used + (size_t)len < TEXT_BYTES);
}

static void write_gateway(const struct fleet *fleet)
{
    char *text = calloc(1, TEXT_BYTES);
    append(text,
           "{\"store\": \"%s\", \"state\": \"@DIR@/shared\", \"limits\": {\"file\": "
           "\"@DIR@/limits\"}, \"apis\": {",
           fleet->store);
    for (size_t i = 0; i < fleet->api_count; i++)
        append(text, "%s\"%s\": {\"policies\": %s}", i > 0 ? ", " : "", fleet->apis[i].name,
               fleet->apis[i].policies);
    append(text,
           "},\n \"proxy\": {\"listen\": \"127.0.0.1:0\", \"portFile\": \"@DIR@/port\", \"admin\": "
           "\"127.0.0.1:0\", \"routes\": [");
    for (size_t i = 0; i < fleet->api_count; i++)
        append(text,
               "%s{\"prefix\": \"/%s\", \"api\": \"%s\", \"upstream\": "
               "\"http://127.0.0.1:@UP@/echo\", \"stripPrefix\": true}",
               i > 0 ? ", " : "", fleet->apis[i].name, fleet->apis[i].name);
    append(text, "]}}");
    proxy_write_config(&fleet->proxy, text, &fleet->upstream);
    free(text);
}

static void write_nginx(const struct fleet *fleet)
{
    char *text = calloc(1, TEXT_BYTES);
    append(text,
           "clientid_config %s/config;\n"
           "keepalive_requests 1000000;\n"
           "server {\n listen 127.0.0.1:@PORT@;\n",
           fleet->proxy.dir);
    for (size_t i = 0; i < fleet->api_count; i++)
        append(text, " location /%s/ { clientid %s; empty_gif; }\n", fleet->apis[i].name,
               fleet->apis[i].name);
    append(text, "}\n");
    nginx_write_conf(&fleet->nginx, "worker_processes 2;\n", text);
    free(text);
}

static const char envoy_head[] =
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
    "              \"@type\": type.googleapis.com/envoy.extensions.filters.http."
    "dynamic_modules.v3.DynamicModuleFilter\n"
    "              dynamic_module_config: {name: clientid_envoy}\n"
    "              filter_name: clientid\n"
    "              filter_config:\n"
    "                \"@type\": type.googleapis.com/google.protobuf.Struct\n"
    "                value: {config: %s/config, api: probe}\n"
    "          - name: envoy.filters.http.router\n"
    "            typed_config: {\"@type\": "
    "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}\n"
    "          route_config:\n"
    "            virtual_hosts:\n"
    "            - name: all\n"
    "              domains: ['*']\n"
    "              routes:\n";

static const char envoy_route[] =
    "              - match: {prefix: /%s/}\n"
    "                direct_response: {status: 200}\n"
    "                typed_per_filter_config:\n"
    "                  clientid:\n"
    "                    \"@type\": type.googleapis.com/envoy.extensions.filters.http."
    "dynamic_modules.v3.DynamicModuleFilterPerRoute\n"
    "                    dynamic_module_config: {name: clientid_envoy}\n"
    "                    filter_config:\n"
    "                      \"@type\": type.googleapis.com/google.protobuf.Struct\n"
    "                      value: {config: %s/config, api: %s}\n";

static void write_envoy(const struct fleet *fleet)
{
    char *text = calloc(1, TEXT_BYTES);
    append(text, envoy_head, fleet->proxy.dir);
    for (size_t i = 0; i < fleet->api_count; i++)
        append(text, envoy_route, fleet->apis[i].name, fleet->proxy.dir, fleet->apis[i].name);
    envoy_write(&fleet->envoy, "envoy.yaml", text, fleet->upstream.port);
    free(text);
}

/* ---- all of them ----------------------------------------------------------------------------- */

void fleet_prepare(struct fleet *fleet)
{
    char path[128];
    *fleet = (struct fleet){.envoy = {.pid = -1, .concurrency = 2}};
    upstream_start(&fleet->upstream);
    proxy_prepare(&fleet->proxy);
    nginx_prepare(&fleet->nginx, &fleet->upstream);
    (void)snprintf(fleet->envoy.dir, sizeof fleet->envoy.dir, "%.50s/envoy", fleet->proxy.dir);
    assert_int_equal(mkdir(fleet->envoy.dir, 0700), 0);
    snprintf(path, sizeof path, "%s/shared", fleet->proxy.dir);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(fleet->store, sizeof fleet->store, "sqlite:%s/store.db", fleet->proxy.dir);
    fleet_add(fleet, "probe",
              "[{\"policy\": \"client-id-enforcement\", \"id\": \"query:client_id\"}]", 1000000,
              60000);
}

static void await_contracts(unsigned port, const char *name)
{
    unsigned status = 0;
    for (uint64_t end = now_ms() + 10000; now_ms() < end && status != 200; sleep_ms(20)) {
        struct reply reply = get(port, "/probe/?client_id=alice&client_secret=wonderland", "");
        status = reply.status;
        reply_free(&reply);
    }
    if (status != 200)
        fail_msg("%s answers %u", name, status);
}

void fleet_start(struct fleet *fleet)
{
    write_gateway(fleet);
    write_nginx(fleet);
    write_envoy(fleet);
    nginx_start(&fleet->nginx);
    assert_true(envoy_start(&fleet->envoy));
    proxy_start(&fleet->proxy);
    fleet->ports[FLEET_NGINX] = fleet->nginx.port;
    fleet->ports[FLEET_ENVOY] = fleet->envoy.port;
    fleet->ports[FLEET_PROXY] = fleet->proxy.port;
    for (int host = 0; host < FLEET_HOSTS; host++)
        await_contracts(fleet->ports[host], fleet_name((enum fleet_host)host));
}

void fleet_stop(struct fleet *fleet)
{
    if (fleet->envoy.pid > 0)
        (void)envoy_stop(&fleet->envoy);
    if (fleet->proxy.pid > 0)
        (void)proxy_stop(&fleet->proxy);
    nginx_remove(&fleet->nginx);
    proxy_remove(&fleet->proxy);
    upstream_stop(&fleet->upstream);
}
