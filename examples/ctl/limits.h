/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CTL_LIMITS_H
#define CTL_LIMITS_H

#include "ctl.h"

/* A limits table that is in use, and what was read from it. */

struct limits_row {
    clientid_str api;
    clientid_limit_standing standing; /* capacity 0: no limit on that API instance */
};

struct limits_view {
    clientid_limits *limits;
    clientid_gateway *gateway; /* NULL: the file by itself */
    clientid_worker *worker;
    clientid_str file;
    const char *client; /* NULL: none is asked for */
    char origin[320];   /* where contracts came from, or why they did not */
    uint64_t now_ns;
    struct limits_row *rows;
    size_t count;
};

/* limits_view.c: for people, or JSON.  All return an exit code. */
int limits_write_table(struct ctl *ctl, const struct limits_view *view,
                       const clientid_limits_info *info);
int limits_write_cleared(struct ctl *ctl, const struct limits_view *view,
                         const clientid_limits_cleared *cleared);
/* |reset|: how they stood before. */
int limits_write_rows(struct ctl *ctl, const struct limits_view *view, bool reset);

#endif
