/* SPDX-License-Identifier: Apache-2.0 */
/* Does the portal keep up: reads, writes, feed, memory, with a table for people. */
#include "portal.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

void die(const char *what)
{
    perror(what);
    exit(1);
}

static void print_load(const char *what, double due, const struct latency *latency)
{
    printf("  %-7s %7.0f/s of %5.0f/s   p50 %6.2f   p99 %6.2f   p99.9 %7.2f   max %7.2f ms   %zu "
           "failed\n",
           what, latency->rate, due, latency->p50_ms, latency->p99_ms, latency->p999_ms,
           latency->max_ms, latency->failed);
}

static bool met(const char *what, double figure, double most, const char *unit)
{
    bool good = figure <= most;

    printf("  %-48s %8.2f %s, at most %g: %s\n", what, figure, unit, most, good ? "met" : "MISSED");
    return good;
}

/* Every answer must be the one that is due, whatever the figures are. */
int main(int argc, char **argv)
{
    struct subject subject;
    struct latency read, write;
    struct feed feed;
    struct follow follow;
    double now_mib, peak_mib;
    double seconds = argc > 3 ? atof(argv[3]) : 20;
    size_t applications = argc > 4 ? strtoul(argv[4], NULL, 10) : 100000;

    if (argc < 3) {
        fprintf(stderr, "usage: bench-portal PROGRAM FOLDER [SECONDS [APPLICATIONS]]\n");
        return 2;
    }
    curl_global_init(CURL_GLOBAL_DEFAULT);
    subject_start(&subject, argv[1], argv[2], applications);
    printf("clientid-portal, SQLite, %zu applications with a contract each\n\n", applications);
    load_run(&subject, 1000, 200, seconds, &read, &write);
    print_load("reads", 1000, &read);
    print_load("writes", 200, &write);
    feed = feed_run(&subject);
    follow = follow_run(&subject);
    subject_memory(&subject, &now_mib, &peak_mib);
    printf("  feed    %zu contracts, %zu pages, %.1f MB in %.2f s\n", feed.contracts, feed.pages,
           (double)feed.bytes / 1e6, feed.seconds);
    printf(
        "  gateway all in force after %.2f s; a change in force after %.0f ms, at most %.0f ms\n",
        follow.first_s, follow.median_ms, follow.max_ms);
    printf("  memory  %.1f MiB, %.1f at its peak\n\n", now_mib, peak_mib);
    met("reads, p99", read.p99_ms, 50, "ms");
    met("writes, p99", write.p99_ms, 50, "ms");
    met("feed of all contracts to a new gateway", feed.seconds, 2, "s");
    met("a change in force at a gateway, slowest", follow.max_ms, 250, "ms");
    met("memory", now_mib, 100, "MiB");
    subject_stop(&subject);
    curl_global_cleanup();
    if (read.failed == 0 && write.failed == 0 && feed.contracts >= applications)
        return 0;
    fprintf(stderr, "answers were not what was due: the figures are void\n");
    return 1;
}
