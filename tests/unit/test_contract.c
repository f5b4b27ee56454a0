/* SPDX-License-Identifier: Apache-2.0 */
/* The state table of control.h, every cell; what each step leaves behind; access requests. */
#include "support_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum state { PENDING, APPROVED, CHANGING, REJECTED, REVOKED, STATES };

/* What control.h says: the status afterwards, "-" refused, "gone" deleted; in CHANGING, which tier is in force. */
static const struct {
    const char *verb;
    const char *after[STATES];
} matrix[] = {
    {"approve", {"APPROVED gold", "-", "-", "-", "-"}},
    {"reject", {"REJECTED", "-", "-", "-", "-"}},
    {"revoke", {"-", "REVOKED gold", "REVOKED gold", "-", "-"}},
    {"restore", {"-", "-", "-", "-", "APPROVED gold"}},
    {"approve-tier", {"-", "-", "APPROVED silver", "-", "-"}},
    {"reject-tier", {"-", "-", "APPROVED gold", "-", "-"}},
    {"withdraw", {"gone", "-", "APPROVED gold", "-", "-"}},
    {"delete", {"-", "-", "-", "gone", "gone"}},
    {"change", {"-", "APPROVED gold silver", "APPROVED gold silver", "-", "-"}},
    {"change at once", {"-", "APPROVED free", "APPROVED free", "-", "-"}},
    {"set", {"-", "APPROVED silver", "APPROVED silver", "-", "-"}},
};

struct world {
    struct support_store s;
    uint64_t api, gold, silver, free_tier, app, contract;
};

static void world_new(struct world *w)
{
    support_store_new(&w->s);
    w->api = support_new_api(&w->s, "orders");
    w->gold = support_new_tier(&w->s, w->api, "gold", false);
    w->silver = support_new_tier(&w->s, w->api, "silver", false);
    w->free_tier = support_new_tier(&w->s, w->api, "free", true);
    w->app = support_new_application(&w->s, "app");
    w->contract = 0;
}

/* A contract in that state; the one before is removed first. */
static void put(struct world *w, enum state state)
{
    char name[32];

    snprintf(name, sizeof(name), "app%d", (int)support_revision(&w->s));
    w->app = support_new_application(&w->s, name);
    w->contract = support_new_contract(&w->s, w->app, w->api, w->gold);
    if (state == REJECTED)
        support_act(&w->s, w->contract, CLIENTID_VERB_REJECT);
    if (state == APPROVED || state == CHANGING || state == REVOKED)
        support_act(&w->s, w->contract, CLIENTID_VERB_APPROVE);
    if (state == CHANGING)
        assert_int_equal(
            clientid_control_contract_change_tier(w->s.control, w->contract, w->silver, NULL, NULL),
            0);
    if (state == REVOKED)
        support_act(&w->s, w->contract, CLIENTID_VERB_REVOKE);
}

static int do_verb(struct world *w, const char *verb)
{
    int rc = CLIENTID_ERR_ARG;

    if (strcmp(verb, "change") == 0)
        return clientid_control_contract_change_tier(w->s.control, w->contract, w->silver, NULL,
                                                     &w->s.error);
    if (strcmp(verb, "change at once") == 0)
        return clientid_control_contract_change_tier(w->s.control, w->contract, w->free_tier, NULL,
                                                     &w->s.error);
    if (strcmp(verb, "set") == 0)
        return clientid_control_contract_set_tier(w->s.control, w->contract, w->silver,
                                                  &w->s.error);
    for (int v = 0; v < CLIENTID_VERB_COUNT; v++)
        if (strcmp(verb, clientid_verb_label((clientid_verb)v)) == 0)
            rc = clientid_control_contract_act(w->s.control, w->contract, (clientid_verb)v,
                                               &w->s.error);
    return rc;
}

