/* SPDX-License-Identifier: Apache-2.0 */
#include "support_request.h"

#include "base/str.h"

static int header(void *host, clientid_str lower_name, size_t nth, clientid_str *value)
{
    const struct support_request *r = host;

    for (size_t i = 0; i < r->header_count; i++) {
        if (clientid__str_case_eq(r->headers[i].name, lower_name) && nth-- == 0) {
            *value = r->headers[i].value;
            return 1;
        }
    }
    return 0;
}

/* Takes the next line off |*rest|, without its end. */
static clientid_str next_line(clientid_str *rest)
{
    const char *newline = rest->len > 0 ? memchr(rest->ptr, '\n', rest->len) : NULL;
    size_t len = newline != NULL ? (size_t)(newline - rest->ptr) : rest->len;
    clientid_str line = {rest->ptr, len};

    rest->ptr += newline != NULL ? len + 1 : len;
    rest->len -= newline != NULL ? len + 1 : len;
    if (line.len > 0 && line.ptr[line.len - 1] == '\r')
        line.len--;
    return line;
}

static int request_line(clientid_request *request, clientid_str line)
{
    const char *space = memchr(line.ptr, ' ', line.len);
    const char *last = line.ptr + line.len;
    const char *question;
    clientid_str target;

    while (last > line.ptr && last[-1] != ' ')
        last--;
    if (space == NULL || last <= space + 1)
        return -1;
    request->method = (clientid_str){line.ptr, (size_t)(space - line.ptr)};
    target = (clientid_str){space + 1, (size_t)(last - 1 - (space + 1))};
    question = target.len > 0 ? memchr(target.ptr, '?', target.len) : NULL;
    request->path = target;
    if (question != NULL) {
        request->path.len = (size_t)(question - target.ptr);
        request->query = (clientid_str){question + 1, target.len - request->path.len - 1};
    }
    return 0;
}

int support_request_parse(struct support_request *r, clientid_str raw, uint64_t now_ns)
{
    clientid_str line;

    r->header_count = 0;
    r->request = (clientid_request){.size = sizeof(r->request),
                                    .header = header,
                                    .host = r,
                                    .now_ns = now_ns,
                                    .scratch = r->scratch,
                                    .scratch_len = sizeof(r->scratch)};
    if (raw.len == 0 || request_line(&r->request, next_line(&raw)) != 0)
        return -1;
    while (raw.len > 0 && (line = next_line(&raw)).len > 0) {
        const char *colon = memchr(line.ptr, ':', line.len);
        size_t name = colon != NULL ? (size_t)(colon - line.ptr) : 0;

        if (colon == NULL || r->header_count == sizeof(r->headers) / sizeof(r->headers[0]))
            continue;
        r->headers[r->header_count++] =
            (clientid_header){{line.ptr, name}, {colon + 1, line.len - name - 1}};
    }
    return 0;
}

clientid_str support_request_body(clientid_str raw)
{
    while (raw.len > 0 && next_line(&raw).len > 0)
        ;
    return raw;
}

int support_request_check(struct support_request *r, clientid_worker *worker,
                          const clientid_api *api, clientid_str raw, clientid_decision *decision)
{
    int rv = clientid_check(worker, api, &r->request, decision);

    if (rv != 0 || decision->verdict != CLIENTID_NEED_BODY)
        return rv;
    r->request.body = support_request_body(raw);
    r->request.flags |= CLIENTID_BODY_GIVEN;
    return clientid_check(worker, api, &r->request, decision);
}
