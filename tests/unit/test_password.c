/* SPDX-License-Identifier: Apache-2.0 */
/* Kept passwords: a known answer, what matches, what is damaged, what is too long, and two at a time. */
#include "control/control.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <pthread.h>

#include <cmocka.h>

#define LOG2_N 4

static clientid_str str(const char *text)
{
    return (clientid_str){text, strlen(text)};
}

static bool matches(const char *kept, const char *password)
{
    bool yes = false, outdated;

    assert_int_equal(clientid__password_verify(LOG2_N, kept, str(password), &yes, &outdated, NULL),
                     0);
    return yes;
}

static void test_round_trip(void **state)
{
    char kept[CLIENTID__PASSWORD_TEXT_MAX + 1], again[CLIENTID__PASSWORD_TEXT_MAX + 1];

    (void)state;
    assert_int_equal(clientid__password_hash(LOG2_N, str("p\xc3\xa4ssword"), kept, NULL), 0);
    assert_int_equal(strncmp(kept, "scrypt$4$8$3$", 13), 0);
    assert_int_equal(strlen(kept), 13 + 32 + 1 + 64);
    assert_true(matches(kept, "p\xc3\xa4ssword"));
    assert_false(matches(kept, "P\xc3\xa4ssword"));
    assert_false(matches(kept, "p\xc3\xa4ssword "));
    assert_false(matches(kept, ""));
    assert_int_equal(clientid__password_hash(LOG2_N, str("p\xc3\xa4ssword"), again, NULL), 0);
    assert_string_not_equal(kept, again);
}

/* Python: hashlib.scrypt(b"pleaseletmein", salt=b"SodiumChloride!!", n=16384, r=8, p=1, dklen=32), and with p=3, n=32768. */
static void test_known_answers(void **state)
{
    static const char one[] = "scrypt$14$8$1$536f6469756d43686c6f726964652121$"
                              "5266323433bf611b859ac800e892b96da335a93270d5b16f5f66ab7b50f63817";
    static const char today[] = "scrypt$15$8$3$536f6469756d43686c6f726964652121$"
                                "e5aaa1612265c5b3f238d25cf3f2d975e468dd1b30e91badb624967f76c42674";
    bool yes, outdated;

    (void)state;
    assert_int_equal(
        clientid__password_verify(15, one, str("pleaseletmein"), &yes, &outdated, NULL), 0);
    assert_true(yes);
    assert_true(outdated);
    assert_int_equal(
        clientid__password_verify(15, today, str("pleaseletmein"), &yes, &outdated, NULL), 0);
    assert_true(yes);
    assert_false(outdated);
}

static void test_damaged_matches_nothing(void **state)
{
    char kept[CLIENTID__PASSWORD_TEXT_MAX + 1], damaged[CLIENTID__PASSWORD_TEXT_MAX + 1];
    static const char *const others[] = {"",
                                         "scrypt",
                                         "scrypt$4$8$3$",
                                         "scrypt$99$8$3$00$00",
                                         "scrypt$4$99$3$00$00",
                                         "scrypt$0$8$3$00$00",
                                         "secret password"};

    (void)state;
    assert_int_equal(clientid__password_hash(LOG2_N, str("password1"), kept, NULL), 0);
    for (size_t i = 0; i < strlen(kept); i++) {
        memcpy(damaged, kept, sizeof(damaged));
        damaged[i] = damaged[i] == '0' ? '1' : '0';
        if (matches(damaged, "password1"))
            fail_msg("matches with byte %zu changed", i);
        memcpy(damaged, kept, sizeof(damaged));
        damaged[i] = '\0';
        if (matches(damaged, "password1"))
            fail_msg("matches with %zu bytes", i);
    }
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++) {
        assert_false(matches(others[i], "secret password"));
        assert_false(matches(others[i], ""));
    }
}

static void test_lengths_and_bytes(void **state)
{
    static char longest[CLIENTID_PASSWORD_MAX + 2];
    char kept[CLIENTID__PASSWORD_TEXT_MAX + 1];
    clientid_error error;

    (void)state;
    memset(longest, 'x', sizeof(longest) - 1);
    assert_int_equal(clientid__password_check(str("1234567"), &error), CLIENTID_ERR_SYNTAX);
    assert_string_equal(error.pointer, "/password");
    assert_null(strstr(error.text, "1234567"));
    assert_int_equal(clientid__password_check(str("12345678"), &error), 0);
    assert_int_equal(clientid__password_check(str("aaaa\naaa"), &error), 0);
    assert_int_equal(clientid__password_check((clientid_str){"aaaa\0aaa", 8}, &error),
                     CLIENTID_ERR_SYNTAX);
    assert_int_equal(clientid__password_check(str("aaaa\xff"
                                                  "aaa"),
                                              &error),
                     CLIENTID_ERR_SYNTAX);
    assert_int_equal(
        clientid__password_check((clientid_str){longest, CLIENTID_PASSWORD_MAX}, &error), 0);
    assert_int_equal(
        clientid__password_check((clientid_str){longest, CLIENTID_PASSWORD_MAX + 1}, &error),
        CLIENTID_ERR_SYNTAX);
    /* A longer guess is cut for the work, and must not match what it was cut to. */
    longest[CLIENTID_PASSWORD_MAX] = '\0';
    assert_int_equal(clientid__password_hash(LOG2_N, str(longest), kept, NULL), 0);
    assert_true(matches(kept, longest));
    longest[CLIENTID_PASSWORD_MAX] = 'x';
    assert_false(matches(kept, longest));
}

static void *guess(void *kept)
{
    for (int i = 0; i < 20; i++)
        assert_true(matches(kept, "password1"));
    return NULL;
}

/* Those that wait for their turn all get one. */
static void test_many_threads(void **state)
{
    char kept[CLIENTID__PASSWORD_TEXT_MAX + 1];
    pthread_t threads[8];

    (void)state;
    assert_int_equal(clientid__password_hash(LOG2_N, str("password1"), kept, NULL), 0);
    for (size_t i = 0; i < 8; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, guess, kept), 0);
    for (size_t i = 0; i < 8; i++)
        pthread_join(threads[i], NULL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_known_answers),
        cmocka_unit_test(test_damaged_matches_nothing),
        cmocka_unit_test(test_lengths_and_bytes),
        cmocka_unit_test(test_many_threads),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
