/* SPDX-License-Identifier: Apache-2.0 */
/* body.c and form.c: when a body is read, when it is waited for, when it is refused. */
#include "extract/body.h"

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
#define NEEDED    CLIENTID_REASON_BODY_NEEDED
#define TOO_LARGE CLIENTID_REASON_BODY_TOO_LARGE

static const struct clientid__caps caps = {64, 20, 4, 100};

#define FORM "Content-Type: application/x-www-form-urlencoded\r\n"

/* The value of client_id in the form body of |method| with |headers|. */
static clientid_reason read_form(const char *method, const char *headers, const char *body,
                                 unsigned flags, char *text, size_t room)
{
    char raw[1024], bytes[256];
    struct support_guarded t;
    struct clientid__scratch scratch = {bytes, sizeof(bytes)};
    const struct clientid__reader reader = {&t.request, &caps, &scratch, 0};
    struct clientid__param param = {.name = CLIENTID_STR("client_id")};
    int len = snprintf(raw, sizeof(raw), "%s / HTTP/1.1\r\n%s\r\n%s", method, headers, body);

    assert_int_equal(support_guarded_parse(&t, clientid__str(raw, (size_t)len)), 0);
    if (flags & CLIENTID_BODY_GIVEN)
        support_guarded_give_body(&t);
    t.request.flags |= flags;
    assert_int_equal(clientid__form_read(&reader, &param, 1), 0);
    snprintf(text, room, "%.*s", (int)param.value.text.len,
             param.value.text.len ? param.value.text.ptr : "");
    support_guarded_free(&t);
    return param.value.reason;
}

static void given(void **state)
{
    static const struct {
        const char *name, *headers, *body;
        clientid_reason reason;
        const char *text;
    } rows[] = {
        {"plain", FORM, "client_id=a&x=y", OK, "a"},
        {"type in another case", "content-type: Application/X-WWW-Form-Urlencoded\r\n",
         "client_id=a", OK, "a"},
        {"charset UTF-8", "Content-Type: application/x-www-form-urlencoded; charset=UTF-8\r\n",
         "client_id=a", OK, "a"},
        {"charset in quotes",
         "Content-Type: application/x-www-form-urlencoded;charset=\"utf-8\"\r\n", "client_id=a", OK,
         "a"},
        {"semicolon at the end", "Content-Type: application/x-www-form-urlencoded;\r\n",
         "client_id=a", OK, "a"},
        {"EBCDIC hides names from us",
         "Content-Type: application/x-www-form-urlencoded; charset=ibm037\r\n", "client_id=a",
         MALFORMED, ""},
        {"one good charset, one bad",
         "Content-Type: application/x-www-form-urlencoded; charset=utf-8; charset=utf-7\r\n",
         "client_id=a", MALFORMED, ""},
        {"parameter that is none", "Content-Type: application/x-www-form-urlencoded; charset\r\n",
         "client_id=a", MALFORMED, ""},
        {"list of types", "Content-Type: application/x-www-form-urlencoded, text/plain\r\n",
         "client_id=a", AMBIGUOUS, ""},
        {"list behind white space",
         "Content-Type: application/x-www-form-urlencoded , text/plain\r\n", "client_id=a",
         MALFORMED, ""},
        {"two Content-Type lines", FORM FORM, "client_id=a", AMBIGUOUS, ""},
        {"two lines of different types", FORM "Content-Type: text/plain\r\n", "client_id=a",
         AMBIGUOUS, ""},
        {"longer type", "Content-Type: application/x-www-form-urlencoded2\r\n", "client_id=a",
         ABSENT, ""},
        {"type with a slash behind", "Content-Type: application/x-www-form-urlencoded/x\r\n",
         "client_id=a", ABSENT, ""},
        {"JSON", "Content-Type: application/json\r\n", "client_id=a", ABSENT, ""},
        {"multipart", "Content-Type: multipart/form-data; boundary=x\r\n", "client_id=a", ABSENT,
         ""},
        {"no type", "", "client_id=a", ABSENT, ""},
        {"empty body", FORM, "", ABSENT, ""},
        {"compressed", FORM "Content-Encoding: gzip\r\n", "client_id=a", MALFORMED, ""},
        {"not compressed, said so", FORM "Content-Encoding: Identity\r\n", "client_id=a", OK, "a"},
        {"two codings", FORM "Content-Encoding: identity\r\nContent-Encoding: gzip\r\n",
         "client_id=a", AMBIGUOUS, ""},
        {"plus is a space", FORM, "client_id=a+b", OK, "a b"},
        {"escaped", FORM, "client%5fid=%61", OK, "a"},
        {"repeated", FORM, "client_id=a&client_id=a", AMBIGUOUS, ""},
        {"bad escape", FORM, "client_id=%6", MALFORMED, ""},
        {"line break behind the value", FORM, "client_id=a\r\n", MALFORMED, ""},
        {"longer than the query cap", FORM,
         "x=0123456789012345678901234567890123456789&client_id=a", OK, "a"},
        {"too many parameters", FORM, "1&2&3&4&client_id=a", TOO_LONG, ""},
        {"longest body", FORM,
         "client_id=a&"
         "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567",
         OK, "a"},
        {"one byte more", FORM,
         "client_id=a&"
         "0123456789012345678901234567890123456789012345678901234567890123456789012345678901234567"
         "8",
         TOO_LARGE, ""},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[80];
        clientid_reason reason = read_form("POST", rows[i].headers, rows[i].body,
                                           CLIENTID_BODY_GIVEN, text, sizeof(text));
        if (reason != rows[i].reason || strcmp(text, rows[i].text) != 0)
            fail_msg("%s: %d, %s", rows[i].name, (int)reason, text);
    }
}

