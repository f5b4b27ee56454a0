/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The webMethods Developer Portal.  The library reads these bodies itself (clientid_hook_from_json and so on) and names what is wrong; the
 * tables are for the document.
 */
#include "schemas.h"

#define PAGE(name, schema_name, element)                                                           \
    static const struct schema_field name##_fields[] = {                                           \
        LIST("result", SCHEMA_REQUIRED, 0, 0, element),                                            \
        NUMBER("count", SCHEMA_REQUIRED, 0, 0),                                                    \
        OBJECT("_links", 0, &schema_rest_links),                                                   \
        FIELDS_END,                                                                                \
    };                                                                                             \
    const struct schema schema_##name = {schema_name, name##_fields, 0}

static const struct schema_field rest_links_fields[] = {
    TEXT("_self", SCHEMA_REQUIRED, 0, 0),
    TEXT("_next", 0, 0, 0),
    FIELDS_END,
};
static const struct schema schema_rest_links = {"RestLinks", rest_links_fields, 0};

static const struct schema_field rest_created_fields[] = {
    TEXT("id", SCHEMA_REQUIRED, 36, 36),
    TEXT("_self", SCHEMA_REQUIRED, 0, 0),
    FIELDS_END,
};
const struct schema schema_rest_created = {"RestCreated", rest_created_fields, 0};

static const struct schema_field rest_done_fields[] = {
    NUMBER("code", SCHEMA_REQUIRED, 0, 0),
    TEXT("message", SCHEMA_REQUIRED, 0, 0),
    FIELDS_END,
};
const struct schema schema_rest_done = {"RestDone", rest_done_fields, 0};

/* ---- webhooks -------------------------------------------------------------------------------- */

static const struct schema_field rest_event_fields[] = {
    TEXT("id", SCHEMA_REQUIRED, 1, 255),
    TEXT("name", 0, 0, 255),
    TEXT("description", 0, 0, 0),
    FIELDS_END,
};
static const struct schema rest_event = {"RestEvent", rest_event_fields, 0};

static const struct schema_field rest_parameters_fields[] = {
    CHOICE("authentication", SCHEMA_REQUIRED, "BASIC|SSL|NONE"),
    TEXT("username", 0, 0, 255),
    TEXT("password", SCHEMA_SECRET, 0, 512),
    TEXT("type", 0, 0, 16),
    TEXT("file_id", 0, 0, 255),
    FIELDS_END,
};
static const struct schema rest_parameters = {"RestHookParameters", rest_parameters_fields, 0};

static const struct schema_field rest_hook_fields[] = {
    TEXT("id", SCHEMA_OUT, 36, 36),
    TEXT("url", SCHEMA_REQUIRED, 1, 2048),
    CHOICE("configuration_type", 0, "SYSTEM|PROVIDER"),
    LIST("subscriptions", 0, 0, 0, &rest_event),
    OBJECT("parameters", 0, &rest_parameters),
    TEXT("created", SCHEMA_OUT, 0, 0),
    TEXT("modified", SCHEMA_OUT, 0, 0),
    FIELDS_END,
};
const struct schema schema_rest_hook = {"RestHook", rest_hook_fields, 0};
PAGE(rest_hook_list, "RestHookList", &schema_rest_hook);

/* ---- providers ------------------------------------------------------------------------------- */

static const struct schema_field rest_provider_fields[] = {
    TEXT("id", SCHEMA_OUT, 36, 36),
    TEXT("name", SCHEMA_REQUIRED, 1, 255),
    TEXT("description", 0, 0, 0),
    TEXT("stage", 0, 0, 255),
    CHOICE("type", 0, "THIRD_PARTY|GATEWAY"),
    LIST("webhooks", 0, 0, 16, NULL),
    LIST("hooks", SCHEMA_OUT, 0, 0, &schema_rest_hook),
    TEXT("providerRef", SCHEMA_OUT, 0, 0),
    TEXT("created", SCHEMA_OUT, 0, 0),
    TEXT("modified", SCHEMA_OUT, 0, 0),
    FIELDS_END,
};
const struct schema schema_rest_provider = {"RestProvider", rest_provider_fields, SCHEMA_OPEN};
PAGE(rest_provider_list, "RestProviderList", &schema_rest_provider);

