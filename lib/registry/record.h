/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__RECORD_H
#define CLIENTID__RECORD_H

#include "registry/arena.h"

#include <clientid/source.h>

#include <stdbool.h>

/*
 * One contract under one API instance or group, packed.  Readers see everything but |next|; once published, nothing
 * that they see changes but |used|, which is theirs.
 */
struct clientid__record {
    uint64_t id;
    uint64_t application_id;
    struct clientid__record
        *next; /* the writer's: other contracts of the same API instance and client id */
    uint32_t api;
    uint32_t tier;         /* number of the tier; 0: none, no limits */
    _Atomic uint32_t used; /* see struct clientid__contract */
    uint16_t secrets[2];   /* what of a slot is stored, see record.c; 0: the slot is empty */
    uint16_t id_len;
    uint8_t name_len;
    uint8_t status : 3; /* clientid_contract_status */
    uint8_t copy : 1;   /* made for a member of a group; the source's contract is another record */
    unsigned char bytes[]; /* client id, slots, name */
};

/* A stored secret, unpacked; pointers into the record. */
struct clientid__secret_slot {
    uint32_t
        algorithm; /* clientid_secret_algorithm; NONE: all else is 0, |hash| and |salt| still point somewhere */
    uint32_t pepper_id;
    const unsigned char *hash; /* 32 bytes */
    const unsigned char *salt;
    size_t salt_len;
    uint64_t not_before_ns, not_after_ns;
};

/* Takes a record for |event| under |api| from the arena; NULL without memory. */
struct clientid__record *clientid__record_new(struct clientid__arena *arena,
                                              const clientid_contract_event *event, uint32_t api,
                                              uint32_t tier);
/* The same contract under |api|, as a copy of |master|. */
struct clientid__record *clientid__record_copy(struct clientid__arena *arena,
                                               const struct clientid__record *master, uint32_t api);
/* Of a record that no reader can see. */
void clientid__record_give(struct clientid__arena *arena, struct clientid__record *record);

/* Fetches one of the usual size: 32 bytes of id, a salted hash, 16 bytes of name; on three lines, or on four. */
static inline void clientid__record_prefetch(const struct clientid__record *record)
{
    const char *begin = (const char *)record;

    __builtin_prefetch(begin);
    __builtin_prefetch(begin + 64);
    __builtin_prefetch(begin + 128);
    __builtin_prefetch((const char *)record->bytes + 32 + 48 + 15);
}

static inline clientid_str clientid__record_client_id(const struct clientid__record *record)
{
    return (clientid_str){(const char *)record->bytes, record->id_len};
}

clientid_str clientid__record_name(const struct clientid__record *record);
/* |n| 0 or 1. */
struct clientid__secret_slot clientid__record_slot(const struct clientid__record *record,
                                                   unsigned n);
/* The slot as the source gave it. */
void clientid__record_secret(const struct clientid__record *record, unsigned n,
                             clientid_secret *out);
/* Two secrets are set and their salts differ: one digest does not serve both. */
bool clientid__record_two_salts(const struct clientid__record *record);

#endif
