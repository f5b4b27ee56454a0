/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__STORE_H
#define CLIENTID__STORE_H

#include <clientid/account.h>
#include <clientid/control.h>
#include <clientid/delivery.h>
#include <clientid/store.h>
#include <clientid/third_party.h>

#include <stdbool.h>

/*
 * What the life cycle needs of a place where records are kept.  A store knows rows, references and
 * transactions; it knows no rule.  A second kind of store implements the same table of functions.
 *
 * Everything between begin and commit is one change: all of it is there afterwards, or none.  Functions that look
 * for one row return CLIENTID_ERR_NOT_FOUND without a text when there is none; the caller knows what it was
 * looking for.
 */

enum clientid__transaction {
    CLIENTID__READ,  /* one state of the data for all reads */
    CLIENTID__WRITE, /* durable when commit returns */
    CLIENTID__BULK   /* consistent after a crash, the last ones may be missing: for loads */
};

/* What a rule needs to know of a thing. */
struct clientid__api_facts {
    uint64_t id;
    uint64_t terms_id; /* 0: none to accept */
    uint32_t kind;
    bool has_contract, in_group, has_tier, has_active_tier;
    char name[CLIENTID_API_NAME_MAX + 1];
    char provider[CLIENTID_NAME_MAX + 1];
};

struct clientid__tier_facts {
    uint64_t id;
    uint64_t api_id;
    uint32_t auto_approve;
    uint32_t status;
    bool in_use;
    char name[CLIENTID_NAME_MAX + 1];
    char api_name[CLIENTID_API_NAME_MAX + 1];
};

struct clientid__application_facts {
    uint64_t id;
    uint32_t newest_slot;
    bool has_contract, has_approved;
    clientid_secret secrets[2];
    char client_id[CLIENTID_ID_MAX + 1];
    char provider[CLIENTID_NAME_MAX + 1];
};

struct clientid__contract_facts {
    uint64_t id, application_id, api_id, tier_id, requested_tier_id;
    uint32_t status;
    uint64_t approved_ns, rejected_ns, revoked_ns;
    char api_name[CLIENTID_API_NAME_MAX + 1];
    char client_id[CLIENTID_ID_MAX + 1];
};

#define CLIENTID__PASSWORD_TEXT_MAX 255 /* a password as it is kept, see control/password.c */
#define CLIENTID__TOKEN_HASH_BYTES  32

struct clientid__user_facts {
    uint64_t id;
    uint32_t role, identity, enabled;
    char name[CLIENTID_NAME_MAX + 1];
    char password[CLIENTID__PASSWORD_TEXT_MAX + 1]; /* "": none */
};

struct clientid__connected_app_facts {
    uint64_t id, owner_id, revoked_ns;
    clientid_secret secret;
    char client_id[CLIENTID_ID_MAX + 1];
    char name[CLIENTID_NAME_MAX + 1];
};

/* Who somebody is right now. */
struct clientid__caller_facts {
    uint64_t token_id, user_id, connected_app_id;
    uint32_t role, scopes;
    char user_name[CLIENTID_NAME_MAX + 1];
    char client_id[CLIENTID_ID_MAX + 1]; /* of the Connected App, or "" */
};

/* What of a list somebody may see; a NULL pointer to it: all. */
struct clientid__viewer {
    clientid_str owner;        /* a user: what it owns */
    bool owns_apis;            /* and contracts of the APIs it owns */
    uint64_t connected_app_id; /* a Connected App: what it was granted */
    uint64_t creator_id;       /* and what it created; 0: not that */
};

