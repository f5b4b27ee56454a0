/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NGINX_VARIABLES_H
#define NGINX_VARIABLES_H

#include "module.h"

/* Makes $clientid_... known. */
ngx_int_t variables_add(ngx_conf_t *cf);

/* Once all variables are known: finds those that variables_forget is for. */
bool variables_find_cached(struct main_conf *main, ngx_cycle_t *cycle);
/*
 * nginx evaluates $request_uri, $request and $http_... once; an "if" may have done so before the request was cleaned.
 */
void variables_forget(ngx_http_request_t *r);

#endif
