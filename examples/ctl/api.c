/* SPDX-License-Identifier: Apache-2.0 */
/* API instances and groups on the command line. */
#include "commands.h"
#include "fields.h"
#include "input.h"
#include "listing.h"
#include "lookup.h"
#include "session.h"
#include "time_text.h"

#include <inttypes.h>

/* A record with what its slices point to. */
struct api_input {
    clientid_api_record record;
    unsigned fields;
    clientid_str members[FIELD_LIST_MAX];
    char *terms;
    size_t terms_len;
};

/* ---- input ------------------------------------------------------------------------------------- */

static int read_terms(struct ctl *ctl, struct api_input *in)
{
    const char *file = option_value(&ctl->options, "terms-file");
    field_text(&ctl->options, "terms", &in->record.terms, CLIENTID_API_TERMS, &in->fields);
    if (file == NULL)
        return 0;
    if (option_given(&ctl->options, "terms"))
        return report(ctl, CTL_USAGE, ctl->options.what,
                      "--terms and --terms-file exclude each other");
    int rv = input_read(ctl, file, CLIENTID_TEXT_MAX, &in->terms, &in->terms_len);
    in->record.terms = (clientid_str){in->terms, in->terms_len};
    in->fields |= CLIENTID_API_TERMS;
    return rv;
}

static int read_input(struct ctl *ctl, struct api_input *in)
{
    const struct options *o = &ctl->options;
    clientid_api_record *r = &in->record;
    size_t count;
    *in = (struct api_input){.record = {.size = sizeof(in->record), .members = in->members}};
    field_text(o, "provider", &r->provider, CLIENTID_API_PROVIDER, &in->fields);
    field_text(o, "asset", &r->asset, CLIENTID_API_ASSET, &in->fields);
    field_text(o, "asset-version", &r->version, CLIENTID_API_VERSION, &in->fields);
    int rv = field_list(ctl, "member", in->members, &count, CLIENTID_API_MEMBERS, &in->fields);
    r->member_count = (uint32_t)count;
    return rv != 0 ? rv : read_terms(ctl, in);
}

/* ---- output ------------------------------------------------------------------------------------ */

static const char *kind(const clientid_api_record *r)
{
    return r->kind == CLIENTID_API_GROUP ? "group" : "instance";
}

static const struct column columns[] = {
    {"ID", COLUMN_RIGHT},
    {"NAME", COLUMN_SHRINKS},
    {"KIND", 0},
    {"MEMBERS", COLUMN_RIGHT},
    {"ASSET", COLUMN_SHRINKS},
    {"VERSION", COLUMN_SHRINKS},
    {"PROVIDER", COLUMN_SHRINKS},
    {"TERMS", 0},
};

static int list_row(void *sink, const clientid_api_record *r)
{
    struct listing *listing = sink;
    struct table *t = listing->table;
    if (listing->ctl->json) {
        char *text = NULL;
        int rv = clientid_api_to_json(r, &text, NULL);
        return listing_json(listing, rv, text);
    }
    table_cellf(t, "%" PRIu64, r->id);
    table_slice(t, r->name);
    table_cell(t, kind(r));
    if (r->kind == CLIENTID_API_GROUP)
        table_cellf(t, "%" PRIu32, r->member_count);
    else
        table_cell(t, "-");
    table_slice(t, r->asset);
    table_slice(t, r->version);
    table_slice(t, r->provider);
    table_cell(t, r->terms.len > 0 ? "yes" : "no");
    return 0;
}

static int show_record(void *sink, const clientid_api_record *r)
{
    struct ctl *ctl = sink;
    char moment[TIME_TEXT_BYTES];
    if (ctl->json) {
        char *text = NULL;
        int rv = clientid_api_to_json(r, &text, NULL);
        return json_line(ctl, rv, text);
    }
    struct table *t = table_new_details(ctl->out);
    table_detail(t, "id", "%" PRIu64, r->id);
    table_detail_slice(t, "name", r->name);
    table_detail(t, "kind", "%s", kind(r));
    for (size_t i = 0; i < r->member_count; i++)
        table_detail_slice(t, "member", r->members[i]);
    table_detail_slice(t, "asset", r->asset);
    table_detail_slice(t, "version", r->version);
    table_detail_slice(t, "provider", r->provider);
    table_detail_slice(t, "terms", r->terms);
    moment_format(r->created_ns, moment, sizeof(moment));
    table_detail(t, "created", "%s", moment);
    moment_format(r->updated_ns, moment, sizeof(moment));
    table_detail(t, "updated", "%s", moment);
    return table_end(t) ? 0 : CLIENTID_ERR_IO;
}

static int show_api(struct ctl *ctl, uint64_t id)
{
    clientid_error error = {0};
    int rv = clientid_control_api_get(ctl->control, id, show_record, ctl, &error);
    return outcome(ctl, rv, &error);
}

