/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CTL_TABLE_H
#define CTL_TABLE_H

#include <clientid/types.h>

#include <stdbool.h>
#include <stdio.h>

/*
 * Tables for people.  On a terminal they fit its width, long cells end in an ellipsis and the heading is bold
 * (not with NO_COLOR or TERM=dumb); elsewhere nothing is cut or coloured.
 */

enum { TABLE_COLUMNS_MAX = 16 };

struct table;

enum { COLUMN_RIGHT = 1, COLUMN_SHRINKS = 2 };

struct column {
    const char *title;
    unsigned flags; /* COLUMN_RIGHT and so on */
};

/* |columns| must live as long as the table.  NULL without memory: the other functions then do nothing. */
struct table *table_new(FILE *out, const struct column *columns, size_t count);
/* Names and values without a heading, for one thing. */
struct table *table_new_details(FILE *out);
/* Adds a cell; a row is complete with its last cell.  Text is copied; NULL is an empty cell. */
void table_cell(struct table *table, const char *text);
void table_slice(struct table *table, clientid_str text);
void table_cellf(struct table *table, const char *format, ...)
    __attribute__((format(printf, 2, 3)));
/* A row of details; the second leaves out what is empty. */
void table_detail(struct table *table, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void table_detail_slice(struct table *table, const char *name, clientid_str text);
/* Writes what is left and frees.  False when memory or the stream failed. */
bool table_end(struct table *table);

/* The columns of the terminal behind |out|, 0 when there is none. */
size_t terminal_width(FILE *out);

#endif
