/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every recorded case through every host there is.  Names of hosts as arguments: only those.
 */
#include "support_case_hosts.h"

#include <stdbool.h>
#include <string.h>

static bool is_wanted(const char *name, int argc, char *const *argv)
{
    for (int i = 1; i < argc; i++)
        if (strcmp(argv[i], name) == 0)
            return true;
    return argc == 1;
}

int main(int argc, char **argv)
{
    static const struct case_host *const all[] = {
        &case_proxy, &case_service,   &case_nginx, &case_auth_request,
        &case_envoy, &case_ext_authz, &case_caddy};
    const struct case_host *hosts[sizeof(all) / sizeof(all[0])];
    struct replay replay;
    size_t count = 0;
    int failed;

    for (size_t i = 0; i < sizeof(all) / sizeof(all[0]); i++)
        if (is_wanted(all[i]->name, argc, argv))
            hosts[count++] = all[i];
    replay_open(&replay);
    failed = replay_run(&replay, hosts, count);
    replay_close(&replay);
    return failed != 0;
}
