/* SPDX-License-Identifier: Apache-2.0 */
/* Webhooks: which are taken, where their password is, and their JSON. */
#define _GNU_SOURCE /* memmem */
#include "support_gateway.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static clientid_hook_record record_of(const char *url, uint32_t authentication, const char *user,
                                      const char *password, const char *file)
{
    return (clientid_hook_record){.size = sizeof(clientid_hook_record),
                                  .url = support_str(url),
                                  .provider_type = 1,
                                  .subscriptions = SUPPORT_ALL_EVENTS,
                                  .authentication = authentication,
                                  .username = support_str(user),
                                  .password = support_str(password),
                                  .file_id = support_str(file)};
}

static void test_what_is_taken(void **state)
{
    static const struct {
        const char *url;
        uint32_t authentication;
        const char *user, *password, *file, *pointer; /* NULL: taken */
    } rows[] = {
        {"http://a", 0, "", "", "", NULL},
        {"HTTPS://a.example:8443/x?y=z@w", 0, "", "", "", NULL},
        {"https://a/x", 1, "system", "manage", "", NULL},
        {"https://a/x", 2, "", "", "client.pem", NULL},
        {"https://a/x", 2, "", "of the key", "client.pem", NULL},
        {"", 0, "", "", "", "/url"},
        {"ftp://a", 0, "", "", "", "/url"},
        {"http://", 0, "", "", "", "/url"},
        {"http:///x", 0, "", "", "", "/url"},
        {"http://a b", 0, "", "", "", "/url"},
        {"http://a\nb", 0, "", "", "", "/url"},
        {"http://user:pw@a/", 0, "", "", "", "/url"},
        {"https://a", 1, "", "manage", "", "/parameters/username"},
        {"https://a", 1, "sys:tem", "manage", "", "/parameters/username"},
        {"https://a", 1, "system", "", "", "/parameters/password"},
        {"https://a", 1, "system", "a\nb", "", "/parameters/password"},
        {"https://a", 1, "system", "manage", "x", "/parameters/file_id"},
        {"https://a", 0, "system", "", "", "/parameters/username"},
        {"https://a", 0, "", "manage", "", "/parameters/password"},
        {"https://a", 2, "", "", "", "/parameters/file_id"},
        {"https://a", 2, "", "", "../../etc/passwd", "/parameters/file_id"},
        {"https://a", 2, "", "", "a/b", "/parameters/file_id"},
        {"https://a", 2, "", "", ".hidden", "/parameters/file_id"},
    };
    struct support_store s;

    (void)state;
    support_store_new(&s);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        const clientid_hook_record record = record_of(rows[i].url, rows[i].authentication,
                                                      rows[i].user, rows[i].password, rows[i].file);
        uint64_t id = 0, revision = support_revision(&s);
        int rc = clientid_control_hook_create(s.control, &record, &id, &s.error);

        if (rc != (rows[i].pointer != NULL ? CLIENTID_ERR_SYNTAX : 0) ||
            (rc != 0 && strcmp(s.error.pointer, rows[i].pointer) != 0))
            fail_msg("row %zu: %d at %s", i, rc, s.error.pointer);
        assert_int_equal(support_revision(&s), revision + (rc == 0));
    }
    support_store_del(&s);
}

static int see_nothing_secret(void *sink, const clientid_hook_record *record)
{
    ++*(int *)sink;
    assert_int_equal(record->password.len, 0);
    return 0;
}

static int see_no_detail(void *sink, const clientid_change_record *record)
{
    (void)sink;
    assert_null(memmem(record->detail.ptr, record->detail.len, "manage", 6));
    return 0;
}

/* The password of what is delivered next. */
static void expect_password(struct support_gateway *g, const char *expected)
{
    static struct support_delivery d;
    uint64_t app = 0;

    support_user_request(&g->s, CLIENTID_USER_REQUEST_CREATION, &app, &g->petstore1, 1);
    assert_int_equal(support_due(&g->s, &d, 1, NULL), 1);
    assert_string_equal(d.password, expected);
    support_done(&g->s, d.record.id, CLIENTID_DELIVERY_DONE);
}

