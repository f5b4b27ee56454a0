/* SPDX-License-Identifier: Apache-2.0 */
/* Client applications on the command line.  A secret is printed by the command that made it, by no other. */
#include "commands.h"
#include "fields.h"
#include "input.h"
#include "listing.h"
#include "lookup.h"
#include "session.h"
#include "time_text.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>

struct app_input {
    clientid_application_record record;
    unsigned fields;
    clientid_str redirect_uris[FIELD_LIST_MAX];
    clientid_str grant_types[FIELD_LIST_MAX];
    clientid_str owners[FIELD_LIST_MAX];
};

/* ---- input ------------------------------------------------------------------------------------- */

static int read_lists(struct ctl *ctl, struct app_input *in)
{
    clientid_application_record *r = &in->record;
    size_t uris, types, owners;
    unsigned ignored = 0;
    int rv = field_list(ctl, "redirect-uri", in->redirect_uris, &uris,
                        CLIENTID_APPLICATION_REDIRECT_URIS, &in->fields);
    if (rv == 0)
        rv = field_list(ctl, "grant-type", in->grant_types, &types,
                        CLIENTID_APPLICATION_GRANT_TYPES, &in->fields);
    if (rv == 0)
        rv = field_list(ctl, "owner", in->owners, &owners, 0, &ignored);
    if (rv != 0)
        return rv;
    r->redirect_uri_count = (uint32_t)uris;
    r->grant_type_count = (uint32_t)types;
    r->owner_count = (uint32_t)owners;
    return 0;
}

static int read_input(struct ctl *ctl, struct app_input *in)
{
    const struct options *o = &ctl->options;
    clientid_application_record *r = &in->record;
    *in = (struct app_input){.record = {.size = sizeof(in->record),
                                        .redirect_uris = in->redirect_uris,
                                        .grant_types = in->grant_types,
                                        .owners = in->owners}};
    field_text(o, "name", &r->name, CLIENTID_APPLICATION_NAME, &in->fields);
    field_text(o, "description", &r->description, CLIENTID_APPLICATION_DESCRIPTION, &in->fields);
    field_text(o, "url", &r->url, CLIENTID_APPLICATION_URL, &in->fields);
    field_text(o, "provider", &r->provider, CLIENTID_APPLICATION_PROVIDER, &in->fields);
    r->client_id = slice(option_value(o, "client-id"));
    const char *endpoints = option_value(o, "api-endpoints");
    if (endpoints != NULL && strcmp(endpoints, "yes") != 0 && strcmp(endpoints, "no") != 0)
        return report(ctl, CTL_USAGE, o->what, "--api-endpoints is \"yes\" or \"no\"");
    if (endpoints != NULL)
        in->fields |= CLIENTID_APPLICATION_API_ENDPOINTS;
    r->api_endpoints = endpoints != NULL && strcmp(endpoints, "yes") == 0;
    return read_lists(ctl, in);
}

/* ---- output ------------------------------------------------------------------------------------ */

static const struct column columns[] = {
    {"ID", COLUMN_RIGHT},        {"APPLICATION", COLUMN_SHRINKS}, {"CLIENT ID", 0},
    {"CONTRACTS", COLUMN_RIGHT}, {"OWNERS", COLUMN_SHRINKS},
};

static int list_row(void *sink, const clientid_application_record *r)
{
    struct listing *listing = sink;
    struct table *t = listing->table;
    if (listing->ctl->json) {
        char *text = NULL;
        int rv = clientid_application_to_json(r, &text, NULL);
        return listing_json(listing, rv, text);
    }
    table_cellf(t, "%" PRIu64, r->id);
    table_slice(t, r->name);
    table_slice(t, r->client_id);
    table_cellf(t, "%" PRIu32, r->contract_count);
    clientid_str owner = r->owner_count > 0 ? r->owners[0] : slice("-");
    if (r->owner_count > 1)
        table_cellf(t, "%.*s and %" PRIu32 " more", (int)owner.len, owner.ptr, r->owner_count - 1);
    else
        table_slice(t, owner);
    return 0;
}

