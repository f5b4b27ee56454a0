/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PORTAL_USER_H
#define PORTAL_USER_H

#include "call.h"

/* The user as Access Management shows it; NULL with an answer. */
json_t *user_json(struct call *call, uint64_t id);

#endif
