/* SPDX-License-Identifier: Apache-2.0 */
/* A key is trusted because the operator gave its certificate, for no other reason. */
#include "access/saml.h"

#include "base/error.h"

#include <openssl/evp.h>
#include <xmlsec/crypto.h>
#include <xmlsec/keysdata.h>
#include <xmlsec/list.h>
#include <xmlsec/openssl/evp.h>

#include <string.h>

#define BEGIN "-----BEGIN CERTIFICATE-----"
#define END   "-----END CERTIFICATE-----"

enum { RSA_BITS_MIN = 2048, EC_BITS_MIN = 256, PEM_MAX = 65536 };

static int unfit(clientid_error *error, size_t index, const char *why)
{
    return clientid__fail_at(error, CLIENTID_ERR_CONFIG, "/certificates", "certificate %zu %s",
                             index + 1, why);
}

/* xmlsec does not tell the size of EC keys. */
static const char *weakness(xmlSecKeyPtr key)
{
    xmlSecKeyDataPtr value = xmlSecKeyGetValue(key);
    EVP_PKEY *pkey = xmlSecOpenSSLEvpKeyDataGetEvp(value);
    int bits = pkey != NULL ? EVP_PKEY_get_bits(pkey) : 0;

    if (xmlSecKeyDataCheckId(value, xmlSecKeyDataRsaId))
        return bits < RSA_BITS_MIN ? "has an RSA key under 2048 bits" : NULL;
    if (xmlSecKeyDataCheckId(value, xmlSecKeyDataEcdsaId))
        return bits < EC_BITS_MIN ? "has an EC key under 256 bits" : NULL;
    return "has neither an RSA nor an EC key";
}

/* |pem| is one certificate, from its first line to its last. */
static int load_key(clientid_saml *saml, clientid_str pem, clientid_error *error)
{
    size_t index = saml->key_count;
    const char *why;

    if (index == CLIENTID_SAML_CERTIFICATES_MAX)
        return unfit(error, index, "is one too many");
    saml->keys[index] =
        xmlSecCryptoAppKeyLoadMemory((const xmlSecByte *)pem.ptr, (xmlSecSize)pem.len,
                                     xmlSecKeyDataFormatCertPem, NULL, NULL, NULL);
    if (saml->keys[index] == NULL)
        return unfit(error, index, "cannot be read");
    saml->key_count++;
    /* The certificate has served: nothing of it is copied, or looked at, for each response. */
    if (saml->keys[index]->dataList != NULL)
        xmlSecPtrListEmpty(saml->keys[index]->dataList);
    why = weakness(saml->keys[index]);
    return why != NULL ? unfit(error, index, why) : 0;
}

static const char *find(const char *from, const char *end, const char *line)
{
    size_t len = strlen(line);

    for (; (size_t)(end - from) >= len; from++)
        if (memcmp(from, line, len) == 0)
            return from;
    return NULL;
}

int clientid__saml_load_keys(clientid_saml *saml, clientid_str certificates, clientid_error *error)
{
    const char *at = certificates.ptr, *end;

    if (certificates.len == 0 || certificates.len > PEM_MAX)
        return clientid__fail_at(error, CLIENTID_ERR_CONFIG, "/certificates",
                                 "must be 1 to %d bytes", PEM_MAX);
    end = at + certificates.len;
    while ((at = find(at, end, BEGIN)) != NULL) {
        const char *last = find(at, end, END);
        int rc;

        if (last == NULL)
            return unfit(error, saml->key_count, "has no end");
        last += strlen(END);
        rc = load_key(saml, (clientid_str){at, (size_t)(last - at)}, error);
        if (rc != 0)
            return rc;
        at = last;
    }
    if (saml->key_count == 0)
        return clientid__fail_at(error, CLIENTID_ERR_CONFIG, "/certificates",
                                 "holds no certificate in PEM");
    return 0;
}
