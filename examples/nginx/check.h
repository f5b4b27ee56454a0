/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NGINX_CHECK_H
#define NGINX_CHECK_H

#include "module.h"

/* Handlers of nginx's phases. */
ngx_int_t check_rewrite(ngx_http_request_t *r);    /* "clientid_phase rewrite" */
ngx_int_t check_subrequest(ngx_http_request_t *r); /* nginx runs no access phase for them */
ngx_int_t check_access(ngx_http_request_t *r);
ngx_int_t check_bypassed(ngx_http_request_t *r); /* passed by "satisfy any" without a check */
ngx_int_t check_done(ngx_http_request_t *r); /* log phase: gives back what an upstream never saw */

#endif
