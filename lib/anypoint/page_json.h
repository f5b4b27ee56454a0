/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__ANYPOINT_PAGE_JSON_H
#define CLIENTID__ANYPOINT_PAGE_JSON_H

#include "anypoint/config_json.h"

#include <clientid/source.h>

/* What a control plane answers, as structs; README.md has the keys.  A page is read whole or not at all. */

struct clientid__item {
    clientid_contract_event contract; /* slices into the page, and names of the configuration */
    bool removed;                     /* only |id|, |api| and |client_id| count */
};

struct clientid__tier_row {
    uint64_t id;
    bool removed;
    char name[CLIENTID_NAME_MAX + 1];
    clientid_limit limits[CLIENTID_TIER_LIMITS_MAX];
    size_t limit_count;
};

struct clientid__group_row {
    clientid_str name;
    bool removed;
    clientid_str *members; /* API instances of the configuration */
    size_t member_count;
};

struct clientid__chunk;

struct clientid__page {
    struct clientid__page *next_page; /* for who keeps them in a row */
    uint64_t arrival;                 /* grows over all feeds */
    struct clientid__item *items;
    size_t count;
    bool has_tiers; /* the key is there */
    struct clientid__tier_row *tiers;
    size_t tier_count;
    uint64_t tier_total; /* of a list of tiers: all that there are */
    struct clientid__group_row *groups;
    size_t group_count;
    const char *next, *self, *identity; /* NULL: none */
    bool has_revision;
    uint64_t revision;
    struct clientid__chunk *chunks;
};

/*
 * One page of the contracts of |api|, called |name| in errors: CLIENTID_ERR_CORRUPT with a JSON pointer, or line and column;
 * _NOMEM.
 */
int clientid__page_read(struct clientid__page **out, const struct clientid__anypoint_config *config,
                        const struct clientid__anypoint_api *api, const char *body, size_t len,
                        const char *name, clientid_error *error);
/* A list of tiers, as a page that has nothing else.  Errors as above. */
int clientid__tier_list_read(struct clientid__page **out, const char *body, size_t len,
                             const char *name, clientid_error *error);
/* NULL is fine. */
void clientid__page_del(struct clientid__page *page);

/* |*token| is freed by the caller; |*expires_s| is 0 when it is not said. */
int clientid__token_read(char **token, uint64_t *expires_s, const char *body, size_t len,
                         clientid_error *error);
/* The body of a request for one; NULL without memory.  To be wiped and freed by clientid__token_post_free. */
char *clientid__token_post(const char *client_id, const char *client_secret);
void clientid__token_post_free(char *post);

#endif
