/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every reading of a path that an upstream may take leads to the same route, or the request is refused.
 *
 * Upstreams differ: some decode once, some twice, some never ("%2F"), some take '\' for '/', some cut ";x" off
 * segments ("/..;/"), some count empty segments.  What is one segment more for the one is one ".." less for the
 * other, so every combination is tried.  A request for a lightly protected route that another reading turns into a
 * well protected one is an attack.
 */
#include "route.h"

#include <string.h>
#include <strings.h>

/* How a path may be read: bits, and above them how often it is decoded. */
enum {
    READ_BACKSLASH = 1,  /* is a slash */
    READ_PARAMETERS = 2, /* ";x" is cut off */
    READ_EMPTY = 4,      /* segments count */
    READ_STEPWISE =
        8, /* dot segments are removed before each decoding too, as by two readers in a row */
    READ_DECODED = 16,
    READINGS = 3 * READ_DECODED
};

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

static bool is_slash(char c, unsigned reading)
{
    return c == '/' || (c == '\\' && (reading & READ_BACKSLASH));
}

/* Appends a segment in place: |to| never overtakes |segment|.  False when ".." climbs above the root. */
static bool take_segment(char *text, size_t *to, const char *segment, size_t len, unsigned reading)
{
    const char *parameters = reading & READ_PARAMETERS ? memchr(segment, ';', len) : NULL;
    if (parameters != NULL)
        len = (size_t)(parameters - segment);
    if ((len == 0 && !(reading & READ_EMPTY)) || (len == 1 && segment[0] == '.'))
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

/* Removes dot segments in place, and what else |reading| has no eye for. */
static bool resolve(char *text, size_t *len, unsigned reading)
{
    size_t to = 0;
    size_t at = 0;
    while (at < *len) {
        size_t start = at;
        while (at < *len && !is_slash(text[at], reading))
            at++;
        size_t end = at++;
        if (start != 0 && !take_segment(text, &to, text + start, end - start, reading))
            return false;
    }
    if (to == 0)
        text[to++] = '/';
    *len = to;
    return true;
}

/* False when the path has a NUL, climbs above the root or is too long. */
static bool path_reading(clientid_str path, unsigned reading, char out[PATH_MAX_BYTES], size_t *len)
{
    if (path.len >= PATH_MAX_BYTES)
        return false;
    *len = path.len;
    memcpy(out, path.ptr, path.len);
    for (unsigned i = 0; i < reading / READ_DECODED; i++) {
        if ((reading & READ_STEPWISE) && !resolve(out, len, reading))
            return false;
        if (!decode(out, len))
            return false;
    }
    return resolve(out, len, reading);
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

/* Nothing that one reader takes for another thing than the next one. */
static bool is_plain(clientid_str path)
{
    for (size_t i = 0; i < path.len; i++) {
        char c = path.ptr[i];
        if (c == '%' || c == ';' || c == '\\' ||
            (c == '/' && i + 1 < path.len && (path.ptr[i + 1] == '/' || path.ptr[i + 1] == '.')))
            return false;
    }
    return path.len != 0 && path.ptr[0] == '/' && path.len < PATH_MAX_BYTES;
}

/* Also without the prefix, below the upstream's own path, no ".." may lead out. */
static bool stays_below(const struct route *route, clientid_str path, unsigned reading)
{
    char ignored[PATH_MAX_BYTES];
    size_t len = strlen(route->prefix);
    if (!route->strip_prefix || len == 1)
        return true;
    return path_reading((clientid_str){path.ptr + len, path.len - len}, reading, ignored, &len);
}

enum route_result route_find(const struct config *config, clientid_str host, clientid_str path,
                             const struct route **out)
{
    host = without_port(host);
    *out = match(config, host, path);
    for (unsigned reading = 0; reading < READINGS && !is_plain(path); reading++) {
        char text[PATH_MAX_BYTES];
        size_t len = 0;
        if (!path_reading(path, reading, text, &len) ||
            match(config, host, (clientid_str){text, len}) != *out ||
            (*out != NULL && !stays_below(*out, path, reading)))
            return ROUTE_AMBIGUOUS;
    }
    return *out != NULL ? ROUTE_FOUND : ROUTE_NONE;
}
