/* SPDX-License-Identifier: Apache-2.0 */
/* SLA tiers on the command line. */
#include "commands.h"
#include "fields.h"
#include "limits_text.h"
#include "listing.h"
#include "lookup.h"
#include "session.h"
#include "time_text.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

struct tier_input {
    clientid_tier_record record;
    unsigned fields;
    clientid_limit limits[CLIENTID_TIER_LIMITS_MAX];
};

/* ---- input ------------------------------------------------------------------------------------- */

static int read_limits(struct ctl *ctl, struct tier_input *in)
{
    const char *text;
    size_t count = 0;
    for (; (text = option_nth(&ctl->options, "limit", count)) != NULL; count++) {
        if (count == CLIENTID_TIER_LIMITS_MAX)
            return report(ctl, CTL_USAGE, ctl->options.what, "a tier has at most %d limits",
                          CLIENTID_TIER_LIMITS_MAX);
        const char *why = limit_parse(text, &in->limits[count]);
        if (why != NULL)
            return report(ctl, CTL_USAGE, ctl->options.what, "limit \"%.100s\": %s", text, why);
    }
    bool unlimited = option_given(&ctl->options, "unlimited");
    if (unlimited && count > 0)
        return report(ctl, CTL_USAGE, ctl->options.what,
                      "--limit and --unlimited exclude each other");
    in->record.limit_count = count;
    if (unlimited || count > 0)
        in->fields |= CLIENTID_TIER_LIMITS;
    return 0;
}

static int read_status(struct ctl *ctl, struct tier_input *in)
{
    const char *status = option_value(&ctl->options, "status");
    if (status == NULL)
        return 0;
    in->fields |= CLIENTID_TIER_STATUS;
    in->record.status = CLIENTID_TIER_ACTIVE;
    if (strcasecmp(status, "active") == 0)
        return 0;
    in->record.status = CLIENTID_TIER_DEPRECATED;
    if (strcasecmp(status, "deprecated") == 0)
        return 0;
    return report(ctl, CTL_USAGE, ctl->options.what, "--status is \"active\" or \"deprecated\"");
}

static int read_approval(struct ctl *ctl, struct tier_input *in)
{
    bool automatic = option_given(&ctl->options, "auto-approve");
    bool manual = option_given(&ctl->options, "manual-approve");
    if (automatic && manual)
        return report(ctl, CTL_USAGE, ctl->options.what,
                      "--auto-approve and --manual-approve exclude each other");
    in->record.auto_approve = automatic;
    if (automatic || manual)
        in->fields |= CLIENTID_TIER_AUTO_APPROVE;
    return 0;
}

static int read_input(struct ctl *ctl, struct tier_input *in)
{
    *in = (struct tier_input){.record = {.size = sizeof(in->record),
                                         .status = CLIENTID_TIER_ACTIVE,
                                         .limits = in->limits}};
    field_text(&ctl->options, "name", &in->record.name, CLIENTID_TIER_NAME, &in->fields);
    field_text(&ctl->options, "description", &in->record.description, CLIENTID_TIER_DESCRIPTION,
               &in->fields);
    int rv = read_limits(ctl, in);
    if (rv == 0)
        rv = read_status(ctl, in);
    return rv != 0 ? rv : read_approval(ctl, in);
}

/* ---- output ------------------------------------------------------------------------------------ */

static const struct column columns[] = {
    {"ID", COLUMN_RIGHT},        {"API", COLUMN_SHRINKS}, {"TIER", COLUMN_SHRINKS},
    {"LIMITS", COLUMN_SHRINKS},  {"APPROVAL", 0},         {"STATUS", 0},
    {"CONTRACTS", COLUMN_RIGHT},
};

static const char *approval(const clientid_tier_record *r)
{
    return r->auto_approve ? "automatic" : "manual";
}

static const char *status_label(const clientid_tier_record *r)
{
    return r->status == CLIENTID_TIER_DEPRECATED ? "DEPRECATED" : "ACTIVE";
}

static int list_row(void *sink, const clientid_tier_record *r)
{
    struct listing *listing = sink;
    struct table *t = listing->table;
    char limits[512];
    if (listing->ctl->json) {
        char *text = NULL;
        int rv = clientid_tier_to_json(r, &text, NULL);
        return listing_json(listing, rv, text);
    }
    limits_format(r->limits, r->limit_count, limits, sizeof(limits));
    table_cellf(t, "%" PRIu64, r->id);
    table_slice(t, r->api_name);
    table_slice(t, r->name);
    table_cell(t, limits);
    table_cell(t, approval(r));
    table_cell(t, status_label(r));
    table_cellf(t, "%" PRIu64, r->application_count);
    return 0;
}

static int show_record(void *sink, const clientid_tier_record *r)
{
    struct ctl *ctl = sink;
    char text[512];
    if (ctl->json) {
        char *json = NULL;
        int rv = clientid_tier_to_json(r, &json, NULL);
        return json_line(ctl, rv, json);
    }
    struct table *t = table_new_details(ctl->out);
    table_detail(t, "id", "%" PRIu64, r->id);
    table_detail_slice(t, "api", r->api_name);
    table_detail_slice(t, "name", r->name);
    table_detail_slice(t, "description", r->description);
    limits_format(r->limits, r->limit_count, text, sizeof(text));
    table_detail(t, "limits", "%s", text);
    table_detail(t, "approval", "%s", approval(r));
    table_detail(t, "status", "%s", status_label(r));
    table_detail(t, "contracts", "%" PRIu64, r->application_count);
    moment_format(r->created_ns, text, sizeof(text));
    table_detail(t, "created", "%s", text);
    moment_format(r->updated_ns, text, sizeof(text));
    table_detail(t, "updated", "%s", text);
    return table_end(t) ? 0 : CLIENTID_ERR_IO;
}

