//! A rental: nothing until Book holds its stock, then on its way as Delivery says, cancelled at any time.

use super::book::{Book, HoldStock, VoidStock};
use super::delivery::DeliveryEvent;
use crate::domain::prelude::*;

/// The delivery was created.
pub(super) const DELIVERY_CREATED: &str = "배송생성";
/// The delivery was cancelled.
pub(super) const DELIVERY_CANCELED: &str = "배송취소";
/// What a client sets the status to.
const CANCEL: &str = "cancel";

/// A customer's rental.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Rental {
    line: Line,
    stands: bool,
    canceled: bool,
}

form! {
    /// What clients see of a rental.
    pub(super) struct Line {
        book_id: u64 as indexed, book_name: Option<String>, qty: i32, price: i32, customer_id: Option<String> as indexed,
        customer_name: Option<String>, status: Option<String> as indexed
    }

    /// What a customer wants to rent or reserve.
    pub(super) struct Wish { book_id: u64, qty: i32, customer_id: Option<String>, customer_name: Option<String> }

    /// What Delivery is to deliver, as it stands in `RentSaved`.
    pub(super) struct Parcel { rent_id: u64, customer_id: Option<String>, customer_name: Option<String>, qty: i32 }
}

messages! {
    pub(super) enum RentalCommand: Command {
        /// Rents, if the stock allows.
        PlaceRental { wish: Wish } = 1;
        /// Sets the status, which a client may do in one way only.
        ChangeRental { status: Option<String> } = 1;
        CancelRental {} = 1;
        FollowDelivery { status: String } = 1;
    }

    pub(super) enum RentalEvent: Event hiding RentRequested, RentWithdrawn {
        /// Stock is asked for.
        RentRequested { wish: Wish } = 1;
        /// There was none.
        RentWithdrawn {} = 1;
        /// It stands.
        RentSaved {
            id: u64, book_id: u64, book_name: Option<String>, qty: i32, price: i32, customer_id: Option<String>,
            customer_name: Option<String>, delivery: Parcel
        } = 1;
        RentCanceled {
            id: u64, book_id: u64, book_name: Option<String>, qty: i32, customer_id: Option<String>,
            customer_name: Option<String>
        } = 1;
        /// Its delivery went on.
        RentStatusChanged { id: u64, status: String } = 1;
    }
}

impl Aggregate for Rental {
    const KIND: Kind = Kind::new("book-rental/rent/rental");
    const STATE_VERSION: u16 = 2;
    const IDS: IdRule = IdRule::Sequence;
    const ASKS: &'static [Kind] = &[Book::KIND];
    type Command = RentalCommand;
    type Event = RentalEvent;
    type Rejection = Refusal;

    fn decide(&self, command: &RentalCommand, context: &Context) -> Decided<Self> {
        let id = context.id;
        match command.clone() {
            RentalCommand::PlaceRental(PlaceRental { wish }) => {
                wish.makes_sense()?;
                let hold = Ask::of::<Book>(wish.book_id, HoldStock { rental_id: id, qty: wish.qty })
                    .undone_by::<Book>(VoidStock { rental_id: id });
                Ok(Decision::facts([RentRequested { wish }]).asking(hold))
            }
            _ if !self.exists() => Err(Refusal::missing(format!("there is no rental {id}"))),
            RentalCommand::ChangeRental(ChangeRental { status: None }) => Ok(Decision::nothing()),
            RentalCommand::ChangeRental(ChangeRental { status: Some(status) }) => {
                let detail = || format!("status is {status}; a client may set {CANCEL}");
                Refusal::unless(status == CANCEL, "status-is-cancel", detail)?;
                Ok(self.cancel(id))
            }
            RentalCommand::CancelRental(_) => Ok(self.cancel(id)),
            RentalCommand::FollowDelivery(FollowDelivery { status }) => {
                Ok(Decision::facts([RentStatusChanged { id, status }]))
            }
        }
    }

    fn answered(&self, asked: &Asked, answer: &Answer, context: &Context) -> Closing<RentalEvent> {
        let (id, book) = (context.id, asked.seen::<Book>().map(|book| book.details.clone()).unwrap_or_default());
        let Line { book_id, qty, customer_id, customer_name, .. } = self.line.clone();
        let (to, whom, book_name, price) = (customer_id.clone(), customer_name.clone(), book.name, book.price);
        let delivery = Parcel { rent_id: id, customer_id: to, customer_name: whom, qty };
        let saved = RentSaved { id, book_id, book_name, qty, price, customer_id, customer_name, delivery };
        Closing::tried("HoldStock", asked, answer, saved, RentWithdrawn {})
    }

    fn evolve(&mut self, event: &RentalEvent) {
        match event.clone() {
            RentalEvent::RentRequested(RentRequested { wish }) => {
                let Wish { book_id, qty, customer_id, customer_name } = wish;
                self.line = Line { book_id, qty, customer_id, customer_name, ..Line::default() };
            }
            RentalEvent::RentWithdrawn(_) => {}
            RentalEvent::RentSaved(saved) => {
                (self.line.book_name, self.line.price, self.stands) = (saved.book_name, saved.price, true);
            }
            RentalEvent::RentCanceled(_) => self.canceled = true,
            RentalEvent::RentStatusChanged(changed) => self.line.status = Some(changed.status),
        }
    }

    /// A cancelled rental stays, for its status.
    fn exists(&self) -> bool {
        self.stands
    }
}

impl Rental {
    fn cancel(&self, id: u64) -> Decision<RentalEvent> {
        let Line { book_id, book_name, qty, customer_id, customer_name, .. } = self.line.clone();
        Decision::only_if(!self.canceled, RentCanceled { id, book_id, book_name, qty, customer_id, customer_name })
    }
}

impl Wish {
    pub(super) fn makes_sense(&self) -> Result<(), Refusal> {
        Refusal::unless(self.book_id > 0, "book-is-named", || "bookId names no book".to_owned())?;
        let detail = || format!("qty is {}; it is 1 or more", self.qty);
        Refusal::unless(self.qty > 0, "quantity-is-at-least-one", detail)
    }
}

/// A rental follows its delivery.
pub(super) fn follow(_: &Recorded, event: &DeliveryEvent) -> Option<(u64, RentalCommand)> {
    let (rental, status) = match event {
        DeliveryEvent::DeliveryCreated(created) => (created.rent_id, DELIVERY_CREATED),
        DeliveryEvent::DeliveryCanceled(canceled) => (canceled.rent_id, DELIVERY_CANCELED),
        DeliveryEvent::DeliveryPrepared(_) => return None,
    };
    Some((rental, FollowDelivery { status: status.to_owned() }.into()))
}

shows! { Rental: |rental| { ..Line = rental.line; } }
