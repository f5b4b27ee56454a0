/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Random histories against a naive model: after every event each reader's question has the model's answer, and
 * a registry built anew from what exists, in any order that source.h allows, is the same.
 */
#include "base/hash.h"
#include "base/str.h"
#include "support_registry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { NAMES = 7, CLIENTS = 4, CONTRACTS = 14, TIERS = 5 };

static const char *const names[NAMES] = {"a", "b", "c", "d", "g", "h", "both"};
static const char *const clients[CLIENTS] = {"first", "second", "a client id of thirty-two bytes.",
                                             "x"};

struct model_tier {
    bool exists,
        listed; /* |listed|: the source has it; |exists|: that, or a contract still names it */
    size_t limit_count;
    clientid_limit limits[3];
};

struct model_contract {
    bool exists;
    unsigned api, client, tier; /* |tier| 0: none */
    clientid_contract_status status;
    uint64_t application_id;
    clientid_secret secrets[2];
};

struct model {
    struct model_tier tiers[TIERS + 1];
    struct model_contract contracts[CONTRACTS + 1];
    bool is_group[NAMES], member[NAMES][NAMES];
};

static uint64_t draw(uint64_t *seed)
{
    *seed += UINT64_C(0x9e3779b97f4a7c15);
    return clientid__mix64(*seed);
}

static unsigned below(uint64_t *seed, unsigned bound)
{
    return (unsigned)(draw(seed) % bound);
}

/* ---- the model --------------------------------------------------------------------------------- */

static bool applies(const struct model *m, const struct model_contract *c, unsigned api)
{
    return c->exists && (c->api == api || (m->is_group[c->api] && m->member[c->api][api]));
}

/* Requests per hour of the tightest limit; periods divide an hour, so this is exact. */
static uint64_t rate(const struct model_tier *t)
{
    uint64_t least = UINT64_MAX;

    for (size_t i = 0; i < t->limit_count; i++)
        if (t->limits[i].maximum_requests * (3600000 / t->limits[i].period_ms) < least)
            least = t->limits[i].maximum_requests * (3600000 / t->limits[i].period_ms);
    return least;
}

static uint64_t smallest(const struct model_tier *t)
{
    uint64_t least = UINT64_MAX;

    for (size_t i = 0; i < t->limit_count; i++)
        if (t->limits[i].maximum_requests < least)
            least = t->limits[i].maximum_requests;
    return least;
}

static unsigned rank(clientid_contract_status status)
{
    return status == CLIENTID_APPROVED  ? 0
           : status == CLIENTID_PENDING ? 1
           : status == CLIENTID_REVOKED ? 2
                                        : 3;
}

static unsigned expected(const struct model *m, unsigned api, unsigned client)
{
    unsigned best = 0;

    for (unsigned id = 1; id <= CONTRACTS; id++) {
        const struct model_contract *c = &m->contracts[id], *b = &m->contracts[best];
        const struct model_tier *ct = &m->tiers[c->tier], *bt = &m->tiers[b->tier];

        if (!applies(m, c, api) || c->client != client)
            continue;
        if (best == 0 || rank(c->status) < rank(b->status))
            best = id;
        else if (c->status == CLIENTID_APPROVED && b->status == CLIENTID_APPROVED &&
                 (rate(ct) > rate(bt) || (rate(ct) == rate(bt) && smallest(ct) > smallest(bt))))
            best = id;
    }
    return best;
}

static void forget_unused(struct model *m)
{
    for (unsigned t = 1; t <= TIERS; t++) {
        bool used = false;

        for (unsigned id = 1; id <= CONTRACTS; id++)
            used |= m->contracts[id].exists && m->contracts[id].tier == t;
        m->tiers[t].exists = m->tiers[t].listed || used;
    }
}

/* ---- events ------------------------------------------------------------------------------------ */

/* An event of the history: what it needs to live somewhere. */
struct step {
    clientid_event event;
    clientid_limit limits[3];
    clientid_str members[NAMES];
    char name[40];
};

static void tier_step(struct step *step, unsigned id, const struct model_tier *t)
{
    memcpy(step->limits, t->limits, sizeof(step->limits));
    snprintf(step->name, sizeof(step->name), "tier %u of %zu", id, t->limit_count);
    step->event = support_tier_event(id, step->name, step->limits, t->limit_count);
}

