/* SPDX-License-Identifier: Apache-2.0 */
/* A file counts as changed when device, inode, size or time differ: a rename over it is seen too. */
#include "textfile.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define BYTES_MAX (64 << 20)

static bool read_all(struct textfile *out, int fd)
{
    if (fstat(fd, &out->stat) != 0)
        return false;
    if (!S_ISREG(out->stat.st_mode) || out->stat.st_size > BYTES_MAX) {
        errno = S_ISREG(out->stat.st_mode) ? EFBIG : EINVAL;
        return false;
    }
    size_t cap = (size_t)out->stat.st_size;
    out->data = malloc(cap + 1);
    if (out->data == NULL)
        return false;
    while (out->len < cap) {
        ssize_t n = read(fd, out->data + out->len, cap - out->len);
        if (n < 0)
            return false;
        if (n == 0)
            break;
        out->len += (size_t)n;
    }
    out->data[out->len] = '\0';
    return true;
}

bool textfile_read(struct textfile *out, const char *name)
{
    *out = (struct textfile){.data = NULL};
    int fd = open(name, O_RDONLY | O_CLOEXEC | O_NONBLOCK); /* a pipe must not hold up a stop */
    if (fd < 0)
        return false;
    bool good = read_all(out, fd);
    int error = errno;
    (void)close(fd);
    if (!good)
        textfile_free(out);
    errno = error;
    return good;
}

void textfile_free(struct textfile *file)
{
    free(file->data);
    file->data = NULL;
}

bool textfile_changed(const struct textfile *file, const char *name)
{
    struct stat now;
    if (stat(name, &now) != 0)
        return false; /* between an editor's unlink and rename */
    const struct stat *then = &file->stat;
    return now.st_dev != then->st_dev || now.st_ino != then->st_ino ||
           now.st_size != then->st_size || now.st_mtim.tv_sec != then->st_mtim.tv_sec ||
           now.st_mtim.tv_nsec != then->st_mtim.tv_nsec;
}

bool textfile_write(const char *name, const char *text)
{
    char other[4096];
    int len = snprintf(other, sizeof other, "%s.new", name);
    if (len < 0 || (size_t)len >= sizeof other)
        return false;
    FILE *file = fopen(other, "we");
    if (file == NULL)
        return false;
    bool good = fputs(text, file) >= 0;
    good = fclose(file) == 0 && good;
    return good && rename(other, name) == 0;
}
