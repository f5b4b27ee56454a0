/* SPDX-License-Identifier: Apache-2.0 */
/* Whoever has a desk has it alone. */
#include "desk.h"

#include <stdlib.h>

struct desk *desk_open(struct portal *portal, unsigned flags, clientid_error *error)
{
    const clientid_control_options options = {
        .size = sizeof options,
        .actor = CLIENTID_STR("clientid-portal"),
        .pepper = portal->pepper,
        .pepper_len = portal->pepper_len,
        .sealing_key = portal->sealing_key,
        .sealing_key_len = portal->sealing_key_len,
    };
    struct desk *desk = calloc(1, sizeof *desk);
    if (desk == NULL) {
        error->code = CLIENTID_ERR_NOMEM;
        return NULL;
    }
    error->code = clientid_store_open(&desk->store, portal->config.store, flags, error);
    if (error->code == 0)
        error->code = clientid_control_new(&desk->control, desk->store, &options, error);
    if (error->code != 0) {
        desk_close(desk);
        return NULL;
    }
    clientid_control_set_attempts(desk->control, portal->attempts);
    return desk;
}

void desk_close(struct desk *desk)
{
    if (desk == NULL)
        return;
    clientid_control_del(desk->control);
    clientid_store_close(desk->store);
    free(desk);
}

int desks_open(struct portal *portal, unsigned count, clientid_error *error)
{
    for (unsigned i = 0; i < count; i++) {
        struct desk *desk = desk_open(portal, i == 0 ? CLIENTID_STORE_CREATE : 0, error);
        if (desk == NULL)
            return error->code;
        desk_give_back(portal, desk);
    }
    return 0;
}

void desks_close(struct portal *portal)
{
    while (portal->desks != NULL) {
        struct desk *desk = portal->desks;
        portal->desks = desk->next;
        desk_close(desk);
    }
}

struct desk *desk_take(struct portal *portal)
{
    pthread_mutex_lock(&portal->lock);
    while (portal->desks == NULL)
        pthread_cond_wait(&portal->changed, &portal->lock);
    struct desk *desk = portal->desks;
    portal->desks = desk->next;
    pthread_mutex_unlock(&portal->lock);
    return desk;
}

void desk_give_back(struct portal *portal, struct desk *desk)
{
    pthread_mutex_lock(&portal->lock);
    desk->next = portal->desks;
    portal->desks = desk;
    pthread_cond_broadcast(&portal->changed);
    pthread_mutex_unlock(&portal->lock);
}
