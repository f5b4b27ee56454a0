-- SPDX-License-Identifier: Apache-2.0
--
-- A shared dictionary inside nginx, without HTTP: a request is a whole run.  Two ways that are in use: a fixed window by
-- one atomic incr, and GCRA by get and set, which two workers can interleave (it may then allow too much).
local ffi = require "ffi"
local bit = require "bit"
local band = bit.band

ffi.cdef "struct peer_time { long s, ns; }; int clock_gettime(int, struct peer_time *);"

-- As in work.h.
local SEED, REQUESTS, STEP = 88172645463325252ULL, 1000000, 60e-6
local TINY, TINY_ASKED = 3, 10

local peer = {}
local keys, order, decisions = {}, nil, 0
local time = ffi.new("struct peer_time")

local function clock()
    ffi.C.clock_gettime(1, time)
    return tonumber(time.s) + tonumber(time.ns) / 1e9
end

local ways = {}

function ways.window(counts, key, _, limit, _)
    local count = counts:incr(key, 1, 0, 60)
    return count ~= nil and count <= limit
end

function ways.gcra(counts, key, now, limit, step)
    local full = counts:get(key)
    if not full or full < now then full = now end
    full = full + step
    if full - now > limit * step then return false end
    counts:set(key, full, full - now + 1)
    return true
end

function peer.load(name, count)
    for key in io.lines(name) do keys[#keys + 1] = key end
    decisions = count
    order = ffi.new("uint32_t[?]", count)
    local state, total = SEED, ffi.new("uint64_t", #keys)
    for i = 0, count - 1 do
        state = bit.bxor(state, bit.lshift(state, 13))
        state = bit.bxor(state, bit.rshift(state, 7))
        state = bit.bxor(state, bit.lshift(state, 17))
        order[i] = tonumber(state % total) + 1
    end
end

function peer.tiny()
    local counts = ngx.shared.counts
    for name, way in pairs(ways) do
        local allowed = 0
        counts:delete("one")
        for _ = 1, TINY_ASKED do
            if way(counts, "one", 1000, TINY, 1200) then allowed = allowed + 1 end
        end
        ngx.say(name, " ", allowed)
    end
end

function peer.warm()
    local counts, way = ngx.shared.counts, ways[ngx.var.arg_way]
    counts:flush_all()
    counts:flush_expired()
    local now = clock()
    for _, key in ipairs(keys) do way(counts, key, now, REQUESTS, STEP) end
    ngx.say("warm")
end

function peer.again()
    ngx.shared.meet:flush_all()
    ngx.say("again")
end

-- Waits for the other worker, so that both run at once; nil when both requests came to one.
local function meet(threads)
    local before = clock()
    ngx.shared.meet:incr("here", 1, 0)
    while ngx.shared.meet:get("here") < threads do
        if clock() - before > 0.5 then return nil end
    end
    return true
end

-- Begin and end of a run, so that the time of two is from the first begin to the last end.
function peer.run()
    local counts, way = ngx.shared.counts, ways[ngx.var.arg_way]
    local begin, threads = tonumber(ngx.var.arg_begin), tonumber(ngx.var.arg_threads)
    local mask, allowed = decisions - 1, 0
    if not meet(threads) then return ngx.say("alone") end
    local start = clock()
    for i = 0, decisions - 1 do
        local key = keys[order[band(begin + i, mask)]]
        if way(counts, key, start + i * 1e-6, REQUESTS, STEP) then allowed = allowed + 1 end
    end
    ngx.say(string.format("%.9f %.9f %d", start, clock(), allowed))
end

return peer
