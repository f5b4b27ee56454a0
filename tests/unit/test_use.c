/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "limit/table.h"
#include "support_random.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define MINUTE UINT64_C(60000000000)

static struct clientid__table *table_of(uint64_t use_cells)
{
    struct clientid__table_options options = {.use_cells = use_cells};
    struct clientid__table *table;

    assert_int_equal(clientid__table_open(&table, &clientid__malloc, &options, NULL), 0);
    return table;
}

static void keeps_the_latest_minute(void **unused)
{
    static const struct {
        const char *name;
        uint64_t now, minute;
    } rows[] = {
        {"first", 100 * MINUTE, 100},
        {"within the minute", 101 * MINUTE - 1, 100},
        {"the next", 101 * MINUTE, 101},
        {"a thread whose clock is behind", 99 * MINUTE, 101},
    };
    struct clientid__table *table = table_of(64);
    uint64_t key[2] = {7, 9}, other[2] = {7, 10};

    (void)unused;
    assert_int_equal(clientid__table_used_minute(table, key), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        print_message("  %s\n", rows[i].name);
        clientid__table_use(table, key, rows[i].now);
        assert_int_equal(clientid__table_used_minute(table, key), rows[i].minute);
    }
    assert_int_equal(clientid__table_used_minute(table, other), 0);
    clientid__table_close(table);
}

static void overwrites_the_oldest_when_full(void **unused)
{
    struct clientid__table *table = table_of(64);
    uint64_t n;

    (void)unused;
    /* One bucket: the same place, other names; the fourth is the oldest. */
    for (n = 1; n <= CLIENTID__USE_ENTRIES; n++)
        clientid__table_use(table, (uint64_t[2]){8, n}, (1000 + (n * 7 + 4) % 32) * MINUTE);
    clientid__table_use(table, (uint64_t[2]){8, 999}, 2000 * MINUTE);
    assert_int_equal(clientid__table_used_minute(table, (uint64_t[2]){8, 999}), 2000);
    for (n = 1; n <= CLIENTID__USE_ENTRIES; n++)
        assert_int_equal(clientid__table_used_minute(table, (uint64_t[2]){8, n}),
                         n == 4 ? 0 : 1000 + (n * 7 + 4) % 32);
    clientid__table_close(table);
}

static void without_cells_nothing_is_kept(void **unused)
{
    struct clientid__table *table = table_of(0);
    uint64_t key[2] = {7, 9};

    (void)unused;
    clientid__table_use(table, key, 100 * MINUTE);
    assert_int_equal(clientid__table_used_minute(table, key), 0);
    clientid__table_close(table);
}

static void keeps_thousands_apart(void **unused)
{
    struct clientid__table *table = table_of(8192);
    uint64_t seed = 1, lost = 0;

    (void)unused;
    for (uint64_t n = 0; n < 4096; n++)
        clientid__table_use(table, (uint64_t[2]){support_random(&seed), support_random(&seed)},
                            (n + 1) * MINUTE);
    seed = 1;
    for (uint64_t n = 0; n < 4096; n++) {
        uint64_t key[2] = {support_random(&seed), support_random(&seed)};
        uint64_t minute = clientid__table_used_minute(table, key);

        assert_true(minute == n + 1 || minute == 0);
        lost += minute == 0;
    }
    assert_true(lost < 41);
    clientid__table_close(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(keeps_the_latest_minute),
        cmocka_unit_test(overwrites_the_oldest_when_full),
        cmocka_unit_test(without_cells_nothing_is_kept),
        cmocka_unit_test(keeps_thousands_apart),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
