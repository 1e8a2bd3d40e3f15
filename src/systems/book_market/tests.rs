//! Every rule by itself, a story as clients are told it, and all of it at once in any order.

use proptest::prelude::*;

use super::delivery::*;
use super::order::*;
use super::payment::*;
use super::*;
use crate::domain::parties::{Charge, Refund, Teller};
use crate::domain::testing::given;
use crate::domain::testing::world::{Call, World};
use crate::domain::{Body, Value};
use crate::systems::tests::{seen, told};

const PLACED: PlaceOrder = PlaceOrder { book_id: Some(10), qty: 1, customer_id: Some(33) };
const CUSTOMER_ID: Option<i64> = PLACED.customer_id;

fn requested() -> OrderEvent {
    OrderRequested { book_id: PLACED.book_id, qty: PLACED.qty, customer_id: CUSTOMER_ID }.into()
}

fn ordered() -> OrderEvent {
    let PlaceOrder { book_id, qty, customer_id } = PLACED;
    Ordered { id: 1, book_id, qty, status: "Ordered".to_owned(), customer_id }.into()
}

fn is(status: &str) -> OrderStatusChanged {
    OrderStatusChanged { id: 1, status: status.to_owned() }
}

#[test]
fn only_a_held_payment_makes_an_order_and_an_unknown_one_is_undone() {
    let held = HoldPayment { customer_id: CUSTOMER_ID };
    given::<Order>([]).when(PLACED).then_tries::<Payment>([requested()], 1, held, Void {});
    given::<Order>([requested()]).closes_try("HoldPayment", ordered(), OrderWithdrawn {});
}

#[test]
fn an_order_is_for_one_book_at_least() {
    for command in [place(&Body::default()), PlaceOrder { qty: -1, ..PLACED }.into()] {
        given::<Order>([]).when(command).then_broken("quantity-is-at-least-one");
    }
}

#[test]
fn an_order_follows_forward_only() {
    let when = |past: &[&str], status: &str| {
        let past = past.iter().map(|status| is(status).into());
        given::<Order>([requested(), ordered()].into_iter().chain(past))
            .when(FollowStatus { status: status.to_owned() })
    };
    when(&[], "Ordered").then([is("Ordered")]);
    when(&[], "Shipped").then([is("Shipped")]);
    when(&["Shipped"], "Ordered").then_nothing();
    when(&["Shipped"], "Shipped").then_nothing();
    when(&["Shipped"], "DeliveryCanceled").then([is("DeliveryCanceled")]);
    when(&["DeliveryCanceled"], "Shipped").then_nothing();
    when(&[], "Lost").then_nothing();
}

#[test]
fn an_order_that_is_not_there_cannot_be_cancelled() {
    for past in [vec![], vec![requested(), OrderWithdrawn {}.into()]] {
        given::<Order>(past).when(CancelOrder {}).then_broken("not-found");
    }
}

#[test]
fn a_payment_is_held_taken_and_given_back_once_each() {
    let (id, order_id, customer_id) = (1, 1, CUSTOMER_ID);
    let held = PaymentHeld { order_id, customer_id };
    let paid = Paid { id, order_id, status: "Ordered".to_owned(), customer_id };
    let back = PayCanceled { id, order_id, status: "PayCanceled".to_owned(), customer_id };
    let after = |count: usize| {
        given::<Payment>([held.clone().into(), paid.clone().into(), back.clone().into()][..count].to_vec())
    };
    let charge = Charge { id, payer: Some("33".to_owned()), amount: None };
    after(0).when(HoldPayment { customer_id }).then_asks_outside::<Teller<Payment>>([held.clone().into()], charge);
    after(1).when(HoldPayment { customer_id }).then_nothing();
    after(1).when(Confirm {}).then([paid.clone()]);
    after(2).when(Confirm {}).then_nothing();
    after(1).when(CancelPayment {}).then_nothing();
    after(2).when(CancelPayment {}).then_asks_outside::<Teller<Payment>>([back.clone().into()], Refund { id });
    after(3).when(CancelPayment {}).then_nothing();
    after(1).when(Void {}).then_asks_outside::<Teller<Payment>>([PaymentVoided {}.into()], Refund { id });
    given::<Payment>([PaymentVoided {}.into()]).when(HoldPayment { customer_id }).then_nothing();
}

