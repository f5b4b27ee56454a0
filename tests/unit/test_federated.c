/* SPDX-License-Identifier: Apache-2.0 */
/* Signing in by assertion: who is made, who is let in, and that an assertion is used once. */
#include "support_account.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SECOND 1000000000ULL

static int come(struct support_store *s, const char *name, const char *assertion,
                clientid_caller *caller)
{
    clientid_federated_user user = {.size = sizeof(user),
                                    .name = support_str(name),
                                    .email = CLIENTID_STR("sam@x"),
                                    .first_name = CLIENTID_STR("Sam"),
                                    .last_name = CLIENTID_STR("L"),
                                    .assertion_id = support_str(assertion),
                                    .not_after_ns = s->now_ns + 300 * SECOND};
    clientid_token token = {.size = sizeof(token)};
    int rc = clientid_control_login_federated(s->control, &user, NULL, &token, &s->error);

    *caller = (clientid_caller){.size = sizeof(*caller)};
    if (rc != 0) {
        assert_string_equal(token.access_token, "");
        return rc;
    }
    return clientid_control_authenticate(s->control, support_str(token.access_token), caller,
                                         &s->error);
}

static int take_user(void *sink, const clientid_user_record *r)
{
    snprintf(sink, 200, "%.*s %.*s %.*s %.*s %u %u %u", (int)r->name.len, r->name.ptr,
             (int)r->email.len, r->email.ptr, (int)r->first_name.len, r->first_name.ptr,
             (int)r->last_name.len, r->last_name.ptr, r->role, r->identity, r->enabled);
    return 0;
}

static void test_made_when_first_seen(void **state)
{
    struct support_store s;
    clientid_caller caller;
    clientid_token token = {.size = sizeof(token)};
    char user[200];
    uint64_t id;

    (void)state;
    support_accounts_new(&s);
    assert_int_equal(come(&s, "sam", "a1", &caller), 0);
    assert_string_equal(support_last_change(&s), "sam user sign-in  ");
    assert_int_equal(caller.role, CLIENTID_ROLE_MEMBER);
    assert_string_equal(caller.actor, "sam");
    id = caller.user_id;
    assert_int_equal(clientid_control_user_get(s.control, id, take_user, user, &s.error), 0);
    assert_string_equal(user, "sam sam@x Sam L 3 2 1");
    assert_int_equal(come(&s, "sam", "a2", &caller), 0);
    assert_int_equal(caller.user_id, id);
    /* Without a password no password is right. */
    assert_int_equal(clientid_control_login(s.control, CLIENTID_STR("sam"), CLIENTID_STR(""), NULL,
                                            &token, &s.error),
                     CLIENTID_ERR_UNKNOWN_CALLER);
    assert_int_equal(
        clientid_control_user_set_password(s.control, id, CLIENTID_STR(SUPPORT_PASSWORD), &s.error),
        CLIENTID_ERR_RULE);
    assert_int_equal(strncmp(s.error.text, "identity: ", 10), 0);
    support_store_del(&s);
}

static void test_assertion_is_used_once(void **state)
{
    struct support_store s;
    clientid_caller caller;
    uint64_t revision, removed = 9;

    (void)state;
    support_accounts_new(&s);
    assert_int_equal(come(&s, "sam", "a1", &caller), 0);
    revision = support_revision(&s);
    assert_int_equal(come(&s, "sam", "a1", &caller), CLIENTID_ERR_RULE);
    assert_int_equal(strncmp(s.error.text, "assertion-used: ", 16), 0);
    assert_int_equal(come(&s, "tom", "a1", &caller), CLIENTID_ERR_RULE);
    assert_int_equal(support_revision(&s), revision);
    /* Remembered for as long as it could come again. */
    s.now_ns += 300 * SECOND - 1;
    assert_int_equal(clientid_control_tokens_prune(s.control, &removed, &s.error), 0);
    assert_int_equal(removed, 0);
    assert_int_equal(come(&s, "sam", "a1", &caller), CLIENTID_ERR_RULE);
    s.now_ns += 1;
    assert_int_equal(clientid_control_tokens_prune(s.control, &removed, &s.error), 0);
    assert_int_equal(removed, 1);
    support_store_del(&s);
}

static void test_who_does_not_come_so(void **state)
{
    clientid_user_record openid = {.size = sizeof(openid),
                                   .name = CLIENTID_STR("olga"),
                                   .role = CLIENTID_ROLE_MEMBER,
                                   .identity = CLIENTID_IDENTITY_OPENID,
                                   .enabled = 1};
    clientid_user_record off = {.size = sizeof(off)};
    clientid_federated_user late = {
        .size = sizeof(late), .name = CLIENTID_STR("sam"), .assertion_id = CLIENTID_STR("late")};
    clientid_token token = {.size = sizeof(token)};
    struct support_store s;
    clientid_caller caller;
    uint64_t id;

    (void)state;
    support_accounts_new(&s);
    support_new_user(&s, "mia", CLIENTID_ROLE_ADMINISTRATOR);
    assert_int_equal(come(&s, "mia", "a1", &caller), CLIENTID_ERR_RULE);
    assert_int_equal(strncmp(s.error.text, "identity: ", 10), 0);
    assert_int_equal(
        clientid_control_user_create(s.control, &openid, (clientid_str){NULL, 0}, &id, &s.error),
        0);
    assert_int_equal(come(&s, "olga", "a2", &caller), CLIENTID_ERR_RULE);
    assert_int_equal(clientid_control_login(s.control, CLIENTID_STR("olga"), CLIENTID_STR(""), NULL,
                                            &token, &s.error),
                     CLIENTID_ERR_UNKNOWN_CALLER);
    assert_int_equal(come(&s, "sam", "a3", &caller), 0);
    assert_int_equal(clientid_control_user_update(s.control, caller.user_id, &off,
                                                  CLIENTID_USER_ENABLED, &s.error),
                     0);
    assert_int_equal(come(&s, "sam", "a4", &caller), CLIENTID_ERR_FORBIDDEN);
    assert_int_equal(come(&s, "", "a5", &caller), CLIENTID_ERR_SYNTAX);
    assert_int_equal(come(&s, "sam", "", &caller), CLIENTID_ERR_SYNTAX);
    late.not_after_ns = s.now_ns;
    assert_int_equal(clientid_control_login_federated(s.control, &late, NULL, &token, &s.error),
                     CLIENTID_ERR_UNKNOWN_CALLER);
    support_store_del(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_made_when_first_seen),
        cmocka_unit_test(test_assertion_is_used_once),
        cmocka_unit_test(test_who_does_not_come_so),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
