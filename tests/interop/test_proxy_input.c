/* SPDX-License-Identifier: Apache-2.0 */
/* Bad input to clientid-proxy: clients that lie, drip or send garbage, and configurations that are wrong. */
#include "support_proxy.h"

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
    "\"id\":{\"policies\":[{\"policy\":\"client-id-enforcement\",\"id\":\"header:client_id\"}]},"
    "\"secret\":{\"policies\":[{\"policy\":\"client-id-enforcement\",\"id\":\"form:client_id\","
    "  \"secret\":\"form:client_secret\"}]}},"
    "\"proxy\":{\"listen\":\"127.0.0.1:0\",\"admin\":\"127.0.0.1:0\",\"portFile\":\"@DIR@/port\","
    "\"accessLog\":\"@DIR@/access\",\"maxHeaderBytes\":8192,\"maxBodyBytes\":4096,"
    "\"maxConnections\":40,"
    "\"timeouts\":{\"header\":\"400ms\",\"idle\":\"1s\"},"
    "\"routes\":[{\"prefix\":\"/\",\"api\":\"open\",\"upstream\":\"http://127.0.0.1:@UP@\"},"
    "{\"prefix\":\"/id\",\"api\":\"id\",\"upstream\":\"http://"
    "127.0.0.1:@UP@\",\"stripPrefix\":true},"
    "{\"prefix\":\"/form\",\"api\":\"secret\",\"upstream\":\"http://"
    "127.0.0.1:@UP@\",\"stripPrefix\":true}"
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

struct row {
    const char *why;
    const char *data;
    size_t len;
    unsigned status; /* 0: closed without an answer */
};

#define ROW(why, text, status)                                                                     \
    {                                                                                              \
        why, text, sizeof(text) - 1, status                                                        \
    }
#define H "Host: t\r\n"

