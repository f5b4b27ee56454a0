/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PORTAL_BODY_H
#define PORTAL_BODY_H

#include "call.h"

/* Reads the body as the route says, into |call->json|; false with an answer that names the field at fault. */
bool body_read(struct call *call);

#endif
