/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROXY_AUTH_H
#define PROXY_AUTH_H

#include "exchange.h"

/*
 * Sets method, path and query of |ex->request| to those of the request that another proxy asks about.  0, or
 * the status of the refusal with |*why| when that cannot be told.
 */
unsigned auth_original(struct exchange *ex, const char **why);

/*
 * Whether another proxy asks and shows no body.  Most keep it back, so an empty one cannot be told from one whose
 * credentials differ from those in the head: where a policy reads it, that is a body that cannot be kept.
 */
bool auth_body_unseen(const struct exchange *ex);
/* Header lines for the library in that case: those on the length of the body are not the original ones. */
int auth_header(void *host, clientid_str lower_name, size_t nth, clientid_str *value);

#endif
