/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CTL_CTL_H
#define CTL_CTL_H

#include "options.h"

#include <clientid/clientid.h>
#include <clientid/control.h>
#include <clientid/store.h>

#include <stdio.h>

/* The exit codes; they are a promise to scripts, see README.md. */
enum {
    CTL_OK = 0,
    CTL_FAILED = 1,    /* the store, a file or the system failed */
    CTL_USAGE = 2,     /* the command line */
    CTL_NOT_FOUND = 3, /* what the command names does not exist */
    CTL_RULE = 4,      /* a rule of the life cycle forbids it, or the name is taken */
    CTL_INPUT = 5,     /* a file or stream given to read is wrong */
    CTL_REFUSED = 6    /* explain --exit-code: the verdict is not allow */
};

/* One run of the program. */
struct ctl {
    struct options options;
    bool json;
    FILE *out;
    FILE *err;
    clientid_store *store; /* opened by the first command that needs it */
    clientid_control *control;
};

/* ---- errors (report.c) ------------------------------------------------------------------------- */

/* Says "clientidctl: |what|: |why|" on one line (JSON with --json) and returns |exit_code|. */
int report(struct ctl *ctl, int exit_code, const char *what, const char *why, ...)
    __attribute__((format(printf, 4, 5)));
/* The same for what the library said; the exit code follows from |rv|. */
int report_library(struct ctl *ctl, const char *what, int rv, const clientid_error *error);
/*
 * The same for a text that was read, called |name|: an error at a place in the text is one of the input, whatever
 * its code.
 */
int report_text(struct ctl *ctl, const char *what, const char *name, int rv,
                const clientid_error *error);
/* What is accepted without effect, and the like. */
void report_warning(struct ctl *ctl, const clientid_error *warning);
/* CTL_OK for 0, else what a call on the store said, reported under the command's name. */
int outcome(struct ctl *ctl, int rv, const clientid_error *error);

/* ---- help (help.c) ----------------------------------------------------------------------------- */

int version_write(struct ctl *ctl);
void help_write(FILE *out, const struct command *command, const char *noun);

#endif
