/* SPDX-License-Identifier: Apache-2.0 */
/* Every rule: what breaks it, that the refusal names it, and that nothing changed. */
#include "support_account.h"
#include "support_gateway.h"

#include "control/control.h"
#include "store/sqlite.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* What the rows work on. */
struct world {
    struct support_store s;
    uint64_t orders, stock, group; /* orders: manual "gold", auto "free", deprecated "old" */
    uint64_t closed;               /* an API whose only tier is deprecated */
    uint64_t terms;                /* an API with terms, without tiers */
    uint64_t gold, free_tier, old, stock_tier;
    uint64_t app, spare;            /* |app| has an approved contract on orders, |spare| none */
    uint64_t contract;              /* of |app| on orders, gold */
    uint64_t foreign;               /* an application of another client provider */
    uint64_t ada, gone;             /* the administrator, who owns a Connected App; a revoked one */
    uint64_t provider, foreign_api; /* a third party's, with an API that has no contract */
    uint64_t deleted, request, event; /* an application that waits to be deleted */
    uint64_t waiting, pending;        /* one with an event that waits for approval */
};

static clientid_tier_record tier_record(uint64_t api, const char *name)
{
    return (clientid_tier_record){.size = sizeof(clientid_tier_record),
                                  .api_id = api,
                                  .name = support_str(name),
                                  .status = CLIENTID_TIER_ACTIVE};
}

static void deprecate(struct world *w, uint64_t tier)
{
    clientid_tier_record record = {.size = sizeof(record), .status = CLIENTID_TIER_DEPRECATED};

    assert_int_equal(clientid_control_tier_update(w->s.control, tier, &record, CLIENTID_TIER_STATUS,
                                                  NULL, &w->s.error),
                     0);
}

static void world_new(struct world *w)
{
    clientid_api_record terms = {.size = sizeof(terms),
                                 .kind = CLIENTID_API_INSTANCE,
                                 .name = CLIENTID_STR("terms"),
                                 .terms = CLIENTID_STR("Be kind")};
    clientid_api_record abroad = {.size = sizeof(abroad),
                                  .kind = CLIENTID_API_INSTANCE,
                                  .name = CLIENTID_STR("abroad"),
                                  .provider = CLIENTID_STR("okta")};
    clientid_application_record foreign = {
        .size = sizeof(foreign), .name = CLIENTID_STR("foreign"), .provider = CLIENTID_STR("okta")};
    clientid_credentials credentials = {.size = sizeof(credentials)};
    uint64_t id;

    support_store_new(&w->s);
    w->orders = support_new_api(&w->s, "orders");
    w->stock = support_new_api(&w->s, "stock");
    w->closed = support_new_api(&w->s, "closed");
    w->group = support_new_group(&w->s, "group", "stock");
    w->gold = support_new_tier(&w->s, w->orders, "gold", false);
    w->free_tier = support_new_tier(&w->s, w->orders, "free", true);
    w->old = support_new_tier(&w->s, w->orders, "old", true);
    w->stock_tier = support_new_tier(&w->s, w->stock, "basic", true);
    deprecate(w, w->old);
    deprecate(w, support_new_tier(&w->s, w->closed, "past", true));
    assert_int_equal(clientid_control_api_create(w->s.control, &terms, &w->terms, &w->s.error), 0);
    assert_int_equal(clientid_control_api_create(w->s.control, &abroad, &id, &w->s.error), 0);
    assert_int_equal(clientid_control_application_create(w->s.control, &foreign, CLIENTID_STR(""),
                                                         &credentials, &w->s.error),
                     0);
    w->foreign = credentials.application_id;
    w->app = support_new_application(&w->s, "app");
    w->spare = support_new_application(&w->s, "spare");
    w->contract = support_new_contract(&w->s, w->app, w->orders, w->gold);
    support_act(&w->s, w->contract, CLIENTID_VERB_APPROVE);
}

/* ---- accounts -------------------------------------------------------------------------------- */

