/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "limit/table.h"
#include "support_random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define MS UINT64_C(1000000)
#define S  UINT64_C(1000000000)
#define T0 (UINT64_C(1700000000) * S)

#define FIXED   CLIENTID_FIXED_WINDOW
#define SLIDING CLIENTID_SLIDING_WINDOW
#define BUCKET  CLIENTID_TOKEN_BUCKET

static struct clientid__table *table_of(uint64_t cells)
{
    struct clientid__table_options options = {.cells = cells, .key_cells = cells};
    struct clientid__table *table;

    assert_int_equal(clientid__table_open(&table, &clientid__malloc, &options, NULL), 0);
    return table;
}

static struct clientid__rule rule_of(clientid_algorithm algorithm, uint64_t maximum,
                                     uint64_t period_ms, uint64_t policy)
{
    struct clientid__rule rule;

    assert_int_equal(clientid__rule_init(&rule, algorithm, maximum, period_ms, 0, policy, NULL), 0);
    return rule;
}

static struct clientid__charge charge_of(const struct clientid__rule *rule, uint64_t client)
{
    struct clientid__charge c = {.rule = rule};
    uint64_t seed = client, identity[2];

    identity[0] = support_random(&seed);
    identity[1] = support_random(&seed);
    clientid__charge_key(&c, identity);
    return c;
}

static bool decide(struct clientid__table *table, struct clientid__charge *charges, size_t count,
                   uint64_t cost, uint64_t now, clientid_receipt *receipt)
{
    return clientid__limits_decide(table, charges, count, cost, now, false, receipt);
}

static uint64_t remaining(struct clientid__table *table, const struct clientid__charge *charge,
                          uint64_t now)
{
    struct clientid__charge c = *charge;

    clientid__limits_decide(table, &c, 1, 1, now, true, NULL);
    return c.remaining;
}

static const clientid_algorithm algorithms[] = {FIXED, SLIDING, BUCKET};

static void counts_down_and_refuses(void **unused)
{
    (void)unused;
    for (int i = 0; i < 3; i++) {
        struct clientid__table *table = table_of(64);
        struct clientid__rule rule = rule_of(algorithms[i], 5, 1000, 1);
        struct clientid__charge c = charge_of(&rule, 1);

        for (uint64_t n = 0; n < 5; n++) {
            assert_true(decide(table, &c, 1, 1, T0, NULL));
            assert_false(c.refused);
            assert_int_equal(c.remaining, 4 - n);
            assert_true(c.reset_ns > 0);
            assert_int_equal(c.retry_ns, 0);
        }
        assert_false(decide(table, &c, 1, 1, T0, NULL));
        assert_true(c.refused);
        assert_int_equal(c.remaining, 0);
        assert_true(c.retry_ns > 0 && c.retry_ns <= 2 * S);
        assert_true(decide(table, &c, 1, 1, T0 + c.retry_ns, NULL));
        clientid__table_close(table);
    }
}

static void looking_charges_nothing(void **unused)
{
    struct clientid__table *table = table_of(64);
    struct clientid__rule rule = rule_of(FIXED, 2, 1000, 1);
    struct clientid__charge c = charge_of(&rule, 1);
    struct clientid__table_state state;

    (void)unused;
    for (int i = 0; i < 5; i++) {
        assert_true(clientid__limits_decide(table, &c, 1, 1, T0, true, NULL));
        assert_int_equal(c.remaining, 2);
    }
    assert_false(clientid__limits_decide(table, &c, 1, 3, T0, true, NULL));
    assert_int_equal(c.retry_ns, UINT64_MAX);
    clientid__table_state(table, T0, &state);
    assert_int_equal(state.live[0], 0);
    clientid__table_close(table);
}

