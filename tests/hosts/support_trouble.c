/* SPDX-License-Identifier: Apache-2.0 */
#include "support_trouble.h"

#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <spawn.h>
#include <sqlite3.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

extern char **environ;

/* ---- records --------------------------------------------------------------------------------- */

/* Whose connections end with it, and which of them. */
enum losses {
    LOSES_NONE,
    LOSES_REUSED, /* a server may close a connection that is idle while its client begins to use it (RFC 9112 section 9.3.1) */
    LOSES_DRAINED, /* likewise, and requests that take longer than listeners drain */
    LOSES_ANY
};

static const struct {
    const char *name;
    enum losses losses;
    enum fleet_host host;
} kinds[TROUBLES] = {
    [TROUBLE_RELOAD] = {"nginx -s reload", LOSES_REUSED, FLEET_NGINX},
    [TROUBLE_KILL] = {"kill -9 of an nginx worker", LOSES_ANY, FLEET_NGINX},
    [TROUBLE_CONFIGURATION] = {"new configuration", LOSES_NONE, FLEET_PROXY},
    [TROUBLE_LISTENERS] = {"new listeners of Envoy", LOSES_DRAINED, FLEET_ENVOY},
    [TROUBLE_AWAY] = {"store renamed, and back", LOSES_NONE, FLEET_PROXY},
    [TROUBLE_WRITER] = {"store held by a writer", LOSES_NONE, FLEET_PROXY},
    [TROUBLE_LOCKED] = {"store locked for readers", LOSES_NONE, FLEET_PROXY},
    [TROUBLE_REPLACED] = {"store replaced: full load", LOSES_NONE, FLEET_PROXY},
    [TROUBLE_LOCKED_RELOAD] = {"reload with a locked store", LOSES_REUSED, FLEET_NGINX},
};

enum { DRAIN_MS = 800, AFTER_MS = 200, BEFORE_MS = 3000 }; /* envoy_start sets one second */

const char *trouble_name(enum trouble what)
{
    return kinds[what].name;
}

void troubles_init(struct troubles *troubles, struct fleet *fleet)
{
    pthread_rwlockattr_t attributes;
    memset(troubles, 0, sizeof *troubles);
    troubles->fleet = fleet;
    /* Else those who change contracts, one of them always reading, would keep the trouble away. */
    pthread_rwlockattr_init(&attributes);
    pthread_rwlockattr_setkind_np(&attributes, PTHREAD_RWLOCK_PREFER_WRITER_NONRECURSIVE_NP);
    pthread_rwlock_init(&troubles->store, &attributes);
    pthread_rwlockattr_destroy(&attributes);
}

unsigned troubles_of(const struct troubles *troubles, enum trouble what)
{
    unsigned count = 0;
    for (size_t i = 0; i < troubles->count; i++)
        count += troubles->records[i].what == what;
    return count;
}

static bool ends(enum losses losses, const struct load_event *event)
{
    return losses == LOSES_ANY || (losses >= LOSES_REUSED && event->reused) ||
           (losses == LOSES_DRAINED && event->ended_ms - event->begun_ms >= DRAIN_MS);
}

bool trouble_explains(const struct troubles *troubles, enum fleet_host host,
                      const struct load_event *event)
{
    for (size_t i = 0; i < troubles->count; i++) {
        bool meanwhile = troubles->records[i].begun_ms <= event->ended_ms &&
                         troubles->records[i].ended_ms + AFTER_MS >= event->begun_ms;
        enum trouble what = troubles->records[i].what;
        if (meanwhile && kinds[what].host == host && ends(kinds[what].losses, event))
            return true;
    }
    return false;
}

void trouble_print(const struct troubles *troubles, const struct load_event *event,
                   uint64_t since_ms)
{
    for (size_t i = 0; i < troubles->count; i++) {
        if (troubles->records[i].begun_ms > event->ended_ms ||
            troubles->records[i].ended_ms + BEFORE_MS < event->begun_ms)
            continue;
        print_message("  %s, %llu to %llu ms\n", kinds[troubles->records[i].what].name,
                      (unsigned long long)(troubles->records[i].begun_ms - since_ms),
                      (unsigned long long)(troubles->records[i].ended_ms - since_ms));
    }
}

/* ---- another process ------------------------------------------------------------------------- */

static int say(const char *text)
{
    fprintf(stderr, "%s\n", text);
    return 1;
}

/* A transaction that nobody else can begin meanwhile. */
static int hold_writer(const char *file, unsigned ms)
{
    sqlite3 *db = NULL;
    int rc = sqlite3_open_v2(file, &db, SQLITE_OPEN_READWRITE, NULL);
    sqlite3_busy_timeout(db, 5000);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, "BEGIN IMMEDIATE", NULL, NULL, NULL);
    if (rc == SQLITE_OK) {
        sleep_ms(ms);
        rc = sqlite3_exec(db, "ROLLBACK", NULL, NULL, NULL);
    }
    sqlite3_close(db);
    return rc == SQLITE_OK ? 0 : say("the store could not be held");
}

/* All locks of the shared memory of a WAL database (https://sqlite.org/walformat.html, "Locks"): nobody can begin to read. */
static int hold_readers(const char *file, unsigned ms)
{
    struct flock lock = {.l_type = F_WRLCK, .l_whence = SEEK_SET, .l_start = 120, .l_len = 8};
    char path[256];
    snprintf(path, sizeof path, "%s-shm", file);
    int fd = open(path, O_RDWR | O_CLOEXEC);
    if (fd < 0 || fcntl(fd, F_SETLKW, &lock) != 0)
        return say("the store could not be locked");
    sleep_ms(ms);
    return close(fd);
}

