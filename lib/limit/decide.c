/* SPDX-License-Identifier: Apache-2.0 */
/* All limits of a request are charged or none, and no key ever regains what it spent. */
#include "limit/table.h"

/*
 * A charge that finds no free cell goes to the overflow cell of its rule, and a key without a cell, in a bucket where
 * that happened, starts with what the overflow cell has spent.  Nothing slips through between: who charges the overflow
 * cell notes it in the bucket before and looks for the key again afterwards, who claims a cell reads note and overflow
 * cell after the claim, so one of the two sees the other.
 */

/* One limit as last looked at. */
struct attempt {
    struct clientid__place place;
    union clientid__cell *cell; /* NULL: the key has none */
    union clientid__cell seen;
    struct clientid__state state; /* what counts for it: the cell's, or the overflow cell's */
    struct clientid__outcome outcome;
};

struct request {
    struct clientid__table *table;
    uint64_t now_ns;
    uint64_t cost;
};

enum result { CHARGED, REFUSED, NO_CELL };

/* The state of the key's cell; false when it has none or one that was never charged. */
static bool find_state(struct attempt *a)
{
    a->cell = clientid__bucket_find(&a->place, &a->seen);
    if (a->cell == NULL || clientid__cell_is_virgin(a->seen.word[0])) {
        a->state = (struct clientid__state){0};
        return false;
    }
    a->state = clientid__cell_state(a->seen);
    return true;
}

/* Looks at the cell of |a->place|; without one, at what the overflow cell holds for it. */
static void look(const struct request *r, const struct clientid__rule *rule, struct attempt *a)
{
    if (!find_state(a) && clientid__bucket_overflowed(&a->place, r->now_ns)) {
        struct attempt shared = {.place = clientid__overflow_place(r->table, rule)};

        find_state(&shared);
        a->state = shared.state;
    }
    clientid__take(rule, a->state, r->now_ns, r->cost, &a->outcome);
}

/* Stores |next| where |seen| was. */
static bool put(const struct attempt *a)
{
    return clientid__cell_swap(a->cell, a->seen,
                               clientid__cell_make(a->place.identity, a->outcome.next));
}

/*
 * A cell from the future is cut even when it refuses, or it would be cut anew with every request and refuse
 * until the clock has caught up.
 */
static void repair(const struct request *r, const struct clientid__rule *rule,
                   const struct attempt *a)
{
    struct request look_only = {r->table, r->now_ns, 0};
    struct attempt shared = {.place = clientid__overflow_place(r->table, rule)};

    if (a->cell != NULL) {
        put(a);
        return;
    }
    look(&look_only, rule, &shared);
    if (shared.cell != NULL && shared.outcome.repair)
        put(&shared);
}

/* Charges the cell of |a->place|, at which |a| has just looked. */
static enum result charge_cell(const struct request *r, const struct clientid__rule *rule,
                               struct attempt *a)
{
    for (;; look(r, rule, a)) {
        if (a->outcome.refused)
            return REFUSED;
        if (a->cell == NULL) {
            if (clientid__bucket_claim(&a->place, r->now_ns) == NULL)
                return NO_CELL;
        } else if (put(a)) {
            return CHARGED;
        }
    }
}

/* ---- receipts -------------------------------------------------------------------------------- */

/*
 * An entry is the key of the cell with spare bits put to use:
 *   key[0]     place (40 bits), |given| (16)
 *   key[1]     tag (40 bits), cost (20), region (2), algorithm (2)
 *   charge[]   mark; step, or the period of a window
 */
#define COST_BITS 20

_Static_assert(CLIENTID__COST_MAX < 1 << COST_BITS, "a cost fits an entry");
_Static_assert(COST_BITS + 4 == CLIENTID__TAG_SHIFT, "the bits below the tag are all used");

