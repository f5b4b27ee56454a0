/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__JOURNAL_H
#define CLIENTID__JOURNAL_H

#include "sync/snapshot.h"

/*
 * What changed after a snapshot, in rounds, in a file that only grows:
 *
 *   header   magic "CLIDJRNL", format, header size, identity, revision and last checksum of the snapshot that
 *            it continues, time, checksum                                                     56 bytes
 *   event    checksum, length, 1, event                                          any number of times
 *   commit   checksum, 16, 2, revision, time                                     ends a round
 *
 * A round counts from its commit on.  Checksums are seeded with the one before, so that nothing left over from
 * another time can follow.  The first frame that is torn or damaged ends the journal: the rounds before it count.
 */

#define CLIENTID__JOURNAL_NAME "registry.journal"

struct clientid__journal {
    int fd;                     /* -1: none */
    uint64_t bytes;             /* up to the end of the last round that counts */
    uint64_t sum;               /* last checksum of that round */
    clientid_position position; /* after that round */
    uint64_t time_ns;           /* when the source was known to stand there */
};

/* The changes of one round, in the bytes that go to the journal. */
struct clientid__round {
    struct clientid__bytes frames;
    size_t events;
};

void clientid__round_clear(struct clientid__round *round);
/* CLIENTID_ERR_ARG, _NOMEM as clientid__event_encode; the round is then as it was. */
int clientid__round_add(struct clientid__round *round, const clientid_event *event);
int clientid__round_commit(struct clientid__round *round, uint64_t revision, uint64_t time_ns);
/* Emits the events of the round.  CLIENTID_ERR_CORRUPT, _NOMEM or what |emit| returned. */
int clientid__round_each(const struct clientid__round *round, clientid_event_fn *emit, void *sink);

/* Makes an empty journal behind |snapshot|, durably.  On an error |journal->fd| is -1.  CLIENTID_ERR_IO, _FULL. */
int clientid__journal_create(struct clientid__journal *journal, int folder,
                             const struct clientid__snapshot *snapshot, clientid_error *error);

/*
 * Opens the one in |folder| and stands before its first round.  |flags|: O_RDONLY or O_RDWR.  On an error
 * |journal->fd| is -1.  CLIENTID_ERR_NOT_FOUND, _FORMAT, _CORRUPT, _IO, _GAP (it continues another snapshot).
 */
int clientid__journal_open(struct clientid__journal *journal, int folder, int flags,
                           const struct clientid__snapshot *snapshot, clientid_error *error);

/*
 * Emits all whole rounds that follow and stands behind them.  A round is checked to its end before any of it is
 * emitted.  CLIENTID_ERR_IO, _NOMEM, or what |emit| returned: |journal| then stands before that round.
 */
int clientid__journal_read(struct clientid__journal *journal, const clientid_allocator *mem,
                           clientid_event_fn *emit, void *sink, clientid_error *error);

/*
 * Writes a committed round behind the last one and waits until it is on disk.  After an error nobody knows what
 * is on disk: the journal must be abandoned.  CLIENTID_ERR_IO, _FULL.
 */
int clientid__journal_append(struct clientid__journal *journal, struct clientid__round *round,
                             clientid_error *error);

/* Cuts off what does not count.  CLIENTID_ERR_IO. */
int clientid__journal_cut(struct clientid__journal *journal, clientid_error *error);
void clientid__journal_close(struct clientid__journal *journal);

#endif
