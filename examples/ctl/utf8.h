/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CTL_UTF8_H
#define CTL_UTF8_H

#include <stddef.h>

/* A copy with '?' for controls and for what is not UTF-8; the caller frees.  NULL without memory. */
char *utf8_printable(const char *text, size_t len);

/* How many columns of a terminal a text takes. */
size_t utf8_width(const char *text);
/* The bytes at the start of |text| that take at most |room| columns, and how many these take. */
size_t utf8_fitting(const char *text, size_t room, size_t *width);

#endif
