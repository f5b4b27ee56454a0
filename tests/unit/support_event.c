/* SPDX-License-Identifier: Apache-2.0 */
#include "support_event.h"

#include "base/hash.h"
#include "base/mem.h"

#include <dirent.h>
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

uint64_t support_random(uint64_t *seed)
{
    return clientid__mix64(*seed += 0x9e3779b97f4a7c15ULL);
}

/* |least| to |most|, both ends often. */
static size_t length(uint64_t *seed, size_t least, size_t most)
{
    uint64_t draw = support_random(seed);

    if (draw % 8 == 0)
        return least;
    if (draw % 8 == 1)
        return most;
    return least + (draw >> 8) % (most - least + 1);
}

static clientid_str text(char *out, uint64_t *seed, size_t least, size_t most)
{
    size_t len = length(seed, least, most);

    for (size_t i = 0; i < len; i++)
        out[i] = (char)support_random(seed);
    return (clientid_str){out, len};
}

static void random_slot(clientid_secret *slot, uint64_t *seed)
{
    *slot = (clientid_secret){.algorithm = (uint32_t)(support_random(seed) % 3)};
    if (slot->algorithm == CLIENTID_SECRET_NONE)
        return;
    if (slot->algorithm == CLIENTID_SECRET_HMAC_SHA256)
        slot->pepper_id = (uint32_t)support_random(seed);
    for (size_t i = 0; i < sizeof(slot->hash); i++)
        slot->hash[i] = (unsigned char)support_random(seed);
    slot->salt_len = (uint32_t)length(seed, 0, CLIENTID_SALT_MAX);
    for (size_t i = 0; i < slot->salt_len; i++)
        slot->salt[i] = (unsigned char)support_random(seed);
    slot->not_before_ns = support_random(seed) % 2 ? 0 : support_random(seed);
    slot->not_after_ns = support_random(seed) % 2 ? 0 : support_random(seed);
}

static void random_tier(struct support_event *out, uint64_t *seed)
{
    size_t count = length(seed, 0, CLIENTID_TIER_LIMITS_MAX);

    for (size_t i = 0; i < count; i++)
        out->limits[i] = (clientid_limit){.maximum_requests = support_random(seed) | 1,
                                          .period_ms = support_random(seed) | 1,
                                          .visible = (uint32_t)(support_random(seed) % 2)};
    out->event.u.tier =
        (clientid_tier_event){support_random(seed) | 1,
                              text(out->text[0], seed, 0, CLIENTID_NAME_MAX), out->limits, count};
}

static void random_contract(struct support_event *out, uint64_t *seed)
{
    clientid_contract_event *contract = &out->event.u.contract;

    *contract = (clientid_contract_event){
        .id = support_random(seed) | 1,
        .api = text(out->text[0], seed, 1, CLIENTID__API_NAME_MAX),
        .client_id = text(out->text[1], seed, 1, CLIENTID_ID_MAX),
        .name = text(out->text[2], seed, 0, CLIENTID_NAME_MAX),
        .application_id = support_random(seed) | 1,
        .tier_id = support_random(seed) % 3,
        .status = 1 + (uint32_t)(support_random(seed) % 4),
    };
    random_slot(&contract->secrets[0], seed);
    random_slot(&contract->secrets[1], seed);
}

static void random_group(struct support_event *out, uint64_t *seed)
{
    size_t count = length(seed, 0, 40);

    for (size_t i = 0; i < count; i++)
        out->members[i] = text(out->member_text[i], seed, 1, CLIENTID__API_NAME_MAX);
    out->event.u.group = (clientid_group_event){text(out->text[0], seed, 1, CLIENTID__API_NAME_MAX),
                                                out->members, count};
}

void support_event_random(struct support_event *out, uint64_t *seed)
{
    memset(&out->event, 0, sizeof(out->event));
    out->event.type = (clientid_event_type)(1 + support_random(seed) % 6);
    out->event.revision = support_random(seed);
    switch (out->event.type) {
    case CLIENTID_EVENT_TIER:
        random_tier(out, seed);
        break;
    case CLIENTID_EVENT_TIER_REMOVED:
        out->event.u.tier.id = support_random(seed) | 1;
        break;
    case CLIENTID_EVENT_CONTRACT:
        random_contract(out, seed);
        break;
    case CLIENTID_EVENT_CONTRACT_REMOVED:
        out->event.u.contract.id = support_random(seed);
        out->event.u.contract.api = text(out->text[0], seed, 1, CLIENTID__API_NAME_MAX);
        out->event.u.contract.client_id = text(out->text[1], seed, 1, CLIENTID_ID_MAX);
        break;
    case CLIENTID_EVENT_GROUP:
        random_group(out, seed);
        break;
    case CLIENTID_EVENT_GROUP_REMOVED:
        out->event.u.group.name = text(out->text[0], seed, 1, CLIENTID__API_NAME_MAX);
        break;
    }
}

