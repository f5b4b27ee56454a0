/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever bytes a name holds, what is printed of it is UTF-8 that cannot command a terminal. */
#include "utf8.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

/* RFC 3629: the bytes of the character at |p|, 0 when it is none (overlong, surrogate, cut off). */
static size_t utf8_length(const char *text, uint32_t *point)
{
    const unsigned char *p = (const unsigned char *)text;
    size_t length = p[0] < 0x80                   ? 1
                    : p[0] >= 0xC2 && p[0] < 0xE0 ? 2
                    : p[0] >= 0xE0 && p[0] < 0xF0 ? 3
                    : p[0] >= 0xF0 && p[0] < 0xF5 ? 4
                                                  : 0;
    *point = length < 2 ? p[0] : p[0] & (0xFFu >> (length + 1));
    for (size_t i = 1; i < length; i++) {
        if ((p[i] & 0xC0) != 0x80)
            return 0;
        *point = *point << 6 | (p[i] & 0x3F);
    }
    if ((length == 3 && *point < 0x800) ||
        (length == 4 && (*point < 0x10000 || *point > 0x10FFFF)) ||
        (*point >= 0xD800 && *point <= 0xDFFF))
        return 0;
    return length;
}

struct range {
    uint32_t first, last;
};

static bool in_ranges(uint32_t point, const struct range *ranges, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (point >= ranges[i].first && point <= ranges[i].last)
            return true;
    return false;
}

/* Unicode Standard Annex 11 in its coarse blocks: enough for names. */
static size_t point_width(uint32_t point)
{
    static const struct range none[] = {
        {0x300, 0x36F}, {0x200B, 0x200F}, {0x20D0, 0x20FF}, {0xFE00, 0xFE0F}, {0xFE20, 0xFE2F}};
    static const struct range wide[] = {{0x1100, 0x115F},   {0x2E80, 0x303E},  {0x3041, 0xA4CF},
                                        {0xAC00, 0xD7A3},   {0xF900, 0xFAFF},  {0xFE30, 0xFE6F},
                                        {0xFF00, 0xFF60},   {0xFFE0, 0xFFE6},  {0x1F300, 0x1F64F},
                                        {0x1F900, 0x1F9FF}, {0x20000, 0x3FFFD}};
    if (in_ranges(point, none, sizeof(none) / sizeof(none[0])))
        return 0;
    return in_ranges(point, wide, sizeof(wide) / sizeof(wide[0])) ? 2 : 1;
}

/* Controls (also C1 and the marks that turn the direction of writing) are shown, not obeyed. */
static bool is_control(uint32_t point)
{
    return point < 0x20 || (point >= 0x7F && point < 0xA0) ||
           (point >= 0x202A && point <= 0x202E) || (point >= 0x2066 && point <= 0x2069);
}

char *utf8_printable(const char *text, size_t len)
{
    char *out = malloc(len + 1);
    size_t used = 0;
    if (out == NULL)
        return NULL;
    if (len > 0)
        memcpy(out, text, len);
    out[len] = '\0'; /* a character that is cut off ends here */
    for (size_t at = 0; at < len;) {
        uint32_t point;
        size_t length = utf8_length(out + at, &point);
        if (length == 0 || is_control(point)) {
            out[used++] = '?';
            at += length == 0 ? 1 : length;
            continue;
        }
        memmove(out + used, out + at, length);
        used += length;
        at += length;
    }
    out[used] = '\0';
    return out;
}

size_t utf8_fitting(const char *text, size_t room, size_t *width)
{
    size_t used = 0;
    *width = 0;
    while (text[used] != '\0') {
        uint32_t point;
        size_t length = utf8_length(text + used, &point);
        size_t columns = length == 0 ? 1 : point_width(point);
        if (columns > room - *width)
            break;
        *width += columns;
        used += length == 0 ? 1 : length;
    }
    return used;
}

size_t utf8_width(const char *text)
{
    size_t width;
    utf8_fitting(text, SIZE_MAX, &width);
    return width;
}
