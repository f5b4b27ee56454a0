/* SPDX-License-Identifier: Apache-2.0 */
/* No labels: Envoy looks the name of a labelled counter up anew for every request. */
#include "stats.h"

#include <stdio.h>
#include <string.h>

static bool define(void *config_envoy, const char *name, size_t *id)
{
    char full[96];
    (void)snprintf(full, sizeof full, "clientid.%s", name);
    for (char *at = full; *at != '\0'; at++) {
        if (*at == '-')
            *at = '_';
    }
    return CALL(http_filter_config_define_counter)(
               config_envoy, (struct abi_bytes){full, strlen(full)}, NULL, 0, id) == 0;
}

bool stats_define(struct stats *stats, void *config_envoy)
{
    static const char *const names[STAT_COUNT] = {"shadowed", "abandoned", "undecided", "refunded"};
    for (size_t i = 0; i < CLIENTID_REASON_COUNT; i++) {
        if (!define(config_envoy, clientid_reason_label((clientid_reason)i), &stats->reasons[i]))
            return false;
    }
    for (size_t i = 0; i < STAT_COUNT; i++) {
        if (!define(config_envoy, names[i], &stats->others[i]))
            return false;
    }
    return CALL(http_filter_config_define_histogram)(
               config_envoy, ABI_BYTES("clientid.decision_ns"), NULL, 0, &stats->decision_ns) == 0;
}

void stats_reason(const struct stats *stats, void *envoy, clientid_reason reason)
{
    (void)CALL(http_filter_increment_counter)(envoy, stats->reasons[reason], NULL, 0, 1);
}

void stats_count(const struct stats *stats, void *envoy, enum stat which)
{
    (void)CALL(http_filter_increment_counter)(envoy, stats->others[which], NULL, 0, 1);
}

void stats_decision(const struct stats *stats, void *envoy, uint64_t elapsed_ns)
{
    (void)CALL(http_filter_record_histogram_value)(envoy, stats->decision_ns, NULL, 0, elapsed_ns);
}
