/* SPDX-License-Identifier: Apache-2.0 */
#include "registry/index.h"

#include "base/hash.h"
#include "base/mem.h"
#include "support_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

struct item {
    uint64_t key;
    uint64_t in; /* what the model says */
};

/* What all tests hash with: few values, so that clusters and equal tags are the rule. */
static uint64_t spread = UINT64_MAX;

static uint64_t hash_key(uint64_t key)
{
    return clientid__mix64(key) & spread;
}

static uint64_t hash_item(const void *self, const void *object)
{
    (void)self;
    return hash_key(((const struct item *)object)->key);
}

static struct item *find(const struct clientid__index *index, uint64_t key)
{
    struct clientid__index_walk walk = clientid__index_begin(index, hash_key(key));
    struct item *item;

    while ((item = clientid__index_next(&walk)) != NULL && item->key != key)
        ;
    return item;
}

static uint64_t draw(uint64_t *seed)
{
    *seed += UINT64_C(0x9e3779b97f4a7c15);
    return clientid__mix64(*seed);
}

static void add(struct clientid__index *index, struct item *item)
{
    assert_int_equal(clientid__index_reserve(index, 1), 0);
    clientid__index_add(index, hash_key(item->key), item);
}

/* Empty slots must remain, or a walk for what is not there would never end. */
static void check_sound(const struct clientid__index *index)
{
    const struct clientid__index_table *table = atomic_load(&index->table);
    uint64_t live = 0, used = 0;

    for (uint64_t i = 0; i <= table->mask; i++) {
        uint64_t slot = atomic_load(&table->slots[i]);

        used += slot != 0;
        live += slot > CLIENTID__INDEX_TOMBSTONE;
    }
    assert_int_equal(live, index->live);
    assert_int_equal(used, index->used);
    assert_true(used * 10 <= (table->mask + 1) * 7);
}

static void random_steps(uint64_t seed, size_t steps, size_t keys)
{
    struct item *items = calloc(keys * 2, sizeof(*items));
    struct clientid__epoch *epoch;
    struct clientid__index index;

    assert_non_null(items);
    assert_int_equal(clientid__epoch_new(&epoch, &clientid__malloc), 0);
    assert_int_equal(clientid__index_init(&index, &clientid__malloc, epoch, hash_item, NULL), 0);
    for (size_t i = 0; i < keys * 2; i++)
        items[i].key = i / 2;
    for (size_t step = 0; step < steps; step++) {
        /* Phases that grow and that shrink, so that tables fill with tombstones too. */
        bool grows = step / (steps / 6 + 1) % 2 == 0;
        struct item *item = &items[draw(&seed) % keys * 2], *twin = item + 1;
        struct item *present = item->in ? item : twin->in ? twin : NULL;
        uint64_t hash = hash_key(item->key);

        if (find(&index, item->key) != present)
            fail_msg("key %llu, step %zu, seed %llu", (unsigned long long)item->key, step,
                     (unsigned long long)seed);
        if (present == NULL) {
            if (grows || draw(&seed) % 4 == 0) {
                add(&index, item);
                item->in = 1;
            }
        } else if (draw(&seed) % 4 == 0) {
            struct item *other = present == item ? twin : item;

            clientid__index_replace(&index, hash, present, other);
            present->in = 0;
            other->in = 1;
        } else if (!grows || draw(&seed) % 4 == 0) {
            clientid__index_remove(&index, hash, present);
            present->in = 0;
        }
        if (step % 997 == 0)
            check_sound(&index);
    }
    check_sound(&index);
    for (size_t i = 0; i < keys * 2; i++)
        assert_true((find(&index, items[i].key) == &items[i]) == (items[i].in != 0));
    clientid__index_clear(&index);
    clientid__epoch_del(epoch);
    free(items);
}

static void test_random_steps_agree_with_the_model(void **state)
{
    (void)state;
    spread = UINT64_MAX;
    random_steps(1, 200000, 3000);
    random_steps(2, 20000, 10);
}

static void test_colliding_hashes_agree_with_the_model(void **state)
{
    (void)state;
    spread = UINT64_C(0x001000000000001f); /* 32 places, two tags */
    random_steps(3, 30000, 60);
    spread = 0; /* all the same; the tag of every object is that of a tombstone */
    random_steps(4, 10000, 40);
    spread = UINT64_MAX;
}

