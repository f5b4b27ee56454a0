/* SPDX-License-Identifier: Apache-2.0 */
#include "extract/extract.h"

#include "base/str.h"
#include "support_guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void accepted(void **state)
{
    static const struct {
        const char *text;
        enum clientid__carrier carrier;
        const char *name;
    } rows[] = {
        {"#[attributes.headers['client_id']]", CLIENTID__HEADER, "client_id"},
        {"#[attributes.headers[\"client_id\"]]", CLIENTID__HEADER, "client_id"},
        {"#[attributes.headers.client_id]", CLIENTID__HEADER, "client_id"},
        {"#[attributes.headers.'x-client-id']", CLIENTID__HEADER, "x-client-id"},
        {"#[attributes.headers['X-Client-Id']]", CLIENTID__HEADER, "x-client-id"},
        {"#[ attributes.headers[ 'client_id' ] ]", CLIENTID__HEADER, "client_id"},
        {"#[attributes.queryParams['client_id']]", CLIENTID__QUERY, "client_id"},
        {"#[attributes.queryParams.client_id]", CLIENTID__QUERY, "client_id"},
        {"#[attributes.queryParams.'client_id']", CLIENTID__QUERY, "client_id"},
        {"#[attributes.queryParams.\"client_id\"]", CLIENTID__QUERY, "client_id"},
        {"#[attributes.queryParams['Client Id']]", CLIENTID__QUERY, "Client Id"},
        {"#[attributes.queryParams['filter[a]']]", CLIENTID__QUERY, "filter[a]"},
        {"#[payload.client_id]", CLIENTID__FORM, "client_id"},
        {"#[payload['client_id']]", CLIENTID__FORM, "client_id"},
        {"#[message.payload['client_id']]", CLIENTID__FORM, "client_id"},
        {"#[message.inboundProperties['client_id']]", CLIENTID__ANY, "client_id"},
        {"#[message.inboundProperties[\"client_id\"]]", CLIENTID__ANY, "client_id"},
        {"#[message.inboundAttachments['client_id']]", CLIENTID__PART, "client_id"},
        {"header:client_id", CLIENTID__HEADER, "client_id"},
        {"header:X-Client-ID", CLIENTID__HEADER, "x-client-id"},
        {"query:client_id", CLIENTID__QUERY, "client_id"},
        {"query:Client_Id", CLIENTID__QUERY, "Client_Id"},
        {"query:$filter", CLIENTID__QUERY, "$filter"},
        {"query:h\xc3\xa9", CLIENTID__QUERY, "h\xc3\xa9"},
        {"form:client_id", CLIENTID__FORM, "client_id"},
        {"part:client_id", CLIENTID__PART, "client_id"},
        {"any:Client_Id", CLIENTID__ANY, "Client_Id"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        clientid_str text = support_guard(rows[i].text, strlen(rows[i].text));
        struct clientid__expression e;
        size_t position = 0;
        if (clientid__expression_parse(text, &e, &position) != 0)
            fail_msg("%s: refused at %zu", rows[i].text, position);
        assert_int_equal(e.carrier, rows[i].carrier);
        if (!clientid__str_eq(clientid__expression_name(&e), clientid__cstr(rows[i].name)))
            fail_msg("%s: %.*s", rows[i].text, (int)e.name_len, e.name);
        support_guard_free(text);
    }
}

static void refused(void **state)
{
    static const struct {
        const char *text;
        size_t position;
    } rows[] = {
        {"", 0},
        {" header:a", 0},
        {"client_id", 0},
        {"Header:a", 0},
        {"header", 6},
        {"header:", 7},
        {"header:a b", 8},
        {"header:a\"", 8},
        {"header:'a'", 7},
        {"header:a,b", 8},
        {"header:h\xc3\xa9", 8},
        {"query:", 6},
        {"query:a b", 7},
        {"query:'a'", 6},
        {"query:a\x7f", 7},
        {"query:a\xff", 7},
        {"cookie:a", 0},
        {"#", 1},
        {"#[", 2},
        {"#[]", 2},
        {"#['client_id']", 2},
        {"#[attributes.header['a']]", 19},
        {"#[attributes.headers]", 20},
        {"#[attributes.headers['a']", 25},
        {"#[attributes.headers['a'", 24},
        {"#[attributes.headers['a", 23},
        {"#[attributes.headers['']]", 22},
        {"#[attributes.headers['a\"]]", 23},
        {"#[attributes.headers[\"a']]", 23},
        {"#[attributes.headers[a]]", 21},
        {"#[attributes.headers['a']] ", 26},
        {"#[attributes.headers['a'] as String]", 26},
        {"#[attributes.headers['a'] default '']", 26},
        {"#[attributes.headers['a']['b']]", 25},
        {"#[attributes.headers.a-b]", 22},
        {"#[attributes.headers.1a]", 21},
        {"#[attributes.headers .a]", 20},
        {"#[attributes.queryParams['$(payload)']]", 26},
        {"#[attributes.queryParams['a\\'b']]", 27},
        {"#[attributes.queryparams['a']]", 18},
        {"#[attributes.uriParams['a']]", 13},
        {"#[payload]", 9},
        {"#[payload.a.b]", 11},
        {"#[message.payload.a]", 17},
        {"#[message.inboundProperties.a]", 27},
        {"#[message.inboundProperties.'a']", 27},
        {"#[message.outboundProperties['a']]", 10},
        {"#[vars.a]", 2},
        {"#{attributes.headers['a']}", 1},
        {"attributes.headers['a']", 1},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        clientid_str text = support_guard(rows[i].text, strlen(rows[i].text));
        struct clientid__expression e = {.carrier = CLIENTID__PART, .name_len = 7};
        size_t position = 999;
        if (clientid__expression_parse(text, &e, &position) != CLIENTID_ERR_SYNTAX)
            fail_msg("%s: accepted", rows[i].text);
        if (position != rows[i].position)
            fail_msg("%s: at %zu, not %zu", rows[i].text, position, rows[i].position);
        assert_int_equal(e.carrier, CLIENTID__PART);
        support_guard_free(text);
    }
}

static void longest_name(void **state)
{
    char text[7 + CLIENTID__PARAM_NAME_MAX + 1];
    struct clientid__expression e;
    size_t position = 0;
    (void)state;

    memset(text, 'a', sizeof(text));
    memcpy(text, "header:", 7);
    assert_int_equal(
        clientid__expression_parse(clientid__str(text, sizeof(text) - 1), &e, &position), 0);
    assert_int_equal(e.name_len, CLIENTID__PARAM_NAME_MAX);
    assert_int_equal(clientid__expression_parse(clientid__str(text, sizeof(text)), &e, &position),
                     CLIENTID_ERR_SYNTAX);
    assert_int_equal(position, 7 + CLIENTID__PARAM_NAME_MAX);
}

/* Every start of a good expression is refused at its end: no byte after it could be at fault. */
static void every_prefix(void **state)
{
    static const char *const good[] = {
        "#[attributes.headers['client_id']]",
        "#[attributes.queryParams.'client_id']",
        "#[message.inboundProperties[\"client_id\"]]",
        "#[ message.payload[ 'a' ] ]",
    };
    (void)state;

    for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
        for (size_t len = 0; len < strlen(good[i]); len++) {
            clientid_str text = support_guard(good[i], len);
            struct clientid__expression e;
            size_t position = 999;
            assert_int_equal(clientid__expression_parse(text, &e, &position), CLIENTID_ERR_SYNTAX);
            if (position != len)
                fail_msg("%.*s: %zu", (int)len, good[i], position);
            support_guard_free(text);
        }
}

static void wants(void **state)
{
    static const struct {
        const char *text;
        unsigned wants;
    } rows[] = {
        {"header:a", CLIENTID_WANTS_HEADERS},
        {"query:a", CLIENTID_WANTS_QUERY},
        {"any:a", CLIENTID_WANTS_QUERY | CLIENTID_WANTS_HEADERS},
        {"form:a", CLIENTID_WANTS_HEADERS | CLIENTID_WANTS_BODY},
        {"part:a", CLIENTID_WANTS_HEADERS | CLIENTID_WANTS_BODY},
    };
    struct clientid__spec spec = {.flags = CLIENTID__SPEC_BASIC};
    size_t position;
    (void)state;

    assert_int_equal(clientid__spec_wants(&spec), CLIENTID_WANTS_HEADERS);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        assert_int_equal(
            clientid__expression_parse(clientid__cstr(rows[i].text), &spec.id, &position), 0);
        assert_int_equal(clientid__expression_wants(&spec.id), rows[i].wants);
        spec.flags = CLIENTID__SPEC_EXPRESSIONS;
        assert_int_equal(clientid__spec_wants(&spec), rows[i].wants);
        spec.flags = CLIENTID__SPEC_EXPRESSIONS | CLIENTID__SPEC_BASIC;
        assert_int_equal(clientid__spec_wants(&spec), rows[i].wants | CLIENTID_WANTS_HEADERS);
    }
    spec.flags = CLIENTID__SPEC_BASIC; /* expressions are not read */
    assert_int_equal(clientid__spec_wants(&spec), CLIENTID_WANTS_HEADERS);
    spec.secret = spec.id;
    spec.id = (struct clientid__expression){.carrier = CLIENTID__NOWHERE};
    assert_int_equal(clientid__expression_wants(&spec.id), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(accepted),     cmocka_unit_test(refused), cmocka_unit_test(longest_name),
        cmocka_unit_test(every_prefix), cmocka_unit_test(wants),
    };
    return cmocka_run_group_tests_name("expression", tests, NULL, NULL);
}
