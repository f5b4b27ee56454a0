/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__ANYPOINT_TIERS_H
#define CLIENTID__ANYPOINT_TIERS_H

#include "anypoint/page_json.h"

/* The SLA tiers of one API instance as they were last told, and what changed since somebody took the changes. */
struct clientid__tiers_known {
    struct clientid__tier_row *rows; /* by id */
    size_t count, capacity;
    struct clientid__tier_row *changes; /* as they came */
    size_t change_count, change_capacity;
};

bool clientid__tiers_has(const struct clientid__tiers_known *tiers, uint64_t id);
/* One row as it is now, or that it is gone; what is no change is none.  CLIENTID_ERR_NOMEM. */
int clientid__tiers_set(struct clientid__tiers_known *tiers, const struct clientid__tier_row *row);
/* |lists| are all there are: what they do not have is gone.  CLIENTID_ERR_NOMEM. */
int clientid__tiers_replace(struct clientid__tiers_known *tiers,
                            const struct clientid__page *lists);
/* Forgets the rows too. */
void clientid__tiers_clear(struct clientid__tiers_known *tiers);

#endif
