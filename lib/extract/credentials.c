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

/* Reads those of |where| that are in these carriers, in one pass over them, beside what other carriers had. */
static int read_some(const struct clientid__reader *reader, params_fn *read, unsigned in,
                     const struct clientid__expression *const *where,
                     struct clientid__param *params, size_t count)
{
    struct clientid__param some[CLIENTID__PARAMS_MAX];
    struct clientid__value *target[CLIENTID__PARAMS_MAX];
    size_t n = 0;
    int rv;

    for (size_t i = 0; i < count; i++) {
        if (!is_in(where[i], in))
            continue;
        target[n] = &params[i].value;
        some[n++] = params[i];
    }
    if (n == 0)
        return 0;
    rv = read(reader, some, n);
    if (rv < 0)
        return rv;
    for (size_t i = 0; i < n; i++)
        clientid__value_merge(target[i], &some[i].value);
    return 0;
}

static const struct {
    unsigned in;
    params_fn *read;
} carriers[] = {{IN_QUERY, clientid__query_read},
                {IN_HEADER, read_headers},
                {IN_FORM, clientid__form_read},
                {IN_PART, clientid__parts_read}};

/* Field by field: a struct that is made elsewhere and copied costs a stall of the processor for each. */
static void look_for(struct clientid__param *param, const struct clientid__expression *e)
{
    param->name.ptr = e->name;
    param->name.len = e->name_len;
    param->plain = e->plain;
    param->value.reason = CLIENTID_REASON_ID_MISSING;
    param->value.from_query = false;
    param->value.text.ptr = NULL;
    param->value.text.len = 0;
    param->raw.ptr = NULL;
    param->raw.len = 0;
    param->seen = 0;
    param->flaw = CLIENTID_REASON_ALLOWED;
}

/* Sets |value| of each of |params|, whose names are those of |where|. */
static int read_params(const struct clientid__reader *reader,
                       const struct clientid__expression *const *where,
                       struct clientid__param *params, size_t count)
{
    unsigned in = 0;
    int rv = 0;

    for (size_t i = 0; i < count; i++) {
        look_for(&params[i], where[i]);
        in |= 1U << where[i]->carrier;
    }
    /* Nearly always all are in one place, and nothing has to be put together. */
    if (in == 1U << CLIENTID__QUERY)
        return clientid__query_read(reader, params, count);
    for (size_t c = 0; rv == 0 && c < sizeof(carriers) / sizeof(carriers[0]); c++)
        if ((in & carriers[c].in) != 0)
            rv = read_some(reader, carriers[c].read, carriers[c].in, where, params, count);
    return rv;
}

/* Basic beside parameters: Basic always shows a password, so an empty one differs from one with text. */
static void merge_basic(struct clientid__param params[2], const struct clientid__value basic[2])
{
    bool empty_password = clientid__value_there(&basic[0]) && clientid__value_absent(&basic[1]);

    if (empty_password && clientid__value_there(&params[1].value))
        params[1].value.reason = CLIENTID_REASON_CREDENTIALS_AMBIGUOUS;
    clientid__value_merge(&params[0].value, &basic[0]);
    clientid__value_merge(&params[1].value, &basic[1]);
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
    struct clientid__param params[2];
    struct clientid__value basic[2];
    const struct clientid__value *id = &basic[0], *secret = &basic[1];
    int rv = 0;

    *out = (struct clientid__credentials){.reason = CLIENTID_REASON_ID_MISSING};
    basic[0].reason = basic[1].reason = CLIENTID_REASON_ID_MISSING;
    basic[0].from_query = basic[1].from_query = false;
    if (spec->flags & CLIENTID__SPEC_BASIC)
        rv = clientid__basic_read(&reader, &basic[0], &basic[1]);
    if (rv < 0)
        return rv;
    if (spec->flags & CLIENTID__SPEC_EXPRESSIONS) {
        rv = read_params(&reader, where, params, 2);
        if (rv < 0)
            return rv;
        if (spec->flags & CLIENTID__SPEC_BASIC)
            merge_basic(params, basic);
        id = &params[0].value;
        secret = &params[1].value;
    }

    out->reason = judge(id, secret);
    out->from_query = id->from_query || secret->from_query;
    if (clientid__value_there(id))
        out->id = id->text;
    if (out->reason == CLIENTID_REASON_ALLOWED && clientid__value_there(secret)) {
        out->has_secret = true;
        out->secret = secret->text;
    }
    return 0;
}

int clientid__extract_value(const struct clientid__expression *where,
                            const struct clientid__caps *caps, const clientid_request *request,
                            struct clientid__scratch *scratch, clientid_str *value)
{
    const struct clientid__reader reader = {request, caps, scratch, CLIENTID__READ_LIST};
    struct clientid__param param;
    int rv = read_params(&reader, &where, &param, 1);

    *value = clientid__str(NULL, 0);
    if (rv < 0)
        return rv;
    if (param.value.reason == CLIENTID_REASON_BODY_NEEDED)
        return 1;
    if (clientid__value_there(&param.value))
        *value = param.value.text;
    return 0;
}
