/* SPDX-License-Identifier: Apache-2.0 */
/* One thread, one epoll set: clients through libmicrohttpd, upstreams through curl, timers, and a wake-up. */
#include "worker.h"

#include "exchange.h"
#include "server.h"
#include "upstream.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <unistd.h>

enum watch { WATCH_WAKE = 1, WATCH_SERVER, WATCH_CONN, WATCH_CURL };

#define DRAIN_GRACE_NS 200000000 /* for requests that were on the wire when the stop began */

static bool watch(struct worker *worker, int op, int fd, enum watch kind, unsigned events)
{
    struct epoll_event event = {.events = events, .data.u64 = (uint64_t)kind << 32 | (uint32_t)fd};
    return epoll_ctl(worker->epoll_fd, op, fd, &event) == 0;
}

bool worker_watch_curl(struct worker *worker, int fd, unsigned events, bool known)
{
    return watch(worker, known ? EPOLL_CTL_MOD : EPOLL_CTL_ADD, fd, WATCH_CURL, events);
}

void worker_unwatch(struct worker *worker, int fd)
{
    (void)epoll_ctl(worker->epoll_fd, EPOLL_CTL_DEL, fd, NULL);
}

/* libmicrohttpd does not look at a suspended connection, so its end is watched for here. */
bool worker_add_conn(struct worker *worker, struct conn *conn)
{
    size_t fd = (size_t)conn->fd;
    if (fd >= worker->conn_by_fd_cap) {
        size_t cap = (fd + 64) * 2;
        struct conn **table = realloc(worker->conn_by_fd, cap * sizeof(struct conn *));
        if (table == NULL)
            return false;
        memset(table + worker->conn_by_fd_cap, 0,
               (cap - worker->conn_by_fd_cap) * sizeof(struct conn *));
        worker->conn_by_fd = table;
        worker->conn_by_fd_cap = cap;
    }
    if (!watch(worker, EPOLL_CTL_ADD, conn->fd, WATCH_CONN, EPOLLRDHUP | EPOLLET))
        return false;
    worker->conn_by_fd[fd] = conn;
    conn->next = worker->conns;
    if (conn->next != NULL)
        conn->next->prev = conn;
    worker->conns = conn;
    count(&worker->counters.connections, 1);
    return true;
}

void worker_remove_conn(struct worker *worker, struct conn *conn)
{
    worker_unwatch(worker, conn->fd);
    worker->conn_by_fd[conn->fd] = NULL;
    if (conn->next != NULL)
        conn->next->prev = conn->prev;
    if (conn->prev != NULL)
        conn->prev->next = conn->next;
    else
        worker->conns = conn->next;
    count(&worker->counters.connections, (uint64_t)-1);
}

static void conn_gone(struct worker *worker, int fd)
{
    struct conn *conn = (size_t)fd < worker->conn_by_fd_cap ? worker->conn_by_fd[fd] : NULL;
    if (conn == NULL)
        return;
    conn->gone = true;
    if (conn->exchange != NULL && conn->exchange->suspended)
        exchange_abort(conn->exchange);
}

static void refresh_config(struct worker *worker)
{
    struct process *process = worker->process;
    if (atomic_load(&process->generation) == worker->generation)
        return;
    struct config *before = worker->config;
    pthread_mutex_lock(&process->lock);
    worker->config = config_hold(process->config);
    worker->generation = atomic_load(&process->generation);
    pthread_mutex_unlock(&process->lock);
    config_release(before);
}

/* ---- loop ------------------------------------------------------------------------------------ */

struct round {
    uint64_t server_due_ns;
    uint64_t timer_due_ns;
    uint64_t drain_ends_ns; /* 0: not draining */
    bool server_ready;
};

static int wait_ms(const struct worker *worker, const struct round *round)
{
    if (worker->run_server || worker->kicked != NULL)
        return 0;
    uint64_t due_ns = round->server_due_ns;
    if (round->timer_due_ns < due_ns)
        due_ns = round->timer_due_ns;
    if (worker->curl_due_ns < due_ns)
        due_ns = worker->curl_due_ns;
    uint64_t now_ns = monotonic_ns();
    uint64_t most_ms = round->drain_ends_ns != 0 ? 20 : 60000;
    if (due_ns <= now_ns)
        return 0;
    uint64_t ms = (due_ns - now_ns + 999999) / 1000000;
    return (int)(ms < most_ms ? ms : most_ms);
}

