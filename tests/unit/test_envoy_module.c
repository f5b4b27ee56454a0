/* SPDX-License-Identifier: Apache-2.0 */
/* The Envoy module in a stand-in for Envoy: every rule of the filter that needs no real one. */
#include "support_envoy_host.h"
#include "support_program.h"
#include "support_sanitizer.h"
#include "support_store.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

static struct support_store store;
static char *folder;
static char config_file[256];

/* ---- memory that ends ------------------------------------------------------------------------ */

#if !SUPPORT_ASAN && !SUPPORT_TSAN
/* Only this thread's allocations fail, and only while a test wants it; glibc offers its own under these names. */
extern void *__libc_malloc(size_t size);
extern void *__libc_calloc(size_t count, size_t size);
extern void *__libc_realloc(void *memory, size_t size);
static _Thread_local unsigned allocations_left; /* 0: no end */
static _Thread_local bool memory_ended;

static bool fails(void)
{
    if (allocations_left == 0 || --allocations_left != 0)
        return false;
    memory_ended = true;
    return true;
}

__attribute__((visibility("default"))) void *malloc(size_t size)
{
    return fails() ? NULL : __libc_malloc(size);
}

__attribute__((visibility("default"))) void *calloc(size_t count, size_t size)
{
    return fails() ? NULL : __libc_calloc(count, size);
}

__attribute__((visibility("default"))) void *realloc(void *memory, size_t size)
{
    return fails() ? NULL : __libc_realloc(memory, size);
}
#endif

/* ---- world ----------------------------------------------------------------------------------- */

static const char apis[] =
    "\"open\":{\"policies\":[]},"
    "\"id\":{\"policies\":[{\"policy\":\"client-id-enforcement\",\"id\":\"query:client_id\"}]},"
    "\"secret\":{\"policies\":[{\"policy\":\"client-id-enforcement\",\"id\":\"header:client_id\","
    "  \"secret\":\"header:client_secret\"}],\"stripCredentials\":\"all\"},"
    "\"basic\":{\"policies\":[{\"policy\":\"client-id-enforcement\",\"basic\":true}]},"
    "\"form\":{\"policies\":[{\"policy\":\"client-id-enforcement\",\"id\":\"form:client_id\","
    "  \"secret\":\"form:client_secret\"}]},"
    "\"tier\":{\"policies\":[{\"policy\":\"rate-limiting-sla-based\",\"id\":\"query:client_id\","
    "  \"exposeHeaders\":true}]},"
    "\"two\":{\"policies\":[{\"policy\":\"rate-limiting\",\"limits\":[\"2/1d\"],"
    "  \"exposeHeaders\":true}]},"
    "\"slow\":{\"policies\":[{\"policy\":\"spike-control\",\"limit\":\"1/300ms\","
    "  \"algorithm\":\"fixed-window\",\"delay\":\"20ms\",\"attempts\":100,\"queue\":2}]},"
    "\"stuck\":{\"policies\":[{\"policy\":\"spike-control\",\"limit\":\"1/1h\","
    "  \"algorithm\":\"fixed-window\",\"delay\":\"1h\",\"attempts\":1,\"queue\":1}]},"
    "\"once\":{\"policies\":[{\"policy\":\"spike-control\",\"limit\":\"1/1h\","
    "  \"algorithm\":\"fixed-window\",\"delay\":\"10ms\",\"attempts\":2,\"queue\":5}]},"
    "\"slow-form\":{\"policies\":[{\"policy\":\"client-id-enforcement\",\"id\":\"form:client_id\"},"
    "  {\"policy\":\"spike-control\",\"limit\":\"1/200ms\",\"algorithm\":\"fixed-window\","
    "  \"delay\":\"20ms\",\"attempts\":100,\"queue\":2}]}";

static void write_config(const char *more)
{
    char text[8192];
    snprintf(text, sizeof text, "{\"store\":\"%s\",\"apis\":{%s%s}}", store.uri, apis, more);
    /* Renamed, so that nobody reads half a file. */
    char beside[300];
    snprintf(beside, sizeof beside, "%s.new", config_file);
    file_write(beside, text);
    assert_int_equal(rename(beside, config_file), 0);
}

static const void *filter_of(const char *format_api, const char *more)
{
    char json[1024];
    snprintf(json, sizeof json, "{\"config\":\"%s\",\"api\":%s%s}", config_file, format_api, more);
    return host_config(json);
}

static const void *filter(const char *api)
{
    char quoted[64];
    snprintf(quoted, sizeof quoted, "\"%s\"", api);
    const void *config = filter_of(quoted, "");
    if (config == NULL)
        fail_msg("%s", host_log());
    return config;
}

static void sleep_ms(unsigned ms)
{
    const struct timespec time = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&time, NULL);
}

/* Until contracts are loaded the gatekeeper denies. */
static void wait_for_contracts(void)
{
    const void *config = filter("id");
    for (unsigned i = 0; i < 500; i++) {
        struct host_stream s;
        host_stream_new(&s, config, NULL, "GET /?client_id=alice HTTP/1.1");
        bool there = host_headers(&s, true) == HOST_CONTINUE;
        host_stream_del(&s);
        if (there) {
            host_config_del(config);
            return;
        }
        sleep_ms(20);
    }
    fail_msg("no contracts: %s", host_log());
}

static int setup(void **state)
{
    (void)state;
    static const char *const names[] = {"id", "secret", "basic", "form", "tier", "slow-form"};
    const char *build = getenv("CLIENTID_TEST_BUILD");
    char module[256];
    snprintf(module, sizeof module, "%s/envoy/libclientid_envoy.so",
             build != NULL ? build : "build");
    host_load(module);
    folder = folder_new();
    snprintf(config_file, sizeof config_file, "%s/gateway.json", folder);
    support_store_new(&store);
    uint64_t alice = support_new_application(&store, "alice");
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        uint64_t api = support_new_api(&store, names[i]);
        support_new_contract(&store, alice, api, support_new_tier(&store, api, "gold", true));
    }
    write_config("");
    wait_for_contracts();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    support_store_del(&store);
    folder_del(folder);
    return 0;
}

/* ---- one request ----------------------------------------------------------------------------- */

struct row {
    const char *name;
    const char *api;
    const char *head;
    int status; /* 0: it goes on */
    const char *details;
    const char *path;   /* as it goes on, NULL: as it came */
    const char *absent; /* header that must not go on */
};

