/* SPDX-License-Identifier: Apache-2.0 */
/* RAML 1.0, https://github.com/raml-org/raml-spec; every text from outside is quoted. */
#include "definition.h"

#include <string.h>

/* YAML 1.2 section 7.3.2: in single quotes only the quote itself is doubled; names have no controls. */
static void quoted(FILE *out, const char *text)
{
    fputc('\'', out);
    for (const char *p = text; *p != '\0'; p++)
        fprintf(out, *p == '\'' ? "''" : "%c", *p);
    fputc('\'', out);
}

static bool carries(const struct definition *d, enum carrier carrier)
{
    for (size_t i = 0; i < d->place_count; i++)
        if (d->places[i].carrier == carrier)
            return true;
    return false;
}

/* |either|: the place may be left out in favour of another one. */
static void write_places(FILE *out, const struct definition *d, enum carrier carrier,
                         const char *indent)
{
    for (size_t i = 0; i < d->place_count; i++) {
        const struct place *place = &d->places[i];
        bool either = place->carrier == IN_ANY && (carrier == IN_QUERY || carrier == IN_HEADER);
        if (place->carrier != carrier && !either)
            continue;
        fputs(indent, out);
        quoted(out, place->name);
        fprintf(out, ":\n%s  type: string\n%s  description: %s%s\n", indent, indent,
                place_text(place), either ? ", as a query parameter or a header" : "");
        if (either)
            fprintf(out, "%s  required: false\n", indent);
    }
}

static void write_section(FILE *out, const struct definition *d, enum carrier carrier,
                          const char *title)
{
    bool either = carries(d, IN_ANY) && (carrier == IN_QUERY || carrier == IN_HEADER);
    if (!carries(d, carrier) && !either)
        return;
    fprintf(out, "    %s:\n", title);
    write_places(out, d, carrier, "      ");
}

static void write_body(FILE *out, const struct definition *d)
{
    static const struct {
        enum carrier carrier;
        const char *media_type;
    } bodies[] = {{IN_FORM, "application/x-www-form-urlencoded"}, {IN_PART, "multipart/form-data"}};
    if (!carries(d, IN_FORM) && !carries(d, IN_PART))
        return;
    fprintf(out, "    body:\n");
    for (size_t i = 0; i < 2; i++) {
        if (!carries(d, bodies[i].carrier))
            continue;
        fprintf(out, "      %s:\n        properties:\n", bodies[i].media_type);
        write_places(out, d, bodies[i].carrier, "          ");
    }
}

static void write_headers(FILE *out, const struct definition *d, const struct refusal *r,
                          const char *indent)
{
    if (!r->challenge && !r->quota)
        return;
    fprintf(out, "%s  headers:\n", indent);
    if (r->challenge)
        fprintf(out, "%s    WWW-Authenticate:\n%s      type: string\n", indent, indent);
    if (!r->quota)
        return;
    fprintf(out, "%s    Retry-After:\n%s      type: integer\n", indent, indent);
    for (const char *const *name = d->headers; name != NULL && *name != NULL; name++)
        fprintf(out, "%s    %s:\n%s      type: string\n", indent, *name, indent);
}

static void write_responses(FILE *out, const struct definition *d, const char *indent)
{
    fprintf(out, "%.*sresponses:\n", (int)strlen(indent) - 2, indent);
    for (size_t i = 0; i < d->refusal_count; i++) {
        const struct refusal *r = &d->refusals[i];
        fprintf(out, "%s%u:\n%s  description: ", indent, r->status, indent);
        quoted(out, r->description);
        fputc('\n', out);
        write_headers(out, d, r, indent);
        if (r->example != NULL)
            fprintf(out, "%s  body:\n%s    %s:\n%s      example: '{\"error\":\"%s\"}'\n", indent,
                    indent, d->media_type, indent, r->example);
    }
}

static void write_basic(FILE *out, const struct definition *d)
{
    fprintf(out, "securitySchemes:\n  client-id-basic:\n    type: Basic Authentication\n"
                 "    description: ");
    quoted(out, "Client id and client secret as HTTP Basic credentials");
    fprintf(out,
            "\n    describedBy:\n      headers:\n        Authorization:\n          type: string\n");
    write_responses(out, d, "        ");
}

void raml_write(FILE *out, const struct definition *d)
{
    fprintf(out, "#%%RAML 1.0 Library\nusage: ");
    quoted(out, "What the policies in force ask of the clients of this API");
    fputc('\n', out);
    if (d->partial)
        fprintf(out,
                "# Some policies apply to some methods and paths only: see their pointcuts.\n");
    if (d->basic)
        write_basic(out, d);
    if (d->place_count == 0 && d->basic)
        return;
    /* Rate limiting alone asks for nothing, yet clients must know its answers. */
    fprintf(out, "traits:\n  %s:\n", d->contract ? "client-id-required" : "rate-limited");
    write_section(out, d, IN_QUERY, "queryParameters");
    write_section(out, d, IN_HEADER, "headers");
    write_body(out, d);
    write_responses(out, d, "      ");
}
