/* SPDX-License-Identifier: Apache-2.0 */
/* An error is one line on the error stream, whatever bytes its parts hold, and never a secret. */
#include "ctl.h"

#include "utf8.h"

#include <errno.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

static int exit_code_of(int rv)
{
    switch (rv) {
    case 0:
        return CTL_OK;
    case CLIENTID_ERR_ARG:
        return CTL_USAGE;
    case CLIENTID_ERR_NOT_FOUND:
        return CTL_NOT_FOUND;
    case CLIENTID_ERR_EXISTS:
    case CLIENTID_ERR_RULE:
    case CLIENTID_ERR_FORBIDDEN:
        return CTL_RULE;
    case CLIENTID_ERR_SYNTAX:
    case CLIENTID_ERR_CONFIG:
        return CTL_INPUT;
    default:
        return CTL_FAILED;
    }
}

static void say_text(struct ctl *ctl, const char *what, const clientid_error *e)
{
    char line[1024];
    char place[192] = "";
    char column[16] = "";
    if (e->column != 0) /* else only the line is known */
        snprintf(column, sizeof(column), ":%u", e->column);
    if (e->line != 0)
        snprintf(place, sizeof(place), "%s%s%u%s: ", e->file, e->file[0] != '\0' ? ":" : "line ",
                 e->line, column);
    else if (e->file[0] != '\0')
        snprintf(place, sizeof(place), "%s: ", e->file);
    snprintf(line, sizeof(line), "clientidctl: %s: %s%s%s%s", what, place, e->pointer,
             e->pointer[0] != '\0' ? ": " : "", e->text);
    /* A name from a file must not move the cursor of the terminal or end the line early. */
    char *shown = utf8_printable(line, strlen(line));
    fprintf(ctl->err, "%s\n", shown != NULL ? shown : "clientidctl: out of memory");
    free(shown);
}

/* |exit_code| 0: a warning. */
static void say_json(struct ctl *ctl, const char *what, int exit_code, const clientid_error *e)
{
    json_t *error = json_pack("{s:s}", "what", what);
    if (exit_code != CTL_OK)
        json_object_set_new(error, "exitCode", json_integer(exit_code));
    if (e->code != 0)
        json_object_set_new(error, "code", json_integer(e->code));
    json_object_set_new(error, "message", json_string(e->text));
    if (e->file[0] != '\0')
        json_object_set_new(error, "file", json_string(e->file));
    if (e->line != 0) {
        json_object_set_new(error, "line", json_integer(e->line));
        if (e->column != 0)
            json_object_set_new(error, "column", json_integer(e->column));
    }
    if (e->pointer[0] != '\0')
        json_object_set_new(error, "pointer", json_string(e->pointer));
    json_t *root = json_pack("{s:o}", exit_code != CTL_OK ? "error" : "warning", error);
    char *text = root != NULL ? json_dumps(root, JSON_COMPACT) : NULL;
    /* No memory, or a name that is not UTF-8: the plain line is better than silence. */
    if (text != NULL)
        fprintf(ctl->err, "%s\n", text);
    else
        say_text(ctl, what, e);
    free(text);
    json_decref(root);
}

static int say(struct ctl *ctl, int exit_code, const char *what, const clientid_error *error)
{
    fflush(ctl->out);
    if (ctl->json)
        say_json(ctl, what, exit_code, error);
    else
        say_text(ctl, what, error);
    return exit_code;
}

int report(struct ctl *ctl, int exit_code, const char *what, const char *why, ...)
{
    clientid_error error = {.code = 0};
    va_list list;
    va_start(list, why);
    vsnprintf(error.text, sizeof(error.text), why, list);
    va_end(list);
    return say(ctl, exit_code, what, &error);
}

static clientid_error filled(int rv, const clientid_error *error)
{
    clientid_error plain = error != NULL ? *error : (clientid_error){0};
    plain.code = rv;
    if (plain.text[0] == '\0')
        snprintf(plain.text, sizeof(plain.text), "%s", clientid_strerror(rv));
    return plain;
}

void report_warning(struct ctl *ctl, const clientid_error *warning)
{
    say(ctl, CTL_OK, "warning", warning);
}

int report_library(struct ctl *ctl, const char *what, int rv, const clientid_error *error)
{
    clientid_error plain = filled(rv, error);
    return say(ctl, exit_code_of(rv), what, &plain);
}

int report_text(struct ctl *ctl, const char *what, const char *name, int rv,
                const clientid_error *error)
{
    clientid_error plain = filled(rv, error);
    bool placed = plain.line != 0 || plain.pointer[0] != '\0';
    if (plain.file[0] == '\0')
        snprintf(plain.file, sizeof(plain.file), "%s", name);
    return say(ctl, placed ? CTL_INPUT : exit_code_of(rv), what, &plain);
}

/* A field that breaks a rule of syntax came by the command line; only secrets never do. */
int outcome(struct ctl *ctl, int rv, const clientid_error *error)
{
    if (rv == 0)
        return CTL_OK;
    if (rv == CLIENTID_ERR_IO && ferror(ctl->out))
        return report(ctl, CTL_FAILED, "standard output", "cannot be written: %s", strerror(errno));
    if (rv != CLIENTID_ERR_SYNTAX)
        return report_library(ctl, ctl->options.what, rv, error);
    clientid_error plain = filled(rv, error);
    bool secret = strcmp(plain.pointer, "/clientSecret") == 0;
    return say(ctl, secret ? CTL_INPUT : CTL_USAGE, ctl->options.what, &plain);
}
