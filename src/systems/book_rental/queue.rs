//! The queue of one book's reserves: who rents first of those who reserved, and who is next when stock comes back.
//!
//! Facts of reserves, rentals and books reach it in any order, so each says when it was: reserves and rentals by their
//! place in the log, stock by the number of the book's facts.

use std::collections::VecDeque;
use std::convert::Infallible;

use serde::{Deserialize, Serialize};

use super::book::{Book, BookEvent};
use super::rental::RentalEvent;
use super::reserve::ReserveEvent;
use crate::domain::{Aggregate, Context, Decision, IdRule, Kind, Recorded};
use crate::messages;

/// How many rentals are remembered whose reserve may be on its way.
const RENTALS_MAX: usize = 64;
/// How many reserves are offered at once.
const FREED_MAX: usize = 500;

/// A book's queue; it has the book's id, and clients never see it.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Queue {
    places: Vec<Place>,
    rentals: VecDeque<Rented>,
    stock: i32,
    version: u64,
}

/// An open reserve's place.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Place {
    pub(super) reserve_id: u64,
    pub(super) customer_id: Option<String>,
    pub(super) qty: i32,
    pub(super) at: u64,
    /// How many facts the book had when there was no stock for it; none when it does not wait.
    pub(super) waits_since: Option<u64>,
    pub(super) is_offered: bool,
}

/// A customer's rental.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Rented {
    pub(super) rental_id: u64,
    pub(super) customer_id: Option<String>,
    pub(super) at: u64,
}

messages! {
    /// What a queue can be told.
    pub(super) enum QueueCommand: Command {
        /// Gives a reserve a place.
        Enqueue { place: Place } = 1;
        /// Takes its place away.
        Dequeue { reserve_id: u64 } = 1;
        /// A customer has rented.
        NoteRental { rented: Rented } = 1;
        /// The stock is another.
        NoteStock { stock: i32, version: u64 } = 1;
    }
}

messages! {
    /// What happens to a queue.
    pub(super) enum QueueEvent: Event hiding Enqueued, Dequeued, RentalNoted, Matched, Freed, StockNoted {
        /// A reserve has a place.
        Enqueued { place: Place } = 1;
        /// A reserve has none any more.
        Dequeued { reserve_id: u64 } = 1;
        /// A customer has rented who has no reserve, or not yet.
        RentalNoted { rented: Rented } = 1;
        /// A customer has rented what he reserved.
        Matched { reserve_id: u64, rental_id: u64 } = 1;
        /// There is stock for one who waited.
        Freed { reserve_id: u64 } = 1;
        /// The stock is another.
        StockNoted { stock: i32, version: u64 } = 1;
    }
}

impl Aggregate for Queue {
    const KIND: Kind = Kind::new("book-rental/reserve/queue");
    const STATE_VERSION: u16 = 1;
    const IDS: IdRule = IdRule::TakenFrom(Book::KIND);
    type Command = QueueCommand;
    type Event = QueueEvent;
    type Rejection = Infallible;

    fn decide(&self, command: &QueueCommand, _: &Context) -> Result<Decision<QueueEvent>, Infallible> {
        Ok(match command.clone() {
            QueueCommand::Enqueue(Enqueue { place }) => match self.rentals.iter().find(|rented| is_for(&place, rented))
            {
                Some(Rented { rental_id, .. }) => {
                    let matched = Matched { reserve_id: place.reserve_id, rental_id: *rental_id };
                    Decision::facts([QueueEvent::from(Enqueued { place }), matched.into()])
                }
                None => self.moved_on(Enqueued { place }),
            },
            QueueCommand::Dequeue(Dequeue { reserve_id }) => self.moved_on(Dequeued { reserve_id }),
            QueueCommand::NoteRental(NoteRental { rented }) => {
                match self.places.iter().find(|place| is_for(place, &rented)) {
                    Some(Place { reserve_id, .. }) => {
                        Decision::facts([Matched { reserve_id: *reserve_id, rental_id: rented.rental_id }])
                    }
                    None => Decision::facts([RentalNoted { rented }]),
                }
            }
            QueueCommand::NoteStock(note) if note.version <= self.version => Decision::nothing(),
            QueueCommand::NoteStock(NoteStock { stock, version }) => self.moved_on(StockNoted { stock, version }),
        })
    }

