//! Every promise of the system: each rule and refusal, and rentals, deliveries and reserves in any order.

use std::collections::BTreeMap;
use std::sync::Arc;

use proptest::prelude::*;

use super::book::*;
use super::queue::*;
use super::rental::*;
use super::reserve::*;
use super::{delivery, rental, reserve, system};
use crate::domain::testing::given;
use crate::domain::testing::world::{Call, World};
use crate::domain::{Aggregate, Answer, Asked, Body, Context, Held, Refusal, SettingValues, Stream, Value};

/// Two books, of which there are so many.
fn world(stock: i32) -> World {
    let mut world = World::of(system());
    for id in 1..=2 {
        let (name, image_url) = (Some(format!("book {id}")), None);
        world.now(&Call::to::<Book>(id, RegisterBook { name, price: 100, stock, image_url })).expect("registered");
    }
    world.run(&[]);
    world
}

fn body(book_id: i64, qty: i32, customer: &str) -> Body {
    let customer = if customer.is_empty() { Value::Null } else { customer.into() };
    [("bookId", Value::Int(book_id)), ("qty", qty.into()), ("customerId", customer)].into_iter().collect()
}

fn rent(world: &mut World, id: u64, qty: i32, customer: &str) -> Result<(), Refusal> {
    world.now(&Call::to::<Rental>(id, rental::place(&body(1, qty, customer))))
}

fn reserved(world: &mut World, id: u64, qty: i32, customer: &str) {
    world.now(&Call::to::<Reserve>(id, reserve::place(&body(1, qty, customer)))).expect("reserved");
}

fn stock(world: &World, id: u64) -> Value {
    world.get("book", "books", id).expect("a book")[2].clone()
}

fn statuses(world: &World, ids: &[u64]) -> Vec<Value> {
    ids.iter().map(|id| world.get("reserve", "reserves", *id).expect("a reserve")[6].clone()).collect()
}

#[test]
fn what_makes_no_sense_is_refused_by_its_rule() {
    for (book, qty, rule) in [(1, 0, "quantity-is-at-least-one"), (0, 1, "book-is-named"), (-5, 1, "book-is-named")] {
        given::<Rental>([]).when(rental::place(&body(book, qty, ""))).then_broken(rule);
        given::<Reserve>([]).when(reserve::place(&body(book, qty, ""))).then_broken(rule);
    }
    let of = |field: &'static str, value: i32| [(field, Value::from(value))].into_iter().collect::<Body>();
    given::<Book>([]).when(register(&of("price", -1))).then_broken("price-is-not-negative");
    given::<Book>([]).when(register(&of("stock", -1))).then_broken("stock-is-not-negative");
    given::<Book>([]).when(LookAtBook { reserve_id: 1, customer_id: None, qty: 1 }).then_broken("book-is-registered");
    let mut world = world(3);
    rent(&mut world, 1, 3, "").expect("rented");
    let set = |status: Value| rental::change(&[("status", status)].into_iter().collect());
    for status in [Value::Null, "returned".into()] {
        let refused = world.now(&Call::to::<Rental>(1, set(status))).expect_err("no status of a client's");
        assert_eq!(refused.rule, "status-is-cancel");
    }
    world.now(&Call::to::<Rental>(1, rental::change(&Body::default()))).expect("changes nothing");
    for unknown in [set("cancel".into()), CancelRental {}.into()] {
        given::<Rental>([]).when(unknown).then_broken("not-found");
    }
    given::<Reserve>([]).when(CancelReserve {}).then_broken("not-found");
}

#[test]
fn a_rental_takes_its_stock_at_once_and_is_delivered_after() {
    let mut world = world(5);
    rent(&mut world, 1, 3, "ann").expect("rented");
    assert_eq!(stock(&world, 1), 2.into());
    let refused = rent(&mut world, 2, 3, "bob").expect_err("too few");
    assert_eq!((&*refused.rule, &*refused.detail), ("no-available-stock", "No Available stock!"));
    world.run(&[]);
    assert_eq!(world.get("rent", "rentals", 2), None);
    let rental = world.get("rent", "rentals", 1).expect("a rental");
    let expected = [1_u64.into(), "book 1".into(), 3.into(), 100.into(), "ann".into(), Value::Null];
    assert_eq!((&rental[..6], &rental[6]), (&expected[..], &DELIVERY_CREATED.into()));
    let delivery = world.get("delivery", "deliveries", 1).expect("a delivery");
    assert_eq!(delivery[3..], [delivery::DELIVERY_STARTED.into(), 3.into()]);
}

#[test]
fn a_cancelled_rental_gives_its_stock_back_once() {
    let mut world = world(5);
    rent(&mut world, 1, 3, "").expect("rented");
    for _ in 0..2 {
        world.now(&Call::to::<Rental>(1, CancelRental {})).expect("cancelled");
        world.run(&[]);
    }
    assert_eq!(stock(&world, 1), 5.into());
    assert_eq!(world.get("rent", "rentals", 1).expect("a rental")[6], DELIVERY_CANCELED.into());
    assert_eq!(world.get("delivery", "deliveries", 1).expect("a delivery")[3], delivery::DELIVERY_CANCELLED.into());
}