static void show_secret(struct table *t, const clientid_application_record *r, unsigned slot)
{
    static const char *const algorithms[] = {"none", "salted SHA-256",
                                             "HMAC-SHA-256 under a pepper"};
    const clientid_secret *secret = &r->secrets[slot - 1];
    char from[TIME_TEXT_BYTES], until[TIME_TEXT_BYTES], name[16];
    if (secret->algorithm == CLIENTID_SECRET_NONE ||
        secret->algorithm > CLIENTID_SECRET_HMAC_SHA256)
        return;
    moment_format(secret->not_before_ns, from, sizeof(from));
    moment_format(secret->not_after_ns, until, sizeof(until));
    snprintf(name, sizeof(name), "secret %u", slot);
    table_detail(t, name, "%s, valid%s%s until %s%s", algorithms[secret->algorithm],
                 secret->not_before_ns != 0 ? " from " : "", secret->not_before_ns != 0 ? from : "",
                 secret->not_after_ns != 0 ? until : "revoked",
                 r->newest_slot == slot ? ", set last" : "");
}

static void show_list(struct table *t, const char *name, const clientid_str *list, size_t count)
{
    for (size_t i = 0; i < count; i++)
        table_detail_slice(t, name, list[i]);
}

static int show_record(void *sink, const clientid_application_record *r)
{
    struct ctl *ctl = sink;
    char moment[TIME_TEXT_BYTES];
    if (ctl->json) {
        char *text = NULL;
        int rv = clientid_application_to_json(r, &text, NULL);
        return json_line(ctl, rv, text);
    }
    struct table *t = table_new_details(ctl->out);
    table_detail(t, "id", "%" PRIu64, r->id);
    table_detail_slice(t, "name", r->name);
    table_detail_slice(t, "client id", r->client_id);
    table_detail_slice(t, "description", r->description);
    table_detail_slice(t, "url", r->url);
    table_detail_slice(t, "provider", r->provider);
    show_list(t, "redirect URI", r->redirect_uris, r->redirect_uri_count);
    show_list(t, "grant type", r->grant_types, r->grant_type_count);
    show_list(t, "owner", r->owners, r->owner_count);
    show_secret(t, r, 1);
    show_secret(t, r, 2);
    table_detail(t, "contracts", "%" PRIu32, r->contract_count);
    moment_format(r->created_ns, moment, sizeof(moment));
    table_detail(t, "created", "%s", moment);
    moment_format(r->updated_ns, moment, sizeof(moment));
    table_detail(t, "updated", "%s", moment);
    return table_end(t) ? 0 : CLIENTID_ERR_IO;
}

static int show_app(struct ctl *ctl, uint64_t id)
{
    clientid_error error = {0};
    int rv = clientid_control_application_get(ctl->control, id, show_record, ctl, &error);
    return outcome(ctl, rv, &error);
}

/* Behind a full disk or a closed pipe the secret is lost, and the application has it all the same. */
static int check_shown(struct ctl *ctl, const clientid_credentials *c, bool generated)
{
    if (!generated || (fflush(ctl->out) == 0 && !ferror(ctl->out)))
        return CTL_OK;
    return report(ctl, CTL_FAILED, "standard output",
                  "cannot be written: %s; application %" PRIu64 " has a secret that nobody saw, "
                  "\"app reset-secret %" PRIu64 "\" gives it another",
                  strerror(errno), c->application_id, c->application_id);
}

