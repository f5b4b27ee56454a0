/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROXY_ADMIN_H
#define PROXY_ADMIN_H

#include "worker.h"

/* Serves /metrics and /healthz on a thread of its own until admin_stop.  |listen_fd| is taken over. */
struct MHD_Daemon *admin_start(struct process *process, int listen_fd);
void admin_stop(struct MHD_Daemon *admin);

#endif
