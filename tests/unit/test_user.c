/* SPDX-License-Identifier: Apache-2.0 */
/* Users: fields, rules, names that are worth something, and their JSON. */
#include "support_account.h"

#include "control/control.h"

#include <jansson.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int take_user(void *sink, const clientid_user_record *r)
{
    snprintf(sink, 300, "%.*s|%.*s|%.*s|%.*s|%u %u %u", (int)r->name.len, r->name.ptr,
             (int)r->email.len, r->email.ptr, (int)r->first_name.len, r->first_name.ptr,
             (int)r->last_name.len, r->last_name.ptr, r->role, r->identity, r->enabled);
    return 0;
}

static void expect_rule(struct support_store *s, int rc, const char *rule)
{
    size_t len = strlen(rule);

    assert_int_equal(rc, strstr(rule, "taken") != NULL ? CLIENTID_ERR_EXISTS : CLIENTID_ERR_RULE);
    if (strncmp(s->error.text, rule, len) != 0 || s->error.text[len] != ':')
        fail_msg("expected %s, got: %s", rule, s->error.text);
}

static void test_fields(void **state)
{
    clientid_user_record r = {.size = sizeof(r),
                              .name = CLIENTID_STR("mia"),
                              .email = CLIENTID_STR("mia@x"),
                              .first_name = CLIENTID_STR("Mia"),
                              .last_name = CLIENTID_STR("L\xc3\xb3pez"),
                              .role = CLIENTID_ROLE_API_OWNER,
                              .identity = CLIENTID_IDENTITY_PASSWORD,
                              .enabled = 1};
    struct support_store s;
    char text[300];
    uint64_t id, found;

    (void)state;
    support_accounts_new(&s);
    assert_int_equal(
        clientid_control_user_create(s.control, &r, CLIENTID_STR(SUPPORT_PASSWORD), &id, &s.error),
        0);
    assert_string_equal(support_last_change(&s), "tester user create  mia");
    assert_int_equal(clientid_control_user_find(s.control, CLIENTID_STR("mia"), &found, &s.error),
                     0);
    assert_int_equal(found, id);
    assert_int_equal(clientid_control_user_get(s.control, id, take_user, text, &s.error), 0);
    assert_string_equal(text, "mia|mia@x|Mia|L\xc3\xb3pez|2 1 1");
    r.email = CLIENTID_STR("");
    r.role = CLIENTID_ROLE_MEMBER;
    r.first_name = CLIENTID_STR("ignored");
    assert_int_equal(clientid_control_user_update(
                         s.control, id, &r, CLIENTID_USER_EMAIL | CLIENTID_USER_ROLE, &s.error),
                     0);
    assert_int_equal(clientid_control_user_get(s.control, id, take_user, text, &s.error), 0);
    assert_string_equal(text, "mia||Mia|L\xc3\xb3pez|3 1 1");
    assert_int_equal(clientid_control_user_delete(s.control, id, &s.error), 0);
    assert_string_equal(support_last_change(&s), "tester user delete  mia");
    assert_int_equal(clientid_control_user_get(s.control, id, take_user, text, &s.error),
                     CLIENTID_ERR_NOT_FOUND);
    assert_int_equal(clientid_control_user_find(s.control, CLIENTID_STR("mia"), &found, &s.error),
                     CLIENTID_ERR_NOT_FOUND);
    assert_int_equal(clientid_control_user_get(s.control, 0, take_user, text, &s.error),
                     CLIENTID_ERR_NOT_FOUND);
    support_store_del(&s);
}

