/* SPDX-License-Identifier: Apache-2.0 */
#include "support_event.h"

#include "sync/contact.h"
#include "sync/file.h"

#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

static char path[64];

static int open_file(void)
{
    char name[128];

    support_path(name, sizeof(name), path, CLIENTID__CONTACT_NAME);
    return open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
}

static int set_up(void **state)
{
    (void)state;
    support_folder_new(path);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    support_folder_del(path);
    return 0;
}

static void the_newest_is_read_back(void **state)
{
    struct clientid__contact contact = {.position = {11, 5}, .time_ns = 100};
    int fd = open_file();

    (void)state;
    assert_int_equal(clientid__contact_read(fd).serial, 0);
    assert_int_equal(clientid__contact_read(-1).serial, 0);
    for (uint64_t i = 1; i < 10; i++) {
        struct clientid__contact read;

        contact.position.revision = 20 - i;
        contact.time_ns = i;
        assert_int_equal(clientid__contact_write(fd, &contact), 0);
        read = clientid__contact_read(fd);
        assert_int_equal(read.serial, i);
        assert_int_equal(read.position.identity, 11);
        assert_int_equal(read.position.revision, 20 - i);
        assert_int_equal(read.time_ns, i);
    }
    close(fd);
}

/* Every byte of the slot that was being written is spoilt in turn: the slot of before must be found. */
static void a_torn_write_leaves_the_one_before(void **state)
{
    struct clientid__contact contact = {.position = {11, 5}, .time_ns = 100};
    int fd = open_file();
    unsigned char *before, *after;
    size_t len_before, len_after, damaged = 0;

    (void)state;
    assert_int_equal(clientid__contact_write(fd, &contact), 0);
    contact.time_ns = 200;
    assert_int_equal(clientid__contact_write(fd, &contact), 0);
    before = support_read(path, CLIENTID__CONTACT_NAME, &len_before);
    contact.time_ns = 300;
    assert_int_equal(clientid__contact_write(fd, &contact), 0);
    after = support_read(path, CLIENTID__CONTACT_NAME, &len_after);
    assert_int_equal(len_before, len_after);
    for (size_t at = 0; at < len_after; at++) {
        unsigned char spoilt = after[at] ^ 0x10;

        if (before[at] == after[at])
            continue;
        damaged++;
        assert_int_equal(pwrite(fd, &spoilt, 1, (off_t)at), 1);
        assert_int_equal(clientid__contact_read(fd).time_ns, 200);
        assert_int_equal(pwrite(fd, &after[at], 1, (off_t)at), 1);
    }
    assert_true(damaged > 8);
    assert_int_equal(clientid__contact_read(fd).time_ns, 300);
    free(before);
    free(after);
    close(fd);
}

static void without_a_sound_slot_there_is_none(void **state)
{
    char garbage[1024];
    int fd = open_file();

    (void)state;
    memset(garbage, 'C', sizeof(garbage));
    assert_int_equal(pwrite(fd, garbage, sizeof(garbage), 0), sizeof(garbage));
    assert_int_equal(clientid__contact_read(fd).position.identity, 0);
    assert_int_equal(clientid__contact_read(fd).serial, 0);
    close(fd);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_newest_is_read_back, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_torn_write_leaves_the_one_before, set_up, tear_down),
        cmocka_unit_test_setup_teardown(without_a_sound_slot_there_is_none, set_up, tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
