/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__TABLE_H
#define CLIENTID__TABLE_H

#include "limit/bucket.h"

/*
 * What decide.c, use.c, table.c and table_file.c share.  A table is one block: header page, then the regions
 * contracts, keys, overflow, uses.  Nothing in it is a pointer: every process maps it where it likes.
 */
#define CLIENTID__TABLE_MAGIC  "clidlim\n"
#define CLIENTID__TABLE_LAYOUT 1
#define CLIENTID__HEADER_BYTES 4096
#define CLIENTID__CLOCK_WALL   1 /* CLOCK_REALTIME, ns since 1970 */

enum { CLIENTID__REGION_OVERFLOW = 2, CLIENTID__REGION_USES = 3, CLIENTID__REGION_COUNT = 4 };

/* Last uses: cells {key, minute} in buckets without control. */
#define CLIENTID__USE_ENTRIES 32

struct clientid__header {
    char magic[8];
    uint64_t format;
    uint64_t clock;
    uint64_t entries[CLIENTID__REGION_COUNT]; /* powers of two; uses may be 0 */
    uint64_t seed;
    _Alignas(64) union clientid__cell seen; /* identity and revision of the source */
    struct {
        _Alignas(64) uint64_t charges;
    } overflow[2];
};

struct clientid__region_map {
    union clientid__cell *cells;
    uint64_t mask; /* buckets less one */
};

struct clientid__table {
    struct clientid__header *header;
    struct clientid__region_map region[CLIENTID__REGION_COUNT];
    const clientid_allocator *mem;
    void *block;  /* from |mem|; NULL: |header| is mapped from a file */
    size_t bytes; /* of the whole table */
};

uint64_t clientid__table_format(void);

/* As a table may have them: of a file nobody has asked for, they are not to be trusted. */
bool clientid__table_sizes_valid(const uint64_t entries[CLIENTID__REGION_COUNT]);
size_t clientid__table_bytes(const uint64_t entries[CLIENTID__REGION_COUNT]);
/* A new header over zeroed memory. */
int clientid__table_format_header(struct clientid__header *header,
                                  const uint64_t entries[CLIENTID__REGION_COUNT],
                                  clientid_error *error);

/* Maps |file|, made if there is none and |create| says so (else CLIENTID_ERR_NOT_FOUND); sets |*out| to its first byte. */
int clientid__table_file_map(struct clientid__header **out, const clientid_allocator *mem,
                             const char *file, bool create,
                             const uint64_t entries[CLIENTID__REGION_COUNT], clientid_error *error);
/* Maps a file that is there, in the size that its header tells; sets |entries|. */
int clientid__table_file_attach(struct clientid__header **out, const char *file, bool read_only,
                                uint64_t entries[CLIENTID__REGION_COUNT], clientid_error *error);
void clientid__table_file_unmap(struct clientid__header *header, size_t bytes);

/* Only these bits of key[0] choose the place, so that a receipt has room for more in it. */
#define CLIENTID__PLACE_BITS 40
#define CLIENTID__PLACE_MASK ((UINT64_C(1) << CLIENTID__PLACE_BITS) - 1)

static inline struct clientid__place clientid__table_place(const struct clientid__table *table,
                                                           unsigned region, const uint64_t key[2],
                                                           clientid_algorithm algorithm)
{
    const struct clientid__region_map *map = &table->region[region];
    uint64_t place = key[0] & CLIENTID__PLACE_MASK;

    return (struct clientid__place){
        .bucket = map->cells + ((place >> 3) & map->mask) * CLIENTID__BUCKET_ENTRIES,
        .begin = (unsigned)(place & 7) * 4,
        .identity = clientid__cell_identity(key, algorithm),
    };
}

static inline struct clientid__place clientid__overflow_place(const struct clientid__table *table,
                                                              const struct clientid__rule *rule)
{
    return clientid__table_place(table, CLIENTID__REGION_OVERFLOW, rule->salt, rule->algorithm);
}

#endif
