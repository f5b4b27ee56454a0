/* SPDX-License-Identifier: Apache-2.0 */
/*
 * The claim protocol of lib/limit/bucket.c, every interleaving: no key ever has two cells, a charge is neither lost nor counted
 * twice, only virgin and expired cells are evicted, and whoever dies at any instruction leaves a bucket in which a request that is alone
 * gets its cell in a few rounds.
 *
 * PROCS processes make REQUESTS requests each, for key 1 or 2, in a bucket of two cells that begins in any of several conditions;
 * three of them begin with a claim of somebody dead, or the search takes too long.  A request claims if it must and charges one.  Who
 * dies is never scheduled again: with -DDEATH any process may go on alone from any moment, everybody else being where they are for
 * ever, and must come to an end in ALONE rounds.  A virgin cell may be evicted in any round, however patient the code is about
 * that.  A request gives up after ATTEMPTS rounds, as in the code, where they are more; else numbers would have no end.
 *
 * Time is a window, 0 or 1, that moves on once, at any moment; a cell of window 0 is expired in window 1.  A request takes the
 * time anew with each look: one that outlasts a period with the time it began with, and clocks that differ by more than
 * CLIENTID__SKEW_NS, are left out; so are overflow cells and refunds (tests/race/race_limit.c).
 *
 * Each atomic is one access to shared memory with what follows from it in local variables.  A cell is read as a whole, which
 * clientid__cell_read sees to.  Spin's memory is sequentially consistent.  That suffices: swaps are full barriers when they succeed and
 * loads are acquire loads, so no load passes another or a swap before it; nothing else is ever stored.  A failed swap may be no more
 * than a load (arm64): whoever fails begins anew and decides nothing by what it read before.
 *
 * -DBROKEN_<NAME> takes one rule away; tests/tools/models.sh requires each to be found out.
 */
#ifndef PROCS
#define PROCS 2
#endif
#ifndef REQUESTS
#define REQUESTS 1
#endif
#ifndef ATTEMPTS
#define ATTEMPTS 5
#endif
#define CELLS  2
#define LIMIT  2 /* requests a window */
#define ALONE  6
#define VIRGIN 7 /* in |extra| */
#define NONE   CELLS
#define AT(w)  (200 + (w)) /* a window in |word|; numbers are smaller */

byte key[CELLS];   /* 0: empty */
byte extra[CELLS]; /* requests counted, or VIRGIN */
byte word[CELLS];  /* charged: the window; virgin: the number of the claim; empty: that of its eviction, 0: never used */

byte control_number;
byte control_entry; /* 0: no claim is pending; else the cell + 1 */
byte control_key;

byte window;
byte begin[3]; /* by key: where its search begins */
byte counted[8]; /* by key and window: charges that took effect */
bool alone; /* only |survivor| moves */
byte survivor;
#ifdef DEATH
#define GOES_ON      provided (!alone || survivor == _pid)
#define TIME_GOES_ON provided (!alone)
#else
#define GOES_ON
#define TIME_GOES_ON
#endif

#define READ(c)      k = key[c]; x = extra[c]; w = word[c]
#define AS_READ(c)   (key[c] == k && extra[c] == x && word[c] == w)
#define CONTROL_AS_READ (control_number == number && control_entry == entry && control_key == claimed)
#define FORGET                                                                                     \
    number = 0; entry = 0; claimed = 0; c = 0; k = 0; x = 0; w = 0; i = 0; found = NONE;           \
    vacant = NONE; expired = NONE; k_expired = 0; x_expired = 0; w_expired = 0
#ifdef BROKEN_EVICT_LIVE
#define MAY_EVICT(k, x, w) true
#else
#define MAY_EVICT(k, x, w) ((x) == VIRGIN || (w) < AT(window))
#endif
#ifdef BROKEN_SAME_STAMP
#define STAMP 1
#else
#define STAMP (number + 1)
#endif
#ifdef BROKEN_SAME_VIRGIN
#define CLAIM_MARK 99
#else
#define CLAIM_MARK number
#endif

/* To the next number, or begin anew. */
inline advance(new_entry, new_key)
{
    if
    :: CONTROL_AS_READ ->
        control_number = number + 1;
        control_entry = new_entry;
        control_key = new_key
    :: else -> FORGET; goto next_round
    fi
}

inline read_control()
{
    number = control_number;
    entry = control_entry;
    claimed = control_key
}

inline fill_claimed()
{
    if
    :: AS_READ(c) ->
        key[c] = claimed;
        extra[c] = VIRGIN;
        word[c] = CLAIM_MARK;
        assert(control_number == number && control_entry == entry); /* never for a claim that was closed */
        assert(key[0] != key[1])                                    /* no key has two cells */
    :: else -> FORGET; goto next_round
    fi
}

inline look_at_cell()
{
    c = (begin[mine] + i) % CELLS;
    READ(c);
    i++;
    if
    :: k == mine -> found = c; i = CELLS
    :: k == 0 ->
        vacant = (vacant == NONE -> c : vacant);
        i = (w == 0 -> CELLS : i) /* never used: the key cannot be further on */
    :: k != 0 && k != mine && (expired == NONE || (x_expired == VIRGIN && x != VIRGIN)) && MAY_EVICT(k, x, w) ->
        expired = c;
        k_expired = k;
        x_expired = x;
        w_expired = w
    :: else
    fi
}

