/* SPDX-License-Identifier: Apache-2.0 */
/* A cell, whatever bytes it holds, is written as printable UTF-8 on one line: names come from outside. */
#include "table.h"

#include "utf8.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

/* Widths are taken from a batch of rows, so a list of a million streams. */
enum { TABLE_BATCH_ROWS = 1000, TABLE_GAP = 2, TABLE_SHRUNK_LEAST = 8 };

struct table {
    FILE *out;
    const struct column *columns;
    size_t column_count;
    size_t width; /* of the terminal; 0: unlimited */
    size_t widths[TABLE_COLUMNS_MAX];
    char **cells;
    size_t cell_count;
    size_t owed; /* spaces before the next text: a line never ends in any */
    bool failed;
    bool headed;
    bool details; /* no heading */
    bool bold;
};

/* ---- layout ------------------------------------------------------------------------------------ */

size_t terminal_width(FILE *out)
{
    struct winsize size;
    int fd = fileno(out);
    if (fd < 0 || !isatty(fd))
        return 0;
    if (ioctl(fd, TIOCGWINSZ, &size) == 0 && size.ws_col > 0)
        return size.ws_col;
    return 80;
}

/* Takes columns one by one from the widest that may shrink, until the line fits. */
static void shrink(struct table *t)
{
    size_t total = TABLE_GAP * (t->column_count - 1);
    for (size_t i = 0; i < t->column_count; i++)
        total += t->widths[i];
    while (t->width != 0 && total > t->width) {
        size_t widest = t->column_count;
        for (size_t i = 0; i < t->column_count; i++)
            if ((t->columns[i].flags & COLUMN_SHRINKS) != 0 && t->widths[i] > TABLE_SHRUNK_LEAST &&
                (widest == t->column_count || t->widths[i] > t->widths[widest]))
                widest = i;
        if (widest == t->column_count)
            return; /* narrower than any useful table: the terminal wraps */
        t->widths[widest]--;
        total--;
    }
}

static void measure(struct table *t)
{
    for (size_t i = 0; i < t->column_count && !t->headed && !t->details; i++)
        t->widths[i] = utf8_width(t->columns[i].title);
    for (size_t i = 0, column = 0; i < t->cell_count; i++) {
        size_t width = utf8_width(t->cells[i]);
        if (width > t->widths[column])
            t->widths[column] = width;
        column = column + 1 == t->column_count ? 0 : column + 1;
    }
    shrink(t);
}

static void write_cell(struct table *t, size_t column, const char *text)
{
    size_t room = t->widths[column];
    size_t width = utf8_width(text);
    size_t bytes = strlen(text);
    bool cut = width > room && t->width != 0;
    bool right = (t->columns[column].flags & COLUMN_RIGHT) != 0;
    if (cut) {
        bytes = utf8_fitting(text, room - 1, &width);
        width++; /* the ellipsis; a wide character that did not fit leaves one more empty */
    }
    size_t pad = width < room ? room - width : 0;
    if (bytes > 0)
        fprintf(t->out, "%*s%.*s%s", (int)(t->owed + (right ? pad : 0)), "", (int)bytes, text,
                cut ? "\xE2\x80\xA6" : "");
    else
        pad += t->owed;
    t->owed = (right && bytes > 0 ? 0 : pad) + TABLE_GAP;
}

/* |cells| holds a row. */
static void write_row(struct table *t, char **cells)
{
    t->owed = 0;
    for (size_t i = 0; i < t->column_count; i++)
        write_cell(t, i, cells[i]);
}

static void write_heading(struct table *t)
{
    t->owed = 0;
    fputs(t->bold ? "\033[1m" : "", t->out);
    for (size_t i = 0; i < t->column_count; i++)
        write_cell(t, i, t->columns[i].title);
    fputs(t->bold ? "\033[0m\n" : "\n", t->out);
}

static void flush(struct table *t)
{
    measure(t);
    if (!t->headed && !t->details)
        write_heading(t);
    t->headed = true;
    for (size_t i = 0; i + t->column_count <= t->cell_count; i += t->column_count) {
        write_row(t, t->cells + i);
        fputc('\n', t->out);
    }
    while (t->cell_count > 0)
        free(t->cells[--t->cell_count]);
}

/* ---- building ---------------------------------------------------------------------------------- */

static bool wants_bold(FILE *out)
{
    const char *term = getenv("TERM");
    const char *no_color = getenv("NO_COLOR");
    return isatty(fileno(out)) && term != NULL && strcmp(term, "dumb") != 0 &&
           (no_color == NULL || no_color[0] == '\0');
}

struct table *table_new(FILE *out, const struct column *columns, size_t count)
{
    struct table *t = calloc(1, sizeof(*t));
    if (t == NULL)
        return NULL;
    *t = (struct table){.out = out,
                        .columns = columns,
                        .column_count = count,
                        .width = terminal_width(out),
                        .bold = wants_bold(out),
                        .cells = calloc(count * TABLE_BATCH_ROWS, sizeof(*t->cells))};
    if (t->cells != NULL)
        return t;
    free(t);
    return NULL;
}

struct table *table_new_details(FILE *out)
{
    static const struct column columns[] = {{"", 0}, {"", 0}};
    struct table *t = table_new(out, columns, 2);
    if (t != NULL)
        t->details = true;
    return t;
}

void table_slice(struct table *t, clientid_str text)
{
    if (t == NULL)
        return; /* table_end says so */
    char *cell = t->failed ? NULL : utf8_printable(text.ptr, text.len);
    if (cell == NULL) {
        t->failed = true;
        return;
    }
    t->cells[t->cell_count++] = cell;
    if (t->cell_count == t->column_count * TABLE_BATCH_ROWS)
        flush(t);
}

void table_cell(struct table *t, const char *text)
{
    table_slice(t, (clientid_str){text != NULL ? text : "", text != NULL ? strlen(text) : 0});
}

void table_cellf(struct table *t, const char *format, ...)
{
    char text[512];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    table_cell(t, text);
}

void table_detail(struct table *t, const char *name, const char *format, ...)
{
    char text[1024];
    va_list list;
    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    table_cell(t, name);
    table_cell(t, text);
}

void table_detail_slice(struct table *t, const char *name, clientid_str text)
{
    if (text.len == 0)
        return;
    table_cell(t, name);
    table_slice(t, text);
}

bool table_end(struct table *t)
{
    if (t == NULL)
        return false; /* table_new failed */
    if (!t->headed || t->cell_count > 0)
        flush(t);
    bool good = !t->failed && fflush(t->out) == 0 && !ferror(t->out);
    free(t->cells);
    free(t);
    return good;
}