static void a_refused_request_charges_nothing(void **unused)
{
    static const struct {
        const char *name;
        uint64_t maxima[3];
        bool shadow[3];
        bool admitted[4]; /* requests of cost 1 one after the other */
        uint64_t left[3]; /* after them */
    } rows[] = {
        {"all count", {3, 2, 5}, {0}, {true, true, false, false}, {1, 0, 3}},
        {"the first refuses", {1, 9, 9}, {0}, {true, false, false, false}, {0, 8, 8}},
        {"the last refuses", {9, 9, 1}, {0}, {true, false, false, false}, {8, 8, 0}},
        {"a shadow refuses and nobody minds",
         {9, 1, 9},
         {0, 1, 0},
         {true, true, true, true},
         {5, 0, 5}},
        {"a shadow is not charged when another refuses",
         {2, 9, 9},
         {0, 1, 0},
         {true, true, false, false},
         {0, 7, 7}},
        {"only shadows", {1, 2, 3}, {1, 1, 1}, {true, true, true, true}, {0, 0, 0}},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct clientid__table *table = table_of(64);
        struct clientid__rule rules[3];
        struct clientid__charge charges[3];

        print_message("  %s\n", rows[i].name);
        for (int k = 0; k < 3; k++) {
            rules[k] = rule_of(algorithms[k], rows[i].maxima[k], 1000, 1);
            charges[k] = charge_of(&rules[k], 1);
            charges[k].shadow = rows[i].shadow[k];
        }
        for (int n = 0; n < 4; n++)
            assert_int_equal(decide(table, charges, 3, 1, T0, NULL), rows[i].admitted[n]);
        for (int k = 0; k < 3; k++) {
            assert_int_equal(remaining(table, &charges[k], T0), rows[i].left[k]);
            assert_int_equal(charges[k].remaining, rows[i].left[k]); /* reported as it stands */
        }
        clientid__table_close(table);
    }
}

/* Another process spends the last limit between the look and the charge: what came before is undone. */
static void two_limits_in_one_cell_are_undone(void **unused)
{
    struct clientid__table *table = table_of(64);
    struct clientid__rule first = rule_of(BUCKET, 5, 1000, 1), second = rule_of(FIXED, 1, 1000, 2);
    struct clientid__charge charges[3] = {charge_of(&first, 1), charge_of(&second, 1),
                                          charge_of(&second, 1)};
    clientid_receipt receipt;

    (void)unused;
    assert_false(decide(table, charges, 3, 1, T0, &receipt));
    assert_int_equal(receipt.count, 0);
    assert_false(charges[0].refused);
    assert_true(charges[2].refused);
    assert_int_equal(charges[2].retry_ns, 1 * S);
    assert_int_equal(charges[0].remaining, 5);
    assert_int_equal(remaining(table, &charges[0], T0), 5);
    assert_int_equal(remaining(table, &charges[1], T0), 1);
    charges[2].shadow = true;
    assert_true(decide(table, charges, 3, 1, T0, &receipt));
    assert_true(charges[2].refused);
    assert_int_equal(receipt.count, 2);
    clientid__table_close(table);
}

static void costs_and_counts_out_of_range(void **unused)
{
    struct clientid__table *table = table_of(64);
    struct clientid__rule rule = rule_of(FIXED, 10000000, 86400000, 1);
    struct clientid__charge charges[CLIENTID_LIMITS_MAX + 1];
    clientid_receipt receipt;

    (void)unused;
    for (int i = 0; i <= CLIENTID_LIMITS_MAX; i++)
        charges[i] = charge_of(&rule, (uint64_t)i);
    assert_true(decide(table, charges, CLIENTID_LIMITS_MAX, 1000000, T0, &receipt));
    assert_int_equal(receipt.count, CLIENTID_LIMITS_MAX);
    assert_false(decide(table, charges, 1, 1000001, T0, &receipt));
    assert_int_equal(receipt.count, 0);
    assert_int_equal(charges[0].retry_ns, UINT64_MAX);
    assert_false(decide(table, charges, CLIENTID_LIMITS_MAX + 1, 1, T0, &receipt));
    assert_true(decide(table, charges, 0, 1, T0, &receipt));
    assert_int_equal(remaining(table, &charges[0], T0), 9000000);
    assert_true(decide(table, charges, 1, 0, T0, NULL)); /* counts as 1 */
    assert_int_equal(remaining(table, &charges[0], T0), 8999999);
    assert_true(decide(table, charges, 1, 1, UINT64_MAX, NULL)); /* a clock without sense */
    clientid__table_close(table);
}

static void a_changed_limit_acts_at_once(void **unused)
{
    struct clientid__table *table = table_of(64);
    struct clientid__rule old = rule_of(FIXED, 10, 1000, 1), lower = rule_of(FIXED, 3, 1000, 1),
                          higher = rule_of(FIXED, 20, 1000, 1);
    struct clientid__charge c = charge_of(&old, 1);

    (void)unused;
    for (int i = 0; i < 5; i++)
        assert_true(decide(table, &c, 1, 1, T0, NULL));
    c = charge_of(&lower, 1);
    assert_false(decide(table, &c, 1, 1, T0, NULL));
    c = charge_of(&higher, 1);
    assert_true(decide(table, &c, 1, 1, T0, NULL));
    assert_int_equal(c.remaining, 14);
    clientid__table_close(table);
}

