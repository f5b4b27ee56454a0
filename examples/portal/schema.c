/* SPDX-License-Identifier: Apache-2.0 */
/* A value that passes has only keys of the table, each of its type and within its bounds. */
#include "schema.h"

#include <stdio.h>
#include <string.h>

/* ---- checking -------------------------------------------------------------------------------- */

/* A pointer is built from the inside out: what is found deep down gets its parents put before it. */
static bool put_before(struct schema_fault *fault, const char *token)
{
    char rest[sizeof fault->pointer];
    char escaped[64];
    size_t len = 0;
    for (; *token != '\0' && len + 3 < sizeof escaped; token++) {
        if (*token == '~' || *token == '/')
            escaped[len++] = '~';
        escaped[len++] = *token == '~' ? '0' : *token;
        if (*token == '/')
            escaped[len - 1] = '1';
    }
    escaped[len] = '\0';
    (void)snprintf(rest, sizeof rest, "%s", fault->pointer);
    (void)snprintf(fault->pointer, sizeof fault->pointer, "/%.*s%.*s", (int)len, escaped,
                   (int)(sizeof rest - len - 2), rest);
    return false;
}

static bool wrong(struct schema_fault *fault, const char *text)
{
    fault->pointer[0] = '\0';
    (void)snprintf(fault->text, sizeof fault->text, "%s", text);
    return false;
}

static bool is_choice(const char *choices, const char *text, size_t len)
{
    for (const char *at = choices; at != NULL; at = strchr(at, '|')) {
        at += *at == '|';
        if (strcspn(at, "|") == len && memcmp(at, text, len) == 0)
            return true;
    }
    return false;
}

static bool check_text(const struct schema_field *field, const json_t *value,
                       struct schema_fault *fault)
{
    char text[sizeof fault->text];
    size_t len = json_string_length(value);
    if (!json_is_string(value))
        return wrong(fault, "must be a string");
    if (field->choices != NULL && !is_choice(field->choices, json_string_value(value), len)) {
        (void)snprintf(text, sizeof text, "must be one of %s", field->choices);
        return wrong(fault, text);
    }
    if (len < field->min)
        return wrong(fault, field->min == 1 ? "must not be empty" : "is too short");
    if (field->max != 0 && len > field->max)
        return wrong(fault, "is too long");
    return true;
}

/* "123" for 123: ids that a client got from a path or from another vendor's API. */
static bool digits_value(const json_t *value, uint64_t *out)
{
    const char *text = json_string_value(value);
    *out = 0;
    if (text == NULL || text[0] == '\0' || json_string_length(value) > 18)
        return false;
    for (; *text != '\0'; text++) {
        if (*text < '0' || *text > '9')
            return false;
        *out = *out * 10 + (uint64_t)(*text - '0');
    }
    return true;
}

static bool check_number(const struct schema_field *field, const json_t *value,
                         struct schema_fault *fault)
{
    uint64_t number = 0;
    if (json_is_integer(value) && json_integer_value(value) >= 0)
        number = (uint64_t)json_integer_value(value);
    else if (!(field->flags & SCHEMA_DIGITS) || !digits_value(value, &number))
        return wrong(fault, "must be a whole number");
    if (number < field->min)
        return wrong(fault, "is too small");
    if (field->max != 0 && number > field->max)
        return wrong(fault, "is too large");
    return true;
}

static bool check_list(const struct schema_field *field, const json_t *value,
                       struct schema_fault *fault)
{
    char index[24];
    size_t count = json_array_size(value);
    if (!json_is_array(value))
        return wrong(fault, "must be an array");
    if (count < field->min)
        return wrong(fault, "has too few elements");
    if (field->max != 0 && count > field->max)
        return wrong(fault, "has too many elements");
    for (size_t i = 0; i < count; i++) {
        const json_t *element = json_array_get(value, i);
        bool good = field->of != NULL ? schema_check(field->of, element, fault)
                                      : json_is_string(element) || wrong(fault, "must be a string");
        if (good)
            continue;
        (void)snprintf(index, sizeof index, "%zu", i);
        return put_before(fault, index);
    }
    return true;
}

static bool check_field(const struct schema_field *field, const json_t *value,
                        struct schema_fault *fault)
{
    if (json_is_null(value) && (field->flags & SCHEMA_NULLABLE))
        return true;
    if (field->flags & SCHEMA_OUT)
        return true;
    switch (field->kind) {
    case SCHEMA_TEXT:
        return check_text(field, value, fault);
    case SCHEMA_NUMBER:
        return check_number(field, value, fault);
    case SCHEMA_FLAG:
        return json_is_boolean(value) || wrong(fault, "must be true or false");
    case SCHEMA_OBJECT:
        return schema_check(field->of, value, fault);
    case SCHEMA_LIST:
        return check_list(field, value, fault);
    case SCHEMA_ANY:
    default:
        return true;
    }
}

