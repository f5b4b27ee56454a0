/* SPDX-License-Identifier: Apache-2.0 */
/* A target has one reading, or is refused. */
#include "target.h"

#include <string.h>

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* RFC 3629: no overlong forms, no surrogates, nothing beyond U+10FFFF. */
static size_t utf8_len(const unsigned char *at, size_t left)
{
    static const struct {
        unsigned char first, last, low, high;
        size_t len;
    } forms[] = {
        {0x01, 0x7f, 0, 0, 1},       {0xc2, 0xdf, 0x80, 0xbf, 2}, {0xe0, 0xe0, 0xa0, 0xbf, 3},
        {0xe1, 0xec, 0x80, 0xbf, 3}, {0xed, 0xed, 0x80, 0x9f, 3}, {0xee, 0xef, 0x80, 0xbf, 3},
        {0xf0, 0xf0, 0x90, 0xbf, 4}, {0xf1, 0xf3, 0x80, 0xbf, 4}, {0xf4, 0xf4, 0x80, 0x8f, 4},
    };
    for (size_t i = 0; i < sizeof forms / sizeof forms[0]; i++) {
        if (at[0] < forms[i].first || at[0] > forms[i].last || forms[i].len > left)
            continue;
        if (forms[i].len > 1 && (at[1] < forms[i].low || at[1] > forms[i].high))
            return 0;
        for (size_t k = 2; k < forms[i].len; k++) {
            if (at[k] < 0x80 || at[k] > 0xbf)
                return 0;
        }
        return forms[i].len;
    }
    return 0;
}

static bool is_utf8(const char *text, size_t len)
{
    for (size_t i = 0; i < len;) {
        size_t step = utf8_len((const unsigned char *)text + i, len - i);
        if (step == 0)
            return false;
        i += step;
    }
    return true;
}

bool target_decode(char *text, size_t *len, bool form)
{
    size_t out = 0;
    for (size_t i = 0; i < *len; i++) {
        char c = text[i];
        if (c == '%') {
            int high = *len - i > 2 ? digit(text[i + 1]) : -1;
            int low = high >= 0 ? digit(text[i + 2]) : -1;
            if (low < 0)
                return false;
            c = (char)(high * 16 + low);
            i += 2;
        } else if (c == '+' && form) {
            c = ' ';
        }
        text[out++] = c;
    }
    *len = out;
    return is_utf8(text, out); /* which has no NUL */
}

const char *target_pairs(char *text, struct call_pair *pairs, size_t max, size_t *count)
{
    *count = 0;
    while (*text != '\0') {
        size_t len = strcspn(text, "&");
        bool more = text[len] == '&';
        size_t name_len = strcspn(text, "&=");
        char *value = text + name_len + (name_len < len);
        size_t value_len = (size_t)(text + len - value);
        if (len != 0) {
            if (*count == max)
                return "has too many parameters";
            if (!target_decode(text, &name_len, true) || !target_decode(value, &value_len, true))
                return "has a bad escape or is not UTF-8";
            for (size_t i = 0; i < *count; i++) {
                if (pairs[i].name.len == name_len && memcmp(pairs[i].name.ptr, text, name_len) == 0)
                    return "has a parameter twice";
            }
            pairs[(*count)++] = (struct call_pair){{text, name_len}, {value, value_len}};
        }
        text += len + more;
    }
    return NULL;
}

/* "." and "..", and empty segments, also when they are escaped: a path that two programs would read differently. */
static bool segment_is_plain(const char *text, size_t len)
{
    static const char *const odd[] = {"%2f", "%2F", "%5c", "%5C", "%00"};
    char copy[512];
    if (len == 0 || len >= sizeof copy)
        return false;
    memcpy(copy, text, len);
    copy[len] = '\0';
    for (size_t i = 0; i < sizeof odd / sizeof odd[0]; i++) {
        if (strstr(copy, odd[i]) != NULL)
            return false;
    }
    if (!target_decode(copy, &len, false))
        return false;
    return !(len == 1 && copy[0] == '.') && !(len == 2 && copy[0] == '.' && copy[1] == '.') &&
           memchr(copy, '\\', len) == NULL && memchr(copy, '/', len) == NULL;
}

static bool path_is_plain(clientid_str path)
{
    const char *at = path.ptr;
    const char *end = path.ptr + path.len;
    if (path.len == 0 || *at != '/')
        return false;
    if (path.len == 1)
        return true;
    while (at < end) {
        const char *slash = memchr(at + 1, '/', (size_t)(end - at - 1));
        const char *stop = slash != NULL ? slash : end;
        if (!segment_is_plain(at + 1, (size_t)(stop - at - 1)))
            return false;
        at = stop;
    }
    return true;
}

bool target_read(struct call *call)
{
    char *query = strchr(call->target, '?');
    const char *wrong = NULL;
    for (const char *at = call->target; *at != '\0'; at++) {
        if ((unsigned char)*at <= 0x20 || *at == 0x7f || *at == '#') {
            call_refuse(call, 400, "", "the request target has a character that must be escaped");
            return false;
        }
    }
    if (query != NULL)
        *query++ = '\0';
    call->path = (clientid_str){call->target, strlen(call->target)};
    if (!path_is_plain(call->path)) {
        call_refuse(call, 400, "", "the path has more than one reading");
        return false;
    }
    if (query != NULL)
        wrong = target_pairs(query, call->query, CALL_QUERY_MAX, &call->query_count);
    if (wrong != NULL)
        call_refuse(call, 400, "", "the query %s", wrong);
    return wrong == NULL;
}
