/* SPDX-License-Identifier: Apache-2.0 */
/* API Manager: API instances and groups, SLA tiers. */
#include "schemas.h"

/* ---- shared ---------------------------------------------------------------------------------- */

static const struct schema_field provider_fields[] = {
    TEXT("providerId", SCHEMA_NULLABLE, 0, 255),
    TEXT("name", SCHEMA_OUT, 0, 0),
    TEXT("type", SCHEMA_OUT, 0, 0),
    FIELDS_END,
};
const struct schema schema_provider = {"ClientProvider", provider_fields, 0};

static const struct schema_field audit_fields[] = {
    OBJECT("created", SCHEMA_OUT, &schema_anything),
    OBJECT("updated", SCHEMA_OUT, &schema_anything),
    FIELDS_END,
};
const struct schema schema_audit = {"Audit", audit_fields, 0};

/* What a client that sends back what it got sends too. */
#define HOME                                                                                       \
    OBJECT("audit", SCHEMA_OUT, &schema_audit), NUMBER("id", SCHEMA_OUT, 0, 0),                    \
        TEXT("organizationId", SCHEMA_OUT, 0, 0), TEXT("masterOrganizationId", SCHEMA_OUT, 0, 0)

/* ---- API instances --------------------------------------------------------------------------- */

/* Gateways have configurations of their own here: what says how they run is taken and not kept. */
#define ELSEWHERE                                                                                  \
    ANYTHING("technology", 0), ANYTHING("endpoint", 0), ANYTHING("endpointUri", 0),                \
        ANYTHING("routing", 0), ANYTHING("deployment", 0), ANYTHING("description", 0),             \
        ANYTHING("tags", 0)

static const struct schema_field asset_fields[] = {
    TEXT("groupId", SCHEMA_REQUIRED, 1, 256),
    TEXT("assetId", SCHEMA_REQUIRED, 1, 255),
    TEXT("version", SCHEMA_REQUIRED, 1, 255),
    FIELDS_END,
};
static const struct schema asset = {"Asset", asset_fields, 0};

static const struct schema_field api_fields[] = {
    HOME,
    TEXT("environmentId", SCHEMA_OUT, 36, 36),
    TEXT("instanceLabel", 0, 0, 128),
    TEXT("name", 0, 0, 128),
    CHOICE("instanceType", 0, "api|api-group"),
    TEXT("groupId", 0, 0, 0),
    TEXT("assetId", 0, 0, 255),
    TEXT("assetVersion", 0, 0, 255),
    TEXT("version", 0, 0, 255),
    TEXT("productVersion", 0, 0, 0),
    TEXT("autodiscoveryInstanceName", 0, 0, 0),
    TEXT("uuid", 0, 0, 36),
    TEXT("providerId", SCHEMA_NULLABLE, 0, 255),
    OBJECT("clientProvider", 0, &schema_provider),
    TEXT("terms", SCHEMA_NULLABLE, 0, 65536),
    LIST("members", 0, 0, 1024, NULL),
    LIST("tiers", 0, 0, 0, &schema_tier),
    FIELDS_END,
};
const struct schema schema_api = {"Api", api_fields, SCHEMA_OPEN};

static const struct schema_field api_create_fields[] = {
    OBJECT("spec", 0, &asset),
    TEXT("instanceLabel", SCHEMA_NULLABLE, 1, 128),
    TEXT("name", 0, 1, 128),
    CHOICE("instanceType", 0, "api|api-group"),
    TEXT("providerId", SCHEMA_NULLABLE, 0, 255),
    OBJECT("clientProvider", 0, &schema_provider),
    TEXT("terms", SCHEMA_NULLABLE, 0, 65536),
    LIST("members", 0, 0, 1024, NULL),
    ELSEWHERE,
    FIELDS_END,
};
const struct schema schema_api_create = {"ApiCreate", api_create_fields, 0};

