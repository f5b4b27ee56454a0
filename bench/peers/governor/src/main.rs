// SPDX-License-Identifier: Apache-2.0

//! `governor`, keyed: DashMap with its default hash and clock, with a faster hash, and with time given as the other
//! drivers give it; and a hash map under a mutex.  Keys are arrays of 32 bytes, so none is allocated.

use governor::clock::{Clock, QuantaClock};
use governor::nanos::Nanos;
use governor::{Quota, RateLimiter};
use std::cell::Cell;
use std::num::NonZeroU32;
use std::time::{Duration, Instant};

// As in work.h.
const SEED: u64 = 88172645463325252;
const REQUESTS: u32 = 1_000_000;
const TINY: u32 = 3;
const TINY_ASKED: usize = 10;
const VERSION: &str = "0.10.4"; // Cargo.toml asks for exactly this one

type Key = [u8; 32];

thread_local!(static NOW_NS: Cell<u64> = const { Cell::new(0) });

/// Time as an argument: what the thread was last told.
#[derive(Clone)]
struct GivenClock;

impl Clock for GivenClock {
    type Instant = Nanos;
    fn now(&self) -> Nanos {
        Nanos::new(NOW_NS.with(Cell::get))
    }
}

fn read_keys(name: &str) -> Vec<Key> {
    let text = std::fs::read_to_string(name).expect(name);
    text.lines()
        .map(|line| line.as_bytes().try_into().expect("a key of 32 bytes"))
        .collect()
}

/// The keys in the order of the decisions: a host has the request that it asks about in its cache.
fn draw_order(keys: &[Key], decisions: usize) -> Vec<Key> {
    let mut state = SEED;
    (0..decisions)
        .map(|_| {
            state ^= state << 13;
            state ^= state >> 7;
            state ^= state << 17;
            keys[(state % keys.len() as u64) as usize]
        })
        .collect()
}

fn quota() -> Quota {
    Quota::with_period(Duration::from_micros(60))
        .unwrap()
        .allow_burst(NonZeroU32::new(REQUESTS).unwrap())
}

fn ask<A: Fn(&Key) -> bool>(allow: &A, order: &[Key], begin: usize, start_ns: u64) -> usize {
    let mut allowed = 0;
    for i in 0..order.len() {
        NOW_NS.with(|now| now.set(start_ns + i as u64 * 1000));
        allowed += allow(&order[(begin + i) & (order.len() - 1)]) as usize;
    }
    allowed
}

fn measure<A: Fn(&Key) -> bool + Sync>(name: &str, allow: A, keys: &[Key], order: &[Key]) {
    let epoch = Instant::now();
    for key in keys {
        allow(key);
    }
    for threads in 1..=2 {
        let now_ns = epoch.elapsed().as_nanos() as u64;
        let start = Instant::now();
        let allowed: usize = std::thread::scope(|scope| {
            let running: Vec<_> = (0..threads)
                .map(|t| {
                    let allow = &allow;
                    scope.spawn(move || ask(allow, order, t * order.len() / 2, now_ns))
                })
                .collect();
            running
                .into_iter()
                .map(|thread| thread.join().unwrap())
                .sum()
        });
        let asked = threads * order.len();
        println!(
            "governor, {name}\t{VERSION}\t{}\t{threads}\t{:.1}\t{allowed}\t{asked}",
            keys.len(),
            start.elapsed().as_nanos() as f64 / asked as f64
        );
    }
}

fn check_tiny(name: &str, allow: impl Fn(&Key) -> bool) {
    let allowed = (0..TINY_ASKED).filter(|_| allow(&[b'1'; 32])).count();
    if allowed != TINY as usize {
        eprintln!("{name}: allowed {allowed} of a limit of {TINY}");
        std::process::exit(1);
    }
}

fn main() {
    let arguments: Vec<String> = std::env::args().collect();
    if arguments.len() != 3 {
        eprintln!("usage: governor-peer KEYS DECISIONS, a power of two");
        std::process::exit(2);
    }
    let tiny = Quota::per_hour(NonZeroU32::new(TINY).unwrap());
    let limiter = RateLimiter::dashmap(tiny);
    check_tiny("DashMap", |key| limiter.check_key(key).is_ok());
    let limiter = RateLimiter::hashmap(tiny);
    check_tiny("hash map", |key| limiter.check_key(key).is_ok());

    let keys = read_keys(&arguments[1]);
    let order = draw_order(&keys, arguments[2].parse().expect("a number"));
    {
        let limiter = RateLimiter::dashmap(quota());
        measure(
            "DashMap",
            |key| limiter.check_key(key).is_ok(),
            &keys,
            &order,
        );
    }
    {
        let limiter = RateLimiter::dashmap_with_clock_and_hasher(
            quota(),
            QuantaClock::default(),
            ahash::RandomState::new(),
        );
        measure(
            "DashMap, aHash",
            |key| limiter.check_key(key).is_ok(),
            &keys,
            &order,
        );
    }
    {
        let limiter = RateLimiter::dashmap_with_clock_and_hasher(
            quota(),
            GivenClock,
            ahash::RandomState::new(),
        );
        measure(
            "DashMap, aHash, given time",
            |key| limiter.check_key(key).is_ok(),
            &keys,
            &order,
        );
    }
    {
        let limiter = RateLimiter::hashmap_with_clock_and_hasher(
            quota(),
            GivenClock,
            ahash::RandomState::new(),
        );
        measure(
            "hash map, aHash, given time",
            |key| limiter.check_key(key).is_ok(),
            &keys,
            &order,
        );
    }
}
