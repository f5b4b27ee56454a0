/* SPDX-License-Identifier: Apache-2.0 */
/* A response, other than its assertion, may be unsigned: what it says can refuse, never grant. */
#include "access/saml.h"

#include <string.h>

int clientid__saml_check_issuer(const clientid_saml *saml, const xmlNode *element,
                                clientid_error *error)
{
    const xmlNode *issuer = clientid__saml_only(element, CLIENTID__SAML_ASSERTION_NS, "Issuer");
    const char *name = issuer != NULL ? clientid__saml_text(issuer) : NULL;

    if (name == NULL || strcmp(name, saml->issuer) != 0)
        return clientid__saml_instead(error, CLIENTID__SAML_ISSUER, "the issuer", name);
    return 0;
}

static int check_status(const xmlNode *response, clientid_error *error)
{
    const xmlNode *status = clientid__saml_only(response, CLIENTID__SAML_PROTOCOL_NS, "Status");
    const xmlNode *code =
        status != NULL ? clientid__saml_only(status, CLIENTID__SAML_PROTOCOL_NS, "StatusCode")
                       : NULL;
    const char *value = code != NULL ? clientid__saml_attribute(code, "Value") : NULL;

    if (value == NULL || strcmp(value, "urn:oasis:names:tc:SAML:2.0:status:Success") != 0)
        return clientid__saml_instead(error, CLIENTID__SAML_STATUS, "the status", value);
    return 0;
}

int clientid__saml_check_response(const clientid_saml *saml, const xmlNode *response,
                                  clientid_error *error)
{
    const char *version = clientid__saml_attribute(response, "Version");
    const char *destination = clientid__saml_attribute(response, "Destination");
    int rc;

    if (version == NULL || strcmp(version, "2.0") != 0)
        return clientid__saml_instead(error, CLIENTID__SAML_VERSION, "version of the response",
                                      version);
    rc = check_status(response, error);
    if (rc != 0)
        return rc;
    if (clientid__saml_first(response, CLIENTID__SAML_ASSERTION_NS, "Issuer") != NULL &&
        (rc = clientid__saml_check_issuer(saml, response, error)) != 0)
        return rc;
    if (destination != NULL && strcmp(destination, saml->recipient) != 0)
        return clientid__saml_instead(error, CLIENTID__SAML_DESTINATION, "the destination",
                                      destination);
    /* Profiles 4.1.5: what was not asked for answers nothing.  Nobody here knows what was asked for. */
    if (clientid__saml_attribute(response, "InResponseTo") != NULL)
        return clientid__saml_broken(error, CLIENTID__SAML_IN_RESPONSE_TO,
                                     "the response has InResponseTo");
    return 0;
}
