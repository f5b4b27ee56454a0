/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROXY_SERVER_H
#define PROXY_SERVER_H

#include "worker.h"

/* A worker's server side, on |listen_fd| (taken over). */
bool server_open(struct worker *worker, int listen_fd);
int server_poll_fd(const struct worker *worker);
/* Does what can be done without waiting; when to call again, UINT64_MAX for when the fd is ready. */
uint64_t server_run(struct worker *worker, uint64_t now_ns);
/* Stops accepting; idle connections are closed. */
void server_drain(struct worker *worker);
/* All connections must have been aborted. */
void server_close(struct worker *worker);

#endif
