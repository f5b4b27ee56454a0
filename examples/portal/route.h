/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PORTAL_ROUTE_H
#define PORTAL_ROUTE_H

#include "schema.h"

#include <clientid/types.h>

struct call;

enum {
    ROUTE_OPEN = 1,   /* nobody has to be identified */
    ROUTE_BASIC = 2,  /* takes Basic as well as bearer */
    ROUTE_SLOW = 4,   /* reckons with passwords: runs beside the others */
    ROUTE_FORM = 8,   /* takes an application/x-www-form-urlencoded body too */
    ROUTE_BODY = 16,  /* the body must be there */
    ROUTE_REST = 32,  /* refusals in webMethods' words: {"code","message","errors"} */
    ROUTE_OAUTH = 64, /* refusals as RFC 6749 section 5.2 */
    ROUTE_RAW = 128   /* the handler reads the body itself; the schema only documents it */
};

/* One row of the table that maps method and path to a handler, and of which the OpenAPI document is made. */
struct route {
    const char *method;
    const char *path; /* "/exchange/api/v2/organizations/{organizationId}/applications" */
    void (*handle)(struct call *call);
    unsigned flags;
    const struct schema *body;   /* NULL: none is taken */
    const char *query;           /* "limit:number offset:number active:flag query:text", or NULL */
    unsigned status;             /* when it went well */
    const struct schema *answer; /* NULL: none */
    const char *permission;      /* label of the permission it takes, "" when the object decides */
    const char *summary;
};

extern const struct route routes[];
extern const size_t route_count;

struct route_match {
    const struct route *route;
    bool path_known;  /* another method would have been right */
    char methods[64]; /* those, for Allow */
    struct {
        clientid_str name, value; /* |value| is raw, not decoded */
    } parameters[8];
    size_t parameter_count;
};

/* |path|: as it came, without the query. */
bool route_find(const char *method, clientid_str path, struct route_match *out);

#endif
