/* SPDX-License-Identifier: Apache-2.0 */
/* The pieces of the Anypoint source that need no control plane: configuration, links, times. */
#include "anypoint/config_json.h"
#include "anypoint/moment.h"
#include "anypoint/url.h"
#include "support_program.h"

#include <clientid/anypoint.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define ID    "\"organizationId\":\"o\",\"environmentId\":\"e\",\"clientId\":\"c\","
#define ENV   "\"clientSecret\":{\"env\":\"ANYPOINT_TEST\"},"
#define APIS  "\"apis\":{\"orders\":1}"
#define WHOLE ID ENV APIS

static void test_configurations(void **state)
{
    static const struct {
        const char *why, *text;
        int code;
        const char *pointer;
    } rows[] = {
        {"all that is needed", "{" WHOLE "}", 0, ""},
        {"all that there is",
         "{\"url\":\"https://eu1.anypoint.mulesoft.com/\",\"interval\":\"1m\",\"longPoll\":false,"
         "\"allowHttp\":false,\"caFile\":\"x\"," WHOLE "}",
         0, ""},
        {"http to this machine", "{\"url\":\"http://127.0.0.1:8080\"," WHOLE "}", 0, ""},
        {"http to this machine, IPv6", "{\"url\":\"http://[::1]:8080\"," WHOLE "}", 0, ""},
        {"http that was asked for", "{\"url\":\"http://portal:8080\",\"allowHttp\":true," WHOLE "}",
         0, ""},
        {"http to another one", "{\"url\":\"http://portal:8080\"," WHOLE "}", CLIENTID_ERR_CONFIG,
         "/url"},
        {"a name that looks like this machine",
         "{\"url\":\"http://127.0.0.1.example.com\"," WHOLE "}", CLIENTID_ERR_CONFIG, "/url"},
        {"a user in the URL", "{\"url\":\"https://a:b@example.com\"," WHOLE "}",
         CLIENTID_ERR_CONFIG, "/url"},
        {"no URL", "{\"url\":\"file:///etc\"," WHOLE "}", CLIENTID_ERR_CONFIG, "/url"},
        {"not well-formed", "{" WHOLE, CLIENTID_ERR_SYNTAX, ""},
        {"no object", "[]", CLIENTID_ERR_CONFIG, ""},
        {"an unknown key", "{\"colour\":1," WHOLE "}", CLIENTID_ERR_CONFIG, "/colour"},
        {"no organization", "{\"environmentId\":\"e\",\"clientId\":\"c\"," ENV APIS "}",
         CLIENTID_ERR_CONFIG, "/organizationId"},
        {"an environment that is a path",
         "{\"organizationId\":\"o\",\"environmentId\":\"../x\",\"clientId\":\"c\"," ENV APIS "}",
         CLIENTID_ERR_CONFIG, "/environmentId"},
        {"no client id", "{\"organizationId\":\"o\",\"environmentId\":\"e\"," ENV APIS "}",
         CLIENTID_ERR_CONFIG, "/clientId"},
        {"no secret", "{" ID APIS "}", CLIENTID_ERR_CONFIG, "/clientSecret"},
        {"the secret itself", "{" ID "\"clientSecret\":\"hunter2\"," APIS "}", CLIENTID_ERR_CONFIG,
         "/clientSecret"},
        {"two places of the secret",
         "{" ID "\"clientSecret\":{\"env\":\"ANYPOINT_TEST\",\"file\":\"x\"}," APIS "}",
         CLIENTID_ERR_CONFIG, "/clientSecret"},
        {"another place", "{" ID "\"clientSecret\":{\"vault\":\"x\"}," APIS "}",
         CLIENTID_ERR_CONFIG, "/clientSecret/vault"},
        {"a variable that is not set",
         "{" ID "\"clientSecret\":{\"env\":\"ANYPOINT_NONE\"}," APIS "}", CLIENTID_ERR_CONFIG,
         "/clientSecret"},
        {"a file that is not there", "{" ID "\"clientSecret\":{\"file\":\"/none\"}," APIS "}",
         CLIENTID_ERR_CONFIG, "/clientSecret"},
        {"no API instances", "{" ID ENV "\"apis\":{}}", CLIENTID_ERR_CONFIG, "/apis"},
        {"an id that is text", "{" ID ENV "\"apis\":{\"a/b\":\"1\"}}", CLIENTID_ERR_CONFIG,
         "/apis/a~1b"},
        {"an id twice", "{" ID ENV "\"apis\":{\"a\":1,\"b\":1}}", CLIENTID_ERR_CONFIG, "/apis/b"},
        {"an interval of nothing", "{\"interval\":\"0s\"," WHOLE "}", CLIENTID_ERR_CONFIG,
         "/interval"},
        {"an interval that is a number", "{\"interval\":15," WHOLE "}", CLIENTID_ERR_CONFIG,
         "/interval"},
        {"a flag that is text", "{\"longPoll\":\"yes\"," WHOLE "}", CLIENTID_ERR_CONFIG,
         "/longPoll"},
    };
    char *folder = folder_new(), path[300], uri[320];

    (void)state;
    assert_int_equal(setenv("ANYPOINT_TEST", "hunter2", 1), 0);
    snprintf(path, sizeof(path), "%s/a.json", folder);
    snprintf(uri, sizeof(uri), "anypoint:%s", path);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        clientid_error error = {0};
        clientid_source source;
        int rv;

        file_write(path, rows[i].text);
        rv = clientid_anypoint_source(&source, uri, &error);
        if (rv != rows[i].code || strcmp(error.pointer, rows[i].pointer) != 0 ||
            strstr(error.text, "hunter2") != NULL)
            fail_msg("%s: %d %s %s", rows[i].why, rv, error.pointer, error.text);
        if (rv == 0)
            source.close(source.self);
    }
    folder_del(folder);
}

