/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPPORT_DISK_H
#define SUPPORT_DISK_H

/*
 * A disk that fails when told to.  To be included by one file of a program: it replaces the C library's calls there,
 * for the library under test too, and hands on to the kernel what is not to fail.  Syncing is only counted: no test pulls
 * the plug, and a shared disk would make minutes of it.
 */

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

static struct {
    int write_errno;  /* every pwrite fails with it */
    int sync_errno;   /* every fdatasync */
    int folder_errno; /* every fsync: folders only are synced with it */
    int rename_errno;
    int read_errno;
    size_t short_bytes; /* at most so many bytes a transfer, and EINTR before every second one */
    unsigned turns;
    unsigned refused_writes;
    unsigned syncs;       /* fdatasync that worked */
    void (*synced)(void); /* called after each of those */
} support_disk;

static int support_disk_interrupts(void)
{
    if (support_disk.short_bytes == 0 || ++support_disk.turns % 2 == 0)
        return 0;
    errno = EINTR;
    return 1;
}

static size_t support_disk_at_most(size_t len)
{
    return support_disk.short_bytes != 0 && len > support_disk.short_bytes
               ? support_disk.short_bytes
               : len;
}

ssize_t pwrite(int fd, const void *bytes, size_t len, off_t offset)
{
    if (support_disk_interrupts())
        return -1;
    if (support_disk.write_errno != 0) {
        support_disk.refused_writes++;
        errno = support_disk.write_errno;
        return -1;
    }
    return syscall(SYS_pwrite64, fd, bytes, support_disk_at_most(len), offset);
}

ssize_t pread(int fd, void *bytes, size_t len, off_t offset)
{
    if (support_disk_interrupts())
        return -1;
    if (support_disk.read_errno != 0) {
        errno = support_disk.read_errno;
        return -1;
    }
    return syscall(SYS_pread64, fd, bytes, support_disk_at_most(len), offset);
}

int fdatasync(int fd)
{
    if (support_disk_interrupts())
        return -1;
    if (support_disk.sync_errno != 0) {
        errno = support_disk.sync_errno;
        return -1;
    }
    if (fcntl(fd, F_GETFD) < 0)
        return -1;
    support_disk.syncs++;
    if (support_disk.synced != NULL)
        support_disk.synced();
    return 0;
}

int fsync(int fd)
{
    if (support_disk_interrupts())
        return -1;
    if (support_disk.folder_errno != 0) {
        errno = support_disk.folder_errno;
        return -1;
    }
    return fcntl(fd, F_GETFD) < 0 ? -1 : 0;
}

int renameat(int from_folder, const char *from, int to_folder, const char *to)
{
    if (support_disk.rename_errno != 0) {
        errno = support_disk.rename_errno;
        return -1;
    }
    return (int)syscall(SYS_renameat2, from_folder, from, to_folder, to, 0);
}

static inline void support_disk_works(void)
{
    memset(&support_disk, 0, sizeof(support_disk));
}

#endif
