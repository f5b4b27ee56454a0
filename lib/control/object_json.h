/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__OBJECT_JSON_H
#define CLIENTID__OBJECT_JSON_H

#include "control/control.h"

#include <jansson.h>

/* JSON objects to structs and back, for the other *_json files. */

struct clientid_json {
    json_t *root;
    void **blocks; /* arrays that slices of a record live in */
    size_t count;
};

struct clientid__reader {
    struct clientid_json *json;
    const char *at; /* JSON pointer to the object that is read, "" at the top */
    clientid_error *error;
};

enum clientid__key_type {
    CLIENTID__KEY_IGNORED, /* the server's to set */
    CLIENTID__KEY_TEXT,    /* clientid_str; null is empty */
    CLIENTID__KEY_NUMBER,  /* uint64_t, 0 to INT64_MAX */
    CLIENTID__KEY_FLAG,    /* uint32_t from true and false */
    CLIENTID__KEY_TIME,    /* uint64_t from text */
    CLIENTID__KEY_TEXTS,   /* const clientid_str *, and uint32_t at |count_offset| */
    CLIENTID__KEY_OTHER    /* |read| does it */
};

struct clientid__key {
    const char *name;
    enum clientid__key_type type;
    unsigned bit; /* of the field */
    size_t offset, count_offset;
    int (*read)(struct clientid__reader *reader, const struct clientid__key *key,
                const json_t *value, void *out);
};

#define CLIENTID__KEY_IGNORE(key)                                                                  \
    {                                                                                              \
        .name = (key), .type = CLIENTID__KEY_IGNORED                                               \
    }
#define CLIENTID__KEY_FIELD(key, kind, field_bit, record, member)                                  \
    {                                                                                              \
        .name = (key), .type = (kind), .bit = (field_bit), .offset = offsetof(record, member)      \
    }
#define CLIENTID__KEY_READ(key, field_bit, record, member, function)                               \
    {                                                                                              \
        .name = (key), .type = CLIENTID__KEY_OTHER, .bit = (field_bit),                            \
        .offset = offsetof(record, member), .read = (function)                                     \
    }

/* A document of one object; syntax errors with line and column.  Also wipes and frees: clientid_json_del. */
int clientid__json_parse(clientid_str text, struct clientid_json **out, clientid_error *error);
/* Frees what the document holds, but not the struct. */
void clientid__json_clear(struct clientid_json *json);
/*
 * One document to one record, with the bits of the fields that are there.  On success |*json| is the caller's.
 */
int clientid__json_record(clientid_str text, const struct clientid__key *keys, size_t count,
                          void *out, unsigned *fields, clientid_json **json, clientid_error *error);
/* The text at |key| of the document, or empty; CLIENTID_ERR_SYNTAX when it is no text. */
int clientid__json_secret(clientid_json *json, const char *key, clientid_str *out,
                          clientid_error *error);
/* Sets what |keys| name in |out| and the bits in |*fields|; a key that is not among them is an error. */
int clientid__json_read(struct clientid__reader *reader, const json_t *object,
                        const struct clientid__key *keys, size_t count, void *out,
                        unsigned *fields);
/* CLIENTID_ERR_SYNTAX at the key, or the |index|th element of it when that is not SIZE_MAX. */
int clientid__json_wrong(struct clientid__reader *reader, const char *key, size_t index,
                         const char *sentence);
/* Memory that lives as long as the document. */
void *clientid__json_block(struct clientid__reader *reader, size_t count, size_t bytes);
clientid_str clientid__json_text(const json_t *string);
/* Hexadecimal of both cases to at most |max| bytes; false when it is something else. */
bool clientid__hex_decode(clientid_str hex, unsigned char *out, size_t max, size_t *len);

/* ---- writing ----------------------------------------------------------------------------------- */

/* Sticky: after a failure, nothing is added and clientid__writer_end says CLIENTID_ERR_NOMEM. */
struct clientid__writer {
    json_t *object;
    bool failed;
};

struct clientid__writer clientid__writer_begin(void);
void clientid__put(struct clientid__writer *writer, const char *key, json_t *value); /* takes it */
void clientid__put_text(struct clientid__writer *writer, const char *key, clientid_str value);
void clientid__put_number(struct clientid__writer *writer, const char *key, uint64_t value);
void clientid__put_flag(struct clientid__writer *writer, const char *key, bool value);
void clientid__put_texts(struct clientid__writer *writer, const char *key, const clientid_str *list,
                         size_t count);
void clientid__put_hex(struct clientid__writer *writer, const char *key, const unsigned char *bytes,
                       size_t len);
/* As text; 0 is null. */
void clientid__put_time(struct clientid__writer *writer, const char *key, uint64_t time_ns);
/* Only when they are not empty or 0. */
void clientid__put_text_if(struct clientid__writer *writer, const char *key, clientid_str value);
void clientid__put_time_if(struct clientid__writer *writer, const char *key, uint64_t time_ns);
/* The object as an element of another. */
json_t *clientid__writer_take(struct clientid__writer *writer);
/* The text, for clientid_json_free. */
int clientid__writer_end(struct clientid__writer *writer, char **text, clientid_error *error);

/* ---- shared keys: record_json.c ---------------------------------------------------------------- */

int clientid__read_limits(struct clientid__reader *reader, const struct clientid__key *key,
                          const json_t *value, void *out);
int clientid__read_tier_status(struct clientid__reader *reader, const struct clientid__key *key,
                               const json_t *value, void *out);
int clientid__read_provider(struct clientid__reader *reader, const struct clientid__key *key,
                            const json_t *value, void *out);
int clientid__read_api_kind(struct clientid__reader *reader, const struct clientid__key *key,
                            const json_t *value, void *out);
json_t *clientid__limits_json(const clientid_tier_record *record);
const char *clientid__tier_status_label(uint32_t status);

#endif
