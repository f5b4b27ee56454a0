/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__QUERY_H
#define CLIENTID__QUERY_H

#include "extract/value.h"

/*
 * Goes through |text| once and sets |value| of each of |params|, 1 to CLIENTID__PARAMS_MAX.  |url_flags|: CLIENTID__URL_PLUS.  0 or
 * CLIENTID_ERR_SPACE.  The same rules for a query and a urlencoded body (WHATWG URL section 5.1).
 */
int clientid__pairs_read(const struct clientid__reader *reader, clientid_str text,
                         unsigned url_flags, struct clientid__param *params, size_t count);

/* The request's query, within its caps.  0 or CLIENTID_ERR_SPACE. */
int clientid__query_read(const struct clientid__reader *reader, struct clientid__param *params,
                         size_t count);

#endif
