/* SPDX-License-Identifier: Apache-2.0 */
/* At most two secrets of an application are valid, both under one salt, and none is kept in clear. */
#include "control/control.h"

#include "base/error.h"
#include "base/str.h"

#include <inttypes.h>
#include <stdio.h>

#define SALT_BYTES 16
#define BATCH      2000 /* applications in one transaction of a wrap */

/* ---- hashing --------------------------------------------------------------------------------- */

static unsigned nibble(char c)
{
    return (unsigned)(c <= '9' ? c - '0' : c - 'a' + 10);
}

/*
 * Text of 6 random bits a character, by way of the generator of secrets: Anypoint's own gateways take the salt that a feed
 * tells them as text.
 */
int clientid__fresh_salt(clientid_secret *slot, clientid_error *error)
{
    static const char alphabet[] =
        "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";
    char hex[2 * SALT_BYTES + 1] = "";
    int rc = clientid_secret_generate(hex, 2 * SALT_BYTES);

    if (rc != 0)
        return clientid__fail(error, rc, "cannot make a salt");
    for (size_t i = 0; i < SALT_BYTES; i++)
        slot->salt[i] =
            (unsigned char)alphabet[(nibble(hex[2 * i]) << 4 | nibble(hex[2 * i + 1])) & 63];
    slot->salt_len = SALT_BYTES;
    explicit_bzero(hex, sizeof(hex));
    return 0;
}

int clientid__hash_secret(clientid_control *control, clientid_str secret,
                          const clientid_secret *salt_of, clientid_secret *slot,
                          clientid_error *error)
{
    int rc = 0;

    *slot = (clientid_secret){.algorithm = CLIENTID_SECRET_NONE};
    if (salt_of != NULL && salt_of->algorithm != CLIENTID_SECRET_NONE) {
        memcpy(slot->salt, salt_of->salt, salt_of->salt_len);
        slot->salt_len = salt_of->salt_len;
    } else {
        rc = clientid__fresh_salt(slot, error);
    }
    if (rc != 0)
        return rc;
    rc = clientid_secret_hash(slot, secret, control->pepper, control->pepper_len);
    return rc == 0 ? 0 : clientid__fail(error, rc, "cannot hash a client secret");
}

/* ---- reset ----------------------------------------------------------------------------------- */

/* The secret to set: the one given, or a new one, in |out|. */
static int choose_secret(const clientid_secret_options *options, clientid_credentials *out,
                         clientid_error *error)
{
    clientid_str given = options->client_secret;
    int rc;

    memset(out->client_secret, 0, sizeof(out->client_secret));
    if (given.len == 0) {
        rc = clientid_secret_generate(out->client_secret, 32);
        return rc == 0 ? 0 : clientid__fail(error, rc, "cannot generate a client secret");
    }
    rc = clientid__check_field(error, "/clientSecret", given, 1, CLIENTID_CLIENT_SECRET_MAX,
                               CLIENTID__FIELD_NAME);
    if (rc == 0)
        memcpy(out->client_secret, given.ptr, given.len);
    return rc;
}

static uint64_t earlier(uint64_t a, uint64_t b)
{
    return a != 0 && a < b ? a : b;
}

static uint64_t saturated_sum(uint64_t a, uint64_t b)
{
    return a > INT64_MAX - b ? INT64_MAX : a + b;
}

/*
 * Which slot the new secret goes to: the one that was not set last, or the one of a secret that has not begun yet and
 * so was never of use.
 */
static unsigned slot_for(const struct clientid__application_facts *facts, uint64_t now_ns,
                         bool *replaces)
{
    unsigned newest = facts->newest_slot;

    *replaces = newest != 0 && facts->secrets[newest - 1].not_before_ns > now_ns;
    if (newest == 0)
        return 1;
    return *replaces ? newest : 3 - newest;
}

/*
 * When the secret before the new one ends.  Where the new one |replaces| one that had not begun, the end was set for
 * that; left as it is, there might be a time without any.  What has ended stays ended.
 */
static uint64_t end_of(const clientid_secret *old, uint64_t end_ns, uint64_t now_ns, bool replaces)
{
    bool ended = old->not_after_ns != 0 && old->not_after_ns <= now_ns;

    return replaces && !ended ? end_ns : earlier(old->not_after_ns, end_ns);
}

