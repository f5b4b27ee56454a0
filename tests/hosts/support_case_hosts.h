/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPPORT_CASE_HOSTS_H
#define SUPPORT_CASE_HOSTS_H

#include "support_case_proxy.h"

#include <stdio.h>

/*
 * Real proxies that ask clientid-proxy, configured as examples/proxy/README.md says.  Each suite has a port of its own
 * and each API instance its prefix there.
 */
extern const struct case_host case_auth_request; /* NGINX */
extern const struct case_host case_ext_authz;    /* Envoy */
extern const struct case_host case_caddy;

/* The modules, configured likewise. */
extern const struct case_host case_nginx;
extern const struct case_host case_envoy;

#define CASE_SUITES_MAX 32

/*
 * Starts clientid-proxy as the authorization service of all suites: below "/auth/suite.api" for what comes in
 * X-Forwarded-Uri and X-Original-URI, below "/envoy/suite" for original paths.  |deny| as in its configuration.
 */
void case_service_start(struct proxy *proxy, const struct replay *replay, const char *deny);

/* Writes |replay->dir|/name; free the path. */
char *case_file(const struct replay *replay, const char *name, FILE **out);

/* The library's configuration of all suites, as modules read it. */
void case_config(const struct replay *replay, const char *name);

/* Waits until a module that serves this suite has contracts. */
void case_wait_loaded(unsigned port, const struct support_suite *suite);

#endif
