/* SPDX-License-Identifier: Apache-2.0 */
/* Access requests and contracts, from the side of the API and from that of the application. */
#include "schemas.h"

static const struct schema_field access_info_fields[] = {
    TEXT("reason", SCHEMA_REQUIRED, 1, 2000), /* 500 characters, which the library counts */
    FIELDS_END,
};
static const struct schema access_info = {"RequestAccessInfo", access_info_fields, 0};

static const struct schema_field contract_fields[] = {
    NUMBER("id", 0, 0, 0),
    CHOICE("status", 0, "PENDING|APPROVED|REJECTED|REVOKED"),
    TEXT("approvedDate", SCHEMA_NULLABLE, 0, 0),
    TEXT("rejectedDate", SCHEMA_NULLABLE, 0, 0),
    TEXT("revokedDate", SCHEMA_NULLABLE, 0, 0),
    NUMBER("applicationId", 0, 0, 0),
    OBJECT("application", 0, &schema_anything),
    TEXT("clientId", 0, 0, 0),
    NUMBER("tierId", SCHEMA_NULLABLE, 0, 0),
    OBJECT("tier", SCHEMA_NULLABLE, &schema_tier),
    NUMBER("requestedTierId", SCHEMA_NULLABLE, 0, 0),
    OBJECT("requestedTier", SCHEMA_NULLABLE, &schema_tier),
    NUMBER("apiId", 0, 0, 0),
    OBJECT("api", 0, &schema_api),
    OBJECT("apiVersion", 0, &schema_anything),
    TEXT("terms", SCHEMA_NULLABLE, 0, 0),
    TEXT("partyId", 0, 0, 0),
    TEXT("partyName", 0, 0, 0),
    OBJECT("requestAccessInfo", 0, &schema_anything),
    OBJECT("audit", 0, &schema_audit),
    TEXT("organizationId", 0, 0, 0),
    TEXT("masterOrganizationId", 0, 0, 0),
    FIELDS_END,
};
const struct schema schema_contract = {"Contract", contract_fields, 0};

static const struct schema_field contract_list_fields[] = {
    NUMBER("total", SCHEMA_REQUIRED, 0, 0),
    LIST("contracts", SCHEMA_REQUIRED, 0, 0, &schema_contract),
    FIELDS_END,
};
const struct schema schema_contract_list = {"ContractList", contract_list_fields, 0};

#define REQUEST                                                                                    \
    NUMBER("requestedTierId", SCHEMA_NULLABLE | SCHEMA_DIGITS, 1, 0), FLAG("acceptedTerms", 0),    \
        TEXT("partyId", 0, 0, 255), TEXT("partyName", 0, 0, 255),                                  \
        OBJECT("requestAccessInfo", 0, &access_info)

/* From the side of the API, which the path names. */
static const struct schema_field contract_create_fields[] = {
    NUMBER("applicationId", SCHEMA_REQUIRED | SCHEMA_DIGITS, 1, 0),
    REQUEST,
    FIELDS_END,
};
const struct schema schema_contract_create = {"ContractCreate", contract_create_fields, 0};

static const struct schema_field contract_update_fields[] = {
    NUMBER("tierId", SCHEMA_DIGITS, 1, 0),
    NUMBER("requestedTierId", SCHEMA_DIGITS, 1, 0),
    CHOICE("status", 0, "APPROVED|REJECTED|REVOKED"),
    FIELDS_END,
};
const struct schema schema_contract_update = {"ContractUpdate", contract_update_fields, 0};

/* From the side of the application: the number of the instance decides, the asset's coordinates are taken and not looked at. */
static const struct schema_field access_request_fields[] = {
    NUMBER("apiId", SCHEMA_DIGITS, 1, 0),
    NUMBER("apiVersionId", SCHEMA_DIGITS, 1, 0),
    NUMBER("apiGroupInstanceId", SCHEMA_DIGITS, 1, 0),
    NUMBER("groupInstanceId", SCHEMA_DIGITS, 1, 0),
    CHOICE("instanceType", 0, "api|api-group"),
    TEXT("organizationId", 0, 1, 36),
    TEXT("environmentId", 0, 0, 36),
    TEXT("groupId", 0, 0, 256),
    TEXT("assetId", 0, 0, 256),
    TEXT("version", 0, 0, 255),
    TEXT("versionGroup", 0, 0, 255),
    TEXT("productAPIVersion", 0, 0, 255),
    TEXT("termsText", SCHEMA_NULLABLE, 0, 65536),
    REQUEST,
    FIELDS_END,
};
const struct schema schema_access_request = {"AccessRequest", access_request_fields, 0};

static const struct schema_field tier_change_fields[] = {
    NUMBER("requestedTierId", SCHEMA_REQUIRED | SCHEMA_DIGITS, 1, 0),
    FIELDS_END,
};
const struct schema schema_tier_change = {"TierChange", tier_change_fields, 0};
