/* SPDX-License-Identifier: Apache-2.0 */
/* A urlencoded body is read by the rules of a query; '+' is always a space (WHATWG URL section 5.1). */
#include "extract/body.h"
#include "extract/query.h"

int clientid__form_read(const struct clientid__reader *reader, struct clientid__param *params,
                        size_t count)
{
    struct clientid__value state;
    clientid_str parameters;
    int rv = clientid__body_open(reader, CLIENTID_STR("application/x-www-form-urlencoded"),
                                 &parameters, &state);

    if (rv < 0)
        return rv;
    if (!clientid__value_there(&state)) {
        clientid__params_set(params, count, state);
        return 0;
    }
    return clientid__pairs_read(reader, state.text, 0, params, count);
}
