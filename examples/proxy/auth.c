/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The request that another proxy asks about.  What it was is told by Traefik and Caddy in X-Forwarded-Uri and -Method,
 * by an NGINX configuration in X-Original-URI and -Method, and by Envoy's ext_authz as the own path below a prefix.
 * Only trusted peers are believed: anyone else could have any other request judged than the one that follows.
 */
#include "auth.h"

#include <string.h>

/* True when there is no such line or exactly one; |*found| tells which. */
static bool single(const struct exchange *ex, const char *name, clientid_str *value, bool *found)
{
    clientid_str second;
    *found = ex->trusted && head_line(&ex->head, name, 0, value) && value->len != 0;
    return !*found || !head_line(&ex->head, name, 1, &second);
}

static bool first_of(const struct exchange *ex, const char *const *names, clientid_str *value,
                     bool *found)
{
    *found = false;
    for (; *names != NULL && !*found; names++) {
        if (!single(ex, *names, value, found))
            return false;
    }
    return true;
}

static bool is_target(clientid_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] <= 0x20 || text.ptr[i] == 0x7f)
            return false;
    }
    return text.len != 0 && text.ptr[0] == '/';
}

static void take_target(struct exchange *ex, clientid_str target)
{
    const char *mark = memchr(target.ptr, '?', target.len);
    size_t len = mark != NULL ? (size_t)(mark - target.ptr) : target.len;
    ex->request.path = (clientid_str){target.ptr, len};
    ex->request.query = (clientid_str){NULL, 0};
    if (mark != NULL)
        ex->request.query = (clientid_str){mark + 1, target.len - len - 1};
}

/* The route was found on path segments, so what follows the prefix begins with '/' or is empty. */
static bool take_prefix(struct exchange *ex)
{
    const char *prefix = ex->route->path_prefix;
    if (prefix == NULL)
        return true;
    size_t len = strlen(prefix) == 1 ? 0 : strlen(prefix);
    clientid_str *path = &ex->request.path;
    if (path->len < len || memcmp(path->ptr, prefix, len) != 0 ||
        (path->len != len && path->ptr[len] != '/'))
        return false;
    *path = path->len == len ? CLIENTID_STR("/") : (clientid_str){path->ptr + len, path->len - len};
    return true;
}

bool auth_original(struct exchange *ex, const char **why)
{
    static const char *const targets[] = {"x-forwarded-uri", "x-original-uri", "x-original-url",
                                          NULL};
    static const char *const methods[] = {"x-forwarded-method", "x-original-method", NULL};
    clientid_str target;
    clientid_str method;
    bool has_target = false;
    bool has_method = false;

    *why = "ambiguous original request";
    if (!first_of(ex, targets, &target, &has_target) ||
        !first_of(ex, methods, &method, &has_method))
        return false;
    *why = "malformed original request";
    if (has_method)
        ex->request.method = method;
    if (!has_target)
        return take_prefix(ex);
    if (!is_target(target))
        return false;
    take_target(ex, target);
    return true;
}