/* The clock went back by an hour: a spent client waits for its own period, whether it asks meanwhile or not. */
static void a_clock_that_went_back_blocks_for_a_period(void **unused)
{
    (void)unused;
    for (int i = 0; i < 3; i++) {
        struct clientid__table *table = table_of(64);
        struct clientid__rule rule = rule_of(algorithms[i], 5, 1000, 1);
        struct clientid__charge c = charge_of(&rule, 1);
        uint64_t now = T0 - 3600 * S;
        int admitted = 0;

        assert_true(decide(table, &c, 1, 5, T0, NULL));
        assert_false(clientid__limits_decide(table, &c, 1, 1, now, true, NULL));
        for (int n = 0; n < 15; n++, now += 100 * MS)
            admitted += decide(table, &c, 1, 1, now, NULL);
        assert_in_range(admitted, 1, 7);
        clientid__table_close(table);
    }
}

/* ---- refund ---------------------------------------------------------------------------------- */

static void a_receipt_gives_everything_back(void **unused)
{
    struct clientid__table *table = table_of(64);
    struct clientid__rule rules[3];
    struct clientid__charge charges[3];
    clientid_receipt receipt, copy;

    (void)unused;
    for (int k = 0; k < 3; k++) {
        rules[k] = rule_of(algorithms[k], 10, 1000, 1);
        charges[k] = charge_of(&rules[k], 1);
    }
    assert_true(decide(table, charges, 3, 4, T0, NULL));
    assert_true(decide(table, charges, 3, 3, T0, &receipt));
    assert_int_equal(receipt.count, 3);
    copy = receipt;
    clientid__limits_refund(table, &copy, T0);
    for (int k = 0; k < 3; k++)
        assert_int_equal(remaining(table, &charges[k], T0), 6);
    assert_true(decide(table, charges, 3, 3, T0, &receipt));
    clientid__limits_refund(table, &receipt, T0 + 5 * S); /* too late for all */
    for (int k = 0; k < 3; k++)
        assert_int_equal(remaining(table, &charges[k], T0), 3);
    clientid__table_close(table);
}

static void a_sliding_window_gives_back_from_the_one_before(void **unused)
{
    struct clientid__table *table = table_of(64);
    struct clientid__rule rule = rule_of(SLIDING, 10, 1000, 1);
    struct clientid__charge c = charge_of(&rule, 1);
    clientid_receipt receipt;

    (void)unused;
    assert_true(decide(table, &c, 1, 4, T0, &receipt));
    assert_true(decide(table, &c, 1, 1, T0 + S, NULL));
    assert_int_equal(c.remaining, 5);
    clientid__limits_refund(table, &receipt, T0 + S);
    assert_int_equal(remaining(table, &c, T0 + S), 9);
    clientid__table_close(table);
}

static void any_receipt_is_harmless(void **unused)
{
    struct clientid__table *table = table_of(64);
    struct clientid__rule rule = rule_of(FIXED, 10, 1000, 1);
    struct clientid__charge c = charge_of(&rule, 1);
    clientid_receipt receipt;
    uint64_t seed = 5;

    (void)unused;
    assert_true(decide(table, &c, 1, 10, T0, NULL));
    for (int i = 0; i < 5000; i++) {
        for (size_t b = 0; b < sizeof(receipt); b++)
            ((unsigned char *)&receipt)[b] = (unsigned char)support_random(&seed);
        receipt.count = (uint32_t)support_below(&seed, 2 * CLIENTID_LIMITS_MAX);
        clientid__limits_refund(table, &receipt, T0);
    }
    assert_int_equal(remaining(table, &c, T0), 0);
    receipt.count = UINT32_MAX;
    clientid__limits_refund(table, &receipt, T0);
    clientid__table_close(table);
}

/* ---- full tables ----------------------------------------------------------------------------- */

/* Charges clients until |table| sends them to the overflow cell; returns the next one. */
static uint64_t fill(struct clientid__table *table, const struct clientid__rule *rule, uint64_t now)
{
    struct clientid__table_state state;
    uint64_t client = 1000;

    do {
        struct clientid__charge c = charge_of(rule, client++);

        decide(table, &c, 1, 1, now, NULL);
        clientid__table_state(table, now, &state);
    } while (state.live[0] < state.cells[0]);
    return client;
}

