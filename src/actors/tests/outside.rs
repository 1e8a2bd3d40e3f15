//! A payment that an outside bank must agree to: exactly once, or not at all, whatever the bank or this process does.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use parking_lot::Mutex;

use super::super::admission::Call;
use super::super::outside::{BuiltIn, Errand, Outbound, Said};
use super::faults::{inject, remove};
use super::house::{House, keyed, life, refused};
use super::shop::{self, Order, Payment, PlaceOrder};
use crate::domain::{Aggregate, Provider, Stream};
use crate::journal::memory_engine::MemoryEngine;
use crate::resilience::breaker::State;
use crate::resilience::{CallError, NotExecuted, Reason, Unknown};

const ASK: &str = "shop/bank/payment/asks/outside/bank";

/// How the bank behaves.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Mood {
    Well,
    Refusing,
    Unreachable,
    /// It does what it is asked, and never says so.
    Silent,
    /// It does what it is asked, and breaks the line off.
    BreaksOff,
}

/// An outside bank: it knows every key it was asked with, and does nothing twice.
#[derive(Debug)]
struct Bank {
    mood: Mutex<Mood>,
    asked: Mutex<Vec<String>>,
    keys: Mutex<BTreeSet<u128>>,
    /// What it holds of each order.
    charges: Mutex<BTreeMap<String, i64>>,
}

impl Bank {
    fn new(mood: Mood) -> Arc<Self> {
        Arc::new(Self {
            mood: Mutex::new(mood),
            asked: Mutex::default(),
            keys: Mutex::default(),
            charges: Mutex::default(),
        })
    }

    fn turns(&self, mood: Mood) {
        *self.mood.lock() = mood;
    }

    fn holds(&self, order: u64) -> i64 {
        self.charges.lock().get(&format!("/charges/{order}")).copied().unwrap_or(0)
    }

    fn carries_out(&self, errand: &Errand<'_>) {
        if self.keys.lock().insert(errand.key) {
            let by = if errand.method == "POST" { 1 } else { -1 };
            *self.charges.lock().entry(errand.path.to_owned()).or_default() += by;
        }
    }
}

impl Outbound for Bank {
    fn reaches(&self, provider: &str) -> bool {
        provider == "shop/outside/bank"
    }

    fn ask<'a>(&'a self, errand: Errand<'a>) -> BoxFuture<'a, Result<Said, CallError>> {
        let mood = *self.mood.lock();
        self.asked.lock().push(format!("{} {} {}", errand.method, errand.path, String::from_utf8_lossy(&errand.body)));
        Box::pin(async move {
            match mood {
                Mood::Refusing => Ok(Said::Refused("the account is empty".to_owned())),
                Mood::Unreachable => {
                    let retry_after = Duration::ZERO;
                    Err(NotExecuted { reason: Reason::ProviderUnavailable, retry_after }.into())
                }
                Mood::Well => {
                    self.carries_out(&errand);
                    Ok(Said::Done)
                }
                Mood::Silent => {
                    self.carries_out(&errand);
                    std::future::pending().await
                }
                Mood::BreaksOff => {
                    self.carries_out(&errand);
                    Err(Unknown::BrokenOff.into())
                }
            }
        })
    }
}

const fn order(id: u64) -> Stream {
    Stream::new(Order::KIND, id)
}

const fn payment(id: u64) -> Stream {
    Stream::new(Payment::KIND, id)
}

fn place(house: &House, key: &str) -> Call {
    keyed(house.make::<Order>(PlaceOrder { amount: 10 }), key, 1)
}

async fn house(bank: &Arc<Bank>) -> House {
    House::start_near(Arc::new(MemoryEngine::default()), Arc::clone(bank) as _).await
}

fn breaker(house: &House, name: &str) -> State {
    let guards = house.runtime.guards();
    let guard = guards.iter().find(|guard| guard.name() == name).expect("a guard");
    guard.breaker().snapshot(guard.now()).state
}

