/* SPDX-License-Identifier: Apache-2.0 */
/* Whatever happens to its end, the rounds before are read whole, in order, and nothing else is. */
#include "sync/journal.h"

#include "base/error.h"
#include "base/hash.h"
#include "sync/file.h"
#include "sync/wire.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <unistd.h>

#define FORMAT       1u
#define HEADER_BYTES 56u
#define FRAME_HEAD   16u /* checksum, length, kind */
#define COMMIT_BYTES 16u /* revision, time */
#define WINDOW_BYTES (256u * 1024)
#define TEMPORARY    CLIENTID__JOURNAL_NAME ".new"

enum { FRAME_EVENT = 1, FRAME_COMMIT = 2 };

static const char magic[8] = {'C', 'L', 'I', 'D', 'J', 'R', 'N', 'L'};

/* ---- a round ----------------------------------------------------------------------------------- */

void clientid__round_clear(struct clientid__round *round)
{
    round->frames.len = 0;
    round->events = 0;
}

/* The checksum is set when the round is appended: only then is known what comes before it. */
static void put_frame_head(unsigned char *head, size_t len, uint32_t kind)
{
    clientid__put64(head, 0);
    clientid__put32(head + 8, (uint32_t)len);
    clientid__put32(head + 12, kind);
}

int clientid__round_add(struct clientid__round *round, const clientid_event *event)
{
    size_t start = round->frames.len;
    int rv = clientid__bytes_reserve(&round->frames, FRAME_HEAD);

    if (rv != 0)
        return rv;
    round->frames.len += FRAME_HEAD;
    rv = clientid__event_encode(&round->frames, event);
    if (rv != 0) {
        round->frames.len = start;
        return rv;
    }
    put_frame_head(round->frames.data + start, round->frames.len - start - FRAME_HEAD, FRAME_EVENT);
    round->events++;
    return 0;
}

int clientid__round_commit(struct clientid__round *round, uint64_t revision, uint64_t time_ns)
{
    unsigned char *frame;
    int rv = clientid__bytes_reserve(&round->frames, FRAME_HEAD + COMMIT_BYTES);

    if (rv != 0)
        return rv;
    frame = round->frames.data + round->frames.len;
    put_frame_head(frame, COMMIT_BYTES, FRAME_COMMIT);
    clientid__put64(frame + FRAME_HEAD, revision);
    clientid__put64(frame + FRAME_HEAD + 8, time_ns);
    round->frames.len += FRAME_HEAD + COMMIT_BYTES;
    return 0;
}

static int frames_each(const unsigned char *at, const unsigned char *end,
                       struct clientid__decoded *decoded, clientid_event_fn *emit, void *sink)
{
    while (at < end) {
        uint32_t len = clientid__get32(at + 8);
        int rv = 0;

        if (clientid__get32(at + 12) == FRAME_EVENT) {
            rv = clientid__event_decode(decoded, at + FRAME_HEAD, len);
            if (rv == 0)
                rv = emit(sink, &decoded->event);
        }
        if (rv != 0)
            return rv;
        at += FRAME_HEAD + len;
    }
    return 0;
}

int clientid__round_each(const struct clientid__round *round, clientid_event_fn *emit, void *sink)
{
    const struct clientid__bytes *frames = &round->frames;
    struct clientid__decoded decoded = {.mem = frames->mem};
    int rv;

    if (frames->len == 0)
        return 0;
    rv = frames_each(frames->data, frames->data + frames->len, &decoded, emit, sink);
    clientid__decoded_free(&decoded);
    return rv;
}

/* ---- the file ---------------------------------------------------------------------------------- */

static void put_header(unsigned char *header, const struct clientid__snapshot *snapshot)
{
    memcpy(header, magic, sizeof(magic));
    clientid__put32(header + 8, FORMAT);
    clientid__put32(header + 12, HEADER_BYTES);
    clientid__put64(header + 16, snapshot->position.identity);
    clientid__put64(header + 24, snapshot->position.revision);
    clientid__put64(header + 32, snapshot->sum);
    clientid__put64(header + 40, snapshot->time_ns);
    clientid__put64(header + 48, clientid__hash64(header, HEADER_BYTES - 8, 0));
}

static void stand_at_start(struct clientid__journal *journal, const unsigned char *header,
                           const struct clientid__snapshot *snapshot)
{
    journal->bytes = HEADER_BYTES;
    journal->sum = clientid__get64(header + 48);
    journal->position = snapshot->position;
    journal->time_ns = snapshot->time_ns;
}

