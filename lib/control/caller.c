/* SPDX-License-Identifier: Apache-2.0 */
/* A caller is what the store says it is in this transaction, not what it was when it came. */
#include "control/control.h"

#include "base/error.h"
#include "base/str.h"

#include <stdio.h>

static void copy(char *out, size_t size, const char *text)
{
    size_t len = strlen(text);

    len = len < size ? len : size - 1;
    memcpy(out, text, len);
    out[len] = '\0';
}

void clientid__caller_of(const struct clientid__caller_facts *facts, clientid_caller *out)
{
    const bool app = facts->connected_app_id != 0;

    *out = (clientid_caller){
        .size = sizeof(*out),
        .kind = app ? CLIENTID_CALLER_CONNECTED_APP : CLIENTID_CALLER_USER,
        .role = facts->role,
        .scopes = facts->scopes,
        .user_id = facts->user_id,
        .connected_app_id = facts->connected_app_id,
        .token_id = facts->token_id,
    };
    copy(out->user_name, sizeof(out->user_name), facts->user_name);
    if (app)
        snprintf(out->actor, sizeof(out->actor), "connected-app:%.64s", facts->client_id);
    else
        copy(out->actor, sizeof(out->actor), facts->user_name);
}

int clientid_control_set_caller(clientid_control *control, const clientid_caller *caller)
{
    if (control == NULL || (caller != NULL && caller->size != sizeof(*caller)))
        return CLIENTID_ERR_ARG;
    if (caller != NULL && caller->kind != CLIENTID_CALLER_USER &&
        caller->kind != CLIENTID_CALLER_CONNECTED_APP)
        return CLIENTID_ERR_ARG;
    control->has_caller = caller != NULL;
    control->caller = caller != NULL ? *caller : (clientid_caller){.size = sizeof(*caller)};
    return 0;
}

int clientid__caller_refresh(clientid_control *control, clientid_error *error)
{
    struct clientid__caller_facts facts;
    const clientid_caller *was = &control->caller;
    int rc = CLIENTID__STORE(control, token->caller, was, clientid__now(control), &facts, error);

    /* The number of a token is never used again, so this is for callers that a host made up. */
    if (rc == 0 && (facts.connected_app_id != was->connected_app_id ||
                    (was->kind == CLIENTID_CALLER_USER && facts.user_id != was->user_id)))
        rc = CLIENTID_ERR_NOT_FOUND;
    if (rc == CLIENTID_ERR_NOT_FOUND)
        return clientid__fail(error, CLIENTID_ERR_UNKNOWN_CALLER,
                              "the caller has signed out, or may no longer sign in");
    if (rc == 0)
        clientid__caller_of(&facts, &control->caller);
    return rc;
}
