/* SPDX-License-Identifier: Apache-2.0 */
/* clientid-portal: starts the parts, waits for a signal, ends them in reverse. */
#include "access_log.h"
#include "delivery.h"
#include "desk.h"
#include "dispatch.h"
#include "route.h"
#include "saml.h"
#include "server.h"
#include "watch.h"

#include <curl/curl.h>
#include <errno.h>
#include <getopt.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum { EXIT_USAGE = 2, EXIT_CONFIG = 3 };

static const char help[] =
    "Usage: clientid-portal --config FILE [--check]\n"
    "\n"
    "Serves applications, API instances, SLA tiers and contracts over HTTP, in the wire formats "
    "of\n"
    "MuleSoft Anypoint and of the webMethods Developer Portal, and feeds gateways.\n"
    "\n"
    "  --config FILE  the configuration, JSON\n"
    "  --gateway      be the third-party gateway of another portal: take its webhooks, answer it\n"
    "  --check        only say whether the configuration is good\n"
    "  --version      print the version\n"
    "  --help         print this\n"
    "\n"
    "Signals: SIGTERM and SIGINT finish what is under way and end; SIGHUP reopens the access log.\n"
    "\n"
    "Exit codes: 0 stopped as asked, or the configuration is good; 1 a port, file or thread could\n"
    "not be had; 2 wrong usage; 3 the configuration is wrong.\n";

uint64_t realtime_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t monotonic_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

void say(const char *format, ...)
{
    char line[1024];
    va_list args;
    va_start(args, format);
    (void)vsnprintf(line, sizeof line, format, args);
    va_end(args);
    (void)fprintf(stderr, "clientid-portal: %s\n", line);
}

void say_error(const char *what, const clientid_error *error)
{
    if (error->line != 0)
        say("%s: line %u, column %u: %s", what, error->line, error->column, error->text);
    else if (error->pointer[0] != '\0')
        say("%s: %s %s", what, error->pointer, error->text);
    else
        say("%s: %s", what, error->text[0] != '\0' ? error->text : clientid_strerror(error->code));
}

static bool read_secrets(struct portal *portal)
{
    const struct config *config = &portal->config;
    clientid_error error = {0};
    if (config->pepper_file != NULL) {
        portal->pepper = config_read_file(config->pepper_file, &portal->pepper_len, &error);
        if (portal->pepper == NULL) {
            say_error("pepper", &error);
            return false;
        }
    }
    if (config->sealing_key_file == NULL)
        return true;
    portal->sealing_key =
        config_read_file(config->sealing_key_file, &portal->sealing_key_len, &error);
    if (portal->sealing_key == NULL)
        say_error("sealing key", &error);
    return portal->sealing_key != NULL;
}

static bool read_hook_password(struct portal *portal)
{
    clientid_error error = {0};
    size_t len;
    if (!portal->is_gateway)
        return true;
    portal->hook_password =
        (char *)config_read_file(portal->config.gateway.hook_password_file, &len, &error);
    if (portal->hook_password == NULL)
        say_error("webhook's password", &error);
    return portal->hook_password != NULL;
}

static bool start(struct portal *portal)
{
    clientid_error error = {0};
    /* One for each thread that serves, the slow lane, the watch, and deliveries. */
    unsigned desks = portal->config.threads + 3;
    portal->delivery_wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (portal->delivery_wake < 0 || curl_global_init(CURL_GLOBAL_DEFAULT) != CURLE_OK) {
        say("cannot start: %s", strerror(errno));
        return false;
    }
    if (!read_secrets(portal) || !read_hook_password(portal))
        return false;
    if (!access_log_open(portal)) {
        say("cannot write %s: %s", portal->config.access_log, strerror(errno));
        return false;
    }
    if (clientid_attempts_new(&portal->attempts, &error) != 0 ||
        desks_open(portal, desks, &error) != 0) {
        say_error("store", &error);
        return false;
    }
    return saml_start(portal) && slow_start(portal) && watch_start(portal) &&
           delivery_start(portal) && server_start(portal);
}

