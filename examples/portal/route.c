/* SPDX-License-Identifier: Apache-2.0 */
/* A path has one row per method; a segment in braces takes any one segment that is not empty. */
#include "route.h"

#include <stdio.h>
#include <string.h>

static bool take_parameter(struct route_match *match, const char *name, size_t name_len,
                           clientid_str value)
{
    if (match->parameter_count == sizeof match->parameters / sizeof match->parameters[0])
        return false;
    match->parameters[match->parameter_count].name = (clientid_str){name, name_len};
    match->parameters[match->parameter_count].value = value;
    match->parameter_count++;
    return value.len != 0;
}

static bool path_matches(const char *template, clientid_str path, struct route_match *match)
{
    const char *at = path.ptr;
    const char *end = path.ptr + path.len;
    match->parameter_count = 0;
    while (*template != '\0') {
        if (*template != '{') {
            if (at == end || *at != *template)
                return false;
            at++;
            template ++;
            continue;
        }
        size_t name_len = strcspn(template + 1, "}");
        const char *slash = memchr(at, '/', (size_t)(end - at));
        clientid_str value = {at, (size_t)((slash != NULL ? slash : end) - at)};
        if (!take_parameter(match, template + 1, name_len, value))
            return false;
        at += value.len;
        template += name_len + 2;
    }
    return at == end;
}

static void allow(struct route_match *match, const char *method)
{
    size_t len = strlen(match->methods);
    (void)snprintf(match->methods + len, sizeof match->methods - len, "%s%s", len != 0 ? ", " : "",
                   method);
}

bool route_find(const char *method, clientid_str path, struct route_match *out)
{
    const char *wanted = strcmp(method, "HEAD") == 0 ? "GET" : method;
    *out = (struct route_match){.route = NULL};
    for (size_t i = 0; i < route_count; i++) {
        if (!path_matches(routes[i].path, path, out))
            continue;
        out->route = &routes[i];
        if (strcmp(routes[i].method, wanted) == 0)
            return true;
        out->path_known = true;
        allow(out, routes[i].method);
    }
    return false;
}
