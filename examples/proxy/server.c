/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The side of the clients: libmicrohttpd driven by the worker's loop.
 *
 * A connection that has to wait (for quota, for an upstream, for room) is suspended: libmicrohttpd then neither reads
 * nor writes it, which is the back-pressure.
 */
#include "server.h"

#include "exchange.h"
#include "forward.h"
#include "upstream.h"

#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define DRAIN_BYTES                                                                                \
    65536 /* a refused request's body up to this is read, so that the connection can stay */

/* ---- connections ----------------------------------------------------------------------------- */

/* A client that drips its request head holds a connection until here and no longer. */
static void on_deadline(struct timer *timer)
{
    struct conn *conn = (struct conn *)((char *)timer - offsetof(struct conn, deadline));
    (void)shutdown(conn->fd, SHUT_RDWR);
}

static void set_deadline(struct conn *conn, uint64_t wait_ns)
{
    (void)timer_set(&conn->worker->timers, &conn->deadline, monotonic_ns() + wait_ns);
}

static void *conn_open(struct worker *worker, struct MHD_Connection *connection)
{
    struct conn *conn = calloc(1, sizeof *conn);
    if (conn == NULL)
        return NULL;
    *conn = (struct conn){
        .worker = worker,
        .fd = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd,
        .deadline.fire = on_deadline,
    };
    if (!worker_add_conn(worker, conn)) {
        free(conn);
        return NULL;
    }
    set_deadline(conn, worker->config->timeouts.header_ns);
    return conn;
}

static void on_connection(void *cls, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct worker *worker = cls;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        *context = conn_open(worker, connection);
        return;
    }
    struct conn *conn = *context;
    if (conn == NULL)
        return;
    timer_clear(&worker->timers, &conn->deadline);
    worker_remove_conn(worker, conn);
    free(conn);
    *context = NULL;
    /* At its limit libmicrohttpd stops listening, and begins again only in a call after this one. */
    worker->run_server = true;
}

static struct conn *conn_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    return info != NULL ? info->socket_context : NULL;
}

/* ---- requests -------------------------------------------------------------------------------- */

static size_t keep_escapes(void *cls, struct MHD_Connection *connection, char *text)
{
    (void)cls;
    (void)connection;
    return strlen(text);
}

/*
 * The request line is there, nothing of it decoded yet.  libmicrohttpd would go on to make a record of every query
 * parameter, hang when they do not fit its pool, and nobody reads them: the query is cut off after it was copied.
 */
static void *on_target(void *cls, const char *target, struct MHD_Connection *connection)
{
    (void)cls;
    struct conn *conn = conn_of(connection);
    if (conn == NULL || target == NULL)
        return NULL;
    struct exchange *ex = exchange_new(conn, target);
    if (ex == NULL)
        return NULL;
    ex->connection = connection;
    char *query = (char *)(uintptr_t)strchr(target, '?');
    if (query != NULL)
        query[1] = '\0';
    set_deadline(conn, ex->config->timeouts.header_ns);
    return ex;
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
    struct exchange *ex = *context;
    (void)cls;
    (void)connection;
    if (ex == NULL)
        return;
    *context = NULL;
    if (code != MHD_REQUEST_TERMINATED_COMPLETED_OK && ex->note == NULL)
        ex->note = code == MHD_REQUEST_TERMINATED_TIMEOUT_REACHED ? "client timed out"
                                                                  : "client connection ended";
    struct conn *conn = ex->conn;
    conn->served = true;
    exchange_end(ex);
    if (conn->worker->draining)
        (void)shutdown(conn->fd, SHUT_RD);
    set_deadline(conn, conn->worker->config->timeouts.idle_ns);
}

static enum MHD_Result queue(struct exchange *ex, struct MHD_Response *answer)
{
    if (answer == NULL)
        return MHD_NO;
    if (ex->close || ex->worker->draining)
        (void)MHD_add_response_header(answer, MHD_HTTP_HEADER_CONNECTION, "close");
    ex->phase = PHASE_ANSWER;
    enum MHD_Result rv = MHD_queue_response(ex->connection, ex->status, answer);
    MHD_destroy_response(answer);
    return rv;
}

