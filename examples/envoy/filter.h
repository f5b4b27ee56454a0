/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENVOY_FILTER_H
#define ENVOY_FILTER_H

#include "gateway.h"
#include "settings.h"
#include "stats.h"

#include <stdatomic.h>

/* One filter configuration; all workers share it and none changes it. */
struct filter {
    struct settings settings;
    struct gateway *gateway;
    const clientid_api *api; /* NULL: requests are not checked */
    struct abi_bytes identity[IDENTITY_COUNT];
    struct abi_bytes metadata;
    struct abi_bytes state; /* key of the id in the filter state */
    struct stats stats;
    atomic_flag complained;
};

/* An API instance of one gateway, found when a route was first used with it. */
struct binding {
    struct binding *next;
    const struct gateway *gateway;
    const clientid_api *api;
};

/* The configuration of one route (virtual host, cluster weight) in place of the filter's. */
struct route {
    struct settings settings;
    struct gateway *gateway; /* NULL: the filter's */
    _Atomic(struct binding *) bindings;
    atomic_flag complained;
};

/* NULL with a line in the log. */
struct filter *filter_new(void *config_envoy, clientid_str text);
void filter_free(struct filter *filter);
struct route *route_new(clientid_str text);
void route_free(struct route *route);

/* False when memory ended.  |*out| NULL: the route's requests are not checked. */
bool route_api(struct route *route, const struct gateway *gateway, const clientid_api **out);

#endif
