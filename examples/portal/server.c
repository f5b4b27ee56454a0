/* SPDX-License-Identifier: Apache-2.0 */
/* libmicrohttpd's side: a request is handed on when it is whole, and not before. */
#include "server.h"

#include "access_log.h"
#include "call.h"
#include "dispatch.h"
#include "target.h"

#include <errno.h>
#include <inttypes.h>
#include <microhttpd.h>
#include <netdb.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

/* ---- connections ----------------------------------------------------------------------------- */

static void on_connection(void *cls, struct MHD_Connection *connection, void **context,
                          enum MHD_ConnectionNotificationCode code)
{
    struct portal *portal = cls;
    struct conn *conn = *context;
    if (code == MHD_CONNECTION_NOTIFY_STARTED) {
        conn = calloc(1, sizeof *conn);
        *context = conn;
        if (conn == NULL)
            return;
        conn->fd =
            MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD)->connect_fd;
        conn->since_ns = monotonic_ns();
        pthread_mutex_lock(&portal->lock);
        conn->next = portal->conns;
        if (conn->next != NULL)
            conn->next->prev = conn;
        portal->conns = conn;
        pthread_mutex_unlock(&portal->lock);
        return;
    }
    if (conn == NULL)
        return;
    pthread_mutex_lock(&portal->lock);
    if (conn->prev != NULL)
        conn->prev->next = conn->next;
    else
        portal->conns = conn->next;
    if (conn->next != NULL)
        conn->next->prev = conn->prev;
    pthread_mutex_unlock(&portal->lock);
    free(conn);
    *context = NULL;
}

static void set_since(struct call *call, uint64_t since_ns)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(call->connection, MHD_CONNECTION_INFO_SOCKET_CONTEXT);
    struct conn *conn = info != NULL ? info->socket_context : NULL;
    if (conn == NULL)
        return;
    pthread_mutex_lock(&call->portal->lock);
    conn->since_ns = since_ns;
    pthread_mutex_unlock(&call->portal->lock);
}

void server_end_slow(struct portal *portal, uint64_t now_ns)
{
    pthread_mutex_lock(&portal->lock);
    for (struct conn *conn = portal->conns; conn != NULL; conn = conn->next) {
        if (conn->since_ns != 0 && now_ns > conn->since_ns &&
            now_ns - conn->since_ns > portal->config.request_timeout_ns)
            (void)shutdown(conn->fd, SHUT_RDWR);
    }
    pthread_mutex_unlock(&portal->lock);
}

/* ---- calls ----------------------------------------------------------------------------------- */

static void call_free(struct call *call)
{
    struct portal *portal = call->portal;
    if (call->text != NULL && call->secret)
        explicit_bzero(call->text, call->text_len);
    if (call->body != NULL) /* may have a password in it */
        explicit_bzero(call->body, call->body_len);
    free(call->text);
    free(call->body);
    free(call->target);
    json_decref(call->json);
    free(call);
    pthread_mutex_lock(&portal->lock);
    portal->calls--;
    pthread_cond_broadcast(&portal->changed);
    pthread_mutex_unlock(&portal->lock);
}

static size_t keep_escapes(void *cls, struct MHD_Connection *connection, char *text)
{
    (void)cls;
    (void)connection;
    return strlen(text);
}

/*
 * The request line is there, nothing of it decoded yet.  libmicrohttpd would make a record of every query parameter: the query
 * is cut off after it was copied.
 */
static void *on_target(void *cls, const char *target, struct MHD_Connection *connection)
{
    struct portal *portal = cls;
    struct call *call = calloc(1, sizeof *call);
    char *query = (char *)(uintptr_t)strchr(target, '?');
    if (call == NULL)
        return NULL;
    *call = (struct call){.portal = portal,
                          .connection = connection,
                          .target = strdup(target),
                          .begun_ns = monotonic_ns()};
    pthread_mutex_lock(&portal->lock);
    portal->calls++;
    pthread_mutex_unlock(&portal->lock);
    if (query != NULL)
        query[1] = '\0';
    if (call->target == NULL) {
        call_free(call);
        return NULL;
    }
    return call;
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
    struct call *call = *context;
    (void)cls;
    (void)connection;
    (void)code;
    *context = NULL;
    if (call == NULL)
        return;
    dispatch_forget(call);
    access_log_write(call);
    set_since(call, monotonic_ns());
    call_free(call);
}

static void put_address(struct call *call)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(call->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    const struct sockaddr *address = info != NULL ? info->client_addr : NULL;
    socklen_t len = address != NULL && address->sa_family == AF_INET6 ? sizeof(struct sockaddr_in6)
                                                                      : sizeof(struct sockaddr_in);
    if (address == NULL || getnameinfo(address, len, call->address, sizeof call->address, NULL, 0,
                                       NI_NUMERICHOST) != 0)
        (void)snprintf(call->address, sizeof call->address, "unknown");
}

