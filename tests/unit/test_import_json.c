/* SPDX-License-Identifier: Apache-2.0 */
/* Export and import: the same bytes again; documents that people write; documents that are wrong. */
#include "support_event.h"
#include "support_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define HEAD "{\"format\":\"clientid-registry\",\"version\":1,"

/* Something of everything. */
static void fill(struct support_store *s)
{
    clientid_api_record terms = {.size = sizeof(terms), .terms = CLIENTID_STR("Be\nkind")};
    clientid_tier_record deprecated = {.size = sizeof(deprecated),
                                       .status = CLIENTID_TIER_DEPRECATED};
    clientid_secret_options overlap = {
        .size = sizeof(overlap), .overlap_ns = 12345, .client_secret = CLIENTID_STR("second")};
    clientid_credentials c = {.size = sizeof(c)};
    uint64_t api = support_new_api(s, "orders"), other = support_new_api(s, "stock");
    uint64_t gold = support_new_tier(s, api, "gold", false);
    uint64_t silver = support_new_tier(s, api, "silver", false);
    char name[16];

    support_new_group(s, "all", "orders");
    clientid_control_api_update(s->control, api, &terms, CLIENTID_API_TERMS, NULL);
    for (int i = 0; i < 6; i++) {
        uint64_t app, contract;

        s->now_ns += 1000001;
        snprintf(name, sizeof(name), "app%d", i);
        app = support_new_application(s, name);
        contract = support_new_contract(s, app, api, gold);
        if (i == 1)
            support_act(s, contract, CLIENTID_VERB_REJECT);
        if (i > 1)
            support_act(s, contract, CLIENTID_VERB_APPROVE);
        if (i == 3)
            support_act(s, contract, CLIENTID_VERB_REVOKE);
        if (i == 4)
            clientid_control_contract_change_tier(s->control, contract, silver, NULL, NULL);
        if (i == 5)
            support_new_contract(s, app, other, 0);
    }
    terms.terms = CLIENTID_STR("Be kinder");
    clientid_control_api_update(s->control, api, &terms, CLIENTID_API_TERMS, NULL);
    clientid_control_secret_reset(s->control, 2, &overlap, &c, NULL);
    clientid_control_secret_revoke(s->control, 3, 1, NULL);
    clientid_control_owner_add(s->control, 1, CLIENTID_OWNER_USER, CLIENTID_STR("ann"), NULL);
    clientid_control_tier_update(s->control, silver, &deprecated, CLIENTID_TIER_STATUS, NULL, NULL);
    /* A hole in the numbers. */
    clientid_control_api_delete(s->control, support_new_api(s, "gone"), NULL);
    support_new_api(s, "last");
}

static void test_round_trip(void **state)
{
    clientid_import_counts counts = {.size = sizeof(counts)};
    struct support_store a, b;
    char *first, *second;
    clientid_secret slots[2];

    (void)state;
    support_store_new(&a);
    support_store_new(&b);
    fill(&a);
    b.now_ns += 777;
    first = support_export(&a);
    if (clientid_control_import(b.control, support_str(first), &counts, &b.error) != 0)
        fail_msg("%s at %s line %u", b.error.text, b.error.pointer, b.error.line);
    assert_int_equal(counts.apis, 4);
    assert_int_equal(counts.tiers, 2);
    assert_int_equal(counts.applications, 6);
    assert_int_equal(counts.contracts, 7);
    second = support_export(&b);
    assert_string_equal(first, second);
    assert_int_equal(support_secrets(&b, 2, slots), 2);
    assert_int_equal(support_matches(slots, "secret-of-app1", NULL, a.now_ns + 12344), 1);
    assert_int_equal(support_matches(slots, "second", NULL, a.now_ns), 2);
    assert_int_equal(clientid_store_verify(b.store, &b.error), 0);
    free(first);
    free(second);
    support_store_del(&a);
    support_store_del(&b);
}

static void test_empty(void **state)
{
    struct support_store s;
    char *text;

    (void)state;
    support_store_new(&s);
    text = support_export(&s);
    assert_string_equal(text, HEAD "\n\"apis\":[\n],\n\"tiers\":[\n],\n\"applications\":[\n],\n"
                                   "\"contracts\":[\n]}\n");
    assert_int_equal(clientid_control_import(s.control, support_str(text), NULL, &s.error), 0);
    free(text);
    support_store_del(&s);
}