static int show_tier(struct ctl *ctl, uint64_t id)
{
    clientid_error error = {0};
    int rv = clientid_control_tier_get(ctl->control, id, show_record, ctl, &error);
    return outcome(ctl, rv, &error);
}

/* ---- commands ---------------------------------------------------------------------------------- */

static int create(struct ctl *ctl)
{
    const char *name = argument_nth(&ctl->options, 1);
    clientid_error error = {0};
    struct tier_input in;
    uint64_t id = 0;
    int rv = read_input(ctl, &in);
    if (rv == 0 && (in.fields & CLIENTID_TIER_LIMITS) == 0)
        rv = report(ctl, CTL_USAGE, ctl->options.what, "a tier needs --limit, or --unlimited");
    if (rv == 0)
        rv = session_write(ctl);
    if (rv == 0)
        rv = lookup_api(ctl, argument_nth(&ctl->options, 0), &in.record.api_id);
    if (rv != 0)
        return rv;
    in.record.name = slice(name);
    rv = clientid_control_tier_create(ctl->control, &in.record, &id, &error);
    if (rv != 0)
        return outcome(ctl, rv, &error);
    if (ctl->json)
        return show_tier(ctl, id);
    return done(ctl, "create", id, "created tier \"%s\" with the number %" PRIu64, name, id);
}

static int list(struct ctl *ctl)
{
    const char *api = argument_nth(&ctl->options, 0);
    clientid_error error = {0};
    struct listing listing;
    uint64_t api_id = 0;
    int rv = session_read(ctl);
    if (rv == 0 && api != NULL)
        rv = lookup_api(ctl, api, &api_id);
    if (rv != 0)
        return rv;
    listing_begin(&listing, ctl, "tiers", columns, sizeof(columns) / sizeof(columns[0]));
    rv = clientid_control_tier_list(ctl->control, api_id, list_row, &listing, &error);
    return listing_end(&listing, rv, &error);
}

static int show(struct ctl *ctl)
{
    uint64_t id;
    int rv = session_read(ctl);
    if (rv == 0)
        rv = lookup_tier_arguments(ctl, &id);
    return rv == 0 ? show_tier(ctl, id) : rv;
}

static int update(struct ctl *ctl)
{
    clientid_error error = {0};
    struct tier_input in;
    uint64_t id, approved = 0;
    int rv = read_input(ctl, &in);
    if (rv == 0 && in.fields == 0)
        rv = report(ctl, CTL_USAGE, ctl->options.what, "nothing to update; see --help");
    if (rv == 0)
        rv = session_write(ctl);
    if (rv == 0)
        rv = lookup_tier_arguments(ctl, &id);
    if (rv != 0)
        return rv;
    rv = clientid_control_tier_update(ctl->control, id, &in.record, in.fields, &approved, &error);
    if (rv != 0)
        return outcome(ctl, rv, &error);
    if (ctl->json)
        return show_tier(ctl, id);
    if (approved > 0)
        return done(ctl, "update", id,
                    "updated tier %" PRIu64 "; %" PRIu64 " waiting requests approved", id,
                    approved);
    return done(ctl, "update", id, "updated tier %" PRIu64, id);
}

static int delete (struct ctl *ctl)
{
    clientid_error error = {0};
    uint64_t id;
    int rv = session_write(ctl);
    if (rv == 0)
        rv = lookup_tier_arguments(ctl, &id);
    if (rv != 0)
        return rv;
    rv = clientid_control_tier_delete(ctl->control, id, &error);
    if (rv != 0)
        return outcome(ctl, rv, &error);
    return done(ctl, "delete", id, "deleted tier %" PRIu64, id);
}

#define TIER_FIELDS                                                                                \
    {"limit", 0, "COUNT/PERIOD", "such as 100/1m; :hidden keeps it out of headers",                \
     OPTION_REPEATS},                                                                              \
        {"unlimited", 0, NULL, "no limits", 0}, {"description", 0, "TEXT", "for people", 0},       \
        {"auto-approve", 0, NULL, "access requests are approved at once", 0},                      \
        {"manual-approve", 0, NULL, "they wait for \"contract approve\"", 0},                      \
        {"status", 0, "STATUS", "active, or deprecated: no new contracts", 0},

static const struct option_spec create_options[] = {TIER_FIELDS{NULL, 0, NULL, NULL, 0}};
static const struct option_spec update_options[] = {
    {"name", 0, "NAME", "another name", 0},
    TIER_FIELDS{NULL, 0, NULL, NULL, 0},
};

static const char limits_help[] =
    "PERIOD is a unit (ms, s, m, h, d) or a number and a unit: 5/s, 100/1m, 10000/1d:hidden.\n"
    "All limits of a tier hold together; their periods differ; a sole limit is visible.\n";
static const char update_help[] = "--limit replaces all limits and acts at once on existing "
                                  "contracts.  An active tier that becomes\n"
                                  "--auto-approve approves everything that waits for it.\n";

const struct command tier_commands[] = {
    {"tier", "create", "API NAME", 2, 2, "Add an SLA tier to an API", create_options, create,
     limits_help},
    {"tier", "list", "[API]", 0, 1, "List the tiers of an API, or of all", NULL, list, NULL},
    {"tier", "show", "API TIER | NUMBER", 1, 2, "Show one", NULL, show, NULL},
    {"tier", "update", "API TIER | NUMBER", 1, 2, "Change what is given, leave the rest",
     update_options, update, update_help},
    {"tier", "delete", "API TIER | NUMBER", 1, 2, "Delete one that no contract uses or requests",
     NULL, delete, NULL},
    {0},
};
