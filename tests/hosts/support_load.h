/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPPORT_LOAD_H
#define SUPPORT_LOAD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define LOAD_BODY_MAX 64

/* The end of one request. */
struct load_event {
    unsigned choice;
    unsigned status;             /* 0: no answer */
    bool left;                   /* no answer, because the client did not wait for it */
    bool whole;                  /* the answer was HTTP and its body complete */
    bool reused;                 /* not the first request on its connection */
    uint64_t begun_ms, ended_ms; /* CLOCK_MONOTONIC */
    char body[LOAD_BODY_MAX];    /* how it begins; NUL-terminated */
};

/*
 * Load over HTTP/1.1 that survives what it tests: a connection that is reset or refused is made anew, and a request
 * that got no answer is counted and not sent again.  It is safe to assume nothing about such a request: the server may
 * have admitted it or not.
 */
struct load_options {
    unsigned port;
    const char *method;   /* NULL: GET */
    const char *target;   /* such as "/orders/1" */
    const char *lines;    /* more header lines, each with "\r\n"; NULL: none */
    const char *body;     /* sent with its length; NULL: none */
    unsigned connections; /* kept alive; 1 to LOAD_CONNECTIONS_MAX */
    uint64_t requests;    /* of all connections together; 0: until load_stop */
    unsigned pause_ms;    /* of a connection between an answer and its next request */
    unsigned leave_ms;    /* who has no answer by then closes the connection; 0: nobody leaves */
    /*
     * Both run in the thread of the load and may be NULL.  |choose| writes the target of the next request, of at most
     * LOAD_TARGET_MAX bytes; what it returns is the event's |choice|.  |seen| hears of the end of every request.
     */
    unsigned (*choose)(void *self, char *target, size_t size);
    void (*seen)(void *self, const struct load_event *event);
    void *self;
};

#define LOAD_CONNECTIONS_MAX 256
#define LOAD_STATUS_MAX      600
#define LOAD_TARGET_MAX      256

/* sent == answered + unknown + left, once it has ended. */
struct load_result {
    uint64_t sent;     /* requests of which at least a byte was written */
    uint64_t answered; /* whole heads of final answers */
    uint64_t unknown;  /* in flight when their connection ended: no answer */
    uint64_t left;     /* given up by the client: no answer */
    uint64_t cut;      /* of those answered: the body ended too early */
    uint64_t broken;   /* of those answered: what came was not HTTP */
    uint64_t refused;  /* connections that could not be made, each tried again */
    uint64_t by_status[LOAD_STATUS_MAX];
};

struct load;

/* Starts a thread.  NULL when memory or threads ended. */
struct load *load_start(const struct load_options *options);
/* How many answers came until now. */
uint64_t load_answered(const struct load *load);
/* No further requests; those in flight are waited for. */
void load_stop(struct load *load);
/*
 * Waits for the end and frees.  Gives up, with what was sent counted as unknown, when for 20 s nothing at all
 * happened; 0 when the end was regular, else -1.
 */
int load_wait(struct load *load, struct load_result *result);

#endif
