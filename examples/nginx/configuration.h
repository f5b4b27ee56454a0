/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NGINX_CONFIGURATION_H
#define NGINX_CONFIGURATION_H

#include "module.h"

/* "clientid_config FILE": reads the file and makes the gateway.  All in nginx's convention for directives. */
char *configuration_read(ngx_conf_t *cf, ngx_command_t *command, void *conf);

/* Resolves the API instance of a location after merging, and notes which server asks about it. */
char *configuration_resolve(ngx_conf_t *cf, struct main_conf *main, struct loc_conf *conf);

/* What can be checked only when all servers are known. */
ngx_int_t configuration_check(ngx_conf_t *cf, struct main_conf *main);

/* Refuses, with the reason in the log, a library that this module was not compiled for. */
bool configuration_same_version(ngx_log_t *log);

#endif
