/* SPDX-License-Identifier: Apache-2.0 */
#include "commands.h"
const struct command definition_commands[] = {{0}};
