/* SPDX-License-Identifier: Apache-2.0 */
/* Every request that was begun is counted once: answered, by its status, or unknown. */
#include "support_load.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { RETRY_MS = 5, PATIENCE_MS = 20000 };

/* ---- one answer ------------------------------------------------------------------------------ */

enum place { IN_HEAD, IN_BODY, IN_CHUNK_SIZE, IN_CHUNK, IN_CHUNK_END, IN_TRAILER, AT_END };

struct answer {
    enum place place;
    unsigned status; /* 0: its first line is to come */
    bool head_done;
    bool chunked;
    bool has_length;
    bool closes; /* the connection cannot be used again */
    uint64_t left;
    char body[LOAD_BODY_MAX]; /* how it begins */
    size_t body_len;
    char line[256]; /* longer ones are cut: none that matters is */
    size_t line_len;
};

static void take_field(struct answer *answer, const char *line)
{
    if (strncasecmp(line, "content-length:", 15) == 0) {
        answer->has_length = true;
        answer->left = strtoull(line + 15, NULL, 10);
    } else if (strncasecmp(line, "transfer-encoding:", 18) == 0) {
        answer->chunked = true;
    } else if (strncasecmp(line, "connection:", 11) == 0) {
        answer->closes = strstr(line + 11, "lose") != NULL;
    }
}

/* RFC 9112 section 6.3. */
static void end_head(struct answer *answer)
{
    if (answer->status < 200) {
        *answer = (struct answer){.place = IN_HEAD};
        return;
    }
    answer->head_done = true;
    answer->place = IN_BODY;
    if (answer->status == 204 || answer->status == 304)
        answer->place = AT_END;
    else if (answer->chunked)
        answer->place = IN_CHUNK_SIZE;
    else if (!answer->has_length)
        answer->left = UINT64_MAX;
    else if (answer->left == 0)
        answer->place = AT_END;
}

/* False: not HTTP. */
static bool take_line(struct answer *answer)
{
    const char *line = answer->line;
    switch (answer->place) {
    case IN_HEAD:
        if (answer->status != 0 && line[0] == '\0') {
            end_head(answer);
        } else if (answer->status != 0) {
            take_field(answer, line);
        } else {
            if (strncmp(line, "HTTP/1.", 7) != 0)
                return false;
            answer->status = (unsigned)strtoul(line + 8, NULL, 10);
            return answer->status >= 100 && answer->status < LOAD_STATUS_MAX;
        }
        return true;
    case IN_CHUNK_SIZE:
        answer->left = strtoull(line, NULL, 16);
        answer->place = answer->left != 0 ? IN_CHUNK : IN_TRAILER;
        return true;
    case IN_CHUNK_END:
        answer->place = IN_CHUNK_SIZE;
        return line[0] == '\0';
    case IN_TRAILER:
        if (line[0] == '\0')
            answer->place = AT_END;
        return true;
    case IN_BODY:
    case IN_CHUNK:
    case AT_END:
        break;
    }
    return false;
}

static bool take_byte(struct answer *answer, char byte)
{
    if (byte != '\n') {
        if (answer->line_len + 1 < sizeof answer->line)
            answer->line[answer->line_len++] = byte;
        return true;
    }
    if (answer->line_len != 0 && answer->line[answer->line_len - 1] == '\r')
        answer->line_len--;
    answer->line[answer->line_len] = '\0';
    answer->line_len = 0;
    return take_line(answer);
}

static void keep_start(struct answer *answer, const char *data, size_t len)
{
    size_t room = sizeof answer->body - 1 - answer->body_len;
    len = len < room ? len : room;
    memcpy(answer->body + answer->body_len, data, len);
    answer->body_len += len;
}

/* False when it is not HTTP, or more came than was asked for. */
static bool take(struct answer *answer, const char *data, size_t len)
{
    while (len != 0) {
        size_t part = 1;
        if (answer->place == IN_BODY || answer->place == IN_CHUNK) {
            part = answer->left < len ? (size_t)answer->left : len;
            keep_start(answer, data, part);
            answer->left -= part;
            if (answer->left == 0)
                answer->place = answer->place == IN_BODY ? AT_END : IN_CHUNK_END;
        } else if (!take_byte(answer, *data)) {
            return false;
        }
        data += part;
        len -= part;
    }
    return true;
}

