/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request gets into a location with an API instance only after that instance let it pass, on whatever way it comes:
 * itself, by internal redirect or as a subrequest; and it is charged by each instance once.
 */
#include "check.h"

#include "answer.h"
#include "body.h"
#include "delay.h"
#include "forward.h"
#include "log.h"
#include "process.h"

#include <time.h>

/* One decision to be taken. */
struct inquiry {
    ngx_http_request_t *r;
    const struct loc_conf *conf;
    struct process *process;
    struct visit *visit;         /* NULL: none yet */
    clientid_decision *decision; /* the process's, or the one held while waiting */
    struct lines lines;
    clientid_request request;
};

/* ---- the request as the library wants it ----------------------------------------------------- */

static int header_line(void *host, clientid_str lower_name, size_t nth, clientid_str *value)
{
    const struct lines *lines = host;
    ngx_uint_t left = lines->count;
    for (const ngx_list_part_t *part = lines->part; part != NULL; part = part->next) {
        const ngx_table_elt_t *line = part->elts;
        for (ngx_uint_t i = 0; i < part->nelts && left != 0; i++, left--) {
            if (line[i].key.len != lower_name.len ||
                ngx_strncasecmp(line[i].key.data, (u_char *)(uintptr_t)lower_name.ptr,
                                lower_name.len) != 0 ||
                nth-- != 0)
                continue;
            *value = slice(line[i].value);
            return 1;
        }
    }
    return 0;
}

static void set_target(clientid_request *request, ngx_str_t target)
{
    const u_char *end = target.data + target.len;
    const u_char *mark = ngx_strlchr(target.data, target.data + target.len, '?');
    request->path = slice(target);
    request->query = (clientid_str){NULL, 0};
    if (mark != NULL) {
        request->path.len = (size_t)(mark - target.data);
        request->query = (clientid_str){(const char *)mark + 1, (size_t)(end - mark - 1)};
    }
    if (request->path.len == 0) /* "GET http://host?query" (RFC 9112 section 3.2.2) */
        request->path = CLIENTID_STR("/");
}

/* The path that nginx itself goes by, encoded again; differs from the client's after rewrites and redirects. */
static bool own_path(ngx_http_request_t *r, clientid_str *out)
{
    const size_t escapes = 2 * ngx_escape_uri(NULL, r->uri.data, r->uri.len, NGX_ESCAPE_URI);
    if (escapes == 0) {
        *out = slice(r->uri);
        return true;
    }
    u_char *path = ngx_pnalloc(r->pool, r->uri.len + escapes);
    if (path == NULL)
        return false;
    ngx_escape_uri(path, r->uri.data, r->uri.len, NGX_ESCAPE_URI);
    *out = (clientid_str){(const char *)path, r->uri.len + escapes};
    return true;
}

static void prepare(struct inquiry *q, unsigned flags)
{
    ngx_http_request_t *r = q->r;
    const struct passage *passage = passage_find(r);
    q->lines = passage_lines(passage, r);
    q->request = (clientid_request){.size = sizeof q->request,
                                    .method = slice(r->method_name),
                                    .header = header_line,
                                    .host = &q->lines,
                                    .flags = flags,
                                    .now_ns = process_now_ns(),
                                    .scratch = q->process->scratch,
                                    .scratch_len = sizeof q->process->scratch};
    set_target(&q->request, passage_target(passage, r));
    if (q->visit != NULL) {
        q->request.body = q->visit->body;
        q->request.flags |= q->visit->flags;
    }
}

/* ---- asking ---------------------------------------------------------------------------------- */

static uint64_t monotonic_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

/* Of every 64th decision the time is taken: two readings of the clock would be a good part of what one costs. */
static int ask_once(struct inquiry *q)
{
    const bool timed = q->process->checks++ % 64 == 0;
    const uint64_t before_ns = timed ? monotonic_ns() : 0;
    int rv = clientid_check(q->process->worker, q->conf->api, &q->request, q->decision);
    if (timed)
        clientid_worker_latency(q->process->worker, monotonic_ns() - before_ns);
    return rv;
}