#[test]
fn an_order_is_paid_once_the_bank_agreed() {
    life(async {
        let bank = Bank::new(Mood::Well);
        let house = house(&bank).await;
        assert_eq!(house.done(place(&house, "one")).await.0, 1);
        house.settled().await;
        assert_eq!(house.story(order(1)).await, ["OrderRequested", "Ordered"]);
        assert_eq!(house.story(payment(1)).await, ["PaymentHeld", "Paid"]);
        assert_eq!(*bank.asked.lock(), [r#"POST /charges/1 {"amount":10}"#]);
        assert_eq!((bank.holds(1), house.open_intents()), (1, 0));
    });
}

#[test]
fn an_order_the_bank_refuses_is_refused_in_its_words_and_nothing_is_held() {
    life(async {
        let bank = Bank::new(Mood::Refusing);
        let house = house(&bank).await;
        assert_eq!(refused(house.send(place(&house, "one")).await), "refused-by-provider");
        house.settled().await;
        assert_eq!(house.story(order(1)).await, ["OrderRequested", "OrderWithdrawn"]);
        assert_eq!(house.story(payment(1)).await, [""; 0]);
        assert_eq!(house.open_intents(), 0);
    });
}

#[test]
fn an_order_while_the_bank_cannot_be_reached_is_tried_three_times_and_withdrawn() {
    life(async {
        let bank = Bank::new(Mood::Unreachable);
        let house = house(&bank).await;
        let outcome = house.send(place(&house, "one")).await;
        let unavailable = |why: NotExecuted| why.reason == Reason::ProviderUnavailable;
        assert!(matches!(outcome, Err(CallError::NotExecuted(why)) if unavailable(why)), "{outcome:?}");
        assert_eq!(bank.asked.lock().len(), 3);
        bank.turns(Mood::Well);
        assert_eq!(house.done(place(&house, "one")).await.0, 2, "its key is free");
        house.settled().await;
        assert_eq!((bank.holds(1), bank.holds(2)), (0, 1));
    });
}

#[test]
fn a_bank_that_cannot_be_reached_opens_its_own_breaker_and_no_other() {
    life(async {
        let bank = Bank::new(Mood::Unreachable);
        let house = house(&bank).await;
        for key in 0..20 {
            let outcome = house.send(place(&house, &key.to_string())).await;
            assert!(matches!(outcome, Err(CallError::NotExecuted(_))), "{outcome:?}");
        }
        let asked = bank.asked.lock().len();
        assert_eq!(breaker(&house, ASK), State::Open);
        for name in ["shop/bank/payment", "shop/order/order", "shop/order/order/asks/bank/payment"] {
            assert_eq!(breaker(&house, name), State::Closed, "{name}");
        }
        assert!(house.send(place(&house, "while open")).await.is_err());
        assert_eq!(bank.asked.lock().len(), asked, "it is left alone");
    });
}

#[test]
fn a_charge_nobody_knows_of_is_taken_back_until_the_bank_acknowledges() {
    for mood in [Mood::Silent, Mood::BreaksOff] {
        life(async {
            let bank = Bank::new(mood);
            let house = house(&bank).await;
            let outcome = house.send(place(&house, "one")).await;
            assert!(matches!(outcome, Err(CallError::Unknown(_))), "{mood:?}: {outcome:?}");
            assert!(bank.asked.lock().iter().any(|asked| asked.starts_with("POST")));
            bank.turns(Mood::Unreachable);
            tokio::time::sleep(Duration::from_secs(5)).await;
            assert!(house.open_intents() > 0, "sent until acknowledged");
            bank.turns(Mood::Well);
            house.settled().await;
            assert_eq!(bank.holds(1), 0, "{mood:?}: {:?}", bank.asked.lock());
            assert_eq!(house.story(order(1)).await, ["OrderRequested", "OrderWithdrawn"]);
            assert_eq!(house.open_intents(), 0);
        });
    }
}

#[test]
fn a_charge_that_a_crash_cut_off_is_asked_again_with_its_key_and_made_once() {
    let engine = Arc::new(MemoryEngine::default());
    let bank = Bank::new(Mood::Silent);
    life(async {
        let house = House::start_near(Arc::clone(&engine) as _, Arc::clone(&bank) as _).await;
        let call = house.begin(place(&house, "one"));
        while bank.holds(1) == 0 {
            tokio::task::yield_now().await;
        }
        drop(call);
    });
    bank.turns(Mood::Well);
    life(async {
        let house = House::start_near(engine, Arc::clone(&bank) as _).await;
        house.settled().await;
        assert_eq!(house.story(order(1)).await, ["OrderRequested", "Ordered"]);
        assert_eq!(house.story(payment(1)).await, ["PaymentHeld", "Paid"]);
        assert_eq!((bank.holds(1), bank.keys.lock().len(), bank.asked.lock().len()), (1, 1, 2));
    });
}

#[test]
fn a_built_in_bank_can_be_broken_by_an_operator() {
    life(async {
        let house = House::start_near(Arc::new(MemoryEngine::default()), Arc::new(BuiltIn)).await;
        let fault = inject(&house, shop::Bank::KIND, "0ms", 1.0, 0.0);
        let outcome = house.send(place(&house, "one")).await;
        let injected = |why: NotExecuted| why.reason == Reason::FaultInjected;
        assert!(matches!(outcome, Err(CallError::NotExecuted(why)) if injected(why)), "{outcome:?}");
        remove(&house, fault);
        assert_eq!(house.done(place(&house, "one")).await.0, 2);
    });
}