/* Without numbers and dates, sections in the order of a sorted document, white space everywhere. */
static void test_written_by_hand(void **state)
{
    static const char text[] =
        "\n{ \"apis\" : [ {\"name\":\"orders\"} , {\"name\":\"all\",\"instanceType\":\"api-group\","
        "\"members\":[\"orders\"]} ] ,\n"
        " \"applications\":[{\"clientId\":\"shop\",\"name\":\"Shop\",\"clientSecret\":\"s3cret]\\\""
        "\"},\n{\"clientId\":\"hashed\",\"name\":\"H\",\"clientSecretHash\":"
        "\"AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\"}],\n"
        " \"contracts\":[{\"api\":\"orders\",\"clientId\":\"shop\",\"tier\":\"gold\"}],\n"
        " \"format\":\"clientid-registry\",\n"
        " \"tiers\":[{\"api\":\"orders\",\"name\":\"gold\",\"limits\":[{\"maximumRequests\":5,"
        "\"timePeriodInMilliseconds\":1000}]}], \"version\":1 }\n";
    struct support_contract contract;
    clientid_secret slots[2];
    struct support_store s;

    (void)state;
    support_store_new(&s);
    if (clientid_control_import(s.control, support_str(text), NULL, &s.error) != 0)
        fail_msg("%s at %s line %u:%u", s.error.text, s.error.pointer, s.error.line,
                 s.error.column);
    support_contract_get(&s, 1, &contract);
    assert_string_equal(contract.tier, "gold");
    assert_int_equal(contract.record.status, CLIENTID_APPROVED);
    assert_int_equal(contract.record.created_ns, SUPPORT_START_NS);
    support_secrets(&s, 1, slots);
    assert_int_equal(support_matches(slots, "s3cret]\"", NULL, s.now_ns), 1);
    support_secrets(&s, 2, slots);
    assert_int_equal(slots[0].hash[0], 0xaa);
    assert_int_equal(slots[0].salt_len, 0);
    support_store_del(&s);
}

#define API     "\"apis\":[{\"name\":\"o\"}]"
#define APP     "\"applications\":[{\"clientId\":\"c\",\"name\":\"n\"}]"
#define TIER    "\"tiers\":[{\"api\":\"o\",\"name\":\"t\"}]"
#define WITH(x) HEAD API "," TIER "," APP "," x "}"
#define HEX64   "00000000000000000000000000000000000000000000000000000000000000aa"

