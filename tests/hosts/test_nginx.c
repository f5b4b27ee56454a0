/* SPDX-License-Identifier: Apache-2.0 */
/* What the NGINX module lets in, on every way there is into a location, and what it passes on: a real nginx. */
#include "support_nginx.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct upstream upstream;
static struct nginx nginx;

#define LIMITS                                                                                     \
    "\"limits\":{\"file\":\"@DIR@/limits\",\"cells\":1024,\"keyCells\":1024,\"useCells\":1024}"
#define ID_POLICY "{\"policy\":\"client-id-enforcement\",\"id\":\"any:client_id\"}"

/* "id", "secret", "limited" and "slow" have contracts (support_proxy.h); "a" and "b" count everybody. */
static const char config[] =
    "{\"state\":\"@DIR@/state\"," LIMITS ",\"apis\":{"
    "\"id\":{\"policies\":[" ID_POLICY "]},"
    "\"secret\":{\"policies\":[{\"policy\":\"client-id-enforcement\",\"id\":\"any:client_id\","
    "  \"secret\":\"any:client_secret\"}],\"stripCredentials\":\"all\"},"
    "\"limited\":{\"policies\":[{\"policy\":\"rate-limiting-sla-based\",\"id\":\"any:client_id\","
    "  \"exposeHeaders\":true}]},"
    "\"slow\":{\"policies\":[{\"policy\":\"throttling-sla-based\",\"id\":\"any:client_id\","
    "  \"delay\":\"100ms\",\"attempts\":50,\"queue\":2}]},"
    "\"kept\":{\"policies\":[{\"policy\":\"client-id-enforcement\",\"id\":\"query:client_id\","
    "  \"secret\":\"query:client_secret\"}],\"stripCredentials\":\"none\"},"
    "\"basic\":{\"policies\":[{\"policy\":\"client-id-enforcement\",\"basic\":true}]},"
    "\"own\":{\"policies\":[{\"policy\":\"client-id-enforcement\",\"id\":\"header:x-client-id\"}]},"
    "\"form\":{\"policies\":[{\"policy\":\"client-id-enforcement\",\"id\":\"form:client_id\"}],"
    "  \"caps\":{\"bodyBytes\":4096}},"
    "\"paths\":{\"policies\":[{\"policy\":\"client-id-enforcement\",\"id\":\"any:client_id\","
    "  \"match\":[{\"path\":\"/inner/.*\"}]}]},"
    "\"a\":{\"policies\":[{\"policy\":\"rate-limiting\",\"limits\":[\"1000/1h\"],"
    "  \"exposeHeaders\":true}]},"
    "\"b\":{\"policies\":[{\"policy\":\"rate-limiting\",\"limits\":[\"500/1h\"],"
    "  \"exposeHeaders\":true}]}}}";

/* One server for clients, one that nginx itself is the upstream of. */
static const char places[] =
    "clientid_config @CONFIG@;\n"
    "log_format safe '$clientid_request_line|$status|$clientid_id|$clientid_name|$clientid_tier|'\n"
    "    '$clientid_reason|$clientid_remaining|$clientid_delay|$clientid_shadow|$clientid_api';\n"
    "log_format uri '$request|$request_uri|$args|$query_string|$arg_client_secret';\n"
    "server {\n"
    "  access_log @DIR@/safe safe;\n"
    "  access_log @DIR@/combined combined;\n"
    "  access_log @DIR@/uri uri;\n"
    "  listen 127.0.0.1:@PORT@;\n"
    "  listen 127.0.0.1:@H2@ http2;\n"
    "  root @DIR@/www;\n"
    "  ssi_types *;\n"
    "  location /metrics { clientid_metrics; }\n"
    "  location /static/ { clientid id; }\n"
    "  location /id/ { clientid id; proxy_pass http://127.0.0.1:@UP@; }\n"
    "  location /id/plain { clientid off; proxy_pass http://127.0.0.1:@UP@/echo; }\n"
    "  location /secret/ { clientid secret; proxy_pass http://127.0.0.1:@UP@/echo/; }\n"
    "  location /echo { clientid secret; proxy_pass http://127.0.0.1:@UP@; }\n"
    "  location /variable/ { clientid secret; proxy_pass http://127.0.0.1:@UP@$request_uri; }\n"
    "  location /rewritten/ { clientid secret; rewrite ^/rewritten(.*) /echo$1 break;\n"
    "    proxy_pass http://127.0.0.1:@UP@; }\n"
    "  location /body { clientid form; clientid_body_size 4k; client_body_buffer_size 1k;\n"
    "    proxy_pass http://127.0.0.1:@UP@; }\n"
    "  location /kept { clientid kept; rewrite ^ /echo break; proxy_pass http://127.0.0.1:@UP@; }\n"
    "  location /basic { clientid basic; rewrite ^ /echo break; proxy_pass http://127.0.0.1:@UP@; "
    "}\n"
    "  location /own { clientid own; rewrite ^ /echo break; proxy_pass http://127.0.0.1:@UP@; }\n"
    "  location /names { clientid id; clientid_identity_headers id=X-Who; rewrite ^ /echo break;\n"
    "    proxy_pass http://127.0.0.1:@UP@; }\n"
    "  location /scgi { clientid secret; scgi_pass 127.0.0.1:@UP@; }\n"
    "  location /grpc { clientid secret; grpc_pass grpc://unix:@DIR@/h2.sock; }\n"
    "  location /limited/ { clientid limited; }\n"
    "  location /slow { clientid slow; empty_gif; }\n"
    "  location /down { clientid a; proxy_pass http://127.0.0.1:1; }\n"
    "  location /down-page { clientid a; proxy_pass http://127.0.0.1:1; error_page 502 =200 "
    "/a/start.html; }\n"
    "  location /down-mirrored { clientid a; mirror /counted; proxy_pass http://127.0.0.1:1; }\n"
    "  location /down-inside { mirror /counted; proxy_pass http://127.0.0.1:1; }\n"
    "  location /counted { internal; clientid a; proxy_pass http://127.0.0.1:@UP@/echo; }\n"
    "  location /afterwards { clientid a; empty_gif; post_action /down-action; }\n"
    "  location /down-action { internal; proxy_pass http://127.0.0.1:1; }\n"
    "  location /seen { clientid secret; if ($request_uri = $http_x_client_id) { return 400; }\n"
    "    if ($http_client_secret = $request) { return 400; } rewrite ^ /echo break;\n"
    "    proxy_set_header Seen \"$request_uri $request $http_x_client_id $http_client_secret\";\n"
    "    proxy_pass http://127.0.0.1:@UP@; }\n"
    "  location /closed { clientid secret; deny all; empty_gif; error_page 403 /closed.html; }\n"
    "  location = /closed.html { rewrite_log on; rewrite ^/none / break; }\n"
    "  location /broken { clientid form; error_page 400 413 /broken/page.html; "
    "client_max_body_size "
    "2k; empty_gif; }\n"
    "  location /status { clientid id; clientid_denied_status 404; empty_gif; }\n"
    "  location /quota { clientid limited; clientid_quota_status 503; empty_gif; }\n"
    "  location /shadow { clientid secret; clientid_mode shadow; rewrite ^ /echo break;\n"
    "    proxy_pass http://127.0.0.1:@UP@; }\n"
    "  location /early { clientid id; return 200 early; }\n"
    "  location /guarded { clientid id; clientid_phase rewrite; return 200 guarded; }\n"
    "  location /guarded-away { clientid id; clientid_phase rewrite; rewrite ^ /away last; }\n"
    "  location /away { clientid id; empty_gif; }\n"
    "";
