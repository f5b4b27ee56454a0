/* SPDX-License-Identifier: Apache-2.0 */
/* The one table of what the portal serves. */
#include "handlers.h"
#include "route.h"
#include "schemas.h"

#define ACCOUNTS     "/accounts/api"
#define ORGANIZATION ACCOUNTS "/organizations/{organizationId}"
#define APIS         "/apimanager/api/v1/organizations/{organizationId}/environments/{environmentId}/apis"
#define X_APIS                                                                                     \
    "/apimanager/xapi/v1/organizations/{organizationId}/environments/{environmentId}/apis"
#define EXCHANGE   "/exchange/api/v2/organizations/{organizationId}"
#define EXCHANGE_1 "/exchange/api/v1/organizations/{organizationId}"
#define PLATFORM   "/apiplatform/repository/v2/organizations/{organizationId}"
#define VERSION    PLATFORM "/apis/{assetId}/versions/{apiId}"

/* clang-format off */
const struct route routes[] = {
    /* method, path, handler, flags, body, query, status, answer, permission, summary */
    {"GET", "/openapi.json", document_openapi, ROUTE_OPEN, NULL, NULL, 200, &schema_anything, "", "this document"},
    {"GET", "/healthz", document_health, ROUTE_OPEN, NULL, NULL, 200, &schema_anything, "", "whether the store answers, and what waits in the outbox"},

    {"POST", "/accounts/login", account_login, ROUTE_OPEN | ROUTE_SLOW | ROUTE_BODY, &schema_login, NULL, 200, &schema_token, "", "a token for a user"},
    {"POST", ACCOUNTS "/login", account_login, ROUTE_OPEN | ROUTE_SLOW | ROUTE_BODY, &schema_login, NULL, 200, &schema_token, "", "a token for a user"},
    {"POST", "/accounts/login/receive-id", saml_login, ROUTE_OPEN | ROUTE_SLOW | ROUTE_BODY, &schema_receive_id, NULL, 200, &schema_token, "", "a token for whom a SAML 2.0 response is about"},
    {"POST", "/accounts/login/{domain}/providers/{providerId}/receive-id", saml_login, ROUTE_OPEN | ROUTE_SLOW | ROUTE_BODY, &schema_receive_id, NULL, 200, &schema_token, "", "the same; there is one identity provider"},
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
    {"PUT", prefix "/providers/{providerId}/apis", rest_provider_link, ROUTE_REST | ROUTE_BASIC | ROUTE_RAW | ROUTE_BODY, &schema_anything, NULL, 200, &schema_rest_done, "gateway-manage", "give API instances to a provider; the body is an array of their ids"}, \
    {"DELETE", prefix "/providers/{providerId}/apis", rest_provider_unlink, ROUTE_REST | ROUTE_BASIC | ROUTE_RAW | ROUTE_BODY, &schema_anything, NULL, 200, &schema_rest_done, "gateway-manage", "take API instances from a provider; the body is an array of their ids"}, \
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

    {"GET", ORGANIZATION "/changes", change_list, 0, NULL, "after:number limit:number", 200, &schema_change_list, "changes-read", "ours: the audit trail"},

    /* ---- API Manager, and the older API Platform ---- */

#define FIND_APIS "limit:number offset:number query:text groupId:text assetId:text assetVersion:text productVersion:text instanceLabel:text instanceType:text autodiscoveryInstanceName:text"
    {"GET", APIS, api_list, 0, NULL, FIND_APIS, 200, &schema_api_list, "api-read", "API instances by asset"},
    {"GET", X_APIS, api_instances, 0, NULL, FIND_APIS, 200, &schema_instance_list, "api-read", "API instances"},
    {"POST", APIS, api_create, ROUTE_BODY, &schema_api_create, NULL, 201, &schema_api, "api-create", "make an API instance, or (ours) a group"},
#define ONE_API(path) \
    {"GET", path, api_get, 0, NULL, NULL, 200, &schema_api, "api-read", "one API instance or group"}, \
    {"PATCH", path, api_update, ROUTE_BODY, &schema_api_update, NULL, 200, &schema_api, "api-manage", "change an API instance or group"}, \
    {"DELETE", path, api_delete, 0, NULL, NULL, 204, NULL, "api-manage", "delete an API instance or group, with its tiers"}
    ONE_API(APIS "/{apiId}"),
    ONE_API(VERSION),
    {"GET", APIS "/{apiId}/owners", owner_list_of_api, 0, NULL, NULL, 200, &schema_anything, "api-manage", "ours: owners of an API instance"},
    {"POST", APIS "/{apiId}/owners", owner_add_to_api, ROUTE_BODY, &schema_owner_add, NULL, 201, &schema_anything, "api-manage", "ours: add an owner, by UUID or name"},
    {"DELETE", APIS "/{apiId}/owners/{userId}", owner_remove_from_api, 0, NULL, NULL, 204, NULL, "api-manage", "ours: remove an owner"},

#define TIERS(path, put_status) \
    {"GET", path "/tiers", tier_list, 0, NULL, "active:flag limit:number offset:number query:text", 200, &schema_tier_list, "api-read", "SLA tiers"}, \
    {"POST", path "/tiers", tier_create, ROUTE_BODY, &schema_tier_create, NULL, 201, &schema_tier, "api-manage", "make an SLA tier"}, \
    {"PUT", path "/tiers/{tierId}", tier_update, ROUTE_BODY, &schema_tier_update, NULL, put_status, &schema_tier, "api-manage", "change an SLA tier"}, \
    {"DELETE", path "/tiers/{tierId}", tier_delete, 0, NULL, NULL, 204, NULL, "api-manage", "delete an SLA tier that no contract uses"}
    TIERS(APIS "/{apiId}", 201),
    TIERS(VERSION, 200),

#define CONTRACTS(path) \
    {"GET", path "/contracts", contract_list, 0, NULL, "status:text limit:number offset:number query:text coreServicesId:text", 200, &schema_contract_list, "contract-read", "contracts and access requests of an API"}, \
    {"POST", path "/contracts", contract_create, ROUTE_BODY, &schema_contract_create, NULL, 201, &schema_contract, "application-use", "request access"}, \
    {"GET", path "/contracts/{contractId}", contract_get, 0, NULL, NULL, 200, &schema_contract, "contract-read", "one contract"}, \
    {"PATCH", path "/contracts/{contractId}", contract_update, ROUTE_BODY, &schema_contract_update, NULL, 200, &schema_contract, "", "request another tier (application-use), or decide by tierId or status (contract-decide)"}, \
    {"DELETE", path "/contracts/{contractId}", contract_delete, 0, NULL, NULL, 204, NULL, "contract-decide", "delete a revoked or rejected contract"}
    CONTRACTS(APIS "/{apiId}"),
    CONTRACTS(VERSION),

#define ACTIONS(path) \
    {"POST", path "/contracts/{contractId}/approve", contract_approve, 0, NULL, NULL, 201, &schema_contract, "contract-decide", "approve an access request"}, \
    {"POST", path "/contracts/{contractId}/reject", contract_reject, 0, NULL, NULL, 201, &schema_contract, "contract-decide", "reject an access request"}, \
    {"POST", path "/contracts/{contractId}/revoke", contract_revoke, 0, NULL, NULL, 201, &schema_contract, "contract-decide", "revoke a contract"}, \
    {"POST", path "/contracts/{contractId}/restore", contract_restore, 0, NULL, NULL, 201, &schema_contract, "contract-decide", "restore a revoked contract"}, \
    {"POST", path "/contracts/{contractId}/approveTierChange", contract_approve_tier, 0, NULL, NULL, 201, &schema_contract, "contract-decide", "approve a tier change"}, \
    {"POST", path "/contracts/{contractId}/rejectTierChange", contract_reject_tier, 0, NULL, NULL, 201, &schema_contract, "contract-decide", "reject a tier change"}
    ACTIONS(X_APIS "/{apiId}"),
    ACTIONS(VERSION),

    /* ---- Exchange, and the older API Platform ---- */

    {"GET", EXCHANGE "/apis", api_offers, 0, NULL, FIND_APIS, 200, &schema_anything, "api-read", "ours: API instances and groups with terms and active tiers, to request access to"},
    {"GET", EXCHANGE "/apis/{apiId}", api_offer, 0, NULL, NULL, 200, &schema_api, "api-read", "ours: one of them"},

    {"GET", EXCHANGE "/applications", application_list, 0, NULL, "targetAdminSite:flag limit:number offset:number query:text", 200, &schema_anything, "application-read", "client applications, an array: one's own, or all that one may read"},
    {"POST", EXCHANGE "/applications", application_create, ROUTE_BODY, &schema_application_create, "apiInstanceId:number apiGroupInstanceId:number", 201, &schema_application_created, "application-create", "make a client application; its secret is in the answer"},
    {"GET", PLATFORM "/applications", application_list_older, 0, NULL, "targetAdminSite:flag limit:number offset:number query:text", 200, &schema_application_list, "application-read", "client applications: one's own, or all that one may read"},
    {"POST", PLATFORM "/applications", application_create, ROUTE_BODY, &schema_application_create, "apiVersionId:number groupInstanceId:number", 201, &schema_application_created, "application-create", "make a client application; its secret is in the answer"},
    {"PUT", PLATFORM "/applications/{applicationId}", application_update, ROUTE_BODY, &schema_application_update, NULL, 200, &schema_application, "application-manage", "change a client application"},
#define ONE_APPLICATION(path) \
    {"GET", path, application_get, 0, NULL, NULL, 200, &schema_application, "application-read", "one client application, without its secret"}, \
    {"PATCH", path, application_update, ROUTE_BODY, &schema_application_update, NULL, 200, &schema_application, "application-manage", "change a client application"}, \
    {"DELETE", path, application_delete, 0, NULL, NULL, 204, NULL, "application-manage", "delete a client application without approved contracts"}, \
    {"POST", path "/secret/reset", application_reset_secret, 0, &schema_secret_reset, NULL, 201, &schema_secret, "application-use", "a new secret; (ours) the old one may go on for a while"}, \
    {"DELETE", path "/secrets/{slot}", application_end_secret, 0, NULL, NULL, 204, NULL, "application-manage", "ours: end secret 1 or 2 at once"}, \
    {"GET", path "/owners", owner_list, 0, NULL, NULL, 200, &schema_anything, "application-read", "ours: owners, an array"}, \
    {"POST", path "/owners", owner_add, ROUTE_BODY, &schema_owner_add, NULL, 201, &schema_anything, "application-use", "add an owner, by UUID or (ours) name"}, \
    {"DELETE", path "/owners/{userId}", owner_remove, 0, NULL, NULL, 204, NULL, "application-manage", "remove an owner"}, \
    {"GET", path "/contracts", access_list, 0, NULL, "limit:number offset:number", 200, &schema_anything, "application-read", "contracts and access requests of an application, an array"}, \
    {"POST", path "/contracts", access_request, ROUTE_BODY, &schema_access_request, NULL, 201, &schema_contract, "application-use", "request access"}, \
    {"GET", path "/contracts/{contractId}", access_get, 0, NULL, NULL, 200, &schema_contract, "contract-read", "ours: one contract"}, \
    {"PATCH", path "/contracts/{contractId}", access_change_tier, ROUTE_BODY, &schema_tier_change, NULL, 200, &schema_contract, "application-use", "request another tier"}, \
    {"DELETE", path "/contracts/{contractId}", access_withdraw, 0, NULL, NULL, 204, NULL, "application-use", "ours: take back what waits for approval"}
    ONE_APPLICATION(EXCHANGE "/applications/{applicationId}"),
    ONE_APPLICATION(PLATFORM "/applications/{applicationId}"),
    {"POST", EXCHANGE_1 "/applications/{applicationId}/contracts", access_request, ROUTE_BODY, &schema_access_request, NULL, 201, &schema_contract, "application-use", "request access, as clients of version 1 do"},
};
/* clang-format on */

const size_t route_count = sizeof routes / sizeof routes[0];

const struct route gateway_routes[] = {
    {"POST", "/events", gateway_event, ROUTE_HOOK | ROUTE_REST | ROUTE_BODY, &schema_gateway_event,
     NULL, 202, &schema_rest_done, "", "an event of the portal"},
    {"GET", "/healthz", document_health, ROUTE_OPEN, NULL, NULL, 200, &schema_anything, "",
     "whether the store answers, and what waits in the outbox"},
};

const size_t gateway_route_count = sizeof gateway_routes / sizeof gateway_routes[0];
