/* SPDX-License-Identifier: Apache-2.0 */
/*
 * No log shows a query that may have a secret in it.  nginx puts r->request_line into every line of the error log and,
 * as $request, into the "combined" access log.  After a decision it is a cleaned one; until then, in a location with an
 * API instance, the error log gets a mark in place of the query.
 */
#include "log.h"

#include "variables.h"

static u_char mark[] = "?***";
static const ngx_str_t hidden = {sizeof mark - 1, mark};

enum { REQUEST_LINE_BYTES = 2048 }; /* nginx cuts a line of the error log there, too */

static bool is_protocol(const u_char *text, size_t len)
{
    return len >= 5 && ngx_strncmp(text, "HTTP/", 5) == 0;
}

/* From the first '?' up to the protocol; false when there is none. */
static bool find_query(ngx_str_t line, size_t *begin, size_t *end)
{
    const u_char *at = ngx_strlchr(line.data, line.data + line.len, '?');
    if (line.len == 0 || at == NULL)
        return false;
    *begin = (size_t)(at - line.data);
    *end = line.len;
    while (*end > *begin && line.data[*end - 1] != ' ')
        --*end;
    if (*end > *begin && is_protocol(line.data + *end, line.len - *end))
        --*end;
    else /* HTTP/0.9, or a line that nginx cut off or could not read */
        *end = line.len;
    return true;
}

static u_char *put(u_char *to, const u_char *last, const u_char *from, size_t len)
{
    return ngx_cpymem(to, from, ngx_min(len, (size_t)(last - to)));
}

/* |query| with its '?', or empty, in place of the one that is there. */
static u_char *put_line(u_char *to, const u_char *last, ngx_str_t line, size_t begin, size_t end,
                        ngx_str_t query)
{
    to = put(to, last, line.data, begin);
    if (query.len != 0)
        to = put(to, last, query.data, query.len);
    return put(to, last, line.data + end, line.len - end);
}

static ngx_int_t replace(ngx_http_request_t *r, ngx_str_t query)
{
    size_t begin;
    size_t end;
    if (!find_query(r->request_line, &begin, &end))
        return NGX_OK;
    const size_t room = begin + query.len + r->request_line.len - end;
    u_char *line = ngx_pnalloc(r->pool, room);
    if (line == NULL)
        return NGX_ERROR;
    r->request_line.len =
        (size_t)(put_line(line, line + room, r->request_line, begin, end, query) - line);
    r->request_line.data = line;
    return NGX_OK;
}

ngx_int_t log_clean_request_line(ngx_http_request_t *r, ngx_str_t query)
{
    if (query.len == 0)
        return replace(r, query);
    u_char *marked = ngx_pnalloc(r->pool, query.len + 1);
    if (marked == NULL)
        return NGX_ERROR;
    marked[0] = '?';
    ngx_memcpy(marked + 1, query.data, query.len);
    return replace(r, (ngx_str_t){query.len + 1, marked});
}

ngx_int_t log_hide_query(ngx_http_request_t *r)
{
    return replace(r, hidden);
}

/* ---- before a decision ----------------------------------------------------------------------- */

/* It was refused before a location was chosen, or another refusal led to this one: it may be for a protected one. */
static bool is_stray(ngx_http_request_t *r)
{
    const struct main_conf *main = ngx_http_get_module_main_conf(r, ngx_http_clientid_module);
    const ngx_http_core_srv_conf_t *server = ngx_http_get_module_srv_conf(r, ngx_http_core_module);
    return main->uses.nelts != 0 && (r->error_page || r->loc_conf == server->ctx->loc_conf);
}

/* Nobody knows yet what in the query is a credential. */
static bool is_raw(ngx_http_request_t *r)
{
    const struct loc_conf *conf = ngx_http_get_module_loc_conf(r, ngx_http_clientid_module);
    if (conf == NULL || (conf->api == NULL && !is_stray(r)))
        return false;
    const struct passage *passage = passage_find(r->main);
    return passage == NULL || !passage->kept;
}

