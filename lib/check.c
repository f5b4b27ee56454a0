/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request in, one decision out: allow, delay or deny, for which client application, and why.
 *
 * Reads from top to bottom as decide() does: which policies apply, who is it, how much may it, what is the verdict.
 * Identity is judged before any limit, so a request without valid credentials neither spends nor learns a quota.
 */
#include "base/str.h"
#include "state.h"

enum { COST_MAX = 1000000 };

/* One request on its way. */
struct inquiry {
    clientid_worker *worker;
    const struct clientid_api *api;
    const struct clientid__chain *chain;
    const struct clientid__registry *registry; /* NULL: not to be asked (not loaded, too old) */
    const clientid_request *request;
    clientid_decision *decision;
    uint64_t cost;
    bool peek;
    struct clientid__scratch scratch;
    bool unclean; /* half-decoded credentials may be anywhere in scratch */

    /* Of each distinct spec of the chain: read, found and verified at most once. */
    uint32_t extracted; /* bit mask of specs */
    uint32_t verified;
    struct clientid__credentials credentials[CLIENTID__POLICIES_MAX];
    clientid_reason verdicts[CLIENTID__POLICIES_MAX];
    bool claimed; /* by a policy that is in force; else the client id may still be replaced */
    bool looked_up, found;
    struct clientid__hash128 id_hash;
    struct clientid__contract contract;

    /* What the request would be charged. */
    size_t charge_count;
    struct clientid__charge charges[CLIENTID_LIMITS_MAX];
    struct clientid__rule rules[CLIENTID_LIMITS_MAX];
    const struct clientid__policy *owners[CLIENTID_LIMITS_MAX];
    bool visible[CLIENTID_LIMITS_MAX];
};

/* ---- verdicts -------------------------------------------------------------------------------- */

static int conclude(struct inquiry *q, clientid_verdict verdict, clientid_reason reason,
                    const struct clientid__policy *policy)
{
    q->decision->verdict = verdict;
    q->decision->reason = reason;
    if (policy != NULL)
        q->decision->policy = policy->label;
    return 0;
}

static void note_shadow(struct inquiry *q, const struct clientid__policy *policy,
                        clientid_reason reason)
{
    if (q->decision->shadow_denied)
        return;
    q->decision->shadow_denied = 1;
    q->decision->shadow_reason = reason;
    q->decision->shadow_policy = policy->label;
}

/* ---- who is it ------------------------------------------------------------------------------- */

/* Rule 23 of the extraction rules: it carries no credentials by design (Fetch standard, CORS-preflight fetch). */
static int is_preflight(const clientid_request *request)
{
    clientid_str ignored;
    int origin, method;

    if (!clientid__str_eq(request->method, CLIENTID_STR("OPTIONS")))
        return 0;
    origin = request->header(request->host, CLIENTID_STR("origin"), 0, &ignored);
    if (origin <= 0)
        return origin;
    method =
        request->header(request->host, CLIENTID_STR("access-control-request-method"), 0, &ignored);
    return method;
}

/* ALLOWED, or why contracts cannot be asked now. */
static clientid_reason registry_state(struct inquiry *q)
{
    clientid_gateway *gateway = q->worker->gateway;
    bool degraded;
    clientid_reason reason =
        clientid__contracts_state(gateway, q->request->now_ns, &q->registry, &degraded);

    q->decision->registry_revision = atomic_load_explicit(&gateway->revision, memory_order_relaxed);
    q->decision->degraded = degraded;
    return reason;
}

static clientid_reason status_reason(clientid_contract_status status)
{
    switch (status) {
    case CLIENTID_APPROVED:
        return CLIENTID_REASON_ALLOWED;
    case CLIENTID_PENDING:
        return CLIENTID_REASON_CONTRACT_PENDING;
    case CLIENTID_REJECTED:
        return CLIENTID_REASON_CONTRACT_REJECTED;
    case CLIENTID_REVOKED:
    default:
        return CLIENTID_REASON_CONTRACT_REVOKED;
    }
}

