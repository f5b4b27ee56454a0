/* SPDX-License-Identifier: Apache-2.0 */
/* Nothing goes to an upstream before a decision allowed it, and each allowed request is charged once. */
#include "exchange.h"

#include "answer.h"
#include "auth.h"
#include "forward.h"
#include "upstream.h"

#include <stdlib.h>
#include <string.h>

static void on_timer(struct timer *timer);

struct exchange *exchange_new(struct conn *conn, const char *target)
{
    struct worker *worker = conn->worker;
    struct exchange *ex = calloc(1, sizeof *ex);
    char *copy = strdup(target);
    if (ex == NULL || copy == NULL) {
        free(ex);
        free(copy);
        return NULL;
    }
    ex->worker = worker;
    ex->conn = conn;
    ex->config = config_hold(worker->config);
    ex->timer.fire = on_timer;
    ex->target = copy;
    ex->raw.target = target;
    ex->raw.target_len = strlen(target);
    ex->start_ns = monotonic_ns();
    ex->start_real_ns = realtime_ns();
    ex->next = worker->exchanges;
    if (ex->next != NULL)
        ex->next->prev = ex;
    worker->exchanges = ex;
    conn->exchange = ex;
    count(&worker->counters.under_way, 1);
    return ex;
}

static void unlink_kick(struct exchange *ex)
{
    struct exchange **at = &ex->worker->kicked;
    while (*at != NULL && *at != ex)
        at = &(*at)->next_kicked;
    if (*at == ex)
        *at = ex->next_kicked;
    ex->kick = 0;
}

static void unlink_exchange(struct exchange *ex)
{
    if (ex->kick != 0)
        unlink_kick(ex);
    if (ex->next != NULL)
        ex->next->prev = ex->prev;
    if (ex->prev != NULL)
        ex->prev->next = ex->next;
    else
        ex->worker->exchanges = ex->next;
    if (ex->conn->exchange == ex)
        ex->conn->exchange = NULL;
    timer_clear(&ex->worker->timers, &ex->timer);
}

/* An upstream that never saw the request costs the client nothing. */
static void refund(struct exchange *ex)
{
    if (ex->refunded || ex->route == NULL || ex->route->origin == NULL ||
        ex->decision.verdict != CLIENTID_ALLOW || upstream_reached(ex))
        return;
    ex->refunded = true;
    if (clientid_refund(ex->worker->checks, &ex->decision.receipt, realtime_ns()) == 0)
        count(&ex->worker->counters.refunds, 1);
}

static void stop(struct exchange *ex)
{
    timer_clear(&ex->worker->timers, &ex->timer);
    if (ex->course == COURSE_DELAY) {
        clientid_cancel(&ex->decision);
        ex->course = COURSE_ANSWER;
    }
    if (ex->upstream.easy != NULL) {
        refund(ex);
        upstream_stop(ex);
        ex->upstream.failed = true;
    }
}

void exchange_end(struct exchange *ex)
{
    struct worker *worker = ex->worker;
    stop(ex);
    unlink_exchange(ex);
    count(&worker->counters.answers[ex->status / 100 < STATUS_CLASSES ? ex->status / 100 : 0], 1);
    count(&worker->counters.under_way, (uint64_t)-1);
    log_exchange(&worker->log, ex, monotonic_ns());
    if (ex->answer != NULL)
        MHD_destroy_response(ex->answer);
    spool_free(&ex->up);
    spool_free(&ex->down);
    free(ex->upstream.target);
    free(ex->upstream.head);
    free(ex->body);
    free(ex->query);
    free(ex->target);
    config_release(ex->config);
    free(ex);
}

/* ---- waiting --------------------------------------------------------------------------------- */

void exchange_suspend(struct exchange *ex)
{
    if (ex->suspended)
        return;
    MHD_suspend_connection(ex->connection);
    ex->suspended = true;
    if (ex->conn->gone) /* the news came before, and comes only once */
        exchange_kick(ex, KICK_ABORT);
}

void exchange_wake(struct exchange *ex)
{
    if (!ex->suspended)
        return;
    ex->suspended = false;
    ex->worker->run_server = true;
    MHD_resume_connection(ex->connection);
}

void exchange_kick(struct exchange *ex, unsigned what)
{
    if (ex->kick == 0) {
        ex->next_kicked = ex->worker->kicked;
        ex->worker->kicked = ex;
    }
    ex->kick |= what;
}

