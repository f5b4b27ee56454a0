/* SPDX-License-Identifier: Apache-2.0 */
#include "extract/basic.h"

#include "base/str.h"
#include "support_guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

#define OK        CLIENTID_REASON_ALLOWED
#define ABSENT    CLIENTID_REASON_ID_MISSING
#define MALFORMED CLIENTID_REASON_CREDENTIALS_MALFORMED
#define AMBIGUOUS CLIENTID_REASON_CREDENTIALS_AMBIGUOUS
#define TOO_LONG  CLIENTID_REASON_CREDENTIALS_TOO_LONG

static const char alphabet[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

static size_t encode(const char *in, size_t len, char *out)
{
    size_t n = 0;

    for (size_t i = 0; i < len; i += 3) {
        unsigned v = (unsigned)(unsigned char)in[i] << 16;
        v |= i + 1 < len ? (unsigned)(unsigned char)in[i + 1] << 8 : 0;
        v |= i + 2 < len ? (unsigned char)in[i + 2] : 0u;
        for (int k = 0; k < 4; k++)
            out[n++] = i + (size_t)k > len ? '=' : alphabet[v >> (18 - 6 * k) & 63];
    }
    return n;
}

struct outcome {
    int rv;
    struct clientid__value id, secret;
    char scratch[CLIENTID_SCRATCH_BYTES];
};

static void read_value(struct outcome *o, clientid_str value, unsigned flags, size_t scratch_bytes)
{
    static const struct clientid__caps caps = {512, 8192, 256, 65536};
    static const char start[] = "GET / HTTP/1.1\r\nAuthorization:";
    char raw[4096];
    struct support_guarded t;
    struct clientid__scratch scratch = {o->scratch, scratch_bytes};
    const struct clientid__reader reader = {&t.request, &caps, &scratch, flags};

    assert_true(value.len < 4000);
    memcpy(raw, start, sizeof(start) - 1);
    memcpy(raw + sizeof(start) - 1, value.ptr, value.len);
    memcpy(raw + sizeof(start) - 1 + value.len, "\r\n\r\n", 4);
    assert_int_equal(support_guarded_parse(&t, clientid__str(raw, sizeof(start) + 3 + value.len)),
                     0);
    o->rv = clientid__basic_read(&reader, &o->id, &o->secret);
    support_guarded_free(&t); /* what was found lies in scratch */
}

static void header_values(void **state)
{
    static const struct {
        const char *name, *value;
        clientid_reason id, secret;
        const char *id_text, *secret_text;
        unsigned flags;
    } rows[] = {
        /* RFC 7617 section 2 */
        {"the RFC's example", " Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==", OK, OK, "Aladdin",
         "open sesame", 0},
        {"the RFC's example in UTF-8", " Basic dGVzdDoxMjPCow==", OK, OK, "test", "123\xc2\xa3", 0},
        {"scheme in lower case", " basic YTpi", OK, OK, "a", "b", 0},
        {"scheme in upper case", " BASIC YTpi", OK, OK, "a", "b", 0},
        {"several spaces", "   Basic    YTpi  ", OK, OK, "a", "b", 0},
        {"tab before and behind", "\tBasic YTpi\t", OK, OK, "a", "b", 0},
        {"tab as separator", " Basic\tYTpi", MALFORMED, ABSENT, NULL, NULL, 0},
        {"no header value", " ", ABSENT, ABSENT, NULL, NULL, 0},
        {"scheme alone", " Basic", MALFORMED, ABSENT, NULL, NULL, 0},
        {"scheme without separator", " BasicYTpi", ABSENT, ABSENT, NULL, NULL, 0},
        {"another scheme", " Bearer YTpi", ABSENT, ABSENT, NULL, NULL, 0},
        {"another scheme with commas", " Digest username=\"a\", realm=\"b\"", ABSENT, ABSENT, NULL,
         NULL, 0},
        {"scheme not at the start", " x Basic YTpi", ABSENT, ABSENT, NULL, NULL, 0},
        {"quote before the scheme", " \"Basic YTpi", MALFORMED, ABSENT, NULL, NULL, 0},
        {"Basic behind a comma", " Bearer x, Basic YTpi", AMBIGUOUS, ABSENT, NULL, NULL, 0},
        {"Basic behind a comma, other case", " Bearer x,bASIC YTpi", AMBIGUOUS, ABSENT, NULL, NULL,
         0},
        {"two Basics", " Basic YTpi, Basic YTpi", AMBIGUOUS, ABSENT, NULL, NULL, 0},
        {"Basic, then another scheme", " Basic YTpi,Bearer x", AMBIGUOUS, ABSENT, NULL, NULL, 0},
        {"Basic, then an empty element", " Basic YTpi,", AMBIGUOUS, ABSENT, NULL, NULL, 0},
        {"comma behind the scheme", " Basic, YTpi", AMBIGUOUS, ABSENT, NULL, NULL, 0},
        {"comma at the start", " , Basic YTpi", MALFORMED, ABSENT, NULL, NULL, 0},
        {"two tokens", " Basic YTpi YTpi", MALFORMED, ABSENT, NULL, NULL, 0},
        {"garbage behind the padding", " Basic YTpiYw==x", MALFORMED, ABSENT, NULL, NULL, 0},
        {"parameter instead of a token", " Basic a=\"b\"", MALFORMED, ABSENT, NULL, NULL, 0},
        {"url-safe alphabet", " Basic YTo_-w==", MALFORMED, ABSENT, NULL, NULL, 0},
        {"unused bits", " Basic YTpiYx==", MALFORMED, ABSENT, NULL, NULL, 0},
        {"missing padding", " Basic YTpiYw", MALFORMED, ABSENT, NULL, NULL, 0},
        {"missing padding by option", " Basic YTpiYw", OK, OK, "a", "bc", CLIENTID__SPEC_UNPADDED},
        {"no colon", " Basic YWJj", MALFORMED, ABSENT, NULL, NULL, 0},
        {"colons in the password", " Basic YTpiOmM6", OK, OK, "a", "b:c:", 0},
        {"empty id", " Basic OmI=", MALFORMED, ABSENT, NULL, NULL, 0},
        {"empty password", " Basic YTo=", OK, ABSENT, "a", NULL, 0},
        {"only a colon", " Basic Og==", MALFORMED, ABSENT, NULL, NULL, 0},
        {"white space is kept", " Basic IGEgOiBiIA==", OK, OK, " a ", " b ", 0},
        {"NUL in the id", " Basic YQA6Yg==", MALFORMED, ABSENT, NULL, NULL, 0},
        {"NUL behind the password", " Basic YTpiAA==", MALFORMED, ABSENT, NULL, NULL, 0},
        {"line break in the password", " Basic YTpiCg==", MALFORMED, ABSENT, NULL, NULL, 0},
        {"DEL", " Basic YTpifw==", MALFORMED, ABSENT, NULL, NULL, 0},
        {"Latin-1 in the password", " Basic YTrp", MALFORMED, ABSENT, NULL, NULL, 0},
        {"not form-decoded", " Basic YSUyNTpiKw==", OK, OK, "a%25", "b+", 0},
        {"form-decoded by option", " Basic YSUyNTpiKw==", OK, OK, "a%", "b ",
         CLIENTID__SPEC_URLDECODE},
        {"form-decoded after the split", " Basic YSUzQTpi", OK, OK, "a:", "b",
         CLIENTID__SPEC_URLDECODE},
        {"form-decoded to a control", " Basic YSUwMDpi", MALFORMED, OK, NULL, NULL,
         CLIENTID__SPEC_URLDECODE},
        {"bad escape, form-decoded", " Basic YTpiJQ==", OK, MALFORMED, "a", NULL,
         CLIENTID__SPEC_URLDECODE},
        {"bad escape is text without the option", " Basic YTpiJQ==", OK, OK, "a", "b%", 0},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct outcome o;
        read_value(&o, clientid__cstr(rows[i].value), rows[i].flags, sizeof(o.scratch));
        if (o.rv != 0 || o.id.reason != rows[i].id || o.secret.reason != rows[i].secret)
            fail_msg("%s: %d, %d, %d", rows[i].name, o.rv, (int)o.id.reason, (int)o.secret.reason);
        if (rows[i].id_text != NULL &&
            !clientid__str_eq(o.id.text, clientid__cstr(rows[i].id_text)))
            fail_msg("%s: id %.*s", rows[i].name, (int)o.id.text.len, o.id.text.ptr);
        if (rows[i].secret_text != NULL &&
            !clientid__str_eq(o.secret.text, clientid__cstr(rows[i].secret_text)))
            fail_msg("%s: secret %.*s", rows[i].name, (int)o.secret.text.len, o.secret.text.ptr);
    }
}

/* |id_len| and |secret_len| bytes with a colon between, in Basic. */
static void read_lengths(struct outcome *o, size_t id_len, size_t secret_len, size_t scratch_bytes)
{
    char text[2048], value[4096] = " Basic ";

    memset(text, 'x', sizeof(text));
    text[id_len] = ':';
    size_t len = 7 + encode(text, id_len + 1 + secret_len, value + 7);
    read_value(o, clientid__str(value, len), 0, scratch_bytes);
}

static void caps_and_scratch(void **state)
{
    struct outcome o;
    (void)state;

    read_lengths(&o, 512, 512, sizeof(o.scratch));
    assert_true(o.rv == 0 && o.id.reason == OK && o.secret.reason == OK);
    assert_int_equal(o.id.text.len, 512);
    assert_int_equal(o.secret.text.len, 512);
    read_lengths(&o, 513, 1, sizeof(o.scratch));
    assert_int_equal(o.id.reason, TOO_LONG);
    read_lengths(&o, 1, 513, sizeof(o.scratch));
    assert_int_equal(o.id.reason, OK);
    assert_int_equal(o.secret.reason, TOO_LONG);
    read_lengths(&o, 1, 1500,
                 sizeof(o.scratch)); /* refused before decoding: no scratch is needed */
    assert_int_equal(o.id.reason, TOO_LONG);
    read_lengths(&o, 1, 1500, 0);
    assert_true(o.rv == 0 && o.id.reason == TOO_LONG);
    read_lengths(&o, 10, 10, 3);
    assert_int_equal(o.rv, CLIENTID_ERR_SPACE);
}

static void lines(void **state)
{
    static const struct clientid__caps caps = {512, 8192, 256, 65536};
    static const struct {
        const char *name, *raw;
        clientid_reason id;
    } rows[] = {
        {"two lines",
         "GET / HTTP/1.1\r\nAuthorization: Basic YTpi\r\nauthorization: Basic YTpi\r\n\r\n",
         AMBIGUOUS},
        {"two lines, one of another scheme",
         "GET / HTTP/1.1\r\nAuthorization: Bearer x\r\nAuthorization: Basic YTpi\r\n\r\n",
         AMBIGUOUS},
        {"two lines, one empty",
         "GET / HTTP/1.1\r\nAuthorization:\r\nAuthorization: Basic YTpi\r\n\r\n", AMBIGUOUS},
        {"none", "GET / HTTP/1.1\r\n\r\n", ABSENT},
        {"Proxy-Authorization is another header",
         "GET / HTTP/1.1\r\nProxy-Authorization: Basic YTpi\r\n\r\n", ABSENT},
        {"name in another case", "GET / HTTP/1.1\r\naUTHORIZATION: Basic YTpi\r\n\r\n", OK},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct support_guarded t;
        struct clientid__value id, secret;
        char bytes[256];
        struct clientid__scratch scratch = {bytes, sizeof(bytes)};
        const struct clientid__reader reader = {&t.request, &caps, &scratch, 0};
        assert_int_equal(support_guarded_parse(&t, clientid__cstr(rows[i].raw)), 0);
        assert_int_equal(clientid__basic_read(&reader, &id, &secret), 0);
        if (id.reason != rows[i].id)
            fail_msg("%s: %d", rows[i].name, (int)id.reason);
        t.header_error = -77;
        assert_int_equal(clientid__basic_read(&reader, &id, &secret), -77);
        support_guarded_free(&t);
    }
}

/* Of all values that differ in one byte from a good one, none but the scheme's case and its own reads the same. */
static void one_byte_changed(void **state)
{
    static const char good[] = " Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==";
    (void)state;

    for (size_t at = 1; at < sizeof(good) - 1; at++)
        for (int c = 0; c < 256; c++) {
            char value[sizeof(good)];
            struct outcome o;
            bool same_scheme = at < 6 && clientid__lower((unsigned char)c) ==
                                             clientid__lower((unsigned char)good[at]);
            if (c == good[at] || c == '\n')
                continue;
            memcpy(value, good, sizeof(good));
            value[at] = (char)c;
            read_value(&o, clientid__str(value, sizeof(good) - 1), 0, sizeof(o.scratch));
            bool same = o.id.reason == OK && o.secret.reason == OK &&
                        clientid__str_eq(o.id.text, CLIENTID_STR("Aladdin")) &&
                        clientid__str_eq(o.secret.text, CLIENTID_STR("open sesame"));
            if (same != same_scheme)
                fail_msg("byte %zu is %02x", at, (unsigned)c);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(header_values),
        cmocka_unit_test(caps_and_scratch),
        cmocka_unit_test(lines),
        cmocka_unit_test(one_byte_changed),
    };
    return cmocka_run_group_tests_name("basic", tests, NULL, NULL);
}
