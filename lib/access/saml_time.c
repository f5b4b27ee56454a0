/* SPDX-License-Identifier: Apache-2.0 */
/* SAML writes moments in UTC (Core 1.3.3): one without Z, or with an offset, is refused, not guessed at. */
#include "access/saml.h"

#include <string.h>
#include <time.h>

#define SECOND 1000000000ULL
/* In 2242: leaves room to add to it in nanoseconds. */
#define LATEST 0x200000000LL

static bool digit(char c)
{
    return c >= '0' && c <= '9';
}

static int number(const char *text, size_t count)
{
    int value = 0;

    for (size_t i = 0; i < count; i++)
        value = value * 10 + (text[i] - '0');
    return value;
}

/* As |shape|, in which '0' is any digit. */
static bool shaped(const char *text, const char *shape)
{
    for (; *shape != '\0'; text++, shape++)
        if (*shape == '0' ? !digit(*text) : *text != *shape)
            return false;
    return true;
}

/* ".", digits and Z, or Z alone; digits beyond the ninth are dropped. */
static bool fraction(const char *text, uint64_t *ns)
{
    uint64_t unit = SECOND / 10;

    *ns = 0;
    if (*text == '.') {
        if (!digit(*++text))
            return false;
        for (; digit(*text); text++, unit /= 10)
            *ns += unit * (uint64_t)(*text - '0');
    }
    return strcmp(text, "Z") == 0;
}

/* Whether |b|, made of |a| by way of seconds, is still the same day: there is no 31 February. */
static bool same_day(const struct tm *a, const struct tm *b)
{
    return a->tm_year == b->tm_year && a->tm_mon == b->tm_mon && a->tm_mday == b->tm_mday;
}

bool clientid__saml_time(const char *text, uint64_t *time_ns)
{
    struct tm tm, back;
    uint64_t ns;
    time_t seconds;

    if (!shaped(text, "0000-00-00T00:00:00") || !fraction(text + 19, &ns))
        return false;
    tm = (struct tm){.tm_year = number(text, 4) - 1900,
                     .tm_mon = number(text + 5, 2) - 1,
                     .tm_mday = number(text + 8, 2),
                     .tm_hour = number(text + 11, 2),
                     .tm_min = number(text + 14, 2),
                     .tm_sec = number(text + 17, 2)};
    /* An hour too many is another day. */
    if (tm.tm_min > 59 || tm.tm_sec > 59)
        return false;
    back = tm;
    seconds = timegm(&back);
    if (seconds < 0 || !same_day(&tm, &back))
        return false;
    *time_ns = (uint64_t)(seconds < LATEST ? seconds : LATEST) * SECOND + ns;
    return true;
}