static const char ways[] =
    /* once */
    "  location /a/ { clientid a; index start.html; }\n"
    "  location /a/try { clientid a; try_files /a/none /a/none2 /a/start.html; }\n"
    "  location /a/named { clientid a; try_files /a/none @a; }\n"
    "  location @a { clientid a; empty_gif; }\n"
    "  location /a/lost { clientid a; error_page 404 /a/start.html; }\n"
    "  location /a/accel { clientid a; proxy_pass http://unix:@DIR@/up.sock:/accel?/a/start.html; "
    "}\n"
    "  location /a/last { clientid a; rewrite ^ /a/start.html last; }\n"
    "  location /a/ssi.html { clientid a; ssi on; }\n"
    "  location /a/auth { clientid a; auth_request /a/start.html; empty_gif; }\n"
    "  location /a/mirror { clientid a; mirror /a/start.html; empty_gif; }\n"
    "  location /a/mix { clientid a; error_page 404 /b/start.html; }\n"
    "  location /b/ { clientid b; index start.html; }\n"
    /* ways in from outside */
    "  location /out/try { try_files /none /static/x.html; }\n"
    "  location /out/named { try_files /none @static; }\n"
    "  location @static { clientid id; root @DIR@/www/static; try_files /x.html =404; }\n"
    "  location /out/lost { error_page 404 = /static/x.html; }\n"
    "  location /out/lost-status { error_page 404 /static/x.html; }\n"
    "  location /out/bare { proxy_pass http://127.0.0.1:@UP@/echo; }\n"
    "  location /out/leak.html { ssi on; }\n"
    "  location /body-twice { clientid form; client_body_buffer_size 1k; proxy_pass "
    "http://unix:@DIR@/up.sock:/none;\n"
    "    proxy_intercept_errors on; error_page 404 = @body; }\n"
    "  location @body { clientid form; rewrite ^ /body break; proxy_pass http://127.0.0.1:@UP@; }\n"
    "  location /out/accel { proxy_pass http://unix:@DIR@/up.sock:/accel?/static/x.html; }\n"
    "  location /out/last { rewrite ^ /static/x.html last; }\n"
    "  location /out/ssi.html { ssi on; }\n"
    "  location /out/twice.html { ssi on; }\n"
    "  location /out/slow.html { ssi on; }\n"
    "  location /out/add.html { add_after_body /static/x.html; }\n"
    "  location /out/auth { auth_request /static/x.html; empty_gif; }\n"
    "  location /out/paths { rewrite ^ /inner/x.html last; }\n"
    "  location /inner/ { clientid paths; root @DIR@/www; }\n"
    /* error pages */
    "  location /page { clientid id; error_page 401 /static/x.html; empty_gif; }\n"
    "  location /page-named { clientid limited; error_page 429 @slow; empty_gif; }\n"
    "  location @slow { clientid limited; return 200 slow-down; }\n"
    "  location /page-other { clientid id; error_page 401 /b/start.html; empty_gif; }\n"
    "  location /page-redirect { clientid id; error_page 401 =302 http://login.test/; empty_gif; "
    "}\n"
    "  location /page-echo { clientid secret; error_page 401 = @echo; empty_gif; }\n"
    "  location @echo { rewrite ^ /echo break; proxy_pass http://127.0.0.1:@UP@; }\n"
    "  location /page-ssi { clientid id; error_page 401 /page-ssi.html; empty_gif; }\n"
    "  location /page-ssi.html { ssi on; }\n"
    /* satisfy */
    "  location /any-in { satisfy any; allow 127.0.0.1; deny all; clientid secret;\n"
    "    rewrite ^ /echo break; proxy_pass http://127.0.0.1:@UP@; }\n"
    "  location /any-out { satisfy any; deny all; clientid id; empty_gif; }\n"
    "  location /any-open { satisfy any; deny all; clientid paths; empty_gif; }\n"
    "  location /all-out { deny all; clientid a; empty_gif; }\n"
    "  location /busy { limit_req zone=none; clientid secret; empty_gif; }\n"
    "}\n"
    "limit_req_zone $server_port zone=none:64k rate=1r/m;\n"
    "server { listen unix:@DIR@/up.sock; access_log off;\n"
    "  location /accel { add_header X-Accel-Redirect $args; return 200; } }\n"
    "server { listen unix:@DIR@/h2.sock http2; access_log off; location / {\n"
    "  return 200 \"$request_uri|$http_x_client_id|$http_x_client_secret|$http_client_secret\"; } "
    "}\n";

static void write_page(const char *name, const char *text)
{
    char path[160];
    (void)snprintf(path, sizeof path, "%s/www/%s", nginx.files.dir, name);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs(text, file);
    assert_int_equal(fclose(file), 0);
}

