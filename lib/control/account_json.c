/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Users and Connected Apps in the words of Anypoint's Access Management, with a few keys of ours beside them ("role",
 * "identityType", "owner_username").  No secret is ever written.
 */
#include "control/object_json.h"

#include "base/error.h"
#include "base/str.h"

#include <stddef.h>
#include <stdio.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static const char *const identities[] = {
    [CLIENTID_IDENTITY_PASSWORD] = "password",
    [CLIENTID_IDENTITY_SAML] = "saml",
    [CLIENTID_IDENTITY_OPENID] = "openid",
};

/* ---- writing --------------------------------------------------------------------------------- */

int clientid_user_to_json(const clientid_user_record *record, char **text, clientid_error *error)
{
    struct clientid__writer w;

    if (record == NULL || text == NULL)
        return clientid__bad_argument(error);
    w = clientid__writer_begin();
    clientid__put_number(&w, "id", record->id);
    clientid__put_text(&w, "username", record->name);
    clientid__put_text(&w, "firstName", record->first_name);
    clientid__put_text(&w, "lastName", record->last_name);
    clientid__put_text(&w, "email", record->email);
    clientid__put_flag(&w, "enabled", record->enabled != 0);
    clientid__put_text(&w, "role", clientid__cstr(clientid_role_label(record->role)));
    clientid__put_text(
        &w, "identityType",
        clientid__cstr(record->identity < COUNT(identities) && identities[record->identity] != NULL
                           ? identities[record->identity]
                           : "?"));
    clientid__put_time(&w, "createdAt", record->created_ns);
    clientid__put_time(&w, "updatedAt", record->updated_ns);
    return clientid__writer_end(&w, text, error);
}

static size_t scope_names(uint32_t scopes, clientid_str out[32])
{
    size_t count = 0;

    for (uint32_t bit = 1; bit != 0; bit <<= 1)
        if ((scopes & bit) != 0 && clientid_scope_name(bit) != NULL)
            out[count++] = clientid__cstr(clientid_scope_name(bit));
    return count;
}

int clientid_connected_app_to_json(const clientid_connected_app_record *record, char **text,
                                   clientid_error *error)
{
    static const clientid_str grant_types[] = {{"client_credentials", 18}};
    struct clientid__writer w;
    clientid_str scopes[32];

    if (record == NULL || text == NULL)
        return clientid__bad_argument(error);
    w = clientid__writer_begin();
    clientid__put_number(&w, "id", record->id);
    clientid__put_text(&w, "client_id", record->client_id);
    clientid__put_text(&w, "client_name", record->name);
    clientid__put_texts(&w, "grant_types", grant_types, 1);
    clientid__put_texts(&w, "redirect_uris", NULL, 0);
    clientid__put_texts(&w, "scopes", scopes, scope_names(record->scopes, scopes));
    clientid__put_number(&w, "owner_user_id", record->owner_id);
    clientid__put_text(&w, "owner_username", record->owner_name);
    clientid__put_text(&w, "audience", CLIENTID_STR("internal"));
    clientid__put_flag(&w, "enabled", record->revoked_ns == 0);
    clientid__put_number(&w, "grant_count", record->grant_count);
    clientid__put_time(&w, "created_at", record->created_ns);
    clientid__put_time(&w, "updated_at", record->updated_ns);
    clientid__put_time(&w, "revoked_at", record->revoked_ns);
    return clientid__writer_end(&w, text, error);
}

/* ---- reading --------------------------------------------------------------------------------- */

static int read_role(struct clientid__reader *reader, const struct clientid__key *key,
                     const json_t *value, void *out)
{
    const char *text = json_string_value(value);
    uint32_t role = 0;

    for (uint32_t r = CLIENTID_ROLE_ADMINISTRATOR; r <= CLIENTID_ROLE_MEMBER && text != NULL; r++)
        if (strcmp(text, clientid_role_label(r)) == 0)
            role = r;
    if (role == 0)
        return clientid__json_wrong(reader, key->name, SIZE_MAX,
                                    "must be \"Organization Administrator\", \"API Owner\" or "
                                    "\"Member\"");
    memcpy((char *)out + key->offset, &role, sizeof(role));
    return 0;
}

static int read_identity(struct clientid__reader *reader, const struct clientid__key *key,
                         const json_t *value, void *out)
{
    const char *text = json_string_value(value);
    uint32_t identity = 0;

    for (uint32_t i = CLIENTID_IDENTITY_PASSWORD; i < COUNT(identities) && text != NULL; i++)
        if (strcmp(text, identities[i]) == 0)
            identity = i;
    if (identity == 0)
        return clientid__json_wrong(reader, key->name, SIZE_MAX,
                                    "must be \"password\", \"saml\" or \"openid\"");
    memcpy((char *)out + key->offset, &identity, sizeof(identity));
    return 0;
}

