/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPPORT_PORTAL_WORLD_H
#define SUPPORT_PORTAL_WORLD_H

#include "support_portal.h"

/* Kinds of callers, in the order of the columns of portal_authorization.tsv. */
#define WORLD_CALLERS 18
extern const char *const world_callers[WORLD_CALLERS];

/*
 * A portal, its store, and things in it that requests can name as "${apiId}": they are made when a request names them, by the
 * operator, past HTTP.
 */
struct world {
    struct portal portal;
    struct portal_store store;
    unsigned serial; /* "${serial}": names differ with it */
    uint32_t made;   /* things that are there in this world */
    clientid_caller creator;
    uint64_t granted_id, hook_id;
};

void world_start(struct world *world);
void world_stop(struct world *world);
/* Everything is made anew when it is named next. */
void world_renew(struct world *world);
/* Makes what |text| names, of a request as a whole. */
void world_provide(struct world *world, const char *text);
/* "bearer ...", NULL for nobody. */
const char *world_authorization(struct world *world, unsigned caller, char *out, size_t size);
/* A new token of that caller, who may have signed out. */
void world_sign_in(struct world *world, unsigned caller);
uint64_t world_revision(const struct world *world);

#endif