#[test]
fn an_undone_hold_gives_back_what_it_took_also_when_it_comes_too_late() {
    let registered = || BookEvent::from(BookSaved { id: 1, name: None, price: 1, stock: 5, image_url: None });
    let held = || StockDecreased { id: 1, rental_id: 7, qty: 3, stock: 2 };
    let (hold, undo) = (|| HoldStock { rental_id: 7, qty: 3 }, || VoidStock { rental_id: 7 });
    given::<Book>([registered()]).when(hold()).then([held()]);
    let back = StockIncreased { id: 1, rental_id: 7, qty: 3, stock: 5 };
    given::<Book>([registered(), held().into()]).when(undo()).then([back]);
    given::<Book>([registered()]).when(undo()).then([StockVoided { rental_id: 7 }]);
    given::<Book>([registered(), StockVoided { rental_id: 7 }.into()]).when(hold()).then_nothing();
}

#[test]
fn a_rental_or_reserve_that_was_not_answered_is_withdrawn() {
    let asked = |command: &str| Asked::of(Stream::new(Book::KIND, 1), command);
    for answer in [Answer::Withdrawn, Answer::Refused(Refusal::rule("no-available-stock", ""))] {
        let rental = given::<Rental>([]).when_answered(&asked("HoldStock"), &answer);
        let reserve = given::<Reserve>([]).when_answered(&asked("LookAtBook"), &answer);
        assert_eq!((rental, reserve), (vec![RentWithdrawn {}.into()], vec![ReserveWithdrawn {}.into()]));
    }
    assert_eq!(given::<Rental>([]).when_answered(&asked("VoidStock"), &Answer::Done), []);
}

#[test]
fn the_first_five_books_have_the_originals_prices_and_at_least_the_stock_that_is_set() {
    let of = |initial: &str| {
        let set = BTreeMap::from([("initial_stock".to_owned(), initial.to_owned())]);
        first_five(&SettingValues::of(&system().settings, &set).expect("a number"))
    };
    let clock = |stock| RegisterBook {
        name: Some("CLOCK".to_owned()),
        price: 50_000,
        stock,
        image_url: Some("/goods/img/CLOCK.jpg".to_owned()),
    };
    assert_eq!((of("0").len(), of("0").last()), (5, Some(&clock(50).into())));
    assert_eq!(of("2550").last(), Some(&clock(2550).into()));
}

#[test]
fn a_reserve_is_rented_when_the_same_customer_rents_the_same_book() {
    let mut world = world(5);
    reserved(&mut world, 1, 1, "ann");
    reserved(&mut world, 2, 1, "bob");
    reserved(&mut world, 3, 1, "");
    world.run(&[]);
    assert_eq!(statuses(&world, &[1, 2, 3]), [RESERVED.into(), RESERVED.into(), RESERVED.into()]);
    rent(&mut world, 1, 1, "bob").expect("rented");
    rent(&mut world, 2, 1, "").expect("rented");
    world.run(&[]);
    assert_eq!(statuses(&world, &[1, 2, 3]), [RESERVED.into(), RENTED.into(), RESERVED.into()]);
    assert_eq!(world.get("reserve", "reserves", 2).expect("a reserve")[5], 1_u64.into());
    let refused = world.now(&Call::to::<Reserve>(2, CancelReserve {})).expect_err("rented");
    assert_eq!(refused.rule, "reserve-is-open");
    for _ in 0..2 {
        world.now(&Call::to::<Reserve>(1, CancelReserve {})).expect("cancelled");
    }
    rent(&mut world, 3, 1, "ann").expect("rented");
    world.run(&[]);
    assert_eq!(statuses(&world, &[1]), [CANCELED.into()]);
}

#[test]
fn who_waits_is_offered_what_comes_back_the_oldest_first() {
    let mut world = world(3);
    rent(&mut world, 1, 2, "").expect("rented");
    rent(&mut world, 2, 1, "").expect("rented");
    for (id, qty) in [(1, 2), (2, 1), (3, 1)] {
        reserved(&mut world, id, qty, "ann");
    }
    world.run(&[]);
    assert_eq!(statuses(&world, &[1, 2, 3]), [WAITING.into(), WAITING.into(), WAITING.into()]);
    world.now(&Call::to::<Rental>(2, CancelRental {})).expect("cancelled");
    world.run(&[]);
    assert_eq!(statuses(&world, &[1, 2, 3]), [WAITING.into(), WAITING.into(), WAITING.into()], "one is not two");
    world.now(&Call::to::<Rental>(1, CancelRental {})).expect("cancelled");
    world.run(&[]);
    assert_eq!(statuses(&world, &[1, 2, 3]), [AVAILABLE.into(), AVAILABLE.into(), WAITING.into()]);
    world.now(&Call::to::<Reserve>(1, CancelReserve {})).expect("cancelled");
    world.run(&[]);
    assert_eq!(statuses(&world, &[1, 2, 3]), [CANCELED.into(), AVAILABLE.into(), AVAILABLE.into()]);
}