/* |generated|: nobody else knows it yet.  A secret that was given is not shown again. */
static int show_credentials(struct ctl *ctl, clientid_credentials *c, bool generated)
{
    clientid_error error = {0};
    char until[TIME_TEXT_BYTES];
    if (!generated)
        explicit_bzero(c->client_secret, sizeof(c->client_secret));
    if (ctl->json) {
        char *text = NULL;
        int rv = clientid_credentials_to_json(c, &text, &error);
        rv = outcome(ctl, json_line(ctl, rv, text), &error);
        return rv == CTL_OK ? check_shown(ctl, c, generated) : rv;
    }
    moment_format(c->previous_not_after_ns, until, sizeof(until));
    fprintf(ctl->out, "application    %" PRIu64 "\nclient id      %s\n", c->application_id,
            c->client_id);
    if (generated)
        fprintf(ctl->out, "client secret  %s\n", c->client_secret);
    if (c->previous_not_after_ns != 0)
        fprintf(ctl->out, "previous       valid until %s\n", until);
    if (generated)
        fprintf(ctl->out, "The secret is shown this once; it cannot be read again.\n");
    return check_shown(ctl, c, generated);
}

/* ---- commands ---------------------------------------------------------------------------------- */

static int create(struct ctl *ctl)
{
    clientid_error error = {0};
    clientid_credentials credentials = {.size = sizeof(credentials)};
    struct app_input in;
    char *secret;
    size_t secret_len;
    int rv = read_input(ctl, &in);
    if (rv == 0)
        rv = input_secret(ctl, &secret, &secret_len);
    if (rv != 0)
        return rv;
    rv = session_write(ctl);
    if (rv != 0)
        goto end;
    in.record.name = slice(argument_nth(&ctl->options, 0));
    rv = clientid_control_application_create(
        ctl->control, &in.record, (clientid_str){secret, secret_len}, &credentials, &error);
    rv = rv != 0 ? outcome(ctl, rv, &error) : show_credentials(ctl, &credentials, secret == NULL);
    clientid_credentials_wipe(&credentials);
end:
    input_free(secret, secret_len);
    return rv;
}

static int read_filter(struct ctl *ctl, clientid_application_filter *filter)
{
    const char *after = option_value(&ctl->options, "after");
    const char *max = option_value(&ctl->options, "max");
    *filter = (clientid_application_filter){.size = sizeof(*filter),
                                            .name = slice(option_value(&ctl->options, "name")),
                                            .owner = slice(option_value(&ctl->options, "owner"))};
    if (after != NULL && !number_parse(after, &filter->after_id))
        return report(ctl, CTL_USAGE, ctl->options.what,
                      "--after takes the number of an application");
    if (max != NULL && !number_parse(max, &filter->max))
        return report(ctl, CTL_USAGE, ctl->options.what, "--max takes a number, at least 1");
    return 0;
}

static int list(struct ctl *ctl)
{
    clientid_error error = {0};
    clientid_application_filter filter;
    struct listing listing;
    int rv = read_filter(ctl, &filter);
    if (rv == 0)
        rv = session_read(ctl);
    if (rv != 0)
        return rv;
    listing_begin(&listing, ctl, "applications", columns, sizeof(columns) / sizeof(columns[0]));
    rv = clientid_control_application_list(ctl->control, &filter, list_row, &listing, &error);
    return listing_end(&listing, rv, &error);
}

static int show(struct ctl *ctl)
{
    uint64_t id;
    int rv = session_read(ctl);
    if (rv == 0)
        rv = lookup_application(ctl, argument_nth(&ctl->options, 0), &id);
    return rv == 0 ? show_app(ctl, id) : rv;
}

static int update(struct ctl *ctl)
{
    clientid_error error = {0};
    struct app_input in;
    uint64_t id;
    int rv = read_input(ctl, &in);
    if (rv == 0 && in.fields == 0)
        rv = report(ctl, CTL_USAGE, ctl->options.what, "nothing to update; see --help");
    if (rv == 0)
        rv = session_write(ctl);
    if (rv == 0)
        rv = lookup_application(ctl, argument_nth(&ctl->options, 0), &id);
    if (rv != 0)
        return rv;
    rv = clientid_control_application_update(ctl->control, id, &in.record, in.fields, &error);
    if (rv != 0)
        return outcome(ctl, rv, &error);
    return ctl->json ? show_app(ctl, id)
                     : done(ctl, "update", id, "updated application %" PRIu64, id);
}

