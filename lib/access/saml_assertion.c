/* SPDX-License-Identifier: Apache-2.0 */
/* An assertion holds for one audience, one recipient and one stretch of time; all ends of it bound not_after_ns. */
#include "access/saml.h"

#include <string.h>

#define NS CLIENTID__SAML_ASSERTION_NS

/* ---- moments ---- */

/* |*out| is the attribute; |*there| whether there is one. */
static int moment(const xmlNode *element, const char *name, bool *there, uint64_t *out,
                  enum clientid__saml_rule rule, clientid_error *error)
{
    const char *text = clientid__saml_attribute(element, name);

    *there = text != NULL;
    if (text != NULL && !clientid__saml_time(text, out))
        return clientid__saml_instead(error, rule, name, text);
    return 0;
}

static int check_begin(const clientid_saml *saml, const xmlNode *element, const char *name,
                       uint64_t now_ns, clientid_error *error)
{
    uint64_t begin_ns = 0;
    bool there;
    int rc = moment(element, name, &there, &begin_ns, CLIENTID__SAML_TIME, error);

    if (rc != 0 || !there || begin_ns <= saml->skew_ns || begin_ns - saml->skew_ns <= now_ns)
        return rc;
    return clientid__saml_broken(error, CLIENTID__SAML_TIME, "%s of %s is still to come", name,
                                 (const char *)element->name);
}

/* |*end_ns| becomes the end, with the skew, when it is the earlier one. */
static int check_end(const clientid_saml *saml, const xmlNode *element, const char *name,
                     uint64_t now_ns, uint64_t *end_ns, clientid_error *error)
{
    uint64_t end = 0;
    bool there;
    int rc = moment(element, name, &there, &end, CLIENTID__SAML_TIME, error);

    if (rc != 0 || !there)
        return rc;
    end += saml->skew_ns;
    if (now_ns >= end)
        return clientid__saml_broken(error, CLIENTID__SAML_TIME, "%s of %s is over", name,
                                     (const char *)element->name);
    if (end < *end_ns)
        *end_ns = end;
    return 0;
}

static int check_stretch(const clientid_saml *saml, const xmlNode *element, uint64_t now_ns,
                         uint64_t *end_ns, clientid_error *error)
{
    int rc = check_begin(saml, element, "NotBefore", now_ns, error);

    return rc != 0 ? rc : check_end(saml, element, "NotOnOrAfter", now_ns, end_ns, error);
}

/* ---- subject ---- */

static int check_data(const clientid_saml *saml, const xmlNode *data, clientid_error *error)
{
    const char *recipient = clientid__saml_attribute(data, "Recipient");

    if (recipient == NULL || strcmp(recipient, saml->recipient) != 0)
        return clientid__saml_instead(error, CLIENTID__SAML_RECIPIENT, "the recipient", recipient);
    /* As in the response: Profiles 4.1.5. */
    if (clientid__saml_attribute(data, "InResponseTo") != NULL)
        return clientid__saml_broken(error, CLIENTID__SAML_IN_RESPONSE_TO,
                                     "the confirmation has InResponseTo");
    if (clientid__saml_attribute(data, "NotOnOrAfter") == NULL)
        return clientid__saml_broken(error, CLIENTID__SAML_CONFIRMATION,
                                     "the confirmation has no NotOnOrAfter");
    return 0;
}

/* One confirmation: of several that end at different times, one could outlive the memory of the ID. */
static int check_subject(const clientid_saml *saml, const xmlNode *assertion, uint64_t now_ns,
                         uint64_t *end_ns, clientid_error *error)
{
    const xmlNode *subject = clientid__saml_only(assertion, NS, "Subject");
    const xmlNode *confirmation, *data;
    const char *method;
    int rc;

    if (subject == NULL)
        return clientid__saml_broken(error, CLIENTID__SAML_SUBJECT, "there is not one subject");
    confirmation = clientid__saml_only(subject, NS, "SubjectConfirmation");
    if (confirmation == NULL)
        return clientid__saml_broken(error, CLIENTID__SAML_CONFIRMATION,
                                     "there is not one confirmation");
    method = clientid__saml_attribute(confirmation, "Method");
    if (method == NULL || strcmp(method, "urn:oasis:names:tc:SAML:2.0:cm:bearer") != 0)
        return clientid__saml_instead(error, CLIENTID__SAML_CONFIRMATION, "the method", method);
    data = clientid__saml_only(confirmation, NS, "SubjectConfirmationData");
    if (data == NULL)
        return clientid__saml_broken(error, CLIENTID__SAML_CONFIRMATION,
                                     "the confirmation has no data");
    rc = check_data(saml, data, error);
    return rc != 0 ? rc : check_stretch(saml, data, now_ns, end_ns, error);
}

