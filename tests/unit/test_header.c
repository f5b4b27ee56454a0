/* SPDX-License-Identifier: Apache-2.0 */
#include "extract/header.h"

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

static const struct clientid__caps caps = {16, 8192, 256, 65536};

static void credential_headers(void **state)
{
    static const struct {
        const char *name, *lines;
        size_t len; /* 0: strlen */
        clientid_reason reason;
        const char *text;
        unsigned flags;
    } rows[] = {
        {"plain", "client_id: abc\r\n", 0, OK, "abc", 0},
        {"name in another case", "CLIENT_Id: abc\r\n", 0, OK, "abc", 0},
        {"white space around is no part of it", "client_id: \t abc \t\r\n", 0, OK, "abc", 0},
        {"white space inside is", "client_id: a bc\r\n", 0, OK, "a bc", 0},
        {"not percent-decoded", "client_id: a%41+\r\n", 0, OK, "a%41+", 0},
        {"no line", "other: abc\r\n", 0, ABSENT, NULL, 0},
        {"empty line", "client_id:\r\n", 0, ABSENT, NULL, 0},
        {"only white space", "client_id: \t \r\n", 0, ABSENT, NULL, 0},
        {"two lines", "client_id: abc\r\nclient_id: xyz\r\n", 0, AMBIGUOUS, NULL, 0},
        {"two lines, the same", "client_id: abc\r\nClient_ID: abc\r\n", 0, AMBIGUOUS, NULL, 0},
        {"two lines, one empty", "client_id: abc\r\nclient_id:\r\n", 0, AMBIGUOUS, NULL, 0},
        {"comma list", "client_id: abc, xyz\r\n", 0, AMBIGUOUS, NULL, 0},
        {"comma at the end", "client_id: abc,\r\n", 0, AMBIGUOUS, NULL, 0},
        {"comma in a key", "client_id: abc, xyz\r\n", 0, OK, "abc, xyz", CLIENTID__READ_LIST},
        {"two lines of a key", "client_id: abc\r\nclient_id: abc\r\n", 0, AMBIGUOUS, NULL,
         CLIENTID__READ_LIST},
        {"NUL", "client_id: a\0b\r\n", 16, MALFORMED, NULL, 0},
        {"bare CR", "client_id: a\rb\r\n", 0, MALFORMED, NULL, 0},
        {"bare LF", "client_id: a\nb\r\n", 0, MALFORMED, NULL, 0},
        {"tab inside", "client_id: a\tb\r\n", 0, MALFORMED, NULL, 0},
        {"DEL", "client_id: a\x7f\r\n", 0, MALFORMED, NULL, 0},
        {"Latin-1", "client_id: caf\xe9\r\n", 0, MALFORMED, NULL, 0},
        {"UTF-8", "client_id: caf\xc3\xa9\r\n", 0, OK, "caf\xc3\xa9", 0},
        {"longest", "client_id: 0123456789abcdef\r\n", 0, OK, "0123456789abcdef", 0},
        {"one byte more", "client_id: 0123456789abcdefg\r\n", 0, TOO_LONG, NULL, 0},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct support_guarded t;
        char raw[256] = "GET / HTTP/1.1\r\n";
        size_t head = strlen(raw), len = rows[i].len ? rows[i].len : strlen(rows[i].lines);
        memcpy(raw + head, rows[i].lines, len);
        memcpy(raw + head + len, "\r\n", 2);
        assert_int_equal(support_guarded_parse(&t, clientid__str(raw, head + len + 2)), 0);

        const struct clientid__reader reader = {&t.request, &caps, NULL, rows[i].flags};
        struct clientid__value v;
        assert_int_equal(clientid__header_read(&reader, CLIENTID_STR("Client_Id"), &v), 0);
        if (v.reason != rows[i].reason)
            fail_msg("%s: %d", rows[i].name, (int)v.reason);
        if (rows[i].text != NULL && !clientid__str_eq(v.text, clientid__cstr(rows[i].text)))
            fail_msg("%s: %.*s", rows[i].name, (int)v.text.len, v.text.ptr);
        support_guarded_free(&t);
    }
}

/* 1 for the first |lines| lines, then |last|. */
struct failing {
    size_t lines;
    int last;
};

