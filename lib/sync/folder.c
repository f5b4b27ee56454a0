/* SPDX-License-Identifier: Apache-2.0 */
/* Order on disk: a mark that would refuse it, snapshot, journal, contact; each durable before the next. */
#include "sync/folder.h"

#include "base/error.h"
#include "sync/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/file.h>
#include <unistd.h>

#define LOCK_NAME     "registry.lock"
#define TEMPORARY     CLIENTID__SNAPSHOT_NAME ".new"
#define JOURNAL_LEAST (1u << 20)

static bool same_file(const struct stat *a, const struct stat *b)
{
    return a->st_dev == b->st_dev && a->st_ino == b->st_ino && a->st_size == b->st_size &&
           a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

/* True when |mark| was in force after |position|, or instead of it. */
static bool is_after(clientid_position mark, clientid_position position)
{
    return mark.identity != 0 &&
           (mark.identity != position.identity || mark.revision > position.revision);
}

/* ---- open -------------------------------------------------------------------------------------- */

int clientid__folder_open(struct clientid__folder *folder, const clientid_allocator *mem,
                          const char *path, bool read_only, clientid_error *error)
{
    *folder =
        (struct clientid__folder){.mem = mem, .lock = -1, .contact_fd = -1, .read_only = read_only};
    folder->journal.fd = -1;
    folder->draft_fd = -1;
    folder->fd = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (folder->fd < 0)
        return clientid__fail_errno(error, CLIENTID_ERR_ARG, errno, "state folder %.100s", path);
    return 0;
}

void clientid__folder_close(struct clientid__folder *folder)
{
    clientid__folder_drop(folder);
    clientid__journal_close(&folder->journal);
    clientid__file_close(&folder->contact_fd);
    clientid__file_close(&folder->lock);
    clientid__file_close(&folder->fd);
}

/* Both slots get their place on disk now: later writes then need none, also when the disk is full. */
static int open_contact(struct clientid__folder *folder)
{
    static const char zeros[1024];
    uint64_t size = 0;
    int fd;
    int failed = clientid__file_open(folder->fd, CLIENTID__CONTACT_NAME, O_RDWR | O_CREAT, &fd);

    if (failed != 0)
        return failed;
    clientid__file_close(&folder->contact_fd); /* as a reader had it */
    folder->contact_fd = fd;
    if (failed == 0)
        failed = clientid__file_size(folder->contact_fd, &size);
    if (failed == 0 && size < sizeof(zeros))
        failed = clientid__file_write(folder->contact_fd, zeros + size, sizeof(zeros) - size, size);
    if (failed == 0)
        folder->contact = clientid__contact_read(folder->contact_fd);
    else
        clientid__file_close(&folder->contact_fd);
    return failed;
}

bool clientid__folder_owned(const struct clientid__folder *folder)
{
    struct stat named, opened;

    return fstat(folder->lock, &opened) == 0 &&
           fstatat(folder->fd, LOCK_NAME, &named, AT_SYMLINK_NOFOLLOW) == 0 &&
           named.st_dev == opened.st_dev && named.st_ino == opened.st_ino;
}

/* A file that was removed since it was opened is no lock: others would lock the one that takes its place. */
static int lock_file(struct clientid__folder *folder)
{
    int failed = clientid__file_open(folder->fd, LOCK_NAME, O_RDWR | O_CREAT, &folder->lock);

    if (failed == 0 && flock(folder->lock, LOCK_EX | LOCK_NB) != 0)
        failed = errno;
    if (failed == 0 && !clientid__folder_owned(folder))
        failed = EWOULDBLOCK;
    return failed;
}

int clientid__folder_lock(struct clientid__folder *folder, clientid_error *error)
{
    int failed = lock_file(folder);

    if (failed == 0)
        failed = open_contact(folder);
    if (failed == 0) {
        /* Where a reader stood says nothing about where the writer of before ended. */
        clientid__journal_close(&folder->journal);
        folder->read_only = false;
        return 0;
    }
    clientid__file_close(&folder->lock);
    if (failed == EWOULDBLOCK)
        return clientid__fail(error, CLIENTID_ERR_BUSY,
                              "another process writes the last-known-good files of this folder");
    return clientid__fail_errno(error, CLIENTID_ERR_IO, failed, "cannot write to the state folder");
}

void clientid__folder_unlock(struct clientid__folder *folder)
{
    clientid__folder_drop(folder);
    clientid__journal_close(&folder->journal);
    clientid__file_close(&folder->contact_fd);
    clientid__file_close(&folder->lock); /* last: from here on another one writes */
    folder->read_only = true;
    folder->left = false;
}

/* ---- load -------------------------------------------------------------------------------------- */

void clientid__folder_read_contact(struct clientid__folder *folder)
{
    if (folder->contact_fd < 0)
        clientid__file_open(folder->fd, CLIENTID__CONTACT_NAME, O_RDONLY, &folder->contact_fd);
    folder->contact = clientid__contact_read(folder->contact_fd);
}

static int load_snapshot(struct clientid__folder *folder, clientid_event_fn *emit, void *sink,
                         clientid_error *error)
{
    int fd;
    int failed = clientid__file_open(folder->fd, CLIENTID__SNAPSHOT_NAME, O_RDONLY, &fd);
    int rv;

    if (failed == ENOENT)
        return clientid__fail(error, CLIENTID_ERR_NOT_FOUND, "there are no last-known-good files");
    if (failed == 0 && fstat(fd, &folder->snapshot_stat) != 0)
        failed = errno;
    if (failed != 0) {
        clientid__file_close(&fd);
        return clientid__fail_errno(error, CLIENTID_ERR_IO, failed, "cannot read the snapshot");
    }
    rv = clientid__snapshot_read(fd, folder->mem, emit, sink, &folder->snapshot, error);
    clientid__file_close(&fd);
    return rv;
}

/* A journal that cannot be used counts as one that ended at its beginning. */
static int load_journal(struct clientid__folder *folder, clientid_event_fn *emit, void *sink,
                        struct clientid__saved *saved, clientid_error *error)
{
    struct clientid__journal *journal = &folder->journal;
    uint64_t size = 0;
    int rv;

    clientid__journal_close(journal);
    *saved = (struct clientid__saved){folder->snapshot.position, folder->snapshot.time_ns, 0};
    rv = clientid__journal_open(journal, folder->fd, folder->read_only ? O_RDONLY : O_RDWR,
                                &folder->snapshot, error);
    if (rv == CLIENTID_ERR_IO)
        return rv;
    if (rv != 0)
        return 0;
    rv = clientid__journal_read(journal, folder->mem, emit, sink, error);
    if (rv != 0)
        return rv;
    if (clientid__file_size(journal->fd, &size) == 0 && size > journal->bytes)
        saved->lost_bytes = size - journal->bytes;
    saved->position = journal->position;
    saved->contact_ns = journal->time_ns;
    return 0;
}

static bool replaced(const struct clientid__folder *folder)
{
    struct stat now;

    return fstatat(folder->fd, CLIENTID__SNAPSHOT_NAME, &now, AT_SYMLINK_NOFOLLOW) == 0 &&
           !same_file(&now, &folder->snapshot_stat);
}

static int load_files(struct clientid__folder *folder, clientid_event_fn *emit, void *sink,
                      struct clientid__saved *saved, clientid_error *error)
{
    int rv = load_snapshot(folder, emit, sink, error);

    if (rv == 0)
        rv = load_journal(folder, emit, sink, saved, error);
    if (rv == 0 && replaced(folder))
        rv = clientid__fail(error, CLIENTID_ERR_BUSY,
                            "the files were replaced while they were read");
    if (rv == 0 && is_after(folder->contact.position, saved->position))
        rv = clientid__fail(error, CLIENTID_ERR_STALE,
                            "the files end at revision %llu, but revision %llu was in force",
                            (unsigned long long)saved->position.revision,
                            (unsigned long long)folder->contact.position.revision);
    return rv;
}

uint64_t clientid__folder_expected(const struct clientid__folder *folder)
{
    uint64_t events = 0;
    int fd;

    if (clientid__file_open(folder->fd, CLIENTID__SNAPSHOT_NAME, O_RDONLY, &fd) == 0)
        events = clientid__snapshot_expected(fd);
    clientid__file_close(&fd);
    return events;
}

int clientid__folder_load(struct clientid__folder *folder, clientid_event_fn *emit, void *sink,
                          struct clientid__saved *saved, clientid_error *error)
{
    int rv;

    /* First: the files, read later, can then only be newer than the contact says. */
    if (folder->read_only)
        clientid__file_close(&folder->contact_fd);
    clientid__folder_read_contact(folder);
    rv = load_files(folder, emit, sink, saved, error);
    if (rv != 0) {
        clientid__journal_close(&folder->journal);
        return rv;
    }
    if (folder->contact.position.identity != 0 && folder->contact.time_ns > saved->contact_ns)
        saved->contact_ns = folder->contact.time_ns;
    folder->durable = saved->position;
    return 0;
}

int clientid__folder_resume(struct clientid__folder *folder, clientid_error *error)
{
    int rv;

    if (folder->journal.fd < 0)
        return clientid__journal_create(&folder->journal, folder->fd, &folder->snapshot, error);
    rv = clientid__journal_cut(&folder->journal, error);
    if (rv != 0)
        clientid__journal_close(&folder->journal);
    return rv;
}

/* ---- write ------------------------------------------------------------------------------------- */

static int write_contact(struct clientid__folder *folder, clientid_position position,
                         uint64_t contact_ns)
{
    folder->contact.position = position;
    folder->contact.time_ns = contact_ns;
    return clientid__contact_write(folder->contact_fd, &folder->contact);
}

int clientid__folder_touch(struct clientid__folder *folder, clientid_position position,
                           uint64_t contact_ns, clientid_error *error)
{
    int failed;

    if (folder->contact_fd < 0 || folder->lock < 0)
        return clientid__fail(error, CLIENTID_ERR_IO, "the state folder cannot be written");
    /* Revisions of a history that was left say nothing: the mark must refuse them all. */
    if (folder->left)
        position.revision = UINT64_MAX;
    failed = write_contact(folder, position, contact_ns);
    if (failed != 0)
        return clientid__fail_errno(error, CLIENTID_ERR_IO, failed,
                                    "cannot write the last contact");
    return 0;
}

/* A source that went back, or other data: the mark of before would refuse what is about to be written. */
static int lift_mark(struct clientid__folder *folder, clientid_position position,
                     clientid_error *error)
{
    int failed;

    if (!is_after(folder->contact.position, position))
        return 0;
    failed = write_contact(folder, (clientid_position){0, 0}, folder->contact.time_ns);
    if (failed == 0)
        failed = clientid__file_sync(folder->contact_fd);
    if (failed != 0)
        return clientid__fail_errno(error, CLIENTID_ERR_IO, failed,
                                    "cannot write the last contact");
    return 0;
}

/* ---- save ------------------------------------------------------------------------------------ */

void clientid__folder_drop(struct clientid__folder *folder)
{
    if (folder->draft_fd < 0)
        return;
    clientid__snapshot_free(&folder->draft);
    clientid__file_close(&folder->draft_fd);
    unlinkat(folder->fd, TEMPORARY, 0);
}

int clientid__folder_begin(struct clientid__folder *folder, clientid_position position,
                           uint64_t contact_ns, clientid_error *error)
{
    int rv = folder->lock >= 0 ? 0 : clientid__folder_lock(folder, error);
    int failed;

    clientid__folder_drop(folder);
    if (is_after(folder->contact.position, position) || is_after(folder->durable, position))
        folder->left = true;
    if (rv != 0)
        return rv;
    failed = clientid__file_create(folder->fd, TEMPORARY, &folder->draft_fd);
    if (failed != 0)
        return clientid__fail_errno(error, CLIENTID_ERR_IO, failed, "cannot create the snapshot");
    rv = clientid__snapshot_begin(&folder->draft, folder->draft_fd, folder->mem, position,
                                  contact_ns, error);
    if (rv != 0)
        clientid__folder_drop(folder);
    return rv;
}

int clientid__folder_write(struct clientid__folder *folder, clientid__each_fn *each,
                           const void *self, clientid_error *error)
{
    int rv;

    folder->draft.error = error;
    rv = each(self, clientid__snapshot_put, &folder->draft);
    if (rv < 0)
        clientid__folder_drop(folder);
    return rv;
}

static int draft_failed(struct clientid__folder *folder, int failed, clientid_error *error)
{
    clientid__folder_drop(folder);
    return clientid__fail_errno(error, CLIENTID_ERR_IO, failed, "cannot write the snapshot");
}

int clientid__folder_flush(struct clientid__folder *folder, clientid_error *error)
{
    int failed = clientid__file_sync(folder->draft_fd);

    return failed == 0 ? 0 : draft_failed(folder, failed, error);
}

/* The mark is lifted as late as that, since from then on nothing refuses the files of before. */
static int install_draft(struct clientid__folder *folder, uint64_t revision, uint64_t contact_ns,
                         clientid_error *error)
{
    int rv = clientid__snapshot_end(&folder->draft, revision, contact_ns, error);
    int failed;

    if (rv == 0)
        rv = clientid__folder_flush(folder, error);
    if (rv == 0)
        rv = lift_mark(folder, folder->draft.snapshot.position, error);
    if (rv != 0) {
        clientid__folder_drop(folder);
        return rv;
    }
    failed =
        clientid__file_install(folder->fd, folder->draft_fd, TEMPORARY, CLIENTID__SNAPSHOT_NAME);
    if (failed != 0)
        return draft_failed(folder, failed, error);
    folder->snapshot = folder->draft.snapshot;
    clientid__snapshot_free(&folder->draft);
    clientid__file_close(&folder->draft_fd);
    return 0;
}

int clientid__folder_finish(struct clientid__folder *folder, uint64_t revision, uint64_t contact_ns,
                            clientid_error *error)
{
    int rv = install_draft(folder, revision, contact_ns, error);
    int failed;

    if (rv != 0)
        return rv;
    /* From here on the journal of before continues nothing. */
    clientid__journal_close(&folder->journal);
    failed = clientid__file_sync_folder(folder->fd);
    if (failed != 0)
        return clientid__fail_errno(error, CLIENTID_ERR_IO, failed, "cannot sync the state folder");
    folder->durable = folder->snapshot.position;
    folder->left = false;
    rv = clientid__journal_create(&folder->journal, folder->fd, &folder->snapshot, error);
    return rv != 0 ? rv : clientid__folder_touch(folder, folder->durable, contact_ns, error);
}

int clientid__folder_save(struct clientid__folder *folder, clientid__each_fn *each,
                          const void *self, clientid_position position, uint64_t contact_ns,
                          clientid_error *error)
{
    int rv = clientid__folder_begin(folder, position, contact_ns, error);

    if (rv == 0)
        rv = clientid__folder_write(folder, each, self, error);
    return rv != 0 ? rv : clientid__folder_finish(folder, position.revision, contact_ns, error);
}

/* ---- the journal ------------------------------------------------------------------------------- */

void clientid__folder_abandon(struct clientid__folder *folder, clientid_position position,
                              uint64_t contact_ns)
{
    /* The mark first: without it a reader could take the shortened journal for the whole truth. */
    if (clientid__folder_touch(folder, position, contact_ns, NULL) == 0)
        clientid__file_sync(folder->contact_fd);
    if (folder->journal.fd >= 0)
        clientid__journal_cut(&folder->journal, NULL);
    clientid__journal_close(&folder->journal);
}

int clientid__folder_append(struct clientid__folder *folder, struct clientid__round *round,
                            clientid_position position, uint64_t contact_ns, clientid_error *error)
{
    int rv = folder->journal.fd >= 0
                 ? clientid__journal_append(&folder->journal, round, error)
                 : clientid__fail(error, CLIENTID_ERR_IO, "there is no journal");

    if (rv != 0) {
        clientid__folder_abandon(folder, position, contact_ns);
        return rv;
    }
    folder->durable = position;
    /* Now, not with the next contact: an end of the journal that gets lost must be missed.  The round is safe already. */
    clientid__folder_touch(folder, position, contact_ns, NULL);
    return 0;
}

bool clientid__folder_appendable(const struct clientid__folder *folder)
{
    return folder->lock >= 0 && folder->journal.fd >= 0;
}

bool clientid__folder_outgrown(const struct clientid__folder *folder)
{
    uint64_t most = folder->snapshot.bytes / 2;

    return folder->journal.bytes > (most > JOURNAL_LEAST ? most : JOURNAL_LEAST);
}

/* ---- follow ------------------------------------------------------------------------------------ */

enum clientid__folder_news clientid__folder_look(struct clientid__folder *folder)
{
    struct stat named, opened;

    clientid__folder_read_contact(folder);
    if (replaced(folder))
        return CLIENTID__FOLDER_REPLACED;
    if (folder->journal.fd < 0)
        return clientid__journal_open(&folder->journal, folder->fd, O_RDONLY, &folder->snapshot,
                                      NULL) == 0
                   ? CLIENTID__FOLDER_GREW
                   : CLIENTID__FOLDER_SAME;
    if (fstatat(folder->fd, CLIENTID__JOURNAL_NAME, &named, AT_SYMLINK_NOFOLLOW) != 0 ||
        fstat(folder->journal.fd, &opened) != 0)
        return CLIENTID__FOLDER_SAME;
    if (named.st_dev != opened.st_dev || named.st_ino != opened.st_ino ||
        (uint64_t)named.st_size < folder->journal.bytes)
        return CLIENTID__FOLDER_REPLACED;
    return (uint64_t)named.st_size > folder->journal.bytes ? CLIENTID__FOLDER_GREW
                                                           : CLIENTID__FOLDER_SAME;
}