static enum MHD_Result send_answer(struct call *call)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        call->text_len, call->text, MHD_RESPMEM_PERSISTENT); /* lives until on_completed */
    if (response == NULL)
        return MHD_NO;
    if (call->type != NULL)
        (void)MHD_add_response_header(response, "Content-Type", call->type);
    (void)MHD_add_response_header(response, "Cache-Control", "no-store");
    (void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    for (size_t i = 0; i < call->header_count; i++)
        (void)MHD_add_response_header(response, call->headers[i].name, call->headers[i].value);
    if (call->phase == CALL_HEAD || atomic_load(&call->portal->stopping))
        (void)MHD_add_response_header(response, "Connection", "close");
    call->phase = CALL_ANSWERED;
    enum MHD_Result rv = MHD_queue_response(call->connection, call->status, response);
    MHD_destroy_response(response);
    return rv;
}

struct count {
    const char *name;
    unsigned count;
};

static enum MHD_Result count_header(void *cls, enum MHD_ValueKind kind, const char *name,
                                    const char *value)
{
    struct count *count = cls;
    (void)kind;
    (void)value;
    count->count += strcasecmp(name, count->name) == 0;
    return MHD_YES;
}

/* Two of these are two readings of one request (RFC 9112 section 6.3, RFC 9110 section 5.3). */
static bool head_is_plain(struct call *call)
{
    static const char *const once[] = {"Content-Length", "Transfer-Encoding", "Host",
                                       "Content-Type",   "Authorization",     "Expect"};
    for (size_t i = 0; i < sizeof once / sizeof once[0]; i++) {
        struct count count = {once[i], 0};
        (void)MHD_get_connection_values(call->connection, MHD_HEADER_KIND, count_header, &count);
        if (count.count <= 1)
            continue;
        call_refuse(call, 400, "", "header %s stands there more than once", once[i]);
        return false;
    }
    if (call_header(call, "Content-Length") == NULL ||
        call_header(call, "Transfer-Encoding") == NULL)
        return true;
    call_refuse(call, 400, "", "Content-Length and Transfer-Encoding exclude each other");
    return false;
}

static bool body_fits(struct call *call)
{
    const char *length = call_header(call, "Content-Length");
    uint64_t most = call->portal->config.body_bytes_max;
    if (length == NULL || strtoull(length, NULL, 10) <= most)
        return true;
    call_refuse(call, 413, "", "the body is longer than %" PRIu64 " bytes", most);
    return false;
}

/* Refused here, the body is not read and the connection ends. */
static enum MHD_Result on_head(struct call *call, const char *method)
{
    put_address(call);
    if (!target_read(call) || !head_is_plain(call) || !dispatch_find(call, method) ||
        !body_fits(call))
        return send_answer(call);
    call->phase = CALL_BODY;
    return MHD_YES;
}

static enum MHD_Result on_body(struct call *call, const char *data, size_t *len)
{
    size_t most = call->portal->config.body_bytes_max;
    if (call->status != 0 || call->body_len + *len > most) {
        call_refuse(call, 413, "", "the body is longer than %zu bytes", most);
        *len = 0; /* read to its end, or the client would not see the answer; its time is bounded */
        return MHD_YES;
    }
    if (call->body_len + *len + 1 > call->body_cap) {
        size_t cap = call->body_cap != 0 ? call->body_cap : 4096;
        while (cap < call->body_len + *len + 1)
            cap *= 2;
        char *body = malloc(cap);
        if (body == NULL)
            return MHD_NO;
        if (call->body != NULL) {
            memcpy(body, call->body, call->body_len);
            explicit_bzero(call->body, call->body_len);
            free(call->body);
        }
        call->body = body;
        call->body_cap = cap;
    }
    memcpy(call->body + call->body_len, data, *len);
    call->body_len += *len;
    call->body[call->body_len] = '\0';
    *len = 0;
    return MHD_YES;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *len, void **context)
{
    struct call *call = *context;
    (void)cls;
    (void)connection;
    (void)url;
    (void)version;
    if (call == NULL)
        return MHD_NO;
    if (call->phase == CALL_HEAD)
        return on_head(call, method);
    if (call->phase == CALL_BODY && *len != 0)
        return on_body(call, data, len);
    if (call->phase == CALL_BODY) {
        set_since(call, 0);
        if (!dispatch_run(call))
            return MHD_YES;
    }
    return call->phase != CALL_ANSWERED ? send_answer(call) : MHD_YES;
}

/* ---- daemon ---------------------------------------------------------------------------------- */

