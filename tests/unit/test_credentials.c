/* SPDX-License-Identifier: Apache-2.0 */
#include "extract/extract.h"

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
#define NEEDED    CLIENTID_REASON_BODY_NEEDED
#define TOO_LARGE CLIENTID_REASON_BODY_TOO_LARGE

static const struct clientid__caps caps = {512, 8192, 256, 65536};

/* |id| and |secret| are expressions or NULL; the second NULL: id only. */
static struct clientid__spec spec_of(unsigned flags, const char *id, const char *secret)
{
    struct clientid__spec spec = {.flags = flags};
    size_t position;

    if (id != NULL)
        assert_int_equal(clientid__expression_parse(clientid__cstr(id), &spec.id, &position), 0);
    if (secret != NULL)
        assert_int_equal(
            clientid__expression_parse(clientid__cstr(secret), &spec.secret, &position), 0);
    return spec;
}

#define EXPR  CLIENTID__SPEC_EXPRESSIONS
#define BASIC CLIENTID__SPEC_BASIC
#define FORM  "Content-Type: application/x-www-form-urlencoded\r\n"
#define AB    "Authorization: Basic YTpi\r\n" /* a:b */

static void combinations(void **state)
{
    static const struct {
        const char *name;
        unsigned flags;
        const char *id, *secret, *raw;
        clientid_reason reason;
        const char *id_text, *secret_text; /* NULL: not set */
        bool from_query;
    } rows[] = {
        {"nothing configured", 0, NULL, NULL, "GET /?i=a HTTP/1.1\r\n" AB "\r\n", ABSENT, NULL,
         NULL, false},
        {"Basic", BASIC, NULL, NULL, "GET / HTTP/1.1\r\n" AB "\r\n", OK, "a", "b", false},
        {"Basic ignores expressions", BASIC, "query:i", "query:s",
         "GET /?i=x&s=y HTTP/1.1\r\n" AB "\r\n", OK, "a", "b", false},
        {"expressions ignore Basic", EXPR, "query:i", "query:s",
         "GET /?i=x&s=y HTTP/1.1\r\n" AB "\r\n", OK, "x", "y", true},
        {"Basic without a password", BASIC, NULL, NULL,
         "GET / HTTP/1.1\r\nAuthorization: Basic YTo=\r\n\r\n", OK, "a", NULL, false},
        {"secret by query only", EXPR, "header:i", "query:s", "GET /?s=b HTTP/1.1\r\nI: a\r\n\r\n",
         OK, "a", "b", true},
        {"id only: the secret is not looked at", EXPR, "query:i", NULL,
         "GET /?i=a&s=%&s=b HTTP/1.1\r\n\r\n", OK, "a", NULL, true},
        {"id set though the secret is refused", EXPR, "header:i", "header:s",
         "GET / HTTP/1.1\r\ni: a\r\ns: b\r\ns: b\r\n\r\n", AMBIGUOUS, "a", NULL, false},
        {"id judged before the secret", EXPR, "header:i", "header:s",
         "GET / HTTP/1.1\r\ni: a,b\r\ns: b\tc\r\n\r\n", AMBIGUOUS, NULL, NULL, false},
        {"no id, refused secret: the id is missing", EXPR, "header:i", "header:s",
         "GET / HTTP/1.1\r\ns: b\tc\r\n\r\n", ABSENT, NULL, NULL, false},
        {"any: header alone is not from the query", EXPR, "any:i", NULL,
         "GET / HTTP/1.1\r\ni: a\r\n\r\n", OK, "a", NULL, false},
        {"any: both is from the query", EXPR, "any:i", NULL, "GET /?i=a HTTP/1.1\r\ni: a\r\n\r\n",
         OK, "a", NULL, true},
        {"any: name by case of the query", EXPR, "any:Id", NULL,
         "GET /?id=x&Id=a HTTP/1.1\r\nID: a\r\n\r\n", OK, "a", NULL, true},
        {"any: differs", EXPR, "any:i", NULL, "GET /?i=a HTTP/1.1\r\ni: b\r\n\r\n", AMBIGUOUS, NULL,
         NULL, true},
        {"query cap of a policy that reads it", EXPR, "query:i", NULL,
         "GET /?i=a%zz HTTP/1.1\r\n\r\n", MALFORMED, NULL, NULL, false},
        {"form", EXPR, "form:i", "form:s", "POST / HTTP/1.1\r\n" FORM "\r\ni=a&s=b", OK, "a", "b",
         false},
        {"form and header", EXPR, "form:i", "header:s",
         "POST / HTTP/1.1\r\n" FORM "s: b\r\n\r\ni=a", OK, "a", "b", false},
        {"form and part in one policy: only one can be there", EXPR, "form:i", "part:s",
         "POST / HTTP/1.1\r\n" FORM "\r\ni=a", OK, "a", NULL, false},
        {"id and secret from one parameter", EXPR, "query:i", "query:i",
         "GET /?i=a HTTP/1.1\r\n\r\n", OK, "a", "a", true},
        {"both agree", BASIC | EXPR, "query:i", "query:s", "GET /?i=a&s=b HTTP/1.1\r\n" AB "\r\n",
         OK, "a", "b", true},
        {"both, ids differ", BASIC | EXPR, "query:i", "query:s",
         "GET /?i=x&s=b HTTP/1.1\r\n" AB "\r\n", AMBIGUOUS, NULL, NULL, true},
        {"both, secrets differ", BASIC | EXPR, "query:i", "query:s",
         "GET /?i=a&s=x HTTP/1.1\r\n" AB "\r\n", AMBIGUOUS, "a", NULL, true},
        {"both, one empty password", BASIC | EXPR, "query:i", "query:s",
         "GET /?i=a&s=b HTTP/1.1\r\nAuthorization: Basic YTo=\r\n\r\n", AMBIGUOUS, "a", NULL, true},
        {"both, the parameters without a secret", BASIC | EXPR, "query:i", "query:s",
         "GET /?i=a HTTP/1.1\r\n" AB "\r\n", OK, "a", "b", true},
        {"both, id only by expression", BASIC | EXPR, "query:i", NULL,
         "GET /?i=a HTTP/1.1\r\n" AB "\r\n", OK, "a", "b", true},
        {"both, Basic malformed", BASIC | EXPR, "query:i", "query:s",
         "GET /?i=a&s=b HTTP/1.1\r\nAuthorization: Basic ?\r\n\r\n", MALFORMED, NULL, NULL, true},
        {"both, Basic absent", BASIC | EXPR, "query:i", "query:s",
         "GET /?i=a&s=b HTTP/1.1\r\nAuthorization: Bearer x\r\n\r\n", OK, "a", "b", true},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct clientid__spec spec = spec_of(rows[i].flags, rows[i].id, rows[i].secret);
        struct clientid__credentials c;
        struct support_guarded t;
        struct clientid__scratch scratch;
        assert_int_equal(support_guarded_parse(&t, clientid__cstr(rows[i].raw)), 0);
        support_guarded_give_body(&t);
        scratch = (struct clientid__scratch){t.scratch, sizeof(t.scratch)};
        assert_int_equal(clientid__extract(&spec, &caps, &t.request, &scratch, &c), 0);
        if (c.reason != rows[i].reason || c.from_query != rows[i].from_query)
            fail_msg("%s: %d, %d", rows[i].name, (int)c.reason, (int)c.from_query);
        if (!clientid__str_eq(c.id,
                              rows[i].id_text ? clientid__cstr(rows[i].id_text) : CLIENTID_STR("")))
            fail_msg("%s: id %.*s", rows[i].name, (int)c.id.len, c.id.ptr);
        if (c.has_secret != (rows[i].secret_text != NULL) ||
            !clientid__str_eq(c.secret, rows[i].secret_text ? clientid__cstr(rows[i].secret_text)
                                                            : CLIENTID_STR("")))
            fail_msg("%s: secret %.*s", rows[i].name, (int)c.secret.len, c.secret.ptr);
        support_guarded_free(&t);
    }
}

