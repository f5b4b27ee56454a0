/* SPDX-License-Identifier: Apache-2.0 */
/* A limit that the cells cannot keep is refused here, not at the first request. */
#include "base/mem.h"
#include "policy/duration.h"
#include "policy/policy_json.h"

static int read_algorithm(const struct clientid__reading *reading,
                          const struct clientid__node *node)
{
    /* In the order of clientid_algorithm. */
    static const char *const names[] = {"fixed-window", "sliding-window", "token-bucket", NULL};
    struct clientid__policy *policy = &reading->draft->policy;
    unsigned chosen = (unsigned)reading->asset->algorithm - CLIENTID_FIXED_WINDOW;
    int rv;

    if ((rv = clientid__read_choice(node, "algorithm", names, &chosen)) != 0 ||
        (rv = clientid__read_integer(node, "burst", 1, UINT32_MAX, &policy->burst)) != 0)
        return rv;
    policy->algorithm = (clientid_algorithm)(chosen + CLIENTID_FIXED_WINDOW);
    if (policy->burst > 0 && policy->algorithm != CLIENTID_TOKEN_BUCKET)
        return clientid__node_fail_key(node, "burst", "only \"token-bucket\" has a burst");
    return 0;
}

static int add_rule(const struct clientid__reading *reading, const struct clientid__node *node,
                    uint64_t maximum, uint64_t period_ms)
{
    struct clientid__policy *policy = &reading->draft->policy;
    struct clientid__rule *rule = &policy->rules[policy->rule_count];
    clientid_error error = {.code = 0};
    int rv = clientid__rule_init(rule, policy->algorithm, maximum, period_ms, policy->burst,
                                 policy->identity, &error);

    if (rv != 0)
        return clientid__node_fail(node, "%s", error.text);
    for (size_t i = 0; i < policy->rule_count; i++)
        if (policy->rules[i].period_ns == rule->period_ns)
            return clientid__node_fail(node, "another limit of this policy has the same period");
    policy->rule_count++;
    return 0;
}

static int allocate_rules(const struct clientid__reading *reading, size_t count)
{
    struct clientid__policy *policy = &reading->draft->policy;

    policy->rules = clientid__alloc(reading->mem, count, sizeof(*policy->rules));
    return policy->rules == NULL ? CLIENTID_ERR_NOMEM : 0;
}

static int read_exported_limit(const struct clientid__reading *reading,
                               const struct clientid__node *entry)
{
    static const struct clientid__key keys[] = {{"maximumRequests", CLIENTID__IN_ALL},
                                                {"timePeriodInMilliseconds", CLIENTID__IN_ALL}};
    uint64_t maximum = 0, period_ms = 0;
    int rv;

    if ((rv = clientid__node_expect(entry, JSON_OBJECT, "an object")) != 0 ||
        (rv = CLIENTID__NODE_KEYS(entry, keys, CLIENTID__IN_ALL)) != 0 ||
        (rv = clientid__read_integer(entry, keys[0].name, 1, INT64_MAX, &maximum)) != 0 ||
        (rv = clientid__read_integer(entry, keys[1].name, 1, INT64_MAX, &period_ms)) != 0)
        return rv;
    if (maximum == 0 || period_ms == 0)
        return clientid__node_fail(entry, "expected \"maximumRequests\" and "
                                          "\"timePeriodInMilliseconds\"");
    return add_rule(reading, entry, maximum, period_ms);
}

static int read_short_limit(const struct clientid__reading *reading,
                            const struct clientid__node *entry)
{
    uint64_t maximum, period_ms;

    if (!json_is_string(entry->value) ||
        clientid__limit_parse(clientid__node_text(entry), &maximum, &period_ms) != 0)
        return clientid__node_fail(entry, "expected a limit such as \"100/1m\" or \"5/s\"");
    return add_rule(reading, entry, maximum, period_ms);
}

typedef int limit_fn(const struct clientid__reading *reading, const struct clientid__node *entry);

static int read_limits(const struct clientid__reading *reading, const struct clientid__node *node,
                       const char *key, limit_fn *read_limit)
{
    struct clientid__node array;
    size_t count;
    int rv;

    if (!clientid__node_child(node, key, &array))
        return clientid__node_fail(node, "\"%s\" is missing", key);
    count = json_is_array(array.value) ? json_array_size(array.value) : 0;
    if (count < 1 || count > CLIENTID_LIMITS_MAX)
        return clientid__node_fail(&array, "expected an array of 1 to %d limits",
                                   CLIENTID_LIMITS_MAX);
    rv = allocate_rules(reading, count);
    for (size_t i = 0; i < count && rv == 0; i++) {
        struct clientid__node entry = clientid__node_item(&array, i);

        rv = read_limit(reading, &entry);
    }
    return rv;
}

static int read_key(const struct clientid__reading *reading, const struct clientid__node *node,
                    const char *key)
{
    bool given;

    return clientid__expression_read(node, key, &reading->draft->policy.key, &given);
}