ngx_int_t log_request_line(ngx_http_request_t *r, ngx_str_t *out)
{
    size_t begin;
    size_t end;
    r = r->main;
    *out = r->request_line;
    if (!is_raw(r) || !find_query(r->request_line, &begin, &end))
        return NGX_OK;
    const size_t room = begin + hidden.len + r->request_line.len - end;
    out->data = ngx_pnalloc(r->pool, room);
    if (out->data == NULL)
        return NGX_ERROR;
    const u_char *last = put_line(out->data, out->data + room, r->request_line, begin, end, hidden);
    out->len = (size_t)(last - out->data);
    return NGX_OK;
}

/* A page that was asked for with credentials in its query names it as the referrer of all that it loads. */
static void cut_query(ngx_str_t *text)
{
    const u_char *at = ngx_strlchr(text->data, text->data + text->len, '?');
    if (text->len != 0 && at != NULL)
        text->len = (size_t)(at - text->data);
}

/* Shows nginx's own handler a request without the queries, and puts them back. */
static u_char *on_log(ngx_http_request_t *r, ngx_http_request_t *sr, u_char *buf, size_t len)
{
    const struct main_conf *main = ngx_http_get_module_main_conf(r, ngx_http_clientid_module);
    const struct loc_conf *conf = ngx_http_get_module_loc_conf(sr, ngx_http_clientid_module);
    ngx_table_elt_t *referer = r->headers_in.referer;
    const ngx_str_t line = r->request_line;
    const ngx_str_t referrer = referer != NULL ? referer->value : line;
    u_char shown[REQUEST_LINE_BYTES];
    size_t begin;
    size_t end;
    if ((is_raw(r) || is_raw(sr)) && find_query(line, &begin, &end)) {
        const u_char *last = put_line(shown, shown + sizeof shown, line, begin, end, hidden);
        r->request_line = (ngx_str_t){(size_t)(last - shown), shown};
    }
    if (referer != NULL && conf->api != NULL)
        cut_query(&referer->value);
    buf = main->log_handler(r, sr, buf, len);
    r->request_line = line;
    if (referer != NULL)
        referer->value = referrer;
    return buf;
}

ngx_int_t log_guard(ngx_http_request_t *r)
{
    struct main_conf *main = ngx_http_get_module_main_conf(r, ngx_http_clientid_module);
    if (r->log_handler != on_log) {
        main->log_handler = r->log_handler;
        r->log_handler = on_log;
    }
    return NGX_DECLINED;
}

/* ---- at the end ------------------------------------------------------------------------------ */

void log_finish(ngx_http_request_t *r)
{
    if (r != r->main || !is_raw(r))
        return;
    if (log_hide_query(r) != NGX_OK)
        r->request_line.len = 0;
    const u_char *at =
        ngx_strlchr(r->unparsed_uri.data, r->unparsed_uri.data + r->unparsed_uri.len, '?');
    if (r->unparsed_uri.len != 0 && at != NULL)
        r->unparsed_uri.len = (size_t)(at - r->unparsed_uri.data);
    r->args.len = 0;
    variables_forget(r);
}

/* ---- refusals -------------------------------------------------------------------------------- */

void log_refusal(ngx_http_request_t *r, const struct loc_conf *conf,
                 const clientid_decision *decision, bool shadow)
{
    const clientid_str api = clientid_api_name(conf->api);
    const clientid_str client = decision->contract_id != 0 ? decision->client_id : CLIENTID_STR("");
    ngx_log_error(conf->log_level, r->connection->log, 0,
                  "clientid: %s: %s, API instance \"%*s\", policy \"%*s\", client \"%*s\"",
                  shadow ? "would be refused" : "refused", clientid_reason_label(decision->reason),
                  api.len, api.ptr, decision->policy.len, decision->policy.ptr, client.len,
                  client.ptr);
}
