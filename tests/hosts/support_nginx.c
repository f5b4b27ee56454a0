/* SPDX-License-Identifier: Apache-2.0 */
#include "support_nginx.h"

#include "support_daemon.h"
#include "support_sanitizer.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

/* ---- places ---------------------------------------------------------------------------------- */

/* build/tests/hosts/test_x -> build/NAME */
void nginx_built(const char *name, char *out, size_t size)
{
    ssize_t len = readlink("/proc/self/exe", out, size - 1);
    assert_true(len > 0);
    out[len] = '\0';
    for (int i = 0; i < 3; i++)
        *strrchr(out, '/') = '\0';
    size_t used = strlen(out);
    (void)snprintf(out + used, size - used, "/%s", name);
}

static const char *program(void)
{
    static const char *const places[] = {"/usr/sbin/nginx", "/usr/local/sbin/nginx",
                                         "/usr/bin/nginx"};
    const char *chosen = getenv("CLIENTID_NGINX"); /* to try another version by hand */
    if (chosen != NULL)
        return chosen;
    for (size_t i = 0; i < sizeof places / sizeof places[0]; i++) {
        if (access(places[i], X_OK) == 0)
            return places[i];
    }
    return NULL;
}

bool nginx_available(void)
{
    char module[512];
    nginx_built("nginx/ngx_http_clientid_module.so", module, sizeof module);
    return program() != NULL && access(module, R_OK) == 0;
}

void nginx_prepare(struct nginx *nginx, const struct upstream *upstream)
{
    unsigned ports[2];
    char path[128];
    *nginx = (struct nginx){.pid = -1, .up_port = upstream != NULL ? upstream->port : 1};
    proxy_prepare(&nginx->files);
    daemon_ports(ports, 2);
    nginx->port = ports[0];
    nginx->h2_port = ports[1];
    (void)snprintf(path, sizeof path, "%s/temp", nginx->files.dir);
    assert_int_equal(mkdir(path, 0755), 0);
}

/* ---- files ----------------------------------------------------------------------------------- */

void nginx_write_config(const struct nginx *nginx, const char *json)
{
    const struct upstream up = {.port = nginx->up_port};
    proxy_write_config(&nginx->files, json, &up);
}

static void replace(char *text, size_t size, const char *from, const char *to)
{
    for (char *at = text; (at = strstr(at, from)) != NULL; at += strlen(to)) {
        size_t rest = strlen(at + strlen(from)) + 1;
        assert_true((size_t)(at - text) + strlen(to) + rest <= size);
        memmove(at + strlen(to), at + strlen(from), rest);
        memcpy(at, to, strlen(to));
    }
}

static void replace_number(char *text, size_t size, const char *from, unsigned number)
{
    char digits[16];
    (void)snprintf(digits, sizeof digits, "%u", number);
    replace(text, size, from, digits);
}

/* The variables are for a module that was built with a sanitizer; nginx keeps no others when it upgrades its binary. */
static const char top[] = "load_module @MODULE@;\n"
                          "env LD_PRELOAD;\n"
                          "env ASAN_OPTIONS;\n"
                          "env LSAN_OPTIONS;\n"
                          "pid @DIR@/nginx.pid;\n"
                          "error_log @DIR@/error.log info;\n";

static const char inside[] = "    access_log off;\n"
                             "    underscores_in_headers on;\n"
                             "    client_body_temp_path @DIR@/temp/body;\n"
                             "    proxy_temp_path @DIR@/temp/proxy;\n"
                             "    fastcgi_temp_path @DIR@/temp/fastcgi;\n"
                             "    uwsgi_temp_path @DIR@/temp/uwsgi;\n"
                             "    scgi_temp_path @DIR@/temp/scgi;\n";

void nginx_write_conf(const struct nginx *nginx, const char *main, const char *http)
{
    char module[512];
    char config[128];
    char path[128];
    size_t size = (strlen(main) + strlen(http)) * 2 + 16384;
    char *text = malloc(size);
    nginx_built("nginx/ngx_http_clientid_module.so", module, sizeof module);
    (void)snprintf(config, sizeof config, "%s/config", nginx->files.dir);
    (void)snprintf(text, size, "%s%s%s%s%s\n%s\nhttp {\n%s\n%s\n}\n", top,
                   geteuid() == 0 && strstr(main, "user ") == NULL ? "user root;\n" : "",
                   strstr(main, "worker_processes") == NULL ? "worker_processes 1;\n" : "",
                   strstr(main, "daemon ") == NULL ? "daemon off;\n" : "", main,
                   strstr(main, "events") == NULL ? "events { worker_connections 512; }" : "",
                   inside, http);
    replace(text, size, "@MODULE@", module);
    replace(text, size, "@CONFIG@", config);
    replace(text, size, "@DIR@", nginx->files.dir);
    replace_number(text, size, "@PORT@", nginx->port);
    replace_number(text, size, "@H2@", nginx->h2_port);
    replace_number(text, size, "@UP@", nginx->up_port);
    (void)snprintf(path, sizeof path, "%s/nginx.conf", nginx->files.dir);
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    (void)fputs(text, file);
    assert_int_equal(fclose(file), 0);
    free(text);
}

