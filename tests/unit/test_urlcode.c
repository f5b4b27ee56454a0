/* SPDX-License-Identifier: Apache-2.0 */
#include "extract/scan.h"
#include "support_random.h"

#include "base/str.h"
#include "support_guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static void decoding(void **state)
{
    static const struct {
        const char *name, *text, *want; /* NULL: a bad escape */
        unsigned flags;
    } rows[] = {
        {"nothing to do", "abc", "abc", 0},
        {"empty", "", "", 0},
        {"upper and lower hex", "%5F%5f", "__", 0},
        {"plus is a space", "a+b", "a b", 0},
        {"plus by switch", "a+b", "a+b", CLIENTID__URL_PLUS},
        {"an escaped plus is a plus", "a%2Bb", "a+b", 0},
        {"once, never twice", "%255F", "%5F", 0},
        {"high bytes as they are", "%C3%A9\xc3\xa9", "\xc3\xa9\xc3\xa9", 0},
        {"no digits", "a%", NULL, 0},
        {"one digit", "a%4", NULL, 0},
        {"no hex", "a%zz", NULL, 0},
        {"second digit no hex", "a%4g", NULL, 0},
        {"%u is no escape", "%u005F", NULL, 0},
        {"sign is no digit", "%+4", NULL, 0},
        {"percent percent", "%%41", NULL, 0},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        clientid_str text = support_guard(rows[i].text, strlen(rows[i].text));
        char out[64];
        ptrdiff_t want = rows[i].want != NULL ? (ptrdiff_t)strlen(rows[i].want) : -1;
        ptrdiff_t got = clientid__url_decode(text, rows[i].flags, out);
        if (got != want || (want > 0 && memcmp(out, rows[i].want, (size_t)want) != 0))
            fail_msg("%s: %td", rows[i].name, got);
        if (!clientid__url_escaped(text, rows[i].flags))
            assert_string_equal(rows[i].text, rows[i].want);
        support_guard_free(text);
    }
}

static void every_byte_round_trip(void **state)
{
    (void)state;
    for (int c = 0; c < 256; c++) {
        char text[8], out[8];
        snprintf(text, sizeof(text), c % 2 ? "%%%02x" : "%%%02X", (unsigned)c);
        assert_int_equal(clientid__url_decode(clientid__str(text, 3), 0, out), 1);
        assert_int_equal((unsigned char)out[0], c);
    }
}

