/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes on to the other side.  End-to-end header lines pass byte for byte and in order; hop-by-hop ones
 * (RFC 9110 section 7.6.1) end here; an upstream sees an identity only when a decision put it there.
 */
#include "forward.h"

#include "answer.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static bool in_list(clientid_str name, const char *const *list)
{
    for (; *list != NULL; list++) {
        if (names_alike(name, *list))
            return true;
    }
    return false;
}

static bool is_hop_by_hop(clientid_str name)
{
    static const char *const names[] = {"connection",
                                        "keep-alive",
                                        "proxy-connection",
                                        "proxy-authenticate",
                                        "te",
                                        "transfer-encoding",
                                        "trailer",
                                        "upgrade",
                                        "http2-settings",
                                        "proxy-authorization",
                                        NULL};
    return in_list(name, names);
}

/* Lines that curl or this file writes anew. */
static bool is_rewritten(clientid_str name)
{
    static const char *const names[] = {"host",
                                        "content-length",
                                        "expect",
                                        "x-forwarded-for",
                                        "x-forwarded-proto",
                                        "x-forwarded-host",
                                        NULL};
    return in_list(name, names);
}

/*
 * Lines by which the request before the request is told.  From strangers they are lies; some frameworks route by
 * X-Original-URL and X-Rewrite-URL, so those would even lead around a route.
 */
static bool is_hearsay(clientid_str name)
{
    static const char *const names[] = {"forwarded",
                                        "x-real-ip",
                                        "x-original-uri",
                                        "x-original-url",
                                        "x-rewrite-url",
                                        "x-original-method",
                                        "x-forwarded-uri",
                                        "x-forwarded-port",
                                        "x-forwarded-method",
                                        "x-forwarded-prefix",
                                        NULL};
    return in_list(name, names);
}

static bool is_identity(const struct config *config, clientid_str name)
{
    for (size_t i = 0; i < IDENTITY_COUNT; i++) {
        if (config->identity[i] != NULL && names_alike(name, config->identity[i]))
            return true;
    }
    return false;
}

/* Named by a Connection line, hence meant for this hop. */
static bool is_nominated(const struct head *head, clientid_str name)
{
    clientid_str rest;
    clientid_str element;
    for (size_t nth = 0; head_line(head, "connection", nth, &rest); nth++) {
        while (list_next(&rest, &element)) {
            if (text_same(name, element))
                return true;
        }
    }
    return false;
}

static bool passes(const struct exchange *ex, clientid_str name)
{
    return !is_hop_by_hop(name) && !is_rewritten(name) && !is_identity(ex->config, name) &&
           !(is_hearsay(name) && !ex->trusted) &&
           clientid_strips_header(&ex->decision, name) == 0 && !is_nominated(&ex->head, name);
}

/* ---- request --------------------------------------------------------------------------------- */

static bool append(struct curl_slist **list, const char *line)
{
    struct curl_slist *longer = curl_slist_append(*list, line);
    if (longer == NULL)
        return false;
    *list = longer;
    return true;
}

/* curl's spelling: "Name: value", and "Name;" for an empty value. */
static bool append_line(struct curl_slist **list, clientid_str name, clientid_str value)
{
    char *line = malloc(name.len + value.len + 3);
    if (line == NULL)
        return false;
    memcpy(line, name.ptr, name.len);
    if (value.len == 0) {
        line[name.len] = ';';
        line[name.len + 1] = '\0';
    } else {
        line[name.len] = ':';
        line[name.len + 1] = ' ';
        memcpy(line + name.len + 2, value.ptr, value.len);
        line[name.len + 2 + value.len] = '\0';
    }
    bool good = append(list, line);
    free(line);
    return good;
}

static bool append_named(struct curl_slist **list, const char *name, clientid_str value)
{
    return append_line(list, (clientid_str){name, strlen(name)}, value);
}

