/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/record.h"
#include "registry/registry.h"

#include "base/mem.h"
#include "base/str.h"
#include "support_registry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const clientid_limit slow[] = {{10, 60000, 1, 0}};
static const clientid_limit fast[] = {{100, 60000, 1, 0}};

static int apply(struct support_registry *s, clientid_event event)
{
    return clientid__registry_apply(s->registry, &event);
}

static void put_tier(struct support_registry *s, uint64_t id, const clientid_limit *limits,
                     size_t count)
{
    assert_int_equal(apply(s, support_tier_event(id, "tier", limits, count)), 0);
}

static void put(struct support_registry *s, uint64_t id, const char *api, const char *client_id,
                uint64_t tier_id, clientid_contract_status status)
{
    assert_int_equal(apply(s, support_contract_event(id, api, client_id, tier_id, status)), 0);
}

static void remove_contract(struct support_registry *s, uint64_t id)
{
    clientid_event event = support_contract_event(id, "a", "c", 0, CLIENTID_APPROVED);

    event.type = CLIENTID_EVENT_CONTRACT_REMOVED;
    assert_int_equal(apply(s, event), 0);
}

static void remove_tier(struct support_registry *s, uint64_t id)
{
    clientid_event event = support_tier_event(id, "", NULL, 0);

    event.type = CLIENTID_EVENT_TIER_REMOVED;
    assert_int_equal(apply(s, event), 0);
}

/* |members| separated by spaces. */
static int put_group(struct support_registry *s, const char *name, const char *members)
{
    clientid_str list[16];
    size_t count = 0;

    while (*members != '\0') {
        size_t len = strcspn(members, " ");

        list[count++] = clientid__str(members, len);
        members += len + strspn(members + len, " ");
    }
    return apply(s, support_group_event(name, list, count));
}

static void remove_group(struct support_registry *s, const char *name)
{
    clientid_event event = support_group_event(name, NULL, 0);

    event.type = CLIENTID_EVENT_GROUP_REMOVED;
    assert_int_equal(apply(s, event), 0);
}

/* The id of the contract in force, 0: none. */
static uint64_t in_force(struct support_registry *s, const char *api, const char *client_id)
{
    struct clientid__contract c;

    return support_registry_find(s, api, clientid__cstr(client_id), &c) ? c.id : 0;
}

/* ---- one contract ------------------------------------------------------------------------------ */

static void test_a_reader_gets_the_whole_contract(void **state)
{
    struct support_registry s;
    struct clientid__contract c;

    (void)state;
    support_registry_new(&s);
    put_tier(&s, 77, fast, 1);
    put(&s, 5, "a", "client", 77, CLIENTID_PENDING);
    assert_true(support_registry_find(&s, "a", CLIENTID_STR("client"), &c));
    assert_int_equal(c.id, 5);
    assert_int_equal(c.application_id, 1005);
    assert_int_equal(c.status, CLIENTID_PENDING);
    assert_true(clientid__str_eq(c.client_id, CLIENTID_STR("client")));
    assert_true(clientid__str_eq(c.name, CLIENTID_STR("application")));
    assert_int_equal(c.tier->id, 77);
    assert_int_equal(c.tier->limit_count, 1);
    assert_int_equal(c.tier->limits[0].maximum_requests, 100);
    assert_true(
        clientid__str_eq(clientid__str(c.tier->name, c.tier->name_len), CLIENTID_STR("tier")));
    support_registry_del(&s);
}

static void test_what_does_not_find(void **state)
{
    static const struct {
        const char *reason, *api, *client_id;
    } rows[] = {
        {"another API instance", "b", "client"},
        {"another client id", "a", "clienT"},
        {"shorter", "a", "clien"},
        {"longer", "a", "client1"},
        {"empty", "a", ""},
    };
    struct support_registry s;

    (void)state;
    support_registry_new(&s);
    put(&s, 5, "a", "client", 0, CLIENTID_APPROVED);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct clientid__contract c;

        if (support_registry_find(&s, rows[i].api, clientid__cstr(rows[i].client_id), &c))
            fail_msg("%s", rows[i].reason);
        assert_int_equal(c.id, 0);
        assert_non_null(c.record); /* for clientid__secret_verify */
    }
    support_registry_del(&s);
}

static void test_a_hash_alone_finds_nothing(void **state)
{
    struct support_registry s;
    struct clientid__contract c;
    clientid_str id = CLIENTID_STR("client");
    uint64_t hash;

    (void)state;
    support_registry_new(&s);
    put(&s, 5, "a", "client", 0, CLIENTID_APPROVED);
    hash = clientid__registry_hash(clientid__hash128(id.ptr, id.len, SUPPORT_REGISTRY_SEED), 0);
    assert_true(clientid__registry_find(s.registry, 0, id, hash, &c));
    assert_false(clientid__registry_find(s.registry, 1, id, hash, &c));
    assert_false(clientid__registry_find(s.registry, 0, CLIENTID_STR("tneilc"), hash, &c));
    support_registry_del(&s);
}

