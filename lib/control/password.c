/* SPDX-License-Identifier: Apache-2.0 */
/* A password costs its guesser what it costs us: scrypt (RFC 7914), with the parameters in the kept text. */
#include "control/control.h"

#include "base/error.h"
#include "base/str.h"

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <pthread.h>
#include <stdio.h>

#define HASH_BYTES 32
#define SALT_BYTES 16
#define R          8
#define P          3
#define LOG2_MAX   20
#define R_MAX      16
#define P_MAX      16

/* Of "scrypt$15$8$3$<salt>$<hash>". */
struct kept {
    unsigned log2_n, r, p;
    unsigned char salt[SALT_BYTES];
    unsigned char hash[HASH_BYTES];
};

/* ---- at most two at a time ------------------------------------------------------------------- */

/*
 * Each takes 32 MiB and a processor for some 0.2 s: with many at once a server would have neither for anything else.  Memory
 * belongs to the process, so this is the process's too.
 */
#define AT_ONCE 2

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t left = PTHREAD_COND_INITIALIZER;
static unsigned running;

static void enter(void)
{
    pthread_mutex_lock(&lock);
    while (running >= AT_ONCE)
        pthread_cond_wait(&left, &lock);
    running++;
    pthread_mutex_unlock(&lock);
}

static void leave(void)
{
    pthread_mutex_lock(&lock);
    running--;
    pthread_cond_signal(&left);
    pthread_mutex_unlock(&lock);
}

static int scrypt(const struct kept *kept, clientid_str password, unsigned char out[HASH_BYTES],
                  clientid_error *error)
{
    const uint64_t n = (uint64_t)1 << kept->log2_n;
    const uint64_t memory = 128 * kept->r * (n + kept->p + 2) + 65536;
    int ok;

    enter();
    ok = EVP_PBE_scrypt(password.len > 0 ? password.ptr : "", password.len, kept->salt, SALT_BYTES,
                        n, kept->r, kept->p, memory, out, HASH_BYTES);
    leave();
    return ok == 1 ? 0
                   : clientid__fail(error, CLIENTID_ERR_CRYPTO, "a password cannot be digested");
}

/* ---- the kept text --------------------------------------------------------------------------- */

static int nibble(char c)
{
    return c >= '0' && c <= '9' ? c - '0' : c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static bool unhex(const char *hex, unsigned char *out, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int high = nibble(hex[2 * i]);
        int low = high < 0 ? -1 : nibble(hex[2 * i + 1]);

        if (low < 0)
            return false;
        out[i] = (unsigned char)(high << 4 | low);
    }
    return true;
}

/* One or two digits and a dollar sign. */
static const char *number(const char *text, unsigned *out)
{
    size_t digits = 0;

    *out = 0;
    while (text != NULL && digits < 2 && text[digits] >= '0' && text[digits] <= '9')
        *out = *out * 10 + (unsigned)(text[digits++] - '0');
    return text != NULL && digits > 0 && text[digits] == '$' ? text + digits + 1 : NULL;
}

static bool parse(const char *text, struct kept *out)
{
    static const char begin[] = "scrypt$";

    if (strncmp(text, begin, sizeof(begin) - 1) != 0)
        return false;
    text = number(text + sizeof(begin) - 1, &out->log2_n);
    text = number(text, &out->r);
    text = number(text, &out->p);
    if (text == NULL || out->log2_n < 1 || out->log2_n > LOG2_MAX || out->r < 1 || out->r > R_MAX ||
        out->p < 1 || out->p > P_MAX)
        return false;
    return strlen(text) == 2 * (SALT_BYTES + HASH_BYTES) + 1 && text[2 * SALT_BYTES] == '$' &&
           unhex(text, out->salt, SALT_BYTES) &&
           unhex(text + 2 * SALT_BYTES + 1, out->hash, HASH_BYTES);
}

static void print(const struct kept *kept, char out[CLIENTID__PASSWORD_TEXT_MAX + 1])
{
    int used = snprintf(out, CLIENTID__PASSWORD_TEXT_MAX + 1, "scrypt$%u$%u$%u$", kept->log2_n,
                        kept->r, kept->p);

    for (size_t i = 0; i < SALT_BYTES; i++)
        used += snprintf(out + used, 3, "%02x", kept->salt[i]);
    out[used++] = '$';
    for (size_t i = 0; i < HASH_BYTES; i++)
        used += snprintf(out + used, 3, "%02x", kept->hash[i]);
}

/* ---- passwords ------------------------------------------------------------------------------- */

int clientid__password_check(clientid_str password, clientid_error *error)
{
    return clientid__check_field(error, "/password", password, CLIENTID_PASSWORD_MIN,
                                 CLIENTID_PASSWORD_MAX, CLIENTID__FIELD_PASSWORD);
}

int clientid__password_hash(unsigned log2_n, clientid_str password,
                            char out[CLIENTID__PASSWORD_TEXT_MAX + 1], clientid_error *error)
{
    struct kept kept = {.log2_n = log2_n, .r = R, .p = P};
    clientid_secret salt;
    int rc = clientid__fresh_salt(&salt, error);

    if (rc != 0)
        return rc;
    memcpy(kept.salt, salt.salt, SALT_BYTES);
    rc = scrypt(&kept, password, kept.hash, error);
    if (rc == 0)
        print(&kept, out);
    return rc;
}

int clientid__password_verify(unsigned log2_n, const char *text, clientid_str password,
                              bool *matches, bool *outdated, clientid_error *error)
{
    struct kept kept = {.log2_n = log2_n, .r = R, .p = P};
    const struct kept none = kept;
    unsigned char hash[HASH_BYTES] = {0};
    bool known = parse(text, &kept);
    int rc;

    /* Nobody to compare with: the time must not tell. */
    if (!known)
        kept = none;
    /* No kept password is longer; a guess that is must not take longer. */
    if (password.len > CLIENTID_PASSWORD_MAX)
        known = false;
    if (password.len > CLIENTID_PASSWORD_MAX)
        password.len = CLIENTID_PASSWORD_MAX;
    rc = scrypt(&kept, password, hash, error);
    *matches = rc == 0 && CRYPTO_memcmp(hash, kept.hash, HASH_BYTES) == 0 && known;
    *outdated = kept.log2_n != log2_n || kept.r != R || kept.p != P;
    explicit_bzero(hash, sizeof(hash));
    return rc;
}
