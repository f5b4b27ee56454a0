/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NGINX_VARIABLES_H
#define NGINX_VARIABLES_H

#include "module.h"

/* Makes $clientid_... known. */
ngx_int_t variables_add(ngx_conf_t *cf);

#endif
