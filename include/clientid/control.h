/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID_CONTROL_H
#define CLIENTID_CONTROL_H

/*
 * Unstable before 1.0, see store.h.
 *
 * The life cycle of API instances, SLA tiers, applications, access requests and contracts.  Every function
 * is one transaction: it does the whole of its work and writes the change log, or fails and changes nothing.
 * Gateways that sync from the store follow within their poll interval.
 *
 * Records.  One struct per kind of thing, used to create, to update and to read.  Reading functions hand a
 * record to a callback; its slices live until the callback returns, and the callback must not call functions
 * of the same control.  Which fields count on the way in is said at each field: [in] create and update, [new]
 * create only, [out] reading only.  |size| must be set on the way in.
 *
 * Updates take a mask of CLIENTID_<THING>_<FIELD> bits: only those fields are read, the others stay.
 *
 * Things are named by number.  The find functions turn names into numbers.
 *
 * Errors of all functions that write: CLIENTID_ERR_ARG (NULL, size, unknown bits or verbs), _SYNTAX (a field
 * that is too long, empty where it must not be, not UTF-8, or with control characters; |pointer| names the
 * field as in JSON, "/name"), _NOT_FOUND, _EXISTS, _RULE, _BUSY (another process writes for longer than 5 s),
 * _FULL, _IO, _CORRUPT, _NOMEM, _CRYPTO.  Reading: _ARG, _NOT_FOUND, _BUSY, _IO, _CORRUPT, _NOMEM, or what
 * the callback returned when it was not 0.
 *
 * Text of _EXISTS and _RULE begins with the label of the broken rule and a colon: CLIENTID_RULE_MAP.
 */
#include <clientid/source.h>
#include <clientid/store.h>

