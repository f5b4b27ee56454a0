/* SPDX-License-Identifier: Apache-2.0 */
#include "base/epoch.h"
#include "base/mem.h"
#include "support_alloc.h"

#include <clientid/check.h>

#include <errno.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

static void count_release(void *context, void *object)
{
    (void)object;
    ++*(size_t *)context;
}

/* Both kinds of domain in turn. */
typedef int new_fn(struct clientid__epoch **, const clientid_allocator *);
static new_fn *const kinds[] = {clientid__epoch_new, clientid__epoch_new_fenced};
#define EACH_KIND(new_domain)                                                                      \
    new_fn *new_domain = kinds[0];                                                                 \
    for (size_t kind_ = 0; kind_ < 2; new_domain = kinds[++kind_ % 2])

static void test_nobody_inside(void **state)
{
    (void)state;
    EACH_KIND(new_domain)
    {
        struct clientid__epoch *e;
        size_t released = 0;

        assert_int_equal(new_domain(&e, &clientid__malloc), 0);
        clientid__epoch_retire(e, count_release, &released, &released);
        clientid__epoch_retire(e, count_release, &released, &released);
        assert_int_equal(released, 0); /* later, not at once: one barrier serves many */
        assert_int_equal(clientid__epoch_reclaim(e), 0);
        assert_int_equal(released, 2);
        clientid__epoch_del(e);
    }
}

static void test_reader_inside_keeps_what_it_may_see(void **state)
{
    (void)state;
    EACH_KIND(new_domain)
    {
        struct clientid__epoch *e;
        struct clientid__epoch_slot *before, *after;
        size_t old = 0, seen = 0, later = 0;

        assert_int_equal(new_domain(&e, &clientid__malloc), 0);
        before = clientid__epoch_slot_get(e);
        after = clientid__epoch_slot_get(e);
        clientid__epoch_retire(e, count_release, &old, &old);
        clientid__epoch_enter(before);
        clientid__epoch_retire(e, count_release, &seen, &seen);
        clientid__epoch_enter(after);
        clientid__epoch_retire(e, count_release, &later, &later);

        assert_int_equal(clientid__epoch_reclaim(e), 2);
        assert_int_equal(old, 1); /* retired before anybody entered */
        clientid__epoch_leave(before);
        assert_int_equal(clientid__epoch_reclaim(e), 1);
        assert_int_equal(seen, 1); /* |after| entered when it was gone already */
        assert_int_equal(later, 0);
        clientid__epoch_leave(after);
        assert_int_equal(clientid__epoch_reclaim(e), 0);
        assert_int_equal(later, 1);
        clientid__epoch_slot_put(before);
        clientid__epoch_slot_put(after);
        clientid__epoch_del(e);
    }
}

static void test_many_retired_are_released_without_asking(void **state)
{
    struct clientid__epoch *e;
    size_t released = 0;

    (void)state;
    assert_int_equal(clientid__epoch_new(&e, &clientid__malloc), 0);
    for (size_t i = 0; i < 4000; i++)
        clientid__epoch_retire(e, count_release, &released, &released);
    assert_true(released > 2000);
    clientid__epoch_del(e);
    assert_int_equal(released, 4000);
}

static void test_list_is_kept_in_order_while_a_reader_stays(void **state)
{
    struct clientid__epoch *e;
    struct clientid__epoch_slot *slot;
    size_t released = 0, stuck = 0;

    (void)state;
    assert_int_equal(clientid__epoch_new(&e, &clientid__malloc), 0);
    slot = clientid__epoch_slot_get(e);
    for (size_t round = 0; round < 20; round++) {
        for (size_t i = 0; i < 50; i++)
            clientid__epoch_retire(e, count_release, &released, &released);
        clientid__epoch_enter(slot);
        for (size_t i = 0; i < 30; i++)
            clientid__epoch_retire(e, count_release, &stuck, &stuck);
        assert_int_equal(clientid__epoch_reclaim(e), 30);
        assert_int_equal(released, (round + 1) * 50);
        assert_int_equal(stuck, round * 30);
        clientid__epoch_leave(slot);
    }
    clientid__epoch_slot_put(slot);
    clientid__epoch_del(e);
    assert_int_equal(stuck, 600);
}

