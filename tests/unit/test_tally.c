/* SPDX-License-Identifier: Apache-2.0 */
/* Counters that processes share: sums in any of them, dead ones' counts, slots that change hands, names of one alone. */
#include "support_alloc.h"
#include "support_sanitizer.h"
#include "support_world.h"

#include "tally.c"

#include <pthread.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/wait.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define NOW_NS UINT64_C(1700000000000000000)

static const char config[] =
    "{\"limits\": {\"cells\": 64, \"keyCells\": 64, \"useCells\": 0}, \"apis\": {\"orders\":"
    " {\"policies\": [{\"policy\": \"rate-limiting\", \"limits\": [\"1000000/1h\"]}]}}}";
static const char config_of_two[] =
    "{\"limits\": {\"cells\": 64, \"keyCells\": 64, \"useCells\": 0}, \"apis\": {\"added\":"
    " {\"policies\": []}, \"orders\": {\"policies\": []}}}";

static unsigned warnings;

static void warn(void *self, const clientid_error *warning)
{
    (void)self;
    assert_non_null(strstr(warning->text, "no room in the shared counters"));
    warnings++;
}

static clientid_gateway *gateway_of(uint32_t shared_counters)
{
    clientid_options options = {.size = sizeof(options),
                                .config = {config, sizeof(config) - 1},
                                .warn = warn,
                                .shared_counters = shared_counters};
    clientid_gateway *gateway;

    assert_int_equal(clientid_gateway_new(&gateway, &options, NULL), 0);
    return gateway;
}

static int ask(clientid_gateway *gateway, clientid_worker *worker, const char *name, int times)
{
    static struct support_request r;
    clientid_decision decision = {.size = sizeof(decision)};
    const clientid_api *api;
    int rv = clientid_api_get(gateway, clientid__cstr(name), &api);

    if (support_request_parse(&r, CLIENTID_STR("GET / HTTP/1.1\r\n\r\n"), NOW_NS) != 0)
        return -1;
    for (int i = 0; rv == 0 && i < times; i++) {
        rv = clientid_check(worker, api, &r.request, &decision);
        clientid_worker_latency(worker, 300);
    }
    return rv;
}

/* The value of the metric that begins with |name|, 0 when it is not there. */
static unsigned long long metric(clientid_gateway *gateway, const char *name)
{
    static char text[65536];
    size_t len = sizeof(text) - 1;
    const char *line;

    assert_int_equal(clientid_metrics_write(gateway, NOW_NS, text, &len), 0);
    text[len] = '\0';
    line = strstr(text, name);
    return line != NULL ? strtoull(line + strlen(name), NULL, 10) : 0;
}

#define ORDERS "clientid_decisions_total{api=\"orders\",verdict=\"allow\",reason=\"allowed\"} "
#define UNKNOWN(name)                                                                              \
    "clientid_decisions_total{api=\"" name "\",verdict=\"deny\",reason=\"api-unknown\"} "
#define TIMED "clientid_decision_duration_seconds_count "

/* ---- children -------------------------------------------------------------------------------- */

/* What a child does before it says so; it then lives until it is ended. */
typedef int child_fn(clientid_gateway *gateway);

struct child {
    pid_t pid;
    int said; /* what |work| returned */
};

static struct child child_begin(clientid_gateway *gateway, child_fn *work)
{
    struct child child;
    char said = 0;
    int ends[2];

    assert_int_equal(pipe(ends), 0);
    child.pid = fork();
    assert_true(child.pid >= 0);
    if (child.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL); /* when a test fails, nobody ends its children */
        said = (char)work(gateway);
        if (write(ends[1], &said, 1) != 1)
            _exit(1);
        for (;;)
            pause();
    }
    close(ends[1]);
    assert_int_equal(read(ends[0], &said, 1), 1);
    close(ends[0]);
    child.said = said;
    return child;
}

static void child_kill(struct child child)
{
    assert_int_equal(kill(child.pid, SIGKILL), 0);
    assert_int_equal(waitpid(child.pid, NULL, 0), child.pid);
}

