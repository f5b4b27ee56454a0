/* SPDX-License-Identifier: Apache-2.0 */
/* The one table of what the portal serves. */
#include "handlers.h"
#include "route.h"
#include "schemas.h"

#define ACCOUNTS     "/accounts/api"
#define ORGANIZATION ACCOUNTS "/organizations/{organizationId}"

/* clang-format off */
const struct route routes[] = {
    /* method, path, handler, flags, body, query, status, answer, permission, summary */
    {"GET", "/openapi.json", document_openapi, ROUTE_OPEN, NULL, NULL, 200, &schema_anything, "", "this document"},
    {"GET", "/healthz", document_health, ROUTE_OPEN, NULL, NULL, 200, &schema_anything, "", "whether the store answers, and what waits in the outbox"},

    {"POST", "/accounts/login", account_login, ROUTE_OPEN | ROUTE_SLOW | ROUTE_BODY, &schema_login, NULL, 200, &schema_token, "", "a token for a user"},
    {"POST", ACCOUNTS "/login", account_login, ROUTE_OPEN | ROUTE_SLOW | ROUTE_BODY, &schema_login, NULL, 200, &schema_token, "", "a token for a user"},
    {"POST", ACCOUNTS "/v2/oauth2/token", account_token, ROUTE_OPEN | ROUTE_BODY | ROUTE_FORM | ROUTE_OAUTH, &schema_token_request, NULL, 200, &schema_token, "", "a token for a Connected App"},
    {"POST", "/accounts/oauth2/token", account_token, ROUTE_OPEN | ROUTE_BODY | ROUTE_FORM | ROUTE_OAUTH, &schema_token_request, NULL, 200, &schema_token, "", "a token for a Connected App, older path"},
    {"POST", ACCOUNTS "/v2/oauth2/revoke", account_revoke, ROUTE_OPEN | ROUTE_BODY | ROUTE_FORM | ROUTE_OAUTH, &schema_revocation, NULL, 200, &schema_anything, "", "end a token (RFC 7009)"},
    {"GET", "/accounts/api/logout", account_logout, 0, NULL, NULL, 204, NULL, "", "end the token of this request"},
    {"GET", ACCOUNTS "/profile", account_profile, 0, NULL, NULL, 200, &schema_profile, "", "the user whose token it is"},
    {"GET", ACCOUNTS "/users/me", account_profile, 0, NULL, NULL, 200, &schema_profile, "", "the user whose token it is"},
    {"GET", ACCOUNTS "/me", account_me, 0, NULL, NULL, 200, &schema_me, "", "the user or Connected App whose token it is"},
    {"GET", ORGANIZATION "/environments", account_environments, 0, NULL, NULL, 200, &schema_environment_list, "", "the one environment"},

    {"POST", ACCOUNTS "/users", user_register, ROUTE_OPEN | ROUTE_SLOW | ROUTE_BODY, &schema_user_register, NULL, 201, &schema_user, "", "make an account for oneself"},
    {"POST", ORGANIZATION "/users", user_create, ROUTE_SLOW | ROUTE_BODY, &schema_user_create, NULL, 201, &schema_user, "user-manage", "make a user"},
    {"GET", ORGANIZATION "/users", user_list, 0, NULL, "limit:number offset:number", 200, &schema_user_list, "user-manage", "all users"},
    {"GET", ORGANIZATION "/users/{userId}", user_get, 0, NULL, NULL, 200, &schema_user, "user-manage", "one user; oneself always"},
    {"PUT", ORGANIZATION "/users/{userId}", user_update, ROUTE_SLOW | ROUTE_BODY, &schema_user_update, NULL, 200, &schema_user, "user-manage", "change a user, or set the password"},
    {"DELETE", ORGANIZATION "/users/{userId}", user_delete, 0, NULL, NULL, 204, NULL, "user-manage", "delete a user"},

#define CONNECTED_APPS(prefix) \
    {"POST", prefix "/connectedApplications", connected_app_create, ROUTE_BODY, &schema_connected_app_create, NULL, 201, &schema_connected_app, "connected-app-manage", "make a Connected App; its secret is in the answer"}, \
    {"GET", prefix "/connectedApplications", connected_app_list, 0, NULL, "limit:number offset:number", 200, &schema_connected_app_list, "connected-app-manage", "Connected Apps in use"}, \
    {"GET", prefix "/connectedApplications/{clientId}", connected_app_get, 0, NULL, NULL, 200, &schema_connected_app, "connected-app-manage", "one Connected App"}, \
    {"PATCH", prefix "/connectedApplications/{clientId}", connected_app_update, 0, &schema_connected_app_update, "resetSecret:flag", 200, &schema_connected_app, "connected-app-manage", "change name or scopes, or reset the secret"}, \
    {"DELETE", prefix "/connectedApplications/{clientId}", connected_app_delete, 0, NULL, NULL, 204, NULL, "connected-app-manage", "revoke for good, with all tokens"}, \
    {"DELETE", prefix "/connectedApplications/{clientId}/revoke", connected_app_delete, 0, NULL, NULL, 204, NULL, "connected-app-manage", "revoke for good, with all tokens"}, \
    {"GET", prefix "/connectedApplications/{clientId}/scopes", connected_app_scopes, 0, NULL, NULL, 200, &schema_scope_list, "connected-app-manage", "scopes and grants"}, \
    {"PUT", prefix "/connectedApplications/{clientId}/scopes", connected_app_set_scopes, ROUTE_BODY, &schema_scope_change, NULL, 204, NULL, "connected-app-manage", "replace the scopes"}, \
    {"PATCH", prefix "/connectedApplications/{clientId}/scopes", connected_app_add_scopes, ROUTE_BODY, &schema_scope_change, NULL, 204, NULL, "connected-app-manage", "add scopes, or grant one application"}, \
    {"DELETE", prefix "/connectedApplications/{clientId}/scopes", connected_app_remove_scopes, ROUTE_BODY, &schema_scope_change, NULL, 204, NULL, "connected-app-manage", "remove scopes, or one grant"}
    CONNECTED_APPS(ACCOUNTS),
    CONNECTED_APPS(ORGANIZATION),

    {"GET", "/apigateway/ccs/v3/organizations/{organizationId}/environments/{environmentId}/apis/{apiId}/contracts", feed_contracts, 0, NULL, "cursor:text limit:number", 200, &schema_feed, "feed-read", "the contracts of an API instance, for its gateways"},
};
/* clang-format on */

const size_t route_count = sizeof routes / sizeof routes[0];
