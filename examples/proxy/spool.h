/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROXY_SPOOL_H
#define PROXY_SPOOL_H

#include <stdbool.h>
#include <stddef.h>

#define SPOOL_BYTES 65536

/* Body bytes on their way from one side to the other: at most SPOOL_BYTES, allocated as they come. */
struct spool {
    char *data;
    size_t cap;
    size_t head;
    size_t len;
};

/* Takes as much of |data| as fits; returns how much.  |*no_memory| is set when memory ended. */
size_t spool_put(struct spool *spool, const char *data, size_t len, bool *no_memory);

/* All of |data| or nothing. */
bool spool_put_all(struct spool *spool, const char *data, size_t len, bool *no_memory);

size_t spool_get(struct spool *spool, char *out, size_t size);
void spool_free(struct spool *spool);

#endif
