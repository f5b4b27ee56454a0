/* SPDX-License-Identifier: Apache-2.0 */
/* The limits of a running system: how they stand, and back to full quota; nothing here makes a table. */
#include "limits.h"

#include "commands.h"
#include "configuration.h"
#include "contracts.h"
#include "fields.h"
#include "time_text.h"

#include <stdlib.h>
#include <string.h>

/* ---- which table ------------------------------------------------------------------------------- */

static int check_source(struct ctl *ctl)
{
    const struct options *o = &ctl->options;
    bool config = option_given(o, "config"), file = option_given(o, "file");
    if (config == file)
        return report(ctl, CTL_USAGE, o->what, "which limits? Use --config FILE or --file FILE");
    /* A variable of a script that is not set must not reset what all clients spend together. */
    for (size_t i = 0; i < 2; i++) {
        const char *value = option_value(o, i == 0 ? "client" : "api");
        if (value != NULL && value[0] == '\0')
            return report(ctl, CTL_USAGE, o->what, "--%s is empty", i == 0 ? "client" : "api");
    }
    if (file && (option_given(o, "client") || option_given(o, "api")))
        return report(ctl, CTL_USAGE, o->what,
                      "a limits file knows neither clients nor API instances: use --config FILE");
    return 0;
}

static int open_file(struct ctl *ctl, struct limits_view *view, bool writes)
{
    clientid_error error = {0};
    const char *name = option_value(&ctl->options, "file");
    int rv = clientid_limits_open(&view->limits, name, writes ? 0 : CLIENTID_LIMITS_READ, &error);
    view->file = slice(name);
    return rv != 0 ? report_library(ctl, ctl->options.what, rv, &error) : 0;
}

static int open_gateway(struct ctl *ctl, struct limits_view *view)
{
    int rv = configuration_open(ctl, CLIENTID_LIMITS_EXISTING, &view->gateway);
    if (rv != 0)
        return rv;
    view->limits = clientid_gateway_limits(view->gateway);
    view->file = clientid_gateway_limits_file(view->gateway);
    contracts_sync(ctl, view->gateway, view->origin, sizeof(view->origin));
    rv = clientid_worker_new(&view->worker, view->gateway);
    return rv != 0 ? report_library(ctl, ctl->options.what, rv, NULL) : 0;
}

static int view_open(struct ctl *ctl, struct limits_view *view, bool writes)
{
    *view =
        (struct limits_view){.now_ns = now_ns(), .client = option_value(&ctl->options, "client")};
    int rv = check_source(ctl);
    if (rv != 0)
        return rv;
    return option_given(&ctl->options, "file") ? open_file(ctl, view, writes)
                                               : open_gateway(ctl, view);
}

static void view_close(struct limits_view *view)
{
    clientid_worker_del(view->worker);
    if (view->gateway == NULL)
        clientid_limits_close(view->limits);
    clientid_gateway_del(view->gateway);
    free(view->rows);
}

/* ---- the whole table --------------------------------------------------------------------------- */

static int show_table(struct ctl *ctl, const struct limits_view *view)
{
    clientid_limits_info info = {.size = sizeof(info)};
    int rv = clientid_limits_read(view->limits, view->now_ns, &info);
    if (rv != 0)
        return report_library(ctl, ctl->options.what, rv, NULL);
    return limits_write_table(ctl, view, &info);
}

static unsigned wanted(const struct options *o)
{
    unsigned what = 0;
    if (option_given(o, "repair"))
        what |= CLIENTID_CLEAR_CLAIMED | CLIENTID_CLEAR_DAMAGED | CLIENTID_CLEAR_AHEAD;
    if (option_given(o, "overflow"))
        what |= CLIENTID_CLEAR_OVERFLOW;
    if (option_given(o, "all"))
        what |= CLIENTID_CLEAR_CLAIMED | CLIENTID_CLEAR_DAMAGED | CLIENTID_CLEAR_AHEAD |
                CLIENTID_CLEAR_OVERFLOW | CLIENTID_CLEAR_LIVE;
    return what;
}

static int clear_table(struct ctl *ctl, const struct limits_view *view, unsigned what)
{
    clientid_limits_cleared cleared = {.size = sizeof(cleared)};
    int rv = clientid_limits_clear(view->limits, what, view->now_ns, &cleared);
    if (rv != 0)
        return report_library(ctl, ctl->options.what, rv, NULL);
    return limits_write_cleared(ctl, view, &cleared);
}

/* ---- one client, or an API's own --------------------------------------------------------------- */

/* Room for |more| behind the rows there are. */
static clientid_limit_standing *rows_grow(struct limits_view *view, size_t more)
{
    struct limits_row *rows = realloc(view->rows, (view->count + more + 1) * sizeof(*rows));
    if (rows == NULL)
        return NULL;
    view->rows = rows;
    return calloc(more + 1, sizeof(clientid_limit_standing));
}

typedef int standing_fn(clientid_worker *worker, const clientid_api *api, clientid_str client_id,
                        uint64_t now_ns, clientid_limit_standing *standings, size_t *count,
                        clientid_error *error);