static void wipe(unsigned char *bytes, size_t len)
{
    if (bytes != NULL)
        explicit_bzero(bytes, len);
    free(bytes);
}

static void stop(struct portal *portal)
{
    atomic_store(&portal->stopping, true);
    server_stop(portal);
    slow_stop(portal);
    watch_stop(portal);
    delivery_stop(portal);
    access_log_close(portal);
    desks_close(portal);
    saml_stop(portal);
    clientid_attempts_del(portal->attempts);
    if (portal->hook_password != NULL)
        wipe((unsigned char *)portal->hook_password, strlen(portal->hook_password));
    wipe(portal->pepper, portal->pepper_len);
    wipe(portal->sealing_key, portal->sealing_key_len);
    if (portal->delivery_wake >= 0)
        (void)close(portal->delivery_wake);
    curl_global_cleanup();
}

/* Every thread that is started later inherits the mask: signals come to sigwait only. */
static void block_signals(sigset_t *set)
{
    (void)sigemptyset(set);
    (void)sigaddset(set, SIGTERM);
    (void)sigaddset(set, SIGINT);
    (void)sigaddset(set, SIGHUP);
    (void)signal(SIGPIPE, SIG_IGN);
    (void)pthread_sigmask(SIG_BLOCK, set, NULL);
}

/* What it serves.  Credentials that nobody has taken yet must be kept, so a gateway needs a sealing key. */
static bool take_role(struct portal *portal, bool gateway)
{
    const struct config *config = &portal->config;
    portal->is_gateway = gateway;
    portal->routes = gateway ? gateway_routes : routes;
    portal->route_count = gateway ? gateway_route_count : route_count;
    if (!gateway || (config->gateway.portal != NULL && config->sealing_key_file != NULL))
        return true;
    say("--gateway needs \"gateway\" and \"sealingKeyFile\" in the configuration");
    return false;
}

static int serve(const char *file, bool check_only, bool gateway)
{
    static struct portal portal = {.lock = PTHREAD_MUTEX_INITIALIZER,
                                   .changed = PTHREAD_COND_INITIALIZER,
                                   .writing = PTHREAD_MUTEX_INITIALIZER,
                                   .delivery_wake = -1,
                                   .access_log = -1};
    clientid_error error = {0};
    sigset_t signals;
    int signal_number;
    int rc = config_read(&portal.config, file, &error);
    if (rc != 0) {
        say_error(file, &error);
        config_free(&portal.config);
        return rc == CLIENTID_ERR_IO ? EXIT_FAILURE : EXIT_CONFIG;
    }
    if (!take_role(&portal, gateway)) {
        config_free(&portal.config);
        return EXIT_CONFIG;
    }
    if (check_only) {
        say("%s is good", file);
        config_free(&portal.config);
        return EXIT_SUCCESS;
    }
    block_signals(&signals);
    bool started = start(&portal);
    if (started) {
        while (sigwait(&signals, &signal_number) == 0 && signal_number == SIGHUP)
            access_log_reopen(&portal);
        say("stopping");
    }
    stop(&portal);
    config_free(&portal.config);
    return started ? EXIT_SUCCESS : EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    static const struct option options[] = {
        {"config", required_argument, NULL, 'c'}, {"check", no_argument, NULL, 'k'},
        {"gateway", no_argument, NULL, 'g'},      {"version", no_argument, NULL, 'v'},
        {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0}};
    const char *file = NULL;
    bool check_only = false, gateway = false;
    int option;
    while ((option = getopt_long(argc, argv, "c:h", options, NULL)) != -1) {
        switch (option) {
        case 'c':
            file = optarg;
            break;
        case 'k':
            check_only = true;
            break;
        case 'g':
            gateway = true;
            break;
        case 'v':
            (void)printf("clientid-portal %s\n", clientid_version());
            return EXIT_SUCCESS;
        case 'h':
            (void)fputs(help, stdout);
            return EXIT_SUCCESS;
        default:
            return EXIT_USAGE;
        }
    }
    if (file == NULL || optind != argc) {
        (void)fputs(help, stderr);
        return EXIT_USAGE;
    }
    return serve(file, check_only, gateway);
}
