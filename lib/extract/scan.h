/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__SCAN_H
#define CLIENTID__SCAN_H

#include "extract/urlcode.h"

#if defined(__SSE2__) && !defined(CLIENTID__SCAN_PORTABLE)
#define CLIENTID__SCAN_SSE2 1
#include <emmintrin.h>
#endif

/*
 * Many bytes at once.  Every x86-64 has SSE2, and it halves what a long query costs; elsewhere eight bytes are looked at
 * in a register.  Nothing is read outside the text.  Both are built on x86-64, so that tests can compare them.
 */

#define CLIENTID__SCAN_BYTES 64 /* a mask of one bit a byte */

/* ---- eight at a time ------------------------------------------------------------------------- */

static inline uint64_t clientid__scan_ends_portable(const char *p, size_t len)
{
    uint64_t ends = 0;

    for (size_t i = 0; i < len; i++)
        ends |= (uint64_t)(p[i] == '&') << i;
    return ends;
}

static inline bool clientid__scan_plain_portable(const char *p, size_t len)
{
    size_t i = 0;

    for (; i + 8 <= len; i += 8)
        if (!clientid__eight_plain(clientid__load_eight(p + i)))
            return false;
    for (; i < len; i++)
        if (!clientid__one_plain(p[i]))
            return false;
    return true;
}

/* ---- sixteen at a time ----------------------------------------------------------------------- */

#ifdef CLIENTID__SCAN_SSE2

static inline __m128i clientid__scan_load(const char *p)
{
    return _mm_loadu_si128((const __m128i *)(const void *)p);
}

static inline uint64_t clientid__scan_sixteen_ends(const char *p)
{
    return (uint64_t)_mm_movemask_epi8(_mm_cmpeq_epi8(clientid__scan_load(p), _mm_set1_epi8('&')));
}

static inline uint64_t clientid__scan_all_ends(const char *p)
{
    return clientid__scan_sixteen_ends(p) | clientid__scan_sixteen_ends(p + 16) << 16 |
           clientid__scan_sixteen_ends(p + 32) << 32 | clientid__scan_sixteen_ends(p + 48) << 48;
}

/* The comparison is of signed bytes, so what is above 0x7f is below '+', too. */
static inline bool clientid__scan_sixteen_plain(const char *p)
{
    __m128i bytes = clientid__scan_load(p);
    __m128i above = _mm_cmpgt_epi8(bytes, _mm_set1_epi8('+'));
    __m128i del = _mm_cmpeq_epi8(bytes, _mm_set1_epi8(0x7f));

    return _mm_movemask_epi8(_mm_andnot_si128(del, above)) == 0xffff;
}

#endif

/* ---- either ---------------------------------------------------------------------------------- */

/* Where a '&' is among |len| bytes, CLIENTID__SCAN_BYTES at most: bit i for p[i]. */
static inline uint64_t clientid__scan_ends(const char *p, size_t len)
{
#ifdef CLIENTID__SCAN_SSE2
    uint64_t ends = 0;
    size_t i = 0;

    if (len == CLIENTID__SCAN_BYTES)
        return clientid__scan_all_ends(p);
    if (len < 16)
        return clientid__scan_ends_portable(p, len);
    for (; i + 16 <= len; i += 16)
        ends |= clientid__scan_sixteen_ends(p + i) << i;
    /* The last sixteen again, as far as they are new. */
    return i < len ? ends | clientid__scan_sixteen_ends(p + len - 16) << (len - 16) : ends;
#else
    return clientid__scan_ends_portable(p, len);
#endif
}

/* Whether all |len| bytes are plain (urlcode.h). */
static inline bool clientid__scan_plain(const char *p, size_t len)
{
#ifdef CLIENTID__SCAN_SSE2
    size_t i = 0;

    if (len < 16)
        return clientid__scan_plain_portable(p, len);
    for (; i + 16 <= len; i += 16)
        if (!clientid__scan_sixteen_plain(p + i))
            return false;
    return i == len || clientid__scan_sixteen_plain(p + len - 16);
#else
    return clientid__scan_plain_portable(p, len);
#endif
}

#endif