static void test_uris(void **state)
{
    clientid_source source;

    (void)state;
    assert_int_equal(clientid_anypoint_source(&source, "sqlite:x", NULL), CLIENTID_ERR_ARG);
    assert_int_equal(clientid_anypoint_source(&source, "anypoint:", NULL), CLIENTID_ERR_ARG);
    assert_int_equal(clientid_anypoint_source(&source, NULL, NULL), CLIENTID_ERR_ARG);
    assert_int_equal(clientid_anypoint_source(&source, "anypoint:/none/x", NULL),
                     CLIENTID_ERR_NOT_FOUND);
    assert_int_equal(clientid_anypoint_source(&source, "anypoint:/", NULL), CLIENTID_ERR_IO);
}

static void test_links(void **state)
{
    static const struct {
        const char *base, *link, *want; /* NULL: refused */
    } rows[] = {
        {"https://h", "/a?b=1", "https://h/a?b=1"},
        {"https://h", "https://h/a", "https://h/a"},
        {"https://h", "https://H/a", "https://H/a"},
        {"https://h", "https://h.evil/a", NULL},
        {"https://h", "https://h:444/a", NULL},
        {"https://h", "http://h/a", NULL},
        {"https://h", "https://h@evil/a", NULL},
        {"https://h", "//evil/a", NULL},
        {"https://h", "/\\evil/a", NULL},
        {"https://h", "javascript:x", NULL},
        {"https://h", "", NULL},
        {"https://h", "/a b", NULL},
        {"https://h", "?x=1", "https://h/p/q?x=1"},
        {"https://h", "r?x=1", "https://h/p/r?x=1"},
        {"https://h", "/a?u=https://h", "https://h/a?u=https://h"},
        {"https://h/base", "/a", "https://h/base/a"},
        {"https://h/base", "/base/a", "https://h/base/a"},
        {"https://h/base", "/basement", "https://h/base/basement"},
    };
    char out[CLIENTID__URL_MAX];

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        bool ok = clientid__url_resolve(rows[i].base, "https://h/p/q?old=1", rows[i].link, out);

        if (ok != (rows[i].want != NULL) || (ok && strcmp(out, rows[i].want) != 0))
            fail_msg("%s: %s", rows[i].link, ok ? out : "refused");
    }
}

static void test_moments(void **state)
{
    static const char *const wrong[] = {"",
                                        "2026-01-01",
                                        "2026-13-01T00:00:00Z",
                                        "2026-02-29T00:00:00Z",
                                        "2026-01-01T24:00:00Z",
                                        "2026-01-01T00:00:00",
                                        "2026-01-01T00:00:00.Z",
                                        "2026-01-01T00:00:00Zx",
                                        "1969-12-31T23:59:59Z",
                                        "2026-01-01T00:00:00+1:00"};
    uint64_t ns = 0;

    (void)state;
    assert_true(clientid__moment_parse("1970-01-01T00:00:00Z", &ns) && ns == 0);
    assert_true(clientid__moment_parse("2024-02-29T12:00:00.5+02:00", &ns));
    assert_true(ns == UINT64_C(1709200800500000000));
    assert_true(clientid__moment_parse("2261-12-31T23:59:59.123456789999Z", &ns));
    for (size_t i = 0; i < sizeof(wrong) / sizeof(wrong[0]); i++)
        if (clientid__moment_parse(wrong[i], &ns))
            fail_msg("%s", wrong[i]);
    assert_true(clientid__span_parse("15s", &ns) && ns == UINT64_C(15000000000));
    assert_false(clientid__span_parse("s", &ns) || clientid__span_parse("15", &ns) ||
                 clientid__span_parse("-1s", &ns) || clientid__span_parse("1y", &ns));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_configurations),
        cmocka_unit_test(test_uris),
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_moments),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
