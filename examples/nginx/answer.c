/* SPDX-License-Identifier: Apache-2.0 */
/* What clients see of a decision: the policy's own answer, unless the location has an "error_page" for its status. */
#include "answer.h"

static enum refusal refusal_of(clientid_reason reason)
{
    switch ((int)reason) {
    case CLIENTID_REASON_QUOTA_EXCEEDED:
    case CLIENTID_REASON_QUEUE_FULL:
    case CLIENTID_REASON_DELAYS_EXHAUSTED:
        return REFUSAL_QUOTA;
    case CLIENTID_REASON_REGISTRY_NOT_LOADED:
    case CLIENTID_REASON_REGISTRY_EXPIRED:
    case CLIENTID_REASON_API_UNKNOWN:
    case CLIENTID_REASON_LIMITS_INVALID:
        return REFUSAL_UNAVAILABLE;
    default:
        return REFUSAL_DENIED;
    }
}

/* ---- header lines ---------------------------------------------------------------------------- */

static bool same_name(ngx_str_t a, clientid_str b)
{
    return a.len == b.len && ngx_strncasecmp(a.data, (u_char *)(uintptr_t)b.ptr, b.len) == 0;
}

static const clientid_str content_type = {"Content-Type", sizeof "Content-Type" - 1};
static const clientid_str challenge = {"WWW-Authenticate", sizeof "WWW-Authenticate" - 1};

/* Of another API instance, when a redirect led here.  Challenges add up: auth_basic may have one of its own. */
static void drop_line(ngx_http_request_t *r, clientid_str name)
{
    for (ngx_list_part_t *part = &r->headers_out.headers.part; part != NULL; part = part->next) {
        ngx_table_elt_t *lines = part->elts;
        for (ngx_uint_t i = 0; i < part->nelts; i++) {
            if (same_name(lines[i].key, name))
                lines[i].hash = 0;
        }
    }
}

/* Copied, since values lie in the answer. */
static ngx_table_elt_t *set_line(ngx_http_request_t *r, const clientid_header *header)
{
    u_char *text = ngx_pnalloc(r->pool, header->name.len + header->value.len);
    const ngx_str_t name = {header->name.len, (u_char *)(uintptr_t)header->name.ptr};
    if (!same_name(name, challenge))
        drop_line(r, header->name);
    ngx_table_elt_t *line = ngx_list_push(&r->headers_out.headers);
    if (line == NULL)
        return NULL;
    ngx_memzero(line, sizeof *line); /* hash 0: without memory there is no line */
    if (text == NULL)
        return NULL;
    line->hash = 1;
    line->key = (ngx_str_t){header->name.len, text};
    line->value = (ngx_str_t){header->value.len, text + header->name.len};
    ngx_memcpy(line->key.data, header->name.ptr, header->name.len);
    ngx_memcpy(line->value.data, header->value.ptr, header->value.len);
    return line;
}

ngx_int_t answer_allowed(ngx_http_request_t *r, const clientid_decision *decision)
{
    clientid_answer answer;
    bool visible = decision->from_query;
    for (uint32_t i = 0; i < decision->limit_count; i++)
        visible = visible || (decision->limits[i].flags & CLIENTID_LIMIT_VISIBLE);
    if (!visible || r != r->main)
        return NGX_OK;
    answer.size = sizeof answer;
    if (clientid_render(decision, &answer) < 0)
        return NGX_ERROR;
    for (size_t i = 0; i < answer.header_count; i++) {
        if (set_line(r, &answer.headers[i]) == NULL)
            return NGX_ERROR;
    }
    return NGX_OK;
}

