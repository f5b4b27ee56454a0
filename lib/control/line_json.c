/* SPDX-License-Identifier: Apache-2.0 */
/* What an export writes, this reads; records that people write may leave out what has a natural default. */
#include "control/line_json.h"

#include "base/error.h"
#include "base/str.h"

#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define KEY(key, kind, field_bit, record, member)                                                  \
    {                                                                                              \
        .name = (key), .type = (kind), .bit = (field_bit), .offset = offsetof(record, member)      \
    }
#define TEXTS(key, record, member, count_member)                                                   \
    {                                                                                              \
        .name = (key), .type = CLIENTID__KEY_TEXTS, .offset = offsetof(record, member),            \
        .count_offset = offsetof(record, count_member)                                             \
    }
#define OTHER(key, field_bit, record, member, function)                                            \
    {                                                                                              \
        .name = (key), .type = CLIENTID__KEY_OTHER, .bit = (field_bit),                            \
        .offset = offsetof(record, member), .read = (function)                                     \
    }

static int missing(struct clientid__reader *reader, const char *key)
{
    return clientid__json_wrong(reader, key, SIZE_MAX, "is missing");
}

/* ---- APIs and tiers -------------------------------------------------------------------------- */

int clientid__api_line(struct clientid__reader *reader, clientid_api_record *out)
{
#define API(key, kind, member) KEY(key, CLIENTID__KEY_##kind, 0, clientid_api_record, member)
    static const struct clientid__key keys[] = {
        API("id", NUMBER, id),
        API("name", TEXT, name),
        API("assetId", TEXT, asset),
        API("version", TEXT, version),
        API("terms", TEXT, terms),
        API("created", TIME, created_ns),
        API("updated", TIME, updated_ns),
        OTHER("clientProvider", 0, clientid_api_record, provider, clientid__read_provider),
        OTHER("instanceType", 0, clientid_api_record, kind, clientid__read_api_kind),
        TEXTS("members", clientid_api_record, members, member_count),
    };
#undef API
    unsigned fields = 0;

    *out = (clientid_api_record){.size = sizeof(*out), .kind = CLIENTID_API_INSTANCE};
    return clientid__json_read(reader, reader->json->root, keys, COUNT(keys), out, &fields);
}

int clientid__tier_line(struct clientid__reader *reader, clientid_tier_record *out)
{
#define TIER(key, kind, member) KEY(key, CLIENTID__KEY_##kind, 0, clientid_tier_record, member)
    static const struct clientid__key keys[] = {
        TIER("id", NUMBER, id),
        TIER("api", TEXT, api_name),
        TIER("name", TEXT, name),
        TIER("description", TEXT, description),
        TIER("autoApprove", FLAG, auto_approve),
        TIER("created", TIME, created_ns),
        TIER("updated", TIME, updated_ns),
        OTHER("status", 0, clientid_tier_record, status, clientid__read_tier_status),
        OTHER("limits", 0, clientid_tier_record, limits, clientid__read_limits),
    };
#undef TIER
    unsigned fields = 0;

    *out = (clientid_tier_record){.size = sizeof(*out), .status = CLIENTID_TIER_ACTIVE};
    return clientid__json_read(reader, reader->json->root, keys, COUNT(keys), out, &fields);
}

/* ---- contracts ------------------------------------------------------------------------------- */

static int read_status(struct clientid__reader *reader, const struct clientid__key *key,
                       const json_t *value, void *out)
{
    const char *text = json_string_value(value);
    uint32_t status = 0;

    for (uint32_t s = CLIENTID_PENDING; s <= CLIENTID_REVOKED && text != NULL; s++)
        if (strcmp(text, clientid_contract_status_label((clientid_contract_status)s)) == 0)
            status = s;
    if (status == 0)
        return clientid__json_wrong(reader, key->name, SIZE_MAX,
                                    "must be PENDING, APPROVED, REJECTED or REVOKED");
    memcpy((char *)out + key->offset, &status, sizeof(status));
    return 0;
}

