/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPPORT_STORY_H
#define SUPPORT_STORY_H

#include "support_portal.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

/*
 * Clients that tell a portal one story after the other until it no longer answers, and note how far each came.  They need the names "orders",
 * "free", "asked" (numbers of API instances, with ".id" their UUIDs; the last two of a third party's provider), "silver" and
 * "gold" (tiers of the first; "asked" has one, too), the tokens "admin", "oona" (owns all APIs) and "mia", and the Connected App "bot".
 */
enum story {
    STORY_ACCESS, /* token, application, access, approval, tier, its approval, secret, revocation */
    STORY_GATEWAY,  /* user request, the gateway's answer, deregistration, its answer */
    STORY_APPROVED, /* user request, approval, the gateway's answer, revocation, its answer */
    STORY_PROVIDER, /* webhook and provider come and go */
    STORY_COUNT
};

#define STORY_WRITES_MAX 8

/* One story, as far as it came. */
struct tale {
    enum story story;
    unsigned done; /* writes that were answered */
    bool doubt;    /* one more may be done */
    json_t *names; /* what the answers said, see the table of steps; "name" is nobody else's */
    struct tale *next;
};

struct teller {
    pthread_t thread;
    struct portal portal;   /* a copy, for names of its own */
    const json_t *base;     /* the names that are given */
    atomic_bool *begun;     /* set with the first request */
    struct tale *tales;     /* newest first; for who joined it */
    uint64_t seed;          /* of its choices */
    unsigned number, count; /* which teller, which tale */
    char prefix[32];        /* of the tales' names */
    int fd;
    char why[1600]; /* an answer that must not be; "": none */
};

void teller_start(struct teller *teller, const struct portal *portal, unsigned round,
                  unsigned number, uint64_t seed, atomic_bool *begun);
void teller_join(struct teller *teller);

#endif