static void accounts_new(struct world *w)
{
    clientid_credentials credentials;

    w->s.control->scrypt_log2 = 4;
    w->ada = support_new_user(&w->s, "ada", CLIENTID_ROLE_ADMINISTRATOR);
    support_new_connected_app(&w->s, "robot", w->ada, 0, &credentials);
    w->gone = support_new_connected_app(&w->s, "gone", w->ada, 0, &credentials);
    assert_int_equal(clientid_control_connected_app_revoke(w->s.control, w->gone, &w->s.error), 0);
}

static int user_name_taken(struct world *w)
{
    clientid_user_record record = {.size = sizeof(record),
                                   .name = CLIENTID_STR("ada"),
                                   .role = CLIENTID_ROLE_MEMBER,
                                   .identity = CLIENTID_IDENTITY_SAML,
                                   .enabled = 1};
    uint64_t id;

    return clientid_control_user_create(w->s.control, &record, CLIENTID_STR(""), &id, &w->s.error);
}

static int user_in_use(struct world *w)
{
    return clientid_control_user_delete(w->s.control, w->ada, &w->s.error);
}

static int administrator_last(struct world *w)
{
    clientid_user_record record = {.size = sizeof(record)};

    return clientid_control_user_update(w->s.control, w->ada, &record, CLIENTID_USER_ENABLED,
                                        &w->s.error);
}

static int assert_name(struct world *w, const char *name, const char *assertion)
{
    clientid_federated_user user = {.size = sizeof(user),
                                    .name = support_str(name),
                                    .assertion_id = support_str(assertion),
                                    .not_after_ns = w->s.now_ns + 1};
    clientid_token token = {.size = sizeof(token)};

    return clientid_control_login_federated(w->s.control, &user, NULL, &token, &w->s.error);
}

static int identity(struct world *w)
{
    return assert_name(w, "ada", "first");
}

static int assertion_used(struct world *w)
{
    return assert_name(w, "sam", "once");
}

static int app_revoked(struct world *w)
{
    return clientid_control_connected_app_revoke(w->s.control, w->gone, &w->s.error);
}

/* Straight to the database: 2000 of them by the front door take long. */
static int app_count(struct world *w)
{
    static const char fill[] =
        "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < 1999)"
        " INSERT INTO connected_app SELECT NULL, 'id' || i, 'x', NULL, 0, x'', zeroblob(32), 1, 1,"
        " 0 FROM n";
    clientid_connected_app_record record = {
        .size = sizeof(record), .name = CLIENTID_STR("x"), .owner_id = w->ada};
    clientid_credentials credentials = {.size = sizeof(credentials)};

    assert_int_equal(sqlite3_exec(clientid__sqlite_of(w->s.store)->db, fill, NULL, NULL, NULL),
                     SQLITE_OK);
    return clientid_control_connected_app_create(w->s.control, &record, &credentials, &w->s.error);
}

/* ---- what breaks them ------------------------------------------------------------------------ */

static int api_name_taken(struct world *w)
{
    clientid_api_record record = {
        .size = sizeof(record), .kind = CLIENTID_API_GROUP, .name = CLIENTID_STR("orders")};
    uint64_t id;

    return clientid_control_api_create(w->s.control, &record, &id, &w->s.error);
}

static int api_name_fixed(struct world *w)
{
    clientid_api_record record = {.size = sizeof(record), .name = CLIENTID_STR("renamed")};

    return clientid_control_api_update(w->s.control, w->orders, &record, CLIENTID_API_NAME,
                                       &w->s.error);
}

static int api_with_contracts(struct world *w)
{
    return clientid_control_api_delete(w->s.control, w->orders, &w->s.error);
}

static int api_in_group(struct world *w)
{
    return clientid_control_api_delete(w->s.control, w->stock, &w->s.error);
}

static int api_provider(struct world *w)
{
    clientid_api_record record = {.size = sizeof(record), .provider = CLIENTID_STR("okta")};

    return clientid_control_api_update(w->s.control, w->orders, &record, CLIENTID_API_PROVIDER,
                                       &w->s.error);
}

static int members(struct world *w, const char *first, const char *second)
{
    clientid_str list[] = {support_str(first), support_str(second)};
    clientid_api_record record = {.size = sizeof(record), .members = list, .member_count = 2};

    return clientid_control_api_update(w->s.control, w->group, &record, CLIENTID_API_MEMBERS,
                                       &w->s.error);
}

