/* SPDX-License-Identifier: Apache-2.0 */
/* What gateways are told. */
#include "schemas.h"

static const struct schema_field links_fields[] = {
    TEXT("self", SCHEMA_REQUIRED, 0, 0),
    TEXT("next", SCHEMA_REQUIRED, 0, 0),
    FIELDS_END,
};
static const struct schema links = {"FeedLinks", links_fields, 0};

static const struct schema_field item_fields[] = {
    TEXT("organizationId", SCHEMA_REQUIRED, 0, 0),
    TEXT("contractId", SCHEMA_REQUIRED, 0, 0),
    TEXT("apiId", SCHEMA_REQUIRED, 0, 0),
    TEXT("versionId", SCHEMA_REQUIRED, 0, 0),
    TEXT("slaTierId", SCHEMA_REQUIRED | SCHEMA_NULLABLE, 0, 0),
    TEXT("clientId", SCHEMA_REQUIRED, 0, 0),
    TEXT("clientName", SCHEMA_REQUIRED, 0, 0),
    TEXT("clientSecret", SCHEMA_REQUIRED, 0, 0),
    TEXT("clientSecretSalt", SCHEMA_REQUIRED, 0, 0),
    FLAG("removed", SCHEMA_REQUIRED | SCHEMA_NULLABLE),
    NUMBER("applicationId", 0, 0, 0),
    TEXT("group", 0, 0, 0),
    LIST("secrets", 0, 0, 2, &schema_anything),
    FIELDS_END,
};
static const struct schema item = {"FeedItem", item_fields, 0};

static const struct schema_field feed_fields[] = {
    OBJECT("links", SCHEMA_REQUIRED, &links),
    LIST("data", SCHEMA_REQUIRED, 0, 0, &item),
    LIST("tiers", 0, 0, 0, &schema_anything),
    LIST("groups", 0, 0, 0, &schema_anything),
    TEXT("identity", 0, 0, 0),
    NUMBER("revision", 0, 0, 0),
    FIELDS_END,
};
const struct schema schema_feed = {"Feed", feed_fields, 0};
