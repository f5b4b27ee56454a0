/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPPORT_CASE_PROXY_H
#define SUPPORT_CASE_PROXY_H

#include "support_replay.h"

/* clientid-proxy as a proxy, and asked directly as an authorization service. */
extern const struct case_host case_proxy;
extern const struct case_host case_service;

/* Starts clientid-proxy with these routes (consumed) for these suites; "@UP@" becomes the upstream's port. */
void case_proxy_start(struct proxy *proxy, const struct replay *replay,
                      const struct support_suite *suites, size_t count, json_t *routes);
void case_proxy_stop(struct proxy *proxy);

#endif
