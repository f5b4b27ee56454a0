/* SPDX-License-Identifier: Apache-2.0 */
/* Every function of control.h and account.h, asked by every kind of caller: one table says what each answer is. */
#include "support_account.h"

#include "support_event.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* ---- the world ------------------------------------------------------------------------------- */

/*
 * "orders", "billing" and "spare" belong to ida, "other" to joe.  "shop" and "depot" belong to wes and were made by one Connected
 * App and granted to another; "lone" belongs to nobody.  shop waits for gold of orders and has bronze of billing.
 */
enum who {
    OPERATOR,
    ADMIN,
    IDA,
    JOE,
    WES,
    MEMBER,
    CREATE,
    READ,
    CONTRACTS,
    READ_CONTRACTS,
    APIS,
    EXCHANGE,
    NOTHING,
    MAKER,
    GRANTED,
    REVOKED,
    DISABLED,
    CALLERS
};

static const char *const caller_names[CALLERS] = {"operator",
                                                  "administrator",
                                                  "owner of the API",
                                                  "owner of another API",
                                                  "owner",
                                                  "member",
                                                  "create:client_applications",
                                                  "read:client_applications",
                                                  "manage:api_contracts",
                                                  "read:api_contracts",
                                                  "manage:apis",
                                                  "read:exchange",
                                                  "no scope",
                                                  "maker",
                                                  "granted",
                                                  "revoked app",
                                                  "disabled user"};

struct world {
    struct support_store s;
    clientid_caller callers[CALLERS];
    uint64_t orders, billing, other, spare, gold, bronze, silver, idle;
    uint64_t shop, depot, lone, waits, runs, loose;
    uint64_t member, wes, app; /* |app|: a Connected App that is none of the callers */
    char app_client_id[CLIENTID_ID_MAX + 1];
    char *image; /* of the file: each cell begins with it */
    size_t image_len;
};

static void check(struct world *w, int rc)
{
    if (rc != 0)
        fail_msg("%d: %s (%s)", rc, w->s.error.text, w->s.error.pointer);
}

static void take_caller(struct world *w, enum who who)
{
    struct support_store *s = &w->s;
    clientid_token token = {.size = sizeof(token)};
    static const char *const users[] = {[ADMIN] = "ada", [IDA] = "ida",    [JOE] = "joe",
                                        [WES] = "wes",   [MEMBER] = "mia", [DISABLED] = "dan"};

    check(w, clientid_control_login(s->control, support_str(users[who]),
                                    CLIENTID_STR(SUPPORT_PASSWORD), NULL, &token, &s->error));
    w->callers[who].size = sizeof(w->callers[who]);
    check(w, clientid_control_authenticate(s->control, support_str(token.access_token),
                                           &w->callers[who], &s->error));
}

static uint64_t new_app(struct world *w, enum who who, uint32_t scopes)
{
    struct support_store *s = &w->s;
    clientid_credentials credentials;
    clientid_token token = {.size = sizeof(token)};
    uint64_t id = support_new_connected_app(s, caller_names[who], w->wes, scopes, &credentials);

    check(w, clientid_control_login_connected_app(s->control, support_str(credentials.client_id),
                                                  support_str(credentials.client_secret), NULL,
                                                  &token, &s->error));
    w->callers[who].size = sizeof(w->callers[who]);
    check(w, clientid_control_authenticate(s->control, support_str(token.access_token),
                                           &w->callers[who], &s->error));
    return id;
}

static uint64_t new_tier(struct world *w, uint64_t api, const char *name)
{
    return support_new_tier(&w->s, api, name, false);
}

static void own(struct world *w, uint64_t api, const char *user)
{
    check(w, clientid_control_api_owner_add(w->s.control, api, support_str(user), &w->s.error));
}

static void new_users(struct world *w)
{
    static const struct {
        const char *name;
        clientid_role role;
    } users[] = {{"ada", CLIENTID_ROLE_ADMINISTRATOR}, {"ida", CLIENTID_ROLE_API_OWNER},
                 {"joe", CLIENTID_ROLE_API_OWNER},     {"wes", CLIENTID_ROLE_MEMBER},
                 {"mia", CLIENTID_ROLE_MEMBER},        {"dan", CLIENTID_ROLE_ADMINISTRATOR}};

    for (size_t i = 0; i < sizeof(users) / sizeof(users[0]); i++) {
        uint64_t id = support_new_user(&w->s, users[i].name, users[i].role);

        if (strcmp(users[i].name, "wes") == 0)
            w->wes = id;
        if (strcmp(users[i].name, "mia") == 0)
            w->member = id;
    }
}

static void new_callers(struct world *w)
{
    clientid_user_record off = {.size = sizeof(off)};
    clientid_credentials credentials;
    uint64_t revoked;

    for (enum who who = ADMIN; who <= MEMBER; who++)
        take_caller(w, who);
    take_caller(w, DISABLED);
    check(w, clientid_control_user_update(w->s.control, w->callers[DISABLED].user_id, &off,
                                          CLIENTID_USER_ENABLED, &w->s.error));
    new_app(w, CREATE, CLIENTID_SCOPE_CREATE_APPLICATIONS);
    new_app(w, READ, CLIENTID_SCOPE_READ_APPLICATIONS);
    new_app(w, CONTRACTS, CLIENTID_SCOPE_MANAGE_CONTRACTS);
    new_app(w, READ_CONTRACTS, CLIENTID_SCOPE_READ_CONTRACTS);
    new_app(w, APIS, CLIENTID_SCOPE_MANAGE_APIS);
    new_app(w, EXCHANGE, CLIENTID_SCOPE_VIEW_EXCHANGE);
    new_app(w, NOTHING, 0);
    new_app(w, MAKER, CLIENTID_SCOPE_CREATE_APPLICATIONS);
    new_app(w, GRANTED, 0);
    revoked = new_app(w, REVOKED, 127 & ~(unsigned)CLIENTID_SCOPE_MANAGE_APPLICATION);
    check(w, clientid_control_connected_app_revoke(w->s.control, revoked, &w->s.error));
    w->app = support_new_connected_app(&w->s, "spectator", w->wes, 0, &credentials);
    memcpy(w->app_client_id, credentials.client_id, sizeof(w->app_client_id));
}

