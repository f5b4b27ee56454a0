/* SPDX-License-Identifier: Apache-2.0 */
/* What of a limits table is shown, as a table and as JSON: the same facts in both. */
#include "explain.h"
#include "limits.h"
#include "limits_text.h"
#include "table.h"
#include "time_text.h"
#include "utf8.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

static const char *const regions[] = {"contracts", "keys", "overflow"};

static int write_json(struct ctl *ctl, json_t *root)
{
    if (root == NULL)
        return report(ctl, CTL_FAILED, ctl->options.what, "out of memory");
    json_dumpf(root, ctl->out, JSON_COMPACT);
    fputc('\n', ctl->out);
    json_decref(root);
    return CTL_OK;
}

static json_t *text_json(clientid_str text)
{
    char *shown = utf8_printable(text.ptr, text.len);
    json_t *json = shown != NULL ? json_string(shown) : NULL;
    free(shown);
    return json;
}

/* Whole seconds say enough of what lies days ahead. */
static void span_text(uint64_t span_ns, char *out, size_t size)
{
    uint64_t ms = explanation_ms(span_ns);
    span_format(ms >= 60000 ? (ms + 999) / 1000 * 1000 : ms, out, size);
}

/* ---- the table --------------------------------------------------------------------------------- */

static json_t *region_json(const clientid_limits_info *info, int i)
{
    const clientid_limits_cells *c = &info->region[i];
    json_t *ahead = info->reach_ns != 0 ? json_integer((json_int_t)c->ahead) : json_null();
    return json_pack("{s:s, s:I, s:I, s:I, s:o, s:I, s:I, s:I, s:I}", "region", regions[i], "cells",
                     (json_int_t)c->cells, "live", (json_int_t)c->live, "claimed",
                     (json_int_t)c->claimed, "ahead", ahead, "damaged", (json_int_t)c->damaged,
                     "fullBuckets", (json_int_t)c->full, "overflowCharges",
                     (json_int_t)c->overflow_charges, "latestInMilliseconds",
                     (json_int_t)explanation_ms(c->latest_ns));
}

static json_t *table_json(const struct limits_view *view, const clientid_limits_info *info)
{
    char format[24], identity[24];
    json_t *list = json_array();
    /* As text: they use all 64 bits, which JSON readers round. */
    snprintf(format, sizeof(format), "%" PRIx64, info->format);
    snprintf(identity, sizeof(identity), "%016" PRIx64, info->source_identity);
    for (int i = 0; i < CLIENTID_CELLS_KINDS; i++)
        json_array_append_new(list, region_json(info, i));
    return json_pack("{s:o, s:I, s:s, s:I, s:I, s:{s:s, s:I}, s:{s:I, s:I}, s:o}", "file",
                     text_json(view->file), "layout", (json_int_t)info->layout, "format", format,
                     "clock", (json_int_t)info->clock, "bytes", (json_int_t)info->bytes, "source",
                     "identity", identity, "revision", (json_int_t)info->source_revision, "uses",
                     "cells", (json_int_t)info->use_cells, "used", (json_int_t)info->uses,
                     "regions", list);
}

static bool write_header(struct ctl *ctl, const struct limits_view *view,
                         const clientid_limits_info *info)
{
    struct table *t = table_new_details(ctl->out);
    table_detail_slice(t, "file", view->file);
    table_detail(t, "layout", "%" PRIu32 " (%" PRIx64 ")", info->layout, info->format);
    table_detail(t, "clock", "%s", info->clock == 1 ? "wall clock" : "unknown");
    table_detail(t, "bytes", "%" PRIu64, info->bytes);
    if (info->source_revision != 0)
        table_detail(t, "source", "%016" PRIx64 ", seen up to revision %" PRIu64,
                     info->source_identity, info->source_revision);
    table_detail(t, "last uses", "%" PRIu64 " of %" PRIu64 " cells", info->uses, info->use_cells);
    if (view->gateway != NULL)
        table_detail(t, "contracts", "from %s", view->origin);
    return table_end(t);
}

static bool write_regions(struct ctl *ctl, const clientid_limits_info *info)
{
    static const struct column columns[] = {{"REGION", 0},           {"CELLS", COLUMN_RIGHT},
                                            {"LIVE", COLUMN_RIGHT},  {"CLAIMED", COLUMN_RIGHT},
                                            {"AHEAD", COLUMN_RIGHT}, {"DAMAGED", COLUMN_RIGHT},
                                            {"FULL", COLUMN_RIGHT},  {"OVERFLOWED", COLUMN_RIGHT},
                                            {"LATEST", COLUMN_RIGHT}};
    struct table *t = table_new(ctl->out, columns, sizeof(columns) / sizeof(columns[0]));
    for (int i = 0; i < CLIENTID_CELLS_KINDS; i++) {
        const clientid_limits_cells *c = &info->region[i];
        char latest[32];
        span_text(c->latest_ns, latest, sizeof(latest));
        table_cell(t, regions[i]);
        table_cellf(t, "%" PRIu64, c->cells);
        table_cellf(t, "%" PRIu64, c->live);
        table_cellf(t, "%" PRIu64, c->claimed);
        if (info->reach_ns != 0)
            table_cellf(t, "%" PRIu64, c->ahead);
        else
            table_cell(t, "?");
        table_cellf(t, "%" PRIu64, c->damaged);
        table_cellf(t, "%" PRIu64, c->full);
        table_cellf(t, "%" PRIu64, c->overflow_charges);
        table_cell(t, c->live > 0 ? latest : "-");
    }
    return table_end(t);
}

int limits_write_table(struct ctl *ctl, const struct limits_view *view,
                       const clientid_limits_info *info)
{
    if (ctl->json)
        return write_json(ctl, table_json(view, info));
    if (!write_header(ctl, view, info))
        return CTL_FAILED;
    fputc('\n', ctl->out);
    return write_regions(ctl, info) ? CTL_OK : CTL_FAILED;
}

