/* SPDX-License-Identifier: Apache-2.0 */
#include "support_case_hosts.h"
#include "support_daemon.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct proxy service;
static struct daemon caddy;
static unsigned ports[CASE_SUITES_MAX];

static const char *missing(void)
{
    char *path = daemon_find("caddy");
    const char *what = path == NULL ? "caddy is not installed" : NULL;

    free(path);
    return what;
}

/* As in examples/proxy/README.md; Caddy answers 200 to what no handle takes. */
static void write_site(FILE *out, const struct replay *replay, size_t i)
{
    const struct support_suite *suite = &replay->suites[i];
    const char *name;
    json_t *ignored;

    fprintf(out, "http://:%u {\n  bind 127.0.0.1\n", ports[i]);
    json_object_foreach((json_t *)(uintptr_t)suite_apis(suite), name, ignored)
    {
        char api[SUITE_API_BYTES];

        suite_api_name(api, suite, name);
        fprintf(out,
                "  handle /%s/* {\n"
                "    forward_auth 127.0.0.1:%u {\n"
                "      uri /auth/%s\n"
                "      copy_headers X-Client-Id X-Client-Name X-Client-Tier\n"
                "    }\n"
                "    reverse_proxy 127.0.0.1:%u\n"
                "  }\n",
                name, service.port, api, replay->upstream.port);
    }
    fprintf(out, "  handle {\n    respond 404\n  }\n}\n");
}

static void start(const struct replay *replay)
{
    char data[128], settings[128];
    const char *const environment[] = {data, settings, NULL};
    char *program = daemon_find("caddy"), *path;
    FILE *out;

    case_service_start(&service, replay, "native");
    daemon_ports(ports, replay->count);
    path = case_file(replay, "Caddyfile", &out);
    fprintf(out, "{\n  admin off\n  auto_https off\n}\n");
    for (size_t i = 0; i < replay->count; i++)
        write_site(out, replay, i);
    assert_int_equal(fclose(out), 0);
    snprintf(caddy.log, sizeof(caddy.log), "%s/caddy.log", replay->dir);
    snprintf(data, sizeof(data), "XDG_DATA_HOME=%s", replay->dir);
    snprintf(settings, sizeof(settings), "XDG_CONFIG_HOME=%s", replay->dir);
    daemon_start(
        &caddy,
        (const char *const[]){program, "run", "--adapter", "caddyfile", "--config", path, NULL},
        environment, ports[replay->count - 1]);
    free(path);
    free(program);
}

static unsigned serve(const struct replay *replay, size_t suite)
{
    (void)replay;
    return ports[suite];
}

static void stop(void)
{
    int code = daemon_stop(&caddy, SIGTERM);

    case_proxy_stop(&service);
    assert_int_equal(code, 0);
}

/* Refusals are the service's, whole; an answer of 200 adds nothing to the upstream's. */
const struct case_host case_caddy = {.name = "caddy",
                                     .judges = JUDGES_STATUS | JUDGES_CHALLENGE | JUDGES_BODY |
                                               JUDGES_IDENTITY,
                                     .missing = missing,
                                     .start = start,
                                     .serve = serve,
                                     .stop = stop};
