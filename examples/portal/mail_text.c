/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever a client put into a name ends as quoted text: only this file writes line ends into headers. */
#include "mail.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define LINE_MAX_CHARS 76
#define WORD_BYTES     39 /* of an encoded word: with "Subject: " before it, it fits a line of 76 */

struct out {
    char *text; /* NULL: no memory */
    size_t len, cap;
};

static void put(struct out *out, const char *bytes, size_t len)
{
    if (out->text == NULL)
        return;
    if (out->len + len + 1 > out->cap) {
        size_t cap = 2 * (out->len + len + 1);
        char *longer = realloc(out->text, cap);
        if (longer == NULL)
            free(out->text);
        out->text = longer;
        out->cap = cap;
        if (longer == NULL)
            return;
    }
    memcpy(out->text + out->len, bytes, len);
    out->len += len;
    out->text[out->len] = '\0';
}

static void put_text(struct out *out, const char *text)
{
    put(out, text, strlen(text));
}

/* ---- headers --------------------------------------------------------------------------------- */

static void put_base64(struct out *out, const unsigned char *bytes, size_t len)
{
    static const char digits[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
    for (size_t i = 0; i < len; i += 3) {
        unsigned a = bytes[i];
        unsigned b = i + 1 < len ? bytes[i + 1] : 0;
        unsigned c = i + 2 < len ? bytes[i + 2] : 0;
        char four[4] = {digits[a >> 2], digits[(a & 3) << 4 | b >> 4], '=', '='};
        if (i + 1 < len)
            four[2] = digits[(b & 15) << 2 | c >> 6];
        if (i + 2 < len)
            four[3] = digits[c & 63];
        put(out, four, sizeof four);
    }
}

/* A piece that is at most |max| bytes and does not end within a character. */
static size_t piece_of(clientid_str text, size_t max)
{
    size_t len = text.len < max ? text.len : max;
    while (len > 0 && len < text.len && ((unsigned char)text.ptr[len] & 0xc0) == 0x80)
        len--;
    return len != 0 ? len : 1;
}

static bool is_plain(clientid_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        if ((unsigned char)text.ptr[i] < 0x20 || (unsigned char)text.ptr[i] > 0x7e)
            return false;
        if (text.ptr[i] == '=' && i + 1 < text.len && text.ptr[i + 1] == '?')
            return false; /* would read as an encoded word */
    }
    return text.len > 0 && text.len <= 60 && text.ptr[0] != ' ';
}

/* Text of a header: as it is, or as encoded words (RFC 2047), one a line. */
static void put_words(struct out *out, clientid_str text)
{
    unsigned char piece[WORD_BYTES];
    if (is_plain(text)) {
        put(out, text.ptr, text.len);
        return;
    }
    for (bool first = true; text.len != 0; first = false) {
        size_t len = piece_of(text, sizeof piece);
        for (size_t i = 0; i < len; i++) {
            unsigned char c = (unsigned char)text.ptr[i];
            piece[i] = c < 0x20 || c == 0x7f ? ' ' : c;
        }
        put_text(out, first ? "=?UTF-8?B?" : "\r\n =?UTF-8?B?");
        put_base64(out, piece, len);
        put_text(out, "?=");
        text.ptr += len;
        text.len -= len;
    }
}

clientid_str mail_address_of(const char *from)
{
    const char *open = strrchr(from, '<');
    const char *begin = open != NULL ? open + 1 : from;
    size_t len = open != NULL ? strcspn(begin, ">") : strlen(begin);
    clientid_str address = {begin, len};
    return mail_address_is_plain(address) ? address : (clientid_str){begin, 0};
}

/* RFC 5321 would take more (quoted local parts, literals): none of it is needed to write to people. */
bool mail_address_is_plain(clientid_str address)
{
    const char *at = address.len != 0 ? memchr(address.ptr, '@', address.len) : NULL;
    if (at == NULL || at == address.ptr || at + 1 == address.ptr + address.len ||
        address.len > 254 || address.ptr[0] == '-')
        return false;
    for (size_t i = 0; i < address.len; i++) {
        char c = address.ptr[i];
        if (c <= 0x20 || c >= 0x7f || strchr("()<>,;:\\\"[]", c) != NULL)
            return false;
        if (c == '@' && address.ptr + i != at)
            return false;
    }
    return true;
}

