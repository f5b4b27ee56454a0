/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PORTAL_SCHEMA_H
#define PORTAL_SCHEMA_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/*
 * What a JSON object may have in it: what is checked, and what the OpenAPI document says, from one table.
 * Bounds are characters of a text (in bytes, the stricter reading), values of a number, elements of a list.
 */
enum schema_kind {
    SCHEMA_TEXT,
    SCHEMA_NUMBER,
    SCHEMA_FLAG,
    SCHEMA_OBJECT,
    SCHEMA_LIST,
    SCHEMA_ANY
};

enum {
    SCHEMA_REQUIRED = 1,
    SCHEMA_NULLABLE = 2,
    SCHEMA_OUT = 4,    /* in answers; taken and ignored in requests */
    SCHEMA_SECRET = 8, /* in requests or shown once; written as "format": "password" */
    SCHEMA_DIGITS = 16 /* a number that some clients send as text */
};

struct schema_field {
    const char *name; /* NULL ends the table */
    enum schema_kind kind;
    unsigned flags;
    uint64_t min, max;       /* |max| 0: none */
    const char *choices;     /* of a text: "ACTIVE|DEPRECATED" */
    const struct schema *of; /* SCHEMA_OBJECT, elements of SCHEMA_LIST; NULL in a list: texts */
    const char *about;       /* a few words, or NULL */
};

enum {
    SCHEMA_OPEN = 1
}; /* keys that are not in the table are taken and ignored: other vendors' objects */

struct schema {
    const char *name; /* in the OpenAPI document */
    const struct schema_field *fields;
    unsigned flags;
};

#define TEXT(name, flags, min, max)                                                                \
    {                                                                                              \
        name, SCHEMA_TEXT, flags, min, max, NULL, NULL, NULL                                       \
    }
#define CHOICE(name, flags, choices)                                                               \
    {                                                                                              \
        name, SCHEMA_TEXT, flags, 0, 0, choices, NULL, NULL                                        \
    }
#define NUMBER(name, flags, min, max)                                                              \
    {                                                                                              \
        name, SCHEMA_NUMBER, flags, min, max, NULL, NULL, NULL                                     \
    }
#define FLAG(name, flags)                                                                          \
    {                                                                                              \
        name, SCHEMA_FLAG, flags, 0, 0, NULL, NULL, NULL                                           \
    }
#define OBJECT(name, flags, of)                                                                    \
    {                                                                                              \
        name, SCHEMA_OBJECT, flags, 0, 0, NULL, of, NULL                                           \
    }
#define LIST(name, flags, min, max, of)                                                            \
    {                                                                                              \
        name, SCHEMA_LIST, flags, min, max, NULL, of, NULL                                         \
    }
#define ANYTHING(name, flags)                                                                      \
    {                                                                                              \
        name, SCHEMA_ANY, flags, 0, 0, NULL, NULL, NULL                                            \
    }
#define FIELDS_END                                                                                 \
    {                                                                                              \
        NULL, SCHEMA_ANY, 0, 0, 0, NULL, NULL, NULL                                                \
    }

/* Where a value breaks its schema, and how. */
struct schema_fault {
    char pointer[128]; /* JSON pointer (RFC 6901), cut when it is longer */
    char text[128];
};

bool schema_check(const struct schema *schema, const json_t *value, struct schema_fault *fault);

/* As a JSON Schema (OpenAPI 3.0's dialect); objects inside are referred to as "#/components/schemas/NAME".  NULL: no memory. */
json_t *schema_json(const struct schema *schema);

#endif
