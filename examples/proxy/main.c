/* SPDX-License-Identifier: Apache-2.0 */
/* clientid-proxy: starts the parts, then waits for signals and for a changed configuration. */
#include "admin.h"
#include "listener.h"
#include "log.h"
#include "records.h"
#include "textfile.h"
#include "worker.h"

#include <errno.h>
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/signalfd.h>
#include <unistd.h>

enum { EXIT_USAGE = 2, EXIT_CONFIG = 3 };

struct program {
    const char *file; /* --config */
    struct textfile text;
    struct process process;
    clientid_sync *sync;
    struct MHD_Daemon *admin;
    int listen_fd;
    int signal_fd;
};

static const char help[] =
    "Usage: clientid-proxy --config FILE [--check]\n"
    "\n"
    "A reverse proxy that lets only requests of registered client applications through.\n"
    "\n"
    "  --config FILE  the configuration, JSON; read again when it changes and on SIGHUP\n"
    "  --check        only say whether the configuration is good\n"
    "  --version      print the version\n"
    "  --help         print this\n"
    "\n"
    "Signals: SIGHUP reads the configuration again and reopens the access log; SIGTERM and SIGINT "
    "finish\n"
    "what is under way and end, a second one ends at once.\n"
    "\n"
    "Exit codes: 0 stopped as asked, or the configuration is good; 1 a port, file or thread could "
    "not be had;\n"
    "2 wrong usage; 3 the configuration is wrong.\n";

static void on_warning(void *self, const clientid_error *warning)
{
    (void)self;
    say_error("warning", warning);
}

/* ---- configuration --------------------------------------------------------------------------- */

static clientid_str text_of(const struct textfile *file)
{
    return (clientid_str){file->data, file->len};
}

/* Judged by its own path, the request that another proxy asks about could pass every policy. */
static void warn_about_routes(const struct config *config)
{
    for (size_t i = 0; i < config->route_count; i++) {
        const struct route *route = &config->routes[i];
        if (route->origin == NULL && route->path_prefix == NULL && config->trust.count == 0)
            say("warning: /proxy/routes/%zu is an authorization service, but \"trust\" names no "
                "peer",
                i);
    }
}

static bool read_files(struct program *program, const struct config *config)
{
    struct textfile certificate;
    struct textfile key;
    if (config->certificate == NULL)
        return true;
    if (!textfile_read(&certificate, config->certificate)) {
        say("cannot read %s: %s", config->certificate, strerror(errno));
        return false;
    }
    program->process.certificate = certificate.data;
    if (!textfile_read(&key, config->key)) {
        say("cannot read %s: %s", config->key, strerror(errno));
        return false;
    }
    program->process.key = key.data;
    return true;
}

/* Reads and checks everything that can be wrong in the file.  An exit code. */
static int load(struct program *program, bool check_only)
{
    clientid_error error = {0};
    struct process *process = &program->process;
    if (!textfile_read(&program->text, program->file)) {
        say("cannot read %s: %s", program->file, strerror(errno));
        return EXIT_CONFIG;
    }
    const clientid_options options = {.size = sizeof options,
                                      .config = text_of(&program->text),
                                      .config_name = program->file,
                                      .warn = on_warning,
                                      .flags = check_only ? CLIENTID_LIMITS_ASIDE : 0};
    int rv = config_read(&process->config, options.config, program->file, &error);
    if (rv == 0)
        rv = clientid_gateway_new(&process->gateway, &options, &error);
    if (rv == 0)
        rv = config_bind(process->config, process->gateway);
    if (rv < 0) {
        error.code = rv;
        say_error("configuration", &error);
        return rv <= CLIENTID_ERR_IO || rv == CLIENTID_ERR_NOMEM ? EXIT_FAILURE : EXIT_CONFIG;
    }
    warn_about_routes(process->config);
    return read_files(program, process->config) ? EXIT_SUCCESS : EXIT_CONFIG;
}

static void publish(struct process *process, struct config *config)
{
    const char *what = NULL;
    if (!config_same_process(process->config, config, &what))
        say("warning: a change of \"%s\" takes a restart", what);
    pthread_mutex_lock(&process->lock);
    struct config *before = process->config;
    process->config = config;
    atomic_fetch_add(&process->generation, 1);
    pthread_mutex_unlock(&process->lock);
    config_release(before);
    for (unsigned i = 0; i < process->worker_count; i++)
        worker_wake(&process->workers[i]);
}

