/* SPDX-License-Identifier: Apache-2.0 */
/* What clientid-proxy passes on, and what not: the real program between raw sockets. */
#include "support_proxy.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static struct upstream upstream;
static struct proxy proxy;

static const char config[] =
    "{\"state\":\"@DIR@/state\",\"apis\":{"
    "\"open\":{\"policies\":[]},"
    "\"id\":{\"policies\":[{\"policy\":\"client-id-enforcement\",\"id\":\"query:client_id\"}]},"
    "\"secret\":{\"policies\":[{\"policy\":\"client-id-enforcement\",\"id\":\"any:client_id\","
    "  \"secret\":\"any:client_secret\"}],\"stripCredentials\":\"all\"},"
    "\"basic\":{\"policies\":[{\"policy\":\"client-id-enforcement\",\"basic\":true}]},"
    "\"form\":{\"policies\":[]},"
    "\"kept\":{\"policies\":[{\"policy\":\"client-id-enforcement\",\"id\":\"query:client_id\","
    "  \"secret\":\"query:client_secret\"}],\"stripCredentials\":\"none\"},"
    "\"off\":{\"policies\":[{\"policy\":\"client-id-enforcement\",\"id\":\"query:client_id\","
    "  \"secret\":\"query:client_secret\",\"disabled\":true}]},"
    "\"limited\":{\"policies\":[{\"policy\":\"rate-limiting-sla-based\",\"id\":\"query:client_id\","
    "  \"exposeHeaders\":true}]}},"
    "\"proxy\":{\"listen\":\"127.0.0.1:0\",\"admin\":\"127.0.0.1:0\",\"portFile\":\"@DIR@/port\","
    "\"accessLog\":\"@DIR@/access\",\"trust\":[],"
    "\"timeouts\":{\"upstream\":\"400ms\"},"
    "\"routes\":["
    "{\"prefix\":\"/\",\"api\":\"open\",\"upstream\":\"http://127.0.0.1:@UP@\"},"
    "{\"prefix\":\"/id\",\"api\":\"id\",\"upstream\":\"http://"
    "127.0.0.1:@UP@\",\"stripPrefix\":true},"
    "{\"prefix\":\"/secret\",\"api\":\"secret\",\"upstream\":\"http://127.0.0.1:@UP@/base\","
    "  \"stripPrefix\":true,\"preserveHost\":false},"
    "{\"prefix\":\"/limited\",\"api\":\"limited\",\"upstream\":\"http://127.0.0.1:@UP@\","
    "  \"stripPrefix\":true},"
    "{\"prefix\":\"/limited/down\",\"api\":\"limited\",\"upstream\":\"http://127.0.0.1:1\"},"
    "{\"prefix\":\"/auth\",\"api\":\"id\"},"
    "{\"prefix\":\"/kept\",\"api\":\"kept\",\"upstream\":\"http://127.0.0.1:@UP@\"},"
    "{\"prefix\":\"/off\",\"api\":\"off\",\"upstream\":\"http://127.0.0.1:@UP@\"},"
    "{\"host\":\"other.test\",\"prefix\":\"/\",\"api\":\"id\",\"upstream\":\"http://"
    "127.0.0.1:@UP@\"}"
    "]}}";

static int setup(void **state)
{
    (void)state;
    upstream_start(&upstream);
    proxy_prepare(&proxy);
    proxy_write_config(&proxy, config, &upstream);
    proxy_start(&proxy);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    assert_int_equal(proxy_stop(&proxy), 0);
    proxy_remove(&proxy);
    upstream_stop(&upstream);
    return 0;
}

/* ---- requests -------------------------------------------------------------------------------- */

static void raw_target_byte_for_byte(void **state)
{
    (void)state;
    static const char *const targets[] = {
        "/echo/a%2Fb%2f%41?x=%31&y=a+b&&=&z#", /* the last byte is cut below */
        "/echo//a///b?",
        "/echo/%zz%/~!$&'()*+,;=:@?a?b?c",
        "/echo/\xc3\xa9?\xff",
    };
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        char target[128];
        char line[160];
        snprintf(target, sizeof target, "%s", targets[i]);
        target[strcspn(target, "#")] = '\0';
        snprintf(line, sizeof line, "GET %s HTTP/1.1\r\n", target);
        struct reply reply = get(proxy.port, target, "");
        assert_int_equal(reply.status, 200);
        assert_memory_equal(reply.body, line, strlen(line));
        reply_free(&reply);
    }
}

