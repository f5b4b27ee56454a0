/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROXY_ROUTE_H
#define PROXY_ROUTE_H

#include "config.h"

enum route_result {
    ROUTE_FOUND,
    ROUTE_NONE,
    ROUTE_AMBIGUOUS /* an upstream could read the path as one of another route */
};

/* The route of a host (with or without port) and a raw path: the longest prefix, and with equal prefixes the one
 * that names the host. */
enum route_result route_find(const struct config *config, clientid_str host, clientid_str path,
                             const struct route **out);

#define PATH_MAX_BYTES 16384 /* no path is longer; such ones are refused as ambiguous */

#endif
