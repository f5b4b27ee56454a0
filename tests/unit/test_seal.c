/* SPDX-License-Identifier: Apache-2.0 */
/* What is sealed opens in its place, under its key and unchanged; nothing else does. */
#define _GNU_SOURCE /* memmem */
#include "support_gateway.h"

#include "control/seal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static const struct clientid__place place = {"delivered_credential", {7, 8, 9}};
#define TEXT "caed6fb3-7fd3-479f-8db5-81b4aeeeba86"
#define LEN  (sizeof(TEXT) - 1)

struct sealed {
    unsigned char bytes[LEN + CLIENTID__SEAL_EXTRA];
};

static clientid_str str(const struct sealed *sealed, size_t len)
{
    return (clientid_str){(const char *)sealed->bytes, len};
}

static void seal(struct support_store *s, struct sealed *out)
{
    if (clientid__seal(s->control, &place, CLIENTID_STR(TEXT), out->bytes, &s->error) != 0)
        fail_msg("%s", s->error.text);
}

static int open_it(struct support_store *s, const struct clientid__place *where,
                   clientid_str sealed)
{
    unsigned char out[256];
    size_t len = 0;
    int rc;

    memset(out, 0xaa, sizeof(out));
    rc = clientid__unseal(s->control, where, sealed, out, &len, &s->error);
    if (rc == 0) {
        assert_int_equal(len, LEN);
        assert_memory_equal(out, TEXT, LEN);
    } else {
        /* Nothing of it comes out. */
        assert_int_equal(len, 0);
        for (size_t i = 0; i + 4 <= LEN; i++)
            assert_null(memmem(out, sizeof(out), &TEXT[i], 4));
    }
    return rc;
}

static void test_round_trip(void **state)
{
    struct support_store s;
    struct sealed a, b;

    (void)state;
    support_store_new(&s);
    seal(&s, &a);
    seal(&s, &b);
    /* Never the same nonce. */
    assert_memory_not_equal(a.bytes, b.bytes, sizeof(a.bytes));
    assert_null(memmem(a.bytes, sizeof(a.bytes), TEXT, 8));
    assert_int_equal(open_it(&s, &place, str(&a, sizeof(a.bytes))), 0);
    assert_int_equal(open_it(&s, &place, str(&b, sizeof(b.bytes))), 0);
    support_store_del(&s);
}

static void test_each_byte_counts(void **state)
{
    struct support_store s;
    struct sealed sealed;

    (void)state;
    support_store_new(&s);
    seal(&s, &sealed);
    for (size_t i = 0; i < sizeof(sealed.bytes); i++)
        for (int bit = 0; bit < 8; bit++) {
            struct sealed changed = sealed;
            int rc;

            changed.bytes[i] ^= (unsigned char)(1 << bit);
            rc = open_it(&s, &place, str(&changed, sizeof(changed.bytes)));
            /* A byte of the version or the key id says what it is taken for. */
            if (rc != (i == 0  ? CLIENTID_ERR_VERSION
                       : i < 5 ? CLIENTID_ERR_ARG
                               : CLIENTID_ERR_CORRUPT))
                fail_msg("byte %zu bit %d: %d", i, bit, rc);
        }
    for (size_t len = 0; len < sizeof(sealed.bytes); len++)
        assert_int_equal(open_it(&s, &place, str(&sealed, len)), CLIENTID_ERR_CORRUPT);
    support_store_del(&s);
}

static void test_elsewhere(void **state)
{
    static const struct clientid__place others[] = {
        {"delivered_credential", {8, 8, 9}},  {"delivered_credential", {7, 7, 9}},
        {"delivered_credential", {7, 8, 8}},  {"hook", {7, 8, 9}},
        {"delivered_credentials", {7, 8, 9}}, {"", {7, 8, 9}},
    };
    struct support_store s;
    struct sealed sealed;

    (void)state;
    support_store_new(&s);
    seal(&s, &sealed);
    for (size_t i = 0; i < sizeof(others) / sizeof(others[0]); i++)
        assert_int_equal(open_it(&s, &others[i], str(&sealed, sizeof(sealed.bytes))),
                         CLIENTID_ERR_CORRUPT);
    support_store_del(&s);
}

static void test_another_key(void **state)
{
    clientid_control_options options = {
        .size = sizeof(options),
        .sealing_key = (const unsigned char *)"another key another key another ",
        .sealing_key_len = 32,
    };
    struct support_store s;
    clientid_control *control = NULL;
    struct sealed sealed;
    unsigned char out[256];
    size_t len;

    (void)state;
    support_store_new(&s);
    seal(&s, &sealed);
    assert_int_equal(clientid_control_new(&control, s.store, &options, NULL), 0);
    assert_int_equal(
        clientid__unseal(control, &place, str(&sealed, sizeof(sealed.bytes)), out, &len, &s.error),
        CLIENTID_ERR_ARG);
    assert_non_null(strstr(s.error.text, "was sealed with key"));
    clientid_control_del(control);
    /* None at all. */
    assert_int_equal(clientid_control_new(&control, s.store, NULL, NULL), 0);
    assert_int_equal(
        clientid__unseal(control, &place, str(&sealed, sizeof(sealed.bytes)), out, &len, &s.error),
        CLIENTID_ERR_ARG);
    assert_non_null(strstr(s.error.text, "no sealing key"));
    assert_int_equal(clientid__seal(control, &place, CLIENTID_STR("x"), out, &s.error),
                     CLIENTID_ERR_ARG);
    clientid_control_del(control);
    options.sealing_key_len = 31;
    assert_int_equal(clientid_control_new(&control, s.store, &options, NULL), CLIENTID_ERR_ARG);
    support_store_del(&s);
}

/* Whoever can write the database cannot give one application the credentials of another. */
static void test_rows_swapped(void **state)
{
    static const char body[] = "{\"credentials\":[{\"type\":\"APIKey\",\"apiKey\":\"k%d\"}]}";
    struct support_gateway g;
    uint64_t apps[2];
    char text[128], *json = NULL;

    (void)state;
    support_gateway_new(&g);
    for (int i = 0; i < 2; i++) {
        support_user_request(&g.s, CLIENTID_USER_REQUEST_CREATION, &apps[i], &g.petstore1, 1);
        snprintf(text, sizeof(text), body, i);
        assert_int_equal(
            clientid_control_event_answer(g.s.control, apps[i],
                                          support_sql(&g.s, "SELECT max(id) FROM gateway_event"),
                                          support_str(text), &g.s.error),
            0);
    }
    assert_int_equal(
        clientid_control_delivered_credentials(g.s.control, apps[1], &json, &g.s.error), 0);
    assert_string_equal(json, "[{\"type\":\"APIKey\",\"apiKey\":\"k1\"}]");
    clientid_json_free(json);
    support_sql(&g.s, "UPDATE delivered_credential SET sealed = (SELECT sealed FROM"
                      " delivered_credential ORDER BY application_id LIMIT 1)");
    assert_int_equal(
        clientid_control_delivered_credentials(g.s.control, apps[0], &json, &g.s.error), 0);
    clientid_json_free(json);
    assert_int_equal(
        clientid_control_delivered_credentials(g.s.control, apps[1], &json, &g.s.error),
        CLIENTID_ERR_CORRUPT);
    support_gateway_del(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),   cmocka_unit_test(test_each_byte_counts),
        cmocka_unit_test(test_elsewhere),    cmocka_unit_test(test_another_key),
        cmocka_unit_test(test_rows_swapped),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
