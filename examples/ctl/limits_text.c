/* SPDX-License-Identifier: Apache-2.0 */
/* What limit_format writes, limit_parse reads back to the same limit. */
#include "limits_text.h"

#include "time_text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

const char *limit_parse(const char *text, clientid_limit *limit)
{
    char period[32];
    char *end;
    if (!isdigit((unsigned char)*text))
        return "a limit is written COUNT/PERIOD, such as 100/1m";
    errno = 0;
    unsigned long long count = strtoull(text, &end, 10);
    if (errno != 0)
        return "the count is too large";
    if (count == 0)
        return "the count must be at least 1";
    if (*end != '/')
        return "a limit is written COUNT/PERIOD, such as 100/1m";
    size_t length = strcspn(end + 1, ":");
    const char *suffix = end + 1 + length;
    if (*suffix != '\0' && strcmp(suffix, ":hidden") != 0)
        return "after the period only :hidden may stand";
    if (length == 0 || length >= sizeof(period))
        return "a limit is written COUNT/PERIOD, such as 100/1m";
    memcpy(period, end + 1, length);
    period[length] = '\0';
    *limit = (clientid_limit){.maximum_requests = count, .visible = *suffix == '\0'};
    return span_parse(period, &limit->period_ms);
}

void limit_format(const clientid_limit *limit, char *out, size_t size)
{
    char period[32];
    span_format(limit->period_ms, period, sizeof(period));
    snprintf(out, size, "%" PRIu64 "/%s%s", limit->maximum_requests, period,
             limit->visible ? "" : ":hidden");
}

void limits_format(const clientid_limit *limits, size_t count, char *out, size_t size)
{
    size_t used = 0;
    snprintf(out, size, "unlimited");
    for (size_t i = 0; i < count && used + 2 < size; i++) {
        if (i > 0)
            out[used++] = ',';
        limit_format(&limits[i], out + used, size - used);
        used += strlen(out + used);
    }
}
