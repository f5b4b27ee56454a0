/* SPDX-License-Identifier: Apache-2.0 */
/* Every key of a policy is read, ignored by a written list, or an error: none is without effect by mistake. */
#include "policy/policy_json.h"

#include "base/hash.h"
#include "base/mem.h"
#include "base/str.h"
#include "policy/pointcut.h"

#include <limits.h>
#include <stdio.h>

/* Cells are found by it: another seed would lose every client's quota. */
#define LABEL_SEED UINT64_C(0x636c69656e746964)

/* A throttling queue of 0 would make it rate limiting; Anypoint documents no default. */
static const struct clientid__asset assets[] = {
    {"client-id-enforcement", CLIENTID__CLIENT_ID_ENFORCEMENT, CLIENTID__IN_CIE,
     CLIENTID_FIXED_WINDOW, 0},
    {"rate-limiting-sla-based", CLIENTID__RATE_LIMITING_SLA, CLIENTID__IN_RATE_SLA,
     CLIENTID_FIXED_WINDOW, 0},
    {"throttling-sla-based", CLIENTID__THROTTLING_SLA, CLIENTID__IN_THROTTLE_SLA,
     CLIENTID_FIXED_WINDOW, 1000},
    {"rate-limiting", CLIENTID__RATE_LIMITING, CLIENTID__IN_RATE, CLIENTID_FIXED_WINDOW, 0},
    {"spike-control", CLIENTID__SPIKE_CONTROL, CLIENTID__IN_SPIKE, CLIENTID_SLIDING_WINDOW, 0},
};

enum { ASSETS = sizeof(assets) / sizeof(assets[0]) };

static const struct clientid__key short_keys[] = {
    {"policy", CLIENTID__IN_ALL},
    {"name", CLIENTID__IN_ALL},
    {"order", CLIENTID__IN_ALL},
    {"disabled", CLIENTID__IN_ALL},
    {"mode", CLIENTID__IN_ALL},
    {"match", CLIENTID__IN_ALL},
    {"id", CLIENTID__IN_CREDENTIALS},
    {"secret", CLIENTID__IN_CREDENTIALS},
    {"basic", CLIENTID__IN_CREDENTIALS},
    {"realm", CLIENTID__IN_CREDENTIALS},
    {"plus", CLIENTID__IN_CREDENTIALS},
    {"urldecode", CLIENTID__IN_CREDENTIALS},
    {"limits", CLIENTID__IN_RATE},
    {"key", CLIENTID__IN_RATE},
    {"unpadded", CLIENTID__IN_CREDENTIALS},
    {"limit", CLIENTID__IN_SPIKE},
    {"algorithm", CLIENTID__IN_LIMITS},
    {"exposeHeaders", CLIENTID__IN_LIMITS},
    {"burst", CLIENTID__IN_LIMITS},
    {"delay", CLIENTID__IN_DELAYS},
    {"attempts", CLIENTID__IN_DELAYS},
    {"queue", CLIENTID__IN_DELAYS},
};

/* The envelope of an exported policy. */
static const struct clientid__key exported_keys[] = {
    /* read */
    {"assetId", CLIENTID__IN_ALL},
    {"template", CLIENTID__IN_ALL},
    {"policyTemplateId", CLIENTID__IN_ALL},
    {"policyId", CLIENTID__IN_ALL},
    {"configurationData", CLIENTID__IN_ALL},
    {"configuration", CLIENTID__IN_ALL},
    {"config", CLIENTID__IN_ALL},
    {"order", CLIENTID__IN_ALL},
    {"disabled", CLIENTID__IN_ALL},
    {"pointcutData", CLIENTID__IN_ALL},
    /* ours */
    {"name", CLIENTID__IN_ALL},
    {"mode", CLIENTID__IN_ALL},
    {"algorithm", CLIENTID__IN_LIMITS},
    {"burst", CLIENTID__IN_LIMITS},
    /* ignored: who made it, when, for which instance */
    {"api", CLIENTID__IN_ALL},
    {"apiId", CLIENTID__IN_ALL},
    {"apiVersionId", CLIENTID__IN_ALL},
    {"assetVersion", CLIENTID__IN_ALL},
    {"audit", CLIENTID__IN_ALL},
    {"environmentId", CLIENTID__IN_ALL},
    {"groupId", CLIENTID__IN_ALL},
    {"id", CLIENTID__IN_ALL},
    {"implementationAsset", CLIENTID__IN_ALL},
    {"implementationAssets", CLIENTID__IN_ALL},
    {"masterOrganizationId", CLIENTID__IN_ALL},
    {"organizationId", CLIENTID__IN_ALL},
    {"type", CLIENTID__IN_ALL},
    {"version", CLIENTID__IN_ALL},
};