static void describe(struct world *w, char *out, size_t size)
{
    struct support_contract c;
    int rc = clientid_control_contract_find(w->s.control, w->app, w->api, &w->contract, NULL);

    if (rc == CLIENTID_ERR_NOT_FOUND) {
        snprintf(out, size, "gone");
        return;
    }
    support_contract_get(&w->s, w->contract, &c);
    snprintf(out, size, "%s%s%s%s%s", clientid_contract_status_label(c.record.status),
             c.tier[0] != '\0' ? " " : "", c.tier, c.requested_tier[0] != '\0' ? " " : "",
             c.requested_tier);
}

static void test_matrix(void **state)
{
    struct world w;
    char got[700], before[700];

    (void)state;
    world_new(&w);
    for (size_t row = 0; row < sizeof(matrix) / sizeof(matrix[0]); row++) {
        for (int from = 0; from < STATES; from++) {
            const char *expected = matrix[row].after[from];
            uint64_t revision;
            int rc;

            put(&w, (enum state)from);
            describe(&w, before, sizeof(before));
            revision = support_revision(&w.s);
            rc = do_verb(&w, matrix[row].verb);
            describe(&w, got, sizeof(got));
            if (strcmp(expected, "-") == 0) {
                if (rc != CLIENTID_ERR_RULE || strstr(w.s.error.text, "contract-state:") == NULL ||
                    strcmp(before, got) != 0 || support_revision(&w.s) != revision)
                    fail_msg("%s from %s: %d %s", matrix[row].verb, before, rc, w.s.error.text);
            } else if (rc != 0 || strcmp(expected, got) != 0) {
                fail_msg("%s from %s: %d, %s, expected %s", matrix[row].verb, before, rc, got,
                         expected);
            }
        }
    }
    /* Every verb there is has a row. */
    for (int v = 0; v < CLIENTID_VERB_COUNT; v++) {
        size_t row = 0;

        while (strcmp(matrix[row].verb, clientid_verb_label((clientid_verb)v)) != 0)
            assert_true(++row < sizeof(matrix) / sizeof(matrix[0]));
    }
    support_store_del(&w.s);
}

static void test_dates(void **state)
{
    struct support_contract c;
    struct world w;

    (void)state;
    world_new(&w);
    w.contract = support_new_contract(&w.s, w.app, w.api, w.gold);
    support_contract_get(&w.s, w.contract, &c);
    assert_int_equal(c.record.created_ns, SUPPORT_START_NS);
    assert_int_equal(c.record.approved_ns, 0);
    w.s.now_ns += 10;
    support_act(&w.s, w.contract, CLIENTID_VERB_APPROVE);
    w.s.now_ns += 10;
    support_act(&w.s, w.contract, CLIENTID_VERB_REVOKE);
    w.s.now_ns += 10;
    support_act(&w.s, w.contract, CLIENTID_VERB_RESTORE);
    support_contract_get(&w.s, w.contract, &c);
    assert_int_equal(c.record.created_ns, SUPPORT_START_NS);
    assert_int_equal(c.record.approved_ns, SUPPORT_START_NS + 10);
    assert_int_equal(c.record.revoked_ns, SUPPORT_START_NS + 20);
    assert_int_equal(c.record.updated_ns, SUPPORT_START_NS + 30);
    assert_int_equal(c.record.rejected_ns, 0);
    support_store_del(&w.s);
}

