/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request head that could be read in more than one way is refused.
 *
 * libmicrohttpd 0.9.75 is lenient: it cuts values at a NUL, joins folded lines to the field NAME, ends lines at a
 * bare LF, takes the first of two Content-Length lines and lets Transfer-Encoding win over Content-Length.  It
 * parses in place, so in a head that has one reading only, every piece lies exactly behind the one before it.  That
 * is what is checked here; whatever was cut, skipped or moved leaves a hole.  A libmicrohttpd that stored its
 * pieces elsewhere would have every request refused, never one let through.
 */
#include "head.h"

#include <string.h>
#include <strings.h>

#define TOKEN_MARKS "!#$%&'*+-.^_`|~"

static bool is_token_byte(unsigned char c)
{
    return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') ||
           (c != '\0' && strchr(TOKEN_MARKS, c) != NULL);
}

static bool is_token(clientid_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if (!is_token_byte((unsigned char)text.ptr[i]))
            return false;
    }
    return text.len != 0;
}

/* RFC 9110 section 5.5: no control but HTAB.  A bare CR ends a line for some recipients. */
static bool is_field_value(clientid_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if ((c < 0x20 && c != '\t') || c == 0x7f)
            return false;
    }
    return true;
}

/* Bytes beyond ASCII are passed on as nginx does; '#' would end the target for some upstreams. */
static bool is_target(clientid_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c <= 0x20 || c == 0x7f || c == '#')
            return false;
    }
    return text.len != 0;
}

clientid_str text_trim(clientid_str text)
{
    while (text.len != 0 && (text.ptr[0] == ' ' || text.ptr[0] == '\t')) {
        text.ptr++;
        text.len--;
    }
    while (text.len != 0 && (text.ptr[text.len - 1] == ' ' || text.ptr[text.len - 1] == '\t'))
        text.len--;
    return text;
}

bool text_is(clientid_str text, const char *other)
{
    return strlen(other) == text.len && strncasecmp(text.ptr, other, text.len) == 0;
}

bool text_same(clientid_str a, clientid_str b)
{
    return a.len == b.len && (a.len == 0 || strncasecmp(a.ptr, b.ptr, a.len) == 0);
}

bool text_equal(clientid_str a, clientid_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

/* CGI, WSGI and PHP make '_' of '-', PHP of '.' too: what an upstream takes for one name is one. */
static char folded(char c)
{
    if (c >= 'A' && c <= 'Z')
        return (char)(c + ('a' - 'A'));
    return c == '_' || c == '.' ? '-' : c;
}

bool names_alike(clientid_str name, const char *other)
{
    for (size_t i = 0; i < name.len; i++) {
        if (other[i] == '\0' || folded(name.ptr[i]) != folded(other[i]))
            return false;
    }
    return other[name.len] == '\0';
}

bool list_next(clientid_str *rest, clientid_str *element)
{
    while (rest->len != 0) {
        const char *comma = memchr(rest->ptr, ',', rest->len);
        size_t len = comma != NULL ? (size_t)(comma - rest->ptr) : rest->len;
        size_t used = comma != NULL ? len + 1 : len;
        *element = text_trim((clientid_str){rest->ptr, len});
        rest->ptr += used;
        rest->len -= used;
        if (element->len != 0)
            return true;
    }
    return false;
}

bool head_line(const struct head *head, const char *name, size_t nth, clientid_str *value)
{
    for (size_t i = 0; i < head->line_count; i++) {
        if (text_is(head->lines[i].name, name) && nth-- == 0) {
            *value = head->lines[i].value;
            return true;
        }
    }
    return false;
}

int head_header(void *host, clientid_str lower_name, size_t nth, clientid_str *value)
{
    const struct head *head = host;
    for (size_t i = 0; i < head->line_count; i++) {
        const struct head_line *line = &head->lines[i];
        if (line->name.len == lower_name.len &&
            strncasecmp(line->name.ptr, lower_name.ptr, lower_name.len) == 0 && nth-- == 0) {
            *value = line->value;
            return 1;
        }
    }
    return 0;
}

bool head_has_body(const struct head *head)
{
    return head->chunked || head->length != 0;
}

/* ---- layout ---------------------------------------------------------------------------------- */

struct collector {
    struct head *head;
    const char *next; /* where the next line must begin */
    bool hole;
    bool too_many;
};

static enum MHD_Result collect(void *cls, enum MHD_ValueKind kind, const char *name,
                               size_t name_len, const char *value, size_t value_len)
{
    struct collector *collector = cls;
    struct head *head = collector->head;
    (void)kind;
    if (head->line_count == HEAD_LINES_MAX) {
        collector->too_many = true;
        return MHD_NO;
    }
    collector->hole = name != collector->next || value <= name + name_len;
    for (const char *at = name + name_len + 1; !collector->hole && at < value; at++)
        collector->hole = *at != ' ' && *at != '\t';
    if (collector->hole)
        return MHD_NO;

    collector->next = value + value_len + 2; /* CRLF */
    head->lines[head->line_count++] =
        (struct head_line){{name, name_len}, text_trim((clientid_str){value, value_len})};
    return MHD_YES;
}

static unsigned read_lines(struct head *head, struct MHD_Connection *connection,
                           const struct head_raw *raw, size_t max_bytes, const char **why)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_REQUEST_HEADER_SIZE);
    size_t total = info != NULL ? info->header_size : 0;
    struct collector collector = {.head = head, .next = raw->version + strlen(raw->version) + 2};
    (void)MHD_get_connection_values_n(connection, MHD_HEADER_KIND, collect, &collector);

    *why = "too many header lines or bytes";
    if (collector.too_many || total > max_bytes)
        return MHD_HTTP_REQUEST_HEADER_FIELDS_TOO_LARGE;
    *why = "malformed header lines";
    if (collector.hole || collector.next + 2 != raw->method + total)
        return MHD_HTTP_BAD_REQUEST;
    for (size_t i = 0; i < head->line_count; i++) {
        if (!is_token(head->lines[i].name) || !is_field_value(head->lines[i].value))
            return MHD_HTTP_BAD_REQUEST;
    }
    return 0;
}

