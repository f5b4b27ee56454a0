/* SPDX-License-Identifier: Apache-2.0 */
/* Connected Apps: their secret, what ends their tokens, grants, how many there may be, and their JSON. */
#include "support_account.h"

#include "store/sqlite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

static int login(struct support_store *s, const clientid_credentials *c, clientid_caller *caller)
{
    clientid_token token = {.size = sizeof(token)};
    int rc = clientid_control_login_connected_app(s->control, support_str(c->client_id),
                                                  support_str(c->client_secret), NULL, &token,
                                                  &s->error);

    *caller = (clientid_caller){.size = sizeof(*caller)};
    if (rc != 0) {
        assert_string_equal(token.access_token, "");
        return rc;
    }
    return clientid_control_authenticate(s->control, support_str(token.access_token), caller,
                                         &s->error);
}

static int take(void *sink, const clientid_connected_app_record *r)
{
    snprintf(sink, 200, "%.*s of %.*s, scopes %u, grants %u%s", (int)r->name.len, r->name.ptr,
             (int)r->owner_name.len, r->owner_name.ptr, r->scopes, r->grant_count,
             r->revoked_ns != 0 ? ", revoked" : "");
    return 0;
}

static int count(void *sink, const clientid_connected_app_record *r)
{
    (void)r;
    ++*(unsigned *)sink;
    return 0;
}

/* Whether what the control was told before is still somebody. */
static int still(struct support_store *s, const clientid_caller *caller)
{
    int rc;

    clientid_control_set_caller(s->control, caller);
    rc = clientid_control_may(s->control, CLIENTID_PERMISSION_API_READ, 0, 0, &s->error);
    clientid_control_set_caller(s->control, NULL);
    return rc;
}

static void test_life(void **state)
{
    clientid_connected_app_record change = {.size = sizeof(change),
                                            .name = CLIENTID_STR("Robot"),
                                            .scopes = CLIENTID_SCOPE_MANAGE_APIS |
                                                      CLIENTID_SCOPE_MANAGE_APPLICATION};
    clientid_user_record off = {.size = sizeof(off)};
    clientid_credentials c, fresh = {.size = sizeof(fresh)};
    struct support_store s;
    clientid_caller caller, later;
    char text[1200];
    uint64_t owner, id;

    (void)state;
    support_accounts_new(&s);
    owner = support_new_user(&s, "mia", CLIENTID_ROLE_MEMBER);
    id = support_new_connected_app(&s, "robot", owner, CLIENTID_SCOPE_READ_APPLICATIONS, &c);
    assert_int_equal(strlen(c.client_id), 32);
    assert_int_equal(strlen(c.client_secret), 32);
    assert_int_equal(login(&s, &c, &caller), 0);
    snprintf(text, sizeof(text), "connected-app:%s connected-app sign-in %s ", c.client_id,
             c.client_id);
    assert_string_equal(support_last_change(&s), text);
    assert_int_equal(caller.kind, CLIENTID_CALLER_CONNECTED_APP);
    assert_int_equal(caller.role, 0);
    assert_int_equal(caller.scopes, CLIENTID_SCOPE_READ_APPLICATIONS);
    assert_int_equal(caller.user_id, owner);
    assert_string_equal(caller.user_name, "mia");

    assert_int_equal(clientid_control_connected_app_update(
                         s.control, id, &change,
                         CLIENTID_CONNECTED_APP_NAME | CLIENTID_CONNECTED_APP_SCOPES, &s.error),
                     0);
    assert_int_equal(clientid_control_connected_app_get(s.control, id, take, text, &s.error), 0);
    assert_string_equal(text, "Robot of mia, scopes 32, grants 0");
    /* It acts on its own behalf, so its owner may leave. */
    assert_int_equal(
        clientid_control_user_update(s.control, owner, &off, CLIENTID_USER_ENABLED, &s.error), 0);
    assert_int_equal(still(&s, &caller), 0);

    assert_int_equal(clientid_control_connected_app_rotate(s.control, id, &fresh, &s.error), 0);
    assert_string_equal(fresh.client_id, c.client_id);
    assert_string_not_equal(fresh.client_secret, c.client_secret);
    assert_int_equal(still(&s, &caller), CLIENTID_ERR_UNKNOWN_CALLER);
    assert_int_equal(login(&s, &c, &later), CLIENTID_ERR_UNKNOWN_CALLER);
    assert_int_equal(login(&s, &fresh, &caller), 0);

    assert_int_equal(clientid_control_connected_app_revoke(s.control, id, &s.error), 0);
    assert_int_equal(still(&s, &caller), CLIENTID_ERR_UNKNOWN_CALLER);
    assert_int_equal(login(&s, &fresh, &caller), CLIENTID_ERR_UNKNOWN_CALLER);
    assert_int_equal(clientid_control_connected_app_get(s.control, id, take, text, &s.error), 0);
    assert_string_equal(text, "Robot of mia, scopes 32, grants 0, revoked");
    /* None is made for it, rather than one that is worth nothing. */
    {
        clientid_token token = {.size = sizeof(token)};

        assert_int_equal(clientid_control_login_connected_app(
                             s.control, support_str(fresh.client_id),
                             support_str(fresh.client_secret), NULL, &token, &s.error),
                         CLIENTID_ERR_UNKNOWN_CALLER);
    }
    support_store_del(&s);
}

