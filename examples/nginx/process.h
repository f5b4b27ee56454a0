/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NGINX_PROCESS_H
#define NGINX_PROCESS_H

#include "module.h"

/* What one worker process has: a worker of the gateway, the sync of its contracts, room for one decision. */
struct process {
    clientid_worker *worker;
    clientid_sync *sync;
    ngx_log_t *log;
    ngx_connection_t *news; /* reading end of |pipe|: what the sync's thread has to say */
    int pipe[2];
    unsigned checks; /* for sampling latencies */
    clientid_decision decision;
    char scratch[CLIENTID_SCRATCH_BYTES];
};

/* In a worker process, once.  False without memory; contracts that cannot be had are logged, not fatal. */
bool process_start(struct main_conf *conf, ngx_cycle_t *cycle);
/* Ends the sync's thread.  Fine when nothing was started. */
void process_stop(struct main_conf *conf);

/* CLOCK_REALTIME as of nginx's event loop, in milliseconds' steps. */
static inline uint64_t process_now_ns(void)
{
    const volatile ngx_time_t *now = ngx_cached_time;
    return (uint64_t)now->sec * 1000000000 + (uint64_t)now->msec * 1000000;
}

#endif
