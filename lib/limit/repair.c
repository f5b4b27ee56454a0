/* SPDX-License-Identifier: Apache-2.0 */
/* Operators change cells by the rules that requests keep: whole, by compare-and-swap, one cell a key. */
#include "limit/table.h"

#include <string.h>

/*
 * A cell is given back its quota by swapping it for one of the same key with all state zero, which every algorithm and
 * every evictor takes for expired.  A charge that was computed on the old state then fails its swap and looks again.
 * The same bits may come back while somebody still holds them from an earlier look: that one's charge is then worked
 * out from a full quota, and a full quota is what it meets.
 */
static union clientid__cell restored(uint64_t identity)
{
    return clientid__cell_make(identity, (struct clientid__state){0});
}

/* ---- one key --------------------------------------------------------------------------------- */

static struct clientid__state state_of(union clientid__cell seen)
{
    const struct clientid__state nothing = {0};

    if (clientid__cell_is_virgin(seen.word[0]))
        return nothing;
    return clientid__cell_state(seen);
}

static struct clientid__place place_of(const struct clientid__table *table,
                                       const struct clientid__charge *charge)
{
    return clientid__table_place(table, charge->region, charge->key, charge->rule->algorithm);
}

/* As a request would find it: its cell, or what the overflow cell holds for it. */
struct found {
    union clientid__cell *cell; /* NULL: none of its own */
    union clientid__cell seen;
    struct clientid__state state;
    bool shared;
};

static struct found find(const struct clientid__table *table, const struct clientid__charge *charge,
                         const struct clientid__place *place, uint64_t now_ns)
{
    const struct clientid__place overflow = clientid__overflow_place(table, charge->rule);
    struct found f = {0};
    union clientid__cell shared;

    f.cell = clientid__bucket_find(place, &f.seen);
    if (f.cell != NULL && !clientid__cell_is_virgin(f.seen.word[0])) {
        f.state = clientid__cell_state(f.seen);
    } else if (clientid__bucket_overflowed(place, now_ns) &&
               clientid__bucket_find(&overflow, &shared) != NULL) {
        f.state = state_of(shared);
        f.shared = true;
    }
    return f;
}

static struct clientid__standing standing_of(const struct clientid__rule *rule,
                                             struct clientid__state state, bool shared,
                                             uint64_t now_ns)
{
    struct clientid__outcome outcome;

    clientid__take(rule, state, now_ns, 0, &outcome);
    return (struct clientid__standing){.remaining = outcome.remaining,
                                       .reset_ns = outcome.reset_ns,
                                       .shared = shared,
                                       .ahead = outcome.repair};
}

void clientid__limits_look(const struct clientid__table *table,
                           const struct clientid__charge *charge, uint64_t now_ns,
                           struct clientid__standing *out)
{
    const struct clientid__place place = place_of(table, charge);
    struct found f;

    now_ns = clientid__sane_now(now_ns);
    f = find(table, charge, &place, now_ns);
    *out = standing_of(charge->rule, f.state, f.shared, now_ns);
}

/* No cell is free for the key: all who share the overflow cell are given their quota back. */
static void restore_shared(const struct clientid__table *table,
                           const struct clientid__charge *charge, uint64_t now_ns,
                           struct clientid__standing *before)
{
    const struct clientid__place place = clientid__overflow_place(table, charge->rule);
    union clientid__cell *cell, seen;

    do {
        cell = clientid__bucket_find(&place, &seen);
        *before =
            standing_of(charge->rule, cell != NULL ? state_of(seen) : (struct clientid__state){0},
                        true, now_ns);
    } while (cell != NULL && !clientid__cell_swap(cell, seen, restored(place.identity)));
}

void clientid__limits_restore(struct clientid__table *table, const struct clientid__charge *charge,
                              uint64_t now_ns, struct clientid__standing *before)
{
    const struct clientid__place place = place_of(table, charge);

    now_ns = clientid__sane_now(now_ns);
    for (;;) {
        struct found f = find(table, charge, &place, now_ns);

        *before = standing_of(charge->rule, f.state, false, now_ns);
        if (f.cell == NULL && !f.shared)
            return; /* nothing is spent */
        if (f.cell != NULL) {
            if (clientid__cell_swap(f.cell, f.seen, restored(place.identity)))
                return;
        } else if (clientid__bucket_claim(&place, now_ns) == NULL) {
            restore_shared(table, charge, now_ns, before);
            return;
        }
    }
}

/* ---- all cells ------------------------------------------------------------------------------- */

enum kind { EMPTY, EXPIRED, CLAIMED, LIVE, AHEAD, DAMAGED };

/* One bucket as it stood, read so that no claim or eviction came between, if at all possible. */
struct view {
    struct clientid__place place; /* only the bucket is set */
    union clientid__cell cell[CLIENTID__BUCKET_ENTRIES];
    bool steady;
};

