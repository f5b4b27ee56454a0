/* SPDX-License-Identifier: Apache-2.0 */
/* A snapshot that differs in one bit from what was written is refused. */
#include "sync/snapshot.h"

#include "base/error.h"
#include "base/hash.h"
#include "sync/file.h"
#include "sync/wire.h"

#include <stdbool.h>
#include <string.h>

#define FORMAT       2u
#define HEADER_BYTES 48u
#define BLOCK_HEAD   16u           /* checksum, length, count */
#define END_BYTES    24u           /* events, revision, time */
#define BLOCK_BYTES  (256u * 1024) /* a block is written once it is this long */
/* Of an event of a contract: length, type, revision, three numbers, status, API and client id of a byte each. */
#define CONTRACT_LEAST (4u + 9u + 24u + 1u + 3u + 3u + 2u + 2u)
#define BLOCK_MOST     (BLOCK_BYTES + 4 + CLIENTID__EVENT_BYTES_MAX)

static const char magic[8] = {'C', 'L', 'I', 'D', 'S', 'N', 'A', 'P'};

/* ---- write ------------------------------------------------------------------------------------- */

static int put(struct clientid__snapshot_writer *w, const unsigned char *bytes, size_t len)
{
    int failed = clientid__file_write(w->fd, bytes, len, w->snapshot.bytes);

    if (failed != 0)
        return clientid__fail_errno(w->error, CLIENTID_ERR_IO, failed, "cannot write the snapshot");
    w->snapshot.bytes += len;
    return 0;
}

static int put_header(struct clientid__snapshot_writer *w)
{
    struct clientid__snapshot *s = &w->snapshot;
    unsigned char header[HEADER_BYTES];

    memcpy(header, magic, sizeof(magic));
    clientid__put32(header + 8, FORMAT);
    clientid__put32(header + 12, HEADER_BYTES);
    clientid__put64(header + 16, s->position.identity);
    clientid__put64(header + 24, s->position.revision);
    clientid__put64(header + 32, s->time_ns);
    s->sum = clientid__hash64(header, HEADER_BYTES - 8, 0);
    clientid__put64(header + HEADER_BYTES - 8, s->sum);
    return put(w, header, sizeof(header));
}

/* Writes |block| out and begins the next one behind an empty head. */
static int put_block(struct clientid__snapshot_writer *w)
{
    unsigned char *head = w->block.data;
    size_t len = w->block.len;

    clientid__put32(head + 8, (uint32_t)(len - BLOCK_HEAD));
    clientid__put32(head + 12, w->count);
    w->snapshot.sum = clientid__hash64(head + 8, len - 8, w->snapshot.sum);
    clientid__put64(head, w->snapshot.sum);
    w->snapshot.events += w->count;
    w->count = 0;
    w->block.len = BLOCK_HEAD;
    return put(w, head, len);
}

int clientid__snapshot_put(void *writer, const clientid_event *event)
{
    struct clientid__snapshot_writer *w = writer;
    size_t start = w->block.len;
    int rv = clientid__bytes_reserve(&w->block, 4);

    if (rv != 0)
        return clientid__fail(w->error, rv, "no memory to write the snapshot");
    w->block.len += 4;
    rv = clientid__event_encode(&w->block, event);
    if (rv != 0) {
        w->block.len = start;
        return clientid__fail(w->error, rv, "a record cannot be written to the snapshot: %s",
                              clientid_strerror(rv));
    }
    clientid__put32(w->block.data + start, (uint32_t)(w->block.len - start - 4));
    w->count++;
    return w->block.len < BLOCK_BYTES ? 0 : put_block(w);
}

int clientid__snapshot_begin(struct clientid__snapshot_writer *w, int fd,
                             const clientid_allocator *mem, clientid_position position,
                             uint64_t time_ns, clientid_error *error)
{
    *w = (struct clientid__snapshot_writer){.block = {.mem = mem},
                                            .snapshot = {.position = position, .time_ns = time_ns},
                                            .error = error,
                                            .fd = fd};
    if (clientid__bytes_reserve(&w->block, BLOCK_BYTES + 4096) != 0)
        return clientid__fail(error, CLIENTID_ERR_NOMEM, "no memory to write the snapshot");
    w->block.len = BLOCK_HEAD;
    return put_header(w);
}

