/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Secrets that must be shown again are at rest only under a key that is kept elsewhere, each bound to its row:
 *
 *   version 1 (1 byte), key id (4), nonce (12), AES-256-GCM of the text, tag (16)
 *
 * The additional data is the version, the key id, the table's name with its NUL, and three numbers (big-endian).
 */
#include "control/seal.h"

#include "base/error.h"
#include "base/str.h"

#include <endian.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>

#define VERSION 1
#define KEY_ID  4
#define HEAD    (1 + KEY_ID)
#define NONCE   12
#define TAG     16

static int failed(clientid_error *error)
{
    return clientid__fail(error, CLIENTID_ERR_CRYPTO, "the cryptographic library failed");
}

/* The first bytes of an HMAC, so they tell nothing about the key. */
static bool key_id(const clientid_control *control, unsigned char out[KEY_ID])
{
    static const unsigned char label[] = "clientid sealing key";
    unsigned char digest[EVP_MAX_MD_SIZE];
    unsigned len = 0;

    if (HMAC(EVP_sha256(), control->sealing_key, sizeof(control->sealing_key), label,
             sizeof(label) - 1, digest, &len) == NULL)
        return false;
    memcpy(out, digest, KEY_ID);
    return true;
}

static int head_of(clientid_control *control, unsigned char head[HEAD], clientid_error *error)
{
    if (!control->can_seal)
        return clientid__fail(error, CLIENTID_ERR_ARG, "there is no sealing key");
    head[0] = VERSION;
    return key_id(control, head + 1) ? 0 : failed(error);
}

/* Key, nonce and additional data, for both directions. */
static bool start(EVP_CIPHER_CTX *ctx, const clientid_control *control,
                  const struct clientid__place *place, const unsigned char *head,
                  const unsigned char *nonce, int encrypt)
{
    uint64_t ids[3];
    int n;

    for (int i = 0; i < 3; i++)
        ids[i] = htobe64(place->ids[i]);
    return EVP_CipherInit_ex(ctx, EVP_aes_256_gcm(), NULL, control->sealing_key, nonce, encrypt) ==
               1 &&
           EVP_CipherUpdate(ctx, NULL, &n, head, HEAD) == 1 &&
           EVP_CipherUpdate(ctx, NULL, &n, (const unsigned char *)place->table,
                            (int)strlen(place->table) + 1) == 1 &&
           EVP_CipherUpdate(ctx, NULL, &n, (const unsigned char *)ids, sizeof(ids)) == 1;
}

int clientid__seal(clientid_control *control, const struct clientid__place *place,
                   clientid_str plain, unsigned char *out, clientid_error *error)
{
    unsigned char *nonce = out + HEAD, *text = nonce + NONCE;
    EVP_CIPHER_CTX *ctx;
    int n = 0, rest = 0;
    bool ok;
    int rc = head_of(control, out, error);

    if (rc != 0)
        return rc;
    ctx = EVP_CIPHER_CTX_new();
    ok = ctx != NULL && plain.len <= INT32_MAX && RAND_bytes(nonce, NONCE) == 1 &&
         start(ctx, control, place, out, nonce, 1) &&
         EVP_CipherUpdate(ctx, text, &n, (const unsigned char *)plain.ptr, (int)plain.len) == 1 &&
         EVP_CipherFinal_ex(ctx, text + n, &rest) == 1 && (size_t)n + (size_t)rest == plain.len &&
         EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_GET_TAG, TAG, text + plain.len) == 1;
    EVP_CIPHER_CTX_free(ctx);
    return ok ? 0 : failed(error);
}

static int check_head(const unsigned char *ours, clientid_str sealed, clientid_error *error)
{
    const unsigned char *theirs = (const unsigned char *)sealed.ptr;

    if (sealed.len < CLIENTID__SEAL_EXTRA)
        return clientid__fail(error, CLIENTID_ERR_CORRUPT, "a sealed text is too short");
    if (theirs[0] != VERSION)
        return clientid__fail(error, CLIENTID_ERR_VERSION, "a text is sealed in form %d, this is 1",
                              theirs[0]);
    if (memcmp(theirs + 1, ours + 1, KEY_ID) != 0)
        return clientid__fail(error, CLIENTID_ERR_ARG,
                              "a text was sealed with key %02x%02x%02x%02x, the sealing key given "
                              "is %02x%02x%02x%02x",
                              theirs[1], theirs[2], theirs[3], theirs[4], ours[1], ours[2], ours[3],
                              ours[4]);
    return 0;
}

int clientid__unseal(clientid_control *control, const struct clientid__place *place,
                     clientid_str sealed, unsigned char *out, size_t *len, clientid_error *error)
{
    const unsigned char *bytes = (const unsigned char *)sealed.ptr;
    unsigned char head[HEAD] = {0}, tag[TAG];
    EVP_CIPHER_CTX *ctx;
    int n = 0, rest = 0;
    bool ready, ok;
    int rc = head_of(control, head, error);

    if (rc == 0)
        rc = check_head(head, sealed, error);
    if (rc != 0)
        return rc;
    *len = sealed.len - CLIENTID__SEAL_EXTRA;
    memcpy(tag, bytes + sealed.len - TAG, TAG);
    ctx = EVP_CIPHER_CTX_new();
    ready = ctx != NULL && *len <= INT32_MAX && start(ctx, control, place, head, bytes + HEAD, 0) &&
            EVP_CIPHER_CTX_ctrl(ctx, EVP_CTRL_GCM_SET_TAG, TAG, tag) == 1;
    ok = ready && EVP_CipherUpdate(ctx, out, &n, bytes + HEAD + NONCE, (int)*len) == 1 &&
         EVP_CipherFinal_ex(ctx, out + n, &rest) == 1;
    EVP_CIPHER_CTX_free(ctx);
    if (ok)
        return 0;
    /* What did not prove true is not to be looked at. */
    explicit_bzero(out, *len);
    *len = 0;
    return !ready ? failed(error)
                  : clientid__fail(error, CLIENTID_ERR_CORRUPT,
                                   "a sealed text of table %s was changed or is not in its row",
                                   place->table);
}
