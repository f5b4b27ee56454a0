/* SPDX-License-Identifier: Apache-2.0 */
/* Users on the command line.  A password comes from a file or the standard input, never from an argument. */
#include "commands.h"
#include "fields.h"
#include "input.h"
#include "listing.h"
#include "lookup.h"
#include "session.h"
#include "time_text.h"

#include <clientid/account.h>

#include <inttypes.h>
#include <string.h>

/* ---- input ------------------------------------------------------------------------------------- */

static const struct {
    const char *word;
    uint32_t value;
} roles[] = {{"administrator", CLIENTID_ROLE_ADMINISTRATOR},
             {"api-owner", CLIENTID_ROLE_API_OWNER},
             {"member", CLIENTID_ROLE_MEMBER}},
  identities[] = {{"password", CLIENTID_IDENTITY_PASSWORD},
                  {"saml", CLIENTID_IDENTITY_SAML},
                  {"openid", CLIENTID_IDENTITY_OPENID}};

static int read_role(struct ctl *ctl, clientid_user_record *r, unsigned *fields)
{
    const char *text = option_value(&ctl->options, "role");
    if (text == NULL)
        return 0;
    *fields |= CLIENTID_USER_ROLE;
    for (size_t i = 0; i < 3; i++)
        if (strcmp(text, roles[i].word) == 0) {
            r->role = roles[i].value;
            return 0;
        }
    return report(ctl, CTL_USAGE, ctl->options.what,
                  "--role is \"administrator\", \"api-owner\" or \"member\"");
}

static int read_identity(struct ctl *ctl, clientid_user_record *r)
{
    const char *text = option_value(&ctl->options, "identity");
    for (size_t i = 0; i < 3; i++)
        if (strcmp(text != NULL ? text : "password", identities[i].word) == 0) {
            r->identity = identities[i].value;
            return 0;
        }
    return report(ctl, CTL_USAGE, ctl->options.what,
                  "--identity is \"password\", \"saml\" or \"openid\"");
}

static int read_input(struct ctl *ctl, clientid_user_record *r, unsigned *fields)
{
    const struct options *o = &ctl->options;
    *r = (clientid_user_record){.size = sizeof(*r),
                                .role = CLIENTID_ROLE_MEMBER,
                                .identity = CLIENTID_IDENTITY_PASSWORD,
                                .enabled = 1};
    field_text(o, "email", &r->email, CLIENTID_USER_EMAIL, fields);
    field_text(o, "first-name", &r->first_name, CLIENTID_USER_FIRST_NAME, fields);
    field_text(o, "last-name", &r->last_name, CLIENTID_USER_LAST_NAME, fields);
    return read_role(ctl, r, fields);
}

/* ---- output ------------------------------------------------------------------------------------ */

static const char *identity_word(const clientid_user_record *r)
{
    for (size_t i = 0; i < 3; i++)
        if (identities[i].value == r->identity)
            return identities[i].word;
    return "?";
}

static const struct column columns[] = {{"ID", COLUMN_RIGHT}, {"USER", COLUMN_SHRINKS},
                                        {"ROLE", 0},          {"SIGNS IN BY", 0},
                                        {"ENABLED", 0},       {"E-MAIL", COLUMN_SHRINKS}};

static int list_row(void *sink, const clientid_user_record *r)
{
    struct listing *listing = sink;
    struct table *t = listing->table;
    if (listing->ctl->json) {
        char *text = NULL;
        int rv = clientid_user_to_json(r, &text, NULL);
        return listing_json(listing, rv, text);
    }
    table_cellf(t, "%" PRIu64, r->id);
    table_slice(t, r->name);
    table_cell(t, clientid_role_label(r->role));
    table_cell(t, identity_word(r));
    table_cell(t, r->enabled ? "yes" : "no");
    table_slice(t, r->email);
    return 0;
}

