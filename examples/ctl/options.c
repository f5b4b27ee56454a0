/* SPDX-License-Identifier: Apache-2.0 */
/* A command line is read by one table; nothing in it is taken that the table does not name. */
#include "ctl.h"

#include <stdlib.h>
#include <string.h>

struct reader {
    struct ctl *ctl;
    struct options *options;
    char **argv;
    int argc;
    int at;
    bool only_arguments; /* after "--" */
};

/* ---- nearest name ------------------------------------------------------------------------------ */

enum { NEAREST_LENGTH = 32 };

/* Edit distance; names longer than the row count as far away. */
static unsigned distance(const char *a, const char *b)
{
    unsigned row[NEAREST_LENGTH + 1];
    size_t length = strlen(b);
    if (length > NEAREST_LENGTH)
        return NEAREST_LENGTH;
    for (size_t j = 0; j <= length; j++)
        row[j] = (unsigned)j;
    for (size_t i = 0; a[i] != '\0'; i++) {
        unsigned diagonal = row[0];
        row[0] = (unsigned)i + 1;
        for (size_t j = 1; j <= length; j++) {
            unsigned best = diagonal + (a[i] != b[j - 1]);
            diagonal = row[j];
            if (row[j] + 1 < best)
                best = row[j] + 1;
            if (row[j - 1] + 1 < best)
                best = row[j - 1] + 1;
            row[j] = best;
        }
    }
    return row[length];
}

struct nearest {
    const char *word;
    const char *name;
    unsigned distance;
};

static void nearest_offer(struct nearest *nearest, const char *name)
{
    unsigned far = name == NULL ? nearest->distance : distance(nearest->word, name);
    if (far < nearest->distance)
        *nearest = (struct nearest){.word = nearest->word, .name = name, .distance = far};
}

/* A third of the word may be wrong; more is another word. */
static struct nearest nearest_begin(const char *word)
{
    return (struct nearest){.word = word, .distance = 2 + (unsigned)(strlen(word) / 4)};
}

/* ---- commands ---------------------------------------------------------------------------------- */

static const struct command *command_find(const char *noun, const char *verb)
{
    for (const struct command *const *table = command_tables; *table != NULL; table++)
        for (const struct command *c = *table; c->noun != NULL; c++)
            if (strcmp(c->noun, noun) == 0 &&
                (c->verb == NULL || (verb != NULL && strcmp(c->verb, verb) == 0)))
                return c;
    return NULL;
}

static bool noun_exists(const char *noun)
{
    for (const struct command *const *table = command_tables; *table != NULL; table++)
        for (const struct command *c = *table; c->noun != NULL; c++)
            if (strcmp(c->noun, noun) == 0)
                return true;
    return false;
}

static int unknown_noun(struct ctl *ctl, const char *word)
{
    struct nearest nearest = nearest_begin(word);
    for (const struct command *const *table = command_tables; *table != NULL; table++)
        for (const struct command *c = *table; c->noun != NULL; c++)
            nearest_offer(&nearest, c->noun);
    if (nearest.name != NULL)
        return report(ctl, CTL_USAGE, word, "unknown command; did you mean \"%s\"?", nearest.name);
    return report(ctl, CTL_USAGE, word, "unknown command; \"clientidctl help\" lists them");
}

static int unknown_verb(struct ctl *ctl, const char *noun, const char *word)
{
    struct nearest nearest = nearest_begin(word);
    for (const struct command *const *table = command_tables; *table != NULL; table++)
        for (const struct command *c = *table; c->noun != NULL; c++)
            if (strcmp(c->noun, noun) == 0)
                nearest_offer(&nearest, c->verb);
    if (nearest.name != NULL)
        return report(ctl, CTL_USAGE, noun, "unknown command \"%s %s\"; did you mean \"%s %s\"?",
                      noun, word, noun, nearest.name);
    return report(ctl, CTL_USAGE, noun,
                  "unknown command \"%s %s\"; \"clientidctl help %s\" lists what there is", noun,
                  word, noun);
}

