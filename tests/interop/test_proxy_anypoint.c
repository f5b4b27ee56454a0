/* SPDX-License-Identifier: Apache-2.0 */
/* clientid-proxy whose contracts come from a control plane over HTTP: in force, revoked, and without it. */
#include "support_control_plane.h"
#include "support_program.h"
#include "support_proxy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static struct support_plane plane;
static struct support_model model;
static struct upstream upstream;
static struct proxy proxy;

static const char config[] =
    "{\"state\":\"@DIR@/state\",\"store\":\"anypoint:@DIR@/anypoint.json\",\"apis\":{"
    "\"orders\":{\"policies\":[{\"policy\":\"client-id-enforcement\",\"id\":\"query:client_id\","
    "  \"secret\":\"query:client_secret\"}]},"
    "\"stock\":{\"policies\":[{\"policy\":\"rate-limiting-sla-based\",\"id\":\"query:client_id\"}]}"
    "},"
    "\"proxy\":{\"listen\":\"127.0.0.1:0\",\"admin\":\"127.0.0.1:0\",\"portFile\":\"@DIR@/port\","
    "\"timeouts\":{\"stop\":\"2s\"},\"routes\":["
    "{\"prefix\":\"/orders\",\"api\":\"orders\",\"upstream\":\"http://"
    "127.0.0.1:@UP@\",\"stripPrefix\":true},"
    "{\"prefix\":\"/stock\",\"api\":\"stock\",\"upstream\":\"http://"
    "127.0.0.1:@UP@\",\"stripPrefix\":true}]}}";

static void write_file(const char *name, const char *text)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", proxy.dir, name);
    file_write(path, text);
}

static int setup(void **state)
{
    char text[512];

    (void)state;
    support_plane_new(&plane, NULL, NULL);
    support_model_init(&model, &plane);
    model.identity = "model";
    model.tiers[2].revision = ++model.revision;
    model.tiers[2].maximum = 1;
    support_model_contract(&model, 0, 1, 0, 2);
    support_model_contract(&model, 1, 2, 2, 1);
    upstream_start(&upstream);
    proxy_prepare(&proxy);
    write_file("secret", SUPPORT_PLANE_SECRET "\n");
    snprintf(text, sizeof(text),
             "{\"url\":\"%s\",\"organizationId\":\"org\",\"environmentId\":\"env\",\"clientId\":"
             "\"gateway\",\"clientSecret\":{\"file\":\"%s/secret\"},\"apis\":{\"orders\":1,"
             "\"stock\":2}}",
             plane.url, proxy.dir);
    write_file("anypoint.json", text);
    proxy_write_config(&proxy, config, &upstream);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    if (proxy.pid > 0)
        assert_int_equal(proxy_stop(&proxy), 0);
    proxy_remove(&proxy);
    upstream_stop(&upstream);
    support_plane_del(&plane);
    support_model_free(&model);
    return 0;
}

/* Asks for up to 5 s, until it is that status. */
static bool becomes(const char *target, unsigned status)
{
    for (int i = 0; i < 500; i++) {
        struct reply reply = get(proxy.port, target, "");
        bool is = reply.status == status;

        reply_free(&reply);
        if (is)
            return true;
        sleep_ms(10);
    }
    return false;
}

static void admitted_and_limited(void **state)
{
    (void)state;
    proxy_start(&proxy);
    assert_true(becomes("/orders/echo?client_id=client-0&client_secret=secret-0", 200));
    assert_true(becomes("/orders/echo?client_id=client-0&client_secret=wrong", 401));
    assert_true(becomes("/orders/echo?client_id=client-1&client_secret=secret-1", 401));
    assert_true(becomes("/stock/echo?client_id=client-1", 200));
    assert_true(becomes("/stock/echo?client_id=client-1", 429)); /* 1 a minute */
}

static void changed_in_force(void **state)
{
    (void)state;
    assert_true(support_plane_holds(&plane, 2));
    support_plane_lock(&plane);
    support_model_contract(&model, 3, 1, 0, 1);
    support_plane_unlock(&plane);
    assert_true(becomes("/orders/echo?client_id=client-3&client_secret=secret-3", 200));
    assert_true(support_plane_holds(&plane, 2));
    support_plane_lock(&plane);
    support_model_remove(&model, 0);
    support_plane_unlock(&plane);
    assert_true(becomes("/orders/echo?client_id=client-0&client_secret=secret-0", 401));
    assert_true(becomes("/orders/echo?client_id=client-3&client_secret=secret-3", 200));
}

static void last_known_good(void **state)
{
    double durable = 0;

    (void)state;
    /* On disk is what is in force. */
    for (int i = 0; i < 500 && durable == 0; i++) {
        durable = proxy_metric(&proxy, "clientid_sync_durable_revision") ==
                  proxy_metric(&proxy, "clientid_sync_revision");
        sleep_ms(10);
    }
    assert_true(durable == 1);
    support_plane_stop(&plane);
    assert_true(proxy_file_gets(&proxy, "err", "contracts of"));
    assert_true(becomes("/orders/echo?client_id=client-3&client_secret=secret-3", 200));
    assert_int_equal(proxy_stop(&proxy), 0);
    proxy_start(&proxy);
    assert_true(becomes("/orders/echo?client_id=client-3&client_secret=secret-3", 200));
    assert_true(becomes("/orders/echo?client_id=client-0&client_secret=secret-0", 401));
    /* It comes back, and what was decided meanwhile counts. */
    support_model_remove(&model, 3);
    support_plane_start(&plane);
    assert_true(becomes("/orders/echo?client_id=client-3&client_secret=secret-3", 401));
}

static void nothing_secret_is_logged(void **state)
{
    char *log = proxy_file(&proxy, "err");

    (void)state;
    assert_hasnt(log, SUPPORT_PLANE_SECRET);
    assert_hasnt(log, "token-");
    free(log);
}

static void other_stores(void **state)
{
    char *log;

    (void)state;
    assert_int_equal(proxy_stop(&proxy), 0);
    proxy.pid = -1;
    proxy_write_config(
        &proxy,
        "{\"store\":\"redis:x\",\"apis\":{\"a\":{\"policies\":[]}},\"proxy\":{\"listen\":"
        "\"127.0.0.1:0\",\"routes\":[{\"prefix\":\"/\",\"api\":\"a\"}]}}",
        &upstream);
    assert_int_not_equal(proxy_run(&proxy, NULL), 0);
    log = proxy_file(&proxy, "err");
    assert_has(log, "#/store: expected \"sqlite:FILE\" or \"anypoint:FILE\"");
    free(log);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(admitted_and_limited), cmocka_unit_test(changed_in_force),
        cmocka_unit_test(last_known_good),      cmocka_unit_test(nothing_secret_is_logged),
        cmocka_unit_test(other_stores),
    };

    return cmocka_run_group_tests(tests, setup, teardown);
}
