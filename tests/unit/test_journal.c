/* SPDX-License-Identifier: Apache-2.0 */
#include "support_alloc.h"
#include "support_disk.h"
#include "support_event.h"

#include "base/hash.h"
#include "base/mem.h"
#include "sync/file.h"
#include "sync/journal.h"
#include "sync/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define ROUNDS 9

static const struct clientid__snapshot base = {
    .position = {77, 100}, .time_ns = 1000, .sum = 0xfeedface, .bytes = 64};

static char path[64];
static int folder = -1;
static struct clientid__journal journal;
static struct clientid__round written;
static struct support_sink out;
static uint64_t ends[ROUNDS + 1]; /* of each round in the file; [0] of the header */
static size_t lens[ROUNDS + 1];   /* of the events up to there, as |out| holds them */
static struct support_sink all;   /* the events of all rounds */

static int set_up(void **state)
{
    (void)state;
    support_disk_works();
    support_folder_new(path);
    folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    journal.fd = -1;
    written = (struct clientid__round){.frames = {.mem = &clientid__malloc}};
    support_sink_init(&out);
    support_sink_init(&all);
    return folder < 0;
}

static int tear_down(void **state)
{
    (void)state;
    support_disk_works();
    clientid__journal_close(&journal);
    clientid__bytes_free(&written.frames);
    support_sink_del(&out);
    support_sink_del(&all);
    close(folder);
    support_folder_del(path);
    return 0;
}

static void reopen(int flags)
{
    clientid__journal_close(&journal);
    assert_int_equal(clientid__journal_open(&journal, folder, flags, &base, NULL), 0);
}

static int read_rounds(void)
{
    support_sink_clear(&out);
    return clientid__journal_read(&journal, &clientid__malloc, support_sink_take, &out, NULL);
}

/* Tier |id| changed at |revision|, |count| times. */
static void append_tiers(uint64_t id, size_t count, uint64_t revision)
{
    struct support_event event;

    clientid__round_clear(&written);
    for (size_t i = 0; i < count; i++) {
        support_event_tier(&event, id, i + 1, revision);
        assert_int_equal(clientid__round_add(&written, &event.event), 0);
        assert_int_equal(support_sink_take(&all, &event.event), 0);
    }
    assert_int_equal(clientid__round_commit(&written, revision, revision * 10), 0);
    assert_int_equal(clientid__journal_append(&journal, &written, NULL), 0);
}

/* Round n has n mod 3 events and leads to revision 100 + n. */
static void write_rounds(void)
{
    assert_int_equal(clientid__journal_create(&journal, folder, &base, NULL), 0);
    ends[0] = journal.bytes;
    for (size_t i = 1; i <= ROUNDS; i++) {
        append_tiers(i, i % 3, 100 + i);
        ends[i] = journal.bytes;
        lens[i] = all.bytes.len;
    }
}

/* |out| holds the events of the first |rounds| rounds and nothing else. */
static void expect_rounds(size_t rounds, const char *what, size_t at)
{
    if (journal.bytes != ends[rounds] || out.bytes.len != lens[rounds] ||
        memcmp(out.bytes.data != NULL ? out.bytes.data : all.bytes.data, all.bytes.data,
               lens[rounds]) != 0)
        fail_msg("%s at %zu: %zu rounds expected, %llu bytes count", what, at, rounds,
                 (unsigned long long)journal.bytes);
    assert_int_equal(journal.position.identity, 77);
    assert_int_equal(journal.position.revision, 100 + rounds);
    assert_int_equal(journal.time_ns, rounds == 0 ? 1000 : (100 + rounds) * 10);
}

static void rounds_come_back_whole_and_in_order(void **state)
{
    (void)state;
    write_rounds();
    reopen(O_RDONLY);
    assert_int_equal(read_rounds(), 0);
    expect_rounds(ROUNDS, "end", 0);
    assert_int_equal(read_rounds(), 0);
    assert_int_equal(out.events, 0);
}

static void a_journal_cut_anywhere_keeps_the_rounds_before(void **state)
{
    char name[128];
    size_t whole = 0;

    (void)state;
    write_rounds();
    support_path(name, sizeof(name), path, CLIENTID__JOURNAL_NAME);
    for (uint64_t len = ends[ROUNDS]; len >= ends[0]; len--) {
        assert_int_equal(truncate(name, (off_t)len), 0);
        for (whole = 0; whole < ROUNDS && ends[whole + 1] <= len;)
            whole++;
        reopen(O_RDONLY);
        assert_int_equal(read_rounds(), 0);
        expect_rounds(whole, "cut", len);
    }
    for (uint64_t len = ends[0]; len-- > 0;) {
        int rv;

        assert_int_equal(truncate(name, (off_t)len), 0);
        clientid__journal_close(&journal);
        rv = clientid__journal_open(&journal, folder, O_RDONLY, &base, NULL);
        assert_int_equal(rv, CLIENTID_ERR_CORRUPT);
        assert_int_equal(journal.fd, -1);
    }
}