static enum MHD_Result queue_own(struct exchange *ex)
{
    struct MHD_Response *answer = ex->answer;
    ex->answer = NULL;
    return queue(ex, answer);
}

/* The body of the upstream's answer, as it comes. */
static ssize_t on_body_wanted(void *cls, uint64_t position, char *out, size_t size)
{
    struct exchange *ex = cls;
    (void)position;
    if (ex->aborted)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    size_t len = spool_get(&ex->down, out, size);
    if (ex->upstream.receive_paused && ex->down.len <= SPOOL_BYTES / 2)
        exchange_kick(ex, KICK_RECEIVE);
    if (len != 0) {
        ex->bytes += len;
        return (ssize_t)len;
    }
    if (ex->upstream.failed)
        return MHD_CONTENT_READER_END_WITH_ERROR;
    if (ex->upstream.done)
        return MHD_CONTENT_READER_END_OF_STREAM;
    exchange_suspend(ex);
    return 0;
}

static enum MHD_Result on_end(struct exchange *ex)
{
    if (!ex->body_complete) {
        ex->body_complete = true;
        if (ex->course == COURSE_BODY)
            exchange_body_complete(ex);
        else if (ex->upstream.send_paused)
            exchange_kick(ex, KICK_SEND);
    }
    if (ex->suspended)
        return MHD_YES;
    if (ex->course == COURSE_ANSWER)
        return queue_own(ex);
    if (!ex->upstream.ready) {
        exchange_suspend(ex);
        return MHD_YES;
    }
    struct MHD_Response *answer = forward_answer(ex, on_body_wanted);
    if (answer == NULL) {
        upstream_stop(ex);
        exchange_upstream_failed(ex, MHD_HTTP_BAD_GATEWAY, "upstream's answer cannot be passed on");
        return queue_own(ex);
    }
    ex->status = ex->upstream.status;
    return queue(ex, answer);
}

static bool keep_body(struct exchange *ex, const char *data, size_t len)
{
    if (ex->body_len + len > ex->body_cap) {
        size_t cap = ex->body_cap != 0 ? ex->body_cap : 4096;
        while (cap < ex->body_len + len)
            cap *= 2;
        char *body = realloc(ex->body, cap);
        if (body == NULL)
            return false;
        ex->body = body;
        ex->body_cap = cap;
    }
    memcpy(ex->body + ex->body_len, data, len);
    ex->body_len += len;
    return true;
}

/* Takes what it can of the body; |*len| becomes what is left for later. */
static enum MHD_Result on_body(struct exchange *ex, const char *data, size_t *len)
{
    bool no_memory = false;
    if (ex->course == COURSE_BODY) {
        if (ex->body_len + *len > ex->config->max_body_bytes) {
            exchange_body_too_large(ex);
        } else {
            no_memory = !keep_body(ex, data, *len);
            *len = 0;
        }
    }
    if (ex->suspended || no_memory)
        return no_memory ? MHD_NO : MHD_YES;
    if (ex->course == COURSE_ANSWER || ex->upstream.done) {
        *len = 0; /* read to its end, or the client would not see the answer */
        return MHD_YES;
    }
    if (ex->course != COURSE_FORWARD)
        return MHD_YES;
    size_t taken = spool_put(&ex->up, data, *len, &no_memory);
    *len -= taken;
    if (ex->upstream.send_paused && taken != 0)
        exchange_kick(ex, KICK_SEND);
    if (*len != 0)
        exchange_suspend(ex);
    return no_memory ? MHD_NO : MHD_YES;
}

