/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/str.h"
#include "policy/pointcut.h"
#include "policy/policy.h"
#include "support_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define INTERPOSE 0 /* the sanitizers are interposed already */
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define INTERPOSE 0
#else
#define INTERPOSE 1
#endif
#else
#define INTERPOSE 1
#endif

static int watching;
static unsigned long allocations;

#if INTERPOSE
extern void *__libc_malloc(size_t bytes);
extern void *__libc_calloc(size_t count, size_t bytes);
extern void *__libc_realloc(void *memory, size_t bytes);

void *malloc(size_t bytes)
{
    allocations += (unsigned long)watching;
    return __libc_malloc(bytes);
}

void *calloc(size_t count, size_t bytes)
{
    allocations += (unsigned long)watching;
    return __libc_calloc(count, bytes);
}

void *realloc(void *memory, size_t bytes)
{
    allocations += (unsigned long)watching;
    return __libc_realloc(memory, bytes);
}
#endif

static bool matches(const char *text, clientid_str subject, struct clientid__match_data *data)
{
    struct clientid__pattern pattern;
    char reason[CLIENTID__PATTERN_REASON] = "";
    size_t offset = 0;
    bool matched;

    if (clientid__pattern_init(&pattern, &clientid__malloc, clientid__cstr(text), &offset, reason))
        fail_msg("%s, at %zu: %s", text, offset, reason);
    matched = clientid__pattern_matches(&pattern, data, subject);
    clientid__pattern_release(&pattern);
    return matched;
}

static void test_matching(void **state)
{
    static const struct {
        const char *name, *pattern, *subject;
        bool matches;
    } rows[] = {
        {"any", ".*", "/whatever", true},
        {"any of nothing", ".*", "", true},
        {"same", "/v1/orders", "/v1/orders", true},
        {"anchored in front", "/orders", "/v1/orders", false},
        {"anchored behind", "/v1", "/v1/orders", false},
        {"prefix", "/v1/.*", "/v1/orders", true},
        {"prefix of itself", "/v1/.*", "/v1/", true},
        {"prefix, too short", "/v1/.*", "/v1", false},
        {"alternatives", "GET|PUT", "PUT", true},
        {"no alternative", "GET|PUT", "POST", false},
        {"alternative is whole", "GET|PUT", "GETPUT", false},
        {"alternatives with wildcards", "/a/.*|/b", "/a/x", true},
        {"method with regard to case", "GET", "get", false},
        {"without regard to case", "(?i)get", "GET", true},
        {"regex is anchored in front", "[a-z]+/x", "/a/x", false},
        {"regex is anchored behind", "/[a-z]+", "/abc/d", false},
        {"alternation is anchored whole", "/a.|/b.", "/axx", false},
        {"first alternative is shorter", "/a.|/a.c", "/abc", true},
        {"class", "/v[12]/.*", "/v2/x", true},
        {"dot needs one byte", "/a.c", "/ac", false},
        {"dot matches a line feed", "/a.c", "/a\nc", true},
        {"wildcard matches a line feed", ".*/x", "/a\n/x", true},
        {"simple wildcard matches a line feed", "/a/.*", "/a/\n", true},
        {"dollar is not before a line feed", "/a[b]$", "/ab\n", false},
        {"empty alternative", "GET|", "", true},
        {"empty alternative in front", "|GET", "GET", true},
        {"dot is no dot", "/a\\.b", "/axb", false},
        {"star after a letter is no wildcard", "/ab*", "/a", true},
        {"plain percent sign", "/100%", "/100%", true},
        {"bytes, not characters", "/\xc3\xa9.*", "/\xc3\xa9t\xc3\xa9", true},
        {"invalid UTF-8 is a byte", "/[^a]", "/\xff", true},
    };
    struct clientid__match_data *data = clientid__match_data_new(&clientid__malloc);

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (matches(rows[i].pattern, clientid__cstr(rows[i].subject), data) != rows[i].matches)
            fail_msg("%s: %s on %s", rows[i].name, rows[i].pattern, rows[i].subject);
    assert_true(matches("[a-z]*", (clientid_str){NULL, 0}, data));
    assert_true(matches("/a[b].", (clientid_str){"/ab\0", 4}, data));
    clientid__match_data_del(data);
}

