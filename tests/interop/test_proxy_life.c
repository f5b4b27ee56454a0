/* SPDX-License-Identifier: Apache-2.0 */
/* clientid-proxy over time: delays, reload under load, graceful stop, TLS, authorization service, operators. */
#include "support_proxy.h"

#include <clientid/clientid.h>

#include <curl/curl.h>
#include <openssl/evp.h>
#include <openssl/pem.h>
#include <openssl/x509.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

static struct upstream upstream;
static struct proxy proxy;

#define APIS                                                                                       \
    "{\"state\":\"@DIR@/state\",\"apis\":{\"open\":{\"policies\":[]},"                             \
    "\"id\":{\"policies\":[{\"policy\":\"client-id-enforcement\",\"id\":\"any:client_id\"}]},"     \
    "\"limited\":{\"policies\":[{\"policy\":\"rate-limiting-sla-based\","                          \
    "  \"id\":\"any:client_id\"}]},"                                                               \
    "\"secret\":{\"policies\":[{\"policy\":\"client-id-enforcement\",\"basic\":true,"              \
    "  \"id\":\"form:client_id\",\"secret\":\"form:client_secret\"}]},"                            \
    "\"slow\":{\"policies\":[{\"policy\":\"throttling-sla-based\",\"id\":\"query:client_id\","     \
    "  \"delay\":\"100ms\",\"attempts\":50,\"queue\":2}]}},"
#define LISTEN                                                                                     \
    "\"proxy\":{\"listen\":\"127.0.0.1:0\",\"admin\":\"127.0.0.1:0\",\"portFile\":\"@DIR@/port\"," \
    "\"accessLog\":\"@DIR@/access\",\"timeouts\":{\"stop\":\"2s\"},"
#define UP "\"upstream\":\"http://127.0.0.1:@UP@\""

static const char config[] =
    APIS LISTEN "\"trust\":[\"127.0.0.0/8\"],\"routes\":["
                "{\"prefix\":\"/\",\"api\":\"open\"," UP "},"
                "{\"prefix\":\"/id\",\"api\":\"id\"," UP ",\"stripPrefix\":true},"
                "{\"prefix\":\"/slow\",\"api\":\"slow\"," UP ",\"stripPrefix\":true},"
                "{\"prefix\":\"/auth\",\"api\":\"id\"},"
                "{\"prefix\":\"/pass\",\"api\":\"open\"},"
                "{\"prefix\":\"/form\",\"api\":\"secret\",\"pathPrefix\":\"/form\"},"
                "{\"prefix\":\"/envoy\",\"api\":\"id\",\"pathPrefix\":\"/envoy\"},"
                "{\"prefix\":\"/nginx\",\"api\":\"limited\",\"deny\":\"403\"}]}}";

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
    if (proxy.pid > 0)
        assert_int_equal(proxy_stop(&proxy), 0);
    proxy_remove(&proxy);
    upstream_stop(&upstream);
    return 0;
}

/* ---- operators ------------------------------------------------------------------------------- */

static void health_and_metrics(void **state)
{
    (void)state;
    struct reply reply = get(proxy.admin, "/healthz", "");
    assert_int_equal(reply.status, 200);
    assert_has(reply.body, "\"status\":\"ok\",\"loaded\":true,\"degraded\":false");
    assert_has(reply.body, "\"revision\":1,\"contracts\":7");
    reply_free(&reply);
    reply = get(proxy.port, "/id/echo?client_id=alice", "");
    assert_int_equal(reply.status, 200);
    reply_free(&reply);
    assert_true(
        proxy_metric_gets(&proxy, "clientid_decisions_total{api=\"id\",verdict=\"allow\"", 1));
    assert_true(proxy_metric(&proxy, "clientid_decision_duration_seconds_count") >= 1);
    assert_true(proxy_metric_gets(&proxy, "clientid_proxy_requests_total{status=\"2xx\"}", 1));
    reply = get(proxy.admin, "/other", "");
    assert_int_equal(reply.status, 404);
    reply_free(&reply);
    reply = get(proxy.port, "/metrics", ""); /* not for clients: it is a path like any other */
    assert_has(reply.body, "GET /metrics HTTP/1.1\r\n");
    reply_free(&reply);
}