int clientid__journal_create(struct clientid__journal *journal, int folder,
                             const struct clientid__snapshot *snapshot, clientid_error *error)
{
    unsigned char header[HEADER_BYTES];
    int failed = clientid__file_create(folder, TEMPORARY, &journal->fd);

    if (failed != 0)
        return clientid__fail_errno(error, CLIENTID_ERR_IO, failed, "cannot create the journal");
    put_header(header, snapshot);
    stand_at_start(journal, header, snapshot);
    failed = clientid__file_write(journal->fd, header, sizeof(header), 0);
    if (failed == 0)
        failed = clientid__file_install(folder, journal->fd, TEMPORARY, CLIENTID__JOURNAL_NAME);
    if (failed == 0)
        failed = clientid__file_sync_folder(folder);
    if (failed == 0)
        return 0;
    clientid__file_close(&journal->fd);
    unlinkat(folder, TEMPORARY, 0);
    return clientid__fail_errno(error, CLIENTID_ERR_IO, failed, "cannot write the journal");
}

static int check_header(const unsigned char *header, size_t got,
                        const struct clientid__snapshot *snapshot, clientid_error *error)
{
    if (got >= sizeof(magic) && memcmp(header, magic, sizeof(magic)) != 0)
        return clientid__fail(error, CLIENTID_ERR_FORMAT, "this is not a journal");
    if (got < HEADER_BYTES)
        return clientid__fail(error, CLIENTID_ERR_CORRUPT, "the journal's header is cut off");
    if (clientid__get32(header + 8) != FORMAT || clientid__get32(header + 12) != HEADER_BYTES)
        return clientid__fail(error, CLIENTID_ERR_FORMAT,
                              "the journal is of format %lu, this library reads %u",
                              (unsigned long)clientid__get32(header + 8), FORMAT);
    if (clientid__get64(header + 48) != clientid__hash64(header, HEADER_BYTES - 8, 0))
        return clientid__fail(error, CLIENTID_ERR_CORRUPT, "the journal's header is damaged");
    if (clientid__get64(header + 16) != snapshot->position.identity ||
        clientid__get64(header + 24) != snapshot->position.revision ||
        clientid__get64(header + 32) != snapshot->sum)
        return clientid__fail(error, CLIENTID_ERR_GAP, "the journal continues another snapshot");
    return 0;
}

int clientid__journal_open(struct clientid__journal *journal, int folder, int flags,
                           const struct clientid__snapshot *snapshot, clientid_error *error)
{
    unsigned char header[HEADER_BYTES] = {0};
    size_t got = 0;
    int failed = clientid__file_open(folder, CLIENTID__JOURNAL_NAME, flags, &journal->fd);
    int rv;

    if (failed == ENOENT)
        return clientid__fail(error, CLIENTID_ERR_NOT_FOUND, "there is no journal");
    if (failed == 0)
        failed = clientid__file_read(journal->fd, header, sizeof(header), 0, &got);
    if (failed != 0)
        rv = clientid__fail_errno(error, CLIENTID_ERR_IO, failed, "cannot open the journal%s",
                                  flags == O_RDONLY ? "" : " for writing");
    else
        rv = check_header(header, got, snapshot, error);
    if (rv != 0) {
        clientid__file_close(&journal->fd);
        return rv;
    }
    stand_at_start(journal, header, snapshot);
    return 0;
}

int clientid__journal_append(struct clientid__journal *journal, struct clientid__round *round,
                             clientid_error *error)
{
    unsigned char *at = round->frames.data;
    unsigned char *end = at + round->frames.len;
    unsigned char *last = at;
    uint64_t sum = journal->sum;
    int failed;

    for (; at < end; at += FRAME_HEAD + clientid__get32(at + 8)) {
        sum = clientid__hash64(at + 8, 8 + (size_t)clientid__get32(at + 8), sum);
        clientid__put64(at, sum);
        last = at;
    }
    failed =
        clientid__file_write(journal->fd, round->frames.data, round->frames.len, journal->bytes);
    if (failed == 0)
        failed = clientid__file_sync(journal->fd);
    if (failed != 0)
        return clientid__fail_errno(error, CLIENTID_ERR_IO, failed, "cannot write the journal");
    journal->bytes += round->frames.len;
    journal->sum = sum;
    journal->position.revision = clientid__get64(last + FRAME_HEAD);
    journal->time_ns = clientid__get64(last + FRAME_HEAD + 8);
    return 0;
}

int clientid__journal_cut(struct clientid__journal *journal, clientid_error *error)
{
    uint64_t size = 0;
    int failed = clientid__file_size(journal->fd, &size);

    if (failed == 0 && size > journal->bytes && ftruncate(journal->fd, (off_t)journal->bytes) != 0)
        failed = errno;
    if (failed != 0)
        return clientid__fail_errno(error, CLIENTID_ERR_IO, failed, "cannot cut the journal");
    return 0;
}

void clientid__journal_close(struct clientid__journal *journal)
{
    clientid__file_close(&journal->fd);
}

/* ---- read -------------------------------------------------------------------------------------- */