static void test_slots_run_out_and_come_back(void **state)
{
    static struct clientid__epoch_slot *slots[CLIENTID_WORKERS_MAX];
    struct clientid__epoch *e;

    (void)state;
    assert_int_equal(clientid__epoch_new(&e, &clientid__malloc), 0);
    for (size_t i = 0; i < CLIENTID_WORKERS_MAX; i++) {
        slots[i] = clientid__epoch_slot_get(e);
        assert_non_null(slots[i]);
        assert_int_equal((uintptr_t)slots[i] % 64, 0); /* two workers never share a cache line */
    }
    assert_null(clientid__epoch_slot_get(e));
    clientid__epoch_slot_put(slots[500]);
    assert_ptr_equal(clientid__epoch_slot_get(e), slots[500]);
    for (size_t i = 0; i < CLIENTID_WORKERS_MAX; i++)
        clientid__epoch_slot_put(slots[i]);
    clientid__epoch_slot_put(NULL);
    clientid__epoch_del(e);
    clientid__epoch_del(NULL);
}

/* A release that retires the next object: as a registry does that drops its tables. */
struct cascade {
    struct clientid__epoch *epoch;
    size_t left, released;
};

static void cascade_release(void *context, void *object)
{
    struct cascade *c = context;

    c->released++;
    if (c->left > 0) {
        c->left--;
        clientid__epoch_retire(c->epoch, cascade_release, c, object);
    }
}

static void test_release_may_retire(void **state)
{
    struct cascade c = {.left = 300};

    (void)state;
    assert_int_equal(clientid__epoch_new(&c.epoch, &clientid__malloc), 0);
    clientid__epoch_retire(c.epoch, cascade_release, &c, &c);
    for (size_t i = 0; i < 10; i++)
        clientid__epoch_reclaim(c.epoch);
    assert_true(c.released >= 1);
    clientid__epoch_del(c.epoch);
    assert_int_equal(c.released, 301);
}

static void *sleeper(void *arg)
{
    struct clientid__epoch_slot *slot = arg;

    usleep(20000);
    clientid__epoch_leave(slot);
    return NULL;
}

static void test_wait_outlasts_the_reader(void **state)
{
    (void)state;
    EACH_KIND(new_domain)
    {
        struct clientid__epoch *e;
        struct clientid__epoch_slot *slot;
        pthread_t thread;
        size_t released = 0;

        assert_int_equal(new_domain(&e, &clientid__malloc), 0);
        slot = clientid__epoch_slot_get(e);
        clientid__epoch_enter(slot);
        clientid__epoch_retire(e, count_release, &released, &released);
        assert_int_equal(clientid__epoch_reclaim(e), 1);
        assert_int_equal(pthread_create(&thread, NULL, sleeper, slot), 0);
        clientid__epoch_wait(e);
        assert_int_equal(released, 1);
        pthread_join(thread, NULL);
        clientid__epoch_slot_put(slot);
        clientid__epoch_del(e);
    }
}

/* Fails the test when it runs before the reader left. */
static void late_release(void *context, void *object)
{
    struct clientid__epoch_slot *slot = context;

    assert_int_equal(atomic_load(&slot->entered), 0);
    ++*(size_t *)object;
}

static void test_no_room_for_the_list_means_waiting(void **state)
{
    struct support_alloc a;
    struct clientid__epoch *e;
    struct clientid__epoch_slot *slot;
    pthread_t thread;
    size_t released = 0;

    (void)state;
    support_alloc_init(&a);
    assert_int_equal(clientid__epoch_new(&e, &a.allocator), 0);
    slot = clientid__epoch_slot_get(e);
    clientid__epoch_enter(slot);
    assert_int_equal(pthread_create(&thread, NULL, sleeper, slot), 0);
    a.fail_at = a.calls + 1;
    clientid__epoch_retire(e, late_release, slot, &released);
    assert_int_equal(released, 1);
    pthread_join(thread, NULL);
    clientid__epoch_slot_put(slot);
    clientid__epoch_del(e);
}

static void test_no_memory(void **state)
{
    struct support_alloc a;
    struct clientid__epoch *e;
    size_t released = 0;

    (void)state;
    for (size_t n = 1; n <= 2; n++) {
        support_alloc_init(&a);
        a.fail_at = n;
        assert_int_equal(clientid__epoch_new(&e, &a.allocator), CLIENTID_ERR_NOMEM);
        assert_int_equal(a.live, 0);
    }
    support_alloc_init(&a);
    assert_int_equal(clientid__epoch_new(&e, &a.allocator), 0);
    a.fail_at = a.calls + 1;
    clientid__epoch_retire(e, count_release, &released, &released);
    assert_int_equal(released, 1); /* no room for the list: it waited at once */
    clientid__epoch_del(e);
    assert_int_equal(a.live, 0);
}

