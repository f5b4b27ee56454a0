/* SPDX-License-Identifier: Apache-2.0 */
#include "extract/query.h"

#include "base/str.h"
#include "extract/urlcode.h"
#include "support_guard.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const struct clientid__caps caps = {64, 8192, 256, 65536};

#define OK        CLIENTID_REASON_ALLOWED
#define ABSENT    CLIENTID_REASON_ID_MISSING
#define MALFORMED CLIENTID_REASON_CREDENTIALS_MALFORMED
#define AMBIGUOUS CLIENTID_REASON_CREDENTIALS_AMBIGUOUS
#define TOO_LONG  CLIENTID_REASON_CREDENTIALS_TOO_LONG

struct found {
    struct clientid__param params[2];
    char scratch[CLIENTID_SCRATCH_BYTES];
    size_t scratch_used;
    int rv;
};

/* client_id and client_secret of |query|. */
static void find(struct found *f, clientid_str query, const struct clientid__caps *limits,
                 unsigned flags, size_t scratch_bytes)
{
    clientid_request request = {.query = query};
    struct clientid__scratch scratch = {f->scratch, scratch_bytes};
    const struct clientid__reader reader = {&request, limits, &scratch, flags};

    f->params[0] = (struct clientid__param){.name = CLIENTID_STR("client_id")};
    f->params[1] = (struct clientid__param){.name = CLIENTID_STR("client_secret")};
    f->rv = clientid__query_read(&reader, f->params, 2);
    f->scratch_used = (size_t)(scratch.next - f->scratch);
}

static void reading(void **state)
{
    static const struct {
        const char *name, *query;
        clientid_reason id, secret;
        const char *id_text, *secret_text;
        unsigned flags;
    } rows[] = {
        {"both", "client_id=a&client_secret=b", OK, OK, "a", "b", 0},
        {"other order, among others", "x=1&client_secret=b&y&client_id=a&z=", OK, OK, "a", "b", 0},
        {"empty query", "", ABSENT, ABSENT, NULL, NULL, 0},
        {"empty pieces", "&&&client_id=a&&", OK, ABSENT, "a", NULL, 0},
        {"no equals sign", "client_id", ABSENT, ABSENT, NULL, NULL, 0},
        {"empty value", "client_id=", ABSENT, ABSENT, NULL, NULL, 0},
        {"first equals sign splits", "client_id=a=b", OK, ABSENT, "a=b", NULL, 0},
        {"name escaped", "client%5Fid=a", OK, ABSENT, "a", NULL, 0},
        {"value escaped", "client_id=%61%2f", OK, ABSENT, "a/", NULL, 0},
        {"value decoded once", "client_id=%2561", OK, ABSENT, "%61", NULL, 0},
        {"split before decoding: %26 is no separator", "client_id=a%26client_secret=b", OK, ABSENT,
         "a&client_secret=b", NULL, 0},
        {"split before decoding: %3D in a name", "client_id%3Da=b", ABSENT, ABSENT, NULL, NULL, 0},
        {"semicolon is no separator", "client_id=a;client_secret=b", OK, ABSENT,
         "a;client_secret=b", NULL, 0},
        {"plus is a space", "client_id=a+b", OK, ABSENT, "a b", NULL, 0},
        {"plus by switch", "client_id=a+b", OK, ABSENT, "a+b", NULL, CLIENTID__SPEC_PLUS},
        {"bad escape in the value", "client_id=a%zz", MALFORMED, ABSENT, NULL, NULL, 0},
        {"bad escape in another value", "x=%&client_id=a", OK, ABSENT, "a", NULL, 0},
        {"bad escape in another name", "100%=x&client_id=a", OK, ABSENT, "a", NULL, 0},
        {"bad escape in a name that may be it", "client%_id=a", MALFORMED, ABSENT, NULL, NULL, 0},
        {"that, beside the real one", "client_id=a&client_id%00=b", MALFORMED, ABSENT, NULL, NULL,
         0},
        {"control in the value", "client_id=a%0Ab", MALFORMED, ABSENT, NULL, NULL, 0},
        {"NUL in the value", "client_id=a%00", MALFORMED, ABSENT, NULL, NULL, 0},
        {"DEL in the value", "client_id=a%7F", MALFORMED, ABSENT, NULL, NULL, 0},
        {"not UTF-8", "client_id=%ff", MALFORMED, ABSENT, NULL, NULL, 0},
        {"repeated", "client_id=a&client_id=b", AMBIGUOUS, ABSENT, NULL, NULL, 0},
        {"repeated with the same value", "client_id=a&client_id=a", AMBIGUOUS, ABSENT, NULL, NULL,
         0},
        {"repeated in another spelling", "client_id=a&%63lient_id=a", AMBIGUOUS, ABSENT, NULL, NULL,
         0},
        {"repeated, one empty", "client_id=a&client_id", AMBIGUOUS, ABSENT, NULL, NULL, 0},
        {"repeated secret only", "client_id=a&client_secret=b&client_secret=b", OK, AMBIGUOUS, "a",
         NULL, 0},
        {"another case is another name", "Client_Id=b&client_id=a", OK, ABSENT, "a", NULL, 0},
        {"longest value",
         "client_id=0123456789012345678901234567890123456789012345678901234567890123", OK, ABSENT,
         "0123456789012345678901234567890123456789012345678901234567890123", NULL, 0},
        {"one byte more",
         "client_id=01234567890123456789012345678901234567890123456789012345678901234", TOO_LONG,
         ABSENT, NULL, NULL, 0},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        clientid_str query = support_guard(rows[i].query, strlen(rows[i].query));
        struct found f;
        find(&f, query, &caps, rows[i].flags, sizeof(f.scratch));
        const struct clientid__value *id = &f.params[0].value, *secret = &f.params[1].value;
        if (f.rv != 0 || id->reason != rows[i].id || secret->reason != rows[i].secret)
            fail_msg("%s: %d, %d, %d", rows[i].name, f.rv, (int)id->reason, (int)secret->reason);
        if (rows[i].id_text != NULL && !clientid__str_eq(id->text, clientid__cstr(rows[i].id_text)))
            fail_msg("%s: %.*s", rows[i].name, (int)id->text.len, id->text.ptr);
        if (rows[i].secret_text != NULL)
            assert_true(clientid__str_eq(secret->text, clientid__cstr(rows[i].secret_text)));
        assert_int_equal(id->from_query, rows[i].id == OK);
        support_guard_free(query);
    }
}

