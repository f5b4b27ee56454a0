/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/path.h"

#include "base/str.h"

enum {
    SLASH_ESCAPED = 1,
    PARAMETERS = 2,
    BACKSLASH = 4,
    EMPTY = 8,
    DOT = 16,
    DOTDOT = 32,
    BACKSLASH_ESCAPED = 64,
    ODDITIES = 127,
    ESCAPE = 128
};

static int hex_digit(unsigned char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = clientid__lower(c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

struct byte {
    unsigned char value;
    bool escaped;
    bool valid;
};

/* Takes one byte, decoded, off |*rest|, which is not empty. */
static struct byte take_byte(clientid_str *rest)
{
    struct byte byte = {(unsigned char)rest->ptr[0], false, true};
    size_t used = 1;

    if (byte.value == '%') {
        int high = rest->len > 2 ? hex_digit((unsigned char)rest->ptr[1]) : -1;
        int low = rest->len > 2 ? hex_digit((unsigned char)rest->ptr[2]) : -1;

        byte.escaped = true;
        byte.valid = high >= 0 && low >= 0;
        byte.value = (unsigned char)(high * 16 + low);
        used = byte.valid ? 3 : 1;
    }
    *rest = clientid__str(rest->ptr + used, rest->len - used);
    return byte;
}

static bool is_separator(unsigned char c)
{
    return c == '/' || c == '\\';
}

/* Well-formed UTF-8 as in RFC 3629 section 4, byte by byte. */
struct utf8 {
    unsigned wanted;         /* continuation bytes to come */
    unsigned char low, high; /* range of the next one */
};

static bool utf8_accepts(struct utf8 *state, unsigned char c)
{
    if (state->wanted > 0) {
        bool fits = c >= state->low && c <= state->high;

        *state = (struct utf8){state->wanted - 1, 0x80, 0xbf};
        return fits;
    }
    if (c < 0x80)
        return true;
    if (c < 0xc2 || c > 0xf4)
        return false;
    *state = (struct utf8){c < 0xe0 ? 1 : c < 0xf0 ? 2 : 3, 0x80, 0xbf};
    /* Longer spellings of shorter code points, surrogates, and what lies beyond U+10FFFF. */
    if (c == 0xe0)
        state->low = 0xa0;
    else if (c == 0xed)
        state->high = 0x9f;
    else if (c == 0xf0)
        state->low = 0x90;
    else if (c == 0xf4)
        state->high = 0x8f;
    return true;
}

/* One segment as the survey sees it: what stands before its parameters. */
struct segment {
    size_t len;
    bool only_dots;
    bool parameters;
};

static const struct segment fresh_segment = {0, true, false};

/* The oddity of a segment that ends; an empty last one is a trailing slash and none. */
static unsigned segment_oddity(const struct segment *segment, bool last)
{
    if (segment->len == 0)
        return last && !segment->parameters ? 0 : EMPTY;
    if (segment->only_dots && segment->len <= 2)
        return segment->len == 1 ? DOT : DOTDOT;
    return 0;
}

static void segment_add(struct segment *segment, unsigned char c)
{
    if (segment->parameters)
        return;
    segment->len++;
    segment->only_dots = segment->only_dots && c == '.';
}

/*
 * Follows "%25" and two hexadecimal digits: a reader that decodes twice would see another path.  |*age| counts
 * the bytes since the percent sign.
 */
static bool escaped_twice(unsigned *age, struct byte byte)
{
    if (byte.escaped && byte.value == '%') {
        *age = 1;
        return false;
    }
    *age = *age > 0 && hex_digit(byte.value) >= 0 ? *age + 1 : 0;
    return *age == 3;
}

/* An escaped '?' begins the query for who decodes before splitting (CVE-2024-38474). */
static bool is_unreadable(struct byte byte, struct utf8 *utf8, unsigned *percent_age)
{
    return !byte.valid || clientid__is_control(byte.value) || byte.value == '?' ||
           (byte.value == '#' && !byte.escaped) || !utf8_accepts(utf8, byte.value) ||
           escaped_twice(percent_age, byte);
}

/* What kind of thing |byte| is, besides an ordinary one. */
static unsigned byte_oddity(struct byte byte)
{
    unsigned found = byte.escaped ? ESCAPE : 0;

    if (byte.value == ';')
        found |= PARAMETERS;
    else if (byte.value == '\\')
        found |= byte.escaped ? BACKSLASH_ESCAPED : BACKSLASH;
    else if (byte.value == '/' && byte.escaped)
        found |= SLASH_ESCAPED;
    return found;
}

static enum clientid__path_kind judge(unsigned found)
{
    unsigned oddities = found & ODDITIES;

    if ((oddities & (oddities - 1)) != 0)
        return CLIENTID__PATH_OPAQUE;
    if (oddities != 0)
        return CLIENTID__PATH_ODD;
    return found & ESCAPE ? CLIENTID__PATH_ESCAPED : CLIENTID__PATH_PLAIN;
}

enum clientid__path_kind clientid__path_survey(clientid_str raw)
{
    struct segment segment = fresh_segment;
    struct utf8 utf8 = {0, 0x80, 0xbf};
    unsigned found = 0, percent_age = 0;
    clientid_str rest;

    if (raw.len == 0 || raw.ptr[0] != '/')
        return CLIENTID__PATH_OPAQUE;
    /* //x/orders is a host and /orders for who resolves it as a reference (RFC 3986 section 4.2): new URL(). */
    if (raw.len > 1 && raw.ptr[1] == '/')
        return CLIENTID__PATH_OPAQUE;
    rest = clientid__str(raw.ptr + 1, raw.len - 1);
    while (rest.len > 0) {
        struct byte byte = take_byte(&rest);

        if (is_unreadable(byte, &utf8, &percent_age))
            return CLIENTID__PATH_OPAQUE;
        found |= byte_oddity(byte);
        if (is_separator(byte.value)) {
            found |= segment_oddity(&segment, false);
            segment = fresh_segment;
        } else if (byte.value == ';') {
            segment.parameters = true;
        } else {
            segment_add(&segment, byte.value);
        }
    }
    if (utf8.wanted > 0)
        return CLIENTID__PATH_OPAQUE;
    return judge(found | segment_oddity(&segment, true));
}

/*
 * Closes the segment that begins at |start| in |out| and ends at |end|; returns where the next one begins.
 * |out[start - 1]| is a slash.
 */
static size_t close_segment(char *out, size_t start, size_t end, bool more)
{
    clientid_str segment = clientid__str(out + start, end - start);

    if (segment.len == 0 || clientid__str_eq(segment, CLIENTID_STR(".")))
        return start;
    if (clientid__str_eq(segment, CLIENTID_STR(".."))) {
        while (start > 1 && out[start - 2] != '/')
            start--;
        return start > 1 ? start - 1 : start;
    }
    if (more)
        out[end++] = '/';
    return end;
}

clientid_str clientid__path_collapsed(clientid_str raw, char *out)
{
    clientid_str rest = clientid__str(raw.ptr + 1, raw.len - 1);
    size_t start = 1, end = 1;
    bool parameters = false;

    out[0] = '/';
    while (rest.len > 0) {
        struct byte byte = take_byte(&rest);

        if (is_separator(byte.value)) {
            start = end = close_segment(out, start, end, true);
            parameters = false;
        } else if (byte.value == ';' || parameters) {
            parameters = true;
        } else {
            out[end++] = (char)byte.value;
        }
    }
    return clientid__str(out, close_segment(out, start, end, false));
}

clientid_str clientid__path_preserved(clientid_str raw, char *out)
{
    clientid_str rest = raw;
    size_t end = 0;

    while (rest.len > 0) {
        struct byte byte = take_byte(&rest);

        if (byte.value == '/' && byte.escaped) {
            out[end++] = '%';
            out[end++] = '2';
            out[end++] = 'F';
        } else {
            out[end++] = (char)byte.value;
        }
    }
    return clientid__str(out, end);
}