    fn evolve(&mut self, event: &QueueEvent) {
        match event.clone() {
            QueueEvent::Enqueued(Enqueued { place }) => {
                let behind = self.places.partition_point(|other| other.reserve_id < place.reserve_id);
                self.places.insert(behind, place);
            }
            QueueEvent::Dequeued(Dequeued { reserve_id }) => self.places.retain(|place| place.reserve_id != reserve_id),
            QueueEvent::RentalNoted(RentalNoted { rented }) => {
                self.rentals.push_back(rented);
                if self.rentals.len() > RENTALS_MAX {
                    self.rentals.pop_front();
                }
            }
            QueueEvent::Matched(Matched { reserve_id, rental_id }) => {
                self.places.retain(|place| place.reserve_id != reserve_id);
                self.rentals.retain(|rented| rented.rental_id != rental_id);
            }
            QueueEvent::Freed(Freed { reserve_id }) => {
                for place in self.places.iter_mut().filter(|place| place.reserve_id == reserve_id) {
                    (place.waits_since, place.is_offered) = (None, true);
                }
            }
            QueueEvent::StockNoted(StockNoted { stock, version }) => (self.stock, self.version) = (stock, version),
        }
    }

    fn exists(&self) -> bool {
        false
    }
}

/// Tells whether a rental is what the customer had reserved before.
fn is_for(place: &Place, rented: &Rented) -> bool {
    place.at < rented.at && place.customer_id.is_some() && place.customer_id == rented.customer_id
}

impl Queue {
    /// Decides on a fact, and on who is offered stock after it: the oldest first, and nobody past one who needs more.
    fn moved_on(&self, fact: impl Into<QueueEvent>) -> Decision<QueueEvent> {
        let fact = fact.into();
        let mut after = self.clone();
        after.evolve(&fact);
        let mut left = after.stock;
        for place in after.places.iter().filter(|place| place.is_offered) {
            left = left.saturating_sub(place.qty);
        }
        let waiting = after.places.iter().filter_map(|place| Some((place, place.waits_since?)));
        let next = waiting.take_while(|(place, since)| {
            left = left.saturating_sub(place.qty);
            left >= 0 && *since < after.version
        });
        let freed = next.take(FREED_MAX).map(|(place, _)| Freed { reserve_id: place.reserve_id });
        freed.fold(Decision::facts([fact]), Decision::and)
    }
}

/// A reserve takes its place, and leaves it when it is cancelled.
pub(super) fn follow_reserve(fact: &Recorded, event: &ReserveEvent) -> Option<(u64, QueueCommand)> {
    match event.clone() {
        ReserveEvent::ReserveQueued(queued) => {
            let place = Place {
                reserve_id: fact.stream.id,
                customer_id: queued.wish.customer_id,
                qty: queued.wish.qty,
                at: fact.position,
                waits_since: queued.is_waiting.then_some(queued.book_version),
                is_offered: false,
            };
            Some((queued.wish.book_id, Enqueue { place }.into()))
        }
        ReserveEvent::ReserveCanceled(canceled) => Some((canceled.book_id, Dequeue { reserve_id: canceled.id }.into())),
        ReserveEvent::ReserveRequested(_)
        | ReserveEvent::ReserveWithdrawn(_)
        | ReserveEvent::Reserved(_)
        | ReserveEvent::ReserveAvailable(_)
        | ReserveEvent::ReserveConfirmed(_) => None,
    }
}

/// A customer who is named may have reserved what he rents.
pub(super) fn follow_rental(fact: &Recorded, event: &RentalEvent) -> Option<(u64, QueueCommand)> {
    let RentalEvent::RentSaved(saved) = event else { return None };
    saved.customer_id.as_ref()?;
    let rented = Rented { rental_id: saved.id, customer_id: saved.customer_id.clone(), at: fact.position };
    Some((saved.book_id, NoteRental { rented }.into()))
}

/// The queue knows the stock as it is.
pub(super) fn follow_book(fact: &Recorded, event: &BookEvent) -> Option<(u64, QueueCommand)> {
    let stock = match event {
        BookEvent::BookSaved(saved) => saved.stock,
        BookEvent::StockDecreased(decreased) => decreased.stock,
        BookEvent::StockIncreased(increased) => increased.stock,
        BookEvent::StockConfirmed(_) | BookEvent::StockVoided(_) => return None,
    };
    Some((fact.stream.id, NoteStock { stock, version: fact.version }.into()))
}
