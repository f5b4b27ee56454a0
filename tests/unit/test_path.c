/* SPDX-License-Identifier: Apache-2.0 */
#include "base/str.h"
#include "policy/path.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

enum { PLAIN, ESCAPED, ODD, OPAQUE };

/* Exactly as long as the path, so that a sanitizer sees a byte too much. */
static clientid_str copy(const char *text, char **memory)
{
    size_t len = strlen(text);

    *memory = malloc(len > 0 ? len : 1);
    assert_non_null(*memory);
    memcpy(*memory, text, len);
    return clientid__str(*memory, len);
}

static void test_survey(void **state)
{
    static const struct {
        const char *name, *path;
        unsigned kind;
    } rows[] = {
        {"plain", "/v1/orders", PLAIN},
        {"root", "/", PLAIN},
        {"trailing slash", "/v1/", PLAIN},
        {"dots inside a name", "/v1/a.b..c", PLAIN},
        {"three dots are a name", "/v1/.../x", PLAIN},
        {"hidden file", "/.well-known/x", PLAIN},
        {"raw UTF-8", "/caf\xc3\xa9", PLAIN},
        {"escape", "/%76%31/orders", ESCAPED},
        {"escaped UTF-8", "/caf%C3%A9", ESCAPED},
        {"escaped '#' is data", "/a%23b", ESCAPED},
        {"escaped percent sign", "/100%25", ESCAPED},
        {"escaped percent sign before one digit", "/a%25b/z", ESCAPED},
        {"encoded slash", "/v1%2Forders", ODD},
        {"encoded slash, lower case", "/v1%2forders", ODD},
        {"parameters", "/v1;a=b/orders", ODD},
        {"encoded semicolon", "/v1%3Ba/orders", ODD},
        {"backslash", "/v1\\orders", ODD},
        {"encoded backslash", "/v1%5Corders", ODD},
        {"empty segment", "/v1//orders", ODD},
        {"empty first segment: a host for some", "//v1", OPAQUE},
        {"three slashes in front", "///v1/x", OPAQUE},
        {"dot segment", "/v1/./orders", ODD},
        {"dot at the end", "/v1/.", ODD},
        {"encoded dot segment", "/v1/%2e/orders", ODD},
        {"two dots", "/x/../v1", ODD},
        {"two dots at the end", "/v1/x/..", ODD},
        {"two dots above the root", "/../v1", ODD},
        {"half encoded two dots", "/x/.%2E/v1", ODD},
        {"no slash", "v1", OPAQUE},
        {"asterisk form", "*", OPAQUE},
        {"absolute form", "http://host/v1", OPAQUE},
        {"empty", "", OPAQUE},
        {"bad escape", "/v1/%zz", OPAQUE},
        {"cut escape", "/v1/%2", OPAQUE},
        {"lone percent", "/v1/%", OPAQUE},
        {"raw control", "/v1/\n", OPAQUE},
        {"encoded NUL", "/v1/orders%00.png", OPAQUE},
        {"encoded line feed", "/v1/%0Ax", OPAQUE},
        {"encoded DEL", "/v1/%7f", OPAQUE},
        {"raw '#'", "/v1#x", OPAQUE},
        {"escaped '?'", "/v1%3fx", OPAQUE},
        {"backslash, raw and escaped", "/v1\\a%5Cb", OPAQUE},
        {"escaped twice", "/%252e%252e/v1", OPAQUE},
        {"percent sign and digits all escaped", "/%25%32%46", OPAQUE},
        {"overlong slash", "/v1%c0%afx", OPAQUE},
        {"overlong of three bytes", "/%e0%80%af", OPAQUE},
        {"overlong of four bytes", "/%f0%80%80%af", OPAQUE},
        {"surrogate", "/%ed%a0%80", OPAQUE},
        {"beyond Unicode", "/%f4%90%80%80", OPAQUE},
        {"0xf5", "/%f5%80%80%80", OPAQUE},
        {"lone continuation", "/%80", OPAQUE},
        {"cut sequence", "/%e2%82", OPAQUE},
        {"Latin-1", "/caf\xe9/x", OPAQUE},
        {"largest code point", "/%f4%8f%bf%bf", ESCAPED},
        {"last before the surrogates", "/%ed%9f%bf", ESCAPED},
        {"smallest of three bytes", "/%e0%a0%80", ESCAPED},
        {"smallest of four bytes", "/%f0%90%80%80", ESCAPED},
        {"parameters hide two dots", "/x/..;/v1", OPAQUE},
        {"parameters hide a dot", "/x/.;y/v1", OPAQUE},
        {"parameters alone", "/x/;y/v1", OPAQUE},
        {"parameters alone at the end", "/x/;y", OPAQUE},
        {"two dots after an empty segment", "/a//../v1", OPAQUE},
        {"two dots and an encoded slash", "/a%2F../v1", OPAQUE},
        {"two dots and a backslash", "/a\\..\\v1", OPAQUE},
        {"encoded slash and parameters", "/v1;a/b%2Fc", OPAQUE},
        {"dot and two dots", "/a/./../v1", OPAQUE},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *memory;
        clientid_str raw = copy(rows[i].path, &memory);

        if (clientid__path_survey(raw) != (enum clientid__path_kind)rows[i].kind)
            fail_msg("%s: %s is %d", rows[i].name, rows[i].path, (int)clientid__path_survey(raw));
        free(memory);
    }
    assert_int_equal(clientid__path_survey((clientid_str){NULL, 0}), CLIENTID__PATH_OPAQUE);
}

