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

static uint64_t application(clientid_control *control, const char *client, const char *secret)
{
    clientid_application_record record = {
        .size = sizeof record, .name = str(client), .client_id = str(client)};
    clientid_credentials credentials = {.size = sizeof credentials};
    clientid_error error;
    uint64_t id;
    if (clientid_control_application_find(control, record.client_id, &id, &error) == 0)
        return id;
    need(clientid_control_application_create(control, &record, str(secret), &credentials, &error),
         &error);
    return credentials.application_id;
}

static uint64_t add_contract(struct fleet_store *store, clientid_access_request *request,
                             const char *client, const char *secret)
{
    uint64_t id;
    request->size = sizeof *request;
    request->application_id = application(store->control, client, secret);
    need(clientid_control_contract_request(store->control, request, &id, NULL, &store->error),
         &store->error);
    return id;
}

int fleet_store_open(const struct fleet *fleet, struct fleet_store *out)
{
    *out = (struct fleet_store){.store = NULL};
    int rv = clientid_store_open(&out->store, fleet->store, 0, &out->error);
    if (rv == 0)
        rv = clientid_control_new(&out->control, out->store, NULL, &out->error);
    if (rv != 0)
        clientid_store_close(out->store);
    return rv;
}

void fleet_store_close(struct fleet_store *store)
{
    clientid_control_del(store->control);
    clientid_store_close(store->store);
}

void fleet_add(struct fleet *fleet, const char *api, const char *policies, uint64_t maximum,
               uint64_t period_ms)
{
    clientid_access_request request = {.size = sizeof request};
    struct fleet_store store;
    need(fleet_store_open(fleet, &store), &store.error);
    request.tier_id = add_tier(store.control, api, maximum, period_ms, &request.api_id);
    (void)add_contract(&store, &request, "alice", "wonderland");
    fleet_store_close(&store);
    assert_true(fleet->api_count < FLEET_APIS_MAX);
    fleet->apis[fleet->api_count].name = api;
    fleet->apis[fleet->api_count++].policies = policies;
}

uint64_t fleet_add_client(struct fleet *fleet, const char *api, const char *client,
                          const char *secret)
{
    clientid_access_request request = {.size = sizeof request};
    struct fleet_store store;
    need(fleet_store_open(fleet, &store), &store.error);
    need(clientid_control_api_find(store.control, str(api), &request.api_id, &store.error),
         &store.error);
    need(clientid_control_tier_find(store.control, request.api_id, CLIENTID_STR("tier"),
                                    &request.tier_id, &store.error),
         &store.error);
    uint64_t id = add_contract(&store, &request, client, secret);
    fleet_store_close(&store);
    return id;
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
           "\"@DIR@/limits\"}, \"degradedAfter\": \"%us\", \"apis\": {",
           fleet->store, 60 + fleet->configuration_version % 2);
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
           "%s"
           "upstream up { server 127.0.0.1:@UP@; keepalive 16; }\n"
           "server {\n listen 127.0.0.1:@PORT@;\n"
           " proxy_http_version 1.1;\n proxy_set_header Connection \"\";\n"
           " location = /metrics { clientid_metrics; add_header X-Process $pid; }\n",
           fleet->proxy.dir,
           fleet->quiet ? "error_log @DIR@/error.log warn;\nclientid_log_level info;\n" : "");
    for (size_t i = 0; i < fleet->api_count; i++)
        append(text, " location /%s/ { clientid %s; %s; }\n", fleet->apis[i].name,
               fleet->apis[i].name, fleet->proxied ? "proxy_pass http://up/echo" : "empty_gif");
    append(text, "}\n");
    nginx_write_conf(&fleet->nginx, "worker_processes 2;\n", text);
    free(text);
}

static const char envoy_bootstrap[] =
    "node: {id: fleet, cluster: fleet}\n"
    "admin: {address: {socket_address: {address: 127.0.0.1, port_value: 0}}}\n"
    "dynamic_resources:\n"
    "  lds_config: {path_config_source: {path: @DIR@/lds.yaml}}\n"
    "static_resources:\n"
    "  clusters:\n"
    "  - name: up\n"
    "    load_assignment: {cluster_name: up, endpoints: [{lb_endpoints: [{endpoint: {address: "
    "{socket_address: {address: 127.0.0.1, port_value: @UP@}}}}]}]}\n";