/* ---- delays ---------------------------------------------------------------------------------- */

static void *ask_slow(void *cls)
{
    struct reply *reply = cls;
    *reply = get(proxy.port, "/slow/echo?client_id=alice", "");
    return NULL;
}

static void throttled_and_then_served(void **state)
{
    (void)state;
    pthread_t threads[4];
    struct reply replies[4];
    uint64_t begin_ms = now_ms();
    for (size_t i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, ask_slow, &replies[i]);
    for (size_t i = 0; i < 4; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(replies[i].status, 200);
        reply_free(&replies[i]);
    }
    assert_true(now_ms() - begin_ms >= 100); /* 2 in 300 ms: two of them had to wait */
    assert_true(proxy_metric_gets(&proxy, "clientid_waiting_requests", 0));
    assert_true(proxy_metric(&proxy, "clientid_decisions_total{api=\"slow\",verdict=\"delay\"") >=
                2);
}

static void a_client_that_leaves_frees_its_place(void **state)
{
    (void)state;
    int fds[4];
    upstream_reset_counts();
    for (size_t i = 0; i < 4; i++) {
        fds[i] = client_connect(proxy.port);
        client_text(fds[i], "GET /slow/hang?client_id=alice HTTP/1.1\r\nHost: t\r\n\r\n");
    }
    assert_true(proxy_metric_gets(&proxy, "clientid_waiting_requests", 2));
    for (size_t i = 0; i < 4; i++)
        close(fds[i]);
    assert_true(proxy_metric_gets(&proxy, "clientid_waiting_requests", 0));
    assert_true(proxy_metric_gets(&proxy, "clientid_proxy_requests_under_way", 0));
    assert_true(upstream_requests() <= 2);
}

static void a_full_queue_refuses(void **state)
{
    (void)state;
    int fds[8];
    unsigned refused = 0;
    sleep_ms(400);
    for (size_t i = 0; i < 8; i++) {
        fds[i] = client_connect(proxy.port);
        client_text(fds[i], "GET /slow/echo?client_id=alice HTTP/1.1\r\nHost: t\r\n\r\n");
    }
    for (size_t i = 0; i < 8; i++) {
        struct reply reply = client_read(fds[i], false);
        assert_true(reply.status == 200 || reply.status == 429);
        refused += reply.status == 429;
        reply_free(&reply);
        close(fds[i]);
    }
    assert_true(refused >= 1);
}

/* ---- authorization service ------------------------------------------------------------------- */

static void forward_auth_of_caddy_and_traefik(void **state)
{
    (void)state;
    struct reply reply = get(proxy.port, "/auth/check?client_id=alice",
                             "X-Forwarded-Method: POST\r\nX-Forwarded-Uri: /orders?x=1\r\n");
    assert_int_equal(reply.status, 401); /* what counts is the original request */
    assert_has(reply.head, "WWW-Authenticate:");
    assert_has(reply.body, "Client ID is not present");
    reply_free(&reply);
    reply = get(proxy.port, "/auth/check",
                "X-Forwarded-Method: POST\r\nX-Forwarded-Uri: /orders?client_id=alice\r\n"
                "X-Forwarded-For: 9.9.9.9\r\nX-Client-Tier: mallory\r\n");
    assert_int_equal(reply.status, 200);
    assert_has(reply.head, "X-Client-Id: alice\r\n");
    assert_has(reply.head, "X-Client-Name: Alice Inc\r\n");
    assert_has(reply.head, "X-Client-Tier: gold\r\n");
    assert_string_equal(reply.body, "");
    reply_free(&reply);
    reply = get(proxy.port, "/auth/check", "client_id: alice\r\n");
    assert_int_equal(reply.status, 200);
    reply_free(&reply);
    reply = get(proxy.port, "/auth/check",
                "X-Forwarded-Uri: /a?client_id=alice\r\nX-Forwarded-Uri: /b\r\n");
    assert_int_equal(reply.status, 400);
    reply_free(&reply);
    reply = get(proxy.port, "/auth/check", /* the second one could be the client's */
                "X-Original-URI: /b\r\nX-Forwarded-Uri: /a?client_id=alice\r\n");
    assert_int_equal(reply.status, 400);
    reply_free(&reply);
    reply = get(proxy.port, "/auth/check", "X-Forwarded-Uri: http://x/a?client_id=alice\r\n");
    assert_int_equal(reply.status, 400);
    reply_free(&reply);
    assert_true(proxy_file_gets(&proxy, "access",
                                "\"method\":\"POST\",\"host\":\"test\",\"path\":\"/orders"));
}