/* In place: a file that is cut and written again waits for the disk on some file systems. */
static void flip(size_t bit)
{
    char name[128];
    unsigned char byte;
    int fd;

    support_path(name, sizeof(name), path, CLIENTID__JOURNAL_NAME);
    fd = open(name, O_RDWR | O_CLOEXEC);
    assert_int_equal(pread(fd, &byte, 1, (off_t)(bit / 8)), 1);
    byte ^= (unsigned char)(1 << bit % 8);
    assert_int_equal(pwrite(fd, &byte, 1, (off_t)(bit / 8)), 1);
    close(fd);
}

static void a_flipped_bit_ends_the_journal_before_its_round(void **state)
{
    (void)state;
    write_rounds();
    for (size_t bit = 0; bit < ends[ROUNDS] * 8; bit++) {
        size_t whole = 0;
        int rv;

        flip(bit);
        clientid__journal_close(&journal);
        rv = clientid__journal_open(&journal, folder, O_RDONLY, &base, NULL);
        if (bit / 8 < ends[0]) {
            assert_true(rv == CLIENTID_ERR_CORRUPT || rv == CLIENTID_ERR_FORMAT);
        } else {
            assert_int_equal(rv, 0);
            while (whole < ROUNDS && ends[whole + 1] <= bit / 8)
                whole++;
            assert_int_equal(read_rounds(), 0);
            expect_rounds(whole, "bit", bit);
        }
        flip(bit);
    }
}

static void rounds_out_of_order_do_not_count(void **state)
{
    unsigned char *bytes;
    size_t len;

    (void)state;
    write_rounds();
    bytes = support_read(path, CLIENTID__JOURNAL_NAME, &len);
    /* Round 2 a second time behind itself: each frame is sound, but not in that place. */
    memmove(bytes + ends[2], bytes + ends[1], ends[2] - ends[1]);
    support_write(path, CLIENTID__JOURNAL_NAME, bytes, len);
    reopen(O_RDONLY);
    assert_int_equal(read_rounds(), 0);
    expect_rounds(2, "repeated round", 0);
    free(bytes);
}

/* Frames with right checksums that a writer would never make. */
static void frames_that_make_no_sense_end_the_journal(void **state)
{
    static const struct {
        const char *name;
        uint32_t len, kind;
        uint64_t revision;
    } rows[] = {
        {"an unknown kind", 16, 3, 200},
        {"a commit too short", 8, 2, 200},
        {"a commit that goes back", 16, 2, 99},
        {"an event that does not decode", 16, 1, 200},
        {"an event longer than any", UINT32_MAX, 1, 200},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        unsigned char frame[32] = {0};
        size_t covered = 8 + (rows[i].len < 16 ? rows[i].len : 16);

        support_sink_clear(&all);
        clientid__journal_close(&journal);
        assert_int_equal(clientid__journal_create(&journal, folder, &base, NULL), 0);
        clientid__put32(frame + 8, rows[i].len);
        clientid__put32(frame + 12, rows[i].kind);
        clientid__put64(frame + 16, rows[i].revision);
        clientid__put64(frame, clientid__hash64(frame + 8, covered, journal.sum));
        assert_int_equal(clientid__file_write(journal.fd, frame, sizeof(frame), journal.bytes), 0);
        assert_int_equal(read_rounds(), 0);
        if (out.events != 0 || journal.position.revision != 100)
            fail_msg("%s counted", rows[i].name);
    }
}

static void a_journal_of_another_snapshot_is_not_read(void **state)
{
    const struct clientid__snapshot others[] = {
        {.position = {78, 100}, .sum = 0xfeedface},
        {.position = {77, 101}, .sum = 0xfeedface},
        {.position = {77, 100}, .sum = 0xfeedfacf},
    };

    (void)state;
    write_rounds();
    clientid__journal_close(&journal);
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(clientid__journal_open(&journal, folder, O_RDONLY, &others[i], NULL),
                         CLIENTID_ERR_GAP);
        assert_int_equal(journal.fd, -1);
    }
}

