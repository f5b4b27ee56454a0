/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROXY_ANSWER_H
#define PROXY_ANSWER_H

#include "exchange.h"

/* The proxy's own answers; NULL when memory ended.  They set |ex->bytes|. */
struct MHD_Response *answer_text(struct exchange *ex, const char *text);
/* As the policy says. */
struct MHD_Response *answer_denied(struct exchange *ex, unsigned *status);
/* Of an authorization route. */
struct MHD_Response *answer_allowed(struct exchange *ex);

/* Adds the headers that a decision wants on an allowed request's answer. */
bool answer_add_quota(const struct exchange *ex, struct MHD_Response *answer);
bool answer_add(struct MHD_Response *answer, clientid_str name, clientid_str value);

#endif
