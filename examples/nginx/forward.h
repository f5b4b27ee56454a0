/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NGINX_FORWARD_H
#define NGINX_FORWARD_H

#include "visit.h"

/*
 * Makes the request fit to be passed on and logged: without credentials in query and header lines, without identity
 * lines of the client, and with those of |visit| when |identified|.  Does it once for each request.  NGX_ERROR without
 * memory.
 */
ngx_int_t forward_clean(ngx_http_request_t *r, const struct loc_conf *conf, struct passage *passage,
                        struct visit *visit, bool identified);

#endif
