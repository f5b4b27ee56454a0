/* SPDX-License-Identifier: Apache-2.0 */
/* A limits file appears whole or not at all, and is never truncated or changed in size. */
#include "limit/table.h"

#include "base/error.h"
#include "base/mem.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/stat.h>
#include <unistd.h>

/*
 * Not guarded against: somebody who shortens the file while it is mapped; the next access is then a SIGBUS.
 * Processes of other users need write permission, given by the umask or by whoever makes the file.
 */
#define FILE_MODE 0660

static int not_a_table(const char *file, clientid_error *error)
{
    return clientid__fail(error, CLIENTID_ERR_FORMAT,
                          "%.100s is not a limits file: name another one, or remove it", file);
}

static int check_kind(const struct clientid__header *header, const char *file,
                      clientid_error *error)
{
    if (memcmp(header->magic, CLIENTID__TABLE_MAGIC, sizeof(header->magic)) != 0)
        return not_a_table(file, error);
    if (header->format != clientid__table_format())
        return clientid__fail(error, CLIENTID_ERR_FORMAT,
                              "limits file %.100s has layout %" PRIx64
                              ", this library uses %" PRIx64
                              ": run one version of it, or remove the file while nothing uses it",
                              file, header->format, clientid__table_format());
    if (header->clock != CLIENTID__CLOCK_WALL)
        return clientid__fail(error, CLIENTID_ERR_FORMAT,
                              "limits file %.100s counts time by clock %" PRIu64
                              ", this library by clock %d: remove it while nothing uses it",
                              file, header->clock, CLIENTID__CLOCK_WALL);
    return 0;
}

static int check_sizes(const struct clientid__header *header, const char *file,
                       const uint64_t entries[CLIENTID__REGION_COUNT], clientid_error *error)
{
    static const char *const names[] = {"cells", "cells for keys", "cells for overflow",
                                        "cells for last uses"};

    for (int i = 0; i < CLIENTID__REGION_COUNT; i++)
        if (header->entries[i] != entries[i])
            return clientid__fail(error, CLIENTID_ERR_FORMAT,
                                  "limits file %.100s has %" PRIu64
                                  " %s, the configuration asks for %" PRIu64
                                  ": give the old number, or remove the file while nothing uses it",
                                  file, header->entries[i], names[i], entries[i]);
    return 0;
}

/*
 * Checked before it is mapped, so that no access can lie behind the end of the file.  Without |wanted| the sizes are
 * those of the header, if a table can have them.
 */
static int check_file(int fd, const char *file, const uint64_t *wanted,
                      uint64_t entries[CLIENTID__REGION_COUNT], clientid_error *error)
{
    struct clientid__header header = {0};
    struct stat st;
    ssize_t got;
    int rv;

    if (fstat(fd, &st) != 0)
        return clientid__fail_errno(error, CLIENTID_ERR_IO, errno,
                                    "cannot look at limits file %.100s", file);
    if (!S_ISREG(st.st_mode))
        return clientid__fail(error, CLIENTID_ERR_FORMAT, "%.100s is not a regular file", file);
    got = pread(fd, &header, sizeof(header), 0);
    if (got < 0)
        return clientid__fail_errno(error, CLIENTID_ERR_IO, errno, "cannot read limits file %.100s",
                                    file);
    if ((size_t)got < sizeof(header))
        return not_a_table(file, error);
    rv = check_kind(&header, file, error);
    if (rv == 0 && wanted != NULL)
        rv = check_sizes(&header, file, wanted, error);
    if (rv != 0)
        return rv;
    memcpy(entries, header.entries, sizeof(header.entries));
    if (!clientid__table_sizes_valid(entries))
        return clientid__fail(error, CLIENTID_ERR_FORMAT,
                              "limits file %.100s is damaged: its sizes are impossible", file);
    if (st.st_size < 0 || (uint64_t)st.st_size != clientid__table_bytes(entries))
        return clientid__fail(
            error, CLIENTID_ERR_FORMAT,
            "limits file %.100s is %lld bytes long and should be %zu: it was cut or "
            "written over, remove it while nothing uses it",
            file, (long long)st.st_size, clientid__table_bytes(entries));
    return 0;
}

static int map(struct clientid__header **out, int fd, const char *file, size_t bytes,
               bool read_only, clientid_error *error)
{
    int protection = read_only ? PROT_READ : PROT_READ | PROT_WRITE;
    void *memory = mmap(NULL, bytes, protection, MAP_SHARED, fd, 0);

    if (memory == MAP_FAILED)
        return clientid__fail_errno(error, errno == ENOMEM ? CLIENTID_ERR_NOMEM : CLIENTID_ERR_IO,
                                    errno, "cannot map limits file %.100s", file);
    *out = memory;
    return 0;
}

