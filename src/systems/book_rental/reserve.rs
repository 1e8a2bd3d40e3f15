//! A reserve: waits when there is no stock, is offered when stock comes back, ends when the customer rents or cancels.

use super::book::{Book, LookAtBook};
use super::queue::{Matched, QueueEvent};
use super::rental::Wish;
use crate::domain::prelude::*;

// There was stock, or none; there is some again; the customer has rented, or does not want it any more.
pub(super) const RESERVED: &str = "RESERVED";
pub(super) const WAITING: &str = "WAITING";
pub(super) const AVAILABLE: &str = "AVAILABLE";
pub(super) const RENTED: &str = "RENTED";
pub(super) const CANCELED: &str = "CANCELED";

form! {
    /// A customer's reserve.
    pub(super) struct Reserve {
        book_id: u64 as indexed, book_name: Option<String>, customer_id: Option<String> as indexed, customer_name: Option<String>, qty: i32,
        rental_id: Option<u64>, status: Option<String> as indexed
    }

    /// What is told of it.
    pub(super) struct Told {
        id: u64, book_id: u64, book_name: Option<String>, customer_id: Option<String>, qty: i32, status: String
    }
}

messages! {
    pub(super) enum ReserveCommand: Command {
        /// Reserves, after a look at the book.
        PlaceReserve { wish: Wish } = 1;
        CancelReserve {} = 1;
        /// The customer has rented.
        ConfirmReserve { rental_id: u64 } = 1;
        /// There is stock again.
        OfferReserve {} = 1;
    }

    pub(super) enum ReserveEvent: Event hiding ReserveRequested, ReserveWithdrawn {
        /// The book is looked at.
        ReserveRequested { wish: Wish } = 1;
        /// It could not be.
        ReserveWithdrawn {} = 1;
        Reserved(Told) = 1;
        /// There is stock again.
        ReserveAvailable(Told) = 1;
        /// The customer has rented.
        ReserveConfirmed {
            id: u64, book_id: u64, book_name: Option<String>, customer_id: Option<String>, qty: i32, status: String,
            rental_id: u64
        } = 1;
        ReserveCanceled(Told) = 1;
    }
}

impl Aggregate for Reserve {
    const KIND: Kind = Kind::new("book-rental/reserve/reserve");
    const STATE_VERSION: u16 = 2;
    const IDS: IdRule = IdRule::Sequence;
    const ASKS: &'static [Kind] = &[Book::KIND];
    type Command = ReserveCommand;
    type Event = ReserveEvent;
    type Rejection = Refusal;

    fn decide(&self, command: &ReserveCommand, context: &Context) -> Decided<Self> {
        let id = context.id;
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
            (ReserveCommand::CancelReserve(_), _) => Decision::facts([ReserveCanceled(self.told(id, CANCELED))]),
            (ReserveCommand::ConfirmReserve(ConfirmReserve { rental_id }), _) => {
                let Told { id, book_id, book_name, customer_id, qty, status } = self.told(id, RENTED);
                let rental_id = *rental_id;
                Decision::facts([ReserveConfirmed { id, book_id, book_name, customer_id, qty, status, rental_id }])
            }
            (ReserveCommand::OfferReserve(_), status) => {
                Decision::only_if(status == Some(WAITING), ReserveAvailable(self.told(id, AVAILABLE)))
            }
        })
    }

    fn answered(&self, asked: &Asked, answer: &Answer, context: &Context) -> Closing<ReserveEvent> {
        let book = asked.seen::<Book>().map(|book| book.details.clone()).unwrap_or_default();
        let status = if book.stock == 0 { WAITING } else { RESERVED };
        let reserved = Reserved(Told { book_name: book.name, ..self.told(context.id, status) });
        Closing::tried("LookAtBook", asked, answer, reserved, ReserveWithdrawn {})
    }

    fn evolve(&mut self, event: &ReserveEvent) {
        match event.clone() {
            ReserveEvent::ReserveRequested(ReserveRequested { wish }) => {
                let Wish { book_id, qty, customer_id, customer_name } = wish;
                *self = Self { book_id, qty, customer_id, customer_name, ..Self::default() };
            }
            ReserveEvent::ReserveWithdrawn(_) => {}
            ReserveEvent::Reserved(Reserved(told)) => {
                (self.book_name, self.status) = (told.book_name, Some(told.status));
            }
            ReserveEvent::ReserveConfirmed(confirmed) => {
                (self.rental_id, self.status) = (Some(confirmed.rental_id), Some(confirmed.status));
            }
            ReserveEvent::ReserveAvailable(ReserveAvailable(told))
            | ReserveEvent::ReserveCanceled(ReserveCanceled(told)) => self.status = Some(told.status),
        }
    }

    fn exists(&self) -> bool {
        self.status.is_some()
    }
}

impl Reserve {
    fn told(&self, id: u64, status: &str) -> Told {
        let Self { book_id, book_name, customer_id, qty, .. } = self.clone();
        Told { id, book_id, book_name, customer_id, qty, status: status.to_owned() }
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
