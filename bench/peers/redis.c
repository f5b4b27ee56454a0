/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Redis, GCRA by a script over a Unix socket: one round trip a decision, and 100 decisions in flight.  The server is a
 * child, in a folder of its own, without persistence, ended by its pid.
 */
#define _GNU_SOURCE
#include "work.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

enum { PIPELINE = 100, ROOM = 1 << 16, ROUND_TRIPS = 1 << 12, PIPELINED = 1 << 15 };

/*
 * KEYS[1]; ARGV: now, microseconds a request, microseconds of all that may come at once.  The key holds when the bucket
 * is full again and goes away with that.  "%.0f": Lua would write large numbers in powers of ten.
 */
static const char script[] =
    "local now, step, burst = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]) "
    "local full = tonumber(redis.call('GET', KEYS[1]) or 0) "
    "if full < now then full = now end "
    "full = full + step "
    "if full - now > burst then return 0 end "
    "redis.call('SET', KEYS[1], string.format('%.0f', full), 'PX', math.ceil((full - now) / 1000)) "
    "return 1";

struct wire {
    int fd;
    size_t out_len, in_at, in_len;
    char out[ROOM], in[ROOM];
};

struct driver {
    char folder[64], address[96], version[32], sha[41];
    pid_t pid;
    struct wire wires[WORK_THREADS_MAX];
    uint64_t step_us, burst_us;
    unsigned in_flight;
};

static struct driver driver = {.folder = "/tmp/clientid-peers-XXXXXX"};

/* ---- the protocol ---------------------------------------------------------------------------- */

static void broken(void)
{
    perror("redis");
    exit(1);
}

static void flush_out(struct wire *wire)
{
    for (size_t at = 0; at < wire->out_len;) {
        ssize_t n = write(wire->fd, wire->out + at, wire->out_len - at);

        if (n < 0)
            broken();
        at += (size_t)n;
    }
    wire->out_len = 0;
}

static void put(struct wire *wire, const char *bytes, size_t len)
{
    if (wire->out_len + len > ROOM)
        flush_out(wire);
    memcpy(wire->out + wire->out_len, bytes, len);
    wire->out_len += len;
}

static void put_count(struct wire *wire, char kind, size_t count)
{
    char text[32];
    int len = snprintf(text, sizeof text, "%c%zu\r\n", kind, count);

    put(wire, text, (size_t)len);
}

static void put_word(struct wire *wire, const char *bytes, size_t len)
{
    put_count(wire, '$', len);
    put(wire, bytes, len);
    put(wire, "\r\n", 2);
}

static void put_number(struct wire *wire, uint64_t number)
{
    char text[24];
    int len = snprintf(text, sizeof text, "%llu", (unsigned long long)number);

    put_word(wire, text, (size_t)len);
}

static char get_char(struct wire *wire)
{
    if (wire->in_at == wire->in_len) {
        ssize_t n = read(wire->fd, wire->in, ROOM);

        if (n <= 0)
            broken();
        wire->in_at = 0;
        wire->in_len = (size_t)n;
    }
    return wire->in[wire->in_at++];
}

/* One line of an answer, without its end. */
static void get_line(struct wire *wire, char *line, size_t room)
{
    size_t len = 0;

    for (char c = get_char(wire); c != '\n'; c = get_char(wire))
        if (c != '\r' && len + 1 < room)
            line[len++] = c;
    line[len] = '\0';
    if (line[0] == '-') {
        fprintf(stderr, "redis: %s\n", line);
        exit(1);
    }
}

static void connect_to(struct wire *wire, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    snprintf(address.sun_path, sizeof address.sun_path, "%s", path);
    for (int i = 0; i < 500; i++) {
        wire->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
        if (wire->fd < 0)
            broken();
        if (connect(wire->fd, (struct sockaddr *)&address, sizeof address) == 0)
            return;
        close(wire->fd);
        usleep(10000);
    }
    broken();
}

/* ---- the server ------------------------------------------------------------------------------ */

static void stop_server(void)
{
    if (driver.pid > 0) {
        kill(driver.pid, SIGTERM);
        waitpid(driver.pid, NULL, 0);
    }
    unlink(driver.address);
    rmdir(driver.folder);
}

static void start_server(void)
{
    if (mkdtemp(driver.folder) == NULL)
        broken();
    snprintf(driver.address, sizeof driver.address, "%s/redis", driver.folder);
    driver.pid = fork();
    if (driver.pid < 0)
        broken();
    if (driver.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGTERM);
        execlp("redis-server", "redis-server", "--port", "0", "--unixsocket", driver.address,
               "--save", "", "--appendonly", "no", "--loglevel", "warning", "--dir", driver.folder,
               "--logfile", "/dev/null", (char *)NULL);
        _exit(127);
    }
    atexit(stop_server);
    for (int t = 0; t < WORK_THREADS_MAX; t++)
        connect_to(&driver.wires[t], driver.address);
}

