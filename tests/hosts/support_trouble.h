/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPPORT_TROUBLE_H
#define SUPPORT_TROUBLE_H

#include "support_fleet.h"
#include "support_load.h"

#include <pthread.h>

/*
 * What happens to a fleet while it serves, one thing after the other.  Each is written down with its time, because it
 * explains which requests may have lost their connection, and nothing else does.
 */
enum trouble {
    TROUBLE_RELOAD,        /* nginx -s reload */
    TROUBLE_KILL,          /* kill -9 of a worker of NGINX */
    TROUBLE_CONFIGURATION, /* a new configuration: the proxy gets SIGHUP, Envoy looks by itself */
    TROUBLE_LISTENERS,     /* Envoy's listeners anew */
    TROUBLE_AWAY,          /* the store is renamed, and comes back */
    TROUBLE_WRITER,        /* another process holds a transaction of the store open */
    TROUBLE_LOCKED,        /* another process keeps readers of the store out */
    TROUBLE_REPLACED, /* the store is replaced by a copy of itself: contracts are loaded in full */
    TROUBLE_LOCKED_RELOAD, /* NGINX's new workers begin while readers of the store are kept out */
    TROUBLES
};

#define TROUBLE_RECORDS_MAX 4096

struct troubles {
    struct fleet *fleet;
    pthread_rwlock_t
        store; /* held for reading by who changes contracts and wants to see the effect in time */
    size_t count;
    unsigned failures; /* things that could not be done, told on stderr */
    struct {
        enum trouble what;
        uint64_t begun_ms, ended_ms; /* 0: it goes on */
    } records[TROUBLE_RECORDS_MAX];
};

void troubles_init(struct troubles *troubles, struct fleet *fleet);
/* Makes it happen, waits until it is over. */
void trouble_make(struct troubles *troubles, enum trouble what);
const char *trouble_name(enum trouble what);
unsigned troubles_of(const struct troubles *troubles, enum trouble what);

/* Ask when no trouble is under way: whether this end of a request without an answer was to be expected. */
bool trouble_explains(const struct troubles *troubles, enum fleet_host host,
                      const struct load_event *event);

/* What was under way at that time, for people: names and milliseconds since |since_ms|. */
void trouble_print(const struct troubles *troubles, const struct load_event *event,
                   uint64_t since_ms);

/* For main: "--hold-writer FILE MS" and "--hold-readers FILE MS", what the other process runs.  -1: neither was asked for. */
int trouble_main(int argc, char **argv);

#endif
