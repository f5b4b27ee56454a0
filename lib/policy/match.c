/* SPDX-License-Identifier: Apache-2.0 */
/* A policy applies when any reading of the path matches, and when the readings cannot all be known. */
#include "base/str.h"
#include "policy/path.h"
#include "policy/pointcut.h"
#include "policy/policy.h"

/* One request in one reading. */
struct subject {
    clientid_str method;
    clientid_str path;
    struct clientid__match_data *data;
};

/* Many upstreams take /orders/ for /orders. */
static bool path_matches(const struct clientid__pattern *pattern, const struct subject *subject)
{
    clientid_str path = subject->path;

    if (clientid__pattern_matches(pattern, subject->data, path))
        return true;
    if (path.len < 2 || path.ptr[path.len - 1] != '/')
        return false;
    path.len--;
    return clientid__pattern_matches(pattern, subject->data, path);
}

static bool policy_matches(const struct clientid__policy *policy, const struct subject *subject)
{
    for (size_t i = 0; i < policy->pointcut_count; i++) {
        const struct clientid__pointcut *pointcut = &policy->pointcuts[i];

        if (clientid__pattern_matches(&pointcut->method, subject->data, subject->method) &&
            path_matches(&pointcut->path, subject))
            return true;
    }
    return false;
}

static uint32_t all_policies(const struct clientid__chain *chain)
{
    return (uint32_t)((UINT64_C(1) << chain->policy_count) - 1);
}

static uint32_t without_pointcut(const struct clientid__chain *chain)
{
    uint32_t mask = 0;

    for (size_t i = 0; i < chain->policy_count; i++)
        if (chain->policies[i].pointcut_count == 0)
            mask |= UINT32_C(1) << i;
    return mask;
}

/* |mask| and the policies outside it that match |subject|. */
static uint32_t add_matching(const struct clientid__chain *chain, uint32_t mask,
                             const struct subject *subject)
{
    for (size_t i = 0; i < chain->policy_count; i++)
        if ((mask >> i & 1) == 0 && policy_matches(&chain->policies[i], subject))
            mask |= UINT32_C(1) << i;
    return mask;
}

uint32_t clientid__chain_match(const struct clientid__chain *chain,
                               struct clientid__match_data *data, clientid_str method,
                               clientid_str path, struct clientid__scratch *scratch)
{
    struct subject subject = {method, path, data};
    uint32_t all = all_policies(chain), mask = without_pointcut(chain);
    enum clientid__path_kind kind;

    if (mask == all)
        return all;
    /* Readings are used up here: they may lie where credentials will. */
    kind = path.len <= scratch->left ? clientid__path_survey(path) : CLIENTID__PATH_OPAQUE;
    if (kind == CLIENTID__PATH_OPAQUE)
        return all;
    mask = add_matching(chain, mask, &subject);
    if (kind == CLIENTID__PATH_PLAIN || mask == all)
        return mask;
    subject.path = clientid__path_collapsed(path, scratch->next);
    mask = add_matching(chain, mask, &subject);
    if (kind == CLIENTID__PATH_ESCAPED || mask == all)
        return mask;
    subject.path = clientid__path_preserved(path, scratch->next);
    return add_matching(chain, mask, &subject);
}
