/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NGINX_MODULE_H
#define NGINX_MODULE_H

#include <ngx_config.h> /* first: it says which extensions system headers show */

#include <ngx_core.h>
#include <ngx_http.h>

#include <clientid/clientid.h>

#include <stdbool.h>

extern ngx_module_t ngx_http_clientid_module;

struct process;

enum { IDENTITY_ID, IDENTITY_NAME, IDENTITY_TIER, IDENTITY_COUNT };

/* A header that tells an upstream who the client is.  Length 0: not sent, and not taken from clients away. */
struct identity_header {
    ngx_str_t name;
    ngx_str_t lower;
    ngx_uint_t hash;
};

enum { MODE_ENFORCE, MODE_SHADOW };
enum { PHASE_ACCESS, PHASE_REWRITE };

/* Refusals whose status can be chosen. */
enum refusal { REFUSAL_DENIED, REFUSAL_QUOTA, REFUSAL_UNAVAILABLE, REFUSAL_COUNT };

/* Of http {}: one gateway for all servers. */
struct main_conf {
    ngx_str_t file;
    clientid_gateway *gateway;           /* NULL: no "clientid_config" */
    struct process *process;             /* NULL outside worker processes */
    ngx_array_t uses;                    /* of struct use */
    ngx_http_log_handler_pt log_handler; /* nginx's own */
    ngx_array_t cached;                  /* of ngx_uint_t: variables that show the request */
    unsigned rewrites : 1;               /* somewhere is "clientid_phase rewrite" */
    unsigned satisfies_any : 1;
};

/* A server that asks about an API instance somewhere. */
struct use {
    const clientid_api *api;
    const ngx_http_core_srv_conf_t *server;
};

struct loc_conf {
    ngx_str_t name; /* of the API instance; data NULL: not said here; empty: off */
    u_char *file;   /* where it was said */
    ngx_uint_t line;
    const clientid_api *api; /* NULL: off */
    ngx_uint_t mode;
    ngx_uint_t phase;
    ngx_uint_t log_level;
    ngx_uint_t status[REFUSAL_COUNT]; /* 0: the policy's own */
    size_t body_bytes;
    struct identity_header *identity; /* IDENTITY_COUNT of them */
};

/* Slices of the library and of nginx. */
static inline clientid_str slice(ngx_str_t text)
{
    return (clientid_str){(const char *)text.data, text.len};
}

#endif
