/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CTL_TIME_TEXT_H
#define CTL_TIME_TEXT_H

#include <stddef.h>
#include <stdint.h>

/* Spans of time and moments as people write them; the library counts nanoseconds since 1970. */

enum { TIME_TEXT_BYTES = 32 };

/* "1h", "90s", "250ms", "7d": NULL, or what is wrong. */
const char *span_parse(const char *text, uint64_t *span_ms);
/* In the largest unit that needs no fraction: "1h", "90s". */
void span_format(uint64_t span_ms, char *out, size_t size);

/* "2030-01-31T12:00:00Z" (RFC 3339, UTC), "2030-01-31", "now", "+1h": NULL, or what is wrong. */
const char *moment_parse(const char *text, uint64_t now_ns, uint64_t *moment_ns);
/* RFC 3339 in whole seconds, "-" for 0. */
void moment_format(uint64_t moment_ns, char *out, size_t size);

uint64_t now_ns(void);

#endif