static int check_contract(struct clientid__reader *reader, const clientid_contract_record *record)
{
    const struct {
        const char *key;
        clientid_str value;
        size_t max;
        enum clientid__field kind;
    } rows[] = {
        {"/terms", record->terms, CLIENTID_TEXT_MAX, CLIENTID__FIELD_TEXT},
        {"/reason", record->reason, (size_t)CLIENTID_REASON_TEXT_MAX * 4, CLIENTID__FIELD_TEXT},
        {"/partyId", record->party_id, CLIENTID_NAME_MAX, CLIENTID__FIELD_NAME},
        {"/partyName", record->party_name, CLIENTID_NAME_MAX, CLIENTID__FIELD_NAME},
    };
    int rc = 0;

    for (size_t i = 0; i < COUNT(rows) && rc == 0; i++)
        rc = clientid__check_field(reader->error, rows[i].key, rows[i].value, 0, rows[i].max,
                                   rows[i].kind);
    if (rc == 0 && clientid__characters(record->reason) > CLIENTID_REASON_TEXT_MAX)
        return clientid__json_wrong(reader, "reason", SIZE_MAX, "is too long");
    return rc;
}

int clientid__contract_line(struct clientid__reader *reader, clientid_contract_record *out)
{
#define CON(key, kind, member) KEY(key, CLIENTID__KEY_##kind, 0, clientid_contract_record, member)
    static const struct clientid__key keys[] = {
        CON("id", NUMBER, id),
        CON("api", TEXT, api_name),
        CON("clientId", TEXT, client_id),
        CON("tier", TEXT, tier_name),
        CON("requestedTier", TEXT, requested_tier_name),
        CON("terms", TEXT, terms),
        CON("reason", TEXT, reason),
        CON("partyId", TEXT, party_id),
        CON("partyName", TEXT, party_name),
        CON("created", TIME, created_ns),
        CON("updated", TIME, updated_ns),
        CON("approved", TIME, approved_ns),
        CON("rejected", TIME, rejected_ns),
        CON("revoked", TIME, revoked_ns),
        OTHER("status", 0, clientid_contract_record, status, read_status),
    };
#undef CON
    unsigned fields = 0;
    int rc;

    *out = (clientid_contract_record){.size = sizeof(*out), .status = CLIENTID_APPROVED};
    rc = clientid__json_read(reader, reader->json->root, keys, COUNT(keys), out, &fields);
    return rc != 0 ? rc : check_contract(reader, out);
}

/* ---- applications ---------------------------------------------------------------------------- */

struct slot_line {
    clientid_str hash, salt;
    uint64_t pepper_id, not_before_ns, not_after_ns;
};

/* A stored secret: as salted SHA-256, or as HMAC when a pepper is named. */
static int make_slot(struct clientid__reader *reader, const char *key, const struct slot_line *line,
                     clientid_secret *out)
{
    size_t hash_len, salt_len;

    *out = (clientid_secret){
        .algorithm = line->pepper_id != 0 ? CLIENTID_SECRET_HMAC_SHA256 : CLIENTID_SECRET_SHA256,
        .pepper_id = (uint32_t)line->pepper_id,
        .not_before_ns = line->not_before_ns,
        .not_after_ns = line->not_after_ns,
    };
    if (line->pepper_id > UINT32_MAX)
        return clientid__json_wrong(reader, key, SIZE_MAX, "names no pepper");
    if (!clientid__hex_decode(line->hash, out->hash, sizeof(out->hash), &hash_len) ||
        hash_len != sizeof(out->hash))
        return clientid__json_wrong(reader, key, SIZE_MAX, "must have 64 hexadecimal digits");
    if (!clientid__hex_decode(line->salt, out->salt, sizeof(out->salt), &salt_len))
        return clientid__json_wrong(reader, key, SIZE_MAX,
                                    "must have a salt of at most 64 hexadecimal digits");
    out->salt_len = (uint32_t)salt_len;
    return 0;
}

static int read_slot(struct clientid__reader *reader, const struct clientid__key *key,
                     const json_t *value, void *out)
{
#define SLOT(key, kind, bit, member) KEY(key, CLIENTID__KEY_##kind, bit, struct slot_line, member)
    static const struct clientid__key keys[] = {
        SLOT("hash", TEXT, 1, hash),
        SLOT("salt", TEXT, 0, salt),
        SLOT("pepperId", NUMBER, 0, pepper_id),
        SLOT("notBefore", TIME, 0, not_before_ns),
        SLOT("notAfter", TIME, 0, not_after_ns),
    };
#undef SLOT
    char at[sizeof(reader->error->pointer)];
    struct clientid__reader inner = {reader->json, at, reader->error};
    struct slot_line line = {.pepper_id = 0};
    clientid_secret slot;
    unsigned fields = 0;
    int rc;

    snprintf(at, sizeof(at), "%s/%s", reader->at, key->name);
    if (!json_is_object(value))
        return clientid__json_wrong(reader, key->name, SIZE_MAX, "must be an object");
    rc = clientid__json_read(&inner, value, keys, COUNT(keys), &line, &fields);
    if (rc == 0 && fields == 0)
        return missing(&inner, "hash");
    if (rc == 0)
        rc = make_slot(&inner, "hash", &line, &slot);
    if (rc == 0)
        memcpy((char *)out + key->offset, &slot, sizeof(slot));
    return rc;
}