static void write_pages(void)
{
    static const char *const folders[] = {"", "static", "limited", "a", "b", "out", "inner"};
    char path[160];
    for (size_t i = 0; i < sizeof folders / sizeof folders[0]; i++) {
        (void)snprintf(path, sizeof path, "%s/www/%s", nginx.files.dir, folders[i]);
        assert_int_equal(mkdir(path, 0755), 0);
    }
    write_page("static/x.html", "the page");
    write_page("closed.html", "closed");
    write_page("limited/x.html", "limited page");
    write_page("a/start.html", "start of a");
    write_page("a/ssi.html", "<!--#include virtual=\"/a/start.html\" --> and more");
    write_page("b/start.html", "start of b");
    write_page("inner/x.html", "inner page");
    write_page("out/ssi.html", "[<!--#include virtual=\"/static/x.html\" -->]");
    write_page("out/twice.html", "<!--#include virtual=\"/a/start.html\" -->"
                                 "<!--#include virtual=\"/a/start.html?2\" -->");
    write_page("out/slow.html",
               "<!--#include virtual=\"/slow?1\" --><!--#include virtual=\"/slow?2\" -->!");
    write_page("out/add.html", "added: ");
    write_page("out/leak.html", "<!--#include virtual=\"/names\" wait=\"yes\" -->"
                                "<!--#include virtual=\"/out/bare\" -->");
    write_page("page-ssi.html", "refused <!--#include virtual=\"/static/x.html\" -->");
}

static int setup(void **state)
{
    static char http[16384];
    (void)state;
    if (!nginx_available())
        return 0;
    upstream_start(&upstream);
    nginx_prepare(&nginx, &upstream);
    write_pages();
    nginx_write_config(&nginx, config);
    (void)snprintf(http, sizeof http, "%s%s", places, ways);
    nginx_write_conf(&nginx, "", http);
    nginx_start(&nginx);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (!nginx_available())
        return 0;
    char *alerts = nginx_alerts(&nginx);
    assert_string_equal(alerts, "");
    free(alerts);
    assert_int_equal(nginx_stop(&nginx), 0);
    if (getenv("KEEP_FOLDER") == NULL)
        nginx_remove(&nginx);
    upstream_stop(&upstream);
    return 0;
}

static int need_nginx(void **state)
{
    (void)state;
    if (!nginx_available())
        skip();
    return 0;
}

/* ---- asking ---------------------------------------------------------------------------------- */

static struct reply fetch(const char *target, const char *lines)
{
    return get(nginx.port, target, lines);
}

static void expect(const char *target, const char *lines, unsigned status, const char *body)
{
    struct reply reply = fetch(target, lines);
    if (reply.status != status || (body != NULL && strstr(reply.body, body) == NULL))
        fail_msg("%s: %u, wanted %u: %s\n%s", target, reply.status, status, reply.head, reply.body);
    reply_free(&reply);
}

/* Of a line of the metrics; 0 when there is none. */
static double metric(const char *line)
{
    struct reply reply = fetch("/metrics", "");
    const char *at = strstr(reply.body, line);
    double value = at != NULL ? strtod(at + strlen(line), NULL) : 0;
    reply_free(&reply);
    return value;
}

/* How often an API instance that counts everybody was charged. */
static double charges(const char *api)
{
    char line[128];
    (void)snprintf(line, sizeof line,
                   "clientid_decisions_total{api=\"%s\",verdict=\"allow\",reason=\"allowed\"}",
                   api);
    return metric(line);
}

/* ---- the answer ------------------------------------------------------------------------------ */

static void refuses_and_admits(void **state)
{
    (void)state;
    struct reply reply = fetch("/static/x.html", "");
    assert_int_equal(reply.status, 401);
    assert_has(reply.head, "WWW-Authenticate: Client-ID-Enforcement\r\n");
    assert_has(reply.head, "Content-Type: application/json\r\n");
    assert_has(reply.body, "\"Client ID is not present\"");
    assert_true(reply.whole);
    reply_free(&reply);
    expect("/static/x.html", "client_id: mallory\r\n", 401, "Authentication Attempt Failed");
    expect("/static/x.html", "client_id: alice\r\n", 200, "the page");
    expect("/static/x.html?client_id=alice", "", 200, "the page");
    expect("/static/x.html", "client_id: alice\r\nclient_id: alice\r\n", 401, NULL);
}

static void head_and_keepalive(void **state)
{
    (void)state;
    int fd = client_connect(nginx.port);
    client_text(fd, "HEAD /static/x.html HTTP/1.1\r\nHost: t\r\n\r\n");
    struct reply reply = client_read(fd, true);
    assert_int_equal(reply.status, 401);
    reply_free(&reply);
    client_text(fd, "POST /static/x.html HTTP/1.1\r\nHost: t\r\nContent-Length: 5\r\n\r\nhello"
                    "GET /static/x.html?client_id=alice HTTP/1.1\r\nHost: t\r\n\r\n");
    reply = client_read(fd, false);
    assert_int_equal(reply.status, 401);
    reply_free(&reply);
    reply = client_read(fd, false);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, "the page");
    reply_free(&reply);
    (void)close(fd);
}

static void odd_targets(void **state)
{
    (void)state;
    expect("http://other/static/x.html?client_id=alice", "", 200, "the page");
    expect("http://other/static/x.html", "", 401, NULL);
    expect("//static//x.html?client_id=alice", "", 200, "the page");
    expect("/nowhere/../static/%78.html", "", 401, NULL);
    int fd = client_connect(nginx.port);
    client_text(fd, "GET /static/x.html\r\n"); /* HTTP/0.9 */
    char text[64] = "";
    (void)!read(fd, text, sizeof text - 1);
    assert_has(text, "Client ID is not present");
    (void)close(fd);
    fd = client_connect(nginx.port);
    client_text(fd, "GET /echo?client_id=alice&client_secret=wonderland\r\n");
    char echo[512] = "";
    for (ssize_t n = 1, at = 0; n > 0; at += n)
        n = read(fd, echo + at, sizeof echo - 1 - (size_t)at);
    assert_has(echo, "GET /echo HTTP/1.");
    assert_has(echo, "X-Client-Id: alice");
    (void)close(fd);
}

