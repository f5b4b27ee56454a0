/* SPDX-License-Identifier: Apache-2.0 */
#include "extract/value.h"

#include "base/str.h"
#include "support_guard.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const struct clientid__caps caps = {512, 8192, 256, 65536};

static void utf8_rows(void **state)
{
    static const struct {
        const char *name, *text;
        size_t valid;
    } rows[] = {
        {"ASCII", "abc", 3},
        {"two bytes", "\xc3\xa9x", 3},
        {"three bytes", "\xe2\x82\xac", 3},
        {"four bytes", "\xf0\x9f\x98\x80", 4},
        {"highest code point", "\xf4\x8f\xbf\xbf", 4},
        {"overlong '/' in two bytes", "a\xc0\xaf", 1},
        {"overlong in two bytes, c1", "a\xc1\x9f", 1},
        {"overlong in three bytes", "\xe0\x9f\xbf", 0},
        {"overlong in four bytes", "\xf0\x8f\xbf\xbf", 0},
        {"surrogate", "\xed\xa0\x80", 0},
        {"just below the surrogates", "\xed\x9f\xbf", 3},
        {"above U+10FFFF", "\xf4\x90\x80\x80", 0},
        {"f5", "\xf5\x80\x80\x80", 0},
        {"continuation alone", "\x80", 0},
        {"cut after one of two", "x\xc3", 1},
        {"cut after two of three", "x\xe2\x82", 1},
        {"cut after three of four", "x\xf0\x9f\x98", 1},
        {"third byte no continuation", "\xe2\x82(", 0},
        {"fourth byte no continuation", "\xf0\x9f\x98(", 0},
        {"Latin-1", "caf\xe9", 3},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        clientid_str text = support_guard(rows[i].text, strlen(rows[i].text));
        if (clientid__utf8_prefix(text) != rows[i].valid)
            fail_msg("%s: %zu", rows[i].name, clientid__utf8_prefix(text));
        assert_int_equal(clientid__utf8_valid(text), rows[i].valid == text.len);
        support_guard_free(text);
    }
}

/* Decodes by arithmetic, then asks whether the code point may be written so. */
static bool naive_utf8(const unsigned char *p, size_t len)
{
    for (size_t i = 0; i < len;) {
        static const unsigned long least[] = {0, 0, 0x80, 0x800, 0x10000};
        size_t n = p[i] < 0x80       ? 1
                   : p[i] >> 5 == 6  ? 2
                   : p[i] >> 4 == 14 ? 3
                   : p[i] >> 3 == 30 ? 4
                                     : 0;
        unsigned long cp = n == 1 ? p[i] : p[i] & (0x7fu >> n);
        if (n == 0 || i + n > len)
            return false;
        for (size_t k = 1; k < n; k++) {
            if (p[i + k] >> 6 != 2)
                return false;
            cp = cp << 6 | (p[i + k] & 0x3f);
        }
        if (cp < least[n] || cp > 0x10ffff || (cp >= 0xd800 && cp <= 0xdfff))
            return false;
        i += n;
    }
    return true;
}

static void utf8_agrees_with_arithmetic(void **state)
{
    (void)state;
    for (unsigned long v = 0; v < 1ul << 24; v += 1 + (v >> 16 < 0xe0 ? 37 : 0)) {
        unsigned char p[4] = {(unsigned char)(v >> 16), (unsigned char)(v >> 8), (unsigned char)v,
                              0x80};
        for (size_t len = 3; len <= 4; len++)
            if (naive_utf8(p, len) != clientid__utf8_valid(clientid__str((const char *)p, len)))
                fail_msg("%06lx, %zu bytes", v, len);
    }
}