static const struct row rows[] = {
    {"an open API lets all in", "open", "GET /a?b=c HTTP/1.1", 0, NULL, NULL, NULL},
    {"a client with a contract", "id", "GET /a?client_id=alice HTTP/1.1", 0, NULL, "/a", NULL},
    {"other parameters stay, byte for byte", "id",
     "GET /a%2Fb?x=%31&client_id=alice&y=a+b&&= HTTP/1.1", 0, NULL, "/a%2Fb?x=%31&y=a+b&&=", NULL},
    {"no client", "id", "GET /a HTTP/1.1", 401, "clientid_client_id_missing", NULL, NULL},
    {"an unknown client", "id", "GET /a?client_id=bob HTTP/1.1", 401, "clientid_client_unknown",
     NULL, NULL},
    {"two readings", "id", "GET /a?client_id=alice&client_id=bob HTTP/1.1", 401,
     "clientid_credentials_ambiguous", NULL, NULL},
    {"id and secret in headers", "secret",
     "GET /a HTTP/1.1\nclient_id: alice\nclient_secret: secret-of-alice", 0, NULL, NULL,
     "client_secret"},
    {"the header of the id, where all is stripped", "secret",
     "GET /a HTTP/1.1\nclient_id: alice\nclient_secret: secret-of-alice", 0, NULL, NULL,
     "client_id"},
    {"a wrong secret", "secret", "GET /a HTTP/1.1\nclient_id: alice\nclient_secret: wrong", 401,
     "clientid_client_secret_wrong", NULL, NULL},
    {"the same header twice", "secret",
     "GET /a HTTP/1.1\nclient_id: alice\nclient_id: alice\nclient_secret: secret-of-alice", 401,
     "clientid_credentials_ambiguous", NULL, NULL},
    {"Basic", "basic", "GET /a HTTP/1.1\nauthorization: Basic YWxpY2U6c2VjcmV0LW9mLWFsaWNl", 0,
     NULL, NULL, "authorization"},
    {"Basic, two lines joined by Envoy", "basic",
     "GET /a HTTP/1.1\nauthorization: Basic YWxpY2U6c2VjcmV0LW9mLWFsaWNl,Basic "
     "YWxpY2U6c2VjcmV0LW9mLWFsaWNl",
     401, "clientid_credentials_ambiguous", NULL, NULL},
};

static void decides(void **state)
{
    const struct row *row = *state;
    const void *config = filter(row->api);
    struct host_stream s;
    host_stream_new(&s, config, NULL, row->head);
    char *before = strdup(host_get(&s.request, ":path", 0));
    int rv = host_headers(&s, true);
    if (row->status == 0) {
        assert_int_equal(s.reply.count, 0);
        assert_int_equal(rv, HOST_CONTINUE);
        assert_string_equal(host_get(&s.request, ":path", 0),
                            row->path != NULL ? row->path : before);
        if (row->absent != NULL)
            assert_null(host_get(&s.request, row->absent, 0));
    } else {
        assert_int_equal(rv, HOST_STOP);
        assert_int_equal(s.reply.count, 1);
        assert_int_equal(s.reply.status, row->status);
        assert_string_equal(s.reply.details, row->details);
        assert_string_equal(host_get(&s.reply.headers, "content-type", 0), "application/json");
    }
    free(before);
    host_stream_del(&s);
    host_config_del(config);
}

static void identity_is_the_decisions(void **state)
{
    (void)state;
    static const char spoof[] =
        "\nx-client-id: mallory\nx.client.id: mallory\nx_client_name: mallory\n"
        "x-client_tier: mallory\nx-client-id: mallory\nx-other: 1";
    char head[512];
    const void *config = filter("id");
    struct host_stream s;
    snprintf(head, sizeof head, "GET /a?client_id=alice HTTP/1.1%s", spoof);
    host_stream_new(&s, config, NULL, head);
    assert_int_equal(host_headers(&s, true), HOST_CONTINUE);
    assert_string_equal(host_get(&s.request, "x-client-id", 0), "alice");
    assert_null(host_get(&s.request, "x-client-id", 1));
    assert_non_null(host_get(&s.request, "x-client-name", 0));
    assert_string_equal(host_get(&s.request, "x-client-tier", 0), "gold");
    assert_null(host_get(&s.request, "x_client_name", 0));
    assert_null(host_get(&s.request, "x-client_tier", 0));
    assert_string_equal(host_get(&s.request, "x-other", 0), "1");
    assert_string_equal(host_get(&s.metadata, "clientid:id", 0), "alice");
    assert_string_equal(host_get(&s.metadata, "clientid:tier", 0), "gold");
    assert_string_equal(host_get(&s.metadata, "clientid:reason", 0), "allowed");
    assert_string_equal(host_get(&s.state, "clientid.id", 0), "alice");
    host_stream_del(&s);
    host_config_del(config);

    /* Also where nobody is identified, or nothing checked. */
    static const char *const unchecked[] = {"\"open\"", "\"off\"", "null"};
    for (size_t i = 0; i < 3; i++) {
        config = filter_of(unchecked[i], "");
        snprintf(head, sizeof head, "GET /a?client_id=alice HTTP/1.1%s", spoof);
        host_stream_new(&s, config, NULL, head);
        assert_int_equal(host_headers(&s, true), HOST_CONTINUE);
        assert_null(host_get(&s.request, "x-client-id", 0));
        assert_null(host_get(&s.request, "x_client_name", 0));
        assert_string_equal(host_get(&s.request, "x-other", 0), "1");
        assert_string_equal(host_get(&s.request, ":path", 0), "/a?client_id=alice");
        assert_int_equal(s.state.count, 0);
        host_stream_del(&s);
        host_config_del(config);
    }
}

static void trailers_say_nobody(void **state)
{
    (void)state;
    static const char *const apis_of[] = {"\"id\"", "\"off\""};
    for (size_t i = 0; i < 2; i++) {
        const void *config = filter_of(apis_of[i], "");
        struct host_stream s;
        host_stream_new(&s, config, NULL, "POST /a?client_id=alice HTTP/1.1");
        host_trailer(&s, "x-client-id", "mallory");
        host_trailer(&s, "x_client_name", "mallory");
        host_trailer(&s, "x-client-id", "mallory");
        host_trailer(&s, "checksum", "1");
        assert_int_equal(host_headers(&s, false), HOST_CONTINUE);
        assert_int_equal(host_body(&s, "abc", 3, false), HOST_CONTINUE);
        assert_int_equal(host_trailers(&s), HOST_CONTINUE);
        assert_int_equal(s.trailers.count, 1);
        assert_string_equal(host_get(&s.trailers, "checksum", 0), "1");
        host_stream_del(&s);
        host_config_del(config);
    }
}