void exchange_run_kicks(struct worker *worker)
{
    while (worker->kicked != NULL) {
        struct exchange *ex = worker->kicked;
        unsigned what = ex->kick;
        worker->kicked = ex->next_kicked;
        ex->kick = 0;
        if (what & KICK_ABORT) {
            exchange_abort(ex);
            continue;
        }
        if (what & KICK_START)
            upstream_begin(ex);
        if (what & (KICK_SEND | KICK_RECEIVE)) {
            if (what & KICK_SEND)
                ex->upstream.send_paused = false;
            if (what & KICK_RECEIVE)
                ex->upstream.receive_paused = false;
            upstream_unpause(ex);
        }
    }
}

void exchange_abort(struct exchange *ex)
{
    if (ex->aborted)
        return;
    ex->aborted = true;
    if (ex->note == NULL)
        ex->note = "client left";
    if (ex->phase != PHASE_ANSWER)
        ex->status = 499; /* in the log only, as nginx writes it */
    count(&ex->worker->counters.clients_gone, 1);
    stop(ex);
    exchange_wake(ex);
}

/* ---- decision -------------------------------------------------------------------------------- */

static void set_answer(struct exchange *ex, unsigned status, struct MHD_Response *answer)
{
    if (ex->answer != NULL)
        MHD_destroy_response(ex->answer);
    ex->answer = answer;
    ex->status = status;
    ex->course = COURSE_ANSWER;
}

/* The whole answer in place of an upstream's.  |text| becomes a JSON body. */
static void refuse(struct exchange *ex, unsigned status, const char *text)
{
    ex->note = text;
    set_answer(ex, status, answer_text(ex, text));
}

