/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "base/str.h"
#include "policy/policy.h"
#include "support_alloc.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>

#include <cmocka.h>

static struct clientid__pool *pool_of(const clientid_allocator *mem)
{
    struct clientid__pool *pool = NULL;

    assert_int_equal(clientid__pool_new(&pool, mem), 0);
    return pool;
}

static void test_text(void **state)
{
    struct clientid__pool *pool = pool_of(&clientid__malloc);
    char bytes[] = "orders";
    clientid_str first = clientid__pool_text(pool, clientid__cstr(bytes)), again, other;

    (void)state;
    bytes[0] = 'b';
    assert_true(clientid__str_eq(first, CLIENTID_STR("orders")));
    again = clientid__pool_text(pool, CLIENTID_STR("orders"));
    assert_ptr_equal(first.ptr, again.ptr);
    other = clientid__pool_text(pool, clientid__cstr(bytes));
    assert_ptr_not_equal(first.ptr, other.ptr);
    assert_ptr_not_equal(clientid__pool_text(pool, CLIENTID_STR("orders\0")).ptr, first.ptr);
    /* Empty text is not the same as no memory. */
    assert_non_null(clientid__pool_text(pool, (clientid_str){NULL, 0}).ptr);
    assert_int_equal(clientid__pool_text(pool, (clientid_str){NULL, 0}).len, 0);
    clientid__pool_del(pool);
    clientid__pool_del(NULL);
}

static void test_queue(void **state)
{
    struct clientid__pool *pool = pool_of(&clientid__malloc);
    struct clientid__queue *queue =
        clientid__pool_queue(pool, CLIENTID_STR("orders"), CLIENTID_STR("spike"));

    (void)state;
    atomic_store(&queue->waiting, 3);
    assert_ptr_equal(queue,
                     clientid__pool_queue(pool, CLIENTID_STR("orders"), CLIENTID_STR("spike")));
    assert_int_equal(atomic_load(&queue->waiting), 3);
    assert_ptr_not_equal(queue,
                         clientid__pool_queue(pool, CLIENTID_STR("items"), CLIENTID_STR("spike")));
    /* The boundary between the names counts. */
    assert_ptr_not_equal(queue,
                         clientid__pool_queue(pool, CLIENTID_STR("orderss"), CLIENTID_STR("pike")));
    assert_ptr_not_equal(queue,
                         clientid__pool_queue(pool, CLIENTID_STR("spike"), CLIENTID_STR("orders")));
    clientid__pool_del(pool);
}

static struct clientid__answers sample(const clientid_str *query, size_t query_count,
                                       const clientid_str *headers, size_t header_count)
{
    return (struct clientid__answers){.contract_status = 401,
                                      .realm = CLIENTID_STR("r"),
                                      .content_type = CLIENTID_STR("text/plain"),
                                      .strip_query = query,
                                      .strip_query_count = query_count,
                                      .strip_headers = headers,
                                      .strip_header_count = header_count};
}

/* Every field counts: changing any gives another object, changing it back the first one. */
static void test_answers(void **state)
{
    struct clientid__pool *pool = pool_of(&clientid__malloc);
    char name[] = "client_id";
    clientid_str names[2] = {clientid__cstr(name), CLIENTID_STR("x")};
    struct clientid__answers variants[16];
    const struct clientid__answers *objects[16];
    size_t count = 0;

    (void)state;
    for (size_t i = 0; i < 16; i++)
        variants[i] = sample(names, 1, names + 1, 1);
    count++;
    variants[count++].soap = CLIENTID__SOAP_1_1;
    variants[count++].basic = true;
    variants[count++].expose_headers = true;
    variants[count++].generation = CLIENTID__HEADERS_DRAFT_03;
    variants[count++].format = CLIENTID__BODY_PROBLEM;
    variants[count++].contract_status = 403;
    variants[count++].realm = CLIENTID_STR("other");
    variants[count++].content_type = CLIENTID_STR("text/xml");
    variants[count++].body_missing = CLIENTID_STR("a");
    variants[count++].body_failed = CLIENTID_STR("a");
    variants[count++].body_quota = CLIENTID_STR("a");
    variants[count++].body_unavailable = CLIENTID_STR("a");
    variants[count++] = sample(names, 2, NULL, 0);
    variants[count++] = sample(NULL, 0, names, 2);
    variants[count++] = sample(names + 1, 1, names, 1);
    for (size_t i = 0; i < count; i++) {
        objects[i] = clientid__pool_answers(pool, &variants[i]);
        assert_non_null(objects[i]);
        for (size_t j = 0; j < i; j++)
            if (objects[i] == objects[j])
                fail_msg("variants %zu and %zu are one object", j, i);
    }
    for (size_t i = 0; i < count; i++)
        assert_ptr_equal(clientid__pool_answers(pool, &variants[i]), objects[i]);
    /* It is a copy. */
    name[0] = 'C';
    assert_true(clientid__str_eq(objects[0]->strip_query[0], CLIENTID_STR("client_id")));
    assert_true(clientid__str_eq(objects[0]->strip_headers[0], CLIENTID_STR("x")));
    clientid__pool_del(pool);
}

/* Enough of everything that the tables grow. */
static bool fill(struct clientid__pool *pool)
{
    for (int i = 0; i < 400; i++) {
        char text[16];
        clientid_str name = {text, (size_t)snprintf(text, sizeof(text), "name-%d", i)};
        struct clientid__answers answers = sample(&name, 1, NULL, 0);

        if (clientid__pool_text(pool, name).ptr == NULL ||
            clientid__pool_queue(pool, name, CLIENTID_STR("spike")) == NULL ||
            clientid__pool_answers(pool, &answers) == NULL)
            return false;
    }
    return true;
}

static void test_no_memory(void **state)
{
    struct support_alloc a;
    struct clientid__pool *pool = NULL;

    (void)state;
    support_alloc_init(&a);
    a.fail_at = 1;
    assert_int_equal(clientid__pool_new(&pool, &a.allocator), CLIENTID_ERR_NOMEM);
    for (size_t nth = 2;; nth += nth < 60 ? 1 : 7) {
        bool filled;

        support_alloc_init(&a);
        pool = pool_of(&a.allocator);
        a.fail_at = nth;
        filled = fill(pool);
        a.fail_at = 0;
        /* What failed left the tables whole. */
        if (nth % 16 == 0)
            assert_true(fill(pool));
        clientid__pool_del(pool);
        assert_int_equal(a.live, 0);
        if (filled)
            break;
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_text),
        cmocka_unit_test(test_queue),
        cmocka_unit_test(test_answers),
        cmocka_unit_test(test_no_memory),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
