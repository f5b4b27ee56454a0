/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROXY_LOG_H
#define PROXY_LOG_H

#include <clientid/clientid.h>

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct exchange;

/* The access log's file.  Workers append whole lines, so lines of several workers never mix. */
struct log_file {
    atomic_int fd; /* -1: no log */
    char *name;
};

/* |name|: a file, "-" for standard output, NULL for none.  False with errno. */
bool log_open(struct log_file *file, const char *name);
/* Opens the file again by its name, after a rotation; the old one stays when that fails. */
bool log_reopen(struct log_file *file);
void log_close(struct log_file *file);

/* One worker's lines until the next flush. */
struct log {
    struct log_file *file;
    char *data;
    size_t len, cap;
    bool cut; /* the last line that was written has no end */
};

/* Appends the line of a finished exchange.  Never a secret: the query is the stripped one, headers are not logged. */
void log_exchange(struct log *log, const struct exchange *ex, uint64_t end_ns);
void log_flush(struct log *log);
void log_free(struct log *log);

/* For people, on standard error: "clientid-proxy: ...". */
void say(const char *format, ...) __attribute__((format(printf, 1, 2)));
void say_error(const char *what, const clientid_error *error);

#endif
