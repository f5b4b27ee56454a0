/* SPDX-License-Identifier: Apache-2.0 */
/* Load, changes and poll; a file that is away, replaced or moved back; changes that replay to what a load gives. */
#include "store/sqlite.h"
#include "support_event.h"
#include "support_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- a naive registry ------------------------------------------------------------------------ */

#define THINGS 256

/* Everything a source told, as text by key; two of them are equal when the same things are. */
struct map {
    struct {
        char key[700], value[1400];
    } things[THINGS];
    size_t count;
    size_t events;
    bool broken; /* a contract named a tier that was not there */
};

static size_t find(const struct map *map, const char *key)
{
    size_t i = 0;

    while (i < map->count && strcmp(map->things[i].key, key) != 0)
        i++;
    return i;
}

static void set(struct map *map, const char *key, const char *value)
{
    size_t i = find(map, key);

    if (value == NULL) {
        if (i < map->count)
            map->things[i] = map->things[--map->count];
        return;
    }
    assert_true(i < THINGS);
    map->count += i == map->count;
    snprintf(map->things[i].key, sizeof(map->things[i].key), "%s", key);
    snprintf(map->things[i].value, sizeof(map->things[i].value), "%s", value);
}

static void slot_text(char *out, size_t size, const clientid_secret *slot)
{
    size_t used = (size_t)snprintf(out, size, "%u %u %llu %llu ", slot->algorithm, slot->pepper_id,
                                   (unsigned long long)slot->not_before_ns,
                                   (unsigned long long)slot->not_after_ns);

    for (size_t i = 0; i < 32; i++)
        used += (size_t)snprintf(out + used, size - used, "%02x", slot->hash[i]);
    for (size_t i = 0; i < slot->salt_len; i++)
        used += (size_t)snprintf(out + used, size - used, "%02x", slot->salt[i]);
}

static void take_contract(struct map *map, const clientid_contract_event *c, bool gone)
{
    char key[700], value[1400], slots[2][256], tier[700];

    snprintf(key, sizeof(key), "contract %.*s %.*s %llu", (int)c->api.len, c->api.ptr,
             (int)c->client_id.len, c->client_id.ptr, (unsigned long long)c->id);
    slot_text(slots[0], sizeof(slots[0]), &c->secrets[0]);
    slot_text(slots[1], sizeof(slots[1]), &c->secrets[1]);
    snprintf(value, sizeof(value), "%.*s %llu %llu %u %s %s", (int)c->name.len, c->name.ptr,
             (unsigned long long)c->application_id, (unsigned long long)c->tier_id, c->status,
             slots[0], slots[1]);
    snprintf(tier, sizeof(tier), "tier %llu", (unsigned long long)c->tier_id);
    if (!gone && c->tier_id != 0 && find(map, tier) == map->count)
        map->broken = true;
    set(map, key, gone ? NULL : value);
}

static void take_tier(struct map *map, const clientid_tier_event *t, bool gone)
{
    char key[700], value[1400];
    size_t used;

    snprintf(key, sizeof(key), "tier %llu", (unsigned long long)t->id);
    used = (size_t)snprintf(value, sizeof(value), "%.*s", (int)t->name.len, t->name.ptr);
    for (size_t i = 0; i < t->limit_count && !gone; i++)
        used += (size_t)snprintf(value + used, sizeof(value) - used, " %llu/%llu/%u",
                                 (unsigned long long)t->limits[i].maximum_requests,
                                 (unsigned long long)t->limits[i].period_ms, t->limits[i].visible);
    set(map, key, gone ? NULL : value);
}

static void take_group(struct map *map, const clientid_group_event *g, bool gone)
{
    char key[700], value[1400] = "";
    size_t used = 0;

    snprintf(key, sizeof(key), "group %.*s", (int)g->name.len, g->name.ptr);
    for (size_t i = 0; i < g->member_count && !gone; i++)
        used += (size_t)snprintf(value + used, sizeof(value) - used, " %.*s",
                                 (int)g->members[i].len, g->members[i].ptr);
    set(map, key, gone ? NULL : value);
}

