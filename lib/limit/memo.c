/* SPDX-License-Identifier: Apache-2.0 */
#include "limit/memo.h"

#include "base/hash.h"

int clientid__memo_rule(struct clientid__memo *memo, struct clientid__rule *rule,
                        clientid_algorithm algorithm, uint64_t maximum, uint64_t period_ms,
                        uint64_t burst, uint64_t policy)
{
    const uint64_t spread = clientid__mix64(policy + maximum * 3 + period_ms + (uint64_t)algorithm);
    const size_t i = spread % CLIENTID__MEMO_RULES;
    int rv;

    if (memo->of[i].maximum == maximum && memo->of[i].period_ms == period_ms &&
        memo->of[i].policy == policy && memo->of[i].burst == burst &&
        memo->of[i].algorithm == algorithm && maximum != 0) {
        *rule = memo->of[i].rule;
        return 0;
    }
    rv = clientid__rule_init(rule, algorithm, maximum, period_ms, burst, policy, NULL);
    if (rv != 0)
        return rv;
    memo->of[i].maximum = maximum;
    memo->of[i].period_ms = period_ms;
    memo->of[i].burst = burst;
    memo->of[i].policy = policy;
    memo->of[i].algorithm = algorithm;
    memo->of[i].rule = *rule;
    return 0;
}
