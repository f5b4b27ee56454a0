/* SPDX-License-Identifier: Apache-2.0 */
/* Random life cycles beside a model of a few lines: every call ends as the model says, and leaves what it says. */
#include "support_event.h"
#include "support_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#define APIS         3
#define TIERS        12
#define APPLICATIONS 8
#define CONTRACTS    400

/* ---- the model: written from the rules, not from the code ------------------------------------- */

struct model {
    struct {
        int api, automatic, deprecated, gone;
    } tiers[TIERS + 1]; /* by id */
    int tier_count;
    struct {
        int app, api, tier, wish; /* 0: none */
        enum { GONE, PENDING, APPROVED, REJECTED, REVOKED } status;
    } contracts[CONTRACTS + 1];
    int contract_count;
};

enum outcome { DONE, REFUSED };

static int model_find(const struct model *m, int app, int api)
{
    for (int i = 1; i <= m->contract_count; i++)
        if (m->contracts[i].status != GONE && m->contracts[i].app == app &&
            m->contracts[i].api == api)
            return i;
    return 0;
}

static enum outcome model_request(struct model *m, int app, int api, int tier)
{
    int tiers = 0, c = m->contract_count + 1;

    for (int t = 1; t <= m->tier_count; t++)
        tiers += !m->tiers[t].gone && m->tiers[t].api == api;
    if (model_find(m, app, api) != 0 || (tier == 0 && tiers > 0))
        return REFUSED;
    if (tier != 0 &&
        (m->tiers[tier].gone || m->tiers[tier].api != api || m->tiers[tier].deprecated))
        return REFUSED;
    m->contract_count = c;
    m->contracts[c].app = app;
    m->contracts[c].api = api;
    if (tier == 0 || m->tiers[tier].automatic) {
        m->contracts[c].status = APPROVED;
        m->contracts[c].tier = tier;
    } else {
        m->contracts[c].status = PENDING;
        m->contracts[c].wish = tier;
    }
    return DONE;
}

static enum outcome model_change(struct model *m, int c, int tier)
{
    if (m->contracts[c].status != APPROVED || m->tiers[tier].gone ||
        m->tiers[tier].api != m->contracts[c].api || m->tiers[tier].deprecated ||
        m->contracts[c].tier == tier)
        return REFUSED;
    if (m->tiers[tier].automatic) {
        m->contracts[c].tier = tier;
        m->contracts[c].wish = 0;
    } else {
        m->contracts[c].wish = tier;
    }
    return DONE;
}

static enum outcome model_act(struct model *m, int c, clientid_verb verb)
{
    int wish = m->contracts[c].wish, status = m->contracts[c].status;
    int open = wish == 0 || !m->tiers[wish].deprecated;

    if (status == PENDING && verb == CLIENTID_VERB_APPROVE && open) {
        m->contracts[c].status = APPROVED;
        m->contracts[c].tier = wish;
    } else if (status == PENDING && verb == CLIENTID_VERB_REJECT) {
        m->contracts[c].status = REJECTED;
    } else if (status == APPROVED && verb == CLIENTID_VERB_REVOKE) {
        m->contracts[c].status = REVOKED;
    } else if (status == REVOKED && verb == CLIENTID_VERB_RESTORE) {
        m->contracts[c].status = APPROVED;
    } else if (status == APPROVED && wish != 0 && verb == CLIENTID_VERB_APPROVE_TIER && open) {
        m->contracts[c].tier = wish;
    } else if ((status == REVOKED || status == REJECTED) && verb == CLIENTID_VERB_DELETE) {
        m->contracts[c].status = GONE;
    } else if (status == PENDING && verb == CLIENTID_VERB_WITHDRAW) {
        m->contracts[c].status = GONE;
    } else if (!(status == APPROVED && wish != 0 &&
                 (verb == CLIENTID_VERB_REJECT_TIER || verb == CLIENTID_VERB_WITHDRAW))) {
        return REFUSED;
    }
    m->contracts[c].wish = 0;
    return DONE;
}

