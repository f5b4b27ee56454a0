/* SPDX-License-Identifier: Apache-2.0 */
#include "support_case_hosts.h"
#include "support_stock.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct proxy service;
static struct daemon caddy;
static unsigned ports[CASE_SUITES_MAX];

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
    size_t len;
    char *sites = NULL;
    FILE *out = open_memstream(&sites, &len);

    assert_non_null(out);
    case_service_start(&service, replay, "native");
    daemon_ports(ports, replay->count);
    for (size_t i = 0; i < replay->count; i++)
        write_site(out, replay, i);
    fclose(out);
    caddy_start(&caddy, replay->dir, sites, ports[replay->count - 1]);
    free(sites);
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
                                     .missing = caddy_missing,
                                     .start = start,
                                     .serve = serve,
                                     .stop = stop};