/* What errors call the command, from the moment it is known. */
static void name_command(struct options *o)
{
    const struct command *c = o->command;
    snprintf(o->what, sizeof(o->what), "%s%s%s", c != NULL ? c->noun : o->noun,
             c != NULL && c->verb != NULL ? " " : "", c != NULL && c->verb != NULL ? c->verb : "");
}

/* ---- options ----------------------------------------------------------------------------------- */

static const struct option_spec *spec_in(const struct option_spec *table, const char *name,
                                         size_t length, char letter)
{
    for (const struct option_spec *s = table; s != NULL && s->name != NULL; s++)
        if (letter != 0 ? s->letter == letter
                        : strlen(s->name) == length && memcmp(s->name, name, length) == 0)
            return s;
    return NULL;
}

static const struct option_spec *spec_find(const struct reader *r, const char *name, size_t length,
                                           char letter)
{
    const struct command *c = r->options->command;
    const struct option_spec *own = c != NULL ? spec_in(c->options, name, length, letter) : NULL;
    return own != NULL ? own : spec_in(global_options, name, length, letter);
}

/* The value of an unknown option is never repeated: it may be a secret. */
static int unknown_option(const struct reader *r, const char *word)
{
    char name[64];
    size_t length = strcspn(word, "=");
    snprintf(name, sizeof(name), "%.*s", (int)(length < sizeof(name) ? length : sizeof(name) - 1),
             word);
    if (strcmp(name, "--secret") == 0 || strcmp(name, "--client-secret") == 0)
        return report(r->ctl, CTL_USAGE, r->options->what,
                      "unknown option %s: a secret on the command line is seen by every user of "
                      "the machine; use --secret-file or --secret-stdin",
                      name);
    struct nearest nearest = nearest_begin(name + 2);
    const struct command *c = r->options->command;
    if (name[1] == '-') {
        for (const struct option_spec *s = global_options; s->name != NULL; s++)
            nearest_offer(&nearest, s->name);
        for (const struct option_spec *s = c != NULL ? c->options : NULL;
             s != NULL && s->name != NULL; s++)
            nearest_offer(&nearest, s->name);
    }
    if (nearest.name != NULL)
        return report(r->ctl, CTL_USAGE, r->options->what, "unknown option %s; did you mean --%s?",
                      name, nearest.name);
    return report(r->ctl, CTL_USAGE, r->options->what, "unknown option %s", name);
}

static int take_option(struct reader *r, const struct option_spec *spec, const char *value)
{
    struct options *o = r->options;
    if (spec->argument != NULL && value == NULL) {
        if (r->at >= r->argc)
            return report(r->ctl, CTL_USAGE, r->options->what, "option --%s needs %s", spec->name,
                          spec->argument);
        value = r->argv[r->at++];
    }
    if ((spec->flags & OPTION_REPEATS) == 0 && option_given(o, spec->name))
        return report(r->ctl, CTL_USAGE, r->options->what, "option --%s is given twice",
                      spec->name);
    o->given[o->given_count++] = (struct given_option){.spec = spec, .value = value};
    return 0;
}

static int take_long(struct reader *r, const char *word)
{
    size_t length = strcspn(word + 2, "=");
    const struct option_spec *spec = spec_find(r, word + 2, length, 0);
    if (spec == NULL)
        return unknown_option(r, word);
    const char *value = word[2 + length] == '=' ? word + 3 + length : NULL;
    if (value != NULL && spec->argument == NULL)
        return report(r->ctl, CTL_USAGE, r->options->what, "option --%s takes no value",
                      spec->name);
    return take_option(r, spec, value);
}

static int take_short(struct reader *r, const char *word)
{
    const struct option_spec *spec = spec_find(r, NULL, 0, word[1]);
    if (spec == NULL || (spec->argument == NULL && word[2] != '\0'))
        return unknown_option(r, word);
    return take_option(r, spec, word[2] != '\0' ? word + 2 : NULL);
}