static const struct {
    const char *name, *text;
    int code;
    const char *pointer;
    unsigned line;
} bad[] = {
    {"nothing", "", CLIENTID_ERR_SYNTAX, "", 1},
    {"no object", "[]", CLIENTID_ERR_SYNTAX, "", 1},
    {"no format", "{\"version\":1}", CLIENTID_ERR_SYNTAX, "", 1},
    {"another format", "{\"format\":\"x\"}", CLIENTID_ERR_SYNTAX, "", 1},
    {"another version", "{\"format\":\"clientid-registry\",\"version\":2}", CLIENTID_ERR_VERSION,
     "/version", 0},
    {"an unknown section", HEAD "\n\"users\":[]}", CLIENTID_ERR_SYNTAX, "", 2},
    {"a section twice", HEAD "\"apis\":[],\n\"apis\":[]}", CLIENTID_ERR_SYNTAX, "", 2},
    {"a section that is no array", HEAD "\"apis\":\n{}}", CLIENTID_ERR_SYNTAX, "", 2},
    {"a key that is none", HEAD "\n5:6}", CLIENTID_ERR_SYNTAX, "", 2},
    {"no colon", HEAD "\"apis\"\n[]}", CLIENTID_ERR_SYNTAX, "", 2},
    {"no comma between sections", HEAD "\"apis\":[]\n\"tiers\":[]}", CLIENTID_ERR_SYNTAX, "", 2},
    {"cut off in a section", HEAD "\"apis\":[{\"name\":\"a", CLIENTID_ERR_SYNTAX, "", 1},
    {"cut off behind one", HEAD "\"apis\":[]", CLIENTID_ERR_SYNTAX, "", 1},
    {"more behind the end", HEAD "\"apis\":[]}\nx", CLIENTID_ERR_SYNTAX, "", 2},
    {"NUL behind the end", NULL, CLIENTID_ERR_SYNTAX, "", 1},
    {"a record that is no JSON", HEAD "\"apis\":[\n{\"name\" \"x\"}]}", CLIENTID_ERR_SYNTAX, "", 2},
    {"a record that is no object", HEAD "\"apis\":[\n5]}", CLIENTID_ERR_SYNTAX, "/apis/0", 2},
    {"no comma between records", HEAD "\"apis\":[{\"name\":\"a\"}\n{\"name\":\"b\"}]}",
     CLIENTID_ERR_SYNTAX, "", 2},
    {"a comma too many", HEAD "\"apis\":[{\"name\":\"a\"},\n]}", CLIENTID_ERR_SYNTAX, "", 2},
    {"an unknown key", HEAD "\"apis\":[{\"name\":\"a\"},{\"name\":\"b\",\"x\":1}]}",
     CLIENTID_ERR_SYNTAX, "/apis/1/x", 0},
    {"an API without a name", HEAD "\"apis\":[{}]}", CLIENTID_ERR_SYNTAX, "/apis/0/name", 0},
    {"a name taken", HEAD "\"apis\":[{\"name\":\"a\"},{\"name\":\"a\"}]}", CLIENTID_ERR_EXISTS,
     "/apis/1", 0},
    {"an id twice", HEAD "\"apis\":[{\"id\":5,\"name\":\"a\"},{\"id\":5,\"name\":\"b\"}]}",
     CLIENTID_ERR_EXISTS, "/apis/1", 0},
    {"a tier of no API", HEAD "\"tiers\":[{\"api\":\"x\",\"name\":\"t\"}]}", CLIENTID_ERR_NOT_FOUND,
     "/tiers/0", 0},
    {"a moment that is none", HEAD "\"apis\":[{\"name\":\"a\",\"created\":\"today\"}]}",
     CLIENTID_ERR_SYNTAX, "/apis/0/created", 0},
    {"an application without a client id", HEAD "\"applications\":[{\"name\":\"n\"}]}",
     CLIENTID_ERR_SYNTAX, "/applications/0/clientId", 0},
    {"keys of a load",
     HEAD API ",\"applications\":[{\"clientId\":\"c\",\"name\":\"n\",\"api\":\"o\"}]}",
     CLIENTID_ERR_SYNTAX, "/applications/0/api", 0},
    {"two forms of a secret",
     HEAD "\"applications\":[{\"clientId\":\"c\",\"name\":\"n\",\"clientSecret\":\"x\","
          "\"clientSecretHash\":\"" HEX64 "\"}]}",
     CLIENTID_ERR_SYNTAX, "/applications/0/clientSecret", 0},
    {"a short hash",
     HEAD "\"applications\":[{\"clientId\":\"c\",\"name\":\"n\",\"clientSecretHash\":\"00\"}]}",
     CLIENTID_ERR_SYNTAX, "/applications/0/clientSecretHash", 0},
    {"a hash with a wrong digit",
     HEAD "\"applications\":[{\"clientId\":\"c\",\"name\":\"n\",\"secret1\":{\"hash\":\"0g\"}}]}",
     CLIENTID_ERR_SYNTAX, "/applications/0/secret1/hash", 0},
    {"a slot without a hash",
     HEAD "\"applications\":[{\"clientId\":\"c\",\"name\":\"n\",\"secret2\":{}}]}",
     CLIENTID_ERR_SYNTAX, "/applications/0/secret2/hash", 0},
    {"a slot that is no object",
     HEAD "\"applications\":[{\"clientId\":\"c\",\"name\":\"n\",\"secret2\":1}]}",
     CLIENTID_ERR_SYNTAX, "/applications/0/secret2", 0},
    {"a long salt",
     HEAD "\"applications\":[{\"clientId\":\"c\",\"name\":\"n\",\"secret1\":{\"hash\":\"" HEX64
          "\",\"salt\":\"" HEX64 "00\"}}]}",
     CLIENTID_ERR_SYNTAX, "/applications/0/secret1/hash", 0},
    {"a pepper beyond 32 bits",
     HEAD "\"applications\":[{\"clientId\":\"c\",\"name\":\"n\",\"secret1\":{\"hash\":\"" HEX64
          "\",\"pepperId\":4294967296}}]}",
     CLIENTID_ERR_SYNTAX, "/applications/0/secret1/hash", 0},
    {"a third slot",
     HEAD "\"applications\":[{\"clientId\":\"c\",\"name\":\"n\",\"newestSecret\":3}]}",
     CLIENTID_ERR_SYNTAX, "/applications/0/newestSecret", 0},
    {"a contract with no API", WITH("\"contracts\":[{\"api\":\"x\",\"clientId\":\"c\"}]"),
     CLIENTID_ERR_NOT_FOUND, "/contracts/0", 0},
    {"a contract of nobody", WITH("\"contracts\":[{\"api\":\"o\",\"clientId\":\"x\"}]"),
     CLIENTID_ERR_NOT_FOUND, "/contracts/0", 0},
    {"a contract with no tier",
     WITH("\"contracts\":[{\"api\":\"o\",\"clientId\":\"c\",\"tier\":\"x\"}]"),
     CLIENTID_ERR_NOT_FOUND, "/contracts/0", 0},
    {"an unknown status",
     WITH("\"contracts\":[{\"api\":\"o\",\"clientId\":\"c\",\"status\":\"OPEN\"}]"),
     CLIENTID_ERR_SYNTAX, "/contracts/0/status", 0},
    {"pending with a tier in force",
     WITH("\"contracts\":[{\"api\":\"o\",\"clientId\":\"c\",\"status\":\"PENDING\",\"tier\":\"t\"}"
          "]"),
     CLIENTID_ERR_RULE, "/contracts/0", 0},
    {"revoked with a wish",
     WITH("\"contracts\":[{\"api\":\"o\",\"clientId\":\"c\",\"status\":\"REVOKED\","
          "\"requestedTier\":\"t\"}]"),
     CLIENTID_ERR_RULE, "/contracts/0", 0},
    {"a wish for what there is",
     WITH("\"contracts\":[{\"api\":\"o\",\"clientId\":\"c\",\"tier\":\"t\",\"requestedTier\":\"t\"}"
          "]"),
     CLIENTID_ERR_RULE, "/contracts/0", 0},
    {"two contracts",
     WITH("\"contracts\":[{\"api\":\"o\",\"clientId\":\"c\"},{\"api\":\"o\",\"clientId\":\"c\"}]"),
     CLIENTID_ERR_EXISTS, "/contracts/1", 0},
    {"a control character",
     WITH("\"contracts\":[{\"api\":\"o\",\"clientId\":\"c\",\"partyId\":\"\\u0001\"}]"),
     CLIENTID_ERR_SYNTAX, "/contracts/0/partyId", 0},
    {"another provider",
     HEAD API ",\"applications\":[{\"clientId\":\"c\",\"name\":\"n\",\"clientProvider\":\"okta\"}],"
              "\"contracts\":[{\"api\":\"o\",\"clientId\":\"c\"}]}",
     CLIENTID_ERR_RULE, "/contracts/0", 0},
};

