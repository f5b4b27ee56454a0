/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__BASE64_H
#define CLIENTID__BASE64_H

#include <clientid/types.h>

enum { CLIENTID__BASE64_UNPADDED = 1 }; /* also accept text without its '=' */

/* Room that decoding |text_len| characters needs. */
static inline size_t clientid__base64_room(size_t text_len)
{
    return text_len / 4 * 3 + 2;
}

/* RFC 4648 section 4.  Bytes written to |out|, or -1: the text is not the one spelling of any bytes. */
ptrdiff_t clientid__base64_decode(clientid_str text, unsigned flags, char *out);

#endif