#[test]
fn what_a_customer_rented_before_he_reserved_is_not_what_he_reserved() {
    let mut world = world(5);
    rent(&mut world, 1, 1, "ann").expect("rented");
    reserved(&mut world, 1, 1, "ann");
    world.run(&[]);
    assert_eq!(statuses(&world, &[1]), [RESERVED.into()]);
}

#[test]
fn a_cancel_that_reaches_the_queue_before_its_reserve_keeps_it_out() {
    let seventh = || Place { reserve_id: 7, customer_id: None, qty: 1, at: 2, is_offered: false };
    let canceled = || QueueEvent::from(Dequeued { reserve_id: 7 });
    given::<Queue>([]).when(Dequeue { reserve_id: 7 }).then([canceled()]);
    let state = given::<Queue>([StockNoted { stock: 5 }.into(), canceled()]).when(Enqueue { place: seventh() });
    state.then([Enqueued { place: seventh() }]);
}

#[test]
fn a_reserve_looks_at_the_book_as_it_is_and_is_named_after_it() {
    let saved = BookSaved { id: 1, name: Some("TV".to_owned()), price: 1, stock: 0, image_url: None };
    let book = Arc::new(crate::domain::system::AggregateSpec::of::<Book>());
    let state = (book.initial)().evolved(&[Arc::new(BookEvent::from(saved))]) as Arc<dyn Held>;
    let asked = Asked { state: Some(state), ..Asked::of(Stream::new(Book::KIND, 1), "LookAtBook") };
    let wish = Wish { book_id: 1, qty: 1, ..Wish::default() };
    let closing = given::<Reserve>([ReserveRequested { wish }.into()]).state().answered(
        &asked,
        &Answer::Done,
        &Context::new(1, 0),
    );
    let [ReserveEvent::Reserved(reserved)] = &closing.facts[..] else { panic!("{closing:?}") };
    assert_eq!((reserved.book_name.as_deref(), &*reserved.status), (Some("TV"), WAITING));
}

proptest! {
    #[test]
    fn once_quiet_the_stock_is_what_is_not_rented_and_nobody_waits_beside_stock_that_would_do(
        rentals in prop::collection::vec((1..4_i32, 0..3_usize, any::<bool>(), any::<bool>()), 0..8),
        reserves in prop::collection::vec((1..3_i32, 0..3_usize, any::<bool>()), 0..6),
        choices in prop::collection::vec(0..1000_usize, 0..300),
    ) {
        const CUSTOMERS: [&str; 3] = ["ann", "bob", "cem"];
        const CLAIMS: [&str; 2] = [RESERVED, AVAILABLE];
        let mut world = world(6);
        for (id, (qty, customer, cancels, reaches)) in (1..).zip(&rentals) {
            let call = Call::to::<Rental>(id, rental::place(&body(1, *qty, CUSTOMERS[*customer])));
            world.later(if *reaches { call } else { call.in_vain() });
            if *cancels {
                world.later(Call::to::<Rental>(id, CancelRental {}));
            }
        }
        for (id, (qty, customer, cancels)) in (1..).zip(&reserves) {
            world.later(Call::to::<Reserve>(id, reserve::place(&body(1, *qty, CUSTOMERS[*customer]))));
            if *cancels {
                world.later(Call::to::<Reserve>(id, CancelReserve {}));
            }
        }
        world.run(&choices);
        let mut rented = 0;
        for (id, (qty, ..)) in (1..).zip(&rentals) {
            let (rental, delivery) = (world.get("rent", "rentals", id), world.get("delivery", "deliveries", id));
            prop_assert_eq!(rental.is_some(), delivery.is_some());
            if rental.is_some_and(|rental| rental[6] == DELIVERY_CREATED.into()) {
                rented += qty;
            }
        }
        prop_assert_eq!(stock(&world, 1), (6 - rented).into());
        let all: Vec<u64> = (1..).zip(&reserves).map(|(id, _)| id).collect();
        let open: Vec<_> = statuses(&world, &all).into_iter().zip(&reserves).map(|(status, of)| (status, of.0)).collect();
        let claimed: i32 = open.iter().filter(|(status, _)| CLAIMS.map(Value::from).contains(status)).map(|of| of.1).sum();
        if let Some(most) = open.iter().filter(|(status, _)| *status == WAITING.into()).map(|of| of.1).max() {
            prop_assert!(6 - rented - claimed < most, "{open:?} with {rented} rented");
        }
        prop_assert!(world.facts::<QueueEvent>().all(|(fact, _)| !fact.event.is_public()));
    }
}
