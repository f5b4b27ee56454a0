/* SPDX-License-Identifier: Apache-2.0 */
/* Every key of a policy is read, ignored by a written list, or an error: none is without effect by mistake. */
#include "policy/policy_json.h"

#include "base/error.h"
#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"
#include "policy/duration.h"
#include "policy/pointcut.h"

#include <limits.h>
#include <stdio.h>

/* Cells are found by it: another seed would lose every client's quota. */
#define LABEL_SEED UINT64_C(0x636c69656e746964)

enum {
    CIE = 1,
    RATE_SLA = 2,
    THROTTLE_SLA = 4,
    RATE = 8,
    SPIKE = 16,
    ALL = 31,
    CREDENTIALS = CIE | RATE_SLA | THROTTLE_SLA,
    LIMITS = RATE_SLA | THROTTLE_SLA | RATE | SPIKE,
    DELAYS = THROTTLE_SLA | SPIKE
};

struct asset {
    const char *name;
    enum clientid__policy_type type;
    unsigned where;
    clientid_algorithm algorithm; /* Anypoint's, design.md section 4.4 */
    uint64_t queuing_limit;
};

/* A throttling queue of 0 would make it rate limiting; Anypoint documents no default. */
static const struct asset assets[] = {
    {"client-id-enforcement", CLIENTID__CLIENT_ID_ENFORCEMENT, CIE, CLIENTID_FIXED_WINDOW, 0},
    {"rate-limiting-sla-based", CLIENTID__RATE_LIMITING_SLA, RATE_SLA, CLIENTID_FIXED_WINDOW, 0},
    {"throttling-sla-based", CLIENTID__THROTTLING_SLA, THROTTLE_SLA, CLIENTID_FIXED_WINDOW, 1000},
    {"rate-limiting", CLIENTID__RATE_LIMITING, RATE, CLIENTID_FIXED_WINDOW, 0},
    {"spike-control", CLIENTID__SPIKE_CONTROL, SPIKE, CLIENTID_SLIDING_WINDOW, 0},
};

enum { ASSETS = sizeof(assets) / sizeof(assets[0]) };

static const struct clientid__key short_keys[] = {
    {"policy", ALL},        {"name", ALL},           {"order", ALL},
    {"disabled", ALL},      {"mode", ALL},           {"match", ALL},
    {"id", CREDENTIALS},    {"secret", CREDENTIALS}, {"basic", CREDENTIALS},
    {"realm", CREDENTIALS}, {"plus", CREDENTIALS},   {"urldecode", CREDENTIALS},
    {"limits", RATE},       {"key", RATE},           {"unpadded", CREDENTIALS},
    {"limit", SPIKE},       {"algorithm", LIMITS},   {"exposeHeaders", LIMITS},
    {"burst", LIMITS},      {"delay", DELAYS},       {"attempts", DELAYS},
    {"queue", DELAYS},
};

/* The envelope of an exported policy. */
static const struct clientid__key exported_keys[] = {
    /* read */
    {"assetId", ALL},
    {"template", ALL},
    {"policyTemplateId", ALL},
    {"policyId", ALL},
    {"configurationData", ALL},
    {"configuration", ALL},
    {"config", ALL},
    {"order", ALL},
    {"disabled", ALL},
    {"pointcutData", ALL},
    /* ours */
    {"name", ALL},
    {"mode", ALL},
    {"algorithm", LIMITS},
    {"burst", LIMITS},
    /* ignored: who made it, when, for which instance */
    {"api", ALL},
    {"apiId", ALL},
    {"apiVersionId", ALL},
    {"assetVersion", ALL},
    {"audit", ALL},
    {"environmentId", ALL},
    {"groupId", ALL},
    {"id", ALL},
    {"implementationAsset", ALL},
    {"implementationAssets", ALL},
    {"masterOrganizationId", ALL},
    {"organizationId", ALL},
    {"type", ALL},
    {"version", ALL},
};

static const struct clientid__key configuration_keys[] = {
    {"credentialsOriginHasHttpBasicAuthenticationHeader", CREDENTIALS},
    {"credentialsOrigin", CREDENTIALS}, /* Mule 3 */
    {"clientIdExpression", CREDENTIALS},
    {"clientSecretExpression", CREDENTIALS},
    {"rateLimits", RATE},
    {"keySelector", RATE},
    {"maximumRequests", SPIKE},
    {"timePeriodInMilliseconds", SPIKE},
    {"delayTimeInMillis", DELAYS},
    {"delayAttempts", DELAYS},
    {"queuingLimit", DELAYS},
    {"exposeHeaders", LIMITS},
    {"clusterizable", LIMITS},
};

