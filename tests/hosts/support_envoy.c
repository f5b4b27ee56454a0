/* SPDX-License-Identifier: Apache-2.0 */
#include "support_envoy.h"

#include "support_proxy.h"
#include "support_sanitizer.h"

#include <fcntl.h>
#include <limits.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- what is under test ---------------------------------------------------------------------- */

static const char *build(void)
{
    const char *folder = getenv("CLIENTID_TEST_BUILD");
    return folder != NULL ? folder : "build";
}

const char *envoy_program(void)
{
    static char path[PATH_MAX];
    static bool asked;
    const char *given = getenv("ENVOY_BIN");
    if (given != NULL)
        return given;
    if (!asked) {
        asked = true;
        FILE *pipe = popen("sh tests/tools/envoy.sh", "r");
        if (pipe != NULL) {
            if (fgets(path, sizeof path, pipe) != NULL)
                path[strcspn(path, "\n")] = '\0';
            if (pclose(pipe) != 0)
                path[0] = '\0';
        }
    }
    return path[0] != '\0' ? path : NULL;
}

const char *envoy_modules(void)
{
    static char path[PATH_MAX];
    char name[PATH_MAX];
    /* A real Envoy, linked with an allocator of its own, cannot take a module with a sanitizer: it gets the plain one. */
    snprintf(name, sizeof name, "%s/envoy", SUPPORT_ASAN || SUPPORT_TSAN ? "build" : build());
    return realpath(name, path);
}

/* ---- files ----------------------------------------------------------------------------------- */

static void path_of(const struct envoy *envoy, const char *name, char out[PATH_MAX])
{
    snprintf(out, PATH_MAX, "%s/%s", envoy->dir, name);
}

void envoy_write(const struct envoy *envoy, const char *name, const char *text, unsigned upstream)
{
    char path[PATH_MAX], beside[PATH_MAX];
    path_of(envoy, name, path);
    path_of(envoy, ".new", beside);
    FILE *file = fopen(beside, "w");
    assert_non_null(file);
    while (*text != '\0') {
        if (strncmp(text, "@DIR@", 5) == 0) {
            fputs(envoy->dir, file);
            text += 5;
        } else if (strncmp(text, "@UP@", 4) == 0) {
            fprintf(file, "%u", upstream);
            text += 4;
        } else {
            fputc(*text++, file);
        }
    }
    assert_int_equal(fclose(file), 0);
    assert_int_equal(rename(beside, path), 0);
}

char *envoy_file(const struct envoy *envoy, const char *name)
{
    char path[PATH_MAX];
    path_of(envoy, name, path);
    FILE *file = fopen(path, "r");
    if (file == NULL)
        return NULL;
    size_t room = 1 << 22;
    char *text = malloc(room);
    text[fread(text, 1, room - 1, file)] = '\0';
    fclose(file);
    return text;
}

bool envoy_file_gets(const struct envoy *envoy, const char *name, const char *text)
{
    for (uint64_t end = now_ms() + 10000; now_ms() < end; sleep_ms(20)) {
        char *content = envoy_file(envoy, name);
        bool has = content != NULL && strstr(content, text) != NULL;
        free(content);
        if (has)
            return true;
    }
    return false;
}

/* ---- process --------------------------------------------------------------------------------- */

static pid_t run(const struct envoy *envoy, const char *mode)
{
    char config[PATH_MAX], admin[PATH_MAX], log[PATH_MAX], threads[16];
    path_of(envoy, "envoy.yaml", config);
    path_of(envoy, "admin", admin);
    path_of(envoy, "log", log);
    snprintf(threads, sizeof threads, "%u", envoy->concurrency != 0 ? envoy->concurrency : 2);
    (void)unlink(admin);
    const char *modules = envoy_modules(); /* before the folder is left */
    const char *program = envoy_program();
    assert_non_null(modules);
    assert_non_null(program);
    pid_t pid = fork();
    if (pid != 0)
        return pid;
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* a test that fails stops nobody */
    int fd = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (fd < 0 || dup2(fd, 1) < 0 || dup2(fd, 2) < 0 || chdir(envoy->dir) != 0 ||
        setenv("ENVOY_DYNAMIC_MODULES_SEARCH_PATH", modules, 1) != 0)
        _exit(126);
    execl(program, "envoy", "-c", config, "--mode", mode, "--concurrency", threads,
          "--disable-hot-restart", "--admin-address-path", admin, "--log-level", "warning",
          "--component-log-level", "dynamic_modules:info", "--drain-time-s", "1",
          "--file-flush-interval-msec", "50", (char *)NULL);
    _exit(127);
}