/* Adds the rows of one API instance; 0 or what the library said. */
static int add_api(struct limits_view *view, const clientid_api *api, standing_fn *each,
                   clientid_error *error)
{
    enum { ROOM = 1024 }; /* 32 policies, each with 32 limits */
    size_t count = ROOM;
    clientid_limit_standing *standings = rows_grow(view, ROOM);
    if (standings == NULL)
        return CLIENTID_ERR_NOMEM;
    int rv = each(view->worker, api, slice(view->client), view->now_ns, standings, &count, error);
    for (size_t i = 0; rv == 0 && i < count; i++)
        view->rows[view->count++] =
            (struct limits_row){.api = clientid_api_name(api), .standing = standings[i]};
    if (rv == 0 && count == 0) /* a row that says so */
        view->rows[view->count++] = (struct limits_row){.api = clientid_api_name(api)};
    free(standings);
    return rv;
}

/* On every API instance where the client has a contract. */
static int add_everywhere(struct limits_view *view, standing_fn *each, clientid_error *error)
{
    const clientid_api *api;
    int found = CLIENTID_ERR_NOT_FOUND;
    snprintf(error->text, sizeof(error->text),
             "client \"%.100s\" has no contract on any API instance", view->client);
    for (size_t nth = 0; clientid_api_nth(view->gateway, nth, &api) == 0; nth++) {
        clientid_error one = {0};
        int rv =
            clientid_api_configured(api) ? add_api(view, api, each, &one) : CLIENTID_ERR_NOT_FOUND;
        if (rv == 0)
            found = 0;
        else if (rv != CLIENTID_ERR_NOT_FOUND) {
            *error = one;
            return rv;
        }
    }
    return found;
}

static int standings(struct ctl *ctl, struct limits_view *view, standing_fn *each)
{
    clientid_error error = {0};
    const clientid_api *api;
    int rv;
    if (option_given(&ctl->options, "api")) {
        rv = configuration_api(ctl, view->gateway, &api);
        if (rv != 0)
            return rv;
        rv = add_api(view, api, each, &error);
    } else {
        rv = add_everywhere(view, each, &error);
    }
    if (rv == CLIENTID_ERR_UNREACHABLE)
        return report(ctl, CTL_FAILED, ctl->options.what, "contracts come from %.200s",
                      view->origin);
    return rv != 0 ? report_library(ctl, ctl->options.what, rv, &error) : 0;
}

/* ---- commands ---------------------------------------------------------------------------------- */

static int show(struct ctl *ctl)
{
    struct limits_view view;
    bool one = option_given(&ctl->options, "client") || option_given(&ctl->options, "api");
    int rv = view_open(ctl, &view, false);
    if (rv == 0 && !one)
        rv = show_table(ctl, &view);
    else if (rv == 0) {
        rv = standings(ctl, &view, clientid_limits_get);
        if (rv == 0)
            rv = limits_write_rows(ctl, &view, false);
    }
    view_close(&view);
    return rv;
}

static int check_reset(struct ctl *ctl, unsigned what)
{
    bool one = option_given(&ctl->options, "client") || option_given(&ctl->options, "api");
    if (one == (what == 0))
        return 0;
    return report(ctl, CTL_USAGE, ctl->options.what, "%s",
                  one ? "a client or an API instance, or the table: not both"
                      : "reset what? Use --client ID, --api NAME, --repair, --overflow or --all");
}

static int reset(struct ctl *ctl)
{
    struct limits_view view = {0};
    unsigned what = wanted(&ctl->options);
    int rv = check_reset(ctl, what);
    if (rv == 0)
        rv = view_open(ctl, &view, true);
    if (rv == 0 && what != 0)
        rv = clear_table(ctl, &view, what);
    else if (rv == 0) {
        rv = standings(ctl, &view, clientid_limits_reset);
        if (rv == 0)
            rv = limits_write_rows(ctl, &view, true);
    }
    view_close(&view);
    return rv;
}

#define SOURCE_OPTIONS                                                                             \
    CONFIGURATION_OPTION{"file", 'f', "FILE",                                                      \
                         "the limits file by itself, without a configuration", 0},                 \
        {"client", 0, "ID", "the limits of the client's contracts", 0},                            \
        {"api", 'a', "NAME", "on this API instance only; without --client its own limits", 0},

static const struct option_spec show_options[] = {SOURCE_OPTIONS{NULL, 0, NULL, NULL, 0}};

static const struct option_spec reset_options[] = {
    SOURCE_OPTIONS{"repair", 0, NULL,
                   "cells that were claimed and never charged, are damaged, or ahead of time", 0},
    {"overflow", 0, NULL, "cells that clients share since none was free", 0},
    {"all", 0, NULL, "everything that is spent, and all of the above", 0},
    {NULL, 0, NULL, NULL, 0},
};

static const char show_help[] =
    "Reads the limits file that the programs of a gateway share, while they use it.  Charges "
    "nothing.\n"
    "Without --client and --api: cells in use (live), claimed by a request under way or one that "
    "died,\n"
    "ahead of what any limit reaches (the clock went back), damaged; buckets without a free cell "
    "(full).\n"
    "With them: each limit as it stands.  Contracts come from where \"explain\" takes them.\n";

static const char reset_help[] =
    "Gives back what was spent, while requests go on: over all at most one more full quota for "
    "each.\n"
    "--client and --api print how the limits stood before.  --api without --client resets what "
    "all\n"
    "clients of the API instance spend together.  Clients that found no free cell share one and "
    "are\n"
    "reset together (\"shared\").  What is ahead of time is known only with --config.  Nothing "
    "asks before,\n"
    "and the audit trail of the store does not have it: what is printed is the only record.\n";

const struct command limits_commands[] = {
    {"limits", "show", "", 0, 0, "How the limits of a running system stand", show_options, show,
     show_help},
    {"limits", "reset", "", 0, 0, "Set them back to full quota, or repair the table", reset_options,
     reset, reset_help},
    {0},
};