static void test_wrong_fields(void **state)
{
    const clientid_user_record good = {.size = sizeof(good),
                                       .name = CLIENTID_STR("mia"),
                                       .role = CLIENTID_ROLE_MEMBER,
                                       .identity = CLIENTID_IDENTITY_PASSWORD,
                                       .enabled = 1};
    static char longest[CLIENTID_NAME_MAX + 2];
    clientid_user_record r;
    struct support_store s;
    uint64_t id;

#define WRONG(code, at, member, value)                                                             \
    do {                                                                                           \
        r = good;                                                                                  \
        r.member = (value);                                                                        \
        s.error.pointer[0] = '\0';                                                                 \
        assert_int_equal(clientid_control_user_create(                                             \
                             s.control, &r, CLIENTID_STR(SUPPORT_PASSWORD), &id, &s.error),        \
                         (code));                                                                  \
        assert_string_equal(s.error.pointer, (at));                                                \
    } while (0)

    (void)state;
    memset(longest, 'x', sizeof(longest) - 1);
    support_accounts_new(&s);
    WRONG(CLIENTID_ERR_SYNTAX, "/username", name, CLIENTID_STR(""));
    WRONG(CLIENTID_ERR_SYNTAX, "/username", name, CLIENTID_STR("a\nb"));
    WRONG(CLIENTID_ERR_SYNTAX, "/username", name, support_str(longest));
    WRONG(CLIENTID_ERR_SYNTAX, "/email", email, CLIENTID_STR("a\r\nBcc: b"));
    WRONG(CLIENTID_ERR_SYNTAX, "/firstName", first_name, CLIENTID_STR("\xff"));
    WRONG(CLIENTID_ERR_SYNTAX, "/lastName", last_name, support_str(longest));
    WRONG(CLIENTID_ERR_ARG, "", role, 0);
    WRONG(CLIENTID_ERR_ARG, "", role, 4);
    WRONG(CLIENTID_ERR_ARG, "", identity, 0);
    WRONG(CLIENTID_ERR_ARG, "", identity, 4);
    WRONG(CLIENTID_ERR_ARG, "", identity, CLIENTID_IDENTITY_SAML); /* with a password */
    WRONG(CLIENTID_ERR_ARG, "", enabled, 2);
    WRONG(CLIENTID_ERR_ARG, "", size, 1);
#undef WRONG
    assert_int_equal(
        clientid_control_user_create(s.control, &good, CLIENTID_STR("short"), &id, &s.error),
        CLIENTID_ERR_SYNTAX);
    assert_string_equal(s.error.pointer, "/password");
    assert_int_equal(support_revision(&s), 0);
    support_store_del(&s);
}

static void test_rules(void **state)
{
    clientid_user_record off = {.size = sizeof(off)};
    clientid_user_record member = {.size = sizeof(member), .role = CLIENTID_ROLE_MEMBER};
    clientid_user_record again = {.size = sizeof(again),
                                  .name = CLIENTID_STR("ada"),
                                  .role = CLIENTID_ROLE_MEMBER,
                                  .identity = CLIENTID_IDENTITY_SAML,
                                  .enabled = 1};
    clientid_credentials app;
    struct support_store s;
    uint64_t ada, eve, id;

    (void)state;
    support_accounts_new(&s);
    ada = support_new_user(&s, "ada", CLIENTID_ROLE_ADMINISTRATOR);
    expect_rule(
        &s, clientid_control_user_create(s.control, &again, (clientid_str){NULL, 0}, &id, &s.error),
        "user-name-taken");
    expect_rule(&s, clientid_control_user_delete(s.control, ada, &s.error), "administrator-last");
    expect_rule(&s,
                clientid_control_user_update(s.control, ada, &off, CLIENTID_USER_ENABLED, &s.error),
                "administrator-last");
    expect_rule(&s,
                clientid_control_user_update(s.control, ada, &member, CLIENTID_USER_ROLE, &s.error),
                "administrator-last");
    eve = support_new_user(&s, "eve", CLIENTID_ROLE_ADMINISTRATOR);
    assert_int_equal(
        clientid_control_user_update(s.control, ada, &off, CLIENTID_USER_ENABLED, &s.error), 0);
    /* One that is disabled does not count, neither way. */
    expect_rule(&s, clientid_control_user_delete(s.control, eve, &s.error), "administrator-last");
    assert_int_equal(
        clientid_control_user_update(s.control, ada, &member, CLIENTID_USER_ROLE, &s.error), 0);
    support_new_connected_app(&s, "robot", ada, 0, &app);
    expect_rule(&s, clientid_control_user_delete(s.control, ada, &s.error), "user-in-use");
    assert_int_equal(clientid_control_connected_app_revoke(s.control, app.application_id, &s.error),
                     0);
    assert_int_equal(clientid_control_user_delete(s.control, ada, &s.error), 0);
    assert_int_equal(clientid_store_verify(s.store, &s.error), 0);
    support_store_del(&s);
}

