/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENVOY_RECORDS_H
#define ENVOY_RECORDS_H

#include <clientid/clientid.h>

/*
 * Starts the thread that keeps the gateway's registry in step with the configured store and its last-known-good files.
 * |*out| stays NULL when neither is configured.
 */
int records_start(clientid_sync **out, clientid_gateway *gateway, clientid_error *error);

#endif