static void test_wrong_secrets(void **state)
{
    clientid_credentials c, wrong;
    struct support_store s;
    clientid_caller caller;
    char text[256];

    (void)state;
    support_accounts_new(&s);
    support_new_connected_app(&s, "robot", support_new_user(&s, "mia", CLIENTID_ROLE_MEMBER), 0,
                              &c);
    wrong = c;
    wrong.client_secret[31] = wrong.client_secret[31] == '0' ? '1' : '0';
    assert_int_equal(login(&s, &wrong, &caller), CLIENTID_ERR_UNKNOWN_CALLER);
    memcpy(text, s.error.text, sizeof(text));
    wrong = c;
    wrong.client_secret[31] = '\0';
    assert_int_equal(login(&s, &wrong, &caller), CLIENTID_ERR_UNKNOWN_CALLER);
    wrong.client_secret[0] = '\0';
    assert_int_equal(login(&s, &wrong, &caller), CLIENTID_ERR_UNKNOWN_CALLER);
    wrong = c;
    wrong.client_id[0] = wrong.client_id[0] == '0' ? '1' : '0';
    assert_int_equal(login(&s, &wrong, &caller), CLIENTID_ERR_UNKNOWN_CALLER);
    assert_string_equal(s.error.text, text);
    assert_int_equal(login(&s, &c, &caller), 0);
    support_store_del(&s);
}

static void expect_revoked(struct support_store *s, int rc)
{
    assert_int_equal(rc, CLIENTID_ERR_RULE);
    assert_int_equal(strncmp(s->error.text, "connected-app-revoked: ", 23), 0);
}

static void test_revoked_stays_revoked(void **state)
{
    clientid_connected_app_record change = {.size = sizeof(change), .name = CLIENTID_STR("x")};
    clientid_credentials c, fresh = {.size = sizeof(fresh)};
    struct support_store s;
    unsigned seen = 0;
    uint64_t id, app;

    (void)state;
    support_accounts_new(&s);
    id = support_new_connected_app(&s, "robot", support_new_user(&s, "mia", CLIENTID_ROLE_MEMBER),
                                   0, &c);
    app = support_new_application(&s, "shop");
    assert_int_equal(clientid_control_connected_app_revoke(s.control, id, &s.error), 0);
    expect_revoked(&s, clientid_control_connected_app_revoke(s.control, id, &s.error));
    expect_revoked(&s, clientid_control_connected_app_rotate(s.control, id, &fresh, &s.error));
    assert_string_equal(fresh.client_secret, "");
    expect_revoked(&s, clientid_control_connected_app_grant(s.control, id, app, &s.error));
    expect_revoked(&s, clientid_control_connected_app_update(
                           s.control, id, &change, CLIENTID_CONNECTED_APP_NAME, &s.error));
    assert_int_equal(clientid_control_connected_app_list(s.control, count, &seen, &s.error), 0);
    assert_int_equal(seen, 0);
    support_store_del(&s);
}

static int sum(void *sink, uint64_t id)
{
    *(uint64_t *)sink += id;
    return 0;
}

