/* SPDX-License-Identifier: Apache-2.0 */
/* The side of the upstreams: curl's multi interface driven by the worker's epoll set. */
#include "upstream.h"

#include "forward.h"

#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>

/* ---- transfer callbacks ---------------------------------------------------------------------- */

static size_t on_send(char *out, size_t size, size_t count, void *cls)
{
    struct exchange *ex = cls;
    size_t room = size * count;
    size_t kept = ex->body_len - ex->body_sent;
    ex->upstream.alive_ns = monotonic_ns();
    if (kept != 0) {
        size_t len = kept < room ? kept : room;
        memcpy(out, ex->body + ex->body_sent, len);
        ex->body_sent += len;
        return len;
    }
    size_t len = spool_get(&ex->up, out, room);
    ex->upstream.streamed = ex->upstream.streamed || len != 0;
    if (ex->phase == PHASE_BODY && len != 0)
        exchange_wake(ex); /* there is room again */
    if (len == 0 && !ex->body_complete) {
        ex->upstream.send_paused = true;
        return CURL_READFUNC_PAUSE;
    }
    return len;
}

/* curl sends a request again when a kept connection turns out to be dead: only what was kept can be. */
static int on_rewind(void *cls, curl_off_t offset, int origin)
{
    struct exchange *ex = cls;
    if (offset != 0 || origin != SEEK_SET || ex->upstream.streamed)
        return CURL_SEEKFUNC_FAIL;
    ex->body_sent = 0;
    return CURL_SEEKFUNC_OK;
}

static size_t on_receive(char *data, size_t size, size_t count, void *cls)
{
    struct exchange *ex = cls;
    size_t len = size * count;
    bool no_memory = false;
    ex->upstream.alive_ns = monotonic_ns();
    if (!spool_put_all(&ex->down, data, len, &no_memory)) {
        if (no_memory)
            return 0;
        ex->upstream.receive_paused = true;
        return CURL_WRITEFUNC_PAUSE;
    }
    exchange_wake(ex);
    return len;
}

static bool take_status(struct upstream *up, clientid_str line)
{
    const char *space = memchr(line.ptr, ' ', line.len);
    up->head_len = 0;
    up->has_length = false;
    up->status = 0;
    for (unsigned i = 1; space != NULL && i <= 3 && space + i < line.ptr + line.len; i++)
        up->status = up->status * 10 + (unsigned)(space[i] - '0');
    /* Nobody asked for another protocol: after a 101 what comes is no HTTP, and curl would just read on. */
    return up->status >= 100 && up->status <= 999 && up->status != 101;
}

/* Two lengths that differ: nobody knows where the answer ends. */
static bool take_length(struct upstream *up, clientid_str value)
{
    uint64_t length = 0;
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < '0' || value.ptr[i] > '9' || length > UINT64_MAX / 20)
            return false;
        length = length * 10 + (uint64_t)(value.ptr[i] - '0');
    }
    if (value.len == 0 || (up->has_length && up->length != length))
        return false;
    up->has_length = true;
    up->length = length;
    return true;
}

static bool take_field(struct exchange *ex, clientid_str line)
{
    clientid_str name;
    clientid_str value;
    const char *colon = memchr(line.ptr, ':', line.len);
    if (colon == NULL)
        return true;
    name = (clientid_str){line.ptr, (size_t)(colon - line.ptr)};
    value = text_trim((clientid_str){colon + 1, line.len - name.len - 1});
    if (text_is(name, "transfer-encoding"))
        ex->upstream.chunked = true;
    if (text_is(name, "content-length") && !take_length(&ex->upstream, value))
        return false;
    return forward_take_line(ex, line);
}

/* Heads of 1xx answers are dropped, trailers too. */
static size_t on_head_line(char *data, size_t size, size_t count, void *cls)
{
    struct exchange *ex = cls;
    struct upstream *up = &ex->upstream;
    clientid_str line = {data, size * count};
    size_t taken = line.len;
    up->alive_ns = monotonic_ns();
    if (up->ready)
        return taken;
    while (line.len != 0 && (line.ptr[line.len - 1] == '\n' || line.ptr[line.len - 1] == '\r'))
        line.len--;
    if (line.len == 0) {
        up->ready = up->status >= 200;
        up->has_length = up->has_length && !up->chunked;
        if (up->ready)
            exchange_wake(ex);
        return taken;
    }
    bool good = line.len > 5 && memcmp(line.ptr, "HTTP/", 5) == 0 ? take_status(up, line)
                                                                  : take_field(ex, line);
    return good ? taken : 0;
}

/* ---- one transfer ---------------------------------------------------------------------------- */

