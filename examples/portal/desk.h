/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PORTAL_DESK_H
#define PORTAL_DESK_H

#include "portal.h"

/* A connection of its own; CLIENTID_STORE_CREATE or 0.  NULL with |error|. */
struct desk *desk_open(struct portal *portal, unsigned flags, clientid_error *error);
void desk_close(struct desk *desk);

/* Opens |count| and puts them where desk_take finds them. */
int desks_open(struct portal *portal, unsigned count, clientid_error *error);
void desks_close(struct portal *portal);

/* Waits until one is idle. */
struct desk *desk_take(struct portal *portal);
void desk_give_back(struct portal *portal, struct desk *desk);

#endif