/* From here on this process may not use membarrier(2), as in some containers.  False: no filters here. */
static bool forbid_membarrier(void)
{
    struct sock_filter code[] = {
        BPF_STMT(BPF_LD | BPF_W | BPF_ABS, offsetof(struct seccomp_data, nr)),
        BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, SYS_membarrier, 0, 1),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ERRNO | EPERM),
        BPF_STMT(BPF_RET | BPF_K, SECCOMP_RET_ALLOW),
    };
    struct sock_fprog program = {.len = sizeof(code) / sizeof(code[0]), .filter = code};

    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 &&
           prctl(PR_SET_SECCOMP, SECCOMP_MODE_FILTER, &program) == 0;
}

enum { FINE, WRONG, NO_FILTERS };

static int in_child(int body(void))
{
    pid_t child = fork();
    int status;

    if (child == 0)
        _exit(body());
    if (child < 0 || waitpid(child, &status, 0) != child || !WIFEXITED(status))
        return WRONG;
    return WEXITSTATUS(status);
}

static int refused_from_the_start(void)
{
    struct clientid__epoch *e;
    struct clientid__epoch_slot *slot;
    size_t released = 0;

    if (!forbid_membarrier())
        return NO_FILTERS;
    if (clientid__epoch_new(&e, &clientid__malloc) != 0)
        return WRONG;
    slot = clientid__epoch_slot_get(e);
    clientid__epoch_enter(slot);
    clientid__epoch_retire(e, count_release, &released, &released);
    if (clientid__epoch_reclaim(e) != 1)
        return WRONG;
    clientid__epoch_leave(slot);
    clientid__epoch_wait(e);
    return released == 1 ? FINE : WRONG;
}

/* Readers have no fences, so nothing may be released any more; and nobody may hang. */
static int withdrawn_later(void)
{
    struct support_alloc a;
    struct clientid__epoch *e;
    size_t released = 0;

    support_alloc_init(&a);
    if (clientid__epoch_new(&e, &a.allocator) != 0)
        return WRONG;
    if (!forbid_membarrier())
        return NO_FILTERS;
    for (size_t i = 0; i < 1000; i++)
        clientid__epoch_retire(e, count_release, &released, &released);
    clientid__epoch_wait(e);
    if (released != 0)
        return WRONG;
    clientid__epoch_del(e);
    return released == 1000 ? FINE : WRONG;
}

static void test_membarrier_refused(void **state)
{
    int result = in_child(refused_from_the_start);

    (void)state;
    if (result == NO_FILTERS)
        skip();
    assert_int_equal(result, FINE);
    assert_int_equal(in_child(withdrawn_later), FINE);
}

static void test_domain_made_before_fork_works_after(void **state)
{
    struct clientid__epoch *e;
    pid_t child;
    int status;

    (void)state;
    assert_int_equal(clientid__epoch_new(&e, &clientid__malloc), 0);
    child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct clientid__epoch_slot *slot = clientid__epoch_slot_get(e);
        size_t released = 0;

        clientid__epoch_enter(slot);
        clientid__epoch_leave(slot);
        clientid__epoch_retire(e, count_release, &released, &released);
        _exit(clientid__epoch_reclaim(e) == 0 && released == 1 ? 0 : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    clientid__epoch_del(e);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_nobody_inside),
        cmocka_unit_test(test_reader_inside_keeps_what_it_may_see),
        cmocka_unit_test(test_many_retired_are_released_without_asking),
        cmocka_unit_test(test_list_is_kept_in_order_while_a_reader_stays),
        cmocka_unit_test(test_slots_run_out_and_come_back),
        cmocka_unit_test(test_release_may_retire),
        cmocka_unit_test(test_wait_outlasts_the_reader),
        cmocka_unit_test(test_no_room_for_the_list_means_waiting),
        cmocka_unit_test(test_no_memory),
        cmocka_unit_test(test_membarrier_refused),
        cmocka_unit_test(test_domain_made_before_fork_works_after),
    };

    return cmocka_run_group_tests_name("epoch", tests, NULL, NULL);
}
