/* SPDX-License-Identifier: Apache-2.0 */
/* What operators ask: counters for Prometheus, and whether contracts are there to decide by. */
#include "admin.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define OWN_BYTES 4096 /* of the proxy's own metrics */

struct text {
    char *data;
    size_t len, cap;
};

__attribute__((format(printf, 2, 3))) static void print(struct text *text, const char *format, ...)
{
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text->data + text->len, text->cap - text->len, format, args);
    va_end(args);
    if (len > 0 && (size_t)len < text->cap - text->len)
        text->len += (size_t)len;
}

static uint64_t sum(const struct process *process, size_t offset)
{
    uint64_t total = 0;
    for (unsigned i = 0; i < process->worker_count; i++) {
        const char *counters = (const char *)&process->workers[i].counters;
        const _Atomic uint64_t *counter = (const void *)(counters + offset);
        total += atomic_load_explicit(counter, memory_order_relaxed);
    }
    return total;
}

#define SUM(process, member) sum((process), offsetof(struct worker_counters, member))

static void put_one(struct text *text, const char *name, const char *type, const char *help,
                    uint64_t value)
{
    print(text, "# HELP %s %s\n# TYPE %s %s\n%s %" PRIu64 "\n", name, help, name, type, name,
          value);
}

static void put_own(struct text *text, const struct process *process)
{
    static const char *const classes[STATUS_CLASSES] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};
    print(text, "# HELP clientid_proxy_requests_total Finished requests by class of their status.\n"
                "# TYPE clientid_proxy_requests_total counter\n");
    for (size_t i = 0; i < STATUS_CLASSES; i++)
        print(text, "clientid_proxy_requests_total{status=\"%s\"} %" PRIu64 "\n", classes[i],
              sum(process, offsetof(struct worker_counters, answers) + i * sizeof(uint64_t)));
    put_one(text, "clientid_proxy_requests_under_way", "gauge", "Requests that are not finished.",
            SUM(process, under_way));
    put_one(text, "clientid_proxy_connections", "gauge", "Open client connections.",
            SUM(process, connections));
    put_one(text, "clientid_proxy_upstream_failures_total", "counter",
            "Upstreams out of reach, failed or timed out.", SUM(process, upstream_failures));
    put_one(text, "clientid_proxy_refunds_total", "counter",
            "Charges given back because no upstream saw the request.", SUM(process, refunds));
    put_one(text, "clientid_proxy_clients_gone_total", "counter",
            "Clients that left before their answer.", SUM(process, clients_gone));
}

/* The library's metrics and the proxy's own.  The size may grow between two calls, hence the loop. */
static bool collect(struct process *process, struct text *text)
{
    size_t room = 65536;
    for (unsigned tries = 0; tries < 4; tries++) {
        *text = (struct text){.data = malloc(room + OWN_BYTES), .cap = room + OWN_BYTES};
        if (text->data == NULL)
            return false;
        size_t len = room;
        int rv = clientid_metrics_write(process->gateway, realtime_ns(), text->data, &len);
        if (rv == 0) {
            text->len = len;
            put_own(text, process);
            return true;
        }
        free(text->data);
        text->data = NULL;
        if (rv != CLIENTID_ERR_SPACE)
            return false;
        room = len + len / 2;
    }
    return false;
}

static enum MHD_Result reply(struct MHD_Connection *connection, unsigned status, const char *type,
                             struct text *text)
{
    struct MHD_Response *response =
        MHD_create_response_from_buffer(text->len, text->data, MHD_RESPMEM_MUST_COPY);
    free(text->data);
    if (response == NULL)
        return MHD_NO;
    (void)MHD_add_response_header(response, "Content-Type", type);
    (void)MHD_add_response_header(response, "Cache-Control", "no-store");
    enum MHD_Result rv = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return rv;
}

static enum MHD_Result reply_health(struct process *process, struct MHD_Connection *connection)
{
    clientid_status status = {.size = sizeof status};
    uint64_t now_ns = realtime_ns();
    struct text body = {.data = malloc(512), .cap = 512};
    if (body.data == NULL)
        return MHD_NO;
    (void)clientid_gateway_status(process->gateway, now_ns, &status);
    double age_s = now_ns > status.contact_ns && status.contact_ns != 0
                       ? (double)(now_ns - status.contact_ns) / 1e9
                       : 0;
    print(&body,
          "{\"status\":\"%s\",\"loaded\":%s,\"degraded\":%s,\"sourceReached\":%s,"
          "\"revision\":%" PRIu64 ",\"contracts\":%" PRIu64 ",\"contactAgeSeconds\":%.3f}\n",
          status.serving ? "ok" : clientid_reason_label((clientid_reason)status.reason),
          status.loaded ? "true" : "false", status.degraded ? "true" : "false",
          status.source_reached ? "true" : "false", status.revision, status.contracts, age_s);
    return reply(connection, status.serving ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE,
                 "application/json", &body);
}

static enum MHD_Result reply_text(struct MHD_Connection *connection, unsigned status,
                                  const char *words)
{
    struct text body = {.data = strdup(words), .len = strlen(words)};
    return body.data != NULL ? reply(connection, status, "text/plain", &body) : MHD_NO;
}

static enum MHD_Result on_request(void *cls, struct MHD_Connection *connection, const char *url,
                                  const char *method, const char *version, const char *data,
                                  size_t *len, void **context)
{
    struct process *process = cls;
    struct text metrics;
    (void)version;
    (void)data;
    if (*context == NULL) { /* an answer now would close the connection */
        *context = process;
        return MHD_YES;
    }
    if (*len != 0) {
        *len = 0;
        return MHD_YES;
    }
    if (strcmp(method, "GET") != 0 && strcmp(method, "HEAD") != 0)
        return reply_text(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "GET only\n");
    bool wants_metrics = strcmp(url, "/metrics") == 0;
    if (!wants_metrics && strcmp(url, "/healthz") != 0)
        return reply_text(connection, MHD_HTTP_NOT_FOUND, "/metrics or /healthz\n");
    if (!wants_metrics)
        return reply_health(process, connection);
    if (!collect(process, &metrics))
        return reply_text(connection, MHD_HTTP_INTERNAL_SERVER_ERROR, "no metrics\n");
    return reply(connection, MHD_HTTP_OK, "text/plain; version=0.0.4", &metrics);
}

struct MHD_Daemon *admin_start(struct process *process, int listen_fd)
{
    return MHD_start_daemon(MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC, 0, NULL, NULL, on_request,
                            process, MHD_OPTION_LISTEN_SOCKET, listen_fd,
                            MHD_OPTION_CONNECTION_TIMEOUT, 10U, MHD_OPTION_CONNECTION_LIMIT, 64U,
                            MHD_OPTION_END);
}

void admin_stop(struct MHD_Daemon *admin)
{
    if (admin != NULL)
        MHD_stop_daemon(admin);
}
