/* SPDX-License-Identifier: Apache-2.0 */
/* Anypoint as a source, against a control plane that plays along, and one that does not. */
#include "support_control_plane.h"
#include "support_program.h"
#include "support_random.h"
#include "support_registry.h"

#include <clientid/anypoint.h>

#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509v3.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- a source beside a control plane ------------------------------------------------------------- */

struct fixture {
    struct support_plane plane;
    struct support_model model;
    char *folder;
    clientid_source source;
    clientid_position position;
    clientid_error error;
    struct support_registry registry;
    bool has_registry;
    clientid_contract_event last; /* its numbers and secrets */
    size_t events;
};

static const char config_text[] =
    "{\"url\":\"%s\",\"organizationId\":\"org\",\"environmentId\":\"env\",\"clientId\":\"gateway\","
    "\"clientSecret\":{\"file\":\"%s/secret\"},\"apis\":{%s}%s%s}";

static void write_config(struct fixture *f, const char *name, const char *apis, const char *more)
{
    char path[256], text[1024];

    snprintf(path, sizeof(path), "%s/secret", f->folder);
    file_write(path, SUPPORT_PLANE_SECRET "\n");
    snprintf(path, sizeof(path), "%s/%s", f->folder, name);
    snprintf(text, sizeof(text), config_text, f->plane.url, f->folder, apis,
             strstr(more, "interval") != NULL ? "" : ",\"interval\":\"100ms\"", more);
    file_write(path, text);
}

static int open_source(struct fixture *f)
{
    char uri[256];

    snprintf(uri, sizeof(uri), "anypoint:%s/anypoint.json", f->folder);
    return clientid_anypoint_source(&f->source, uri, &f->error);
}

static void open_with(struct fixture *f, const char *apis, const char *more)
{
    write_config(f, "anypoint.json", apis, more);
    assert_int_equal(open_source(f), 0);
}

static void fixture_new(struct fixture *f, const char *more)
{
    memset(f, 0, sizeof(*f));
    f->folder = folder_new();
    support_plane_new(&f->plane, NULL, NULL);
    open_with(f, "\"orders\":1", more);
}

static void drop_registry(struct fixture *f)
{
    if (f->has_registry)
        support_registry_del(&f->registry);
    f->has_registry = false;
}

static void fixture_del(struct fixture *f)
{
    if (f->source.close != NULL)
        f->source.close(f->source.self);
    drop_registry(f);
    support_plane_del(&f->plane);
    support_model_free(&f->model);
    folder_del(f->folder);
}

static int take(void *self, const clientid_event *event)
{
    struct fixture *f = self;

    f->events++;
    if (event->type == CLIENTID_EVENT_CONTRACT || event->type == CLIENTID_EVENT_CONTRACT_REMOVED)
        f->last = event->u.contract;
    return clientid__registry_apply(f->registry.registry, event);
}

/* No error may tell what must not be told. */
static int looked_at(struct fixture *f, int rv)
{
    if (rv == 0)
        return 0;
    assert_null(strstr(f->error.text, SUPPORT_PLANE_SECRET));
    assert_null(strstr(f->error.text, "token-"));
    assert_null(strstr(f->error.text, "5ec2e7"));
    return rv;
}

static int load(struct fixture *f)
{
    drop_registry(f);
    support_registry_new(&f->registry);
    f->has_registry = true;
    f->events = 0;
    memset(&f->error, 0, sizeof(f->error));
    return looked_at(f, f->source.load(f->source.self, take, f, &f->position, &f->error));
}

static int changes(struct fixture *f)
{
    f->events = 0;
    memset(&f->error, 0, sizeof(f->error));
    return looked_at(f, f->source.changes(f->source.self, take, f, &f->position, &f->error));
}

static int poll_source(struct fixture *f)
{
    memset(&f->error, 0, sizeof(f->error));
    return looked_at(f, f->source.poll(f->source.self, &f->error));
}

static void pause_ms(long ms)
{
    const struct timespec time = {.tv_nsec = ms * 1000000};

    nanosleep(&time, NULL);
}

/* Up to 5 s: until poll says something else than 0. */
static int poll_until(struct fixture *f)
{
    int rv = 0;

    for (int i = 0; i < 2500 && rv == 0; i++) {
        rv = poll_source(f);
        if (rv == 0)
            pause_ms(2);
    }
    return rv;
}

static bool poll_asks(struct fixture *f, size_t asks)
{
    for (int i = 0; i < 2500 && support_plane_asks(&f->plane) < asks; i++) {
        assert_int_equal(poll_source(f), 0);
        pause_ms(2);
    }
    return support_plane_asks(&f->plane) >= asks;
}

/* Polls while the control plane has not as many requests in its hand. */
static bool poll_holds(struct fixture *f, size_t count)
{
    for (int i = 0; i < 2500; i++) {
        bool holds;
        int rv = poll_source(f);

        assert_true(rv >= 0);
        if (rv == 1) /* news of the other one */
            assert_true(changes(f) == 0 || f->error.code == CLIENTID_ERR_GAP);
        support_plane_lock(&f->plane);
        holds = f->plane.held_count >= count;
        pthread_mutex_unlock(&f->plane.lock);
        if (holds)
            return true;
        pause_ms(2);
    }
    return false;
}

static void say(struct fixture *f, const char *body)
{
    support_plane_say(&f->plane, (struct support_answer){.body = body});
}

static void say_tiers(struct fixture *f, const char *body)
{
    support_plane_say(&f->plane, (struct support_answer){.body = body, .tiers = true});
}