/* Copies behind what scratch already holds: records may be replaced once the epoch section ends. */
static bool keep(struct inquiry *q, clientid_str text, clientid_str *copy)
{
    if (text.len > q->scratch.left)
        return false;
    *copy = clientid__str(q->scratch.next, text.len);
    memcpy(q->scratch.next, text.ptr, text.len);
    q->scratch.next += text.len;
    q->scratch.left -= text.len;
    return true;
}

/* False: the request left no room.  Upstreams may take a client without a tier for another kind of client. */
static bool describe(struct inquiry *q)
{
    const struct clientid__contract *contract = &q->contract;
    clientid_decision *decision = q->decision;

    decision->contract_id = contract->id;
    decision->application_id = contract->application_id;
    if (!keep(q, contract->name, &decision->client_name))
        return false;
    if (contract->tier == NULL)
        return true;
    decision->tier_id = contract->tier->id;
    return keep(q, clientid__str(contract->tier->name, contract->tier->name_len), &decision->tier);
}

/* All policies name one client, so there is one look-up.  What it leads to is fetched while the secret is hashed. */
static void look_up(struct inquiry *q, clientid_str id, bool needs_secret)
{
    uint64_t hash, key[2];

    if (q->looked_up)
        return;
    q->looked_up = true;
    q->id_hash = clientid__hash128(id.ptr, id.len, q->worker->gateway->seed);
    hash = clientid__registry_hash(q->id_hash, q->api->number);
    q->found = clientid__registry_find(q->registry, q->api->number, id, hash, &q->contract);
    for (unsigned slot = 1; q->found && needs_secret && slot <= 2; slot++) {
        uint64_t slot_key = clientid__secret_key(&q->contract, slot);

        clientid__use_key(key, q->id_hash, slot_key);
        if (slot_key != 0)
            clientid__table_use_prefetch(q->worker->gateway->table, key);
    }
}

static void note_use(struct inquiry *q, const struct clientid__secret_match *match)
{
    uint64_t key[2];

    q->decision->secret_slot = (uint8_t)match->slot;
    if (q->peek)
        return;
    clientid__use_key(key, q->id_hash, match->slot_key);
    clientid__table_use(q->worker->gateway->table, key, q->request->now_ns);
}

/* The secret is judged before the contract's state, so only its owner learns (by 403) that there is a contract. */
static clientid_reason verify(struct inquiry *q, const struct clientid__credentials *credentials,
                              bool needs_secret)
{
    struct clientid__secret_match match = {.reason = CLIENTID_REASON_ALLOWED};

    if (needs_secret)
        match = clientid__secret_verify(q->registry, &q->contract, q->worker->gateway->pepper,
                                        credentials->secret, q->request->now_ns);
    if (!q->found)
        return CLIENTID_REASON_CLIENT_UNKNOWN;
    if (match.reason != CLIENTID_REASON_ALLOWED)
        return match.reason;
    if (needs_secret)
        note_use(q, &match);
    if (!describe(q))
        return CLIENTID_REASON_CREDENTIALS_TOO_LONG;
    return status_reason(q->contract.status);
}

static int extract(struct inquiry *q, uint32_t spec)
{
    struct clientid__credentials *credentials = &q->credentials[spec];
    int rv = clientid__extract(&q->chain->specs[spec], &q->chain->caps, q->request, &q->scratch,
                               credentials);

    /* Several specs share the scratch; what no longer fits was longer than any honest request. */
    if (rv == CLIENTID_ERR_SPACE) {
        credentials->reason = CLIENTID_REASON_CREDENTIALS_TOO_LONG;
    } else if (rv != 0) {
        q->unclean = true;
        return rv;
    }
    q->extracted |= 1U << spec;
    if (credentials->from_query)
        q->decision->from_query = 1;
    if (credentials->reason != CLIENTID_REASON_ALLOWED &&
        credentials->reason != CLIENTID_REASON_ID_MISSING)
        q->unclean = true;
    return 0;
}

