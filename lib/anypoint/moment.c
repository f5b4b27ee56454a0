/* SPDX-License-Identifier: Apache-2.0 */
#include "anypoint/moment.h"

#include <string.h>

#define SECOND 1000000000ULL

/* |count| digits at |*at|. */
static bool digits(const char **at, unsigned count, unsigned *out)
{
    for (*out = 0; count > 0; count--, ++*at) {
        if (**at < '0' || **at > '9')
            return false;
        *out = *out * 10 + (unsigned)(**at - '0');
    }
    return true;
}

static bool one_of(const char **at, const char *set)
{
    if (**at == '\0' || strchr(set, **at) == NULL)
        return false;
    ++*at;
    return true;
}

static bool fraction(const char **at, uint64_t *ns)
{
    uint64_t unit = SECOND / 10;
    const char *first;

    *ns = 0;
    if (!one_of(at, "."))
        return true;
    for (first = *at; **at >= '0' && **at <= '9'; ++*at, unit /= 10)
        *ns += unit * (uint64_t)(**at - '0');
    return *at > first;
}

/* "Z" or "+hh:mm", "-hh:mm": minutes to take off. */
static bool offset(const char **at, int *minutes)
{
    unsigned hour, minute;
    int sign = **at == '-' ? -1 : 1;

    *minutes = 0;
    if (one_of(at, "Zz"))
        return true;
    if (!one_of(at, "+-") || !digits(at, 2, &hour) || !one_of(at, ":") || !digits(at, 2, &minute))
        return false;
    *minutes = sign * (int)(hour * 60 + minute);
    return hour < 24 && minute < 60;
}

static bool leap(unsigned year)
{
    return (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
}

/* Days from 1970-01-01. */
static bool days(unsigned year, unsigned month, unsigned day, uint64_t *out)
{
    static const unsigned length[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    unsigned last;

    if (year < 1970 || year > 2261 || month < 1 || month > 12)
        return false;
    last = length[month - 1] + (month == 2 && leap(year));
    *out = day - 1;
    for (unsigned y = 1970; y < year; y++)
        *out += 365 + leap(y);
    for (unsigned m = 1; m < month; m++)
        *out += length[m - 1] + (m == 2 && leap(year));
    return day >= 1 && day <= last;
}

bool clientid__moment_parse(const char *text, uint64_t *time_ns)
{
    unsigned year, month, day, hour, minute, second;
    uint64_t ns, whole_days;
    int64_t seconds;
    int minutes;

    if (!digits(&text, 4, &year) || !one_of(&text, "-") || !digits(&text, 2, &month) ||
        !one_of(&text, "-") || !digits(&text, 2, &day) || !one_of(&text, "Tt") ||
        !digits(&text, 2, &hour) || !one_of(&text, ":") || !digits(&text, 2, &minute) ||
        !one_of(&text, ":") || !digits(&text, 2, &second) || !fraction(&text, &ns) ||
        !offset(&text, &minutes) || *text != '\0')
        return false;
    if (!days(year, month, day, &whole_days) || hour > 23 || minute > 59 || second > 60)
        return false;
    seconds = (int64_t)(whole_days * 86400 + hour * 3600ULL + minute * 60ULL + second) -
              (int64_t)minutes * 60;
    if (seconds < 0)
        return false;
    *time_ns = (uint64_t)seconds * SECOND + ns;
    return true;
}

bool clientid__span_parse(const char *text, uint64_t *ns)
{
    static const struct {
        const char *name;
        uint64_t ns;
    } units[] = {{"ms", 1000000},
                 {"s", SECOND},
                 {"m", 60 * SECOND},
                 {"h", 3600 * SECOND},
                 {"d", 86400 * SECOND}};
    uint64_t number = 0;
    const char *at = text;

    /* More digits than that are no time that anybody waits. */
    for (; *at >= '0' && *at <= '9' && at - text < 9; at++)
        number = number * 10 + (uint64_t)(*at - '0');
    for (size_t i = 0; i < sizeof(units) / sizeof(units[0]) && at > text; i++) {
        if (strcmp(at, units[i].name) == 0 && number <= UINT64_MAX / units[i].ns) {
            *ns = number * units[i].ns;
            return true;
        }
    }
    return false;
}