static int work_100(clientid_gateway *gateway)
{
    clientid_worker *worker;
    int rv = clientid_worker_new(&worker, gateway);

    return rv != 0 ? rv : ask(gateway, worker, "orders", 100);
}

static int work_and_go(clientid_gateway *gateway)
{
    clientid_worker *worker;
    int rv = clientid_worker_new(&worker, gateway);

    rv = rv != 0 ? rv : ask(gateway, worker, "orders", 100);
    if (rv == 0)
        clientid_worker_del(worker);
    return rv;
}

/* 100 if this process sees what others counted. */
static int look(clientid_gateway *gateway)
{
    unsigned long long seen = metric(gateway, ORDERS);

    return seen < 100 ? (int)seen : 100;
}

/* ---- sums ------------------------------------------------------------------------------------ */

static void test_any_process_shows_the_sums_of_all(void **state)
{
    clientid_gateway *gateway = gateway_of(4);
    clientid_worker *worker;
    struct child a = child_begin(gateway, work_100), b = child_begin(gateway, work_100), c;

    (void)state;
    assert_int_equal(a.said, 0);
    assert_int_equal(b.said, 0);
    assert_int_equal(metric(gateway, ORDERS), 200);
    assert_int_equal(metric(gateway, TIMED), 200);
    assert_int_equal(metric(gateway, "clientid_decision_duration_seconds_sum 0.0000"), 60000);
    assert_int_equal(clientid_worker_new(&worker, gateway), 0);
    assert_int_equal(ask(gateway, worker, "orders", 11), 0);
    assert_int_equal(metric(gateway, ORDERS), 211);
    c = child_begin(gateway, look);
    assert_int_equal(c.said, 100);
    child_kill(a);
    child_kill(b);
    child_kill(c);
    clientid_worker_del(worker);
    assert_int_equal(metric(gateway, ORDERS), 211);
    assert_int_equal(metric(gateway, TIMED), 211);
    clientid_gateway_del(gateway);
}

/* Without the option each process counts alone, as before. */
static void test_private_without_the_option(void **state)
{
    clientid_gateway *gateway = gateway_of(0);
    struct child a = child_begin(gateway, work_100);

    (void)state;
    assert_int_equal(a.said, 0);
    assert_int_equal(metric(gateway, ORDERS), 0);
    child_kill(a);
    clientid_gateway_del(gateway);
}

static void test_killed_workers_leave_their_counts(void **state)
{
    clientid_gateway *gateway = gateway_of(2);

    (void)state;
    for (int i = 1; i <= 8; i++) { /* more often than there are slots */
        struct child a = child_begin(gateway, work_100);

        assert_int_equal(a.said, 0);
        child_kill(a);
        assert_int_equal(metric(gateway, ORDERS), 100 * i);
        assert_int_equal(metric(gateway, TIMED), 100 * i);
    }
    clientid_gateway_del(gateway);
}

static void test_a_zombie_is_dead(void **state)
{
    clientid_gateway *gateway = gateway_of(1);
    struct child a = child_begin(gateway, work_100), b;
    siginfo_t info;

    (void)state;
    assert_int_equal(kill(a.pid, SIGKILL), 0);
    assert_int_equal(waitid(P_PID, (id_t)a.pid, &info, WEXITED | WNOWAIT), 0);
    b = child_begin(gateway, work_100);
    assert_int_equal(b.said, 0);
    child_kill(b);
    assert_int_equal(waitpid(a.pid, NULL, 0), a.pid);
    assert_int_equal(metric(gateway, ORDERS), 200);
    clientid_gateway_del(gateway);
}

