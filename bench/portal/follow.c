/* SPDX-License-Identifier: Apache-2.0 */
/* How long after the portal's answer a gateway that syncs from its feed decides otherwise. */
#include "portal.h"

#include <clientid/anypoint.h>
#include <clientid/clientid.h>
#include <clientid/sync.h>

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define TURNS 21

static const char config[] =
    "{\"apis\":{\"orders\":{\"policies\":[{\"policy\":\"client-id-enforcement\","
    "\"id\":\"query:client_id\"}]}}}";

struct gateway {
    clientid_gateway *gateway;
    clientid_worker *worker;
    clientid_sync *sync;
    const clientid_api *api;
};

static void check(int rc, const clientid_error *error)
{
    if (rc == 0)
        return;
    fprintf(stderr, "gateway: %s\n", error->text);
    exit(1);
}

/* The feed's reader is the administrator's Connected App. */
static void write_files(const struct subject *subject, const char *name)
{
    char secret[300];
    FILE *file;

    snprintf(secret, sizeof secret, "%s/feed.secret", subject->folder);
    file = fopen(secret, "w");
    if (file == NULL || fputs(subject->reader_secret, file) < 0 || fclose(file) != 0)
        die(secret);
    file = fopen(name, "w");
    if (file == NULL)
        die(name);
    fprintf(file,
            "{\"url\":\"http://127.0.0.1:%u\",\"organizationId\":\"%s\",\"environmentId\":\"%s\","
            "\"clientId\":\"%s\",\"clientSecret\":{\"file\":\"%s\"},\"apis\":{\"orders\":%lu}}\n",
            subject->port, BENCH_ORGANIZATION, BENCH_ENVIRONMENT, subject->reader_id, secret,
            (unsigned long)subject->api);
    fclose(file);
}

static void start(struct gateway *g, const struct subject *subject)
{
    const clientid_options options = {.size = sizeof options, .config = CLIENTID_STR(config)};
    const clientid_sync_options sync = {.size = sizeof sync, .state = NULL};
    clientid_source source = {.size = sizeof source};
    clientid_error error = {0};
    char name[300], uri[320];

    snprintf(name, sizeof name, "%s/feed.json", subject->folder);
    snprintf(uri, sizeof uri, "anypoint:%s", name);
    write_files(subject, name);
    check(clientid_gateway_new(&g->gateway, &options, &error), &error);
    check(clientid_worker_new(&g->worker, g->gateway), &error);
    check(clientid_api_get(g->gateway, CLIENTID_STR("orders"), &g->api), &error);
    check(clientid_anypoint_source(&source, uri, &error), &error);
    check(clientid_sync_new(&g->sync, g->gateway, &source, &sync, &error), &error);
    check(clientid_sync_start(g->sync), &error);
}

static int no_header(void *host, clientid_str name, size_t nth, clientid_str *value)
{
    (void)host;
    (void)name;
    (void)nth;
    (void)value;
    return 0;
}

static bool admits(struct gateway *g)
{
    char scratch[CLIENTID_SCRATCH_BYTES];
    struct timespec now;
    clientid_decision decision = {.size = sizeof decision};
    clientid_request request = {.size = sizeof request,
                                .method = CLIENTID_STR("GET"),
                                .path = CLIENTID_STR("/orders"),
                                .query = CLIENTID_STR("client_id=client-00000000"),
                                .header = no_header,
                                .scratch = scratch,
                                .scratch_len = sizeof scratch};

    clock_gettime(CLOCK_REALTIME, &now);
    request.now_ns = (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
    return clientid_check(g->worker, g->api, &request, &decision) == 0 &&
           decision.verdict == CLIENTID_ALLOW;
}

static void await(struct gateway *g, bool admitted)
{
    double end_s = seconds_now() + 60;

    while (admits(g) != admitted) {
        if (seconds_now() > end_s) {
            fprintf(stderr, "the gateway does not follow\n");
            exit(1);
        }
        usleep(500);
    }
}

static size_t drop(char *data, size_t size, size_t count, void *self)
{
    (void)data;
    (void)self;
    return size * count;
}

static void act(const struct subject *subject, const char *verb)
{
    char url[400], header[128];
    struct curl_slist *headers = NULL;
    CURL *curl = curl_easy_init();
    long status = 0;

    snprintf(url, sizeof url,
             "http://127.0.0.1:%u/apimanager/xapi/v1/organizations/%s/environments/%s/apis/%lu/"
             "contracts/1/%s",
             subject->port, BENCH_ORGANIZATION, BENCH_ENVIRONMENT, (unsigned long)subject->api,
             verb);
    snprintf(header, sizeof header, "Authorization: Bearer %s", subject->token);
    headers = curl_slist_append(headers, header);
    curl_easy_setopt(curl, CURLOPT_URL, url);
    curl_easy_setopt(curl, CURLOPT_HTTPHEADER, headers);
    curl_easy_setopt(curl, CURLOPT_POSTFIELDS, "");
    curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, drop);
    if (curl_easy_perform(curl) == CURLE_OK)
        curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_cleanup(curl);
    curl_slist_free_all(headers);
    if (status == 201)
        return;
    fprintf(stderr, "%s: %ld\n", verb, status);
    exit(1);
}

static int by_value(const void *a, const void *b)
{
    double x = *(const double *)a, y = *(const double *)b;

    return (x > y) - (x < y);
}

struct follow follow_run(const struct subject *subject)
{
    struct gateway g = {NULL, NULL, NULL, NULL};
    double taken_ms[TURNS], start_s = seconds_now();
    struct follow out;

    start(&g, subject);
    await(&g, true);
    out.first_s = seconds_now() - start_s;
    for (int i = 0; i < TURNS; i++) {
        bool revoke = i % 2 == 0;
        double asked_s;

        usleep(60000 + 7000 * (unsigned)i); /* at any moment of its polls */
        act(subject, revoke ? "revoke" : "restore");
        asked_s = seconds_now();
        await(&g, !revoke);
        taken_ms[i] = (seconds_now() - asked_s) * 1000;
    }
    qsort(taken_ms, TURNS, sizeof taken_ms[0], by_value);
    out.median_ms = taken_ms[TURNS / 2];
    out.max_ms = taken_ms[TURNS - 1];
    clientid_sync_del(g.sync);
    clientid_worker_del(g.worker);
    clientid_gateway_del(g.gateway);
    return out;
}