static void test_each_meets_every_object_once(void **state)
{
    struct item items[500] = {{0}};
    struct clientid__epoch *epoch;
    struct clientid__index index;
    struct item *item;
    uint64_t at = 0;
    size_t met = 0;

    (void)state;
    assert_int_equal(clientid__epoch_new(&epoch, &clientid__malloc), 0);
    assert_int_equal(clientid__index_init(&index, &clientid__malloc, epoch, hash_item, NULL), 0);
    assert_null(clientid__index_each(&index, &at));
    for (size_t i = 0; i < 500; i++) {
        items[i].key = i;
        add(&index, &items[i]);
    }
    for (size_t i = 0; i < 500; i += 3)
        clientid__index_remove(&index, hash_key(i), &items[i]);
    for (at = 0; (item = clientid__index_each(&index, &at)) != NULL; met++)
        assert_int_equal(item->in++, 0);
    assert_int_equal(met, 333);
    assert_true(clientid__index_bytes(&index) >= 500 * 8);
    clientid__index_clear(&index);
    clientid__epoch_del(epoch);
}

static void test_table_shrinks_when_the_objects_went(void **state)
{
    static struct item items[20000];
    struct clientid__epoch *epoch;
    struct clientid__index index;
    uint64_t large;

    (void)state;
    assert_int_equal(clientid__epoch_new(&epoch, &clientid__malloc), 0);
    assert_int_equal(clientid__index_init(&index, &clientid__malloc, epoch, hash_item, NULL), 0);
    for (size_t i = 0; i < 20000; i++) {
        items[i].key = i;
        add(&index, &items[i]);
    }
    large = clientid__index_bytes(&index);
    for (size_t i = 10; i < 20000; i++)
        clientid__index_remove(&index, hash_key(i), &items[i]);
    for (size_t i = 10; i < 20000; i++) { /* tombstones use up the table until it is made anew */
        items[i].key = 100000 + i;
        add(&index, &items[i]);
        clientid__index_remove(&index, hash_key(items[i].key), &items[i]);
    }
    check_sound(&index);
    for (size_t i = 0; i < 10; i++)
        assert_ptr_equal(find(&index, i), &items[i]);
    assert_true(clientid__index_bytes(&index) <= large);
    clientid__index_clear(&index);
    clientid__epoch_del(epoch);
}

static void test_reserved_additions_need_no_memory(void **state)
{
    static struct item items[1000];
    struct support_alloc a;
    struct clientid__epoch *epoch;
    struct clientid__index index;
    const struct clientid__index_table *table;
    size_t calls;

    (void)state;
    support_alloc_init(&a);
    assert_int_equal(clientid__epoch_new(&epoch, &clientid__malloc), 0);
    a.fail_at = 1;
    assert_int_equal(clientid__index_init(&index, &a.allocator, epoch, hash_item, NULL),
                     CLIENTID_ERR_NOMEM);
    assert_int_equal(clientid__index_init(&index, &a.allocator, epoch, hash_item, NULL), 0);
    table = atomic_load(&index.table);
    a.fail_at = a.calls + 1;
    assert_int_equal(clientid__index_reserve(&index, 1000), CLIENTID_ERR_NOMEM);
    assert_ptr_equal(atomic_load(&index.table), table);
    assert_int_equal(clientid__index_reserve(&index, 1000), 0);
    calls = a.calls;
    for (size_t i = 0; i < 1000; i++) {
        items[i].key = i;
        clientid__index_add(&index, hash_key(i), &items[i]);
    }
    assert_int_equal(a.calls, calls);
    check_sound(&index);
    clientid__index_prefetch(&index, hash_key(5));
    clientid__index_clear(&index);
    clientid__index_clear(&index);
    clientid__epoch_del(epoch);
    assert_int_equal(a.live, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_random_steps_agree_with_the_model),
        cmocka_unit_test(test_colliding_hashes_agree_with_the_model),
        cmocka_unit_test(test_each_meets_every_object_once),
        cmocka_unit_test(test_table_shrinks_when_the_objects_went),
        cmocka_unit_test(test_reserved_additions_need_no_memory),
    };

    return cmocka_run_group_tests_name("index", tests, NULL, NULL);
}