static int provider_of(struct world *w, uint64_t api)
{
    clientid_api_record record = {.size = sizeof(record), .provider = CLIENTID_STR("okta")};

    return clientid_control_api_update(w->s.control, api, &record, CLIENTID_API_PROVIDER,
                                       &w->s.error);
}

static int provider_of_member(struct world *w)
{
    return provider_of(w, w->stock);
}

static int provider_of_group(struct world *w)
{
    return provider_of(w, w->group);
}

static int member_of_another_provider(struct world *w)
{
    return members(w, "stock", "abroad");
}

static int group_of_another_provider(struct world *w)
{
    clientid_str list[] = {CLIENTID_STR("stock")};
    clientid_api_record record = {.size = sizeof(record),
                                  .kind = CLIENTID_API_GROUP,
                                  .name = CLIENTID_STR("mixed"),
                                  .provider = CLIENTID_STR("okta"),
                                  .members = list,
                                  .member_count = 1};
    uint64_t id;

    return clientid_control_api_create(w->s.control, &record, &id, &w->s.error);
}

static int member_unknown(struct world *w)
{
    return members(w, "orders", "nothing");
}

static int member_group(struct world *w)
{
    return members(w, "orders", "group");
}

static int member_twice(struct world *w)
{
    return members(w, "orders", "orders");
}

static int instance_members(struct world *w)
{
    clientid_str list[] = {CLIENTID_STR("stock")};
    clientid_api_record record = {.size = sizeof(record), .members = list, .member_count = 1};

    return clientid_control_api_update(w->s.control, w->orders, &record, CLIENTID_API_MEMBERS,
                                       &w->s.error);
}

static int instance_created_with_members(struct world *w)
{
    clientid_str list[] = {CLIENTID_STR("stock")};
    clientid_api_record record = {.size = sizeof(record),
                                  .kind = CLIENTID_API_INSTANCE,
                                  .name = CLIENTID_STR("new"),
                                  .members = list,
                                  .member_count = 1};
    uint64_t id;

    return clientid_control_api_create(w->s.control, &record, &id, &w->s.error);
}

static int tier_name_taken(struct world *w)
{
    clientid_tier_record record = tier_record(w->orders, "gold");
    uint64_t id;

    return clientid_control_tier_create(w->s.control, &record, &id, &w->s.error);
}

static int tier_renamed_to_taken(struct world *w)
{
    clientid_tier_record record = tier_record(w->orders, "gold");

    return clientid_control_tier_update(w->s.control, w->free_tier, &record, CLIENTID_TIER_NAME,
                                        NULL, &w->s.error);
}

static int tier_in_use(struct world *w)
{
    return clientid_control_tier_delete(w->s.control, w->gold, &w->s.error);
}

static int tier_limits(struct world *w, const clientid_limit *limits, size_t count)
{
    clientid_tier_record record = {.size = sizeof(record), .limits = limits, .limit_count = count};

    return clientid_control_tier_update(w->s.control, w->gold, &record, CLIENTID_TIER_LIMITS, NULL,
                                        &w->s.error);
}

static int limit_hidden(struct world *w)
{
    return tier_limits(w, &(clientid_limit){.maximum_requests = 5, .period_ms = 1000}, 1);
}

static int limit_twice(struct world *w)
{
    const clientid_limit limits[] = {{5, 1000, 1, 0}, {6, 1000, 1, 0}};

    return tier_limits(w, limits, 2);
}

static int limit_many(struct world *w)
{
    clientid_limit limits[CLIENTID_TIER_LIMITS_MAX + 1];

    for (uint64_t i = 0; i <= CLIENTID_TIER_LIMITS_MAX; i++)
        limits[i] = (clientid_limit){1, 1000 + i, 1, 0};
    return tier_limits(w, limits, CLIENTID_TIER_LIMITS_MAX + 1);
}

static int limit_none(struct world *w)
{
    return tier_limits(w, &(clientid_limit){0, 1000, 1, 0}, 1);
}

static int limit_no_period(struct world *w)
{
    return tier_limits(w, &(clientid_limit){5, 0, 1, 0}, 1);
}

static int limit_fast(struct world *w)
{
    return tier_limits(w, &(clientid_limit){1001, 1, 1, 0}, 1);
}

