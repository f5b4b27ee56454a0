/* SPDX-License-Identifier: Apache-2.0 */
/* What was read may be a secret: every buffer is wiped before it is freed. */
#include "input.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

enum { SECRET_BYTES_MAX = 4096, PEPPER_BYTES_MIN = 16, PEPPER_BYTES_MAX = 1024 };

const char *input_name(const char *name)
{
    return strcmp(name, "-") == 0 ? "standard input" : name;
}

int input_open(struct ctl *ctl, const char *name, FILE **out)
{
    struct stat status;
    *out = strcmp(name, "-") == 0 ? stdin : fopen(name, "re");
    if (*out == NULL)
        return report(ctl, CTL_FAILED, name, "cannot be read: %s", strerror(errno));
    if (fstat(fileno(*out), &status) == 0 && S_ISDIR(status.st_mode)) {
        input_close(*out);
        *out = NULL;
        return report(ctl, CTL_FAILED, name, "cannot be read: it is a folder");
    }
    return 0;
}

void input_close(FILE *in)
{
    if (in != NULL && in != stdin)
        fclose(in);
}

void input_free(char *text, size_t len)
{
    if (text == NULL)
        return;
    explicit_bzero(text, len);
    free(text);
}

/* realloc would leave the old copy behind unwiped. */
static char *grown(char *text, size_t len, size_t room)
{
    char *bigger = malloc(room);
    if (bigger != NULL && len > 0)
        memcpy(bigger, text, len);
    input_free(text, len);
    return bigger;
}

static int read_all(struct ctl *ctl, const char *name, FILE *in, size_t limit_bytes, char **out,
                    size_t *len)
{
    size_t room = 4096;
    size_t used = 0;
    char *text = malloc(room);
    while (text != NULL) {
        used += fread(text + used, 1, room - 1 - used, in);
        if (used < room - 1 || used > limit_bytes)
            break;
        text = grown(text, used, room * 2);
        room *= 2;
    }
    if (text == NULL)
        return report(ctl, CTL_FAILED, name, "out of memory");
    if (ferror(in) || used > limit_bytes) {
        input_free(text, used);
        return ferror(in) ? report(ctl, CTL_FAILED, name, "cannot be read: %s", strerror(errno))
                          : report(ctl, CTL_INPUT, name, "longer than %zu bytes", limit_bytes);
    }
    text[used] = '\0';
    *out = text;
    *len = used;
    return 0;
}

int input_read(struct ctl *ctl, const char *name, size_t limit_bytes, char **out, size_t *len)
{
    FILE *in;
    int rv = input_open(ctl, name, &in);
    if (rv != 0)
        return rv;
    /* Unbuffered, or stdio keeps a copy of a secret that nobody wipes. */
    if (limit_bytes <= SECRET_BYTES_MAX)
        setvbuf(in, NULL, _IONBF, 0);
    rv = read_all(ctl, input_name(name), in, limit_bytes, out, len);
    input_close(in);
    return rv;
}

/* What an editor or echo adds at the end is not part of a secret; gateways read a pepper so, too. */
static void cut_line_end(char *text, size_t *len)
{
    while (*len > 0 && (text[*len - 1] == '\n' || text[*len - 1] == '\r'))
        text[--*len] = '\0';
}

static int read_line(struct ctl *ctl, const char *name, const char *what, char **out, size_t *len)
{
    int rv = input_read(ctl, name, SECRET_BYTES_MAX, out, len);
    if (rv != 0)
        return rv;
    cut_line_end(*out, len);
    if (*len > 0)
        return 0;
    input_free(*out, 0);
    *out = NULL;
    return report(ctl, CTL_INPUT, input_name(name), "%s is empty", what);
}

int input_secret(struct ctl *ctl, char **out, size_t *len)
{
    const char *file = option_value(&ctl->options, "secret-file");
    bool from_stdin = option_given(&ctl->options, "secret-stdin");
    *out = NULL;
    *len = 0;
    if (file != NULL && from_stdin)
        return report(ctl, CTL_USAGE, ctl->options.what,
                      "--secret-file and --secret-stdin exclude each other");
    if (from_stdin)
        file = "-";
    return file != NULL ? read_line(ctl, file, "the secret", out, len) : 0;
}

static int pepper_from_environment(struct ctl *ctl, const char *name, char **out, size_t *len)
{
    const char *value = getenv(name);
    if (value == NULL || value[0] == '\0')
        return report(ctl, CTL_INPUT, ctl->options.what, "the environment has no %s", name);
    *len = strlen(value);
    *out = strdup(value);
    if (*out == NULL)
        return report(ctl, CTL_FAILED, ctl->options.what, "out of memory");
    cut_line_end(*out, len);
    return 0;
}

int input_pepper(struct ctl *ctl, char **out, size_t *len)
{
    const char *file = option_value(&ctl->options, "pepper-file");
    const char *name = option_value(&ctl->options, "pepper-env");
    int rv = 0;
    *out = NULL;
    *len = 0;
    if (file != NULL && name != NULL)
        return report(ctl, CTL_USAGE, ctl->options.what,
                      "--pepper-file and --pepper-env exclude each other");
    if (name != NULL)
        rv = pepper_from_environment(ctl, name, out, len);
    else if (file != NULL)
        rv = read_line(ctl, file, "the pepper", out, len);
    /* No gateway would take another one, and its secrets could never be verified. */
    if (rv == 0 && *out != NULL && (*len < PEPPER_BYTES_MIN || *len > PEPPER_BYTES_MAX)) {
        input_free(*out, *len);
        *out = NULL;
        rv = report(ctl, CTL_INPUT, ctl->options.what, "the pepper must have %d to %d bytes",
                    (int)PEPPER_BYTES_MIN, (int)PEPPER_BYTES_MAX);
    }
    return rv;
}