/* The rights of an owner belong to a name: nobody helps himself to one. */
static void test_register(void **state)
{
    clientid_str owner = CLIENTID_STR("wes@example.com");
    clientid_application_record shop = {
        .size = sizeof(shop), .name = CLIENTID_STR("Shop"), .owners = &owner, .owner_count = 1};
    clientid_credentials c = {.size = sizeof(c)};
    clientid_user_record r = {.size = sizeof(r),
                              .name = CLIENTID_STR("new"),
                              .email = CLIENTID_STR("new@x"),
                              .role = CLIENTID_ROLE_ADMINISTRATOR,
                              .identity = CLIENTID_IDENTITY_OPENID};
    struct support_store s;
    char text[300];
    uint64_t id, ida, api;

    (void)state;
    support_accounts_new(&s);
    ida = support_new_user(&s, "ida", CLIENTID_ROLE_API_OWNER);
    api = support_new_api(&s, "orders");
    assert_int_equal(clientid_control_api_owner_add(s.control, api, CLIENTID_STR("ida"), &s.error),
                     0);
    assert_int_equal(clientid_control_user_delete(s.control, ida, &s.error), 0);
    assert_int_equal(clientid_control_application_create(s.control, &shop, (clientid_str){NULL, 0},
                                                         &c, &s.error),
                     0);
#define REGISTER(who)                                                                              \
    (r.name = CLIENTID_STR(who),                                                                   \
     clientid_control_user_register(s.control, &r, CLIENTID_STR(SUPPORT_PASSWORD),                 \
                                    CLIENTID_STR(""), &id, &s.error))
    assert_int_equal(REGISTER("new"), 0);
    assert_string_equal(support_last_change(&s), "new user create  new");
    assert_int_equal(clientid_control_user_get(s.control, id, take_user, text, &s.error), 0);
    assert_string_equal(text, "new|new@x|||3 1 1");
    expect_rule(&s, REGISTER("new"), "user-name-taken");
    expect_rule(&s, REGISTER("wes@example.com"), "user-name-taken");
    expect_rule(&s, REGISTER("ida"), "user-name-taken");
    support_become(&s, "new");
    /* Somebody may register for another while signed in; it is nobody's business who asks. */
    assert_int_equal(REGISTER("second"), 0);
#undef REGISTER
    support_store_del(&s);
}

static void test_itself(void **state)
{
    clientid_user_record r = {
        .size = sizeof(r), .email = CLIENTID_STR("mia@y"), .role = CLIENTID_ROLE_ADMINISTRATOR};
    struct support_store s;
    char text[300];
    uint64_t id;

    (void)state;
    support_accounts_new(&s);
    id = support_new_user(&s, "mia", CLIENTID_ROLE_MEMBER);
    support_become(&s, "mia");
    assert_int_equal(clientid_control_user_update(s.control, id, &r, CLIENTID_USER_EMAIL, &s.error),
                     0);
    assert_string_equal(support_last_change(&s), "mia user update  mia");
    assert_int_equal(clientid_control_user_update(
                         s.control, id, &r, CLIENTID_USER_EMAIL | CLIENTID_USER_ROLE, &s.error),
                     CLIENTID_ERR_FORBIDDEN);
    assert_int_equal(clientid_control_user_get(s.control, id, take_user, text, &s.error), 0);
    assert_string_equal(text, "mia|mia@y|||3 1 1");
    /* Its own token ends too. */
    assert_int_equal(
        clientid_control_user_set_password(s.control, id, CLIENTID_STR("another horse"), &s.error),
        0);
    assert_string_equal(support_last_change(&s), "mia user set-password  mia");
    assert_int_equal(clientid_control_user_get(s.control, id, take_user, text, &s.error),
                     CLIENTID_ERR_UNKNOWN_CALLER);
    support_store_del(&s);
}

