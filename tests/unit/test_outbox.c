/* SPDX-License-Identifier: Apache-2.0 */
/* The outbox: order within a lane, none between lanes, back-off, giving up, nothing lost. */
#include "control/outbox.h"
#include "support_gateway.h"
#include "support_random.h"

#include <setjmp.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#define SECOND 1000000000ULL

static uint64_t ask(struct support_gateway *g, uint64_t *app, uint64_t api)
{
    if (*app == 0)
        return support_user_request(&g->s, CLIENTID_USER_REQUEST_CREATION, app, &api, 1);
    return support_user_request(&g->s, CLIENTID_USER_REQUEST_REGISTRATION, app, &api, 1);
}

static void later(struct support_gateway *g, uint64_t id, uint64_t not_before_ns)
{
    assert_int_equal(clientid_control_delivery_done(g->s.control, id, CLIENTID_DELIVERY_LATER,
                                                    not_before_ns, CLIENTID_STR("HTTP 503"),
                                                    &g->s.error),
                     0);
}

/* ---- order ----------------------------------------------------------------------------------- */

static void test_order(void **state)
{
    static struct support_delivery d[4];
    struct support_gateway g;
    uint64_t app1 = 0, app2 = 0, next, first;

    (void)state;
    support_gateway_new(&g);
    assert_int_equal(support_due(&g.s, d, 4, &next), 0);
    assert_true(next == UINT64_MAX);
    ask(&g, &app1, g.petstore1);
    ask(&g, &app1, g.petstore2);
    ask(&g, &app2, g.petstore1);
    /* One of each application. */
    assert_int_equal(support_due(&g.s, d, 4, &next), 2);
    assert_true(next == UINT64_MAX);
    assert_int_equal(d[0].record.lane, app1);
    assert_int_equal(d[1].record.lane, app2);
    assert_int_equal(support_due(&g.s, d, 1, &next), 1);
    assert_int_equal(next, g.s.now_ns);
    first = d[0].record.id;
    /* The second of the application waits for the first, the other application does not. */
    later(&g, first, 0);
    assert_int_equal(support_due(&g.s, d, 4, &next), 1);
    assert_int_equal(d[0].record.lane, app2);
    assert_true(next > g.s.now_ns && next < g.s.now_ns + 2 * SECOND);
    g.s.now_ns = next;
    assert_int_equal(support_due(&g.s, d, 4, NULL), 2);
    support_done(&g.s, first, CLIENTID_DELIVERY_DONE);
    assert_int_equal(support_due(&g.s, d, 4, NULL), 2);
    /* What has waited longest goes first. */
    assert_int_equal(d[0].record.lane, app1);
    assert_non_null(strstr(d[0].body, "petstore2"));
    assert_int_equal(d[1].record.lane, app2);
    support_gateway_del(&g);
}

static int count_one(void *sink, const clientid_delivery *delivery)
{
    (void)delivery;
    ++*(size_t *)sink;
    return 0;
}

static int refuse(void *sink, const clientid_delivery *delivery)
{
    (void)sink;
    (void)delivery;
    return -77;
}

static void test_busy_lanes(void **state)
{
    struct support_gateway g;
    uint64_t apps[5] = {0}, next;
    size_t count = 0;

    (void)state;
    support_gateway_new(&g);
    for (int i = 0; i < 5; i++)
        ask(&g, &apps[i], g.petstore1);
    assert_int_equal(clientid_control_delivery_due(g.s.control, apps, 3, 10, count_one, &count,
                                                   &next, &g.s.error),
                     0);
    assert_int_equal(count, 2);
    count = 0;
    assert_int_equal(clientid_control_delivery_due(g.s.control, apps, 3, 1, count_one, &count,
                                                   &next, &g.s.error),
                     0);
    assert_int_equal(count, 1);
    assert_int_equal(next, g.s.now_ns);
    count = 0;
    assert_int_equal(clientid_control_delivery_due(g.s.control, apps, 5, 10, count_one, &count,
                                                   &next, &g.s.error),
                     0);
    assert_int_equal(count, 0);
    assert_true(next == UINT64_MAX);
    assert_int_equal(
        clientid_control_delivery_due(g.s.control, NULL, 0, 10, refuse, NULL, &next, &g.s.error),
        -77);
    assert_int_equal(clientid_control_delivery_due(g.s.control, NULL, 1, 10, count_one, &count,
                                                   &next, &g.s.error),
                     CLIENTID_ERR_ARG);
    assert_int_equal(clientid_control_delivery_done(g.s.control, 1, (clientid_delivery_outcome)0, 0,
                                                    CLIENTID_STR(""), &g.s.error),
                     CLIENTID_ERR_ARG);
    support_gateway_del(&g);
}

