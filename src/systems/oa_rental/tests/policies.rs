//! Each fact of the system, and exactly the commands that follow from it.

use std::sync::Arc;

use super::super::delivery::*;
use super::super::product::*;
use super::super::product_copy::*;
use super::super::rental::*;
use super::super::stock::*;
use super::super::system;
use super::name;
use crate::domain::{Aggregate, AnyEvent, Command, Recorded, Stream};

const VERSION: StockVersion = StockVersion { saved: 4, stock: 6 };

/// A command as it follows: policy, target and the command itself, printed.
type Follows = (&'static str, Stream, String);

fn follows<A: Aggregate>(policy: &'static str, id: u64, command: impl Into<A::Command>) -> Follows
where
    A::Command: Command,
{
    (policy, Stream::new(A::KIND, id), format!("{:?}", command.into()))
}

/// Gives the fact to every policy of the system that listens to its kind, as the fifth of that stream.
#[track_caller]
fn check<A: Aggregate>(event: impl Into<A::Event>, expected: impl IntoIterator<Item = Follows>) {
    let event: Arc<dyn AnyEvent> = Arc::new(event.into());
    let fact = Recorded {
        position: 50,
        stream: Stream::new(A::KIND, 7),
        version: 5,
        public_version: 5,
        time_ms: 0,
        command: 0,
        causation: 0,
        correlation: Arc::from("story"),
        event,
    };
    let system = system();
    let policies = system.services.iter().flat_map(|service| &service.policies);
    let mut actual: Vec<Follows> = policies
        .filter(|policy| policy.source == A::KIND)
        .flat_map(|policy| (policy.react)(&fact).into_iter().map(|order| (policy.name, order)))
        .map(|(policy, order)| {
            (policy, Stream::new(order.kind, order.id.expect("a known target")), format!("{:?}", order.command))
        })
        .collect();
    actual.sort();
    let mut expected: Vec<Follows> = expected.into_iter().collect();
    expected.sort();
    assert_eq!(actual, expected);
}

#[test]
fn a_saved_product_is_copied_and_sets_the_stock() {
    let (name, qty, saved) = (name("computer"), 9, 5);
    check::<Product>(
        ProductSaved { id: 7, name: name.clone(), qty },
        [
            follows::<ProductCopy>("wheneverProductSaved_Product", 7, CopyProduct { name: name.clone(), qty, saved }),
            follows::<Stock>("wheneverProductSaved_Stock", 7, SetStock { name, qty, saved }),
        ],
    );
}

#[test]
fn a_renamed_product_renames_its_copies() {
    let (name, named) = (name("laptop"), 5);
    check::<Product>(
        ProductRenamed { id: 7, name: name.clone() },
        [
            follows::<ProductCopy>("wheneverProductSaved_Product", 7, RenameCopy { name: name.clone(), named }),
            follows::<Stock>("wheneverProductSaved_Stock", 7, RenameStock { name, named }),
        ],
    );
}

#[test]
fn a_removed_product_takes_its_copies_along() {
    check::<Product>(
        ProductRemoved { id: 7 },
        [
            follows::<ProductCopy>("wheneverProductSaved_Product", 7, DropCopy {}),
            follows::<Stock>("wheneverProductSaved_Stock", 7, DropStock {}),
        ],
    );
}

#[test]
fn a_product_that_followed_the_stock_moves_nobody() {
    check::<Product>(StockCopied { id: 7, qty: 6, version: VERSION }, []);
}

#[test]
fn a_moved_stock_moves_the_copies_of_product_and_rental() {
    check::<Stock>(
        StockChanged { id: 7, qty: 6, rental_id: 3, version: VERSION },
        [
            follows::<Product>("wheneverStockChanged_Product", 7, FollowStock { qty: 6, version: VERSION }),
            follows::<ProductCopy>(
                "wheneverStockChanged_RentalProduct",
                7,
                FollowStockOfCopy { qty: 6, version: VERSION },
            ),
        ],
    );
}

#[test]
fn what_the_stock_took_over_from_the_product_is_not_told_back() {
    check::<Stock>(ProductInventoryRegisted { id: 7, name: None, qty: 9, saved: 5 }, []);
    check::<Stock>(StockRenamed { id: 7, name: None, named: 5 }, []);
    check::<Stock>(StockDropped { id: 7 }, []);
}

#[test]
fn rentals_copy_moves_nobody() {
    let registed = ProductRegisted { id: 7, name: None, qty: 9, version: VERSION, named: 5 };
    check::<ProductCopy>(registed, []);
    check::<ProductCopy>(CopyStockChanged { id: 7, qty: 6, version: VERSION }, []);
    check::<ProductCopy>(CopyRenamed { id: 7, name: None, named: 5 }, []);
    check::<ProductCopy>(CopyDropped { id: 7 }, []);
}

#[test]
fn a_rental_is_delivered_and_its_cancel_was_asked_already() {
    let rentaled = Rentaled { id: 7, product_id: Some(22), qty: 3, status: None, product_name: None };
    check::<Rental>(
        rentaled,
        [follows::<Delivery>("wheneverRentaled_Delivery", 7, Deliver { product_id: Some(22), qty: 3 })],
    );
    let (status, product_id) = (CANCELED.to_owned(), Some(22));
    check::<Rental>(RentalCanceled { id: 7, product_id, qty: 3, status: status.clone() }, []);
    check::<Rental>(RentalStatusChanged { id: 7, status, delivery_id: 7 }, []);
}

#[test]
fn a_rental_follows_its_decided_delivery() {
    for status in [DELIVERED, CANCELED_OUT_OF_STOCK, CANCELED_UNREGISTERED_PRODUCT] {
        let status = status.to_owned();
        let follow = || {
            follows::<Rental>(
                "wheneverDelivered_DeliveryStatus",
                8,
                FollowDelivery { delivery_id: 7, status: status.clone() },
            )
        };
        let (id, qty, rental_id) = (7, 3, 8);
        check::<Delivery>(Delivered { id, qty, status: status.clone(), rental_id }, [follow()]);
        let refused = OutOfStockRentalCanceled { id, qty, status: status.clone(), rental_id };
        check::<Delivery>(refused, [follow()]);
    }
}

#[test]
fn only_returned_items_go_back_to_the_stock() {
    let (product_id, rental_id, qty) = (22, 7, 3);
    check::<Delivery>(
        StockReturned { product_id, rental_id, qty },
        [follows::<Stock>("wheneverStockReturned_Stock", 22, GiveBackStock { rental_id, qty })],
    );
    let status = CANCELED.to_owned();
    check::<Delivery>(DeliveryCanceled { id: 7, qty, status, rental_id }, []);
    check::<Delivery>(CancelNoted { qty }, []);
    check::<Delivery>(DeliveryRequested { product_id: Some(22), rental_id, qty }, []);
}