static void test_grants(void **state)
{
    clientid_credentials c;
    struct support_store s;
    clientid_caller caller;
    char text[1200];
    uint64_t id, shop, depot, ids = 0;

    (void)state;
    support_accounts_new(&s);
    support_new_user(&s, "mia", CLIENTID_ROLE_MEMBER);
    support_new_connected_app(&s, "eager", 1, CLIENTID_SCOPE_MANAGE_APPLICATION, &c);
    assert_int_equal(
        clientid_control_connected_app_get(s.control, c.application_id, take, text, &s.error), 0);
    assert_string_equal(text, "eager of mia, scopes 0, grants 0");
    id = support_new_connected_app(&s, "robot", 1, 0, &c);
    shop = support_new_application(&s, "shop");
    depot = support_new_application(&s, "depot");
    assert_int_equal(clientid_control_connected_app_grant(s.control, id, shop, &s.error), 0);
    assert_int_equal(clientid_control_connected_app_grant(s.control, id, shop, &s.error), 0);
    assert_int_equal(clientid_control_connected_app_grant(s.control, id, depot, &s.error), 0);
    assert_int_equal(clientid_control_connected_app_grant(s.control, id, 99, &s.error),
                     CLIENTID_ERR_NOT_FOUND);
    assert_int_equal(clientid_control_connected_app_grant(s.control, 99, shop, &s.error),
                     CLIENTID_ERR_NOT_FOUND);
    assert_int_equal(clientid_control_connected_app_get(s.control, id, take, text, &s.error), 0);
    assert_string_equal(text, "robot of mia, scopes 4, grants 2");
    assert_int_equal(clientid_control_connected_app_grants(s.control, id, sum, &ids, &s.error), 0);
    assert_int_equal(ids, shop + depot);
    assert_int_equal(login(&s, &c, &caller), 0);
    assert_int_equal(caller.scopes, CLIENTID_SCOPE_MANAGE_APPLICATION);
    assert_int_equal(clientid_control_application_delete(s.control, shop, &s.error), 0);
    assert_int_equal(clientid_control_connected_app_ungrant(s.control, id, depot, &s.error), 0);
    assert_int_equal(clientid_control_connected_app_get(s.control, id, take, text, &s.error), 0);
    assert_string_equal(text, "robot of mia, scopes 0, grants 0");
    support_store_del(&s);
}

static void test_owners_are_people(void **state)
{
    clientid_credentials c;
    struct support_store s;
    uint64_t shop;

    (void)state;
    support_accounts_new(&s);
    support_new_connected_app(&s, "robot", support_new_user(&s, "mia", CLIENTID_ROLE_MEMBER), 0,
                              &c);
    shop = support_new_application(&s, "shop");
    assert_int_equal(clientid_control_owner_add(s.control, shop, CLIENTID_OWNER_USER,
                                                support_str(c.client_id), &s.error),
                     CLIENTID_ERR_RULE);
    assert_int_equal(strncmp(s.error.text, "owner-connected-app: ", 21), 0);
    assert_int_equal(clientid_control_api_owner_add(s.control, support_new_api(&s, "orders"),
                                                    support_str(c.client_id), &s.error),
                     CLIENTID_ERR_NOT_FOUND);
    support_store_del(&s);
}

static void test_how_many(void **state)
{
    static const char fill[] =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1999)"
        " INSERT INTO connected_app SELECT NULL, 'id' || i, 'x', 1, 0, x'', zeroblob(32), 1, 1, 0"
        " FROM n";
    clientid_connected_app_record r = {
        .size = sizeof(r), .name = CLIENTID_STR("one more"), .owner_id = 1};
    clientid_credentials c = {.size = sizeof(c)};
    struct support_store s;

    (void)state;
    support_accounts_new(&s);
    support_new_user(&s, "mia", CLIENTID_ROLE_MEMBER);
    assert_int_equal(sqlite3_exec(clientid__sqlite_of(s.store)->db, fill, NULL, NULL, NULL),
                     SQLITE_OK);
    assert_int_equal(clientid_control_connected_app_create(s.control, &r, &c, &s.error), 0);
    assert_int_equal(clientid_control_connected_app_create(s.control, &r, &c, &s.error),
                     CLIENTID_ERR_RULE);
    assert_int_equal(strncmp(s.error.text, "connected-app-count: ", 21), 0);
    assert_string_equal(c.client_secret, "");
    assert_int_equal(clientid_control_connected_app_revoke(s.control, 7, &s.error), 0);
    assert_int_equal(clientid_control_connected_app_create(s.control, &r, &c, &s.error), 0);
    support_store_del(&s);
}

