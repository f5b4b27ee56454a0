/* SPDX-License-Identifier: Apache-2.0 */
/* Applications from JSON lines: batches, resuming, lines that are wrong, streams that stop anywhere. */
#include "support_store.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct stream {
    clientid_str text;
    size_t at, piece; /* bytes at once; 0: as many as fit */
    size_t fail_at;   /* of the text; 0: never */
};

static int read_stream(void *self, char *buffer, size_t *len)
{
    struct stream *stream = self;
    size_t left = stream->text.len - stream->at;

    if (stream->fail_at != 0 && stream->at >= stream->fail_at)
        return 44;
    if (stream->piece != 0 && *len > stream->piece)
        *len = stream->piece;
    if (*len > left)
        *len = left;
    memcpy(buffer, stream->text.ptr + stream->at, *len);
    stream->at += *len;
    return 0;
}

struct fixture {
    struct support_store s;
    struct stream stream;
    clientid_load_options options;
    clientid_load_counts counts;
    uint64_t orders;
};

static void fixture_new(struct fixture *f)
{
    memset(f, 0, sizeof(*f));
    support_store_new(&f->s);
    f->orders = support_new_api(&f->s, "orders");
    support_new_tier(&f->s, f->orders, "gold", false);
    support_new_tier(&f->s, f->orders, "free", true);
    support_new_api(&f->s, "bare");
    f->options = (clientid_load_options){
        .size = sizeof(f->options), .read = read_stream, .read_self = &f->stream};
    f->counts = (clientid_load_counts){.size = sizeof(f->counts)};
}

static int load(struct fixture *f, const char *text, size_t len)
{
    f->stream = (struct stream){
        .text = {text, len}, .piece = f->stream.piece, .fail_at = f->stream.fail_at};
    memset(&f->s.error, 0, sizeof(f->s.error));
    return clientid_control_load(f->s.control, &f->options, &f->counts, &f->s.error);
}

static void test_lines(void **state)
{
    static const char text[] =
        "{\"clientId\":\"a\",\"name\":\"A\",\"clientSecret\":\"sa\",\"api\":\"orders\",\"tier\":"
        "\"gold\"}\r\n"
        "\n  \t\n"
        "{\"clientId\":\"b\",\"name\":\"B\",\"api\":\"orders\",\"tier\":\"gold\",\"status\":"
        "\"PENDING\"}\n"
        "{\"clientId\":\"c\",\"name\":\"C\",\"api\":\"orders\",\"tier\":\"free\",\"status\":"
        "\"PENDING\"}\n"
        "{\"clientId\":\"d\",\"name\":\"D\",\"api\":\"bare\",\"owners\":[\"ann\"]}\n"
        "{\"clientId\":\"e\",\"name\":\"E\",\"clientSecretHash\":"
        "\"00000000000000000000000000000000000000000000000000000000000000ff\","
        "\"clientSecretSalt\":\"0102\"}"; /* without an end of line */
    struct fixture f;

    (void)state;
    for (size_t piece = 0; piece < 5; piece++) {
        struct support_contract c;
        clientid_secret slots[2];

        fixture_new(&f);
        f.stream.piece = piece * piece;
        if (load(&f, text, sizeof(text) - 1) != 0)
            fail_msg("%u %s %s", f.s.error.line, f.s.error.pointer, f.s.error.text);
        assert_int_equal(f.counts.lines, 7);
        assert_int_equal(f.counts.applications, 5);
        assert_int_equal(f.counts.contracts, 4);
        support_contract_get(&f.s, 1, &c);
        assert_int_equal(c.record.status, CLIENTID_APPROVED);
        assert_string_equal(c.tier, "gold");
        support_contract_get(&f.s, 2, &c);
        assert_int_equal(c.record.status, CLIENTID_PENDING);
        assert_string_equal(c.requested_tier, "gold");
        support_contract_get(&f.s, 3, &c); /* nothing waits for a tier that approves by itself */
        assert_int_equal(c.record.status, CLIENTID_APPROVED);
        support_secrets(&f.s, 1, slots);
        assert_int_equal(support_matches(slots, "sa", NULL, f.s.now_ns), 1);
        assert_int_equal(support_secrets(&f.s, 2, slots), 0);
        assert_int_equal(support_secrets(&f.s, 5, slots), 1);
        assert_int_equal(slots[0].hash[31], 0xff);
        assert_int_equal(slots[0].salt_len, 2);
        assert_int_equal(clientid_store_verify(f.s.store, NULL), 0);
        support_store_del(&f.s);
    }
}