static void test_automatic_approval(void **state)
{
    clientid_access_request request = {.size = sizeof(request)};
    clientid_contract_status status = 0;
    struct support_contract c;
    struct world w;
    int applied = -1;
    uint64_t id, bare;

    (void)state;
    world_new(&w);
    request.application_id = w.app;
    request.api_id = w.api;
    request.tier_id = w.free_tier;
    assert_int_equal(clientid_control_contract_request(w.s.control, &request, &id, &status, NULL),
                     0);
    assert_int_equal(status, CLIENTID_APPROVED);
    assert_int_equal(clientid_control_contract_change_tier(w.s.control, id, w.gold, &applied, NULL),
                     0);
    assert_int_equal(applied, 0);
    support_contract_get(&w.s, id, &c);
    assert_string_equal(c.tier, "free"); /* in force until the other is approved */
    assert_string_equal(c.requested_tier, "gold");
    /* Another wish replaces the one that waits; back to the tier in force is no wish at all. */
    assert_int_equal(
        clientid_control_contract_change_tier(w.s.control, id, w.silver, &applied, NULL), 0);
    support_contract_get(&w.s, id, &c);
    assert_string_equal(c.requested_tier, "silver");
    assert_int_equal(
        clientid_control_contract_change_tier(w.s.control, id, w.free_tier, NULL, &w.s.error),
        CLIENTID_ERR_RULE);
    /* Without tiers there is nothing to approve. */
    bare = support_new_api(&w.s, "bare");
    request.api_id = bare;
    request.tier_id = 0;
    assert_int_equal(clientid_control_contract_request(w.s.control, &request, &id, &status, NULL),
                     0);
    assert_int_equal(status, CLIENTID_APPROVED);
    support_store_del(&w.s);
}

static int count(void *sink, const clientid_contract_record *record)
{
    (void)record;
    ++*(int *)sink;
    return 0;
}

static int listed(struct support_store *s, clientid_contract_filter filter)
{
    int n = 0;

    filter.size = sizeof(filter);
    assert_int_equal(clientid_control_contract_list(s->control, &filter, count, &n, &s->error), 0);
    return n;
}

static void test_switch_to_automatic_approves_what_waits(void **state)
{
    clientid_tier_record automatic = {
        .size = sizeof(automatic), .auto_approve = 1, .status = CLIENTID_TIER_ACTIVE};
    clientid_tier_record deprecated = {.size = sizeof(deprecated),
                                       .status = CLIENTID_TIER_DEPRECATED};
    uint64_t approved = 0, changing;
    struct world w;
    char name[16];

    (void)state;
    world_new(&w);
    for (int i = 0; i < 300; i++) { /* more than one round of the list */
        snprintf(name, sizeof(name), "p%d", i);
        support_new_contract(&w.s, support_new_application(&w.s, name), w.api, w.gold);
    }
    changing = support_new_contract(&w.s, w.app, w.api, w.free_tier);
    assert_int_equal(
        clientid_control_contract_change_tier(w.s.control, changing, w.gold, NULL, NULL), 0);
    assert_int_equal(listed(&w.s, (clientid_contract_filter){.waiting = 1}), 301);
    assert_int_equal(listed(&w.s, (clientid_contract_filter){.status = CLIENTID_PENDING}), 300);
    assert_int_equal(listed(&w.s, (clientid_contract_filter){.tier_id = w.gold}), 301);
    assert_int_equal(listed(&w.s, (clientid_contract_filter){.tier_id = w.gold, .max = 7}), 7);
    assert_int_equal(listed(&w.s, (clientid_contract_filter){.application_id = w.app}), 1);
    assert_int_equal(listed(&w.s, (clientid_contract_filter){.api_id = w.api, .after_id = 300}), 1);
    /* Not while it is deprecated: an approval makes a sign-up. */
    assert_int_equal(clientid_control_tier_update(w.s.control, w.gold, &deprecated,
                                                  CLIENTID_TIER_STATUS, &approved, NULL),
                     0);
    assert_int_equal(clientid_control_contract_act(w.s.control, changing,
                                                   CLIENTID_VERB_APPROVE_TIER, &w.s.error),
                     CLIENTID_ERR_RULE);
    assert_non_null(strstr(w.s.error.text, "tier-deprecated"));
    assert_int_equal(
        clientid_control_contract_act(w.s.control, 1, CLIENTID_VERB_APPROVE, &w.s.error),
        CLIENTID_ERR_RULE);
    assert_int_equal(clientid_control_tier_update(w.s.control, w.gold, &automatic,
                                                  CLIENTID_TIER_AUTO_APPROVE, &approved, NULL),
                     0);
    assert_int_equal(approved, 0);
    assert_int_equal(listed(&w.s, (clientid_contract_filter){.waiting = 1}), 301);
    /* Active again, it approves. */
    assert_int_equal(clientid_control_tier_update(w.s.control, w.gold, &automatic,
                                                  CLIENTID_TIER_STATUS, &approved, NULL),
                     0);
    assert_int_equal(approved, 301);
    assert_int_equal(listed(&w.s, (clientid_contract_filter){.waiting = 1}), 0);
    assert_int_equal(listed(&w.s, (clientid_contract_filter){.status = CLIENTID_APPROVED}), 301);
    support_store_del(&w.s);
}

