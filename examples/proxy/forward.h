/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROXY_FORWARD_H
#define PROXY_FORWARD_H

#include "exchange.h"

#define FORWARD_HEAD_BYTES_MAX 65536 /* of an upstream's answer */

/* The header lines and the target of the request to the upstream.  False when memory ended. */
bool forward_lines(const struct exchange *ex, struct curl_slist **out);
char *forward_target(const struct exchange *ex);

/* Takes one header line of the upstream's answer.  False when memory ended or the head is too large. */
bool forward_take_line(struct exchange *ex, clientid_str line);

/* The upstream's answer as one for the client; NULL when memory ended or a line of it is malformed or too long. */
struct MHD_Response *forward_answer(struct exchange *ex, MHD_ContentReaderCallback body);

/* The values of the identity headers, NUL-terminated, controls replaced; false when there is none. */
bool forward_identity(const struct exchange *ex, unsigned which, char *out, size_t size);

#endif
