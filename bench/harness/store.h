/* SPDX-License-Identifier: Apache-2.0 */
#ifndef BENCH_STORE_H
#define BENCH_STORE_H

#include "bench.h"

#include <clientid/control.h>
#include <clientid/store.h>

struct bench_store {
    clientid_store *store;
    clientid_control *control;
};

/* A new store with one API instance and one tier. */
void store_begin(struct bench_store *s, const char *file);
void store_end(struct bench_store *s);
/* Writes clients as "clientidctl load" does; milliseconds. */
double store_load_lines(clientid_control *control, size_t clients);
/* A store of that many clients at |file|: a copy of one that is kept from run to run. */
void store_make(const char *file, size_t clients);

#endif
