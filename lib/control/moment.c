/* SPDX-License-Identifier: Apache-2.0 */
/* A moment that is written and read again is the same to the nanosecond. */
#include "control/control.h"

#include "base/str.h"

#include <stdio.h>
#include <time.h>

#define SECOND 1000000000ULL

void clientid_time_format(uint64_t time_ns, char *out, size_t size)
{
    time_t seconds = (time_t)(time_ns / SECOND);
    unsigned fraction = (unsigned)(time_ns % SECOND);
    char day[32] = "";
    struct tm tm;

    if (gmtime_r(&seconds, &tm) != NULL)
        strftime(day, sizeof(day), "%Y-%m-%dT%H:%M:%S", &tm);
    if (fraction % 1000000 == 0)
        snprintf(out, size, "%s.%03uZ", day, fraction / 1000000);
    else
        snprintf(out, size, "%s.%09uZ", day, fraction);
}

/* |count| digits at |*at|; false when there are fewer. */
static bool digits(clientid_str text, size_t *at, size_t count, unsigned *out)
{
    *out = 0;
    if (text.len < *at || text.len - *at < count)
        return false;
    for (; count > 0; count--, ++*at) {
        if (text.ptr[*at] < '0' || text.ptr[*at] > '9')
            return false;
        *out = *out * 10 + (unsigned)(text.ptr[*at] - '0');
    }
    return true;
}

static bool letter(clientid_str text, size_t *at, char upper)
{
    if (*at >= text.len || (text.ptr[*at] & ~0x20) != (upper & ~0x20))
        return false;
    if (text.ptr[*at] != upper && !(upper >= 'A' && upper <= 'Z'))
        return false;
    ++*at;
    return true;
}

/* "." and digits; those beyond the ninth are dropped. */
static bool fraction(clientid_str text, size_t *at, uint64_t *out)
{
    uint64_t unit = SECOND / 10;
    size_t start;

    *out = 0;
    if (*at >= text.len || text.ptr[*at] != '.')
        return true;
    for (start = ++*at; *at < text.len && text.ptr[*at] >= '0' && text.ptr[*at] <= '9'; ++*at) {
        *out += unit * (uint64_t)(text.ptr[*at] - '0');
        unit /= 10;
    }
    return *at > start;
}

/* Days from 1970-01-01 in the Gregorian calendar, |year| from 1970. */
static uint64_t days(unsigned year, unsigned month, unsigned day)
{
    static const unsigned before[] = {0, 31, 59, 90, 120, 151, 181, 212, 243, 273, 304, 334};
    unsigned y = year - 1;
    unsigned leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;

    return (year - 1970) * 365ULL + (y / 4 - y / 100 + y / 400) -
           (1969 / 4 - 1969 / 100 + 1969 / 400) + before[month - 1] + (month > 2 ? leap : 0) + day -
           1;
}

/* "Z" or "+hh:mm", "-hh:mm"; in minutes to take off. */
static bool offset(clientid_str text, size_t *at, int *minutes)
{
    unsigned hour, minute;
    int sign;

    *minutes = 0;
    if (letter(text, at, 'Z'))
        return true;
    if (*at >= text.len || (text.ptr[*at] != '+' && text.ptr[*at] != '-'))
        return false;
    sign = text.ptr[(*at)++] == '+' ? 1 : -1;
    if (!digits(text, at, 2, &hour) || !letter(text, at, ':') || !digits(text, at, 2, &minute))
        return false;
    *minutes = sign * (int)(hour * 60 + minute);
    return hour < 24 && minute < 60;
}

int clientid_time_parse(clientid_str text, uint64_t *time_ns)
{
    static const unsigned length[] = {31, 29, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    unsigned year, month, day, hour, minute, second;
    uint64_t nanoseconds;
    int64_t seconds;
    int minutes;
    size_t at = 0;

    if (!digits(text, &at, 4, &year) || !letter(text, &at, '-') || !digits(text, &at, 2, &month) ||
        !letter(text, &at, '-') || !digits(text, &at, 2, &day) || !letter(text, &at, 'T') ||
        !digits(text, &at, 2, &hour) || !letter(text, &at, ':') || !digits(text, &at, 2, &minute) ||
        !letter(text, &at, ':') || !digits(text, &at, 2, &second) ||
        !fraction(text, &at, &nanoseconds) || !offset(text, &at, &minutes) || at != text.len)
        return CLIENTID_ERR_SYNTAX;
    /* 2262 is where int64_t nanoseconds end. */
    if (year < 1970 || year > 2261 || month < 1 || month > 12 || day < 1 ||
        day > length[month - 1] || hour > 23 || minute > 59 || second > 60)
        return CLIENTID_ERR_SYNTAX;
    if (month == 2 && day == 29 && !((year % 4 == 0 && year % 100 != 0) || year % 400 == 0))
        return CLIENTID_ERR_SYNTAX;
    seconds = (int64_t)(days(year, month, day) * 86400 + hour * 3600 + minute * 60 + second) -
              (int64_t)minutes * 60;
    if (seconds < 0)
        return CLIENTID_ERR_SYNTAX;
    *time_ns = (uint64_t)seconds * SECOND + nanoseconds;
    return 0;
}
