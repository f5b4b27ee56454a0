/* SPDX-License-Identifier: Apache-2.0 */
#include "store/store.h"

#include "base/error.h"

#include <limits.h>
#include <string.h>

/* What follows "sqlite:"; NULL when it is something else. */
static const char *sqlite_file(const char *uri)
{
    static const char scheme[] = "sqlite:";
    const char *file;

    if (uri == NULL || strncmp(uri, scheme, sizeof(scheme) - 1) != 0)
        return NULL;
    file = uri + sizeof(scheme) - 1;
    /* SQLite gives names that begin with a colon a meaning of its own (":memory:"). */
    return file[0] == '\0' || file[0] == ':' || strlen(file) >= PATH_MAX ? NULL : file;
}

static int fail_uri(clientid_error *error, const char *uri)
{
    return clientid__fail(error, CLIENTID_ERR_ARG, "'%s' names no store, expected sqlite:FILE",
                          uri != NULL ? uri : "");
}

int clientid_store_open(clientid_store **out, const char *uri, unsigned flags,
                        clientid_error *error)
{
    const unsigned known = CLIENTID_STORE_CREATE | CLIENTID_STORE_READONLY;
    const char *file = sqlite_file(uri);

    if (out == NULL || (flags & ~known) != 0 || flags == known)
        return clientid__fail(error, CLIENTID_ERR_ARG, "invalid arguments to open a store");
    *out = NULL;
    if (file == NULL)
        return fail_uri(error, uri);
    return clientid__sqlite_open(out, file, flags, error);
}

void clientid_store_close(clientid_store *store)
{
    if (store != NULL)
        store->ops->close(store);
}

int clientid_store_position(clientid_store *store, clientid_position *out, clientid_error *error)
{
    if (store == NULL || out == NULL)
        return clientid__fail(error, CLIENTID_ERR_ARG, "invalid arguments");
    return store->ops->position(store, out, error);
}

int clientid_store_verify(clientid_store *store, clientid_error *error)
{
    if (store == NULL)
        return clientid__fail(error, CLIENTID_ERR_ARG, "invalid arguments");
    return store->ops->verify(store, error);
}

int clientid_store_source(clientid_source *out, const char *uri, clientid_error *error)
{
    const char *file = sqlite_file(uri);

    if (out == NULL)
        return clientid__fail(error, CLIENTID_ERR_ARG, "invalid arguments to make a source");
    if (file == NULL)
        return fail_uri(error, uri);
    return clientid__sqlite_source(out, file, error);
}
