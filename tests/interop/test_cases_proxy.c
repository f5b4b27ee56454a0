/* SPDX-License-Identifier: Apache-2.0 */
/*
 * Every recorded case through the real clientid-proxy, as a proxy and as an authorization service, with the contracts
 * in a real store.
 */
#include "support_case_proxy.h"

int main(void)
{
    static const struct case_host *const hosts[] = {&case_proxy, &case_service};
    struct replay replay;
    int failed;

    replay_open(&replay);
    failed = replay_run(&replay, hosts, sizeof(hosts) / sizeof(hosts[0]));
    replay_close(&replay);
    return failed != 0;
}