static const struct row bad_heads[] = {
    ROW("garbage", "\x16\x03\x01\x02\x01\r\n\r\n", 0),
    ROW("no version", "GET /echo\r\n\r\n", 400),
    ROW("version 2", "GET /echo HTTP/2.0\r\n" H "\r\n", 505),
    ROW("no Host", "GET /echo HTTP/1.1\r\n\r\n", 400),
    ROW("two Hosts", "GET /echo HTTP/1.1\r\n" H H "\r\n", 400),
    ROW("Host with a slash", "GET /echo HTTP/1.1\r\nHost: t/x\r\n\r\n", 400),
    ROW("Host beside another authority", "GET http://u/echo HTTP/1.1\r\n" H "\r\n", 400),
    ROW("authority form", "CONNECT t:80 HTTP/1.1\r\n" H "\r\n", 501),
    ROW("TRACE", "TRACE /echo HTTP/1.1\r\n" H "\r\n", 501),
    ROW("HEAD for some, not for others", "head /echo HTTP/1.1\r\n" H "\r\n", 501),
    ROW("a scheme that is none of ours", "GET ftp://t/echo HTTP/1.1\r\n" H "\r\n", 400),
    ROW("two spaces", "GET  /echo HTTP/1.1\r\n" H "\r\n", 400),
    ROW("space in the target", "GET /ec ho HTTP/1.1\r\n" H "\r\n", 400),
    ROW("tab in the target", "GET /ec\tho HTTP/1.1\r\n" H "\r\n", 400),
    ROW("fragment", "GET /echo#x HTTP/1.1\r\n" H "\r\n", 400),
    ROW("NUL in the target", "GET /echo\0x HTTP/1.1\r\n" H "\r\n", 400),
    ROW("NUL in the query", "GET /echo?a=\0b HTTP/1.1\r\n" H "\r\n", 400),
    ROW("NUL in the method", "GE\0T /echo HTTP/1.1\r\n" H "\r\n", 400),
    ROW("bare CR in the target", "GET /ec\rho HTTP/1.1\r\n" H "\r\n", 400),
    ROW("NUL in a value", "GET /id/echo HTTP/1.1\r\n" H "client_id: alice\0x\r\n\r\n", 400),
    ROW("NUL in a value amid lines", "GET /id/echo HTTP/1.1\r\nclient_id: alice\0x\r\n" H "\r\n",
        400),
    ROW("NUL in a name", "GET /echo HTTP/1.1\r\n" H "A\0B: c\r\n\r\n", 400),
    ROW("control in a value", "GET /echo HTTP/1.1\r\n" H "A: b\x01\r\n\r\n", 400),
    ROW("bare CR in a value", "GET /echo HTTP/1.1\r\n" H "A: b\rclient_id: x\r\n\r\n", 400),
    ROW("DEL in a value", "GET /echo HTTP/1.1\r\n" H "A: \x7f\r\n\r\n", 400),
    ROW("folded line", "GET /echo HTTP/1.1\r\n" H "A: b\r\n c\r\n\r\n", 400),
    ROW("folded line, not the last", "GET /echo HTTP/1.1\r\nA: b\r\n\tc\r\n" H "\r\n", 400),
    ROW("first line folded", "GET /echo HTTP/1.1\r\n A: b\r\n" H "\r\n", 400),
    ROW("space before the colon", "GET /echo HTTP/1.1\r\n" H "A : b\r\n\r\n", 400),
    ROW("no colon", "GET /echo HTTP/1.1\r\n" H "Abc\r\n\r\n", 400),
    ROW("no name", "GET /echo HTTP/1.1\r\n" H ": b\r\n\r\n", 400),
    ROW("bare LF after a line", "GET /echo HTTP/1.1\r\n" H "A: b\nC: d\r\n\r\n", 400),
    ROW("bare LF after the request line", "GET /echo HTTP/1.1\n" H "\r\n", 400),
    ROW("bare LF at the end", "GET /echo HTTP/1.1\r\n" H "\n", 400),
    ROW("two lengths",
        "POST /echo HTTP/1.1\r\n" H "Content-Length: 3\r\nContent-Length: 5\r\n\r\nabcde", 400),
    ROW("the same length twice",
        "POST /echo HTTP/1.1\r\n" H "Content-Length: 3\r\nContent-Length: 3\r\n\r\nabc", 400),
    ROW("list of lengths", "POST /echo HTTP/1.1\r\n" H "Content-Length: 3, 3\r\n\r\nabc", 400),
    ROW("signed length", "POST /echo HTTP/1.1\r\n" H "Content-Length: +3\r\n\r\nabc", 400),
    ROW("negative length", "POST /echo HTTP/1.1\r\n" H "Content-Length: -1\r\n\r\n", 400),
    ROW("empty length", "POST /echo HTTP/1.1\r\n" H "Content-Length:\r\n\r\n", 400),
    ROW("huge length", "POST /echo HTTP/1.1\r\n" H "Content-Length: 99999999999999999999\r\n\r\n",
        413),
    ROW("length and chunks",
        "POST /echo HTTP/1.1\r\n" H
        "Content-Length: 3\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400),
    ROW("chunks and length",
        "POST /echo HTTP/1.1\r\n" H
        "Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        400),
    ROW("chunked twice",
        "POST /echo HTTP/1.1\r\n" H
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n0\r\n\r\n",
        400),
    ROW("unknown coding", "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: gzip\r\n\r\n", 400),
    ROW("codings", "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: gzip, chunked\r\n\r\n0\r\n\r\n",
        400),
    ROW("coding spelled with a control",
        "POST /echo HTTP/1.1\r\n" H "Transfer-Encoding: \vchunked\r\n\r\n0\r\n\r\n", 400),
    ROW("chunks in HTTP/1.0",
        "POST /echo HTTP/1.0\r\n" H "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\n", 400),
    ROW("HEAD with a body", "HEAD /echo HTTP/1.1\r\n" H "Content-Length: 3\r\n\r\nabc", 400),
};

static void heads_with_two_readings_are_refused(void **state)
{
    (void)state;
    upstream_reset_counts();
    for (size_t i = 0; i < sizeof bad_heads / sizeof bad_heads[0]; i++) {
        const struct row *row = &bad_heads[i];
        int fd = client_connect(proxy.port);
        client_send(fd, row->data, row->len);
        struct reply reply = client_read(fd, strncmp(row->data, "HEAD", 4) == 0);
        if (reply.status != row->status)
            fail_msg("%s: %u", row->why, reply.status);
        /* libmicrohttpd 0.9.75 sends the head of its own refusal of a length twice. */
        if (!client_drained(fd)) /* the next request's begin would be a guess */
            fail_msg("%s: connection stays", row->why);
        reply_free(&reply);
        close(fd);
    }
    assert_int_equal(upstream_requests(), 0);
}

static void bad_chunks_never_make_a_second_request(void **state)
{
    (void)state;
    static const char *const bodies[] = {"x\r\n", "5x\r\nabcde\r\n0\r\n\r\n", "-1\r\n",
                                         "5\r\nabcdeGET /smuggled HTTP/1.1\r\n\r\n",
                                         "ffffffffffffffffff\r\n"};
    for (size_t i = 0; i < sizeof bodies / sizeof bodies[0]; i++) {
        int fd = client_connect(proxy.port);
        client_text(fd, "POST /count HTTP/1.1\r\n" H "Transfer-Encoding: chunked\r\n\r\n");
        client_text(fd, bodies[i]);
        struct reply reply = client_read(fd, false);
        assert_int_not_equal(reply.status, 200);
        assert_true(client_ended(fd));
        reply_free(&reply);
        close(fd);
    }
}

static void oversized_heads(void **state)
{
    (void)state;
    char *text = calloc(1, 1 << 20);
    struct {
        const char *why;
        const char *start, *repeat, *end;
        size_t count;
        unsigned status;
    } rows[] = {
        {"long target", "GET /", "a", " HTTP/1.1\r\n" H "\r\n", 200000, 414},
        {"long value", "GET / HTTP/1.1\r\n" H "A: ", "a", "\r\n\r\n", 200000, 431},
        {"value a bit too long", "GET / HTTP/1.1\r\n" H "A: ", "a", "\r\n\r\n", 9000, 431},
        {"many lines", "GET / HTTP/1.1\r\n" H, "A: b\r\n", "\r\n", 201, 431},
        {"very many lines", "GET / HTTP/1.1\r\n" H, "A: b\r\n", "\r\n", 20000, 431},
        {"long path", "GET /", "a", " HTTP/1.1\r\n" H "\r\n", 7000, 200},
        {"many parameters", "GET /?", "a&", " HTTP/1.1\r\n" H "\r\n", 3500, 200},
    };
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        size_t len = strlen(rows[i].start);
        memcpy(text, rows[i].start, len);
        for (size_t n = 0; n < rows[i].count; n++, len += strlen(rows[i].repeat))
            memcpy(text + len, rows[i].repeat, strlen(rows[i].repeat));
        memcpy(text + len, rows[i].end, strlen(rows[i].end) + 1);
        struct reply reply = ask(proxy.port, text);
        if (reply.status != rows[i].status)
            fail_msg("%s: %u", rows[i].why, reply.status);
        reply_free(&reply);
    }
    free(text);
}

static void half_a_request_and_silence(void **state)
{
    (void)state;
    static const char *const halves[] = {"", "G", "GET /echo HTTP/1.1\r\n",
                                         "GET /echo HTTP/1.1\r\nHost: t\r\nA: b"};
    int fds[4];
    for (size_t i = 0; i < 4; i++) {
        fds[i] = client_connect(proxy.port);
        client_text(fds[i], halves[i]);
    }
    for (size_t i = 0; i < 4; i++) {
        assert_true(client_ended(fds[i]));
        close(fds[i]);
    }
    int fd = client_connect(proxy.port);
    client_text(fd, "POST /count HTTP/1.1\r\nHost: t\r\nContent-Length: 10\r\n\r\nabc");
    assert_true(client_ended(fd)); /* half a body */
    close(fd);
    assert_true(proxy_metric_gets(&proxy, "clientid_proxy_requests_under_way", 0));
}

static void dripping_gives_no_more_time(void **state)
{
    (void)state;
    int fd = client_connect(proxy.port);
    uint64_t begin_ms = now_ms();
    client_text(fd, "GET /echo HTTP/1.1\r\nHost: t\r\nA: ");
    unsigned sent = 0;
    while (now_ms() < begin_ms + 10000) {
        client_text(fd, "x");
        sent++;
        sleep_ms(50);
        if (client_ended_now(fd))
            break;
    }
    assert_true(sent < 100);
    close(fd);
}

static void more_connections_than_allowed(void **state)
{
    (void)state;
    int fds[60];
    for (size_t i = 0; i < 60; i++)
        fds[i] = client_connect(proxy.port);
    assert_true(proxy_metric(&proxy, "clientid_proxy_connections") <= 40);
    for (size_t i = 0; i < 60; i++)
        close(fds[i]);
    assert_true(proxy_metric_gets(&proxy, "clientid_proxy_connections", 0));
    struct reply reply = get(proxy.port, "/echo", "");
    assert_int_equal(reply.status, 200);
    reply_free(&reply);
}

/* ---- credentials in bodies ------------------------------------------------------------------- */

#define FORM "Content-Type: application/x-www-form-urlencoded\r\n"

static void form_credentials_and_replay(void **state)
{
    (void)state;
    struct reply reply =
        ask(proxy.port, "POST /form/body HTTP/1.1\r\n" H FORM "Content-Length: 48\r\n\r\n"
                        "x=%31&client_id=alice&client_secret=wonderland&y");
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, "x=%31&client_id=alice&client_secret=wonderland&y");
    reply_free(&reply);
    reply =
        ask(proxy.port, "POST /form/body HTTP/1.1\r\n" H FORM "Transfer-Encoding: chunked\r\n\r\n"
                        "10\r\nclient_id=alice&\r\n18\r\nclient_secret=wonderland\r\n0\r\n\r\n");
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, "client_id=alice&client_secret=wonderland");
    reply_free(&reply);
    reply = ask(proxy.port, "POST /form/body HTTP/1.1\r\n" H FORM "Content-Length: 40\r\n\r\n"
                            "client_id=alice&client_secret=wonderlanD");
    assert_int_equal(reply.status, 401);
    reply_free(&reply);
    reply = ask(proxy.port, "POST /form/body HTTP/1.1\r\n" H FORM "Content-Length: 0\r\n\r\n");
    assert_int_equal(reply.status, 401);
    reply_free(&reply);
    reply = get(proxy.port, "/form/body", "");
    assert_int_equal(reply.status, 401);
    reply_free(&reply);
}

