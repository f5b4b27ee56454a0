/* SPDX-License-Identifier: Apache-2.0 */
/* A gateway that follows the links knows what is in force, whatever happens between two pages. */
#include "support_random.h"
#include "support_store.h"

#include <clientid/account.h>
#include <clientid/feed.h>

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define PATH "/apigateway/ccs/v3/organizations/o/environments/e/apis/1/contracts"

/* ---- a gateway --------------------------------------------------------------------------------- */

struct gateway {
    struct support_store *s;
    uint64_t api, items;
    char cursor[128];
    json_t *contracts; /* contractId to item */
    json_t *tiers;     /* id to tier */
    int rc;
};

static void gateway_reset(struct gateway *g)
{
    json_object_clear(g->contracts);
    json_object_clear(g->tiers);
    g->cursor[0] = '\0';
}

static struct gateway gateway_new(struct support_store *s, uint64_t api, uint64_t items)
{
    return (struct gateway){
        .s = s, .api = api, .items = items, .contracts = json_object(), .tiers = json_object()};
}

static void gateway_del(struct gateway *g)
{
    json_decref(g->contracts);
    json_decref(g->tiers);
}

static json_t *page_of(struct gateway *g, uint64_t *news)
{
    const clientid_feed_options options = {
        .size = sizeof(options),
        .api_id = g->api,
        .cursor = support_str(g->cursor),
        .items = g->items,
        .organization = CLIENTID_STR("o"),
        .path = CLIENTID_STR(PATH),
    };
    clientid_feed_page page = {.size = sizeof(page)};
    json_t *json;

    g->rc = clientid_control_feed(g->s->control, &options, &page, &g->s->error);
    if (g->rc != 0)
        return NULL;
    assert_int_equal(page.len, strlen(page.text));
    json = json_loads(page.text, 0, NULL);
    assert_non_null(json);
    assert_int_equal(json_array_size(json_object_get(json, "data")), page.items);
    *news = page.news;
    clientid_json_free(page.text);
    return json;
}

static void take_items(struct gateway *g, const json_t *page)
{
    size_t i;
    json_t *item;

    json_array_foreach(json_object_get(page, "data"), i, item)
    {
        const char *id = json_string_value(json_object_get(item, "contractId"));

        if (json_is_true(json_object_get(item, "removed")))
            json_object_del(g->contracts, id);
        else
            json_object_set(g->contracts, id, item);
    }
    json_array_foreach(json_object_get(page, "tiers"), i, item)
    {
        char id[24];

        snprintf(id, sizeof(id), "%lld",
                 (long long)json_integer_value(json_object_get(item, "id")));
        if (json_is_true(json_object_get(item, "removed")))
            json_object_del(g->tiers, id);
        else
            json_object_set(g->tiers, id, item);
    }
}

/* One page; false when there was no news, or the gateway has to begin again. */
static bool gateway_turn(struct gateway *g)
{
    uint64_t news = 0;
    json_t *page = page_of(g, &news);
    const char *next, *cursor;

    if (page == NULL) {
        assert_int_equal(g->rc, CLIENTID_ERR_GAP);
        gateway_reset(g);
        return true;
    }
    take_items(g, page);
    next = json_string_value(json_object_get(json_object_get(page, "links"), "next"));
    cursor = strstr(next, "?cursor=");
    assert_non_null(cursor);
    snprintf(g->cursor, sizeof(g->cursor), "%s", cursor + strlen("?cursor="));
    json_decref(page);
    return news != 0;
}

/* As many pages as there are. */
static void gateway_follow(struct gateway *g)
{
    bool first = g->cursor[0] == '\0';

    for (int i = 0; i < 10000; i++) {
        bool news = gateway_turn(g);

        if (!news && !first)
            return;
        first = g->cursor[0] == '\0';
    }
    fail_msg("the links never end");
}

/* ---- what is in force, from the records --------------------------------------------------------- */

static int copy_application(void *sink, const clientid_application_record *record)
{
    *(clientid_application_record *)sink = *record;
    return 0;
}

static void hex_of(char *out, const unsigned char *bytes, size_t len)
{
    for (size_t i = 0; i < len; i++)
        sprintf(out + 2 * i, "%02x", bytes[i]);
}

