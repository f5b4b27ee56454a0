/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPPORT_NGINX_H
#define SUPPORT_NGINX_H

#include "support_proxy.h"

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/*
 * A real nginx with the module, in a folder and on ports of its own, in the foreground of a child process that is ended
 * by its pid.  The folder is one of proxy_prepare, so contracts as last-known-good files are in "state" (support_proxy.h
 * says which), and struct proxy's file functions work on it.  nginx's own files there: nginx.conf, error.log, nginx.pid.
 */
struct nginx {
    struct proxy files; /* for proxy_file, proxy_file_gets, proxy_write_config */
    pid_t pid;          /* of the master (or of the only process) */
    unsigned port;
    unsigned h2_port;        /* for "listen 127.0.0.1:@H2@ http2;" */
    unsigned up_port;        /* of the upstream that @UP@ stands for */
    const char *environment; /* "NAME=value" for nginx, or NULL */
    bool valgrind;           /* under valgrind, which writes "valgrind.PID" for each process */
};

/* False when there is no nginx or no module was built; a test then calls skip(). */
bool nginx_available(void);

/* Makes the folder and chooses free ports; |upstream| may be NULL. */
void nginx_prepare(struct nginx *nginx, const struct upstream *upstream);

/* Writes "config", the JSON of the module, with @DIR@ and @UP@ replaced. */
void nginx_write_config(const struct nginx *nginx, const char *json);

/*
 * Writes nginx.conf: |main| in the main context, |http| inside http {}.  Replaced everywhere: @DIR@ the folder, @PORT@
 * @H2@ @UP@ ports, @CONFIG@ the file of nginx_write_config.  The rest is there: load_module, one worker unless |main|
 * says "worker_processes", error.log at level info, pid, temporary folders, underscores_in_headers on,
 * access_log off.
 */
void nginx_write_conf(const struct nginx *nginx, const char *main, const char *http);

/* Starts nginx (a daemon, if |main| had "daemon on") and waits until it accepts connections on |port|. */
void nginx_start(struct nginx *nginx);
/* Runs "nginx -t"; its exit code, and what it said in |*output| (free it). */
int nginx_test(const struct nginx *nginx, char **output);
/* SIGHUP; waits until the old workers were told to go and new ones run. */
void nginx_reload(struct nginx *nginx);
bool nginx_try_reload(const struct nginx *nginx); /* false: that did not happen within 20 s */
/* SIGQUIT; the exit code. */
int nginx_stop(struct nginx *nginx);
/* Stops when it runs, and removes the folder. */
void nginx_remove(struct nginx *nginx);

/* The pids of the worker processes of |master|; their number. */
size_t nginx_workers(pid_t master, pid_t *pids, size_t max);
/* Waits up to 10 s until |master| has |count| worker processes; until it has that many and no others that still end. */
bool nginx_has_workers(pid_t master, size_t count);
bool nginx_has_settled(pid_t master, size_t count);

/* Lines of error.log at the levels alert, emerg, crit: none is expected of a healthy server.  Free it. */
char *nginx_alerts(const struct nginx *nginx);

/* Path of a built file, such as "nginx/ngx_http_clientid_module.so", beside the folder of the tests. */
void nginx_built(const char *name, char *out, size_t size);

#endif
