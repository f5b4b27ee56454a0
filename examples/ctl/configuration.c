/* SPDX-License-Identifier: Apache-2.0 */
/* The library alone says whether a configuration is right; nothing here has an opinion of its own. */
#include "configuration.h"

#include "commands.h"
#include "fields.h"
#include "input.h"

enum { CONFIGURATION_BYTES_MAX = 16 << 20 };

static void warn(void *self, const clientid_error *warning)
{
    report_warning(self, warning);
}

int configuration_open_file(struct ctl *ctl, const char *name, unsigned flags,
                            clientid_gateway **out, char **text, size_t *len)
{
    clientid_error error = {0};
    int rv = input_read(ctl, name, CONFIGURATION_BYTES_MAX, text, len);
    if (rv != 0)
        return rv;
    clientid_options options = {.size = sizeof(options),
                                .config = {*text, *len},
                                .config_name = input_name(name),
                                .warn = warn,
                                .warn_self = ctl,
                                .flags = flags};
    rv = clientid_gateway_new(out, &options, &error);
    if (rv == 0)
        return 0;
    input_free(*text, *len);
    *text = NULL;
    return report_library(ctl, "configuration", rv, &error);
}

int configuration_open(struct ctl *ctl, unsigned flags, clientid_gateway **out)
{
    const char *name = option_value(&ctl->options, "config");
    char *text;
    size_t len;
    if (name == NULL)
        return report(ctl, CTL_USAGE, ctl->options.what, "which configuration? Use --config FILE");
    int rv = configuration_open_file(ctl, name, flags, out, &text, &len);
    if (rv == 0)
        input_free(text, len);
    return rv;
}

int configuration_api(struct ctl *ctl, clientid_gateway *gateway, const clientid_api **out)
{
    const char *name = option_value(&ctl->options, "api");
    if (name == NULL)
        return report(ctl, CTL_USAGE, ctl->options.what, "which API instance? Use --api NAME");
    int rv = clientid_api_get(gateway, slice(name), out);
    if (rv != 0)
        return report_library(ctl, ctl->options.what, rv, NULL);
    if (clientid_api_configured(*out))
        return 0;
    return report(ctl, CTL_NOT_FOUND, ctl->options.what,
                  "the configuration knows no API instance \"%.128s\"", name);
}
