/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PORTAL_DISPATCH_H
#define PORTAL_DISPATCH_H

#include "call.h"
#include "portal.h"

/* Finds the route and its parameters; false with an answer: 404, 405, or what is wrong with the path. */
bool dispatch_find(struct call *call, const char *method);

/*
 * The request is whole: who asks, is the body what it must be, then the handler.  Leaves an answer, or the connection suspended
 * until another thread has one.  Called again when such a connection was resumed.
 */
void dispatch_run(struct call *call);

/* The connection ended: nobody else may touch the call. */
void dispatch_forget(struct call *call);

/* Resumes the calls that wait for another revision of the store than |revision|, or not longer than |now_ns| (monotonic). */
void dispatch_wake(struct portal *portal, uint64_t revision, uint64_t now_ns);

/* The slow lane: one thread that reckons with passwords, so that the others need not. */
bool slow_start(struct portal *portal);
void slow_stop(struct portal *portal);

#endif
