/* SPDX-License-Identifier: Apache-2.0 */
/* Of a gateway's answer nothing is kept that is not one of the vendor's credentials, key by key. */
#include "control/gateway_event.h"
#include "control/object_json.h"

#include "base/error.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

#define BODY_MAX 65536 /* bytes */
#define TEXT_MAX 8192  /* bytes of a key or token */
#define LIST_MAX 64    /* URIs, scopes, claims */

/* ---- values ---------------------------------------------------------------------------------- */

enum kind { TEXT, TEXT_OR_NULL, NUMBER, TEXTS, CLAIMSETS, CLAIMS };

struct key {
    const char *name;
    enum kind kind;
    bool needed;
};

static int check_object(struct clientid__reader *reader, const json_t *object,
                        const struct key *keys, size_t count);

static int wrong(struct clientid__reader *reader, const char *key, size_t index,
                 const char *sentence)
{
    return clientid__json_wrong(reader, key, index, sentence);
}

static int check_text(struct clientid__reader *reader, const char *key, size_t index,
                      const json_t *value, bool needed)
{
    if (!json_is_string(value))
        return wrong(reader, key, index, "must be a string");
    if (json_string_length(value) > TEXT_MAX)
        return wrong(reader, key, index, "is longer than 8192 bytes");
    if (needed && json_string_length(value) == 0)
        return wrong(reader, key, index, "must not be empty");
    return 0;
}

static int check_texts(struct clientid__reader *reader, const char *key, const json_t *value)
{
    int rc = 0;

    if (json_is_null(value))
        return 0;
    if (!json_is_array(value))
        return wrong(reader, key, SIZE_MAX, "must be an array of strings");
    if (json_array_size(value) > LIST_MAX)
        return wrong(reader, key, SIZE_MAX, "has more than 64 elements");
    for (size_t i = 0; i < json_array_size(value) && rc == 0; i++)
        rc = check_text(reader, key, i, json_array_get(value, i), false);
    return rc;
}

/* Claim sets hold claims and no claim holds anything, so this ends. */
static int check_objects(struct clientid__reader *reader, const char *key, const json_t *value,
                         enum kind kind)
{
    static const struct key claimset[] = {{"name", TEXT, true}, {"claims", CLAIMS, false}};
    static const struct key claim[] = {{"key", TEXT, true}, {"value", TEXT_OR_NULL, false}};
    const char *outer = reader->at;
    char at[sizeof(reader->error->pointer)];
    int rc = 0;

    if (json_is_null(value))
        return 0;
    if (!json_is_array(value))
        return wrong(reader, key, SIZE_MAX, "must be an array of objects");
    if (json_array_size(value) > LIST_MAX)
        return wrong(reader, key, SIZE_MAX, "has more than 64 elements");
    for (size_t i = 0; i < json_array_size(value) && rc == 0; i++) {
        if (!json_is_object(json_array_get(value, i)))
            return wrong(reader, key, i, "must be an object");
        snprintf(at, sizeof(at), "%s/%s/%zu", outer, key, i);
        reader->at = at;
        rc =
            check_object(reader, json_array_get(value, i), kind == CLAIMSETS ? claimset : claim, 2);
        reader->at = outer;
    }
    return rc;
}

static int check_number(struct clientid__reader *reader, const char *key, const json_t *value)
{
    /* -1 is "without end" with the vendor's gateway. */
    if (!json_is_integer(value) || json_integer_value(value) < -1 ||
        json_integer_value(value) > INT32_MAX)
        return wrong(reader, key, SIZE_MAX, "must be a whole number from -1 to 2147483647");
    return 0;
}

static int check_value(struct clientid__reader *reader, const struct key *key, const json_t *value)
{
    switch (key->kind) {
    case TEXT_OR_NULL:
        return json_is_null(value) ? 0 : check_text(reader, key->name, SIZE_MAX, value, false);
    case NUMBER:
        return check_number(reader, key->name, value);
    case TEXTS:
        return check_texts(reader, key->name, value);
    case CLAIMSETS:
    case CLAIMS:
        return check_objects(reader, key->name, value, key->kind);
    case TEXT:
    default:
        return check_text(reader, key->name, SIZE_MAX, value, key->needed);
    }
}

static int check_object(struct clientid__reader *reader, const json_t *object,
                        const struct key *keys, size_t count)
{
    /* jansson iterates over objects that are not const; nothing is changed. */
    json_t *mutable = (json_t *)(uintptr_t)object;
    const char *name;
    json_t *value;

    json_object_foreach(mutable, name, value)
    {
        size_t i = 0;
        int rc;

        while (i < count && strcmp(keys[i].name, name) != 0)
            i++;
        if (i == count)
            return wrong(reader, name, SIZE_MAX, "is not a known key");
        rc = check_value(reader, &keys[i], value);
        if (rc != 0)
            return rc;
    }
    for (size_t i = 0; i < count; i++)
        if (keys[i].needed && json_object_get(object, keys[i].name) == NULL)
            return wrong(reader, keys[i].name, SIZE_MAX, "is missing");
    return 0;
}

/* ---- credentials ----------------------------------------------------------------------------- */