static void header_lines_in_order_and_duplicates(void **state)
{
    (void)state;
    struct reply reply =
        get(proxy.port, "/echo", "A: 1\r\nB:  two words \t\r\nA: 2, 3\r\nEmpty:\r\na: 4\r\n");
    assert_int_equal(reply.status, 200);
    assert_has(reply.body, "\r\nA: 1\r\nB: two words\r\nA: 2, 3\r\nEmpty:");
    assert_has(reply.body, "\r\na: 4\r\n");
    assert_has(reply.body, "\r\nHost: test\r\n");
    assert_has(reply.body, "\r\nVia: 1.1 clientid-proxy\r\n");
    assert_hasnt(reply.body, "Accept");
    assert_hasnt(reply.body, "User-Agent");
    reply_free(&reply);
}

static void hop_by_hop_ends_here(void **state)
{
    (void)state;
    struct reply reply =
        get(proxy.port, "/echo",
            "Connection: keep-alive, X-Hop\r\nX-Hop: 1\r\nKeep-Alive: 5\r\nTE: trailers\r\n"
            "Upgrade: websocket\r\nProxy-Authorization: Basic eA==\r\nX-End: 1\r\n");
    assert_int_equal(reply.status, 200);
    assert_has(reply.body, "\r\nX-End: 1\r\n");
    assert_hasnt(reply.body, "X-Hop");
    assert_hasnt(reply.body, "eep-");
    assert_hasnt(reply.body, "TE:");
    assert_hasnt(reply.body, "Upgrade");
    assert_hasnt(reply.body, "Proxy-");
    reply_free(&reply);
}

static void strangers_cannot_tell_the_past(void **state)
{
    (void)state;
    struct reply reply =
        get(proxy.port, "/echo",
            "X-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: https\r\nX-Forwarded-Host: evil\r\n"
            "Forwarded: for=9.9.9.9\r\nX-Original-URL: /admin\r\nX_Original_URL: /admin\r\n"
            "X-Rewrite-URL: /admin\r\nX-Real-IP: 9.9.9.9\r\n");
    assert_int_equal(reply.status, 200);
    assert_has(reply.body, "\r\nX-Forwarded-For: 127.0.0.1\r\n");
    assert_has(reply.body, "\r\nX-Forwarded-Proto: http\r\n");
    assert_has(reply.body, "\r\nX-Forwarded-Host: test\r\n");
    assert_hasnt(reply.body, "9.9.9.9");
    assert_hasnt(reply.body, "evil");
    assert_hasnt(reply.body, "admin");
    reply_free(&reply);
}

static void strangers_cannot_ask_for_others(void **state)
{
    (void)state;
    struct reply reply = get(proxy.port, "/auth", "X-Forwarded-Uri: /x?client_id=alice\r\n");
    assert_int_equal(reply.status, 403);
    reply_free(&reply);
    reply = get(proxy.port, "/auth?client_id=alice", "");
    assert_int_equal(reply.status, 200);
    reply_free(&reply);
}

static void identity_comes_from_the_decision_only(void **state)
{
    (void)state;
    static const char spoof[] = "X-Client-Id: mallory\r\nx-client-name: mallory\r\n"
                                "X_Client_Tier: mallory\r\nX-CLIENT_ID: mallory\r\n"
                                "X.Client.Id: mallory\r\n";
    struct reply reply = get(proxy.port, "/echo", spoof);
    assert_int_equal(reply.status, 200);
    assert_hasnt(reply.body, "mallory");
    assert_hasnt(reply.body, "X-Client");
    reply_free(&reply);

    reply = get(proxy.port, "/id/echo?client_id=alice", spoof);
    assert_int_equal(reply.status, 200);
    assert_hasnt(reply.body, "mallory");
    assert_has(reply.body, "\r\nX-Client-Id: alice\r\n");
    assert_has(reply.body, "\r\nX-Client-Name: Alice Inc\r\n");
    assert_has(reply.body, "\r\nX-Client-Tier: gold\r\n");
    reply_free(&reply);
}

