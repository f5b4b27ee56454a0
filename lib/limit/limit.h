/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__LIMIT_H
#define CLIENTID__LIMIT_H

#include <clientid/limits.h>

#include <stdbool.h>

/*
 * How much.  A table of cells, in memory or in a file that processes share; lock-free; a process that is killed
 * at any instruction leaves nothing locked and at most its own charge lost or spent.
 *
 *   token bucket    over any interval t at most burst + t / period requests conform
 *   fixed window    exactly its count from the first request of a window to its end
 *   sliding window  the estimate prev x overlap + current never exceeds the count
 *
 * A cell whose time has passed equals an absent one and may be reused; a live cell never.  When no cell is free,
 * new keys share one overflow cell per rule, and a key that leaves it begins with what the overflow cell had
 * spent: a full table never re-opens a spent budget.
 */
struct clientid__table;

/* Contracts, and API-wide limits; values of key selectors, which outsiders choose; last uses of secrets. */
enum clientid__region { CLIENTID__REGION_CONTRACTS, CLIENTID__REGION_KEYS };

struct clientid__table_options {
    const char *file;   /* NULL: memory of this process */
    uint64_t cells;     /* for contracts; rounded up to a power of two */
    uint64_t key_cells; /* for key selectors */
    uint64_t use_cells; /* for last uses; 0: none are kept */
    bool existing;      /* the file must be there (CLIENTID_ERR_NOT_FOUND): never make it */
    bool small_pages;   /* no huge pages are asked for */
};

/* CLIENTID_ERR_NOMEM, _IO, _FULL, _FORMAT (magic, layout, size, clock), _BUSY, _ARG.  Never truncates a file. */
int clientid__table_open(struct clientid__table **out, const clientid_allocator *mem,
                         const struct clientid__table_options *options, clientid_error *error);
/* A file by itself, as large as its header says, which need not be written to.  Errors the same, and _NOT_FOUND. */
int clientid__table_attach(struct clientid__table **out, const clientid_allocator *mem,
                           const char *file, bool read_only, clientid_error *error);
void clientid__table_close(struct clientid__table *table);

/* The seed of all hashes that lead to cells: random, made with the table. */
uint64_t clientid__table_seed(const struct clientid__table *table);

/* A limit as the cells need it.  Made once, when configuration or tier is loaded. */
struct clientid__rule {
    uint64_t maximum;   /* requests per period */
    uint64_t period_ns; /* of the window */
    uint64_t step_ns;   /* token bucket: one request, period / maximum rounded up */
    uint64_t burst;     /* token bucket: requests at once */
    uint64_t burst_ns;  /* token bucket: how far ahead of time it may be, burst x step_ns */
    uint64_t salt[2];   /* hash of policy, period and algorithm: which cell of a client it is */
    clientid_algorithm algorithm;
};

/*
 * |policy| is the policy's stable identity.  |burst| 0: the maximum.  0, or CLIENTID_ERR_CONFIG with a sentence:
 * maximum or period 0, more than 1,000,000 requests/s, a count that a cell cannot hold.
 */
int clientid__rule_init(struct clientid__rule *rule, clientid_algorithm algorithm, uint64_t maximum,
                        uint64_t period_ms, uint64_t burst, uint64_t policy, clientid_error *error);

/* The furthest that the time in a cell of the rule lies ahead of now, by this clock. */
static inline uint64_t clientid__reach_ns(const struct clientid__rule *rule)
{
    if (rule->algorithm == CLIENTID_TOKEN_BUCKET)
        return rule->burst_ns;
    return rule->algorithm == CLIENTID_SLIDING_WINDOW ? 2 * rule->period_ns : rule->period_ns;
}

/* One limit of one request. */
struct clientid__charge {
    const struct clientid__rule *rule;
    uint64_t key[2]; /* of the cell: clientid__charge_key */
    enum clientid__region region;
    bool shadow; /* never refuses; charged only if it would admit and the request is admitted */
    /* Set by clientid__limits_decide: */
    bool refused;
    uint64_t remaining;
    uint64_t reset_ns;
    uint64_t
        retry_ns; /* when refused: when |cost| may be admitted; UINT64_MAX: never (cost above maximum) */
};

/* |identity| is a 128-bit hash, seeded with the table's seed, of API instance and client id or selector value. */
static inline void clientid__charge_key(struct clientid__charge *c, const uint64_t identity[2])
{
    c->key[0] = identity[0] ^ c->rule->salt[0];
    c->key[1] = identity[1] + c->rule->salt[1];
}

void clientid__table_prefetch(const struct clientid__table *table, enum clientid__region region,
                              const uint64_t key[2]);

/*
 * All or none.  Returns true when no limit that counts refuses; all are then charged |cost|, and |receipt| (may be
 * NULL) says what.  Else nothing is charged.  With |peek| nothing is ever charged.
 */
bool clientid__limits_decide(struct clientid__table *table, struct clientid__charge *charges,
                             size_t count, uint64_t cost, uint64_t now_ns, bool peek,
                             clientid_receipt *receipt);

void clientid__limits_refund(struct clientid__table *table, const clientid_receipt *receipt,
                             uint64_t now_ns);

/* ---- for operators (repair.c) ---------------------------------------------------------------- */

/* How the cell of one limit stands. */
struct clientid__standing {
    uint64_t remaining;
    uint64_t reset_ns;
    bool shared; /* what counts is the overflow cell */
    bool ahead;  /* the clock has gone back since it was written */
};
/* Of |charge| only the first three fields are read. */
void clientid__limits_look(const struct clientid__table *table,
                           const struct clientid__charge *charge, uint64_t now_ns,
                           struct clientid__standing *out);
/* Back to the full quota; |*before| is how it stood, |shared| if it was the overflow cell that had to be reset. */
void clientid__limits_restore(struct clientid__table *table, const struct clientid__charge *charge,
                              uint64_t now_ns, struct clientid__standing *before);

/* |reach_ns|, by algorithm: how far ahead of now the time in a cell may be; 0: not known. */
void clientid__table_read(const struct clientid__table *table, uint64_t now_ns,
                          const uint64_t reach_ns[4], clientid_limits_info *out);
void clientid__table_clear(struct clientid__table *table, unsigned what, uint64_t now_ns,
                           const uint64_t reach_ns[4], clientid_limits_cleared *out);

/* Last use of a secret, to the minute; overwrites the oldest when its region is full. */
void clientid__table_use(struct clientid__table *table, const uint64_t key[2], uint64_t now_ns);
void clientid__table_use_prefetch(const struct clientid__table *table, const uint64_t key[2]);
uint64_t clientid__table_used_minute(const struct clientid__table *table, const uint64_t key[2]);

/*
 * The position of the source up to which some process has seen it.  |see| moves it forward within one identity and
 * over to another; |set| forces it, for a live source that went back.
 */
void clientid__table_seen(const struct clientid__table *table, uint64_t *identity,
                          uint64_t *revision);
void clientid__table_see(struct clientid__table *table, uint64_t identity, uint64_t revision);
void clientid__table_set_seen(struct clientid__table *table, uint64_t identity, uint64_t revision);

struct clientid__table_state {
    uint64_t cells[2], live[2]; /* by region; |live| is counted now, may take milliseconds */
    uint64_t
        overflow_charges[2]; /* charges that went to an overflow cell since the table was made */
    uint64_t bytes;
};
void clientid__table_state(const struct clientid__table *table, uint64_t now_ns,
                           struct clientid__table_state *out);

#endif
