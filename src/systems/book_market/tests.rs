//! Every rule by itself, a story as clients are told it, and all of it at once in any order.

use proptest::prelude::*;

use super::delivery::{CancelDelivery, DeliveryCanceled, Ship, Shipped};
use super::order::{
    CancelOrder, FollowStatus, OrderEvent, OrderRequested, OrderStatusChanged, OrderWithdrawn, Ordered, PlaceOrder,
    place,
};
use super::payment::{CancelPayment, Confirm, HoldPayment, Paid, PayCanceled, PaymentHeld, PaymentVoided, Void};
use super::*;
use crate::domain::testing::given;
use crate::domain::testing::world::{Call, World};
use crate::domain::{Aggregate, Answer, Asked, Body, Context, OnUnknown, Refusal, Stream, Value};

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
fn an_order_asks_for_its_payment_first_and_has_an_unknown_answer_undone() {
    given::<Order>([]).when(PLACED).then_asks::<Payment>([requested()], 1, HoldPayment { customer_id: CUSTOMER_ID });
    let decision = Order::default().decide(&PLACED.into(), &Context::new(1, 0)).expect("accepted");
    let OnUnknown::Undo(undo) = decision.ask.expect("an ask").on_unknown else { panic!("not undone") };
    assert_eq!(undo.as_any().downcast_ref(), Some(&payment::PaymentCommand::from(Void {})));
}

#[test]
fn an_order_is_for_one_book_at_least() {
    for (qty, command) in [(0, place(&Body::default())), (-1, PlaceOrder { qty: -1, ..PLACED }.into())] {
        let detail = format!("qty is {qty}; an order has 1 or more");
        given::<Order>([]).when(command).then_refused(&Refusal::rule("quantity-is-at-least-one", detail));
    }
}

#[test]
fn only_a_held_payment_makes_an_order() {
    let asked = Asked { to: Stream::new(Payment::KIND, 1), command: "HoldPayment".to_owned() };
    let answered = |facts: &[OrderEvent], answer: &Answer| {
        let closing = given::<Order>(facts.to_vec()).state().answered(&asked, answer, &Context::new(1, 0));
        (closing.facts, closing.refusal)
    };
    let (withdrawn, refusal) = (vec![OrderWithdrawn {}.into()], Refusal::rule("no-money", "none"));
    assert_eq!(answered(&[requested()], &Answer::Done), (vec![ordered()], None));
    assert_eq!(answered(&[requested()], &Answer::Withdrawn), (withdrawn.clone(), None));
    assert_eq!(answered(&[requested()], &Answer::Refused(refusal.clone())), (withdrawn.clone(), Some(refusal)));
    let undone = [vec![requested()], withdrawn].concat();
    assert_eq!(answered(&undone, &Answer::Done), (vec![], None), "the end of the undo makes no order");
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
        given::<Order>(past).when(CancelOrder {}).then_refused(&Refusal::missing("there is no order 1"));
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
    after(0).when(HoldPayment { customer_id }).then([held.clone()]);
    after(1).when(HoldPayment { customer_id }).then_nothing();
    after(1).when(Confirm {}).then([paid.clone()]);
    after(2).when(Confirm {}).then_nothing();
    after(1).when(CancelPayment {}).then_nothing();
    after(2).when(CancelPayment {}).then([back.clone()]);
    after(3).when(CancelPayment {}).then_nothing();
    after(1).when(Void {}).then([PaymentVoided {}]);
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
    world.now(&Call::to::<Order>(1, PLACED)).expect("ordered");
    world.run(&[]);
    world.now(&Call::to::<Order>(1, CancelOrder {})).expect("cancelled");
    world.run(&[]);
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
    assert_eq!(world.told(), expected);
}

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
        let seen = |service, collection, id, at: usize| world.get(service, collection, id).map(|values| values[at].clone());
        for (id, wish) in (1..).zip(&wishes) {
            let told = ["order/orders/2", "payment/payments/1", "delivery/deliveries/2", "customerview/mypages/4"].map(|of| {
                let [service, collection, at] = of.split('/').collect::<Vec<_>>()[..] else { panic!("{of}") };
                seen(service, collection, id, at.parse().expect("a place"))
            });
            let expected = match wish {
                (false, _) => [None; 4],
                (true, false) => [Some("Shipped"), Some("Ordered"), Some("Shipped"), Some("Shipped")],
                (true, true) => [None, Some("PayCanceled"), Some("DeliveryCanceled"), Some("DeliveryCanceled")],
            };
            prop_assert_eq!(told, expected.map(|status| status.map(Value::from)));
        }
        let held = wishes.iter().filter(|(is_held, _)| *is_held).count() as u64;
        for service in ["kakao/kakaos", "kakaomsg/kakaomsgs"] {
            let (service, collection) = service.split_once('/').expect("both");
            let messages = (1..=held + 1).filter(|id| world.get(service, collection, *id).is_some()).count() as u64;
            prop_assert_eq!(messages, held, "one message an order at {}", service);
        }
    }
}
