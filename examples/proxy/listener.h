/* SPDX-License-Identifier: Apache-2.0 */
#ifndef PROXY_LISTENER_H
#define PROXY_LISTENER_H

#include "config.h"

/* A listening socket, or -1 with a message on stderr that names the address and what is wrong with it. */
int listener_open(const struct endpoint *endpoint);

/* The port that was bound, when the configuration says 0. */
unsigned listener_port(int fd);

#endif
