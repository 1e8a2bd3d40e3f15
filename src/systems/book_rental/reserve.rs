//! A reserve: waits when there is no stock, is offered when stock comes back, ends when the customer rents or cancels.

use serde::{Deserialize, Serialize};

use super::book::{Book, LookAtBook};
use super::queue::{Matched, QueueEvent};
use super::rental::Wish;
use crate::domain::{
    Aggregate, Answer, Ask, Asked, Body, Closing, Context, Decided, Decision, IdRule, Kind, Recorded, Refusal,
};
use crate::{messages, shows};

/// There was stock.
pub(super) const RESERVED: &str = "RESERVED";
/// There was none.
pub(super) const WAITING: &str = "WAITING";
/// There is some again.
pub(super) const AVAILABLE: &str = "AVAILABLE";
/// The customer has rented.
pub(super) const RENTED: &str = "RENTED";
/// The customer does not want it any more.
pub(super) const CANCELED: &str = "CANCELED";

/// A customer's reserve.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Reserve {
    wish: Wish,
    book_name: Option<String>,
    rental_id: Option<u64>,
    status: Option<String>,
}

messages! {
    /// What a reserve can be told.
    pub(super) enum ReserveCommand: Command {
        /// Reserves, after a look at the book.
        PlaceReserve { wish: Wish } = 1;
        /// Gives it up.
        CancelReserve {} = 1;
        /// The customer has rented.
        ConfirmReserve { rental_id: u64 } = 1;
        /// There is stock again.
        OfferReserve {} = 1;
    }
}

messages! {
    /// What happens to a reserve.
    pub(super) enum ReserveEvent: Event hiding ReserveRequested, ReserveWithdrawn {
        /// The book is looked at.
        ReserveRequested { wish: Wish } = 1;
        /// It could not be.
        ReserveWithdrawn {} = 1;
        /// It stands.
        Reserved {
            id: u64, book_id: u64, book_name: Option<String>, customer_id: Option<String>, qty: i32, status: String
        } = 1;
        /// There is stock again.
        ReserveAvailable {
            id: u64, book_id: u64, book_name: Option<String>, customer_id: Option<String>, qty: i32, status: String
        } = 1;
        /// The customer has rented.
        ReserveConfirmed {
            id: u64, book_id: u64, book_name: Option<String>, customer_id: Option<String>, qty: i32, status: String,
            rental_id: u64
        } = 1;
        /// The customer gave it up.
        ReserveCanceled {
            id: u64, book_id: u64, book_name: Option<String>, customer_id: Option<String>, qty: i32, status: String
        } = 1;
    }
}

impl Aggregate for Reserve {
    const KIND: Kind = Kind::new("book-rental/reserve/reserve");
    const IDS: IdRule = IdRule::Sequence;
    const ASKS: &'static [Kind] = &[Book::KIND];
    type Command = ReserveCommand;
    type Event = ReserveEvent;
    type Rejection = Refusal;

    fn decide(&self, command: &ReserveCommand, context: &Context) -> Decided<Self> {
        let (id, book_name) = (context.id, self.book_name.clone());
        let Wish { book_id, qty, customer_id, .. } = self.wish.clone();
        Ok(match (command, self.status.as_deref()) {
            (ReserveCommand::PlaceReserve(PlaceReserve { wish }), _) => {
                wish.makes_sense()?;
                let look = LookAtBook { reserve_id: id, customer_id: wish.customer_id.clone(), qty: wish.qty };
                Decision::facts([ReserveRequested { wish: wish.clone() }]).asking(Ask::of::<Book>(wish.book_id, look))
            }
            (_, None) => return Err(Refusal::missing(format!("there is no reserve {id}"))),
            (ReserveCommand::CancelReserve(_), Some(RENTED)) => {
                return Err(Refusal::rule("reserve-is-open", format!("reserve {id} is rented")));
            }
            (_, Some(RENTED | CANCELED)) => Decision::nothing(),
            (ReserveCommand::CancelReserve(_), _) => {
                let status = CANCELED.to_owned();
                Decision::facts([ReserveCanceled { id, book_id, book_name, customer_id, qty, status }])
            }
            (ReserveCommand::ConfirmReserve(ConfirmReserve { rental_id }), _) => {
                let (status, rental_id) = (RENTED.to_owned(), *rental_id);
                Decision::facts([ReserveConfirmed { id, book_id, book_name, customer_id, qty, status, rental_id }])
            }
            (ReserveCommand::OfferReserve(_), Some(WAITING)) => {
                let status = AVAILABLE.to_owned();
                Decision::facts([ReserveAvailable { id, book_id, book_name, customer_id, qty, status }])
            }
            (ReserveCommand::OfferReserve(_), _) => Decision::nothing(),
        })
    }

    fn answered(&self, asked: &Asked, answer: &Answer, context: &Context) -> Closing<ReserveEvent> {
        let Wish { book_id, qty, customer_id, .. } = self.wish.clone();
        let (book_name, stock) = asked.seen::<Book>().map_or((None, 0), |book| (book.name.clone(), book.stock));
        let status = if stock == 0 { WAITING } else { RESERVED }.to_owned();
        let reserved = Reserved { id: context.id, book_id, book_name, customer_id, qty, status };
        Closing::tried("LookAtBook", asked, answer, reserved, ReserveWithdrawn {})
    }

    fn evolve(&mut self, event: &ReserveEvent) {
        match event.clone() {
            ReserveEvent::ReserveRequested(requested) => self.wish = requested.wish,
            ReserveEvent::ReserveWithdrawn(_) => {}
            ReserveEvent::Reserved(Reserved { book_name, status, .. }) => {
                (self.book_name, self.status) = (book_name, Some(status));
            }
            ReserveEvent::ReserveAvailable(available) => self.status = Some(available.status),
            ReserveEvent::ReserveConfirmed(confirmed) => {
                (self.rental_id, self.status) = (Some(confirmed.rental_id), Some(confirmed.status));
            }
            ReserveEvent::ReserveCanceled(canceled) => self.status = Some(canceled.status),
        }
    }

    fn exists(&self) -> bool {
        self.status.is_some()
    }
}

/// A reserve follows its place in the queue.
pub(super) fn follow(_: &Recorded, event: &QueueEvent) -> Option<(u64, ReserveCommand)> {
    match event {
        QueueEvent::Matched(Matched { reserve_id, rental_id }) => {
            Some((*reserve_id, ConfirmReserve { rental_id: *rental_id }.into()))
        }
        QueueEvent::Offered(offered) => Some((offered.reserve_id, OfferReserve {}.into())),
        QueueEvent::Enqueued(_) | QueueEvent::Dequeued(_) | QueueEvent::StockNoted(_) => None,
    }
}

shows! {
    Reserve: |reserve| {
        long "bookId" = reserve.wish.book_id;
        text "bookName" = &reserve.book_name;
        text "customerId" = &reserve.wish.customer_id;
        text "customerName" = &reserve.wish.customer_name;
        int "qty" = reserve.wish.qty;
        long "rentalId" = reserve.rental_id;
        text "status" = &reserve.status;
    }
}

pub(super) fn place(body: &Body) -> ReserveCommand {
    PlaceReserve { wish: Wish::of(body) }.into()
}
