/* SPDX-License-Identifier: Apache-2.0 */
/* A request is due when its turn comes, not when the one before it was answered. */
#include "portal.h"

#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#define THREADS_MAX 16

struct worker {
    pthread_t thread;
    const struct subject *subject;
    bool writes;
    size_t number;
    double interval_s, start_s, end_s;
    double *taken_ms; /* of each request */
    size_t count, room, failed;
    CURL *curl;
    struct curl_slist *headers;
    uint64_t seed;
    unsigned long application; /* writes: the last one made */
    char answer[512];          /* its beginning */
    size_t answer_len;
};

double seconds_now(void)
{
    struct timespec t;

    clock_gettime(CLOCK_MONOTONIC, &t);
    return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

static void sleep_until(double when_s)
{
    double left_s = when_s - seconds_now();
    struct timespec t = {(time_t)left_s, (long)((left_s - (double)(time_t)left_s) * 1e9)};

    if (left_s > 0)
        nanosleep(&t, NULL);
}

static uint64_t random_below(struct worker *w, uint64_t limit)
{
    w->seed ^= w->seed << 13;
    w->seed ^= w->seed >> 7;
    w->seed ^= w->seed << 17;
    return w->seed % limit;
}

static size_t keep(char *data, size_t size, size_t count, void *self)
{
    struct worker *w = self;
    size_t room = sizeof w->answer - 1 - w->answer_len;
    size_t take = size * count < room ? size * count : room;

    memcpy(w->answer + w->answer_len, data, take);
    w->answer_len += take;
    w->answer[w->answer_len] = '\0';
    return size * count;
}

static long ask(struct worker *w, const char *method, const char *path, const char *body)
{
    char url[512];
    long status = 0;

    snprintf(url, sizeof url, "http://127.0.0.1:%u%s", w->subject->port, path);
    w->answer_len = 0;
    curl_easy_setopt(w->curl, CURLOPT_URL, url);
    curl_easy_setopt(w->curl, CURLOPT_CUSTOMREQUEST, method);
    curl_easy_setopt(w->curl, CURLOPT_POSTFIELDS, body);
    if (body == NULL)
        curl_easy_setopt(w->curl, CURLOPT_HTTPGET, 1L);
    if (curl_easy_perform(w->curl) == CURLE_OK)
        curl_easy_getinfo(w->curl, CURLINFO_RESPONSE_CODE, &status);
    return status;
}

#define APPLICATIONS "/exchange/api/v2/organizations/" BENCH_ORGANIZATION "/applications"
#define APIS                                                                                       \
    "/apimanager/api/v1/organizations/" BENCH_ORGANIZATION "/environments/" BENCH_ENVIRONMENT      \
    "/apis"

/* What scripts and consoles ask most: one application, its contracts, a page of contracts, the tiers. */
static bool read_one(struct worker *w)
{
    unsigned long id = 1 + random_below(w, w->subject->applications);
    char path[256];

    switch (random_below(w, 4)) {
    case 0:
        snprintf(path, sizeof path, APPLICATIONS "/%lu", id);
        break;
    case 1:
        snprintf(path, sizeof path, APPLICATIONS "/%lu/contracts", id);
        break;
    case 2:
        snprintf(path, sizeof path, APIS "/%lu/contracts?limit=20&offset=%lu",
                 (unsigned long)w->subject->api, (unsigned long)random_below(w, 200));
        break;
    default:
        snprintf(path, sizeof path, APIS "/%lu/tiers", (unsigned long)w->subject->api);
    }
    return ask(w, "GET", path, NULL) == 200;
}

/* In turns: a new application, its access request, a new secret. */
static bool write_one(struct worker *w)
{
    char path[256], body[256];

    switch (w->count % 3) {
    case 0:
        snprintf(body, sizeof body, "{\"name\":\"bench %zu %zu\"}", w->number, w->count);
        if (ask(w, "POST", APPLICATIONS, body) != 201)
            return false;
        {
            const char *id = strstr(w->answer, "\"id\":");
            w->application = id != NULL ? strtoul(id + 5, NULL, 10) : 0;
        }
        return w->application != 0;
    case 1:
        snprintf(path, sizeof path, APIS "/%lu/contracts", (unsigned long)w->subject->api);
        snprintf(body, sizeof body,
                 "{\"applicationId\":%lu,\"requestedTierId\":%lu,\"acceptedTerms\":true}",
                 w->application, (unsigned long)w->subject->automatic);
        return ask(w, "POST", path, body) == 201;
    default:
        snprintf(path, sizeof path, APPLICATIONS "/%lu/secret/reset", w->application);
        return ask(w, "POST", path, "{}") == 201;
    }
}

static void *run(void *arg)
{
    struct worker *w = arg;

    for (double due_s = w->start_s; due_s < w->end_s; due_s += w->interval_s) {
        sleep_until(due_s);
        if (!(w->writes ? write_one(w) : read_one(w)))
            w->failed++;
        if (w->count < w->room)
            w->taken_ms[w->count] = (seconds_now() - due_s) * 1000;
        w->count++;
    }
    return NULL;
}

static void start(struct worker *w, const struct subject *subject, bool writes, size_t number,
                  size_t of, double rate, double start_s, double seconds)
{
    char header[128];

    *w = (struct worker){
        .subject = subject,
        .writes = writes,
        .number = number,
        .interval_s = (double)of / rate,
        .start_s = start_s + (double)number / rate,
        .end_s = start_s + seconds,
        .room = (size_t)(rate / (double)of * seconds) + 2,
        .seed = 88172645463325252U + number * 7919 + writes,
        .curl = curl_easy_init(),
    };
    w->taken_ms = calloc(w->room, sizeof *w->taken_ms);
    if (w->taken_ms == NULL || w->curl == NULL)
        die("memory");
    snprintf(header, sizeof header, "Authorization: Bearer %s", subject->token);
    w->headers = curl_slist_append(w->headers, header);
    w->headers = curl_slist_append(w->headers, "Content-Type: application/json");
    curl_easy_setopt(w->curl, CURLOPT_HTTPHEADER, w->headers);
    curl_easy_setopt(w->curl, CURLOPT_WRITEFUNCTION, keep);
    curl_easy_setopt(w->curl, CURLOPT_WRITEDATA, w);
    curl_easy_setopt(w->curl, CURLOPT_TIMEOUT, 30L);
    if (pthread_create(&w->thread, NULL, run, w) != 0)
        die("thread");
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

static struct latency gather(struct worker *workers, size_t count, double seconds)
{
    struct latency out = {0};
    double *all;
    size_t used = 0;

    for (size_t i = 0; i < count; i++) {
        out.count += workers[i].count < workers[i].room ? workers[i].count : workers[i].room;
        out.failed += workers[i].failed;
    }
    all = calloc(out.count + 1, sizeof *all);
    if (all == NULL)
        die("memory");
    for (size_t i = 0; i < count; i++) {
        size_t n = workers[i].count < workers[i].room ? workers[i].count : workers[i].room;

        memcpy(all + used, workers[i].taken_ms, n * sizeof *all);
        used += n;
        free(workers[i].taken_ms);
        curl_easy_cleanup(workers[i].curl);
        curl_slist_free_all(workers[i].headers);
    }
    qsort(all, used, sizeof *all, by_value);
    out.p50_ms = all[used / 2];
    out.p99_ms = all[used * 99 / 100];
    out.p999_ms = all[used * 999 / 1000];
    out.max_ms = used > 0 ? all[used - 1] : 0;
    out.rate = (double)used / seconds;
    free(all);
    return out;
}

void load_run(const struct subject *subject, double reads, double writes, double seconds,
              struct latency *read, struct latency *write)
{
    struct worker readers[THREADS_MAX], writers[THREADS_MAX / 2];
    size_t reader_count = THREADS_MAX, writer_count = THREADS_MAX / 2;
    double start_s = seconds_now() + 0.1, took_s;

    for (size_t i = 0; i < reader_count; i++)
        start(&readers[i], subject, false, i, reader_count, reads, start_s, seconds);
    for (size_t i = 0; i < writer_count; i++)
        start(&writers[i], subject, true, i, writer_count, writes, start_s, seconds);
    for (size_t i = 0; i < reader_count; i++)
        pthread_join(readers[i].thread, NULL);
    for (size_t i = 0; i < writer_count; i++)
        pthread_join(writers[i].thread, NULL);
    took_s = seconds_now() - start_s;
    *read = gather(readers, reader_count, took_s);
    *write = gather(writers, writer_count, took_s);
}
