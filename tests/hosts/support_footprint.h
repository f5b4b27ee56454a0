/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPPORT_FOOTPRINT_H
#define SUPPORT_FOOTPRINT_H

#include "support_fleet.h"

/*
 * What the processes of a fleet hold.  Memory of their own is what can leak; pages of files (programs, the limits table) come
 * and go with what is touched, so they are not in it.
 */
struct footprint {
    long own_kb;      /* RssAnon */
    long resident_kb; /* VmRSS, for the table */
    unsigned fds;
};

enum footprint_of {
    FOOTPRINT_MASTER,
    FOOTPRINT_WORKER, /* of two workers the larger values */
    FOOTPRINT_ENVOY,
    FOOTPRINT_PROXY,
    FOOTPRINTS
};

const char *footprint_name(enum footprint_of of);
/* False when a process is not there. */
bool footprint_take(const struct fleet *fleet, struct footprint out[FOOTPRINTS]);

#endif
