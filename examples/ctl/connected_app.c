/* SPDX-License-Identifier: Apache-2.0 */
/* Connected Apps on the command line.  A secret is printed by the command that made it, by no other. */
#include "commands.h"
#include "fields.h"
#include "listing.h"
#include "lookup.h"
#include "session.h"

#include <clientid/account.h>

#include <errno.h>
#include <inttypes.h>
#include <string.h>

/* ---- input ------------------------------------------------------------------------------------- */

static int read_scopes(struct ctl *ctl, uint32_t *scopes)
{
    *scopes = 0;
    for (size_t i = 0; option_nth(&ctl->options, "scope", i) != NULL; i++) {
        const char *name = option_nth(&ctl->options, "scope", i);
        uint32_t scope = clientid_scope_find(slice(name));
        if (scope == CLIENTID_SCOPE_MANAGE_APPLICATION)
            return report(ctl, CTL_USAGE, ctl->options.what,
                          "%s is for one application at a time: \"connected-app grant\"", name);
        if (scope == 0)
            return report(ctl, CTL_USAGE, ctl->options.what,
                          "there is no scope \"%.60s\"; see --help", name);
        *scopes |= scope;
    }
    return 0;
}

/* ---- output ------------------------------------------------------------------------------------ */

static const struct column columns[] = {{"ID", COLUMN_RIGHT},     {"CONNECTED APP", COLUMN_SHRINKS},
                                        {"CLIENT ID", 0},         {"OWNER", 0},
                                        {"GRANTS", COLUMN_RIGHT}, {"SCOPES", COLUMN_SHRINKS}};

static int list_row(void *sink, const clientid_connected_app_record *r)
{
    struct listing *listing = sink;
    struct table *t = listing->table;
    char scopes[256] = "";
    if (listing->ctl->json) {
        char *text = NULL;
        int rv = clientid_connected_app_to_json(r, &text, NULL);
        return listing_json(listing, rv, text);
    }
    for (uint32_t bit = 1; bit <= r->scopes && bit != 0; bit <<= 1) {
        size_t used = strlen(scopes);
        if ((r->scopes & bit) != 0 && clientid_scope_name(bit) != NULL)
            snprintf(scopes + used, sizeof(scopes) - used, "%s%s", used > 0 ? " " : "",
                     clientid_scope_name(bit));
    }
    table_cellf(t, "%" PRIu64, r->id);
    table_slice(t, r->name);
    table_slice(t, r->client_id);
    table_slice(t, r->owner_name);
    table_cellf(t, "%" PRIu32, r->grant_count);
    table_cell(t, scopes);
    return 0;
}

/* Shown this once; behind a full disk it is lost. */
static int show_credentials(struct ctl *ctl, clientid_credentials *c)
{
    clientid_error error = {0};
    int rv = CTL_OK;
    if (ctl->json) {
        char *text = NULL;
        rv = clientid_credentials_to_json(c, &text, &error);
        rv = outcome(ctl, json_line(ctl, rv, text), &error);
    } else {
        fprintf(ctl->out,
                "connected app  %" PRIu64 "\nclient id      %s\nclient secret  %s\n"
                "The secret is shown this once; it cannot be read again.\n",
                c->application_id, c->client_id, c->client_secret);
    }
    if (rv == CTL_OK && (fflush(ctl->out) != 0 || ferror(ctl->out)))
        rv = report(ctl, CTL_FAILED, "standard output",
                    "cannot be written: %s; \"connected-app rotate %" PRIu64
                    "\" gives it another secret",
                    strerror(errno), c->application_id);
    clientid_credentials_wipe(c);
    return rv;
}

/* ---- commands ---------------------------------------------------------------------------------- */

static int begin(struct ctl *ctl, uint64_t *id)
{
    int rv = session_write(ctl);
    return rv == 0 ? lookup_connected_app(ctl, argument_nth(&ctl->options, 0), id) : rv;
}

static int create(struct ctl *ctl)
{
    clientid_error error = {0};
    clientid_credentials credentials = {.size = sizeof(credentials)};
    clientid_connected_app_record record = {.size = sizeof(record),
                                            .name = slice(argument_nth(&ctl->options, 0))};
    const char *owner = option_value(&ctl->options, "owner");
    int rv = read_scopes(ctl, &record.scopes);
    if (rv == 0 && owner == NULL)
        rv = report(ctl, CTL_USAGE, ctl->options.what, "--owner USER is missing");
    if (rv == 0)
        rv = session_write(ctl);
    if (rv == 0)
        rv = lookup_user(ctl, owner, &record.owner_id);
    if (rv == 0)
        rv = outcome(
            ctl, clientid_control_connected_app_create(ctl->control, &record, &credentials, &error),
            &error);
    return rv != 0 ? rv : show_credentials(ctl, &credentials);
}

