/* SPDX-License-Identifier: Apache-2.0 */
/* Exact counts under threads, processes, and processes that are killed. */
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
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#define S        UINT64_C(1000000000)
#define T0       (UINT64_C(1700000000) * S)
#define FIXED    CLIENTID_FIXED_WINDOW
#define SLIDING  CLIENTID_SLIDING_WINDOW
#define BUCKET   CLIENTID_TOKEN_BUCKET
#define DAY_MS   86400000
#define THREADS  4
#define CHILDREN 4

static struct clientid__table *table_of(const char *file, uint64_t cells)
{
    struct clientid__table_options options = {.file = file, .cells = cells, .key_cells = 64};
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

/* What the threads of a test share. */
struct shared {
    struct clientid__table *table;
    struct clientid__rule rules[2];
    _Atomic uint64_t admitted[64];
    _Atomic uint64_t clock;
    int rounds;
};

struct thread {
    pthread_t id;
    struct shared *shared;
    uint64_t seed;
};

static void run(struct shared *shared, void *(*main)(void *))
{
    struct thread threads[THREADS];

    for (int i = 0; i < THREADS; i++) {
        threads[i] = (struct thread){.shared = shared, .seed = (uint64_t)i + 1};
        assert_int_equal(pthread_create(&threads[i].id, NULL, main, &threads[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i].id, NULL);
}

/* ---- one key --------------------------------------------------------------------------------- */

static void *spend_one_key(void *argument)
{
    struct thread *t = argument;
    struct clientid__charge c = charge_of(&t->shared->rules[0], 1);

    for (int i = 0; i < t->shared->rounds; i++)
        t->shared->admitted[0] +=
            clientid__limits_decide(t->shared->table, &c, 1, 1, T0, false, NULL);
    return NULL;
}

static void one_key_admits_exactly_its_count(void **unused)
{
    static const clientid_algorithm algorithms[] = {FIXED, SLIDING, BUCKET};

    (void)unused;
    for (int i = 0; i < 3; i++) {
        struct shared shared = {.table = table_of(NULL, 64), .rounds = 4000};

        shared.rules[0] = rule_of(algorithms[i], 5000, DAY_MS, 1);
        run(&shared, spend_one_key);
        assert_int_equal(shared.admitted[0], 5000);
        clientid__table_close(shared.table);
    }
}

/* ---- many keys, constant eviction ------------------------------------------------------------ */

enum { LASTING = 24 };

/* Lasting keys are charged among a stream of others, whose cells expire at once. */
static void *spend_among_others(void *argument)
{
    struct thread *t = argument;
    struct shared *shared = t->shared;

    for (int i = 0; i < shared->rounds; i++) {
        uint64_t now = T0 + atomic_fetch_add(&shared->clock, 1) * 2 * S;
        uint64_t client = support_below(&t->seed, LASTING);
        struct clientid__charge c = charge_of(&shared->rules[0], client);
        struct clientid__charge other =
            charge_of(&shared->rules[1], 1000 + support_random(&t->seed));

        shared->admitted[client] +=
            clientid__limits_decide(shared->table, &c, 1, 1, now, false, NULL);
        clientid__limits_decide(shared->table, &other, 1, 1, now, false, NULL);
    }
    return NULL;
}

static void evictions_neither_open_nor_lose_a_budget(void **unused)
{
    struct shared shared = {.table = table_of(NULL, 64), .rounds = 8000};
    struct clientid__table_state state;

    (void)unused;
    shared.rules[0] = rule_of(FIXED, 100, 2 * DAY_MS, 1);
    shared.rules[1] = rule_of(FIXED, 1, 1, 2);
    run(&shared, spend_among_others);
    clientid__table_state(shared.table, T0, &state);
    for (int i = 0; i < LASTING; i++) {
        if (state.overflow_charges[0] == 0)
            assert_int_equal(shared.admitted[i], 100);
        assert_true(shared.admitted[i] <= 100);
    }
    clientid__table_close(shared.table);
}

/* Far more keys than cells: every budget is kept, in a cell of its own or in the overflow cell. */
static void *spend_a_full_table(void *argument)
{
    struct thread *t = argument;
    struct shared *shared = t->shared;

    for (int i = 0; i < shared->rounds; i++) {
        uint64_t client = support_below(&t->seed, 400);
        struct clientid__charge c = charge_of(&shared->rules[0], client);

        shared->admitted[client < 63 ? client : 63] +=
            clientid__limits_decide(shared->table, &c, 1, 1, T0, false, NULL);
    }
    return NULL;
}

static void a_full_table_opens_no_budget(void **unused)
{
    (void)unused;
    for (int round = 0; round < 20; round++) {
        struct shared shared = {.table = table_of(NULL, 64), .rounds = 1000};
        uint64_t sum = 0;

        shared.rules[0] = rule_of(FIXED, 3, DAY_MS, 1);
        run(&shared, spend_a_full_table);
        for (int i = 0; i < 64; i++) {
            assert_true(i == 63 || shared.admitted[i] <= 3);
            sum += shared.admitted[i];
        }
        assert_true(sum <= 60 * 3 + 3); /* every cell and the overflow cell */
        clientid__table_close(shared.table);
    }
}

/* ---- all or none, refunds -------------------------------------------------------------------- */

static void *spend_two_limits(void *argument)
{
    struct thread *t = argument;
    struct shared *shared = t->shared;

    for (int i = 0; i < shared->rounds; i++) {
        struct clientid__charge charges[2] = {charge_of(&shared->rules[0], 1),
                                              charge_of(&shared->rules[1], 1)};
        clientid_receipt receipt;

        if (!clientid__limits_decide(shared->table, charges, 2, 1, T0, false, &receipt))
            continue;
        if (support_below(&t->seed, 2) == 0)
            clientid__limits_refund(shared->table, &receipt, T0);
        else
            shared->admitted[0]++;
    }
    return NULL;
}

static void what_is_undone_is_undone_exactly(void **unused)
{
    struct shared shared = {.table = table_of(NULL, 64), .rounds = 4000};
    struct clientid__charge c;

    (void)unused;
    shared.rules[0] = rule_of(FIXED, 9000, DAY_MS, 1);
    shared.rules[1] = rule_of(FIXED, 3000, DAY_MS, 2);
    run(&shared, spend_two_limits);
    assert_int_equal(shared.admitted[0], 3000);
    c = charge_of(&shared.rules[0], 1);
    clientid__limits_decide(shared.table, &c, 1, 1, T0, true, NULL);
    assert_int_equal(c.remaining, 6000);
    clientid__table_close(shared.table);
}

static void *spend_and_return(void *argument)
{
    struct thread *t = argument;
    struct shared *shared = t->shared;

    for (int i = 0; i < shared->rounds; i++) {
        struct clientid__charge charges[2] = {charge_of(&shared->rules[0], 1),
                                              charge_of(&shared->rules[1], 1)};
        clientid_receipt receipt;

        if (clientid__limits_decide(shared->table, charges, 2, 1, T0, false, &receipt))
            clientid__limits_refund(shared->table, &receipt, T0);
    }
    return NULL;
}

/* The second limit is on its edge all the time. */
static void nothing_is_left_when_all_is_returned(void **unused)
{
    static const clientid_algorithm algorithms[] = {FIXED, SLIDING};

    (void)unused;
    for (int k = 0; k < 2; k++) {
        struct shared shared = {.table = table_of(NULL, 64), .rounds = 10000};

        shared.rules[0] = rule_of(algorithms[k], 1000, DAY_MS, 1);
        shared.rules[1] = rule_of(algorithms[k], 1, DAY_MS, 2);
        run(&shared, spend_and_return);
        for (int i = 0; i < 2; i++) {
            struct clientid__charge c = charge_of(&shared.rules[i], 1);

            clientid__limits_decide(shared.table, &c, 1, 1, T0, true, NULL);
            assert_int_equal(c.remaining, shared.rules[i].maximum);
        }
        clientid__table_close(shared.table);
    }
}

static void *use_and_see(void *argument)
{
    struct thread *t = argument;

    for (uint64_t i = 1; i <= (uint64_t)t->shared->rounds; i++) {
        clientid__table_use(t->shared->table, (uint64_t[2]){i % 9, 7}, T0 + i * S);
        clientid__table_see(t->shared->table, 1, i * 4 + t->seed);
    }
    return NULL;
}

static void the_source_is_seen_at_its_furthest(void **unused)
{
    struct clientid__table_options options = {.use_cells = 64};
    struct shared shared = {.rounds = 3000};
    uint64_t identity, revision;

    (void)unused;
    assert_int_equal(clientid__table_open(&shared.table, &clientid__malloc, &options, NULL), 0);
    run(&shared, use_and_see);
    clientid__table_seen(shared.table, &identity, &revision);
    assert_int_equal(identity, 1);
    assert_int_equal(revision, 3000 * 4 + THREADS);
    clientid__table_close(shared.table);
}

/* ---- processes ------------------------------------------------------------------------------- */

#if !SUPPORT_TSAN /* emulates the 16-byte swap with a lock of the process */

struct counters {
    _Atomic uint64_t admitted;
    _Atomic uint64_t others;
};

struct world {
    char file[160];
    struct counters *counters; /* shared with the children */
    struct clientid__rule rule, other;
};

static int make_world(void **state)
{
    struct world *w = malloc(sizeof(*w));
    const char *base = getenv("TMPDIR");

    assert_non_null(w);
    snprintf(w->file, sizeof(w->file), "%.80s/clientid-race-XXXXXX", base != NULL ? base : "/tmp");
    assert_non_null(mkdtemp(w->file));
    snprintf(w->file + strlen(w->file), sizeof(w->file) - strlen(w->file), "/limits");
    w->counters =
        mmap(NULL, sizeof(*w->counters), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    assert_true(w->counters != MAP_FAILED);
    *state = w;
    return 0;
}

static int remove_world(void **state)
{
    struct world *w = *state;

    unlink(w->file);
    *strrchr(w->file, '/') = '\0';
    rmdir(w->file);
    munmap(w->counters, sizeof(*w->counters));
    free(w);
    return 0;
}

/* Spends the one limit, and makes and charges cells all the time. */
static void spend_as_process(struct world *w, uint64_t seed, uint64_t rounds)
{
    struct clientid__table *table = table_of(w->file, 64);

    for (uint64_t i = 0; i < rounds; i++) {
        uint64_t now = T0 + (atomic_fetch_add(&w->counters->others, 1) & 0xffff) * S / 100;
        struct clientid__charge c = charge_of(&w->rule, 1);
        struct clientid__charge other = charge_of(&w->other, 1000 + support_random(&seed));

        clientid__limits_decide(table, &other, 1, 1, now, false, NULL);
        if (clientid__limits_decide(table, &c, 1, 1, T0, false, NULL))
            w->counters->admitted++;
    }
    clientid__table_close(table);
}

static pid_t start(struct world *w, uint64_t seed, uint64_t rounds)
{
    pid_t child = fork();

    if (child == 0) {
        spend_as_process(w, seed, rounds);
        _exit(0);
    }
    assert_true(child > 0);
    return child;
}

static void processes_share_one_budget(void **state)
{
    struct world *w = *state;
    pid_t children[CHILDREN];

    w->rule = rule_of(FIXED, 10000, DAY_MS, 1);
    w->other = rule_of(FIXED, 1, 1, 2);
    for (int i = 0; i < CHILDREN; i++)
        children[i] = start(w, (uint64_t)i + 1, 4000);
    for (int i = 0; i < CHILDREN; i++) {
        int status;

        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    assert_int_equal(w->counters->admitted, 10000);
}

static void killed_processes_lose_at_most_their_own_charge(void **state)
{
    enum { KILLS = 60, MAXIMUM = 1000000 };
    struct world *w = *state;
    pid_t children[2];
    uint64_t seed = 1;

    w->rule = rule_of(FIXED, MAXIMUM, DAY_MS, 1);
    w->other = rule_of(FIXED, 1, 1, 2);
    for (int i = 0; i < 2; i++)
        children[i] = start(w, support_random(&seed), UINT64_MAX);
    for (int i = 0; i < KILLS; i++) {
        struct timespec pause = {.tv_nsec = (long)support_below(&seed, 4000000)};

        nanosleep(&pause, NULL);
        assert_int_equal(kill(children[i % 2], SIGKILL), 0);
        waitpid(children[i % 2], NULL, 0);
        children[i % 2] = start(w, support_random(&seed), UINT64_MAX);
    }
    for (int i = 0; i < 2; i++) {
        kill(children[i], SIGKILL);
        waitpid(children[i], NULL, 0);
    }
    {
        struct clientid__table *table = table_of(w->file, 64);
        struct clientid__charge c = charge_of(&w->rule, 1);

        clientid__limits_decide(table, &c, 1, 1, T0, true, NULL);
        assert_in_range(MAXIMUM - c.remaining, w->counters->admitted,
                        w->counters->admitted + KILLS + 2);
        /* Nothing is locked: every bucket still takes new keys. */
        for (uint64_t client = 0; client < 200; client++) {
            c = charge_of(&w->other, client);
            assert_true(clientid__limits_decide(table, &c, 1, 1, T0 + (10000 + client * 2) * S,
                                                false, NULL));
        }
        clientid__table_close(table);
    }
}

#endif

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(one_key_admits_exactly_its_count),
        cmocka_unit_test(evictions_neither_open_nor_lose_a_budget),
        cmocka_unit_test(a_full_table_opens_no_budget),
        cmocka_unit_test(what_is_undone_is_undone_exactly),
        cmocka_unit_test(nothing_is_left_when_all_is_returned),
        cmocka_unit_test(the_source_is_seen_at_its_furthest),
#if !SUPPORT_TSAN
        cmocka_unit_test_setup_teardown(processes_share_one_budget, make_world, remove_world),
        cmocka_unit_test_setup_teardown(killed_processes_lose_at_most_their_own_charge, make_world,
                                        remove_world),
#endif
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
