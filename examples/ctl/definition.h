/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CTL_DEFINITION_H
#define CTL_DEFINITION_H

#include "ctl.h"

#include <jansson.h>

/* What the policies of an API instance ask of its clients, as an API definition states it. */

enum { PLACES_MAX = 64, PLACE_NAME_BYTES = 132 };

enum carrier { IN_HEADER, IN_QUERY, IN_FORM, IN_PART, IN_ANY };

/* Where a client id or secret is read. */
struct place {
    enum carrier carrier;
    bool secret;
    char name[PLACE_NAME_BYTES];
};

/* An answer that clients must expect. */
struct refusal {
    unsigned status;
    const char *description;
    const char *example; /* of the body, or NULL */
    bool challenge;
    bool quota; /* with Retry-After, and quota headers if any */
};

enum { REFUSALS_MAX = 8 };

struct definition {
    const char *api;
    struct place places[PLACES_MAX];
    size_t place_count;
    bool basic;
    bool contract; /* some policy asks for credentials */
    bool quota;
    bool partial;               /* some policy applies to some requests only */
    const char *media_type;     /* of refusals */
    const char *const *headers; /* quota headers, ends with NULL; NULL when they are not shown */
    struct refusal refusals[REFUSALS_MAX];
    size_t refusal_count;
};

/* What a place is called in a description: "Client id", "Client secret". */
const char *place_text(const struct place *place);

/* raml.c, openapi_json.c */
void raml_write(FILE *out, const struct definition *definition);
json_t *openapi_to_json(const struct definition *definition); /* NULL without memory */

#endif