static uint64_t make(struct world *w, const char *client_id)
{
    clientid_application_record record = {.size = sizeof(record),
                                          .name = support_str(client_id),
                                          .client_id = support_str(client_id)};
    clientid_credentials credentials = {.size = sizeof(credentials)};

    clientid_control_set_caller(w->s.control, &w->callers[MAKER]);
    check(w, clientid_control_application_create(w->s.control, &record, (clientid_str){NULL, 0},
                                                 &credentials, &w->s.error));
    clientid_control_set_caller(w->s.control, NULL);
    check(w,
          clientid_control_connected_app_grant(w->s.control, w->callers[GRANTED].connected_app_id,
                                               credentials.application_id, &w->s.error));
    return credentials.application_id;
}

static void new_things(struct world *w)
{
    struct support_store *s = &w->s;

    w->orders = support_new_api(s, "orders");
    w->billing = support_new_api(s, "billing");
    w->spare = support_new_api(s, "spare");
    w->other = support_new_api(s, "other");
    own(w, w->orders, "ida");
    own(w, w->billing, "ida");
    own(w, w->spare, "ida");
    own(w, w->other, "joe");
    w->gold = new_tier(w, w->orders, "gold");
    w->idle = new_tier(w, w->orders, "idle");
    w->bronze = new_tier(w, w->billing, "bronze");
    w->silver = new_tier(w, w->billing, "silver");
    w->shop = make(w, "shop");
    w->depot = make(w, "depot");
    check(w, clientid_control_owner_add(s->control, w->depot, CLIENTID_OWNER_USER,
                                        CLIENTID_STR("zoe"), &s->error));
    w->lone = support_new_application(s, "lone");
    w->waits = support_new_contract(s, w->shop, w->orders, w->gold);
    w->runs = support_new_contract(s, w->shop, w->billing, w->bronze);
    support_act(s, w->runs, CLIENTID_VERB_APPROVE);
    w->loose = support_new_contract(s, w->lone, w->other, 0);
}

static void keep_image(struct world *w)
{
    FILE *in;

    support_store_close(&w->s);
    in = fopen(w->s.file, "rb");
    assert_non_null(in);
    fseek(in, 0, SEEK_END);
    w->image_len = (size_t)ftell(in);
    rewind(in);
    w->image = malloc(w->image_len);
    assert_non_null(w->image);
    assert_int_equal(fread(w->image, 1, w->image_len, in), w->image_len);
    fclose(in);
}

static void world_new(struct world *w)
{
    memset(w, 0, sizeof(*w));
    support_accounts_new(&w->s);
    new_users(w);
    new_callers(w);
    new_things(w);
    keep_image(w);
}

/* As it was in the beginning, for this caller. */
static void world_begin(struct world *w, enum who who)
{
    char name[8 + sizeof(w->s.file)];
    FILE *out;

    support_store_close(&w->s);
    snprintf(name, sizeof(name), "%s-wal", w->s.file);
    remove(name);
    snprintf(name, sizeof(name), "%s-shm", w->s.file);
    remove(name);
    out = fopen(w->s.file, "wb");
    assert_non_null(out);
    assert_int_equal(fwrite(w->image, 1, w->image_len, out), w->image_len);
    fclose(out);
    support_accounts_open(&w->s, "a pepper of more than sixteen bytes");
    clientid_control_set_caller(w->s.control, who != OPERATOR ? &w->callers[who] : NULL);
}

static void world_del(struct world *w)
{
    free(w->image);
    support_store_del(&w->s);
}

/* ---- what is asked --------------------------------------------------------------------------- */

#define CONTROL      w->s.control
#define ERROR        &w->s.error
#define ACTION(name) static int name(struct world *w)

static int any_api(void *sink, const clientid_api_record *r)
{
    (void)sink;
    (void)r;
    return 0;
}
static int any_tier(void *sink, const clientid_tier_record *r)
{
    (void)sink;
    (void)r;
    return 0;
}
static int any_application(void *sink, const clientid_application_record *r)
{
    (void)sink;
    (void)r;
    return 0;
}
static int any_contract(void *sink, const clientid_contract_record *r)
{
    (void)sink;
    (void)r;
    return 0;
}
static int any_change(void *sink, const clientid_change_record *r)
{
    (void)sink;
    (void)r;
    return 0;
}
static int any_user(void *sink, const clientid_user_record *r)
{
    (void)sink;
    (void)r;
    return 0;
}
static int any_app(void *sink, const clientid_connected_app_record *r)
{
    (void)sink;
    (void)r;
    return 0;
}
static int any_name(void *sink, clientid_str name)
{
    (void)sink;
    (void)name;
    return 0;
}
static int any_id(void *sink, uint64_t id)
{
    (void)sink;
    (void)id;
    return 0;
}
static int any_bytes(void *sink, const char *bytes, size_t len)
{
    (void)sink;
    (void)bytes;
    (void)len;
    return 0;
}
static int no_bytes(void *self, char *buffer, size_t *len)
{
    (void)self;
    (void)buffer;
    *len = 0;
    return 0;
}

