/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Resident bytes of the whole process, in a process of its own for each size: contracts, index, limits, last uses,
 * whatever the allocator and the kernel round up.  Every client has made a request, so every page is there.
 */
#include "bench.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

enum { GENERATIONS = 10, SEEN = GENERATIONS + 2 };

static double resident_bytes(void)
{
    char line[128] = "";
    const char *second;
    FILE *file = fopen("/proc/self/statm", "r");

    if (file != NULL && fgets(line, sizeof(line), file) == NULL)
        line[0] = '\0';
    if (file != NULL)
        fclose(file);
    second = strchr(line, ' ');
    return second == NULL ? 0 : (double)strtol(second, NULL, 10) * (double)sysconf(_SC_PAGESIZE);
}

static void touch_all(struct subject *s)
{
    struct requests requests;
    size_t chunk = 1 << 10, wrong = 0, end = s->population.first + s->population.clients;

    requests_make(&requests, BY_QUERY, WHO_KNOWN, ONE_CLIENT, 1, chunk, 0);
    for (size_t i = s->population.first; i < end; i += chunk) {
        size_t count = end - i < chunk ? end - i : chunk;

        requests_fill(&requests, i);
        wrong += decide_run(s, 0, &requests, ALLOWED, 0, count, s->now_ns);
        s->now_ns += count * 1000;
    }
    requests_free(&requests);
    if (wrong > 0)
        exit(1);
}

/* A tenth gets another tier, a tenth leaves, a tenth is new. */
static void churn_once(struct subject *s)
{
    struct population *p = &s->population;
    size_t tenth = p->clients / 10;

    p->replaced = tenth;
    subject_step(s);
    p->removed_from = p->first;
    p->removed = tenth;
    p->added_from = p->first + p->clients;
    p->added = tenth;
    subject_step(s);
    p->first += tenth;
    s->now_ns += 60000000000; /* long enough for the limits of those that left */
    touch_all(s);
}

static void look(size_t clients, bool churn, double seen[SEEN])
{
    struct subject s;
    double before = resident_bytes();
    struct population *p = &s.population;

    subject_open(&s, clients, 2);
    touch_all(&s);
    seen[0] = resident_bytes() - before;
    for (size_t g = 1; churn && g <= GENERATIONS; g++) {
        churn_once(&s);
        seen[g] = resident_bytes() - before;
    }
    if (!churn)
        return;
    p->removed_from = p->first;
    p->removed = p->clients / 2;
    subject_step(&s);
    p->first += p->clients / 2;
    p->clients -= p->clients / 2;
    p->replaced = 1;
    subject_step(&s);
    seen[SEEN - 1] = resident_bytes() - before;
}

/* In a child, so that nothing measured earlier is in the way. */
static bool look_apart(size_t clients, bool churn, double seen[SEEN])
{
    int ends[2], status = 1;
    pid_t child;
    bool got;

    if (pipe(ends) != 0 || (child = fork()) < 0)
        return false;
    if (child == 0) {
        double there[SEEN] = {0};

        look(clients, churn, there);
        _exit(write(ends[1], there, sizeof(there)) == (ssize_t)sizeof(there) ? 0 : 1);
    }
    close(ends[1]);
    got = read(ends[0], seen, SEEN * sizeof(seen[0])) == (ssize_t)(SEEN * sizeof(seen[0]));
    close(ends[0]);
    waitpid(child, &status, 0);
    return got && status == 0;
}

static void one_size(size_t clients)
{
    double seen[SEEN];
    char text[80], size[16];

    if (!look_apart(clients, false, seen)) {
        result_void("memory", "bytes a client", clients, 1);
        return;
    }
    result("memory", "resident bytes a client", clients, "B", seen[0] / (double)clients);
    if (clients < 1000000)
        return;
    size_text(clients, size);
    snprintf(text, sizeof(text), "%s clients: resident memory a client", size);
    target(text, "B", seen[0] / (double)clients, 240, false);
}

static void churn(size_t clients)
{
    static const size_t shown[] = {0, 1, 2, 5, 10};
    double seen[SEEN];
    char name[40];

    if (!look_apart(clients, true, seen)) {
        result_void("memory", "churn", clients, 1);
        return;
    }
    for (size_t i = 0; i < sizeof(shown) / sizeof(shown[0]); i++) {
        snprintf(name, sizeof(name), "after %zu generations of change", shown[i]);
        result("memory", name, clients, "MB", seen[shown[i]] / 1e6);
    }
    result("memory", "after half has left", clients, "MB", seen[SEEN - 1] / 1e6);
}

void measure_memory(void)
{
    if (options.quick) {
        one_size(10000);
        churn(10000);
        return;
    }
    one_size(100000);
    one_size(1000000);
    if (options.big)
        one_size(10000000);
    churn(1000000);
}
