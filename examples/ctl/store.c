/* SPDX-License-Identifier: Apache-2.0 */
/* The store as a whole: made, checked, and what happened in it. */
#include "commands.h"
#include "session.h"

#include <inttypes.h>
#include <jansson.h>

static int show_position(struct ctl *ctl, const char *word, bool created)
{
    clientid_error error = {0};
    clientid_position position = {0};
    int rv = clientid_store_position(ctl->store, &position, &error);
    if (rv != 0)
        return outcome(ctl, rv, &error);
    if (!ctl->json) {
        fprintf(ctl->out, "%s %s, revision %" PRIu64 "\n", word, session_store(ctl),
                position.revision);
        return CTL_OK;
    }
    /* As text: an identity uses all 64 bits, which JSON readers round. */
    fprintf(ctl->out, "{\"identity\":\"%016" PRIx64 "\",\"revision\":%" PRIu64 ",\"created\":%s}\n",
            position.identity, position.revision, created ? "true" : "false");
    return CTL_OK;
}

static int init(struct ctl *ctl)
{
    bool created;
    int rv = session_create(ctl, &created);
    if (rv != 0)
        return rv;
    return show_position(ctl, created ? "created" : "there is already", created);
}

static int verify(struct ctl *ctl)
{
    clientid_error error = {0};
    int rv = session_read(ctl);
    if (rv != 0)
        return rv;
    rv = clientid_store_verify(ctl->store, &error);
    return rv != 0 ? outcome(ctl, rv, &error) : show_position(ctl, "nothing wrong in", false);
}

const struct command store_commands[] = {
    {"init", NULL, "", 0, 0, "Make the store, or bring its schema up to date", NULL, init,
     "Harmless when it exists.  No other command makes a store.\n"},
    {"verify", NULL, "", 0, 0, "Check the whole store for damage", NULL, verify, NULL},
    {0},
};