#define CHECK_KEYS(node, table, where)                                                             \
    clientid__node_keys(node, table, sizeof(table) / sizeof((table)[0]), where)

/* What is being read. */
struct reading {
    const clientid_allocator *mem;
    struct clientid__pool *pool;
    const struct clientid__draft_list *before;
    const struct asset *asset;
    struct clientid__draft *draft;
};

/* ---- what all policies share ----------------------------------------------------------------- */

static bool is_label(clientid_str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];

        if (!((c >= '0' && c <= '9') || (clientid__lower(c) >= 'a' && clientid__lower(c) <= 'z') ||
              c == '.' || c == '_' || c == '-'))
            return false;
    }
    return text.len >= 1 && text.len <= 64;
}

/* Disabled policies count, so that to enable one renames no other. */
static void default_label(const struct reading *reading, char *out, size_t room)
{
    size_t nth = 1;

    for (size_t i = 0; i < reading->before->count; i++)
        nth += reading->before->drafts[i].policy.type == reading->asset->type;
    if (nth == 1)
        snprintf(out, room, "%s", reading->asset->name);
    else
        snprintf(out, room, "%s-%zu", reading->asset->name, nth);
}

static int read_label(const struct reading *reading, const struct clientid__node *node)
{
    struct clientid__policy *policy = &reading->draft->policy;
    clientid_str label = {NULL, 0};
    char generated[64];
    int rv = clientid__read_text(node, "name", &label);

    if (rv != 0)
        return rv;
    if (label.len > 0 && !is_label(label))
        return clientid__node_fail_key(node, "name",
                                       "expected 1 to 64 letters, digits, '.', '_' or '-'");
    if (label.len == 0) {
        default_label(reading, generated, sizeof(generated));
        label = clientid__cstr(generated);
    }
    for (size_t i = 0; i < reading->before->count; i++)
        if (clientid__str_eq(reading->before->drafts[i].policy.label, label))
            return clientid__node_fail_key(node, "name",
                                           "another policy of this API instance is named \"%.*s\"",
                                           (int)label.len, label.ptr);
    policy->label = clientid__pool_text(reading->pool, label);
    policy->identity = clientid__hash64(label.ptr, label.len, LABEL_SEED);
    return policy->label.ptr == NULL ? CLIENTID_ERR_NOMEM : 0;
}

static int read_shared(const struct reading *reading, const struct clientid__node *node)
{
    static const char *const modes[] = {"enforce", "shadow", NULL};
    struct clientid__policy *policy = &reading->draft->policy;
    uint64_t order = 0;
    unsigned mode = 0;
    int rv;

    policy->type = reading->asset->type;
    if ((rv = read_label(reading, node)) != 0 ||
        (rv = clientid__read_integer(node, "order", 0, INT_MAX, &order)) != 0 ||
        (rv = clientid__read_bool(node, "disabled", &reading->draft->disabled)) != 0 ||
        (rv = clientid__read_choice(node, "mode", modes, &mode)) != 0)
        return rv;
    policy->order = (int)order;
    policy->shadow = mode == 1;
    return 0;
}

static int read_algorithm(const struct reading *reading, const struct clientid__node *node)
{
    static const char *const names[] = {"fixed-window", "sliding-window", "token-bucket", NULL};
    static const clientid_algorithm algorithms[] = {CLIENTID_FIXED_WINDOW, CLIENTID_SLIDING_WINDOW,
                                                    CLIENTID_TOKEN_BUCKET};
    struct clientid__policy *policy = &reading->draft->policy;
    unsigned chosen = 0;
    int rv;

    while (algorithms[chosen] != reading->asset->algorithm)
        chosen++;
    if ((rv = clientid__read_choice(node, "algorithm", names, &chosen)) != 0 ||
        (rv = clientid__read_integer(node, "burst", 1, UINT32_MAX, &policy->burst)) != 0)
        return rv;
    policy->algorithm = algorithms[chosen];
    if (policy->burst > 0 && policy->algorithm != CLIENTID_TOKEN_BUCKET)
        return clientid__node_fail_key(node, "burst", "only \"token-bucket\" has a burst");
    return 0;
}

