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

/* schemas_rest.c */
extern const struct schema schema_rest_created, schema_rest_done;
extern const struct schema schema_rest_hook, schema_rest_hook_list;
extern const struct schema schema_rest_provider, schema_rest_provider_list, schema_rest_api_list;
extern const struct schema schema_rest_request, schema_rest_request_create,
    schema_rest_request_list;
extern const struct schema schema_rest_application, schema_rest_application_list;
extern const struct schema schema_rest_approval, schema_rest_approval_list;

/* schemas.c */
extern const struct schema schema_anything;

#endif