static int failing_header(void *host, clientid_str name, size_t nth, clientid_str *value)
{
    const struct failing *f = host;

    (void)name;
    *value = CLIENTID_STR("x");
    return nth < f->lines ? 1 : f->last;
}

static void host_errors_come_back(void **state)
{
    struct clientid__value v;
    struct failing none = {0, -99}, one = {1, -98};
    clientid_request request = {.header = failing_header, .host = &none};
    const struct clientid__reader reader = {&request, &caps, NULL, 0};
    (void)state;

    assert_int_equal(clientid__header_line(&request, CLIENTID_STR("a"), &v), -99);
    assert_int_equal(clientid__header_read(&reader, CLIENTID_STR("a"), &v), -99);
    request.host = &one;
    assert_int_equal(clientid__header_line(&request, CLIENTID_STR("a"), &v), -98);
    request.header = NULL;
    assert_int_equal(clientid__header_line(&request, CLIENTID_STR("a"), &v), CLIENTID_ERR_ARG);
}

/* Also where the line is no credential: a control other than tab is refused before anybody reads it. */
static void control_in_any_line(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        char raw[] = "GET / HTTP/1.1\r\nA: x_y\r\n\r\n";
        bool control = (c < 0x20 && c != '\t') || c == 0x7f;
        struct support_guarded t;
        struct clientid__value v;
        *strchr(raw, '_') = (char)c;
        assert_int_equal(support_guarded_parse(&t, clientid__str(raw, sizeof(raw) - 1)), 0);
        assert_int_equal(clientid__header_line(&t.request, CLIENTID_STR("a"), &v), 0);
        assert_int_equal(v.reason, control ? MALFORMED : OK);
        support_guarded_free(&t);
    }
}

static void tokens(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        /* RFC 9110 section 5.6.2: visible ASCII but these delimiters. */
        bool token = c > 0x20 && c < 0x7f && strchr("\"(),/:;<=>?@[\\]{}", c) == NULL;
        assert_int_equal(clientid__is_token_char((char)c), token);
    }
    assert_int_equal(clientid__token_len(CLIENTID_STR("Basic abc")), 5);
    assert_int_equal(clientid__token_len(CLIENTID_STR("")), 0);
}

static void parameters(void **state)
{
    static const struct {
        const char *name, *text, *want; /* name=value| for each; '!' at the end: no parameter */
    } rows[] = {
        {"none", "", ""},
        {"only separators", " ; ;; ", ""},
        {"token", ";a=b", "a=b|"},
        {"two, with white space", " ; a=b ;\tc=d", "a=b|c=d|"},
        {"quoted", ";a=\"b; c=d\";e=f", "a=b; c=d|e=f|"},
        {"quoted, empty", ";a=\"\"", "a=|"},
        {"backslash in quotes stays", ";a=\"c:\\b\"", "a=c:\\b|"},
        {"escaped quote", ";a=\"b\\\"\"", "!"},
        {"quote not closed", ";a=\"b", "!"},
        {"quote not closed, empty", ";a=\"", "!"},
        {"no value", ";a=", "!"},
        {"no equals sign", ";a", "!"},
        {"no name", ";=b", "!"},
        {"space before the equals sign", ";a =b", "!"},
        {"space behind it", ";a= b", "!"},
        {"junk behind quotes", ";a=\"b\"c", "a=b|!"},
        {"no semicolon", "a=b", "!"},
        {"comma", ";a=b,c=d", "a=b|!"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        clientid_str text = support_guard(rows[i].text, strlen(rows[i].text)), rest = text, name,
                     value;
        char got[64] = "";
        size_t len = 0;
        int rv;
        while ((rv = clientid__parameter_next(&rest, &name, &value)) > 0)
            len += (size_t)snprintf(got + len, sizeof(got) - len, "%.*s=%.*s|", (int)name.len,
                                    name.ptr, (int)value.len, value.ptr);
        if (rv < 0)
            snprintf(got + len, sizeof(got) - len, "!");
        if (strcmp(got, rows[i].want) != 0)
            fail_msg("%s: %s", rows[i].name, got);
        support_guard_free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(credential_headers),  cmocka_unit_test(host_errors_come_back),
        cmocka_unit_test(control_in_any_line), cmocka_unit_test(tokens),
        cmocka_unit_test(parameters),
    };
    return cmocka_run_group_tests_name("header", tests, NULL, NULL);
}