static int count(void *sink, const clientid_user_record *r)
{
    (void)r;
    ++*(unsigned *)sink;
    return 0;
}

static int stop(void *sink, const clientid_user_record *r)
{
    (void)sink;
    (void)r;
    return 77;
}

static void test_pages(void **state)
{
    struct support_store s;
    unsigned seen = 0;
    char name[16];

    (void)state;
    support_accounts_new(&s);
    for (int i = 0; i < 5; i++) {
        snprintf(name, sizeof(name), "user%d", i);
        support_new_user(&s, name, CLIENTID_ROLE_MEMBER);
    }
    assert_int_equal(clientid_control_user_list(s.control, 0, 0, count, &seen, &s.error), 0);
    assert_int_equal(seen, 5);
    seen = 0;
    assert_int_equal(clientid_control_user_list(s.control, 2, 2, count, &seen, &s.error), 0);
    assert_int_equal(seen, 2);
    assert_int_equal(clientid_control_user_list(s.control, 0, 0, stop, NULL, &s.error), 77);
    assert_int_equal(clientid_control_user_list(s.control, 0, 0, count, &seen, &s.error), 0);
    support_store_del(&s);
}

/* Who signs in with a password that was digested otherwise has it digested as today. */
static void test_parameters_are_raised(void **state)
{
    struct clientid__user_facts before, after;
    clientid_token token = {.size = sizeof(token)};
    struct support_store s;
    uint64_t id;

    (void)state;
    support_accounts_new(&s);
    id = support_new_user(&s, "mia", CLIENTID_ROLE_MEMBER);
    assert_int_equal(s.store->ops->user->facts(s.store, id, &before, NULL), 0);
    s.control->scrypt_log2 = 5;
    assert_int_equal(clientid_control_login(s.control, CLIENTID_STR("mia"),
                                            CLIENTID_STR("wrong horse"), NULL, &token, NULL),
                     CLIENTID_ERR_UNKNOWN_CALLER);
    assert_int_equal(s.store->ops->user->facts(s.store, id, &after, NULL), 0);
    assert_string_equal(after.password, before.password);
    assert_int_equal(clientid_control_login(s.control, CLIENTID_STR("mia"),
                                            CLIENTID_STR(SUPPORT_PASSWORD), NULL, &token, NULL),
                     0);
    assert_int_equal(s.store->ops->user->facts(s.store, id, &after, NULL), 0);
    assert_int_equal(strncmp(after.password, "scrypt$5$", 9), 0);
    assert_int_equal(clientid_control_login(s.control, CLIENTID_STR("mia"),
                                            CLIENTID_STR(SUPPORT_PASSWORD), NULL, &token, NULL),
                     0);
    /* A control that was made by a host asks for as much as the manual says. */
    {
        clientid_control *host;

        assert_int_equal(clientid_control_new(&host, s.store, NULL, NULL), 0);
        assert_int_equal(host->scrypt_log2, 15);
        clientid_control_del(host);
    }
    support_store_del(&s);
}

