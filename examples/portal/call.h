/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PORTAL_CALL_H
#define PORTAL_CALL_H

#include "route.h"

#include <clientid/account.h>

#include <jansson.h>
#include <microhttpd.h>
#include <stdbool.h>
#include <stdint.h>

struct portal;

#define CALL_PARAMETERS_MAX 8  /* of a path */
#define CALL_QUERY_MAX      32 /* parameters of a query */
#define CALL_HEADERS_MAX    4  /* of an answer, besides those that all have */

struct call_pair {
    clientid_str name, value;
};

enum call_phase { CALL_HEAD, CALL_BODY, CALL_SUSPENDED, CALL_ANSWERED };

/* One request in hand, from its request line to its answer. */
struct call {
    struct portal *portal;
    struct MHD_Connection *connection;
    const struct route *route;
    enum call_phase phase;

    char *target; /* as it came; path and query point into it, decoded in place */
    clientid_str path;
    struct call_pair parameters[CALL_PARAMETERS_MAX];
    size_t parameter_count;
    struct call_pair query[CALL_QUERY_MAX];
    size_t query_count;
    char address[64];  /* of the client */
    uint64_t begun_ns; /* monotonic */

    char *body;
    size_t body_len, body_cap;
    json_t *json; /* of |body|, checked against the route's schema */

    clientid_control *control; /* while the handler runs; acts for |caller| */
    bool identified;
    clientid_caller caller;

    /* A handler that wants to wait for a change (feed). */
    bool woken; /* it waited already */
    uint64_t wait_ns, wait_revision;
    struct call *next; /* in a queue: of the slow lane, of those that wait */

    unsigned status; /* 0: no answer yet */
    char *text;      /* owned */
    size_t text_len;
    bool secret; /* |text| is wiped before it is freed */
    const char *type;
    struct call_header {
        const char *name;
        char value[512];
    } headers[CALL_HEADERS_MAX];
    size_t header_count;
};

/* ---- asking ---------------------------------------------------------------------------------- */

/* A parameter of the path by its name in the template; {NULL, 0} when there is none. */
clientid_str call_parameter(const struct call *call, const char *name);
/* The same as a number; false with a 404 when it is none. */
bool call_number(struct call *call, const char *name, uint64_t *out);
/* A parameter of the query; false when it is not there. */
bool call_query(const struct call *call, const char *name, clientid_str *out);
/* The same as a number from |min| to |max|; |otherwise| when it is not there; false with a 400 when it is wrong. */
bool call_query_number(struct call *call, const char *name, uint64_t min, uint64_t max,
                       uint64_t otherwise, uint64_t *out);
/* "true" or "false". */
bool call_query_flag(struct call *call, const char *name, bool otherwise, bool *out);
/* A header of the request, NULL when it is not there. */
const char *call_header(const struct call *call, const char *name);
/* A text of the body's object, {NULL, 0} when it is not there or null; a number that may be text, 0 then. */
clientid_str call_text(const struct call *call, const char *key);
uint64_t call_id(const struct call *call, const char *key);

/* ---- answering ------------------------------------------------------------------------------- */

/* Takes |json|; NULL is out of memory. */
void call_answer(struct call *call, unsigned status, json_t *json);
/* Has a secret in it: wiped when it was sent. */
void call_answer_secret(struct call *call, unsigned status, json_t *json);
/* Takes |text|, malloc'ed. */
void call_answer_text(struct call *call, unsigned status, char *text, size_t len, const char *type);
void call_answer_empty(struct call *call, unsigned status);
/* In the words of the vendor whose path it is; |pointer| "" or the field at fault. */
void call_refuse(struct call *call, unsigned status, const char *pointer, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
/* What a function of the library said. */
void call_error(struct call *call, int rc, const clientid_error *error);
void call_add_header(struct call *call, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A text that came from clientid_..._to_json as a value; NULL when it is NULL or broken.  Frees it. */
json_t *call_take_json(char *text);

#endif