static void test_kinds(void **state)
{
    static const struct {
        const char *pattern;
        enum clientid__pattern_kind kind;
    } rows[] = {
        {".*", CLIENTID__PATTERN_ANY},         {"GET", CLIENTID__PATTERN_SIMPLE},
        {"GET|PUT", CLIENTID__PATTERN_SIMPLE}, {"/v1/.*", CLIENTID__PATTERN_SIMPLE},
        {"/a|.*", CLIENTID__PATTERN_SIMPLE},   {".*/a", CLIENTID__PATTERN_REGEX},
        {"/a.b", CLIENTID__PATTERN_REGEX},     {"/v1/.*/x", CLIENTID__PATTERN_REGEX},
        {"GET|", CLIENTID__PATTERN_REGEX},     {"(GET)", CLIENTID__PATTERN_REGEX},
        {"a*", CLIENTID__PATTERN_REGEX},       {"/v1/.*.*", CLIENTID__PATTERN_REGEX},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct clientid__pattern pattern;
        char reason[CLIENTID__PATTERN_REASON];
        size_t offset;

        assert_int_equal(clientid__pattern_init(&pattern, &clientid__malloc,
                                                clientid__cstr(rows[i].pattern), &offset, reason),
                         0);
        if (pattern.kind != rows[i].kind)
            fail_msg("%s is %d", rows[i].pattern, (int)pattern.kind);
        clientid__pattern_release(&pattern);
    }
}

static void append(char *text, size_t room, const char *more)
{
    size_t len = strlen(text);

    snprintf(text + len, room - len, "%s", more);
}

/* The fast comparison says what PCRE2 says: "(?:...)" around the same pattern takes the slow way. */
static void test_simple_equals_regex(void **state)
{
    static const char *const pieces[] = {"/", "a", "b", "|", ".*", "|", "GET", "-", "/v1"};
    static const char *const bits[] = {"/", "a", "b", "GET", "-", "/v1", "x", "\n"};
    struct clientid__match_data *data = clientid__match_data_new(&clientid__malloc);
    const unsigned seed = 4711;
    unsigned simple = 0;

    (void)state;
    srand(seed);
    for (int round = 0; round < 5000; round++) {
        char pattern[64] = "", slow[80], subject[64] = "";
        struct clientid__pattern fast;
        size_t offset;
        char reason[CLIENTID__PATTERN_REASON];

        for (int i = 1 + rand() % 6; i > 0; i--)
            append(pattern, sizeof(pattern),
                   pieces[(size_t)rand() % (sizeof(pieces) / sizeof(pieces[0]))]);
        for (int i = rand() % 5; i > 0; i--)
            append(subject, sizeof(subject),
                   bits[(size_t)rand() % (sizeof(bits) / sizeof(bits[0]))]);
        if (clientid__pattern_init(&fast, &clientid__malloc, clientid__cstr(pattern), &offset,
                                   reason) != 0)
            continue;
        if (fast.kind == CLIENTID__PATTERN_SIMPLE) {
            simple++;
            snprintf(slow, sizeof(slow), "(?:%s)", pattern);
            if (clientid__pattern_matches(&fast, data, clientid__cstr(subject)) !=
                matches(slow, clientid__cstr(subject), data))
                fail_msg("seed %u, round %d: %s on %s", seed, round, pattern, subject);
        }
        clientid__pattern_release(&fast);
    }
    assert_true(simple > 500);
    clientid__match_data_del(data);
}