#define PATH   "/apigateway/ccs/v3/organizations/org/environments/env/apis/1/contracts"
#define HASH   "5ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e75ec2e7abcd"
#define SECRET "\"clientSecret\":\"" HASH "\",\"clientSecretSalt\":\"some salt\""
#define ITEM(id, client)                                                                           \
    "{\"contractId\":" id ",\"clientId\":\"" client "\",\"clientName\":\"" client "\"," SECRET "}"
#define PAGE(items, next)                                                                          \
    "{\"data\":[" items "],\"links\":{\"self\":\"here\",\"next\":\"" next "\"}}"

static size_t contracts(struct fixture *f)
{
    return clientid__registry_size(f->registry.registry).contracts;
}

static bool has(struct fixture *f, const char *api, const char *client)
{
    struct clientid__contract contract;

    return support_registry_find(&f->registry, api, (clientid_str){client, strlen(client)},
                                 &contract) &&
           contract.status == CLIENTID_APPROVED;
}

/* ---- pages --------------------------------------------------------------------------------------- */

static void test_full_pass(void **state)
{
    struct fixture f;

    (void)state;
    fixture_new(&f, "");
    say(&f, PAGE(ITEM("1", "a") "," ITEM("\"2\"", "b"), PATH "?p=2"));
    say(&f, PAGE(ITEM("3", "c"), "@URL@" PATH "?p=3"));
    say(&f, PAGE("{\"contractId\":2,\"clientId\":\"b\",\"removed\":true}", "?p=4"));
    say(&f, PAGE("", "?p=5"));
    say_tiers(&f,
              "{\"total\":3,\"tiers\":[{\"id\":7,\"name\":\"gold\",\"limits\":[{\"visible\":true,"
              "\"maximumRequests\":10,\"timePeriodInMilliseconds\":1000}]},"
              "{\"id\":8,\"name\":\"free\",\"limits\":[]}]}");
    say_tiers(&f, "{\"total\":3,\"tiers\":[{\"id\":9,\"name\":\"x\",\"limits\":[]}]}");
    assert_int_equal(load(&f), 0);
    assert_int_equal(contracts(&f), 2);
    assert_true(has(&f, "orders", "a") && has(&f, "orders", "c"));
    assert_string_equal(f.plane.asked[0], PATH " - -");
    assert_string_equal(f.plane.asked[1], PATH "?p=2 - -");
    assert_string_equal(f.plane.asked[2], PATH "?p=3 - -");
    assert_string_equal(f.plane.asked[3], PATH "?p=4 - -");
    assert_non_null(strstr(f.plane.asked[4], "/apimanager/api/v1/organizations/org/environments/"
                                             "env/apis/1/tiers?limit=250&offset=0"));
    assert_non_null(strstr(f.plane.asked[5], "offset=2"));
    assert_int_not_equal(f.position.identity, 0);
    assert_true(f.position.revision > UINT64_C(1700000000000000000));
    /* In step: where the last page led, with the wish to be held. */
    assert_true(poll_asks(&f, 7));
    assert_string_equal(f.plane.asked[6], PATH "?p=5 wait=25 -");
    assert_int_equal(changes(&f), 0);
    assert_int_equal(f.events, 0);
    fixture_del(&f);
}

static void test_increments(void **state)
{
    struct fixture f;
    clientid_position before;

    (void)state;
    fixture_new(&f, "");
    say(&f, PAGE(ITEM("1", "a"), "?n=1"));
    say(&f, PAGE("", "?n=1"));
    say_tiers(&f, "{\"tiers\":[]}");
    assert_int_equal(load(&f), 0);
    before = f.position;
    say(&f, PAGE(ITEM("2", "b"), "?n=2"));
    say(&f, PAGE("{\"contractId\":1,\"clientId\":\"a\",\"removed\":true}", "?n=3"));
    assert_int_equal(poll_until(&f), 1);
    while (contracts(&f) != 1 || has(&f, "orders", "a")) {
        assert_int_equal(poll_until(&f), 1);
        assert_int_equal(changes(&f), 0);
    }
    assert_true(has(&f, "orders", "b"));
    assert_int_equal(f.position.identity, before.identity);
    assert_true(f.position.revision > before.revision);
    fixture_del(&f);
}

/* What mulesoft's own mock of the feed serves: next leads to the page itself. */
static void test_next_that_is_self(void **state)
{
    struct fixture f;

    (void)state;
    fixture_new(&f, "");
    say(&f, PAGE(ITEM("\"cid\"", "pdk"), PATH));
    assert_int_equal(load(&f), 0);
    assert_int_equal(contracts(&f), 1);
    assert_true(f.last.id != 0 && f.last.id <= INT64_MAX);
    assert_true(f.last.application_id != 0);
    /* "self" as a gateway of the vendor sees the end. */
    say(&f, "{\"data\":[" ITEM("2", "x") "],\"links\":{\"self\":\"?a\",\"next\":\"?a\"}}");
    assert_int_equal(load(&f), 0);
    assert_int_equal(f.plane.next_answer, 2);
    fixture_del(&f);
}

/* Without links there are no increments: what changed is all there is, anew. */
static void test_no_links(void **state)
{
    struct fixture f;

    (void)state;
    fixture_new(&f, "");
    say(&f, "[" ITEM("1", "a") "," ITEM("2", "b") "]");
    say_tiers(&f, "{\"tiers\":[]}");
    assert_int_equal(load(&f), 0);
    assert_int_equal(contracts(&f), 2);
    say(&f, "[" ITEM("1", "a") "," ITEM("2", "b") "]");
    assert_true(poll_asks(&f, 3));
    say(&f, "{\"contracts\":[" ITEM("2", "b") "]}");
    assert_int_equal(poll_until(&f), 1);
    assert_int_equal(changes(&f), CLIENTID_ERR_GAP);
    say(&f, "{\"contracts\":[" ITEM("2", "b") "]}");
    assert_int_equal(load(&f), 0);
    assert_int_equal(contracts(&f), 1);
    fixture_del(&f);
}