static int take(void *sink, const clientid_event *event)
{
    struct map *map = sink;

    map->events++;
    switch (event->type) {
    case CLIENTID_EVENT_TIER:
    case CLIENTID_EVENT_TIER_REMOVED:
        take_tier(map, &event->u.tier, event->type == CLIENTID_EVENT_TIER_REMOVED);
        return 0;
    case CLIENTID_EVENT_GROUP:
    case CLIENTID_EVENT_GROUP_REMOVED:
        take_group(map, &event->u.group, event->type == CLIENTID_EVENT_GROUP_REMOVED);
        return 0;
    default:
        take_contract(map, &event->u.contract, event->type == CLIENTID_EVENT_CONTRACT_REMOVED);
        return 0;
    }
}

static bool same(const struct map *a, const struct map *b)
{
    for (size_t i = 0; i < a->count; i++) {
        size_t j = find(b, a->things[i].key);

        if (j == b->count || strcmp(a->things[i].value, b->things[j].value) != 0) {
            print_message("%s: %s\n", a->things[i].key, a->things[i].value);
            return false;
        }
    }
    return a->count == b->count;
}

/* ---- a source beside a store ----------------------------------------------------------------- */

struct fixture {
    struct support_store s;
    clientid_source source;
    clientid_position position;
    struct map *map, *other;
};

static void fixture_new(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    support_store_new(&f->s);
    assert_int_equal(clientid_store_source(&f->source, f->s.uri, &f->s.error), 0);
    f->map = calloc(2, sizeof(*f->map));
    assert_non_null(f->map);
    f->other = f->map + 1;
}

static void fixture_del(struct fixture *f)
{
    f->source.close(f->source.self);
    free(f->map);
    support_store_del(&f->s);
}

static int poll_source(struct fixture *f)
{
    return f->source.poll(f->source.self, &f->s.error);
}

static int load(struct fixture *f)
{
    memset(f->map, 0, sizeof(*f->map));
    return f->source.load(f->source.self, take, f->map, &f->position, &f->s.error);
}

static int changes(struct fixture *f)
{
    f->map->events = 0;
    return f->source.changes(f->source.self, take, f->map, &f->position, &f->s.error);
}

static void test_poll_load_changes(void **state)
{
    struct fixture f;
    uint64_t api, tier, app, contract;

    (void)state;
    fixture_new(&f);
    api = support_new_api(&f.s, "orders");
    tier = support_new_tier(&f.s, api, "gold", false);
    app = support_new_application(&f.s, "app");
    contract = support_new_contract(&f.s, app, api, tier);
    support_new_group(&f.s, "all", "orders");
    assert_int_equal(poll_source(&f), 1);
    assert_int_equal(poll_source(&f), 1); /* until it is taken */
    assert_int_equal(load(&f), 0);
    assert_int_equal(f.map->events, 3);
    assert_int_equal(f.position.revision, support_revision(&f.s));
    assert_int_equal(poll_source(&f), 0);
    support_act(&f.s, contract, CLIENTID_VERB_APPROVE);
    support_act(&f.s, contract, CLIENTID_VERB_REVOKE);
    assert_int_equal(poll_source(&f), 1);
    assert_int_equal(changes(&f), 0);
    assert_int_equal(f.map->events, 1); /* as it is now, once */
    assert_int_equal(poll_source(&f), 0);
    assert_int_equal(changes(&f), 0);
    assert_int_equal(f.map->events, 0);
    /* A client id that only has a new secret changes its contracts; a new owner changes nothing. */
    {
        clientid_credentials credentials = {.size = sizeof(credentials)};

        assert_int_equal(
            clientid_control_secret_reset(f.s.control, app, NULL, &credentials, &f.s.error), 0);
    }
    assert_int_equal(changes(&f), 0);
    assert_int_equal(f.map->events, 1);
    assert_int_equal(clientid_control_owner_add(f.s.control, app, CLIENTID_OWNER_USER,
                                                CLIENTID_STR("ann"), &f.s.error),
                     0);
    assert_int_equal(changes(&f), 0);
    assert_int_equal(f.map->events, 0);
    fixture_del(&f);
}

static int refuse(void *sink, const clientid_event *event)
{
    (void)sink;
    (void)event;
    return -77;
}

