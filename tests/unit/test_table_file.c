/* SPDX-License-Identifier: Apache-2.0 */
#include "base/mem.h"
#include "limit/table.h"
#include "support_alloc.h"
#include "support_sanitizer.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#define S     UINT64_C(1000000000)
#define T0    (UINT64_C(1700000000) * S)
#define CELLS 1024

/* The C library's, for the library under test too. */
static int sync_errno;

int fsync(int fd)
{
    (void)fd;
    errno = sync_errno;
    return sync_errno == 0 ? 0 : -1;
}

struct folder {
    char path[128];
    char file[160];
};

static int make_folder(void **state)
{
    struct folder *f = malloc(sizeof(*f));
    const char *base = getenv("TMPDIR");

    assert_non_null(f);
    snprintf(f->path, sizeof(f->path), "%.80s/clientid-limits-XXXXXX",
             base != NULL ? base : "/tmp");
    assert_non_null(mkdtemp(f->path));
    snprintf(f->file, sizeof(f->file), "%s/limits", f->path);
    *state = f;
    return 0;
}

static size_t for_each_file(const char *path, int (*act)(const char *))
{
    DIR *dir = opendir(path);
    struct dirent *entry;
    size_t count = 0;

    assert_non_null(dir);
    while ((entry = readdir(dir)) != NULL) {
        char name[512];

        if (entry->d_name[0] == '.')
            continue;
        snprintf(name, sizeof(name), "%s/%s", path, entry->d_name);
        count++;
        if (act != NULL)
            act(name);
    }
    closedir(dir);
    return count;
}

static int remove_folder(void **state)
{
    struct folder *f = *state;

    chmod(f->path, 0700);
    for_each_file(f->path, remove);
    rmdir(f->path);
    free(f);
    return 0;
}

static int open_table(const struct folder *f, uint64_t cells, struct clientid__table **table,
                      clientid_error *error)
{
    struct clientid__table_options options = {
        .file = f->file, .cells = cells, .key_cells = 64, .use_cells = 64};

    return clientid__table_open(table, &clientid__malloc, &options, error);
}

static bool charge(struct clientid__table *table, uint64_t cost)
{
    struct clientid__rule rule;
    struct clientid__charge c = {.rule = &rule};
    uint64_t identity[2] = {3, 4};

    assert_int_equal(clientid__rule_init(&rule, CLIENTID_FIXED_WINDOW, 10, 60000, 0, 1, NULL), 0);
    clientid__charge_key(&c, identity);
    return clientid__limits_decide(table, &c, 1, cost, T0, false, NULL);
}

static void quota_survives_and_is_shared(void **state)
{
    struct clientid__table *one, *two;
    uint64_t seed, identity, revision;

    assert_int_equal(open_table(*state, CELLS, &one, NULL), 0);
    seed = clientid__table_seed(one);
    assert_true(charge(one, 6));
    clientid__table_use(one, (uint64_t[2]){1, 2}, T0);
    clientid__table_see(one, 5, 77);
    assert_int_equal(open_table(*state, CELLS, &two, NULL), 0);
    assert_int_equal(clientid__table_seed(two), seed);
    assert_false(charge(two, 5));
    assert_true(charge(two, 4));
    assert_false(charge(one, 1));
    clientid__table_close(one);
    clientid__table_close(two);

    assert_int_equal(open_table(*state, CELLS, &one, NULL), 0);
    assert_int_equal(clientid__table_seed(one), seed);
    assert_false(charge(one, 1));
    assert_int_equal(clientid__table_used_minute(one, (uint64_t[2]){1, 2}), T0 / (60 * S));
    clientid__table_seen(one, &identity, &revision);
    assert_int_equal(identity, 5);
    assert_int_equal(revision, 77);
    clientid__table_close(one);
    assert_int_equal(for_each_file(((struct folder *)*state)->path, NULL), 1);
}

/* ---- files that are refused ------------------------------------------------------------------- */

/* Writes |bytes| at |offset| of the file. */
static void patch(const struct folder *f, off_t offset, const void *bytes, size_t count)
{
    int fd = open(f->file, O_RDWR);

    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, count, offset), count);
    close(fd);
}

static void change(const struct folder *f, size_t offset)
{
    patch(f, (off_t)offset, "\x55\xaa\x55\xaa\x55\xaa\x55\xaa", 8);
}

