/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPPORT_CALLBACK_H
#define SUPPORT_CALLBACK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* A server that records what it is told, and answers as it is bid. */
struct callback {
    unsigned port;
    void *daemon;
    struct callback_state *state;
};

struct callback_request {
    char *method, *path, *type, *authorization; /* NULL: not there */
    char *body;
    char *client;    /* common name of the client's certificate; NULL: none */
    unsigned status; /* what it was answered */
    uint64_t at_ms;
};

/* |key|, |certificate|, |ca|: PEM, of TLS with client certificates; NULL: plain HTTP. */
void callback_start(struct callback *callback, const char *key, const char *certificate,
                    const char *ca);
/* The same port again. */
void callback_stop(struct callback *callback);
/* The next |count| requests get |status|, all after them 200; |header| such as "Retry-After: 2", or NULL. */
void callback_answers(struct callback *callback, unsigned count, unsigned status,
                      const char *header);
/* Every answer comes after so long. */
void callback_delays(struct callback *callback, unsigned ms);

/* Waits up to 10 s until no connection is open: nothing that was sent comes later. */
void callback_settle(const struct callback *callback);
size_t callback_count(const struct callback *callback);
/* The request with that index; waits up to 10 s for it, else fails the test.  Valid until callback_stop. */
const struct callback_request *callback_wait(struct callback *callback, size_t index);

#endif
