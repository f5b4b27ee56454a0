/* SPDX-License-Identifier: Apache-2.0 */
/* Signing in and out: who gets a token, what ends it, and that nothing of it is in the store. */
#include "support_account.h"

#include "support_event.h"

#include "control/control.h"
#include "store/sqlite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define SECOND 1000000000ULL

static int login(struct support_store *s, const char *name, const char *password,
                 clientid_token *out)
{
    *out = (clientid_token){.size = sizeof(*out)};
    return clientid_control_login(s->control, support_str(name), support_str(password), NULL, out,
                                  &s->error);
}

static int who(struct support_store *s, const clientid_token *token, clientid_caller *out)
{
    *out = (clientid_caller){.size = sizeof(*out)};
    return clientid_control_authenticate(s->control, support_str(token->access_token), out,
                                         &s->error);
}

static void test_sign_in_and_out(void **state)
{
    struct support_store s;
    clientid_token token;
    clientid_caller caller;
    uint64_t id, revision;

    (void)state;
    support_accounts_new(&s);
    id = support_new_user(&s, "mia", CLIENTID_ROLE_API_OWNER);
    assert_int_equal(login(&s, "mia", SUPPORT_PASSWORD, &token), 0);
    assert_string_equal(support_last_change(&s), "mia user sign-in  ");
    assert_int_equal(strlen(token.access_token), 64);
    assert_int_equal(token.expires_in_s, 3600);
    assert_int_equal(who(&s, &token, &caller), 0);
    assert_int_equal(caller.kind, CLIENTID_CALLER_USER);
    assert_int_equal(caller.user_id, id);
    assert_int_equal(caller.role, CLIENTID_ROLE_API_OWNER);
    assert_int_equal(caller.connected_app_id, 0);
    assert_string_equal(caller.user_name, "mia");
    assert_string_equal(caller.actor, "mia");
    assert_int_equal(
        clientid_control_token_revoke(s.control, support_str(token.access_token), &s.error), 0);
    assert_string_equal(support_last_change(&s), "mia user sign-out  ");
    assert_int_equal(who(&s, &token, &caller), CLIENTID_ERR_UNKNOWN_CALLER);
    revision = support_revision(&s);
    assert_int_equal(
        clientid_control_token_revoke(s.control, support_str(token.access_token), &s.error), 0);
    assert_int_equal(clientid_control_token_revoke(s.control, support_str("x"), &s.error), 0);
    assert_int_equal(support_revision(&s), revision);
    support_store_del(&s);
}

static void test_wrong_and_unknown_look_the_same(void **state)
{
    struct support_store s;
    clientid_token token;
    char text[256];

    (void)state;
    support_accounts_new(&s);
    support_new_user(&s, "mia", CLIENTID_ROLE_MEMBER);
    assert_int_equal(login(&s, "mia", "wrong horse", &token), CLIENTID_ERR_UNKNOWN_CALLER);
    memcpy(text, s.error.text, sizeof(text));
    assert_string_equal(token.access_token, "");
    assert_int_equal(login(&s, "Mia", SUPPORT_PASSWORD, &token), CLIENTID_ERR_UNKNOWN_CALLER);
    assert_string_equal(s.error.text, text);
    assert_int_equal(login(&s, "", "", &token), CLIENTID_ERR_UNKNOWN_CALLER);
    assert_string_equal(s.error.text, text);
    support_store_del(&s);
}

static void test_tokens_end(void **state)
{
    clientid_login_options options = {.size = sizeof(options), .lifetime_ns = 10 * SECOND};
    clientid_user_record change = {.size = sizeof(change), .enabled = 0};
    struct support_store s;
    clientid_token token;
    clientid_caller caller;
    uint64_t id, removed = 0;

    (void)state;
    support_accounts_new(&s);
    id = support_new_user(&s, "mia", CLIENTID_ROLE_MEMBER);
    token = (clientid_token){.size = sizeof(token)};
    assert_int_equal(clientid_control_login(s.control, support_str("mia"),
                                            support_str(SUPPORT_PASSWORD), &options, &token,
                                            &s.error),
                     0);
    assert_int_equal(token.expires_in_s, 10);
    s.now_ns += 10 * SECOND - 1;
    assert_int_equal(who(&s, &token, &caller), 0);
    s.now_ns += 1;
    assert_int_equal(who(&s, &token, &caller), CLIENTID_ERR_UNKNOWN_CALLER);
    assert_int_equal(clientid_control_tokens_prune(s.control, &removed, &s.error), 0);
    assert_int_equal(removed, 1);

    assert_int_equal(login(&s, "mia", SUPPORT_PASSWORD, &token), 0);
    assert_int_equal(
        clientid_control_user_update(s.control, id, &change, CLIENTID_USER_ENABLED, &s.error), 0);
    assert_int_equal(who(&s, &token, &caller), CLIENTID_ERR_UNKNOWN_CALLER);
    assert_int_equal(login(&s, "mia", SUPPORT_PASSWORD, &token), CLIENTID_ERR_FORBIDDEN);
    assert_int_equal(login(&s, "mia", "wrong horse", &token), CLIENTID_ERR_UNKNOWN_CALLER);
    change.enabled = 1;
    assert_int_equal(
        clientid_control_user_update(s.control, id, &change, CLIENTID_USER_ENABLED, &s.error), 0);

    assert_int_equal(login(&s, "mia", SUPPORT_PASSWORD, &token), 0);
    assert_int_equal(
        clientid_control_user_set_password(s.control, id, CLIENTID_STR("another horse"), &s.error),
        0);
    assert_int_equal(who(&s, &token, &caller), CLIENTID_ERR_UNKNOWN_CALLER);
    assert_int_equal(login(&s, "mia", SUPPORT_PASSWORD, &token), CLIENTID_ERR_UNKNOWN_CALLER);
    assert_int_equal(login(&s, "mia", "another horse", &token), 0);
    assert_int_equal(clientid_control_user_delete(s.control, id, &s.error), 0);
    assert_int_equal(who(&s, &token, &caller), CLIENTID_ERR_UNKNOWN_CALLER);
    support_store_del(&s);
}

