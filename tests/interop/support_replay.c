/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* memmem, mempcpy, strcasestr */
/*
 * No row that the library denies may reach an upstream, whatever a row says of the host: that is judged of every row,
 * the rest as far as the host has it in its hands.
 */
#include "support_replay.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

enum { HOSTS_MAX = 8, SUITES_MAX = 32 };

/* How rows came out. */
enum outcome { HELD, HOST_REFUSED, NOT_APPLICABLE, FAILED, SKIPPED, OUTCOMES };

static struct {
    struct replay *replay;
    const struct case_host *host;
    size_t host_index, suite_index;
    bool under_way; /* some of it may run */
    bool started;
    unsigned port;
    unsigned counts[HOSTS_MAX][SUITES_MAX][OUTCOMES];
} now;

static const struct support_suite *suite(void)
{
    return &now.replay->suites[now.suite_index];
}

/* ---- heads ----------------------------------------------------------------------------------- */

/* The |nth| value of that name, NULL when there is none; the next call writes over it. */
static const char *value_of(const char *head, const char *name, size_t nth)
{
    static char value[8192];
    const size_t len = strlen(name);

    for (const char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line + 2, "\r\n")) {
        const char *text = line + 2 + len + 1;

        if (strncasecmp(line + 2, name, len) != 0 || line[2 + len] != ':' || nth-- != 0)
            continue;
        text += strspn(text, " \t");
        snprintf(value, sizeof(value), "%.*s", (int)strcspn(text, "\r"), text);
        return value;
    }
    return NULL;
}

static void expect_header(const char *head, const char *name, const char *wanted)
{
    const char *got = value_of(head, name, 0);

    if (wanted == NULL && got != NULL)
        fail_msg("%s: not wanted, is %s", name, got);
    if (wanted != NULL && (got == NULL || strcmp(got, wanted) != 0))
        fail_msg("%s: wanted %s, got %s", name, wanted, got != NULL ? got : "none");
}

/* ---- the answer ------------------------------------------------------------------------------ */

static void expect_headers(const json_t *row, const struct reply *reply)
{
    const json_t *headers = json_object_get(row, "headers");
    const char *name;
    json_t *value;

    json_object_foreach((json_t *)(uintptr_t)headers, name, value)
        expect_header(reply->head, name, json_string_value(value));
}

static void expect_body(const json_t *row, const struct reply *reply)
{
    const char *body = support_text(row, "body");
    json_t *part;
    size_t i;

    if (strncmp(support_text(row, "request"), "HEAD ", 5) == 0)
        return;
    if (body != NULL)
        assert_string_equal(reply->body, body);
    json_array_foreach(json_object_get(row, "body_contains"), i, part)
        assert_has(reply->body, json_string_value(part));
}

static void expect_refusal(const json_t *row, const struct reply *reply)
{
    const json_t *status = json_object_get(row, "status");
    const json_t *challenge = json_object_get(row, "challenge");
    unsigned judges = now.host->judges;

    if (reply->status < 400)
        fail_msg("refused with %u", reply->status);
    if (status != NULL && (judges & JUDGES_STATUS) != 0)
        assert_int_equal(reply->status, json_integer_value(status));
    if (challenge != NULL && (judges & JUDGES_CHALLENGE) != 0)
        expect_header(reply->head, "www-authenticate", json_string_value(challenge));
    if ((judges & JUDGES_BODY) == 0)
        return;
    expect_headers(row, reply);
    expect_body(row, reply);
}

/* ---- what the upstream got ------------------------------------------------------------------- */

static void expect_forwarded(const json_t *row, const char *head)
{
    const json_t *upstream = json_object_get(row, "upstream"), *name;
    const json_t *target = json_object_get(upstream, "target");
    size_t i, len;

    if (target != NULL) {
        char *wanted = support_bytes(target, &len);
        const char *begin = strchr(head, ' ');

        if (begin == NULL || strncmp(begin + 1, wanted, len) != 0 || begin[1 + len] != ' ')
            fail_msg("wanted target %s: %.200s", wanted, head);
        free(wanted);
    }
    json_array_foreach(json_object_get(upstream, "absent_headers"), i, name)
        expect_header(head, json_string_value(name), NULL);
    json_array_foreach(json_object_get(upstream, "present_headers"), i, name)
        assert_non_null(value_of(head, json_string_value(name), 0));
    assert_hasnt(head, "forged");
}