/* |window| holds the file from |journal->bytes - start| on. */
struct reader {
    struct clientid__journal *journal;
    struct clientid__bytes window;
    struct clientid__decoded decoded;
    size_t start;  /* the round that is being read begins here */
    size_t at;     /* its next frame begins here */
    uint64_t sum;  /* of the frame before |at| */
    uint64_t size; /* of the file */
    clientid_error *error;
};

static int no_memory(const struct reader *r)
{
    return clientid__fail(r->error, CLIENTID_ERR_NOMEM, "no memory to read the journal");
}

/* Forgets the rounds that were emitted. */
static void drop_before_start(struct reader *r)
{
    if (r->start == 0)
        return;
    memmove(r->window.data, r->window.data + r->start, r->window.len - r->start);
    r->window.len -= r->start;
    r->at -= r->start;
    r->start = 0;
}

/* 1: |len| bytes are there from |at| on; 0: the file ends before. */
static int fill(struct reader *r, size_t len)
{
    struct clientid__bytes *w = &r->window;
    uint64_t offset = r->journal->bytes + (w->len - r->start);
    size_t missing, got;
    int failed;

    if (len <= w->len - r->at)
        return 1;
    missing = len - (w->len - r->at);
    /* The file's size bounds what a damaged length can make us allocate. */
    if (offset > r->size || missing > r->size - offset)
        return 0;
    drop_before_start(r);
    if (missing < WINDOW_BYTES)
        missing = WINDOW_BYTES;
    if (clientid__bytes_reserve(w, missing) != 0)
        return no_memory(r);
    failed = clientid__file_read(r->journal->fd, w->data + w->len, missing, offset, &got);
    if (failed != 0)
        return clientid__fail_errno(r->error, CLIENTID_ERR_IO, failed, "cannot read the journal");
    w->len += got;
    return len <= w->len - r->at;
}

/* The kind of the next frame when it is whole and sound, |at| is then behind it; 0: the journal ends here. */
static int next_frame(struct reader *r)
{
    uint32_t len, kind;
    uint64_t sum;
    const unsigned char *frame;
    int rv = fill(r, FRAME_HEAD);

    if (rv <= 0)
        return rv;
    len = clientid__get32(r->window.data + r->at + 8);
    kind = clientid__get32(r->window.data + r->at + 12);
    if (len > CLIENTID__EVENT_BYTES_MAX)
        return 0;
    rv = fill(r, FRAME_HEAD + (size_t)len);
    if (rv <= 0)
        return rv;
    frame = r->window.data + r->at;
    sum = clientid__hash64(frame + 8, 8 + (size_t)len, r->sum);
    if (sum != clientid__get64(frame))
        return 0;
    if (kind == FRAME_EVENT) {
        rv = clientid__event_decode(&r->decoded, frame + FRAME_HEAD, len);
        if (rv != 0)
            return rv == CLIENTID_ERR_CORRUPT ? 0 : no_memory(r);
    } else if (kind != FRAME_COMMIT || len != COMMIT_BYTES ||
               clientid__get64(frame + FRAME_HEAD) < r->journal->position.revision) {
        return 0;
    }
    r->sum = sum;
    r->at += FRAME_HEAD + (size_t)len;
    return (int)kind;
}

static int emit_round(struct reader *r, clientid_event_fn *emit, void *sink)
{
    const unsigned char *commit = r->window.data + r->at - COMMIT_BYTES;
    int rv =
        frames_each(r->window.data + r->start, r->window.data + r->at, &r->decoded, emit, sink);

    if (rv != 0)
        return clientid__fail(r->error, rv, "a change in the journal cannot be applied: %s",
                              clientid_strerror(rv));
    r->journal->bytes += r->at - r->start;
    r->journal->sum = r->sum;
    r->journal->position.revision = clientid__get64(commit);
    r->journal->time_ns = clientid__get64(commit + 8);
    r->start = r->at;
    return 0;
}

int clientid__journal_read(struct clientid__journal *journal, const clientid_allocator *mem,
                           clientid_event_fn *emit, void *sink, clientid_error *error)
{
    struct reader r = {.journal = journal,
                       .window = {.mem = mem},
                       .decoded = {.mem = mem},
                       .sum = journal->sum,
                       .error = error};
    int failed = clientid__file_size(journal->fd, &r.size);
    int rv;

    if (failed != 0)
        return clientid__fail_errno(error, CLIENTID_ERR_IO, failed, "cannot read the journal");
    for (;;) {
        rv = next_frame(&r);
        if (rv <= 0)
            break;
        rv = rv == FRAME_COMMIT ? emit_round(&r, emit, sink) : 0;
        if (rv != 0)
            break;
    }
    clientid__bytes_free(&r.window);
    clientid__decoded_free(&r.decoded);
    return rv;
}
