/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One request in, one decision out: allow, delay or deny, for which client application, and why.
 *
 * Reads from top to bottom as a decision goes: which policies apply, who is it, how much may it, what is the verdict.
 * Identity is judged before any limit, so a request without valid credentials neither spends nor learns a quota.
 */
#include "base/str.h"
#include "inquiry.h"

enum { COST_MAX = 1000000 };

/* ---- which policies apply -------------------------------------------------------------------- */

/* ALLOWED, or why contracts cannot be asked now. */
static clientid_reason ask_registry(struct clientid__inquiry *q)
{
    clientid_gateway *gateway = q->worker->gateway;
    bool degraded;
    clientid_reason reason =
        clientid__contracts_state(gateway, q->request->now_ns, &q->registry, &degraded);

    q->decision->registry_revision = atomic_load_explicit(&gateway->revision, memory_order_relaxed);
    q->decision->degraded = degraded;
    return reason;
}

/* 0, with a verdict when no policy has to be asked, or an error. */
static int find_policies(struct clientid__inquiry *q)
{
    int preflight;

    q->chain = atomic_load_explicit(&q->api->chain, memory_order_acquire);
    if (q->chain == NULL) {
        q->decision->answer = q->worker->gateway->unknown_api;
        return clientid__conclude(q, CLIENTID_DENY, CLIENTID_REASON_API_UNKNOWN, NULL);
    }
    q->decision->answer = q->chain->answers;
    if (q->chain->allow_preflight) {
        preflight = clientid__is_preflight(q->request);
        if (preflight < 0)
            return preflight;
        if (preflight)
            return clientid__conclude(q, CLIENTID_ALLOW, CLIENTID_REASON_PREFLIGHT, NULL);
    }
    q->applies = clientid__chain_match(q->chain, q->worker->match, q->request->method,
                                       q->request->path, &q->scratch);
    if (q->applies == 0)
        return clientid__conclude(q, CLIENTID_ALLOW, CLIENTID_REASON_NO_POLICY, NULL);
    q->registry_reason = ask_registry(q);
    return 0;
}

/* ---- what they say --------------------------------------------------------------------------- */

/* What is needed of the contract is on its way from memory while the secret is verified. */
static void look_up(struct clientid__inquiry *q, const struct clientid__policy *policy)
{
    clientid__look_up(q, policy);
    if (q->found && clientid__charges_tier(policy))
        clientid__fetch_other_cells(q, policy);
}

/* A client id that is unknown and a secret that is wrong take the same way, for the same time. */
static clientid_reason judge_client(struct clientid__inquiry *q,
                                    const struct clientid__policy *policy)
{
    clientid_reason reason;

    look_up(q, policy);
    reason = clientid__identify(q, policy);
    if (reason == CLIENTID_REASON_ALLOWED && clientid__charges_tier(policy) &&
        !clientid__charge_tier(q, policy))
        return CLIENTID_REASON_LIMITS_INVALID;
    return reason;
}

/* 0 with the policy's own view in |*reason|, or an error. */
static int judge_contract(struct clientid__inquiry *q, const struct clientid__policy *policy,
                          clientid_reason *reason)
{
    int rv;

    *reason = q->registry_reason;
    if (*reason != CLIENTID_REASON_ALLOWED)
        return 0;
    rv = clientid__read_credentials(q, policy, reason);
    if (rv != 0 || *reason != CLIENTID_REASON_ALLOWED)
        return rv;
    *reason = judge_client(q, policy);
    return 0;
}

static int judge_policy(struct clientid__inquiry *q, const struct clientid__policy *policy)
{
    clientid_reason reason;
    int rv;

    if (!policy->needs_contract)
        return clientid__charge_policy(q, policy);
    rv = judge_contract(q, policy, &reason);
    if (rv != 0 || reason == CLIENTID_REASON_GATEKEEPER_DISABLED)
        return rv;
    if (reason == CLIENTID_REASON_BODY_NEEDED)
        return clientid__conclude(q, CLIENTID_NEED_BODY, reason, policy);
    if (reason == CLIENTID_REASON_ALLOWED) {
        q->decision->verified = 1;
        return 0;
    }
    if (policy->shadow) {
        clientid__note_shadow(q, policy, reason);
        return 0;
    }
    q->decision->verified = 0; /* whatever a policy before this one took for proof */
    return clientid__conclude(q, CLIENTID_DENY, reason, policy);
}

