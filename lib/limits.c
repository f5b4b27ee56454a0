/* SPDX-License-Identifier: Apache-2.0 */
/* What operators see and change of limits is worked out as for a request: same rules, same keys, same cells. */
#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"
#include "state.h"

#include <clientid/limits.h>

/* ---- a table --------------------------------------------------------------------------------- */

int clientid_limits_open(clientid_limits **out, const char *file, unsigned flags,
                         clientid_error *error)
{
    clientid_limits *limits;
    int rv;

    if (out == NULL || file == NULL || (flags & ~(unsigned)CLIENTID_LIMITS_READ) != 0)
        return clientid__fail(error, CLIENTID_ERR_ARG, "no file, or unknown flags");
    limits = clientid__alloc(&clientid__malloc, 1, sizeof(*limits));
    if (limits == NULL)
        return clientid__fail(error, CLIENTID_ERR_NOMEM, "no memory for a limits table");
    limits->read_only = (flags & CLIENTID_LIMITS_READ) != 0;
    rv = clientid__table_attach(&limits->table, &clientid__malloc, file, limits->read_only, error);
    if (rv != 0) {
        clientid__free(&clientid__malloc, limits);
        return rv;
    }
    *out = limits;
    return 0;
}

void clientid_limits_close(clientid_limits *limits)
{
    if (limits == NULL || limits->gateway != NULL)
        return;
    clientid__table_close(limits->table);
    clientid__free(&clientid__malloc, limits);
}

clientid_limits *clientid_gateway_limits(clientid_gateway *gateway)
{
    return &gateway->limits;
}

/* ---- how far limits reach -------------------------------------------------------------------- */

static void reach(uint64_t reach_ns[4], const struct clientid__rule *rule)
{
    uint64_t *longest = &reach_ns[rule->algorithm & 3];

    if (clientid__reach_ns(rule) > *longest)
        *longest = clientid__reach_ns(rule);
}

static void tiers_reach(uint64_t reach_ns[4], const struct clientid__policy *policy,
                        const struct clientid__registry *registry)
{
    const struct clientid__tier *tier;
    struct clientid__rule rule;
    uint32_t n = 0;

    while ((tier = clientid__registry_tier(registry, &n)) != NULL)
        for (uint32_t i = 0; i < tier->limit_count; i++)
            if (clientid__rule_init(&rule, policy->algorithm, tier->limits[i].maximum_requests,
                                    tier->limits[i].period_ms, policy->burst, policy->identity,
                                    NULL) == 0)
                reach(reach_ns, &rule);
}

/*
 * By algorithm; all zero when it cannot be told: without contracts, nobody knows the limits of tiers, and a cell must
 * not be taken for one from the future only because its tier is not loaded.
 */
static void gateway_reach(clientid_gateway *gateway, uint64_t reach_ns[4])
{
    const struct clientid__registry *registry;
    bool known = true;

    pthread_mutex_lock(&gateway->lock);
    clientid__epoch_enter(gateway->observer);
    registry = atomic_load(&gateway->registry);
    for (size_t a = 0; a < gateway->api_count; a++) {
        const struct clientid__chain *chain = atomic_load(&gateway->apis[a]->chain);

        for (size_t p = 0; chain != NULL && p < chain->policy_count; p++) {
            const struct clientid__policy *policy = &chain->policies[p];

            for (size_t i = 0; i < policy->rule_count; i++)
                reach(reach_ns, &policy->rules[i]);
            if (clientid__charges_tier(policy) && registry != NULL)
                tiers_reach(reach_ns, policy, registry);
            known = known && (registry != NULL || !clientid__charges_tier(policy));
        }
    }
    clientid__epoch_leave(gateway->observer);
    pthread_mutex_unlock(&gateway->lock);
    if (!known)
        memset(reach_ns, 0, 4 * sizeof(reach_ns[0]));
}

static void reach_of(const clientid_limits *limits, uint64_t reach_ns[4])
{
    memset(reach_ns, 0, 4 * sizeof(reach_ns[0]));
    if (limits->gateway != NULL)
        gateway_reach(limits->gateway, reach_ns);
}

