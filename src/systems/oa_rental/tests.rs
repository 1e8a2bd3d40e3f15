//! Every rule by itself, a story as clients are told it, and all of it at once in any order.

use proptest::prelude::*;

use super::{delivery::*, product::*, product_copy::*, rental::*, stock::*, system};
use crate::domain::aggregate::RefusalClass::{Missing, Poisoned, Rule, UnknownTarget};
use crate::domain::testing::given;
use crate::domain::testing::world::{Call, World};
use crate::domain::{Aggregate, Answer, Asked, Body, Refusal, Stream, Value};
use crate::systems::tests::{seen, told};

const TOO_FEW: &str = "CANCELED_OutOfStock";
const UNKNOWN: &str = "CANCELED_UnregisteredProduct";

fn name() -> Option<String> {
    Some("computer".to_owned())
}

const fn pair(saved: u64, stock: u64) -> StockVersion {
    StockVersion { saved, stock }
}

fn saved(qty: i32) -> ProductEvent {
    ProductSaved { id: 1, name: name(), qty }.into()
}

fn rent(product: u64, qty: i32) -> RentalCommand {
    let sent = [("productId", product.into()), ("qty", qty.into()), ("productName", "computer".into())];
    place(&sent.into_iter().chain([("status", "ORDERED".into())]).collect())
}

#[test]
fn a_product_is_saved_renamed_and_removed_and_follows_newer_stock_only() {
    let (unnamed, renamed) = (|| ProductSaved { id: 1, name: None, qty: 0 }, |name| ProductRenamed { id: 1, name });
    let sent = |field: &'static str, value: Value| change(&Body::from_iter([(field, value)]));
    let both = Body::from_iter([("name", "computer".into()), ("qty", 4.into())]);
    let when = |command: ProductCommand| given::<Product>([saved(9)]).when(command);
    given::<Product>([]).when(register(&both)).then([saved(4)]);
    given::<Product>([]).when(register(&Body::default())).then([unnamed()]);
    when(replace(&both)).then([saved(4)]);
    when(replace(&Body::default())).then([unnamed()]);
    when(sent("qty", 4.into())).then([saved(4)]);
    when(sent("qty", 9.into())).then([saved(9)]);
    when(sent("name", "computer".into())).then([renamed(name())]);
    when(sent("name", Value::Null)).then([renamed(None)]);
    when(change(&Body::default())).then_nothing();
    when(RemoveProduct {}.into()).then([ProductRemoved { id: 1 }]);
    let copied = |qty, version| ProductEvent::from(StockCopied { id: 1, qty, version });
    let past = [saved(9), copied(6, pair(1, 2)), saved(20), ProductRemoved { id: 1 }.into()];
    let when = |count: usize, qty, version| given::<Product>(past[..count].to_vec()).when(FollowStock { qty, version });
    when(1, 6, pair(1, 2)).then([copied(6, pair(1, 2))]);
    when(2, 6, pair(1, 2)).then_nothing();
    // The second save is the product's third fact: what stood on the first is old, whatever its number.
    when(3, 3, pair(1, 99)).then_nothing();
    when(3, 18, pair(3, 5)).then([copied(18, pair(3, 5))]);
    when(4, 3, pair(7, 7)).then_nothing();
}

#[test]
fn what_makes_no_sense_is_refused_by_its_rule() {
    let sent = |qty: i32| Body::from_iter([("qty", qty.into())]);
    for command in [register(&sent(-1)), replace(&sent(-1)), change(&sent(-1))] {
        given::<Product>([saved(9)]).when(command).then_broken("stock-is-not-negative");
    }
    for command in [replace(&sent(3)), change(&sent(3)), RemoveProduct {}.into()] {
        given::<Product>([]).when(command.clone()).then_broken("not-found");
        given::<Product>([saved(9), ProductRemoved { id: 1 }.into()]).when(command).then_broken("not-found");
    }
    for command in [place(&Body::default()), rent(1, -1), rent(1, i32::MIN)] {
        given::<Rental>([]).when(command).then_broken("quantity-is-at-least-one");
    }
    given::<Rental>([]).when(CancelRental {}).then_broken("not-found");
}

