/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NGINX_BODY_H
#define NGINX_BODY_H

#include "visit.h"

/*
 * Reads the request body for a decision; the phases go on when it is there.  NGX_DONE, NGX_OK when there is nothing to
 * wait for (|visit->flags| says why), or a status.
 */
ngx_int_t body_read(ngx_http_request_t *r, const struct loc_conf *conf, struct visit *visit);

#endif
