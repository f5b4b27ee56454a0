/* SPDX-License-Identifier: Apache-2.0 */
#include "limit/algorithm.h"
#include "support_random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define MS    UINT64_C(1000000)
#define S     UINT64_C(1000000000)
#define T0    (UINT64_C(1700000000) * S) /* a multiple of the periods below */
#define T0_MS (T0 / MS)

static struct clientid__rule rule_of(uint64_t maximum, uint64_t period_ms)
{
    struct clientid__rule rule;

    assert_int_equal(
        clientid__rule_init(&rule, CLIENTID_SLIDING_WINDOW, maximum, period_ms, 0, 1, NULL), 0);
    return rule;
}

/* A cell whose current window begins at |start_ms|; periods of a second. */
static struct clientid__state state_of(uint64_t start_ms, uint64_t previous, uint64_t current)
{
    return (struct clientid__state){.word = (start_ms + 2000) << 22 | current,
                                    .extra = (uint32_t)previous};
}

static bool take(const struct clientid__rule *rule, struct clientid__state *state, uint64_t now,
                 uint64_t cost, struct clientid__outcome *o)
{
    clientid__sliding_take(rule, *state, now, cost, o);
    if (!o->refused || o->repair)
        *state = o->next;
    return !o->refused;
}

static void known_answers(void **unused)
{
    static const struct {
        const char *name;
        uint64_t start_ms; /* of the current window, after T0 - 10 s; 0: absent */
        uint64_t previous, current;
        uint64_t now_ms, cost; /* after T0 */
        bool refused;
        uint64_t remaining, reset_ms, retry_ms;
    } rows[] = {
        {"absent", 0, 0, 0, 0, 1, false, 9, 2000, 0},
        {"absent, only looking", 0, 0, 0, 0, 0, false, 10, 0, 0},
        {"a quarter in, three quarters of the last window count", 10000, 8, 0, 250, 1, false, 3,
         1750, 0},
        {"rounded up: 8 x 0.749 is 6", 10000, 8, 0, 251, 4, false, 0, 1749, 0},
        {"the last window counts whole at the start", 10000, 10, 0, 0, 1, true, 0, 1000, 100},
        {"waits until the last window has moved far enough", 10000, 10, 3, 500, 3, true, 2, 1500,
         100},
        {"current window full: into the next", 10000, 0, 10, 400, 1, true, 0, 1600, 700},
        {"all of it: when the current has left", 10000, 0, 10, 400, 10, true, 0, 1600, 1600},
        {"above the maximum never", 10000, 0, 0, 0, 11, true, 10, 0, UINT64_MAX},
        {"the current one becomes the last", 9000, 3, 8, 500, 6, false, 0, 1500, 0},
        {"two periods later all is gone", 8000, 10, 10, 0, 10, false, 0, 2000, 0},
        {"maximum was lowered", 10000, 90, 90, 0, 1, true, 0, 2000, 1900},
        {"a clock a little ahead: as at the start of its window", 10000, 8, 0, -500, 3, true, 2,
         1500, 625},
        {"clock went back: all counts as of now", 3600000, 4, 4, 0, 3, true, 2, 2000, 1125},
        {"clock went back: no more than the maximum", 3600000, 9, 9, 0, 1, true, 0, 2000, 1100},
    };
    struct clientid__rule rule = rule_of(10, 1000);

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct clientid__state state = {0};
        struct clientid__outcome o;

        print_message("  %s\n", rows[i].name);
        if (rows[i].start_ms != 0)
            state = state_of(T0_MS - 10000 + rows[i].start_ms, rows[i].previous, rows[i].current);
        clientid__sliding_take(&rule, state, T0 + rows[i].now_ms * MS, rows[i].cost, &o);
        assert_int_equal(o.refused, rows[i].refused);
        assert_int_equal(o.remaining, rows[i].remaining);
        assert_int_equal(o.reset_ns, rows[i].reset_ms * MS);
        assert_int_equal(o.retry_ns,
                         rows[i].retry_ms == UINT64_MAX ? UINT64_MAX : rows[i].retry_ms * MS);
        assert_int_equal(o.repair, rows[i].start_ms == 3600000);
    }
}

/* The definition in exact fractions, from a list of all charges. */
static void decides_as_the_definition(void **unused)
{
    (void)unused;
    for (uint64_t run = 1; run <= 300; run++) {
        uint64_t seed = run, now = T0;
        uint64_t maximum = 1 + support_below(&seed, 30);
        uint64_t period_ms = 1 + support_below(&seed, 1000);
        struct clientid__rule rule = rule_of(maximum, period_ms);
        struct clientid__state state = {0};
        uint64_t times[400], costs[400];
        size_t count = 0;

        for (int step = 0; step < 400; step++) {
            uint64_t cost = 1 + (support_below(&seed, 4) == 0 ? support_below(&seed, maximum) : 0);
            uint64_t window, into_ms, previous = 0, current = 0;
            struct clientid__outcome o;
            bool expected;

            now += support_below(&seed, 3) * support_below(&seed, period_ms * MS / 4 + 1);
            window = now / MS / period_ms;
            into_ms = now / MS % period_ms;
            for (size_t i = 0; i < count; i++) {
                previous += times[i] / period_ms + 1 == window ? costs[i] : 0;
                current += times[i] / period_ms == window ? costs[i] : 0;
            }
            expected = previous * (period_ms - into_ms) + (current + cost) * period_ms <=
                       maximum * period_ms;
            if (take(&rule, &state, now, cost, &o) != expected)
                fail_msg("seed %d, step %d", (int)run, step);
            if (expected) {
                times[count] = now / MS;
                costs[count++] = cost;
            }
        }
    }
}

