/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID_FEED_H
#define CLIENTID_FEED_H

/*
 * Unstable before 1.0, see store.h.
 *
 * What a gateway polls: the contracts of one API instance in the wire format of Anypoint's contract service,
 *
 *   GET /apigateway/ccs/v3/organizations/{o}/environments/{e}/apis/{a}/contracts
 *
 *   {"links": {"self", "next"},
 *    "data": [{"organizationId", "contractId", "apiId", "versionId", "slaTierId", "clientId", "clientSecret", "clientSecretSalt",
 *              "clientName", "removed"}]}
 *
 * with approved contracts only, ids as text, clientSecret = hex(SHA-256(clientSecretSalt || secret)) where the salt counts as the bytes of
 * its text, and |removed| true for a contract that is no longer in force.  A gateway follows |next| until a page has no data, keeps
 * that last |next|, and asks it from then on: pages tell what changed.
 *
 * Ours beside these, for gateways that know them: "applicationId"; "group", the name of the API group when the contract is with a group that has the
 * instance as a member; "secrets" [{"slot", "hash", "salt" (hexadecimal), "notBefore", "notAfter"}] whenever there is more to
 * say than one secret that is always valid; and in the page "identity" and "revision" of the store, "tiers" [{"id", "name", "limits", "removed"}] and
 * "groups" [{"name", "members"}] (ids of instances), all of them at the beginning, later those that changed.  A salt
 * that is no text (of applications imported with their hashes) is in "secrets" alone.
 */
#include <clientid/control.h>

#ifdef __cplusplus
extern "C" {
#endif

#define CLIENTID_FEED_ITEMS     5000 /* of a page, when nothing else is asked for */
#define CLIENTID_FEED_ITEMS_MAX 20000

typedef struct clientid_feed_options {
    size_t size;
    uint64_t api_id;           /* an instance */
    clientid_str cursor;       /* what a link said as "cursor"; empty: from the beginning */
    uint64_t items;            /* 0: CLIENTID_FEED_ITEMS; at most CLIENTID_FEED_ITEMS_MAX */
    clientid_str organization; /* for "organizationId" */
    clientid_str path;         /* for links: they are |path| and "?cursor=..." */
} clientid_feed_options;

typedef struct clientid_feed_page {
    size_t size;
    char *text; /* JSON, NUL-terminated; free it with clientid_json_free */
    size_t len;
    uint64_t items;    /* in "data" */
    uint64_t news;     /* items, tiers and groups: 0 when nothing changed */
    uint64_t revision; /* of the store: wait for another one before asking again */
} clientid_feed_page;

/*
 * One page.  CLIENTID_ERR_GAP: the cursor is of other data, or the change log no longer reaches back to it, or a group changed its
 * members: begin again without one.  CLIENTID_ERR_SYNTAX: it is no cursor of ours.  CLIENTID_ERR_RULE pepper-feed: a secret is stored
 * under a pepper.  CLIENTID_ERR_NOT_FOUND: no such instance.  Permission feed-read.
 */
CLIENTID_EXPORT int clientid_control_feed(clientid_control *control,
                                          const clientid_feed_options *options,
                                          clientid_feed_page *out, clientid_error *error);

#ifdef __cplusplus
}
#endif

#endif
