/* SPDX-License-Identifier: Apache-2.0 */
/* decode(encode(event)) equals the event, encode(decode(bytes)) equals the bytes, all else is refused. */
#include "sync/codec.h"

#include "base/mem.h"
#include "sync/wire.h"

#include <stdbool.h>
#include <string.h>

#define HEAD_BYTES    9u /* type, revision */
#define STRING_BYTES  2u /* length of a string */
#define LIMIT_BYTES   17u
#define SLOT_BYTES    (1u + 4u + 32u + 1u + CLIENTID_SALT_MAX + 8u + 8u)
#define MEMBER_LEAST  (STRING_BYTES + 1u)
#define CONTRACT_MOST (3u * 8u + 1u + 2u * SLOT_BYTES)

int clientid__bytes_reserve(struct clientid__bytes *bytes, size_t more)
{
    size_t wanted = bytes->capacity < 256 ? 256 : bytes->capacity;
    unsigned char *larger;

    if (more <= bytes->capacity - bytes->len)
        return 0;
    if (more > SIZE_MAX / 4 - bytes->len)
        return CLIENTID_ERR_NOMEM;
    while (wanted < bytes->len + more)
        wanted *= 2;
    /* Not zeroed: these buffers reach megabytes and are overwritten at once. */
    larger = bytes->mem->allocate(bytes->mem->self, wanted);
    if (larger == NULL)
        return CLIENTID_ERR_NOMEM;
    if (bytes->len > 0)
        memcpy(larger, bytes->data, bytes->len);
    clientid__free(bytes->mem, bytes->data);
    bytes->data = larger;
    bytes->capacity = wanted;
    return 0;
}

void clientid__bytes_free(struct clientid__bytes *bytes)
{
    clientid__free(bytes->mem, bytes->data);
    *bytes = (struct clientid__bytes){.mem = bytes->mem};
}

/* ---- what is allowed --------------------------------------------------------------------------- */

static bool is_api_name(clientid_str s)
{
    return s.len >= 1 && s.len <= CLIENTID__API_NAME_MAX;
}

static bool is_client_id(clientid_str s)
{
    return s.len >= 1 && s.len <= CLIENTID_ID_MAX;
}

static bool tier_valid(const clientid_tier_event *tier)
{
    if (tier->id == 0 || tier->name.len > CLIENTID_NAME_MAX ||
        tier->limit_count > CLIENTID_TIER_LIMITS_MAX)
        return false;
    for (size_t i = 0; i < tier->limit_count; i++)
        if (tier->limits[i].maximum_requests == 0 || tier->limits[i].period_ms == 0)
            return false;
    return true;
}

static bool contract_valid(const clientid_contract_event *contract)
{
    if (contract->id == 0 || !is_api_name(contract->api) || !is_client_id(contract->client_id) ||
        contract->name.len > CLIENTID_NAME_MAX || contract->application_id == 0 ||
        contract->status < CLIENTID_PENDING || contract->status > CLIENTID_REVOKED)
        return false;
    for (size_t i = 0; i < 2; i++)
        if (contract->secrets[i].algorithm > CLIENTID_SECRET_HMAC_SHA256 ||
            contract->secrets[i].salt_len > CLIENTID_SALT_MAX)
            return false;
    return true;
}

static bool group_valid(const clientid_group_event *group)
{
    if (!is_api_name(group->name) || group->member_count > CLIENTID__EVENT_BYTES_MAX / MEMBER_LEAST)
        return false;
    for (size_t i = 0; i < group->member_count; i++)
        if (!is_api_name(group->members[i]))
            return false;
    return true;
}

