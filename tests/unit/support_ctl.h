/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPPORT_CTL_H
#define SUPPORT_CTL_H

#include "support_program.h"

#include <jansson.h>

/* clientidctl, the real one, on a store of its own: one per test. */
struct ctl_world {
    char *folder;
    char store[512]; /* path of the database */
    struct program_run run;
};

/* For cmocka's set-up and tear-down: |*state| is a struct ctl_world with an empty store. */
int ctl_setup(void **state);
int ctl_teardown(void **state);

/* Runs a command and fails the test unless it exits with |status|; |line| and what was said are shown then. */
void ctl_run(struct ctl_world *world, int line, int status, const struct program_options *options,
             const char *const *arguments);

#define CTL(world, status, ...)                                                                    \
    ctl_run(world, __LINE__, status, &(struct program_options){0},                                 \
            (const char *const[]){__VA_ARGS__, NULL})
#define CTL_INPUT(world, status, text, ...)                                                        \
    ctl_run(world, __LINE__, status, &(struct program_options){.input = (text)},                   \
            (const char *const[]){__VA_ARGS__, NULL})

/* A path in the world's folder; overwritten by the fourth next call. */
const char *ctl_path(const struct ctl_world *world, const char *name);
/* The output of the last run as JSON; fails the test when it is none.  json_decref it. */
json_t *ctl_json(const struct ctl_world *world);
/* The text after |label| and spaces, to the end of its line.  The caller frees. */
char *ctl_value(const struct ctl_world *world, const char *label);

void assert_out(const struct ctl_world *world, const char *expected);
void assert_out_has(const struct ctl_world *world, const char *expected);
void assert_err_has(const struct ctl_world *world, const char *expected);
/* Exactly one line was said on the error stream. */
void assert_one_error(const struct ctl_world *world);
/* |text| is in no file of the folder whose name begins with |prefix|. */
void assert_in_no_file(const struct ctl_world *world, const char *prefix, const char *text);

#endif
