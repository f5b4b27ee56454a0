/* SPDX-License-Identifier: Apache-2.0 */
/* What operators see and put right: every kind of trouble is made by hand, counted, cleared, and charged after. */
#include "base/mem.h"
#include "limit/table.h"
#include "support_random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#define S       UINT64_C(1000000000)
#define T0      (UINT64_C(1700000000) * S)
#define FIXED   CLIENTID_FIXED_WINDOW
#define SLIDING CLIENTID_SLIDING_WINDOW
#define BUCKET  CLIENTID_TOKEN_BUCKET
#define MINUTE  60000

static const clientid_algorithm algorithms[] = {FIXED, SLIDING, BUCKET};
static const uint64_t unknown[4];
static const uint64_t minute[4] = {0, 60 * S, 120 * S, 60 * S};

static struct clientid__table *table_of(uint64_t cells)
{
    struct clientid__table_options options = {.cells = cells, .key_cells = 64, .use_cells = 64};
    struct clientid__table *table;

    assert_int_equal(clientid__table_open(&table, &clientid__malloc, &options, NULL), 0);
    return table;
}

static struct clientid__rule rule_of(clientid_algorithm algorithm, uint64_t maximum)
{
    struct clientid__rule rule;

    assert_int_equal(clientid__rule_init(&rule, algorithm, maximum, MINUTE, 0, 1, NULL), 0);
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

static bool spend(struct clientid__table *table, const struct clientid__charge *charge,
                  uint64_t cost, uint64_t now, clientid_receipt *receipt)
{
    struct clientid__charge c = *charge;

    return clientid__limits_decide(table, &c, 1, cost, now, false, receipt);
}

static struct clientid__standing look(struct clientid__table *table,
                                      const struct clientid__charge *charge, uint64_t now)
{
    struct clientid__standing standing;

    clientid__limits_look(table, charge, now, &standing);
    return standing;
}

static struct clientid__standing restore(struct clientid__table *table,
                                         const struct clientid__charge *charge, uint64_t now)
{
    struct clientid__standing before;

    clientid__limits_restore(table, charge, now, &before);
    return before;
}

static clientid_limits_info read_table(const struct clientid__table *table, uint64_t now,
                                       const uint64_t reach[4])
{
    clientid_limits_info info = {.size = sizeof(info)};

    clientid__table_read(table, now, reach, &info);
    assert_int_equal(info.size, sizeof(info));
    return info;
}

static clientid_limits_cleared clear(struct clientid__table *table, unsigned what, uint64_t now)
{
    clientid_limits_cleared cleared = {.size = sizeof(cleared)};

    clientid__table_clear(table, what, now, minute, &cleared);
    return cleared;
}

#define EVERYTHING 31U

/* ---- one key --------------------------------------------------------------------------------- */

/* Against the decision itself, over random histories. */
static void a_look_says_what_a_request_would_meet(void **unused)
{
    uint64_t seed = 20;

    (void)unused;
    for (int i = 0; i < 300; i++) {
        struct clientid__table *table = table_of(64);
        struct clientid__rule rule = rule_of(algorithms[i % 3], 1 + support_below(&seed, 50));
        struct clientid__charge c = charge_of(&rule, 1);
        uint64_t now = T0;

        for (int k = 0; k < 20; k++) {
            struct clientid__standing s;
            struct clientid__charge peek = c;

            now += support_below(&seed, 20 * S);
            spend(table, &c, 1 + support_below(&seed, 5), now, NULL);
            s = look(table, &c, now);
            clientid__limits_decide(table, &peek, 1, 1, now, true, NULL);
            if (s.remaining != peek.remaining || s.reset_ns != peek.reset_ns || s.shared || s.ahead)
                fail_msg("seed 20, history %d, step %d", i, k);
        }
        clientid__table_close(table);
    }
}

static void a_restored_key_has_its_full_quota_once(void **unused)
{
    (void)unused;
    for (int i = 0; i < 3; i++) {
        struct clientid__table *table = table_of(64);
        struct clientid__rule rule = rule_of(algorithms[i], 10);
        struct clientid__charge c = charge_of(&rule, 1), other = charge_of(&rule, 2);

        assert_true(spend(table, &c, 7, T0, NULL));
        assert_true(spend(table, &other, 4, T0, NULL));
        assert_int_equal(restore(table, &c, T0).remaining, 3);
        assert_int_equal(look(table, &c, T0).remaining, 10);
        assert_int_equal(look(table, &c, T0).reset_ns, 0);
        assert_int_equal(look(table, &other, T0).remaining, 6);
        assert_true(spend(table, &c, 10, T0, NULL));
        assert_false(spend(table, &c, 1, T0, NULL));
        /* Again, and one that was never there. */
        assert_int_equal(restore(table, &c, T0).remaining, 0);
        assert_true(spend(table, &c, 10, T0, NULL));
        c = charge_of(&rule, 3);
        assert_int_equal(restore(table, &c, T0).remaining, 10);
        assert_int_equal(read_table(table, T0, unknown).region[0].live, 2);
        clientid__table_close(table);
    }
}

/* Refunds that come after a reset, in any order, among new charges: never more than the full quota. */
static void late_refunds_stay_within_the_quota(void **unused)
{
    enum { HELD = 12 };
    uint64_t seed = 7;

    (void)unused;
    for (int i = 0; i < 600; i++) {
        struct clientid__table *table = table_of(64);
        struct clientid__rule rule = rule_of(algorithms[i % 3], 10);
        struct clientid__charge c = charge_of(&rule, 1);
        clientid_receipt held[HELD];
        uint64_t net = 0, now = T0, resets = 0;
        bool open[HELD] = {false};

        for (int k = 0; k < 60; k++) {
            size_t at = support_below(&seed, HELD);

            if (support_below(&seed, 10) == 0) {
                restore(table, &c, now);
                resets++;
            } else if (open[at]) {
                uint64_t before = look(table, &c, now).remaining;
                uint64_t after;

                clientid__limits_refund(table, &held[at], now);
                after = look(table, &c, now).remaining;
                open[at] = false;
                net -= after - before;
                if (after < before || after > 10)
                    fail_msg("seed 7, history %d, step %d: %d, then %d", i, k, (int)before,
                             (int)after);
            } else if (spend(table, &c, 1, now, &held[at])) {
                open[at] = true;
                net++;
            }
        }
        assert_true(net <= 10 * (resets + 1));
        clientid__table_close(table);
    }
}

static void a_receipt_from_before_the_reset(void **unused)
{
    (void)unused;
    for (int i = 0; i < 3; i++) {
        struct clientid__table *table = table_of(64);
        struct clientid__rule rule = rule_of(algorithms[i], 10);
        struct clientid__charge c = charge_of(&rule, 1);
        clientid_receipt receipt;

        assert_true(spend(table, &c, 6, T0, &receipt));
        restore(table, &c, T0);
        clientid__limits_refund(table, &receipt, T0);
        assert_int_equal(look(table, &c, T0).remaining, 10);
        assert_true(spend(table, &c, 10, T0, NULL));
        assert_false(spend(table, &c, 1, T0, NULL));
        clientid__table_close(table);
    }
}

/* ---- cells of the dead ----------------------------------------------------------------------- */

static struct clientid__place place_of(struct clientid__table *table,
                                       const struct clientid__charge *c)
{
    return clientid__table_place(table, c->region, c->key, c->rule->algorithm);
}

static void claims_that_nobody_ends(void **unused)
{
    struct clientid__table *table = table_of(64);
    struct clientid__rule rule = rule_of(FIXED, 10);
    struct clientid__charge claimed = charge_of(&rule, 1), begun = charge_of(&rule, 2), c;
    struct clientid__place place;
    clientid_limits_cleared cleared;
    union clientid__cell control;

    (void)unused;
    place = place_of(table, &claimed);
    assert_non_null(clientid__bucket_claim(&place, T0)); /* and then it died */
    place = place_of(table, &begun);
    control = clientid__cell_read(place.bucket);
    control.word[0] += (1 << 5) + 31; /* a number of its own, the last entry */
    control.word[1] = place.identity << CLIENTID__EXTRA_BITS | CLIENTID__EXTRA_MAX;
    *place.bucket = control;
    assert_int_equal(read_table(table, T0, unknown).region[0].claimed, 2);
    assert_int_equal(look(table, &claimed, T0).remaining, 10);

    /* What is not asked for stays. */
    cleared = clear(table, EVERYTHING & ~(unsigned)CLIENTID_CLEAR_CLAIMED, T0);
    assert_int_equal(cleared.claimed + cleared.live + cleared.damaged, 0);
    assert_int_equal(read_table(table, T0, unknown).region[0].claimed, 2);
    cleared = clear(table, CLIENTID_CLEAR_CLAIMED, T0);
    assert_int_equal(cleared.claimed, 2);
    assert_int_equal(read_table(table, T0, unknown).region[0].claimed, 0);
    assert_int_equal(clear(table, EVERYTHING, T0).claimed, 0);
    for (uint64_t client = 1; client < 40; client++) {
        c = charge_of(&rule, client);
        for (int n = 0; n < 10; n++)
            assert_true(spend(table, &c, 1, T0, NULL));
        assert_false(spend(table, &c, 1, T0, NULL));
    }
    assert_int_equal(read_table(table, T0, unknown).region[0].live, 39);
    clientid__table_close(table);
}

/* A reset of a cell that its claimant has not charged yet. */
static void a_virgin_cell_is_restored(void **unused)
{
    struct clientid__table *table = table_of(64);
    struct clientid__rule rule = rule_of(BUCKET, 10);
    struct clientid__charge c = charge_of(&rule, 1);
    struct clientid__place place = place_of(table, &c);

    (void)unused;
    assert_non_null(clientid__bucket_claim(&place, T0));
    assert_int_equal(restore(table, &c, T0).remaining, 10);
    assert_true(spend(table, &c, 10, T0, NULL));
    assert_false(spend(table, &c, 1, T0, NULL));
    clientid__table_close(table);
}

/* ---- damage ---------------------------------------------------------------------------------- */

static void two_cells_for_one_key(void **unused)
{
    struct clientid__table *table = table_of(64);
    struct clientid__rule rule = rule_of(BUCKET, 10);
    struct clientid__charge c = charge_of(&rule, 1);
    struct clientid__place place = place_of(table, &c);
    union clientid__cell *first, seen, *second;

    (void)unused;
    assert_true(spend(table, &c, 2, T0, NULL));
    first = clientid__bucket_find(&place, &seen);
    second = first + 1; /* no key begins at the last entry */
    *second = seen;
    second->word[1] += 3 * rule.step_ns; /* has more spent */
    assert_int_equal(read_table(table, T0, unknown).region[0].damaged, 1);
    assert_int_equal(read_table(table, T0, unknown).region[0].live, 1);
    assert_int_equal(clear(table, CLIENTID_CLEAR_DAMAGED, T0).damaged, 1);
    assert_int_equal(read_table(table, T0, unknown).region[0].damaged, 0);
    assert_int_equal(first->word[0], 0);
    assert_int_equal(look(table, &c, T0).remaining, 5);
    /* An algorithm that there is not. */
    place.bucket[9].word[0] = UINT64_C(0x123400) << CLIENTID__EXTRA_BITS;
    place.bucket[9].word[1] = T0;
    assert_int_equal(read_table(table, T0, unknown).region[0].damaged, 1);
    assert_int_equal(clear(table, CLIENTID_CLEAR_DAMAGED, T0).damaged, 1);
    assert_int_equal(read_table(table, T0, unknown).region[0].damaged, 0);
    clientid__table_close(table);
}

/* Also where a claim of a dead process stands in the way of every eviction. */
static void damage_beside_a_pending_claim(void **unused)
{
    struct clientid__table *table = table_of(64);
    struct clientid__rule rule = rule_of(BUCKET, 10);
    struct clientid__charge c = charge_of(&rule, 1);
    struct clientid__place place = place_of(table, &c);
    union clientid__cell control = clientid__cell_read(place.bucket);

    (void)unused;
    place.bucket[9].word[0] = UINT64_C(0x123400) << CLIENTID__EXTRA_BITS;
    place.bucket[9].word[1] = T0;
    control.word[0] += (1 << 5) + 31;
    control.word[1] = place.identity << CLIENTID__EXTRA_BITS | CLIENTID__EXTRA_MAX;
    *place.bucket = control;
    assert_int_equal(clear(table, CLIENTID_CLEAR_DAMAGED, T0).damaged, 1);
    clientid__table_close(table);
}

/* ---- the clock went back --------------------------------------------------------------------- */

static void times_from_the_future(void **unused)
{
    const uint64_t day = UINT64_C(86400) * S;

    (void)unused;
    for (int i = 0; i < 3; i++) {
        struct clientid__table *table = table_of(64);
        struct clientid__rule rule = rule_of(algorithms[i], 10);
        struct clientid__charge c = charge_of(&rule, 1), honest = charge_of(&rule, 2);
        clientid_limits_info info;

        assert_true(spend(table, &c, 10, T0 + day, NULL));
        assert_true(spend(table, &honest, 10, T0, NULL));
        assert_true(look(table, &c, T0).ahead);
        assert_false(look(table, &honest, T0).ahead);
        info = read_table(table, T0, minute);
        assert_int_equal(info.region[0].ahead, 1);
        assert_int_equal(info.region[0].live, 2);
        assert_true(info.region[0].latest_ns > day - 60 * S);
        assert_int_equal(info.reach_ns, 120 * S);
        /* Nobody knows how far limits reach: nothing is ahead. */
        info = read_table(table, T0, unknown);
        assert_int_equal(info.region[0].ahead, 0);
        assert_int_equal(info.reach_ns, 0);
        assert_int_equal(clear(table, CLIENTID_CLEAR_AHEAD, T0).ahead, 1);
        assert_int_equal(look(table, &c, T0).remaining, 10);
        assert_int_equal(look(table, &honest, T0).remaining, 0);
        clientid__table_close(table);
    }
}

/* A clock that is ahead of ours by what clocks may differ is no clock that has jumped. */
static void skew_is_not_the_future(void **unused)
{
    (void)unused;
    for (int i = 0; i < 3; i++) {
        struct clientid__table *table = table_of(64);
        struct clientid__rule rule = rule_of(algorithms[i], 10);
        struct clientid__charge c = charge_of(&rule, 1);

        assert_true(spend(table, &c, 10, T0 + CLIENTID__SKEW_NS, NULL));
        assert_int_equal(read_table(table, T0, minute).region[0].ahead, 0);
        assert_int_equal(clear(table, CLIENTID_CLEAR_AHEAD, T0).ahead, 0);
        assert_false(spend(table, &c, 1, T0, NULL));
        clientid__table_close(table);
    }
}

/* ---- overflow -------------------------------------------------------------------------------- */

/* Fills the one or two buckets of a small table; |fresh| are keys that then have no cell. */
static void fill(struct clientid__table *table, const struct clientid__rule *rule)
{
    for (uint64_t client = 1; client <= 400; client++) {
        struct clientid__charge c = charge_of(rule, client);

        spend(table, &c, 1, T0, NULL);
    }
    assert_int_equal(read_table(table, T0, unknown).region[0].full, 2);
}

static void keys_that_share_a_cell(void **unused)
{
    (void)unused;
    for (int i = 0; i < 3; i++) {
        struct clientid__table *table = table_of(64);
        struct clientid__rule filling = rule_of(FIXED, 1000), rule = rule_of(algorithms[i], 10);
        struct clientid__charge a = charge_of(&rule, 1001), b = charge_of(&rule, 1002);
        clientid_limits_info info;

        rule.salt[0] ^= 77; /* another policy */
        a = charge_of(&rule, 1001);
        b = charge_of(&rule, 1002);
        fill(table, &filling);
        assert_true(spend(table, &a, 6, T0, NULL));
        assert_true(look(table, &a, T0).shared);
        assert_int_equal(look(table, &b, T0).remaining, 4);
        info = read_table(table, T0, minute);
        assert_int_equal(info.region[CLIENTID_CELLS_OVERFLOW].live, 2);
        assert_true(info.region[0].overflow_charges > 0);
        /* No cell can be had: the shared one is reset, for both. */
        assert_true(restore(table, &a, T0).shared);
        assert_int_equal(look(table, &a, T0).remaining, 10);
        assert_int_equal(look(table, &b, T0).remaining, 10);
        assert_true(spend(table, &b, 10, T0, NULL));
        assert_false(spend(table, &a, 1, T0, NULL));
        assert_int_equal(clear(table, CLIENTID_CLEAR_OVERFLOW, T0).overflow, 2);
        assert_true(spend(table, &a, 10, T0, NULL));
        assert_false(spend(table, &b, 1, T0, NULL));
        clientid__table_close(table);
    }
}

/* Cells have become free: who shared one is given its own, and the others keep what they have spent. */
static void a_key_that_leaves_the_shared_cell(void **unused)
{
    struct clientid__table *table = table_of(64);
    struct clientid__rule filling = rule_of(FIXED, 1000), rule;
    struct clientid__charge a, b;

    (void)unused;
    assert_int_equal(clientid__rule_init(&rule, FIXED, 10, 10 * MINUTE, 0, 2, NULL), 0);
    a = charge_of(&rule, 1001);
    for (uint64_t client = 1002;
         client == 1002 || place_of(table, &b).bucket != place_of(table, &a).bucket; client++)
        b = charge_of(&rule, client);
    fill(table, &filling);
    assert_true(spend(table, &a, 10, T0, NULL));
    assert_int_equal(look(table, &b, T0 + 70 * S).remaining, 0);
    assert_false(restore(table, &a, T0 + 70 * S).shared);
    assert_int_equal(look(table, &a, T0 + 70 * S).remaining, 10);
    assert_false(look(table, &a, T0 + 70 * S).shared);
    assert_int_equal(look(table, &b, T0 + 70 * S).remaining, 0);
    assert_true(spend(table, &a, 10, T0 + 70 * S, NULL));
    assert_false(spend(table, &a, 1, T0 + 70 * S, NULL));
    clientid__table_close(table);
}

/* ---- everything ------------------------------------------------------------------------------ */

static void all_live_cells(void **unused)
{
    struct clientid__table *table = table_of(1024);
    struct clientid__rule rules[3] = {rule_of(FIXED, 10), rule_of(SLIDING, 10),
                                      rule_of(BUCKET, 10)};
    const uint64_t key[2] = {5, 6};
    uint64_t identity, revision;
    clientid_limits_info info;

    (void)unused;
    clientid__table_use(table, key, T0);
    clientid__table_see(table, 3, 4);
    for (int round = 0; round < 4; round++) {
        for (uint64_t client = 0; client < 90; client++) {
            struct clientid__charge c = charge_of(&rules[client % 3], client);

            c.region = client % 2 ? CLIENTID__REGION_KEYS : CLIENTID__REGION_CONTRACTS;
            assert_true(spend(table, &c, 10, T0 + (uint64_t)round, NULL));
            assert_false(spend(table, &c, 1, T0 + (uint64_t)round, NULL));
        }
        info = read_table(table, T0 + (uint64_t)round, minute);
        assert_int_equal(
            info.region[0].live + info.region[1].live + (info.region[2].live > 0 ? 0 : 0), 90);
        assert_int_equal(clear(table, EVERYTHING, T0 + (uint64_t)round).live, 90);
        info = read_table(table, T0 + (uint64_t)round, minute);
        for (int r = 0; r < 3; r++)
            assert_int_equal(info.region[r].live, 0);
        assert_int_equal(info.region[0].latest_ns, 0);
    }
    assert_int_equal(info.uses, 1);
    assert_int_equal(info.use_cells, 64);
    clientid__table_seen(table, &identity, &revision);
    assert_int_equal(identity, 3);
    assert_int_equal(revision, 4);
    assert_int_equal(info.source_revision, 4);
    assert_int_equal(info.layout, CLIENTID__TABLE_LAYOUT);
    assert_int_equal(info.clock, CLIENTID__CLOCK_WALL);
    clientid__table_close(table);
}

/* ---- a file by itself ------------------------------------------------------------------------ */

struct folder {
    char path[64];
    char file[96];
};

static int make_folder(void **state)
{
    struct folder *f = calloc(1, sizeof(*f));

    assert_non_null(f);
    snprintf(f->path, sizeof(f->path), "/tmp/clientid-repair-XXXXXX");
    assert_non_null(mkdtemp(f->path));
    snprintf(f->file, sizeof(f->file), "%s/limits", f->path);
    *state = f;
    return 0;
}

static int remove_folder(void **state)
{
    struct folder *f = *state;

    unlink(f->file);
    rmdir(f->path);
    free(f);
    return 0;
}

static void attached_without_a_configuration(void **state)
{
    const struct folder *f = *state;
    struct clientid__table_options options = {
        .file = f->file, .cells = 4096, .key_cells = 128, .use_cells = 0, .existing = true};
    struct clientid__table *table, *seen;
    struct clientid__rule rule = rule_of(FIXED, 10);
    struct clientid__charge c = charge_of(&rule, 1);
    clientid_error error = {0};
    struct stat st;

    assert_int_equal(clientid__table_attach(&seen, &clientid__malloc, f->file, true, &error),
                     CLIENTID_ERR_NOT_FOUND);
    assert_int_equal(clientid__table_open(&table, &clientid__malloc, &options, &error),
                     CLIENTID_ERR_NOT_FOUND);
    assert_non_null(strstr(error.text, f->file));
    assert_int_not_equal(stat(f->file, &st), 0); /* nothing was made */
    options.existing = false;
    assert_int_equal(clientid__table_open(&table, &clientid__malloc, &options, NULL), 0);
    assert_true(spend(table, &c, 10, T0, NULL));
    assert_int_equal(clientid__table_attach(&seen, &clientid__malloc, f->file, true, NULL), 0);
    assert_int_equal(read_table(seen, T0, unknown).region[0].live, 1);
    assert_int_equal(read_table(seen, T0, unknown).region[0].cells, 4096 / 32 * 30);
    assert_int_equal(read_table(seen, T0, unknown).use_cells, 0);
    assert_int_equal(look(seen, &c, T0).remaining, 0);
    clientid__table_close(seen);
    assert_int_equal(clientid__table_attach(&seen, &clientid__malloc, f->file, false, NULL), 0);
    assert_int_equal(clear(seen, CLIENTID_CLEAR_LIVE, T0).live, 1);
    assert_true(spend(table, &c, 10, T0, NULL));
    clientid__table_close(seen);
    clientid__table_close(table);
}

/* Nobody asked for these sizes, so they must not lead out of the file. */
static void sizes_that_no_table_has(void **state)
{
    static const struct {
        const char *why;
        uint64_t entries[4];
    } rows[] = {
        /* Of the same length in bytes: only the sizes themselves tell. */
        {"no cells", {0, 128, 1024, 0}},
        {"no cells for keys", {128, 0, 1024, 0}},
        {"no cells to overflow into", {1024, 128, 0, 0}},
        {"no powers of two", {96, 96, 960, 0}},
        {"less than a bucket each", {64, 16, 1024, 48}},
        {"so many that their bytes overflow", {(UINT64_C(1) << 60) + 64, 64, 1024, 0}},
    };
    const struct folder *f = *state;
    struct clientid__table_options options = {.file = f->file, .cells = 64, .key_cells = 64};
    struct clientid__table *table;
    clientid_error error;

    assert_int_equal(clientid__table_open(&table, &clientid__malloc, &options, NULL), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        memcpy(table->header->entries, rows[i].entries, sizeof(rows[i].entries));
        if (clientid__table_attach(&(struct clientid__table *){NULL}, &clientid__malloc, f->file,
                                   true, &error) != CLIENTID_ERR_FORMAT)
            fail_msg("%s", rows[i].why);
        assert_non_null(strstr(error.text, f->file));
    }
    memcpy(table->header->entries, (uint64_t[4]){128, 64, 1024, 0}, 32); /* longer than the file */
    assert_int_equal(clientid__table_attach(&(struct clientid__table *){NULL}, &clientid__malloc,
                                            f->file, true, &error),
                     CLIENTID_ERR_FORMAT);
    assert_non_null(strstr(error.text, "bytes long and should be"));
    clientid__table_close(table);
}

#define in_folder(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_look_says_what_a_request_would_meet),
        cmocka_unit_test(a_restored_key_has_its_full_quota_once),
        cmocka_unit_test(late_refunds_stay_within_the_quota),
        cmocka_unit_test(a_receipt_from_before_the_reset),
        cmocka_unit_test(claims_that_nobody_ends),
        cmocka_unit_test(a_virgin_cell_is_restored),
        cmocka_unit_test(two_cells_for_one_key),
        cmocka_unit_test(damage_beside_a_pending_claim),
        cmocka_unit_test(times_from_the_future),
        cmocka_unit_test(skew_is_not_the_future),
        cmocka_unit_test(keys_that_share_a_cell),
        cmocka_unit_test(a_key_that_leaves_the_shared_cell),
        cmocka_unit_test(all_live_cells),
        in_folder(attached_without_a_configuration),
        in_folder(sizes_that_no_table_has),
    };

    return cmocka_run_group_tests_name("repair", tests, NULL, NULL);
}
