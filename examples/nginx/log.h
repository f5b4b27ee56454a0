/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NGINX_LOG_H
#define NGINX_LOG_H

#include "visit.h"

/* A post-read handler: from now on the error log gets no query before it was cleaned. */
ngx_int_t log_guard(ngx_http_request_t *r);

/* Puts |query|, the cleaned one, into r->request_line, which is for logs only.  NGX_ERROR without memory. */
ngx_int_t log_clean_request_line(ngx_http_request_t *r, ngx_str_t query);
/* Puts a mark there instead: credentials stay in the query. */
ngx_int_t log_hide_query(ngx_http_request_t *r);

/* The request line without credentials; without any query while they are not known. */
ngx_int_t log_request_line(ngx_http_request_t *r, ngx_str_t *out);

/* Before the access log is written: a request that was never decided about is shown without its query. */
void log_finish(ngx_http_request_t *r);

/* One line about a refusal; |shadow|: it was none in effect. */
void log_refusal(ngx_http_request_t *r, const struct loc_conf *conf,
                 const clientid_decision *decision, bool shadow);

#endif
