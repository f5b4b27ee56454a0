/* SPDX-License-Identifier: Apache-2.0 */
#include "limit/algorithm.h"
#include "limit/memo.h"
#include "support_random.h"

#include <setjmp.h>
#include <stdarg.h>
#include <string.h>

#include <cmocka.h>

#define FIXED   CLIENTID_FIXED_WINDOW
#define SLIDING CLIENTID_SLIDING_WINDOW
#define BUCKET  CLIENTID_TOKEN_BUCKET

static void refuses_what_a_cell_cannot_hold(void **unused)
{
    static const struct {
        const char *name;
        int algorithm;
        uint64_t maximum, period_ms, burst;
        const char *text; /* part of the sentence; NULL: accepted */
    } rows[] = {
        {"plain", FIXED, 100, 60000, 0, NULL},
        {"no requests", FIXED, 0, 1000, 0, "at least 1 request"},
        {"no period", FIXED, 1, 0, 0, "a period must be"},
        {"longest period", BUCKET, 1, CLIENTID__PERIOD_MAX_MS, 0, NULL},
        {"period too long", BUCKET, 1, CLIENTID__PERIOD_MAX_MS + 1, 0, "a period must be"},
        {"a million per second", BUCKET, 1000000, 1000, 0, NULL},
        {"one more", BUCKET, 1000001, 1000, 0, "more than 1000000 per second"},
        {"a thousand per millisecond", FIXED, 1000, 1, 0, NULL},
        {"a thousand and one", FIXED, 1001, 1, 0, "more than 1000000 per second"},
        {"largest fixed window", FIXED, CLIENTID__WINDOW_MAX, CLIENTID__PERIOD_MAX_MS, 0, NULL},
        {"larger", FIXED, CLIENTID__WINDOW_MAX + 1, CLIENTID__PERIOD_MAX_MS, 0,
         "fixed window counts"},
        {"largest sliding window", SLIDING, CLIENTID__SLIDING_MAX, 86400000, 0, NULL},
        {"larger", SLIDING, CLIENTID__SLIDING_MAX + 1, 86400000, 0, "sliding window counts"},
        {"burst of its own", BUCKET, 10, 1000, 1000, NULL},
        {"burst that lasts for ages", BUCKET, 1, CLIENTID__PERIOD_MAX_MS, 2, "lasts longer"},
        {"burst beyond arithmetic", BUCKET, 1, 1000, UINT64_MAX, "lasts longer"},
        {"largest of all", FIXED, UINT64_MAX, UINT64_MAX, 0, "a period must be"},
        {"unknown algorithm", 4, 1, 1000, 0, "unknown limit algorithm 4"},
        {"no algorithm", 0, 1, 1000, 0, "unknown limit algorithm 0"},
    };

    (void)unused;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct clientid__rule rule;
        clientid_error error = {0};
        int rv = clientid__rule_init(&rule, (clientid_algorithm)rows[i].algorithm, rows[i].maximum,
                                     rows[i].period_ms, rows[i].burst, 1, &error);

        print_message("  %s\n", rows[i].name);
        assert_int_equal(rv, rows[i].text == NULL ? 0 : CLIENTID_ERR_CONFIG);
        if (rows[i].text != NULL)
            assert_non_null(strstr(error.text, rows[i].text));
    }
}

/* A cell belongs to policy, period and algorithm; a changed maximum or burst keeps it. */
static void the_salt_names_the_cell(void **unused)
{
    static const struct {
        const char *name;
        int algorithm;
        uint64_t maximum, period_ms, burst, policy;
        bool same;
    } rows[] = {
        {"same", BUCKET, 10, 1000, 0, 1, true},
        {"maximum changed", BUCKET, 20, 1000, 0, 1, true},
        {"burst changed", BUCKET, 10, 1000, 5, 1, true},
        {"period changed", BUCKET, 10, 2000, 0, 1, false},
        {"algorithm changed", FIXED, 10, 1000, 0, 1, false},
        {"another policy", BUCKET, 10, 1000, 0, 2, false},
    };
    struct clientid__rule first, rule;

    (void)unused;
    assert_int_equal(clientid__rule_init(&first, BUCKET, 10, 1000, 0, 1, NULL), 0);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        print_message("  %s\n", rows[i].name);
        assert_int_equal(clientid__rule_init(&rule, (clientid_algorithm)rows[i].algorithm,
                                             rows[i].maximum, rows[i].period_ms, rows[i].burst,
                                             rows[i].policy, NULL),
                         0);
        assert_int_equal(memcmp(first.salt, rule.salt, sizeof(rule.salt)) == 0, rows[i].same);
    }
}

/* No sum of times overflows at the edges of what is accepted. */
static void the_edges_of_time_hold(void **unused)
{
    static const int algorithms[] = {FIXED, SLIDING, BUCKET};

    (void)unused;
    for (int i = 0; i < 3; i++) {
        struct clientid__rule rule;
        struct clientid__outcome o;
        struct clientid__state state = {0};

        assert_int_equal(clientid__rule_init(&rule, (clientid_algorithm)algorithms[i], 1,
                                             CLIENTID__PERIOD_MAX_MS, 0, 1, NULL),
                         0);
        for (int round = 0; round < 2; round++) {
            clientid__take_fn *take = algorithms[i] == FIXED     ? clientid__window_take
                                      : algorithms[i] == SLIDING ? clientid__sliding_take
                                                                 : clientid__gcra_take;

            take(&rule, state, CLIENTID__NOW_MAX_NS, 1, &o);
            assert_int_equal(o.refused, round == 1);
            assert_false(o.repair);
            state = o.next;
            assert_true(clientid__state_expiry_ns((unsigned)algorithms[i], state) >=
                        CLIENTID__NOW_MAX_NS + rule.period_ns);
        }
    }
}

/* More limits than it holds, in any order, some of them invalid: always what clientid__rule_init makes. */
static void a_memo_changes_nothing(void **unused)
{
    static struct clientid__memo memo;
    uint64_t seed = 7;

    (void)unused;
    for (int i = 0; i < 20000; i++) {
        struct clientid__rule made, kept;
        clientid_algorithm algorithm = (clientid_algorithm)(support_random(&seed) % 4);
        uint64_t maximum = support_random(&seed) % 6, period_ms = support_random(&seed) % 5;
        uint64_t burst = support_random(&seed) % 3, policy = support_random(&seed) % 2;
        int rv = clientid__rule_init(&made, algorithm, maximum, period_ms, burst, policy, NULL);

        assert_int_equal(
            clientid__memo_rule(&memo, &kept, algorithm, maximum, period_ms, burst, policy), rv);
        if (rv != 0)
            continue;
        assert_int_equal(kept.algorithm, made.algorithm);
        assert_true(kept.maximum == made.maximum && kept.period_ns == made.period_ns &&
                    kept.step_ns == made.step_ns && kept.burst == made.burst &&
                    kept.burst_ns == made.burst_ns && kept.salt[0] == made.salt[0] &&
                    kept.salt[1] == made.salt[1]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(refuses_what_a_cell_cannot_hold),
        cmocka_unit_test(the_salt_names_the_cell),
        cmocka_unit_test(the_edges_of_time_hold),
        cmocka_unit_test(a_memo_changes_nothing),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
