/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID_DELIVERY_H
#define CLIENTID_DELIVERY_H

/*
 * Unstable before 1.0, see store.h.
 *
 * The outbox: what the life cycle has to tell others, by webhook or by e-mail.  A row is written in the transaction of the
 * change it tells of, so it is there when the change is, also after kill -9; a host sends it and says what came of it.
 * At least once: a host that dies between sending and saying so sends again.  In order: of one lane (one application, or one recipient of
 * mail) only the oldest is due, until it is delivered or given up.  Lanes do not wait for each other.
 *
 * One host at a time may send from a store: it keeps others away, for example with a lock file beside the database.
 *
 * For the operator alone: with a caller set these functions say CLIENTID_ERR_FORBIDDEN.
 */
#include <clientid/third_party.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef enum clientid_delivery_kind {
    CLIENTID_DELIVERY_HOOK = 1,
    CLIENTID_DELIVERY_MAIL = 2,
    CLIENTID_DELIVERY_ANSWER = 3 /* to the portal whose third-party gateway we are: foreign.h */
} clientid_delivery_kind;

typedef struct clientid_delivery {
    size_t size;
    uint64_t id;
    uint64_t lane;     /* for |busy| below */
    uint32_t kind;     /* clientid_delivery_kind */
    uint32_t attempts; /* made before */
    uint64_t created_ns;
    /* HOOK; ANSWER: what follows the portal's base URL, for a PUT */
    clientid_str url;
    uint32_t authentication; /* clientid_hook_authentication */
    uint32_t
        locked; /* 1: its password, or an ANSWER's body, is sealed with another key or damaged: it cannot be sent */
    clientid_str username, password, file_id;
    /* MAIL */
    clientid_str recipient;
    clientid_str subject;
    /* HOOK, ANSWER: JSON (ANSWER: with a secret, or empty); MAIL: plain text, UTF-8, lines end with "\n" */
    clientid_str body;
} clientid_delivery;

typedef int clientid_delivery_fn(void *sink, const clientid_delivery *delivery);

/*
 * Those that are due now, the oldest of each lane, at most |max|, without the lanes in |busy| (that the host is sending from at this
 * moment).  |*next_ns| is when the next one becomes due, UINT64_MAX: nothing waits.  Slices live until the callback returns.
 */
CLIENTID_EXPORT int clientid_control_delivery_due(clientid_control *control, const uint64_t *busy,
                                                  size_t busy_count, size_t max,
                                                  clientid_delivery_fn *emit, void *sink,
                                                  uint64_t *next_ns, clientid_error *error);

typedef enum clientid_delivery_outcome {
    CLIENTID_DELIVERY_DONE = 1,
    CLIENTID_DELIVERY_LATER = 2,  /* tried again: after 1 s, 2 s, ... at most 5 min, with jitter */
    CLIENTID_DELIVERY_REFUSED = 3 /* will never be taken: the event is FAILED, a mail is dropped */
    /* Of an event with several hooks it is the last of them that says so, unless one has taken it. */
} clientid_delivery_outcome;

/* Then given up, after about half an hour: the event is DELIVERY_UNSUCCESSFUL. */
#define CLIENTID_DELIVERY_ATTEMPTS 14
/* Of an ANSWER, a day.  What it says stays sealed in the store: when the portal tells of the event again, it is answered again. */
#define CLIENTID_DELIVERY_ANSWER_ATTEMPTS 300

/*
 * What came of an attempt; |detail| (CLIENTID_DELIVERY_DETAIL_MAX bytes are kept, never a secret) is for people.  0 also when the row is gone meanwhile.
 * |not_before_ns|: LATER, of a Retry-After; 0: none.
 */
CLIENTID_EXPORT int clientid_control_delivery_done(clientid_control *control, uint64_t id,
                                                   clientid_delivery_outcome outcome,
                                                   uint64_t not_before_ns, clientid_str detail,
                                                   clientid_error *error);

/* How many rows wait, and since when the oldest; |*oldest_ns| 0: none. */
CLIENTID_EXPORT int clientid_control_delivery_backlog(clientid_control *control, uint64_t *count,
                                                      uint64_t *oldest_ns, clientid_error *error);

/*
 * Whether changes of contracts write notices by e-mail (pending: to owners of the API, or administrators when it has none; approved, rejected and
 * revoked: to the owners of the application who have an address).  Kept in the store, so it holds for every program.  Off in a new store.
 */
CLIENTID_EXPORT int clientid_control_notices_set(clientid_control *control, int enabled,
                                                 clientid_error *error);

#ifdef __cplusplus
}
#endif

#endif