static void adopt(struct inquiry *q, clientid_str id)
{
    clientid_decision *decision = q->decision;

    decision->client_id = id;
    decision->client_name = decision->tier = CLIENTID_STR("");
    decision->contract_id = decision->application_id = decision->tier_id = 0;
    decision->verified = decision->secret_slot = 0;
    q->looked_up = false;
    q->verified = 0;
}

/*
 * Policies that read different places must name one client, or quota and identity could be split.  What a policy in
 * shadow mode read gives way: it never refuses, not even by disagreeing.
 */
static clientid_reason agree(struct inquiry *q, const struct clientid__policy *policy,
                             clientid_str id)
{
    const clientid_str known = q->decision->client_id;

    if (known.ptr == NULL || (!q->claimed && !policy->shadow && !clientid__str_eq(known, id)))
        adopt(q, id);
    else if (!clientid__str_eq(known, id))
        return CLIENTID_REASON_CREDENTIALS_AMBIGUOUS;
    q->claimed = q->claimed || !policy->shadow;
    return CLIENTID_REASON_ALLOWED;
}

/* Reads what the policy's spec says, once for all policies that share it. */
static int read_credentials(struct inquiry *q, const struct clientid__policy *policy,
                            clientid_reason *reason)
{
    const struct clientid__credentials *credentials = &q->credentials[policy->spec];
    int rv = 0;

    if (!(q->extracted & 1U << policy->spec))
        rv = extract(q, policy->spec);
    if (rv != 0)
        return rv;
    *reason = credentials->reason;
    if (*reason == CLIENTID_REASON_ALLOWED)
        *reason = agree(q, policy, credentials->id);
    if (*reason == CLIENTID_REASON_ALLOWED && policy->needs_secret && !credentials->has_secret)
        *reason = CLIENTID_REASON_SECRET_MISSING;
    return 0;
}

static clientid_reason identify(struct inquiry *q, const struct clientid__policy *policy)
{
    const uint32_t spec = policy->spec;

    if (!(q->verified & 1U << spec)) {
        q->verdicts[spec] = verify(q, &q->credentials[spec], policy->needs_secret);
        q->verified |= 1U << spec;
    }
    return q->verdicts[spec];
}

/* ---- how much may it ------------------------------------------------------------------------- */

