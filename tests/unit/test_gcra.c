/* SPDX-License-Identifier: Apache-2.0 */
#include "limit/algorithm.h"
#include "support_random.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define T0 UINT64_C(1700000000000000000)
#define MS UINT64_C(1000000)
#define S  UINT64_C(1000000000)

static struct clientid__rule rule_of(uint64_t maximum, uint64_t period_ms, uint64_t burst)
{
    struct clientid__rule rule;

    assert_int_equal(
        clientid__rule_init(&rule, CLIENTID_TOKEN_BUCKET, maximum, period_ms, burst, 1, NULL), 0);
    return rule;
}

/* Charges |cost| at |now|; true when admitted. */
static bool take(const struct clientid__rule *rule, struct clientid__state *state, uint64_t now,
                 uint64_t cost, struct clientid__outcome *o)
{
    clientid__gcra_take(rule, *state, now, cost, o);
    if (!o->refused || o->repair)
        *state = o->next;
    return !o->refused;
}

static void known_answers(void **unused)
{
    static const struct {
        const char *name;
        uint64_t tat, now, cost; /* after T0 */
        bool refused;
        uint64_t remaining, reset, retry;
    } rows[] = {
        {"absent cell has the whole burst", 0, 0, 1, false, 9, 100 * MS, 0},
        {"all at once", 0, 0, 10, false, 0, 1 * S, 0},
        {"one above the burst is never admitted", 0, 0, 11, true, 10, 0, UINT64_MAX},
        {"cost of nothing tells how it stands", 350 * MS, 0, 0, false, 6, 350 * MS, 0},
        {"half a request of room is none", 950 * MS, 0, 1, true, 0, 950 * MS, 50 * MS},
        {"room for exactly one", 900 * MS, 0, 1, false, 0, 1 * S, 0},
        {"one nanosecond short", 900 * MS + 1, 0, 1, true, 0, 900 * MS + 1, 1},
        {"cost waits until all of it fits", 900 * MS, 0, 5, true, 1, 900 * MS, 400 * MS},
        {"time passed is gone", 100 * MS, 5 * S, 1, false, 9, 100 * MS, 0},
        {"another thread's clock is a little ahead", 1500 * MS, 0, 1, true, 0, 1500 * MS, 600 * MS},
        {"clock went back: blocked for one period at most", 3600 * S, 0, 1, true, 0, 1 * S,
         100 * MS},
    };
    struct clientid__rule rule = rule_of(10, 1000, 0);

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct clientid__state state = {.word = rows[i].tat == 0 ? 0 : T0 + rows[i].tat};
        struct clientid__outcome o;

        print_message("  %s\n", rows[i].name);
        clientid__gcra_take(&rule, state, T0 + rows[i].now, rows[i].cost, &o);
        assert_int_equal(o.refused, rows[i].refused);
        assert_int_equal(o.remaining, rows[i].remaining);
        assert_int_equal(o.reset_ns, rows[i].reset);
        assert_int_equal(o.retry_ns, rows[i].retry);
        assert_int_equal(o.repair, rows[i].tat == 3600 * S);
    }
}

static void step_rounds_to_the_strict_side(void **unused)
{
    struct clientid__rule rule = rule_of(3, 1000, 0);

    (void)unused;
    assert_int_equal(rule.step_ns, 333333334);
    assert_true(rule.burst_ns >= rule.period_ns);
}

/* A request conforms when no interval that ends with it holds more than burst + t / step. */
struct admitted {
    uint64_t time, price;
    bool given_back;
};

static bool conforms(const struct clientid__rule *rule, const struct admitted *list, size_t count,
                     uint64_t time, uint64_t price)
{
    uint64_t sum = price;

    if (sum > rule->burst_ns)
        return false;
    for (size_t i = count; i-- > 0;) {
        sum += list[i].given_back ? 0 : list[i].price;
        if (!list[i].given_back && sum > rule->burst_ns + (time - list[i].time))
            return false;
    }
    return true;
}

static struct clientid__rule random_rule(uint64_t *seed)
{
    uint64_t maximum = 1 + support_below(seed, 20);
    uint64_t period_ms = 1 + support_below(seed, 3) * 997 + support_below(seed, 100);
    uint64_t burst = support_below(seed, 3) == 0 ? 1 + support_below(seed, 30) : 0;