static void caps_are_exact(void **state)
{
    struct clientid__caps few = {64, 30, 3, 0};
    struct found f;
    (void)state;

    find(&f, CLIENTID_STR("a&b&&&client_id=x"), &few, 0, 0);
    assert_int_equal(f.params[0].value.reason, OK);
    find(&f, CLIENTID_STR("a&b&c&client_id=x"), &few, 0, 0);
    assert_int_equal(f.params[0].value.reason, TOO_LONG);
    assert_int_equal(f.params[1].value.reason, TOO_LONG);
    find(&f, CLIENTID_STR("client_id=x&aaaaaaaaaaaaaaaaaa"), &few, 0, 0);
    assert_int_equal(f.params[0].value.reason, OK);
    find(&f, CLIENTID_STR("client_id=x&aaaaaaaaaaaaaaaaaaa"), &few, 0, 0);
    assert_int_equal(f.params[0].value.reason, TOO_LONG);
}

static void scratch_only_for_escapes(void **state)
{
    struct found f;
    (void)state;

    find(&f, CLIENTID_STR("client_id=plain&x=%41"), &caps, 0, 0);
    assert_int_equal(f.rv, 0);
    assert_int_equal(f.scratch_used, 0);
    find(&f, CLIENTID_STR("client_id=%41bc"), &caps, 0, 5);
    assert_int_equal(f.rv, 0);
    assert_int_equal(f.scratch_used, 3);
    find(&f, CLIENTID_STR("client_id=%41bc"), &caps, 0, 4);
    assert_int_equal(f.rv, CLIENTID_ERR_SPACE);
}

/* ---- a naive model: cut everything up, decode everything, then count ---- */