static void test_secrets(void **state)
{
    static const unsigned char salt[] = {0xab, 0xcd};
    struct fixture f;
    clientid_secret want = {.salt_len = 4, .salt = "abcd"};
    char text[65], body[1024];

    (void)state;
    fixture_new(&f, "");
    /* The salt is text, also where it looks hexadecimal. */
    support_plane_hash("abcd", 4, "open", text);
    snprintf(body, sizeof(body),
             "[{\"contractId\":1,\"clientId\":\"a\",\"clientSecret\":\"%s\",\"clientSecretSalt\":"
             "\"abcd\"}]",
             text);
    say(&f, body);
    assert_int_equal(load(&f), 0);
    assert_int_equal(clientid_secret_hash(&want, CLIENTID_STR("open"), NULL, 0), 0);
    assert_memory_equal(&f.last.secrets[0], &want, sizeof(want));
    assert_int_equal(f.last.secrets[1].algorithm, CLIENTID_SECRET_NONE);
    /* The extension is hexadecimal, has two of them, and counts alone. */
    support_plane_hash(salt, 2, "open", text);
    snprintf(body, sizeof(body),
             "[{\"contractId\":1,\"clientId\":\"a\"," SECRET ",\"secrets\":[{\"slot\":2,\"hash\":"
             "\"%s\",\"salt\":\"ABcd\",\"notBefore\":\"2026-01-01T00:00:00+01:00\",\"notAfter\":"
             "null}]}]",
             text);
    f.plane.answer_count = f.plane.next_answer = 0;
    say(&f, body);
    assert_int_equal(load(&f), 0);
    assert_int_equal(f.last.secrets[0].algorithm, CLIENTID_SECRET_NONE);
    assert_int_equal(f.last.secrets[1].salt_len, 2);
    assert_memory_equal(f.last.secrets[1].salt, salt, 2);
    assert_true(f.last.secrets[1].not_before_ns == UINT64_C(1767222000000000000));
    fixture_del(&f);
}

/* ---- what goes wrong ----------------------------------------------------------------------------- */

