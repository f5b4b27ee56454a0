/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPPORT_STREAM_H
#define SUPPORT_STREAM_H

#include "support_fleet.h"
#include "support_load.h"

/* One kind of client at one host: its load, every answer judged as it comes. */
struct stream_kind {
    const char *name;
    const char *method, *target, *lines, *body;
    unsigned connections, pause_ms, leave_ms;
    unsigned statuses[2];  /* the only ones allowed; 0: none */
    struct change *change; /* instead: what its credentials allow */
    const char *client;    /* with |change| and no |target|: whose secret is rotated */
};

enum { STREAM_LOSSES_MAX = 1024, STREAM_WRONG_MAX = 4 };

struct stream {
    const struct stream_kind *kind;
    enum fleet_host host;
    struct load *load;
    unsigned turn;
    uint64_t sent, admitted, refused, limited; /* of all loads until now */
    uint64_t left;
    uint64_t slowest_ms;
    uint64_t unreachable; /* connections that could not be made */
    uint64_t stuck;       /* loads that did not end */
    uint64_t wrong;       /* answers that are not allowed */
    struct load_event first_wrong[STREAM_WRONG_MAX];
    uint64_t lost; /* requests without an answer */
    struct load_event losses[STREAM_LOSSES_MAX];
};

void stream_start(struct stream *stream, const struct fleet *fleet);
/* Waits for what is under way. */
void stream_stop(struct stream *stream);

#endif