int clientid_user_from_json(clientid_str text, clientid_user_record *out, unsigned *fields,
                            clientid_str *password, clientid_json **json, clientid_error *error)
{
#define USER(key, kind, bit, member)                                                               \
    CLIENTID__KEY_FIELD(key, kind, bit, clientid_user_record, member)
    static const struct clientid__key keys[] = {
        USER("username", CLIENTID__KEY_TEXT, 0, name),
        USER("email", CLIENTID__KEY_TEXT, CLIENTID_USER_EMAIL, email),
        USER("firstName", CLIENTID__KEY_TEXT, CLIENTID_USER_FIRST_NAME, first_name),
        USER("lastName", CLIENTID__KEY_TEXT, CLIENTID_USER_LAST_NAME, last_name),
        USER("enabled", CLIENTID__KEY_FLAG, CLIENTID_USER_ENABLED, enabled),
        CLIENTID__KEY_READ("role", CLIENTID_USER_ROLE, clientid_user_record, role, read_role),
        CLIENTID__KEY_READ("identityType", 0, clientid_user_record, identity, read_identity),
        CLIENTID__KEY_IGNORE("password"),
        CLIENTID__KEY_IGNORE("id"),
        CLIENTID__KEY_IGNORE("phoneNumber"),
        CLIENTID__KEY_IGNORE("organizationId"),
        CLIENTID__KEY_IGNORE("organization"),
        CLIENTID__KEY_IGNORE("createdAt"),
        CLIENTID__KEY_IGNORE("updatedAt"),
        CLIENTID__KEY_IGNORE("lastLogin"),
        CLIENTID__KEY_IGNORE("deleted"),
        CLIENTID__KEY_IGNORE("idprovider_id"),
        CLIENTID__KEY_IGNORE("type"),
    };
#undef USER
    int rc;

    if (password != NULL)
        *password = (clientid_str){NULL, 0};
    if (out == NULL || fields == NULL || json == NULL)
        return clientid__bad_argument(error);
    *out = (clientid_user_record){.size = sizeof(*out),
                                  .role = CLIENTID_ROLE_MEMBER,
                                  .identity = CLIENTID_IDENTITY_PASSWORD,
                                  .enabled = 1};
    rc = clientid__json_record(text, keys, COUNT(keys), out, fields, json, error);
    if (rc != 0 || password == NULL)
        return rc;
    rc = clientid__json_secret(*json, "password", password, error);
    if (rc != 0) {
        clientid_json_del(*json);
        *json = NULL;
    }
    return rc;
}

/* "read:client_applications", or {"scope": ..., "context_params": ...} as in Anypoint's lists of scopes. */
static int read_scopes(struct clientid__reader *reader, const struct clientid__key *key,
                       const json_t *value, void *out)
{
    uint32_t scopes = 0;

    if (!json_is_array(value))
        return clientid__json_wrong(reader, key->name, SIZE_MAX, "must be an array of scopes");
    for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *element = json_array_get(value, i);
        const json_t *name = json_is_object(element) ? json_object_get(element, "scope") : element;
        uint32_t scope = json_is_string(name) ? clientid_scope_find(clientid__json_text(name)) : 0;

        if (scope == 0)
            return clientid__json_wrong(reader, key->name, i, "is no scope");
        scopes |= scope;
    }
    memcpy((char *)out + key->offset, &scopes, sizeof(scopes));
    return 0;
}

static int read_grant_types(struct clientid__reader *reader, const struct clientid__key *key,
                            const json_t *value, void *out)
{
    (void)out;
    for (size_t i = 0; i < json_array_size(value); i++) {
        const char *type = json_string_value(json_array_get(value, i));

        if (type == NULL || strcmp(type, "client_credentials") != 0)
            return clientid__json_wrong(reader, key->name, i, "must be \"client_credentials\"");
    }
    if (!json_is_array(value))
        return clientid__json_wrong(reader, key->name, SIZE_MAX, "must be an array of texts");
    return 0;
}

int clientid_connected_app_from_json(clientid_str text, clientid_connected_app_record *out,
                                     unsigned *fields, clientid_json **json, clientid_error *error)
{
    static const struct clientid__key keys[] = {
        CLIENTID__KEY_FIELD("client_name", CLIENTID__KEY_TEXT, CLIENTID_CONNECTED_APP_NAME,
                            clientid_connected_app_record, name),
        CLIENTID__KEY_FIELD("owner_user_id", CLIENTID__KEY_NUMBER, 0, clientid_connected_app_record,
                            owner_id),
        CLIENTID__KEY_READ("scopes", CLIENTID_CONNECTED_APP_SCOPES, clientid_connected_app_record,
                           scopes, read_scopes),
        CLIENTID__KEY_READ("grant_types", 0, clientid_connected_app_record, scopes,
                           read_grant_types),
        CLIENTID__KEY_IGNORE("id"),
        CLIENTID__KEY_IGNORE("client_id"),
        CLIENTID__KEY_IGNORE("client_secret"),
        CLIENTID__KEY_IGNORE("enabled"),
        CLIENTID__KEY_IGNORE("audience"),
        CLIENTID__KEY_IGNORE("owner_org_id"),
        CLIENTID__KEY_IGNORE("org_id"),
        CLIENTID__KEY_IGNORE("owner_username"),
        CLIENTID__KEY_IGNORE("redirect_uris"),
        CLIENTID__KEY_IGNORE("public_keys"),
        CLIENTID__KEY_IGNORE("client_uri"),
        CLIENTID__KEY_IGNORE("policy_uri"),
        CLIENTID__KEY_IGNORE("tos_uri"),
        CLIENTID__KEY_IGNORE("generate_iss_claim_without_token"),
        CLIENTID__KEY_IGNORE("cert_expiry"),
        CLIENTID__KEY_IGNORE("grant_count"),
        CLIENTID__KEY_IGNORE("created_at"),
        CLIENTID__KEY_IGNORE("updated_at"),
        CLIENTID__KEY_IGNORE("revoked_at"),
    };

    if (out == NULL || fields == NULL || json == NULL)
        return clientid__bad_argument(error);
    *out = (clientid_connected_app_record){.size = sizeof(*out)};
    return clientid__json_record(text, keys, COUNT(keys), out, fields, json, error);
}