/* The second secret is read only where there is one. */
static void test_both_secrets(void **state)
{
    struct fixture f;
    clientid_credentials credentials = {.size = sizeof(credentials)};
    clientid_secret secrets[2];
    char slots[2][256], want[600];
    uint64_t api, one, two;

    (void)state;
    fixture_new(&f);
    api = support_new_api(&f.s, "orders");
    two = support_new_application(&f.s, "two");
    one = support_new_application(&f.s, "one");
    support_new_contract(&f.s, two, api, 0);
    support_new_contract(&f.s, one, api, 0);
    assert_int_equal(
        clientid_control_secret_reset(f.s.control, two, NULL, &credentials, &f.s.error), 0);
    assert_int_equal(load(&f), 0);
    for (size_t i = 0; i < f.map->count; i++) {
        bool is_two = strstr(f.map->things[i].key, "orders two ") != NULL;

        if (strncmp(f.map->things[i].key, "contract", 8) != 0)
            continue;
        support_secrets(&f.s, is_two ? two : one, secrets);
        assert_int_equal(secrets[0].algorithm != 0 && secrets[1].algorithm != 0, is_two);
        slot_text(slots[0], sizeof(slots[0]), &secrets[0]);
        slot_text(slots[1], sizeof(slots[1]), &secrets[1]);
        snprintf(want, sizeof(want), " %s %s", slots[0], slots[1]);
        assert_non_null(strstr(f.map->things[i].value, want));
    }
    fixture_del(&f);
}

static void test_what_the_sink_returns(void **state)
{
    struct fixture f;
    clientid_position before;

    (void)state;
    fixture_new(&f);
    assert_int_equal(load(&f), 0);
    support_new_tier(&f.s, support_new_api(&f.s, "orders"), "gold", false);
    before = f.position;
    assert_int_equal(f.source.load(f.source.self, refuse, NULL, &f.position, NULL), -77);
    assert_int_equal(f.source.changes(f.source.self, refuse, NULL, &f.position, NULL), -77);
    assert_memory_equal(&before, &f.position, sizeof(before));
    assert_int_equal(poll_source(&f), 1);
    assert_int_equal(changes(&f), 0);
    assert_int_equal(f.map->count, 1);
    fixture_del(&f);
}

static void test_gaps(void **state)
{
    struct fixture f;
    uint64_t removed = 0;

    (void)state;
    fixture_new(&f);
    support_new_api(&f.s, "orders");
    assert_int_equal(load(&f), 0);
    f.position.identity++;
    assert_int_equal(changes(&f), CLIENTID_ERR_GAP);
    assert_int_equal(load(&f), 0);
    f.position.revision++;
    assert_int_equal(changes(&f), CLIENTID_ERR_GAP);
    assert_int_equal(load(&f), 0);
    support_new_api(&f.s, "stock");
    f.s.now_ns += 1000;
    support_new_api(&f.s, "later");
    /* Up to what it has seen: no gap; further: one. */
    assert_int_equal(
        clientid_control_changes_prune(f.s.control, SUPPORT_START_NS, &removed, &f.s.error), 0);
    assert_int_equal(removed, 0);
    assert_int_equal(
        clientid_control_changes_prune(f.s.control, SUPPORT_START_NS + 1000, &removed, &f.s.error),
        0);
    assert_int_equal(removed, 2);
    assert_int_equal(changes(&f), CLIENTID_ERR_GAP);
    assert_int_equal(load(&f), 0);
    /* An emptied log keeps counting. */
    assert_int_equal(clientid_control_changes_prune(f.s.control, UINT64_MAX, &removed, &f.s.error),
                     0);
    assert_int_equal(changes(&f), 0);
    support_new_api(&f.s, "last");
    assert_int_equal(support_revision(&f.s), 4);
    assert_int_equal(changes(&f), 0);
    fixture_del(&f);
}

/* ---- the file -------------------------------------------------------------------------------- */

static void test_missing_then_there(void **state)
{
    struct fixture f;
    char away[128];

    (void)state;
    fixture_new(&f);
    support_new_api(&f.s, "orders");
    support_store_close(&f.s);
    snprintf(away, sizeof(away), "%s.away", f.s.file);
    assert_int_equal(rename(f.s.file, away), 0);
    assert_int_equal(poll_source(&f), CLIENTID_ERR_UNREACHABLE);
    assert_int_equal(f.s.error.code, CLIENTID_ERR_UNREACHABLE);
    assert_int_equal(load(&f), CLIENTID_ERR_UNREACHABLE);
    assert_int_equal(changes(&f), CLIENTID_ERR_UNREACHABLE);
    assert_int_equal(rename(away, f.s.file), 0);
    assert_int_equal(poll_source(&f), 1);
    assert_int_equal(load(&f), 0);
    /* And while it is open: a renamed database must not be served for ever. */
    assert_int_equal(rename(f.s.file, away), 0);
    assert_int_equal(poll_source(&f), CLIENTID_ERR_UNREACHABLE);
    assert_int_equal(poll_source(&f), CLIENTID_ERR_UNREACHABLE);
    assert_int_equal(rename(away, f.s.file), 0);
    assert_int_equal(poll_source(&f), 1);
    assert_int_equal(changes(&f), CLIENTID_ERR_GAP);
    assert_int_equal(load(&f), 0);
    assert_int_equal(poll_source(&f), 0);
    fixture_del(&f);
}

