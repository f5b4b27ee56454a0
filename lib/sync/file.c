/* SPDX-License-Identifier: Apache-2.0 */
/* A file is seen under its name only when all of it is on disk. */
#include "sync/file.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <sys/stat.h>
#include <unistd.h>

int clientid__file_write(int fd, const void *bytes, size_t len, uint64_t offset)
{
    const char *at = bytes;

    while (len > 0) {
        ssize_t done = pwrite(fd, at, len, (off_t)offset);

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return errno;
        if (done == 0)
            return EIO;
        at += done;
        len -= (size_t)done;
        offset += (uint64_t)done;
    }
    return 0;
}

int clientid__file_read(int fd, void *bytes, size_t len, uint64_t offset, size_t *got)
{
    char *at = bytes;

    *got = 0;
    while (*got < len) {
        ssize_t done = pread(fd, at + *got, len - *got, (off_t)(offset + *got));

        if (done < 0 && errno == EINTR)
            continue;
        if (done < 0)
            return errno;
        if (done == 0)
            return 0;
        *got += (size_t)done;
    }
    return 0;
}

int clientid__file_size(int fd, uint64_t *bytes)
{
    struct stat st;

    if (fstat(fd, &st) != 0)
        return errno;
    *bytes = (uint64_t)st.st_size;
    return 0;
}

int clientid__file_sync(int fd)
{
    int rv;

    do
        rv = fdatasync(fd);
    while (rv != 0 && errno == EINTR);
    return rv == 0 ? 0 : errno;
}

int clientid__file_open(int folder, const char *name, int flags, int *fd)
{
    *fd = openat(folder, name, flags | O_CLOEXEC | O_NOFOLLOW | O_NONBLOCK, 0600);
    return *fd >= 0 ? 0 : errno;
}

int clientid__file_create(int folder, const char *name, int *fd)
{
    return clientid__file_open(folder, name, O_RDWR | O_CREAT | O_TRUNC, fd);
}

void clientid__file_close(int *fd)
{
    if (*fd >= 0)
        close(*fd);
    *fd = -1;
}

int clientid__file_install(int folder, int fd, const char *from, const char *to)
{
    int rv = clientid__file_sync(fd);

    if (rv != 0)
        return rv;
    return renameat(folder, from, folder, to) == 0 ? 0 : errno;
}

int clientid__file_sync_folder(int folder)
{
    int rv;

    do
        rv = fsync(folder);
    while (rv != 0 && errno == EINTR);
    return rv == 0 ? 0 : errno;
}
