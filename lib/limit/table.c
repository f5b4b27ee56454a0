/* SPDX-License-Identifier: Apache-2.0 */
/* A table's memory is bounded and laid out once; only cells change. */
#include "limit/table.h"

#include "base/error.h"
#include "base/mem.h"

#include <inttypes.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/random.h>

#define ENTRIES_MIN     64
#define ENTRIES_MAX     (UINT64_C(1) << 35)
#define OVERFLOW_MIN    1024 /* one cell per policy, period and algorithm in force */
#define OVERFLOW_SHARE  256
#define HUGE_PAGE_BYTES ((size_t)2 << 20)
#define HUGE_PAGES_FROM (2 * HUGE_PAGE_BYTES)
#define BLOCK_ALIGN     ((size_t)4096)

_Static_assert(sizeof(union clientid__cell) == 16, "a cell is swapped as 16 bytes");
_Static_assert(CLIENTID__USE_ENTRIES == CLIENTID__BUCKET_ENTRIES, "regions are masked alike");
_Static_assert(sizeof(struct clientid__header) <= CLIENTID__HEADER_BYTES, "one page");

uint64_t clientid__table_format(void)
{
    return (uint64_t)CLIENTID__TABLE_LAYOUT << 48 |
           (uint64_t)sizeof(struct clientid__header) << 24 |
           (uint64_t)CLIENTID__BUCKET_ENTRIES << 12 | (uint64_t)CLIENTID__EXTRA_BITS << 4 |
           CLIENTID__REGION_COUNT;
}

bool clientid__table_sizes_valid(const uint64_t entries[CLIENTID__REGION_COUNT])
{
    for (int i = 0; i < CLIENTID__REGION_COUNT; i++) {
        bool none = entries[i] == 0 && i == CLIENTID__REGION_USES;

        if (!none && (entries[i] < ENTRIES_MIN || entries[i] > ENTRIES_MAX ||
                      (entries[i] & (entries[i] - 1)) != 0))
            return false;
    }
    return true;
}

static uint64_t power_of_two(uint64_t wanted, uint64_t least)
{
    uint64_t entries = least;

    while (entries < wanted)
        entries *= 2;
    return entries;
}

/* |entries| of each region for |options|: 0, or CLIENTID_ERR_ARG. */
static int entries_of(const struct clientid__table_options *options,
                      uint64_t entries[CLIENTID__REGION_COUNT], clientid_error *error)
{
    uint64_t most = options->cells > options->key_cells ? options->cells : options->key_cells;

    most = most > options->use_cells ? most : options->use_cells;
    if (most > ENTRIES_MAX)
        return clientid__fail(error, CLIENTID_ERR_ARG,
                              "a limits table has up to %" PRIu64 " cells, not %" PRIu64,
                              ENTRIES_MAX, most);
    entries[CLIENTID__REGION_CONTRACTS] = power_of_two(options->cells, ENTRIES_MIN);
    entries[CLIENTID__REGION_KEYS] = power_of_two(options->key_cells, ENTRIES_MIN);
    entries[CLIENTID__REGION_OVERFLOW] =
        power_of_two(entries[CLIENTID__REGION_CONTRACTS] / OVERFLOW_SHARE, OVERFLOW_MIN);
    entries[CLIENTID__REGION_USES] =
        options->use_cells != 0 ? power_of_two(options->use_cells, ENTRIES_MIN) : 0;
    return 0;
}

size_t clientid__table_bytes(const uint64_t entries[CLIENTID__REGION_COUNT])
{
    size_t bytes = CLIENTID__HEADER_BYTES;

    for (int i = 0; i < CLIENTID__REGION_COUNT; i++)
        bytes += (size_t)entries[i] * sizeof(union clientid__cell);
    return bytes;
}

int clientid__table_format_header(struct clientid__header *header,
                                  const uint64_t entries[CLIENTID__REGION_COUNT],
                                  clientid_error *error)
{
    memcpy(header->magic, CLIENTID__TABLE_MAGIC, sizeof(header->magic));
    header->format = clientid__table_format();
    header->clock = CLIENTID__CLOCK_WALL;
    memcpy(header->entries, entries, sizeof(header->entries));
    if (getrandom(&header->seed, sizeof(header->seed), 0) != (ssize_t)sizeof(header->seed))
        return clientid__fail(error, CLIENTID_ERR_IO, "the system gives no random numbers");
    return 0;
}

/* Memory of this process; large tables in huge pages, which saves a TLB miss per charge. */
static int allocate(struct clientid__table *table, const uint64_t entries[CLIENTID__REGION_COUNT],
                    bool small_pages, clientid_error *error)
{
    size_t huge = table->bytes >= HUGE_PAGES_FROM && !small_pages ? HUGE_PAGE_BYTES : BLOCK_ALIGN;
    size_t room = table->bytes + huge;
    uintptr_t start;

    table->block = room > table->bytes ? table->mem->allocate(table->mem->self, room) : NULL;
    if (table->block == NULL)
        return clientid__fail(error, CLIENTID_ERR_NOMEM,
                              "no memory for a limits table of %zu bytes", table->bytes);
    start = ((uintptr_t)table->block + huge - 1) & ~(uintptr_t)(huge - 1);
    if (huge == HUGE_PAGE_BYTES)
        madvise((void *)start, table->bytes & ~(HUGE_PAGE_BYTES - 1), MADV_HUGEPAGE);
    table->header = (struct clientid__header *)start;
    memset(table->header, 0, table->bytes);
    return clientid__table_format_header(table->header, entries, error);
}

