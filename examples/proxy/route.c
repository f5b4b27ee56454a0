/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every reading of a path that an upstream may take leads to the same route, or the request is refused.
 *
 * Upstreams differ: some decode once, some twice, some take '\' for '/', some cut ";x" off segments ("/..;/").  A
 * request for a lightly protected route that another reading turns into a well protected one is an attack.
 */
#include "route.h"

#include <string.h>
#include <strings.h>

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    return c >= 'A' && c <= 'F' ? c - 'A' + 10 : -1;
}

/* Decodes in place; a bad escape stays as it is.  False on %00. */
static bool decode(char *text, size_t *len)
{
    size_t to = 0;
    for (size_t i = 0; i < *len; i++) {
        char c = text[i];
        if (c == '%' && i + 2 < *len && hex(text[i + 1]) >= 0 && hex(text[i + 2]) >= 0) {
            c = (char)(hex(text[i + 1]) * 16 + hex(text[i + 2]));
            i += 2;
        }
        if (c == '\0')
            return false;
        text[to++] = c;
    }
    *len = to;
    return true;
}

static bool is_slash(char c)
{
    return c == '/' || c == '\\';
}

/* Appends a segment in place: |to| never overtakes |segment|.  False when ".." climbs above the root. */
static bool take_segment(char *text, size_t *to, const char *segment, size_t len)
{
    const char *parameters = memchr(segment, ';', len);
    if (parameters != NULL)
        len = (size_t)(parameters - segment);
    if (len == 0 || (len == 1 && segment[0] == '.'))
        return true;
    if (len == 2 && segment[0] == '.' && segment[1] == '.') {
        if (*to == 0)
            return false;
        do
            --*to;
        while (text[*to] != '/');
        return true;
    }
    text[(*to)++] = '/';
    memmove(text + *to, segment, len);
    *to += len;
    return true;
}

bool path_reading(clientid_str path, unsigned rounds, char *out, size_t *len)
{
    if (path.len > PATH_MAX_BYTES)
        return false;
    memcpy(out, path.ptr, path.len);
    *len = path.len;
    for (unsigned i = 0; i < rounds; i++) {
        if (!decode(out, len))
            return false;
    }

    size_t to = 0;
    size_t at = 0;
    while (at < *len) {
        size_t start = at;
        while (at < *len && !is_slash(out[at]))
            at++;
        size_t end = at++;
        if (start != 0 && !take_segment(out, &to, out + start, end - start))
            return false;
    }
    if (to == 0)
        out[to++] = '/';
    *len = to;
    return true;
}

static bool host_is(const struct route *route, clientid_str host)
{
    if (route->host == NULL)
        return true;
    size_t len = strlen(route->host);
    return len == host.len && strncasecmp(route->host, host.ptr, len) == 0;
}

static bool prefix_is(const struct route *route, clientid_str path)
{
    size_t len = strlen(route->prefix);
    if (len == 1)
        return path.len != 0 && path.ptr[0] == '/';
    return path.len >= len && memcmp(path.ptr, route->prefix, len) == 0 &&
           (path.len == len || path.ptr[len] == '/');
}

static const struct route *match(const struct config *config, clientid_str host, clientid_str path)
{
    const struct route *best = NULL;
    for (size_t i = 0; i < config->route_count; i++) {
        const struct route *route = &config->routes[i];
        if (!host_is(route, host) || !prefix_is(route, path))
            continue;
        size_t len = strlen(route->prefix);
        size_t best_len = best != NULL ? strlen(best->prefix) : 0;
        if (len > best_len || (len == best_len && route->host != NULL))
            best = route;
    }
    return best;
}

static clientid_str without_port(clientid_str host)
{
    size_t len = host.len;
    while (len != 0 && host.ptr[len - 1] >= '0' && host.ptr[len - 1] <= '9')
        len--;
    if (len != 0 && host.ptr[len - 1] == ':')
        host.len = len - 1;
    if (host.len != 0 && host.ptr[host.len - 1] == '.') /* "api.example." is the same host */
        host.len--;
    return host;
}

enum route_result route_find(const struct config *config, clientid_str host, clientid_str path,
                             const struct route **out)
{
    host = without_port(host);
    *out = match(config, host, path);
    for (unsigned rounds = 1; rounds <= 2; rounds++) {
        char reading[PATH_MAX_BYTES];
        size_t len = 0;
        if (!path_reading(path, rounds, reading, &len))
            return ROUTE_AMBIGUOUS;
        if (match(config, host, (clientid_str){reading, len}) != *out)
            return ROUTE_AMBIGUOUS;
    }
    return *out != NULL ? ROUTE_FOUND : ROUTE_NONE;
}