static void test_arguments(void **state)
{
    clientid_connected_app_record r = {.size = sizeof(r), .name = CLIENTID_STR("x")};
    clientid_credentials c = {.size = sizeof(c)};
    struct support_store s;

    (void)state;
    support_accounts_new(&s);
    support_new_user(&s, "ada", CLIENTID_ROLE_ADMINISTRATOR);
    assert_int_equal(clientid_control_connected_app_create(s.control, &r, &c, &s.error),
                     CLIENTID_ERR_ARG); /* the operator owns nothing */
    support_become(&s, "ada");
    assert_int_equal(clientid_control_connected_app_create(s.control, &r, &c, &s.error), 0);
    r.owner_id = 99;
    assert_int_equal(clientid_control_connected_app_create(s.control, &r, &c, &s.error),
                     CLIENTID_ERR_NOT_FOUND);
    r.owner_id = 0;
    r.scopes = 128;
    assert_int_equal(clientid_control_connected_app_create(s.control, &r, &c, &s.error),
                     CLIENTID_ERR_ARG);
    r.scopes = 0;
    r.name = CLIENTID_STR("");
    assert_int_equal(clientid_control_connected_app_create(s.control, &r, &c, &s.error),
                     CLIENTID_ERR_SYNTAX);
    assert_string_equal(s.error.pointer, "/client_name");
    support_store_del(&s);
}

static void test_json(void **state)
{
    const clientid_connected_app_record r = {.size = sizeof(r),
                                             .id = 3,
                                             .client_id = CLIENTID_STR("abc"),
                                             .name = CLIENTID_STR("robot"),
                                             .owner_id = 7,
                                             .owner_name = CLIENTID_STR("mia"),
                                             .scopes = CLIENTID_SCOPE_CREATE_APPLICATIONS |
                                                       CLIENTID_SCOPE_MANAGE_APIS};
    clientid_connected_app_record out;
    clientid_json *json;
    clientid_error error;
    unsigned fields;
    char *text;

    (void)state;
    assert_int_equal(clientid_connected_app_to_json(&r, &text, &error), 0);
    assert_string_equal(
        text, "{\"id\":3,\"client_id\":\"abc\",\"client_name\":\"robot\",\"grant_types\":"
              "[\"client_credentials\"],\"redirect_uris\":[],\"scopes\":["
              "\"create:client_applications\",\"manage:apis\"],\"owner_user_id\":7,"
              "\"owner_username\":\"mia\",\"audience\":\"internal\",\"enabled\":true,"
              "\"grant_count\":0,\"created_at\":null,\"updated_at\":null,\"revoked_at\":null}");
    assert_int_equal(
        clientid_connected_app_from_json(support_str(text), &out, &fields, &json, &error), 0);
    assert_int_equal(fields, CLIENTID_CONNECTED_APP_NAME | CLIENTID_CONNECTED_APP_SCOPES);
    assert_int_equal(out.scopes, r.scopes);
    assert_int_equal(out.owner_id, 7);
    clientid_json_del(json);
    clientid_json_free(text);
    assert_int_equal(
        clientid_connected_app_from_json(CLIENTID_STR("{\"scopes\":[{\"scope\":\"read:exchange\","
                                                      "\"context_params\":{\"org\":\"x\"}}]}"),
                                         &out, &fields, &json, &error),
        0);
    assert_int_equal(out.scopes, CLIENTID_SCOPE_VIEW_EXCHANGE);
    clientid_json_del(json);
#define BAD(text, at)                                                                              \
    do {                                                                                           \
        assert_int_equal(                                                                          \
            clientid_connected_app_from_json(CLIENTID_STR(text), &out, &fields, &json, &error),    \
            CLIENTID_ERR_SYNTAX);                                                                  \
        assert_string_equal(error.pointer, at);                                                    \
    } while (0)
    BAD("{\"scopes\":[\"read:exchange\",\"all\"]}", "/scopes/1");
    BAD("{\"scopes\":\"all\"}", "/scopes");
    BAD("{\"grant_types\":[\"password\"]}", "/grant_types/0");
    BAD("{\"client_nam\":\"x\"}", "/client_nam");
#undef BAD
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_life),
        cmocka_unit_test(test_wrong_secrets),
        cmocka_unit_test(test_revoked_stays_revoked),
        cmocka_unit_test(test_grants),
        cmocka_unit_test(test_owners_are_people),
        cmocka_unit_test(test_how_many),
        cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_json),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