/* The kinds of things in the change log; the numbers are in databases. */
#define CLIENTID__ENTITY_MAP(X)                                                                    \
    X(API, 1, "api")                                                                               \
    X(GROUP, 2, "group")                                                                           \
    X(TIER, 3, "tier")                                                                             \
    X(APPLICATION, 4, "application")                                                               \
    X(CONTRACT, 5, "contract")                                                                     \
    X(USER, 6, "user")                                                                             \
    X(CONNECTED_APP, 7, "connected-app")                                                           \
    X(PROVIDER, 8, "provider")                                                                     \
    X(HOOK, 9, "hook")                                                                             \
    X(USER_REQUEST, 10, "user-request")                                                            \
    X(GATEWAY_EVENT, 11, "gateway-event")

enum clientid__entity {
#define CLIENTID__ENTITY_ENUM(name, number, label) CLIENTID__##name = (number),
    CLIENTID__ENTITY_MAP(CLIENTID__ENTITY_ENUM)
#undef CLIENTID__ENTITY_ENUM
};

struct clientid__change {
    enum clientid__entity entity;
    bool in_force; /* gateways must know: contracts of a changed application, and the like */
    uint64_t entity_id;
    uint64_t at_ns;
    clientid_str actor, verb, api, client_id, detail;
};

struct clientid__log_ops {
    int (*append)(clientid_store *store, const struct clientid__change *change,
                  clientid_error *error);
    int (*each)(clientid_store *store, uint64_t revision, uint64_t max, clientid_change_fn *emit,
                void *sink, clientid_error *error);
    int (*prune)(clientid_store *store, uint64_t before_ns, uint64_t *removed,
                 clientid_error *error);
};

struct clientid__api_ops {
    /* |record->id| 0: the next one.  Members are set apart. */
    int (*insert)(clientid_store *store, const clientid_api_record *record, uint64_t *id,
                  clientid_error *error);
    int (*update)(clientid_store *store, uint64_t id, const clientid_api_record *record,
                  unsigned fields, uint64_t now_ns, clientid_error *error);
    int (*members)(clientid_store *store, uint64_t id, const uint64_t *members, size_t count,
                   clientid_error *error);
    int (*delete)(clientid_store *store, uint64_t id, clientid_error *error);
    int (*find)(clientid_store *store, clientid_str name, uint64_t *id, clientid_error *error);
    int (*facts)(clientid_store *store, uint64_t id, struct clientid__api_facts *out,
                 clientid_error *error);
    /* |id| 0: all. */
    int (*each)(clientid_store *store, uint64_t id, clientid_api_fn *emit, void *sink,
                clientid_error *error);
    /* The row that keeps these terms of that API, made when there is none. */
    int (*terms)(clientid_store *store, uint64_t api_id, clientid_str text, uint64_t *terms_id,
                 clientid_error *error);
};

struct clientid__tier_ops {
    int (*insert)(clientid_store *store, const clientid_tier_record *record, uint64_t *id,
                  clientid_error *error);
    int (*update)(clientid_store *store, uint64_t id, const clientid_tier_record *record,
                  unsigned fields, uint64_t now_ns, clientid_error *error);
    int (*delete)(clientid_store *store, uint64_t id, clientid_error *error);
    int (*find)(clientid_store *store, uint64_t api_id, clientid_str name, uint64_t *id,
                clientid_error *error);
    int (*facts)(clientid_store *store, uint64_t id, struct clientid__tier_facts *out,
                 clientid_error *error);
    int (*each)(clientid_store *store, uint64_t id, uint64_t api_id, clientid_tier_fn *emit,
                void *sink, clientid_error *error);
};

