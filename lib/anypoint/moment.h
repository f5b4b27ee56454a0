/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__ANYPOINT_MOMENT_H
#define CLIENTID__ANYPOINT_MOMENT_H

#include <clientid/types.h>

#include <stdbool.h>

/* An RFC 3339 date and time, from 1970 to 2261; digits of a second beyond the ninth are dropped. */
bool clientid__moment_parse(const char *text, uint64_t *time_ns);

/* Digits and one of ms s m h d, as in the gateway's configuration. */
bool clientid__span_parse(const char *text, uint64_t *ns);

#endif
