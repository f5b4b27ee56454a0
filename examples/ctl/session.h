/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CTL_SESSION_H
#define CTL_SESSION_H

#include "ctl.h"

/* The store that a command works on.  All return 0 or an exit code, reported. */

/* Where the store is: --store, else CLIENTID_STORE; NULL with neither. */
const char *session_store(const struct ctl *ctl);

/*
 * Opens the store and its control into |ctl|.  Reading never changes a store, not even its schema, which other
 * programs may still need.
 */
int session_read(struct ctl *ctl);
int session_write(struct ctl *ctl);
/* Makes the store when there is none; |*created| says so. */
int session_create(struct ctl *ctl, bool *created);
void session_close(struct ctl *ctl);

#endif
