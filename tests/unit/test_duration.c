/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "policy/duration.h"

#include <inttypes.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define MS  UINT64_C(1000000)
#define BAD UINT64_MAX

static void test_duration(void **state)
{
    static const struct {
        const char *text;
        uint64_t ns; /* BAD: refused */
    } rows[] = {
        {"0", 0},
        {"0s", 0},
        {"1ms", MS},
        {"500ms", 500 * MS},
        {"60s", 60000 * MS},
        {"5m", 300000 * MS},
        {"1h", 3600000 * MS},
        {"30d", 2592000 * (1000 * MS)},
        {"213503d", 213503 * (86400000 * MS)},
        {"213504d", BAD}, /* 64 bits of nanoseconds end here */
        {"18446744073709551616ms", BAD},
        {"99999999999999999999s", BAD},
        {"", BAD},
        {"5", BAD},
        {"00", BAD},
        {"s", BAD},
        {"-1s", BAD},
        {"+1s", BAD},
        {"1.5s", BAD},
        {"1 s", BAD},
        {" 1s", BAD},
        {"1s ", BAD},
        {"1S", BAD},
        {"1min", BAD},
        {"1w", BAD},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t ns = BAD;
        int rv = clientid__duration_parse(clientid__cstr(rows[i].text), &ns);

        if (rv != (rows[i].ns == BAD ? CLIENTID_ERR_SYNTAX : 0) || (rv == 0 && ns != rows[i].ns))
            fail_msg("\"%s\": %d, %" PRIu64, rows[i].text, rv, ns);
    }
    assert_int_equal(clientid__duration_parse((clientid_str){NULL, 0}, &(uint64_t){0}),
                     CLIENTID_ERR_SYNTAX);
}

static void test_limit(void **state)
{
    static const struct {
        const char *text;
        uint64_t maximum, period_ms; /* period 0: refused */
    } rows[] = {
        {"100/1m", 100, 60000},
        {"5/s", 5, 1000},
        {"10000/1d", 10000, 86400000},
        {"1/ms", 1, 1},
        {"7/250ms", 7, 250},
        {"3/2h", 3, 7200000},
        {"0/1s", 0, 0},
        {"5/0s", 0, 0},
        {"5/", 0, 0},
        {"/1s", 0, 0},
        {"5", 0, 0},
        {"", 0, 0},
        {"5/1", 0, 0},
        {"5/1s/1s", 0, 0},
        {"5 /1s", 0, 0},
        {"5/1s ", 0, 0},
        {"-5/1s", 0, 0},
        {"5/-1s", 0, 0},
        {"18446744073709551616/1s", 0, 0},
        {"5/18446744073709551616s", 0, 0},
        {"5/18446744073709551615s", 0, 0}, /* milliseconds overflow */
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t maximum = 0, period_ms = 0;
        int rv = clientid__limit_parse(clientid__cstr(rows[i].text), &maximum, &period_ms);

        if (rv != (rows[i].period_ms == 0 ? CLIENTID_ERR_SYNTAX : 0) ||
            (rv == 0 && (maximum != rows[i].maximum || period_ms != rows[i].period_ms)))
            fail_msg("\"%s\": %d, %" PRIu64 " in %" PRIu64 " ms", rows[i].text, rv, maximum,
                     period_ms);
    }
}

static void test_write(void **state)
{
    static const struct {
        uint64_t ns;
        const char *text;
    } rows[] = {
        {0, "0ms"},
        {1, "1ms"}, /* rounded up */
        {MS, "1ms"},
        {1500 * MS, "1500ms"},
        {1000 * MS, "1s"},
        {90000 * MS, "90s"},
        {60000 * MS, "1m"},
        {3600000 * MS, "1h"},
        {7200000 * MS, "2h"},
        {86400000 * MS, "1d"},
        {UINT64_MAX, "18446744073710ms"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char out[CLIENTID__DURATION_TEXT];
        clientid_str text = {out, clientid__duration_write(rows[i].ns, out)};

        if (!clientid__str_eq(text, clientid__cstr(rows[i].text)))
            fail_msg("%" PRIu64 ": %.*s", rows[i].ns, (int)text.len, text.ptr);
    }
}

/* Whatever is written reads back as the same time, for all whole milliseconds. */
static void test_round_trip(void **state)
{
    uint64_t seed = 88172645463325252U;

    (void)state;
    for (int i = 0; i < 20000; i++) {
        char out[CLIENTID__DURATION_TEXT];
        uint64_t ns, again = 0;

        seed ^= seed << 13;
        seed ^= seed >> 7;
        seed ^= seed << 17;
        ns = (seed >> (seed % 40)) / MS * MS;
        if (clientid__duration_parse((clientid_str){out, clientid__duration_write(ns, out)},
                                     &again) != 0 ||
            again != ns)
            fail_msg("%" PRIu64 " came back as %" PRIu64, ns, again);
    }
}

static void test_decimal(void **state)
{
    char out[20];

    (void)state;
    assert_int_equal(clientid__decimal_write(0, out), 1);
    assert_memory_equal(out, "0", 1);
    assert_int_equal(clientid__decimal_write(UINT64_MAX, out), 20);
    assert_memory_equal(out, "18446744073709551615", 20);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_duration), cmocka_unit_test(test_limit),
        cmocka_unit_test(test_write),    cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_decimal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