static void test_too_many_workers(void **state)
{
    clientid_gateway *gateway = gateway_of(2);
    struct child a = child_begin(gateway, work_100), b = child_begin(gateway, work_and_go);
    struct child c = child_begin(gateway, work_100), d;
    clientid_worker *worker;

    (void)state;
    assert_int_equal(a.said, 0);
    assert_int_equal(b.said, 0);
    assert_int_equal(c.said, 0); /* the slot that b handed back */
    d = child_begin(gateway, work_100);
    assert_int_equal(d.said, CLIENTID_ERR_NOMEM);
    assert_int_equal(clientid_worker_new(&worker, gateway), CLIENTID_ERR_NOMEM);
    assert_int_equal(metric(gateway, ORDERS), 300);
    child_kill(a);
    assert_int_equal(clientid_worker_new(&worker, gateway), 0);
    assert_int_equal(ask(gateway, worker, "orders", 1), 0);
    assert_int_equal(metric(gateway, ORDERS), 301);
    clientid_worker_del(worker);
    child_kill(b);
    child_kill(c);
    child_kill(d);
    clientid_gateway_del(gateway);
}

/* A child that inherited a worker must not hand back its parent's slot. */
static clientid_worker *inherited;

static int delete_inherited(clientid_gateway *gateway)
{
    (void)gateway;
    clientid_worker_del(inherited);
    return 0;
}

static void test_a_child_leaves_its_parents_slot(void **state)
{
    clientid_gateway *gateway = gateway_of(1);
    clientid_worker *second;
    struct child a;

    (void)state;
    assert_int_equal(clientid_worker_new(&inherited, gateway), 0);
    a = child_begin(gateway, delete_inherited);
    assert_int_equal(clientid_worker_new(&second, gateway), CLIENTID_ERR_NOMEM);
    child_kill(a);
    clientid_worker_del(inherited);
    assert_int_equal(clientid_worker_new(&second, gateway), 0);
    clientid_worker_del(second);
    clientid_gateway_del(gateway);
}

/* ---- names ----------------------------------------------------------------------------------- */

/* Numbers the API instances otherwise than its siblings do. */
static int work_with_other_names(clientid_gateway *gateway)
{
    clientid_worker *worker;
    int rv = clientid_worker_new(&worker, gateway);

    rv = rv != 0 ? rv : ask(gateway, worker, "b", 20);
    rv = rv != 0 ? rv : ask(gateway, worker, "a", 3);
    return rv != 0 ? rv : ask(gateway, worker, "orders", 100);
}

static void test_names_interned_after_the_fork(void **state)
{
    clientid_gateway *gateway = gateway_of(4);
    clientid_worker *worker;
    struct child a;

    (void)state;
    assert_int_equal(clientid_worker_new(&worker, gateway), 0);
    assert_int_equal(ask(gateway, worker, "a", 1), 0);
    a = child_begin(gateway, work_with_other_names);
    assert_int_equal(a.said, 0);
    assert_int_equal(metric(gateway, UNKNOWN("a")), 4);
    assert_int_equal(metric(gateway, UNKNOWN("b")), 20); /* this process has never heard of it */
    assert_int_equal(metric(gateway, ORDERS), 100);
    assert_int_equal(ask(gateway, worker, "b", 1), 0);
    assert_int_equal(metric(gateway, UNKNOWN("b")), 21);
    child_kill(a);
    a = child_begin(gateway, work_with_other_names); /* finds the rows of the dead one */
    assert_int_equal(metric(gateway, UNKNOWN("a")), 7);
    assert_int_equal(metric(gateway, UNKNOWN("b")), 41);
    child_kill(a);
    clientid_worker_del(worker);
    clientid_gateway_del(gateway);
}

static void test_reload_adds_an_api(void **state)
{
    clientid_gateway *gateway = gateway_of(2);
    clientid_worker *worker;
    struct child a;

    (void)state;
    assert_int_equal(clientid_worker_new(&worker, gateway), 0);
    assert_int_equal(ask(gateway, worker, "orders", 5), 0);
    assert_int_equal(
        clientid_gateway_reload(gateway, (clientid_str){config_of_two, sizeof(config_of_two) - 1},
                                NULL, NULL),
        0);
    assert_int_equal(ask(gateway, worker, "added", 2), 0);
    a = child_begin(gateway, work_100);
    assert_int_equal(a.said, 0);
    assert_int_equal(metric(gateway, ORDERS), 5);
    assert_int_equal(
        metric(gateway,
               "clientid_decisions_total{api=\"orders\",verdict=\"allow\",reason=\"no-policy\"} "),
        100);
    assert_int_equal(
        metric(gateway,
               "clientid_decisions_total{api=\"added\",verdict=\"allow\",reason=\"no-policy\"} "),
        2);
    child_kill(a);
    clientid_worker_del(worker);
    clientid_gateway_del(gateway);
}

