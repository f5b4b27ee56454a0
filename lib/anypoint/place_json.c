/* SPDX-License-Identifier: Apache-2.0 */
#include "anypoint/place_json.h"

#include "base/error.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#define DEPTH_MOST 16

/* ---- pointers -------------------------------------------------------------------------------- */

struct text {
    char bytes[sizeof(((clientid_error *)NULL)->pointer)];
    size_t len;
};

static void put(struct text *text, char c)
{
    if (text->len + 1 < sizeof(text->bytes))
        text->bytes[text->len++] = c;
}

static void put_key(struct text *text, const char *key)
{
    for (put(text, '/'); *key != '\0'; key++) {
        if (*key == '~' || *key == '/') {
            put(text, '~');
            put(text, *key == '~' ? '0' : '1');
        } else {
            put(text, *key);
        }
    }
}

static void put_place(struct text *text, const struct clientid__place *place)
{
    char index[24];

    if (place->parent == NULL)
        return;
    put_place(text, place->parent);
    if (place->key != NULL) {
        put_key(text, place->key);
        return;
    }
    snprintf(index, sizeof(index), "%zu", place->index);
    put_key(text, index);
}

int clientid__place_fail(const struct clientid__place *place, const char *format, ...)
{
    const struct clientid__document *document = place->document;
    struct text pointer = {"", 0};
    char sentence[sizeof(document->error->text)];
    va_list args;

    va_start(args, format);
    vsnprintf(sentence, sizeof(sentence), format, args);
    va_end(args);
    put_place(&pointer, place);
    clientid__fail_at(document->error, document->code, pointer.bytes, "%s", sentence);
    if (document->error != NULL)
        snprintf(document->error->file, sizeof(document->error->file), "%s", document->name);
    return document->code;
}

int clientid__place_missing(const struct clientid__place *object, const char *key)
{
    struct clientid__place place = {object->document, object, key, 0, NULL};

    return clientid__place_fail(&place, "is missing");
}

/* ---- the text -------------------------------------------------------------------------------- */

/* jansson's parser calls itself 2048 deep; nothing here is, and small stacks are common. */
static bool deep(const char *text, size_t len)
{
    unsigned depth = 0;
    bool quoted = false;

    for (size_t i = 0; i < len; i++) {
        if (quoted) {
            if (text[i] == '\\')
                i++;
            else if (text[i] == '"')
                quoted = false;
        } else if (text[i] == '"') {
            quoted = true;
        } else if (text[i] == '[' || text[i] == '{') {
            if (++depth > DEPTH_MOST)
                return true;
        } else if ((text[i] == ']' || text[i] == '}') && depth > 0) {
            depth--;
        }
    }
    return false;
}

json_t *clientid__document_parse(const struct clientid__document *document, const char *text,
                                 size_t len, int syntax_code)
{
    clientid_error *error = document->error;
    json_error_t why = {.line = 0};
    json_t *value;

    if (deep(text, len)) {
        clientid__fail(error, syntax_code, "more than %d levels deep", DEPTH_MOST);
        value = NULL;
    } else {
        value = json_loadb(text, len, JSON_REJECT_DUPLICATES, &why);
        if (value != NULL)
            return value;
        if (json_error_code(&why) == json_error_out_of_memory)
            clientid__fail(error, CLIENTID_ERR_NOMEM, "out of memory");
        else /* not jansson's own text, which repeats what it read */
            clientid__fail(error, syntax_code, "not well-formed JSON");
    }
    if (error != NULL) {
        snprintf(error->file, sizeof(error->file), "%s", document->name);
        error->line = why.line > 0 ? (unsigned)why.line : 0;
        error->column = why.column > 0 ? (unsigned)why.column : 0;
    }
    return value;
}

/* ---- values ---------------------------------------------------------------------------------- */

int clientid__place_bool(const struct clientid__place *object, const char *key, bool *out)
{
    struct clientid__place place;

    if (!clientid__place_child(object, key, &place))
        return 0;
    if (!json_is_boolean(place.value))
        return clientid__place_fail(&place, "expected true or false");
    *out = json_is_true(place.value);
    return 0;
}

int clientid__place_number(const struct clientid__place *object, const char *key, uint64_t min,
                           uint64_t max, uint64_t *out)
{
    struct clientid__place place;
    json_int_t number;

    if (!clientid__place_child(object, key, &place))
        return 0;
    number = json_integer_value(place.value);
    if (!json_is_integer(place.value) || number < 0 || (uint64_t)number < min ||
        (uint64_t)number > max)
        return clientid__place_fail(&place, "expected an integer from %llu to %llu",
                                    (unsigned long long)min, (unsigned long long)max);
    *out = (uint64_t)number;
    return 0;
}

int clientid__place_text(const struct clientid__place *object, const char *key, const char **out)
{
    struct clientid__place place;

    if (!clientid__place_child(object, key, &place))
        return 0;
    if (json_string_length(place.value) == 0)
        return clientid__place_fail(&place, "expected a string that is not empty");
    *out = json_string_value(place.value);
    return 0;
}

int clientid__place_array(const struct clientid__place *object, const char *key,
                          struct clientid__place *out)
{
    if (!clientid__place_child(object, key, out)) {
        out->value = NULL;
        return 0;
    }
    if (!json_is_array(out->value))
        return clientid__place_fail(out, "expected an array");
    return 0;
}