#[test]
fn a_copy_takes_the_newer_name_and_the_higher_pair_until_it_is_dropped() {
    let after = |facts: &[&CopyEvent]| given::<ProductCopy>(facts.iter().copied().cloned());
    let copy = |qty, saved| CopyCommand::from(CopyProduct { name: name(), qty, saved });
    let follow = |qty, version| CopyCommand::from(FollowStockOfCopy { qty, version });
    let rename = |named| CopyCommand::from(RenameCopy { name: None, named });
    let known = |qty, version, named| CopyEvent::from(ProductRegisted { id: 1, name: name(), qty, version, named });
    let moved = |qty, version| CopyEvent::from(CopyStockChanged { id: 1, qty, version });
    let (first, second, early) = (known(9, pair(1, 0), 1), known(20, pair(3, 0), 3), moved(6, pair(1, 2)));
    let renamed = CopyRenamed { id: 1, name: None, named: 2 };
    after(&[&first]).when(copy(9, 1)).then_nothing();
    after(&[&first]).when(follow(6, pair(1, 2))).then([early.clone()]);
    after(&[&first, &early]).when(follow(7, pair(1, 2))).then_nothing();
    after(&[&first, &early]).when(copy(20, 3)).then([second.clone()]);
    after(&[&second]).when(follow(6, pair(1, 9))).then_nothing();
    // The stock moved before the copy knew the product.
    after(&[&early]).when(copy(9, 1)).then([known(6, pair(1, 2), 1)]);
    after(&[&first]).when(rename(2)).then([renamed.clone()]);
    after(&[&first, &renamed.into()]).when(rename(2)).then_nothing();
    after(&[&first]).when(DropCopy {}).then([CopyDropped { id: 1 }]);
    for late in [DropCopy {}.into(), copy(9, 5), rename(5), follow(1, pair(5, 5))] {
        after(&[&first, &CopyDropped { id: 1 }.into()]).when(late).then_nothing();
    }
}

#[test]
fn a_stock_gives_what_it_has_and_says_how_new_that_is_until_it_is_dropped() {
    let after = |facts: &[&StockEvent]| given::<Stock>(facts.iter().copied().cloned());
    let set = |qty, saved| StockCommand::from(SetStock { name: name(), qty, saved });
    let rename = |named| StockCommand::from(RenameStock { name: None, named });
    let (take, back) = (|qty| TakeStock { rental_id: 3, qty }, || GiveBackStock { rental_id: 3, qty: 3 });
    let known = |qty, saved| StockEvent::from(ProductInventoryRegisted { id: 1, name: name(), qty, saved });
    let moved = |qty, version| StockEvent::from(StockChanged { id: 1, qty, rental_id: 3, version });
    let renamed = StockEvent::from(StockRenamed { id: 1, name: None, named: 2 });
    let dropped = StockEvent::from(StockDropped { id: 1 });
    let (nine, six, twenty) = (known(9, 1), moved(6, pair(1, 2)), known(20, 4));
    after(&[&nine, &six]).when(set(20, 4)).then([twenty.clone()]);
    after(&[&twenty]).when(set(2, 4)).then_nothing();
    after(&[&nine]).when(rename(2)).then([renamed.clone()]);
    after(&[&nine, &renamed]).when(rename(2)).then_nothing();
    after(&[&nine]).when(take(3)).then([six.clone()]);
    after(&[&nine]).when(take(9)).then([moved(0, pair(1, 2))]);
    after(&[&nine]).when(take(10)).then_refused(&Refusal::rule("out-of-stock", "10 wanted, 9 in stock"));
    after(&[&nine, &six]).when(back()).then([moved(9, pair(1, 3))]);
    after(&[&nine, &six, &twenty]).when(back()).then([moved(23, pair(4, 4))]);
    after(&[&nine]).when(DropStock {}).then([dropped.clone()]);
    let unknown = Refusal::unknown_target("unregistered-product", "delivery knows no product 1");
    for nobodys in [&[][..], &[&renamed], &[&nine, &dropped]] {
        after(nobodys).when(take(1)).then_refused(&unknown);
    }
    for late in [DropStock {}.into(), set(9, 7), rename(7), back().into()] {
        after(&[&nine, &dropped]).when(late).then_nothing();
    }
}

