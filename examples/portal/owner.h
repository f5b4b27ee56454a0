/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PORTAL_OWNER_H
#define PORTAL_OWNER_H

#include "call.h"

/* Replaces the names in "owners" of an application by users. */
void owner_complete(struct call *call, json_t *application);

#endif
