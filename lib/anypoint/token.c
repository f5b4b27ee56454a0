/* SPDX-License-Identifier: Apache-2.0 */
/* The client secret is in memory while a request for a token is, and no longer. */
#include "anypoint/anypoint.h"

#include "base/error.h"
#include "base/mem.h"

#include <stdio.h>
#include <string.h>

#define SECOND_NS 1000000000ULL
#define MARGIN_MOST_S                                                                              \
    60 /* it is renewed so long before it ends, or after four fifths of its time */

static void forget(struct clientid__token *token)
{
    if (token->value != NULL)
        explicit_bzero(token->value, strlen(token->value));
    clientid__free(&clientid__malloc, token->value);
    token->value = NULL;
}

static int start(struct clientid__anypoint *a, clientid_error *error)
{
    static const char *const paths[] = {"/accounts/api/v2/oauth2/token", "/accounts/oauth2/token"};
    char url[CLIENTID__URL_MAX];
    char secret[CLIENTID__SECRET_TEXT];
    struct clientid__ask ask = {.url = url};
    char *post;
    int rv = clientid__anypoint_secret(&a->config, secret, error);

    if (rv != 0) {
        if (error != NULL)
            error->code = CLIENTID_ERR_UNREACHABLE;
        return CLIENTID_ERR_UNREACHABLE;
    }
    post = clientid__token_post(a->config.client_id, secret);
    explicit_bzero(secret, sizeof(secret));
    snprintf(url, sizeof(url), "%s%s", a->config.url, paths[a->token.old_path]);
    ask.post = post;
    if (post != NULL)
        a->token.call = clientid__http_start(a->http, &ask);
    clientid__token_post_free(post);
    if (a->token.call == NULL)
        return clientid__fail(error, CLIENTID_ERR_NOMEM, "out of memory");
    return 0;
}

bool clientid__token_get(struct clientid__anypoint *a, uint64_t now_ns, clientid_error *error)
{
    struct clientid__token *token = &a->token;

    if (token->value != NULL && token->renew_ns != 0 && now_ns >= token->renew_ns)
        forget(token);
    if (token->value == NULL && token->call == NULL)
        start(a, error);
    return token->value != NULL;
}

static int take(struct clientid__anypoint *a, uint64_t now_ns, clientid_error *error)
{
    struct clientid__token *token = &a->token;
    uint64_t expires_s = 0, margin_s;
    int rv;

    forget(token);
    rv =
        clientid__token_read(&token->value, &expires_s, token->call->body, token->call->len, error);
    if (rv != 0)
        return rv;
    margin_s = expires_s / 5 < MARGIN_MOST_S ? expires_s / 5 : MARGIN_MOST_S;
    token->renew_ns = expires_s != 0 ? now_ns + (expires_s - margin_s) * SECOND_NS : 0;
    token->generation++;
    return 0;
}

int clientid__token_finish(struct clientid__anypoint *a, uint64_t now_ns, clientid_error *error)
{
    struct clientid__token *token = &a->token;
    const struct clientid__call *call = token->call;
    int rv;

    if (call->failure[0] == '\0' && call->status == 404 && !token->old_path) {
        token->old_path = true; /* as gateways before it asked */
        rv = 0;
    } else if (call->failure[0] == '\0' && call->status == 200) {
        rv = take(a, now_ns, error);
    } else if (call->status == 400 || call->status == 401 || call->status == 403) {
        rv = clientid__fail(error, CLIENTID_ERR_UNREACHABLE,
                            "%s refuses clientId or its secret (HTTP %ld)", a->config.url,
                            call->status);
    } else {
        rv = clientid__anypoint_failed(a, call, "a token", error);
    }
    clientid__http_end(a->http, token->call);
    token->call = NULL;
    return rv;
}

void clientid__token_drop(struct clientid__anypoint *a, uint64_t generation)
{
    if (a->token.generation == generation)
        forget(&a->token);
}

void clientid__token_free(struct clientid__anypoint *a)
{
    clientid__http_end(a->http, a->token.call);
    a->token.call = NULL;
    forget(&a->token);
}
