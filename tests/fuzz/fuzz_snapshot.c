/* SPDX-License-Identifier: Apache-2.0 */
/*
 * clientid__snapshot_read: any bytes.  An even first byte asks for checksums that fit, so that what lies behind them is
 * reached; the file is the rest.
 */
#include "base/hash.h"
#include "base/mem.h"
#include "sync/snapshot.h"
#include "sync/wire.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void mend(unsigned char *file, size_t size)
{
    size_t at = 48;
    uint64_t sum;

    if (size < at)
        return;
    sum = clientid__hash64(file, 40, 0);
    clientid__put64(file + 40, sum);
    while (size - at >= 16) {
        size_t len = clientid__get32(file + at + 8);

        if (len > size - at - 16)
            return;
        sum = clientid__hash64(file + at + 8, 8 + len, sum);
        clientid__put64(file + at, sum);
        at += 16 + len;
    }
}

static int count(void *self, const clientid_event *event)
{
    uint64_t *events = self;
    struct clientid__bytes bytes = {.mem = &clientid__malloc};

    ++*events;
    if (clientid__event_encode(&bytes, event) != 0)
        abort();
    clientid__bytes_free(&bytes);
    return 0;
}

static int open_file(const unsigned char *bytes, size_t size)
{
    char name[] = "/tmp/clientid-fuzz-XXXXXX";
    int fd = mkstemp(name);

    if (fd < 0 || unlink(name) != 0 || write(fd, bytes, size) != (ssize_t)size)
        abort();
    return fd;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct clientid__snapshot snapshot;
    unsigned char *file;
    uint64_t events = 0;
    int fd;

    if (size == 0)
        return 0;
    file = malloc(size);
    if (file == NULL)
        return 0;
    memcpy(file, data + 1, size - 1);
    if (data[0] % 2 == 0)
        mend(file, size - 1);
    fd = open_file(file, size - 1);
    if (clientid__snapshot_read(fd, &clientid__malloc, count, &events, &snapshot, NULL) == 0 &&
        (events != snapshot.events || snapshot.bytes != size - 1))
        abort();
    close(fd);
    free(file);
    return 0;
}
