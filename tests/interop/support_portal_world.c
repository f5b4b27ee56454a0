/* SPDX-License-Identifier: Apache-2.0 */
#include "support_portal_world.h"

#include <clientid/third_party.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

const char *const world_callers[WORLD_CALLERS] = {
    "nobody",           "bad-token",      "administrator", "api-owner",
    "other-api-owner",  "owner",          "member",        "no-scope",
    "creator",          "stranger",       "granted",       "read-applications",
    "manage-contracts", "read-contracts", "manage-apis",   "read-exchange",
    "revoked-app",      "disabled-user"};

static clientid_str str(const char *text)
{
    return (clientid_str){text, strlen(text)};
}

static void check(int rc, const clientid_error *error)
{
    if (rc != 0)
        fail_msg("%d %s: %s", rc, error->pointer, error->text);
}

static void set_number(struct world *world, const char *name, uint64_t number)
{
    char text[24];
    snprintf(text, sizeof text, "%llu", (unsigned long long)number);
    portal_set(&world->portal, name, text);
}

static void set_uuid(struct world *world, const char *name, clientid_uuid_kind kind, uint64_t id)
{
    char uuid[CLIENTID_UUID_CHARS + 1];
    clientid_error error = {0};
    check(clientid_control_uuid_format(world->store.control, kind, id, uuid, &error), &error);
    portal_set(&world->portal, name, uuid);
}

static uint64_t number(const struct world *world, const char *name)
{
    return strtoull(portal_name(&world->portal, name), NULL, 10);
}

/* "<name><serial>" */
static clientid_str unique(const struct world *world, const char *name, char *out, size_t size)
{
    snprintf(out, size, "%s%u", name, world->serial);
    return str(out);
}

/* ---- callers --------------------------------------------------------------------------------- */

static const struct {
    const char *name;
    clientid_role role;
} users[] = {
    {"administrator", CLIENTID_ROLE_ADMINISTRATOR},
    {"api-owner", CLIENTID_ROLE_API_OWNER},
    {"other-api-owner", CLIENTID_ROLE_API_OWNER},
    {"owner", CLIENTID_ROLE_MEMBER},
    {"member", CLIENTID_ROLE_MEMBER},
    {"disabled-user", CLIENTID_ROLE_ADMINISTRATOR},
};

static const struct {
    const char *name;
    uint32_t scopes;
} apps[] = {
    {"no-scope", 0},
    {"creator", CLIENTID_SCOPE_CREATE_APPLICATIONS},
    {"stranger", CLIENTID_SCOPE_CREATE_APPLICATIONS},
    {"granted", 0},
    {"read-applications", CLIENTID_SCOPE_READ_APPLICATIONS},
    {"manage-contracts", CLIENTID_SCOPE_MANAGE_CONTRACTS},
    {"read-contracts", CLIENTID_SCOPE_READ_CONTRACTS},
    {"manage-apis", CLIENTID_SCOPE_MANAGE_APIS},
    {"read-exchange", CLIENTID_SCOPE_VIEW_EXCHANGE},
    {"revoked-app", 127 & ~CLIENTID_SCOPE_MANAGE_APPLICATION},
};

/* By assertion: without scrypt. */
static uint64_t make_user(struct world *world, const char *name, clientid_role role)
{
    const clientid_user_record record = {.size = sizeof record,
                                         .name = str(name),
                                         .role = role,
                                         .identity = CLIENTID_IDENTITY_SAML,
                                         .enabled = 1};
    clientid_error error = {0};
    uint64_t id = 0;
    check(clientid_control_user_create(world->store.control, &record, (clientid_str){NULL, 0}, &id,
                                       &error),
          &error);
    return id;
}

