/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__ANYPOINT_HTTP_H
#define CLIENTID__ANYPOINT_HTTP_H

#include <clientid/types.h>

#include <stdbool.h>

/*
 * Requests that are under way side by side; none of these functions waits but clientid__http_wait.  Certificates are always
 * checked, no redirect is followed, no cookie kept.  The proxy that the environment names (https_proxy, no_proxy) is used for
 * https, never for http: a proxy would read the token.
 */
struct clientid__http;

#define CLIENTID__HTTP_BODY_MOST   (64u << 20) /* bytes of an answer, unpacked */
#define CLIENTID__HTTP_CONNECT_S   10
#define CLIENTID__HTTP_STALL_S     10 /* without a byte */
#define CLIENTID__HTTP_WAIT_S      25 /* how long a control plane may hold a request */
#define CLIENTID__HTTP_CALL_S      120
#define CLIENTID__RETRY_AFTER_MOST 300 /* seconds */

struct clientid__ask {
    const char *url;
    const char *token; /* NULL: none */
    const char *etag;  /* for If-None-Match; NULL: none */
    const char *post;  /* a JSON body to POST; NULL: GET */
    bool hold;         /* "Prefer: wait" */
};

struct clientid__call {
    bool done; /* what follows counts */
    long status;
    char *body; /* |len| bytes */
    size_t len;
    char etag[256]; /* "": none, or too long */
    bool held;      /* "Preference-Applied: wait" */
    bool has_retry_after;
    uint64_t retry_after_s;
    char failure[256]; /* why there is no |status|; "": there is one */
};

/* Once before anything else, any number of times.  CLIENTID_ERR_NOMEM. */
int clientid__http_init(void);
/* |ca_file| may be NULL; |https|: nothing else is spoken.  CLIENTID_ERR_NOMEM. */
int clientid__http_new(struct clientid__http **out, const char *ca_file, bool https);
/* Every call must be gone. */
void clientid__http_del(struct clientid__http *http);

/* NULL when there is no memory. */
struct clientid__call *clientid__http_start(struct clientid__http *http,
                                            const struct clientid__ask *ask);
/* Ends it, wherever it is.  NULL is fine. */
void clientid__http_end(struct clientid__http *http, struct clientid__call *call);

/* Moves all of them. */
void clientid__http_perform(struct clientid__http *http);
/* Waits until one can be moved, |ms| at most. */
void clientid__http_wait(struct clientid__http *http, int ms);

#endif
