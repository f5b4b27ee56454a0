/* SPDX-License-Identifier: Apache-2.0 */
/* Source, registry and files together, with a gateway that decides. */
#include "support_alloc.h"
#include "support_disk.h"
#include "support_event.h"
#include "support_source.h"
#include "support_world.h"

#include "base/mem.h"
#include "base/str.h"
#include "sync/sync.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define SECOND_NS 1000000000ULL
#define APIS                                                                                       \
    "\"apis\": {\"orders\": {\"policies\": [{\"policy\": \"client-id-enforcement\", \"id\": "      \
    "\"query:id\"}]}}"
#define FLEXIBLE "{" APIS "}"
#define STRICT   "{\"gatekeeper\": \"strict\", " APIS "}"
#define SMALL    "{\"limits\": {\"cells\": 1024, \"keyCells\": 1024, \"useCells\": 1024}, " APIS "}"
#define DISABLED "{\"gatekeeper\": \"disabled\", " APIS "}"
#define AGED     "{\"maximumAge\": \"1h\", " APIS "}"

/* ---- the world of a test ----------------------------------------------------------------------- */

static char path[64];
static struct support_world w;
static struct support_source source;
static clientid_sync *sync_;
static struct {
    unsigned lines;
    int last_code;
    char last[256];
    char all[8192];
} logged;

static void log_line(void *self, const clientid_error *error)
{
    size_t used = strlen(logged.all);

    (void)self;
    logged.lines++;
    logged.last_code = error->code;
    snprintf(logged.last, sizeof(logged.last), "%s", error->text);
    snprintf(logged.all + used, sizeof(logged.all) - used, "%d %s\n", error->code, error->text);
}

static clientid_gateway *make_gateway(const char *config, const clientid_allocator *allocator)
{
    clientid_options options = {.size = sizeof(options),
                                .config = clientid__cstr(config),
                                .config_name = "test.json",
                                .allocator = allocator};
    clientid_gateway *gateway;
    clientid_error error = {0};

    if (clientid_gateway_new(&gateway, &options, &error) != 0)
        fail_msg("%s: %s", error.pointer, error.text);
    return gateway;
}

static void start_gateway(struct support_world *world, const char *config)
{
    uint64_t now = world->now_ns != 0 ? world->now_ns : 1700000000 * SECOND_NS;

    memset(world, 0, sizeof(*world));
    world->now_ns = now;
    world->gateway = make_gateway(config, NULL);
    assert_int_equal(clientid_worker_new(&world->worker, world->gateway), 0);
}

static clientid_sync_options sync_options(uint32_t mode)
{
    return (clientid_sync_options){
        .size = sizeof(clientid_sync_options), .state = path, .mode = mode, .log = log_line};
}

static void start(const char *config)
{
    clientid_sync_options options = sync_options(0);

    start_gateway(&w, config);
    assert_int_equal(clientid_sync_new(&sync_, w.gateway, &source.source, &options, NULL), 0);
}

static void stop(void)
{
    clientid_sync_del(sync_);
    sync_ = NULL;
    if (w.gateway != NULL)
        support_world_del(&w);
    w.gateway = NULL;
}

static int step(void)
{
    uint64_t next;
    int rv;

    w.now_ns += 50000000;
    rv = clientid_sync_step(sync_, w.now_ns, &next, NULL);
    assert_true(next > w.now_ns);
    return rv;
}

static int set_up(void **state)
{
    (void)state;
    support_disk_works();
    support_folder_new(path);
    support_source_init(&source, 4711);
    support_source_set(&source, 1, CLIENTID_APPROVED);
    memset(&logged, 0, sizeof(logged));
    memset(&w, 0, sizeof(w));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    support_disk_works();
    stop();
    support_folder_del(path);
    return 0;
}

static clientid_reason ask(struct support_world *world, int client)
{
    char raw[64];

    snprintf(raw, sizeof(raw), "GET /?id=c%d HTTP/1.1\r\n\r\n", client);
    return support_ask(world, "orders", raw).reason;
}