static void read_bucket(struct view *v, union clientid__cell *bucket)
{
    enum { READINGS = 4 };

    v->place = (struct clientid__place){.bucket = bucket};
    v->steady = false;
    for (int i = 0; i < READINGS && !v->steady; i++) {
        for (unsigned e = 0; e < CLIENTID__BUCKET_ENTRIES; e++)
            v->cell[e] = clientid__cell_read(bucket + e);
        v->steady = v->cell[CLIENTID__BUCKET_CONTROL].word[0] == clientid__cell_word(bucket, 0);
    }
}

/* The time in a cell that is not virgin; its expiry may be later, for receipts that may still come in. */
static uint64_t time_of(union clientid__cell cell)
{
    return (clientid__cell_identity_of(cell.word[0]) & 3) == CLIENTID_TOKEN_BUCKET
               ? cell.word[1]
               : clientid__cell_expiry_ns(cell);
}

/* Another cell of the bucket is for the same key and has more spent, or as much and comes first. */
static bool outdone(const struct view *v, unsigned entry)
{
    const uint64_t identity = clientid__cell_identity_of(v->cell[entry].word[0]);

    for (unsigned e = CLIENTID__BUCKET_FIRST; v->steady && e < CLIENTID__BUCKET_ENTRIES; e++) {
        uint64_t ours, other;

        if (e == entry || clientid__cell_identity_of(v->cell[e].word[0]) != identity)
            continue;
        ours = clientid__cell_expiry_ns(v->cell[entry]);
        other = clientid__cell_expiry_ns(v->cell[e]);
        if (other > ours || (other == ours && e < entry))
            return true;
    }
    return false;
}

/* Clocks of processes differ by up to the skew, and windows are rounded up to a millisecond. */
static bool is_ahead(union clientid__cell cell, uint64_t now_ns, const uint64_t reach_ns[4])
{
    const uint64_t reach = reach_ns[clientid__cell_identity_of(cell.word[0]) & 3];

    return reach != 0 && time_of(cell) > clientid__add_sat(now_ns + 2 * CLIENTID__SKEW_NS, reach);
}

static enum kind kind_of(const struct view *v, unsigned entry, uint64_t now_ns,
                         const uint64_t reach_ns[4])
{
    const union clientid__cell cell = v->cell[entry];

    if (cell.word[0] == 0)
        return EMPTY;
    if ((clientid__cell_identity_of(cell.word[0]) & 3) == 0 || outdone(v, entry))
        return DAMAGED;
    if (clientid__cell_is_virgin(cell.word[0]))
        return CLAIMED;
    if (clientid__cell_expiry_ns(cell) <= now_ns)
        return EXPIRED;
    return is_ahead(cell, now_ns, reach_ns) ? AHEAD : LIVE;
}

static bool is_pending(union clientid__cell control)
{
    return (control.word[0] & (CLIENTID__BUCKET_ENTRIES - 1U)) != 0;
}

static uint64_t buckets_of(const struct clientid__region_map *map)
{
    return map->cells != NULL ? map->mask + 1 : 0;
}

/* ---- reading --------------------------------------------------------------------------------- */

static void count_cell(clientid_limits_cells *counts, enum kind kind, union clientid__cell cell,
                       uint64_t now_ns)
{
    counts->claimed += kind == CLAIMED;
    counts->damaged += kind == DAMAGED;
    counts->ahead += kind == AHEAD;
    counts->live += kind == AHEAD || kind == LIVE;
    if ((kind == AHEAD || kind == LIVE) &&
        clientid__cell_expiry_ns(cell) - now_ns > counts->latest_ns)
        counts->latest_ns = clientid__cell_expiry_ns(cell) - now_ns;
}

static void count_region(const struct clientid__region_map *map, uint64_t now_ns,
                         const uint64_t reach_ns[4], clientid_limits_cells *counts)
{
    struct view v;

    counts->cells = buckets_of(map) * CLIENTID__BUCKET_CELLS;
    for (uint64_t b = 0; b < buckets_of(map); b++) {
        read_bucket(&v, map->cells + b * CLIENTID__BUCKET_ENTRIES);
        counts->claimed += is_pending(v.cell[CLIENTID__BUCKET_CONTROL]);
        counts->full += v.cell[CLIENTID__BUCKET_NOTE].word[0] > now_ns;
        for (unsigned e = CLIENTID__BUCKET_FIRST; e < CLIENTID__BUCKET_ENTRIES; e++)
            count_cell(counts, kind_of(&v, e, now_ns, reach_ns), v.cell[e], now_ns);
    }
}

