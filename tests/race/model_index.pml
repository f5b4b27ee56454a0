/* SPDX-License-Identifier: Apache-2.0 */
/*
 * lib/registry/index.[ch] over lib/base/epoch.c, every interleaving: a reader inside an epoch section finds every object
 * that was in the set all the time, and touches neither an object nor a table that was released.
 *
 * One reader, since a second one can only delay what the writer releases.  It looks keys up for ever.  One writer does OPS changes, whichever it likes: adds, replaces, removes (tombstone, then cleaning of trailing
 * tombstones), moves to the next table; after each it may reclaim.  Readers look keys up for ever.  Keys 0 and 1 have one hash,
 * key 2 the next one, so that walks are as long as a table of four allows.  Memory is never used twice: what is released stays so.
 *
 * Spin's memory is sequentially consistent.  What it leaves out, and why that suffices:
 *   - A reader's store of |entered| may be seen after its later loads, on x86-64 as on arm64: the argument of the epochs is
 *     about that, so it is here, as a store buffer of one entry a reader, which drains at any moment or in the writer's barrier.
 *   - Loads of a section may not pass each other, nor the writer's stores: loads are acquire and stores release in the code.
 *   - The writer's own stores may be late, but not out of order (release), and the barrier begins with a full fence: to a reader that
 *     is as if it had been earlier.
 * Two writers, and the domain's list of slots, are left to tests/race/race_epoch.c.
 *
 * -DBROKEN_<NAME> takes one rule away; tests/tools/models.sh requires each to be found out.
 */
#ifndef OPS
#define OPS 4
#endif
#define READERS 1
#define KEYS    3
#define TABLES  3
#define SLOTS   8 /* of the largest */
#define OBJECTS (2 + OPS)
#define NONE    255

#define EMPTY       0
#define TOMBSTONE   1
#define OF(object)  ((object) + 2) /* in a slot */
#define HASH(key)   ((key) == 2 -> 1 : 0)
#define MASK(table) ((table) == 0 -> 3 : 7)
#define SLOT(table, i) slot[(table) * SLOTS + ((i) & MASK(table))]

byte slot[TABLES * SLOTS];
byte table; /* the index's */
byte used;
bool table_freed[TABLES];
bool freed[OBJECTS];
byte key_of[OBJECTS];
byte in_set[KEYS]; /* object + 1, 0: not there */

/* The epoch domain. */
byte now = 1;
byte entered[READERS];
bool late[READERS]; /* |later| is in the reader's store buffer */
byte later[READERS];
byte retired_at[OBJECTS]; /* 0: not */
byte table_retired_at[TABLES];

/* What a reader looks for, and whether it must find it. */
byte wanted[READERS];
bool due[READERS];

inline drain(r)
{
    if
    :: late[r] -> entered[r] = later[r]; late[r] = false; later[r] = 0
    :: else
    fi
}

inline store_entered(r, value)
{
    atomic {
        drain(r); /* one entry: the older store goes first */
        later[r] = value;
        late[r] = true
    }
}

proctype buffer(byte r)
{
end:
    do
    :: atomic { late[r] -> drain(r) }
    od
}

/* ---- readers --------------------------------------------------------------------------------- */

inline touch(object)
{
    assert(!freed[object])
}

proctype reader(byte r)
{
    byte seen_now, at, i, s, found;

end:
    do
    :: true ->
        seen_now = now;
#ifdef BROKEN_LOAD_FIRST
        at = table; /* what the compiler fence in clientid__epoch_enter forbids */
#endif
        store_entered(r, seen_now);
        atomic {
            if
            :: wanted[r] = 0
            :: wanted[r] = 1
            :: wanted[r] = 2
            fi;
            due[r] = in_set[wanted[r]] != 0
        }
#ifndef BROKEN_LOAD_FIRST
        at = table;
#endif
        i = HASH(wanted[r]);
        found = NONE;
        do
        :: atomic {
                assert(!table_freed[at] && i < HASH(wanted[r]) + SLOTS);
                s = SLOT(at, i);
                i++
            }
            if
            :: s == EMPTY -> break
            :: s > TOMBSTONE && HASH(key_of[s - 2]) == HASH(wanted[r]) ->
                atomic {
                    touch(s - 2);
                    if
                    :: key_of[s - 2] == wanted[r] -> found = s - 2; s = 0; break
                    :: else
                    fi
                }
            :: else
            fi
        od;
        atomic {
            assert(!due[r] || found != NONE);
            due[r] = false;
            wanted[r] = NONE
        }
        if
        :: found != NONE -> touch(found) /* as long as the section lasts */
        :: else
        fi;
        store_entered(r, 0);
        atomic { seen_now = 0; at = 0; i = 0; s = 0; found = 0 }
    od
}

/* ---- the writer ------------------------------------------------------------------------------ */

inline advance(epoch)
{
    atomic { epoch = now; now++ }
}

inline retire(object)
{
#ifndef BROKEN_RETIRE_FIRST
    advance(e);
#endif
    d_step { retired_at[object] = e; waiting++ }
}

