/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__BODY_H
#define CLIENTID__BODY_H

#include "extract/value.h"

/* Each sets |value| of every one of |params|.  0, CLIENTID_ERR_SPACE, or what the header function returned. */

/* application/x-www-form-urlencoded */
int clientid__form_read(const struct clientid__reader *reader, struct clientid__param *params,
                        size_t count);
/* multipart/form-data (RFC 7578) */
int clientid__parts_read(const struct clientid__reader *reader, struct clientid__param *params,
                         size_t count);

/*
 * Whether the request has a body of |media_type|: |state->reason| _ALLOWED and the body in |state->text|, _ID_MISSING
 * (another type, no body), _BODY_NEEDED, _BODY_TOO_LARGE or why it is refused.  |*parameters| is what follows
 * the type.
 */
int clientid__body_open(const struct clientid__reader *reader, clientid_str media_type,
                        clientid_str *parameters, struct clientid__value *state);

/* |charset| is one in which ASCII bytes are what they seem. */
bool clientid__charset_plain(clientid_str charset);

#endif
