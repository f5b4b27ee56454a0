/* SPDX-License-Identifier: Apache-2.0 */
/* Owners of applications on the command line. */
#include "commands.h"
#include "fields.h"
#include "listing.h"
#include "lookup.h"
#include "session.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>
#include <string.h>

static const struct column columns[] = {
    {"ID", COLUMN_RIGHT}, {"APPLICATION", COLUMN_SHRINKS}, {"OWNER", 0}};

struct owner_filter {
    struct listing listing;
    clientid_str owner; /* empty: all */
};

static int owner_json(struct listing *listing, const clientid_application_record *r,
                      clientid_str owner)
{
    json_t *item =
        json_pack("{s:I, s:s%, s:s%}", "applicationId", (json_int_t)r->id, "applicationName",
                  r->name.ptr, r->name.len, "owner", owner.ptr, owner.len);
    char *text = item != NULL ? json_dumps(item, JSON_COMPACT) : NULL;
    int rv = text != NULL ? listing_text(listing, text) : CLIENTID_ERR_NOMEM;
    free(text);
    json_decref(item);
    return rv;
}

static int list_rows(void *sink, const clientid_application_record *r)
{
    struct owner_filter *filter = sink;
    int rv = 0;
    for (size_t i = 0; rv == 0 && i < r->owner_count; i++) {
        clientid_str owner = r->owners[i];
        if (filter->owner.len != 0 && (owner.len != filter->owner.len ||
                                       memcmp(owner.ptr, filter->owner.ptr, owner.len) != 0))
            continue;
        if (filter->listing.ctl->json) {
            rv = owner_json(&filter->listing, r, owner);
            continue;
        }
        table_cellf(filter->listing.table, "%" PRIu64, r->id);
        table_slice(filter->listing.table, r->name);
        table_slice(filter->listing.table, owner);
    }
    return rv;
}

static int list(struct ctl *ctl)
{
    const char *text = argument_nth(&ctl->options, 0);
    clientid_error error = {0};
    struct owner_filter filter = {.owner = {NULL, 0}};
    uint64_t id = 0;
    int rv = session_read(ctl);
    if (rv == 0 && text != NULL)
        rv = lookup_application(ctl, text, &id);
    if (rv != 0)
        return rv;
    listing_begin(&filter.listing, ctl, "owners", columns, 3);
    rv = id != 0
             ? clientid_control_application_get(ctl->control, id, list_rows, &filter, &error)
             : clientid_control_application_list(ctl->control, NULL, list_rows, &filter, &error);
    return listing_end(&filter.listing, rv, &error);
}

static int show(struct ctl *ctl)
{
    clientid_error error = {0};
    struct owner_filter filter = {.owner = slice(argument_nth(&ctl->options, 0))};
    clientid_application_filter owned = {.size = sizeof(owned), .owner = filter.owner};
    int rv = session_read(ctl);
    if (rv != 0)
        return rv;
    listing_begin(&filter.listing, ctl, "owners", columns, 3);
    rv = clientid_control_application_list(ctl->control, &owned, list_rows, &filter, &error);
    return listing_end(&filter.listing, rv, &error);
}

static int create(struct ctl *ctl)
{
    const char *name = argument_nth(&ctl->options, 1);
    clientid_error error = {0};
    clientid_owner_kind kind = option_given(&ctl->options, "connected-app")
                                   ? CLIENTID_OWNER_CONNECTED_APP
                                   : CLIENTID_OWNER_USER;
    uint64_t id;
    int rv = session_write(ctl);
    if (rv == 0)
        rv = lookup_application(ctl, argument_nth(&ctl->options, 0), &id);
    if (rv != 0)
        return rv;
    rv = clientid_control_owner_add(ctl->control, id, kind, slice(name), &error);
    if (rv != 0)
        return outcome(ctl, rv, &error);
    return done(ctl, "create", id, "%s owns application %" PRIu64 " now", name, id);
}

static int delete (struct ctl *ctl)
{
    const char *name = argument_nth(&ctl->options, 1);
    clientid_error error = {0};
    uint64_t id;
    int rv = session_write(ctl);
    if (rv == 0)
        rv = lookup_application(ctl, argument_nth(&ctl->options, 0), &id);
    if (rv != 0)
        return rv;
    rv = clientid_control_owner_remove(ctl->control, id, slice(name), &error);
    if (rv == CLIENTID_ERR_NOT_FOUND)
        return report(ctl, CTL_NOT_FOUND, ctl->options.what,
                      "\"%.200s\" does not own application %" PRIu64, name, id);
    if (rv != 0)
        return outcome(ctl, rv, &error);
    return done(ctl, "delete", id, "%s no longer owns application %" PRIu64, name, id);
}

/* The new owner comes first, so that a sole owner can be replaced; without the old one nothing happens. */
static int update(struct ctl *ctl)
{
    const char *from = argument_nth(&ctl->options, 1);
    const char *to = argument_nth(&ctl->options, 2);
    clientid_error error = {0};
    uint64_t id;
    int rv = session_write(ctl);
    if (rv == 0)
        rv = lookup_application(ctl, argument_nth(&ctl->options, 0), &id);
    if (rv != 0)
        return rv;
    rv = clientid_control_owner_add(ctl->control, id, CLIENTID_OWNER_USER, slice(to), &error);
    if (rv != 0)
        return outcome(ctl, rv, &error);
    rv = clientid_control_owner_remove(ctl->control, id, slice(from), &error);
    if (rv != 0)
        clientid_control_owner_remove(ctl->control, id, slice(to), NULL);
    if (rv == CLIENTID_ERR_NOT_FOUND)
        return report(ctl, CTL_NOT_FOUND, ctl->options.what,
                      "\"%.200s\" does not own application %" PRIu64, from, id);
    if (rv != 0)
        return outcome(ctl, rv, &error);
    return done(ctl, "update", id, "%s owns application %" PRIu64 " in place of %s", to, id, from);
}

static const struct option_spec create_options[] = {
    {"connected-app", 0, NULL, "the owner is a connected app; refused by a rule, as in Anypoint",
     0},
    {NULL, 0, NULL, NULL, 0},
};

const struct command owner_commands[] = {
    {"owner", "create", "APPLICATION NAME", 2, 2, "Make a user an owner of an application",
     create_options, create, NULL},
    {"owner", "list", "[APPLICATION]", 0, 1, "List owners", NULL, list, NULL},
    {"owner", "show", "NAME", 1, 1, "List what a user owns", NULL, show, NULL},
    {"owner", "update", "APPLICATION NAME OTHER", 3, 3, "Put another owner in the place of one",
     NULL, update, NULL},
    {"owner", "delete", "APPLICATION NAME", 2, 2, "Take an owner away, but not the last one", NULL,
     delete, NULL},
    {0},
};
