/* SPDX-License-Identifier: Apache-2.0 */
/*
 * An API instance of Anypoint is named by its number and has a label; ours has one name, by which gateways know it.  So:
 *
 *   instanceLabel, name   our name; when a client gives no label: "<assetId>:<version>"
 *   assetId, assetVersion our asset and version
 *   groupId               the organization, always
 *   productVersion        "v" and the first number of the version, "v1" when there is none
 *   providerId            our client provider, null for the default one
 */
#include "record.h"

#include "portal.h"

#include <clientid/third_party.h>

#include <stdio.h>
#include <string.h>
#include <strings.h>

static void set(json_t *json, const char *key, json_t *value)
{
    if (json != NULL)
        (void)json_object_set_new(json, key, value);
}

/* Anypoint's moments have milliseconds. */
static uint64_t whole_ms(uint64_t time_ns)
{
    return time_ns - time_ns % 1000000;
}

/* "updated" is empty until something was. */
static void set_audit(json_t *json, uint64_t created_ns, uint64_t updated_ns)
{
    char created[40], updated[40];
    clientid_time_format(whole_ms(created_ns), created, sizeof created);
    clientid_time_format(whole_ms(updated_ns), updated, sizeof updated);
    set(json, "audit",
        updated_ns == created_ns
            ? json_pack("{s:{s:s},s:{}}", "created", "date", created, "updated")
            : json_pack("{s:{s:s},s:{s:s}}", "created", "date", created, "updated", "date",
                        updated));
}

static json_t *at_home(const struct call *call, json_t *json)
{
    const char *organization = call->portal->config.organization;
    set(json, "organizationId", json_string(organization));
    set(json, "masterOrganizationId", json_string(organization));
    return json;
}

static json_t *text_or_null(clientid_str text)
{
    return text.len != 0 ? json_stringn(text.ptr, text.len) : json_null();
}

static void product_version(clientid_str version, char *out, size_t size)
{
    size_t begin = 0, len = 0;
    while (begin < version.len && (version.ptr[begin] < '0' || version.ptr[begin] > '9'))
        begin++;
    while (begin + len < version.len && version.ptr[begin + len] >= '0' &&
           version.ptr[begin + len] <= '9')
        len++;
    (void)snprintf(out, size, "v%.*s", len != 0 ? (int)len : 1,
                   len != 0 ? version.ptr + begin : "1");
}

static void set_provider(json_t *json, clientid_str provider)
{
    set(json, "clientProvider", json_pack("{s:o}", "providerId", text_or_null(provider)));
}

json_t *record_api(const struct call *call, const clientid_api_record *record)
{
    char product[16];
    char discovery[48];
    char uuid[CLIENTID_UUID_CHARS + 1] = "";
    char *text = NULL;
    (void)clientid_control_uuid_format(call->control, CLIENTID_UUID_API, record->id, uuid, NULL);
    (void)clientid_api_to_json(record, &text, NULL);
    json_t *json = at_home(call, call_take_json(text));
    product_version(record->version, product, sizeof product);
    (void)snprintf(discovery, sizeof discovery, "%s:%llu", product, (unsigned long long)record->id);
    set(json, "uuid", json_string(uuid)); /* ours: its id on /rest/v1 */
    set(json, "environmentId", json_string(call->portal->config.environment));
    set(json, "groupId", json_string(call->portal->config.organization));
    set(json, "instanceLabel", json_stringn(record->name.ptr, record->name.len));
    set(json, "assetVersion", json_stringn(record->version.ptr, record->version.len));
    set(json, "productVersion", json_string(product));
    set(json, "autodiscoveryInstanceName", json_string(discovery));
    set(json, "providerId", text_or_null(record->provider));
    set_provider(json, record->provider);
    set(json, "terms", text_or_null(record->terms));
    set_audit(json, record->created_ns, record->updated_ns);
    return json;
}

json_t *record_tier(const struct call *call, const clientid_tier_record *record)
{
    char *text = NULL;
    (void)clientid_tier_to_json(record, &text, NULL);
    json_t *json = at_home(call, call_take_json(text));
    set(json, "description", text_or_null(record->description));
    set_audit(json, record->created_ns, record->updated_ns);
    return json;
}

json_t *record_application(const struct call *call, const clientid_application_record *record)
{
    char *text = NULL;
    (void)clientid_application_to_json(record, &text, NULL);
    json_t *json = at_home(call, call_take_json(text));
    set(json, "coreServicesId", json_stringn(record->client_id.ptr, record->client_id.len));
    set(json, "description", text_or_null(record->description));
    set(json, "url", text_or_null(record->url));
    set_provider(json, record->provider);
    set_audit(json, record->created_ns, record->updated_ns);
    return json;
}

json_t *record_contract(const struct call *call, const clientid_contract_record *record)
{
    clientid_contract_record rounded = *record;
    char *text = NULL;
    rounded.approved_ns = whole_ms(record->approved_ns);
    rounded.rejected_ns = whole_ms(record->rejected_ns);
    rounded.revoked_ns = whole_ms(record->revoked_ns);
    (void)clientid_contract_to_json(&rounded, &text, NULL);
    json_t *json = at_home(call, call_take_json(text));
    json_t *application = json_object_get(json, "application");
    set(application, "clientId", json_stringn(record->client_id.ptr, record->client_id.len));
    set(application, "masterOrganizationId", json_string(call->portal->config.organization));
    set(json, "clientId", json_stringn(record->client_id.ptr, record->client_id.len));
    set(json, "terms", text_or_null(record->terms));
    set_audit(json, record->created_ns, record->updated_ns);
    return json;
}

bool record_has(clientid_str text, clientid_str part)
{
    for (size_t i = 0; i + part.len <= text.len; i++) {
        if (part.len == 0 || strncasecmp(text.ptr + i, part.ptr, part.len) == 0)
            return true;
    }
    return false;
}

bool record_is(clientid_str text, const char *word)
{
    return text.len == strlen(word) && memcmp(text.ptr, word, text.len) == 0;
}
