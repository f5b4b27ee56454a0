/* SPDX-License-Identifier: Apache-2.0 */
#include "http.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void append_file(FILE *out, const char *name)
{
    char chunk[65536];
    FILE *in = fopen(name, "r");
    size_t got;

    if (in == NULL) {
        perror(name);
        exit(1);
    }
    while ((got = fread(chunk, 1, sizeof chunk, in)) > 0)
        fwrite(chunk, 1, got, out);
    fclose(in);
}

static const struct word *word_at(const char *text, const struct word *words, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        size_t len = strlen(words[i].name);

        if (strncmp(text + 1, words[i].name, len) == 0 && text[1 + len] == '@')
            return &words[i];
    }
    return NULL;
}

static void put_line(FILE *out, const char *line, const struct word *words, size_t count)
{
    while (*line != '\0') {
        const struct word *word = *line == '@' ? word_at(line, words, count) : NULL;

        if (word == NULL) {
            fputc(*line++, out);
            continue;
        }
        if (word->value[0] == '<')
            append_file(out, word->value + 1);
        else
            fputs(word->value, out);
        line += strlen(word->name) + 2;
    }
}

void template_write(const char *from, const char *to, const struct word *words, size_t count)
{
    FILE *in = fopen(from, "r"), *out = fopen(to, "w");
    char line[4096];

    if (in == NULL || out == NULL) {
        perror(in == NULL ? from : to);
        exit(1);
    }
    while (fgets(line, sizeof line, in) != NULL)
        put_line(out, line, words, count);
    fclose(in);
    if (fclose(out) != 0) {
        perror(to);
        exit(1);
    }
}
