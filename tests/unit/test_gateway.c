/* SPDX-License-Identifier: Apache-2.0 */
/* What a host creates once: configuration errors, reload, names, memory that runs out, metrics. */
#include "support_alloc.h"
#include "support_world.h"

#include "base/str.h"
#include "gateway.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define LIMIT(text)                                                                                \
    "{\"apis\": {\"orders\": {\"policies\": [{\"policy\": \"rate-limiting\", \"limits\": [\"" text \
    "\"]}]}}}"
#define NONE "GET / HTTP/1.1\r\n\r\n"

static int create(const char *config, clientid_error *error)
{
    clientid_options options = {
        .size = sizeof(options), .config = clientid__cstr(config), .config_name = "gateway.json"};
    clientid_gateway *gateway = NULL;
    int rv = clientid_gateway_new(&gateway, &options, error);

    clientid_gateway_del(gateway);
    return rv;
}

static void test_errors_say_where(void **state)
{
    clientid_error error = {0};

    (void)state;
    assert_int_equal(create("{\n  \"apis\": {,\n}", &error), CLIENTID_ERR_SYNTAX);
    assert_int_equal(error.line, 2);
    assert_string_equal(error.file, "gateway.json");
    assert_int_equal(create("{\"apis\": {\"a\": {\"policies\": [{\"policy\": \"rate-limiting\", "
                            "\"limts\": [\"1/s\"]}]}}}",
                            &error),
                     CLIENTID_ERR_CONFIG);
    assert_string_equal(error.pointer, "/apis/a/policies/0/limts");
    assert_int_equal(
        create("{\"apis\": {}, \"limits\": {\"file\": \"/nonexistent/folder/limits\"}}", &error),
        CLIENTID_ERR_IO);
    assert_int_equal(
        create("{\"apis\": {}, \"pepper\": {\"env\": \"CLIENTID_TEST_NOT_SET\"}}", &error),
        CLIENTID_ERR_CONFIG);
    assert_int_equal(
        create("{\"apis\": {}, \"pepper\": {\"file\": \"/nonexistent/pepper\"}}", &error),
        CLIENTID_ERR_IO);
    setenv("CLIENTID_TEST_PEPPER", "short", 1);
    assert_int_equal(
        create("{\"apis\": {}, \"pepper\": {\"env\": \"CLIENTID_TEST_PEPPER\"}}", &error),
        CLIENTID_ERR_CONFIG);
    assert_null(strstr(error.text, "short\"")); /* never the pepper itself */
    setenv("CLIENTID_TEST_PEPPER", "a pepper of thirty-two bytes !!!", 1);
    assert_int_equal(
        create("{\"apis\": {}, \"pepper\": {\"env\": \"CLIENTID_TEST_PEPPER\"}}", &error), 0);
    assert_int_equal(clientid_gateway_new(NULL, NULL, &error), CLIENTID_ERR_ARG);
}

static void test_pepper(void **state)
{
    static const unsigned char pepper[] = "a pepper of thirty-two bytes !!!";
    struct support_world w;
    char name[] = "/tmp/clientid-pepper-XXXXXX";
    char config[512];
    int fd = mkstemp(name);

    (void)state;
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "a pepper of thirty-two bytes !!!\n", 33), 33);
    close(fd);
    snprintf(config, sizeof(config),
             "{\"pepper\": {\"file\": \"%s\"}, \"apis\": {\"orders\": {\"policies\": [{\"policy\":"
             " \"client-id-enforcement\", \"id\": \"query:id\", \"secret\": \"query:secret\"}]}}}",
             name);
    support_world_new(&w, config);
    support_contract(&w, &(struct support_contract){.api = "orders",
                                                    .client_id = "app",
                                                    .secret = "right",
                                                    .pepper = pepper,
                                                    .pepper_len = 32});
    assert_int_equal(support_ask(&w, "orders", "GET /?id=app&secret=right HTTP/1.1\r\n\r\n").reason,
                     CLIENTID_REASON_ALLOWED);
    assert_int_equal(support_ask(&w, "orders", "GET /?id=app&secret=wrong HTTP/1.1\r\n\r\n").reason,
                     CLIENTID_REASON_SECRET_WRONG);
    support_world_del(&w);
    unlink(name);
}