static CURL *easy_take(struct worker *worker)
{
    if (worker->idle_easy_count != 0)
        return worker->idle_easy[--worker->idle_easy_count];
    return curl_easy_init();
}

static void easy_give(struct worker *worker, CURL *easy)
{
    if (worker->idle_easy_count == sizeof worker->idle_easy / sizeof worker->idle_easy[0]) {
        curl_easy_cleanup(easy);
        return;
    }
    curl_easy_reset(easy);
    worker->idle_easy[worker->idle_easy_count++] = easy;
}

static CURLcode set_method(const struct exchange *ex, CURL *easy)
{
    const struct head *head = &ex->head;
    bool uploads = head_has_body(head) || head->has_length;
    CURLcode rv = CURLE_OK;
    if (text_is(head->method, "HEAD"))
        rv = curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
    else if (uploads)
        rv = curl_easy_setopt(easy, CURLOPT_UPLOAD, 1L);
    if (rv == CURLE_OK && uploads) {
        curl_off_t length = ex->body_complete ? (curl_off_t)ex->body_len
                            : head->chunked   ? -1
                                              : (curl_off_t)head->length;
        rv = curl_easy_setopt(easy, CURLOPT_INFILESIZE_LARGE, length);
    }
    if (rv == CURLE_OK)
        rv = curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, head->method.ptr);
    return rv;
}

/* The target goes out raw; of |url| curl uses where to connect to. */
static CURLcode set_place(const struct exchange *ex, CURL *easy)
{
    CURLcode rv = curl_easy_setopt(easy, CURLOPT_URL, ex->route->origin);
    if (rv == CURLE_OK)
        rv = curl_easy_setopt(easy, CURLOPT_REQUEST_TARGET, ex->upstream.target);
    if (rv == CURLE_OK)
        rv = curl_easy_setopt(easy, CURLOPT_PATH_AS_IS, 1L);
    if (rv == CURLE_OK)
        rv = curl_easy_setopt(easy, CURLOPT_HTTPHEADER, ex->upstream.lines);
    if (rv == CURLE_OK)
        rv = curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
    if (rv == CURLE_OK) /* http_proxy in the environment is not meant for this */
        rv = curl_easy_setopt(easy, CURLOPT_PROXY, "");
    if (rv == CURLE_OK)
        rv = curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    return rv;
}

static CURLcode set_callbacks(struct exchange *ex, CURL *easy)
{
    (void)curl_easy_setopt(easy, CURLOPT_PRIVATE, ex);
    (void)curl_easy_setopt(easy, CURLOPT_READFUNCTION, on_send);
    (void)curl_easy_setopt(easy, CURLOPT_READDATA, ex);
    (void)curl_easy_setopt(easy, CURLOPT_SEEKFUNCTION, on_rewind);
    (void)curl_easy_setopt(easy, CURLOPT_SEEKDATA, ex);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_receive);
    (void)curl_easy_setopt(easy, CURLOPT_WRITEDATA, ex);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_head_line);
    (void)curl_easy_setopt(easy, CURLOPT_HEADERDATA, ex);
    (void)curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
    long wait_ms = (long)((ex->config->timeouts.connect_ns + 999999) / 1000000);
    return curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, wait_ms);
}

bool upstream_prepare(struct exchange *ex)
{
    struct upstream *up = &ex->upstream;
    up->easy = easy_take(ex->worker);
    up->target = forward_target(ex);
    if (up->easy == NULL || up->target == NULL || !forward_lines(ex, &up->lines))
        goto fail;
    if (set_method(ex, up->easy) != CURLE_OK || set_place(ex, up->easy) != CURLE_OK ||
        set_callbacks(ex, up->easy) != CURLE_OK)
        goto fail;
    return true;
fail:
    upstream_stop(ex);
    return false;
}

