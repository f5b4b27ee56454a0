/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PORTAL_SERVER_H
#define PORTAL_SERVER_H

#include "portal.h"

/* One client connection. */
struct conn {
    int fd;
    uint64_t
        since_ns; /* when it was opened, or its last answer was sent; 0 while a whole request is in hand */
    struct conn *next, *prev;
};

/* Listens and starts the threads that serve; false with a message. */
bool server_start(struct portal *portal);
/* Waits for calls in hand, ends connections. */
void server_stop(struct portal *portal);
/* Ends connections whose request is not complete after the configured time, however slowly it drips. */
void server_end_slow(struct portal *portal, uint64_t now_ns);

#endif