int trouble_main(int argc, char **argv)
{
    if (argc == 4 && strcmp(argv[1], "--hold-writer") == 0)
        return hold_writer(argv[2], (unsigned)strtoul(argv[3], NULL, 10));
    if (argc == 4 && strcmp(argv[1], "--hold-readers") == 0)
        return hold_readers(argv[2], (unsigned)strtoul(argv[3], NULL, 10));
    return -1;
}

static pid_t start_holding(const char *how, const char *file, unsigned ms)
{
    char option[32], path[256], number[16];
    char program[] = "/proc/self/exe";
    char *argv[] = {program, option, path, number, NULL};
    pid_t pid = -1;
    snprintf(option, sizeof option, "--hold-%s", how);
    snprintf(path, sizeof path, "%s", file);
    snprintf(number, sizeof number, "%u", ms);
    return posix_spawn(&pid, program, NULL, NULL, argv, environ) == 0 ? pid : -1;
}

static bool end_holding(pid_t pid)
{
    int status = -1;
    return pid > 0 && waitpid(pid, &status, 0) == pid && status == 0;
}

/* ---- what happens ---------------------------------------------------------------------------- */

enum { AWAY_MS = 1500, HELD_MS = 2500, HELD_RELOAD_MS = 4000 };

static const char *store_file(const struct troubles *troubles)
{
    return strchr(troubles->fleet->store, ':') + 1;
}

static bool reload(struct troubles *troubles)
{
    const struct nginx *nginx = &troubles->fleet->nginx;
    return nginx_try_reload(nginx) && nginx_has_settled(nginx->pid, 2);
}

/* Its parent removes it when it begins another one. */
static bool kill_worker(struct troubles *troubles)
{
    pid_t workers[8];
    pid_t master = troubles->fleet->nginx.pid;
    size_t count = nginx_workers(master, workers, 8);
    pid_t victim = count != 0 ? workers[(size_t)rand() % count] : -1;
    if (victim <= 0 || kill(victim, SIGKILL) != 0)
        return false;
    for (uint64_t end_ms = now_ms() + 10000; kill(victim, 0) == 0 && now_ms() < end_ms;)
        sleep_ms(2);
    return nginx_has_settled(master, 2);
}

static bool change_configuration(struct troubles *troubles)
{
    fleet_change_configuration(troubles->fleet);
    bool good = kill(troubles->fleet->proxy.pid, SIGHUP) == 0;
    sleep_ms(1200); /* Envoy looks once a second */
    return good;
}

static bool move_away(struct troubles *troubles)
{
    char away[256];
    snprintf(away, sizeof away, "%s.away", store_file(troubles));
    if (rename(store_file(troubles), away) != 0)
        return false;
    sleep_ms(AWAY_MS);
    return rename(away, store_file(troubles)) == 0;
}

static bool replace_store(struct troubles *troubles)
{
    char copy[256], text[600];
    sqlite3 *db = NULL;
    snprintf(copy, sizeof copy, "%s.copy", store_file(troubles));
    snprintf(text, sizeof text, "PRAGMA wal_checkpoint(TRUNCATE); VACUUM INTO '%s'", copy);
    int rc = sqlite3_open_v2(store_file(troubles), &db, SQLITE_OPEN_READWRITE, NULL);
    sqlite3_busy_timeout(db, 5000);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(db, text, NULL, NULL, NULL);
    sqlite3_close(db);
    bool good = rc == SQLITE_OK && rename(copy, store_file(troubles)) == 0;
    sleep_ms(1000); /* contracts may be changed when all have noticed */
    return good;
}

static bool reload_while_locked(struct troubles *troubles)
{
    pid_t pid = start_holding("readers", store_file(troubles), HELD_RELOAD_MS);
    sleep_ms(500);
    bool good = reload(troubles);
    return end_holding(pid) && good;
}

static bool make(struct troubles *troubles, enum trouble what)
{
    switch (what) {
    case TROUBLE_RELOAD:
        return reload(troubles);
    case TROUBLE_KILL:
        return kill_worker(troubles);
    case TROUBLE_CONFIGURATION:
        return change_configuration(troubles);
    case TROUBLE_LISTENERS:
        return fleet_update_envoy(troubles->fleet);
    case TROUBLE_AWAY:
        return move_away(troubles);
    case TROUBLE_WRITER:
        return end_holding(start_holding("writer", store_file(troubles), HELD_MS));
    case TROUBLE_LOCKED:
        return end_holding(start_holding("readers", store_file(troubles), HELD_MS));
    case TROUBLE_REPLACED:
        return replace_store(troubles);
    case TROUBLE_LOCKED_RELOAD:
        return reload_while_locked(troubles);
    case TROUBLES:
        break;
    }
    return false;
}

static bool is_about_store(enum trouble what)
{
    return what == TROUBLE_AWAY || what == TROUBLE_LOCKED || what == TROUBLE_REPLACED ||
           what == TROUBLE_LOCKED_RELOAD;
}

void trouble_make(struct troubles *troubles, enum trouble what)
{
    size_t at = troubles->count;
    if (at == TROUBLE_RECORDS_MAX)
        return;
    if (is_about_store(what))
        pthread_rwlock_wrlock(&troubles->store);
    troubles->records[at].what = what;
    troubles->records[at].begun_ms = now_ms();
    if (!make(troubles, what)) {
        troubles->failures++;
        fprintf(stderr, "failed: %s\n", kinds[what].name);
    }
    troubles->records[at].ended_ms = now_ms();
    troubles->count++;
    if (is_about_store(what))
        pthread_rwlock_unlock(&troubles->store);
}
