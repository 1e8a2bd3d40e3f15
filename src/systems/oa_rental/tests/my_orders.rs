//! The customer's row through whole stories.

use super::super::delivery::{CANCELED, CANCELED_OUT_OF_STOCK, DELIVERED};
use super::super::product::{Product, RegisterProduct, RemoveProduct};
use super::super::rental::{CancelRental, PlaceRental, Rental};
use super::super::system;
use super::name;
use crate::domain::Value;
use crate::domain::aggregate::RefusalClass;
use crate::domain::testing::world::{Call, World};

/// A world with nine computers as product 1.
fn nine_computers() -> World {
    let mut world = World::of(system());
    let computers = RegisterProduct { name: name("computer"), qty: 9 };
    world.now(&Call::to::<Product>(1, computers)).expect("registered");
    world.run(&[]);
    world
}

fn rent(world: &mut World, id: u64, product_id: i64, qty: i32) {
    let rental =
        PlaceRental { product_id: Some(product_id), qty, status: name("ORDERED"), product_name: name("computer") };
    world.now(&Call::to::<Rental>(id, rental)).expect("taken at once");
}

fn cancel(id: u64) -> Call {
    Call::to::<Rental>(id, CancelRental {})
}

/// The row's four moving values: rental status, delivery, delivery status.
#[track_caller]
fn check_row(world: &World, id: u64, rental_status: &str, delivery: Option<u64>, delivery_status: Option<&str>) {
    let row = world.get("information", "myOrders", id).expect("a row");
    let status = delivery_status.map_or(Value::Null, Value::from);
    assert_eq!(row[3..6], [rental_status.into(), delivery.into(), status]);
}

#[track_caller]
fn check_stock(world: &World, qty: i32) {
    let product = world.get("product", "products", 1).expect("a product");
    assert_eq!(product, ["computer".into(), qty.into()]);
    for service in ["rental", "delivery"] {
        let copy = world.get(service, "products", 1).expect("a copy");
        assert_eq!(copy, [1_u64.into(), "computer".into(), qty.into()], "{service}");
    }
}

#[test]
fn an_order_shows_what_was_sent_then_its_delivery() {
    let mut world = nine_computers();
    rent(&mut world, 1, 1, 3);
    let row = [1_u64.into(), 1_u64.into(), 3.into(), "ORDERED".into()];
    let rest = [Value::Null, Value::Null, "computer".into()];
    assert_eq!(world.get("information", "myOrders", 1), Some([&row[..], &rest[..]].concat()));
    assert_eq!(world.get("delivery", "deliveries", 1), None);
    world.run(&[]);
    check_row(&world, 1, DELIVERED, Some(1), Some(DELIVERED));
    check_stock(&world, 6);
}

#[test]
fn refused_orders_show_why_in_both_statuses() {
    let mut world = nine_computers();
    rent(&mut world, 1, 1, 12);
    rent(&mut world, 2, 22, 1);
    world.run(&[]);
    check_row(&world, 1, CANCELED_OUT_OF_STOCK, Some(1), Some(CANCELED_OUT_OF_STOCK));
    let unknown = "CANCELED_UnregisteredProduct";
    check_row(&world, 2, unknown, Some(2), Some(unknown));
    let rental = world.get("rental", "rentals", 2).expect("a refused rental stays");
    assert_eq!(rental[2], unknown.into());
    check_stock(&world, 9);
}

#[test]
fn a_cancelled_order_keeps_its_row_and_gives_the_stock_back() {
    let mut world = nine_computers();
    rent(&mut world, 1, 1, 3);
    world.run(&[]);
    world.now(&cancel(1)).expect("cancelled");
    assert_eq!(world.get("rental", "rentals", 1), None);
    check_row(&world, 1, CANCELED, Some(1), Some(CANCELED));
    world.run(&[]);
    check_row(&world, 1, CANCELED, Some(1), Some(CANCELED));
    check_stock(&world, 9);
    let delivery = world.get("delivery", "deliveries", 1).expect("a delivery");
    assert_eq!(delivery, [1_u64.into(), 1_u64.into(), 3.into(), CANCELED.into()]);
}

#[test]
fn an_order_cancelled_before_its_delivery_stays_cancelled() {
    let mut world = nine_computers();
    rent(&mut world, 1, 1, 3);
    world.now(&cancel(1)).expect("cancelled");
    check_row(&world, 1, CANCELED, None, Some(CANCELED));
    assert_eq!(world.get("delivery", "deliveries", 1), None);
    world.run(&[]);
    check_row(&world, 1, CANCELED, Some(1), Some(CANCELED));
    check_stock(&world, 9);
}

#[test]
fn a_refused_order_can_be_cancelled_and_gives_nothing_back() {
    let mut world = nine_computers();
    rent(&mut world, 1, 1, 12);
    world.run(&[]);
    world.now(&cancel(1)).expect("cancelled");
    world.run(&[]);
    check_row(&world, 1, CANCELED, Some(1), Some(CANCELED));
    check_stock(&world, 9);
}

#[test]
fn a_cancel_while_delivery_is_stopped_changes_nothing_and_works_later() {
    let mut world = nine_computers();
    rent(&mut world, 1, 1, 3);
    world.run(&[]);
    let before = world.log.len();
    world.now(&cancel(1).in_vain()).expect("told by the shell");
    world.run(&[]);
    assert_eq!(world.log.len(), before);
    check_row(&world, 1, DELIVERED, Some(1), Some(DELIVERED));
    world.now(&cancel(1)).expect("cancelled");
    world.run(&[]);
    check_stock(&world, 9);
}

#[test]
fn a_second_cancel_finds_no_rental_and_returns_no_stock_twice() {
    let mut world = nine_computers();
    rent(&mut world, 1, 1, 3);
    world.run(&[]);
    world.now(&cancel(1)).expect("cancelled");
    let again = world.now(&cancel(1)).expect_err("gone");
    assert_eq!(again.class, RefusalClass::Missing);
    world.run(&[]);
    check_stock(&world, 9);
}

#[test]
fn an_order_of_a_removed_product_is_unregistered() {
    let mut world = nine_computers();
    world.now(&Call::to::<Product>(1, RemoveProduct {})).expect("removed");
    world.run(&[]);
    for service in ["product", "rental", "delivery"] {
        assert_eq!(world.get(service, "products", 1), None, "{service}");
    }
    rent(&mut world, 1, 1, 3);
    world.run(&[]);
    let unknown = "CANCELED_UnregisteredProduct";
    check_row(&world, 1, unknown, Some(1), Some(unknown));
}
