/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPPORT_PROXY_H
#define SUPPORT_PROXY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* ---- an upstream ----------------------------------------------------------------------------- */

/*
 * Answers by the path: /echo the request's head as it came; /body its body; /big 50 MB with a length; /stream 50 MB
 * in chunks; /count the length of the body; /hang never; /wait after 300 ms; /lines duplicate header lines; /304,
 * /204, /nolength, /lengths (two that differ), /cut (ends early), /early (1xx first), /reset (no answer), /bare-cr,
 * /folded, /no-token, /long-line (bad header lines), /not-http, /switch (101).
 */
struct upstream {
    unsigned port;
    int fd;
};

void upstream_start(struct upstream *upstream);
void upstream_stop(struct upstream *upstream);
/* Since the start, or the last reset. */
unsigned upstream_connections(void);
unsigned upstream_requests(void);
void upstream_reset_counts(void);
/* The head of the last request; free it. */
char *upstream_last(void);

#define BIG_BYTES (50U << 20)

/* ---- programs -------------------------------------------------------------------------------- */

/* Starts build/NAME --config CONFIG [OPTION]; what it prints goes to the end of the file |err|.  It ends with the test. */
pid_t program_spawn(const char *name, const char *config, const char *err, const char *option);
/* Its exit code, minus the signal that ended it; -1 when it had to be killed after 20 s. */
int program_wait(pid_t pid);

/* ---- the proxy ------------------------------------------------------------------------------- */

struct proxy {
    pid_t pid;
    char dir[64];   /* of its files: config, err, access, port; "state" with contracts */
    unsigned port;  /* of clients */
    unsigned admin; /* of /metrics and /healthz */
};

/*
 * Makes the folder, with contracts as last-known-good files: on the API instances "id" and "secret" the client
 * "alice" with the secret "wonderland" (application "Alice Inc", tier "gold": unlimited), on "limited" and "slow"
 * the tier "two": 2 requests a minute, and 2 requests in 300 ms.
 */
void proxy_prepare(struct proxy *proxy);
/* Writes the configuration; "@DIR@" and "@UP@" become the folder and the upstream's port. */
void proxy_write_config(const struct proxy *proxy, const char *config, const struct upstream *up);
/* Starts clientid-proxy and waits until it listens. */
void proxy_start(struct proxy *proxy);
/* SIGTERM; its exit code. */
int proxy_stop(struct proxy *proxy);
void proxy_remove(struct proxy *proxy);
/* Runs clientid-proxy to its end; its exit code.  Standard error goes to the folder's "err". */
int proxy_run(const struct proxy *proxy, const char *option);

/* A file of the folder; free it. */
char *proxy_file(const struct proxy *proxy, const char *name);
/* Waits up to 5 s until the file has |text|. */
bool proxy_file_gets(const struct proxy *proxy, const char *name, const char *text);
/* A metric by the start of its line, -1 when there is none. */
double proxy_metric(const struct proxy *proxy, const char *line);
bool proxy_metric_gets(const struct proxy *proxy, const char *line, double value);
size_t proxy_peak_bytes(const struct proxy *proxy);

/* ---- a client -------------------------------------------------------------------------------- */

struct reply {
    unsigned status; /* 0: the connection ended without an answer */
    char *head;      /* NUL-terminated, with the empty line */
    char *body;      /* NUL-terminated; only counted when it is larger than 1 MB */
    uint64_t length;
    bool whole;  /* it ended where its framing says */
    bool closed; /* the connection was closed after it */
};

int client_connect(unsigned port);
void client_send(int fd, const void *data, size_t len);
void client_text(int fd, const char *text);
/* Reads one answer; |head_request|: it has no body. */
struct reply client_read(int fd, bool head_request);
void reply_free(struct reply *reply);
/* True when the connection ends within 5 s. */
bool client_ended(int fd);
bool client_drained(int fd); /* whatever comes before */
bool client_ended_now(int fd);

/* One request on a connection of its own; "\r\n" are as in |text|. */
struct reply ask(unsigned port, const char *text);
struct reply ask_bytes(unsigned port, const char *data, size_t len);
/* "GET target" with "Host: test" and extra header lines, each with "\r\n". */
struct reply get(unsigned port, const char *target, const char *lines);

/* Fail the running test; |text| may be NULL. */
void assert_has(const char *text, const char *part);
void assert_hasnt(const char *text, const char *part);

uint64_t now_ms(void);
void sleep_ms(unsigned ms);

#endif