void upstream_begin(struct exchange *ex)
{
    uint64_t now_ns = monotonic_ns();
    if (ex->upstream.easy == NULL)
        return;
    ex->upstream.alive_ns = now_ns;
    if (!timer_set(&ex->worker->timers, &ex->timer, now_ns + ex->config->timeouts.upstream_ns) ||
        curl_multi_add_handle(ex->worker->multi, ex->upstream.easy) != CURLM_OK) {
        upstream_stop(ex);
        exchange_upstream_failed(ex, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory");
        return;
    }
    ex->upstream.started = true;
}

void upstream_unpause(struct exchange *ex)
{
    const struct upstream *up = &ex->upstream;
    if (!up->started || up->easy == NULL)
        return;
    int paused = (up->send_paused ? CURLPAUSE_SEND : 0) | (up->receive_paused ? CURLPAUSE_RECV : 0);
    (void)curl_easy_pause(up->easy, paused);
}

bool upstream_reached(const struct exchange *ex)
{
    long sent_bytes = 0;
    if (ex->upstream.easy != NULL && ex->upstream.started)
        (void)curl_easy_getinfo(ex->upstream.easy, CURLINFO_REQUEST_SIZE, &sent_bytes);
    return ex->upstream.reached || sent_bytes > 0;
}

void upstream_stop(struct exchange *ex)
{
    struct upstream *up = &ex->upstream;
    if (up->easy == NULL)
        return;
    up->reached = upstream_reached(ex);
    if (up->started)
        (void)curl_multi_remove_handle(ex->worker->multi, up->easy);
    easy_give(ex->worker, up->easy);
    curl_slist_free_all(up->lines);
    up->easy = NULL;
    up->lines = NULL;
    up->done = true;
}

static void finish(struct exchange *ex, CURLcode code)
{
    upstream_stop(ex);
    timer_clear(&ex->worker->timers, &ex->timer);
    if (code == CURLE_OK && ex->upstream.ready)
        exchange_wake(ex);
    else if (code == CURLE_OPERATION_TIMEDOUT)
        exchange_upstream_failed(ex, MHD_HTTP_GATEWAY_TIMEOUT, "upstream timed out");
    else
        exchange_upstream_failed(ex, MHD_HTTP_BAD_GATEWAY,
                                 ex->upstream.reached ? "upstream failed" : "upstream unreachable");
}

/* ---- all transfers --------------------------------------------------------------------------- */

static int on_socket(CURL *easy, curl_socket_t fd, int what, void *cls, void *known)
{
    struct worker *worker = cls;
    (void)easy;
    if (what == CURL_POLL_REMOVE) {
        worker_unwatch(worker, fd);
        return 0;
    }
    unsigned events = (what & CURL_POLL_IN ? (unsigned)EPOLLIN : 0U) |
                      (what & CURL_POLL_OUT ? (unsigned)EPOLLOUT : 0U);
    if (!worker_watch_curl(worker, fd, events, known != NULL))
        return -1;
    (void)curl_multi_assign(worker->multi, fd, worker);
    return 0;
}

static int on_curl_timer(CURLM *multi, long wait_ms, void *cls)
{
    struct worker *worker = cls;
    (void)multi;
    worker->curl_due_ns = wait_ms < 0 ? UINT64_MAX : monotonic_ns() + (uint64_t)wait_ms * 1000000;
    return 0;
}

bool upstream_open(struct worker *worker)
{
    worker->curl_due_ns = UINT64_MAX;
    worker->multi = curl_multi_init();
    return worker->multi != NULL &&
           curl_multi_setopt(worker->multi, CURLMOPT_SOCKETFUNCTION, on_socket) == CURLM_OK &&
           curl_multi_setopt(worker->multi, CURLMOPT_SOCKETDATA, worker) == CURLM_OK &&
           curl_multi_setopt(worker->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer) == CURLM_OK &&
           curl_multi_setopt(worker->multi, CURLMOPT_TIMERDATA, worker) == CURLM_OK &&
           curl_multi_setopt(worker->multi, CURLMOPT_MAXCONNECTS, 256L) == CURLM_OK;
}

void upstream_close(struct worker *worker)
{
    while (worker->idle_easy_count != 0)
        curl_easy_cleanup(worker->idle_easy[--worker->idle_easy_count]);
    if (worker->multi != NULL)
        (void)curl_multi_cleanup(worker->multi);
    worker->multi = NULL;
}

static void take_finished(struct worker *worker)
{
    const CURLMsg *message;
    int left = 0;
    while ((message = curl_multi_info_read(worker->multi, &left)) != NULL) {
        char *owner = NULL;
        CURLcode code = message->data.result;
        (void)curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &owner);
        finish((struct exchange *)(void *)owner, code);
    }
}

void upstream_socket_ready(struct worker *worker, int fd, unsigned epoll_events)
{
    int running = 0;
    int what = (epoll_events & EPOLLIN ? CURL_CSELECT_IN : 0) |
               (epoll_events & EPOLLOUT ? CURL_CSELECT_OUT : 0) |
               (epoll_events & (EPOLLERR | EPOLLHUP) ? CURL_CSELECT_ERR : 0);
    (void)curl_multi_socket_action(worker->multi, fd, what, &running);
}

void upstream_run(struct worker *worker, uint64_t now_ns)
{
    int running = 0;
    if (now_ns >= worker->curl_due_ns) {
        worker->curl_due_ns = UINT64_MAX;
        (void)curl_multi_socket_action(worker->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    }
    take_finished(worker);
}