static void test_malformed(void **state)
{
#define GOOD ITEM("1", "a")
#define BASE "\"contractId\":1,\"clientId\":\"a\""
    static const struct {
        const char *why, *body, *pointer;
        unsigned line;
    } rows[] = {
        {"no JSON", "<html>", "", 1},
        {"an end that is missing", "{\"data\":[", "", 1},
        {"two keys of one name", "{\"data\":[],\"data\":[]}", "", 1},
        {"too deep", "[[[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]]]", "", 0},
        {"neither object nor array", "\"data\"", "", 1},
        {"no contracts", "{\"links\":{}}", "/data", 0},
        {"contracts that are no array", "{\"data\":{}}", "/data", 0},
        {"an item that is no object", "{\"data\":[" GOOD ",7]}", "/data/1", 0},
        {"an item without id", "{\"data\":[" GOOD ",{\"clientId\":\"b\"}]}", "/data/1/contractId",
         0},
        {"an id of zero", "{\"data\":[{\"contractId\":0,\"clientId\":\"b\"}]}",
         "/data/0/contractId", 0},
        {"an id that is a fraction", "{\"data\":[{\"contractId\":1.5,\"clientId\":\"b\"}]}",
         "/data/0/contractId", 0},
        {"no client id", "{\"data\":[{\"contractId\":1}]}", "/data/0/clientId", 0},
        {"a removed one without client id", "{\"data\":[{\"contractId\":1,\"removed\":true}]}",
         "/data/0/clientId", 0},
        {"a client id that is a number", "{\"data\":[{\"contractId\":1,\"clientId\":7}]}",
         "/data/0/clientId", 0},
        {"removed that is text", "{\"data\":[{" BASE ",\"removed\":\"true\"}]}", "/data/0/removed",
         0},
        {"a name that is a number", "{\"data\":[{" BASE ",\"clientName\":7}]}",
         "/data/0/clientName", 0},
        {"a tier that is an object", "{\"data\":[{" BASE ",\"slaTierId\":{}}]}",
         "/data/0/slaTierId", 0},
        {"a status nobody knows", "{\"data\":[{" BASE ",\"status\":\"GONE\"}]}", "/data/0/status",
         0},
        {"a hash that is too short",
         "{\"data\":[{" BASE ",\"clientSecret\":\"5ec2e7\",\"clientSecretSalt\":\"x\"}]}",
         "/data/0/clientSecret", 0},
        {"a hash without salt", "{\"data\":[{" BASE ",\"clientSecret\":\"" HASH "\"}]}",
         "/data/0/clientSecretSalt", 0},
        {"a salt without hash", "{\"data\":[{" BASE ",\"clientSecretSalt\":\"5ec2e7\"}]}",
         "/data/0/clientSecret", 0},
        {"a salt of 33 bytes",
         "{\"data\":[{" BASE ",\"clientSecret\":\"" HASH
         "\",\"clientSecretSalt\":\"0123456789abcdef0123456789abcdef0\"}]}",
         "/data/0/clientSecretSalt", 0},
        {"a slot 3", "{\"data\":[{" BASE ",\"secrets\":[{\"slot\":3}]}]}", "/data/0/secrets/0/slot",
         0},
        {"a slot twice",
         "{\"data\":[{" BASE ",\"secrets\":[{\"slot\":1,\"hash\":\"" HASH
         "\",\"salt\":\"\"},{\"slot\":1}]}]}",
         "/data/0/secrets/1", 0},
        {"a salt that is not hexadecimal",
         "{\"data\":[{" BASE ",\"secrets\":[{\"slot\":1,\"hash\":\"" HASH "\",\"salt\":\"xy\"}]}]}",
         "/data/0/secrets/0/salt", 0},
        {"a day that is not in the calendar",
         "{\"data\":[{" BASE ",\"secrets\":[{\"slot\":1,\"hash\":\"" HASH
         "\",\"salt\":\"\",\"notAfter\":\"2026-02-29T00:00:00Z\"}]}]}",
         "/data/0/secrets/0/notAfter", 0},
        {"an application of zero", "{\"data\":[{" BASE ",\"applicationId\":0}]}",
         "/data/0/applicationId", 0},
        {"a group without name", "{\"data\":[{" BASE ",\"group\":\"\"}]}", "/data/0/group", 0},
        {"links that are text", "{\"data\":[],\"links\":\"x\"}", "/links", 0},
        {"next that is a number", "{\"data\":[],\"links\":{\"next\":7}}", "/links/next", 0},
        {"next on another host", "{\"data\":[],\"links\":{\"next\":\"https://example.com/x\"}}",
         "/links/next", 0},
        {"next on another host, short", "{\"data\":[],\"links\":{\"next\":\"//example.com/x\"}}",
         "/links/next", 0},
        {"next on another port", "{\"data\":[],\"links\":{\"next\":\"http://127.0.0.1:1/x\"}}",
         "/links/next", 0},
        {"next with another scheme", "{\"data\":[],\"links\":{\"next\":\"file:/etc/passwd\"}}",
         "/links/next", 0},
        {"next with a user", "{\"data\":[],\"links\":{\"next\":\"@URL@@example.com/\"}}",
         "/links/next", 0},
        {"next that climbs", "{\"data\":[],\"links\":{\"next\":\"/../x\"}}", "/links/next", 0},
        {"a tier without limits", "{\"data\":[],\"tiers\":[{\"id\":1,\"name\":\"x\"}]}",
         "/tiers/0/limits", 0},
        {"a limit of zero",
         "{\"data\":[],\"tiers\":[{\"id\":1,\"limits\":[{\"maximumRequests\":0,"
         "\"timePeriodInMilliseconds\":1}]}]}",
         "/tiers/0/limits/0/maximumRequests", 0},
        {"a limit without period",
         "{\"data\":[],\"tiers\":[{\"id\":1,\"limits\":[{\"maximumRequests\":1}]}]}",
         "/tiers/0/limits/0/timePeriodInMilliseconds", 0},
        {"a group without members", "{\"data\":[],\"groups\":[{\"name\":\"g\"}]}",
         "/groups/0/members", 0},
        {"a member that is no id",
         "{\"data\":[],\"groups\":[{\"name\":\"g\",\"members\":[\"x\"]}]}", "/groups/0/members/0",
         0},
        {"identity that is a number", "{\"data\":[],\"identity\":7}", "/identity", 0},
        {"a negative revision", "{\"data\":[],\"revision\":-1}", "/revision", 0},
    };
    struct fixture f;

    (void)state;
    fixture_new(&f, "");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        f.plane.answer_count = f.plane.next_answer = 0;
        say(&f, rows[i].body);
        if (load(&f) != CLIENTID_ERR_CORRUPT || f.events != 0 ||
            strcmp(f.error.pointer, rows[i].pointer) != 0 ||
            (rows[i].line != 0 && f.error.line != rows[i].line && rows[i].pointer[0] != '\0'))
            fail_msg("%s: %d %s '%s'", rows[i].why, f.error.code, f.error.pointer, f.error.text);
    }
    /* Later, a bad page leaves what was there, and what was good about it. */
    f.plane.answer_count = f.plane.next_answer = 0;
    say(&f, PAGE(ITEM("1", "a"), "?n=1"));
    say(&f, PAGE("", "?n=1"));
    say_tiers(&f, "{\"tiers\":[]}");
    assert_int_equal(load(&f), 0);
    say(&f, PAGE(ITEM("2", "b") "," ITEM("0", "c"), "?n=2"));
    assert_int_equal(poll_until(&f), CLIENTID_ERR_CORRUPT);
    assert_string_equal(f.error.pointer, "/data/1/contractId");
    assert_int_equal(contracts(&f), 1);
    say(&f, PAGE(ITEM("2", "b"), "?n=2"));
    assert_int_equal(changes(&f), 0);
    assert_int_equal(contracts(&f), 2);
    fixture_del(&f);
}

static void test_circle(void **state)
{
    struct fixture f;

    (void)state;
    fixture_new(&f, "");
    say(&f, PAGE(ITEM("1", "a"), "?n=1"));
    say(&f, PAGE(ITEM("1", "a"), "?n=2"));
    say(&f, PAGE(ITEM("1", "a"), "?n=1"));
    assert_int_equal(load(&f), CLIENTID_ERR_CORRUPT);
    assert_non_null(strstr(f.error.text, "circle"));
    fixture_del(&f);
}

static void test_status_codes(void **state)
{
    static const struct {
        struct support_answer answer;
        const char *text;
    } rows[] = {
        {{.status = 500}, "contracts of orders: HTTP 500"},
        {{.status = 404}, "contracts of orders: HTTP 404"},
        {{.status = 503}, "contracts of orders: HTTP 503"},
        {{.status = 302, .location = "http://127.0.0.1:1/"}, "contracts of orders: HTTP 302"},
        {{.status = 410}, "contracts of orders: HTTP 410"},
        {{.status = 304}, "contracts of orders: HTTP 304"},
        {{.body = "[]", .padding = 64u << 20}, "larger than 64 MiB"},
    };
    struct fixture f;

    (void)state;
    fixture_new(&f, "");
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        support_plane_say(&f.plane, rows[i].answer);
        assert_int_equal(load(&f), CLIENTID_ERR_UNREACHABLE);
        if (strstr(f.error.text, rows[i].text) == NULL)
            fail_msg("%s: %s", rows[i].text, f.error.text);
    }
    fixture_del(&f);
}

