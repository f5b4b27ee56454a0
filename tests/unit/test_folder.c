/* SPDX-License-Identifier: Apache-2.0 */
#include "support_disk.h"
#include "support_event.h"

#include "base/mem.h"
#include "sync/file.h"
#include "sync/folder.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <time.h>

#include <cmocka.h>

/*
 * The state at revision r of these tests is: tiers 1 to r, tier i with the limit i.  A snapshot emits them all, a round
 * adds one, so what was loaded is right exactly when it is tiers 1 to r in order.
 */

static char path[64];
static struct clientid__folder folder;
static struct clientid__round changes;

static int set_up(void **state)
{
    (void)state;
    support_disk_works();
    support_folder_new(path);
    memset(&folder, 0, sizeof(folder));
    changes = (struct clientid__round){.frames = {.mem = &clientid__malloc}};
    return clientid__folder_open(&folder, &clientid__malloc, path, false, NULL) != 0 ||
           clientid__folder_lock(&folder, NULL) != 0;
}

static int tear_down(void **state)
{
    (void)state;
    support_disk_works();
    clientid__folder_close(&folder);
    clientid__bytes_free(&changes.frames);
    support_folder_del(path);
    return 0;
}

static clientid_position at(uint64_t revision)
{
    return (clientid_position){5, revision};
}

static int each_tier(const void *self, clientid_event_fn *emit, void *sink)
{
    struct support_event event;
    int rv = 0;

    for (uint64_t i = 1; i <= *(const uint64_t *)self && rv == 0; i++) {
        support_event_tier(&event, i, i, 0);
        rv = emit(sink, &event.event);
    }
    return rv;
}

static int save(struct clientid__folder *f, uint64_t revision)
{
    return clientid__folder_save(f, each_tier, &revision, at(revision), revision * 1000, NULL);
}

static int append(struct clientid__folder *f, struct clientid__round *round, uint64_t revision)
{
    struct support_event event;

    clientid__round_clear(round);
    support_event_tier(&event, revision, revision, revision);
    if (clientid__round_add(round, &event.event) != 0 ||
        clientid__round_commit(round, revision, revision * 1000) != 0)
        return CLIENTID_ERR_NOMEM;
    return clientid__folder_append(f, round, at(revision), revision * 1000, NULL);
}

/* Counts tiers that come in order; |wrong| once one does not. */
struct ordered {
    uint64_t tiers;
    bool wrong;
};

static int take_ordered(void *self, const clientid_event *event)
{
    struct ordered *o = self;

    o->tiers++;
    if (event->type != CLIENTID_EVENT_TIER || event->u.tier.id != o->tiers ||
        event->u.tier.limits[0].maximum_requests != o->tiers)
        o->wrong = true;
    return 0;
}

static int load(struct clientid__folder *f, struct clientid__saved *saved)
{
    struct ordered o = {0, false};
    int rv = clientid__folder_load(f, take_ordered, &o, saved, NULL);

    if (rv != 0)
        return rv;
    assert_false(o.wrong);
    assert_int_equal(o.tiers, saved->position.revision);
    assert_int_equal(saved->position.identity, 5);
    return 0;
}

static void restart(void)
{
    clientid__folder_close(&folder);
    assert_int_equal(clientid__folder_open(&folder, &clientid__malloc, path, false, NULL), 0);
    assert_int_equal(clientid__folder_lock(&folder, NULL), 0);
}

static void a_restart_finds_snapshot_and_journal(void **state)
{
    struct clientid__saved saved;

    (void)state;
    assert_int_equal(load(&folder, &saved), CLIENTID_ERR_NOT_FOUND);
    assert_false(clientid__folder_appendable(&folder));
    assert_int_equal(save(&folder, 10), 0);
    assert_int_equal(folder.durable.revision, 10);
    for (uint64_t r = 11; r <= 20; r++)
        assert_int_equal(append(&folder, &changes, r), 0);
    assert_int_equal(folder.durable.revision, 20);
    restart();
    assert_int_equal(load(&folder, &saved), 0);
    assert_int_equal(saved.position.revision, 20);
    assert_int_equal(saved.contact_ns, 20000);
    assert_int_equal(saved.lost_bytes, 0);
    assert_int_equal(clientid__folder_resume(&folder, NULL), 0);
    assert_int_equal(append(&folder, &changes, 21), 0);
    restart();
    assert_int_equal(load(&folder, &saved), 0);
    assert_int_equal(saved.position.revision, 21);
}

