/* SPDX-License-Identifier: Apache-2.0 */
#include "extract/body.h"

#include "base/str.h"
#include "support_guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define OK        CLIENTID_REASON_ALLOWED
#define ABSENT    CLIENTID_REASON_ID_MISSING
#define MALFORMED CLIENTID_REASON_CREDENTIALS_MALFORMED
#define AMBIGUOUS CLIENTID_REASON_CREDENTIALS_AMBIGUOUS
#define TOO_LONG  CLIENTID_REASON_CREDENTIALS_TOO_LONG

static const struct clientid__caps caps = {16, 0, 3, 4096};

struct outcome {
    clientid_reason id, secret;
    char id_text[64], secret_text[64];
};

static void keep_text(char *out, size_t room, const struct clientid__value *v)
{
    snprintf(out, room, "%.*s", (int)v->text.len, v->text.len > 0 ? v->text.ptr : "");
}

static void read_parts(struct outcome *o, const char *type, const void *body, size_t len)
{
    char raw[8192];
    struct support_guarded t;
    const struct clientid__reader reader = {&t.request, &caps, NULL, 0};
    struct clientid__param params[2] = {{.name = CLIENTID_STR("client_id")},
                                        {.name = CLIENTID_STR("client_secret")}};
    size_t head =
        (size_t)snprintf(raw, sizeof(raw), "POST / HTTP/1.1\r\nContent-Type: %s\r\n\r\n", type);

    assert_true(head + len <= sizeof(raw));
    memcpy(raw + head, body, len);
    assert_int_equal(support_guarded_parse(&t, clientid__str(raw, head + len)), 0);
    support_guarded_give_body(&t);
    assert_int_equal(clientid__parts_read(&reader, params, 2), 0);
    o->id = params[0].value.reason;
    o->secret = params[1].value.reason;
    keep_text(o->id_text, sizeof(o->id_text), &params[0].value);
    keep_text(o->secret_text, sizeof(o->secret_text), &params[1].value);
    support_guarded_free(&t);
}

#define TYPE "multipart/form-data; boundary=xyz"
#define ID   "--xyz\r\nContent-Disposition: form-data; name=\"client_id\"\r\n"
#define END  "\r\n--xyz--\r\n"

