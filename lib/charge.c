/* SPDX-License-Identifier: Apache-2.0 */
/*
 * How much may it: the limits of all policies that apply, charged together or not at all, and the places of requests that
 * wait for them.
 */
#include "inquiry.h"

/* Policies in shadow mode give way to those in force: they never refuse, not even by being too many. */
static void drop_shadow_charges(struct clientid__inquiry *q)
{
    size_t kept = 0;

    for (size_t i = 0; i < q->charge_count; i++) {
        if (q->charges[i].shadow) {
            clientid__note_shadow(q, q->owners[i], CLIENTID_REASON_LIMITS_INVALID);
            continue;
        }
        q->charges[kept] = q->charges[i];
        if (q->charges[i].rule == &q->rules[i]) {
            q->rules[kept] = q->rules[i];
            q->charges[kept].rule = &q->rules[kept];
        }
        q->owners[kept] = q->owners[i];
        q->visible[kept++] = q->visible[i];
    }
    q->charge_count = kept;
}

static bool make_room(struct clientid__inquiry *q, const struct clientid__policy *policy,
                      size_t count)
{
    if (count > CLIENTID_LIMITS_MAX - q->charge_count && !policy->shadow)
        drop_shadow_charges(q);
    return count <= CLIENTID_LIMITS_MAX - q->charge_count;
}

static void add_charge(struct clientid__inquiry *q, const struct clientid__policy *policy,
                       const struct clientid__rule *rule, enum clientid__region region,
                       const uint64_t identity[2], bool visible)
{
    struct clientid__charge *charge = &q->charges[q->charge_count];

    charge->rule = rule;
    charge->region = region;
    charge->shadow = policy->shadow;
    clientid__charge_key(charge, identity);
    q->visible[q->charge_count] = policy->expose_headers && visible;
    q->owners[q->charge_count++] = policy;
}

static int tier_rule(const struct clientid__inquiry *q, const struct clientid__policy *policy,
                     const clientid_limit *limit, struct clientid__rule *rule)
{
    return clientid__memo_rule(&q->worker->rules, rule, policy->algorithm, limit->maximum_requests,
                               limit->period_ms, policy->burst, policy->identity);
}

static void fetch_cell(const struct clientid__inquiry *q, const uint64_t identity[2], uint64_t salt)
{
    const uint64_t key[2] = {identity[0] ^ salt, 0}; /* only this half tells the place */

    clientid__table_prefetch(q->worker->gateway->table, CLIENTID__REGION_CONTRACTS, key);
}

void clientid__fetch_cells(const struct clientid__inquiry *q, const struct clientid__policy *policy)
{
    const struct clientid__memo *memo = &q->worker->rules;
    uint64_t identity[2];

    if (memo->guess.policy != policy->identity)
        return;
    clientid__client_identity(identity, q->id_hash, q->api);
    for (uint32_t i = 0; i < memo->guess.count; i++)
        fetch_cell(q, identity, memo->guess.salt[i]);
}

static bool guessed(const struct clientid__memo *memo, const struct clientid__policy *policy,
                    const struct clientid__tier *tier)
{
    if (memo->guess.policy != policy->identity || memo->guess.count != tier->limit_count)
        return false;
    for (uint32_t i = 0; i < tier->limit_count; i++)
        if (memo->guess.period_ms[i] != tier->limits[i].period_ms)
            return false;
    return true;
}

void clientid__fetch_other_cells(const struct clientid__inquiry *q,
                                 const struct clientid__policy *policy)
{
    const struct clientid__tier *tier = q->contract.tier;
    struct clientid__memo *memo = &q->worker->rules;
    struct clientid__rule rule;
    uint64_t identity[2];

    if (tier == NULL || guessed(memo, policy, tier))
        return;
    clientid__client_identity(identity, q->id_hash, q->api);
    memo->guess.policy = policy->identity;
    memo->guess.count = 0;
    for (uint32_t i = 0; i < tier->limit_count; i++) {
        if (tier_rule(q, policy, &tier->limits[i], &rule) != 0)
            return;
        fetch_cell(q, identity, rule.salt[0]);
        memo->guess.period_ms[i] = tier->limits[i].period_ms;
        memo->guess.salt[i] = rule.salt[0];
        memo->guess.count = i + 1;
    }
}