/* What was ended is over in the transaction that comes next, whatever the control was told before. */
static void test_caller_is_looked_at_in_each_transaction(void **state)
{
    clientid_user_record change = {.size = sizeof(change), .role = CLIENTID_ROLE_API_OWNER};
    clientid_api_record api = {
        .size = sizeof(api), .kind = CLIENTID_API_INSTANCE, .name = CLIENTID_STR("orders")};
    clientid_caller caller = {.size = sizeof(caller)};
    struct support_store s;
    clientid_control *other;
    uint64_t id, api_id;

    (void)state;
    support_accounts_new(&s);
    id = support_new_user(&s, "mia", CLIENTID_ROLE_MEMBER);
    assert_int_equal(clientid_control_new(&other, s.store, NULL, &s.error), 0);
    support_become(&s, "mia");
    assert_int_equal(clientid_control_api_create(s.control, &api, &api_id, &s.error),
                     CLIENTID_ERR_FORBIDDEN);
    assert_int_equal(strncmp(s.error.text, "api-create: ", 12), 0);
    assert_int_equal(clientid_control_user_update(other, id, &change, CLIENTID_USER_ROLE, NULL), 0);
    assert_int_equal(clientid_control_api_create(s.control, &api, &api_id, &s.error), 0);
    change.enabled = 0;
    assert_int_equal(clientid_control_user_update(other, id, &change, CLIENTID_USER_ENABLED, NULL),
                     0);
    api.name = CLIENTID_STR("payments");
    assert_int_equal(clientid_control_api_create(s.control, &api, &api_id, &s.error),
                     CLIENTID_ERR_UNKNOWN_CALLER);
    /* Basic: no token that could be ended. */
    change.enabled = 1;
    assert_int_equal(clientid_control_user_update(other, id, &change, CLIENTID_USER_ENABLED, NULL),
                     0);
    assert_int_equal(clientid_control_authenticate_password(s.control, CLIENTID_STR("mia"),
                                                            CLIENTID_STR(SUPPORT_PASSWORD), NULL,
                                                            &caller, &s.error),
                     0);
    assert_int_equal(caller.token_id, 0);
    clientid_control_set_caller(s.control, &caller);
    assert_int_equal(clientid_control_api_create(s.control, &api, &api_id, &s.error), 0);
    change.enabled = 0;
    assert_int_equal(clientid_control_user_update(other, id, &change, CLIENTID_USER_ENABLED, NULL),
                     0);
    api.name = CLIENTID_STR("invoices");
    assert_int_equal(clientid_control_api_create(s.control, &api, &api_id, &s.error),
                     CLIENTID_ERR_UNKNOWN_CALLER);
    clientid_control_del(other);
    support_store_del(&s);
}

static void sql(struct support_store *s, const char *text)
{
    assert_int_equal(sqlite3_exec(clientid__sqlite_of(s->store)->db, text, NULL, NULL, NULL),
                     SQLITE_OK);
}