static void show_log(const struct envoy *envoy)
{
    char *log = envoy_file(envoy, "log");
    fprintf(stderr, "%s\n", log != NULL ? log : "no log");
    free(log);
}

static int exit_code(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static bool has_ended(struct envoy *envoy)
{
    int status;
    if (waitpid(envoy->pid, &status, WNOHANG) != envoy->pid)
        return false;
    envoy->pid = 0;
    fprintf(stderr, "envoy ended: %d\n", exit_code(status));
    return true;
}

static unsigned read_admin_port(const struct envoy *envoy)
{
    char *address = envoy_file(envoy, "admin");
    const char *colon = address != NULL ? strrchr(address, ':') : NULL;
    unsigned port = colon != NULL ? (unsigned)strtoul(colon + 1, NULL, 10) : 0;
    free(address);
    return port;
}

bool envoy_start(struct envoy *envoy)
{
    envoy->admin = envoy->port = 0;
    envoy->pid = run(envoy, "serve");
    assert_true(envoy->pid > 0);
    for (uint64_t end = now_ms() + 30000; now_ms() < end; sleep_ms(20)) {
        if (has_ended(envoy))
            break;
        if (envoy->admin == 0)
            envoy->admin = read_admin_port(envoy);
        if (envoy->admin == 0)
            continue;
        char *ready = envoy_admin(envoy, "/ready");
        bool live = ready != NULL && strstr(ready, "LIVE") != NULL;
        free(ready);
        if (live) {
            envoy->port = envoy_port(envoy, "");
            return true;
        }
    }
    show_log(envoy);
    if (envoy->pid != 0)
        (void)envoy_stop(envoy);
    return false;
}

int envoy_stop(struct envoy *envoy)
{
    int status = 0;
    if (envoy->pid <= 0)
        return 0;
    kill(envoy->pid, SIGTERM);
    uint64_t end = now_ms() + 15000;
    pid_t ended = 0;
    while ((ended = waitpid(envoy->pid, &status, WNOHANG)) == 0 && now_ms() < end)
        sleep_ms(10);
    if (ended == 0) {
        kill(envoy->pid, SIGKILL);
        (void)waitpid(envoy->pid, &status, 0);
    }
    envoy->pid = 0;
    return exit_code(status);
}

int envoy_check(const struct envoy *envoy)
{
    int status = 0;
    pid_t pid = run(envoy, "validate");
    assert_int_equal(waitpid(pid, &status, 0), pid);
    return exit_code(status);
}

/* ---- admin ----------------------------------------------------------------------------------- */

char *envoy_admin(const struct envoy *envoy, const char *path)
{
    char request[512];
    snprintf(request, sizeof request, "GET %s HTTP/1.1\r\nHost: admin\r\nConnection: close\r\n\r\n",
             path);
    struct reply reply = ask(envoy->admin, request);
    char *body = reply.body;
    reply.body = NULL;
    reply_free(&reply);
    return body;
}

unsigned envoy_port(const struct envoy *envoy, const char *listener)
{
    unsigned port = 0;
    char *text = envoy_admin(envoy, "/listeners");
    for (char *rest = NULL, *line = strtok_r(text, "\n", &rest); line != NULL;
         line = strtok_r(NULL, "\n", &rest)) {
        char *colons = strstr(line, "::");
        if (colons == NULL ||
            (listener[0] != '\0' && (strlen(listener) != (size_t)(colons - line) ||
                                     strncmp(line, listener, (size_t)(colons - line)) != 0)))
            continue;
        port = (unsigned)strtoul(strrchr(line, ':') + 1, NULL, 10);
        break;
    }
    free(text);
    return port;
}

long long envoy_stat(const struct envoy *envoy, const char *name)
{
    char path[256];
    snprintf(path, sizeof path, "/stats?filter=^%s$", name);
    char *text = envoy_admin(envoy, path);
    const char *colon = text != NULL ? strstr(text, ": ") : NULL;
    long long value = colon != NULL ? strtoll(colon + 2, NULL, 10) : -1;
    free(text);
    return value;
}

bool envoy_stat_gets(const struct envoy *envoy, const char *name, long long value)
{
    for (uint64_t end = now_ms() + 10000; now_ms() < end; sleep_ms(20)) {
        if (envoy_stat(envoy, name) == value)
            return true;
    }
    return false;
}
