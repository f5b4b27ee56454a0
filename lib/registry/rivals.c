/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Of several contracts of one client id on one API instance the index holds the one in force: an approved one if
 * there is any, of these the least restrictive ("the least restrictive available one is used",
 * https://docs.mulesoft.com/exchange/to-request-access).  The others are linked behind it, for the writer.
 */
#include "base/str.h"
#include "registry/body.h"

__extension__ typedef unsigned __int128 product;

/* ---- precedence ------------------------------------------------------------------------------ */

static unsigned status_rank(const struct clientid__record *r)
{
    static const unsigned char ranks[8] = {[CLIENTID_APPROVED] = 4,
                                           [CLIENTID_PENDING] = 3,
                                           [CLIENTID_REVOKED] = 2,
                                           [CLIENTID_REJECTED] = 1};

    return ranks[r->status];
}

/* Below 0 when |a| lets fewer requests pass over time than |b|, above 0 when more. */
static int compare_rate(const clientid_limit *a, const clientid_limit *b)
{
    product left = (product)a->maximum_requests * b->period_ms;
    product right = (product)b->maximum_requests * a->period_ms;

    return left < right ? -1 : left > right;
}

static const clientid_limit *tightest(const struct clientid__tier *tier)
{
    const clientid_limit *least = &tier->limits[0];

    for (uint32_t i = 1; i < tier->limit_count; i++)
        if (compare_rate(&tier->limits[i], least) < 0)
            least = &tier->limits[i];
    return least;
}

static uint64_t smallest_maximum(const struct clientid__tier *tier)
{
    uint64_t least = tier->limits[0].maximum_requests;

    for (uint32_t i = 1; i < tier->limit_count; i++)
        if (tier->limits[i].maximum_requests < least)
            least = tier->limits[i].maximum_requests;
    return least;
}

/* Above 0 when |a| is less restrictive than |b|. */
static int compare_tiers(const struct clientid__tier *a, const struct clientid__tier *b)
{
    bool a_limits = a != NULL && a->limit_count > 0;
    bool b_limits = b != NULL && b->limit_count > 0;
    int rate;

    if (!a_limits || !b_limits)
        return (int)b_limits - (int)a_limits;
    rate = compare_rate(tightest(a), tightest(b));
    if (rate != 0)
        return rate;
    if (smallest_maximum(a) == smallest_maximum(b))
        return 0;
    return smallest_maximum(a) > smallest_maximum(b) ? 1 : -1;
}

static bool precedes(const struct clientid__registry *registry, const struct clientid__record *a,
                     const struct clientid__record *b)
{
    int order = (int)status_rank(a) - (int)status_rank(b);

    if (order == 0 && a->status == CLIENTID_APPROVED)
        order = compare_tiers(clientid__tiers_get(registry, a->tier),
                              clientid__tiers_get(registry, b->tier));
    return order != 0 ? order > 0 : a->id < b->id;
}

/* The same records with the one in force first. */
static struct clientid__record *order(const struct clientid__registry *registry,
                                      struct clientid__record *list)
{
    struct clientid__record **best = &list, *first;

    if (list == NULL || list->next == NULL)
        return list;
    for (struct clientid__record **r = &list->next; *r != NULL; r = &(*r)->next)
        if (precedes(registry, *r, *best))
            best = r;
    first = *best;
    *best = first->next;
    first->next = list;
    return first;
}

/* ---- look-up --------------------------------------------------------------------------------- */

struct clientid__record *clientid__rivals_head(const struct clientid__registry *registry,
                                               uint32_t api, clientid_str client_id, uint64_t hash)
{
    struct clientid__index_walk walk = clientid__index_begin(&registry->contracts, hash);
    struct clientid__record *r;

    while ((r = clientid__index_next(&walk)) != NULL) {
        clientid__record_prefetch(r);
        if (r->api == api && clientid__str_eq(clientid__record_client_id(r), client_id))
            return r;
    }
    return NULL;
}

struct clientid__record *clientid__rivals_find(const struct clientid__registry *registry,
                                               uint32_t api, clientid_str client_id, uint64_t id)
{
    struct clientid__record *r = clientid__rivals_head(
        registry, api, client_id, clientid__record_hash(registry, api, client_id));

    while (r != NULL && r->id != id)
        r = r->next;
    return r;
}

/* ---- changes ----------------------------------------------------------------------------------- */

int clientid__rivals_reserve(struct clientid__registry *registry, uint64_t count)
{
    if (clientid__index_reserve(&registry->contracts, count) != 0)
        return CLIENTID_ERR_NOMEM;
    return clientid__index_reserve(&registry->shared, count);
}

static struct clientid__record *without(struct clientid__record *list,
                                        const struct clientid__record *out)
{
    struct clientid__record **r = &list;

    while (*r != NULL && *r != out)
        r = &(*r)->next;
    if (*r != NULL)
        *r = out->next;
    return list;
}

static void exchange(struct clientid__index *index, uint64_t hash, struct clientid__record *old,
                     struct clientid__record *head)
{
    if (old == head)
        return;
    if (old == NULL)
        clientid__index_add(index, hash, head);
    else if (head == NULL)
        clientid__index_remove(index, hash, old);
    else
        clientid__index_replace(index, hash, old, head);
}

static struct clientid__record *if_shared(struct clientid__record *head)
{
    return head != NULL && head->next != NULL ? head : NULL;
}

void clientid__rivals_change(struct clientid__registry *registry, struct clientid__record *out,
                             struct clientid__record *in)
{
    const struct clientid__record *key = in != NULL ? in : out;

    if (key != NULL)
        clientid__rivals_change_at(
            registry, clientid__record_hash(registry, key->api, clientid__record_client_id(key)),
            out, in);
}

void clientid__rivals_change_at(struct clientid__registry *registry, uint64_t hash,
                                struct clientid__record *out, struct clientid__record *in)
{
    const struct clientid__record *key = in != NULL ? in : out;
    struct clientid__record *old, *head, *was_shared;

    if (key == NULL)
        return;
    old = clientid__rivals_head(registry, key->api, clientid__record_client_id(key), hash);
    was_shared = if_shared(old);
    head = out != NULL ? without(old, out) : old;
    if (in != NULL) {
        in->next = head;
        head = in;
    }
    head = order(registry, head);
    exchange(&registry->contracts, hash, old, head);
    exchange(&registry->shared, hash, was_shared, if_shared(head));
    if (out != NULL)
        clientid__registry_retire_record(registry, out);
}

static bool names_tier(const struct clientid__record *list, uint32_t tier)
{
    while (list != NULL && list->tier != tier)
        list = list->next;
    return list != NULL;
}

void clientid__rivals_tier_changed(struct clientid__registry *registry, uint32_t tier)
{
    struct clientid__record *old, *head;
    uint64_t at = 0;

    while ((old = clientid__index_each(&registry->shared, &at)) != NULL) {
        uint64_t hash;

        if (!names_tier(old, tier))
            continue;
        head = order(registry, old);
        hash = clientid__record_hash(registry, head->api, clientid__record_client_id(head));
        exchange(&registry->contracts, hash, old, head);
        exchange(&registry->shared, hash, old, head);
    }
}