static void count_uses(const struct clientid__region_map *map, clientid_limits_info *out)
{
    out->use_cells = buckets_of(map) * CLIENTID__USE_ENTRIES;
    for (uint64_t i = 0; i < out->use_cells; i++)
        out->uses += clientid__cell_word(map->cells + i, 0) != 0;
}

void clientid__table_read(const struct clientid__table *table, uint64_t now_ns,
                          const uint64_t reach_ns[4], clientid_limits_info *out)
{
    const struct clientid__header *header = table->header;

    *out = (clientid_limits_info){.size = out->size,
                                  .layout = (uint32_t)(header->format >> 48),
                                  .clock = (uint32_t)header->clock,
                                  .format = header->format,
                                  .bytes = table->bytes};
    now_ns = clientid__sane_now(now_ns);
    clientid__table_seen(table, &out->source_identity, &out->source_revision);
    for (int i = 0; i < CLIENTID_CELLS_KINDS; i++)
        count_region(&table->region[i], now_ns, reach_ns, &out->region[i]);
    for (int i = 0; i < 2; i++)
        out->region[i].overflow_charges =
            __atomic_load_n(&header->overflow[i].charges, __ATOMIC_RELAXED);
    for (int i = 0; i < 4; i++)
        out->reach_ns = reach_ns[i] > out->reach_ns ? reach_ns[i] : out->reach_ns;
    count_uses(&table->region[CLIENTID__REGION_USES], out);
}

/* ---- clearing -------------------------------------------------------------------------------- */

/* What CLIENTID_CLEAR_* takes a cell of that kind in that region; 0: none. */
static unsigned cause_of(enum kind kind, unsigned region)
{
    switch (kind) {
    case CLAIMED:
        return CLIENTID_CLEAR_CLAIMED;
    case DAMAGED:
        return CLIENTID_CLEAR_DAMAGED;
    case AHEAD:
        return CLIENTID_CLEAR_AHEAD;
    case LIVE:
        return region == CLIENTID__REGION_OVERFLOW ? CLIENTID_CLEAR_OVERFLOW : CLIENTID_CLEAR_LIVE;
    default:
        return 0;
    }
}

static void count_cleared(clientid_limits_cleared *out, unsigned cause)
{
    out->claimed += cause == CLIENTID_CLEAR_CLAIMED;
    out->damaged += cause == CLIENTID_CLEAR_DAMAGED;
    out->ahead += cause == CLIENTID_CLEAR_AHEAD;
    out->overflow += cause == CLIENTID_CLEAR_OVERFLOW;
    out->live += cause == CLIENTID_CLEAR_LIVE;
}

/* False: somebody changed it meanwhile. */
static bool clear_cell(const struct view *v, unsigned entry, unsigned cause)
{
    union clientid__cell *cell = v->place.bucket + entry;
    const union clientid__cell seen = v->cell[entry];

    if (cause == CLIENTID_CLEAR_CLAIMED || cause == CLIENTID_CLEAR_DAMAGED)
        return clientid__bucket_evict(&v->place, cell, seen);
    return clientid__cell_swap(cell, seen, restored(clientid__cell_identity_of(seen.word[0])));
}

/* A claim that waits to be ended would stop every eviction. */
static void read_settled(struct view *v, union clientid__cell *bucket)
{
    do
        read_bucket(v, bucket);
    while (clientid__bucket_settle(&v->place));
}

/* Each cell once; one that others keep changing is tried until it is cleared or no longer needs to be. */
static void clear_bucket(union clientid__cell *bucket, unsigned region, unsigned what,
                         uint64_t now_ns, const uint64_t reach_ns[4], clientid_limits_cleared *out)
{
    struct view v;

    read_settled(&v, bucket);
    for (unsigned e = CLIENTID__BUCKET_FIRST; e < CLIENTID__BUCKET_ENTRIES;) {
        unsigned cause = what & cause_of(kind_of(&v, e, now_ns, reach_ns), region);
        bool cleared = cause != 0 && clear_cell(&v, e, cause);

        if (cleared)
            count_cleared(out, cause);
        if (cleared || cause == 0)
            e++;
        if (cause != 0) /* an eviction moves the control on, and of two cells one may be left */
            read_settled(&v, bucket);
    }
}

void clientid__table_clear(struct clientid__table *table, unsigned what, uint64_t now_ns,
                           const uint64_t reach_ns[4], clientid_limits_cleared *out)
{
    *out = (clientid_limits_cleared){.size = out->size};
    now_ns = clientid__sane_now(now_ns);
    for (unsigned r = 0; r < CLIENTID_CELLS_KINDS; r++)
        for (uint64_t b = 0; b < buckets_of(&table->region[r]); b++)
            clear_bucket(table->region[r].cells + b * CLIENTID__BUCKET_ENTRIES, r, what, now_ns,
                         reach_ns, out);
}
