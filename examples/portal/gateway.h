/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PORTAL_GATEWAY_H
#define PORTAL_GATEWAY_H

#include "call.h"

/* Whether the call shows what webhooks of the portal must show; false with a 401. */
bool gateway_knows(struct call *call);

#endif
