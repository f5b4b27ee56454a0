/* SPDX-License-Identifier: Apache-2.0 */
/* Over any interval t, at most burst + t / step requests conform. */
#include "limit/algorithm.h"

/*
 * word: theoretical arrival time in ns, as in the generic cell rate algorithm: what lies ahead of now is debt.
 * extra: how many requests were given back (16 bits), and above it the exponent of a power of two that is not
 * below the step, so that an evictor can tell how long receipts from before them may still come in.
 *
 * A receipt knows the end of its slot.  What was given back since may have moved the slot towards now, so that
 * much is taken off the end before looking how much of the slot lies ahead; otherwise two refunds could give the
 * same time back twice, the second from a request that came later.  The count starts anew when every slot
 * handed out before has passed.
 */
#define GIVEN_BITS 16
#define GIVEN_MAX  ((1U << GIVEN_BITS) - 2) /* all ones would look like a virgin cell */

static uint32_t given_of(struct clientid__state state)
{
    return state.extra & ((1U << GIVEN_BITS) - 1);
}

static bool every_slot_passed(struct clientid__state state, uint64_t step_ns, uint64_t now_ns)
{
    uint64_t moved_ns = clientid__mul_sat(given_of(state), step_ns);

    return clientid__add_sat(state.word, moved_ns) <= now_ns;
}

void clientid__gcra_take(const struct clientid__rule *rule, struct clientid__state state,
                         uint64_t now_ns, uint64_t cost, struct clientid__outcome *out)
{
    bool ahead = state.word > now_ns + rule->burst_ns + CLIENTID__SKEW_NS;
    uint64_t arrival_ns = ahead ? now_ns + rule->burst_ns : state.word;
    uint64_t start_ns = arrival_ns > now_ns ? arrival_ns : now_ns;
    uint64_t debt_ns = start_ns - now_ns;
    bool never = cost > rule->burst;
    uint64_t price_ns = never ? 0 : cost * rule->step_ns;
    bool refused = never || (cost != 0 && debt_ns + price_ns > rule->burst_ns);
    uint64_t owed_ns = refused ? debt_ns : debt_ns + price_ns;
    uint64_t room_ns = owed_ns < rule->burst_ns ? rule->burst_ns - owed_ns : 0;

    *out = (struct clientid__outcome){
        .next = {.word = now_ns + owed_ns,
                 .extra = every_slot_passed(state, rule->step_ns, now_ns) ? 0 : state.extra},
        .refused = refused,
        .repair = ahead,
        .remaining = room_ns / rule->step_ns,
        .reset_ns = owed_ns,
        .retry_ns = never     ? UINT64_MAX
                    : refused ? debt_ns + price_ns - rule->burst_ns
                              : 0,
    };
}

struct clientid__credit clientid__gcra_mark(struct clientid__state state)
{
    return (struct clientid__credit){.mark = state.word, .given = given_of(state)};
}

static uint32_t exponent_above(uint64_t step_ns)
{
    return step_ns > 1 ? 64 - (uint32_t)__builtin_clzll(step_ns - 1) : 0;
}

bool clientid__gcra_give(struct clientid__state *state, const struct clientid__credit *credit,
                         uint64_t now_ns)
{
    uint32_t given = given_of(*state);
    uint64_t moved_ns, end_ns, back_ns, requests;

    if (credit->step_ns == 0 || given < credit->given)
        return false;
    moved_ns = clientid__mul_sat(given - credit->given, credit->step_ns);
    end_ns = credit->mark > moved_ns ? credit->mark - moved_ns : 0;
    /* An end behind the cell's own time: the cell was cut, or is another one by now. */
    if (end_ns <= now_ns || end_ns > state->word)
        return false;
    back_ns = clientid__mul_sat(credit->cost, credit->step_ns);
    if (back_ns > end_ns - now_ns)
        back_ns = end_ns - now_ns;
    requests = (back_ns - 1) / credit->step_ns + 1;
    if (back_ns == 0 || given + requests > GIVEN_MAX)
        return false;
    state->word -= back_ns;
    state->extra = exponent_above(credit->step_ns) << GIVEN_BITS | (given + (uint32_t)requests);
    return true;
}

uint64_t clientid__gcra_expiry_ns(struct clientid__state state)
{
    uint32_t exponent = state.extra >> GIVEN_BITS;

    return clientid__add_sat(state.word,
                             clientid__mul_sat(given_of(state), UINT64_C(1) << exponent));
}