/* A body is asked for only when what it holds can change the verdict. */
static void waiting_for_a_body(void **state)
{
    static const struct {
        const char *name;
        unsigned flags;
        const char *id, *secret, *headers;
        unsigned request_flags;
        clientid_reason reason;
    } rows[] = {
        {"both in the body", EXPR, "form:i", "form:s", FORM, 0, NEEDED},
        {"secret in the body", EXPR, "header:i", "form:s", FORM "i: a\r\n", 0, NEEDED},
        {"secret in the body, no id", EXPR, "header:i", "form:s", FORM, 0, ABSENT},
        {"secret in the body, id refused", EXPR, "header:i", "form:s", FORM "i: a,b\r\n", 0,
         AMBIGUOUS},
        {"id in the body, secret refused", EXPR, "form:i", "header:s", FORM "s: a,b\r\n", 0,
         AMBIGUOUS},
        {"id in the body, secret missing", EXPR, "form:i", "header:s", FORM, 0, NEEDED},
        {"Basic there, the form may disagree", BASIC | EXPR, "form:i", "form:s", FORM AB, 0,
         NEEDED},
        {"Basic refused", BASIC | EXPR, "form:i", "form:s", FORM "Authorization: Basic ?\r\n", 0,
         MALFORMED},
        {"another type of body", EXPR, "form:i", "form:s", "Content-Type: text/plain\r\n", 0,
         ABSENT},
        {"body too large", EXPR, "form:i", "form:s", FORM, CLIENTID_BODY_TOO_LARGE, TOO_LARGE},
        {"secret in a body too large", EXPR, "header:i", "form:s", FORM "i: a\r\n",
         CLIENTID_BODY_TOO_LARGE, TOO_LARGE},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct clientid__spec spec = spec_of(rows[i].flags, rows[i].id, rows[i].secret);
        struct clientid__credentials c;
        struct support_guarded t;
        struct clientid__scratch scratch;
        char raw[512];
        int len = snprintf(raw, sizeof(raw), "POST / HTTP/1.1\r\nContent-Length: 9\r\n%s\r\n",
                           rows[i].headers);
        assert_int_equal(support_guarded_parse(&t, clientid__str(raw, (size_t)len)), 0);
        t.request.flags = rows[i].request_flags;
        scratch = (struct clientid__scratch){t.scratch, sizeof(t.scratch)};
        assert_int_equal(clientid__extract(&spec, &caps, &t.request, &scratch, &c), 0);
        if (c.reason != rows[i].reason)
            fail_msg("%s: %d", rows[i].name, (int)c.reason);
        support_guarded_free(&t);
    }
}

