/* SPDX-License-Identifier: Apache-2.0 */
/* Readers never touch an object that was released, with several writers and both kinds of fence. */
#include "base/epoch.h"
#include "base/mem.h"

#include <clientid/check.h>

#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdlib.h>

#include <cmocka.h>

enum { READERS = 3, WRITERS = 2, SWAPS = 10000 };

#define ALIVE UINT64_C(0xa11e)

struct object {
    uint64_t state;
    uint64_t twin; /* always equal, unless it is half written */
};

struct shared {
    struct clientid__epoch *epoch;
    struct object *_Atomic current;
    _Atomic bool stop;
    _Atomic uint64_t made, released, bad;
};

static void release(void *context, void *object)
{
    struct shared *s = context;
    struct object *o = object;

    o->state = 0; /* a reader that still looks sees it; ThreadSanitizer sees that it looks */
    free(o);
    atomic_fetch_add(&s->released, 1);
}

static void *reader(void *arg)
{
    struct shared *s = arg;
    uint64_t last = 0;

    while (!atomic_load(&s->stop)) {
        struct clientid__epoch_slot *slot = clientid__epoch_slot_get(s->epoch);

        for (int i = 0; i < 100; i++) {
            const struct object *o;

            clientid__epoch_enter(slot);
            o = atomic_load_explicit(&s->current, memory_order_acquire);
            if (i % 32 == 0)
                sched_yield(); /* long enough inside for writers to want it back */
            if (o->state != ALIVE + o->twin)
                atomic_fetch_add(&s->bad, 1);
            last += o->twin;
            clientid__epoch_leave(slot);
        }
        clientid__epoch_slot_put(slot);
    }
    return (void *)(uintptr_t)(last & 1);
}

static struct object *make(struct shared *s)
{
    struct object *o = malloc(sizeof(*o));
    uint64_t n = atomic_fetch_add(&s->made, 1);

    if (o == NULL)
        abort();
    *o = (struct object){ALIVE + n, n};
    return o;
}

static void *writer(void *arg)
{
    struct shared *s = arg;

    for (int i = 0; i < SWAPS; i++) {
        struct object *old = atomic_exchange(&s->current, make(s));

        clientid__epoch_retire(s->epoch, release, s, old);
        if (i % 500 == 499)
            clientid__epoch_wait(s->epoch);
    }
    return NULL;
}

static void run(int new_domain(struct clientid__epoch **, const clientid_allocator *))
{
    struct shared s = {.epoch = NULL};
    pthread_t readers[READERS], writers[WRITERS];

    assert_int_equal(new_domain(&s.epoch, &clientid__malloc), 0);
    atomic_store(&s.current, make(&s));
    for (int i = 0; i < READERS; i++)
        assert_int_equal(pthread_create(&readers[i], NULL, reader, &s), 0);
    for (int i = 0; i < WRITERS; i++)
        assert_int_equal(pthread_create(&writers[i], NULL, writer, &s), 0);
    for (int i = 0; i < WRITERS; i++)
        pthread_join(writers[i], NULL);
    atomic_store(&s.stop, true);
    for (int i = 0; i < READERS; i++)
        pthread_join(readers[i], NULL);
    clientid__epoch_retire(s.epoch, release, &s, atomic_load(&s.current));
    clientid__epoch_del(s.epoch);
    assert_int_equal(s.bad, 0);
    assert_int_equal(s.released, s.made);
}

static void test_membarrier(void **state)
{
    (void)state;
    run(clientid__epoch_new);
}

static void test_fences(void **state)
{
    (void)state;
    run(clientid__epoch_new_fenced);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_membarrier),
        cmocka_unit_test(test_fences),
    };

    return cmocka_run_group_tests_name("epoch race", tests, NULL, NULL);
}