static void test_deprecated_tier_goes_on(void **state)
{
    clientid_tier_record deprecated = {.size = sizeof(deprecated),
                                       .status = CLIENTID_TIER_DEPRECATED};
    struct support_contract c;
    struct world w;

    (void)state;
    world_new(&w);
    put(&w, APPROVED);
    assert_int_equal(clientid_control_tier_update(w.s.control, w.gold, &deprecated,
                                                  CLIENTID_TIER_STATUS, NULL, NULL),
                     0);
    support_act(&w.s, w.contract, CLIENTID_VERB_REVOKE);
    support_act(&w.s, w.contract, CLIENTID_VERB_RESTORE); /* not a new sign-up */
    support_contract_get(&w.s, w.contract, &c);
    assert_string_equal(c.tier, "gold");
    support_store_del(&w.s);
}

static void test_terms_are_kept_as_accepted(void **state)
{
    clientid_api_record terms = {.size = sizeof(terms), .terms = CLIENTID_STR("first")};
    struct support_contract c;
    struct world w;
    uint64_t first, second;

    (void)state;
    world_new(&w);
    assert_int_equal(
        clientid_control_api_update(w.s.control, w.api, &terms, CLIENTID_API_TERMS, NULL), 0);
    first = support_new_contract(&w.s, w.app, w.api, w.gold);
    terms.terms = CLIENTID_STR("second");
    assert_int_equal(
        clientid_control_api_update(w.s.control, w.api, &terms, CLIENTID_API_TERMS, NULL), 0);
    second = support_new_contract(&w.s, support_new_application(&w.s, "other"), w.api, w.gold);
    support_contract_get(&w.s, first, &c);
    assert_string_equal(c.terms, "first");
    support_contract_get(&w.s, second, &c);
    assert_string_equal(c.terms, "second");
    support_store_del(&w.s);
}

static void test_request_fields(void **state)
{
    static char reason[4 * 501];
    struct world w;
    clientid_access_request request = {.size = sizeof(request)};
    struct support_contract c;
    uint64_t id;

    (void)state;
    world_new(&w);
    request.application_id = w.app;
    request.api_id = w.api;
    request.tier_id = w.gold;
    for (size_t i = 0; i < sizeof(reason); i += 4)
        memcpy(reason + i, "\xf0\x9f\x99\x82", 4);
    request.reason = (clientid_str){reason, sizeof(reason)};
    assert_int_equal(
        clientid_control_contract_request(w.s.control, &request, &id, NULL, &w.s.error),
        CLIENTID_ERR_SYNTAX);
    assert_string_equal(w.s.error.pointer, "/requestAccessInfo/reason");
    memset(reason, 'x', sizeof(reason));
    request.reason.len = 501;
    assert_int_equal(
        clientid_control_contract_request(w.s.control, &request, &id, NULL, &w.s.error),
        CLIENTID_ERR_SYNTAX);
    request.reason = CLIENTID_STR("because\nof reasons");
    request.party_id = CLIENTID_STR("p\n");
    assert_int_equal(
        clientid_control_contract_request(w.s.control, &request, &id, NULL, &w.s.error),
        CLIENTID_ERR_SYNTAX);
    request.party_id = CLIENTID_STR("p1");
    request.party_name = CLIENTID_STR("Party");
    assert_int_equal(
        clientid_control_contract_request(w.s.control, &request, &id, NULL, &w.s.error), 0);
    support_contract_get(&w.s, id, &c);
    assert_string_equal(c.reason, "because\nof reasons");
    support_store_del(&w.s);
}

