/* SPDX-License-Identifier: Apache-2.0 */
/* A spool never holds more than SPOOL_BYTES: whoever fills it waits, so a slow reader costs no memory. */
#include "spool.h"

#include <stdlib.h>
#include <string.h>

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static bool grow(struct spool *spool, size_t need)
{
    size_t cap = spool->cap != 0 ? spool->cap : 4096;
    while (cap < need)
        cap *= 2;
    if (cap == spool->cap)
        return true;
    char *data = malloc(cap);
    if (data == NULL)
        return false;
    size_t first = smaller(spool->len, spool->cap - spool->head);
    if (spool->data != NULL) {
        memcpy(data, spool->data + spool->head, first);
        memcpy(data + first, spool->data, spool->len - first);
    }
    free(spool->data);
    *spool = (struct spool){.data = data, .cap = cap, .len = spool->len};
    return true;
}

size_t spool_put(struct spool *spool, const char *data, size_t len, bool *no_memory)
{
    len = smaller(len, SPOOL_BYTES - spool->len);
    if (len == 0)
        return 0;
    if (!grow(spool, spool->len + len)) {
        *no_memory = true;
        return 0;
    }
    size_t tail = (spool->head + spool->len) % spool->cap;
    size_t first = smaller(len, spool->cap - tail);
    memcpy(spool->data + tail, data, first);
    memcpy(spool->data, data + first, len - first);
    spool->len += len;
    return len;
}

bool spool_put_all(struct spool *spool, const char *data, size_t len, bool *no_memory)
{
    return len <= SPOOL_BYTES - spool->len && spool_put(spool, data, len, no_memory) == len;
}

size_t spool_get(struct spool *spool, char *out, size_t size)
{
    size_t len = smaller(size, spool->len);
    if (len == 0)
        return 0;
    size_t first = smaller(len, spool->cap - spool->head);
    memcpy(out, spool->data + spool->head, first);
    memcpy(out + first, spool->data, len - first);
    spool->head = (spool->head + len) % spool->cap;
    spool->len -= len;
    return len;
}

void spool_free(struct spool *spool)
{
    free(spool->data);
    *spool = (struct spool){.data = NULL};
}