/* |facts| with the new secret, and an end for the one before. */
static int rotate(clientid_control *control, struct clientid__application_facts *facts,
                  const clientid_secret_options *options, uint64_t now_ns,
                  clientid_credentials *out, clientid_error *error)
{
    uint64_t begin_ns = options->not_before_ns > now_ns ? options->not_before_ns : now_ns;
    uint64_t end_ns = saturated_sum(begin_ns, options->overlap_ns);
    bool replaces;
    unsigned slot = slot_for(facts, now_ns, &replaces);
    clientid_secret *old = &facts->secrets[2 - slot];
    clientid_secret fresh;
    int rc = clientid__hash_secret(control, clientid__cstr(out->client_secret), old, &fresh, error);

    if (rc != 0)
        return rc;
    /* 0 rather than now: a gateway whose clock is a little behind must take the new secret too. */
    fresh.not_before_ns = options->not_before_ns > now_ns ? options->not_before_ns : 0;
    if (old->algorithm != CLIENTID_SECRET_NONE)
        old->not_after_ns = end_of(old, end_ns, now_ns, replaces);
    facts->secrets[slot - 1] = fresh;
    facts->newest_slot = slot;
    out->application_id = facts->id;
    out->slot = slot;
    out->previous_not_after_ns = old->not_after_ns;
    memcpy(out->client_id, facts->client_id, sizeof(out->client_id));
    return 0;
}

static int facts_of(clientid_control *control, uint64_t id, struct clientid__application_facts *out,
                    clientid_error *error)
{
    return clientid__found(error, CLIENTID__STORE(control, application->facts, id, out, error),
                           "application", id);
}

static int save(clientid_control *control, const struct clientid__application_facts *facts,
                uint64_t now_ns, const char *verb, clientid_str detail, clientid_error *error)
{
    int rc = CLIENTID__STORE(control, application->secrets, facts->id, facts->secrets,
                             facts->newest_slot, now_ns, error);

    if (rc != 0)
        return rc;
    return clientid__log_application(control, now_ns, facts->id, verb, true,
                                     clientid__cstr(facts->client_id), detail, error);
}

int clientid_control_secret_reset(clientid_control *control, uint64_t application_id,
                                  const clientid_secret_options *options, clientid_credentials *out,
                                  clientid_error *error)
{
    static const clientid_secret_options none = {.size = sizeof(none)};
    struct clientid__application_facts facts;
    uint64_t now_ns;
    int rc;

    if (options == NULL)
        options = &none;
    if (control == NULL || out == NULL || out->size != sizeof(*out) ||
        options->size != sizeof(*options) || options->overlap_ns > INT64_MAX ||
        options->not_before_ns > INT64_MAX)
        return clientid__bad_argument(error);
    rc = choose_secret(options, out, error);
    if (rc == 0)
        rc = clientid__begin(control, CLIENTID__WRITE, error);
    if (rc == 0) {
        now_ns = clientid__now(control);
        rc = facts_of(control, application_id, &facts, error);
        if (rc == 0)
            rc = clientid__may(control, CLIENTID_PERMISSION_APPLICATION_USE, 0, application_id,
                               error);
        if (rc == 0)
            rc = rotate(control, &facts, options, now_ns, out, error);
        if (rc == 0)
            rc = save(control, &facts, now_ns, "reset-secret",
                      out->slot == 1 ? CLIENTID_STR("slot 1") : CLIENTID_STR("slot 2"), error);
        rc = clientid__end(control, rc, error);
    }
    if (rc != 0)
        clientid_credentials_wipe(out);
    return rc;
}

void clientid_credentials_wipe(clientid_credentials *credentials)
{
    if (credentials != NULL)
        explicit_bzero(credentials->client_secret, sizeof(credentials->client_secret));
}

/* ---- revoke ---------------------------------------------------------------------------------- */