/* Policies in shadow mode give way to those in force: they never refuse, not even by being too many. */
static void drop_shadow_charges(struct inquiry *q)
{
    size_t kept = 0;

    for (size_t i = 0; i < q->charge_count; i++) {
        if (q->charges[i].shadow) {
            note_shadow(q, q->owners[i], CLIENTID_REASON_LIMITS_INVALID);
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

static bool make_room(struct inquiry *q, const struct clientid__policy *policy, size_t count)
{
    if (count > CLIENTID_LIMITS_MAX - q->charge_count && !policy->shadow)
        drop_shadow_charges(q);
    return count <= CLIENTID_LIMITS_MAX - q->charge_count;
}

static void add_charge(struct inquiry *q, const struct clientid__policy *policy,
                       const struct clientid__rule *rule, enum clientid__region region,
                       const uint64_t identity[2], bool visible)
{
    struct clientid__charge *charge = &q->charges[q->charge_count];

    charge->rule = rule;
    charge->region = region;
    charge->shadow = policy->shadow;
    clientid__charge_key(charge, identity);
    clientid__table_prefetch(q->worker->gateway->table, region, charge->key);
    q->visible[q->charge_count] = policy->expose_headers && visible;
    q->owners[q->charge_count++] = policy;
}

/* A tier's limits under this policy's algorithm.  False: a limit that cannot be kept must not be ignored. */
static bool charge_tier(struct inquiry *q, const struct clientid__policy *policy)
{
    const struct clientid__tier *tier = q->contract.tier;
    uint64_t identity[2];

    if (tier == NULL)
        return true;
    clientid__client_identity(identity, q->id_hash, q->api);
    if (!make_room(q, policy, tier->limit_count))
        return false;
    for (uint32_t i = 0; i < tier->limit_count; i++) {
        const clientid_limit *limit = &tier->limits[i];
        struct clientid__rule *rule = &q->rules[q->charge_count];

        if (clientid__memo_rule(&q->worker->rules, rule, policy->algorithm, limit->maximum_requests,
                                limit->period_ms, policy->burst, policy->identity) != 0)
            return false;
        add_charge(q, policy, rule, CLIENTID__REGION_CONTRACTS, identity, limit->visible != 0);
    }
    return true;
}

/* One quota for all requests, or one for each value of the key selector. */
static int policy_identity(struct inquiry *q, const struct clientid__policy *policy,
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

/* Limits of the policy itself.  0, 1 when the body is needed first, or an error. */
static int charge_policy(struct inquiry *q, const struct clientid__policy *policy)
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
            return conclude(q, CLIENTID_DENY, CLIENTID_REASON_LIMITS_INVALID, policy);
        note_shadow(q, policy, CLIENTID_REASON_LIMITS_INVALID);
        return 0;
    }
    for (size_t i = 0; i < policy->rule_count; i++)
        add_charge(q, policy, &policy->rules[i], region, identity, true);
    return 0;
}

static uint32_t limit_flags(const struct inquiry *q, size_t i)
{
    const struct clientid__charge *charge = &q->charges[i];

    return (q->visible[i] ? CLIENTID_LIMIT_VISIBLE : 0U) |
           (charge->refused && !charge->shadow ? CLIENTID_LIMIT_BOUND : 0U) |
           (charge->shadow ? CLIENTID_LIMIT_SHADOW : 0U) |
           (q->owners[i]->rule_count == 0 ? CLIENTID_LIMIT_TIER : 0U);
}

static void report_limits(struct inquiry *q)
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
            note_shadow(q, q->owners[i], CLIENTID_REASON_QUOTA_EXCEEDED);
    }
}

/* ---- waiting --------------------------------------------------------------------------------- */

static void leave_queue(clientid_ticket *ticket)
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
    leave_queue(ticket);
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

static int delay(struct inquiry *q, const struct clientid__policy *policy)
{
    clientid_ticket *ticket = &q->decision->ticket;

    if (ticket->attempts >= policy->delay_attempts)
        return conclude(q, CLIENTID_DENY, CLIENTID_REASON_DELAYS_EXHAUSTED, policy);
    if (!q->peek && !enter_queue(ticket, policy))
        return conclude(q, CLIENTID_DENY, CLIENTID_REASON_QUEUE_FULL, policy);
    ticket->api = q->api;
    ticket->attempts++;
    q->decision->delay_ns = policy->delay_ns;
    return conclude(q, CLIENTID_DELAY, CLIENTID_REASON_THROTTLED, policy);
}

/* A cost above what the limit ever admits at once would wait in vain. */
static bool can_delay(const struct clientid__policy *policy, const struct clientid__charge *charge)
{
    return policy->delay_attempts > 0 && policy->queuing_limit > 0 &&
           charge->retry_ns != UINT64_MAX;
}

/* Waiting only helps when every limit that refuses belongs to a policy that lets requests wait. */
static int refuse(struct inquiry *q)
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
        return conclude(q, CLIENTID_DENY, CLIENTID_REASON_QUOTA_EXCEEDED, denies);
    return delay(q, waits);
}

/* ---- the decision ---------------------------------------------------------------------------- */

