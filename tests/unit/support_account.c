/* SPDX-License-Identifier: Apache-2.0 */
#include "support_account.h"

#include "control/control.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static void check(struct support_store *s, int rc)
{
    if (rc != 0)
        fail_msg("%d: %s (%s)", rc, s->error.text, s->error.pointer);
}

void support_accounts_new(struct support_store *s)
{
    support_store_new(s);
    s->control->scrypt_log2 = 4;
}

void support_accounts_open(struct support_store *s, const char *pepper)
{
    support_store_reopen(s, pepper);
    s->control->scrypt_log2 = 4;
}

uint64_t support_new_user(struct support_store *s, const char *name, clientid_role role)
{
    clientid_user_record record = {.size = sizeof(record),
                                   .name = support_str(name),
                                   .role = role,
                                   .identity = CLIENTID_IDENTITY_PASSWORD,
                                   .enabled = 1};
    clientid_caller was = s->control->caller;
    bool had = s->control->has_caller;
    uint64_t id = 0;

    clientid_control_set_caller(s->control, NULL);
    check(s, clientid_control_user_create(s->control, &record, CLIENTID_STR(SUPPORT_PASSWORD), &id,
                                          &s->error));
    clientid_control_set_caller(s->control, had ? &was : NULL);
    return id;
}

uint64_t support_new_connected_app(struct support_store *s, const char *name, uint64_t owner,
                                   uint32_t scopes, clientid_credentials *credentials)
{
    clientid_connected_app_record record = {
        .size = sizeof(record), .name = support_str(name), .owner_id = owner, .scopes = scopes};
    clientid_caller was = s->control->caller;
    bool had = s->control->has_caller;

    *credentials = (clientid_credentials){.size = sizeof(*credentials)};
    clientid_control_set_caller(s->control, NULL);
    check(s, clientid_control_connected_app_create(s->control, &record, credentials, &s->error));
    clientid_control_set_caller(s->control, had ? &was : NULL);
    return credentials->application_id;
}

static void become(struct support_store *s, const clientid_token *token)
{
    clientid_caller caller = {.size = sizeof(caller)};

    check(s, clientid_control_authenticate(s->control, support_str(token->access_token), &caller,
                                           &s->error));
    assert_int_equal(clientid_control_set_caller(s->control, &caller), 0);
}

void support_become(struct support_store *s, const char *user)
{
    clientid_token token = {.size = sizeof(token)};

    clientid_control_set_caller(s->control, NULL);
    if (user == NULL)
        return;
    check(s, clientid_control_login(s->control, support_str(user), CLIENTID_STR(SUPPORT_PASSWORD),
                                    NULL, &token, &s->error));
    become(s, &token);
}

void support_become_app(struct support_store *s, const clientid_credentials *credentials)
{
    clientid_token token = {.size = sizeof(token)};

    clientid_control_set_caller(s->control, NULL);
    check(s, clientid_control_login_connected_app(s->control, support_str(credentials->client_id),
                                                  support_str(credentials->client_secret), NULL,
                                                  &token, &s->error));
    become(s, &token);
}

struct last {
    char text[512];
};

static int take(void *sink, const clientid_change_record *r)
{
    struct last *last = sink;

    snprintf(last->text, sizeof(last->text), "%.*s %.*s %.*s %.*s %.*s", (int)r->actor.len,
             r->actor.ptr, (int)r->entity.len, r->entity.ptr, (int)r->verb.len, r->verb.ptr,
             (int)r->client_id.len, r->client_id.len > 0 ? r->client_id.ptr : "",
             (int)r->detail.len, r->detail.len > 0 ? r->detail.ptr : "");
    return 0;
}

const char *support_last_change(struct support_store *s)
{
    static struct last last;
    bool had = s->control->has_caller;

    s->control->has_caller = false;
    check(s,
          clientid_control_changes(s->control, support_revision(s) - 1, 0, take, &last, &s->error));
    s->control->has_caller = had;
    return last.text;
}
