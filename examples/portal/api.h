/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PORTAL_API_H
#define PORTAL_API_H

#include "call.h"

/* The API instance that the path names ("apiId"); false with an answer when there is none. */
bool api_of(struct call *call, uint64_t *id);
/* As API Manager shows it; NULL with an answer. */
json_t *api_json(struct call *call, uint64_t id);
/* The same when it may be gone, or is not asked for by itself: NULL without an answer. */
json_t *api_json_if(struct call *call, uint64_t id);

#endif
