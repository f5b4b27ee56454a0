/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NGINX_ANSWER_H
#define NGINX_ANSWER_H

#include "visit.h"

/* Adds the header lines that go with an allowed answer.  NGX_ERROR without memory. */
ngx_int_t answer_allowed(ngx_http_request_t *r, const clientid_decision *decision);

/*
 * Refuses: sends the policy's answer and returns NGX_DONE, or returns the status where nginx has to go on with it: an
 * "error_page" wants it, or it is a subrequest's.
 */
ngx_int_t answer_denied(ngx_http_request_t *r, const struct loc_conf *conf,
                        const clientid_decision *decision);

#endif
