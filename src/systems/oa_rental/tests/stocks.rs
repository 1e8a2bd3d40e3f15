//! Delivery's stock: whoever takes, never more than there is.

use proptest::prelude::*;

use super::super::product::StockVersion;
use super::super::stock::*;
use super::{name, rule_of, seen};
use crate::domain::aggregate::RefusalClass;
use crate::domain::testing::given;
use crate::domain::{Aggregate, Context, Rejection};

fn registed(qty: i32, saved: u64) -> StockEvent {
    ProductInventoryRegisted { id: 1, name: name("computer"), qty, saved }.into()
}

fn moved(qty: i32, rental_id: u64, saved: u64, stock: u64) -> StockEvent {
    StockChanged { id: 1, qty, rental_id, version: StockVersion { saved, stock } }.into()
}

fn set(qty: i32, saved: u64) -> SetStock {
    SetStock { name: name("computer"), qty, saved }
}

#[test]
fn a_saved_product_sets_the_stock() {
    given::<Stock>([]).when(set(9, 1)).then([registed(9, 1)]);
    given::<Stock>([registed(9, 1), moved(6, 3, 1, 2)]).when(set(20, 4)).then([registed(20, 4)]);
    assert_eq!(seen::<Stock>(represent, [registed(9, 1)]), Some(vec![1_u64.into(), "computer".into(), 9.into()]));
}

#[test]
fn an_older_save_changes_nothing() {
    given::<Stock>([registed(9, 4)]).when(set(2, 4)).then_nothing();
    given::<Stock>([registed(9, 4)]).when(set(2, 1)).then_nothing();
}

#[test]
fn a_new_name_leaves_the_stock_as_it_is() {
    let renamed = StockEvent::from(StockRenamed { id: 1, name: name("laptop"), named: 2 });
    given::<Stock>([registed(9, 1)]).when(RenameStock { name: name("laptop"), named: 2 }).then([renamed.clone()]);
    given::<Stock>([registed(9, 1), renamed.clone()]).when(RenameStock { name: name("desk"), named: 2 }).then_nothing();
    assert_eq!(
        seen::<Stock>(represent, [registed(9, 1), moved(6, 3, 1, 2), renamed]),
        Some(vec![1_u64.into(), "laptop".into(), 6.into()])
    );
}

#[test]
fn taking_items_says_what_is_left_and_how_new_that_is() {
    given::<Stock>([registed(9, 1)]).when(TakeStock { rental_id: 3, qty: 3 }).then([moved(6, 3, 1, 2)]);
    given::<Stock>([registed(9, 1), moved(6, 3, 1, 2), registed(20, 5)])
        .when(TakeStock { rental_id: 4, qty: 1 })
        .then([moved(19, 4, 5, 4)]);
}

#[test]
fn the_last_item_can_be_taken_and_no_more() {
    given::<Stock>([registed(9, 1)]).when(TakeStock { rental_id: 3, qty: 9 }).then([moved(0, 3, 1, 2)]);
    let refused = StockRejection::OutOfStock { left: 9, wanted: 10 };
    given::<Stock>([registed(9, 1)]).when(TakeStock { rental_id: 3, qty: 10 }).then_refused(&refused);
    assert_eq!(rule_of(&refused.refusal()), "out-of-stock");
    assert_eq!(refused.refusal().class, RefusalClass::Rule);
    assert_eq!(refused.refusal().detail, "10 wanted, 9 in stock");
}

#[test]
fn an_unknown_product_has_no_stock_to_take() {
    let refused = StockRejection::UnregisteredProduct(1);
    given::<Stock>([]).when(TakeStock { rental_id: 3, qty: 1 }).then_refused(&refused);
    given::<Stock>([StockRenamed { id: 1, name: None, named: 2 }.into()])
        .when(TakeStock { rental_id: 3, qty: 1 })
        .then_refused(&refused);
    assert_eq!(refused.refusal().class, RefusalClass::UnknownTarget);
}

#[test]
fn given_back_items_are_in_stock_again() {
    given::<Stock>([registed(9, 1), moved(6, 3, 1, 2)])
        .when(GiveBackStock { rental_id: 3, qty: 3 })
        .then([moved(9, 3, 1, 3)]);
    given::<Stock>([registed(9, 1), moved(6, 3, 1, 2), registed(20, 4)])
        .when(GiveBackStock { rental_id: 3, qty: 3 })
        .then([moved(23, 3, 4, 4)]);
}

#[test]
fn a_removed_product_has_no_stock_and_takes_nothing_back() {
    let dropped = || [registed(9, 1), StockDropped { id: 1 }.into()];
    given::<Stock>([registed(9, 1)]).when(DropStock {}).then([StockDropped { id: 1 }]);
    assert_eq!(seen::<Stock>(represent, dropped()), None);
    given::<Stock>(dropped())
        .when(TakeStock { rental_id: 3, qty: 1 })
        .then_refused(&StockRejection::UnregisteredProduct(1));
    given::<Stock>(dropped()).when(DropStock {}).then_nothing();
    given::<Stock>(dropped()).when(set(9, 7)).then_nothing();
    given::<Stock>(dropped()).when(RenameStock { name: None, named: 7 }).then_nothing();
    given::<Stock>(dropped()).when(GiveBackStock { rental_id: 3, qty: 3 }).then_nothing();
}

proptest! {
    /// Takes and returns in any order: each taker either has its items or was refused for a reason.
    #[test]
    fn rentals_racing_for_the_last_items_never_take_more_than_there_is(
        initial in 0..30_i32,
        wishes in prop::collection::vec((1..8_i32, any::<bool>()), 0..60),
    ) {
        let mut stock = Stock::default();
        stock.evolve(&registed(initial, 1));
        let (mut left, mut held) = (initial, Vec::new());
        for (rental_id, (qty, gives_back)) in (1..).zip(wishes) {
            let returned = if gives_back { held.pop() } else { None };
            let command: StockCommand = match returned {
                Some((rental_id, qty)) => GiveBackStock { rental_id, qty }.into(),
                None => TakeStock { rental_id, qty }.into(),
            };
            match (stock.decide(&command, &Context::new(1, 0)), returned) {
                (Ok(decision), returned) => {
                    prop_assert_eq!(decision.facts.len(), 1);
                    stock.evolve(&decision.facts[0]);
                    let StockEvent::StockChanged(changed) = &decision.facts[0] else {
                        return Err(TestCaseError::fail("only the stock moves"));
                    };
                    if returned.is_none() {
                        held.push((rental_id, qty));
                    }
                    left = changed.qty;
                }
                (Err(rejection), returned) => {
                    prop_assert_eq!(returned, None);
                    prop_assert_eq!(rejection, StockRejection::OutOfStock { left, wanted: qty });
                    prop_assert!(left < qty);
                }
            }
            prop_assert!(left >= 0);
            prop_assert_eq!(initial, left + held.iter().map(|(_, qty)| qty).sum::<i32>());
        }
    }
}