static int create_api(struct world *w, uint32_t kind, const clientid_str *members, uint32_t count)
{
    clientid_api_record r = {.size = sizeof(r),
                             .kind = kind,
                             .name = CLIENTID_STR("new"),
                             .members = members,
                             .member_count = count};
    uint64_t id;

    return clientid_control_api_create(CONTROL, &r, &id, ERROR);
}
ACTION(api_create)
{
    return create_api(w, CLIENTID_API_INSTANCE, NULL, 0);
}
ACTION(group_create)
{
    clientid_str member = CLIENTID_STR("orders");

    return create_api(w, CLIENTID_API_GROUP, &member, 1);
}
ACTION(api_find)
{
    uint64_t id;
    return clientid_control_api_find(CONTROL, CLIENTID_STR("orders"), &id, ERROR);
}
ACTION(api_get)
{
    return clientid_control_api_get(CONTROL, w->orders, any_api, NULL, ERROR);
}
ACTION(api_list)
{
    return clientid_control_api_list(CONTROL, any_api, NULL, ERROR);
}
ACTION(api_update)
{
    clientid_api_record r = {.size = sizeof(r), .asset = CLIENTID_STR("x")};

    return clientid_control_api_update(CONTROL, w->orders, &r, CLIENTID_API_ASSET, ERROR);
}
ACTION(api_delete)
{
    return clientid_control_api_delete(CONTROL, w->spare, ERROR);
}
ACTION(api_owner_add)
{
    return clientid_control_api_owner_add(CONTROL, w->orders, CLIENTID_STR("mia"), ERROR);
}
ACTION(api_owner_remove)
{
    return clientid_control_api_owner_remove(CONTROL, w->orders, CLIENTID_STR("ida"), ERROR);
}
ACTION(api_owner_list)
{
    return clientid_control_api_owner_list(CONTROL, w->orders, any_name, NULL, ERROR);
}
ACTION(tier_create)
{
    clientid_tier_record r = {.size = sizeof(r),
                              .api_id = w->orders,
                              .name = CLIENTID_STR("new"),
                              .status = CLIENTID_TIER_ACTIVE};
    uint64_t id;

    return clientid_control_tier_create(CONTROL, &r, &id, ERROR);
}
ACTION(tier_find)
{
    uint64_t id;
    return clientid_control_tier_find(CONTROL, w->orders, CLIENTID_STR("gold"), &id, ERROR);
}
ACTION(tier_get)
{
    return clientid_control_tier_get(CONTROL, w->gold, any_tier, NULL, ERROR);
}
ACTION(tier_list)
{
    return clientid_control_tier_list(CONTROL, w->orders, any_tier, NULL, ERROR);
}
ACTION(tier_update)
{
    clientid_tier_record r = {.size = sizeof(r), .auto_approve = 1};

    return clientid_control_tier_update(CONTROL, w->gold, &r, CLIENTID_TIER_AUTO_APPROVE, NULL,
                                        ERROR);
}
ACTION(tier_delete)
{
    return clientid_control_tier_delete(CONTROL, w->idle, ERROR);
}
ACTION(application_create)
{
    clientid_application_record r = {.size = sizeof(r), .name = CLIENTID_STR("new")};
    clientid_credentials c = {.size = sizeof(c)};

    return clientid_control_application_create(CONTROL, &r, (clientid_str){NULL, 0}, &c, ERROR);
}
ACTION(application_find)
{
    uint64_t id;
    return clientid_control_application_find(CONTROL, CLIENTID_STR("shop"), &id, ERROR);
}
ACTION(application_get)
{
    return clientid_control_application_get(CONTROL, w->shop, any_application, NULL, ERROR);
}
ACTION(application_list)
{
    return clientid_control_application_list(CONTROL, NULL, any_application, NULL, ERROR);
}
ACTION(application_update)
{
    clientid_application_record r = {.size = sizeof(r), .url = CLIENTID_STR("https://x")};

    return clientid_control_application_update(CONTROL, w->shop, &r, CLIENTID_APPLICATION_URL,
                                               ERROR);
}
ACTION(application_delete)
{
    return clientid_control_application_delete(CONTROL, w->depot, ERROR);
}
ACTION(secret_reset)
{
    clientid_credentials c = {.size = sizeof(c)};

    return clientid_control_secret_reset(CONTROL, w->shop, NULL, &c, ERROR);
}
ACTION(secret_revoke)
{
    return clientid_control_secret_revoke(CONTROL, w->shop, 1, ERROR);
}
ACTION(secrets_wrap)
{
    clientid_wrap_counts counts = {.size = sizeof(counts)};

    return clientid_control_secrets_wrap(CONTROL, &counts, NULL, NULL, ERROR);
}
ACTION(owner_add)
{
    return clientid_control_owner_add(CONTROL, w->shop, CLIENTID_OWNER_USER, CLIENTID_STR("mia"),
                                      ERROR);
}
ACTION(owner_remove)
{
    return clientid_control_owner_remove(CONTROL, w->depot, CLIENTID_STR("zoe"), ERROR);
}
ACTION(contract_request)
{
    clientid_access_request r = {.size = sizeof(r), .application_id = w->depot, .api_id = w->other};
    uint64_t id;

    return clientid_control_contract_request(CONTROL, &r, &id, NULL, ERROR);
}
static int act(struct world *w, uint64_t id, clientid_verb verb)
{
    return clientid_control_contract_act(CONTROL, id, verb, ERROR);
}
ACTION(approve)
{
    return act(w, w->waits, CLIENTID_VERB_APPROVE);
}
ACTION(reject)
{
    return act(w, w->waits, CLIENTID_VERB_REJECT);
}
ACTION(withdraw)
{
    return act(w, w->waits, CLIENTID_VERB_WITHDRAW);
}
ACTION(revoke)
{
    return act(w, w->runs, CLIENTID_VERB_REVOKE);
}
/* These are refused by the state, which counts as allowed: who may not is told so first. */
ACTION(restore)
{
    return act(w, w->runs, CLIENTID_VERB_RESTORE);
}
ACTION(approve_tier)
{
    return act(w, w->runs, CLIENTID_VERB_APPROVE_TIER);
}
ACTION(reject_tier)
{
    return act(w, w->runs, CLIENTID_VERB_REJECT_TIER);
}
ACTION(contract_delete)
{
    return act(w, w->runs, CLIENTID_VERB_DELETE);
}
ACTION(change_tier)
{
    return clientid_control_contract_change_tier(CONTROL, w->runs, w->silver, NULL, ERROR);
}
ACTION(set_tier)
{
    return clientid_control_contract_set_tier(CONTROL, w->runs, w->silver, ERROR);
}
ACTION(contract_get)
{
    return clientid_control_contract_get(CONTROL, w->waits, any_contract, NULL, ERROR);
}
ACTION(contract_find)
{
    uint64_t id;
    return clientid_control_contract_find(CONTROL, w->shop, w->orders, &id, ERROR);
}
ACTION(contract_list)
{
    return clientid_control_contract_list(CONTROL, NULL, any_contract, NULL, ERROR);
}
ACTION(changes)
{
    return clientid_control_changes(CONTROL, 0, 0, any_change, NULL, ERROR);
}
ACTION(changes_prune)
{
    return clientid_control_changes_prune(CONTROL, 1, NULL, ERROR);
}
ACTION(tokens_prune)
{
    return clientid_control_tokens_prune(CONTROL, NULL, ERROR);
}
ACTION(export)
{
    return clientid_control_export(CONTROL, any_bytes, NULL, ERROR);
}
ACTION(import)
{
    return clientid_control_import(
        CONTROL, CLIENTID_STR("{\"format\":\"clientid-registry\",\"version\":1}"), NULL, ERROR);
}
ACTION(load)
{
    clientid_load_options o = {.size = sizeof(o), .read = no_bytes};
    clientid_load_counts counts = {.size = sizeof(counts)};

    return clientid_control_load(CONTROL, &o, &counts, ERROR);
}
ACTION(user_create)
{
    clientid_user_record r = {.size = sizeof(r),
                              .name = CLIENTID_STR("new"),
                              .role = CLIENTID_ROLE_ADMINISTRATOR,
                              .identity = CLIENTID_IDENTITY_SAML,
                              .enabled = 1};
    uint64_t id;

    return clientid_control_user_create(CONTROL, &r, (clientid_str){NULL, 0}, &id, ERROR);
}
ACTION(user_find)
{
    uint64_t id;
    return clientid_control_user_find(CONTROL, CLIENTID_STR("mia"), &id, ERROR);
}
ACTION(user_get)
{
    return clientid_control_user_get(CONTROL, w->member, any_user, NULL, ERROR);
}
ACTION(user_list)
{
    return clientid_control_user_list(CONTROL, 0, 0, any_user, NULL, ERROR);
}
ACTION(user_update)
{
    clientid_user_record r = {.size = sizeof(r), .email = CLIENTID_STR("mia@x")};

    return clientid_control_user_update(CONTROL, w->member, &r, CLIENTID_USER_EMAIL, ERROR);
}
ACTION(user_promote)
{
    clientid_user_record r = {.size = sizeof(r), .role = CLIENTID_ROLE_ADMINISTRATOR};

    return clientid_control_user_update(CONTROL, w->member, &r, CLIENTID_USER_ROLE, ERROR);
}
ACTION(user_set_password)
{
    return clientid_control_user_set_password(CONTROL, w->member, CLIENTID_STR("another horse"),
                                              ERROR);
}
ACTION(user_delete)
{
    return clientid_control_user_delete(CONTROL, w->member, ERROR);
}
ACTION(app_create)
{
    clientid_connected_app_record r = {.size = sizeof(r),
                                       .name = CLIENTID_STR("new"),
                                       .owner_id = w->wes,
                                       .scopes = CLIENTID_SCOPE_MANAGE_APIS};
    clientid_credentials c = {.size = sizeof(c)};

    return clientid_control_connected_app_create(CONTROL, &r, &c, ERROR);
}
ACTION(app_find)
{
    uint64_t id;
    return clientid_control_connected_app_find(CONTROL, support_str(w->app_client_id), &id, ERROR);
}
ACTION(app_get)
{
    return clientid_control_connected_app_get(CONTROL, w->app, any_app, NULL, ERROR);
}
ACTION(app_list)
{
    return clientid_control_connected_app_list(CONTROL, any_app, NULL, ERROR);
}
static int widen(struct world *w, uint64_t id)
{
    clientid_connected_app_record r = {.size = sizeof(r), .scopes = CLIENTID_SCOPE_MANAGE_APIS};

    return clientid_control_connected_app_update(CONTROL, id, &r, CLIENTID_CONNECTED_APP_SCOPES,
                                                 ERROR);
}
ACTION(app_update)
{
    return widen(w, w->app);
}
ACTION(app_widen_maker)
{
    return widen(w, w->callers[MAKER].connected_app_id);
}
ACTION(app_rotate)
{
    clientid_credentials c = {.size = sizeof(c)};

    return clientid_control_connected_app_rotate(CONTROL, w->app, &c, ERROR);
}
ACTION(app_revoke)
{
    return clientid_control_connected_app_revoke(CONTROL, w->app, ERROR);
}
ACTION(app_grant)
{
    return clientid_control_connected_app_grant(CONTROL, w->app, w->shop, ERROR);
}
ACTION(app_ungrant)
{
    return clientid_control_connected_app_ungrant(CONTROL, w->app, w->shop, ERROR);
}
ACTION(app_grants)
{
    return clientid_control_connected_app_grants(CONTROL, w->app, any_id, NULL, ERROR);
}
ACTION(may_feed)
{
    return clientid_control_may(CONTROL, CLIENTID_PERMISSION_FEED_READ, 0, 0, ERROR);
}
ACTION(may_gateways)
{
    return clientid_control_may(CONTROL, CLIENTID_PERMISSION_GATEWAY_MANAGE, 0, 0, ERROR);
}
ACTION(may_answer)
{
    return clientid_control_may(CONTROL, CLIENTID_PERMISSION_GATEWAY_ANSWER, w->orders, 0, ERROR);
}

