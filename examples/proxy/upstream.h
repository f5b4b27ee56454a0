/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROXY_UPSTREAM_H
#define PROXY_UPSTREAM_H

#include "exchange.h"

/* A worker's client side. */
bool upstream_open(struct worker *worker);
void upstream_close(struct worker *worker);

/* Prepares a transfer of an allowed request; it starts in the worker's loop.  False when memory ended. */
bool upstream_prepare(struct exchange *ex);
void upstream_begin(struct exchange *ex);
void upstream_unpause(struct exchange *ex);
/* Ends a transfer, whatever it is doing. */
void upstream_stop(struct exchange *ex);
/* True when at least one byte of the request went out to the upstream. */
bool upstream_reached(const struct exchange *ex);

/* In the worker's loop. */
void upstream_socket_ready(struct worker *worker, int fd, unsigned epoll_events);
void upstream_run(struct worker *worker, uint64_t now_ns);

#endif