/* What the proxy in front copies has to overwrite what its client sent. */
static void an_answer_without_identity_says_so(void **state)
{
    (void)state;
    static const char *const names[] = {"X-Client-Id:", "X-Client-Name:", "X-Client-Tier:"};
    struct reply reply = get(proxy.port, "/pass", "X-Client-Id: root\r\nX-Client-Tier: gold\r\n");
    assert_int_equal(reply.status, 200);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        const char *line = strstr(reply.head, names[i]);
        assert_non_null(line);
        line += strlen(names[i]);
        assert_memory_equal(line + strspn(line, " "), "\r\n", 2);
    }
    reply_free(&reply);
}

static void ext_authz_of_envoy(void **state)
{
    (void)state;
    static const char *const methods[] = {"GET", "POST", "DELETE", "HEAD", "OPTIONS"};
    char text[256];
    for (size_t i = 0; i < 5; i++) {
        snprintf(
            text, sizeof text,
            "%s /envoy/orders/1?client_id=alice HTTP/1.1\r\nHost: t\r\nContent-Length: 0\r\n\r\n",
            methods[i]);
        struct reply reply = ask(proxy.port, text);
        assert_int_equal(reply.status, 200);
        assert_has(reply.head, "X-Client-Id: alice\r\n");
        reply_free(&reply);
    }
    struct reply reply = get(proxy.port, "/envoy/orders/1", "");
    assert_int_equal(reply.status, 401);
    reply_free(&reply);
    reply = get(proxy.port, "/envoy/orders/1", "X-Forwarded-Uri: /a?client_id=alice\r\n");
    assert_int_equal(reply.status, 401);
    reply_free(&reply);
    reply = get(proxy.port, "/envoy/../id/echo?client_id=alice", "");
    assert_int_equal(reply.status, 400);
    reply_free(&reply);
    assert_true(proxy_file_gets(&proxy, "access", "\"path\":\"/orders/1\""));
}

/* A proxy that shows no body may hide credentials that differ from those in the head. */
static void a_body_that_is_kept_back(void **state)
{
    (void)state;
    static const char basic[] = "Authorization: Basic YWxpY2U6d29uZGVybGFuZA==\r\n";
    static const char form[] = "Content-Type: application/x-www-form-urlencoded\r\n";
    char text[512];
    struct reply reply = get(proxy.port, "/form/orders", basic);
    assert_int_equal(reply.status, 200); /* it cannot have any */
    reply_free(&reply);
    snprintf(text, sizeof text, "%s%s", basic, form);
    reply = get(proxy.port, "/form/orders", text);
    assert_int_equal(reply.status, 413);
    reply_free(&reply);
    snprintf(text, sizeof text,
             "POST /form/orders HTTP/1.1\r\nHost: t\r\n%s%sContent-Length: 3\r\n\r\na=b", basic,
             form);
    reply = ask(proxy.port, text);
    assert_int_equal(reply.status, 200);
    reply_free(&reply);
}