static int reserve(int fd, const char *file, size_t bytes, clientid_error *error)
{
    int failed;

    /* Blocks now: a full disk later would be a SIGBUS in a request. */
    do
        failed = posix_fallocate(fd, 0, (off_t)bytes);
    while (failed == EINTR);
    if (failed == EFBIG)
        failed = ENOSPC; /* RLIMIT_FSIZE */
    return failed == 0
               ? 0
               : clientid__fail_errno(error, CLIENTID_ERR_IO, failed,
                                      "cannot make limits file %.100s of %zu bytes", file, bytes);
}

static int fill(int fd, const char *file, const uint64_t entries[CLIENTID__REGION_COUNT],
                clientid_error *error)
{
    struct clientid__header header = {0};
    int rv = reserve(fd, file, clientid__table_bytes(entries), error);

    if (rv == 0)
        rv = clientid__table_format_header(&header, entries, error);
    if (rv == 0 && pwrite(fd, &header, sizeof(header), 0) != (ssize_t)sizeof(header))
        rv = clientid__fail_errno(error, CLIENTID_ERR_IO, errno, "cannot write limits file %.100s",
                                  file);
    /* Before it has its name: a power cut must not leave a file of zeros, which would be refused for ever. */
    if (rv == 0 && fsync(fd) != 0)
        rv = clientid__fail_errno(error, CLIENTID_ERR_IO, errno, "cannot write limits file %.100s",
                                  file);
    return rv;
}

/*
 * Makes the file under a name of its own and links it to |file|.  0, also when another process was first; then
 * that one's file is opened like any other.
 */
static int make(const clientid_allocator *mem, const char *file,
                const uint64_t entries[CLIENTID__REGION_COUNT], clientid_error *error)
{
    size_t room = strlen(file) + 32;
    char *name = clientid__alloc(mem, 1, room);
    uint64_t unique = 0;
    int fd, rv;

    if (name == NULL)
        return clientid__fail(error, CLIENTID_ERR_NOMEM, "no memory for a limits table");
    if (getrandom(&unique, sizeof(unique), 0) < 0)
        unique = (uint64_t)getpid();
    snprintf(name, room, "%s.%016" PRIx64 ".new", file, unique);
    fd = open(name, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, FILE_MODE);
    if (fd < 0) {
        rv = clientid__fail_errno(error, CLIENTID_ERR_IO, errno, "cannot make limits file %.100s",
                                  file);
        goto done;
    }
    rv = fill(fd, file, entries, error);
    if (rv == 0 && link(name, file) != 0 && errno != EEXIST)
        rv = clientid__fail_errno(error, CLIENTID_ERR_IO, errno, "cannot make limits file %.100s",
                                  file);
    unlink(name);
    close(fd);
done:
    clientid__free(mem, name);
    return rv;
}

/* Does not wait for the other end of a pipe. */
static int open_existing(const char *file, int access)
{
    return open(file, access | O_CLOEXEC | O_NONBLOCK | O_NOCTTY);
}

static int cannot_open(const char *file, clientid_error *error)
{
    return clientid__fail_errno(error, errno == ENOENT ? CLIENTID_ERR_NOT_FOUND : CLIENTID_ERR_IO,
                                errno, "cannot open limits file %.100s", file);
}

int clientid__table_file_map(struct clientid__header **out, const clientid_allocator *mem,
                             const char *file, bool create,
                             const uint64_t entries[CLIENTID__REGION_COUNT], clientid_error *error)
{
    uint64_t found[CLIENTID__REGION_COUNT];
    int fd = open_existing(file, O_RDWR);
    int rv;

    if (fd < 0 && errno == ENOENT && create) {
        rv = make(mem, file, entries, error);
        if (rv != 0)
            return rv;
        fd = open_existing(file, O_RDWR);
        if (fd < 0) /* a link that leads nowhere is there and is not there */
            return clientid__fail_errno(error, CLIENTID_ERR_IO, errno,
                                        "cannot open limits file %.100s", file);
    }
    if (fd < 0)
        return cannot_open(file, error);
    rv = check_file(fd, file, entries, found, error);
    if (rv == 0)
        rv = map(out, fd, file, clientid__table_bytes(entries), false, error);
    close(fd);
    return rv;
}

int clientid__table_file_attach(struct clientid__header **out, const char *file, bool read_only,
                                uint64_t entries[CLIENTID__REGION_COUNT], clientid_error *error)
{
    int fd = open_existing(file, read_only ? O_RDONLY : O_RDWR);
    int rv;

    if (fd < 0)
        return cannot_open(file, error);
    rv = check_file(fd, file, NULL, entries, error);
    if (rv == 0)
        rv = map(out, fd, file, clientid__table_bytes(entries), read_only, error);
    close(fd);
    return rv;
}

void clientid__table_file_unmap(struct clientid__header *header, size_t bytes)
{
    munmap(header, bytes);
}