/* After find_policies left it open. */
static int judge(struct clientid__inquiry *q)
{
    clientid_reason allowed = CLIENTID_REASON_ALLOWED;

    for (uint32_t left = q->applies; left != 0; left &= left - 1) {
        const struct clientid__policy *policy = &q->chain->policies[__builtin_ctz(left)];
        int rv;

        if (policy->needs_contract && q->registry_reason == CLIENTID_REASON_GATEKEEPER_DISABLED)
            allowed = q->registry_reason;
        rv = judge_policy(q, policy);
        if (rv == 1)
            return clientid__conclude(q, CLIENTID_NEED_BODY, CLIENTID_REASON_BODY_NEEDED, policy);
        if (rv != 0 || q->decision->verdict != 0)
            return rv;
    }
    return clientid__charge(q, allowed);
}

/* ---- before and after ------------------------------------------------------------------------ */

static void count_one(_Atomic uint64_t *counter)
{
    atomic_store_explicit(counter, atomic_load_explicit(counter, memory_order_relaxed) + 1,
                          memory_order_relaxed);
}

static void count(const struct clientid__inquiry *q)
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
    if (text->ptr != to)
        memmove(to, text->ptr, text->len);
    text->ptr = to;
    return to + text->len;
}

static void clean_scratch(struct clientid__inquiry *q)
{
    clientid_decision *decision = q->decision;
    const char *used = q->unclean ? q->request->scratch + q->request->scratch_len : q->scratch.next;
    char *to = q->request->scratch;

    if (used == to)
        return;
    to = move_up(&decision->client_id, q->request, to, used);
    to = move_up(&decision->client_name, q->request, to, used);
    to = move_up(&decision->tier, q->request, to, used);
    if (used != to)
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
static void clear(clientid_decision *d, const clientid_api *api)
{
    const clientid_str none = {NULL, 0};

    d->verdict = (clientid_verdict)0;
    d->reason = CLIENTID_REASON_ALLOWED;
    d->api = api;
    d->policy = d->client_id = d->client_name = d->tier = d->shadow_policy = none;
    d->contract_id = d->application_id = d->tier_id = 0;
    /* Flags, the reason in shadow mode, and the hole behind it. */
    memset(&d->verified, 0,
           offsetof(clientid_decision, shadow_policy) - offsetof(clientid_decision, verified));
    d->registry_revision = d->delay_ns = d->retry_after_ns = 0;
    d->limit_count = 0;
    d->bound_limit = UINT32_MAX;
    d->receipt.count = d->receipt.reserved = 0;
}

static void no_ticket(clientid_decision *decision)
{
    decision->ticket.api = NULL;
    decision->ticket.queue = NULL;
    decision->ticket.attempts = decision->ticket.held = 0;
}

static void begin(struct clientid__inquiry *q, clientid_worker *worker, const clientid_api *api,
                  const clientid_request *request, clientid_decision *decision)
{
    clear(decision, api);
    q->worker = worker;
    q->api = api;
    q->request = request;
    q->decision = decision;
    q->cost = request->cost != 0 ? request->cost : 1;
    q->peek = (request->flags & CLIENTID_PEEK) != 0;
    q->scratch = (struct clientid__scratch){request->scratch, request->scratch_len};
    q->extracted = q->verified = 0;
    q->contract.tier = NULL;
    q->agreed = NULL;
    q->charge_count = 0;
    q->claimed = q->hashed = q->looked_up = q->found = q->unclean = false;
    decision->peeked = q->peek;
}

/* After the epoch section. */
static int end(struct clientid__inquiry *q, int rv)
{
    clean_scratch(q);
    if (rv != 0 || q->decision->verdict != CLIENTID_DELAY)
        clientid__leave_queue(&q->decision->ticket);
    return rv;
}

/* The ticket in |decision| is empty, or that of a request that has waited. */
static int run(clientid_worker *worker, const clientid_api *api, const clientid_request *request,
               clientid_decision *decision)
{
    struct clientid__inquiry q;
    int rv;

    begin(&q, worker, api, request, decision);
    clientid__epoch_enter(worker->slot);
    rv = find_policies(&q);
    if (rv == 0 && decision->verdict == 0)
        rv = judge(&q);
    if (rv == 0)
        count(&q);
    clientid__epoch_leave(worker->slot);
    return end(&q, rv);
}

/* 0, or why the request cannot be looked at. */
static int admissible(const clientid_worker *worker, const clientid_api *api,
                      const clientid_request *request, const clientid_decision *decision)
{
    if (api == NULL || !valid(worker, request, decision) || api->gateway != worker->gateway)
        return CLIENTID_ERR_ARG;
    return request->scratch_len < CLIENTID_SCRATCH_BYTES ? CLIENTID_ERR_SPACE : 0;
}

int clientid_check(clientid_worker *worker, const clientid_api *api,
                   const clientid_request *request, clientid_decision *decision)
{
    int rv = admissible(worker, api, request, decision);

    if (rv != 0)
        return rv;
    no_ticket(decision);
    return run(worker, api, request, decision);
}

/* ---- several at once ------------------------------------------------------------------------- */

/*
 * A look-up waits for memory two or three times: the index, the record, the cells.  Each of these is asked for on behalf
 * of all requests before the first of them waits for it.  What is done ahead is what judge does first anyway; a request
 * whose first policy reads no credentials is only judged in its turn.
 */
struct group {
    size_t count;
    clientid_batch_entry *entries[CLIENTID_BATCH_GROUP];
    struct clientid__inquiry *inquiries;                        /* of the worker */
    const struct clientid__policy *first[CLIENTID_BATCH_GROUP]; /* NULL: nothing is done ahead */
};

static const struct clientid__policy *look_ahead(struct clientid__inquiry *q)
{
    const struct clientid__policy *first;
    clientid_reason reason;

    if (q->decision->verdict != 0)
        return NULL;
    first = &q->chain->policies[__builtin_ctz(q->applies)];
    if (!first->needs_contract || q->registry_reason != CLIENTID_REASON_ALLOWED ||
        clientid__read_credentials(q, first, &reason) != 0 || reason != CLIENTID_REASON_ALLOWED)
        return NULL;
    clientid__fetch(q, first);
    return first;
}

static void decide_group(struct group *group)
{
    for (size_t i = 0; i < group->count; i++) {
        struct clientid__inquiry *q = &group->inquiries[i];

        group->entries[i]->rv = find_policies(q);
        group->first[i] = group->entries[i]->rv == 0 ? look_ahead(q) : NULL;
    }
    for (size_t i = 0; i < group->count; i++)
        if (group->first[i] != NULL)
            clientid__fetch_record(&group->inquiries[i]);
    for (size_t i = 0; i < group->count; i++)
        if (group->first[i] != NULL)
            look_up(&group->inquiries[i], group->first[i]);
    for (size_t i = 0; i < group->count; i++) {
        struct clientid__inquiry *q = &group->inquiries[i];

        if (group->entries[i]->rv == 0 && q->decision->verdict == 0)
            group->entries[i]->rv = judge(q);
        if (group->entries[i]->rv == 0)
            count(q);
    }
}

/* Takes up to CLIENTID_BATCH_GROUP of the entries; returns how many it looked at. */
static size_t run_group(clientid_worker *worker, clientid_batch_entry *entries, size_t count)
{
    struct group group = {.inquiries = worker->inquiries};
    size_t i = 0;

    for (; i < count && group.count < CLIENTID_BATCH_GROUP; i++) {
        clientid_batch_entry *e = &entries[i];

        e->rv = admissible(worker, e->api, e->request, e->decision);
        if (e->rv != 0)
            continue;
        no_ticket(e->decision);
        begin(&group.inquiries[group.count], worker, e->api, e->request, e->decision);
        group.entries[group.count++] = e;
    }
    clientid__epoch_enter(worker->slot);
    decide_group(&group);
    clientid__epoch_leave(worker->slot);
    for (size_t n = 0; n < group.count; n++)
        end(&group.inquiries[n], group.entries[n]->rv);
    return i;
}

int clientid_check_batch(clientid_worker *worker, clientid_batch_entry *entries, size_t count)
{
    if (worker == NULL || (entries == NULL && count > 0))
        return CLIENTID_ERR_ARG;
    while (count > 0) {
        size_t done = run_group(worker, entries, count);

        entries += done;
        count -= done;
    }
    return 0;
}

/* ---- afterwards ------------------------------------------------------------------------------ */

int clientid_resume(clientid_worker *worker, const clientid_request *request,
                    clientid_decision *decision)
{
    if (decision == NULL || decision->size < sizeof(*decision) ||
        decision->verdict != CLIENTID_DELAY || decision->ticket.api == NULL)
        return CLIENTID_ERR_ARG;
    if (!valid(worker, request, decision) || decision->ticket.api->gateway != worker->gateway) {
        clientid__leave_queue(&decision->ticket);
        return CLIENTID_ERR_ARG;
    }
    if (request->scratch_len < CLIENTID_SCRATCH_BYTES) {
        clientid__leave_queue(&decision->ticket);
        return CLIENTID_ERR_SPACE;
    }
    return run(worker, decision->ticket.api, request, decision);
}

void clientid_cancel(clientid_decision *decision)
{
    if (decision != NULL)
        clientid__leave_queue(&decision->ticket);
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
