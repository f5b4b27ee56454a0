/* SPDX-License-Identifier: Apache-2.0 */
#include "support_disk.h"
#include "support_event.h"

#include "sync/file.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <sys/stat.h>

#include <cmocka.h>

static char path[64];
static int folder;

static int set_up(void **state)
{
    (void)state;
    support_disk_works();
    support_folder_new(path);
    folder = open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    return folder < 0;
}

static int tear_down(void **state)
{
    (void)state;
    support_disk_works();
    close(folder);
    support_folder_del(path);
    return 0;
}

static void signals_and_short_transfers_lose_nothing(void **state)
{
    char out[1000], in[1200];
    size_t got;
    int fd;

    (void)state;
    for (size_t i = 0; i < sizeof(out); i++)
        out[i] = (char)i;
    assert_int_equal(clientid__file_create(folder, "a", &fd), 0);
    support_disk.short_bytes = 7;
    assert_int_equal(clientid__file_write(fd, out, sizeof(out), 0), 0);
    assert_int_equal(clientid__file_read(fd, in, sizeof(in), 0, &got), 0);
    assert_int_equal(got, sizeof(out));
    assert_memory_equal(in, out, sizeof(out));
    assert_int_equal(clientid__file_read(fd, in, 10, 995, &got), 0);
    assert_int_equal(got, 5);
    assert_int_equal(clientid__file_sync(fd), 0);
    assert_int_equal(clientid__file_sync_folder(folder), 0);
    clientid__file_close(&fd);
    assert_int_equal(fd, -1);
}

static void errors_are_the_system_s(void **state)
{
    uint64_t size;
    char byte = 0;
    size_t got;
    int fd;

    (void)state;
    assert_int_equal(clientid__file_create(folder, "a", &fd), 0);
    support_disk.write_errno = ENOSPC;
    support_disk.read_errno = EIO;
    support_disk.sync_errno = EIO;
    support_disk.folder_errno = EIO;
    assert_int_equal(clientid__file_write(fd, &byte, 1, 0), ENOSPC);
    assert_int_equal(clientid__file_read(fd, &byte, 1, 0, &got), EIO);
    assert_int_equal(clientid__file_sync(fd), EIO);
    assert_int_equal(clientid__file_sync_folder(folder), EIO);
    assert_int_equal(clientid__file_install(folder, fd, "a", "b"), EIO);
    support_disk_works();
    support_disk.rename_errno = EACCES;
    assert_int_equal(clientid__file_install(folder, fd, "a", "b"), EACCES);
    support_disk_works();
    assert_int_equal(clientid__file_open(folder, "none", O_RDONLY, &fd) != 0, 1);
    assert_int_equal(clientid__file_size(-1, &size), EBADF);
}

static void files_are_private_and_links_are_not_followed(void **state)
{
    struct stat st;
    char name[128];
    int fd;

    (void)state;
    assert_int_equal(clientid__file_create(folder, "a", &fd), 0);
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(st.st_mode & 0777, 0600);
    assert_int_equal(fcntl(fd, F_GETFD) & FD_CLOEXEC, FD_CLOEXEC);
    clientid__file_close(&fd);
    support_path(name, sizeof(name), path, "link");
    assert_int_equal(symlink("a", name), 0);
    assert_int_equal(clientid__file_open(folder, "link", O_RDONLY, &fd), ELOOP);
    assert_int_equal(clientid__file_create(folder, "link", &fd), ELOOP);
}

static void a_pipe_by_that_name_does_not_block(void **state)
{
    char name[128];
    size_t got;
    char byte;
    int fd;

    (void)state;
    support_path(name, sizeof(name), path, "pipe");
    assert_int_equal(mkfifo(name, 0600), 0);
    assert_int_equal(clientid__file_open(folder, "pipe", O_RDONLY, &fd), 0);
    assert_int_equal(clientid__file_read(fd, &byte, 1, 0, &got), ESPIPE);
    clientid__file_close(&fd);
}

static void an_installed_file_replaces_the_one_before(void **state)
{
    unsigned char *bytes;
    size_t len;
    int fd;

    (void)state;
    support_write(path, "b", "before", 6);
    assert_int_equal(clientid__file_create(folder, "a", &fd), 0);
    assert_int_equal(clientid__file_write(fd, "after", 5, 0), 0);
    assert_int_equal(clientid__file_install(folder, fd, "a", "b"), 0);
    assert_int_equal(support_disk.syncs, 1);
    clientid__file_close(&fd);
    bytes = support_read(path, "b", &len);
    assert_int_equal(len, 5);
    assert_memory_equal(bytes, "after", 5);
    free(bytes);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(signals_and_short_transfers_lose_nothing, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(errors_are_the_system_s, set_up, tear_down),
        cmocka_unit_test_setup_teardown(files_are_private_and_links_are_not_followed, set_up,
                                        tear_down),
        cmocka_unit_test_setup_teardown(a_pipe_by_that_name_does_not_block, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_installed_file_replaces_the_one_before, set_up,
                                        tear_down),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
