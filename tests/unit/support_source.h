/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPPORT_SOURCE_H
#define SUPPORT_SOURCE_H

#include <clientid/source.h>

#include <stdatomic.h>
#include <stdbool.h>

/*
 * A source that a test plays: client ids "c0" to "c63" on the API instance "orders", tier 1 with a limit, and a log
 * of what changed.  It can fail, lie and go back.
 */
#define SUPPORT_CLIENTS 64
#define SUPPORT_CHANGES 4096

struct support_source {
    clientid_source source; /* give it to clientid_sync_new */
    clientid_position at;
    unsigned status[SUPPORT_CLIENTS]; /* 0: no contract */
    uint64_t limit;                   /* of tier 1 */
    struct {
        uint64_t revision;
        int client; /* -1: the tier */
        unsigned status;
        uint64_t limit;
    } log[SUPPORT_CHANGES];
    size_t changes;
    uint64_t told; /* revision at the last poll */

    /* What goes wrong. */
    int load_code, changes_code, poll_code;
    size_t load_stops_at; /* events until |load_code|; 0: at once */
    bool gap;             /* it always answers GAP */
    bool goes_back;       /* its changes lead to an earlier position, without GAP */
    bool swallows;        /* it ignores what the sink returns */
    bool broken_change;   /* the next changes hold an event that breaks the rules */
    bool broken_load;
    unsigned repeats; /* each change is told so many times more */
    bool silent;      /* it fails without a text */

    atomic_uint loads, asked, polls, closed; /* calls */
};

void support_source_init(struct support_source *s, uint64_t identity);
/* One change, one revision. */
void support_source_set(struct support_source *s, int client, unsigned status);
void support_source_limit(struct support_source *s, uint64_t maximum);
/* Back to |revision| with nobody approved but |client|; the log is lost. */
void support_source_restore(struct support_source *s, uint64_t revision, int client);

#endif