static void test_a_client_id_is_bytes(void **state)
{
    struct support_registry s;
    struct clientid__contract c;
    clientid_event event = support_contract_event(1, "a", "x", 0, CLIENTID_APPROVED);
    char longest[CLIENTID_ID_MAX + 1];

    (void)state;
    support_registry_new(&s);
    event.u.contract.client_id = CLIENTID_STR("a\0b");
    assert_int_equal(apply(&s, event), 0);
    assert_true(support_registry_find(&s, "a", CLIENTID_STR("a\0b"), &c));
    assert_false(support_registry_find(&s, "a", CLIENTID_STR("a\0c"), &c));
    assert_false(support_registry_find(&s, "a", CLIENTID_STR("a"), &c));
    memset(longest, 'x', sizeof(longest));
    event.u.contract.id = 2;
    event.u.contract.client_id = clientid__str(longest, CLIENTID_ID_MAX);
    event.u.contract.name = clientid__str(longest, CLIENTID_NAME_MAX);
    assert_int_equal(apply(&s, event), 0);
    assert_true(support_registry_find(&s, "a", clientid__str(longest, CLIENTID_ID_MAX), &c));
    assert_int_equal(c.name.len, CLIENTID_NAME_MAX);
    assert_false(support_registry_find(&s, "a", clientid__str(longest, CLIENTID_ID_MAX + 1), &c));
    support_registry_del(&s);
}

static void test_a_contract_changes_in_place(void **state)
{
    struct support_registry s;
    struct clientid__contract c;

    (void)state;
    support_registry_new(&s);
    put(&s, 5, "a", "client", 0, CLIENTID_APPROVED);
    put(&s, 5, "a", "client", 0, CLIENTID_REVOKED);
    assert_true(support_registry_find(&s, "a", CLIENTID_STR("client"), &c));
    assert_int_equal(c.status, CLIENTID_REVOKED);
    assert_int_equal(clientid__registry_size(s.registry).contracts, 1);
    remove_contract(&s, 5);
    remove_contract(&s, 5); /* what is not there is fine */
    assert_int_equal(in_force(&s, "a", "client"), 0);
    assert_int_equal(clientid__registry_size(s.registry).contracts, 0);
    support_registry_del(&s);
}

static void test_a_contract_that_moves_leaves_nothing_behind(void **state)
{
    struct support_registry s;

    (void)state;
    support_registry_new(&s);
    assert_int_equal(put_group(&s, "g", "a b"), 0);
    put(&s, 5, "a", "client", 0, CLIENTID_APPROVED);
    put(&s, 5, "a", "renamed", 0, CLIENTID_APPROVED);
    assert_int_equal(in_force(&s, "a", "client"), 0); /* else the old id would still be let in */
    assert_int_equal(in_force(&s, "a", "renamed"), 5);
    put(&s, 5, "g", "renamed", 0, CLIENTID_APPROVED);
    assert_int_equal(in_force(&s, "a", "renamed"), 5);
    assert_int_equal(in_force(&s, "b", "renamed"), 5);
    put(&s, 5, "b", "renamed", 0, CLIENTID_APPROVED);
    assert_int_equal(in_force(&s, "a", "renamed"), 0);
    assert_int_equal(in_force(&s, "b", "renamed"), 5);
    remove_contract(&s, 5);
    assert_int_equal(in_force(&s, "b", "renamed"), 0);
    support_registry_del(&s);
}

static void test_events_that_break_the_rules(void **state)
{
    static const clientid_limit none = {0, 1000, 1, 0}, never = {10, 0, 1, 0};
    static char long_text[600];
    clientid_event e[22];
    struct support_registry s;
    char *before, *after;
    size_t n = 0;

    (void)state;
    memset(long_text, 'x', sizeof(long_text) - 1);
    for (size_t i = 0; i < 14; i++)
        e[i] = support_contract_event(9, "a", "client", 0, CLIENTID_APPROVED);
    e[n++].u.contract.id = 0;
    e[n++].u.contract.api = CLIENTID_STR("");
    e[n++].u.contract.api = CLIENTID_STR("a\nb");
    e[n++].u.contract.api = clientid__str(long_text, 129);
    e[n++].u.contract.client_id = CLIENTID_STR("");
    e[n++].u.contract.client_id = clientid__str(long_text, CLIENTID_ID_MAX + 1);
    e[n++].u.contract.client_id = clientid__str(NULL, 3);
    e[n++].u.contract.name = clientid__str(long_text, CLIENTID_NAME_MAX + 1);
    e[n++].u.contract.application_id = 0;
    e[n++].u.contract.status = 0;
    e[n++].u.contract.status = CLIENTID_REVOKED + 1;
    e[n++].u.contract.secrets[1].algorithm = 3;
    e[n++].u.contract.secrets[0] = (clientid_secret){.algorithm = 1, .salt_len = 33};
    e[n++].u.contract.tier_id = 4; /* unknown: must not become unlimited */
    e[n++] = support_tier_event(0, "t", slow, 1);
    e[n++] = support_tier_event(9, long_text, slow, 1);
    e[n++] = support_tier_event(9, "t", NULL, 1);
    e[n++] = support_tier_event(9, "t", slow, CLIENTID_TIER_LIMITS_MAX + 1);
    e[n++] = support_tier_event(9, "t", &none, 1);
    e[n++] = support_tier_event(9, "t", &never, 1);
    e[n++] = support_group_event("", NULL, 0);
    e[n++] = support_group_event("g", NULL, 2);
    support_registry_new(&s);
    put(&s, 1, "a", "client", 0, CLIENTID_APPROVED);
    before = support_registry_dump(&s);
    for (size_t i = 0; i < n; i++)
        if (apply(&s, e[i]) != CLIENTID_ERR_ARG)
            fail_msg("row %zu was accepted", i);
    assert_int_equal(put_group(&s, "g", "a b\x7f"), CLIENTID_ERR_ARG);
    assert_int_equal(apply(&s, (clientid_event){.type = (clientid_event_type)99}),
                     CLIENTID_ERR_ARG);
    assert_int_equal(
        apply(&s, (clientid_event){.type = CLIENTID_EVENT_GROUP_REMOVED, .u.group.name = {"", 0}}),
        CLIENTID_ERR_ARG);
    after = support_registry_dump(&s);
    assert_string_equal(before, after);
    free(before);
    free(after);
    support_registry_del(&s);
}

