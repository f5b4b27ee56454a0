/* SPDX-License-Identifier: Apache-2.0 */
/*
 * What goes on to proxy_pass, fastcgi_pass, logs and all else that reads the request.  nginx builds it from the list of
 * header lines, from r->args and from r->unparsed_uri, so these are changed themselves; what the client sent stays as it
 * was in the passage, for a decision that is taken later.
 */
#include "forward.h"

#include "log.h"
#include "variables.h"

/* As clientid-proxy: CGI, WSGI and PHP make '_' of '-', PHP of '.' too. */
static u_char folded(u_char c)
{
    return c == '_' || c == '.' ? '-' : c;
}

static bool names_alike(ngx_str_t name, ngx_str_t lower)
{
    if (name.len != lower.len)
        return false;
    for (size_t i = 0; i < name.len; i++) {
        if (folded(ngx_tolower(name.data[i])) != folded(lower.data[i]))
            return false;
    }
    return true;
}

static bool is_identity(const struct loc_conf *conf, ngx_str_t name)
{
    for (unsigned i = 0; i < IDENTITY_COUNT; i++) {
        if (conf->identity[i].name.len != 0 && names_alike(name, conf->identity[i].lower))
            return true;
    }
    return false;
}

static bool passes(const struct loc_conf *conf, const clientid_decision *decision,
                   const ngx_table_elt_t *line)
{
    return !is_identity(conf, line->key) && clientid_strips_header(decision, slice(line->key)) == 0;
}

/* ---- header lines ---------------------------------------------------------------------------- */

static bool all_pass(const ngx_http_request_t *r, const struct loc_conf *conf,
                     const clientid_decision *decision, ngx_uint_t *count)
{
    bool all = true;
    *count = 0;
    for (const ngx_list_part_t *part = &r->headers_in.headers.part; part; part = part->next) {
        const ngx_table_elt_t *lines = part->elts;
        for (ngx_uint_t i = 0; i < part->nelts; i++) {
            if (passes(conf, decision, &lines[i]))
                ++*count;
            else
                all = false;
        }
    }
    return all;
}

/*
 * nginx has no way to take a line out of the list, and its own modules look at every one: so a new list.  Pointers to
 * the old lines, such as r->headers_in.host, stay good.
 */
static ngx_int_t copy_lines(ngx_http_request_t *r, const struct loc_conf *conf,
                            const clientid_decision *decision, ngx_uint_t count)
{
    const ngx_list_t before = r->headers_in.headers;
    ngx_list_t *list = &r->headers_in.headers;
    if (ngx_list_init(list, r->pool, count + IDENTITY_COUNT, sizeof(ngx_table_elt_t)) != NGX_OK) {
        *list = before;
        return NGX_ERROR;
    }
    for (const ngx_list_part_t *part = &before.part; part != NULL; part = part->next) {
        const ngx_table_elt_t *lines = part->elts;
        for (ngx_uint_t i = 0; i < part->nelts; i++) {
            if (passes(conf, decision, &lines[i]))
                *(ngx_table_elt_t *)ngx_list_push(list) = lines[i]; /* there is room */
        }
    }
    /* $remote_user and the like would show what is gone. */
    if (r->headers_in.authorization != NULL && !passes(conf, decision, r->headers_in.authorization))
        r->headers_in.authorization = NULL;
    return NGX_OK;
}

/* A subrequest's list shares its parts with that of its parent, so it is copied in any case; HTTP/0.9 has none. */
static ngx_int_t clean_lines(ngx_http_request_t *r, const struct loc_conf *conf,
                             const clientid_decision *decision)
{
    ngx_uint_t count;
    if (all_pass(r, conf, decision, &count) && r == r->main && r->headers_in.headers.size != 0)
        return NGX_OK;
    return copy_lines(r, conf, decision, count);
}

/* Names come from whoever registered the application; a control in one could end the line. */
static void mask_controls(u_char *text, size_t len)
{
    for (size_t i = 0; i < len; i++) {
        if (text[i] < 0x20 || text[i] == 0x7f)
            text[i] = '?';
    }
}

