/* SPDX-License-Identifier: Apache-2.0 */
/* A configuration is shared by threads and never changes while anyone holds it. */
#include "config.h"

#include <stdlib.h>
#include <string.h>

int config_bind(struct config *config, clientid_gateway *gateway)
{
    for (size_t i = 0; i < config->route_count; i++) {
        struct route *route = &config->routes[i];
        clientid_str name = {route->api_name, strlen(route->api_name)};
        int rv = clientid_api_get(gateway, name, &route->api);
        if (rv < 0)
            return rv;
    }
    return 0;
}

struct config *config_hold(struct config *config)
{
    atomic_fetch_add_explicit(&config->references, 1, memory_order_relaxed);
    return config;
}

static void route_free(struct route *route)
{
    free(route->host);
    free(route->prefix);
    free(route->api_name);
    free(route->origin);
    free(route->authority);
    free(route->base_path);
    free(route->path_prefix);
}

static void endpoint_free(struct endpoint *endpoint)
{
    free(endpoint->address);
    free(endpoint->host);
    free(endpoint->port);
}

void config_release(struct config *config)
{
    if (config == NULL ||
        atomic_fetch_sub_explicit(&config->references, 1, memory_order_acq_rel) != 1)
        return;
    for (size_t i = 0; i < config->route_count; i++)
        route_free(&config->routes[i]);
    for (size_t i = 0; i < IDENTITY_COUNT; i++)
        free(config->identity[i]);
    endpoint_free(&config->listen);
    endpoint_free(&config->admin);
    free(config->routes);
    free(config->trust.networks);
    free(config->certificate);
    free(config->key);
    free(config->access_log);
    free(config->port_file);
    free(config);
}

static bool same(const char *a, const char *b)
{
    return a == NULL || b == NULL ? a == b : strcmp(a, b) == 0;
}

bool config_same_process(const struct config *a, const struct config *b, const char **what)
{
    *what = NULL;
    if (!same(a->listen.address, b->listen.address))
        *what = "listen";
    else if (!same(a->admin.address, b->admin.address))
        *what = "admin";
    else if (!same(a->certificate, b->certificate) || !same(a->key, b->key))
        *what = "tls";
    else if (a->workers != b->workers)
        *what = "workers";
    else if (a->max_connections != b->max_connections)
        *what = "maxConnections";
    else if (a->max_header_bytes != b->max_header_bytes)
        *what = "maxHeaderBytes";
    else if (a->timeouts.idle_ns != b->timeouts.idle_ns)
        *what = "timeouts/idle";
    else if (!same(a->access_log, b->access_log))
        *what = "accessLog";
    else if (!same(a->port_file, b->port_file))
        *what = "portFile";
    return *what == NULL;
}
