/* SPDX-License-Identifier: Apache-2.0 */
/* A response is believed from end to end, or nothing of it is. */
#include "access/saml.h"

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"

#include <stdlib.h>

#define MINUTE 60000000000ULL

enum { VALUE_MAX = 2048 };

static int copy(char **out, clientid_str value, const char *pointer, clientid_error *error)
{
    if (value.len == 0)
        return 0;
    if (value.len > VALUE_MAX || memchr(value.ptr, '\0', value.len) != NULL)
        return clientid__fail_at(error, CLIENTID_ERR_CONFIG, pointer,
                                 "is longer than %d bytes or has a NUL", VALUE_MAX);
    *out = clientid__strdup(&clientid__malloc, value);
    return *out != NULL ? 0 : clientid__fail(error, CLIENTID_ERR_NOMEM, "out of memory");
}

static int copy_needed(char **out, clientid_str value, const char *pointer, clientid_error *error)
{
    if (value.len == 0)
        return clientid__fail_at(error, CLIENTID_ERR_CONFIG, pointer, "must not be empty");
    return copy(out, value, pointer, error);
}

static int set_options(clientid_saml *saml, const clientid_saml_options *o, clientid_error *error)
{
    int rc;

    if (o->skew_ns > 10 * MINUTE)
        return clientid__fail_at(error, CLIENTID_ERR_CONFIG, "/skew", "is more than 10 minutes");
    saml->skew_ns = o->skew_ns != 0 ? o->skew_ns : MINUTE;
    if ((rc = copy_needed(&saml->issuer, o->issuer, "/issuer", error)) != 0 ||
        (rc = copy_needed(&saml->audience, o->audience, "/audience", error)) != 0 ||
        (rc = copy_needed(&saml->recipient, o->recipient, "/recipient", error)) != 0 ||
        (rc = copy(&saml->email_attribute, o->email_attribute, "/emailAttribute", error)) != 0 ||
        (rc = copy(&saml->first_name_attribute, o->first_name_attribute, "/firstNameAttribute",
                   error)) != 0 ||
        (rc = copy(&saml->last_name_attribute, o->last_name_attribute, "/lastNameAttribute",
                   error)) != 0)
        return rc;
    return clientid__saml_load_keys(saml, o->certificates, error);
}

int clientid_saml_new(clientid_saml **out, const clientid_saml_options *options,
                      clientid_error *error)
{
    struct clientid__saml_quiet quiet;
    clientid_saml *saml;
    int rc;

    if (out == NULL || options == NULL || options->size != sizeof(*options))
        return clientid__fail(error, CLIENTID_ERR_ARG, "invalid argument");
    rc = clientid__saml_library(error);
    if (rc != 0)
        return rc;
    saml = calloc(1, sizeof(*saml));
    if (saml == NULL)
        return clientid__fail(error, CLIENTID_ERR_NOMEM, "out of memory");
    clientid__saml_quiet_begin(&quiet);
    rc = set_options(saml, options, error);
    clientid__saml_quiet_end(&quiet);
    if (rc != 0) {
        clientid_saml_del(saml);
        return rc;
    }
    *out = saml;
    return 0;
}

void clientid_saml_del(clientid_saml *saml)
{
    if (saml == NULL)
        return;
    for (size_t i = 0; i < saml->key_count; i++)
        xmlSecKeyDestroy(saml->keys[i]);
    free(saml->issuer);
    free(saml->audience);
    free(saml->recipient);
    free(saml->email_attribute);
    free(saml->first_name_attribute);
    free(saml->last_name_attribute);
    free(saml);
}

/* Signatures come first: the rest is about what the provider said, not about what somebody posted. */
static int verify(const clientid_saml *saml, clientid_str response, uint64_t now_ns,
                  clientid_saml_user *user, clientid_error *error)
{
    struct clientid__saml_message message = {.doc = NULL};
    int rc = clientid__saml_read(&message, response, error);

    if (rc != 0)
        return rc;
    rc = clientid__saml_check_signatures(saml, &message, error);
    if (rc == 0)
        rc = clientid__saml_check_response(saml, message.response, error);
    if (rc == 0)
        rc = clientid__saml_check_assertion(saml, message.assertion, now_ns, user, error);
    if (rc == 0)
        rc = clientid__saml_read_user(saml, message.assertion, user, error);
    xmlFreeDoc(message.doc);
    return rc;
}

int clientid_saml_verify(const clientid_saml *saml, clientid_str response, uint64_t now_ns,
                         clientid_saml_user *out, clientid_error *error)
{
    clientid_saml_user user = {.size = sizeof(user)};
    struct clientid__saml_quiet quiet;
    int rc;

    if (saml == NULL || out == NULL || out->size != sizeof(*out) ||
        (response.ptr == NULL && response.len > 0))
        return clientid__fail(error, CLIENTID_ERR_ARG, "invalid argument");
    clientid__saml_quiet_begin(&quiet);
    rc = verify(saml, response, now_ns, &user, error);
    clientid__saml_quiet_end(&quiet);
    if (rc == 0)
        *out = user;
    return rc;
}
