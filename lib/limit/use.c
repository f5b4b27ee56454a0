/* SPDX-License-Identifier: Apache-2.0 */
/* The last use of a secret, to the minute: kept as long as there is room, never ahead of the truth. */
#include "limit/table.h"

#define NS_PER_MINUTE UINT64_C(60000000000)

struct uses {
    union clientid__cell *cells; /* CLIENTID__USE_ENTRIES of them, searched in a circle */
    unsigned begin;              /* first of a cache line */
    uint64_t name;
};

static struct uses uses_of(const struct clientid__table *table, const uint64_t key[2])
{
    const struct clientid__region_map *map = &table->region[CLIENTID__REGION_USES];

    if (map->cells == NULL)
        return (struct uses){0};
    return (struct uses){
        .cells = map->cells + ((key[0] >> 3) & map->mask) * CLIENTID__USE_ENTRIES,
        .begin = (unsigned)(key[0] & 7) * 4,
        .name = key[1] != 0 ? key[1] : 1,
    };
}

/* The key's cell, else one never used, else the one with the oldest use. */
static union clientid__cell *choose(const struct uses *u, union clientid__cell *seen)
{
    union clientid__cell *oldest = NULL;

    for (unsigned i = 0; i < CLIENTID__USE_ENTRIES; i++) {
        union clientid__cell *cell = u->cells + (u->begin + i) % CLIENTID__USE_ENTRIES;
        union clientid__cell now = clientid__cell_read(cell);

        if (now.word[0] == u->name || now.word[0] == 0) {
            *seen = now;
            return cell;
        }
        if (oldest == NULL || now.word[1] < seen->word[1]) {
            oldest = cell;
            *seen = now;
        }
    }
    return oldest;
}

/*
 * The usual case: the key is there with this minute or a later one.  Told without care for a torn read: at worst the use
 * is noted with the next request.
 */
static bool noted(const struct uses *u, union clientid__cell next)
{
    for (unsigned i = 0; i < CLIENTID__USE_ENTRIES; i++) {
        const union clientid__cell *cell = u->cells + (u->begin + i) % CLIENTID__USE_ENTRIES;
        uint64_t name = clientid__cell_word(cell, 0);

        if (name == next.word[0])
            return clientid__cell_word(cell, 1) >= next.word[1];
        if (name == 0)
            return false;
    }
    return false;
}

void clientid__table_use(struct clientid__table *table, const uint64_t key[2], uint64_t now_ns)
{
    struct uses u = uses_of(table, key);
    union clientid__cell next = {.word = {u.name, now_ns / NS_PER_MINUTE}};
    union clientid__cell *cell;
    union clientid__cell seen;

    if (u.cells == NULL || noted(&u, next))
        return;
    cell = choose(&u, &seen);
    /* Within a minute nothing is written; a lost race is another use of about the same time. */
    if (seen.word[0] != next.word[0] || seen.word[1] < next.word[1])
        clientid__cell_swap(cell, seen, next);
}

uint64_t clientid__table_used_minute(const struct clientid__table *table, const uint64_t key[2])
{
    struct uses u = uses_of(table, key);
    uint64_t minute = 0;

    /* Two threads may have entered one key twice: the later one counts. */
    for (unsigned i = 0; u.cells != NULL && i < CLIENTID__USE_ENTRIES; i++) {
        union clientid__cell cell = clientid__cell_read(u.cells + i);

        if (cell.word[0] == u.name && cell.word[1] > minute)
            minute = cell.word[1];
    }
    return minute;
}

void clientid__table_use_prefetch(const struct clientid__table *table, const uint64_t key[2])
{
    struct uses u = uses_of(table, key);

    if (u.cells != NULL)
        __builtin_prefetch(u.cells + u.begin);
}
