/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PORTAL_OPENAPI_H
#define PORTAL_OPENAPI_H

#include <jansson.h>

/* The OpenAPI 3.0 document of all routes; NULL: no memory. */
json_t *openapi_json(void);

#endif