/* ---- the table ------------------------------------------------------------------------------- */

/*
 * One letter a caller, in the order of enum who: operator and users | Connected Apps by scope | maker, granted | revoked, disabled.
 * +: may.  f: FORBIDDEN.  n: NOT_FOUND.  u: UNKNOWN_CALLER.
 */
#define EVERYBODY                                                                                  \
    "++++++"                                                                                       \
    "++++++f"                                                                                      \
    "++"                                                                                           \
    "uu"
#define LISTED                                                                                     \
    "++++++"                                                                                       \
    "+++++++"                                                                                      \
    "++"                                                                                           \
    "uu" /* those that it may see */
#define MAKES_API                                                                                  \
    "++++ff"                                                                                       \
    "ffff+ff"                                                                                      \
    "ff"                                                                                           \
    "uu"
#define OF_API                                                                                     \
    "+++fff"                                                                                       \
    "ffff+ff"                                                                                      \
    "ff"                                                                                           \
    "uu"
#define DECIDES                                                                                    \
    "+++fff"                                                                                       \
    "ff+ffff"                                                                                      \
    "ff"                                                                                           \
    "uu"
#define SEES                                                                                       \
    "+++n+n"                                                                                       \
    "nn++nnn"                                                                                      \
    "++"                                                                                           \
    "uu" /* a contract */
