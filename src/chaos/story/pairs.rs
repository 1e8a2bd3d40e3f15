//! What belongs together across aggregates: of each pair the facts of one are there where those of the other are, once.

use std::collections::{BTreeMap, HashMap};

use super::facts_of;
use crate::domain::{AnyEvent, Stream};
use crate::journal::Record;

/// A fact's kind and name.
type What = (&'static str, &'static str);

/// Facts about one thing: each has exactly one of the other, as soon as everything is at rest.
const PAIRS: [[What; 2]; 16] = [
    [("oa-rental/rental/rental", "Rentaled"), ("oa-rental/delivery/delivery", "DeliveryRequested")],
    [("oa-rental/rental/rental", "RentalCanceled"), ("oa-rental/delivery/delivery", "DeliveryCanceled")],
    [("book-rental/rent/rental", "RentSaved"), ("book-rental/delivery/delivery", "DeliveryCreated")],
    [("book-rental/rent/rental", "RentCanceled"), ("book-rental/delivery/delivery", "DeliveryCanceled")],
    [("book-market/order/order", "Ordered"), ("book-market/payment/payment", "Paid")],
    [("book-market/order/order", "OrderCanceled"), ("book-market/payment/payment", "PayCanceled")],
    [("book-market/payment/payment", "Paid"), ("book-market/delivery/delivery", "Shipped")],
    [("book-market/payment/payment", "PayCanceled"), ("book-market/delivery/delivery", "DeliveryCanceled")],
    [("book-market/delivery/delivery", "Shipped"), ("book-market/kakao/kakao", MESSAGE)],
    [("car-rental/contract/contract", "ContractCompleted"), ("car-rental/pay/pay", "Payed")],
    [("car-rental/contract/contract", "ContractCanceled"), ("car-rental/pay/pay", "PayCanceled")],
    [("car-rental/pay/pay", "Payed"), ("car-rental/reservation/reservation", "ReservationRequested")],
    [("car-rental/pay/pay", "PayCanceled"), ("car-rental/reservation/reservation", "ReservationCanceled")],
    [("hair-shop/reservation/reservation", "ReservationPlaced"), ("hair-shop/payment/payment", "PaymentFinished")],
    [("hair-shop/reservation/reservation", "ReservationCanceled"), ("hair-shop/hairshop/hairshop", "CancelCompleted")],
    [("hair-shop/hairshop/hairshop", "CancelCompleted"), ("hair-shop/payment/payment", "PaymentCanceled")],
];

/// A message has an id of its own, and tells whose it is; one about nothing belongs to nothing.
const MESSAGE: &str = "SentMessage";

/// How often there is each fact that belongs to another, by the id of what both are about.
#[derive(Debug, Default)]
pub(crate) struct Pairs {
    counts: HashMap<What, BTreeMap<u64, u32>>,
}

impl Pairs {
    pub(super) fn take(&mut self, record: &Record) {
        let Some(facts) = facts_of(record) else { return };
        for event in &facts.events {
            self.count(facts.stream, &**event);
        }
    }

    /// Takes one fact in.
    pub(crate) fn count(&mut self, stream: Stream, event: &dyn AnyEvent) {
        let what = (stream.kind.path(), event.name());
        if !PAIRS.as_flattened().contains(&what) {
            return;
        }
        let id = match what.1 == MESSAGE {
            true => serde_json::to_value(event.payload()).ok().and_then(|fields| fields["orderId"].as_u64()),
            false => Some(stream.id),
        };
        let Some(id) = id else { return };
        *self.counts.entry(what).or_default().entry(id).or_default() += 1;
    }

    /// Returns how many ids were looked at in all pairs, and what stands alone or comes more than once.
    pub(crate) fn judged(&self) -> (u64, Vec<String>) {
        const NONE: &BTreeMap<u64, u32> = &BTreeMap::new();
        let (mut looked_at, mut faults) = (0, Vec::new());
        for [one, other] in &PAIRS {
            let [ones, others] = [one, other].map(|what| self.counts.get(what).unwrap_or(NONE));
            let only_others = others.keys().filter(|id| !ones.contains_key(id));
            for id in ones.keys().chain(only_others) {
                looked_at += 1;
                let [first, second] = [ones, others].map(|counts| counts.get(id).copied().unwrap_or(0));
                if (first, second) != (1, 1) {
                    let ((kind, name), (other_kind, other_name)) = (one, other);
                    faults.push(format!(
                        "{kind} {id} has {first} {name}, where {other_kind} has {second} {other_name} about it"
                    ));
                }
            }
        }
        (looked_at, faults)
    }
}