/* All or nothing: routes and policies change together, or the old ones stay in force. */
static void reload(struct program *program)
{
    clientid_error error = {0};
    struct process *process = &program->process;
    struct config *config = NULL;
    struct textfile text;
    if (!textfile_read(&text, program->file)) {
        say("reload: cannot read %s: %s; the old configuration stays", program->file,
            strerror(errno));
        (void)stat(program->file, &program->text.stat); /* said once, not every second */
        return;
    }
    textfile_free(&program->text);
    program->text = text; /* also a bad one, or it would be reported every second */
    int rv = config_read(&config, text_of(&text), program->file, &error);
    if (rv == 0)
        rv = config_bind(config, process->gateway);
    if (rv == 0)
        rv = clientid_gateway_reload(process->gateway, text_of(&text), program->file, &error);
    if (rv < 0) {
        error.code = rv;
        say_error("reload: the old configuration stays", &error);
        config_release(config);
        return;
    }
    publish(process, config);
    warn_about_routes(config);
    say("reloaded %s", program->file);
}

/* ---- start and stop -------------------------------------------------------------------------- */

/* Every thread that is started later inherits the mask: signals come through the descriptor only. */
static bool open_signals(struct program *program)
{
    sigset_t set;
    (void)sigemptyset(&set);
    (void)sigaddset(&set, SIGHUP);
    (void)sigaddset(&set, SIGTERM);
    (void)sigaddset(&set, SIGINT);
    (void)signal(SIGPIPE, SIG_IGN);
    if (pthread_sigmask(SIG_BLOCK, &set, NULL) != 0)
        return false;
    program->signal_fd = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
    return program->signal_fd >= 0;
}

/* Two descriptors a request, and some: as many as the system allows. */
static void raise_descriptor_limit(void)
{
    struct rlimit limit;
    if (getrlimit(RLIMIT_NOFILE, &limit) != 0)
        return;
    limit.rlim_cur = limit.rlim_max;
    (void)setrlimit(RLIMIT_NOFILE, &limit);
}

static bool announce(const struct program *program, int admin_fd)
{
    const struct config *config = program->process.config;
    unsigned port = listener_port(program->listen_fd);
    unsigned admin = admin_fd >= 0 ? listener_port(admin_fd) : 0;
    char text[64];
    say("listening on %s, port %u%s%s", config->listen.address, port,
        config->certificate != NULL ? ", TLS" : "", admin_fd >= 0 ? "" : ", no admin address");
    if (admin_fd >= 0)
        say("metrics and health on %s, port %u", config->admin.address, admin);
    (void)snprintf(text, sizeof text, admin_fd >= 0 ? "%u %u\n" : "%u\n", port, admin);
    if (config->port_file == NULL || textfile_write(config->port_file, text))
        return true;
    say("cannot write %s: %s", config->port_file, strerror(errno));
    return false;
}

static bool start_workers(struct program *program)
{
    struct process *process = &program->process;
    process->workers = calloc(process->config->workers, sizeof *process->workers);
    if (process->workers == NULL)
        return false;
    for (unsigned i = 0; i < process->config->workers; i++) {
        if (!worker_start(&process->workers[i], process, program->listen_fd)) {
            worker_free(&process->workers[i]);
            return false;
        }
        process->worker_count++;
    }
    return true;
}

static bool start_admin(struct program *program, int *admin_fd)
{
    const struct config *config = program->process.config;
    *admin_fd = -1;
    if (config->admin.port == NULL)
        return true;
    *admin_fd = listener_open(&config->admin);
    if (*admin_fd < 0)
        return false;
    program->admin = admin_start(&program->process, *admin_fd);
    if (program->admin != NULL)
        return true;
    (void)close(*admin_fd);
    say("cannot start the admin thread");
    return false;
}

static bool start(struct program *program)
{
    clientid_error error = {0};
    struct process *process = &program->process;
    int admin_fd = -1;
    raise_descriptor_limit();
    if (curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK || !open_signals(program)) {
        say("cannot start: %s", strerror(errno));
        return false;
    }
    program->listen_fd = listener_open(&process->config->listen);
    if (program->listen_fd < 0)
        return false;
    if (!log_open(&process->log, process->config->access_log)) {
        say("cannot write %s: %s", process->config->access_log, strerror(errno));
        return false;
    }
    int rv = records_start(&program->sync, process->gateway, &error);
    if (rv < 0) {
        error.code = rv;
        say_error("contracts", &error);
        return false;
    }
    return start_workers(program) && start_admin(program, &admin_fd) && announce(program, admin_fd);
}

