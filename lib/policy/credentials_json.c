/* SPDX-License-Identifier: Apache-2.0 */
/* What a policy takes for credentials is said once: two places that could disagree silently are refused. */
#include "base/str.h"
#include "policy/policy_json.h"

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
int clientid__expression_read(const struct clientid__node *object, const char *key,
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

static int finish_credentials(const struct clientid__reading *reading,
                              const struct clientid__node *object, const char *secret_key)
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
int clientid__credentials_read_exported(const struct clientid__reading *reading,
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
    if ((rv = clientid__expression_read(configuration, "clientIdExpression", &spec->id, &given)) !=
        0)
        return rv;
    if (!given && (rv = parse_expression(configuration, "clientIdExpression",
                                         CLIENTID_STR("header:client_id"), &spec->id)) != 0)
        return rv;
    if ((rv = clientid__expression_read(configuration, "clientSecretExpression", &spec->secret,
                                        &given)) != 0)
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

static int read_basic(const struct clientid__reading *reading, const struct clientid__node *node,
                      bool basic)
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
static int check_sources(const struct clientid__reading *reading, const struct clientid__node *node,
                         bool id, bool secret)
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

int clientid__credentials_read_short(const struct clientid__reading *reading,
                                     const struct clientid__node *node)
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
        (rv = clientid__expression_read(node, "id", &spec->id, &id)) != 0 ||
        (rv = clientid__expression_read(node, "secret", &spec->secret, &secret)) != 0)
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