int limits_write_cleared(struct ctl *ctl, const struct limits_view *view,
                         const clientid_limits_cleared *c)
{
    if (ctl->json)
        return write_json(ctl, json_pack("{s:s, s:o, s:I, s:I, s:I, s:I, s:I}", "done", "reset",
                                         "file", text_json(view->file), "claimed",
                                         (json_int_t)c->claimed, "damaged", (json_int_t)c->damaged,
                                         "ahead", (json_int_t)c->ahead, "overflow",
                                         (json_int_t)c->overflow, "live", (json_int_t)c->live));
    fprintf(ctl->out,
            "reset in %.*s: %" PRIu64 " live, %" PRIu64 " overflow, %" PRIu64 " ahead, %" PRIu64
            " claimed, %" PRIu64 " damaged\n",
            (int)view->file.len, view->file.ptr, c->live, c->overflow, c->ahead, c->claimed,
            c->damaged);
    return CTL_OK;
}

/* ---- limits ------------------------------------------------------------------------------------ */

static json_t *row_json(const struct limits_row *row)
{
    const clientid_limit_standing *s = &row->standing;
    const clientid_limit_report *r = &s->report;
    return json_pack(
        "{s:o, s:o, s:I, s:I, s:s, s:I, s:I, s:I, s:I, s:b, s:b, s:b, s:b}", "api",
        text_json(row->api), "policy", text_json(r->policy), "maximumRequests",
        (json_int_t)r->maximum_requests, "timePeriodInMilliseconds",
        (json_int_t)(r->period_ns / 1000000u), "algorithm", explanation_algorithm(r), "capacity",
        (json_int_t)s->capacity, "used", (json_int_t)s->used, "remaining", (json_int_t)r->remaining,
        "resetInMilliseconds", (json_int_t)explanation_ms(r->reset_ns), "visible",
        (r->flags & CLIENTID_LIMIT_VISIBLE) != 0, "shadow", (r->flags & CLIENTID_LIMIT_SHADOW) != 0,
        "shared", (s->flags & CLIENTID_STANDING_SHARED) != 0, "ahead",
        (s->flags & CLIENTID_STANDING_AHEAD) != 0);
}

static json_t *rows_json(const struct limits_view *view, bool reset)
{
    json_t *apis = json_array(), *list = json_array();
    json_t *client = view->client != NULL
                         ? text_json((clientid_str){view->client, strlen(view->client)})
                         : json_null();
    for (size_t i = 0; i < view->count; i++) {
        const struct limits_row *row = &view->rows[i];
        if (i == 0 || row->api.ptr != view->rows[i - 1].api.ptr)
            json_array_append_new(apis, text_json(row->api));
        if (row->standing.capacity != 0)
            json_array_append_new(list, row_json(row));
    }
    if (reset)
        return json_pack("{s:s, s:o, s:o, s:o}", "done", "reset", "client", client, "apis", apis,
                         "before", list);
    return json_pack("{s:o, s:o, s:o}", "client", client, "apis", apis, "limits", list);
}

static const char *note(const clientid_limit_standing *s)
{
    if ((s->flags & CLIENTID_STANDING_SHARED) != 0)
        return "shared: no cell was free";
    if ((s->flags & CLIENTID_STANDING_AHEAD) != 0)
        return "ahead: the clock went back";
    if ((s->report.flags & CLIENTID_LIMIT_SHADOW) != 0)
        return "shadow";
    return (s->report.flags & CLIENTID_LIMIT_VISIBLE) != 0 ? "" : "not in headers";
}

static void write_row(struct table *t, const struct limits_row *row)
{
    const clientid_limit_report *r = &row->standing.report;
    clientid_limit limit = {.maximum_requests = r->maximum_requests,
                            .period_ms = r->period_ns / 1000000u,
                            .visible = 1};
    char text[64], left[32];
    limit_format(&limit, text, sizeof(text));
    span_text(r->reset_ns, left, sizeof(left));
    table_slice(t, row->api);
    table_slice(t, r->policy);
    table_cell(t, text);
    table_cell(t, explanation_algorithm(r));
    table_cellf(t, "%" PRIu64 " of %" PRIu64, row->standing.used, row->standing.capacity);
    table_cellf(t, "%" PRIu64, r->remaining);
    table_cell(t, r->reset_ns != 0 ? left : "-");
    table_cell(t, note(&row->standing));
}

int limits_write_rows(struct ctl *ctl, const struct limits_view *view, bool reset)
{
    static const struct column columns[] = {{"API", COLUMN_SHRINKS},
                                            {"POLICY", COLUMN_SHRINKS},
                                            {"LIMIT", 0},
                                            {"ALGORITHM", 0},
                                            {"USED", COLUMN_RIGHT},
                                            {"REMAINING", COLUMN_RIGHT},
                                            {"RESET IN", COLUMN_RIGHT},
                                            {"NOTE", 0}};
    if (ctl->json)
        return write_json(ctl, rows_json(view, reset));
    if (reset)
        fprintf(ctl->out, "reset to full quota; before, they stood so:\n");
    struct table *t = table_new(ctl->out, columns, sizeof(columns) / sizeof(columns[0]));
    for (size_t i = 0; i < view->count; i++) {
        if (view->rows[i].standing.capacity != 0) {
            write_row(t, &view->rows[i]);
            continue;
        }
        table_slice(t, view->rows[i].api);
        for (size_t c = 1; c < sizeof(columns) / sizeof(columns[0]); c++)
            table_cell(t, c == 2 ? "none" : "-");
    }
    return table_end(t) ? CTL_OK : CTL_FAILED;
}