static void a_new_snapshot_makes_the_journal_short(void **state)
{
    struct clientid__saved saved;
    uint64_t r = 0;

    (void)state;
    assert_int_equal(save(&folder, 0), 0);
    while (!clientid__folder_outgrown(&folder))
        assert_int_equal(append(&folder, &changes, ++r), 0);
    assert_true(folder.journal.bytes > 1 << 20);
    assert_int_equal(save(&folder, r), 0);
    assert_false(clientid__folder_outgrown(&folder));
    assert_true(folder.journal.bytes < 100);
    assert_int_equal(append(&folder, &changes, r + 1), 0);
    restart();
    assert_int_equal(load(&folder, &saved), 0);
    assert_int_equal(saved.position.revision, r + 1);
}

static void age_counts_from_the_last_contact(void **state)
{
    struct clientid__saved saved;

    (void)state;
    assert_int_equal(save(&folder, 3), 0);
    assert_int_equal(clientid__folder_touch(&folder, at(3), 777777, NULL), 0);
    restart();
    assert_int_equal(load(&folder, &saved), 0);
    assert_int_equal(saved.contact_ns, 777777);
}

static void files_older_than_what_was_in_force_are_stale(void **state)
{
    static const struct {
        const char *name;
        clientid_position mark;
        int rv;
    } rows[] = {
        {"the same revision", {5, 4}, 0},
        {"an earlier one", {5, 3}, 0},
        {"a later one", {5, 5}, CLIENTID_ERR_STALE},
        {"other data", {6, 1}, CLIENTID_ERR_STALE},
        {"no mark", {0, 0}, 0},
    };
    struct clientid__saved saved;

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
        assert_int_equal(save(&folder, 3), 0);
        assert_int_equal(append(&folder, &changes, 4), 0);
        assert_int_equal(clientid__folder_touch(&folder, rows[i].mark, 1, NULL), 0);
        restart();
        if (load(&folder, &saved) != rows[i].rv)
            fail_msg("%s", rows[i].name);
    }
}

static void a_lost_end_of_the_journal_is_noticed(void **state)
{
    struct clientid__saved saved;
    char name[128];

    (void)state;
    assert_int_equal(save(&folder, 3), 0);
    assert_int_equal(append(&folder, &changes, 4), 0); /* and is killed before the next contact */
    support_path(name, sizeof(name), path, CLIENTID__JOURNAL_NAME);
    assert_int_equal(truncate(name, (off_t)folder.journal.bytes - 1), 0);
    restart();
    assert_int_equal(load(&folder, &saved), CLIENTID_ERR_STALE);
    assert_int_equal(folder.journal.fd, -1);
}

static void a_source_that_went_back_can_be_saved(void **state)
{
    struct clientid__saved saved;

    (void)state;
    assert_int_equal(save(&folder, 30), 0);
    assert_int_equal(save(&folder, 7), 0);
    restart();
    assert_int_equal(load(&folder, &saved), 0);
    assert_int_equal(saved.position.revision, 7);
}

/* The mark of before must not refuse a snapshot that is in place when the rest of the save fails. */
static void a_source_that_went_back_leaves_no_stale_mark(void **state)
{
    struct clientid__saved saved;

    (void)state;
    assert_int_equal(save(&folder, 30), 0);
    support_disk.folder_errno = EIO;
    assert_int_equal(save(&folder, 7), CLIENTID_ERR_IO);
    support_disk_works();
    restart();
    assert_int_equal(load(&folder, &saved), 0);
    assert_int_equal(saved.position.revision, 7);
}

/* The files say what the source no longer says; its revisions, counted anew, must not make them look up to date. */
static void files_of_before_a_source_went_back_are_stale(void **state)
{
    struct clientid__saved saved;

    (void)state;
    assert_int_equal(save(&folder, 30), 0);
    restart();
    support_disk.rename_errno = EIO;
    assert_int_equal(save(&folder, 7), CLIENTID_ERR_IO);
    clientid__folder_abandon(&folder, at(7), 7000);
    assert_int_equal(save(&folder, 8), CLIENTID_ERR_IO);
    support_disk_works();
    assert_int_equal(clientid__folder_touch(&folder, at(8), 8000, NULL), 0);
    restart();
    assert_int_equal(load(&folder, &saved), CLIENTID_ERR_STALE);
    assert_int_equal(save(&folder, 9), 0);
    assert_int_equal(append(&folder, &changes, 10), 0);
    restart();
    assert_int_equal(load(&folder, &saved), 0);
    assert_int_equal(saved.position.revision, 10);
}

