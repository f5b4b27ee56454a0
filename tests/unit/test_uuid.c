/* SPDX-License-Identifier: Apache-2.0 */
/* A UUID leads back to its thing, and to nothing of another kind or store. */
#include "support_store.h"

#include <clientid/third_party.h>

#include <ctype.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int parse(struct support_store *s, clientid_uuid_kind kind, const char *text, uint64_t *id)
{
    return clientid_control_uuid_parse(s->control, kind, support_str(text), id, &s->error);
}

static void format(struct support_store *s, clientid_uuid_kind kind, uint64_t id, char *out)
{
    assert_int_equal(clientid_control_uuid_format(s->control, kind, id, out, &s->error), 0);
}

static void test_round_trip(void **state)
{
    static const uint64_t ids[] = {1, 2, 0xffffffff, 0x100000000, (1ULL << 48) - 1};
    struct support_store s;
    char text[CLIENTID_UUID_CHARS + 1];
    uint64_t id;

    (void)state;
    support_store_new(&s);
    for (int kind = CLIENTID_UUID_USER; kind <= CLIENTID_UUID_EVENT; kind++)
        for (size_t i = 0; i < sizeof(ids) / sizeof(ids[0]); i++) {
            format(&s, (clientid_uuid_kind)kind, ids[i], text);
            assert_int_equal(strlen(text), CLIENTID_UUID_CHARS);
            /* RFC 9562: version 8, variant 10. */
            assert_int_equal(text[14], '8');
            assert_non_null(strchr("89ab", text[19]));
            assert_true(text[8] == '-' && text[13] == '-' && text[18] == '-' && text[23] == '-');
            for (int other = CLIENTID_UUID_USER; other <= CLIENTID_UUID_EVENT; other++) {
                int rc = parse(&s, (clientid_uuid_kind)other, text, &id);

                assert_int_equal(rc, other == kind ? 0 : CLIENTID_ERR_NOT_FOUND);
                assert_int_equal(id, other == kind ? ids[i] : 0);
            }
            for (size_t c = 0; c < CLIENTID_UUID_CHARS; c++)
                text[c] = (char)toupper((unsigned char)text[c]);
            assert_int_equal(parse(&s, (clientid_uuid_kind)kind, text, &id), 0);
        }
    support_store_del(&s);
}

static void test_not_ours(void **state)
{
    static const char *const rows[] = {"",
                                       "1",
                                       "842c3e33-5c4b-4abf-b827-1a194affde50",
                                       "842c3e335c4b4abfb8271a194affde50",
                                       "00000000-0000-0000-0000-000000000000",
                                       "{842c3e33-5c4b-4abf-b827-1a194affde5}"};
    struct support_store s, t;
    char text[CLIENTID_UUID_CHARS + 1], changed[CLIENTID_UUID_CHARS + 1];
    uint64_t id;

    (void)state;
    support_store_new(&s);
    support_store_new(&t);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(parse(&s, CLIENTID_UUID_API, rows[i], &id), CLIENTID_ERR_NOT_FOUND);
    format(&s, CLIENTID_UUID_API, 5, text);
    assert_int_equal(parse(&t, CLIENTID_UUID_API, text, &id), CLIENTID_ERR_NOT_FOUND);
    /* All but the number is fixed. */
    for (size_t i = 0; i < CLIENTID_UUID_CHARS - 12; i++) {
        memcpy(changed, text, sizeof(text));
        changed[i] = changed[i] == '7' ? '6' : '7';
        assert_int_equal(parse(&s, CLIENTID_UUID_API, changed, &id), CLIENTID_ERR_NOT_FOUND);
    }
    memcpy(changed, text, sizeof(text));
    changed[CLIENTID_UUID_CHARS - 1] = 'g';
    assert_int_equal(parse(&s, CLIENTID_UUID_API, changed, &id), CLIENTID_ERR_NOT_FOUND);
    support_store_del(&s);
    support_store_del(&t);
}

static void test_arguments(void **state)
{
    struct support_store s;
    char text[CLIENTID_UUID_CHARS + 1];
    uint64_t id;

    (void)state;
    support_store_new(&s);
    assert_int_equal(
        clientid_control_uuid_format(s.control, CLIENTID_UUID_API, 1ULL << 48, text, &s.error),
        CLIENTID_ERR_ARG);
    assert_int_equal(clientid_control_uuid_format(s.control, CLIENTID_UUID_API, 0, text, &s.error),
                     CLIENTID_ERR_ARG);
    assert_int_equal(
        clientid_control_uuid_format(s.control, (clientid_uuid_kind)8, 1, text, &s.error),
        CLIENTID_ERR_ARG);
    assert_int_equal(clientid_control_uuid_parse(s.control, (clientid_uuid_kind)0, CLIENTID_STR(""),
                                                 &id, &s.error),
                     CLIENTID_ERR_ARG);
    support_store_del(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),
        cmocka_unit_test(test_not_ours),
        cmocka_unit_test(test_arguments),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
