//! How far my order is: one row an order, made and filled by its first facts, whichever comes first.

use super::delivery::{Delivery, DeliveryEvent};
use super::order::{Order, OrderEvent};
use super::payment::{Payment, PaymentEvent};
use crate::domain::prelude::*;

form! {
    /// An order's row.
    pub(super) struct Mypage {
        order_id: Option<u64>, customer_id: Option<i64> as indexed, book_id: Option<i64> as indexed, qty: Option<i64>, status: Option<String> as indexed
    }
}

impl View for Mypage {
    const KIND: Kind = Kind::new("book-market/customerview/mypage");
    const SOURCES: &'static [Kind] = &[Order::KIND, Payment::KIND, Delivery::KIND];

    fn apply(&mut self, fact: &Recorded) {
        if let Some(OrderEvent::Ordered(ordered)) = fact.of() {
            self.order_id = Some(ordered.id);
            self.customer_id = ordered.customer_id;
            self.book_id = ordered.book_id;
            self.qty = Some(ordered.qty);
        } else if let Some(PaymentEvent::Paid(paid)) = fact.of() {
            self.order_id = Some(paid.order_id);
            self.customer_id = paid.customer_id;
            self.status = Some(paid.status.clone());
        } else if let Some(DeliveryEvent::Shipped(shipped)) = fact.of() {
            self.status = Some(shipped.status.clone());
        } else if let Some(DeliveryEvent::DeliveryCanceled(canceled)) = fact.of() {
            self.status = Some(canceled.status.clone());
        }
    }

    fn exists(&self) -> bool {
        self.order_id.is_some()
    }
}
