//! Slots: handed over, given up and given back at once, none is lost, none is doubled, and none is taken out of turn.

use std::future::pending;
use std::pin::{Pin, pin};
use std::sync::{Arc, Mutex};
use std::task::{Context, Poll, Waker};

use loom::cell::UnsafeCell;
use loom::future::block_on;
use resurgam_loom::clock::{Clock, pass};
use resurgam_loom::resilience::bulkhead::{Bulkhead, BulkheadLimits, Permit};
use resurgam_loom::resilience::deadline::Deadline;
use resurgam_loom::resilience::outcome::{NotExecuted, Reason};

use crate::{SECOND, at_once, explore_within};

type Acquired<'a> = Result<Permit<'a>, NotExecuted>;

/// Holds a slot until it is dropped; unlike a permit, it keeps the bulkhead.
type Held = Pin<Box<dyn Future<Output = ()> + Send>>;

const fn limits(running_max: usize) -> BulkheadLimits {
    BulkheadLimits { running_max, queue_max: 3, wait_max: SECOND }
}

/// A bulkhead whose slots are taken.
struct House {
    bulkhead: Arc<Bulkhead>,
    held: Mutex<Vec<Held>>,
    running_max_ever: usize,
    /// What is safe to touch while a slot is held, if there is but one: loom fails when two touch it out of order.
    desk: Option<UnsafeCell<()>>,
}

// SAFETY: nothing is there to be read or written; whether two could do it at once is what the models ask.
unsafe impl Sync for House {}

impl House {
    /// One that is full with so many calls, and never lets more run than `running_max_ever`.
    fn full(running_max: usize, running_max_ever: usize) -> Arc<Self> {
        let bulkhead = Arc::new(Bulkhead::new(limits(running_max), Clock).expect("the limits are above zero"));
        let held = (0..running_max).map(|_| hold(Arc::clone(&bulkhead))).collect();
        let desk = (running_max_ever == 1).then(|| UnsafeCell::new(()));
        Arc::new(Self { bulkhead, held: Mutex::new(held), running_max_ever, desk })
    }

    fn release(&self) {
        let held = self.held.lock().expect("nobody panics").pop();
        self.work(held.expect("a slot is held"));
    }

    /// Works until the slot is given back.
    fn work<S>(&self, slot: S) {
        self.desk.iter().for_each(|desk| desk.with_mut(drop));
        drop(slot);
    }

    /// Waits as long as it takes.
    fn wait(&self) {
        self.work(block_on(self.bulkhead.acquire(far())).expect("its slot comes"));
    }

    /// Waits in line until its time there is over.
    fn wait_in_vain(&self) {
        let mut wait = pin!(self.bulkhead.acquire(far()));
        let mut polled = poll(wait.as_mut());
        if polled.is_pending() {
            pass(SECOND);
            polled = poll(wait);
        }
        match polled {
            Poll::Ready(Ok(permit)) => self.work(permit),
            Poll::Ready(Err(rejection)) => assert_eq!(rejection.reason, Reason::BulkheadWaitTimeout),
            Poll::Pending => panic!("its time is over"),
        }
    }

    /// Takes a place in line and goes away.
    fn go_away(&self) {
        if let Poll::Ready(acquired) = poll(pin!(self.bulkhead.acquire(far()))) {
            self.work(acquired.expect("the queue is long enough"));
        }
    }

    /// Changes how many may run.
    fn resize(&self, running_max: usize) {
        self.bulkhead.resize(limits(running_max)).expect("the limits are above zero");
        assert!(self.bulkhead.running() <= self.running_max_ever);
    }

    /// Checks that nobody runs or waits, and that exactly so many slots are free.
    fn has_free(&self, slots: usize) {
        assert_eq!((self.bulkhead.running(), self.bulkhead.queued()), (0, 0));
        let _held: Vec<_> = (0..slots).map(|_| taken(poll(pin!(self.bulkhead.acquire(far()))))).collect();
        assert!(poll(pin!(self.bulkhead.acquire(far()))).is_pending());
    }
}

