/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROXY_CONFIG_H
#define PROXY_CONFIG_H

#include "trust.h"

#include <clientid/clientid.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a refusal of an authorization route looks like. */
enum deny_mode {
    DENY_NATIVE, /* as the policy says: 401, 429, 503 ... */
    DENY_403 /* always 403, the true status in X-Auth-Status: all that nginx's auth_request understands */
};

struct route {
    char *host;   /* lower case, without port; NULL: every host */
    char *prefix; /* "/" or "/a/b", without a slash at the end */
    char *api_name;
    const clientid_api *api;
    char *origin;      /* "http://127.0.0.1:9000"; NULL: an authorization service */
    char *authority;   /* of |origin|, for Host when it is not kept */
    char *base_path;   /* put before the path, "" or "/v1" */
    char *path_prefix; /* authorization: taken off the own path (Envoy's path_prefix); NULL: none */
    bool strip_prefix;
    bool keep_host;
    bool hide_query; /* it may have credentials that no decision names: not for the log */
    enum deny_mode deny;
};

struct endpoint {
    char *address; /* as written: "127.0.0.1:8080", "[::1]:8080", ":8080" */
    char *host;    /* NULL: all addresses */
    char *port;
};

struct timeouts {
    uint64_t header_ns;   /* for a whole request head, however slowly it drips */
    uint64_t idle_ns;     /* between requests, and for each read or write of a body */
    uint64_t connect_ns;  /* to an upstream */
    uint64_t upstream_ns; /* for each sign of life of an upstream that has the request */
    uint64_t stop_ns;     /* for requests under way at a graceful stop */
};

enum { IDENTITY_ID, IDENTITY_NAME, IDENTITY_TIER, IDENTITY_COUNT };

/* One version of the configuration.  Never changed after config_read; freed with its last reference. */
struct config {
    atomic_uint references;
    struct endpoint listen;
    struct endpoint admin; /* port NULL: none */
    char *certificate;     /* file; NULL: plain HTTP */
    char *key;
    char *access_log; /* file, "-" or NULL */
    char *port_file;
    unsigned workers;
    unsigned max_connections;
    size_t max_header_bytes;
    size_t max_body_bytes; /* of a body that is kept whole because credentials may be in it */
    struct timeouts timeouts;
    char *identity[IDENTITY_COUNT]; /* header names; NULL: not forwarded */
    struct trust trust;
    struct route *routes;
    size_t route_count;
};

/*
 * Reads the "proxy" object of a configuration; |name| is what errors call the text.  0, CLIENTID_ERR_SYNTAX with
 * line and column, CLIENTID_ERR_CONFIG with a JSON pointer, CLIENTID_ERR_NOMEM.
 */
int config_read(struct config **out, clientid_str text, const char *name, clientid_error *error);

/* Resolves the API instances of all routes. */
int config_bind(struct config *config, clientid_gateway *gateway);

struct config *config_hold(struct config *config);
void config_release(struct config *config);

/* True when both can be served by the same listeners and threads; else |*what| names the first difference. */
bool config_same_process(const struct config *a, const struct config *b, const char **what);

#endif
