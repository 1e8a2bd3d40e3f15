//! Product and Rental's copy of it: what sets the stock, what follows it, and what is older than what.

use super::super::product::*;
use super::super::product_copy::{
    self, CopyDropped, CopyEvent, CopyProduct, CopyRenamed, CopyStockChanged, DropCopy, FollowStockOfCopy, ProductCopy,
    ProductRegisted, RenameCopy,
};
use super::{body, name, rule_of, seen};
use crate::domain::aggregate::RefusalClass;
use crate::domain::testing::given;
use crate::domain::{Rejection, Value};

fn saved(qty: i32) -> ProductEvent {
    ProductSaved { id: 1, name: name("computer"), qty }.into()
}

const fn pair(saved: u64, stock: u64) -> StockVersion {
    StockVersion { saved, stock }
}

#[test]
fn registering_a_product_sets_its_stock() {
    given::<Product>([]).when(RegisterProduct { name: name("computer"), qty: 9 }).then([saved(9)]);
    assert_eq!(seen::<Product>(represent, [saved(9)]), Some(vec!["computer".into(), 9.into()]));
}

#[test]
fn a_product_may_have_no_name_and_no_stock() {
    given::<Product>([]).when(register(&body(&[]))).then([ProductSaved { id: 1, name: None, qty: 0 }]);
}

#[test]
fn a_stock_is_never_set_below_zero() {
    let refused = ProductRejection::StockIsNotNegative(-1);
    given::<Product>([]).when(RegisterProduct { name: None, qty: -1 }).then_refused(&refused);
    given::<Product>([saved(9)]).when(ReplaceProduct { name: None, qty: -1 }).then_refused(&refused);
    given::<Product>([saved(9)]).when(ChangeProduct { name: None, qty: Some(-1) }).then_refused(&refused);
    assert_eq!(rule_of(&refused.refusal()), "stock-is-not-negative");
    assert_eq!(refused.refusal().class, RefusalClass::Rule);
}

#[test]
fn replacing_a_product_sets_name_and_stock() {
    given::<Product>([saved(9)]).when(ReplaceProduct { name: None, qty: 4 }).then([ProductSaved {
        id: 1,
        name: None,
        qty: 4,
    }]);
}

#[test]
fn changing_the_quantity_sets_the_stock_and_keeps_the_name() {
    given::<Product>([saved(9)]).when(change(&body(&[(&FIELDS[1], 4.into())]))).then([saved(4)]);
}

#[test]
fn changing_the_quantity_to_what_it_is_sets_the_stock_again() {
    given::<Product>([saved(9)]).when(ChangeProduct { name: None, qty: Some(9) }).then([saved(9)]);
}

#[test]
fn renaming_a_product_does_not_touch_its_stock() {
    let renamed = ProductEvent::from(ProductRenamed { id: 1, name: name("laptop") });
    given::<Product>([saved(9)]).when(change(&body(&[(&FIELDS[0], "laptop".into())]))).then([renamed.clone()]);
    assert_eq!(seen::<Product>(represent, [saved(9), renamed]), Some(vec!["laptop".into(), 9.into()]));
    given::<Product>([saved(9)])
        .when(change(&body(&[(&FIELDS[0], Value::Null)])))
        .then([ProductRenamed { id: 1, name: None }]);
}

#[test]
fn a_change_of_nothing_is_no_fact() {
    given::<Product>([saved(9)]).when(change(&body(&[]))).then_nothing();
}

#[test]
fn a_product_follows_newer_stock_only() {
    let follow = |qty, version| FollowStock { qty, version };
    let copied = ProductEvent::from(StockCopied { id: 1, qty: 6, version: pair(1, 2) });
    given::<Product>([saved(9)]).when(follow(6, pair(1, 2))).then([copied.clone()]);
    assert_eq!(seen::<Product>(represent, [saved(9), copied.clone()]), Some(vec!["computer".into(), 6.into()]));
    given::<Product>([saved(9), copied.clone()]).when(follow(6, pair(1, 2))).then_nothing();
    // The second save is the product's third fact: what stood on the first is old, whatever its number.
    given::<Product>([saved(9), copied.clone(), saved(20)]).when(follow(3, pair(1, 99))).then_nothing();
    given::<Product>([saved(9), copied, saved(20)]).when(follow(18, pair(3, 5))).then([StockCopied {
        id: 1,
        qty: 18,
        version: pair(3, 5),
    }]);
}