/* What of a contract counts here; a callback must not ask the control that calls it. */
struct facts {
    uint64_t id, application_id, tier_id;
    char client_id[32];
};

static void check_secrets(struct gateway *g, const struct facts *facts, const json_t *item)
{
    clientid_application_record app;
    const json_t *slots = json_object_get(item, "secrets");
    char hash[65] = "";
    unsigned used = 0;

    assert_int_equal(clientid_control_application_get(g->s->control, facts->application_id,
                                                      copy_application, &app, NULL),
                     0);
    for (unsigned i = 0; i < 2; i++) {
        if (app.secrets[i].algorithm == CLIENTID_SECRET_NONE)
            continue;
        used++;
        hex_of(hash, app.secrets[i].hash, 32);
        if (slots != NULL)
            assert_string_equal(
                json_string_value(json_object_get(json_array_get(slots, used - 1), "hash")), hash);
    }
    if (slots != NULL)
        assert_int_equal(json_array_size(slots), used);
    /* A gateway that takes one secret takes the one set last. */
    if (app.newest_slot != 0)
        hex_of(hash, app.secrets[app.newest_slot - 1].hash, 32);
    assert_string_equal(json_string_value(json_object_get(item, "clientSecret")), hash);
}

static void check_contract(struct gateway *g, const struct facts *facts)
{
    char id[24], tier[24];
    const json_t *item;

    snprintf(id, sizeof(id), "%llu", (unsigned long long)facts->id);
    snprintf(tier, sizeof(tier), "%llu", (unsigned long long)facts->tier_id);
    item = json_object_get(g->contracts, id);
    if (item == NULL)
        fail_msg("contract %s is missing", id);
    assert_string_equal(json_string_value(json_object_get(item, "clientId")), facts->client_id);
    if (facts->tier_id == 0) {
        assert_true(json_is_null(json_object_get(item, "slaTierId")));
    } else {
        assert_string_equal(json_string_value(json_object_get(item, "slaTierId")), tier);
        assert_non_null(json_object_get(g->tiers, tier));
    }
    check_secrets(g, facts, item);
}

struct list {
    struct facts facts[512];
    size_t count;
};

static int collect(void *sink, const clientid_contract_record *record)
{
    struct list *list = sink;
    struct facts *facts = &list->facts[list->count++];

    assert_true(list->count < 512);
    *facts = (struct facts){record->id, record->application_id, record->tier_id, ""};
    snprintf(facts->client_id, sizeof(facts->client_id), "%.*s", (int)record->client_id.len,
             record->client_id.ptr);
    return 0;
}

static void assert_knows_all(struct gateway *g, const uint64_t *places, size_t count)
{
    struct list list = {.count = 0};

    for (size_t i = 0; i < count; i++) {
        clientid_contract_filter filter = {
            .size = sizeof(filter), .api_id = places[i], .status = CLIENTID_APPROVED};

        assert_int_equal(
            clientid_control_contract_list(g->s->control, &filter, collect, &list, NULL), 0);
    }
    for (size_t i = 0; i < list.count; i++)
        check_contract(g, &list.facts[i]);
    assert_int_equal(json_object_size(g->contracts), list.count);
}

/* ---- tests -------------------------------------------------------------------------------------- */

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