static void join(struct process *process)
{
    for (unsigned i = 0; i < process->worker_count; i++)
        worker_wake(&process->workers[i]);
    for (unsigned i = 0; i < process->worker_count; i++)
        (void)pthread_join(process->workers[i].thread, NULL);
}

static void stop(struct program *program)
{
    struct process *process = &program->process;
    join(process);
    admin_stop(program->admin);
    clientid_sync_del(program->sync);
    for (unsigned i = 0; i < process->worker_count; i++)
        worker_free(&process->workers[i]);
    free(process->workers);
    clientid_gateway_del(process->gateway);
    log_close(&process->log);
    config_release(process->config);
    textfile_free(&program->text);
    free(process->certificate);
    free(process->key);
    (void)pthread_mutex_destroy(&process->lock);
    if (program->listen_fd >= 0)
        (void)close(program->listen_fd);
    if (program->signal_fd >= 0)
        (void)close(program->signal_fd);
    curl_global_cleanup();
}

/* ---- running --------------------------------------------------------------------------------- */

static void stop_more(struct program *program)
{
    struct process *process = &program->process;
    int stage = atomic_fetch_add(&process->stopping, 1);
    say(stage == 0 ? "stopping" : "stopping at once");
    if (stage == 0 && program->listen_fd >= 0) {
        (void)close(program->listen_fd); /* the workers close theirs */
        program->listen_fd = -1;
    }
    for (unsigned i = 0; i < process->worker_count; i++)
        worker_wake(&process->workers[i]);
}

static void take_signals(struct program *program)
{
    struct signalfd_siginfo info;
    while (read(program->signal_fd, &info, sizeof info) == (ssize_t)sizeof info) {
        if (info.ssi_signo != SIGHUP) {
            stop_more(program);
            continue;
        }
        reload(program);
        if (!log_reopen(&program->process.log))
            say("cannot reopen %s: %s; writing to the old file", program->process.log.name,
                strerror(errno));
    }
}

/* Workers end by themselves; meanwhile a second signal must still be heard. */
static void wait_for_workers(struct program *program)
{
    struct process *process = &program->process;
    struct pollfd fd = {.fd = program->signal_fd, .events = POLLIN};
    while (atomic_load(&process->running) != 0) {
        (void)poll(&fd, 1, 20);
        take_signals(program);
    }
}

static void run(struct program *program)
{
    struct pollfd fd = {.fd = program->signal_fd, .events = POLLIN};
    while (atomic_load(&program->process.stopping) == 0) {
        if (poll(&fd, 1, 500) > 0)
            take_signals(program);
        else if (textfile_changed(&program->text, program->file))
            reload(program);
    }
    wait_for_workers(program);
}

static int serve(struct program *program, bool check_only)
{
    int code = load(program, check_only);
    if (code == EXIT_SUCCESS && check_only) {
        say("%s is good", program->file);
    } else if (code == EXIT_SUCCESS) {
        bool started = start(program);
        if (started)
            run(program);
        else
            atomic_store(&program->process.stopping, 2);
        code = started ? EXIT_SUCCESS : EXIT_FAILURE;
    }
    stop(program);
    return code;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {{"config", required_argument, NULL, 'c'},
                                            {"check", no_argument, NULL, 'k'},
                                            {"version", no_argument, NULL, 'v'},
                                            {"help", no_argument, NULL, 'h'},
                                            {NULL, 0, NULL, 0}};
    struct program program = {.listen_fd = -1, .signal_fd = -1};
    bool check_only = false;
    int option;
    program.process.lock = (pthread_mutex_t)PTHREAD_MUTEX_INITIALIZER;
    program.process.log.fd = -1;
    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            program.file = optarg;
            break;
        case 'k':
            check_only = true;
            break;
        case 'v':
            (void)printf("clientid-proxy %s\n", clientid_version());
            return EXIT_SUCCESS;
        case 'h':
            (void)fputs(help, stdout);
            return EXIT_SUCCESS;
        default:
            return EXIT_USAGE;
        }
    }
    if (program.file == NULL || optind != argc) {
        (void)fputs(help, stderr);
        return EXIT_USAGE;
    }
    return serve(&program, check_only);
}