static void test_out_of_reach(void **state)
{
    struct fixture f;
    size_t asks;

    (void)state;
    fixture_new(&f, "");
    support_plane_stop(&f.plane);
    assert_int_equal(load(&f), CLIENTID_ERR_UNREACHABLE);
    support_plane_start(&f.plane);
    assert_int_equal(load(&f), 0);
    /* In step, then away, then back: the same position counts. */
    asks = support_plane_asks(&f.plane);
    assert_true(poll_asks(&f, asks + 1));
    support_plane_stop(&f.plane);
    assert_int_equal(poll_until(&f), CLIENTID_ERR_UNREACHABLE);
    assert_int_equal(changes(&f), CLIENTID_ERR_UNREACHABLE);
    assert_int_equal(changes(&f), CLIENTID_ERR_UNREACHABLE);
    support_plane_start(&f.plane);
    assert_int_equal(changes(&f), 0);
    assert_int_equal(poll_source(&f), 0);
    fixture_del(&f);
}

/* ---- tokens -------------------------------------------------------------------------------------- */

static void test_tokens(void **state)
{
    struct fixture f;

    (void)state;
    fixture_new(&f, "");
    assert_int_equal(load(&f), 0);
    assert_int_equal(f.plane.tokens, 1);
    /* Withdrawn: one new one, and nobody notices. */
    support_plane_lock(&f.plane);
    f.plane.withdrawn = 1;
    support_plane_unlock(&f.plane);
    assert_int_equal(load(&f), 0);
    assert_int_equal(f.plane.tokens, 2);
    /* Never good enough: one more, then a failure. */
    for (int i = 0; i < 3; i++) /* one may be for the request in step */
        support_plane_say(&f.plane, (struct support_answer){.status = 401});
    assert_int_equal(load(&f), CLIENTID_ERR_UNREACHABLE);
    assert_non_null(strstr(f.error.text, "HTTP 401"));
    assert_int_equal(f.plane.tokens, 3);
    /* Refused: the echo of the secret stays out of the text. */
    support_plane_lock(&f.plane);
    f.plane.token_status = 401;
    f.plane.withdrawn = f.plane.token;
    support_plane_unlock(&f.plane);
    assert_int_equal(load(&f), CLIENTID_ERR_UNREACHABLE);
    assert_non_null(strstr(f.error.text, "refuses clientId or its secret"));
    f.plane.token_status = 500;
    assert_int_equal(load(&f), CLIENTID_ERR_UNREACHABLE);
    assert_non_null(strstr(f.error.text, "a token: HTTP 500"));
    f.plane.token_status = 0;
    assert_int_equal(load(&f), 0);
    fixture_del(&f);
}

/* While requests are under way. */
static unsigned tokens_asked(struct fixture *f)
{
    unsigned tokens;

    support_plane_lock(&f->plane);
    tokens = f->plane.tokens;
    support_plane_unlock(&f->plane);
    return tokens;
}

static void test_token_renewed(void **state)
{
    struct fixture f;

    (void)state;
    fixture_new(&f, "");
    f.plane.expires_in = 1;
    f.plane.old_path_only = true;
    assert_int_equal(load(&f), 0);
    for (int i = 0; i < 2500 && tokens_asked(&f) < 2; i++) {
        assert_int_equal(poll_source(&f), 0);
        pause_ms(2);
    }
    assert_true(tokens_asked(&f) >= 2);
    fixture_del(&f);
}

/* ---- being told to wait ---------------------------------------------------------------------------- */

static void test_retry_after(void **state)
{
    static const struct support_answer rows[] = {
        {.status = 429, .retry_after = "7"},
        {.status = 503, .retry_after = "100000"},
        {.status = 429, .retry_after = "Fri, 31 Dec 2100 23:59:59 GMT"},
    };
    static const char *const texts[] = {"asked to wait 7 s", "asked to wait 300 s",
                                        "asked to wait 300 s"};

    (void)state;
    for (size_t i = 0; i < 3; i++) {
        struct fixture f;

        fixture_new(&f, "");
        support_plane_say(&f.plane, rows[i]);
        assert_int_equal(load(&f), CLIENTID_ERR_UNREACHABLE);
        assert_non_null(strstr(f.error.text, texts[i]));
        assert_int_equal(load(&f), CLIENTID_ERR_UNREACHABLE); /* and is not asked */
        assert_non_null(strstr(f.error.text, "asked to wait"));
        assert_int_equal(support_plane_asks(&f.plane), 1);
        fixture_del(&f);
    }
}

static void test_retry_after_in_step(void **state)
{
    struct fixture f;
    size_t asks;

    (void)state;
    fixture_new(&f, "");
    assert_int_equal(load(&f), 0);
    support_plane_say(&f.plane, (struct support_answer){.status = 503, .retry_after = "1"});
    assert_int_equal(poll_until(&f), CLIENTID_ERR_UNREACHABLE);
    asks = support_plane_asks(&f.plane);
    assert_int_equal(changes(&f), CLIENTID_ERR_UNREACHABLE);
    assert_int_equal(support_plane_asks(&f.plane), asks);
    for (int i = 0; i < 500 && changes(&f) != 0; i++)
        pause_ms(10);
    assert_int_equal(changes(&f), 0);
    assert_true(support_plane_asks(&f.plane) > asks);
    fixture_del(&f);
}

/* ---- in step ------------------------------------------------------------------------------------- */