int clientid__snapshot_end(struct clientid__snapshot_writer *w, uint64_t revision, uint64_t time_ns,
                           clientid_error *error)
{
    int rv = 0;

    w->error = error;
    w->snapshot.position.revision = revision;
    w->snapshot.time_ns = time_ns;
    if (w->count > 0)
        rv = put_block(w);
    if (rv != 0)
        return rv;
    clientid__put64(w->block.data + BLOCK_HEAD, w->snapshot.events);
    clientid__put64(w->block.data + BLOCK_HEAD + 8, revision);
    clientid__put64(w->block.data + BLOCK_HEAD + 16, time_ns);
    w->block.len += END_BYTES;
    return put_block(w);
}

void clientid__snapshot_free(struct clientid__snapshot_writer *w)
{
    clientid__bytes_free(&w->block);
}

int clientid__snapshot_write(int fd, const clientid_allocator *mem, clientid__each_fn *each,
                             const void *self, struct clientid__snapshot *snapshot,
                             clientid_error *error)
{
    struct clientid__snapshot_writer w;
    int rv = clientid__snapshot_begin(&w, fd, mem, snapshot->position, snapshot->time_ns, error);

    if (rv == 0)
        rv = each(self, clientid__snapshot_put, &w);
    if (rv == 0)
        rv = clientid__snapshot_end(&w, snapshot->position.revision, snapshot->time_ns, error);
    *snapshot = w.snapshot;
    clientid__snapshot_free(&w);
    return rv;
}

/* ---- read -------------------------------------------------------------------------------------- */

struct reader {
    struct clientid__bytes block; /* without its head */
    struct clientid__decoded decoded;
    struct clientid__snapshot *snapshot;
    clientid_error *error;
    uint64_t size; /* of the file */
    int fd;
    uint32_t count;
    bool ended;
};

static int damaged(const struct reader *r)
{
    return clientid__fail(r->error, CLIENTID_ERR_CORRUPT, "the snapshot is damaged at byte %llu",
                          (unsigned long long)r->snapshot->bytes);
}

static int get(struct reader *r, unsigned char *bytes, size_t len)
{
    size_t got;
    int failed = clientid__file_read(r->fd, bytes, len, r->snapshot->bytes, &got);

    if (failed != 0)
        return clientid__fail_errno(r->error, CLIENTID_ERR_IO, failed, "cannot read the snapshot");
    if (got < len)
        return damaged(r);
    r->snapshot->bytes += len;
    return 0;
}

static int get_header(struct reader *r)
{
    struct clientid__snapshot *s = r->snapshot;
    unsigned char header[HEADER_BYTES] = {0};
    int rv = get(r, header, sizeof(header));

    if (rv == CLIENTID_ERR_IO)
        return rv;
    if (memcmp(header, magic, sizeof(magic)) != 0)
        return clientid__fail(r->error, CLIENTID_ERR_FORMAT, "this is not a snapshot");
    if (rv != 0)
        return rv;
    if (clientid__get32(header + 8) != FORMAT || clientid__get32(header + 12) != HEADER_BYTES)
        return clientid__fail(r->error, CLIENTID_ERR_FORMAT,
                              "the snapshot is of format %lu, this library reads %u",
                              (unsigned long)clientid__get32(header + 8), FORMAT);
    s->position.identity = clientid__get64(header + 16);
    s->position.revision = clientid__get64(header + 24);
    s->time_ns = clientid__get64(header + 32);
    s->sum = clientid__hash64(header, HEADER_BYTES - 8, 0);
    return clientid__get64(header + HEADER_BYTES - 8) == s->sum ? 0 : damaged(r);
}

