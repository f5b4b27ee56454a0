/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A reset that is interrupted, before each of its accesses to a cell in turn, by charges of the same key, and by other
 * keys that take over all cells.  bucket.c, decide.c and repair.c are compiled here with the hook that does it.
 */
static void step(void);
#define CLIENTID__STEP(cell, swap) step()
#include "limit/bucket.c"
#include "limit/decide.c"
#include "limit/repair.c"

#include "base/mem.h"
#include "support_random.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define S       UINT64_C(1000000000)
#define T0      (UINT64_C(1700000000) * S)
#define DAY_MS  86400000
#define MAXIMUM 5

enum { FILLERS = 100, ACCESSES = 600 /* the regions behind hold nothing of the test */ };

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
    struct clientid__rule rule, filler;
    uint64_t resets, admitted; /* of key 1 */
    bool filled[FILLERS];
} now;

static const uint64_t reach[4] = {0, DAY_MS *UINT64_C(1000000), 2 * DAY_MS *UINT64_C(1000000),
                                  DAY_MS *UINT64_C(1000000)};

static struct clientid__charge charge_of(const struct clientid__rule *rule, uint64_t client)
{
    struct clientid__charge c = {.rule = rule};
    uint64_t seed = client, identity[2];

    identity[0] = support_random(&seed);
    identity[1] = support_random(&seed);
    clientid__charge_key(&c, identity);
    return c;
}

static bool spend(const struct clientid__rule *rule, uint64_t client, uint64_t time)
{
    struct clientid__charge c = charge_of(rule, client);

    return clientid__limits_decide(now.table, &c, 1, 1, time, false, NULL);
}

static void clear(unsigned what)
{
    clientid_limits_cleared cleared = {.size = sizeof(cleared)};

    clientid__table_clear(now.table, what, T0, reach, &cleared);
}

/* ---- what is interrupted --------------------------------------------------------------------- */

static void restore_one(void)
{
    struct clientid__charge c = charge_of(&now.rule, 1);
    struct clientid__standing before;

    now.resets++;
    clientid__limits_restore(now.table, &c, T0, &before);
}

static void clear_ahead(void)
{
    now.resets++;
    clear(CLIENTID_CLEAR_AHEAD);
}

static void clear_claimed(void)
{
    clear(CLIENTID_CLEAR_CLAIMED | CLIENTID_CLEAR_DAMAGED);
}

static void look_at_all(void)
{
    clientid_limits_info info = {.size = sizeof(info)};

    clientid__table_read(now.table, T0, reach, &info);
    assert_int_equal(info.region[0].damaged, 0);
}

/* ---- by what --------------------------------------------------------------------------------- */

static void spend_one(void)
{
    now.admitted += spend(&now.rule, 1, T0);
}

/* Everything is reset, and others take all the cells. */
static void take_over(void)
{
    now.resets++;
    clear(31);
    for (uint64_t client = 0; client < FILLERS; client++)
        now.filled[client] = spend(&now.filler, 1000 + client, T0);
}

/* A process died over a claim in the bucket of key 1. */
static void die_claiming(void)
{
    struct clientid__charge c = charge_of(&now.rule, 1);
    struct clientid__place place =
        clientid__table_place(now.table, c.region, c.key, now.rule.algorithm);
    union clientid__cell control = control_of(&place);
    uint64_t number;

    if ((control.word[0] & ENTRY_MASK) == 0)
        control_advance(&place, control, 31, UINT64_C(0x77) << 24 | CLIENTID__EXTRA_MAX, &number);
}

/* Another key takes the cell of key 1, which is given the one after it: read in that order, both seem to be there. */
static void move_on(void)
{
    struct clientid__charge c = charge_of(&now.rule, 1), other;
    struct clientid__place place = place_of(now.table, &c), its;
    union clientid__cell seen, *cell = clientid__bucket_find(&place, &seen);
    uint64_t client = 1000000;

    do {
        other = charge_of(&now.filler, ++client);
        its = place_of(now.table, &other);
    } while (its.bucket != place.bucket || its.begin != place.begin);
    now.resets++;
    assert_true(clientid__bucket_evict(&place, cell, seen));
    assert_true(spend(&now.filler, client, T0));
    spend_one();
    assert_ptr_equal(clientid__bucket_find(&its, &seen), cell);
    assert_ptr_equal(clientid__bucket_find(&place, &seen), cell + 1);
}