static void sign_in_user(struct world *world, const char *name)
{
    static unsigned assertions;
    const clientid_login_options options = {.size = sizeof options};
    clientid_federated_user user = {
        .size = sizeof user, .name = str(name), .not_after_ns = INT64_MAX};
    clientid_token token = {.size = sizeof token};
    clientid_error error = {0};
    char assertion[24];
    snprintf(assertion, sizeof assertion, "assertion%u", ++assertions);
    user.assertion_id = str(assertion);
    check(clientid_control_login_federated(world->store.control, &user, &options, &token, &error),
          &error);
    portal_set(&world->portal, name, token.access_token);
}

static void sign_in_app(struct world *world, const char *name)
{
    const clientid_login_options options = {.size = sizeof options};
    clientid_token token = {.size = sizeof token};
    clientid_error error = {0};
    char id[64], secret[64];
    snprintf(id, sizeof id, "%s.id", name);
    snprintf(secret, sizeof secret, "%s.secret", name);
    check(clientid_control_login_connected_app(
              world->store.control, str(portal_name(&world->portal, id)),
              str(portal_name(&world->portal, secret)), &options, &token, &error),
          &error);
    portal_set(&world->portal, name, token.access_token);
}

/* As whom "creator" acts past HTTP: by the token that it has now. */
static void note_creator(struct world *world)
{
    clientid_error error = {0};
    world->creator.size = sizeof world->creator;
    check(clientid_control_authenticate(world->store.control,
                                        str(portal_name(&world->portal, "creator")),
                                        &world->creator, &error),
          &error);
}

void world_sign_in(struct world *world, unsigned caller)
{
    for (size_t i = 0; i < sizeof users / sizeof users[0]; i++) {
        if (strcmp(users[i].name, world_callers[caller]) == 0)
            sign_in_user(world, users[i].name);
    }
    for (size_t i = 0; i < sizeof apps / sizeof apps[0]; i++) {
        if (strcmp(apps[i].name, world_callers[caller]) == 0)
            sign_in_app(world, apps[i].name);
    }
    note_creator(world);
}

static uint64_t connected_app(struct world *world, const char *name)
{
    clientid_error error = {0};
    char id[64];
    uint64_t number = 0;
    snprintf(id, sizeof id, "%s.id", name);
    check(clientid_control_connected_app_find(
              world->store.control, str(portal_name(&world->portal, id)), &number, &error),
          &error);
    return number;
}

static void make_callers(struct world *world)
{
    const clientid_user_record disabled = {.size = sizeof disabled, .enabled = 0};
    clientid_error error = {0};
    uint64_t id = 0;
    for (size_t i = 0; i < sizeof users / sizeof users[0]; i++) {
        id = make_user(world, users[i].name, users[i].role);
        sign_in_user(world, users[i].name);
    }
    check(clientid_control_user_update(world->store.control, id, &disabled, CLIENTID_USER_ENABLED,
                                       &error),
          &error);
    for (size_t i = 0; i < sizeof apps / sizeof apps[0]; i++)
        portal_connected_app(&world->portal, apps[i].name, "owner", apps[i].scopes);
    check(clientid_control_connected_app_revoke(world->store.control,
                                                connected_app(world, "revoked-app"), &error),
          &error);
    world->granted_id = connected_app(world, "granted");
    note_creator(world);
}

const char *world_authorization(struct world *world, unsigned caller, char *out, size_t size)
{
    const char *name = world_callers[caller];
    if (strcmp(name, "nobody") == 0)
        return NULL;
    snprintf(out, size, "bearer %s",
             strcmp(name, "bad-token") == 0
                 ? "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"
                 : portal_name(&world->portal, name));
    return out;
}

/* ---- API instances and contracts ------------------------------------------------------------- */

/* One that the API owner owns. */
static uint64_t add_api(struct world *world, const char *name, const char *provider)
{
    char unique_name[64], uuid[64];
    const clientid_api_record record = {.size = sizeof record,
                                        .kind = CLIENTID_API_INSTANCE,
                                        .name =
                                            unique(world, name, unique_name, sizeof unique_name),
                                        .provider = str(provider)};
    clientid_error error = {0};
    uint64_t id = 0;
    check(clientid_control_api_create(world->store.control, &record, &id, &error), &error);
    check(
        clientid_control_api_owner_add(world->store.control, id, CLIENTID_STR("api-owner"), &error),
        &error);
    set_number(world, name, id);
    snprintf(uuid, sizeof uuid, "%s.uuid", name);
    set_uuid(world, uuid, CLIENTID_UUID_API, id);
    return id;
}

