/* SPDX-License-Identifier: Apache-2.0 */
#include "support_change.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

enum {
    OVERLAP_MS = 3500,
    SECRET_MS =
        5500, /* longer than the overlap: a third secret within it would end the first one at once */
    CONTRACT_MS = 3000,
    CLOCK_MS = 300 /* hosts read clocks in whole milliseconds, and now and then */
};

/* ---- answers --------------------------------------------------------------------------------- */

static void note_lag(struct change *change, enum fleet_host host, uint64_t since_ms,
                     const struct load_event *event)
{
    if (since_ms == UINT64_MAX || event->begun_ms <= since_ms)
        return;
    uint64_t lag_ms = event->begun_ms - since_ms;
    if (lag_ms > change->lag_ms[host])
        change->lag_ms[host] = lag_ms;
}

static uint64_t later(uint64_t ms, uint64_t by_ms)
{
    return ms == UINT64_MAX ? ms : ms + by_ms;
}

static bool allows(struct change *change, enum fleet_host host, const struct term *term,
                   const struct load_event *event, bool *must)
{
    *must = event->begun_ms >= later(term->begun_ms, CHANGE_FORCE_MS) &&
            event->ended_ms <= term->ends_ms;
    bool may = event->ended_ms >= term->asked_ms &&
               event->begun_ms <= later(term->ended_ms, term->slack_ms);
    if (event->status == 200 && may)
        note_lag(change, host, term->ended_ms, event);
    if (event->status == 401 && may && !*must && event->ended_ms <= term->ends_ms)
        note_lag(change, host, term->begun_ms, event);
    return may;
}

bool change_allows(struct change *change, enum fleet_host host, unsigned which,
                   const struct load_event *event)
{
    bool may = false, must = false;
    pthread_mutex_lock(&change->lock);
    for (size_t i = 0; i < change->count; i++) {
        bool must_now = false;
        if (which != CHANGE_ANY && which != i)
            continue;
        may = allows(change, host, &change->terms[i], event, &must_now) || may;
        must = must || must_now;
    }
    pthread_mutex_unlock(&change->lock);
    return event->status == 200 ? may : event->status == 401 && !must;
}

unsigned change_choose(struct change *change, unsigned turn)
{
    pthread_mutex_lock(&change->lock);
    unsigned newest = (unsigned)change->count - 1, back = turn % 3;
    pthread_mutex_unlock(&change->lock);
    return newest >= back ? newest - back : newest;
}

void change_secret(unsigned which, char *out, size_t size)
{
    snprintf(out, size, "secret-%u", which);
}

/* ---- changes --------------------------------------------------------------------------------- */

static void begin_term(struct change *change)
{
    pthread_mutex_lock(&change->lock);
    if (change->count < CHANGE_TERMS_MAX)
        change->terms[change->count++] = (struct term){.asked_ms = now_ms(),
                                                       .begun_ms = UINT64_MAX,
                                                       .ends_ms = UINT64_MAX,
                                                       .ended_ms = UINT64_MAX,
                                                       .slack_ms = CHANGE_FORCE_MS};
    pthread_mutex_unlock(&change->lock);
}

static void set_time(struct change *change, uint64_t *at, uint64_t ms)
{
    pthread_mutex_lock(&change->lock);
    *at = ms;
    pthread_mutex_unlock(&change->lock);
}

/* In small steps, so that the end is not waited for. */
static void wait_for(const struct change *change, unsigned ms)
{
    for (uint64_t end_ms = now_ms() + ms; now_ms() < end_ms && !atomic_load(&change->stops);)
        sleep_ms(20);
}

static int reset_secret(const struct change *change, unsigned which)
{
    char text[32];
    struct fleet_store store;
    clientid_credentials credentials = {.size = sizeof credentials};
    change_secret(which, text, sizeof text);
    const clientid_secret_options options = {.size = sizeof options,
                                             .overlap_ns = OVERLAP_MS * UINT64_C(1000000),
                                             .client_secret = {text, strlen(text)}};
    int rv = fleet_store_open(change->troubles->fleet, &store);
    if (rv != 0)
        return rv;
    rv = clientid_control_secret_reset(store.control, change->application_id, &options,
                                       &credentials, &store.error);
    fleet_store_close(&store);
    return rv;
}

