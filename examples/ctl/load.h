/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CTL_LOAD_H
#define CTL_LOAD_H

#include "ctl.h"

int load_command(struct ctl *ctl);

#endif
