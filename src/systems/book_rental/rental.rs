//! A rental: nothing until Book holds its stock, then on its way as Delivery says, cancelled at any time.

use serde::{Deserialize, Serialize};

use super::book::{Book, HoldStock, VoidStock};
use super::delivery::DeliveryEvent;
use crate::domain::{
    Aggregate, Answer, Ask, Asked, Body, Closing, Context, Decided, Decision, IdRule, Kind, Recorded, Refusal,
};
use crate::{messages, shows};

/// The delivery was created.
pub(super) const DELIVERY_CREATED: &str = "배송생성";
/// The delivery was cancelled.
pub(super) const DELIVERY_CANCELED: &str = "배송취소";
/// What a client sets the status to.
const CANCEL: &str = "cancel";

/// A customer's rental.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Rental {
    wish: Wish,
    book_name: Option<String>,
    price: i32,
    status: Option<String>,
    stands: bool,
    canceled: bool,
}

/// What a customer wants to rent or reserve.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Wish {
    pub(super) book_id: u64,
    pub(super) qty: i32,
    pub(super) customer_id: Option<String>,
    pub(super) customer_name: Option<String>,
}

/// What Delivery is to deliver, as it stands in `RentSaved`.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct Parcel {
    pub(super) rent_id: u64,
    pub(super) customer_id: Option<String>,
    pub(super) customer_name: Option<String>,
    pub(super) qty: i32,
}

messages! {
    /// What a rental can be told.
    pub(super) enum RentalCommand: Command {
        /// Rents, if the stock allows.
        PlaceRental { wish: Wish } = 1;
        /// Sets the status, which a client may do in one way only.
        ChangeRental { status: Option<String> } = 1;
        /// Cancels it.
        CancelRental {} = 1;
        /// Follows its delivery.
        FollowDelivery { status: String } = 1;
    }
}

messages! {
    /// What happens to a rental.
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
        /// The customer cancelled.
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
    const IDS: IdRule = IdRule::Sequence;
    const ASKS: &'static [Kind] = &[Book::KIND];
    type Command = RentalCommand;
    type Event = RentalEvent;
    type Rejection = Refusal;

    fn decide(&self, command: &RentalCommand, context: &Context) -> Decided<Self> {
        let id = context.id;
        match command {
            RentalCommand::PlaceRental(PlaceRental { wish }) => {
                wish.makes_sense()?;
                let hold = Ask::of::<Book>(wish.book_id, HoldStock { rental_id: id, qty: wish.qty })
                    .undone_by::<Book>(VoidStock { rental_id: id });
                Ok(Decision::facts([RentRequested { wish: wish.clone() }]).asking(hold))
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
                Ok(Decision::facts([RentStatusChanged { id, status: status.clone() }]))
            }
        }
    }

    fn answered(&self, asked: &Asked, answer: &Answer, context: &Context) -> Closing<RentalEvent> {
        let (id, book) = (context.id, asked.seen::<Book>());
        let Wish { book_id, qty, customer_id, customer_name } = self.wish.clone();
        let (book_name, price) = book.map_or((None, 0), |book| (book.name.clone(), book.price));
        let (to, whom) = (customer_id.clone(), customer_name.clone());
        let delivery = Parcel { rent_id: id, customer_id: to, customer_name: whom, qty };
        let saved = RentSaved { id, book_id, book_name, qty, price, customer_id, customer_name, delivery };
        Closing::tried("HoldStock", asked, answer, saved, RentWithdrawn {})
    }

    fn evolve(&mut self, event: &RentalEvent) {
        match event.clone() {
            RentalEvent::RentRequested(requested) => self.wish = requested.wish,
            RentalEvent::RentWithdrawn(_) => {}
            RentalEvent::RentSaved(saved) => {
                (self.book_name, self.price, self.stands) = (saved.book_name, saved.price, true);
            }
            RentalEvent::RentCanceled(_) => self.canceled = true,
            RentalEvent::RentStatusChanged(changed) => self.status = Some(changed.status),
        }
    }

    /// A cancelled rental stays, for its status.
    fn exists(&self) -> bool {
        self.stands
    }
}

impl Rental {
    fn cancel(&self, id: u64) -> Decision<RentalEvent> {
        if self.canceled {
            return Decision::nothing();
        }
        let (book_name, Wish { book_id, qty, customer_id, customer_name }) =
            (self.book_name.clone(), self.wish.clone());
        Decision::facts([RentCanceled { id, book_id, book_name, qty, customer_id, customer_name }])
    }
}

impl Wish {
    /// Reads it from a body; a book that no number names is number 0, which there never is.
    pub(super) fn of(body: &Body) -> Self {
        Self {
            book_id: body.long("bookId").and_then(|id| u64::try_from(id).ok()).unwrap_or(0),
            qty: body.int("qty"),
            customer_id: body.text("customerId"),
            customer_name: body.text("customerName"),
        }
    }

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

shows! {
    Rental: |rental| {
        long "bookId" = rental.wish.book_id;
        text "bookName" = &rental.book_name;
        int "qty" = rental.wish.qty;
        int "price" = rental.price;
        text "customerId" = &rental.wish.customer_id;
        text "customerName" = &rental.wish.customer_name;
        text "status" = &rental.status;
    }
}

pub(super) fn place(body: &Body) -> RentalCommand {
    PlaceRental { wish: Wish::of(body) }.into()
}

pub(super) fn change(body: &Body) -> RentalCommand {
    ChangeRental { status: body.sent_text("status").map(Option::unwrap_or_default) }.into()
}