/* Anypoint's limit of spike control is its only one and has defaults. */
static int read_exported_spike(const struct clientid__reading *reading,
                               const struct clientid__node *node)
{
    uint64_t maximum = 1, period_ms = 1000;
    int rv;

    if ((rv = clientid__read_integer(node, "maximumRequests", 1, INT64_MAX, &maximum)) != 0 ||
        (rv = clientid__read_integer(node, "timePeriodInMilliseconds", 1, INT64_MAX, &period_ms)) !=
            0 ||
        (rv = allocate_rules(reading, 1)) != 0)
        return rv;
    return add_rule(reading, node, maximum, period_ms);
}

static int read_short_spike(const struct clientid__reading *reading,
                            const struct clientid__node *node)
{
    struct clientid__node limit;
    int rv;

    if (!clientid__node_child(node, "limit", &limit))
        return clientid__node_fail(node, "\"limit\" is missing");
    if ((rv = allocate_rules(reading, 1)) != 0)
        return rv;
    return read_short_limit(reading, &limit);
}

enum { DELAY_MAX_MS = 3600000, ATTEMPTS_MAX = 1000, QUEUE_MAX = 1000000 };

static int finish_delays(const struct clientid__reading *reading, const struct clientid__node *node,
                         const char *delay_key, uint64_t attempts, uint64_t queue)
{
    struct clientid__policy *policy = &reading->draft->policy;

    if (policy->delay_ns > DELAY_MAX_MS * UINT64_C(1000000) ||
        (policy->delay_ns == 0 && attempts > 0))
        return clientid__node_fail_key(node, delay_key,
                                       "expected a delay above zero and up to an hour");
    policy->delay_attempts = (uint32_t)attempts;
    policy->queuing_limit = (uint32_t)queue;
    return 0;
}

static int read_exported_delays(const struct clientid__reading *reading,
                                const struct clientid__node *node)
{
    uint64_t delay_ms = 1000, attempts = 1, queue = reading->asset->queuing_limit;
    int rv;

    if ((rv = clientid__read_integer(node, "delayTimeInMillis", 0, DELAY_MAX_MS, &delay_ms)) != 0 ||
        (rv = clientid__read_integer(node, "delayAttempts", 0, ATTEMPTS_MAX, &attempts)) != 0 ||
        (rv = clientid__read_integer(node, "queuingLimit", 0, QUEUE_MAX, &queue)) != 0)
        return rv;
    reading->draft->policy.delay_ns = delay_ms * 1000000;
    return finish_delays(reading, node, "delayTimeInMillis", attempts, queue);
}

static int read_short_delays(const struct clientid__reading *reading,
                             const struct clientid__node *node)
{
    uint64_t attempts = 1, queue = reading->asset->queuing_limit;
    int rv;

    reading->draft->policy.delay_ns = UINT64_C(1000000000);
    if ((rv = clientid__read_duration(node, "delay", &reading->draft->policy.delay_ns)) != 0 ||
        (rv = clientid__read_integer(node, "attempts", 0, ATTEMPTS_MAX, &attempts)) != 0 ||
        (rv = clientid__read_integer(node, "queue", 0, QUEUE_MAX, &queue)) != 0)
        return rv;
    return finish_delays(reading, node, "delay", attempts, queue);
}

static int read_clusterizable(const struct clientid__node *configuration)
{
    struct clientid__node node;
    bool clusterizable;

    if (!clientid__node_child(configuration, "clusterizable", &node))
        return 0;
    clientid__node_warn(configuration, "clusterizable",
                        "has no effect: limits hold for the processes that share a limits table, "
                        "not for a cluster");
    return clientid__read_bool(configuration, "clusterizable", &clusterizable);
}

int clientid__limits_read_exported(const struct clientid__reading *reading,
                                   const struct clientid__node *node,
                                   const struct clientid__node *configuration)
{
    int rv;

    if ((rv = read_algorithm(reading, node)) != 0 ||
        (rv = clientid__read_bool(configuration, "exposeHeaders",
                                  &reading->draft->policy.expose_headers)) != 0 ||
        (rv = read_clusterizable(configuration)) != 0)
        return rv;
    if (reading->asset->where == CLIENTID__IN_RATE) {
        if ((rv = read_key(reading, configuration, "keySelector")) != 0)
            return rv;
        return read_limits(reading, configuration, "rateLimits", read_exported_limit);
    }
    if (reading->asset->where == CLIENTID__IN_SPIKE &&
        (rv = read_exported_spike(reading, configuration)) != 0)
        return rv;
    return reading->asset->where & CLIENTID__IN_DELAYS
               ? read_exported_delays(reading, configuration)
               : 0;
}

int clientid__limits_read_short(const struct clientid__reading *reading,
                                const struct clientid__node *node)
{
    int rv;

    if ((rv = read_algorithm(reading, node)) != 0 ||
        (rv = clientid__read_bool(node, "exposeHeaders", &reading->draft->policy.expose_headers)) !=
            0)
        return rv;
    if (reading->asset->where == CLIENTID__IN_RATE) {
        if ((rv = read_key(reading, node, "key")) != 0)
            return rv;
        return read_limits(reading, node, "limits", read_short_limit);
    }
    if (reading->asset->where == CLIENTID__IN_SPIKE && (rv = read_short_spike(reading, node)) != 0)
        return rv;
    return reading->asset->where & CLIENTID__IN_DELAYS ? read_short_delays(reading, node) : 0;
}