/* The first word names the command or its noun, the second, where the noun has verbs, the command. */
static int take_argument(struct reader *r, const char *word)
{
    struct options *o = r->options;
    if (o->command != NULL) {
        o->arguments[o->argument_count++] = word;
        return 0;
    }
    const char *noun = o->noun != NULL ? o->noun : word;
    o->command = command_find(noun, o->noun != NULL ? word : NULL);
    if (o->command != NULL) {
        name_command(o);
        return 0;
    }
    if (o->noun != NULL)
        return unknown_verb(r->ctl, o->noun, word);
    if (!noun_exists(word))
        return unknown_noun(r->ctl, word);
    o->noun = word;
    name_command(o);
    return 0;
}

static int take_word(struct reader *r)
{
    const char *word = r->argv[r->at++];
    if (r->only_arguments || word[0] != '-' || word[1] == '\0')
        return take_argument(r, word);
    if (word[1] != '-')
        return take_short(r, word);
    if (word[2] != '\0')
        return take_long(r, word);
    r->only_arguments = true;
    return 0;
}

/* ---- all of it --------------------------------------------------------------------------------- */

static int check_counts(const struct reader *r)
{
    const struct options *o = r->options;
    const struct command *c = o->command;
    if (option_given(o, "help") || (c == NULL && option_given(o, "version")))
        return 0;
    if (c == NULL && o->noun != NULL)
        return report(r->ctl, CTL_USAGE, o->noun,
                      "a verb is missing; \"clientidctl help %s\" lists them", o->noun);
    if (c == NULL)
        return report(r->ctl, CTL_USAGE, "command line",
                      "a command is missing; \"clientidctl help\" lists them");
    if (o->argument_count < (size_t)c->least)
        return report(r->ctl, CTL_USAGE, r->options->what, "an argument is missing, expected: %s",
                      c->arguments);
    if (o->argument_count > (size_t)c->most)
        return report(r->ctl, CTL_USAGE, r->options->what, "unexpected argument \"%s\"",
                      o->arguments[c->most]);
    return 0;
}

int options_parse(struct ctl *ctl, int argc, char **argv, struct options *options)
{
    struct reader r = {.ctl = ctl, .options = options, .argv = argv, .argc = argc, .at = 1};
    *options = (struct options){.given = calloc((size_t)argc + 1, sizeof(*options->given)),
                                .arguments = calloc((size_t)argc + 1, sizeof(*options->arguments)),
                                .what = "command line"};
    if (options->given == NULL || options->arguments == NULL)
        return report(ctl, CTL_FAILED, "command line", "out of memory");
    /* Before any error is reported: where it stands does not change how errors are to look. */
    for (int i = 1; i < argc && strcmp(argv[i], "--") != 0; i++)
        ctl->json = ctl->json || strcmp(argv[i], "--json") == 0;
    while (r.at < argc) {
        int rv = take_word(&r);
        if (rv != 0)
            return rv;
    }
    return check_counts(&r);
}

void options_free(struct options *options)
{
    free(options->given);
    free(options->arguments);
    *options = (struct options){0};
}

bool option_given(const struct options *options, const char *name)
{
    for (size_t i = 0; i < options->given_count; i++)
        if (strcmp(options->given[i].spec->name, name) == 0)
            return true;
    return false;
}

const char *option_nth(const struct options *options, const char *name, size_t nth)
{
    for (size_t i = 0; i < options->given_count; i++)
        if (strcmp(options->given[i].spec->name, name) == 0 && nth-- == 0)
            return options->given[i].value;
    return NULL;
}

const char *option_value(const struct options *options, const char *name)
{
    return option_nth(options, name, 0);
}

const char *argument_nth(const struct options *options, size_t nth)
{
    return nth < options->argument_count ? options->arguments[nth] : NULL;
}