static void identity_headers_by_choice(void **state)
{
    (void)state;
    const void *config =
        filter_of("\"id\"", ",\"identityHeaders\":{\"id\":\"X-App\",\"name\":null},"
                            "\"metadata\":\"who\",\"filterState\":null");
    struct host_stream s;
    host_stream_new(&s, config, NULL, "GET /a?client_id=alice HTTP/1.1\nx-app: m\nx-client-id: c");
    assert_int_equal(host_headers(&s, true), HOST_CONTINUE);
    assert_string_equal(host_get(&s.request, "x-app", 0), "alice");
    assert_null(host_get(&s.request, "x-client-name", 0));
    assert_string_equal(host_get(&s.request, "x-client-tier", 0), "gold");
    assert_string_equal(host_get(&s.request, "x-client-id", 0), "c"); /* not ours any more */
    assert_string_equal(host_get(&s.metadata, "who:id", 0), "alice");
    assert_int_equal(s.state.count, 0);
    host_stream_del(&s);
    host_config_del(config);
}

/* More lines than fit the stack, more to be removed than fit the first list, and a target that does not fit. */
static void large_requests(void **state)
{
    (void)state;
    static char head[65536];
    size_t len = (size_t)snprintf(head, sizeof head,
                                  "GET /%05000d?client_id=alice&x=%03000d HTTP/1.1", 1, 2);
    for (unsigned i = 0; i < 100; i++)
        len += (size_t)snprintf(head + len, sizeof head - len, "\nx-%s-id: %u",
                                i % 2 ? "client" : "other", i);
    const void *config = filter("id");
    struct host_stream s;
    host_stream_new(&s, config, NULL, head);
    assert_int_equal(host_headers(&s, true), HOST_CONTINUE);
    assert_string_equal(host_get(&s.request, "x-client-id", 0), "alice");
    assert_null(host_get(&s.request, "x-client-id", 1));
    assert_non_null(host_get(&s.request, "x-other-id", 49));
    assert_int_equal(strlen(host_get(&s.request, ":path", 0)), 1 + 5000 + 1 + 2 + 3000);
    host_stream_del(&s);
    host_config_del(config);
}

static void refusals_are_explained(void **state)
{
    (void)state;
    uint64_t before = host_stat("clientid.client_unknown");
    uint64_t decisions = host_stat("clientid.decision_ns");
    const void *config = filter("id");
    struct host_stream s;
    host_stream_new(&s, config, NULL, "GET /a?client_id=b%C3%B6b HTTP/1.1");
    s.dies_in_reply = true;
    assert_int_equal(host_headers(&s, true), HOST_STOP);
    assert_string_equal(host_get(&s.metadata, "clientid:reason", 0), "client-unknown");
    assert_string_equal(host_get(&s.request, ":path", 0), "/a"); /* as access logs show it */
    assert_string_equal(host_get(&s.metadata, "clientid:id", 0), "b\xc3\xb6"
                                                                 "b");
    assert_null(host_get(&s.metadata, "clientid:tier", 0));
    assert_non_null(host_get(&s.reply.headers, "www-authenticate", 0));
    assert_int_equal(host_stat("clientid.client_unknown"), before + 1);
    for (unsigned i = 0; i < 32; i++) { /* one in 16 is measured */
        host_stream_del(&s);
        host_stream_new(&s, config, NULL, "GET /a HTTP/1.1");
        assert_int_equal(host_headers(&s, true), HOST_STOP);
    }
    assert_in_range(host_stat("clientid.decision_ns"), decisions + 2, decisions + 3);
    host_stream_del(&s);
    host_config_del(config);
}

static void grpc_gets_a_status(void **state)
{
    (void)state;
    const void *config = filter("id");
    struct host_stream s;
    host_stream_new(&s, config, NULL, "POST /a HTTP/2\ncontent-type: application/grpc+proto");
    assert_int_equal(host_headers(&s, false), HOST_STOP);
    assert_string_equal(host_get(&s.reply.headers, "grpc-status", 0), "16");
    host_stream_del(&s);
    host_stream_new(&s, config, NULL, "POST /a HTTP/2\ncontent-type: application/grpc-web");
    assert_int_equal(host_headers(&s, false), HOST_STOP);
    assert_null(host_get(&s.reply.headers, "grpc-status", 0));
    host_stream_del(&s);
    host_config_del(config);
}

/* ---- quota ----------------------------------------------------------------------------------- */

static int ask(const void *config, const void *route, const char *head)
{
    struct host_stream s;
    host_stream_new(&s, config, route, head);
    int rv = host_headers(&s, true);
    int status = rv == HOST_CONTINUE ? 0 : (int)s.reply.status;
    host_stream_del(&s);
    return status;
}

static void quota_headers(void **state)
{
    (void)state;
    const void *config = filter("tier");
    struct host_stream s;
    host_stream_new(&s, config, NULL, "GET /a?client_id=alice HTTP/1.1");
    assert_int_equal(host_headers(&s, true), HOST_CONTINUE);
    assert_null(host_get(&s.response, "x-ratelimit-limit", 0));
    assert_int_equal(host_response(&s), HOST_CONTINUE);
    assert_string_equal(host_get(&s.response, "x-ratelimit-limit", 0), "100");
    assert_string_equal(host_get(&s.response, "x-ratelimit-remaining", 0), "99");
    assert_string_equal(host_get(&s.response, "cache-control", 0), "private");
    assert_string_equal(host_get(&s.metadata, "clientid:remaining", 0), "99");
    host_stream_del(&s);
    host_config_del(config);
}

static void state_outlives_configurations(void **state)
{
    (void)state;
    const void *config = filter("two");
    assert_int_equal(ask(config, NULL, "GET /a HTTP/1.1"), 0);
    host_config_del(config);
    config = filter("two");
    assert_int_equal(ask(config, NULL, "GET /a HTTP/1.1"), 0);
    const void *other = filter("two");
    host_config_del(config);
    assert_int_equal(ask(other, NULL, "GET /a HTTP/1.1"), 429);
    write_config(",\"new\":{\"policies\":[]}");
    config = filter("new"); /* reloads */
    assert_non_null(strstr(host_log(), "new configuration in force"));
    assert_int_equal(ask(other, NULL, "GET /a HTTP/1.1"), 429);
    host_config_del(config);
    host_config_del(other);
    write_config("");
}