/* More names than rows: the process goes on counting them by itself, and says so once. */
static void test_more_names_than_rows(void **state)
{
    clientid_gateway *gateway = gateway_of(2);
    clientid_worker *worker, *second;
    char name[32], line[128];

    (void)state;
    warnings = 0;
    assert_int_equal(clientid_worker_new(&worker, gateway), 0);
    assert_int_equal(clientid_worker_new(&second, gateway), 0);
    for (int i = 0; i < 80; i++) {
        snprintf(name, sizeof(name), "name-%03d", i);
        assert_int_equal(ask(gateway, worker, name, 2), 0);
        assert_int_equal(ask(gateway, second, name, 1), 0);
    }
    assert_int_equal(warnings, 1);
    assert_int_equal(ask(gateway, worker, "orders", 7), 0);
    for (int pass = 0; pass < 3; pass++) {
        for (int i = 0; i < 80; i++) {
            snprintf(line, sizeof(line), UNKNOWN("name-%03d"), i);
            assert_int_equal(metric(gateway, line), 3);
        }
        assert_int_equal(metric(gateway, ORDERS), 7);
        clientid_worker_del(pass == 0 ? worker : pass == 1 ? second : NULL);
    }
    clientid_gateway_del(gateway);
}

/* ---- slots ----------------------------------------------------------------------------------- */

static void test_a_process_id_that_came_back(void **state)
{
    struct clientid__tally *tally;
    struct clientid__tally_slot *slot;
    uint64_t self = owner_self();

    (void)state;
    assert_int_equal(clientid__tally_new(&tally, &clientid__malloc, 1, 1), 0);
    assert_true(self >> PID_BITS != 0);
    slot = clientid__tally_take(tally);
    assert_non_null(slot);
    assert_null(clientid__tally_take(tally));
    /* The owner had this process' id and began at another moment: dead. */
    atomic_store(&slot->owner, self + (UINT64_C(1) << PID_BITS));
    assert_ptr_equal(clientid__tally_take(tally), slot);
    /* The owner could not tell when it began: alive as long as anybody has the id. */
    atomic_store(&slot->owner, self & PID_MASK);
    assert_null(clientid__tally_take(tally));
    /* An id that nobody has. */
    atomic_store(&slot->owner, (UINT64_C(1) << PID_BITS) | (PID_MASK - 1));
    assert_ptr_equal(clientid__tally_take(tally), slot);
    clientid__tally_put(slot);
    assert_ptr_equal(clientid__tally_take(tally), slot);
    clientid__tally_put(NULL);
    clientid__tally_del(tally);
    clientid__tally_del(NULL);
}

static void test_stat_lines(void **state)
{
    static const struct {
        const char *why, *text;
        bool read;
        char state;
        unsigned long threads;
        uint64_t began;
    } rows[] = {
        {"as proc(5) has it",
         "12 (nginx) S 1 12 12 0 -1 4194560 1 0 0 0 5 6 0 0 20 0 3 0 987654 1 2 3", true, 'S', 3,
         987654},
        {"a name that looks like the end of a name",
         "12 (a) Z 1 (b) R 1 12 12 0 -1 4194560 1 0 0 0 5 6 0 0 20 0 1 0 7 1 2 3", true, 'R', 1, 7},
        {"cut off", "12 (nginx) S 1 12 12 0 -1 4194560 1 0 0 0 5 6 0 0 20 0 3", false, 0, 0, 0},
        {"no name", "12 nginx S 1", false, 0, 0, 0},
        {"nothing behind the name", "12 (nginx)", false, 0, 0, 0},
        {"a word among numbers", "12 (nginx) S 1 x", false, 0, 0, 0},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct life life = {0};

        if (parse_stat(rows[i].text, &life) != rows[i].read)
            fail_msg("%s", rows[i].why);
        if (rows[i].read && (life.state != rows[i].state || life.threads != rows[i].threads ||
                             life.began != rows[i].began))
            fail_msg("%s: %c %lu %llu", rows[i].why, life.state, life.threads,
                     (unsigned long long)life.began);
    }
}

