/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROXY_WORKER_H
#define PROXY_WORKER_H

#include "config.h"
#include "log.h"
#include "timer.h"

#include <clientid/clientid.h>

#include <curl/curl.h>
#include <microhttpd.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>

struct exchange;
struct worker;

#define STATUS_CLASSES 6 /* 0: no answer was sent; 1xx to 5xx */

/* What all workers share. */
struct process {
    clientid_gateway *gateway;
    pthread_mutex_t lock;   /* guards |config| */
    struct config *config;  /* in force */
    atomic_uint generation; /* grows with every |config| */
    atomic_int stopping;    /* 1: finish what is under way; 2: now */
    atomic_uint running;    /* worker threads that have not ended */
    struct log_file log;
    char *certificate; /* PEM; NULL: plain HTTP */
    char *key;
    struct worker *workers;
    unsigned worker_count;
};

/* Written by their worker only, read by anyone. */
struct worker_counters {
    _Atomic uint64_t answers[STATUS_CLASSES];
    _Atomic uint64_t upstream_failures;
    _Atomic uint64_t refunds;
    _Atomic uint64_t clients_gone;
    _Atomic uint64_t under_way;
    _Atomic uint64_t connections;
};

/* One client connection. */
struct conn {
    struct worker *worker;
    int fd;
    struct exchange *exchange; /* the request under way, if any */
    struct timer deadline;     /* for the next request head to be complete */
    bool served;               /* at least one request was answered */
    bool gone;                 /* the client closed its side */
    struct conn *next, *prev;
};

/* One thread with all its connections: nothing here is touched by another thread, but |counters|, |wake_fd|. */
struct worker {
    struct process *process;
    pthread_t thread;
    clientid_worker *checks;
    struct config *config; /* as of |generation| */
    unsigned generation;
    struct MHD_Daemon *daemon;
    CURLM *multi;
    CURL *idle_easy[64]; /* kept for the next request */
    size_t idle_easy_count;
    int epoll_fd;
    int wake_fd;
    uint64_t curl_due_ns;
    bool run_server; /* a connection was resumed: libmicrohttpd has something to do */
    bool draining;
    bool closing;
    struct timers timers;
    struct conn **conn_by_fd;
    size_t conn_by_fd_cap;
    struct conn *conns;
    struct exchange *exchanges;
    struct exchange *kicked;
    struct log log;
    struct worker_counters counters;
};

/* Sets up a worker on its own copy of |listen_fd|.  False with a message on stderr. */
bool worker_start(struct worker *worker, struct process *process, int listen_fd);
void worker_wake(struct worker *worker);
/* After the thread has ended. */
void worker_free(struct worker *worker);

/* Finds and forgets connections; used by server.c. */
bool worker_add_conn(struct worker *worker, struct conn *conn);
void worker_remove_conn(struct worker *worker, struct conn *conn);

/* Watching of curl's sockets; used by upstream.c. */
bool worker_watch_curl(struct worker *worker, int fd, unsigned events, bool known);
void worker_unwatch(struct worker *worker, int fd);

static inline void count(_Atomic uint64_t *counter, uint64_t step)
{
    uint64_t value = atomic_load_explicit(counter, memory_order_relaxed);
    atomic_store_explicit(counter, value + step, memory_order_relaxed);
}

#endif
