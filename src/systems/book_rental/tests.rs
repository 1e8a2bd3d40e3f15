//! Every promise of the system: each rule and refusal, and rentals, deliveries and reserves in any order.

use std::collections::BTreeMap;

use proptest::prelude::*;

use super::book::*;
use super::delivery::{DELIVERY_CANCELLED, DELIVERY_STARTED};
use super::queue::*;
use super::rental::*;
use super::reserve::*;
use super::*;
use crate::domain::testing::given;
use crate::domain::testing::world::{Call, World};
use crate::domain::{Body, Refusal, SettingValues, Value};
use crate::systems::tests::seen;

/// Two books, of which there are so many.
fn world(stock: i32) -> World {
    let mut world = World::of(system());
    for id in 1..=2 {
        let name = Some(format!("book {id}"));
        world.settle::<Book>(id, RegisterBook(Details { name, price: 100, stock, image_url: None }));
    }
    world
}

/// So many of the first book.
fn wish(qty: i32, customer: &str) -> Wish {
    let customer_id = Some(customer.to_owned()).filter(|customer| !customer.is_empty());
    Wish { book_id: 1, qty, customer_id, customer_name: None }
}

fn rent(qty: i32, customer: &str) -> PlaceRental {
    PlaceRental { wish: wish(qty, customer) }
}

fn reserve(qty: i32, customer: &str) -> PlaceReserve {
    PlaceReserve { wish: wish(qty, customer) }
}

fn stock(world: &World) -> Option<Value> {
    world.value("book", "books", 1, 2)
}

fn status(world: &World, reserve: u64) -> Option<Value> {
    world.value("reserve", "reserves", reserve, 6)
}

#[track_caller]
fn are<const N: usize>(world: &World, expected: [&str; N]) {
    let statuses: Vec<_> = (1..=N as u64).map(|id| status(world, id)).collect();
    assert_eq!(statuses, expected.map(|status| Some(status.into())));
}

#[test]
fn what_makes_no_sense_is_refused_by_its_rule() {
    let of = |field: &'static str, value: i32| [(field, Value::from(value))].into_iter().collect::<Body>();
    for (book_id, qty, rule) in [(1, 0, "quantity-is-at-least-one"), (0, 1, "book-is-named")] {
        let wish = || Wish { book_id, ..wish(qty, "") };
        given::<Rental>([]).when(PlaceRental { wish: wish() }).then_broken(rule);
        given::<Reserve>([]).when(PlaceReserve { wish: wish() }).then_broken(rule);
    }
    given::<Rental>([]).when(PlaceRental { wish: (&of("bookId", -5)).into() }).then_broken("book-is-named");
    for (field, rule) in [("price", "price-is-not-negative"), ("stock", "stock-is-not-negative")] {
        given::<Book>([]).when(RegisterBook((&of(field, -1)).into())).then_broken(rule);
    }
    given::<Book>([]).when(LookAtBook { reserve_id: 1, customer_id: None, qty: 1 }).then_broken("book-is-registered");
    let mut world = world(3);
    world.settle::<Rental>(1, rent(3, ""));
    let set = |status: &str| ChangeRental { status: Some(status.to_owned()) };
    for status in ["returned", ""] {
        world.refuses::<Rental>(1, set(status), "status-is-cancel");
    }
    world.settle::<Rental>(1, ChangeRental { status: None });
    for unknown in [RentalCommand::from(set("cancel")), CancelRental {}.into()] {
        given::<Rental>([]).when(unknown).then_broken("not-found");
    }
    given::<Reserve>([]).when(CancelReserve {}).then_broken("not-found");
}

