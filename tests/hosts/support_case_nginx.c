/* SPDX-License-Identifier: Apache-2.0 */
/* NGINX with the module. */
#include "support_case_hosts.h"
#include "support_daemon.h"
#include "support_nginx.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static struct nginx nginx;
static unsigned ports[CASE_SUITES_MAX];

static const char *missing(void)
{
    return nginx_available() ? NULL : "there is no nginx, or its module was not built";
}

static void write_server(FILE *out, const struct support_suite *suite, unsigned port)
{
    const char *name;
    json_t *ignored;

    fprintf(out, "  server {\n    listen 127.0.0.1:%u;\n    location / { return 404; }\n", port);
    json_object_foreach((json_t *)(uintptr_t)suite_apis(suite), name, ignored)
    {
        char api[SUITE_API_BYTES];

        suite_api_name(api, suite, name);
        fprintf(out,
                "    location /%s/ {\n"
                "      clientid %s;\n"
                "      proxy_pass http://127.0.0.1:@UP@;\n"
                "    }\n",
                name, api);
    }
    fprintf(out, "  }\n");
}

static void write_files(const struct replay *replay)
{
    json_t *config = suite_config(replay->store, replay->suites, replay->count);
    char *text, *http = NULL;
    size_t len;
    FILE *out = open_memstream(&http, &len);

    assert_non_null(out);
    json_object_set_new(config, "limits", json_pack("{s:s}", "file", "@DIR@/limits"));
    text = json_dumps(config, 0);
    assert_non_null(text);
    fprintf(out, "  clientid_config @CONFIG@;\n  large_client_header_buffers 4 16k;\n");
    for (size_t i = 0; i < replay->count; i++)
        write_server(out, &replay->suites[i], ports[i]);
    fclose(out);
    nginx_write_config(&nginx, text);
    nginx_write_conf(&nginx, "", http);
    free(http);
    free(text);
    json_decref(config);
}

static void start(const struct replay *replay)
{
    nginx_prepare(&nginx, &replay->upstream);
    daemon_ports(ports, replay->count);
    nginx.port = ports[0];
    write_files(replay);
    nginx_start(&nginx);
    case_wait_loaded(ports[0], &replay->suites[0]);
}

static unsigned serve(const struct replay *replay, size_t suite)
{
    (void)replay;
    return ports[suite];
}

static void stop(void)
{
    int code = nginx.pid > 0 ? nginx_stop(&nginx) : 0;
    char *alerts = nginx_alerts(&nginx);
    bool quiet = alerts[0] == '\0';

    if (!quiet)
        print_message("%s\n", alerts);
    free(alerts);
    nginx_remove(&nginx);
    assert_int_equal(code, 0);
    assert_true(quiet);
}

const struct case_host case_nginx = {.name = "nginx",
                                     .judges = JUDGES_ALL,
                                     .missing = missing,
                                     .start = start,
                                     .serve = serve,
                                     .stop = stop};
