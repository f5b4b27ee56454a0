/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PORTAL_APPLICATION_H
#define PORTAL_APPLICATION_H

#include "call.h"

/* The application as Exchange shows it, never with its secret; NULL with an answer. */
json_t *application_json(struct call *call, uint64_t id);
/* The application that the path names ("applicationId"), if the caller may see it; false with an answer. */
bool application_of(struct call *call, uint64_t *id);

#endif
