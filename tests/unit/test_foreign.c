/* SPDX-License-Identifier: Apache-2.0 */
/* Events of another portal: what they do here, once, and how they are answered. */
#include "support_store.h"

#include <clientid/account.h>
#include <clientid/delivery.h>
#include <clientid/foreign.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct answer {
    size_t count;
    uint64_t id, lane;
    char url[256];
    char body[1024];
};

static int take(void *sink, const clientid_delivery *delivery)
{
    struct answer *answer = sink;

    assert_int_equal(delivery->kind, CLIENTID_DELIVERY_ANSWER);
    answer->count++;
    answer->id = delivery->id;
    answer->lane = delivery->lane;
    snprintf(answer->url, sizeof(answer->url), "%.*s", (int)delivery->url.len, delivery->url.ptr);
    snprintf(answer->body, sizeof(answer->body), "%.*s", (int)delivery->body.len,
             delivery->body.ptr != NULL ? delivery->body.ptr : "");
    return 0;
}

static struct answer due(struct support_store *s)
{
    struct answer answer = {0};
    uint64_t next_ns;

    assert_int_equal(
        clientid_control_delivery_due(s->control, NULL, 0, 10, take, &answer, &next_ns, &s->error),
        0);
    return answer;
}

static void done(struct support_store *s, uint64_t id, clientid_delivery_outcome outcome)
{
    assert_int_equal(
        clientid_control_delivery_done(s->control, id, outcome, 0, support_str("x"), &s->error), 0);
}

static int tell(struct support_store *s, uint32_t type, const char *id, const char *application,
                const char *api)
{
    const clientid_foreign_event event = {
        .size = sizeof(event),
        .type = type,
        .id = support_str(id),
        .application = support_str(application),
        .api = support_str(api),
        .name = support_str("Petstore App"),
    };

    return clientid_control_foreign_event(s->control, &event, &s->error);
}

static uint64_t count(struct support_store *s, uint32_t status)
{
    const clientid_contract_filter filter = {.size = sizeof(filter), .status = status};
    uint64_t number = 0;

    assert_int_equal(clientid_control_contract_count(s->control, &filter, &number, &s->error), 0);
    return number;
}

static void test_grant_once(void **state)
{
    struct support_store s;
    struct answer first, again;
    (void)state;

    support_store_new(&s);
    support_new_api(&s, "orders");
    assert_int_equal(tell(&s, CLIENTID_FOREIGN_GRANT, "e1", "a1", "orders"), 0);
    first = due(&s);
    assert_int_equal(first.count, 1);
    assert_string_equal(first.url, "/rest/v1/applications/a1?eventId=e1");
    assert_non_null(strstr(first.body, "\"clientSecret\":\""));
    /* Again while it waits: still one answer, the same. */
    assert_int_equal(tell(&s, CLIENTID_FOREIGN_GRANT, "e1", "a1", "orders"), 0);
    again = due(&s);
    assert_int_equal(again.count, 1);
    assert_string_equal(again.body, first.body);
    /* Not taken, for good: the event can come again and gets the same. */
    done(&s, first.id, CLIENTID_DELIVERY_REFUSED);
    assert_int_equal(due(&s).count, 0);
    assert_int_equal(tell(&s, CLIENTID_FOREIGN_GRANT, "e1", "a1", "orders"), 0);
    again = due(&s);
    assert_string_equal(again.body, first.body);
    /* Taken: nothing of it is left. */
    done(&s, again.id, CLIENTID_DELIVERY_DONE);
    assert_int_equal(tell(&s, CLIENTID_FOREIGN_GRANT, "e1", "a1", "orders"), 0);
    again = due(&s);
    assert_int_equal(again.count, 1);
    assert_string_equal(again.body, "");
    assert_int_equal(count(&s, 0), 1);
    support_store_del(&s);
}

static void test_turns(void **state)
{
    struct support_store s;
    uint64_t api;
    (void)state;

    support_store_new(&s);
    api = support_new_api(&s, "orders");
    support_new_tier(&s, api, "gold", false);
    assert_int_equal(tell(&s, CLIENTID_FOREIGN_GRANT, "e1", "a1", "orders"), 0);
    assert_int_equal(count(&s, CLIENTID_APPROVED), 1); /* the portal has approved it */
    assert_int_equal(tell(&s, CLIENTID_FOREIGN_REVOKE, "e2", "a1", "orders"), 0);
    assert_int_equal(count(&s, CLIENTID_REVOKED), 1);
    assert_int_equal(tell(&s, CLIENTID_FOREIGN_GRANT, "e3", "a1", "orders"), 0);
    assert_int_equal(count(&s, CLIENTID_APPROVED), 1);
    /* Nothing is there to be revoked: answered all the same. */
    assert_int_equal(tell(&s, CLIENTID_FOREIGN_REVOKE, "e4", "a2", "orders"), 0);
    assert_int_equal(due(&s).count, 2); /* the oldest of each application */
    support_store_del(&s);
}

static void test_refused(void **state)
{
    struct support_store s;
    const clientid_caller caller = {
        .size = sizeof(caller), .kind = CLIENTID_CALLER_USER, .role = CLIENTID_ROLE_ADMINISTRATOR};
    uint64_t revision;
    (void)state;

    support_store_new(&s);
    support_new_api(&s, "orders");
    revision = support_revision(&s);
    assert_int_equal(tell(&s, CLIENTID_FOREIGN_GRANT, "e1", "a1", "nowhere"),
                     CLIENTID_ERR_NOT_FOUND);
    assert_int_equal(tell(&s, CLIENTID_FOREIGN_GRANT, "e/1", "a1", "orders"), CLIENTID_ERR_SYNTAX);
    assert_int_equal(tell(&s, CLIENTID_FOREIGN_GRANT, "e1", "", "orders"), CLIENTID_ERR_SYNTAX);
    assert_int_equal(tell(&s, 4, "e1", "a1", "orders"), CLIENTID_ERR_ARG);
    assert_int_equal(clientid_control_set_caller(s.control, &caller), 0);
    assert_int_not_equal(tell(&s, CLIENTID_FOREIGN_GRANT, "e1", "a1", "orders"), 0);
    assert_int_equal(clientid_control_set_caller(s.control, NULL), 0);
    assert_int_equal(support_revision(&s), revision);
    assert_int_equal(due(&s).count, 0);
    support_store_del(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_grant_once),
        cmocka_unit_test(test_turns),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