/*
 * Pointcuts see the path as the client sent it.  Where nginx goes by another one, that counts too: else a redirect into
 * a location would lead around the policies of its paths.
 */
static int ask(struct inquiry *q)
{
    ngx_http_request_t *r = q->r;
    const clientid_str sent = q->request.path;
    if (!r->valid_unparsed_uri && !own_path(r, &q->request.path))
        return CLIENTID_ERR_NOMEM;
    const clientid_str own = q->request.path;
    if (r == r->main)
        q->request.path = sent; /* a subrequest has a path of its own, and no client sent it */
    int rv = ask_once(q);
    if (rv != 0 || r->valid_unparsed_uri || q->decision->reason != CLIENTID_REASON_NO_POLICY)
        return rv;
    q->request.path = r == r->main ? own : sent;
    return ask_once(q);
}

static int ask_again(struct inquiry *q)
{
    q->request.path = q->visit->path;
    return clientid_resume(q->process->worker, &q->request, q->decision);
}

/* ---- what follows ---------------------------------------------------------------------------- */

/* Keeps what the decision says and makes the request fit for upstreams and logs. */
static ngx_int_t record(struct inquiry *q, bool identified)
{
    struct passage *passage = passage_get(q->r);
    if (q->visit == NULL)
        q->visit = visit_get(q->r, q->conf->api);
    if (passage == NULL || q->visit == NULL || visit_record(q->r, q->visit, q->decision) != NGX_OK)
        return NGX_ERROR;
    q->visit->cleaned = NULL;
    if (forward_clean(q->r, q->conf, passage, q->visit, identified) != NGX_OK)
        return NGX_ERROR;
    /* "stripCredentials": "none" leaves them where they were. */
    if (q->decision->from_query && q->r->unparsed_uri.data == passage->target.data)
        return log_hide_query(q->r->main);
    return NGX_OK;
}

static ngx_int_t fail(struct inquiry *q)
{
    if (q->decision->verdict == CLIENTID_ALLOW)
        (void)clientid_refund(q->process->worker, &q->decision->receipt, process_now_ns());
    return NGX_HTTP_INTERNAL_SERVER_ERROR;
}

/* What became of a subrequest's upstream nobody remembers at the end; it may have done the work. */
static void keep_refundable(const ngx_http_request_t *r, struct visit *visit)
{
    if (r != r->main)
        visit->charge_count = 0;
}

static ngx_int_t allow(struct inquiry *q)
{
    if (record(q, true) != NGX_OK || answer_allowed(q->r, q->decision) != NGX_OK)
        return fail(q);
    keep_refundable(q->r, q->visit);
    q->visit->state = q->decision->reason == CLIENTID_REASON_NO_POLICY ? VISIT_OPEN : VISIT_ALLOWED;
    return q->visit->state == VISIT_OPEN ? NGX_DECLINED : NGX_OK;
}

/* "clientid_mode shadow": a refusal, or a delay, that only the log and the variables tell of. */
static ngx_int_t overlook(struct inquiry *q)
{
    clientid_cancel(q->decision);
    if (record(q, true) != NGX_OK)
        return fail(q);
    q->visit->known =
        q->visit->verified; /* it goes on, so nobody may take an unproved id for a fact */
    q->visit->state = VISIT_ALLOWED;
    log_refusal(q->r, q->conf, q->decision, true);
    return NGX_DECLINED;
}

static ngx_int_t deny(struct inquiry *q)
{
    if (record(q, false) != NGX_OK)
        return fail(q);
    q->visit->state = VISIT_DENIED;
    q->visit->owner = q->r;
    log_refusal(q->r, q->conf, q->decision, false);
    return answer_denied(q->r, q->conf, q->decision);
}