/* ---- back-off -------------------------------------------------------------------------------- */

static void test_back_off_and_giving_up(void **state)
{
    static struct support_delivery d;
    struct support_gateway g;
    struct support_request r;
    uint64_t app = 0, next, request, start, second, expected = SECOND;

    (void)state;
    support_gateway_new(&g);
    request = ask(&g, &app, g.petstore1);
    second = ask(&g, &app, g.petstore2);
    start = g.s.now_ns;
    for (uint32_t attempt = 1; attempt <= CLIENTID_DELIVERY_ATTEMPTS; attempt++) {
        assert_int_equal(support_due(&g.s, &d, 1, NULL), 1);
        assert_int_equal(d.record.attempts, attempt - 1);
        assert_non_null(strstr(d.body, "petstore1"));
        later(&g, d.record.id, 0);
        if (attempt == CLIENTID_DELIVERY_ATTEMPTS)
            break;
        assert_string_equal(support_request_status(&g.s, request), "NEW");
        assert_int_equal(support_due(&g.s, &d, 1, &next), 0);
        /* A quarter more or less. */
        assert_true(next - g.s.now_ns >= expected - expected / 4);
        assert_true(next - g.s.now_ns <= expected + expected / 4);
        g.s.now_ns = next - 1;
        assert_int_equal(support_due(&g.s, &d, 1, &next), 0);
        g.s.now_ns = next;
        expected = expected * 2 > 300 * SECOND ? 300 * SECOND : expected * 2;
    }
    assert_true(g.s.now_ns - start > 20 * 60 * SECOND && g.s.now_ns - start < 40 * 60 * SECOND);
    support_request_get(&g.s, request, &r);
    assert_int_equal(r.record.status, CLIENTID_USER_REQUEST_STATUS_DELIVERY_UNSUCCESSFUL);
    assert_int_equal(r.states[0].attempts, CLIENTID_DELIVERY_ATTEMPTS);
    assert_string_equal(r.states[0].detail, "HTTP 503");
    /* The lane goes on; what was given up is not in its way, and can be put in again. */
    assert_int_equal(support_deliver_all(&g.s), 1);
    assert_string_equal(support_request_status(&g.s, second), "WAITING_THIRDPARTY");
    assert_int_equal(
        clientid_control_user_request_retry(g.s.control, request, r.states[0].event_id, &g.s.error),
        0);
    assert_int_equal(support_deliver_all(&g.s), 1);
    assert_string_equal(support_request_status(&g.s, request), "WAITING_THIRDPARTY");
    /* First failure and end are in the log, what is between is not. */
    assert_int_equal(support_sql(&g.s, "SELECT count(*) FROM change_log WHERE entity = 11 AND verb"
                                       " IN ('delivery-failed', 'given-up')"),
                     2);
    support_gateway_del(&g);
}

static void test_retry_after(void **state)
{
    static struct support_delivery d;
    struct support_gateway g;
    uint64_t app = 0, next;

    (void)state;
    support_gateway_new(&g);
    ask(&g, &app, g.petstore1);
    assert_int_equal(support_due(&g.s, &d, 1, NULL), 1);
    later(&g, d.record.id, g.s.now_ns + 120 * SECOND);
    assert_int_equal(support_due(&g.s, &d, 1, &next), 0);
    assert_int_equal(next, g.s.now_ns + 120 * SECOND);
    support_gateway_del(&g);
}