#[test]
fn a_rental_takes_its_stock_at_once_is_delivered_after_and_gives_it_back_once() {
    let mut world = world(5);
    world.now(&Call::to::<Rental>(1, rent(3, "ann"))).expect("rented");
    assert_eq!(stock(&world), Some(2.into()));
    let too_few = world.now(&Call::to::<Rental>(2, rent(3, "bob")));
    assert_eq!(too_few, Err(Refusal::rule("no-available-stock", "No Available stock!")));
    world.run(&[]);
    assert_eq!(world.get("rent", "rentals", 2), None);
    let rental = world.get("rent", "rentals", 1).expect("a rental");
    assert_eq!(rental[..6], [1_u64.into(), "book 1".into(), 3.into(), 100.into(), "ann".into(), Value::Null]);
    let tells = |world: &World, status: &str, state: &str| {
        let told =
            seen(world, 1, [("rent", "rentals", 6), ("delivery", "deliveries", 3), ("delivery", "deliveries", 4)]);
        assert_eq!(told, [status.into(), state.into(), 3.into()].map(Some));
    };
    tells(&world, DELIVERY_CREATED, DELIVERY_STARTED);
    for _ in 0..2 {
        world.settle::<Rental>(1, CancelRental {});
        assert_eq!(stock(&world), Some(5.into()));
        tells(&world, DELIVERY_CANCELED, DELIVERY_CANCELLED);
    }
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
fn a_rental_or_reserve_stands_only_when_the_book_has_answered() {
    let parcel = Parcel { rent_id: 1, qty: 2, ..Parcel::default() };
    let (customer_id, customer_name, book_name) = (None, None, None);
    let saved =
        RentSaved { id: 1, book_id: 1, book_name, qty: 2, price: 0, customer_id, customer_name, delivery: parcel };
    let requested = RentRequested { wish: wish(2, "") };
    given::<Rental>([requested.into()]).closes_try("HoldStock", saved, RentWithdrawn {});
    let told = Told { id: 1, book_id: 1, qty: 2, status: WAITING.to_owned(), ..Told::default() };
    let requested = ReserveRequested { wish: wish(2, "") };
    given::<Reserve>([requested.into()]).closes_try("LookAtBook", Reserved(told), ReserveWithdrawn {});
}

#[test]
fn the_first_five_books_have_the_originals_prices_and_at_least_the_stock_that_is_set() {
    let of = |initial: &str| {
        let set = BTreeMap::from([(INITIAL_STOCK.key.to_owned(), initial.to_owned())]);
        first_five(&SettingValues::of(&system().settings, &set).expect("a number"))
    };
    let clock = |stock| {
        let (name, image_url) = (Some("CLOCK".to_owned()), Some("/goods/img/CLOCK.jpg".to_owned()));
        BookCommand::from(RegisterBook(Details { name, price: 50_000, stock, image_url }))
    };
    assert_eq!((of("0").len(), of("0").last()), (5, Some(&clock(50))));
    assert_eq!(of("2550").last(), Some(&clock(2550)));
}

#[test]
fn a_reserve_is_rented_when_the_same_customer_rents_the_same_book() {
    let mut world = world(5);
    for (id, customer) in [(1, "ann"), (2, "bob"), (3, "")] {
        world.settle::<Reserve>(id, reserve(1, customer));
    }
    are(&world, [RESERVED, RESERVED, RESERVED]);
    world.settle::<Rental>(1, rent(1, "bob"));
    world.settle::<Rental>(2, rent(1, ""));
    are(&world, [RESERVED, RENTED, RESERVED]);
    assert_eq!(world.value("reserve", "reserves", 2, 5), Some(1_u64.into()));
    world.refuses::<Reserve>(2, CancelReserve {}, "reserve-is-open");
    for _ in 0..2 {
        world.settle::<Reserve>(1, CancelReserve {});
    }
    world.settle::<Rental>(3, rent(1, "ann"));
    are(&world, [CANCELED, RENTED, RESERVED]);
}

#[test]
fn who_waits_is_offered_what_comes_back_of_the_book_he_named_the_oldest_first() {
    let mut world = world(3);
    world.settle::<Rental>(1, rent(2, ""));
    world.settle::<Rental>(2, rent(1, ""));
    for (id, qty) in [(1, 2), (2, 1), (3, 1)] {
        world.settle::<Reserve>(id, reserve(qty, "ann"));
    }
    are(&world, [WAITING, WAITING, WAITING]);
    assert_eq!(world.value("reserve", "reserves", 1, 1), Some("book 1".into()));
    world.settle::<Rental>(2, CancelRental {});
    are(&world, [WAITING, WAITING, WAITING]);
    world.settle::<Rental>(1, CancelRental {});
    are(&world, [AVAILABLE, AVAILABLE, WAITING]);
    world.settle::<Reserve>(1, CancelReserve {});
    are(&world, [CANCELED, AVAILABLE, AVAILABLE]);
}

#[test]
fn what_a_customer_rented_before_he_reserved_is_not_what_he_reserved() {
    let mut world = world(5);
    world.now(&Call::to::<Rental>(1, rent(1, "ann"))).expect("rented");
    world.settle::<Reserve>(1, reserve(1, "ann"));
    are(&world, [RESERVED]);
}

#[test]
fn a_cancel_that_reaches_the_queue_before_its_reserve_keeps_it_out() {
    let seventh = || Place { reserve_id: 7, customer_id: None, qty: 1, at: 2, is_offered: false };
    let canceled = || QueueEvent::from(Dequeued { reserve_id: 7 });
    given::<Queue>([]).when(Dequeue { reserve_id: 7 }).then([canceled()]);
    let state = given::<Queue>([StockNoted { stock: 5 }.into(), canceled()]).when(Enqueue { place: seventh() });
    state.then([Enqueued { place: seventh() }]);
}

proptest! {
    #[test]
    fn once_quiet_the_stock_is_what_is_not_rented_and_nobody_waits_beside_stock_that_would_do(
        rentals in prop::collection::vec((1..4_i32, 0..3_usize, any::<bool>(), any::<bool>()), 0..8),
        reserves in prop::collection::vec((1..3_i32, 0..3_usize, any::<bool>()), 0..6),
        choices in prop::collection::vec(0..1000_usize, 0..300),
    ) {
        const CUSTOMERS: [&str; 3] = ["ann", "bob", "cem"];
        let mut world = world(6);
        for (id, (qty, customer, cancels, reaches)) in (1..).zip(&rentals) {
            let call = Call::to::<Rental>(id, rent(*qty, CUSTOMERS[*customer]));
            world.later(if *reaches { call } else { call.in_vain() });
            if *cancels {
                world.later(Call::to::<Rental>(id, CancelRental {}));
            }
        }
        for (id, (qty, customer, cancels)) in (1..).zip(&reserves) {
            world.later(Call::to::<Reserve>(id, reserve(*qty, CUSTOMERS[*customer])));
            if *cancels {
                world.later(Call::to::<Reserve>(id, CancelReserve {}));
            }
        }
        world.run(&choices);
        let mut left = 6;
        for (id, (qty, ..)) in (1..).zip(&rentals) {
            let [status, delivery] = seen(&world, id, [("rent", "rentals", 6), ("delivery", "deliveries", 0)]);
            prop_assert_eq!(status.is_some(), delivery.is_some());
            left -= if status == Some(DELIVERY_CREATED.into()) { *qty } else { 0 };
        }
        prop_assert_eq!(stock(&world), Some(left.into()));
        let of = |among: &[&str]| -> Vec<i32> {
            let is = |id| among.iter().any(|word| status(&world, id) == Some(Value::from(*word)));
            (1..).zip(&reserves).filter(|(id, _)| is(*id)).map(|(_, (qty, ..))| *qty).collect()
        };
        let claimed: i32 = of(&[RESERVED, AVAILABLE]).iter().sum();
        // The oldest first: who waits behind one who needs more waits on, even beside stock for himself.
        let line = world.facts::<QueueEvent>().filter_map(|(_, event)| match event {
            QueueEvent::Enqueued(Enqueued { place }) => Some(place),
            QueueEvent::Dequeued(_) | QueueEvent::Matched(_) | QueueEvent::Offered(_) | QueueEvent::StockNoted(_) => None,
        });
        let waits = |id| status(&world, id) == Some(Value::from(WAITING));
        let next = line.into_iter().find(|place| waits(place.reserve_id)).map_or(i32::MAX, |place| place.qty);
        prop_assert!(left - claimed < next, "{left} left, {claimed} claimed, {next} wanted next");
        prop_assert!(world.facts::<QueueEvent>().all(|(fact, _)| !fact.event.is_public()));
    }
}