static void key_values(void **state)
{
    static const struct {
        const char *name, *where, *raw;
        int rv;
        const char *value;
    } rows[] = {
        {"header", "header:x-user", "GET / HTTP/1.1\r\nX-User: u\r\n\r\n", 0, "u"},
        {"a comma is text", "header:user-agent", "GET / HTTP/1.1\r\nUser-Agent: a (b, c)\r\n\r\n",
         0, "a (b, c)"},
        {"absent", "header:x-user", "GET / HTTP/1.1\r\n\r\n", 0, ""},
        {"repeated", "header:x-user", "GET / HTTP/1.1\r\nX-User: u\r\nX-User: u\r\n\r\n", 0, ""},
        {"query", "query:u", "GET /?u=a%20b HTTP/1.1\r\n\r\n", 0, "a b"},
        {"repeated in the query", "query:u", "GET /?u=a&u=a HTTP/1.1\r\n\r\n", 0, ""},
        {"malformed", "query:u", "GET /?u=% HTTP/1.1\r\n\r\n", 0, ""},
        {"body first", "form:u", "POST / HTTP/1.1\r\n" FORM "Content-Length: 3\r\n\r\nu=a", 1, ""},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct clientid__spec spec = spec_of(0, rows[i].where, NULL);
        struct support_guarded t;
        struct clientid__scratch scratch;
        clientid_str value;
        assert_int_equal(support_guarded_parse(&t, clientid__cstr(rows[i].raw)), 0);
        scratch = (struct clientid__scratch){t.scratch, sizeof(t.scratch)};
        assert_int_equal(clientid__extract_value(&spec.id, &caps, &t.request, &scratch, &value),
                         rows[i].rv);
        if (!clientid__str_eq(value, clientid__cstr(rows[i].value)))
            fail_msg("%s: %.*s", rows[i].name, (int)value.len, value.ptr);
        if (rows[i].rv == 1) {
            support_guarded_give_body(&t);
            assert_int_equal(clientid__extract_value(&spec.id, &caps, &t.request, &scratch, &value),
                             0);
            assert_true(clientid__str_eq(value, CLIENTID_STR("a")));
        }
        support_guarded_free(&t);
    }
}

