/* SPDX-License-Identifier: Apache-2.0 */
/* A round is told in an order that a registry can apply: tiers before contracts, what they no longer need after them. */
#include "anypoint/anypoint.h"

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>

struct telling {
    struct clientid__anypoint *a;
    clientid_event_fn *emit;
    void *sink;
    uint64_t revision;
    struct clientid__page **pages; /* of all feeds, as they arrived */
    size_t count;
};

/* ---- tiers ----------------------------------------------------------------------------------- */

static bool is_known(const struct telling *t, uint64_t id)
{
    for (size_t i = 0; i < t->a->config.api_count; i++)
        if (clientid__known_tiers_has(&t->a->feeds[i].tiers, id))
            return true;
    return false;
}

static int tell_tier(const struct telling *t, const struct clientid__tier_row *row)
{
    clientid_event event = {.type =
                                row->removed ? CLIENTID_EVENT_TIER_REMOVED : CLIENTID_EVENT_TIER,
                            .revision = t->revision,
                            .u.tier = {.id = row->id}};

    if (!row->removed) {
        event.u.tier.name = clientid__cstr(row->name);
        event.u.tier.limits = row->limits;
        event.u.tier.limit_count = row->limit_count;
    }
    return t->emit(t->sink, &event);
}

/* Those that are set, or those that are gone from every API instance. */
static int tell_tiers(const struct telling *t, bool removed)
{
    int rv = 0;

    for (size_t i = 0; i < t->a->config.api_count; i++) {
        const struct clientid__known_tiers *tiers = &t->a->feeds[i].tiers;

        for (size_t j = 0; j < tiers->change_count && rv == 0; j++)
            if (tiers->changes[j].removed == removed &&
                !(removed && is_known(t, tiers->changes[j].id)))
                rv = tell_tier(t, &tiers->changes[j]);
    }
    return rv;
}

/* ---- pages ----------------------------------------------------------------------------------- */

static int by_arrival(const void *a, const void *b)
{
    const struct clientid__page *const *left = a, *const *right = b;

    return ((*left)->arrival > (*right)->arrival) - ((*left)->arrival < (*right)->arrival);
}

static int gather(struct telling *t)
{
    size_t count = 0;

    for (size_t i = 0; i < t->a->config.api_count; i++)
        count += t->a->feeds[i].news_count;
    t->pages = clientid__alloc(&clientid__malloc, count + 1, sizeof(struct clientid__page *));
    if (t->pages == NULL)
        return CLIENTID_ERR_NOMEM;
    for (size_t i = 0; i < t->a->config.api_count; i++) {
        struct clientid__page *page = t->a->feeds[i].news;

        if (t->a->feeds[i].lacks_tiers)
            continue; /* later, as a whole */
        for (; page != NULL; page = page->next_page)
            t->pages[t->count++] = page;
    }
    qsort(t->pages, t->count, sizeof(struct clientid__page *), by_arrival);
    return 0;
}

static int tell_groups(const struct telling *t, const struct clientid__page *page)
{
    int rv = 0;

    for (size_t i = 0; i < page->group_count && rv == 0; i++) {
        const struct clientid__group_row *row = &page->groups[i];
        const clientid_event event = {.type = row->removed ? CLIENTID_EVENT_GROUP_REMOVED
                                                           : CLIENTID_EVENT_GROUP,
                                      .revision = t->revision,
                                      .u.group = {row->name, row->members, row->member_count}};

        rv = t->emit(t->sink, &event);
    }
    return rv;
}

static int tell_contracts(const struct telling *t, const struct clientid__page *page)
{
    int rv = 0;

    for (size_t i = 0; i < page->count && rv == 0; i++) {
        clientid_event event = {.type = page->items[i].removed ? CLIENTID_EVENT_CONTRACT_REMOVED
                                                               : CLIENTID_EVENT_CONTRACT,
                                .revision = t->revision,
                                .u.contract = page->items[i].contract};

        rv = t->emit(t->sink, &event);
    }
    return rv;
}

int clientid__news_tell(struct clientid__anypoint *a, clientid_event_fn *emit, void *sink,
                        uint64_t revision, clientid_error *error)
{
    struct telling t = {a, emit, sink, revision, NULL, 0};
    int rv = gather(&t);

    if (rv != 0)
        return clientid__fail(error, rv, "out of memory");
    rv = tell_tiers(&t, false);
    for (size_t i = 0; i < t.count && rv == 0; i++)
        rv = tell_groups(&t, t.pages[i]);
    for (size_t i = 0; i < t.count && rv == 0; i++)
        rv = tell_contracts(&t, t.pages[i]);
    if (rv == 0)
        rv = tell_tiers(&t, true);
    clientid__free(&clientid__malloc, (void *)t.pages);
    return rv;
}
