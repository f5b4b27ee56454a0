/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPPORT_DAEMON_H
#define SUPPORT_DAEMON_H

#include <stddef.h>
#include <sys/types.h>

/* A program that serves until it is stopped by its pid. */
struct daemon {
    pid_t pid;     /* 0: not running */
    char log[128]; /* gets standard output and error */
};

/* Where a program is: $PATH and the folders of administrators.  NULL when it is not installed; free it. */
char *daemon_find(const char *name);

/*
 * Starts argv[0] (a path) and waits until the port accepts.  |environment|: "NAME=value" ending with NULL, may be NULL.
 * Fails the test, with the log, when the program ends or does not listen within 20 s.
 */
void daemon_start(struct daemon *daemon, const char *const *argv, const char *const *environment,
                  unsigned port);
/* Sends the signal; the exit code, -signal when one killed it.  SIGKILL follows after 20 s. */
int daemon_stop(struct daemon *daemon, int with_signal);

/* Ports on loopback that nobody listens on, all different. */
void daemon_ports(unsigned *ports, size_t count);

#endif