#[test]
fn a_delivery_is_what_the_stock_answers_and_is_cancelled_before_and_after() {
    let (id, qty, rental_id, cancel) = (1, 3, 1, || CancelDelivery { qty: 3 });
    let requested = |product_id| DeliveryEvent::from(DeliveryRequested { product_id, rental_id, qty });
    let decided = |status: &str| DeliveryEvent::from(Delivered { id, qty, status: status.to_owned(), rental_id });
    let refused = |status: &str| OutOfStockRentalCanceled { id, qty, status: status.to_owned(), rental_id }.into();
    let canceled = DeliveryEvent::from(DeliveryCanceled { id, qty, status: CANCELED.to_owned(), rental_id });
    let back = StockReturned { product_id: 7, rental_id, qty }.into();
    let early = [CancelNoted { qty }.into(), requested(Some(7)), canceled.clone()];
    let late = [requested(Some(7)), decided(DELIVERED), canceled.clone(), back];
    let (deliver, after) = (|product_id| Deliver { product_id, qty }, |facts: &[_]| given::<Delivery>(facts.to_vec()));
    after(&[]).when(deliver(Some(7))).then_asks::<Stock>([requested(Some(7))], 7, TakeStock { rental_id, qty });
    for nobodys in [None, Some(-1)] {
        let facts = [requested(nobodys), decided(UNKNOWN), refused(UNKNOWN)];
        after(&[]).when(deliver(nobodys)).then(facts.clone());
        after(&facts).when(cancel()).then([canceled.clone()]);
    }
    let asked = Asked::of(Stream::new(Stock::KIND, 7), "TakeStock");
    assert_eq!(after(&late[..1]).when_answered(&asked, &Answer::Done), [decided(DELIVERED)]);
    assert_eq!(after(&late[..1]).when_answered(&asked, &Answer::Withdrawn), []);
    for (class, status) in [(Rule, TOO_FEW), (Poisoned, TOO_FEW), (UnknownTarget, UNKNOWN), (Missing, UNKNOWN)] {
        let (answer, facts) = (Refusal { class, ..Refusal::missing("") }, [decided(status), refused(status)]);
        assert_eq!(after(&late[..1]).when_answered(&asked, &Answer::Refused(answer)), facts);
        after(&[&late[..1], &facts].concat()).when(cancel()).then([canceled.clone()]);
    }
    after(&[]).when(cancel()).then([early[0].clone()]);
    after(&early[..1]).when(deliver(Some(7))).then([early[1].clone(), canceled]);
    after(&late[..2]).when(cancel()).then([late[2].clone(), late[3].clone()]);
    for decided in [&early[..], &late, &late[..1], &late[..2]] {
        after(decided).when(deliver(Some(7))).then_nothing();
    }
    for canceled in [&early[..], &late, &early[..1]] {
        after(canceled).when(cancel()).then_nothing();
    }
}

#[test]
fn a_rental_is_taken_at_once_follows_its_delivery_and_is_cancelled_once_delivery_has_cancelled() {
    let (id, qty, delivery_id, status) = (1, 3, 1, Some("ORDERED".to_owned()));
    let follow = || FollowDelivery { delivery_id, status: DELIVERED.to_owned() };
    let past: [RentalEvent; 3] = [
        Rentaled { id, product_id: Some(22), qty, status, product_name: name() }.into(),
        RentalStatusChanged { id, status: DELIVERED.to_owned(), delivery_id }.into(),
        RentalCanceled { id, product_id: Some(22), qty, status: CANCELED.to_owned() }.into(),
    ];
    let after = |count: usize| given::<Rental>(past[..count].to_vec());
    after(0).when(rent(22, 3)).then([past[0].clone()]);
    after(1).when(follow()).then([past[1].clone()]);
    after(2).when(follow()).then_nothing();
    after(3).when(follow()).then_nothing();
    after(2).when(CancelRental {}).then_asks::<Delivery>([], 1, CancelDelivery { qty });
    let asked = Asked::of(Stream::new(Delivery::KIND, 1), "CancelDelivery");
    assert_eq!(after(2).when_answered(&asked, &Answer::Done), past[2..]);
    assert_eq!(after(2).when_answered(&asked, &Answer::Withdrawn), []);
    after(3).when(CancelRental {}).then_broken("not-found");
}