static int limit_large(struct world *w)
{
    return tier_limits(w, &(clientid_limit){1000000001, 86400000, 1, 0}, 1);
}

static int limit_long(struct world *w)
{
    return tier_limits(w, &(clientid_limit){5, 366ULL * 86400000 + 1, 1, 0}, 1);
}

static int limit_overflowing(struct world *w)
{
    return tier_limits(w, &(clientid_limit){UINT64_MAX / 1000 + 2, 1000, 1, 0}, 1);
}

static int client_id_taken(struct world *w)
{
    clientid_application_record record = {
        .size = sizeof(record), .name = CLIENTID_STR("x"), .client_id = CLIENTID_STR("app")};
    clientid_credentials credentials = {.size = sizeof(credentials)};

    return clientid_control_application_create(w->s.control, &record, CLIENTID_STR(""),
                                               &credentials, &w->s.error);
}

static int client_id_fixed(struct world *w)
{
    clientid_application_record record = {.size = sizeof(record),
                                          .client_id = CLIENTID_STR("other")};

    return clientid_control_application_update(w->s.control, w->app, &record,
                                               CLIENTID_APPLICATION_CLIENT_ID, &w->s.error);
}

static int application_in_use(struct world *w)
{
    return clientid_control_application_delete(w->s.control, w->app, &w->s.error);
}

static int application_provider(struct world *w)
{
    clientid_application_record record = {.size = sizeof(record), .provider = CLIENTID_STR("okta")};

    return clientid_control_application_update(w->s.control, w->app, &record,
                                               CLIENTID_APPLICATION_PROVIDER, &w->s.error);
}

static int add_owner(struct world *w, clientid_owner_kind kind, const char *name)
{
    return clientid_control_owner_add(w->s.control, w->app, kind, support_str(name), &w->s.error);
}

static int owner_connected_app(struct world *w)
{
    return add_owner(w, CLIENTID_OWNER_CONNECTED_APP, "deployer");
}

static int owner_taken(struct world *w)
{
    return add_owner(w, CLIENTID_OWNER_USER, "ann@example.com");
}

static int owner_last(struct world *w)
{
    return clientid_control_owner_remove(w->s.control, w->app, CLIENTID_STR("ann@example.com"),
                                         &w->s.error);
}

static int owner_created_twice(struct world *w)
{
    clientid_str owners[] = {CLIENTID_STR("ann"), CLIENTID_STR("ann")};
    clientid_application_record record = {
        .size = sizeof(record), .name = CLIENTID_STR("x"), .owners = owners, .owner_count = 2};
    clientid_credentials credentials = {.size = sizeof(credentials)};

    return clientid_control_application_create(w->s.control, &record, CLIENTID_STR(""),
                                               &credentials, &w->s.error);
}

static int request(struct world *w, uint64_t app, uint64_t api, uint64_t tier, uint32_t accepted)
{
    clientid_access_request access = {.size = sizeof(access),
                                      .application_id = app,
                                      .api_id = api,
                                      .tier_id = tier,
                                      .accepted_terms = accepted};
    uint64_t id;

    return clientid_control_contract_request(w->s.control, &access, &id, NULL, &w->s.error);
}

static int contract_taken(struct world *w)
{
    return request(w, w->app, w->orders, w->free_tier, 1);
}

static int client_provider(struct world *w)
{
    return request(w, w->foreign, w->orders, w->gold, 1);
}

static int terms_not_accepted(struct world *w)
{
    return request(w, w->spare, w->terms, 0, 0);
}

static int tier_needed(struct world *w)
{
    return request(w, w->spare, w->orders, 0, 1);
}

static int tier_closed(struct world *w)
{
    return request(w, w->spare, w->closed, 0, 1);
}

static int tier_of_other_api(struct world *w)
{
    return request(w, w->spare, w->orders, w->stock_tier, 1);
}

static int change_to_other_api(struct world *w)
{
    return clientid_control_contract_change_tier(w->s.control, w->contract, w->stock_tier, NULL,
                                                 &w->s.error);
}

static int tier_deprecated(struct world *w)
{
    return request(w, w->spare, w->orders, w->old, 1);
}

