/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPPORT_GUARD_H
#define SUPPORT_GUARD_H

#include <clientid/check.h>

/*
 * Requests for tests.  Every slice ends where an unreadable page begins, so that reading one byte too far
 * faults without a sanitizer (as picohttpparser's tests do).
 */

/* A copy of |bytes| before an unreadable page; released by support_guard_free with the same length. */
clientid_str support_guard(const void *bytes, size_t len);
void support_guard_free(clientid_str guarded);

enum { SUPPORT_HEADERS_MAX = 40 };

struct support_guarded {
    clientid_request request;
    size_t header_count;
    struct {
        clientid_str name, value;
    } headers[SUPPORT_HEADERS_MAX];
    clientid_str body; /* not yet given; support_guarded_give_body */
    char scratch[CLIENTID_SCRATCH_BYTES];
    clientid_str guarded[SUPPORT_HEADERS_MAX * 2 + 4];
    size_t guarded_count;
    int header_error; /* below 0: what the header function returns */
};

/*
 * Takes a raw HTTP/1.1 request apart: method, path, query and header lines as they are, the rest is the body.
 * 0, or -1 when it has no request line, a line without a colon, or no empty line.
 */
int support_guarded_parse(struct support_guarded *t, clientid_str raw);
void support_guarded_free(struct support_guarded *t);
/* What a host does after CLIENTID_NEED_BODY. */
void support_guarded_give_body(struct support_guarded *t);

#endif
