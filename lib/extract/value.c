/* SPDX-License-Identifier: Apache-2.0 */
/* A value that is there is not empty, within the cap, valid UTF-8 and without controls, whatever carried it. */
#include "extract/value.h"

#include "base/str.h"
#include "extract/urlcode.h"

/* Whether one of eight bytes is below 0x20 or equals 0x7f; may say so in vain for bytes above 0x7f. */
static bool maybe_control(uint64_t word)
{
    uint64_t low = word - CLIENTID__EACH(0x20),
             del = (word ^ CLIENTID__EACH(0x7f)) - CLIENTID__EACH(1);

    return ((low | del) & CLIENTID__EACH(0x80)) != 0;
}

bool clientid__has_control(clientid_str text)
{
    size_t i = 0;

    while (i + 8 <= text.len && !maybe_control(clientid__load_eight(text.ptr + i)))
        i += 8;
    for (; i < text.len; i++)
        if (clientid__is_control((unsigned char)text.ptr[i]))
            return true;
    return false;
}

/* Length of the sequence that |p| begins, 0 when it is not one (RFC 3629 section 4). */
static size_t utf8_sequence(const unsigned char *p, size_t left)
{
    unsigned char low = 0x80, high = 0xbf;
    size_t len;

    if (p[0] >= 0xc2 && p[0] <= 0xdf)
        len = 2;
    else if (p[0] >= 0xe0 && p[0] <= 0xef)
        len = 3;
    else if (p[0] >= 0xf0 && p[0] <= 0xf4)
        len = 4;
    else
        return 0;
    if (len > left)
        return 0;

    /* The second byte rules out overlong forms, surrogates and what lies above U+10FFFF. */
    if (p[0] == 0xe0)
        low = 0xa0;
    else if (p[0] == 0xed)
        high = 0x9f;
    else if (p[0] == 0xf0)
        low = 0x90;
    else if (p[0] == 0xf4)
        high = 0x8f;
    if (p[1] < low || p[1] > high)
        return 0;
    for (size_t i = 2; i < len; i++)
        if ((p[i] & 0xc0) != 0x80)
            return 0;
    return len;
}

size_t clientid__utf8_prefix(clientid_str text)
{
    const unsigned char *p = (const unsigned char *)text.ptr;
    size_t i = 0;

    while (i < text.len) {
        size_t len = 8;
        if (i + 8 > text.len || (clientid__load_eight(text.ptr + i) & CLIENTID__EACH(0x80)) != 0)
            len = p[i] < 0x80 ? 1 : utf8_sequence(p + i, text.len - i);
        if (len == 0)
            break;
        i += len;
    }
    return i;
}

bool clientid__text_valid(clientid_str text)
{
    return !clientid__has_control(text) && clientid__utf8_valid(text);
}

struct clientid__value clientid__value_make(clientid_str decoded, const struct clientid__caps *caps)
{
    if (decoded.len == 0)
        return clientid__value_none(CLIENTID_REASON_ID_MISSING);
    if (decoded.len > caps->credential_bytes)
        return clientid__value_none(CLIENTID_REASON_CREDENTIALS_TOO_LONG);
    if (!clientid__text_valid(decoded))
        return clientid__value_none(CLIENTID_REASON_CREDENTIALS_MALFORMED);
    return (struct clientid__value){.reason = CLIENTID_REASON_ALLOWED, .text = decoded};
}

/* How long it takes tells the lengths, not where two secrets differ. */
static bool same_bytes(clientid_str a, clientid_str b)
{
    volatile unsigned char difference = 0;

    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        difference |= (unsigned char)(a.ptr[i] ^ b.ptr[i]);
    return difference == 0;
}

static bool refused(const struct clientid__value *v)
{
    return !clientid__value_there(v) && !clientid__value_absent(v) &&
           v->reason != CLIENTID_REASON_BODY_NEEDED;
}

void clientid__value_combine(struct clientid__value *value, const struct clientid__value *other)
{
    if (refused(value))
        return;
    if (refused(other))
        *value = *other;
    else if (value->reason == CLIENTID_REASON_BODY_NEEDED ||
             other->reason == CLIENTID_REASON_BODY_NEEDED)
        *value = clientid__value_none(CLIENTID_REASON_BODY_NEEDED);
    else if (!clientid__value_absent(other) && !same_bytes(value->text, other->text))
        *value = clientid__value_none(CLIENTID_REASON_CREDENTIALS_AMBIGUOUS);
}

void clientid__params_set(struct clientid__param *params, size_t count, struct clientid__value v)
{
    for (size_t i = 0; i < count; i++)
        params[i].value = v;
}
