/* SPDX-License-Identifier: Apache-2.0 */
/* What is stored is valid UTF-8, so it is valid in JSON, SQL and on a terminal. */
#include "control/control.h"

#include "base/error.h"
#include "base/str.h"

#include <stdio.h>

/* Bytes of the code point at |s|, 0 when it is none (RFC 3629: no overlong forms, surrogates, above 10FFFF). */
static size_t code_point(const unsigned char *s, size_t len)
{
    static const unsigned char least[] = {0, 0, 0x80, 0xa0, 0x90};
    size_t n = s[0] < 0x80                    ? 1
               : s[0] >= 0xc2 && s[0] <= 0xdf ? 2
               : (s[0] & 0xf0) == 0xe0        ? 3
               : s[0] >= 0xf0 && s[0] <= 0xf4 ? 4
                                              : 0;

    if (n == 0 || n > len)
        return 0;
    for (size_t i = 1; i < n; i++)
        if ((s[i] & 0xc0) != 0x80)
            return 0;
    if ((s[0] == 0xe0 || s[0] == 0xf0) && s[1] < least[n])
        return 0;
    if ((s[0] == 0xed && s[1] >= 0xa0) || (s[0] == 0xf4 && s[1] >= 0x90))
        return 0;
    return n;
}

static bool control(unsigned char c, enum clientid__field kind)
{
    if (kind == CLIENTID__FIELD_TEXT && (c == '\n' || c == '\r' || c == '\t'))
        return false;
    return kind == CLIENTID__FIELD_PASSWORD ? c == '\0' : clientid__is_control(c);
}

int clientid__check_field(clientid_error *error, const char *pointer, clientid_str value,
                          size_t min, size_t max, enum clientid__field kind)
{
    const unsigned char *s = (const unsigned char *)value.ptr;

    if (value.len < min)
        return min == 1
                   ? clientid__fail_at(error, CLIENTID_ERR_SYNTAX, pointer, "must not be empty")
                   : clientid__fail_at(error, CLIENTID_ERR_SYNTAX, pointer,
                                       "is shorter than %zu bytes", min);
    if (value.len > max)
        return clientid__fail_at(error, CLIENTID_ERR_SYNTAX, pointer, "is longer than %zu bytes",
                                 max);
    for (size_t i = 0, n; i < value.len; i += n) {
        n = code_point(s + i, value.len - i);
        if (n == 0)
            return clientid__fail_at(error, CLIENTID_ERR_SYNTAX, pointer,
                                     "is not UTF-8 at byte %zu", i);
        if (control(s[i], kind))
            return clientid__fail_at(error, CLIENTID_ERR_SYNTAX, pointer,
                                     "has a control character at byte %zu", i);
    }
    return 0;
}

int clientid__check_list(clientid_error *error, const char *pointer, const clientid_str *list,
                         size_t count, size_t max)
{
    char at[64];

    if (count > CLIENTID_APPLICATION_LIST_MAX)
        return clientid__fail_at(error, CLIENTID_ERR_SYNTAX, pointer, "has more than %d elements",
                                 CLIENTID_APPLICATION_LIST_MAX);
    for (size_t i = 0; i < count; i++) {
        int rc;

        snprintf(at, sizeof(at), "%s/%zu", pointer, i);
        rc = clientid__check_field(error, at, list[i], 1, max, CLIENTID__FIELD_NAME);
        if (rc != 0)
            return rc;
    }
    return 0;
}

size_t clientid__characters(clientid_str value)
{
    size_t count = 0;

    for (size_t i = 0; i < value.len; i++)
        count += ((unsigned char)value.ptr[i] & 0xc0) != 0x80;
    return count;
}