static void refuses_files_of_another_kind(void **state)
{
    static const struct {
        const char *name;
        size_t offset;
        const char *text;
    } rows[] = {
        {"magic", offsetof(struct clientid__header, magic), "is not a limits file"},
        {"layout", offsetof(struct clientid__header, format), "has layout aa55aa55aa55aa55"},
        {"clock", offsetof(struct clientid__header, clock), "counts time by clock"},
        {"cells", offsetof(struct clientid__header, entries),
         " cells, the configuration asks for 1024"},
        {"cells for keys", offsetof(struct clientid__header, entries) + 8,
         " cells for keys, the configuration asks for 64"},
        {"cells for overflow", offsetof(struct clientid__header, entries) + 16,
         " cells for overflow,"},
        {"cells for uses", offsetof(struct clientid__header, entries) + 24,
         " cells for last uses,"},
    };
    const struct folder *f = *state;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        struct clientid__table *table;
        clientid_error error = {0};
        struct stat before, after;

        print_message("  %s\n", rows[i].name);
        assert_int_equal(open_table(f, CELLS, &table, &error), 0);
        clientid__table_close(table);
        change(f, rows[i].offset);
        stat(f->file, &before);
        assert_int_equal(open_table(f, CELLS, &table, &error), CLIENTID_ERR_FORMAT);
        assert_null(table);
        assert_non_null(strstr(error.text, rows[i].text));
        assert_non_null(strstr(error.text, f->file));
        stat(f->file, &after);
        assert_int_equal(before.st_size, after.st_size);
        unlink(f->file);
    }
}

static void refuses_another_size_and_says_which(void **state)
{
    const struct folder *f = *state;
    struct clientid__table *table;
    clientid_error error = {0};

    assert_int_equal(open_table(f, CELLS, &table, &error), 0);
    assert_true(charge(table, 10));
    clientid__table_close(table);
    assert_int_equal(open_table(f, 2 * CELLS, &table, &error), CLIENTID_ERR_FORMAT);
    assert_non_null(strstr(error.text, "has 1024 cells, the configuration asks for 2048"));
    assert_int_equal(open_table(f, CELLS, &table, &error), 0);
    assert_false(charge(table, 1)); /* untouched */
    clientid__table_close(table);
    assert_int_equal(truncate(f->file, 5000), 0);
    assert_int_equal(open_table(f, CELLS, &table, &error), CLIENTID_ERR_FORMAT);
    assert_non_null(strstr(error.text, "is 5000 bytes long and should be"));
    assert_int_equal(truncate(f->file, 20), 0);
    assert_int_equal(open_table(f, CELLS, &table, &error), CLIENTID_ERR_FORMAT);
    assert_non_null(strstr(error.text, "is not a limits file"));
    assert_int_equal(truncate(f->file, 0), 0);
    assert_int_equal(open_table(f, CELLS, &table, &error), CLIENTID_ERR_FORMAT);
}

static void refuses_what_is_no_file(void **state)
{
    const struct folder *f = *state;
    struct clientid__table *table;
    clientid_error error = {0};
    struct folder where;

    assert_int_equal(mkfifo(f->file, 0600), 0);
    assert_int_equal(open_table(f, CELLS, &table, &error), CLIENTID_ERR_FORMAT);
    assert_non_null(strstr(error.text, "is not a regular file"));
    unlink(f->file);

    assert_int_equal(symlink(f->file, f->file), 0);
    assert_int_equal(open_table(f, CELLS, &table, &error), CLIENTID_ERR_IO);
    assert_non_null(strstr(error.text, "cannot open limits file"));
    unlink(f->file);

    snprintf(where.file, sizeof(where.file), "%s", f->path);
    assert_int_equal(open_table(&where, CELLS, &table, &error), CLIENTID_ERR_IO);
    snprintf(where.file, sizeof(where.file), "%s/no/limits", f->path);
    assert_int_equal(open_table(&where, CELLS, &table, &error), CLIENTID_ERR_IO);
    assert_non_null(strstr(error.text, "cannot make limits file"));

    /* A link that leads nowhere: its target is not made behind the user's back. */
    snprintf(where.file, sizeof(where.file), "%s/gone", f->path);
    assert_int_equal(symlink(where.file, f->file), 0);
    assert_int_equal(open_table(f, CELLS, &table, &error), CLIENTID_ERR_IO);
    unlink(f->file);
    assert_int_equal(for_each_file(f->path, NULL), 0);
}

