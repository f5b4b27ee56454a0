/* SPDX-License-Identifier: Apache-2.0 */
/* One client request has one passage, and in it one visit to each API instance: nothing is charged twice. */
#include "visit.h"

/* The client left, or the request is done: a place in a queue is free. */
static void on_pool_end(void *data)
{
    struct passage *passage = data;
    for (struct visit *visit = passage->last; visit != NULL; visit = visit->next) {
        if (visit->timer != NULL && visit->timer->timer_set)
            ngx_del_timer(visit->timer);
        if (visit->held != NULL && visit->held->verdict == CLIENTID_DELAY)
            clientid_cancel(visit->held);
    }
}

struct passage *passage_find(ngx_http_request_t *r)
{
    struct passage *passage = ngx_http_get_module_ctx(r, ngx_http_clientid_module);
    if (passage != NULL || (!r->internal && r == r->main))
        return passage;
    for (ngx_pool_cleanup_t *cleanup = r->pool->cleanup; cleanup != NULL; cleanup = cleanup->next) {
        if (cleanup->handler == on_pool_end)
            return cleanup->data;
    }
    return NULL;
}

struct passage *passage_get(ngx_http_request_t *r)
{
    struct passage *passage = passage_find(r);
    if (passage == NULL) {
        ngx_pool_cleanup_t *cleanup = ngx_pool_cleanup_add(r->pool, sizeof *passage);
        if (cleanup == NULL)
            return NULL;
        passage = cleanup->data;
        ngx_memzero(passage, sizeof *passage);
        cleanup->handler = on_pool_end;
    }
    ngx_http_set_ctx(r, passage, ngx_http_clientid_module);
    /* passage_find looks no further in a main request that came straight from the client. */
    ngx_http_set_ctx(r->main, passage, ngx_http_clientid_module);
    return passage;
}

/* ---- what the client sent -------------------------------------------------------------------- */

static ngx_uint_t count_lines(const ngx_list_t *list)
{
    ngx_uint_t count = 0;
    for (const ngx_list_part_t *part = &list->part; part != NULL; part = part->next)
        count += part->nelts;
    return count;
}

void passage_keep(struct passage *passage, const ngx_http_request_t *r)
{
    if (passage->kept)
        return;
    passage->headers = r->headers_in.headers;
    passage->header_count = count_lines(&passage->headers);
    passage->target = r->unparsed_uri;
    passage->kept = 1;
}

struct lines passage_lines(const struct passage *passage, const ngx_http_request_t *r)
{
    if (passage != NULL && passage->kept)
        return (struct lines){&passage->headers.part, passage->header_count};
    return (struct lines){&r->headers_in.headers.part, NGX_MAX_SIZE_T_VALUE};
}

ngx_str_t passage_target(const struct passage *passage, const ngx_http_request_t *r)
{
    return passage != NULL && passage->kept ? passage->target : r->unparsed_uri;
}

/* ---- visits ---------------------------------------------------------------------------------- */

struct visit *visit_find(const struct passage *passage, const clientid_api *api)
{
    struct visit *visit = passage->last;
    while (visit != NULL && visit->api != api)
        visit = visit->next;
    return visit;
}

struct visit *visit_get(ngx_http_request_t *r, const clientid_api *api)
{
    struct passage *passage = passage_get(r);
    if (passage == NULL)
        return NULL;
    struct visit *visit = visit_find(passage, api);
    if (visit != NULL)
        return visit;
    visit = &passage->first;
    if (passage->last != NULL)
        visit = ngx_pcalloc(r->pool, sizeof *visit);
    if (visit == NULL)
        return NULL;
    visit->api = api;
    visit->next = passage->last;
    visit->shadow = CLIENTID_REASON_COUNT;
    visit->remaining = UINT64_MAX;
    passage->last = visit;
    return visit;
}

static u_char *copy_text(ngx_str_t *to, clientid_str from, u_char *room)
{
    to->data = room;
    to->len = from.len;
    return from.len != 0 ? ngx_cpymem(room, from.ptr, from.len) : room;
}

/* What is left of the limit that has the least left, shown to clients or not. */
static uint64_t least_remaining(const clientid_decision *decision)
{
    uint64_t least = UINT64_MAX;
    for (uint32_t i = 0; i < decision->limit_count; i++) {
        if (!(decision->limits[i].flags & CLIENTID_LIMIT_SHADOW))
            least = ngx_min(least, decision->limits[i].remaining);
    }
    return least;
}

ngx_int_t visit_record(ngx_http_request_t *r, struct visit *visit,
                       const clientid_decision *decision)
{
    const size_t charges = decision->receipt.count * sizeof decision->receipt.entry[0];
    const size_t texts = decision->client_id.len + decision->client_name.len + decision->tier.len;
    u_char *room = ngx_palloc(r->pool, charges + texts + 1);
    if (room == NULL)
        return NGX_ERROR;
    visit->reason = decision->reason;
    visit->shadow = CLIENTID_REASON_COUNT;
    if (decision->shadow_denied)
        visit->shadow = decision->shadow_reason;
    visit->verified = decision->verified;
    /* An id without a contract may be a secret in the wrong place, so it is not shown. */
    visit->known =
        decision->contract_id != 0 && (decision->verified || decision->verdict == CLIENTID_DENY);
    visit->answer = decision->answer;
    visit->remaining = least_remaining(decision);
    visit->charge_count = decision->receipt.count;
    visit->charges = room;
    room = ngx_cpymem(room, decision->receipt.entry, charges);
    room = copy_text(&visit->id, decision->client_id, room);
    room = copy_text(&visit->name, decision->client_name, room);
    (void)copy_text(&visit->tier, decision->tier, room);
    return NGX_OK;
}

void visit_refund(clientid_worker *worker, struct visit *visit, uint64_t now_ns)
{
    clientid_receipt receipt = {.count = visit->charge_count};
    if (visit->charge_count == 0)
        return;
    ngx_memcpy(receipt.entry, visit->charges, visit->charge_count * sizeof receipt.entry[0]);
    (void)clientid_refund(worker, &receipt, now_ns);
    visit->charge_count = 0;
}
