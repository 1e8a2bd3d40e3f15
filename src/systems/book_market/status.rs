//! How far an order is, in the words that its services tell each other and the customer.

/// It is paid.
pub(super) const ORDERED: &str = "Ordered";
/// The books are on their way.
pub(super) const SHIPPED: &str = "Shipped";
/// The customer cancelled it.
pub(super) const ORDER_CANCELED: &str = "OrderCanceled";
/// It is paid back.
pub(super) const PAY_CANCELED: &str = "PayCanceled";
/// The books come back.
pub(super) const DELIVERY_CANCELED: &str = "DeliveryCanceled";

/// Tells how far a status is on an order's way; those that are not on it are nowhere.
pub(super) fn progress(status: Option<&str>) -> usize {
    let way = [ORDERED, SHIPPED, DELIVERY_CANCELED];
    way.iter().position(|step| Some(*step) == status).map_or(0, |step| step + 1)
}
