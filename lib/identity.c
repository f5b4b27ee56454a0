/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Who is it: credentials, the contract they name, the secret.  Each is read, found and verified once, however many
 * policies ask.
 */
#include "base/str.h"
#include "inquiry.h"

/* Rule 23 of the extraction rules: it carries no credentials by design (Fetch standard, CORS-preflight fetch). */
int clientid__is_preflight(const clientid_request *request)
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
static bool keep(struct clientid__inquiry *q, clientid_str text, clientid_str *copy)
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
static bool describe(struct clientid__inquiry *q)
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

void clientid__fetch(struct clientid__inquiry *q, const struct clientid__policy *policy)
{
    const clientid_str id = q->credentials[policy->spec].id;

    q->id_hash = clientid__hash128(id.ptr, id.len, q->worker->gateway->seed);
    q->hash = clientid__registry_hash(q->id_hash, q->api->number);
    q->hashed = true;
    clientid__registry_fetch_slot(q->registry, q->hash);
    if (clientid__charges_tier(policy))
        clientid__fetch_cells(q, policy);
}

void clientid__fetch_record(const struct clientid__inquiry *q)
{
    clientid__registry_fetch_record(q->registry, q->hash);
}

#define NS_PER_MINUTE UINT64_C(60000000000)

/* A use as a record remembers it: the minute, for 4000 years, and the slot. */
static uint32_t use_of(const struct clientid__inquiry *q, unsigned slot)
{
    return (uint32_t)(q->request->now_ns / NS_PER_MINUTE) << 1 | (slot - 1);
}

/* All policies name one client, so there is one look-up. */
void clientid__look_up(struct clientid__inquiry *q, const struct clientid__policy *policy)
{
    uint64_t key[2];

    if (q->looked_up)
        return;
    q->looked_up = true;
    if (!q->hashed)
        clientid__fetch(q, policy);
    q->found = clientid__registry_find(q->registry, q->api->number, q->credentials[policy->spec].id,
                                       q->hash, &q->contract);
    if (!q->found || !policy->needs_secret)
        return;
    if (atomic_load_explicit(q->contract.used, memory_order_relaxed) >> 1 != use_of(q, 1) >> 1) {
        clientid__use_key(key, q->id_hash, 0);
        clientid__table_use_prefetch(q->worker->gateway->table, key);
    }
}

/* Once a minute for each record; the table of uses is memory that few requests have to wait for. */
static void note_use(struct clientid__inquiry *q, const struct clientid__secret_match *match)
{
    const uint32_t use = use_of(q, match->slot);
    uint64_t key[2];

    q->decision->secret_slot = (uint8_t)match->slot;
    if (q->peek || atomic_load_explicit(q->contract.used, memory_order_relaxed) == use)
        return;
    clientid__use_key(key, q->id_hash, match->slot_key);
    clientid__table_use(q->worker->gateway->table, key, q->request->now_ns);
    atomic_store_explicit(q->contract.used, use, memory_order_relaxed);
}

/* The secret is judged before the contract's state, so only its owner learns (by 403) that there is a contract. */
static clientid_reason verify(struct clientid__inquiry *q,
                              const struct clientid__credentials *credentials, bool needs_secret)
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

static int extract(struct clientid__inquiry *q, uint32_t spec)
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

static void adopt(struct clientid__inquiry *q, clientid_str id)
{
    clientid_decision *decision = q->decision;

    decision->client_id = id;
    decision->client_name = decision->tier = CLIENTID_STR("");
    decision->contract_id = decision->application_id = decision->tier_id = 0;
    decision->verified = decision->secret_slot = 0;
    q->hashed = q->looked_up = false;
    q->verified = 0;
}

/*
 * Policies that read different places must name one client, or quota and identity could be split.  What a policy in
 * shadow mode read gives way: it never refuses, not even by disagreeing.
 */
static clientid_reason agree(struct clientid__inquiry *q, const struct clientid__policy *policy,
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

int clientid__read_credentials(struct clientid__inquiry *q, const struct clientid__policy *policy,
                               clientid_reason *reason)
{
    const struct clientid__credentials *credentials = &q->credentials[policy->spec];
    int rv = 0;

    *reason = CLIENTID_REASON_ALLOWED;
    if (q->agreed == policy)
        return 0;
    if (!(q->extracted & 1U << policy->spec))
        rv = extract(q, policy->spec);
    if (rv != 0)
        return rv;
    *reason = credentials->reason;
    if (*reason == CLIENTID_REASON_ALLOWED)
        *reason = agree(q, policy, credentials->id);
    if (*reason == CLIENTID_REASON_ALLOWED && policy->needs_secret && !credentials->has_secret)
        *reason = CLIENTID_REASON_SECRET_MISSING;
    if (*reason == CLIENTID_REASON_ALLOWED)
        q->agreed = policy;
    return 0;
}

clientid_reason clientid__identify(struct clientid__inquiry *q,
                                   const struct clientid__policy *policy)
{
    const uint32_t spec = policy->spec;

    if (!(q->verified & 1U << spec)) {
        q->verdicts[spec] = verify(q, &q->credentials[spec], policy->needs_secret);
        q->verified |= 1U << spec;
    }
    return q->verdicts[spec];
}
