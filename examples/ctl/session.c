/* SPDX-License-Identifier: Apache-2.0 */
/* A store is made by "init" and by nothing else: a wrong --store must not leave an empty one behind. */
#include "session.h"

#include "input.h"

#include <pwd.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

const char *session_store(const struct ctl *ctl)
{
    const char *name = option_value(&ctl->options, "store");
    if (name == NULL)
        name = getenv("CLIENTID_STORE");
    return name != NULL && name[0] != '\0' ? name : NULL;
}

static const char *actor(const struct ctl *ctl)
{
    const char *name = option_value(&ctl->options, "actor");
    if (name == NULL)
        name = getenv("CLIENTID_ACTOR");
    if (name != NULL)
        return name;
    const struct passwd *user = getpwuid(getuid());
    return user != NULL ? user->pw_name : "";
}

static int open_control(struct ctl *ctl)
{
    clientid_error error = {0};
    const char *name = actor(ctl);
    char *pepper;
    size_t pepper_len;
    int rv = input_pepper(ctl, &pepper, &pepper_len);
    if (rv != 0)
        return rv;
    clientid_control_options options = {
        .size = sizeof(options),
        .actor = {name, strlen(name)},
        .pepper = (const unsigned char *)pepper,
        .pepper_len = pepper_len,
    };
    rv = clientid_control_new(&ctl->control, ctl->store, &options, &error);
    input_free(pepper, pepper_len);
    return outcome(ctl, rv, &error);
}

/* A missing store is the likeliest mistake of a beginner: say what to do. */
static int report_open(struct ctl *ctl, const char *name, int rv, const clientid_error *error)
{
    if (rv != CLIENTID_ERR_NOT_FOUND)
        return report_library(ctl, name, rv, error);
    return report(ctl, CTL_FAILED, name,
                  "there is no store; \"clientidctl --store %s init\" makes one", name);
}

static int open_store(struct ctl *ctl, unsigned flags)
{
    clientid_error error = {0};
    const char *name = session_store(ctl);
    if (name == NULL)
        return report(ctl, CTL_USAGE, ctl->options.what,
                      "which store? Use --store sqlite:FILE or set CLIENTID_STORE");
    int rv = clientid_store_open(&ctl->store, name, flags, &error);
    return rv == 0 ? open_control(ctl) : report_open(ctl, name, rv, &error);
}

int session_read(struct ctl *ctl)
{
    return open_store(ctl, CLIENTID_STORE_READONLY);
}

int session_write(struct ctl *ctl)
{
    return open_store(ctl, 0);
}

int session_create(struct ctl *ctl, bool *created)
{
    clientid_error error = {0};
    const char *name = session_store(ctl);
    *created = false;
    if (name == NULL)
        return open_store(ctl, 0);
    int rv = clientid_store_open(&ctl->store, name, 0, &error);
    if (rv == 0)
        return open_control(ctl);
    if (rv != CLIENTID_ERR_NOT_FOUND)
        return report_open(ctl, name, rv, &error);
    *created = true;
    return open_store(ctl, CLIENTID_STORE_CREATE);
}

void session_close(struct ctl *ctl)
{
    clientid_control_del(ctl->control);
    clientid_store_close(ctl->store);
    ctl->control = NULL;
    ctl->store = NULL;
}