static void a_second_writer_is_refused(void **state)
{
    struct clientid__folder second;
    clientid_error error;

    (void)state;
    assert_int_equal(clientid__folder_open(&second, &clientid__malloc, path, false, NULL), 0);
    assert_int_equal(clientid__folder_lock(&second, &error), CLIENTID_ERR_BUSY);
    assert_int_equal(error.code, CLIENTID_ERR_BUSY);
    assert_int_equal(clientid__folder_touch(&second, at(1), 1, NULL), CLIENTID_ERR_IO);
    clientid__folder_close(&folder);
    assert_int_equal(clientid__folder_lock(&second, NULL), 0);
    clientid__folder_close(&second);
}

static void a_folder_that_is_not_there_is_an_argument_error(void **state)
{
    struct clientid__folder none;
    clientid_error error;

    (void)state;
    assert_int_equal(
        clientid__folder_open(&none, &clientid__malloc, "/nowhere/at/all", false, &error),
        CLIENTID_ERR_ARG);
    assert_non_null(strstr(error.text, "/nowhere/at/all"));
    clientid__folder_close(&none);
}

/* ---- a disk that fails ------------------------------------------------------------------------- */

static void a_round_that_cannot_be_written_makes_the_files_stale(void **state)
{
    struct clientid__saved saved;

    (void)state;
    assert_int_equal(save(&folder, 3), 0);
    support_disk.sync_errno = EIO;
    assert_int_equal(append(&folder, &changes, 4), CLIENTID_ERR_IO);
    support_disk_works();
    assert_int_equal(folder.durable.revision, 3);
    assert_false(clientid__folder_appendable(&folder));
    assert_int_equal(append(&folder, &changes, 5), CLIENTID_ERR_IO);
    restart();
    assert_int_equal(load(&folder, &saved), CLIENTID_ERR_STALE);
    assert_int_equal(save(&folder, 5), 0);
    restart();
    assert_int_equal(load(&folder, &saved), 0);
    assert_int_equal(saved.position.revision, 5);
}

/* The file system's own refusal: the journal may not grow, the contact file need not. */
static void a_full_disk_still_takes_the_mark(void **state)
{
    struct rlimit before, full;
    struct clientid__saved saved;
    void (*handler)(int) = signal(SIGXFSZ, SIG_IGN);
    uint64_t r = 3;
    int rv = 0;

    (void)state;
    assert_int_equal(save(&folder, r), 0);
    assert_int_equal(getrlimit(RLIMIT_FSIZE, &before), 0);
    full = (struct rlimit){4096, before.rlim_max};
    assert_int_equal(setrlimit(RLIMIT_FSIZE, &full), 0);
    while (rv == 0 && r < 10000)
        rv = append(&folder, &changes, ++r);
    setrlimit(RLIMIT_FSIZE, &before);
    assert_int_equal(rv, CLIENTID_ERR_IO);
    restart();
    assert_int_equal(load(&folder, &saved), CLIENTID_ERR_STALE);
    assert_int_equal(folder.contact.position.revision, r);
    signal(SIGXFSZ, handler);
}

static void a_snapshot_that_cannot_be_written_leaves_the_one_before(void **state)
{
    struct clientid__saved saved;

    (void)state;
    assert_int_equal(save(&folder, 3), 0);
    for (int i = 0; i < 3; i++) {
        support_disk.write_errno = i == 0 ? ENOSPC : 0;
        support_disk.sync_errno = i == 1 ? EIO : 0;
        support_disk.rename_errno = i == 2 ? EIO : 0;
        assert_int_equal(save(&folder, 9), i == 0 ? CLIENTID_ERR_FULL : CLIENTID_ERR_IO);
        support_disk_works();
        assert_true(clientid__folder_appendable(&folder));
    }
    assert_int_equal(append(&folder, &changes, 4), 0);
    restart();
    assert_int_equal(load(&folder, &saved), 0);
    assert_int_equal(saved.position.revision, 4);
}

