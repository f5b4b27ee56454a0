// SPDX-License-Identifier: Apache-2.0

// golang.org/x/time/rate with one limiter a key: in a sync.Map, and in a map under a sync.RWMutex.
package main

import (
	"bufio"
	"fmt"
	"os"
	"runtime/debug"
	"strconv"
	"sync"
	"time"

	"golang.org/x/time/rate"
)

// As in work.h.
const (
	seed      = 88172645463325252
	requests  = 1000000
	tiny      = 3
	tinyAsked = 10
)

type limiters interface {
	allow(key string, now time.Time) bool
}

type syncMap struct {
	limit rate.Limit
	burst int
	all   sync.Map
}

func (m *syncMap) allow(key string, now time.Time) bool {
	found, ok := m.all.Load(key)
	if !ok {
		found, _ = m.all.LoadOrStore(key, rate.NewLimiter(m.limit, m.burst))
	}
	return found.(*rate.Limiter).AllowN(now, 1)
}

type lockedMap struct {
	limit rate.Limit
	burst int
	lock  sync.RWMutex
	all   map[string]*rate.Limiter
}

func (m *lockedMap) allow(key string, now time.Time) bool {
	m.lock.RLock()
	found, ok := m.all[key]
	m.lock.RUnlock()
	if !ok {
		m.lock.Lock()
		if found, ok = m.all[key]; !ok {
			found = rate.NewLimiter(m.limit, m.burst)
			m.all[key] = found
		}
		m.lock.Unlock()
	}
	return found.AllowN(now, 1)
}

func readKeys(name string) []string {
	var keys []string
	file, err := os.Open(name)
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
	defer file.Close()
	for lines := bufio.NewScanner(file); lines.Scan(); {
		keys = append(keys, lines.Text())
	}
	return keys
}

// The keys in the order of the decisions, each with bytes of its own: a host has the request that it asks about in its cache.
func drawOrder(keys []string, decisions int) []string {
	order := make([]string, decisions)
	text := make([]byte, 0, decisions*32)
	state := uint64(seed)
	for range order {
		state ^= state << 13
		state ^= state >> 7
		state ^= state << 17
		text = append(text, keys[state%uint64(len(keys))]...)
	}
	whole := string(text)
	for i := range order {
		order[i] = whole[32*i : 32*i+32]
	}
	return order
}

func ask(all limiters, order []string, begin int) int {
	now := time.Now()
	allowed := 0
	for i := range order {
		if all.allow(order[(begin+i)&(len(order)-1)], now.Add(time.Duration(i)*time.Microsecond)) {
			allowed++
		}
	}
	return allowed
}

func measure(name string, all limiters, keys, order []string) {
	for _, key := range keys {
		all.allow(key, time.Now())
	}
	for threads := 1; threads <= 2; threads++ {
		var wait sync.WaitGroup
		var allowed [2]int
		start := time.Now()
		for t := 0; t < threads; t++ {
			wait.Add(1)
			go func() {
				defer wait.Done()
				allowed[t] = ask(all, order, t*len(order)/2)
			}()
		}
		wait.Wait()
		asked := threads * len(order)
		fmt.Printf("%s\t%s\t%d\t%d\t%.1f\t%d\t%d\n", name, version(), len(keys), threads,
			float64(time.Since(start).Nanoseconds())/float64(asked), allowed[0]+allowed[1], asked)
	}
}

func checkTiny(name string, all limiters) {
	now := time.Now()
	allowed := 0
	for i := 0; i < tinyAsked; i++ {
		if all.allow("one", now) {
			allowed++
		}
	}
	if allowed != tiny {
		fmt.Fprintf(os.Stderr, "%s: allowed %d of a limit of %d\n", name, allowed, tiny)
		os.Exit(1)
	}
}

func version() string {
	if info, ok := debug.ReadBuildInfo(); ok {
		for _, module := range info.Deps {
			if module.Path == "golang.org/x/time" {
				return module.Version
			}
		}
	}
	return "?"
}

func main() {
	if len(os.Args) != 3 {
		fmt.Fprintln(os.Stderr, "usage: go-rate KEYS DECISIONS, a power of two")
		os.Exit(2)
	}
	decisions, err := strconv.Atoi(os.Args[2])
	if err != nil {
		os.Exit(2)
	}
	checkTiny("sync.Map", &syncMap{limit: rate.Limit(tiny / 3600.0), burst: tiny})
	checkTiny("RWMutex and map", &lockedMap{limit: rate.Limit(tiny / 3600.0), burst: tiny, all: map[string]*rate.Limiter{}})
	keys := readKeys(os.Args[1])
	order := drawOrder(keys, decisions)
	measure("x/time/rate, sync.Map", &syncMap{limit: requests / 60.0, burst: requests}, keys, order)
	measure("x/time/rate, RWMutex and map",
		&lockedMap{limit: requests / 60.0, burst: requests, all: map[string]*rate.Limiter{}}, keys, order)
}
