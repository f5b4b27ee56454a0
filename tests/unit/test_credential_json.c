/* SPDX-License-Identifier: Apache-2.0 */
/* What a gateway may answer: the vendor's credentials key by key, and where everything else is wrong. */
#include "control/gateway_event.h"
#include "support_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int read_it(const char *text, struct clientid__answer *out, clientid_error *error)
{
    return clientid__answer_read(support_str(text), out, error);
}

static void test_taken(void **state)
{
    static const struct {
        const char *text;
        size_t count;
        bool has;
    } rows[] = {
        {"", 0, false},
        {"{}", 0, false},
        {"{\"name\":\"x\",\"status\":\"LIVE\",\"apis\":[],\"slots\":{}}", 0, false},
        {"{\"credentials\":[]}", 0, true},
        {"{\"credentials\":[{\"type\":\"APIKey\",\"apiKey\":\"k\"}]}", 1, true},
        {"{\"credentials\":[{\"type\":\"APIKey\",\"apiKey\":\"k\",\"expiry\":\"2027-01-01\"},"
         "{\"type\":\"JWT\"},{\"type\":\"OAuth2\",\"clientId\":\"c\",\"clientSecret\":null,"
         "\"tokenRefreshLimit\":-1}]}",
         3, true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct clientid__answer answer;
        clientid_error error;

        if (read_it(rows[i].text, &answer, &error) != 0)
            fail_msg("%s: %s at %s", rows[i].text, error.text, error.pointer);
        assert_int_equal(answer.count, rows[i].count);
        assert_int_equal(answer.has_credentials, rows[i].has);
        clientid__answer_clear(&answer);
    }
}

#define APIKEY(more) "{\"credentials\":[{\"type\":\"APIKey\"" more "}]}"
#define OAUTH2(more) "{\"credentials\":[{\"type\":\"OAuth2\",\"clientId\":\"c\"" more "}]}"
#define JWT(more)    "{\"credentials\":[{\"type\":\"JWT\"" more "}]}"

static void test_refused(void **state)
{
    static const struct {
        const char *text, *pointer;
    } rows[] = {
        {"{\"credential\":[]}", "/credential"},
        {"{\"credentials\":{}}", "/credentials"},
        {"{\"credentials\":null}", "/credentials"},
        {"{\"credentials\":[1]}", "/credentials/0"},
        {"{\"credentials\":[{}]}", "/credentials/0/type"},
        {"{\"credentials\":[{\"type\":\"SAML\"}]}", "/credentials/0/type"},
        {"{\"credentials\":[{\"type\":1}]}", "/credentials/0/type"},
        {APIKEY(""), "/credentials/0/apiKey"},
        {APIKEY(",\"apiKey\":\"\""), "/credentials/0/apiKey"},
        {APIKEY(",\"apiKey\":7"), "/credentials/0/apiKey"},
        {APIKEY(",\"apiKey\":\"k\",\"expiry\":7"), "/credentials/0/expiry"},
        {APIKEY(",\"apiKey\":\"k\",\"clientId\":\"c\""), "/credentials/0/clientId"},
        {OAUTH2(",\"scopes\":\"x\""), "/credentials/0/scopes"},
        {OAUTH2(",\"scopes\":[1]"), "/credentials/0/scopes/0"},
        {OAUTH2(",\"tokenLifeTime\":\"x\""), "/credentials/0/tokenLifeTime"},
        {OAUTH2(",\"tokenLifeTime\":1.5"), "/credentials/0/tokenLifeTime"},
        {OAUTH2(",\"tokenLifeTime\":-2"), "/credentials/0/tokenLifeTime"},
        {OAUTH2(",\"tokenLifeTime\":2147483648"), "/credentials/0/tokenLifeTime"},
        {OAUTH2(",\"apiKey\":\"x\""), "/credentials/0/apiKey"},
        {JWT(",\"claimsets\":{}"), "/credentials/0/claimsets"},
        {JWT(",\"claimsets\":[1]"), "/credentials/0/claimsets/0"},
        {JWT(",\"claimsets\":[{}]"), "/credentials/0/claimsets/0/name"},
        {JWT(",\"claimsets\":[{\"name\":\"n\",\"x\":1}]"), "/credentials/0/claimsets/0/x"},
        {JWT(",\"claimsets\":[{\"name\":\"n\",\"claims\":[{\"value\":\"v\"}]}]"),
         "/credentials/0/claimsets/0/claims/0/key"},
        {JWT(",\"claimsets\":[{\"name\":\"n\",\"claims\":[{\"key\":\"k\",\"value\":{}}]}]"),
         "/credentials/0/claimsets/0/claims/0/value"},
        {JWT(",\"accesstoken_uris\":\"x\""), "/credentials/0/accesstoken_uris"},
        {"[]", ""},
        {"{\"name\":", ""},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct clientid__answer answer;
        clientid_error error;
        int rc = read_it(rows[i].text, &answer, &error);

        if (rc != CLIENTID_ERR_SYNTAX || strcmp(error.pointer, rows[i].pointer) != 0)
            fail_msg("%s: %d at %s", rows[i].text, rc, error.pointer);
        assert_int_equal(answer.count, 0);
        assert_int_equal(read_it(rows[i].text, &answer, NULL), CLIENTID_ERR_SYNTAX);
    }
}

/* |count| elements, each as given, between head and tail. */
static char *repeated(const char *head, const char *element, size_t count, const char *tail)
{
    char *text = calloc(1, strlen(head) + count * (strlen(element) + 1) + strlen(tail) + 1);

    assert_non_null(text);
    strcpy(text, head);
    for (size_t i = 0; i < count; i++) {
        strcat(text, element);
        if (i + 1 < count)
            strcat(text, ",");
    }
    return strcat(text, tail);
}

static void test_sizes(void **state)
{
    static const struct {
        const char *head, *element, *tail;
        size_t most;
    } rows[] = {
        {"{\"credentials\":[", "{\"type\":\"JWT\"}", "]}", 16},
        {"{\"credentials\":[{\"type\":\"OAuth2\",\"clientId\":\"c\",\"scopes\":[", "\"s\"", "]}]}",
         64},
        {"{\"credentials\":[{\"type\":\"JWT\",\"claimsets\":[", "{\"name\":\"n\"}", "]}]}", 64},
        {"{\"credentials\":[{\"type\":\"JWT\",\"claimsets\":[{\"name\":\"n\",\"claims\":[",
         "{\"key\":\"k\"}", "]}]}]}", 64},
    };
    char *big = malloc(70000);
    struct clientid__answer answer;
    clientid_error error;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        for (size_t more = 0; more < 2; more++) {
            char *text = repeated(rows[i].head, rows[i].element, rows[i].most + more, rows[i].tail);

            assert_int_equal(read_it(text, &answer, &error), more ? CLIENTID_ERR_SYNTAX : 0);
            clientid__answer_clear(&answer);
            free(text);
        }
    assert_non_null(big);
    memset(big, ' ', 70000);
    assert_int_equal(clientid__answer_read((clientid_str){big, 65537}, &answer, &error),
                     CLIENTID_ERR_SYNTAX);
    memset(big, 'k', 8193);
    big[8193] = '\0';
    {
        char *text =
            repeated("{\"credentials\":[{\"type\":\"APIKey\",\"apiKey\":\"", big, 1, "\"}]}");

        assert_int_equal(read_it(text, &answer, &error), CLIENTID_ERR_SYNTAX);
        assert_string_equal(error.pointer, "/credentials/0/apiKey");
        /* Not the key itself. */
        assert_null(strstr(error.text, "kkkk"));
        free(text);
    }
    free(big);
}

/* The vendor's sample of a revocation lacks a comma: what is sent like that is told where. */
static void test_sample_without_comma(void **state)
{
    static const char text[] = "{\n"
                               "  \"contextdata\": {\n"
                               "    \"api\": {\n"
                               "      \"id\": \"842c3e33\"\n"
                               "    }\n"
                               "    \"application_id\": \"6179b933\"\n"
                               "  }\n"
                               "}\n";
    struct clientid__answer answer;
    clientid_error error;

    (void)state;
    assert_int_equal(read_it(text, &answer, &error), CLIENTID_ERR_SYNTAX);
    assert_int_equal(error.line, 6);
    assert_true(error.column > 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_taken),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_sample_without_comma),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