static void test_replaced(void **state)
{
    struct fixture f;
    struct support_store other;
    clientid_position was;

    (void)state;
    fixture_new(&f);
    support_new_api(&f.s, "orders");
    assert_int_equal(load(&f), 0);
    was = f.position;
    support_store_new(&other);
    support_new_group(&other, "g", (support_new_api(&other, "a"), "a"));
    support_store_close(&other);
    support_store_close(&f.s);
    assert_int_equal(rename(other.file, f.s.file), 0);
    assert_int_equal(poll_source(&f), 1);
    assert_int_equal(changes(&f), CLIENTID_ERR_GAP);
    assert_int_equal(load(&f), 0);
    assert_int_not_equal(f.position.identity, was.identity);
    assert_int_equal(f.map->count, 1);
    support_folder_del(other.folder);
    fixture_del(&f);
}

/* A backup put back: same identity, fewer changes, then other changes up to the same number. */
static void test_restored_backup(void **state)
{
    struct fixture f;
    unsigned char *backup;
    char path[128];
    size_t len;

    (void)state;
    fixture_new(&f);
    support_new_api(&f.s, "orders");
    support_store_close(&f.s);
    backup = support_read(f.s.folder, "store.db", &len);
    support_store_reopen(&f.s, NULL);
    support_new_tier(&f.s, 1, "gold", false);
    assert_int_equal(load(&f), 0);
    support_store_close(&f.s);
    support_write(f.s.folder, "copy.db", backup, len);
    snprintf(path, sizeof(path), "%s/copy.db", f.s.folder);
    assert_int_equal(rename(path, f.s.file), 0);
    support_store_reopen(&f.s, NULL);
    support_new_tier(&f.s, 1, "other", false);
    assert_int_equal(f.position.revision, support_revision(&f.s));
    assert_int_equal(changes(&f), CLIENTID_ERR_GAP);
    assert_int_equal(load(&f), 0);
    free(backup);
    fixture_del(&f);
}

static void copy_database(sqlite3 *to, sqlite3 *from)
{
    sqlite3_backup *backup = sqlite3_backup_init(to, "main", from, "main");

    assert_non_null(backup);
    assert_int_equal(sqlite3_backup_step(backup, -1), SQLITE_DONE);
    assert_int_equal(sqlite3_backup_finish(backup), SQLITE_OK);
}

/* "sqlite3 FILE .restore": the file stays, what is in it goes back, and on past what was seen before anybody polls. */
static void test_restored_in_place(void **state)
{
    struct fixture f;
    sqlite3 *backup = NULL;

    (void)state;
    fixture_new(&f);
    support_new_api(&f.s, "orders");
    assert_int_equal(sqlite3_open(":memory:", &backup), SQLITE_OK);
    copy_database(backup, clientid__sqlite_of(f.s.store)->db);
    support_new_tier(&f.s, 1, "gold", false);
    assert_int_equal(load(&f), 0);
    copy_database(clientid__sqlite_of(f.s.store)->db, backup);
    sqlite3_close(backup);
    f.s.now_ns += 1000;
    support_new_tier(&f.s, 1, "other", false);
    support_new_tier(&f.s, 1, "third", false);
    assert_true(support_revision(&f.s) > f.position.revision);
    assert_int_equal(poll_source(&f), 1);
    assert_int_equal(changes(&f), CLIENTID_ERR_GAP);
    assert_int_equal(load(&f), 0);
    assert_int_equal(f.map->count, 2);
    assert_int_equal(changes(&f), 0);
    fixture_del(&f);
}

/* What the last-known-good files say may come from before a backup was put back: deltas after it would miss a revocation. */
static void test_position_of_somebody_else(void **state)
{
    struct fixture f;

    (void)state;
    fixture_new(&f);
    support_new_api(&f.s, "orders");
    assert_int_equal(load(&f), 0);
    f.source.close(f.source.self);
    assert_int_equal(clientid_store_source(&f.source, f.s.uri, &f.s.error), 0);
    f.s.error = (clientid_error){0};
    assert_int_equal(changes(&f), CLIENTID_ERR_GAP);
    assert_int_equal(f.s.error.code, 0); /* every start is one: nothing to warn of */
    assert_int_equal(load(&f), 0);
    assert_int_equal(changes(&f), 0);
    fixture_del(&f);
}