static enum outcome model_tier(struct model *m, int tier, int automatic, int deprecated)
{
    if (m->tiers[tier].gone)
        return REFUSED;
    m->tiers[tier].automatic = automatic;
    m->tiers[tier].deprecated = deprecated;
    for (int c = 1; c <= m->contract_count && automatic && !deprecated; c++) {
        if (m->contracts[c].status == GONE || m->contracts[c].wish != tier)
            continue;
        m->contracts[c].status = APPROVED;
        m->contracts[c].tier = tier;
        m->contracts[c].wish = 0;
    }
    return DONE;
}

static enum outcome model_tier_delete(struct model *m, int tier)
{
    if (m->tiers[tier].gone)
        return REFUSED;
    for (int c = 1; c <= m->contract_count; c++)
        if (m->contracts[c].status != GONE &&
            (m->contracts[c].tier == tier || m->contracts[c].wish == tier))
            return REFUSED;
    m->tiers[tier].gone = 1;
    return DONE;
}

/* ---- beside it ------------------------------------------------------------------------------- */

struct pair {
    struct support_store s;
    struct model m;
    uint64_t seed;
};

static int pick(struct pair *p, int below)
{
    return (int)(support_random(&p->seed) % (unsigned)below);
}

/* One of that API more often than not. */
static int pick_tier(struct pair *p, int api)
{
    int tier = 1 + pick(p, p->m.tier_count);

    for (int i = 0; i < 4 && p->m.tiers[tier].api != api; i++)
        tier = 1 + pick(p, p->m.tier_count);
    return tier;
}

/* One that is there more often than not. */
static int pick_contract(struct pair *p)
{
    int c = 1 + pick(p, p->m.contract_count);

    for (int i = 0; i < 3 && p->m.contracts[c].status == GONE; i++)
        c = 1 + pick(p, p->m.contract_count);
    return c;
}

static int do_tier(struct pair *p, enum outcome *expected)
{
    int tier = 1 + pick(p, p->m.tier_count), automatic = pick(p, 5) == 0,
        deprecated = pick(p, 3) == 0;
    clientid_tier_record record = {.size = sizeof(record),
                                   .auto_approve = (uint32_t)automatic,
                                   .status = 1 + (uint32_t)deprecated};

    if (pick(p, 5) == 0) {
        *expected = model_tier_delete(&p->m, tier);
        return clientid_control_tier_delete(p->s.control, (uint64_t)tier, &p->s.error);
    }
    *expected = model_tier(&p->m, tier, automatic, deprecated);
    return clientid_control_tier_update(p->s.control, (uint64_t)tier, &record,
                                        CLIENTID_TIER_AUTO_APPROVE | CLIENTID_TIER_STATUS, NULL,
                                        &p->s.error);
}

static int do_new_tier(struct pair *p, enum outcome *expected)
{
    int t = p->m.tier_count + 1, api = 1 + t % APIS, automatic = pick(p, 5) == 0;
    char name[16];

    *expected = DONE;
    if (t > TIERS)
        return 0;
    snprintf(name, sizeof(name), "t%d", t);
    p->m.tier_count = t;
    p->m.tiers[t].api = api;
    p->m.tiers[t].automatic = automatic;
    assert_int_equal(support_new_tier(&p->s, (uint64_t)api, name, automatic != 0), t);
    return 0;
}

static int do_request(struct pair *p, enum outcome *expected)
{
    int app = 1 + pick(p, APPLICATIONS), api = 1 + pick(p, APIS);
    int tier = pick(p, 4) == 0 ? 0 : pick_tier(p, api);
    clientid_access_request request = {.size = sizeof(request),
                                       .application_id = (uint64_t)app,
                                       .api_id = (uint64_t)api,
                                       .tier_id = (uint64_t)tier};
    uint64_t id = 0;
    int rc;

    *expected = DONE;
    if (p->m.contract_count == CONTRACTS)
        return 0;
    *expected = model_request(&p->m, app, api, tier);
    rc = clientid_control_contract_request(p->s.control, &request, &id, NULL, &p->s.error);
    if (rc == 0)
        assert_int_equal(id, p->m.contract_count);
    return rc;
}

