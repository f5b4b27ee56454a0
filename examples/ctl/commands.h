/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CTL_COMMANDS_H
#define CTL_COMMANDS_H

#include "ctl.h"

/* One table of commands per noun, each in the file of that name. */
extern const struct command store_commands[];
extern const struct command api_commands[];
extern const struct command api_owner_commands[];
extern const struct command tier_commands[];
extern const struct command app_commands[];
extern const struct command contract_commands[];
extern const struct command owner_commands[];
extern const struct command user_commands[];
extern const struct command connected_app_commands[];
extern const struct command secrets_commands[];
extern const struct command transfer_commands[];
extern const struct command changes_commands[];
extern const struct command explain_commands[];
extern const struct command limits_commands[];
extern const struct command definition_commands[];
extern const struct command help_commands[];

#endif
