/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CTL_EXPLAIN_H
#define CTL_EXPLAIN_H

#include "ctl.h"
#include "request.h"

#include <jansson.h>

/* All there is to say about one decision. */
struct explanation {
    struct request request;
    const clientid_api *api;
    unsigned wants;   /* CLIENTID_WANTS_* */
    char origin[320]; /* where contracts came from, or why they did not */
    clientid_decision decision;
    clientid_answer answer;
    bool answered; /* |answer| is set */
    char *query;   /* what is forwarded of it */
    size_t query_len;
    char scratch[CLIENTID_SCRATCH_BYTES];
};

/* The |nth| (from 0) query parameter or header line that is not forwarded: its name alone.  False: no more. */
bool explanation_dropped_parameter(const struct explanation *x, size_t nth, clientid_str *name);
bool explanation_dropped_header(const struct explanation *x, size_t nth, clientid_str *name);
/* In milliseconds, rounded up: a client that waits so long has waited enough. */
uint64_t explanation_ms(uint64_t span_ns);
const char *explanation_algorithm(const clientid_limit_report *limit);

/* explain_text.c, explain_json.c: neither shows a value of a header or parameter of the request. */
bool explanation_write_text(FILE *out, const struct explanation *x);
json_t *explanation_to_json(const struct explanation *x);

#endif
