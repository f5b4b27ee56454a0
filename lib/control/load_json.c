/* SPDX-License-Identifier: Apache-2.0 */
/* What counts as committed is; a line that fails undoes its batch and no other. */
#include "control/line_json.h"

#include "base/error.h"
#include "base/str.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

#define LINE_BYTES    65536
#define DEFAULT_BATCH 20000
#define KNOWN         64 /* APIs, and tiers, whose rows are kept at hand within a batch */

/* ---- lines ----------------------------------------------------------------------------------- */

struct lines {
    const clientid_load_options *options;
    clientid_error *error;
    uint64_t number; /* of the line that was taken last, from 1 */
    size_t start, end;
    bool ended; /* the stream, not what is in the buffer */
    char buffer[4 * LINE_BYTES];
};

static int fill(struct lines *lines)
{
    size_t len;
    int rc;

    memmove(lines->buffer, lines->buffer + lines->start, lines->end - lines->start);
    lines->end -= lines->start;
    lines->start = 0;
    len = sizeof(lines->buffer) - lines->end;
    rc = lines->options->read(lines->options->read_self, lines->buffer + lines->end, &len);
    if (rc != 0)
        return rc;
    lines->ended = len == 0;
    lines->end += len;
    return 0;
}

/* |*out| is the next line without its end; its pointer is NULL when there is none. */
static int next_line(struct lines *lines, clientid_str *out)
{
    for (;;) {
        const char *start = lines->buffer + lines->start;
        size_t have = lines->end - lines->start;
        const char *end = memchr(start, '\n', have);
        int rc;

        if (end != NULL || (lines->ended && have > 0)) {
            size_t len = end != NULL ? (size_t)(end - start) : have;

            lines->number++;
            lines->start += len + (end != NULL);
            *out = clientid__str(start, len);
            if (len <= LINE_BYTES)
                return 0;
        }
        if (end == NULL && have > LINE_BYTES)
            lines->number++;
        if (end != NULL || have > LINE_BYTES)
            return clientid__fail(lines->error, CLIENTID_ERR_SYNTAX,
                                  "the line is longer than %d bytes", LINE_BYTES);
        *out = (clientid_str){NULL, 0};
        if (lines->ended)
            return 0;
        rc = fill(lines);
        if (rc != 0)
            return rc;
    }
}

static bool blank(clientid_str line)
{
    for (size_t i = 0; i < line.len; i++)
        if (line.ptr[i] != ' ' && line.ptr[i] != '\t' && line.ptr[i] != '\r')
            return false;
    return true;
}

/* ---- known APIs and tiers -------------------------------------------------------------------- */

struct load {
    clientid_control *control;
    struct lines lines;
    uint64_t now_ns;
    clientid_load_counts done;
    clientid_error *error;
    size_t api_count, tier_count; /* round robin beyond KNOWN */
    struct clientid__api_facts apis[KNOWN];
    struct clientid__tier_facts tiers[KNOWN];
};

static int known_api(struct load *load, clientid_str name, const struct clientid__api_facts **out)
{
    struct clientid__api_facts *slot = &load->apis[load->api_count % KNOWN];
    uint64_t id;
    int rc;

    for (size_t i = 0; i < load->api_count && i < KNOWN; i++) {
        *out = &load->apis[i];
        if (clientid__str_eq(name, clientid__cstr(load->apis[i].name)))
            return 0;
    }
    rc = clientid_control_api_find(load->control, name, &id, load->error);
    if (rc == 0)
        rc = CLIENTID__STORE(load->control, api->facts, id, slot, load->error);
    load->api_count += rc == 0;
    *out = slot;
    return rc;
}

static int known_tier(struct load *load, uint64_t api_id, clientid_str name,
                      const struct clientid__tier_facts **out)
{
    struct clientid__tier_facts *slot = &load->tiers[load->tier_count % KNOWN];
    uint64_t id;
    int rc;

    for (size_t i = 0; i < load->tier_count && i < KNOWN; i++) {
        *out = &load->tiers[i];
        if (load->tiers[i].api_id == api_id &&
            clientid__str_eq(name, clientid__cstr(load->tiers[i].name)))
            return 0;
    }
    rc = clientid_control_tier_find(load->control, api_id, name, &id, load->error);
    if (rc == 0)
        rc = CLIENTID__STORE(load->control, tier->facts, id, slot, load->error);
    load->tier_count += rc == 0;
    *out = slot;
    return rc;
}

/* ---- one line -------------------------------------------------------------------------------- */

