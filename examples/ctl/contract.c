/* SPDX-License-Identifier: Apache-2.0 */
/* Access requests and contracts on the command line. */
#include "commands.h"
#include "fields.h"
#include "listing.h"
#include "lookup.h"
#include "session.h"
#include "time_text.h"

#include <inttypes.h>
#include <string.h>
#include <strings.h>

/* ---- output ------------------------------------------------------------------------------------ */

static const struct column columns[] = {
    {"ID", COLUMN_RIGHT}, {"API", COLUMN_SHRINKS},  {"APPLICATION", COLUMN_SHRINKS},
    {"CLIENT ID", 0},     {"TIER", COLUMN_SHRINKS}, {"REQUESTED", COLUMN_SHRINKS},
    {"STATUS", 0},
};

static clientid_str or_dash(clientid_str text)
{
    return text.len > 0 ? text : slice("-");
}

static int list_row(void *sink, const clientid_contract_record *r)
{
    struct listing *listing = sink;
    struct table *t = listing->table;
    if (listing->ctl->json) {
        char *text = NULL;
        int rv = clientid_contract_to_json(r, &text, NULL);
        return listing_json(listing, rv, text);
    }
    table_cellf(t, "%" PRIu64, r->id);
    table_slice(t, r->api_name);
    table_slice(t, r->application_name);
    table_slice(t, r->client_id);
    table_slice(t, or_dash(r->tier_name));
    table_slice(t, or_dash(r->requested_tier_name));
    table_cell(t, clientid_contract_status_label((clientid_contract_status)r->status));
    return 0;
}

static void show_moment(struct table *t, const char *name, uint64_t moment_ns)
{
    char moment[TIME_TEXT_BYTES];
    moment_format(moment_ns, moment, sizeof(moment));
    if (moment_ns != 0)
        table_detail(t, name, "%s", moment);
}

static int show_record(void *sink, const clientid_contract_record *r)
{
    struct ctl *ctl = sink;
    if (ctl->json) {
        char *text = NULL;
        int rv = clientid_contract_to_json(r, &text, NULL);
        return json_line(ctl, rv, text);
    }
    struct table *t = table_new_details(ctl->out);
    table_detail(t, "id", "%" PRIu64, r->id);
    table_detail_slice(t, "api", r->api_name);
    table_detail_slice(t, "application", r->application_name);
    table_detail_slice(t, "client id", r->client_id);
    table_detail(t, "status", "%s",
                 clientid_contract_status_label((clientid_contract_status)r->status));
    table_detail_slice(t, "tier", or_dash(r->tier_name));
    table_detail_slice(t, "requested tier", r->requested_tier_name);
    table_detail_slice(t, "terms accepted", r->terms);
    table_detail_slice(t, "reason", r->reason);
    table_detail_slice(t, "party", r->party_id);
    table_detail_slice(t, "party name", r->party_name);
    show_moment(t, "created", r->created_ns);
    show_moment(t, "updated", r->updated_ns);
    show_moment(t, "approved", r->approved_ns);
    show_moment(t, "rejected", r->rejected_ns);
    show_moment(t, "revoked", r->revoked_ns);
    return table_end(t) ? 0 : CLIENTID_ERR_IO;
}

static int show_contract(struct ctl *ctl, uint64_t id)
{
    clientid_error error = {0};
    int rv = clientid_control_contract_get(ctl->control, id, show_record, ctl, &error);
    return outcome(ctl, rv, &error);
}

/* ---- reading ----------------------------------------------------------------------------------- */

static int read_status(struct ctl *ctl, uint32_t *status)
{
    const char *text = option_value(&ctl->options, "status");
    if (text == NULL)
        return 0;
    for (unsigned s = CLIENTID_PENDING; s <= CLIENTID_REVOKED; s++)
        if (strcasecmp(text, clientid_contract_status_label((clientid_contract_status)s)) == 0) {
            *status = s;
            return 0;
        }
    return report(ctl, CTL_USAGE, ctl->options.what,
                  "--status is pending, approved, rejected or revoked");
}

static int read_page(struct ctl *ctl, clientid_contract_filter *filter)
{
    const char *after = option_value(&ctl->options, "after");
    const char *max = option_value(&ctl->options, "max");
    if (after != NULL && !number_parse(after, &filter->after_id))
        return report(ctl, CTL_USAGE, ctl->options.what, "--after takes the number of a contract");
    if (max != NULL && !number_parse(max, &filter->max))
        return report(ctl, CTL_USAGE, ctl->options.what, "--max takes a number, at least 1");
    return 0;
}