struct clientid__application_ops {
    /* Owners are added apart. */
    int (*insert)(clientid_store *store, const clientid_application_record *record, uint64_t *id,
                  clientid_error *error);
    int (*update)(clientid_store *store, uint64_t id, const clientid_application_record *record,
                  unsigned fields, uint64_t now_ns, clientid_error *error);
    int (*secrets)(clientid_store *store, uint64_t id, const clientid_secret secrets[2],
                   uint32_t newest_slot, uint64_t now_ns, clientid_error *error);
    int (*delete)(clientid_store *store, uint64_t id, clientid_error *error);
    int (*find)(clientid_store *store, clientid_str client_id, uint64_t *id, clientid_error *error);
    int (*facts)(clientid_store *store, uint64_t id, struct clientid__application_facts *out,
                 clientid_error *error);
    int (*each)(clientid_store *store, uint64_t id, const clientid_application_filter *filter,
                clientid_application_fn *emit, void *sink, clientid_error *error);
    int (*list)(clientid_store *store, const clientid_application_filter *filter,
                const struct clientid__viewer *viewer, clientid_application_fn *emit, void *sink,
                clientid_error *error);
    int (*count)(clientid_store *store, const clientid_application_filter *filter,
                 const struct clientid__viewer *viewer, uint64_t *count, clientid_error *error);
    int (*created_by)(clientid_store *store, uint64_t id, uint64_t connected_app_id,
                      clientid_error *error);
    /* Up to |max| ids above |after|. */
    int (*ids)(clientid_store *store, uint64_t after, uint64_t *ids, size_t max, size_t *count,
               clientid_error *error);
};

struct clientid__owner_ops {
    int (*insert)(clientid_store *store, uint64_t id, clientid_str name, clientid_error *error);
    int (*delete)(clientid_store *store, uint64_t id, clientid_str name, clientid_error *error);
    /* How many there are, and whether |name| is one. */
    int (*count)(clientid_store *store, uint64_t id, clientid_str name, size_t *count, bool *found,
                 clientid_error *error);
};

struct clientid__contract_ops {
    int (*insert)(clientid_store *store, const clientid_contract_record *record, uint64_t terms_id,
                  uint64_t *id, clientid_error *error);
    /* Writes status, tiers and dates. */
    int (*update)(clientid_store *store, const struct clientid__contract_facts *facts,
                  uint64_t now_ns, clientid_error *error);
    int (*delete)(clientid_store *store, uint64_t id, clientid_error *error);
    int (*find)(clientid_store *store, uint64_t application_id, uint64_t api_id, uint64_t *id,
                clientid_error *error);
    int (*facts)(clientid_store *store, uint64_t id, struct clientid__contract_facts *out,
                 clientid_error *error);
    int (*each)(clientid_store *store, uint64_t id, const clientid_contract_filter *filter,
                clientid_contract_fn *emit, void *sink, clientid_error *error);
    int (*list)(clientid_store *store, const clientid_contract_filter *filter,
                const struct clientid__viewer *viewer, clientid_contract_fn *emit, void *sink,
                clientid_error *error);
    int (*count)(clientid_store *store, const clientid_contract_filter *filter,
                 const struct clientid__viewer *viewer, uint64_t *count, clientid_error *error);
    /* Up to |max| ids above |after|: those that wait for |tier_id|, or those of |application_id|; one is 0. */
    int (*ids)(clientid_store *store, uint64_t tier_id, uint64_t application_id, uint64_t after,
               uint64_t *ids, size_t max, size_t *count, clientid_error *error);
};

/* What the gateways of one API instance are told: events as of source.h. */
struct clientid__feed_ops {
    /* Of the instance and its groups; |after| 0: all there are, else those that changed or went since that revision. */
    int (*tiers)(clientid_store *store, uint64_t api_id, uint64_t after, clientid_event_fn *emit,
                 void *sink, clientid_error *error);
    int (*groups)(clientid_store *store, uint64_t api_id, clientid_event_fn *emit, void *sink,
                  clientid_error *error);
    /* The instance and its groups are places, in the order of their ids: the one after |after|, 0: none. */
    int (*next_place)(clientid_store *store, uint64_t api_id, uint64_t after, uint64_t *out,
                      clientid_error *error);
    /* Approved ones of a place, by id. */
    int (*contracts)(clientid_store *store, uint64_t place, uint64_t after, uint64_t max,
                     clientid_event_fn *emit, void *sink, clientid_error *error);
    /* Of all statuses and removed ones, by revision and id, behind those two. */
    int (*changed)(clientid_store *store, uint64_t api_id, uint64_t revision, uint64_t after,
                   uint64_t max, clientid_event_fn *emit, void *sink, clientid_error *error);
    /* The newest revision that the log no longer has; how often groups changed since |revision|. */
    int (*history)(clientid_store *store, uint64_t revision, uint64_t *floor, uint64_t *regrouped,
                   clientid_error *error);
};

