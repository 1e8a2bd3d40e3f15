//! The promises that only hold, or break, when everything happens at once in any order.

use proptest::prelude::*;

use super::super::delivery::{CANCELED, CANCELED_UNREGISTERED_PRODUCT, DELIVERED};
use super::super::product::*;
use super::super::rental::{CancelRental, PlaceRental, Rental};
use super::super::stock::{GiveBackStock, Stock, StockEvent, TakeStock};
use super::super::system;
use super::name;
use crate::domain::testing::world::{Call, World};
use crate::domain::{Aggregate, Value};

/// Which products there are: one left alone but for its name, one saved again and again, one removed, one unknown.
const NAMED: u64 = 1;
const SAVED: u64 = 2;
const REMOVED: u64 = 3;
const UNKNOWN: u64 = 4;

#[derive(Clone, Debug)]
struct Wish {
    product: u64,
    qty: i32,
    /// The cancels that follow; false when Delivery is stopped just then.
    cancels: Vec<bool>,
}

fn wish() -> impl Strategy<Value = Wish> {
    let cancels = prop::collection::vec(prop::bool::weighted(0.7), 0..3);
    (NAMED..=UNKNOWN, 1..6_i32, cancels).prop_map(|(product, qty, cancels)| Wish { product, qty, cancels })
}

fn registered(qty: i32) -> RegisterProduct {
    RegisterProduct { name: name("computer"), qty }
}

fn changed(change: Option<i32>) -> ChangeProduct {
    match change {
        Some(qty) => ChangeProduct { name: None, qty: Some(qty) },
        None => ChangeProduct { name: Some(name("laptop")), qty: None },
    }
}

fn placed(wish: &Wish) -> PlaceRental {
    let product_id = i64::try_from(wish.product).ok();
    PlaceRental { product_id, qty: wish.qty, status: name("ORDERED"), product_name: name("computer") }
}

#[track_caller]
fn number(value: &Value) -> i64 {
    match value {
        Value::Int(number) => *number,
        Value::Null | Value::Text(_) => panic!("{value:?} is no number"),
    }
}

/// Name and quantity of a product at each of the three services.
fn copies(world: &World, id: u64) -> Vec<Option<Vec<Value>>> {
    let own = world.get("product", "products", id);
    let copy = |service| world.get(service, "products", id).map(|values| values[1..].to_vec());
    vec![own, copy("rental"), copy("delivery")]
}

#[track_caller]
fn check_copies_agree(world: &World, id: u64) {
    let copies = copies(world, id);
    assert!(copies[0].is_some(), "product {id} is there");
    assert!(copies.iter().all(|copy| *copy == copies[0]), "product {id}: {copies:?}");
}

#[track_caller]
fn check_stock_was_never_negative(world: &World) {
    for (fact, event) in world.facts::<StockEvent>() {
        if let StockEvent::StockChanged(changed) = event {
            assert!(changed.qty >= 0, "{fact:?}");
        }
    }
}

/// Rental, delivery and row of one wish tell the same story.
#[track_caller]
fn check_rental(world: &World, id: u64, wish: &Wish) {
    let delivery = world.get("delivery", "deliveries", id).expect("decided");
    assert_eq!(delivery[..3], [wish.product.into(), id.into(), wish.qty.into()]);
    let (status, rental) = (&delivery[3], world.get("rental", "rentals", id));
    match &rental {
        Some(rental) => {
            assert_eq!((&rental[2], number(&rental[4])), (status, number(&id.into())));
            assert_ne!(*status, CANCELED.into(), "a rental that is there was not cancelled");
        }
        None => assert_eq!(*status, CANCELED.into(), "a cancelled rental is not delivered"),
    }
    assert_eq!(rental.is_none(), wish.cancels.contains(&true));
    let row = world.get("information", "myOrders", id).expect("a row");
    let expected =
        [wish.product.into(), id.into(), wish.qty.into(), status.clone(), id.into(), status.clone(), "computer".into()];
    assert_eq!(row, expected);
}