static void credentials_are_stripped(void **state)
{
    (void)state;
    struct reply reply =
        get(proxy.port, "/secret/echo?a=1&client_id=alice&b=%32&client%5Fsecret=wonderland&c", "");
    assert_int_equal(reply.status, 200);
    assert_has(reply.body, "GET /base/echo?a=1&b=%32&c HTTP/1.1\r\n");
    assert_hasnt(reply.body, "wonderland");
    assert_hasnt(reply.body, "\r\nHost: test"); /* preserveHost is false */
    reply_free(&reply);

    reply = get(proxy.port, "/secret/echo",
                "client_id: alice\r\nclient_secret: wonderland\r\nX: y\r\n");
    assert_int_equal(reply.status, 200);
    assert_has(reply.body, "GET /base/echo HTTP/1.1\r\n");
    assert_hasnt(reply.body, "client_");
    reply_free(&reply);

    reply = get(proxy.port, "/secret/echo?client_id=alice&client_secret=wrongland", "");
    assert_int_equal(reply.status, 401);
    assert_has(reply.head, "WWW-Authenticate:");
    assert_has(reply.body, "Authentication Attempt Failed");
    reply_free(&reply);

    assert_true(proxy_file_gets(&proxy, "access", "\"reason\":\"client-secret-wrong\""));
    char *log = proxy_file(&proxy, "access");
    assert_has(log, "\"path\":\"/secret/echo?a=1&b=%32&c\"");
    assert_has(log, "\"client_id\":\"alice\"");
    assert_hasnt(log, "onderland");
    assert_hasnt(log, "wrongland");
    free(log);
}

/* Where credentials are not stripped, nothing tells the log which part of a query they are. */
static void credentials_that_stay_are_not_logged(void **state)
{
    (void)state;
    struct reply reply = get(proxy.port, "/kept/1?client_id=alice&client_secret=heartland", "");
    assert_int_equal(reply.status, 401);
    reply_free(&reply);
    reply = get(proxy.port, "/off/2?client_id=alice&client_secret=heartland", "");
    assert_int_equal(reply.status, 200);
    assert_has(reply.body, "client_secret=heartland"); /* as it was asked for */
    reply_free(&reply);
    assert_true(proxy_file_gets(&proxy, "access", "\"path\":\"/off/2"));
    assert_true(proxy_file_gets(&proxy, "access", "\"path\":\"/kept/1\""));
    char *log = proxy_file(&proxy, "access");
    assert_hasnt(log, "heartland");
    free(log);
}