static void test_detail_is_clean(void **state)
{
    static const struct {
        const char *detail, *kept;
    } rows[] = {
        {"HTTP 503", "HTTP 503"},
        {"two\r\nlines", "two  lines"},
        {"gr\xc3\xbc\xc3\x9f", "gr\xc3\xbc\xc3\x9f"},
        {"bad \xff byte", "bad ? byte"},
        {"cut \xc3", "cut ?"},
    };
    static struct support_delivery d;
    struct support_gateway g;
    struct support_request r;
    uint64_t app = 0, request, next;
    char longest[400];

    (void)state;
    support_gateway_new(&g);
    request = ask(&g, &app, g.petstore1);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        support_due(&g.s, &d, 1, &next);
        if (next != UINT64_MAX)
            g.s.now_ns = next;
        assert_int_equal(support_due(&g.s, &d, 1, NULL), 1);
        assert_int_equal(clientid_control_delivery_done(g.s.control, d.record.id,
                                                        CLIENTID_DELIVERY_LATER, 0,
                                                        support_str(rows[i].detail), &g.s.error),
                         0);
        support_request_get(&g.s, request, &r);
        assert_string_equal(r.states[0].detail, rows[i].kept);
    }
    memset(longest, 'x', sizeof(longest));
    /* Cut in the middle of a character. */
    memcpy(longest + CLIENTID_DELIVERY_DETAIL_MAX - 1, "\xc3\xbc", 2);
    assert_int_equal(
        clientid_control_delivery_done(g.s.control, d.record.id, CLIENTID_DELIVERY_REFUSED, 0,
                                       (clientid_str){longest, sizeof(longest)}, &g.s.error),
        0);
    support_request_get(&g.s, request, &r);
    assert_int_equal(strlen(r.states[0].detail), CLIENTID_DELIVERY_DETAIL_MAX);
    assert_int_equal(r.states[0].detail[CLIENTID_DELIVERY_DETAIL_MAX - 1], '?');
    support_gateway_del(&g);
}

/* ---- at least once --------------------------------------------------------------------------- */

/* A host that died after sending sends again; one that says so twice does no harm. */
static void test_at_least_once(void **state)
{
    static struct support_delivery d, again;
    struct support_gateway g;
    uint64_t app = 0, request;

    (void)state;
    support_gateway_new(&g);
    request = ask(&g, &app, g.petstore1);
    assert_int_equal(support_due(&g.s, &d, 1, NULL), 1);
    support_store_reopen(&g.s, NULL);
    assert_int_equal(support_due(&g.s, &again, 1, NULL), 1);
    assert_int_equal(again.record.id, d.record.id);
    assert_string_equal(again.body, d.body);
    support_done(&g.s, d.record.id, CLIENTID_DELIVERY_DONE);
    support_done(&g.s, d.record.id, CLIENTID_DELIVERY_LATER);
    support_done(&g.s, d.record.id, CLIENTID_DELIVERY_REFUSED);
    assert_string_equal(support_request_status(&g.s, request), "WAITING_THIRDPARTY");
    assert_int_equal(support_backlog(&g.s), 0);
    support_gateway_del(&g);
}

/* ---- several hooks --------------------------------------------------------------------------- */

static void test_several_hooks(void **state)
{
    static const struct {
        clientid_delivery_outcome outcomes[2];
        const char *status[2]; /* after the first, after both */
    } rows[] = {
        {{CLIENTID_DELIVERY_DONE, CLIENTID_DELIVERY_DONE},
         {"WAITING_THIRDPARTY", "WAITING_THIRDPARTY"}},
        {{CLIENTID_DELIVERY_DONE, CLIENTID_DELIVERY_REFUSED},
         {"WAITING_THIRDPARTY", "WAITING_THIRDPARTY"}},
        {{CLIENTID_DELIVERY_REFUSED, CLIENTID_DELIVERY_DONE}, {"NEW", "WAITING_THIRDPARTY"}},
        {{CLIENTID_DELIVERY_REFUSED, CLIENTID_DELIVERY_REFUSED}, {"NEW", "FAILED"}},
    };
    static struct support_delivery d;
    struct support_gateway g;
    uint64_t hooks[2];

    (void)state;
    support_gateway_new(&g);
    hooks[0] = g.hook;
    hooks[1] = support_new_hook(&g.s, "https://second", CLIENTID_HOOK_EVENT_CREATION);
    support_set_hooks(&g.s, g.provider, hooks, 2);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        uint64_t app = 0, request = ask(&g, &app, g.petstore1);

        assert_int_equal(support_backlog(&g.s), 2);
        for (int n = 0; n < 2; n++) {
            assert_int_equal(support_due(&g.s, &d, 1, NULL), 1);
            assert_string_equal(d.url,
                                n == 0 ? "https://gateway.example/events" : "https://second");
            support_done(&g.s, d.record.id, rows[i].outcomes[n]);
            assert_string_equal(support_request_status(&g.s, request), rows[i].status[n]);
        }
    }
    /* Only those that subscribe; and those of the system, whatever the provider. */
    support_sql(&g.s, "INSERT INTO hook SELECT 50, url, 0, 1, 0, '', x'', '', 1, 1 FROM hook"
                      " LIMIT 1");
    {
        uint64_t app = 0;

        ask(&g, &app, g.petstore1);
        assert_int_equal(support_backlog(&g.s), 3);
        ask(&g, &app, g.petstore2);
        assert_int_equal(support_backlog(&g.s), 4);
    }
    support_gateway_del(&g);
}