static void test_etag(void **state)
{
    struct fixture f;

    (void)state;
    fixture_new(&f, "");
    say(&f, PAGE(ITEM("1", "a"), "?n=1"));
    support_plane_say(&f.plane,
                      (struct support_answer){.body = PAGE("", "?n=1"), .etag = "\"v1\""});
    support_plane_say(&f.plane, (struct support_answer){
                                    .body = "{\"tiers\":[]}", .tiers = true, .etag = "\"t1\""});
    assert_int_equal(load(&f), 0);
    support_plane_say(&f.plane, (struct support_answer){.status = 304});
    assert_true(poll_asks(&f, 6));
    assert_string_equal(f.plane.asked[3], PATH "?n=1 wait=25 \"v1\"");
    for (size_t i = 4; i < 6; i++)
        if (strstr(f.plane.asked[i], "/tiers") != NULL)
            assert_non_null(strstr(f.plane.asked[i], "\"t1\""));
    assert_int_equal(changes(&f), 0);
    assert_int_equal(f.events, 0);
    fixture_del(&f);
}

static void model_new(struct fixture *f, const char *more)
{
    fixture_new(f, more);
    f->source.close(f->source.self);
    support_model_init(&f->model, &f->plane);
    open_with(f, "\"orders\":1,\"stock\":2", more);
}

static void test_held_request_wakes(void **state)
{
    struct fixture f;

    (void)state;
    model_new(&f, ",\"interval\":\"1h\""); /* nothing waits for that */
    support_model_contract(&f.model, 0, 1, 0, 1);
    support_model_contract(&f.model, 1, 2, 0, 1);
    assert_int_equal(load(&f), 0);
    assert_int_equal(contracts(&f), 2);
    assert_true(poll_holds(&f, 2));
    assert_int_equal(poll_source(&f), 0);
    support_plane_lock(&f.plane);
    support_model_remove(&f.model, 1);
    support_plane_unlock(&f.plane);
    assert_int_equal(poll_until(&f), 1);
    assert_int_equal(changes(&f), 0);
    assert_int_equal(f.events, 1);
    assert_int_equal(contracts(&f), 1);
    assert_false(has(&f, "stock", "client-1"));
    assert_true(poll_holds(&f, 2)); /* and is asked again */
    /* A page without contracts is an end, but after a held request no reason to wait. */
    support_plane_lock(&f.plane);
    f.model.tiers[1].revision = ++f.model.revision;
    f.model.tiers[1].maximum = 5;
    support_plane_unlock(&f.plane);
    assert_int_equal(poll_until(&f), 1);
    assert_int_equal(changes(&f), 0);
    for (int i = 0; i < 5 && f.events > 0; i++) { /* each of the two has it */
        poll_source(&f);
        assert_int_equal(changes(&f), 0);
    }
    assert_true(poll_holds(&f, 2));
    fixture_del(&f);
}

/* A list of tiers is all there are. */
static void test_polled_tiers(void **state)
{
    struct fixture f;

    (void)state;
    model_new(&f, ",\"longPoll\":false");
    f.model.polls_tiers = true;
    f.model.tiers[1].revision = ++f.model.revision;
    f.model.tiers[1].maximum = 5;
    f.model.tiers[2] = f.model.tiers[1];
    support_model_contract(&f.model, 0, 1, 1, 1);
    assert_int_equal(load(&f), 0);
    assert_int_equal(clientid__registry_size(f.registry.registry).tiers, 2);
    support_plane_lock(&f.plane);
    f.model.tiers[2].removed = true;
    f.model.tiers[3] = f.model.tiers[1];
    support_model_contract(&f.model, 3, 1, 3, 1); /* of a tier that was not there */
    support_plane_unlock(&f.plane);
    for (int i = 0; i < 2500; i++) {
        if (poll_source(&f) == 1)
            assert_int_equal(changes(&f), 0);
        if (has(&f, "orders", "client-3") &&
            clientid__registry_size(f.registry.registry).tiers == 2)
            break;
        pause_ms(2);
    }
    assert_true(has(&f, "orders", "client-3"));
    assert_int_equal(clientid__registry_size(f.registry.registry).tiers, 2);
    fixture_del(&f);
}

static void test_no_long_poll(void **state)
{
    struct fixture f;

    (void)state;
    fixture_new(&f, ",\"longPoll\":false");
    assert_int_equal(load(&f), 0);
    assert_true(poll_asks(&f, 3));
    assert_null(strstr(f.plane.asked[2], "wait"));
    fixture_del(&f);
}

static void test_gaps(void **state)
{
    struct fixture f;

    (void)state;
    model_new(&f, "");
    f.model.identity = "first";
    support_model_contract(&f.model, 0, 1, 0, 1);
    assert_int_equal(changes(&f), CLIENTID_ERR_GAP); /* it told nothing yet */
    assert_int_equal(f.error.code, 0);
    assert_int_equal(load(&f), 0);
    f.position.revision++;
    assert_int_equal(changes(&f), CLIENTID_ERR_GAP);
    f.position.revision--;
    assert_int_equal(changes(&f), 0);
    assert_true(poll_holds(&f, 2));
    /* The link is forgotten. */
    support_plane_lock(&f.plane);
    support_model_contract(&f.model, 1, 2, 0, 1);
    f.model.forgets = f.model.revision + 1;
    support_plane_unlock(&f.plane);
    assert_int_equal(poll_until(&f), 1);
    assert_int_equal(changes(&f), CLIENTID_ERR_GAP);
    f.model.forgets = 0;
    assert_int_equal(load(&f), 0);
    assert_int_equal(contracts(&f), 2);
    /* Other data, then an older state of it. */
    {
        clientid_position before = f.position;

        assert_true(poll_holds(&f, 2));
        support_plane_lock(&f.plane);
        f.model.identity = "second";
        support_model_contract(&f.model, 2, 1, 0, 1);
        support_plane_unlock(&f.plane);
        assert_int_equal(poll_until(&f), 1);
        assert_int_equal(changes(&f), CLIENTID_ERR_GAP);
        assert_int_equal(load(&f), 0);
        assert_int_not_equal(f.position.identity, before.identity);
    }
    assert_true(poll_holds(&f, 2));
    support_plane_lock(&f.plane);
    f.model.no_hold = true;
    f.model.revision = 1;
    f.model.contracts[1].revision = f.model.contracts[2].revision = 0;
    support_plane_unlock(&f.plane);
    assert_int_equal(poll_until(&f), 1);
    assert_int_equal(changes(&f), CLIENTID_ERR_GAP);
    assert_int_equal(load(&f), 0);
    assert_int_equal(contracts(&f), 1);
    fixture_del(&f);
}

