/* SPDX-License-Identifier: Apache-2.0 */
/* A store that is out of reach is no reason not to start: the gatekeeper decides what requests get meanwhile. */
#include "records.h"

#include "log.h"

#include <clientid/store.h>

#include <stdlib.h>
#include <string.h>

static void on_news(void *self, const clientid_error *news)
{
    (void)self;
    if (news->code == 0)
        say(ABI_LOG_INFO, "contracts: %s", news->text);
    else
        say_error(ABI_LOG_WARN, "contracts", news);
}

static int no_memory(clientid_error *error)
{
    *error = (clientid_error){.code = CLIENTID_ERR_NOMEM};
    return CLIENTID_ERR_NOMEM;
}

static int make(clientid_sync **out, clientid_gateway *gateway, const char *uri,
                const clientid_sync_options *options, clientid_error *error)
{
    clientid_source source = {.size = sizeof source};
    if (uri == NULL)
        return clientid_sync_new(out, gateway, NULL, options, error);
    int rv = clientid_store_source(&source, uri, error);
    return rv < 0 ? rv : clientid_sync_new(out, gateway, &source, options, error);
}

static int start(clientid_sync **out, clientid_gateway *gateway, const char *uri, const char *state,
                 clientid_error *error)
{
    /* Others write the files too: the proxy, NGINX, Envoy before a hot restart. */
    const clientid_sync_options options = {
        .size = sizeof options, .state = state, .mode = CLIENTID_SYNC_SHARE, .log = on_news};
    int rv = make(out, gateway, uri, &options, error);
    if (rv < 0)
        return rv;
    if (clientid_sync_start(*out) == 0)
        return 0;
    clientid_sync_del(*out);
    *out = NULL;
    return no_memory(error);
}

int records_start(clientid_sync **out, clientid_gateway *gateway, clientid_error *error)
{
    clientid_str store = clientid_gateway_store(gateway);
    clientid_str folder = clientid_gateway_state(gateway);
    char *uri = store.len != 0 ? strndup(store.ptr, store.len) : NULL;
    char *state = folder.len != 0 ? strndup(folder.ptr, folder.len) : NULL;
    int rv = 0;
    if ((store.len != 0 && uri == NULL) || (folder.len != 0 && state == NULL))
        rv = no_memory(error);
    else if (uri != NULL || state != NULL)
        rv = start(out, gateway, uri, state, error);
    free(uri);
    free(state);
    return rv;
}