/* Limits are looked up before the secret is verified: their cells arrive from memory meanwhile. */
static clientid_reason judge_client(struct inquiry *q, const struct clientid__policy *policy)
{
    bool chargeable = true;
    clientid_reason reason;

    look_up(q, q->credentials[policy->spec].id, policy->needs_secret);
    if (q->found && clientid__charges_tier(policy))
        chargeable = charge_tier(q, policy);
    reason = identify(q, policy);
    if (reason == CLIENTID_REASON_ALLOWED && !chargeable)
        reason = CLIENTID_REASON_LIMITS_INVALID;
    while (reason != CLIENTID_REASON_ALLOWED && q->charge_count > 0 &&
           q->owners[q->charge_count - 1] == policy)
        q->charge_count--;
    return reason;
}

/* 0 with the policy's own view in |*reason|, or an error. */
static int judge_contract(struct inquiry *q, const struct clientid__policy *policy,
                          clientid_reason registry, clientid_reason *reason)
{
    int rv;

    *reason = registry;
    if (registry != CLIENTID_REASON_ALLOWED)
        return 0;
    rv = read_credentials(q, policy, reason);
    if (rv != 0 || *reason != CLIENTID_REASON_ALLOWED)
        return rv;
    *reason = judge_client(q, policy);
    return 0;
}

static int judge_policy(struct inquiry *q, const struct clientid__policy *policy,
                        clientid_reason registry)
{
    clientid_reason reason;
    int rv;

    if (!policy->needs_contract)
        return charge_policy(q, policy);
    rv = judge_contract(q, policy, registry, &reason);
    if (rv != 0 || reason == CLIENTID_REASON_GATEKEEPER_DISABLED)
        return rv;
    if (reason == CLIENTID_REASON_BODY_NEEDED)
        return conclude(q, CLIENTID_NEED_BODY, reason, policy);
    if (reason == CLIENTID_REASON_ALLOWED) {
        q->decision->verified = 1;
        return 0;
    }
    if (policy->shadow) {
        note_shadow(q, policy, reason);
        return 0;
    }
    q->decision->verified = 0; /* whatever a policy before this one took for proof */
    return conclude(q, CLIENTID_DENY, reason, policy);
}

static int judge(struct inquiry *q, uint32_t applies)
{
    const struct clientid__chain *chain = q->chain;
    clientid_reason registry = registry_state(q);
    clientid_reason allowed = CLIENTID_REASON_ALLOWED;

    for (size_t i = 0; i < chain->policy_count; i++) {
        int rv;

        if (!(applies & 1U << i))
            continue;
        if (chain->policies[i].needs_contract && registry == CLIENTID_REASON_GATEKEEPER_DISABLED)
            allowed = registry;
        rv = judge_policy(q, &chain->policies[i], registry);
        if (rv == 1)
            return conclude(q, CLIENTID_NEED_BODY, CLIENTID_REASON_BODY_NEEDED,
                            &chain->policies[i]);
        if (rv != 0 || q->decision->verdict != 0)
            return rv;
    }
    if (!clientid__limits_decide(q->worker->gateway->table, q->charges, q->charge_count, q->cost,
                                 q->request->now_ns, q->peek, &q->decision->receipt)) {
        report_limits(q);
        return refuse(q);
    }
    report_limits(q);
    return conclude(q, CLIENTID_ALLOW, allowed, NULL);
}

static int decide(struct inquiry *q)
{
    uint32_t applies;
    int preflight;

    q->chain = atomic_load_explicit(&q->api->chain, memory_order_acquire);
    if (q->chain == NULL) {
        q->decision->answer = q->worker->gateway->unknown_api;
        return conclude(q, CLIENTID_DENY, CLIENTID_REASON_API_UNKNOWN, NULL);
    }
    q->decision->answer = q->chain->answers;
    if (q->chain->allow_preflight) {
        preflight = is_preflight(q->request);
        if (preflight < 0)
            return preflight;
        if (preflight)
            return conclude(q, CLIENTID_ALLOW, CLIENTID_REASON_PREFLIGHT, NULL);
    }
    applies = clientid__chain_match(q->chain, q->worker->match, q->request->method,
                                    q->request->path, &q->scratch);
    if (applies == 0)
        return conclude(q, CLIENTID_ALLOW, CLIENTID_REASON_NO_POLICY, NULL);
    return judge(q, applies);
}

