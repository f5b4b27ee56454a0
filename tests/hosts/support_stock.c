/* SPDX-License-Identifier: Apache-2.0 */
#include "support_stock.h"

#include "support_program.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

enum { TEXT_BYTES = 1 << 18 };

static const char *unless_found(const char *program, const char *what)
{
    char *path = daemon_find(program);
    const char *missing = path == NULL ? what : NULL;

    free(path);
    return missing;
}

const char *caddy_missing(void)
{
    return unless_found("caddy", "caddy is not installed");
}

const char *nginx_missing(void)
{
    return unless_found("nginx", "nginx is not installed");
}

void caddy_start(struct daemon *daemon, const char *dir, const char *sites, unsigned port)
{
    char *text = malloc(TEXT_BYTES), *program = daemon_find("caddy");
    char path[160], data[160], settings[160];
    const char *const environment[] = {data, settings, NULL};
    const char *const argv[] = {program, "run", "--adapter", "caddyfile", "--config", path, NULL};

    assert_non_null(text);
    snprintf(path, sizeof(path), "%s/Caddyfile", dir);
    snprintf(data, sizeof(data), "XDG_DATA_HOME=%s", dir);
    snprintf(settings, sizeof(settings), "XDG_CONFIG_HOME=%s", dir);
    snprintf(daemon->log, sizeof(daemon->log), "%s/caddy.log", dir);
    snprintf(text, TEXT_BYTES, "{\n  admin off\n  auto_https off\n}\n%s", sites);
    file_write(path, text);
    daemon_start(daemon, argv, environment, port);
    free(program);
    free(text);
}

/* Workers of a master that is root would be another user, who may not enter |dir|. */
void nginx_start_stock(struct daemon *daemon, const char *dir, const char *http, unsigned port)
{
    char *text = malloc(TEXT_BYTES), *program = daemon_find("nginx");
    char path[160];

    assert_non_null(text);
    snprintf(path, sizeof(path), "%s/nginx.conf", dir);
    snprintf(daemon->log, sizeof(daemon->log), "%s/nginx.log", dir);
    snprintf(text, TEXT_BYTES,
             "daemon off;\n%spid %s/nginx.pid;\nerror_log stderr;\nworker_processes 1;\n"
             "events {}\nhttp {\naccess_log off;\n"
             "client_body_temp_path %s/client_body;\nproxy_temp_path %s/proxy;\n"
             "fastcgi_temp_path %s/fastcgi;\nuwsgi_temp_path %s/uwsgi;\nscgi_temp_path %s/scgi;\n"
             "%s}\n",
             geteuid() == 0 ? "user root;\n" : "", dir, dir, dir, dir, dir, dir, http);
    file_write(path, text);
    daemon_start(daemon, (const char *const[]){program, "-e", "stderr", "-c", path, NULL}, NULL,
                 port);
    free(program);
    free(text);
}