static int revoke(clientid_control *control, uint64_t application_id, unsigned slot,
                  clientid_error *error)
{
    struct clientid__application_facts facts;
    int rc = facts_of(control, application_id, &facts, error);

    if (rc == 0)
        rc = clientid__may(control, CLIENTID_PERMISSION_APPLICATION_MANAGE, 0, application_id,
                           error);
    if (rc != 0)
        return rc;
    if (facts.secrets[slot - 1].algorithm == CLIENTID_SECRET_NONE)
        return clientid__fail(error, CLIENTID_ERR_NOT_FOUND, "slot %u of %.100s is empty", slot,
                              facts.client_id);
    facts.secrets[slot - 1] = (clientid_secret){.algorithm = CLIENTID_SECRET_NONE};
    /* What is left counts as set last: the next reset must not push it out without an overlap. */
    if (facts.newest_slot == slot)
        facts.newest_slot =
            facts.secrets[2 - slot].algorithm != CLIENTID_SECRET_NONE ? 3 - slot : 0;
    return save(control, &facts, clientid__now(control), "revoke-secret",
                slot == 1 ? CLIENTID_STR("slot 1") : CLIENTID_STR("slot 2"), error);
}

int clientid_control_secret_revoke(clientid_control *control, uint64_t application_id,
                                   unsigned slot, clientid_error *error)
{
    int rc;

    if (control == NULL || slot < 1 || slot > 2)
        return clientid__bad_argument(error);
    rc = clientid__begin(control, CLIENTID__WRITE, error);
    if (rc != 0)
        return rc;
    return clientid__end(control, revoke(control, application_id, slot, error), error);
}

/* ---- wrap ------------------------------------------------------------------------------------ */

static int wrap_slot(clientid_control *control, clientid_secret *slot, clientid_wrap_counts *counts,
                     bool *changed, clientid_error *error)
{
    int rc;

    switch (slot->algorithm) {
    case CLIENTID_SECRET_SHA256:
        rc = clientid_secret_wrap(slot, control->pepper, control->pepper_len);
        if (rc != 0)
            return clientid__fail(error, rc, "cannot wrap a stored secret");
        counts->wrapped++;
        *changed = true;
        return 0;
    case CLIENTID_SECRET_HMAC_SHA256:
        if (slot->pepper_id == clientid_pepper_id(control->pepper, control->pepper_len))
            counts->already++;
        else
            counts->other++;
        return 0;
    default:
        return 0;
    }
}

static int wrap_application(clientid_control *control, uint64_t id, clientid_wrap_counts *counts,
                            clientid_error *error)
{
    struct clientid__application_facts facts;
    bool changed = false;
    int rc = CLIENTID__STORE(control, application->facts, id, &facts, error);

    for (int slot = 0; slot < 2 && rc == 0; slot++)
        rc = wrap_slot(control, &facts.secrets[slot], counts, &changed, error);
    if (rc == 0 && changed)
        rc = save(control, &facts, clientid__now(control), "wrap-secret", (clientid_str){NULL, 0},
                  error);
    counts->applications += rc == 0;
    return rc;
}

/* The next transaction; |*more| is 0 after the last. */
static int wrap_batch(clientid_control *control, uint64_t *after, clientid_wrap_counts *counts,
                      bool *more, clientid_error *error)
{
    clientid_wrap_counts done = *counts;
    uint64_t ids[BATCH];
    size_t count = 0;
    int rc = clientid__begin(control, CLIENTID__WRITE, error);

    if (rc != 0)
        return rc;
    rc = clientid__may(control, CLIENTID_PERMISSION_STORE_MANAGE, 0, 0, error);
    if (rc == 0)
        rc = CLIENTID__STORE(control, application->ids, *after, ids, BATCH, &count, error);
    for (size_t i = 0; i < count && rc == 0; i++)
        rc = wrap_application(control, ids[i], &done, error);
    rc = clientid__end(control, rc, error);
    if (rc != 0)
        return rc;
    *counts = done;
    *more = count == BATCH;
    if (count > 0)
        *after = ids[count - 1];
    return 0;
}

int clientid_control_secrets_wrap(clientid_control *control, clientid_wrap_counts *out,
                                  clientid_progress_fn *progress, void *progress_self,
                                  clientid_error *error)
{
    uint64_t after = 0;
    bool more = true;
    int rc = 0;

    if (control == NULL || out == NULL || out->size != sizeof(*out))
        return clientid__bad_argument(error);
    if (control->pepper == NULL)
        return clientid__fail(error, CLIENTID_ERR_ARG,
                              "secrets are wrapped under a pepper, and "
                              "none was given");
    *out = (clientid_wrap_counts){.size = sizeof(*out)};
    while (more && rc == 0) {
        rc = wrap_batch(control, &after, out, &more, error);
        if (rc == 0 && progress != NULL)
            rc = progress(progress_self, out->applications);
    }
    return rc;
}
