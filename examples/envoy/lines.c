/* SPDX-License-Identifier: Apache-2.0 */
/* One call brings all lines: asking Envoy for one name at a time costs it a search and a copy of the name each. */
#include "lines.h"

#include <stdlib.h>
#include <string.h>

bool lines_read(struct lines *lines, void *envoy, int type)
{
    lines->at = lines->room;
    lines->count = CALL(http_get_headers_size)(envoy, type);
    if (lines->count > LINES_ROOM)
        lines->at = malloc(lines->count * sizeof *lines->at);
    if (lines->at != NULL && CALL(http_get_headers)(envoy, type, lines->at))
        return true;
    lines_free(lines);
    return false;
}

void lines_free(struct lines *lines)
{
    if (lines->at != lines->room)
        free(lines->at);
    lines->at = NULL;
}

bool lines_find(const struct lines *lines, clientid_str name, size_t nth, clientid_str *value)
{
    for (size_t i = 0; i < lines->count; i++) {
        const struct abi_pair *line = &lines->at[i];
        if (line->name.len != name.len || memcmp(line->name.ptr, name.ptr, name.len) != 0)
            continue;
        if (nth-- == 0) {
            *value = (clientid_str){line->value.ptr, line->value.len};
            return true;
        }
    }
    return false;
}

int lines_header(void *host, clientid_str lower_name, size_t nth, clientid_str *value)
{
    /* Envoy keeps the Host line of HTTP/1 as the pseudo header of HTTP/2. */
    if (lower_name.len == 4 && memcmp(lower_name.ptr, "host", 4) == 0)
        lower_name = CLIENTID_STR(":authority");
    return lines_find(host, lower_name, nth, value) ? 1 : 0;
}

void lines_request(const struct lines *lines, clientid_request *request)
{
    clientid_str target = {NULL, 0};
    request->method = request->path = request->query = (clientid_str){NULL, 0};
    (void)lines_find(lines, CLIENTID_STR(":method"), 0, &request->method);
    if (!lines_find(lines, CLIENTID_STR(":path"), 0, &target)) /* CONNECT has none */
        return;
    const char *mark = target.len != 0 ? memchr(target.ptr, '?', target.len) : NULL;
    size_t len = mark != NULL ? (size_t)(mark - target.ptr) : target.len;
    request->path = (clientid_str){target.ptr, len};
    if (mark != NULL)
        request->query = (clientid_str){mark + 1, target.len - len - 1};
}