static int do_contract(struct pair *p, enum outcome *expected)
{
    clientid_verb verb = (clientid_verb)pick(p, CLIENTID_VERB_COUNT);
    int c, tier;

    if (p->m.contract_count == 0)
        return do_request(p, expected);
    c = pick_contract(p);
    tier = pick_tier(p, p->m.contracts[c].api);
    if (pick(p, 4) == 0) {
        *expected = model_change(&p->m, c, tier);
        return clientid_control_contract_change_tier(p->s.control, (uint64_t)c, (uint64_t)tier,
                                                     NULL, &p->s.error);
    }
    *expected = model_act(&p->m, c, verb);
    return clientid_control_contract_act(p->s.control, (uint64_t)c, verb, &p->s.error);
}

static int compare(void *sink, const clientid_contract_record *record)
{
    struct pair *p = sink;
    int c = (int)record->id;

    return c >= 1 && c <= p->m.contract_count &&
                   (int)record->application_id == p->m.contracts[c].app &&
                   (int)record->api_id == p->m.contracts[c].api &&
                   (int)record->tier_id == p->m.contracts[c].tier &&
                   (int)record->requested_tier_id == p->m.contracts[c].wish &&
                   (int)record->status == (int)p->m.contracts[c].status
               ? 0
               : (int)record->id;
}

static int count(void *sink, const clientid_contract_record *record)
{
    (void)record;
    ++*(int *)sink;
    return 0;
}

static void check_all(struct pair *p, uint64_t seed, int step)
{
    int alive = 0, listed = 0, wrong;

    wrong = clientid_control_contract_list(p->s.control, NULL, compare, p, &p->s.error);
    if (wrong != 0)
        fail_msg("seed %llu step %d: contract %d", (unsigned long long)seed, step, wrong);
    for (int c = 1; c <= p->m.contract_count; c++)
        alive += p->m.contracts[c].status != GONE;
    assert_int_equal(clientid_control_contract_list(p->s.control, NULL, count, &listed, NULL), 0);
    assert_int_equal(alive, listed);
}

static void test_histories(void **state)
{
    (void)state;
    for (uint64_t seed = 77; seed < 81; seed++) {
        static int (*const doers[])(struct pair *, enum outcome *) = {
            do_request,  do_request,  do_contract, do_contract, do_contract,
            do_contract, do_contract, do_contract, do_tier};
        static struct pair p;
        int done = 0;

        memset(&p, 0, sizeof(p));
        p.seed = seed;
        support_store_new(&p.s);
        for (int i = 0; i < APIS; i++)
            support_new_api(&p.s, (const char *[]){"a", "b", "c"}[i]);
        for (int i = 0; i < APPLICATIONS; i++)
            support_new_application(&p.s,
                                    (const char *[]){"A", "B", "C", "D", "E", "F", "G", "H"}[i]);
        for (int step = 0; step < 2500; step++) {
            uint64_t revision = support_revision(&p.s);
            enum outcome expected;
            int rc;

            if (step % 100 == 0 || p.m.tier_count < 6)
                rc = do_new_tier(&p, &expected);
            else
                rc = doers[pick(&p, 9)](&p, &expected);
            if ((rc == 0) != (expected == DONE))
                fail_msg("seed %llu step %d: %d %s", (unsigned long long)seed, step, rc,
                         p.s.error.text);
            if (rc != 0)
                assert_int_equal(support_revision(&p.s), revision);
            done += rc == 0;
            if (step % 50 == 0)
                check_all(&p, seed, step);
        }
        check_all(&p, seed, -1);
        assert_true(done > 200);
        assert_int_equal(clientid_store_verify(p.s.store, &p.s.error), 0);
        support_store_del(&p.s);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_histories),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
