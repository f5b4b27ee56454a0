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
