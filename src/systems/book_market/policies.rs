//! What follows from what: every policy commands its own service only.

use super::delivery::{CancelDelivery, DeliveryCommand, DeliveryEvent, SHIPPED, Ship};
use super::kakao::{KakaoCommand, Letter, SendMessage};
use super::order::{FollowStatus, OrderCommand, OrderEvent};
use super::payment::{CancelPayment, Confirm, Paid, PaymentCommand, PaymentEvent};
use crate::domain::Recorded;

/// An order that stands takes what was held for it; one that is given up is paid back.
pub(super) fn pay(_: &Recorded, event: &OrderEvent) -> Option<(u64, PaymentCommand)> {
    match event {
        OrderEvent::Ordered(ordered) => Some((ordered.id, Confirm {}.into())),
        OrderEvent::OrderCanceled(canceled) => Some((canceled.id, CancelPayment {}.into())),
        OrderEvent::OrderRequested(_) | OrderEvent::OrderWithdrawn(_) | OrderEvent::OrderStatusChanged(_) => None,
    }
}

/// What is paid is shipped; what is paid back comes back.
pub(super) fn deliver(_: &Recorded, event: &PaymentEvent) -> Option<(u64, DeliveryCommand)> {
    match event {
        PaymentEvent::Paid(paid) => Some((paid.order_id, Ship { customer_id: paid.customer_id }.into())),
        PaymentEvent::PayCanceled(canceled) => Some((canceled.order_id, CancelDelivery {}.into())),
        PaymentEvent::PaymentHeld(_) | PaymentEvent::PaymentVoided(_) => None,
    }
}

/// An order follows its payment.
pub(super) fn follow_payment(paid: &Paid) -> (u64, FollowStatus) {
    (paid.order_id, FollowStatus { status: paid.status.clone() })
}

/// An order follows its delivery.
pub(super) fn follow_delivery(_: &Recorded, event: &DeliveryEvent) -> Option<(u64, OrderCommand)> {
    let (order, status) = match event {
        DeliveryEvent::Shipped(shipped) => (shipped.order_id, &shipped.status),
        DeliveryEvent::DeliveryCanceled(canceled) => (canceled.order_id, &canceled.status),
    };
    Some((order, FollowStatus { status: status.clone() }.into()))
}

/// The customer is told that the books are on their way.
pub(super) fn tell(_: &Recorded, event: &DeliveryEvent) -> Option<KakaoCommand> {
    let DeliveryEvent::Shipped(shipped) = event else { return None };
    let (order_id, customer_id) = (i64::try_from(shipped.order_id).ok(), shipped.customer_id);
    let customer = customer_id.map_or_else(|| "null".to_owned(), |id| id.to_string());
    let message = Some(format!("{} {customer} Shipped...", shipped.order_id));
    Some(SendMessage(Letter { order_id, customer_id, status: Some(SHIPPED.to_owned()), message }).into())
}
