/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID_TYPES_H
#define CLIENTID_TYPES_H

#include <clientid/version.h>

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Bytes with their length.  Never NUL-terminated on the caller's behalf, may contain NUL.  |ptr| may be
 * NULL when |len| is 0.  Who owns the bytes is said where the slice is used.
 */
typedef struct clientid_str {
    const char *ptr;
    size_t len;
} clientid_str;

/* A slice over a string literal: CLIENTID_STR("client_id"). */
#ifdef __cplusplus
#define CLIENTID_STR(literal) (clientid_str{(literal), sizeof(literal) - 1})
#else
#define CLIENTID_STR(literal) ((clientid_str){(literal), sizeof(literal) - 1})
#endif

/*
 * Every function that can fail returns 0 or one of these.  A denied request is not an error: it is a
 * verdict (see check.h).  Numbers are stable; new ones are only added.
 */
#define CLIENTID_ERROR_MAP(X)                                                                      \
    X(ARG, -1, "invalid argument")                                                                 \
    X(NOMEM, -2, "out of memory")                                                                  \
    X(VERSION, -3, "made by another version")                                                      \
    X(SPACE, -4, "output does not fit the buffer")                                                 \
    X(SYNTAX, -10, "not well-formed")                                                              \
    X(CONFIG, -11, "invalid configuration")                                                        \
    X(IO, -20, "input or output failed")                                                           \
    X(FORMAT, -21, "file of another format")                                                       \
    X(CORRUPT, -22, "file is damaged")                                                             \
    X(BUSY, -23, "in use by another process")                                                      \
    X(FULL, -24, "no space left")                                                                  \
    X(STALE, -25, "older than what was already seen")                                              \
    X(UNREACHABLE, -26, "source is out of reach")                                                  \
    X(GAP, -27, "changes are missing, a full load is needed")                                      \
    X(NOT_FOUND, -30, "not found")                                                                 \
    X(EXISTS, -31, "exists already")                                                               \
    X(RULE, -32, "a rule of the life cycle forbids it")                                            \
    X(FORBIDDEN, -33, "the caller may not do that")                                                \
    X(UNKNOWN_CALLER, -34, "the caller could not be identified")                                   \
    X(LIMITED, -35, "too many attempts")                                                           \
    X(CRYPTO, -40, "the cryptographic library failed")

enum {
#define CLIENTID_ERROR_ENUM(name, number, text) CLIENTID_ERR_##name = (number),
    CLIENTID_ERROR_MAP(CLIENTID_ERROR_ENUM)
#undef CLIENTID_ERROR_ENUM
};

/* What |code| means, in a few words: a static string, also for unknown codes. */
CLIENTID_EXPORT const char *clientid_strerror(int code);

/*
 * Text for people, owned by the caller; every function that takes one accepts NULL.  Set only when the
 * function fails.  Never contains a secret.
 */
typedef struct clientid_error {
    int code;          /* what the function returned */
    unsigned line;     /* from 1, in the text that was read; 0 when it does not apply */
    unsigned column;   /* from 1, in bytes */
    char pointer[128]; /* JSON pointer (RFC 6901) to the value at fault, or "" */
    char file[128];    /* the name that the caller gave the text, or "" */
    char text[256];    /* one sentence, no full stop */
} clientid_error;

/*
 * The memory functions of a gateway and of all that belongs to it.  |allocate| returns memory aligned
 * for any type or NULL; |release| takes what |allocate| returned, never NULL.  Both are called from any
 * thread that calls the library, never from a request (clientid_check and its relatives).  PCRE2 uses them
 * too; jansson and SQLite allocate by their own means.
 */
typedef struct clientid_allocator {
    void *(*allocate)(void *self, size_t bytes);
    void (*release)(void *self, void *memory);
    void *self;
} clientid_allocator;

#ifdef __cplusplus
}
#endif

#endif
