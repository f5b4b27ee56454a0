/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENVOY_GATEWAY_H
#define ENVOY_GATEWAY_H

#include <clientid/clientid.h>

#include <stdbool.h>

/* A gateway of this process, found by the name of its configuration file. */
struct gateway;

/*
 * The gateway of that file: a new one, or the one there is, which takes over what has changed in the file.  On an error
 * everything stays as it was, and |*out| is not set.  Main thread.
 */
int gateway_open(struct gateway **out, const char *file, clientid_error *error);
/* A configuration in force uses it: it stays for ever, with its registry and its quota. */
void gateway_keep(struct gateway *gateway);
/* The configuration came to nothing: it goes if nobody uses it. */
void gateway_drop(struct gateway *gateway);

clientid_gateway *gateway_core(const struct gateway *gateway);

/* The calling thread's worker, made when first asked for and deleted when the thread ends; NULL when there is none. */
clientid_worker *gateway_worker(const struct gateway *gateway);

#endif
