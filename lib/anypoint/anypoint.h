/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__ANYPOINT_H
#define CLIENTID__ANYPOINT_H

#include "anypoint/config_json.h"
#include "anypoint/http.h"
#include "anypoint/page_json.h"
#include "anypoint/tiers.h"
#include "anypoint/url.h"

#include <clientid/anypoint.h>

/* One access token for all feeds. */
struct clientid__token {
    char *value;         /* NULL: none */
    uint64_t renew_ns;   /* when it is too old; 0: never */
    uint64_t generation; /* grows with every new one */
    struct clientid__call *call;
    bool old_path; /* the control plane does not know the newer one */
};

enum clientid__want { CLIENTID__WANT_NOTHING, CLIENTID__WANT_PAGE, CLIENTID__WANT_TIERS };
enum clientid__tier_way { CLIENTID__TIERS_POLLED, CLIENTID__TIERS_INLINE };

/* The contracts of one API instance: where we are in them, and what is not told yet. */
struct clientid__feed {
    const struct clientid__anypoint_api *api;

    /* The next request, or the one under way. */
    enum clientid__want want;
    uint64_t due_ns;
    struct clientid__call *call; /* NULL: none */
    uint64_t asked_ns;
    uint64_t generation; /* of its token */
    bool retried;        /* it was refused once, with an older token */

    /* The pages. */
    char url[CLIENTID__URL_MAX]; /* the one to ask next */
    char etag[256];              /* of |url|, "" for none */
    uint64_t *visited;           /* hashes of URLs since the last end */
    size_t visited_count, visited_capacity;
    bool passing;      /* a full pass, from the first page */
    bool passed;       /* it is complete */
    bool whole;        /* the last page had no next: it is all there is */
    uint64_t body;     /* hash of the last page */
    uint64_t revision; /* highest that the pages told */

    /* The tiers. */
    enum clientid__tier_way way;
    struct clientid__known_tiers tiers;
    struct clientid__page *lists; /* of a round that is not complete */
    size_t listed;
    uint64_t tiers_due_ns;
    char tiers_etag[256];

    /* What is not told yet. */
    struct clientid__page *news, **news_end;
    size_t news_count;
    bool lacks_tiers; /* |news| names tiers that are still to be asked for */

    /* What went wrong. */
    bool gap;     /* only a full pass can help */
    bool trouble; /* |error| is why */
    bool rests;   /* asks nothing until it is told to */
    clientid_error error;
};

struct clientid__anypoint {
    struct clientid__anypoint_config config;
    struct clientid__http *http; /* NULL before the first use, so that a fork may come before it */
    struct clientid__token token;
    struct clientid__feed *feeds; /* one per API instance */
    char *identity;               /* as the control plane says; NULL: it does not */
    bool in_step;                 /* a load was complete */
    uint64_t patience_ns;         /* no new request before: the control plane asked for it */
    uint64_t arrivals;            /* pages so far */
    clientid_position told;       /* where the last load or changes ended */
    uint64_t floor;               /* revisions are higher */
};

uint64_t clientid__now_ns(void); /* of the clock that nobody sets */

/* ---- feed.c ------------------------------------------------------------------------------------ */

void clientid__feed_init(struct clientid__feed *feed, const struct clientid__anypoint_api *api);
/* Drops all and begins at the first page. */
void clientid__feed_begin(struct clientid__anypoint *a, struct clientid__feed *feed);
/* The pass is told; from now on it is kept in step. */
void clientid__feed_follow(struct clientid__feed *feed, uint64_t now_ns);
void clientid__feed_start(struct clientid__anypoint *a, struct clientid__feed *feed);
/* The answer is there. */
void clientid__feed_finish(struct clientid__anypoint *a, struct clientid__feed *feed);
/* Out of reach, or worse; nothing of what it asked for counts. */
void clientid__feed_fail(struct clientid__anypoint *a, struct clientid__feed *feed,
                         const clientid_error *error);
bool clientid__feed_has_news(const struct clientid__feed *feed);
void clientid__feed_forget_news(struct clientid__feed *feed);
void clientid__feed_stop(struct clientid__anypoint *a, struct clientid__feed *feed);
void clientid__feed_free(struct clientid__anypoint *a, struct clientid__feed *feed);

/* ---- token.c ----------------------------------------------------------------------------------- */

/* True when there is one; else it is being asked for, or |error| says why not. */
bool clientid__token_get(struct clientid__anypoint *a, uint64_t now_ns, clientid_error *error);
/* The answer is there: 0, or why there is no token. */
int clientid__token_finish(struct clientid__anypoint *a, uint64_t now_ns, clientid_error *error);
/* The control plane does not take the one of that generation. */
void clientid__token_drop(struct clientid__anypoint *a, uint64_t generation);
void clientid__token_free(struct clientid__anypoint *a);

/* ---- news.c ------------------------------------------------------------------------------------ */

/* Tells the news of all feeds as events at |revision|. */
int clientid__news_tell(struct clientid__anypoint *a, clientid_event_fn *emit, void *sink,
                        uint64_t revision, clientid_error *error);

/* ---- anypoint.c -------------------------------------------------------------------------------- */

/* Notes what 429 and 503 ask for, and says what went wrong; |what| was asked for. */
int clientid__anypoint_failed(struct clientid__anypoint *a, const struct clientid__call *call,
                              const char *what, clientid_error *error);

#endif
