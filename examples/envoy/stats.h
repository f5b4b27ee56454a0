/* SPDX-License-Identifier: Apache-2.0 */
#ifndef ENVOY_STATS_H
#define ENVOY_STATS_H

#include "abi.h"

#include <clientid/clientid.h>

enum stat {
    STAT_SHADOWED,  /* would have been refused or delayed, in shadow mode */
    STAT_ABANDONED, /* the client left while it waited */
    STAT_UNDECIDED, /* nobody could decide: 503 */
    STAT_REFUNDED,  /* the upstream never saw it */
    STAT_COUNT
};

/* Numbers that Envoy gave to the statistics of one filter configuration. */
struct stats {
    size_t reasons[CLIENTID_REASON_COUNT];
    size_t others[STAT_COUNT];
    size_t decision_ns;
};

/* While the configuration is made, and never after. */
bool stats_define(struct stats *stats, void *config_envoy);
void stats_reason(const struct stats *stats, void *envoy, clientid_reason reason);
void stats_count(const struct stats *stats, void *envoy, enum stat which);
void stats_decision(const struct stats *stats, void *envoy, uint64_t elapsed_ns);

#endif
