/* SPDX-License-Identifier: Apache-2.0 */
/* Counters in Prometheus' text format. */
#include "metrics.h"

#include "process.h"

enum { FIRST_GUESS_BYTES = 16384, TRIES = 4 }; /* it may grow between asking how much and writing */

static u_char text_type[] = "text/plain; version=0.0.4";

static ngx_buf_t *metrics_text(ngx_http_request_t *r, clientid_gateway *gateway)
{
    size_t len = FIRST_GUESS_BYTES;
    for (unsigned i = 0; i < TRIES; i++) {
        ngx_buf_t *buf = ngx_create_temp_buf(r->pool, len);
        if (buf == NULL)
            return NULL;
        int rv = clientid_metrics_write(gateway, process_now_ns(), (char *)buf->last, &len);
        if (rv == 0) {
            buf->last += len;
            buf->last_buf = 1;
            buf->last_in_chain = 1;
            return buf;
        }
        if (rv != CLIENTID_ERR_SPACE)
            return NULL;
        len += len / 4;
    }
    return NULL;
}

static ngx_int_t on_request(ngx_http_request_t *r)
{
    const struct main_conf *main = ngx_http_get_module_main_conf(r, ngx_http_clientid_module);
    if (!(r->method & (NGX_HTTP_GET | NGX_HTTP_HEAD)))
        return NGX_HTTP_NOT_ALLOWED;
    ngx_int_t rc = ngx_http_discard_request_body(r);
    if (rc != NGX_OK)
        return rc;
    if (main->gateway == NULL)
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    ngx_chain_t out = {.buf = metrics_text(r, main->gateway), .next = NULL};
    if (out.buf == NULL)
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    r->headers_out.content_type = (ngx_str_t){sizeof text_type - 1, text_type};
    r->headers_out.content_type_len = r->headers_out.content_type.len;
    r->headers_out.status = NGX_HTTP_OK;
    r->headers_out.content_length_n = out.buf->last - out.buf->pos;
    rc = ngx_http_send_header(r);
    if (rc == NGX_ERROR || rc > NGX_OK || r->header_only)
        return rc;
    return ngx_http_output_filter(r, &out);
}

char *metrics_enable(ngx_conf_t *cf, ngx_command_t *command, void *conf)
{
    ngx_http_core_loc_conf_t *core = ngx_http_conf_get_module_loc_conf(cf, ngx_http_core_module);
    (void)command;
    (void)conf;
    core->handler = on_request;
    return NGX_CONF_OK;
}