proctype process() GOES_ON
{
    byte number, entry, claimed; /* the control as read */
    byte c, k, x, w;             /* a cell as read */
    byte i, mine, rounds, requests, t;
    byte found = NONE, vacant = NONE, expired = NONE, k_expired, x_expired, w_expired;

next_request:
    atomic {
        requests++;
        if
        :: mine = 1
        :: PROCS == 2 || _pid > 2 -> mine = 2
        fi
    }

next_round:
    if
#ifdef DEATH
    :: d_step { !alone -> rounds = 0; survivor = _pid; alone = true }; goto next_round
#endif
    :: atomic { rounds == (alone -> ALONE : ATTEMPTS) -> assert(!alone); goto done }
    :: atomic {
            rounds < (alone -> ALONE : ATTEMPTS) ->
            rounds++;
            read_control();
            if
            :: entry != 0 -> goto complete
            :: else
            fi
        }
    fi;

    do
    :: atomic { i < CELLS -> look_at_cell() }
#ifdef BROKEN_SEARCH_FIRST
    :: atomic { i == CELLS && found == NONE && control_entry == 0 -> i++; read_control() }
    :: atomic { i == CELLS && found == NONE && control_entry != 0 -> FORGET; goto next_round }
    :: atomic { (i > CELLS || found != NONE) && found == NONE && vacant != NONE -> advance(vacant + 1, mine); FORGET; goto next_round }
    :: atomic { i > CELLS && found == NONE && vacant == NONE && expired != NONE -> advance(0, 0); break }
    :: atomic { i > CELLS && found == NONE && vacant == NONE && expired == NONE -> goto done }
#else
    :: atomic { i == CELLS && found == NONE && vacant != NONE -> advance(vacant + 1, mine); FORGET; goto next_round }
#ifdef BROKEN_EVICT_UNNUMBERED
    :: atomic { i == CELLS && found == NONE && vacant == NONE && expired != NONE -> break }
#else
    :: atomic { i == CELLS && found == NONE && vacant == NONE && expired != NONE -> advance(0, 0); break }
#endif
    :: atomic { i == CELLS && found == NONE && vacant == NONE && expired == NONE -> goto done } /* the overflow cell's turn */
#endif
    :: atomic { i == CELLS && found == NONE && vacant == NONE && x_expired == VIRGIN && !alone -> FORGET; goto next_round } /* patient */
    :: atomic { i == CELLS && found != NONE -> t = window; goto charge }
    od;

    atomic { /* evict */
        if
        :: key[expired] == k_expired && extra[expired] == x_expired && word[expired] == w_expired ->
            assert(x_expired == VIRGIN || w_expired < AT(window));
            key[expired] = 0;
            extra[expired] = 0;
            word[expired] = STAMP
        :: else
        fi;
        FORGET;
        goto next_round
    }

complete:
    atomic { c = entry - 1; READ(c) }
#ifndef BROKEN_NO_SECOND_LOOK
    if
    :: control_number == number && control_entry == entry
    :: atomic { else -> FORGET; goto next_round }
    fi;
#endif
#ifdef BROKEN_CLOSE_EARLY
    atomic { advance(0, 0) }
#endif
    if
    :: atomic { k == 0 -> fill_claimed() }
    :: k != 0
    fi;
#ifdef BROKEN_CLOSE_EARLY
    atomic { FORGET; goto next_round }
#endif
    atomic { advance(0, 0); FORGET; goto next_round }

charge:
    atomic {
        if
        :: x != VIRGIN && w >= AT(t) && x == LIMIT -> goto done /* refused */
        :: AS_READ(c) ->
            extra[c] = (x == VIRGIN || w < AT(t) -> 1 : x + 1);
            word[c] = (x == VIRGIN || w < AT(t) -> AT(t) : w);
            counted[2 * k + word[c] - AT(0)]++;
            assert(counted[2 * k + word[c] - AT(0)] == extra[c]);
            goto done
        :: else -> t = 0; FORGET; goto next_round
        fi
    }

done:
    atomic {
        FORGET;
        t = 0;
        rounds = 0;
        mine = 0;
        if
        :: requests < REQUESTS && !alone -> goto next_request
        :: else
        fi
    }
}

proctype clock() TIME_GOES_ON
{
    window = 1
}

inline charged(at, whose, count)
{
    key[at] = whose;
    extra[at] = count;
    word[at] = AT(0);
    counted[2 * whose] = count
}

inline pending(number)
{
    control_number = number;
    control_entry = 1;
    control_key = 1
}

init
{
    atomic {
        if
        :: begin[2] = 0
        :: begin[2] = 1
        fi;
        if
#if PROCS == 2
        :: true /* never used */
        :: charged(0, 3, 1)
        :: charged(0, 3, 1); word[1] = 1; control_number = 1
        :: charged(0, 3, 1); charged(1, 1, 1); control_number = 1
        :: charged(0, 2, 1); charged(1, 3, 1); control_number = 1
#endif
        /* somebody died with a claim: before the cell was filled, and after */
        :: charged(1, 3, 1); word[0] = 1; pending(2)
#if PROCS == 2
        :: charged(1, 3, 1); key[0] = 1; extra[0] = VIRGIN; word[0] = 2; pending(2)
#endif
        fi;
        run clock();
        run process();
        run process()
#if PROCS == 3
        ; run process()
#endif
    }
}
