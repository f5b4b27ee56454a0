/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CTL_LOOKUP_H
#define CTL_LOOKUP_H

#include "ctl.h"

/*
 * From what people type to numbers.  Digits alone are a number, everything else is a name; "name:42" is the thing
 * called 42.  An application is also found by its client id.  A name that fits several is refused, since
 * whoever registers an application chooses its name.  All return 0 or an exit code, reported.
 */
int lookup_api(struct ctl *ctl, const char *text, uint64_t *id);
int lookup_application(struct ctl *ctl, const char *text, uint64_t *id);
/* A tier of one API. */
int lookup_tier(struct ctl *ctl, uint64_t api_id, const char *text, uint64_t *id);
/* The arguments "TIER" as a number, or "API TIER". */
int lookup_tier_arguments(struct ctl *ctl, uint64_t *id);
/* The arguments "CONTRACT" as a number, or "APPLICATION API". */
int lookup_contract_arguments(struct ctl *ctl, uint64_t *id);
/* A tier of the API that the contract is on. */
int lookup_tier_of_contract(struct ctl *ctl, uint64_t contract_id, const char *text, uint64_t *id);

int lookup_user(struct ctl *ctl, const char *text, uint64_t *id);
/* A Connected App by its client id or the name that only it has among those in use. */
int lookup_connected_app(struct ctl *ctl, const char *text, uint64_t *id);

/* A number, at least 1; false when |text| is none. */
bool number_parse(const char *text, uint64_t *number);

#endif