struct pair {
    char name[64];
    long name_len; /* -1: does not decode */
    clientid_str raw_value;
};

static size_t cut_up(clientid_str query, struct pair *pairs)
{
    size_t n = 0, from = 0;

    for (size_t i = 0; i <= query.len; i++) {
        if (i < query.len && query.ptr[i] != '&')
            continue;
        clientid_str piece = clientid__str(query.ptr + from, i - from);
        from = i + 1;
        if (piece.len == 0)
            continue;
        size_t equals = 0;
        while (equals < piece.len && piece.ptr[equals] != '=')
            equals++;
        pairs[n].name_len =
            (long)clientid__url_decode(clientid__str(piece.ptr, equals), 0, pairs[n].name);
        pairs[n].raw_value = equals < piece.len
                                 ? clientid__str(piece.ptr + equals + 1, piece.len - equals - 1)
                                 : clientid__str(piece.ptr, 0);
        n++;
    }
    return n;
}

static clientid_reason model(clientid_str query, const char *name, char *out, long *len)
{
    struct pair pairs[64];
    size_t n = cut_up(query, pairs), seen = 0, at = 0;

    for (size_t i = 0; i < n; i++)
        if (pairs[i].name_len == (long)strlen(name) &&
            memcmp(pairs[i].name, name, strlen(name)) == 0) {
            seen++;
            at = i;
        }
    if (seen > 1)
        return AMBIGUOUS;
    if (seen == 0)
        return ABSENT;
    *len = (long)clientid__url_decode(pairs[at].raw_value, 0, out);
    for (long i = 0; i < *len; i++)
        if ((unsigned char)out[i] >= 0x80) /* a lone one: %ac of "%a" and "client" */
            return MALFORMED;
    return *len < 0 ? MALFORMED : *len == 0 ? ABSENT : OK;
}

static size_t random_query(char *query)
{
    static const char *const pieces[] = {
        "client_id",
        "client_secret",
        "client%5Fid",
        "client%255Fid",
        "CLIENT_ID",
        "x",
        "=",
        "=",
        "&",
        "&",
        "&",
        "%",
        "%41",
        "+",
        "a",
        "client_id=",
        "%63lient_id=",
        ";",
        "%zz",
        "client",
        "_id",
    };
    size_t len = 0;

    for (int n = rand() % 12; n > 0; n--) {
        const char *piece = pieces[(size_t)rand() % (sizeof(pieces) / sizeof(pieces[0]))];
        memcpy(query + len, piece, strlen(piece));
        len += strlen(piece);
    }
    return len;
}

static void agrees_with_the_model(void **state)
{
    const struct clientid__caps wide = {512, 8192, 256, 0};
    unsigned found = 0;
    (void)state;

    srand(15);
    for (int round = 0; round < 40000; round++) {
        char bytes[256], want[256];
        clientid_str query = clientid__str(bytes, random_query(bytes));
        struct found f;
        long len = 0;
        clientid_reason reason = model(query, "client_id", want, &len);
        find(&f, query, &wide, 0, sizeof(f.scratch));
        const struct clientid__value *id = &f.params[0].value;
        /* A name that only lenient readers understand is outside the model. */
        if (f.params[0].flaw == MALFORMED && reason != AMBIGUOUS)
            continue;
        if (id->reason != reason ||
            (reason == OK && !clientid__str_eq(id->text, clientid__str(want, (size_t)len))))
            fail_msg("seed 15, round %d: %.*s: %d, not %d", round, (int)query.len, bytes,
                     (int)id->reason, (int)reason);
        found += reason == OK;
    }
    assert_true(found > 1000);
}

/* ---- stripping ---- */

static const clientid_str names[] = {{"client_id", 9}, {"client_secret", 13}};

