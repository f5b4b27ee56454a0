/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__POLICY_H
#define CLIENTID__POLICY_H

#include "extract/extract.h"
#include "limit/limit.h"

#include <clientid/source.h>

#include <stdatomic.h>

/*
 * The rules of API instances: read from JSON once, then immutable.  What a decision may point to after its epoch
 * section (labels, answers, queues) is interned: equal content is one object that lives as long as the pool.
 */

enum clientid__policy_type {
    CLIENTID__CLIENT_ID_ENFORCEMENT = 1,
    CLIENTID__RATE_LIMITING_SLA,
    CLIENTID__THROTTLING_SLA,
    CLIENTID__RATE_LIMITING,
    CLIENTID__SPIKE_CONTROL
};

enum { CLIENTID__POLICIES_MAX = 32, CLIENTID__POINTCUTS_MAX = 32 };

/* Requests that wait under one policy, in this process.  Interned by API instance and policy label. */
struct clientid__queue {
    _Atomic uint32_t waiting;
};

enum clientid__header_generation {
    CLIENTID__HEADERS_X_RATELIMIT,
    CLIENTID__HEADERS_DRAFT_03,
    CLIENTID__HEADERS_DRAFT_11
};

enum clientid__body_format {
    CLIENTID__BODY_JSON,    /* {"error": ...}, as Anypoint */
    CLIENTID__BODY_PROBLEM, /* application/problem+json, RFC 9457 */
    CLIENTID__BODY_CUSTOM
};

enum { CLIENTID__SOAP_NONE, CLIENTID__SOAP_1_1, CLIENTID__SOAP_1_2 };

/*
 * How an API instance answers and what it hides: everything clientid_render, _strip and _strips_header need.
 * Interned.
 */
struct clientid__answers {
    unsigned soap; /* CLIENTID__SOAP_* */
    bool basic;    /* challenge: Basic realm="...", charset="UTF-8"; else Client-ID-Enforcement */
    bool expose_headers;
    enum clientid__header_generation generation;
    enum clientid__body_format format;
    unsigned contract_status; /* 401, or 403: identity known but no approved contract */
    clientid_str realm;
    /* CLIENTID__BODY_CUSTOM; empty ones fall back to CLIENTID__BODY_JSON. */
    clientid_str content_type;
    clientid_str body_missing, body_failed, body_quota, body_unavailable;
    const clientid_str *strip_query; /* decoded parameter names */
    size_t strip_query_count;
    const clientid_str *strip_headers; /* lower-case header names */
    size_t strip_header_count;
};

struct clientid__pointcut; /* pointcut.h */

struct clientid__policy {
    enum clientid__policy_type type;
    clientid_str label; /* "name" of the configuration, else asset name and ordinal; interned */
    int order;
    bool shadow;
    bool expose_headers; /* its limits are visible */
    bool needs_contract; /* checks credentials */
    bool needs_secret;
    uint32_t spec; /* index into the chain's specs, when |needs_contract| */
    struct clientid__pointcut *pointcuts;
    size_t pointcut_count; /* 0: applies to every request */
    uint64_t identity;     /* stable hash of the label: part of the cell key */
    clientid_algorithm algorithm;
    uint64_t burst; /* token bucket, requests; 0: the maximum of the limit */
    /* Limits in the policy; SLA-based ones come with the tier: rules from |algorithm|, |burst|, |identity|. */
    struct clientid__rule *rules;
    size_t rule_count;
    struct clientid__expression key; /* keySelector; CLIENTID__NOWHERE: none */
    /* Throttling and spike control; attempts 0: never delays. */
    uint64_t delay_ns;
    uint32_t delay_attempts;
    uint32_t queuing_limit;
    struct clientid__queue *queue;
};

/* Its limits are those of the contract's tier. */
static inline bool clientid__charges_tier(const struct clientid__policy *policy)
{
    return policy->type == CLIENTID__RATE_LIMITING_SLA || policy->type == CLIENTID__THROTTLING_SLA;
}

/* The policies of one API instance, by ascending order (equal orders: as written). */
struct clientid__chain {
    struct clientid__policy policies[CLIENTID__POLICIES_MAX];
    size_t policy_count;
    struct clientid__spec
        specs[CLIENTID__POLICIES_MAX]; /* distinct ones: policies share extraction */
    size_t spec_count;
    struct clientid__caps caps;
    bool allow_preflight;
    unsigned wants; /* CLIENTID_WANTS_* */
    const struct clientid__answers *answers;
};

enum clientid__gatekeeper {
    CLIENTID__GATEKEEPER_FLEXIBLE, /* denies until contracts are there, from source or disk */
    CLIENTID__GATEKEEPER_STRICT,   /* denies until the source itself was reached */
    CLIENTID__GATEKEEPER_DISABLED  /* lets requests pass until contracts are there */
};

/* One configuration, read and checked. */
struct clientid__config {
    const clientid_allocator *mem;
    char *store;                    /* "sqlite:FILE" or NULL */
    char *state;                    /* folder or NULL */
    char *pepper_file, *pepper_env; /* at most one is set */
    char *limits_file;
    uint64_t cells, key_cells, use_cells;
    bool huge_pages; /* asked of the system for registry and limits table */
    enum clientid__gatekeeper gatekeeper;
    uint64_t maximum_age_ns;    /* of contracts without contact to the source; 0: no maximum */
    uint64_t degraded_after_ns; /* without contact: decisions say "degraded" */
    struct {
        char *name;
        struct clientid__chain *chain;
    } * apis;
    size_t api_count;
};

/* Objects that outlive a configuration.  Thread-safe for the writer side only (the gateway's lock). */
struct clientid__pool;
int clientid__pool_new(struct clientid__pool **out, const clientid_allocator *mem);
void clientid__pool_del(struct clientid__pool *pool);
/* All three return NULL (or a slice with NULL) without memory. */
clientid_str clientid__pool_text(struct clientid__pool *pool, clientid_str text);
struct clientid__queue *clientid__pool_queue(struct clientid__pool *pool, clientid_str api,
                                             clientid_str label);
const struct clientid__answers *clientid__pool_answers(struct clientid__pool *pool,
                                                       const struct clientid__answers *answers);

/*
 * Reads a configuration.  0, CLIENTID_ERR_SYNTAX (line, column), CLIENTID_ERR_CONFIG (JSON pointer),
 * CLIENTID_ERR_NOMEM.  |warn| may be NULL.
 */
int clientid__config_parse(struct clientid__config **out, const clientid_allocator *mem,
                           struct clientid__pool *pool, clientid_str json, const char *name,
                           void (*warn)(void *self, const clientid_error *), void *warn_self,
                           clientid_error *error);
void clientid__config_del(struct clientid__config *config);
/* Takes a chain out of its configuration, which then no longer owns it, and releases one. */
void clientid__chain_del(const clientid_allocator *mem, struct clientid__chain *chain);

/*
 * The bit mask of the policies whose pointcut matches.  |match_data| is the worker's (pointcut.h).  A path that cannot
 * be normalised, a match limit that is hit: the policy applies.
 */
struct clientid__match_data;
struct clientid__match_data *clientid__match_data_new(const clientid_allocator *mem);
void clientid__match_data_del(struct clientid__match_data *data);
uint32_t clientid__chain_match(const struct clientid__chain *chain,
                               struct clientid__match_data *data, clientid_str method,
                               clientid_str path, struct clientid__scratch *scratch);

#endif
