/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROXY_AUTH_H
#define PROXY_AUTH_H

#include "exchange.h"

/*
 * Sets method, path and query of |ex->request| to those of the request that another proxy asks about.  False with
 * |*why| when that cannot be told.
 */
bool auth_original(struct exchange *ex, const char **why);

#endif
