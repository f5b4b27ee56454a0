/* SPDX-License-Identifier: Apache-2.0 */
#include <clientid/check.h>

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

/* Labels become metric labels and log fields: short, lower case, each its own. */
static void test_labels(void **state)
{
    (void)state;
    for (int i = 0; i < CLIENTID_REASON_COUNT; i++) {
        const char *label = clientid_reason_label((clientid_reason)i);

        assert_int_equal(strspn(label, "abcdefghijklmnopqrstuvwxyz-"), strlen(label));
        assert_true(strlen(label) > 2);
        assert_string_not_equal(clientid_reason_text((clientid_reason)i), "?");
        for (int j = 0; j < i; j++)
            assert_string_not_equal(label, clientid_reason_label((clientid_reason)j));
    }
    assert_string_equal(clientid_reason_label(CLIENTID_REASON_QUOTA_EXCEEDED), "quota-exceeded");
    assert_string_equal(clientid_reason_text(CLIENTID_REASON_ID_MISSING),
                        "no client id in the request");
}

static void test_unknown(void **state)
{
    (void)state;
    assert_string_equal(clientid_reason_label((clientid_reason)CLIENTID_REASON_COUNT), "?");
    assert_string_equal(clientid_reason_text((clientid_reason)CLIENTID_REASON_COUNT), "?");
    assert_string_equal(clientid_reason_label((clientid_reason)9999), "?");
    assert_string_equal(clientid_reason_text((clientid_reason)9999), "?");
    assert_string_equal(clientid_verdict_label((clientid_verdict)0), "?");
}

static void test_verdicts(void **state)
{
    (void)state;
    assert_string_equal(clientid_verdict_label(CLIENTID_ALLOW), "allow");
    assert_string_equal(clientid_verdict_label(CLIENTID_DENY), "deny");
    assert_string_equal(clientid_verdict_label(CLIENTID_DELAY), "delay");
    assert_string_equal(clientid_verdict_label(CLIENTID_NEED_BODY), "need-body");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_labels),
        cmocka_unit_test(test_unknown),
        cmocka_unit_test(test_verdicts),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