static const struct key api_key[] = {
    {"type", TEXT, true},
    {"apiKey", TEXT, true},
    {"expiry", TEXT_OR_NULL, false},
};
static const struct key oauth2[] = {
    {"type", TEXT, true},
    {"clientId", TEXT, true},
    {"clientSecret", TEXT_OR_NULL, false},
    {"scopes", TEXTS, false},
    {"tokenLifeTime", NUMBER, false},
    {"tokenRefreshLimit", NUMBER, false},
    {"authorizationUris", TEXTS, false},
    {"accessTokenUris", TEXTS, false},
    {"redirectUris", TEXTS, false},
    {"refreshTokenUris", TEXTS, false},
};
static const struct key jwt[] = {
    {"type", TEXT, true},
    {"claimsets", CLAIMSETS, false},
    {"accesstoken_uris", TEXTS, false},
};

static const struct {
    const char *type;
    const struct key *keys;
    size_t count;
} types[] = {
    {"APIKey", api_key, COUNT(api_key)},
    {"OAuth2", oauth2, COUNT(oauth2)},
    {"JWT", jwt, COUNT(jwt)},
};

static int check_credential(struct clientid__reader *reader, const json_t *value)
{
    const char *type = json_string_value(json_object_get(value, "type"));

    for (size_t i = 0; i < COUNT(types) && type != NULL; i++)
        if (strcmp(type, types[i].type) == 0)
            return check_object(reader, value, types[i].keys, types[i].count);
    return wrong(reader, "type", SIZE_MAX, "must be \"APIKey\", \"OAuth2\" or \"JWT\"");
}

static char *text_of(const json_t *value)
{
    size_t size = json_dumpb(value, NULL, 0, JSON_COMPACT);
    char *text = malloc(size + 1);

    if (text != NULL) {
        json_dumpb(value, text, size, JSON_COMPACT);
        text[size] = '\0';
    }
    return text;
}

static int read_credentials(struct clientid__reader *reader, const struct clientid__key *key,
                            const json_t *value, void *sink)
{
    struct clientid__answer *out = sink;
    char at[sizeof(reader->error->pointer)];
    struct clientid__reader inner = {reader->json, at, reader->error};

    if (!json_is_array(value))
        return wrong(reader, key->name, SIZE_MAX, "must be an array of objects");
    if (json_array_size(value) > CLIENTID_CREDENTIALS_MAX)
        return wrong(reader, key->name, SIZE_MAX, "has more than 16 elements");
    out->has_credentials = true;
    for (size_t i = 0; i < json_array_size(value); i++) {
        const json_t *element = json_array_get(value, i);
        int rc;

        snprintf(at, sizeof(at), "%s/%s/%zu", reader->at, key->name, i);
        if (!json_is_object(element))
            return wrong(reader, key->name, i, "must be an object");
        rc = check_credential(&inner, element);
        if (rc != 0)
            return rc;
        out->texts[i] = text_of(element);
        if (out->texts[i] == NULL)
            return clientid__fail(reader->error, CLIENTID_ERR_NOMEM, "out of memory");
        out->count = i + 1;
    }
    return 0;
}

/* ---- the answer ------------------------------------------------------------------------------ */

void clientid__answer_clear(struct clientid__answer *answer)
{
    for (size_t i = 0; i < answer->count; i++)
        clientid_json_free(answer->texts[i]);
    *answer = (struct clientid__answer){.count = 0};
}

#define IGNORED(key)                                                                               \
    {                                                                                              \
        .name = (key), .type = CLIENTID__KEY_IGNORED                                               \
    }

/* The vendor's documentation sends name and credentials, or the whole application; ours to say is all the rest. */
int clientid__answer_read(clientid_str body, struct clientid__answer *out, clientid_error *error)
{
    static const struct clientid__key keys[] = {
        {.name = "credentials", .type = CLIENTID__KEY_OTHER, .bit = 1, .read = read_credentials},
        IGNORED("name"),
        IGNORED("owner"),
        IGNORED("id"),
        IGNORED("documentType"),
        IGNORED("providerRef"),
        IGNORED("access"),
        IGNORED("apis"),
        IGNORED("status"),
        IGNORED("slots"),
        IGNORED("deleted"),
        IGNORED("description"),
        IGNORED("summary"),
        IGNORED("externalRefKey"),
        IGNORED("app_type"),
        IGNORED("created"),
        IGNORED("modified"),
    };
    clientid_error own;
    struct clientid__reader reader = {NULL, "", error != NULL ? error : &own};
    unsigned fields = 0;
    int rc;

    *out = (struct clientid__answer){.count = 0};
    if (body.len == 0)
        return 0;
    if (body.len > BODY_MAX)
        return clientid__fail(error, CLIENTID_ERR_SYNTAX, "is longer than %d bytes", BODY_MAX);
    rc = clientid__json_parse(body, &reader.json, error);
    if (rc != 0)
        return rc;
    rc = clientid__json_read(&reader, reader.json->root, keys, COUNT(keys), out, &fields);
    clientid_json_del(reader.json);
    if (rc != 0)
        clientid__answer_clear(out);
    return rc;
}
