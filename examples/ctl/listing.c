/* SPDX-License-Identifier: Apache-2.0 */
/* JSON that was written is whole unless the exit code says that something failed. */
#include "listing.h"

#include "utf8.h"

#include <inttypes.h>
#include <jansson.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

void listing_begin(struct listing *listing, struct ctl *ctl, const char *name,
                   const struct column *columns, size_t column_count)
{
    *listing = (struct listing){.ctl = ctl, .name = name};
    if (!ctl->json)
        listing->table = table_new(ctl->out, columns, column_count);
}

int listing_text(struct listing *listing, const char *text)
{
    FILE *out = listing->ctl->out;
    if (listing->count == 0)
        fprintf(out, "{\"%s\":[", listing->name);
    fprintf(out, "%s%s", listing->count++ == 0 ? "\n" : ",\n", text);
    return ferror(out) ? CLIENTID_ERR_IO : 0;
}

int listing_json(struct listing *listing, int rv, char *text)
{
    if (rv == 0)
        rv = listing_text(listing, text);
    clientid_json_free(text);
    return rv;
}

int listing_end(struct listing *listing, int rv, const clientid_error *error)
{
    struct ctl *ctl = listing->ctl;
    if (ctl->json && rv == 0) {
        if (listing->count == 0)
            fprintf(ctl->out, "{\"%s\":[", listing->name);
        fprintf(ctl->out, "%s],\"total\":%" PRIu64 "}\n", listing->count == 0 ? "" : "\n",
                listing->count);
    }
    if (!ctl->json && !table_end(listing->table) && rv == 0)
        rv = CLIENTID_ERR_IO;
    return outcome(ctl, rv, error);
}

int json_line(struct ctl *ctl, int rv, char *text)
{
    if (rv != 0)
        return rv;
    fprintf(ctl->out, "%s\n", text);
    clientid_json_free(text);
    return 0;
}

int done(struct ctl *ctl, const char *verb, uint64_t id, const char *format, ...)
{
    char text[1024];
    va_list list;
    if (ctl->json) {
        fprintf(ctl->out, "{\"id\":%" PRIu64 ",\"done\":\"%s\"}\n", id, verb);
        return CTL_OK;
    }
    va_start(list, format);
    vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    char *shown = utf8_printable(text, strlen(text));
    fprintf(ctl->out, "%s\n", shown != NULL ? shown : verb);
    free(shown);
    return CTL_OK;
}
