/* SPDX-License-Identifier: Apache-2.0 */
#include "support_guard.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/mman.h>
#include <unistd.h>

static size_t whole_pages(size_t len)
{
    size_t page = (size_t)sysconf(_SC_PAGESIZE);

    return (len / page + 1) * page;
}

clientid_str support_guard(const void *bytes, size_t len)
{
    size_t pages = whole_pages(len), page = (size_t)sysconf(_SC_PAGESIZE);
    char *memory =
        mmap(NULL, pages + page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

    if (memory == MAP_FAILED || mprotect(memory + pages, page, PROT_NONE) != 0)
        abort();
    if (len > 0)
        memcpy(memory + pages - len, bytes, len);
    return (clientid_str){memory + pages - len, len};
}

void support_guard_free(clientid_str guarded)
{
    size_t pages = whole_pages(guarded.len);
    char *memory;

    memcpy(&memory, &guarded.ptr, sizeof(memory));
    munmap(memory + guarded.len - pages, pages + (size_t)sysconf(_SC_PAGESIZE));
}

static clientid_str keep(struct support_guarded *t, const char *bytes, size_t len)
{
    clientid_str s = support_guard(bytes, len);

    t->guarded[t->guarded_count++] = s;
    return s;
}

static int header(void *host, clientid_str lower_name, size_t nth, clientid_str *value)
{
    struct support_guarded *t = host;

    if (t->header_error < 0)
        return t->header_error;
    for (size_t i = 0; i < t->header_count; i++) {
        if (t->headers[i].name.len != lower_name.len ||
            strncasecmp(t->headers[i].name.ptr, lower_name.ptr, lower_name.len) != 0 || nth-- > 0)
            continue;
        *value = t->headers[i].value;
        return 1;
    }
    return 0;
}

/* The line that |*rest| begins with, cut off with its CRLF; a NULL slice when there is none. */
static clientid_str cut_line(clientid_str *rest)
{
    for (size_t i = 0; i + 1 < rest->len; i++) {
        if (rest->ptr[i] != '\r' || rest->ptr[i + 1] != '\n')
            continue;
        clientid_str line = {rest->ptr, i};
        rest->ptr += i + 2;
        rest->len -= i + 2;
        return line;
    }
    return (clientid_str){NULL, 0};
}

static int parse_request_line(struct support_guarded *t, clientid_str line)
{
    const char *first = line.len > 0 ? memchr(line.ptr, ' ', line.len) : NULL, *last = NULL, *mark;

    for (size_t i = line.len; first != NULL && i > 0 && last == NULL; i--)
        if (line.ptr[i - 1] == ' ')
            last = line.ptr + i - 1;
    if (first == NULL || last == first)
        return -1;
    mark = memchr(first + 1, '?', (size_t)(last - first - 1));
    t->request.method = keep(t, line.ptr, (size_t)(first - line.ptr));
    t->request.path = keep(t, first + 1, (size_t)((mark != NULL ? mark : last) - first - 1));
    if (mark != NULL)
        t->request.query = keep(t, mark + 1, (size_t)(last - mark - 1));
    return 0;
}

static int parse_headers(struct support_guarded *t, clientid_str *rest)
{
    for (;;) {
        clientid_str line = cut_line(rest);
        const char *colon;
        if (line.ptr == NULL)
            return -1;
        if (line.len == 0)
            return 0;
        colon = memchr(line.ptr, ':', line.len);
        if (colon == NULL || t->header_count == SUPPORT_HEADERS_MAX)
            return -1;
        t->headers[t->header_count].name = keep(t, line.ptr, (size_t)(colon - line.ptr));
        t->headers[t->header_count].value =
            keep(t, colon + 1, line.len - (size_t)(colon - line.ptr) - 1);
        t->header_count++;
    }
}

int support_guarded_parse(struct support_guarded *t, clientid_str raw)
{
    memset(t, 0, sizeof(*t));
    t->request = (clientid_request){.size = sizeof(t->request),
                                    .header = header,
                                    .host = t,
                                    .scratch = t->scratch,
                                    .scratch_len = sizeof(t->scratch)};
    if (parse_request_line(t, cut_line(&raw)) < 0 || parse_headers(t, &raw) < 0)
        return -1;
    t->body = keep(t, raw.ptr, raw.len);
    return 0;
}

void support_guarded_free(struct support_guarded *t)
{
    for (size_t i = 0; i < t->guarded_count; i++)
        support_guard_free(t->guarded[i]);
    t->guarded_count = 0;
}

void support_guarded_give_body(struct support_guarded *t)
{
    t->request.body = t->body;
    t->request.flags |= CLIENTID_BODY_GIVEN;
}
