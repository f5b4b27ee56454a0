/* SPDX-License-Identifier: Apache-2.0 */
#ifndef NGINX_VISIT_H
#define NGINX_VISIT_H

#include "module.h"

/* Header lines of a request, of which only the first |count| count: nginx and we add to the list later. */
struct lines {
    const ngx_list_part_t *part;
    ngx_uint_t count;
};

/* How far one client request has come with one API instance. */
enum visit_state {
    VISIT_NEW,     /* to be decided, perhaps with a body that was read meanwhile */
    VISIT_BODY,    /* its body is being read */
    VISIT_WAITING, /* it waits for quota */
    VISIT_DUE,     /* it has waited */
    VISIT_OPEN, /* it passed because no policy applies to its path; another path is another question */
    VISIT_ALLOWED, /* it was charged, if there is anything to charge */
    VISIT_DENIED
};

struct visit {
    struct visit *next;
    const clientid_api *api;
    enum visit_state state;
    ngx_http_request_t
        *owner;            /* BODY, WAITING, DUE: who goes on with it; DENIED: who was refused */
    unsigned known : 1;    /* |id|, |name|, |tier| may be shown */
    unsigned verified : 1; /* and passed on */
    clientid_reason reason;
    clientid_reason shadow; /* CLIENTID_REASON_COUNT: none */
    ngx_str_t id;
    ngx_str_t name;
    ngx_str_t tier;
    uint64_t remaining; /* UINT64_MAX: no limit */
    uint64_t delayed_ms;
    const void *answer; /* of the decision: what is stripped */
    const ngx_http_request_t
        *cleaned; /* whose header lines and query were made fit to pass on last */
    uint32_t charge_count;
    void *charges; /* entries of a receipt */

    clientid_decision *held; /* WAITING, DUE: it has the ticket */
    ngx_event_t *timer;
    clientid_str path; /* that the held decision was made for */
    clientid_str body;
    unsigned flags; /* CLIENTID_BODY_GIVEN, CLIENTID_BODY_TOO_LARGE */
};

/*
 * What is remembered of one client request, with all its subrequests and internal redirects.  It hangs on the pool and
 * not on the module context, which internal redirects clear.
 */
struct passage {
    struct visit *last; /* the newest one */
    ngx_list_t headers; /* as the client sent them, once |kept| */
    ngx_uint_t header_count;
    ngx_str_t target;
    unsigned kept : 1;
    struct visit first;
};

/* NULL when nothing was asked about the request yet. */
struct passage *passage_find(ngx_http_request_t *r);
/* Finds or makes it.  NULL without memory. */
struct passage *passage_get(ngx_http_request_t *r);

/* Keeps header lines and target, once, before anything is changed. */
void passage_keep(struct passage *passage, const ngx_http_request_t *r);
/* What the client sent, changed since or not; |passage| may be NULL. */
struct lines passage_lines(const struct passage *passage, const ngx_http_request_t *r);
ngx_str_t passage_target(const struct passage *passage, const ngx_http_request_t *r);

struct visit *visit_find(const struct passage *passage, const clientid_api *api);
/* Finds or makes it.  NULL without memory. */
struct visit *visit_get(ngx_http_request_t *r, const clientid_api *api);

/* Copies what a decision says: its slices end with the next one.  NGX_ERROR without memory. */
ngx_int_t visit_record(ngx_http_request_t *r, struct visit *visit,
                       const clientid_decision *decision);

/* Gives back what an upstream that was never reached has cost. */
void visit_refund(clientid_worker *worker, struct visit *visit, uint64_t now_ns);

#endif