static int add_contract(struct load *load, uint64_t application_id,
                        const struct clientid__application_line *line)
{
    const struct clientid__api_facts *api;
    const struct clientid__tier_facts *tier = NULL;
    clientid_contract_record row;
    bool waits;
    uint64_t id;
    int rc = known_api(load, line->api, &api);

    if (rc == 0 && line->tier.len > 0)
        rc = known_tier(load, api->id, line->tier, &tier);
    if (rc == 0)
        rc = clientid__request_rules(api, tier, line->record.provider, true, load->error);
    if (rc != 0)
        return rc;
    /* Nothing waits where there is nobody to ask. */
    waits = line->status == CLIENTID_PENDING && tier != NULL && !tier->auto_approve;
    row = (clientid_contract_record){
        .application_id = application_id,
        .api_id = api->id,
        .tier_id = tier != NULL && !waits ? tier->id : 0,
        .requested_tier_id = waits ? tier->id : 0,
        .status = waits ? CLIENTID_PENDING : CLIENTID_APPROVED,
        .created_ns = load->now_ns,
        .updated_ns = load->now_ns,
        .approved_ns = waits ? 0 : load->now_ns,
    };
    rc = CLIENTID__STORE(load->control, contract->insert, &row, api->terms_id, &id, load->error);
    if (rc == 0)
        rc = clientid__log_contract(load->control, load->now_ns, id, "load",
                                    clientid__cstr(api->name), line->record.client_id,
                                    (clientid_str){NULL, 0}, load->error);
    load->done.contracts += rc == 0;
    return rc;
}

static int add_application(struct load *load, struct clientid__reader *reader)
{
    struct clientid__application_line line;
    uint64_t id;
    int rc = clientid__application_line(reader, &line, CLIENTID__LINE_LOAD);

    if (rc != 0)
        return rc;
    if (load->lines.options->flags & CLIENTID_LOAD_SKIP_EXISTING) {
        rc = CLIENTID__STORE(load->control, application->find, line.record.client_id, &id,
                             load->error);
        load->done.skipped += rc == 0;
        if (rc != CLIENTID_ERR_NOT_FOUND)
            return rc;
    }
    rc = clientid__application_add(load->control, &line.record, line.client_secret, load->now_ns,
                                   &id, load->error);
    load->done.applications += rc == 0;
    if (rc == 0 && line.api.len > 0)
        rc = add_contract(load, id, &line);
    return rc;
}

static int take_line(struct load *load, clientid_str text)
{
    struct clientid__reader reader = {NULL, "", load->error};
    int rc;

    if (blank(text))
        return 0;
    rc = clientid__json_parse(text, &reader.json, load->error);
    if (rc != 0)
        return rc;
    rc = add_application(load, &reader);
    clientid_json_del(reader.json);
    return rc;
}

/* ---- batches --------------------------------------------------------------------------------- */

/* Lines up to the end of the batch or of the stream; |*more| says which. */
static int take_lines(struct load *load, bool *more)
{
    unsigned batch = load->lines.options->batch;
    clientid_str line = {NULL, 0};
    int rc = 0;

    *more = true;
    for (unsigned i = 0; i < (batch != 0 ? batch : DEFAULT_BATCH) && rc == 0 && *more; i++) {
        rc = next_line(&load->lines, &line);
        *more = rc == 0 && line.ptr != NULL;
        if (*more)
            rc = take_line(load, line);
    }
    return rc;
}

static int take_batch(struct load *load, clientid_load_counts *committed, bool *more)
{
    int rc = clientid__begin(load->control, CLIENTID__BULK, load->error);

    if (rc != 0)
        return rc;
    /* Others may have changed them since the last batch. */
    load->api_count = load->tier_count = 0;
    load->now_ns = clientid__now(load->control);
    rc = clientid__may(load->control, CLIENTID_PERMISSION_STORE_MANAGE, 0, 0, load->error);
    if (rc == 0)
        rc = take_lines(load, more);
    if (rc != 0 && load->error != NULL)
        load->error->line = (unsigned)load->lines.number;
    rc = clientid__end(load->control, rc, load->error);
    if (rc != 0)
        return rc;
    *committed = load->done;
    committed->lines = load->lines.number;
    return 0;
}

int clientid_control_load(clientid_control *control, const clientid_load_options *options,
                          clientid_load_counts *out, clientid_error *error)
{
    struct load *load;
    bool more = true;
    int rc = 0;

    if (control == NULL || options == NULL || out == NULL || options->size != sizeof(*options) ||
        out->size != sizeof(*out) || options->read == NULL ||
        (options->flags & ~(unsigned)CLIENTID_LOAD_SKIP_EXISTING) != 0)
        return clientid__bad_argument(error);
    load = calloc(1, sizeof(*load));
    if (load == NULL)
        return clientid__fail(error, CLIENTID_ERR_NOMEM, "out of memory");
    load->control = control;
    load->error = error;
    load->lines.options = options;
    load->lines.error = error;
    load->done.size = sizeof(load->done);
    *out = load->done;
    while (more && rc == 0) {
        rc = take_batch(load, out, &more);
        if (rc == 0 && options->progress != NULL)
            rc = options->progress(options->progress_self, out->lines);
    }
    /* Lines held secrets. */
    explicit_bzero(load, sizeof(*load));
    free(load);
    return rc;
}