static void an_item_is_in_the_vendors_words(void **state)
{
    struct support_store *s = *state;
    uint64_t api = support_new_api(s, "orders");
    uint64_t tier = support_new_tier(s, api, "gold", true);
    uint64_t app = support_new_application(s, "shop");
    uint64_t contract = support_new_contract(s, app, api, tier);
    struct gateway g = gateway_new(s, api, 0);
    uint64_t news;
    json_t *page = page_of(&g, &news);
    json_t *item = json_array_get(json_object_get(page, "data"), 0);
    char id[24], text[24];
    clientid_secret slot = {.algorithm = CLIENTID_SECRET_NONE};
    const char *salt = json_string_value(json_object_get(item, "clientSecretSalt"));
    char hash[65];

    snprintf(id, sizeof(id), "%llu", (unsigned long long)contract);
    snprintf(text, sizeof(text), "%llu", (unsigned long long)tier);
    assert_string_equal(json_string_value(json_object_get(item, "organizationId")), "o");
    assert_string_equal(json_string_value(json_object_get(item, "contractId")), id);
    assert_string_equal(json_string_value(json_object_get(item, "slaTierId")), text);
    assert_string_equal(json_string_value(json_object_get(item, "clientId")), "shop");
    assert_true(json_is_null(json_object_get(item, "removed")));
    assert_null(json_object_get(item, "secrets")); /* there is no more to say */
    /* hash = hex(SHA-256(salt || secret)), the salt as the text it is. */
    slot.salt_len = (uint32_t)strlen(salt);
    memcpy(slot.salt, salt, slot.salt_len);
    assert_int_equal(clientid_secret_hash(&slot, CLIENTID_STR("secret-of-shop"), NULL, 0), 0);
    hex_of(hash, slot.hash, 32);
    assert_string_equal(json_string_value(json_object_get(item, "clientSecret")), hash);
    assert_int_equal(json_array_size(json_object_get(page, "tiers")), 1);
    assert_int_equal(
        strncmp(json_string_value(json_object_get(json_object_get(page, "links"), "next")),
                PATH "?cursor=", strlen(PATH "?cursor=")),
        0);
    json_decref(page);
    gateway_del(&g);
}

static void only_approved_contracts_are_told_and_their_end(void **state)
{
    struct support_store *s = *state;
    uint64_t api = support_new_api(s, "orders");
    uint64_t manual = support_new_tier(s, api, "manual", false);
    uint64_t contract = support_new_contract(s, support_new_application(s, "shop"), api, manual);
    struct gateway g = gateway_new(s, api, 0);

    gateway_follow(&g);
    assert_int_equal(json_object_size(g.contracts), 0);
    support_act(s, contract, CLIENTID_VERB_APPROVE);
    gateway_follow(&g);
    assert_int_equal(json_object_size(g.contracts), 1);
    support_act(s, contract, CLIENTID_VERB_REVOKE);
    gateway_follow(&g);
    assert_int_equal(json_object_size(g.contracts), 0);
    support_act(s, contract, CLIENTID_VERB_RESTORE);
    gateway_follow(&g);
    assert_int_equal(json_object_size(g.contracts), 1);
    support_act(s, contract, CLIENTID_VERB_REVOKE);
    support_act(s, contract, CLIENTID_VERB_DELETE);
    gateway_follow(&g);
    assert_int_equal(json_object_size(g.contracts), 0);
    gateway_del(&g);
}

static void both_secrets_of_a_rotation_are_told(void **state)
{
    struct support_store *s = *state;
    uint64_t api = support_new_api(s, "orders");
    uint64_t app = support_new_application(s, "shop");
    struct gateway g = gateway_new(s, api, 0);
    clientid_secret_options options = {.size = sizeof(options), .overlap_ns = 3600000000000};
    clientid_credentials credentials = {.size = sizeof(credentials)};
    const char *key;
    json_t *item;

    support_new_contract(s, app, api, 0);
    gateway_follow(&g);
    s->now_ns += 1000000000;
    assert_int_equal(
        clientid_control_secret_reset(s->control, app, &options, &credentials, &s->error), 0);
    gateway_follow(&g);
    json_object_foreach(g.contracts, key, item)
    {
        json_t *slots = json_object_get(item, "secrets");

        assert_int_equal(json_array_size(slots), 2);
        assert_false(json_is_null(json_object_get(json_array_get(slots, 0), "notAfter")));
    }
    gateway_del(&g);
}

/* One change of an application changes all its contracts, under one revision: a page may end between them. */
static void a_feed_without_organization_and_path(void **state)
{
    struct support_store *s = *state;
    const clientid_feed_options options = {.size = sizeof(options),
                                           .api_id = support_new_api(s, "orders")};
    clientid_feed_page page = {.size = sizeof(page)};

    support_new_contract(s, support_new_application(s, "shop"), options.api_id, 0);
    assert_int_equal(clientid_control_feed(s->control, &options, &page, &s->error), 0);
    assert_non_null(strstr(page.text, "\"organizationId\":\"\""));
    clientid_json_free(page.text);
}

