/* SPDX-License-Identifier: Apache-2.0 */
/* A key is read by exactly one row of a table here; any other key is an error with its JSON pointer. */
#include "settings.h"

#include <ctype.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

struct reader {
    clientid_error *error;
    const char *key;    /* being read */
    const char *parent; /* of it, "" at the top */
};

struct field {
    const char *key;
    int (*read)(const struct reader *reader, const json_t *value, void *into);
    size_t offset;
};

#define COUNT(array) (sizeof(array) / sizeof((array)[0]))

static int refuse(const struct reader *reader, int code, const char *text)
{
    clientid_error *error = reader->error;
    error->code = code;
    (void)snprintf(error->pointer, sizeof error->pointer, "%s%s%s", reader->parent,
                   reader->key != NULL ? "/" : "", reader->key != NULL ? reader->key : "");
    (void)snprintf(error->text, sizeof error->text, "%s", text);
    return code;
}

static int invalid(const struct reader *reader, const char *text)
{
    return refuse(reader, CLIENTID_ERR_CONFIG, text);
}

static int read_object(const struct reader *reader, const json_t *value, const struct field *fields,
                       size_t count, void *into)
{
    if (!json_is_object(value))
        return invalid(reader, "must be an object");
    for (void *at = json_object_iter((json_t *)(uintptr_t)value); at != NULL;
         at = json_object_iter_next((json_t *)(uintptr_t)value, at)) {
        struct reader inner = {reader->error, json_object_iter_key(at), reader->parent};
        char parent[64];
        if (reader->key != NULL) {
            (void)snprintf(parent, sizeof parent, "/%s", reader->key);
            inner.parent = parent;
        }
        size_t i = 0;
        while (i < count && strcmp(fields[i].key, inner.key) != 0)
            i++;
        if (i == count)
            return invalid(&inner, "unknown key");
        int rv =
            fields[i].read(&inner, json_object_iter_value(at), (char *)into + fields[i].offset);
        if (rv < 0)
            return rv;
    }
    return 0;
}

/* ---- values ---------------------------------------------------------------------------------- */

static int keep(const struct reader *reader, char **out, const char *text)
{
    char *copy = text != NULL ? strdup(text) : NULL;
    if (text != NULL && copy == NULL)
        return refuse(reader, CLIENTID_ERR_NOMEM, "out of memory");
    free(*out);
    *out = copy;
    return 0;
}

static int read_text(const struct reader *reader, const json_t *value, void *into)
{
    const char *text = json_string_value(value);
    if (text == NULL || text[0] == '\0' || strlen(text) != json_string_length(value))
        return invalid(reader, "must be a string that is not empty");
    return keep(reader, into, text);
}

static int read_text_or_null(const struct reader *reader, const json_t *value, void *into)
{
    return json_is_null(value) ? keep(reader, into, NULL) : read_text(reader, value, into);
}

static int read_api(const struct reader *reader, const json_t *value, void *into)
{
    const char *text = json_string_value(value);
    if (json_is_null(value) || (text != NULL && strcmp(text, "off") == 0))
        return keep(reader, into, NULL);
    return read_text(reader, value, into);
}

static int read_mode(const struct reader *reader, const json_t *value, void *into)
{
    const char *text = json_is_string(value) ? json_string_value(value) : "";
    bool shadow = strcmp(text, "shadow") == 0;
    if (!shadow && strcmp(text, "enforce") != 0)
        return invalid(reader, "must be \"enforce\" or \"shadow\"");
    *(enum mode *)into = shadow ? MODE_SHADOW : MODE_ENFORCE;
    return 0;
}

static int read_path(const struct reader *reader, const json_t *value, void *into)
{
    const char *text = json_is_string(value) ? json_string_value(value) : "";
    if (text[0] != '/' || strchr(text, '?') != NULL)
        return invalid(reader, "must be a path that begins with \"/\", without query");
    return read_text(reader, value, into);
}

/* A Struct brings every number as a double. */
static int read_bytes(const struct reader *reader, const json_t *value, void *into)
{
    double number = json_number_value(value);
    if (!json_is_number(value) || number < 1024 || number > 1 << 24 ||
        number != (double)(size_t)number)
        return invalid(reader, "must be a whole number from 1024 to 16777216");
    *(size_t *)into = (size_t)number;
    return 0;
}

static bool is_reserved(const char *name)
{
    static const char *const names[] = {"host",       "content-length", "transfer-encoding",
                                        "connection", "expect",         "te"};
    for (size_t i = 0; i < COUNT(names); i++) {
        if (strcmp(name, names[i]) == 0)
            return true;
    }
    return false;
}