static const struct schema_field *find(const struct schema *schema, const char *name)
{
    for (const struct schema_field *field = schema->fields; field->name != NULL; field++) {
        if (strcmp(field->name, name) == 0)
            return field;
    }
    return NULL;
}

bool schema_check(const struct schema *schema, const json_t *value, struct schema_fault *fault)
{
    /* jansson iterates over objects that are not const; nothing is changed. */
    json_t *object = (json_t *)(uintptr_t)value;
    const char *name;
    json_t *member;
    if (!json_is_object(value))
        return wrong(fault, "must be an object");
    json_object_foreach(object, name, member)
    {
        const struct schema_field *field = find(schema, name);
        if (field == NULL && (schema->flags & SCHEMA_OPEN))
            continue;
        if (field == NULL)
            (void)wrong(fault, "is not a known field");
        if (field == NULL || !check_field(field, member, fault))
            return put_before(fault, name);
    }
    for (const struct schema_field *field = schema->fields; field->name != NULL; field++) {
        if (!(field->flags & SCHEMA_REQUIRED) || json_object_get(object, field->name) != NULL)
            continue;
        (void)wrong(fault, "is missing");
        return put_before(fault, field->name);
    }
    return true;
}

/* ---- OpenAPI --------------------------------------------------------------------------------- */

static json_t *reference(const struct schema *schema)
{
    return json_pack("{s:s+}", "$ref", "#/components/schemas/", schema->name);
}

static json_t *choices_json(const char *choices)
{
    json_t *list = json_array();
    for (const char *at = choices; at != NULL; at = strchr(at, '|')) {
        at += *at == '|';
        (void)json_array_append_new(list, json_stringn(at, strcspn(at, "|")));
    }
    return list;
}

static void put_bound(json_t *out, const char *key, uint64_t bound)
{
    if (bound != 0)
        (void)json_object_set_new(out, key, json_integer((json_int_t)bound));
}

static json_t *text_json(const struct schema_field *field)
{
    json_t *out = json_pack("{s:s}", "type", "string");
    put_bound(out, "minLength", field->min);
    put_bound(out, "maxLength", field->max);
    if (field->choices != NULL)
        (void)json_object_set_new(out, "enum", choices_json(field->choices));
    if (field->flags & SCHEMA_SECRET)
        (void)json_object_set_new(out, "format", json_string("password"));
    return out;
}

static json_t *number_json(const struct schema_field *field)
{
    json_t *out = json_pack("{s:s,s:s,s:I}", "type", "integer", "format", "int64", "minimum",
                            (json_int_t)field->min);
    put_bound(out, "maximum", field->max);
    return out;
}

static json_t *list_json(const struct schema_field *field)
{
    json_t *out =
        json_pack("{s:s,s:o}", "type", "array", "items",
                  field->of != NULL ? reference(field->of) : json_pack("{s:s}", "type", "string"));
    put_bound(out, "minItems", field->min);
    put_bound(out, "maxItems", field->max);
    return out;
}

static json_t *field_json(const struct schema_field *field)
{
    json_t *out = NULL;
    switch (field->kind) {
    case SCHEMA_TEXT:
        out = text_json(field);
        break;
    case SCHEMA_NUMBER:
        out = number_json(field);
        break;
    case SCHEMA_FLAG:
        out = json_pack("{s:s}", "type", "boolean");
        break;
    case SCHEMA_OBJECT: /* nothing may stand beside a $ref */
        return reference(field->of);
    case SCHEMA_LIST:
        out = list_json(field);
        break;
    case SCHEMA_ANY:
    default:
        out = json_object();
    }
    if (field->flags & SCHEMA_NULLABLE)
        (void)json_object_set_new(out, "nullable", json_true());
    if (field->flags & SCHEMA_OUT)
        (void)json_object_set_new(out, "readOnly", json_true());
    if (field->about != NULL)
        (void)json_object_set_new(out, "description", json_string(field->about));
    return out;
}

json_t *schema_json(const struct schema *schema)
{
    json_t *properties = json_object();
    json_t *required = json_array();
    for (const struct schema_field *field = schema->fields; field->name != NULL; field++) {
        (void)json_object_set_new(properties, field->name, field_json(field));
        if (field->flags & SCHEMA_REQUIRED)
            (void)json_array_append_new(required, json_string(field->name));
    }
    json_t *out = json_pack("{s:s,s:o}", "type", "object", "properties", properties);
    if (json_array_size(required) != 0)
        (void)json_object_set(out, "required", required);
    json_decref(required);
    (void)json_object_set_new(out, "additionalProperties",
                              json_boolean(schema->flags & SCHEMA_OPEN));
    return out;
}
