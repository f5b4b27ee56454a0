/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__HEADER_H
#define CLIENTID__HEADER_H

#include "extract/value.h"

/*
 * The one header line of that name, trimmed.  |line->reason|: _ALLOWED, _ID_MISSING (no line, or an empty
 * one), _AMBIGUOUS (several lines), _MALFORMED (a control other than tab).  0, or what the host's function
 * returned below 0, or CLIENTID_ERR_ARG when there is no such function.
 */
int clientid__header_line(const clientid_request *request, clientid_str lower_name,
                          struct clientid__value *line);

/* A credential in a header line of its own; |name| in any case.  Errors as clientid__header_line. */
int clientid__header_read(const struct clientid__reader *reader, clientid_str name,
                          struct clientid__value *value);

/* |c| may be part of a token (RFC 9110 section 5.6.2). */
bool clientid__is_token_char(char c);
/* Length of the token that |text| begins with. */
size_t clientid__token_len(clientid_str text);

/*
 * Cuts the next parameter off |*rest|, which begins at a ';' or white space (RFC 9110 section 5.6.6).
 * 1, 0 at the end, -1 when it is no parameter.  |*value| is without its quotes, backslashes are as they were.
 */
int clientid__parameter_next(clientid_str *rest, clientid_str *name, clientid_str *value);

#endif
