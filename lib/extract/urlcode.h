/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__URLCODE_H
#define CLIENTID__URLCODE_H

#include <clientid/types.h>

#include <stdbool.h>
#include <string.h>

/* Eight bytes at once, each the same. */
#define CLIENTID__EACH(byte) (UINT64_C(0x0101010101010101) * (byte))

static inline uint64_t clientid__load_eight(const char *p)
{
    uint64_t word;

    memcpy(&word, p, sizeof(word));
    return word;
}

/*
 * Bytes above '+' and below 0x7f are plain: every reader takes them as they stand, for there is nothing to decode, no
 * control, nothing but ASCII.  What is not plain has to be looked at byte by byte.  (A carry out of one of the eight
 * makes others look less plain, never more.)
 */
static inline bool clientid__eight_plain(uint64_t word)
{
    return (((word - CLIENTID__EACH('+' + 1)) | (word + CLIENTID__EACH(1)) | word) &
            CLIENTID__EACH(0x80)) == 0;
}

static inline bool clientid__one_plain(char c)
{
    return (unsigned char)(c - ('+' + 1)) < 0x7f - ('+' + 1);
}

enum {
    CLIENTID__URL_PLUS = 1, /* '+' is a plus sign, not a space */
    CLIENTID__URL_FOLD = 2  /* names: lenient readers may also ignore the case of ASCII letters */
};

/* All bytes are plain. */
bool clientid__url_plain(clientid_str text);

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