static int read_header_name(const struct reader *reader, const json_t *value, void *into)
{
    if (json_is_null(value))
        return keep(reader, into, NULL);
    char name[IDENTITY_NAME_BYTES] = "";
    size_t len = json_string_length(value);
    for (size_t i = 0; i < len && len < sizeof name; i++)
        name[i] = (char)tolower((unsigned char)json_string_value(value)[i]);
    if (name[0] == '\0' ||
        strspn(name, "!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz") != len ||
        is_reserved(name))
        return invalid(reader, "must be the name of a header that can carry an identity, or null");
    return keep(reader, into, name);
}

static int read_identity(const struct reader *reader, const json_t *value, void *into)
{
    static const struct field fields[] = {
        {"id", read_header_name, IDENTITY_ID * sizeof(char *)},
        {"name", read_header_name, IDENTITY_NAME * sizeof(char *)},
        {"tier", read_header_name, IDENTITY_TIER * sizeof(char *)},
    };
    return read_object(reader, value, fields, COUNT(fields), into);
}

/* ---- the whole ------------------------------------------------------------------------------- */

static int load(json_t **out, clientid_str text, clientid_error *error)
{
    json_error_t json;
    *out = json_loadb(text.ptr, text.len, JSON_REJECT_DUPLICATES, &json);
    if (*out != NULL)
        return 0;
    error->code = CLIENTID_ERR_SYNTAX;
    error->line = json.line > 0 ? (unsigned)json.line : 1;
    error->column = json.column > 0 ? (unsigned)json.column : 1;
    (void)snprintf(error->text, sizeof error->text, "%s", json.text);
    return CLIENTID_ERR_SYNTAX;
}

static int set_defaults(const struct reader *reader, struct settings *out)
{
    static const char *const names[IDENTITY_COUNT] = {"x-client-id", "x-client-name",
                                                      "x-client-tier"};
    *out = (struct settings){.mode = MODE_ENFORCE, .max_body_bytes = 65536};
    int rv = keep(reader, &out->metadata, "clientid");
    if (rv == 0)
        rv = keep(reader, &out->filter_state, "clientid.id");
    for (size_t i = 0; i < IDENTITY_COUNT && rv == 0; i++)
        rv = keep(reader, &out->identity[i], names[i]);
    return rv;
}

int settings_read_filter(struct settings *out, clientid_str text, clientid_error *error)
{
    static const struct field fields[] = {
        {"config", read_text, offsetof(struct settings, config)},
        {"api", read_api, offsetof(struct settings, api)},
        {"mode", read_mode, offsetof(struct settings, mode)},
        {"identityHeaders", read_identity, offsetof(struct settings, identity)},
        {"metadata", read_text_or_null, offsetof(struct settings, metadata)},
        {"filterState", read_text_or_null, offsetof(struct settings, filter_state)},
        {"metricsPath", read_path, offsetof(struct settings, metrics_path)},
        {"maxBodyBytes", read_bytes, offsetof(struct settings, max_body_bytes)},
    };
    const struct reader reader = {error, NULL, ""};
    json_t *root = NULL;
    *error = (clientid_error){.code = 0};
    int rv = set_defaults(&reader, out);
    if (rv == 0)
        rv = load(&root, text, error);
    if (rv == 0)
        rv = read_object(&reader, root, fields, COUNT(fields), out);
    /* Leaving out "api" must not mean "let everybody in". */
    if (rv == 0 && (out->config == NULL || json_object_get(root, "api") == NULL))
        rv = invalid(&reader, "\"config\" and \"api\" are needed");
    json_decref(root);
    return rv;
}

int settings_read_route(struct settings *out, clientid_str text, clientid_error *error)
{
    static const struct field fields[] = {
        {"config", read_text, offsetof(struct settings, config)},
        {"api", read_api, offsetof(struct settings, api)},
        {"mode", read_mode, offsetof(struct settings, mode)},
    };
    const struct reader reader = {error, NULL, ""};
    json_t *root = NULL;
    *error = (clientid_error){.code = 0};
    *out = (struct settings){.mode = MODE_INHERIT};
    int rv = load(&root, text, error);
    if (rv == 0)
        rv = read_object(&reader, root, fields, COUNT(fields), out);
    if (rv == 0 && json_object_get(root, "api") == NULL)
        rv = invalid(&reader, "\"api\" is needed");
    json_decref(root);
    return rv;
}

void settings_free(struct settings *settings)
{
    free(settings->config);
    free(settings->api);
    free(settings->metadata);
    free(settings->filter_state);
    free(settings->metrics_path);
    for (size_t i = 0; i < IDENTITY_COUNT; i++)
        free(settings->identity[i]);
    *settings = (struct settings){.config = NULL};
}
