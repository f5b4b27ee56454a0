/* SPDX-License-Identifier: Apache-2.0 */
/* The load generator counts every request once, whatever becomes of its connection. */
#include "support_load.h"
#include "support_proxy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct upstream upstream;

static struct load_result run(const char *target, unsigned connections, uint64_t requests)
{
    const struct load_options options = {.port = upstream.port,
                                         .target = target,
                                         .lines = "X-A: b\r\n",
                                         .connections = connections,
                                         .requests = requests};
    struct load *load = load_start(&options);
    struct load_result result;

    assert_non_null(load);
    assert_int_equal(load_wait(load, &result), 0);
    assert_int_equal(result.sent, result.answered + result.unknown + result.left);
    return result;
}

static void connections_are_kept(void **state)
{
    struct load_result result;
    (void)state;

    upstream_reset_counts();
    result = run("/echo", 8, 1000);
    assert_int_equal(result.sent, 1000);
    assert_int_equal(result.by_status[200], 1000);
    assert_int_equal(upstream_requests(), 1000);
    assert_true(upstream_connections() <= 8);
}

static void answers_of_every_form(void **state)
{
    static const struct {
        const char *target;
        unsigned status;
        uint64_t cut;
    } rows[] = {{"/lines", 200, 0}, {"/304", 304, 0}, {"/204", 204, 0},    {"/nolength", 200, 0},
                {"/early", 200, 0}, {"/cut", 200, 3}, {"/stream", 200, 0}, {"/big", 200, 0}};
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct load_result result = run(rows[i].target, 1, 3);

        assert_int_equal(result.by_status[rows[i].status], 3);
        assert_int_equal(result.cut, rows[i].cut);
        assert_int_equal(result.broken, 0);
    }
}

static void a_reset_leaves_the_outcome_unknown(void **state)
{
    struct load_result result;
    (void)state;

    upstream_reset_counts();
    result = run("/reset", 4, 100);
    assert_int_equal(result.unknown, 100);
    assert_int_equal(result.answered, 0);
    assert_int_equal(upstream_requests(), 100); /* nothing was sent twice */
}

static void what_is_not_http_is_broken(void **state)
{
    struct load_result result;
    (void)state;

    result = run("/not-http", 1, 2);
    assert_int_equal(result.broken, 2);
    assert_int_equal(result.by_status[0], 2);
}

static void a_server_that_is_away_is_waited_for(void **state)
{
    struct upstream other;
    struct load_options options = {.target = "/echo", .connections = 2, .pause_ms = 1};
    struct load_result result;
    struct load *load;
    uint64_t answered;
    (void)state;

    upstream_start(&other);
    options.port = other.port;
    load = load_start(&options);
    while (load_answered(load) < 10)
        sleep_ms(1);
    upstream_stop(&other); /* connections that are open go on */
    answered = load_answered(load);
    while (load_answered(load) < answered + 10)
        sleep_ms(1);
    load_stop(load);
    assert_int_equal(load_wait(load, &result), 0);
    assert_int_equal(result.by_status[200], result.answered);

    load = load_start(&options);
    sleep_ms(50);
    load_stop(load);
    assert_int_equal(load_wait(load, &result), 0);
    assert_int_equal(result.sent, 0);
    assert_true(result.refused > 0);
}

/* ---- each request, and its end --------------------------------------------------------------- */

static struct {
    unsigned chosen, even, odd, left, reused, backwards;
} seen;

static unsigned count_up(void *self, char *target, size_t size)
{
    (void)self;
    snprintf(target, size, seen.chosen % 2 == 0 ? "/204" : "/count");
    return seen.chosen++;
}

static void look(void *self, const struct load_event *event)
{
    (void)self;
    seen.backwards += event->ended_ms < event->begun_ms;
    seen.even += event->choice % 2 == 0 && event->status == 204;
    seen.odd += event->choice % 2 == 1 && event->status == 200 && event->whole &&
                strcmp(event->body, "5") == 0;
    seen.left += event->left && event->status == 0 && !event->whole;
    seen.reused += event->reused;
}

static void requests_are_chosen_one_by_one(void **state)
{
    const struct load_options options = {.port = upstream.port,
                                         .method = "POST",
                                         .body = "12345",
                                         .connections = 3,
                                         .requests = 100,
                                         .choose = count_up,
                                         .seen = look};
    struct load_result result;
    (void)state;

    memset(&seen, 0, sizeof(seen));
    assert_int_equal(load_wait(load_start(&options), &result), 0);
    assert_int_equal(result.by_status[204], 50);
    assert_int_equal(result.by_status[200], 50);
    assert_int_equal(seen.even, 50);
    assert_int_equal(seen.odd, 50);
    assert_int_equal(seen.reused, 97);
    assert_int_equal(seen.backwards, 0);
    char *last = upstream_last();
    assert_has(last, "POST /");
    assert_has(last, "Content-Length: 5\r\n");
    free(last);
}

static void who_leaves_is_no_loss(void **state)
{
    const struct load_options options = {.port = upstream.port,
                                         .target = "/hang",
                                         .connections = 2,
                                         .requests = 6,
                                         .leave_ms = 20,
                                         .seen = look};
    struct load_result result;
    (void)state;

    memset(&seen, 0, sizeof(seen));
    assert_int_equal(load_wait(load_start(&options), &result), 0);
    assert_int_equal(result.left, 6);
    assert_int_equal(result.unknown, 0);
    assert_int_equal(seen.left, 6);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(connections_are_kept),
        cmocka_unit_test(answers_of_every_form),
        cmocka_unit_test(a_reset_leaves_the_outcome_unknown),
        cmocka_unit_test(what_is_not_http_is_broken),
        cmocka_unit_test(a_server_that_is_away_is_waited_for),
        cmocka_unit_test(requests_are_chosen_one_by_one),
        cmocka_unit_test(who_leaves_is_no_loss),
    };

    upstream_start(&upstream);
    return cmocka_run_group_tests_name("load", tests, NULL, NULL);
}
