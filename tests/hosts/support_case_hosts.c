/* SPDX-License-Identifier: Apache-2.0 */
#include "support_case_hosts.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void add_routes(json_t *routes, const struct support_suite *suite, const char *deny)
{
    const char *name;
    json_t *ignored;

    json_object_foreach((json_t *)(uintptr_t)suite_apis(suite), name, ignored)
    {
        char api[SUITE_API_BYTES], prefix[2 * SUITE_API_BYTES];

        suite_api_name(api, suite, name);
        json_array_append_new(routes, json_pack("{s:s+, s:s, s:s}", "prefix", "/auth/", api, "api",
                                                api, "deny", deny));
        snprintf(prefix, sizeof(prefix), "/envoy/%s/%s", suite->name, name);
        json_array_append_new(routes, json_pack("{s:s, s:s, s:s+}", "prefix", prefix, "api", api,
                                                "pathPrefix", "/envoy/", suite->name));
    }
}

void case_service_start(struct proxy *proxy, const struct replay *replay, const char *deny)
{
    json_t *routes = json_array();

    for (size_t i = 0; i < replay->count; i++)
        add_routes(routes, &replay->suites[i], deny);
    case_proxy_start(proxy, replay, replay->suites, replay->count, routes);
}

char *case_file(const struct replay *replay, const char *name, FILE **out)
{
    char *path = malloc(256);

    assert_non_null(path);
    snprintf(path, 256, "%s/%s", replay->dir, name);
    *out = fopen(path, "we");
    assert_non_null(*out);
    return path;
}

void case_config(const struct replay *replay, const char *name)
{
    json_t *config = suite_config(replay->store, replay->suites, replay->count);
    FILE *out;

    free(case_file(replay, name, &out));
    assert_int_equal(json_dumpf(config, out, 0), 0);
    assert_int_equal(fclose(out), 0);
    json_decref(config);
}

void case_wait_loaded(unsigned port, const struct support_suite *suite)
{
    uint64_t end_ms = now_ms() + 10000;
    char target[SUITE_API_BYTES];
    unsigned status;

    snprintf(target, sizeof(target), "/%s/1", suite->api);
    do {
        struct reply reply = get(port, target, "");

        status = reply.status;
        reply_free(&reply);
        if (status == 503)
            sleep_ms(10);
    } while (status == 503 && now_ms() < end_ms);
    assert_int_not_equal(status, 503);
}