static void not_given(void **state)
{
    static const struct {
        const char *name, *method, *headers;
        unsigned flags;
        clientid_reason reason;
    } rows[] = {
        {"a body to come", "POST", FORM "Content-Length: 11\r\n", 0, NEEDED},
        {"chunked", "POST", FORM "Transfer-Encoding: chunked\r\n", 0, NEEDED},
        {"chunked GET", "GET", FORM "Transfer-Encoding: chunked\r\n", 0, NEEDED},
        {"HTTP/2 needs no length", "POST", FORM, 0, NEEDED},
        {"GET without a body", "GET", FORM, 0, ABSENT},
        {"HEAD without a body", "HEAD", FORM, 0, ABSENT},
        {"GET with a body", "GET", FORM "Content-Length: 11\r\n", 0, NEEDED},
        {"length 0", "POST", FORM "Content-Length: 0\r\n", 0, ABSENT},
        {"length 000", "POST", FORM "Content-Length: 000\r\n", 0, ABSENT},
        {"length at the cap", "POST", FORM "Content-Length: 100\r\n", 0, NEEDED},
        {"length above the cap: not even asked for", "POST", FORM "Content-Length: 101\r\n", 0,
         TOO_LARGE},
        {"length that would overflow", "POST",
         FORM "Content-Length: 99999999999999999999999999999999\r\n", 0, TOO_LARGE},
        {"length that overflows to zero", "POST", FORM "Content-Length: 18446744073709551616\r\n",
         0, TOO_LARGE},
        {"length that is no number", "POST", FORM "Content-Length: 1x\r\n", 0, NEEDED},
        {"two lengths", "POST", FORM "Content-Length: 0\r\nContent-Length: 0\r\n", 0, NEEDED},
        {"another type", "POST", "Content-Type: text/plain\r\nContent-Length: 11\r\n", 0, ABSENT},
        {"compressed: not even asked for", "POST", FORM "Content-Encoding: br\r\n", 0, MALFORMED},
        {"host gave up", "POST", FORM "Content-Length: 11\r\n", CLIENTID_BODY_TOO_LARGE, TOO_LARGE},
        {"host gave up on another type", "POST", "Content-Type: text/plain\r\n",
         CLIENTID_BODY_TOO_LARGE, ABSENT},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char text[80];
        clientid_reason reason = read_form(rows[i].method, rows[i].headers, "client_id=a",
                                           rows[i].flags, text, sizeof(text));
        if (reason != rows[i].reason)
            fail_msg("%s: %d", rows[i].name, (int)reason);
    }
}

/* Fails the nth question. */
struct counting {
    int left;
};

static int counting_header(void *host, clientid_str name, size_t nth, clientid_str *value)
{
    struct counting *c = host;

    if (c->left-- == 0)
        return -55;
    if (nth > 0 || !clientid__str_eq(name, CLIENTID_STR("content-type")))
        return 0;
    *value = CLIENTID_STR("application/x-www-form-urlencoded");
    return 1;
}

static void every_question_failing(void **state)
{
    struct counting c;
    clientid_request request = {
        .method = CLIENTID_STR("POST"), .header = counting_header, .host = &c};
    const struct clientid__reader reader = {&request, &caps, NULL, 0};
    struct clientid__param param = {.name = CLIENTID_STR("client_id")};
    int questions = 0, rv;
    (void)state;

    do {
        c.left = questions++;
        rv = clientid__form_read(&reader, &param, 1);
    } while (rv == -55 && questions < 20);
    assert_int_equal(rv, 0);
    assert_int_equal(questions,
                     6); /* two for the type, one each for coding, length, transfer coding */
    assert_int_equal(param.value.reason, NEEDED);
    c.left = 0;
    assert_int_equal(clientid__parts_read(&reader, &param, 1), -55);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(given),
        cmocka_unit_test(not_given),
        cmocka_unit_test(every_question_failing),
    };
    return cmocka_run_group_tests_name("body", tests, NULL, NULL);
}