static bool is_client(const char *id)
{
    const json_t *contract;
    size_t i;

    json_array_foreach(suite()->contracts, i, contract)
    {
        if (strcmp(support_text(contract, "clientId"), id) == 0)
            return true;
    }
    return false;
}

/* Whether some policy of the row's API instance had to be passed. */
static bool is_enforced(const json_t *row)
{
    const char *api = support_text(row, "api");
    const json_t *policy,
        *settings = json_object_get(suite_apis(suite()), api != NULL ? api : suite()->api);
    size_t i;

    json_array_foreach(json_object_get(settings, "policies"), i, policy)
    {
        if (json_object_get(policy, "mode") == NULL)
            return true;
    }
    return false;
}

/* Name and tier are called as the id.  An empty line says as much as none. */
static void expect_identity(const json_t *row, const char *head)
{
    static const char *const names[] = {"X-Client-Id", "X-Client-Name", "X-Client-Tier"};
    bool allowed = strcmp(support_text(row, "reason"), "allowed") == 0;
    char id[512] = "";

    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
        const char *value = value_of(head, names[i], 0);

        if (i == 0 && value != NULL)
            snprintf(id, sizeof(id), "%s", value);
        if (strcmp(value != NULL ? value : "", id) != 0)
            fail_msg("%s: %s of %s", names[i], value, id);
        if (value_of(head, names[i], 1) != NULL)
            fail_msg("%s came twice", names[i]);
    }
    if (id[0] != '\0' && !is_client(id))
        fail_msg("X-Client-Id: %s", id);
    if (allowed && is_enforced(row) && id[0] == '\0')
        fail_msg("no X-Client-Id");
}

static void expect_admitted(const json_t *row, const struct reply *reply, const char *forwarded)
{
    if (reply->status != 200)
        fail_msg("refused with %u: %.300s", reply->status, reply->body);
    if ((now.host->judges & JUDGES_ADDED) != 0)
        expect_headers(row, reply);
    if ((now.host->judges & JUDGES_FORWARDED) != 0)
        expect_forwarded(row, forwarded);
    if ((now.host->judges & JUDGES_IDENTITY) != 0)
        expect_identity(row, forwarded);
}

/* ---- a row ----------------------------------------------------------------------------------- */

/* Who a client says it is must never be what an upstream reads, so every request says it. */
static const char forged[] =
    "X-Client-Id: forged\r\nx_client_name: forged\r\nX-Client-Tier: forged\r\n"
    "X-Client_Id: forged\r\nx-client-id: forged\r\n";

/* No: such a header is where this request has its credentials. */
static bool may_forge(const char *raw)
{
    return strcasestr(raw, "\r\nx-client-id:") == NULL;
}

/* |raw| with the host's prefix before the target and the forged lines behind the request line. */
static char *prepared(const char *raw, size_t *len)
{
    const char *prefix = now.host->prefix != NULL ? now.host->prefix : "";
    const char *space = memchr(raw, ' ', *len), *end = memmem(raw, *len, "\r\n", 2);
    size_t method = space != NULL ? (size_t)(space + 1 - raw) : 0;
    size_t line = end != NULL ? (size_t)(end + 2 - raw) : *len;
    char *out = malloc(*len + strlen(prefix) + sizeof(forged)), *to = out;

    assert_non_null(out);
    to = mempcpy(to, raw, method);
    to = mempcpy(to, prefix, strlen(prefix));
    to = mempcpy(to, raw + method, line - method);
    if (end != NULL && may_forge(raw))
        to = mempcpy(to, forged, sizeof(forged) - 1);
    to = mempcpy(to, raw + line, *len - line);
    *len = (size_t)(to - out);
    return out;
}