    return rule_of(maximum, period_ms, burst);
}

/* While time only moves on, the cell decides exactly as the definition does. */
static void decides_as_the_definition(void **unused)
{
    (void)unused;
    for (uint64_t run = 1; run <= 300; run++) {
        uint64_t seed = run;
        struct clientid__rule rule = random_rule(&seed);
        struct clientid__state state = {0};
        struct admitted list[200];
        uint64_t now = T0;
        size_t count = 0;

        while (count < 200) {
            uint64_t cost = 1 + (support_below(&seed, 4) == 0 ? support_below(&seed, 5) : 0);
            struct clientid__outcome o;
            uint64_t price = cost * rule.step_ns;
            bool expected, got;

            if (cost > rule.burst)
                continue;
            now += support_below(&seed, 3) * support_below(&seed, rule.step_ns * 2);
            expected = conforms(&rule, list, count, now, price);
            got = take(&rule, &state, now, cost, &o);
            if (got != expected)
                fail_msg("seed %d, after %d admitted: %d", (int)run, (int)count, got);
            if (got)
                list[count++] = (struct admitted){now, price, false};
            else
                now += support_below(&seed, 2) * o.retry_ns;
        }
    }
}

/* With a clock that goes back and jumps ahead: time is what the clock moved ahead, all steps together. */
static void never_more_whatever_the_clock_does(void **unused)
{
    (void)unused;
    for (uint64_t run = 1; run <= 300; run++) {
        uint64_t seed = run;
        struct clientid__rule rule = random_rule(&seed);
        struct clientid__state state = {0};
        struct admitted list[150];
        uint64_t now = T0, elapsed = T0;
        size_t count = 0;

        for (int step = 0; step < 1000 && count < 150; step++) {
            uint64_t move = support_below(&seed, rule.burst_ns * 2);
            struct clientid__outcome o;

            switch (support_below(&seed, 12)) {
            case 0:
                now -= move;
                break;
            case 1:
                now -= move + 2 * CLIENTID__SKEW_NS;
                break;
            case 2:
                now += move;
                elapsed += move;
                break;
            default:
                now += move / 64;
                elapsed += move / 64;
            }
            if (!take(&rule, &state, now, 1, &o)) {
                assert_true(o.retry_ns <= rule.burst_ns + CLIENTID__SKEW_NS);
                continue;
            }
            if (!conforms(&rule, list, count, elapsed, rule.step_ns))
                fail_msg("seed %d, after %d admitted", (int)run, (int)count);
            list[count++] = (struct admitted){elapsed, rule.step_ns, false};
        }
    }
}

static void retry_is_the_first_moment(void **unused)
{
    (void)unused;
    for (uint64_t run = 1; run <= 500; run++) {
        uint64_t seed = run;
        struct clientid__rule rule = random_rule(&seed);
        struct clientid__state state = {.word = T0 + support_below(&seed, rule.burst_ns + 1)};
        uint64_t cost = 1 + support_below(&seed, rule.burst);
        struct clientid__outcome o, later;

        if (take(&rule, &state, T0, cost, &o))
            continue;
        clientid__gcra_take(&rule, state, T0 + o.retry_ns - 1, cost, &later);
        assert_true(later.refused);
        clientid__gcra_take(&rule, state, T0 + o.retry_ns, cost, &later);
        assert_false(later.refused);
    }
}

static void a_changed_maximum_keeps_the_share(void **unused)
{
    struct clientid__rule slow = rule_of(10, 1000, 0), fast = rule_of(1000, 1000, 0);
    struct clientid__state state = {0};
    struct clientid__outcome o;

    (void)unused;
    assert_true(take(&slow, &state, T0, 7, &o));
    clientid__gcra_take(&fast, state, T0, 0, &o);
    assert_int_equal(o.remaining, 300);
    clientid__gcra_take(&slow, state, T0, 0, &o);
    assert_int_equal(o.remaining, 3);
}

/* ---- refund ---------------------------------------------------------------------------------- */