static int show_record(void *sink, const clientid_user_record *r)
{
    struct ctl *ctl = sink;
    char moment[TIME_TEXT_BYTES];
    if (ctl->json) {
        char *text = NULL;
        int rv = clientid_user_to_json(r, &text, NULL);
        return json_line(ctl, rv, text);
    }
    struct table *t = table_new_details(ctl->out);
    table_detail(t, "id", "%" PRIu64, r->id);
    table_detail_slice(t, "name", r->name);
    table_detail_slice(t, "first name", r->first_name);
    table_detail_slice(t, "last name", r->last_name);
    table_detail_slice(t, "e-mail", r->email);
    table_detail(t, "role", "%s", clientid_role_label(r->role));
    table_detail(t, "signs in by", "%s", identity_word(r));
    table_detail(t, "enabled", "%s", r->enabled ? "yes" : "no");
    moment_format(r->created_ns, moment, sizeof(moment));
    table_detail(t, "created", "%s", moment);
    moment_format(r->updated_ns, moment, sizeof(moment));
    table_detail(t, "updated", "%s", moment);
    return table_end(t) ? 0 : CLIENTID_ERR_IO;
}

/* ---- commands ---------------------------------------------------------------------------------- */

/* The store for writing, and the user that the first argument names. */
static int begin(struct ctl *ctl, uint64_t *id)
{
    int rv = session_write(ctl);
    return rv == 0 ? lookup_user(ctl, argument_nth(&ctl->options, 0), id) : rv;
}

static int create(struct ctl *ctl)
{
    const char *name = argument_nth(&ctl->options, 0);
    clientid_error error = {0};
    clientid_user_record record;
    unsigned fields = 0;
    char *password = NULL;
    size_t len = 0;
    uint64_t id = 0;
    int rv = read_input(ctl, &record, &fields);
    record.name = slice(name);
    if (rv == 0)
        rv = read_identity(ctl, &record);
    if (rv == 0)
        rv = input_secret(ctl, &password, &len);
    if (rv == 0 && (password != NULL) != (record.identity == CLIENTID_IDENTITY_PASSWORD))
        rv = report(ctl, CTL_USAGE, ctl->options.what,
                    password == NULL ? "the password is read by --secret-file or --secret-stdin"
                                     : "this user signs in without a password");
    if (rv == 0)
        rv = session_write(ctl);
    if (rv == 0)
        rv = outcome(ctl,
                     clientid_control_user_create(ctl->control, &record,
                                                  (clientid_str){password, len}, &id, &error),
                     &error);
    input_free(password, len);
    return rv != 0 ? rv
                   : done(ctl, "create", id, "created user %s with the number %" PRIu64, name, id);
}

static int list(struct ctl *ctl)
{
    clientid_error error = {0};
    struct listing listing;
    int rv = session_read(ctl);
    if (rv != 0)
        return rv;
    listing_begin(&listing, ctl, "users", columns, sizeof(columns) / sizeof(columns[0]));
    rv = clientid_control_user_list(ctl->control, 0, 0, list_row, &listing, &error);
    return listing_end(&listing, rv, &error);
}

static int show(struct ctl *ctl)
{
    clientid_error error = {0};
    uint64_t id = 0;
    int rv = session_read(ctl);
    if (rv == 0)
        rv = lookup_user(ctl, argument_nth(&ctl->options, 0), &id);
    if (rv != 0)
        return rv;
    return outcome(ctl, clientid_control_user_get(ctl->control, id, show_record, ctl, &error),
                   &error);
}

static int change(struct ctl *ctl, const char *verb, const clientid_user_record *record,
                  unsigned fields)
{
    clientid_error error = {0};
    uint64_t id = 0;
    int rv = begin(ctl, &id);
    if (rv == 0)
        rv = outcome(ctl, clientid_control_user_update(ctl->control, id, record, fields, &error),
                     &error);
    return rv != 0 ? rv : done(ctl, verb, id, "%sd user %s", verb, argument_nth(&ctl->options, 0));
}