static void record(clientid_receipt *receipt, const struct clientid__rule *rule, unsigned region,
                   const uint64_t key[2], const struct attempt *a, uint64_t cost)
{
    bool bucket = rule->algorithm == CLIENTID_TOKEN_BUCKET;
    struct clientid__credit credit =
        bucket ? clientid__gcra_mark(a->outcome.next) : clientid__window_mark(a->outcome.next);
    uint32_t i = receipt->count++;

    receipt->entry[i].key[0] = (key[0] & CLIENTID__PLACE_MASK) | (uint64_t)credit.given
                                                                     << CLIENTID__PLACE_BITS;
    receipt->entry[i].key[1] = (key[1] >> CLIENTID__TAG_SHIFT << COST_BITS | cost) << 4 |
                               region << 2 | (unsigned)rule->algorithm;
    receipt->entry[i].charge[0] = credit.mark;
    receipt->entry[i].charge[1] = bucket ? rule->step_ns : rule->period_ns;
}

static bool give(struct clientid__state *state, clientid_algorithm algorithm,
                 const struct clientid__credit *credit, uint64_t now_ns)
{
    switch (algorithm) {
    case CLIENTID_FIXED_WINDOW:
        return clientid__window_give(state, credit, now_ns);
    case CLIENTID_SLIDING_WINDOW:
        return clientid__sliding_give(state, credit, now_ns);
    case CLIENTID_TOKEN_BUCKET:
        return clientid__gcra_give(state, credit, now_ns);
    default:
        return false;
    }
}

/* Hosts copy receipts about, so nothing in one is trusted to be in range. */
static void give_back(struct clientid__table *table, const clientid_receipt *receipt, uint32_t i,
                      uint64_t now_ns)
{
    const uint64_t *key = receipt->entry[i].key;
    struct clientid__credit credit = {
        .mark = receipt->entry[i].charge[0],
        .step_ns = receipt->entry[i].charge[1],
        .cost = key[1] >> 4 & ((1U << COST_BITS) - 1),
        .given = (uint32_t)(key[0] >> CLIENTID__PLACE_BITS),
    };
    clientid_algorithm algorithm = (clientid_algorithm)(key[1] & 3);
    unsigned region = (unsigned)(key[1] >> 2) & 3;
    struct attempt a;

    if (region > CLIENTID__REGION_OVERFLOW)
        return;
    a.place = clientid__table_place(table, region, key, algorithm);
    do {
        if (!find_state(&a) || !give(&a.state, algorithm, &credit, now_ns))
            return;
        a.outcome.next = a.state;
    } while (!put(&a));
}

void clientid__limits_refund(struct clientid__table *table, const clientid_receipt *receipt,
                             uint64_t now_ns)
{
    if (receipt->count > CLIENTID_LIMITS_MAX)
        return;
    for (uint32_t i = 0; i < receipt->count; i++)
        give_back(table, receipt, i, clientid__sane_now(now_ns));
}

/* ---- the decision ---------------------------------------------------------------------------- */

/* The latest time to which a charge of now can reach. */
static uint64_t spent_until(const struct clientid__rule *rule, uint64_t now_ns)
{
    return now_ns + clientid__reach_ns(rule) + 2 * CLIENTID__SKEW_NS;
}

/*
 * No cell was free: the overflow cell of the rule takes the charge, unless the key has got a cell meanwhile,
 * which may have begun without it.
 */
static enum result charge_overflow(const struct request *r, const struct clientid__charge *c,
                                   struct attempt *a, clientid_receipt *receipt)
{
    struct attempt own = *a;
    enum result result;

    a->place = clientid__overflow_place(r->table, c->rule);
    look(r, c->rule, a);
    if (!a->outcome.refused)
        clientid__bucket_note(&own.place, spent_until(c->rule, r->now_ns));
    result = charge_cell(r, c->rule, a);
    if (result == NO_CELL) { /* more rules than overflow cells: the budget stays shut */
        a->outcome.refused = true;
        a->outcome.retry_ns = c->rule->period_ns;
    }
    if (result != CHARGED)
        return REFUSED;
    record(receipt, c->rule, CLIENTID__REGION_OVERFLOW, c->rule->salt, a, r->cost);
    if (!find_state(&own) && own.cell == NULL) {
        __atomic_fetch_add(&r->table->header->overflow[c->region].charges, 1, __ATOMIC_RELAXED);
        return CHARGED;
    }
    give_back(r->table, receipt, --receipt->count, r->now_ns);
    *a = own;
    look(r, c->rule, a);
    return NO_CELL;
}

