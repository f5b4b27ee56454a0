/* SPDX-License-Identifier: Apache-2.0 */
/* clientid__expression_parse: an error points into the text, and bytes before it were not at fault. */
#include "extract/extract.h"

#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define CHECK(condition) ((condition) ? (void)0 : abort())

/* A text cut where the error was found must fail there too: the rest had no part in it. */
static void cut_at_the_error(clientid_str text, size_t position)
{
    struct clientid__expression e;
    size_t again = (size_t)-1;
    char *copy = malloc(position > 0 ? position : 1);

    CHECK(copy != NULL);
    if (position > 0)
        memcpy(copy, text.ptr, position);
    /* A name in UTF-8 may be cut inside a character; a short form may be complete before it. */
    if (clientid__expression_parse((clientid_str){copy, position}, &e, &again) != 0)
        CHECK(again <= position);
    else
        CHECK(e.carrier != CLIENTID__NOWHERE);
    free(copy);
}

static void in_short_form(const struct clientid__expression *e)
{
    static const char *const prefixes[] = {
        [CLIENTID__HEADER] = "header:", [CLIENTID__QUERY] = "query:", [CLIENTID__FORM] = "form:",
        [CLIENTID__PART] = "part:",     [CLIENTID__ANY] = "any:",
    };
    char text[16 + CLIENTID__PARAM_NAME_MAX];
    struct clientid__expression again;
    size_t len = strlen(prefixes[e->carrier]), position;

    if (memchr(e->name, ' ', e->name_len) != NULL)
        return;
    memcpy(text, prefixes[e->carrier], len);
    memcpy(text + len, e->name, e->name_len);
    CHECK(clientid__expression_parse((clientid_str){text, len + e->name_len}, &again, &position) ==
          0);
    CHECK(memcmp(&again, e, sizeof(again)) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct clientid__expression e = {.carrier = CLIENTID__NOWHERE};
    size_t position = (size_t)-1;
    char *copy = malloc(size > 0 ? size : 1);

    CHECK(copy != NULL);
    if (size > 0)
        memcpy(copy, data, size);
    if (clientid__expression_parse((clientid_str){copy, size}, &e, &position) != 0) {
        CHECK(position <= size && e.carrier == CLIENTID__NOWHERE);
        cut_at_the_error((clientid_str){copy, size}, position);
    } else {
        CHECK(e.carrier >= CLIENTID__HEADER && e.carrier <= CLIENTID__ANY);
        CHECK(e.name_len >= 1 && e.name_len <= CLIENTID__PARAM_NAME_MAX);
        CHECK(clientid__expression_wants(&e) != 0);
        in_short_form(&e);
    }
    free(copy);
    return 0;
}
