/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Records in Anypoint's words: the objects of API Manager's and Exchange's REST interfaces, with a few keys of ours
 * beside them (names next to numbers, "members", "secrets").
 */
#include "control/object_json.h"

#include "base/error.h"
#include "base/str.h"

#include <stddef.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *kind_label(uint32_t kind)
{
    return kind == CLIENTID_API_GROUP ? "api-group" : "api";
}

const char *clientid__tier_status_label(uint32_t status)
{
    return status == CLIENTID_TIER_DEPRECATED ? "DEPRECATED" : "ACTIVE";
}

/* ---- writing --------------------------------------------------------------------------------- */

static void put_audit(struct clientid__writer *writer, uint64_t created_ns, uint64_t updated_ns)
{
    struct clientid__writer audit = clientid__writer_begin();
    struct clientid__writer created = clientid__writer_begin();
    struct clientid__writer updated = clientid__writer_begin();

    clientid__put_time(&created, "date", created_ns);
    clientid__put_time(&updated, "date", updated_ns);
    clientid__put(&audit, "created", clientid__writer_take(&created));
    clientid__put(&audit, "updated", clientid__writer_take(&updated));
    clientid__put(writer, "audit", clientid__writer_take(&audit));
}

static void put_provider(struct clientid__writer *writer, clientid_str id)
{
    struct clientid__writer provider = clientid__writer_begin();

    clientid__put_text(&provider, "providerId", id);
    clientid__put(writer, "clientProvider", clientid__writer_take(&provider));
}

int clientid_api_to_json(const clientid_api_record *record, char **text, clientid_error *error)
{
    struct clientid__writer w;

    if (record == NULL || text == NULL)
        return clientid__bad_argument(error);
    w = clientid__writer_begin();
    clientid__put_number(&w, "id", record->id);
    clientid__put_text(&w, "name", record->name);
    clientid__put_text(&w, "instanceType", clientid__cstr(kind_label(record->kind)));
    clientid__put_text(&w, "assetId", record->asset);
    clientid__put_text(&w, "version", record->version);
    put_provider(&w, record->provider);
    clientid__put_text(&w, "terms", record->terms);
    if (record->kind == CLIENTID_API_GROUP)
        clientid__put_texts(&w, "members", record->members, record->member_count);
    put_audit(&w, record->created_ns, record->updated_ns);
    return clientid__writer_end(&w, text, error);
}