char *nginx_alerts(const struct nginx *nginx)
{
    char *log = proxy_file(&nginx->files, "error.log");
    char *out = calloc(1, strlen(log) + 1);
    size_t used = 0;
    for (char *line = log; *line != '\0';) {
        size_t len = strcspn(line, "\n");
        char *end = line + len;
        char was = *end;
        *end = '\0';
        if (strstr(line, " [alert] ") != NULL || strstr(line, " [emerg] ") != NULL ||
            strstr(line, " [crit] ") != NULL) {
            memcpy(out + used, line, len);
            used += len;
            out[used++] = was;
        }
        *end = was;
        line = end + (was != '\0');
    }
    free(log);
    return out;
}

/* ---- process --------------------------------------------------------------------------------- */

/* "nginx -t" ends without giving back what it read; everybody else does. */
static void allow_leaks(void)
{
    char options[1024];
    const char *before = getenv("ASAN_OPTIONS");
    (void)snprintf(options, sizeof options, "%s:detect_leaks=0", before != NULL ? before : "");
    (void)setenv("ASAN_OPTIONS", options, 1);
}

/* The runtime of a module built with -fsanitize=address must be there before nginx is: the one that this program runs with. */
static void preload_sanitizer(void)
{
    char line[512];
    char both[1024];
    const char *others = getenv("LD_PRELOAD");
    FILE *maps = SUPPORT_ASAN ? fopen("/proc/self/maps", "r") : NULL;
    while (maps != NULL && fgets(line, sizeof line, maps) != NULL) {
        char *path = strchr(line, '/');
        if (path == NULL || strstr(path, "/libasan.so") == NULL)
            continue;
        path[strcspn(path, "\n")] = '\0';
        (void)snprintf(both, sizeof both, "%s %s", path, others != NULL ? others : "");
        (void)setenv("LD_PRELOAD", both, 1);
        break;
    }
    if (maps != NULL)
        (void)fclose(maps);
}

static pid_t spawn(const struct nginx *nginx, const char *output, const char *option)
{
    char conf[128];
    char log[128];
    char out[128];
    (void)snprintf(conf, sizeof conf, "%s/nginx.conf", nginx->files.dir);
    (void)snprintf(log, sizeof log, "%s/error.log", nginx->files.dir);
    (void)snprintf(out, sizeof out, "%s/%s", nginx->files.dir, output);
    const char *name = program();
    assert_non_null(name);
    pid_t pid = fork();
    assert_true(pid >= 0);
    if (pid != 0)
        return pid;
    (void)prctl(PR_SET_PDEATHSIG, SIGTERM); /* a test that fails stops nobody */
    int fd = open(out, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    (void)dup2(fd, STDERR_FILENO);
    (void)dup2(fd, STDOUT_FILENO);
    if (nginx->environment != NULL) {
        char text[1024];
        char *value = text;
        (void)snprintf(text, sizeof text, "%s", nginx->environment);
        (void)strsep(&value, "=");
        (void)setenv(text, value != NULL ? value : "", 1);
    }
    preload_sanitizer();
    if (option != NULL)
        allow_leaks();
    if (nginx->valgrind) {
        char file[160];
        char known[160];
        (void)snprintf(file, sizeof file, "--log-file=%s/valgrind.%%p", nginx->files.dir);
        (void)snprintf(known, sizeof known, "--suppressions=%s/known", nginx->files.dir);
        execlp("valgrind", "valgrind", "--quiet", "--trace-children=no",
               "--child-silent-after-fork=no", "--leak-check=full", "--show-leak-kinds=definite",
               known, file, name, "-p", nginx->files.dir, "-e", log, "-c", conf, option,
               (char *)NULL);
        _exit(127);
    }
    execl(name, name, "-p", nginx->files.dir, "-e", log, "-c", conf, option, (char *)NULL);
    _exit(127);
}

static int wait_for(pid_t pid)
{
    int status = 0;
    for (uint64_t end_ms = now_ms() + 30000; waitpid(pid, &status, WNOHANG) == 0; sleep_ms(5)) {
        if (now_ms() > end_ms) {
            (void)kill(pid, SIGKILL);
            (void)waitpid(pid, &status, 0);
            return -1;
        }
    }
    return WIFEXITED(status) ? WEXITSTATUS(status) : -WTERMSIG(status);
}

static bool listens(unsigned port)
{
    int fd = client_connect(port);
    if (fd >= 0)
        (void)close(fd);
    return fd >= 0;
}

static pid_t pid_of(const struct nginx *nginx)
{
    char *text = proxy_file(&nginx->files, "nginx.pid");
    pid_t pid = (pid_t)strtol(text, NULL, 10);
    free(text);
    return pid;
}

/* One that made a daemon of itself becomes our child, since we ask for orphans. */
void nginx_start(struct nginx *nginx)
{
    char path[128];
    int status = 0;
    (void)snprintf(path, sizeof path, "%s/nginx.pid", nginx->files.dir);
    (void)unlink(path);
    assert_int_equal(prctl(PR_SET_CHILD_SUBREAPER, 1), 0);
    pid_t child = spawn(nginx, "err", NULL);
    bool ended = false;
    for (uint64_t end_ms = now_ms() + 20000; pid_of(nginx) == 0 || !listens(nginx->port);
         sleep_ms(5)) {
        ended = ended || waitpid(child, &status, WNOHANG) == child;
        if ((ended && status != 0) || now_ms() > end_ms) {
            char *said = proxy_file(&nginx->files, "error.log");
            fail_msg("nginx did not start: %s", said);
        }
    }
    nginx->pid = pid_of(nginx);
    if (nginx->pid != child && !ended)
        assert_int_equal(waitpid(child, &status, 0), child);
}

int nginx_test(const struct nginx *nginx, char **output)
{
    int code = wait_for(spawn(nginx, "test", "-t"));
    *output = proxy_file(&nginx->files, "test");
    return code;
}

/* Children of |master| that call themselves worker processes; those shutting down have another title. */
size_t nginx_workers(pid_t master, pid_t *pids, size_t max)
{
    char path[64];
    size_t count = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)master, (int)master);
    FILE *file = fopen(path, "r");
    for (int pid; file != NULL && count < max && fscanf(file, "%d", &pid) == 1;) {
        char title[128] = "";
        (void)snprintf(path, sizeof path, "/proc/%d/cmdline", pid);
        FILE *line = fopen(path, "r");
        if (line == NULL)
            continue;
        (void)!fread(title, 1, sizeof title - 1, line);
        (void)fclose(line);
        if (strncmp(title, "nginx: worker process", 21) == 0 && strstr(title, "shutting") == NULL)
            pids[count++] = pid;
    }
    if (file != NULL)
        (void)fclose(file);
    return count;
}

