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

/* feed.c */
void feed_contracts(struct call *call);

#endif