static void test_json(void **state)
{
    const clientid_user_record r = {.size = sizeof(r),
                                    .id = 7,
                                    .name = CLIENTID_STR("mia"),
                                    .email = CLIENTID_STR("mia@x"),
                                    .first_name = CLIENTID_STR("Mia"),
                                    .role = CLIENTID_ROLE_API_OWNER,
                                    .identity = CLIENTID_IDENTITY_SAML,
                                    .enabled = 1};
    clientid_user_record out;
    clientid_json *json;
    clientid_error error;
    clientid_str password;
    unsigned fields;
    char *text;

    (void)state;
    assert_int_equal(clientid_user_to_json(&r, &text, &error), 0);
    assert_string_equal(text, "{\"id\":7,\"username\":\"mia\",\"firstName\":\"Mia\",\"lastName\":"
                              "\"\",\"email\":\"mia@x\",\"enabled\":true,\"role\":\"API Owner\","
                              "\"identityType\":\"saml\",\"createdAt\":null,\"updatedAt\":null}");
    assert_int_equal(
        clientid_user_from_json(support_str(text), &out, &fields, &password, &json, &error), 0);
    assert_int_equal(fields, 31);
    assert_int_equal(out.role, CLIENTID_ROLE_API_OWNER);
    assert_int_equal(out.identity, CLIENTID_IDENTITY_SAML);
    assert_int_equal(password.len, 0);
    clientid_json_del(json);
    clientid_json_free(text);
    assert_int_equal(clientid_user_from_json(
                         CLIENTID_STR("{\"username\":\"mia\",\"password\":\"correct horse\"}"),
                         &out, &fields, &password, &json, &error),
                     0);
    assert_int_equal(fields, 0);
    assert_int_equal(out.role, CLIENTID_ROLE_MEMBER);
    assert_int_equal(password.len, 13);
    clientid_json_del(json);
#define BAD(text, at)                                                                              \
    do {                                                                                           \
        assert_int_equal(                                                                          \
            clientid_user_from_json(CLIENTID_STR(text), &out, &fields, &password, &json, &error),  \
            CLIENTID_ERR_SYNTAX);                                                                  \
        assert_string_equal(error.pointer, at);                                                    \
        assert_null(json);                                                                         \
    } while (0)
    BAD("{\"username\":7}", "/username");
    BAD("{\"role\":\"King\"}", "/role");
    BAD("{\"identityType\":\"magic\"}", "/identityType");
    BAD("{\"enabled\":1}", "/enabled");
    BAD("{\"password\":7}", "/password");
    BAD("{\"pasword\":\"x\"}", "/pasword");
#undef BAD
}

static size_t until_failure; /* 0: none */

static void *allocate(size_t bytes)
{
    return until_failure != 0 && --until_failure == 0 ? NULL : malloc(bytes);
}

static int json_call(unsigned which)
{
    const clientid_user_record user = {.name = CLIENTID_STR("mia"), .role = 1, .identity = 1};
    const clientid_connected_app_record app = {.name = CLIENTID_STR("x"), .scopes = 127};
    clientid_connected_app_record app_out;
    clientid_user_record user_out;
    clientid_json *json = NULL;
    clientid_str password;
    unsigned fields;
    char *text = NULL;
    int rc =
        which == 0   ? clientid_user_to_json(&user, &text, NULL)
        : which == 1 ? clientid_connected_app_to_json(&app, &text, NULL)
        : which == 2
            ? clientid_user_from_json(CLIENTID_STR("{\"username\":\"m\",\"password\":\"secret\"}"),
                                      &user_out, &fields, &password, &json, NULL)
            : clientid_connected_app_from_json(
                  CLIENTID_STR("{\"scopes\":[\"read:exchange\",{\"scope\":"
                               "\"manage:apis\"}]}"),
                  &app_out, &fields, &json, NULL);

    clientid_json_free(text);
    clientid_json_del(json);
    return rc;
}

/* Each of jansson's allocations failing in turn. */
static void test_json_without_memory(void **state)
{
    (void)state;
    json_set_alloc_funcs(allocate, free);
    for (unsigned which = 0; which < 4; which++) {
        size_t n = 0;
        int rc;

        do {
            until_failure = ++n;
            rc = json_call(which);
            /* jansson does not always say why it could not read. */
            if (rc != 0 && rc != CLIENTID_ERR_NOMEM && (which < 2 || rc != CLIENTID_ERR_SYNTAX))
                fail_msg("call %u, allocation %zu: %d", which, n, rc);
        } while (until_failure == 0);
        assert_int_equal(rc, 0);
        assert_true(n > 3);
    }
    until_failure = 0;
    json_set_alloc_funcs(malloc, free);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_fields),
        cmocka_unit_test(test_wrong_fields),
        cmocka_unit_test(test_rules),
        cmocka_unit_test(test_register),
        cmocka_unit_test(test_itself),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_parameters_are_raised),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_json_without_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