static void contract_step(struct step *step, unsigned id, const struct model_contract *c)
{
    step->event = support_contract_event(id, names[c->api], clients[c->client], c->tier, c->status);
    step->event.u.contract.application_id = c->application_id;
    snprintf(step->name, sizeof(step->name), "application %llu",
             (unsigned long long)c->application_id);
    step->event.u.contract.name = clientid__cstr(step->name);
    memcpy(step->event.u.contract.secrets, c->secrets, sizeof(c->secrets));
}

static void group_step(struct step *step, unsigned group, const struct model *m)
{
    size_t count = 0;

    for (unsigned n = 0; n < NAMES; n++)
        if (m->member[group][n])
            step->members[count++] = clientid__cstr(names[n]);
    step->event = support_group_event(names[group], step->members, count);
}

static void random_secrets(uint64_t *seed, clientid_secret secrets[2])
{
    for (unsigned n = 0; n < 2; n++) {
        unsigned shape = below(seed, 16);

        secrets[n] = (clientid_secret){.algorithm = shape % 3};
        if (secrets[n].algorithm == CLIENTID_SECRET_NONE)
            continue;
        secrets[n].pepper_id = secrets[n].algorithm == CLIENTID_SECRET_HMAC_SHA256 ? shape + 7 : 0;
        secrets[n].salt_len = below(seed, CLIENTID_SALT_MAX + 1);
        secrets[n].not_before_ns = shape & 4 ? draw(seed) : 0;
        secrets[n].not_after_ns = shape & 8 ? draw(seed) : 0;
        for (unsigned i = 0; i < 32; i++)
            secrets[n].hash[i] = (unsigned char)draw(seed);
        for (unsigned i = 0; i < secrets[n].salt_len; i++)
            secrets[n].salt[i] = (unsigned char)draw(seed);
    }
}

static void draw_tier(uint64_t *seed, struct model_tier *t)
{
    static const uint64_t periods[] = {1000, 60000, 600000, 3600000};

    *t = (struct model_tier){.exists = true, .listed = true, .limit_count = below(seed, 4)};
    for (size_t i = 0; i < t->limit_count; i++)
        t->limits[i] =
            (clientid_limit){1 + below(seed, 4), periods[below(seed, 4)], below(seed, 2), 0};
}

/* Draws an event, changes the model if the event is valid, and says what the registry must return. */
static int draw_step(uint64_t *seed, struct model *m, struct step *step)
{
    unsigned what = below(seed, 20), id = 1 + below(seed, CONTRACTS), t = 1 + below(seed, TIERS);
    unsigned group = 3 + below(seed, NAMES - 3);

    if (what < 3) {
        draw_tier(seed, &m->tiers[t]);
        tier_step(step, t, &m->tiers[t]);
    } else if (what == 3) {
        tier_step(step, t, &m->tiers[t]);
        step->event.type = CLIENTID_EVENT_TIER_REMOVED;
        m->tiers[t].listed = false;
    } else if (what < 13) {
        struct model_contract c = {.exists = true,
                                   .api = below(seed, NAMES),
                                   .client = below(seed, CLIENTS),
                                   .tier = below(seed, TIERS + 1),
                                   .status = below(seed, 3) != 0
                                                 ? CLIENTID_APPROVED
                                                 : (clientid_contract_status)(1 + below(seed, 4)),
                                   .application_id = 1 + below(seed, 100)};

        if (m->contracts[id].exists &&
            below(seed, 4) != 0) { /* mostly a contract keeps its place */
            c.api = m->contracts[id].api;
            c.client = m->contracts[id].client;
        }
        random_secrets(seed, c.secrets);
        contract_step(step, id, &c);
        if (c.tier != 0 && !m->tiers[c.tier].listed)
            return CLIENTID_ERR_ARG;
        m->contracts[id] = c;
    } else if (what < 16) {
        contract_step(step, id, &m->contracts[id]);
        step->event.type = CLIENTID_EVENT_CONTRACT_REMOVED;
        m->contracts[id].exists = false;
    } else if (what < 19) {
        m->is_group[group] = true;
        for (unsigned n = 0; n < NAMES; n++)
            m->member[group][n] = below(seed, 2);
        group_step(step, group, m);
    } else {
        group_step(step, group, m);
        step->event.type = CLIENTID_EVENT_GROUP_REMOVED;
        m->is_group[group] = false;
    }
    forget_unused(m);
    return 0;
}

