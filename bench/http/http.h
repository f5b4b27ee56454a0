/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_HTTP_H
#define BENCH_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

/* What one HTTP host pays per request for a check: see bench/README.md. */

/* ---- clients.c: the same clients for everybody ------------------------------------------------ */

#define CREDENTIAL_BYTES 32

/* Writes client |number|'s id and secret, 32 hexadecimal digits and NUL each. */
void client_id(size_t number, char out[CREDENTIAL_BYTES + 1]);
void client_secret(size_t number, char out[CREDENTIAL_BYTES + 1]);
/*
 * Into |folder|: clients.db (contracts on the API instances "id" and "secret"), clients.map, clients.txt,
 * clients.htpasswd, clients.yaml for the peers.
 */
void clients_write(const char *folder, size_t count);

/* ---- template.c ------------------------------------------------------------------------------- */

struct word {
    const char *name;
    const char *value; /* of "@NAME@"; a value that begins with '<' is a file to put there */
};

void template_write(const char *from, const char *to, const struct word *words, size_t count);

/* ---- process.c -------------------------------------------------------------------------------- */

/* Output goes to |log|.  On CPU 0. */
pid_t process_start(const char *const argv[], const char *log);
void process_stop(pid_t pid);
/* Time on a CPU of all threads of the process, from the kernel's accounting. */
uint64_t process_cpu_ns(pid_t pid);
/* The only child of that process, waiting for it to appear. */
pid_t process_child(pid_t pid);
unsigned free_port(void);
/* Waits until something listens there; exits with the end of |log| when nothing does. */
void await_port(unsigned port, const char *log);

/* ---- load.c ----------------------------------------------------------------------------------- */

enum carrier { CARRIER_QUERY, CARRIER_BASIC };

struct target {
    unsigned port;
    const char *path;
    enum carrier carrier;
};

struct load {
    uint64_t requests; /* answered with 200 */
    uint64_t others;   /* answered otherwise */
};

/* |connections| connections ask as fast as they are answered, for |seconds|, as clients 0 to |clients| - 1 in random order. */
struct load load_run(const struct target *target, size_t clients, unsigned connections,
                     double seconds);
/* The status that an unknown client gets. */
unsigned load_unknown(const struct target *target);

#endif
