/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROXY_EXCHANGE_H
#define PROXY_EXCHANGE_H

#include "head.h"
#include "route.h"
#include "spool.h"
#include "worker.h"

/* How far libmicrohttpd has come with the request. */
enum phase {
    PHASE_HEAD,
    PHASE_BODY,  /* the body is coming, or there is none */
    PHASE_ANSWER /* an answer was queued */
};

/* What is to become of the request. */
enum course {
    COURSE_NEW,
    COURSE_BODY,  /* its body is kept until a decision can be taken */
    COURSE_DELAY, /* it waits for quota */
    COURSE_FORWARD,
    COURSE_ANSWER /* |answer| is ready */
};

enum { KICK_START = 1, KICK_SEND = 2, KICK_RECEIVE = 4, KICK_ABORT = 8 };

/* What came back from an upstream. */
struct upstream {
    CURL *easy; /* NULL when no transfer is under way */
    struct curl_slist *lines;
    char *target;
    bool started;
    bool streamed; /* part of the body went out that was not kept */
    bool chunked;
    bool send_paused, receive_paused;
    bool ready;   /* the head is complete */
    bool done;    /* no transfer any more */
    bool failed;  /* it ended before the whole answer was there */
    bool reached; /* it saw at least a byte of the request */
    unsigned status;
    bool has_length;
    uint64_t length;
    uint64_t alive_ns; /* CLOCK_MONOTONIC, last sign of life */
    char *head;        /* header lines "Name: value\0" one after the other */
    size_t head_len, head_cap;
};

/* One request and its answer. */
struct exchange {
    struct worker *worker;
    struct conn *conn;
    struct MHD_Connection *connection;
    struct exchange *next, *prev;
    struct exchange *next_kicked;
    unsigned kick;
    struct config *config;
    const struct route *route;
    enum phase phase;
    enum course course;
    bool suspended; /* libmicrohttpd leaves the connection alone */
    bool aborted;
    bool close;   /* the connection cannot be used again */
    bool trusted; /* the peer's X-Forwarded-* are believed */
    bool decided;
    bool body_complete;
    bool refunded;
    char peer[48];

    char *target; /* NUL-terminated copy */
    struct head_raw raw;
    struct head head;
    char *query; /* without credentials; NULL until decided */
    size_t query_len;

    clientid_request request;
    clientid_decision decision;
    char scratch[CLIENTID_SCRATCH_BYTES];

    char *body; /* COURSE_BODY: kept as it was, decision slices may point into it */
    size_t body_len, body_cap, body_sent;
    struct spool up, down;
    struct upstream upstream;

    struct MHD_Response *answer;
    unsigned status;  /* of the answer to the client */
    uint64_t bytes;   /* of its body */
    const char *note; /* for the log: what went wrong */
    struct timer timer;
    uint64_t start_ns; /* CLOCK_MONOTONIC */
    uint64_t start_real_ns;
};

/* When the request line is there.  NULL when memory ended. */
struct exchange *exchange_new(struct conn *conn, const char *target);
/* When libmicrohttpd is done with the request: logs and frees. */
void exchange_end(struct exchange *ex);

/* When the whole head is there: checks it, finds the route and decides. */
void exchange_begin(struct exchange *ex, const char *method, const char *version);
/* The body that a decision needs is complete, or too large. */
void exchange_body_complete(struct exchange *ex);
void exchange_body_too_large(struct exchange *ex);

/* The client is gone, or the time to stop is over. */
void exchange_abort(struct exchange *ex);

/* Stops and starts libmicrohttpd's work on the connection. */
void exchange_suspend(struct exchange *ex);
void exchange_wake(struct exchange *ex);

/* Has the worker's loop do something that must not be done inside a callback. */
void exchange_kick(struct exchange *ex, unsigned what);
void exchange_run_kicks(struct worker *worker);

/* A transfer ended without a whole answer. */
void exchange_upstream_failed(struct exchange *ex, unsigned status, const char *text);

#endif