static void take_events(struct worker *worker, struct round *round)
{
    struct epoll_event events[256];
    uint64_t ignored;
    int n = epoll_wait(worker->epoll_fd, events, 256, wait_ms(worker, round));
    for (int i = 0; i < n; i++) {
        int fd = (int)(uint32_t)events[i].data.u64;
        switch ((enum watch)(events[i].data.u64 >> 32)) {
        case WATCH_WAKE:
            (void)!read(fd, &ignored, sizeof ignored);
            break;
        case WATCH_SERVER:
            round->server_ready = true;
            break;
        case WATCH_CONN:
            conn_gone(worker, fd);
            break;
        case WATCH_CURL:
            upstream_socket_ready(worker, fd, events[i].events);
            break;
        }
    }
}

/* libmicrohttpd runs last: only it frees connections, and no event of this round is left to name one. */
static void run_round(struct worker *worker, struct round *round)
{
    take_events(worker, round);
    refresh_config(worker);
    uint64_t now_ns = monotonic_ns();
    (void)timers_run(&worker->timers, now_ns);
    upstream_run(worker, now_ns);
    exchange_run_kicks(worker);
    if (round->server_ready || worker->run_server || now_ns >= round->server_due_ns) {
        round->server_ready = false;
        round->server_due_ns = server_run(worker, now_ns);
    }
    exchange_run_kicks(worker);
    round->timer_due_ns = timers_run(&worker->timers, 0);
    log_flush(&worker->log);
}

static bool unserved(const struct worker *worker)
{
    for (const struct conn *conn = worker->conns; conn != NULL; conn = conn->next) {
        if (!conn->served)
            return true;
    }
    return false;
}

/* True when there is nothing left to finish, or no time. */
static bool drained(struct worker *worker, struct round *round)
{
    uint64_t now_ns = monotonic_ns();
    int stopping = atomic_load(&worker->process->stopping);
    uint64_t stop_ns = worker->config->timeouts.stop_ns;
    if (stopping == 0)
        return false;
    if (round->drain_ends_ns == 0) {
        round->drain_ends_ns = now_ns + stop_ns;
        server_drain(worker);
        return false;
    }
    if (stopping >= 2 || now_ns >= round->drain_ends_ns)
        return true;
    bool graced = now_ns >= round->drain_ends_ns - stop_ns + DRAIN_GRACE_NS;
    return worker->exchanges == NULL && (graced || !unserved(worker));
}

static void *run(void *cls)
{
    struct worker *worker = cls;
    struct round round = {.server_due_ns = 0};
    while (!drained(worker, &round))
        run_round(worker, &round);

    for (struct exchange *ex = worker->exchanges; ex != NULL; ex = ex->next) {
        ex->note = "stopped";
        exchange_abort(ex);
    }
    server_close(worker);
    log_flush(&worker->log);
    atomic_fetch_sub(&worker->process->running, 1);
    return NULL;
}

/* ---- life ------------------------------------------------------------------------------------ */

static bool open_all(struct worker *worker, int listen_fd)
{
    worker->epoll_fd = epoll_create1(EPOLL_CLOEXEC);
    worker->wake_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    int copy = dup(listen_fd);
    if (worker->epoll_fd < 0 || worker->wake_fd < 0 || copy < 0 || !upstream_open(worker) ||
        clientid_worker_new(&worker->checks, worker->process->gateway) < 0)
        return false;
    if (!server_open(worker, copy)) {
        (void)close(copy);
        return false;
    }
    return watch(worker, EPOLL_CTL_ADD, worker->wake_fd, WATCH_WAKE, EPOLLIN) &&
           watch(worker, EPOLL_CTL_ADD, server_poll_fd(worker), WATCH_SERVER, EPOLLIN);
}

bool worker_start(struct worker *worker, struct process *process, int listen_fd)
{
    *worker = (struct worker){.process = process,
                              .config = config_hold(process->config),
                              .generation = atomic_load(&process->generation),
                              .epoll_fd = -1,
                              .wake_fd = -1,
                              .log.file = &process->log};
    if (!open_all(worker, listen_fd)) {
        say("cannot set up a worker: %s", errno != 0 ? strerror(errno) : "no resources");
        return false;
    }
    atomic_fetch_add(&process->running, 1);
    int rv = pthread_create(&worker->thread, NULL, run, worker);
    if (rv != 0) {
        atomic_fetch_sub(&process->running, 1);
        say("cannot start a thread: %s", strerror(rv));
    }
    return rv == 0;
}

void worker_wake(struct worker *worker)
{
    const uint64_t one = 1;
    (void)!write(worker->wake_fd, &one, sizeof one);
}

void worker_free(struct worker *worker)
{
    server_close(worker);
    upstream_close(worker);
    clientid_worker_del(worker->checks);
    timers_free(&worker->timers);
    log_free(&worker->log);
    free(worker->conn_by_fd);
    if (worker->epoll_fd >= 0)
        (void)close(worker->epoll_fd);
    if (worker->wake_fd >= 0)
        (void)close(worker->wake_fd);
    config_release(worker->config);
}
