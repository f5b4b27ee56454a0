/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A decision that is interrupted by another one of the same key before each of its accesses to a cell in turn.  bucket.c
 * and decide.c are compiled here with the hook that does it.
 */
static void step(void);
#define CLIENTID__STEP(cell, swap) step()
#include "limit/bucket.c"
#include "limit/decide.c"

#include "base/mem.h"
#include "support_random.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define S      UINT64_C(1000000000)
#define T0     (UINT64_C(1700000000) * S)
#define DAY_MS 86400000
#define FIXED  CLIENTID_FIXED_WINDOW

/* What happens when. */
static struct {
    uint64_t steps, at;
    void (*interrupt)(void);
} plan;

static void step(void)
{
    void (*interrupt)(void) = plan.interrupt;

    if (interrupt == NULL || ++plan.steps != plan.at)
        return;
    plan.interrupt = NULL; /* not interrupted itself */
    interrupt();
}

/* The case under test. */
static struct {
    struct clientid__table *table;
    struct clientid__rule rules[2];
    clientid_receipt receipt;
    bool outer, inner;
} now;

static struct clientid__charge charge_of(const struct clientid__rule *rule, uint64_t client)
{
    struct clientid__charge c = {.rule = rule};
    uint64_t seed = client, identity[2];

    identity[0] = support_random(&seed);
    identity[1] = support_random(&seed);
    clientid__charge_key(&c, identity);
    return c;
}

static bool spend(uint64_t client, size_t limits, uint64_t cost, uint64_t time,
                  clientid_receipt *receipt)
{
    struct clientid__charge charges[2] = {charge_of(&now.rules[0], client),
                                          charge_of(&now.rules[1], client)};

    return clientid__limits_decide(now.table, charges, limits, cost, time, false, receipt);
}

static uint64_t remaining(const struct clientid__rule *rule, uint64_t client, uint64_t time)
{
    struct clientid__charge c = charge_of(rule, client);

    clientid__limits_decide(now.table, &c, 1, 1, time, true, NULL);
    return c.remaining;
}

static uint64_t left_in_overflow_cell(uint64_t time)
{
    struct attempt a = {.place = clientid__overflow_place(now.table, &now.rules[0])};

    find_state(&a);
    clientid__take(&now.rules[0], a.state, time, 0, &a.outcome);
    return a.outcome.remaining;
}

static void begin(clientid_algorithm algorithm, uint64_t maximum, uint64_t second)
{
    struct clientid__table_options options = {.cells = 64};

    assert_int_equal(clientid__table_open(&now.table, &clientid__malloc, &options, NULL), 0);
    assert_int_equal(clientid__rule_init(&now.rules[0], algorithm, maximum, DAY_MS, 0, 1, NULL), 0);
    assert_int_equal(clientid__rule_init(&now.rules[1], FIXED, second, DAY_MS, 0, 2, NULL), 0);
    now.outer = now.inner = false;
}

/* Every cell is live until T0 + 10 s. */
static void fill(void)
{
    struct clientid__rule filler;
    struct clientid__table_state state;
    uint64_t client = 1000;

    assert_int_equal(clientid__rule_init(&filler, FIXED, 1, 10000, 0, 9, NULL), 0);
    do {
        struct clientid__charge c = charge_of(&filler, client++);

        clientid__limits_decide(now.table, &c, 1, 1, T0, false, NULL);
        clientid__table_state(now.table, T0, &state);
    } while (state.live[0] < state.cells[0]);
}

/* Runs |outer| with |inner| before its |n|th access; false when it has fewer. */
static bool interrupted(uint64_t n, void (*outer)(void), void (*inner)(void))
{
    bool reached;

    plan.steps = 0;
    plan.at = n;
    plan.interrupt = inner;
    outer();
    reached = plan.interrupt == NULL;
    plan.interrupt = NULL;
    return reached;
}

static void spend_3(void)
{
    now.outer = spend(1, 1, 3, T0, &now.receipt);
}

static void spend_3_later(void)
{
    now.inner = spend(1, 1, 3, T0 + 20 * S, NULL);
}

