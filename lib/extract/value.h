/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__VALUE_H
#define CLIENTID__VALUE_H

#include "extract/extract.h"

/* One value as one carrier shows it: there, absent, or refused. */
struct clientid__value {
    clientid_reason
        reason; /* _ALLOWED: |text| is there; _ID_MISSING: absent; else why it is refused */
    bool from_query;
    clientid_str text;
};

/* What every carrier's reader gets: the request, the caps and where decoded bytes go. */
struct clientid__reader {
    const clientid_request *request;
    const struct clientid__caps *caps;
    struct clientid__scratch *scratch;
    unsigned flags; /* CLIENTID__SPEC_* and CLIENTID__READ_LIST */
};

enum { CLIENTID__READ_LIST = 1u << 16 }; /* a comma in a header value is text: not a credential */

enum { CLIENTID__PARAMS_MAX = 2 }; /* that are looked for at once: id and secret */

/* A parameter or part to look for, and what was found under its name. */
struct clientid__param {
    clientid_str name; /* decoded */
    bool plain;        /* as in struct clientid__expression; false is always right */
    struct clientid__value value;
    clientid_str raw;     /* of the last one seen */
    uint32_t seen;        /* how many had this name */
    clientid_reason flaw; /* _ALLOWED, or why it is refused whatever |raw| is */
};

static inline struct clientid__value clientid__value_none(clientid_reason reason)
{
    return (struct clientid__value){.reason = reason};
}

static inline bool clientid__value_there(const struct clientid__value *v)
{
    return v->reason == CLIENTID_REASON_ALLOWED;
}

static inline bool clientid__value_absent(const struct clientid__value *v)
{
    return v->reason == CLIENTID_REASON_ID_MISSING;
}

/* Room for |len| bytes, not yet taken; NULL when there is not so much. */
static inline char *clientid__scratch_room(struct clientid__scratch *scratch, size_t len)
{
    return len <= scratch->left ? scratch->next : NULL;
}

static inline void clientid__scratch_take(struct clientid__scratch *scratch, size_t len)
{
    scratch->next += len;
    scratch->left -= len;
}

bool clientid__has_control(clientid_str text);
/* Length of the longest start that is UTF-8 (RFC 3629: no overlong form, no surrogate, up to U+10FFFF). */
size_t clientid__utf8_prefix(clientid_str text);

static inline bool clientid__utf8_valid(clientid_str text)
{
    return clientid__utf8_prefix(text) == text.len;
}

/* Valid UTF-8 without controls. */
bool clientid__text_valid(clientid_str text);

/* |decoded| as a value: absent when empty; refused when too long, with a control or not UTF-8. */
struct clientid__value clientid__value_make(clientid_str decoded,
                                            const struct clientid__caps *caps);

/* As clientid__value_merge, for a |value| that is there or refused. */
void clientid__value_combine(struct clientid__value *value, const struct clientid__value *other);

/*
 * Makes |*value| one out of two carriers: the same in both, or there in one.  A refused one wins over everything, and
 * every other reason over a body that is still to come.
 */
static inline void clientid__value_merge(struct clientid__value *value,
                                         const struct clientid__value *other)
{
    bool from_query = value->from_query || other->from_query;

    if (clientid__value_absent(value))
        *value = *other;
    else
        clientid__value_combine(value, other);
    value->from_query = from_query;
}

/* Sets |value| of each of |params| to |v|: what befell the carrier befell all of them. */
void clientid__params_set(struct clientid__param *params, size_t count, struct clientid__value v);

#endif