/* ---- conditions ---- */

static int check_audience(const clientid_saml *saml, const xmlNode *restriction,
                          clientid_error *error)
{
    const xmlNode *at = clientid__saml_first(restriction, NS, "Audience");
    const char *last = NULL;

    for (; at != NULL; at = clientid__saml_next(at, NS, "Audience")) {
        last = clientid__saml_text(at);
        if (last != NULL && strcmp(last, saml->audience) == 0)
            return 0;
    }
    return clientid__saml_instead(error, CLIENTID__SAML_AUDIENCE, "the audience", last);
}

/*
 * Core 2.5.1: with a condition that is not understood, an assertion is not valid.  OneTimeUse asks for what
 * holds anyway; ProxyRestriction is for who issues assertions upon this one.
 */
static int check_condition(const clientid_saml *saml, const xmlNode *condition, size_t *audiences,
                           clientid_error *error)
{
    if (clientid__saml_is(condition, NS, "AudienceRestriction")) {
        ++*audiences;
        return check_audience(saml, condition, error);
    }
    if (clientid__saml_is(condition, NS, "OneTimeUse") ||
        clientid__saml_is(condition, NS, "ProxyRestriction"))
        return 0;
    return clientid__saml_instead(error, CLIENTID__SAML_CONDITIONS, "a condition",
                                  (const char *)condition->name);
}

static int check_conditions(const clientid_saml *saml, const xmlNode *assertion, uint64_t now_ns,
                            uint64_t *end_ns, clientid_error *error)
{
    const xmlNode *conditions = clientid__saml_only(assertion, NS, "Conditions");
    size_t audiences = 0;
    int rc;

    if (conditions == NULL)
        return clientid__saml_broken(error, CLIENTID__SAML_CONDITIONS,
                                     "there is not one element Conditions");
    rc = check_stretch(saml, conditions, now_ns, end_ns, error);
    for (xmlNode *at = clientid__saml_element(conditions->children); at != NULL && rc == 0;
         at = clientid__saml_element(at->next))
        rc = check_condition(saml, at, &audiences, error);
    if (rc == 0 && audiences == 0)
        rc = clientid__saml_broken(error, CLIENTID__SAML_AUDIENCE,
                                   "there is no audience restriction");
    return rc;
}

/* ---- statements ---- */

static int check_session(const xmlNode *statement, uint64_t now_ns, uint64_t *session_ns,
                         clientid_error *error)
{
    uint64_t end = 0;
    bool there;
    int rc = moment(statement, "SessionNotOnOrAfter", &there, &end, CLIENTID__SAML_SESSION, error);

    if (rc != 0 || !there)
        return rc;
    if (now_ns >= end)
        return clientid__saml_broken(error, CLIENTID__SAML_SESSION, "the session is over");
    if (*session_ns == 0 || end < *session_ns)
        *session_ns = end;
    return 0;
}

/* Profiles 4.1.4.2: at least one AuthnStatement. */
static int check_sessions(const xmlNode *assertion, uint64_t now_ns, uint64_t *session_ns,
                          clientid_error *error)
{
    const xmlNode *at = clientid__saml_first(assertion, NS, "AuthnStatement");
    int rc = 0;

    if (at == NULL)
        return clientid__saml_broken(error, CLIENTID__SAML_SESSION,
                                     "there is no statement of a sign-in");
    for (; at != NULL && rc == 0; at = clientid__saml_next(at, NS, "AuthnStatement"))
        rc = check_session(at, now_ns, session_ns, error);
    return rc;
}

int clientid__saml_check_assertion(const clientid_saml *saml, const xmlNode *assertion,
                                   uint64_t now_ns, clientid_saml_user *user, clientid_error *error)
{
    const char *version = clientid__saml_attribute(assertion, "Version");
    int rc;

    if (version == NULL || strcmp(version, "2.0") != 0)
        return clientid__saml_instead(error, CLIENTID__SAML_VERSION, "version of the assertion",
                                      version);
    user->not_after_ns = UINT64_MAX;
    rc = clientid__saml_check_issuer(saml, assertion, error);
    if (rc == 0)
        rc = check_subject(saml, assertion, now_ns, &user->not_after_ns, error);
    if (rc == 0)
        rc = check_conditions(saml, assertion, now_ns, &user->not_after_ns, error);
    if (rc == 0)
        rc = check_sessions(assertion, now_ns, &user->session_not_after_ns, error);
    return rc;
}