static bool event_valid(const clientid_event *event)
{
    switch (event->type) {
    case CLIENTID_EVENT_TIER:
        return tier_valid(&event->u.tier);
    case CLIENTID_EVENT_TIER_REMOVED:
        return event->u.tier.id != 0;
    case CLIENTID_EVENT_CONTRACT:
        return contract_valid(&event->u.contract);
    case CLIENTID_EVENT_CONTRACT_REMOVED:
        return is_api_name(event->u.contract.api) && is_client_id(event->u.contract.client_id);
    case CLIENTID_EVENT_GROUP:
        return group_valid(&event->u.group);
    case CLIENTID_EVENT_GROUP_REMOVED:
        return is_api_name(event->u.group.name);
    default:
        return false;
    }
}

/* ---- encode ------------------------------------------------------------------------------------ */

static unsigned char *put_u64(unsigned char *p, uint64_t v)
{
    clientid__put64(p, v);
    return p + 8;
}

static unsigned char *put_str(unsigned char *p, clientid_str s)
{
    clientid__put16(p, (uint16_t)s.len);
    if (s.len > 0)
        memcpy(p + STRING_BYTES, s.ptr, s.len);
    return p + STRING_BYTES + s.len;
}

static unsigned char *put_slot(unsigned char *p, const clientid_secret *slot)
{
    *p++ = (unsigned char)slot->algorithm;
    if (slot->algorithm == CLIENTID_SECRET_NONE)
        return p;
    if (slot->algorithm == CLIENTID_SECRET_HMAC_SHA256) {
        clientid__put32(p, slot->pepper_id);
        p += 4;
    }
    memcpy(p, slot->hash, sizeof(slot->hash));
    p += sizeof(slot->hash);
    *p++ = (unsigned char)slot->salt_len;
    memcpy(p, slot->salt, slot->salt_len);
    p = put_u64(p + slot->salt_len, slot->not_before_ns);
    return put_u64(p, slot->not_after_ns);
}

static unsigned char *put_tier(unsigned char *p, const clientid_tier_event *tier)
{
    p = put_str(put_u64(p, tier->id), tier->name);
    *p++ = (unsigned char)tier->limit_count;
    for (size_t i = 0; i < tier->limit_count; i++) {
        p = put_u64(p, tier->limits[i].maximum_requests);
        p = put_u64(p, tier->limits[i].period_ms);
        *p++ = tier->limits[i].visible != 0;
    }
    return p;
}

static unsigned char *put_contract(unsigned char *p, const clientid_contract_event *contract)
{
    p = put_u64(p, contract->id);
    p = put_u64(p, contract->application_id);
    p = put_u64(p, contract->tier_id);
    *p++ = (unsigned char)contract->status;
    p = put_str(p, contract->api);
    p = put_str(p, contract->client_id);
    p = put_str(p, contract->name);
    p = put_slot(p, &contract->secrets[0]);
    return put_slot(p, &contract->secrets[1]);
}

static unsigned char *put_group(unsigned char *p, const clientid_group_event *group)
{
    p = put_str(p, group->name);
    clientid__put32(p, (uint32_t)group->member_count);
    p += 4;
    for (size_t i = 0; i < group->member_count; i++)
        p = put_str(p, group->members[i]);
    return p;
}

static unsigned char *put_event(unsigned char *p, const clientid_event *event)
{
    *p++ = (unsigned char)event->type;
    p = put_u64(p, event->revision);
    switch (event->type) {
    case CLIENTID_EVENT_TIER:
        return put_tier(p, &event->u.tier);
    case CLIENTID_EVENT_TIER_REMOVED:
        return put_u64(p, event->u.tier.id);
    case CLIENTID_EVENT_CONTRACT:
        return put_contract(p, &event->u.contract);
    case CLIENTID_EVENT_CONTRACT_REMOVED:
        p = put_str(put_u64(p, event->u.contract.id), event->u.contract.api);
        return put_str(p, event->u.contract.client_id);
    case CLIENTID_EVENT_GROUP:
        return put_group(p, &event->u.group);
    case CLIENTID_EVENT_GROUP_REMOVED:
        return put_str(p, event->u.group.name);
    }
    return p;
}