static void chosen_statuses(void **state)
{
    (void)state;
    struct reply reply = fetch("/status", "");
    assert_int_equal(reply.status, 404);
    assert_hasnt(reply.head, "WWW-Authenticate");
    reply_free(&reply);
}

static void quota_headers_on_every_answer(void **state)
{
    (void)state;
    struct reply reply = fetch("/a/start.html", "");
    assert_int_equal(reply.status, 200);
    assert_has(reply.head, "X-RateLimit-Limit: 1000\r\n");
    const char *tag = strstr(reply.head, "ETag: ");
    char line[128];
    assert_non_null(tag);
    (void)snprintf(line, sizeof line, "If-None-Match: %.*s\r\n", (int)strcspn(tag + 6, "\r"),
                   tag + 6);
    reply_free(&reply);
    reply = fetch("/a/start.html", line);
    assert_int_equal(reply.status, 304);
    assert_has(reply.head, "X-RateLimit-Limit: 1000\r\n");
    reply_free(&reply);
    reply = fetch("/a/nothing", "");
    assert_int_equal(reply.status, 404);
    assert_has(reply.head, "X-RateLimit-Limit: 1000\r\n");
    reply_free(&reply);
    reply = fetch("/static/x.html?client_id=alice", "");
    assert_has(reply.head, "Cache-Control: private\r\n");
    reply_free(&reply);
}

static void quota(void **state)
{
    (void)state;
    expect("/limited/x.html", "client_id: alice\r\n", 200, "limited page");
    struct reply reply = fetch("/limited/x.html", "client_id: alice\r\n");
    assert_int_equal(reply.status, 200);
    assert_has(reply.head, "X-RateLimit-Remaining: 0\r\n");
    reply_free(&reply);
    reply = fetch("/limited/x.html", "client_id: alice\r\n");
    assert_int_equal(reply.status, 429);
    assert_has(reply.head, "Retry-After: ");
    assert_has(reply.head, "Cache-Control: no-store\r\n");
    assert_has(reply.body, "Quota has been exceeded");
    reply_free(&reply);
    expect("/quota", "client_id: alice\r\n", 503, "Quota has been exceeded");
    reply = fetch("/page-named", "client_id: alice\r\n");
    assert_int_equal(reply.status, 429);
    assert_string_equal(reply.body, "slow-down");
    assert_has(reply.head, "Retry-After: ");
    reply_free(&reply);
}

/* ---- upstream -------------------------------------------------------------------------------- */

#define SECRETS "client_id: alice\r\nclient_secret: wonderland\r\n"
#define SPOOFS                                                                                     \
    "X-Client-Id: root\r\nx-client-ID: root\r\nX_Client_Id: root\r\nX-Client_Name: root\r\n"       \
    "X_CLIENT-TIER: root\r\n"

static void expect_clean(const char *text)
{
    assert_has(text, "X-Client-Id: alice\r\nX-Client-Name: Alice Inc\r\nX-Client-Tier: gold\r\n");
    assert_hasnt(text, "root");
    assert_hasnt(text, "wonderland");
    assert_hasnt(text, "client_id");
    assert_has(text, "A: 1\r\n");
    assert_has(text, "A: 2\r\n");
}