bool forward_identity(const struct exchange *ex, unsigned which, char *out, size_t size)
{
    const clientid_decision *decision = &ex->decision;
    clientid_str value = which == IDENTITY_ID     ? decision->client_id
                         : which == IDENTITY_NAME ? decision->client_name
                                                  : decision->tier;
    if (!decision->verified || value.len == 0 || value.len >= size)
        return false;
    for (size_t i = 0; i < value.len; i++) {
        unsigned char c = (unsigned char)value.ptr[i];
        out[i] = c < 0x20 || c == 0x7f ? '?' : value.ptr[i];
    }
    out[value.len] = '\0';
    return true;
}

static bool append_identity(const struct exchange *ex, struct curl_slist **list)
{
    char value[1024];
    for (unsigned i = 0; i < IDENTITY_COUNT; i++) {
        if (ex->config->identity[i] != NULL && forward_identity(ex, i, value, sizeof value) &&
            !append_named(list, ex->config->identity[i], (clientid_str){value, strlen(value)}))
            return false;
    }
    return true;
}

/* X-Forwarded-For: what trusted peers said before, and the peer itself. */
static bool append_forwarded_for(const struct exchange *ex, struct curl_slist **list)
{
    char text[2048];
    size_t len = 0;
    clientid_str value;
    for (size_t nth = 0; ex->trusted && head_line(&ex->head, "x-forwarded-for", nth, &value);
         nth++) {
        if (len + value.len + sizeof ex->peer + 4 > sizeof text)
            break;
        if (value.len == 0)
            continue;
        len += (size_t)snprintf(text + len, sizeof text - len, "%.*s, ", (int)value.len, value.ptr);
    }
    int peer = snprintf(text + len, sizeof text - len, "%s", ex->peer);
    return append_named(list, "X-Forwarded-For", (clientid_str){text, len + (size_t)peer});
}

static bool append_forwarded(const struct exchange *ex, struct curl_slist **list)
{
    bool secure = ex->worker->process->certificate != NULL;
    clientid_str proto = secure ? CLIENTID_STR("https") : CLIENTID_STR("http");
    clientid_str host = ex->head.host;
    if (ex->trusted) {
        (void)head_line(&ex->head, "x-forwarded-proto", 0, &proto);
        (void)head_line(&ex->head, "x-forwarded-host", 0, &host);
    }
    return append_forwarded_for(ex, list) && append_named(list, "X-Forwarded-Proto", proto) &&
           (host.len == 0 || append_named(list, "X-Forwarded-Host", host));
}

static bool append_host(const struct exchange *ex, struct curl_slist **list)
{
    const char *authority = ex->route->authority;
    clientid_str host = ex->head.host;
    if (!ex->route->keep_host || host.len == 0)
        host = (clientid_str){authority, strlen(authority)};
    return append_named(list, "Host", host);
}

bool forward_lines(const struct exchange *ex, struct curl_slist **out)
{
    const struct head *head = &ex->head;
    clientid_str accept;
    struct curl_slist *list = NULL;
    bool good = append_host(ex, &list);
    for (size_t i = 0; good && i < head->line_count; i++) {
        if (passes(ex, head->lines[i].name))
            good = append_line(&list, head->lines[i].name, head->lines[i].value);
    }
    good = good && append_forwarded(ex, &list) && append_identity(ex, &list) &&
           append(&list, head->http_1_0 ? "Via: 1.0 clientid-proxy" : "Via: 1.1 clientid-proxy") &&
           append(&list, "Expect:"); /* none: the client was told to go on already */
    if (good && !head_line(head, "accept", 0, &accept))
        good = append(&list, "Accept:"); /* none of curl's own */
    if (good && head->chunked && !ex->body_complete)
        good = append(&list, "Transfer-Encoding: chunked");
    if (!good) {
        curl_slist_free_all(list);
        return false;
    }
    *out = list;
    return true;
}