static struct clientid__credit credit_of(const struct clientid__rule *rule,
                                         struct clientid__state charged, uint64_t cost)
{
    struct clientid__credit credit = clientid__gcra_mark(charged);

    credit.step_ns = rule->step_ns;
    credit.cost = cost;
    return credit;
}

static void gives_back_what_lies_ahead(void **unused)
{
    static const struct {
        const char *name;
        uint64_t after_ms, left_ms; /* debt after the refund */
    } rows[] = {
        {"at once: everything", 0, 0},
        {"halfway: the half that lies ahead", 50, 0},
        {"when the slot has passed: nothing", 100, 0},
    };
    struct clientid__rule rule = rule_of(10, 1000, 0);

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct clientid__state state = {0};
        struct clientid__outcome o;
        struct clientid__credit credit;
        uint64_t now = T0 + rows[i].after_ms * MS;

        print_message("  %s\n", rows[i].name);
        take(&rule, &state, T0, 1, &o);
        credit = credit_of(&rule, state, 1);
        assert_int_equal(clientid__gcra_give(&state, &credit, now), rows[i].after_ms < 100);
        clientid__gcra_take(&rule, state, now, 0, &o);
        assert_int_equal(o.reset_ns, rows[i].left_ms * MS);
    }
}

static void many_fail_in_order_and_all_comes_back(void **unused)
{
    struct clientid__rule rule = rule_of(100, 1000, 0);
    struct clientid__state state = {0};
    struct clientid__credit credits[100];
    struct clientid__outcome o;

    (void)unused;
    for (int i = 0; i < 100; i++) {
        assert_true(take(&rule, &state, T0, 1, &o));
        credits[i] = credit_of(&rule, state, 1);
    }
    for (int i = 0; i < 100; i++)
        assert_true(clientid__gcra_give(&state, &credits[i], T0));
    clientid__gcra_take(&rule, state, T0, 0, &o);
    assert_int_equal(o.remaining, 100);
}

/* A and B charge at 0, A is given back; D charges at 100 ms in its own right; B's slot has moved up and passed. */
static void no_time_is_given_back_twice(void **unused)
{
    struct clientid__rule rule = rule_of(10, 1000, 2);
    struct clientid__state state = {0};
    struct clientid__credit a, b;
    struct clientid__outcome o;

    (void)unused;
    take(&rule, &state, T0, 1, &o);
    a = credit_of(&rule, state, 1);
    take(&rule, &state, T0, 1, &o);
    b = credit_of(&rule, state, 1);
    assert_true(clientid__gcra_give(&state, &a, T0));
    assert_true(take(&rule, &state, T0 + 100 * MS, 1, &o));
    assert_false(clientid__gcra_give(&state, &b, T0 + 100 * MS));
    clientid__gcra_take(&rule, state, T0 + 100 * MS, 0, &o);
    assert_int_equal(o.remaining, 1);
}

/* A cell that may still be asked for a refund is not reused, else the count of refunds would start anew. */
static void lives_until_every_slot_has_passed(void **unused)
{
    struct clientid__rule rule = rule_of(10, 1000, 0);
    struct clientid__state state = {0};
    struct clientid__credit first;
    struct clientid__outcome o;

    (void)unused;
    take(&rule, &state, T0, 1, &o);
    first = credit_of(&rule, state, 1);
    take(&rule, &state, T0, 1, &o);
    assert_true(clientid__gcra_give(&state, &first, T0));
    assert_int_equal(state.word, T0 + 100 * MS);
    assert_true(clientid__gcra_expiry_ns(state) >= T0 + 200 * MS);
    assert_true(clientid__gcra_expiry_ns(state) < T0 + 400 * MS);
    clientid__gcra_take(&rule, state, T0 + 200 * MS, 1, &o);
    assert_int_equal(o.next.extra, 0);
}