static const struct schema_field api_update_fields[] = {
    HOME,
    TEXT("instanceLabel", 0, 1, 128),
    TEXT("name", 0, 1, 128),
    TEXT("assetVersion", 0, 0, 255),
    TEXT("providerId", SCHEMA_NULLABLE, 0, 255),
    OBJECT("clientProvider", 0, &schema_provider),
    TEXT("terms", SCHEMA_NULLABLE, 0, 65536),
    LIST("members", 0, 0, 1024, NULL),
    ELSEWHERE,
    FIELDS_END,
};
const struct schema schema_api_update = {"ApiUpdate", api_update_fields, 0};

static const struct schema_field asset_apis_fields[] = {
    HOME,
    TEXT("name", SCHEMA_REQUIRED, 0, 0),
    TEXT("exchangeAssetName", 0, 0, 0),
    TEXT("groupId", 0, 0, 0),
    TEXT("assetId", 0, 0, 0),
    NUMBER("totalApis", SCHEMA_REQUIRED, 0, 0),
    LIST("apis", SCHEMA_REQUIRED, 0, 0, &schema_api),
    FIELDS_END,
};
static const struct schema asset_apis = {"AssetApis", asset_apis_fields, 0};

static const struct schema_field api_list_fields[] = {
    NUMBER("total", SCHEMA_REQUIRED, 0, 0),
    LIST("assets", SCHEMA_REQUIRED, 0, 0, &asset_apis),
    FIELDS_END,
};
const struct schema schema_api_list = {"ApiList", api_list_fields, 0};

static const struct schema_field instance_list_fields[] = {
    NUMBER("total", SCHEMA_REQUIRED, 0, 0),
    LIST("instances", SCHEMA_REQUIRED, 0, 0, &schema_api),
    FIELDS_END,
};
const struct schema schema_instance_list = {"InstanceList", instance_list_fields, 0};

/* ---- SLA tiers ------------------------------------------------------------------------------- */

static const struct schema_field limit_fields[] = {
    FLAG("visible", 0),
    NUMBER("maximumRequests", SCHEMA_REQUIRED, 0, 0),
    NUMBER("timePeriodInMilliseconds", SCHEMA_REQUIRED, 0, 0),
    FIELDS_END,
};
static const struct schema limit = {"Limit", limit_fields, 0};

/* The newest documents of the vendor say INACTIVE for DEPRECATED. */
#define TIER(flags)                                                                                \
    HOME, TEXT("name", flags, 1, 255), TEXT("description", SCHEMA_NULLABLE, 0, 65536),             \
        CHOICE("status", flags, "ACTIVE|DEPRECATED|INACTIVE"), FLAG("autoApprove", 0),             \
        LIST("limits", 0, 0, 64, &limit), NUMBER("apiId", SCHEMA_OUT, 0, 0),                       \
        TEXT("apiName", SCHEMA_OUT, 0, 0), TEXT("apiVersionId", SCHEMA_OUT, 0, 0),                 \
        NUMBER("applicationCount", SCHEMA_OUT, 0, 0)

static const struct schema_field tier_fields[] = {TIER(0), FIELDS_END};
const struct schema schema_tier = {"Tier", tier_fields, 0};

static const struct schema_field tier_create_fields[] = {TIER(SCHEMA_REQUIRED), FIELDS_END};
const struct schema schema_tier_create = {"TierCreate", tier_create_fields, 0};

static const struct schema_field tier_update_fields[] = {TIER(0), FIELDS_END};
const struct schema schema_tier_update = {"TierUpdate", tier_update_fields, 0};

static const struct schema_field tier_list_fields[] = {
    NUMBER("total", SCHEMA_REQUIRED, 0, 0),
    LIST("tiers", SCHEMA_REQUIRED, 0, 0, &schema_tier),
    FIELDS_END,
};
const struct schema schema_tier_list = {"TierList", tier_list_fields, 0};