static void errors_of_the_host(void **state)
{
    static const struct {
        unsigned flags;
        const char *id;
    } specs[] = {
        {BASIC, NULL}, {EXPR, "header:i"}, {EXPR, "any:i"}, {EXPR, "form:i"}, {EXPR, "part:i"}};
    (void)state;

    for (size_t i = 0; i < sizeof(specs) / sizeof(specs[0]); i++) {
        struct clientid__spec spec = spec_of(specs[i].flags, specs[i].id, NULL);
        struct support_guarded t;
        struct clientid__scratch scratch = {NULL, 0};
        struct clientid__credentials c;
        clientid_str value;
        assert_int_equal(
            support_guarded_parse(&t, CLIENTID_STR("GET /?i=a HTTP/1.1\r\ni: a\r\n\r\n")), 0);
        t.header_error = -42;
        assert_int_equal(clientid__extract(&spec, &caps, &t.request, &scratch, &c), -42);
        assert_int_equal(c.id.len, 0);
        if (specs[i].id != NULL)
            assert_int_equal(clientid__extract_value(&spec.id, &caps, &t.request, &scratch, &value),
                             -42);
        support_guarded_free(&t);
    }
}

/* Each amount of scratch gives the answer or CLIENTID_ERR_SPACE; nothing is written behind it. */
static void every_size_of_scratch(void **state)
{
    struct clientid__spec spec = spec_of(BASIC | EXPR, "query:i", "query:s");
    (void)state;

    for (size_t size = 0; size < 40; size++) {
        char memory[64];
        struct clientid__scratch scratch = {memory, size};
        struct clientid__credentials c;
        struct support_guarded t;
        int rv;
        memset(memory, '!', sizeof(memory));
        assert_int_equal(
            support_guarded_parse(&t, CLIENTID_STR("GET /?i=%61&s=%62 HTTP/1.1\r\n" AB "\r\n")), 0);
        rv = clientid__extract(&spec, &caps, &t.request, &scratch, &c);
        if (rv == 0)
            assert_int_equal(c.reason, OK);
        else
            assert_int_equal(rv, CLIENTID_ERR_SPACE);
        assert_int_equal(rv == 0, size >= 7); /* 3 bytes of Basic, one of the id, room for %62 */
        for (size_t i = size; i < sizeof(memory); i++)
            assert_int_equal(memory[i], '!');
        support_guarded_free(&t);
    }
}

