/* SPDX-License-Identifier: Apache-2.0 */
#ifndef SUPPORT_SUITE_STORE_H
#define SUPPORT_SUITE_STORE_H

#include "support_cases.h"

/*
 * All suites in one store and one configuration, so that a host is started once: an API instance is called
 * "suite.api" there.
 */

#define SUITE_API_BYTES 128

void suite_api_name(char out[SUITE_API_BYTES], const struct support_suite *suite, const char *api);

/* Makes the store with the contracts of all suites.  A client application's name and tiers are called as its id. */
void suite_store_make(const char *uri, const struct support_suite *suites, size_t count);

/* The library's configuration for those suites: "store" and "apis". */
json_t *suite_config(const char *uri, const struct support_suite *suites, size_t count);

/* The API instances of a suite, by their names in its file. */
const json_t *suite_apis(const struct support_suite *suite);

#endif
