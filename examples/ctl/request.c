/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing is decoded, joined or put right: the library must see what a host would give it. */
#include "request.h"

#include "input.h"

#include <string.h>
#include <strings.h>

enum { REQUEST_BYTES_MAX = 1 << 20 };

/* ---- headers ----------------------------------------------------------------------------------- */

/* RFC 9110 section 5.6.2: what a field name or method may consist of. */
static bool is_token(clientid_str s)
{
    static const char marks[] = "!#$%&'*+-.^_`|~";
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        bool word = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
        if (!word && (c == '\0' || strchr(marks, c) == NULL))
            return false;
    }
    return s.len > 0;
}

static clientid_str trimmed(const char *ptr, size_t len)
{
    while (len > 0 && (*ptr == ' ' || *ptr == '\t')) {
        ptr++;
        len--;
    }
    while (len > 0 && (ptr[len - 1] == ' ' || ptr[len - 1] == '\t'))
        len--;
    return (clientid_str){ptr, len};
}

/* NULL, or what is wrong with the line; the line itself may hold a secret and is not shown. */
static const char *add_header(struct request *r, const char *line, size_t len)
{
    const char *colon = memchr(line, ':', len);
    if (colon == NULL)
        return "a header line needs a name and a colon";
    clientid_str name = {line, (size_t)(colon - line)};
    if (!is_token(name))
        return "the name of a header has a character that RFC 9110 forbids, or is empty";
    if (r->header_count == REQUEST_HEADERS_MAX)
        return "too many header lines";
    r->headers[r->header_count].name = name;
    r->headers[r->header_count++].value = trimmed(colon + 1, len - name.len - 1);
    return NULL;
}

int request_header(void *host, clientid_str lower_name, size_t nth, clientid_str *value)
{
    const struct request *r = host;
    for (size_t i = 0; i < r->header_count; i++) {
        clientid_str name = r->headers[i].name;
        if (name.len != lower_name.len || strncasecmp(name.ptr, lower_name.ptr, name.len) != 0 ||
            nth-- > 0)
            continue;
        *value = r->headers[i].value;
        return 1;
    }
    return 0;
}

/* ---- target ------------------------------------------------------------------------------------ */

/* RFC 9112 section 3.2: origin-form, or absolute-form, whose scheme and authority are dropped. */
static const char *set_target(struct request *r, clientid_str target)
{
    if (target.len > 0 && target.ptr[0] != '/') {
        const char *end = target.ptr + target.len;
        const char *colon = memchr(target.ptr, ':', target.len);
        bool scheme = colon != NULL && end - colon >= 3 && memcmp(colon, "://", 3) == 0;
        const char *slash = scheme ? memchr(colon + 3, '/', (size_t)(end - colon - 3)) : NULL;
        if (slash == NULL)
            return "the target must be a path that begins with /, or a URL";
        target = (clientid_str){slash, (size_t)(end - slash)};
    }
    const char *mark = target.len > 0 ? memchr(target.ptr, '?', target.len) : NULL;
    r->path = target;
    if (mark != NULL) {
        r->path.len = (size_t)(mark - target.ptr);
        r->query = (clientid_str){mark + 1, target.len - r->path.len - 1};
    }
    return r->path.len > 0 ? NULL : "the target is empty";
}

/* ---- raw requests ------------------------------------------------------------------------------ */

/* A line without its end; LF alone ends one too, since people write these by hand. */
static clientid_str next_line(const char **at, const char *end)
{
    const char *line = *at;
    const char *stop = memchr(line, '\n', (size_t)(end - line));
    size_t len = (size_t)((stop != NULL ? stop : end) - line);
    *at = stop != NULL ? stop + 1 : end;
    if (len > 0 && line[len - 1] == '\r')
        len--;
    return (clientid_str){line, len};
}

