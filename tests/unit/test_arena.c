/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/arena.h"

#include "support_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_objects_are_apart_and_aligned(void **state)
{
    struct support_alloc a;
    struct clientid__arena arena;
    unsigned char *object[3000];
    const size_t sizes[] = {1, 16, 17, 100, 975, CLIENTID__ARENA_MAX};

    (void)state;
    support_alloc_init(&a);
    clientid__arena_init(&arena, &a.allocator);
    for (size_t i = 0; i < 3000; i++) {
        size_t size = sizes[i % 6];

        object[i] = clientid__arena_take(&arena, size);
        assert_non_null(object[i]);
        assert_int_equal((uintptr_t)object[i] % CLIENTID__ARENA_STEP, 0);
        memset(object[i], (int)(i % 251), size);
    }
    for (size_t i = 0; i < 3000; i++)
        for (size_t b = 0; b < sizes[i % 6]; b++)
            assert_int_equal(object[i][b], i % 251);
    assert_true(a.calls < 40);
    clientid__arena_clear(&arena);
    assert_int_equal(a.live, 0);
}

static void test_memory_is_used_again_by_size(void **state)
{
    struct support_alloc a;
    struct clientid__arena arena;
    void *small, *large;

    (void)state;
    support_alloc_init(&a);
    clientid__arena_init(&arena, &a.allocator);
    small = clientid__arena_take(&arena, 90);
    large = clientid__arena_take(&arena, 200);
    clientid__arena_give(&arena, small, 90);
    clientid__arena_give(&arena, large, 200);
    assert_ptr_equal(clientid__arena_take(&arena, 96), small); /* the same multiple of 16 */
    assert_ptr_not_equal(clientid__arena_take(&arena, 96), large);
    assert_ptr_equal(clientid__arena_take(&arena, 193), large);
    for (size_t i = 0; i < 100000; i++)
        clientid__arena_give(&arena, clientid__arena_take(&arena, 500), 500);
    assert_int_equal(a.calls, 1);
    clientid__arena_clear(&arena);
}

static void test_tail_of_a_chunk_is_not_lost(void **state)
{
    struct support_alloc a;
    struct clientid__arena arena;

    (void)state;
    support_alloc_init(&a);
    clientid__arena_init(&arena, &a.allocator);
    while (arena.left < 16 || arena.left >= 1024)
        assert_non_null(clientid__arena_take(&arena, 976));
    {
        size_t tail = arena.left;
        char *at = arena.next;

        assert_non_null(clientid__arena_take(&arena, 1024));
        assert_ptr_equal(clientid__arena_take(&arena, tail), at);
    }
    clientid__arena_clear(&arena);
}

static void test_no_memory_and_then_some(void **state)
{
    struct support_alloc a;
    struct clientid__arena arena;

    (void)state;
    support_alloc_init(&a);
    a.fail_at = 1;
    clientid__arena_init(&arena, &a.allocator);
    assert_null(clientid__arena_take(&arena, 100));
    assert_non_null(clientid__arena_take(&arena, 100));
    clientid__arena_clear(&arena);
    assert_int_equal(a.live, 0);
}

/* An allocator whose memory lies where a slot of 48 bits cannot point. */
static size_t returned;

static void *allocate_high(void *self, size_t bytes)
{
    (void)self;
    (void)bytes;
    return (void *)(UINTPTR_MAX - 0xffffff); /* never touched */
}

static void release_high(void *self, void *memory)
{
    (void)self;
    (void)memory;
    returned++;
}

static void test_addresses_beyond_48_bits_are_refused(void **state)
{
    const clientid_allocator high = {allocate_high, release_high, NULL};
    struct clientid__arena arena;

    (void)state;
    returned = 0;
    clientid__arena_init(&arena, &high);
    assert_null(clientid__arena_take(&arena, 100));
    assert_int_equal(returned, 1);
    clientid__arena_clear(&arena);
}

static void test_chunks_grow_with_the_arena(void **state)
{
    struct support_alloc a;
    struct clientid__arena arena;
    size_t taken = 0;

    (void)state;
    support_alloc_init(&a);
    clientid__arena_init(&arena, &a.allocator);
    for (; taken < (size_t)80 << 20; taken += 1024) {
        char *object = clientid__arena_take(&arena, 1024);

        assert_non_null(object);
    }
    assert_true(a.calls < 40);
    assert_true(atomic_load(&arena.bytes) < taken + taken / 3);
    clientid__arena_clear(&arena);
    assert_int_equal(a.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_objects_are_apart_and_aligned),
        cmocka_unit_test(test_memory_is_used_again_by_size),
        cmocka_unit_test(test_tail_of_a_chunk_is_not_lost),
        cmocka_unit_test(test_no_memory_and_then_some),
        cmocka_unit_test(test_addresses_beyond_48_bits_are_refused),
        cmocka_unit_test(test_chunks_grow_with_the_arena),
    };

    return cmocka_run_group_tests_name("arena", tests, NULL, NULL);
}