enum { ID = 1, SECRET = 2, HASH = 4, SLOTS = 8, LOAD = 16 };

/* One way to give a secret, and none of the keys of a load in an import. */
static int check_application(struct clientid__reader *reader,
                             struct clientid__application_line *line, unsigned fields,
                             enum clientid__line kind)
{
    unsigned ways = !!(fields & SECRET) + !!(fields & HASH) + !!(fields & SLOTS);

    if (!(fields & ID))
        return missing(reader, "clientId");
    if (kind == CLIENTID__LINE_IMPORT && (fields & LOAD))
        return clientid__json_wrong(reader, "api", SIZE_MAX,
                                    "belongs to a load; here contracts are records of their own");
    if (line->api.len == 0 && (line->tier.len > 0 || line->status != 0))
        return missing(reader, "api");
    if (line->status > CLIENTID_APPROVED)
        return clientid__json_wrong(reader, "status", SIZE_MAX, "must be PENDING or APPROVED");
    if (ways > 1)
        return clientid__json_wrong(reader, fields & SECRET ? "clientSecret" : "clientSecretHash",
                                    SIZE_MAX, "is there beside another form of the secret");
    if (line->newest > 2)
        return clientid__json_wrong(reader, "newestSecret", SIZE_MAX, "must be 1 or 2");
    line->record.newest_slot = (uint32_t)line->newest;
    if (fields & HASH) {
        const struct slot_line slot = {.hash = line->hash, .salt = line->salt};

        return make_slot(reader, "clientSecretHash", &slot, &line->record.secrets[0]);
    }
    return 0;
}

int clientid__application_line(struct clientid__reader *reader,
                               struct clientid__application_line *out, enum clientid__line kind)
{
#define APP(key, kind, bit, member)                                                                \
    KEY(key, CLIENTID__KEY_##kind, bit, struct clientid__application_line, member)
    static const struct clientid__key keys[] = {
        APP("clientId", TEXT, ID, record.client_id),
        APP("name", TEXT, 0, record.name),
        APP("clientSecret", TEXT, SECRET, client_secret),
        APP("clientSecretHash", TEXT, HASH, hash),
        APP("clientSecretSalt", TEXT, 0, salt),
        APP("api", TEXT, LOAD, api),
        APP("tier", TEXT, LOAD, tier),
        OTHER("status", LOAD, struct clientid__application_line, status, read_status),
        APP("id", NUMBER, 0, record.id),
        APP("description", TEXT, 0, record.description),
        APP("url", TEXT, 0, record.url),
        APP("apiEndpoints", FLAG, 0, record.api_endpoints),
        APP("newestSecret", NUMBER, 0, newest),
        APP("created", TIME, 0, record.created_ns),
        APP("updated", TIME, 0, record.updated_ns),
        OTHER("clientProvider", 0, struct clientid__application_line, record.provider,
              clientid__read_provider),
        OTHER("secret1", SLOTS, struct clientid__application_line, record.secrets[0], read_slot),
        OTHER("secret2", SLOTS, struct clientid__application_line, record.secrets[1], read_slot),
        TEXTS("redirectUri", struct clientid__application_line, record.redirect_uris,
              record.redirect_uri_count),
        TEXTS("grantTypes", struct clientid__application_line, record.grant_types,
              record.grant_type_count),
        TEXTS("owners", struct clientid__application_line, record.owners, record.owner_count),
    };
#undef APP
    unsigned fields = 0;
    int rc;

    *out = (struct clientid__application_line){.record = {.size = sizeof(out->record)}};
    rc = clientid__json_read(reader, reader->json->root, keys, COUNT(keys), out, &fields);
    return rc != 0 ? rc : check_application(reader, out, fields, kind);
}

/* ---- errors ---------------------------------------------------------------------------------- */

void clientid__error_within(clientid_error *error, int rc, const char *at)
{
    char inner[sizeof(error->pointer)];

    if (rc == 0 || error == NULL || strncmp(error->pointer, at, strlen(at)) == 0)
        return;
    memcpy(inner, error->pointer, sizeof(inner));
    snprintf(error->pointer, sizeof(error->pointer), "%.63s%.60s", at, inner);
}