/* ---- pointcuts ------------------------------------------------------------------------------- */

static int read_pattern(const struct reading *reading, const struct clientid__node *entry,
                        const char *key, struct clientid__pattern *pattern)
{
    char reason[CLIENTID__PATTERN_REASON] = "";
    clientid_str text = {NULL, 0};
    size_t offset = 0;
    int rv = clientid__read_text(entry, key, &text);

    if (rv != 0 || text.len == 0)
        return rv;
    rv = clientid__pattern_init(pattern, reading->mem, text, &offset, reason);
    if (rv == CLIENTID_ERR_SYNTAX)
        return clientid__node_fail_key(entry, key, "regular expression, at offset %zu: %s", offset,
                                       reason);
    if (memchr(text.ptr, '%', text.len) != NULL)
        clientid__node_warn(entry, key,
                            "'%' is only seen in a path as it came; write the character itself, "
                            "which every spelling of it matches");
    return rv;
}

static int read_pointcut(const struct reading *reading, const struct clientid__node *entry,
                         const struct clientid__key keys[2], struct clientid__pointcut *pointcut)
{
    struct clientid__node method, path;
    int rv;

    if ((rv = clientid__node_expect(entry, JSON_OBJECT, "an object")) != 0 ||
        (rv = clientid__node_keys(entry, keys, 2, ALL)) != 0)
        return rv;
    if (!clientid__node_child(entry, keys[0].name, &method) &&
        !clientid__node_child(entry, keys[1].name, &path))
        return clientid__node_fail(entry, "expected \"%s\", \"%s\" or both", keys[0].name,
                                   keys[1].name);
    if ((rv = read_pattern(reading, entry, keys[0].name, &pointcut->method)) != 0)
        return rv;
    return read_pattern(reading, entry, keys[1].name, &pointcut->path);
}

/* |keys| are those of method and path.  An empty list is no restriction, as null. */
static int read_pointcuts(const struct reading *reading, const struct clientid__node *node,
                          const char *key, const struct clientid__key keys[2])
{
    struct clientid__policy *policy = &reading->draft->policy;
    struct clientid__node array;
    size_t count;
    int rv = 0;

    if (!clientid__node_child(node, key, &array))
        return 0;
    if ((rv = clientid__node_expect(&array, JSON_ARRAY, "an array")) != 0)
        return rv;
    count = json_array_size(array.value);
    if (count > CLIENTID__POINTCUTS_MAX)
        return clientid__node_fail(&array, "more than %d entries", CLIENTID__POINTCUTS_MAX);
    if (count == 0)
        return 0;
    policy->pointcuts = clientid__alloc(reading->mem, count, sizeof(*policy->pointcuts));
    if (policy->pointcuts == NULL)
        return CLIENTID_ERR_NOMEM;
    policy->pointcut_count = count;
    for (size_t i = 0; i < count && rv == 0; i++) {
        struct clientid__node entry = clientid__node_item(&array, i);

        rv = read_pointcut(reading, &entry, keys, &policy->pointcuts[i]);
    }
    return rv;
}

/* ---- credentials ----------------------------------------------------------------------------- */

static int parse_expression(const struct clientid__node *object, const char *key, clientid_str text,
                            struct clientid__expression *out)
{
    size_t position = 0;

    if (clientid__expression_parse(text, out, &position) == 0)
        return 0;
    return clientid__node_fail_key(object, key,
                                   "expression, at offset %zu: expected such as "
                                   "#[attributes.headers['name']] or header:name",
                                   position);
}

/* Blank is absent: |*given| tells. */
static int read_expression(const struct clientid__node *object, const char *key,
                           struct clientid__expression *out, bool *given)
{
    struct clientid__node node;
    clientid_str text;

    *given = false;
    if (!clientid__node_child(object, key, &node))
        return 0;
    if (!json_is_string(node.value))
        return clientid__node_fail(&node, "expected a string");
    text = clientid__trim_ows(clientid__node_text(&node));
    if (text.len == 0)
        return 0;
    *given = true;
    return parse_expression(object, key, text, out);
}

static bool reads_header_or_query(enum clientid__carrier carrier)
{
    return carrier == CLIENTID__HEADER || carrier == CLIENTID__QUERY || carrier == CLIENTID__ANY;
}

