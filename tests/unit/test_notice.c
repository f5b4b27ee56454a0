/* SPDX-License-Identifier: Apache-2.0 */
/* Who is written to about what. */
#include "support_gateway.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct world {
    struct support_store s;
    uint64_t api, gold, free_tier, app;
};

static void add_owner(struct world *w, const char *name)
{
    assert_int_equal(clientid_control_owner_add(w->s.control, w->app, CLIENTID_OWNER_USER,
                                                support_str(name), &w->s.error),
                     0);
}

static void world_new(struct world *w)
{
    support_store_new(&w->s);
    w->api = support_new_api(&w->s, "orders");
    w->gold = support_new_tier(&w->s, w->api, "gold", false);
    w->free_tier = support_new_tier(&w->s, w->api, "free", true);
    w->app = support_new_application(&w->s, "app");
    support_sql(&w->s, "INSERT INTO user VALUES"
                       "(1,'root','root@x','','',1,1,1,'',1,1),"
                       "(2,'off','off@x','','',1,1,0,'',1,1)," /* disabled */
                       "(3,'mute','','','',1,1,1,'',1,1),"     /* without address */
                       "(4,'ann','ann@x','','',2,1,1,'',1,1),"
                       "(5,'mia','mia@x','','',3,1,1,'',1,1)");
    add_owner(w, "mia");
    add_owner(w, "joe@y"); /* no user, an address */
    add_owner(w, "nobody");
    add_owner(w, "mute");
    add_owner(w, "off");
    assert_int_equal(clientid_control_notices_set(w->s.control, 1, &w->s.error), 0);
}

/* Takes all that wait; "root@x: Access to ..." a line. */
static void mails(struct world *w, char *out, size_t size)
{
    static struct support_delivery d[8];
    size_t count, used = 0;

    out[0] = '\0';
    while ((count = support_due(&w->s, d, 8, NULL)) > 0)
        for (size_t i = 0; i < count; i++) {
            assert_int_equal(d[i].record.kind, CLIENTID_DELIVERY_MAIL);
            assert_true(d[i].record.lane >> 62 == 1);
            used +=
                (size_t)snprintf(out + used, size - used, "%s: %s\n", d[i].recipient, d[i].subject);
            support_done(&w->s, d[i].record.id, CLIENTID_DELIVERY_DONE);
        }
}

static void expect(struct world *w, const char *expected)
{
    char got[1024];

    mails(w, got, sizeof(got));
    assert_string_equal(got, expected);
}

static void test_who(void **state)
{
    struct world w;
    uint64_t contract;

    (void)state;
    world_new(&w);
    contract = support_new_contract(&w.s, w.app, w.api, w.gold);
    expect(&w, "root@x: Access to orders requested by An application\n");
    support_act(&w.s, contract, CLIENTID_VERB_REJECT);
    expect(&w, "joe@y: Access to orders refused to An application\n"
               "mia@x: Access to orders refused to An application\n");
    support_act(&w.s, contract, CLIENTID_VERB_DELETE);
    expect(&w, "");
    /* An owner of the API instead of all administrators. */
    support_sql(&w.s, "INSERT INTO api_owner SELECT id, 'ann' FROM api");
    contract = support_new_contract(&w.s, w.app, w.api, w.gold);
    expect(&w, "ann@x: Access to orders requested by An application\n");
    support_act(&w.s, contract, CLIENTID_VERB_APPROVE);
    expect(&w, "joe@y: Access to orders granted to An application\n"
               "mia@x: Access to orders granted to An application\n");
    support_act(&w.s, contract, CLIENTID_VERB_REVOKE);
    expect(&w, "joe@y: Access to orders revoked from An application\n"
               "mia@x: Access to orders revoked from An application\n");
    support_act(&w.s, contract, CLIENTID_VERB_RESTORE);
    expect(&w, "joe@y: Access to orders granted to An application\n"
               "mia@x: Access to orders granted to An application\n");
    /* A tier change is told to nobody. */
    assert_int_equal(
        clientid_control_contract_change_tier(w.s.control, contract, w.free_tier, NULL, &w.s.error),
        0);
    expect(&w, "");
    support_store_del(&w.s);
}

static void test_withdrawn_is_silent(void **state)
{
    struct world w;
    uint64_t contract;
    char text[1024];

    (void)state;
    world_new(&w);
    contract = support_new_contract(&w.s, w.app, w.api, w.gold);
    mails(&w, text, sizeof(text));
    support_act(&w.s, contract, CLIENTID_VERB_WITHDRAW);
    expect(&w, "");
    support_store_del(&w.s);
}

static void test_off(void **state)
{
    struct world w;

    (void)state;
    world_new(&w);
    assert_int_equal(clientid_control_notices_set(w.s.control, 2, &w.s.error), CLIENTID_ERR_ARG);
    /* Kept in the store. */
    support_store_reopen(&w.s, NULL);
    support_new_contract(&w.s, w.app, w.api, w.free_tier);
    assert_int_equal(support_backlog(&w.s), 2);
    assert_int_equal(clientid_control_notices_set(w.s.control, 0, &w.s.error), 0);
    support_new_contract(&w.s, support_new_application(&w.s, "other"), w.api, w.gold);
    assert_int_equal(support_backlog(&w.s), 2);
    support_store_del(&w.s);
}

static void test_text(void **state)
{
    static struct support_delivery d;
    struct world w;

    (void)state;
    world_new(&w);
    support_new_contract(&w.s, w.app, w.api, w.gold);
    assert_int_equal(support_due(&w.s, &d, 1, NULL), 1);
    assert_string_equal(d.body,
                        "Access to the API orders has been requested and waits for approval.\n"
                        "\n"
                        "Application: An application\n"
                        "Client id:   app\n");
    support_store_del(&w.s);
}

/* The longest names fit. */
static void test_long_names(void **state)
{
    struct support_store s;
    char name[CLIENTID_NAME_MAX + 1] = "", api_name[CLIENTID_API_NAME_MAX + 1] = "";
    char id[CLIENTID_ID_MAX + 1] = "";
    clientid_application_record record = {.size = sizeof(record)};
    clientid_str owner = CLIENTID_STR("mia@x");
    clientid_credentials credentials = {.size = sizeof(credentials)};

    (void)state;
    support_store_new(&s);
    memset(name, 'n', CLIENTID_NAME_MAX);
    memset(api_name, 'a', CLIENTID_API_NAME_MAX);
    memset(id, 'i', CLIENTID_ID_MAX);
    record.name = support_str(name);
    record.client_id = support_str(id);
    record.owners = &owner;
    record.owner_count = 1;
    assert_int_equal(clientid_control_application_create(s.control, &record, CLIENTID_STR("x"),
                                                         &credentials, &s.error),
                     0);
    assert_int_equal(clientid_control_notices_set(s.control, 1, &s.error), 0);
    support_new_contract(&s, credentials.application_id, support_new_api(&s, api_name), 0);
    /* Longer than what the other tests look at. */
    assert_int_equal(support_sql(&s, "SELECT length(subject) FROM outbox"),
                     sizeof("Access to  granted to ") - 1 + CLIENTID_NAME_MAX +
                         CLIENTID_API_NAME_MAX);
    assert_int_equal(support_sql(&s, "SELECT instr(body, 'iiii') > 0 AND substr(body, -1) ="
                                     " char(10) FROM outbox"),
                     1);
    support_store_del(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who),        cmocka_unit_test(test_withdrawn_is_silent),
        cmocka_unit_test(test_off),        cmocka_unit_test(test_text),
        cmocka_unit_test(test_long_names),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