/* ---- comparing --------------------------------------------------------------------------------- */

static void check_found(const struct model *m, unsigned id, const struct clientid__contract *c,
                        uint64_t seed)
{
    const struct model_contract *want = &m->contracts[id];
    const struct model_tier *t = &m->tiers[want->tier];
    char name[40];

    snprintf(name, sizeof(name), "application %llu", (unsigned long long)want->application_id);
    if (c->id != id || c->application_id != want->application_id || c->status != want->status ||
        !clientid__str_eq(c->name, clientid__cstr(name)) ||
        !clientid__str_eq(c->client_id, clientid__cstr(clients[want->client])) ||
        (c->tier != NULL ? c->tier->id : 0) != want->tier ||
        (c->tier != NULL &&
         (c->tier->limit_count != t->limit_count ||
          memcmp(c->tier->limits, t->limits, t->limit_count * sizeof(t->limits[0])) != 0)))
        fail_msg("contract %llu instead of %u, seed %llu", (unsigned long long)c->id, id,
                 (unsigned long long)seed);
}

static void check_all(struct support_registry *s, const struct model *m, uint64_t seed)
{
    for (unsigned api = 0; api < NAMES; api++) {
        for (unsigned client = 0; client < CLIENTS; client++) {
            struct clientid__contract c;
            unsigned id = expected(m, api, client);
            bool found = support_registry_find(s, names[api], clientid__cstr(clients[client]), &c);

            if (found != (id != 0))
                fail_msg("%s %s: found %d, contract %u, seed %llu", names[api], clients[client],
                         found, id, (unsigned long long)seed);
            if (found)
                check_found(m, id, &c, seed);
        }
    }
}

static void check_size(struct support_registry *s, const struct model *m)
{
    struct clientid__registry_size size = clientid__registry_size(s->registry);
    uint64_t contracts = 0, tiers = 0, groups = 0;

    for (unsigned id = 1; id <= CONTRACTS; id++)
        contracts += m->contracts[id].exists;
    for (unsigned t = 1; t <= TIERS; t++)
        tiers += m->tiers[t].listed;
    for (unsigned n = 0; n < NAMES; n++)
        groups += m->is_group[n];
    assert_int_equal(size.contracts, contracts);
    assert_int_equal(size.tiers, tiers);
    assert_int_equal(size.groups, groups);
}

/* All that exists, tiers first, groups and contracts in random order. */
static void build(struct support_registry *s, const struct model *m, uint64_t *seed)
{
    unsigned order[CONTRACTS + NAMES];

    support_registry_new(s);
    for (unsigned t = 1; t <= TIERS; t++) {
        struct step step = {.name = ""};

        if (!m->tiers[t].exists)
            continue;
        tier_step(&step, t, &m->tiers[t]);
        assert_int_equal(clientid__registry_apply(s->registry, &step.event), 0);
    }
    for (unsigned i = 0; i < CONTRACTS + NAMES; i++) {
        unsigned j = below(seed, i + 1);

        order[i] = order[j];
        order[j] = i;
    }
    for (unsigned i = 0; i < CONTRACTS + NAMES; i++) {
        struct step step = {.name = ""};
        unsigned id = order[i] + 1, n = order[i] - CONTRACTS;

        if (order[i] < CONTRACTS && m->contracts[id].exists)
            contract_step(&step, id, &m->contracts[id]);
        else if (order[i] >= CONTRACTS && m->is_group[n])
            group_step(&step, n, m);
        else
            continue;
        assert_int_equal(clientid__registry_apply(s->registry, &step.event), 0);
    }
}

static int apply_event(void *sink, const clientid_event *event)
{
    struct support_registry *s = sink;

    return clientid__registry_apply(s->registry, event);
}

/* The first lines that differ. */
static void check_same(const struct support_registry *a, const struct support_registry *b,
                       uint64_t seed)
{
    char *left = support_registry_dump(a), *right = support_registry_dump(b);
    size_t same = 0, line = 0;

    for (; left[same] != '\0' && left[same] == right[same]; same++)
        if (left[same] == '\n')
            line = same + 1;
    if (left[same] != right[same])
        fail_msg("seed %llu: '%.*s' and '%.*s'", (unsigned long long)seed,
                 (int)strcspn(left + line, "\n"), left + line, (int)strcspn(right + line, "\n"),
                 right + line);
    free(left);
    free(right);
}

