/* SPDX-License-Identifier: Apache-2.0 */
#define _GNU_SOURCE /* strcasestr */
/*
 * Every recorded case through the real clientid-proxy, as a proxy and as an authorization service, with the contracts
 * in a real store.  No row that the library denies may be admitted.
 */
#include "support_cases.h"
#include "support_proxy.h"

#include <clientid/control.h>
#include <clientid/store.h>

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

/* ---- an upstream that answers with the head it got ------------------------------------------- */

static unsigned echo_port;

/* Reads to the end of the head, and the body as far as a length is given. */
static size_t read_request(int fd, char *text, size_t room)
{
    size_t used = 0, need = 0;

    while (used < room - 1) {
        ssize_t got = recv(fd, text + used, room - 1 - used, 0);
        char *end, *length;

        if (got <= 0)
            break;
        used += (size_t)got;
        text[used] = '\0';
        end = strstr(text, "\r\n\r\n");
        if (end == NULL)
            continue;
        length = strcasestr(text, "\r\ncontent-length:");
        need = (size_t)(end + 4 - text) + (length != NULL ? strtoul(length + 17, NULL, 10) : 0);
        if (strcasestr(text, "\r\ntransfer-encoding:") != NULL)
            need = strstr(end, "\r\n0\r\n\r\n") != NULL ? used : room;
        if (used >= need)
            break;
    }
    return used;
}

static void *echo_main(void *argument)
{
    int listener = *(int *)argument;
    static char text[1 << 20];

    for (;;) {
        int fd = accept(listener, NULL, NULL);
        size_t len;
        char *end;

        if (fd < 0)
            return NULL;
        len = read_request(fd, text, sizeof(text));
        end = len > 0 ? strstr(text, "\r\n\r\n") : NULL;
        if (end != NULL) {
            dprintf(fd, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n",
                    (size_t)(end - text));
            (void)!write(fd, text, (size_t)(end - text));
        }
        close(fd);
    }
}

static void echo_start(void)
{
    static int listener;
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
    socklen_t len = sizeof(address);
    pthread_t thread;

    listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (listener < 0 || bind(listener, (struct sockaddr *)&address, len) != 0 ||
        listen(listener, 64) != 0 ||
        getsockname(listener, (struct sockaddr *)&address, &len) != 0 ||
        pthread_create(&thread, NULL, echo_main, &listener) != 0)
        exit(1);
    pthread_detach(thread);
    echo_port = ntohs(address.sin_port);
}

/* ---- a suite's store and proxy --------------------------------------------------------------- */

static const struct support_suite *suite;
static struct proxy proxy;

static void need(int rv, const clientid_error *error)
{
    if (rv != 0)
        fail_msg("%s %s", clientid_strerror(rv), error->text);
}

static clientid_str str(const char *text)
{
    return (clientid_str){text, strlen(text)};
}

static uint64_t add_tier(clientid_control *control, uint64_t api, const json_t *contract,
                         bool approves)
{
    const json_t *limits = json_object_get(contract, "limits");
    clientid_limit list[CLIENTID_TIER_LIMITS_MAX];
    clientid_tier_record tier = {.size = sizeof(tier),
                                 .api_id = api,
                                 .name = str(support_text(contract, "clientId")),
                                 .status = CLIENTID_TIER_ACTIVE,
                                 .auto_approve = approves,
                                 .limits = list,
                                 .limit_count = json_array_size(limits)};
    clientid_error error;
    uint64_t id;

    for (size_t i = 0; i < tier.limit_count; i++)
        list[i] = support_limit(json_string_value(json_array_get(limits, i)));
    need(clientid_control_tier_create(control, &tier, &id, &error), &error);
    return id;
}

