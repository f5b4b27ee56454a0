/* SPDX-License-Identifier: Apache-2.0 */
/* What a server may do to us ends somewhere: bytes, time, and where we go. */
#include "anypoint/http.h"

#include "base/mem.h"
#include "base/str.h"

#include <curl/curl.h>
#include <stdio.h>
#include <time.h>

#define TEXT_OF(number)  #number
#define VALUE_OF(number) TEXT_OF(number)
#define USER_AGENT                                                                                 \
    "libclientid/" VALUE_OF(CLIENTID_VERSION_MAJOR) "." VALUE_OF(CLIENTID_VERSION_MINOR)

struct clientid__http {
    CURLM *multi;
    char *ca_file;
    bool https;
    bool fresh; /* the last perform finished a call: nobody may wait before that is seen */
};

/* A call and what only this file knows of it. */
struct handle {
    struct clientid__call call; /* first: callers have its address */
    CURL *easy;
    struct curl_slist *lines;
    char *post;
    size_t capacity;
    bool too_large, no_memory;
    char why[CURL_ERROR_SIZE];
};

/* ---- what comes ------------------------------------------------------------------------------ */

static size_t on_body(char *bytes, size_t one, size_t len, void *self)
{
    struct handle *h = self;
    size_t capacity = h->capacity != 0 ? h->capacity : 16384;
    char *body;

    (void)one;
    h->too_large = len > CLIENTID__HTTP_BODY_MOST - h->call.len;
    if (h->too_large)
        return 0;
    while (capacity < h->call.len + len)
        capacity *= 2;
    if (capacity != h->capacity) {
        body = clientid__alloc(&clientid__malloc, capacity, 1);
        h->no_memory = body == NULL;
        if (body == NULL)
            return 0;
        if (h->call.len > 0)
            memcpy(body, h->call.body, h->call.len);
        clientid__free(&clientid__malloc, h->call.body);
        h->call.body = body;
        h->capacity = capacity;
    }
    memcpy(h->call.body + h->call.len, bytes, len);
    h->call.len += len;
    return len;
}

/* True for the line of that name; |*value| has no white space around it. */
static bool is_line(clientid_str line, const char *name, clientid_str *value)
{
    size_t len = strlen(name);

    if (line.len <= len || line.ptr[len] != ':' ||
        !clientid__str_case_eq(clientid__str(line.ptr, len), clientid__cstr(name)))
        return false;
    *value = clientid__trim_ows(clientid__str(line.ptr + len + 1, line.len - len - 1));
    return true;
}

/* Seconds or an HTTP-date (RFC 9110 section 10.2.3); what is neither counts as absent. */
static void take_retry_after(struct clientid__call *call, clientid_str value)
{
    uint64_t seconds = 0;
    char text[64];
    time_t until;
    size_t i = 0;

    for (; i < value.len && value.ptr[i] >= '0' && value.ptr[i] <= '9'; i++)
        if (seconds <= CLIENTID__RETRY_AFTER_MOST)
            seconds = seconds * 10 + (uint64_t)(value.ptr[i] - '0');
    if (i < value.len || value.len == 0) {
        if (value.len == 0 || value.len >= sizeof(text))
            return;
        memcpy(text, value.ptr, value.len);
        text[value.len] = '\0';
        until = curl_getdate(text, NULL);
        if (until == (time_t)-1)
            return;
        seconds = until > time(NULL) ? (uint64_t)(until - time(NULL)) : 0;
    }
    call->has_retry_after = true;
    call->retry_after_s =
        seconds < CLIENTID__RETRY_AFTER_MOST ? seconds : CLIENTID__RETRY_AFTER_MOST;
}

static void take_etag(struct clientid__call *call, clientid_str value)
{
    if (value.len == 0 || value.len >= sizeof(call->etag))
        return;
    memcpy(call->etag, value.ptr, value.len);
    call->etag[value.len] = '\0';
}

static bool says_wait(clientid_str value)
{
    return value.len >= 4 &&
           clientid__str_case_eq(clientid__str(value.ptr, 4), CLIENTID_STR("wait")) &&
           (value.len == 4 || strchr("=; ,\t", value.ptr[4]) != NULL);
}

