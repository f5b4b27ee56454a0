/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PORTAL_TIER_H
#define PORTAL_TIER_H

#include "call.h"

/* The SLA tier as API Manager shows it; NULL with an answer. */
json_t *tier_json(struct call *call, uint64_t id);
/* The same when it may be gone: NULL without an answer. */
json_t *tier_json_if(struct call *call, uint64_t id);

#endif