/* ---- connections ----------------------------------------------------------------------------- */

enum phase { DOWN, CONNECTING, IDLE, SENDING, READING };

struct connection {
    int fd;
    enum phase phase;
    uint64_t due_ms;     /* DOWN and IDLE: not before */
    const char *request; /* the load's, or |own| */
    size_t request_len;
    size_t sent; /* bytes of the request */
    struct answer answer;
    unsigned choice;
    unsigned requests; /* begun on this connection */
    uint64_t begun_ms;
    char *own; /* where a chosen request is written */
};

struct load {
    struct load_options options;
    struct connection connections[LOAD_CONNECTIONS_MAX];
    char *request;
    size_t request_len;
    size_t own_bytes; /* of each connection's own request; 0: all send |request| */
    struct load_result result;
    _Atomic uint64_t answered;
    atomic_bool stops;
    bool gave_up;
    uint64_t alive_ms;
    pthread_t thread;
};

static uint64_t monotonic_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

static bool may_begin(const struct load *load)
{
    return !atomic_load(&load->stops) &&
           (load->options.requests == 0 || load->result.sent < load->options.requests);
}

static void disconnect(struct connection *connection, uint64_t due_ms)
{
    if (connection->fd >= 0)
        close(connection->fd);
    *connection =
        (struct connection){.fd = -1, .phase = DOWN, .due_ms = due_ms, .own = connection->own};
}

static void begin_connecting(struct load *load, struct connection *connection)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)load->options.port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    connection->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (connection->fd >= 0) {
        setsockopt(connection->fd, IPPROTO_TCP, TCP_NODELAY, &(int){1}, sizeof(int));
        connection->phase = CONNECTING;
        if (connect(connection->fd, (struct sockaddr *)&address, sizeof address) == 0 ||
            errno == EINPROGRESS)
            return;
    }
    load->result.refused++;
    disconnect(connection, monotonic_ms() + RETRY_MS);
}

static void tell(const struct load *load, const struct connection *connection, bool good, bool left)
{
    const struct answer *answer = &connection->answer;
    const bool answered = !left && (answer->head_done || !good);
    struct load_event event = {.choice = connection->choice,
                               .status = answered ? answer->status : 0,
                               .left = left,
                               .whole = answered && good && answer->place == AT_END,
                               .reused = connection->requests > 1,
                               .begun_ms = connection->begun_ms,
                               .ended_ms = monotonic_ms()};
    if (answered)
        memcpy(event.body, answer->body, sizeof event.body);
    if (load->options.seen != NULL)
        load->options.seen(load->options.self, &event);
}

/* The answer's head is there, or will never be. */
static void count_answer(struct load *load, const struct connection *connection, bool good)
{
    const struct answer *answer = &connection->answer;
    tell(load, connection, good, false);
    if (!answer->head_done && good) {
        load->result.unknown++;
        return;
    }
    load->result.answered++;
    load->result.by_status[answer->status < LOAD_STATUS_MAX ? answer->status : 0]++;
    load->result.broken += !good;
    load->result.cut += good && answer->place != AT_END;
    atomic_store(&load->answered, load->result.answered);
}

/* The other side closed or reset it. */
static void lose(struct load *load, struct connection *connection)
{
    struct answer *answer = &connection->answer;
    if (answer->head_done && answer->place == IN_BODY && answer->left > UINT64_MAX / 2)
        answer->place = AT_END; /* a body without a length ends like that */
    if (connection->phase == CONNECTING)
        load->result.refused++;
    else if (connection->phase == READING || (connection->phase == SENDING && connection->sent))
        count_answer(load, connection, true);
    disconnect(connection, monotonic_ms() + (connection->phase == CONNECTING ? RETRY_MS : 0));
}