#ifdef __cplusplus
extern "C" {
#endif

/* X(name, label, what it says) */
#define CLIENTID_RULE_MAP(X)                                                                       \
    X(API_NAME_TAKEN, "api-name-taken", "names of API instances and groups are unique")            \
    X(API_NAME_FIXED, "api-name-fixed", "gateways know an API by its name: it never changes")      \
    X(API_IN_USE, "api-in-use", "an API with contracts, or in a group, is not deleted")            \
    X(API_PROVIDER_IN_USE, "api-provider-in-use",                                                  \
      "the client provider of an API with contracts stays as it is")                               \
    X(GROUP_MEMBER, "group-member", "members of a group are API instances, each named once")       \
    X(GROUP_PROVIDER, "group-provider", "a group and its members use the same client provider")    \
    X(INSTANCE_MEMBERS, "instance-members", "an API instance has no members")                      \
    X(TIER_NAME_TAKEN, "tier-name-taken", "names of the tiers of one API are unique")              \
    X(TIER_IN_USE, "tier-in-use", "a tier that contracts use or request is not deleted")           \
    X(LIMIT_VISIBLE, "limit-visible", "the only limit of a tier is visible")                       \
    X(LIMIT_PERIOD, "limit-period", "two limits of one tier have different periods")               \
    X(LIMIT_COUNT, "limit-count", "a tier has at most 8 limits")                                   \
    X(LIMIT_RANGE, "limit-range",                                                                  \
      "a limit admits 1 to 1000000000 requests in 1 ms to 366 days, at most 1000000 a second")     \
    X(CLIENT_ID_TAKEN, "client-id-taken", "client ids are unique")                                 \
    X(CLIENT_ID_FIXED, "client-id-fixed", "a client id never changes")                             \
    X(APPLICATION_IN_USE, "application-in-use",                                                    \
      "an application with an approved contract is not deleted")                                   \
    X(APPLICATION_PROVIDER_IN_USE, "application-provider-in-use",                                  \
      "the client provider of an application with contracts stays as it is")                       \
    X(OWNER_CONNECTED_APP, "owner-connected-app", "a connected app cannot be an owner")            \
    X(OWNER_TAKEN, "owner-taken", "an owner is added once")                                        \
    X(OWNER_LAST, "owner-last", "an application keeps at least one owner once it has one")         \
    X(CONTRACT_TAKEN, "contract-taken", "an application has one contract per API")                 \
    X(CLIENT_PROVIDER, "client-provider", "application and API use the same client provider")      \
    X(TERMS, "terms", "the terms of the API must be accepted")                                     \
    X(TIER_NEEDED, "tier-needed", "an API with active tiers is requested with one of them")        \
    X(TIER_CLOSED, "tier-closed",                                                                  \
      "an API all of whose tiers are deprecated takes no new access requests")                     \
    X(TIER_OTHER_API, "tier-other-api", "the tier belongs to the API of the contract")             \
    X(TIER_DEPRECATED, "tier-deprecated", "a deprecated tier takes no new contracts")              \
    X(TIER_SAME, "tier-same", "a tier change asks for another tier")                               \
    X(CONTRACT_STATE, "contract-state", "the status of the contract does not allow the verb")      \
    X(USER_NAME_TAKEN, "user-name-taken", "names of users are unique")                             \
    X(USER_IN_USE, "user-in-use", "a user who owns a Connected App is not deleted")                \
    X(ADMINISTRATOR_LAST, "administrator-last", "one enabled administrator stays")                 \
    X(IDENTITY, "identity", "a user signs in by the means its account was made for")               \
    X(ASSERTION_USED, "assertion-used", "an assertion is used once")                               \
    X(CONNECTED_APP_COUNT, "connected-app-count",                                                  \
      "an organization has at most 2000 Connected Apps")                                           \
    X(CONNECTED_APP_REVOKED, "connected-app-revoked", "a revoked Connected App stays revoked")     \
    X(PROVIDER_NAME_TAKEN, "provider-name-taken", "names of providers are unique")                 \
    X(PROVIDER_NAME_FIXED, "provider-name-fixed",                                                  \
      "records name a provider: its name never changes")                                           \
    X(PROVIDER_IN_USE, "provider-in-use",                                                          \
      "a provider that APIs or applications name is not deleted")                                  \
    X(HOOK_COUNT, "hook-count", "a store has at most 256 webhooks")                                \
    X(ONE_PROVIDER, "one-provider", "the APIs of one user request use the same provider")          \
    X(USER_REQUEST_OPEN, "user-request-open",                                                      \
      "an application that is being deleted takes no requests")                                    \
    X(EVENT_STATE, "event-state", "the status of the event does not allow it")                     \
    X(PEPPER_FEED, "pepper-feed", "records under a pepper cannot be fed to gateways")              \
    X(STORE_NOT_EMPTY, "store-not-empty", "a registry is imported into an empty store")

/* "api-name-taken" and so on; NULL from |index| = number of rules. */
CLIENTID_EXPORT const char *clientid_rule_label(size_t index);
CLIENTID_EXPORT const char *clientid_rule_text(size_t index);

/* ---- control --------------------------------------------------------------------------------- */

/* One thread at a time, and one control per store at a time. */
typedef struct clientid_control clientid_control;

typedef struct clientid_control_options {
    size_t size; /* sizeof(clientid_control_options) */
    clientid_str
        actor; /* who changes things, for the change log; at most 255 bytes, may be empty */
    /*
     * With a pepper, new secrets are stored as HMAC-SHA-256 under it, else as salted SHA-256.  Copied, and
     * wiped by clientid_control_del.
     */
    const unsigned char *pepper;
    size_t pepper_len;
    uint64_t (*now_ns)(void *self); /* nanoseconds since 1970; NULL: CLOCK_REALTIME */
    void *now_self;
    /*
     * Seals what must be shown again (credentials that other gateways delivered, passwords of webhooks) with AES-256-GCM; 32 bytes,
     * kept outside the store.  NULL: functions that need it say CLIENTID_ERR_ARG.  Copied, and wiped by clientid_control_del.
     */
    const unsigned char *sealing_key;
    size_t sealing_key_len;
} clientid_control_options;

/* |store| is not owned and outlives the control.  |options| NULL: all defaults. */
CLIENTID_EXPORT int clientid_control_new(clientid_control **out, clientid_store *store,
                                         const clientid_control_options *options,
                                         clientid_error *error);
CLIENTID_EXPORT void clientid_control_del(clientid_control *control); /* NULL is fine */

/* ---- API instances and groups ---------------------------------------------------------------- */

typedef enum clientid_api_kind {
    CLIENTID_API_INSTANCE = 1,
    CLIENTID_API_GROUP = 2 /* one contract covers all member instances */
} clientid_api_kind;

#define CLIENTID_API_NAME_MAX 128   /* bytes */
#define CLIENTID_TEXT_MAX     65536 /* bytes of a description or of terms */

enum {
    CLIENTID_API_PROVIDER = 1,
    CLIENTID_API_TERMS = 2,
    CLIENTID_API_ASSET = 4,
    CLIENTID_API_VERSION = 8,
    CLIENTID_API_MEMBERS = 16, /* replaces all */
    CLIENTID_API_NAME = 32     /* refused by rule api-name-fixed unless it is the same */
};

typedef struct clientid_api_record {
    size_t size;
    uint64_t id;           /* [out] */
    uint32_t kind;         /* [new] clientid_api_kind */
    uint32_t member_count; /* [in] */
    clientid_str name;     /* [new] 1 to CLIENTID_API_NAME_MAX bytes, what gateways call it */
    clientid_str provider; /* [in] client provider; empty is the default one */
    clientid_str asset;    /* [in] which API it is an instance of; free text, may be empty */
    clientid_str version;  /* [in] of the asset, free text, may be empty */
    clientid_str terms; /* [in] must be accepted when not empty; contracts keep what was accepted */
    const clientid_str *members; /* [in] groups: names of API instances */
    uint64_t created_ns;         /* [out] */
    uint64_t updated_ns;         /* [out] */
} clientid_api_record;

typedef int clientid_api_fn(void *sink, const clientid_api_record *record);

CLIENTID_EXPORT int clientid_control_api_create(clientid_control *control,
                                                const clientid_api_record *record, uint64_t *id,
                                                clientid_error *error);
CLIENTID_EXPORT int clientid_control_api_find(clientid_control *control, clientid_str name,
                                              uint64_t *id, clientid_error *error);
CLIENTID_EXPORT int clientid_control_api_get(clientid_control *control, uint64_t id,
                                             clientid_api_fn *emit, void *sink,
                                             clientid_error *error);
/* In the order of creation. */
CLIENTID_EXPORT int clientid_control_api_list(clientid_control *control, clientid_api_fn *emit,
                                              void *sink, clientid_error *error);
CLIENTID_EXPORT int clientid_control_api_update(clientid_control *control, uint64_t id,
                                                const clientid_api_record *record, unsigned fields,
                                                clientid_error *error);
/* Its tiers go with it. */
CLIENTID_EXPORT int clientid_control_api_delete(clientid_control *control, uint64_t id,
                                                clientid_error *error);

/* ---- SLA tiers ------------------------------------------------------------------------------- */

typedef enum clientid_tier_status {
    CLIENTID_TIER_ACTIVE = 1,
    CLIENTID_TIER_DEPRECATED = 2 /* no new contracts, no changes to it; existing contracts go on */
} clientid_tier_status;

enum {
    CLIENTID_TIER_NAME = 1,
    CLIENTID_TIER_DESCRIPTION = 2,
    CLIENTID_TIER_AUTO_APPROVE = 4,
    CLIENTID_TIER_STATUS = 8,
    CLIENTID_TIER_LIMITS = 16 /* replaces all; acts at once on existing contracts */
};

typedef struct clientid_tier_record {
    size_t size;
    uint64_t id;                  /* [out] */
    uint64_t api_id;              /* [new] instance or group */
    clientid_str api_name;        /* [out] */
    clientid_str name;            /* [in] 1 to CLIENTID_NAME_MAX bytes */
    clientid_str description;     /* [in] */
    uint32_t auto_approve;        /* [in] 1: requests are approved at once */
    uint32_t status;              /* [in] clientid_tier_status */
    const clientid_limit *limits; /* [in] none: unlimited */
    size_t limit_count;           /* [in] 0 to CLIENTID_TIER_LIMITS_MAX */
    uint64_t application_count;   /* [out] contracts that use or request it */
    uint64_t created_ns;          /* [out] */
    uint64_t updated_ns;          /* [out] */
} clientid_tier_record;

typedef int clientid_tier_fn(void *sink, const clientid_tier_record *record);

CLIENTID_EXPORT int clientid_control_tier_create(clientid_control *control,
                                                 const clientid_tier_record *record, uint64_t *id,
                                                 clientid_error *error);
CLIENTID_EXPORT int clientid_control_tier_find(clientid_control *control, uint64_t api_id,
                                               clientid_str name, uint64_t *id,
                                               clientid_error *error);
CLIENTID_EXPORT int clientid_control_tier_get(clientid_control *control, uint64_t id,
                                              clientid_tier_fn *emit, void *sink,
                                              clientid_error *error);
/* |api_id| 0: of all APIs. */
CLIENTID_EXPORT int clientid_control_tier_list(clientid_control *control, uint64_t api_id,
                                               clientid_tier_fn *emit, void *sink,
                                               clientid_error *error);
/*
 * A tier that is ACTIVE with automatic approval afterwards approves everything that was pending for it, access
 * requests and tier changes; |*approved| (may be NULL) is how many.
 */
CLIENTID_EXPORT int clientid_control_tier_update(clientid_control *control, uint64_t id,
                                                 const clientid_tier_record *record,
                                                 unsigned fields, uint64_t *approved,
                                                 clientid_error *error);
CLIENTID_EXPORT int clientid_control_tier_delete(clientid_control *control, uint64_t id,
                                                 clientid_error *error);

/* ---- applications ---------------------------------------------------------------------------- */

enum {
    CLIENTID_APPLICATION_NAME = 1,
    CLIENTID_APPLICATION_DESCRIPTION = 2,
    CLIENTID_APPLICATION_URL = 4,
    CLIENTID_APPLICATION_PROVIDER = 8,
    CLIENTID_APPLICATION_REDIRECT_URIS = 16, /* replaces all */
    CLIENTID_APPLICATION_GRANT_TYPES = 32,   /* replaces all */
    CLIENTID_APPLICATION_API_ENDPOINTS = 64,
    CLIENTID_APPLICATION_CLIENT_ID = 128 /* refused by rule client-id-fixed unless it is the same */
};

#define CLIENTID_APPLICATION_LIST_MAX 64 /* redirect URIs, grant types, owners */
#define CLIENTID_URI_MAX              2048
#define CLIENTID_CLIENT_SECRET_MAX    512 /* bytes of an imported secret */

typedef struct clientid_application_record {
    size_t size;
    uint64_t id;              /* [out] */
    clientid_str name;        /* [in] 1 to CLIENTID_NAME_MAX bytes, need not be unique */
    clientid_str description; /* [in] */
    clientid_str url;         /* [in] */
    clientid_str provider;    /* [in] client provider; empty is the default one */
    clientid_str client_id; /* [new] 1 to CLIENTID_ID_MAX bytes; empty: generated, 32 hex digits */
    const clientid_str *redirect_uris; /* [in] */
    const clientid_str *grant_types;   /* [in] "client_credentials" and so on */
    const clientid_str *owners;        /* [new] users, by e-mail or name; see owner functions */
    uint32_t redirect_uri_count;       /* [in] */
    uint32_t grant_type_count;         /* [in] */
    uint32_t owner_count;              /* [new] */
    uint32_t api_endpoints;            /* [in] 0 or 1 */
    uint32_t newest_slot;              /* [out] 1 or 2: which secret was set last; 0: none ever */
    uint32_t contract_count;           /* [out] */
    /*
     * [out] Hashes as they are stored.  [new] To import an application whose secret only exists as a hash;
     * else leave both slots empty (all zero).  Both slots have one salt, so that one digest verifies both.
     */
    clientid_secret secrets[2];
    uint64_t created_ns; /* [out] */
    uint64_t updated_ns; /* [out] */
} clientid_application_record;

typedef int clientid_application_fn(void *sink, const clientid_application_record *record);

/*
 * What the consumer gets.  The secret is here and nowhere else: it cannot be read again.  Wipe it when it
 * was shown.
 */
typedef struct clientid_credentials {
    size_t size; /* sizeof(clientid_credentials), set by the caller */
    uint64_t application_id;
    uint32_t slot; /* 1 or 2: where the secret is kept */
    uint32_t reserved;
    uint64_t previous_not_after_ns; /* reset: when the previous secret ends; 0: there is none */
    char client_id[CLIENTID_ID_MAX + 1];
    char client_secret[CLIENTID_CLIENT_SECRET_MAX + 1]; /* "" when hashes were imported */
} clientid_credentials;

CLIENTID_EXPORT void clientid_credentials_wipe(clientid_credentials *credentials);

/*
 * |client_secret| empty: one is generated, 32 hex digits, unless |record->secrets| imports hashes.  Secrets
 * that are given must be 1 to CLIENTID_CLIENT_SECRET_MAX bytes without control characters.
 */
CLIENTID_EXPORT int clientid_control_application_create(clientid_control *control,
                                                        const clientid_application_record *record,
                                                        clientid_str client_secret,
                                                        clientid_credentials *out,
                                                        clientid_error *error);
CLIENTID_EXPORT int clientid_control_application_find(clientid_control *control,
                                                      clientid_str client_id, uint64_t *id,
                                                      clientid_error *error);
CLIENTID_EXPORT int clientid_control_application_get(clientid_control *control, uint64_t id,
                                                     clientid_application_fn *emit, void *sink,
                                                     clientid_error *error);

typedef struct clientid_application_filter {
    size_t size;
    clientid_str name;         /* exactly; empty: any */
    clientid_str owner;        /* exactly; empty: any */
    uint64_t after_id;         /* for paging: only greater ids */
    uint64_t max;              /* 0: no end */
    uint64_t offset;           /* so many of them are left out first; slower than |after_id| */
    uint64_t connected_app_id; /* that it created or was granted; 0: any */
    clientid_str text;         /* in the name, without regard to case of ASCII; empty: any */
} clientid_application_filter;

/* How many there are, whatever |after_id|, |offset| and |max| say. */
CLIENTID_EXPORT int clientid_control_application_count(clientid_control *control,
                                                       const clientid_application_filter *filter,
                                                       uint64_t *count, clientid_error *error);
/*
 * By id.  |filter| NULL: all.  A caller who may not read all (account.h) gets those of its own: of a user it owns, of a Connected App it
 * created or was granted; it counts them likewise.
 */
CLIENTID_EXPORT int clientid_control_application_list(clientid_control *control,
                                                      const clientid_application_filter *filter,
                                                      clientid_application_fn *emit, void *sink,
                                                      clientid_error *error);
CLIENTID_EXPORT int clientid_control_application_update(clientid_control *control, uint64_t id,
                                                        const clientid_application_record *record,
                                                        unsigned fields, clientid_error *error);
/* Refused while a contract is APPROVED; contracts of other statuses go with it. */
CLIENTID_EXPORT int clientid_control_application_delete(clientid_control *control, uint64_t id,
                                                        clientid_error *error);

/* ---- secrets --------------------------------------------------------------------------------- */

typedef struct clientid_secret_options {
    size_t size;
    uint64_t overlap_ns;        /* how long the previous secret stays valid beside the new one */
    uint64_t not_before_ns;     /* when the new one begins; 0: now.  The overlap begins then too */
    clientid_str client_secret; /* empty: generated, 32 hex digits */
} clientid_secret_options;

/*
 * A new secret, in the slot that was not set last.  The one set last ends |overlap_ns| after the new one
 * begins, earlier if it was to end earlier.  When the other slot still held a valid secret (a third reset within
 * an overlap), that one, the oldest, is dropped at once.  A secret that was set for later and has not begun is
 * replaced by the new one, and the one before it ends |overlap_ns| after the new one begins, unless it has ended
 * already.  |options| NULL: no overlap.
 */
CLIENTID_EXPORT int clientid_control_secret_reset(clientid_control *control,
                                                  uint64_t application_id,
                                                  const clientid_secret_options *options,
                                                  clientid_credentials *out, clientid_error *error);

/*
 * Ends the secret in |slot| (1 or 2) at once.  Also the last one: the application then passes only policies
 * that want the client id alone.  CLIENTID_ERR_NOT_FOUND when the slot is empty.
 */
CLIENTID_EXPORT int clientid_control_secret_revoke(clientid_control *control,
                                                   uint64_t application_id, unsigned slot,
                                                   clientid_error *error);

typedef struct clientid_wrap_counts {
    size_t size;
    uint64_t applications; /* looked at */
    uint64_t wrapped;      /* secrets moved under the pepper */
    uint64_t already;      /* secrets under this pepper before */
    uint64_t other;        /* secrets under another pepper, left alone */
} clientid_wrap_counts;

/* Called now and then with what was done so far; not 0 stops, what is done stays done. */
typedef int clientid_progress_fn(void *self, uint64_t done);

/*
 * Moves all salted SHA-256 secrets under the control's pepper, in transactions of some thousand applications;
 * may be stopped and repeated.  CLIENTID_ERR_ARG without a pepper.
 */
CLIENTID_EXPORT int clientid_control_secrets_wrap(clientid_control *control,
                                                  clientid_wrap_counts *out,
                                                  clientid_progress_fn *progress,
                                                  void *progress_self, clientid_error *error);

/* ---- owners ---------------------------------------------------------------------------------- */

typedef enum clientid_owner_kind {
    CLIENTID_OWNER_USER = 1,
    CLIENTID_OWNER_CONNECTED_APP = 2 /* always refused, by rule owner-connected-app */
} clientid_owner_kind;

/* |name|: e-mail address or user name, 1 to CLIENTID_NAME_MAX bytes.  They are listed in the record. */
CLIENTID_EXPORT int clientid_control_owner_add(clientid_control *control, uint64_t application_id,
                                               clientid_owner_kind kind, clientid_str name,
                                               clientid_error *error);
CLIENTID_EXPORT int clientid_control_owner_remove(clientid_control *control,
                                                  uint64_t application_id, clientid_str name,
                                                  clientid_error *error);

/* ---- access requests and contracts ----------------------------------------------------------- */

#define CLIENTID_REASON_TEXT_MAX 500 /* characters, as Anypoint's requestAccessInfo.reason */

typedef struct clientid_access_request {
    size_t size;
    uint64_t application_id;
    uint64_t api_id;         /* instance or group */
    uint64_t tier_id;        /* 0: none */
    uint32_t accepted_terms; /* 1: the requester accepted the API's terms */
    uint32_t reserved;
    clientid_str reason;   /* why, at most CLIENTID_REASON_TEXT_MAX characters */
    clientid_str party_id; /* on whose behalf */
    clientid_str party_name;
} clientid_access_request;

/*
 * Asks for a contract.  |*id| and |*status| (may be NULL) are the new contract's: APPROVED without tier or when the
 * tier approves automatically, else PENDING.
 */
CLIENTID_EXPORT int clientid_control_contract_request(clientid_control *control,
                                                      const clientid_access_request *request,
                                                      uint64_t *id,
                                                      clientid_contract_status *status,
                                                      clientid_error *error);

/*
 * X(name, label).  What each does, by the status of the contract ("+": with a tier change requested); where
 * the table says "-" the verb is refused by rule contract-state and nothing changes:
 *
 *                  PENDING   APPROVED   APPROVED+          REJECTED  REVOKED
 *   approve        APPROVED  -          -                  -         -
 *   reject         REJECTED  -          -                  -         -
 *   revoke         -         REVOKED    REVOKED, no +      -         -
 *   restore        -         -          -                  -         APPROVED
 *   approve-tier   -         -          APPROVED, new tier -         -
 *   reject-tier    -         -          APPROVED, no +     -         -
 *   withdraw       deleted   -          APPROVED, no +     -         -
 *   delete         -         -          -                  deleted   deleted
 *   (change tier)  -         APPROVED+  APPROVED+          -         -
 *
 * approve and approve-tier also need the requested tier to be ACTIVE: rule tier-deprecated.  A change to a
 * tier that approves automatically is in force at once.
 */
#define CLIENTID_VERB_MAP(X)                                                                       \
    X(APPROVE, "approve")                                                                          \
    X(REJECT, "reject")                                                                            \
    X(REVOKE, "revoke")                                                                            \
    X(RESTORE, "restore")                                                                          \
    X(APPROVE_TIER, "approve-tier")                                                                \
    X(REJECT_TIER, "reject-tier")                                                                  \
    X(WITHDRAW, "withdraw")                                                                        \
    X(DELETE, "delete")

typedef enum clientid_verb {
#define CLIENTID_VERB_ENUM(name, label) CLIENTID_VERB_##name,
    CLIENTID_VERB_MAP(CLIENTID_VERB_ENUM)
#undef CLIENTID_VERB_ENUM
        CLIENTID_VERB_COUNT
} clientid_verb;

CLIENTID_EXPORT const char *clientid_verb_label(clientid_verb verb); /* "?" for unknown numbers */
/* "PENDING" and so on, "?" for unknown numbers. */
CLIENTID_EXPORT const char *clientid_contract_status_label(clientid_contract_status status);

CLIENTID_EXPORT int clientid_control_contract_act(clientid_control *control, uint64_t id,
                                                  clientid_verb verb, clientid_error *error);

/*
 * Asks for another tier of the same API; the old one stays in force until the change is approved.  |*applied|
 * (may be NULL): 1 when the tier approves automatically and is in force, 0 when the change waits.
 */
CLIENTID_EXPORT int clientid_control_contract_change_tier(clientid_control *control, uint64_t id,
                                                          uint64_t tier_id, int *applied,
                                                          clientid_error *error);
/* The side of the API sets it: in force at once, and a change that waits is dropped.  Rules as above. */
CLIENTID_EXPORT int clientid_control_contract_set_tier(clientid_control *control, uint64_t id,
                                                       uint64_t tier_id, clientid_error *error);

typedef struct clientid_contract_record {
    size_t size; /* all fields [out] */
    uint64_t id;
    uint64_t application_id;
    uint64_t api_id;
    uint64_t tier_id;           /* in force; 0: none */
    uint64_t requested_tier_id; /* of an access request or tier change that waits; 0: none */
    uint32_t status;            /* clientid_contract_status */
    uint32_t reserved;
    clientid_str api_name;
    clientid_str client_id;
    clientid_str application_name;
    clientid_str tier_name;
    clientid_str requested_tier_name;
    clientid_str terms; /* what was accepted */
    clientid_str reason;
    clientid_str party_id;
    clientid_str party_name;
    uint64_t created_ns;
    uint64_t updated_ns;
    uint64_t approved_ns; /* 0: never */
    uint64_t rejected_ns;
    uint64_t revoked_ns; /* kept after a restore */
} clientid_contract_record;

typedef int clientid_contract_fn(void *sink, const clientid_contract_record *record);

CLIENTID_EXPORT int clientid_control_contract_get(clientid_control *control, uint64_t id,
                                                  clientid_contract_fn *emit, void *sink,
                                                  clientid_error *error);
/* The one of that application on that API. */
CLIENTID_EXPORT int clientid_control_contract_find(clientid_control *control,
                                                   uint64_t application_id, uint64_t api_id,
                                                   uint64_t *id, clientid_error *error);

typedef struct clientid_contract_filter {
    size_t size;
    uint64_t api_id;         /* 0: any */
    uint64_t application_id; /* 0: any */
    uint64_t tier_id;        /* in force or requested; 0: any */
    uint32_t status;         /* 0: any */
    uint32_t waiting;        /* 1: only with something to approve: PENDING, or a tier change */
    uint64_t after_id;       /* for paging: only greater ids */
    uint64_t max;            /* 0: no end */
    uint64_t offset;         /* so many of them are left out first; slower than |after_id| */
    clientid_str client_id;  /* of the application; empty: any */
} clientid_contract_filter;

/* How many there are, whatever |after_id|, |offset| and |max| say. */
CLIENTID_EXPORT int clientid_control_contract_count(clientid_control *control,
                                                    const clientid_contract_filter *filter,
                                                    uint64_t *count, clientid_error *error);
/* By id.  |filter| NULL: all. */
CLIENTID_EXPORT int clientid_control_contract_list(clientid_control *control,
                                                   const clientid_contract_filter *filter,
                                                   clientid_contract_fn *emit, void *sink,
                                                   clientid_error *error);

/* ---- change log ------------------------------------------------------------------------------ */

/* One change of one thing: who did what to it, and when. */
typedef struct clientid_change_record {
    size_t size;
    uint64_t revision;
    uint64_t at_ns;
    clientid_str actor;  /* as given in clientid_control_options */
    clientid_str entity; /* "api", "group", "tier", "application", "contract" */
    uint64_t entity_id;
    clientid_str verb;      /* "create", "update", "delete", "reset-secret", "approve", ... */
    clientid_str api;       /* name of the API concerned, or empty */
    clientid_str client_id; /* of the application concerned, or empty */
    clientid_str detail; /* names and numbers that the verb leaves open, or empty; never a secret */
} clientid_change_record;

typedef int clientid_change_fn(void *sink, const clientid_change_record *record);

/* Oldest first, those after |revision|, at most |max| (0: all). */
CLIENTID_EXPORT int clientid_control_changes(clientid_control *control, uint64_t revision,
                                             uint64_t max, clientid_change_fn *emit, void *sink,
                                             clientid_error *error);

/*
 * Removes log entries before |before_ns|; |*removed| may be NULL.  A gateway that has not yet seen one of them
 * makes a full load.
 */
CLIENTID_EXPORT int clientid_control_changes_prune(clientid_control *control, uint64_t before_ns,
                                                   uint64_t *removed, clientid_error *error);

/* ---- JSON ------------------------------------------------------------------------------------ */

/*
 * Records as JSON in Anypoint's vocabulary, without a final newline: objects of API Manager's and Exchange's
 * REST interfaces.  |*text| is NUL-terminated; free it with clientid_json_free.  Hashes and salts of secrets are
 * left out.  CLIENTID_ERR_ARG, _NOMEM.
 */
CLIENTID_EXPORT int clientid_api_to_json(const clientid_api_record *record, char **text,
                                         clientid_error *error);
CLIENTID_EXPORT int clientid_tier_to_json(const clientid_tier_record *record, char **text,
                                          clientid_error *error);
CLIENTID_EXPORT int clientid_application_to_json(const clientid_application_record *record,
                                                 char **text, clientid_error *error);
CLIENTID_EXPORT int clientid_contract_to_json(const clientid_contract_record *record, char **text,
                                              clientid_error *error);
CLIENTID_EXPORT int clientid_change_to_json(const clientid_change_record *record, char **text,
                                            clientid_error *error);
/* {"id","clientId","clientSecret",...}: contains the secret. */
CLIENTID_EXPORT int clientid_credentials_to_json(const clientid_credentials *credentials,
                                                 char **text, clientid_error *error);
/* Overwrites it first: it may hold a secret.  NULL is fine. */
CLIENTID_EXPORT void clientid_json_free(char *text);

/* What the slices of a record that was read from JSON point into. */
typedef struct clientid_json clientid_json;
CLIENTID_EXPORT void clientid_json_del(clientid_json *json); /* NULL is fine; wipes */

/*
 * The reverse, for create and update: |*fields| gets the bits of the keys that are there.  Keys that the
 * server sets (id, audit, organizationId, ...) are ignored, unknown ones are errors.  CLIENTID_ERR_SYNTAX with
 * line and column or |pointer|, _ARG, _NOMEM.  On success |*json| owns what |out| points to.
 */
CLIENTID_EXPORT int clientid_api_from_json(clientid_str text, clientid_api_record *out,
                                           unsigned *fields, clientid_json **json,
                                           clientid_error *error);
CLIENTID_EXPORT int clientid_tier_from_json(clientid_str text, clientid_tier_record *out,
                                            unsigned *fields, clientid_json **json,
                                            clientid_error *error);
/* |client_secret| (may be NULL) gets "clientSecret" when there is one. */
CLIENTID_EXPORT int clientid_application_from_json(clientid_str text,
                                                   clientid_application_record *out,
                                                   unsigned *fields, clientid_str *client_secret,
                                                   clientid_json **json, clientid_error *error);

/* Moments as RFC 3339 in UTC, "2026-01-31T12:00:00.000Z"; more digits when they are needed.  |out| holds 40. */
CLIENTID_EXPORT void clientid_time_format(uint64_t time_ns, char *out, size_t size);
/* CLIENTID_ERR_SYNTAX. */
CLIENTID_EXPORT int clientid_time_parse(clientid_str text, uint64_t *time_ns);

/* ---- the whole registry ---------------------------------------------------------------------- */

/* Takes the next piece of a text; 0 or an error that the function then returns. */
typedef int clientid_write_fn(void *self, const char *bytes, size_t len);
/* Fills |buffer|; |*len| is its size on entry and 0 on return at the end.  0 or an error. */
typedef int clientid_read_fn(void *self, char *buffer, size_t *len);

/*
 * Writes everything but the change log as one JSON document, as of one moment: {"format":"clientid-registry",
 * "version":1,"apis":[],"tiers":[],"applications":[],"contracts":[]}, one record a line.  With hashes and
 * salts of secrets: keep it like the database itself.  lib/control/README.md describes it.
 */
CLIENTID_EXPORT int clientid_control_export(clientid_control *control, clientid_write_fn *write,
                                            void *self, clientid_error *error);

typedef struct clientid_import_counts {
    size_t size;
    uint64_t apis, tiers, applications, contracts;
} clientid_import_counts;

/*
 * The reverse, in one transaction, into a store without APIs and applications (rule store-not-empty).  Ids, dates
 * and statuses are kept; a record may leave out "id".  CLIENTID_ERR_SYNTAX with line and column or |pointer|.
 * Memory: the text and one record.
 */
CLIENTID_EXPORT int clientid_control_import(clientid_control *control, clientid_str text,
                                            clientid_import_counts *out, clientid_error *error);

enum {
    CLIENTID_LOAD_SKIP_EXISTING = 1
}; /* go over lines whose client id exists, to resume a load */

typedef struct clientid_load_options {
    size_t size;
    unsigned flags;
    unsigned batch; /* lines per transaction; 0: 20000 */
    clientid_read_fn *read;
    void *read_self;
    clientid_progress_fn *progress; /* after each batch, with the lines read so far; may be NULL */
    void *progress_self;
} clientid_load_options;

typedef struct clientid_load_counts {
    size_t size;
    uint64_t lines;        /* committed, blank and skipped ones included */
    uint64_t applications; /* created */
    uint64_t contracts;    /* created */
    uint64_t skipped;      /* existed */
} clientid_load_counts;

/*
 * Applications from JSON lines, one object a line, at most 64 KiB:
 *
 *   {"clientId":"...","name":"...",
 *    "clientSecret":"..." or "clientSecretHash":"<64 hex>","clientSecretSalt":"<hex>",
 *    "api":"orders","tier":"gold","status":"APPROVED", "description","url","owners":[...]}
 *
 * Only clientId and name must be there; "api" makes a contract too, under the rules of an access request with
 * terms accepted, but APPROVED at once unless "status" says PENDING.  Without any secret the application has
 * none.  A line that fails undoes its batch: |error->line| is the line, |out->lines| how many are committed.
 */
CLIENTID_EXPORT int clientid_control_load(clientid_control *control,
                                          const clientid_load_options *options,
                                          clientid_load_counts *out, clientid_error *error);

#ifdef __cplusplus
}
#endif

#endif
