/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROXY_TEXTFILE_H
#define PROXY_TEXTFILE_H

#include <clientid/clientid.h>

#include <stdbool.h>
#include <sys/stat.h>

/* A whole file in memory, NUL-terminated, and what it was when it was read. */
struct textfile {
    char *data;
    size_t len;
    struct stat stat;
};

/* False with errno; at most 64 MB. */
bool textfile_read(struct textfile *out, const char *name);
void textfile_free(struct textfile *file);

/* True when the file of that name is another one, or another version, than |file|. */
bool textfile_changed(const struct textfile *file, const char *name);

/* Writes |text| so that a reader sees all of it or the file before. */
bool textfile_write(const char *name, const char *text);

#endif
