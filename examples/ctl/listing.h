/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CTL_LISTING_H
#define CTL_LISTING_H

#include "ctl.h"
#include "table.h"

/*
 * A list of records: a table for people, or {"NAME":[...],"total":N} as Anypoint's lists are.  Rows go out as they
 * come, so a list may be longer than memory.
 */
struct listing {
    struct ctl *ctl;
    const char *name;
    struct table *table; /* NULL with --json */
    uint64_t count;
};

void listing_begin(struct listing *listing, struct ctl *ctl, const char *name,
                   const struct column *columns, size_t column_count);
/*
 * Takes a record's JSON, of which |rv| says whether it was made; frees it.  For callbacks: 0, or what stops the
 * list.
 */
int listing_json(struct listing *listing, int rv, char *text);
/* The same for JSON that the caller owns. */
int listing_text(struct listing *listing, const char *text);
/* |rv| and |error| are of the function that listed.  0 or an exit code, reported. */
int listing_end(struct listing *listing, int rv, const clientid_error *error);

/* One record's JSON on a line; frees it.  0 or |rv|. */
int json_line(struct ctl *ctl, int rv, char *text);

/* Says that something was done: |format| for people, or {"id":ID,"done":WHAT} with --json.  CTL_OK. */
int done(struct ctl *ctl, const char *verb, uint64_t id, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

#endif
