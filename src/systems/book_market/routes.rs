//! Hand-written paths, with which the originals showed what a circuit breaker says when it is open.
//!
//! They said it after ten seconds of waiting; a wait is a fault here, which an operator injects where it is wanted.

use super::payment::Payment;
use crate::domain::{Act, Aggregate, Plain, Route, Stream};

/// Plays a breaker: `isYn=Y` finds it open.
pub(super) const CIRCUIT_BREAKER: Route = Route::get("/circuitBreaker", |visit| {
    Act::Say(Plain::text(if visit.parameter("isYn") == Some("Y") { "CircuitBreaker!!!" } else { " SUCCESS!!!" }))
});

/// Says the `paymentStatus` of a payment, which has none yet: an empty text.
pub(super) const SELECT_PAYMENT_INFO: Route = Route::get("/selectPaymentInfo", |visit| match visit.number("orderId") {
    Ok(id) if id > 0 => {
        Act::Show { stream: Stream::new(Payment::KIND, id.unsigned_abs()), render: |_, _| Plain::text("") }
    }
    Ok(_) => Act::Say(Plain::text("CircuitBreaker!!!!!!")),
    Err(misread) => misread,
});