static void bodies(void **state)
{
    static const struct {
        const char *name, *body;
        clientid_reason id;
        const char *text;
    } rows[] = {
        {"one part", ID "\r\nabc" END, OK, "abc"},
        {"no line end at the end", ID "\r\nabc\r\n--xyz--", OK, "abc"},
        {"empty line first", "\r\n" ID "\r\nabc" END, OK, "abc"},
        {"name without quotes",
         "--xyz\r\nContent-Disposition: form-data; name=client_id\r\n\r\nabc" END, OK, "abc"},
        {"header name and type in other cases",
         "--xyz\r\nCONTENT-disposition:Form-Data;NAME=\"client_id\"\r\n\r\nabc" END, OK, "abc"},
        {"white space is kept", ID "\r\n abc " END, OK, " abc "},
        {"empty value", ID "\r\n" END, ABSENT, ""},
        {"other parts around",
         "--xyz\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1\r\n" ID
         "\r\nabc\r\n--xyz\r\nContent-Disposition: form-data; name=\"f\"; "
         "filename=\"C:\\x\"\r\nContent-Type: image/png\r\n\r\n\1\2\r\n\r\n--xy-\r\n-" END,
         OK, "abc"},
        {"no such part", "--xyz\r\nContent-Disposition: form-data; name=\"a\"\r\n\r\n1" END, ABSENT,
         ""},
        {"no part at all", "--xyz--\r\n", ABSENT, ""},
        {"name is not decoded",
         "--xyz\r\nContent-Disposition: form-data; name=\"client%5Fid\"\r\n\r\nabc" END, ABSENT,
         ""},
        {"another case",
         "--xyz\r\nContent-Disposition: form-data; name=\"Client_Id\"\r\n\r\nabc" END, ABSENT, ""},
        {"boundary inside a line is content", ID "\r\na--xyz" END, OK, "a--xyz"},
        {"text/plain in UTF-8", ID "Content-Type: text/plain; charset=utf-8\r\n\r\nabc" END, OK,
         "abc"},
        {"8bit", ID "Content-Transfer-Encoding: 8BIT\r\n\r\nabc" END, OK, "abc"},
        {"unknown header", ID "X-A: b\tc\r\n\r\nabc" END, OK, "abc"},

        {"repeated", ID "\r\nabc\r\n" ID "\r\nabc" END, AMBIGUOUS, ""},
        {"repeated, one empty", ID "\r\nabc\r\n" ID "\r\n" END, AMBIGUOUS, ""},
        {"a file",
         "--xyz\r\nContent-Disposition: form-data; name=\"client_id\"; "
         "filename=\"a\"\r\n\r\nabc" END,
         AMBIGUOUS, ""},
        {"a file by RFC 5987",
         "--xyz\r\nContent-Disposition: form-data; name=\"client_id\"; "
         "filename*=utf-8''a\r\n\r\nabc" END,
         AMBIGUOUS, ""},
        {"two names",
         "--xyz\r\nContent-Disposition: form-data; name=\"client_id\"; name=\"a\"\r\n\r\nabc" END,
         AMBIGUOUS, ""},
        {"extended name",
         "--xyz\r\nContent-Disposition: form-data; name=a; name*=utf-8''client_id\r\n\r\nabc" END,
         AMBIGUOUS, ""},
        {"two dispositions",
         "--xyz\r\nContent-Disposition: form-data; name=\"a\"\r\nContent-Disposition: form-data; "
         "name=\"client_id\"\r\n\r\nabc" END,
         AMBIGUOUS, ""},
        {"quote in a file name",
         "--xyz\r\nContent-Disposition: form-data; filename=\"a\\\"; "
         "name=\"client_id\"\r\n\r\nabc" END,
         MALFORMED, ""},
        {"backslash in a name",
         "--xyz\r\nContent-Disposition: form-data; name=\"client\\_id\"\r\n\r\nabc" END, MALFORMED,
         ""},
        {"part without a name",
         "--xyz\r\nContent-Disposition: form-data\r\n\r\nabc\r\n" ID "\r\nabc" END, MALFORMED, ""},
        {"part without a disposition", "--xyz\r\nX: y\r\n\r\nabc\r\n" ID "\r\nabc" END, MALFORMED,
         ""},
        {"part without headers", "--xyz\r\n\r\nabc\r\n" ID "\r\nabc" END, MALFORMED, ""},
        {"another disposition",
         "--xyz\r\nContent-Disposition: attachment; name=\"client_id\"\r\n\r\nabc" END, MALFORMED,
         ""},
        {"another type", ID "Content-Type: application/json\r\n\r\nabc" END, MALFORMED, ""},
        {"another charset", ID "Content-Type: text/plain; charset=utf-16\r\n\r\nabc" END, MALFORMED,
         ""},
        {"broken type parameter", ID "Content-Type: text/plain; charset\r\n\r\nabc" END, MALFORMED,
         ""},
        {"base64", ID "Content-Transfer-Encoding: base64\r\n\r\nYWJj" END, MALFORMED, ""},
        {"quoted-printable", ID "Content-Transfer-Encoding: quoted-printable\r\n\r\nabc" END,
         MALFORMED, ""},
        {"folded header",
         "--xyz\r\nContent-Disposition: form-data;\r\n name=\"client_id\"\r\n\r\nabc" END,
         MALFORMED, ""},
        {"space before the colon",
         "--xyz\r\nContent-Disposition : form-data; name=\"client_id\"\r\n\r\nabc" END, MALFORMED,
         ""},
        {"header without a colon", ID "junk\r\n\r\nabc" END, MALFORMED, ""},
        {"bare CR ends the part", "--xyz\r\nContent-Disposition: form-data; name=a\r\r\n--xyz--",
         MALFORMED, ""},
        {"bare LF in a header", ID "X: a\nY: b\r\n\r\nabc" END, MALFORMED, ""},
        {"bare CR in a header", ID "X: a\rb\r\n\r\nabc" END, MALFORMED, ""},
        {"LF lines", "--xyz\nContent-Disposition: form-data; name=\"client_id\"\n\nabc\n--xyz--\n",
         MALFORMED, ""},
        {"delimiter after LF alone",
         ID "\r\nabc\n--xyz\r\nContent-Disposition: form-data; name=\"client_id\"\r\n\r\nx" END,
         MALFORMED, ""},
        {"delimiter after CR alone", ID "\r\nabc\r--xyz\r\nx" END, MALFORMED, ""},
        {"longer delimiter", ID "\r\nabc\r\n--xyz2\r\nx" END, MALFORMED, ""},
        {"white space behind a delimiter",
         ID "\r\nabc\r\n--xyz \r\nContent-Disposition: form-data; name=\"a\"\r\n\r\nx" END,
         MALFORMED, ""},
        {"preamble", "junk\r\n" ID "\r\nabc" END, MALFORMED, ""},
        {"epilogue", ID "\r\nabc" END "junk", MALFORMED, ""},
        {"a second body as epilogue", ID "\r\nabc" END ID "\r\nx" END, MALFORMED, ""},
        {"cut off", ID "\r\nabc", MALFORMED, ""},
        {"cut off in the last delimiter", ID "\r\nabc\r\n--xyz-", MALFORMED, ""},
        {"cut off in the headers", "--xyz\r\nContent-Disp", MALFORMED, ""},
        {"delimiter right behind a delimiter", "--xyz\r\n--xyz--\r\n", MALFORMED, ""},
        {"headers without an empty line", ID "--xyz--\r\n", MALFORMED, ""},
        {"line break in the value", ID "\r\nab\r\nc" END, MALFORMED, ""},
        {"not UTF-8", ID "\r\ncaf\xe9" END, MALFORMED, ""},
        {"longest value", ID "\r\n0123456789abcdef" END, OK, "0123456789abcdef"},
        {"one byte more", ID "\r\n0123456789abcdefg" END, TOO_LONG, ""},
        {"too many parts",
         "--xyz\r\nContent-Disposition: form-data; name=a\r\n\r\n\r\n--xyz\r\nContent-Disposition: "
         "form-data; name=b\r\n\r\n\r\n--xyz\r\nContent-Disposition: form-data; "
         "name=c\r\n\r\n\r\n" ID "\r\nabc" END,
         TOO_LONG, ""},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct outcome o;
        read_parts(&o, TYPE, rows[i].body, strlen(rows[i].body));
        if (o.id != rows[i].id || strcmp(o.id_text, rows[i].text) != 0)
            fail_msg("%s: %d, %s", rows[i].name, (int)o.id, o.id_text);
    }
}

