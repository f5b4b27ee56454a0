/* SPDX-License-Identifier: Apache-2.0 */
/* A rule that is made here makes no cell overflow. */
#include "base/error.h"
#include "base/hash.h"
#include "limit/algorithm.h"

#include <inttypes.h>

#define RATE_MAX_PER_MS 1000                   /* 1,000,000 requests per second */
#define SALT_SEED       UINT64_C(0x6c696d6974) /* the same in every process that shares a file */

static int check(clientid_algorithm algorithm, uint64_t maximum, uint64_t period_ms,
                 clientid_error *error)
{
    if (algorithm != CLIENTID_FIXED_WINDOW && algorithm != CLIENTID_SLIDING_WINDOW &&
        algorithm != CLIENTID_TOKEN_BUCKET)
        return clientid__fail(error, CLIENTID_ERR_CONFIG, "unknown limit algorithm %d",
                              (int)algorithm);
    if (maximum == 0)
        return clientid__fail(error, CLIENTID_ERR_CONFIG,
                              "a limit must admit at least 1 request per period");
    if (period_ms == 0 || period_ms > CLIENTID__PERIOD_MAX_MS)
        return clientid__fail(error, CLIENTID_ERR_CONFIG,
                              "a period must be from 1 to %" PRIu64 " ms, not %" PRIu64,
                              CLIENTID__PERIOD_MAX_MS, period_ms);
    if (maximum > period_ms * RATE_MAX_PER_MS)
        return clientid__fail(error, CLIENTID_ERR_CONFIG,
                              "%" PRIu64 " requests in %" PRIu64
                              " ms are more than 1000000 per second",
                              maximum, period_ms);
    if (algorithm == CLIENTID_FIXED_WINDOW && maximum > CLIENTID__WINDOW_MAX)
        return clientid__fail(error, CLIENTID_ERR_CONFIG,
                              "a fixed window counts up to %" PRIu64 " requests, not %" PRIu64,
                              CLIENTID__WINDOW_MAX, maximum);
    if (algorithm == CLIENTID_SLIDING_WINDOW && maximum > CLIENTID__SLIDING_MAX)
        return clientid__fail(error, CLIENTID_ERR_CONFIG,
                              "a sliding window counts up to %" PRIu64 " requests, not %" PRIu64,
                              CLIENTID__SLIDING_MAX, maximum);
    return 0;
}

int clientid__rule_init(struct clientid__rule *rule, clientid_algorithm algorithm, uint64_t maximum,
                        uint64_t period_ms, uint64_t burst, uint64_t policy, clientid_error *error)
{
    uint64_t named[3] = {policy, period_ms, (uint64_t)algorithm};
    uint64_t period_ns, step_ns;
    struct clientid__hash128 salt;

    if (check(algorithm, maximum, period_ms, error) != 0 || maximum == 0 || period_ms == 0)
        return CLIENTID_ERR_CONFIG;
    period_ns = period_ms * CLIENTID__NS_PER_MS;
    /* Rounded up: a bucket drips no faster than promised. */
    step_ns = period_ns / maximum + (period_ns % maximum != 0);
    burst = burst != 0 ? burst : maximum;
    /* A default burst may pass the longest period by its rounding. */
    if (burst != maximum && burst > CLIENTID__PERIOD_MAX_MS * CLIENTID__NS_PER_MS / step_ns)
        return clientid__fail(error, CLIENTID_ERR_CONFIG,
                              "a burst of %" PRIu64 " requests lasts longer than %" PRIu64 " ms",
                              burst, CLIENTID__PERIOD_MAX_MS);
    salt = clientid__hash128(named, sizeof(named), SALT_SEED);
    *rule = (struct clientid__rule){.maximum = maximum,
                                    .period_ns = period_ns,
                                    .step_ns = step_ns,
                                    .burst = burst,
                                    .burst_ns = burst * step_ns,
                                    .salt = {salt.low, salt.high},
                                    .algorithm = algorithm};
    return 0;
}