static void forms_that_are_too_large(void **state)
{
    (void)state;
    static char body[5001];
    char text[8192];
    memset(body, 'a', 5000);
    upstream_reset_counts();
    snprintf(text, sizeof text,
             "POST /form/body HTTP/1.1\r\n" H FORM "Content-Length: 5000\r\n\r\n%s", body);
    struct reply reply = ask(proxy.port, text);
    assert_true(reply.status == 401 || reply.status == 413);
    reply_free(&reply);
    snprintf(text, sizeof text,
             "POST /form/body HTTP/1.1\r\n" H FORM
             "Transfer-Encoding: chunked\r\n\r\n1388\r\n%s\r\n0\r\n\r\n",
             body);
    reply = ask(proxy.port, text);
    assert_true(reply.status == 401 || reply.status == 413);
    reply_free(&reply);
    assert_int_equal(upstream_requests(), 0);
}

/* ---- configurations -------------------------------------------------------------------------- */

#define START "{\"apis\":{\"a\":{\"policies\":[]}},\"proxy\":{\"listen\":\"127.0.0.1:0\","
#define ROUTE "{\"prefix\":\"/\",\"api\":\"a\",\"upstream\":\"http://u\"}"

static void wrong_configurations(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *says; /* on standard error */
    } rows[] = {
        {"{", "config:1:"},
        {"{\"apis\":{},\n \"proxy\" 1}", "config:2:"},
        {"{\"apis\":{}}", "#/proxy: must be an object"},
        {"[]", "#/proxy: must be an object"},
        {"{\"apis\":{},\"proxy\":{}}", "#/proxy: \"listen\" and \"routes\" are needed"},
        {START "\"rutes\":[]}}", "#/proxy/rutes: unknown key"},
        {START "\"routes\":[]}}", "#/proxy/routes: must be an array with at least one route"},
        {START "\"routes\":[{}]}}", "#/proxy/routes/0: \"prefix\" and \"api\" are needed"},
        {START "\"routes\":[{\"prefix\":\"x\"}]}}", "#/proxy/routes/0/prefix: must be a path"},
        {START "\"routes\":[{\"prefix\":\"/a/../b\"}]}}",
         "#/proxy/routes/0/prefix: must be a path"},
        {START "\"routes\":[{\"prefix\":\"/%61\"}]}}", "#/proxy/routes/0/prefix: must be a path"},
        {START "\"routes\":[{\"prefix\":\"/\",\"api\":\"b\"}]}}",
         "#/proxy/routes/0/api: must be the name"},
        {START "\"routes\":[" ROUTE "," ROUTE "]}}",
         "#/proxy/routes/1: same host and prefix as route 0"},
        {START "\"routes\":[{\"prefix\":\"/\",\"api\":\"a\",\"upstream\":\"u:1\"}]}}",
         "#/proxy/routes/0/upstream: must be"},
        {START "\"routes\":[{\"prefix\":\"/\",\"api\":\"a\",\"upstream\":\"http://u:p@v\"}]}}",
         "#/proxy/routes/0/upstream: must be"},
        {START "\"routes\":[{\"prefix\":\"/\",\"api\":\"a\",\"upstream\":\"http://"
               "u\",\"deny\":\"403\"}]}}",
         "#/proxy/routes/0: \"deny\" and \"pathPrefix\""},
        {START "\"routes\":[{\"prefix\":\"/\",\"api\":\"a\",\"deny\":403}]}}",
         "#/proxy/routes/0/deny: must be"},
        {START "\"workers\":0,\"routes\":[" ROUTE "]}}", "#/proxy/workers: must be a whole number"},
        {START "\"timeouts\":{\"header\":\"10\"},\"routes\":[" ROUTE "]}}",
         "#/proxy/timeouts/header: must be a duration"},
        {START "\"timeouts\":{\"header\":\"0s\"},\"routes\":[" ROUTE "]}}",
         "#/proxy/timeouts/header: must be a duration"},
        {START "\"trust\":[\"10.0.0.0/33\"],\"routes\":[" ROUTE "]}}",
         "#/proxy/trust/0: must be an IP"},
        {START "\"identityHeaders\":{\"id\":\"a b\"},\"routes\":[" ROUTE "]}}",
         "#/proxy/identityHeaders/id: must be the name"},
        {START "\"identityHeaders\":{\"id\":\"Host\"},\"routes\":[" ROUTE "]}}",
         "#/proxy/identityHeaders/id: \"Host\" cannot"},
        {START "\"tls\":{\"certificate\":\"x\"},\"routes\":[" ROUTE "]}}",
         "#/proxy/tls: \"certificate\" and"},
        {START "\"tls\":{\"certificate\":\"/nowhere\",\"key\":\"x\"},\"routes\":[" ROUTE "]}}",
         "cannot read /nowhere"},
        {START "\"admin\":\"9100\",\"routes\":[" ROUTE "]}}", "#/proxy/admin: must be"},
        {START "\"a/b~\":1,\"routes\":[" ROUTE "]}}", "#/proxy/a~1b~0: unknown key"},
        {"{\"apis\":{\"a\":{\"policies\":[{\"policy\":\"nothing\"}]}},\"proxy\":{\"listen\":\":0\","
         "\"routes\":[" ROUTE "]}}",
         "/apis/a/policies/0"},
    };
    struct proxy other;
    proxy_prepare(&other);
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s/err", other.dir);
        unlink(path);
        proxy_write_config(&other, rows[i].text, NULL);
        int code = proxy_run(&other, "--check");
        char *err = proxy_file(&other, "err");
        if (code != 3 || strstr(err, rows[i].says) == NULL)
            fail_msg("%s\ngave %d and %s", rows[i].text, code, err);
        free(err);
    }
    proxy_write_config(&other, START "\"routes\":[" ROUTE "]}}", NULL);
    assert_int_equal(proxy_run(&other, "--check"), 0);
    assert_int_equal(proxy_run(&other, "--nonsense"), 2);
    assert_int_equal(proxy_run(&other, "--help"), 0);
    assert_int_equal(proxy_run(&other, "--version"), 0);
    proxy_remove(&other);
}