static ngx_int_t set_lines(ngx_http_request_t *r, const clientid_answer *answer, ngx_uint_t status)
{
    for (size_t i = 0; i < answer->header_count; i++) {
        const clientid_header *header = &answer->headers[i];
        const ngx_str_t name = {header->name.len, (u_char *)(uintptr_t)header->name.ptr};
        bool challenges = same_name(name, challenge);
        if (same_name(name, content_type) || (challenges && status != NGX_HTTP_UNAUTHORIZED))
            continue;
        ngx_table_elt_t *line = set_line(r, header);
        if (line == NULL)
            return NGX_ERROR;
        if (challenges) /* auth_request passes it on, "satisfy any" takes it back */
            r->headers_out.www_authenticate = line;
    }
    return NGX_OK;
}

/* ---- refusals -------------------------------------------------------------------------------- */

/* As nginx's own special responses decide it. */
static bool has_error_page(ngx_http_request_t *r, ngx_uint_t status)
{
    const ngx_http_core_loc_conf_t *core = ngx_http_get_module_loc_conf(r, ngx_http_core_module);
    if (r->error_page || core->error_pages == NULL || r->uri_changes == 0)
        return false;
    const ngx_http_err_page_t *pages = core->error_pages->elts;
    for (ngx_uint_t i = 0; i < core->error_pages->nelts; i++) {
        if ((ngx_uint_t)pages[i].status == status)
            return true;
    }
    return false;
}

static bool set_content_type(ngx_http_request_t *r, const clientid_answer *answer)
{
    for (size_t i = 0; i < answer->header_count; i++) {
        clientid_str value = answer->headers[i].value;
        const ngx_str_t name = {answer->headers[i].name.len,
                                (u_char *)(uintptr_t)answer->headers[i].name.ptr};
        if (!same_name(name, content_type))
            continue;
        r->headers_out.content_type.data = ngx_pnalloc(r->pool, value.len);
        if (r->headers_out.content_type.data == NULL)
            return false;
        ngx_memcpy(r->headers_out.content_type.data, value.ptr, value.len);
        r->headers_out.content_type.len = value.len;
        r->headers_out.content_type_len = value.len;
        r->headers_out.content_type_lowcase = NULL;
    }
    return true;
}

static ngx_buf_t *body_of(ngx_http_request_t *r, clientid_str body)
{
    ngx_buf_t *buf = ngx_create_temp_buf(r->pool, body.len + 1);
    if (buf == NULL)
        return NULL;
    if (body.len != 0)
        buf->last = ngx_cpymem(buf->last, body.ptr, body.len);
    buf->memory = body.len != 0;
    buf->temporary = 0;
    buf->last_buf = 1;
    buf->last_in_chain = 1;
    return buf;
}

static ngx_int_t send_answer(ngx_http_request_t *r, const clientid_answer *answer,
                             ngx_uint_t status)
{
    ngx_chain_t out = {.buf = body_of(r, answer->body), .next = NULL};
    if (out.buf == NULL || !set_content_type(r, answer) ||
        ngx_http_discard_request_body(r) != NGX_OK)
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    r->headers_out.status = status;
    r->headers_out.content_length_n = (off_t)answer->body.len;
    r->err_status = 0; /* of an error page that led here */
    if (status == NGX_HTTP_REQUEST_ENTITY_TOO_LARGE)
        r->keepalive = 0;
    ngx_int_t rc = ngx_http_send_header(r);
    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only)
        return rc;
    return ngx_http_output_filter(r, &out);
}

ngx_int_t answer_denied(ngx_http_request_t *r, const struct loc_conf *conf,
                        const clientid_decision *decision)
{
    clientid_answer answer;
    answer.size = sizeof answer;
    if (clientid_render(decision, &answer) < 0)
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    ngx_uint_t status = conf->status[refusal_of(decision->reason)];
    if (status == 0 || answer.status == NGX_HTTP_REQUEST_ENTITY_TOO_LARGE)
        status = answer.status;
    if (set_lines(r, &answer, status) != NGX_OK)
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    if (r != r->main || has_error_page(r, status))
        return (ngx_int_t)status;
    ngx_http_finalize_request(r, send_answer(r, &answer, status));
    return NGX_DONE;
}
