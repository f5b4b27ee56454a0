/* SPDX-License-Identifier: Apache-2.0 */
/* Every text is decoded once or not at all; what two decoders read differently is never taken for plain text. */
#include "extract/urlcode.h"

#include "base/str.h"
#include "extract/scan.h"

bool clientid__url_plain(clientid_str text)
{
    return clientid__scan_plain(text.ptr, text.len);
}

static int hex(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

struct step {
    int byte; /* -1: a bad escape */
    size_t used;
};

static struct step step(const char *p, size_t left, unsigned flags)
{
    int high, low;

    if (*p == '+' && !(flags & CLIENTID__URL_PLUS))
        return (struct step){' ', 1};
    if (*p != '%')
        return (struct step){(unsigned char)*p, 1};
    high = left < 3 ? -1 : hex(p[1]);
    low = left < 3 ? -1 : hex(p[2]);
    if (high < 0 || low < 0)
        return (struct step){-1, 1};
    return (struct step){high * 16 + low, 3};
}

bool clientid__url_escaped(clientid_str text, unsigned flags)
{
    if (text.len == 0)
        return false;
    return memchr(text.ptr, '%', text.len) != NULL ||
           (!(flags & CLIENTID__URL_PLUS) && memchr(text.ptr, '+', text.len) != NULL);
}

ptrdiff_t clientid__url_decode(clientid_str text, unsigned flags, char *out)
{
    char *next = out;

    for (size_t i = 0; i < text.len;) {
        struct step s = step(text.ptr + i, text.len - i, flags);
        if (s.byte < 0)
            return -1;
        *next++ = (char)s.byte;
        i += s.used;
    }
    return next - out;
}

/* What decoders in the wild make of a '%' without two hex digits (one that keeps it never sees a plain name). */
enum lenience {
    DROP_PERCENT, /* client%_id */
    DROP_ESCAPE,  /* client_id%zz */
    ANY_BYTE,     /* client%4Vid: digits are taken without looking */
    WIDE,         /* client%u005Fid */
    LENIENCES
};

/* Bytes of the bad escape at |p| that a reader skips; |*byte| is what it reads there: -1 nothing, -2 anything. */
static size_t skip_bad(const char *p, size_t left, enum lenience how, int *byte)
{
    *byte = how == ANY_BYTE ? -2 : -1;
    if (how == DROP_PERCENT)
        return 1;
    if (how != WIDE)
        return left < 3 ? left : 3;
    if (left < 6 || clientid__lower((unsigned char)p[1]) != 'u')
        return 1;
    int value = 0;
    for (size_t i = 2; i < 6; i++) {
        if (hex(p[i]) < 0)
            return 1;
        value = value * 16 + hex(p[i]);
    }
    *byte = value;
    return 6;
}

static bool same_byte(int byte, char name, unsigned flags)
{
    if (byte == -2 || byte == (unsigned char)name)
        return true;
    return (flags & CLIENTID__URL_FOLD) != 0 && byte >= 0 && byte < 0x80 &&
           clientid__lower((unsigned char)byte) == clientid__lower((unsigned char)name);
}

/* A reader in C ends at NUL, others drop controls at the ends or anywhere. */
static bool reads_as(clientid_str raw, clientid_str name, enum lenience how, unsigned flags)
{
    size_t at = 0;

    for (size_t i = 0; i < raw.len;) {
        struct step s = step(raw.ptr + i, raw.len - i, flags);
        if (s.byte < 0)
            s.used = skip_bad(raw.ptr + i, raw.len - i, how, &s.byte);
        i += s.used;
        if (s.byte == 0 && at == name.len)
            return true;
        if (s.byte == -1 ||
            (s.byte >= 0 && s.byte < 0x100 && clientid__is_control((unsigned char)s.byte)))
            continue;
        if (at == name.len || !same_byte(s.byte, name.ptr[at], flags))
            return false;
        at++;
    }
    return at == name.len;
}

/* A plain |raw| reads the same to everybody, but for the case of its letters. */
static enum clientid__url_match match_lenient(clientid_str raw, clientid_str name, unsigned flags)
{
    if (clientid__url_plain(raw))
        return (flags & CLIENTID__URL_FOLD) != 0 && clientid__str_case_eq(raw, name)
                   ? CLIENTID__URL_LENIENT
                   : CLIENTID__URL_DIFFERENT;
    for (int how = 0; how < LENIENCES; how++)
        if (reads_as(raw, name, (enum lenience)how, flags))
            return CLIENTID__URL_LENIENT;
    return CLIENTID__URL_DIFFERENT;
}

/* Bytes at the start that both share and that nobody decodes: nearly always the whole name. */
static size_t plain_prefix(clientid_str raw, clientid_str name)
{
    const size_t shorter = raw.len < name.len ? raw.len : name.len;
    size_t i = 0;

    for (; i + 8 <= shorter; i += 8) {
        uint64_t word = clientid__load_eight(raw.ptr + i);
        if (word != clientid__load_eight(name.ptr + i) || !clientid__eight_plain(word))
            break;
    }
    while (i < shorter && raw.ptr[i] == name.ptr[i] && clientid__one_plain(raw.ptr[i]))
        i++;
    return i;
}

enum clientid__url_match clientid__url_match(clientid_str raw, clientid_str name, unsigned flags)
{
    size_t at = plain_prefix(raw, name);

    for (size_t i = at; i < raw.len;) {
        struct step s = step(raw.ptr + i, raw.len - i, flags);
        if (s.byte < 0 || clientid__is_control((unsigned char)s.byte))
            return match_lenient(raw, name, flags);
        if (at == name.len || s.byte != (unsigned char)name.ptr[at])
            return flags & CLIENTID__URL_FOLD ? match_lenient(raw, name, flags)
                                              : CLIENTID__URL_DIFFERENT;
        at++;
        i += s.used;
    }
    return at == name.len ? CLIENTID__URL_SAME : CLIENTID__URL_DIFFERENT;
}