static void deny(struct exchange *ex)
{
    unsigned status = 0;
    struct MHD_Response *answer = answer_denied(ex, &status);
    if (answer == NULL)
        refuse(ex, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory");
    else
        set_answer(ex, status, answer);
}

static bool keep_clean_query(struct exchange *ex)
{
    clientid_str query = ex->request.query;
    free(ex->query);
    ex->query = malloc(query.len + 1);
    ex->query_len = query.len;
    return ex->query != NULL &&
           clientid_strip(&ex->decision, query, ex->query, &ex->query_len) == 0;
}

static void allow(struct exchange *ex)
{
    if (ex->route->origin == NULL) {
        set_answer(ex, MHD_HTTP_OK, answer_allowed(ex));
        return;
    }
    ex->course = COURSE_FORWARD;
    if (!upstream_prepare(ex)) {
        refund(ex);
        refuse(ex, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory");
        return;
    }
    exchange_kick(ex, KICK_START);
}

static void delay(struct exchange *ex)
{
    ex->course = COURSE_DELAY;
    if (!timer_set(&ex->worker->timers, &ex->timer, monotonic_ns() + ex->decision.delay_ns)) {
        clientid_cancel(&ex->decision);
        refuse(ex, MHD_HTTP_SERVICE_UNAVAILABLE, "out of memory");
        return;
    }
    exchange_suspend(ex);
}

/* What a decision, or the lack of one, leads to. */
static void settle(struct exchange *ex, int rv)
{
    if (rv < 0) {
        refuse(ex, MHD_HTTP_INTERNAL_SERVER_ERROR, clientid_strerror(rv));
        return;
    }
    ex->decided = true;
    if (ex->decision.verdict != CLIENTID_DELAY && ex->decision.verdict != CLIENTID_NEED_BODY &&
        !keep_clean_query(ex)) {
        refund(ex);
        refuse(ex, MHD_HTTP_INTERNAL_SERVER_ERROR, "out of memory");
        return;
    }
    switch (ex->decision.verdict) {
    case CLIENTID_ALLOW:
        allow(ex);
        break;
    case CLIENTID_DELAY:
        delay(ex);
        break;
    case CLIENTID_NEED_BODY:
        ex->course = COURSE_BODY;
        break;
    case CLIENTID_DENY:
        deny(ex);
        break;
    }
}

static void decide(struct exchange *ex, unsigned flags, clientid_str body)
{
    ex->request.flags = flags;
    ex->request.body = body;
    ex->request.now_ns = realtime_ns();
    ex->decision.size = sizeof ex->decision;
    uint64_t before_ns = monotonic_ns();
    int rv = clientid_check(ex->worker->checks, ex->route->api, &ex->request, &ex->decision);
    clientid_worker_latency(ex->worker->checks, monotonic_ns() - before_ns);
    settle(ex, rv);
}

void exchange_body_complete(struct exchange *ex)
{
    if (auth_body_unseen(ex)) {
        exchange_body_too_large(ex);
        return;
    }
    decide(ex, CLIENTID_BODY_GIVEN, (clientid_str){ex->body, ex->body_len});
}

void exchange_body_too_large(struct exchange *ex)
{
    decide(ex, CLIENTID_BODY_TOO_LARGE, (clientid_str){NULL, 0});
}

static bool find_route(struct exchange *ex)
{
    switch (route_find(ex->config, ex->head.host, ex->head.path, &ex->route)) {
    case ROUTE_FOUND:
        return true;
    case ROUTE_NONE:
        refuse(ex, MHD_HTTP_NOT_FOUND, "no route");
        return false;
    case ROUTE_AMBIGUOUS:
        break;
    }
    ex->route = NULL;
    refuse(ex, MHD_HTTP_BAD_REQUEST, "ambiguous path");
    return false;
}

void exchange_begin(struct exchange *ex, const char *method, const char *version)
{
    const char *why = NULL;
    const union MHD_ConnectionInfo *peer =
        MHD_get_connection_info(ex->connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    peer_text(peer->client_addr, ex->peer, sizeof ex->peer);
    ex->trusted = trust_has(&ex->config->trust, peer->client_addr);

    ex->raw.method = method;
    ex->raw.version = version;
    ex->head.target = (clientid_str){ex->target, ex->raw.target_len};
    unsigned status =
        head_read(&ex->head, ex->connection, &ex->raw, ex->config->max_header_bytes, &why);
    if (status != 0) {
        ex->close = true;
        refuse(ex, status, why);
        return;
    }
    if (!find_route(ex))
        return;

    ex->request = (clientid_request){.size = sizeof ex->request,
                                     .method = ex->head.method,
                                     .path = ex->head.path,
                                     .query = ex->head.query,
                                     .header = head_header,
                                     .host = &ex->head,
                                     .scratch = ex->scratch,
                                     .scratch_len = sizeof ex->scratch};
    status = ex->route->origin == NULL ? auth_original(ex, &why) : 0;
    if (status != 0) {
        refuse(ex, status, why);
        return;
    }
    if (auth_body_unseen(ex))
        ex->request.header = auth_header;
    decide(ex, 0, (clientid_str){NULL, 0});
    if (ex->course == COURSE_BODY && !ex->head.chunked &&
        ex->head.length > ex->config->max_body_bytes)
        exchange_body_too_large(ex);
}

void exchange_upstream_failed(struct exchange *ex, unsigned status, const char *text)
{
    count(&ex->worker->counters.upstream_failures, 1);
    timer_clear(&ex->worker->timers, &ex->timer);
    ex->upstream.failed = true;
    ex->note = text;
    refund(ex);
    if (ex->phase != PHASE_ANSWER)
        refuse(ex, status, text);
    exchange_wake(ex);
}

/* ---- time ------------------------------------------------------------------------------------ */

static void resume(struct exchange *ex)
{
    ex->request.now_ns = realtime_ns();
    settle(ex, clientid_resume(ex->worker->checks, &ex->request, &ex->decision));
    if (ex->course != COURSE_DELAY)
        exchange_wake(ex);
}

/* An upstream is too slow only while it is its turn: not while the client sends or reads. */
static void watch_upstream(struct exchange *ex)
{
    const struct upstream *up = &ex->upstream;
    uint64_t limit_ns = ex->config->timeouts.upstream_ns;
    uint64_t now_ns = monotonic_ns();
    bool clients_turn = up->receive_paused || (up->send_paused && !ex->body_complete);
    uint64_t since_ns = clients_turn ? now_ns : up->alive_ns;
    if (now_ns < since_ns + limit_ns) {
        (void)timer_set(&ex->worker->timers, &ex->timer, since_ns + limit_ns);
        return;
    }
    stop(ex);
    exchange_upstream_failed(ex, MHD_HTTP_GATEWAY_TIMEOUT, "upstream timed out");
}

static void on_timer(struct timer *timer)
{
    struct exchange *ex = (struct exchange *)((char *)timer - offsetof(struct exchange, timer));
    if (ex->course == COURSE_DELAY)
        resume(ex);
    else if (ex->upstream.easy != NULL)
        watch_upstream(ex);
}
