/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One writer changes everything that can change; readers see every contract that always exists, each time whole: as it
 * was or as it is, never a mix, never memory that serves another record already.
 */
#include "base/mem.h"
#include "base/str.h"
#include "registry/secret.h"

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { READERS = 2, FIXED = 40, PASSING = 3000, ROUNDS = 8 };

#define SEED 7

/* Names are "0", "1", ...; the number is the name. */
enum { API, GROUP, MEMBER_A, MEMBER_B };
static const char *const names[] = {"0", "1", "2", "3"};

struct shared {
    struct clientid__epoch *epoch;
    struct clientid__registry *registry;
    _Atomic bool stop;
    _Atomic uint64_t missing, mixed, wrong_secret, seen;
};

static uint32_t intern(void *self, clientid_str name)
{
    (void)self;
    return (uint32_t)(name.ptr[0] - '0');
}

static void client_name(char out[40], const char *kind, unsigned n)
{
    snprintf(out, 40, "%s client, a long id, number %05u", kind, n);
}

/* ---- readers ------------------------------------------------------------------------------------- */

/* Every field follows from the version, which is the application's id. */
static bool whole(const struct clientid__contract *c, uint64_t contract_id)
{
    char name[40];
    uint64_t version = c->application_id;
    size_t len = (size_t)snprintf(name, sizeof(name), "version %llu", (unsigned long long)version);

    if (c->id != contract_id || !clientid__str_eq(c->name, clientid__str(name, len)))
        return false;
    if (c->status != (version % 3 == 0 ? CLIENTID_REVOKED : CLIENTID_APPROVED))
        return false;
    return c->tier != NULL && c->tier->id == 1 + version % 2;
}

/* The limits of a tier all say the same, and so does its name. */
static bool whole_tier(const struct clientid__tier *t)
{
    char name[40];
    uint64_t version = t->limits[0].maximum_requests;
    size_t len = (size_t)snprintf(name, sizeof(name), "tier %llu", (unsigned long long)version);

    for (uint32_t i = 1; i < t->limit_count; i++)
        if (t->limits[i].maximum_requests != version)
            return false;
    return clientid__str_eq(clientid__str(t->name, t->name_len), clientid__str(name, len));
}

static void look(struct shared *s, uint32_t api, unsigned n, bool must_be)
{
    struct clientid__contract c;
    struct clientid__secret_match match;
    char id[40];
    clientid_str client_id;

    client_name(id, must_be ? "fixed" : "passing", n);
    client_id = clientid__cstr(id);
    if (!clientid__registry_find(
            s->registry, api, client_id,
            clientid__registry_hash(clientid__hash128(id, client_id.len, SEED), api), &c)) {
        if (must_be)
            atomic_fetch_add(&s->missing, 1);
        return;
    }
    if (!whole(&c, must_be ? n + 1 : 1000 + n) || !whole_tier(c.tier))
        atomic_fetch_add(&s->mixed, 1);
    match = clientid__secret_verify(s->registry, &c, NULL, CLIENTID_STR("secret"), 5);
    if (match.slot != (c.application_id % 2 == 0 ? 1 : 2))
        atomic_fetch_add(&s->wrong_secret, 1);
    atomic_fetch_add_explicit(&s->seen, 1, memory_order_relaxed);
}

/* The contract that changes most is there at every moment. */
static void look_often(struct shared *s)
{
    struct clientid__contract c;
    char id[40];
    clientid_str client_id;
    uint64_t hash;

    client_name(id, "fixed", 0);
    client_id = clientid__cstr(id);
    hash = clientid__registry_hash(clientid__hash128(id, client_id.len, SEED), API);
    for (int i = 0; i < 20; i++)
        if (!clientid__registry_find(s->registry, API, client_id, hash, &c))
            atomic_fetch_add(&s->missing, 1);
}

static void *reader(void *arg)
{
    struct shared *s = arg;
    struct clientid__epoch_slot *slot = clientid__epoch_slot_get(s->epoch);
    uint64_t n = 0;

    while (!atomic_load(&s->stop)) {
        n++;
        clientid__epoch_enter(slot);
        look(s, API, n % FIXED, true);
        look_often(s);
        look(s, GROUP, n % FIXED, false);
        look(s, MEMBER_A + n % 2, n % PASSING, false);
        look(s, API, n % PASSING, false);
        clientid__epoch_leave(slot);
    }
    clientid__epoch_slot_put(slot);
    return NULL;
}

/* ---- the writer ---------------------------------------------------------------------------------- */

static void apply(struct shared *s, const clientid_event *event)
{
    if (clientid__registry_apply(s->registry, event) != 0)
        abort();
}

