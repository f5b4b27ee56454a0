/* SPDX-License-Identifier: Apache-2.0 */
/* Whoever waits is woken: by a change, by time, or by the end of the portal. */
#include "watch.h"

#include "desk.h"
#include "dispatch.h"
#include "server.h"

#include <time.h>

#define TICK_NS  50000000ULL
#define SWEEP_NS 1000000000ULL
#define PRUNE_NS 600000000000ULL

struct watch {
    struct portal *portal;
    struct desk *desk;
    uint64_t sweep_ns, prune_ns;
};

static bool anybody_waits(struct portal *portal)
{
    pthread_mutex_lock(&portal->lock);
    bool any = portal->waiting != NULL;
    pthread_mutex_unlock(&portal->lock);
    return any;
}

static void look(struct watch *watch)
{
    clientid_error error = {0};
    clientid_position position = {0, 0};
    if (!anybody_waits(watch->portal))
        return;
    /* A store that cannot be read wakes everybody: they find out what is wrong. */
    if (clientid_store_position(watch->desk->store, &position, &error) != 0)
        position.revision = UINT64_MAX;
    dispatch_wake(watch->portal, position.revision, monotonic_ns());
}

static void upkeep(struct watch *watch, uint64_t now_ns)
{
    clientid_error error = {0};
    if (now_ns >= watch->sweep_ns) {
        server_end_slow(watch->portal, now_ns);
        watch->sweep_ns = now_ns + SWEEP_NS;
    }
    if (now_ns < watch->prune_ns)
        return;
    pthread_mutex_lock(&watch->portal->writing);
    if (clientid_control_tokens_prune(watch->desk->control, NULL, &error) != 0)
        say_error("cannot remove ended tokens", &error);
    pthread_mutex_unlock(&watch->portal->writing);
    watch->prune_ns = now_ns + PRUNE_NS;
}

static void *run(void *arg)
{
    struct watch watch = {.portal = arg};
    const struct timespec tick = {0, (long)TICK_NS};
    watch.desk = desk_take(watch.portal);
    while (!atomic_load(&watch.portal->stopping)) {
        look(&watch);
        upkeep(&watch, monotonic_ns());
        (void)nanosleep(&tick, NULL);
    }
    desk_give_back(watch.portal, watch.desk);
    return NULL;
}

bool watch_start(struct portal *portal)
{
    portal->watch_runs = pthread_create(&portal->watch_thread, NULL, run, portal) == 0;
    return portal->watch_runs;
}

void watch_stop(struct portal *portal)
{
    if (portal->watch_runs)
        (void)pthread_join(portal->watch_thread, NULL);
    portal->watch_runs = false;
}
