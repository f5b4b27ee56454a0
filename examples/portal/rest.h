/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PORTAL_REST_H
#define PORTAL_REST_H

#include "call.h"

#include <clientid/third_party.h>

/* What the handlers of /rest/v1 have in common. */

/* The text of a slice for json_pack's "s%". */
#define REST_TEXT(text) (text).ptr != NULL ? (text).ptr : "", (text).len

/* A UUID of the path as an id; false with a 404 in the vendor's words. */
bool rest_id(struct call *call, const char *parameter, clientid_uuid_kind kind, const char *what,
             uint64_t *id);
/* What the library said; what is not found is told in the vendor's words, when |what| is not NULL. */
void rest_error(struct call *call, int rc, const clientid_error *error, const char *what);
/* 201 {"id","_self"}; |path| "hooks". */
void rest_created(struct call *call, clientid_uuid_kind kind, uint64_t id, const char *path);
/* {"code":200,"message"} */
void rest_done(struct call *call, const char *message);
/* The body as it came. */
clientid_str rest_body(const struct call *call);

/* A page of a list: elements are counted, those of the page are kept. */
struct rest_page {
    struct call *call;
    uint64_t number, limit;
    uint64_t total;
    json_t *list;
};

/* "page" and "limit" of the query; false with a 400. */
bool rest_page_open(struct call *call, struct rest_page *page);
/* Counts one more; whether it is on the page. */
bool rest_page_takes(struct rest_page *page);
/* Takes |json|, an element; 0 or CLIENTID_ERR_NOMEM. */
int rest_page_put(struct rest_page *page, json_t *json);
/* {"result","count","_links"} or the error; |path| as it stands after /rest/v1/, with a query or not; NULL: no links. */
void rest_page_close(struct rest_page *page, int rc, const clientid_error *error, const char *path);

#endif
