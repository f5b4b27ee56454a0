/* SPDX-License-Identifier: Apache-2.0 */
/* A text arrives whole or not at all: none is cut, joined or chosen from several. */
#include "access/saml.h"

#include "base/str.h"

#define NS CLIENTID__SAML_ASSERTION_NS

/* |text| NULL: the element that should hold it holds something else. */
static int copy(char *out, const char *text, const char *what, clientid_error *error)
{
    size_t len = text != NULL ? strlen(text) : 0;

    if (len == 0 || len > CLIENTID_SAML_TEXT_MAX)
        return clientid__saml_broken(error, CLIENTID__SAML_TEXT,
                                     "%s is not a text of 1 to %d bytes", what,
                                     CLIENTID_SAML_TEXT_MAX);
    for (size_t i = 0; i < len; i++)
        if (clientid__is_control((unsigned char)text[i]))
            return clientid__saml_broken(error, CLIENTID__SAML_TEXT, "%s has a control character",
                                         what);
    memcpy(out, text, len + 1);
    return 0;
}

/* Looks on from |*statement| and |at| for an attribute of that name. */
static const xmlNode *find(const xmlNode *assertion, const char *name, size_t *count)
{
    const xmlNode *found = NULL, *statement, *at;

    *count = 0;
    for (statement = clientid__saml_first(assertion, NS, "AttributeStatement"); statement != NULL;
         statement = clientid__saml_next(statement, NS, "AttributeStatement"))
        for (at = clientid__saml_first(statement, NS, "Attribute"); at != NULL;
             at = clientid__saml_next(at, NS, "Attribute")) {
            const char *is = clientid__saml_attribute(at, "Name");

            if (is == NULL || strcmp(is, name) != 0)
                continue;
            found = at;
            ++*count;
        }
    return found;
}

/* Which of several values is meant, nobody can tell; providers leave out an attribute, or its value, that is empty. */
static int read_attribute(const xmlNode *assertion, const char *name, char *out,
                          clientid_error *error)
{
    const xmlNode *attribute, *value;
    const char *text;
    size_t count;

    if (name == NULL)
        return 0;
    attribute = find(assertion, name, &count);
    if (count == 0)
        return 0;
    value = clientid__saml_first(attribute, NS, "AttributeValue");
    if (count > 1 || (value != NULL && clientid__saml_next(value, NS, "AttributeValue") != NULL))
        return clientid__saml_instead(error, CLIENTID__SAML_ATTRIBUTE, "with several values, one",
                                      name);
    text = value != NULL ? clientid__saml_text(value) : "";
    return text != NULL && text[0] == '\0' ? 0 : copy(out, text, "an attribute", error);
}

int clientid__saml_read_user(const clientid_saml *saml, const xmlNode *assertion,
                             clientid_saml_user *user, clientid_error *error)
{
    const xmlNode *subject = clientid__saml_only(assertion, NS, "Subject");
    const xmlNode *name = subject != NULL ? clientid__saml_only(subject, NS, "NameID") : NULL;
    int rc;

    if (name == NULL)
        return clientid__saml_broken(error, CLIENTID__SAML_SUBJECT, "the subject has no name");
    rc = copy(user->name, clientid__saml_text(name), "the name", error);
    if (rc == 0)
        rc = copy(user->assertion_id, clientid__saml_attribute(assertion, "ID"), "the ID", error);
    if (rc == 0)
        rc = read_attribute(assertion, saml->email_attribute, user->email, error);
    if (rc == 0)
        rc = read_attribute(assertion, saml->first_name_attribute, user->first_name, error);
    if (rc == 0)
        rc = read_attribute(assertion, saml->last_name_attribute, user->last_name, error);
    return rc;
}
