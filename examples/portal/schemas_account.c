/* SPDX-License-Identifier: Apache-2.0 */
/* Access Management: sign-in, users, Connected Apps. */
#include "schemas.h"

/* ---- sign-in --------------------------------------------------------------------------------- */

static const struct schema_field login_fields[] = {
    TEXT("username", SCHEMA_REQUIRED, 1, 255),
    TEXT("password", SCHEMA_REQUIRED | SCHEMA_SECRET, 1, 1024),
    FIELDS_END,
};
const struct schema schema_login = {"Login", login_fields, 0};

static const struct schema_field receive_id_fields[] = {
    TEXT("SAMLResponse", SCHEMA_REQUIRED | SCHEMA_SECRET, 1, 262144),
    FIELDS_END,
};
const struct schema schema_receive_id = {"ReceiveId", receive_id_fields, 0};

/* Client id and secret may come by Basic instead (RFC 6749 section 2.3.1). */
static const struct schema_field token_request_fields[] = {
    CHOICE("grant_type", SCHEMA_REQUIRED, "client_credentials"),
    TEXT("client_id", 0, 1, 255),
    TEXT("client_secret", SCHEMA_SECRET, 1, 512),
    TEXT("scope", 0, 0, 4096),
    FIELDS_END,
};
const struct schema schema_token_request = {"TokenRequest", token_request_fields, 0};

static const struct schema_field token_fields[] = {
    TEXT("access_token", SCHEMA_REQUIRED | SCHEMA_SECRET, 64, 64),
    CHOICE("token_type", SCHEMA_REQUIRED, "bearer"),
    NUMBER("expires_in", SCHEMA_REQUIRED, 0, 0),
    TEXT("redirectUrl", 0, 0, 0),
    FIELDS_END,
};
const struct schema schema_token = {"Token", token_fields, 0};

static const struct schema_field revocation_fields[] = {
    TEXT("token", SCHEMA_REQUIRED | SCHEMA_SECRET, 1, 512),
    TEXT("token_type_hint", 0, 0, 64),
    FIELDS_END,
};
const struct schema schema_revocation = {"Revocation", revocation_fields, 0};

/* ---- users ----------------------------------------------------------------------------------- */

static const struct schema_field user_fields[] = {
    TEXT("id", SCHEMA_OUT, 36, 36),
    TEXT("username", 0, 0, 255),
    TEXT("firstName", 0, 0, 255),
    TEXT("lastName", 0, 0, 255),
    TEXT("email", 0, 0, 255),
    CHOICE("role", 0, "Organization Administrator|API Owner|Member"),
    FLAG("enabled", 0),
    TEXT("organizationId", SCHEMA_OUT, 36, 36),
    TEXT("idprovider_id", SCHEMA_OUT, 0, 0),
    TEXT("createdAt", SCHEMA_OUT, 0, 0),
    TEXT("updatedAt", SCHEMA_OUT, 0, 0),
    FIELDS_END,
};
const struct schema schema_user = {"User", user_fields, SCHEMA_OPEN};

#define NAMES                                                                                      \
    TEXT("firstName", 0, 0, 255), TEXT("lastName", 0, 0, 255), TEXT("email", 0, 0, 255),           \
        TEXT("phoneNumber", 0, 0, 64)

static const struct schema_field user_create_fields[] = {
    TEXT("username", SCHEMA_REQUIRED, 1, 255),
    TEXT("password", SCHEMA_SECRET, 8, 1024),
    NAMES,
    CHOICE("role", 0, "Organization Administrator|API Owner|Member"),
    CHOICE("identity", 0, "password|saml|openid"),
    FIELDS_END,
};
const struct schema schema_user_create = {"UserCreate", user_create_fields, 0};

static const struct schema_field user_register_fields[] = {
    TEXT("username", SCHEMA_REQUIRED, 1, 255),
    TEXT("password", SCHEMA_REQUIRED | SCHEMA_SECRET, 8, 1024),
    NAMES,
    FIELDS_END,
};
const struct schema schema_user_register = {"UserRegister", user_register_fields, 0};

static const struct schema_field user_update_fields[] = {
    NAMES,
    CHOICE("role", 0, "Organization Administrator|API Owner|Member"),
    FLAG("enabled", 0),
    TEXT("password", SCHEMA_SECRET, 8, 1024),
    FIELDS_END,
};
const struct schema schema_user_update = {"UserUpdate", user_update_fields, 0};

static const struct schema_field user_list_fields[] = {
    LIST("data", SCHEMA_REQUIRED, 0, 0, &schema_user),
    NUMBER("total", SCHEMA_REQUIRED, 0, 0),
    FIELDS_END,
};
const struct schema schema_user_list = {"UserList", user_list_fields, 0};

const struct schema schema_profile = {"Profile", user_fields, SCHEMA_OPEN};