int clientid_limits_read(const clientid_limits *limits, uint64_t now_ns, clientid_limits_info *info)
{
    uint64_t reach_ns[4];

    if (limits == NULL || info == NULL || info->size < sizeof(*info))
        return CLIENTID_ERR_ARG;
    reach_of(limits, reach_ns);
    clientid__table_read(limits->table, now_ns, reach_ns, info);
    return 0;
}

int clientid_limits_clear(clientid_limits *limits, unsigned what, uint64_t now_ns,
                          clientid_limits_cleared *cleared)
{
    const unsigned known = CLIENTID_CLEAR_CLAIMED | CLIENTID_CLEAR_DAMAGED | CLIENTID_CLEAR_AHEAD |
                           CLIENTID_CLEAR_OVERFLOW | CLIENTID_CLEAR_LIVE;
    uint64_t reach_ns[4];

    if (limits == NULL || cleared == NULL || cleared->size < sizeof(*cleared) ||
        (what & ~known) != 0 || limits->read_only)
        return CLIENTID_ERR_ARG;
    reach_of(limits, reach_ns);
    clientid__table_clear(limits->table, what, now_ns, reach_ns, cleared);
    return 0;
}

/* ---- one client ------------------------------------------------------------------------------ */

/* The limits of one client, or of an API instance, one after the other. */
struct visit {
    clientid_worker *worker;
    const struct clientid_api *api;
    uint64_t now_ns;
    uint64_t identity[2];
    /* Read once: both rounds see the same. */
    const struct clientid__chain *chain;
    const struct clientid__tier *tier; /* NULL: none */
    bool own;                          /* of the API instance, not of a client */
    bool restore;
    bool count_only;
    clientid_limit_standing *standings;
    size_t count;
};

static void visit(struct visit *v, const struct clientid__policy *policy,
                  const struct clientid__rule *rule, bool visible)
{
    struct clientid__table *table = v->worker->gateway->table;
    struct clientid__charge charge = {.rule = rule, .region = CLIENTID__REGION_CONTRACTS};
    clientid_limit_standing *out;
    struct clientid__standing s;

    v->count++;
    if (v->count_only)
        return;
    out = &v->standings[v->count - 1];
    clientid__charge_key(&charge, v->identity);
    if (v->restore)
        clientid__limits_restore(table, &charge, v->now_ns, &s);
    else
        clientid__limits_look(table, &charge, v->now_ns, &s);
    *out = (clientid_limit_standing){
        .report = {.policy = policy->label,
                   .maximum_requests = rule->maximum,
                   .period_ns = rule->period_ns,
                   .remaining = s.remaining,
                   .reset_ns = s.reset_ns,
                   .algorithm = (uint32_t)rule->algorithm,
                   .flags = (policy->expose_headers && visible ? CLIENTID_LIMIT_VISIBLE : 0U) |
                            (policy->shadow ? CLIENTID_LIMIT_SHADOW : 0U) |
                            (policy->rule_count == 0 ? CLIENTID_LIMIT_TIER : 0U)},
        .capacity = rule->algorithm == CLIENTID_TOKEN_BUCKET ? rule->burst : rule->maximum,
        .flags =
            (s.shared ? CLIENTID_STANDING_SHARED : 0U) | (s.ahead ? CLIENTID_STANDING_AHEAD : 0U)};
    out->used = out->capacity - out->report.remaining;
}

static int visit_tier(struct visit *v, const struct clientid__policy *policy, clientid_error *error)
{
    for (uint32_t i = 0; v->tier != NULL && i < v->tier->limit_count; i++) {
        const clientid_limit *limit = &v->tier->limits[i];
        struct clientid__rule rule;
        int rv = clientid__rule_init(&rule, policy->algorithm, limit->maximum_requests,
                                     limit->period_ms, policy->burst, policy->identity, error);

        if (rv != 0)
            return rv;
        visit(v, policy, &rule, limit->visible != 0);
    }
    return 0;
}