static void auth_request_of_nginx(void **state)
{
    (void)state;
    static const char uri[] =
        "X-Original-URI: /orders?client_id=alice\r\nX-Original-Method: PUT\r\n";
    struct reply reply;
    for (int i = 0; i < 2; i++) {
        reply = get(proxy.port, "/nginx", uri);
        assert_int_equal(reply.status, 200);
        reply_free(&reply);
    }
    reply = get(proxy.port, "/nginx", uri);
    assert_int_equal(reply.status, 403);
    assert_has(reply.head, "X-Auth-Status: 429\r\n");
    assert_has(reply.head, "Retry-After:");
    reply_free(&reply);
    reply = get(proxy.port, "/nginx", "X-Original-URI: /orders\r\n");
    assert_int_equal(reply.status, 403);
    assert_has(reply.head, "X-Auth-Status: 401\r\n");
    reply_free(&reply);
}

static void trusted_peers_are_believed(void **state)
{
    (void)state;
    struct reply reply = get(proxy.port, "/echo",
                             "X-Forwarded-For: 9.9.9.9\r\nX-Forwarded-Proto: https\r\n"
                             "X-Forwarded-Host: public\r\nX-Forwarded-For: 8.8.8.8\r\n");
    assert_has(reply.body, "\r\nX-Forwarded-For: 9.9.9.9, 8.8.8.8, 127.0.0.1\r\n");
    assert_has(reply.body, "\r\nX-Forwarded-Proto: https\r\n");
    assert_has(reply.body, "\r\nX-Forwarded-Host: public\r\n");
    reply_free(&reply);
}

/* ---- reload ---------------------------------------------------------------------------------- */

static atomic_bool load_on;
static atomic_uint load_done;
static atomic_uint load_bad;

static void *keep_asking(void *cls)
{
    int fd = client_connect(proxy.port);
    (void)cls;
    while (atomic_load(&load_on)) {
        client_text(fd, "POST /body HTTP/1.1\r\nHost: t\r\nContent-Length: 4\r\n\r\nbody");
        struct reply reply = client_read(fd, false);
        bool good = reply.status == 200 && strcmp(reply.body, "body") == 0;
        atomic_fetch_add(good ? &load_done : &load_bad, 1);
        reply_free(&reply);
    }
    close(fd);
    return NULL;
}

static const char other_config[] =
    APIS LISTEN "\"routes\":[{\"prefix\":\"/\",\"api\":\"open\"," UP "},"
                "{\"prefix\":\"/id\",\"api\":\"open\"," UP "}]}}";

static bool id_route_gives(unsigned status)
{
    for (uint64_t end_ms = now_ms() + 5000; now_ms() < end_ms; sleep_ms(5)) {
        struct reply reply = get(proxy.port, "/id/echo", "");
        unsigned got = reply.status;
        reply_free(&reply);
        if (got == status)
            return true;
    }
    return false;
}

static void reload_under_load_drops_nothing(void **state)
{
    (void)state;
    pthread_t threads[4];
    atomic_store(&load_on, true);
    for (size_t i = 0; i < 4; i++)
        pthread_create(&threads[i], NULL, keep_asking, NULL);
    for (int i = 0; i < 10; i++) {
        proxy_write_config(&proxy, i % 2 ? config : other_config, &upstream);
        kill(proxy.pid, SIGHUP);
        assert_true(id_route_gives(i % 2 ? 401 : 200));
    }
    atomic_store(&load_on, false);
    for (size_t i = 0; i < 4; i++)
        pthread_join(threads[i], NULL);
    assert_int_equal(atomic_load(&load_bad), 0);
    assert_true(atomic_load(&load_done) > 50);
}

