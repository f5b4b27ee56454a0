/* SPDX-License-Identifier: Apache-2.0 */
/*
 * One contract has one quota, whoever spends it: 2 workers of NGINX, 2 threads of Envoy and 2 of clientid-proxy, at the
 * same time, under load, and while some of them are killed.
 */
#include "support_fleet.h"
#include "support_load.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>

#include <cmocka.h>

enum { QUOTA = 10000, CONNECTIONS = 8 };

static struct fleet fleet;
static const char *missing;

#define CREDENTIALS "\"id\": \"query:client_id\", \"secret\": \"query:client_secret\""
#define FIXED_WINDOW                                                                               \
    "[{\"policy\": \"rate-limiting-sla-based\", " CREDENTIALS ", \"algorithm\": "                  \
    "\"fixed-window\"}]"
#define TOKEN_BUCKET                                                                               \
    "[{\"policy\": \"rate-limiting-sla-based\", " CREDENTIALS ", \"algorithm\": "                  \
    "\"token-bucket\"}]"

enum { BUCKET_BURST = 2000, BUCKET_PERIOD_MS = 4000, DAY_MS = 24 * 3600 * 1000 };

static int start(void **state)
{
    (void)state;
    missing = fleet_missing();
    if (missing != NULL)
        return 0;
    fleet_prepare(&fleet);
    fleet_add(&fleet, "window", FIXED_WINDOW, QUOTA, DAY_MS);
    fleet_add(&fleet, "killed", FIXED_WINDOW, QUOTA, DAY_MS);
    fleet_add(&fleet, "bucket", TOKEN_BUCKET, BUCKET_BURST, BUCKET_PERIOD_MS);
    fleet_start(&fleet);
    return 0;
}

static int stop(void **state)
{
    (void)state;
    if (missing == NULL)
        fleet_stop(&fleet);
    return 0;
}

static void skip_without_hosts(void)
{
    if (missing != NULL) {
        print_message("%s\n", missing);
        skip();
    }
}

/* ---- load on all hosts ------------------------------------------------------------------------ */

static struct load *loads[FLEET_HOSTS];
static struct load_result results[FLEET_HOSTS];

static void load_all(const char *api)
{
    char target[128];
    snprintf(target, sizeof target, "/%s/?client_id=alice&client_secret=wonderland", api);
    for (int host = 0; host < FLEET_HOSTS; host++) {
        const struct load_options options = {
            .port = fleet.ports[host], .target = target, .connections = CONNECTIONS};
        loads[host] = load_start(&options);
        assert_non_null(loads[host]);
    }
}

static uint64_t answered(void)
{
    uint64_t sum = 0;
    for (int host = 0; host < FLEET_HOSTS; host++)
        sum += load_answered(loads[host]);
    return sum;
}

static void await_answers(uint64_t count)
{
    for (uint64_t end_ms = now_ms() + 60000; answered() < count; sleep_ms(5)) {
        if (now_ms() > end_ms)
            fail_msg("%llu answers in a minute", (unsigned long long)answered());
    }
}

static struct load_result end_all(void)
{
    struct load_result sum = {0};
    for (int host = 0; host < FLEET_HOSTS; host++)
        load_stop(loads[host]);
    for (int host = 0; host < FLEET_HOSTS; host++) {
        struct load_result *result = &results[host];
        (void)load_wait(loads[host], result);
        sum.answered += result->answered;
        sum.unknown += result->unknown;
        sum.cut += result->cut;
        sum.broken += result->broken;
        for (int status = 0; status < LOAD_STATUS_MAX; status++)
            sum.by_status[status] += result->by_status[status];
        print_message("%-15s %6llu admitted %6llu over quota %4llu without answer\n",
                      fleet_name((enum fleet_host)host), (unsigned long long)result->by_status[200],
                      (unsigned long long)result->by_status[429],
                      (unsigned long long)result->unknown);
    }
    return sum;
}

/* Nothing but "yes" and "over quota"; and every host had a share in it. */
static void assert_two_answers(const struct load_result *sum)
{
    assert_int_equal(sum->broken, 0);
    assert_int_equal(sum->by_status[200] + sum->by_status[429], sum->answered);
    for (int host = 0; host < FLEET_HOSTS; host++)
        assert_true(results[host].by_status[200] > 0);
}

/* ---- tests ------------------------------------------------------------------------------------ */

static void test_exactly_the_limit(void **state)
{
    (void)state;
    skip_without_hosts();
    load_all("window");
    await_answers(QUOTA + 3000);
    struct load_result sum = end_all();
    assert_two_answers(&sum);
    assert_int_equal(sum.unknown + sum.cut, 0);
    assert_int_equal(sum.by_status[200], QUOTA);
}

/* Over any interval t, at most burst + rate x t. */
static void test_token_bucket(void **state)
{
    (void)state;
    skip_without_hosts();
    uint64_t begin_ms = now_ms();
    load_all("bucket");
    await_answers(BUCKET_BURST + 3000);
    struct load_result sum = end_all();
    uint64_t elapsed_ms = now_ms() - begin_ms + 1;
    assert_two_answers(&sum);
    assert_true(sum.by_status[200] >= BUCKET_BURST);
    assert_true(sum.by_status[200] <=
                BUCKET_BURST + elapsed_ms * BUCKET_BURST / BUCKET_PERIOD_MS + 1);
}

/* What a killed worker had charged and not yet answered is lost; nothing is given twice, nothing stays locked. */
static void test_killed_workers(void **state)
{
    pid_t workers[8];
    unsigned kills = 0;
    bool envoy_runs = true;
    (void)state;
    skip_without_hosts();
    load_all("killed");
    for (uint64_t end_ms = now_ms() + 60000; answered() < QUOTA + 3000; sleep_ms(50)) {
        size_t count = nginx_workers(fleet.nginx.pid, workers, 8);
        if (count > 0 && kill(workers[(size_t)rand() % count], SIGKILL) == 0)
            kills++;
        if (envoy_runs && answered() > QUOTA / 2) {
            assert_int_equal(kill(fleet.envoy.pid, SIGKILL), 0);
            assert_int_equal(waitpid(fleet.envoy.pid, NULL, 0), fleet.envoy.pid);
            fleet.envoy.pid = -1;
            envoy_runs = false;
        }
        if (now_ms() > end_ms)
            fail_msg("%llu answers in a minute", (unsigned long long)answered());
    }
    struct load_result sum = end_all();
    print_message("%u workers of NGINX were killed, and Envoy\n", kills);
    assert_true(kills >= 3 && !envoy_runs);
    assert_two_answers(&sum);
    assert_true(sum.by_status[200] <= QUOTA);
    assert_true(sum.by_status[200] + sum.unknown >= QUOTA);
    assert_true(nginx_has_workers(fleet.nginx.pid, 2));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_exactly_the_limit), cmocka_unit_test(test_token_bucket),
        cmocka_unit_test(test_killed_workers), /* the last one: Envoy is gone after it */
    };
    srand(1);
    return cmocka_run_group_tests(tests, start, stop);
}
