/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID_SOURCE_H
#define CLIENTID_SOURCE_H

#include <clientid/types.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * A source is where the registry is synced from: a store, or another vendor's control plane.  It tells what
 * exists as a series of events; a full load and the deltas since a revision use the same events, and both
 * must lead to the same registry.
 *
 * Order within one series: a tier before the contracts that name it, a group before or after its contracts.
 */

typedef enum clientid_event_type {
    CLIENTID_EVENT_TIER = 1,             /* a tier was created or changed: |tier| */
    CLIENTID_EVENT_TIER_REMOVED = 2,     /* |tier.id| */
    CLIENTID_EVENT_CONTRACT = 3,         /* a contract was created or changed: |contract| */
    CLIENTID_EVENT_CONTRACT_REMOVED = 4, /* |contract.api|, |contract.client_id|, |contract.id| */
    CLIENTID_EVENT_GROUP = 5,            /* an API group: |group|, all its members */
    CLIENTID_EVENT_GROUP_REMOVED = 6     /* |group.name| */
} clientid_event_type;

#define CLIENTID_TIER_LIMITS_MAX 8   /* limits of one tier */
#define CLIENTID_SALT_MAX        32  /* bytes */
#define CLIENTID_ID_MAX          512 /* bytes of a client id */
#define CLIENTID_NAME_MAX        255 /* bytes of an application's or tier's name */

typedef struct clientid_limit {
    uint64_t maximum_requests; /* 1 or more */
    uint64_t period_ms;        /* 1 or more */
    uint32_t visible;          /* 1: shown in quota headers */
    uint32_t reserved;
} clientid_limit;

typedef struct clientid_tier_event {
    uint64_t id; /* 1 or more; unique in the source */
    clientid_str name;
    const clientid_limit *limits;
    size_t limit_count; /* 0: unlimited */
} clientid_tier_event;

typedef enum clientid_secret_algorithm {
    CLIENTID_SECRET_NONE = 0,   /* the slot is empty */
    CLIENTID_SECRET_SHA256 = 1, /* hash = SHA-256(salt || secret), as Anypoint hands to gateways */
    CLIENTID_SECRET_HMAC_SHA256 = 2 /* hash = HMAC-SHA-256(pepper, SHA-256(salt || secret)) */
} clientid_secret_algorithm;

typedef struct clientid_secret {
    uint32_t algorithm; /* clientid_secret_algorithm */
    uint32_t pepper_id; /* HMAC: which pepper, see clientid_pepper_id; else 0 */
    unsigned char hash[32];
    unsigned char salt[CLIENTID_SALT_MAX];
    uint32_t salt_len;
    uint32_t reserved;
    uint64_t not_before_ns; /* 0: always */
    uint64_t not_after_ns;  /* the first moment at which it is no longer valid; 0: never ends */
} clientid_secret;

typedef enum clientid_contract_status {
    CLIENTID_PENDING = 1,
    CLIENTID_APPROVED = 2,
    CLIENTID_REJECTED = 3,
    CLIENTID_REVOKED = 4
} clientid_contract_status;

typedef struct clientid_contract_event {
    uint64_t id;             /* 1 or more; unique in the source */
    clientid_str api;        /* name of the API instance or group */
    clientid_str client_id;  /* 1 to CLIENTID_ID_MAX bytes */
    clientid_str name;       /* of the application */
    uint64_t application_id; /* 1 or more */
    uint64_t tier_id;        /* 0: no tier, no limits */
    uint32_t status;         /* clientid_contract_status */
    uint32_t reserved;
    clientid_secret secrets[2];
} clientid_contract_event;

typedef struct clientid_group_event {
    clientid_str name;
    const clientid_str *members; /* names of API instances */
    size_t member_count;
} clientid_group_event;

typedef struct clientid_event {
    clientid_event_type type;
    uint64_t revision; /* of the change, in a delta; 0 in a full load */
    union {
        clientid_tier_event tier;
        clientid_contract_event contract;
        clientid_group_event group;
    } u;
} clientid_event;

/* Takes one event; slices are copied before it returns.  0, or a code that the source must pass on. */
typedef int clientid_event_fn(void *sink, const clientid_event *event);

/* Where a source stands. */
typedef struct clientid_position {
    uint64_t identity; /* random, given to the data when it was created; another one: other data */
    uint64_t revision; /* grows with every change */
} clientid_position;

/*
 * The functions are called from one thread at a time, the one that runs the sync; they may block.  All
 * return 0 or CLIENTID_ERR_UNREACHABLE, _IO, _CORRUPT, _VERSION, _NOMEM, or what the sink returned.
 */
typedef struct clientid_source {
    size_t size; /* sizeof(clientid_source) */
    void *self;
    /* Emits everything that exists, as of the one |*position| it returns. */
    int (*load)(void *self, clientid_event_fn *emit, void *sink, clientid_position *position,
                clientid_error *error);
    /*
     * Emits what changed after |*position|, oldest first, and moves |*position|.  CLIENTID_ERR_GAP when it
     * cannot tell (other identity, log cut off, went back): a full load follows.  After a start |*position| is that
     * of the last-known-good files: a source that may be put back to an older state, and go on from there, answers GAP
     * to a position that it did not tell itself, else a revocation below it is missed.
     */
    int (*changes)(void *self, clientid_event_fn *emit, void *sink, clientid_position *position,
                   clientid_error *error);
    /* Cheap: 1 when |changes| or |load| may have something to say, 0 when not, or an error.  NULL: ask each time. */
    int (*poll)(void *self, clientid_error *error);
    /* Frees |self|. */
    void (*close)(void *self);
} clientid_source;

/* Names a pepper without telling it: the first 4 bytes of HMAC-SHA-256(pepper, "clientid pepper"). */
CLIENTID_EXPORT uint32_t clientid_pepper_id(const unsigned char *pepper, size_t len);

/*
 * Stores |secret| as a slot: fills algorithm, hash, pepper_id; |salt| and |salt_len| must be set.  With
 * |pepper| NULL it is salted SHA-256, else HMAC.  CLIENTID_ERR_ARG, _CRYPTO.
 */
CLIENTID_EXPORT int clientid_secret_hash(clientid_secret *slot, clientid_str secret,
                                         const unsigned char *pepper, size_t pepper_len);

/*
 * Moves a salted SHA-256 slot under a pepper without knowing the secret.  CLIENTID_ERR_ARG when the slot
 * is of another algorithm, _CRYPTO.
 */
CLIENTID_EXPORT int clientid_secret_wrap(clientid_secret *slot, const unsigned char *pepper,
                                         size_t pepper_len);

/*
 * A new client id or secret: |len| characters (16 to 128) of lower-case hexadecimal from RAND_bytes, with no
 * character that a query or Basic would have to escape.  CLIENTID_ERR_ARG, _CRYPTO.
 */
CLIENTID_EXPORT int clientid_secret_generate(char *out, size_t len);

#ifdef __cplusplus
}
#endif

#endif
