/* SPDX-License-Identifier: Apache-2.0 */
#include "policy/chain.h"

#include "base/mem.h"
#include "base/str.h"
#include "policy/pointcut.h"

void clientid__policy_release(const clientid_allocator *mem, struct clientid__policy *policy)
{
    for (size_t i = 0; i < policy->pointcut_count; i++) {
        struct clientid__pointcut *pointcut = &policy->pointcuts[i];

        clientid__pattern_release(&pointcut->method);
        clientid__pattern_release(&pointcut->path);
    }
    clientid__free(mem, policy->pointcuts);
    clientid__free(mem, policy->rules);
    *policy = (struct clientid__policy){.rules = NULL};
}

void clientid__drafts_del(const clientid_allocator *mem, struct clientid__draft_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        clientid__policy_release(mem, &list->drafts[i].policy);
    clientid__free(mem, list->drafts);
    *list = (struct clientid__draft_list){NULL, 0};
}

void clientid__chain_del(const clientid_allocator *mem, struct clientid__chain *chain)
{
    if (chain == NULL)
        return;
    for (size_t i = 0; i < chain->policy_count; i++)
        clientid__policy_release(mem, &chain->policies[i]);
    clientid__free(mem, chain);
}

/* ---- extraction ------------------------------------------------------------------------------ */

static bool expression_eq(const struct clientid__expression *a,
                          const struct clientid__expression *b)
{
    return a->carrier == b->carrier &&
           (a->carrier == CLIENTID__NOWHERE ||
            clientid__str_eq(clientid__expression_name(a), clientid__expression_name(b)));
}

/* The index of |spec| among the chain's, which has room for one of every policy. */
static uint32_t add_spec(struct clientid__chain *chain, const struct clientid__spec *spec)
{
    for (uint32_t i = 0; i < chain->spec_count; i++) {
        const struct clientid__spec *known = &chain->specs[i];

        if (known->flags == spec->flags && expression_eq(&known->id, &spec->id) &&
            expression_eq(&known->secret, &spec->secret))
            return i;
    }
    chain->specs[chain->spec_count] = *spec;
    chain->wants |= clientid__spec_wants(spec);
    return (uint32_t)chain->spec_count++;
}

/* ---- stripping ------------------------------------------------------------------------------- */

/* Names, each once; every policy adds an id, a secret and Authorization at most. */
struct names {
    clientid_str names[3 * CLIENTID__POLICIES_MAX];
    size_t count;
};

static void add_name(struct names *names, clientid_str name)
{
    for (size_t i = 0; i < names->count; i++)
        if (clientid__str_eq(names->names[i], name))
            return;
    names->names[names->count++] = name;
}

struct stripping {
    enum clientid__strip mode;
    struct names query, headers;
};

static bool is_in_query(enum clientid__carrier carrier)
{
    return carrier == CLIENTID__QUERY || carrier == CLIENTID__ANY;
}

static bool is_in_header(enum clientid__carrier carrier)
{
    return carrier == CLIENTID__HEADER || carrier == CLIENTID__ANY;
}

/* What carries a secret, and what would land in the upstream's logs by query. */
static void strip_spec(struct stripping *stripping, const struct clientid__spec *spec)
{
    clientid_str id = clientid__expression_name(&spec->id);
    clientid_str secret = clientid__expression_name(&spec->secret);

    if (stripping->mode == CLIENTID__STRIP_NONE)
        return;
    if (spec->flags & CLIENTID__SPEC_BASIC)
        add_name(&stripping->headers, CLIENTID_STR("authorization"));
    if ((spec->flags & CLIENTID__SPEC_EXPRESSIONS) == 0)
        return;
    if (is_in_query(spec->id.carrier))
        add_name(&stripping->query, id);
    if (is_in_query(spec->secret.carrier))
        add_name(&stripping->query, secret);
    if (is_in_header(spec->secret.carrier))
        add_name(&stripping->headers, secret);
    if (is_in_header(spec->id.carrier) && stripping->mode == CLIENTID__STRIP_ALL)
        add_name(&stripping->headers, id);
}

/* ---- the chain ------------------------------------------------------------------------------- */

/* Insertion: stable, and at most CLIENTID__POLICIES_MAX long. */
static void sort_by_order(struct clientid__chain *chain)
{
    for (size_t i = 1; i < chain->policy_count; i++) {
        struct clientid__policy moved = chain->policies[i];
        size_t to = i;

        for (; to > 0 && chain->policies[to - 1].order > moved.order; to--)
            chain->policies[to] = chain->policies[to - 1];
        chain->policies[to] = moved;
    }
}

static bool has_queue(const struct clientid__policy *policy)
{
    return policy->type == CLIENTID__THROTTLING_SLA || policy->type == CLIENTID__SPIKE_CONTROL;
}

static int take_draft(struct clientid__chain *chain, struct clientid__draft *draft,
                      struct clientid__pool *pool, clientid_str api)
{
    struct clientid__policy *policy = &draft->policy;

    if (policy->needs_contract)
        policy->spec = add_spec(chain, &draft->spec);
    if (has_queue(policy)) {
        policy->queue = clientid__pool_queue(pool, api, policy->label);
        if (policy->queue == NULL)
            return CLIENTID_ERR_NOMEM;
    }
    chain->wants |= clientid__expression_wants(&policy->key);
    chain->policies[chain->policy_count++] = *policy;
    *policy = (struct clientid__policy){.rules = NULL};
    return 0;
}

/* The draft whose credentials a request is asked for: of the enabled ones the first in order, as in the chain. */
static const struct clientid__draft *first_challenge(const struct clientid__draft_list *list)
{
    const struct clientid__draft *first = NULL;

    for (size_t i = 0; i < list->count; i++) {
        const struct clientid__draft *draft = &list->drafts[i];

        if (!draft->disabled && draft->policy.needs_contract &&
            (first == NULL || draft->policy.order < first->policy.order))
            first = draft;
    }
    return first;
}

/* What the policies add to the answers of their API instance. */
static void gather(const struct clientid__draft_list *list, struct stripping *stripping,
                   struct clientid__answers *answers)
{
    const struct clientid__draft *challenge = first_challenge(list);

    answers->basic = challenge != NULL && (challenge->spec.flags & CLIENTID__SPEC_BASIC) != 0;
    if (answers->basic)
        answers->realm = challenge->realm;
    for (size_t i = 0; i < list->count; i++) {
        const struct clientid__draft *draft = &list->drafts[i];

        if (draft->disabled)
            continue;
        if (draft->policy.expose_headers)
            answers->expose_headers = true;
        if (draft->policy.needs_contract)
            strip_spec(stripping, &draft->spec);
    }
    answers->strip_query = stripping->query.names;
    answers->strip_query_count = stripping->query.count;
    answers->strip_headers = stripping->headers.names;
    answers->strip_header_count = stripping->headers.count;
}

int clientid__chain_build(struct clientid__chain *chain, struct clientid__draft_list *list,
                          struct clientid__pool *pool, clientid_str api,
                          const struct clientid__answers *answers, enum clientid__strip strip)
{
    struct stripping stripping = {.mode = strip};
    struct clientid__answers full = *answers;

    gather(list, &stripping, &full);
    chain->answers = clientid__pool_answers(pool, &full);
    if (chain->answers == NULL)
        return CLIENTID_ERR_NOMEM;
    for (size_t i = 0; i < list->count; i++) {
        if (list->drafts[i].disabled)
            continue;
        if (take_draft(chain, &list->drafts[i], pool, api) != 0)
            return CLIENTID_ERR_NOMEM;
    }
    sort_by_order(chain);
    return 0;
}