static void refunds_what_nobody_saw(void **state)
{
    (void)state;
    static const struct {
        const char *name;
        uint64_t flags;
        uint64_t attempts;
        const char *details;
        bool back;
    } cases[] = {
        {"no flag", 0, 1, "via_upstream", false},
        {"not connected", 1 << 5, 1, "upstream_reset_before_response_started{x}", true},
        {"no host", 1 << 1, 1, "no_healthy_upstream", true},
        {"no route", 1 << 8, 0, "route_not_found", true},
        {"no cluster", 1 << 24, 0, "cluster_not_found", true},
        {"too many", 1 << 7, 1, "upstream_reset_before_response_started{overflow}", true},
        {"the connection ended", 1 << 6, 1, "upstream_reset_before_response_started{x}", false},
        {"retries", 1 << 5 | 1 << 15, 1, "upstream_reset_before_response_started{x}", false},
        {"an answer that could not be retried", 1 << 7, 1, "via_upstream", false},
        {"not the first attempt", 1 << 1, 2, "no_healthy_upstream", false},
        {"nothing known", 1 << 5, 1, NULL, false},
    };
    const void *config = filter("tier");
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct host_stream s;
        uint64_t before = host_stat("clientid.refunded");
        host_stream_new(&s, config, NULL, "GET /a?client_id=alice HTTP/1.1");
        assert_int_equal(host_headers(&s, true), HOST_CONTINUE);
        long left = strtol(host_get(&s.metadata, "clientid:remaining", 0), NULL, 10);
        s.response_flags = cases[i].flags;
        s.attempts = cases[i].attempts;
        s.details = cases[i].details;
        host_response(&s);
        host_response(&s); /* once */
        host_stream_del(&s);
        host_stream_new(&s, config, NULL, "GET /a?client_id=alice HTTP/1.1");
        assert_int_equal(host_headers(&s, true), HOST_CONTINUE);
        if (strtol(host_get(&s.metadata, "clientid:remaining", 0), NULL, 10) !=
            left - !cases[i].back)
            fail_msg("%s", cases[i].name);
        assert_int_equal(host_stat("clientid.refunded"), before + cases[i].back);
        host_stream_del(&s);
    }
    host_config_del(config);
}

/* ---- waiting --------------------------------------------------------------------------------- */

static void delayed_until_quota(void **state)
{
    (void)state;
    const void *config = filter("slow");
    struct host_stream s;
    assert_int_equal(ask(config, NULL, "GET /a HTTP/1.1"), 0);
    host_stream_new(&s, config, NULL, "GET /a?x=1 HTTP/1.1\nx-client-id: m");
    assert_int_equal(host_headers(&s, true), HOST_STOP_ALL_AND_WATERMARK);
    while (s.continued == 0)
        assert_true(host_wait(&s, 5000));
    assert_true(s.events >= 2); /* 300 ms in steps of 20 */
    assert_int_equal(s.reply.count, 0);
    assert_null(host_get(&s.request, "x-client-id", 0));
    assert_true(strtol(host_get(&s.metadata, "clientid:delay", 0), NULL, 10) >= 40);
    assert_int_equal(host_schedulers(), 0);
    assert_int_equal(host_body(&s, "abc", 3, true), HOST_CONTINUE);
    host_stream_del(&s);
    host_config_del(config);
}

static void delays_end_in_a_refusal(void **state)
{
    (void)state;
    const void *config = filter("once");
    struct host_stream s;
    assert_int_equal(ask(config, NULL, "GET /a HTTP/1.1"), 0);
    host_stream_new(&s, config, NULL, "GET /a HTTP/1.1");
    s.dies_in_reply = true;
    assert_int_equal(host_headers(&s, true), HOST_STOP_ALL_AND_WATERMARK);
    while (s.reply.count == 0)
        assert_true(host_wait(&s, 5000));
    assert_int_equal(s.events, 2);
    assert_int_equal(s.continued, 0);
    assert_int_equal(s.reply.status, 429);
    assert_string_equal(s.reply.details, "clientid_delays_exhausted");
    assert_int_equal(host_schedulers(), 0);
    host_stream_del(&s);
    host_config_del(config);
}

static void a_client_that_leaves_frees_its_place(void **state)
{
    (void)state;
    uint64_t before = host_stat("clientid.abandoned");
    const void *config = filter("stuck");
    struct host_stream s, late;
    assert_int_equal(ask(config, NULL, "GET /a HTTP/1.1"), 0);
    for (unsigned i = 0; i < 3; i++) {
        host_stream_new(&s, config, NULL, "GET /a HTTP/1.1");
        assert_int_equal(host_headers(&s, true), HOST_STOP_ALL_AND_WATERMARK);
        host_stream_new(&late, config, NULL, "GET /a HTTP/1.1");
        assert_int_equal(host_headers(&late, true), HOST_STOP);
        assert_string_equal(late.reply.details, "clientid_queue_full");
        host_stream_del(&late);
        host_stream_del(&s);
        assert_int_equal(host_schedulers(), 0);
    }
    assert_int_equal(host_stat("clientid.abandoned"), before + 3);
    host_config_del(config);
}

/* A time limit of Envoy's, or another filter, while it waits. */
static void an_answer_of_others_ends_the_wait(void **state)
{
    (void)state;
    const void *config = filter("stuck");
    struct host_stream s;
    (void)ask(config, NULL, "GET /a HTTP/1.1");
    for (unsigned i = 0; i < 3; i++) { /* the queue has room for one */
        host_stream_new(&s, config, NULL, "GET /a HTTP/1.1");
        assert_int_equal(host_headers(&s, true), HOST_STOP_ALL_AND_WATERMARK);
        host_response(&s);
        assert_int_equal(host_schedulers(), 0);
        assert_int_equal(s.continued + s.reply.count, 0);
        host_stream_del(&s);
    }
    host_config_del(config);
}

static void without_a_timer_nothing_waits(void **state)
{
    (void)state;
    const void *config = filter("stuck");
    struct host_stream s;
    (void)ask(config, NULL, "GET /a HTTP/1.1");
    host_no_scheduler = true;
    host_stream_new(&s, config, NULL, "GET /a HTTP/1.1");
    assert_int_equal(host_headers(&s, true), HOST_STOP);
    assert_int_equal(s.reply.status, 503);
    assert_string_equal(s.reply.details, "clientid_undecided");
    host_stream_del(&s);
    host_no_scheduler = false;
    host_stream_new(&s, config, NULL, "GET /a HTTP/1.1"); /* the place is free */
    assert_int_equal(host_headers(&s, true), HOST_STOP_ALL_AND_WATERMARK);
    host_stream_del(&s);
    host_config_del(config);
}