#define SEES_APP                                                                                   \
    "++nn+n"                                                                                       \
    "n+nnnnn"                                                                                      \
    "++"                                                                                           \
    "uu" /* an application */
#define MAKES_APP                                                                                  \
    "++++++"                                                                                       \
    "+ffffff"                                                                                      \
    "+f"                                                                                           \
    "uu"
#define USES                                                                                       \
    "++ff+f"                                                                                       \
    "fffffff"                                                                                      \
    "++"                                                                                           \
    "uu"
#define OWNS                                                                                       \
    "++ff+f"                                                                                       \
    "fffffff"                                                                                      \
    "ff"                                                                                           \
    "uu"
#define EITHER                                                                                     \
    "+++f+f"                                                                                       \
    "ff+ffff"                                                                                      \
    "++"                                                                                           \
    "uu" /* side of a contract */
#define ADMINS                                                                                     \
    "++ffff"                                                                                       \
    "fffffff"                                                                                      \
    "ff"                                                                                           \
    "uu"
#define ITSELF                                                                                     \
    "++fff+"                                                                                       \
    "fffffff"                                                                                      \
    "ff"                                                                                           \
    "uu" /* mia */
#define FEEDS                                                                                      \
    "++ffff"                                                                                       \
    "ff++fff"                                                                                      \
    "ff"                                                                                           \
    "uu"

static const struct {
    const char *name;
    int (*ask)(struct world *w);
    const char *answers, *label; /* of the permission that is missing */
} rows[] = {
#define ROW(name, answers, label)                                                                  \
    {                                                                                              \
#name, name, answers, label                                                                \
    }
    ROW(api_create, MAKES_API, "api-create"),
    ROW(group_create, OF_API, "api-"),
    ROW(api_find, EVERYBODY, "api-read"),
    ROW(api_get, EVERYBODY, "api-read"),
    ROW(api_list, EVERYBODY, "api-read"),
    ROW(api_update, OF_API, "api-manage"),
    ROW(api_delete, OF_API, "api-manage"),
    ROW(api_owner_add, OF_API, "api-manage"),
    ROW(api_owner_remove, OF_API, "api-manage"),
    ROW(api_owner_list, OF_API, "api-manage"),
    ROW(tier_create, OF_API, "api-manage"),
    ROW(tier_find, EVERYBODY, "api-read"),
    ROW(tier_get, EVERYBODY, "api-read"),
    ROW(tier_list, EVERYBODY, "api-read"),
    ROW(tier_update, OF_API, "api-manage"),
    ROW(tier_delete, OF_API, "api-manage"),
    ROW(application_create, MAKES_APP, "application-create"),
    ROW(application_find, SEES_APP, ""),
    ROW(application_get, SEES_APP, ""),
    ROW(application_list, LISTED, ""),
    ROW(application_update, OWNS, "application-manage"),
    ROW(application_delete, OWNS, "application-manage"),
    ROW(secret_reset, USES, "application-use"),
    ROW(secret_revoke, OWNS, "application-manage"),
    ROW(secrets_wrap, ADMINS, "store-manage"),
    ROW(owner_add, USES, "application-use"),
    ROW(owner_remove, OWNS, "application-manage"),
    ROW(contract_request, USES, "application-use"),
    ROW(approve, DECIDES, "contract-decide"),
    ROW(reject, DECIDES, "contract-decide"),
    ROW(withdraw, USES, "application-use"),
    ROW(revoke, DECIDES, "contract-decide"),
    ROW(restore, DECIDES, "contract-decide"),
    ROW(approve_tier, DECIDES, "contract-decide"),
    ROW(reject_tier, DECIDES, "contract-decide"),
    ROW(contract_delete, DECIDES, "contract-decide"),
    ROW(change_tier, EITHER, "application-use"),
    ROW(set_tier, DECIDES, "contract-decide"),
    ROW(contract_get, SEES, ""),
    ROW(contract_find, SEES, ""),
    ROW(contract_list, LISTED, ""),
    ROW(changes, ADMINS, "changes-read"),
    ROW(changes_prune, ADMINS, "store-manage"),
    ROW(tokens_prune, ADMINS, "store-manage"),
    ROW(export, ADMINS, "store-manage"),
    ROW(import, ADMINS, "store-manage"),
    ROW(load, ADMINS, "store-manage"),
    ROW(user_create, ADMINS, "user-manage"),
    ROW(user_find, ITSELF, "user-manage"),
    ROW(user_get, ITSELF, "user-manage"),
    ROW(user_list, ADMINS, "user-manage"),
    ROW(user_update, ITSELF, "user-manage"),
    ROW(user_promote, ADMINS, "user-manage"),
    ROW(user_set_password, ITSELF, "user-manage"),
    ROW(user_delete, ADMINS, "user-manage"),
    ROW(app_create, ADMINS, "connected-app-manage"),
    ROW(app_find, ADMINS, "connected-app-manage"),
    ROW(app_get, ADMINS, "connected-app-manage"),
    ROW(app_list, ADMINS, "connected-app-manage"),
    ROW(app_update, ADMINS, "connected-app-manage"),
    ROW(app_widen_maker, ADMINS, "connected-app-manage"),
    ROW(app_rotate, ADMINS, "connected-app-manage"),
    ROW(app_revoke, ADMINS, "connected-app-manage"),
    ROW(app_grant, ADMINS, "connected-app-manage"),
    ROW(app_ungrant, ADMINS, "connected-app-manage"),
    ROW(app_grants, ADMINS, "connected-app-manage"),
    ROW(may_feed, FEEDS, "feed-read"),
    ROW(may_gateways, ADMINS, "gateway-manage"),
    ROW(may_answer, DECIDES, "gateway-answer"),
#undef ROW
};