static void boundaries(void **state)
{
    static const struct {
        const char *name, *type, *boundary;
        clientid_reason id;
    } rows[] = {
        {"token", "multipart/form-data; boundary=xyz", "xyz", OK},
        {"quoted", "multipart/form-data; boundary=\"xyz\"", "xyz", OK},
        {"quoted with what a token may not have", "Multipart/Form-Data;Boundary=\"a b:c=?(d)\"",
         "a b:c=?(d)", OK},
        {"other parameters around", "multipart/form-data; charset=utf-8; boundary=xyz; a=b", "xyz",
         OK},
        {"longest",
         "multipart/form-data; "
         "boundary=0123456789012345678901234567890123456789012345678901234567890123456789",
         "0123456789012345678901234567890123456789012345678901234567890123456789", OK},
        {"one more",
         "multipart/form-data; "
         "boundary=01234567890123456789012345678901234567890123456789012345678901234567890",
         "01234567890123456789012345678901234567890123456789012345678901234567890", MALFORMED},
        {"dashes like a browser's", "multipart/form-data; boundary=----WebKitFormBoundaryAbC",
         "----WebKitFormBoundaryAbC", OK},
        {"none", "multipart/form-data", "", MALFORMED},
        {"empty", "multipart/form-data; boundary=\"\"", "", MALFORMED},
        {"two", "multipart/form-data; boundary=xyz; boundary=abc", "xyz", AMBIGUOUS},
        {"two, the same", "multipart/form-data; boundary=xyz; BOUNDARY=xyz", "xyz", AMBIGUOUS},
        {"in pieces", "multipart/form-data; boundary=xyz; boundary*0=a; boundary*1=b", "xyz",
         AMBIGUOUS},
        {"another parameter that begins so", "multipart/form-data; boundary2=abc; boundary=xyz",
         "xyz", OK},
        {"space at the end", "multipart/form-data; boundary=\"xyz \"", "xyz ", MALFORMED},
        {"backslash", "multipart/form-data; boundary=\"x\\yz\"", "xyz", MALFORMED},
        {"comma behind", "multipart/form-data; boundary=xyz, text/plain", "xyz", MALFORMED},
        {"another charset", "multipart/form-data; charset=utf-16; boundary=xyz", "xyz", MALFORMED},
        {"another multipart", "multipart/mixed; boundary=xyz", "xyz", ABSENT},
        {"urlencoded", "application/x-www-form-urlencoded", "xyz", ABSENT},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct outcome o;
        char body[512];
        int len =
            snprintf(body, sizeof(body),
                     "--%s\r\nContent-Disposition: form-data; name=client_id\r\n\r\nabc\r\n--%s--",
                     rows[i].boundary, rows[i].boundary);
        read_parts(&o, rows[i].type, body, (size_t)len);
        if (o.id != rows[i].id)
            fail_msg("%s: %d", rows[i].name, (int)o.id);
    }
}

