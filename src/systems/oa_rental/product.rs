//! A product as its team registers it. Its quantity is set here and moved by Delivery's stock.

use serde::{Deserialize, Serialize};

use super::stock::StockEvent;
use crate::domain::{Aggregate, Body, Context, Decided, Decision, IdRule, Kind, Recorded, Refusal};
use crate::{messages, state};

state! {
    /// A registered product.
    pub(crate) struct Product {
        name: Option<String> as text "name",
        qty: i32 as int "qty",
        registered: bool,
        removed: bool,
        /// How many facts it has.
        version: u64,
        followed: StockVersion,
    }
}

/// How new a quantity is. Who copies it takes the higher, so facts of two streams may arrive in any order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub(crate) struct StockVersion {
    /// The version of the `ProductSaved` that set it.
    pub(crate) saved: u64,
    /// The version of Delivery's stock that moved it since.
    pub(crate) stock: u64,
}

messages! {
    /// What a product can be told.
    pub(crate) enum ProductCommand: Command {
        RegisterProduct { name: Option<String>, qty: i32 } = 1;
        ReplaceProduct { name: Option<String>, qty: i32 } = 1;
        /// Changes only what is given.
        ChangeProduct { name: Option<Option<String>>, qty: Option<i32> } = 1;
        RemoveProduct {} = 1;
        /// Takes over Delivery's quantity, if it is newer.
        FollowStock { qty: i32, version: StockVersion } = 1;
    }

    /// What happens to a product.
    pub(crate) enum ProductEvent: Event {
        /// Name and quantity are set, which sets the stock.
        ProductSaved { id: u64, name: Option<String>, qty: i32 } = 1;
        /// Only the name is another; the stock is not touched.
        ProductRenamed { id: u64, name: Option<String> } = 1;
        ProductRemoved { id: u64 } = 1;
        StockCopied { id: u64, qty: i32, version: StockVersion } = 1;
    }
}

impl Aggregate for Product {
    const KIND: Kind = Kind::new("oa-rental/product/product");
    const IDS: IdRule = IdRule::Sequence;
    type Command = ProductCommand;
    type Event = ProductEvent;
    type Rejection = Refusal;

    fn decide(&self, command: &ProductCommand, context: &Context) -> Decided<Self> {
        let id = context.id;
        Ok(match command.clone() {
            ProductCommand::RegisterProduct(RegisterProduct { name, qty }) => saved(id, name, qty)?,
            ProductCommand::FollowStock(FollowStock { qty, version }) => {
                Decision::only_if(version > self.followed && !self.removed, StockCopied { id, qty, version })
            }
            _ if !self.exists() => return Err(Refusal::missing(format!("there is no product {id}"))),
            ProductCommand::ReplaceProduct(ReplaceProduct { name, qty }) => saved(id, name, qty)?,
            ProductCommand::ChangeProduct(ChangeProduct { name, qty: Some(qty) }) => {
                saved(id, name.unwrap_or(self.name.clone()), qty)?
            }
            ProductCommand::ChangeProduct(ChangeProduct { name, qty: None }) => match name {
                Some(name) => Decision::facts([ProductRenamed { id, name }]),
                None => Decision::nothing(),
            },
            ProductCommand::RemoveProduct(_) => Decision::facts([ProductRemoved { id }]),
        })
    }

    fn evolve(&mut self, event: &ProductEvent) {
        self.version += 1;
        match event.clone() {
            ProductEvent::ProductSaved(saved) => {
                (self.name, self.qty, self.registered) = (saved.name, saved.qty, true);
                self.followed = StockVersion { saved: self.version, stock: 0 };
            }
            ProductEvent::ProductRenamed(renamed) => self.name = renamed.name,
            ProductEvent::ProductRemoved(_) => self.removed = true,
            ProductEvent::StockCopied(copied) => (self.qty, self.followed) = (copied.qty, copied.version),
        }
    }

    fn exists(&self) -> bool {
        self.registered && !self.removed
    }
}

fn saved(id: u64, name: Option<String>, qty: i32) -> Decided<Product> {
    Refusal::unless(qty >= 0, "stock-is-not-negative", || format!("qty is {qty}; a stock is 0 or more"))?;
    Ok(Decision::facts([ProductSaved { id, name, qty }]))
}

/// A product follows the stock.
pub(super) fn follow_stock(_: &Recorded, event: &StockEvent) -> Option<(u64, ProductCommand)> {
    let StockEvent::StockChanged(changed) = event else { return None };
    Some((changed.id, FollowStock { qty: changed.qty, version: changed.version }.into()))
}

pub(super) fn register(body: &Body) -> ProductCommand {
    RegisterProduct { name: body.text("name"), qty: body.int("qty") }.into()
}

pub(super) fn replace(body: &Body) -> ProductCommand {
    ReplaceProduct { name: body.text("name"), qty: body.int("qty") }.into()
}

pub(super) fn change(body: &Body) -> ProductCommand {
    ChangeProduct { name: body.sent_text("name"), qty: body.sent_int("qty") }.into()
}
