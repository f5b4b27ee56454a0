/* SPDX-License-Identifier: Apache-2.0 */
/* The whole registry in and out.  An export holds hashes of secrets, so a file is made for its owner alone. */
#include "commands.h"
#include "input.h"
#include "load.h"
#include "session.h"

#include <errno.h>
#include <inttypes.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* ---- import ------------------------------------------------------------------------------------ */

static int import(struct ctl *ctl)
{
    const char *name = argument_nth(&ctl->options, 0);
    clientid_error error = {0};
    clientid_import_counts counts = {.size = sizeof(counts)};
    char *text;
    size_t len;
    int rv = input_read(ctl, name, SIZE_MAX / 4, &text, &len);
    if (rv != 0)
        return rv;
    rv = session_write(ctl);
    if (rv != 0)
        goto end;
    rv = clientid_control_import(ctl->control, (clientid_str){text, len}, &counts, &error);
    if (rv != 0) {
        rv = report_text(ctl, "import", input_name(name), rv, &error);
        goto end;
    }
    fprintf(ctl->out,
            ctl->json ? "{\"apis\":%" PRIu64 ",\"tiers\":%" PRIu64 ",\"applications\":%" PRIu64
                        ",\"contracts\":%" PRIu64 "}\n"
                      : "imported %" PRIu64 " APIs, %" PRIu64 " tiers, %" PRIu64
                        " applications, %" PRIu64 " contracts\n",
            counts.apis, counts.tiers, counts.applications, counts.contracts);
end:
    input_free(text, len);
    return rv;
}

/* ---- export ------------------------------------------------------------------------------------ */

static int write_some(void *self, const char *bytes, size_t len)
{
    return fwrite(bytes, 1, len, self) == len ? 0 : CLIENTID_ERR_IO;
}

static int export_to(struct ctl *ctl, FILE *out, const char *name)
{
    clientid_error error = {0};
    errno = 0;
    int rv = clientid_control_export(ctl->control, write_some, out, &error);
    if (rv == 0 && fflush(out) != 0)
        rv = CLIENTID_ERR_IO;
    if (ferror(out) || (rv == CLIENTID_ERR_IO && error.text[0] == '\0'))
        return report(ctl, CTL_FAILED, name, "cannot be written: %s", strerror(errno));
    return outcome(ctl, rv, &error);
}

/* Under another name until it is whole: a failed export leaves the old file as it was. */
static int export_file(struct ctl *ctl, const char *name)
{
    size_t size = strlen(name) + 16;
    char *draft = malloc(size);
    FILE *out = NULL;
    int rv = CTL_FAILED;
    if (draft == NULL)
        return report(ctl, CTL_FAILED, name, "out of memory");
    snprintf(draft, size, "%s.XXXXXX", name);
    int fd = mkstemp(draft);
    if (fd >= 0)
        out = fdopen(fd, "w");
    if (out == NULL) {
        rv = report(ctl, CTL_FAILED, name, "cannot be written: %s", strerror(errno));
        goto end;
    }
    rv = export_to(ctl, out, name);
    if (rv == CTL_OK && (fsync(fd) != 0 || rename(draft, name) != 0))
        rv = report(ctl, CTL_FAILED, name, "cannot be written: %s", strerror(errno));
    fclose(out);
end:
    if (rv != CTL_OK && fd >= 0)
        unlink(draft);
    free(draft);
    return rv;
}

static int export(struct ctl *ctl)
{
    const char *name = argument_nth(&ctl->options, 0);
    int rv = session_read(ctl);
    if (rv != 0)
        return rv;
    if (name == NULL || strcmp(name, "-") == 0)
        return export_to(ctl, ctl->out, "standard output");
    return export_file(ctl, name);
}

static const struct option_spec load_options[] = {
    {"skip-existing", 0, NULL, "go over client ids that exist, to go on with a stopped load", 0},
    {"batch", 0, "LINES", "lines per transaction, 20000 by default", 0},
    {"quiet", 0, NULL, "no progress", 0},
    {NULL, 0, NULL, NULL, 0},
};

static const char load_help[] =
    "One JSON object a line:\n\n"
    "  "
    "{\"clientId\":\"...\",\"name\":\"...\",\"clientSecret\":\"...\",\"api\":\"orders\",\"tier\":"
    "\"gold\"}\n\n"
    "clientId and name must be there.  Instead of clientSecret: clientSecretHash and "
    "clientSecretSalt in\n"
    "hexadecimal, SHA-256 of salt and secret.  \"api\" makes a contract too, APPROVED unless "
    "\"status\" says\n"
    "PENDING.  A wrong line undoes its batch and stops; earlier batches stay.\n";

const struct command transfer_commands[] = {
    {"import", NULL, "FILE|-", 1, 1, "Read a whole registry into an empty store", NULL, import,
     "All or nothing.  The format is that of \"export\".\n"},
    {"export", NULL, "[FILE|-]", 0, 1, "Write the whole registry as JSON", NULL, export,
     "With hashes and salts of the secrets: keep it like the store itself.\n"},
    {"load", NULL, "[FILE|-]", 0, 1, "Add applications from JSON lines, a million and more",
     load_options, load_command, load_help},
    {0},
};
