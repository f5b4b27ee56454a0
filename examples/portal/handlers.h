/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PORTAL_HANDLERS_H
#define PORTAL_HANDLERS_H

/* What the rows of routes.c name, by file.  A handler leaves an answer in the call. */

struct call;

/* document.c */
void document_openapi(struct call *call);
void document_health(struct call *call);

/* account.c */
void account_login(struct call *call);
void account_token(struct call *call);
void account_revoke(struct call *call);
void account_logout(struct call *call);
void account_profile(struct call *call);
void account_me(struct call *call);
void account_environments(struct call *call);

/* saml.c, saml_none.c */
void saml_login(struct call *call);

/* user.c */
void user_register(struct call *call);
void user_create(struct call *call);
void user_list(struct call *call);
void user_get(struct call *call);
void user_update(struct call *call);
void user_delete(struct call *call);

/* connected_app.c */
void connected_app_create(struct call *call);
void connected_app_list(struct call *call);
void connected_app_get(struct call *call);
void connected_app_update(struct call *call);
void connected_app_delete(struct call *call);
void connected_app_scopes(struct call *call);
void connected_app_set_scopes(struct call *call);
void connected_app_add_scopes(struct call *call);
void connected_app_remove_scopes(struct call *call);

/* api.c */
void api_create(struct call *call);
void api_list(struct call *call);
void api_instances(struct call *call);
void api_get(struct call *call);
void api_update(struct call *call);
void api_delete(struct call *call);
void api_offers(struct call *call);
void api_offer(struct call *call);

/* tier.c */
void tier_list(struct call *call);
void tier_create(struct call *call);
void tier_update(struct call *call);
void tier_delete(struct call *call);

/* contract.c */
void contract_list(struct call *call);
void contract_create(struct call *call);
void contract_get(struct call *call);
void contract_update(struct call *call);
void contract_delete(struct call *call);
void contract_approve(struct call *call);
void contract_reject(struct call *call);
void contract_revoke(struct call *call);
void contract_restore(struct call *call);
void contract_approve_tier(struct call *call);
void contract_reject_tier(struct call *call);

/* application.c */
void application_list(struct call *call);
void application_list_older(struct call *call);
void application_create(struct call *call);
void application_get(struct call *call);
void application_update(struct call *call);
void application_delete(struct call *call);
void application_reset_secret(struct call *call);
void application_end_secret(struct call *call);

/* owner.c */
void owner_list(struct call *call);
void owner_add(struct call *call);
void owner_remove(struct call *call);
void owner_list_of_api(struct call *call);
void owner_add_to_api(struct call *call);
void owner_remove_from_api(struct call *call);

/* access.c */
void access_list(struct call *call);
void access_request(struct call *call);
void access_get(struct call *call);
void access_change_tier(struct call *call);
void access_withdraw(struct call *call);

/* change.c */
void change_list(struct call *call);

/* gateway.c */
void gateway_event(struct call *call);

/* rest_hook.c */
void rest_hook_list(struct call *call);
void rest_hook_create(struct call *call);
void rest_hook_get(struct call *call);
void rest_hook_update(struct call *call);
void rest_hook_delete(struct call *call);
void rest_hook_events(struct call *call);

/* rest_provider.c */
void rest_provider_list(struct call *call);
void rest_provider_create(struct call *call);
void rest_provider_get(struct call *call);
void rest_provider_update(struct call *call);
void rest_provider_delete(struct call *call);
void rest_provider_apis(struct call *call);
void rest_provider_link(struct call *call);
void rest_provider_unlink(struct call *call);

/* rest_request.c */
void rest_request_create(struct call *call);
void rest_request_list(struct call *call);
void rest_request_get(struct call *call);
void rest_request_retry(struct call *call);
void rest_request_trace(struct call *call);

/* rest_application.c */
void rest_application_list(struct call *call);
void rest_application_list_all(struct call *call);
void rest_application_get(struct call *call);
void rest_application_answer(struct call *call);
void rest_application_delete(struct call *call);
void rest_application_requests(struct call *call);

/* rest_approval.c */
void rest_approval_list(struct call *call);
void rest_approval_get(struct call *call);
void rest_approval_approve(struct call *call);
void rest_approval_reject(struct call *call);

/* feed.c */
void feed_contracts(struct call *call);

#endif