static void a_full_table_shares_one_budget(void **unused)
{
    (void)unused;
    for (int i = 0; i < 3; i++) {
        struct clientid__table *table = table_of(64);
        struct clientid__rule filler = rule_of(FIXED, 1, 3600000, 9);
        struct clientid__rule rule = rule_of(algorithms[i], 5, 60000, 1);
        struct clientid__table_state before, state;
        uint64_t client = fill(table, &filler, T0);
        clientid_receipt receipt;
        int admitted = 0;

        clientid__table_state(table, T0, &before);
        for (int n = 0; n < 20; n++) {
            struct clientid__charge c = charge_of(&rule, client++);

            admitted += decide(table, &c, 1, 1, T0, n == 0 ? &receipt : NULL);
            assert_int_equal(c.remaining, n < 5 ? 4 - n : 0);
            assert_true(n >= 5 || remaining(table, &c, T0) == (uint64_t)(4 - n));
        }
        assert_int_equal(admitted, 5);
        clientid__table_state(table, T0, &state);
        assert_int_equal(state.overflow_charges[0] - before.overflow_charges[0], 5);
        assert_int_equal(state.overflow_charges[1], 0);
        clientid__limits_refund(table, &receipt, T0);
        {
            struct clientid__charge c = charge_of(&rule, client);

            assert_true(decide(table, &c, 1, 1, T0, NULL));
            assert_false(decide(table, &c, 1, 1, T0, NULL));
        }
        clientid__table_close(table);
    }
}

/* The filler's cells expire, the overflow cell does not: whoever gets a cell now starts with what it had spent. */
static void leaving_the_overflow_cell_opens_no_budget(void **unused)
{
    (void)unused;
    for (int i = 0; i < 3; i++) {
        struct clientid__table *table = table_of(64);
        struct clientid__rule filler = rule_of(FIXED, 1, 10000, 9);
        struct clientid__rule rule = rule_of(algorithms[i], 5, 3600000, 1);
        uint64_t client = fill(table, &filler, T0), later = T0 + 20 * S;
        struct clientid__charge c = charge_of(&rule, client);
        struct clientid__table_state state;

        assert_true(decide(table, &c, 1, 4, T0, NULL));
        assert_int_equal(remaining(table, &c, later), 1);
        assert_true(decide(table, &c, 1, 1, later, NULL));
        assert_false(decide(table, &c, 1, 1, later, NULL));
        clientid__table_state(table, later, &state);
        assert_int_equal(state.live[0], 1); /* it has its own cell now */
        clientid__table_close(table);
    }
}

/* One full bucket does not touch clients of the others. */
static void only_a_full_bucket_shares(void **unused)
{
    struct clientid__table *table = table_of(1024);
    struct clientid__rule rule = rule_of(FIXED, 2, 3600000, 1);
    struct clientid__table_state state = {0};
    struct clientid__charge c = charge_of(&rule, 1);
    uint64_t bucket = c.key[0], tag = c.key[1];

    (void)unused;
    for (uint64_t n = 1; state.overflow_charges[0] < 2; n++) {
        c.key[1] = tag + (n << CLIENTID__TAG_SHIFT);
        assert_true(decide(table, &c, 1, 1, T0, NULL));
        clientid__table_state(table, T0, &state);
    }
    c.key[1] = tag;
    assert_false(decide(table, &c, 1, 1, T0, NULL));
    c.key[0] = bucket ^ 8; /* the bucket beside it */
    assert_true(decide(table, &c, 1, 1, T0, NULL));
    assert_int_equal(c.remaining, 1);
    clientid__table_close(table);
}

/* A refused key without a cell still gets the overflow cell repaired. */
static void a_clock_that_went_back_does_not_stop_the_overflow_cell(void **unused)
{
    struct clientid__table *table = table_of(64);
    struct clientid__rule filler = rule_of(FIXED, 1, UINT64_C(1) << 36, 9);
    struct clientid__rule rule = rule_of(BUCKET, 5, 1000, 1);
    uint64_t client = fill(table, &filler, T0), now = T0 - 3600 * S;
    struct clientid__charge c = charge_of(&rule, client);

    (void)unused;
    assert_true(decide(table, &c, 1, 5, T0, NULL));
    assert_false(decide(table, &c, 1, 1, now, NULL));
    assert_false(decide(table, &c, 1, 1, now + 199 * MS, NULL));
    assert_true(decide(table, &c, 1, 1, now + 200 * MS, NULL));
    clientid__table_close(table);
}

