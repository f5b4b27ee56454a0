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

    /* ---- webMethods Developer Portal: its samples show paths with and without "/portal" ---- */
#define REST(prefix) \
    {"GET", prefix "/hooks", rest_hook_list, ROUTE_REST | ROUTE_BASIC, NULL, "page:number limit:number", 200, &schema_rest_hook_list, "gateway-manage", "webhooks"}, \
    {"POST", prefix "/hooks", rest_hook_create, ROUTE_REST | ROUTE_BASIC | ROUTE_RAW | ROUTE_BODY, &schema_rest_hook, NULL, 201, &schema_rest_created, "gateway-manage", "register a webhook"}, \
    {"GET", prefix "/hooks/events", rest_hook_events, ROUTE_REST | ROUTE_BASIC, NULL, NULL, 200, &schema_anything, "gateway-manage", "what a webhook can subscribe to"}, \
    {"GET", prefix "/hooks/{hookId}", rest_hook_get, ROUTE_REST | ROUTE_BASIC, NULL, NULL, 200, &schema_rest_hook, "gateway-manage", "one webhook, without its password"}, \
    {"PUT", prefix "/hooks/{hookId}", rest_hook_update, ROUTE_REST | ROUTE_BASIC | ROUTE_RAW | ROUTE_BODY, &schema_rest_hook, NULL, 200, &schema_rest_hook, "gateway-manage", "replace a webhook; without a password it keeps the one it has"}, \
    {"DELETE", prefix "/hooks/{hookId}", rest_hook_delete, ROUTE_REST | ROUTE_BASIC, NULL, NULL, 204, NULL, "gateway-manage", "delete a webhook"}, \
    {"GET", prefix "/providers", rest_provider_list, ROUTE_REST | ROUTE_BASIC, NULL, "page:number limit:number", 200, &schema_rest_provider_list, "gateway-manage", "providers: gateways"}, \
    {"POST", prefix "/providers", rest_provider_create, ROUTE_REST | ROUTE_BASIC | ROUTE_RAW | ROUTE_BODY, &schema_rest_provider, NULL, 201, &schema_rest_created, "gateway-manage", "make a provider"}, \
    {"GET", prefix "/providers/{providerId}", rest_provider_get, ROUTE_REST | ROUTE_BASIC, NULL, NULL, 200, &schema_rest_provider, "gateway-manage", "one provider, with its webhooks"}, \
    {"PUT", prefix "/providers/{providerId}", rest_provider_update, ROUTE_REST | ROUTE_BASIC | ROUTE_RAW | ROUTE_BODY, &schema_rest_provider, NULL, 200, &schema_rest_provider, "gateway-manage", "replace a provider; its name stays"}, \
    {"DELETE", prefix "/providers/{providerId}", rest_provider_delete, ROUTE_REST | ROUTE_BASIC, NULL, NULL, 204, NULL, "gateway-manage", "delete a provider"}, \
    {"GET", prefix "/providers/{providerId}/apis", rest_provider_apis, ROUTE_REST | ROUTE_BASIC, NULL, "page:number limit:number", 200, &schema_rest_api_list, "gateway-manage", "API instances of a provider"}, \
    {"PUT", prefix "/providers/{providerId}/apis", rest_provider_link, ROUTE_REST | ROUTE_BASIC | ROUTE_RAW | ROUTE_BODY, &schema_anything, NULL, 200, &schema_rest_done, "api-manage", "give API instances to a provider; the body is an array of their ids"}, \
    {"DELETE", prefix "/providers/{providerId}/apis", rest_provider_unlink, ROUTE_REST | ROUTE_BASIC | ROUTE_RAW | ROUTE_BODY, &schema_anything, NULL, 200, &schema_rest_done, "api-manage", "take API instances from a provider; the body is an array of their ids"}, \
    {"POST", prefix "/requests", rest_request_create, ROUTE_REST | ROUTE_BASIC | ROUTE_RAW | ROUTE_BODY, &schema_rest_request_create, NULL, 201, &schema_rest_created, "", "ask for an application, for access, for less access, a change, or deletion"}, \
    {"GET", prefix "/requests", rest_request_list, ROUTE_REST | ROUTE_BASIC, NULL, "type:text allusers:flag page:number limit:number", 200, &schema_rest_request_list, "", "requests of a type, those of one's own"}, \
    {"GET", prefix "/requests/{requestId}", rest_request_get, ROUTE_REST | ROUTE_BASIC, NULL, NULL, 200, &schema_rest_request, "", "one request"}, \
    {"PUT", prefix "/requests/{requestId}/retry", rest_request_retry, ROUTE_REST | ROUTE_BASIC, NULL, "state:text", 200, &schema_rest_done, "", "deliver an event of a request again"}, \
    {"GET", prefix "/requests/{requestId}/trace", rest_request_trace, ROUTE_REST | ROUTE_BASIC, NULL, NULL, 200, &schema_rest_request, "", "one request, and what became of its events"}, \
    {"GET", prefix "/applications", rest_application_list, ROUTE_REST | ROUTE_BASIC, NULL, "page:number limit:number", 200, &schema_rest_application_list, "", "applications of one's own"}, \
    {"GET", prefix "/applications/_all", rest_application_list_all, ROUTE_REST | ROUTE_BASIC, NULL, "page:number limit:number", 200, &schema_rest_application_list, "application-read", "all applications"}, \
    {"GET", prefix "/applications/{applicationId}", rest_application_get, ROUTE_REST | ROUTE_BASIC, NULL, NULL, 200, &schema_rest_application, "application-read", "one application, with the credentials that gateways made"}, \
    {"PUT", prefix "/applications/{applicationId}", rest_application_answer, ROUTE_REST | ROUTE_BASIC | ROUTE_RAW, &schema_rest_application, "eventId:text", 200, &schema_rest_done, "gateway-answer", "the answer of a gateway to an event; an empty body acknowledges"}, \
    {"DELETE", prefix "/applications/{applicationId}", rest_application_delete, ROUTE_REST | ROUTE_BASIC, NULL, "force:flag", 204, NULL, "", "ask for deletion: it goes when gateways have answered"}, \
    {"GET", prefix "/applications/{applicationId}/requests", rest_application_requests, ROUTE_REST | ROUTE_BASIC, NULL, "page:number limit:number", 200, &schema_rest_request_list, "", "requests that were made for an application"}, \
    {"GET", prefix "/approvals/request", rest_approval_list, ROUTE_REST | ROUTE_BASIC, NULL, "page:number limit:number", 200, &schema_rest_approval_list, "contract-read", "access requests that wait"}, \
    {"GET", prefix "/approvals/request/{approvalId}", rest_approval_get, ROUTE_REST | ROUTE_BASIC, NULL, NULL, 200, &schema_rest_approval, "contract-read", "one access request that waits"}, \
    {"PUT", prefix "/approvals/request/{approvalId}/approve", rest_approval_approve, ROUTE_REST | ROUTE_BASIC, NULL, "comments:text", 200, NULL, "contract-decide", "approve an access request"}, \
    {"PUT", prefix "/approvals/request/{approvalId}/reject", rest_approval_reject, ROUTE_REST | ROUTE_BASIC, NULL, "comments:text", 200, NULL, "contract-decide", "reject an access request"}
    REST("/rest/v1"),
    REST("/portal/rest/v1"),
#undef REST
};
/* clang-format on */

const size_t route_count = sizeof routes / sizeof routes[0];
