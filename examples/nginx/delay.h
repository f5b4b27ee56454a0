/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NGINX_DELAY_H
#define NGINX_DELAY_H

#include "visit.h"

/*
 * Lets the request wait as |decision| says, which is a DELAY; the phases go on after it.  |decision| moves into the
 * visit.  NGX_DONE or a status.
 */
ngx_int_t delay_start(ngx_http_request_t *r, struct visit *visit, clientid_decision *decision);

/* Lets another request, of the same main one, wait until |visit| is decided. */
ngx_int_t delay_follow(ngx_http_request_t *r);

#endif