/* One value as id and secret would make every known id its own secret. */
static bool same_place(const struct clientid__expression *a, const struct clientid__expression *b)
{
    bool carriers = a->carrier == b->carrier ||
                    (a->carrier == CLIENTID__ANY && reads_header_or_query(b->carrier)) ||
                    (b->carrier == CLIENTID__ANY && reads_header_or_query(a->carrier));

    return a->carrier != CLIENTID__NOWHERE && carriers &&
           clientid__str_case_eq(clientid__expression_name(a), clientid__expression_name(b));
}

static int finish_credentials(const struct reading *reading, const struct clientid__node *object,
                              const char *secret_key)
{
    struct clientid__draft *draft = reading->draft;
    const struct clientid__spec *spec = &draft->spec;

    if (same_place(&spec->id, &spec->secret))
        return clientid__node_fail_key(object, secret_key,
                                       "client id and secret are read from the same place");
    draft->policy.needs_contract = true;
    draft->policy.needs_secret =
        (spec->flags & CLIENTID__SPEC_BASIC) != 0 || spec->secret.carrier != CLIENTID__NOWHERE;
    if (draft->realm.len == 0)
        draft->realm = CLIENTID_STR("mule-realm");
    return 0;
}

static int read_origin(const struct clientid__node *configuration, unsigned *basic)
{
    static const char *const mule4[] = {"customExpression", "httpBasicAuthenticationHeader", NULL};
    static const char *const mule3[] = {"customExpression", "httpAuthorizationHeader", NULL};
    static const char mule4_key[] = "credentialsOriginHasHttpBasicAuthenticationHeader";
    struct clientid__node one, other;
    int rv;

    if (clientid__node_child(configuration, mule4_key, &one) &&
        clientid__node_child(configuration, "credentialsOrigin", &other))
        return clientid__node_fail(&other, "given twice, also as \"%s\"", mule4_key);
    if ((rv = clientid__read_choice(configuration, mule4_key, mule4, basic)) != 0)
        return rv;
    return clientid__read_choice(configuration, "credentialsOrigin", mule3, basic);
}

/* In Basic mode the expressions are ignored, though clients had to send one until release 1.3.1. */
static int read_exported_credentials(const struct reading *reading,
                                     const struct clientid__node *configuration)
{
    struct clientid__spec *spec = &reading->draft->spec;
    unsigned basic = 0;
    bool given;
    int rv = read_origin(configuration, &basic);

    if (rv != 0)
        return rv;
    if (basic) {
        spec->flags = CLIENTID__SPEC_BASIC;
        return finish_credentials(reading, configuration, "");
    }
    spec->flags = CLIENTID__SPEC_EXPRESSIONS;
    if ((rv = read_expression(configuration, "clientIdExpression", &spec->id, &given)) != 0)
        return rv;
    if (!given && (rv = parse_expression(configuration, "clientIdExpression",
                                         CLIENTID_STR("header:client_id"), &spec->id)) != 0)
        return rv;
    if ((rv = read_expression(configuration, "clientSecretExpression", &spec->secret, &given)) != 0)
        return rv;
    return finish_credentials(reading, configuration, "clientSecretExpression");
}

/* What stands between the quotes of a challenge without an escape (RFC 9110 section 5.6.4). */
static bool is_realm(clientid_str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < ' ' || text.ptr[i] > '~' || text.ptr[i] == '"' || text.ptr[i] == '\\')
            return false;
    return text.len <= 64;
}

static int read_basic(const struct reading *reading, const struct clientid__node *node, bool basic)
{
    static const char *const basic_keys[] = {"realm", "urldecode", "unpadded"};
    struct clientid__draft *draft = reading->draft;
    bool urldecode = false, unpadded = false;
    struct clientid__node child;
    int rv;

    for (size_t i = 0; i < sizeof(basic_keys) / sizeof(basic_keys[0]) && !basic; i++)
        if (clientid__node_child(node, basic_keys[i], &child))
            return clientid__node_fail(&child, "only with \"basic\": true");
    if ((rv = clientid__read_text(node, "realm", &draft->realm)) != 0 ||
        (rv = clientid__read_bool(node, "urldecode", &urldecode)) != 0 ||
        (rv = clientid__read_bool(node, "unpadded", &unpadded)) != 0)
        return rv;
    if (!is_realm(draft->realm))
        return clientid__node_fail_key(
            node, "realm", "expected up to 64 printable characters without '\"' and '\\'");
    draft->spec.flags |= (basic ? CLIENTID__SPEC_BASIC : 0) |
                         (urldecode ? CLIENTID__SPEC_URLDECODE : 0) |
                         (unpadded ? CLIENTID__SPEC_UNPADDED : 0);
    return 0;
}