#define ROWS (sizeof(rows) / sizeof(rows[0]))

static char letter(int rc)
{
    switch (rc) {
    case 0:
    case CLIENTID_ERR_RULE:
    case CLIENTID_ERR_EXISTS:
        return '+';
    case CLIENTID_ERR_FORBIDDEN:
        return 'f';
    case CLIENTID_ERR_NOT_FOUND:
        return 'n';
    case CLIENTID_ERR_UNKNOWN_CALLER:
        return 'u';
    default:
        return '!';
    }
}

static unsigned ask(struct world *w, size_t row, enum who who)
{
    uint64_t revision;
    char got;

    world_begin(w, who);
    revision = support_revision(&w->s);
    memset(&w->s.error, 0, sizeof(w->s.error));
    got = letter(rows[row].ask(w));
    if (got != rows[row].answers[who]) {
        print_error("%s by %s: expected %c, got %c: %s\n", rows[row].name, caller_names[who],
                    rows[row].answers[who], got, w->s.error.text);
        return 1;
    }
    if (got == 'f' && strncmp(w->s.error.text, rows[row].label, strlen(rows[row].label)) != 0) {
        print_error("%s by %s: expected %s, got: %s\n", rows[row].name, caller_names[who],
                    rows[row].label, w->s.error.text);
        return 1;
    }
    if (got != '+' && support_revision(&w->s) != revision) {
        print_error("%s by %s: refused, and something changed\n", rows[row].name,
                    caller_names[who]);
        return 1;
    }
    return 0;
}

static void test_every_function_by_every_caller(void **state)
{
    unsigned wrong = 0;
    struct world w;

    (void)state;
    world_new(&w);
    for (size_t row = 0; row < ROWS; row++) {
        assert_int_equal(strlen(rows[row].answers), CALLERS);
        for (enum who who = OPERATOR; who < CALLERS; who++)
            wrong += ask(&w, row, who);
    }
    assert_int_equal(wrong, 0);
    world_del(&w);
}

/* Each permission is what some row lacks. */
static void test_every_permission_has_a_row(void **state)
{
    (void)state;
    for (unsigned p = 0; p < CLIENTID_PERMISSION_COUNT; p++) {
        const char *label = clientid_permission_label((clientid_permission)p);
        size_t row = 0;

        /* What may not be read is not there, so these have no label. */
        if (p == CLIENTID_PERMISSION_APPLICATION_READ || p == CLIENTID_PERMISSION_CONTRACT_READ)
            continue;
        while (row < ROWS && strcmp(rows[row].label, label) != 0)
            row++;
        if (row == ROWS)
            fail_msg("no row for %s", label);
    }
}

/* ---- lists ----------------------------------------------------------------------------------- */

static int count_application(void *sink, const clientid_application_record *r)
{
    (void)r;
    ++*(uint64_t *)sink;
    return 0;
}

static int count_contract(void *sink, const clientid_contract_record *r)
{
    (void)r;
    ++*(uint64_t *)sink;
    return 0;
}

static void test_lists_show_what_a_caller_may_see(void **state)
{
    static const char applications[] = "330020"
                                       "0300000"
                                       "22";
    static const char contracts[] = "332120"
                                    "0033000"
                                    "22";
    struct world w;

    (void)state;
    world_new(&w);
    for (enum who who = OPERATOR; who < REVOKED; who++) {
        uint64_t seen[2] = {0, 0}, counted[2] = {9, 9};

        world_begin(&w, who);
        check(&w, clientid_control_application_list(w.s.control, NULL, count_application, &seen[0],
                                                    &w.s.error));
        check(&w, clientid_control_application_count(w.s.control, NULL, &counted[0], &w.s.error));
        check(&w, clientid_control_contract_list(w.s.control, NULL, count_contract, &seen[1],
                                                 &w.s.error));
        check(&w, clientid_control_contract_count(w.s.control, NULL, &counted[1], &w.s.error));
        if (seen[0] != (uint64_t)(applications[who] - '0') || counted[0] != seen[0])
            fail_msg("%s: %u applications, %u counted", caller_names[who], (unsigned)seen[0],
                     (unsigned)counted[0]);
        if (seen[1] != (uint64_t)(contracts[who] - '0') || counted[1] != seen[1])
            fail_msg("%s: %u contracts, %u counted", caller_names[who], (unsigned)seen[1],
                     (unsigned)counted[1]);
    }
    world_del(&w);
}

