/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PORTAL_MAIL_H
#define PORTAL_MAIL_H

#include "config.h"

#include <clientid/delivery.h>

#include <stdbool.h>

/*
 * A message as it goes over the wire (RFC 5322, MIME): all of it is ASCII, lines are at most 78 characters, and nothing of the subject or
 * the body can become a header.  |from| is "name <address>" or an address.  NULL: no memory.
 */
char *mail_text(const char *from, const clientid_delivery *delivery, size_t *len);
/* One address that can stand in a header and in an envelope. */
bool mail_address_is_plain(clientid_str address);
/* "portal@example.org" of "Portal <portal@example.org>"; empty when there is none. */
clientid_str mail_address_of(const char *from);

/* What is wrong with the configuration, NULL: nothing. */
const char *mail_fault(const struct config_mail *mail);

#endif