static uint64_t add_tier(struct world *world, uint64_t api_id, const char *name)
{
    const clientid_tier_record record = {
        .size = sizeof record, .api_id = api_id, .name = str(name), .status = CLIENTID_TIER_ACTIVE};
    clientid_error error = {0};
    uint64_t id = 0;
    check(clientid_control_tier_create(world->store.control, &record, &id, &error), &error);
    return id;
}

static void make_api(struct world *world)
{
    (void)add_api(world, "apiId", "");
}

static void make_tier(struct world *world)
{
    world_provide(world, "${apiId}");
    set_number(world, "tierId", add_tier(world, number(world, "apiId"), "tier"));
}

static void act(struct world *world, uint64_t contract_id, clientid_verb verb)
{
    clientid_error error = {0};
    check(clientid_control_contract_act(world->store.control, contract_id, verb, &error), &error);
}

/* "<name>" the contract of the application, which waits, "<name>.api" and "<name>.tier", another one. */
static uint64_t add_contract(struct world *world, const char *name)
{
    clientid_access_request request = {.size = sizeof request};
    clientid_error error = {0};
    char api[64], tier[64];
    uint64_t id = 0;
    world_provide(world, "${applicationId}");
    snprintf(api, sizeof api, "%s.api", name);
    snprintf(tier, sizeof tier, "%s.tier", name);
    request.application_id = number(world, "applicationId");
    request.api_id = add_api(world, api, "");
    request.tier_id = add_tier(world, request.api_id, "one");
    set_number(world, tier, add_tier(world, request.api_id, "another"));
    check(clientid_control_contract_request(world->store.control, &request, &id, NULL, &error),
          &error);
    set_number(world, name, id);
    return id;
}

static void make_waiting(struct world *world)
{
    (void)add_contract(world, "waiting");
}

static void make_approved(struct world *world)
{
    act(world, add_contract(world, "approved"), CLIENTID_VERB_APPROVE);
}

static void make_revoked(struct world *world)
{
    uint64_t id = add_contract(world, "revoked");
    act(world, id, CLIENTID_VERB_APPROVE);
    act(world, id, CLIENTID_VERB_REVOKE);
}

static void make_changing(struct world *world)
{
    clientid_error error = {0};
    uint64_t id = add_contract(world, "changing");
    act(world, id, CLIENTID_VERB_APPROVE);
    check(clientid_control_contract_change_tier(world->store.control, id,
                                                number(world, "changing.tier"), NULL, &error),
          &error);
}

/* ---- applications ---------------------------------------------------------------------------- */

static void grant(struct world *world, uint64_t application_id)
{
    clientid_error error = {0};
    check(clientid_control_connected_app_grant(world->store.control, world->granted_id,
                                               application_id, &error),
          &error);
}

/* By "creator", so that it is the owner's. */
static void make_application(struct world *world)
{
    const clientid_application_record record = {.size = sizeof record, .name = str("application")};
    clientid_credentials credentials = {.size = sizeof credentials};
    clientid_error error = {0};
    clientid_control_set_caller(world->store.control, &world->creator);
    check(clientid_control_application_create(world->store.control, &record,
                                              (clientid_str){NULL, 0}, &credentials, &error),
          &error);
    clientid_control_set_caller(world->store.control, NULL);
    grant(world, credentials.application_id);
    set_number(world, "applicationId", credentials.application_id);
    set_uuid(world, "applicationId.uuid", CLIENTID_UUID_APPLICATION, credentials.application_id);
    clientid_credentials_wipe(&credentials);
}

