/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID_THIRD_PARTY_H
#define CLIENTID_THIRD_PARTY_H

/*
 * Unstable before 1.0, see store.h.
 *
 * Third-party gateways, in the words of the webMethods Developer Portal: a provider is a gateway that makes the credentials
 * of its APIs itself.  It learns by a webhook that an application was granted access to one of its APIs, or lost it, and answers
 * with the credentials (seeds: "Requesting Application for Third-party Gateway APIs").
 *
 * What Anypoint calls client provider is that same provider: an API instance belongs to the provider that its record names, and
 * an application to that one too (rule client-provider).  A contract that comes into force on an API of a provider with type
 * THIRD_PARTY, however it was asked for and approved, makes the event REQUEST_ACCESS_TOKEN, one that ends
 * REVOKE_ACCESS_TOKEN, in the same transaction.  Events wait in the outbox (delivery.h).
 *
 * Permissions: account.h.
 */
#include <clientid/control.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- identifiers ----------------------------------------------------------------------------- */

/*
 * On /rest/v1 things are named by UUID.  Ours are of version 8 (RFC 9562 section 5.8): 32 bits of the store's identity, the kind, and
 * the number, so they need no table and no two stores share them.  They are no secrets.
 */
typedef enum clientid_uuid_kind {
    CLIENTID_UUID_USER = 1,
    CLIENTID_UUID_API = 2,
    CLIENTID_UUID_APPLICATION = 3,
    CLIENTID_UUID_PROVIDER = 4,
    CLIENTID_UUID_HOOK = 5,
    CLIENTID_UUID_REQUEST = 6,
    CLIENTID_UUID_EVENT = 7
} clientid_uuid_kind;

#define CLIENTID_UUID_CHARS 36

/* Also from a callback of the same control.  |out| holds CLIENTID_UUID_CHARS + 1.  CLIENTID_ERR_ARG (kind, an id beyond 2^48), or what reading the store said. */
CLIENTID_EXPORT int clientid_control_uuid_format(clientid_control *control, clientid_uuid_kind kind,
                                                 uint64_t id, char *out, clientid_error *error);
/* CLIENTID_ERR_NOT_FOUND for anything that is no UUID of that kind and store. */
CLIENTID_EXPORT int clientid_control_uuid_parse(clientid_control *control, clientid_uuid_kind kind,
                                                clientid_str text, uint64_t *id,
                                                clientid_error *error);

/* ---- webhooks -------------------------------------------------------------------------------- */

/* X(name, bit, id): events that a hook can subscribe to. */
#define CLIENTID_HOOK_EVENT_MAP(X)                                                                 \
    X(CREATION, 1, "GATEWAY_APPLICATION_CREATION_REQUEST_EVENT") /* first API of an application */ \
    X(SCOPE_INCREASE, 2, "GATEWAY_APPLICATION_SCOPE_INCREASE_REQUEST_EVENT") /* further APIs */    \
    X(SCOPE_DECREASE, 4, "GATEWAY_APPLICATION_SCOPE_DECREASE_REQUEST_EVENT") /* access lost */     \
    X(UPDATION, 8, "GATEWAY_APPLICATION_UPDATION_REQUEST_EVENT") /* its description changed */

enum {
#define CLIENTID_HOOK_EVENT_ENUM(name, bit, id) CLIENTID_HOOK_EVENT_##name = (bit),
    CLIENTID_HOOK_EVENT_MAP(CLIENTID_HOOK_EVENT_ENUM)
#undef CLIENTID_HOOK_EVENT_ENUM
};

CLIENTID_EXPORT const char *clientid_hook_event_id(uint32_t bit);     /* NULL for others */
CLIENTID_EXPORT uint32_t clientid_hook_event_find(clientid_str text); /* 0: unknown */

typedef enum clientid_hook_authentication {
    CLIENTID_HOOK_OPEN = 0,
    CLIENTID_HOOK_BASIC = 1,
    CLIENTID_HOOK_SSL = 2 /* client certificate */
} clientid_hook_authentication;