/* The worst that one policy can ask of scratch under the default caps fits. */
static void default_scratch_is_enough(void **state)
{
    struct clientid__spec spec = spec_of(BASIC | EXPR, "query:i", "query:s");
    char raw[8192], value[512];
    struct support_guarded t;
    struct clientid__credentials c;
    struct clientid__scratch scratch;
    size_t n = 0;
    (void)state;

    /* 171 x "xxx" as base64 is 171 x "eHh4"; two of them and a colon. */
    memset(value, 'x', sizeof(value));
    n += (size_t)snprintf(raw + n, sizeof(raw) - n,
                          "GET /?i=%%78%.509s&s=%%78%.509s HTTP/1.1\r\nAuthorization: Basic ",
                          value, value);
    for (int i = 0; i < 170; i++)
        n += (size_t)snprintf(raw + n, sizeof(raw) - n, "eHh4");
    n += (size_t)snprintf(raw + n, sizeof(raw) - n, "Onh4"); /* ":xx" */
    for (int i = 0; i < 169; i++)
        n += (size_t)snprintf(raw + n, sizeof(raw) - n, "eHh4");
    n += (size_t)snprintf(raw + n, sizeof(raw) - n, "eA==\r\n\r\n");
    assert_int_equal(support_guarded_parse(&t, clientid__str(raw, n)), 0);
    scratch = (struct clientid__scratch){t.scratch, CLIENTID_SCRATCH_BYTES};
    assert_int_equal(clientid__extract(&spec, &caps, &t.request, &scratch, &c), 0);
    assert_int_equal(c.reason, OK);
    assert_int_equal(c.id.len, 510);
    assert_int_equal(c.secret.len, 510);
    support_guarded_free(&t);
}

/* Whatever bytes come: a reason that extraction may give, and values that keep the rules. */
static void noise(void **state)
{
    static const char *const pieces[] = {
        "i=",
        "s=",
        "a",
        "b",
        "&",
        "%61",
        "%",
        "+",
        "=",
        "i: a\r\n",
        "s: b\r\n",
        "I: ",
        "\r\n",
        AB,
        FORM,
        "Authorization: ",
        "Basic ",
        "YTpi",
        ",",
        " ",
        "\t",
        "Content-Type: multipart/form-data; boundary=x\r\n",
        "--x\r\n",
        "--x--",
        "Content-Disposition: form-data; name=i\r\n",
        "\r\n\r\n",
        "Content-Length: 9\r\n",
    };
    static const char *const places[] = {"header:i", "query:i", "form:i", "part:i", "any:i",
                                         "header:s", "query:s", "form:s", "part:s", "any:s"};
    unsigned found = 0;
    (void)state;

    srand(23);
    for (int round = 0; round < 20000; round++) {
        char raw[2048] = "POST /?";
        size_t len = strlen(raw);
        struct clientid__spec spec =
            spec_of(1u + (unsigned)rand() % 31, places[rand() % 5], places[5 + rand() % 5]);
        for (int k = 0; k < 3; k++) {
            for (int n = rand() % 6; n > 0; n--)
                len += (size_t)snprintf(
                    raw + len, sizeof(raw) - len, "%s",
                    pieces[(size_t)rand() % (k == 0 ? 9 : sizeof(pieces) / sizeof(pieces[0]))]);
            len += (size_t)snprintf(raw + len, sizeof(raw) - len, "%s",
                                    k == 0 ? " HTTP/1.1\r\n" : "\r\n");
        }
        struct support_guarded t;
        if (support_guarded_parse(&t, clientid__str(raw, len)) == 0) {
            struct clientid__scratch scratch = {t.scratch, sizeof(t.scratch)};
            struct clientid__credentials c;
            if (rand() % 2)
                support_guarded_give_body(&t);
            assert_int_equal(clientid__extract(&spec, &caps, &t.request, &scratch, &c), 0);
            if (c.reason == OK) {
                found++;
                if (c.id.len == 0 || (c.has_secret && c.secret.len == 0))
                    fail_msg("seed 23, round %d: empty", round);
            } else if (c.reason != ABSENT && c.reason != MALFORMED && c.reason != AMBIGUOUS &&
                       c.reason != NEEDED) {
                fail_msg("seed 23, round %d: reason %d", round, (int)c.reason);
            }
        }
        support_guarded_free(&t);
    }
    assert_true(found > 300);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(combinations),
        cmocka_unit_test(waiting_for_a_body),
        cmocka_unit_test(key_values),
        cmocka_unit_test(errors_of_the_host),
        cmocka_unit_test(every_size_of_scratch),
        cmocka_unit_test(default_scratch_is_enough),
        cmocka_unit_test(noise),
    };
    return cmocka_run_group_tests_name("credentials", tests, NULL, NULL);
}