struct clientid__user_ops {
    int (*insert)(clientid_store *store, const clientid_user_record *record, clientid_str password,
                  uint64_t *id, clientid_error *error);
    int (*update)(clientid_store *store, uint64_t id, const clientid_user_record *record,
                  unsigned fields, uint64_t now_ns, clientid_error *error);
    int (*password)(clientid_store *store, uint64_t id, clientid_str password, uint64_t now_ns,
                    clientid_error *error);
    int (*delete)(clientid_store *store, uint64_t id, clientid_error *error);
    int (*find)(clientid_store *store, clientid_str name, uint64_t *id, clientid_error *error);
    int (*facts)(clientid_store *store, uint64_t id, struct clientid__user_facts *out,
                 clientid_error *error);
    /* |id| 0: up to |max| above |after_id|. */
    int (*each)(clientid_store *store, uint64_t id, uint64_t after_id, uint64_t max,
                clientid_user_fn *emit, void *sink, clientid_error *error);
    /* How many enabled administrators there are. */
    int (*administrators)(clientid_store *store, uint64_t *count, clientid_error *error);
    /* How many Connected Apps in use it owns. */
    int (*connected_apps)(clientid_store *store, uint64_t id, uint64_t *count,
                          clientid_error *error);
    /* How many applications and APIs have an owner of that name. */
    int (*owned)(clientid_store *store, clientid_str name, uint64_t *count, clientid_error *error);
};

struct clientid__token_ops {
    /* Of a user or a Connected App; the other is 0. */
    int (*insert)(clientid_store *store, const unsigned char *hash, uint64_t user_id,
                  uint64_t connected_app_id, uint64_t created_ns, uint64_t expires_ns, uint64_t *id,
                  clientid_error *error);
    /* Whose it is; not of a disabled user or a revoked Connected App, nor one that has ended. */
    int (*find)(clientid_store *store, const unsigned char *hash, uint64_t now_ns,
                struct clientid__caller_facts *out, clientid_error *error);
    /* The same for who was known before, by token or, without one, by user or Connected App. */
    int (*caller)(clientid_store *store, const clientid_caller *who, uint64_t now_ns,
                  struct clientid__caller_facts *out, clientid_error *error);
    int (*delete)(clientid_store *store, uint64_t id, clientid_error *error);
    /* All of a user or of a Connected App that end before |before_ns|. */
    int (*clear)(clientid_store *store, uint64_t user_id, uint64_t connected_app_id,
                 uint64_t before_ns, clientid_error *error);
    /* Tokens and assertions that have ended. */
    int (*prune)(clientid_store *store, uint64_t now_ns, uint64_t *removed, clientid_error *error);
    /* CLIENTID_ERR_EXISTS when it was there. */
    int (*assertion)(clientid_store *store, clientid_str id, uint64_t not_after_ns,
                     clientid_error *error);
};

