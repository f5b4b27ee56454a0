/* SPDX-License-Identifier: Apache-2.0 */
#include "support_callback.h"

#include "support_proxy.h"

#include <gnutls/gnutls.h>
#include <gnutls/x509.h>
#include <microhttpd.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define REQUESTS_MAX 65536

struct callback_state {
    pthread_mutex_t lock;
    struct callback_request requests[REQUESTS_MAX];
    size_t count;
    unsigned failures, status, delay_ms;
    char header[64];
};

struct body {
    char *text;
    size_t len;
};

static char *copy(const char *text)
{
    return text != NULL ? strdup(text) : NULL;
}

static char *header_of(struct MHD_Connection *connection, const char *name)
{
    return copy(MHD_lookup_connection_value(connection, MHD_HEADER_KIND, name));
}

static char *client_of(struct MHD_Connection *connection)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_GNUTLS_SESSION);
    unsigned count = 0, status = 0;
    char name[128];
    size_t len = sizeof name;
    gnutls_x509_crt_t certificate;
    if (info == NULL || info->tls_session == NULL)
        return NULL;
    const gnutls_datum_t *chain = gnutls_certificate_get_peers(info->tls_session, &count);
    if (chain == NULL || count == 0 ||
        gnutls_certificate_verify_peers2(info->tls_session, &status) != 0 || status != 0)
        return NULL;
    gnutls_x509_crt_init(&certificate);
    gnutls_x509_crt_import(certificate, &chain[0], GNUTLS_X509_FMT_DER);
    int rc =
        gnutls_x509_crt_get_dn_by_oid(certificate, GNUTLS_OID_X520_COMMON_NAME, 0, 0, name, &len);
    gnutls_x509_crt_deinit(certificate);
    return rc == 0 ? strdup(name) : NULL;
}

/* Whoever shows no certificate where one is wanted is refused, and recorded. */
static unsigned record(struct callback_state *state, struct MHD_Connection *connection,
                       const char *method, const char *path, struct body *body, unsigned *delay_ms)
{
    unsigned status = 200;
    pthread_mutex_lock(&state->lock);
    if (state->failures > 0) {
        state->failures--;
        status = state->status;
    }
    *delay_ms = state->delay_ms;
    if (state->count < REQUESTS_MAX) {
        state->requests[state->count++] = (struct callback_request){
            .method = copy(method),
            .path = copy(path),
            .type = header_of(connection, "Content-Type"),
            .authorization = header_of(connection, "Authorization"),
            .body = body->text != NULL ? body->text : strdup(""),
            .client = client_of(connection),
            .status = status,
            .at_ms = now_ms(),
        };
        body->text = NULL;
    }
    pthread_mutex_unlock(&state->lock);
    return status;
}

static enum MHD_Result answer(struct callback_state *state, struct MHD_Connection *connection,
                              unsigned status)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(2, (void *)(uintptr_t) "{}", MHD_RESPMEM_PERSISTENT);
    char name[64];
    pthread_mutex_lock(&state->lock);
    snprintf(name, sizeof name, "%s", status != 200 ? state->header : "");
    pthread_mutex_unlock(&state->lock);
    char *colon = strchr(name, ':');
    if (colon != NULL) {
        *colon = '\0';
        MHD_add_response_header(response, name, colon + 2);
    }
    enum MHD_Result rv = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return rv;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *len, void **context)
{
    struct callback_state *state = cls;
    struct body *body = *context;
    unsigned delay_ms;
    (void)version;
    if (body == NULL) {
        *context = calloc(1, sizeof *body);
        return MHD_YES;
    }
    if (*len != 0) {
        body->text = realloc(body->text, body->len + *len + 1);
        memcpy(body->text + body->len, data, *len);
        body->len += *len;
        body->text[body->len] = '\0';
        *len = 0;
        return MHD_YES;
    }
    unsigned status = record(state, connection, method, url, body, &delay_ms);
    if (delay_ms != 0)
        sleep_ms(delay_ms);
    return answer(state, connection, status);
}

