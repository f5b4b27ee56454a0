/* SPDX-License-Identifier: Apache-2.0 */
#include "support_alloc.h"
#include "support_disk.h"
#include "support_event.h"

#include "base/mem.h"
#include "sync/file.h"
#include "sync/snapshot.h"
#include "sync/wire.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static char path[64];
static int fd = -1;

static int set_up(void **state)
{
    char name[128];

    (void)state;
    support_disk_works();
    support_folder_new(path);
    support_path(name, sizeof(name), path, "s");
    fd = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    return fd < 0;
}

static int tear_down(void **state)
{
    (void)state;
    support_disk_works();
    clientid__file_close(&fd);
    support_folder_del(path);
    return 0;
}

/* |self| is how many random events there are. */
static int each_random(const void *self, clientid_event_fn *emit, void *sink)
{
    const size_t *count = self;
    struct support_event *event = malloc(sizeof(*event));
    uint64_t seed = 99;
    int rv = 0;

    for (size_t i = 0; i < *count && rv == 0; i++) {
        support_event_random(event, &seed);
        rv = emit(sink, &event->event);
    }
    free(event);
    return rv;
}

static struct clientid__snapshot write_events(size_t count)
{
    struct clientid__snapshot s = {.position = {77, 1234}, .time_ns = 555};

    assert_int_equal(ftruncate(fd, 0), 0);
    assert_int_equal(clientid__snapshot_write(fd, &clientid__malloc, each_random, &count, &s, NULL),
                     0);
    return s;
}

static int read_events(struct support_sink *sink, struct clientid__snapshot *s,
                       clientid_error *error)
{
    support_sink_clear(sink);
    return clientid__snapshot_read(fd, &clientid__malloc, support_sink_take, sink, s, error);
}

static void what_goes_in_comes_out(void **state)
{
    const size_t counts[] = {0, 1, 50, 5000}; /* the last needs several blocks */
    struct support_sink in, out;

    (void)state;
    support_sink_init(&in);
    support_sink_init(&out);
    for (size_t i = 0; i < 4; i++) {
        struct clientid__snapshot written = write_events(counts[i]), s;

        support_sink_clear(&in);
        each_random(&counts[i], support_sink_take, &in);
        assert_int_equal(read_events(&out, &s, NULL), 0);
        assert_int_equal(out.events, counts[i]);
        assert_int_equal(out.bytes.len, in.bytes.len);
        if (in.bytes.len > 0)
            assert_memory_equal(out.bytes.data, in.bytes.data, in.bytes.len);
        assert_int_equal(s.position.identity, 77);
        assert_int_equal(s.position.revision, 1234);
        assert_int_equal(s.time_ns, 555);
        assert_int_equal(s.sum, written.sum);
        assert_int_equal(s.bytes, written.bytes);
        assert_int_equal(s.events, counts[i]);
    }
    support_sink_del(&in);
    support_sink_del(&out);
}

static void a_snapshot_cut_anywhere_is_refused(void **state)
{
    struct clientid__snapshot s = write_events(12);
    struct support_sink out;
    clientid_error error;

    (void)state;
    support_sink_init(&out);
    for (uint64_t len = s.bytes; len-- > 0;) {
        int rv;

        assert_int_equal(ftruncate(fd, (off_t)len), 0);
        rv = read_events(&out, &s, &error);
        assert_true(rv == CLIENTID_ERR_CORRUPT || rv == CLIENTID_ERR_FORMAT);
        assert_int_equal(error.code, rv);
    }
    support_sink_del(&out);
}

static void a_flipped_bit_anywhere_is_refused(void **state)
{
    struct clientid__snapshot s = write_events(12);
    struct support_sink out;
    uint64_t len = s.bytes;
    size_t got;

    (void)state;
    support_sink_init(&out);
    for (uint64_t bit = 0; bit < len * 8; bit++) {
        unsigned char byte;
        int rv;

        assert_int_equal(clientid__file_read(fd, &byte, 1, bit / 8, &got), 0);
        byte ^= (unsigned char)(1 << bit % 8);
        assert_int_equal(clientid__file_write(fd, &byte, 1, bit / 8), 0);
        rv = read_events(&out, &s, NULL);
        if (rv != CLIENTID_ERR_CORRUPT && rv != CLIENTID_ERR_FORMAT)
            fail_msg("bit %llu: %d", (unsigned long long)bit, rv);
        byte ^= (unsigned char)(1 << bit % 8);
        assert_int_equal(clientid__file_write(fd, &byte, 1, bit / 8), 0);
    }
    assert_int_equal(read_events(&out, &s, NULL), 0);
    support_sink_del(&out);
}

static void bytes_behind_the_end_are_refused(void **state)
{
    struct clientid__snapshot s = write_events(3);
    struct support_sink out;

    (void)state;
    support_sink_init(&out);
    assert_int_equal(clientid__file_write(fd, "", 1, s.bytes), 0);
    assert_int_equal(read_events(&out, &s, NULL), CLIENTID_ERR_CORRUPT);
    support_sink_del(&out);
}

static void another_format_is_told_apart_from_damage(void **state)
{
    struct clientid__snapshot s = write_events(1);
    unsigned char word[4];
    struct support_sink out;
    clientid_error error;

    (void)state;
    support_sink_init(&out);
    clientid__put32(word, 1);
    assert_int_equal(clientid__file_write(fd, word, 4, 8), 0);
    assert_int_equal(read_events(&out, &s, &error), CLIENTID_ERR_FORMAT);
    assert_non_null(strstr(error.text, "format 1"));
    assert_int_equal(clientid__file_write(fd, "SQLite format 3", 16, 0), 0);
    assert_int_equal(read_events(&out, &s, &error), CLIENTID_ERR_FORMAT);
    support_sink_del(&out);
}