/* Its name, what makes a version another one, its name, the folder twice, what the filter does beside. */
static const char envoy_listener[] =
    "- \"@type\": type.googleapis.com/envoy.config.listener.v3.Listener\n"
    "  name: %s\n"
    "  %s\n"
    "  address: {socket_address: {address: 127.0.0.1, port_value: 0}}\n"
    "  filter_chains:\n"
    "  - filters:\n"
    "    - name: envoy.filters.network.http_connection_manager\n"
    "      typed_config:\n"
    "        \"@type\": type.googleapis.com/envoy.extensions.filters.network."
    "http_connection_manager.v3.HttpConnectionManager\n"
    "        stat_prefix: %s\n"
    "        access_log:\n"
    "        - name: failed\n"
    "          filter: {status_code_filter: {comparison: {op: GE, value: {default_value: 500, "
    "runtime_key: fleet.failed}}}}\n"
    "          typed_config:\n"
    "            \"@type\": type.googleapis.com/envoy.extensions.access_loggers.file.v3."
    "FileAccessLog\n"
    "            path: %s/envoy/failed\n"
    "            log_format: {text_format_source: {inline_string: \"%%START_TIME%% %%PATH(NQ)%% "
    "%%RESPONSE_CODE%% %%RESPONSE_CODE_DETAILS%% %%RESPONSE_FLAGS%% %%DURATION%% ms\\n\"}}\n"
    "        http_filters:\n"
    "        - name: clientid\n"
    "          typed_config:\n"
    "            \"@type\": type.googleapis.com/envoy.extensions.filters.http."
    "dynamic_modules.v3.DynamicModuleFilter\n"
    "            dynamic_module_config: {name: clientid_envoy}\n"
    "            filter_name: clientid\n"
    "            filter_config:\n"
    "              \"@type\": type.googleapis.com/google.protobuf.Struct\n"
    "              value: {config: %s/config, %s}\n"
    "        - name: envoy.filters.http.router\n"
    "          typed_config: {\"@type\": "
    "type.googleapis.com/envoy.extensions.filters.http.router.v3.Router}\n"
    "        route_config:\n"
    "          virtual_hosts:\n"
    "          - name: all\n"
    "            domains: ['*']\n"
    "            routes:\n";

static const char envoy_route[] =
    "            - match: {prefix: /%s/}\n"
    "              %s\n"
    "              typed_per_filter_config:\n"
    "                clientid:\n"
    "                  \"@type\": type.googleapis.com/envoy.extensions.filters.http."
    "dynamic_modules.v3.DynamicModuleFilterPerRoute\n"
    "                  dynamic_module_config: {name: clientid_envoy}\n"
    "                  filter_config:\n"
    "                    \"@type\": type.googleapis.com/google.protobuf.Struct\n"
    "                    value: {config: %s/config, api: %s}\n";

static void write_listeners(const struct fleet *fleet)
{
    char *text = calloc(1, TEXT_BYTES);
    append(text, "resources:\n");
    append(text, envoy_listener, "main",
           fleet->listener_version % 2 ? "traffic_direction: INBOUND" : "", "main",
           fleet->proxy.dir, fleet->proxy.dir, "api: probe");
    for (size_t i = 0; i < fleet->api_count; i++)
        append(text, envoy_route, fleet->apis[i].name,
               fleet->proxied ? "route: {cluster: up, prefix_rewrite: /echo}"
                              : "direct_response: {status: 200}",
               fleet->proxy.dir, fleet->apis[i].name);
    append(text, envoy_listener, "metrics", "", "metrics", fleet->proxy.dir, fleet->proxy.dir,
           "api: null, metricsPath: /metrics");
    append(text, "            - {match: {prefix: /}, direct_response: {status: 404}}\n");
    envoy_write(&fleet->envoy, "lds.yaml", text, fleet->upstream.port);
    free(text);
}