static void a_page_that_ends_within_a_revision(void **state)
{
    struct support_store *s = *state;
    uint64_t api = support_new_api(s, "orders");
    uint64_t places[2] = {api, support_new_group(s, "group", "orders")};
    uint64_t app = support_new_application(s, "shop");
    struct gateway g = gateway_new(s, api, 1);
    clientid_credentials credentials = {.size = sizeof(credentials)};

    support_new_contract(s, app, places[0], 0);
    support_new_contract(s, app, places[1], 0);
    gateway_follow(&g);
    assert_int_equal(clientid_control_secret_reset(s->control, app, NULL, &credentials, &s->error),
                     0);
    gateway_follow(&g);
    assert_knows_all(&g, places, 2);
    gateway_del(&g);
}

/* What changes while the first pass is under way comes with the increments. */
static void a_change_behind_the_first_pass(void **state)
{
    struct support_store *s = *state;
    uint64_t api = support_new_api(s, "orders"), contracts[4];
    struct gateway g = gateway_new(s, api, 1);

    for (int i = 0; i < 4; i++) {
        char id[16];

        snprintf(id, sizeof(id), "app%d", i);
        contracts[i] = support_new_contract(s, support_new_application(s, id), api, 0);
    }
    gateway_turn(&g);
    gateway_turn(&g);
    support_act(s, contracts[0], CLIENTID_VERB_REVOKE);
    gateway_follow(&g);
    assert_knows_all(&g, &api, 1);
    gateway_del(&g);
}

static void a_group_is_told_to_its_members(void **state)
{
    struct support_store *s = *state;
    uint64_t orders = support_new_api(s, "orders"), other = support_new_api(s, "other");
    uint64_t group = support_new_group(s, "shop-apis", "orders");
    struct gateway g = gateway_new(s, orders, 1), h = gateway_new(s, other, 1);
    const char *key;
    json_t *item;

    support_new_contract(s, support_new_application(s, "one"), group, 0);
    support_new_contract(s, support_new_application(s, "two"), orders, 0);
    gateway_follow(&g);
    gateway_follow(&h);
    assert_int_equal(json_object_size(g.contracts), 2);
    assert_int_equal(json_object_size(h.contracts), 0);
    json_object_foreach(g.contracts, key, item)
    {
        bool one = strcmp(json_string_value(json_object_get(item, "clientId")), "one") == 0;

        assert_int_equal(one, json_object_get(item, "group") != NULL);
    }
    gateway_del(&g);
    gateway_del(&h);
}

static void a_cursor_that_leads_nowhere_is_refused(void **state)
{
    struct support_store *s = *state;
    static const struct {
        const char *why, *cursor;
        int rc;
    } rows[] = {
        {"no cursor at all", "hello", CLIENTID_ERR_SYNTAX},
        {"a part is missing", "i.1.1", CLIENTID_ERR_SYNTAX},
        {"a part too much", "i.1.1.1.1", CLIENTID_ERR_SYNTAX},
        {"no digits", "i.1..1", CLIENTID_ERR_SYNTAX},
        {"upper case: a second spelling", "i.A.1.1", CLIENTID_ERR_SYNTAX},
        {"more than 64 bits", "i.11111111111111111.1.1", CLIENTID_ERR_SYNTAX},
        {"of another store", "i.1.1.1", CLIENTID_ERR_GAP},
    };
    uint64_t api = support_new_api(s, "orders"), news;
    struct gateway g = gateway_new(s, api, 0);

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        snprintf(g.cursor, sizeof(g.cursor), "%s", rows[i].cursor);
        assert_null(page_of(&g, &news));
        if (g.rc != rows[i].rc)
            fail_msg("%s: %d", rows[i].why, g.rc);
    }
    gateway_reset(&g);
    gateway_follow(&g);
    /* The log forgets what the cursor still needs. */
    support_new_contract(s, support_new_application(s, "one"), api, 0);
    s->now_ns += 1000;
    assert_int_equal(clientid_control_changes_prune(s->control, s->now_ns, NULL, &s->error), 0);
    assert_null(page_of(&g, &news));
    assert_int_equal(g.rc, CLIENTID_ERR_GAP);
    gateway_del(&g);
}