static void test_reload(void **state)
{
    struct support_world w;
    clientid_error error;
    clientid_decision d;

    (void)state;
    support_world_new(&w, LIMIT("2/1m"));
    assert_int_equal(support_ask(&w, "orders", NONE).limits[0].remaining, 1);
    /* Refused: the old one stays in force. */
    assert_int_equal(clientid_gateway_reload(w.gateway, CLIENTID_STR("{"), "b.json", &error),
                     CLIENTID_ERR_SYNTAX);
    assert_int_equal(clientid_gateway_reload(
                         w.gateway, CLIENTID_STR("{\"limits\": {\"cells\": 64}, \"apis\": {}}"),
                         "b.json", &error),
                     CLIENTID_ERR_CONFIG);
    assert_string_equal(error.pointer, "/limits");
    assert_int_equal(support_ask(&w, "orders", NONE).limits[0].remaining, 0);
    assert_int_equal(support_ask(&w, "orders", NONE).verdict, CLIENTID_DENY);
    /* A raised limit acts at once and keeps the count used. */
    assert_int_equal(
        clientid_gateway_reload(w.gateway, CLIENTID_STR(LIMIT("5/1m")), "b.json", &error), 0);
    d = support_ask(&w, "orders", NONE);
    assert_int_equal(d.verdict, CLIENTID_ALLOW);
    assert_int_equal(d.limits[0].remaining, 2);
    /* An API instance that is gone from the configuration is no longer served. */
    assert_int_equal(
        clientid_gateway_reload(w.gateway, CLIENTID_STR("{\"apis\": {}}"), "b.json", &error), 0);
    d = support_ask(&w, "orders", NONE);
    assert_int_equal(d.reason, CLIENTID_REASON_API_UNKNOWN);
    assert_int_equal(clientid_api_configured(d.api), 0);
    support_world_del(&w);
}

static void test_names(void **state)
{
    struct support_world w;
    const clientid_api *a, *b;
    char name[16];

    (void)state;
    support_world_new(&w, LIMIT("2/1m"));
    assert_int_equal(clientid_api_get(w.gateway, CLIENTID_STR("orders"), &a), 0);
    assert_int_equal(clientid_api_get(w.gateway, CLIENTID_STR("orders"), &b), 0);
    assert_ptr_equal(a, b);
    assert_int_equal(clientid_api_configured(a), 1);
    assert_true(clientid__str_eq(clientid_api_name(a), CLIENTID_STR("orders")));
    assert_int_equal(clientid_api_get(w.gateway, CLIENTID_STR(""), &b), CLIENTID_ERR_ARG);
    assert_int_equal(clientid_api_get(w.gateway, CLIENTID_STR("a\nb"), &b), CLIENTID_ERR_ARG);
    for (int i = 0; i < 500; i++) {
        snprintf(name, sizeof(name), "api %d", i);
        assert_int_equal(clientid_api_get(w.gateway, clientid__cstr(name), &b), 0);
    }
    snprintf(name, sizeof(name), "api %d", 499);
    assert_int_equal(support_ask(&w, name, NONE).reason, CLIENTID_REASON_API_UNKNOWN);
    support_world_del(&w);
}

static void test_underscore(void **state)
{
    struct support_world w;
    const clientid_api *api;
    char name[CLIENTID_PARAM_NAME_BYTES];

    (void)state;
    support_world_new(&w, "{\"apis\": {\"a\": {\"policies\": [{\"policy\": "
                          "\"client-id-enforcement\"}]}, \"b\": {\"policies\": [{\"policy\":"
                          " \"client-id-enforcement\", \"id\": \"header:x-id\"}]}}}");
    assert_int_equal(clientid_api_get(w.gateway, CLIENTID_STR("a"), &api), 0);
    assert_int_equal(clientid_api_underscore_header(w.worker, api, name), 1);
    assert_string_equal(name, "client_id");
    assert_int_equal(clientid_api_get(w.gateway, CLIENTID_STR("b"), &api), 0);
    assert_int_equal(clientid_api_underscore_header(w.worker, api, name), 0);
    support_world_del(&w);
}