static void matching(void **state)
{
    static const struct {
        const char *why, *raw;
        size_t len; /* 0: strlen */
        enum clientid__url_match plain, fold;
    } rows[] = {
        {"the name", "client_id", 0, CLIENTID__URL_SAME, CLIENTID__URL_SAME},
        {"one byte escaped", "client%5Fid", 0, CLIENTID__URL_SAME, CLIENTID__URL_SAME},
        {"all escaped", "%63%6c%69%65%6e%74%5f%69%64", 0, CLIENTID__URL_SAME, CLIENTID__URL_SAME},
        {"escaped twice is another name", "client%255Fid", 0, CLIENTID__URL_DIFFERENT,
         CLIENTID__URL_DIFFERENT},
        {"another case is another name, a folding reader's name", "Client_ID", 0,
         CLIENTID__URL_DIFFERENT, CLIENTID__URL_LENIENT},
        {"another case, escaped", "%43lient%5fid", 0, CLIENTID__URL_DIFFERENT,
         CLIENTID__URL_LENIENT},
        {"longer", "client_id2", 0, CLIENTID__URL_DIFFERENT, CLIENTID__URL_DIFFERENT},
        {"shorter", "client_i", 0, CLIENTID__URL_DIFFERENT, CLIENTID__URL_DIFFERENT},
        {"array name of PHP", "client_id[]", 0, CLIENTID__URL_DIFFERENT, CLIENTID__URL_DIFFERENT},
        {"percent dropped", "%client_id", 0, CLIENTID__URL_LENIENT, CLIENTID__URL_LENIENT},
        {"percent dropped inside", "client%_id", 0, CLIENTID__URL_LENIENT, CLIENTID__URL_LENIENT},
        {"percent at the end", "client_id%", 0, CLIENTID__URL_LENIENT, CLIENTID__URL_LENIENT},
        {"half an escape at the end", "client_id%4", 0, CLIENTID__URL_LENIENT,
         CLIENTID__URL_LENIENT},
        {"whole escape dropped", "client%zz_id", 0, CLIENTID__URL_LENIENT, CLIENTID__URL_LENIENT},
        {"digits taken without looking", "client%4Vid", 0, CLIENTID__URL_LENIENT,
         CLIENTID__URL_LENIENT},
        {"%u of old servers", "client%u005Fid", 0, CLIENTID__URL_LENIENT, CLIENTID__URL_LENIENT},
        {"%U too", "client%U005fid", 0, CLIENTID__URL_LENIENT, CLIENTID__URL_LENIENT},
        {"%u without four digits", "client%u00_id", 0, CLIENTID__URL_DIFFERENT,
         CLIENTID__URL_DIFFERENT},
        {"%u with a bad last digit", "client_id%u00zz", 0, CLIENTID__URL_DIFFERENT,
         CLIENTID__URL_DIFFERENT},
        {"%u of another character", "client%u0041id", 0, CLIENTID__URL_DIFFERENT,
         CLIENTID__URL_DIFFERENT},
        {"%u above a byte", "client%u015Fid", 0, CLIENTID__URL_DIFFERENT, CLIENTID__URL_DIFFERENT},
        {"%u with folding", "%u0043lient_id", 0, CLIENTID__URL_DIFFERENT, CLIENTID__URL_LENIENT},
        {"NUL ends a C string", "client_id%00", 0, CLIENTID__URL_LENIENT, CLIENTID__URL_LENIENT},
        {"NUL ends a C string, more behind", "client_id%00xyz", 0, CLIENTID__URL_LENIENT,
         CLIENTID__URL_LENIENT},
        {"NUL as a byte", "client_id\0xyz", 13, CLIENTID__URL_LENIENT, CLIENTID__URL_LENIENT},
        {"NUL too early", "client%00_idx", 0, CLIENTID__URL_DIFFERENT, CLIENTID__URL_DIFFERENT},
        {"control dropped", "client%0D%0A_id", 0, CLIENTID__URL_LENIENT, CLIENTID__URL_LENIENT},
        {"bad escape in an unrelated name", "100%", 0, CLIENTID__URL_DIFFERENT,
         CLIENTID__URL_DIFFERENT},
        {"bad escape, then unrelated", "client%zzname", 0, CLIENTID__URL_DIFFERENT,
         CLIENTID__URL_DIFFERENT},
        {"only percents", "%%%%%%%%%", 0, CLIENTID__URL_DIFFERENT, CLIENTID__URL_DIFFERENT},
        {"any byte, but too many", "client%4V%4Vid", 0, CLIENTID__URL_DIFFERENT,
         CLIENTID__URL_DIFFERENT},
    };
    const clientid_str name = CLIENTID_STR("client_id");
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        clientid_str raw =
            support_guard(rows[i].raw, rows[i].len ? rows[i].len : strlen(rows[i].raw));
        if (clientid__url_match(raw, name, 0) != rows[i].plain)
            fail_msg("%s: %d", rows[i].why, (int)clientid__url_match(raw, name, 0));
        if (clientid__url_match(raw, name, CLIENTID__URL_FOLD) != rows[i].fold)
            fail_msg("%s, folding: %d", rows[i].why,
                     (int)clientid__url_match(raw, name, CLIENTID__URL_FOLD));
        support_guard_free(raw);
    }
    assert_int_equal(clientid__url_match(CLIENTID_STR("a+b"), CLIENTID_STR("a b"), 0),
                     CLIENTID__URL_SAME);
    assert_int_equal(
        clientid__url_match(CLIENTID_STR("a+b"), CLIENTID_STR("a b"), CLIENTID__URL_PLUS),
        CLIENTID__URL_DIFFERENT);
    assert_int_equal(
        clientid__url_match(CLIENTID_STR("a+b"), CLIENTID_STR("a+b"), CLIENTID__URL_PLUS),
        CLIENTID__URL_SAME);
    /* The same bytes on both sides, but escapes on one: short, and eight at a time. */
    assert_int_equal(clientid__url_match(CLIENTID_STR("a+b"), CLIENTID_STR("a+b"), 0),
                     CLIENTID__URL_DIFFERENT);
    assert_int_equal(clientid__url_match(CLIENTID_STR("%41"), CLIENTID_STR("%41"), 0),
                     CLIENTID__URL_DIFFERENT);
    assert_int_equal(clientid__url_match(CLIENTID_STR("abcd+efgh"), CLIENTID_STR("abcd+efgh"), 0),
                     CLIENTID__URL_DIFFERENT);
    assert_int_equal(clientid__url_match(CLIENTID_STR("abcd%41fgh"), CLIENTID_STR("abcd%41fgh"), 0),
                     CLIENTID__URL_DIFFERENT);
}