/* Read before anything is checked: it may be wrong, but not ask for more memory than such a file could fill. */
static void what_to_expect_is_told_or_zero(void **state)
{
    struct clientid__snapshot s = write_events(5000);
    unsigned char count[8];

    (void)state;
    assert_int_equal(clientid__snapshot_expected(fd), 5000);
    clientid__put64(count, UINT64_MAX);
    assert_int_equal(clientid__file_write(fd, count, 8, s.bytes - 24), 0);
    assert_int_equal(clientid__snapshot_expected(fd), 0);
    clientid__put64(count, s.bytes / 20);
    assert_int_equal(clientid__file_write(fd, count, 8, s.bytes - 24), 0);
    assert_int_equal(clientid__snapshot_expected(fd), 0);
    for (off_t len = 0; len < 88; len++) {
        assert_int_equal(ftruncate(fd, len), 0);
        assert_int_equal(clientid__snapshot_expected(fd), 0);
    }
    support_disk.read_errno = EIO;
    write_events(10);
    assert_int_equal(clientid__snapshot_expected(fd), 0);
}

static void what_the_sink_says_is_passed_on(void **state)
{
    size_t count = 100;
    struct clientid__snapshot s = write_events(count);
    struct support_sink out;

    (void)state;
    support_sink_init(&out);
    out.fail_at = 40;
    out.code = CLIENTID_ERR_EXISTS;
    assert_int_equal(
        clientid__snapshot_read(fd, &clientid__malloc, support_sink_take, &out, &s, NULL),
        CLIENTID_ERR_EXISTS);
    assert_int_equal(out.events, 40);
    support_sink_del(&out);
}

static int each_broken(const void *self, clientid_event_fn *emit, void *sink)
{
    (void)self;
    return emit(sink, &(clientid_event){.type = CLIENTID_EVENT_TIER});
}

static void a_record_that_cannot_be_written_is_an_error(void **state)
{
    struct clientid__snapshot s = {0};
    clientid_error error;

    (void)state;
    assert_int_equal(clientid__snapshot_write(fd, &clientid__malloc, each_broken, NULL, &s, &error),
                     CLIENTID_ERR_ARG);
    assert_int_equal(error.code, CLIENTID_ERR_ARG);
}

static void a_disk_that_fails_is_an_error(void **state)
{
    size_t count = 5000;
    struct clientid__snapshot s = {.position = {1, 1}};
    struct support_sink out;
    clientid_error error;

    (void)state;
    support_disk.write_errno = ENOSPC;
    assert_int_equal(
        clientid__snapshot_write(fd, &clientid__malloc, each_random, &count, &s, &error),
        CLIENTID_ERR_FULL);
    assert_int_equal(error.code, CLIENTID_ERR_FULL);
    support_disk_works();
    write_events(10);
    support_disk.read_errno = EIO;
    support_sink_init(&out);
    assert_int_equal(read_events(&out, &s, &error), CLIENTID_ERR_IO);
    clientid__file_close(&fd);
    support_disk_works();
    assert_int_equal(read_events(&out, &s, &error), CLIENTID_ERR_IO);
    support_sink_del(&out);
}

static void short_transfers_make_no_difference(void **state)
{
    struct support_sink out;
    struct clientid__snapshot s;

    (void)state;
    support_sink_init(&out);
    support_disk.short_bytes = 11;
    write_events(20);
    assert_int_equal(read_events(&out, &s, NULL), 0);
    assert_int_equal(out.events, 20);
    support_sink_del(&out);
}

static void each_allocation_may_fail(void **state)
{
    struct support_alloc alloc;
    struct clientid__snapshot s = {.position = {1, 1}};
    struct support_sink out;
    size_t count = 300;
    int rv;

    (void)state;
    support_sink_init(&out);
    for (size_t at = 1;; at++) {
        support_alloc_init(&alloc);
        alloc.fail_at = at;
        assert_int_equal(ftruncate(fd, 0), 0);
        rv = clientid__snapshot_write(fd, &alloc.allocator, each_random, &count, &s, NULL);
        assert_int_equal(alloc.live, 0);
        if (rv == 0)
            break;
        assert_int_equal(rv, CLIENTID_ERR_NOMEM);
    }
    for (size_t at = 1;; at++) {
        support_alloc_init(&alloc);
        alloc.fail_at = at;
        support_sink_clear(&out);
        rv = clientid__snapshot_read(fd, &alloc.allocator, support_sink_take, &out, &s, NULL);
        assert_int_equal(alloc.live, 0);
        if (rv == 0)
            break;
        assert_int_equal(rv, CLIENTID_ERR_NOMEM);
    }
    assert_int_equal(out.events, count);
    support_sink_del(&out);
}

#define ROW(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        ROW(what_goes_in_comes_out),
        ROW(a_snapshot_cut_anywhere_is_refused),
        ROW(a_flipped_bit_anywhere_is_refused),
        ROW(bytes_behind_the_end_are_refused),
        ROW(another_format_is_told_apart_from_damage),
        ROW(what_to_expect_is_told_or_zero),
        ROW(what_the_sink_says_is_passed_on),
        ROW(a_record_that_cannot_be_written_is_an_error),
        ROW(a_disk_that_fails_is_an_error),
        ROW(short_transfers_make_no_difference),
        ROW(each_allocation_may_fail),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
