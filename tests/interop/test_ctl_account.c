/* SPDX-License-Identifier: Apache-2.0 */
/* clientidctl: users, Connected Apps, owners of API instances. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "support_ctl.h"

#include <stdlib.h>
#include <string.h>

static void test_users(void **state)
{
    struct ctl_world *w = *state;
    json_t *json;

    CTL_INPUT(w, 0, "correct horse\n", "user", "create", "ada", "--role", "administrator",
              "--email", "ada@x", "--secret-stdin");
    assert_out(w, "created user ada with the number 1\n");
    CTL(w, 0, "user", "create", "sam", "--identity", "saml");
    CTL(w, 0, "user", "list");
    assert_out(w, "ID  USER  ROLE                        SIGNS IN BY  ENABLED  E-MAIL\n"
                  " 1  ada   Organization Administrator  password     yes      ada@x\n"
                  " 2  sam   Member                      saml         yes\n");
    CTL(w, 0, "user", "update", "sam", "--role", "api-owner", "--first-name", "Sam");
    CTL(w, 0, "user", "show", "2", "--json");
    json = ctl_json(w);
    assert_string_equal(json_string_value(json_object_get(json, "role")), "API Owner");
    assert_string_equal(json_string_value(json_object_get(json, "firstName")), "Sam");
    assert_null(json_object_get(json, "password"));
    json_decref(json);
    CTL_INPUT(w, 0, "another horse", "user", "set-password", "ada", "--secret-stdin");
    CTL(w, 0, "user", "disable", "sam");
    CTL(w, 0, "user", "enable", "sam");
    CTL(w, 4, "user", "disable", "ada");
    assert_err_has(w, "administrator-last: ");
    CTL(w, 0, "user", "delete", "sam");
    CTL(w, 3, "user", "show", "sam");
    assert_one_error(w);
    CTL(w, 0, "changes", "--json");
    assert_out_has(w, "\"verb\":\"set-password\"");
    assert_in_no_file(w, "", "correct horse");
    assert_in_no_file(w, "", "another horse");
}

static void test_passwords_come_in_by_no_argument(void **state)
{
    struct ctl_world *w = *state;

    CTL(w, 2, "user", "create", "ada");
    assert_err_has(w, "--secret-stdin");
    CTL(w, 2, "user", "create", "ada", "--password", "correct horse");
    assert_one_error(w);
    CTL_INPUT(w, 2, "correct horse", "user", "create", "ada", "--identity", "saml",
              "--secret-stdin");
    CTL_INPUT(w, 2, "short", "user", "create", "ada", "--secret-stdin");
    assert_err_has(w, "shorter than 8 bytes");
    CTL_INPUT(w, 2, "correct horse", "user", "create", "ada", "--role", "king", "--secret-stdin");
    CTL(w, 2, "user", "set-password", "ada");
    CTL(w, 0, "user", "list");
    assert_out(w, "ID  USER  ROLE  SIGNS IN BY  ENABLED  E-MAIL\n");
}

static void test_connected_apps(void **state)
{
    struct ctl_world *w = *state;
    char *first, *second;

    CTL_INPUT(w, 0, "correct horse", "user", "create", "mia", "--secret-stdin");
    CTL(w, 0, "connected-app", "create", "robot", "--owner", "mia", "--scope",
        "create:client_applications", "--scope", "read:api_contracts");
    first = ctl_value(w, "client secret");
    assert_int_equal(strlen(first), 32);
    CTL(w, 0, "connected-app", "list");
    assert_out_has(w, "create:client_applications read:api_contracts");
    CTL(w, 0, "app", "create", "shop", "--owner", "mia");
    CTL(w, 0, "connected-app", "grant", "robot", "shop");
    assert_out(w, "Connected App 1 may manage application 1\n");
    CTL(w, 0, "connected-app", "list", "--json");
    assert_out_has(w, "\"manage:client_application\"");
    CTL(w, 0, "connected-app", "grant", "robot", "shop", "--remove");
    CTL(w, 0, "connected-app", "update", "robot", "--name", "arm", "--scope", "manage:apis");
    CTL(w, 0, "connected-app", "rotate", "arm");
    second = ctl_value(w, "client secret");
    assert_string_not_equal(first, second);
    assert_in_no_file(w, "", first);
    assert_in_no_file(w, "", second);
    CTL(w, 4, "user", "delete", "mia");
    assert_err_has(w, "user-in-use: ");
    CTL(w, 0, "connected-app", "revoke", "arm");
    CTL(w, 3, "connected-app", "revoke", "arm");
    CTL(w, 3, "connected-app", "revoke", "1");
    CTL(w, 0, "connected-app", "list");
    CTL(w, 0, "user", "delete", "mia");
    free(first);
    free(second);
}

static void test_connected_app_arguments(void **state)
{
    struct ctl_world *w = *state;

    CTL_INPUT(w, 0, "correct horse", "user", "create", "mia", "--secret-stdin");
    CTL(w, 2, "connected-app", "create", "robot");
    assert_err_has(w, "--owner");
    CTL(w, 2, "connected-app", "create", "robot", "--owner", "mia", "--scope", "everything");
    CTL(w, 2, "connected-app", "create", "robot", "--owner", "mia", "--scope",
        "manage:client_application");
    assert_err_has(w, "connected-app grant");
    CTL(w, 3, "connected-app", "create", "robot", "--owner", "nobody");
    CTL(w, 0, "connected-app", "create", "robot", "--owner", "mia");
    CTL(w, 0, "connected-app", "create", "robot", "--owner", "mia");
    CTL(w, 2, "connected-app", "revoke", "robot");
    assert_err_has(w, "several");
    CTL(w, 2, "connected-app", "update", "1");
    CTL(w, 3, "connected-app", "rotate", "99");
}

static void test_api_owners(void **state)
{
    struct ctl_world *w = *state;

    CTL_INPUT(w, 0, "correct horse", "user", "create", "ida", "--role", "api-owner",
              "--secret-stdin");
    CTL(w, 0, "api", "create", "orders");
    CTL(w, 0, "api", "add-owner", "orders", "ida");
    assert_out(w, "ida owns API orders now\n");
    CTL(w, 4, "api", "add-owner", "orders", "ida");
    CTL(w, 3, "api", "add-owner", "orders", "nobody");
    CTL(w, 0, "api", "list-owners", "orders");
    assert_out(w, "OWNER\nida\n");
    CTL(w, 0, "api", "remove-owner", "orders", "ida");
    CTL(w, 3, "api", "remove-owner", "orders", "ida");
    CTL(w, 0, "api", "list-owners", "1", "--json");
    assert_out_has(w, "\"total\":0");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_users, ctl_setup, ctl_teardown),
        cmocka_unit_test_setup_teardown(test_passwords_come_in_by_no_argument, ctl_setup,
                                        ctl_teardown),
        cmocka_unit_test_setup_teardown(test_connected_apps, ctl_setup, ctl_teardown),
        cmocka_unit_test_setup_teardown(test_connected_app_arguments, ctl_setup, ctl_teardown),
        cmocka_unit_test_setup_teardown(test_api_owners, ctl_setup, ctl_teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