/* ---- people and Connected Apps to be managed ------------------------------------------------- */

static void make_person(struct world *world)
{
    char name[64];
    unique(world, "person", name, sizeof name);
    set_uuid(world, "userId", CLIENTID_UUID_USER, make_user(world, name, CLIENTID_ROLE_MEMBER));
    portal_set(&world->portal, "person", name);
}

static void make_co_owner(struct world *world)
{
    clientid_error error = {0};
    world_provide(world, "${applicationId} ${userId}");
    check(clientid_control_owner_add(world->store.control, number(world, "applicationId"),
                                     CLIENTID_OWNER_USER,
                                     str(portal_name(&world->portal, "person")), &error),
          &error);
    portal_set(&world->portal, "co-owner", portal_name(&world->portal, "userId"));
}

static void make_api_co_owner(struct world *world)
{
    clientid_error error = {0};
    world_provide(world, "${apiId} ${userId}");
    check(clientid_control_api_owner_add(world->store.control, number(world, "apiId"),
                                         str(portal_name(&world->portal, "person")), &error),
          &error);
    portal_set(&world->portal, "api-co-owner", portal_name(&world->portal, "userId"));
}

static void make_target(struct world *world)
{
    portal_connected_app(&world->portal, "target", "owner", CLIENTID_SCOPE_VIEW_EXCHANGE);
    portal_set(&world->portal, "clientId", portal_name(&world->portal, "target.id"));
    portal_set(&world->portal, "clientSecret", portal_name(&world->portal, "target.secret"));
}

/* ---- third-party gateways -------------------------------------------------------------------- */

/* Of events of providers that name it. */
static void make_hook(struct world *world)
{
    const clientid_hook_record record = {.size = sizeof record,
                                         .url = CLIENTID_STR("http://127.0.0.1:1/"),
                                         .provider_type = 1,
                                         .subscriptions = 15};
    clientid_error error = {0};
    check(clientid_control_hook_create(world->store.control, &record, &world->hook_id, &error),
          &error);
    set_uuid(world, "hookId", CLIENTID_UUID_HOOK, world->hook_id);
}

/* Without a webhook: nothing is delivered, so that nothing changes by itself. */
static void make_provider(struct world *world)
{
    char name[64];
    const clientid_provider_record record = {.size = sizeof record,
                                             .name = unique(world, "provider", name, sizeof name),
                                             .stage = CLIENTID_STR("stage"),
                                             .type = CLIENTID_PROVIDER_THIRD_PARTY};
    clientid_error error = {0};
    uint64_t id = 0;
    check(clientid_control_provider_create(world->store.control, &record, &id, &error), &error);
    set_number(world, "provider.number", id);
    set_uuid(world, "providerId", CLIENTID_UUID_PROVIDER, id);
    portal_set(&world->portal, "provider.name", name);
}

static void make_linked(struct world *world)
{
    world_provide(world, "${providerId}");
    (void)add_api(world, "linked", portal_name(&world->portal, "provider.name"));
}

static int take_event(void *sink, const clientid_user_request_record *record)
{
    uint64_t *event_id = sink;
    *event_id = record->state_count != 0 ? record->states[0].event_id : 0;
    return 0;
}

/* Made by "creator"; its event could not be delivered. */
static void make_request(struct world *world)
{
    clientid_error error = {0};
    uint64_t id = 0, application_id = 0, api_id, event_id = 0;
    clientid_user_request request = {.size = sizeof request,
                                     .type = CLIENTID_USER_REQUEST_CREATION,
                                     .name = str("requested"),
                                     .apis = &api_id,
                                     .api_count = 1};
    world_provide(world, "${linked}");
    api_id = number(world, "linked");
    clientid_control_set_caller(world->store.control, &world->creator);
    check(clientid_control_user_request_create(world->store.control, &request, &id, &application_id,
                                               &error),
          &error);
    clientid_control_set_caller(world->store.control, NULL);
    grant(world, application_id);
    check(
        clientid_control_user_request_get(world->store.control, id, take_event, &event_id, &error),
        &error);
    set_uuid(world, "requestId", CLIENTID_UUID_REQUEST, id);
    set_uuid(world, "eventId", CLIENTID_UUID_EVENT, event_id);
    set_uuid(world, "requested", CLIENTID_UUID_APPLICATION, application_id);
}

