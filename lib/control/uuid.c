/* SPDX-License-Identifier: Apache-2.0 */
/*
 * A UUID names one thing of one store, and is computed, never kept:
 *
 *   IIIIIIII-iiKK-8iii-Viii-NNNNNNNNNNNN   I, i: 32 and 34 bits of the store's identity; K: the kind; N: the number
 */
#include "control/control.h"

#include "base/error.h"
#include "base/str.h"

#include <clientid/third_party.h>

#include <inttypes.h>
#include <stdio.h>

#define ID_MAX ((1ULL << 48) - 1)

static int identify(clientid_control *control, clientid_error *error)
{
    clientid_position position;
    int rc;

    if (control->identified)
        return 0;
    rc = CLIENTID__STORE(control, position, &position, error);
    if (rc == 0) {
        control->identity = position.identity;
        control->identified = true;
    }
    return rc;
}

int clientid_control_uuid_format(clientid_control *control, clientid_uuid_kind kind, uint64_t id,
                                 char *out, clientid_error *error)
{
    uint64_t i;
    int rc;

    if (control == NULL || out == NULL || kind < CLIENTID_UUID_USER || kind > CLIENTID_UUID_EVENT ||
        id == 0 || id > ID_MAX)
        return clientid__bad_argument(error);
    rc = identify(control, error);
    if (rc != 0)
        return rc;
    i = control->identity;
    /* Version 8 and the variant of RFC 9562. */
    snprintf(out, CLIENTID_UUID_CHARS + 1, "%08" PRIx32 "-%02x%02x-8%03x-%04x-%012" PRIx64,
             (uint32_t)i, (unsigned)(i >> 32) & 0xff, (unsigned)kind, (unsigned)(i >> 40) & 0xfff,
             0x8000 | ((unsigned)(i >> 52) & 0xfff), id);
    return 0;
}

static bool number(clientid_str text, size_t at, size_t count, uint64_t *out)
{
    *out = 0;
    for (size_t i = at; i < at + count; i++) {
        unsigned char c = clientid__lower((unsigned char)text.ptr[i]);
        bool digit = c >= '0' && c <= '9';

        if (!digit && (c < 'a' || c > 'f'))
            return false;
        *out = *out << 4 | (uint64_t)(digit ? c - '0' : c - 'a' + 10);
    }
    return true;
}

int clientid_control_uuid_parse(clientid_control *control, clientid_uuid_kind kind,
                                clientid_str text, uint64_t *id, clientid_error *error)
{
    char again[CLIENTID_UUID_CHARS + 1] = "";
    int rc;

    if (control == NULL || id == NULL || kind < CLIENTID_UUID_USER || kind > CLIENTID_UUID_EVENT)
        return clientid__bad_argument(error);
    if (text.len == CLIENTID_UUID_CHARS && number(text, CLIENTID_UUID_CHARS - 12, 12, id) &&
        *id != 0) {
        /* It is ours when it is what we would write for that number. */
        rc = clientid_control_uuid_format(control, kind, *id, again, error);
        if (rc != 0)
            return rc;
        if (clientid__str_case_eq(text, clientid__cstr(again)))
            return 0;
    }
    *id = 0;
    return clientid__fail(error, CLIENTID_ERR_NOT_FOUND, "nothing has this id");
}