static const struct schema_field rest_api_fields[] = {
    TEXT("id", SCHEMA_REQUIRED, 36, 36),
    TEXT("name", SCHEMA_REQUIRED, 0, 0),
    TEXT("summary", 0, 0, 0),
    TEXT("version", 0, 0, 0),
    TEXT("type", 0, 0, 0),
    TEXT("externalRefKey", 0, 0, 0),
    FIELDS_END,
};
static const struct schema rest_api = {"RestApi", rest_api_fields, 0};
PAGE(rest_api_list, "RestApiList", &rest_api);

/* ---- user requests and applications ---------------------------------------------------------- */

static const struct schema_field rest_context_fields[] = {
    TEXT("name", 0, 0, 255),
    TEXT("description", 0, 0, 0),
    TEXT("application", 0, 36, 36),
    LIST("apis", 0, 0, 64, NULL),
    LIST("redirect_uris", 0, 0, 64, NULL),
    FIELDS_END,
};
static const struct schema rest_context = {"RestContext", rest_context_fields, SCHEMA_OPEN};

#define REQUEST_TYPES                                                                              \
    "APPLICATION_CREATION_REQUEST|APPLICATION_API_REGISTRATION_REQUEST|"                           \
    "APPLICATION_API_DEREGISTRATION_REQUEST|APPLICATION_UPDATE_REQUEST|"                           \
    "APPLICATION_DELETION_REQUEST"

static const struct schema_field rest_request_create_fields[] = {
    CHOICE("type", SCHEMA_REQUIRED, REQUEST_TYPES),
    OBJECT("context", SCHEMA_REQUIRED, &rest_context),
    FLAG("accepted_terms", 0),
    FIELDS_END,
};
const struct schema schema_rest_request_create = {"RestRequestCreate", rest_request_create_fields,
                                                  0};

static const struct schema_field rest_request_fields[] = {
    TEXT("owner", 0, 0, 0),
    TEXT("id", SCHEMA_REQUIRED, 36, 36),
    TEXT("modified", 0, 0, 0),
    TEXT("created", 0, 0, 0),
    TEXT("documentType", 0, 0, 0),
    CHOICE("type", SCHEMA_REQUIRED, REQUEST_TYPES),
    TEXT("status", SCHEMA_REQUIRED, 0, 0),
    TEXT("application", SCHEMA_REQUIRED, 36, 36),
    OBJECT("state", SCHEMA_REQUIRED, &schema_anything),
    OBJECT("trace", 0, &schema_anything),
    FIELDS_END,
};
const struct schema schema_rest_request = {"RestRequest", rest_request_fields, 0};
PAGE(rest_request_list, "RestRequestList", &schema_rest_request);

static const struct schema_field rest_application_fields[] = {
    TEXT("name", 0, 0, 255),
    TEXT("owner", SCHEMA_OUT, 0, 0),
    TEXT("id", SCHEMA_OUT, 36, 36),
    TEXT("documentType", SCHEMA_OUT, 0, 0),
    TEXT("providerRef", SCHEMA_OUT | SCHEMA_NULLABLE, 0, 0),
    LIST("apis", SCHEMA_OUT, 0, 0, NULL),
    LIST("credentials", 0, 0, 16, &schema_anything),
    CHOICE("status", SCHEMA_OUT, "INACTIVE|LIVE|REJECTED"),
    TEXT("description", SCHEMA_OUT, 0, 0),
    TEXT("app_type", SCHEMA_OUT, 0, 0),
    FIELDS_END,
};
const struct schema schema_rest_application = {"RestApplication", rest_application_fields,
                                               SCHEMA_OPEN};
PAGE(rest_application_list, "RestApplicationList", &schema_rest_application);

static const struct schema_field rest_approval_fields[] = {
    TEXT("id", SCHEMA_REQUIRED, 1, 18),
    TEXT("status", SCHEMA_REQUIRED, 0, 0),
    TEXT("type", SCHEMA_REQUIRED, 0, 0),
    TEXT("contextId", SCHEMA_REQUIRED, 36, 36),
    OBJECT("contextData", SCHEMA_REQUIRED, &schema_anything),
    FIELDS_END,
};
const struct schema schema_rest_approval = {"RestApproval", rest_approval_fields, 0};
PAGE(rest_approval_list, "RestApprovalList", &schema_rest_approval);