static const struct {
    const char *name, *line;
    int code;
    const char *pointer;
} bad[] = {
    {"no JSON", "{\"clientId\":", CLIENTID_ERR_SYNTAX, ""},
    {"no object", "[]", CLIENTID_ERR_SYNTAX, ""},
    {"two objects", "{\"clientId\":\"x\",\"name\":\"n\"}{}", CLIENTID_ERR_SYNTAX, ""},
    {"no client id", "{\"name\":\"x\"}", CLIENTID_ERR_SYNTAX, "/clientId"},
    {"no name", "{\"clientId\":\"x\"}", CLIENTID_ERR_SYNTAX, "/name"},
    {"an unknown key", "{\"clientId\":\"x\",\"name\":\"n\",\"secret\":\"y\"}", CLIENTID_ERR_SYNTAX,
     "/secret"},
    {"a tier without an API", "{\"clientId\":\"x\",\"name\":\"n\",\"tier\":\"gold\"}",
     CLIENTID_ERR_SYNTAX, "/api"},
    {"a revoked contract",
     "{\"clientId\":\"x\",\"name\":\"n\",\"api\":\"bare\",\"status\":\"REVOKED\"}",
     CLIENTID_ERR_SYNTAX, "/status"},
    {"an unknown API", "{\"clientId\":\"x\",\"name\":\"n\",\"api\":\"none\"}",
     CLIENTID_ERR_NOT_FOUND, ""},
    {"an unknown tier", "{\"clientId\":\"x\",\"name\":\"n\",\"api\":\"orders\",\"tier\":\"none\"}",
     CLIENTID_ERR_NOT_FOUND, ""},
    {"no tier where one is needed", "{\"clientId\":\"x\",\"name\":\"n\",\"api\":\"orders\"}",
     CLIENTID_ERR_RULE, ""},
    {"another provider",
     "{\"clientId\":\"x\",\"name\":\"n\",\"clientProvider\":\"okta\",\"api\":\"bare\"}",
     CLIENTID_ERR_RULE, ""},
    {"a client id twice", "{\"clientId\":\"first\",\"name\":\"n\"}", CLIENTID_ERR_EXISTS, ""},
};

static void test_bad_lines(void **state)
{
    char text[600];

    (void)state;
    for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++) {
        struct fixture f;
        uint64_t id;
        int rc;

        fixture_new(&f);
        f.options.batch = 2;
        snprintf(text, sizeof(text),
                 "{\"clientId\":\"first\",\"name\":\"n\"}\n{\"clientId\":\"second\",\"name\":\"n\"}"
                 "\n{\"clientId\":\"third\",\"name\":\"n\"}\n%s\n",
                 bad[i].line);
        rc = load(&f, text, strlen(text));
        if (rc != bad[i].code || f.s.error.line != 4 ||
            strcmp(f.s.error.pointer, bad[i].pointer) != 0)
            fail_msg("%s: %d %u %s %s", bad[i].name, rc, f.s.error.line, f.s.error.pointer,
                     f.s.error.text);
        /* The batch before stays, the one with the line is gone. */
        assert_int_equal(f.counts.lines, 2);
        assert_int_equal(f.counts.applications, 2);
        assert_int_equal(
            clientid_control_application_find(f.s.control, CLIENTID_STR("second"), &id, NULL), 0);
        assert_int_equal(
            clientid_control_application_find(f.s.control, CLIENTID_STR("third"), &id, NULL),
            CLIENTID_ERR_NOT_FOUND);
        support_store_del(&f.s);
    }
}

static void test_long_lines(void **state)
{
    static const char tail[] = "\"}\n{\"clientId\":\"b\",\"name\":\"B\"}\n";
    static char text[200000];
    struct fixture f;
    size_t len;

    (void)state;
    fixture_new(&f);
    /* Of 64 KiB: taken, whatever comes behind. */
    len = (size_t)snprintf(text, sizeof(text),
                           "{\"clientId\":\"a\",\"name\":\"A\",\"description\":\"");
    memset(text + len, 'd', 65536 - len - 2);
    memcpy(text + 65534, tail, sizeof(tail));
    assert_int_equal(load(&f, text, 65534 + sizeof(tail) - 1), 0);
    assert_int_equal(f.counts.applications, 2);
    text[len + 1] = 'd';
    text[65534] = 'd';
    text[65535] = '"';
    text[65536] = '}';
    text[65537] = '\n';
    assert_int_equal(load(&f, text, 65538), CLIENTID_ERR_SYNTAX);
    assert_int_equal(f.s.error.line, 1);
    memset(text, 'x', sizeof(text)); /* and no end in sight */
    assert_int_equal(load(&f, text, sizeof(text)), CLIENTID_ERR_SYNTAX);
    assert_non_null(strstr(f.s.error.text, "longer"));
    assert_int_equal(f.s.error.line, 1);
    text[0] = text[1] = '\n';
    assert_int_equal(load(&f, text, sizeof(text)), CLIENTID_ERR_SYNTAX);
    assert_int_equal(f.s.error.line, 3);
    support_store_del(&f.s);
}

