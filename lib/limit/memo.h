/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__MEMO_H
#define CLIENTID__MEMO_H

#include "limit/limit.h"

#include <clientid/source.h>

/*
 * Rules of limits that come with a tier, as they were last made: a division and a hash less a decision.  A rule depends
 * on nothing but what is compared here, so that one from before a change of tiers or configuration is never wrong, only
 * useless.  One thread.
 */
#define CLIENTID__MEMO_RULES                                                                       \
    64 /* distinct limits of all tiers that a worker sees; a power of two */

struct clientid__memo {
    /* The limits of the tier that was charged last, as a guess at the next one's; see clientid__fetch_cells. */
    struct {
        uint64_t policy;
        uint32_t count;
        uint64_t period_ms[CLIENTID_TIER_LIMITS_MAX];
        uint64_t salt[CLIENTID_TIER_LIMITS_MAX]; /* of the rule: where the cell is */
    } guess;
    struct {
        uint64_t maximum; /* 0: nothing is here */
        uint64_t period_ms, burst, policy;
        clientid_algorithm algorithm;
        struct clientid__rule rule;
    } of[CLIENTID__MEMO_RULES];
};

/* clientid__rule_init, from memory when it can. */
int clientid__memo_rule(struct clientid__memo *memo, struct clientid__rule *rule,
                        clientid_algorithm algorithm, uint64_t maximum, uint64_t period_ms,
                        uint64_t burst, uint64_t policy);

#endif
