/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__DURATION_H
#define CLIENTID__DURATION_H

#include <clientid/types.h>

/* Spans of time and limits as people write them: 500ms, 30d, 100/1m, 5/s.  No white space, no fractions. */

/* Digits and one of ms s m h d; "0" alone is zero.  0, or CLIENTID_ERR_SYNTAX, also for what 64 bits cannot hold. */
int clientid__duration_parse(clientid_str text, uint64_t *ns);

/* N/[n]unit.  0, or CLIENTID_ERR_SYNTAX, also for a count or period of 0. */
int clientid__limit_parse(clientid_str text, uint64_t *maximum, uint64_t *period_ms);

enum { CLIENTID__DURATION_TEXT = 24 };
/* The shortest spelling: 90s, 1m, 1d; less than a millisecond rounds up.  Returns its length; no NUL. */
size_t clientid__duration_write(uint64_t ns, char out[CLIENTID__DURATION_TEXT]);

/* |number| in decimal, no NUL; |out| has room for 20 digits.  Returns the length. */
size_t clientid__decimal_write(uint64_t number, char *out);

#endif