/* ---- against a model ------------------------------------------------------------------------- */

#define LANES 6
#define ROWS  400

/* All rows ever, the way one would think of them. */
struct model {
    struct {
        uint64_t lane, id, next_ns;
        uint32_t attempts;
        bool there;
    } rows[ROWS];
    size_t count;
};

static size_t head_of(const struct model *m, uint64_t lane)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->rows[i].there && m->rows[i].lane == lane)
            return i;
    return SIZE_MAX;
}

static int collect(void *sink, const clientid_delivery *delivery)
{
    uint64_t *seen = sink;

    seen[++seen[0]] = delivery->id;
    return 0;
}

/* Exactly the heads that are due, and the right moment to come again. */
static void compare(struct support_store *s, const struct model *m, const uint64_t *lanes)
{
    uint64_t seen[LANES + 1] = {0}, next, expected_next = UINT64_MAX;
    size_t expected = 0;

    assert_int_equal(
        clientid_control_delivery_due(s->control, NULL, 0, 100, collect, seen, &next, &s->error),
        0);
    for (int l = 0; l < LANES; l++) {
        size_t head = head_of(m, lanes[l]);
        bool found = false;

        if (head == SIZE_MAX)
            continue;
        for (uint64_t i = 1; i <= seen[0]; i++)
            found = found || seen[i] == m->rows[head].id;
        if (m->rows[head].next_ns <= s->now_ns) {
            assert_true(found);
            expected++;
        } else {
            assert_false(found);
            if (m->rows[head].next_ns < expected_next)
                expected_next = m->rows[head].next_ns;
        }
    }
    assert_int_equal(seen[0], expected);
    assert_true(next == expected_next);
}

static void add(struct support_store *s, struct model *m, const char *recipient)
{
    char sql[64];
    uint64_t id;

    assert_int_equal(clientid__outbox_mail(s->control, support_str(recipient), CLIENTID_STR("s"),
                                           CLIENTID_STR("b"), s->now_ns, &s->error),
                     0);
    id = support_sql(s, "SELECT max(id) FROM outbox");
    m->rows[m->count].id = id;
    snprintf(sql, sizeof(sql), "SELECT lane FROM outbox WHERE id = %llu", (unsigned long long)id);
    m->rows[m->count].lane = support_sql(s, sql);
    m->rows[m->count].next_ns = s->now_ns;
    m->rows[m->count].there = true;
    m->count++;
}

static void finish(struct support_store *s, struct model *m, size_t row,
                   clientid_delivery_outcome outcome)
{
    uint64_t not_before_ns = outcome == CLIENTID_DELIVERY_LATER ? s->now_ns + 400 * SECOND : 0;

    assert_int_equal(clientid_control_delivery_done(s->control, m->rows[row].id, outcome,
                                                    not_before_ns, CLIENTID_STR(""), &s->error),
                     0);
    m->rows[row].attempts++;
    m->rows[row].next_ns = not_before_ns;
    if (outcome != CLIENTID_DELIVERY_LATER || m->rows[row].attempts == CLIENTID_DELIVERY_ATTEMPTS)
        m->rows[row].there = false;
}

static void test_against_a_model(void **state)
{
    static struct model m;
    struct support_store s;
    uint64_t seed = 20260131, lanes[LANES];
    char recipient[32];

    (void)state;
    support_store_new(&s);
    for (int l = 0; l < LANES; l++) {
        snprintf(recipient, sizeof(recipient), "%d@example.com", l);
        add(&s, &m, recipient);
        lanes[l] = m.rows[l].lane;
        for (int other = 0; other < l; other++)
            assert_true(lanes[l] != lanes[other]);
        assert_true(lanes[l] >> 62 == 1);
    }
    for (int step = 0; step < 3000; step++) {
        uint64_t dice = support_random(&seed) % 10;
        size_t row = m.count > 0 ? support_random(&seed) % m.count : 0;

        if (dice < 4 && m.count < ROWS) {
            snprintf(recipient, sizeof(recipient), "%d@example.com",
                     (int)(support_random(&seed) % LANES));
            add(&s, &m, recipient);
        } else if (dice < 6) {
            s.now_ns += (support_random(&seed) % 200) * SECOND;
        } else if (m.rows[row].there) {
            /* Also of one that is not its lane's head: a host may say so late. */
            finish(&s, &m, row, (clientid_delivery_outcome)(1 + support_random(&seed) % 3));
        }
        compare(&s, &m, lanes);
    }
    assert_int_equal(m.count, ROWS);
    assert_int_equal(clientid_store_verify(s.store, &s.error), 0);
    support_store_del(&s);
}