static void send_some(struct load *load, struct connection *connection)
{
    ssize_t n = send(connection->fd, connection->request + connection->sent,
                     connection->request_len - connection->sent, MSG_NOSIGNAL);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n < 0) {
        lose(load, connection);
        return;
    }
    load->result.sent += connection->sent == 0;
    connection->sent += (size_t)n;
    if (connection->sent == connection->request_len)
        connection->phase = READING;
}

/* ---- requests -------------------------------------------------------------------------------- */

static size_t write_request(const struct load_options *options, const char *target, char *out,
                            size_t size)
{
    char length[48] = "";
    const char *method = options->method != NULL ? options->method : "GET";
    const char *lines = options->lines != NULL ? options->lines : "";
    const char *body = options->body != NULL ? options->body : "";
    if (options->body != NULL)
        snprintf(length, sizeof length, "Content-Length: %zu\r\n", strlen(body));
    int len = snprintf(out, size, "%s %s HTTP/1.1\r\nHost: test\r\n%s%s\r\n%s", method, target,
                       lines, length, body);
    return len > 0 && (size_t)len < size ? (size_t)len : 0;
}

static void choose(struct load *load, struct connection *connection)
{
    char target[LOAD_TARGET_MAX] = "";
    connection->request = load->request;
    connection->request_len = load->request_len;
    if (load->own_bytes == 0)
        return;
    connection->choice = load->options.choose(load->options.self, target, sizeof target);
    connection->request = connection->own;
    connection->request_len =
        write_request(&load->options, target, connection->own, load->own_bytes);
}

static void begin_request(struct load *load, struct connection *connection)
{
    connection->phase = SENDING;
    connection->sent = 0;
    connection->requests++;
    connection->begun_ms = monotonic_ms();
    connection->answer = (struct answer){.place = IN_HEAD};
    choose(load, connection);
    send_some(load, connection);
}

static void connected(struct load *load, struct connection *connection)
{
    int error = 0;
    socklen_t len = sizeof error;
    getsockopt(connection->fd, SOL_SOCKET, SO_ERROR, &error, &len);
    if (error != 0) {
        lose(load, connection);
        return;
    }
    connection->phase = IDLE;
    connection->due_ms = 0;
}

static void read_some(struct load *load, struct connection *connection)
{
    char data[16384];
    ssize_t n = recv(connection->fd, data, sizeof data, 0);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0 || connection->phase == IDLE) {
        lose(load, connection);
        return;
    }
    uint64_t due_ms = monotonic_ms() + load->options.pause_ms;
    if (!take(&connection->answer, data, (size_t)n)) {
        count_answer(load, connection, false);
        disconnect(connection, due_ms);
        return;
    }
    if (connection->answer.place != AT_END)
        return;
    count_answer(load, connection, true);
    connection->due_ms = due_ms;
    bool whole = connection->phase == READING; /* an early answer leaves half a request behind */
    connection->phase = IDLE;
    if (connection->answer.closes || !whole)
        disconnect(connection, due_ms);
}

static void serve(struct load *load, struct connection *connection, short events)
{
    if (events == 0)
        return;
    load->alive_ms = monotonic_ms();
    if (connection->phase == CONNECTING)
        connected(load, connection);
    else if (events & (POLLIN | POLLHUP | POLLERR))
        read_some(load, connection);
    else if (connection->phase == SENDING)
        send_some(load, connection);
}

/* As a person who closes the page: without a word. */
static void leave(struct load *load, struct connection *connection)
{
    uint64_t now = monotonic_ms();
    bool waits = connection->phase == READING && !connection->answer.head_done;
    if (load->options.leave_ms == 0 || !waits ||
        now < connection->begun_ms + load->options.leave_ms)
        return;
    load->alive_ms = now;
    load->result.left++;
    tell(load, connection, true, true);
    disconnect(connection, now + load->options.pause_ms);
}

/* ---- the loop -------------------------------------------------------------------------------- */

/* What is due is begun.  False when nothing is under way and nothing may begin. */
static bool begin(struct load *load)
{
    bool under_way = may_begin(load);
    uint64_t now = monotonic_ms();
    for (unsigned i = 0; i < load->options.connections; i++) {
        struct connection *connection = &load->connections[i];
        leave(load, connection);
        if (connection->phase == DOWN && connection->due_ms <= now && may_begin(load))
            begin_connecting(load, connection);
        if (connection->phase == IDLE && connection->due_ms <= now && may_begin(load))
            begin_request(load, connection);
        under_way = under_way || connection->phase == SENDING || connection->phase == READING;
    }
    return under_way;
}