bool nginx_has_workers(pid_t master, size_t count)
{
    pid_t pids[64];
    for (uint64_t end_ms = now_ms() + 10000; now_ms() < end_ms; sleep_ms(5)) {
        if (nginx_workers(master, pids, 64) == count)
            return true;
    }
    return false;
}

static size_t children(pid_t parent)
{
    char path[64];
    size_t count = 0;
    (void)snprintf(path, sizeof path, "/proc/%d/task/%d/children", (int)parent, (int)parent);
    FILE *file = fopen(path, "r");
    for (int pid; file != NULL && fscanf(file, "%d", &pid) == 1;)
        count++;
    if (file != NULL)
        (void)fclose(file);
    return count;
}

bool nginx_has_settled(pid_t master, size_t count)
{
    pid_t pids[64];
    for (uint64_t end_ms = now_ms() + 10000; now_ms() < end_ms; sleep_ms(5)) {
        if (children(master) == count && nginx_workers(master, pids, 64) == count)
            return true;
    }
    return false;
}

static bool has(const pid_t *pids, size_t count, pid_t pid)
{
    for (size_t i = 0; i < count; i++) {
        if (pids[i] == pid)
            return true;
    }
    return false;
}

bool nginx_try_reload(const struct nginx *nginx)
{
    pid_t before[64];
    pid_t after[64];
    size_t old = nginx_workers(nginx->pid, before, 64);
    (void)kill(nginx->pid, SIGHUP);
    for (uint64_t end_ms = now_ms() + 20000; now_ms() < end_ms; sleep_ms(5)) {
        size_t count = nginx_workers(nginx->pid, after, 64);
        bool fresh = count != 0;
        for (size_t i = 0; i < count; i++)
            fresh = fresh && !has(before, old, after[i]);
        if (fresh)
            return true;
    }
    return false;
}

void nginx_reload(struct nginx *nginx)
{
    if (nginx_try_reload(nginx))
        return;
    char *said = proxy_file(&nginx->files, "error.log");
    fail_msg("no new workers: %s", said);
}

int nginx_stop(struct nginx *nginx)
{
    (void)kill(nginx->pid, SIGQUIT);
    int code = wait_for(nginx->pid);
    nginx->pid = -1;
    return code;
}

void nginx_remove(struct nginx *nginx)
{
    if (nginx->pid > 0) {
        (void)kill(nginx->pid, SIGTERM);
        (void)wait_for(nginx->pid);
        nginx->pid = -1;
    }
    proxy_remove(&nginx->files);
}
