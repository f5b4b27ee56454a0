/* SPDX-License-Identifier: Apache-2.0 */
/* The answer to a portal whose third-party gateway we are. */
#include "control/foreign.h"
#include "control/object_json.h"

#include "base/error.h"
#include "base/str.h"

static json_t *api_key_json(clientid_str client_id)
{
    struct clientid__writer w = clientid__writer_begin();

    clientid__put_text(&w, "type", CLIENTID_STR("APIKey"));
    clientid__put_text(&w, "apiKey", client_id);
    clientid__put(&w, "expiry", json_null());
    return clientid__writer_take(&w);
}

static json_t *oauth2_json(const clientid_foreign_event *event, clientid_str client_id,
                           clientid_str secret)
{
    static const char *const empty[] = {"scopes", "authorizationUris", "accessTokenUris",
                                        "refreshTokenUris"};
    struct clientid__writer w = clientid__writer_begin();

    clientid__put_text(&w, "type", CLIENTID_STR("OAuth2"));
    clientid__put_text(&w, "clientId", client_id);
    clientid__put_text(&w, "clientSecret", secret);
    clientid__put(&w, "tokenLifeTime", json_integer(3600));
    clientid__put(&w, "tokenRefreshLimit", json_integer(0));
    clientid__put_texts(&w, "redirectUris", event->redirect_uris, event->redirect_uri_count);
    for (size_t i = 0; i < sizeof(empty) / sizeof(empty[0]); i++)
        clientid__put(&w, empty[i], json_array());
    return clientid__writer_take(&w);
}

int clientid__foreign_answer(const clientid_foreign_event *event, clientid_str client_id,
                             clientid_str secret, char **text, clientid_error *error)
{
    struct clientid__writer w = clientid__writer_begin();
    json_t *credentials = json_array();

    (void)json_array_append_new(credentials, api_key_json(client_id));
    (void)json_array_append_new(credentials, oauth2_json(event, client_id, secret));
    clientid__put_text(&w, "name", event->name);
    clientid__put(&w, "credentials", credentials);
    return clientid__writer_end(&w, text, error);
}
