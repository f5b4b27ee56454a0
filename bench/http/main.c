/* SPDX-License-Identifier: Apache-2.0 */
/*
 * make bench-http: what a check costs a real NGINX and a real Envoy, beside what they offer themselves.  CPU time per
 * request from the kernel's accounting, variants in alternating rounds, medians: wall time says little on a shared
 * machine.  One worker on CPU 0, one load generator on CPU 1.
 */
#define _GNU_SOURCE
#include "http.h"

#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define ROUNDS_MAX  31
#define CONNECTIONS 32

struct variant {
    const char *name;
    const char *does; /* what is checked: nothing is compared with what does less, unsaid */
    struct target target;
    pid_t host, service; /* |service|: 0 when nobody else works for the answer */
    double host_us[ROUNDS_MAX], service_us[ROUNDS_MAX], rate[ROUNDS_MAX];
};

struct bench {
    const char *build, *envoy, *modules;
    char folder[200];
    unsigned rounds;
    double slice; /* seconds a variant and round */
    size_t clients;
};

/* ---- rounds ---------------------------------------------------------------------------------- */

static int compare(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static double median(const double *values, unsigned count)
{
    double sorted[ROUNDS_MAX];

    memcpy(sorted, values, count * sizeof *values);
    qsort(sorted, count, sizeof *sorted, compare);
    return sorted[count / 2];
}

static void measure(struct variant *v, const struct bench *b, unsigned round)
{
    struct load load = {0, 0};
    uint64_t host = 0, service = 0;

    /* On a crowded machine a host may not get to run at all in its slice. */
    for (int i = 0; i < 5 && load.requests + load.others == 0; i++) {
        host = process_cpu_ns(v->host);
        service = v->service != 0 ? process_cpu_ns(v->service) : 0;
        load = load_run(&v->target, b->clients, CONNECTIONS, b->slice);
    }
    if (load.requests == 0 || load.others > 0) {
        fprintf(stderr, "%s: %llu answers of 200, %llu others\n", v->name,
                (unsigned long long)load.requests, (unsigned long long)load.others);
        exit(1);
    }
    v->host_us[round] = (double)(process_cpu_ns(v->host) - host) / 1e3 / (double)load.requests;
    if (v->service != 0)
        v->service_us[round] =
            (double)(process_cpu_ns(v->service) - service) / 1e3 / (double)load.requests;
    v->rate[round] = (double)load.requests / b->slice;
}

/* A check that lets everybody in would be fast. */
static void check_refusal(const struct variant *v, bool open)
{
    unsigned status = load_unknown(&v->target);

    if ((open && status != 200) || (!open && status != 401 && status != 403)) {
        fprintf(stderr, "%s: an unknown client got %u\n", v->name, status);
        exit(1);
    }
}

static void print(const struct variant *all, size_t count, const struct bench *b)
{
    double spread[ROUNDS_MAX], added[ROUNDS_MAX];

    printf("%-34s %9s %9s %9s %9s %10s   %s\n", "", "us/req", "added", "min..max", "", "requests/s",
           "checks");
    for (size_t i = 0; i < count; i++) {
        const struct variant *v = &all[i];

        /* Differences within a round: what slows the machine down slows both. */
        for (unsigned r = 0; r < b->rounds; r++)
            added[r] = v->host_us[r] - all[0].host_us[r];
        memcpy(spread, added, sizeof spread);
        qsort(spread, b->rounds, sizeof *spread, compare);
        printf("%-34s %9.2f %+9.2f %+9.2f %+9.2f %10.0f   %s", v->name,
               median(v->host_us, b->rounds), median(added, b->rounds), spread[0],
               spread[b->rounds - 1], median(v->rate, b->rounds), v->does);
        if (v->service != 0)
            printf("; and %.2f us of the service", median(v->service_us, b->rounds));
        printf("\n");
    }
    printf("\n");
}

static void run(struct variant *all, size_t count, const struct bench *b)
{
    for (size_t i = 0; i < count; i++) {
        struct bench warm = *b;

        check_refusal(&all[i], i == 0);
        warm.slice = 0.3;
        measure(&all[i], &warm, 0);
    }
    for (unsigned round = 0; round < b->rounds; round++)
        for (size_t i = 0; i < count; i++)
            measure(&all[i], b, round);
    print(all, count, b);
}

/* ---- hosts ----------------------------------------------------------------------------------- */

static void name_of(char out[300], const struct bench *b, const char *name)
{
    snprintf(out, 300, "%s/%s", b->folder, name);
}

static void write_gateway(const struct bench *b, const char *name, const char *limits,
                          unsigned service)
{
    char to[300], port[16];
    struct word words[] = {{"DIR", b->folder}, {"LIMITS", limits}, {"SERVICE", port}};

    snprintf(port, sizeof port, "%u", service);
    name_of(to, b, name);
    template_write("bench/http/gateway.json.in", to, words, 3);
}

static pid_t start_service(const struct bench *b, unsigned port)
{
    char program[300], config[300], log[300];
    const char *argv[] = {program, "--config", config, NULL};
    pid_t pid;

    write_gateway(b, "gateway-service.json", "limits-service", port);
    snprintf(program, sizeof program, "%s/clientid-proxy", b->build);
    name_of(config, b, "gateway-service.json");
    name_of(log, b, "service.log");
    pid = process_start(argv, log);
    await_port(port, log);
    return pid;
}

static void bench_nginx(const struct bench *b, pid_t service, unsigned service_port)
{
    unsigned port = free_port();
    char port_text[16], service_text[16], build[400], conf[300], log[300];
    const char *argv[] = {"nginx", "-e", log, "-c", conf, NULL};
    struct word words[] = {{"DIR", b->folder},        {"BUILD", build},
                           {"MODULES", b->modules},   {"PORT", port_text},
                           {"SERVICE", service_text}, {"USER", geteuid() == 0 ? "user root;" : ""}};
    pid_t master, worker;

    if (realpath(b->build, build) == NULL)
        perror(b->build);
    snprintf(port_text, sizeof port_text, "%u", port);
    snprintf(service_text, sizeof service_text, "%u", service_port);
    write_gateway(b, "gateway.json", "limits-nginx", service_port);
    name_of(conf, b, "nginx.conf");
    name_of(log, b, "nginx.log");
    template_write("bench/http/nginx.conf.in", conf, words, 6);
    master = process_start(argv, log);
    await_port(port, log);
    worker = process_child(master);
    struct variant all[] = {
        {.name = "no check", .does = "nothing", .target = {port, "/none", CARRIER_QUERY}},
        {.name = "clientid, id", .does = "id, limit", .target = {port, "/id", CARRIER_QUERY}},
        {.name = "clientid, id and secret",
         .does = "id, secret, limit",
         .target = {port, "/secret", CARRIER_QUERY}},
        {.name = "map + limit_req", .does = "id, limit", .target = {port, "/map", CARRIER_QUERY}},
        {.name = "Lua + shared dictionaries",
         .does = "id, limit",
         .target = {port, "/lua", CARRIER_QUERY}},
        {.name = "auth_request, clientid-proxy",
         .does = "id, limit",
         .target = {port, "/auth_request", CARRIER_QUERY},
         .service = service},
        {.name = "auth_basic, secrets in clear",
         .does = "id, secret",
         .target = {port, "/basic", CARRIER_BASIC}},
    };
    size_t count = sizeof all / sizeof all[0];

    /* It reads the file from its start for every request: with many clients there is nothing left to measure. */
    if (b->clients > 1000)
        count--;
    for (size_t i = 0; i < count; i++)
        all[i].host = worker;
    printf("NGINX, %zu clients\n", b->clients);
    run(all, count, b);
    process_stop(master);
}

static void bench_envoy(const struct bench *b, pid_t service, unsigned service_port)
{
    static const char *const names[] = {"NONE", "ID",        "SECRET", "TOLD",
                                        "OWN",  "EXT_AUTHZ", "SERVICE"};
    unsigned ports[7];
    char texts[7][16], conf[300], log[300], credentials[300], path[400];
    const char *argv[] = {b->envoy, "-c",      conf, "--concurrency", "1", "--disable-hot-restart",
                          "-l",     "warning", NULL};
    struct word words[9] = {{"DIR", b->folder}, {"CREDENTIALS", credentials}};
    pid_t envoy;

    for (size_t i = 0; i < 7; i++) {
        ports[i] = i < 6 ? free_port() : service_port;
        snprintf(texts[i], sizeof texts[i], "%u", ports[i]);
        words[2 + i] = (struct word){names[i], texts[i]};
    }
    write_gateway(b, "gateway-envoy.json", "limits-envoy", service_port);
    snprintf(credentials, sizeof credentials, "<%s/clients.yaml", b->folder);
    name_of(conf, b, "envoy.yaml");
    name_of(log, b, "envoy.log");
    template_write("bench/http/envoy.yaml.in", conf, words, 9);
    snprintf(path, sizeof path, "%s/envoy", b->build);
    setenv("ENVOY_DYNAMIC_MODULES_SEARCH_PATH", path, 1);
    envoy = process_start(argv, log);
    await_port(ports[0], log);
    await_port(ports[5], log);
    struct variant all[] = {
        {.name = "no check", .does = "nothing", .target = {ports[0], "/", CARRIER_QUERY}},
        {.name = "clientid, id", .does = "id, limit", .target = {ports[1], "/", CARRIER_QUERY}},
        {.name = "clientid, id and secret",
         .does = "id, secret, limit",
         .target = {ports[2], "/", CARRIER_QUERY}},
        {.name = "  same, identity told to all",
         .does = "also name and tier, metadata, filter state",
         .target = {ports[3], "/", CARRIER_QUERY}},
        {.name = "api_key_auth + local_ratelimit",
         .does = "id, limit",
         .target = {ports[4], "/", CARRIER_QUERY}},
        {.name = "ext_authz, clientid-proxy",
         .does = "id, limit",
         .target = {ports[5], "/", CARRIER_QUERY},
         .service = service},
    };
    for (size_t i = 0; i < 6; i++)
        all[i].host = envoy;
    printf("Envoy, %zu clients\n", b->clients);
    run(all, 6, b);
    process_stop(envoy);
}

static void bench_clients(struct bench *b, size_t clients)
{
    char command[300];
    unsigned port = free_port();
    pid_t service;

    b->clients = clients;
    snprintf(command, sizeof command, "rm -rf '%s'/*", b->folder);
    if (system(command) != 0)
        exit(1);
    clients_write(b->folder, clients);
    service = start_service(b, port);
    bench_nginx(b, service, port);
    if (b->envoy[0] != '\0')
        bench_envoy(b, service, port);
    else
        printf("Envoy: not installed\n");
    process_stop(service);
}

int main(int argc, char **argv)
{
    struct bench b = {.rounds = 9, .slice = 0.7};
    cpu_set_t cpu;

    if (argc != 4) {
        fprintf(stderr, "usage: %s BUILD ENVOY NGINX-MODULES; see make bench-http\n", argv[0]);
        return 2;
    }
    b.build = argv[1];
    b.envoy = argv[2];
    b.modules = argv[3];
    if (getenv("ROUNDS") != NULL)
        b.rounds = (unsigned)strtoul(getenv("ROUNDS"), NULL, 10);
    if (b.rounds == 0 || b.rounds > ROUNDS_MAX)
        return 2;
    CPU_ZERO(&cpu);
    CPU_SET(1, &cpu);
    (void)sched_setaffinity(0, sizeof cpu, &cpu);
    snprintf(b.folder, sizeof b.folder, "%s/clientid-bench-XXXXXX",
             getenv("TMPDIR") != NULL ? getenv("TMPDIR") : "/tmp");
    if (mkdtemp(b.folder) == NULL) {
        perror(b.folder);
        return 1;
    }
    bench_clients(&b, 1000);
    bench_clients(&b, 100000);
    char command[300];
    snprintf(command, sizeof command, "rm -rf '%s'", b.folder);
    return system(command) == 0 ? 0 : 1;
}
