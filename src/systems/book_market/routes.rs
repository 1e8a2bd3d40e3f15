//! Hand-written paths, with which the originals showed what a circuit breaker says when it is open.
//!
//! They said it after ten seconds of waiting; a wait is a fault here, which an operator injects where it is wanted.

use super::payment::Payment;
use crate::domain::{Act, Aggregate, Plain, Route, Stream, Verb, Visit};

/// Plays a breaker: `isYn=Y` finds it open.
pub(super) const CIRCUIT_BREAKER: Route =
    Route { verb: Verb::Get, path: "/circuitBreaker", fields: &[], act: circuit_breaker };

/// Says the `paymentStatus` of an order's payment.
pub(super) const SELECT_PAYMENT_INFO: Route =
    Route { verb: Verb::Get, path: "/selectPaymentInfo", fields: &[], act: select_payment_info };

fn circuit_breaker(visit: &Visit<'_>) -> Act {
    Act::Say(Plain::text(match visit.parameter("isYn") {
        Some("Y") => "CircuitBreaker!!!",
        Some(_) | None => " SUCCESS!!!",
    }))
}

fn select_payment_info(visit: &Visit<'_>) -> Act {
    match visit.number("orderId").map(u64::try_from) {
        // No payment has a status yet: an empty text.
        Ok(Ok(id)) if id > 0 => Act::Show { stream: Stream::new(Payment::KIND, id), render: |_, _| Plain::text("") },
        Ok(Ok(_) | Err(_)) => Act::Say(Plain::text("CircuitBreaker!!!!!!")),
        Err(misread) => misread,
    }
}
