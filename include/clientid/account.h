/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID_ACCOUNT_H
#define CLIENTID_ACCOUNT_H

/*
 * Unstable before 1.0, see store.h.
 *
 * Who may change what: users with a role, Connected Apps with scopes, the tokens of both, and callers.  Words and
 * rules are those of Anypoint's Access Management.
 *
 * A control works for one caller at a time (clientid_control_set_caller).  Without one it works for the operator of the
 * store, who may do everything: a command line on the machine of the database.  With one, every function of control.h,
 * third_party.h and this header looks whether that caller may do what it is asked to, in the transaction that does it,
 * and answers CLIENTID_ERR_FORBIDDEN, with the label of the permission that is missing, when not; and
 * CLIENTID_ERR_UNKNOWN_CALLER when the caller's token was revoked or has ended since.
 *
 * What is not there for a caller is told like what is not there at all: CLIENTID_ERR_NOT_FOUND for applications of
 * others when they are read; CLIENTID_ERR_FORBIDDEN when they are changed, as Anypoint does (help article 001120307).
 */
#include <clientid/control.h>

#ifdef __cplusplus
extern "C" {
#endif

/* ---- roles, scopes, permissions -------------------------------------------------------------- */

/* X(name, number, label): numbers are in databases. */
#define CLIENTID_ROLE_MAP(X)                                                                       \
    X(ADMINISTRATOR, 1, "Organization Administrator") /* everything */                             \
    X(API_OWNER, 2, "API Owner") /* makes API instances, and manages those it owns */              \
    X(MEMBER, 3, "Member")       /* has applications, requests access */

typedef enum clientid_role {
#define CLIENTID_ROLE_ENUM(name, number, label) CLIENTID_ROLE_##name = (number),
    CLIENTID_ROLE_MAP(CLIENTID_ROLE_ENUM)
#undef CLIENTID_ROLE_ENUM
} clientid_role;

CLIENTID_EXPORT const char *clientid_role_label(uint32_t role); /* "?" for unknown numbers */

/*
 * X(name, bit, scope, label), of Connected Apps.  All but manage:client_application hold for the whole organization; that one is
 * granted for one application at a time, by clientid_control_connected_app_grant.
 */
#define CLIENTID_SCOPE_MAP(X)                                                                      \
    X(CREATE_APPLICATIONS, 1, "create:client_applications", "Application Creator")                 \
    X(READ_APPLICATIONS, 2, "read:client_applications", "View Client Applications")                \
    X(MANAGE_APPLICATION, 4, "manage:client_application", "Manage Client Application")             \
    X(MANAGE_CONTRACTS, 8, "manage:api_contracts", "Manage Contracts")                             \
    X(READ_CONTRACTS, 16, "read:api_contracts", "View Contracts")                                  \
    X(MANAGE_APIS, 32, "manage:apis", "Manage APIs Configuration")                                 \
    X(VIEW_EXCHANGE, 64, "read:exchange", "Exchange Viewer")

enum {
#define CLIENTID_SCOPE_ENUM(name, bit, scope, label) CLIENTID_SCOPE_##name = (bit),
    CLIENTID_SCOPE_MAP(CLIENTID_SCOPE_ENUM)
#undef CLIENTID_SCOPE_ENUM
};

/* "create:client_applications" of one bit, NULL for others; and the reverse, 0 for an unknown one. */
CLIENTID_EXPORT const char *clientid_scope_name(uint32_t scope);
CLIENTID_EXPORT uint32_t clientid_scope_find(clientid_str name);

/*
 * X(name, label, who): what a caller may be allowed to do.  "admin": an administrator; "owner of the API": a user with
 * the role API Owner who is among its owners; "owner": a user among the owners of the application; a Connected App by
 * its scope, "its own": that it created, or was granted.
 */
#define CLIENTID_PERMISSION_MAP(X)                                                                 \
    X(API_READ, "api-read", "every user; any scope")                                               \
    X(API_CREATE, "api-create", "admin, API owner; manage:apis")                                   \
    X(API_MANAGE, "api-manage", "admin, owner of the API; manage:apis")                            \
    X(CONTRACT_READ, "contract-read",                                                              \
      "admin, owner of the API, owner; read: and manage:api_contracts, its own")                   \
    X(CONTRACT_DECIDE, "contract-decide", "admin, owner of the API; manage:api_contracts")         \
    X(APPLICATION_CREATE, "application-create", "every user; create:client_applications")          \
    X(APPLICATION_READ, "application-read", "admin, owner; read:client_applications, its own")     \
    X(APPLICATION_USE, "application-use",                                                          \
      "add owners, request access and tier changes, reset secrets: admin, owner; its own")         \
    X(APPLICATION_MANAGE, "application-manage", "all else of an application: admin, owner")        \
    X(USER_MANAGE, "user-manage", "admin")                                                         \
    X(CONNECTED_APP_MANAGE, "connected-app-manage", "admin")                                       \
    X(CHANGES_READ, "changes-read", "admin")                                                       \
    X(FEED_READ, "feed-read", "admin; read: and manage:api_contracts")                             \
    X(GATEWAY_MANAGE, "gateway-manage", "providers and hooks: admin")                              \
    X(GATEWAY_ANSWER, "gateway-answer", "admin, owner of the API; manage:api_contracts")           \
    X(STORE_MANAGE, "store-manage",                                                                \
      "import, export, load, prune the log and tokens, wrap secrets: admin")

typedef enum clientid_permission {
#define CLIENTID_PERMISSION_ENUM(name, label, who) CLIENTID_PERMISSION_##name,
    CLIENTID_PERMISSION_MAP(CLIENTID_PERMISSION_ENUM)
#undef CLIENTID_PERMISSION_ENUM
        CLIENTID_PERMISSION_COUNT
} clientid_permission;

CLIENTID_EXPORT const char *clientid_permission_label(clientid_permission permission); /* "?" */

/* ---- callers --------------------------------------------------------------------------------- */

typedef enum clientid_caller_kind {
    CLIENTID_CALLER_USER = 1,
    CLIENTID_CALLER_CONNECTED_APP = 2 /* acts on its own behalf */
} clientid_caller_kind;

typedef struct clientid_caller {
    size_t size;
    uint32_t kind;   /* clientid_caller_kind */
    uint32_t role;   /* of the user; 0 for a Connected App */
    uint32_t scopes; /* of the Connected App; 0 for a user */
    uint32_t reserved;
    uint64_t user_id;                      /* the user, or the owner of the Connected App */
    uint64_t connected_app_id;             /* 0 for a user */
    uint64_t token_id;                     /* 0: came with a password (Basic) */
    char user_name[CLIENTID_NAME_MAX + 1]; /* of |user_id|: the name among owners */
    char
        actor[CLIENTID_NAME_MAX + 1]; /* for the change log: "mia" or "connected-app:<client id>" */
} clientid_caller;

/*
 * Copied.  NULL: the operator again.  Role, scopes and names are read anew in every transaction; only |kind| and the
 * numbers count here, so a change of them is in force at once.
 */
CLIENTID_EXPORT int clientid_control_set_caller(clientid_control *control,
                                                const clientid_caller *caller);

/*
 * Asks without doing anything: 0, CLIENTID_ERR_FORBIDDEN or _UNKNOWN_CALLER.  For what a host does itself, as the feed of
 * contracts.  |api_id|, |application_id|: of which; 0: of none in particular.  The functions of the control ask by themselves.
 */
CLIENTID_EXPORT int clientid_control_may(clientid_control *control, clientid_permission permission,
                                         uint64_t api_id, uint64_t application_id,
                                         clientid_error *error);

/* ---- users ----------------------------------------------------------------------------------- */

typedef enum clientid_identity {
    CLIENTID_IDENTITY_PASSWORD = 1,
    CLIENTID_IDENTITY_SAML = 2,  /* comes by assertion, has no password here */
    CLIENTID_IDENTITY_OPENID = 3 /* cannot call platform APIs, as in Anypoint: never gets a token */
} clientid_identity;

#define CLIENTID_PASSWORD_MIN 8
#define CLIENTID_PASSWORD_MAX 1024 /* bytes */

enum {
    CLIENTID_USER_EMAIL = 1,
    CLIENTID_USER_FIRST_NAME = 2,
    CLIENTID_USER_LAST_NAME = 4,
    CLIENTID_USER_ROLE = 8,
    CLIENTID_USER_ENABLED = 16 /* disabling ends all tokens of the user at once */
};

typedef struct clientid_user_record {
    size_t size;
    uint64_t id;        /* [out] */
    clientid_str name;  /* [new] 1 to CLIENTID_NAME_MAX bytes, unique; what owners are called by */
    clientid_str email; /* [in] where notices go; may be empty */
    clientid_str first_name, last_name; /* [in] */
    uint32_t role;                      /* [in] clientid_role */
    uint32_t identity;                  /* [new] clientid_identity */
    uint32_t enabled;                   /* [in] 0 or 1 */
    uint32_t reserved;
    uint64_t created_ns, updated_ns; /* [out] */
} clientid_user_record;

typedef int clientid_user_fn(void *sink, const clientid_user_record *record);

/*
 * |password|: CLIENTID_PASSWORD_MIN to _MAX bytes of UTF-8 for CLIENTID_IDENTITY_PASSWORD, empty for others.  It is kept as scrypt
 * (RFC 7914; N = 2^15, r = 8, p = 3, 16 bytes of salt), which takes 32 MiB for some 0.2 s.
 * Rules: user-name-taken.
 */
CLIENTID_EXPORT int clientid_control_user_create(clientid_control *control,
                                                 const clientid_user_record *record,
                                                 clientid_str password, uint64_t *id,
                                                 clientid_error *error);
/*
 * Somebody makes an account for himself: MEMBER, with a password, enabled; the caller is not asked.  Attempts count per |address|.
 * A name that is among the owners of an application or API is taken, with or without an account: it would get their rights.
 */
CLIENTID_EXPORT int clientid_control_user_register(clientid_control *control,
                                                   const clientid_user_record *record,
                                                   clientid_str password, clientid_str address,
                                                   uint64_t *id, clientid_error *error);
CLIENTID_EXPORT int clientid_control_user_find(clientid_control *control, clientid_str name,
                                               uint64_t *id, clientid_error *error);
/*
 * Name and number of a user, for those who make somebody an owner or show owners: every caller may ask.  |out| holds
 * CLIENTID_NAME_MAX + 1.  Rule owner-connected-app when |name| is a client id of a Connected App.
 */
CLIENTID_EXPORT int clientid_control_user_name(clientid_control *control, uint64_t id, char *out,
                                               size_t size, clientid_error *error);
CLIENTID_EXPORT int clientid_control_user_number(clientid_control *control, clientid_str name,
                                                 uint64_t *id, clientid_error *error);
/* A user may read itself; all others take user-manage. */
CLIENTID_EXPORT int clientid_control_user_get(clientid_control *control, uint64_t id,
                                              clientid_user_fn *emit, void *sink,
                                              clientid_error *error);
CLIENTID_EXPORT int clientid_control_user_list(clientid_control *control, uint64_t after_id,
                                               uint64_t max, clientid_user_fn *emit, void *sink,
                                               clientid_error *error);
/* A user may change its own e-mail address and names.  Rule administrator-last: one enabled administrator stays. */
CLIENTID_EXPORT int clientid_control_user_update(clientid_control *control, uint64_t id,
                                                 const clientid_user_record *record,
                                                 unsigned fields, clientid_error *error);
/* Also ends all tokens of the user, who may set its own: hosts ask for the old one first.  Rule identity. */
CLIENTID_EXPORT int clientid_control_user_set_password(clientid_control *control, uint64_t id,
                                                       clientid_str password,
                                                       clientid_error *error);
/* Rule user-in-use: a user who owns a Connected App that is not revoked stays.  Rule administrator-last. */
CLIENTID_EXPORT int clientid_control_user_delete(clientid_control *control, uint64_t id,
                                                 clientid_error *error);

/* ---- owners of API instances ----------------------------------------------------------------- */

/* |name| is a user's.  Who makes an API instance owns it. */
CLIENTID_EXPORT int clientid_control_api_owner_add(clientid_control *control, uint64_t api_id,
                                                   clientid_str name, clientid_error *error);
CLIENTID_EXPORT int clientid_control_api_owner_remove(clientid_control *control, uint64_t api_id,
                                                      clientid_str name, clientid_error *error);
typedef int clientid_name_fn(void *sink, clientid_str name);
CLIENTID_EXPORT int clientid_control_api_owner_list(clientid_control *control, uint64_t api_id,
                                                    clientid_name_fn *emit, void *sink,
                                                    clientid_error *error);

/* ---- tokens ---------------------------------------------------------------------------------- */

#define CLIENTID_ACCESS_TOKEN_CHARS 64

/* The token is here and nowhere else: the store has its SHA-256.  Wipe it. */
typedef struct clientid_token {
    size_t size;
    uint64_t expires_in_s;
    char access_token[CLIENTID_ACCESS_TOKEN_CHARS + 1]; /* opaque, from RAND_bytes */
} clientid_token;

typedef struct clientid_login_options {
    size_t size;
    uint64_t lifetime_ns; /* of tokens; 0: one hour */
    clientid_str address; /* where the attempt comes from; attempts count by it, may be empty */
} clientid_login_options;

/*
 * Attempts are limited by a token bucket each: 10 a minute for a name, 60 a minute for an address, of which only failed ones
 * stay charged.  They are counted per process (clientid_attempts, below), and not at all when none were set.  CLIENTID_ERR_LIMITED
 * with the seconds to wait in |error->line|.
 *
 * An unknown name, a wrong password, an account without one: CLIENTID_ERR_UNKNOWN_CALLER, all with the same text and after the
 * same work.  CLIENTID_ERR_FORBIDDEN for a disabled user with the right password (Anypoint answers 403).
 */
CLIENTID_EXPORT int clientid_control_login(clientid_control *control, clientid_str name,
                                           clientid_str password,
                                           const clientid_login_options *options,
                                           clientid_token *out, clientid_error *error);
/* Password without token, for Basic: errors as clientid_control_login. */
CLIENTID_EXPORT int clientid_control_authenticate_password(clientid_control *control,
                                                           clientid_str name, clientid_str password,
                                                           const clientid_login_options *options,
                                                           clientid_caller *out,
                                                           clientid_error *error);
/* Grant client_credentials (RFC 6749 section 4.4) of a Connected App.  CLIENTID_ERR_UNKNOWN_CALLER, _LIMITED. */
CLIENTID_EXPORT int clientid_control_login_connected_app(
    clientid_control *control, clientid_str client_id, clientid_str client_secret,
    const clientid_login_options *options, clientid_token *out, clientid_error *error);

/* Who an identity provider says it is.  The caller has verified the assertion. */
typedef struct clientid_federated_user {
    size_t size;
    clientid_str name, email, first_name, last_name;
    clientid_str assertion_id; /* used once: rule assertion-used */
    uint64_t not_after_ns;     /* until when the assertion could come again */
} clientid_federated_user;

/* A user who is not known yet becomes a MEMBER, of SAML.  CLIENTID_ERR_FORBIDDEN for a disabled one.  Rule identity: a user with a password, or of OpenID, does not come by assertion. */
CLIENTID_EXPORT int clientid_control_login_federated(clientid_control *control,
                                                     const clientid_federated_user *user,
                                                     const clientid_login_options *options,
                                                     clientid_token *out, clientid_error *error);

/* Whose token it is.  CLIENTID_ERR_UNKNOWN_CALLER: unknown, ended, revoked, of a disabled user or a revoked Connected App. */
CLIENTID_EXPORT int clientid_control_authenticate(clientid_control *control,
                                                  clientid_str access_token, clientid_caller *out,
                                                  clientid_error *error);
/* Ends one token; 0 also when there is none such (RFC 7009 section 2.2). */
CLIENTID_EXPORT int clientid_control_token_revoke(clientid_control *control,
                                                  clientid_str access_token, clientid_error *error);
/* Removes ended tokens and used assertions that could no longer come; |*removed| may be NULL. */
CLIENTID_EXPORT int clientid_control_tokens_prune(clientid_control *control, uint64_t *removed,
                                                  clientid_error *error);

/* Counts of attempts, for all controls of a process; any thread.  A gateway of our own underneath. */
typedef struct clientid_attempts clientid_attempts;
CLIENTID_EXPORT int clientid_attempts_new(clientid_attempts **out, clientid_error *error);
CLIENTID_EXPORT void clientid_attempts_del(clientid_attempts *attempts);
/* Not owned, outlives the control; NULL: attempts are not counted. */
CLIENTID_EXPORT void clientid_control_set_attempts(clientid_control *control,
                                                   clientid_attempts *attempts);

/* ---- Connected Apps -------------------------------------------------------------------------- */

#define CLIENTID_CONNECTED_APPS_MAX 2000 /* of an organization, as in Anypoint */

enum { CLIENTID_CONNECTED_APP_NAME = 1, CLIENTID_CONNECTED_APP_SCOPES = 2 };

typedef struct clientid_connected_app_record {
    size_t size;
    uint64_t id;             /* [out] */
    clientid_str client_id;  /* [out] 32 hexadecimal digits */
    clientid_str name;       /* [in] 1 to CLIENTID_NAME_MAX bytes */
    uint64_t owner_id;       /* [new] a user; 0: the caller; [out] 0: gone */
    clientid_str owner_name; /* [out] */
    uint32_t scopes; /* [in] bits of CLIENTID_SCOPE_*; _MANAGE_APPLICATION [out]: it has a grant */
    uint32_t grant_count;            /* [out] applications that it was granted */
    uint64_t created_ns, updated_ns; /* [out] */
    uint64_t revoked_ns;             /* [out] 0: in use */
} clientid_connected_app_record;

typedef int clientid_connected_app_fn(void *sink, const clientid_connected_app_record *record);

/* |out|: its client id and secret, once (|application_id| is the id of the Connected App).  Rule connected-app-count. */
CLIENTID_EXPORT int
clientid_control_connected_app_create(clientid_control *control,
                                      const clientid_connected_app_record *record,
                                      clientid_credentials *out, clientid_error *error);
CLIENTID_EXPORT int clientid_control_connected_app_find(clientid_control *control,
                                                        clientid_str client_id, uint64_t *id,
                                                        clientid_error *error);
CLIENTID_EXPORT int clientid_control_connected_app_get(clientid_control *control, uint64_t id,
                                                       clientid_connected_app_fn *emit, void *sink,
                                                       clientid_error *error);
/* Those in use, by id. */
CLIENTID_EXPORT int clientid_control_connected_app_list(clientid_control *control,
                                                        clientid_connected_app_fn *emit, void *sink,
                                                        clientid_error *error);
/* Tokens that exist get the new scopes at once. */
CLIENTID_EXPORT int
clientid_control_connected_app_update(clientid_control *control, uint64_t id,
                                      const clientid_connected_app_record *record, unsigned fields,
                                      clientid_error *error);
/* A new secret; the old one and all tokens end at once. */
CLIENTID_EXPORT int clientid_control_connected_app_rotate(clientid_control *control, uint64_t id,
                                                          clientid_credentials *out,
                                                          clientid_error *error);
/* For good.  Its tokens end at once; applications that it created stay, with their owners. */
CLIENTID_EXPORT int clientid_control_connected_app_revoke(clientid_control *control, uint64_t id,
                                                          clientid_error *error);
/* manage:client_application for one application that it did not create. */
CLIENTID_EXPORT int clientid_control_connected_app_grant(clientid_control *control, uint64_t id,
                                                         uint64_t application_id,
                                                         clientid_error *error);
CLIENTID_EXPORT int clientid_control_connected_app_ungrant(clientid_control *control, uint64_t id,
                                                           uint64_t application_id,
                                                           clientid_error *error);
typedef int clientid_id_fn(void *sink, uint64_t id);
CLIENTID_EXPORT int clientid_control_connected_app_grants(clientid_control *control, uint64_t id,
                                                          clientid_id_fn *emit, void *sink,
                                                          clientid_error *error);

/* ---- JSON: see control.h --------------------------------------------------------------------- */

/* {"id","username","firstName","lastName","email","enabled","role","identityType","createdAt","updatedAt"} */
CLIENTID_EXPORT int clientid_user_to_json(const clientid_user_record *record, char **text,
                                          clientid_error *error);
/* |password| (may be NULL) gets "password" when there is one. */
CLIENTID_EXPORT int clientid_user_from_json(clientid_str text, clientid_user_record *out,
                                            unsigned *fields, clientid_str *password,
                                            clientid_json **json, clientid_error *error);
/* {"client_id","client_name","grant_types","scopes","owner_user_id","owner_username","enabled",...}: never its secret. */
CLIENTID_EXPORT int clientid_connected_app_to_json(const clientid_connected_app_record *record,
                                                   char **text, clientid_error *error);
CLIENTID_EXPORT int clientid_connected_app_from_json(clientid_str text,
                                                     clientid_connected_app_record *out,
                                                     unsigned *fields, clientid_json **json,
                                                     clientid_error *error);

#ifdef __cplusplus
}
#endif

#endif
