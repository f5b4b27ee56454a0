/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENVOY_LINES_H
#define ENVOY_LINES_H

#include "abi.h"

#include <clientid/clientid.h>

#define LINES_ROOM 64

/* The header lines of a request, or its trailers, as Envoy holds them, until the hook returns or something is set. */
struct lines {
    struct abi_pair *at;
    size_t count;
    struct abi_pair room[LINES_ROOM];
};

/* |type|: ABI_REQUEST_HEADERS or ABI_REQUEST_TRAILERS.  False when memory ended. */
bool lines_read(struct lines *lines, void *envoy, int type);
void lines_free(struct lines *lines);

/* The |nth| line of that name, in lower case. */
bool lines_find(const struct lines *lines, clientid_str name, size_t nth, clientid_str *value);
/* clientid_header_fn over struct lines. */
int lines_header(void *host, clientid_str lower_name, size_t nth, clientid_str *value);

/* Method, path and query as they came; the caller sets the rest. */
void lines_request(const struct lines *lines, clientid_request *request);

#endif