static int update(struct ctl *ctl)
{
    clientid_user_record record;
    unsigned fields = 0;
    int rv = read_input(ctl, &record, &fields);
    if (rv == 0 && fields == 0)
        rv = report(ctl, CTL_USAGE, ctl->options.what, "nothing to update; see --help");
    return rv != 0 ? rv : change(ctl, "update", &record, fields);
}

static int enable(struct ctl *ctl)
{
    clientid_user_record record = {.size = sizeof(record), .enabled = 1};
    return change(ctl, "enable", &record, CLIENTID_USER_ENABLED);
}

static int disable(struct ctl *ctl)
{
    clientid_user_record record = {.size = sizeof(record), .enabled = 0};
    return change(ctl, "disable", &record, CLIENTID_USER_ENABLED);
}

static int set_password(struct ctl *ctl)
{
    clientid_error error = {0};
    char *password = NULL;
    size_t len = 0;
    uint64_t id = 0;
    int rv = input_secret(ctl, &password, &len);
    if (rv == 0 && password == NULL)
        rv = report(ctl, CTL_USAGE, ctl->options.what,
                    "the password is read by --secret-file or --secret-stdin");
    if (rv == 0)
        rv = begin(ctl, &id);
    if (rv == 0)
        rv = outcome(ctl,
                     clientid_control_user_set_password(ctl->control, id,
                                                        (clientid_str){password, len}, &error),
                     &error);
    input_free(password, len);
    return rv != 0
               ? rv
               : done(ctl, "set-password", id, "set the password of user %s; its tokens have ended",
                      argument_nth(&ctl->options, 0));
}

static int delete (struct ctl *ctl)
{
    clientid_error error = {0};
    uint64_t id = 0;
    int rv = begin(ctl, &id);
    if (rv == 0)
        rv = outcome(ctl, clientid_control_user_delete(ctl->control, id, &error), &error);
    return rv != 0 ? rv
                   : done(ctl, "delete", id, "deleted user %s", argument_nth(&ctl->options, 0));
}

#define USER_FIELDS                                                                                \
    {"email", 0, "ADDRESS", "where notices go", 0},                                                \
        {"first-name", 0, "TEXT", "the first name", 0},                                            \
        {"last-name", 0, "TEXT", "the last name", 0},                                              \
        {"role", 0, "ROLE", "\"administrator\", \"api-owner\" or \"member\" (when left out)", 0},
#define PASSWORD_OPTIONS                                                                           \
    {"secret-file", 0, "FILE", "read the password from this file", 0},                             \
        {"secret-stdin", 0, NULL, "read the password from the standard input", 0},

static const struct option_spec create_options[] = {
    USER_FIELDS{"identity", 0, "KIND", "\"password\" (when left out), \"saml\" or \"openid\"", 0},
    PASSWORD_OPTIONS{NULL, 0, NULL, NULL, 0},
};
static const struct option_spec update_options[] = {USER_FIELDS{NULL, 0, NULL, NULL, 0}};
static const struct option_spec password_options[] = {PASSWORD_OPTIONS{NULL, 0, NULL, NULL, 0}};

const struct command user_commands[] = {
    {"user", "create", "NAME", 1, 1, "Make an account for a person", create_options, create, NULL},
    {"user", "list", "", 0, 0, "List users", NULL, list, NULL},
    {"user", "show", "USER", 1, 1, "Show one", NULL, show, NULL},
    {"user", "update", "USER", 1, 1, "Change what is given, leave the rest", update_options, update,
     NULL},
    {"user", "set-password", "USER", 1, 1, "Set a new password and end all tokens",
     password_options, set_password, NULL},
    {"user", "disable", "USER", 1, 1, "Keep somebody out; all tokens end", NULL, disable, NULL},
    {"user", "enable", "USER", 1, 1, "Let somebody in again", NULL, enable, NULL},
    {"user", "delete", "USER", 1, 1, "Delete one who owns no Connected App", NULL, delete, NULL},
    {0},
};
