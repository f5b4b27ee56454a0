/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__POLICY_JSON_H
#define CLIENTID__POLICY_JSON_H

#include "policy/chain.h"
#include "policy/reader_json.h"

/*
 * Reads "policies", exported and short form, and checks the disabled ones too.  0, CLIENTID_ERR_CONFIG,
 * CLIENTID_ERR_NOMEM; |out| is to be released in every case.
 */
int clientid__policies_read(const struct clientid__node *array, const clientid_allocator *mem,
                            struct clientid__pool *pool, struct clientid__draft_list *out);

/* Where a key is known: kinds of policy, as bits. */
enum {
    CLIENTID__IN_CIE = 1,
    CLIENTID__IN_RATE_SLA = 2,
    CLIENTID__IN_THROTTLE_SLA = 4,
    CLIENTID__IN_RATE = 8,
    CLIENTID__IN_SPIKE = 16,
    CLIENTID__IN_ALL = 31,
    CLIENTID__IN_CREDENTIALS = CLIENTID__IN_CIE | CLIENTID__IN_RATE_SLA | CLIENTID__IN_THROTTLE_SLA,
    CLIENTID__IN_LIMITS =
        CLIENTID__IN_RATE_SLA | CLIENTID__IN_THROTTLE_SLA | CLIENTID__IN_RATE | CLIENTID__IN_SPIKE,
    CLIENTID__IN_DELAYS = CLIENTID__IN_THROTTLE_SLA | CLIENTID__IN_SPIKE
};

/* A policy as Anypoint names it. */
struct clientid__asset {
    const char *name;
    enum clientid__policy_type type;
    unsigned where;
    clientid_algorithm algorithm; /* what Anypoint documents */
    uint64_t queuing_limit;
};

/* What is being read. */
struct clientid__reading {
    const clientid_allocator *mem;
    struct clientid__pool *pool;
    const struct clientid__draft_list *before;
    const struct clientid__asset *asset;
    struct clientid__draft *draft;
};

/* For exported policies |node| is the envelope, |configuration| what is in it. */
int clientid__credentials_read_exported(const struct clientid__reading *reading,
                                        const struct clientid__node *configuration);
int clientid__credentials_read_short(const struct clientid__reading *reading,
                                     const struct clientid__node *node);
int clientid__limits_read_exported(const struct clientid__reading *reading,
                                   const struct clientid__node *node,
                                   const struct clientid__node *configuration);
int clientid__limits_read_short(const struct clientid__reading *reading,
                                const struct clientid__node *node);
/* A place of a value; blank is absent, which |*given| tells. */
int clientid__expression_read(const struct clientid__node *object, const char *key,
                              struct clientid__expression *out, bool *given);

#endif
