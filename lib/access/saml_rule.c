/* SPDX-License-Identifier: Apache-2.0 */
/* Every refusal names its rule, and shows a stranger's bytes only in printable form. */
#include "access/saml.h"

#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>

static const struct {
    const char *label, *text;
} rules[] = {
#define CLIENTID__SAML_RULE_ROW(name, label, text) {label, text},
    CLIENTID_SAML_RULE_MAP(CLIENTID__SAML_RULE_ROW)
#undef CLIENTID__SAML_RULE_ROW
};

#define RULES (sizeof(rules) / sizeof(rules[0]))

const char *clientid_saml_rule_label(size_t index)
{
    return index < RULES ? rules[index].label : NULL;
}

const char *clientid_saml_rule_text(size_t index)
{
    return index < RULES ? rules[index].text : NULL;
}

int clientid__saml_broken(clientid_error *error, enum clientid__saml_rule rule, const char *format,
                          ...)
{
    char sentence[sizeof(error->text)];
    va_list args;

    va_start(args, format);
    vsnprintf(sentence, sizeof(sentence), format, args);
    va_end(args);
    return clientid__fail(error, CLIENTID_ERR_RULE, "%s: %s", rules[rule].label, sentence);
}

int clientid__saml_instead(clientid_error *error, enum clientid__saml_rule rule, const char *what,
                           const char *found)
{
    char shown[128];
    size_t len = 0;

    if (found == NULL)
        return clientid__saml_broken(error, rule, "%s is missing", what);
    for (; len < sizeof(shown) - 1 && found[len] != '\0'; len++)
        shown[len] = found[len] >= ' ' && found[len] <= '~' ? found[len] : '?';
    shown[len] = '\0';
    return clientid__saml_broken(error, rule, "%s is \"%s\"", what, shown);
}
