/* SPDX-License-Identifier: Apache-2.0 */
#include "anypoint/tiers.h"

#include "base/mem.h"

#include <string.h>

/* Where |id| is or would be. */
static size_t place_of(const struct clientid__known_tiers *tiers, uint64_t id)
{
    size_t low = 0, high = tiers->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;

        if (tiers->rows[middle].id < id)
            low = middle + 1;
        else
            high = middle;
    }
    return low;
}

bool clientid__known_tiers_has(const struct clientid__known_tiers *tiers, uint64_t id)
{
    size_t at = place_of(tiers, id);

    return at < tiers->count && tiers->rows[at].id == id;
}

static bool same(const struct clientid__tier_row *a, const struct clientid__tier_row *b)
{
    if (a->limit_count != b->limit_count || strcmp(a->name, b->name) != 0)
        return false;
    for (size_t i = 0; i < a->limit_count; i++)
        if (a->limits[i].maximum_requests != b->limits[i].maximum_requests ||
            a->limits[i].period_ms != b->limits[i].period_ms ||
            a->limits[i].visible != b->limits[i].visible)
            return false;
    return true;
}

static int note(struct clientid__known_tiers *tiers, const struct clientid__tier_row *row)
{
    void *grown = clientid__grow(&clientid__malloc, tiers->changes, tiers->change_count,
                                 &tiers->change_capacity, sizeof(*row));

    if (grown == NULL)
        return CLIENTID_ERR_NOMEM;
    tiers->changes = grown;
    tiers->changes[tiers->change_count++] = *row;
    return 0;
}

static void take_out(struct clientid__known_tiers *tiers, size_t at)
{
    memmove(&tiers->rows[at], &tiers->rows[at + 1],
            (tiers->count - at - 1) * sizeof(tiers->rows[0]));
    tiers->count--;
}

int clientid__known_tiers_set(struct clientid__known_tiers *tiers,
                              const struct clientid__tier_row *row)
{
    size_t at = place_of(tiers, row->id);
    bool known = at < tiers->count && tiers->rows[at].id == row->id;
    void *grown;

    if (row->removed ? !known : known && same(&tiers->rows[at], row))
        return 0;
    grown = clientid__grow(&clientid__malloc, tiers->rows, tiers->count, &tiers->capacity,
                           sizeof(*row));
    if (grown == NULL)
        return CLIENTID_ERR_NOMEM;
    tiers->rows = grown;
    if (note(tiers, row) != 0)
        return CLIENTID_ERR_NOMEM;
    if (row->removed) {
        take_out(tiers, at);
        return 0;
    }
    if (!known) {
        memmove(&tiers->rows[at + 1], &tiers->rows[at],
                (tiers->count - at) * sizeof(tiers->rows[0]));
        tiers->count++;
    }
    tiers->rows[at] = *row;
    return 0;
}

static bool lists_have(const struct clientid__page *lists, uint64_t id)
{
    for (; lists != NULL; lists = lists->next_page)
        for (size_t i = 0; i < lists->tier_count; i++)
            if (lists->tiers[i].id == id && !lists->tiers[i].removed)
                return true;
    return false;
}

int clientid__known_tiers_replace(struct clientid__known_tiers *tiers,
                                  const struct clientid__page *lists)
{
    int rv = 0;

    for (size_t i = tiers->count; i-- > 0 && rv == 0;) {
        struct clientid__tier_row gone = {.id = tiers->rows[i].id, .removed = true};

        if (!lists_have(lists, gone.id))
            rv = clientid__known_tiers_set(tiers, &gone);
    }
    for (; lists != NULL; lists = lists->next_page)
        for (size_t i = 0; i < lists->tier_count && rv == 0; i++)
            rv = clientid__known_tiers_set(tiers, &lists->tiers[i]);
    return rv;
}

void clientid__known_tiers_clear(struct clientid__known_tiers *tiers)
{
    clientid__free(&clientid__malloc, tiers->rows);
    clientid__free(&clientid__malloc, tiers->changes);
    *tiers = (struct clientid__known_tiers){0};
}