/* Neither id nor Basic: Anypoint's headers.  Both: both must agree, so both need all parts. */
static int check_sources(const struct reading *reading, const struct clientid__node *node, bool id,
                         bool secret)
{
    struct clientid__spec *spec = &reading->draft->spec;
    bool basic = (spec->flags & CLIENTID__SPEC_BASIC) != 0;
    int rv;

    if (secret && !id)
        return clientid__node_fail_key(node, "secret", "needs \"id\"");
    if (basic && id && !secret)
        return clientid__node_fail_key(
            node, "secret", "needed when \"id\" stands beside \"basic\": both carry both");
    if (basic && !id)
        return 0;
    spec->flags |= CLIENTID__SPEC_EXPRESSIONS;
    if (id)
        return 0;
    if ((rv = parse_expression(node, "id", CLIENTID_STR("header:client_id"), &spec->id)) != 0)
        return rv;
    return parse_expression(node, "secret", CLIENTID_STR("header:client_secret"), &spec->secret);
}

static int read_short_credentials(const struct reading *reading, const struct clientid__node *node)
{
    static const char *const plus_names[] = {"space", "literal", NULL};
    struct clientid__spec *spec = &reading->draft->spec;
    bool basic = false, id = false, secret = false;
    struct clientid__node blank;
    unsigned plus = 0;
    int rv;

    if ((rv = clientid__read_bool(node, "basic", &basic)) != 0 ||
        (rv = read_basic(reading, node, basic)) != 0 ||
        (rv = clientid__read_choice(node, "plus", plus_names, &plus)) != 0 ||
        (rv = read_expression(node, "id", &spec->id, &id)) != 0 ||
        (rv = read_expression(node, "secret", &spec->secret, &secret)) != 0)
        return rv;
    /* An id left blank must not turn into the default silently, nor a secret into a demand for one. */
    if (!id && clientid__node_child(node, "id", &blank))
        return clientid__node_fail(&blank, "expected an expression");
    if (!id && clientid__node_child(node, "secret", &blank))
        return clientid__node_fail(&blank, "needs \"id\"");
    if (plus == 1)
        spec->flags |= CLIENTID__SPEC_PLUS;
    if ((rv = check_sources(reading, node, id, secret)) != 0)
        return rv;
    return finish_credentials(reading, node, "secret");
}

/* ---- limits ---------------------------------------------------------------------------------- */

