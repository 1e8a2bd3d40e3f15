//! A book and its stock: whoever rents takes from it here, and only here.

use std::collections::{BTreeMap, BTreeSet};

use serde::{Deserialize, Serialize};

use super::rental::RentalEvent;
use crate::domain::{Aggregate, Body, Context, Decided, Decision, IdRule, Kind, Recorded, Refusal, SettingValues};
use crate::{messages, shows};

/// How many undone holds are remembered, so that a late one is not taken after all.
const VOIDED_MAX: usize = 1_024;
/// What is there at first start; the nth costs n × 10,000, and there are n × 10 of it.
const FIRST_FIVE: [&str; 5] = ["TV", "MASK", "NOTEBOOK", "TABLE", "CLOCK"];

/// A book that can be rented.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Book {
    pub(super) name: Option<String>,
    pub(super) price: i32,
    pub(super) stock: i32,
    image_url: Option<String>,
    /// How many facts it has.
    version: u64,
    held: BTreeMap<u64, Held>,
    voided: BTreeSet<u64>,
}

/// What a rental holds that does not stand yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Held {
    qty: i32,
    /// The number of the book's fact.
    at: u64,
}

messages! {
    /// What a book can be told.
    pub(super) enum BookCommand: Command {
        /// Registers it.
        RegisterBook { name: Option<String>, price: i32, stock: i32, image_url: Option<String> } = 1;
        /// Changes what is given.
        ChangeBook {
            name: Option<Option<String>>, price: Option<i32>, stock: Option<i32>, image_url: Option<Option<String>>
        } = 1;
        /// Lets a customer look at it who is about to reserve some.
        LookAtBook { reserve_id: u64, customer_id: Option<String>, qty: i32 } = 1;
        /// Takes some for a rental that does not stand yet.
        HoldStock { rental_id: u64, qty: i32 } = 1;
        /// The rental stands.
        ConfirmStock { rental_id: u64, customer_id: Option<String> } = 1;
        /// The rental will not stand.
        VoidStock { rental_id: u64 } = 1;
        /// Takes a cancelled rental's back.
        TakeBackStock { rental_id: u64, qty: i32 } = 1;
    }
}

messages! {
    /// What happens to a book.
    pub(super) enum BookEvent: Event hiding BookLookedAt, StockConfirmed, StockVoided {
        /// It was registered or changed.
        BookSaved { id: u64, name: Option<String>, price: i32, stock: i32, image_url: Option<String> } = 1;
        /// Somebody is about to reserve some.
        BookLookedAt { reserve_id: u64, customer_id: Option<String>, qty: i32 } = 1;
        /// Some were taken.
        StockDecreased { id: u64, rental_id: u64, qty: i32, stock: i32 } = 1;
        /// Some came back.
        StockIncreased { id: u64, rental_id: u64, qty: i32, stock: i32 } = 1;
        /// What was taken, by the fact of that number, is the customer's.
        StockConfirmed { rental_id: u64, customer_id: Option<String>, held_at: u64 } = 1;
        /// Nothing will be taken for this rental.
        StockVoided { rental_id: u64 } = 1;
    }
}

impl Aggregate for Book {
    const KIND: Kind = Kind::new("book-rental/book/book");
    const IDS: IdRule = IdRule::Sequence;
    type Command = BookCommand;
    type Event = BookEvent;
    type Rejection = Refusal;

    fn decide(&self, command: &BookCommand, context: &Context) -> Decided<Self> {
        let id = context.id;
        if !matches!(command, BookCommand::RegisterBook(_) | BookCommand::VoidStock(_)) {
            Refusal::unless(self.exists(), "book-is-registered", || format!("there is no book {id}"))?;
        }
        match command.clone() {
            BookCommand::RegisterBook(RegisterBook { name, price, stock, image_url }) => {
                saved(BookSaved { id, name, price, stock, image_url })
            }
            BookCommand::ChangeBook(ChangeBook { name, price, stock, image_url }) => saved(BookSaved {
                id,
                name: name.unwrap_or(self.name.clone()),
                price: price.unwrap_or(self.price),
                stock: stock.unwrap_or(self.stock),
                image_url: image_url.unwrap_or(self.image_url.clone()),
            }),
            BookCommand::LookAtBook(LookAtBook { reserve_id, customer_id, qty }) => {
                Ok(Decision::facts([BookLookedAt { reserve_id, customer_id, qty }]))
            }
            BookCommand::HoldStock(HoldStock { rental_id, .. }) if self.voided.contains(&rental_id) => {
                Ok(Decision::nothing())
            }
            BookCommand::HoldStock(HoldStock { rental_id, qty }) => {
                Refusal::unless(qty <= self.stock, "no-available-stock", || "No Available stock!".to_owned())?;
                Ok(Decision::facts([StockDecreased { id, rental_id, qty, stock: self.stock - qty }]))
            }
            BookCommand::ConfirmStock(ConfirmStock { rental_id, customer_id }) => Ok(match self.held.get(&rental_id) {
                Some(Held { at, .. }) => Decision::facts([StockConfirmed { rental_id, customer_id, held_at: *at }]),
                None => Decision::nothing(),
            }),

            BookCommand::VoidStock(VoidStock { rental_id }) => Ok(match self.held.get(&rental_id) {
                Some(held) => self.increased(id, rental_id, held.qty),
                None => Decision::facts([StockVoided { rental_id }]),
            }),
            BookCommand::TakeBackStock(TakeBackStock { rental_id, qty }) => Ok(self.increased(id, rental_id, qty)),
        }
    }

