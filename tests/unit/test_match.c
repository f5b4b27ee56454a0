/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/str.h"
#include "policy/pointcut.h"
#include "policy/policy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

struct world {
    struct clientid__chain chain;
    struct clientid__pointcut pointcuts[4];
    size_t count;
    struct clientid__match_data *data;
    char room[4096];
};

static void init_pattern(struct clientid__pattern *pattern, const char *text)
{
    char reason[CLIENTID__PATTERN_REASON] = "";
    size_t offset;

    if (text == NULL)
        return;
    if (clientid__pattern_init(pattern, &clientid__malloc, clientid__cstr(text), &offset, reason))
        fail_msg("%s: %s", text, reason);
}

/* One more policy with one pointcut; both NULL: without. */
static void add(struct world *w, const char *method, const char *path)
{
    struct clientid__policy *policy = &w->chain.policies[w->chain.policy_count++];

    if (method == NULL && path == NULL)
        return;
    policy->pointcuts = &w->pointcuts[w->count++];
    policy->pointcut_count = 1;
    init_pattern(&policy->pointcuts->method, method);
    init_pattern(&policy->pointcuts->path, path);
}

static void start(struct world *w)
{
    *w = (struct world){.data = clientid__match_data_new(&clientid__malloc)};
    assert_non_null(w->data);
}

static void end(struct world *w)
{
    for (size_t i = 0; i < w->count; i++) {
        clientid__pattern_release(&w->pointcuts[i].method);
        clientid__pattern_release(&w->pointcuts[i].path);
    }
    clientid__match_data_del(w->data);
}

static uint32_t ask(struct world *w, const char *method, const char *path)
{
    struct clientid__scratch scratch = {w->room, sizeof(w->room)};

    return clientid__chain_match(&w->chain, w->data, clientid__cstr(method), clientid__cstr(path),
                                 &scratch);
}

static void test_paths(void **state)
{
    static const struct {
        const char *name, *pattern, *path;
        bool applies;
    } rows[] = {
        {"same", "/v1/orders", "/v1/orders", true},
        {"other", "/v1/orders", "/v1/items", false},
        {"longer", "/v1/orders", "/v1/orders/7", false},
        {"trailing slash", "/v1/orders", "/v1/orders/", true},
        {"root keeps its slash", "", "/", false},
        {"escaped letter", "/v1/.*", "/%76%31/x", true},
        {"encoded slash as slash", "/v1/orders", "/v1%2Forders", true},
        {"encoded slash as data", "/v1/[^/]+/items", "/v1/a%2Fb/items", true},
        {"encoded slash as data, elsewhere escaped", "/v1/[^/]+/items", "/%761/a%2fb/items", true},
        {"empty segment removed", "/v1/orders", "/v1//orders", true},
        {"empty segment kept", "/v1/[^/]*/x", "/%761//x", true},
        {"dot segment removed", "/v1/orders", "/v1/./orders", true},
        {"dot segment removed, then trailing slash", "/v1/orders", "/v1/orders/.", true},
        {"two dots resolved", "/v1/.*", "/public/../v1/x", true},
        {"two dots encoded", "/v1/.*", "/public/%2e%2e/v1/x", true},
        {"two dots not resolved", "/v1/.*", "/%761/../x", true},
        {"two dots that lead elsewhere", "/v1/.*", "/a/../public", false},
        {"parameters cut", "/v1/orders", "/v1;x=y/orders;z", true},
        {"parameters kept", "/v1/[^/]+/x", "/%761/;/x", true},
        {"parameters that hide two dots", "/v1/.*", "/a/..;/b", true},
        {"backslash", "/v1/orders", "/v1\\orders", true},
        {"encoded backslash", "/v1/orders", "/v1%5corders", true},
        {"NUL that might end it", "/v1/orders", "/v1/orders%00.png", true},
        {"line feed", "/v1/.*", "/v1/%0a", true},
        {"bad escape", "/v1/.*", "/v%/x", true},
        {"escaped twice", "/v1/.*", "/%2576%2531/x", true},
        {"overlong slash", "/v1/orders", "/v1%c0%aforders", true},
        {"absolute form", "/v1/.*", "http://h/v1/x", true},
        {"asterisk form", "/v1/.*", "*", true},
        {"two oddities", "/v1/.*", "/public//x;y", true},
        {"pattern over what came", "/v1/caf%C3%A9", "/v1/caf%C3%A9", true},
        {"pattern over what is meant", "/v1/caf\xc3\xa9", "/v1/caf%c3%a9", true},
        {"case is kept", "/v1/.*", "/V1/x", false},
        {"ordinary escape elsewhere", "/v1/.*", "/public/a%20b", false},
        {"ordinary encoded slash elsewhere", "/v1/.*", "/public/a%2Fb", false},
        {"ordinary parameters elsewhere", "/v1/.*", "/public;v=1", false},
        {"an escaped question mark may begin the query", "/v1/a", "/v1/a%3Fb", true},
        {"negation", "/(?!public/).*", "/public/x", false},
        {"negation, stays inside", "/(?!public/).*", "/public/../public/x", false},
        {"negation, leads out", "/(?!public/).*", "/public/../x", true},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct world w;

        start(&w);
        add(&w, "GET", rows[i].pattern[0] != '\0' ? rows[i].pattern : "()");
        if ((ask(&w, "GET", rows[i].path) == 1) != rows[i].applies)
            fail_msg("%s: %s on %s", rows[i].name, rows[i].pattern, rows[i].path);
        end(&w);
    }
}