void support_event_tier(struct support_event *out, uint64_t id, uint64_t maximum, uint64_t revision)
{
    out->limits[0] = (clientid_limit){.maximum_requests = maximum, .period_ms = 1000, .visible = 1};
    out->event = (clientid_event){.type = CLIENTID_EVENT_TIER, .revision = revision};
    out->event.u.tier = (clientid_tier_event){id, CLIENTID_STR("tier"), out->limits, 1};
}

static bool str_equal(clientid_str a, clientid_str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

static bool slot_equal(const clientid_secret *a, const clientid_secret *b)
{
    return a->algorithm == b->algorithm && a->pepper_id == b->pepper_id &&
           memcmp(a->hash, b->hash, sizeof(a->hash)) == 0 && a->salt_len == b->salt_len &&
           memcmp(a->salt, b->salt, sizeof(a->salt)) == 0 && a->not_before_ns == b->not_before_ns &&
           a->not_after_ns == b->not_after_ns;
}

static bool tier_equal(const clientid_tier_event *a, const clientid_tier_event *b)
{
    if (a->id != b->id || !str_equal(a->name, b->name) || a->limit_count != b->limit_count)
        return false;
    for (size_t i = 0; i < a->limit_count; i++)
        if (a->limits[i].maximum_requests != b->limits[i].maximum_requests ||
            a->limits[i].period_ms != b->limits[i].period_ms ||
            a->limits[i].visible != b->limits[i].visible)
            return false;
    return true;
}

static bool contract_equal(const clientid_contract_event *a, const clientid_contract_event *b)
{
    return a->id == b->id && str_equal(a->api, b->api) && str_equal(a->client_id, b->client_id) &&
           str_equal(a->name, b->name) && a->application_id == b->application_id &&
           a->tier_id == b->tier_id && a->status == b->status &&
           slot_equal(&a->secrets[0], &b->secrets[0]) && slot_equal(&a->secrets[1], &b->secrets[1]);
}

static bool group_equal(const clientid_group_event *a, const clientid_group_event *b)
{
    if (!str_equal(a->name, b->name) || a->member_count != b->member_count)
        return false;
    for (size_t i = 0; i < a->member_count; i++)
        if (!str_equal(a->members[i], b->members[i]))
            return false;
    return true;
}

bool support_event_equal(const clientid_event *a, const clientid_event *b)
{
    if (a->type != b->type || a->revision != b->revision)
        return false;
    if (a->type == CLIENTID_EVENT_TIER || a->type == CLIENTID_EVENT_TIER_REMOVED)
        return tier_equal(&a->u.tier, &b->u.tier);
    if (a->type == CLIENTID_EVENT_CONTRACT || a->type == CLIENTID_EVENT_CONTRACT_REMOVED)
        return contract_equal(&a->u.contract, &b->u.contract);
    return group_equal(&a->u.group, &b->u.group);
}

void support_sink_init(struct support_sink *sink)
{
    *sink = (struct support_sink){.bytes = {.mem = &clientid__malloc}};
}

int support_sink_take(void *self, const clientid_event *event)
{
    struct support_sink *sink = self;

    if (++sink->events == sink->fail_at)
        return sink->code;
    return clientid__event_encode(&sink->bytes, event);
}

void support_sink_clear(struct support_sink *sink)
{
    sink->bytes.len = 0;
    sink->events = 0;
}

void support_sink_del(struct support_sink *sink)
{
    clientid__bytes_free(&sink->bytes);
}

void support_folder_new(char *path)
{
    const char *parent = getenv("TMPDIR");

    snprintf(path, 64, "%.40s/clientid-XXXXXX", parent != NULL ? parent : "/tmp");
    assert_non_null(mkdtemp(path));
}

void support_path(char *out, size_t len, const char *folder, const char *name)
{
    assert_true(snprintf(out, len, "%s/%s", folder, name) < (int)len);
}

void support_folder_del(const char *path)
{
    DIR *folder = opendir(path);
    struct dirent *entry;
    char name[512];

    assert_non_null(folder);
    while ((entry = readdir(folder)) != NULL) {
        if (strcmp(entry->d_name, ".") == 0 || strcmp(entry->d_name, "..") == 0)
            continue;
        support_path(name, sizeof(name), path, entry->d_name);
        assert_int_equal(unlink(name), 0);
    }
    closedir(folder);
    assert_int_equal(rmdir(path), 0);
}

unsigned char *support_read(const char *folder, const char *name, size_t *len)
{
    char path[512];
    unsigned char *bytes;
    int fd;
    off_t size;

    support_path(path, sizeof(path), folder, name);
    fd = open(path, O_RDONLY | O_CLOEXEC);
    assert_true(fd >= 0);
    size = lseek(fd, 0, SEEK_END);
    bytes = malloc((size_t)size + 1);
    assert_non_null(bytes);
    assert_int_equal(pread(fd, bytes, (size_t)size, 0), size);
    close(fd);
    *len = (size_t)size;
    return bytes;
}

void support_write(const char *folder, const char *name, const void *bytes, size_t len)
{
    char path[512];
    int fd;

    support_path(path, sizeof(path), folder, name);
    fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, bytes, len), len);
    close(fd);
}
