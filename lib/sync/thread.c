/* SPDX-License-Identifier: Apache-2.0 */
/* The host's signals never arrive here, and the thread is gone when clientid__sync_stop returns. */
#include "sync/sync.h"

#include <signal.h>
#include <time.h>

#define SECOND_NS 1000000000ULL

static uint64_t clock_ns(clockid_t clock)
{
    struct timespec now = {0, 0};

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

/* Waits on the clock that nobody sets: a day that is put back must not stop the sync for a day. */
static void wait_until(struct clientid_sync *s, uint64_t monotonic_ns)
{
    struct timespec until = {.tv_sec = (time_t)(monotonic_ns / SECOND_NS),
                             .tv_nsec = (long)(monotonic_ns % SECOND_NS)};

    pthread_mutex_lock(&s->lock);
    while (!atomic_load(&s->stopping))
        if (pthread_cond_timedwait(&s->wake, &s->lock, &until) != 0)
            break;
    pthread_mutex_unlock(&s->lock);
}

static void *run(void *self)
{
    struct clientid_sync *s = self;

    while (!atomic_load(&s->stopping)) {
        uint64_t begun = clock_ns(CLOCK_MONOTONIC);
        uint64_t now = clock_ns(CLOCK_REALTIME);
        uint64_t next = now;

        clientid_sync_step(s, now, &next, NULL);
        wait_until(s, begun + (next - now));
    }
    return NULL;
}

static int make_lock(struct clientid_sync *s)
{
    pthread_condattr_t attributes;
    int failed;

    if (pthread_condattr_init(&attributes) != 0)
        return CLIENTID_ERR_NOMEM;
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    failed = pthread_cond_init(&s->wake, &attributes);
    pthread_condattr_destroy(&attributes);
    if (failed != 0)
        return CLIENTID_ERR_NOMEM;
    if (pthread_mutex_init(&s->lock, NULL) == 0)
        return 0;
    pthread_cond_destroy(&s->wake);
    return CLIENTID_ERR_NOMEM;
}

int clientid_sync_start(clientid_sync *s)
{
    sigset_t all, before;
    int failed;

    if (s == NULL || s->running)
        return CLIENTID_ERR_ARG;
    if (make_lock(s) != 0)
        return CLIENTID_ERR_NOMEM;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    failed = pthread_create(&s->thread, NULL, run, s);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    s->running = failed == 0;
    if (failed == 0)
        return 0;
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->wake);
    return CLIENTID_ERR_NOMEM;
}

void clientid__sync_stop(struct clientid_sync *s)
{
    atomic_store(&s->stopping, true);
    if (!s->running)
        return;
    pthread_mutex_lock(&s->lock);
    pthread_cond_signal(&s->wake);
    pthread_mutex_unlock(&s->lock);
    pthread_join(s->thread, NULL);
    pthread_mutex_destroy(&s->lock);
    pthread_cond_destroy(&s->wake);
    s->running = false;
}