#[test]
fn a_removed_product_is_gone_for_everybody() {
    let removed = || [saved(9), ProductRemoved { id: 1 }.into()];
    given::<Product>([saved(9)]).when(RemoveProduct {}).then([ProductRemoved { id: 1 }]);
    assert_eq!(seen::<Product>(represent, removed()), None);
    let gone = ProductRejection::NoSuchProduct(1);
    given::<Product>(removed()).when(RemoveProduct {}).then_refused(&gone);
    given::<Product>(removed()).when(replace(&body(&[]))).then_refused(&gone);
    given::<Product>(removed()).when(ChangeProduct { name: None, qty: Some(3) }).then_refused(&gone);
    given::<Product>(removed()).when(FollowStock { qty: 3, version: pair(7, 7) }).then_nothing();
    assert_eq!(gone.refusal().class, RefusalClass::Missing);
}

#[test]
fn an_unknown_product_cannot_be_changed() {
    given::<Product>([]).when(ReplaceProduct { name: None, qty: 3 }).then_refused(&ProductRejection::NoSuchProduct(1));
}

fn registed(qty: i32, version: StockVersion, named: u64) -> CopyEvent {
    ProductRegisted { id: 1, name: name("computer"), qty, version, named }.into()
}

fn copied(qty: i32, version: StockVersion) -> CopyEvent {
    CopyStockChanged { id: 1, qty, version }.into()
}

fn copy(qty: i32, saved: u64) -> CopyProduct {
    CopyProduct { name: name("computer"), qty, saved }
}

#[test]
fn a_copy_takes_over_a_saved_product() {
    given::<ProductCopy>([]).when(copy(9, 1)).then([registed(9, pair(1, 0), 1)]);
    assert_eq!(
        seen::<ProductCopy>(product_copy::represent, [registed(9, pair(1, 0), 1)]),
        Some(vec![1_u64.into(), "computer".into(), 9.into()])
    );
    given::<ProductCopy>([registed(9, pair(1, 0), 1)]).when(copy(9, 1)).then_nothing();
    given::<ProductCopy>([registed(9, pair(1, 0), 1), copied(6, pair(1, 2))]).when(copy(20, 3)).then([registed(
        20,
        pair(3, 0),
        3,
    )]);
}

#[test]
fn a_copy_takes_the_higher_pair_when_the_stock_moved_before_it_knew_the_product() {
    let early = || [copied(6, pair(1, 2))];
    assert_eq!(seen::<ProductCopy>(product_copy::represent, early()), None);
    given::<ProductCopy>(early()).when(copy(9, 1)).then([registed(6, pair(1, 2), 1)]);
    given::<ProductCopy>([registed(9, pair(1, 0), 1)])
        .when(FollowStockOfCopy { qty: 6, version: pair(1, 2) })
        .then(early());
}

#[test]
fn a_copy_follows_newer_stock_only() {
    let known = || [registed(20, pair(3, 0), 3)];
    given::<ProductCopy>(known()).when(FollowStockOfCopy { qty: 6, version: pair(1, 9) }).then_nothing();
    given::<ProductCopy>([copied(6, pair(3, 4))])
        .when(FollowStockOfCopy { qty: 7, version: pair(3, 4) })
        .then_nothing();
}

#[test]
fn a_copy_takes_over_a_name_and_keeps_its_stock() {
    let renamed = CopyEvent::from(CopyRenamed { id: 1, name: name("laptop"), named: 2 });
    given::<ProductCopy>([registed(9, pair(1, 0), 1)])
        .when(RenameCopy { name: name("laptop"), named: 2 })
        .then([renamed.clone()]);
    given::<ProductCopy>([registed(9, pair(1, 0), 1), renamed.clone()])
        .when(RenameCopy { name: name("desk"), named: 2 })
        .then_nothing();
    assert_eq!(
        seen::<ProductCopy>(product_copy::represent, [registed(9, pair(1, 0), 1), renamed]),
        Some(vec![1_u64.into(), "laptop".into(), 9.into()])
    );
}

#[test]
fn a_dropped_copy_follows_nothing_any_more() {
    let dropped = || [registed(9, pair(1, 0), 1), CopyDropped { id: 1 }.into()];
    given::<ProductCopy>([registed(9, pair(1, 0), 1)]).when(DropCopy {}).then([CopyDropped { id: 1 }]);
    assert_eq!(seen::<ProductCopy>(product_copy::represent, dropped()), None);
    given::<ProductCopy>(dropped()).when(DropCopy {}).then_nothing();
    given::<ProductCopy>(dropped()).when(copy(9, 5)).then_nothing();
    given::<ProductCopy>(dropped()).when(RenameCopy { name: None, named: 5 }).then_nothing();
    given::<ProductCopy>(dropped()).when(FollowStockOfCopy { qty: 1, version: pair(5, 5) }).then_nothing();
}