static void check_rebuilt(struct support_registry *s, const struct model *m, uint64_t *seed)
{
    struct support_registry fresh, copy;

    build(&fresh, m, seed);
    check_same(s, &fresh, *seed);
    check_all(&fresh, m, *seed);
    support_registry_new(&copy);
    assert_int_equal(clientid__registry_each(s->registry, apply_event, &copy), 0);
    check_same(s, &copy, *seed);
    check_all(&copy, m, *seed);
    support_registry_del(&copy);
    support_registry_del(&fresh);
}

/* ---- tests ------------------------------------------------------------------------------------- */

static void test_histories(void **state)
{
    (void)state;
    for (uint64_t history = 1; history <= 40; history++) {
        struct support_registry s;
        struct model m = {.is_group = {false}};
        uint64_t seed = history * 1000003;

        support_registry_new(&s);
        for (unsigned n = 0; n < 300; n++) {
            struct step step = {.name = ""};
            uint64_t at = seed;
            int want = draw_step(&seed, &m, &step);

            if (clientid__registry_apply(s.registry, &step.event) != want)
                fail_msg("history %llu step %u: not %d", (unsigned long long)history, n, want);
            check_all(&s, &m, at);
            if (n % 30 == 29) {
                check_size(&s, &m);
                check_rebuilt(&s, &m, &seed);
            }
        }
        support_registry_del(&s);
    }
}

/* A load lets contracts wait; what is there at its end, and each answer on the way, must not show it. */
static void test_histories_of_loads(void **state)
{
    (void)state;
    for (uint64_t history = 1; history <= 40; history++) {
        struct support_registry s;
        struct model m = {.is_group = {false}};
        uint64_t seed = history * 500009;

        support_registry_new(&s);
        for (unsigned n = 0; n < 300; n++) {
            struct step step = {.name = ""};
            int want = draw_step(&seed, &m, &step);

            if (n % 30 == 0)
                assert_int_equal(clientid__registry_load_begin(s.registry, n % 60), 0);
            if (clientid__registry_apply(s.registry, &step.event) != want)
                fail_msg("history %llu step %u: not %d", (unsigned long long)history, n, want);
            if (n % 30 != 29)
                continue;
            clientid__registry_load_end(s.registry);
            check_all(&s, &m, seed);
            check_size(&s, &m);
            check_rebuilt(&s, &m, &seed);
        }
        support_registry_del(&s);
    }
}

/* The same event again and again with the next allocation failing, until none is left that could. */
static void apply_without_memory(struct support_registry *s, const struct model *before,
                                 const clientid_event *event, uint64_t seed)
{
    for (size_t n = 1; n < 100; n++) {
        char *was = support_registry_dump(s), *is;
        int rv;

        s->alloc.fail_at = s->alloc.calls + n;
        rv = clientid__registry_apply(s->registry, event);
        if (s->alloc.calls < s->alloc.fail_at || rv != CLIENTID_ERR_NOMEM) {
            s->alloc.fail_at = 0;
            free(was);
            assert_int_equal(rv, 0);
            return;
        }
        s->alloc.fail_at = 0;
        is = support_registry_dump(s);
        if (strcmp(was, is) != 0)
            fail_msg("changed without memory, seed %llu:\n%s---\n%s", (unsigned long long)seed, was,
                     is);
        check_all(s, before, seed);
        check_size(s, before);
        free(was);
        free(is);
    }
    fail_msg("never enough memory");
}

static void test_histories_without_memory(void **state)
{
    (void)state;
    for (uint64_t history = 1; history <= 25; history++) {
        struct support_registry s;
        struct model m = {.is_group = {false}};
        uint64_t seed = history * 7919;

        support_registry_new(&s);
        for (unsigned n = 0; n < 60; n++) {
            struct step step = {.name = ""};
            struct model before = m;

            if (draw_step(&seed, &m, &step) != 0)
                continue;
            s.intern_fails = true; /* a name that is new to the gateway needs memory there */
            if (step.event.type == CLIENTID_EVENT_CONTRACT)
                assert_int_equal(clientid__registry_apply(s.registry, &step.event),
                                 CLIENTID_ERR_NOMEM);
            s.intern_fails = false;
            apply_without_memory(&s, &before, &step.event, seed);
            check_all(&s, &m, seed);
        }
        check_rebuilt(&s, &m, &seed);
        support_registry_del(&s);
    }
}

