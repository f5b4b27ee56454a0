/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PORTAL_ACCESS_LOG_H
#define PORTAL_ACCESS_LOG_H

#include "call.h"
#include "portal.h"

/*
 * A line a request: time, address, method, path as in the table of routes, status, milliseconds, who.  Never a query, a header or a
 * body, so never a secret.
 * False with errno when the file cannot be written.
 */
bool access_log_open(struct portal *portal);
/* Again by its name, after a rotation; the old file stays when that fails. */
void access_log_reopen(struct portal *portal);
void access_log_close(struct portal *portal);
void access_log_write(const struct call *call);

#endif
