/* SPDX-License-Identifier: Apache-2.0 */
/* The body of a request in one piece, for credentials in a form; what goes upstream is nginx's own copy, untouched. */
#include "body.h"

/* Blocks for a moment when a part went to a temporary file: at most |body_bytes| of a file just written. */
static bool copy_part(const ngx_buf_t *buf, char *to, size_t len)
{
    if (ngx_buf_in_memory(buf)) {
        ngx_memcpy(to, buf->pos, len);
        return true;
    }
    return pread(buf->file->fd, to, len, buf->file_pos) == (ssize_t)len;
}

static bool gather(ngx_http_request_t *r, size_t len, clientid_str *out)
{
    const ngx_chain_t *chain = r->request_body->bufs;
    if (chain != NULL && chain->next == NULL && ngx_buf_in_memory(chain->buf)) {
        *out = (clientid_str){(const char *)chain->buf->pos, len};
        return true;
    }
    char *text = ngx_pnalloc(r->pool, len + 1);
    char *to = text;
    for (; text != NULL && chain != NULL; chain = chain->next) {
        const size_t part = (size_t)ngx_buf_size(chain->buf);
        if (part != 0 && !copy_part(chain->buf, to, part)) /* the last one may be a mark only */
            return false;
        to += part;
    }
    *out = (clientid_str){text, len};
    return text != NULL;
}

/* Subrequests see what their main request has read; one that has read nothing shows an empty body. */
static void take(ngx_http_request_t *r, const struct loc_conf *conf, struct visit *visit)
{
    off_t len = 0;
    const ngx_chain_t *chain = r->request_body != NULL ? r->request_body->bufs : NULL;
    for (; chain != NULL; chain = chain->next)
        len += ngx_buf_size(chain->buf);
    visit->flags = CLIENTID_BODY_GIVEN;
    visit->body = (clientid_str){NULL, 0};
    if (len == 0)
        return;
    if (len > (off_t)conf->body_bytes || !gather(r, (size_t)len, &visit->body))
        visit->flags = CLIENTID_BODY_TOO_LARGE;
}

static void on_body(ngx_http_request_t *r)
{
    const struct loc_conf *conf = ngx_http_get_module_loc_conf(r, ngx_http_clientid_module);
    struct visit *visit = visit_get(r, conf->api); /* it exists */
    take(r, conf, visit);
    visit->state = VISIT_NEW;
    r->preserve_body = 1; /* parts of the answer may be asked for with the same body */
    r->write_event_handler = ngx_http_core_run_phases;
    ngx_http_core_run_phases(r);
}

ngx_int_t body_read(ngx_http_request_t *r, const struct loc_conf *conf, struct visit *visit)
{
    if (visit->flags != 0) /* it was given, and is asked for again: the library never does */
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    if (r != r->main || r->headers_in.content_length_n > (off_t)conf->body_bytes) {
        take(r, conf, visit);
        if (r == r->main)
            visit->flags = CLIENTID_BODY_TOO_LARGE;
        return NGX_OK;
    }
    visit->state = VISIT_BODY;
    visit->owner = r;
    ngx_int_t rc = ngx_http_read_client_request_body(r, on_body);
    if (rc >= NGX_HTTP_SPECIAL_RESPONSE)
        return rc;
    ngx_http_finalize_request(r, NGX_DONE); /* the reference that reading took */
    return NGX_DONE;
}