/* ---- around it ------------------------------------------------------------------------------- */

static void count_one(_Atomic uint64_t *counter)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

static void count(const struct inquiry *q)
{
    struct clientid__counter_table *table =
        atomic_load_explicit(&q->worker->counters, memory_order_acquire);
    struct clientid__counters *counters = table->of[q->api->number];

    if (q->peek)
        return;
    count_one(&counters->decisions[q->decision->reason]);
    if (q->decision->shadow_denied)
        count_one(&counters->shadow[q->decision->shadow_reason]);
}

/*
 * Decoded secrets must not stay in the host's scratch.  What the decision shows of it is moved to the front, the
 * rest of what was used is wiped.
 */
static char *move_up(clientid_str *text, const clientid_request *request, char *to,
                     const char *used)
{
    if (text->len == 0 || text->ptr < request->scratch || text->ptr >= used)
        return to;
    memmove(to, text->ptr, text->len);
    text->ptr = to;
    return to + text->len;
}

static void clean_scratch(struct inquiry *q)
{
    clientid_decision *decision = q->decision;
    const char *used = q->unclean ? q->request->scratch + q->request->scratch_len : q->scratch.next;
    char *to = q->request->scratch;

    if (used == to)
        return;
    to = move_up(&decision->client_id, q->request, to, used);
    to = move_up(&decision->client_name, q->request, to, used);
    to = move_up(&decision->tier, q->request, to, used);
    explicit_bzero(to, (size_t)(used - to));
}

static bool valid(const clientid_worker *worker, const clientid_request *request,
                  const clientid_decision *decision)
{
    const unsigned known = CLIENTID_PEEK | CLIENTID_BODY_GIVEN | CLIENTID_BODY_TOO_LARGE;

    return worker != NULL && request != NULL && decision != NULL &&
           request->size >= sizeof(*request) && decision->size >= sizeof(*decision) &&
           request->header != NULL && request->scratch != NULL && request->cost <= COST_MAX &&
           (request->flags & ~known) == 0;
}

/* All that is not set on every path; the arrays count by their lengths.  One by one: a memset of this size is slow. */
static void clear(clientid_decision *d, const clientid_api *api, clientid_ticket ticket)
{
    const clientid_str none = {NULL, 0};

    d->verdict = (clientid_verdict)0;
    d->reason = CLIENTID_REASON_ALLOWED;
    d->api = api;
    d->policy = d->client_id = d->client_name = d->tier = d->shadow_policy = none;
    d->contract_id = d->application_id = d->tier_id = 0;
    d->verified = d->secret_slot = d->from_query = d->degraded = d->shadow_denied = d->peeked = 0;
    d->reserved[0] = d->reserved[1] = 0;
    d->shadow_reason = CLIENTID_REASON_ALLOWED;
    d->registry_revision = d->delay_ns = d->retry_after_ns = 0;
    d->ticket = ticket;
    d->limit_count = 0;
    d->bound_limit = UINT32_MAX;
    d->receipt.count = d->receipt.reserved = 0;
}

static int run(clientid_worker *worker, const clientid_api *api, const clientid_request *request,
               clientid_decision *decision, clientid_ticket ticket)
{
    struct inquiry q;
    int rv;

    clear(decision, api, ticket);
    q.worker = worker;
    q.api = api;
    q.request = request;
    q.decision = decision;
    q.cost = request->cost != 0 ? request->cost : 1;
    q.peek = (request->flags & CLIENTID_PEEK) != 0;
    q.scratch = (struct clientid__scratch){request->scratch, request->scratch_len};
    q.extracted = q.verified = 0;
    q.contract.tier = NULL;
    q.charge_count = 0;
    q.claimed = q.looked_up = q.found = q.unclean = false;
    decision->peeked = q.peek;

    clientid__epoch_enter(worker->slot);
    rv = decide(&q);
    if (rv == 0)
        count(&q);
    clientid__epoch_leave(worker->slot);
    clean_scratch(&q);
    if (rv != 0 || decision->verdict != CLIENTID_DELAY)
        leave_queue(&decision->ticket);
    return rv;
}