static void put_from(struct out *out, const char *from)
{
    clientid_str address = mail_address_of(from);
    size_t name_len = (size_t)(address.ptr - from);
    put_text(out, "From: ");
    if (name_len > 1) { /* the '<' is the last of it */
        clientid_str name = {from, name_len - 1};
        while (name.len > 0 && name.ptr[name.len - 1] == ' ')
            name.len--;
        if (name.len > 1 && name.ptr[0] == '"' && name.ptr[name.len - 1] == '"')
            name = (clientid_str){name.ptr + 1, name.len - 2};
        put_text(out, "=?UTF-8?B?");
        put_base64(out, (const unsigned char *)name.ptr,
                   name.len <= WORD_BYTES ? name.len : piece_of(name, WORD_BYTES));
        put_text(out, name.len > 12 ? "?=\r\n " : "?= ");
    }
    put_text(out, "<");
    put(out, address.ptr, address.len);
    put_text(out, ">\r\n");
}

static void put_date(struct out *out, uint64_t time_ns)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    time_t seconds = (time_t)(time_ns / 1000000000);
    struct tm tm;
    char line[64];
    if (gmtime_r(&seconds, &tm) == NULL)
        return;
    (void)snprintf(line, sizeof line, "Date: %s, %d %s %d %02d:%02d:%02d +0000\r\n",
                   days[tm.tm_wday], tm.tm_mday, months[tm.tm_mon], tm.tm_year + 1900, tm.tm_hour,
                   tm.tm_min, tm.tm_sec);
    put_text(out, line);
}

/* The same for every attempt: who gets a mail twice can tell. */
static void put_message_id(struct out *out, const char *from, const clientid_delivery *delivery)
{
    clientid_str address = mail_address_of(from);
    const char *at = address.len != 0 ? memchr(address.ptr, '@', address.len) : NULL;
    char line[96];
    (void)snprintf(line, sizeof line, "Message-ID: <clientid.%llu.%llu",
                   (unsigned long long)delivery->created_ns, (unsigned long long)delivery->id);
    put_text(out, line);
    if (at != NULL)
        put(out, at, (size_t)(address.ptr + address.len - at));
    put_text(out, ">\r\n");
}

/* ---- body ------------------------------------------------------------------------------------ */

/* Quoted-printable (RFC 2045 section 6.7).  A dot at the start of a line is quoted too: no mail server can take it for the end. */
static void put_quoted(struct out *out, clientid_str text)
{
    static const char hex[] = "0123456789ABCDEF";
    size_t column = 0;
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        bool ends = i + 1 == text.len || text.ptr[i + 1] == '\n' || text.ptr[i + 1] == '\r';
        if (c == '\r' && i + 1 < text.len && text.ptr[i + 1] == '\n')
            continue;
        if (c == '\n') {
            put_text(out, "\r\n");
            column = 0;
            continue;
        }
        bool literal = (c > 0x20 && c < 0x7f && c != '=') || ((c == ' ' || c == '\t') && !ends);
        if (c == '.' && column == 0)
            literal = false;
        size_t width = literal ? 1 : 3;
        if (column + width > LINE_MAX_CHARS - 1) { /* one is left for the '=' */
            put_text(out, "=\r\n");
            column = 0;
            literal = literal && c != '.';
            width = literal ? 1 : 3;
        }
        char quoted[3] = {'=', hex[c >> 4], hex[c & 15]};
        put(out, literal ? (const char *)&text.ptr[i] : quoted, width);
        column += width;
    }
    put_text(out, column != 0 ? "\r\n" : "");
}

char *mail_text(const char *from, const clientid_delivery *delivery, size_t *len)
{
    struct out out = {calloc(1, 1024), 0, 1024};
    put_date(&out, delivery->created_ns);
    put_from(&out, from);
    put_text(&out, "To: <");
    put(&out, delivery->recipient.ptr, delivery->recipient.len);
    put_text(&out, ">\r\nSubject: ");
    put_words(&out, delivery->subject);
    put_text(&out, "\r\n");
    put_message_id(&out, from, delivery);
    put_text(&out, "MIME-Version: 1.0\r\n"
                   "Content-Type: text/plain; charset=utf-8\r\n"
                   "Content-Transfer-Encoding: quoted-printable\r\n"
                   "Auto-Submitted: auto-generated\r\n"
                   "\r\n");
    put_quoted(&out, delivery->body);
    *len = out.len;
    return out.text;
}
