/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID_ANYPOINT_H
#define CLIENTID_ANYPOINT_H

/*
 * Unstable before 1.0.  Link libclientid-anypoint.
 *
 * Anypoint as a source (source.h): the registry of a gateway is synced over HTTP from the feed that Anypoint keeps for
 * its own gateways, or from a portal that serves the same feed.
 *
 * URIs: "anypoint:FILE".  FILE is JSON and names the control plane, the API instances and where the client secret is
 * kept; its keys, and what goes over the wire, are in lib/anypoint/README.md.
 */
#include <clientid/source.h>

#ifdef __cplusplus
extern "C" {
#endif

/*
 * Reads FILE and fills |out| with a source for clientid_sync_new.  Nothing is connected to yet.  The client secret is
 * read anew, from its file or the environment, for each token that is asked for.
 *
 * load() reads everything and blocks while it does: at most 10 s for a connection, 10 s without a byte, 5 minutes in all.
 * changes() blocks for a second at most, and only after a failure.  poll() never waits: it moves the requests that are
 * under way, which the control plane may hold until there is something to tell.  When one API instance fails, what
 * is news of the others is still told; the failure is returned as long as there is none.
 *
 * Positions: |identity| is a hash of URL, organization, environment, API instances and of what the control plane says
 * about its own identity, if it does.  |revision| is nanoseconds since 1970, or one more than the last when the clock
 * says less: the control plane numbers nothing across API instances, and each reader of the feed makes its own rounds,
 * so that two processes give one state different revisions.  changes() answers CLIENTID_ERR_GAP to a position
 * that this source did not tell itself.
 *
 * load() and changes() return CLIENTID_ERR_UNREACHABLE; _CORRUPT with a JSON pointer for a page that is not what it should
 * be, of which nothing is told; _NOMEM.
 *
 * CLIENTID_ERR_ARG (URI), _NOT_FOUND, _IO (FILE), _SYNTAX with line and column, _CONFIG with a JSON pointer, _NOMEM.
 * An error never holds a secret or a token.  Safe from any thread with libcurl 7.84 and newer; before that, the host calls
 * curl_global_init first.
 */
CLIENTID_EXPORT int clientid_anypoint_source(clientid_source *out, const char *uri,
                                             clientid_error *error);

#ifdef __cplusplus
}
#endif

#endif