static void test_bad_documents(void **state)
{
    static const char nul[] = HEAD "\"apis\":[]}\0";
    struct support_store s;
    char *before;

    (void)state;
    support_store_new(&s);
    before = support_export(&s);
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        clientid_str text =
            bad[i].text != NULL ? support_str(bad[i].text) : (clientid_str){nul, sizeof(nul)};
        char *after;
        int rc;

        memset(&s.error, 0, sizeof(s.error));
        rc = clientid_control_import(s.control, text, NULL, &s.error);
        if (rc != bad[i].code || strcmp(s.error.pointer, bad[i].pointer) != 0 ||
            s.error.line != bad[i].line)
            fail_msg("%s: %d %u '%s' %s", bad[i].name, rc, s.error.line, s.error.pointer,
                     s.error.text);
        after = support_export(&s);
        assert_string_equal(before, after); /* all or nothing */
        free(after);
    }
    free(before);
    assert_int_equal(clientid_control_import(NULL, CLIENTID_STR(""), NULL, NULL), CLIENTID_ERR_ARG);
    support_store_del(&s);
}

static int import_text(struct support_store *s, const char *text, size_t len)
{
    /* A copy that ends where it ends, so that a sanitizer sees a read beyond. */
    char *copy = malloc(len != 0 ? len : 1);
    int rc;

    assert_non_null(copy);
    memcpy(copy, text, len);
    rc = clientid_control_import(s->control, (clientid_str){copy, len}, NULL, &s->error);
    free(copy);
    return rc;
}

/* Cut off anywhere, or with a byte changed: an error or an import, and a store that is whole. */
static void test_mangled_documents(void **state)
{
    struct support_store a, b;
    uint64_t seed = 3;
    char *text;
    size_t len;

    (void)state;
    support_store_new(&a);
    support_store_new(&b);
    fill(&a);
    text = support_export(&a);
    len = strlen(text);
    for (size_t cut = 0; cut + 1 < len; cut += 1 + support_random(&seed) % 40)
        if (import_text(&b, text, cut) == 0)
            fail_msg("cut at %zu", cut);
    for (int i = 0; i < 300; i++) {
        size_t at = support_random(&seed) % len;
        char was = text[at];

        text[at] = (char)support_random(&seed);
        if (import_text(&b, text, len) == 0) {
            support_store_del(&b);
            support_store_new(&b);
        }
        text[at] = was;
    }
    assert_int_equal(import_text(&b, text, len), 0);
    assert_int_equal(clientid_store_verify(b.store, &b.error), 0);
    free(text);
    support_store_del(&a);
    support_store_del(&b);
}

static int refuse(void *self, const char *bytes, size_t len)
{
    (void)bytes;
    (void)len;
    return ++*(int *)self > 9 ? -99 : 0;
}

static void test_export_passes_errors_on(void **state)
{
    struct support_store s;
    int calls = 0;

    (void)state;
    support_store_new(&s);
    fill(&s);
    assert_int_equal(clientid_control_export(s.control, refuse, &calls, &s.error), -99);
    assert_int_equal(calls, 10);
    assert_int_equal(clientid_control_export(s.control, NULL, NULL, NULL), CLIENTID_ERR_ARG);
    support_new_api(&s, "afterwards"); /* the transaction is over */
    support_store_del(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_round_trip),        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_written_by_hand),   cmocka_unit_test(test_bad_documents),
        cmocka_unit_test(test_mangled_documents), cmocka_unit_test(test_export_passes_errors_on),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
