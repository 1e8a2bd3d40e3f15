//! The queue of one book's reserves: who rents what he reserved, and who is next when stock comes back.
//!
//! It follows the book's own facts, so that it sees reserves, rentals and stock in the order Book saw them. Only cancels
//! come another way, perhaps before the reserve they mean.

use std::collections::BTreeSet;

use super::book::{Book, BookEvent, BookLookedAt, BookSaved, StockConfirmed, StockDecreased, StockIncreased};
use crate::domain::prelude::*;

/// How many reserves are offered at once.
const OFFERED_MAX: usize = 500;

/// A book's queue; it has the book's id, and clients never see it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Queue {
    stock: i32,
    places: Vec<Place>,
    /// Reserves that were cancelled before they came.
    canceled: BTreeSet<u64>,
}

/// An open reserve's place, behind those that came before.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) reserve_id: u64,
    pub(super) customer_id: Option<String>,
    pub(super) qty: i32,
    /// The number of the book's fact.
    pub(super) at: u64,
    /// Whether there was stock for it, beside what was offered before.
    pub(super) is_offered: bool,
}

messages! {
    pub(super) enum QueueCommand: Command {
        Enqueue { place: Place } = 1;
        /// Takes a cancelled reserve's place away.
        Dequeue { reserve_id: u64 } = 1;
        /// A customer rents; the stock was taken by the book's fact of that number.
        Rent { rental_id: u64, customer_id: String, held_at: u64 } = 1;
        NoteStock { stock: i32 } = 1;
    }

    pub(super) enum QueueEvent: Event hiding Enqueued, Dequeued, Matched, Offered, StockNoted {
        Enqueued { place: Place } = 1;
        /// A reserve has no place, and will have none.
        Dequeued { reserve_id: u64 } = 1;
        /// A customer rents what he reserved.
        Matched { reserve_id: u64, rental_id: u64 } = 1;
        /// There is stock for a reserve.
        Offered { reserve_id: u64 } = 1;
        StockNoted { stock: i32 } = 1;
    }
}

impl Aggregate for Queue {
    const KIND: Kind = Kind::new("book-rental/reserve/queue");
    const IDS: IdRule = IdRule::TakenFrom(Book::KIND);
    type Command = QueueCommand;
    type Event = QueueEvent;
    type Rejection = Infallible;

    fn decide(&self, command: &QueueCommand, _: &Context) -> Decided<Self> {
        Ok(match command.clone() {
            QueueCommand::Enqueue(Enqueue { place }) => self.moved_on(Enqueued { place }),
            QueueCommand::Dequeue(Dequeue { reserve_id }) => self.moved_on(Dequeued { reserve_id }),
            QueueCommand::NoteStock(NoteStock { stock }) => self.moved_on(StockNoted { stock }),
            QueueCommand::Rent(Rent { rental_id, customer_id, held_at }) => {
                let own = |place: &&Place| place.customer_id.as_ref() == Some(&customer_id) && place.at < held_at;
                match self.places.iter().find(own) {
                    Some(Place { reserve_id, .. }) => self.moved_on(Matched { reserve_id: *reserve_id, rental_id }),
                    None => Decision::nothing(),
                }
            }
        })
    }

    fn evolve(&mut self, event: &QueueEvent) {
        match event {
            QueueEvent::Enqueued(Enqueued { place }) if self.canceled.remove(&place.reserve_id) => {}
            QueueEvent::Enqueued(Enqueued { place }) => self.places.push(place.clone()),
            QueueEvent::Dequeued(Dequeued { reserve_id }) => {
                if !self.take(*reserve_id) {
                    self.canceled.insert(*reserve_id);
                }
            }
            QueueEvent::Matched(Matched { reserve_id, .. }) => {
                self.take(*reserve_id);
            }
            QueueEvent::Offered(Offered { reserve_id }) => {
                let offered = self.places.iter_mut().find(|place| place.reserve_id == *reserve_id);
                offered.into_iter().for_each(|place| place.is_offered = true);
            }
            QueueEvent::StockNoted(StockNoted { stock }) => self.stock = *stock,
        }
    }

    fn exists(&self) -> bool {
        false
    }
}

impl Queue {
    /// Decides on a fact, and on who is offered stock after it: the oldest first, and nobody past one who needs more.
    fn moved_on(&self, fact: impl Into<QueueEvent>) -> Decision<QueueEvent> {
        let fact = fact.into();
        let mut after = self.clone();
        after.evolve(&fact);
        let claimed = after.places.iter().filter(|place| place.is_offered).map(|place| place.qty);
        let mut left = claimed.fold(after.stock, i32::saturating_sub);
        let next = after.places.iter().filter(|place| !place.is_offered).take_while(|place| {
            left = left.saturating_sub(place.qty);
            left >= 0
        });
        let offered = next.take(OFFERED_MAX).map(|place| Offered { reserve_id: place.reserve_id });
        offered.fold(Decision::facts([fact]), Decision::and)
    }

    /// Takes a place out; tells whether it was there.
    fn take(&mut self, reserve_id: u64) -> bool {
        let before = self.places.len();
        self.places.retain(|place| place.reserve_id != reserve_id);
        self.places.len() < before
    }
}

/// The queue goes on with its book. A customer who is not named has reserved nothing that could be found.
pub(super) fn follow(fact: &Recorded, event: &BookEvent) -> Option<(u64, QueueCommand)> {
    let command = match event.clone() {
        BookEvent::BookLookedAt(BookLookedAt { reserve_id, customer_id, qty }) => {
            let place = Place { reserve_id, customer_id, qty, at: fact.version, is_offered: false };
            Enqueue { place }.into()
        }
        BookEvent::StockConfirmed(StockConfirmed { rental_id, customer_id, held_at }) => {
            Rent { rental_id, customer_id: customer_id?, held_at }.into()
        }
        BookEvent::BookSaved(BookSaved { stock, .. })
        | BookEvent::StockDecreased(StockDecreased { stock, .. })
        | BookEvent::StockIncreased(StockIncreased { stock, .. }) => NoteStock { stock }.into(),
        BookEvent::StockVoided(_) => return None,
    };
    Some((fact.stream.id, command))
}
