/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__URLCODE_H
#define CLIENTID__URLCODE_H

#include <clientid/types.h>

#include <stdbool.h>

enum {
    CLIENTID__URL_PLUS = 1, /* '+' is a plus sign, not a space */
    CLIENTID__URL_FOLD = 2  /* names: lenient readers may also ignore the case of ASCII letters */
};

/* Decoding would change something. */
bool clientid__url_escaped(clientid_str text, unsigned flags);

/*
 * Percent-decodes once.  Bytes written to |out| (never more than |text.len|; |out| may be |text.ptr|), or -1
 * for a '%' without two hex digits behind it.
 */
ptrdiff_t clientid__url_decode(clientid_str text, unsigned flags, char *out);

enum clientid__url_match {
    CLIENTID__URL_DIFFERENT,
    CLIENTID__URL_SAME,   /* decodes to the name */
    CLIENTID__URL_LENIENT /* does not decode cleanly, but some reader takes it for the name */
};

/* Compares the encoded |raw| with the decoded |name|, without decoding into memory. */
enum clientid__url_match clientid__url_match(clientid_str raw, clientid_str name, unsigned flags);

#endif
