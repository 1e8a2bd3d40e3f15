//! An order: nothing until its payment is held, then followed on its way, and gone once the customer cancels it.

use super::delivery::{DELIVERY_CANCELED, SHIPPED};
use super::payment::{HoldPayment, Payment, Void};
use crate::domain::prelude::*;

/// It is paid.
pub(super) const ORDERED: &str = "Ordered";
/// The customer cancelled it.
const ORDER_CANCELED: &str = "OrderCanceled";
/// The statuses that follow one another; what is not among them is nowhere.
const WAY: [&str; 3] = [ORDERED, SHIPPED, DELIVERY_CANCELED];

/// A customer's order of a book.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Order {
    book_id: Option<i64>,
    qty: i64,
    customer_id: Option<i64>,
    status: Option<String>,
    stands: bool,
    canceled: bool,
}

messages! {
    pub(super) enum OrderCommand: Command {
        /// Orders a book, if it is paid.
        PlaceOrder { book_id: Option<i64>, qty: i64, customer_id: Option<i64> } = 1;
        /// Follows payment and delivery.
        FollowStatus { status: String } = 1;
        /// Gives the order up.
        CancelOrder {} = 1;
    }

    pub(super) enum OrderEvent: Event hiding OrderRequested, OrderWithdrawn {
        /// Its payment is being asked for.
        OrderRequested { book_id: Option<i64>, qty: i64, customer_id: Option<i64> } = 1;
        /// It could not be paid.
        OrderWithdrawn {} = 1;
        /// It stands.
        Ordered { id: u64, book_id: Option<i64>, qty: i64, status: String, customer_id: Option<i64> } = 1;
        /// It is a step further.
        OrderStatusChanged { id: u64, status: String } = 1;
        /// The customer gave it up.
        OrderCanceled { id: u64, book_id: Option<i64>, qty: i64, status: String, customer_id: Option<i64> } = 1;
    }
}

impl Aggregate for Order {
    const KIND: Kind = Kind::new("book-market/order/order");
    const IDS: IdRule = IdRule::Sequence;
    const ASKS: &'static [Kind] = &[Payment::KIND];
    type Command = OrderCommand;
    type Event = OrderEvent;
    type Rejection = Refusal;

    fn decide(&self, command: &OrderCommand, context: &Context) -> Decided<Self> {
        let id = context.id;
        match command {
            OrderCommand::PlaceOrder(order) => {
                let PlaceOrder { book_id, qty, customer_id } = *order;
                Refusal::unless(qty >= 1, "quantity-is-at-least-one", || {
                    format!("qty is {qty}; an order has 1 or more")
                })?;
                let hold = Ask::of::<Payment>(id, HoldPayment { customer_id }).undone_by::<Payment>(Void {});
                Ok(Decision::facts([OrderRequested { book_id, qty, customer_id }]).asking(hold))
            }
            // Payment and Delivery are heard in any order: what is behind the newest step is no news.
            OrderCommand::FollowStatus(FollowStatus { status }) => {
                let step = |status: &str| WAY.iter().position(|step| *step == status);
                Ok(match step(status) > self.status.as_deref().and_then(step) {
                    true => Decision::facts([OrderStatusChanged { id, status: status.clone() }]),
                    false => Decision::nothing(),
                })
            }
            OrderCommand::CancelOrder(_) if !self.exists() => Err(Refusal::missing(format!("there is no order {id}"))),
            OrderCommand::CancelOrder(_) => {
                let Self { book_id, qty, customer_id, .. } = *self;
                Ok(Decision::facts([OrderCanceled { id, book_id, qty, status: ORDER_CANCELED.into(), customer_id }]))
            }
        }
    }

    fn answered(&self, asked: &Asked, answer: &Answer, context: &Context) -> Closing<OrderEvent> {
        let Self { book_id, qty, customer_id, .. } = *self;
        let ordered = Ordered { id: context.id, book_id, qty, status: ORDERED.to_owned(), customer_id };
        Closing::tried("HoldPayment", asked, answer, ordered, OrderWithdrawn {})
    }

    fn evolve(&mut self, event: &OrderEvent) {
        match event {
            OrderEvent::OrderRequested(requested) => {
                self.book_id = requested.book_id;
                self.qty = requested.qty;
                self.customer_id = requested.customer_id;
            }
            OrderEvent::OrderWithdrawn(_) => {}
            // The status follows the payment: a new order has none, as in the original.
            OrderEvent::Ordered(_) => self.stands = true,
            OrderEvent::OrderStatusChanged(changed) => self.status = Some(changed.status.clone()),
            OrderEvent::OrderCanceled(_) => self.canceled = true,
        }
    }

    fn exists(&self) -> bool {
        self.stands && !self.canceled
    }
}

shows! {
    Order: |order| {
        long "bookId".indexed() = order.book_id;
        long "qty" = Some(order.qty);
        text "status" = &order.status;
        long "customerId".indexed() = order.customer_id;
    }
}

pub(super) fn place(body: &Body) -> OrderCommand {
    let qty = body.long("qty").unwrap_or(0);
    PlaceOrder { book_id: body.long("bookId"), qty, customer_id: body.long("customerId") }.into()
}