/* Every allocation in turn fails: an error, no leak, no half-made gateway; then a working one. */
static int run_all(const clientid_allocator *allocator)
{
    clientid_options options = {
        .size = sizeof(options),
        .config = CLIENTID_STR("{\"limits\": {\"cells\": 64, \"keyCells\": 64, \"useCells\": 64},"
                               " \"apis\": {\"orders\": {\"answers\": \"problem\", \"policies\": "
                               "[{\"policy\": \"rate-limiting\", \"limits\": [\"2/1m\"],"
                               " \"match\": [{\"method\": \"GET\", \"path\": \"/.*\"}]}, "
                               "{\"policy\": \"client-id-enforcement\"}]}}}"),
        .allocator = allocator};
    clientid_gateway *gateway = NULL;
    clientid_worker *worker = NULL;
    const clientid_api *api;
    int rv = clientid_gateway_new(&gateway, &options, NULL);

    rv = rv == 0 ? clientid_worker_new(&worker, gateway) : rv;
    rv = rv == 0 ? clientid_api_get(gateway, CLIENTID_STR("another"), &api) : rv;
    rv = rv == 0 ? clientid_gateway_reload(
                       gateway,
                       CLIENTID_STR("{\"limits\": {\"cells\": 64, \"keyCells\": 64, \"useCells\": "
                                    "64}, \"apis\": {\"third\": {\"policies\": []}}}"),
                       NULL, NULL)
                 : rv;
    clientid_worker_del(worker);
    clientid_gateway_del(gateway);
    return rv;
}

static void test_memory_runs_out(void **state)
{
    struct support_alloc a;
    size_t calls;

    (void)state;
    support_alloc_init(&a);
    assert_int_equal(run_all(&a.allocator), 0);
    assert_int_equal(a.live, 0);
    calls = a.calls;
    assert_true(calls > 10);
    for (int rest = 0; rest < 2; rest++) {
        for (size_t i = 1; i <= calls; i++) {
            int rv;

            support_alloc_init(&a);
            a.fail_at = i;
            a.fail_rest = rest;
            rv = run_all(&a.allocator);
            if (a.live != 0 || (rv != CLIENTID_ERR_NOMEM && rv != 0))
                fail_msg("allocation %zu: %d, %zu live", i, rv, a.live);
        }
    }
}

static void test_metrics(void **state)
{
    struct support_world w;
    clientid_worker *second;
    char *text;
    size_t len = 0;

    (void)state;
    support_world_new(&w, "{\"apis\": {\"or\\\"ders\": {\"policies\": [{\"policy\": "
                          "\"rate-limiting\", \"limits\": [\"2/1m\"]}]}}}");
    for (int i = 0; i < 3; i++)
        support_ask(&w, "or\"ders", NONE);
    clientid_worker_latency(w.worker, 180);
    clientid_worker_latency(w.worker, 5000000);
    assert_int_equal(clientid_worker_new(&second, w.gateway), 0);
    clientid_worker_del(w.worker); /* its counts stay */
    w.worker = second;
    support_ask(&w, "or\"ders", NONE);
    assert_int_equal(clientid_metrics_write(w.gateway, w.now_ns, NULL, &len), CLIENTID_ERR_SPACE);
    text = calloc(1, len + 1);
    assert_non_null(text);
    assert_int_equal(clientid_metrics_write(w.gateway, w.now_ns, text, &len), 0);
    assert_non_null(strstr(
        text,
        "clientid_decisions_total{api=\"or\\\"ders\",verdict=\"allow\",reason=\"allowed\"} 2\n"));
    assert_non_null(strstr(text, "clientid_decisions_total{api=\"or\\\"ders\",verdict=\"deny\","
                                 "reason=\"quota-exceeded\"} 2\n"));
    assert_non_null(strstr(text, "clientid_decision_duration_seconds_bucket{le=\"2.5e-07\"} 1\n"));
    assert_non_null(strstr(text, "clientid_decision_duration_seconds_bucket{le=\"+Inf\"} 2\n"));
    assert_non_null(strstr(text, "clientid_decision_duration_seconds_count 2\n"));
    assert_non_null(strstr(text, "clientid_limit_cells_live{region=\"contracts\"} 1\n"));
    assert_non_null(strstr(text, "clientid_sync_revision 1\n"));
    assert_non_null(strstr(text, "clientid_registry_loaded 1\n"));
    free(text);
    support_world_del(&w);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_errors_say_where), cmocka_unit_test(test_pepper),
        cmocka_unit_test(test_reload),           cmocka_unit_test(test_names),
        cmocka_unit_test(test_underscore),       cmocka_unit_test(test_memory_runs_out),
        cmocka_unit_test(test_metrics),
    };

    return cmocka_run_group_tests_name("gateway", tests, NULL, NULL);
}