/* ---- which of several ---------------------------------------------------------------------------- */

static const clientid_limit per_minute_60[] = {{60, 60000, 1, 0}};
static const clientid_limit per_second_1[] = {{1, 1000, 1, 0}};
static const clientid_limit both[] = {{100, 1000, 1, 0}, {30, 60000, 1, 0}};
static const clientid_limit huge[] = {{UINT64_MAX, 1, 1, 0}};
static const clientid_limit huge_half[] = {{UINT64_MAX, 2, 1, 0}};
static const clientid_limit huge_less[] = {{UINT64_MAX - 1, 1, 1, 0}};

static void test_precedence(void **state)
{
    static const struct {
        const char *reason;
        clientid_contract_status status_a, status_b;
        const clientid_limit *limits_a, *limits_b;
        size_t count_a, count_b;
        unsigned winner; /* 0: a, whose id is lower; 1: b */
    } rows[] = {
        {"approved before pending", CLIENTID_PENDING, CLIENTID_APPROVED, fast, slow, 1, 1, 1},
        {"approved before revoked", CLIENTID_REVOKED, CLIENTID_APPROVED, NULL, slow, 0, 1, 1},
        {"pending before revoked", CLIENTID_REVOKED, CLIENTID_PENDING, slow, slow, 1, 1, 1},
        {"revoked before rejected", CLIENTID_REJECTED, CLIENTID_REVOKED, slow, slow, 1, 1, 1},
        {"no limit before any limit", CLIENTID_APPROVED, CLIENTID_APPROVED, huge, NULL, 1, 0, 1},
        {"higher rate", CLIENTID_APPROVED, CLIENTID_APPROVED, slow, fast, 1, 1, 1},
        {"rates that overflow 64 bits", CLIENTID_APPROVED, CLIENTID_APPROVED, huge_half, huge_less,
         1, 1, 1},
        {"the tightest limit counts", CLIENTID_APPROVED, CLIENTID_APPROVED, both, per_second_1, 2,
         1, 1},
        {"same rate: larger count", CLIENTID_APPROVED, CLIENTID_APPROVED, per_second_1,
         per_minute_60, 1, 1, 1},
        {"same rate: smaller count loses", CLIENTID_APPROVED, CLIENTID_APPROVED, per_minute_60,
         per_second_1, 1, 1, 0},
        {"all the same: lower id", CLIENTID_APPROVED, CLIENTID_APPROVED, slow, slow, 1, 1, 0},
        {"both without limits: lower id", CLIENTID_APPROVED, CLIENTID_APPROVED, NULL, NULL, 0, 0,
         0},
        {"tiers do not matter while pending", CLIENTID_PENDING, CLIENTID_PENDING, slow, fast, 1, 1,
         0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        for (int swap = 0; swap < 2; swap++) { /* the order in which they come must not matter */
            struct support_registry s;
            uint64_t winner = rows[i].winner + 1, other = 2 - rows[i].winner;

            support_registry_new(&s);
            put_tier(&s, 1, rows[i].limits_a, rows[i].count_a);
            put_tier(&s, 2, rows[i].limits_b, rows[i].count_b);
            if (swap)
                put(&s, 2, "a", "c", 2, rows[i].status_b);
            put(&s, 1, "a", "c", 1, rows[i].status_a);
            if (!swap)
                put(&s, 2, "a", "c", 2, rows[i].status_b);
            if (in_force(&s, "a", "c") != winner)
                fail_msg("%s, %d", rows[i].reason, swap);
            remove_contract(&s, winner);
            if (in_force(&s, "a", "c") != other)
                fail_msg("%s, %d: the other steps in", rows[i].reason, swap);
            support_registry_del(&s);
        }
    }
}

static void test_the_contract_without_tier_is_unlimited(void **state)
{
    struct support_registry s;

    (void)state;
    support_registry_new(&s);
    put_tier(&s, 1, huge, 1);
    put(&s, 1, "a", "c", 1, CLIENTID_APPROVED);
    put(&s, 2, "a", "c", 0, CLIENTID_APPROVED);
    assert_int_equal(in_force(&s, "a", "c"), 2);
    support_registry_del(&s);
}

static void test_status_changes_change_which_is_in_force(void **state)
{
    struct support_registry s;

    (void)state;
    support_registry_new(&s);
    put_tier(&s, 1, slow, 1);
    put_tier(&s, 2, fast, 1);
    put(&s, 1, "a", "c", 1, CLIENTID_APPROVED);
    put(&s, 2, "a", "c", 2, CLIENTID_APPROVED);
    put(&s, 3, "a", "c", 0, CLIENTID_PENDING);
    assert_int_equal(in_force(&s, "a", "c"), 2);
    put(&s, 2, "a", "c", 2, CLIENTID_REVOKED);
    assert_int_equal(in_force(&s, "a", "c"), 1);
    put(&s, 3, "a", "c", 0, CLIENTID_APPROVED);
    assert_int_equal(in_force(&s, "a", "c"), 3);
    remove_contract(&s, 3);
    remove_contract(&s, 1);
    assert_int_equal(in_force(&s, "a", "c"), 2);
    support_registry_del(&s);
}

/* ---- tiers --------------------------------------------------------------------------------------- */

static void test_a_tier_change_is_seen_by_all_its_contracts(void **state)
{
    struct support_registry s;
    char id[16];

    (void)state;
    support_registry_new(&s);
    put_tier(&s, 1, slow, 1);
    for (unsigned i = 0; i < 100; i++) {
        snprintf(id, sizeof(id), "c%u", i);
        put(&s, i + 1, "a", id, 1, CLIENTID_APPROVED);
    }
    put_tier(&s, 1, fast, 1);
    for (unsigned i = 0; i < 100; i++) {
        struct clientid__contract c;

        snprintf(id, sizeof(id), "c%u", i);
        assert_true(support_registry_find(&s, "a", clientid__cstr(id), &c));
        assert_int_equal(c.tier->limits[0].maximum_requests, 100);
    }
    assert_int_equal(clientid__registry_size(s.registry).tiers, 1);
    support_registry_del(&s);
}

static void test_a_tier_change_may_change_which_contract_is_in_force(void **state)
{
    struct support_registry s;

    (void)state;
    support_registry_new(&s);
    put_tier(&s, 1, slow, 1);
    put_tier(&s, 2, fast, 1);
    put(&s, 1, "a", "c", 1, CLIENTID_APPROVED);
    put(&s, 2, "a", "c", 2, CLIENTID_APPROVED);
    put(&s, 3, "a", "other", 2, CLIENTID_APPROVED);
    assert_int_equal(in_force(&s, "a", "c"), 2);
    put_tier(&s, 1, huge, 1);
    assert_int_equal(in_force(&s, "a", "c"), 1);
    put_tier(&s, 1, slow, 1);
    assert_int_equal(in_force(&s, "a", "c"), 2);
    remove_contract(&s, 2);
    assert_int_equal(in_force(&s, "a", "c"), 1);
    support_registry_del(&s);
}

static void test_a_removed_tier_still_limits_who_has_it(void **state)
{
    struct support_registry s;
    struct clientid__contract c;

    (void)state;
    support_registry_new(&s);
    put_tier(&s, 1, slow, 1);
    put(&s, 1, "a", "c", 1, CLIENTID_APPROVED);
    remove_tier(&s, 1);
    remove_tier(&s, 1);
    remove_tier(&s, 2);
    assert_int_equal(clientid__registry_size(s.registry).tiers, 0);
    assert_true(support_registry_find(&s, "a", CLIENTID_STR("c"), &c));
    assert_int_equal(c.tier->limits[0].maximum_requests, 10); /* not: unlimited */
    assert_int_equal(apply(&s, support_contract_event(2, "a", "d", 1, CLIENTID_APPROVED)),
                     CLIENTID_ERR_ARG);
    put_tier(&s, 1, fast, 1); /* it comes back */
    assert_int_equal(clientid__registry_size(s.registry).tiers, 1);
    assert_true(support_registry_find(&s, "a", CLIENTID_STR("c"), &c));
    assert_int_equal(c.tier->limits[0].maximum_requests, 100);
    remove_tier(&s, 1);
    put(&s, 1, "a", "c", 0, CLIENTID_APPROVED); /* the last one leaves it */
    assert_int_equal(apply(&s, support_contract_event(2, "a", "d", 1, CLIENTID_APPROVED)),
                     CLIENTID_ERR_ARG);
    support_registry_del(&s);
}

static void test_a_number_is_used_again_only_after_its_readers(void **state)
{
    struct support_registry s;
    struct clientid__contract c;
    struct clientid__epoch_slot *slot;
    const struct clientid__tier *tier;

    (void)state;
    support_registry_new(&s);
    slot = clientid__epoch_slot_get(s.epoch);
    for (uint64_t id = 1; id <= 15; id++) /* all numbers of the first array */
        put_tier(&s, id, slow, 1);
    put(&s, 1, "a", "c", 15, CLIENTID_APPROVED);
    clientid__epoch_enter(slot);
    assert_true(support_registry_find(&s, "a", CLIENTID_STR("c"), &c));
    tier = c.tier;
    put(&s, 1, "a", "c", 0, CLIENTID_APPROVED);
    remove_tier(&s, 15);
    for (uint64_t id = 100; id < 140; id++)
        put_tier(&s, id, fast, 1);
    assert_int_equal(clientid__epoch_reclaim(s.epoch) > 0, 1);
    assert_int_equal(tier->id, 15);
    assert_int_equal(tier->limits[0].maximum_requests, 10);
    clientid__epoch_leave(slot);
    clientid__epoch_slot_put(slot);
    for (uint64_t round = 0; round < 1000; round++) { /* numbers do come back */
        put_tier(&s, 1000 + round, fast, 1);
        remove_tier(&s, 1000 + round);
    }
    clientid__epoch_reclaim(s.epoch);
    put_tier(&s, 5000, fast, 1);
    assert_true(clientid__registry_size(s.registry).bytes < 200000);
    support_registry_del(&s);
}

/* ---- groups -------------------------------------------------------------------------------------- */

static void test_a_group_before_and_after_its_contracts(void **state)
{
    (void)state;
    for (int group_first = 0; group_first < 2; group_first++) {
        struct support_registry s;

        support_registry_new(&s);
        if (group_first)
            assert_int_equal(put_group(&s, "g", "a b"), 0);
        put(&s, 7, "g", "c", 0, CLIENTID_APPROVED);
        if (!group_first)
            assert_int_equal(put_group(&s, "g", "a b"), 0);
        assert_int_equal(in_force(&s, "a", "c"), 7);
        assert_int_equal(in_force(&s, "b", "c"), 7);
        assert_int_equal(in_force(&s, "x", "c"), 0);
        assert_int_equal(clientid__registry_size(s.registry).contracts, 1);
        assert_int_equal(clientid__registry_size(s.registry).groups, 1);
        put(&s, 7, "g", "c", 0, CLIENTID_REVOKED);
        {
            struct clientid__contract c;

            assert_true(support_registry_find(&s, "b", CLIENTID_STR("c"), &c));
            assert_int_equal(c.status, CLIENTID_REVOKED);
        }
        remove_contract(&s, 7);
        assert_int_equal(in_force(&s, "a", "c"), 0);
        support_registry_del(&s);
    }
}

static void test_members_come_and_go(void **state)
{
    struct support_registry s;

    (void)state;
    support_registry_new(&s);
    put(&s, 7, "g", "c", 0, CLIENTID_APPROVED);
    put(&s, 8, "g", "d", 0, CLIENTID_APPROVED);
    put(&s, 9, "x", "c", 0, CLIENTID_APPROVED);
    assert_int_equal(put_group(&s, "g", "a b b a g"), 0); /* twice, and itself */
    assert_int_equal(put_group(&s, "g", "b x"), 0);
    assert_int_equal(in_force(&s, "a", "c"), 0);
    assert_int_equal(in_force(&s, "b", "c"), 7);
    assert_int_equal(in_force(&s, "x", "c"), 7);
    assert_int_equal(in_force(&s, "x", "d"), 8);
    remove_group(&s, "g");
    assert_int_equal(in_force(&s, "b", "c"), 0);
    assert_int_equal(in_force(&s, "x", "c"), 9);
    assert_int_equal(in_force(&s, "x", "d"), 0);
    assert_int_equal(clientid__registry_size(s.registry).groups, 0);
    remove_group(&s, "g");
    remove_group(&s, "never was");
    assert_int_equal(put_group(&s, "g", ""), 0); /* a group without members is one */
    assert_int_equal(clientid__registry_size(s.registry).groups, 1);
    support_registry_del(&s);
}

static void test_an_instance_in_two_groups_and_with_its_own_contract(void **state)
{
    struct support_registry s;

    (void)state;
    support_registry_new(&s);
    put_tier(&s, 1, slow, 1);
    put_tier(&s, 2, fast, 1);
    put_tier(&s, 3, huge, 1);
    assert_int_equal(put_group(&s, "g", "a b"), 0);
    assert_int_equal(put_group(&s, "h", "b x"), 0);
    put(&s, 1, "g", "c", 1, CLIENTID_APPROVED);
    put(&s, 2, "h", "c", 2, CLIENTID_APPROVED);
    assert_int_equal(in_force(&s, "a", "c"), 1);
    assert_int_equal(in_force(&s, "b", "c"), 2);
    assert_int_equal(in_force(&s, "x", "c"), 2);
    put(&s, 3, "b", "c", 3, CLIENTID_APPROVED);
    assert_int_equal(in_force(&s, "b", "c"), 3);
    put_tier(&s, 1, NULL, 0); /* no limits any more: the copies must notice, too */
    assert_int_equal(in_force(&s, "b", "c"), 1);
    remove_contract(&s, 1);
    assert_int_equal(in_force(&s, "a", "c"), 0);
    assert_int_equal(in_force(&s, "b", "c"), 3);
    support_registry_del(&s);
}

static void test_one_event_for_more_members_than_the_tables_had_room_for(void **state)
{
    static char text[150][8];
    clientid_str members[150];
    struct support_registry s;

    (void)state;
    support_registry_new(&s);
    for (unsigned i = 0; i < 150; i++) {
        snprintf(text[i], sizeof(text[i]), "m%u", i);
        members[i] = clientid__cstr(text[i]);
    }
    assert_int_equal(apply(&s, support_group_event("g", members, 150)), 0);
    put(&s, 1, "g", "c", 0, CLIENTID_APPROVED); /* 151 records at once */
    assert_int_equal(in_force(&s, "m149", "c"), 1);
    assert_int_equal(apply(&s, support_group_event("h", members, 150)), 0);
    put(&s, 2, "h", "c", 0, CLIENTID_APPROVED); /* and 150 keys with two contracts */
    remove_contract(&s, 1);
    assert_int_equal(in_force(&s, "m0", "c"), 2);
    assert_int_equal(in_force(&s, "m149", "c"), 2);
    support_registry_del(&s);
}

/* ---- each ---------------------------------------------------------------------------------------- */

static int stop_after(void *sink, const clientid_event *event)
{
    size_t *left = sink;

    (void)event;
    return (*left)-- > 0 ? 0 : -77;
}

static void test_each_stops_where_the_sink_says(void **state)
{
    struct support_registry s;

    (void)state;
    support_registry_new(&s);
    put_tier(&s, 1, slow, 1);
    put_tier(&s, 2, slow, 1);
    assert_int_equal(put_group(&s, "g", "a b"), 0);
    assert_int_equal(put_group(&s, "h", "b"), 0);
    put(&s, 1, "g", "c", 1, CLIENTID_APPROVED);
    put(&s, 2, "g", "d", 1, CLIENTID_APPROVED);
    for (size_t events = 0; events < 7; events++) {
        size_t left = events;

        assert_int_equal(clientid__registry_each(s.registry, stop_after, &left),
                         events < 6 ? -77 : 0);
    }
    support_registry_del(&s);
}

static int apply_event(void *sink, const clientid_event *event)
{
    struct support_registry *s = sink;

    return clientid__registry_apply(s->registry, event);
}

enum { STAY = 600, CHURN = 500, AT_ONCE = 200 };

struct walked {
    bool seen[STAY + CHURN + 1];
    unsigned tiers;
};

static int note_walked(void *self, const clientid_event *event)
{
    struct walked *w = self;

    w->tiers += event->type == CLIENTID_EVENT_TIER;
    if (event->type == CLIENTID_EVENT_CONTRACT)
        w->seen[event->u.contract.id] = true;
    return 0;
}

static void put_number(struct support_registry *s, uint64_t n)
{
    char id[16];

    snprintf(id, sizeof(id), "c%d", (int)n);
    put(s, n, "a", id, 1, CLIENTID_APPROVED);
}

/* The table grows while it is walked: what stays is emitted, wherever it moved. */
static void test_pieces_miss_nothing_that_stays(void **state)
{
    struct support_registry s;

    (void)state;
    for (int round = 0; round < 40; round++) {
        struct clientid__registry_walk walk = {.begun = false};
        struct walked w = {.tiers = 0};
        uint64_t added = STAY;
        int pieces = 0;

        support_registry_new(&s);
        put_tier(&s, 1, slow, 1);
        for (uint64_t n = 1; n <= STAY; n++)
            put_number(&s, n);
        assert_int_equal(clientid__registry_some(s.registry, &walk, 0, note_walked, &w), 1);
        assert_int_equal(w.tiers, 1);
        while (clientid__registry_some(s.registry, &walk, 1, note_walked, &w) == 1) {
            if (++pieces < round * 5 || added == STAY + CHURN)
                continue;
            put_number(&s, ++added);
            if (added > STAY + AT_ONCE)
                remove_contract(&s, added - AT_ONCE);
        }
        for (uint64_t n = 1; n <= STAY; n++)
            if (!w.seen[n])
                fail_msg("contract %d was missed in round %d", (int)n, round);
        assert_int_equal(w.tiers, 1);
        support_registry_del(&s);
    }
}

static void test_each_keeps_secrets_and_everything_else(void **state)
{
    struct support_registry s, again;
    clientid_event event = support_contract_event(5, "a", "client", 1, CLIENTID_APPROVED);
    char *first, *second;

    (void)state;
    event.u.contract.secrets[0] = (clientid_secret){.algorithm = CLIENTID_SECRET_HMAC_SHA256,
                                                    .pepper_id = 0xdeadbeef,
                                                    .salt_len = 32,
                                                    .not_after_ns = 99};
    memset(event.u.contract.secrets[0].hash, 0xab, 32);
    memset(event.u.contract.secrets[0].salt, 0xcd, 32);
    event.u.contract.secrets[1] = (clientid_secret){
        .algorithm = CLIENTID_SECRET_SHA256, .salt_len = 3, .salt = {1, 2, 3}, .not_before_ns = 98};
    support_registry_new(&s);
    put_tier(&s, 1, both, 2);
    assert_int_equal(apply(&s, event), 0);
    event = support_contract_event(6, "a", "only the second slot", 1, CLIENTID_APPROVED);
    event.u.contract.secrets[1] = (clientid_secret){.algorithm = CLIENTID_SECRET_SHA256};
    event.u.contract.name = clientid__str(NULL, 0);
    assert_int_equal(apply(&s, event), 0);
    support_registry_new(&again);
    assert_int_equal(clientid__registry_each(s.registry, apply_event, &again), 0);
    first = support_registry_dump(&s);
    second = support_registry_dump(&again);
    assert_string_equal(first, second);
    assert_non_null(strstr(first, "[2 3735928559 0 99 abab"));
    assert_non_null(strstr(first, " 010203]"));
    free(first);
    free(second);
    support_registry_del(&again);
    support_registry_del(&s);
}

/* ---- loads -------------------------------------------------------------------------------------- */

/* What is remembered of the contract before must not give one the tier, or no tier, of another. */
static void test_load_unknown_tier(void **state)
{
    static const clientid_limit limit = {1, 1000, 1, 0};
    static const uint64_t tiers[] = {1, 9, 1, 0, 1, 2, 9, 2, 9};
    struct support_registry s;
    struct clientid__contract c;

    (void)state;
    support_registry_new(&s);
    put_tier(&s, 1, &limit, 1);
    put_tier(&s, 2, &limit, 1);
    assert_int_equal(clientid__registry_load_begin(s.registry, 0), 0);
    for (uint64_t i = 0; i < 9; i++) {
        char id[2] = {(char)('a' + i), '\0'};
        clientid_event event = support_contract_event(i + 1, "a", id, tiers[i], CLIENTID_APPROVED);

        assert_int_equal(apply(&s, event), tiers[i] == 9 ? CLIENTID_ERR_ARG : 0);
    }
    clientid__registry_load_end(s.registry);
    for (uint64_t i = 0; i < 9; i++) {
        char id[2] = {(char)('a' + i), '\0'};

        assert_int_equal(support_registry_find(&s, "a", clientid__str(id, 1), &c), tiers[i] != 9);
        if (tiers[i] == 9)
            continue;
        assert_int_equal(c.tier != NULL ? c.tier->id : 0, tiers[i]);
    }
    support_registry_del(&s);
}

/* Every allocation of a load may fail: what was refused is not there, all else is. */
static void test_load_without_memory(void **state)
{
    (void)state;
    for (size_t at = 1; at < 40; at++) {
        struct support_registry s;
        struct clientid__contract c;
        bool there[500];
        int rv;

        support_registry_new(&s);
        s.alloc.fail_at = s.alloc.calls + at;
        rv = clientid__registry_load_begin(s.registry, 100);
        assert_true(rv == 0 || rv == CLIENTID_ERR_NOMEM);
        for (uint64_t i = 0; i < 500; i++) {
            char id[16];
            clientid_event event;

            snprintf(id, sizeof(id), "c%u", (unsigned)i);
            event = support_contract_event(i + 1, "a", id, 0, CLIENTID_APPROVED);
            rv = apply(&s, event);
            assert_true(rv == 0 || rv == CLIENTID_ERR_NOMEM);
            there[i] = rv == 0;
        }
        clientid__registry_load_end(s.registry);
        s.alloc.fail_at = 0;
        for (uint64_t i = 0; i < 500; i++) {
            char id[16];
            size_t len = (size_t)snprintf(id, sizeof(id), "c%u", (unsigned)i);

            assert_int_equal(support_registry_find(&s, "a", clientid__str(id, len), &c), there[i]);
        }
        support_registry_del(&s);
    }
}

/* ---- churn -------------------------------------------------------------------------------------- */

static uint64_t bytes_now(const struct support_registry *s)
{
    return clientid__registry_size(s->registry).bytes;
}

static void put_many(struct support_registry *s, uint64_t from, uint64_t to)
{
    for (uint64_t i = from; i < to; i++) {
        char id[16];

        snprintf(id, sizeof(id), "c%08u", (unsigned)i);
        assert_int_equal(apply(s, support_contract_event(i + 1, "a", id, 0, CLIENTID_APPROVED)), 0);
    }
}

/* Clients that come and go must not make a registry grow that has as many as ever. */
static void test_churn(void **state)
{
    struct support_registry s;
    uint64_t full;

    (void)state;
    support_registry_new(&s);
    put_many(&s, 0, 20000);
    full = bytes_now(&s);
    for (uint64_t i = 0; i < 60000; i++) {
        put_many(&s, 20000 + i, 20001 + i);
        assert_int_equal(apply(&s, (clientid_event){.type = CLIENTID_EVENT_CONTRACT_REMOVED,
                                                    .u.contract.id = i + 1}),
                         0);
    }
    assert_true(bytes_now(&s) < full + full / 2); /* a table may have doubled, for the tombstones */
    /* 65,536 slots of 8 bytes in each of two tables go, up to 2,048 stay; records are kept for the next. */
    full = bytes_now(&s);
    for (uint64_t i = 60000; i < 79900; i++)
        assert_int_equal(apply(&s, (clientid_event){.type = CLIENTID_EVENT_CONTRACT_REMOVED,
                                                    .u.contract.id = i + 1}),
                         0);
    assert_int_equal(clientid__registry_size(s.registry).contracts, 100);
    assert_true(full - bytes_now(&s) >= 2 * (65536 - 4096) * 8);
    put_many(&s, 100000, 119900);
    assert_true(bytes_now(&s) <= full);
    support_registry_del(&s);
}

/* A table that a load reserved stays until its end, and is given back if few came. */
static void test_load_promised_too_many(void **state)
{
    struct support_registry s;
    uint64_t promised;

    (void)state;
    support_registry_new(&s);
    assert_int_equal(clientid__registry_load_begin(s.registry, 100000), 0);
    put_many(&s, 0, 10);
    assert_int_equal(
        apply(&s, (clientid_event){.type = CLIENTID_EVENT_CONTRACT_REMOVED, .u.contract.id = 1}),
        0);
    promised = s.alloc.calls;
    put_many(&s, 10, 100);
    assert_int_equal(s.alloc.calls, promised);
    clientid__registry_load_end(s.registry);
    assert_true(bytes_now(&s) < 200000);
    support_registry_del(&s);
}

/* ---- memory -------------------------------------------------------------------------------------- */

static void test_new_without_memory(void **state)
{
    struct support_alloc a;
    struct clientid__epoch *epoch;
    struct clientid__registry *r;
    size_t failed = 0;
    int rv;

    (void)state;
    support_alloc_init(&a);
    assert_int_equal(clientid__epoch_new(&epoch, &clientid__malloc), 0);
    do {
        a.fail_at = a.calls + ++failed;
        rv = clientid__registry_new(&r, &a.allocator, epoch, 1, NULL, NULL);
        assert_true(rv == 0 || (rv == CLIENTID_ERR_NOMEM && a.live == 0));
    } while (rv != 0);
    assert_true(failed > 5);
    clientid__registry_del(r);
    clientid__registry_del(NULL);
    clientid__epoch_del(epoch);
    assert_int_equal(a.live, 0);
}

static void test_deleted_while_the_epoch_still_has_its_objects(void **state)
{
    struct support_registry s;
    struct clientid__epoch_slot *slot;

    (void)state;
    support_registry_new(&s);
    slot = clientid__epoch_slot_get(s.epoch);
    clientid__epoch_enter(slot);
    put_tier(&s, 1, slow, 1);
    put_tier(&s, 1, fast, 1);
    put(&s, 1, "a", "c", 1, CLIENTID_APPROVED);
    put(&s, 1, "a", "c", 0, CLIENTID_APPROVED);
    remove_tier(&s, 1);
    assert_true(clientid__epoch_reclaim(s.epoch) >= 3);
    clientid__epoch_leave(slot);
    clientid__epoch_slot_put(slot);
    support_registry_del(&s); /* the registry first, its objects come back later */
}

static void test_memory_stays_bounded_under_updates(void **state)
{
    struct support_registry s;
    uint64_t bytes = 0;
    char id[16];

    (void)state;
    support_registry_new(&s);
    for (unsigned round = 0; round < 60; round++) {
        for (unsigned i = 0; i < 500; i++) {
            snprintf(id, sizeof(id), "c%u", i);
            put(&s, i + 1, "a", id, 0, round % 2 ? CLIENTID_APPROVED : CLIENTID_REVOKED);
        }
        if (round == 2)
            bytes = clientid__registry_size(s.registry).bytes;
    }
    assert_true(clientid__registry_size(s.registry).bytes <= bytes * 2);
    support_registry_del(&s);
}

static void test_a_client_costs_few_bytes(void **state)
{
    static const unsigned count = 50000;
    struct support_registry s;
    char id[40];

    (void)state;
    support_registry_new(&s);
    put_tier(&s, 1, slow, 1);
    for (unsigned i = 0; i < count; i++) {
        clientid_event event;

        snprintf(id, sizeof(id), "%032x", i);
        event = support_contract_event(i + 1, "a", id, 1, CLIENTID_APPROVED);
        event.u.contract.name = CLIENTID_STR("sixteen bytes it");
        event.u.contract.secrets[0] =
            (clientid_secret){.algorithm = CLIENTID_SECRET_SHA256, .salt_len = 16};
        assert_int_equal(apply(&s, event), 0);
    }
    /* Just past a doubling of the tables costs more; 50000 is 0.38 of their slots. */
    assert_true(clientid__registry_size(s.registry).bytes < (uint64_t)count * 240);
    support_registry_del(&s);
}

/* So that an unknown id waits for the memory that a known one waits for. */
static void test_unknown_ids_meet_somebody_elses_record(void **state)
{
    clientid_event event = support_contract_event(1, "a", "client", 0, CLIENTID_APPROVED);
    struct clientid__contract known, unknown;
    struct support_registry s;
    char id[16];

    (void)state;
    support_registry_new(&s);
    for (uint64_t i = 1; i <= 500; i++) {
        snprintf(id, sizeof(id), "c%llu", (unsigned long long)i);
        event.u.contract.id = i;
        event.u.contract.client_id = clientid__cstr(id);
        assert_int_equal(clientid__registry_apply(s.registry, &event), 0);
    }
    for (uint64_t i = 1; i <= 200; i++) {
        clientid_str other;

        snprintf(id, sizeof(id), "x%llu", (unsigned long long)i);
        assert_false(support_registry_find(&s, "a", clientid__cstr(id), &unknown));
        assert_true(unknown.id == 0 && unknown.tier == NULL && unknown.used == NULL);
        other = clientid__record_client_id(unknown.record);
        assert_true(support_registry_find(&s, "a", other, &known));
        assert_ptr_equal(known.record, unknown.record);
    }
    support_registry_del(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unknown_ids_meet_somebody_elses_record),
        cmocka_unit_test(test_a_reader_gets_the_whole_contract),
        cmocka_unit_test(test_what_does_not_find),
        cmocka_unit_test(test_a_hash_alone_finds_nothing),
        cmocka_unit_test(test_a_client_id_is_bytes),
        cmocka_unit_test(test_a_contract_changes_in_place),
        cmocka_unit_test(test_a_contract_that_moves_leaves_nothing_behind),
        cmocka_unit_test(test_events_that_break_the_rules),
        cmocka_unit_test(test_precedence),
        cmocka_unit_test(test_the_contract_without_tier_is_unlimited),
        cmocka_unit_test(test_status_changes_change_which_is_in_force),
        cmocka_unit_test(test_a_tier_change_is_seen_by_all_its_contracts),
        cmocka_unit_test(test_a_tier_change_may_change_which_contract_is_in_force),
        cmocka_unit_test(test_a_removed_tier_still_limits_who_has_it),
        cmocka_unit_test(test_a_number_is_used_again_only_after_its_readers),
        cmocka_unit_test(test_a_group_before_and_after_its_contracts),
        cmocka_unit_test(test_members_come_and_go),
        cmocka_unit_test(test_an_instance_in_two_groups_and_with_its_own_contract),
        cmocka_unit_test(test_one_event_for_more_members_than_the_tables_had_room_for),
        cmocka_unit_test(test_each_stops_where_the_sink_says),
        cmocka_unit_test(test_pieces_miss_nothing_that_stays),
        cmocka_unit_test(test_each_keeps_secrets_and_everything_else),
        cmocka_unit_test(test_load_unknown_tier),
        cmocka_unit_test(test_load_without_memory),
        cmocka_unit_test(test_churn),
        cmocka_unit_test(test_load_promised_too_many),
        cmocka_unit_test(test_new_without_memory),
        cmocka_unit_test(test_deleted_while_the_epoch_still_has_its_objects),
        cmocka_unit_test(test_memory_stays_bounded_under_updates),
        cmocka_unit_test(test_a_client_costs_few_bytes),
    };

    return cmocka_run_group_tests_name("registry", tests, NULL, NULL);
}