/* No start of a good body but the whole is read; the page behind it is never touched. */
static void every_prefix(void **state)
{
    static const char whole[] = ID "\r\nabc\r\n--xyz\r\nContent-Disposition: form-data; "
                                   "name=\"client_secret\"\r\n\r\ns--xyz\r\n--xyz--\r\n";
    (void)state;

    for (size_t len = 1; len < sizeof(whole); len++) {
        struct outcome o;
        read_parts(&o, TYPE, whole, len);
        /* The line end of the last delimiter is optional, half of it is not. */
        bool complete = len == sizeof(whole) - 1 || len == sizeof(whole) - 3;
        if ((o.id == OK) != complete || (o.secret == OK) != complete)
            fail_msg("%zu bytes: %d, %d", len, (int)o.id, (int)o.secret);
    }
}

/* One changed byte changes the values, or refuses them, or touches nothing that counts: never another value. */
static void one_byte_changed(void **state)
{
    static const char whole[] = ID "\r\nabc" END;
    size_t value = strlen(ID) + 2;
    (void)state;

    for (size_t at = 0; at < sizeof(whole) - 1; at++)
        for (int c = 0; c < 256; c++) {
            char body[sizeof(whole)];
            struct outcome o;
            memcpy(body, whole, sizeof(whole));
            body[at] = (char)c;
            read_parts(&o, TYPE, body, sizeof(whole) - 1);
            if (o.id == OK && (at < value || at >= value + 3) && strcmp(o.id_text, "abc") != 0)
                fail_msg("byte %zu is %02x: %s", at, (unsigned)c, o.id_text);
            assert_int_equal(o.secret == OK, 0);
        }
}

/* Waiting for a body whose boundary is already no good would be in vain. */
static void before_the_body(void **state)
{
    static const struct {
        const char *raw;
        clientid_reason id;
    } rows[] = {
        {"POST / HTTP/1.1\r\nContent-Type: " TYPE "\r\nContent-Length: 9\r\n\r\n",
         CLIENTID_REASON_BODY_NEEDED},
        {"POST / HTTP/1.1\r\nContent-Type: multipart/form-data\r\nContent-Length: 9\r\n\r\n",
         MALFORMED},
        {"POST / HTTP/1.1\r\nContent-Type: multipart/form-data\r\nContent-Length: 0\r\n\r\n",
         ABSENT},
        {"POST / HTTP/1.1\r\nContent-Type: " TYPE "\r\nContent-Length: 4097\r\n\r\n",
         CLIENTID_REASON_BODY_TOO_LARGE},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct support_guarded t;
        const struct clientid__reader reader = {&t.request, &caps, NULL, 0};
        struct clientid__param param = {.name = CLIENTID_STR("client_id")};
        assert_int_equal(support_guarded_parse(&t, clientid__cstr(rows[i].raw)), 0);
        assert_int_equal(clientid__parts_read(&reader, &param, 1), 0);
        assert_int_equal(param.value.reason, rows[i].id);
        support_guarded_free(&t);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(bodies),          cmocka_unit_test(boundaries),
        cmocka_unit_test(every_prefix),    cmocka_unit_test(one_byte_changed),
        cmocka_unit_test(before_the_body),
    };
    return cmocka_run_group_tests_name("multipart", tests, NULL, NULL);
}