static void on_completed(void *cls, struct MHD_Connection *connection, void **context,
                         enum MHD_RequestTerminationCode code)
{
    struct body *body = *context;
    (void)cls;
    (void)connection;
    (void)code;
    if (body != NULL)
        free(body->text);
    free(body);
    *context = NULL;
}

void callback_start(struct callback *callback, const char *key, const char *certificate,
                    const char *ca)
{
    const struct sockaddr_in address = {.sin_family = AF_INET,
                                        .sin_addr = {htonl(INADDR_LOOPBACK)},
                                        .sin_port = htons((uint16_t)callback->port)};
    struct MHD_OptionItem tls[] = {
        {MHD_OPTION_HTTPS_MEM_KEY, 0, (void *)(uintptr_t)key},
        {MHD_OPTION_HTTPS_MEM_CERT, 0, (void *)(uintptr_t)certificate},
        {MHD_OPTION_HTTPS_MEM_TRUST, 0, (void *)(uintptr_t)ca},
        {MHD_OPTION_END, 0, NULL},
    };
    struct MHD_OptionItem none[] = {{MHD_OPTION_END, 0, NULL}};
    if (callback->state == NULL)
        callback->state = calloc(1, sizeof *callback->state);
    pthread_mutex_init(&callback->state->lock, NULL);
    /* A thread each: an answer that waits holds up no other. */
    callback->daemon = MHD_start_daemon(
        MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_THREAD_PER_CONNECTION |
            (key != NULL ? MHD_USE_TLS : 0),
        0, NULL, NULL, on_request, callback->state, MHD_OPTION_SOCK_ADDR, &address,
        MHD_OPTION_LISTENING_ADDRESS_REUSE, 1U, MHD_OPTION_NOTIFY_COMPLETED, on_completed, NULL,
        MHD_OPTION_ARRAY, key != NULL ? tls : none, MHD_OPTION_END);
    assert_non_null(callback->daemon);
    callback->port = MHD_get_daemon_info(callback->daemon, MHD_DAEMON_INFO_BIND_PORT)->port;
}

void callback_stop(struct callback *callback)
{
    struct callback_state *state = callback->state;
    MHD_stop_daemon(callback->daemon);
    for (size_t i = 0; i < state->count; i++) {
        struct callback_request *request = &state->requests[i];
        free(request->method);
        free(request->path);
        free(request->type);
        free(request->authorization);
        free(request->body);
        free(request->client);
    }
    free(state);
    callback->state = NULL;
}

void callback_answers(struct callback *callback, unsigned count, unsigned status,
                      const char *header)
{
    struct callback_state *state = callback->state;
    pthread_mutex_lock(&state->lock);
    state->failures = count;
    state->status = status;
    snprintf(state->header, sizeof state->header, "%s", header != NULL ? header : "");
    pthread_mutex_unlock(&state->lock);
}

void callback_delays(struct callback *callback, unsigned ms)
{
    pthread_mutex_lock(&callback->state->lock);
    callback->state->delay_ms = ms;
    pthread_mutex_unlock(&callback->state->lock);
}

size_t callback_count(const struct callback *callback)
{
    pthread_mutex_lock(&callback->state->lock);
    size_t count = callback->state->count;
    pthread_mutex_unlock(&callback->state->lock);
    return count;
}

void callback_settle(const struct callback *callback)
{
    for (uint64_t end_ms = now_ms() + 10000; now_ms() < end_ms; sleep_ms(1)) {
        const union MHD_DaemonInfo *info =
            MHD_get_daemon_info(callback->daemon, MHD_DAEMON_INFO_CURRENT_CONNECTIONS);
        if (info->num_connections == 0)
            return;
    }
    fail_msg("a connection to the callback did not end within 10 s");
}

const struct callback_request *callback_wait(struct callback *callback, size_t index)
{
    for (uint64_t end_ms = now_ms() + 10000; now_ms() < end_ms; sleep_ms(5)) {
        if (callback_count(callback) > index)
            return &callback->state->requests[index];
    }
    fail_msg("request %zu did not come within 10 s", index);
    return NULL;
}
