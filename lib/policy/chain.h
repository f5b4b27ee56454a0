/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__CHAIN_H
#define CLIENTID__CHAIN_H

#include "policy/policy.h"

/* From single policies to the chain of an API instance. */

/* One policy as it was written; what it owns is |policy.rules| and |policy.pointcuts|. */
struct clientid__draft {
    struct clientid__policy policy;
    struct clientid__spec spec; /* when |policy.needs_contract| */
    clientid_str realm;
    bool disabled;
};

enum clientid__strip { CLIENTID__STRIP_DEFAULT, CLIENTID__STRIP_ALL, CLIENTID__STRIP_NONE };

struct clientid__draft_list {
    struct clientid__draft *drafts;
    size_t count;
};

/*
 * Moves the drafts that are not disabled into |chain|, by ascending order, and makes its answers: |answers| holds
 * what the API instance says, the rest follows from the policies.  0, or CLIENTID_ERR_NOMEM; the drafts are then
 * partly moved, and both sides may be released as usual.
 */
int clientid__chain_build(struct clientid__chain *chain, struct clientid__draft_list *list,
                          struct clientid__pool *pool, clientid_str api,
                          const struct clientid__answers *answers, enum clientid__strip strip);

void clientid__policy_release(const clientid_allocator *mem, struct clientid__policy *policy);
void clientid__drafts_del(const clientid_allocator *mem, struct clientid__draft_list *list);

#endif
