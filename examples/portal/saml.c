/* SPDX-License-Identifier: Apache-2.0 */
/* Who signs in by assertion is who the identity provider says it is, once. */
#include "saml.h"

#include "call.h"
#include "handlers.h"

#include <clientid/access.h>

#include <stdlib.h>
#include <string.h>

static clientid_str str(const char *text)
{
    return (clientid_str){text, text != NULL ? strlen(text) : 0};
}

bool saml_start(struct portal *portal)
{
    const struct config_saml *config = &portal->config.saml;
    clientid_error error = {0};
    size_t len = 0;
    if (config->certificate == NULL)
        return true;
    unsigned char *certificates = config_read_file(config->certificate, &len, &error);
    const clientid_saml_options options = {
        .size = sizeof options,
        .certificates = {(const char *)certificates, len},
        .issuer = str(config->issuer),
        .audience = str(config->audience),
        .recipient = str(config->recipient),
        .email_attribute = str(config->email_attribute),
        .first_name_attribute = str(config->first_name_attribute),
        .last_name_attribute = str(config->last_name_attribute),
    };
    if (certificates != NULL)
        error.code = clientid_saml_new(&portal->saml, &options, &error);
    free(certificates);
    if (error.code == 0)
        return true;
    say_error("saml", &error);
    return false;
}

void saml_stop(struct portal *portal)
{
    clientid_saml_del(portal->saml);
    portal->saml = NULL;
}

/* What is wrong with an assertion is for the log: whoever forged it learns only that it failed. */
static void refuse(struct call *call, const clientid_error *error)
{
    say("an assertion was refused: %s", error->text);
    call_refuse(call, 401, "/SAMLResponse", "the assertion does not hold");
}

static void sign_in(struct call *call, const clientid_saml_user *user)
{
    const clientid_login_options options = {
        .size = sizeof options,
        .lifetime_ns = call->portal->config.token_lifetime_ns,
        .address = str(call->address),
    };
    const clientid_federated_user federated = {
        .size = sizeof federated,
        .name = str(user->name),
        .email = str(user->email),
        .first_name = str(user->first_name),
        .last_name = str(user->last_name),
        .assertion_id = str(user->assertion_id),
        .not_after_ns = user->not_after_ns,
    };
    clientid_token token = {.size = sizeof token};
    clientid_error error = {0};
    int rc = clientid_control_login_federated(call->control, &federated, &options, &token, &error);
    if (rc != 0)
        call_error(call, rc, &error);
    else
        call_answer_secret(call, 200,
                           json_pack("{s:s,s:s,s:I,s:s}", "access_token", token.access_token,
                                     "token_type", "bearer", "expires_in",
                                     (json_int_t)token.expires_in_s, "redirectUrl",
                                     "/exchange/login"));
    explicit_bzero(&token, sizeof token);
}

/* The header that no form of another site can send (seed of Access Management: required). */
static bool from_a_program(struct call *call)
{
    const char *header = call_header(call, "X-Requested-With");
    if (header != NULL && strcmp(header, "XMLHttpRequest") == 0)
        return true;
    call_refuse(call, 400, "", "the header X-Requested-With: XMLHttpRequest is missing");
    return false;
}

void saml_login(struct call *call)
{
    clientid_saml_user user = {.size = sizeof user};
    clientid_error error = {0};
    if (call->portal->saml == NULL) {
        call_refuse(call, 404, "", "nobody signs in by assertion here");
        return;
    }
    if (!from_a_program(call))
        return;
    int rc = clientid_saml_verify(call->portal->saml, call_text(call, "SAMLResponse"),
                                  realtime_ns(), &user, &error);
    if (rc == CLIENTID_ERR_RULE || rc == CLIENTID_ERR_SYNTAX)
        refuse(call, &error);
    else if (rc != 0)
        call_error(call, rc, &error);
    else
        sign_in(call, &user);
}
