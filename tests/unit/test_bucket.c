/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The claim protocol, also under schedules of the test's choice: bucket.c is compiled here with a hook before every access
 * to a cell, where another thread of the same bucket may go on.
 */
static void step(const void *cell, int swap);
static int patience = 8;
#define CLIENTID__STEP(cell, swap) step(cell, swap)
#define CLIENTID__PATIENCE         patience
#include "limit/bucket.c"

#include "support_random.h"
#include "support_sanitizer.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>
#include <ucontext.h>

#include <cmocka.h>

#define S        UINT64_C(1000000000)
#define T0       (UINT64_C(1700000000) * S)
#define CELLS    CLIENTID__BUCKET_CELLS
#define IDENTITY UINT64_C(0x1000) /* of key 0 */
#define OTHER    UINT64_C(0x2000) /* of cells that fill the bucket up */

struct bucket {
    _Alignas(512) union clientid__cell entry[CLIENTID__BUCKET_ENTRIES];
};

static struct clientid__place place_of(struct bucket *b, unsigned key)
{
    return (struct clientid__place){b->entry, key % 8 * 4, IDENTITY + key};
}

/* A fixed window that ends at |end_ns|. */
static union clientid__cell charged(uint64_t identity, uint64_t end_ns)
{
    struct clientid__state state = {.word = end_ns / CLIENTID__NS_PER_MS << 22 | 1};

    return clientid__cell_make(identity << 2 | CLIENTID_FIXED_WINDOW, state);
}

static union clientid__cell *claim(struct bucket *b, unsigned key, uint64_t now)
{
    struct clientid__place place = place_of(b, key);

    place.identity = place.identity << 2 | CLIENTID_FIXED_WINDOW;
    return clientid__bucket_claim(&place, now);
}

static union clientid__cell *find(struct bucket *b, unsigned key)
{
    struct clientid__place place = place_of(b, key);
    union clientid__cell seen;

    place.identity = place.identity << 2 | CLIENTID_FIXED_WINDOW;
    return clientid__bucket_find(&place, &seen);
}

static void a_key_gets_one_cell_and_keeps_it(void **unused)
{
    struct bucket b = {0};

    (void)unused;
    for (unsigned key = 0; key < CELLS; key++) {
        union clientid__cell *cell = claim(&b, key, T0);

        assert_non_null(cell);
        assert_ptr_not_equal(cell, b.entry);
        assert_true(clientid__cell_is_virgin(cell->word[0]));
        assert_ptr_equal(claim(&b, key, T0), cell);
        assert_ptr_equal(find(&b, key), cell);
        *cell = charged(IDENTITY + key, T0 + S);
    }
    assert_null(claim(&b, CELLS, T0));
    assert_null(find(&b, CELLS));
}

static void only_a_cell_whose_time_has_passed_is_reused(void **unused)
{
    static const struct {
        const char *name;
        uint64_t now; /* after the end of the cell of key 7 */
        bool reused;
    } rows[] = {
        {"live", 0, false},
        {"just expired: may be live by another's clock", 1, false},
        {"expired for longer than clocks differ", CLIENTID__SKEW_NS, true},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct bucket b = {0};
        union clientid__cell *cell = NULL;

        print_message("  %s\n", rows[i].name);
        for (unsigned key = 0; key < CELLS; key++) {
            union clientid__cell *c = claim(&b, key, T0);

            *c = charged(IDENTITY + key, key == 7 ? T0 + S : T0 + 100 * S);
            cell = key == 7 ? c : cell;
        }
        assert_ptr_equal(claim(&b, 99, T0 + S + rows[i].now), rows[i].reused ? cell : NULL);
        assert_ptr_equal(find(&b, 7), rows[i].reused ? NULL : cell);
    }
}

static void takes_an_expired_cell_before_a_virgin_one(void **unused)
{
    struct bucket b = {0};

    (void)unused;
    for (unsigned key = 0; key < CELLS; key++) {
        union clientid__cell *cell = claim(&b, key, T0);

        if (key != 3)
            *cell = charged(IDENTITY + key, key == 20 ? T0 - 100 * S : T0 + 100 * S);
    }
    assert_non_null(claim(&b, 99, T0));
    assert_non_null(find(&b, 3));
    assert_null(find(&b, 20));
    *find(&b, 99) = charged(IDENTITY + 99, T0 + 100 * S);
    assert_non_null(claim(&b, 98, T0)); /* whoever claimed it may be dead */
    assert_null(find(&b, 3));
}

