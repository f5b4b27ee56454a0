/* SPDX-License-Identifier: Apache-2.0 */
/* A call of the life cycle is one transaction: all of it happened, or nothing. */
#include "control/control.h"

#include "base/error.h"
#include "base/str.h"

#include <stdlib.h>
#include <time.h>

static uint64_t realtime_ns(void *self)
{
    struct timespec now;

    (void)self;
    clock_gettime(CLOCK_REALTIME, &now);
    return (uint64_t)now.tv_sec * 1000000000 + (uint64_t)now.tv_nsec;
}

uint64_t clientid__now(const clientid_control *control)
{
    return control->now_ns(control->now_self);
}

int clientid__bad_argument(clientid_error *error)
{
    return clientid__fail(error, CLIENTID_ERR_ARG, "invalid argument");
}

static int set_options(clientid_control *control, const clientid_control_options *options,
                       clientid_error *error)
{
    int rc = clientid__check_field(error, "/actor", options->actor, 0, CLIENTID__ACTOR_MAX,
                                   CLIENTID__FIELD_NAME);

    if (rc != 0)
        return rc;
    if (options->actor.len > 0)
        memcpy(control->actor, options->actor.ptr, options->actor.len);
    control->actor_len = options->actor.len;
    if (options->now_ns != NULL) {
        control->now_ns = options->now_ns;
        control->now_self = options->now_self;
    }
    if (options->sealing_key != NULL) {
        memcpy(control->sealing_key, options->sealing_key, sizeof(control->sealing_key));
        control->can_seal = true;
    }
    if (options->pepper == NULL)
        return 0;
    control->pepper = malloc(options->pepper_len != 0 ? options->pepper_len : 1);
    if (control->pepper == NULL)
        return clientid__fail(error, CLIENTID_ERR_NOMEM, "out of memory");
    memcpy(control->pepper, options->pepper, options->pepper_len);
    control->pepper_len = options->pepper_len;
    return 0;
}

int clientid_control_new(clientid_control **out, clientid_store *store,
                         const clientid_control_options *options, clientid_error *error)
{
    clientid_control *control;
    int rc = 0;

    if (out == NULL || store == NULL || (options != NULL && options->size != sizeof(*options)) ||
        (options != NULL && options->pepper != NULL && options->pepper_len == 0) ||
        (options != NULL && options->sealing_key != NULL &&
         options->sealing_key_len != CLIENTID__SEALING_KEY))
        return clientid__bad_argument(error);
    control = calloc(1, sizeof(*control));
    if (control == NULL)
        return clientid__fail(error, CLIENTID_ERR_NOMEM, "out of memory");
    control->store = store;
    control->now_ns = realtime_ns;
    control->scrypt_log2 = 15;
    if (options != NULL)
        rc = set_options(control, options, error);
    if (rc != 0) {
        clientid_control_del(control);
        return rc;
    }
    *out = control;
    return 0;
}

void clientid_control_del(clientid_control *control)
{
    if (control == NULL)
        return;
    if (control->pepper != NULL)
        explicit_bzero(control->pepper, control->pepper_len);
    free(control->pepper);
    explicit_bzero(control->sealing_key, sizeof(control->sealing_key));
    free(control);
}

int clientid__begin_unasked(clientid_control *control, enum clientid__transaction kind,
                            clientid_error *error)
{
    return CLIENTID__STORE(control, begin, kind, error);
}

int clientid__begin(clientid_control *control, enum clientid__transaction kind,
                    clientid_error *error)
{
    int rc = CLIENTID__STORE(control, begin, kind, error);

    if (rc != 0 || !control->has_caller)
        return rc;
    rc = clientid__caller_refresh(control, error);
    return rc == 0 ? 0 : clientid__end(control, rc, error);
}

int clientid__end(clientid_control *control, int rc, clientid_error *error)
{
    if (rc == 0)
        return CLIENTID__STORE(control, commit, error);
    control->store->ops->rollback(control->store);
    return rc;
}

int clientid__look(clientid_control *control, clientid_error *error)
{
    return control->has_caller ? clientid__begin(control, CLIENTID__READ, error) : 0;
}

int clientid__looked(clientid_control *control, int rc, clientid_error *error)
{
    return control->has_caller ? clientid__end(control, rc, error) : rc;
}
