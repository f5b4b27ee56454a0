/* SPDX-License-Identifier: Apache-2.0 */
/* Several syncs, each with a way of its own to one source, on one folder. */
#include "support_disk.h"
#include "support_event.h"
#include "support_source.h"
#include "support_world.h"

#include "base/str.h"
#include "sync/sync.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

#define SECOND_NS 1000000000ULL
#define STEP_NS   50000000ULL
#define NODES     3
#define APIS                                                                                       \
    "\"apis\": {\"orders\": {\"policies\": [{\"policy\": \"client-id-enforcement\", \"id\": "      \
    "\"query:id\"}]}}, \"limits\": {\"cells\": 1024, \"keyCells\": 1024, \"useCells\": 1024}"
#define FLEXIBLE "{" APIS "}"
#define STRICT   "{\"gatekeeper\": \"strict\", " APIS "}"

struct node {
    struct support_world world;
    clientid_sync *sync;
    bool cut; /* from the source */
    clientid_position told;
    unsigned asked; /* the source */
    unsigned lines;
    char log[8192];
};

static char path[64];
static struct support_source truth;
static size_t piece_contracts; /* of a snapshot; 0: as many as the library likes */
static struct node nodes[NODES];
static uint64_t now_ns;

/* ---- a node ------------------------------------------------------------------------------------ */

static bool same(clientid_position a, clientid_position b)
{
    return a.identity == b.identity && a.revision == b.revision;
}

static int unreachable(clientid_error *error)
{
    error->code = CLIENTID_ERR_UNREACHABLE;
    snprintf(error->text, sizeof(error->text), "cut off");
    return CLIENTID_ERR_UNREACHABLE;
}

static int node_load(void *self, clientid_event_fn *emit, void *sink, clientid_position *position,
                     clientid_error *error)
{
    struct node *n = self;

    n->told = truth.at;
    return n->cut ? unreachable(error) : truth.source.load(&truth, emit, sink, position, error);
}

static int node_changes(void *self, clientid_event_fn *emit, void *sink,
                        clientid_position *position, clientid_error *error)
{
    struct node *n = self;

    return n->cut ? unreachable(error) : truth.source.changes(&truth, emit, sink, position, error);
}

static int node_poll(void *self, clientid_error *error)
{
    struct node *n = self;
    int news = !same(n->told, truth.at);

    n->asked++;
    if (n->cut)
        return unreachable(error);
    n->told = truth.at;
    return news;
}

static void log_line(void *self, const clientid_error *error)
{
    struct node *n = self;
    size_t used = strlen(n->log);

    n->lines++;
    snprintf(n->log + used, sizeof(n->log) - used, "%d %s\n", error->code, error->text);
}

static void start_world(struct support_world *world, const char *config)
{
    clientid_options options = {.size = sizeof(options), .config = clientid__cstr(config)};

    memset(world, 0, sizeof(*world));
    world->now_ns = now_ns;
    assert_int_equal(clientid_gateway_new(&world->gateway, &options, NULL), 0);
    assert_int_equal(clientid_worker_new(&world->worker, world->gateway), 0);
}

static void start_as(int i, const char *config, bool with_source)
{
    struct node *n = &nodes[i];
    bool cut = n->cut;
    clientid_source source = {.size = sizeof(source),
                              .self = n,
                              .load = node_load,
                              .changes = node_changes,
                              .poll = node_poll};
    clientid_sync_options options = {.size = sizeof(options),
                                     .state = path,
                                     .mode = CLIENTID_SYNC_SHARE,
                                     .log = log_line,
                                     .log_self = n};

    memset(n, 0, sizeof(*n));
    n->cut = cut;
    start_world(&n->world, config);
    assert_int_equal(
        clientid_sync_new(&n->sync, n->world.gateway, with_source ? &source : NULL, &options, NULL),
        0);
    if (piece_contracts != 0)
        n->sync->piece_contracts = piece_contracts;
}

static void start(int i)
{
    start_as(i, FLEXIBLE, true);
}