/* ---- request line ---------------------------------------------------------------------------- */

static void split_target(struct head *head, clientid_str target)
{
    const char *mark = memchr(target.ptr, '?', target.len);
    head->has_query = mark != NULL;
    head->path =
        (clientid_str){target.ptr, mark != NULL ? (size_t)(mark - target.ptr) : target.len};
    head->query = (clientid_str){NULL, 0};
    if (mark != NULL)
        head->query = (clientid_str){mark + 1, target.len - head->path.len - 1};
}

/* "http://host/path" (RFC 9112 section 3.2.2) becomes host and path; "http://host" has the path "/". */
static bool split_absolute(struct head *head)
{
    clientid_str rest = head->target;
    size_t scheme = 0;
    if (rest.len > 7 && strncasecmp(rest.ptr, "http://", 7) == 0)
        scheme = 7;
    else if (rest.len > 8 && strncasecmp(rest.ptr, "https://", 8) == 0)
        scheme = 8;
    else
        return false;
    rest.ptr += scheme;
    rest.len -= scheme;
    size_t len = 0;
    while (len < rest.len && rest.ptr[len] != '/' && rest.ptr[len] != '?')
        len++;
    head->host = (clientid_str){rest.ptr, len};
    split_target(head, (clientid_str){rest.ptr + len, rest.len - len});
    if (head->path.len == 0)
        head->path = CLIENTID_STR("/");
    return len != 0;
}

static unsigned read_request_line(struct head *head, const struct head_raw *raw, const char **why)
{
    head->method = (clientid_str){raw->method, strlen(raw->method)};
    head->http_1_0 = strcmp(raw->version, "HTTP/1.0") == 0;
    *why = "malformed request line";
    if (raw->target != raw->method + head->method.len + 1 ||
        raw->version != raw->target + raw->target_len + 1 || !is_token(head->method) ||
        !is_target(head->target))
        return MHD_HTTP_BAD_REQUEST;
    *why = "method not supported";
    if (text_is(head->method, "CONNECT") || text_is(head->method, "TRACE"))
        return MHD_HTTP_NOT_IMPLEMENTED;
    /* libmicrohttpd takes "head" for HEAD, an upstream may not: its body would begin the next answer. */
    if (text_is(head->method, "HEAD") && !text_equal(head->method, CLIENTID_STR("HEAD")))
        return MHD_HTTP_NOT_IMPLEMENTED;
    *why = "malformed request target";
    if (head->target.ptr[0] == '/' || (head->target.len == 1 && head->target.ptr[0] == '*'))
        split_target(head, head->target);
    else if (!split_absolute(head))
        return MHD_HTTP_BAD_REQUEST;
    return 0;
}

/* ---- meaning of lines ------------------------------------------------------------------------ */

static bool is_host(clientid_str host)
{
    for (size_t i = 0; i < host.len; i++) {
        if (!is_token_byte((unsigned char)host.ptr[i]) && strchr("[]:", host.ptr[i]) == NULL)
            return false;
    }
    return true;
}

/* RFC 9112 section 3.2: exactly one Host in HTTP/1.1; an absolute-form target must agree with it. */
static bool read_host(struct head *head)
{
    clientid_str host = {NULL, 0};
    clientid_str second;
    bool present = head_line(head, "host", 0, &host);
    if ((!present && !head->http_1_0) || head_line(head, "host", 1, &second) || !is_host(host) ||
        !is_host(head->host))
        return false;
    if (head->host.len == 0)
        head->host = host;
    return !present || text_same(host, head->host);
}

static bool read_length(struct head *head, clientid_str value)
{
    uint64_t length = 0;
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < '0' || value.ptr[i] > '9' || length > INT64_MAX / 20)
            return false;
        length = length * 10 + (uint64_t)(value.ptr[i] - '0');
    }
    head->has_length = true;
    head->length = length;
    return value.len != 0;
}

/* RFC 9112 section 6.3 allows to refuse what request smuggling is made of: it is refused. */
static bool read_framing(struct head *head)
{
    clientid_str coding;
    clientid_str length;
    clientid_str second;
    bool has_coding = head_line(head, "transfer-encoding", 0, &coding);
    bool has_length = head_line(head, "content-length", 0, &length);
    if (head_line(head, "transfer-encoding", 1, &second) ||
        head_line(head, "content-length", 1, &second) || (has_coding && has_length))
        return false;
    if (has_coding) {
        head->chunked = text_is(coding, "chunked") && !head->http_1_0;
        return head->chunked;
    }
    return !has_length || read_length(head, length);
}

unsigned head_read(struct head *head, struct MHD_Connection *connection, const struct head_raw *raw,
                   size_t max_bytes, const char **why)
{
    clientid_str expect;
    unsigned status = read_request_line(head, raw, why);
    if (status == 0)
        status = read_lines(head, connection, raw, max_bytes, why);
    if (status != 0)
        return status;
    *why = "malformed Host";
    if (!read_host(head))
        return MHD_HTTP_BAD_REQUEST;
    *why = "ambiguous length of the body";
    if (!read_framing(head))
        return MHD_HTTP_BAD_REQUEST;
    *why = "HEAD with a body";
    if (head_has_body(head) && text_is(head->method, "HEAD"))
        return MHD_HTTP_BAD_REQUEST;
    head->expects = head_line(head, "expect", 0, &expect) && text_is(expect, "100-continue");
    return 0;
}