static ngx_int_t add_line(ngx_http_request_t *r, const struct loc_conf *conf, unsigned which,
                          ngx_str_t value)
{
    const struct identity_header *header = &conf->identity[which];
    if (header->name.len == 0 || value.len == 0)
        return NGX_OK;
    ngx_table_elt_t *line = ngx_list_push(&r->headers_in.headers);
    u_char *copy = ngx_pnalloc(r->pool, value.len + 1);
    if (line == NULL || copy == NULL)
        return NGX_ERROR;
    ngx_memcpy(copy, value.data, value.len);
    if (which != IDENTITY_ID) /* an id with a control in it is refused */
        mask_controls(copy, value.len);
    copy[value.len] = '\0';
    ngx_memzero(line, sizeof *line);
    line->hash = header->hash;
    line->key = header->name;
    line->lowcase_key = header->lower.data;
    line->value.data = copy;
    line->value.len = value.len;
    return NGX_OK;
}

static ngx_int_t add_identity(ngx_http_request_t *r, const struct loc_conf *conf,
                              const struct visit *visit)
{
    if (add_line(r, conf, IDENTITY_ID, visit->id) != NGX_OK ||
        add_line(r, conf, IDENTITY_NAME, visit->name) != NGX_OK)
        return NGX_ERROR;
    return add_line(r, conf, IDENTITY_TIER, visit->tier);
}

/* ---- query ----------------------------------------------------------------------------------- */

/* |*query| becomes what is left of it.  A query that was given, and is empty now, is none (as clientid-proxy). */
static ngx_int_t strip(ngx_http_request_t *r, const clientid_decision *decision, ngx_str_t *query)
{
    size_t len = query->len;
    if (len == 0)
        return NGX_OK;
    char *out = ngx_pnalloc(r->pool, len);
    if (out == NULL || clientid_strip(decision, slice(*query), out, &len) < 0)
        return NGX_ERROR;
    if (len != query->len)
        *query = (ngx_str_t){len, (u_char *)out};
    return NGX_OK;
}

/* r->unparsed_uri is the main request's, in subrequests too. */
static ngx_int_t clean_target(ngx_http_request_t *r, const clientid_decision *decision)
{
    ngx_str_t *target = &r->unparsed_uri;
    u_char *mark = ngx_strlchr(target->data, target->data + target->len, '?');
    if (mark == NULL)
        return NGX_OK;
    const ngx_str_t before = {(size_t)(target->data + target->len - mark - 1), mark + 1};
    ngx_str_t query = before;
    if (strip(r, decision, &query) != NGX_OK)
        return NGX_ERROR;
    if (r->args.data == before.data && r->args.len == before.len)
        r->args = query;
    else if (strip(r, decision, &r->args) != NGX_OK)
        return NGX_ERROR;
    if (query.len == before.len)
        return NGX_OK;
    const size_t path = (size_t)(mark - target->data);
    u_char *clean = ngx_pnalloc(r->pool, path + 1 + query.len);
    if (clean == NULL)
        return NGX_ERROR;
    u_char *end = ngx_cpymem(clean, target->data, path);
    if (query.len != 0) {
        *end++ = '?';
        end = ngx_cpymem(end, query.data, query.len);
    }
    *target = (ngx_str_t){(size_t)(end - clean), clean};
    return log_clean_request_line(r->main, query);
}

/* ---- the whole ------------------------------------------------------------------------------- */

ngx_int_t forward_clean(ngx_http_request_t *r, const struct loc_conf *conf, struct passage *passage,
                        struct visit *visit, bool identified)
{
    clientid_decision decision; /* all that stripping reads of one; clearing 2 KB would cost more */
    if (visit->cleaned == r)
        return NGX_OK;
    decision.size = sizeof decision;
    decision.answer = visit->answer;
    passage_keep(passage, r);
    if (clean_lines(r, conf, &decision) != NGX_OK || clean_target(r, &decision) != NGX_OK)
        return NGX_ERROR;
    if (identified && visit->verified && add_identity(r, conf, visit) != NGX_OK)
        return NGX_ERROR;
    variables_forget(r);
    visit->cleaned = r;
    return NGX_OK;
}