static void nothing_is_appended_behind_a_snapshot_that_may_be_undone(void **state)
{
    struct clientid__saved saved;

    (void)state;
    assert_int_equal(save(&folder, 3), 0);
    support_disk.folder_errno = EIO;
    assert_int_equal(save(&folder, 9), CLIENTID_ERR_IO);
    support_disk_works();
    assert_false(clientid__folder_appendable(&folder));
    restart();
    assert_int_equal(load(&folder, &saved), 0);
    assert_int_equal(saved.position.revision, 9);
    /* The journal of revision 3 is still there, and continues nothing. */
    assert_int_equal(folder.journal.fd, -1);
    assert_int_equal(clientid__folder_resume(&folder, NULL), 0);
    assert_int_equal(append(&folder, &changes, 10), 0);
}

static void a_folder_that_cannot_be_written_is_no_other_writer(void **state)
{
    (void)state;
    clientid__folder_close(&folder);
    assert_int_equal(clientid__folder_open(&folder, &clientid__malloc, path, false, NULL), 0);
    unlinkat(folder.fd, CLIENTID__CONTACT_NAME, 0);
    support_disk.write_errno = ENOSPC;
    assert_int_equal(clientid__folder_lock(&folder, NULL), CLIENTID_ERR_FULL);
    assert_int_equal(folder.lock, -1);
    assert_int_equal(save(&folder, 1), CLIENTID_ERR_FULL);
    support_disk_works();
    assert_int_equal(save(&folder, 1), 0);
}

static void what_cannot_be_read_is_an_error(void **state)
{
    struct clientid__saved saved;
    char name[128];

    (void)state;
    assert_int_equal(save(&folder, 3), 0);
    support_disk.read_errno = EIO;
    assert_int_equal(load(&folder, &saved), CLIENTID_ERR_IO);
    support_disk_works();
    support_path(name, sizeof(name), path, CLIENTID__SNAPSHOT_NAME);
    assert_int_equal(unlink(name), 0);
    assert_int_equal(mkdir(name, 0700), 0);
    assert_int_equal(load(&folder, &saved), CLIENTID_ERR_IO);
    assert_int_equal(rmdir(name), 0);
    assert_int_equal(symlink("elsewhere", name), 0);
    assert_int_equal(load(&folder, &saved), CLIENTID_ERR_IO);
}

/* ---- a reader ---------------------------------------------------------------------------------- */

static void a_reader_sees_what_the_writer_does(void **state)
{
    struct clientid__folder reader;
    struct clientid__saved saved;
    struct ordered o = {3, false};

    (void)state;
    assert_int_equal(clientid__folder_open(&reader, &clientid__malloc, path, true, NULL), 0);
    assert_int_equal(load(&reader, &saved), CLIENTID_ERR_NOT_FOUND);
    assert_int_equal(save(&folder, 3), 0);
    assert_int_equal(load(&reader, &saved), 0);
    assert_int_equal(clientid__folder_look(&reader), CLIENTID__FOLDER_SAME);
    assert_int_equal(append(&folder, &changes, 4), 0);
    assert_int_equal(clientid__folder_look(&reader), CLIENTID__FOLDER_GREW);
    assert_int_equal(
        clientid__journal_read(&reader.journal, &clientid__malloc, take_ordered, &o, NULL), 0);
    assert_int_equal(o.tiers, 4);
    assert_false(o.wrong);
    assert_int_equal(clientid__folder_look(&reader), CLIENTID__FOLDER_SAME);
    assert_int_equal(clientid__folder_touch(&folder, at(4), 99, NULL), 0);
    assert_int_equal(clientid__folder_look(&reader), CLIENTID__FOLDER_SAME);
    assert_int_equal(reader.contact.time_ns, 99);
    assert_int_equal(save(&folder, 6), 0);
    assert_int_equal(clientid__folder_look(&reader), CLIENTID__FOLDER_REPLACED);
    assert_int_equal(load(&reader, &saved), 0);
    assert_int_equal(saved.position.revision, 6);
    clientid__folder_close(&reader);
}

static void a_reader_finds_the_journal_that_comes_after_its_snapshot(void **state)
{
    struct clientid__folder reader;
    struct clientid__saved saved;

    (void)state;
    assert_int_equal(save(&folder, 3), 0);
    assert_int_equal(unlinkat(folder.fd, CLIENTID__JOURNAL_NAME, 0), 0);
    clientid__journal_close(&folder.journal);
    assert_int_equal(clientid__folder_open(&reader, &clientid__malloc, path, true, NULL), 0);
    assert_int_equal(load(&reader, &saved), 0);
    assert_int_equal(clientid__folder_look(&reader), CLIENTID__FOLDER_SAME);
    assert_int_equal(clientid__folder_resume(&folder, NULL), 0);
    assert_int_equal(append(&folder, &changes, 4), 0);
    assert_int_equal(clientid__folder_look(&reader), CLIENTID__FOLDER_GREW);
    /* Made anew for the same snapshot, or shortened: what was read may no longer be in it. */
    clientid__journal_close(&folder.journal);
    assert_int_equal(clientid__folder_resume(&folder, NULL), 0);
    assert_int_equal(clientid__folder_look(&reader), CLIENTID__FOLDER_REPLACED);
    clientid__folder_close(&reader);
}