static void a_changed_file_is_noticed(void **state)
{
    (void)state;
    proxy_write_config(&proxy, other_config, &upstream);
    assert_true(id_route_gives(200));
    proxy_write_config(&proxy, config, &upstream);
    assert_true(id_route_gives(401));
}

static void a_bad_file_changes_nothing(void **state)
{
    (void)state;
    proxy_write_config(&proxy, APIS LISTEN "\"routes\":[{\"prefix\":\"/\",\"api\":\"none\"}]}}",
                       &upstream);
    assert_true(proxy_file_gets(&proxy, "err", "config#/proxy/routes/0/api: must be the name"));
    assert_true(id_route_gives(401));
    proxy_write_config(&proxy,
                       "{\"apis\":{\"id\":{\"policies\":[]},\"open\":{\"polices\":[]}}," LISTEN
                       "\"routes\":[{\"prefix\":\"/\",\"api\":\"id\"}]}}",
                       &upstream);
    assert_true(proxy_file_gets(&proxy, "err", "/apis/open"));
    assert_true(id_route_gives(401));
    proxy_write_config(&proxy, "{\n\n!", &upstream);
    assert_true(proxy_file_gets(&proxy, "err", "config:3:"));
    assert_true(id_route_gives(401));

    char path[128]; /* nobody writes to it: who waits for that hears no signal any more */
    snprintf(path, sizeof path, "%s/config", proxy.dir);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(mkfifo(path, 0600), 0);
    assert_true(proxy_file_gets(&proxy, "err", "config: Invalid argument"));
    assert_int_equal(proxy_stop(&proxy), 0);
    proxy_write_config(&proxy, config, &upstream);
    proxy_start(&proxy);
    proxy_write_config(&proxy, config, &upstream);
    kill(proxy.pid, SIGHUP);
    assert_true(id_route_gives(401));
}

static void a_rotated_log_is_reopened(void **state)
{
    (void)state;
    char from[128];
    char to[128];
    snprintf(from, sizeof from, "%s/access", proxy.dir);
    snprintf(to, sizeof to, "%s/access.1", proxy.dir);
    assert_int_equal(rename(from, to), 0);
    kill(proxy.pid, SIGHUP);
    for (uint64_t end_ms = now_ms() + 5000; access(from, F_OK) != 0 && now_ms() < end_ms;)
        sleep_ms(5);
    struct reply reply = get(proxy.port, "/after-rotation", "");
    assert_int_equal(reply.status, 200);
    reply_free(&reply);
    assert_true(proxy_file_gets(&proxy, "access", "/after-rotation"));
}

/* ---- stop ------------------------------------------------------------------------------------ */

static void *ask_wait(void *cls)
{
    struct reply *reply = cls;
    *reply = get(proxy.port, "/wait", "");
    return NULL;
}

static void a_stop_finishes_what_is_under_way(void **state)
{
    (void)state;
    pthread_t threads[6];
    struct reply replies[6];
    unsigned before = upstream_requests();
    for (size_t i = 0; i < 6; i++)
        pthread_create(&threads[i], NULL, ask_wait, &replies[i]);
    for (uint64_t end_ms = now_ms() + 5000; upstream_requests() < before + 6 && now_ms() < end_ms;)
        sleep_ms(5);
    int idle = client_connect(proxy.port);
    assert_int_equal(proxy_stop(&proxy), 0);
    for (size_t i = 0; i < 6; i++) {
        pthread_join(threads[i], NULL);
        assert_int_equal(replies[i].status, 200);
        assert_true(replies[i].whole);
        reply_free(&replies[i]);
    }
    assert_true(client_ended(idle));
    close(idle);
    assert_int_equal(client_connect(proxy.port), -1);
    proxy_start(&proxy);
}