static void routes_by_host_and_longest_prefix(void **state)
{
    (void)state;
    static const struct {
        const char *why;
        const char *request;
        unsigned status;
    } rows[] = {
        {"no host in the route", "GET /echo HTTP/1.1\r\nHost: test\r\n\r\n", 200},
        {"host beats none", "GET /echo HTTP/1.1\r\nHost: other.test\r\n\r\n", 401},
        {"host without regard to case and port",
         "GET /echo HTTP/1.1\r\nHost: OTHER.test:80\r\n\r\n", 401},
        {"host with a dot at the end", "GET /echo HTTP/1.1\r\nHost: other.test.\r\n\r\n", 401},
        {"absolute form", "GET http://other.test/echo HTTP/1.1\r\nHost: other.test\r\n\r\n", 401},
        {"prefix", "GET /id/echo HTTP/1.1\r\nHost: test\r\n\r\n", 401},
        {"prefix alone", "GET /id HTTP/1.1\r\nHost: test\r\n\r\n", 401},
        {"prefix ends at a segment", "GET /identity HTTP/1.1\r\nHost: test\r\n\r\n", 200},
        {"escaped byte of a prefix", "GET /%69d/echo HTTP/1.1\r\nHost: test\r\n\r\n", 400},
        {"escaped twice", "GET /%2569d/echo HTTP/1.1\r\nHost: test\r\n\r\n", 400},
        {"dot segments into a route", "GET /x/../id/echo HTTP/1.1\r\nHost: test\r\n\r\n", 400},
        {"escaped dot segments", "GET /x/%2e%2E/id/echo HTTP/1.1\r\nHost: test\r\n\r\n", 400},
        {"escaped slash", "GET /x/..%2fid/echo HTTP/1.1\r\nHost: test\r\n\r\n", 400},
        {"backslash", "GET /x/..\\id/echo HTTP/1.1\r\nHost: test\r\n\r\n", 400},
        {"path parameters on dots", "GET /x/..;a=b/id/echo HTTP/1.1\r\nHost: test\r\n\r\n", 400},
        {"path parameters on a prefix", "GET /id;a=b/echo HTTP/1.1\r\nHost: test\r\n\r\n", 400},
        {"two slashes", "GET //id/echo HTTP/1.1\r\nHost: test\r\n\r\n", 400},
        {"out of a route", "GET /id/../echo HTTP/1.1\r\nHost: test\r\n\r\n", 400},
        {"above the root", "GET /../echo HTTP/1.1\r\nHost: test\r\n\r\n", 400},
        {"NUL in the path", "GET /echo%00 HTTP/1.1\r\nHost: test\r\n\r\n", 400},
        {"out of a route for who does not decode",
         "GET /off/a%2fb/../../id/echo HTTP/1.1\r\nHost: test\r\n\r\n", 400},
        {"out of a route for whom a backslash is a letter",
         "GET /off/a\\b/../../id/echo HTTP/1.1\r\nHost: test\r\n\r\n", 400},
        {"out of a route for whom an escaped backslash is a letter",
         "GET /off/a%5Cb/../../id/echo HTTP/1.1\r\nHost: test\r\n\r\n", 400},
        {"out of a route for two readers in a row",
         "GET /off/a%2fb/../..%2fid/echo HTTP/1.1\r\nHost: test\r\n\r\n", 400},
        {"out of the upstream's own path",
         "GET /secret/a/../../secret/echo HTTP/1.1\r\nHost: test\r\n\r\n", 400},
        {"out of the upstream's own path, escaped",
         "GET /secret/%2e%2e/secret/echo HTTP/1.1\r\nHost: test\r\n\r\n", 400},
        {"odd but in the route for everyone",
         "GET /off//a%2fb;c/\\x/../y%2520/. HTTP/1.1\r\nHost: test\r\n\r\n", 200},
        {"dots that stay in the route", "GET /x/../echo HTTP/1.1\r\nHost: test\r\n\r\n", 200},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct reply reply = ask(proxy.port, rows[i].request);
        if (reply.status != rows[i].status)
            fail_msg("%s: %u", rows[i].why, reply.status);
        reply_free(&reply);
    }
}

/* ---- bodies ---------------------------------------------------------------------------------- */

static void big_answers_in_bounded_memory(void **state)
{
    (void)state;
    struct reply reply = get(proxy.port, "/big", "");
    assert_int_equal(reply.status, 200);
    assert_true(reply.whole);
    assert_int_equal(reply.length, BIG_BYTES);
    assert_has(reply.head, "Content-Length: 52428800\r\n");
    reply_free(&reply);
    reply = get(proxy.port, "/stream", "");
    assert_true(reply.whole);
    assert_int_equal(reply.length, BIG_BYTES);
    assert_has(reply.head, "Transfer-Encoding: chunked\r\n");
    reply_free(&reply);
}

static void send_big(int fd, bool chunked)
{
    static const char block[32768] = {1};
    for (unsigned sent = 0; sent < BIG_BYTES; sent += sizeof block) {
        if (chunked)
            client_text(fd, "8000;x=y\r\n");
        client_send(fd, block, sizeof block);
        if (chunked)
            client_text(fd, "\r\n");
    }
    if (chunked)
        client_text(fd, "0\r\nTrailer-X: 1\r\n\r\n");
}