static int delete (struct ctl *ctl)
{
    clientid_error error = {0};
    uint64_t id;
    int rv = session_write(ctl);
    if (rv == 0)
        rv = lookup_application(ctl, argument_nth(&ctl->options, 0), &id);
    if (rv != 0)
        return rv;
    rv = clientid_control_application_delete(ctl->control, id, &error);
    if (rv != 0)
        return outcome(ctl, rv, &error);
    return done(ctl, "delete", id, "deleted application %" PRIu64, id);
}

/* ---- secrets ----------------------------------------------------------------------------------- */

static int read_reset(struct ctl *ctl, clientid_secret_options *options)
{
    const char *overlap = option_value(&ctl->options, "overlap");
    const char *not_before = option_value(&ctl->options, "not-before");
    uint64_t overlap_ms = 0;
    const char *why;
    *options = (clientid_secret_options){.size = sizeof(*options)};
    if (overlap != NULL && strcmp(overlap, "0") != 0 &&
        (why = span_parse(overlap, &overlap_ms)) != NULL)
        return report(ctl, CTL_USAGE, ctl->options.what, "--overlap \"%.60s\": %s", overlap, why);
    if (not_before != NULL &&
        (why = moment_parse(not_before, now_ns(), &options->not_before_ns)) != NULL)
        return report(ctl, CTL_USAGE, ctl->options.what, "--not-before \"%.60s\": %s", not_before,
                      why);
    options->overlap_ns = overlap_ms * 1000000u;
    return 0;
}

static int reset_secret(struct ctl *ctl)
{
    clientid_error error = {0};
    clientid_credentials credentials = {.size = sizeof(credentials)};
    clientid_secret_options options;
    char *secret;
    size_t secret_len;
    uint64_t id;
    int rv = read_reset(ctl, &options);
    if (rv == 0)
        rv = input_secret(ctl, &secret, &secret_len);
    if (rv != 0)
        return rv;
    rv = session_write(ctl);
    if (rv == 0)
        rv = lookup_application(ctl, argument_nth(&ctl->options, 0), &id);
    if (rv != 0)
        goto end;
    options.client_secret = (clientid_str){secret, secret_len};
    rv = clientid_control_secret_reset(ctl->control, id, &options, &credentials, &error);
    rv = rv != 0 ? outcome(ctl, rv, &error) : show_credentials(ctl, &credentials, secret == NULL);
    clientid_credentials_wipe(&credentials);
end:
    input_free(secret, secret_len);
    return rv;
}

/* The moment at which the last secret that is left ends, 0: never; UINT64_MAX: none is left. */
static int last_end(void *sink, const clientid_application_record *r)
{
    uint64_t *end_ns = sink;
    for (int i = 0; i < 2; i++)
        if (r->secrets[i].algorithm != CLIENTID_SECRET_NONE)
            *end_ns = r->secrets[i].not_after_ns;
    return 0;
}

/* One secret at most is left.  A planned rotation that is called off leaves it with the end that was set for it. */
static int done_revoking(struct ctl *ctl, uint64_t id, const char *slot)
{
    clientid_error error = {0};
    char until[TIME_TEXT_BYTES];
    uint64_t end_ns = UINT64_MAX;
    int rv = clientid_control_application_get(ctl->control, id, last_end, &end_ns, &error);
    if (rv != 0)
        return outcome(ctl, rv, &error);
    if (end_ns == UINT64_MAX)
        return done(ctl, "revoke-secret", id,
                    "secret %s of application %" PRIu64 " is no longer valid; it has none now",
                    slot, id);
    if (end_ns == 0)
        return done(ctl, "revoke-secret", id,
                    "secret %s of application %" PRIu64 " is no longer valid", slot, id);
    moment_format(end_ns, until, sizeof(until));
    return done(ctl, "revoke-secret", id,
                "secret %s of application %" PRIu64 " is no longer valid; the other one ends %s",
                slot, id, until);
}