static void credentials_end_here(void **state)
{
    static const char *const targets[][2] = {
        {"/echo", "GET /echo HTTP"},
        {"/echo?", "GET /echo? HTTP"},
        {"/echo?x=%31&&y", "GET /echo?x=%31&&y HTTP"},
        {"/echo?client_id=alice", "GET /echo HTTP"},
        {"/echo?x=1&client%5Fid=alice&y=2", "GET /echo?x=1&y=2 HTTP"},
        {"/echo/a%2Fb//c?client_secret=wonderland&z", "GET /echo/a%2Fb//c?z HTTP"},
        {"/secret/d?client_secret=wonderland&z=+", "GET /echo/d?z=+ HTTP"},
        {"/rewritten/e?z&client_secret=wonderland", "GET /echo/e?z HTTP"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        bool in_query = strstr(targets[i][0], "client") != NULL;
        struct reply reply = fetch(targets[i][0], "A: 1\r\n" SECRETS SPOOFS "A: 2\r\n");
        if (reply.status != 200 && !in_query)
            fail_msg("%s: %u %s", targets[i][0], reply.status, reply.body);
        if (reply.status == 200) {
            assert_has(reply.body, targets[i][1]);
            expect_clean(reply.body);
        }
        reply_free(&reply);
        if (!in_query)
            continue;
        /* both in the query, so that nothing is ambiguous */
        char target[128];
        (void)snprintf(target, sizeof target, "%s%s", targets[i][0],
                       strstr(targets[i][0], "secret=") != NULL ? "&client_id=alice"
                                                                : "&client_secret=wonderland");
        reply = fetch(target, "A: 1\r\n" SPOOFS "A: 2\r\n");
        assert_int_equal(reply.status, 200);
        assert_has(reply.body, targets[i][1]);
        expect_clean(reply.body);
        reply_free(&reply);
    }
}

static void variables_are_clean(void **state)
{
    (void)state;
    struct reply reply =
        fetch("/variable/echo?client_secret=wonderland&client_id=alice&q=1", "A: 1\r\nA: 2\r\n");
    assert_hasnt(reply.body, "wonderland");
    reply_free(&reply);
}

/* nginx keeps what a variable was when an "if" asked for it, before the check. */
static void variables_read_early_are_clean(void **state)
{
    (void)state;
    struct reply reply =
        fetch("/seen?client_id=alice&client_secret=wonderland&q=1", "X-Client-Id: root\r\n");
    assert_int_equal(reply.status, 200);
    assert_has(reply.body, "Seen: /seen?q=1 GET /seen?q=1 HTTP/1.1 alice ");
    assert_hasnt(reply.body, "wonderland");
    assert_hasnt(reply.body, "root");
    reply_free(&reply);
    reply = fetch("/seen", SECRETS "X-Client-Id: root\r\n");
    assert_has(reply.body, "Seen: /seen GET /seen HTTP/1.1 alice \r\n");
    reply_free(&reply);
}

static void scgi_and_grpc(void **state)
{
    (void)state;
    int fd = client_connect(nginx.h2_port);
    assert_true(fd >= 0);
    (void)close(fd);
    struct reply reply = fetch("/grpc/x?client_secret=wonderland&client_id=alice&q", SPOOFS);
    assert_int_equal(reply.status, 200);
    assert_string_equal(reply.body, "/grpc/x?q|alice||");
    reply_free(&reply);
    reply = fetch("/grpc/x", "");
    assert_int_equal(reply.status, 401);
    reply_free(&reply);
}

static void unprotected_is_untouched(void **state)
{
    (void)state;
    struct reply reply = fetch("/id/plain?client_id=alice", "X-Client-Id: as-sent\r\n");
    assert_int_equal(reply.status, 200);
    assert_has(reply.body, "?client_id=alice HTTP");
    assert_has(reply.body, "X-Client-Id: as-sent\r\n");
    reply_free(&reply);
}

static void other_identity_headers(void **state)
{
    (void)state;
    struct reply reply =
        fetch("/names", "client_id: alice\r\nX-Who: root\r\nX-Client-Id: kept\r\n");
    assert_has(reply.body, "X-Who: alice\r\n");
    assert_has(reply.body, "X-Client-Id: kept\r\n");
    assert_hasnt(reply.body, "root");
    reply_free(&reply);
    /* A policy may read the very header that is taken away. */
    reply = fetch("/own", "x-client-id: alice\r\n");
    assert_int_equal(reply.status, 200);
    assert_has(reply.body, "X-Client-Id: alice\r\n");
    assert_hasnt(reply.body, "x-client-id");
    reply_free(&reply);
    expect("/own", "x-client-id: mallory\r\n", 401, NULL);
}

static void basic_is_taken_away(void **state)
{
    (void)state;
    struct reply reply = fetch("/basic", "Authorization: Basic eDp5\r\n");
    assert_int_equal(reply.status, 401);
    assert_has(reply.head, "WWW-Authenticate: Basic realm=");
    reply_free(&reply);
}

static void unreached_upstream_costs_nothing(void **state)
{
    (void)state;
    struct reply reply = fetch("/a/start.html", "");
    const char *before = strstr(reply.head, "X-RateLimit-Remaining: ");
    unsigned long left = strtoul(before + 23, NULL, 10);
    reply_free(&reply);
    expect("/down", "", 502, NULL);
    expect("/down", "", 502, NULL);
    reply = fetch("/a/start.html", "");
    assert_int_equal(strtoul(strstr(reply.head, "X-RateLimit-Remaining: ") + 23, NULL, 10),
                     left - 1);
    reply_free(&reply);
}

static unsigned long remaining(void)
{
    struct reply reply = fetch("/a/start.html", "");
    const char *at = strstr(reply.head, "X-RateLimit-Remaining: ");
    unsigned long left = at != NULL ? strtoul(at + 23, NULL, 10) : 0;
    reply_free(&reply);
    return left;
}

/* Nothing comes back for a request that was served, by whatever. */
static void work_done_is_charged(void **state)
{
    static const struct {
        const char *target;
        unsigned status;
    } rows[] = {
        {"/down-page", 200}, {"/down-mirrored", 502}, {"/down-inside", 502}, {"/afterwards", 200}};
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        unsigned long before = remaining();
        expect(rows[i].target, "", rows[i].status, NULL);
        if (remaining() != before - 2)
            fail_msg("%s was refunded", rows[i].target);
    }
}

/* ---- ways in --------------------------------------------------------------------------------- */

static void charged_once(void **state)
{
    static const char *const targets[][2] = {
        {"/a/", "start of a"},      {"/a/try", "start of a"},
        {"/a/named", "GIF89a"},     {"/a/lost", "start of a"},
        {"/a/accel", "start of a"}, {"/a/last", "start of a"},
        {"/a/auth", "GIF89a"},      {"/a/ssi.html", "start of a and more"},
        {"/a/mirror", "GIF89a"},    {"/out/twice.html", "start of astart of a"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++) {
        double before = charges("a");
        struct reply reply = fetch(targets[i][0], "");
        assert_has(reply.body, targets[i][1]);
        reply_free(&reply);
        if (charges("a") != before + 1)
            fail_msg("%s was charged %g times", targets[i][0], charges("a") - before);
    }
}

static void another_api_instance_is_asked_too(void **state)
{
    (void)state;
    double a = charges("a");
    double b = charges("b");
    struct reply reply = fetch("/a/mix", "");
    assert_has(reply.body, "start of b");
    assert_has(reply.head, "X-RateLimit-Limit: 500\r\n");
    assert_hasnt(reply.head, "X-RateLimit-Limit: 1000\r\n");
    reply_free(&reply);
    assert_true(charges("a") == a + 1);
    assert_true(charges("b") == b + 1);
}

static void no_way_around(void **state)
{
    static const struct {
        const char *target;
        unsigned status;
        const char *page;
    } rows[] = {
        {"/out/try", 401, "the page"},
        {"/out/named", 401, "the page"},
        {"/out/lost", 401, "the page"},
        {"/out/lost-status", 401, "the page"},
        {"/out/accel", 401, "the page"},
        {"/out/last", 401, "the page"},
        {"/out/auth", 401, "GIF"},
        {"/out/ssi.html", 200, "[the page"},
        {"/out/add.html", 200, "added: the page"},
        {"/out/paths", 401, "inner page"},
    };
    (void)state;
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        struct reply reply = fetch(rows[i].target, "");
        if (reply.status != rows[i].status || strstr(reply.body, rows[i].page) != NULL)
            fail_msg("%s: %u %s", rows[i].target, reply.status, reply.body);
        reply_free(&reply);
        reply = fetch(rows[i].target, "client_id: alice\r\n");
        if ((reply.status != 200 && reply.status != 404) ||
            strstr(reply.body, rows[i].page) == NULL)
            fail_msg("%s with id: %u %s", rows[i].target, reply.status, reply.body);
        reply_free(&reply);
    }
}

/* What a protected part of a page gets to know about the client stays in it. */
static void identity_stays_in_its_subrequest(void **state)
{
    (void)state;
    struct reply reply = fetch("/out/leak.html", "client_id: alice\r\n");
    const char *first = strstr(reply.body, "X-Who: alice");
    assert_non_null(first);
    assert_null(strstr(first + 1, "X-Who"));
    assert_non_null(strstr(first, "GET /echo"));
    reply_free(&reply);
}

