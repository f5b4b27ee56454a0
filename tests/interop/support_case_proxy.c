/* SPDX-License-Identifier: Apache-2.0 */
#include "support_case_proxy.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct proxy running;

void case_proxy_start(struct proxy *proxy, const struct replay *replay,
                      const struct support_suite *suites, size_t count, json_t *routes)
{
    json_t *config = suite_config(replay->store, suites, count);
    char *text;

    json_object_set_new(config, "proxy",
                        json_pack("{s:s, s:s, s:s, s:s, s:i, s:[s], s:o}", "listen", "127.0.0.1:0",
                                  "admin", "127.0.0.1:0", "portFile", "@DIR@/port", "accessLog",
                                  "@DIR@/access", "workers", 1, "trust", "127.0.0.1", "routes",
                                  routes));
    proxy_prepare(proxy);
    text = json_dumps(config, 0);
    proxy_write_config(proxy, text, &replay->upstream);
    proxy_start(proxy);
    assert_true(proxy_metric_gets(proxy, "clientid_registry_loaded", 1));
    free(text);
    json_decref(config);
}

void case_proxy_stop(struct proxy *proxy)
{
    int code = proxy->pid > 0 ? proxy_stop(proxy) : 0;

    proxy_remove(proxy);
    assert_int_equal(code, 0);
}

/* ---- one suite after the other: there is one listener ----------------------------------------- */

static void start_nothing(const struct replay *replay)
{
    (void)replay;
    running.pid = 0;
}

static void stop(void)
{
    if (running.pid > 0)
        case_proxy_stop(&running);
    running.pid = 0;
}

static unsigned serve(const struct replay *replay, const struct support_suite *suite,
                      json_t *(*route)(const char *api, const char *name))
{
    char full[SUITE_API_BYTES];
    json_t *routes = json_array(), *ignored;
    const char *name;

    json_object_foreach((json_t *)(uintptr_t)suite_apis(suite), name, ignored)
    {
        suite_api_name(full, suite, name);
        json_array_append_new(routes, route(full, name));
    }
    stop();
    case_proxy_start(&running, replay, suite, 1, routes);
    return running.port;
}

static json_t *proxy_route(const char *api, const char *name)
{
    return json_pack("{s:s+, s:s, s:s}", "prefix", "/", name, "api", api, "upstream",
                     "http://127.0.0.1:@UP@");
}

static unsigned serve_proxy(const struct replay *replay, size_t suite)
{
    return serve(replay, &replay->suites[suite], proxy_route);
}

static json_t *service_route(const char *api, const char *name)
{
    return json_pack("{s:s+, s:s, s:s}", "prefix", "/_auth/", name, "api", api, "pathPrefix",
                     "/_auth");
}

static unsigned serve_service(const struct replay *replay, size_t suite)
{
    return serve(replay, &replay->suites[suite], service_route);
}

const struct case_host case_proxy = {.name = "proxy",
                                     .judges = JUDGES_ALL,
                                     .start = start_nothing,
                                     .serve = serve_proxy,
                                     .stop = stop};

const struct case_host case_service = {.name = "service",
                                       .judges = JUDGES_STATUS | JUDGES_CHALLENGE | JUDGES_BODY |
                                                 JUDGES_ADDED,
                                       .start = start_nothing,
                                       .serve = serve_service,
                                       .stop = stop,
                                       .prefix = "/_auth"};
