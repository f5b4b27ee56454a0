/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PORTAL_SAML_H
#define PORTAL_SAML_H

#include "portal.h"

/*
 * Sign-in by assertion.  saml.c does it with libclientid-access; saml_none.c stands for it where that library was not built, and
 * refuses a configuration that asks for it.
 */
bool saml_start(struct portal *portal);
void saml_stop(struct portal *portal);

#endif
