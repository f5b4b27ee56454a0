/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENVOY_LOG_H
#define ENVOY_LOG_H

#include "abi.h"

#include <clientid/clientid.h>

/* A line "clientid: ..." in Envoy's log (logger "dynamic_modules"); any thread. */
__attribute__((format(printf, 2, 3))) void say(int level, const char *format, ...);
/* "what: file:line:column: pointer: text", of these what is known. */
void say_error(int level, const char *what, const clientid_error *error);

#endif
