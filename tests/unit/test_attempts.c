/* SPDX-License-Identifier: Apache-2.0 */
/* Guessing is slow: per name, per address; who signs in pays nothing, and nobody pays for others. */
#include "support_account.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#define SECOND 1000000000ULL

struct world {
    struct support_store s;
    clientid_attempts *attempts;
};

static void world_new(struct world *w)
{
    support_accounts_new(&w->s);
    support_new_user(&w->s, "mia", CLIENTID_ROLE_MEMBER);
    support_new_user(&w->s, "bob", CLIENTID_ROLE_MEMBER);
    assert_int_equal(clientid_attempts_new(&w->attempts, &w->s.error), 0);
    clientid_control_set_attempts(w->s.control, w->attempts);
}

static void world_del(struct world *w)
{
    support_store_del(&w->s);
    clientid_attempts_del(w->attempts);
}

static int attempt(struct world *w, const char *name, const char *password, const char *address)
{
    clientid_login_options options = {.size = sizeof(options), .address = support_str(address)};
    clientid_token token = {.size = sizeof(token)};

    memset(&w->s.error, 0, sizeof(w->s.error));
    return clientid_control_login(w->s.control, support_str(name), support_str(password), &options,
                                  &token, &w->s.error);
}

static int fail_once(struct world *w, const char *name, const char *address)
{
    return attempt(w, name, "wrong horse", address);
}

static void test_name(void **state)
{
    struct world w;

    (void)state;
    world_new(&w);
    for (int i = 0; i < 10; i++)
        assert_int_equal(fail_once(&w, "mia", ""), CLIENTID_ERR_UNKNOWN_CALLER);
    assert_int_equal(fail_once(&w, "mia", ""), CLIENTID_ERR_LIMITED);
    assert_in_range(w.s.error.line, 1, 7);
    /* The right password neither, from wherever; other names as ever. */
    assert_int_equal(attempt(&w, "mia", SUPPORT_PASSWORD, "192.0.2.1"), CLIENTID_ERR_LIMITED);
    assert_int_equal(attempt(&w, "bob", SUPPORT_PASSWORD, ""), 0);
    assert_int_equal(fail_once(&w, "nobody", ""), CLIENTID_ERR_UNKNOWN_CALLER);
    w.s.now_ns += w.s.error.line * SECOND;
    w.s.now_ns += 6 * SECOND;
    assert_int_equal(attempt(&w, "mia", SUPPORT_PASSWORD, ""), 0);
    world_del(&w);
}

/* Names that nobody has are counted alike: the answer must not tell. */
static void test_unknown_name(void **state)
{
    struct world w;

    (void)state;
    world_new(&w);
    for (int i = 0; i < 10; i++)
        assert_int_equal(fail_once(&w, "nobody", ""), CLIENTID_ERR_UNKNOWN_CALLER);
    assert_int_equal(fail_once(&w, "nobody", ""), CLIENTID_ERR_LIMITED);
    world_del(&w);
}

static void test_address(void **state)
{
    char name[16];
    struct world w;

    (void)state;
    world_new(&w);
    for (int i = 0; i < 60; i++) {
        snprintf(name, sizeof(name), "user%d", i);
        assert_int_equal(fail_once(&w, name, "192.0.2.1"), CLIENTID_ERR_UNKNOWN_CALLER);
    }
    assert_int_equal(fail_once(&w, "another", "192.0.2.1"), CLIENTID_ERR_LIMITED);
    assert_int_equal(attempt(&w, "mia", SUPPORT_PASSWORD, "192.0.2.1"), CLIENTID_ERR_LIMITED);
    assert_int_equal(attempt(&w, "mia", SUPPORT_PASSWORD, "192.0.2.2"), 0);
    assert_int_equal(attempt(&w, "mia", SUPPORT_PASSWORD, ""), 0);
    /* Accounts are made from an address too. */
    {
        clientid_user_record record = {.size = sizeof(record), .name = CLIENTID_STR("new")};
        uint64_t id;

        assert_int_equal(clientid_control_user_register(w.s.control, &record,
                                                        CLIENTID_STR(SUPPORT_PASSWORD),
                                                        CLIENTID_STR("192.0.2.1"), &id, &w.s.error),
                         CLIENTID_ERR_LIMITED);
        assert_int_equal(clientid_control_user_register(w.s.control, &record,
                                                        CLIENTID_STR(SUPPORT_PASSWORD),
                                                        CLIENTID_STR("192.0.2.2"), &id, &w.s.error),
                         0);
    }
    world_del(&w);
}