static void test_password(void **state)
{
    struct support_gateway g;
    clientid_hook_record record =
        record_of("https://a", CLIENTID_HOOK_BASIC, "system", "manage", "");
    int seen = 0;

    (void)state;
    support_gateway_new(&g);
    assert_int_equal(clientid_control_hook_update(g.s.control, g.hook, &record, &g.s.error), 0);
    expect_password(&g, "manage");
    assert_int_equal(support_sql(&g.s, "SELECT count(*) FROM hook WHERE instr(password, 'manage')"),
                     0);
    assert_int_equal(clientid_control_hook_list(g.s.control, see_nothing_secret, &seen, &g.s.error),
                     0);
    assert_int_equal(seen, 1);
    assert_int_equal(clientid_control_changes(g.s.control, 0, 0, see_no_detail, NULL, &g.s.error),
                     0);
    /* Left empty it stays. */
    record.password = CLIENTID_STR("");
    record.url = CLIENTID_STR("https://b");
    assert_int_equal(clientid_control_hook_update(g.s.control, g.hook, &record, &g.s.error), 0);
    expect_password(&g, "manage");
    record.password = CLIENTID_STR("changed");
    assert_int_equal(clientid_control_hook_update(g.s.control, g.hook, &record, &g.s.error), 0);
    expect_password(&g, "changed");
    /* With another authentication it does not. */
    record = record_of("https://a", CLIENTID_HOOK_OPEN, "", "", "");
    assert_int_equal(clientid_control_hook_update(g.s.control, g.hook, &record, &g.s.error), 0);
    expect_password(&g, "");
    record = record_of("https://a", CLIENTID_HOOK_BASIC, "system", "", "");
    assert_int_equal(clientid_control_hook_update(g.s.control, g.hook, &record, &g.s.error),
                     CLIENTID_ERR_SYNTAX);
    assert_int_equal(clientid_control_hook_update(g.s.control, 99, &record, &g.s.error),
                     CLIENTID_ERR_NOT_FOUND);
    support_gateway_del(&g);
}

static void test_without_key(void **state)
{
    struct support_store s;
    clientid_control *control = NULL;
    clientid_hook_record record = record_of("https://a", CLIENTID_HOOK_BASIC, "u", "p", "");
    uint64_t id;

    (void)state;
    support_store_new(&s);
    assert_int_equal(clientid_control_new(&control, s.store, NULL, NULL), 0);
    assert_int_equal(clientid_control_hook_create(control, &record, &id, &s.error),
                     CLIENTID_ERR_ARG);
    assert_int_equal(support_sql(&s, "SELECT count(*) FROM hook"), 0);
    record = record_of("https://a", CLIENTID_HOOK_OPEN, "", "", "");
    assert_int_equal(clientid_control_hook_create(control, &record, &id, &s.error), 0);
    clientid_control_del(control);
    support_store_del(&s);
}

struct json {
    clientid_control *control;
    char *text;
};

static int to_json(void *sink, const clientid_hook_record *record)
{
    struct json *json = sink;

    return clientid_hook_to_json(json->control, record, &json->text, NULL);
}

static void test_json(void **state)
{
    static const char text[] =
        "{\"url\":\"https://a/x\",\"configuration_type\":\"PROVIDER\",\"subscriptions\":"
        "[{\"id\":\"GATEWAY_APPLICATION_CREATION_REQUEST_EVENT\",\"name\":\"x\"},"
        "\"GATEWAY_APPLICATION_UPDATION_REQUEST_EVENT\"],"
        "\"parameters\":{\"authentication\":\"BASIC\",\"username\":\"system\","
        "\"password\":\"manage\"}}";
    struct support_store s;
    struct json json;
    clientid_hook_record record;
    clientid_json *owner = NULL;
    char id_text[40];
    uint64_t id;

    (void)state;
    support_store_new(&s);
    json = (struct json){s.control, NULL};
    assert_int_equal(
        clientid_hook_from_json(s.control, support_str(text), &record, &owner, &s.error), 0);
    assert_int_equal(record.subscriptions, 9);
    assert_int_equal(record.provider_type, 1);
    assert_int_equal(clientid_control_hook_create(s.control, &record, &id, &s.error), 0);
    clientid_json_del(owner);
    /* A callback may turn what it sees into JSON. */
    assert_int_equal(clientid_control_hook_get(s.control, id, to_json, &json, &s.error), 0);
    assert_int_equal(
        clientid_control_uuid_format(s.control, CLIENTID_UUID_HOOK, id, id_text, &s.error), 0);
    assert_non_null(strstr(json.text, id_text));
    assert_non_null(strstr(json.text, "\"configuration_type\":\"PROVIDER\""));
    assert_non_null(strstr(json.text, "{\"id\":\"GATEWAY_APPLICATION_UPDATION_REQUEST_EVENT\","
                                      "\"name\":\"Gateway application updation request event\""));
    assert_non_null(
        strstr(json.text, "\"parameters\":{\"authentication\":\"BASIC\",\"username\":\"system\"}"));
    assert_null(strstr(json.text, "manage"));
    clientid_json_free(json.text);
    support_store_del(&s);
}