static void a_missing_or_foreign_journal_is_told_apart(void **state)
{
    clientid_error error;

    (void)state;
    assert_int_equal(clientid__journal_open(&journal, folder, O_RDONLY, &base, NULL),
                     CLIENTID_ERR_NOT_FOUND);
    support_write(path, CLIENTID__JOURNAL_NAME,
                  "something else entirely, and long enough to be one", 50);
    assert_int_equal(clientid__journal_open(&journal, folder, O_RDONLY, &base, NULL),
                     CLIENTID_ERR_FORMAT);
    write_rounds();
    clientid__journal_close(&journal);
    {
        unsigned char *bytes;
        size_t len;

        bytes = support_read(path, CLIENTID__JOURNAL_NAME, &len);
        clientid__put32(bytes + 8, 9);
        support_write(path, CLIENTID__JOURNAL_NAME, bytes, len);
        free(bytes);
    }
    assert_int_equal(clientid__journal_open(&journal, folder, O_RDONLY, &base, &error),
                     CLIENTID_ERR_FORMAT);
    assert_non_null(strstr(error.text, "format 9"));
    support_disk.read_errno = EIO;
    assert_int_equal(clientid__journal_open(&journal, folder, O_RDONLY, &base, NULL),
                     CLIENTID_ERR_IO);
}

static void a_torn_tail_is_cut_and_the_journal_goes_on(void **state)
{
    (void)state;
    write_rounds();
    assert_int_equal(clientid__file_write(journal.fd, "half a frame", 12, ends[ROUNDS]), 0);
    reopen(O_RDWR);
    assert_int_equal(read_rounds(), 0);
    expect_rounds(ROUNDS, "torn", 0);
    assert_int_equal(clientid__journal_cut(&journal, NULL), 0);
    append_tiers(50, 2, 150);
    reopen(O_RDONLY);
    assert_int_equal(read_rounds(), 0);
    assert_int_equal(out.bytes.len, all.bytes.len);
    assert_int_equal(journal.position.revision, 150);
}

static void a_reader_follows_a_writer(void **state)
{
    struct clientid__journal reader;

    (void)state;
    write_rounds();
    assert_int_equal(clientid__journal_open(&reader, folder, O_RDONLY, &base, NULL), 0);
    for (uint64_t i = 0; i < 5; i++) {
        append_tiers(60, 1, 160 + i);
        assert_int_equal(
            clientid__journal_read(&reader, &clientid__malloc, support_sink_take, &out, NULL), 0);
        assert_int_equal(out.bytes.len, all.bytes.len);
        assert_int_equal(reader.position.revision, 160 + i);
    }
    clientid__journal_close(&reader);
}

/* Longer than the window in which the file is read, one round and many. */
static void long_journals_are_read_whole(void **state)
{
    (void)state;
    assert_int_equal(clientid__journal_create(&journal, folder, &base, NULL), 0);
    append_tiers(1, 20000, 101);
    for (uint64_t i = 0; i < 300; i++)
        append_tiers(2, 100, 102 + i);
    reopen(O_RDONLY);
    assert_true(journal.bytes < 100);
    assert_int_equal(read_rounds(), 0);
    assert_int_equal(out.events, 50000);
    assert_int_equal(out.bytes.len, all.bytes.len);
    assert_memory_equal(out.bytes.data, all.bytes.data, all.bytes.len);
}

static void an_append_that_fails_changes_nothing(void **state)
{
    clientid_error error;

    (void)state;
    write_rounds();
    support_disk.write_errno = ENOSPC;
    clientid__round_clear(&written);
    assert_int_equal(clientid__round_commit(&written, 200, 1), 0);
    assert_int_equal(clientid__journal_append(&journal, &written, &error), CLIENTID_ERR_FULL);
    assert_int_equal(error.code, CLIENTID_ERR_FULL);
    support_disk_works();
    support_disk.sync_errno = EIO;
    assert_int_equal(clientid__journal_append(&journal, &written, NULL), CLIENTID_ERR_IO);
    assert_int_equal(journal.position.revision, 100 + ROUNDS);
    assert_int_equal(clientid__journal_cut(&journal, NULL), 0);
    support_disk_works();
    reopen(O_RDONLY);
    assert_int_equal(read_rounds(), 0);
    expect_rounds(ROUNDS, "failed append", 0);
}