static int next_due_ms(const struct load *load)
{
    uint64_t now = monotonic_ms(), next = now + 100;
    for (unsigned i = 0; i < load->options.connections; i++) {
        const struct connection *connection = &load->connections[i];
        bool waits = connection->phase == DOWN || connection->phase == IDLE;
        if (waits && connection->due_ms < next)
            next = connection->due_ms;
        if (connection->phase == READING && load->options.leave_ms != 0 &&
            connection->begun_ms + load->options.leave_ms < next)
            next = connection->begun_ms + load->options.leave_ms;
    }
    return next > now && may_begin(load) ? (int)(next - now) : may_begin(load) ? 0 : 100;
}

static void wait_once(struct load *load)
{
    struct pollfd fds[LOAD_CONNECTIONS_MAX];
    unsigned count = load->options.connections;
    for (unsigned i = 0; i < count; i++) {
        const struct connection *connection = &load->connections[i];
        bool writes = connection->phase == CONNECTING || connection->phase == SENDING;
        fds[i] = (struct pollfd){.fd = connection->fd,
                                 .events = (short)(writes ? POLLIN | POLLOUT : POLLIN)};
    }
    if (poll(fds, count, next_due_ms(load)) <= 0)
        return;
    for (unsigned i = 0; i < count; i++)
        if (fds[i].fd >= 0)
            serve(load, &load->connections[i], fds[i].revents);
}

static void *run(void *argument)
{
    struct load *load = argument;
    load->alive_ms = monotonic_ms();
    while (begin(load)) {
        wait_once(load);
        load->gave_up = monotonic_ms() > load->alive_ms + PATIENCE_MS + load->options.pause_ms;
        if (load->gave_up)
            break;
    }
    for (unsigned i = 0; i < load->options.connections; i++) {
        if (load->connections[i].phase == CONNECTING)
            disconnect(&load->connections[i], 0);
        else
            lose(load, &load->connections[i]);
    }
    return NULL;
}

/* ---- from outside ---------------------------------------------------------------------------- */

static void load_free(struct load *load)
{
    for (unsigned i = 0; i < LOAD_CONNECTIONS_MAX; i++)
        free(load->connections[i].own);
    free(load->request);
    free(load);
}

static bool make_requests(struct load *load)
{
    const struct load_options *options = &load->options;
    const char *target = options->target != NULL ? options->target : "";
    size_t size = strlen(target) + LOAD_TARGET_MAX + 128;
    size += options->lines != NULL ? strlen(options->lines) : 0;
    size += options->body != NULL ? strlen(options->body) : 0;
    load->own_bytes = options->choose != NULL ? size : 0;
    for (unsigned i = 0; options->choose != NULL && i < options->connections; i++) {
        load->connections[i].own = malloc(size);
        if (load->connections[i].own == NULL)
            return false;
    }
    load->request = malloc(size);
    if (load->request == NULL)
        return false;
    load->request_len = write_request(options, target, load->request, size);
    return true;
}

struct load *load_start(const struct load_options *options)
{
    struct load *load = calloc(1, sizeof *load);
    if (load == NULL)
        return NULL;
    load->options = *options;
    if (options->connections > LOAD_CONNECTIONS_MAX || !make_requests(load))
        goto fail;
    for (unsigned i = 0; i < options->connections; i++)
        load->connections[i].fd = -1;
    if (pthread_create(&load->thread, NULL, run, load) == 0)
        return load;
fail:
    load_free(load);
    return NULL;
}

uint64_t load_answered(const struct load *load)
{
    return atomic_load(&load->answered);
}

void load_stop(struct load *load)
{
    atomic_store(&load->stops, true);
}

int load_wait(struct load *load, struct load_result *result)
{
    pthread_join(load->thread, NULL);
    int rv = load->gave_up ? -1 : 0;
    *result = load->result;
    load_free(load);
    return rv;
}