/* Chunks of the arena and tables that grow fail, too. */
static void test_growth_without_memory(void **state)
{
    struct support_registry s;
    struct clientid__contract c;
    char id[16];
    size_t failures = 0;
    clientid_event group;
    clientid_str members[20];
    char member[20][8];

    (void)state;
    support_registry_new(&s);
    for (unsigned i = 1; i <= 3000; i++) {
        clientid_event event;

        snprintf(id, sizeof(id), "c%u", i);
        event = support_contract_event(i, "g", id, 0, CLIENTID_APPROVED);
        s.alloc.fail_at = s.alloc.calls + 1;
        if (clientid__registry_apply(s.registry, &event) != 0) {
            failures++;
            assert_false(support_registry_find(&s, "g", clientid__cstr(id), &c));
            assert_int_equal(clientid__registry_apply(s.registry, &event), 0);
        }
        assert_true(support_registry_find(&s, "g", clientid__cstr(id), &c));
    }
    assert_true(failures > 8);
    for (unsigned i = 0; i < 20; i++) {
        snprintf(member[i], sizeof(member[i]), "m%u", i);
        members[i] = clientid__cstr(member[i]);
    }
    group = support_group_event("g", members, 20);
    for (failures = 0;; failures++) {
        s.alloc.fail_at = s.alloc.calls + failures + 1;
        if (clientid__registry_apply(s.registry, &group) == 0)
            break;
        assert_false(support_registry_find(&s, "m7", CLIENTID_STR("c1500"), &c));
        assert_int_equal(clientid__registry_size(s.registry).groups, 0);
    }
    assert_true(failures > 5);
    s.alloc.fail_at = 0;
    for (unsigned i = 1; i <= 3000; i += 7) {
        snprintf(id, sizeof(id), "c%u", i);
        assert_true(support_registry_find(&s, member[i % 20], clientid__cstr(id), &c));
        assert_int_equal(c.id, i);
    }
    support_registry_del(&s);
}

/* A contract of a group needs a record for each member: all of them or none. */
static void test_copies_without_memory(void **state)
{
    static char text[100][8];
    clientid_str members[100];
    struct support_registry s;
    struct clientid__contract c;
    clientid_event event;
    size_t failures = 0;
    char name[16];

    (void)state;
    support_registry_new(&s);
    for (unsigned i = 0; i < 100; i++) {
        snprintf(text[i], sizeof(text[i]), "m%u", i);
        members[i] = clientid__cstr(text[i]);
    }
    event = support_group_event("g", members, 100);
    assert_int_equal(clientid__registry_apply(s.registry, &event), 0);
    for (unsigned i = 1; i <= 60; i++) {
        event = support_contract_event(i, "g", "a client id", 0, CLIENTID_APPROVED);
        snprintf(name, sizeof(name), "client %u", i);
        event.u.contract.client_id = clientid__cstr(name);
        s.alloc.fail_at = s.alloc.calls + 1;
        if (clientid__registry_apply(s.registry, &event) == 0)
            continue;
        failures++;
        assert_false(support_registry_find(&s, "g", clientid__cstr(name), &c));
        assert_false(support_registry_find(&s, "m0", clientid__cstr(name), &c));
        assert_int_equal(clientid__registry_apply(s.registry, &event), 0);
        assert_true(support_registry_find(&s, "m99", clientid__cstr(name), &c));
    }
    assert_true(failures > 8);
    for (unsigned i = 1; i <= 200; i++) {
        snprintf(name, sizeof(name), "tier %u", i);
        event = support_tier_event(i, name, NULL, 0);
        for (failures = 1;; failures++) {
            s.alloc.fail_at = s.alloc.calls + failures;
            if (clientid__registry_apply(s.registry, &event) == 0)
                break;
            assert_int_equal(clientid__registry_size(s.registry).tiers, i - 1);
        }
    }
    support_registry_del(&s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_histories),
        cmocka_unit_test(test_histories_of_loads),
        cmocka_unit_test(test_histories_without_memory),
        cmocka_unit_test(test_growth_without_memory),
        cmocka_unit_test(test_copies_without_memory),
    };

    return cmocka_run_group_tests_name("registry history", tests, NULL, NULL);
}