struct clientid__connected_app_ops {
    int (*insert)(clientid_store *store, const clientid_connected_app_record *record,
                  const clientid_secret *secret, uint64_t *id, clientid_error *error);
    int (*update)(clientid_store *store, uint64_t id, const clientid_connected_app_record *record,
                  unsigned fields, uint64_t now_ns, clientid_error *error);
    int (*secret)(clientid_store *store, uint64_t id, const clientid_secret *secret,
                  uint64_t now_ns, clientid_error *error);
    int (*revoke)(clientid_store *store, uint64_t id, uint64_t now_ns, clientid_error *error);
    int (*find)(clientid_store *store, clientid_str client_id, uint64_t *id, clientid_error *error);
    int (*facts)(clientid_store *store, uint64_t id, struct clientid__connected_app_facts *out,
                 clientid_error *error);
    /* |id| 0: those in use. */
    int (*each)(clientid_store *store, uint64_t id, clientid_connected_app_fn *emit, void *sink,
                clientid_error *error);
    int (*count)(clientid_store *store, uint64_t *count, clientid_error *error); /* in use */
    int (*grant)(clientid_store *store, uint64_t id, uint64_t application_id,
                 clientid_error *error);
    int (*ungrant)(clientid_store *store, uint64_t id, uint64_t application_id,
                   clientid_error *error);
    int (*grants)(clientid_store *store, uint64_t id, clientid_id_fn *emit, void *sink,
                  clientid_error *error);
    /* Whether it created the application, and whether it was granted it. */
    int (*holds)(clientid_store *store, uint64_t id, uint64_t application_id, bool *created,
                 bool *granted, clientid_error *error);
};

struct clientid__api_owner_ops {
    int (*insert)(clientid_store *store, uint64_t api_id, clientid_str name, clientid_error *error);
    int (*delete)(clientid_store *store, uint64_t api_id, clientid_str name, clientid_error *error);
    int (*has)(clientid_store *store, uint64_t api_id, clientid_str name, bool *has,
               clientid_error *error);
    int (*each)(clientid_store *store, uint64_t api_id, clientid_name_fn *emit, void *sink,
                clientid_error *error);
};

/* ---- third-party gateways --------------------------------------------------------------------- */

struct clientid__provider_facts {
    uint64_t id; /* 0: no provider of that name is known */
    uint32_t type;
    char name[CLIENTID_NAME_MAX + 1];
    char stage[CLIENTID_NAME_MAX + 1];
};

struct clientid__provider_ops {
    int (*insert)(clientid_store *store, const clientid_provider_record *record, uint64_t now_ns,
                  uint64_t *id, clientid_error *error);
    /* All but the name. */
    int (*update)(clientid_store *store, uint64_t id, const clientid_provider_record *record,
                  uint64_t now_ns, clientid_error *error);
    /* Replaces its hooks. */
    int (*hooks)(clientid_store *store, uint64_t id, const uint64_t *hooks, size_t count,
                 clientid_error *error);
    int (*delete)(clientid_store *store, uint64_t id, clientid_error *error);
    int (*find)(clientid_store *store, clientid_str name, struct clientid__provider_facts *out,
                clientid_error *error);
    /* Of the API with that id. */
    int (*of_api)(clientid_store *store, uint64_t api_id, struct clientid__provider_facts *out,
                  clientid_error *error);
    /* Whether APIs or applications name it. */
    int (*in_use)(clientid_store *store, uint64_t id, bool *out, clientid_error *error);
    /* |id| 0: all. */
    int (*each)(clientid_store *store, uint64_t id, clientid_provider_fn *emit, void *sink,
                clientid_error *error);
};

struct clientid__hook_ops {
    /* Without the password; |id| 0 makes one, else all of that one is replaced. */
    int (*save)(clientid_store *store, const clientid_hook_record *record, uint64_t now_ns,
                uint64_t *id, clientid_error *error);
    int (*set_password)(clientid_store *store, uint64_t id, clientid_str sealed,
                        clientid_error *error);
    int (*delete)(clientid_store *store, uint64_t id, clientid_error *error);
    int (*each)(clientid_store *store, uint64_t id, clientid_hook_fn *emit, void *sink,
                clientid_error *error);
    /* Up to |max| hooks that are told of |subscription| at |provider_id|: its own first, then those for all. */
    int (*takers)(clientid_store *store, uint64_t provider_id, uint32_t subscription, uint64_t *ids,
                  size_t max, size_t *count, clientid_error *error);
};

