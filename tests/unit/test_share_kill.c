/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Real processes with one store, one limits file and one state folder.  The writer is killed with SIGKILL in the middle
 * of revocations, again and again; whatever was refused anywhere stays refused.
 */
#include "support_event.h"
#include "support_store.h"

#include "base/str.h"
#include "sync/sync.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

enum { PROCESSES = 3, CONTRACTS = 160, KILLS = 12, PATIENCE_MS = 20000 };

/* What parent and children tell each other. */
struct board {
    _Atomic uint64_t
        last_revoked; /* contracts 1 to this one were revoked, and the commit returned */
    struct {
        _Atomic uint64_t revision; /* in force */
        _Atomic uint64_t durable;  /* of the one that writes; 0: it does not */
        _Atomic uint64_t steps;
        _Atomic uint64_t wrong; /* a contract that counted though the revision had it revoked */
    } process[PROCESSES];
};

struct place {
    struct support_store store;
    char state[64];
    char board_file[96];
    char config[512];
    struct board *board;
    pid_t pid[PROCESSES];
    uint64_t revision_of[CONTRACTS + 1]; /* with which contract n was revoked */
};

static struct place here;

/* ---- a process --------------------------------------------------------------------------------- */

static struct board *map_board(const char *file)
{
    int fd = open(file, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    void *at;

    if (fd < 0 || ftruncate(fd, sizeof(struct board)) != 0)
        return NULL;
    at = mmap(NULL, sizeof(struct board), PROT_READ | PROT_WRITE, MAP_SHARED, fd, 0);
    close(fd);
    return at == MAP_FAILED ? NULL : at;
}

static void pause_us(long us)
{
    struct timespec t = {0, us * 1000};

    nanosleep(&t, NULL);
}

static uint64_t clock_ns(void)
{
    struct timespec t;

    clock_gettime(CLOCK_REALTIME, &t);
    return (uint64_t)t.tv_sec * 1000000000U + (uint64_t)t.tv_nsec;
}

static clientid_gateway *new_gateway(const char *config)
{
    clientid_options options = {.size = sizeof(options), .config = clientid__cstr(config)};
    clientid_gateway *gateway = NULL;

    return clientid_gateway_new(&gateway, &options, NULL) == 0 ? gateway : NULL;
}

/* |argv|: program, "child", number, board, configuration, store, state folder. */
static int child_main(char **argv)
{
    struct board *board = map_board(argv[3]);
    int me = argv[2][0] - '0';
    clientid_gateway *gateway = new_gateway(argv[4]);
    clientid_source source = {.size = sizeof(source)};
    clientid_sync_options options = {.size = sizeof(options),
                                     .state = argv[6],
                                     .interval_ns = 1000000,
                                     .mode = CLIENTID_SYNC_SHARE};
    clientid_sync *sync;
    uint64_t next;

    if (board == NULL || gateway == NULL || clientid_store_source(&source, argv[5], NULL) != 0 ||
        clientid_sync_new(&sync, gateway, &source, &options, NULL) != 0)
        return 1;
    for (;;) {
        clientid_sync_step(sync, clock_ns(), &next, NULL);
        board->process[me].revision = sync->status.revision;
        board->process[me].durable =
            sync->writes && sync->vouched ? sync->folder.durable.revision : 0;
        board->process[me].steps++;
        pause_us(500 + 400 * me);
    }
}

static void start(int i)
{
    char number[2] = {(char)('0' + i), '\0'};

    here.board->process[i].revision = here.board->process[i].durable = 0;
    here.pid[i] = fork();
    if (here.pid[i] == 0) {
        execl("/proc/self/exe", "test", "child", number, here.board_file, here.config,
              here.store.uri, here.state, (char *)NULL);
        _exit(1);
    }
}

static void kill_process(int i)
{
    int status;

    if (here.pid[i] == 0)
        return;
    kill(here.pid[i], SIGKILL);
    assert_int_equal(waitpid(here.pid[i], &status, 0), here.pid[i]);
    assert_true(WIFSIGNALED(status));
    here.pid[i] = 0;
}

/* ---- what must be known ------------------------------------------------------------------------ */

struct audit {
    uint64_t revoked; /* contracts up to this one must be */
    uint64_t seen, wrong;
};

static int audit_event(void *self, const clientid_event *event)
{
    struct audit *a = self;

    if (event->type != CLIENTID_EVENT_CONTRACT)
        return 0;
    a->seen++;
    a->wrong += event->u.contract.id <= a->revoked && event->u.contract.status != CLIENTID_REVOKED;
    return 0;
}

static uint64_t highest_in_force(void)
{
    uint64_t highest = 0;

    for (int i = 0; i < PROCESSES; i++)
        if (here.board->process[i].revision > highest)
            highest = here.board->process[i].revision;
    return highest;
}

/* The contracts whose revocation was part of |revision|. */
static uint64_t revoked_by(uint64_t revision)
{
    uint64_t n = 0;

    while (n < here.board->last_revoked && here.revision_of[n + 1] <= revision)
        n++;
    return n;
}

/*
 * A fresh start from the files alone: refuses them, or knows all that |revision| had.  Says whether it serves.
 */
static bool files_know(uint64_t revision)
{
    clientid_sync_options options = {
        .size = sizeof(options), .state = here.state, .mode = CLIENTID_SYNC_READ};
    struct audit audit = {.revoked = revoked_by(revision)};
    clientid_gateway *gateway = new_gateway(here.config);
    clientid_sync *sync;
    bool serves;

    assert_non_null(gateway);
    assert_int_equal(clientid_sync_new(&sync, gateway, NULL, &options, NULL), 0);
    serves = sync->loaded;
    if (serves) {
        assert_true(sync->status.revision >= revision);
        clientid__registry_each(clientid__gateway_registry(gateway), audit_event, &audit);
        assert_int_equal(audit.seen, CONTRACTS);
        assert_int_equal(audit.wrong, 0);
    }
    clientid_sync_del(sync);
    clientid_gateway_del(gateway);
    return serves;
}

static int writer(void)
{
    for (int i = 0; i < PROCESSES; i++)
        if (here.pid[i] != 0 && here.board->process[i].durable != 0)
            return i;
    return -1;
}

/* A failure here is not slowness: it is twenty seconds. */
static void await_kept(uint64_t revision)
{
    for (int ms = 0; ms < PATIENCE_MS; ms++) {
        int i = writer();

        if (i >= 0 && here.board->process[i].durable >= revision)
            return;
        pause_us(1000);
    }
    fail_msg("nobody has put revision %llu on disk", (unsigned long long)revision);
}

static void await_all(uint64_t revision)
{
    for (int i = 0; i < PROCESSES; i++)
        for (int ms = 0; here.board->process[i].revision < revision; ms++) {
            if (ms == PATIENCE_MS)
                fail_msg("process %d is at revision %llu, not %llu", i,
                         (unsigned long long)here.board->process[i].revision,
                         (unsigned long long)revision);
            pause_us(1000);
        }
}

static void revoke_next(void)
{
    uint64_t id = here.board->last_revoked + 1;

    assert_true(id <= CONTRACTS);
    support_act(&here.store, id, CLIENTID_VERB_REVOKE);
    here.revision_of[id] = support_revision(&here.store);
    here.board->last_revoked = id;
}

/* ---- tests ------------------------------------------------------------------------------------- */

static int set_up(void **state)
{
    uint64_t api;

    (void)state;
    memset(&here, 0, sizeof(here));
    support_store_new(&here.store);
    support_folder_new(here.state);
    support_path(here.board_file, sizeof(here.board_file), here.store.folder, "board");
    here.board = map_board(here.board_file);
    assert_non_null(here.board);
    snprintf(here.config, sizeof(here.config),
             "{\"limits\": {\"file\": \"%s/limits\", \"cells\": 1024, \"keyCells\": 1024,"
             " \"useCells\": 1024}, \"apis\": {\"orders\": {\"policies\": []}}}",
             here.store.folder);
    api = support_new_api(&here.store, "orders");
    for (uint64_t n = 1; n <= CONTRACTS; n++) {
        char id[32];

        snprintf(id, sizeof(id), "client-number-%llu", (unsigned long long)n);
        assert_int_equal(
            support_new_contract(&here.store, support_new_application(&here.store, id), api, 0), n);
    }
    for (int i = 0; i < PROCESSES; i++)
        start(i);
    await_all(support_revision(&here.store));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    for (int i = 0; i < PROCESSES; i++)
        kill_process(i);
    munmap(here.board, sizeof(*here.board));
    support_store_del(&here.store);
    support_folder_del(here.state);
    return 0;
}

static void the_writer_killed_under_revocations(void **state)
{
    uint64_t seed = 20240817;

    (void)state;
    for (int n = 0; n < KILLS; n++) {
        uint64_t kept, in_force;
        int victim;

        await_kept(1);
        for (uint64_t k = 2 + support_random(&seed) % 8; k > 0; k--)
            revoke_next();
        pause_us((long)(support_random(&seed) % 3000));
        victim = writer();
        assert_true(victim >= 0);
        kept = here.board->process[victim].durable;
        kill_process(victim);
        in_force = highest_in_force();
        here.board->process[victim].durable = here.board->process[victim].revision = 0;
        /* At once: what the killed one had put on disk, or nothing; never less than was in force anywhere. */
        assert_true(in_force >= kept || kept == 0);
        files_know(in_force);
        revoke_next();
        await_kept(support_revision(&here.store));
        assert_true(files_know(support_revision(&here.store)));
        start(victim);
        await_all(support_revision(&here.store));
    }
}

static void all_killed_at_once(void **state)
{
    uint64_t seed = 4242;

    (void)state;
    for (int n = 0; n < KILLS / 2; n++) {
        uint64_t in_force;

        for (uint64_t k = 2 + support_random(&seed) % 6; k > 0; k--)
            revoke_next();
        pause_us((long)(support_random(&seed) % 2000));
        for (int i = 0; i < PROCESSES; i++)
            kill(here.pid[i], SIGKILL);
        for (int i = 0; i < PROCESSES; i++)
            kill_process(i);
        in_force = highest_in_force();
        files_know(in_force);
        for (int i = 0; i < PROCESSES; i++)
            start(i);
        await_all(support_revision(&here.store));
        await_kept(support_revision(&here.store));
        assert_true(files_know(support_revision(&here.store)));
    }
}

/* ---- a host's forks ---------------------------------------------------------------------------- */

/* Descriptors that are open; |*leaky| of them would outlive an exec. */
static int open_descriptors(int *leaky)
{
    int count = 0;

    *leaky = 0;
    for (int fd = 3; fd < 256; fd++) {
        int flags = fcntl(fd, F_GETFD);

        count += flags >= 0;
        *leaky += flags >= 0 && (flags & FD_CLOEXEC) == 0;
    }
    return count;
}

/* As a worker of a preforking host: the gateway is the master's. */
static int work(clientid_gateway *gateway)
{
    clientid_sync_options options = {
        .size = sizeof(options), .state = here.state, .mode = CLIENTID_SYNC_SHARE};
    int leaky_before, leaky, before = open_descriptors(&leaky_before), during;

    for (int n = 0; n < 3; n++) {
        clientid_source source = {.size = sizeof(source)};
        clientid_sync *sync;
        uint64_t next;

        if (clientid_store_source(&source, here.store.uri, NULL) != 0 ||
            clientid_sync_new(&sync, gateway, &source, &options, NULL) != 0 ||
            clientid_sync_step(sync, clock_ns(), &next, NULL) != 0 ||
            clientid_sync_step(sync, clock_ns(), &next, NULL) != 0)
            return 1;
        during = open_descriptors(&leaky);
        if (during <= before || leaky != leaky_before)
            return 2;
        clientid_sync_del(sync);
        if (open_descriptors(&leaky) != before)
            return 3;
    }
    return 0;
}

static void no_descriptor_is_left_or_handed_on(void **state)
{
    clientid_gateway *gateway;
    int status;

    (void)state;
    for (int i = 0; i < PROCESSES; i++)
        kill_process(i);
    support_store_close(&here.store);
    gateway = new_gateway(here.config);
    assert_non_null(gateway);
    for (int i = 0; i < PROCESSES; i++) {
        here.pid[i] = fork();
        if (here.pid[i] == 0)
            _exit(work(gateway));
    }
    for (int i = 0; i < PROCESSES; i++) {
        assert_int_equal(waitpid(here.pid[i], &status, 0), here.pid[i]);
        here.pid[i] = 0;
        assert_true(WIFEXITED(status));
        assert_int_equal(WEXITSTATUS(status), 0);
    }
    clientid_gateway_del(gateway);
    support_store_reopen(&here.store, NULL);
}

static void exclusive(sqlite3 *db, const char *text)
{
    assert_int_equal(sqlite3_exec(db, text, NULL, NULL, NULL), SQLITE_OK);
}

/* NGINX's worker waits for this when it ends; somebody who copies the database must not hold it up. */
static void a_locked_store_does_not_hold_up_the_end(void **state)
{
    clientid_sync_options options = {
        .size = sizeof(options), .state = here.state, .mode = CLIENTID_SYNC_SHARE};
    clientid_source source = {.size = sizeof(source)};
    clientid_gateway *gateway;
    clientid_status status = {.size = sizeof(status)};
    clientid_sync *sync;
    sqlite3 *db;
    uint64_t begun;

    (void)state;
    for (int i = 0; i < PROCESSES; i++)
        kill_process(i);
    support_store_close(&here.store);
    gateway = new_gateway(here.config);
    assert_int_equal(sqlite3_open(here.store.file, &db), SQLITE_OK);
    exclusive(db, "PRAGMA locking_mode = EXCLUSIVE");
    exclusive(db, "BEGIN EXCLUSIVE");
    assert_int_equal(clientid_store_source(&source, here.store.uri, NULL), 0);
    assert_int_equal(clientid_sync_new(&sync, gateway, &source, &options, NULL), 0);
    assert_int_equal(clientid_sync_start(sync), 0);
    pause_us(20000);
    begun = clock_ns();
    clientid_sync_del(sync);
    /* SQLite's own patience would be 5 s here. */
    assert_true(clock_ns() - begun < 2500000000U);
    assert_int_equal(clientid_gateway_status(gateway, begun, &status), 0);
    assert_int_equal(status.source_reached, 0);
    exclusive(db, "COMMIT");
    sqlite3_close(db);
    clientid_gateway_del(gateway);
    support_store_reopen(&here.store, NULL);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(the_writer_killed_under_revocations, set_up, tear_down),
        cmocka_unit_test_setup_teardown(all_killed_at_once, set_up, tear_down),
        cmocka_unit_test_setup_teardown(no_descriptor_is_left_or_handed_on, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_locked_store_does_not_hold_up_the_end, set_up, tear_down),
    };

    if (argc == 7 && strcmp(argv[1], "child") == 0)
        return child_main(argv);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