static void a_port_in_use(void **state)
{
    (void)state;
    char text[512];
    struct proxy other;
    proxy_prepare(&other);
    snprintf(text, sizeof text,
             "{\"apis\":{\"a\":{\"policies\":[]}},\"proxy\":{\"listen\":\"127.0.0.1:%u\","
             "\"routes\":[" ROUTE "]}}",
             proxy.port);
    proxy_write_config(&other, text, NULL);
    assert_int_equal(proxy_run(&other, NULL), 1);
    snprintf(text, sizeof text, "cannot listen on 127.0.0.1:%u: Address already in use",
             proxy.port);
    assert_true(proxy_file_gets(&other, "err", text));

    char path[128];
    snprintf(path, sizeof path, "%s/config", other.dir);
    unlink(path);
    assert_int_equal(proxy_run(&other, NULL), 3);
    assert_true(proxy_file_gets(&other, "err", "cannot read"));
    proxy_remove(&other);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(heads_with_two_readings_are_refused),
        cmocka_unit_test(bad_chunks_never_make_a_second_request),
        cmocka_unit_test(oversized_heads),
        cmocka_unit_test(half_a_request_and_silence),
        cmocka_unit_test(dripping_gives_no_more_time),
        cmocka_unit_test(more_connections_than_allowed),
        cmocka_unit_test(form_credentials_and_replay),
        cmocka_unit_test(forms_that_are_too_large),
        cmocka_unit_test(wrong_configurations),
        cmocka_unit_test(a_port_in_use),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
