/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "limit/table.h"
#include "support_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define S  UINT64_C(1000000000)
#define T0 (UINT64_C(1700000000) * S)

static struct clientid__table *table_of(uint64_t cells, uint64_t key_cells, uint64_t use_cells)
{
    struct clientid__table_options options = {
        .cells = cells, .key_cells = key_cells, .use_cells = use_cells};
    struct clientid__table *table;

    assert_int_equal(clientid__table_open(&table, &clientid__malloc, &options, NULL), 0);
    return table;
}

static void sizes_round_up_to_powers_of_two(void **unused)
{
    static const struct {
        const char *name;
        uint64_t asked, entries;
    } rows[] = {
        {"least", 1, 64},
        {"a power", 4096, 4096},
        {"one more", 4097, 8192},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct clientid__table *table = table_of(rows[i].asked, rows[i].asked, rows[i].asked);
        struct clientid__table_state state;

        print_message("  %s\n", rows[i].name);
        clientid__table_state(table, T0, &state);
        for (int region = 0; region < 2; region++) {
            assert_int_equal(state.cells[region], rows[i].entries / 32 * 30);
            assert_int_equal(state.live[region], 0);
        }
        assert_true(state.bytes >= 3 * rows[i].entries * 16);
        clientid__table_close(table);
    }
}

static void refuses_what_no_machine_has(void **unused)
{
    static const struct clientid__table_options rows[] = {
        {.cells = UINT64_MAX}, {.key_cells = UINT64_MAX}, {.use_cells = (UINT64_C(1) << 35) + 1}};

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct clientid__table *table;
        clientid_error error;

        assert_int_equal(clientid__table_open(&table, &clientid__malloc, &rows[i], &error),
                         CLIENTID_ERR_ARG);
        assert_non_null(strstr(error.text, "cells"));
        assert_null(table);
    }
}

static void every_allocation_can_fail(void **unused)
{
    struct clientid__table_options options = {.cells = 1000};

    (void)unused;
    for (size_t fail_at = 1;; fail_at++) {
        struct clientid__table *table;
        struct support_alloc alloc;
        clientid_error error;
        int rv;

        support_alloc_init(&alloc);
        alloc.fail_at = fail_at;
        rv = clientid__table_open(&table, &alloc.allocator, &options, &error);
        if (rv == 0) {
            clientid__table_close(table);
            assert_int_equal(alloc.live, 0);
            assert_true(fail_at > 2);
            break;
        }
        assert_int_equal(rv, CLIENTID_ERR_NOMEM);
        assert_null(table);
        assert_int_equal(alloc.live, 0);
    }
    clientid__table_close(NULL);
}

static void large_tables_use_whole_huge_pages(void **unused)
{
    struct clientid__table *table = table_of(1 << 19, 64, 0);

    (void)unused;
    assert_int_equal((uintptr_t)table->header % (2 << 20), 0);
    assert_int_equal((uintptr_t)table->region[0].cells % 512, 0);
    clientid__table_close(table);
    table = table_of(64, 64, 64);
    for (int i = 0; i < CLIENTID__REGION_COUNT; i++)
        assert_int_equal((uintptr_t)table->region[i].cells % 512, 0);
    clientid__table_close(table);
}

static void seeds_differ(void **unused)
{
    struct clientid__table *one = table_of(64, 64, 0), *two = table_of(64, 64, 0);

    (void)unused;
    assert_int_equal(clientid__table_seed(one), clientid__table_seed(one));
    assert_true(clientid__table_seed(one) != clientid__table_seed(two));
    clientid__table_close(one);
    clientid__table_close(two);
}

static void remembers_how_far_the_source_was_seen(void **unused)
{
    static const struct {
        const char *name;
        bool set;
        uint64_t identity, revision, seen_identity, seen_revision;
    } rows[] = {
        {"first", false, 1, 10, 1, 10},
        {"forward", false, 1, 11, 1, 11},
        {"not back", false, 1, 5, 1, 11},
        {"the same again", false, 1, 11, 1, 11},
        {"over to another source", false, 2, 3, 2, 3},
        {"forced back", true, 2, 1, 2, 1},
        {"forward from there", false, 2, 2, 2, 2},
    };
    struct clientid__table *table = table_of(64, 64, 0);
    uint64_t identity, revision;

    (void)unused;
    clientid__table_seen(table, &identity, &revision);
    assert_int_equal(identity | revision, 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        print_message("  %s\n", rows[i].name);
        if (rows[i].set)
            clientid__table_set_seen(table, rows[i].identity, rows[i].revision);
        else
            clientid__table_see(table, rows[i].identity, rows[i].revision);
        clientid__table_seen(table, &identity, &revision);
        assert_int_equal(identity, rows[i].seen_identity);
        assert_int_equal(revision, rows[i].seen_revision);
    }
    clientid__table_close(table);
}

static void counts_live_cells(void **unused)
{
    struct clientid__table *table = table_of(64, 64, 0);
    struct clientid__table_state state;
    struct clientid__rule rule;
    struct clientid__charge c = {.rule = &rule};
    uint64_t identity[2] = {1, 1};

    (void)unused;
    assert_int_equal(clientid__rule_init(&rule, CLIENTID_FIXED_WINDOW, 5, 1000, 0, 1, NULL), 0);
    clientid__charge_key(&c, identity);
    assert_true(clientid__limits_decide(table, &c, 1, 1, T0, false, NULL));
    clientid__table_state(table, T0 + S - 1, &state);
    assert_int_equal(state.live[0], 1);
    clientid__table_state(table, T0 + S, &state);
    assert_int_equal(state.live[0], 0);
    clientid__table_close(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sizes_round_up_to_powers_of_two),
        cmocka_unit_test(refuses_what_no_machine_has),
        cmocka_unit_test(every_allocation_can_fail),
        cmocka_unit_test(large_tables_use_whole_huge_pages),
        cmocka_unit_test(seeds_differ),
        cmocka_unit_test(remembers_how_far_the_source_was_seen),
        cmocka_unit_test(counts_live_cells),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
