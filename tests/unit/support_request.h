/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPPORT_REQUEST_H
#define SUPPORT_REQUEST_H

#include <clientid/check.h>

/* A raw HTTP/1.1 request as a host would hand it over.  Slices point into |raw|, which must stay. */
struct support_request {
    clientid_request request;
    size_t header_count;
    clientid_header headers[256];
    char scratch[CLIENTID_SCRATCH_BYTES];
};

/*
 * Splits |raw| at CRLF (or LF), takes the body as all after the empty line.  |now_ns| is the request's time.  The body
 * is not given: set CLIENTID_BODY_GIVEN and |body| from support_request_body when asked for it.  0, or -1 when |raw|
 * has no request line of three words.
 */
int support_request_parse(struct support_request *r, clientid_str raw, uint64_t now_ns);
clientid_str support_request_body(clientid_str raw);

/* clientid_check, and again with the body when it is needed. */
int support_request_check(struct support_request *r, clientid_worker *worker,
                          const clientid_api *api, clientid_str raw, clientid_decision *decision);

#endif