static void load_script(struct wire *wire)
{
    char line[64];

    put_count(wire, '*', 3);
    put_word(wire, "SCRIPT", 6);
    put_word(wire, "LOAD", 4);
    put_word(wire, script, sizeof script - 1);
    flush_out(wire);
    get_line(wire, line, sizeof line);
    get_line(wire, driver.sha, sizeof driver.sha);
}

static void read_version(struct wire *wire)
{
    char line[256];
    long left;

    put_count(wire, '*', 2);
    put_word(wire, "INFO", 4);
    put_word(wire, "server", 6);
    flush_out(wire);
    get_line(wire, line, sizeof line);
    left = strtol(line + 1, NULL, 10) + 2;
    while (left > 0) {
        size_t len = 0;
        char c;

        do {
            c = get_char(wire);
            left--;
            if (c != '\r' && c != '\n' && len + 1 < sizeof line)
                line[len++] = c;
        } while (c != '\n');
        line[len] = '\0';
        if (strncmp(line, "redis_version:", 14) == 0)
            snprintf(driver.version, sizeof driver.version, "%.31s", line + 14);
    }
}

/* All keys are there before the clock runs, as with the other drivers. */
static void store_keys(struct wire *wire, const struct work *work)
{
    char line[64];

    for (size_t i = 0; i < work->count; i += PIPELINE) {
        size_t count = work->count - i < PIPELINE ? work->count - i : PIPELINE;

        put_count(wire, '*', 1 + 2 * count);
        put_word(wire, "MSET", 4);
        for (size_t k = 0; k < count; k++) {
            put_word(wire, work->keys[i + k], KEY_LEN);
            put_word(wire, "0", 1);
        }
        flush_out(wire);
        get_line(wire, line, sizeof line);
    }
}

/* ---- decisions ------------------------------------------------------------------------------- */

static void put_decision(struct wire *wire, const char *key, uint64_t now_us)
{
    put_count(wire, '*', 7);
    put_word(wire, "EVALSHA", 7);
    put_word(wire, driver.sha, 40);
    put_word(wire, "1", 1);
    put_word(wire, key, KEY_LEN);
    put_number(wire, now_us);
    put_number(wire, driver.step_us);
    put_number(wire, driver.burst_us);
}

static size_t get_decision(struct wire *wire)
{
    char line[64];

    get_line(wire, line, sizeof line);
    return strcmp(line, ":1") == 0;
}

static size_t decide(struct share *share)
{
    struct wire *wire = &driver.wires[share->thread];
    const struct work *work = share->work;
    uint64_t now_us = work_clock_ns() / 1000;
    size_t allowed = 0;

    for (size_t i = 0; i < share->count; i += driver.in_flight) {
        size_t left = share->count - i, batch = left < driver.in_flight ? left : driver.in_flight;

        for (size_t k = 0; k < batch; k++) {
            uint32_t key = work->order[(share->begin + i + k) & (work->decisions - 1)];

            put_decision(wire, work->keys[key], now_us + i + k);
        }
        flush_out(wire);
        for (size_t k = 0; k < batch; k++)
            allowed += get_decision(wire);
    }
    return allowed;
}

static void check_tiny(void)
{
    static const char key[KEY_LEN + 1] = "11111111111111111111111111111111";
    size_t allowed = 0;

    driver.step_us = 3600000000U / WORK_TINY;
    driver.burst_us = 3600000000U;
    for (int i = 0; i < WORK_TINY_ASKED; i++) {
        put_decision(&driver.wires[0], key, work_clock_ns() / 1000);
        flush_out(&driver.wires[0]);
        allowed += get_decision(&driver.wires[0]);
    }
    work_check_tiny("redis", allowed);
}

int main(int argc, char **argv)
{
    struct work work;

    if (argc != 3) {
        fprintf(stderr, "usage: %s KEYS DECISIONS, a power of two\n", argv[0]);
        return 2;
    }
    work = work_read(argv[1], strtoul(argv[2], NULL, 10));
    start_server();
    load_script(&driver.wires[0]);
    read_version(&driver.wires[0]);
    check_tiny();
    store_keys(&driver.wires[0], &work);
    driver.step_us = WORK_PERIOD_US;
    driver.burst_us = (uint64_t)WORK_PERIOD_US * WORK_REQUESTS;
    driver.in_flight = 1;
    work_measure("Redis GCRA, a round trip each", driver.version, &work, decide, NULL, ROUND_TRIPS);
    driver.in_flight = PIPELINE;
    work_measure("Redis GCRA, 100 in flight", driver.version, &work, decide, NULL, PIPELINED);
    work_free(&work);
    return 0;
}