/* What decodes cleanly matches exactly when the decoded bytes are the name. */
static void matching_is_decoding_and_comparing(void **state)
{
    static const char pieces[][4] = {"a", "b", "%61", "%62", "+", "%2B", "%20", "_"};
    unsigned same = 0;
    (void)state;

    srand(16);
    for (int round = 0; round < 20000; round++) {
        const clientid_str name = CLIENTID_STR("ab _");
        char raw[32] = "", decoded[32];
        for (int n = 3 + rand() % 3; n > 0; n--)
            strncat(raw, pieces[rand() % 8], 4);
        unsigned flags = rand() % 2 ? CLIENTID__URL_PLUS : 0;
        ptrdiff_t len = clientid__url_decode(clientid__cstr(raw), flags, decoded);
        bool equal = clientid__str_eq(clientid__str(decoded, (size_t)len), name);
        if ((clientid__url_match(clientid__cstr(raw), name, flags) == CLIENTID__URL_SAME) != equal)
            fail_msg("seed 16, round %d: %s", round, raw);
        same += equal;
    }
    assert_true(same > 10);
}

/* Every length, at the end of its memory: AddressSanitizer sees a byte too many. */
static void test_many_bytes_at_once(void **state)
{
    static const char bytes[] = "&&==az09AZ+,%\x1f\x7f\x80\xff*~ ";
    uint64_t seed = 5;

    (void)state;
    for (size_t len = 0; len <= CLIENTID__SCAN_BYTES; len++) {
        char *text = malloc(len + (len == 0));

        assert_non_null(text);
        for (int round = 0; round < 200; round++) {
            bool plain = round % 2 == 0;

            for (size_t i = 0; i < len; i++)
                text[i] = plain ? 'a' : bytes[support_random(&seed) % (sizeof(bytes) - 1)];
            if (len > 0 && round % 4 == 0)
                text[support_random(&seed) % len] = bytes[support_random(&seed) % 18];
            plain = true;
            for (size_t i = 0; i < len; i++)
                plain = plain && (unsigned char)text[i] > '+' && (unsigned char)text[i] < 0x7f;
            assert_int_equal(clientid__scan_plain(text, len), plain);
            assert_int_equal(clientid__scan_plain_portable(text, len), plain);
            assert_true(clientid__scan_ends(text, len) == clientid__scan_ends_portable(text, len));
            for (size_t i = 0; i < len; i++)
                assert_int_equal(clientid__scan_ends(text, len) >> i & 1, text[i] == '&');
        }
        free(text);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_many_bytes_at_once),
        cmocka_unit_test(decoding),
        cmocka_unit_test(every_byte_round_trip),
        cmocka_unit_test(matching),
        cmocka_unit_test(matching_is_decoding_and_comparing),
    };
    return cmocka_run_group_tests_name("urlcode", tests, NULL, NULL);
}
