/* SPDX-License-Identifier: Apache-2.0 */
#include "sync/backoff.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define MS 1000000ULL

static void each_wait_doubles_up_to_the_most(void **state)
{
    struct clientid__backoff b = {50 * MS, 15000 * MS, 42, 0, 0};
    uint64_t most = 50 * MS;

    (void)state;
    for (int i = 0; i < 40; i++) {
        uint64_t wait = clientid__backoff_wait(&b);

        assert_in_range(wait, most / 2, most);
        most = most * 2 < 15000 * MS ? most * 2 : 15000 * MS;
    }
}

static void a_success_begins_anew(void **state)
{
    struct clientid__backoff b = {50 * MS, 15000 * MS, 42, 0, 0};

    (void)state;
    for (int i = 0; i < 20; i++)
        clientid__backoff_wait(&b);
    clientid__backoff_reset(&b);
    assert_in_range(clientid__backoff_wait(&b), 25 * MS, 50 * MS);
    assert_in_range(clientid__backoff_wait(&b), 50 * MS, 100 * MS);
}

static void gateways_that_failed_together_come_back_apart(void **state)
{
    uint64_t low = UINT64_MAX, high = 0;

    (void)state;
    for (uint64_t seed = 0; seed < 200; seed++) {
        struct clientid__backoff b = {1000 * MS, 1000 * MS, seed * 1000, 0, 0};
        uint64_t wait = clientid__backoff_wait(&b);

        low = wait < low ? wait : low;
        high = wait > high ? wait : high;
    }
    assert_true(low < 550 * MS && high > 950 * MS);
}

static void numbers_at_their_ends_do_not_overflow(void **state)
{
    struct clientid__backoff large = {UINT64_MAX, 1, 1, 0, UINT32_MAX};
    struct clientid__backoff zero = {0, 0, 1, 0, 0};
    struct clientid__backoff wide = {1, UINT64_MAX, 1, 0, 0};

    (void)state;
    assert_true(clientid__backoff_wait(&large) >= UINT64_MAX / 2);
    assert_int_equal(large.failures, UINT32_MAX);
    assert_int_equal(clientid__backoff_wait(&zero), 0);
    for (int i = 0; i < 100; i++)
        clientid__backoff_wait(&wide);
    assert_true(clientid__backoff_wait(&wide) >= UINT64_MAX / 2);
}

static void an_interval_above_the_most_stays_the_interval(void **state)
{
    struct clientid__backoff b = {60000 * MS, 15000 * MS, 3, 0, 0};

    (void)state;
    for (int i = 0; i < 5; i++)
        assert_in_range(clientid__backoff_wait(&b), 30000 * MS, 60000 * MS);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(each_wait_doubles_up_to_the_most),
        cmocka_unit_test(a_success_begins_anew),
        cmocka_unit_test(gateways_that_failed_together_come_back_apart),
        cmocka_unit_test(numbers_at_their_ends_do_not_overflow),
        cmocka_unit_test(an_interval_above_the_most_stays_the_interval),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
