/* SPDX-License-Identifier: Apache-2.0 */
/* Previous count x overlap + current count, rounded up, never exceeds the maximum by a charge. */
#include "limit/algorithm.h"

/*
 * Windows lie at multiples of the period.  word: when the current window will have left the last period, in ms
 * (42 bits), and the current count (22); extra: the previous count.
 */
#define COUNT_BITS 22
#define COUNT_MAX  ((UINT64_C(1) << COUNT_BITS) - 1)

struct windows {
    uint64_t start_ms; /* of the current one */
    uint64_t previous, current;
};

static struct clientid__state pack(const struct windows *w, uint64_t period_ms)
{
    return (struct clientid__state){.word =
                                        (w->start_ms + 2 * period_ms) << COUNT_BITS | w->current,
                                    .extra = (uint32_t)w->previous};
}

/* The windows of |state| as they are at |now_ms|. */
static struct windows windows_at(struct clientid__state state, uint64_t now_ms,
                                 const struct clientid__rule *rule, bool *ahead)
{
    uint64_t period_ms = rule->period_ns / CLIENTID__NS_PER_MS;
    uint64_t gone_ms = state.word >> COUNT_BITS;
    struct windows now = {.start_ms = now_ms - now_ms % period_ms};
    struct windows was = {
        .start_ms = gone_ms >= 2 * period_ms ? gone_ms - 2 * period_ms : 0,
        .previous = state.extra,
        .current = state.word & COUNT_MAX,
    };
    uint64_t sum = was.previous + was.current;

    *ahead = was.start_ms > now_ms + CLIENTID__SKEW_NS / CLIENTID__NS_PER_MS;
    if (*ahead) /* nobody can tell how much of it was spent in the last period: all */
        now.current = sum < rule->maximum ? sum : rule->maximum;
    else if (was.start_ms >= now.start_ms) /* or ahead by the skew of a clock */
        now = was;
    else if (was.start_ms + period_ms >= now.start_ms && gone_ms > now_ms)
        now.previous = was.current;
    return now;
}

/* How much of the maximum is spent |into_ms| into the current window. */
static uint64_t estimate(const struct windows *w, uint64_t into_ms, uint64_t period_ms)
{
    uint64_t part = w->previous * (period_ms - into_ms);

    return part / period_ms + (part % period_ms != 0) + w->current;
}

/*
 * The largest overlap in ms, at most a period, in which |previous| weighs no more than |room|; 0 when there is none
 * within the window.
 */
static uint64_t overlap_for(uint64_t previous, uint64_t room, uint64_t period_ms)
{
    return previous <= room ? period_ms : room * period_ms / previous;
}

/* When |cost| fits, if nobody else charges. */
static uint64_t retry_ms(const struct windows *w, const struct clientid__rule *rule, uint64_t cost,
                         uint64_t period_ms)
{
    uint64_t overlap_ms;

    if (w->current + cost <= rule->maximum) {
        overlap_ms = overlap_for(w->previous, rule->maximum - w->current - cost, period_ms);
        if (overlap_ms > 0)
            return w->start_ms + period_ms - overlap_ms;
    }
    overlap_ms = overlap_for(w->current, rule->maximum - cost, period_ms);
    return w->start_ms + 2 * period_ms - overlap_ms;
}

/* When nothing is spent any more. */
static uint64_t reset_ms(const struct windows *w, uint64_t now_ms, uint64_t period_ms)
{
    if (w->current != 0)
        return w->start_ms + 2 * period_ms;
    return w->previous != 0 ? w->start_ms + period_ms : now_ms;
}

static uint64_t until_ns(uint64_t then_ms, uint64_t now_ns)
{
    uint64_t then_ns = then_ms * CLIENTID__NS_PER_MS;

    return then_ns > now_ns ? then_ns - now_ns : 0;
}

void clientid__sliding_take(const struct clientid__rule *rule, struct clientid__state state,
                            uint64_t now_ns, uint64_t cost, struct clientid__outcome *out)
{
    uint64_t now_ms = now_ns / CLIENTID__NS_PER_MS;
    uint64_t period_ms = rule->period_ns / CLIENTID__NS_PER_MS;
    bool ahead;
    struct windows w = windows_at(state, now_ms, rule, &ahead);
    uint64_t into_ms = now_ms > w.start_ms ? now_ms - w.start_ms : 0;
    uint64_t spent = estimate(&w, into_ms, period_ms);
    uint64_t room = rule->maximum > spent ? rule->maximum - spent : 0;
    bool refused = cost > room;
    uint64_t retry_ns = 0;

    if (refused)
        retry_ns = cost > rule->maximum ? UINT64_MAX
                                        : until_ns(retry_ms(&w, rule, cost, period_ms), now_ns);
    else
        w.current += cost;
    *out = (struct clientid__outcome){
        .next = pack(&w, period_ms),
        .refused = refused,
        .repair = ahead,
        .remaining = refused ? room : room - cost,
        .reset_ns = until_ns(reset_ms(&w, now_ms, period_ms), now_ns),
        .retry_ns = retry_ns,
    };
}

/* |step_ns| of the credit is the period: a charge of the window before is in the previous count. */
bool clientid__sliding_give(struct clientid__state *state, const struct clientid__credit *credit,
                            uint64_t now_ns)
{
    uint64_t gone_ms = state->word >> COUNT_BITS;
    uint64_t current = state->word & COUNT_MAX;

    if (clientid__window_expiry_ns(*state) <= now_ns)
        return false;
    if (gone_ms == credit->mark) {
        current = current > credit->cost ? current - credit->cost : 0;
        state->word = gone_ms << COUNT_BITS | current;
        return true;
    }
    if (gone_ms != clientid__add_sat(credit->mark, credit->step_ns / CLIENTID__NS_PER_MS))
        return false;
    state->extra -= (uint32_t)(state->extra > credit->cost ? credit->cost : state->extra);
    return true;
}
