/* SPDX-License-Identifier: Apache-2.0 */
/* Every byte string has one spelling that decodes (two where missing padding is accepted). */
#include "extract/base64.h"

enum { BAD = 0x80 };

/* clang-format off */
static const unsigned char digit[256] = {
    BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
    BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
    BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,  62, BAD, BAD, BAD,  63,
     52,  53,  54,  55,  56,  57,  58,  59,  60,  61, BAD, BAD, BAD, BAD, BAD, BAD,
    BAD,   0,   1,   2,   3,   4,   5,   6,   7,   8,   9,  10,  11,  12,  13,  14,
     15,  16,  17,  18,  19,  20,  21,  22,  23,  24,  25, BAD, BAD, BAD, BAD, BAD,
    BAD,  26,  27,  28,  29,  30,  31,  32,  33,  34,  35,  36,  37,  38,  39,  40,
     41,  42,  43,  44,  45,  46,  47,  48,  49,  50,  51, BAD, BAD, BAD, BAD, BAD,
    BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
    BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
    BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
    BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
    BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
    BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
    BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
    BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD, BAD,
};
/* clang-format on */

/* The padding of |text|: 0, 1 or 2 '=' at its end; -1 when its length says otherwise. */
static int padding(clientid_str text, unsigned flags)
{
    int count = 0;

    while (count < 2 && (size_t)count < text.len && text.ptr[text.len - 1 - (size_t)count] == '=')
        count++;
    if (text.len % 4 == 0)
        return count;
    /* A single character left over holds 6 bits: never a byte. */
    if (count > 0 || text.len % 4 == 1 || !(flags & CLIENTID__BASE64_UNPADDED))
        return -1;
    return 0;
}

/* The last 2 or 3 characters, without padding. */
static ptrdiff_t decode_tail(const unsigned char *in, size_t len, char *out)
{
    unsigned a = digit[in[0]], b = digit[in[1]], c = len == 3 ? digit[in[2]] : 0;

    /* Bits under the padding must be zero, or one secret has several spellings. */
    if (((a | b | c) & BAD) != 0 || (len == 2 && (b & 0x0f) != 0) || (len == 3 && (c & 0x03) != 0))
        return -1;
    out[0] = (char)(a << 2 | b >> 4);
    if (len == 3)
        out[1] = (char)(b << 4 | c >> 2);
    return (ptrdiff_t)len - 1;
}

ptrdiff_t clientid__base64_decode(clientid_str text, unsigned flags, char *out)
{
    const unsigned char *in = (const unsigned char *)text.ptr;
    unsigned bad = 0;
    ptrdiff_t tail = 0;
    char *next = out;
    int pad = padding(text, flags);

    if (pad < 0)
        return -1;
    size_t left = text.len - (size_t)pad;
    for (; left >= 4; left -= 4, in += 4, next += 3) {
        unsigned a = digit[in[0]], b = digit[in[1]], c = digit[in[2]], d = digit[in[3]];
        bad |= a | b | c | d;
        next[0] = (char)(a << 2 | b >> 4);
        next[1] = (char)(b << 4 | c >> 2);
        next[2] = (char)(c << 6 | d);
    }
    if (left > 0)
        tail = decode_tail(in, left, next);
    if ((bad & BAD) != 0 || tail < 0)
        return -1;
    return next - out + tail;
}