static int act(const struct change *change, clientid_verb verb)
{
    struct fleet_store store;
    int rv = fleet_store_open(change->troubles->fleet, &store);
    if (rv != 0)
        return rv;
    rv = clientid_control_contract_act(store.control, change->contract_id, verb, &store.error);
    fleet_store_close(&store);
    return rv;
}

static void failed(struct change *change, int rv)
{
    if (rv == 0)
        return;
    change->failures++;
    fprintf(stderr, "a change failed: %s\n", clientid_strerror(rv));
}

/* Within the lock nobody disturbs the store, so that the change has its time to arrive. */
static void rotate(struct change *change)
{
    pthread_rwlock_rdlock(&change->troubles->store);
    struct term *old = &change->terms[change->count - 1], *new = old + 1;
    set_time(change, &old->ends_ms, now_ms() + OVERLAP_MS - CLOCK_MS);
    begin_term(change);
    failed(change, reset_secret(change, (unsigned)change->count - 1));
    set_time(change, &new->begun_ms, now_ms());
    set_time(change, &old->ended_ms, now_ms() + OVERLAP_MS);
    set_time(change, &old->slack_ms, CLOCK_MS);
    sleep_ms(CHANGE_FORCE_MS);
    pthread_rwlock_unlock(&change->troubles->store);
}

static void *rotate_all(void *argument)
{
    struct change *change = argument;
    while (!atomic_load(&change->stops) && change->count < CHANGE_TERMS_MAX) {
        rotate(change);
        wait_for(change, SECRET_MS - CHANGE_FORCE_MS);
    }
    return NULL;
}

static void revoke(struct change *change)
{
    pthread_rwlock_rdlock(&change->troubles->store);
    struct term *term = &change->terms[change->count - 1];
    set_time(change, &term->ends_ms, now_ms());
    failed(change, act(change, CLIENTID_VERB_REVOKE));
    set_time(change, &term->ended_ms, now_ms());
    sleep_ms(CHANGE_FORCE_MS);
    pthread_rwlock_unlock(&change->troubles->store);
}

static void restore(struct change *change)
{
    pthread_rwlock_rdlock(&change->troubles->store);
    begin_term(change);
    failed(change, act(change, CLIENTID_VERB_RESTORE));
    set_time(change, &change->terms[change->count - 1].begun_ms, now_ms());
    sleep_ms(CHANGE_FORCE_MS);
    pthread_rwlock_unlock(&change->troubles->store);
}

static void *revoke_all(void *argument)
{
    struct change *change = argument;
    while (!atomic_load(&change->stops) && change->count < CHANGE_TERMS_MAX) {
        revoke(change);
        wait_for(change, CONTRACT_MS - CHANGE_FORCE_MS);
        restore(change);
        wait_for(change, CONTRACT_MS - CHANGE_FORCE_MS);
    }
    return NULL;
}

static void start(struct change *change, struct troubles *troubles, void *(*run)(void *))
{
    change->troubles = troubles;
    pthread_mutex_init(&change->lock, NULL);
    begin_term(change);
    change->terms[0].begun_ms = change->terms[0].asked_ms;
    atomic_store(&change->stops, false);
    if (pthread_create(&change->thread, NULL, run, change) != 0)
        failed(change, CLIENTID_ERR_NOMEM);
}

void change_secrets(struct change *change, struct troubles *troubles, uint64_t application_id)
{
    memset(change, 0, sizeof *change);
    change->application_id = application_id;
    start(change, troubles, rotate_all);
}

void change_contract(struct change *change, struct troubles *troubles, uint64_t contract_id)
{
    memset(change, 0, sizeof *change);
    change->contract_id = contract_id;
    start(change, troubles, revoke_all);
}

void change_stop(struct change *change)
{
    atomic_store(&change->stops, true);
    pthread_join(change->thread, NULL);
}
