/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENVOY_ANSWER_H
#define ENVOY_ANSWER_H

#include "gateway.h"
#include "lines.h"

/* Header lines for an answer that is still to come. */
struct extra;

/*
 * The two send a whole answer in place of the upstream's.  That may end the stream: nothing of it may be used afterwards.
 */
void answer_denied(void *envoy, const struct lines *lines, const clientid_decision *decision);
void answer_unavailable(void *envoy, const struct lines *lines, struct abi_bytes details);
/* The gateway's counters, for Prometheus. */
void answer_metrics(void *envoy, const struct gateway *gateway, uint64_t now_ns);

/* What an allowed request's answer gets; |*out| NULL: nothing.  False when memory ended. */
bool answer_keep(const clientid_decision *decision, struct extra **out);
void answer_add(void *envoy, const struct extra *extra);

#endif