static void a_stop_has_an_end(void **state)
{
    (void)state;
    int fds[3];
    static const char *const requests[] = {
        "GET /hang HTTP/1.1\r\nHost: t\r\n\r\n",
        "POST /count HTTP/1.1\r\nHost: t\r\nContent-Length: 9\r\n\r\na",
        "GET /big HTTP/1.1\r\nHost: t\r\n\r\n"};
    for (size_t i = 0; i < 3; i++) {
        fds[i] = client_connect(proxy.port);
        client_text(fds[i], requests[i]);
    }
    sleep_ms(100);
    kill(proxy.pid, SIGTERM);
    sleep_ms(50);
    assert_int_equal(proxy_stop(&proxy), 0); /* the second signal: at once */
    for (size_t i = 0; i < 3; i++)
        close(fds[i]);
    proxy_start(&proxy);
}

/* ---- TLS ------------------------------------------------------------------------------------- */

static void write_certificate(const char *key_file, const char *certificate_file)
{
    EVP_PKEY *key = EVP_EC_gen("P-256");
    X509 *certificate = X509_new();
    assert_non_null(key);
    X509_set_version(certificate, 2);
    ASN1_INTEGER_set(X509_get_serialNumber(certificate), 1);
    X509_gmtime_adj(X509_getm_notBefore(certificate), -3600);
    X509_gmtime_adj(X509_getm_notAfter(certificate), 3600);
    X509_set_pubkey(certificate, key);
    X509_NAME_add_entry_by_txt(X509_get_subject_name(certificate), "CN", MBSTRING_ASC,
                               (const unsigned char *)"localhost", -1, -1, 0);
    X509_set_issuer_name(certificate, X509_get_subject_name(certificate));
    assert_true(X509_sign(certificate, key, EVP_sha256()) > 0);
    FILE *file = fopen(key_file, "w");
    assert_true(PEM_write_PrivateKey(file, key, NULL, NULL, 0, NULL, NULL));
    fclose(file);
    file = fopen(certificate_file, "w");
    assert_true(PEM_write_X509(file, certificate));
    fclose(file);
    X509_free(certificate);
    EVP_PKEY_free(key);
}

static size_t take(char *data, size_t size, size_t count, void *cls)
{
    struct reply *reply = cls;
    if (reply->length + count <= 1 << 20)
        memcpy(reply->body + reply->length, data, size * count);
    reply->length += size * count;
    return size * count;
}

static struct reply ask_tls(CURL *easy, const char *path, const char *body, long body_len)
{
    char url[128];
    long status = 0;
    struct reply reply = {.body = calloc(1, (1 << 20) + 1)};
    snprintf(url, sizeof url, "https://127.0.0.1:%u%s", proxy.port, path);
    curl_easy_reset(easy);
    curl_easy_setopt(easy, CURLOPT_URL, url);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
    curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
    curl_easy_setopt(easy, CURLOPT_PROXY, "");
    curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, take);
    curl_easy_setopt(easy, CURLOPT_WRITEDATA, &reply);
    if (body != NULL) {
        curl_easy_setopt(easy, CURLOPT_POSTFIELDS, body);
        curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE, body_len);
    }
    reply.whole = curl_easy_perform(easy) == CURLE_OK;
    curl_easy_getinfo(easy, CURLINFO_RESPONSE_CODE, &status);
    reply.status = (unsigned)status;
    return reply;
}

