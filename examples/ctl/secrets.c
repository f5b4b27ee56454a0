/* SPDX-License-Identifier: Apache-2.0 */
/* Secrets of all applications: moved under a pepper, and when each was last accepted. */
#include "commands.h"
#include "configuration.h"
#include "listing.h"
#include "progress.h"
#include "session.h"
#include "time_text.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdlib.h>

/* ---- wrap -------------------------------------------------------------------------------------- */

static int step(void *self, uint64_t count)
{
    progress_step(self, count);
    return 0;
}

static int wrap(struct ctl *ctl)
{
    clientid_error error = {0};
    clientid_wrap_counts counts = {.size = sizeof(counts)};
    struct progress progress;
    if (!option_given(&ctl->options, "pepper-file") && !option_given(&ctl->options, "pepper-env"))
        return report(ctl, CTL_USAGE, ctl->options.what,
                      "which pepper? Use --pepper-file or --pepper-env");
    int rv = session_write(ctl);
    if (rv != 0)
        return rv;
    progress_begin(&progress, ctl->err, "applications", 0);
    rv = clientid_control_secrets_wrap(ctl->control, &counts, step, &progress, &error);
    progress_end(&progress);
    if (rv != 0)
        return outcome(ctl, rv, &error);
    fprintf(ctl->out,
            ctl->json ? "{\"applications\":%" PRIu64 ",\"wrapped\":%" PRIu64 ",\"already\":%" PRIu64
                        ",\"otherPepper\":%" PRIu64 "}\n"
                      : "%" PRIu64 " applications: %" PRIu64 " secrets wrapped, %" PRIu64
                        " were already, %" PRIu64 " are under another pepper\n",
            counts.applications, counts.wrapped, counts.already, counts.other);
    return CTL_OK;
}

/* ---- last use ---------------------------------------------------------------------------------- */

static const struct column columns[] = {
    {"ID", COLUMN_RIGHT}, {"APPLICATION", COLUMN_SHRINKS},
    {"CLIENT ID", 0},     {"SLOT", COLUMN_RIGHT},
    {"VALID FROM", 0},    {"VALID UNTIL", 0},
    {"LAST USED", 0},
};

struct last_use {
    struct listing listing;
    clientid_gateway *gateway;
};

struct use {
    char from[TIME_TEXT_BYTES], until[TIME_TEXT_BYTES], last[TIME_TEXT_BYTES];
};

static struct use use_of(const struct last_use *l, const clientid_application_record *r,
                         unsigned slot)
{
    const clientid_secret *secret = &r->secrets[slot - 1];
    uint64_t key = clientid_slot_key(secret->hash);
    uint64_t minute = clientid_last_use_minute(l->gateway, r->client_id, key);
    struct use use = {.from = ""};
    moment_format(secret->not_before_ns, use.from, sizeof(use.from));
    moment_format(secret->not_after_ns, use.until, sizeof(use.until));
    moment_format(minute * 60u * 1000000000u, use.last, sizeof(use.last));
    return use;
}

static json_t *moment_json(const char *text)
{
    return text[0] == '-' ? json_null() : json_string(text);
}

static int use_json(struct listing *listing, const clientid_application_record *r, unsigned slot,
                    const struct use *use)
{
    json_t *item =
        json_pack("{s:I, s:s%, s:s%, s:i, s:o, s:o, s:o}", "applicationId", (json_int_t)r->id,
                  "applicationName", r->name.ptr, r->name.len, "clientId", r->client_id.ptr,
                  r->client_id.len, "slot", (int)slot, "notBefore", moment_json(use->from),
                  "notAfter", moment_json(use->until), "lastUsed", moment_json(use->last));
    char *text = item != NULL ? json_dumps(item, JSON_COMPACT) : NULL;
    int rv = text != NULL ? listing_text(listing, text) : CLIENTID_ERR_NOMEM;
    free(text);
    json_decref(item);
    return rv;
}

static void use_row(struct table *t, const clientid_application_record *r, unsigned slot,
                    const struct use *use)
{
    table_cellf(t, "%" PRIu64, r->id);
    table_slice(t, r->name);
    table_slice(t, r->client_id);
    table_cellf(t, "%u", slot);
    table_cell(t, use->from);
    table_cell(t, use->until);
    table_cell(t, use->last[0] == '-' ? "never" : use->last);
}

static int list_rows(void *sink, const clientid_application_record *r)
{
    struct last_use *l = sink;
    int rv = 0;
    for (unsigned slot = 1; rv == 0 && slot <= 2; slot++) {
        if (r->secrets[slot - 1].algorithm == CLIENTID_SECRET_NONE)
            continue;
        struct use use = use_of(l, r, slot);
        if (l->listing.ctl->json)
            rv = use_json(&l->listing, r, slot, &use);
        else
            use_row(l->listing.table, r, slot, &use);
    }
    return rv;
}

static int last_use(struct ctl *ctl)
{
    clientid_error error = {0};
    struct last_use l = {.gateway = NULL};
    int rv = configuration_open(ctl, CLIENTID_LIMITS_EXISTING | CLIENTID_LIMITS_ASIDE, &l.gateway);
    if (rv == 0)
        rv = session_read(ctl);
    if (rv != 0)
        goto end;
    listing_begin(&l.listing, ctl, "secrets", columns, sizeof(columns) / sizeof(columns[0]));
    rv = clientid_control_application_list(ctl->control, NULL, list_rows, &l, &error);
    rv = listing_end(&l.listing, rv, &error);
end:
    clientid_gateway_del(l.gateway);
    return rv;
}

static const struct option_spec last_use_options[] = {CONFIGURATION_OPTION{NULL, 0, NULL, NULL, 0}};

static const char wrap_help[] = "Every salted SHA-256 becomes HMAC-SHA-256 of it under the pepper; "
                                "the secrets stay what they are.\n"
                                "May be stopped and repeated.  Give the pepper to all gateways "
                                "first, or they refuse the clients.\n";
static const char last_use_help[] = "Reads the limits file that the gateways share, named by the "
                                    "configuration.  A secret that nobody\n"
                                    "uses any more can be revoked with \"app revoke-secret\".\n";

const struct command secrets_commands[] = {
    {"secrets", "wrap", "", 0, 0, "Move all stored secrets under a pepper", NULL, wrap, wrap_help},
    {"secrets", "last-use", "", 0, 0, "When each secret was last accepted, to the minute",
     last_use_options, last_use, last_use_help},
    {0},
};