static size_t on_line(char *bytes, size_t one, size_t len, void *self)
{
    struct handle *h = self;
    clientid_str line = {bytes, len}, value;

    (void)one;
    while (line.len > 0 && (line.ptr[line.len - 1] == '\r' || line.ptr[line.len - 1] == '\n'))
        line.len--;
    /* Another head: what an interim one, or a proxy's, said does not count. */
    if (line.len >= 5 && memcmp(line.ptr, "HTTP/", 5) == 0) {
        h->call.etag[0] = '\0';
        h->call.held = h->call.has_retry_after = false;
    }
    if (is_line(line, "etag", &value))
        take_etag(&h->call, value);
    else if (is_line(line, "retry-after", &value))
        take_retry_after(&h->call, value);
    else if (is_line(line, "preference-applied", &value))
        h->call.held = says_wait(value);
    return len;
}

/* ---- a call ---------------------------------------------------------------------------------- */

static bool add_line(struct handle *h, const char *name, const char *value)
{
    char line[4096];
    struct curl_slist *longer = NULL;
    int len = snprintf(line, sizeof(line), "%s: %s", name, value);

    if (len > 0 && (size_t)len < sizeof(line) && strpbrk(line, "\r\n") == NULL)
        longer = curl_slist_append(h->lines, line);
    explicit_bzero(line, sizeof(line)); /* a token may be in it */
    if (longer == NULL)
        return false;
    h->lines = longer;
    return true;
}

static bool add_lines(struct handle *h, const struct clientid__ask *ask)
{
    char token[2048];
    char wait[32];
    bool ok = add_line(h, "Accept", "application/json");

    if (ok && ask->token != NULL) {
        int len = snprintf(token, sizeof(token), "bearer %s", ask->token);

        ok = len > 0 && (size_t)len < sizeof(token) && add_line(h, "Authorization", token) &&
             add_line(h, "X-Accept-Hash-Algorithm", "sha256");
        explicit_bzero(token, sizeof(token));
    }
    if (ok && ask->etag != NULL)
        ok = add_line(h, "If-None-Match", ask->etag);
    if (ok && ask->post != NULL)
        ok = add_line(h, "Content-Type", "application/json");
    if (ok && ask->hold) {
        snprintf(wait, sizeof(wait), "wait=%d", CLIENTID__HTTP_WAIT_S);
        ok = add_line(h, "Prefer", wait);
    }
    return ok;
}

