/* SPDX-License-Identifier: Apache-2.0 */
/* Exchange and API Platform: client applications, their secrets and owners; the audit trail. */
#include "schemas.h"

/* ---- applications ---------------------------------------------------------------------------- */

#define TEXTS_MAX 64 /* CLIENTID_APPLICATION_LIST_MAX */

#define APPLICATION(name_flags)                                                                    \
    TEXT("name", name_flags, 1, 255), TEXT("description", SCHEMA_NULLABLE, 0, 65536),              \
        TEXT("url", SCHEMA_NULLABLE, 0, 2048), LIST("redirectUri", 0, 0, TEXTS_MAX, NULL),         \
        LIST("grantTypes", 0, 0, TEXTS_MAX, NULL), FLAG("apiEndpoints", 0),                        \
        OBJECT("clientProvider", 0, &schema_provider)

/* What a client that sends back what it got sends too. */
#define SHOWN                                                                                      \
    OBJECT("audit", SCHEMA_OUT, &schema_audit), NUMBER("id", SCHEMA_OUT, 0, 0),                    \
        TEXT("organizationId", SCHEMA_OUT, 0, 0), TEXT("masterOrganizationId", SCHEMA_OUT, 0, 0),  \
        TEXT("clientId", SCHEMA_OUT, 0, 0), TEXT("coreServicesId", SCHEMA_OUT, 0, 0),              \
        LIST("owners", SCHEMA_OUT, 0, 0, &schema_owner),                                           \
        LIST("secrets", SCHEMA_OUT, 0, 0, &schema_anything),                                       \
        NUMBER("contractCount", SCHEMA_OUT, 0, 0)

static const struct schema_field owner_fields[] = {
    TEXT("id", SCHEMA_OUT | SCHEMA_NULLABLE, 0, 0),
    TEXT("username", SCHEMA_OUT, 0, 0),
    TEXT("entityType", SCHEMA_OUT, 0, 0),
    FIELDS_END,
};
const struct schema schema_owner = {"Owner", owner_fields, 0};

static const struct schema_field application_fields[] = {SHOWN, APPLICATION(0), FIELDS_END};
const struct schema schema_application = {"Application", application_fields, 0};

static const struct schema_field application_create_fields[] = {APPLICATION(SCHEMA_REQUIRED),
                                                                FIELDS_END};
const struct schema schema_application_create = {"ApplicationCreate", application_create_fields, 0};

/* The only answer, besides that of a reset, with the secret. */
static const struct schema_field application_created_fields[] = {
    SHOWN, APPLICATION(0), TEXT("clientSecret", SCHEMA_REQUIRED | SCHEMA_SECRET, 0, 0), FIELDS_END};
const struct schema schema_application_created = {"ApplicationCreated", application_created_fields,
                                                  0};

static const struct schema_field application_update_fields[] = {SHOWN, APPLICATION(0), FIELDS_END};
const struct schema schema_application_update = {"ApplicationUpdate", application_update_fields, 0};

static const struct schema_field application_list_fields[] = {
    LIST("applications", SCHEMA_REQUIRED, 0, 0, &schema_application),
    NUMBER("total", SCHEMA_REQUIRED, 0, 0),
    FIELDS_END,
};
const struct schema schema_application_list = {"ApplicationList", application_list_fields, 0};

/* ---- secrets --------------------------------------------------------------------------------- */

/* Ours: for so long, at most a year, the old secret is good beside the new one. */
static const struct schema_field secret_reset_fields[] = {
    NUMBER("overlapInMilliseconds", 0, 0, 31622400000),
    FIELDS_END,
};
const struct schema schema_secret_reset = {"SecretReset", secret_reset_fields, 0};

static const struct schema_field secret_fields[] = {
    NUMBER("id", 0, 0, 0),
    TEXT("clientId", 0, 0, 0),
    TEXT("clientSecret", SCHEMA_REQUIRED | SCHEMA_SECRET, 0, 0),
    NUMBER("slot", 0, 0, 0),
    TEXT("previousNotAfter", SCHEMA_NULLABLE, 0, 0),
    FIELDS_END,
};
const struct schema schema_secret = {"Secret", secret_fields, 0};

/* ---- owners ---------------------------------------------------------------------------------- */

static const struct schema_field owner_add_fields[] = {
    TEXT("id", SCHEMA_REQUIRED, 1, 255),
    FIELDS_END,
};
const struct schema schema_owner_add = {"OwnerAdd", owner_add_fields, 0};

/* ---- audit trail ----------------------------------------------------------------------------- */

static const struct schema_field change_fields[] = {
    NUMBER("revision", 0, 0, 0), TEXT("date", 0, 0, 0),
    TEXT("actor", 0, 0, 0),      TEXT("entity", 0, 0, 0),
    NUMBER("id", 0, 0, 0),       TEXT("verb", 0, 0, 0),
    TEXT("api", 0, 0, 0),        TEXT("clientId", 0, 0, 0),
    TEXT("detail", 0, 0, 0),     FIELDS_END,
};
static const struct schema change = {"Change", change_fields, 0};

static const struct schema_field change_list_fields[] = {
    LIST("data", SCHEMA_REQUIRED, 0, 0, &change),
    NUMBER("next", SCHEMA_REQUIRED, 0, 0),
    FIELDS_END,
};
const struct schema schema_change_list = {"ChangeList", change_list_fields, 0};