/// What all delivered rentals of a product hold.
fn delivered(world: &World, wishes: &[Wish], product: u64) -> i64 {
    let of_product = (1..).zip(wishes).filter(|(_, wish)| wish.product == product);
    let delivered = of_product.filter(|(id, _)| {
        let delivery = world.get("delivery", "deliveries", *id);
        delivery.is_some_and(|delivery| delivery[3] == DELIVERED.into())
    });
    delivered.map(|(_, wish)| i64::from(wish.qty)).sum()
}

fn wish_everything(world: &mut World, qty: i32, changes: &[Option<i32>], wishes: &[Wish]) {
    for (id, wish) in (1..).zip(wishes) {
        world.later(Call::to::<Rental>(id, placed(wish)));
        for reaches in &wish.cancels {
            let cancel = Call::to::<Rental>(id, CancelRental {});
            world.later(if *reaches { cancel } else { cancel.in_vain() });
        }
    }
    world.later(Call::to::<Product>(NAMED, changed(None)));
    changes.iter().for_each(|change| world.later(Call::to::<Product>(SAVED, changed(*change))));
    world.later(Call::to::<Product>(REMOVED, registered(qty)));
    world.later(Call::to::<Product>(REMOVED, RemoveProduct {}));
}

proptest! {
    #[test]
    fn once_quiet_everybody_agrees_and_nothing_is_lost(
        qty in 0..12_i32,
        changes in prop::collection::vec(prop::option::weighted(0.7, 0..12_i32), 0..4),
        wishes in prop::collection::vec(wish(), 0..10),
        choices in prop::collection::vec(0..1000_usize, 0..300),
    ) {
        let mut world = World::of(system());
        world.now(&Call::to::<Product>(NAMED, registered(qty))).expect("registered");
        world.now(&Call::to::<Product>(SAVED, registered(qty))).expect("registered");
        wish_everything(&mut world, qty, &changes, &wishes);
        world.run(&choices);

        check_stock_was_never_negative(&world);
        check_copies_agree(&world, NAMED);
        check_copies_agree(&world, SAVED);
        prop_assert!(copies(&world, REMOVED).iter().all(Option::is_none));
        for (id, wish) in (1..).zip(&wishes) {
            check_rental(&world, id, wish);
            let delivery = world.get("delivery", "deliveries", id).expect("decided");
            let is_unknown = delivery[3] == CANCELED_UNREGISTERED_PRODUCT.into();
            prop_assert!(!is_unknown || [REMOVED, UNKNOWN].contains(&wish.product), "{:?}", delivery);
        }
        let stock = world.get("delivery", "products", NAMED).expect("a stock");
        let held = delivered(&world, &wishes, NAMED);
        prop_assert_eq!(number(&stock[2]) + held, i64::from(qty));
    }

    /// The facts of Product and of the stock reach the three copies in any order that keeps each stream's own.
    #[test]
    fn the_copies_take_the_higher_pair_in_any_order(
        changes in prop::collection::vec(prop::option::weighted(0.6, 0..20_i32), 0..5),
        moves in prop::collection::vec((1..6_i32, any::<bool>()), 0..10),
        choices in prop::collection::vec(0..1000_usize, 0..200),
    ) {
        let mut world = World::of(system());
        world.later(Call::to::<Product>(NAMED, registered(9)));
        changes.iter().for_each(|change| world.later(Call::to::<Product>(NAMED, changed(*change))));
        for (rental_id, (qty, takes)) in (1..).zip(moves) {
            world.later(match takes {
                true => Call::to::<Stock>(NAMED, TakeStock { rental_id, qty }),
                false => Call::to::<Stock>(NAMED, GiveBackStock { rental_id, qty }),
            });
        }
        world.run(&choices);
        check_copies_agree(&world, NAMED);
        check_stock_was_never_negative(&world);
        let last = world.log.iter().rev().find(|fact| fact.stream.kind == Stock::KIND);
        prop_assert!(last.is_some(), "the stock heard of the product");
    }
}