static void test_json_errors(void **state)
{
    static const struct {
        const char *text, *pointer;
    } rows[] = {
        {"{\"url\":1}", "/url"},
        {"{\"uri\":\"x\"}", "/uri"},
        {"{\"configuration_type\":\"OTHER\"}", "/configuration_type"},
        {"{\"configuration_type\":1}", "/configuration_type"},
        {"{\"subscriptions\":{}}", "/subscriptions"},
        {"{\"subscriptions\":[\"API_PUBLISH_EVENT\"]}", "/subscriptions/0"},
        {"{\"subscriptions\":[{\"id\":\"x\"}]}", "/subscriptions/0"},
        {"{\"subscriptions\":[{\"event\":\"x\"}]}", "/subscriptions/0/event"},
        {"{\"subscriptions\":[7]}", "/subscriptions/0"},
        {"{\"parameters\":[]}", "/parameters"},
        {"{\"parameters\":{\"authentication\":\"TOKEN\"}}", "/parameters/authentication"},
        {"{\"parameters\":{\"token\":\"x\"}}", "/parameters/token"},
        {"{\"parameters\":{\"password\":1}}", "/parameters/password"},
    };
    struct support_store s;
    clientid_hook_record record;
    clientid_json *json;

    (void)state;
    support_store_new(&s);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        int rc =
            clientid_hook_from_json(s.control, support_str(rows[i].text), &record, &json, &s.error);

        if (rc != CLIENTID_ERR_SYNTAX || strcmp(s.error.pointer, rows[i].pointer) != 0)
            fail_msg("%s: %d at %s", rows[i].text, rc, s.error.pointer);
        assert_null(json);
        assert_int_equal(
            clientid_hook_from_json(s.control, support_str(rows[i].text), &record, &json, NULL),
            CLIENTID_ERR_SYNTAX);
    }
    support_store_del(&s);
}

static void test_events(void **state)
{
    (void)state;
    for (uint32_t bit = 1; bit <= 8; bit *= 2)
        assert_int_equal(clientid_hook_event_find(support_str(clientid_hook_event_id(bit))), bit);
    assert_null(clientid_hook_event_id(16));
    assert_null(clientid_hook_event_id(3));
    assert_int_equal(clientid_hook_event_find(CLIENTID_STR("API_PUBLISH_EVENT")), 0);
}

/* What waits for a hook that is deleted is not delivered; what another hook takes is. */
static void test_delete(void **state)
{
    struct support_gateway g;
    uint64_t second, app1 = 0, app2 = 0, r1, r2, hooks[2];

    (void)state;
    support_gateway_new(&g);
    r1 = support_user_request(&g.s, CLIENTID_USER_REQUEST_CREATION, &app1, &g.petstore1, 1);
    second = support_new_hook(&g.s, "https://second", SUPPORT_ALL_EVENTS);
    hooks[0] = g.hook;
    hooks[1] = second;
    support_set_hooks(&g.s, g.provider, hooks, 2);
    r2 = support_user_request(&g.s, CLIENTID_USER_REQUEST_CREATION, &app2, &g.petstore1, 1);
    assert_int_equal(support_backlog(&g.s), 3);
    assert_int_equal(clientid_control_hook_delete(g.s.control, g.hook, &g.s.error), 0);
    assert_int_equal(support_backlog(&g.s), 1);
    assert_string_equal(support_request_status(&g.s, r1), "DELIVERY_UNSUCCESSFUL");
    assert_string_equal(support_request_status(&g.s, r2), "NEW");
    assert_int_equal(support_deliver_all(&g.s), 1);
    assert_string_equal(support_request_status(&g.s, r2), "WAITING_THIRDPARTY");
    assert_int_equal(clientid_control_hook_delete(g.s.control, g.hook, &g.s.error),
                     CLIENTID_ERR_NOT_FOUND);
    support_gateway_del(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_is_taken), cmocka_unit_test(test_password),
        cmocka_unit_test(test_without_key),   cmocka_unit_test(test_json),
        cmocka_unit_test(test_json_errors),   cmocka_unit_test(test_events),
        cmocka_unit_test(test_delete),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