static int revoke_secret(struct ctl *ctl)
{
    const char *slot = argument_nth(&ctl->options, 1);
    clientid_error error = {0};
    uint64_t id;
    if (strcmp(slot, "1") != 0 && strcmp(slot, "2") != 0)
        return report(ctl, CTL_USAGE, ctl->options.what, "the slot is 1 or 2");
    int rv = session_write(ctl);
    if (rv == 0)
        rv = lookup_application(ctl, argument_nth(&ctl->options, 0), &id);
    if (rv != 0)
        return rv;
    rv = clientid_control_secret_revoke(ctl->control, id, (unsigned)(slot[0] - '0'), &error);
    if (rv == CLIENTID_ERR_NOT_FOUND)
        return report(ctl, CTL_NOT_FOUND, ctl->options.what,
                      "application %" PRIu64 " has no secret in slot %s", id, slot);
    if (rv != 0)
        return outcome(ctl, rv, &error);
    return done_revoking(ctl, id, slot);
}

#define APP_FIELDS                                                                                 \
    {"description", 0, "TEXT", "for people", 0}, {"url", 0, "URL", "where it is described", 0},    \
        {"provider", 0, "NAME", "client provider; empty is the default one", 0},                   \
        {"redirect-uri", 0, "URI", "OAuth redirect URI", OPTION_REPEATS},                          \
        {"grant-type", 0, "NAME", "OAuth grant type", OPTION_REPEATS},                             \
        {"api-endpoints", 0, "yes|no", "the application has endpoints of its own", 0},
#define SECRET_INPUT                                                                               \
    {"secret-file", 0, "FILE", "take the secret from a file instead of generating one", 0},        \
        {"secret-stdin", 0, NULL, "take it from the standard input", 0},

static const struct option_spec create_options[] = {
    {"client-id", 0, "ID", "the client id; else one is generated", 0},
    {"owner", 0, "NAME", "user who owns it", OPTION_REPEATS},
    SECRET_INPUT APP_FIELDS{NULL, 0, NULL, NULL, 0},
};
static const struct option_spec update_options[] = {
    {"name", 0, "NAME", "another name", 0},
    APP_FIELDS{NULL, 0, NULL, NULL, 0},
};
static const struct option_spec list_options[] = {
    {"name", 0, "NAME", "only those called so", 0},
    {"owner", 0, "NAME", "only those of this owner", 0},
    {"after", 0, "NUMBER", "only greater numbers, to read on", 0},
    {"max", 0, "COUNT", "at most so many", 0},
    {NULL, 0, NULL, NULL, 0},
};
static const struct option_spec reset_options[] = {
    {"overlap", 0, "TIME", "how long the previous secret stays valid, such as 1h", 0},
    {"not-before", 0, "MOMENT", "when the new one begins: 2030-01-31T12:00:00Z or +1d", 0},
    SECRET_INPUT{NULL, 0, NULL, NULL, 0},
};

static const char secret_help[] =
    "A generated secret is printed once, by this command, and is not stored in clear.\n";
static const char reset_help[] =
    "A generated secret is printed once, by this command, and is not stored in clear.  Without\n"
    "--overlap the previous secret ends when the new one begins.\n";

const struct command app_commands[] = {
    {"app", "create", "NAME", 1, 1, "Register a client application", create_options, create,
     secret_help},
    {"app", "list", "", 0, 0, "List applications", list_options, list, NULL},
    {"app", "show", "APPLICATION", 1, 1, "Show one", NULL, show, NULL},
    {"app", "update", "APPLICATION", 1, 1, "Change what is given, leave the rest", update_options,
     update, NULL},
    {"app", "delete", "APPLICATION", 1, 1, "Delete one without approved contracts", NULL, delete,
     NULL},
    {"app", "reset-secret", "APPLICATION", 1, 1, "Give it a new secret", reset_options,
     reset_secret, reset_help},
    {"app", "revoke-secret", "APPLICATION SLOT", 2, 2, "End the secret in slot 1 or 2 at once",
     NULL, revoke_secret, NULL},
    {0},
};
