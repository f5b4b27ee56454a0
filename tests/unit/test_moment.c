/* SPDX-License-Identifier: Apache-2.0 */
/* Moments as RFC 3339 text and back. */
#include "support_event.h"
#include "support_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define S 1000000000ULL

static const struct {
    const char *text;
    uint64_t time_ns; /* UINT64_MAX: refused */
} rows[] = {
    {"1970-01-01T00:00:00Z", 0},
    {"1970-01-01T00:00:00.000Z", 0},
    {"2000-02-29T12:00:00Z", 951825600 * S},
    {"2023-11-14T22:13:20.5Z", 1700000000 * S + S / 2},
    {"2023-11-14T22:13:20.123456789Z", 1700000000 * S + 123456789},
    {"2023-11-14T22:13:20.1234567899Z", 1700000000 * S + 123456789},
    {"2023-11-14t22:13:20z", 1700000000 * S},
    {"2023-11-15T00:13:20+02:00", 1700000000 * S},
    {"2023-11-14T16:43:20-05:30", 1700000000 * S},
    {"2100-03-01T00:00:00Z", 4107542400 * S},
    {"2016-12-31T23:59:60Z", 1483228800 * S}, /* a leap second */
    {"1969-12-31T23:59:59Z", UINT64_MAX},
    {"1970-01-01T00:00:00+00:01", UINT64_MAX},
    {"2262-01-01T00:00:00Z", UINT64_MAX}, /* beyond what a store keeps */
    {"2023-02-29T00:00:00Z", UINT64_MAX},
    {"2100-02-29T00:00:00Z", UINT64_MAX},
    {"2023-04-31T00:00:00Z", UINT64_MAX},
    {"2023-13-01T00:00:00Z", UINT64_MAX},
    {"2023-00-01T00:00:00Z", UINT64_MAX},
    {"2023-01-00T00:00:00Z", UINT64_MAX},
    {"2023-01-01T24:00:00Z", UINT64_MAX},
    {"2023-01-01T00:60:00Z", UINT64_MAX},
    {"2023-01-01T00:00:61Z", UINT64_MAX},
    {"2023-01-01T00:00:00", UINT64_MAX},
    {"2023-01-01T00:00:00.Z", UINT64_MAX},
    {"2023-01-01T00:00:00ZZ", UINT64_MAX},
    {"2023-01-01T00:00:00+24:00", UINT64_MAX},
    {"2023-01-01T00:00:00+2:00", UINT64_MAX},
    {"2023-01-01 00:00:00Z", UINT64_MAX},
    {"2023-1-01T00:00:00Z", UINT64_MAX},
    {"", UINT64_MAX},
    {"1700000000", UINT64_MAX},
};

static void test_parse(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t time_ns = 1;
        int rc = clientid_time_parse(support_str(rows[i].text), &time_ns);

        if (rows[i].time_ns == UINT64_MAX ? rc != CLIENTID_ERR_SYNTAX
                                          : rc != 0 || time_ns != rows[i].time_ns)
            fail_msg("%s: %d %llu", rows[i].text, rc, (unsigned long long)time_ns);
    }
}

static void test_round_trip(void **state)
{
    uint64_t seed = 5;
    char text[40];

    (void)state;
    clientid_time_format(1700000000 * S, text, sizeof(text));
    assert_string_equal(text, "2023-11-14T22:13:20.000Z");
    clientid_time_format(1700000000 * S + 1, text, sizeof(text));
    assert_string_equal(text, "2023-11-14T22:13:20.000000001Z");
    for (int i = 0; i < 20000; i++) {
        uint64_t time_ns = support_random(&seed) % (9200000000ULL * S), again = 0;

        clientid_time_format(time_ns, text, sizeof(text));
        if (clientid_time_parse(support_str(text), &again) != 0 || again != time_ns)
            fail_msg("%s: %llu", text, (unsigned long long)time_ns);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_parse),
        cmocka_unit_test(test_round_trip),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
