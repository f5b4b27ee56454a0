/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/record.h"

#include <string.h>

/* Bits of |secrets|: what is stored of a slot, in this order: hash, salt, pepper id, validity. */
#define SLOT_ALGORITHM  0x0003u
#define SLOT_SALT_SHIFT 2
#define SLOT_SALT       0x003fu /* after the shift: salt bytes, 0 to 32 */
#define SLOT_PEPPER     0x0100u
#define SLOT_VALIDITY   0x0200u

#define HASH_BYTES     32u
#define PEPPER_BYTES   4u
#define VALIDITY_BYTES 16u

static const unsigned char nothing[HASH_BYTES];

static uint16_t slot_bits(const clientid_secret *secret)
{
    uint32_t bits;

    if (secret->algorithm == CLIENTID_SECRET_NONE)
        return 0;
    bits = secret->algorithm | secret->salt_len << SLOT_SALT_SHIFT;
    if (secret->algorithm == CLIENTID_SECRET_HMAC_SHA256)
        bits |= SLOT_PEPPER;
    if (secret->not_before_ns != 0 || secret->not_after_ns != 0)
        bits |= SLOT_VALIDITY;
    return (uint16_t)bits;
}

static size_t slot_salt_len(uint16_t bits)
{
    return (bits >> SLOT_SALT_SHIFT) & SLOT_SALT;
}

static size_t slot_bytes(uint16_t bits)
{
    if (bits == 0)
        return 0;
    return HASH_BYTES + slot_salt_len(bits) + ((bits & SLOT_PEPPER) != 0 ? PEPPER_BYTES : 0) +
           ((bits & SLOT_VALIDITY) != 0 ? VALIDITY_BYTES : 0);
}

static size_t record_bytes(const struct clientid__record *record)
{
    return sizeof(*record) + record->id_len + slot_bytes(record->secrets[0]) +
           slot_bytes(record->secrets[1]) + record->name_len;
}

static unsigned char *put(unsigned char *at, const void *bytes, size_t len)
{
    if (len > 0)
        memcpy(at, bytes, len);
    return at + len;
}

static unsigned char *put_slot(unsigned char *at, const clientid_secret *secret, uint16_t bits)
{
    if (bits == 0)
        return at;
    at = put(at, secret->hash, HASH_BYTES);
    at = put(at, secret->salt, secret->salt_len);
    if ((bits & SLOT_PEPPER) != 0)
        at = put(at, &secret->pepper_id, sizeof(secret->pepper_id));
    if ((bits & SLOT_VALIDITY) != 0) {
        at = put(at, &secret->not_before_ns, sizeof(secret->not_before_ns));
        at = put(at, &secret->not_after_ns, sizeof(secret->not_after_ns));
    }
    return at;
}

struct clientid__record *clientid__record_new(struct clientid__arena *arena,
                                              const clientid_contract_event *event, uint32_t api,
                                              uint32_t tier)
{
    struct clientid__record header = {
        .id = event->id,
        .application_id = event->application_id,
        .api = api,
        .tier = tier,
        .secrets = {slot_bits(&event->secrets[0]), slot_bits(&event->secrets[1])},
        .id_len = (uint16_t)event->client_id.len,
        .name_len = (uint8_t)event->name.len,
        .status = event->status & 7,
    };
    struct clientid__record *record = clientid__arena_take(arena, record_bytes(&header));
    unsigned char *at;

    if (record == NULL)
        return NULL;
    *record = header;
    at = put(record->bytes, event->client_id.ptr, event->client_id.len);
    at = put_slot(at, &event->secrets[0], header.secrets[0]);
    at = put_slot(at, &event->secrets[1], header.secrets[1]);
    put(at, event->name.ptr, event->name.len);
    return record;
}

struct clientid__record *clientid__record_copy(struct clientid__arena *arena,
                                               const struct clientid__record *master, uint32_t api)
{
    size_t bytes = record_bytes(master);
    struct clientid__record *record = clientid__arena_take(arena, bytes);

    if (record == NULL)
        return NULL;
    memcpy(record, master, bytes);
    record->next = NULL;
    record->api = api;
    record->copy = 1;
    return record;
}

void clientid__record_give(struct clientid__arena *arena, struct clientid__record *record)
{
    clientid__arena_give(arena, record, record_bytes(record));
}

/* ---- reading --------------------------------------------------------------------------------- */

clientid_str clientid__record_name(const struct clientid__record *record)
{
    size_t at = record->id_len + slot_bytes(record->secrets[0]) + slot_bytes(record->secrets[1]);

    return (clientid_str){(const char *)record->bytes + at, record->name_len};
}

struct clientid__secret_slot clientid__record_slot(const struct clientid__record *record,
                                                   unsigned n)
{
    uint16_t bits = record->secrets[n];
    const unsigned char *at =
        record->bytes + record->id_len + (n == 0 ? 0 : slot_bytes(record->secrets[0]));
    struct clientid__secret_slot slot = {.hash = nothing, .salt = nothing};

    if (bits == 0)
        return slot;
    slot.algorithm = bits & SLOT_ALGORITHM;
    slot.salt_len = slot_salt_len(bits);
    slot.hash = at;
    slot.salt = at + HASH_BYTES;
    at += HASH_BYTES + slot.salt_len;
    if ((bits & SLOT_PEPPER) != 0) {
        memcpy(&slot.pepper_id, at, PEPPER_BYTES);
        at += PEPPER_BYTES;
    }
    if ((bits & SLOT_VALIDITY) != 0) {
        memcpy(&slot.not_before_ns, at, sizeof(slot.not_before_ns));
        memcpy(&slot.not_after_ns, at + sizeof(slot.not_before_ns), sizeof(slot.not_after_ns));
    }
    return slot;
}

void clientid__record_secret(const struct clientid__record *record, unsigned n,
                             clientid_secret *out)
{
    struct clientid__secret_slot slot = clientid__record_slot(record, n);

    *out = (clientid_secret){
        .algorithm = slot.algorithm,
        .pepper_id = slot.pepper_id,
        .salt_len = (uint32_t)slot.salt_len,
        .not_before_ns = slot.not_before_ns,
        .not_after_ns = slot.not_after_ns,
    };
    memcpy(out->hash, slot.hash, HASH_BYTES);
    memcpy(out->salt, slot.salt, slot.salt_len);
}

bool clientid__record_two_salts(const struct clientid__record *record)
{
    struct clientid__secret_slot a = clientid__record_slot(record, 0);
    struct clientid__secret_slot b = clientid__record_slot(record, 1);

    if (a.algorithm == CLIENTID_SECRET_NONE || b.algorithm == CLIENTID_SECRET_NONE)
        return false;
    return a.salt_len != b.salt_len || memcmp(a.salt, b.salt, a.salt_len) != 0;
}
