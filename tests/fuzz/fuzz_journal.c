/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clientid__journal_open, _read, _cut, _append: any bytes behind a sound header.  An even first byte asks for checksums
 * that fit.  Whatever was read, the journal must go on: a round that is appended is read back behind it.
 */
#include "base/hash.h"
#include "base/mem.h"
#include "sync/journal.h"
#include "sync/wire.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define HEADER_BYTES 56

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Instead of the C library's: a disk that is waited for would leave no time to try anything. */
int fdatasync(int fd)
{
    (void)fd;
    return 0;
}

int fsync(int fd)
{
    (void)fd;
    return 0;
}

static const struct clientid__snapshot base = {.position = {1, 2}, .time_ns = 3, .sum = 4};

static void mend(unsigned char *frames, size_t size, uint64_t sum)
{
    size_t at = 0;

    while (size - at >= 16) {
        size_t len = clientid__get32(frames + at + 8);

        if (len > size - at - 16)
            return;
        sum = clientid__hash64(frames + at + 8, 8 + len, sum);
        clientid__put64(frames + at, sum);
        at += 16 + len;
    }
}

static int take(void *self, const clientid_event *event)
{
    struct clientid__bytes *bytes = self;

    if (clientid__event_encode(bytes, event) != 0)
        abort();
    return 0;
}

static void read_all(int folder, int flags, struct clientid__journal *journal,
                     struct clientid__bytes *bytes)
{
    if (clientid__journal_open(journal, folder, flags, &base, NULL) != 0 ||
        clientid__journal_read(journal, &clientid__malloc, take, bytes, NULL) != 0)
        abort();
}

/* Appends a round; all that was read before and the round must come back. */
static void go_on(int folder, struct clientid__journal *journal, struct clientid__bytes *before)
{
    struct clientid__round round = {.frames = {.mem = &clientid__malloc}};
    struct clientid__bytes after = {.mem = &clientid__malloc};
    clientid_event event = {.type = CLIENTID_EVENT_TIER_REMOVED, .u.tier.id = 9};
    uint64_t revision = journal->position.revision;

    if (clientid__round_add(&round, &event) != 0 ||
        clientid__round_commit(&round, revision, 1) != 0 || take(before, &event) != 0 ||
        clientid__journal_cut(journal, NULL) != 0 ||
        clientid__journal_append(journal, &round, NULL) != 0)
        abort();
    clientid__journal_close(journal);
    read_all(folder, O_RDONLY, journal, &after);
    if (after.len != before->len || memcmp(after.data, before->data, after.len) != 0)
        abort();
    clientid__bytes_free(&after);
    clientid__bytes_free(&round.frames);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    char path[] = "/tmp/clientid-fuzz-XXXXXX";
    struct clientid__bytes bytes = {.mem = &clientid__malloc};
    struct clientid__journal journal;
    unsigned char *frames = malloc(size + 1);
    int folder;

    if (size == 0 || frames == NULL || mkdtemp(path) == NULL) {
        free(frames);
        return 0;
    }
    folder = open(path, O_RDONLY | O_DIRECTORY);
    if (folder < 0 || clientid__journal_create(&journal, folder, &base, NULL) != 0)
        abort();
    memcpy(frames, data + 1, size - 1);
    if (data[0] % 2 == 0)
        mend(frames, size - 1, journal.sum);
    if (pwrite(journal.fd, frames, size - 1, HEADER_BYTES) != (ssize_t)size - 1)
        abort();
    clientid__journal_close(&journal);
    read_all(folder, O_RDWR, &journal, &bytes);
    go_on(folder, &journal, &bytes);
    clientid__journal_close(&journal);
    clientid__bytes_free(&bytes);
    if (unlinkat(folder, CLIENTID__JOURNAL_NAME, 0) != 0 || rmdir(path) != 0)
        abort();
    close(folder);
    free(frames);
    return 0;
}