static void add_contract(clientid_control *control, uint64_t api, uint64_t application,
                         const json_t *contract)
{
    const char *status = support_text(contract, "status");
    bool pending =
        status != NULL && (strcmp(status, "PENDING") == 0 || strcmp(status, "REJECTED") == 0);
    clientid_access_request request = {
        .size = sizeof(request), .application_id = application, .api_id = api};
    clientid_error error;
    uint64_t id;

    request.tier_id = add_tier(control, api, contract, !pending);
    need(clientid_control_contract_request(control, &request, &id, NULL, &error), &error);
    if (status != NULL && strcmp(status, "REJECTED") == 0)
        need(clientid_control_contract_act(control, id, CLIENTID_VERB_REJECT, &error), &error);
    if (status != NULL && strcmp(status, "REVOKED") == 0)
        need(clientid_control_contract_act(control, id, CLIENTID_VERB_REVOKE, &error), &error);
}

static uint64_t add_application(clientid_control *control, const json_t *contract)
{
    clientid_application_record record = {.size = sizeof(record),
                                          .name = str(support_text(contract, "clientId")),
                                          .client_id = str(support_text(contract, "clientId"))};
    clientid_credentials credentials = {.size = sizeof(credentials)};
    clientid_error error;

    need(clientid_control_application_create(
             control, &record, str(support_text(contract, "clientSecret")), &credentials, &error),
         &error);
    return credentials.application_id;
}

static void fill_store(const char *uri)
{
    const json_t *apis = json_object_get(json_object_get(suite->json, "config"), "apis");
    uint64_t api_ids[16], applications[64];
    size_t api_count = 0, i;
    clientid_control *control;
    clientid_store *store;
    clientid_error error;
    const char *name;
    json_t *value;

    need(clientid_store_open(&store, uri, CLIENTID_STORE_CREATE, &error), &error);
    need(clientid_control_new(&control, store, NULL, &error), &error);
    json_object_foreach((json_t *)(uintptr_t)apis, name, value)
    {
        clientid_api_record api = {
            .size = sizeof(api), .kind = CLIENTID_API_INSTANCE, .name = str(name)};

        need(clientid_control_api_create(control, &api, &api_ids[api_count++], &error), &error);
    }
    json_array_foreach(suite->contracts, i, value)
    {
        applications[i] = add_application(control, value);
        for (size_t a = 0; a < api_count; a++)
            add_contract(control, api_ids[a], applications[i], value);
    }
    clientid_control_del(control);
    clientid_store_close(store);
}

static json_t *routes(void)
{
    const json_t *apis = json_object_get(json_object_get(suite->json, "config"), "apis");
    json_t *list = json_array(), *value;
    const char *name;

    json_object_foreach((json_t *)(uintptr_t)apis, name, value)
    {
        json_array_append_new(list, json_pack("{s:s+, s:s, s:s}", "prefix", "/", name, "api", name,
                                              "upstream", "http://127.0.0.1:@UP@"));
        json_array_append_new(list, json_pack("{s:s+, s:s, s:s}", "prefix", "/_auth/", name, "api",
                                              name, "pathPrefix", "/_auth"));
    }
    return list;
}

static int set_up(void **state)
{
    json_t *config = json_deep_copy(json_object_get(suite->json, "config"));
    struct upstream upstream = {.port = echo_port};
    char uri[128], *text;

    (void)state;
    proxy_prepare(&proxy);
    snprintf(uri, sizeof(uri), "sqlite:%s/cases.db", proxy.dir);
    fill_store(uri);
    json_object_set_new(config, "store", json_string(uri));
    json_object_set_new(config, "proxy",
                        json_pack("{s:s, s:s, s:s, s:s, s:i, s:o}", "listen", "127.0.0.1:0",
                                  "admin", "127.0.0.1:0", "portFile", "@DIR@/port", "accessLog",
                                  "@DIR@/access", "workers", 1, "routes", routes()));
    text = json_dumps(config, 0);
    proxy_write_config(&proxy, text, &upstream);
    proxy_start(&proxy);
    assert_true(proxy_metric_gets(&proxy, "clientid_registry_loaded", 1));
    free(text);
    json_decref(config);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    assert_int_equal(proxy_stop(&proxy), 0);
    proxy_remove(&proxy);
    return 0;
}

/* ---- a row ----------------------------------------------------------------------------------- */

static bool has_header(const char *head, const char *name)
{
    const size_t len = strlen(name);

    for (const char *line = strstr(head, "\r\n"); line != NULL; line = strstr(line + 2, "\r\n"))
        if (strncasecmp(line + 2, name, len) == 0 && line[2 + len] == ':')
            return true;
    return false;
}

