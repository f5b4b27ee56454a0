/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PORTAL_RECORD_H
#define PORTAL_RECORD_H

#include "call.h"

/* Records as Anypoint shows them: what the library makes of them, and where they are.  NULL: no memory. */
json_t *record_api(const struct call *call, const clientid_api_record *record);
json_t *record_tier(const struct call *call, const clientid_tier_record *record);
json_t *record_application(const struct call *call, const clientid_application_record *record);
json_t *record_contract(const struct call *call, const clientid_contract_record *record);

/* Whether |text| has |part| in it, without regard to case of ASCII; an empty one always is. */
bool record_has(clientid_str text, clientid_str part);
bool record_is(clientid_str text, const char *word);

#endif