/* Never less than the event needs. */
static size_t most_bytes(const clientid_event *event)
{
    size_t bytes = HEAD_BYTES + 3 * STRING_BYTES;

    if (event->type == CLIENTID_EVENT_TIER || event->type == CLIENTID_EVENT_TIER_REMOVED)
        return bytes + 8 + CLIENTID_NAME_MAX + 1 + CLIENTID_TIER_LIMITS_MAX * LIMIT_BYTES;
    if (event->type == CLIENTID_EVENT_CONTRACT || event->type == CLIENTID_EVENT_CONTRACT_REMOVED)
        return bytes + CONTRACT_MOST + CLIENTID__API_NAME_MAX + CLIENTID_ID_MAX + CLIENTID_NAME_MAX;
    bytes += CLIENTID__API_NAME_MAX + 4;
    if (event->type == CLIENTID_EVENT_GROUP)
        for (size_t i = 0; i < event->u.group.member_count; i++)
            bytes += STRING_BYTES + event->u.group.members[i].len;
    return bytes;
}

int clientid__event_encode(struct clientid__bytes *out, const clientid_event *event)
{
    size_t most;
    int rv;

    if (!event_valid(event))
        return CLIENTID_ERR_ARG;
    most = most_bytes(event);
    if (most > CLIENTID__EVENT_BYTES_MAX)
        return CLIENTID_ERR_ARG;
    rv = clientid__bytes_reserve(out, most);
    if (rv != 0)
        return rv;
    out->len = (size_t)(put_event(out->data + out->len, event) - out->data);
    return 0;
}

/* ---- decode ------------------------------------------------------------------------------------ */

/* Reading past the end yields zeros and is remembered. */
struct cursor {
    const unsigned char *at;
    size_t left;
    bool bad;
};

static const unsigned char *take(struct cursor *c, size_t len)
{
    static const unsigned char zeros[64];
    const unsigned char *at = c->at;

    if (c->bad || len > c->left) {
        c->bad = true;
        return len <= sizeof(zeros) ? zeros : NULL;
    }
    c->at += len;
    c->left -= len;
    return at;
}

static uint64_t get_u64(struct cursor *c)
{
    return clientid__get64(take(c, 8));
}

static unsigned get_u8(struct cursor *c)
{
    return *take(c, 1);
}

static clientid_str get_str(struct cursor *c)
{
    size_t len = clientid__get16(take(c, STRING_BYTES));
    const unsigned char *bytes = take(c, len);

    return c->bad ? (clientid_str){NULL, 0} : (clientid_str){(const char *)bytes, len};
}

static void get_slot(struct cursor *c, clientid_secret *slot)
{
    *slot = (clientid_secret){.algorithm = get_u8(c)};
    if (slot->algorithm == CLIENTID_SECRET_NONE)
        return;
    if (slot->algorithm == CLIENTID_SECRET_HMAC_SHA256)
        slot->pepper_id = clientid__get32(take(c, 4));
    memcpy(slot->hash, take(c, sizeof(slot->hash)), sizeof(slot->hash));
    slot->salt_len = get_u8(c);
    if (slot->salt_len > CLIENTID_SALT_MAX) {
        c->bad = true;
        return;
    }
    memcpy(slot->salt, take(c, slot->salt_len), slot->salt_len);
    slot->not_before_ns = get_u64(c);
    slot->not_after_ns = get_u64(c);
}

static void get_tier(struct cursor *c, struct clientid__decoded *out)
{
    clientid_tier_event *tier = &out->event.u.tier;

    *tier = (clientid_tier_event){.id = get_u64(c), .limits = out->limits};
    tier->name = get_str(c);
    tier->limit_count = get_u8(c);
    if (tier->limit_count > CLIENTID_TIER_LIMITS_MAX) {
        c->bad = true;
        return;
    }
    for (size_t i = 0; i < tier->limit_count; i++) {
        out->limits[i] = (clientid_limit){.maximum_requests = get_u64(c)};
        out->limits[i].period_ms = get_u64(c);
        out->limits[i].visible = get_u8(c);
        c->bad |= out->limits[i].visible > 1;
    }
}