static int add_rule(const struct reading *reading, const struct clientid__node *node,
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

static int allocate_rules(const struct reading *reading, size_t count)
{
    struct clientid__policy *policy = &reading->draft->policy;

    policy->rules = clientid__alloc(reading->mem, count, sizeof(*policy->rules));
    return policy->rules == NULL ? CLIENTID_ERR_NOMEM : 0;
}

static int read_exported_limit(const struct reading *reading, const struct clientid__node *entry)
{
    static const struct clientid__key keys[] = {{"maximumRequests", ALL},
                                                {"timePeriodInMilliseconds", ALL}};
    uint64_t maximum = 0, period_ms = 0;
    int rv;

    if ((rv = clientid__node_expect(entry, JSON_OBJECT, "an object")) != 0 ||
        (rv = CHECK_KEYS(entry, keys, ALL)) != 0 ||
        (rv = clientid__read_integer(entry, keys[0].name, 1, INT64_MAX, &maximum)) != 0 ||
        (rv = clientid__read_integer(entry, keys[1].name, 1, INT64_MAX, &period_ms)) != 0)
        return rv;
    if (maximum == 0 || period_ms == 0)
        return clientid__node_fail(entry, "expected \"maximumRequests\" and "
                                          "\"timePeriodInMilliseconds\"");
    return add_rule(reading, entry, maximum, period_ms);
}

static int read_short_limit(const struct reading *reading, const struct clientid__node *entry)
{
    uint64_t maximum, period_ms;

    if (!json_is_string(entry->value) ||
        clientid__limit_parse(clientid__node_text(entry), &maximum, &period_ms) != 0)
        return clientid__node_fail(entry, "expected a limit such as \"100/1m\" or \"5/s\"");
    return add_rule(reading, entry, maximum, period_ms);
}

typedef int limit_fn(const struct reading *reading, const struct clientid__node *entry);

static int read_limits(const struct reading *reading, const struct clientid__node *node,
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

static int read_key(const struct reading *reading, const struct clientid__node *node,
                    const char *key)
{
    bool given;

    return read_expression(node, key, &reading->draft->policy.key, &given);
}

/* Anypoint's limit of spike control is its only one and has defaults. */
static int read_exported_spike(const struct reading *reading, const struct clientid__node *node)
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

static int read_short_spike(const struct reading *reading, const struct clientid__node *node)
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

static int finish_delays(const struct reading *reading, const struct clientid__node *node,
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

static int read_exported_delays(const struct reading *reading, const struct clientid__node *node)
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

static int read_short_delays(const struct reading *reading, const struct clientid__node *node)
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

/* ---- the two forms --------------------------------------------------------------------------- */

static const struct asset *find_asset(clientid_str name)
{
    static const char *const suffixes[] = {"-mule", "-flex"};

    for (size_t i = 0; i < sizeof(suffixes) / sizeof(suffixes[0]); i++) {
        clientid_str suffix = clientid__cstr(suffixes[i]);

        if (name.len > suffix.len &&
            memcmp(name.ptr + name.len - suffix.len, suffix.ptr, suffix.len) == 0)
            name.len -= suffix.len;
    }
    for (size_t i = 0; i < ASSETS; i++)
        if (clientid__str_eq(name, clientid__cstr(assets[i].name)))
            return &assets[i];
    return NULL;
}

static int fail_asset(const struct clientid__node *node)
{
    return clientid__node_fail(node, "unknown policy; known are %s, %s, %s, %s and %s",
                               assets[0].name, assets[1].name, assets[2].name, assets[3].name,
                               assets[4].name);
}

/* Ids of templates and policies are numbers, also as text; older exports name the policy there. */
static bool is_name(const struct clientid__node *node)
{
    const char *text = json_string_value(node->value);

    return text != NULL && text[strspn(text, "0123456789")] != '\0';
}

static bool exported_name(const struct clientid__node *node, struct clientid__node *template_node,
                          struct clientid__node *name)
{
    if (clientid__node_child(node, "assetId", name))
        return true;
    if (clientid__node_child(node, "template", template_node) &&
        clientid__node_child(template_node, "assetId", name))
        return true;
    if (clientid__node_child(node, "policyTemplateId", name) && is_name(name))
        return true;
    return clientid__node_child(node, "policyId", name) && is_name(name);
}

static int exported_configuration(const struct clientid__node *node, struct clientid__node *out)
{
    static const char *const names[] = {"configurationData", "configuration", "config"};
    struct clientid__node found;
    bool given = false;

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        if (!clientid__node_child(node, names[i], &found))
            continue;
        if (given)
            return clientid__node_fail(&found, "given twice, also as \"%s\"", out->key);
        *out = found;
        given = true;
    }
    if (!given)
        return clientid__node_fail(node, "\"%s\" is missing", names[0]);
    return clientid__node_expect(out, JSON_OBJECT, "an object");
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

static int read_exported_limits(const struct reading *reading, const struct clientid__node *node,
                                const struct clientid__node *configuration)
{
    int rv;

    if ((rv = read_algorithm(reading, node)) != 0 ||
        (rv = clientid__read_bool(configuration, "exposeHeaders",
                                  &reading->draft->policy.expose_headers)) != 0 ||
        (rv = read_clusterizable(configuration)) != 0)
        return rv;
    if (reading->asset->where == RATE) {
        if ((rv = read_key(reading, configuration, "keySelector")) != 0)
            return rv;
        return read_limits(reading, configuration, "rateLimits", read_exported_limit);
    }
    if (reading->asset->where == SPIKE && (rv = read_exported_spike(reading, configuration)) != 0)
        return rv;
    return reading->asset->where & DELAYS ? read_exported_delays(reading, configuration) : 0;
}

static int read_exported(struct reading *reading, const struct clientid__node *node)
{
    static const struct clientid__key pointcut_keys[] = {{"methodRegex", ALL},
                                                         {"uriTemplateRegex", ALL}};
    struct clientid__node template_node, name, configuration;
    int rv;

    if (!exported_name(node, &template_node, &name))
        return clientid__node_fail(node, "expected \"policy\" (short form) or \"assetId\"");
    reading->asset = find_asset(clientid__node_text(&name));
    if (reading->asset == NULL)
        return fail_asset(&name);
    if ((rv = CHECK_KEYS(node, exported_keys, reading->asset->where)) != 0 ||
        (rv = exported_configuration(node, &configuration)) != 0 ||
        (rv = CHECK_KEYS(&configuration, configuration_keys, reading->asset->where)) != 0 ||
        (rv = read_shared(reading, node)) != 0 ||
        (rv = read_pointcuts(reading, node, "pointcutData", pointcut_keys)) != 0)
        return rv;
    if (reading->asset->where & CREDENTIALS &&
        (rv = read_exported_credentials(reading, &configuration)) != 0)
        return rv;
    return reading->asset->where & LIMITS ? read_exported_limits(reading, node, &configuration) : 0;
}

static int read_short_limits(const struct reading *reading, const struct clientid__node *node)
{
    int rv;

    if ((rv = read_algorithm(reading, node)) != 0 ||
        (rv = clientid__read_bool(node, "exposeHeaders", &reading->draft->policy.expose_headers)) !=
            0)
        return rv;
    if (reading->asset->where == RATE) {
        if ((rv = read_key(reading, node, "key")) != 0)
            return rv;
        return read_limits(reading, node, "limits", read_short_limit);
    }
    if (reading->asset->where == SPIKE && (rv = read_short_spike(reading, node)) != 0)
        return rv;
    return reading->asset->where & DELAYS ? read_short_delays(reading, node) : 0;
}

static int read_short(struct reading *reading, const struct clientid__node *node,
                      const struct clientid__node *name)
{
    static const struct clientid__key pointcut_keys[] = {{"method", ALL}, {"path", ALL}};
    int rv;

    reading->asset = find_asset(clientid__node_text(name));
    if (reading->asset == NULL)
        return fail_asset(name);
    if ((rv = CHECK_KEYS(node, short_keys, reading->asset->where)) != 0 ||
        (rv = read_shared(reading, node)) != 0 ||
        (rv = read_pointcuts(reading, node, "match", pointcut_keys)) != 0)
        return rv;
    if (reading->asset->where & CREDENTIALS && (rv = read_short_credentials(reading, node)) != 0)
        return rv;
    return reading->asset->where & LIMITS ? read_short_limits(reading, node) : 0;
}

static int read_policy(struct reading *reading, const struct clientid__node *node)
{
    struct clientid__node name;
    int rv = clientid__node_expect(node, JSON_OBJECT, "an object");

    if (rv != 0)
        return rv;
    return clientid__node_child(node, "policy", &name) ? read_short(reading, node, &name)
                                                       : read_exported(reading, node);
}

/* Every request to which no pointcut gives a choice must fit into one decision. */
static int check_limit_count(const struct clientid__node *array,
                             const struct clientid__draft_list *list)
{
    size_t limits = 0;

    for (size_t i = 0; i < list->count; i++) {
        const struct clientid__policy *policy = &list->drafts[i].policy;

        if (!list->drafts[i].disabled && policy->pointcut_count == 0)
            limits += policy->rule_count;
    }
    if (limits > CLIENTID_LIMITS_MAX)
        return clientid__node_fail(array, "%zu limits apply to every request, %d are possible",
                                   limits, CLIENTID_LIMITS_MAX);
    return 0;
}

int clientid__policies_read(const struct clientid__node *array, const clientid_allocator *mem,
                            struct clientid__pool *pool, struct clientid__draft_list *out)
{
    struct reading reading = {.mem = mem, .pool = pool, .before = out};
    size_t count = json_array_size(array->value);
    int rv = clientid__node_expect(array, JSON_ARRAY, "an array");

    if (rv != 0)
        return rv;
    if (count > CLIENTID__POLICIES_MAX)
        return clientid__node_fail(array, "more than %d policies", CLIENTID__POLICIES_MAX);
    out->drafts = clientid__alloc(mem, count, sizeof(*out->drafts));
    if (out->drafts == NULL)
        return CLIENTID_ERR_NOMEM;
    for (size_t i = 0; i < count; i++) {
        struct clientid__node node = clientid__node_item(array, i);

        reading.draft = &out->drafts[i];
        rv = read_policy(&reading, &node);
        if (rv != 0) {
            clientid__policy_release(mem, &reading.draft->policy);
            return rv;
        }
        out->count++;
    }
    return check_limit_count(array, out);
}