#[test]
fn books_are_shipped_and_called_back_once_each() {
    let (id, order_id, customer_id) = (1, 1, CUSTOMER_ID);
    let shipped = Shipped { id, order_id, customer_id, status: "Shipped".to_owned() };
    let back = DeliveryCanceled { id, order_id, customer_id, status: "DeliveryCanceled".to_owned() };
    given::<Delivery>([]).when(CancelDelivery {}).then_nothing();
    given::<Delivery>([]).when(Ship { customer_id }).then([shipped.clone()]);
    given::<Delivery>([shipped.clone().into()]).when(Ship { customer_id }).then_nothing();
    given::<Delivery>([shipped.clone().into()]).when(CancelDelivery {}).then([back.clone()]);
    given::<Delivery>([shipped.into(), back.into()]).when(CancelDelivery {}).then_nothing();
}

#[test]
fn clients_are_told_an_orders_story_in_the_originals_words() {
    let mut world = World::of(system());
    world.settle::<Order>(1, PLACED);
    world.settle::<Order>(1, CancelOrder {});
    let expected = [
        r#"Ordered {"id":1,"bookId":10,"qty":1,"status":"Ordered","customerId":33}"#,
        r#"Paid {"id":1,"orderId":1,"status":"Ordered","customerId":33}"#,
        r#"Shipped {"id":1,"orderId":1,"customerId":33,"status":"Shipped"}"#,
        r#"SentMessage {"id":1,"orderId":1,"customerId":33,"status":"Shipped","message":"1 33 Shipped..."}"#,
        r#"OrderStatusChanged {"id":1,"status":"Shipped"}"#,
        r#"OrderCanceled {"id":1,"bookId":10,"qty":1,"status":"OrderCanceled","customerId":33}"#,
        r#"PayCanceled {"id":1,"orderId":1,"status":"PayCanceled","customerId":33}"#,
        r#"DeliveryCanceled {"id":1,"orderId":1,"customerId":33,"status":"DeliveryCanceled"}"#,
        r#"OrderStatusChanged {"id":1,"status":"DeliveryCanceled"}"#,
    ];
    assert_eq!(told(&world), expected);
}

const PLACES: [(&str, &str, usize); 4] =
    [("order", "orders", 2), ("payment", "payments", 1), ("delivery", "deliveries", 2), ("customerview", "mypages", 4)];

proptest! {
    #[test]
    fn once_quiet_every_service_tells_the_same_of_every_order(
        wishes in prop::collection::vec((any::<bool>(), any::<bool>()), 0..8),
        choices in prop::collection::vec(0..1000_usize, 0..200),
    ) {
        let mut world = World::of(system());
        for (id, (is_held, is_canceled)) in (1..).zip(&wishes) {
            let order = Call::to::<Order>(id, PLACED);
            world.later(if *is_held { order } else { order.in_vain() });
            if *is_canceled {
                world.later(Call::to::<Order>(id, CancelOrder {}));
            }
        }
        world.run(&choices);
        for (id, wish) in (1..).zip(&wishes) {
            let expected = match wish {
                (false, _) => [None; 4],
                (true, false) => [Some("Shipped"), Some("Ordered"), Some("Shipped"), Some("Shipped")],
                (true, true) => [None, Some("PayCanceled"), Some("DeliveryCanceled"), Some("DeliveryCanceled")],
            };
            prop_assert_eq!(seen(&world, id, PLACES), expected.map(|status| status.map(Value::from)));
        }
        let held = wishes.iter().filter(|(is_held, _)| *is_held).count() as u64;
        for (service, collection) in [("kakao", "kakaos"), ("kakaomsg", "kakaomsgs")] {
            let messages = (1..=held + 1).filter(|id| world.get(service, collection, *id).is_some()).count() as u64;
            prop_assert_eq!(messages, held, "one message an order at {}", service);
        }
    }
}
