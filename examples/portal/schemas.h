/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PORTAL_SCHEMAS_H
#define PORTAL_SCHEMAS_H

#include "schema.h"

/* Bodies of requests and answers, by the file that has their tables. */

/* schemas_account.c */
extern const struct schema schema_login, schema_receive_id, schema_token_request, schema_token,
    schema_revocation;
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

/* schemas_api.c */
extern const struct schema schema_provider, schema_audit;
extern const struct schema schema_api, schema_api_create, schema_api_update, schema_api_list,
    schema_instance_list;
extern const struct schema schema_tier, schema_tier_create, schema_tier_update, schema_tier_list;

/* schemas_application.c */
extern const struct schema schema_application, schema_application_create,
    schema_application_created, schema_application_update, schema_application_list;
extern const struct schema schema_secret_reset, schema_secret;
extern const struct schema schema_owner, schema_owner_add, schema_change_list;

/* schemas_contract.c */
extern const struct schema schema_contract, schema_contract_create, schema_contract_update,
    schema_contract_list;
extern const struct schema schema_access_request, schema_tier_change;

/* schemas.c */
extern const struct schema schema_anything;

/* schemas_feed.c */
extern const struct schema schema_feed;

#endif
