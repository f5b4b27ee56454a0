/* SPDX-License-Identifier: Apache-2.0 */
/* Contracts come to a gateway of this program as they come to one that serves, and nothing is written. */
#include "contracts.h"

#include "session.h"
#include "time_text.h"

static int sync_once(clientid_gateway *gateway, const clientid_source *source, const char *state,
                     clientid_error *error)
{
    clientid_sync *sync = NULL;
    uint64_t next_ns;
    clientid_sync_options options = {.size = sizeof(options),
                                     .state = state,
                                     .mode =
                                         state != NULL ? CLIENTID_SYNC_READ : CLIENTID_SYNC_WRITE};
    int rv = clientid_sync_new(&sync, gateway, source, &options, error);
    if (rv == 0)
        rv = clientid_sync_step(sync, now_ns(), &next_ns, error);
    clientid_sync_del(sync);
    return rv;
}

static int sync_from_store(clientid_gateway *gateway, const char *store, clientid_error *error)
{
    clientid_source source;
    int rv = clientid_store_source(&source, store, error);
    return rv != 0 ? rv : sync_once(gateway, &source, NULL, error);
}

/* What the gateway would do after a restart without its store: serve the last-known-good files. */
static void sync_from_files(clientid_gateway *gateway, const clientid_error *why, char *origin,
                            size_t size)
{
    clientid_error error = {0};
    clientid_str folder = clientid_gateway_state(gateway);
    char state[256];
    int length = snprintf(state, sizeof(state), "%.*s", (int)folder.len, folder.ptr);
    if (folder.len > 0 && length < (int)sizeof(state) &&
        sync_once(gateway, NULL, state, &error) == 0)
        snprintf(origin, size, "the last-known-good files, since the store says: %s", why->text);
    else
        snprintf(origin, size, "nowhere: %s", why->text);
}

void contracts_sync(struct ctl *ctl, clientid_gateway *gateway, char *origin, size_t size)
{
    clientid_error error = {0};
    clientid_str configured = clientid_gateway_store(gateway);
    const char *given = session_store(ctl);
    char store[256];
    snprintf(store, sizeof(store), "%.*s", (int)configured.len, configured.ptr);
    const char *name = given != NULL ? given : store;
    if (name[0] == '\0')
        snprintf(error.text, sizeof(error.text), "no store is given");
    else if (sync_from_store(gateway, name, &error) == 0) {
        snprintf(origin, size, "%.255s", name);
        return;
    }
    sync_from_files(gateway, &error, origin, size);
}