/* A filter narrows what a caller may see and never widens it. */
static void test_filters_do_not_widen(void **state)
{
    struct world w;

    (void)state;
    world_new(&w);
    for (enum who who = OPERATOR; who < REVOKED; who++) {
        const clientid_application_filter by[] = {
            {.size = sizeof(by[0]), .name = CLIENTID_STR("An application")},
            {.size = sizeof(by[0]), .owner = CLIENTID_STR("wes")},
            {.size = sizeof(by[0]), .text = CLIENTID_STR("APP")},
            {.size = sizeof(by[0]), .connected_app_id = w.callers[MAKER].connected_app_id},
            {.size = sizeof(by[0]), .offset = 1},
            {.size = sizeof(by[0]), .max = 1},
        };
        /* lone; shop and depot; lone; shop and depot; all but one; one */
        static const uint64_t all[] = {1, 2, 1, 2, 2, 1}, own[] = {0, 2, 0, 2, 1, 1};
        const bool sees_all = who == OPERATOR || who == ADMIN || who == READ;
        const bool sees_own = who == WES || who == MAKER || who == GRANTED;

        for (size_t i = 0; i < sizeof(by) / sizeof(by[0]); i++) {
            uint64_t seen = 0, expected = sees_all ? all[i] : sees_own ? own[i] : 0;

            world_begin(&w, who);
            check(&w, clientid_control_application_list(w.s.control, &by[i], count_application,
                                                        &seen, &w.s.error));
            if (seen != expected)
                fail_msg("filter %u by %s: %u instead of %u", (unsigned)i, caller_names[who],
                         (unsigned)seen, (unsigned)expected);
        }
    }
    world_del(&w);
}

static void test_contract_filters_do_not_widen(void **state)
{
    struct world w;

    (void)state;
    world_new(&w);
    for (enum who who = OPERATOR; who < REVOKED; who++) {
        const clientid_contract_filter by[] = {
            {.size = sizeof(by[0]), .api_id = w.other},
            {.size = sizeof(by[0]), .application_id = w.lone},
            {.size = sizeof(by[0]), .status = CLIENTID_APPROVED, .api_id = w.other},
        };
        const bool sees = who == OPERATOR || who == ADMIN || who == JOE || who == CONTRACTS ||
                          who == READ_CONTRACTS;

        for (size_t i = 0; i < sizeof(by) / sizeof(by[0]); i++) {
            uint64_t seen = 0;

            world_begin(&w, who);
            check(&w, clientid_control_contract_list(w.s.control, &by[i], count_contract, &seen,
                                                     &w.s.error));
            if (seen != (uint64_t)sees)
                fail_msg("filter %u by %s: %u", (unsigned)i, caller_names[who], (unsigned)seen);
        }
    }
    world_del(&w);
}

/* ---- what the table does not say ------------------------------------------------------------- */

static void test_creator_without_its_scope(void **state)
{
    clientid_connected_app_record none = {.size = sizeof(none)};
    struct world w;

    (void)state;
    world_new(&w);
    world_begin(&w, OPERATOR);
    check(&w,
          clientid_control_connected_app_update(w.s.control, w.callers[MAKER].connected_app_id,
                                                &none, CLIENTID_CONNECTED_APP_SCOPES, &w.s.error));
    clientid_control_set_caller(w.s.control, &w.callers[MAKER]);
    assert_int_equal(secret_reset(&w), CLIENTID_ERR_FORBIDDEN);
    assert_int_equal(application_get(&w), CLIENTID_ERR_NOT_FOUND);
    world_del(&w);
}

static void test_grant_taken_back(void **state)
{
    struct world w;

    (void)state;
    world_new(&w);
    world_begin(&w, OPERATOR);
    check(&w, clientid_control_connected_app_ungrant(
                  w.s.control, w.callers[GRANTED].connected_app_id, w.shop, &w.s.error));
    clientid_control_set_caller(w.s.control, &w.callers[GRANTED]);
    assert_int_equal(secret_reset(&w), CLIENTID_ERR_FORBIDDEN);
    assert_int_equal(contract_request(&w), 0);
    world_del(&w);
}

/* An owner of the API who lost the role has no more than others. */
static void test_owner_without_the_role(void **state)
{
    clientid_user_record member = {.size = sizeof(member), .role = CLIENTID_ROLE_MEMBER};
    struct world w;

    (void)state;
    world_new(&w);
    world_begin(&w, OPERATOR);
    check(&w, clientid_control_user_update(w.s.control, w.callers[IDA].user_id, &member,
                                           CLIENTID_USER_ROLE, &w.s.error));
    clientid_control_set_caller(w.s.control, &w.callers[IDA]);
    assert_int_equal(approve(&w), CLIENTID_ERR_FORBIDDEN);
    assert_int_equal(contract_get(&w), CLIENTID_ERR_NOT_FOUND);
    {
        const clientid_contract_filter of_orders = {.size = sizeof(of_orders), .api_id = w.orders};
        uint64_t seen = 0;

        check(&w,
              clientid_control_contract_list(w.s.control, NULL, count_contract, &seen, &w.s.error));
        check(&w, clientid_control_contract_list(w.s.control, &of_orders, count_contract, &seen,
                                                 &w.s.error));
        assert_int_equal(seen, 0);
    }
    assert_int_equal(api_get(&w), 0);
    world_del(&w);
}

