/* SPDX-License-Identifier: Apache-2.0 */
/* Guessing is slow: a failed attempt costs its name and its address a token of a bucket.  The limiter is this library's own. */
#include "control/control.h"

#include "base/error.h"
#include "base/mem.h"
#include "base/str.h"

#include <clientid/gateway.h>

#include <pthread.h>

struct clientid_attempts {
    pthread_mutex_t lock; /* one worker, any thread */
    clientid_gateway *gateway;
    clientid_worker *worker;
    const clientid_api *api;
};

/* The path says what counts: an attempt without address must not be charged to all that have none. */
static const char configuration[] =
    "{\"limits\": {\"cells\": 64, \"keyCells\": 65536, \"useCells\": 0}, \"hugePages\": false,"
    " \"apis\": {\"sign-in\": {\"policies\": ["
    "{\"policy\": \"rate-limiting\", \"name\": \"name\", \"algorithm\": \"token-bucket\","
    " \"limits\": [\"10/1m\"], \"key\": \"header:name\", \"match\": [{\"path\": \"/name.*\"}]},"
    "{\"policy\": \"rate-limiting\", \"name\": \"address\", \"algorithm\": \"token-bucket\","
    " \"limits\": [\"60/1m\"], \"key\": \"header:address\","
    " \"match\": [{\"path\": \".*/address\"}]}]}}}";

int clientid_attempts_new(clientid_attempts **out, clientid_error *error)
{
    const clientid_options options = {.size = sizeof(options),
                                      .config = {configuration, sizeof(configuration) - 1}};
    clientid_attempts *attempts;
    int rc;

    if (out == NULL)
        return clientid__bad_argument(error);
    attempts = clientid__alloc(&clientid__malloc, 1, sizeof(*attempts));
    if (attempts == NULL)
        return clientid__fail(error, CLIENTID_ERR_NOMEM, "out of memory");
    pthread_mutex_init(&attempts->lock, NULL);
    rc = clientid_gateway_new(&attempts->gateway, &options, error);
    if (rc == 0) {
        rc = clientid_worker_new(&attempts->worker, attempts->gateway);
        if (rc == 0)
            rc = clientid_api_get(attempts->gateway, CLIENTID_STR("sign-in"), &attempts->api);
        if (rc != 0)
            clientid__fail(error, rc, "attempts cannot be counted");
    }
    if (rc != 0) {
        clientid_attempts_del(attempts);
        return rc;
    }
    *out = attempts;
    return 0;
}

void clientid_attempts_del(clientid_attempts *attempts)
{
    if (attempts == NULL)
        return;
    clientid_worker_del(attempts->worker);
    clientid_gateway_del(attempts->gateway);
    pthread_mutex_destroy(&attempts->lock);
    clientid__free(&clientid__malloc, attempts);
}

void clientid_control_set_attempts(clientid_control *control, clientid_attempts *attempts)
{
    if (control != NULL)
        control->attempts = attempts;
}

/* Digests: of one length, whatever a name is made of. */
struct keys {
    char name[2 * CLIENTID__TOKEN_HASH_BYTES];
    char address[2 * CLIENTID__TOKEN_HASH_BYTES];
};

static int digest(clientid_str text, char out[2 * CLIENTID__TOKEN_HASH_BYTES],
                  clientid_error *error)
{
    static const char digits[] = "0123456789abcdef";
    unsigned char hash[CLIENTID__TOKEN_HASH_BYTES];
    int rc = text.len == 0 ? 0 : clientid__token_hash(text, hash, error);

    for (size_t i = 0; i < sizeof(hash) && rc == 0 && text.len > 0; i++) {
        out[2 * i] = digits[hash[i] >> 4];
        out[2 * i + 1] = digits[hash[i] & 15];
    }
    return rc;
}

static int header(void *host, clientid_str name, size_t nth, clientid_str *value)
{
    const struct keys *keys = host;

    if (nth > 0)
        return 0;
    *value =
        clientid__str(clientid__str_eq(name, CLIENTID_STR("name")) ? keys->name : keys->address,
                      sizeof(keys->name));
    return 1;
}

static int refuse(const clientid_decision *decision, clientid_error *error)
{
    const uint64_t wait_s = decision->retry_after_ns / 1000000000 + 1;

    clientid__fail(error, CLIENTID_ERR_LIMITED, "too many attempts, wait %u s", (unsigned)wait_s);
    if (error != NULL)
        error->line = (unsigned)wait_s;
    return CLIENTID_ERR_LIMITED;
}

int clientid__attempt(clientid_control *control, clientid_str name, clientid_str address,
                      clientid_receipt *receipt, clientid_error *error)
{
    clientid_attempts *attempts = control->attempts;
    char scratch[CLIENTID_SCRATCH_BYTES];
    struct keys keys;
    clientid_decision decision = {.size = sizeof(decision)};
    clientid_request request = {
        .size = sizeof(request),
        .method = CLIENTID_STR("POST"),
        .path = name.len == 0      ? CLIENTID_STR("/address")
                : address.len == 0 ? CLIENTID_STR("/name")
                                   : CLIENTID_STR("/name/address"),
        .header = header,
        .host = &keys,
        .scratch = scratch,
        .scratch_len = sizeof(scratch),
    };
    int rc;

    receipt->count = 0;
    if (attempts == NULL || (name.len == 0 && address.len == 0))
        return 0;
    rc = digest(name, keys.name, error);
    if (rc == 0)
        rc = digest(address, keys.address, error);
    if (rc != 0)
        return rc;
    request.now_ns = clientid__now(control);
    pthread_mutex_lock(&attempts->lock);
    rc = clientid_check(attempts->worker, attempts->api, &request, &decision);
    pthread_mutex_unlock(&attempts->lock);
    if (rc != 0)
        return clientid__fail(error, rc, "attempts cannot be counted");
    if (decision.verdict != CLIENTID_ALLOW)
        return refuse(&decision, error);
    *receipt = decision.receipt;
    return 0;
}

void clientid__attempt_succeeded(clientid_control *control, const clientid_receipt *receipt)
{
    clientid_attempts *attempts = control->attempts;

    if (attempts == NULL || receipt->count == 0)
        return;
    pthread_mutex_lock(&attempts->lock);
    clientid_refund(attempts->worker, receipt, clientid__now(control));
    pthread_mutex_unlock(&attempts->lock);
}
