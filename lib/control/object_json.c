/* SPDX-License-Identifier: Apache-2.0 */
/* Every key of an object that is read is on a list, and every error says where it is. */
#include "control/object_json.h"

#include "base/error.h"
#include "base/str.h"

#include <stdio.h>
#include <stdlib.h>

/* ---- documents ------------------------------------------------------------------------------- */

int clientid__json_parse(clientid_str text, struct clientid_json **out, clientid_error *error)
{
    json_error_t syntax;
    struct clientid_json *json = calloc(1, sizeof(*json));

    if (json == NULL)
        return clientid__fail(error, CLIENTID_ERR_NOMEM, "out of memory");
    json->root =
        json_loadb(text.ptr != NULL ? text.ptr : "", text.len, JSON_REJECT_DUPLICATES, &syntax);
    if (json->root == NULL) {
        clientid_json_del(json);
        if (json_error_code(&syntax) == json_error_out_of_memory)
            return clientid__fail(error, CLIENTID_ERR_NOMEM, "out of memory");
        /* Not jansson's text: it quotes what it read, which may be a secret. */
        clientid__fail(error, CLIENTID_ERR_SYNTAX, "is not well-formed JSON");
        if (error != NULL) {
            error->line = (unsigned)syntax.line;
            error->column = (unsigned)syntax.column;
        }
        return CLIENTID_ERR_SYNTAX;
    }
    if (!json_is_object(json->root)) {
        clientid_json_del(json);
        return clientid__fail(error, CLIENTID_ERR_SYNTAX, "is not a JSON object");
    }
    *out = json;
    return 0;
}

/* jansson frees without wiping. */
static void wipe_all(json_t *value)
{
    const char *key;
    json_t *member;

    if (json_is_string(value))
        explicit_bzero((void *)(uintptr_t)json_string_value(value), json_string_length(value));
    for (size_t i = 0; i < json_array_size(value); i++)
        wipe_all(json_array_get(value, i));
    json_object_foreach(value, key, member) wipe_all(member);
}

static void wipe(json_t *root)
{
    static const char *const secrets[] = {"clientSecret", "client_secret", "password",
                                          "credentials"};

    for (size_t i = 0; i < sizeof(secrets) / sizeof(secrets[0]); i++)
        wipe_all(json_object_get(root, secrets[i]));
    wipe_all(json_object_get(json_object_get(root, "parameters"), "password"));
}

void clientid__json_clear(struct clientid_json *json)
{
    wipe(json->root);
    json_decref(json->root);
    for (size_t i = 0; i < json->count; i++)
        free(json->blocks[i]);
    free(json->blocks);
}

void clientid_json_del(clientid_json *json)
{
    if (json == NULL)
        return;
    clientid__json_clear(json);
    free(json);
}

void *clientid__json_block(struct clientid__reader *reader, size_t count, size_t bytes)
{
    struct clientid_json *json = reader->json;
    void **larger = realloc(json->blocks, (json->count + 1) * sizeof(*larger));

    if (larger == NULL)
        return NULL;
    json->blocks = larger;
    larger[json->count] = calloc(count != 0 ? count : 1, bytes);
    return larger[json->count] != NULL ? larger[json->count++] : NULL;
}

clientid_str clientid__json_text(const json_t *string)
{
    return clientid__str(json_string_value(string), json_string_length(string));
}

static int digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)clientid__lower((unsigned char)c);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool clientid__hex_decode(clientid_str hex, unsigned char *out, size_t max, size_t *len)
{
    if (hex.len % 2 != 0 || hex.len / 2 > max)
        return false;
    for (size_t i = 0; i < hex.len; i += 2) {
        int high = digit(hex.ptr[i]), low = digit(hex.ptr[i + 1]);

        if (high < 0 || low < 0)
            return false;
        out[i / 2] = (unsigned char)(high << 4 | low);
    }
    *len = hex.len / 2;
    return true;
}

/* ---- reading --------------------------------------------------------------------------------- */

/* One reference token of a JSON pointer: "~" and "/" are escaped (RFC 6901 section 3). */
static void append_token(char *out, size_t size, const char *token)
{
    size_t used = strlen(out);

    if (used + 1 < size)
        out[used++] = '/';
    for (; *token != '\0' && used + 2 < size; token++) {
        if (*token == '~' || *token == '/')
            out[used++] = '~';
        out[used++] = *token == '~' ? '0' : *token == '/' ? '1' : *token;
    }
    out[used < size ? used : size - 1] = '\0';
}