/* ---- bodies ---------------------------------------------------------------------------------- */

#define FORM      "POST /a HTTP/1.1\ncontent-type: application/x-www-form-urlencoded"
#define GOOD_BODY "client_id=alice&client_secret=secret-of-alice"

static void bodies(void **state)
{
    (void)state;
    const void *config = filter("form");
    struct host_stream s;
    const char good[] = GOOD_BODY;
    size_t len = sizeof good - 1;

    host_stream_new(&s, config, NULL, FORM); /* in one piece */
    assert_int_equal(host_headers(&s, false), HOST_STOP);
    assert_int_equal(host_body(&s, good, len, true), HOST_CONTINUE);
    assert_string_equal(host_get(&s.request, "x-client-id", 0), "alice");
    assert_int_equal(s.buffered_len, 0);
    host_stream_del(&s);

    host_stream_new(&s, config, NULL, FORM); /* in three */
    assert_int_equal(host_headers(&s, false), HOST_STOP);
    assert_int_equal(host_body(&s, good, 7, false), HOST_STOP);
    assert_int_equal(host_body(&s, good + 7, 20, false), HOST_STOP);
    assert_int_equal(host_body(&s, good + 27, len - 27, true), HOST_CONTINUE);
    assert_memory_equal(s.buffered, good, len);
    assert_string_equal(host_get(&s.request, "x-client-id", 0), "alice");
    host_stream_del(&s);

    host_stream_new(&s, config, NULL, FORM); /* ended by trailers */
    assert_int_equal(host_headers(&s, false), HOST_STOP);
    assert_int_equal(host_body(&s, good, len, false), HOST_STOP);
    assert_null(host_get(&s.request, "x-client-id", 0));
    assert_int_equal(host_trailers(&s), HOST_CONTINUE);
    assert_string_equal(host_get(&s.request, "x-client-id", 0), "alice");
    host_stream_del(&s);

    host_stream_new(&s, config, NULL,
                    FORM); /* from an earlier filter's buffer, not to be read twice */
    assert_int_equal(host_headers(&s, false), HOST_STOP);
    assert_int_equal(host_body_buffered(&s, good, len), HOST_CONTINUE);
    host_stream_del(&s);

    host_stream_new(&s, config, NULL, FORM); /* none at all */
    assert_int_equal(host_headers(&s, true), HOST_STOP);
    assert_string_equal(s.reply.details, "clientid_client_id_missing");
    host_stream_del(&s);

    host_stream_new(&s, config, NULL, FORM); /* wrong */
    assert_int_equal(host_headers(&s, false), HOST_STOP);
    assert_int_equal(host_body(&s, "client_id=alice&client_secret=x", 31, true),
                     HOST_BODY_NO_BUFFER);
    assert_string_equal(s.reply.details, "clientid_client_secret_wrong");
    assert_int_equal(host_trailers(&s), HOST_STOP);
    host_stream_del(&s);
    host_config_del(config);
}

static void bodies_that_are_too_large(void **state)
{
    (void)state;
    static char big[3000];
    memset(big, 'a', sizeof big);
    const void *config = filter_of("\"form\"", ",\"maxBodyBytes\":2048");
    struct host_stream s;

    host_stream_new(&s, config, NULL, FORM "\ncontent-length: 2049"); /* announced */
    assert_int_equal(host_headers(&s, false), HOST_STOP);
    assert_int_equal(s.reply.status, 413);
    host_stream_del(&s);

    host_stream_new(&s, config, NULL, FORM); /* found out */
    assert_int_equal(host_headers(&s, false), HOST_STOP);
    assert_int_equal(host_body(&s, big, 2000, false), HOST_STOP);
    assert_int_equal(host_body(&s, big, 49, false), HOST_BODY_NO_BUFFER);
    assert_int_equal(s.reply.status, 413);
    assert_string_equal(s.reply.details, "clientid_body_too_large");
    host_stream_del(&s);

    host_stream_new(&s, config, NULL, FORM "\ncontent-length: 2048"); /* just not */
    s.buffer_limit = 1024;
    assert_int_equal(host_headers(&s, false), HOST_STOP);
    assert_int_equal(s.buffer_limit, 2048);
    assert_int_equal(host_body(&s, big, 2048, true), HOST_BODY_NO_BUFFER);
    assert_int_equal(s.reply.status, 401);
    host_stream_del(&s);
    host_config_del(config);

    config = filter_of("\"form\"", ",\"maxBodyBytes\":2048,\"mode\":\"shadow\"");
    host_stream_new(&s, config, NULL, FORM); /* lets the rest stream */
    assert_int_equal(host_headers(&s, false), HOST_STOP);
    assert_int_equal(host_body(&s, big, 2049, false), HOST_CONTINUE);
    assert_int_equal(host_body(&s, big, 3000, true), HOST_CONTINUE);
    host_stream_del(&s);
    host_config_del(config);
}

static void a_body_waits_too(void **state)
{
    (void)state;
    const void *config = filter("slow-form");
    struct host_stream s;
    for (unsigned i = 0; i < 2; i++) { /* one of the two, at least, waits */
        host_stream_new(&s, config, NULL, FORM);
        assert_int_equal(host_headers(&s, false), HOST_STOP);
        int rv = i == 0 ? host_body(&s, "client_id=alice", 15, true) : -1;
        if (i == 1) {
            assert_int_equal(host_body(&s, "client_id=alice", 15, false), HOST_STOP);
            assert_int_equal(host_trailers(&s), HOST_STOP);
            rv = HOST_BODY_AND_WATERMARK;
        }
        if (rv == HOST_BODY_AND_WATERMARK) {
            assert_int_equal(host_body(&s, "", 0, false), HOST_BODY_AND_WATERMARK);
            while (s.continued == 0)
                assert_true(host_wait(&s, 5000));
        }
        assert_int_equal(s.reply.count, 0);
        assert_string_equal(host_get(&s.request, "x-client-id", 0), "alice");
        host_stream_del(&s);
    }
    assert_int_equal(host_schedulers(), 0);
    host_config_del(config);
}

/* ---- routes and modes ------------------------------------------------------------------------ */