    fn evolve(&mut self, event: &BookEvent) {
        self.version += 1;
        match event.clone() {
            BookEvent::BookSaved(BookSaved { name, price, stock, image_url, .. }) => {
                (self.name, self.price, self.stock, self.image_url) = (name, price, stock, image_url);
            }
            BookEvent::StockDecreased(taken) => {
                self.stock = taken.stock;
                self.held.insert(taken.rental_id, Held { qty: taken.qty, at: self.version });
            }
            BookEvent::StockIncreased(back) => {
                self.stock = back.stock;
                self.held.remove(&back.rental_id);
            }
            BookEvent::StockConfirmed(confirmed) => {
                self.held.remove(&confirmed.rental_id);
            }
            BookEvent::BookLookedAt(_) => {}
            BookEvent::StockVoided(StockVoided { rental_id }) => {
                self.voided.insert(rental_id);
                if self.voided.len() > VOIDED_MAX {
                    self.voided.pop_first();
                }
            }
        }
    }

    fn exists(&self) -> bool {
        self.version > 0
    }
}

impl Book {
    fn increased(&self, id: u64, rental_id: u64, qty: i32) -> Decision<BookEvent> {
        Decision::facts([StockIncreased { id, rental_id, qty, stock: self.stock.saturating_add(qty) }])
    }
}

fn saved(book: BookSaved) -> Result<Decision<BookEvent>, Refusal> {
    Refusal::unless(book.price >= 0, "price-is-not-negative", || format!("price is {}; it is 0 or more", book.price))?;
    Refusal::unless(book.stock >= 0, "stock-is-not-negative", || format!("stock is {}; it is 0 or more", book.stock))?;
    Ok(Decision::facts([book]))
}

/// A rental that stands keeps what was held for it.
pub(super) fn confirm(_: &Recorded, event: &RentalEvent) -> Option<(u64, BookCommand)> {
    let RentalEvent::RentSaved(saved) = event else { return None };
    Some((saved.book_id, ConfirmStock { rental_id: saved.id, customer_id: saved.customer_id.clone() }.into()))
}

/// A cancelled rental gives everything back.
pub(super) fn take_back(_: &Recorded, event: &RentalEvent) -> Option<(u64, BookCommand)> {
    let RentalEvent::RentCanceled(canceled) = event else { return None };
    Some((canceled.book_id, TakeBackStock { rental_id: canceled.id, qty: canceled.qty }.into()))
}

pub(super) fn first_five(settings: &SettingValues) -> Vec<BookCommand> {
    let book = |(name, nth): (&str, i32)| {
        let image_url = Some(format!("/goods/img/{name}.jpg"));
        let stock = settings.number("initial_stock").max(10 * nth);
        RegisterBook { name: Some(name.to_owned()), price: 10_000 * nth, stock, image_url }.into()
    };
    FIRST_FIVE.into_iter().zip(1..).map(book).collect()
}

shows! {
    Book: |book| {
        text "name" = &book.name;
        int "price" = book.price;
        int "stock" = book.stock;
        text "imageUrl" = &book.image_url;
    }
}

pub(super) fn register(body: &Body) -> BookCommand {
    let (name, image_url) = (body.text("name"), body.text("imageUrl"));
    RegisterBook { name, price: body.int("price"), stock: body.int("stock"), image_url }.into()
}

pub(super) fn change(body: &Body) -> BookCommand {
    let (name, image_url) = (body.sent_text("name"), body.sent_text("imageUrl"));
    ChangeBook { name, price: body.sent_int("price"), stock: body.sent_int("stock"), image_url }.into()
}