static enum MHD_Result on_head(struct exchange *ex, const char *method, const char *version)
{
    if (ex->course == COURSE_NEW) {
        timer_clear(&ex->worker->timers, &ex->conn->deadline);
        exchange_begin(ex, method, version);
    }
    if (ex->suspended)
        return MHD_YES; /* comes back here */
    ex->phase = PHASE_BODY;
    bool small = !ex->head.chunked && !ex->head.expects && ex->head.length <= DRAIN_BYTES;
    if (ex->course == COURSE_ANSWER && (ex->close || !small))
        return queue_own(ex); /* without reading the body: libmicrohttpd closes the connection */
    return MHD_YES;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *len, void **context)
{
    struct exchange *ex = *context;
    (void)cls;
    (void)connection;
    (void)url;
    if (ex == NULL || ex->aborted || ex->worker->closing)
        return MHD_NO;
    if (ex->suspended)
        return MHD_YES; /* libmicrohttpd ends its round of chunks only when nothing is taken */
    if (ex->phase == PHASE_HEAD)
        return on_head(ex, method, version);
    if (ex->phase == PHASE_ANSWER)
        return MHD_YES;
    return *len != 0 ? on_body(ex, data, len) : on_end(ex);
}

/* ---- daemon ---------------------------------------------------------------------------------- */

bool server_open(struct worker *worker, int listen_fd)
{
    const struct config *config = worker->config;
    const struct process *process = worker->process;
    unsigned idle_s = (unsigned)((config->timeouts.idle_ns + 999999999) / 1000000000);
    unsigned limit = (config->max_connections + config->workers - 1) / config->workers;
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_KEY, 0, process->key},
        {MHD_OPTION_HTTPS_MEM_CERT, 0, process->certificate},
        {MHD_OPTION_END, 0, NULL},
    };
    struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    bool secure = process->certificate != NULL;

    /* Twice the limit: header lines cost libmicrohttpd records, and the answer's head comes on top. */
    size_t memory = config->max_header_bytes * 2 + 32768 + FORWARD_HEAD_BYTES_MAX;
    worker->daemon = MHD_start_daemon(
        MHD_USE_EPOLL | MHD_ALLOW_SUSPEND_RESUME | (secure ? MHD_USE_TLS : 0), 0, NULL, NULL,
        on_request, worker, MHD_OPTION_LISTEN_SOCKET, listen_fd, MHD_OPTION_URI_LOG_CALLBACK,
        on_target, worker, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes, NULL,
        MHD_OPTION_NOTIFY_COMPLETED, on_completed, worker, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, worker, MHD_OPTION_CONNECTION_MEMORY_LIMIT, memory,
        MHD_OPTION_CONNECTION_TIMEOUT, idle_s, MHD_OPTION_CONNECTION_LIMIT, limit, MHD_OPTION_ARRAY,
        secure ? tls : none, MHD_OPTION_END);
    return worker->daemon != NULL;
}

int server_poll_fd(const struct worker *worker)
{
    return MHD_get_daemon_info(worker->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
}

uint64_t server_run(struct worker *worker, uint64_t now_ns)
{
    worker->run_server = false;
    (void)MHD_run(worker->daemon);
    MHD_UNSIGNED_LONG_LONG wait_ms = 0;
    if (MHD_get_timeout(worker->daemon, &wait_ms) != MHD_YES)
        return UINT64_MAX;
    return now_ns + (uint64_t)wait_ms * 1000000;
}

void server_drain(struct worker *worker)
{
    worker->draining = true;
    (void)MHD_run(worker->daemon); /* whoever is in the accept queue was promised an answer */
    int fd = MHD_quiesce_daemon(worker->daemon);
    if (fd >= 0)
        (void)close(fd);
    for (struct conn *conn = worker->conns; conn != NULL; conn = conn->next) {
        if (conn->exchange == NULL && conn->served)
            (void)shutdown(conn->fd, SHUT_RD);
    }
}

void server_close(struct worker *worker)
{
    if (worker->daemon == NULL)
        return;
    worker->closing = true;        /* a request that comes now must not be suspended any more */
    (void)MHD_run(worker->daemon); /* lets the aborted ones end: a suspended one would be fatal */
    (void)MHD_run(worker->daemon);
    MHD_stop_daemon(worker->daemon);
    worker->daemon = NULL;
}
