/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__STR_H
#define CLIENTID__STR_H

#include <clientid/types.h>

#include <stdbool.h>
#include <string.h>

/* Slices never own.  Every function takes any bytes, NUL included. */

static inline clientid_str clientid__str(const char *ptr, size_t len)
{
    return (clientid_str){ptr, len};
}

static inline clientid_str clientid__cstr(const char *text)
{
    return (clientid_str){text, strlen(text)};
}

static inline bool clientid__str_eq(clientid_str a, clientid_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static inline unsigned char clientid__lower(unsigned char c)
{
    return c >= 'A' && c <= 'Z' ? (unsigned char)(c | 0x20) : c;
}

/* ASCII letters without regard to case, other bytes as they are. */
static inline bool clientid__str_case_eq(clientid_str a, clientid_str b)
{
    if (a.len != b.len)
        return false;
    for (size_t i = 0; i < a.len; i++)
        if (clientid__lower((unsigned char)a.ptr[i]) != clientid__lower((unsigned char)b.ptr[i]))
            return false;
    return true;
}

static inline bool clientid__is_control(unsigned char c)
{
    return c < 0x20 || c == 0x7f;
}

/* The slice without leading and trailing optional white space (RFC 9110 section 5.6.3). */
static inline clientid_str clientid__trim_ows(clientid_str s)
{
    while (s.len > 0 && (s.ptr[0] == ' ' || s.ptr[0] == '\t')) {
        s.ptr++;
        s.len--;
    }
    while (s.len > 0 && (s.ptr[s.len - 1] == ' ' || s.ptr[s.len - 1] == '\t'))
        s.len--;
    return s;
}

#endif