static void return_is_answered_before_access(void **state)
{
    (void)state;
    expect("/early", "", 200, "early"); /* the truth, and what the README says */
    expect("/guarded", "", 401, NULL);
    expect("/guarded", "client_id: alice\r\n", 200, "guarded");
    expect("/guarded-away", "", 401, NULL);
    double before = charges("id");
    expect("/guarded-away", "client_id: alice\r\n", 200, "GIF");
    assert_true(charges("id") == before + 1);
}

static void error_pages(void **state)
{
    (void)state;
    struct reply reply = fetch("/page", "");
    assert_int_equal(reply.status, 401);
    assert_string_equal(reply.body, "the page");
    assert_has(reply.head, "WWW-Authenticate: Client-ID-Enforcement\r\n");
    reply_free(&reply);
    double before = charges("b");
    expect("/page-other", "", 401, "start of b");
    assert_true(charges("b") == before + 1);
    reply = fetch("/page-redirect", "");
    assert_int_equal(reply.status, 302);
    assert_has(reply.head, "Location: http://login.test/\r\n");
    reply_free(&reply);
    reply = fetch("/page-echo?client_secret=wonderland&q", SPOOFS);
    assert_int_equal(reply.status, 200);
    assert_hasnt(reply.body, "root");
    assert_hasnt(reply.body, "wonderland");
    assert_hasnt(reply.body, "X-Client-Id");
    reply_free(&reply);
    reply = fetch("/page-ssi", "");
    assert_has(reply.body, "refused ");
    assert_hasnt(reply.body, "the page");
    reply_free(&reply);
}

static void satisfy(void **state)
{
    (void)state;
    struct reply reply = fetch("/any-in?client_secret=wonderland&q", SPOOFS "Client_Secret: x\r\n");
    assert_int_equal(reply.status, 200);
    assert_has(reply.body, "GET /echo?q HTTP");
    assert_hasnt(reply.body, "root");
    assert_hasnt(reply.body, "ecret");
    reply_free(&reply);
    expect("/any-out", "", 401, "Client ID is not present");
    reply = fetch("/any-out", "client_id: alice\r\n");
    assert_int_equal(reply.status, 200);
    reply_free(&reply);
    expect("/any-open", "", 403, NULL); /* no policy applies: that satisfies nobody */
    double before = charges("a");
    expect("/all-out", "", 403, NULL);
    assert_true(charges("a") == before);
}

static void shadow(void **state)
{
    (void)state;
    struct reply reply = fetch("/shadow?client_id=alice&client_secret=wrong&q", SPOOFS);
    assert_int_equal(reply.status, 200);
    assert_has(reply.body, "GET /echo?q HTTP");
    assert_hasnt(reply.body, "X-Client-Id");
    reply_free(&reply);
    reply = fetch("/shadow", SECRETS);
    assert_has(reply.body, "X-Client-Id: alice\r\n");
    reply_free(&reply);
    assert_true(
        proxy_file_gets(&nginx.files, "safe",
                        "GET /shadow?q HTTP/1.1|200|-|-|-|client-secret-wrong|-|0.000|-|secret"));
    assert_true(
        proxy_file_gets(&nginx.files, "error.log", "would be refused: client-secret-wrong"));
}

/* ---- waiting --------------------------------------------------------------------------------- */

static int send_slow(void)
{
    int fd = client_connect(nginx.port);
    client_text(fd, "GET /slow?client_id=alice HTTP/1.1\r\nHost: t\r\n\r\n");
    return fd;
}

static void expect_gif(int fd)
{
    struct reply reply = client_read(fd, false);
    assert_int_equal(reply.status, 200);
    reply_free(&reply);
    (void)close(fd);
}

static void waits_and_passes(void **state)
{
    int fds[4];
    (void)state;
    for (int i = 0; i < 4; i++)
        fds[i] = send_slow();
    for (int i = 0; i < 4; i++)
        expect_gif(fds[i]);
    /* The last one waited at least twice 100 ms. */
    assert_true(proxy_file_gets(&nginx.files, "safe", "|Alice Inc|quick|allowed|0|0.000"));
    char *log = proxy_file(&nginx.files, "safe");
    double longest = 0;
    for (const char *at = log; (at = strstr(at, "|quick|allowed|")) != NULL; at += 15)
        longest = strtod(at + 17, NULL) > longest ? strtod(at + 17, NULL) : longest;
    free(log);
    assert_true(longest >= 0.2);
}

/* Two places: who leaves makes room. */
static void who_leaves_frees_a_place(void **state)
{
    int fds[6];
    (void)state;
    sleep_ms(350);
    for (int i = 0; i < 4; i++)
        fds[i] = send_slow(); /* two pass, two wait */
    sleep_ms(50);
    expect("/slow?client_id=alice", "", 429, NULL); /* no third place */
    (void)close(fds[2]);
    (void)close(fds[3]);
    sleep_ms(50);
    fds[4] = send_slow();
    fds[5] = send_slow();
    expect_gif(fds[0]);
    expect_gif(fds[1]);
    expect_gif(fds[4]);
    expect_gif(fds[5]);
}

static void pipelined_behind_a_delay(void **state)
{
    (void)state;
    sleep_ms(350);
    int first = send_slow();
    int second = send_slow();
    expect_gif(first);
    expect_gif(second);
    int fd = client_connect(nginx.port);
    client_text(fd, "GET /slow?client_id=alice HTTP/1.1\r\nHost: t\r\n\r\n"
                    "GET /static/x.html?client_id=alice HTTP/1.1\r\nHost: t\r\n\r\n");
    struct reply reply = client_read(fd, false);
    assert_int_equal(reply.status, 200);
    assert_has(reply.head, "image/gif");
    reply_free(&reply);
    reply = client_read(fd, false);
    assert_string_equal(reply.body, "the page");
    reply_free(&reply);
    (void)close(fd);
}

