/* SPDX-License-Identifier: Apache-2.0 */
/* Access Management: tokens, and who has one. */
#include "call.h"
#include "handlers.h"
#include "portal.h"
#include "user.h"

#include <string.h>

static clientid_login_options options_of(const struct call *call)
{
    return (clientid_login_options){
        .size = sizeof(clientid_login_options),
        .lifetime_ns = call->portal->config.token_lifetime_ns,
        .address = {call->address, strlen(call->address)},
    };
}

static void answer_token(struct call *call, int rc, clientid_token *token,
                         const clientid_error *error)
{
    if (rc != 0)
        call_error(call, rc, error);
    else
        call_answer_secret(call, 200,
                           json_pack("{s:s,s:s,s:I}", "access_token", token->access_token,
                                     "token_type", "bearer", "expires_in",
                                     (json_int_t)token->expires_in_s));
    explicit_bzero(token, sizeof *token);
}

void account_login(struct call *call)
{
    const clientid_login_options options = options_of(call);
    clientid_token token = {.size = sizeof token};
    clientid_error error = {0};
    int rc = clientid_control_login(call->control, call_text(call, "username"),
                                    call_text(call, "password"), &options, &token, &error);
    answer_token(call, rc, &token, &error);
}

/* Credentials by Basic or in the body, not both (RFC 6749 section 2.3). */
void account_token(struct call *call)
{
    const clientid_login_options options = options_of(call);
    clientid_token token = {.size = sizeof token};
    clientid_error error = {0};
    clientid_str id = call_text(call, "client_id");
    clientid_str secret = call_text(call, "client_secret");
    char *password = NULL;
    char *name = MHD_basic_auth_get_username_password(call->connection, &password);
    if (call_header(call, "Authorization") != NULL && (name == NULL || secret.ptr != NULL)) {
        call_refuse(call, 400, "", "client id and secret come by Basic or in the body, once");
    } else {
        if (name != NULL) {
            id = (clientid_str){name, strlen(name)};
            secret = (clientid_str){password, password != NULL ? strlen(password) : 0};
        }
        int rc = clientid_control_login_connected_app(call->control, id, secret, &options, &token,
                                                      &error);
        answer_token(call, rc, &token, &error);
    }
    if (password != NULL)
        explicit_bzero(password, strlen(password));
    MHD_free(name);
    MHD_free(password);
}

/* Whoever has a token may end it (RFC 7009). */
void account_revoke(struct call *call)
{
    clientid_error error = {0};
    int rc = clientid_control_token_revoke(call->control, call_text(call, "token"), &error);
    if (rc != 0)
        call_error(call, rc, &error);
    else
        call_answer(call, 200, json_object());
}

/* The token that the request came with. */
void account_logout(struct call *call)
{
    clientid_error error = {0};
    const char *token = call_header(call, "Authorization") + strlen("Bearer");
    token += strspn(token, " ");
    int rc =
        clientid_control_token_revoke(call->control, (clientid_str){token, strlen(token)}, &error);
    if (rc != 0)
        call_error(call, rc, &error);
    else
        call_answer_empty(call, 204);
}

/* As in Anypoint, a Connected App has no profile: nobody is attached to its token. */
void account_profile(struct call *call)
{
    if (call->caller.kind != CLIENTID_CALLER_USER) {
        call_refuse(call, 401, "", "no user is attached to this token");
        return;
    }
    json_t *user = user_json(call, call->caller.user_id);
    if (user != NULL)
        call_answer(call, 200, user);
}

static json_t *organization_json(const struct config *config)
{
    return json_pack("{s:s,s:s}", "id", config->organization, "name", config->organization_name);
}

static json_t *client_json(const struct call *call)
{
    const char *id = strchr(call->caller.actor, ':'); /* "connected-app:<client id>" */
    return json_pack("{s:s,s:s,s:s,s:[],s:[s]}", "client_id", id != NULL ? id + 1 : "", "name",
                     call->caller.actor, "org_id", call->portal->config.organization,
                     "redirect_uris", "grant_types", "client_credentials");
}

/* Existing clients read the organization in either place. */
void account_me(struct call *call)
{
    const struct config *config = &call->portal->config;
    bool app = call->caller.kind == CLIENTID_CALLER_CONNECTED_APP;
    json_t *user = app ? json_object() : user_json(call, call->caller.user_id);
    if (user == NULL)
        return;
    (void)json_object_set_new(user, "organization", organization_json(config));
    (void)json_object_set_new(user, "memberOfOrganizations",
                              json_pack("[o]", organization_json(config)));
    json_t *me = json_pack("{s:o}", "user", user);
    if (app && me != NULL)
        (void)json_object_set_new(me, "client", client_json(call));
    call_answer(call, 200, me);
}

void account_environments(struct call *call)
{
    const struct config *config = &call->portal->config;
    call_answer(call, 200,
                json_pack("{s:[{s:s,s:s,s:s,s:b,s:s}],s:i}", "data", "id", config->environment,
                          "organizationId", config->organization, "name", "Production",
                          "isProduction", 1, "type", "production", "total", 1));
}