static int change_to_deprecated(struct world *w)
{
    return clientid_control_contract_change_tier(w->s.control, w->contract, w->old, NULL,
                                                 &w->s.error);
}

static int change_to_same(struct world *w)
{
    return clientid_control_contract_change_tier(w->s.control, w->contract, w->gold, NULL,
                                                 &w->s.error);
}

static int contract_state(struct world *w)
{
    return clientid_control_contract_act(w->s.control, w->contract, CLIENTID_VERB_DELETE,
                                         &w->s.error);
}

/* A third party's gateway, with an application that waits to be deleted and events of both statuses. */
static int provider(struct world *w, const char *name, uint64_t *id)
{
    const clientid_provider_record record = {
        .size = sizeof(record), .name = support_str(name), .type = CLIENTID_PROVIDER_THIRD_PARTY};

    return clientid_control_provider_create(w->s.control, &record, id, &w->s.error);
}

static void gateway_new(struct world *w)
{
    uint64_t api, app, hook;

    hook = support_new_hook(&w->s, "https://gateway.example", SUPPORT_ALL_EVENTS);
    w->provider = support_new_provider(&w->s, "X Gateway", CLIENTID_PROVIDER_THIRD_PARTY, hook);
    api = support_new_api_at(&w->s, "petstore", "X Gateway");
    app = support_new_application_at(&w->s, "deleted", "X Gateway");
    support_new_contract(&w->s, app, api, 0);
    w->request = support_user_request(&w->s, CLIENTID_USER_REQUEST_DELETION, &app, NULL, 0);
    w->deleted = app;
    w->event = support_sql(&w->s, "SELECT max(id) FROM gateway_event");
    support_new_tier(&w->s, api, "gold", false);
    w->waiting = support_new_application_at(&w->s, "waiting", "X Gateway");
    support_user_request(&w->s, CLIENTID_USER_REQUEST_REGISTRATION, &w->waiting, &api, 1);
    w->pending = support_sql(&w->s, "SELECT max(id) FROM gateway_event");
    while (support_sql(&w->s, "SELECT count(*) FROM hook") < CLIENTID_HOOKS_MAX)
        support_new_hook(&w->s, "https://another.example", 0);
}

static int provider_name_taken(struct world *w)
{
    uint64_t id;

    return provider(w, "X Gateway", &id);
}

static int provider_name_fixed(struct world *w)
{
    const clientid_provider_record record = {.size = sizeof(record),
                                             .name = CLIENTID_STR("Y Gateway"),
                                             .type = CLIENTID_PROVIDER_THIRD_PARTY};

    return clientid_control_provider_update(w->s.control, w->provider, &record, &w->s.error);
}

static int provider_in_use(struct world *w)
{
    return clientid_control_provider_delete(w->s.control, w->provider, &w->s.error);
}

static int hook_count(struct world *w)
{
    const clientid_hook_record record = {.size = sizeof(record), .url = CLIENTID_STR("https://x")};
    uint64_t id;

    return clientid_control_hook_create(w->s.control, &record, &id, &w->s.error);
}

static int ask(struct world *w, uint32_t type, uint64_t application, const uint64_t *apis,
               uint32_t count)
{
    const clientid_user_request request = {.size = sizeof(request),
                                           .type = type,
                                           .application_id = application,
                                           .name = CLIENTID_STR("x"),
                                           .apis = apis,
                                           .api_count = count};
    uint64_t id;

    return clientid_control_user_request_create(w->s.control, &request, &id, NULL, &w->s.error);
}

static int one_provider(struct world *w)
{
    uint64_t apis[2] = {w->stock, 0};

    assert_int_equal(
        clientid_control_api_find(w->s.control, CLIENTID_STR("petstore"), &apis[1], NULL), 0);
    return ask(w, CLIENTID_USER_REQUEST_CREATION, 0, apis, 2);
}

static int deleted_twice(struct world *w)
{
    return ask(w, CLIENTID_USER_REQUEST_DELETION, w->deleted, NULL, 0);
}

static int deleted_asks(struct world *w)
{
    const clientid_access_request request = {
        .size = sizeof(request), .application_id = w->deleted, .api_id = w->foreign_api};
    uint64_t id;

    return clientid_control_contract_request(w->s.control, &request, &id, NULL, &w->s.error);
}