static void subrequests_wait(void **state)
{
    (void)state;
    sleep_ms(350);
    expect_gif(send_slow());
    expect_gif(send_slow());
    struct reply reply = fetch("/out/slow.html", "client_id: alice\r\n");
    assert_int_equal(reply.status, 200);
    assert_memory_equal(reply.body, "GIF89a", 6);
    assert_int_equal(reply.length, 2 * 43 + 1);
    reply_free(&reply);
}

/* ---- bodies ---------------------------------------------------------------------------------- */

#define FORM "Content-Type: application/x-www-form-urlencoded\r\n"

/* Sends |body| in two parts, and as chunks if so wanted; the upstream answers with what it got. */
static struct reply post_to(const char *path, const char *head, const char *body, bool chunked)
{
    char text[512];
    size_t half = strlen(body) / 2;
    int fd = client_connect(nginx.port);
    (void)snprintf(text, sizeof text, "POST %s HTTP/1.1\r\nHost: t\r\n%s", path, head);
    client_text(fd, text);
    if (chunked) {
        (void)snprintf(text, sizeof text, "Transfer-Encoding: chunked\r\n\r\n%zx\r\n", half);
        client_text(fd, text);
        client_send(fd, body, half);
        sleep_ms(30);
        (void)snprintf(text, sizeof text, "\r\n%zx\r\n", strlen(body) - half);
        client_text(fd, text);
        client_text(fd, body + half);
        client_text(fd, "\r\n0\r\n\r\n");
    } else {
        (void)snprintf(text, sizeof text, "Content-Length: %zu\r\n\r\n", strlen(body));
        client_text(fd, text);
        client_send(fd, body, half);
        sleep_ms(30);
        client_text(fd, body + half);
    }
    struct reply reply = client_read(fd, false);
    if (reply.status == 100) {
        reply_free(&reply);
        reply = client_read(fd, false);
    }
    (void)close(fd);
    return reply;
}

static struct reply post(const char *head, const char *body, bool chunked)
{
    return post_to("/body", head, body, chunked);
}

/* In memory, in a temporary file (above 1k), with a length or in chunks: it arrives upstream as it came. */
static void bodies_with_credentials(void **state)
{
    char big[3000];
    static const char *const heads[] = {FORM, FORM "Expect: 100-continue\r\n"};
    (void)state;
    (void)snprintf(big, sizeof big, "client_id=alice&pad=%02900d", 7);
    const char *const texts[] = {"client_id=alice", "x=%31&&client_id=alice&y", big};
    for (size_t i = 0; i < 3 * 2 * 2; i++) {
        const char *text = texts[i % 3];
        struct reply reply = post(heads[i / 3 % 2], text, i / 6 != 0);
        if (reply.status != 200 || strcmp(reply.body, text) != 0)
            fail_msg("%zu: %u %s", i, reply.status, reply.body);
        reply_free(&reply);
    }
    /* Sent a second time, by a redirect after an answer of the first upstream. */
    struct reply reply = post_to("/body-twice", FORM, big, false);
    assert_string_equal(reply.body, big);
    reply_free(&reply);
    reply = post(FORM, "client_id=mallory", false);
    assert_int_equal(reply.status, 401);
    reply_free(&reply);
    expect("/body", FORM, 401, NULL);
}

static void bodies_too_large(void **state)
{
    static char big[16384];
    (void)state;
    (void)snprintf(big, sizeof big, "client_id=alice&pad=%016000d", 7);
    struct reply reply = post(FORM, big, false);
    assert_int_equal(reply.status, 413);
    assert_has(reply.body, "Request body is too large");
    reply_free(&reply);
    reply = post(FORM, big, true);
    assert_int_equal(reply.status, 413);
    reply_free(&reply);
}

/* nginx itself refuses what it cannot read; its page is in a location that asks for the same body. */
static void unreadable_bodies(void **state)
{
    static const char *const bodies[] = {"zz\r\n", "1000\r\n"};
    static char large[0x1000];
    (void)state;
    for (size_t i = 0; i < 2; i++) {
        int fd = client_connect(nginx.port);
        struct reply reply;
        client_text(fd, "POST /broken HTTP/1.1\r\nHost: t\r\n"
                        "Content-Type: application/x-www-form-urlencoded\r\n"
                        "Transfer-Encoding: chunked\r\n\r\n");
        sleep_ms(50);
        client_text(fd, bodies[i]);
        memset(large, 'a', sizeof large);
        if (i == 1)
            client_send(fd, large, sizeof large);
        reply = client_read(fd, false);
        assert_int_equal(reply.status, 401);
        reply_free(&reply);
        (void)close(fd);
    }
}

/* ---- HTTP/2 ---------------------------------------------------------------------------------- */

/* What curl says: status and body. */
static char *curl(const char *arguments)
{
    char command[1024];
    char *text = calloc(1, 65536);
    (void)snprintf(command, sizeof command,
                   "curl -s -m 10 --http2-prior-knowledge -w '|%%{http_code}|%%{http_version}' %s",
                   arguments);
    FILE *out = popen(command, "r");
    assert_non_null(out);
    (void)!fread(text, 1, 65535, out);
    (void)pclose(out);
    return text;
}

static void expect_curl(const char *options, const char *target, const char *wanted)
{
    char arguments[512];
    (void)snprintf(arguments, sizeof arguments, "%s 'http://127.0.0.1:%u%s'", options,
                   nginx.h2_port, target);
    char *text = curl(arguments);
    if (strstr(text, wanted) == NULL)
        fail_msg("%s: %s, wanted %s", arguments, text, wanted);
    assert_hasnt(text, "wonderland");
    free(text);
}

static void http2(void **state)
{
    (void)state;
    sleep_ms(350);
    expect_curl("", "/static/x.html", "not present\"}|401|2");
    expect_curl("", "/static/x.html?client_id=alice", "the page|200|2");
    expect_curl("-H 'client_id: alice'", "/static/x.html", "the page|200|2");
    expect_curl("-H 'X-Client-Id: root'", "/echo?q&client_id=alice&client_secret=wonderland",
                "X-Client-Id: alice\r\n");
    expect_curl("", "/echo?q&client_id=alice&client_secret=wonderland", "GET /echo?q HTTP");
    expect_curl("-d client_id=alice", "/body", "client_id=alice|200|2");
    expect_curl("-d client_id=mallory", "/body", "|401|2");
    assert_true(proxy_file_gets(&nginx.files, "safe", "GET /echo?q HTTP/2.0|200|alice"));
}