/* The numbers of a caller that a host made up fit nobody. */
static void test_caller_that_was_made_up(void **state)
{
    clientid_caller caller;
    struct world w;

    (void)state;
    world_new(&w);
    world_begin(&w, OPERATOR);
    caller = w.callers[MEMBER];
    caller.role = CLIENTID_ROLE_ADMINISTRATOR;
    assert_int_equal(clientid_control_set_caller(w.s.control, &caller), 0);
    assert_int_equal(user_list(&w), CLIENTID_ERR_FORBIDDEN);
    caller = w.callers[MEMBER];
    caller.token_id = w.callers[ADMIN].token_id;
    clientid_control_set_caller(w.s.control, &caller);
    assert_int_equal(user_list(&w), CLIENTID_ERR_UNKNOWN_CALLER);
    caller = w.callers[NOTHING];
    caller.token_id = w.callers[APIS].token_id;
    clientid_control_set_caller(w.s.control, &caller);
    assert_int_equal(api_create(&w), CLIENTID_ERR_UNKNOWN_CALLER);
    caller.kind = 3;
    assert_int_equal(clientid_control_set_caller(w.s.control, &caller), CLIENTID_ERR_ARG);
    caller.kind = 1;
    caller.size = 1;
    assert_int_equal(clientid_control_set_caller(w.s.control, &caller), CLIENTID_ERR_ARG);
    world_del(&w);
}

static int take_owners(void *sink, const clientid_application_record *r)
{
    char *out = sink;

    out[0] = '\0';
    for (size_t i = 0; i < r->owner_count; i++) {
        strncat(out, r->owners[i].ptr, r->owners[i].len);
        strcat(out, " ");
    }
    return 0;
}

static void test_who_owns_what_is_made(void **state)
{
    static const struct {
        enum who who;
        const char *given, *owners;
    } cases[] = {
        {OPERATOR, NULL, ""},       {OPERATOR, "zoe", "zoe "}, {MEMBER, NULL, "mia "},
        {MEMBER, "zoe", "zoe "},    {MAKER, NULL, "wes "},     {MAKER, "wes", "wes "},
        {MAKER, "zoe", "wes zoe "},
    };
    struct world w;

    (void)state;
    world_new(&w);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        clientid_str given = support_str(cases[i].given != NULL ? cases[i].given : "");
        clientid_application_record r = {.size = sizeof(r),
                                         .name = CLIENTID_STR("new"),
                                         .owners = &given,
                                         .owner_count = given.len > 0};
        clientid_credentials c = {.size = sizeof(c)};
        char owners[200] = "";

        world_begin(&w, cases[i].who);
        check(&w, clientid_control_application_create(w.s.control, &r, (clientid_str){NULL, 0}, &c,
                                                      &w.s.error));
        clientid_control_set_caller(w.s.control, NULL);
        check(&w, clientid_control_application_get(w.s.control, c.application_id, take_owners,
                                                   owners, &w.s.error));
        assert_string_equal(owners, cases[i].owners);
    }
    world_del(&w);
}

static void test_actors(void **state)
{
    char expected[300];
    struct world w;

    (void)state;
    world_new(&w);
    world_begin(&w, WES);
    assert_int_equal(secret_reset(&w), 0);
    assert_string_equal(support_last_change(&w.s), "wes application reset-secret shop slot 2");
    clientid_control_set_caller(w.s.control, &w.callers[MAKER]);
    assert_int_equal(secret_reset(&w), 0);
    snprintf(expected, sizeof(expected), "%s application reset-secret shop slot 1",
             w.callers[MAKER].actor);
    assert_string_equal(support_last_change(&w.s), expected);
    assert_int_equal(strncmp(w.callers[MAKER].actor, "connected-app:", 14), 0);
    clientid_control_set_caller(w.s.control, NULL);
    assert_int_equal(secret_reset(&w), 0);
    assert_string_equal(support_last_change(&w.s), "tester application reset-secret shop slot 2");
    world_del(&w);
}

static void test_labels(void **state)
{
    (void)state;
    assert_string_equal(clientid_role_label(CLIENTID_ROLE_ADMINISTRATOR),
                        "Organization Administrator");
    assert_string_equal(clientid_role_label(9), "?");
    assert_string_equal(clientid_permission_label(CLIENTID_PERMISSION_COUNT), "?");
    assert_string_equal(clientid_scope_name(CLIENTID_SCOPE_MANAGE_APIS), "manage:apis");
    assert_null(clientid_scope_name(3));
    assert_int_equal(clientid_scope_find(CLIENTID_STR("read:exchange")),
                     CLIENTID_SCOPE_VIEW_EXCHANGE);
    assert_int_equal(clientid_scope_find(CLIENTID_STR("read:exchang")), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_function_by_every_caller),
        cmocka_unit_test(test_every_permission_has_a_row),
        cmocka_unit_test(test_lists_show_what_a_caller_may_see),
        cmocka_unit_test(test_filters_do_not_widen),
        cmocka_unit_test(test_contract_filters_do_not_widen),
        cmocka_unit_test(test_creator_without_its_scope),
        cmocka_unit_test(test_grant_taken_back),
        cmocka_unit_test(test_owner_without_the_role),
        cmocka_unit_test(test_caller_that_was_made_up),
        cmocka_unit_test(test_who_owns_what_is_made),
        cmocka_unit_test(test_actors),
        cmocka_unit_test(test_labels),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
