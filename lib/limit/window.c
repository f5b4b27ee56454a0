/* SPDX-License-Identifier: Apache-2.0 */
/* From the first request of a window to its end, exactly the count is admitted. */
#include "limit/algorithm.h"

/* word: end in ms (42 bits), low 22 bits of the count; extra: the other 22. */
#define COUNT_BITS 22
#define COUNT_LOW  ((UINT64_C(1) << COUNT_BITS) - 1)

static uint64_t end_ms_of(struct clientid__state state)
{
    return state.word >> COUNT_BITS;
}

static uint64_t count_of(struct clientid__state state)
{
    return (uint64_t)state.extra << COUNT_BITS | (state.word & COUNT_LOW);
}

static struct clientid__state pack(uint64_t end_ms, uint64_t count)
{
    return (struct clientid__state){.word = end_ms << COUNT_BITS | (count & COUNT_LOW),
                                    .extra = (uint32_t)(count >> COUNT_BITS)};
}

void clientid__window_take(const struct clientid__rule *rule, struct clientid__state state,
                           uint64_t now_ns, uint64_t cost, struct clientid__outcome *out)
{
    bool live = clientid__window_expiry_ns(state) > now_ns;
    /* Rounded up: a window is never shorter than its period. */
    uint64_t fresh_ms = clientid__ceil_ms(now_ns + rule->period_ns);
    bool ahead = end_ms_of(state) > fresh_ms + CLIENTID__SKEW_NS / CLIENTID__NS_PER_MS;
    uint64_t end_ms = live && !ahead ? end_ms_of(state) : fresh_ms;
    uint64_t left_ns = end_ms * CLIENTID__NS_PER_MS - now_ns;
    uint64_t count = live ? count_of(state) : 0;
    uint64_t room = rule->maximum > count ? rule->maximum - count : 0;
    bool refused = cost > room;
    uint64_t spent = refused ? 0 : cost;

    *out = (struct clientid__outcome){
        .next = pack(end_ms, count + spent),
        .refused = refused,
        .repair = ahead,
        .remaining = room - spent,
        .reset_ns = live || spent != 0 ? left_ns : 0,
        .retry_ns = cost > rule->maximum ? UINT64_MAX
                    : refused            ? left_ns
                                         : 0,
    };
}

struct clientid__credit clientid__window_mark(struct clientid__state state)
{
    return (struct clientid__credit){.mark = end_ms_of(state)};
}

bool clientid__window_give(struct clientid__state *state, const struct clientid__credit *credit,
                           uint64_t now_ns)
{
    uint64_t count = count_of(*state);

    if (end_ms_of(*state) != credit->mark || clientid__window_expiry_ns(*state) <= now_ns)
        return false;
    *state = pack(credit->mark, count > credit->cost ? count - credit->cost : 0);
    return true;
}

uint64_t clientid__window_expiry_ns(struct clientid__state state)
{
    return end_ms_of(state) * CLIENTID__NS_PER_MS;
}