#define SLOW_STREAMS                                                                               \
    "for i in 1 2 3 4; do printf 'http://127.0.0.1:%u/slow?client_id=alice&'$i' '; done"

/* Four streams of one connection: two pass, two wait at once. */
static void http2_streams_wait(void **state)
{
    char command[512];
    char text[4096];
    unsigned passed = 0;
    (void)state;
    sleep_ms(350);
    (void)snprintf(command, sizeof command, "nghttp -ns $(" SLOW_STREAMS ") 2>&1", nginx.h2_port);
    FILE *out = popen(command, "r");
    assert_non_null(out);
    text[fread(text, 1, sizeof text - 1, out)] = '\0';
    (void)pclose(out);
    for (const char *at = text; (at = strstr(at, " 200 ")) != NULL; at++)
        passed++;
    if (passed != 4)
        fail_msg("%s", text);
}

static void http2_client_leaves(void **state)
{
    char command[512];
    (void)state;
    sleep_ms(350);
    (void)snprintf(command, sizeof command,
                   "timeout 0.1 nghttp -ns $(" SLOW_STREAMS ") >/dev/null 2>&1", nginx.h2_port);
    assert_int_not_equal(system(command), 0);
    sleep_ms(50);
    int fds[2] = {send_slow(), send_slow()};
    expect_gif(fds[0]);
    expect_gif(fds[1]);
}

/* ---- logs ------------------------------------------------------------------------------------ */

static void expect_no_secret(const char *name)
{
    char *text = proxy_file(&nginx.files, name);
    assert_hasnt(text, "wonderland");
    assert_hasnt(text, "s3cret");
    free(text);
}

static void logs_show_no_secrets(void **state)
{
    (void)state;
    expect("/secret/l1?client_id=alice&client_secret=wonderland&shown=1", "", 200, NULL);
    expect("/secret/l2?client_id=alice&client_secret=s3cret&shown=2",
           "Referer: http://t/?client_secret=s3cret\r\n", 401, NULL);
    expect("/kept?client_id=alice&client_secret=s3cret", "", 401, NULL);
    expect("/busy?client_id=alice&client_secret=s3cret", "", 401, NULL);
    expect("/busy?client_id=alice&client_secret=s3cret", "", 503, NULL);
    expect("/down?client_secret=visible-here", "", 502, NULL);
    expect("/closed?client_id=alice&client_secret=s3cret", "", 403, NULL);
    char *text;
    int fd = client_connect(nginx.port); /* no Host: refused before there is a location */
    client_text(fd, "GET /secret/early?client_secret=hushed HTTP/1.1\r\n\r\n");
    struct reply reply = client_read(fd, false);
    assert_int_equal(reply.status, 400);
    reply_free(&reply);
    (void)close(fd);
    assert_true(proxy_file_gets(&nginx.files, "safe", "GET /secret/early?*** HTTP/1.1|400|"));
    assert_true(proxy_file_gets(&nginx.files, "safe", "GET /closed?*** HTTP/1.1|403|"));
    assert_true(
        proxy_file_gets(&nginx.files, "uri", "GET /secret/early?*** HTTP/1.1|/secret/early|"));
    text = proxy_file(&nginx.files, "uri");
    assert_hasnt(text, "wonderland");
    assert_hasnt(text, "hushed");
    assert_hasnt(text, "closed?client");
    assert_hasnt(text, "busy?client");
    free(text);
    assert_true(
        proxy_file_gets(&nginx.files, "safe",
                        "GET /secret/l1?shown=1 HTTP/1.1|200|alice|Alice Inc|gold|allowed|-|"));
    assert_true(
        proxy_file_gets(&nginx.files, "safe",
                        "GET /secret/l2?shown=2 HTTP/1.1|401|alice|-|-|client-secret-wrong|") ||
        proxy_file_gets(&nginx.files, "safe", "GET /secret/l2?shown=2 HTTP/1.1|401|"));
    assert_true(proxy_file_gets(&nginx.files, "safe", "GET /busy?*** HTTP/1.1|503|-|"));
    assert_true(proxy_file_gets(&nginx.files, "safe", "GET /kept?*** HTTP/1.1|401|"));
    assert_true(proxy_file_gets(&nginx.files, "combined", "\"GET /secret/l1?shown=1 HTTP/1.1\""));
    assert_true(proxy_file_gets(&nginx.files, "error.log", "limiting requests, excess: "));
    assert_true(proxy_file_gets(&nginx.files, "error.log", "request: \"GET /busy?*** HTTP/1.1\""));
    expect_no_secret("safe");
    expect_no_secret("error.log");
}

#define TEST(name) cmocka_unit_test_setup(name, need_nginx)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(refuses_and_admits),
        TEST(head_and_keepalive),
        TEST(odd_targets),
        TEST(chosen_statuses),
        TEST(quota_headers_on_every_answer),
        TEST(quota),
        TEST(credentials_end_here),
        TEST(variables_are_clean),
        TEST(variables_read_early_are_clean),
        TEST(scgi_and_grpc),
        TEST(unprotected_is_untouched),
        TEST(other_identity_headers),
        TEST(basic_is_taken_away),
        TEST(unreached_upstream_costs_nothing),
        TEST(work_done_is_charged),
        TEST(charged_once),
        TEST(another_api_instance_is_asked_too),
        TEST(no_way_around),
        TEST(identity_stays_in_its_subrequest),
        TEST(return_is_answered_before_access),
        TEST(error_pages),
        TEST(satisfy),
        TEST(shadow),
        TEST(waits_and_passes),
        TEST(who_leaves_frees_a_place),
        TEST(pipelined_behind_a_delay),
        TEST(subrequests_wait),
        TEST(bodies_with_credentials),
        TEST(bodies_too_large),
        TEST(unreadable_bodies),
        TEST(http2),
        TEST(http2_streams_wait),
        TEST(http2_client_leaves),
        TEST(logs_show_no_secrets),
    };
    return cmocka_run_group_tests_name("nginx", tests, setup, teardown);
}
