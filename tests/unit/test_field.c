/* SPDX-License-Identifier: Apache-2.0 */
/* What may be stored as text. */
#include "support_store.h"

#include "control/control.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define TEXT(literal)                                                                              \
    {                                                                                              \
        literal, sizeof(literal) - 1                                                               \
    }

static const struct {
    const char *name;
    clientid_str value;
    enum clientid__field kind;
    bool good;
} rows[] = {
    {"plain", TEXT("orders"), CLIENTID__FIELD_NAME, true},
    {"every length of UTF-8", TEXT("a\xc3\xa9\xe2\x82\xac\xf0\x9f\x99\x82"), CLIENTID__FIELD_NAME,
     true},
    {"the last code point", TEXT("\xf4\x8f\xbf\xbf"), CLIENTID__FIELD_NAME, true},
    {"beyond the last code point", TEXT("\xf4\x90\x80\x80"), CLIENTID__FIELD_NAME, false},
    {"a lead byte beyond all", TEXT("\xf5\x80\x80\x80"), CLIENTID__FIELD_NAME, false},
    {"overlong in two bytes", TEXT("\xc0\xaf"), CLIENTID__FIELD_NAME, false},
    {"overlong in three bytes", TEXT("\xe0\x9f\xbf"), CLIENTID__FIELD_NAME, false},
    {"overlong in four bytes", TEXT("\xf0\x8f\xbf\xbf"), CLIENTID__FIELD_NAME, false},
    {"a surrogate", TEXT("\xed\xa0\x80"), CLIENTID__FIELD_NAME, false},
    {"just below the surrogates", TEXT("\xed\x9f\xbf"), CLIENTID__FIELD_NAME, true},
    {"a lone continuation byte", TEXT("\x80"), CLIENTID__FIELD_NAME, false},
    {"cut off at the end", TEXT("ab\xe2\x82"), CLIENTID__FIELD_NAME, false},
    {"cut off in the middle", TEXT("\xe2\x82z"), CLIENTID__FIELD_NAME, false},
    {"Latin-1", TEXT("caf\xe9"), CLIENTID__FIELD_NAME, false},
    {"NUL", TEXT("a\0b"), CLIENTID__FIELD_NAME, false},
    {"NUL in a text", TEXT("a\0b"), CLIENTID__FIELD_TEXT, false},
    {"a line break in a name", TEXT("a\nb"), CLIENTID__FIELD_NAME, false},
    {"a line break in a text", TEXT("a\r\n\tb"), CLIENTID__FIELD_TEXT, true},
    {"escape", TEXT("\x1b[31m"), CLIENTID__FIELD_TEXT, false},
    {"delete", TEXT("a\x7f"), CLIENTID__FIELD_TEXT, false},
    {"empty", TEXT(""), CLIENTID__FIELD_NAME, false},
    {"of the greatest length", TEXT("0123456789"), CLIENTID__FIELD_NAME, true},
    {"longer", TEXT("0123456789x"), CLIENTID__FIELD_NAME, false},
};

static void test_fields(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        clientid_error error = {0};
        int rc = clientid__check_field(&error, "/at", rows[i].value, 1, 10, rows[i].kind);

        if (rc != (rows[i].good ? 0 : CLIENTID_ERR_SYNTAX))
            fail_msg("%s: %d %s", rows[i].name, rc, error.text);
        if (rc != 0)
            assert_string_equal(error.pointer, "/at");
    }
}

static void test_lists(void **state)
{
    clientid_str list[CLIENTID_APPLICATION_LIST_MAX + 1];
    clientid_error error;

    (void)state;
    for (size_t i = 0; i <= CLIENTID_APPLICATION_LIST_MAX; i++)
        list[i] = CLIENTID_STR("x");
    assert_int_equal(clientid__check_list(&error, "/list", list, CLIENTID_APPLICATION_LIST_MAX, 5),
                     0);
    assert_int_equal(
        clientid__check_list(&error, "/list", list, CLIENTID_APPLICATION_LIST_MAX + 1, 5),
        CLIENTID_ERR_SYNTAX);
    list[3] = CLIENTID_STR("");
    assert_int_equal(clientid__check_list(&error, "/list", list, 4, 5), CLIENTID_ERR_SYNTAX);
    assert_string_equal(error.pointer, "/list/3");
}

static void test_characters(void **state)
{
    (void)state;
    assert_int_equal(clientid__characters(CLIENTID_STR("a\xc3\xa9\xe2\x82\xac")), 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_characters),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