bool clientid__charge_tier(struct clientid__inquiry *q, const struct clientid__policy *policy)
{
    const struct clientid__tier *tier = q->contract.tier;
    uint64_t identity[2];
    size_t before;

    if (tier == NULL)
        return true;
    if (!make_room(q, policy, tier->limit_count))
        return false;
    before = q->charge_count;
    clientid__client_identity(identity, q->id_hash, q->api);
    for (uint32_t i = 0; i < tier->limit_count; i++) {
        struct clientid__rule *rule = &q->rules[q->charge_count];

        if (tier_rule(q, policy, &tier->limits[i], rule) != 0) {
            q->charge_count = before;
            return false;
        }
        add_charge(q, policy, rule, CLIENTID__REGION_CONTRACTS, identity,
                   tier->limits[i].visible != 0);
    }
    return true;
}

/* One quota for all requests, or one for each value of the key selector. */
static int policy_identity(struct clientid__inquiry *q, const struct clientid__policy *policy,
                           uint64_t identity[2])
{
    struct clientid__hash128 hash;
    clientid_str value;
    int rv;

    if (policy->key.carrier == CLIENTID__NOWHERE) {
        clientid__api_identity(identity, q->api);
        return 0;
    }
    rv = clientid__extract_value(&policy->key, &q->chain->caps, q->request, &q->scratch, &value);
    if (rv == CLIENTID_ERR_SPACE)
        value = CLIENTID_STR("");
    else if (rv != 0)
        return rv;
    hash = clientid__hash128(value.ptr, value.len, q->api->identity);
    identity[0] = hash.low;
    identity[1] = hash.high;
    return 0;
}

int clientid__charge_policy(struct clientid__inquiry *q, const struct clientid__policy *policy)
{
    const enum clientid__region region = policy->key.carrier == CLIENTID__NOWHERE
                                             ? CLIENTID__REGION_CONTRACTS
                                             : CLIENTID__REGION_KEYS;
    uint64_t identity[2];
    int rv = policy_identity(q, policy, identity);

    if (rv != 0)
        return rv;
    if (!make_room(q, policy, policy->rule_count)) {
        if (!policy->shadow)
            return clientid__conclude(q, CLIENTID_DENY, CLIENTID_REASON_LIMITS_INVALID, policy);
        clientid__note_shadow(q, policy, CLIENTID_REASON_LIMITS_INVALID);
        return 0;
    }
    for (size_t i = 0; i < policy->rule_count; i++) {
        add_charge(q, policy, &policy->rules[i], region, identity, true);
        clientid__table_prefetch(q->worker->gateway->table, region,
                                 q->charges[q->charge_count - 1].key);
    }
    return 0;
}

static uint32_t limit_flags(const struct clientid__inquiry *q, size_t i)
{
    const struct clientid__charge *charge = &q->charges[i];

    return (q->visible[i] ? CLIENTID_LIMIT_VISIBLE : 0U) |
           (charge->refused && !charge->shadow ? CLIENTID_LIMIT_BOUND : 0U) |
           (charge->shadow ? CLIENTID_LIMIT_SHADOW : 0U) |
           (q->owners[i]->rule_count == 0 ? CLIENTID_LIMIT_TIER : 0U);
}