static const struct schema_field me_fields[] = {
    OBJECT("client", 0, &schema_anything),
    OBJECT("user", 0, &schema_user),
    FIELDS_END,
};
const struct schema schema_me = {"Me", me_fields, 0};

static const struct schema_field environment_list_fields[] = {
    LIST("data", SCHEMA_REQUIRED, 0, 0, &schema_anything),
    NUMBER("total", SCHEMA_REQUIRED, 0, 0),
    FIELDS_END,
};
const struct schema schema_environment_list = {"EnvironmentList", environment_list_fields, 0};

/* ---- Connected Apps -------------------------------------------------------------------------- */

#define SCOPE_MAX 128

static const struct schema_field connected_app_fields[] = {
    TEXT("client_id", SCHEMA_OUT, 0, 0),
    TEXT("client_secret", SCHEMA_OUT | SCHEMA_SECRET, 0, 0),
    TEXT("client_name", 0, 1, 255),
    LIST("grant_types", 0, 0, 8, NULL),
    LIST("scopes", 0, 0, 64, NULL),
    TEXT("owner_org_id", SCHEMA_OUT, 0, 0),
    TEXT("owner_user_id", SCHEMA_OUT, 0, 0),
    FIELDS_END,
};
const struct schema schema_connected_app = {"ConnectedApp", connected_app_fields, SCHEMA_OPEN};

/* The vendor's other keys are about apps that act for a user; those that clients send along are taken when they say nothing. */
#define FOREIGN                                                                                    \
    LIST("redirect_uris", 0, 0, 0, NULL), LIST("public_keys", 0, 0, 0, NULL),                      \
        CHOICE("audience", 0, "internal"), TEXT("client_uri", SCHEMA_NULLABLE, 0, 2048),           \
        TEXT("policy_uri", SCHEMA_NULLABLE, 0, 2048), TEXT("tos_uri", SCHEMA_NULLABLE, 0, 2048),   \
        TEXT("owner_org_id", SCHEMA_OUT, 0, 0), TEXT("owner_user_id", SCHEMA_OUT, 0, 0),           \
        FLAG("enabled", SCHEMA_OUT), FLAG("generate_iss_claim_without_token", SCHEMA_OUT)

static const struct schema_field connected_app_create_fields[] = {
    TEXT("client_name", SCHEMA_REQUIRED, 1, 255),
    LIST("grant_types", 0, 1, 8, NULL),
    LIST("scopes", 0, 0, 64, NULL),
    FOREIGN,
    FIELDS_END,
};
const struct schema schema_connected_app_create = {"ConnectedAppCreate",
                                                   connected_app_create_fields, 0};

static const struct schema_field connected_app_update_fields[] = {
    TEXT("client_name", 0, 1, 255),
    LIST("grant_types", 0, 1, 8, NULL),
    LIST("scopes", 0, 0, 64, NULL),
    FOREIGN,
    FIELDS_END,
};
const struct schema schema_connected_app_update = {"ConnectedAppUpdate",
                                                   connected_app_update_fields, 0};

static const struct schema_field connected_app_list_fields[] = {
    LIST("data", SCHEMA_REQUIRED, 0, 0, &schema_connected_app),
    NUMBER("total", SCHEMA_REQUIRED, 0, 0),
    FIELDS_END,
};
const struct schema schema_connected_app_list = {"ConnectedAppList", connected_app_list_fields, 0};

/* "applicationId" is ours: manage:client_application holds for one application. */
static const struct schema_field context_fields[] = {
    TEXT("org", 0, 0, 36),
    TEXT("orgId", 0, 0, 36),
    TEXT("envId", 0, 0, 36),
    NUMBER("applicationId", SCHEMA_DIGITS, 1, 0),
    FIELDS_END,
};
static const struct schema context = {"ScopeContext", context_fields, 0};

static const struct schema_field scope_fields[] = {
    TEXT("scope", SCHEMA_REQUIRED, 1, SCOPE_MAX),
    OBJECT("context_params", 0, &context),
    FIELDS_END,
};
const struct schema schema_scope = {"Scope", scope_fields, 0};

static const struct schema_field scope_list_fields[] = {
    LIST("data", SCHEMA_REQUIRED, 0, 0, &schema_scope),
    NUMBER("total", SCHEMA_REQUIRED, 0, 0),
    FIELDS_END,
};
const struct schema schema_scope_list = {"ScopeList", scope_list_fields, 0};

static const struct schema_field scope_change_fields[] = {
    LIST("scopes", SCHEMA_REQUIRED, 0, 1000, &schema_scope),
    LIST("scopesToDelete", 0, 0, 1000, &schema_scope),
    FIELDS_END,
};
const struct schema schema_scope_change = {"ScopeChange", scope_change_fields, 0};
