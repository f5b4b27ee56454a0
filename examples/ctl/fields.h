/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CTL_FIELDS_H
#define CTL_FIELDS_H

#include "ctl.h"

/* Options as the fields of a record: each that is given sets its field and its bit in a mask. */

enum { FIELD_LIST_MAX = 256 };

clientid_str slice(const char *text); /* NULL is empty */

/* |*field| and |bit| in |*mask| when option |name| is given. */
void field_text(const struct options *options, const char *name, clientid_str *field, unsigned bit,
                unsigned *mask);
/*
 * All values of an option that repeats, in |list|, which holds FIELD_LIST_MAX; a single empty value is the empty
 * list.  0 or CTL_USAGE, reported.
 */
int field_list(struct ctl *ctl, const char *name, clientid_str *list, size_t *count, unsigned bit,
               unsigned *mask);

#endif
