/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPPORT_SMTP_H
#define SUPPORT_SMTP_H

#include <pthread.h>
#include <stdbool.h>
#include <stddef.h>

/* A mail server that keeps what it is given.  Recipients that begin with "no-" are refused with 550, "busy-" with 450 the first time. */
struct smtp {
    unsigned port;
    int fd;
    pthread_t thread;
    struct smtp_state *state;
};

struct smtp_mail {
    char *from, *to; /* of the envelope, as they came */
    char *text;      /* dots taken away again */
};

/* |smtp->port| 0: any. */
void smtp_start(struct smtp *smtp);
void smtp_stop(struct smtp *smtp);
size_t smtp_count(const struct smtp *smtp);
/* The mail with that index; waits up to 10 s for it, else fails the test. */
const struct smtp_mail *smtp_wait(struct smtp *smtp, size_t index);
size_t smtp_refusals(const struct smtp *smtp);

#endif
