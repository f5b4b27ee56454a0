/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPPORT_ENVOY_H
#define SUPPORT_ENVOY_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

/* A real Envoy with the module, in a temporary folder, on free ports of the loopback interface. */
struct envoy {
    pid_t pid;
    char dir[128];  /* of its files; envoy_start writes "log" (and Envoy's standard error) there */
    unsigned admin; /* its admin interface */
    unsigned port;  /* of the first listener */
    unsigned concurrency; /* worker threads; 0: 2 */
};

/*
 * The program, NULL when there is none: $ENVOY_BIN, or what tests/tools/envoy.sh prints.  A test that needs it then calls
 * skip().
 */
const char *envoy_program(void);
/* Folder of libclientid_envoy.so. */
const char *envoy_modules(void);

/*
 * Writes a file of the folder; "@DIR@" becomes the folder, "@UP@" |upstream| as a number.  Written beside and renamed, as
 * Envoy's file subscriptions need it.
 */
void envoy_write(const struct envoy *envoy, const char *name, const char *text, unsigned upstream);
/*
 * Starts Envoy with the folder's "envoy.yaml" and waits until it is ready.  The file has its admin interface and listeners on
 * port 0; envoy_start finds out which ports they got.  False, with the log on stderr, when it ends before it is ready.
 */
bool envoy_start(struct envoy *envoy);
/* The port of a listener by its name. */
unsigned envoy_port(const struct envoy *envoy, const char *listener);
/* SIGTERM to its pid, SIGKILL after a while; its exit code, or minus the signal. */
int envoy_stop(struct envoy *envoy);
/* Runs Envoy to its end ("--mode validate"); its exit code, output in the folder's "log". */
int envoy_check(const struct envoy *envoy);

/* An answer of the admin interface ("/stats", "/listeners"); free it. */
char *envoy_admin(const struct envoy *envoy, const char *path);
/* One statistic, -1 when there is none; envoy_stat_gets waits for it. */
long long envoy_stat(const struct envoy *envoy, const char *name);
bool envoy_stat_gets(const struct envoy *envoy, const char *name, long long value);
/* A file of the folder, NULL when there is none; free it.  envoy_file_gets waits up to 10 s until it has |text|. */
char *envoy_file(const struct envoy *envoy, const char *name);
bool envoy_file_gets(const struct envoy *envoy, const char *name, const char *text);

#endif