static int deleted_restored(struct world *w)
{
    uint64_t api = 0, id = 0;

    assert_int_equal(clientid_control_api_find(w->s.control, CLIENTID_STR("petstore"), &api, NULL),
                     0);
    assert_int_equal(clientid_control_contract_find(w->s.control, w->deleted, api, &id, NULL), 0);
    return clientid_control_contract_act(w->s.control, id, CLIENTID_VERB_RESTORE, &w->s.error);
}

static int retry_of_new(struct world *w)
{
    return clientid_control_user_request_retry(w->s.control, w->request, w->event, &w->s.error);
}

static int answer_to_pending(struct world *w)
{
    return clientid_control_event_answer(w->s.control, w->waiting, w->pending, CLIENTID_STR(""),
                                         &w->s.error);
}

static int store_not_empty(struct world *w)
{
    return clientid_control_import(w->s.control, CLIENTID_STR("{\"format\":\"clientid-registry\"}"),
                                   NULL, &w->s.error);
}

static const struct {
    const char *name;
    int (*break_it)(struct world *w);
    const char *rule;
} rows[] = {
    {"a user with the name of another", user_name_taken, "user-name-taken"},
    {"a user with a Connected App deleted", user_in_use, "user-in-use"},
    {"the only administrator disabled", administrator_last, "administrator-last"},
    {"a user with a password by assertion", identity, "identity"},
    {"an assertion shown twice", assertion_used, "assertion-used"},
    {"a revoked Connected App revoked", app_revoked, "connected-app-revoked"},
    {"a Connected App too many", app_count, "connected-app-count"},
    {"a group with the name of an instance", api_name_taken, "api-name-taken"},
    {"an API renamed", api_name_fixed, "api-name-fixed"},
    {"an API with a contract deleted", api_with_contracts, "api-in-use"},
    {"an API in a group deleted", api_in_group, "api-in-use"},
    {"another provider for an API with a contract", api_provider, "api-provider-in-use"},
    {"a member that does not exist", member_unknown, "group-member"},
    {"a group in a group", member_group, "group-member"},
    {"a member named twice", member_twice, "group-member"},
    {"a member of another provider", member_of_another_provider, "group-provider"},
    {"a group of another provider than its member", group_of_another_provider, "group-provider"},
    {"another provider for a member of a group", provider_of_member, "group-provider"},
    {"another provider for a group with members", provider_of_group, "group-provider"},
    {"an instance gets members", instance_members, "instance-members"},
    {"an instance made with members", instance_created_with_members, "instance-members"},
    {"two tiers of one name", tier_name_taken, "tier-name-taken"},
    {"a tier renamed to another's name", tier_renamed_to_taken, "tier-name-taken"},
    {"a tier in use deleted", tier_in_use, "tier-in-use"},
    {"the only limit hidden", limit_hidden, "limit-visible"},
    {"two limits of one period", limit_twice, "limit-period"},
    {"nine limits", limit_many, "limit-count"},
    {"a limit of no request", limit_none, "limit-range"},
    {"a limit of no time", limit_no_period, "limit-range"},
    {"more than a million a second", limit_fast, "limit-range"},
    {"a count beyond a cell", limit_large, "limit-range"},
    {"a period beyond a year", limit_long, "limit-range"},
    {"a count that overflows the rate", limit_overflowing, "limit-range"},
    {"a client id imported twice", client_id_taken, "client-id-taken"},
    {"a client id changed", client_id_fixed, "client-id-fixed"},
    {"an application with an approved contract deleted", application_in_use, "application-in-use"},
    {"another provider for an application with a contract", application_provider,
     "application-provider-in-use"},
    {"a connected app as owner", owner_connected_app, "owner-connected-app"},
    {"an owner added twice", owner_taken, "owner-taken"},
    {"an owner named twice at creation", owner_created_twice, "owner-taken"},
    {"the last owner removed", owner_last, "owner-last"},
    {"a second contract with an API", contract_taken, "contract-taken"},
    {"an application of another provider", client_provider, "client-provider"},
    {"terms not accepted", terms_not_accepted, "terms"},
    {"no tier where there are some", tier_needed, "tier-needed"},
    {"no tier where all are deprecated", tier_closed, "tier-closed"},
    {"a tier of another API", tier_of_other_api, "tier-other-api"},
    {"a change to a tier of another API", change_to_other_api, "tier-other-api"},
    {"a deprecated tier requested", tier_deprecated, "tier-deprecated"},
    {"a change to a deprecated tier", change_to_deprecated, "tier-deprecated"},
    {"a change to the same tier", change_to_same, "tier-same"},
    {"an approved contract deleted", contract_state, "contract-state"},
    {"a provider's name taken", provider_name_taken, "provider-name-taken"},
    {"a provider renamed", provider_name_fixed, "provider-name-fixed"},
    {"a provider that is named deleted", provider_in_use, "provider-in-use"},
    {"a webhook too many", hook_count, "hook-count"},
    {"APIs of two providers in one request", one_provider, "one-provider"},
    {"a deletion asked for twice", deleted_twice, "user-request-open"},
    {"access for what is being deleted", deleted_asks, "user-request-open"},
    {"a restore for what is being deleted", deleted_restored, "user-request-open"},
    {"a retry of what waits to be sent", retry_of_new, "event-state"},
    {"an answer to what waits for approval", answer_to_pending, "event-state"},
    {"an import over data", store_not_empty, "store-not-empty"},
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static void test_every_rule_is_named_and_changes_nothing(void **state)
{
    struct world w;

    (void)state;
    world_new(&w);
    accounts_new(&w);
    assert_int_equal(assert_name(&w, "sam", "once"), 0);
    assert_int_equal(add_owner(&w, CLIENTID_OWNER_USER, "ann@example.com"), 0);
    gateway_new(&w);
    w.foreign_api = support_new_api_at(&w.s, "petstore2", "X Gateway");
    for (size_t i = 0; i < ROWS; i++) {
        char *before = support_export(&w.s), *after;
        uint64_t revision = support_revision(&w.s);
        size_t len = strlen(rows[i].rule);
        int rc;

        memset(&w.s.error, 0, sizeof(w.s.error));
        rc = rows[i].break_it(&w);
        if (rc != CLIENTID_ERR_RULE && rc != CLIENTID_ERR_EXISTS)
            fail_msg("%s: %d %s", rows[i].name, rc, w.s.error.text);
        if (strstr(rows[i].rule, "taken") != NULL && rc != CLIENTID_ERR_EXISTS)
            fail_msg("%s: not EXISTS", rows[i].name);
        if (strncmp(w.s.error.text, rows[i].rule, len) != 0 || w.s.error.text[len] != ':')
            fail_msg("%s: expected %s, got: %s", rows[i].name, rows[i].rule, w.s.error.text);
        assert_int_equal(w.s.error.code, rc);
        after = support_export(&w.s);
        if (strcmp(before, after) != 0 || support_revision(&w.s) != revision)
            fail_msg("%s: something changed", rows[i].name);
        free(before);
        free(after);
    }
    support_store_del(&w.s);
}

static void test_every_rule_has_a_row(void **state)
{
    size_t count = 0;

    (void)state;
    for (; clientid_rule_label(count) != NULL; count++) {
        size_t i = 0;

        assert_non_null(clientid_rule_text(count));
        while (i < ROWS && strcmp(rows[i].rule, clientid_rule_label(count)) != 0)
            i++;
        /* That one needs a page of the feed: test_feed.c. */
        if (i == ROWS && strcmp(clientid_rule_label(count), "pepper-feed") != 0)
            fail_msg("no row breaks %s", clientid_rule_label(count));
    }
    assert_true(count > 20);
    assert_null(clientid_rule_text(count));
}

static void test_labels(void **state)
{
    (void)state;
    assert_string_equal(clientid_verb_label(CLIENTID_VERB_APPROVE_TIER), "approve-tier");
    assert_string_equal(clientid_verb_label(CLIENTID_VERB_COUNT), "?");
    assert_string_equal(clientid_contract_status_label(CLIENTID_REVOKED), "REVOKED");
    assert_string_equal(clientid_contract_status_label((clientid_contract_status)9), "?");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_rule_is_named_and_changes_nothing),
        cmocka_unit_test(test_every_rule_has_a_row),
        cmocka_unit_test(test_labels),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