/* The files are left as kill -9 would leave them: nothing is written at an end. */
static void stop(int i)
{
    if (nodes[i].sync == NULL)
        return;
    clientid_sync_del(nodes[i].sync);
    nodes[i].sync = NULL;
    support_world_del(&nodes[i].world);
}

static int step(int i)
{
    uint64_t next;
    int rv;

    now_ns += STEP_NS;
    nodes[i].world.now_ns = now_ns;
    rv = clientid_sync_step(nodes[i].sync, now_ns, &next, NULL);
    assert_true(next > now_ns);
    return rv;
}

static void cut(int i, bool is_cut)
{
    nodes[i].cut = is_cut;
    if (!is_cut)
        now_ns += 16 * SECOND_NS; /* the longest wait for the source */
}

static bool writes(int i)
{
    return nodes[i].sync->writes;
}

static clientid_reason ask(struct support_world *world, int client)
{
    char raw[64];

    snprintf(raw, sizeof(raw), "GET /?id=c%d HTTP/1.1\r\n\r\n", client);
    return support_ask(world, "orders", raw).reason;
}

#define EXPECT(i, client, wanted)                                                                  \
    assert_string_equal(clientid_reason_label(ask(&nodes[i].world, client)),                       \
                        clientid_reason_label(CLIENTID_REASON_##wanted))

/* ---- the files alone --------------------------------------------------------------------------- */

static struct support_world files;
static clientid_sync *files_sync;

static clientid_position open_files(void)
{
    clientid_sync_options options = {
        .size = sizeof(options), .state = path, .mode = CLIENTID_SYNC_READ};

    start_world(&files, FLEXIBLE);
    assert_int_equal(clientid_sync_new(&files_sync, files.gateway, NULL, &options, NULL), 0);
    return clientid__sync_position(files_sync);
}

static void close_files(void)
{
    if (files_sync == NULL)
        return;
    clientid_sync_del(files_sync);
    files_sync = NULL;
    support_world_del(&files);
}

/* What a restart without the source would know. */
static void expect_files(int client, clientid_reason wanted)
{
    open_files();
    assert_string_equal(clientid_reason_label(ask(&files, client)), clientid_reason_label(wanted));
    close_files();
}

static int set_up(void **state)
{
    (void)state;
    support_disk_works();
    support_folder_new(path);
    support_source_init(&truth, 4711);
    support_source_set(&truth, 1, CLIENTID_APPROVED);
    memset(nodes, 0, sizeof(nodes));
    now_ns = 1700000000 * SECOND_NS;
    piece_contracts = 0;
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    support_disk_works();
    close_files();
    for (int i = 0; i < NODES; i++)
        stop(i);
    support_folder_del(path);
    return 0;
}

/* ---- who writes -------------------------------------------------------------------------------- */

static void one_writes_and_the_others_follow(void **state)
{
    (void)state;
    for (int i = 0; i < NODES; i++)
        start(i);
    for (int i = 0; i < NODES; i++) {
        assert_int_equal(step(i), 0);
        assert_int_equal(writes(i), i == 0);
    }
    support_source_set(&truth, 1, CLIENTID_REVOKED);
    assert_int_equal(step(1), 0);
    EXPECT(1, 1, CONTRACT_REVOKED);
    expect_files(1, CLIENTID_REASON_ALLOWED);
    assert_int_equal(step(0), 0);
    expect_files(1, CLIENTID_REASON_CONTRACT_REVOKED);
    assert_int_equal(step(1), 0);
    assert_int_equal(nodes[1].sync->status.durable_revision, truth.at.revision);
    assert_non_null(strstr(nodes[1].log, "another process writes"));
}

static void the_next_step_takes_over(void **state)
{
    (void)state;
    start(0);
    start(1);
    step(0);
    step(1);
    stop(0);
    support_source_set(&truth, 1, CLIENTID_REVOKED);
    assert_int_equal(step(1), 0);
    assert_true(writes(1));
    expect_files(1, CLIENTID_REASON_CONTRACT_REVOKED);
    assert_int_equal(nodes[1].sync->disk_code, 0);
    support_source_set(&truth, 2, CLIENTID_APPROVED);
    assert_int_equal(step(1), 0);
    expect_files(2, CLIENTID_REASON_ALLOWED);
    assert_non_null(strstr(nodes[1].log, "this process writes"));
    /* The one that comes back follows. */
    start(0);
    assert_int_equal(step(0), 0);
    assert_int_equal(step(0), 0);
    assert_false(writes(0));
}

static void a_restart_goes_on_with_the_journal(void **state)
{
    struct stat before, after;
    char name[128];

    (void)state;
    start(0);
    step(0);
    stop(0);
    support_path(name, sizeof(name), path, CLIENTID__SNAPSHOT_NAME);
    assert_int_equal(stat(name, &before), 0);
    start(0);
    support_source_set(&truth, 1, CLIENTID_REVOKED);
    assert_int_equal(step(0), 0);
    assert_int_equal(stat(name, &after), 0);
    assert_int_equal(before.st_ino, after.st_ino);
    expect_files(1, CLIENTID_REASON_CONTRACT_REVOKED);
}

/* What the reader missed is in the files only: it must not put its own state over them. */
static void one_that_is_behind_never_overwrites(void **state)
{
    (void)state;
    start(0);
    start(1);
    step(0);
    step(1);
    support_source_set(&truth, 1, CLIENTID_REVOKED);
    step(0);
    stop(0);
    cut(1, true);
    /* It takes the lock, since it was in step, and finds its source gone. */
    assert_int_equal(step(1), CLIENTID_ERR_UNREACHABLE);
    assert_true(writes(1));
    EXPECT(1, 1, CONTRACT_REVOKED);
    expect_files(1, CLIENTID_REASON_CONTRACT_REVOKED);
    for (int i = 0; i < 100; i++)
        step(1);
    assert_false(writes(1));
    expect_files(1, CLIENTID_REASON_CONTRACT_REVOKED);
    support_source_set(&truth, 2, CLIENTID_APPROVED);
    cut(1, false);
    assert_int_equal(step(1), 0);
    assert_int_equal(step(1), 0);
    assert_true(writes(1));
    expect_files(1, CLIENTID_REASON_CONTRACT_REVOKED);
    expect_files(2, CLIENTID_REASON_ALLOWED);
}

/* The same, when the files cannot be loaded at that moment. */
static void what_cannot_be_read_is_not_overwritten(void **state)
{
    (void)state;
    start(0);
    start(1);
    step(0);
    step(1);
    support_source_set(&truth, 1, CLIENTID_REVOKED);
    step(0);
    stop(0);
    cut(1, true);
    support_disk.read_errno = EIO;
    for (int i = 0; i < 10; i++)
        assert_int_equal(step(1), CLIENTID_ERR_UNREACHABLE);
    support_disk_works();
    expect_files(1, CLIENTID_REASON_CONTRACT_REVOKED);
    for (int i = 0; i < 100; i++)
        step(1);
    EXPECT(1, 1, CONTRACT_REVOKED);
}

static void a_replaced_store_is_not_undone_by_one_that_missed_it(void **state)
{
    (void)state;
    start(0);
    start(1);
    step(0);
    step(1);
    cut(1, true);
    step(1);
    support_source_init(&truth, 815);
    support_source_set(&truth, 7, CLIENTID_APPROVED);
    assert_int_equal(step(0), 0);
    stop(0);
    for (int i = 0; i < 100; i++)
        step(1);
    assert_false(writes(1));
    assert_int_equal(open_files().identity, 815);
    close_files();
    cut(1, false);
    assert_int_equal(step(1), 0);
    assert_int_equal(step(1), 0);
    assert_true(writes(1));
    EXPECT(1, 1, CLIENT_UNKNOWN);
    expect_files(7, CLIENTID_REASON_ALLOWED);
    expect_files(1, CLIENTID_REASON_CLIENT_UNKNOWN);
}

static void a_source_that_went_back_is_the_truth_for_the_next_writer_too(void **state)
{
    (void)state;
    for (int i = 0; i < 8; i++)
        support_source_set(&truth, 2, CLIENTID_APPROVED);
    start(0);
    start(1);
    step(0);
    step(1);
    stop(0);
    support_source_restore(&truth, 4, 9);
    assert_int_equal(step(1), 0);
    assert_true(writes(1));
    expect_files(9, CLIENTID_REASON_ALLOWED);
    expect_files(2, CLIENTID_REASON_CLIENT_UNKNOWN);
}

static void a_writer_without_source_makes_room(void **state)
{
    unsigned loads;

    (void)state;
    start(0);
    start(1);
    step(0);
    step(1);
    cut(0, true);
    step(0);
    assert_true(writes(0)); /* a hiccup costs no snapshot */
    step(1);
    assert_false(writes(1));
    for (int i = 0; i < 45; i++)
        step(0);
    assert_false(writes(0));
    step(1);
    assert_true(writes(1));
    /* It follows the files from then on, at each step, without loading them each time. */
    support_source_set(&truth, 1, CLIENTID_REVOKED);
    step(1);
    step(0);
    EXPECT(0, 1, CONTRACT_REVOKED);
    loads = (unsigned)nodes[0].sync->status.full_loads;
    nodes[0].asked = 0;
    for (int i = 0; i < 20; i++) {
        support_source_set(&truth, 1, i % 2 == 0 ? CLIENTID_APPROVED : CLIENTID_REVOKED);
        step(1);
        step(0);
        assert_int_equal(nodes[0].sync->status.revision, truth.at.revision);
    }
    assert_int_equal(nodes[0].sync->status.full_loads, loads);
    assert_true(nodes[0].asked < 5); /* it waits for the source as before */
    now_ns += 3 * SECOND_NS;
    step(1);
    step(0);
    assert_int_equal(nodes[0].sync->status.contact_ns, now_ns - STEP_NS);
    /* The source is back, where the files are already. */
    cut(0, false);
    assert_int_equal(step(0), 0);
    assert_false(writes(0));
    support_source_set(&truth, 3, CLIENTID_APPROVED);
    assert_int_equal(step(0), 0);
    EXPECT(0, 3, ALLOWED);
    stop(1);
    step(0);
    assert_true(writes(0));
    expect_files(3, CLIENTID_REASON_ALLOWED);
}

static void one_that_has_never_reached_its_source_follows(void **state)
{
    (void)state;
    start(0);
    step(0);
    cut(1, true);
    start(1);
    EXPECT(1, 1, ALLOWED);
    step(1);
    support_source_set(&truth, 1, CLIENTID_REVOKED);
    step(0);
    step(1);
    EXPECT(1, 1, CONTRACT_REVOKED);
    stop(0);
    for (int i = 0; i < 30; i++)
        step(1);
    assert_false(writes(1));
}

static void strict_waits_for_the_writer_s_contact(void **state)
{
    (void)state;
    start(0);
    step(0);
    cut(1, true);
    start_as(1, STRICT, true);
    step(1);
    EXPECT(1, 1, REGISTRY_NOT_LOADED);
    now_ns += 3 * SECOND_NS;
    step(0);
    step(1);
    EXPECT(1, 1, ALLOWED);
    support_source_set(&truth, 1, CLIENTID_REVOKED);
    step(0);
    step(1);
    EXPECT(1, 1, CONTRACT_REVOKED);
}

static void strict_does_not_believe_a_writer_of_another_time(void **state)
{
    (void)state;
    start(0);
    step(0);
    stop(0);
    cut(1, true);
    start_as(1, STRICT, true);
    for (int i = 0; i < 100; i++)
        step(1);
    EXPECT(1, 1, REGISTRY_NOT_LOADED);
    cut(1, false);
    assert_int_equal(step(1), 0);
    assert_int_equal(step(1), 0);
    assert_true(writes(1));
    EXPECT(1, 1, ALLOWED);
}

static void without_a_source_it_only_reads(void **state)
{
    (void)state;
    start_as(0, FLEXIBLE, false);
    step(0);
    start(1);
    assert_int_equal(step(1), 0);
    assert_true(writes(1));
    now_ns += 2 * SECOND_NS;
    assert_int_equal(step(0), 0);
    EXPECT(0, 1, ALLOWED);
    stop(1);
    assert_int_equal(step(0), 0);
    assert_false(writes(0));
}

static void a_folder_that_cannot_be_written_is_read_and_said_once(void **state)
{
    char name[128];
    unsigned lines;

    (void)state;
    start(0);
    step(0);
    support_source_set(&truth, 2, CLIENTID_APPROVED);
    step(0);
    stop(0);
    /* Also for root: what is to be the lock cannot be opened. */
    support_path(name, sizeof(name), path, "registry.lock");
    assert_int_equal(unlink(name), 0);
    assert_int_equal(mkdir(name, 0700), 0);
    start(1);
    EXPECT(1, 2, ALLOWED);
    assert_int_equal(step(1), 0);
    lines = nodes[1].lines;
    assert_non_null(strstr(nodes[1].log, "cannot write to the state folder"));
    for (int i = 0; i < 2000; i++)
        assert_int_equal(step(1), 0);
    assert_int_equal(nodes[1].lines, lines);
    support_source_set(&truth, 1, CLIENTID_REVOKED);
    assert_int_equal(step(1), 0);
    EXPECT(1, 1, CONTRACT_REVOKED);
    assert_false(writes(1));
    assert_int_equal(rmdir(name), 0);
    for (int i = 0; i < 400 && !writes(1); i++)
        assert_int_equal(step(1), 0);
    assert_true(writes(1));
    expect_files(1, CLIENTID_REASON_CONTRACT_REVOKED);
}

static void a_lock_that_was_removed_is_given_up(void **state)
{
    char name[128];

    (void)state;
    start(0);
    start(1);
    step(0);
    step(1);
    support_path(name, sizeof(name), path, "registry.lock");
    assert_int_equal(unlink(name), 0);
    step(1);
    assert_true(writes(1));
    step(0);
    assert_false(writes(0));
    support_source_set(&truth, 1, CLIENTID_REVOKED);
    step(0);
    step(1);
    expect_files(1, CLIENTID_REASON_CONTRACT_REVOKED);
    assert_false(writes(0));
}

/* Processes that poll earlier move the shared table ahead of the files: a newcomer must get in all the same. */
static void a_newcomer_is_not_kept_out_by_those_who_poll_earlier(void **state)
{
    (void)state;
    start(0);
    step(0);
    cut(1, true);
    start_as(1, FLEXIBLE, true);
    stop(1);
    cut(1, true);
    start_world(&files, FLEXIBLE); /* any gateway: its table stands for the shared one */
    clientid__table_see(clientid__gateway_table(files.gateway), 4711, truth.at.revision);
    files_sync = NULL;
    {
        clientid_sync_options options = {
            .size = sizeof(options), .state = path, .mode = CLIENTID_SYNC_SHARE};
        clientid_source source = {
            .size = sizeof(source), .self = &nodes[1], .load = node_load, .changes = node_changes};
        uint64_t next;
        char from[128], to[128];

        /* The files come later than the process. */
        support_path(from, sizeof(from), path, CLIENTID__SNAPSHOT_NAME);
        support_path(to, sizeof(to), path, "away");
        assert_int_equal(rename(from, to), 0);
        assert_int_equal(clientid_sync_new(&files_sync, files.gateway, &source, &options, NULL), 0);
        assert_int_equal(rename(to, from), 0);
        clientid__table_see(clientid__gateway_table(files.gateway), 4711, truth.at.revision + 1);
        assert_int_equal(clientid_sync_step(files_sync, now_ns, &next, NULL),
                         CLIENTID_ERR_UNREACHABLE);
        assert_int_equal(ask(&files, 1), CLIENTID_REASON_ALLOWED);
    }
}

/* ---- any order --------------------------------------------------------------------------------- */

static void change(uint64_t *seed)
{
    switch (support_random(seed) % 40) {
    case 0:
        support_source_restore(&truth, 1 + support_random(seed) % truth.at.revision,
                               (int)(support_random(seed) % SUPPORT_CLIENTS));
        break;
    case 1:
        support_source_init(&truth, truth.at.identity + 1);
        support_source_set(&truth, 1, CLIENTID_APPROVED);
        break;
    default:
        support_source_set(&truth, (int)(support_random(seed) % SUPPORT_CLIENTS),
                           (unsigned)(support_random(seed) % 5));
    }
}

/* All that hold with each other: equal to the source, and so are the files. */
static void expect_harmony(uint64_t seed)
{
    for (int round = 0; round < 20; round++)
        for (int i = 0; i < NODES; i++) {
            if (nodes[i].sync == NULL)
                start(i);
            cut(i, false);
            if (step(i) != 0)
                fail_msg("node %d, seed %llu: %s", i, (unsigned long long)seed, nodes[i].log);
        }
    for (int i = 0; i < NODES; i++)
        if (!same(clientid__sync_position(nodes[i].sync), truth.at))
            fail_msg("node %d, seed %llu: %s", i, (unsigned long long)seed, nodes[i].log);
    if (!same(open_files(), truth.at))
        fail_msg("files, seed %llu", (unsigned long long)seed);
    for (int c = 0; c < SUPPORT_CLIENTS; c++)
        for (int i = 0; i < NODES; i++)
            if (ask(&files, c) != ask(&nodes[i].world, c))
                fail_msg("client %d, seed %llu", c, (unsigned long long)seed);
    close_files();
}

static unsigned writers(void)
{
    unsigned n = 0;

    for (int i = 0; i < NODES; i++)
        n += nodes[i].sync != NULL && writes(i);
    return n;
}

/*
 * |kept| is the last position that a writer had in force while it was in step: nothing that starts from the files may
 * come out behind it, whoever wrote in between.  While a snapshot is being written they may be refused.
 */
static void any_order(void)
{
    clientid_position kept = {0, 0}, found;

    for (uint64_t first = 1; first <= 12; first++) {
        uint64_t seed = first;

        for (int n = 0; n < 250; n++) {
            int i = (int)(support_random(&seed) % NODES);

            if (nodes[i].sync == NULL)
                start(i);
            switch (support_random(&seed) % 8) {
            case 0:
                stop(i);
                break;
            case 1:
                cut(i, !nodes[i].cut);
                break;
            case 2:
            case 3:
                change(&seed);
                break;
            default:
                if (step(i) == 0 && writes(i))
                    kept = clientid__sync_position(nodes[i].sync);
            }
            assert_true(writers() <= 1);
            found = open_files();
            close_files();
            if (kept.identity != 0 && !same(found, kept) &&
                (found.identity != 0 || piece_contracts == 0))
                fail_msg("revision %llu of the files, %llu was kept, seed %llu",
                         (unsigned long long)found.revision, (unsigned long long)kept.revision,
                         (unsigned long long)first);
        }
        expect_harmony(first);
        kept = truth.at;
    }
}

static void any_order_of_starts_ends_cuts_and_changes(void **state)
{
    (void)state;
    any_order();
}

static void any_order_while_snapshots_are_written(void **state)
{
    (void)state;
    piece_contracts = 4;
    any_order();
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
    const struct CMUnitTest tests[] = {
        TEST(one_writes_and_the_others_follow),
        TEST(the_next_step_takes_over),
        TEST(a_restart_goes_on_with_the_journal),
        TEST(one_that_is_behind_never_overwrites),
        TEST(what_cannot_be_read_is_not_overwritten),
        TEST(a_replaced_store_is_not_undone_by_one_that_missed_it),
        TEST(a_source_that_went_back_is_the_truth_for_the_next_writer_too),
        TEST(a_writer_without_source_makes_room),
        TEST(one_that_has_never_reached_its_source_follows),
        TEST(strict_waits_for_the_writer_s_contact),
        TEST(strict_does_not_believe_a_writer_of_another_time),
        TEST(without_a_source_it_only_reads),
        TEST(a_folder_that_cannot_be_written_is_read_and_said_once),
        TEST(a_lock_that_was_removed_is_given_up),
        TEST(a_newcomer_is_not_kept_out_by_those_who_poll_earlier),
        TEST(any_order_of_starts_ends_cuts_and_changes),
        TEST(any_order_while_snapshots_are_written),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
