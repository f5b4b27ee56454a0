/* SPDX-License-Identifier: Apache-2.0 */
/* What the store keeps as totals is what counting rows gives, whatever was done before. */
#include "support_random.h"
#include "support_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define APIS  2
#define TIERS 4
#define APPS  6

static int count_one(void *sink, const void *record)
{
    (void)record;
    ++*(uint64_t *)sink;
    return 0;
}

static int count_contract(void *sink, const clientid_contract_record *record)
{
    return count_one(sink, record);
}

static int count_application(void *sink, const clientid_application_record *record)
{
    return count_one(sink, record);
}

static int keep_count(void *sink, const clientid_tier_record *record)
{
    *(uint64_t *)sink = record->application_count;
    return 0;
}

static void check_contracts(struct support_store *s, uint64_t api, uint32_t status)
{
    clientid_contract_filter filter = {.size = sizeof(filter), .api_id = api, .status = status};
    uint64_t listed = 0, counted = 0;

    assert_int_equal(
        clientid_control_contract_list(s->control, &filter, count_contract, &listed, &s->error), 0);
    filter.max = 1; /* a page does not change the total */
    filter.offset = 2;
    assert_int_equal(clientid_control_contract_count(s->control, &filter, &counted, &s->error), 0);
    assert_int_equal(listed, counted);
}

static void check_tier(struct support_store *s, uint64_t tier)
{
    clientid_contract_filter filter = {.size = sizeof(filter), .tier_id = tier};
    uint64_t listed = 0, counted = UINT64_MAX;

    assert_int_equal(
        clientid_control_contract_list(s->control, &filter, count_contract, &listed, &s->error), 0);
    assert_int_equal(clientid_control_tier_get(s->control, tier, keep_count, &counted, &s->error),
                     0);
    assert_int_equal(listed, counted);
}

static void check_applications(struct support_store *s)
{
    uint64_t listed = 0, counted = 0;

    assert_int_equal(
        clientid_control_application_list(s->control, NULL, count_application, &listed, &s->error),
        0);
    assert_int_equal(clientid_control_application_count(s->control, NULL, &counted, &s->error), 0);
    assert_int_equal(listed, counted);
}

static void do_something(struct support_store *s, uint64_t *seed, const uint64_t *apis,
                         const uint64_t *tiers, uint64_t *apps)
{
    uint64_t app = support_below(seed, APPS), api = support_below(seed, APIS), contract = 0;
    clientid_access_request request = {
        .size = sizeof(request),
        .application_id = apps[app],
        .api_id = apis[api],
        .tier_id = tiers[api * 2 + support_below(seed, 2)],
        .accepted_terms = 1,
    };
    char id[16];

    clientid_control_contract_find(s->control, apps[app], apis[api], &contract, NULL);
    switch (support_below(seed, 6)) {
    case 0:
    case 1:
        clientid_control_contract_request(s->control, &request, NULL, NULL, NULL);
        break;
    case 2:
        clientid_control_contract_change_tier(s->control, contract, request.tier_id, NULL, NULL);
        break;
    case 3:
        if (clientid_control_application_delete(s->control, apps[app], NULL) != 0)
            break;
        snprintf(id, sizeof(id), "app%llu", (unsigned long long)support_random(seed) % 100000000);
        apps[app] = support_new_application(s, id);
        break;
    default:
        clientid_control_contract_act(
            s->control, contract, (clientid_verb)support_below(seed, CLIENTID_VERB_COUNT), NULL);
    }
}

static void totals_are_what_counting_gives(void **state)
{
    struct support_store *s = *state;
    uint64_t apis[APIS], tiers[TIERS], apps[APPS], seed = 7;
    char name[16];

    for (int i = 0; i < APIS; i++) {
        snprintf(name, sizeof(name), "api%d", i);
        apis[i] = support_new_api(s, name);
        tiers[2 * i] = support_new_tier(s, apis[i], "manual", false);
        tiers[2 * i + 1] = support_new_tier(s, apis[i], "automatic", true);
    }
    for (int i = 0; i < APPS; i++) {
        snprintf(name, sizeof(name), "app-%d", i);
        apps[i] = support_new_application(s, name);
    }
    for (int round = 0; round < 2000; round++) {
        do_something(s, &seed, apis, tiers, apps);
        if (round % 20 != 0)
            continue;
        for (int i = 0; i < APIS; i++)
            for (uint32_t status = 0; status <= CLIENTID_REVOKED; status++)
                check_contracts(s, apis[i], status);
        for (int i = 0; i < TIERS; i++)
            check_tier(s, tiers[i]);
        check_applications(s);
    }
}

static int setup(void **state)
{
    struct support_store *s = calloc(1, sizeof(*s));

    support_store_new(s);
    *state = s;
    return 0;
}

static int teardown(void **state)
{
    support_store_del(*state);
    free(*state);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(totals_are_what_counting_gives, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
