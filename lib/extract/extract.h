/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__EXTRACT_H
#define CLIENTID__EXTRACT_H

#include <clientid/check.h>

#include <stdbool.h>

/*
 * Credentials out of a raw request.
 *
 * One request has one reading: whatever two parsers could read differently is refused, never resolved.  One
 * pass over each part, O(n), no allocation; decoded bytes go to the caller's scratch.
 */

enum clientid__carrier {
    CLIENTID__NOWHERE = 0,
    CLIENTID__HEADER,
    CLIENTID__QUERY,
    CLIENTID__FORM, /* application/x-www-form-urlencoded body */
    CLIENTID__PART, /* multipart/form-data body */
    CLIENTID__ANY   /* query and header: both the same, or one of them */
};

#define CLIENTID__PARAM_NAME_MAX 128

/* Where a value is: header:x-user.  CLIENTID__HEADER: in lower case; CLIENTID__ANY: as written, for the query. */
struct clientid__expression {
    enum clientid__carrier carrier;
    uint32_t name_len;
    bool plain; /* no byte of the name is decoded by anybody, and none is '=' */
    char name[CLIENTID__PARAM_NAME_MAX];
};

static inline clientid_str clientid__expression_name(const struct clientid__expression *e)
{
    return (clientid_str){e->name, e->name_len};
}

/*
 * Reads a DataWeave, MEL or short-form expression.  0, or CLIENTID_ERR_SYNTAX with |*position| the offset of
 * the first byte that does not fit (the length when more was expected).
 */
int clientid__expression_parse(clientid_str text, struct clientid__expression *out,
                               size_t *position);

enum {
    CLIENTID__SPEC_EXPRESSIONS = 1, /* read |id| and |secret| */
    CLIENTID__SPEC_BASIC = 2,     /* read Authorization: Basic; with _EXPRESSIONS both must agree */
    CLIENTID__SPEC_URLDECODE = 4, /* Basic: form-decode both parts (RFC 6749 section 2.3.1) */
    CLIENTID__SPEC_UNPADDED = 8,  /* Basic: missing '=' is accepted */
    CLIENTID__SPEC_PLUS = 16      /* query: '+' is a plus sign, not a space */
};

struct clientid__caps {
    uint32_t credential_bytes; /* of each, encoded or decoded */
    uint32_t query_bytes;
    uint32_t params;
    uint32_t body_bytes;
};

/* What one policy reads.  |secret.carrier| CLIENTID__NOWHERE: id only. */
struct clientid__spec {
    unsigned flags;
    struct clientid__expression id;
    struct clientid__expression secret;
};

/* Scratch space, used from the front; wiped by the caller after use. */
struct clientid__scratch {
    char *next;
    size_t left;
};

struct clientid__credentials {
    /*
     * CLIENTID_REASON_ALLOWED: |id| is set, |secret| too when |has_secret|.  Else why not: _ID_MISSING,
     * _CREDENTIALS_MALFORMED, _AMBIGUOUS, _TOO_LONG, _BODY_TOO_LARGE, _BODY_NEEDED; |id| may still be set when
     * it was the secret.  A missing secret is not judged here; an empty one counts as missing.
     */
    clientid_reason reason;
    bool has_secret;
    bool from_query; /* id or secret were in the query */
    clientid_str id;
    clientid_str secret;
};

/*
 * 0, or CLIENTID_ERR_SPACE, or what the request's header function returned below 0.  Every rule that is broken
 * ends in |out->reason|.  |id| and |secret| point into the request or scratch.
 */
int clientid__extract(const struct clientid__spec *spec, const struct clientid__caps *caps,
                      const clientid_request *request, struct clientid__scratch *scratch,
                      struct clientid__credentials *out);

/*
 * One value for a key selector.  |*value| is empty when it is absent, repeated or malformed: all such requests
 * share one key.  1 when the body is needed first, 0, or an error as clientid__extract.
 */
int clientid__extract_value(const struct clientid__expression *where,
                            const struct clientid__caps *caps, const clientid_request *request,
                            struct clientid__scratch *scratch, clientid_str *value);

/* CLIENTID_WANTS_* of one expression or spec. */
unsigned clientid__expression_wants(const struct clientid__expression *e);
unsigned clientid__spec_wants(const struct clientid__spec *spec);

/*
 * |query| without the parameters whose decoded name is one of |names|; also those that a lenient reader takes for
 * one: another case, a bad escape, a control.  Every other byte stays; a '&' goes with each piece, so that
 * a=1&client_id=x&b=2 becomes a=1&b=2.  Returns bytes written to |out|, which has room for |query.len|.
 */
size_t clientid__query_strip(clientid_str query, const clientid_str *names, size_t name_count,
                             char *out);

#endif
