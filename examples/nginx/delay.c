/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A request that waits holds nothing but its memory: no thread, no lock, no quota.  Each has a timer of its own, and not
 * its connection's, which all subrequests share.
 */
#include "delay.h"

enum { FOLLOW_MS = 10 };

static void on_timer(ngx_event_t *event)
{
    ngx_http_request_t *r = event->data;
    ngx_connection_t *connection = r->connection;
    ngx_http_log_ctx_t *context = connection->log->data;
    struct passage *passage = passage_find(r);
    for (struct visit *visit = passage->last; visit != NULL; visit = visit->next) {
        if (visit->timer == event && visit->state == VISIT_WAITING)
            visit->state = VISIT_DUE;
    }
    context->current_request = r;
    if (r == r->main)
        r->read_event_handler = ngx_http_block_reading;
    r->write_event_handler = ngx_http_core_run_phases;
    ngx_http_core_run_phases(r);
    ngx_http_run_posted_requests(connection);
}

/* A client that hangs up is noticed while its main request waits. */
static ngx_int_t watch(ngx_http_request_t *r)
{
    ngx_event_t *read = r->connection->read;
    r->write_event_handler = ngx_http_request_empty_handler;
    if (r != r->main)
        return NGX_OK;
    r->read_event_handler = ngx_http_test_reading;
    if (read->ready) {
        ngx_post_event(read, &ngx_posted_events);
        return NGX_OK;
    }
    return ngx_handle_read_event(read, 0);
}

static void on_pool_end(void *data)
{
    ngx_event_t *timer = data;
    if (timer->timer_set)
        ngx_del_timer(timer);
}

static ngx_event_t *timer_new(ngx_http_request_t *r)
{
    ngx_pool_cleanup_t *cleanup = ngx_pool_cleanup_add(r->pool, sizeof(ngx_event_t));
    if (cleanup == NULL)
        return NULL;
    ngx_event_t *timer = cleanup->data;
    ngx_memzero(timer, sizeof *timer);
    timer->handler = on_timer;
    timer->data = r;
    timer->log = r->connection->log;
    cleanup->handler = on_pool_end;
    return timer;
}

/* The ticket moves: only one of the two decisions may give it back. */
static bool hold(ngx_http_request_t *r, struct visit *visit, clientid_decision *decision)
{
    if (decision == visit->held)
        return true;
    visit->held = ngx_palloc(r->pool, sizeof *decision);
    if (visit->held == NULL)
        return false;
    *visit->held = *decision;
    decision->ticket.held = 0;
    return true;
}

ngx_int_t delay_start(ngx_http_request_t *r, struct visit *visit, clientid_decision *decision)
{
    /* One more, since both clocks are read in whole milliseconds: a retry that comes early is a wasted attempt. */
    const uint64_t delay_ms = decision->delay_ns / 1000000 + 1;
    if (visit->timer == NULL)
        visit->timer = timer_new(r);
    if (visit->timer == NULL || !hold(r, visit, decision) || watch(r) != NGX_OK) {
        clientid_cancel(decision);
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    }
    visit->state = VISIT_WAITING;
    visit->owner = r;
    visit->delayed_ms += delay_ms;
    ngx_add_timer(visit->timer, (ngx_msec_t)delay_ms);
    return NGX_DONE;
}

/* An address of its own, by which follow_timer knows its timers. */
static void on_follow_end(void *data)
{
    on_pool_end(data);
}

/* The same one all the time: who is followed may wait for minutes. */
static ngx_event_t *follow_timer(ngx_http_request_t *r)
{
    for (ngx_pool_cleanup_t *cleanup = r->pool->cleanup; cleanup != NULL; cleanup = cleanup->next) {
        ngx_event_t *timer = cleanup->data;
        if (cleanup->handler == on_follow_end && timer->data == r)
            return timer;
    }
    ngx_event_t *timer = timer_new(r);
    if (timer != NULL)
        r->pool->cleanup->handler = on_follow_end;
    return timer;
}

ngx_int_t delay_follow(ngx_http_request_t *r)
{
    ngx_event_t *timer = follow_timer(r);
    if (timer == NULL || watch(r) != NGX_OK)
        return NGX_HTTP_INTERNAL_SERVER_ERROR;
    ngx_add_timer(timer, FOLLOW_MS);
    return NGX_DONE;
}