static void more_rules_than_overflow_cells_are_refused(void **unused)
{
    struct clientid__table *table = table_of(64);
    struct clientid__rule filler = rule_of(FIXED, 1, 3600000, 9);
    uint64_t client = fill(table, &filler, T0);
    int refused = 0;

    (void)unused;
    for (uint64_t policy = 100; policy < 3000; policy++) {
        struct clientid__rule rule = rule_of(FIXED, 5, 3600000, policy);
        struct clientid__charge c = charge_of(&rule, client);

        if (decide(table, &c, 1, 1, T0, NULL))
            continue;
        assert_int_equal(c.retry_ns, rule.period_ns);
        refused++;
    }
    assert_true(refused > 1500);
    clientid__table_close(table);
}

static void regions_are_apart(void **unused)
{
    struct clientid__table *table = table_of(64);
    struct clientid__rule filler = rule_of(FIXED, 1, 3600000, 9), rule = rule_of(FIXED, 3, 1000, 1);
    struct clientid__charge c = charge_of(&rule, 1);
    struct clientid__table_state state;

    (void)unused;
    fill(table, &filler, T0);
    c.region = CLIENTID__REGION_KEYS;
    assert_true(decide(table, &c, 1, 1, T0, NULL));
    clientid__table_state(table, T0, &state);
    assert_int_equal(state.live[1], 1);
    assert_int_equal(state.overflow_charges[1], 0);
    clientid__table_prefetch(table, CLIENTID__REGION_KEYS, c.key);
    clientid__table_close(table);
}

/* ---- against a model ------------------------------------------------------------------------- */

enum { CLIENTS = 12 };

/* Many clients, three limits each, refunds; a model that knows nothing of cells. Fixed windows only: exact. */
static void decides_as_counters_would(void **unused)
{
    (void)unused;
    for (uint64_t run = 1; run <= 60; run++) {
        uint64_t seed = run, now = T0, end[CLIENTS][2] = {{0}}, count[CLIENTS][2] = {{0}};
        struct clientid__table *table = table_of(64);
        struct clientid__rule rules[2] = {rule_of(FIXED, 7, 1000, 1), rule_of(FIXED, 20, 5000, 1)};

        for (int step = 0; step < 400; step++) {
            uint64_t client = support_below(&seed, CLIENTS), cost = 1 + support_below(&seed, 3);
            struct clientid__charge charges[2] = {charge_of(&rules[0], client),
                                                  charge_of(&rules[1], client)};
            clientid_receipt receipt;
            bool expected = true, back = support_below(&seed, 4) == 0;

            now += support_below(&seed, 100) * MS;
            for (int k = 0; k < 2; k++) {
                count[client][k] = now < end[client][k] ? count[client][k] : 0;
                expected = expected && count[client][k] + cost <= rules[k].maximum;
            }
            if (decide(table, charges, 2, cost, now, &receipt) != expected)
                fail_msg("seed %d, step %d", (int)run, step);
            if (!expected)
                continue;
            for (int k = 0; k < 2; k++) {
                if (now >= end[client][k])
                    end[client][k] = now + rules[k].period_ns;
                count[client][k] += back ? 0 : cost;
            }
            if (back)
                clientid__limits_refund(table, &receipt, now);
        }
        clientid__table_close(table);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(counts_down_and_refuses),
        cmocka_unit_test(looking_charges_nothing),
        cmocka_unit_test(a_refused_request_charges_nothing),
        cmocka_unit_test(two_limits_in_one_cell_are_undone),
        cmocka_unit_test(costs_and_counts_out_of_range),
        cmocka_unit_test(a_changed_limit_acts_at_once),
        cmocka_unit_test(a_clock_that_went_back_blocks_for_a_period),
        cmocka_unit_test(a_receipt_gives_everything_back),
        cmocka_unit_test(a_sliding_window_gives_back_from_the_one_before),
        cmocka_unit_test(any_receipt_is_harmless),
        cmocka_unit_test(a_full_table_shares_one_budget),
        cmocka_unit_test(leaving_the_overflow_cell_opens_no_budget),
        cmocka_unit_test(only_a_full_bucket_shares),
        cmocka_unit_test(a_clock_that_went_back_does_not_stop_the_overflow_cell),
        cmocka_unit_test(more_rules_than_overflow_cells_are_refused),
        cmocka_unit_test(regions_are_apart),
        cmocka_unit_test(decides_as_counters_would),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