typedef struct clientid_hook_record {
    size_t size;
    uint64_t id;      /* [out] */
    clientid_str url; /* http:// or https://, at most CLIENTID_URI_MAX bytes */
    uint32_t
        provider_type; /* 1: "PROVIDER", for events of providers that name it; 0: "SYSTEM", for all providers */
    uint32_t subscriptions;  /* bits of CLIENTID_HOOK_EVENT_* */
    uint32_t authentication; /* clientid_hook_authentication */
    uint32_t reserved;
    clientid_str username; /* BASIC */
    clientid_str password; /* BASIC, and of SSL's key file: sealed at rest, empty on the way out */
    clientid_str
        file_id; /* SSL: name of the certificate in the folder that the host keeps for them; no path */
    uint64_t created_ns, updated_ns; /* [out] */
} clientid_hook_record;

typedef int clientid_hook_fn(void *sink, const clientid_hook_record *record);

#define CLIENTID_HOOKS_MAX         256 /* of a store: rule hook-count */
#define CLIENTID_HOOK_PASSWORD_MAX 512 /* bytes */

/* CLIENTID_ERR_ARG without a sealing key (control.h) when there is a password. */
CLIENTID_EXPORT int clientid_control_hook_create(clientid_control *control,
                                                 const clientid_hook_record *record, uint64_t *id,
                                                 clientid_error *error);
/* Replaces all; an empty password keeps the one there is, if |authentication| stays. */
CLIENTID_EXPORT int clientid_control_hook_update(clientid_control *control, uint64_t id,
                                                 const clientid_hook_record *record,
                                                 clientid_error *error);
CLIENTID_EXPORT int clientid_control_hook_get(clientid_control *control, uint64_t id,
                                              clientid_hook_fn *emit, void *sink,
                                              clientid_error *error);
CLIENTID_EXPORT int clientid_control_hook_list(clientid_control *control, clientid_hook_fn *emit,
                                               void *sink, clientid_error *error);
/* What waits for it in the outbox is not delivered any more: those events become DELIVERY_UNSUCCESSFUL. */
CLIENTID_EXPORT int clientid_control_hook_delete(clientid_control *control, uint64_t id,
                                                 clientid_error *error);

/* ---- providers ------------------------------------------------------------------------------- */

typedef enum clientid_provider_type {
    CLIENTID_PROVIDER_OWN = 1, /* our own gateways, which sync from the store or the feed */
    CLIENTID_PROVIDER_THIRD_PARTY = 2
} clientid_provider_type;

#define CLIENTID_PROVIDER_HOOKS_MAX 16

typedef struct clientid_provider_record {
    size_t size;
    uint64_t id; /* [out] */
    clientid_str
        name; /* what records of APIs and applications name; unique, 1 to CLIENTID_NAME_MAX bytes */
    clientid_str description;
    clientid_str stage; /* the gateway's name, as in an application's slots.$stage */
    uint32_t type;      /* clientid_provider_type */
    uint32_t hook_count;
    const uint64_t *hooks;           /* ids */
    uint64_t created_ns, updated_ns; /* [out] */
} clientid_provider_record;

typedef int clientid_provider_fn(void *sink, const clientid_provider_record *record);

/* Rule provider-name-taken. */
CLIENTID_EXPORT int clientid_control_provider_create(clientid_control *control,
                                                     const clientid_provider_record *record,
                                                     uint64_t *id, clientid_error *error);
/* Replaces all but the name, which is fixed: rule provider-name-fixed. */
CLIENTID_EXPORT int clientid_control_provider_update(clientid_control *control, uint64_t id,
                                                     const clientid_provider_record *record,
                                                     clientid_error *error);
CLIENTID_EXPORT int clientid_control_provider_get(clientid_control *control, uint64_t id,
                                                  clientid_provider_fn *emit, void *sink,
                                                  clientid_error *error);
