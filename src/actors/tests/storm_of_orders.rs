//! Orders and payments while everything is killed or hangs, then a crash: no order without a payment, nor one without
//! an order.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use super::super::admission::Call;
use super::super::chaos::{Hold, Point};
use super::super::envelope::Reply;
use super::gate::{GatedEngine, Moment};
use super::house::{House, Outcome, Pending, keyed, life};
use super::shop::{Order, Payment, PlaceOrder, TOO_DEAR};
use crate::clock::Clock;
use crate::domain::{Aggregate, Stream};
use crate::journal::memory_engine::MemoryEngine;
use crate::resilience::CallError;

/// How many storms there are.
const STORMS: u64 = 60;
/// How many things happen in each.
const STEPS: u64 = 150;

fn place(house: &House, n: u64) -> Call {
    // Every seventh is refused by the bank.
    let amount = if n.is_multiple_of(7) { TOO_DEAR } else { n };
    keyed(house.make::<Order>(PlaceOrder { amount }), &format!("order {n}"), n)
}

/// Rages until the process is killed; returns what the clients were told by then.
async fn rage(storage: &MemoryEngine, seed: u64) -> BTreeMap<u64, Outcome> {
    let (engine, gate) = GatedEngine::before(Arc::new(storage.clone()));
    let house = House::start(engine).await;
    let dice = Clock::manual(0, seed);
    let draw = |below: u64| dice.random() % below;
    let mut calls: BTreeMap<u64, Pending> = BTreeMap::new();
    let mut told = BTreeMap::new();
    let mut hung: Vec<Hold> = Vec::new();
    for n in 1..=STEPS {
        let order = Stream::new(Order::KIND, 1 + draw(20));
        let payment = Stream::new(Payment::KIND, order.id);
        match draw(20) {
            0..=6 => drop(calls.insert(n, house.begin(place(&house, n)))),
            7..=9 => drop(house.runtime.kill(|stream| stream.kind.system() == "shop", 1, dice.random())),
            10 => house.journal.kill_committer(),
            11 => drop(house.runtime.kill_shard_of(order)),
            12 => drop(house.runtime.kill_shard_of(payment)),
            13 => drop(house.runtime.kill_followers()),
            14 => hung.push(house.runtime.hold(payment, Point::Decide)),
            15 => hung.clear(),
            16 => gate.hold(if draw(2) == 0 { Moment::Unsynced } else { Moment::Untold }),
            17 | 18 => gate.open(),
            _ => tokio::time::advance(Duration::from_millis(draw(700))).await,
        }
        for _ in 0..draw(20) {
            tokio::task::yield_now().await;
        }
        for (n, call) in &mut calls {
            told.extend(call.answered().map(|outcome| (*n, outcome)));
        }
    }
    told
}

/// Judges by the log, in the next life, what the clients of the last one were told.
async fn check(storage: &MemoryEngine, seed: u64, told: BTreeMap<u64, Outcome>) {
    let house = House::start(Arc::new(storage.clone())).await;
    house.settled().await;
    assert_eq!(house.open_intents(), 0, "seed {seed}");
    check_books(&house, seed).await;
    for (n, outcome) in told {
        let (first, refused) = match outcome {
            Ok((stream, Reply::Done(_))) => (Some(stream), false),
            Ok((_, Reply::Refused(_))) => (None, true),
            Err(CallError::Unknown(_) | CallError::NotExecuted(_)) => continue,
            other => panic!("seed {seed}: {n}: {other:?}"),
        };
        match house.send(place(&house, n)).await {
            Ok((stream, Reply::Done(done))) => {
                assert!(done.replayed && first == Some(stream), "seed {seed}: {n}: {first:?} {stream}");
            }
            Ok((_, Reply::Refused(_))) => assert!(refused, "seed {seed}: {n}"),
            other => panic!("seed {seed}: {n}: {other:?}"),
        }
    }
    house.settled().await;
    check_books(&house, seed).await;
}

/// Each order has its payment, and each payment its order.
async fn check_books(house: &House, seed: u64) {
    let mut stories: BTreeMap<u64, (Vec<String>, Vec<String>)> = BTreeMap::new();
    let mut ordered: BTreeMap<u128, u32> = BTreeMap::new();
    for fact in house.facts().await {
        let (orders, payments) = stories.entry(fact.stream.id).or_default();
        let name = fact.event.name().to_owned();
        if fact.stream.kind == Order::KIND {
            *ordered.entry(fact.command).or_default() += u32::from(name == "Ordered");
            orders.push(name);
        } else {
            payments.push(name);
        }
    }
    for (id, (order, payment)) in stories {
        let order: Vec<&str> = order.iter().map(String::as_str).collect();
        let payment: Vec<&str> = payment.iter().map(String::as_str).collect();
        let fits = match order[..] {
            ["OrderRequested", "Ordered"] => payment == ["PaymentHeld", "Paid"],
            ["OrderRequested", "OrderWithdrawn"] => {
                matches!(payment[..], [] | ["PaymentVoided"] | ["PaymentHeld", "PaymentVoided"])
            }
            _ => false,
        };
        assert!(fits, "seed {seed}: {id}: {order:?} {payment:?}");
    }
    assert!(ordered.values().all(|times| *times <= 1), "seed {seed}: a key ordered twice");
}

#[test]
fn a_storm_and_a_crash_leave_every_order_with_its_payment_and_no_payment_alone() {
    for seed in 1..=STORMS {
        let storage = MemoryEngine::default();
        let told = life(rage(&storage, seed));
        if seed.is_multiple_of(2) {
            storage.lose_store();
        }
        life(check(&storage, seed, told));
    }
}