static int list(struct ctl *ctl)
{
    clientid_error error = {0};
    struct listing listing;
    int rv = session_read(ctl);
    if (rv != 0)
        return rv;
    listing_begin(&listing, ctl, "connectedApps", columns, sizeof(columns) / sizeof(columns[0]));
    rv = clientid_control_connected_app_list(ctl->control, list_row, &listing, &error);
    return listing_end(&listing, rv, &error);
}

static int update(struct ctl *ctl)
{
    clientid_error error = {0};
    clientid_connected_app_record record = {.size = sizeof(record)};
    unsigned fields = 0;
    uint64_t id = 0;
    int rv = read_scopes(ctl, &record.scopes);
    field_text(&ctl->options, "name", &record.name, CLIENTID_CONNECTED_APP_NAME, &fields);
    if (option_given(&ctl->options, "scope"))
        fields |= CLIENTID_CONNECTED_APP_SCOPES;
    if (rv == 0 && fields == 0)
        rv = report(ctl, CTL_USAGE, ctl->options.what, "nothing to update; see --help");
    if (rv == 0)
        rv = begin(ctl, &id);
    if (rv == 0)
        rv = outcome(
            ctl, clientid_control_connected_app_update(ctl->control, id, &record, fields, &error),
            &error);
    return rv != 0 ? rv : done(ctl, "update", id, "updated Connected App %" PRIu64, id);
}

static int rotate(struct ctl *ctl)
{
    clientid_error error = {0};
    clientid_credentials credentials = {.size = sizeof(credentials)};
    uint64_t id = 0;
    int rv = begin(ctl, &id);
    if (rv == 0)
        rv = outcome(ctl,
                     clientid_control_connected_app_rotate(ctl->control, id, &credentials, &error),
                     &error);
    return rv != 0 ? rv : show_credentials(ctl, &credentials);
}

static int revoke(struct ctl *ctl)
{
    clientid_error error = {0};
    uint64_t id = 0;
    int rv = begin(ctl, &id);
    if (rv == 0)
        rv = outcome(ctl, clientid_control_connected_app_revoke(ctl->control, id, &error), &error);
    return rv != 0 ? rv
                   : done(ctl, "revoke", id,
                          "revoked Connected App %" PRIu64 "; its tokens have ended", id);
}

static int grant(struct ctl *ctl)
{
    const char *application = argument_nth(&ctl->options, 1);
    const bool back = option_given(&ctl->options, "remove");
    clientid_error error = {0};
    uint64_t id = 0, application_id = 0;
    int rv = begin(ctl, &id);
    if (rv == 0)
        rv = lookup_application(ctl, application, &application_id);
    if (rv == 0)
        rv = outcome(
            ctl,
            back ? clientid_control_connected_app_ungrant(ctl->control, id, application_id, &error)
                 : clientid_control_connected_app_grant(ctl->control, id, application_id, &error),
            &error);
    return rv != 0 ? rv
                   : done(ctl, back ? "ungrant" : "grant", id,
                          "Connected App %" PRIu64 "%s manage%s application %" PRIu64, id,
                          back ? " may no longer" : " may", "", application_id);
}

static const char scopes_text[] =
    "Scopes: create:client_applications, read:client_applications, read:api_contracts,\n"
    "manage:api_contracts, manage:apis, read:exchange.\n";

static const struct option_spec create_options[] = {
    {"owner", 0, "USER", "who owns what it creates", 0},
    {"scope", 0, "SCOPE", "what it may do", OPTION_REPEATS},
    {NULL, 0, NULL, NULL, 0},
};
static const struct option_spec update_options[] = {
    {"name", 0, "TEXT", "another name", 0},
    {"scope", 0, "SCOPE", "what it may do; replaces all", OPTION_REPEATS},
    {NULL, 0, NULL, NULL, 0},
};
static const struct option_spec grant_options[] = {
    {"remove", 0, NULL, "take the grant back", 0},
    {NULL, 0, NULL, NULL, 0},
};

const struct command connected_app_commands[] = {
    {"connected-app", "create", "NAME", 1, 1, "Let a program sign in", create_options, create,
     scopes_text},
    {"connected-app", "list", "", 0, 0, "List those in use", NULL, list, NULL},
    {"connected-app", "update", "CONNECTED-APP", 1, 1, "Change what is given, leave the rest",
     update_options, update, scopes_text},
    {"connected-app", "rotate", "CONNECTED-APP", 1, 1, "A new secret; the old one and tokens end",
     NULL, rotate, NULL},
    {"connected-app", "revoke", "CONNECTED-APP", 1, 1, "Keep it out for good; all tokens end", NULL,
     revoke, NULL},
    {"connected-app", "grant", "CONNECTED-APP APPLICATION", 2, 2, "Let it manage one application",
     grant_options, grant, NULL},
    {0},
};