static void test_disabled_without_token(void **state)
{
    clientid_user_record off = {.size = sizeof(off)};
    clientid_caller caller = {.size = sizeof(caller)};
    struct support_store s;
    clientid_token token;
    uint64_t id;

    (void)state;
    support_accounts_new(&s);
    id = support_new_user(&s, "mia", CLIENTID_ROLE_MEMBER);
    assert_int_equal(
        clientid_control_user_update(s.control, id, &off, CLIENTID_USER_ENABLED, &s.error), 0);
    assert_int_equal(clientid_control_authenticate_password(s.control, CLIENTID_STR("mia"),
                                                            CLIENTID_STR(SUPPORT_PASSWORD), NULL,
                                                            &caller, &s.error),
                     CLIENTID_ERR_FORBIDDEN);
    assert_int_equal(clientid_control_authenticate_password(s.control, CLIENTID_STR("mia"),
                                                            CLIENTID_STR("wrong horse"), NULL,
                                                            &caller, &s.error),
                     CLIENTID_ERR_UNKNOWN_CALLER);
    /* Tokens are removed with it; one that were left would be worth nothing. */
    sql(&s, "UPDATE user SET enabled = 1");
    assert_int_equal(login(&s, "mia", SUPPORT_PASSWORD, &token), 0);
    sql(&s, "UPDATE user SET enabled = 0");
    assert_int_equal(who(&s, &token, &caller), CLIENTID_ERR_UNKNOWN_CALLER);
    token.access_token[0] = '\0';
    assert_int_equal(who(&s, &token, &caller), CLIENTID_ERR_UNKNOWN_CALLER);
    support_store_del(&s);
}

/* What happens to the user between the look at the password and the transaction that makes the token. */
static const char *meanwhile;
static const struct clientid__store_ops *real_ops;

static int begin_later(clientid_store *store, enum clientid__transaction kind,
                       clientid_error *error)
{
    if (kind == CLIENTID__WRITE && meanwhile != NULL)
        assert_int_equal(sqlite3_exec(clientid__sqlite_of(store)->db, meanwhile, NULL, NULL, NULL),
                         SQLITE_OK);
    return real_ops->begin(store, kind, error);
}

static void test_user_changes_while_signing_in(void **state)
{
    static const struct {
        const char *sql;
        int rc;
    } rows[] = {
        {"UPDATE user SET enabled = 0", CLIENTID_ERR_FORBIDDEN},
        {"UPDATE user SET password = 'scrypt$4$8$3$'", CLIENTID_ERR_UNKNOWN_CALLER},
        {"DELETE FROM user", CLIENTID_ERR_UNKNOWN_CALLER},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct clientid__store_ops ops;
        struct support_store s;
        clientid_token token;

        support_accounts_new(&s);
        support_new_user(&s, "mia", CLIENTID_ROLE_MEMBER);
        real_ops = s.store->ops;
        ops = *real_ops;
        ops.begin = begin_later;
        s.store->ops = &ops;
        meanwhile = rows[i].sql;
        assert_int_equal(login(&s, "mia", SUPPORT_PASSWORD, &token), rows[i].rc);
        assert_string_equal(token.access_token, "");
        meanwhile = NULL;
        s.store->ops = real_ops;
        support_store_del(&s);
    }
}

/* The file, searched for the bytes. */
static bool in_file(const char *file, const char *text)
{
    static char bytes[1 << 22];
    FILE *in = fopen(file, "rb");
    size_t len = in != NULL ? fread(bytes, 1, sizeof(bytes), in) : 0;

    assert_non_null(in);
    fclose(in);
    for (size_t i = 0; i + strlen(text) <= len; i++)
        if (memcmp(bytes + i, text, strlen(text)) == 0)
            return true;
    return false;
}

static void test_store_has_no_secret(void **state)
{
    clientid_credentials credentials;
    struct support_store s;
    clientid_token user, app = {.size = sizeof(app)};
    uint64_t id;

    (void)state;
    support_accounts_new(&s);
    id = support_new_user(&s, "mia", CLIENTID_ROLE_MEMBER);
    support_new_connected_app(&s, "robot", id, CLIENTID_SCOPE_READ_APPLICATIONS, &credentials);
    assert_int_equal(login(&s, "mia", SUPPORT_PASSWORD, &user), 0);
    assert_int_equal(clientid_control_login_connected_app(
                         s.control, support_str(credentials.client_id),
                         support_str(credentials.client_secret), NULL, &app, &s.error),
                     0);
    support_store_close(&s);
    assert_true(in_file(s.file, credentials.client_id));
    assert_false(in_file(s.file, credentials.client_secret));
    assert_false(in_file(s.file, user.access_token));
    assert_false(in_file(s.file, app.access_token));
    assert_false(in_file(s.file, SUPPORT_PASSWORD));
    support_folder_del(s.folder);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sign_in_and_out),
        cmocka_unit_test(test_wrong_and_unknown_look_the_same),
        cmocka_unit_test(test_tokens_end),
        cmocka_unit_test(test_caller_is_looked_at_in_each_transaction),
        cmocka_unit_test(test_disabled_without_token),
        cmocka_unit_test(test_user_changes_while_signing_in),
        cmocka_unit_test(test_store_has_no_secret),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