static void routes_choose(void **state)
{
    (void)state;
    const void *config = filter("id");
    const void *off = host_route("{\"api\":\"off\"}");
    const void *null = host_route("{\"api\":null}");
    const void *secret = host_route("{\"api\":\"secret\"}");
    const void *shadowed = host_route("{\"api\":\"secret\",\"mode\":\"shadow\"}");
    assert_int_equal(ask(config, NULL, "GET /a HTTP/1.1"), 401);
    assert_int_equal(ask(config, off, "GET /a HTTP/1.1"), 0);
    assert_int_equal(ask(config, null, "GET /a HTTP/1.1"), 0);
    assert_int_equal(ask(config, secret, "GET /a?client_id=alice HTTP/1.1"), 401);
    assert_int_equal(
        ask(config, secret, "GET /a HTTP/1.1\nclient_id: alice\nclient_secret: secret-of-alice"),
        0);
    assert_int_equal(ask(config, shadowed, "GET /a HTTP/1.1"), 0);
    host_config_del(config);

    config = filter_of("null", ""); /* protected by its routes alone */
    assert_int_equal(ask(config, NULL, "GET /a HTTP/1.1"), 0);
    assert_int_equal(ask(config, secret, "GET /a HTTP/1.1"), 401);
    host_config_del(config);

    config = filter_of("\"id\"", ",\"mode\":\"shadow\"");
    const void *enforced = host_route("{\"api\":\"id\",\"mode\":\"enforce\"}");
    assert_int_equal(ask(config, secret, "GET /a HTTP/1.1"), 0);
    assert_int_equal(ask(config, enforced, "GET /a HTTP/1.1"), 401);
    host_config_del(config);
    host_route_del(off);
    host_route_del(null);
    host_route_del(secret);
    host_route_del(shadowed);
    host_route_del(enforced);
}

static void a_route_may_name_another_file(void **state)
{
    (void)state;
    char file[300], json[512];
    snprintf(file, sizeof file, "%s/elsewhere.json", folder);
    file_write(file, "{\"apis\":{\"open\":{\"policies\":[{\"policy\":\"rate-limiting\","
                     "\"limits\":[\"1/1d\"]}]}}}");
    snprintf(json, sizeof json, "{\"config\":\"%s\",\"api\":\"open\"}", file);
    const void *config = filter("open");
    const void *route = host_route(json);
    assert_non_null(route);
    assert_int_equal(ask(config, route, "GET /a HTTP/1.1"), 0);
    assert_int_equal(ask(config, route, "GET /a HTTP/1.1"), 429);
    assert_int_equal(ask(config, NULL, "GET /a HTTP/1.1"), 0);
    host_route_del(route);
    host_config_del(config);
}

static void unknown_api_instances_stay_closed(void **state)
{
    (void)state;
    char json[512];
    const void *config = filter("open");
    const void *route = host_route("{\"api\":\"nobody\"}");
    const void *shadowed = host_route("{\"api\":\"nobody\",\"mode\":\"shadow\"}");
    host_log_clear();
    for (unsigned i = 0; i < 3; i++)
        assert_int_equal(ask(config, route, "GET /a HTTP/1.1"), 503);
    assert_int_equal(ask(config, shadowed, "GET /a HTTP/1.1"), 503);
    unsigned said = 0;
    for (const char *at = host_log(); (at = strstr(at, "no API instance \"nobody\"")) != NULL; at++)
        said++;
    assert_int_equal(said, 2); /* once for each route */
    host_route_del(route);
    host_route_del(shadowed);
    host_config_del(config);

    assert_null(filter_of("\"nobody\"", ""));
    snprintf(json, sizeof json, "{\"config\":\"%s\",\"api\":\"nobody\"}", config_file);
    assert_null(host_route(json));
    snprintf(json, sizeof json, "{\"config\":\"%s\",\"api\":\"secret\"}", config_file);
    route = host_route(json);
    assert_non_null(route);
    config = filter("open");
    assert_int_equal(ask(config, route, "GET /a HTTP/1.1"), 401);
    host_route_del(route);
    host_config_del(config);
}

static void shadow_counts_and_lets_pass(void **state)
{
    (void)state;
    const void *config = filter_of("\"once\"", ",\"mode\":\"shadow\"");
    struct host_stream s;
    (void)ask(config, NULL, "GET /a HTTP/1.1");
    uint64_t before = host_stat("clientid.shadowed");
    for (unsigned i = 0; i < 8; i++) /* more than the queue holds: nobody stays in it */
        assert_int_equal(ask(config, NULL, "GET /a HTTP/1.1"), 0);
    assert_int_equal(host_stat("clientid.shadowed"), before + 8);
    assert_int_equal(host_schedulers(), 0);
    host_config_del(config);

    config = filter_of("\"secret\"", ",\"mode\":\"shadow\"");
    host_stream_new(&s, config, NULL,
                    "GET /a HTTP/1.1\nclient_id: alice\nclient_secret: wrong\nx-client-id: m");
    assert_int_equal(host_headers(&s, true), HOST_CONTINUE);
    assert_null(host_get(&s.request, "client_secret", 0));
    assert_null(host_get(&s.request, "x-client-id", 0));
    assert_null(host_get(&s.metadata, "clientid:id", 0)); /* not verified, and it goes on */
    assert_string_equal(host_get(&s.metadata, "clientid:reason", 0), "client-secret-wrong");
    assert_int_equal(s.state.count, 0);
    host_stream_del(&s);
    host_config_del(config);
}

static void metrics_by_path(void **state)
{
    (void)state;
    const void *config = filter_of("\"id\"", ",\"metricsPath\":\"/metrics\"");
    struct host_stream s;
    host_stream_new(&s, config, NULL, "GET /metrics?x HTTP/1.1");
    assert_int_equal(host_headers(&s, true), HOST_STOP);
    assert_int_equal(s.reply.status, 200);
    assert_non_null(strstr(s.reply.body, "clientid_decisions_total"));
    host_stream_del(&s);
    assert_int_equal(ask(config, NULL, "POST /metrics HTTP/1.1"), 401);
    assert_int_equal(ask(config, NULL, "GET /metrics/ HTTP/1.1"), 401);
    host_config_del(config);
}

/* ---- configurations -------------------------------------------------------------------------- */