static void test_readings(void **state)
{
    static const struct {
        const char *name, *path, *collapsed, *preserved;
    } rows[] = {
        {"plain", "/v1/orders", "/v1/orders", "/v1/orders"},
        {"root", "/", "/", "/"},
        {"trailing slash stays", "/v1/", "/v1/", "/v1/"},
        {"escapes", "/%76%31/a%20b", "/v1/a b", "/v1/a b"},
        {"decoded once", "/%2541", "/%41", "/%41"},
        {"encoded slash", "/a%2Fb/c", "/a/b/c", "/a%2Fb/c"},
        {"encoded slash, lower case", "/a%2fb", "/a/b", "/a%2Fb"},
        {"parameters", "/a;x=1/b;y", "/a/b", "/a;x=1/b;y"},
        {"encoded parameters", "/a%3Bx/b", "/a/b", "/a;x/b"},
        {"backslash", "/a\\b%5Cc", "/a/b/c", "/a\\b\\c"},
        {"empty segments", "//a///b//", "/a/b/", "//a///b//"},
        {"dots", "/./a/./b/.", "/a/b/", "/./a/./b/."},
        {"two dots", "/a/b/../c", "/a/c", "/a/b/../c"},
        {"two dots at the end", "/a/b/..", "/a/", "/a/b/.."},
        {"up to the root", "/a/..", "/", "/a/.."},
        {"above the root", "/../../a", "/a", "/../../a"},
        {"several up", "/a/b/c/../../d", "/a/d", "/a/b/c/../../d"},
        {"encoded dots", "/a/%2e%2E/b", "/b", "/a/../b"},
        {"three dots", "/a/.../b", "/a/.../b", "/a/.../b"},
    };

    (void)state;
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        char *memory, *out = malloc(strlen(rows[i].path));
        clientid_str raw = copy(rows[i].path, &memory), reading;

        assert_non_null(out);
        reading = clientid__path_collapsed(raw, out);
        if (!clientid__str_eq(reading, clientid__cstr(rows[i].collapsed)))
            fail_msg("%s: %.*s", rows[i].name, (int)reading.len, reading.ptr);
        reading = clientid__path_preserved(raw, out);
        if (!clientid__str_eq(reading, clientid__cstr(rows[i].preserved)))
            fail_msg("%s: %.*s", rows[i].name, (int)reading.len, reading.ptr);
        free(memory);
        free(out);
    }
}

static void append(char *text, size_t room, const char *more)
{
    size_t len = strlen(text);

    snprintf(text + len, room - len, "%s", more);
}

/* Collapsing is a fixed point, keeps to its room, and leaves nothing that a reader could still resolve. */
static void test_collapsed_property(void **state)
{
    static const char *const parts[] = {"/",   "a",    "b",   ".",   "..",  "%2e",
                                        "%2F", ";x",   "\\",  "//",  "%5c", "v1",
                                        "%76", "/../", "/./", "%3B", "...", "%C3%A9"};
    const unsigned seed = 20240101;

    (void)state;
    srand(seed);
    for (int round = 0; round < 20000; round++) {
        char raw[128] = "/", once[128], twice[128];
        clientid_str collapsed, again;

        for (int i = rand() % 12; i > 0; i--)
            append(raw, sizeof(raw), parts[(size_t)rand() % (sizeof(parts) / sizeof(parts[0]))]);
        if (clientid__path_survey(clientid__cstr(raw)) == CLIENTID__PATH_OPAQUE)
            continue;
        collapsed = clientid__path_collapsed(clientid__cstr(raw), once);
        assert_true(collapsed.len <= strlen(raw) && collapsed.ptr[0] == '/');
        again = clientid__path_collapsed(collapsed, twice);
        once[collapsed.len] = '\0';
        if (!clientid__str_eq(collapsed, again) || strstr(once, "//") != NULL ||
            strstr(once, "/./") != NULL || strstr(once, "/../") != NULL ||
            strpbrk(once, "\\;") != NULL)
            fail_msg("seed %u, round %d: %s gives %s", seed, round, raw, once);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_survey),
        cmocka_unit_test(test_readings),
        cmocka_unit_test(test_collapsed_property),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