static int read_filter(struct ctl *ctl, clientid_contract_filter *filter)
{
    const char *api = option_value(&ctl->options, "api");
    const char *app = option_value(&ctl->options, "app");
    const char *tier = option_value(&ctl->options, "tier");
    int rv = 0;
    if (api != NULL)
        rv = lookup_api(ctl, api, &filter->api_id);
    if (rv == 0 && app != NULL)
        rv = lookup_application(ctl, app, &filter->application_id);
    if (rv == 0 && tier != NULL && api == NULL && !number_parse(tier, &filter->tier_id))
        rv = report(ctl, CTL_USAGE, ctl->options.what,
                    "--tier by name needs --api: names of tiers are unique in one API only");
    if (rv == 0 && tier != NULL)
        rv = lookup_tier(ctl, filter->api_id, tier, &filter->tier_id);
    return rv;
}

static int list(struct ctl *ctl)
{
    clientid_error error = {0};
    clientid_contract_filter filter = {.size = sizeof(filter)};
    struct listing listing;
    filter.waiting = option_given(&ctl->options, "waiting");
    int rv = read_status(ctl, &filter.status);
    if (rv == 0)
        rv = read_page(ctl, &filter);
    if (rv == 0)
        rv = session_read(ctl);
    if (rv == 0)
        rv = read_filter(ctl, &filter);
    if (rv != 0)
        return rv;
    listing_begin(&listing, ctl, "contracts", columns, sizeof(columns) / sizeof(columns[0]));
    rv = clientid_control_contract_list(ctl->control, &filter, list_row, &listing, &error);
    return listing_end(&listing, rv, &error);
}

static int show(struct ctl *ctl)
{
    uint64_t id;
    int rv = session_read(ctl);
    if (rv == 0)
        rv = lookup_contract_arguments(ctl, &id);
    return rv == 0 ? show_contract(ctl, id) : rv;
}

/* ---- requests ---------------------------------------------------------------------------------- */

static int read_request(struct ctl *ctl, clientid_access_request *request)
{
    const struct options *o = &ctl->options;
    const char *tier = option_value(o, "tier");
    *request = (clientid_access_request){.size = sizeof(*request),
                                         .accepted_terms = option_given(o, "accept-terms"),
                                         .reason = slice(option_value(o, "reason")),
                                         .party_id = slice(option_value(o, "party-id")),
                                         .party_name = slice(option_value(o, "party-name"))};
    int rv = lookup_application(ctl, argument_nth(o, 0), &request->application_id);
    if (rv == 0)
        rv = lookup_api(ctl, argument_nth(o, 1), &request->api_id);
    if (rv == 0 && tier != NULL)
        rv = lookup_tier(ctl, request->api_id, tier, &request->tier_id);
    return rv;
}

static int request(struct ctl *ctl)
{
    clientid_error error = {0};
    clientid_access_request access;
    clientid_contract_status status = CLIENTID_PENDING;
    uint64_t id = 0;
    int rv = session_write(ctl);
    if (rv == 0)
        rv = read_request(ctl, &access);
    if (rv != 0)
        return rv;
    rv = clientid_control_contract_request(ctl->control, &access, &id, &status, &error);
    if (rv != 0)
        return outcome(ctl, rv, &error);
    if (ctl->json)
        return show_contract(ctl, id);
    return done(ctl, "request", id, "contract %" PRIu64 " is %s", id,
                clientid_contract_status_label(status));
}

static int change_tier(struct ctl *ctl)
{
    const char *tier = option_value(&ctl->options, "tier");
    clientid_error error = {0};
    uint64_t id, tier_id;
    int applied = 0;
    if (tier == NULL)
        return report(ctl, CTL_USAGE, ctl->options.what, "which tier? Use --tier");
    int rv = session_write(ctl);
    if (rv == 0)
        rv = lookup_contract_arguments(ctl, &id);
    if (rv == 0)
        rv = lookup_tier_of_contract(ctl, id, tier, &tier_id);
    if (rv != 0)
        return rv;
    rv = clientid_control_contract_change_tier(ctl->control, id, tier_id, &applied, &error);
    if (rv != 0)
        return outcome(ctl, rv, &error);
    if (ctl->json)
        return show_contract(ctl, id);
    return done(ctl, "change-tier", id,
                applied ? "contract %" PRIu64 " has the new tier"
                        : "contract %" PRIu64 " keeps its tier until the change is approved",
                id);
}

/* ---- verbs ------------------------------------------------------------------------------------- */

static bool verb_of(const char *label, clientid_verb *verb)
{
    for (unsigned v = 0; v < CLIENTID_VERB_COUNT; v++)
        if (strcmp(clientid_verb_label((clientid_verb)v), label) == 0) {
            *verb = (clientid_verb)v;
            return true;
        }
    return false;
}

