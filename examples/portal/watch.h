/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PORTAL_WATCH_H
#define PORTAL_WATCH_H

#include "portal.h"

/*
 * One thread that sees to what time brings: calls that wait for a change of the store are woken within 50 ms of it, or when their time is
 * up; slow clients are ended; ended tokens are removed.
 */
bool watch_start(struct portal *portal);
void watch_stop(struct portal *portal);

#endif