static struct reply send_row(const json_t *row)
{
    size_t len;
    char *raw = support_bytes(json_object_get(row, "request"), &len), *request;
    struct reply reply;

    request = prepared(raw, &len);
    reply = ask_bytes(now.port, request, len);
    free(request);
    free(raw);
    return reply;
}

/* What the host has made of an ambiguous request has one reading: no control character, no name twice. */
static void expect_clean(const char *head)
{
    for (const char *at = head; *at != '\0'; at++) {
        if (strncmp(at, "\r\n", 2) == 0)
            at++;
        else if ((unsigned char)*at < ' ' || *at == 0x7f)
            fail_msg("a control character was forwarded: %s", head);
    }
    for (const char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line + 2, "\r\n")) {
        char name[128];

        snprintf(name, sizeof(name), "%.*s", (int)strcspn(line + 2, ":\r"), line + 2);
        if (name[0] != '\0' && value_of(head, name, 1) != NULL)
            fail_msg("%s was forwarded twice", name);
    }
}

/* The row is not the library's to decide: "n/a: ...", "rewritten: ..." or "host-refused". */
static enum outcome judge_otherwise(const char *how, const json_t *row, const struct reply *reply,
                                    const char *forwarded)
{
    if (strncmp(how, "rewritten: ", 11) == 0) {
        expect_clean(forwarded);
        return NOT_APPLICABLE;
    }
    if (strcmp(support_text(row, "verdict"), "deny") != 0 && reply->status < 400 &&
        reply->status != 0)
        fail_msg("%u, although the row says %s", reply->status, how);
    if (strcmp(how, "host-refused") != 0)
        return NOT_APPLICABLE;
    if (reply->status != 0 && reply->status / 100 != 4)
        fail_msg("refused with %u", reply->status);
    return HOST_REFUSED;
}

static enum outcome judge(const json_t *row, const struct reply *reply, bool reached)
{
    const char *how = support_host(row, now.host->name);
    bool denied = strcmp(support_text(row, "verdict"), "deny") == 0;
    bool good = reply->status >= 200 && reply->status < 300;
    char *forwarded = reached ? upstream_last() : strdup("");
    enum outcome outcome = HELD;

    if (denied && (good || reached) && strncmp(how, "rewritten: ", 11) != 0)
        fail_msg("ADMITTED with %u", reply->status);
    if (strcmp(how, "same") != 0)
        outcome = judge_otherwise(how, row, reply, forwarded);
    else if (denied)
        expect_refusal(row, reply);
    else
        expect_admitted(row, reply, forwarded);
    free(forwarded);
    return outcome;
}

static void test_row(void **state)
{
    unsigned *counts = now.counts[now.host_index][now.suite_index];
    unsigned before = upstream_requests();
    struct reply reply;

    if (now.host->missing != NULL && now.host->missing() != NULL) {
        counts[SKIPPED]++;
        skip();
    }
    counts[FAILED]++;
    reply = send_row(*state);
    counts[judge(*state, &reply, upstream_requests() != before)]++;
    counts[FAILED]--;
    reply_free(&reply);
}

/* ---- suites ---------------------------------------------------------------------------------- */

static int enter(void **state)
{
    (void)state;
    if (now.host->missing != NULL && now.host->missing() != NULL) {
        print_message("%s: %s\n", now.host->name, now.host->missing());
        return 0;
    }
    if (now.suite_index == 0) {
        now.under_way = true;
        now.host->start(now.replay);
        now.started = true;
    }
    if (!now.started)
        fail_msg("%s did not start", now.host->name);
    now.port = now.host->serve(now.replay, now.suite_index);
    return 0;
}

static int leave(void **state)
{
    (void)state;
    if (now.under_way && now.suite_index + 1 == now.replay->count) {
        now.started = now.under_way = false;
        now.host->stop();
    }
    return 0;
}

