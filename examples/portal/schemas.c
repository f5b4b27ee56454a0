/* SPDX-License-Identifier: Apache-2.0 */
#include "schemas.h"

/* Objects of other vendors, and documents. */
static const struct schema_field anything_fields[] = {FIELDS_END};
const struct schema schema_anything = {"Object", anything_fields, SCHEMA_OPEN};