/* Base path, path without the route's prefix if so configured, and the query without credentials. */
char *forward_target(const struct exchange *ex)
{
    const struct route *route = ex->route;
    clientid_str path = ex->head.path;
    size_t prefix = route->strip_prefix && strlen(route->prefix) > 1 ? strlen(route->prefix) : 0;
    path.ptr += prefix;
    path.len -= prefix;
    size_t base = strlen(route->base_path);
    bool mark = ex->head.has_query && (ex->query_len != 0 || ex->head.query.len == 0);
    char *target = malloc(base + path.len + ex->query_len + 3);
    if (target == NULL)
        return NULL;
    size_t len = base;
    memcpy(target, route->base_path, base);
    if (path.len == 0)
        target[len++] = '/';
    memcpy(target + len, path.ptr, path.len);
    len += path.len;
    if (mark) {
        target[len++] = '?';
        memcpy(target + len, ex->query, ex->query_len);
        len += ex->query_len;
    }
    target[len] = '\0';
    return target;
}

/* ---- answer ---------------------------------------------------------------------------------- */

bool forward_take_line(struct exchange *ex, clientid_str line)
{
    struct upstream *up = &ex->upstream;
    if (up->head_len + line.len + 1 > FORWARD_HEAD_BYTES_MAX)
        return false;
    if (up->head_len + line.len + 1 > up->head_cap) {
        size_t cap = up->head_cap != 0 ? up->head_cap * 2 : 2048;
        while (cap < up->head_len + line.len + 1)
            cap *= 2;
        char *head = realloc(up->head, cap);
        if (head == NULL)
            return false;
        up->head = head;
        up->head_cap = cap;
    }
    memcpy(up->head + up->head_len, line.ptr, line.len);
    up->head[up->head_len + line.len] = '\0';
    up->head_len += line.len + 1;
    return true;
}

/* The next kept line; NUL inside a line ends it early and the name check below refuses the rest. */
static bool next_line(const struct upstream *up, size_t *at, clientid_str *name,
                      clientid_str *value)
{
    while (*at < up->head_len) {
        const char *line = up->head + *at;
        size_t len = strlen(line);
        *at += len + 1;
        const char *colon = memchr(line, ':', len);
        if (colon == NULL || colon == line)
            continue;
        *name = (clientid_str){line, (size_t)(colon - line)};
        *value = text_trim((clientid_str){colon + 1, len - name->len - 1});
        return true;
    }
    return false;
}

static bool is_nominated_by_upstream(const struct upstream *up, clientid_str wanted)
{
    clientid_str name;
    clientid_str rest;
    clientid_str element;
    size_t at = 0;
    while (next_line(up, &at, &name, &rest)) {
        if (!text_is(name, "connection"))
            continue;
        while (list_next(&rest, &element)) {
            if (text_same(wanted, element))
                return true;
        }
    }
    return false;
}

static bool add_lines(const struct exchange *ex, struct MHD_Response *answer)
{
    const struct upstream *up = &ex->upstream;
    clientid_str name;
    clientid_str value;
    size_t at = 0;
    while (next_line(up, &at, &name, &value)) {
        if (is_hop_by_hop(name) || text_is(name, "content-length") ||
            is_nominated_by_upstream(up, name))
            continue;
        if (!answer_add(answer, name, value))
            return false;
    }
    return true;
}

struct MHD_Response *forward_answer(struct exchange *ex, MHD_ContentReaderCallback body)
{
    const struct upstream *up = &ex->upstream;
    bool bodiless = text_is(ex->head.method, "HEAD") || up->status == MHD_HTTP_NOT_MODIFIED;
    bool empty = up->status == MHD_HTTP_NO_CONTENT;
    uint64_t length = empty ? 0 : up->has_length ? up->length : MHD_SIZE_UNKNOWN;
    struct MHD_Response *answer = MHD_create_response_from_callback(length, 32768, body, ex, NULL);
    if (answer == NULL)
        return NULL;
    /* libmicrohttpd 0.9.75 would send the last chunk of a body that HEAD and 304 do not have. */
    if (bodiless && length == MHD_SIZE_UNKNOWN &&
        MHD_set_response_options(answer, MHD_RF_HTTP_1_0_COMPATIBLE_STRICT, MHD_RO_END) != MHD_YES)
        goto fail;
    if (!add_lines(ex, answer) || !answer_add_quota(ex, answer) ||
        !answer_add(answer, CLIENTID_STR("Via"), CLIENTID_STR("1.1 clientid-proxy")))
        goto fail;
    return answer;
fail:
    MHD_destroy_response(answer);
    return NULL;
}
