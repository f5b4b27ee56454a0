/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PORTAL_H
#define PORTAL_H

#include "config.h"

#include <clientid/account.h>

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

struct call;
struct route;
struct clientid_saml;
struct MHD_Daemon;

/*
 * A connection to the store and what works on it.  As many as there are threads; one thread at a time, whoever takes it.
 */
struct desk {
    clientid_store *store;
    clientid_control *control;
    struct desk *next;
};

/* What all threads share. */
struct portal {
    struct config config;
    bool is_gateway; /* of another portal: serves its webhooks and nothing else */
    const struct route *routes;
    size_t route_count;
    char *hook_password; /* what those webhooks must show */
    clientid_attempts *attempts;
    struct clientid_saml *saml; /* NULL: nobody signs in by assertion */
    unsigned char *pepper, *sealing_key;
    size_t pepper_len, sealing_key_len;

    pthread_mutex_t lock; /* guards the lists below */
    pthread_cond_t changed;
    struct desk *desks;   /* idle */
    struct call *slow;    /* calls that wait for the slow lane, oldest first */
    struct call *waiting; /* calls that wait for a change of the store */
    struct conn *conns;   /* open connections */
    unsigned calls;       /* begun and not ended */

    pthread_mutex_t
        writing; /* one writer at a time: SQLite's own waiting sleeps, and may starve somebody */
    atomic_bool stopping;
    atomic_int access_log; /* descriptor; -1: none */

    struct MHD_Daemon *daemon;
    pthread_t slow_thread, watch_thread, delivery_thread;
    bool slow_runs, watch_runs, delivery_runs;
    bool slow_ends;    /* guarded by |lock| */
    int delivery_wake; /* eventfd: a write may have put something into the outbox */
};

uint64_t realtime_ns(void);
uint64_t monotonic_ns(void);

/* For people, on standard error: "clientid-portal: ...". */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_error(const char *what, const clientid_error *error);

#endif