/* A request that is held is silent for as long as it may be, and then as long as any other. */
static void set_times(struct handle *h, bool hold)
{
    long stall = CLIENTID__HTTP_STALL_S + (hold ? CLIENTID__HTTP_WAIT_S : 0);

    curl_easy_setopt(h->easy, CURLOPT_CONNECTTIMEOUT, (long)CLIENTID__HTTP_CONNECT_S);
    curl_easy_setopt(h->easy, CURLOPT_LOW_SPEED_LIMIT, 1L);
    curl_easy_setopt(h->easy, CURLOPT_LOW_SPEED_TIME, stall);
    curl_easy_setopt(h->easy, CURLOPT_TIMEOUT, (long)CLIENTID__HTTP_CALL_S);
    curl_easy_setopt(h->easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(h->easy, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(h->easy, CURLOPT_QUICK_EXIT, 1L);
}

static void set_safety(struct handle *h, const struct clientid__http *http)
{
    curl_easy_setopt(h->easy, CURLOPT_PROTOCOLS_STR, http->https ? "https" : "http");
    curl_easy_setopt(h->easy, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(h->easy, CURLOPT_SSL_VERIFYPEER, 1L);
    curl_easy_setopt(h->easy, CURLOPT_SSL_VERIFYHOST, 2L);
    curl_easy_setopt(h->easy, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
    if (http->ca_file != NULL)
        curl_easy_setopt(h->easy, CURLOPT_CAINFO, http->ca_file);
    if (!http->https)
        curl_easy_setopt(h->easy, CURLOPT_PROXY, "");
}

static bool set_up(struct handle *h, const struct clientid__http *http,
                   const struct clientid__ask *ask)
{
    if (!add_lines(h, ask))
        return false;
    set_times(h, ask->hold);
    set_safety(h, http);
    curl_easy_setopt(h->easy, CURLOPT_PRIVATE, h);
    curl_easy_setopt(h->easy, CURLOPT_ERRORBUFFER, h->why);
    curl_easy_setopt(h->easy, CURLOPT_USERAGENT, USER_AGENT);
    curl_easy_setopt(h->easy, CURLOPT_ACCEPT_ENCODING, "");
    curl_easy_setopt(h->easy, CURLOPT_HTTPHEADER, h->lines);
    curl_easy_setopt(h->easy, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(h->easy, CURLOPT_WRITEDATA, h);
    curl_easy_setopt(h->easy, CURLOPT_HEADERFUNCTION, on_line);
    curl_easy_setopt(h->easy, CURLOPT_HEADERDATA, h);
    if (ask->post != NULL) {
        h->post = clientid__strdup(&clientid__malloc, clientid__cstr(ask->post));
        if (h->post == NULL)
            return false;
        curl_easy_setopt(h->easy, CURLOPT_POSTFIELDSIZE, (long)strlen(h->post));
        curl_easy_setopt(h->easy, CURLOPT_POSTFIELDS, h->post);
    }
    return curl_easy_setopt(h->easy, CURLOPT_URL, ask->url) == CURLE_OK;
}

static void handle_del(struct handle *h)
{
    if (h->easy != NULL)
        curl_easy_cleanup(h->easy);
    for (struct curl_slist *line = h->lines; line != NULL; line = line->next)
        explicit_bzero(line->data, strlen(line->data));
    curl_slist_free_all(h->lines);
    if (h->post != NULL)
        explicit_bzero(h->post, strlen(h->post));
    clientid__free(&clientid__malloc, h->post);
    if (h->call.body != NULL)
        explicit_bzero(h->call.body, h->call.len);
    clientid__free(&clientid__malloc, h->call.body);
    clientid__free(&clientid__malloc, h);
}

struct clientid__call *clientid__http_start(struct clientid__http *http,
                                            const struct clientid__ask *ask)
{
    struct handle *h = clientid__alloc(&clientid__malloc, 1, sizeof(*h));

    if (h == NULL)
        return NULL;
    h->easy = curl_easy_init();
    if (h->easy != NULL && set_up(h, http, ask) &&
        curl_multi_add_handle(http->multi, h->easy) == CURLM_OK)
        return &h->call;
    handle_del(h);
    return NULL;
}

void clientid__http_end(struct clientid__http *http, struct clientid__call *call)
{
    struct handle *h = (struct handle *)call;

    if (h == NULL)
        return;
    curl_multi_remove_handle(http->multi, h->easy);
    handle_del(h);
}

/* ---- all of them ----------------------------------------------------------------------------- */

static void finish(struct handle *h, CURLcode code)
{
    struct clientid__call *call = &h->call;

    call->done = true;
    if (code == CURLE_OK)
        curl_easy_getinfo(h->easy, CURLINFO_RESPONSE_CODE, &call->status);
    else if (h->too_large)
        snprintf(call->failure, sizeof(call->failure), "the answer is larger than %u MiB",
                 CLIENTID__HTTP_BODY_MOST >> 20);
    else if (h->no_memory)
        snprintf(call->failure, sizeof(call->failure), "out of memory");
    else
        snprintf(call->failure, sizeof(call->failure), "%s",
                 h->why[0] != '\0' ? h->why : curl_easy_strerror(code));
}

void clientid__http_perform(struct clientid__http *http)
{
    CURLMsg *message;
    int running, left;

    http->fresh = false;
    curl_multi_perform(http->multi, &running);
    while ((message = curl_multi_info_read(http->multi, &left)) != NULL) {
        CURLcode code = message->data.result;
        void *h = NULL;

        if (message->msg != CURLMSG_DONE)
            continue;
        curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, &h);
        finish(h, code);
        http->fresh = true;
    }
}

void clientid__http_wait(struct clientid__http *http, int ms)
{
    if (!http->fresh)
        curl_multi_poll(http->multi, NULL, 0, ms, NULL);
}

int clientid__http_init(void)
{
    return curl_global_init(CURL_GLOBAL_DEFAULT) == CURLE_OK ? 0 : CLIENTID_ERR_NOMEM;
}

int clientid__http_new(struct clientid__http **out, const char *ca_file, bool https)
{
    struct clientid__http *http = clientid__alloc(&clientid__malloc, 1, sizeof(*http));

    if (http == NULL)
        return CLIENTID_ERR_NOMEM;
    *out = http;
    http->https = https;
    http->multi = curl_multi_init();
    if (ca_file != NULL)
        http->ca_file = clientid__strdup(&clientid__malloc, clientid__cstr(ca_file));
    if (http->multi != NULL && (ca_file == NULL || http->ca_file != NULL))
        return 0;
    clientid__http_del(http);
    *out = NULL;
    return CLIENTID_ERR_NOMEM;
}

void clientid__http_del(struct clientid__http *http)
{
    if (http == NULL)
        return;
    if (http->multi != NULL)
        curl_multi_cleanup(http->multi);
    clientid__free(&clientid__malloc, http->ca_file);
    clientid__free(&clientid__malloc, http);
}
