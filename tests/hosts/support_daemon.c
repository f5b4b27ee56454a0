/* SPDX-License-Identifier: Apache-2.0 */
#include "support_daemon.h"

#include "support_program.h"
#include "support_proxy.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

enum { PATIENCE_MS = 20000 };

char *daemon_find(const char *name)
{
    const char *path = getenv("PATH");
    char folders[4096], *rest = folders;
    char *found = malloc(512);

    assert_non_null(found);
    snprintf(folders, sizeof(folders), "%s:/usr/sbin:/usr/local/sbin", path != NULL ? path : "");
    for (const char *folder; (folder = strsep(&rest, ":")) != NULL;) {
        snprintf(found, 512, "%s/%s", folder, name);
        if (folder[0] == '/' && access(found, X_OK) == 0)
            return found;
    }
    free(found);
    return NULL;
}

static void child(const struct daemon *daemon, const char *const *argv,
                  const char *const *environment)
{
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* a test that fails stops nobody */
    char *copy[32] = {NULL};
    int fd = open(daemon->log, O_WRONLY | O_CREAT | O_APPEND, 0600);

    for (size_t i = 0; argv[i] != NULL && i < 31; i++)
        copy[i] = strdup(argv[i]);
    for (; environment != NULL && *environment != NULL; environment++)
        putenv(strdup(*environment));
    dup2(fd, STDOUT_FILENO);
    dup2(fd, STDERR_FILENO);
    execv(copy[0], copy);
    _exit(127);
}

static bool accepts(unsigned port)
{
    int fd = client_connect(port);

    if (fd >= 0)
        close(fd);
    return fd >= 0;
}

void daemon_start(struct daemon *daemon, const char *const *argv, const char *const *environment,
                  unsigned port)
{
    uint64_t end_ms = now_ms() + PATIENCE_MS;
    int status = 0;
    char *log;

    fflush(NULL);
    daemon->pid = fork();
    assert_true(daemon->pid >= 0);
    if (daemon->pid == 0)
        child(daemon, argv, environment);
    while (!accepts(port) && now_ms() < end_ms) {
        if (waitpid(daemon->pid, &status, WNOHANG) == daemon->pid) {
            daemon->pid = 0;
            break;
        }
        sleep_ms(10);
    }
    if (daemon->pid != 0 && accepts(port))
        return;
    if (daemon->pid != 0)
        (void)daemon_stop(daemon, SIGKILL);
    log = file_read(daemon->log, NULL);
    fail_msg("%s does not listen on %u: %s", argv[0], port, log != NULL ? log : "");
}

int daemon_stop(struct daemon *daemon, int with_signal)
{
    uint64_t end_ms = now_ms() + PATIENCE_MS;
    int status = 0;

    if (daemon->pid == 0)
        return 0;
    kill(daemon->pid, with_signal);
    while (waitpid(daemon->pid, &status, WNOHANG) == 0) {
        if (now_ms() > end_ms)
            kill(daemon->pid, SIGKILL);
        sleep_ms(5);
    }
    daemon->pid = 0;
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

void daemon_ports(unsigned *ports, size_t count)
{
    int fds[64];

    assert_true(count <= 64);
    for (size_t i = 0; i < count; i++) {
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr = {htonl(INADDR_LOOPBACK)}};
        socklen_t len = sizeof(address);

        fds[i] = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        assert_int_equal(bind(fds[i], (struct sockaddr *)&address, len), 0);
        assert_int_equal(getsockname(fds[i], (struct sockaddr *)&address, &len), 0);
        ports[i] = ntohs(address.sin_port);
    }
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
}
