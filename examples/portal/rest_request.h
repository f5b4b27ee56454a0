/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PORTAL_REST_REQUEST_H
#define PORTAL_REST_REQUEST_H

#include "rest.h"

/* Answers with the requests that were made for an application. */
void rest_request_list_of(struct call *call, uint64_t application_id);

#endif