static int refuse(void *self, const clientid_event *event)
{
    (void)self;
    (void)event;
    return -77;
}

static void test_what_the_sink_returns(void **state)
{
    struct fixture f;
    clientid_position before;

    (void)state;
    model_new(&f, "");
    support_model_contract(&f.model, 0, 1, 0, 1);
    assert_int_equal(f.source.load(f.source.self, refuse, NULL, &f.position, NULL), -77);
    assert_int_equal(load(&f), 0);
    assert_true(poll_holds(&f, 2));
    support_plane_lock(&f.plane);
    support_model_contract(&f.model, 1, 2, 0, 1);
    support_plane_unlock(&f.plane);
    assert_int_equal(poll_until(&f), 1);
    before = f.position;
    assert_int_equal(f.source.changes(f.source.self, refuse, NULL, &f.position, NULL), -77);
    assert_memory_equal(&before, &f.position, sizeof(before));
    assert_int_equal(poll_source(&f), 1);
    assert_int_equal(changes(&f), 0);
    assert_int_equal(contracts(&f), 2);
    fixture_del(&f);
}

/* "stock" answers nonsense: a revocation on "orders" gets through, and the trouble is told until it is over. */
static void test_one_fails_the_other_goes_on(void **state)
{
    struct fixture f;

    (void)state;
    model_new(&f, "");
    support_model_contract(&f.model, 0, 1, 0, 1);
    support_model_contract(&f.model, 1, 2, 0, 1);
    assert_int_equal(load(&f), 0);
    assert_true(poll_holds(&f, 2));
    support_plane_lock(&f.plane);
    support_model_contract(&f.model, 2, 2, 5,
                           1); /* of a tier that is not there: a gap, and then no load */
    f.model.polls_tiers = true;
    support_model_remove(&f.model, 0);
    support_plane_unlock(&f.plane);
    for (int i = 0; i < 500 && has(&f, "orders", "client-0"); i++) {
        int rv = poll_source(&f) != 0 ? changes(&f) : 0;

        assert_true(rv == 0 || rv == CLIENTID_ERR_GAP);
        if (rv == CLIENTID_ERR_GAP)
            break;
        pause_ms(2);
    }
    assert_int_equal(load(&f), CLIENTID_ERR_CORRUPT);
    assert_non_null(strstr(f.error.text, "contract"));
    f.model.tiers[5].revision = ++f.model.revision;
    f.model.tiers[5].maximum = 9;
    assert_int_equal(load(&f), 0);
    assert_false(has(&f, "orders", "client-0"));
    assert_true(has(&f, "stock", "client-2"));
    fixture_del(&f);
}

/* ---- TLS ----------------------------------------------------------------------------------------- */

static char *pem_of(BIO *bio)
{
    char *data = NULL;
    long len = BIO_get_mem_data(bio, &data);
    char *out = strndup(data, (size_t)len);

    BIO_free(bio);
    return out;
}

static void self_signed(char **certificate, char **key)
{
    EVP_PKEY *pkey = EVP_EC_gen("P-256");
    X509 *x509 = X509_new();
    X509_NAME *name = X509_get_subject_name(x509);
    X509_EXTENSION *san = X509V3_EXT_conf_nid(NULL, NULL, NID_subject_alt_name, "IP:127.0.0.1");
    BIO *out = BIO_new(BIO_s_mem());

    X509_set_version(x509, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(x509), 1);
    X509_gmtime_adj(X509_getm_notBefore(x509), -3600);
    X509_gmtime_adj(X509_getm_notAfter(x509), 86400);
    X509_set_pubkey(x509, pkey);
    X509_NAME_add_entry_by_txt(name, "CN", MBSTRING_ASC, (const unsigned char *)"127.0.0.1", -1, -1,
                               0);
    X509_set_issuer_name(x509, name);
    X509_add_ext(x509, san, -1);
    assert_true(X509_sign(x509, pkey, EVP_sha256()) > 0);
    assert_int_equal(PEM_write_bio_X509(out, x509), 1);
    *certificate = pem_of(out);
    out = BIO_new(BIO_s_mem());
    assert_int_equal(PEM_write_bio_PrivateKey(out, pkey, NULL, NULL, 0, NULL, NULL), 1);
    *key = pem_of(out);
    X509_EXTENSION_free(san);
    X509_free(x509);
    EVP_PKEY_free(pkey);
}

