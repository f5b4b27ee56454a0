/* SPDX-License-Identifier: Apache-2.0 */
/* Built without libclientid-access. */
#include "call.h"
#include "handlers.h"
#include "saml.h"

bool saml_start(struct portal *portal)
{
    if (portal->config.saml.certificate == NULL)
        return true;
    say("\"saml\" takes libclientid-access, without which this program was built");
    return false;
}

void saml_stop(struct portal *portal)
{
    (void)portal;
}

void saml_login(struct call *call)
{
    call_refuse(call, 404, "", "nobody signs in by assertion here");
}