static void what_a_value_must_be(void **state)
{
    char long_text[513];
    struct clientid__value v;
    (void)state;

    memset(long_text, 'x', sizeof(long_text));
    v = clientid__value_make(clientid__str(long_text, 512), &caps);
    assert_true(clientid__value_there(&v));
    v = clientid__value_make(clientid__str(long_text, 513), &caps);
    assert_int_equal(v.reason, CLIENTID_REASON_CREDENTIALS_TOO_LONG);
    v = clientid__value_make(clientid__str(NULL, 0), &caps);
    assert_true(clientid__value_absent(&v));
    for (int c = 0; c < 256; c++) {
        char byte = (char)c;
        bool control = c < 0x20 || c == 0x7f;
        v = clientid__value_make(clientid__str(&byte, 1), &caps);
        if (control || c >= 0x80)
            assert_int_equal(v.reason, CLIENTID_REASON_CREDENTIALS_MALFORMED);
        else
            assert_true(clientid__value_there(&v));
        assert_int_equal(clientid__has_control(clientid__str(&byte, 1)), control);
    }
}

/* Eight at a time must find what one at a time would, in every place. */
static void every_byte_in_every_place(void **state)
{
    (void)state;
    for (size_t len = 1; len <= 20; len++)
        for (size_t place = 0; place < len; place++)
            for (int c = 0; c < 256; c++) {
                char text[20];
                clientid_str s;
                memset(text, 'x', sizeof(text));
                text[place] = (char)c;
                s = clientid__str(text, len);
                assert_int_equal(clientid__utf8_valid(s), c < 0x80);
                assert_int_equal(clientid__has_control(s), c < 0x20 || c == 0x7f);
            }
    clientid_str end = support_guard("0123456789abcdef012", 19);
    assert_true(clientid__text_valid(end));
    support_guard_free(end);
}

static void two_carriers(void **state)
{
    const struct clientid__value none = {.reason = CLIENTID_REASON_ID_MISSING};
    const struct clientid__value x = {.reason = CLIENTID_REASON_ALLOWED, .text = CLIENTID_STR("x")};
    const struct clientid__value y = {.reason = CLIENTID_REASON_ALLOWED, .text = CLIENTID_STR("y")};
    const struct clientid__value xx = {.reason = CLIENTID_REASON_ALLOWED,
                                       .text = CLIENTID_STR("xx")};
    const struct clientid__value bad = {.reason = CLIENTID_REASON_CREDENTIALS_MALFORMED};
    const struct clientid__value wait = {.reason = CLIENTID_REASON_BODY_NEEDED};
    const struct {
        const char *name;
        const struct clientid__value *a, *b;
        clientid_reason reason;
    } rows[] = {
        {"neither", &none, &none, CLIENTID_REASON_ID_MISSING},
        {"one of them", &x, &none, CLIENTID_REASON_ALLOWED},
        {"the same in both", &x, &x, CLIENTID_REASON_ALLOWED},
        {"different", &x, &y, CLIENTID_REASON_CREDENTIALS_AMBIGUOUS},
        {"one begins the other", &x, &xx, CLIENTID_REASON_CREDENTIALS_AMBIGUOUS},
        {"a refused one wins over a good one", &bad, &x, CLIENTID_REASON_CREDENTIALS_MALFORMED},
        {"a refused one wins over none", &bad, &none, CLIENTID_REASON_CREDENTIALS_MALFORMED},
        {"the body may still disagree", &wait, &x, CLIENTID_REASON_BODY_NEEDED},
        {"no need to wait when refused", &wait, &bad, CLIENTID_REASON_CREDENTIALS_MALFORMED},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct clientid__value v = clientid__value_merge(*rows[i].a, *rows[i].b);
        struct clientid__value w = clientid__value_merge(*rows[i].b, *rows[i].a);
        if (v.reason != rows[i].reason || w.reason != rows[i].reason)
            fail_msg("%s: %d, %d", rows[i].name, (int)v.reason, (int)w.reason);
        if (clientid__value_there(&v))
            assert_true(clientid__str_eq(v.text, x.text) && clientid__str_eq(w.text, x.text));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(utf8_rows),
        cmocka_unit_test(utf8_agrees_with_arithmetic),
        cmocka_unit_test(what_a_value_must_be),
        cmocka_unit_test(every_byte_in_every_place),
        cmocka_unit_test(two_carriers),
    };
    return cmocka_run_group_tests_name("value", tests, NULL, NULL);
}