inline reclaim()
{
#ifndef BROKEN_NO_BARRIER
    d_step {
        for (j : 0 .. READERS - 1) { drain(j) }
        j = 0
    }
#endif
    oldest = NONE;
    j = 0;
    do
    :: atomic {
            j < READERS ->
            if
            :: entered[j] != 0 && entered[j] < oldest -> oldest = entered[j]
            :: else
            fi;
            j++
        }
    :: j == READERS -> break
    od;
    skip; /* spin takes no jump into a d_step */
    d_step {
        for (j : 0 .. OBJECTS - 1) {
            if
            :: retired_at[j] != 0 && retired_at[j] < oldest ->
                freed[j] = true;
                retired_at[j] = 0;
                waiting--
            :: else
            fi
        }
        for (j : 0 .. TABLES - 1) {
            if
            :: table_retired_at[j] != 0 && table_retired_at[j] < oldest ->
                table_freed[j] = true;
                table_retired_at[j] = 0;
                waiting--
            :: else
            fi
        }
        j = 0;
        oldest = 0
    }
}

inline find_position(key)
{
    atomic {
        p = HASH(key);
        do
        :: SLOT(table, p) != OF(in_set[key] - 1) -> p++
        :: else -> break
        od
    }
}

inline new_object(key)
{
    object = made;
    made++;
    key_of[object] = key
}

inline add(key)
{
    d_step {
        new_object(key);
        p = HASH(key);
        do
        :: SLOT(table, p) > TOMBSTONE -> p++
        :: else -> break
        od;
        used = used + (SLOT(table, p) == EMPTY -> 1 : 0)
    }
    d_step { SLOT(table, p) = OF(object); in_set[key] = object + 1 }
}

inline replace(key)
{
    old = in_set[key] - 1;
    find_position(key);
#ifdef BROKEN_RETIRE_FIRST
    advance(e);
#endif
    d_step {
        new_object(key);
        SLOT(table, p) = OF(object);
        in_set[key] = object + 1
    }
    retire(old)
}

inline remove(key)
{
    old = in_set[key] - 1;
    find_position(key);
#ifdef BROKEN_RETIRE_FIRST
    advance(e);
#endif
    d_step {
        for (j : 0 .. READERS - 1) {
            if
            :: wanted[j] == key -> due[j] = false
            :: else
            fi
        }
        j = 0;
        in_set[key] = 0;
        SLOT(table, p) = TOMBSTONE
    }
    if
#ifndef BROKEN_CLEAN_TOMBSTONES
    :: SLOT(table, p + 1) != EMPTY
#endif
    :: else ->
        do
        :: atomic {
                SLOT(table, p) == TOMBSTONE ->
                SLOT(table, p) = EMPTY;
                used--;
                p = (p + SLOTS - 1) & MASK(table)
            }
        :: else -> break
        od
    fi;
    retire(old)
}

inline place(object)
{
    p = HASH(key_of[object]);
    do
    :: SLOT(table + 1, p) != EMPTY -> p++
    :: else -> break
    od;
    SLOT(table + 1, p) = OF(object)
}

inline fill()
{
    d_step {
        used = 0;
        for (j : 0 .. MASK(table)) {
            if
            :: SLOT(table, j) > TOMBSTONE -> place(SLOT(table, j) - 2); used++
            :: else
            fi
        }
        j = 0
    }
}

/* Nobody reads a table before it is in the index, so it is filled in one step. */
inline move()
{
#ifdef BROKEN_RETIRE_FIRST
    advance(e);
#endif
#ifdef BROKEN_PUBLISH_EARLY
    table++;
    table--; /* fill() goes by the old one; a reader may come in between */
#endif
    fill();
    table++;
#ifndef BROKEN_RETIRE_FIRST
    advance(e);
#endif
    d_step { table_retired_at[table - 1] = e; waiting++ }
}

proctype writer()
{
    byte n, k, p, e, j, object, old, oldest;
    byte made = 2, waiting;

    do
    :: n == OPS -> break
    :: n < OPS ->
        atomic {
            n++;
            if
            :: k = 0
            :: k = 1
            :: k = 2
            fi
        }
        if
        :: in_set[k] != 0 -> remove(k)
        :: in_set[k] != 0 -> replace(k)
        :: in_set[k] == 0 && used < MASK(table) -> add(k) /* one slot stays empty, or a walk would not end */
        :: table < TABLES - 1 -> move()
        :: in_set[k] == 0 && used == MASK(table) && table == TABLES - 1 /* full: never, with so few changes */ -> assert(false)
        fi;
        d_step { k = 0; p = 0; e = 0; object = 0; old = 0 }
        if
        :: waiting > 0 -> reclaim()
        :: true
        fi
    od
}

init
{
    d_step {
        SLOT(0, 0) = OF(0);
        SLOT(0, 1) = OF(1);
        key_of[1] = 1;
        in_set[0] = 1;
        in_set[1] = 2;
        used = 2;
        wanted[0] = NONE
    }
    atomic {
        run reader(0);
        run buffer(0);
        run writer()
    }
}
