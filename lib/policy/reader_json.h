/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__READER_JSON_H
#define CLIENTID__READER_JSON_H

#include <clientid/types.h>

#include <jansson.h>
#include <stdbool.h>

/*
 * Typed reading of JSON in which every complaint carries the JSON pointer (RFC 6901) of its value.  null counts as
 * absent everywhere: exported policies are full of it.
 */

/* Where complaints go. */
struct clientid__reader {
    clientid_error *error;
    void (*warn)(void *self, const clientid_error *);
    void *warn_self;
    const char *name; /* of the text */
};

/* A value and the way to it. */
struct clientid__node {
    const struct clientid__reader *reader;
    const struct clientid__node *parent;
    const char *key; /* in an object; NULL in an array, and at the top */
    size_t index;
    json_t *value;
};

/* A key of an object and the places, bits, in which it is known. */
struct clientid__key {
    const char *name;
    unsigned where;
};

/* Fills the reader's error and returns CLIENTID_ERR_CONFIG. */
int clientid__node_fail(const struct clientid__node *node, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* The same at |key| of an object, whether it is there or not. */
int clientid__node_fail_key(const struct clientid__node *object, const char *key,
                            const char *format, ...) __attribute__((format(printf, 3, 4)));
void clientid__node_warn(const struct clientid__node *object, const char *key, const char *text);

/* False when the key is absent. */
bool clientid__node_child(const struct clientid__node *object, const char *key,
                          struct clientid__node *out);
struct clientid__node clientid__node_item(const struct clientid__node *array, size_t index);

/* Refuses another type; |what| completes "expected ". */
int clientid__node_expect(const struct clientid__node *node, json_type type, const char *what);
/* Refuses keys that |table| does not know at |where|, and names the nearest one. */
int clientid__node_keys(const struct clientid__node *object, const struct clientid__key *table,
                        size_t count, unsigned where);

#define CLIENTID__NODE_KEYS(object, table, where)                                                  \
    clientid__node_keys(object, table, sizeof(table) / sizeof((table)[0]), where)

/* Each leaves |*out| as it is when the key is absent. */
int clientid__read_bool(const struct clientid__node *object, const char *key, bool *out);
int clientid__read_integer(const struct clientid__node *object, const char *key, uint64_t min,
                           uint64_t max, uint64_t *out);
/* At least one byte; the slice lives as long as the JSON. */
int clientid__read_text(const struct clientid__node *object, const char *key, clientid_str *out);
/* One of |names|, which ends with NULL: sets its index. */
int clientid__read_choice(const struct clientid__node *object, const char *key,
                          const char *const *names, unsigned *out);
int clientid__read_duration(const struct clientid__node *object, const char *key, uint64_t *ns);

clientid_str clientid__node_text(const struct clientid__node *node);

#endif
