/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__FOLDER_H
#define CLIENTID__FOLDER_H

#include "sync/contact.h"
#include "sync/journal.h"

#include <stdbool.h>
#include <sys/stat.h>

/*
 * The last good state on disk: a snapshot, the journal that continues it, the last contact.  One writer, any number
 * of readers that follow.  At every moment, whatever is killed or loses power, the files give a state that was in
 * force, never an older one than the last round that was appended.
 */
struct clientid__folder {
    const clientid_allocator *mem;
    int fd;
    int lock;       /* -1: not ours to write, at present */
    int contact_fd; /* -1: there is no such file yet */
    bool read_only;
    bool left; /* the source went back, and the files still hold what it said before */
    struct clientid__contact contact;   /* as last read or written */
    struct clientid__snapshot snapshot; /* as last read or written */
    struct clientid__journal journal;   /* continues |snapshot|; fd -1: there is none */
    struct stat snapshot_stat;
    clientid_position durable; /* what a restart would find */
    int draft_fd;              /* of a snapshot that is being written; -1: none is */
    struct clientid__snapshot_writer draft;
};

/* CLIENTID_ERR_ARG: the folder cannot be opened. */
int clientid__folder_open(struct clientid__folder *folder, const clientid_allocator *mem,
                          const char *path, bool read_only, clientid_error *error);
void clientid__folder_close(struct clientid__folder *folder);

/*
 * Makes this the one writer; what was read of the journal is forgotten.  CLIENTID_ERR_BUSY: there is another; _IO,
 * _FULL.
 */
int clientid__folder_lock(struct clientid__folder *folder, clientid_error *error);
/* False when somebody removed the lock's file: another one may hold a lock too. */
bool clientid__folder_owned(const struct clientid__folder *folder);
/* Leaves it to others, and reads. */
void clientid__folder_unlock(struct clientid__folder *folder);

/* What the files hold. */
struct clientid__saved {
    clientid_position position;
    uint64_t contact_ns;
    uint64_t lost_bytes; /* at the end of the journal, torn or damaged */
};

/* About how many contracts a load will emit, from what nobody checked yet; 0: who knows. */
uint64_t clientid__folder_expected(const struct clientid__folder *folder);

/*
 * Emits it; on an error, what was emitted must be thrown away.  CLIENTID_ERR_NOT_FOUND, _FORMAT, _CORRUPT; _STALE
 * (something later was in force); _BUSY (replaced meanwhile: try again); _IO, _NOMEM, or what |emit| returned.
 */
int clientid__folder_load(struct clientid__folder *folder, clientid_event_fn *emit, void *sink,
                          struct clientid__saved *saved, clientid_error *error);

/* After a load: the writer will append to what was loaded.  CLIENTID_ERR_IO, _FULL. */
int clientid__folder_resume(struct clientid__folder *folder, clientid_error *error);

/*
 * Replaces the files, in pieces: begin, write as often as needed, finish.  Rounds go to the journal meanwhile if there is
 * one, and to the draft too.  What fails drops the draft; the files and the journal are as before, until finish put the
 * draft in their place.  Errors as clientid__folder_lock, clientid__snapshot_begin.
 */
int clientid__folder_begin(struct clientid__folder *folder, clientid_position position,
                           uint64_t contact_ns, clientid_error *error);
/* What |each| emits; returns what it does. */
int clientid__folder_write(struct clientid__folder *folder, clientid__each_fn *each,
                           const void *self, clientid_error *error);
/* What was written is on disk, so that finish has less to wait for. */
int clientid__folder_flush(struct clientid__folder *folder, clientid_error *error);
int clientid__folder_finish(struct clientid__folder *folder, uint64_t revision, uint64_t contact_ns,
                            clientid_error *error);
void clientid__folder_drop(struct clientid__folder *folder);
static inline bool clientid__folder_drafts(const struct clientid__folder *folder)
{
    return folder->draft_fd >= 0;
}

/* All of that at once. */
int clientid__folder_save(struct clientid__folder *folder, clientid__each_fn *each,
                          const void *self, clientid_position position, uint64_t contact_ns,
                          clientid_error *error);

/*
 * Puts a committed round that leads to |position| on disk.  On an error the files are marked stale, so that a restart
 * does not bring back what the round took away.  CLIENTID_ERR_IO, _FULL.
 */
int clientid__folder_append(struct clientid__folder *folder, struct clientid__round *round,
                            clientid_position position, uint64_t contact_ns, clientid_error *error);

/* |position| comes into force without being on disk: marks the files stale and gives up the journal. */
void clientid__folder_abandon(struct clientid__folder *folder, clientid_position position,
                              uint64_t contact_ns);

/* The source is in step at |position|.  CLIENTID_ERR_IO, _FULL. */
int clientid__folder_touch(struct clientid__folder *folder, clientid_position position,
                           uint64_t contact_ns, clientid_error *error);

/* True when a round can be appended; true when a new snapshot would make the journal short again. */
bool clientid__folder_appendable(const struct clientid__folder *folder);
bool clientid__folder_outgrown(const struct clientid__folder *folder);

enum clientid__folder_news {
    CLIENTID__FOLDER_SAME,
    CLIENTID__FOLDER_GREW,    /* clientid__journal_read has more */
    CLIENTID__FOLDER_REPLACED /* load again */
};

/* What happened since the load, for a reader; reads the contact first. */
enum clientid__folder_news clientid__folder_look(struct clientid__folder *folder);
void clientid__folder_read_contact(struct clientid__folder *folder);

#endif