/* Somebody as gateways are told of him. */
struct clientid__person {
    uint64_t id; /* 0: no user of that name */
    char name[CLIENTID_NAME_MAX + 1];
    char email[CLIENTID_NAME_MAX + 1];
    char first_name[CLIENTID_NAME_MAX + 1];
    char last_name[CLIENTID_NAME_MAX + 1];
};

/* The states come with the record. */
struct clientid__user_request_ops {
    int (*insert)(clientid_store *store, uint32_t type, uint64_t application_id, clientid_str owner,
                  uint64_t now_ns, uint64_t *id, clientid_error *error);
    int (*touch)(clientid_store *store, uint64_t id, uint64_t now_ns, clientid_error *error);
    /* |id| 0: those of |application_id|, or all when that is 0 too, above |after|, at most |max|. */
    int (*each)(clientid_store *store, uint64_t id, uint64_t application_id, uint64_t after,
                uint64_t max, clientid_user_request_fn *emit, void *sink, clientid_error *error);
    /* The request that deletes the application; CLIENTID_ERR_NOT_FOUND: none. */
    int (*deletion)(clientid_store *store, uint64_t application_id, uint64_t *id,
                    clientid_error *error);
    int (*person)(clientid_store *store, clientid_str name, struct clientid__person *out,
                  clientid_error *error);
};

/* The numbers are in databases. */
enum clientid__event_type {
    CLIENTID__REQUEST_ACCESS_TOKEN = 1,
    CLIENTID__REVOKE_ACCESS_TOKEN = 2,
    CLIENTID__APPLICATION_UPDATE = 3
};

struct clientid__event_facts {
    uint64_t id, request_id, application_id, api_id, contract_id, provider_id;
    uint32_t type, status, subscription, attempts;
    uint32_t request_type;
    char owner[CLIENTID_NAME_MAX + 1]; /* of the request */
};

struct clientid__gateway_event_ops {
    int (*insert)(clientid_store *store, const struct clientid__event_facts *facts, uint64_t now_ns,
                  uint64_t *id, clientid_error *error);
    /* Writes status, subscription, provider, attempts and |detail|; |body| when it is not empty. */
    int (*update)(clientid_store *store, const struct clientid__event_facts *facts,
                  clientid_str detail, clientid_str body, uint64_t now_ns, clientid_error *error);
    int (*facts)(clientid_store *store, uint64_t id, struct clientid__event_facts *out,
                 clientid_error *error);
    /* The one of a contract that waits for approval. */
    int (*pending)(clientid_store *store, uint64_t contract_id, uint64_t *id,
                   clientid_error *error);
    /* How many events of a request are not completed. */
    int (*open)(clientid_store *store, uint64_t request_id, uint64_t *count, clientid_error *error);
    /* How many contracts of the application are in force, that on |except_api| left out. */
    int (*in_force)(clientid_store *store, uint64_t application_id, uint64_t except_api,
                    uint64_t *count, clientid_error *error);
    /* Up to |max| APIs that the application can call now: their contracts are in force, their gateways have answered. */
    int (*ready)(clientid_store *store, uint64_t application_id, uint64_t after, uint64_t *api_ids,
                 size_t max, size_t *count, clientid_error *error);
};

typedef int clientid__sealed_fn(void *sink, uint64_t provider_id, uint64_t position,
                                clientid_str sealed);

/* What gateways delivered. */
struct clientid__credential_ops {
    int (*clear)(clientid_store *store, uint64_t application_id, uint64_t provider_id,
                 clientid_error *error); /* |provider_id| 0: of all */
    int (*insert)(clientid_store *store, uint64_t application_id, uint64_t provider_id,
                  uint64_t position, clientid_str sealed, uint64_t now_ns, clientid_error *error);
    int (*each)(clientid_store *store, uint64_t application_id, clientid__sealed_fn *emit,
                void *sink, clientid_error *error);
};

/* ---- outbox ----------------------------------------------------------------------------------- */

