/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID_GATEWAY_H
#define CLIENTID_GATEWAY_H

#include <clientid/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A gateway is what a host creates once per process: configuration, registry, limits and counters.
 *
 * Threads: all functions of this header may be called from any thread at any time, except
 * clientid_gateway_del, which must be the last.  They lock and allocate, so none belongs on the request
 * path.  Fork: create the gateway before or after fork; workers (check.h) and sync (sync.h) only after.  No thread
 * may be inside a function of this header while another one forks: the child would find the lock taken.  A
 * limits table in memory is then private to each process; a limits file is shared.  Counters are private too, unless
 * |shared_counters| says otherwise.  The registry, how its sync stands, and the requests that wait are always of the
 * process that is asked.
 */
typedef struct clientid_gateway clientid_gateway;

/* One managed API at one gateway.  Interned: lives as long as its gateway, also across reloads. */
typedef struct clientid_api clientid_api;

typedef struct clientid_options {
    size_t size; /* sizeof(clientid_options) */
    /*
     * The configuration, JSON; the keys are in lib/policy/README.md.  |config_name| is what errors call
     * it, usually the file's name; relative file names inside are taken from the working directory.
     */
    clientid_str config;
    const char *config_name;
    const clientid_allocator *allocator; /* copied; NULL for malloc and free */
    /*
     * Called for warnings (a key that is accepted without effect and the like), may be NULL.  Must not call
     * functions of the gateway.
     */
    void (*warn)(void *self, const clientid_error *);
    void *warn_self;
    /*
     * 0: counters are of this process alone.  N, at most 65536: this process and those forked later have up to N
     * workers, all together, which count in memory that they share: clientid_metrics_write in any of these processes
     * shows the sums (decisions, shadow denials, latency).  A worker whose process was killed leaves its counts in
     * them, and its place is given to the next clientid_worker_new, which tells the dead by /proc.  API instances are
     * told apart by name, so processes may intern them in any order; there is room for 64 more than twice those of
     * the first configuration.  What has no room is counted by each process for itself, and |warn| is told once.
     * All processes must see each other's process ids (one PID namespace).
     */
    uint32_t shared_counters;
    uint32_t flags; /* CLIENTID_LIMITS_...; unknown bits: CLIENTID_ERR_ARG */
} clientid_options;

/*
 * For programs that look at a running system, or only check a configuration: the limits file is never made.
 * _EXISTING uses one that is there, and fails with CLIENTID_ERR_NOT_FOUND when there is none, or the configuration
 * names none.  _ASIDE only looks whether one that is there fits; limits are in memory.  Both: one that is there is
 * used, else memory.
 */
enum { CLIENTID_LIMITS_EXISTING = 1, CLIENTID_LIMITS_ASIDE = 2 };

/*
 * Creates a gateway from its configuration and opens the limits table.  Nothing is in the registry until a
 * sync (sync.h) fills it; how requests are answered before that is the configuration's "gatekeeper".
 *
 * CLIENTID_ERR_ARG, _NOMEM; _SYNTAX with line and column, _CONFIG with a JSON pointer; for the limits file
 * _IO, _FORMAT (another layout, size or clock), _BUSY, _FULL.
 */
CLIENTID_EXPORT int clientid_gateway_new(clientid_gateway **out, const clientid_options *options,
                                         clientid_error *error);

/* All workers and syncs of the gateway must be gone.  NULL is fine. */
CLIENTID_EXPORT void clientid_gateway_del(clientid_gateway *gateway);

/*
 * Replaces the configuration, all or nothing: on an error the running one stays in force.  Requests under
 * way finish under the configuration they began with.  Quota is kept: cells belong to clients and limits,
 * not to configurations.  "limits", "state", "store" and "pepper" cannot be changed by a reload
 * (CLIENTID_ERR_CONFIG says which one was).  Errors as clientid_gateway_new.
 */