static void test_turned_to_garbage(void **state)
{
    static const char garbage[4096] = "garbage";
    struct fixture f;
    char path[128];

    (void)state;
    fixture_new(&f);
    support_new_api(&f.s, "orders");
    assert_int_equal(load(&f), 0);
    support_store_close(&f.s);
    support_write(f.s.folder, "garbage.db", garbage, sizeof(garbage));
    snprintf(path, sizeof(path), "%s/garbage.db", f.s.folder);
    assert_int_equal(rename(path, f.s.file), 0);
    assert_int_equal(poll_source(&f), CLIENTID_ERR_FORMAT);
    assert_int_equal(load(&f), CLIENTID_ERR_FORMAT);
    fixture_del(&f);
}

/* A reader that closes last must leave the "-wal" alone: under the name, it may be another database's by then. */
static void test_close_keeps_another_wal(void **state)
{
    struct fixture f;
    struct stat st;
    char wal[128];

    (void)state;
    fixture_new(&f);
    support_new_api(&f.s, "orders");
    assert_int_equal(load(&f), 0);
    support_store_close(&f.s);
    snprintf(wal, sizeof(wal), "%s-wal", f.s.file);
    support_write(f.s.folder, "store.db-wal", "x", 1);
    f.source.close(f.source.self);
    assert_int_equal(stat(wal, &st), 0);
    unlink(wal);
    assert_int_equal(clientid_store_source(&f.source, f.s.uri, &f.s.error), 0);
    fixture_del(&f);
}

/* ---- property: changes replay to what a load gives -------------------------------------------- */

enum { API, TIER, APPLICATION, CONTRACT };

struct chance {
    uint64_t seed;
    uint64_t last[4]; /* id that was given last, by kind */
};

static uint64_t pick(struct chance *chance, uint64_t below)
{
    return support_random(&chance->seed) % below;
}

/* One of the younger ones. */
static uint64_t pick_id(struct chance *chance, int kind)
{
    uint64_t back = pick(chance, kind == CONTRACT      ? 20
                                 : kind == APPLICATION ? 8
                                                       : 5),
             last = chance->last[kind];

    return last > back ? last - back : 1;
}

static void created(struct chance *chance, int kind, int rc, const uint64_t *id)
{
    if (rc == 0)
        chance->last[kind] = *id;
}

static void random_tier(struct support_store *s, struct chance *chance)
{
    clientid_limit limits[3];
    char name[16];
    clientid_tier_record record = {.size = sizeof(record),
                                   .api_id = pick_id(chance, API),
                                   .name = {name, 0},
                                   .status = 1 + (pick(chance, 5) == 0),
                                   .auto_approve = (uint32_t)pick(chance, 2),
                                   .limits = limits,
                                   .limit_count = pick(chance, 4)};
    uint64_t id = 0;

    for (uint64_t i = 0; i < 3; i++)
        limits[i] = (clientid_limit){1 + pick(chance, 99), 1000 * (i + 1), 1, 0};
    record.name.len = (size_t)snprintf(name, sizeof(name), "t%d", (int)pick(chance, 5));
    if (pick(chance, 3) == 0)
        created(chance, TIER, clientid_control_tier_create(s->control, &record, &id, NULL), &id);
    else if (pick(chance, 4) == 0)
        clientid_control_tier_delete(s->control, pick_id(chance, TIER), NULL);
    else
        clientid_control_tier_update(s->control, pick_id(chance, TIER), &record,
                                     (unsigned)pick(chance, 32), NULL, NULL);
}

static void random_application(struct support_store *s, struct chance *chance)
{
    char name[16];
    clientid_application_record record = {.size = sizeof(record), .name = {name, 0}};
    clientid_credentials credentials = {.size = sizeof(credentials)};
    uint64_t id = pick_id(chance, APPLICATION);

    record.name.len = (size_t)snprintf(name, sizeof(name), "n%d", (int)pick(chance, 100));
    switch (pick(chance, 7)) {
    case 0:
    case 5:
        created(chance, APPLICATION,
                clientid_control_application_create(s->control, &record, CLIENTID_STR(""),
                                                    &credentials, NULL),
                &credentials.application_id);
        return;
    case 1:
        clientid_control_application_delete(s->control, id, NULL);
        return;
    case 2:
        clientid_control_secret_reset(s->control, id, NULL, &credentials, NULL);
        return;
    case 3:
        clientid_control_secret_revoke(s->control, id, 1 + (unsigned)pick(chance, 2), NULL);
        return;
    default:
        clientid_control_application_update(s->control, id, &record, CLIENTID_APPLICATION_NAME,
                                            NULL);
    }
}

