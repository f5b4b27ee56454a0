/* SPDX-License-Identifier: Apache-2.0 */
/* Every refusal names its rule, in the same words everywhere. */
#include "control/control.h"

#include "base/error.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

static const struct {
    const char *label, *text;
} rules[] = {
#define CLIENTID__RULE_ROW(name, label, text) {label, text},
    CLIENTID_RULE_MAP(CLIENTID__RULE_ROW)
#undef CLIENTID__RULE_ROW
};

#define RULES (sizeof(rules) / sizeof(rules[0]))

const char *clientid_rule_label(size_t index)
{
    return index < RULES ? rules[index].label : NULL;
}

const char *clientid_rule_text(size_t index)
{
    return index < RULES ? rules[index].text : NULL;
}

static int code_of(enum clientid__rule rule)
{
    switch (rule) {
    case CLIENTID__RULE_API_NAME_TAKEN:
    case CLIENTID__RULE_TIER_NAME_TAKEN:
    case CLIENTID__RULE_CLIENT_ID_TAKEN:
    case CLIENTID__RULE_OWNER_TAKEN:
    case CLIENTID__RULE_CONTRACT_TAKEN:
    case CLIENTID__RULE_USER_NAME_TAKEN:
    case CLIENTID__RULE_PROVIDER_NAME_TAKEN:
        return CLIENTID_ERR_EXISTS;
    default:
        return CLIENTID_ERR_RULE;
    }
}

int clientid__broken(clientid_error *error, enum clientid__rule rule, const char *format, ...)
{
    char sentence[sizeof(error->text)];
    va_list args;

    va_start(args, format);
    vsnprintf(sentence, sizeof(sentence), format, args);
    va_end(args);
    return clientid__fail(error, code_of(rule), "%s: %s", rules[rule].label, sentence);
}

int clientid__found(clientid_error *error, int rc, const char *what, uint64_t id)
{
    if (rc != CLIENTID_ERR_NOT_FOUND)
        return rc;
    return clientid__fail(error, rc, "there is no %s %" PRIu64, what, id);
}

const char *clientid_verb_label(clientid_verb verb)
{
    static const char *const labels[] = {
#define CLIENTID__VERB_ROW(name, label) label,
        CLIENTID_VERB_MAP(CLIENTID__VERB_ROW)
#undef CLIENTID__VERB_ROW
    };

    return (unsigned)verb < CLIENTID_VERB_COUNT ? labels[verb] : "?";
}

const char *clientid_contract_status_label(clientid_contract_status status)
{
    static const char *const labels[] = {"?", "PENDING", "APPROVED", "REJECTED", "REVOKED"};

    return (unsigned)status < sizeof(labels) / sizeof(labels[0]) ? labels[status] : "?";
}