CLIENTID_EXPORT int clientid_control_provider_list(clientid_control *control,
                                                   clientid_provider_fn *emit, void *sink,
                                                   clientid_error *error);
/* Rule provider-in-use: APIs or applications name it. */
CLIENTID_EXPORT int clientid_control_provider_delete(clientid_control *control, uint64_t id,
                                                     clientid_error *error);

/* ---- user requests --------------------------------------------------------------------------- */

/* X(name, number, label) */
#define CLIENTID_USER_REQUEST_TYPE_MAP(X)                                                          \
    X(CREATION, 1, "APPLICATION_CREATION_REQUEST")                                                 \
    X(REGISTRATION, 2, "APPLICATION_API_REGISTRATION_REQUEST")                                     \
    X(DEREGISTRATION, 3, "APPLICATION_API_DEREGISTRATION_REQUEST")                                 \
    X(UPDATE, 4, "APPLICATION_UPDATE_REQUEST")                                                     \
    X(DELETION, 5, "APPLICATION_DELETION_REQUEST")

typedef enum clientid_user_request_type {
#define CLIENTID_USER_REQUEST_TYPE_ENUM(name, number, label)                                       \
    CLIENTID_USER_REQUEST_##name = (number),
    CLIENTID_USER_REQUEST_TYPE_MAP(CLIENTID_USER_REQUEST_TYPE_ENUM)
#undef CLIENTID_USER_REQUEST_TYPE_ENUM
} clientid_user_request_type;

/* X(name, number, label): of a user request, and of each of its states (events). */
#define CLIENTID_USER_REQUEST_STATUS_MAP(X)                                                        \
    X(NEW, 1, "NEW")                               /* in the outbox, needed no approval */         \
    X(APPROVAL_PENDING, 2, "APPROVAL_PENDING")     /* a contract waits for the API's owner */      \
    X(APPROVED, 3, "APPROVED")                     /* in the outbox, after an approval */          \
    X(WAITING_THIRDPARTY, 4, "WAITING_THIRDPARTY") /* delivered, no answer yet */                  \
    X(COMPLETED, 5, "COMPLETED")                                                                   \
    X(FAILED, 6, "FAILED")                               /* the gateway refused the event */       \
    X(REJECTED, 7, "REJECTED")                           /* by the API's owner, or withdrawn */    \
    X(DELIVERY_UNSUCCESSFUL, 8, "DELIVERY_UNSUCCESSFUL") /* given up; can be retried */

typedef enum clientid_user_request_status {
#define CLIENTID_USER_REQUEST_STATUS_ENUM(name, number, label)                                     \
    CLIENTID_USER_REQUEST_STATUS_##name = (number),
    CLIENTID_USER_REQUEST_STATUS_MAP(CLIENTID_USER_REQUEST_STATUS_ENUM)
#undef CLIENTID_USER_REQUEST_STATUS_ENUM
} clientid_user_request_status;

/* "?" for unknown numbers, 0 for unknown labels. */
CLIENTID_EXPORT const char *clientid_user_request_type_label(uint32_t type);
CLIENTID_EXPORT uint32_t clientid_user_request_type_find(clientid_str label);
CLIENTID_EXPORT const char *clientid_user_request_status_label(uint32_t status);

#define CLIENTID_USER_REQUEST_APIS_MAX 64

/* What is asked.  Which fields count is said with the types: C creation, R registration, D deregistration, U update, X deletion. */
typedef struct clientid_user_request {
    size_t size;
    uint32_t type;                     /* clientid_user_request_type */
    uint32_t accepted_terms;           /* C, R: 1 when the terms of all APIs were accepted */
    uint64_t application_id;           /* R, D, U, X */
    clientid_str name;                 /* C, U; U: empty stays as it is */
    clientid_str description;          /* C, U; U: |ptr| NULL stays as it is */
    const clientid_str *redirect_uris; /* C, U; U: NULL stays as it is */
    uint32_t redirect_uri_count;
    uint32_t api_count; /* C, R, D: 1 to CLIENTID_USER_REQUEST_APIS_MAX, of one provider */
    const uint64_t *apis;
} clientid_user_request;