static void write_envoy(const struct fleet *fleet)
{
    envoy_write(&fleet->envoy, "envoy.yaml", envoy_bootstrap, fleet->upstream.port);
    write_listeners(fleet);
}

/* ---- all of them ----------------------------------------------------------------------------- */

void fleet_prepare(struct fleet *fleet)
{
    char path[128];
    clientid_store *store;
    clientid_error error;
    *fleet = (struct fleet){.envoy = {.pid = -1, .concurrency = 2}};
    upstream_start(&fleet->upstream);
    proxy_prepare(&fleet->proxy);
    nginx_prepare(&fleet->nginx, &fleet->upstream);
    (void)snprintf(fleet->envoy.dir, sizeof fleet->envoy.dir, "%.50s/envoy", fleet->proxy.dir);
    assert_int_equal(mkdir(fleet->envoy.dir, 0700), 0);
    snprintf(path, sizeof path, "%s/shared", fleet->proxy.dir);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(fleet->store, sizeof fleet->store, "sqlite:%s/store.db", fleet->proxy.dir);
    need(clientid_store_open(&store, fleet->store, CLIENTID_STORE_CREATE, &error), &error);
    clientid_store_close(store);
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
    fleet->envoy_metrics = envoy_port(&fleet->envoy, "metrics");
    fleet->ports[FLEET_ENVOY] = fleet->envoy.port = envoy_port(&fleet->envoy, "main");
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

/* ---- changes while they run ------------------------------------------------------------------ */

bool fleet_update_envoy(struct fleet *fleet)
{
    static const char success[] = "listener_manager.lds.update_success";
    long long updates = envoy_stat(&fleet->envoy, success);
    fleet->listener_version++;
    write_listeners(fleet);
    return envoy_stat_gets(&fleet->envoy, success, updates + 1) &&
           envoy_stat_gets(&fleet->envoy, "listener_manager.total_listeners_warming", 0) &&
           envoy_stat_gets(&fleet->envoy, "listener_manager.total_listeners_draining", 0);
}

void fleet_change_configuration(struct fleet *fleet)
{
    fleet->configuration_version++;
    write_gateway(fleet);
}

static double sum_of(const char *text, const char *metric)
{
    double sum = 0;
    for (const char *at = text; (at = strstr(at, metric)) != NULL; at += strlen(metric)) {
        if (at != text && at[-1] == '\n' && at[strlen(metric)] == '{')
            sum += strtod(strchr(at, ' '), NULL);
    }
    return sum;
}

/* Which worker answers is chance: they are asked until each has. */
static double nginx_waiting(const struct fleet *fleet)
{
    pid_t workers[16];
    bool heard[16] = {false};
    double waiting = 0;
    size_t count = nginx_workers(fleet->nginx.pid, workers, 16);
    size_t missing = count;
    for (unsigned tries = 0; tries < 2000 && missing != 0; tries++) {
        struct reply reply = get(fleet->ports[FLEET_NGINX], "/metrics", "Connection: close\r\n");
        const char *line = reply.head != NULL ? strstr(reply.head, "X-Process: ") : NULL;
        pid_t pid = line != NULL ? (pid_t)strtol(line + 11, NULL, 10) : 0;
        for (size_t i = 0; i < count; i++) {
            if (workers[i] != pid || heard[i])
                continue;
            heard[i] = true;
            missing--;
            waiting += sum_of(reply.body, "clientid_waiting_requests");
        }
        reply_free(&reply);
    }
    return count != 0 && missing == 0 ? waiting : -1;
}

double fleet_waiting(const struct fleet *fleet, enum fleet_host host)
{
    if (host == FLEET_NGINX)
        return nginx_waiting(fleet);
    struct reply reply =
        get(host == FLEET_ENVOY ? fleet->envoy_metrics : fleet->proxy.admin, "/metrics", "");
    double waiting = reply.status == 200 ? sum_of(reply.body, "clientid_waiting_requests") : -1;
    reply_free(&reply);
    return waiting;
}