static ngx_int_t delay(struct inquiry *q)
{
    if (q->visit == NULL)
        q->visit = visit_get(q->r, q->conf->api);
    if (q->visit == NULL) {
        clientid_cancel(q->decision);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    q->visit->path = q->request.path;
    return delay_start(q->r, q->visit, q->decision);
}

static ngx_int_t settle(struct inquiry *q, int rv)
{
    const bool shadow = q->conf->mode == MODE_SHADOW;
    if (rv < 0) {
        ngx_log_error(NGX_LOG_ERR, q->r->connection->log, 0, "clientid: no decision: %s",
                      clientid_strerror(rv));
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    switch (q->decision->verdict) {
    case CLIENTID_ALLOW:
        return allow(q);
    case CLIENTID_DELAY:
        return shadow ? overlook(q) : delay(q);
    case CLIENTID_DENY:
        return shadow ? overlook(q) : deny(q);
    case CLIENTID_NEED_BODY:
    default:
        return NGX_AGAIN;
    }
}

static ngx_int_t decide(struct inquiry *q)
{
    ngx_int_t rc = NGX_AGAIN;
    for (;;) {
        prepare(q, 0);
        const bool due = q->visit != NULL && q->visit->state == VISIT_DUE;
        q->decision = due ? q->visit->held : &q->process->decision;
        rc = settle(q, due ? ask_again(q) : ask(q));
        if (rc != NGX_AGAIN)
            return rc;
        if (q->visit == NULL)
            q->visit = visit_get(q->r, q->conf->api);
        if (q->visit == NULL)
            return NGX_HTTP_INTERNAL_SERVER_ERROR;
        rc = body_read(q->r, q->conf, q->visit);
        if (rc != NGX_OK)
            return rc;
    }
}

/* ---- ways in --------------------------------------------------------------------------------- */

/* It passed before: by a redirect within the API instance, or as another part of the same request. */
static ngx_int_t pass_again(ngx_http_request_t *r, const struct loc_conf *conf, struct visit *visit)
{
    struct passage *passage = passage_get(r);
    if (passage == NULL || forward_clean(r, conf, passage, visit, true) != NGX_OK)
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    keep_refundable(r, visit);
    return NGX_OK;
}

/* Its body could not be read (400, 413), and an error page led here: no body, then. */
static ngx_int_t decide_bodiless(struct inquiry *q)
{
    q->visit->state = VISIT_NEW;
    q->visit->flags = CLIENTID_BODY_GIVEN;
    q->visit->body = (clientid_str){NULL, 0};
    return decide(q);
}

/* NGX_OK: let through; NGX_DECLINED: likewise, without a say in "satisfy any"; NGX_DONE: wait; or a status. */
static ngx_int_t check(ngx_http_request_t *r, const struct loc_conf *conf)
{
    const struct main_conf *main = ngx_http_get_module_main_conf(r, ngx_http_clientid_module);
    const struct passage *passage = passage_find(r);
    struct inquiry q = {.r = r, .conf = conf, .process = main->process};
    if (main->process == NULL) {
        ngx_log_error(NGX_LOG_ALERT, r->connection->log, 0, "clientid: not set up in this process");
        return NGX_HTTP_SERVICE_UNAVAILABLE;
    }
    q.visit = passage != NULL ? visit_find(passage, conf->api) : NULL;
    if (q.visit == NULL)
        return decide(&q);
    switch (q.visit->state) {
    case VISIT_ALLOWED:
        return pass_again(r, conf, q.visit);
    case VISIT_DENIED: /* who was refused itself is here for an error page, nobody else is */
        return q.visit->owner == r ? NGX_DECLINED : decide(&q);
    case VISIT_BODY:
        return decide_bodiless(&q);
    case VISIT_WAITING:
        return q.visit->owner == r ? NGX_DONE : delay_follow(r);
    case VISIT_DUE:
        return q.visit->owner == r ? decide(&q) : delay_follow(r);
    case VISIT_NEW:
    case VISIT_OPEN:
    default:
        return decide(&q);
    }
}

static const struct loc_conf *conf_of(ngx_http_request_t *r)
{
    return ngx_http_get_module_loc_conf(r, ngx_http_clientid_module);
}

static ngx_int_t or_declined(ngx_int_t rc)
{
    return rc == NGX_OK ? NGX_DECLINED : rc;
}

ngx_int_t check_access(ngx_http_request_t *r)
{
    const struct loc_conf *conf = conf_of(r);
    return conf->api != NULL ? check(r, conf) : NGX_DECLINED;
}

ngx_int_t check_rewrite(ngx_http_request_t *r)
{
    const struct loc_conf *conf = conf_of(r);
    if (conf->api == NULL || conf->phase != PHASE_REWRITE)
        return NGX_DECLINED;
    return or_declined(check(r, conf));
}

ngx_int_t check_subrequest(ngx_http_request_t *r)
{
    const struct loc_conf *conf = conf_of(r);
    if (r == r->main || conf->api == NULL)
        return NGX_DECLINED;
    return or_declined(check(r, conf));
}

/*
 * Another module vouched for the request.  It is not charged and gets no identity, but neither may the client claim one,
 * and its credentials are no more the upstream's business than otherwise.
 */
ngx_int_t check_bypassed(ngx_http_request_t *r)
{
    const struct loc_conf *conf = conf_of(r);
    const struct main_conf *main = ngx_http_get_module_main_conf(r, ngx_http_clientid_module);
    struct inquiry q = {.r = r, .conf = conf, .process = main->process};
    const struct passage *before = passage_find(r);
    if (conf->api == NULL || main->process == NULL ||
        (before != NULL && visit_find(before, conf->api) != NULL))
        return NGX_DECLINED;
    q.decision = &q.process->decision;
    prepare(&q, CLIENTID_PEEK);
    if (clientid_check(q.process->worker, conf->api, &q.request, q.decision) < 0)
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    struct visit visit = {.answer = q.decision->answer};
    struct passage *passage = passage_get(r);
    if (passage == NULL || forward_clean(r, conf, passage, &visit, false) != NGX_OK)
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    return NGX_DECLINED;
}

/* ---- afterwards ------------------------------------------------------------------------------ */

static bool is_gateway_error(ngx_uint_t status)
{
    return status == NGX_HTTP_BAD_GATEWAY || status == NGX_HTTP_GATEWAY_TIME_OUT;
}

/*
 * No upstream was ever connected: bad gateway, or a time-out of connect.  Who got something else for it (a stale page of
 * a cache, that of an error_page) was served.
 */
static bool reached_nobody(const ngx_http_request_t *r)
{
    const ngx_uint_t answered = r->err_status != 0 ? r->err_status : r->headers_out.status;
    if (r->upstream_states == NULL || r->upstream_states->nelts == 0 || r->post_action ||
        !is_gateway_error(answered))
        return false;
    const ngx_http_upstream_state_t *states = r->upstream_states->elts;
    for (ngx_uint_t i = 0; i < r->upstream_states->nelts; i++) {
        if (states[i].connect_time != (ngx_msec_t)-1 || !is_gateway_error(states[i].status))
            return false;
    }
    return true;
}

ngx_int_t check_done(ngx_http_request_t *r)
{
    const struct main_conf *main = ngx_http_get_module_main_conf(r, ngx_http_clientid_module);
    const struct passage *passage = passage_find(r);
    log_finish(r);
    if (passage == NULL || main->process == NULL || r != r->main || !reached_nobody(r))
        return NGX_OK;
    for (struct visit *visit = passage->last; visit != NULL; visit = visit->next)
        visit_refund(main->process->worker, visit, process_now_ns());
    return NGX_OK;
}