static void test_methods(void **state)
{
    struct world w;

    (void)state;
    start(&w);
    add(&w, "GET|PUT", "/v1/.*");
    add(&w, "[A-Z]+", NULL);
    add(&w, NULL, NULL);
    assert_int_equal(ask(&w, "GET", "/v1/x"), 7);
    assert_int_equal(ask(&w, "PUT", "/v1/x"), 7);
    assert_int_equal(ask(&w, "HEAD", "/v1/x"), 6);
    assert_int_equal(ask(&w, "get", "/v1/x"), 4);
    assert_int_equal(ask(&w, "GET", "/v2/x"), 6);
    assert_int_equal(ask(&w, "", "/v2/x"), 4);
    /* Also what cannot be read. */
    assert_int_equal(ask(&w, "get", "/%zz"), 7);
    end(&w);
}

static void test_several_pointcuts(void **state)
{
    struct world w;

    (void)state;
    start(&w);
    add(&w, "GET", "/a");
    add(&w, "POST", "/b");
    /* Both entries belong to the first policy. */
    w.chain.policies[0].pointcut_count = 2;
    w.chain.policy_count = 1;
    assert_int_equal(ask(&w, "GET", "/a"), 1);
    assert_int_equal(ask(&w, "POST", "/b"), 1);
    assert_int_equal(ask(&w, "GET", "/b"), 0);
    assert_int_equal(ask(&w, "POST", "/a"), 0);
    end(&w);
}

/* No room for the readings: the policies apply; and nothing is written beyond it. */
static void test_scratch(void **state)
{
    static const char path[] = "/public/%61";
    struct clientid__scratch scratch;
    struct world w;

    (void)state;
    start(&w);
    add(&w, NULL, "/v1/.*");
    scratch = (struct clientid__scratch){w.room, sizeof(path) - 2};
    assert_int_equal(clientid__chain_match(&w.chain, w.data, CLIENTID_STR("GET"),
                                           clientid__cstr(path), &scratch),
                     1);
    scratch = (struct clientid__scratch){w.room, sizeof(path) - 1};
    w.room[sizeof(path) - 1] = '#';
    assert_int_equal(clientid__chain_match(&w.chain, w.data, CLIENTID_STR("GET"),
                                           clientid__cstr(path), &scratch),
                     0);
    assert_int_equal(w.room[sizeof(path) - 1], '#');
    /* The room is free again. */
    assert_ptr_equal(scratch.next, w.room);
    assert_int_equal(scratch.left, sizeof(path) - 1);
    end(&w);
}

static void test_all_policies(void **state)
{
    struct world w;

    (void)state;
    start(&w);
    assert_int_equal(ask(&w, "GET", "/x"), 0);
    for (int i = 0; i < CLIENTID__POLICIES_MAX; i++)
        add(&w, NULL, NULL);
    assert_int_equal(ask(&w, "GET", "/x"), UINT32_MAX);
    assert_int_equal(ask(&w, "GET", "/%zz"), UINT32_MAX);
    end(&w);
}

/* A pattern that runs into its limits, and a worker without the means to match. */
static void test_undecided(void **state)
{
    char path[2000] = "/";
    struct world w;
    struct clientid__match_data *data;

    (void)state;
    start(&w);
    add(&w, NULL, "/(a+)+");
    memset(path + 1, 'a', sizeof(path) - 3);
    path[sizeof(path) - 2] = '!';
    assert_int_equal(ask(&w, "GET", path), 1);
    assert_int_equal(ask(&w, "GET", "/b"), 0);
    data = w.data;
    w.data = NULL;
    assert_int_equal(ask(&w, "GET", "/b"), 1);
    w.data = data;
    end(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_paths),        cmocka_unit_test(test_methods),
        cmocka_unit_test(test_scratch),      cmocka_unit_test(test_several_pointcuts),
        cmocka_unit_test(test_all_policies), cmocka_unit_test(test_undecided),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
