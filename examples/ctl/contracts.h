/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CTL_CONTRACTS_H
#define CTL_CONTRACTS_H

#include "ctl.h"

/*
 * Fills the gateway's registry from --store, else from the store of its configuration, else from its last-known-good
 * files.  |origin| says which it was, or why there is none.
 */
void contracts_sync(struct ctl *ctl, clientid_gateway *gateway, char *origin, size_t size);

#endif