int clientid_check(clientid_worker *worker, const clientid_api *api,
                   const clientid_request *request, clientid_decision *decision)
{
    if (api == NULL || !valid(worker, request, decision) || api->gateway != worker->gateway)
        return CLIENTID_ERR_ARG;
    if (request->scratch_len < CLIENTID_SCRATCH_BYTES)
        return CLIENTID_ERR_SPACE;
    return run(worker, api, request, decision, (clientid_ticket){0});
}

int clientid_resume(clientid_worker *worker, const clientid_request *request,
                    clientid_decision *decision)
{
    if (decision == NULL || decision->size < sizeof(*decision) ||
        decision->verdict != CLIENTID_DELAY || decision->ticket.api == NULL)
        return CLIENTID_ERR_ARG;
    if (!valid(worker, request, decision) || decision->ticket.api->gateway != worker->gateway) {
        leave_queue(&decision->ticket);
        return CLIENTID_ERR_ARG;
    }
    if (request->scratch_len < CLIENTID_SCRATCH_BYTES) {
        leave_queue(&decision->ticket);
        return CLIENTID_ERR_SPACE;
    }
    return run(worker, decision->ticket.api, request, decision, decision->ticket);
}

void clientid_cancel(clientid_decision *decision)
{
    if (decision != NULL)
        leave_queue(&decision->ticket);
}

int clientid_refund(clientid_worker *worker, const clientid_receipt *receipt, uint64_t now_ns)
{
    if (worker == NULL || receipt == NULL || receipt->count > CLIENTID_LIMITS_MAX)
        return CLIENTID_ERR_ARG;
    clientid__limits_refund(worker->gateway->table, receipt, now_ns);
    return 0;
}

unsigned clientid_api_wants(clientid_worker *worker, const clientid_api *api)
{
    const struct clientid__chain *chain;
    unsigned wants;

    clientid__epoch_enter(worker->slot);
    chain = atomic_load_explicit(&api->chain, memory_order_acquire);
    wants = chain != NULL ? chain->wants : 0;
    clientid__epoch_leave(worker->slot);
    return wants;
}

static bool reads_underscore(const struct clientid__expression *e, char *name)
{
    clientid_str read = clientid__expression_name(e);

    if ((e->carrier != CLIENTID__HEADER && e->carrier != CLIENTID__ANY) ||
        read.len >= CLIENTID_PARAM_NAME_BYTES || memchr(read.ptr, '_', read.len) == NULL)
        return false;
    memcpy(name, read.ptr, read.len);
    name[read.len] = '\0';
    return true;
}

static int find_underscore(const struct clientid__chain *chain, char *name)
{
    for (size_t i = 0; chain != NULL && i < chain->spec_count; i++)
        if (reads_underscore(&chain->specs[i].id, name) ||
            reads_underscore(&chain->specs[i].secret, name))
            return 1;
    for (size_t i = 0; chain != NULL && i < chain->policy_count; i++)
        if (reads_underscore(&chain->policies[i].key, name))
            return 1;
    return 0;
}

int clientid_api_underscore_header(clientid_worker *worker, const clientid_api *api,
                                   char name[CLIENTID_PARAM_NAME_BYTES])
{
    int found;

    clientid__epoch_enter(worker->slot);
    found = find_underscore(atomic_load_explicit(&api->chain, memory_order_acquire), name);
    clientid__epoch_leave(worker->slot);
    return found;
}
