/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CTL_LIMITS_TEXT_H
#define CTL_LIMITS_TEXT_H

#include <clientid/source.h>

#include <stdio.h>

/*
 * Limits as people write them: COUNT/PERIOD[:hidden], PERIOD a unit or a number and a unit out of ms, s, m,
 * h, d; "100/1m", "5/s", "10000/1d:hidden".
 */

/* NULL, or what is wrong with |text|. */
const char *limit_parse(const char *text, clientid_limit *limit);
/* The shortest of the spellings above: "100/1m". */
void limit_format(const clientid_limit *limit, char *out, size_t size);
/* Several with a comma between them, "unlimited" for none. */
void limits_format(const clientid_limit *limits, size_t count, char *out, size_t size);

#endif