/*
 * One transaction.
 *
 * C, R  the application (C; without a secret of ours), and access requests for all APIs, each with the first ACTIVE tier of its API,
 *       since the vendor's body names none.
 * D     contracts in force are revoked and deleted, so that the API can be asked for again; one that the API's owner revoked stays.
 * U     one event, that of the application.
 * X     contracts in force are revoked, what is pending is withdrawn; the application is deleted when the gateway has answered for all
 *       of them, at once when there are none.
 *
 * Events of an API whose provider is none of a third party are COMPLETED with the approval.  Permissions as for the same through control.h.
 * Rules as there, and one-provider; user-request-open: the application waits to be deleted.
 */
CLIENTID_EXPORT int clientid_control_user_request_create(clientid_control *control,
                                                         const clientid_user_request *request,
                                                         uint64_t *id, uint64_t *application_id,
                                                         clientid_error *error);

#define CLIENTID_DELIVERY_DETAIL_MAX 255 /* bytes that are kept */

/* One event of a request: what the gateway is told of one API. */
typedef struct clientid_user_request_state {
    uint64_t event_id;
    uint64_t api_id;   /* 0: of the application itself (U) */
    uint32_t status;   /* clientid_user_request_status */
    uint32_t attempts; /* to deliver it, all in all */
    uint64_t updated_ns;
    char detail[CLIENTID_DELIVERY_DETAIL_MAX + 1]; /* what was last said of it, for people */
} clientid_user_request_state;

typedef struct clientid_user_request_record {
    size_t size; /* all fields [out] */
    uint64_t id;
    uint64_t application_id; /* stays when the application is deleted */
    uint64_t owner_id;       /* user who asked; 0: unknown here */
    clientid_str owner;
    uint32_t type;
    uint32_t status;
    const clientid_user_request_state *states;
    size_t state_count;
    uint64_t created_ns, updated_ns;
} clientid_user_request_record;

typedef int clientid_user_request_fn(void *sink, const clientid_user_request_record *record);

/* Those of one's own, or all for an administrator; a Connected App: its owner's about applications that it may read. */
CLIENTID_EXPORT int clientid_control_user_request_get(clientid_control *control, uint64_t id,
                                                      clientid_user_request_fn *emit, void *sink,
                                                      clientid_error *error);
/* |application_id| 0: of all. */
CLIENTID_EXPORT int clientid_control_user_request_list(clientid_control *control,
                                                       uint64_t application_id, uint64_t after_id,
                                                       uint64_t max, clientid_user_request_fn *emit,
                                                       void *sink, clientid_error *error);
/*
 * Puts an event that is DELIVERY_UNSUCCESSFUL or FAILED into the outbox again, for the hooks that are there now.  Rule event-state for
 * other statuses, when no hook takes it, for a REQUEST_ACCESS_TOKEN whose contract is no longer in force, and for a REVOKE_ACCESS_TOKEN
 * whose contract is in force again.  CLIENTID_ERR_NOT_FOUND when |event_id| is not of that request.
 */
CLIENTID_EXPORT int clientid_control_user_request_retry(clientid_control *control, uint64_t id,
                                                        uint64_t event_id, clientid_error *error);

/* The status of a request that has these states; COMPLETED without any. */
CLIENTID_EXPORT uint32_t clientid_user_request_status_of(const clientid_user_request_state *states,
                                                         size_t count);

/* ---- the gateway's answer -------------------------------------------------------------------- */

#define CLIENTID_CREDENTIALS_MAX 16 /* of one application at one provider */

