/* SPDX-License-Identifier: Apache-2.0 */
/* The upstream of the demo: answers every request with what it got, one line for each thing. */
#include <arpa/inet.h>
#include <microhttpd.h>
#include <netinet/in.h>

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct text {
    char bytes[4096];
    size_t len;
};

static void add(struct text *text, const char *name, const char *value)
{
    int len =
        snprintf(text->bytes + text->len, sizeof(text->bytes) - text->len, "%s: %s\n", name, value);

    if (len > 0 && (size_t)len < sizeof(text->bytes) - text->len)
        text->len += (size_t)len;
}

static enum MHD_Result add_header(void *sink, enum MHD_ValueKind kind, const char *name,
                                  const char *value)
{
    (void)kind;
    add(sink, name, value != NULL ? value : "");
    return MHD_YES;
}

/* The target as it came over the wire; kept as the connection's state. */
static void *keep_target(void *self, const char *target, struct MHD_Connection *connection)
{
    (void)self;
    (void)connection;
    return strdup(target);
}

static enum MHD_Result answer(void *self, struct MHD_Connection *connection, const char *url,
                              const char *method, const char *version, const char *data,
                              size_t *size, void **state)
{
    struct text text = {.len = 0};
    struct MHD_Response *response;
    enum MHD_Result result;

    (void)self;
    (void)url;
    (void)version;
    (void)data;
    if (*size != 0) {
        *size = 0;
        return MHD_YES;
    }
    add(&text, "upstream got", method);
    add(&text, "target", *state != NULL ? *state : "");
    MHD_get_connection_values(connection, MHD_HEADER_KIND, add_header, &text);
    response = MHD_create_response_from_buffer(text.len, text.bytes, MHD_RESPMEM_MUST_COPY);
    if (response == NULL)
        return MHD_NO;
    MHD_add_response_header(response, "Content-Type", "text/plain");
    result = MHD_queue_response(connection, 200, response);
    MHD_destroy_response(response);
    return result;
}

static void forget(void *self, struct MHD_Connection *connection, void **state,
                   enum MHD_RequestTerminationCode why)
{
    (void)self;
    (void)connection;
    (void)why;
    free(*state);
    *state = NULL;
}

/* Prints the port it got, serves until SIGTERM. */
int main(void)
{
    struct sockaddr_in loopback = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    struct MHD_Daemon *daemon;
    sigset_t stop;
    int signal;

    sigemptyset(&stop);
    sigaddset(&stop, SIGTERM);
    sigaddset(&stop, SIGINT);
    sigprocmask(SIG_BLOCK, &stop, NULL);
    daemon = MHD_start_daemon(MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_EPOLL, 0, NULL, NULL,
                              answer, NULL, MHD_OPTION_SOCK_ADDR, &loopback,
                              MHD_OPTION_URI_LOG_CALLBACK, keep_target, NULL,
                              MHD_OPTION_NOTIFY_COMPLETED, forget, NULL, MHD_OPTION_END);
    if (daemon == NULL)
        return 1;
    printf("%u\n", MHD_get_daemon_info(daemon, MHD_DAEMON_INFO_BIND_PORT)->port);
    fflush(stdout);
    sigwait(&stop, &signal);
    MHD_stop_daemon(daemon);
    return 0;
}
