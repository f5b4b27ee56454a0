/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPPORT_CHANGE_H
#define SUPPORT_CHANGE_H

#include "support_load.h"
#include "support_trouble.h"

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

/*
 * Credentials that begin and end while hosts serve, and which answers that allows: a change is in force everywhere
 * CHANGE_FORCE_MS after the store has it, and nowhere before somebody asked for it.
 */
enum { CHANGE_FORCE_MS = 2000, CHANGE_TERMS_MAX = 1024 };

/* When a credential was good.  UINT64_MAX: not yet known. */
struct term {
    uint64_t asked_ms, begun_ms; /* before and after the change that began it */
    uint64_t ends_ms, ended_ms;  /* likewise, of its end */
    uint64_t slack_ms;           /* after |ended_ms|, until it is refused everywhere */
};

struct change {
    struct troubles *troubles;
    pthread_mutex_t lock;
    pthread_t thread;
    _Atomic bool stops;
    uint64_t application_id, contract_id;
    size_t count; /* terms */
    struct term terms[CHANGE_TERMS_MAX];
    unsigned failures;            /* changes that could not be made */
    uint64_t lag_ms[FLEET_HOSTS]; /* the longest a change took */
};

/* A client whose secret changes every few seconds, the one before staying valid for a while: term n is secret n. */
void change_secrets(struct change *change, struct troubles *troubles, uint64_t application_id);
/* A client whose contract is revoked and restored: each term is a time between. */
void change_contract(struct change *change, struct troubles *troubles, uint64_t contract_id);
void change_stop(struct change *change);

/* A secret to send: the newest, the one before and one that ended, in turn. */
unsigned change_choose(struct change *change, unsigned turn);
void change_secret(unsigned which, char *out, size_t size);

/* Whether the answer is right; |which|: CHANGE_ANY, or of which secret. */
#define CHANGE_ANY UINT32_MAX
bool change_allows(struct change *change, enum fleet_host host, unsigned which,
                   const struct load_event *event);

#endif
