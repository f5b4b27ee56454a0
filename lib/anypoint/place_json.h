/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__PLACE_JSON_H
#define CLIENTID__PLACE_JSON_H

#include <clientid/types.h>

#include <jansson.h>
#include <stdbool.h>

/* JSON that is read value by value; every complaint carries the JSON pointer (RFC 6901) and never what stood there. */

/* Of what is read. */
struct clientid__document {
    const char *name; /* goes to the error's |file| */
    int code;         /* of a wrong value */
    clientid_error *error;
};

/* A value and the way to it. */
struct clientid__place {
    const struct clientid__document *document;
    const struct clientid__place *parent;
    const char *key; /* in an object; NULL in an array, and at the top */
    size_t index;
    json_t *value;
};

/*
 * The text's value, deeper than 16 levels, with two keys of one name or NUL refused.  NULL: the error is filled, with line
 * and column and |syntax_code|, or _NOMEM.
 */
json_t *clientid__document_parse(const struct clientid__document *document, const char *text,
                                 size_t len, int syntax_code);

static inline struct clientid__place clientid__place_top(const struct clientid__document *document,
                                                         json_t *value)
{
    return (struct clientid__place){document, NULL, NULL, 0, value};
}

static inline struct clientid__place clientid__place_item(const struct clientid__place *array,
                                                          size_t index)
{
    return (struct clientid__place){array->document, array, NULL, index,
                                    json_array_get(array->value, index)};
}

/* False when the key is absent or null. */
static inline bool clientid__place_child(const struct clientid__place *object, const char *key,
                                         struct clientid__place *out)
{
    json_t *value = json_object_get(object->value, key);

    *out = (struct clientid__place){object->document, object, key, 0, value};
    return value != NULL && !json_is_null(value);
}

/* Each returns the document's code. */
int clientid__place_fail(const struct clientid__place *place, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
int clientid__place_missing(const struct clientid__place *object, const char *key);

/* Of a key of |object|; each leaves |*out| as it is when the key is absent or null. */
int clientid__place_bool(const struct clientid__place *object, const char *key, bool *out);
int clientid__place_number(const struct clientid__place *object, const char *key, uint64_t min,
                           uint64_t max, uint64_t *out);
/* A string that is not empty; lives as long as the JSON. */
int clientid__place_text(const struct clientid__place *object, const char *key, const char **out);
/* The array, or a |value| of NULL. */
int clientid__place_array(const struct clientid__place *object, const char *key,
                          struct clientid__place *out);

#endif
