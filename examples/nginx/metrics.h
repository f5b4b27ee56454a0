/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NGINX_METRICS_H
#define NGINX_METRICS_H

#include "module.h"

/* "clientid_metrics": makes the location answer with the counters. */
char *metrics_enable(ngx_conf_t *cf, ngx_command_t *command, void *conf);

#endif