/* The same event, with a webhook for it by now. */
static void make_retryable(struct world *world)
{
    clientid_provider_record record = {.size = sizeof record,
                                       .stage = CLIENTID_STR("stage"),
                                       .type = CLIENTID_PROVIDER_THIRD_PARTY,
                                       .hooks = &world->hook_id,
                                       .hook_count = 1};
    clientid_error error = {0};
    world_provide(world, "${eventId} ${hookId}");
    record.name = str(portal_name(&world->portal, "provider.name"));
    check(clientid_control_provider_update(world->store.control, number(world, "provider.number"),
                                           &record, &error),
          &error);
    portal_set(&world->portal, "retryable", portal_name(&world->portal, "eventId"));
}

/* ---- the world ------------------------------------------------------------------------------- */

static const struct {
    const char *name; /* also the beginning of others: "approved.api" */
    void (*make)(struct world *world);
} things[] = {
    {"apiId", make_api},           {"tierId", make_tier},       {"applicationId", make_application},
    {"waiting", make_waiting},     {"approved", make_approved}, {"revoked", make_revoked},
    {"changing", make_changing},   {"userId", make_person},     {"co-owner", make_co_owner},
    {"clientId", make_target},     {"hookId", make_hook},       {"api-co-owner", make_api_co_owner},
    {"linked", make_linked},       {"requestId", make_request}, {"providerId", make_provider},
    {"eventId", make_request},     {"requested", make_request}, {"retryable", make_retryable},
    {"clientSecret", make_target},
};

static void provide(struct world *world, const char *name, size_t len)
{
    for (size_t i = 0; i < sizeof things / sizeof things[0]; i++) {
        uint32_t bits = 0;
        if (strlen(things[i].name) != len || strncmp(things[i].name, name, len) != 0)
            continue;
        for (size_t j = 0; j < sizeof things / sizeof things[0]; j++)
            bits |= things[j].make == things[i].make ? 1U << j : 0;
        if ((world->made & bits) == 0) {
            world->made |= bits;
            things[i].make(world);
        }
    }
}

void world_provide(struct world *world, const char *text)
{
    while ((text = strstr(text, "${")) != NULL) {
        text += 2;
        provide(world, text, strcspn(text, ".}"));
    }
}

void world_renew(struct world *world)
{
    clientid_error error = {0};
    world->serial++;
    world->made = 0;
    set_number(world, "serial", world->serial);
    if (world->hook_id != 0) /* there may not be many */
        (void)clientid_control_hook_delete(world->store.control, world->hook_id, &error);
    world->hook_id = 0;
}

uint64_t world_revision(const struct world *world)
{
    clientid_position position = {0, 0};
    clientid_error error = {0};
    check(clientid_store_position(world->store.store, &position, &error), &error);
    return position.revision;
}

void world_start(struct world *world)
{
    *world = (struct world){.serial = 0};
    portal_prepare(&world->portal, ",\"registration\":true");
    portal_open(&world->portal, &world->store);
    portal_user(&world->portal, "somebody", CLIENTID_ROLE_MEMBER); /* with a password */
    make_callers(world);
    portal_set(&world->portal, "slot", "1");
    portal_set(&world->portal, "domain", "acme");
    portal_set(&world->portal, "password", PORTAL_PASSWORD);
    world_renew(world);
    portal_start(&world->portal);
}

void world_stop(struct world *world)
{
    clientid_error error = {0};
    assert_int_equal(portal_stop(&world->portal), 0);
    check(clientid_store_verify(world->store.store, &error), &error);
    portal_close(&world->store);
    portal_remove(&world->portal);
}
