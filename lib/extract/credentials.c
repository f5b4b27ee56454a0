/* SPDX-License-Identifier: Apache-2.0 */
/* One request has one client id and one client secret, or none: sources that disagree are never ranked. */
#include "base/str.h"
#include "extract/basic.h"
#include "extract/body.h"
#include "extract/header.h"
#include "extract/query.h"

typedef int params_fn(const struct clientid__reader *reader, struct clientid__param *params,
                      size_t count);

enum {
    IN_QUERY = 1U << CLIENTID__QUERY | 1U << CLIENTID__ANY,
    IN_HEADER = 1U << CLIENTID__HEADER | 1U << CLIENTID__ANY,
    IN_FORM = 1U << CLIENTID__FORM,
    IN_PART = 1U << CLIENTID__PART
};

static bool is_in(const struct clientid__expression *e, unsigned carriers)
{
    return (carriers >> e->carrier & 1) != 0;
}

static int read_headers(const struct clientid__reader *reader, struct clientid__param *params,
                        size_t count)
{
    int rv = 0;

    for (size_t i = 0; rv >= 0 && i < count; i++)
        rv = clientid__header_read(reader, params[i].name, &params[i].value);
    return rv < 0 ? rv : 0;
}

/* Reads those of |where| that are in these carriers, in one pass over them. */
static int read_params(const struct clientid__reader *reader, params_fn *read, unsigned in,
                       const struct clientid__expression *const *where,
                       struct clientid__value *values, size_t count)
{
    struct clientid__param params[CLIENTID__PARAMS_MAX];
    struct clientid__value *target[CLIENTID__PARAMS_MAX];
    size_t n = 0;
    int rv;

    for (size_t i = 0; i < count; i++) {
        if (!is_in(where[i], in))
            continue;
        target[n] = &values[i];
        params[n++] = (struct clientid__param){.name = clientid__expression_name(where[i])};
    }
    if (n == 0)
        return 0;
    rv = read(reader, params, n);
    if (rv < 0)
        return rv;
    for (size_t i = 0; i < n; i++)
        clientid__value_merge(target[i], &params[i].value);
    return 0;
}

static int read_values(const struct clientid__reader *reader,
                       const struct clientid__expression *const *where,
                       struct clientid__value *values, size_t count)
{
    unsigned in = 0;
    int rv = 0;

    for (size_t i = 0; i < count; i++) {
        values[i] = clientid__value_none(CLIENTID_REASON_ID_MISSING);
        in |= 1U << where[i]->carrier;
    }
    if ((in & IN_QUERY) != 0)
        rv = read_params(reader, clientid__query_read, IN_QUERY, where, values, count);
    if (rv == 0 && (in & IN_HEADER) != 0)
        rv = read_params(reader, read_headers, IN_HEADER, where, values, count);
    if (rv == 0 && (in & IN_FORM) != 0)
        rv = read_params(reader, clientid__form_read, IN_FORM, where, values, count);
    if (rv == 0 && (in & IN_PART) != 0)
        rv = read_params(reader, clientid__parts_read, IN_PART, where, values, count);
    return rv;
}

/* Basic beside parameters: Basic always shows a password, so an empty one differs from one with text. */
static void merge_basic(struct clientid__value basic[2], struct clientid__value values[2])
{
    bool empty_password = clientid__value_there(&basic[0]) && clientid__value_absent(&basic[1]);

    if (empty_password && clientid__value_there(&values[1]))
        values[1].reason = CLIENTID_REASON_CREDENTIALS_AMBIGUOUS;
    clientid__value_merge(&basic[0], &values[0]);
    clientid__value_merge(&basic[1], &values[1]);
}

/* The client id is judged first; a body is asked for only when it can still change the verdict. */
static clientid_reason judge(const struct clientid__value *id, const struct clientid__value *secret)
{
    bool wait = id->reason == CLIENTID_REASON_BODY_NEEDED;

    if (!clientid__value_there(id) && !wait)
        return id->reason;
    if (!clientid__value_there(secret) && !clientid__value_absent(secret))
        return secret->reason;
    return id->reason;
}

int clientid__extract(const struct clientid__spec *spec, const struct clientid__caps *caps,
                      const clientid_request *request, struct clientid__scratch *scratch,
                      struct clientid__credentials *out)
{
    const struct clientid__expression *const where[] = {&spec->id, &spec->secret};
    const struct clientid__reader reader = {request, caps, scratch, spec->flags};
    struct clientid__value found[2], values[2];
    int rv = 0;

    *out = (struct clientid__credentials){.reason = CLIENTID_REASON_ID_MISSING};
    found[0] = found[1] = clientid__value_none(CLIENTID_REASON_ID_MISSING);
    if (spec->flags & CLIENTID__SPEC_BASIC)
        rv = clientid__basic_read(&reader, &found[0], &found[1]);
    if (rv == 0 && (spec->flags & CLIENTID__SPEC_EXPRESSIONS) != 0)
        rv = read_values(&reader, where, spec->flags & CLIENTID__SPEC_BASIC ? values : found, 2);
    if (rv < 0)
        return rv;
    if ((spec->flags & CLIENTID__SPEC_BASIC) && (spec->flags & CLIENTID__SPEC_EXPRESSIONS))
        merge_basic(found, values);

    out->reason = judge(&found[0], &found[1]);
    out->from_query = found[0].from_query || found[1].from_query;
    if (clientid__value_there(&found[0]))
        out->id = found[0].text;
    if (out->reason == CLIENTID_REASON_ALLOWED && clientid__value_there(&found[1])) {
        out->has_secret = true;
        out->secret = found[1].text;
    }
    return 0;
}

int clientid__extract_value(const struct clientid__expression *where,
                            const struct clientid__caps *caps, const clientid_request *request,
                            struct clientid__scratch *scratch, clientid_str *value)
{
    const struct clientid__reader reader = {request, caps, scratch, CLIENTID__READ_LIST};
    struct clientid__value found;
    int rv = read_values(&reader, &where, &found, 1);

    *value = clientid__str(NULL, 0);
    if (rv < 0)
        return rv;
    if (found.reason == CLIENTID_REASON_BODY_NEEDED)
        return 1;
    if (clientid__value_there(&found))
        *value = found.text;
    return 0;
}
