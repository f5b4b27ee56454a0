/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CTL_REQUEST_H
#define CTL_REQUEST_H

#include "ctl.h"

enum { REQUEST_HEADERS_MAX = 128 };

/* One HTTP request as a host would hold it: raw.  Slices point into |text| and the command line. */
struct request {
    clientid_str method, path, query, body;
    struct {
        clientid_str name, value;
    } headers[REQUEST_HEADERS_MAX];
    size_t header_count;
    char *text; /* what was read, wiped by request_free */
    size_t text_len;
    char *body_text;
    size_t body_len;
};

/* From --request FILE|-, or -X, -H, --body and |target|.  0 or an exit code, reported. */
int request_read(struct ctl *ctl, const char *target, struct request *request);
void request_free(struct request *request);

/* A clientid_header_fn over a struct request. */
int request_header(void *host, clientid_str lower_name, size_t nth, clientid_str *value);

#endif