static bool charge(const struct request *r, const struct clientid__charge *c, struct attempt *a,
                   clientid_receipt *receipt)
{
    enum result result;

    do {
        result = charge_cell(r, c->rule, a);
        if (result == CHARGED)
            record(receipt, c->rule, c->region, c->key, a, r->cost);
        else if (result == NO_CELL)
            result = charge_overflow(r, c, a, receipt);
    } while (result == NO_CELL);
    return result == CHARGED;
}

static void report(struct clientid__charge *c, const struct clientid__outcome *outcome)
{
    c->remaining = outcome->remaining;
    c->reset_ns = outcome->reset_ns;
    c->retry_ns = c->refused ? outcome->retry_ns : 0;
}

/* As it stands, nothing charged. */
static void report_standing(struct clientid__charge *c, const struct attempt *a, uint64_t now_ns)
{
    struct clientid__outcome standing;

    if (c->refused) {
        report(c, &a->outcome);
        return;
    }
    clientid__take(c->rule, a->state, now_ns, 0, &standing);
    report(c, &standing);
}

static void aim(const struct request *r, struct clientid__charge *c, struct attempt *a)
{
    a->place = clientid__table_place(r->table, c->region, c->key, c->rule->algorithm);
    look(r, c->rule, a);
}

/* Looks at every limit; true when none that counts refuses. */
static bool survey(const struct request *r, struct clientid__charge *charges, size_t count,
                   struct attempt *attempts)
{
    bool admitted = true;

    for (size_t i = 0; i < count; i++) {
        aim(r, &charges[i], &attempts[i]);
        charges[i].refused = attempts[i].outcome.refused;
        admitted = admitted && (!charges[i].refused || charges[i].shadow);
    }
    return admitted;
}

/* Charges all that admit; on the first refusal that counts, undoes what came before it. */
static bool charge_all(const struct request *r, struct clientid__charge *charges, size_t count,
                       struct attempt *attempts, clientid_receipt *receipt)
{
    for (size_t i = 0; i < count; i++) {
        if (charges[i].refused)
            continue;
        charges[i].refused = !charge(r, &charges[i], &attempts[i], receipt);
        if (!charges[i].refused || charges[i].shadow)
            continue;
        clientid__limits_refund(r->table, receipt, r->now_ns);
        for (size_t k = 0; k < i; k++)
            if (!charges[k].refused)
                aim(r, &charges[k], &attempts[k]);
        return false;
    }
    return true;
}

/* More than a request can be charged: nothing is looked at, nothing ever admitted. */
static bool refuse_all(struct clientid__charge *charges, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        charges[i].refused = true;
        charges[i].remaining = charges[i].reset_ns = 0;
        charges[i].retry_ns = UINT64_MAX;
    }
    return false;
}

bool clientid__limits_decide(struct clientid__table *table, struct clientid__charge *charges,
                             size_t count, uint64_t cost, uint64_t now_ns, bool peek,
                             clientid_receipt *receipt)
{
    struct request r = {table, clientid__sane_now(now_ns), cost != 0 ? cost : 1};
    struct attempt attempts[CLIENTID_LIMITS_MAX];
    clientid_receipt own;
    bool admitted, charged;

    own.count = own.reserved = 0;
    receipt = receipt != NULL ? receipt : &own;
    receipt->count = receipt->reserved = 0;
    if (count > CLIENTID_LIMITS_MAX || r.cost > CLIENTID__COST_MAX)
        return refuse_all(charges, count);
    admitted = survey(&r, charges, count, attempts);
    charged = admitted && !peek && charge_all(&r, charges, count, attempts, receipt);
    for (size_t i = 0; i < count; i++) {
        if (charged && !charges[i].refused)
            report(&charges[i], &attempts[i].outcome);
        else
            report_standing(&charges[i], &attempts[i], r.now_ns);
        if (charges[i].refused && attempts[i].outcome.repair && !peek)
            repair(&r, charges[i].rule, &attempts[i]);
    }
    if (!charged)
        receipt->count = 0;
    return peek ? admitted : charged;
}

void clientid__table_prefetch(const struct clientid__table *table, enum clientid__region region,
                              const uint64_t key[2])
{
    struct clientid__place place = clientid__table_place(table, region, key, CLIENTID_FIXED_WINDOW);

    __builtin_prefetch(place.bucket + place.begin, 1);
}