static void a_journal_that_cannot_be_made_is_none(void **state)
{
    (void)state;
    support_disk.write_errno = ENOSPC;
    assert_int_equal(clientid__journal_create(&journal, folder, &base, NULL), CLIENTID_ERR_FULL);
    assert_int_equal(journal.fd, -1);
    support_disk_works();
    support_disk.rename_errno = EIO;
    assert_int_equal(clientid__journal_create(&journal, folder, &base, NULL), CLIENTID_ERR_IO);
    support_disk_works();
    support_disk.folder_errno = EIO;
    assert_int_equal(clientid__journal_create(&journal, folder, &base, NULL), CLIENTID_ERR_IO);
    support_disk_works();
    assert_int_equal(clientid__journal_create(&journal, -1, &base, NULL), CLIENTID_ERR_IO);
    assert_int_equal(journal.fd, -1);
}

static void an_append_waits_for_the_disk_once(void **state)
{
    unsigned before;

    (void)state;
    write_rounds();
    before = support_disk.syncs;
    append_tiers(9, 500, 120);
    assert_int_equal(support_disk.syncs, before + 1);
}

static void a_sink_that_refuses_leaves_the_journal_before_the_round(void **state)
{
    (void)state;
    write_rounds();
    reopen(O_RDONLY);
    out.fail_at = 3; /* the second event of round 2 */
    out.code = CLIENTID_ERR_NOMEM;
    assert_int_equal(read_rounds(), CLIENTID_ERR_NOMEM);
    assert_int_equal(journal.bytes, ends[1]);
    out.fail_at = 0;
    support_disk.read_errno = EIO;
    assert_int_equal(read_rounds(), CLIENTID_ERR_IO);
    support_disk_works();
    clientid__journal_close(&journal);
    assert_int_equal(read_rounds(), CLIENTID_ERR_IO);
    assert_int_equal(clientid__journal_cut(&journal, NULL), CLIENTID_ERR_IO);
}

static void each_allocation_may_fail(void **state)
{
    struct support_alloc alloc;

    (void)state;
    write_rounds();
    for (size_t at = 1;; at++) {
        int rv;

        support_alloc_init(&alloc);
        alloc.fail_at = at;
        reopen(O_RDONLY);
        support_sink_clear(&out);
        rv = clientid__journal_read(&journal, &alloc.allocator, support_sink_take, &out, NULL);
        assert_int_equal(alloc.live, 0);
        if (rv == 0)
            break;
        assert_int_equal(rv, CLIENTID_ERR_NOMEM);
    }
    expect_rounds(ROUNDS, "after", 0);
}

static void a_round_without_memory_stays_as_it_was(void **state)
{
    struct support_alloc alloc;
    struct clientid__round round = {.frames = {.mem = &alloc.allocator}};
    struct support_event event;
    clientid_event broken = {.type = CLIENTID_EVENT_TIER};
    size_t len;

    (void)state;
    support_alloc_init(&alloc);
    support_event_tier(&event, 1, 1, 1);
    assert_int_equal(clientid__round_each(&round, support_sink_take, &out), 0);
    alloc.fail_at = 1;
    assert_int_equal(clientid__round_add(&round, &event.event), CLIENTID_ERR_NOMEM);
    assert_int_equal(clientid__round_add(&round, &event.event), 0);
    assert_int_equal(clientid__round_add(&round, &broken), CLIENTID_ERR_ARG);
    alloc.fail_at = alloc.calls + 1;
    alloc.fail_rest = 1;
    do
        len = round.frames.len;
    while (clientid__round_add(&round, &event.event) == 0);
    assert_int_equal(round.frames.len, len);
    while (clientid__round_commit(&round, 1, 1) == 0)
        len = round.frames.len;
    assert_int_equal(round.frames.len, len);
    clientid__bytes_free(&round.frames);
    assert_int_equal(alloc.live, 0);
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(rounds_come_back_whole_and_in_order),
        ROW(a_journal_cut_anywhere_keeps_the_rounds_before),
        ROW(a_flipped_bit_ends_the_journal_before_its_round),
        ROW(rounds_out_of_order_do_not_count),
        ROW(frames_that_make_no_sense_end_the_journal),
        ROW(a_journal_of_another_snapshot_is_not_read),
        ROW(a_missing_or_foreign_journal_is_told_apart),
        ROW(a_torn_tail_is_cut_and_the_journal_goes_on),
        ROW(a_reader_follows_a_writer),
        ROW(long_journals_are_read_whole),
        ROW(an_append_that_fails_changes_nothing),
        ROW(a_journal_that_cannot_be_made_is_none),
        ROW(an_append_waits_for_the_disk_once),
        ROW(a_sink_that_refuses_leaves_the_journal_before_the_round),
        ROW(each_allocation_may_fail),
        ROW(a_round_without_memory_stays_as_it_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