int clientid__json_wrong(struct clientid__reader *reader, const char *key, size_t index,
                         const char *sentence)
{
    char pointer[sizeof(reader->error->pointer)];
    char number[24];

    snprintf(pointer, sizeof(pointer), "%s", reader->at);
    append_token(pointer, sizeof(pointer), key);
    if (index != SIZE_MAX) {
        snprintf(number, sizeof(number), "%zu", index);
        append_token(pointer, sizeof(pointer), number);
    }
    return clientid__fail_at(reader->error, CLIENTID_ERR_SYNTAX, pointer, "%s", sentence);
}

static int read_texts(struct clientid__reader *reader, const struct clientid__key *key,
                      const json_t *value, unsigned char *out)
{
    size_t count = json_array_size(value);
    uint32_t count32 = (uint32_t)count;
    clientid_str *list;

    if (!json_is_array(value))
        return clientid__json_wrong(reader, key->name, SIZE_MAX, "must be an array of strings");
    if (count > UINT16_MAX)
        return clientid__json_wrong(reader, key->name, SIZE_MAX, "has too many elements");
    list = clientid__json_block(reader, count, sizeof(*list));
    if (list == NULL)
        return clientid__fail(reader->error, CLIENTID_ERR_NOMEM, "out of memory");
    for (size_t i = 0; i < count; i++) {
        const json_t *element = json_array_get(value, i);

        if (!json_is_string(element))
            return clientid__json_wrong(reader, key->name, i, "must be a string");
        list[i] = clientid__json_text(element);
    }
    *(const clientid_str **)(void *)(out + key->offset) = list;
    *(uint32_t *)(void *)(out + key->count_offset) = count32;
    return 0;
}

static int read_text(struct clientid__reader *reader, const struct clientid__key *key,
                     const json_t *value, unsigned char *out)
{
    clientid_str text = {NULL, 0};

    if (!json_is_string(value) && !json_is_null(value))
        return clientid__json_wrong(reader, key->name, SIZE_MAX, "must be a string");
    if (json_is_string(value))
        text = clientid__json_text(value);
    memcpy(out + key->offset, &text, sizeof(text));
    return 0;
}

static int read_number(struct clientid__reader *reader, const struct clientid__key *key,
                       const json_t *value, unsigned char *out)
{
    uint64_t number;

    if (!json_is_integer(value) || json_integer_value(value) < 0)
        return clientid__json_wrong(reader, key->name, SIZE_MAX, "must be a whole number");
    number = (uint64_t)json_integer_value(value);
    memcpy(out + key->offset, &number, sizeof(number));
    return 0;
}

static int read_flag(struct clientid__reader *reader, const struct clientid__key *key,
                     const json_t *value, unsigned char *out)
{
    uint32_t flag = json_is_true(value);

    if (!json_is_boolean(value))
        return clientid__json_wrong(reader, key->name, SIZE_MAX, "must be true or false");
    memcpy(out + key->offset, &flag, sizeof(flag));
    return 0;
}

static int read_time(struct clientid__reader *reader, const struct clientid__key *key,
                     const json_t *value, unsigned char *out)
{
    uint64_t time_ns = 0;

    if (json_is_null(value))
        return 0;
    if (!json_is_string(value) || clientid_time_parse(clientid__json_text(value), &time_ns) != 0)
        return clientid__json_wrong(reader, key->name, SIZE_MAX,
                                    "must be a moment like 2026-01-31T12:00:00Z");
    memcpy(out + key->offset, &time_ns, sizeof(time_ns));
    return 0;
}

static int read_value(struct clientid__reader *reader, const struct clientid__key *key,
                      const json_t *value, void *out)
{
    switch (key->type) {
    case CLIENTID__KEY_TEXT:
        return read_text(reader, key, value, out);
    case CLIENTID__KEY_NUMBER:
        return read_number(reader, key, value, out);
    case CLIENTID__KEY_FLAG:
        return read_flag(reader, key, value, out);
    case CLIENTID__KEY_TIME:
        return read_time(reader, key, value, out);
    case CLIENTID__KEY_TEXTS:
        return read_texts(reader, key, value, out);
    case CLIENTID__KEY_OTHER:
        return key->read(reader, key, value, out);
    case CLIENTID__KEY_IGNORED:
    default:
        return 0;
    }
}

int clientid__json_read(struct clientid__reader *reader, const json_t *object,
                        const struct clientid__key *keys, size_t count, void *out, unsigned *fields)
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
            return clientid__json_wrong(reader, name, SIZE_MAX, "is not a known key");
        rc = read_value(reader, &keys[i], value, out);
        if (rc != 0)
            return rc;
        *fields |= keys[i].bit;
    }
    return 0;
}

