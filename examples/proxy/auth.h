/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROXY_AUTH_H
#define PROXY_AUTH_H

#include "exchange.h"

/*
 * Sets method, path and query of |ex->request| to those of the request that another proxy asks about.  0, or
 * the status of the refusal with |*why| when that cannot be told.
 */
unsigned auth_original(struct exchange *ex, const char **why);

#endif