/* Rows of a host that did not start have failed too. */
static void count_unrun(unsigned rows)
{
    unsigned *counts = now.counts[now.host_index][now.suite_index];
    unsigned run = 0;

    for (size_t i = 0; i < OUTCOMES; i++)
        run += counts[i];
    counts[FAILED] += rows - run;
}

static int run_suite(void)
{
    size_t count = json_array_size(suite()->rows);
    struct CMUnitTest *tests = calloc(count, sizeof(*tests));
    char(*names)[192] = calloc(count, sizeof(*names));
    int failed;

    for (size_t i = 0; tests != NULL && names != NULL && i < count; i++) {
        json_t *row = json_array_get(suite()->rows, i);

        snprintf(names[i], sizeof(names[i]), "%s, %s: %s", now.host->name, suite()->name,
                 support_text(row, "name"));
        tests[i] =
            (struct CMUnitTest){.name = names[i], .test_func = test_row, .initial_state = row};
    }
    failed = _cmocka_run_group_tests(suite()->name, tests, count, enter, leave);
    count_unrun((unsigned)count);
    free(names);
    free(tests);
    return failed;
}

/* ---- all ------------------------------------------------------------------------------------- */

static void print_cell(const unsigned counts[OUTCOMES])
{
    char text[64], failed[24] = "";

    if (counts[FAILED] != 0)
        snprintf(failed, sizeof(failed), " FAILED %u", counts[FAILED]);
    snprintf(text, sizeof(text), "%u/%u/%u%s", counts[HELD], counts[HOST_REFUSED],
             counts[NOT_APPLICABLE], failed);
    print_message(" %-12s", counts[SKIPPED] != 0 ? "skipped" : text);
}

static void print_table(const struct case_host *const *hosts, size_t host_count)
{
    unsigned sums[HOSTS_MAX][OUTCOMES] = {{0}};

    print_message(
        "\nrows as they stand / refused by the host itself / not applicable or rewritten\n%-14s",
        "");
    for (size_t h = 0; h < host_count; h++)
        print_message(" %-12s", hosts[h]->name);
    for (size_t s = 0; s < now.replay->count; s++) {
        print_message("\n%-14s", now.replay->suites[s].name);
        for (size_t h = 0; h < host_count; h++) {
            print_cell(now.counts[h][s]);
            for (size_t o = 0; o < OUTCOMES; o++)
                sums[h][o] += now.counts[h][s][o];
        }
    }
    print_message("\n%-14s", "all");
    for (size_t h = 0; h < host_count; h++)
        print_cell(sums[h]);
    print_message("\n");
}

void replay_open(struct replay *replay)
{
    const char *tmp = getenv("TMPDIR");

    *replay = (struct replay){.count = 0};
    replay->suites = support_suites(&replay->count);
    assert_true(replay->count <= SUITES_MAX);
    snprintf(replay->dir, sizeof(replay->dir), "%s/replay-XXXXXX", tmp != NULL ? tmp : "/tmp");
    assert_non_null(mkdtemp(replay->dir));
    snprintf(replay->store, sizeof(replay->store), "sqlite:%s/cases.db", replay->dir);
    suite_store_make(replay->store, replay->suites, replay->count);
    upstream_start(&replay->upstream);
}

void replay_close(struct replay *replay)
{
    char command[128];

    upstream_stop(&replay->upstream);
    snprintf(command, sizeof(command), "rm -rf '%s'", replay->dir);
    if (system(command) != 0)
        print_message("%s is left behind\n", replay->dir);
    support_suites_free(replay->suites, replay->count);
}

int replay_run(struct replay *replay, const struct case_host *const *hosts, size_t count)
{
    int failed = 0;

    now.replay = replay;
    assert_true(count <= HOSTS_MAX);
    for (now.host_index = 0; now.host_index < count; now.host_index++) {
        now.host = hosts[now.host_index];
        for (now.suite_index = 0; now.suite_index < replay->count; now.suite_index++)
            failed += run_suite();
    }
    print_table(hosts, count);
    return failed;
}