static void big_requests_in_bounded_memory(void **state)
{
    (void)state;
    int fd = client_connect(proxy.port);
    for (int chunked = 0; chunked < 2; chunked++) {
        client_text(
            fd, chunked ? "POST /count HTTP/1.1\r\nHost: test\r\nTransfer-Encoding: chunked\r\n\r\n"
                        : "POST /count HTTP/1.1\r\nHost: test\r\nContent-Length: 52428800\r\n\r\n");
        send_big(fd, chunked);
        struct reply reply = client_read(fd, false);
        assert_int_equal(reply.status, 200);
        assert_string_equal(reply.body, "52428800");
        reply_free(&reply);
    }
    close(fd);
    if (getenv("CLIENTID_SANITIZED") == NULL)
        assert_true(proxy_peak_bytes(&proxy) < 48U << 20);
}

static void a_slow_reader_costs_no_memory(void **state)
{
    (void)state;
    int fd = client_connect(proxy.port);
    client_text(fd, "GET /big HTTP/1.1\r\nHost: test\r\n\r\n");
    sleep_ms(1000); /* longer than the upstream's timeout: it is not the upstream's turn */
    struct reply reply = client_read(fd, false);
    assert_true(reply.whole);
    assert_int_equal(reply.length, BIG_BYTES);
    reply_free(&reply);
    close(fd);
}

static void framing_is_kept(void **state)
{
    (void)state;
    struct reply reply =
        ask(proxy.port, "POST /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n");
    assert_has(reply.body, "\r\nContent-Length: 0\r\n");
    reply_free(&reply);
    reply = ask(proxy.port, "PUT /echo HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc");
    assert_has(reply.body, "\r\nContent-Length: 3\r\n");
    reply_free(&reply);
    reply = ask(proxy.port, "PATCH /echo HTTP/1.1\r\nHost: t\r\nTransfer-Encoding: "
                            "chunked\r\n\r\n3\r\nabc\r\n0\r\n\r\n");
    assert_has(reply.body, "PATCH /echo HTTP/1.1\r\n");
    assert_has(reply.body, "\r\nTransfer-Encoding: chunked\r\n");
    reply_free(&reply);
    reply = ask(proxy.port, "DELETE /body HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc");
    assert_string_equal(reply.body, "abc");
    reply_free(&reply);
    reply = ask(proxy.port, "PROPFIND /echo HTTP/1.1\r\nHost: t\r\n\r\n");
    assert_has(reply.body, "PROPFIND /echo HTTP/1.1\r\n");
    assert_hasnt(reply.body, "Content-Length");
    reply_free(&reply);
}

static void expect_100_continue(void **state)
{
    (void)state;
    int fd = client_connect(proxy.port);
    client_text(
        fd, "POST /body HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    struct reply reply = client_read(fd, false);
    assert_int_equal(reply.status, 100);
    reply_free(&reply);
    client_text(fd, "abc");
    reply = client_read(fd, false);
    assert_string_equal(reply.body, "abc");
    reply_free(&reply);
    close(fd);

    /* A refusal comes before the body is asked for. */
    reply = ask(
        proxy.port,
        "POST /id/body HTTP/1.1\r\nHost: t\r\nExpect: 100-continue\r\nContent-Length: 3\r\n\r\n");
    assert_int_equal(reply.status, 401);
    reply_free(&reply);
}

/* ---- answers --------------------------------------------------------------------------------- */

static void answer_lines_pass_and_hops_end(void **state)
{
    (void)state;
    struct reply reply = get(proxy.port, "/lines", "");
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, "hello");
    assert_has(reply.head, "Set-Cookie: a=1\r\nX-Two: 1\r\nset-cookie: b=2\r\nX-Two: 2\r\n");
    assert_has(reply.head, "X-Empty:");
    assert_has(reply.head, "Via: 1.1 clientid-proxy\r\n");
    assert_hasnt(reply.head, "X-Hop");
    assert_hasnt(reply.head, "Keep-Alive");
    reply_free(&reply);
}

