/* SPDX-License-Identifier: Apache-2.0 */
/* One line of JSON a request.  Nothing that could be a secret is written: no header, no body, a stripped query. */
#include "log.h"

#include "exchange.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

void say(const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    (void)fprintf(stderr, "clientid-proxy: %s\n", line);
}

void say_error(const char *what, const clientid_error *error)
{
    char place[384] = "";
    if (error->line != 0)
        (void)snprintf(place, sizeof place, "%s:%u:%u: ", error->file, error->line, error->column);
    else if (error->pointer[0] != '\0')
        (void)snprintf(place, sizeof place, "%s#%s: ", error->file, error->pointer);
    else if (error->file[0] != '\0')
        (void)snprintf(place, sizeof place, "%s: ", error->file);
    say("%s: %s%s", what, place,
        error->text[0] != '\0' ? error->text : clientid_strerror(error->code));
}

/* ---- file ------------------------------------------------------------------------------------ */

static int open_file(const char *name)
{
    if (strcmp(name, "-") == 0)
        return dup(STDOUT_FILENO);
    return open(name, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
}

bool log_open(struct log_file *file, const char *name)
{
    atomic_init(&file->fd, -1);
    if (name == NULL)
        return true;
    file->name = strdup(name);
    int fd = file->name != NULL ? open_file(name) : -1;
    atomic_store(&file->fd, fd);
    return fd >= 0;
}

/* The new file takes the old one's number, so a worker that is writing never sees a closed one. */
bool log_reopen(struct log_file *file)
{
    if (file->name == NULL || strcmp(file->name, "-") == 0)
        return true;
    int fd = open_file(file->name);
    if (fd < 0)
        return false;
    bool good = dup2(fd, atomic_load(&file->fd)) >= 0;
    (void)close(fd);
    return good;
}

void log_close(struct log_file *file)
{
    int fd = atomic_exchange(&file->fd, -1);
    if (fd >= 0)
        (void)close(fd);
    free(file->name);
    file->name = NULL;
}

/* ---- lines ----------------------------------------------------------------------------------- */

static void put(struct log *log, const char *text, size_t len)
{
    if (log->len + len > log->cap) {
        size_t cap = log->cap != 0 ? log->cap * 2 : 16384;
        while (cap < log->len + len)
            cap *= 2;
        char *data = realloc(log->data, cap);
        if (data == NULL)
            return; /* a line with a gap is better than no service */
        log->data = data;
        log->cap = cap;
    }
    memcpy(log->data + log->len, text, len);
    log->len += len;
}

__attribute__((format(printf, 2, 3))) static void print(struct log *log, const char *format, ...)
{
    char text[256];
    va_list args;
    va_start(args, format);
    int len = vsnprintf(text, sizeof text, format, args);
    va_end(args);
    if (len > 0)
        put(log, text, (size_t)len < sizeof text ? (size_t)len : sizeof text - 1);
}

/* Bytes beyond ASCII are written as their number: the line is valid JSON whatever a client sent. */
static void put_escaped(struct log *log, clientid_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c == '"' || c == '\\')
            print(log, "\\%c", c);
        else if (c < 0x20 || c >= 0x7f)
            print(log, "\\u%04x", c);
        else
            put(log, text.ptr + i, 1);
    }
}

static void put_member(struct log *log, const char *name, clientid_str value)
{
    print(log, ",\"%s\":\"", name);
    put_escaped(log, value);
    put(log, "\"", 1);
}

static clientid_str of(const char *text)
{
    return (clientid_str){text, text != NULL ? strlen(text) : 0};
}

static void put_time(struct log *log, uint64_t real_ns)
{
    time_t seconds = (time_t)(real_ns / 1000000000);
    struct tm tm;
    char text[32] = "";
    if (gmtime_r(&seconds, &tm) != NULL)
        (void)strftime(text, sizeof text, "%Y-%m-%dT%H:%M:%S", &tm);
    print(log, "{\"time\":\"%s.%03uZ\"", text, (unsigned)(real_ns / 1000000 % 1000));
}

/* The query only when a decision told what in it is a credential. */
static void put_path(struct log *log, const struct exchange *ex)
{
    clientid_str path = ex->request.path.len != 0 ? ex->request.path : ex->head.path;
    if (path.len == 0)
        path = (clientid_str){ex->target, strcspn(ex->target, "?")};
    print(log, ",\"path\":\"");
    put_escaped(log, path);
    if (ex->query != NULL && ex->query_len != 0 && !ex->route->hide_query) {
        put(log, "?", 1);
        put_escaped(log, (clientid_str){ex->query, ex->query_len});
    }
    put(log, "\"", 1);
}

/* A client id that has no contract may be a secret in the wrong place, so it is not written. */
static void put_decision(struct log *log, const struct exchange *ex)
{
    const clientid_decision *decision = &ex->decision;
    put_member(log, "api", of(ex->route->api_name));
    if (decision->contract_id != 0)
        put_member(log, "client_id", decision->client_id);
    put_member(log, "verdict", of(clientid_verdict_label(decision->verdict)));
    put_member(log, "reason", of(clientid_reason_label(decision->reason)));
    if (decision->shadow_denied)
        put_member(log, "shadow", of(clientid_reason_label(decision->shadow_reason)));
}

void log_exchange(struct log *log, const struct exchange *ex, uint64_t end_ns)
{
    if (atomic_load_explicit(&log->file->fd, memory_order_relaxed) < 0)
        return;
    uint64_t us = (end_ns - ex->start_ns) / 1000;
    put_time(log, ex->start_real_ns);
    put_member(log, "client", of(ex->peer));
    put_member(log, "method", ex->request.method.len != 0 ? ex->request.method : ex->head.method);
    put_member(log, "host", ex->head.host);
    put_path(log, ex);
    print(log, ",\"status\":%u,\"bytes\":%llu,\"ms\":%llu.%03u", ex->status,
          (unsigned long long)ex->bytes, (unsigned long long)(us / 1000), (unsigned)(us % 1000));
    if (ex->decided)
        put_decision(log, ex);
    if (ex->upstream.ready)
        print(log, ",\"upstream\":%u", ex->upstream.status);
    if (ex->refunded)
        print(log, ",\"refunded\":true");
    if (ex->note != NULL)
        put_member(log, "note", of(ex->note));
    put(log, "}\n", 2);
}

/* Bytes that were written; a full disk must not stop the service. */
static size_t write_some(int fd, const char *data, size_t len)
{
    size_t done = 0;
    while (done < len) {
        ssize_t n = write(fd, data + done, len - done);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            break;
        done += (size_t)n;
    }
    return done;
}

void log_flush(struct log *log)
{
    int fd = atomic_load_explicit(&log->file->fd, memory_order_relaxed);
    if (fd < 0 || log->len == 0) {
        log->len = 0;
        return;
    }
    /* A line that a full disk has cut ends before the next one begins. */
    if (log->cut && write_some(fd, "\n", 1) == 1)
        log->cut = false;
    size_t done = log->cut ? 0 : write_some(fd, log->data, log->len);
    log->cut = log->cut || (done != 0 && log->data[done - 1] != '\n');
    log->len = 0;
}

void log_free(struct log *log)
{
    free(log->data);
    log->data = NULL;
}