fn far() -> Deadline {
    Deadline::after(&Clock, 3_600 * SECOND)
}

/// Takes a slot that is free.
fn hold(bulkhead: Arc<Bulkhead>) -> Held {
    let mut held: Held = Box::pin(async move {
        let _permit = bulkhead.acquire(far()).await.expect("a slot is free");
        pending().await
    });
    assert!(poll(held.as_mut()).is_pending());
    held
}

fn poll<T>(wait: Pin<&mut (impl Future<Output = T> + ?Sized)>) -> Poll<T> {
    wait.poll(&mut Context::from_waker(Waker::noop()))
}

fn taken(polled: Poll<Acquired<'_>>) -> Permit<'_> {
    match polled {
        Poll::Ready(Ok(permit)) => permit,
        Poll::Ready(Err(_)) | Poll::Pending => panic!("no slot is free"),
    }
}

// Cases 60 and 132.
#[test]
fn a_slot_handed_to_a_wait_that_ends_goes_on_to_the_next_in_line() {
    explore_within(3, "bulkhead grant || timeout || next in line", || {
        let house = House::full(1, 1);
        at_once(&house, [House::release, House::wait_in_vain, House::wait]);
        house.has_free(1);
    });
    explore_within(3, "bulkhead grant || cancel || next in line", || {
        let house = House::full(1, 1);
        at_once(&house, [House::release, House::go_away, House::wait]);
        house.has_free(1);
    });
}

#[test]
fn who_waits_no_longer_leaves_the_line() {
    explore_within(3, "bulkhead cancel || timeout", || {
        let house = House::full(1, 1);
        at_once(&house, [House::go_away, House::wait_in_vain]);
        assert_eq!(house.bulkhead.queued(), 0);
        house.release();
        house.has_free(1);
    });
}

// Case 132.
#[test]
fn a_slot_that_is_added_and_one_that_is_given_back_reach_who_waits_and_no_other_appears() {
    explore_within(3, "bulkhead grant || timeout || resize up", || {
        let house = House::full(1, 2);
        at_once(&house, [House::release, House::wait_in_vain, |house| house.resize(2)]);
        house.has_free(2);
    });
    explore_within(3, "bulkhead cancel || wait || resize up", || {
        let house = House::full(1, 2);
        at_once(&house, [House::go_away, House::wait, |house| house.resize(2)]);
        house.release();
        house.has_free(2);
    });
}

#[test]
fn fewer_slots_are_reached_as_calls_end_and_who_waits_still_gets_one() {
    explore_within(3, "bulkhead release, release || wait || resize down", || {
        let house = House::full(2, 2);
        let release_both = |house: &House| {
            house.release();
            house.release();
        };
        at_once(&house, [release_both, House::wait, |house| house.resize(1)]);
        house.has_free(1);
    });
}

#[test]
fn nobody_overtakes_who_waits() {
    explore_within(3, "bulkhead release || newcomer", || {
        let house = House::full(1, 1);
        let mut first = pin!(house.bulkhead.acquire(far()));
        assert!(poll(first.as_mut()).is_pending());
        let newcomer = |house: &House| assert!(poll(pin!(house.bulkhead.acquire(far()))).is_pending(), "it overtook");
        at_once(&house, [House::release, newcomer]);
        house.work(taken(poll(first)));
        house.has_free(1);
    });
    explore_within(3, "bulkhead resize up by two || newcomer", || {
        let house = House::full(1, 3);
        let mut line = [pin!(house.bulkhead.acquire(far())), pin!(house.bulkhead.acquire(far()))];
        line.iter_mut().for_each(|wait| assert!(poll(wait.as_mut()).is_pending()));
        let newcomer = |house: &House| assert!(poll(pin!(house.bulkhead.acquire(far()))).is_pending(), "it overtook");
        at_once(&house, [|house: &House| house.resize(3), newcomer]);
        line.into_iter().for_each(|wait| house.work(taken(poll(wait))));
        house.release();
        house.has_free(3);
    });
}