static void test_not_found_and_arguments(void **state)
{
    clientid_access_request request = {.size = sizeof(request), .application_id = 99, .api_id = 1};
    clientid_contract_filter filter = {.size = sizeof(filter), .status = 9};
    struct world w;
    uint64_t id;
    int n = 0;

    (void)state;
    world_new(&w);
    assert_int_equal(
        clientid_control_contract_act(w.s.control, 5, CLIENTID_VERB_APPROVE, &w.s.error),
        CLIENTID_ERR_NOT_FOUND);
    assert_string_equal(w.s.error.text, "there is no contract 5");
    assert_int_equal(clientid_control_contract_act(w.s.control, 5, CLIENTID_VERB_COUNT, NULL),
                     CLIENTID_ERR_ARG);
    assert_int_equal(clientid_control_contract_act(NULL, 5, CLIENTID_VERB_APPROVE, NULL),
                     CLIENTID_ERR_ARG);
    assert_int_equal(clientid_control_contract_request(w.s.control, &request, &id, NULL, NULL),
                     CLIENTID_ERR_NOT_FOUND);
    request.application_id = w.app;
    request.api_id = 77;
    assert_int_equal(clientid_control_contract_request(w.s.control, &request, &id, NULL, NULL),
                     CLIENTID_ERR_NOT_FOUND);
    request.api_id = w.api;
    request.tier_id = 77;
    assert_int_equal(clientid_control_contract_request(w.s.control, &request, &id, NULL, NULL),
                     CLIENTID_ERR_NOT_FOUND);
    request.accepted_terms = 2;
    assert_int_equal(clientid_control_contract_request(w.s.control, &request, &id, NULL, NULL),
                     CLIENTID_ERR_ARG);
    put(&w, APPROVED);
    assert_int_equal(clientid_control_contract_change_tier(w.s.control, w.contract, 77, NULL, NULL),
                     CLIENTID_ERR_NOT_FOUND);
    assert_int_equal(clientid_control_contract_change_tier(NULL, 1, 1, NULL, NULL),
                     CLIENTID_ERR_ARG);
    assert_int_equal(clientid_control_contract_set_tier(NULL, 1, 1, NULL), CLIENTID_ERR_ARG);
    assert_int_equal(clientid_control_contract_set_tier(w.s.control, w.contract, 77, NULL),
                     CLIENTID_ERR_NOT_FOUND);
    assert_int_equal(clientid_control_contract_get(w.s.control, 0, count, &n, NULL),
                     CLIENTID_ERR_NOT_FOUND);
    assert_int_equal(clientid_control_contract_get(w.s.control, UINT64_MAX, count, &n, NULL),
                     CLIENTID_ERR_NOT_FOUND);
    assert_int_equal(clientid_control_contract_get(w.s.control, 1, NULL, NULL, NULL),
                     CLIENTID_ERR_ARG);
    assert_int_equal(clientid_control_contract_find(w.s.control, 1, 1, NULL, NULL),
                     CLIENTID_ERR_ARG);
    assert_int_equal(clientid_control_contract_list(w.s.control, &filter, count, &n, NULL),
                     CLIENTID_ERR_ARG);
    assert_int_equal(clientid_control_contract_list(w.s.control, NULL, count, &n, NULL), 0);
    assert_int_equal(n, 1);
    support_store_del(&w.s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matrix),
        cmocka_unit_test(test_dates),
        cmocka_unit_test(test_automatic_approval),
        cmocka_unit_test(test_switch_to_automatic_approves_what_waits),
        cmocka_unit_test(test_deprecated_tier_goes_on),
        cmocka_unit_test(test_terms_are_kept_as_accepted),
        cmocka_unit_test(test_request_fields),
        cmocka_unit_test(test_not_found_and_arguments),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