static void test_refused(void **state)
{
    static const struct {
        const char *name, *pattern;
        size_t offset;
        const char *reason; /* its beginning */
    } rows[] = {
        {"empty", "", 0, "1 to 1024 bytes"},
        {"unbalanced", "/a(b", 4, "missing closing parenthesis"},
        {"class without an end", "/[a", 3, "missing terminating ]"},
        {"nothing to repeat", "*", 0, "quantifier does not follow"},
        {"backslash at the end", "/a\\", 3, "\\ at end of pattern"},
        {"unknown escape", "/\\y", 2, "unrecognized character follows \\"},
        {"dialect", "/orders/{id}", 8, "'{' is no quantifier"},
        {"UTF by option", "(*UTF)/a", 0, "'(*' is not supported"},
        {"backslash C", "/\\C", 3, "using \\C is disabled"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct clientid__pattern pattern;
        char reason[CLIENTID__PATTERN_REASON] = "";
        size_t offset = 99;
        int rv = clientid__pattern_init(&pattern, &clientid__malloc,
                                        clientid__cstr(rows[i].pattern), &offset, reason);

        if (rv != CLIENTID_ERR_SYNTAX || offset != rows[i].offset ||
            strncmp(reason, rows[i].reason, strlen(rows[i].reason)) != 0)
            fail_msg("%s: %d at %zu: %s", rows[i].name, rv, offset, reason);
        clientid__pattern_release(&pattern);
    }
}

static void test_too_long(void **state)
{
    char text[CLIENTID__PATTERN_MAX + 1], reason[CLIENTID__PATTERN_REASON];
    struct clientid__pattern pattern;
    size_t offset;

    (void)state;
    memset(text, 'a', sizeof(text));
    assert_int_equal(clientid__pattern_init(&pattern, &clientid__malloc,
                                            (clientid_str){text, sizeof(text)}, &offset, reason),
                     CLIENTID_ERR_SYNTAX);
    assert_int_equal(clientid__pattern_init(&pattern, &clientid__malloc,
                                            (clientid_str){text, sizeof(text) - 1}, &offset,
                                            reason),
                     0);
    clientid__pattern_release(&pattern);
}

/* Patterns made to hang a matcher, and to eat its memory: the answer is yes, after a bounded effort. */
static void test_limits(void **state)
{
    static const char *const patterns[] = {
        "(a+)+$",    "(a|a)*b",         "(?:a|aa)+c",  "(.*)*x",
        "((a*)*)*b", "(?:(a)|b)*(?=c)", "(a|b|ab)*bc", "(?:a?){200}a{200}b",
    };
    struct clientid__match_data *data = clientid__match_data_new(&clientid__malloc);
    char subject[3000];

    (void)state;
    memset(subject, 'a', sizeof(subject));
    /* Every letter a pattern demands is there: PCRE2 gives up early otherwise. */
    memcpy(subject + sizeof(subject) - 4, "bcx!", 4);
    for (size_t i = 0; i < sizeof(patterns) / sizeof(patterns[0]); i++)
        if (!matches(patterns[i], (clientid_str){subject, sizeof(subject)}, data))
            fail_msg("%s was decided within the limits", patterns[i]);
    /* Decided in 45,000 steps, were it not for the limit on steps. */
    assert_true(matches(".*.*[yz]", (clientid_str){subject, 300}, data));
    assert_false(matches(".*.*[yz]", (clientid_str){subject, 100}, data));
    /* And nothing is broken afterwards. */
    assert_true(matches("(a)[b]", CLIENTID_STR("ab"), data));
    assert_false(matches("(a)[b]", CLIENTID_STR("ac"), data));
    clientid__match_data_del(data);
}

static void many_groups(char *out, size_t room, size_t count)
{
    out[0] = '\0';
    for (size_t i = 0; i < count; i++)
        append(out, room, "(a)*");
    append(out, room, "b");
}

/* Small and large frames in turn, at the limit and below: no memory is asked for, of anybody. */
static void test_no_allocation(void **state)
{
    struct support_alloc a;
    struct clientid__match_data *data;
    struct clientid__pattern patterns[4];
    static char subject[3000], groups[CLIENTID__PATTERN_MAX + 1];
    const char *texts[4] = {"/v[0-9]+/[^/]+", "(a+)+$", "(?:(a)|b)*c", groups};
    char reason[CLIENTID__PATTERN_REASON];
    size_t offset, calls;

    (void)state;
    support_alloc_init(&a);
    many_groups(groups, sizeof(groups), 250);
    memset(subject, 'a', sizeof(subject));
    data = clientid__match_data_new(&a.allocator);
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(clientid__pattern_init(&patterns[i], &a.allocator,
                                                clientid__cstr(texts[i]), &offset, reason),
                         0);
    calls = a.calls;
    allocations = 0;
    watching = 1;
    for (int round = 0; round < 12; round++) {
        clientid_str text = {subject, round % 2 ? sizeof(subject) : 40};

        for (size_t i = 0; i < 4; i++)
            clientid__pattern_matches(&patterns[round % 3 ? i : 3 - i], data, text);
    }
    watching = 0;
    assert_int_equal(a.calls, calls);
    assert_int_equal(allocations, 0);
    assert_true(clientid__pattern_matches(&patterns[0], data, CLIENTID_STR("/v1/x")));
    assert_false(clientid__pattern_matches(&patterns[0], data, CLIENTID_STR("/v1/x/y")));
    for (size_t i = 0; i < 4; i++)
        clientid__pattern_release(&patterns[i]);
    clientid__match_data_del(data);
    assert_int_equal(a.live, 0);
}

static void test_without_data(void **state)
{
    (void)state;
    assert_true(matches("[x]", CLIENTID_STR("y"), NULL));
    assert_false(matches("x", CLIENTID_STR("y"), NULL));
    clientid__match_data_del(NULL);
}

static void test_no_memory(void **state)
{
    static const char *const texts[] = {"GET", "[a-z]+"};
    struct support_alloc a;

    (void)state;
    for (size_t i = 0; i < 2; i++) {
        for (size_t nth = 1;; nth++) {
            struct clientid__pattern pattern;
            char reason[CLIENTID__PATTERN_REASON];
            size_t offset;
            int rv;

            support_alloc_init(&a);
            a.fail_at = nth;
            rv = clientid__pattern_init(&pattern, &a.allocator, clientid__cstr(texts[i]), &offset,
                                        reason);
            clientid__pattern_release(&pattern);
            assert_int_equal(a.live, 0);
            if (rv == 0)
                break;
            assert_int_equal(rv, CLIENTID_ERR_NOMEM);
        }
    }
    for (size_t nth = 1;; nth++) {
        struct clientid__match_data *data;

        support_alloc_init(&a);
        a.fail_at = nth;
        data = clientid__match_data_new(&a.allocator);
        clientid__match_data_del(data);
        assert_int_equal(a.live, 0);
        if (data != NULL)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_matching),
        cmocka_unit_test(test_kinds),
        cmocka_unit_test(test_simple_equals_regex),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_too_long),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_no_allocation),
        cmocka_unit_test(test_without_data),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
