/* SPDX-License-Identifier: Apache-2.0 */
/* NGINX as it comes, with auth_request. */
#include "support_case_hosts.h"
#include "support_stock.h"

#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct proxy service;
static struct daemon nginx;
static unsigned ports[CASE_SUITES_MAX];

/* As in examples/proxy/README.md. */
static void write_api(FILE *out, const struct replay *replay, const char *name, const char *api)
{
    fprintf(out,
            "    location /%s/ {\n"
            "      auth_request /_auth/%s;\n"
            "      auth_request_set $why $upstream_http_x_auth_status;\n"
            "      auth_request_set $challenge $upstream_http_www_authenticate;\n"
            "      auth_request_set $retry $upstream_http_retry_after;\n"
            "      auth_request_set $id $upstream_http_x_client_id;\n"
            "      auth_request_set $name $upstream_http_x_client_name;\n"
            "      auth_request_set $tier $upstream_http_x_client_tier;\n"
            "      proxy_set_header X-Client-Id $id;\n"
            "      proxy_set_header X-Client-Name $name;\n"
            "      proxy_set_header X-Client-Tier $tier;\n"
            "      error_page 403 = @refused;\n"
            "      proxy_pass http://127.0.0.1:%u;\n"
            "    }\n",
            name, name, replay->upstream.port);
    fprintf(out,
            "    location = /_auth/%s {\n"
            "      internal;\n"
            "      proxy_pass http://127.0.0.1:%u/auth/%s;\n"
            "      proxy_pass_request_body off;\n"
            "      proxy_set_header Content-Length \"\";\n"
            "      proxy_set_header X-Original-URI $request_uri;\n"
            "      proxy_set_header X-Original-Method $request_method;\n"
            "      proxy_set_header X-Original-URL \"\";\n"
            "      proxy_set_header X-Forwarded-Uri \"\";\n"
            "      proxy_set_header X-Forwarded-Method \"\";\n"
            "    }\n",
            name, service.port, api);
}

static void write_server(FILE *out, const struct replay *replay, size_t i)
{
    const struct support_suite *suite = &replay->suites[i];
    const char *name;
    json_t *ignored;

    fprintf(out,
            "  server {\n    listen 127.0.0.1:%u;\n    underscores_in_headers on;\n"
            "    large_client_header_buffers 4 16k;\n",
            ports[i]);
    json_object_foreach((json_t *)(uintptr_t)suite_apis(suite), name, ignored)
    {
        char api[SUITE_API_BYTES];

        suite_api_name(api, suite, name);
        write_api(out, replay, name, api);
    }
    fprintf(out, "    location / { return 404; }\n"
                 "    location @refused {\n"
                 "      add_header WWW-Authenticate $challenge always;\n"
                 "      add_header Retry-After $retry always;\n"
                 "      if ($why = 400) { return 400; }\n"
                 "      if ($why = 401) { return 401; }\n"
                 "      if ($why = 413) { return 413; }\n"
                 "      if ($why = 429) { return 429; }\n"
                 "      if ($why = 500) { return 500; }\n"
                 "      if ($why = 503) { return 503; }\n"
                 "      return 403;\n"
                 "    }\n  }\n");
}

static void start(const struct replay *replay)
{
    size_t len;
    char *http = NULL;
    FILE *out = open_memstream(&http, &len);

    assert_non_null(out);
    case_service_start(&service, replay, "403");
    daemon_ports(ports, replay->count);
    for (size_t i = 0; i < replay->count; i++)
        write_server(out, replay, i);
    fclose(out);
    nginx_start_stock(&nginx, replay->dir, http, ports[replay->count - 1]);
    free(http);
}

static unsigned serve(const struct replay *replay, size_t suite)
{
    (void)replay;
    return ports[suite];
}

static void stop(void)
{
    int code = daemon_stop(&nginx, SIGTERM);

    case_proxy_stop(&service);
    assert_int_equal(code, 0);
}

/* The bodies of refusals are NGINX's own pages; an answer of 200 adds nothing to the upstream's. */
const struct case_host case_auth_request = {.name = "auth_request",
                                            .judges =
                                                JUDGES_STATUS | JUDGES_CHALLENGE | JUDGES_IDENTITY,
                                            .missing = nginx_missing,
                                            .start = start,
                                            .serve = serve,
                                            .stop = stop};