static void never_more_with_refunds(void **unused)
{
    (void)unused;
    for (uint64_t run = 1; run <= 500; run++) {
        uint64_t seed = run, now = T0;
        struct clientid__rule rule = random_rule(&seed);
        struct clientid__state state = {0};
        struct admitted list[200];
        struct clientid__credit credits[200];
        size_t count = 0;

        for (int step = 0; step < 1500 && count < 200; step++) {
            uint64_t cost = 1 + support_below(&seed, 3);
            size_t which = count > 0 ? count - 1 - support_below(&seed, count < 8 ? count : 8) : 0;
            struct clientid__outcome o;

            now += support_below(&seed, 3) * support_below(&seed, rule.step_ns);
            if (support_below(&seed, 2) == 0 && count > 0 && !list[which].given_back) {
                uint64_t before = state.word;

                list[which].given_back = true;
                clientid__gcra_give(&state, &credits[which], now);
                assert_true(before - state.word <= list[which].price);
                assert_true(state.word == before || state.word >= now);
                continue;
            }
            if (cost > rule.burst || !take(&rule, &state, now, cost, &o))
                continue;
            if (!conforms(&rule, list, count, now, cost * rule.step_ns))
                fail_msg("seed %d, after %d admitted", (int)run, (int)count);
            credits[count] = credit_of(&rule, state, cost);
            list[count++] = (struct admitted){now, cost * rule.step_ns, false};
        }
    }
}

static void refuses_credits_that_cannot_be(void **unused)
{
    static const struct {
        const char *name;
        struct clientid__credit credit;
    } rows[] = {
        {"no step", {.mark = T0 + 50 * MS, .step_ns = 0, .cost = 1}},
        {"no cost", {.mark = T0 + 50 * MS, .step_ns = 100 * MS, .cost = 0}},
        {"end behind the cell's", {.mark = T0 + 101 * MS, .step_ns = 100 * MS, .cost = 1}},
        {"end of time", {.mark = UINT64_MAX, .step_ns = UINT64_MAX, .cost = 1000000}},
        {"from later than the cell", {.mark = T0 + 50 * MS, .step_ns = 1, .cost = 1, .given = 9}},
        {"more than can be counted", {.mark = T0 + 50 * MS, .step_ns = 1, .cost = 70000}},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct clientid__state state = {.word = T0 + 100 * MS, .extra = 0};

        print_message("  %s\n", rows[i].name);
        assert_false(clientid__gcra_give(&state, &rows[i].credit, T0));
        assert_int_equal(state.word, T0 + 100 * MS);
    }
}

static void survives_any_bits(void **unused)
{
    uint64_t seed = 7;

    (void)unused;
    for (int i = 0; i < 20000; i++) {
        struct clientid__rule rule = random_rule(&seed);
        struct clientid__state state = {.word = support_random(&seed) >> support_below(&seed, 64),
                                        .extra = (uint32_t)support_below(&seed, 1U << 22)};
        struct clientid__credit credit = {.mark = support_random(&seed) >> support_below(&seed, 64),
                                          .step_ns =
                                              support_random(&seed) >> support_below(&seed, 64),
                                          .cost = support_random(&seed) >> 44,
                                          .given = (uint32_t)support_below(&seed, 1U << 24)};
        struct clientid__outcome o;

        clientid__gcra_take(&rule, state, T0, 1 + support_below(&seed, 3), &o);
        assert_true(o.remaining <= rule.burst);
        assert_true(!o.refused || o.retry_ns != 0);
        assert_true(o.reset_ns <= rule.burst_ns + CLIENTID__SKEW_NS);
        clientid__gcra_give(&state, &credit, T0);
        assert_true(state.extra <= CLIENTID__EXTRA_MAX);
        (void)clientid__gcra_expiry_ns(state);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(known_answers),
        cmocka_unit_test(step_rounds_to_the_strict_side),
        cmocka_unit_test(decides_as_the_definition),
        cmocka_unit_test(never_more_whatever_the_clock_does),
        cmocka_unit_test(retry_is_the_first_moment),
        cmocka_unit_test(a_changed_maximum_keeps_the_share),
        cmocka_unit_test(gives_back_what_lies_ahead),
        cmocka_unit_test(many_fail_in_order_and_all_comes_back),
        cmocka_unit_test(no_time_is_given_back_twice),
        cmocka_unit_test(lives_until_every_slot_has_passed),
        cmocka_unit_test(never_more_with_refunds),
        cmocka_unit_test(refuses_credits_that_cannot_be),
        cmocka_unit_test(survives_any_bits),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
