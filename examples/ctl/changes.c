/* SPDX-License-Identifier: Apache-2.0 */
/* The audit trail: who did what to which thing, and when. */
#include "commands.h"
#include "listing.h"
#include "lookup.h"
#include "session.h"
#include "time_text.h"

#include <inttypes.h>
#include <string.h>

static const struct column columns[] = {
    {"REVISION", COLUMN_RIGHT},
    {"WHEN", 0},
    {"WHO", COLUMN_SHRINKS},
    {"VERB", 0},
    {"THING", 0},
    {"API", COLUMN_SHRINKS},
    {"CLIENT ID", COLUMN_SHRINKS},
    {"DETAIL", COLUMN_SHRINKS},
};

static int list_row(void *sink, const clientid_change_record *r)
{
    struct listing *listing = sink;
    struct table *t = listing->table;
    char moment[TIME_TEXT_BYTES];
    if (listing->ctl->json) {
        char *text = NULL;
        int rv = clientid_change_to_json(r, &text, NULL);
        return listing_json(listing, rv, text);
    }
    moment_format(r->at_ns, moment, sizeof(moment));
    table_cellf(t, "%" PRIu64, r->revision);
    table_cell(t, moment);
    table_slice(t, r->actor);
    table_slice(t, r->verb);
    table_cellf(t, "%.*s %" PRIu64, (int)r->entity.len, r->entity.ptr, r->entity_id);
    table_slice(t, r->api);
    table_slice(t, r->client_id);
    table_slice(t, r->detail);
    return 0;
}

static int changes(struct ctl *ctl)
{
    const char *after = option_value(&ctl->options, "after");
    const char *max = option_value(&ctl->options, "max");
    clientid_error error = {0};
    struct listing listing;
    uint64_t revision = 0, count = 0;
    if (after != NULL && strcmp(after, "0") != 0 && !number_parse(after, &revision))
        return report(ctl, CTL_USAGE, ctl->options.what, "--after takes a revision");
    if (max != NULL && !number_parse(max, &count))
        return report(ctl, CTL_USAGE, ctl->options.what, "--max takes a number, at least 1");
    int rv = session_read(ctl);
    if (rv != 0)
        return rv;
    listing_begin(&listing, ctl, "changes", columns, sizeof(columns) / sizeof(columns[0]));
    rv = clientid_control_changes(ctl->control, revision, count, list_row, &listing, &error);
    return listing_end(&listing, rv, &error);
}

static int prune(struct ctl *ctl)
{
    const char *text = argument_nth(&ctl->options, 0);
    clientid_error error = {0};
    uint64_t before_ns, removed = 0;
    const char *why = moment_parse(text, now_ns(), &before_ns);
    if (why != NULL)
        return report(ctl, CTL_USAGE, ctl->options.what, "\"%.60s\": %s", text, why);
    int rv = session_write(ctl);
    if (rv != 0)
        return rv;
    rv = clientid_control_changes_prune(ctl->control, before_ns, &removed, &error);
    if (rv != 0)
        return outcome(ctl, rv, &error);
    fprintf(ctl->out, ctl->json ? "{\"removed\":%" PRIu64 "}\n" : "removed %" PRIu64 " changes\n",
            removed);
    return CTL_OK;
}

static const struct option_spec changes_options[] = {
    {"after", 0, "REVISION", "only later ones", 0},
    {"max", 0, "COUNT", "at most so many, the oldest", 0},
    {NULL, 0, NULL, NULL, 0},
};

const struct command changes_commands[] = {
    {"changes", NULL, "", 0, 0, "The audit trail, oldest first", changes_options, changes, NULL},
    {"prune-changes", NULL, "MOMENT", 1, 1, "Forget the audit trail before a moment", NULL, prune,
     "A moment is 2030-01-31T12:00:00Z or 2030-01-31.  A gateway that has not seen one of the "
     "changes\n"
     "yet makes a full load.\n"},
    {0},
};