static void random_api(struct support_store *s, struct chance *chance)
{
    static const char *const names[] = {"a", "b", "c", "d", "e"};
    clientid_str members[2] = {support_str(names[pick(chance, 2)]),
                               support_str(names[2 + pick(chance, 3)])};
    clientid_api_record record = {.size = sizeof(record),
                                  .kind = 1 + (uint32_t)pick(chance, 2),
                                  .name = support_str(names[pick(chance, 5)]),
                                  .members = members};
    uint64_t id = 0;

    record.member_count = record.kind == CLIENTID_API_GROUP ? (uint32_t)pick(chance, 3) : 0;
    if (pick(chance, 2) == 0)
        created(chance, API, clientid_control_api_create(s->control, &record, &id, NULL), &id);
    else if (pick(chance, 3) == 0)
        clientid_control_api_delete(s->control, pick_id(chance, API), NULL);
    else
        clientid_control_api_update(s->control, pick_id(chance, API), &record, CLIENTID_API_MEMBERS,
                                    NULL);
}

static void random_contract(struct support_store *s, struct chance *chance)
{
    clientid_access_request request = {.size = sizeof(request),
                                       .application_id = pick_id(chance, APPLICATION),
                                       .api_id = pick_id(chance, API),
                                       .tier_id = pick(chance, 3) == 0 ? 0 : pick_id(chance, TIER)};
    uint64_t id = pick_id(chance, CONTRACT);

    if (pick(chance, 2) == 0)
        created(chance, CONTRACT,
                clientid_control_contract_request(s->control, &request, &id, NULL, NULL), &id);
    else if (pick(chance, 3) == 0)
        clientid_control_contract_change_tier(s->control, id, pick_id(chance, TIER), NULL, NULL);
    else
        clientid_control_contract_act(s->control, id,
                                      (clientid_verb)pick(chance, CLIENTID_VERB_COUNT), NULL);
}

static void test_changes_replay_to_a_load(void **state)
{
    const uint64_t start = 20261101;

    (void)state;
    for (uint64_t round = 0; round < 4; round++) {
        static void (*const doers[])(struct support_store *, struct chance *) = {
            random_api,      random_tier,     random_application, random_contract,
            random_contract, random_contract, random_contract,    random_contract};
        struct chance chance = {.seed = start + round};
        uint64_t most = 0;
        struct fixture f;

        fixture_new(&f);
        assert_int_equal(load(&f), 0);
        for (int step = 0; step < 1500; step++) {
            clientid_position position;

            doers[pick(&chance, 8)](&f.s, &chance);
            if (pick(&chance, 8) != 0)
                continue;
            assert_int_equal(changes(&f), 0);
            memset(f.other, 0, sizeof(*f.other));
            assert_int_equal(f.source.load(f.source.self, take, f.other, &position, &f.s.error), 0);
            if (!same(f.map, f.other) || !same(f.other, f.map) || f.map->broken || f.other->broken)
                fail_msg("seed %llu step %d", (unsigned long long)(start + round), step);
            assert_memory_equal(&position, &f.position, sizeof(position));
            most = f.map->count > most ? f.map->count : most;
        }
        assert_int_equal(clientid_store_verify(f.s.store, &f.s.error), 0);
        assert_true(most > 10);
        fixture_del(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_poll_load_changes),
        cmocka_unit_test(test_both_secrets),
        cmocka_unit_test(test_what_the_sink_returns),
        cmocka_unit_test(test_gaps),
        cmocka_unit_test(test_missing_then_there),
        cmocka_unit_test(test_replaced),
        cmocka_unit_test(test_restored_backup),
        cmocka_unit_test(test_restored_in_place),
        cmocka_unit_test(test_position_of_somebody_else),
        cmocka_unit_test(test_turned_to_garbage),
        cmocka_unit_test(test_close_keeps_another_wal),
        cmocka_unit_test(test_changes_replay_to_a_load),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
