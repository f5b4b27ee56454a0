/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PORTAL_TARGET_H
#define PORTAL_TARGET_H

#include "call.h"

/*
 * Cuts the request target into path and query, and decodes the query's parameters.  False with a 400 for what has more than one reading: control
 * characters, bad escapes, dot segments, an escaped slash, invalid UTF-8, a parameter twice.
 */
bool target_read(struct call *call);

/* Percent-decodes in place, '+' as a space when |form|; false for bad escapes, NUL, and what is not UTF-8. */
bool target_decode(char *text, size_t *len, bool form);

/* "a=b&c=d" into |pairs|, in place; NULL, or what is wrong with it. */
const char *target_pairs(char *text, struct call_pair *pairs, size_t max, size_t *count);

#endif
