/* SPDX-License-Identifier: Apache-2.0 */
#ifndef CLIENTID__ALGORITHM_H
#define CLIENTID__ALGORITHM_H

#include "limit/limit.h"

/*
 * The arithmetic of limits: pure functions of state, rule, time and cost.  A state is what 86 bits of a cell
 * hold; all zero is an absent one.  Time is below CLIENTID__NOW_MAX_NS and periods below CLIENTID__PERIOD_MAX_MS, so
 * that no sum of times overflows.
 */
#define CLIENTID__EXTRA_BITS 22
#define CLIENTID__EXTRA_MAX                                                                        \
    ((1U << CLIENTID__EXTRA_BITS) - 1) /* as a state: never; marks virgin cells */
#define CLIENTID__NS_PER_MS UINT64_C(1000000)

#define CLIENTID__PERIOD_MAX_MS (UINT64_C(1) << 38) /* 8.7 years */
#define CLIENTID__NOW_MAX_NS                                                                       \
    (((UINT64_C(1) << 42) - (UINT64_C(1) << 40)) * CLIENTID__NS_PER_MS) /* 2074 */
#define CLIENTID__COST_MAX UINT64_C(1000000)

/* Largest counts that a cell can hold. */
#define CLIENTID__WINDOW_MAX  ((UINT64_C(1) << 44) - (UINT64_C(1) << 22) - 1)
#define CLIENTID__SLIDING_MAX ((UINT64_C(1) << 22) - 2)

/*
 * How far cached clocks of threads and processes may differ.  A stored time up to so much ahead of what it could be is
 * taken as it is; only beyond that the clock has gone back and the time is cut.  A smaller value would let a thread
 * whose clock lags cut a debt, again and again, that another keeps paying up.
 */
#define CLIENTID__SKEW_NS UINT64_C(1000000000)

struct clientid__state {
    uint64_t word;
    uint32_t extra; /* 22 bits */
};

struct clientid__outcome {
    uint64_t remaining;
    struct clientid__state next; /* admitted: after the charge; else as it stands */
    uint64_t reset_ns;
    uint64_t retry_ns; /* when refused */
    bool refused;
    bool repair; /* the clock has gone back: |next| is to be stored even when refused */
};

/* What a charge put into a cell, as a receipt holds it. */
struct clientid__credit {
    uint64_t
        mark; /* token bucket: end of its slot in ns; windows: the window's time in the cell, in ms */
    uint64_t step_ns;
    uint64_t cost;
    uint32_t given; /* token bucket: requests given back before it */
};

/* |cost| 0 is never refused and tells how things stand. */
typedef void clientid__take_fn(const struct clientid__rule *rule, struct clientid__state state,
                               uint64_t now_ns, uint64_t cost, struct clientid__outcome *out);
/* Takes a charge back out of |*state|; false when nothing of it is left there. */
typedef bool clientid__give_fn(struct clientid__state *state, const struct clientid__credit *credit,
                               uint64_t now_ns);

clientid__take_fn clientid__gcra_take, clientid__window_take, clientid__sliding_take;
clientid__give_fn clientid__gcra_give, clientid__window_give, clientid__sliding_give;

static inline void clientid__take(const struct clientid__rule *rule, struct clientid__state state,
                                  uint64_t now_ns, uint64_t cost, struct clientid__outcome *out)
{
    switch (rule->algorithm) {
    case CLIENTID_FIXED_WINDOW:
        clientid__window_take(rule, state, now_ns, cost, out);
        return;
    case CLIENTID_SLIDING_WINDOW:
        clientid__sliding_take(rule, state, now_ns, cost, out);
        return;
    default:
        clientid__gcra_take(rule, state, now_ns, cost, out);
        return;
    }
}

/* |mark| and |given| of the charge that led to |state|. */
struct clientid__credit clientid__gcra_mark(struct clientid__state state);
struct clientid__credit clientid__window_mark(struct clientid__state state);

/* When |state| equals an absent one, whatever the rule. */
uint64_t clientid__gcra_expiry_ns(struct clientid__state state);
uint64_t clientid__window_expiry_ns(struct clientid__state state);

static inline uint64_t clientid__state_expiry_ns(unsigned algorithm, struct clientid__state state)
{
    if (algorithm == CLIENTID_TOKEN_BUCKET)
        return clientid__gcra_expiry_ns(state);
    return algorithm != 0 ? clientid__window_expiry_ns(state) : 0;
}

static inline uint64_t clientid__sane_now(uint64_t now_ns)
{
    return now_ns < CLIENTID__NOW_MAX_NS ? now_ns : CLIENTID__NOW_MAX_NS;
}

static inline uint64_t clientid__ceil_ms(uint64_t ns)
{
    return ns / CLIENTID__NS_PER_MS + (ns % CLIENTID__NS_PER_MS != 0);
}

/* a x b, or UINT64_MAX. */
static inline uint64_t clientid__mul_sat(uint64_t a, uint64_t b)
{
    uint64_t product;

    return __builtin_mul_overflow(a, b, &product) ? UINT64_MAX : product;
}

static inline uint64_t clientid__add_sat(uint64_t a, uint64_t b)
{
    return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

#endif
