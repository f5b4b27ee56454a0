/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PORTAL_SCHEMAS_H
#define PORTAL_SCHEMAS_H

#include "schema.h"

/* Bodies of requests and answers, by the file that has their tables. */

/* schemas_account.c */
extern const struct schema schema_login, schema_token_request, schema_token, schema_revocation;
extern const struct schema schema_user, schema_user_create, schema_user_register,
    schema_user_update, schema_user_list;
extern const struct schema schema_me, schema_profile, schema_environment_list;
extern const struct schema schema_connected_app, schema_connected_app_create,
    schema_connected_app_update, schema_connected_app_list;
extern const struct schema schema_scope, schema_scope_list, schema_scope_change;

/* schemas.c */
extern const struct schema schema_anything;

/* schemas_feed.c */
extern const struct schema schema_feed;

#endif
