/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__SNAPSHOT_H
#define CLIENTID__SNAPSHOT_H

#include "sync/codec.h"

/*
 * Everything that existed at one position of the source, in one file:
 *
 *   header   magic "CLIDSNAP", format, header size, identity, revision and time at the beginning, checksum   48 bytes
 *   block    checksum, length, count, then count times: length, event                                        repeated
 *   end      checksum, 24, 0, number of events in all, revision and time at the end; nothing may follow
 *
 * Changes that come into force while it is written are events between the others.  Each tells all of a thing, so the
 * last one counts, and the whole is the state at the end.
 *
 * Each checksum (XXH3) is seeded with the one before it, the last one therefore covers the whole file; it is
 * what a journal names when it continues this snapshot.  Neither writer nor reader holds more than a block.
 */

#define CLIENTID__SNAPSHOT_NAME "registry.snapshot"

struct clientid__snapshot {
    clientid_position position;
    uint64_t time_ns; /* when the source was last known to stand there */
    uint64_t sum;     /* the last checksum; names this snapshot */
    uint64_t bytes;
    uint64_t events;
};

/* As clientid__registry_each: emits everything that exists. */
typedef int clientid__each_fn(const void *self, clientid_event_fn *emit, void *sink);

/* One that is being written.  Nothing is synced. */
struct clientid__snapshot_writer {
    struct clientid__bytes block; /* its head included */
    struct clientid__snapshot snapshot;
    clientid_error *error; /* of the call under way */
    int fd;
    uint32_t count; /* events in |block| */
};

/*
 * Into the empty file |fd|.  CLIENTID_ERR_IO, _FULL, _NOMEM, _ARG (an event that cannot be encoded).  After an error,
 * and at the end, free the writer.
 */
int clientid__snapshot_begin(struct clientid__snapshot_writer *writer, int fd,
                             const clientid_allocator *mem, clientid_position position,
                             uint64_t time_ns, clientid_error *error);
/* clientid_event_fn; set |writer->error| before. */
int clientid__snapshot_put(void *writer, const clientid_event *event);
/* |writer->snapshot| is then whole. */
int clientid__snapshot_end(struct clientid__snapshot_writer *writer, uint64_t revision,
                           uint64_t time_ns, clientid_error *error);
void clientid__snapshot_free(struct clientid__snapshot_writer *writer);

/*
 * All at once; |snapshot| gives position and time and receives the rest.  Errors as above, or what |each| returned.
 */
int clientid__snapshot_write(int fd, const clientid_allocator *mem, clientid__each_fn *each,
                             const void *self, struct clientid__snapshot *snapshot,
                             clientid_error *error);

/* About how many events it holds, unchecked but not more than fit; 0: who knows. */
uint64_t clientid__snapshot_expected(int fd);

/*
 * Emits block by block: on any error, what was emitted must be thrown away.  CLIENTID_ERR_FORMAT (no
 * snapshot, or one of another format), _CORRUPT, _IO, _NOMEM, or what |emit| returned.
 */
int clientid__snapshot_read(int fd, const clientid_allocator *mem, clientid_event_fn *emit,
                            void *sink, struct clientid__snapshot *snapshot, clientid_error *error);

#endif
