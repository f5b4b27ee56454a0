/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__ANYPOINT_URL_H
#define CLIENTID__ANYPOINT_URL_H

#include <clientid/types.h>

#include <stdbool.h>

/* Where a control plane lives, and that its links do not lead anywhere else: a token goes where the next page is. */

#define CLIENTID__URL_MAX 4096

/* "http" or "https", host, port and path of a base URL, no user, query or fragment; the last slash is left out. */
bool clientid__url_valid(const char *url);
bool clientid__url_is_https(const char *url);
/* 127.0.0.0/8, ::1 and localhost. */
bool clientid__url_is_loopback(const char *url);

/*
 * Writes the URL that |link| means on a page of |base|: absolute of the same origin, or an absolute path, below the path
 * of |base| with or without repeating it; |page| is what a "?query" or a relative path belongs to.  False when it is of
 * another origin, holds controls, spaces or "..", or is too long.
 */
bool clientid__url_resolve(const char *base, const char *page, const char *link,
                           char out[CLIENTID__URL_MAX]);

/* Letters, digits, "-", "_" and ".", as ids have them, so that nothing needs escapes. */
bool clientid__url_segment_valid(const char *segment);

#endif
