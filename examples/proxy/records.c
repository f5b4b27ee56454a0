/* SPDX-License-Identifier: Apache-2.0 */
/* A store that is out of reach is no reason not to start: the gatekeeper decides what requests get meanwhile. */
#include "records.h"

#include "log.h"

#include <clientid/anypoint.h>
#include <clientid/store.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static void on_news(void *self, const clientid_error *news)
{
    (void)self;
    if (news->code == 0)
        say("contracts: %s", news->text);
    else
        say_error("contracts", news);
}

static int no_memory(clientid_error *error)
{
    *error = (clientid_error){.code = CLIENTID_ERR_NOMEM};
    return CLIENTID_ERR_NOMEM;
}

/* Each library knows its own scheme. */
static int open_source(clientid_source *out, const char *uri, clientid_error *error)
{
    if (strncmp(uri, "anypoint:", 9) == 0)
        return clientid_anypoint_source(out, uri, error);
    if (strncmp(uri, "sqlite:", 7) == 0)
        return clientid_store_source(out, uri, error);
    *error = (clientid_error){.code = CLIENTID_ERR_CONFIG, .pointer = "/store"};
    snprintf(error->text, sizeof(error->text), "expected \"sqlite:FILE\" or \"anypoint:FILE\"");
    return error->code;
}

static int start(clientid_sync **out, clientid_gateway *gateway, const char *uri, const char *state,
                 clientid_error *error)
{
    clientid_source source = {.size = sizeof source};
    const clientid_sync_options options = {
        .size = sizeof options, .state = state, .mode = CLIENTID_SYNC_SHARE, .log = on_news};
    int rv = uri != NULL ? open_source(&source, uri, error) : 0;
    if (rv == 0)
        rv = clientid_sync_new(out, gateway, uri != NULL ? &source : NULL, &options, error);
    if (rv < 0)
        return rv;
    rv = clientid_sync_start(*out);
    return rv < 0 ? no_memory(error) : 0;
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