static void a_pepper_cannot_be_fed(void **state)
{
    struct support_store *s = *state;
    uint64_t api = support_new_api(s, "orders"), news;
    struct gateway g = gateway_new(s, api, 0);

    support_store_reopen(s, "a pepper for tests");
    support_new_contract(s, support_new_application(s, "one"), api, 0);
    assert_null(page_of(&g, &news));
    assert_int_equal(g.rc, CLIENTID_ERR_RULE);
    assert_int_equal(strncmp(s->error.text, "pepper-feed:", 12), 0);
    assert_null(strstr(s->error.text, "secret-of"));
    gateway_del(&g);
}

/* Random changes, and gateways with pages of any size that look now and then: in the end they know all. */
static void whatever_happens_between_two_pages(void **state)
{
    struct support_store *s = *state;
    uint64_t seed = 20261128;
    uint64_t places[2] = {support_new_api(s, "orders"), 0}, other = support_new_api(s, "other");
    uint64_t tiers[3], apps[12];
    struct gateway gateways[3];

    places[1] = support_new_group(s, "group", "orders");
    for (int i = 0; i < 3; i++) {
        char name[16];

        snprintf(name, sizeof(name), "tier%d", i);
        tiers[i] = support_new_tier(s, places[0], name, i != 1);
        gateways[i] = gateway_new(s, places[0], (uint64_t)(i == 2 ? 100 : i + 1));
    }
    for (int i = 0; i < 12; i++) {
        char id[16];

        snprintf(id, sizeof(id), "app%d", i);
        apps[i] = support_new_application(s, id);
    }
    for (int round = 0; round < 1500; round++) {
        uint64_t app = apps[support_below(&seed, 12)], contract = 0;
        uint64_t place = support_below(&seed, 3);
        clientid_access_request request = {
            .size = sizeof(request),
            .application_id = app,
            .api_id = place == 2 ? other : places[place],
            .tier_id = place == 0 ? tiers[support_below(&seed, 3)] : 0,
            .accepted_terms = 1,
        };

        s->now_ns += 1000000;
        clientid_control_contract_find(s->control, app, request.api_id, &contract, NULL);
        switch (support_below(&seed, 7)) {
        case 0:
        case 1:
            clientid_control_contract_request(s->control, &request, NULL, NULL, NULL);
            break;
        case 2:
        case 3:
            clientid_control_contract_act(s->control, contract,
                                          (clientid_verb)support_below(&seed, CLIENTID_VERB_COUNT),
                                          NULL);
            break;
        case 4:
            clientid_control_contract_change_tier(s->control, contract,
                                                  tiers[support_below(&seed, 3)], NULL, NULL);
            break;
        case 5: {
            clientid_secret_options options = {.size = sizeof(options),
                                               .overlap_ns = support_below(&seed, 2) * 5000000000};
            clientid_credentials credentials = {.size = sizeof(credentials)};

            clientid_control_secret_reset(s->control, app, &options, &credentials, NULL);
            break;
        }
        default:
            gateway_turn(&gateways[support_below(&seed, 3)]);
        }
        if (round % 250 != 249)
            continue;
        for (int i = 0; i < 3; i++) {
            gateway_follow(&gateways[i]);
            assert_knows_all(&gateways[i], places, 2);
        }
    }
    for (int i = 0; i < 3; i++)
        gateway_del(&gateways[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(an_item_is_in_the_vendors_words, setup, teardown),
        cmocka_unit_test_setup_teardown(only_approved_contracts_are_told_and_their_end, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(both_secrets_of_a_rotation_are_told, setup, teardown),
        cmocka_unit_test_setup_teardown(a_feed_without_organization_and_path, setup, teardown),
        cmocka_unit_test_setup_teardown(a_page_that_ends_within_a_revision, setup, teardown),
        cmocka_unit_test_setup_teardown(a_change_behind_the_first_pass, setup, teardown),
        cmocka_unit_test_setup_teardown(a_group_is_told_to_its_members, setup, teardown),
        cmocka_unit_test_setup_teardown(a_cursor_that_leads_nowhere_is_refused, setup, teardown),
        cmocka_unit_test_setup_teardown(a_pepper_cannot_be_fed, setup, teardown),
        cmocka_unit_test_setup_teardown(whatever_happens_between_two_pages, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
