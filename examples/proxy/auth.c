/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The request that another proxy asks about.  What it was is told by Traefik and Caddy in X-Forwarded-Uri and -Method,
 * by an NGINX configuration in X-Original-URI and -Method, and by Envoy's ext_authz as the own path below a prefix.
 * Only trusted peers are believed: anyone else could have any other request judged than the one that follows.
 */
#include "auth.h"

#include <string.h>

/*
 * Proxies pass on header lines of their clients, so a client may add the name that its proxy does not set: names that
 * disagree, or come twice, tell nothing.  False then; |*found| tells whether there was any.
 */
static bool agreed(const struct exchange *ex, const char *const *names, clientid_str *value,
                   bool *found)
{
    clientid_str other;
    *found = false;
    for (; *names != NULL; names++) {
        for (size_t nth = 0; head_line(&ex->head, *names, nth, &other); nth++) {
            if (nth != 0 || (*found && !text_equal(*value, other)))
                return false;
            *value = other;
            *found = true;
        }
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

/* Below a prefix the own path is the original one, whatever header lines say: they may come from the client. */
static bool take_own_path(struct exchange *ex)
{
    const char *prefix = ex->route->path_prefix;
    size_t len = strlen(prefix) == 1 ? 0 : strlen(prefix);
    clientid_str *path = &ex->request.path;
    if (path->len < len || memcmp(path->ptr, prefix, len) != 0 ||
        (path->len != len && path->ptr[len] != '/'))
        return false;
    *path = path->len == len ? CLIENTID_STR("/") : (clientid_str){path->ptr + len, path->len - len};
    return true;
}

unsigned auth_original(struct exchange *ex, const char **why)
{
    static const char *const targets[] = {"x-forwarded-uri", "x-original-uri", "x-original-url",
                                          NULL};
    static const char *const methods[] = {"x-forwarded-method", "x-original-method", NULL};
    clientid_str target = {NULL, 0};
    clientid_str method = {NULL, 0};
    bool has_target = false;
    bool has_method = false;

    *why = "malformed original request";
    if (ex->route->path_prefix != NULL)
        return take_own_path(ex) ? 0 : MHD_HTTP_BAD_REQUEST;
    *why = "ambiguous original request";
    if (!agreed(ex, targets, &target, &has_target) || !agreed(ex, methods, &method, &has_method))
        return MHD_HTTP_BAD_REQUEST;
    *why = "peer is not trusted"; /* to judge the own path instead could let it all through */
    if ((has_target || has_method) && !ex->trusted)
        return MHD_HTTP_FORBIDDEN;
    *why = "malformed original request";
    if ((has_target && !is_target(target)) || (has_method && method.len == 0))
        return MHD_HTTP_BAD_REQUEST;
    if (has_method)
        ex->request.method = method;
    if (has_target)
        take_target(ex, target);
    return 0;
}

bool auth_body_unseen(const struct exchange *ex)
{
    return ex->route->origin == NULL && ex->body_len == 0 &&
           (ex->body_complete || !head_has_body(&ex->head));
}

int auth_header(void *host, clientid_str lower_name, size_t nth, clientid_str *value)
{
    if (text_is(lower_name, "content-length"))
        return 0;
    if (!text_is(lower_name, "transfer-encoding"))
        return head_header(host, lower_name, nth, value);
    *value = CLIENTID_STR("chunked");
    return nth == 0;
}