/* The next block, checked, is in |block|. */
static int get_block(struct reader *r)
{
    unsigned char head[BLOCK_HEAD];
    uint32_t len;
    int rv = get(r, head, sizeof(head));

    if (rv != 0)
        return rv;
    len = clientid__get32(head + 8);
    if (len > BLOCK_MOST || len > r->size - r->snapshot->bytes)
        return damaged(r);
    r->block.len = 0;
    rv = clientid__bytes_reserve(&r->block, (size_t)len + 8);
    if (rv != 0)
        return clientid__fail(r->error, rv, "no memory to read the snapshot");
    memcpy(r->block.data, head + 8, 8);
    rv = get(r, r->block.data + 8, len);
    if (rv != 0)
        return rv;
    r->block.len = (size_t)len + 8;
    r->snapshot->sum = clientid__hash64(r->block.data, r->block.len, r->snapshot->sum);
    r->count = clientid__get32(head + 12);
    return clientid__get64(head) == r->snapshot->sum ? 0 : damaged(r);
}

static int emit_block(struct reader *r, clientid_event_fn *emit, void *sink)
{
    size_t at = 8;

    for (uint32_t i = 0; i < r->count; i++) {
        uint32_t len;
        int rv;

        if (r->block.len - at < 4)
            return damaged(r);
        len = clientid__get32(r->block.data + at);
        at += 4;
        if (len > r->block.len - at)
            return damaged(r);
        rv = clientid__event_decode(&r->decoded, r->block.data + at, len);
        if (rv == CLIENTID_ERR_CORRUPT)
            return damaged(r);
        if (rv == 0)
            rv = emit(sink, &r->decoded.event);
        if (rv != 0)
            return clientid__fail(r->error, rv, "a record of the snapshot cannot be loaded: %s",
                                  clientid_strerror(rv));
        at += len;
    }
    r->snapshot->events += r->count;
    return at == r->block.len ? 0 : damaged(r);
}

/* A block without events is the last one. */
static int get_end(struct reader *r)
{
    const unsigned char *end = r->block.data + 8;

    r->ended = true;
    if (r->block.len != 8 + END_BYTES || clientid__get64(end) != r->snapshot->events ||
        clientid__get64(end + 8) < r->snapshot->position.revision || r->snapshot->bytes != r->size)
        return damaged(r);
    r->snapshot->position.revision = clientid__get64(end + 8);
    r->snapshot->time_ns = clientid__get64(end + 16);
    return 0;
}

uint64_t clientid__snapshot_expected(int fd)
{
    unsigned char end[END_BYTES];
    uint64_t size, events;
    size_t got;

    if (clientid__file_size(fd, &size) != 0 || size < HEADER_BYTES + BLOCK_HEAD + END_BYTES ||
        clientid__file_read(fd, end, sizeof(end), size - sizeof(end), &got) != 0 ||
        got < sizeof(end))
        return 0;
    events = clientid__get64(end);
    return events <= size / CONTRACT_LEAST ? events : 0;
}

int clientid__snapshot_read(int fd, const clientid_allocator *mem, clientid_event_fn *emit,
                            void *sink, struct clientid__snapshot *snapshot, clientid_error *error)
{
    struct reader r = {.block = {.mem = mem},
                       .decoded = {.mem = mem},
                       .snapshot = snapshot,
                       .error = error,
                       .fd = fd};
    int failed = clientid__file_size(fd, &r.size);
    int rv;

    *snapshot = (struct clientid__snapshot){0};
    if (failed != 0)
        return clientid__fail_errno(error, CLIENTID_ERR_IO, failed, "cannot read the snapshot");
    rv = get_header(&r);
    while (rv == 0 && !r.ended) {
        rv = get_block(&r);
        if (rv == 0)
            rv = r.count > 0 ? emit_block(&r, emit, sink) : get_end(&r);
    }
    clientid__bytes_free(&r.block);
    clientid__decoded_free(&r.decoded);
    return rv;
}