static void a_reader_takes_back_nothing_that_was_cut(void **state)
{
    struct clientid__folder reader;
    struct clientid__saved saved;
    char name[128];

    (void)state;
    assert_int_equal(save(&folder, 3), 0);
    assert_int_equal(append(&folder, &changes, 4), 0);
    assert_int_equal(clientid__folder_open(&reader, &clientid__malloc, path, true, NULL), 0);
    assert_int_equal(load(&reader, &saved), 0);
    clientid__folder_abandon(&folder, at(5), 5000);
    support_path(name, sizeof(name), path, CLIENTID__JOURNAL_NAME);
    assert_int_equal(truncate(name, 60), 0);
    assert_int_equal(clientid__folder_look(&reader), CLIENTID__FOLDER_REPLACED);
    assert_int_equal(load(&reader, &saved), CLIENTID_ERR_STALE);
    clientid__folder_close(&reader);
}

static int take_and_replace(void *self, const clientid_event *event)
{
    int *turns = self;

    (void)event;
    if ((*turns)++ == 0)
        assert_int_equal(save(&folder, 6), 0);
    return 0;
}

static void files_replaced_while_they_are_read_are_read_again(void **state)
{
    struct clientid__folder reader;
    struct clientid__saved saved;
    int turns = 0;

    (void)state;
    assert_int_equal(save(&folder, 3), 0);
    assert_int_equal(append(&folder, &changes, 4), 0);
    assert_int_equal(clientid__folder_open(&reader, &clientid__malloc, path, true, NULL), 0);
    assert_int_equal(clientid__folder_load(&reader, take_and_replace, &turns, &saved, NULL),
                     CLIENTID_ERR_BUSY);
    assert_int_equal(load(&reader, &saved), 0);
    assert_int_equal(saved.position.revision, 6);
    clientid__folder_close(&reader);
}

static void a_reader_finds_a_contact_file_made_anew(void **state)
{
    struct clientid__folder reader;
    struct clientid__saved saved;

    (void)state;
    assert_int_equal(save(&folder, 3), 0);
    assert_int_equal(clientid__folder_open(&reader, &clientid__malloc, path, true, NULL), 0);
    assert_int_equal(load(&reader, &saved), 0);
    assert_int_equal(unlinkat(folder.fd, CLIENTID__CONTACT_NAME, 0), 0);
    restart();
    assert_int_equal(save(&folder, 3), 0);
    assert_int_equal(clientid__folder_touch(&folder, at(3), 9999, NULL), 0);
    assert_int_equal(clientid__folder_look(&reader), CLIENTID__FOLDER_REPLACED);
    assert_int_equal(load(&reader, &saved), 0);
    assert_int_equal(saved.contact_ns, 9999);
    clientid__folder_close(&reader);
}

/* Replaced again and again while it is read: whatever is loaded must be one state. */
static void a_reader_never_mixes_two_states(void **state)
{
    struct clientid__folder reader;
    struct clientid__saved saved;
    int loaded = 0;
    pid_t child;

    (void)state;
    assert_int_equal(save(&folder, 1), 0);
    clientid__folder_close(&folder);
    child = fork();
    if (child == 0) {
        restart();
        for (uint64_t r = 1;; r += 3)
            if (save(&folder, r) != 0 || append(&folder, &changes, r + 1) != 0 ||
                append(&folder, &changes, r + 2) != 0)
                _exit(1);
    }
    for (int i = 0; i < 300; i++) {
        int rv;

        assert_int_equal(clientid__folder_open(&reader, &clientid__malloc, path, true, NULL), 0);
        rv = load(&reader, &saved);
        assert_true(rv == 0 || rv == CLIENTID_ERR_BUSY);
        loaded += rv == 0;
        clientid__folder_close(&reader);
    }
    kill(child, SIGKILL);
    assert_int_equal(waitpid(child, NULL, 0), child);
    assert_true(loaded > 0);
    restart();
}