static int count_progress(void *self, uint64_t done)
{
    uint64_t *last = self;

    assert_true(done > *last);
    *last = done;
    return done >= 60 ? 66 : 0;
}

static void test_batches_and_resuming(void **state)
{
    static char text[100 * 64];
    struct fixture f;
    uint64_t last = 0;
    size_t len = 0;

    (void)state;
    fixture_new(&f);
    for (int i = 0; i < 100; i++)
        len += (size_t)snprintf(text + len, sizeof(text) - len,
                                "{\"clientId\":\"c%d\",\"name\":\"n\",\"api\":\"bare\"}\n", i);
    f.options.batch = 10;
    f.options.progress = count_progress;
    f.options.progress_self = &last;
    assert_int_equal(load(&f, text, len), 66);
    assert_int_equal(f.counts.applications, 60);
    f.options.progress = NULL;
    assert_int_equal(load(&f, text, len), CLIENTID_ERR_EXISTS);
    f.options.flags = CLIENTID_LOAD_SKIP_EXISTING;
    assert_int_equal(load(&f, text, len), 0);
    assert_int_equal(f.counts.skipped, 60);
    assert_int_equal(f.counts.applications, 40);
    assert_int_equal(f.counts.lines, 100);
    /* A stream that breaks: what was committed stays. */
    f.options.flags = 0;
    for (size_t i = 0; i + 12 < len; i++)
        if (memcmp(text + i, "clientId\":\"c", 12) == 0)
            text[i + 11] = 'd';
    f.stream.piece = 100;
    f.stream.fail_at = len / 2;
    assert_int_equal(load(&f, text, len), 44);
    assert_true(f.counts.applications > 0 && f.counts.applications % 10 == 0);
    support_store_del(&f.s);
}

static void test_many_apis_and_tiers(void **state)
{
    static char text[400 * 96];
    struct fixture f;
    size_t len = 0;
    char name[16];

    (void)state;
    fixture_new(&f);
    for (int i = 0; i < 100; i++) {
        snprintf(name, sizeof(name), "api%d", i);
        support_new_tier(&f.s, support_new_api(&f.s, name), "t", true);
    }
    for (int i = 0; i < 400; i++)
        len += (size_t)snprintf(
            text + len, sizeof(text) - len,
            "{\"clientId\":\"c%d\",\"name\":\"n\",\"api\":\"api%d\",\"tier\":\"t\"}\n", i,
            i * 7 % 100);
    assert_int_equal(load(&f, text, len), 0);
    assert_int_equal(f.counts.contracts, 400);
    for (uint64_t i = 1; i <= 400; i++) {
        struct support_contract c;

        support_contract_get(&f.s, i, &c);
        assert_int_equal(c.record.api_id - 3, (i - 1) * 7 % 100); /* after orders and bare */
        assert_int_equal(c.record.tier_id - 3, (i - 1) * 7 % 100);
    }
    support_store_del(&f.s);
}

static void test_arguments(void **state)
{
    struct fixture f;

    (void)state;
    fixture_new(&f);
    assert_int_equal(load(&f, "", 0), 0);
    assert_int_equal(f.counts.lines, 0);
    f.options.flags = 2;
    assert_int_equal(load(&f, "", 0), CLIENTID_ERR_ARG);
    f.options.flags = 0;
    f.options.read = NULL;
    assert_int_equal(load(&f, "", 0), CLIENTID_ERR_ARG);
    assert_int_equal(clientid_control_load(f.s.control, NULL, &f.counts, NULL), CLIENTID_ERR_ARG);
    support_store_del(&f.s);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lines),
        cmocka_unit_test(test_bad_lines),
        cmocka_unit_test(test_long_lines),
        cmocka_unit_test(test_batches_and_resuming),
        cmocka_unit_test(test_many_apis_and_tiers),
        cmocka_unit_test(test_arguments),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
