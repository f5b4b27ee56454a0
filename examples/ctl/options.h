/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CTL_OPTIONS_H
#define CTL_OPTIONS_H

#include <stdbool.h>
#include <stddef.h>

struct ctl;

enum { OPTION_REPEATS = 1 };

/* An option of a command.  Tables end with an entry whose |name| is NULL. */
struct option_spec {
    const char *name;     /* without the dashes */
    char letter;          /* its short form, or 0 */
    const char *argument; /* what help calls its argument; NULL for a switch */
    const char *text;
    unsigned flags;
};

/* A command.  Tables end with an entry whose |noun| is NULL. */
struct command {
    const char *noun;
    const char *verb;                  /* NULL for a command of one word */
    const char *arguments;             /* "API TIER", "[FILE|-]", or "" */
    int least, most;                   /* how many arguments */
    const char *text;                  /* one line */
    const struct option_spec *options; /* NULL for none of its own */
    int (*run)(struct ctl *ctl);
    const char *details; /* paragraphs for its own help, or NULL */
};

extern const struct option_spec global_options[];
extern const struct command *const command_tables[];

struct given_option {
    const struct option_spec *spec;
    const char *value; /* NULL for a switch */
};

struct options {
    const struct command *command;
    const char *noun; /* of "clientidctl app --help", where |command| is NULL */
    struct given_option *given;
    size_t given_count;
    const char **arguments;
    size_t argument_count;
    char what[64]; /* "app create", for errors */
};

/*
 * Reads a command line.  Returns 0 or CTL_USAGE, reported.  With help asked for, |command| may be NULL and
 * the number of arguments is not checked.  Slices of argv are kept.
 */
int options_parse(struct ctl *ctl, int argc, char **argv, struct options *options);
void options_free(struct options *options);

bool option_given(const struct options *options, const char *name);
/* The value of an option, or NULL. */
const char *option_value(const struct options *options, const char *name);
/* The |nth| value (from 0) of an option that repeats, or NULL. */
const char *option_nth(const struct options *options, const char *name, size_t nth);
/* The |nth| argument (from 0), or NULL. */
const char *argument_nth(const struct options *options, size_t nth);

#endif