static void get_contract(struct cursor *c, clientid_contract_event *contract)
{
    *contract = (clientid_contract_event){.id = get_u64(c)};
    contract->application_id = get_u64(c);
    contract->tier_id = get_u64(c);
    contract->status = get_u8(c);
    contract->api = get_str(c);
    contract->client_id = get_str(c);
    contract->name = get_str(c);
    get_slot(c, &contract->secrets[0]);
    get_slot(c, &contract->secrets[1]);
}

static int members_reserve(struct clientid__decoded *out, size_t count)
{
    clientid_str *larger;

    if (count <= out->member_capacity)
        return 0;
    larger = clientid__alloc(out->mem, count, sizeof(*larger));
    if (larger == NULL)
        return CLIENTID_ERR_NOMEM;
    clientid__free(out->mem, out->members);
    out->members = larger;
    out->member_capacity = count;
    return 0;
}

static int get_group(struct cursor *c, struct clientid__decoded *out)
{
    clientid_group_event *group = &out->event.u.group;
    size_t count;
    int rv;

    *group = (clientid_group_event){.name = get_str(c)};
    count = clientid__get32(take(c, 4));
    /* Before any memory is taken: a few bytes must not ask for gigabytes. */
    if (count > c->left / MEMBER_LEAST)
        return CLIENTID_ERR_CORRUPT;
    rv = members_reserve(out, count);
    if (rv != 0)
        return rv;
    for (size_t i = 0; i < count; i++)
        out->members[i] = get_str(c);
    group->members = out->members;
    group->member_count = count;
    return 0;
}

static int get_event(struct cursor *c, struct clientid__decoded *out)
{
    switch (out->event.type) {
    case CLIENTID_EVENT_TIER:
        get_tier(c, out);
        return 0;
    case CLIENTID_EVENT_TIER_REMOVED:
        out->event.u.tier = (clientid_tier_event){.id = get_u64(c)};
        return 0;
    case CLIENTID_EVENT_CONTRACT:
        get_contract(c, &out->event.u.contract);
        return 0;
    case CLIENTID_EVENT_CONTRACT_REMOVED:
        out->event.u.contract = (clientid_contract_event){.id = get_u64(c)};
        out->event.u.contract.api = get_str(c);
        out->event.u.contract.client_id = get_str(c);
        return 0;
    case CLIENTID_EVENT_GROUP:
        return get_group(c, out);
    case CLIENTID_EVENT_GROUP_REMOVED:
        out->event.u.group = (clientid_group_event){.name = get_str(c)};
        return 0;
    }
    return CLIENTID_ERR_CORRUPT;
}

int clientid__event_decode(struct clientid__decoded *out, const unsigned char *bytes, size_t len)
{
    struct cursor c = {bytes, len, false};
    unsigned type;
    int rv;

    if (len > CLIENTID__EVENT_BYTES_MAX)
        return CLIENTID_ERR_CORRUPT;
    type = get_u8(&c);
    if (type < CLIENTID_EVENT_TIER || type > CLIENTID_EVENT_GROUP_REMOVED)
        return CLIENTID_ERR_CORRUPT;
    out->event.type = (clientid_event_type)type;
    out->event.revision = get_u64(&c);
    rv = get_event(&c, out);
    if (rv != 0)
        return rv;
    return c.bad || c.left != 0 || !event_valid(&out->event) ? CLIENTID_ERR_CORRUPT : 0;
}

void clientid__decoded_free(struct clientid__decoded *out)
{
    clientid__free(out->mem, out->members);
    out->members = NULL;
    out->member_capacity = 0;
}
