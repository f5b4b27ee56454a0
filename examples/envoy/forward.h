/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENVOY_FORWARD_H
#define ENVOY_FORWARD_H

#include "filter.h"
#include "lines.h"

#define IDENTITY_VALUE_BYTES 1024

/* Who it was, fit for header lines and for protocol buffers; empty where there is nothing to say. */
struct who {
    struct abi_bytes value[IDENTITY_COUNT];
    char text[IDENTITY_COUNT][IDENTITY_VALUE_BYTES];
};

/* |claimed|: also who is not verified; for logs of refused requests only. */
void forward_who(struct who *who, const clientid_decision *decision, bool claimed);

/*
 * Makes the request what the upstream may see: no credentials, no identity but the verified one.  |decision| NULL: it was
 * not checked.  Reads |lines| before it sets anything.  False when memory ended; the request must not go on then.
 */
bool forward_request(void *envoy, const struct filter *filter, const struct lines *lines,
                     const clientid_decision *decision, const struct who *who);

/* Trailers carry no identity at all.  False when memory ended. */
bool forward_trailers(void *envoy, const struct filter *filter);
/* A refused request goes nowhere, but into logs.  After it Envoy's bytes in |lines| are its own again. */
void forward_refused(void *envoy, const struct lines *lines, const clientid_decision *decision);

/* For access logs and later filters. */
void forward_metadata(void *envoy, const struct filter *filter, const clientid_decision *decision,
                      const struct who *who, uint64_t delayed_ns);
void forward_state(void *envoy, const struct filter *filter, const struct who *who);

#endif