static const char *parse_request_line(struct request *r, clientid_str line)
{
    const char *space = memchr(line.ptr, ' ', line.len);
    size_t at = line.len;
    while (at > 0 && line.ptr[at - 1] != ' ')
        at--;
    const char *version = line.ptr + at - 1;
    if (space == NULL || version <= space || line.len - at < 6 || memcmp(version, " HTTP/", 6) != 0)
        return "the first line must be METHOD TARGET HTTP/1.1";
    r->method = (clientid_str){line.ptr, (size_t)(space - line.ptr)};
    if (!is_token(r->method))
        return "the method has a character that RFC 9110 forbids";
    clientid_str target = {space + 1, (size_t)(version - space - 1)};
    if (memchr(target.ptr, ' ', target.len) != NULL)
        return "the target has a space";
    return set_target(r, target);
}

/* A body file may end in a line end of the editor's; Content-Length says where the body does. */
static const char *cut_body(struct request *r)
{
    clientid_str value;
    size_t length = 0;
    if (request_header(r, CLIENTID_STR("content-length"), 0, &value) != 1)
        return NULL;
    for (size_t i = 0; i < value.len; i++) {
        if (value.ptr[i] < '0' || value.ptr[i] > '9' || length > REQUEST_BYTES_MAX)
            return "Content-Length is not a number";
        length = length * 10 + (size_t)(value.ptr[i] - '0');
    }
    if (length > r->body.len)
        return "the body is shorter than Content-Length";
    r->body.len = length;
    return NULL;
}

static int parse_raw(struct ctl *ctl, const char *name, struct request *r)
{
    const char *at = r->text;
    const char *end = r->text + r->text_len;
    unsigned number = 1;
    const char *why = parse_request_line(r, next_line(&at, end));
    while (why == NULL && at < end) {
        clientid_str line = next_line(&at, end);
        number++;
        if (line.len == 0)
            break;
        why = add_header(r, line.ptr, line.len);
    }
    r->body = (clientid_str){at, (size_t)(end - at)};
    if (why == NULL)
        why = cut_body(r);
    if (why == NULL)
        return 0;
    clientid_error error = {.line = number, .column = 1};
    snprintf(error.file, sizeof(error.file), "%s",
             strcmp(name, "-") == 0 ? "standard input" : name);
    snprintf(error.text, sizeof(error.text), "%s", why);
    return report_text(ctl, "request", input_name(name), CLIENTID_ERR_SYNTAX, &error);
}

/* ---- requests from options --------------------------------------------------------------------- */

static int from_options(struct ctl *ctl, const char *target, struct request *r)
{
    const struct options *o = &ctl->options;
    const char *method = option_value(o, "method");
    const char *body = option_value(o, "body");
    const char *line;
    if (target == NULL)
        return report(ctl, CTL_USAGE, o->what, "a request is missing: a TARGET or --request FILE");
    method = method != NULL ? method : "GET";
    r->method = (clientid_str){method, strlen(method)};
    if (!is_token(r->method))
        return report(ctl, CTL_USAGE, o->what, "--method: a character that RFC 9110 forbids");
    const char *why = set_target(r, (clientid_str){target, strlen(target)});
    for (size_t i = 0; why == NULL && (line = option_nth(o, "header", i)) != NULL; i++)
        why = add_header(r, line, strlen(line));
    if (why != NULL)
        return report(ctl, CTL_USAGE, o->what, "%s", why);
    if (body == NULL)
        return 0;
    int rv = input_read(ctl, body, REQUEST_BYTES_MAX, &r->body_text, &r->body_len);
    if (rv == 0)
        r->body = (clientid_str){r->body_text, r->body_len};
    return rv;
}

int request_read(struct ctl *ctl, const char *target, struct request *request)
{
    const struct options *o = &ctl->options;
    const char *file = option_value(o, "request");
    *request = (struct request){0};
    if (file == NULL)
        return from_options(ctl, target, request);
    if (target != NULL || option_given(o, "method") || option_given(o, "header") ||
        option_given(o, "body"))
        return report(ctl, CTL_USAGE, o->what, "--request excludes TARGET, -X, -H and --body");
    int rv = input_read(ctl, file, REQUEST_BYTES_MAX, &request->text, &request->text_len);
    return rv != 0 ? rv : parse_raw(ctl, file, request);
}

void request_free(struct request *request)
{
    input_free(request->text, request->text_len);
    input_free(request->body_text, request->body_len);
    *request = (struct request){0};
}
