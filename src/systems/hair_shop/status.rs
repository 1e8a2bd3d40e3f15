//! How far a reservation is, in the words its services tell each other and the customer.

/// The customer asks for it.
pub(super) const RSV_REQUESTED: &str = "RSV_REQUESTED";
/// A designer is mapped.
pub(super) const COMPLETED: &str = "Reservation Completed";
/// The customer asks to cancel it.
pub(super) const CANCEL_REQUESTED: &str = "CANCEL_REQUESTED";
/// The shop has let it go.
pub(super) const CANCELED: &str = "Reservation Canceled";
/// What the shop says once it has let it go, of the reservation and in the designer's place.
pub(super) const RSV_CANCELED: &str = "RSV_CANCELED";
pub(super) const NO_DESIGNER: &str = "CANCELED";
/// The money was taken.
pub(super) const PAY_COMPLETED: &str = "PAY_COMPLETED";
/// The money was given back.
pub(super) const PAY_CANCELED: &str = "PAY_CANCELED";
