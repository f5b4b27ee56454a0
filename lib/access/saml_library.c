/* SPDX-License-Identifier: Apache-2.0 */
/* libxml2 and xmlsec are set up at most once in a process, whoever comes first. */
#include "access/saml.h"

#include "base/error.h"

#include <libxml/globals.h>
#include <libxml/parser.h>
#include <openssl/err.h>
#include <xmlsec/crypto.h>
#include <xmlsec/errors.h>
#include <xmlsec/list.h>
#include <xmlsec/transforms.h>

#include <pthread.h>

static pthread_once_t once = PTHREAD_ONCE_INIT;
static bool works;

/* A second xmlSecInit would register everything twice, so a host's own is left as it is. */
static bool set_up_by_host(void)
{
    return xmlSecTransformIdsGet()->id != xmlSecPtrListIdUnknown;
}

static void set_up(void)
{
    xmlInitParser();
    if (set_up_by_host()) {
        works = true;
        return;
    }
    /* Anybody may post a response: it must not be able to fill a log. */
    xmlSecErrorsDefaultCallbackEnableOutput(0);
    works = xmlSecInit() >= 0 && xmlSecCheckVersion() == 1 && xmlSecCryptoAppInit(NULL) >= 0 &&
            xmlSecCryptoInit() >= 0;
}

int clientid__saml_library(clientid_error *error)
{
    pthread_once(&once, set_up);
    if (!works)
        return clientid__fail(error, CLIENTID_ERR_CRYPTO, "xmlsec cannot be set up");
    return 0;
}

static void ignore(void *context, xmlErrorPtr error)
{
    (void)context;
    (void)error;
}

void clientid__saml_quiet_begin(struct clientid__saml_quiet *quiet)
{
    *quiet = (struct clientid__saml_quiet){xmlStructuredError, xmlStructuredErrorContext};
    xmlSetStructuredErrorFunc(NULL, ignore);
    ERR_set_mark();
}

void clientid__saml_quiet_end(const struct clientid__saml_quiet *quiet)
{
    ERR_pop_to_mark();
    xmlResetLastError();
    xmlSetStructuredErrorFunc(quiet->context, quiet->handler);
}