/* What a process leaves behind that dies between two steps of a claim. */
static void completes_the_claim_of_a_dead_process(void **unused)
{
    struct bucket b = {0};
    uint64_t word =
        (IDENTITY + 5) << 24 | (uint64_t)CLIENTID_FIXED_WINDOW << 22 | CLIENTID__EXTRA_MAX;

    (void)unused;
    b.entry[0] = (union clientid__cell){.word = {9 << 5 | 20, word}};
    assert_ptr_equal(claim(&b, 5, T0), b.entry + 20);
    assert_int_equal(b.entry[0].word[0], 10 << 5);
    assert_int_equal(b.entry[20].word[1], 9);

    /* It died after the cell was filled, before the claim was closed. */
    b.entry[0] = (union clientid__cell){.word = {11 << 5 | 20, word}};
    assert_ptr_equal(claim(&b, 5, T0), b.entry + 20);
    assert_int_equal(b.entry[0].word[0], 12 << 5);
}

static void notes_the_latest_overflow(void **unused)
{
    struct bucket b = {0};
    struct clientid__place place = place_of(&b, 0);

    (void)unused;
    assert_false(clientid__bucket_overflowed(&place, T0));
    clientid__bucket_note(&place, T0 + S);
    clientid__bucket_note(&place, T0);
    assert_true(clientid__bucket_overflowed(&place, T0));
    assert_false(clientid__bucket_overflowed(&place, T0 + S));
    assert_ptr_not_equal(claim(&b, 0, T0), b.entry + CLIENTID__BUCKET_NOTE);
}

static void any_bits_end(void **unused)
{
    uint64_t seed = 3;

    (void)unused;
    for (int i = 0; i < 20000; i++) {
        struct bucket b;
        union clientid__cell *cell;

        for (int e = 0; e < CLIENTID__BUCKET_ENTRIES; e++)
            for (int w = 0; w < 2; w++)
                b.entry[e].word[w] = support_below(&seed, 4) == 0
                                         ? 0
                                         : support_random(&seed) >> support_below(&seed, 64);
        cell = claim(&b, (unsigned)i, T0);
        assert_true(cell == NULL || (cell > b.entry && cell < b.entry + CLIENTID__BUCKET_ENTRIES));
    }
}

/* ---- schedules ------------------------------------------------------------------------------- */

/*
 * THREADS run in turns that the seed chooses; a turn ends before an access to a cell.  Every now and then one sleeps
 * for long, or for ever, as if its process had died there.
 */
enum { THREADS = 4, KEYS = 4, OPERATIONS = 30, STACK_BYTES = 64 * 1024 };

struct thread {
    ucontext_t context;
    uint64_t asleep; /* turns */
    bool done;
    _Alignas(16) char stack[STACK_BYTES];
};

static struct {
    struct thread thread[THREADS];
    struct bucket bucket;
    ucontext_t home;
    int running; /* -1: none, steps pass */
    uint64_t seed, now;
    uint64_t naps, deaths, sleep; /* how rare and how long */
    uint64_t charges[KEYS];       /* in the key's present cell */
} world = {.running = -1};

/* Most often just before a swap, with what was read getting old. */
static uint64_t nap(bool before_swap)
{
    if (support_below(&world.seed, before_swap ? world.naps / 4 + 2 : world.naps) != 0)
        return 0;
    return support_below(&world.seed, world.deaths) == 0 ? UINT64_MAX
                                                         : support_below(&world.seed, world.sleep);
}

static bool is_free_for_all(const union clientid__cell *cell)
{
    return cell->word[0] >> 24 < OTHER;
}

static void step(const void *cell, int swap)
{
    struct thread *t = &world.thread[world.running >= 0 ? world.running : 0];

    if (world.running < 0 || !is_free_for_all(cell))
        return;
    t->asleep = nap(swap != 0);
    swapcontext(&t->context, &world.home);
}

static uint64_t count_in(union clientid__cell cell)
{
    return cell.word[1] & 0x3fffff;
}

/* Adds 1 to the key's cell, which expires soon if it is new. */
static void operate(unsigned key)
{
    union clientid__cell *cell = claim(&world.bucket, key, world.now);
    union clientid__cell seen, next;
    uint64_t word = (IDENTITY + key) << 2 | CLIENTID_FIXED_WINDOW;

    if (cell == NULL)
        return;
    seen = clientid__cell_read(cell);
    if (clientid__cell_identity_of(seen.word[0]) != word)
        return;
    next = seen;
    next.word[1]++;
    if (clientid__cell_is_virgin(seen.word[0]))
        next = charged(IDENTITY + key, world.now + support_below(&world.seed, 2) * S);
    if (clientid__cell_swap(cell, seen, next))
        world.charges[key] = clientid__cell_is_virgin(seen.word[0]) ? 1 : world.charges[key] + 1;
}