static void test_tls(void **state)
{
    struct fixture f;
    char *certificate, *key, path[256], more[300];

    (void)state;
    memset(&f, 0, sizeof(f));
    f.folder = folder_new();
    self_signed(&certificate, &key);
    support_plane_new(&f.plane, certificate, key);
    open_with(&f, "\"orders\":1", "");
    assert_int_equal(load(&f), CLIENTID_ERR_UNREACHABLE);
    assert_non_null(strstr(f.error.text, "certificate"));
    assert_int_equal(f.plane.tokens, 0);
    f.source.close(f.source.self);
    snprintf(path, sizeof(path), "%s/ca.pem", f.folder);
    file_write(path, certificate);
    snprintf(more, sizeof(more), ",\"caFile\":\"%s\"", path);
    open_with(&f, "\"orders\":1", more);
    assert_int_equal(load(&f), 0);
    free(certificate);
    free(key);
    fixture_del(&f);
}

/* ---- property: increments lead to what a full load gives --------------------------------------------- */

static void compare(struct fixture *f, uint64_t seed, int step)
{
    char *incremental = support_registry_dump(&f->registry), *full;
    struct fixture other = {.source = {.close = NULL}};
    char uri[256];

    snprintf(uri, sizeof(uri), "anypoint:%s/full.json", f->folder);
    assert_int_equal(clientid_anypoint_source(&other.source, uri, NULL), 0);
    if (load(&other) != 0)
        fail_msg("seed %llu step %d: %s", (unsigned long long)seed, step, other.error.text);
    full = support_registry_dump(&other.registry);
    if (strcmp(incremental, full) != 0)
        fail_msg("seed %llu step %d:\n%s---\n%s", (unsigned long long)seed, step, incremental,
                 full);
    other.source.close(other.source.self);
    drop_registry(&other);
    free(incremental);
    free(full);
}

/* As the sync would, until all requests are held again and nothing is left to tell. */
static void catch_up(struct fixture *f, size_t requests)
{
    for (int i = 0; i < 2500; i++) {
        int rv = poll_source(f);
        bool holds;

        if (rv > 0)
            rv = changes(f);
        if (rv == CLIENTID_ERR_GAP) {
            rv = load(f);
            support_plane_wake(&f->plane); /* those that the load gave up */
        }
        if (rv != 0)
            fail_msg("%d: %s", rv, f->error.text);
        support_plane_lock(&f->plane);
        holds = f->plane.held_count >= requests;
        pthread_mutex_unlock(&f->plane.lock);
        if (holds && poll_source(f) == 0)
            return;
        pause_ms(1);
    }
    fail_msg("never in step");
}

static void random_history(uint64_t seed, bool polls_tiers)
{
    struct fixture f;
    uint64_t chance = seed;
    int contracts_most = 0;

    model_new(&f, "");
    write_config(&f, "full.json", "\"orders\":1,\"stock\":2", ",\"longPoll\":false");
    f.model.page = 1 + support_below(&chance, 6);
    f.model.tombstones = support_below(&chance, 2);
    f.model.polls_tiers = polls_tiers;
    assert_int_equal(load(&f), 0);
    for (int step = 0; step < 40; step++) {
        unsigned changes_count = 1 + (unsigned)support_below(&chance, 12);

        support_plane_lock(&f.plane);
        for (unsigned i = 0; i < changes_count; i++)
            support_model_change(&f.model, &chance);
        if (support_below(&chance, 10) == 0)
            f.model.forgets = f.model.revision + 1;
        support_plane_unlock(&f.plane);
        if (f.model.forgets == 0 && polls_tiers)
            pause_ms(120); /* tiers have an interval of their own */
        if (f.model.forgets != 0) {
            if (poll_until(&f) != 1)
                fail_msg("%s", f.error.text);
            support_plane_lock(&f.plane);
            f.model.forgets = 0;
            support_plane_unlock(&f.plane);
        }
        catch_up(&f, 2);
        if (polls_tiers) { /* the held requests end, as they do every 25 s: then tiers are due */
            f.model.no_hold = true;
            support_plane_wake(&f.plane);
            for (int i = 0; i < 150; i++) {
                if (poll_source(&f) > 0 && changes(&f) == CLIENTID_ERR_GAP)
                    assert_int_equal(load(&f), 0);
                pause_ms(2);
            }
            f.model.no_hold = false;
            catch_up(&f, 2);
        }
        compare(&f, seed, step);
        if ((int)contracts(&f) > contracts_most)
            contracts_most = (int)contracts(&f);
        if (polls_tiers && step == 8)
            break; /* slow */
    }
    assert_true(contracts_most > 5);
    fixture_del(&f);
}

static void test_increments_lead_to_a_load(void **state)
{
    (void)state;
    for (uint64_t seed = 20261128; seed < 20261128 + 12; seed++)
        random_history(seed, false);
}

static void test_increments_with_polled_tiers(void **state)
{
    (void)state;
    random_history(4711, true);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_full_pass),
        cmocka_unit_test(test_increments),
        cmocka_unit_test(test_next_that_is_self),
        cmocka_unit_test(test_no_links),
        cmocka_unit_test(test_secrets),
        cmocka_unit_test(test_malformed),
        cmocka_unit_test(test_circle),
        cmocka_unit_test(test_status_codes),
        cmocka_unit_test(test_out_of_reach),
        cmocka_unit_test(test_tokens),
        cmocka_unit_test(test_token_renewed),
        cmocka_unit_test(test_retry_after),
        cmocka_unit_test(test_retry_after_in_step),
        cmocka_unit_test(test_etag),
        cmocka_unit_test(test_held_request_wakes),
        cmocka_unit_test(test_polled_tiers),
        cmocka_unit_test(test_no_long_poll),
        cmocka_unit_test(test_gaps),
        cmocka_unit_test(test_what_the_sink_returns),
        cmocka_unit_test(test_one_fails_the_other_goes_on),
        cmocka_unit_test(test_tls),
        cmocka_unit_test(test_increments_lead_to_a_load),
        cmocka_unit_test(test_increments_with_polled_tiers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