/*
 * PUT /rest/v1/applications/{id}?eventId=: |body| is the JSON as it came, {"name","credentials":[...]} with credentials of the types
 * APIKey, OAuth2, JWT (any other is CLIENTID_ERR_SYNTAX with pointer), or empty to acknowledge.  It replaces the credentials that the
 * provider had delivered for the application, sealed at rest; the answer to a revocation of the last API removes them.  Completes the event; answering
 * a completed one again, with the same or other credentials, is no error and replaces them: gateways repeat.
 *
 * Credentials are not kept for an application without a contract in force.
 *
 * CLIENTID_ERR_NOT_FOUND (no such event of that application), _SYNTAX, _RULE event-state (REJECTED, APPROVAL_PENDING, or none that
 * a gateway was told of), _ARG (no sealing key).
 */
CLIENTID_EXPORT int clientid_control_event_answer(clientid_control *control,
                                                  uint64_t application_id, uint64_t event_id,
                                                  clientid_str body, clientid_error *error);

/*
 * All credentials that gateways delivered, as the JSON array of the vendor's "credentials"; free it with clientid_json_free.  Permission
 * application-use, since they are secrets; clientid_application_to_rest_json shows none to those who may only read.
 */
CLIENTID_EXPORT int clientid_control_delivered_credentials(clientid_control *control,
                                                           uint64_t application_id, char **text,
                                                           clientid_error *error);

/* ---- JSON ------------------------------------------------------------------------------------ */

/*
 * In the vendor's shapes.  Things are named by UUID, so these need the control; they may be called from a callback of a function that
 * lists (all but clientid_application_to_rest_json).  |*text|: free it with clientid_json_free.  Reading: as clientid_api_from_json.
 */
/* {"id","url","configuration_type","subscriptions":[{"id","name","description"}],"parameters","created","modified"}; no password. */
CLIENTID_EXPORT int clientid_hook_to_json(clientid_control *control,
                                          const clientid_hook_record *record, char **text,
                                          clientid_error *error);
/* Without "configuration_type" a hook is of SYSTEM, as with the vendor. */
CLIENTID_EXPORT int clientid_hook_from_json(clientid_control *control, clientid_str text,
                                            clientid_hook_record *out, clientid_json **json,
                                            clientid_error *error);
/* {"id","name","description","stage","type","providerRef","webhooks":[...],"created","modified"} */
CLIENTID_EXPORT int clientid_provider_to_json(clientid_control *control,
                                              const clientid_provider_record *record, char **text,
                                              clientid_error *error);
/* "type" is "THIRD_PARTY" or "GATEWAY" (ours); THIRD_PARTY when left out. */
CLIENTID_EXPORT int clientid_provider_from_json(clientid_control *control, clientid_str text,
                                                clientid_provider_record *out, clientid_json **json,
                                                clientid_error *error);
/* {"owner","id","created","modified","documentType","type","status","application","state":{event: status}} */
CLIENTID_EXPORT int clientid_user_request_to_json(clientid_control *control,
                                                  const clientid_user_request_record *record,
                                                  char **text, clientid_error *error);
/*
 * {"type","context":{"name","description","application","apis","redirect_uris"}}, and "accepted_terms": true, which is ours: the vendor's
 * body has nothing for it, so without it APIs with terms are refused (rule terms).  "custom" is ignored.
 */
CLIENTID_EXPORT int clientid_user_request_from_json(clientid_control *control, clientid_str text,
                                                    clientid_user_request *out,
                                                    clientid_json **json, clientid_error *error);
/*
 * GET /rest/v1/applications/{id}: {"name","owner","id","documentType","providerRef","access","apis","credentials","status","slots",
 * "deleted","description","app_type"}.  "apis" are those that can be called now; status LIVE: there are some, REJECTED: every request was,
 * else INACTIVE.  With what gateways delivered: contains secrets.
 */
CLIENTID_EXPORT int clientid_application_to_rest_json(clientid_control *control, uint64_t id,
                                                      char **text, clientid_error *error);

#ifdef __cplusplus
}
#endif

#endif