/* ---- the cases ------------------------------------------------------------------------------- */

static void begin(clientid_algorithm algorithm, bool ahead)
{
    struct clientid__table_options options = {.cells = 64};
    /* So far ahead of T0 that no limit reaches it. */
    uint64_t time = ahead ? T0 + 10 * DAY_MS * UINT64_C(1000000) : T0;

    memset(&now, 0, sizeof(now));
    assert_int_equal(clientid__table_open(&now.table, &clientid__malloc, &options, NULL), 0);
    assert_int_equal(clientid__rule_init(&now.rule, algorithm, MAXIMUM, DAY_MS, 0, 1, NULL), 0);
    assert_int_equal(clientid__rule_init(&now.filler, CLIENTID_FIXED_WINDOW, 1, DAY_MS, 0, 2, NULL),
                     0);
    for (int i = 0; i < MAXIMUM; i++)
        now.admitted += spend(&now.rule, 1, time);
    assert_int_equal(now.admitted, MAXIMUM);
}

static void end(uint64_t n)
{
    clientid_limits_info info = {.size = sizeof(info)};

    for (uint64_t client = 0; client < FILLERS; client++)
        if (now.filled[client] && spend(&now.filler, 1000 + client, T0))
            fail_msg("access %d: the budget of another key was re-opened", (int)n);
    for (int i = 0; i < 3 * MAXIMUM; i++)
        now.admitted += spend(&now.rule, 1, T0);
    if (now.admitted > MAXIMUM * (now.resets + 1))
        fail_msg("access %d: %d admitted, %d resets", (int)n, (int)now.admitted, (int)now.resets);
    clientid__table_read(now.table, T0, reach, &info);
    assert_int_equal(info.region[0].damaged, 0);
    clientid__table_close(now.table);
}

/* False when |outer| has fewer accesses. */
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

static void at_every_access(void (*outer)(void), void (*inner)(void), bool ahead)
{
    static const clientid_algorithm algorithms[] = {CLIENTID_FIXED_WINDOW, CLIENTID_SLIDING_WINDOW,
                                                    CLIENTID_TOKEN_BUCKET};

    for (int i = 0; i < 3; i++) {
        bool reached = true;

        for (uint64_t n = 1; reached && n <= ACCESSES; n++) {
            begin(algorithms[i], ahead);
            reached = interrupted(n, outer, inner);
            end(n);
        }
    }
}

static void one_key_is_restored(void **unused)
{
    (void)unused;
    at_every_access(restore_one, spend_one, false);
    at_every_access(restore_one, take_over, false);
    at_every_access(restore_one, die_claiming, false);
    at_every_access(restore_one, restore_one, false);
}

static void cells_ahead_are_cleared(void **unused)
{
    (void)unused;
    at_every_access(clear_ahead, spend_one, true);
    at_every_access(clear_ahead, take_over, true);
    at_every_access(clear_ahead, restore_one, true);
}

static void claims_are_ended(void **unused)
{
    (void)unused;
    at_every_access(clear_claimed, spend_one, false);
    at_every_access(clear_claimed, take_over, false);
    at_every_access(clear_claimed, die_claiming, false);
    at_every_access(clear_claimed, move_on, false);
}

static void a_table_is_read(void **unused)
{
    (void)unused;
    at_every_access(look_at_all, take_over, false);
    at_every_access(look_at_all, die_claiming, false);
    at_every_access(look_at_all, move_on, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_key_is_restored),
        cmocka_unit_test(cells_ahead_are_cleared),
        cmocka_unit_test(claims_are_ended),
        cmocka_unit_test(a_table_is_read),
    };

    return cmocka_run_group_tests_name("repair, interrupted", tests, NULL, NULL);
}
