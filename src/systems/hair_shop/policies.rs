//! What follows from what: every policy commands its own service only.

use super::hairshop::{CancelReservation, CheckReservation, HairshopCommand, HairshopEvent};
use super::payment::{Finish, PayBack, PaymentCommand, PaymentEvent};
use super::reservation::{FollowShop, ReservationCommand, ReservationEvent};
use crate::domain::Recorded;

/// A reservation that stands takes what was held for it.
pub(super) fn finish(_: &Recorded, event: &ReservationEvent) -> Option<(u64, PaymentCommand)> {
    let ReservationEvent::ReservationPlaced(placed) = event else { return None };
    Some((placed.id, Finish {}.into()))
}

/// The shop looks at what is paid, and maps a designer.
pub(super) fn check(_: &Recorded, event: &PaymentEvent) -> Option<(u64, HairshopCommand)> {
    let PaymentEvent::PaymentFinished(finished) = event else { return None };
    Some((finished.reservation_id, CheckReservation {}.into()))
}

/// The shop removes the designer of whoever asks to cancel.
pub(super) fn cancel(_: &Recorded, event: &ReservationEvent) -> Option<(u64, HairshopCommand)> {
    let ReservationEvent::ReservationCanceled(canceled) = event else { return None };
    let (date, styling_type) = (canceled.date.clone(), canceled.styling_type.clone());
    Some((canceled.id, CancelReservation { date, styling_type }.into()))
}

/// What the shop has let go is paid back.
pub(super) fn pay_back(_: &Recorded, event: &HairshopEvent) -> Option<(u64, PaymentCommand)> {
    let HairshopEvent::CancelCompleted(completed) = event else { return None };
    Some((completed.reservation_id, PayBack {}.into()))
}

/// A reservation follows the shop.
pub(super) fn follow_shop(_: &Recorded, event: &HairshopEvent) -> Option<(u64, ReservationCommand)> {
    let (reservation, is_canceled) = match event {
        HairshopEvent::ReservationCompleted(completed) => (completed.reservation_id, false),
        HairshopEvent::CancelCompleted(completed) => (completed.reservation_id, true),
        HairshopEvent::DesignerChanged(_) | HairshopEvent::CancelNoted(_) => return None,
    };
    Some((reservation, FollowShop { is_canceled }.into()))
}
