/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Envoy offers HTTP filters no timer, so one thread waits for all streams.  It touches a timer only under the lock, so a
 * timer that was cleared may be freed.
 */
#include "timer.h"

#include "abi.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#define SECOND_NS UINT64_C(1000000000)

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t earlier; /* on CLOCK_MONOTONIC */
static bool running;
static struct timer **heap; /* [1 .. count], none due before its parent */
static size_t count;
static size_t room;

static uint64_t monotonic_ns(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (uint64_t)now.tv_sec * SECOND_NS + (uint64_t)now.tv_nsec;
}

/* ---- heap ------------------------------------------------------------------------------------ */

static void put(size_t place, struct timer *timer)
{
    heap[place] = timer;
    timer->place = place;
}

static void sift_up(size_t place, struct timer *timer)
{
    for (; place > 1 && timer->due_ns < heap[place / 2]->due_ns; place /= 2)
        put(place, heap[place / 2]);
    put(place, timer);
}

static void sift_down(size_t place, struct timer *timer)
{
    for (;;) {
        size_t child = place * 2;
        if (child + 1 <= count && heap[child + 1]->due_ns < heap[child]->due_ns)
            child++;
        if (child > count || timer->due_ns <= heap[child]->due_ns)
            break;
        put(place, heap[child]);
        place = child;
    }
    put(place, timer);
}

static void take_out(struct timer *timer)
{
    size_t place = timer->place;
    struct timer *last = heap[count--];
    timer->place = 0;
    if (last == timer)
        return;
    if (place > 1 && last->due_ns < heap[place / 2]->due_ns)
        sift_up(place, last);
    else
        sift_down(place, last);
}

static bool make_room(void)
{
    if (count + 1 < room)
        return true;
    size_t wanted = room != 0 ? room * 2 : 64;
    struct timer **bigger = realloc(heap, wanted * sizeof(struct timer *));
    if (bigger == NULL)
        return false;
    heap = bigger;
    room = wanted;
    return true;
}

/* ---- thread ---------------------------------------------------------------------------------- */

static void wait_until(uint64_t due_ns)
{
    const struct timespec due = {.tv_sec = (time_t)(due_ns / SECOND_NS),
                                 .tv_nsec = (long)(due_ns % SECOND_NS)};
    (void)pthread_cond_timedwait(&earlier, &lock, &due);
}

static void fire_due(uint64_t now_ns)
{
    while (count != 0 && heap[1]->due_ns <= now_ns) {
        struct timer *timer = heap[1];
        take_out(timer);
        CALL(http_filter_scheduler_commit)(timer->scheduler, 1);
    }
}

static void *run(void *argument)
{
    void (*every_second)(void) = *(void (**)(void))argument;
    uint64_t second_ns = monotonic_ns() + SECOND_NS;
    free(argument);
    (void)pthread_mutex_lock(&lock);
    for (;;) {
        uint64_t now_ns = monotonic_ns();
        fire_due(now_ns);
        if (now_ns >= second_ns) {
            second_ns = now_ns + SECOND_NS;
            (void)pthread_mutex_unlock(&lock);
            every_second();
            (void)pthread_mutex_lock(&lock);
            continue;
        }
        wait_until(count != 0 && heap[1]->due_ns < second_ns ? heap[1]->due_ns : second_ns);
    }
    return NULL;
}

static bool make_condition(void)
{
    pthread_condattr_t attributes;
    if (pthread_condattr_init(&attributes) != 0)
        return false;
    bool good = pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC) == 0 &&
                pthread_cond_init(&earlier, &attributes) == 0;
    (void)pthread_condattr_destroy(&attributes);
    return good;
}

static bool start(void (*every_second)(void))
{
    pthread_t thread;
    sigset_t all;
    sigset_t before;
    void (**argument)(void) = malloc(sizeof *argument);
    if (argument == NULL || !make_condition()) {
        free(argument);
        return false;
    }
    *argument = every_second;
    (void)sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    bool good = pthread_create(&thread, NULL, run, argument) == 0;
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (!good) {
        (void)pthread_cond_destroy(&earlier);
        free(argument);
        return false;
    }
    (void)pthread_detach(thread);
    return true;
}

bool timer_thread(void (*every_second)(void))
{
    (void)pthread_mutex_lock(&lock);
    running = running || start(every_second);
    bool good = running;
    (void)pthread_mutex_unlock(&lock);
    return good;
}

bool timer_set(struct timer *timer, uint64_t wait_ns)
{
    (void)pthread_mutex_lock(&lock);
    bool good = running && make_room();
    if (good) {
        timer->due_ns = monotonic_ns() + wait_ns;
        sift_up(++count, timer);
        if (timer->place == 1)
            (void)pthread_cond_signal(&earlier);
    }
    (void)pthread_mutex_unlock(&lock);
    return good;
}

void timer_clear(struct timer *timer)
{
    (void)pthread_mutex_lock(&lock);
    if (timer->place != 0)
        take_out(timer);
    (void)pthread_mutex_unlock(&lock);
}
