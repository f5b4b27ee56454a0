/* SPDX-License-Identifier: Apache-2.0 */
/* Owners of API instances on the command line: users who manage them. */
#include "commands.h"
#include "fields.h"
#include "listing.h"
#include "lookup.h"
#include "session.h"

#include <clientid/account.h>

#include <jansson.h>
#include <stdlib.h>

static const struct column columns[] = {{"OWNER", 0}};

static int list_row(void *sink, clientid_str name)
{
    struct listing *listing = sink;
    if (!listing->ctl->json) {
        table_slice(listing->table, name);
        return 0;
    }
    json_t *item = json_pack("{s:s%}", "owner", name.ptr, name.len);
    char *text = item != NULL ? json_dumps(item, JSON_COMPACT) : NULL;
    int rv = text != NULL ? listing_text(listing, text) : CLIENTID_ERR_NOMEM;
    free(text);
    json_decref(item);
    return rv;
}

static int list(struct ctl *ctl)
{
    clientid_error error = {0};
    struct listing listing;
    uint64_t id = 0;
    int rv = session_read(ctl);
    if (rv == 0)
        rv = lookup_api(ctl, argument_nth(&ctl->options, 0), &id);
    if (rv != 0)
        return rv;
    listing_begin(&listing, ctl, "owners", columns, 1);
    rv = clientid_control_api_owner_list(ctl->control, id, list_row, &listing, &error);
    return listing_end(&listing, rv, &error);
}

static int begin(struct ctl *ctl, uint64_t *id)
{
    int rv = session_write(ctl);
    return rv == 0 ? lookup_api(ctl, argument_nth(&ctl->options, 0), id) : rv;
}

static int add(struct ctl *ctl)
{
    const char *name = argument_nth(&ctl->options, 1);
    clientid_error error = {0};
    uint64_t id = 0;
    int rv = begin(ctl, &id);
    if (rv == 0)
        rv = outcome(ctl, clientid_control_api_owner_add(ctl->control, id, slice(name), &error),
                     &error);
    return rv != 0 ? rv
                   : done(ctl, "add-owner", id, "%s owns API %s now", name,
                          argument_nth(&ctl->options, 0));
}

static int take_away(struct ctl *ctl)
{
    const char *name = argument_nth(&ctl->options, 1);
    clientid_error error = {0};
    uint64_t id = 0;
    int rv = begin(ctl, &id);
    if (rv == 0)
        rv = outcome(ctl, clientid_control_api_owner_remove(ctl->control, id, slice(name), &error),
                     &error);
    return rv != 0 ? rv
                   : done(ctl, "remove-owner", id, "%s no longer owns API %s", name,
                          argument_nth(&ctl->options, 0));
}

const struct command api_owner_commands[] = {
    {"api", "list-owners", "API", 1, 1, "List the users who manage an API", NULL, list, NULL},
    {"api", "add-owner", "API USER", 2, 2, "Let a user with the role api-owner manage it", NULL,
     add, NULL},
    {"api", "remove-owner", "API USER", 2, 2, "Take that back", NULL, take_away, NULL},
    {0},
};
