/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__POINTCUT_H
#define CLIENTID__POINTCUT_H

#include <clientid/types.h>

#include <stdbool.h>

/*
 * Regular expressions over method and path.  They match the whole subject or not at all; a match that cannot be
 * decided within its limits counts as one, so the policy applies.
 */

enum { CLIENTID__PATTERN_MAX = 1024 }; /* bytes of one pattern */

enum clientid__pattern_kind {
    CLIENTID__PATTERN_ANY,    /* absent, or ".*" */
    CLIENTID__PATTERN_SIMPLE, /* alternatives of plain text, each with or without ".*" behind */
    CLIENTID__PATTERN_REGEX
};

struct clientid__pattern {
    enum clientid__pattern_kind kind;
    char *text; /* what _SIMPLE compares */
    size_t text_len;
    void *code; /* pcre2_code, of _REGEX */
    const clientid_allocator *mem;
};

/* Both must match. */
struct clientid__pointcut {
    struct clientid__pattern method;
    struct clientid__pattern path;
};

struct clientid__match_data;

/*
 * 0, CLIENTID_ERR_NOMEM, or CLIENTID_ERR_SYNTAX with |*offset| into |text| and the reason.  The pattern must stay
 * where it is, and |mem| outlive it.
 */
enum { CLIENTID__PATTERN_REASON = 120 };
int clientid__pattern_init(struct clientid__pattern *pattern, const clientid_allocator *mem,
                           clientid_str text, size_t *offset,
                           char reason[CLIENTID__PATTERN_REASON]);
/* A zeroed pattern is fine. */
void clientid__pattern_release(struct clientid__pattern *pattern);

/* Does not allocate.  |data| NULL: regular expressions count as matching. */
bool clientid__pattern_matches(const struct clientid__pattern *pattern,
                               struct clientid__match_data *data, clientid_str subject);

#endif
