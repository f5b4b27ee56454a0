/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__ANYPOINT_TIERS_H
#define CLIENTID__ANYPOINT_TIERS_H

#include "anypoint/page_json.h"

/* The SLA tiers of one API instance as they were last told, and what changed since somebody took the changes. */
struct clientid__known_tiers {
    struct clientid__tier_row *rows; /* by id */
    size_t count, capacity;
    struct clientid__tier_row *changes; /* as they came */
    size_t change_count, change_capacity;
};

bool clientid__known_tiers_has(const struct clientid__known_tiers *tiers, uint64_t id);
/* One row as it is now, or that it is gone; what is no change is none.  CLIENTID_ERR_NOMEM. */
int clientid__known_tiers_set(struct clientid__known_tiers *tiers,
                              const struct clientid__tier_row *row);
/* |lists| are all there are: what they do not have is gone.  CLIENTID_ERR_NOMEM. */
int clientid__known_tiers_replace(struct clientid__known_tiers *tiers,
                                  const struct clientid__page *lists);
/* Forgets the rows too. */
void clientid__known_tiers_clear(struct clientid__known_tiers *tiers);

#endif