static void tls_listener(void **state)
{
    (void)state;
    char key[128];
    char certificate[128];
    char text[4096];
    struct proxy plain = proxy;
    proxy_prepare(&proxy);
    snprintf(key, sizeof key, "%s/key", proxy.dir);
    snprintf(certificate, sizeof certificate, "%s/certificate", proxy.dir);
    write_certificate(key, certificate);
    snprintf(text, sizeof text,
             "%s%s\"tls\":{\"certificate\":\"@DIR@/certificate\",\"key\":\"@DIR@/key\"},"
             "\"routes\":[{\"prefix\":\"/\",\"api\":\"open\"," UP "},"
             "{\"prefix\":\"/slow\",\"api\":\"slow\"," UP ",\"stripPrefix\":true}]}}",
             APIS, LISTEN);
    proxy_write_config(&proxy, text, &upstream);
    proxy_start(&proxy);

    CURL *easy = curl_easy_init();
    struct reply reply = ask_tls(easy, "/echo", NULL, 0);
    assert_int_equal(reply.status, 200);
    assert_has(reply.body, "\r\nX-Forwarded-Proto: https\r\n");
    reply_free(&reply);
    reply = ask_tls(easy, "/stream", NULL, 0);
    assert_true(reply.whole);
    assert_int_equal(reply.length, BIG_BYTES);
    reply_free(&reply);
    char *body = calloc(1, 3000000);
    reply = ask_tls(easy, "/count", body, 3000000);
    assert_string_equal(reply.body, "3000000");
    reply_free(&reply);
    free(body);
    for (int i = 0; i < 4; i++) { /* two of them are delayed */
        reply = ask_tls(easy, "/slow/echo?client_id=alice", NULL, 0);
        assert_int_equal(reply.status, 200);
        reply_free(&reply);
    }
    curl_easy_cleanup(easy);

    int fd = client_connect(proxy.port);
    client_text(fd, "GET /echo HTTP/1.1\r\nHost: t\r\n\r\n"); /* plain text to a TLS port */
    assert_true(client_drained(fd));
    close(fd);
    assert_int_equal(proxy_stop(&proxy), 0);
    proxy_remove(&proxy);
    proxy = plain;
}

/* ---- contracts ------------------------------------------------------------------------------- */

static void without_contracts(void **state)
{
    (void)state;
    struct proxy with = proxy;
    proxy_prepare(&proxy);
    proxy_write_config(
        &proxy,
        "{\"store\":\"sqlite:@DIR@/none.db\",\"gatekeeper\":\"strict\",\"apis\":{\"id\":"
        "{\"policies\":[{\"policy\":\"client-id-enforcement\",\"id\":\"query:client_id\"}]}}"
        "," LISTEN "\"routes\":[{\"prefix\":\"/\",\"api\":\"id\"," UP "}]}}",
        &upstream);
    proxy_start(&proxy);
    struct reply reply = get(proxy.admin, "/healthz", "");
    assert_int_equal(reply.status, 503);
    assert_has(reply.body, "\"status\":\"contracts-unreachable\",\"loaded\":false");
    reply_free(&reply);
    reply = get(proxy.port, "/echo?client_id=alice", "");
    assert_int_equal(reply.status, 503);
    assert_hasnt(reply.body, "alice");
    reply_free(&reply);
    assert_int_equal(proxy_stop(&proxy), 0);
    proxy_remove(&proxy);
    proxy = with;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(health_and_metrics),
        cmocka_unit_test(throttled_and_then_served),
        cmocka_unit_test(a_client_that_leaves_frees_its_place),
        cmocka_unit_test(a_full_queue_refuses),
        cmocka_unit_test(forward_auth_of_caddy_and_traefik),
        cmocka_unit_test(an_answer_without_identity_says_so),
        cmocka_unit_test(ext_authz_of_envoy),
        cmocka_unit_test(a_body_that_is_kept_back),
        cmocka_unit_test(auth_request_of_nginx),
        cmocka_unit_test(trusted_peers_are_believed),
        cmocka_unit_test(reload_under_load_drops_nothing),
        cmocka_unit_test(a_changed_file_is_noticed),
        cmocka_unit_test(a_bad_file_changes_nothing),
        cmocka_unit_test(a_rotated_log_is_reopened),
        cmocka_unit_test(a_stop_finishes_what_is_under_way),
        cmocka_unit_test(a_stop_has_an_end),
        cmocka_unit_test(tls_listener),
        cmocka_unit_test(without_contracts),
    };
    return cmocka_run_group_tests(tests, setup, teardown);
}