/* Key selectors have a cell for each value, of which there is no list. */
static void visit_own(struct visit *v, const struct clientid__policy *policy)
{
    for (size_t i = 0; policy->key.carrier == CLIENTID__NOWHERE && i < policy->rule_count; i++)
        visit(v, policy, &policy->rules[i], true);
}

static int find_contract(struct visit *v, clientid_str client_id, clientid_error *error)
{
    const clientid_gateway *gateway = v->worker->gateway;
    const struct clientid__registry *registry = atomic_load(&gateway->registry);
    const struct clientid__hash128 hash =
        clientid__hash128(client_id.ptr, client_id.len, gateway->seed);
    struct clientid__contract contract;

    if (registry == NULL)
        return clientid__fail(error, CLIENTID_ERR_UNREACHABLE, "no contracts are loaded");
    if (!clientid__registry_find(registry, v->api->number, client_id,
                                 clientid__registry_hash(hash, v->api->number), &contract))
        return clientid__fail(error, CLIENTID_ERR_NOT_FOUND,
                              "client \"%.*s\" has no contract on API instance \"%.100s\"",
                              client_id.len < 100 ? (int)client_id.len : 100, client_id.ptr,
                              v->api->name);
    clientid__client_identity(v->identity, hash, v->api);
    v->tier = contract.tier;
    return 0;
}

static int begin(struct visit *v, clientid_str client_id, clientid_error *error)
{
    v->chain = atomic_load(&v->api->chain);
    v->own = client_id.len == 0;
    if (v->chain == NULL)
        return clientid__fail(error, CLIENTID_ERR_NOT_FOUND,
                              "the configuration knows no API instance \"%.128s\"", v->api->name);
    clientid__api_identity(v->identity, v->api);
    return v->own ? 0 : find_contract(v, client_id, error);
}

static int visit_all(struct visit *v, clientid_error *error)
{
    int rv = 0;

    v->count = 0;
    for (size_t i = 0; rv == 0 && i < v->chain->policy_count; i++) {
        const struct clientid__policy *policy = &v->chain->policies[i];

        if (v->own)
            visit_own(v, policy);
        else if (clientid__charges_tier(policy))
            rv = visit_tier(v, policy, error);
    }
    return rv;
}

/* First how many there are, so that a reset without room, or with a limit that cannot be kept, changes nothing. */
static int visit_twice(struct visit *v, size_t *count, clientid_error *error)
{
    size_t room = *count;
    int rv;

    v->count_only = true;
    rv = visit_all(v, error);
    if (rv != 0)
        return rv;
    *count = v->count;
    if (v->count > room)
        return clientid__fail(error, CLIENTID_ERR_SPACE, "there are %zu limits", v->count);
    v->count_only = false;
    return visit_all(v, error);
}

static int run(struct visit *v, clientid_str client_id, size_t *count, clientid_error *error)
{
    int rv;

    if (v->worker == NULL || v->api == NULL || count == NULL ||
        (v->standings == NULL && *count > 0) || v->api->gateway != v->worker->gateway)
        return clientid__fail(error, CLIENTID_ERR_ARG, "no worker, API instance or room");
    clientid__epoch_enter(v->worker->slot);
    rv = begin(v, client_id, error);
    if (rv == 0)
        rv = visit_twice(v, count, error);
    clientid__epoch_leave(v->worker->slot);
    return rv;
}

int clientid_limits_get(clientid_worker *worker, const clientid_api *api, clientid_str client_id,
                        uint64_t now_ns, clientid_limit_standing *standings, size_t *count,
                        clientid_error *error)
{
    struct visit v = {.worker = worker, .api = api, .now_ns = now_ns, .standings = standings};

    return run(&v, client_id, count, error);
}

int clientid_limits_reset(clientid_worker *worker, const clientid_api *api, clientid_str client_id,
                          uint64_t now_ns, clientid_limit_standing *standings, size_t *count,
                          clientid_error *error)
{
    struct visit v = {
        .worker = worker, .api = api, .now_ns = now_ns, .restore = true, .standings = standings};

    return run(&v, client_id, count, error);
}
