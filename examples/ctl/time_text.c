/* SPDX-License-Identifier: Apache-2.0 */
/* What a format function writes, the parse function reads back to the same number. */
#include "time_text.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

static const struct {
    const char *name;
    uint64_t ms;
} units[] = {{"d", 86400000}, {"h", 3600000}, {"m", 60000}, {"s", 1000}, {"ms", 1}};

enum { UNIT_COUNT = sizeof(units) / sizeof(units[0]) };

uint64_t now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000u + (uint64_t)now.tv_nsec;
}

/* Digits at |*text|; false when there are none or too many for 64 bits. */
static int digits(const char **text, uint64_t *value)
{
    const char *p = *text;
    uint64_t sum = 0;
    for (; isdigit((unsigned char)*p); p++) {
        unsigned digit = (unsigned)(*p - '0');
        if (sum > (UINT64_MAX - digit) / 10)
            return 0;
        sum = sum * 10 + digit;
    }
    if (p == *text)
        return 0;
    *text = p;
    *value = sum;
    return 1;
}

const char *span_parse(const char *text, uint64_t *span_ms)
{
    uint64_t count = 1; /* "s" is "1s" */
    const char *unit = text;
    if (isdigit((unsigned char)*text) && !digits(&unit, &count))
        return "the number is too large";
    if (count == 0)
        return "it must be at least 1";
    for (size_t i = 0; i < UNIT_COUNT; i++) {
        if (strcmp(unit, units[i].name) != 0)
            continue;
        /* Nanoseconds of it must fit the library's clock. */
        if (count > INT64_MAX / 1000000 / units[i].ms)
            return "it is too long";
        *span_ms = count * units[i].ms;
        return NULL;
    }
    return "a time needs a unit: ms, s, m, h or d";
}

void span_format(uint64_t span_ms, char *out, size_t size)
{
    size_t i = 0;
    while (i < UNIT_COUNT - 1 && (span_ms == 0 || span_ms % units[i].ms != 0))
        i++;
    snprintf(out, size, "%" PRIu64 "%s", span_ms / units[i].ms, units[i].name);
}

const char *moment_parse(const char *text, uint64_t now, uint64_t *moment_ns)
{
    static const char wrong[] =
        "a moment is written 2030-01-31T12:00:00Z, 2030-01-31, \"now\" or +1h from now";
    uint64_t span_ms;
    struct tm tm = {0};
    if (strcmp(text, "now") == 0) {
        *moment_ns = now;
        return NULL;
    }
    if (text[0] == '+') {
        const char *why = span_parse(text + 1, &span_ms);
        if (why == NULL)
            *moment_ns = now + span_ms * 1000000u;
        return why;
    }
    const char *end = strptime(text, "%Y-%m-%dT%H:%M:%SZ", &tm);
    if (end == NULL) {
        tm = (struct tm){0};
        end = strptime(text, "%Y-%m-%d", &tm);
    }
    if (end == NULL || *end != '\0')
        return wrong;
    time_t seconds = timegm(&tm);
    if (seconds <= 0 || (uint64_t)seconds > INT64_MAX / 1000000000)
        return "the year is out of range";
    *moment_ns = (uint64_t)seconds * 1000000000u;
    return NULL;
}

void moment_format(uint64_t moment_ns, char *out, size_t size)
{
    time_t seconds = (time_t)(moment_ns / 1000000000u);
    struct tm tm;
    if (moment_ns == 0 || gmtime_r(&seconds, &tm) == NULL ||
        strftime(out, size, "%Y-%m-%dT%H:%M:%SZ", &tm) == 0)
        snprintf(out, size, "-");
}
