/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__INQUIRY_H
#define CLIENTID__INQUIRY_H

#include "state.h"

/* One request on its way to a decision: what check.c, identity.c and charge.c share. */

struct clientid__inquiry {
    clientid_worker *worker;
    const struct clientid_api *api;
    const struct clientid__chain *chain;
    const struct clientid__registry *registry; /* NULL: not to be asked (not loaded, too old) */
    clientid_reason registry_reason;           /* ALLOWED, or why it is not to be asked */
    const clientid_request *request;
    clientid_decision *decision;
    uint64_t cost;
    bool peek;
    struct clientid__scratch scratch;
    bool unclean;     /* half-decoded credentials may be anywhere in scratch */
    uint32_t applies; /* bit mask of policies */

    /* Of each distinct spec of the chain: read, found and verified at most once. */
    uint32_t extracted; /* bit mask of specs */
    uint32_t verified;
    struct clientid__credentials credentials[CLIENTID__POLICIES_MAX];
    clientid_reason verdicts[CLIENTID__POLICIES_MAX];
    const struct clientid__policy *agreed; /* has read its credentials, and they are fine */
    bool claimed; /* by a policy that is in force; else the client id may still be replaced */
    bool hashed, looked_up, found;
    struct clientid__hash128 id_hash;
    uint64_t hash; /* in the registry's index */
    struct clientid__contract contract;

    /* What the request would be charged. */
    size_t charge_count;
    struct clientid__charge charges[CLIENTID_LIMITS_MAX];
    struct clientid__rule rules[CLIENTID_LIMITS_MAX];
    const struct clientid__policy *owners[CLIENTID_LIMITS_MAX];
    bool visible[CLIENTID_LIMITS_MAX];
};

/* Sets the verdict; |policy| may be NULL.  Always 0. */
static inline int clientid__conclude(struct clientid__inquiry *q, clientid_verdict verdict,
                                     clientid_reason reason, const struct clientid__policy *policy)
{
    q->decision->verdict = verdict;
    q->decision->reason = reason;
    if (policy != NULL)
        q->decision->policy = policy->label;
    return 0;
}

/* The first policy in shadow mode that would have refused is noted. */
static inline void clientid__note_shadow(struct clientid__inquiry *q,
                                         const struct clientid__policy *policy,
                                         clientid_reason reason)
{
    if (q->decision->shadow_denied)
        return;
    q->decision->shadow_denied = 1;
    q->decision->shadow_reason = reason;
    q->decision->shadow_policy = policy->label;
}

/* ---- identity.c: who is it --------------------------------------------------------------------- */

/* 1, 0, or what the request's header function returned below 0. */
int clientid__is_preflight(const clientid_request *request);
/* Reads what the policy's spec says, once for all policies that share it.  0 with |*reason|, or an error. */
int clientid__read_credentials(struct clientid__inquiry *q, const struct clientid__policy *policy,
                               clientid_reason *reason);
/*
 * Hashes the client id that the policy read and has fetched from memory what that leads to: its slot in the registry's
 * index, and the cells, as far as they can be told without the record; then, once the slot is there, the record.
 */
void clientid__fetch(struct clientid__inquiry *q, const struct clientid__policy *policy);
void clientid__fetch_record(const struct clientid__inquiry *q);
/* Finds the contract, once for all policies. */
void clientid__look_up(struct clientid__inquiry *q, const struct clientid__policy *policy);
/* Secret and status of the contract that was looked up: ALLOWED, or why not. */
clientid_reason clientid__identify(struct clientid__inquiry *q,
                                   const struct clientid__policy *policy);

/* ---- charge.c: how much may it ----------------------------------------------------------------- */

/*
 * Has the cells fetched from memory that the policy would charge if the contract's tier had the periods of the last one:
 * before the contract is known; and when it is, those that were not guessed.
 */
void clientid__fetch_cells(const struct clientid__inquiry *q,
                           const struct clientid__policy *policy);
void clientid__fetch_other_cells(const struct clientid__inquiry *q,
                                 const struct clientid__policy *policy);
/* The limits of the contract's tier.  False, and none is charged: a limit that cannot be kept must not be ignored. */
bool clientid__charge_tier(struct clientid__inquiry *q, const struct clientid__policy *policy);
/* The limits of the policy itself.  0, 1 when the body is needed first, or an error. */
int clientid__charge_policy(struct clientid__inquiry *q, const struct clientid__policy *policy);
/* Charges all or none and concludes: allowed for |allowed|, or refused, or to be delayed. */
int clientid__charge(struct clientid__inquiry *q, clientid_reason allowed);
/* Frees the place that the ticket holds, if it does. */
void clientid__leave_queue(clientid_ticket *ticket);

#endif