/* ---- many ------------------------------------------------------------------------------------ */

static double seconds_since(const struct timespec *start)
{
    struct timespec end;

    clock_gettime(CLOCK_MONOTONIC, &end);
    return (double)(end.tv_sec - start->tv_sec) + (double)(end.tv_nsec - start->tv_nsec) / 1e9;
}

/* 100,000 rows in 50,000 lanes, half of the lanes put off: what is due is found without looking at the others. */
static void test_many(void **state)
{
    struct support_store s;
    struct timespec start;
    uint64_t next, count, oldest;
    size_t seen = 0;
    double took;

    (void)state;
    support_store_new(&s);
    support_sql(&s, "WITH RECURSIVE n(i) AS (SELECT 0 UNION ALL SELECT i + 1 FROM n WHERE"
                    " i < 99999) INSERT INTO outbox(kind, lane, head, recipient, subject, body,"
                    " attempts, next_ns, created_ns) SELECT 2, i % 50000, i < 50000, 'a@b', 's',"
                    " 'b', 0, CASE WHEN i % 2 THEN 1 ELSE 4000000000000000000 END, i + 1 FROM n");
    assert_int_equal(support_backlog(&s), 100000);
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (int i = 0; i < 100; i++)
        assert_int_equal(clientid_control_delivery_due(s.control, NULL, 0, 64, count_one, &seen,
                                                       &next, &s.error),
                         0);
    took = seconds_since(&start) / 100;
    assert_int_equal(seen, 6400);
    printf("due: %.0f us for 64 of 100000 rows in 50000 lanes\n", took * 1e6);
    /* Some hundred microseconds; a scan takes tens of milliseconds. */
    assert_true(took < 0.01);
    clock_gettime(CLOCK_MONOTONIC, &start);
    for (uint64_t id = 2; id <= 200; id += 2)
        support_done(&s, id, CLIENTID_DELIVERY_DONE);
    printf("done: %.0f us\n", seconds_since(&start) / 100 * 1e6);
    assert_int_equal(clientid_control_delivery_backlog(s.control, &count, &oldest, &s.error), 0);
    assert_int_equal(count, 99900);
    assert_int_equal(oldest, 1);
    support_store_del(&s);
}

/* Another sealing key, or a damaged password, must not keep the others from being told. */
static void test_locked(void **state)
{
    static struct support_delivery d[4];
    const clientid_hook_record sealed = {.size = sizeof(sealed),
                                         .url = CLIENTID_STR("http://127.0.0.1:1/sealed"),
                                         .provider_type = 0, /* of all providers */
                                         .subscriptions = CLIENTID_HOOK_EVENT_CREATION,
                                         .authentication = CLIENTID_HOOK_BASIC,
                                         .username = CLIENTID_STR("system"),
                                         .password = CLIENTID_STR("sss")};
    struct support_gateway g;
    uint64_t app = 0, hook = 0, next;
    sqlite3 *db = NULL;
    size_t count, locked = 0;

    (void)state;
    support_gateway_new(&g);
    assert_int_equal(clientid_control_hook_create(g.s.control, &sealed, &hook, &g.s.error), 0);
    assert_int_equal(sqlite3_open(g.s.file, &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db,
                                  "UPDATE hook SET password = zeroblob(length(password))"
                                  " WHERE length(password) > 0",
                                  NULL, NULL, NULL),
                     SQLITE_OK);
    assert_true(sqlite3_changes(db) > 0);
    sqlite3_close(db);
    ask(&g, &app, g.petstore1);
    for (int turn = 0; turn < 2; turn++) { /* one lane: one after the other */
        count = support_due(&g.s, d, 4, &next);
        assert_int_equal(count, 1);
        locked += d[0].record.locked;
        if (d[0].record.locked)
            assert_string_equal(d[0].password, "");
        support_done(&g.s, d[0].record.id, CLIENTID_DELIVERY_DONE);
    }
    assert_int_equal(locked, 1);
    support_gateway_del(&g);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_order),           cmocka_unit_test(test_locked),
        cmocka_unit_test(test_busy_lanes),      cmocka_unit_test(test_back_off_and_giving_up),
        cmocka_unit_test(test_retry_after),     cmocka_unit_test(test_detail_is_clean),
        cmocka_unit_test(test_at_least_once),   cmocka_unit_test(test_several_hooks),
        cmocka_unit_test(test_against_a_model), cmocka_unit_test(test_many),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
