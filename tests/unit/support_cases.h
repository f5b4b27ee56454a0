/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPPORT_CASES_H
#define SUPPORT_CASES_H

#include <clientid/source.h>

#include <jansson.h>

/* The recorded cases of tests/cases/, for every runner that replays them. */
struct support_suite {
    char *name;
    json_t *json;
    const char *api; /* of rows that name none */
    json_t *contracts, *rows;
};

/* All suites, sorted by name; fails the program when a file cannot be read.  |*count| is set. */
struct support_suite *support_suites(size_t *count);
void support_suites_free(struct support_suite *suites, size_t count);

const char *support_text(const json_t *object, const char *key);
/* The bytes of a string whose code points are bytes; malloc'ed, NUL-terminated, |*len| set. */
char *support_bytes(const json_t *string, size_t *len);
/* A limit such as "100/1m", visible. */
clientid_limit support_limit(const char *text);
/* "same", "host-refused", "rewritten: reason" or "n/a: reason". */
const char *support_host(const json_t *row, const char *host);

#endif