/* A maker that died over a row leaves one without a name: the next one takes it. */
static void test_half_made_rows(void **state)
{
    struct clientid__tally *tally;
    struct clientid__tally_slot *slot;
    struct clientid__counters *a;
    clientid_str name;
    size_t at = 0;
    char longest[NAME_MAX_BYTES + 1];

    (void)state;
    assert_int_equal(clientid__tally_new(&tally, &clientid__malloc, 3, 2), 0);
    slot = clientid__tally_take(tally);
    memcpy(slot->rows[0].name, "half", 4);
    a = clientid__tally_row(tally, slot, CLIENTID_STR("whole"));
    assert_ptr_equal(a, &slot->rows[0].counters);
    assert_ptr_equal(clientid__tally_row(tally, slot, CLIENTID_STR("whole")), a);
    memset(longest, 'x', sizeof(longest));
    assert_null(clientid__tally_row(tally, slot, clientid__str(longest, sizeof(longest))));
    assert_non_null(clientid__tally_row(tally, slot, clientid__str(longest, NAME_MAX_BYTES)));
    assert_null(clientid__tally_row(tally, slot, CLIENTID_STR("third")));
    slot = clientid__tally_take(tally);
    clientid__tally_row(tally, slot, CLIENTID_STR("whole"));
    clientid__tally_row(tally, slot, CLIENTID_STR("third"));
    assert_true(clientid__tally_name(tally, &at, &name));
    assert_true(clientid__str_eq(name, CLIENTID_STR("whole")));
    assert_true(clientid__tally_name(tally, &at, &name));
    assert_int_equal(name.len, NAME_MAX_BYTES);
    assert_true(clientid__tally_name(tally, &at, &name));
    assert_true(clientid__str_eq(name, CLIENTID_STR("third")));
    assert_false(clientid__tally_name(tally, &at, &name));
    clientid__tally_del(tally);
}

/* ---- races ----------------------------------------------------------------------------------- */

enum { THREADS = 3, ROUNDS = 40 };

static void *come_and_go(void *argument)
{
    clientid_gateway *gateway = argument;
    struct support_request r;
    const clientid_api *api;

    assert_int_equal(clientid_api_get(gateway, CLIENTID_STR("orders"), &api), 0);
    assert_int_equal(support_request_parse(&r, CLIENTID_STR("GET / HTTP/1.1\r\n\r\n"), NOW_NS), 0);
    for (int i = 0; i < ROUNDS; i++) {
        clientid_decision decision = {.size = sizeof(decision)};
        clientid_worker *worker;

        assert_int_equal(clientid_worker_new(&worker, gateway), 0);
        for (int k = 0; k < 50; k++)
            assert_int_equal(clientid_check(worker, api, &r.request, &decision), 0);
        clientid_worker_del(worker);
    }
    return NULL;
}

/* Workers of threads come and go while names appear and metrics are read: nothing is lost. */
static void test_threads(void **state)
{
    clientid_gateway *gateway = gateway_of(THREADS);
    pthread_t threads[THREADS];
    const clientid_api *api;
    char name[32];

    (void)state;
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, come_and_go, gateway), 0);
    for (int i = 0; i < 90; i++) {
        snprintf(name, sizeof(name), "other-%d", i);
        assert_int_equal(clientid_api_get(gateway, clientid__cstr(name), &api), 0);
        metric(gateway, ORDERS);
    }
    for (int i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(metric(gateway, ORDERS), THREADS * ROUNDS * 50);
    clientid_gateway_del(gateway);
}

/* ---- options --------------------------------------------------------------------------------- */

