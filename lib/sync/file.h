/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__FILE_H
#define CLIENTID__FILE_H

#include <stddef.h>
#include <stdint.h>

/*
 * Whole reads and writes: signals and short transfers are taken care of.  All return 0 or an errno.  Files are
 * made with mode 0600 and never followed through a symbolic link.
 */

int clientid__file_write(int fd, const void *bytes, size_t len, uint64_t offset);
/* |*got| is less than |len| only at the end of the file. */
int clientid__file_read(int fd, void *bytes, size_t len, uint64_t offset, size_t *got);
int clientid__file_size(int fd, uint64_t *bytes);

/* Data and what is needed to find it are on disk. */
int clientid__file_sync(int fd);

/* An empty file to fill; one of that name is emptied. */
int clientid__file_create(int folder, const char *name, int *fd);
int clientid__file_open(int folder, const char *name, int flags, int *fd);
void clientid__file_close(int *fd);

/*
 * Makes |fd|, created as |from|, durable, then the file called |to|.  Until the folder is synced too, a loss of power
 * may bring the one before back.
 */
int clientid__file_install(int folder, int fd, const char *from, const char *to);
int clientid__file_sync_folder(int folder);

#endif
