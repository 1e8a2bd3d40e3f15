//! A book and its stock: whoever rents takes from it here, and only here.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::SettingValues;
use crate::domain::prelude::*;

/// How many undone holds are remembered, so that a late one is not taken after all.
const VOIDED_MAX: usize = 1_024;
/// What is there at first start; the nth costs n × 10,000, and there are n × 10 of it.
const FIRST_FIVE: [&str; 5] = ["TV", "MASK", "NOTEBOOK", "TABLE", "CLOCK"];

/// A book that can be rented.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct Book {
    pub(super) details: Details,
    /// How many facts it has.
    version: u64,
    held: BTreeMap<u64, Held>,
    voided: BTreeSet<u64>,
}

form! {
    /// What is known of a book.
    pub(super) struct Details changed by Changes {
        name: Option<String>, price: i32, stock: i32, image_url: Option<String>
    }
}

/// What a rental holds that does not stand yet.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(super) struct Held {
    qty: i32,
    /// The number of the book's fact.
    at: u64,
}

messages! {
    pub(super) enum BookCommand: Command {
        RegisterBook(Details) = 1;
        ChangeBook(Changes) = 1;
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

    pub(super) enum BookEvent: Event hiding BookLookedAt, StockConfirmed, StockVoided {
        /// It was registered or changed.
        BookSaved { id: u64, name: Option<String>, price: i32, stock: i32, image_url: Option<String> } = 1;
        /// Somebody is about to reserve some.
        BookLookedAt { reserve_id: u64, customer_id: Option<String>, qty: i32 } = 1;
        StockDecreased { id: u64, rental_id: u64, qty: i32, stock: i32 } = 1;
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
        let (id, stock) = (context.id, self.details.stock);
        if !matches!(command, BookCommand::RegisterBook(_) | BookCommand::VoidStock(_)) {
            Refusal::unless(self.exists(), "book-is-registered", || format!("there is no book {id}"))?;
        }
        let increased = |rental_id, qty| StockIncreased { id, rental_id, qty, stock: stock.saturating_add(qty) };
        Ok(match command.clone() {
            BookCommand::RegisterBook(RegisterBook(details)) => Decision::facts([details.saved(id)?]),
            BookCommand::ChangeBook(ChangeBook(changes)) => Decision::facts([changes.over(&self.details).saved(id)?]),
            BookCommand::LookAtBook(LookAtBook { reserve_id, customer_id, qty }) => {
                Decision::facts([BookLookedAt { reserve_id, customer_id, qty }])
            }
            BookCommand::HoldStock(hold) if self.voided.contains(&hold.rental_id) => Decision::nothing(),
            BookCommand::HoldStock(HoldStock { rental_id, qty }) => {
                Refusal::unless(qty <= stock, "no-available-stock", || "No Available stock!".to_owned())?;
                Decision::facts([StockDecreased { id, rental_id, qty, stock: stock - qty }])
            }
            BookCommand::ConfirmStock(ConfirmStock { rental_id, customer_id }) => match self.held.get(&rental_id) {
                Some(held) => Decision::facts([StockConfirmed { rental_id, customer_id, held_at: held.at }]),
                None => Decision::nothing(),
            },
            BookCommand::VoidStock(VoidStock { rental_id }) => match self.held.get(&rental_id) {
                Some(held) => Decision::facts([increased(rental_id, held.qty)]),
                None => Decision::facts([StockVoided { rental_id }]),
            },
            BookCommand::TakeBackStock(back) => Decision::facts([increased(back.rental_id, back.qty)]),
        })
    }

    fn evolve(&mut self, event: &BookEvent) {
        self.version += 1;
        match event.clone() {
            BookEvent::BookSaved(BookSaved { name, price, stock, image_url, .. }) => {
                self.details = Details { name, price, stock, image_url };
            }
            BookEvent::StockDecreased(taken) => {
                self.details.stock = taken.stock;
                self.held.insert(taken.rental_id, Held { qty: taken.qty, at: self.version });
            }
            BookEvent::StockIncreased(back) => {
                self.details.stock = back.stock;
                self.held.remove(&back.rental_id);
            }
            BookEvent::StockConfirmed(confirmed) => drop(self.held.remove(&confirmed.rental_id)),
            BookEvent::BookLookedAt(_) => {}
            BookEvent::StockVoided(StockVoided { rental_id }) => {
                self.voided.insert(rental_id);
                if self.voided.len() > VOIDED_MAX {
                    self.voided.pop_first();
                }
            }
        }
    }
}

impl Details {
    fn saved(self, id: u64) -> Result<BookSaved, Refusal> {
        let Self { name, price, stock, image_url } = self;
        Refusal::unless(price >= 0, "price-is-not-negative", || format!("price is {price}; it is 0 or more"))?;
        Refusal::unless(stock >= 0, "stock-is-not-negative", || format!("stock is {stock}; it is 0 or more"))?;
        Ok(BookSaved { id, name, price, stock, image_url })
    }
}

pub(super) fn first_five(settings: &SettingValues) -> Vec<BookCommand> {
    let book = |(name, nth): (&str, i32)| {
        let image_url = Some(format!("/goods/img/{name}.jpg"));
        let stock = settings.number("initial_stock").max(10 * nth);
        RegisterBook(Details { name: Some(name.to_owned()), price: 10_000 * nth, stock, image_url }).into()
    };
    FIRST_FIVE.into_iter().zip(1..).map(book).collect()
}

shows! { Book: |book| { ..Details = book.details; } }
