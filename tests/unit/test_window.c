/* SPDX-License-Identifier: Apache-2.0 */
#include "limit/algorithm.h"
#include "support_random.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define T0    UINT64_C(1700000000000000000)
#define T0_MS (T0 / MS)
#define MS    UINT64_C(1000000)
#define S     UINT64_C(1000000000)

static struct clientid__rule rule_of(uint64_t maximum, uint64_t period_ms)
{
    struct clientid__rule rule;

    assert_int_equal(
        clientid__rule_init(&rule, CLIENTID_FIXED_WINDOW, maximum, period_ms, 0, 1, NULL), 0);
    return rule;
}

static struct clientid__state state_of(uint64_t end_ms, uint64_t count)
{
    return (struct clientid__state){.word = end_ms << 22 | (count & 0x3fffff),
                                    .extra = (uint32_t)(count >> 22)};
}

static bool take(const struct clientid__rule *rule, struct clientid__state *state, uint64_t now,
                 uint64_t cost, struct clientid__outcome *o)
{
    clientid__window_take(rule, *state, now, cost, o);
    if (!o->refused || o->repair)
        *state = o->next;
    return !o->refused;
}

static void known_answers(void **unused)
{
    static const struct {
        const char *name;
        uint64_t end_ms, count; /* of the cell, after T0 */
        uint64_t now, cost;     /* after T0, ns */
        bool refused;
        uint64_t remaining, reset, retry;
    } rows[] = {
        {"window begins with the first request", 0, 0, 0, 1, false, 9, 1 * S, 0},
        {"nothing begins by looking", 0, 0, 0, 0, false, 10, 0, 0},
        {"last one", 400, 9, 0, 1, false, 0, 400 * MS, 0},
        {"one too many", 400, 10, 0, 1, true, 0, 400 * MS, 400 * MS},
        {"cost does not fit what is left", 400, 8, 0, 3, true, 2, 400 * MS, 400 * MS},
        {"cost above the maximum never fits", 400, 0, 0, 11, true, 10, 400 * MS, UINT64_MAX},
        {"a nanosecond before the end", 400, 10, 400 * MS - 1, 1, true, 0, 1, 1},
        {"at the end a new one", 400, 10, 400 * MS, 1, false, 9, 1 * S, 0},
        {"between milliseconds it ends late, not early", 0, 0, 1, 1, false, 9, 1001 * MS - 1, 0},
        {"count above a lowered maximum", 400, 50, 0, 1, true, 0, 400 * MS, 400 * MS},
        {"another thread's clock is a little ahead", 1500, 10, 0, 1, true, 0, 1500 * MS, 1500 * MS},
        {"clock went back: one period at most", 3600000, 10, 0, 1, true, 0, 1 * S, 1 * S},
        {"clock went back: the count stays", 3600000, 4, 0, 1, false, 5, 1 * S, 0},
    };
    struct clientid__rule rule = rule_of(10, 1000);

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct clientid__state state = {0};
        struct clientid__outcome o;

        print_message("  %s\n", rows[i].name);
        if (rows[i].end_ms != 0)
            state = state_of(T0_MS + rows[i].end_ms, rows[i].count);
        clientid__window_take(&rule, state, T0 + rows[i].now, rows[i].cost, &o);
        assert_int_equal(o.refused, rows[i].refused);
        assert_int_equal(o.remaining, rows[i].remaining);
        assert_int_equal(o.reset_ns, rows[i].reset);
        assert_int_equal(o.retry_ns, rows[i].retry);
        assert_int_equal(o.repair, rows[i].end_ms == 3600000);
    }
}

static void counts_beyond_22_bits(void **unused)
{
    struct clientid__rule rule = rule_of(CLIENTID__WINDOW_MAX, UINT64_C(1) << 36);
    struct clientid__state state = state_of(T0_MS + 1000, CLIENTID__WINDOW_MAX - 1);
    struct clientid__outcome o;

    (void)unused;
    assert_true(take(&rule, &state, T0, 1, &o));
    assert_int_equal(o.remaining, 0);
    assert_true(state.extra != CLIENTID__EXTRA_MAX); /* or it would look like a virgin cell */
    assert_false(take(&rule, &state, T0, 1, &o));
    state = state_of(T0_MS + 1000, (1 << 22) - 1);
    assert_true(take(&rule, &state, T0, 1, &o));
    assert_int_equal(o.remaining, CLIENTID__WINDOW_MAX - (1 << 22));
}