/* Each answer is followed by another on the same connection, so bytes too many or too few are noticed. */
static void answers_without_a_body(void **state)
{
    (void)state;
    static const struct {
        const char *request;
        unsigned status;
        bool head, stays;
    } rows[] = {
        {"HEAD /echo HTTP/1.1\r\nHost: t\r\n\r\n", 200, true, true},
        {"GET /204 HTTP/1.1\r\nHost: t\r\n\r\n", 204, false, true},
        {"HEAD /lines HTTP/1.1\r\nHost: t\r\n\r\n", 200, true, false},
        {"GET /304 HTTP/1.1\r\nHost: t\r\n\r\n", 304, false, false},
        {"GET /early HTTP/1.1\r\nHost: t\r\n\r\n", 200, false, true},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        int fd = client_connect(proxy.port);
        client_text(fd, rows[i].request);
        struct reply reply = client_read(fd, rows[i].head);
        assert_int_equal(reply.status, rows[i].status);
        reply_free(&reply);
        if (rows[i].stays) {
            client_text(fd, "GET /count HTTP/1.1\r\nHost: t\r\n\r\n");
            reply = client_read(fd, false);
            assert_int_equal(reply.status, 200);
            assert_string_equal(reply.body, "0");
            reply_free(&reply);
        } else {
            assert_true(client_ended(fd));
        }
        close(fd);
    }
}

static void answers_that_cannot_be_trusted(void **state)
{
    (void)state;
    struct reply reply = get(proxy.port, "/lengths", "");
    assert_int_equal(reply.status, 502);
    reply_free(&reply);
    reply = get(proxy.port, "/reset", "");
    assert_int_equal(reply.status, 502);
    reply_free(&reply);
    /* Lines that could be read in two ways, and one that is too long. */
    static const char *const lines[] = {"/bare-cr", "/folded", "/no-token", "/long-line"};
    for (size_t i = 0; i < sizeof lines / sizeof lines[0]; i++) {
        reply = get(proxy.port, lines[i], "");
        if (reply.status != 502)
            fail_msg("%s: %u", lines[i], reply.status);
        reply_free(&reply);
    }
    reply = get(proxy.port, "/switch", ""); /* 101 and then no HTTP, without end */
    assert_int_equal(reply.status, 502);
    reply_free(&reply);
    /* Cut off before or after the head went out: an error, or an end the client notices. */
    reply = get(proxy.port, "/cut", "");
    assert_true(reply.status == 502 || !reply.whole);
    reply_free(&reply);
    reply = get(proxy.port, "/nolength", "");
    assert_int_equal(reply.status, 200);
    assert_true(reply.whole);
    assert_string_equal(reply.body, "until the end");
    reply_free(&reply);
}

static void http_1_0_clients(void **state)
{
    (void)state;
    struct reply reply = ask(proxy.port, "GET /stream HTTP/1.0\r\n\r\n");
    assert_int_equal(reply.status, 200);
    assert_hasnt(reply.head, "chunked");
    assert_true(reply.closed);
    assert_int_equal(reply.length, BIG_BYTES);
    reply_free(&reply);
}

/* ---- connections ----------------------------------------------------------------------------- */

static void keep_alive_on_both_sides(void **state)
{
    (void)state;
    int fd = client_connect(proxy.port);
    struct reply reply;
    upstream_reset_counts();
    for (int i = 0; i < 20; i++) {
        client_text(fd, i % 2 ? "GET /echo HTTP/1.1\r\nHost: t\r\n\r\n"
                              : "POST /body HTTP/1.1\r\nHost: t\r\nContent-Length: 2\r\n\r\nab");
        reply = client_read(fd, false);
        assert_int_equal(reply.status, 200);
        reply_free(&reply);
    }
    assert_int_equal(upstream_requests(), 20);
    assert_true(upstream_connections() <= 1);

    /* Pipelined, with a refusal in between that does not end the connection. */
    client_text(fd, "GET /count HTTP/1.1\r\nHost: t\r\n\r\n"
                    "POST /id/x HTTP/1.1\r\nHost: t\r\nContent-Length: 3\r\n\r\nabc"
                    "GET /count HTTP/1.1\r\nHost: t\r\n\r\n");
    static const unsigned expected[] = {200, 401, 200};
    for (size_t i = 0; i < 3; i++) {
        reply = client_read(fd, false);
        assert_int_equal(reply.status, expected[i]);
        reply_free(&reply);
    }
    close(fd);
}