int clientid__json_record(clientid_str text, const struct clientid__key *keys, size_t count,
                          void *out, unsigned *fields, clientid_json **json, clientid_error *error)
{
    struct clientid__reader reader = {NULL, "", error};
    int rc;

    *fields = 0;
    *json = NULL;
    rc = clientid__json_parse(text, &reader.json, error);
    if (rc != 0)
        return rc;
    rc = clientid__json_read(&reader, reader.json->root, keys, count, out, fields);
    if (rc != 0) {
        clientid_json_del(reader.json);
        return rc;
    }
    *json = reader.json;
    return 0;
}

int clientid__json_secret(clientid_json *json, const char *key, clientid_str *out,
                          clientid_error *error)
{
    const json_t *value = json_object_get(json->root, key);
    char pointer[64];

    *out = (clientid_str){NULL, 0};
    if (value == NULL || json_is_null(value))
        return 0;
    if (!json_is_string(value)) {
        snprintf(pointer, sizeof(pointer), "/%s", key);
        return clientid__fail_at(error, CLIENTID_ERR_SYNTAX, pointer, "must be a string");
    }
    *out = clientid__json_text(value);
    return 0;
}

/* ---- writing --------------------------------------------------------------------------------- */

struct clientid__writer clientid__writer_begin(void)
{
    json_t *object = json_object();

    return (struct clientid__writer){object, object == NULL};
}

void clientid__put(struct clientid__writer *writer, const char *key, json_t *value)
{
    /* json_object_set_new refuses NULL and takes the value in any case. */
    if (json_object_set_new(writer->object, key, value) != 0)
        writer->failed = true;
}

void clientid__put_text(struct clientid__writer *writer, const char *key, clientid_str value)
{
    clientid__put(writer, key, json_stringn(value.ptr != NULL ? value.ptr : "", value.len));
}

void clientid__put_number(struct clientid__writer *writer, const char *key, uint64_t value)
{
    clientid__put(writer, key, json_integer((json_int_t)value));
}

void clientid__put_flag(struct clientid__writer *writer, const char *key, bool value)
{
    clientid__put(writer, key, json_boolean(value));
}

void clientid__put_texts(struct clientid__writer *writer, const char *key, const clientid_str *list,
                         size_t count)
{
    json_t *array = json_array();

    for (size_t i = 0; i < count; i++)
        if (json_array_append_new(array, json_stringn(list[i].ptr, list[i].len)) != 0)
            writer->failed = true;
    clientid__put(writer, key, array);
}

void clientid__put_hex(struct clientid__writer *writer, const char *key, const unsigned char *bytes,
                       size_t len)
{
    static const char digits[] = "0123456789abcdef";
    char hex[2 * CLIENTID_SALT_MAX];

    for (size_t i = 0; i < len && i < CLIENTID_SALT_MAX; i++) {
        hex[2 * i] = digits[bytes[i] >> 4];
        hex[2 * i + 1] = digits[bytes[i] & 15];
    }
    clientid__put_text(writer, key, clientid__str(hex, 2 * len));
}

void clientid__put_time(struct clientid__writer *writer, const char *key, uint64_t time_ns)
{
    char text[40];

    if (time_ns == 0) {
        clientid__put(writer, key, json_null());
        return;
    }
    clientid_time_format(time_ns, text, sizeof(text));
    clientid__put_text(writer, key, clientid__cstr(text));
}

void clientid__put_text_if(struct clientid__writer *writer, const char *key, clientid_str value)
{
    if (value.len > 0)
        clientid__put_text(writer, key, value);
}

void clientid__put_time_if(struct clientid__writer *writer, const char *key, uint64_t time_ns)
{
    if (time_ns != 0)
        clientid__put_time(writer, key, time_ns);
}

json_t *clientid__writer_take(struct clientid__writer *writer)
{
    if (!writer->failed)
        return writer->object;
    json_decref(writer->object);
    return NULL;
}

int clientid__writer_end(struct clientid__writer *writer, char **text, clientid_error *error)
{
    json_t *object = clientid__writer_take(writer);
    size_t size;

    if (object == NULL)
        return clientid__fail(error, CLIENTID_ERR_NOMEM,
                              "out of memory, or a text that is not UTF-8");
    /* Straight into its place: json_dumps would leave copies of a secret in freed memory. */
    size = json_dumpb(object, NULL, 0, JSON_COMPACT);
    *text = malloc(size + 1);
    if (*text != NULL) {
        json_dumpb(object, *text, size, JSON_COMPACT);
        (*text)[size] = '\0';
    }
    wipe(object);
    json_decref(object);
    return *text != NULL ? 0 : clientid__fail(error, CLIENTID_ERR_NOMEM, "out of memory");
}

void clientid_json_free(char *text)
{
    if (text == NULL)
        return;
    explicit_bzero(text, strlen(text));
    free(text);
}