/* While time moves on, the cell decides as a list of windows does; costs and jumps at random. */
static void decides_as_the_definition(void **unused)
{
    (void)unused;
    for (uint64_t run = 1; run <= 300; run++) {
        uint64_t seed = run, now = T0, end = 0, count = 0;
        uint64_t maximum = 1 + support_below(&seed, 30);
        uint64_t period_ms = 1 + support_below(&seed, 1000);
        struct clientid__rule rule = rule_of(maximum, period_ms);
        struct clientid__state state = {0};

        for (int step = 0; step < 300; step++) {
            uint64_t cost = 1 + (support_below(&seed, 4) == 0 ? support_below(&seed, maximum) : 0);
            struct clientid__outcome o;
            bool expected;

            now += support_below(&seed, 2) * support_below(&seed, period_ms * MS / 4 + 1);
            now += support_below(&seed, 50) == 0 ? support_below(&seed, 10) * period_ms * MS : 0;
            if (now >= end)
                count = 0;
            expected = count + cost <= maximum;
            if (expected && count == 0 && now >= end)
                end = (now + period_ms * MS + MS - 1) / MS * MS;
            count += expected ? cost : 0;
            if (take(&rule, &state, now, cost, &o) != expected || o.remaining != maximum - count)
                fail_msg("seed %d, step %d", (int)run, step);
        }
    }
}

/* Whatever the clock does: no period of time that moved on holds more than two windows' counts, and a client waits
 * for no longer than a period. */
static void never_more_whatever_the_clock_does(void **unused)
{
    (void)unused;
    for (uint64_t run = 1; run <= 300; run++) {
        uint64_t seed = run, now = T0, elapsed = 0, first = 0, count = 0;
        uint64_t maximum = 1 + support_below(&seed, 10);
        uint64_t period = (1 + support_below(&seed, 2000)) * MS;
        struct clientid__rule rule = rule_of(maximum, period / MS);
        struct clientid__state state = {0};

        for (int step = 0; step < 2000; step++) {
            uint64_t move = support_below(&seed, period / 8);
            struct clientid__outcome o;

            if (support_below(&seed, 30) == 0) {
                now -= support_below(&seed, 3) * (2 * S + move);
            } else {
                now += move;
                elapsed += move;
            }
            if (!take(&rule, &state, now, 1, &o)) {
                assert_true(o.retry_ns <= period + MS + CLIENTID__SKEW_NS);
                continue;
            }
            if (count == 0 || elapsed - first >= period) {
                first = elapsed;
                count = 0;
            }
            if (++count > maximum)
                fail_msg("seed %d, step %d", (int)run, step);
        }
    }
}

static void gives_back_within_the_window_only(void **unused)
{
    static const struct {
        const char *name;
        uint64_t end_ms, count, mark, cost, now_ms;
        bool given;
        uint64_t left;
    } rows[] = {
        {"same window", 1000, 5, 1000, 2, 0, true, 3},
        {"another window", 1000, 5, 999, 2, 0, false, 5},
        {"window has ended", 1000, 5, 1000, 2, 1000, false, 5},
        {"never below zero", 1000, 1, 1000, 2, 0, true, 0},
        {"no window", 0, 0, 1000, 2, 0, false, 0},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct clientid__state state = state_of(T0_MS + rows[i].end_ms, rows[i].count);
        struct clientid__credit credit = {.mark = T0_MS + rows[i].mark, .cost = rows[i].cost};

        print_message("  %s\n", rows[i].name);
        assert_int_equal(clientid__window_give(&state, &credit, T0 + rows[i].now_ms * MS),
                         rows[i].given);
        assert_int_equal(state.word & 0x3fffff, rows[i].left);
    }
}

static void survives_any_bits(void **unused)
{
    uint64_t seed = 7;

    (void)unused;
    for (int i = 0; i < 20000; i++) {
        struct clientid__rule rule =
            rule_of(1 + support_below(&seed, 99), 1 + support_below(&seed, 5000));
        struct clientid__state state = {.word = support_random(&seed) >> support_below(&seed, 64),
                                        .extra = (uint32_t)support_below(&seed, 1U << 22)};
        struct clientid__credit credit = {.mark = state.word >> 22, .cost = support_random(&seed)};
        struct clientid__outcome o;

        clientid__window_take(&rule, state, T0, 1 + support_below(&seed, 3), &o);
        assert_true(o.remaining <= rule.maximum);
        assert_true(!o.refused || o.retry_ns != 0);
        assert_true(o.reset_ns <= rule.period_ns + MS + CLIENTID__SKEW_NS);
        clientid__window_give(&state, &credit, T0);
        assert_true(state.extra <= CLIENTID__EXTRA_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(counts_beyond_22_bits),
        cmocka_unit_test(decides_as_the_definition),
        cmocka_unit_test(never_more_whatever_the_clock_does),
        cmocka_unit_test(gives_back_within_the_window_only),
        cmocka_unit_test(survives_any_bits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
