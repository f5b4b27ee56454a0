/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPPORT_FLEET_H
#define SUPPORT_FLEET_H

#include "support_envoy.h"
#include "support_nginx.h"
#include "support_proxy.h"

#include <stdbool.h>
#include <stdint.h>

/*
 * NGINX with 2 workers, Envoy with 2 threads and clientid-proxy with 2 threads, all with one configuration file, one
 * store, one folder of last-known-good files and one limits table.  API instance "x" is served by each of them under
 * "/x/", with the client id and secret in the query.
 */
enum fleet_host { FLEET_NGINX, FLEET_ENVOY, FLEET_PROXY, FLEET_HOSTS };

#define FLEET_APIS_MAX 8

struct fleet {
    struct nginx nginx;
    struct envoy envoy;
    struct proxy proxy;
    struct upstream upstream;
    char store[160]; /* URI */
    unsigned ports[FLEET_HOSTS];
    size_t api_count;
    struct {
        const char *name, *policies;
    } apis[FLEET_APIS_MAX];
};

/* What is missing on this machine, or NULL. */
const char *fleet_missing(void);

/* Makes folder and store. */
void fleet_prepare(struct fleet *fleet);
/*
 * Adds an API instance with the policies |policies| (a JSON array) and a contract of "alice", whose secret is
 * "wonderland"; before fleet_start.
 */
void fleet_add(struct fleet *fleet, const char *api, const char *policies, uint64_t maximum,
               uint64_t period_ms);
/* Starts all and waits until each of them admits alice. */
void fleet_start(struct fleet *fleet);
void fleet_stop(struct fleet *fleet);

const char *fleet_name(enum fleet_host host);

#endif
