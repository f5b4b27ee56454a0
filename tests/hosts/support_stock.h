/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPPORT_STOCK_H
#define SUPPORT_STOCK_H

#include "support_daemon.h"

/*
 * Caddy and NGINX as they come, without a module of ours: their files and log go to |dir|, and they are up when |port|
 * accepts.  Stop them with daemon_stop(.., SIGTERM).
 */

/* NULL, or what is missing. */
const char *caddy_missing(void);
const char *nginx_missing(void);

/* |sites|: what follows the global options of a Caddyfile. */
void caddy_start(struct daemon *daemon, const char *dir, const char *sites, unsigned port);
/* |http|: what is in http {}. */
void nginx_start_stock(struct daemon *daemon, const char *dir, const char *http, unsigned port);

#endif