static void stripping(void **state)
{
    static const struct {
        const char *name, *query, *want;
    } rows[] = {
        {"in the middle", "a=1&client_id=x&b=2", "a=1&b=2"},
        {"at the start", "client_id=x&a=1", "a=1"},
        {"at the end", "a=1&client_id=x", "a=1"},
        {"alone", "client_id=x", ""},
        {"both names, every occurrence", "client_id=x&a&client_secret=y&client_id=z", "a"},
        {"nothing to strip, odd spellings stay", "a=%7e&&b=+%2B&=c&d&", "a=%7e&&b=+%2B&=c&d&"},
        {"empty pieces stay", "&&client_id=x&&a", "&&&a"},
        {"without a value", "client_id&a", "a"},
        {"escaped", "client%5Fid=x&a", "a"},
        {"escaped whole", "%63%6C%69%65%6E%74%5F%69%64=x&a", "a"},
        {"escaped twice is another name", "client%255Fid=x&a", "client%255Fid=x&a"},
        {"another case: a folding reader finds it", "CLIENT_ID=x&a", "a"},
        {"another case, escaped", "%43LIENT_ID=x&a", "a"},
        {"bad escape that a lenient reader drops", "client%_id=x&a", "a"},
        {"bad escape elsewhere stays", "cl%ient=x&100%=y", "cl%ient=x&100%=y"},
        {"NUL behind the name", "client_id%00=x&a", "a"},
        {"%u", "client%u005fid=x&a", "a"},
        {"value that looks like the name", "a=client_id&b=client_id=x",
         "a=client_id&b=client_id=x"},
        {"longer name", "client_ids=1&my_client_id=2", "client_ids=1&my_client_id=2"},
        {"empty query", "", ""},
        {"only separators", "&&&", "&&&"},
    };
    (void)state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        clientid_str query = support_guard(rows[i].query, strlen(rows[i].query));
        char out[128];
        size_t len = clientid__query_strip(query, names, 2, out);
        if (!clientid__str_eq(clientid__str(out, len), clientid__cstr(rows[i].want)))
            fail_msg("%s: %.*s", rows[i].name, (int)len, out);
        support_guard_free(query);
    }
}

static void strips_in_place_and_without_names(void **state)
{
    char query[] = "a=1&client_id=x&b=2";
    char out[32];
    (void)state;

    assert_int_equal(clientid__query_strip(clientid__cstr(query), NULL, 0, out), strlen(query));
    assert_memory_equal(out, query, strlen(query));
    assert_int_equal(clientid__query_strip(clientid__str(NULL, 0), names, 2, out), 0);
    /* Names with space or plus: both readings of '+' go. */
    const clientid_str spaced = CLIENTID_STR("a b"), plus = CLIENTID_STR("a+b");
    assert_int_equal(clientid__query_strip(CLIENTID_STR("a+b=1"), &spaced, 1, out), 0);
    assert_int_equal(clientid__query_strip(CLIENTID_STR("a+b=1"), &plus, 1, out), 0);
}

/* Whatever is read as a credential, or refused as one, is gone after stripping; the rest is there in order. */
static void nothing_is_left_to_find(void **state)
{
    (void)state;
    srand(19);
    for (int round = 0; round < 40000; round++) {
        char bytes[256], out[256], again[256];
        clientid_str query = clientid__str(bytes, random_query(bytes));
        size_t len = clientid__query_strip(query, names, 2, out);
        struct found f;
        assert_true(len <= query.len);
        find(&f, clientid__str(out, len), &caps, 0, sizeof(f.scratch));
        for (int i = 0; i < 2; i++)
            if (f.params[i].seen > 0 || f.params[i].flaw != OK)
                fail_msg("seed 19, round %d: %.*s", round, (int)query.len, bytes);
        assert_int_equal(clientid__query_strip(clientid__str(out, len), names, 2, again), len);
        assert_memory_equal(again, out, len);
        size_t at = 0;
        for (size_t i = 0; i < query.len && at < len; i++)
            at += bytes[i] == out[at];
        assert_int_equal(at, len);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(reading),
        cmocka_unit_test(caps_are_exact),
        cmocka_unit_test(scratch_only_for_escapes),
        cmocka_unit_test(agrees_with_the_model),
        cmocka_unit_test(stripping),
        cmocka_unit_test(strips_in_place_and_without_names),
        cmocka_unit_test(nothing_is_left_to_find),
    };
    return cmocka_run_group_tests_name("query", tests, NULL, NULL);
}