/* What has no name, or no address, is not charged to all that have none. */
static void test_without_name_or_address(void **state)
{
    char name[16];
    struct world w;

    (void)state;
    world_new(&w);
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "user%d", i);
        assert_int_equal(fail_once(&w, name, ""), CLIENTID_ERR_UNKNOWN_CALLER);
    }
    for (int i = 0; i < 100; i++) {
        clientid_user_record record = {.size = sizeof(record), .name = support_str(name)};
        uint64_t id;

        snprintf(name, sizeof(name), "new%d", i);
        record.name = support_str(name);
        assert_int_equal(clientid_control_user_register(w.s.control, &record,
                                                        CLIENTID_STR(SUPPORT_PASSWORD),
                                                        support_str(name), &id, &w.s.error),
                         0);
    }
    world_del(&w);
}

static void test_success_is_given_back(void **state)
{
    struct world w;

    (void)state;
    world_new(&w);
    for (int i = 0; i < 9; i++)
        assert_int_equal(fail_once(&w, "mia", "192.0.2.1"), CLIENTID_ERR_UNKNOWN_CALLER);
    for (int i = 0; i < 200; i++)
        assert_int_equal(attempt(&w, "mia", SUPPORT_PASSWORD, "192.0.2.1"), 0);
    assert_int_equal(fail_once(&w, "mia", "192.0.2.1"), CLIENTID_ERR_UNKNOWN_CALLER);
    assert_int_equal(fail_once(&w, "mia", "192.0.2.1"), CLIENTID_ERR_LIMITED);
    world_del(&w);
}

static void test_passwords_without_token_and_programs(void **state)
{
    clientid_login_options options = {.size = sizeof(options)};
    clientid_caller caller = {.size = sizeof(caller)};
    clientid_token token = {.size = sizeof(token)};
    clientid_credentials robot;
    struct world w;

    (void)state;
    world_new(&w);
    support_new_connected_app(&w.s, "robot", 1, 0, &robot);
    for (int i = 0; i < 10; i++) {
        assert_int_equal(clientid_control_authenticate_password(w.s.control, support_str("mia"),
                                                                support_str("wrong horse"),
                                                                &options, &caller, NULL),
                         CLIENTID_ERR_UNKNOWN_CALLER);
        assert_int_equal(
            clientid_control_login_connected_app(w.s.control, support_str(robot.client_id),
                                                 support_str("wrong"), &options, &token, NULL),
            CLIENTID_ERR_UNKNOWN_CALLER);
    }
    assert_int_equal(attempt(&w, "mia", SUPPORT_PASSWORD, ""), CLIENTID_ERR_LIMITED);
    assert_int_equal(clientid_control_login_connected_app(w.s.control, support_str(robot.client_id),
                                                          support_str(robot.client_secret),
                                                          &options, &token, NULL),
                     CLIENTID_ERR_LIMITED);
    world_del(&w);
}

static uint64_t now(void *self)
{
    return ((struct support_store *)self)->now_ns;
}

/* One count for all controls of a process; none for a control that was given none. */
static void test_controls_share(void **state)
{
    clientid_control_options options = {.size = sizeof(options), .now_ns = now};
    clientid_control *mine;
    struct world w;

    (void)state;
    world_new(&w);
    options.now_self = &w.s;
    for (int i = 0; i < 10; i++)
        assert_int_equal(fail_once(&w, "mia", ""), CLIENTID_ERR_UNKNOWN_CALLER);
    mine = w.s.control;
    assert_int_equal(clientid_control_new(&w.s.control, w.s.store, &options, NULL), 0);
    clientid_control_set_attempts(w.s.control, w.attempts);
    assert_int_equal(fail_once(&w, "mia", ""), CLIENTID_ERR_LIMITED);
    clientid_control_set_attempts(w.s.control, NULL);
    assert_int_equal(fail_once(&w, "mia", ""), CLIENTID_ERR_UNKNOWN_CALLER);
    clientid_control_del(w.s.control);
    w.s.control = mine;
    clientid_control_set_attempts(NULL, NULL);
    clientid_attempts_del(NULL);
    assert_int_equal(clientid_attempts_new(NULL, NULL), CLIENTID_ERR_ARG);
    world_del(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_name),
        cmocka_unit_test(test_unknown_name),
        cmocka_unit_test(test_address),
        cmocka_unit_test(test_without_name_or_address),
        cmocka_unit_test(test_success_is_given_back),
        cmocka_unit_test(test_passwords_without_token_and_programs),
        cmocka_unit_test(test_controls_share),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