static void upstream_down_costs_nothing(void **state)
{
    (void)state;
    struct reply reply;
    double refunds = proxy_metric(&proxy, "clientid_proxy_refunds_total");
    for (int i = 0; i < 5; i++) {
        reply = get(proxy.port, "/limited/down?client_id=alice", "");
        assert_int_equal(reply.status, 502);
        reply_free(&reply);
    }
    assert_true(proxy_metric_gets(&proxy, "clientid_proxy_refunds_total", refunds + 5));
    static const unsigned expected[] = {200, 200, 429};
    for (size_t i = 0; i < 3; i++) {
        reply = get(proxy.port, "/limited/echo?client_id=alice", "");
        assert_int_equal(reply.status, expected[i]);
        assert_has(reply.head, "X-RateLimit-Limit: 2\r\n");
        if (expected[i] == 429)
            assert_has(reply.head, "Retry-After:");
        reply_free(&reply);
    }
}

static void upstream_silent(void **state)
{
    (void)state;
    double refunds = proxy_metric(&proxy, "clientid_proxy_refunds_total");
    struct reply reply = get(proxy.port, "/hang", "");
    assert_int_equal(reply.status, 504);
    reply_free(&reply);
    assert_true(proxy_metric(&proxy, "clientid_proxy_refunds_total") == refunds);
}

static void client_that_leaves_frees_the_upstream(void **state)
{
    (void)state;
    double gone = proxy_metric(&proxy, "clientid_proxy_clients_gone_total");
    int fd = client_connect(proxy.port);
    client_text(fd, "GET /hang HTTP/1.1\r\nHost: t\r\n\r\n");
    sleep_ms(100);
    close(fd);
    assert_true(proxy_metric_gets(&proxy, "clientid_proxy_clients_gone_total", gone + 1));
    assert_true(proxy_metric_gets(&proxy, "clientid_proxy_requests_under_way", 0));
}

static void *many_requests(void *cls)
{
    unsigned *bad = cls;
    int fd = client_connect(proxy.port);
    for (int i = 0; i < 200; i++) {
        client_text(fd, i % 3 ? "GET /id/echo?client_id=alice HTTP/1.1\r\nHost: t\r\n\r\n"
                              : "POST /body HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\n12345");
        struct reply reply = client_read(fd, false);
        *bad += reply.status != 200 || !reply.whole;
        reply_free(&reply);
    }
    close(fd);
    return NULL;
}

static void many_clients_at_once(void **state)
{
    (void)state;
    pthread_t threads[16];
    unsigned bad[16] = {0};
    for (size_t i = 0; i < 16; i++)
        pthread_create(&threads[i], NULL, many_requests, &bad[i]);
    for (size_t i = 0; i < 16; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(bad[i], 0);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(raw_target_byte_for_byte),
        cmocka_unit_test(header_lines_in_order_and_duplicates),
        cmocka_unit_test(hop_by_hop_ends_here),
        cmocka_unit_test(strangers_cannot_tell_the_past),
        cmocka_unit_test(strangers_cannot_ask_for_others),
        cmocka_unit_test(identity_comes_from_the_decision_only),
        cmocka_unit_test(credentials_are_stripped),
        cmocka_unit_test(credentials_that_stay_are_not_logged),
        cmocka_unit_test(routes_by_host_and_longest_prefix),
        cmocka_unit_test(big_answers_in_bounded_memory),
        cmocka_unit_test(big_requests_in_bounded_memory),
        cmocka_unit_test(a_slow_reader_costs_no_memory),
        cmocka_unit_test(framing_is_kept),
        cmocka_unit_test(expect_100_continue),
        cmocka_unit_test(answer_lines_pass_and_hops_end),
        cmocka_unit_test(answers_without_a_body),
        cmocka_unit_test(answers_that_cannot_be_trusted),
        cmocka_unit_test(http_1_0_clients),
        cmocka_unit_test(keep_alive_on_both_sides),
        cmocka_unit_test(upstream_down_costs_nothing),
        cmocka_unit_test(upstream_silent),
        cmocka_unit_test(client_that_leaves_frees_the_upstream),
        cmocka_unit_test(many_clients_at_once),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