static void test_options(void **state)
{
    clientid_options options = {.size = offsetof(clientid_options, shared_counters),
                                .config = {config, sizeof(config) - 1},
                                .shared_counters = 1};
    clientid_gateway *gateway;
    clientid_worker *a, *b;

    (void)state;
    /* A host built when the struct ended before: its bytes behind are not read. */
    assert_int_equal(clientid_gateway_new(&gateway, &options, NULL), 0);
    assert_int_equal(clientid_worker_new(&a, gateway), 0);
    assert_int_equal(clientid_worker_new(&b, gateway), 0);
    clientid_worker_del(a);
    clientid_worker_del(b);
    clientid_gateway_del(gateway);
    options.size--;
    assert_int_equal(clientid_gateway_new(&gateway, &options, NULL), CLIENTID_ERR_ARG);
    options.size = sizeof(options);
    options.flags = 4;
    assert_int_equal(clientid_gateway_new(&gateway, &options, NULL), CLIENTID_ERR_ARG);
    options.flags = 0;
    options.shared_counters = CLIENTID__TALLY_SLOTS_MAX + 1;
    assert_int_equal(clientid_gateway_new(&gateway, &options, NULL), CLIENTID_ERR_ARG);
    options.shared_counters = CLIENTID__TALLY_SLOTS_MAX;
    assert_int_equal(clientid_gateway_new(&gateway, &options, NULL), 0);
    assert_int_equal(clientid_gateway_new(NULL, &options, NULL), CLIENTID_ERR_ARG);
    clientid_gateway_del(gateway);
}

static int run_all(const clientid_allocator *allocator)
{
    clientid_options options = {.size = sizeof(options),
                                .config = {config, sizeof(config) - 1},
                                .allocator = allocator,
                                .shared_counters = 2};
    clientid_gateway *gateway = NULL;
    clientid_worker *a = NULL, *b = NULL;
    const clientid_api *api;
    int rv = clientid_gateway_new(&gateway, &options, NULL);

    rv = rv == 0 ? clientid_worker_new(&a, gateway) : rv;
    rv = rv == 0 ? clientid_worker_new(&b, gateway) : rv;
    for (int i = 0; rv == 0 && i < 70; i++) {
        char name[16];

        snprintf(name, sizeof(name), "n%d", i);
        rv = clientid_api_get(gateway, clientid__cstr(name), &api);
    }
    clientid_worker_del(a);
    clientid_worker_del(b);
    clientid_gateway_del(gateway);
    return rv;
}

static void test_memory_runs_out(void **state)
{
    struct support_alloc a;
    size_t calls;

    (void)state;
    support_alloc_init(&a);
    assert_int_equal(run_all(&a.allocator), 0);
    assert_int_equal(a.live, 0);
    calls = a.calls;
    for (size_t i = 1; i <= calls; i++) {
        int rv;

        support_alloc_init(&a);
        a.fail_at = i;
        rv = run_all(&a.allocator);
        if (a.live != 0 || (rv != CLIENTID_ERR_NOMEM && rv != 0))
            fail_msg("allocation %zu: %d, %zu live", i, rv, a.live);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_any_process_shows_the_sums_of_all),
        cmocka_unit_test(test_private_without_the_option),
        cmocka_unit_test(test_killed_workers_leave_their_counts),
        cmocka_unit_test(test_a_zombie_is_dead),
        cmocka_unit_test(test_too_many_workers),
        cmocka_unit_test(test_a_child_leaves_its_parents_slot),
        cmocka_unit_test(test_names_interned_after_the_fork),
        cmocka_unit_test(test_reload_adds_an_api),
        cmocka_unit_test(test_more_names_than_rows),
        cmocka_unit_test(test_a_process_id_that_came_back),
        cmocka_unit_test(test_stat_lines),
        cmocka_unit_test(test_half_made_rows),
        cmocka_unit_test(test_threads),
        cmocka_unit_test(test_options),
        cmocka_unit_test(test_memory_runs_out),
    };

    return cmocka_run_group_tests_name("shared counters", tests, NULL, NULL);
}