/* ---- a writer that is killed ------------------------------------------------------------------- */

/* Goes on where the files end; tells each revision through |pipe| once it is on disk. */
static void write_until_killed(int pipe_fd)
{
    struct clientid__saved saved = {.position = {5, 0}};
    int rv;

    if (clientid__folder_open(&folder, &clientid__malloc, path, false, NULL) != 0 ||
        clientid__folder_lock(&folder, NULL) != 0)
        _exit(1);
    rv = load(&folder, &saved);
    if (rv != 0 && rv != CLIENTID_ERR_NOT_FOUND)
        _exit(2);
    if ((rv == 0 ? clientid__folder_resume(&folder, NULL) : save(&folder, 0)) != 0)
        _exit(3);
    for (uint64_t r = saved.position.revision + 1;; r++) {
        if (r % 17 == 0 ? save(&folder, r) != 0 : append(&folder, &changes, r) != 0)
            _exit(4);
        if (r % 5 == 0 && clientid__folder_touch(&folder, at(r), r * 1000, NULL) != 0)
            _exit(5);
        if (write(pipe_fd, &r, sizeof(r)) != sizeof(r))
            _exit(6);
    }
}

static void a_writer_killed_anywhere_loses_nothing_it_promised(void **state)
{
    uint64_t seed = (uint64_t)getpid(), last = 0;

    (void)state;
    clientid__folder_close(&folder);
    for (int i = 0; i < 40; i++) {
        struct timespec nap = {0, (long)(support_random(&seed) % 15000000)};
        struct clientid__folder reader;
        struct clientid__saved saved;
        uint64_t r;
        int ends[2], status, rv;
        pid_t child;

        assert_int_equal(pipe(ends), 0);
        child = fork();
        if (child == 0)
            write_until_killed(ends[1]);
        close(ends[1]);
        nanosleep(&nap, NULL);
        kill(child, SIGKILL);
        assert_int_equal(waitpid(child, &status, 0), child);
        if (!WIFSIGNALED(status))
            fail_msg("the writer gave up with %d", WEXITSTATUS(status));
        while (read(ends[0], &r, sizeof(r)) == sizeof(r))
            last = r;
        close(ends[0]);
        assert_int_equal(clientid__folder_open(&reader, &clientid__malloc, path, true, NULL), 0);
        rv = load(&reader, &saved);
        assert_true(rv == 0 || (rv == CLIENTID_ERR_NOT_FOUND && last == 0));
        if (rv == 0 && (saved.position.revision < last || saved.position.revision > last + 1))
            fail_msg("revision %llu was promised, %llu found, seed of process %d",
                     (unsigned long long)last, (unsigned long long)saved.position.revision,
                     (int)getpid());
        if (rv == 0)
            last = saved.position.revision;
        clientid__folder_close(&reader);
    }
    assert_true(last > 0);
    restart();
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(a_restart_finds_snapshot_and_journal),
        ROW(a_new_snapshot_makes_the_journal_short),
        ROW(age_counts_from_the_last_contact),
        ROW(files_older_than_what_was_in_force_are_stale),
        ROW(a_lost_end_of_the_journal_is_noticed),
        ROW(a_source_that_went_back_can_be_saved),
        ROW(a_source_that_went_back_leaves_no_stale_mark),
        ROW(files_of_before_a_source_went_back_are_stale),
        ROW(a_second_writer_is_refused),
        ROW(a_folder_that_is_not_there_is_an_argument_error),
        ROW(a_round_that_cannot_be_written_makes_the_files_stale),
        ROW(a_full_disk_still_takes_the_mark),
        ROW(a_snapshot_that_cannot_be_written_leaves_the_one_before),
        ROW(nothing_is_appended_behind_a_snapshot_that_may_be_undone),
        ROW(a_folder_that_cannot_be_written_is_no_other_writer),
        ROW(what_cannot_be_read_is_an_error),
        ROW(a_reader_sees_what_the_writer_does),
        ROW(a_reader_finds_the_journal_that_comes_after_its_snapshot),
        ROW(a_reader_takes_back_nothing_that_was_cut),
        ROW(files_replaced_while_they_are_read_are_read_again),
        ROW(a_reader_finds_a_contact_file_made_anew),
        ROW(a_reader_never_mixes_two_states),
        ROW(a_writer_killed_anywhere_loses_nothing_it_promised),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
