/* SPDX-License-Identifier: Apache-2.0 */
/* Resets among charges, refunds, evictions and killed processes: at most one full quota more for each reset. */
#include "base/mem.h"
#include "limit/limit.h"
#include "support_random.h"
#include "support_sanitizer.h"

#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define S       UINT64_C(1000000000)
#define T0      (UINT64_C(1700000000) * S)
#define DAY_MS  86400000
#define MAXIMUM 50

enum { CHARGERS = 3, KEYS = 100 };

static const uint64_t unknown[4];

/* In memory that the processes of a test share. */
struct counts {
    _Atomic uint64_t admitted[KEYS];
    _Atomic uint64_t resets; /* each counts for every key */
    _Atomic uint64_t clock;
    _Atomic bool stop;
};

struct party {
    pthread_t id;
    struct clientid__table *table;
    struct counts *counts;
    clientid_algorithm algorithm;
    uint64_t seed;
    uint64_t keys;
    int rounds;
    bool refunds;
};

static struct counts *counts_new(void)
{
    struct counts *counts =
        mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);

    assert_true(counts != MAP_FAILED);
    return counts;
}

static struct clientid__rule rule_of(clientid_algorithm algorithm, uint64_t maximum,
                                     uint64_t period_ms, uint64_t policy)
{
    struct clientid__rule rule;

    if (clientid__rule_init(&rule, algorithm, maximum, period_ms, 0, policy, NULL) != 0)
        abort();
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

/* Among lasting keys a stream of others, whose cells expire at once and are evicted. */
static void *charge(void *argument)
{
    struct party *p = argument;
    struct clientid__rule rule = rule_of(p->algorithm, MAXIMUM, DAY_MS, 1);
    struct clientid__rule passing = rule_of(CLIENTID_FIXED_WINDOW, 1, 1, 2);

    for (int i = 0; i < p->rounds && !atomic_load(&p->counts->stop); i++) {
        /* The wall stands still for what lasts: nothing is given back by time alone. */
        uint64_t key = support_below(&p->seed, p->keys);
        struct clientid__charge c = charge_of(&rule, key);
        struct clientid__charge other = charge_of(&passing, 1000 + support_random(&p->seed));
        clientid_receipt receipt;

        if (clientid__limits_decide(p->table, &c, 1, 1, T0, false, &receipt)) {
            if (p->refunds && support_below(&p->seed, 3) == 0)
                clientid__limits_refund(p->table, &receipt, T0);
            else
                atomic_fetch_add(&p->counts->admitted[key], 1);
        }
        if (support_below(&p->seed, 4) == 0)
            clientid__limits_decide(p->table, &other, 1, 1,
                                    T0 - DAY_MS * UINT64_C(1000000) +
                                        atomic_fetch_add(&p->counts->clock, 1) * 2000000,
                                    false, NULL);
    }
    return NULL;
}

/* Counted before: a charge that meets the full quota may be counted at once. */
static void reset_something(struct party *p, const struct clientid__rule *rule)
{
    clientid_limits_cleared cleared = {.size = sizeof(cleared)};
    clientid_limits_info info = {.size = sizeof(info)};
    struct clientid__charge c = charge_of(rule, support_below(&p->seed, p->keys));
    struct clientid__standing before;

    switch (support_below(&p->seed, 4)) {
    case 0:
        atomic_fetch_add(&p->counts->resets, 1);
        clientid__table_clear(p->table, 31, T0, unknown, &cleared);
        break;
    case 1:
        clientid__table_clear(p->table, CLIENTID_CLEAR_CLAIMED | CLIENTID_CLEAR_DAMAGED, T0,
                              unknown, &cleared);
        assert_int_equal(cleared.damaged, 0);
        break;
    case 2:
        clientid__table_read(p->table, T0, unknown, &info);
        assert_int_equal(info.region[0].damaged, 0);
        break;
    default:
        atomic_fetch_add(&p->counts->resets, 1);
        clientid__limits_restore(p->table, &c, T0, &before);
        assert_true(before.remaining <= MAXIMUM);
    }
}

static void check_counts(const struct counts *counts, const struct party *p)
{
    const uint64_t most = MAXIMUM * (atomic_load(&counts->resets) + 1);

    for (uint64_t key = 0; key < p->keys; key++)
        if (atomic_load(&counts->admitted[key]) > most)
            fail_msg("key %d: %d admitted, %d resets", (int)key,
                     (int)atomic_load(&counts->admitted[key]), (int)atomic_load(&counts->resets));
}

/* Nothing is lost for good either: after a last reset the full quota is there, exactly. */
static void check_quota(struct clientid__table *table, const struct party *p)
{
    struct clientid__rule rule = rule_of(p->algorithm, MAXIMUM, DAY_MS, 1);
    clientid_limits_cleared cleared = {.size = sizeof(cleared)};

    clientid__table_clear(table, 31, T0, unknown, &cleared);
    for (uint64_t key = 0; key < 3; key++) {
        struct clientid__charge c = charge_of(&rule, key);

        for (int i = 0; i < MAXIMUM; i++)
            assert_true(clientid__limits_decide(table, &c, 1, 1, T0, false, NULL));
        assert_false(clientid__limits_decide(table, &c, 1, 1, T0, false, NULL));
    }
}

static void among_threads(uint64_t keys, bool refunds)
{
    static const clientid_algorithm algorithms[] = {CLIENTID_FIXED_WINDOW, CLIENTID_SLIDING_WINDOW,
                                                    CLIENTID_TOKEN_BUCKET};

    for (int a = 0; a < 3; a++) {
        struct clientid__table_options options = {.cells = 64, .key_cells = 64};
        struct clientid__rule rule = rule_of(algorithms[a], MAXIMUM, DAY_MS, 1);
        struct counts *counts = counts_new();
        struct party chargers[CHARGERS], resetter;
        struct clientid__table *table;

        assert_int_equal(clientid__table_open(&table, &clientid__malloc, &options, NULL), 0);
        for (int i = 0; i < CHARGERS; i++) {
            chargers[i] = (struct party){.table = table,
                                         .counts = counts,
                                         .algorithm = algorithms[a],
                                         .seed = (uint64_t)i + 1,
                                         .keys = keys,
                                         .rounds = SUPPORT_TSAN ? 6000 : 30000,
                                         .refunds = refunds};
            assert_int_equal(pthread_create(&chargers[i].id, NULL, charge, &chargers[i]), 0);
        }
        resetter = (struct party){
            .table = table, .counts = counts, .algorithm = algorithms[a], .seed = 99, .keys = keys};
        for (int i = 0; i < 60; i++) {
            reset_something(&resetter, &rule);
            usleep(200); /* only so that resets are spread over the charges */
        }
        for (int i = 0; i < CHARGERS; i++)
            pthread_join(chargers[i].id, NULL);
        check_counts(counts, &resetter);
        check_quota(table, &resetter);
        munmap(counts, sizeof(*counts));
        clientid__table_close(table);
    }
}

static void one_key(void **unused)
{
    (void)unused;
    among_threads(1, false);
}

static void keys_that_fit(void **unused)
{
    (void)unused;
    among_threads(20, true);
}

static void more_keys_than_cells(void **unused)
{
    (void)unused;
    among_threads(KEYS, false);
}

/* Charging processes are killed at any instruction, while another one resets. */
static void killed_processes(void **unused)
{
    char file[] = "/tmp/clientid-race-repair-XXXXXX";
    struct clientid__table_options options = {.cells = 64, .key_cells = 64};
    struct clientid__rule rule = rule_of(CLIENTID_TOKEN_BUCKET, MAXIMUM, DAY_MS, 1);
    struct counts *counts = counts_new();
    struct party p = {
        .counts = counts, .algorithm = CLIENTID_TOKEN_BUCKET, .keys = 40, .rounds = 1000000000};
    clientid_limits_info info = {.size = sizeof(info)};
    clientid_limits_cleared cleared = {.size = sizeof(cleared)};
    int fd = mkstemp(file);

    (void)unused;
    assert_true(fd >= 0);
    close(fd);
    unlink(file);
    options.file = file;
    assert_int_equal(clientid__table_open(&p.table, &clientid__malloc, &options, NULL), 0);
    for (int round = 0; round < 30; round++) {
        pid_t children[2];

        for (int i = 0; i < 2; i++) {
            children[i] = fork();
            if (children[i] == 0) {
                p.seed = (uint64_t)round * 2 + (uint64_t)i + 1;
                charge(&p);
                _exit(0);
            }
        }
        p.seed = (uint64_t)round + 100;
        for (int i = 0; i < 6; i++) {
            reset_something(&p, &rule);
            usleep(300);
        }
        for (int i = 0; i < 2; i++) {
            assert_int_equal(kill(children[i], SIGKILL), 0);
            assert_int_equal(waitpid(children[i], NULL, 0), children[i]);
        }
    }
    /* A killed one may have charged what it did not count, never the other way round. */
    check_counts(counts, &p);
    clientid__table_clear(p.table, CLIENTID_CLEAR_CLAIMED, T0, unknown, &cleared);
    clientid__table_read(p.table, T0, unknown, &info);
    assert_int_equal(info.region[0].claimed, 0);
    assert_int_equal(info.region[0].damaged, 0);
    check_quota(p.table, &p);
    clientid__table_close(p.table);
    unlink(file);
    munmap(counts, sizeof(*counts));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_key),
        cmocka_unit_test(keys_that_fit),
        cmocka_unit_test(more_keys_than_cells),
        cmocka_unit_test(killed_processes),
    };

    return cmocka_run_group_tests_name("resets among charges", tests, NULL, NULL);
}
