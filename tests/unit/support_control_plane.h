/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPPORT_CONTROL_PLANE_H
#define SUPPORT_CONTROL_PLANE_H

#include <clientid/source.h>

#include <pthread.h>
#include <stdbool.h>

/*
 * A control plane on 127.0.0.1 with a thread of its own.  It gives tokens to the client "gateway" with the secret
 * SUPPORT_PLANE_SECRET, takes them, and answers everything else as told: by a list of answers, or by a model.
 */
#define SUPPORT_PLANE_SECRET "secret-of-the-gateway"
#define SUPPORT_PLANE_ASKS   256

struct MHD_Connection;
struct MHD_Daemon;

struct support_ask {
    const char *method, *path, *token; /* |token| NULL: none */
    const char *prefer, *etag;         /* NULL: none */
    struct MHD_Connection *connection;
    bool woken; /* it was held before */
};
const char *support_ask_argument(const struct support_ask *ask, const char *name);

struct support_answer {
    unsigned status;  /* 0: 200 */
    const char *body; /* "@URL@": the port's URL */
    const char *etag, *retry_after, *preference, *location;
    bool hold;      /* until support_plane_wake, then the next answer counts */
    bool tiers;     /* for a request for tiers; the others are not */
    size_t padding; /* so many spaces behind the body */
};

struct support_plane {
    unsigned port;
    char url[64];
    struct MHD_Daemon *daemon;
    bool stopping; /* holds nothing any more */
    pthread_mutex_t lock;
    pthread_cond_t changed;

    /* Tokens. */
    unsigned token;        /* "token-<number>" is the newest one */
    unsigned withdrawn;    /* those up to this one do not count */
    unsigned tokens;       /* asked for */
    unsigned expires_in;   /* 0: not said */
    unsigned token_status; /* 0: as the credentials are */
    bool old_path_only;

    /* Answers in order; behind them an empty page that leads to itself. */
    struct support_answer answers[SUPPORT_PLANE_ASKS];
    size_t answer_count, next_answer;
    /* Or these instead, under the lock. */
    void (*serve)(void *self, const struct support_ask *ask, struct support_answer *answer);
    void *self;

    char asked[SUPPORT_PLANE_ASKS]
              [256]; /* "path?arguments prefer etag" of the first ones that had a token */
    size_t asks;
    struct MHD_Connection *held[64];
    size_t held_count;
};

/* |certificate| and |key|, PEM, or NULL for plain HTTP. */
void support_plane_new(struct support_plane *plane, const char *certificate, const char *key);
void support_plane_del(struct support_plane *plane);
/* Ends it, and comes back on the same port. */
void support_plane_stop(struct support_plane *plane);
void support_plane_start(struct support_plane *plane);
/* Appends an answer. */
void support_plane_say(struct support_plane *plane, struct support_answer answer);
void support_plane_lock(struct support_plane *plane);
void support_plane_unlock(struct support_plane *plane); /* and wakes what is held */
/* Waits, 5 s at most, until so many requests are held. */
bool support_plane_holds(struct support_plane *plane, size_t count);
void support_plane_wake(struct support_plane *plane);
size_t support_plane_asks(struct support_plane *plane);

/* ---- a model ----------------------------------------------------------------------------------- */

/*
 * What a portal has: API instances 1 "orders" and 2 "stock", the group "all", tiers, contracts.  Every change has a
 * revision; pages hold what came after that of the link.
 */
#define SUPPORT_MODEL_CONTRACTS 48
#define SUPPORT_MODEL_TIERS     8

struct support_model {
    uint64_t revision;
    size_t page; /* items of one */
    bool polls_tiers, no_hold, tombstones;
    const char *identity;
    uint64_t forgets; /* links from before it are gone */
    struct {
        uint64_t revision; /* 0: never was */
        bool removed;
        unsigned api;     /* 1, 2; 3: the group */
        unsigned tier;    /* 0: none */
        unsigned secrets; /* 0 to 2 */
        unsigned change;  /* makes names and salts differ */
        unsigned status;
    } contracts[SUPPORT_MODEL_CONTRACTS];
    struct {
        uint64_t revision;
        bool removed;
        unsigned maximum;
    } tiers[SUPPORT_MODEL_TIERS];
    struct {
        uint64_t revision;
        unsigned members; /* bits */
        bool removed;
    } group;
    char *body;
};

void support_model_init(struct support_model *model, struct support_plane *plane);
/* Contract |n| (client id "client-<n>", secret "secret-<n>") with an API instance; a tier of 0 is none. */
void support_model_contract(struct support_model *model, unsigned n, unsigned api, unsigned tier,
                            unsigned secrets);
void support_model_remove(struct support_model *model, unsigned n);
/* One change by chance; what no control plane would do is not done. */
void support_model_change(struct support_model *model, uint64_t *seed);
void support_model_free(struct support_model *model);

/* Hexadecimal of SHA-256(salt || secret). */
void support_plane_hash(const void *salt, size_t salt_len, const char *secret, char out[65]);

#endif