/* In a child: as root every file may be written. */
static int open_unprivileged(const struct folder *f)
{
    struct clientid__table *table;
    clientid_error error = {0};
    pid_t child = fork();
    int status;

    if (child == 0) {
        if (geteuid() == 0 && (setgid(65534) != 0 || setuid(65534) != 0))
            _exit(100);
        _exit(-open_table(f, CELLS, &table, &error));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    return -WEXITSTATUS(status);
}

static void needs_write_permission(void **state)
{
    const struct folder *f = *state;
    struct clientid__table *table;

    assert_int_equal(open_table(f, CELLS, &table, NULL), 0);
    clientid__table_close(table);
    chmod(f->path, 0755);
    chmod(f->file, 0444);
    assert_int_equal(open_unprivileged(f), CLIENTID_ERR_IO);
    chmod(f->file, 0666);
    assert_int_equal(open_unprivileged(f), 0);
    unlink(f->file);
    chmod(f->path, 0555);
    assert_int_equal(open_unprivileged(f), CLIENTID_ERR_IO);
}

/* In a child: the limit on file sizes stands in for a disk without room. */
static void a_full_disk_leaves_no_file(void **state)
{
    const struct folder *f = *state;
    pid_t child = fork();
    int status;

    if (child == 0) {
        struct rlimit limit = {.rlim_cur = 8192, .rlim_max = 8192};
        struct clientid__table *table;
        clientid_error error = {0};
        int rv;

        signal(SIGXFSZ, SIG_IGN);
        setrlimit(RLIMIT_FSIZE, &limit);
        rv = open_table(f, CELLS, &table, &error);
        _exit(rv == CLIENTID_ERR_FULL && strstr(error.text, "bytes: No space left") != NULL ? 0
                                                                                            : 1);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
    assert_int_equal(for_each_file(f->path, NULL), 0);
}

#if !SUPPORT_ASAN && !SUPPORT_TSAN
static void without_memory_to_map(void **state)
{
    const struct folder *f = *state;
    struct clientid__table *table;
    pid_t child;
    int status;

    assert_int_equal(open_table(f, 1 << 20, &table, NULL), 0);
    clientid__table_close(table);
    child = fork();
    if (child == 0) {
        struct rlimit limit = {.rlim_cur = 1 << 20, .rlim_max = 1 << 20};

        setrlimit(RLIMIT_AS, &limit);
        _exit(-open_table(f, 1 << 20, &table, NULL));
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status) && -WEXITSTATUS(status) == CLIENTID_ERR_NOMEM);
}
#endif

static void every_allocation_can_fail(void **state)
{
    const struct folder *f = *state;
    struct clientid__table_options options = {.file = f->file, .cells = CELLS};

    for (size_t fail_at = 1;; fail_at++) {
        struct clientid__table *table;
        struct support_alloc alloc;
        clientid_error error;
        int rv;

        support_alloc_init(&alloc);
        alloc.fail_at = fail_at;
        rv = clientid__table_open(&table, &alloc.allocator, &options, &error);
        if (rv == 0) {
            clientid__table_close(table);
            assert_int_equal(alloc.live, 0);
            break;
        }
        assert_int_equal(rv, CLIENTID_ERR_NOMEM);
        assert_int_equal(alloc.live, 0);
        assert_int_equal(for_each_file(f->path, NULL), 0);
    }
}

/* All make the file at once: one wins, all use it. */
static void made_by_many_at_once(void **state)
{
    enum { CHILDREN = 6, ROUNDS = 10 };
    const struct folder *f = *state;

    for (int round = 0; round < ROUNDS; round++) {
        pid_t children[CHILDREN];
        int go[2], admitted = 0;

        assert_int_equal(pipe(go), 0);
        for (int i = 0; i < CHILDREN; i++) {
            children[i] = fork();
            if (children[i] == 0) {
                struct clientid__table *table;
                char byte;

                close(go[1]);
                if (read(go[0], &byte, 1) != 0 || open_table(f, CELLS, &table, NULL) != 0)
                    _exit(100);
                _exit(charge(table, 4) ? 1 : 0);
            }
        }
        close(go[1]);
        close(go[0]);
        for (int i = 0; i < CHILDREN; i++) {
            int status;

            assert_int_equal(waitpid(children[i], &status, 0), children[i]);
            assert_true(WIFEXITED(status) && WEXITSTATUS(status) <= 1);
            admitted += WEXITSTATUS(status);
        }
        assert_int_equal(admitted, 2);
        assert_int_equal(for_each_file(f->path, NULL), 1);
        unlink(f->file);
    }
}

/* A file that got its name before its bytes are on disk would, after a power cut, be refused for ever. */
static void on_disk_before_it_has_its_name(void **state)
{
    struct clientid__table *table;
    clientid_error error = {0};

    sync_errno = EIO;
    assert_int_equal(open_table(*state, CELLS, &table, &error), CLIENTID_ERR_IO);
    assert_non_null(strstr(error.text, "cannot write limits file"));
    assert_int_equal(for_each_file(((struct folder *)*state)->path, NULL), 0);
    sync_errno = 0;
    assert_int_equal(open_table(*state, CELLS, &table, NULL), 0);
    clientid__table_close(table);
}

#define in_folder(test) cmocka_unit_test_setup_teardown(test, make_folder, remove_folder)

int main(void)
{
    const struct CMUnitTest tests[] = {
        in_folder(quota_survives_and_is_shared),
        in_folder(refuses_files_of_another_kind),
        in_folder(refuses_another_size_and_says_which),
        in_folder(refuses_what_is_no_file),
        in_folder(needs_write_permission),
        in_folder(a_full_disk_leaves_no_file),
        in_folder(on_disk_before_it_has_its_name),
#if !SUPPORT_ASAN && !SUPPORT_TSAN /* they need the address space */
        in_folder(without_memory_to_map),
#endif
        in_folder(every_allocation_can_fail),
        in_folder(made_by_many_at_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
