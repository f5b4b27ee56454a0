/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPPORT_REPLAY_H
#define SUPPORT_REPLAY_H

#include "support_proxy.h"
#include "support_suite_store.h"

/* The recorded cases and what every host needs to be asked them. */
struct replay {
    struct support_suite *suites;
    size_t count;
    char dir[64];             /* for files of hosts; removed at the end */
    char store[128];          /* URI of a store with the contracts of all suites */
    struct upstream upstream; /* answers all with 200 and remembers what it got */
};

/* What of an answer, and of what is forwarded, is the host's to keep as the row has it. */
enum {
    JUDGES_STATUS = 1,     /* of refusals */
    JUDGES_CHALLENGE = 2,  /* WWW-Authenticate of refusals */
    JUDGES_BODY = 4,       /* of refusals, and their other headers */
    JUDGES_ADDED = 8,      /* headers added to the answers of allowed requests */
    JUDGES_FORWARDED = 16, /* target and stripped headers; and X_Client_Id like X-Client-Id */
    JUDGES_IDENTITY = 32,  /* X-Client-Id, -Name and -Tier: ours, never the client's */
    JUDGES_ALL = 63
};

/* A way for requests to reach the library. */
struct case_host {
    const char *name; /* as in "hosts" of the rows */
    unsigned judges;
    /* What of the machine is missing, or NULL when it can be started.  NULL: nothing can be. */
    const char *(*missing)(void);
    void (*start)(const struct replay *replay);
    /* The port where that suite is served, with full quota.  Suites are asked for in order, each once. */
    unsigned (*serve)(const struct replay *replay, size_t suite);
    void (*stop)(void);
    const char *prefix; /* goes before the target of every row; NULL: none */
};

void replay_open(struct replay *replay);
void replay_close(struct replay *replay);

/* A test for every row through every host, and a table at the end; the number of those that failed. */
int replay_run(struct replay *replay, const struct case_host *const *hosts, size_t count);

#endif