static void report_limits(struct clientid__inquiry *q)
{
    clientid_decision *decision = q->decision;

    decision->limit_count = (uint32_t)q->charge_count;
    for (size_t i = 0; i < q->charge_count; i++) {
        const struct clientid__charge *charge = &q->charges[i];

        decision->limits[i] =
            (clientid_limit_report){.policy = q->owners[i]->label,
                                    .maximum_requests = charge->rule->maximum,
                                    .period_ns = charge->rule->period_ns,
                                    .remaining = charge->remaining,
                                    .reset_ns = charge->reset_ns,
                                    .algorithm = (uint32_t)charge->rule->algorithm,
                                    .flags = limit_flags(q, i)};
        if (charge->refused && charge->shadow)
            clientid__note_shadow(q, q->owners[i], CLIENTID_REASON_QUOTA_EXCEEDED);
    }
}

/* ---- waiting --------------------------------------------------------------------------------- */

void clientid__leave_queue(clientid_ticket *ticket)
{
    struct clientid__queue *queue = ticket->queue;

    if (ticket->held)
        atomic_fetch_sub_explicit(&queue->waiting, 1, memory_order_relaxed);
    ticket->held = 0;
}

static bool enter_queue(clientid_ticket *ticket, const struct clientid__policy *policy)
{
    struct clientid__queue *queue = policy->queue;
    uint32_t waiting;

    if (ticket->held && ticket->queue == queue)
        return true;
    clientid__leave_queue(ticket);
    waiting = atomic_load_explicit(&queue->waiting, memory_order_relaxed);
    do {
        if (waiting >= policy->queuing_limit)
            return false;
    } while (!atomic_compare_exchange_weak_explicit(&queue->waiting, &waiting, waiting + 1,
                                                    memory_order_relaxed, memory_order_relaxed));
    ticket->queue = queue;
    ticket->held = 1;
    return true;
}

static int delay(struct clientid__inquiry *q, const struct clientid__policy *policy)
{
    clientid_ticket *ticket = &q->decision->ticket;

    if (ticket->attempts >= policy->delay_attempts)
        return clientid__conclude(q, CLIENTID_DENY, CLIENTID_REASON_DELAYS_EXHAUSTED, policy);
    if (!q->peek && !enter_queue(ticket, policy))
        return clientid__conclude(q, CLIENTID_DENY, CLIENTID_REASON_QUEUE_FULL, policy);
    ticket->api = q->api;
    ticket->attempts++;
    q->decision->delay_ns = policy->delay_ns;
    return clientid__conclude(q, CLIENTID_DELAY, CLIENTID_REASON_THROTTLED, policy);
}

/* A cost above what the limit ever admits at once would wait in vain. */
static bool can_delay(const struct clientid__policy *policy, const struct clientid__charge *charge)
{
    return policy->delay_attempts > 0 && policy->queuing_limit > 0 &&
           charge->retry_ns != UINT64_MAX;
}

/* Waiting only helps when every limit that refuses belongs to a policy that lets requests wait. */
static int refuse(struct clientid__inquiry *q)
{
    const struct clientid__policy *waits = NULL;
    const struct clientid__policy *denies = NULL;

    for (size_t i = 0; i < q->charge_count; i++) {
        if (!q->charges[i].refused || q->charges[i].shadow)
            continue;
        if (q->decision->bound_limit == UINT32_MAX)
            q->decision->bound_limit = (uint32_t)i;
        if (q->charges[i].retry_ns > q->decision->retry_after_ns)
            q->decision->retry_after_ns = q->charges[i].retry_ns;
        if (!can_delay(q->owners[i], &q->charges[i]))
            denies = denies != NULL ? denies : q->owners[i];
        else if (waits == NULL)
            waits = q->owners[i];
    }
    if (denies != NULL || waits == NULL)
        return clientid__conclude(q, CLIENTID_DENY, CLIENTID_REASON_QUOTA_EXCEEDED, denies);
    return delay(q, waits);
}

int clientid__charge(struct clientid__inquiry *q, clientid_reason allowed)
{
    bool admitted =
        clientid__limits_decide(q->worker->gateway->table, q->charges, q->charge_count, q->cost,
                                q->request->now_ns, q->peek, &q->decision->receipt);

    report_limits(q);
    return admitted ? clientid__conclude(q, CLIENTID_ALLOW, allowed, NULL) : refuse(q);
}
