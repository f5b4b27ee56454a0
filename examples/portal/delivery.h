/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PORTAL_DELIVERY_H
#define PORTAL_DELIVERY_H

#include "portal.h"

/*
 * One thread that sends what waits in the outbox: webhooks and mails, many at a time.  Of several portals on one database the one that
 * holds the lock file beside it sends; another takes over when that one ends.
 */
bool delivery_start(struct portal *portal);
void delivery_stop(struct portal *portal);

#endif