static void bad_configurations_are_refused(void **state)
{
    (void)state;
    static const struct {
        const char *json;
        const char *says;
    } cases[] = {
        {"", "1:"},
        {"{", "1:"},
        {"[]", "must be an object"},
        {"{\"config\":\"@\"}", "\"config\" and \"api\" are needed"},
        {"{\"api\":\"id\"}", "\"config\" and \"api\" are needed"},
        {"{\"config\":\"@\",\"api\":\"id\",\"api\":\"id\"}", "duplicate"},
        {"{\"config\":\"@\",\"api\":\"id\",\"apis\":1}", "/apis: unknown key"},
        {"{\"config\":\"@\",\"api\":1}", "/api: must be a string"},
        {"{\"config\":\"@\",\"api\":\"\"}", "/api: must be a string"},
        {"{\"config\":\"@\",\"api\":\"id\",\"mode\":\"open\"}", "/mode: must be"},
        {"{\"config\":\"@\",\"api\":\"id\",\"maxBodyBytes\":1}", "/maxBodyBytes: must be"},
        {"{\"config\":\"@\",\"api\":\"id\",\"maxBodyBytes\":2048.5}", "/maxBodyBytes: must be"},
        {"{\"config\":\"@\",\"api\":\"id\",\"metricsPath\":\"x\"}", "/metricsPath: must be"},
        {"{\"config\":\"@\",\"api\":\"id\",\"metadata\":\"\"}", "/metadata: must be"},
        {"{\"config\":\"@\",\"api\":\"id\",\"identityHeaders\":1}", "/identityHeaders: must be"},
        {"{\"config\":\"@\",\"api\":\"id\",\"identityHeaders\":{\"x\":null}}",
         "/identityHeaders/x: unknown key"},
        {"{\"config\":\"@\",\"api\":\"id\",\"identityHeaders\":{\"id\":\":path\"}}",
         "/identityHeaders/id: must be"},
        {"{\"config\":\"@\",\"api\":\"id\",\"identityHeaders\":{\"id\":\"Host\"}}",
         "/identityHeaders/id: must be"},
        {"{\"config\":\"@\",\"api\":\"id\",\"identityHeaders\":{\"id\":\"a b\"}}",
         "/identityHeaders/id: must be"},
        {"{\"config\":\"/nonexistent/x.json\",\"api\":\"id\"}",
         "/nonexistent/x.json: No such file"},
        {"{\"config\":\"/tmp\",\"api\":\"id\"}", "/tmp: Invalid argument"},
        {"{\"config\":\"@\",\"api\":\"nobody\"}", "no API instance \"nobody\""},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char json[1024] = "";
        const char *mark = strchr(cases[i].json, '@');
        if (mark != NULL)
            snprintf(json, sizeof json, "%.*s%s%s", (int)(mark - cases[i].json), cases[i].json,
                     config_file, mark + 1);
        else
            snprintf(json, sizeof json, "%s", cases[i].json);
        host_log_clear();
        assert_null(host_config(json));
        if (strstr(host_log(), cases[i].says) == NULL)
            fail_msg("%s: wanted \"%s\", got \"%s\"", cases[i].json, cases[i].says, host_log());
    }
    static const char *const routes[] = {"",
                                         "{}",
                                         "{\"mode\":\"shadow\"}",
                                         "{\"api\":[]}",
                                         "{\"api\":\"id\",\"metadata\":null}",
                                         "{\"api\":\"id\",\"config\":\"/nonexistent\"}"};
    for (size_t i = 0; i < sizeof routes / sizeof routes[0]; i++)
        assert_null(host_route(routes[i]));
    host_refuses_statistics = true;
    assert_null(filter_of("\"id\"", ""));
    host_refuses_statistics = false;
}

/* What was refused leaves nothing behind: a corrected file with another table is taken. */
static void a_refused_file_can_be_corrected(void **state)
{
    (void)state;
    char file[300], json[512];
    snprintf(file, sizeof file, "%s/other.json", folder);
    snprintf(json, sizeof json, "{\"config\":\"%s\",\"api\":\"a\"}", file);
    file_write(file, "{\"limits\":{\"cells\":1024},\"apis\":{\"b\":{\"policies\":[]}}}");
    assert_null(host_config(json));
    file_write(file, "{\"limits\":{\"cells\":2048},\"apis\":{\"a\":{\"policies\":[]}}}");
    const void *config = host_config(json);
    assert_non_null(config);

    /* In force now: a bad change is refused and changes nothing, also when nobody asks. */
    host_log_clear();
    file_write(file, "{\"apis\":{\"a\":{\"policies\":[{\"policy\":\"nonsense\"}]}}}");
    assert_null(host_config(json));
    assert_non_null(strstr(host_log(), "/apis/a/policies/0"));
    file_write(file, "{\"limits\":{\"cells\":4096},\"apis\":{\"a\":{\"policies\":[]}}}");
    assert_null(host_config(json));
    assert_non_null(strstr(host_log(), "/limits"));
    assert_int_equal(ask(config, NULL, "GET / HTTP/1.1"), 0);

    /* A good one takes effect without Envoy. */
    file_write(file, "{\"limits\":{\"cells\":2048},\"apis\":{\"a\":{\"policies\":"
                     "[{\"policy\":\"rate-limiting\",\"limits\":[\"1/1d\"]}]}}}");
    for (unsigned i = 0; i < 500 && ask(config, NULL, "GET / HTTP/1.1") == 0; i++)
        sleep_ms(10);
    assert_int_equal(ask(config, NULL, "GET / HTTP/1.1"), 429);

    /* So does one that takes the API away. */
    file_write(file, "{\"limits\":{\"cells\":2048},\"apis\":{}}");
    for (unsigned i = 0; i < 500 && ask(config, NULL, "GET / HTTP/1.1") == 429; i++)
        sleep_ms(10);
    assert_int_equal(ask(config, NULL, "GET / HTTP/1.1"), 503);
    host_config_del(config);
}

/* Envoy that only validates starts no thread and reads no contracts. */
static void validation_touches_nothing(void **state)
{
    (void)state;
    char file[300], json[512], text[512], lock_file[400];
    snprintf(file, sizeof file, "%s/validated.json", folder);
    snprintf(json, sizeof json, "{\"config\":\"%s\",\"api\":\"a\"}", file);
    snprintf(text, sizeof text,
             "{\"state\":\"%s\",\"limits\":{\"file\":\"%s/limits\"},"
             "\"apis\":{\"a\":{\"policies\":[]}}}",
             folder, folder);
    file_write(file, text);
    host_validates = true;
    const void *config = host_config(json);
    host_validates = false;
    assert_non_null(config);
    snprintf(lock_file, sizeof lock_file, "ls %s | grep -qvE '\\.(json|new)$'", folder);
    assert_int_not_equal(system(lock_file), 0);
    host_config_del(config);
}

/* ---- threads --------------------------------------------------------------------------------- */

#define THREADS 3
static const void *shared_config;
static const void *shared_route;
static atomic_uint admitted;