/* The first goes to the overflow cell; meanwhile cells expire and the second gets one of its own. */
static void a_budget_is_not_split_between_overflow_and_cell(void **unused)
{
    static const clientid_algorithm algorithms[] = {FIXED, CLIENTID_SLIDING_WINDOW,
                                                    CLIENTID_TOKEN_BUCKET};
    bool reached = true;

    (void)unused;
    for (int i = 0; i < 3; i++, reached = true) {
        for (uint64_t n = 1; reached; n++) {
            begin(algorithms[i], 5, 1);
            fill();
            reached = interrupted(n, spend_3, spend_3_later);
            if (now.outer && now.inner)
                fail_msg("algorithm %d, access %d: both admitted", (int)algorithms[i], (int)n);
            assert_true(now.outer || now.inner);
            assert_int_equal(left_in_overflow_cell(T0 + 20 * S), now.outer ? 2 : 5);
            assert_true(remaining(&now.rules[0], 1, T0 + 20 * S) <= 2);
            clientid__table_close(now.table);
            assert_true(n < 2000);
        }
    }
}

static void spend_3_again(void)
{
    now.inner = spend(1, 1, 3, T0, NULL);
}

static void a_new_key_is_not_admitted_twice(void **unused)
{
    bool reached = true;

    (void)unused;
    for (uint64_t n = 1; reached; n++) {
        begin(FIXED, 5, 1);
        reached = interrupted(n, spend_3, spend_3_again);
        assert_int_equal(now.outer + now.inner, reached ? 1 : now.outer);
        assert_int_equal(remaining(&now.rules[0], 1, T0), 2);
        clientid__table_close(now.table);
    }
}

static void spend_both(void)
{
    now.outer = spend(1, 2, 1, T0, &now.receipt);
}

static void spend_the_second(void)
{
    struct clientid__charge c = charge_of(&now.rules[1], 1);

    now.inner = clientid__limits_decide(now.table, &c, 1, 1, T0, false, NULL);
}

/* The last limit is spent by another between look and charge: the first gets back what it gave. */
static void what_came_before_a_late_refusal_is_undone(void **unused)
{
    static const clientid_algorithm algorithms[] = {FIXED, CLIENTID_SLIDING_WINDOW,
                                                    CLIENTID_TOKEN_BUCKET};
    bool reached = true, undone = false;

    (void)unused;
    for (int i = 0; i < 3; i++, reached = true) {
        for (uint64_t n = 1; reached; n++) {
            begin(algorithms[i], 5, 1);
            reached = interrupted(n, spend_both, spend_the_second);
            assert_int_equal(now.outer + now.inner, 1);
            assert_int_equal(remaining(&now.rules[0], 1, T0), now.outer ? 4 : 5);
            assert_int_equal(now.receipt.count, now.outer ? 2 : 0);
            undone = undone || !now.outer;
            clientid__table_close(now.table);
        }
    }
    assert_true(undone);
}

static void return_it(void)
{
    clientid__limits_refund(now.table, &now.receipt, T0);
}

static void refund_and_charge_lose_nothing(void **unused)
{
    static const clientid_algorithm algorithms[] = {FIXED, CLIENTID_SLIDING_WINDOW,
                                                    CLIENTID_TOKEN_BUCKET};
    bool reached = true;

    (void)unused;
    for (int i = 0; i < 3; i++, reached = true) {
        for (uint64_t n = 1; reached; n++) {
            begin(algorithms[i], 10, 1);
            assert_true(spend(1, 1, 2, T0, &now.receipt));
            reached = interrupted(n, return_it, spend_3_again);
            assert_int_equal(remaining(&now.rules[0], 1, T0), reached ? 7 : 10);
            clientid__table_close(now.table);
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_budget_is_not_split_between_overflow_and_cell),
        cmocka_unit_test(a_new_key_is_not_admitted_twice),
        cmocka_unit_test(what_came_before_a_late_refusal_is_undone),
        cmocka_unit_test(refund_and_charge_lose_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