struct clientid__outbox_row {
    uint64_t id, lane, event_id, hook_id, next_ns, created_ns;
    uint32_t kind, attempts;
    clientid_str recipient, subject, body; /* mails */
};

/* |delivery->password| is sealed. */
typedef int clientid__due_fn(void *sink, const clientid_delivery *delivery, uint64_t hook_id,
                             uint64_t next_ns);

struct clientid__outbox_ops {
    int (*insert)(clientid_store *store, const struct clientid__outbox_row *row, uint64_t *id,
                  clientid_error *error);
    /* Without the texts. */
    int (*get)(clientid_store *store, uint64_t id, struct clientid__outbox_row *out,
               clientid_error *error);
    int (*later)(clientid_store *store, uint64_t id, uint32_t attempts, uint64_t next_ns,
                 clientid_error *error);
    /* The next of the lane comes first then. */
    int (*delete)(clientid_store *store, const struct clientid__outbox_row *row,
                  clientid_error *error);
    /* The oldest of each lane, by |next_ns|, at most |max|. */
    int (*each)(clientid_store *store, uint64_t max, clientid__due_fn *emit, void *sink,
                clientid_error *error);
    int (*of_hook)(clientid_store *store, uint64_t hook_id, uint64_t *id, clientid_error *error);
    int (*of_event)(clientid_store *store, uint64_t event_id, uint64_t *count,
                    clientid_error *error);
    int (*backlog)(clientid_store *store, uint64_t *count, uint64_t *oldest_ns,
                   clientid_error *error);
};

typedef int clientid__address_fn(void *sink, clientid_str address);

struct clientid__notice_ops {
    int (*get)(clientid_store *store, bool *enabled, clientid_error *error);
    int (*set)(clientid_store *store, bool enabled, clientid_error *error);
    /* Owners of the API, or administrators when it has none who can be reached. */
    int (*of_api)(clientid_store *store, uint64_t api_id, clientid__address_fn *emit, void *sink,
                  clientid_error *error);
    /* Owners of the application: users, and those who are named by an address. */
    int (*of_application)(clientid_store *store, uint64_t application_id,
                          clientid__address_fn *emit, void *sink, clientid_error *error);
};

struct clientid__store_ops {
    void (*close)(clientid_store *store);
    int (*begin)(clientid_store *store, enum clientid__transaction kind, clientid_error *error);
    int (*commit)(clientid_store *store, clientid_error *error); /* failed: rolled back */
    void (*rollback)(clientid_store *store);
    int (*position)(clientid_store *store, clientid_position *out, clientid_error *error);
    int (*verify)(clientid_store *store, clientid_error *error);
    const struct clientid__log_ops *log;
    const struct clientid__api_ops *api;
    const struct clientid__tier_ops *tier;
    const struct clientid__application_ops *application;
    const struct clientid__owner_ops *owner;
    const struct clientid__contract_ops *contract;
    const struct clientid__feed_ops *feed;
    const struct clientid__user_ops *user;
    const struct clientid__token_ops *token;
    const struct clientid__connected_app_ops *connected_app;
    const struct clientid__api_owner_ops *api_owner;
    const struct clientid__provider_ops *provider;
    const struct clientid__hook_ops *hook;
    const struct clientid__user_request_ops *user_request;
    const struct clientid__gateway_event_ops *gateway_event;
    const struct clientid__credential_ops *credential;
    const struct clientid__outbox_ops *outbox;
    const struct clientid__notice_ops *notice;
};

struct clientid_store {
    const struct clientid__store_ops *ops;
};

/* lib/store/sqlite.c.  |file| is what follows "sqlite:". */
int clientid__sqlite_open(clientid_store **out, const char *file, unsigned flags,
                          clientid_error *error);
/* lib/store/sqlite_source.c */
int clientid__sqlite_source(clientid_source *out, const char *file, clientid_error *error);

#endif