CLIENTID_EXPORT int clientid_gateway_reload(clientid_gateway *gateway, clientid_str config,
                                            const char *config_name, clientid_error *error);

/*
 * The API instance of that name: 1 to 128 bytes, no control characters.  An unknown name is interned too
 * and may be configured by a later reload; until then its requests are denied with
 * CLIENTID_REASON_API_UNKNOWN.  Resolve once per route.  CLIENTID_ERR_ARG, _NOMEM.
 */
CLIENTID_EXPORT int clientid_api_get(clientid_gateway *gateway, clientid_str name,
                                     const clientid_api **out);

/*
 * The |nth| API instance, from 0 in the order of interning: those of configurations, also past ones, and what
 * clientid_api_get was asked for.  CLIENTID_ERR_NOT_FOUND when there are no more, _ARG.
 */
CLIENTID_EXPORT int clientid_api_nth(clientid_gateway *gateway, size_t nth,
                                     const clientid_api **out);

/* The name it was interned under; lives as long as the gateway. */
CLIENTID_EXPORT clientid_str clientid_api_name(const clientid_api *api);

/* 1 when the configuration in force knows the API instance, else 0. */
CLIENTID_EXPORT int clientid_api_configured(const clientid_api *api);

/*
 * The configuration's "store" ("sqlite:FILE") and "state" (folder of the last-known-good files), or empty
 * slices.  The library opens neither by itself: clientid_store_open and clientid_sync_new do.
 */
CLIENTID_EXPORT clientid_str clientid_gateway_store(const clientid_gateway *gateway);
CLIENTID_EXPORT clientid_str clientid_gateway_state(const clientid_gateway *gateway);

/* The configuration's "limits.file", or empty: the limits table is then private to each process. */
CLIENTID_EXPORT clientid_str clientid_gateway_limits_file(const clientid_gateway *gateway);

/* How contracts stand: what a health check wants to know. */
typedef struct clientid_status {
    size_t size;      /* sizeof(clientid_status), set by the caller */
    uint32_t serving; /* 1: contracts are in force, or the gatekeeper lets requests pass without */
    uint32_t
        reason; /* clientid_reason of every request that needs a contract, when not |serving| */
    uint32_t loaded;         /* 1: contracts are in memory, from the source or from disk */
    uint32_t degraded;       /* 1: no contact to the source for longer than "degradedAfter" */
    uint32_t source_reached; /* 1: the source itself was reached in this process */
    uint32_t reserved;
    uint64_t revision;   /* of the source that is in force; 0 before the first load */
    uint64_t contact_ns; /* last time in step with the source, since 1970; 0: never */
    uint64_t contracts;  /* in memory */
} clientid_status;

/* CLIENTID_ERR_ARG. */
CLIENTID_EXPORT int clientid_gateway_status(clientid_gateway *gateway, uint64_t now_ns,
                                            clientid_status *status);

/*
 * All counters in Prometheus' text format, with HELP and TYPE lines: of this process, or sums over all that share
 * them (clientid_options.shared_counters).  |*len| is the size of |out| on entry,
 * the bytes written on return (no NUL).  CLIENTID_ERR_SPACE when it does not fit; |*len| is then a size
 * that does at this moment.  The names are in lib/README.md.
 */
CLIENTID_EXPORT int clientid_metrics_write(clientid_gateway *gateway, uint64_t now_ns, char *out,
                                           size_t *len);

/*
 * A limits file and the secrets in it seen by operators: the minute (since 1970) in which the secret whose
 * fingerprint |slot_key| is was last accepted, 0 when never seen.  clientid_slot_key gives the fingerprint
 * of a stored secret: the first 8 bytes of its hash.
 */
CLIENTID_EXPORT uint64_t clientid_last_use_minute(clientid_gateway *gateway, clientid_str client_id,
                                                  uint64_t slot_key);
CLIENTID_EXPORT uint64_t clientid_slot_key(const unsigned char hash[32]);

#ifdef __cplusplus
}
#endif

#endif
