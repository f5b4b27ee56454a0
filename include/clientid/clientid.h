/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID_CLIENTID_H
#define CLIENTID_CLIENTID_H

/*
 * libclientid: a host hands it one HTTP request and gets back one decision: allow, delay or deny, for
 * which client application, and why.
 *
 * Include this one header and link libclientid.  A store and the life cycle of applications are a second
 * library with headers of its own: <clientid/store.h>, <clientid/control.h>.
 *
 *   gateway.h   created once: configuration, registry, limits, metrics
 *   check.h     per thread and per request: worker, request, decision, answer
 *   source.h    where contracts come from; write one to sync from your own database
 *   limits.h    for operators: how limits stand, and resetting them
 *   sync.h      source -> registry, last-known-good files, outage
 */
#include <clientid/check.h>
#include <clientid/gateway.h>
#include <clientid/limits.h>
#include <clientid/source.h>
#include <clientid/sync.h>
#include <clientid/types.h>
#include <clientid/version.h>

#endif
