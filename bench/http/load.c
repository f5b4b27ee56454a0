/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* strcasestr */
/* One thread, closed loop: every connection has one request under way.  Requests are written before the clock starts. */
#include "http.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define REQUESTS      65536 /* prepared; asked round and round */
#define REQUEST_BYTES 256

static char (*prepared)[REQUEST_BYTES];
static size_t prepared_len[REQUESTS];

static void die(const char *what)
{
    perror(what);
    exit(1);
}

static double seconds_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* ---- requests -------------------------------------------------------------------------------- */

static void base64(char *out, const char *text)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    size_t len = strlen(text);

    for (size_t i = 0; i < len; i += 3) {
        unsigned long bits = (unsigned long)(unsigned char)text[i] << 16;

        if (i + 1 < len)
            bits |= (unsigned long)(unsigned char)text[i + 1] << 8;
        if (i + 2 < len)
            bits |= (unsigned char)text[i + 2];
        *out++ = digits[bits >> 18];
        *out++ = digits[bits >> 12 & 63];
        *out++ = i + 1 < len ? digits[bits >> 6 & 63] : '=';
        *out++ = i + 2 < len ? digits[bits & 63] : '=';
    }
    *out = '\0';
}

static size_t write_request(char out[REQUEST_BYTES], const struct target *target, size_t client)
{
    char id[CREDENTIAL_BYTES + 1], secret[CREDENTIAL_BYTES + 1], both[80], encoded[120];

    client_id(client, id);
    client_secret(client, secret);
    if (target->carrier == CARRIER_QUERY)
        return (size_t)snprintf(
            out, REQUEST_BYTES,
            "GET %s?client_id=%s&client_secret=%s HTTP/1.1\r\nHost: bench\r\n\r\n", target->path,
            id, secret);
    snprintf(both, sizeof both, "%s:%s", id, secret);
    base64(encoded, both);
    return (size_t)snprintf(out, REQUEST_BYTES,
                            "GET %s HTTP/1.1\r\nHost: bench\r\nAuthorization: Basic %s\r\n\r\n",
                            target->path, encoded);
}

static void prepare(const struct target *target, size_t clients)
{
    uint64_t random = 88172645463325252U;

    if (prepared == NULL)
        prepared = malloc(REQUESTS * REQUEST_BYTES);
    if (prepared == NULL)
        die("memory");
    for (size_t i = 0; i < REQUESTS; i++) {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        prepared_len[i] = write_request(prepared[i], target, (size_t)(random % clients));
    }
}

/* ---- connections ----------------------------------------------------------------------------- */

struct connection {
    int fd;
    size_t used;
    char answer[4096];
};

static void connect_to(struct connection *c, unsigned port)
{
    struct sockaddr_in address = {.sin_family = AF_INET,
                                  .sin_port = htons((uint16_t)port),
                                  .sin_addr = {htonl(INADDR_LOOPBACK)}};
    int on = 1;

    c->used = 0;
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&address, sizeof address) != 0)
        die("connect");
    setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
}

/* Bytes of the whole answer, 0 while it is not whole.  Every target here answers with a length. */
static size_t answer_len(struct connection *c)
{
    char *end, *length;

    c->answer[c->used] = '\0';
    end = strstr(c->answer, "\r\n\r\n");
    if (end == NULL)
        return 0;
    length = strcasestr(c->answer, "\r\ncontent-length:");
    if (length == NULL || length > end) {
        fprintf(stderr, "an answer without length:\n%s", c->answer);
        exit(1);
    }
    end += 4 + strtoul(length + 17, NULL, 10);
    return end <= c->answer + c->used ? (size_t)(end - c->answer) : 0;
}

static unsigned status_of(const struct connection *c)
{
    return (unsigned)strtoul(c->answer + 9, NULL, 10);
}

static void ask(struct connection *c, size_t *next)
{
    size_t i = (*next)++ % REQUESTS;

    if (send(c->fd, prepared[i], prepared_len[i], MSG_NOSIGNAL) != (ssize_t)prepared_len[i])
        die("send");
}

/* True when an answer is whole; hosts close connections after so many requests, then it is asked anew. */
static bool answered(struct connection *c, const struct target *target, size_t *next)
{
    ssize_t got = recv(c->fd, c->answer + c->used, sizeof c->answer - 1 - c->used, 0);

    if (got <= 0 && !(got < 0 && errno == EINTR)) {
        close(c->fd);
        connect_to(c, target->port);
        ask(c, next);
        return false;
    }
    c->used += got > 0 ? (size_t)got : 0;
    return answer_len(c) != 0;
}

static void watch(int epoll, struct connection *c)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = c};

    if (epoll_ctl(epoll, EPOLL_CTL_ADD, c->fd, &event) != 0)
        die("epoll");
}

static void on_input(int epoll, struct connection *c, const struct target *target, size_t *next,
                     struct load *load)
{
    if (answered(c, target, next)) {
        if (status_of(c) == 200)
            load->requests++;
        else
            load->others++;
        c->used = 0;
        ask(c, next);
    } else if (c->used == 0) {
        watch(epoll, c); /* closed and opened again: the set has lost it */
    }
}

struct load load_run(const struct target *target, size_t clients, unsigned connections,
                     double seconds)
{
    struct connection *all = calloc(connections, sizeof *all);
    struct load load = {0, 0};
    size_t next = 0;
    double end;
    int epoll = epoll_create1(EPOLL_CLOEXEC);

    if (all == NULL || epoll < 0)
        die("load");
    prepare(target, clients);
    for (unsigned i = 0; i < connections; i++) {
        connect_to(&all[i], target->port);
        watch(epoll, &all[i]);
        ask(&all[i], &next);
    }
    end = seconds_now() + seconds;
    while (seconds_now() < end) {
        struct epoll_event events[64];
        int n = epoll_wait(epoll, events, 64, 100);

        for (int i = 0; i < n; i++)
            on_input(epoll, events[i].data.ptr, target, &next, &load);
    }
    for (unsigned i = 0; i < connections; i++)
        close(all[i].fd);
    close(epoll);
    free(all);
    return load;
}

unsigned load_unknown(const struct target *target)
{
    struct connection c;
    char request[REQUEST_BYTES];
    size_t len = write_request(request, target, SIZE_MAX / 2);
    unsigned status = 0;

    connect_to(&c, target->port);
    if (send(c.fd, request, len, MSG_NOSIGNAL) != (ssize_t)len)
        die("send");
    while (answer_len(&c) == 0) {
        ssize_t got = recv(c.fd, c.answer + c.used, sizeof c.answer - 1 - c.used, 0);

        if (got <= 0)
            break;
        c.used += (size_t)got;
    }
    if (c.used > 12)
        status = status_of(&c);
    close(c.fd);
    return status;
}