#[test]
fn policies_have_the_names_that_their_commands_ids_are_made_of() {
    let policies = system().services.into_iter().flat_map(|service| service.policies);
    let expected = "wheneverStockChanged_Product wheneverProductSaved_Product wheneverStockChanged_RentalProduct \
    wheneverDelivered_DeliveryStatus wheneverProductSaved_Stock wheneverRentaled_Delivery wheneverStockReturned_Stock";
    assert_eq!(policies.map(|policy| policy.name).collect::<Vec<_>>().join(" "), expected);
}

#[test]
fn clients_are_told_a_rentals_story_in_the_originals_words() {
    let mut world = World::of(system());
    for call in [
        Call::to::<Product>(1, RegisterProduct { name: name(), qty: 9 }),
        Call::to::<Rental>(1, place(&Body::from_iter([("productId", 1.into()), ("qty", 12.into())]))),
        Call::to::<Rental>(3, rent(1, 3)),
        Call::to::<Rental>(3, CancelRental {}),
        Call::to::<Product>(1, ChangeProduct { name: Some(None), qty: None }),
        Call::to::<Product>(1, RemoveProduct {}),
    ] {
        world.now(&call).expect("accepted");
        world.run(&[]);
    }
    let expected = [
        r#"ProductSaved {"id":1,"name":"computer","qty":9}"#,
        r#"ProductInventoryRegisted {"id":1,"name":"computer","qty":9,"saved":1}"#,
        r#"ProductRegisted {"id":1,"name":"computer","qty":9,"version":{"saved":1,"stock":0},"named":1}"#,
        r#"Rentaled {"id":1,"productId":1,"qty":12,"status":null,"productName":null}"#,
        r#"Delivered {"id":1,"qty":12,"status":"CANCELED_OutOfStock","rentalId":1}"#,
        r#"OutOfStockRentalCanceled {"id":1,"qty":12,"status":"CANCELED_OutOfStock","rentalId":1}"#,
        r#"RentalStatusChanged {"id":1,"status":"CANCELED_OutOfStock","deliveryId":1}"#,
        r#"Rentaled {"id":3,"productId":1,"qty":3,"status":"ORDERED","productName":"computer"}"#,
        r#"StockChanged {"id":1,"qty":6,"rentalId":3,"version":{"saved":1,"stock":2}}"#,
        r#"StockCopied {"id":1,"qty":6,"version":{"saved":1,"stock":2}}"#,
        r#"CopyStockChanged {"id":1,"qty":6,"version":{"saved":1,"stock":2}}"#,
        r#"Delivered {"id":3,"qty":3,"status":"DELIVERED","rentalId":3}"#,
        r#"RentalStatusChanged {"id":3,"status":"DELIVERED","deliveryId":3}"#,
        r#"DeliveryCanceled {"id":3,"qty":3,"status":"CANCELED","rentalId":3}"#,
        r#"RentalCanceled {"id":3,"productId":1,"qty":3,"status":"CANCELED"}"#,
        r#"StockChanged {"id":1,"qty":9,"rentalId":3,"version":{"saved":1,"stock":3}}"#,
        r#"StockCopied {"id":1,"qty":9,"version":{"saved":1,"stock":3}}"#,
        r#"CopyStockChanged {"id":1,"qty":9,"version":{"saved":1,"stock":3}}"#,
        r#"ProductRenamed {"id":1,"name":null}"#,
        r#"StockRenamed {"id":1,"name":null,"named":4}"#,
        r#"CopyRenamed {"id":1,"name":null,"named":4}"#,
        r#"ProductRemoved {"id":1}"#,
    ];
    assert_eq!(told(&world), expected);
}