#define EXPECT(client, wanted)                                                                     \
    assert_string_equal(clientid_reason_label(ask(&w, client)),                                    \
                        clientid_reason_label(CLIENTID_REASON_##wanted))

/* ---- equality of registries -------------------------------------------------------------------- */

struct lines {
    struct support_sink sink;
    size_t start[2 * SUPPORT_CLIENTS];
    size_t count;
};

static int take_line(void *self, const clientid_event *event)
{
    struct lines *l = self;

    l->start[l->count++] = l->sink.bytes.len;
    return support_sink_take(&l->sink, event);
}

static int find_line(const struct lines *in, const unsigned char *line, size_t len)
{
    for (size_t i = 0; i < in->count; i++) {
        size_t end = i + 1 < in->count ? in->start[i + 1] : in->sink.bytes.len;

        if (end - in->start[i] == len && memcmp(in->sink.bytes.data + in->start[i], line, len) == 0)
            return 1;
    }
    return 0;
}

/* What is in force holds the same records as the source. */
static void expect_equal_to_source(clientid_gateway *gateway)
{
    struct lines have = {.count = 0}, want = {.count = 0};
    clientid_position position;
    clientid_error error;

    support_sink_init(&have.sink);
    support_sink_init(&want.sink);
    assert_non_null(clientid__gateway_registry(gateway));
    assert_int_equal(clientid__registry_each(clientid__gateway_registry(gateway), take_line, &have),
                     0);
    assert_int_equal(source.source.load(&source, take_line, &want, &position, &error), 0);
    source.loads--;
    assert_int_equal(have.count, want.count);
    for (size_t i = 0; i < want.count; i++) {
        size_t end = i + 1 < want.count ? want.start[i + 1] : want.sink.bytes.len;

        assert_true(find_line(&have, want.sink.bytes.data + want.start[i], end - want.start[i]));
    }
    support_sink_del(&have.sink);
    support_sink_del(&want.sink);
}

/* ---- source -> registry ------------------------------------------------------------------------ */

static void a_full_load_then_deltas(void **state)
{
    (void)state;
    start(FLEXIBLE);
    EXPECT(1, REGISTRY_NOT_LOADED);
    assert_int_equal(step(), 0);
    EXPECT(1, ALLOWED);
    EXPECT(2, CLIENT_UNKNOWN);
    support_source_set(&source, 2, CLIENTID_APPROVED);
    support_source_set(&source, 1, CLIENTID_REVOKED);
    assert_int_equal(step(), 0);
    EXPECT(1, CONTRACT_REVOKED);
    EXPECT(2, ALLOWED);
    support_source_set(&source, 2, 0);
    assert_int_equal(step(), 0);
    EXPECT(2, CLIENT_UNKNOWN);
    assert_int_equal(source.loads, 1);
    assert_int_equal(sync_->status.revision, source.at.revision);
    assert_int_equal(sync_->status.durable_revision, source.at.revision);
    assert_int_equal(sync_->status.from_source, 1);
}

static void nothing_new_costs_one_poll(void **state)
{
    unsigned asked;

    (void)state;
    start(FLEXIBLE);
    assert_int_equal(step(), 0);
    assert_int_equal(step(), 0);
    asked = source.asked;
    for (int i = 0; i < 20; i++)
        assert_int_equal(step(), 0);
    assert_int_equal(source.asked, asked);
    assert_int_equal(source.polls, 21);
    source.source.poll = NULL;
}

static void a_source_without_poll_is_asked_each_time(void **state)
{
    (void)state;
    source.source.poll = NULL;
    start(FLEXIBLE);
    assert_int_equal(step(), 0);
    support_source_set(&source, 3, CLIENTID_APPROVED);
    assert_int_equal(step(), 0);
    EXPECT(3, ALLOWED);
}

static void deltas_and_full_load_give_the_same(void **state)
{
    uint64_t seed = 20240601;

    (void)state;
    start(FLEXIBLE);
    for (int i = 0; i < 400; i++) {
        for (uint64_t n = support_random(&seed) % 5; n > 0; n--) {
            if (support_random(&seed) % 10 == 0)
                support_source_limit(&source, 1 + support_random(&seed) % 100);
            else
                support_source_set(&source, (int)(support_random(&seed) % SUPPORT_CLIENTS),
                                   (unsigned)(support_random(&seed) % 5));
        }
        assert_int_equal(step(), 0);
        if (i % 20 == 0)
            expect_equal_to_source(w.gateway);
        if (i % 50 == 49) {
            /* The files alone must give it too. */
            stop();
            source.load_code = source.changes_code = CLIENTID_ERR_UNREACHABLE;
            start(FLEXIBLE);
            source.load_code = 0;
            expect_equal_to_source(w.gateway);
            source.changes_code = 0;
        }
    }
    assert_int_equal(source.loads, 1);
}

static void a_load_that_fails_midway_changes_nothing(void **state)
{
    (void)state;
    start(FLEXIBLE);
    assert_int_equal(step(), 0);
    for (int i = 10; i < 30; i++)
        support_source_set(&source, i, CLIENTID_APPROVED);
    support_source_set(&source, 1, CLIENTID_REVOKED);
    source.gap = true;
    source.load_code = CLIENTID_ERR_IO;
    source.load_stops_at = 15;
    assert_int_equal(step(), CLIENTID_ERR_IO);
    EXPECT(1, ALLOWED);
    EXPECT(10, CLIENT_UNKNOWN);
    source.load_code = 0;
    assert_int_equal(step(), 0);
    EXPECT(1, CONTRACT_REVOKED);
    EXPECT(10, ALLOWED);
    source.gap = false;
    expect_equal_to_source(w.gateway);
}

static void what_was_polled_once_is_not_forgotten(void **state)
{
    (void)state;
    start(FLEXIBLE);
    assert_int_equal(step(), 0);
    support_source_set(&source, 1, CLIENTID_REVOKED);
    source.changes_code = CLIENTID_ERR_UNREACHABLE;
    assert_int_equal(step(), CLIENTID_ERR_UNREACHABLE);
    source.changes_code = 0;
    assert_int_equal(step(), 0);
    EXPECT(1, CONTRACT_REVOKED);
    source.poll_code = CLIENTID_ERR_IO;
    assert_int_equal(step(), CLIENTID_ERR_IO);
    source.poll_code = 0;
    source.told = source.at.revision + 1;
    support_source_set(&source, 1, CLIENTID_APPROVED);
    assert_int_equal(source.told, source.at.revision);
    assert_int_equal(step(), 0);
    EXPECT(1, ALLOWED);
}

static void errors_are_told_once_and_so_is_their_end(void **state)
{
    unsigned lines;

    (void)state;
    start(FLEXIBLE);
    assert_int_equal(step(), 0);
    lines = logged.lines;
    source.poll_code = source.changes_code = CLIENTID_ERR_UNREACHABLE;
    for (int i = 0; i < 5; i++)
        assert_int_equal(step(), CLIENTID_ERR_UNREACHABLE);
    assert_int_equal(logged.lines, lines + 1);
    assert_int_equal(logged.last_code, CLIENTID_ERR_UNREACHABLE);
    assert_int_equal(sync_->status.errors, 5);
    source.poll_code = source.changes_code = 0;
    assert_int_equal(step(), 0);
    assert_int_equal(logged.lines, lines + 2);
    assert_int_equal(logged.last_code, 0);
}

static void a_source_that_fails_without_a_word_gets_one(void **state)
{
    clientid_error error = {0};
    uint64_t next;

    (void)state;
    source.silent = true;
    source.load_code = CLIENTID_ERR_UNREACHABLE;
    start(FLEXIBLE);
    assert_int_equal(clientid_sync_step(sync_, w.now_ns, &next, &error), CLIENTID_ERR_UNREACHABLE);
    assert_int_equal(error.code, CLIENTID_ERR_UNREACHABLE);
    assert_non_null(strstr(error.text, "out of reach"));
}

static void waits_grow_while_the_source_fails(void **state)
{
    uint64_t next, most = 0;

    (void)state;
    start(FLEXIBLE);
    assert_int_equal(clientid_sync_step(sync_, w.now_ns, &next, NULL), 0);
    assert_int_equal(next - w.now_ns, 50000000);
    source.poll_code = source.changes_code = CLIENTID_ERR_UNREACHABLE;
    for (int i = 0; i < 30; i++) {
        clientid_sync_step(sync_, w.now_ns, &next, NULL);
        assert_in_range(next - w.now_ns, 25000000, 15 * SECOND_NS);
        most = next - w.now_ns > most ? next - w.now_ns : most;
    }
    assert_true(most > 7 * SECOND_NS);
    source.poll_code = source.changes_code = 0;
    clientid_sync_step(sync_, w.now_ns, &next, NULL);
    assert_int_equal(next - w.now_ns, 50000000);
    source.poll_code = source.changes_code = CLIENTID_ERR_UNREACHABLE;
    clientid_sync_step(sync_, w.now_ns, &next, NULL);
    assert_in_range(next - w.now_ns, 25000000, 50000000);
    source.poll_code = source.changes_code = 0;
    assert_int_equal(clientid_sync_step(sync_, UINT64_MAX - 1, &next, NULL), 0);
    assert_int_equal(next, UINT64_MAX);
}

static void a_gap_leads_to_a_full_load(void **state)
{
    (void)state;
    start(FLEXIBLE);
    assert_int_equal(step(), 0);
    support_source_set(&source, 1, CLIENTID_REVOKED);
    source.gap = true;
    assert_int_equal(step(), 0);
    EXPECT(1, CONTRACT_REVOKED);
    assert_int_equal(source.loads, 2);
    assert_int_equal(sync_->status.full_loads, 2);
}

static void a_broken_change_leads_to_a_full_load(void **state)
{
    (void)state;
    start(FLEXIBLE);
    assert_int_equal(step(), 0);
    for (int i = 0; i < 2; i++) {
        source.swallows = i == 1;
        source.broken_change = true;
        support_source_set(&source, 1, i == 0 ? CLIENTID_REVOKED : CLIENTID_APPROVED);
        assert_int_equal(step(), 0);
        assert_int_equal(source.loads, 2 + i);
    }
    EXPECT(1, ALLOWED);
    assert_non_null(strstr(logged.all, "breaks the rules"));
}

static void a_broken_load_is_not_put_in_force(void **state)
{
    (void)state;
    start(FLEXIBLE);
    assert_int_equal(step(), 0);
    source.gap = source.broken_load = true;
    support_source_set(&source, 1, CLIENTID_REVOKED);
    assert_int_equal(step(), CLIENTID_ERR_ARG);
    source.swallows = true;
    assert_int_equal(step(), CLIENTID_ERR_ARG);
    EXPECT(1, ALLOWED);
}

static void a_source_that_went_back_is_the_truth(void **state)
{
    uint64_t identity, revision;

    (void)state;
    start(FLEXIBLE);
    for (int i = 0; i < 10; i++)
        support_source_set(&source, 2, CLIENTID_APPROVED);
    assert_int_equal(step(), 0);
    support_source_restore(&source, 3, 7);
    assert_int_equal(step(), 0);
    EXPECT(7, ALLOWED);
    EXPECT(2, CLIENT_UNKNOWN);
    clientid__table_seen(clientid__gateway_table(w.gateway), &identity, &revision);
    assert_int_equal(revision, 3);
    assert_non_null(strstr(logged.all, "went back to revision 3"));
    /* And the files follow: a restart without the source finds that state. */
    stop();
    source.changes_code = source.poll_code = CLIENTID_ERR_UNREACHABLE;
    start(FLEXIBLE);
    EXPECT(7, ALLOWED);
}

static void another_identity_is_the_truth(void **state)
{
    uint64_t identity, revision;

    (void)state;
    start(FLEXIBLE);
    assert_int_equal(step(), 0);
    source.at.identity = 12;
    support_source_restore(&source, 1, 7);
    source.told = 99;
    assert_int_equal(step(), 0);
    EXPECT(7, ALLOWED);
    EXPECT(1, CLIENT_UNKNOWN);
    clientid__table_seen(clientid__gateway_table(w.gateway), &identity, &revision);
    assert_int_equal(identity, 12);
    assert_non_null(strstr(logged.all, "other data"));
    stop();
    source.changes_code = CLIENTID_ERR_UNREACHABLE;
    start(FLEXIBLE);
    EXPECT(7, ALLOWED);
}

/* ---- outage ------------------------------------------------------------------------------------ */

static void a_restart_without_the_source_serves_the_last_state(void **state)
{
    (void)state;
    start(FLEXIBLE);
    assert_int_equal(step(), 0);
    support_source_set(&source, 2, CLIENTID_APPROVED);
    support_source_set(&source, 1, CLIENTID_REVOKED);
    assert_int_equal(step(), 0);
    stop();
    source.load_code = source.changes_code = source.poll_code = CLIENTID_ERR_UNREACHABLE;
    start(FLEXIBLE);
    EXPECT(2, ALLOWED);
    EXPECT(1, CONTRACT_REVOKED);
    assert_int_equal(sync_->status.from_source, 0);
    assert_int_equal(step(), CLIENTID_ERR_UNREACHABLE);
    EXPECT(2, ALLOWED);
    /* The source is back: deltas from where the files end. */
    source.load_code = source.changes_code = source.poll_code = 0;
    support_source_set(&source, 2, CLIENTID_REVOKED);
    assert_int_equal(step(), 0);
    EXPECT(2, CONTRACT_REVOKED);
    assert_int_equal(source.loads, 1);
    assert_int_equal(sync_->status.from_source, 1);
}

static void contracts_too_old_do_not_count(void **state)
{
    (void)state;
    start(AGED);
    assert_int_equal(step(), 0);
    /* In step for two hours without a change: the files are old, the contact is not. */
    for (int i = 0; i < 2; i++) {
        w.now_ns += 3600 * SECOND_NS;
        assert_int_equal(step(), 0);
    }
    stop();
    source.changes_code = source.poll_code = CLIENTID_ERR_UNREACHABLE;
    w.now_ns += 3000 * SECOND_NS;
    start(AGED);
    step();
    EXPECT(1, ALLOWED);
    w.now_ns += 700 * SECOND_NS;
    step();
    EXPECT(1, REGISTRY_EXPIRED);
    assert_non_null(strstr(logged.all, "no longer count"));
    source.changes_code = source.poll_code = 0;
    assert_int_equal(step(), 0);
    EXPECT(1, ALLOWED);
}

static void a_contact_from_the_future_grows_old_all_the_same(void **state)
{
    (void)state;
    start(AGED);
    assert_int_equal(step(), 0);
    stop();
    source.changes_code = source.poll_code = CLIENTID_ERR_UNREACHABLE;
    w.now_ns -= 86400 * SECOND_NS;
    start(AGED);
    step();
    EXPECT(1, ALLOWED);
    w.now_ns += 3700 * SECOND_NS;
    step();
    EXPECT(1, REGISTRY_EXPIRED);
}

/* One that follows the files reads that contact again and again. */
static void so_does_one_in_the_files_that_are_followed(void **state)
{
    const uint32_t modes[] = {CLIENTID_SYNC_READ, CLIENTID_SYNC_SHARE};

    (void)state;
    start(AGED);
    assert_int_equal(step(), 0);
    stop();
    source.changes_code = source.poll_code = CLIENTID_ERR_UNREACHABLE;
    w.now_ns -= 86400 * SECOND_NS;
    for (size_t i = 0; i < 2; i++) {
        clientid_sync_options options = sync_options(modes[i]);

        start_gateway(&w, AGED);
        assert_int_equal(clientid_sync_new(&sync_, w.gateway,
                                           modes[i] == CLIENTID_SYNC_READ ? NULL : &source.source,
                                           &options, NULL),
                         0);
        step();
        step();
        EXPECT(1, ALLOWED);
        w.now_ns += 3700 * SECOND_NS;
        step();
        step();
        EXPECT(1, REGISTRY_EXPIRED);
        stop();
    }
}

static void strict_waits_for_the_source(void **state)
{
    (void)state;
    start(STRICT);
    assert_int_equal(step(), 0);
    EXPECT(1, ALLOWED);
    stop();
    source.load_code = source.changes_code = source.poll_code = CLIENTID_ERR_UNREACHABLE;
    start(STRICT);
    EXPECT(1, REGISTRY_NOT_LOADED);
    step();
    EXPECT(1, REGISTRY_NOT_LOADED);
    source.load_code = source.changes_code = source.poll_code = 0;
    assert_int_equal(step(), 0);
    EXPECT(1, ALLOWED);
    source.poll_code = CLIENTID_ERR_UNREACHABLE;
    step();
    EXPECT(1, ALLOWED);
}

static void strict_that_becomes_flexible_loads_the_files(void **state)
{
    (void)state;
    start(FLEXIBLE);
    assert_int_equal(step(), 0);
    stop();
    source.load_code = source.changes_code = CLIENTID_ERR_UNREACHABLE;
    start(STRICT);
    step();
    EXPECT(1, REGISTRY_NOT_LOADED);
    assert_int_equal(
        clientid_gateway_reload(w.gateway, clientid__cstr(FLEXIBLE), "test.json", NULL), 0);
    step();
    EXPECT(1, ALLOWED);
}

static void disabled_lets_pass_until_contracts_are_there(void **state)
{
    (void)state;
    source.load_code = CLIENTID_ERR_UNREACHABLE;
    start(DISABLED);
    step();
    EXPECT(1, GATEKEEPER_DISABLED);
    source.load_code = 0;
    assert_int_equal(step(), 0);
    EXPECT(1, ALLOWED);
    EXPECT(2, CLIENT_UNKNOWN);
}

static void files_older_than_the_limits_table_has_seen_are_refused(void **state)
{
    clientid_sync_options options = sync_options(0);
    const struct {
        const char *name;
        uint64_t identity, revision;
        bool loaded;
    } rows[] = {
        {"nothing seen", 0, 0, true}, {"the same", 4711, 2, true},    {"earlier", 4711, 1, true},
        {"later", 4711, 3, false},    {"other data", 4712, 1, false},
    };

    (void)state;
    start(FLEXIBLE);
    assert_int_equal(step(), 0);
    assert_int_equal(source.at.revision, 2);
    stop();
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        start_gateway(&w, FLEXIBLE);
        clientid__table_set_seen(clientid__gateway_table(w.gateway), rows[i].identity,
                                 rows[i].revision);
        logged.last_code = 0;
        assert_int_equal(clientid_sync_new(&sync_, w.gateway, &source.source, &options, NULL), 0);
        if ((ask(&w, 1) == CLIENTID_REASON_ALLOWED) != rows[i].loaded)
            fail_msg("%s", rows[i].name);
        assert_int_equal(logged.last_code, rows[i].loaded ? 0 : CLIENTID_ERR_STALE);
        stop();
    }
}

static void damaged_files_are_no_failure(void **state)
{
    (void)state;
    support_write(path, CLIENTID__SNAPSHOT_NAME,
                  "garbage that is long enough to be a header, really", 50);
    source.load_code = CLIENTID_ERR_UNREACHABLE;
    start(FLEXIBLE);
    assert_int_equal(logged.last_code, CLIENTID_ERR_FORMAT);
    step();
    EXPECT(1, REGISTRY_NOT_LOADED);
    source.load_code = 0;
    assert_int_equal(step(), 0);
    stop();
    source.changes_code = CLIENTID_ERR_UNREACHABLE;
    start(FLEXIBLE);
    EXPECT(1, ALLOWED);
}

/* ---- disk -------------------------------------------------------------------------------------- */

static clientid_reason
    at_sync; /* what client 1 is told while its change has just reached the disk */

static void note_reason(void)
{
    at_sync = ask(&w, 1);
}

static void a_revocation_is_on_disk_before_it_counts(void **state)
{
    struct clientid__journal journal;
    struct support_sink sink;

    (void)state;
    start(FLEXIBLE);
    assert_int_equal(step(), 0);
    support_source_set(&source, 1, CLIENTID_REVOKED);
    support_disk.syncs = 0;
    support_disk.synced = note_reason;
    assert_int_equal(step(), 0);
    support_disk.synced = NULL;
    assert_int_equal(support_disk.syncs, 1);
    assert_int_equal(at_sync, CLIENTID_REASON_ALLOWED);
    EXPECT(1, CONTRACT_REVOKED);
    support_sink_init(&sink);
    assert_int_equal(
        clientid__journal_open(&journal, sync_->folder.fd, O_RDONLY, &sync_->folder.snapshot, NULL),
        0);
    assert_int_equal(
        clientid__journal_read(&journal, &clientid__malloc, support_sink_take, &sink, NULL), 0);
    assert_int_equal(sink.events, 1);
    assert_int_equal(journal.position.revision, source.at.revision);
    clientid__journal_close(&journal);
    support_sink_del(&sink);
}

static void a_full_disk_delays_no_revocation(void **state)
{
    unsigned lines;

    (void)state;
    start(FLEXIBLE);
    assert_int_equal(step(), 0);
    lines = logged.lines;
    support_disk.write_errno = ENOSPC;
    for (int i = 0; i < 3; i++) {
        support_source_set(&source, 1, i % 2 == 0 ? CLIENTID_REVOKED : CLIENTID_APPROVED);
        assert_int_equal(step(), 0);
    }
    EXPECT(1, CONTRACT_REVOKED);
    assert_int_equal(logged.lines, lines + 1);
    assert_int_equal(logged.last_code, CLIENTID_ERR_FULL);
    assert_int_equal(sync_->status.durable_revision, 2);
    assert_int_equal(sync_->status.revision, 5);
    /* Tried again with growing waits, and told when it works. */
    w.now_ns += 20 * SECOND_NS;
    assert_int_equal(step(), 0);
    support_disk_works();
    w.now_ns += 20 * SECOND_NS;
    assert_int_equal(step(), 0);
    assert_int_equal(sync_->status.durable_revision, 5);
    assert_int_equal(logged.last_code, 0);
    stop();
    source.changes_code = CLIENTID_ERR_UNREACHABLE;
    start(FLEXIBLE);
    EXPECT(1, CONTRACT_REVOKED);
}

static void a_revocation_that_never_reached_the_disk_is_not_undone(void **state)
{
    (void)state;
    start(FLEXIBLE);
    assert_int_equal(step(), 0);
    support_disk.sync_errno = EIO;
    support_source_set(&source, 1, CLIENTID_REVOKED);
    assert_int_equal(step(), 0);
    stop();
    support_disk_works();
    source.load_code = source.changes_code = CLIENTID_ERR_UNREACHABLE;
    start(FLEXIBLE);
    assert_int_equal(logged.last_code, CLIENTID_ERR_STALE);
    EXPECT(1, REGISTRY_NOT_LOADED);
}

static void a_full_load_that_cannot_be_saved_counts_all_the_same(void **state)
{
    (void)state;
    start(FLEXIBLE);
    assert_int_equal(step(), 0);
    support_disk.write_errno = ENOSPC;
    source.gap = true;
    support_source_set(&source, 1, CLIENTID_REVOKED);
    assert_int_equal(step(), 0);
    EXPECT(1, CONTRACT_REVOKED);
    assert_int_equal(sync_->status.durable_revision, 2);
    support_disk_works();
    source.gap = false;
    w.now_ns += 20 * SECOND_NS;
    assert_int_equal(step(), 0);
    assert_int_equal(sync_->status.durable_revision, source.at.revision);
}

static void a_full_load_is_on_disk_before_it_replaces_what_is_in_force(void **state)
{
    (void)state;
    start(FLEXIBLE);
    assert_int_equal(step(), 0);
    source.gap = true;
    support_source_set(&source, 1, CLIENTID_REVOKED);
    support_disk.synced = note_reason;
    assert_int_equal(step(), 0);
    support_disk.synced = NULL;
    assert_int_equal(at_sync, CLIENTID_REASON_ALLOWED);
    EXPECT(1, CONTRACT_REVOKED);
    assert_int_equal(sync_->folder.snapshot.position.revision, source.at.revision);
    stop();
    source.changes_code = CLIENTID_ERR_UNREACHABLE;
    start(FLEXIBLE);
    EXPECT(1, CONTRACT_REVOKED);
}

static void the_journal_is_kept_short(void **state)
{
    (void)state;
    start(FLEXIBLE);
    assert_int_equal(step(), 0);
    source.repeats = 100;
    for (int i = 0; i < 100; i++) {
        for (int n = 0; n < 8; n++)
            support_source_set(&source, n, 1 + (unsigned)(i % 4));
        assert_int_equal(step(), 0);
        assert_true(sync_->folder.journal.bytes <= 1 << 20);
        assert_int_equal(sync_->status.durable_revision, source.at.revision);
    }
    assert_int_equal(source.loads, 1);
    assert_true(sync_->folder.snapshot.position.revision > 100);
}

/* What a restart without the source would have in force; |revision| 0: it would refuse the files. */
static void expect_files(uint64_t revision)
{
    clientid_sync_options options = sync_options(CLIENTID_SYNC_READ);
    clientid_gateway *gateway = make_gateway(SMALL, NULL);
    clientid_sync *s;

    assert_int_equal(clientid_sync_new(&s, gateway, NULL, &options, NULL), 0);
    if (s->status.revision != revision)
        fail_msg("%llu, not %llu: %s", (unsigned long long)s->status.revision,
                 (unsigned long long)revision, logged.last);
    if (revision != 0)
        expect_equal_to_source(gateway);
    clientid_sync_del(s);
    clientid_gateway_del(gateway);
}

static void change_some(uint64_t *seed)
{
    for (uint64_t n = support_random(seed) % 4; n > 0; n--) {
        if (support_random(seed) % 10 == 0)
            support_source_limit(&source, 1 + support_random(seed) % 100);
        else
            support_source_set(&source, (int)(support_random(seed) % SUPPORT_CLIENTS),
                               (unsigned)(support_random(seed) % 5));
    }
}

/* A contract a step, and changes with each: whenever it is killed, the files are the source as it was last polled. */
static void changes_go_on_while_a_snapshot_is_written(void **state)
{
    uint64_t seed = 77;
    unsigned finished = 0;

    (void)state;
    start(FLEXIBLE);
    assert_int_equal(step(), 0);
    sync_->piece_contracts = 1;
    for (int i = 0; i < 800; i++) {
        bool drafted = clientid__sync_drafts(sync_);

        if (!drafted && support_random(&seed) % 10 == 0)
            clientid__sync_keep_soon(sync_, w.now_ns);
        change_some(&seed);
        source.gap = support_random(&seed) % 100 == 0;
        assert_int_equal(step(), 0);
        source.gap = false;
        finished += drafted && !clientid__sync_drafts(sync_);
        expect_files(source.at.revision);
    }
    assert_true(finished > 10);
    assert_int_equal(sync_->disk_code, 0);
}

/* The first one has no files behind it that could say what changes meanwhile. */
static void until_the_first_snapshot_is_there_old_files_are_refused(void **state)
{
    clientid_sync_options options = sync_options(CLIENTID_SYNC_WRITE);
    uint64_t next, seed = 5;

    (void)state;
    for (int n = 0; n < SUPPORT_CLIENTS; n++)
        support_source_set(&source, n, CLIENTID_APPROVED);
    start(STRICT);
    assert_int_equal(step(), 0);
    stop();
    expect_files(source.at.revision);
    support_source_set(&source, 1, CLIENTID_REVOKED);
    start_gateway(&w, STRICT);
    assert_int_equal(clientid_sync_new(&sync_, w.gateway, &source.source, &options, NULL), 0);
    sync_->piece_contracts = 5;
    for (int i = 0; i < 4; i++) {
        assert_int_equal(step(), 0);
        assert_int_equal(clientid_sync_step(sync_, w.now_ns, &next, NULL), 0);
        assert_in_range(next - w.now_ns, 1, 5000000);
        expect_files(0);
        change_some(&seed);
    }
    for (int i = 0; i < 20; i++)
        assert_int_equal(step(), 0);
    expect_files(source.at.revision);
    assert_int_equal(sync_->status.durable_revision, source.at.revision);
}

/* Its contracts may still be to come in the draft. */
static void a_tier_that_goes_begins_the_snapshot_anew(void **state)
{
    clientid_sync_options options = sync_options(CLIENTID_SYNC_WRITE);
    clientid_event gone = {.type = CLIENTID_EVENT_TIER_REMOVED};

    (void)state;
    for (int n = 0; n < SUPPORT_CLIENTS; n++)
        support_source_set(&source, n, CLIENTID_APPROVED);
    start_gateway(&w, FLEXIBLE);
    assert_int_equal(clientid_sync_new(&sync_, w.gateway, &source.source, &options, NULL), 0);
    sync_->piece_contracts = 1;
    gone.u.tier.id = 99;
    assert_int_equal(step(), 0);
    for (int i = 0; i < 3; i++) {
        assert_true(clientid__sync_drafts(sync_));
        clientid__round_clear(&sync_->round);
        assert_int_equal(clientid__round_add(&sync_->round, &gone), 0);
        assert_int_equal(clientid__round_commit(&sync_->round, source.at.revision, w.now_ns), 0);
        clientid__sync_keep_round(sync_, source.at, w.now_ns);
        assert_false(clientid__sync_drafts(sync_));
        assert_int_equal(step(), 0);
    }
    /* Not for ever: the last one was written in one go. */
    assert_false(clientid__sync_drafts(sync_));
    assert_int_equal(sync_->disk_code, 0);
    expect_files(source.at.revision);
}

/* The first of its two events is applied, the second names a tier that is not there. */
static int half_a_change(void *self, clientid_event_fn *emit, void *sink,
                         clientid_position *position, clientid_error *error)
{
    clientid_event event = {.type = CLIENTID_EVENT_CONTRACT, .revision = source.at.revision};
    int rv;

    (void)self, (void)error;
    event.u.contract = (clientid_contract_event){.id = 2,
                                                 .api = CLIENTID_STR("orders"),
                                                 .client_id = CLIENTID_STR("c1"),
                                                 .application_id = 101,
                                                 .status = CLIENTID_PENDING};
    rv = emit(sink, &event);
    event.u.contract.id = 3;
    event.u.contract.tier_id = 77;
    *position = source.at;
    return rv != 0 ? rv : emit(sink, &event);
}

/* Memory that is at no revision is not written as if it were. */
static void half_a_round_is_not_saved(void **state)
{
    int (*changes)(void *, clientid_event_fn *, void *, clientid_position *, clientid_error *) =
        source.source.changes;

    (void)state;
    for (int n = 0; n < SUPPORT_CLIENTS; n++)
        support_source_set(&source, n, CLIENTID_APPROVED);
    source.source.changes = half_a_change;
    start(FLEXIBLE);
    assert_int_equal(step(), 0);
    sync_->piece_contracts = 1;
    clientid__sync_keep_soon(sync_, w.now_ns);
    support_source_set(&source, 1, CLIENTID_REVOKED);
    source.load_code = CLIENTID_ERR_UNREACHABLE;
    for (int i = 0; i < 3; i++) {
        assert_int_equal(step(), CLIENTID_ERR_UNREACHABLE);
        assert_false(clientid__sync_drafts(sync_));
        assert_int_equal(sync_->folder.snapshot.position.revision, source.at.revision - 1);
        clientid__folder_abandon(&sync_->folder, source.at, w.now_ns); /* a new one is due */
    }
    source.load_code = 0;
    sync_->source.changes = changes;
    w.now_ns += 20 * SECOND_NS;
    assert_int_equal(step(), 0);
    EXPECT(1, CONTRACT_REVOKED);
    for (int i = 0; i < SUPPORT_CLIENTS; i++)
        assert_int_equal(step(), 0);
    expect_files(source.at.revision);
}

static void a_disk_that_fails_in_the_middle_leaves_the_files_of_before(void **state)
{
    (void)state;
    start(FLEXIBLE);
    for (int n = 0; n < SUPPORT_CLIENTS; n++)
        support_source_set(&source, n, CLIENTID_APPROVED);
    assert_int_equal(step(), 0);
    sync_->piece_contracts = 10;
    for (int i = 0; i < 3; i++) {
        clientid__sync_keep_soon(sync_, w.now_ns);
        assert_int_equal(step(), 0);
        assert_true(clientid__sync_drafts(sync_));
        *(i == 0   ? &support_disk.sync_errno
          : i == 1 ? &support_disk.rename_errno
                   : &support_disk.folder_errno) = EIO;
        for (int n = 0; n < 8; n++)
            assert_int_equal(step(), 0);
        assert_false(clientid__sync_drafts(sync_));
        assert_int_equal(sync_->disk_code, CLIENTID_ERR_IO);
        support_disk_works();
        expect_files(source.at.revision);
        w.now_ns += 20 * SECOND_NS;
        support_source_set(&source, 1, i % 2 == 0 ? CLIENTID_REVOKED : CLIENTID_APPROVED);
        assert_int_equal(step(), 0);
        for (int n = 0; n < 8; n++)
            assert_int_equal(step(), 0);
        expect_files(source.at.revision);
        sync_->disk_code = 0;
    }
}

static void a_disk_that_fails_is_not_tried_at_every_step(void **state)
{
    (void)state;
    start(FLEXIBLE);
    assert_int_equal(step(), 0);
    support_disk.write_errno = ENOSPC;
    support_source_set(&source, 1, CLIENTID_REVOKED);
    for (int i = 0; i < 200; i++)
        assert_int_equal(step(), 0);
    assert_in_range(support_disk.refused_writes, 4, 30);
    /* A clock that is put back by a day does not put off the next try by a day. */
    support_disk_works();
    w.now_ns -= 86400 * SECOND_NS;
    assert_int_equal(step(), 0);
    assert_int_equal(sync_->status.durable_revision, source.at.revision);
}

static void changes_that_lead_back_lead_to_a_full_load(void **state)
{
    (void)state;
    start(FLEXIBLE);
    assert_int_equal(step(), 0);
    support_source_set(&source, 1, CLIENTID_REVOKED);
    source.goes_back = true;
    assert_int_equal(step(), 0);
    assert_int_equal(source.loads, 2);
    assert_int_equal(sync_->status.revision, source.at.revision);
    EXPECT(1, CONTRACT_REVOKED);
}

static void a_round_too_long_becomes_a_full_load(void **state)
{
    (void)state;
    start(FLEXIBLE);
    assert_int_equal(step(), 0);
    support_source_set(&source, 2, CLIENTID_APPROVED);
    source.repeats = 1000000;
    assert_int_equal(step(), 0);
    assert_int_equal(source.loads, 2);
    EXPECT(2, ALLOWED);
    source.repeats = 1000;
    support_source_set(&source, 2, CLIENTID_REVOKED);
    assert_int_equal(step(), 0);
    assert_int_equal(source.loads, 2);
    EXPECT(2, CONTRACT_REVOKED);
}

static void without_a_folder_nothing_is_kept(void **state)
{
    clientid_sync_options options = sync_options(0);

    (void)state;
    options.state = NULL;
    start_gateway(&w, FLEXIBLE);
    assert_int_equal(clientid_sync_new(&sync_, w.gateway, &source.source, &options, NULL), 0);
    assert_int_equal(step(), 0);
    EXPECT(1, ALLOWED);
    source.poll_code = CLIENTID_ERR_UNREACHABLE;
    assert_int_equal(step(), CLIENTID_ERR_UNREACHABLE);
    assert_int_equal(sync_->status.durable_revision, 0);
}

/* ---- readers ----------------------------------------------------------------------------------- */

static struct support_world reader;
static clientid_sync *follower;

static void start_follower(const char *config, bool with_source)
{
    clientid_sync_options options = sync_options(1);

    reader.now_ns = w.now_ns;
    start_gateway(&reader, config);
    assert_int_equal(clientid_sync_new(&follower, reader.gateway,
                                       with_source ? &source.source : NULL, &options, NULL),
                     0);
}

static int step_follower(void)
{
    uint64_t next;

    reader.now_ns = w.now_ns;
    return clientid_sync_step(follower, reader.now_ns, &next, NULL);
}

static void stop_follower(void)
{
    clientid_sync_del(follower);
    support_world_del(&reader);
    memset(&reader, 0, sizeof(reader));
}

static void a_follower_sees_changes(void **state)
{
    (void)state;
    start_follower(FLEXIBLE, false);
    assert_int_equal(step_follower(), CLIENTID_ERR_NOT_FOUND);
    start(FLEXIBLE);
    assert_int_equal(step(), 0);
    assert_int_equal(step_follower(), 0);
    assert_int_equal(ask(&reader, 1), CLIENTID_REASON_ALLOWED);
    for (int i = 0; i < 20; i++) {
        support_source_set(&source, 1, 1 + (unsigned)(i % 4));
        if (i % 7 == 6)
            source.gap = true;
        assert_int_equal(step(), 0);
        source.gap = false;
        assert_int_equal(step_follower(), 0);
        expect_equal_to_source(reader.gateway);
        assert_int_equal(follower->status.revision, source.at.revision);
        assert_int_equal(follower->status.durable_revision, source.at.revision);
    }
    stop_follower();
}

static void a_follower_s_age_is_the_writer_s(void **state)
{
    uint64_t before;

    (void)state;
    start(FLEXIBLE);
    assert_int_equal(step(), 0);
    start_follower(FLEXIBLE, false);
    assert_int_equal(step_follower(), 0);
    before = follower->status.contact_ns;
    w.now_ns += 3 * SECOND_NS;
    assert_int_equal(step(), 0);
    assert_int_equal(step_follower(), 0);
    assert_int_equal(follower->status.contact_ns, w.now_ns);
    source.poll_code = CLIENTID_ERR_UNREACHABLE;
    w.now_ns += 3 * SECOND_NS;
    step();
    step_follower();
    assert_int_equal(follower->status.contact_ns, before + 3 * SECOND_NS + 50000000);
    stop_follower();
}

static void a_strict_follower_waits_for_its_writer_s_contact(void **state)
{
    (void)state;
    start(FLEXIBLE);
    assert_int_equal(step(), 0);
    start_follower(STRICT, false);
    assert_int_equal(step_follower(), CLIENTID_ERR_UNREACHABLE);
    assert_int_equal(ask(&reader, 1), CLIENTID_REASON_REGISTRY_NOT_LOADED);
    w.now_ns += 3 * SECOND_NS;
    assert_int_equal(step(), 0);
    assert_int_equal(step_follower(), 0);
    assert_int_equal(ask(&reader, 1), CLIENTID_REASON_ALLOWED);
    stop_follower();
}

/* The writer is in touch, but what it has is not in the files: the follower may be serving what was revoked. */
static void a_contact_beyond_the_files_does_not_count(void **state)
{
    uint64_t before;

    (void)state;
    start(FLEXIBLE);
    assert_int_equal(step(), 0);
    start_follower(FLEXIBLE, false);
    assert_int_equal(step_follower(), 0);
    before = follower->status.contact_ns;
    support_disk.sync_errno = EIO;
    support_source_set(&source, 1, CLIENTID_REVOKED);
    assert_int_equal(step(), 0);
    w.now_ns += 3 * SECOND_NS;
    assert_int_equal(step(), 0);
    step_follower();
    assert_int_equal(ask(&reader, 1), CLIENTID_REASON_ALLOWED);
    assert_int_equal(follower->status.contact_ns, before);
    support_disk_works();
    w.now_ns += 20 * SECOND_NS;
    assert_int_equal(step(), 0);
    assert_int_equal(step_follower(), 0);
    assert_int_equal(ask(&reader, 1), CLIENTID_REASON_CONTRACT_REVOKED);
    stop_follower();
}

/* Half a round in memory is made whole by a load, whichever allocation it was that failed. */
static void a_follower_without_memory_catches_up(void **state)
{
    size_t at;

    (void)state;
    start(FLEXIBLE);
    assert_int_equal(step(), 0);
    for (at = 1; at < 60; at++) {
        struct support_alloc alloc;
        clientid_sync_options options = sync_options(1);
        clientid_gateway *gateway;
        clientid_sync *s;
        uint64_t next;

        support_alloc_init(&alloc);
        gateway = make_gateway(FLEXIBLE, &alloc.allocator);
        assert_int_equal(clientid_sync_new(&s, gateway, NULL, &options, NULL), 0);
        for (int i = 10; i < 60; i++)
            support_source_set(&source, i, 1 + (unsigned)(support_random(&w.revision) % 4));
        assert_int_equal(step(), 0);
        alloc.fail_at = alloc.calls + at;
        clientid_sync_step(s, w.now_ns, &next, NULL);
        clientid_sync_step(s, w.now_ns, &next, NULL);
        assert_int_equal(clientid_sync_step(s, w.now_ns, &next, NULL), 0);
        expect_equal_to_source(gateway);
        clientid_sync_del(s);
        clientid_gateway_del(gateway);
        assert_int_equal(alloc.live, 0);
    }
}

static void a_follower_goes_back_only_with_its_writer(void **state)
{
    unsigned char *bytes;
    size_t len;

    (void)state;
    start(FLEXIBLE);
    for (int i = 0; i < 5; i++)
        support_source_set(&source, 2, CLIENTID_APPROVED);
    assert_int_equal(step(), 0);
    bytes = support_read(path, CLIENTID__SNAPSHOT_NAME, &len);
    source.gap = true;
    support_source_set(&source, 2, CLIENTID_REVOKED);
    assert_int_equal(step(), 0);
    source.gap = false;
    start_follower(FLEXIBLE, false);
    assert_int_equal(ask(&reader, 2), CLIENTID_REASON_CONTRACT_REVOKED);
    /* Somebody puts an old snapshot back. */
    support_write(path, CLIENTID__SNAPSHOT_NAME, bytes, len);
    free(bytes);
    assert_int_equal(step_follower(), CLIENTID_ERR_STALE);
    assert_int_equal(ask(&reader, 2), CLIENTID_REASON_CONTRACT_REVOKED);
    support_source_restore(&source, 2, 9);
    assert_int_equal(step(), 0);
    assert_int_equal(step_follower(), 0);
    assert_int_equal(ask(&reader, 9), CLIENTID_REASON_ALLOWED);
    assert_int_equal(ask(&reader, 2), CLIENTID_REASON_CLIENT_UNKNOWN);
    stop_follower();
}

static void a_reader_with_a_source_falls_back_on_the_files(void **state)
{
    (void)state;
    start(FLEXIBLE);
    assert_int_equal(step(), 0);
    start_follower(FLEXIBLE, true);
    assert_int_equal(ask(&reader, 1), CLIENTID_REASON_ALLOWED);
    source.told = 0;
    assert_int_equal(step_follower(), 0);
    assert_int_equal(follower->status.from_source, 1);
    support_source_set(&source, 1, CLIENTID_REVOKED);
    w.now_ns += 3 * SECOND_NS;
    assert_int_equal(step(), 0);
    source.poll_code = source.changes_code = CLIENTID_ERR_UNREACHABLE;
    assert_int_equal(step_follower(), CLIENTID_ERR_UNREACHABLE);
    assert_int_equal(ask(&reader, 1), CLIENTID_REASON_CONTRACT_REVOKED);
    assert_int_equal(step_follower(), CLIENTID_ERR_UNREACHABLE);
    source.poll_code = source.changes_code = 0;
    support_source_set(&source, 1, CLIENTID_APPROVED);
    w.now_ns += 16 * SECOND_NS;
    assert_int_equal(step_follower(), 0);
    assert_int_equal(ask(&reader, 1), CLIENTID_REASON_ALLOWED);
    stop_follower();
}

static void a_reader_writes_nothing(void **state)
{
    size_t before, after;
    char name[128];

    (void)state;
    start_follower(FLEXIBLE, true);
    assert_int_equal(step_follower(), 0);
    assert_int_equal(follower->status.durable_revision, 0);
    stop_follower();
    support_path(name, sizeof(name), path, CLIENTID__SNAPSHOT_NAME);
    assert_int_equal(access(name, F_OK), -1);
    start(FLEXIBLE);
    assert_int_equal(step(), 0);
    free(support_read(path, CLIENTID__JOURNAL_NAME, &before));
    start_follower(FLEXIBLE, true);
    support_source_set(&source, 2, CLIENTID_APPROVED);
    assert_int_equal(step_follower(), 0);
    free(support_read(path, CLIENTID__JOURNAL_NAME, &after));
    assert_int_equal(before, after);
    stop_follower();
}

/* ---- arguments, memory, thread ----------------------------------------------------------------- */

static void wrong_arguments_are_refused_and_the_source_closed(void **state)
{
    clientid_sync_options options = sync_options(0);
    clientid_source other = source.source;
    clientid_error error;
    uint64_t next;
    clientid_sync *out;

    (void)state;
    start_gateway(&w, FLEXIBLE);
    assert_int_equal(clientid_sync_new(NULL, w.gateway, &source.source, &options, &error),
                     CLIENTID_ERR_ARG);
    assert_int_equal(clientid_sync_new(&out, NULL, &source.source, &options, NULL),
                     CLIENTID_ERR_ARG);
    assert_int_equal(clientid_sync_new(&out, w.gateway, &source.source, NULL, NULL),
                     CLIENTID_ERR_ARG);
    options.mode = 3;
    assert_int_equal(clientid_sync_new(&out, w.gateway, &source.source, &options, NULL),
                     CLIENTID_ERR_ARG);
    options = sync_options(0);
    options.state = "/nowhere/at/all";
    assert_int_equal(clientid_sync_new(&out, w.gateway, &source.source, &options, NULL),
                     CLIENTID_ERR_ARG);
    assert_int_equal(source.closed, 5);
    options.state = NULL;
    assert_int_equal(clientid_sync_new(&out, w.gateway, NULL, &options, NULL), CLIENTID_ERR_ARG);
    other.changes = NULL;
    assert_int_equal(clientid_sync_new(&out, w.gateway, &other, &options, NULL), CLIENTID_ERR_ARG);
    assert_int_equal(source.closed, 6);
    assert_int_equal(clientid_sync_step(NULL, 0, &next, NULL), CLIENTID_ERR_ARG);
    assert_int_equal(clientid_sync_start(NULL), CLIENTID_ERR_ARG);
    clientid_sync_del(NULL);
}

static void a_second_writer_is_refused(void **state)
{
    clientid_sync_options options = sync_options(0);
    clientid_sync *second;
    clientid_error error;

    (void)state;
    start(FLEXIBLE);
    assert_int_equal(clientid_sync_new(&second, w.gateway, &source.source, &options, &error),
                     CLIENTID_ERR_BUSY);
    assert_int_equal(error.code, CLIENTID_ERR_BUSY);
    assert_int_equal(source.closed, 1);
}

static void a_folder_that_cannot_be_written_is_tried_again(void **state)
{
    (void)state;
    support_disk.write_errno = ENOSPC;
    start(FLEXIBLE);
    assert_int_equal(step(), 0);
    EXPECT(1, ALLOWED);
    assert_int_equal(sync_->status.durable_revision, 0);
    support_disk_works();
    w.now_ns += 20 * SECOND_NS;
    assert_int_equal(step(), 0);
    assert_int_equal(sync_->status.durable_revision, source.at.revision);
    assert_int_equal(logged.last_code, 0);
}

/* Each allocation in turn fails once: nothing leaks, nothing wrong is served, and the next round heals it. */
static void each_allocation_may_fail(void **state)
{
    (void)state;
    for (size_t at = 1; at < 400; at++) {
        struct support_alloc alloc;
        clientid_sync_options options = sync_options(0);
        clientid_gateway *gateway;
        clientid_sync *s = NULL;
        uint64_t next;
        int rv;

        support_alloc_init(&alloc);
        gateway = make_gateway(FLEXIBLE, &alloc.allocator);
        alloc.fail_at = alloc.calls + at;
        rv = clientid_sync_new(&s, gateway, &source.source, &options, NULL);
        assert_true(rv == 0 || rv == CLIENTID_ERR_NOMEM);
        for (int i = 0; i < 3 && s != NULL; i++) {
            support_source_set(&source, i, CLIENTID_REVOKED);
            clientid_sync_step(s, w.now_ns += 20 * SECOND_NS, &next, NULL);
        }
        if (s != NULL) {
            for (int i = 0; i < 3; i++)
                rv = clientid_sync_step(s, w.now_ns += 20 * SECOND_NS, &next, NULL);
            assert_int_equal(rv, 0);
            expect_equal_to_source(gateway);
            assert_int_equal(s->status.durable_revision, source.at.revision);
        }
        clientid_sync_del(s);
        clientid_gateway_del(gateway);
        assert_int_equal(alloc.live, 0);
    }
}

static void a_thread_steps_until_it_is_stopped(void **state)
{
    (void)state;
    start(FLEXIBLE);
    assert_int_equal(clientid_sync_start(sync_), 0);
    assert_int_equal(clientid_sync_start(sync_), CLIENTID_ERR_ARG);
    while (source.polls < 3)
        usleep(1000);
    clientid_sync_del(sync_);
    sync_ = NULL;
    assert_int_equal(source.closed, 1);
    EXPECT(1, ALLOWED);
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

/* ---- names that lead elsewhere ------------------------------------------------------------------ */

/* Who opens the name from now on counts in another file: two quotas, and nobody would know. */
static void a_limits_file_that_was_replaced_is_told(void **state)
{
    char config[512], file[96], away[96];

    (void)state;
    snprintf(file, sizeof(file), "%s/limits", path);
    snprintf(away, sizeof(away), "%s/away", path);
    snprintf(config, sizeof(config),
             "{\"limits\": {\"file\": \"%s\", \"cells\": 64, \"keyCells\": 64, \"useCells\": 64}, "
             "%s}",
             file, APIS);
    start(config);
    assert_int_equal(step(), 0);
    assert_null(strstr(logged.all, "limits file"));
    assert_int_equal(rename(file, away), 0);
    for (int i = 0; i < 60; i++)
        assert_int_equal(step(), 0);
    assert_non_null(strstr(logged.last, "quota of its own"));
    assert_null(strstr(strstr(logged.all, "limits file") + 1, "limits file")); /* once */
    clientid_gateway_del(make_gateway(config, NULL)); /* another one makes it anew */
    for (int i = 0; i < 60; i++)
        assert_int_equal(step(), 0);
    assert_null(strstr(strstr(logged.all, "limits file") + 1, "limits file"));
    assert_int_equal(rename(away, file), 0);
    for (int i = 0; i < 60; i++)
        assert_int_equal(step(), 0);
    assert_non_null(strstr(logged.last, "in use again"));
    EXPECT(1, ALLOWED);
}

/* What goes on into a folder that was moved away, no restart finds: a revocation would be undone by it. */
static void a_folder_that_was_replaced_is_left_for_the_new_one(void **state)
{
    const uint32_t modes[] = {CLIENTID_SYNC_WRITE, CLIENTID_SYNC_SHARE};
    char copy[512], moved[96];

    (void)state;
    snprintf(moved, sizeof(moved), "%s.moved", path);
    snprintf(copy, sizeof(copy), "mv %s %s && cp -a %s %s", path, moved, moved, path);
    for (size_t i = 0; i < 2; i++) {
        clientid_sync_options options = sync_options(modes[i]);

        support_source_set(&source, 1, CLIENTID_APPROVED);
        start_gateway(&w, FLEXIBLE);
        assert_int_equal(clientid_sync_new(&sync_, w.gateway, &source.source, &options, NULL), 0);
        assert_int_equal(step(), 0);
        assert_int_equal(system(copy), 0);
        for (int n = 0; n < 30; n++)
            assert_int_equal(step(), 0);
        assert_non_null(strstr(logged.all, "folder was replaced"));
        support_source_set(&source, 1, CLIENTID_REVOKED);
        assert_int_equal(step(), 0);
        stop();
        source.load_code = source.changes_code = source.poll_code = CLIENTID_ERR_UNREACHABLE;
        start(FLEXIBLE);
        EXPECT(1, CONTRACT_REVOKED);
        stop();
        source.load_code = source.changes_code = source.poll_code = 0;
        support_folder_del(moved);
        logged.all[0] = '\0';
    }
}

/* Removed by mistake and made again, both by hand, while it is in use. */
static void a_folder_that_was_removed_is_written_once_it_is_back(void **state)
{
    clientid_sync_options options = sync_options(CLIENTID_SYNC_SHARE);

    (void)state;
    start_gateway(&w, FLEXIBLE);
    assert_int_equal(clientid_sync_new(&sync_, w.gateway, &source.source, &options, NULL), 0);
    assert_int_equal(step(), 0);
    support_folder_del(path);
    for (int i = 0; i < 60; i++)
        assert_int_equal(step(), 0);
    support_source_set(&source, 1, CLIENTID_REVOKED);
    assert_int_equal(step(), 0);
    EXPECT(1, CONTRACT_REVOKED);
    assert_int_equal(mkdir(path, 0700), 0);
    for (int i = 0; i < 60; i++)
        assert_int_equal(step(), 0);
    stop();
    source.load_code = source.changes_code = source.poll_code = CLIENTID_ERR_UNREACHABLE;
    start(FLEXIBLE);
    EXPECT(1, CONTRACT_REVOKED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(a_full_load_then_deltas),
        ROW(nothing_new_costs_one_poll),
        ROW(a_source_without_poll_is_asked_each_time),
        ROW(deltas_and_full_load_give_the_same),
        ROW(a_load_that_fails_midway_changes_nothing),
        ROW(what_was_polled_once_is_not_forgotten),
        ROW(errors_are_told_once_and_so_is_their_end),
        ROW(a_source_that_fails_without_a_word_gets_one),
        ROW(waits_grow_while_the_source_fails),
        ROW(a_gap_leads_to_a_full_load),
        ROW(a_broken_change_leads_to_a_full_load),
        ROW(a_broken_load_is_not_put_in_force),
        ROW(a_source_that_went_back_is_the_truth),
        ROW(another_identity_is_the_truth),
        ROW(a_restart_without_the_source_serves_the_last_state),
        ROW(contracts_too_old_do_not_count),
        ROW(a_contact_from_the_future_grows_old_all_the_same),
        ROW(so_does_one_in_the_files_that_are_followed),
        ROW(strict_waits_for_the_source),
        ROW(strict_that_becomes_flexible_loads_the_files),
        ROW(disabled_lets_pass_until_contracts_are_there),
        ROW(files_older_than_the_limits_table_has_seen_are_refused),
        ROW(damaged_files_are_no_failure),
        ROW(a_revocation_is_on_disk_before_it_counts),
        ROW(a_full_disk_delays_no_revocation),
        ROW(a_revocation_that_never_reached_the_disk_is_not_undone),
        ROW(a_full_load_that_cannot_be_saved_counts_all_the_same),
        ROW(a_full_load_is_on_disk_before_it_replaces_what_is_in_force),
        ROW(the_journal_is_kept_short),
        ROW(changes_go_on_while_a_snapshot_is_written),
        ROW(until_the_first_snapshot_is_there_old_files_are_refused),
        ROW(a_tier_that_goes_begins_the_snapshot_anew),
        ROW(half_a_round_is_not_saved),
        ROW(a_disk_that_fails_in_the_middle_leaves_the_files_of_before),
        ROW(a_disk_that_fails_is_not_tried_at_every_step),
        ROW(changes_that_lead_back_lead_to_a_full_load),
        ROW(a_round_too_long_becomes_a_full_load),
        ROW(without_a_folder_nothing_is_kept),
        ROW(a_follower_sees_changes),
        ROW(a_follower_s_age_is_the_writer_s),
        ROW(a_strict_follower_waits_for_its_writer_s_contact),
        ROW(a_contact_beyond_the_files_does_not_count),
        ROW(a_follower_without_memory_catches_up),
        ROW(a_follower_goes_back_only_with_its_writer),
        ROW(a_reader_with_a_source_falls_back_on_the_files),
        ROW(a_reader_writes_nothing),
        ROW(wrong_arguments_are_refused_and_the_source_closed),
        ROW(a_second_writer_is_refused),
        ROW(a_folder_that_cannot_be_written_is_tried_again),
        ROW(each_allocation_may_fail),
        ROW(a_thread_steps_until_it_is_stopped),
        ROW(a_limits_file_that_was_replaced_is_told),
        ROW(a_folder_that_was_replaced_is_left_for_the_new_one),
        ROW(a_folder_that_was_removed_is_written_once_it_is_back),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
