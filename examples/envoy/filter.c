/* SPDX-License-Identifier: Apache-2.0 */
/* What cannot be enforced as written is refused when it is configured, and Envoy keeps what it had. */
#include "filter.h"

#include "log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static struct abi_bytes bytes_of(const char *text)
{
    return (struct abi_bytes){text, text != NULL ? strlen(text) : 0};
}

static int find_api(const struct gateway *gateway, const char *name, const clientid_api **out,
                    clientid_error *error)
{
    *out = NULL;
    if (name == NULL)
        return 0;
    int rv = clientid_api_get(gateway_core(gateway), (clientid_str){name, strlen(name)}, out);
    if (rv == 0 && clientid_api_configured(*out))
        return 0;
    *error = (clientid_error){.code = rv < 0 ? rv : CLIENTID_ERR_CONFIG, .pointer = "/api"};
    if (rv == 0)
        (void)snprintf(error->text, sizeof error->text,
                       "the gateway's configuration has no API instance \"%s\"", name);
    return error->code;
}

static void name_things(struct filter *filter)
{
    for (size_t i = 0; i < IDENTITY_COUNT; i++)
        filter->identity[i] = bytes_of(filter->settings.identity[i]);
    filter->metadata = bytes_of(filter->settings.metadata);
    filter->state = bytes_of(filter->settings.filter_state);
}

struct filter *filter_new(void *config_envoy, clientid_str text)
{
    clientid_error error = {.code = CLIENTID_ERR_NOMEM};
    struct filter *filter = calloc(1, sizeof *filter);
    if (filter == NULL)
        goto fail;
    atomic_flag_clear(&filter->complained);
    if (settings_read_filter(&filter->settings, text, &error) < 0 ||
        gateway_open(&filter->gateway, filter->settings.config, &error) < 0 ||
        find_api(filter->gateway, filter->settings.api, &filter->api, &error) < 0)
        goto fail;
    name_things(filter);
    if (!stats_define(&filter->stats, config_envoy)) {
        error = (clientid_error){.code = CLIENTID_ERR_RULE,
                                 .text = "Envoy does not take the statistics"};
        goto fail;
    }
    gateway_keep(filter->gateway);
    return filter;
fail:
    say_error(ABI_LOG_ERROR, "filter configuration refused", &error);
    if (filter != NULL)
        gateway_drop(filter->gateway);
    filter_free(filter);
    return NULL;
}

void filter_free(struct filter *filter)
{
    if (filter == NULL)
        return;
    settings_free(&filter->settings);
    free(filter);
}

/* ---- routes ---------------------------------------------------------------------------------- */

/*
 * Envoy tells a route nothing of the filter it is for, and makes it before that filter.  So a name is checked here only
 * when the route names the file too; else with its first request, which then is refused.
 */
struct route *route_new(clientid_str text)
{
    clientid_error error = {.code = CLIENTID_ERR_NOMEM};
    const clientid_api *api;
    struct route *route = calloc(1, sizeof *route);
    if (route == NULL)
        goto fail;
    atomic_flag_clear(&route->complained);
    atomic_init(&route->bindings, NULL);
    if (settings_read_route(&route->settings, text, &error) < 0)
        goto fail;
    if (route->settings.config != NULL) {
        if (gateway_open(&route->gateway, route->settings.config, &error) < 0 ||
            find_api(route->gateway, route->settings.api, &api, &error) < 0)
            goto fail;
        gateway_keep(route->gateway);
    }
    return route;
fail:
    say_error(ABI_LOG_ERROR, "route configuration refused", &error);
    if (route != NULL)
        gateway_drop(route->gateway);
    route_free(route);
    return NULL;
}

void route_free(struct route *route)
{
    if (route == NULL)
        return;
    for (struct binding *binding = atomic_load(&route->bindings); binding != NULL;) {
        struct binding *next = binding->next;
        free(binding);
        binding = next;
    }
    settings_free(&route->settings);
    free(route);
}

static struct binding *bind(struct route *route, const struct gateway *gateway)
{
    const char *name = route->settings.api;
    struct binding *binding = calloc(1, sizeof *binding);
    if (binding == NULL)
        return NULL;
    binding->gateway = gateway;
    if (clientid_api_get(gateway_core(gateway), (clientid_str){name, strlen(name)}, &binding->api) <
        0) {
        free(binding);
        return NULL;
    }
    binding->next = atomic_load_explicit(&route->bindings, memory_order_relaxed);
    while (!atomic_compare_exchange_weak_explicit(&route->bindings, &binding->next, binding,
                                                  memory_order_release, memory_order_relaxed))
        ; /* another thread was quicker: two bindings of one gateway are as good as one */
    return binding;
}

bool route_api(struct route *route, const struct gateway *gateway, const clientid_api **out)
{
    *out = NULL;
    if (route->settings.api == NULL)
        return true;
    const struct binding *binding = atomic_load_explicit(&route->bindings, memory_order_acquire);
    while (binding != NULL && binding->gateway != gateway)
        binding = binding->next;
    if (binding == NULL)
        binding = bind(route, gateway);
    if (binding == NULL)
        return false;
    *out = binding->api;
    return true;
}
