/* SPDX-License-Identifier: Apache-2.0 */
/* clientidctl: registers API instances, SLA tiers, applications and contracts; explains decisions. */
#include "commands.h"
#include "session.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

const struct command *const command_tables[] = {
    store_commands,
    api_commands,
    api_owner_commands,
    tier_commands,
    app_commands,
    contract_commands,
    owner_commands,
    user_commands,
    connected_app_commands,
    secrets_commands,
    transfer_commands,
    changes_commands,
    explain_commands,
    limits_commands,
    definition_commands,
    help_commands,
    NULL,
};

/* A full disk behind a redirection is noticed here at the latest. */
static int close_output(struct ctl *ctl, int exit_code)
{
    if (fflush(ctl->out) == 0 && !ferror(ctl->out))
        return exit_code;
    if (exit_code == CTL_OK)
        exit_code =
            report(ctl, CTL_FAILED, "standard output", "cannot be written: %s", strerror(errno));
    return exit_code;
}

static int run(struct ctl *ctl, int argc, char **argv)
{
    int rv = options_parse(ctl, argc, argv, &ctl->options);
    if (rv != 0)
        return rv;
    ctl->json = option_given(&ctl->options, "json");
    if (option_given(&ctl->options, "help")) {
        help_write(ctl->out, ctl->options.command, ctl->options.noun);
        return CTL_OK;
    }
    if (option_given(&ctl->options, "version") && ctl->options.command == NULL)
        return version_write(ctl);
    return ctl->options.command->run(ctl);
}

int main(int argc, char **argv)
{
    struct ctl ctl = {.out = stdout, .err = stderr};
    /* "clientidctl app list | head": the write fails and is reported by nobody, as with other tools. */
    signal(SIGPIPE, SIG_DFL);
    int exit_code = run(&ctl, argc, argv);
    session_close(&ctl);
    exit_code = close_output(&ctl, exit_code);
    options_free(&ctl.options);
    return exit_code;
}
