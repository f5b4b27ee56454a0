/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CTL_CONFIGURATION_H
#define CTL_CONFIGURATION_H

#include "ctl.h"

/* A gateway's configuration, as its hosts read it: --config FILE|-. */

#define CONFIGURATION_OPTION {"config", 'c', "FILE", "the gateway's configuration", 0},

/* Opens a gateway on it, with the flags of clientid_options; warnings go to the error stream.  0 or an exit code, reported. */
int configuration_open(struct ctl *ctl, unsigned flags, clientid_gateway **out);
/* The same on a file by name, which also hands out its text; the caller frees it with input_free. */
int configuration_open_file(struct ctl *ctl, const char *name, unsigned flags,
                            clientid_gateway **out, char **text, size_t *len);
/* The API that --api names; it must be configured. */
int configuration_api(struct ctl *ctl, clientid_gateway *gateway, const clientid_api **out);

#endif