static void lay_out(struct clientid__table *table, const uint64_t entries[CLIENTID__REGION_COUNT])
{
    char *next = (char *)table->header + CLIENTID__HEADER_BYTES;

    for (int i = 0; i < CLIENTID__REGION_COUNT; i++) {
        table->region[i] = (struct clientid__region_map){
            .cells = entries[i] != 0 ? (union clientid__cell *)(void *)next : NULL,
            .mask = entries[i] != 0 ? entries[i] / CLIENTID__BUCKET_ENTRIES - 1 : 0};
        next += entries[i] * sizeof(union clientid__cell);
    }
}

int clientid__table_open(struct clientid__table **out, const clientid_allocator *mem,
                         const struct clientid__table_options *options, clientid_error *error)
{
    uint64_t entries[CLIENTID__REGION_COUNT] = {0};
    struct clientid__table *table;
    int rv = entries_of(options, entries, error);

    *out = NULL;
    if (rv != 0)
        return rv;
    table = clientid__alloc(mem, 1, sizeof(*table));
    if (table == NULL)
        return clientid__fail(error, CLIENTID_ERR_NOMEM, "no memory for a limits table");
    table->mem = mem;
    table->bytes = clientid__table_bytes(entries);
    rv = options->file == NULL ? allocate(table, entries, options->small_pages, error)
                               : clientid__table_file_map(&table->header, mem, options->file,
                                                          !options->existing, entries, error);
    if (rv != 0)
        goto fail;
    lay_out(table, entries);
    *out = table;
    return 0;
fail:
    clientid__free(mem, table->block);
    clientid__free(mem, table);
    return rv;
}

int clientid__table_attach(struct clientid__table **out, const clientid_allocator *mem,
                           const char *file, bool read_only, clientid_error *error)
{
    uint64_t entries[CLIENTID__REGION_COUNT] = {0};
    struct clientid__table *table = clientid__alloc(mem, 1, sizeof(*table));
    int rv;

    *out = NULL;
    if (table == NULL)
        return clientid__fail(error, CLIENTID_ERR_NOMEM, "no memory for a limits table");
    table->mem = mem;
    rv = clientid__table_file_attach(&table->header, file, read_only, entries, error);
    if (rv != 0) {
        clientid__free(mem, table);
        return rv;
    }
    table->bytes = clientid__table_bytes(entries);
    lay_out(table, entries);
    *out = table;
    return 0;
}

void clientid__table_close(struct clientid__table *table)
{
    if (table == NULL)
        return;
    if (table->block != NULL)
        clientid__free(table->mem, table->block);
    else
        clientid__table_file_unmap(table->header, table->bytes);
    clientid__free(table->mem, table);
}

uint64_t clientid__table_seed(const struct clientid__table *table)
{
    return table->header->seed;
}

void clientid__table_seen(const struct clientid__table *table, uint64_t *identity,
                          uint64_t *revision)
{
    union clientid__cell seen = clientid__cell_read(&table->header->seen);

    *identity = seen.word[0];
    *revision = seen.word[1];
}

void clientid__table_see(struct clientid__table *table, uint64_t identity, uint64_t revision)
{
    union clientid__cell next = {.word = {identity, revision}};
    union clientid__cell seen;

    do {
        seen = clientid__cell_read(&table->header->seen);
        if (seen.word[0] == identity && seen.word[1] >= revision)
            return;
    } while (!clientid__cell_swap(&table->header->seen, seen, next));
}

void clientid__table_set_seen(struct clientid__table *table, uint64_t identity, uint64_t revision)
{
    union clientid__cell next = {.word = {identity, revision}};

    while (
        !clientid__cell_swap(&table->header->seen, clientid__cell_read(&table->header->seen), next))
        continue;
}

static uint64_t count_live(const struct clientid__region_map *map, uint64_t now_ns)
{
    uint64_t entries = (map->mask + 1) * CLIENTID__BUCKET_ENTRIES;
    uint64_t live = 0;

    for (uint64_t i = 0; i < entries; i++)
        if (i % CLIENTID__BUCKET_ENTRIES >= CLIENTID__BUCKET_FIRST)
            live += clientid__cell_expiry_ns(clientid__cell_read(map->cells + i)) > now_ns;
    return live;
}

void clientid__table_state(const struct clientid__table *table, uint64_t now_ns,
                           struct clientid__table_state *out)
{
    *out = (struct clientid__table_state){.bytes = table->bytes};
    for (int i = 0; i < 2; i++) {
        out->cells[i] = (table->region[i].mask + 1) * CLIENTID__BUCKET_CELLS;
        out->live[i] = count_live(&table->region[i], now_ns);
        out->overflow_charges[i] =
            __atomic_load_n(&table->header->overflow[i].charges, __ATOMIC_RELAXED);
    }
}