static void put_tier(struct shared *s, uint64_t id, uint64_t version)
{
    clientid_limit limits[4];
    char name[40];

    for (int i = 0; i < 4; i++)
        limits[i] = (clientid_limit){version, 1000u + (unsigned)i, 1, 0};
    snprintf(name, sizeof(name), "tier %llu", (unsigned long long)version);
    apply(s, &(clientid_event){.type = CLIENTID_EVENT_TIER,
                               .u.tier = {.id = id,
                                          .name = clientid__cstr(name),
                                          .limits = limits,
                                          .limit_count = 1 + version % 4}});
}

static void put_contract(struct shared *s, unsigned api, const char *kind, unsigned n, uint64_t id,
                         uint64_t version)
{
    char client_id[40], name[40];
    clientid_event event = {.type = CLIENTID_EVENT_CONTRACT};
    clientid_contract_event *c = &event.u.contract;
    clientid_secret *slot = &c->secrets[version % 2];

    client_name(client_id, kind, n);
    snprintf(name, sizeof(name), "version %llu", (unsigned long long)version);
    *c = (clientid_contract_event){.id = id,
                                   .api = clientid__cstr(names[api]),
                                   .client_id = clientid__cstr(client_id),
                                   .name = clientid__cstr(name),
                                   .application_id = version,
                                   .tier_id = 1 + version % 2,
                                   .status =
                                       version % 3 == 0 ? CLIENTID_REVOKED : CLIENTID_APPROVED};
    slot->salt_len = version % 5;
    memset(slot->salt, (int)(version % 7), slot->salt_len);
    if (clientid_secret_hash(slot, CLIENTID_STR("secret"), NULL, 0) != 0)
        abort();
    apply(s, &event);
}

static void remove_contract(struct shared *s, uint64_t id)
{
    apply(s, &(clientid_event){.type = CLIENTID_EVENT_CONTRACT_REMOVED, .u.contract.id = id});
}

static void put_group(struct shared *s, size_t count)
{
    const clientid_str members[] = {clientid__cstr(names[MEMBER_A]),
                                    clientid__cstr(names[MEMBER_B])};

    apply(s,
          &(clientid_event){.type = count > 0 ? CLIENTID_EVENT_GROUP : CLIENTID_EVENT_GROUP_REMOVED,
                            .u.group = {.name = clientid__cstr(names[GROUP]),
                                        .members = members,
                                        .member_count = count}});
}

/* Contracts come until the tables have grown several times, then go. */
static void write_round(struct shared *s, uint64_t round)
{
    unsigned passing = round % 2 == 0 ? PASSING : 100;

    for (unsigned i = 0; i < passing; i++) {
        put_contract(s, i % 3 == 0 ? GROUP : API, "passing", i, 1000 + i, round * 11 + i + 1);
        if (i % 16 == 0)
            put_contract(s, API, "fixed", (i / 16) % FIXED, (i / 16) % FIXED + 1,
                         round * 13 + i + 1);
        if (i % 64 == 0)
            put_tier(s, 1 + i / 64 % 2, round * 17 + i + 1);
        if (i % 512 == 0)
            put_group(s, i / 512 % 3);
    }
    for (unsigned i = 0; i < passing; i++) {
        remove_contract(s, 1000 + i);
        put_contract(s, API, "fixed", 0, 1, round * 19 + i + 1);
    }
}

static void run(int new_domain(struct clientid__epoch **, const clientid_allocator *),
                unsigned rounds)
{
    struct shared s = {.epoch = NULL};
    pthread_t readers[READERS];

    assert_int_equal(new_domain(&s.epoch, &clientid__malloc), 0);
    assert_int_equal(
        clientid__registry_new(&s.registry, &clientid__malloc, s.epoch, SEED, intern, NULL), 0);
    put_tier(&s, 1, 1);
    put_tier(&s, 2, 1);
    for (unsigned i = 0; i < FIXED; i++)
        put_contract(&s, API, "fixed", i, i + 1, 1);
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, reader, &s), 0);
    /* On a busy machine the writer would be done before the first reader runs. */
    while (atomic_load(&s.seen) == 0)
        sched_yield();
    for (unsigned round = 0; round < rounds; round++)
        write_round(&s, round);
    atomic_store(&s.stop, true);
    for (int i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);
    clientid__registry_del(s.registry);
    clientid__epoch_del(s.epoch);
    assert_int_equal(s.missing, 0);
    assert_int_equal(s.mixed, 0);
    assert_int_equal(s.wrong_secret, 0);
    assert_true(s.seen > 0);
}

static void test_membarrier(void **state)
{
    (void)state;
    run(clientid__epoch_new, ROUNDS);
}

static void test_fences(void **state)
{
    (void)state;
    run(clientid__epoch_new_fenced, ROUNDS / 4);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_membarrier),
        cmocka_unit_test(test_fences),
    };

    return cmocka_run_group_tests_name("registry race", tests, NULL, NULL);
}