static void retry_is_the_first_millisecond(void **unused)
{
    (void)unused;
    for (uint64_t run = 1; run <= 2000; run++) {
        uint64_t seed = run;
        uint64_t now = T0 + support_below(&seed, S), cost = 1 + support_below(&seed, 20);
        struct clientid__rule rule = rule_of(20, 1000);
        struct clientid__state state =
            state_of(T0_MS, support_below(&seed, 21), support_below(&seed, 21));
        struct clientid__outcome o, later;

        clientid__sliding_take(&rule, state, now, cost, &o);
        if (!o.refused)
            continue;
        clientid__sliding_take(&rule, state, now + o.retry_ns - 1, cost, &later);
        if (!later.refused)
            fail_msg("seed %d: too late", (int)run);
        clientid__sliding_take(&rule, state, now + o.retry_ns, cost, &later);
        if (later.refused)
            fail_msg("seed %d: too early", (int)run);
    }
}

/* Whatever the clock does, two windows of time that moved on never hold more than three maxima. */
static void never_more_whatever_the_clock_does(void **unused)
{
    (void)unused;
    for (uint64_t run = 1; run <= 300; run++) {
        uint64_t seed = run, now = T0, elapsed = 0;
        uint64_t maximum = 1 + support_below(&seed, 10),
                 period = (1 + support_below(&seed, 2000)) * MS;
        struct clientid__rule rule = rule_of(maximum, period / MS);
        struct clientid__state state = {0};
        uint64_t times[3000];
        size_t count = 0;

        for (int step = 0; step < 3000; step++) {
            uint64_t move = support_below(&seed, period / 8);
            struct clientid__outcome o;

            if (support_below(&seed, 30) == 0) {
                now -= support_below(&seed, 3) * (2 * S + move);
            } else {
                now += move;
                elapsed += move;
            }
            if (!take(&rule, &state, now, 1, &o)) {
                assert_true(o.retry_ns <= 2 * period + CLIENTID__SKEW_NS);
                continue;
            }
            times[count++] = elapsed;
            if (count > 2 * maximum && elapsed - times[count - 1 - 2 * maximum] < period)
                fail_msg("seed %d, step %d", (int)run, step);
        }
    }
}

static void gives_back_while_it_counts(void **unused)
{
    static const struct {
        const char *name;
        uint64_t mark_ms; /* start of the window charged, after T0 */
        uint64_t now_ms, cost;
        bool given;
        uint64_t previous, current;
    } rows[] = {
        {"charged in this window", 0, 100, 2, true, 4, 3},
        {"charged in the one before", -1000, 100, 2, true, 2, 5},
        {"before that", -2000, 100, 2, false, 4, 5},
        {"of a later window", 1000, 100, 2, false, 4, 5},
        {"all has passed", 0, 2000, 2, false, 4, 5},
        {"never below zero", 0, 100, 9, true, 4, 0},
        {"never below zero in the one before", -1000, 100, 9, true, 0, 5},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct clientid__state state = state_of(T0_MS, 4, 5);
        struct clientid__credit credit = {
            .mark = T0_MS + rows[i].mark_ms + 2000, .step_ns = S, .cost = rows[i].cost};

        print_message("  %s\n", rows[i].name);
        assert_int_equal(clientid__sliding_give(&state, &credit, T0 + rows[i].now_ms * MS),
                         rows[i].given);
        assert_int_equal(state.extra, rows[i].previous);
        assert_int_equal(state.word & 0x3fffff, rows[i].current);
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
        struct clientid__credit credit = {.mark = state.word >> 22,
                                          .step_ns = support_random(&seed),
                                          .cost = support_random(&seed)};
        uint64_t now = support_below(&seed, 2) == 0 ? T0 : support_below(&seed, 10 * S);
        struct clientid__outcome o;

        clientid__sliding_take(&rule, state, now, 1 + support_below(&seed, 3), &o);
        assert_true(o.remaining <= rule.maximum);
        assert_true(!o.refused || o.retry_ns != 0);
        clientid__sliding_give(&state, &credit, T0);
        assert_true(state.extra <= CLIENTID__EXTRA_MAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(decides_as_the_definition),
        cmocka_unit_test(retry_is_the_first_millisecond),
        cmocka_unit_test(never_more_whatever_the_clock_does),
        cmocka_unit_test(gives_back_while_it_counts),
        cmocka_unit_test(survives_any_bits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
