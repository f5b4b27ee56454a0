/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPPORT_FLEET_H
#define SUPPORT_FLEET_H

#include "support_envoy.h"
#include "support_nginx.h"
#include "support_proxy.h"

#include <clientid/control.h>
#include <clientid/store.h>

#include <stdbool.h>
#include <stdint.h>

/*
 * NGINX with 2 workers, Envoy with 2 threads and clientid-proxy with 2 threads, all with one configuration file, one
 * store, one folder of last-known-good files and one limits table.  API instance "x" is served by each of them under
 * "/x/", with the client id and secret in the query unless its policies say otherwise.  Envoy writes what it answers with 500
 * or more to its file "failed", with the reason.
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
    unsigned
        envoy_metrics; /* port of Envoy's listener for /metrics; NGINX and the proxy have theirs */
    bool proxied;      /* set before fleet_start: requests go on to the upstream's /echo */
    bool quiet;        /* likewise: refusals are not in NGINX's error log, which begins at warn */
    unsigned listener_version, configuration_version; /* of what was rewritten while they run */
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
/* A contract of another client, on an API instance that was added; the number of the contract. */
uint64_t fleet_add_client(struct fleet *fleet, const char *api, const char *client,
                          const char *secret);
/* Starts all and waits until each of them admits alice. */
void fleet_start(struct fleet *fleet);
void fleet_stop(struct fleet *fleet);

const char *fleet_name(enum fleet_host host);

/* The store, opened as an administrator's tool would; close it again before the file is moved. */
struct fleet_store {
    clientid_store *store;
    clientid_control *control;
    clientid_error error;
};

/* 0, or why it cannot be opened: with nothing to close. */
int fleet_store_open(const struct fleet *fleet, struct fleet_store *out);
void fleet_store_close(struct fleet_store *store);

/* Rewrites Envoy's listeners, and waits until they are in force and those of before have drained. */
bool fleet_update_envoy(struct fleet *fleet);
/* Rewrites the gateway's configuration with a difference that no request notices. */
void fleet_change_configuration(struct fleet *fleet);

/* Requests that wait, in all processes of a host; -1 when a process cannot be asked. */
double fleet_waiting(const struct fleet *fleet, enum fleet_host host);

#endif
