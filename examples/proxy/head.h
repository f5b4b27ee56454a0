/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROXY_HEAD_H
#define PROXY_HEAD_H

#include <clientid/clientid.h>

#include <microhttpd.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#define HEAD_LINES_MAX 200 /* header lines of one request */

struct head_line {
    clientid_str name;
    clientid_str value; /* without white space around it (RFC 9110 section 5.5) */
};

/* The head of one request, as received.  Slices point into libmicrohttpd's buffer and |target|. */
struct head {
    clientid_str method;
    clientid_str target; /* the caller's copy */
    clientid_str path;   /* of the target, up to the first '?' */
    clientid_str query;
    bool has_query;    /* there was a '?' */
    clientid_str host; /* of an absolute-form target, else the Host line; may be empty */
    bool http_1_0;
    bool chunked;
    bool expects; /* Expect: 100-continue */
    bool has_length;
    uint64_t length; /* Content-Length */
    size_t line_count;
    struct head_line lines[HEAD_LINES_MAX];
};

/* Where the request line lies in libmicrohttpd's buffer. */
struct head_raw {
    const char *method;
    const char *target;
    size_t target_len;
    const char *version;
};

/*
 * Reads and checks the head.  |head->target| must be set.  Returns 0, or the status of the refusal with |*why|
 * set to a static text; the connection must then be closed, since its framing cannot be trusted.
 */
unsigned head_read(struct head *head, struct MHD_Connection *connection, const struct head_raw *raw,
                   size_t max_bytes, const char **why);

/* The |nth| line of that name, without regard to case. */
bool head_line(const struct head *head, const char *name, size_t nth, clientid_str *value);

/* clientid_header_fn over a struct head. */
int head_header(void *host, clientid_str lower_name, size_t nth, clientid_str *value);

bool head_has_body(const struct head *head);

/* Case-insensitive comparisons of slices; "names_alike" also takes '_' for '-', as CGI and WSGI do. */
bool text_is(clientid_str text, const char *other);
/* Without spaces and tabs around it. */
clientid_str text_trim(clientid_str text);
bool text_same(clientid_str a, clientid_str b);
bool text_equal(clientid_str a, clientid_str b); /* with regard to case */
bool names_alike(clientid_str name, const char *other);

/* The next element of a comma list (RFC 9110 section 5.6.1), trimmed; false at the end. */
bool list_next(clientid_str *rest, clientid_str *element);

#endif