static void *ask_often(void *argument)
{
    (void)argument;
    for (unsigned i = 0; i < 60; i++) {
        if (ask(shared_config, shared_route, "GET /a?client_id=alice HTTP/1.1") == 0)
            atomic_fetch_add(&admitted, 1);
        struct host_stream s; /* and many that leave while they wait */
        host_stream_new(&s, shared_config, NULL, "GET /b HTTP/1.1");
        if (host_headers(&s, true) == HOST_STOP_ALL_AND_WATERMARK && i % 2 == 0)
            (void)host_wait(&s, 15);
        host_stream_del(&s);
    }
    return NULL;
}

static void threads_share_one_quota(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    write_config(
        ",\"fifty\":{\"policies\":[{\"policy\":\"rate-limiting\",\"limits\":[\"50/1d\"]}]}");
    shared_config = filter("slow");
    shared_route = host_route("{\"api\":\"fifty\"}");
    for (unsigned i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, ask_often, NULL), 0);
    for (unsigned i = 0; i < THREADS; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&admitted), 50);
    assert_int_equal(host_schedulers(), 0);
    host_route_del(shared_route);
    host_config_del(shared_config);
    write_config("");
}

/* ---- memory ---------------------------------------------------------------------------------- */

#if !SUPPORT_ASAN && !SUPPORT_TSAN
/* The n-th allocation of a request fails, for every n: it is refused, or it goes on as it should. */
static void try_without_memory(const void *config, unsigned nth, bool *ended)
{
    static char head[16384];
    struct host_stream s;
    int len = snprintf(head, sizeof head, "GET /%05000d?client_id=alice&x=1 HTTP/1.1", 1);
    for (unsigned i = 0; i < 90; i++)
        len += snprintf(head + len, sizeof head - (size_t)len, "\nx-client-id: %u", i);
    memory_ended = false;
    host_stream_new(&s, config, NULL, head);
    allocations_left = nth;
    int rv = host_headers(&s, true);
    allocations_left = 0;
    *ended = memory_ended;
    if (rv == HOST_CONTINUE) {
        assert_null(host_get(&s.request, "x-client-id", 1));
        assert_string_equal(host_get(&s.request, "x-client-id", 0), "alice");
        assert_null(strstr(host_get(&s.request, ":path", 0), "alice"));
    } else {
        assert_int_equal(s.reply.status, 503);
    }
    host_stream_del(&s);
}

static void memory_that_ends_opens_nothing(void **state)
{
    (void)state;
    const void *config = filter("tier");
    bool ended = true;
    unsigned nth = 1;
    /* The stand-in's own allocations come later: it has no way to fail. */
    for (; nth <= 4; nth++)
        try_without_memory(config, nth, &ended);
    assert_true(ended);
    host_config_del(config);
}

static void a_stream_without_memory_is_refused(void **state)
{
    (void)state;
    const void *config = filter("open");
    struct host_stream s;
    host_stream_new(&s, config, NULL, "GET / HTTP/1.1");
    host_stream_end(&s);
    s.ended = false;
    allocations_left = 1;
    host_stream_refilter(&s, config);
    allocations_left = 0;
    assert_int_equal(host_headers(&s, true), HOST_STOP);
    assert_int_equal(s.reply.status, 503);
    assert_int_equal(host_body(&s, "x", 1, true), HOST_BODY_NO_BUFFER);
    assert_int_equal(host_trailers(&s), HOST_STOP);
    assert_int_equal(host_response(&s), HOST_CONTINUE);
    host_stream_del(&s);
    host_config_del(config);
}

static void configurations_without_memory_are_refused(void **state)
{
    (void)state;
    for (unsigned nth = 1; nth < 40; nth++) {
        allocations_left = nth;
        const void *config = filter_of("\"id\"", ",\"metricsPath\":\"/m\"");
        const void *route = host_route("{\"api\":\"secret\",\"mode\":\"shadow\"}");
        allocations_left = 0;
        if (config != NULL)
            assert_int_equal(ask(config, NULL, "GET /a HTTP/1.1"), 401);
        host_config_del(config);
        host_route_del(route);
    }
}
#endif

int main(void)
{
    enum { ROWS = sizeof rows / sizeof rows[0] };
    static struct CMUnitTest tests[ROWS + 40];
    size_t count = 0;
    for (size_t i = 0; i < ROWS; i++)
        tests[count++] = (struct CMUnitTest){
            .name = rows[i].name,
            .test_func = decides,
            .initial_state = (void *)(uintptr_t)&rows[i],
        };
    const struct CMUnitTest others[] = {
        cmocka_unit_test(identity_is_the_decisions),
        cmocka_unit_test(trailers_say_nobody),
        cmocka_unit_test(identity_headers_by_choice),
        cmocka_unit_test(large_requests),
        cmocka_unit_test(refusals_are_explained),
        cmocka_unit_test(grpc_gets_a_status),
        cmocka_unit_test(quota_headers),
        cmocka_unit_test(refunds_what_nobody_saw),
        cmocka_unit_test(state_outlives_configurations),
        cmocka_unit_test(delayed_until_quota),
        cmocka_unit_test(delays_end_in_a_refusal),
        cmocka_unit_test(a_client_that_leaves_frees_its_place),
        cmocka_unit_test(an_answer_of_others_ends_the_wait),
        cmocka_unit_test(without_a_timer_nothing_waits),
        cmocka_unit_test(bodies),
        cmocka_unit_test(bodies_that_are_too_large),
        cmocka_unit_test(a_body_waits_too),
        cmocka_unit_test(routes_choose),
        cmocka_unit_test(a_route_may_name_another_file),
        cmocka_unit_test(unknown_api_instances_stay_closed),
        cmocka_unit_test(shadow_counts_and_lets_pass),
        cmocka_unit_test(metrics_by_path),
        cmocka_unit_test(bad_configurations_are_refused),
        cmocka_unit_test(a_refused_file_can_be_corrected),
        cmocka_unit_test(validation_touches_nothing),
        cmocka_unit_test(threads_share_one_quota),
#if !SUPPORT_ASAN && !SUPPORT_TSAN
        cmocka_unit_test(memory_that_ends_opens_nothing),
        cmocka_unit_test(a_stream_without_memory_is_refused),
        cmocka_unit_test(configurations_without_memory_are_refused),
#endif
    };
    memcpy(tests + count, others, sizeof others);
    count += sizeof others / sizeof others[0];
    return _cmocka_run_group_tests("envoy module", tests, count, setup, teardown);
}