#[test]
fn an_order_shows_what_was_sent_and_its_cancel_at_once() {
    let mut world = World::of(system());
    let row = |world: &World| seen(world, 1, [3, 4, 5].map(|at| ("information", "myOrders", at)));
    world.now(&Call::to::<Rental>(1, rent(22, 3))).expect("taken at once");
    assert_eq!(row(&world), ["ORDERED".into(), Value::Null, Value::Null].map(Some));
    world.now(&Call::to::<Rental>(1, CancelRental {})).expect("cancelled");
    assert_eq!(row(&world), [CANCELED.into(), Value::Null, CANCELED.into()].map(Some));
    assert_eq!(seen(&world, 1, [("delivery", "deliveries", 3), ("rental", "rentals", 2)]), [None, None]);
    assert_eq!(told(&world).len(), 2, "nobody is told what a delivery notes for itself");
}

proptest! {
    #[test]
    fn once_quiet_everybody_agrees_and_nothing_is_lost(
        initial in 0..12_i32,
        changes in prop::collection::vec(prop::option::weighted(0.7, 0..12_i32), 0..5),
        // Of which product, how many, and the cancels that follow: false when Delivery is stopped just then.
        wishes in prop::collection::vec((1..=4_u64, 1..6_i32, prop::collection::vec(prop::bool::weighted(0.7), 0..3)), 0..10),
        choices in prop::collection::vec(0..1000_usize, 0..300),
    ) {
        // One product is only renamed, one changed again and again, one removed; a fourth is never registered.
        let (mut world, [renamed, changed, removed]) = (World::of(system()), [1, 2, 3]);
        for id in [renamed, changed] {
            world.now(&Call::to::<Product>(id, RegisterProduct { name: name(), qty: initial })).expect("registered");
        }
        for (id, (product, qty, cancels)) in (1..).zip(&wishes) {
            world.later(Call::to::<Rental>(id, rent(*product, *qty)));
            for reaches in cancels {
                let cancel = Call::to::<Rental>(id, CancelRental {});
                world.later(if *reaches { cancel } else { cancel.in_vain() });
            }
        }
        for (id, qty) in changes.into_iter().map(|qty| (changed, qty)).chain([(renamed, None)]) {
            let name = qty.is_none().then(|| Some("laptop".to_owned()));
            world.later(Call::to::<Product>(id, ChangeProduct { name, qty }));
        }
        world.later(Call::to::<Product>(removed, RegisterProduct { name: name(), qty: initial }));
        world.later(Call::to::<Product>(removed, RemoveProduct {}));
        world.run(&choices);

        let mut left = initial;
        for (id, (product, qty, cancels)) in (1..).zip(&wishes) {
            let delivery = world.get("delivery", "deliveries", id).expect("decided");
            let [of, number, many, status] = &delivery[..] else { panic!("{delivery:?}") };
            let stays = !cancels.contains(&true);
            prop_assert_eq!(*status != CANCELED.into(), stays);
            prop_assert_eq!([of, number, many], [&(*product).into(), &id.into(), &(*qty).into()]);
            prop_assert!(*status != UNKNOWN.into() || *product >= removed);
            let rental = [of, many, status, &"computer".into(), number].map(Value::clone);
            prop_assert_eq!(world.get("rental", "rentals", id), stays.then(|| rental.to_vec()));
            let row = [of, number, many, status, number, status, &"computer".into()].map(Value::clone);
            prop_assert_eq!(world.get("information", "myOrders", id), Some(row.to_vec()));
            left -= if *product == renamed && *status == DELIVERED.into() { *qty } else { 0 };
        }
        prop_assert_eq!(world.get("product", "products", renamed), Some(vec!["laptop".into(), left.into()]));
        for service in ["rental", "delivery"] {
            for id in [renamed, changed, removed] {
                let own = world.get("product", "products", id).map(|own| [&[id.into()], &own[..]].concat());
                prop_assert_eq!((own.is_some(), world.get(service, "products", id)), (id != removed, own));
            }
        }
        prop_assert!(!world.facts().any(|(_, event)| matches!(event, StockEvent::StockChanged(it) if it.qty < 0)));
    }
}