static void expect_upstream(const json_t *row, const struct reply *reply)
{
    const json_t *upstream = json_object_get(row, "upstream"), *name;
    const json_t *target = json_object_get(upstream, "target");
    size_t i, len;

    if (target != NULL) {
        char *wanted = support_bytes(target, &len);
        const char *begin = strchr(reply->body, ' ');

        if (begin == NULL || strncmp(begin + 1, wanted, len) != 0 || begin[1 + len] != ' ')
            fail_msg("wanted target %s: %.200s", wanted, reply->body);
        free(wanted);
    }
    json_array_foreach(json_object_get(upstream, "absent_headers"), i,
                       name) if (has_header(reply->body, json_string_value(name)))
        fail_msg("%s was forwarded", json_string_value(name));
    json_array_foreach(json_object_get(upstream, "present_headers"), i,
                       name) if (!has_header(reply->body, json_string_value(name)))
        fail_msg("%s was not forwarded", json_string_value(name));
}

/* |head| as it came, with "/_auth" in front of the target. */
static char *as_service(const char *raw, size_t *len)
{
    const char *space = memchr(raw, ' ', *len);
    size_t method = space != NULL ? (size_t)(space + 1 - raw) : 0;
    char *out = malloc(*len + 6);

    memcpy(out, raw, method);
    memcpy(out + method, "/_auth", 6);
    memcpy(out + method + 6, raw + method, *len - method);
    *len += 6;
    return out;
}

static struct reply send_row(const json_t *row, bool service)
{
    size_t len;
    char *raw = support_bytes(json_object_get(row, "request"), &len);
    struct reply reply;

    if (service) {
        char *other = as_service(raw, &len);

        free(raw);
        raw = other;
    }
    reply = ask_bytes(proxy.port, raw, len);
    free(raw);
    return reply;
}

static void expect_row(const json_t *row, const char *host, bool service)
{
    const char *verdict = support_text(row, "verdict"), *how = support_host(row, host);
    json_int_t status = json_integer_value(json_object_get(row, "status"));
    struct reply reply;

    if (strncmp(how, "n/a", 3) == 0)
        return;
    reply = send_row(row, service);
    if (strcmp(verdict, "deny") == 0) {
        if (reply.status >= 200 && reply.status < 300)
            fail_msg("%s: ADMITTED with %u", host, reply.status);
        if (strcmp(how, "same") == 0 && status != 0)
            assert_int_equal(reply.status, status);
        if (strcmp(how, "same") == 0)
            assert_true(reply.status >= 400);
    } else if (strcmp(verdict, "allow") == 0) {
        assert_int_equal(reply.status, 200);
        if (!service)
            expect_upstream(row, &reply);
    }
    reply_free(&reply);
}

static void test_proxy(void **state)
{
    expect_row(*state, "proxy", false);
}

static void test_service(void **state)
{
    expect_row(*state, "service", true);
}

static int run(const char *host, CMUnitTestFunction test)
{
    size_t count = json_array_size(suite->rows);
    struct CMUnitTest *tests = calloc(count, sizeof(*tests));
    char(*names)[192] = calloc(count, sizeof(*names));
    int failed;

    for (size_t i = 0; tests != NULL && names != NULL && i < count; i++) {
        json_t *row = json_array_get(suite->rows, i);

        snprintf(names[i], sizeof(names[i]), "%s, %s: %s", host, suite->name,
                 support_text(row, "name"));
        tests[i] = (struct CMUnitTest){.name = names[i], .test_func = test, .initial_state = row};
    }
    failed = _cmocka_run_group_tests(suite->name, tests, count, set_up, tear_down);
    free(names);
    free(tests);
    return failed;
}

int main(void)
{
    size_t count;
    struct support_suite *suites = support_suites(&count);
    int failed = 0;

    echo_start();
    for (size_t i = 0; i < count; i++) {
        suite = &suites[i];
        failed += run("proxy", test_proxy);
        failed += run("service", test_service);
    }
    support_suites_free(suites, count);
    return failed != 0;
}