/* ---- commands ---------------------------------------------------------------------------------- */

static int create(struct ctl *ctl)
{
    const char *name = argument_nth(&ctl->options, 0);
    clientid_error error = {0};
    struct api_input in;
    uint64_t id = 0;
    int rv = read_input(ctl, &in);
    in.record.name = slice(name);
    in.record.kind =
        option_given(&ctl->options, "group") ? CLIENTID_API_GROUP : CLIENTID_API_INSTANCE;
    if (rv == 0)
        rv = session_write(ctl);
    if (rv != 0)
        goto end;
    rv = clientid_control_api_create(ctl->control, &in.record, &id, &error);
    if (rv != 0)
        rv = outcome(ctl, rv, &error);
    else if (ctl->json)
        rv = show_api(ctl, id);
    else
        rv = done(ctl, "create", id, "created API %s \"%s\" with the number %" PRIu64,
                  kind(&in.record), name, id);
end:
    input_free(in.terms, in.terms_len);
    return rv;
}

static int list(struct ctl *ctl)
{
    clientid_error error = {0};
    struct listing listing;
    int rv = session_read(ctl);
    if (rv != 0)
        return rv;
    listing_begin(&listing, ctl, "apis", columns, sizeof(columns) / sizeof(columns[0]));
    rv = clientid_control_api_list(ctl->control, list_row, &listing, &error);
    return listing_end(&listing, rv, &error);
}

static int show(struct ctl *ctl)
{
    uint64_t id;
    int rv = session_read(ctl);
    if (rv == 0)
        rv = lookup_api(ctl, argument_nth(&ctl->options, 0), &id);
    return rv == 0 ? show_api(ctl, id) : rv;
}

static int update(struct ctl *ctl)
{
    clientid_error error = {0};
    struct api_input in;
    uint64_t id;
    int rv = read_input(ctl, &in);
    if (rv == 0 && in.fields == 0)
        rv = report(ctl, CTL_USAGE, ctl->options.what, "nothing to update; see --help");
    if (rv == 0)
        rv = session_write(ctl);
    if (rv == 0)
        rv = lookup_api(ctl, argument_nth(&ctl->options, 0), &id);
    if (rv != 0)
        goto end;
    rv = clientid_control_api_update(ctl->control, id, &in.record, in.fields, &error);
    if (rv != 0)
        rv = outcome(ctl, rv, &error);
    else if (ctl->json)
        rv = show_api(ctl, id);
    else
        rv = done(ctl, "update", id, "updated API %s", argument_nth(&ctl->options, 0));
end:
    input_free(in.terms, in.terms_len);
    return rv;
}

static int delete (struct ctl *ctl)
{
    clientid_error error = {0};
    uint64_t id;
    int rv = session_write(ctl);
    if (rv == 0)
        rv = lookup_api(ctl, argument_nth(&ctl->options, 0), &id);
    if (rv != 0)
        return rv;
    rv = clientid_control_api_delete(ctl->control, id, &error);
    if (rv != 0)
        return outcome(ctl, rv, &error);
    return done(ctl, "delete", id, "deleted API %s and its tiers", argument_nth(&ctl->options, 0));
}

#define API_FIELDS                                                                                 \
    {"provider", 0, "NAME", "client provider; empty is the default one", 0},                       \
        {"asset", 0, "TEXT", "which API it is an instance of", 0},                                 \
        {"asset-version", 0, "TEXT", "the version of that", 0},                                    \
        {"terms", 0, "TEXT", "terms that an access request must accept", 0},                       \
        {"terms-file", 0, "FILE", "the same from a file", 0},                                      \
        {"member", 0, "API", "an instance that the group covers", OPTION_REPEATS},

static const struct option_spec create_options[] = {
    {"group", 0, NULL, "a group: one contract covers all its members", 0},
    API_FIELDS{NULL, 0, NULL, NULL, 0},
};
static const struct option_spec update_options[] = {API_FIELDS{NULL, 0, NULL, NULL, 0}};

const struct command api_commands[] = {
    {"api", "create", "NAME", 1, 1, "Register an API instance or a group", create_options, create,
     "Gateways call the API by this name, so it never changes.  Members are named by name.\n"},
    {"api", "list", "", 0, 0, "List API instances and groups", NULL, list, NULL},
    {"api", "show", "API", 1, 1, "Show one", NULL, show, NULL},
    {"api", "update", "API", 1, 1, "Change what is given, leave the rest", update_options, update,
     "--member replaces all members; --member '' removes them.\n"},
    {"api", "delete", "API", 1, 1, "Delete one that has no contracts, with its tiers", NULL, delete,
     NULL},
    {0},
};
