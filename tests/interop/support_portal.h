/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPPORT_PORTAL_H
#define SUPPORT_PORTAL_H

#include <clientid/account.h>

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#define PORTAL_ORGANIZATION "b5e4ac58-0001-4000-8000-0123456789ab"
#define PORTAL_ENVIRONMENT  "b5e4ac58-0002-4000-8000-0123456789ab"
#define PORTAL_PASSWORD     "correct horse battery" /* of every user */

/* ---- the program ----------------------------------------------------------------------------- */

struct portal {
    pid_t pid;
    char dir[64]; /* of its files: config, port, err, sealing.key, store.db */
    unsigned port;
    json_t *names; /* see portal_set */
};

/* A folder with a fresh store and a configuration.  |more|: further keys, ",\"registration\":true", or "". */
void portal_prepare(struct portal *portal, const char *more);
/* The configuration anew, with other further keys. */
void portal_configure(const struct portal *portal, const char *more);
/* Waits until it listens.  Again after portal_stop or portal_kill: on another port. */
void portal_start(struct portal *portal);
/* The same at that port, as an operator would who starts it anew. */
void portal_start_at(struct portal *portal, const char *port);
int portal_stop(struct portal *portal);  /* SIGTERM; its exit code */
void portal_kill(struct portal *portal); /* SIGKILL */
void portal_remove(struct portal *portal);

/* The store of the portal, beside it, as its operator. */
struct portal_store {
    clientid_store *store;
    clientid_control *control;
};
void portal_open(const struct portal *portal, struct portal_store *out);
void portal_close(struct portal_store *store);

/* ---- names ----------------------------------------------------------------------------------- */

/*
 * "${name}" in paths, bodies, patterns and tokens of the functions below stands for a text: "org" and "env", and what
 * these functions and patterns (below) keep.
 */
void portal_set(struct portal *portal, const char *name, const char *text);
const char *portal_name(const struct portal *portal,
                        const char *name); /* fails the test: unknown */
/* Free it. */
char *portal_fill(const struct portal *portal, const char *text);

/* Makes a user and a token, as operator, past HTTP; "${mia}" is the token, "${mia.id}" the UUID. */
void portal_user(struct portal *portal, const char *name, clientid_role role);
/* The same for a Connected App of |owner|: "${bot}", "${bot.id}" its client id, "${bot.secret}". */
void portal_connected_app(struct portal *portal, const char *name, const char *owner,
                          uint32_t scopes);

/* ---- asking ---------------------------------------------------------------------------------- */

struct portal_answer {
    unsigned status; /* 0: the connection ended without one */
    char *head;
    char *text;
    json_t *json; /* NULL: there is none */
};

/*
 * |authorization|: the value of that header, NULL: none.  |type| NULL: application/json.  |body| NULL: none.
 * Any of them may have names in it.
 */
struct portal_answer portal_ask(const struct portal *portal, const char *method, const char *path,
                                const char *authorization, const char *type, const char *body);
void portal_answer_free(struct portal_answer *answer);
/* The bytes that portal_ask sends, for a connection of the caller's own; free it. */
char *portal_request(const struct portal *portal, const char *method, const char *path,
                     const char *authorization, const char *type, const char *body);

/*
 * Whether |json| has what |pattern| (JSON with names, or one of the texts below) says, and keeps what it says to keep.  Objects may have more keys,
 * arrays not more elements.  Texts that begin with "@" mean: "@any", "@text", "@number", "@time" (RFC 3339), "@secret" (32 hexadecimal
 * digits), "@list", "@none" (the key is not there), "@keep NAME" (a text or a number, kept as a name),
 * "@some PART" (a text that contains PART).  |why| gets the place that differs.
 */
bool portal_matches(struct portal *portal, const char *pattern, const json_t *json, char *why,
                    size_t size);

/* One request and what must come of it. */
struct portal_row {
    const char *who; /* a user or Connected App from above; NULL: nobody */
    const char *method;
    const char *path;
    const char *body; /* JSON, or NULL */
    unsigned status;
    const char *answer; /* a pattern; NULL: whatever; "": no body */
};

/* All, in order; fails the test with the row that differs. */
void portal_rows(struct portal *portal, const struct portal_row *rows, size_t count);
#define PORTAL_ROWS(portal, rows) portal_rows(portal, rows, sizeof(rows) / sizeof((rows)[0]))

#endif
