/* SPDX-License-Identifier: Apache-2.0 */
/* Help is made from the command tables, so it cannot name what does not exist. */
#include "commands.h"

#include <string.h>

const struct option_spec global_options[] = {
    {"store", 0, "sqlite:FILE", "the store; else the environment's CLIENTID_STORE", 0},
    {"json", 0, NULL, "JSON for programs, also for errors", 0},
    {"actor", 0, "NAME", "who the audit trail names; else CLIENTID_ACTOR, else the user", 0},
    {"pepper-file", 0, "FILE", "store new secrets under the pepper in this file", 0},
    {"pepper-env", 0, "NAME", "the same from an environment variable", 0},
    {"help", 'h', NULL, "help for the command", 0},
    {"version", 0, NULL, "the version of the library", 0},
    {NULL, 0, NULL, NULL, 0},
};

static void write_options(FILE *out, const struct option_spec *options)
{
    for (const struct option_spec *s = options; s != NULL && s->name != NULL; s++) {
        char head[64];
        char letter[8] = "";
        if (s->letter != 0)
            snprintf(letter, sizeof(letter), "-%c, ", s->letter);
        snprintf(head, sizeof(head), "%s--%s%s%s", letter, s->name, s->argument != NULL ? " " : "",
                 s->argument != NULL ? s->argument : "");
        fprintf(out, "  %-28s %s%s\n", head, s->text,
                (s->flags & OPTION_REPEATS) != 0 ? " (repeats)" : "");
    }
}

static void write_synopsis(FILE *out, const struct command *c)
{
    char head[80];
    snprintf(head, sizeof(head), "%s%s%s%s%s", c->noun, c->verb != NULL ? " " : "",
             c->verb != NULL ? c->verb : "", c->arguments[0] != '\0' ? " " : "", c->arguments);
    fprintf(out, "  %-46s %s\n", head, c->text);
}

static void write_command(FILE *out, const struct command *c)
{
    fprintf(out, "clientidctl %s%s%s%s%s%s\n\n%s.\n", c->noun, c->verb != NULL ? " " : "",
            c->verb != NULL ? c->verb : "", c->arguments[0] != '\0' ? " " : "", c->arguments,
            c->options != NULL ? " [OPTIONS]" : "", c->text);
    if (c->details != NULL)
        fprintf(out, "\n%s", c->details);
    if (c->options != NULL)
        fprintf(out, "\noptions\n");
    write_options(out, c->options);
    fprintf(out, "\noptions of every command\n");
    write_options(out, global_options);
}

static void write_list(FILE *out, const char *noun)
{
    for (const struct command *const *table = command_tables; *table != NULL; table++) {
        bool any = false;
        for (const struct command *c = *table; c->noun != NULL; c++) {
            if (noun != NULL && strcmp(noun, c->noun) != 0)
                continue;
            write_synopsis(out, c);
            any = true;
        }
        if (any && noun == NULL)
            fputc('\n', out);
    }
}

static const char notes[] =
    "Objects may be named by name or by number; an application also by its client id.\n"
    "Limits are written 100/1m, 10000/1d, 5/s; \":hidden\" after one keeps it out of quota "
    "headers.\n"
    "Secrets never stand on the command line: they are read from a file or the standard input.\n"
    "\"clientidctl help COMMAND\" tells more about one.\n"
    "\nexit codes\n"
    "  0  done\n"
    "  1  the store, a file or the system failed\n"
    "  2  the command line is wrong\n"
    "  3  what the command names does not exist\n"
    "  4  a rule of the life cycle forbids it, or the name is taken\n"
    "  5  a file or stream that was read is wrong\n"
    "  6  explain --exit-code: the verdict is not \"allow\"\n";

void help_write(FILE *out, const struct command *command, const char *noun)
{
    if (command != NULL) {
        write_command(out, command);
        return;
    }
    fprintf(out,
            "clientidctl [--store sqlite:FILE] [--json] [--actor NAME] COMMAND\n\n"
            "Registers API instances, SLA tiers, client applications and their contracts.\n\n");
    write_list(out, noun);
    if (noun != NULL)
        fputc('\n', out);
    fprintf(out, "options of every command\n");
    write_options(out, global_options);
    fprintf(out, "\n%s", notes);
}

int version_write(struct ctl *ctl)
{
    fprintf(ctl->out, ctl->json ? "{\"version\":\"%s\"}\n" : "clientidctl %s\n",
            clientid_version());
    return CTL_OK;
}

static int help(struct ctl *ctl)
{
    const char *noun = argument_nth(&ctl->options, 0);
    const char *verb = argument_nth(&ctl->options, 1);
    bool known = noun == NULL;
    for (const struct command *const *table = command_tables; noun != NULL && *table != NULL;
         table++)
        for (const struct command *c = *table; c->noun != NULL; c++) {
            if (strcmp(c->noun, noun) != 0)
                continue;
            known = known || verb == NULL;
            if ((c->verb == NULL) != (verb == NULL) || (verb != NULL && strcmp(c->verb, verb) != 0))
                continue;
            help_write(ctl->out, c, noun);
            return CTL_OK;
        }
    if (!known)
        return report(ctl, CTL_USAGE, "help", "there is no command \"%.40s%s%.40s\"", noun,
                      verb != NULL ? " " : "", verb != NULL ? verb : "");
    help_write(ctl->out, NULL, noun);
    return CTL_OK;
}

const struct command help_commands[] = {
    {"version", NULL, "", 0, 0, "The version of the library", NULL, version_write, NULL},
    {"help", NULL, "[COMMAND]", 0, 2, "This, or more about one command", NULL, help, NULL},
    {0},
};