json_t *clientid__limits_json(const clientid_tier_record *record)
{
    json_t *array = json_array();

    for (size_t i = 0; i < record->limit_count; i++) {
        struct clientid__writer limit = clientid__writer_begin();

        clientid__put_flag(&limit, "visible", record->limits[i].visible != 0);
        clientid__put_number(&limit, "maximumRequests", record->limits[i].maximum_requests);
        clientid__put_number(&limit, "timePeriodInMilliseconds", record->limits[i].period_ms);
        if (json_array_append_new(array, clientid__writer_take(&limit)) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

int clientid_tier_to_json(const clientid_tier_record *record, char **text, clientid_error *error)
{
    struct clientid__writer w;

    if (record == NULL || text == NULL)
        return clientid__bad_argument(error);
    w = clientid__writer_begin();
    clientid__put_number(&w, "id", record->id);
    clientid__put_text(&w, "name", record->name);
    clientid__put_text(&w, "description", record->description);
    clientid__put_flag(&w, "autoApprove", record->auto_approve != 0);
    clientid__put_text(&w, "status", clientid__cstr(clientid__tier_status_label(record->status)));
    clientid__put(&w, "limits", clientid__limits_json(record));
    clientid__put_number(&w, "apiId", record->api_id);
    clientid__put_text(&w, "apiName", record->api_name);
    clientid__put_number(&w, "applicationCount", record->application_count);
    put_audit(&w, record->created_ns, record->updated_ns);
    return clientid__writer_end(&w, text, error);
}

/* When secrets are valid, never what they are. */
static json_t *secrets_json(const clientid_application_record *record)
{
    static const char *const algorithms[] = {"none", "sha256", "hmac-sha256"};
    json_t *array = json_array();

    for (unsigned i = 0; i < 2; i++) {
        const clientid_secret *slot = &record->secrets[i];
        struct clientid__writer w;

        if (slot->algorithm == CLIENTID_SECRET_NONE || slot->algorithm >= COUNT(algorithms))
            continue;
        w = clientid__writer_begin();
        clientid__put_number(&w, "slot", i + 1);
        clientid__put_text(&w, "algorithm", clientid__cstr(algorithms[slot->algorithm]));
        clientid__put_time(&w, "notBefore", slot->not_before_ns);
        clientid__put_time(&w, "notAfter", slot->not_after_ns);
        clientid__put_flag(&w, "newest", record->newest_slot == i + 1);
        if (json_array_append_new(array, clientid__writer_take(&w)) != 0) {
            json_decref(array);
            return NULL;
        }
    }
    return array;
}

int clientid_application_to_json(const clientid_application_record *record, char **text,
                                 clientid_error *error)
{
    struct clientid__writer w;

    if (record == NULL || text == NULL)
        return clientid__bad_argument(error);
    w = clientid__writer_begin();
    clientid__put_number(&w, "id", record->id);
    clientid__put_text(&w, "name", record->name);
    clientid__put_text(&w, "description", record->description);
    clientid__put_text(&w, "url", record->url);
    clientid__put_texts(&w, "redirectUri", record->redirect_uris, record->redirect_uri_count);
    clientid__put_texts(&w, "grantTypes", record->grant_types, record->grant_type_count);
    clientid__put_flag(&w, "apiEndpoints", record->api_endpoints != 0);
    clientid__put_text(&w, "clientId", record->client_id);
    put_provider(&w, record->provider);
    clientid__put_texts(&w, "owners", record->owners, record->owner_count);
    clientid__put(&w, "secrets", secrets_json(record));
    clientid__put_number(&w, "contractCount", record->contract_count);
    put_audit(&w, record->created_ns, record->updated_ns);
    return clientid__writer_end(&w, text, error);
}

/* A thing that is named by number and name; null when there is none. */
static void put_named(struct clientid__writer *writer, const char *id_key, const char *key,
                      uint64_t id, clientid_str name)
{
    struct clientid__writer named;

    if (id == 0) {
        clientid__put(writer, id_key, json_null());
        clientid__put(writer, key, json_null());
        return;
    }
    named = clientid__writer_begin();
    clientid__put_number(&named, "id", id);
    clientid__put_text(&named, "name", name);
    clientid__put_number(writer, id_key, id);
    clientid__put(writer, key, clientid__writer_take(&named));
}

static void put_application(struct clientid__writer *writer, const clientid_contract_record *record)
{
    struct clientid__writer application = clientid__writer_begin();

    clientid__put_number(&application, "id", record->application_id);
    clientid__put_text(&application, "name", record->application_name);
    clientid__put_text(&application, "coreServicesId", record->client_id);
    clientid__put_number(writer, "applicationId", record->application_id);
    clientid__put(writer, "application", clientid__writer_take(&application));
}

int clientid_contract_to_json(const clientid_contract_record *record, char **text,
                              clientid_error *error)
{
    struct clientid__writer w, info;

    if (record == NULL || text == NULL)
        return clientid__bad_argument(error);
    w = clientid__writer_begin();
    clientid__put_number(&w, "id", record->id);
    clientid__put_text(&w, "status",
                       clientid__cstr(clientid_contract_status_label(record->status)));
    clientid__put_time(&w, "approvedDate", record->approved_ns);
    clientid__put_time(&w, "rejectedDate", record->rejected_ns);
    clientid__put_time(&w, "revokedDate", record->revoked_ns);
    put_application(&w, record);
    put_named(&w, "tierId", "tier", record->tier_id, record->tier_name);
    put_named(&w, "requestedTierId", "requestedTier", record->requested_tier_id,
              record->requested_tier_name);
    put_named(&w, "apiId", "api", record->api_id, record->api_name);
    clientid__put_text(&w, "terms", record->terms);
    clientid__put_text(&w, "partyId", record->party_id);
    clientid__put_text(&w, "partyName", record->party_name);
    info = clientid__writer_begin();
    clientid__put_text(&info, "reason", record->reason);
    clientid__put(&w, "requestAccessInfo", clientid__writer_take(&info));
    put_audit(&w, record->created_ns, record->updated_ns);
    return clientid__writer_end(&w, text, error);
}

int clientid_change_to_json(const clientid_change_record *record, char **text,
                            clientid_error *error)
{
    struct clientid__writer w;

    if (record == NULL || text == NULL)
        return clientid__bad_argument(error);
    w = clientid__writer_begin();
    clientid__put_number(&w, "revision", record->revision);
    clientid__put_time(&w, "date", record->at_ns);
    clientid__put_text(&w, "actor", record->actor);
    clientid__put_text(&w, "entity", record->entity);
    clientid__put_number(&w, "id", record->entity_id);
    clientid__put_text(&w, "verb", record->verb);
    clientid__put_text(&w, "api", record->api);
    clientid__put_text(&w, "clientId", record->client_id);
    clientid__put_text(&w, "detail", record->detail);
    return clientid__writer_end(&w, text, error);
}

int clientid_credentials_to_json(const clientid_credentials *credentials, char **text,
                                 clientid_error *error)
{
    struct clientid__writer w;

    if (credentials == NULL || text == NULL)
        return clientid__bad_argument(error);
    w = clientid__writer_begin();
    clientid__put_number(&w, "id", credentials->application_id);
    clientid__put_text(&w, "clientId", clientid__cstr(credentials->client_id));
    if (credentials->client_secret[0] != '\0')
        clientid__put_text(&w, "clientSecret", clientid__cstr(credentials->client_secret));
    clientid__put_number(&w, "slot", credentials->slot);
    clientid__put_time(&w, "previousNotAfter", credentials->previous_not_after_ns);
    return clientid__writer_end(&w, text, error);
}

/* ---- reading --------------------------------------------------------------------------------- */

/* "clientProvider": {"providerId": "..."} as in Exchange, or the id alone. */
int clientid__read_provider(struct clientid__reader *reader, const struct clientid__key *key,
                            const json_t *value, void *out)
{
    const json_t *id = json_is_object(value) ? json_object_get(value, "providerId") : value;
    clientid_str text = {NULL, 0};

    if (id == NULL || (!json_is_string(id) && !json_is_null(id)))
        return clientid__json_wrong(reader, key->name, SIZE_MAX,
                                    "must be {\"providerId\": string}");
    if (json_is_string(id))
        text = clientid__json_text(id);
    memcpy((char *)out + key->offset, &text, sizeof(text));
    return 0;
}

int clientid__read_api_kind(struct clientid__reader *reader, const struct clientid__key *key,
                            const json_t *value, void *out)
{
    const char *text = json_string_value(value);
    uint32_t kind = 0;

    for (uint32_t k = CLIENTID_API_INSTANCE; k <= CLIENTID_API_GROUP && text != NULL; k++)
        if (strcmp(text, kind_label(k)) == 0)
            kind = k;
    if (kind == 0)
        return clientid__json_wrong(reader, key->name, SIZE_MAX,
                                    "must be \"api\" or \"api-group\"");
    memcpy((char *)out + key->offset, &kind, sizeof(kind));
    return 0;
}

int clientid__read_tier_status(struct clientid__reader *reader, const struct clientid__key *key,
                               const json_t *value, void *out)
{
    const char *text = json_string_value(value);
    uint32_t status = 0;

    if (text != NULL && strcmp(text, "ACTIVE") == 0)
        status = CLIENTID_TIER_ACTIVE;
    /* Newer Terraform documentation of Anypoint says INACTIVE. */
    if (text != NULL && (strcmp(text, "DEPRECATED") == 0 || strcmp(text, "INACTIVE") == 0))
        status = CLIENTID_TIER_DEPRECATED;
    if (status == 0)
        return clientid__json_wrong(reader, key->name, SIZE_MAX,
                                    "must be \"ACTIVE\" or \"DEPRECATED\"");
    memcpy((char *)out + key->offset, &status, sizeof(status));
    return 0;
}

static int read_limit(struct clientid__reader *reader, const json_t *value, clientid_limit *out)
{
    static const struct clientid__key keys[] = {
        {.name = "visible",
         .type = CLIENTID__KEY_FLAG,
         .bit = 1,
         .offset = offsetof(clientid_limit, visible)},
        {.name = "maximumRequests",
         .type = CLIENTID__KEY_NUMBER,
         .bit = 2,
         .offset = offsetof(clientid_limit, maximum_requests)},
        {.name = "timePeriodInMilliseconds",
         .type = CLIENTID__KEY_NUMBER,
         .bit = 4,
         .offset = offsetof(clientid_limit, period_ms)},
    };
    unsigned fields = 0;
    int rc;

    out->visible = 1;
    rc = clientid__json_read(reader, value, keys, COUNT(keys), out, &fields);
    if (rc == 0 && (fields & 6) != 6)
        return clientid__json_wrong(reader,
                                    fields & 2 ? "timePeriodInMilliseconds" : "maximumRequests",
                                    SIZE_MAX, "is missing");
    return rc;
}

int clientid__read_limits(struct clientid__reader *reader, const struct clientid__key *key,
                          const json_t *value, void *out)
{
    clientid_tier_record *record = out;
    size_t count = json_array_size(value);
    char at[sizeof(reader->error->pointer)];
    clientid_limit *limits;

    if (!json_is_array(value))
        return clientid__json_wrong(reader, key->name, SIZE_MAX, "must be an array of objects");
    limits = clientid__json_block(reader, count, sizeof(*limits));
    if (limits == NULL)
        return clientid__fail(reader->error, CLIENTID_ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < count; i++) {
        const json_t *element = json_array_get(value, i);
        struct clientid__reader inner = {reader->json, at, reader->error};
        int rc;

        snprintf(at, sizeof(at), "%s/%s/%zu", reader->at, key->name, i);
        if (!json_is_object(element))
            return clientid__json_wrong(reader, key->name, i, "must be an object");
        rc = read_limit(&inner, element, &limits[i]);
        if (rc != 0)
            return rc;
    }
    record->limits = limits;
    record->limit_count = count;
    return 0;
}

#define IGNORED CLIENTID__KEY_IGNORE
#define FIELD   CLIENTID__KEY_FIELD
#define OTHER   CLIENTID__KEY_READ
#define TEXTS(key, field_bit, record, member, count_member)                                        \
    {                                                                                              \
        .name = (key), .type = CLIENTID__KEY_TEXTS, .bit = (field_bit),                            \
        .offset = offsetof(record, member), .count_offset = offsetof(record, count_member)         \
    }
int clientid_api_from_json(clientid_str text, clientid_api_record *out, unsigned *fields,
                           clientid_json **json, clientid_error *error)
{
#define API(key, bit, member) FIELD(key, CLIENTID__KEY_TEXT, bit, clientid_api_record, member)
    static const struct clientid__key keys[] = {
        API("name", CLIENTID_API_NAME, name),
        API("assetId", CLIENTID_API_ASSET, asset),
        API("version", CLIENTID_API_VERSION, version),
        API("terms", CLIENTID_API_TERMS, terms),
        OTHER("clientProvider", CLIENTID_API_PROVIDER, clientid_api_record, provider,
              clientid__read_provider),
        OTHER("instanceType", 0, clientid_api_record, kind, clientid__read_api_kind),
        TEXTS("members", CLIENTID_API_MEMBERS, clientid_api_record, members, member_count),
        IGNORED("id"),
        IGNORED("audit"),
        IGNORED("organizationId"),
        IGNORED("environmentId"),
        IGNORED("masterOrganizationId"),
    };
#undef API

    if (out == NULL || fields == NULL || json == NULL)
        return clientid__bad_argument(error);
    *out = (clientid_api_record){.size = sizeof(*out), .kind = CLIENTID_API_INSTANCE};
    return clientid__json_record(text, keys, COUNT(keys), out, fields, json, error);
}

int clientid_tier_from_json(clientid_str text, clientid_tier_record *out, unsigned *fields,
                            clientid_json **json, clientid_error *error)
{
    static const struct clientid__key keys[] = {
        FIELD("name", CLIENTID__KEY_TEXT, CLIENTID_TIER_NAME, clientid_tier_record, name),
        FIELD("description", CLIENTID__KEY_TEXT, CLIENTID_TIER_DESCRIPTION, clientid_tier_record,
              description),
        FIELD("autoApprove", CLIENTID__KEY_FLAG, CLIENTID_TIER_AUTO_APPROVE, clientid_tier_record,
              auto_approve),
        OTHER("status", CLIENTID_TIER_STATUS, clientid_tier_record, status,
              clientid__read_tier_status),
        OTHER("limits", CLIENTID_TIER_LIMITS, clientid_tier_record, limits, clientid__read_limits),
        FIELD("apiId", CLIENTID__KEY_NUMBER, 0, clientid_tier_record, api_id),
        IGNORED("id"),
        IGNORED("apiName"),
        IGNORED("applicationCount"),
        IGNORED("audit"),
        IGNORED("organizationId"),
        IGNORED("masterOrganizationId"),
    };

    if (out == NULL || fields == NULL || json == NULL)
        return clientid__bad_argument(error);
    *out = (clientid_tier_record){.size = sizeof(*out), .status = CLIENTID_TIER_ACTIVE};
    return clientid__json_record(text, keys, COUNT(keys), out, fields, json, error);
}

int clientid_application_from_json(clientid_str text, clientid_application_record *out,
                                   unsigned *fields, clientid_str *client_secret,
                                   clientid_json **json, clientid_error *error)
{
#define APP(key, kind, bit, member) FIELD(key, kind, bit, clientid_application_record, member)
    static const struct clientid__key keys[] = {
        APP("name", CLIENTID__KEY_TEXT, CLIENTID_APPLICATION_NAME, name),
        APP("description", CLIENTID__KEY_TEXT, CLIENTID_APPLICATION_DESCRIPTION, description),
        APP("url", CLIENTID__KEY_TEXT, CLIENTID_APPLICATION_URL, url),
        APP("clientId", CLIENTID__KEY_TEXT, CLIENTID_APPLICATION_CLIENT_ID, client_id),
        APP("apiEndpoints", CLIENTID__KEY_FLAG, CLIENTID_APPLICATION_API_ENDPOINTS, api_endpoints),
        OTHER("clientProvider", CLIENTID_APPLICATION_PROVIDER, clientid_application_record,
              provider, clientid__read_provider),
        TEXTS("redirectUri", CLIENTID_APPLICATION_REDIRECT_URIS, clientid_application_record,
              redirect_uris, redirect_uri_count),
        TEXTS("grantTypes", CLIENTID_APPLICATION_GRANT_TYPES, clientid_application_record,
              grant_types, grant_type_count),
        TEXTS("owners", 0, clientid_application_record, owners, owner_count),
        IGNORED("clientSecret"),
        IGNORED("id"),
        IGNORED("secrets"),
        IGNORED("contractCount"),
        IGNORED("audit"),
        IGNORED("masterOrganizationId"),
    };
#undef APP
    int rc;

    if (client_secret != NULL)
        *client_secret = (clientid_str){NULL, 0};
    if (out == NULL || fields == NULL || json == NULL)
        return clientid__bad_argument(error);
    *out = (clientid_application_record){.size = sizeof(*out)};
    rc = clientid__json_record(text, keys, COUNT(keys), out, fields, json, error);
    if (rc != 0 || client_secret == NULL)
        return rc;
    rc = clientid__json_secret(*json, "clientSecret", client_secret, error);
    if (rc != 0) {
        clientid_json_del(*json);
        *json = NULL;
    }
    return rc;
}
