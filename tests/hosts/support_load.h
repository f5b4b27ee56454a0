/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPPORT_LOAD_H
#define SUPPORT_LOAD_H

#include <stdint.h>

/*
 * Load over HTTP/1.1 that survives what it tests: a connection that is reset or refused is made anew, and a request
 * that got no answer is counted and not sent again.  It is safe to assume nothing about such a request: the server may
 * have admitted it or not.
 */
struct load_options {
    unsigned port;
    const char *target;   /* of a GET, such as "/orders/1" */
    const char *lines;    /* more header lines, each with "\r\n"; NULL: none */
    unsigned connections; /* kept alive; 1 to LOAD_CONNECTIONS_MAX */
    uint64_t requests;    /* of all connections together; 0: until load_stop */
    unsigned pause_ms;    /* of a connection between an answer and its next request */
};

#define LOAD_CONNECTIONS_MAX 256
#define LOAD_STATUS_MAX      600

/* sent == answered + unknown, once it has ended. */
struct load_result {
    uint64_t sent;     /* requests of which at least a byte was written */
    uint64_t answered; /* whole heads of final answers */
    uint64_t unknown;  /* in flight when their connection ended: no answer */
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