static int read_contract_status(void *sink, const clientid_contract_record *r)
{
    uint32_t *status = sink;
    *status = r->status;
    return 0;
}

/* How the contract stands now, unless the verb made it go. */
static int show_acted(struct ctl *ctl, const char *verb, uint64_t id)
{
    clientid_error error = {0};
    uint32_t status = 0;
    int rv = clientid_control_contract_get(ctl->control, id, read_contract_status, &status, &error);
    if (rv == CLIENTID_ERR_NOT_FOUND)
        return done(ctl, verb, id, "contract %" PRIu64 " is gone", id);
    if (rv != 0)
        return outcome(ctl, rv, &error);
    if (ctl->json)
        return show_contract(ctl, id);
    return done(ctl, verb, id, "contract %" PRIu64 " is %s", id,
                clientid_contract_status_label((clientid_contract_status)status));
}

static int act(struct ctl *ctl)
{
    const char *label = ctl->options.command->verb;
    clientid_error error = {0};
    clientid_verb verb;
    uint64_t id;
    if (!verb_of(label, &verb))
        return outcome(ctl, CLIENTID_ERR_ARG, &error);
    int rv = session_write(ctl);
    if (rv == 0)
        rv = lookup_contract_arguments(ctl, &id);
    if (rv != 0)
        return rv;
    rv = clientid_control_contract_act(ctl->control, id, verb, &error);
    if (rv != 0)
        return outcome(ctl, rv, &error);
    return show_acted(ctl, label, id);
}

#define REQUEST_OPTIONS                                                                            \
    {"tier", 0, "TIER", "the SLA tier asked for", 0},                                              \
        {"accept-terms", 0, NULL, "the requester accepted the API's terms", 0},                    \
        {"reason", 0, "TEXT", "why, at most 500 characters", 0},                                   \
        {"party-id", 0, "TEXT", "on whose behalf", 0},                                             \
        {"party-name", 0, "TEXT", "the name of that", 0},

static const struct option_spec request_options[] = {REQUEST_OPTIONS{NULL, 0, NULL, NULL, 0}};
static const struct option_spec tier_options[] = {
    {"tier", 0, "TIER", "the SLA tier asked for", 0},
    {NULL, 0, NULL, NULL, 0},
};
static const struct option_spec list_options[] = {
    {"api", 0, "API", "only on this API", 0},
    {"app", 0, "APPLICATION", "only of this application", 0},
    {"tier", 0, "TIER", "only with this tier, in force or requested", 0},
    {"status", 0, "STATUS", "pending, approved, rejected or revoked", 0},
    {"waiting", 0, NULL, "only with something to approve", 0},
    {"after", 0, "NUMBER", "only greater numbers, to read on", 0},
    {"max", 0, "COUNT", "at most so many", 0},
    {NULL, 0, NULL, NULL, 0},
};

#define ONE "APPLICATION API | NUMBER"

const struct command contract_commands[] = {
    {"contract", "request", "APPLICATION API", 2, 2, "Ask for access", request_options, request,
     "Approved at once without tier, or when the tier approves automatically.\n"},
    {"contract", "create", "APPLICATION API", 2, 2, "The same as request", request_options, request,
     NULL},
    {"contract", "list", "", 0, 0, "List contracts", list_options, list, NULL},
    {"contract", "show", ONE, 1, 2, "Show one", NULL, show, NULL},
    {"contract", "change-tier", ONE, 1, 2, "Ask for another tier; the old one stays until approved",
     tier_options, change_tier, NULL},
    {"contract", "update", ONE, 1, 2, "The same as change-tier", tier_options, change_tier, NULL},
    {"contract", "approve", ONE, 1, 2, "Approve an access request", NULL, act, NULL},
    {"contract", "reject", ONE, 1, 2, "Reject it", NULL, act, NULL},
    {"contract", "approve-tier", ONE, 1, 2, "Approve a tier change", NULL, act, NULL},
    {"contract", "reject-tier", ONE, 1, 2, "Reject it; the old tier stays", NULL, act, NULL},
    {"contract", "revoke", ONE, 1, 2, "End an approved contract", NULL, act, NULL},
    {"contract", "restore", ONE, 1, 2, "Approve a revoked contract again", NULL, act, NULL},
    {"contract", "withdraw", ONE, 1, 2, "Take back what waits for approval", NULL, act, NULL},
    {"contract", "delete", ONE, 1, 2, "Delete one that is rejected or revoked", NULL, act, NULL},
    {0},
};