static int listen_on(const struct config *config, const char **why)
{
    const struct addrinfo hints = {.ai_flags = AI_PASSIVE, .ai_socktype = SOCK_STREAM};
    const int on = 1;
    struct addrinfo *info = NULL;
    int rv = getaddrinfo(config->listen_host, config->listen_port, &hints, &info);
    if (rv != 0) {
        *why = gai_strerror(rv);
        return -1;
    }
    int fd = socket(info->ai_family, info->ai_socktype | SOCK_NONBLOCK | SOCK_CLOEXEC,
                    info->ai_protocol);
    if (fd >= 0)
        (void)setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (fd < 0 || bind(fd, info->ai_addr, info->ai_addrlen) != 0 || listen(fd, 1024) != 0) {
        *why = strerror(errno);
        if (fd >= 0)
            (void)close(fd);
        fd = -1;
    }
    freeaddrinfo(info);
    return fd;
}

static bool announce(const struct portal *portal, int fd)
{
    const struct config *config = &portal->config;
    char port[16] = "?";
    struct sockaddr_storage address;
    socklen_t len = sizeof address;
    if (getsockname(fd, (struct sockaddr *)&address, &len) == 0)
        (void)getnameinfo((struct sockaddr *)&address, len, NULL, 0, port, sizeof port,
                          NI_NUMERICSERV);
    say("listening on %s, port %s%s", config->listen_host, port,
        config->certificate != NULL ? ", TLS" : "");
    if (config->port_file == NULL)
        return true;
    /* By rename: whoever waits for the file sees all of it. */
    char name[4200];
    (void)snprintf(name, sizeof name, "%s.new", config->port_file);
    FILE *file = fopen(name, "we");
    if (file != NULL && fprintf(file, "%s\n", port) > 0 && fclose(file) == 0 &&
        rename(name, config->port_file) == 0)
        return true;
    say("cannot write %s: %s", config->port_file, strerror(errno));
    return false;
}

static struct MHD_Daemon *start(struct portal *portal, int fd, const char *key, const char *cert)
{
    const struct config *config = &portal->config;
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)key},
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)cert},
        {MHD_OPTION_END, 0, NULL},
    };
    struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    unsigned seconds = (unsigned)(config->request_timeout_ns / 1000000000) + 1;
    return MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ITC |
            (cert != NULL ? MHD_USE_TLS : 0),
        0, NULL, NULL, on_request, portal, MHD_OPTION_LISTEN_SOCKET, fd,
        MHD_OPTION_URI_LOG_CALLBACK, on_target, portal, MHD_OPTION_UNESCAPE_CALLBACK, keep_escapes,
        NULL, MHD_OPTION_NOTIFY_COMPLETED, on_completed, portal, MHD_OPTION_NOTIFY_CONNECTION,
        on_connection, portal, MHD_OPTION_CONNECTION_TIMEOUT, seconds, MHD_OPTION_CONNECTION_LIMIT,
        config->connections_max, MHD_OPTION_THREAD_POOL_SIZE, config->threads, MHD_OPTION_ARRAY,
        cert != NULL ? tls : none, MHD_OPTION_END);
}

bool server_start(struct portal *portal)
{
    const struct config *config = &portal->config;
    const char *why = "?";
    clientid_error error = {0};
    unsigned char *key = NULL, *cert = NULL;
    size_t len;
    if (config->certificate != NULL) {
        cert = config_read_file(config->certificate, &len, &error);
        key = cert != NULL ? config_read_file(config->key, &len, &error) : NULL;
        if (key == NULL) {
            say("%s", error.text);
            free(cert);
            return false;
        }
    }
    int fd = listen_on(config, &why);
    if (fd < 0)
        say("cannot listen on %s:%s: %s", config->listen_host, config->listen_port, why);
    else
        portal->daemon = start(portal, fd, (const char *)key, (const char *)cert);
    if (key != NULL)
        explicit_bzero(key, len);
    free(key);
    free(cert);
    if (fd >= 0 && portal->daemon == NULL)
        say("cannot start to serve");
    return portal->daemon != NULL && announce(portal, fd);
}

void server_stop(struct portal *portal)
{
    if (portal->daemon == NULL)
        return;
    int fd = MHD_quiesce_daemon(portal->daemon);
    if (fd >= 0)
        (void)close(fd);
    dispatch_wake(portal, UINT64_MAX, UINT64_MAX); /* a suspended connection would be fatal */
    struct timespec until;
    (void)clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += 10;
    pthread_mutex_lock(&portal->lock);
    while (portal->calls != 0 &&
           pthread_cond_timedwait(&portal->changed, &portal->lock, &until) == 0)
        continue;
    pthread_mutex_unlock(&portal->lock);
    MHD_stop_daemon(portal->daemon);
    portal->daemon = NULL;
}