static const struct clientid__key configuration_keys[] = {
    {"credentialsOriginHasHttpBasicAuthenticationHeader", CLIENTID__IN_CREDENTIALS},
    {"credentialsOrigin", CLIENTID__IN_CREDENTIALS}, /* Mule 3 */
    {"clientIdExpression", CLIENTID__IN_CREDENTIALS},
    {"clientSecretExpression", CLIENTID__IN_CREDENTIALS},
    {"rateLimits", CLIENTID__IN_RATE},
    {"keySelector", CLIENTID__IN_RATE},
    {"maximumRequests", CLIENTID__IN_SPIKE},
    {"timePeriodInMilliseconds", CLIENTID__IN_SPIKE},
    {"delayTimeInMillis", CLIENTID__IN_DELAYS},
    {"delayAttempts", CLIENTID__IN_DELAYS},
    {"queuingLimit", CLIENTID__IN_DELAYS},
    {"exposeHeaders", CLIENTID__IN_LIMITS},
    {"clusterizable", CLIENTID__IN_LIMITS},
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
static void default_label(const struct clientid__reading *reading, char *out, size_t room)
{
    size_t nth = 1;

    for (size_t i = 0; i < reading->before->count; i++)
        nth += reading->before->drafts[i].policy.type == reading->asset->type;
    if (nth == 1)
        snprintf(out, room, "%s", reading->asset->name);
    else
        snprintf(out, room, "%s-%zu", reading->asset->name, nth);
}

static int read_label(const struct clientid__reading *reading, const struct clientid__node *node)
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

static int read_shared(const struct clientid__reading *reading, const struct clientid__node *node)
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

/* ---- pointcuts ------------------------------------------------------------------------------- */

static int read_pattern(const struct clientid__reading *reading, const struct clientid__node *entry,
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

static int read_pointcut(const struct clientid__reading *reading,
                         const struct clientid__node *entry, const struct clientid__key keys[2],
                         struct clientid__pointcut *pointcut)
{
    struct clientid__node method, path;
    int rv;

    if ((rv = clientid__node_expect(entry, JSON_OBJECT, "an object")) != 0 ||
        (rv = clientid__node_keys(entry, keys, 2, CLIENTID__IN_ALL)) != 0)
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
static int read_pointcuts(const struct clientid__reading *reading,
                          const struct clientid__node *node, const char *key,
                          const struct clientid__key keys[2])
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

/* ---- the two forms --------------------------------------------------------------------------- */

static const struct clientid__asset *find_asset(clientid_str name)
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

static int read_exported(struct clientid__reading *reading, const struct clientid__node *node)
{
    static const struct clientid__key pointcut_keys[] = {{"methodRegex", CLIENTID__IN_ALL},
                                                         {"uriTemplateRegex", CLIENTID__IN_ALL}};
    struct clientid__node template_node, name, configuration;
    int rv;

    if (!exported_name(node, &template_node, &name))
        return clientid__node_fail(node, "expected \"policy\" (short form) or \"assetId\"");
    reading->asset = find_asset(clientid__node_text(&name));
    if (reading->asset == NULL)
        return fail_asset(&name);
    if ((rv = CLIENTID__NODE_KEYS(node, exported_keys, reading->asset->where)) != 0 ||
        (rv = exported_configuration(node, &configuration)) != 0 ||
        (rv = CLIENTID__NODE_KEYS(&configuration, configuration_keys, reading->asset->where)) !=
            0 ||
        (rv = read_shared(reading, node)) != 0 ||
        (rv = read_pointcuts(reading, node, "pointcutData", pointcut_keys)) != 0)
        return rv;
    if (reading->asset->where & CLIENTID__IN_CREDENTIALS &&
        (rv = clientid__credentials_read_exported(reading, &configuration)) != 0)
        return rv;
    return reading->asset->where & CLIENTID__IN_LIMITS
               ? clientid__limits_read_exported(reading, node, &configuration)
               : 0;
}

static int read_short(struct clientid__reading *reading, const struct clientid__node *node,
                      const struct clientid__node *name)
{
    static const struct clientid__key pointcut_keys[] = {{"method", CLIENTID__IN_ALL},
                                                         {"path", CLIENTID__IN_ALL}};
    int rv;

    reading->asset = find_asset(clientid__node_text(name));
    if (reading->asset == NULL)
        return fail_asset(name);
    if ((rv = CLIENTID__NODE_KEYS(node, short_keys, reading->asset->where)) != 0 ||
        (rv = read_shared(reading, node)) != 0 ||
        (rv = read_pointcuts(reading, node, "match", pointcut_keys)) != 0)
        return rv;
    if (reading->asset->where & CLIENTID__IN_CREDENTIALS &&
        (rv = clientid__credentials_read_short(reading, node)) != 0)
        return rv;
    return reading->asset->where & CLIENTID__IN_LIMITS ? clientid__limits_read_short(reading, node)
                                                       : 0;
}

static int read_policy(struct clientid__reading *reading, const struct clientid__node *node)
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
    struct clientid__reading reading = {.mem = mem, .pool = pool, .before = out};
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