static void thread_main(void)
{
    int self = world.running;

    for (int i = 0; i < OPERATIONS; i++) {
        operate((unsigned)support_below(&world.seed, KEYS));
        world.now += support_below(&world.seed, 3) * S;
    }
    world.thread[self].done = true;
    for (;;)
        swapcontext(&world.thread[self].context, &world.home);
}

static void ready(struct thread *t)
{
    t->done = false;
    t->asleep = 0;
    getcontext(&t->context);
    t->context.uc_stack.ss_sp = t->stack;
    t->context.uc_stack.ss_size = sizeof(t->stack);
    t->context.uc_link = NULL;
    makecontext(&t->context, thread_main, 0);
}

/* Most of the bucket is live for ever, so that all fight for the rest. */
static void begin(uint64_t seed)
{
    world.seed = seed;
    world.now = T0;
    patience = 8 * (int)support_below(&world.seed, 2);
    world.naps = 10 + support_below(&world.seed, 60);
    world.deaths = 20 + support_below(&world.seed, 200);
    world.sleep = 50 << support_below(&world.seed, 7);
    memset(&world.bucket, 0, sizeof(world.bucket));
    memset(world.charges, 0, sizeof(world.charges));
    for (unsigned e = CLIENTID__BUCKET_FIRST; e < CLIENTID__BUCKET_ENTRIES; e++)
        if (e % 9 != 0 || (e != 9 && support_below(&world.seed, 4) == 0))
            world.bucket.entry[e] = charged(OTHER + e, T0 + 1000 * S);
    for (int i = 0; i < THREADS; i++)
        ready(&world.thread[i]);
}

/* No key in two cells; what was charged is there as long as the cell is. */
static const char *broken(void)
{
    for (unsigned key = 0; key < KEYS; key++) {
        const union clientid__cell *found = NULL;

        for (unsigned e = CLIENTID__BUCKET_FIRST; e < CLIENTID__BUCKET_ENTRIES; e++) {
            const union clientid__cell *cell = &world.bucket.entry[e];

            if (cell->word[0] >> 24 != IDENTITY + key)
                continue;
            if (found != NULL)
                return "a key has two cells";
            found = cell;
            if (!clientid__cell_is_virgin(cell->word[0]) && count_in(*cell) != world.charges[key])
                return "a charge is lost";
        }
    }
    return NULL;
}

/* Runs one thread up to its next step; false when none is left to run. */
static bool turn(void)
{
    struct thread *awake[THREADS];
    uint64_t next = UINT64_MAX;
    unsigned count = 0;

    for (int i = 0; i < THREADS; i++) {
        struct thread *t = &world.thread[i];

        if (t->done || t->asleep == UINT64_MAX)
            continue;
        if (t->asleep == 0)
            awake[count++] = t;
        else
            t->asleep--;
        next = t->asleep < next ? t->asleep : next;
    }
    if (count == 0) { /* what is left sleeps less from now on */
        for (int i = 0; next != UINT64_MAX && i < THREADS; i++)
            world.thread[i].asleep -=
                world.thread[i].asleep != UINT64_MAX && !world.thread[i].done ? next : 0;
        return next != UINT64_MAX;
    }
    world.running = (int)(awake[support_below(&world.seed, count)] - world.thread);
    swapcontext(&world.home, &world.thread[world.running].context);
    world.running = -1;
    return true;
}

static void no_schedule_gives_a_key_two_cells(void **unused)
{
    (void)unused;
    for (uint64_t run = 1; run <= 600; run++) {
        begin(run);
        for (int turns = 0; turn(); turns++) {
            const char *what = broken();

            if (what != NULL || turns > 1000000)
                fail_msg("seed %d, turn %d: %s", (int)run, turns, what != NULL ? what : "no end");
        }
        /* Whatever the dead left behind, the bucket works. */
        world.now += 10 * S;
        for (unsigned key = 0; key < 3; key++) {
            assert_non_null(claim(&world.bucket, key, world.now));
            assert_null(broken());
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_key_gets_one_cell_and_keeps_it),
        cmocka_unit_test(only_a_cell_whose_time_has_passed_is_reused),
        cmocka_unit_test(takes_an_expired_cell_before_a_virgin_one),
        cmocka_unit_test(completes_the_claim_of_a_dead_process),
        cmocka_unit_test(notes_the_latest_overflow),
        cmocka_unit_test(any_bits_end),
        cmocka_unit_test(no_schedule_gives_a_key_two_cells),
    };

    /* ThreadSanitizer knows nothing of contexts: it leaves out the last one. */
    return _cmocka_run_group_tests("bucket", tests, sizeof(tests) / sizeof(tests[0]) - SUPPORT_TSAN,
                                   NULL, NULL);
}
