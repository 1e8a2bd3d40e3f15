//! Delivery's own product: the stock itself. Whoever wants an item asks here, and only here.

use serde::{Deserialize, Serialize};

use super::product::{Product, StockVersion};
use crate::domain::{
    Aggregate, Command, Context, Decision, Event, Field, Held, IdRule, Kind, Refusal, Rejection, Value,
};
use crate::messages;

/// The stock of one product.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Stock {
    product_id: u64,
    name: Option<String>,
    qty: i32,
    registered: bool,
    removed: bool,
    named: u64,
    saved: u64,
    version: u64,
}

/// Sets the stock as the product was saved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct SetStock {
    /// The product's name.
    pub name: Option<String>,
    /// How many there are.
    pub qty: i32,
    /// The version of the `ProductSaved`.
    pub saved: u64,
}

/// Takes over a new name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RenameStock {
    /// The product's name.
    pub name: Option<String>,
    /// The version of the `ProductRenamed`.
    pub named: u64,
}

/// Forgets the product.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DropStock {}

/// Takes items for a rental.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TakeStock {
    /// For whom.
    pub rental_id: u64,
    /// How many.
    pub qty: i32,
}

/// Gives a cancelled rental's items back.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct GiveBackStock {
    /// Whose.
    pub rental_id: u64,
    /// How many.
    pub qty: i32,
}

/// Delivery knows the product and its stock as saved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProductInventoryRegisted {
    /// The product.
    pub id: u64,
    /// Its name.
    pub name: Option<String>,
    /// Its stock.
    pub qty: i32,
    /// The version of the `ProductSaved`.
    pub saved: u64,
}

/// The stock moved.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StockChanged {
    /// The product.
    pub id: u64,
    /// How many are left.
    pub qty: i32,
    /// The rental that moved it.
    pub rental_id: u64,
    /// How new this is.
    pub version: StockVersion,
}

/// Delivery took over a name.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StockRenamed {
    /// The product.
    pub id: u64,
    /// Its name.
    pub name: Option<String>,
    /// The version of the `ProductRenamed`.
    pub named: u64,
}

/// Delivery forgot the product.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StockDropped {
    /// The product.
    pub id: u64,
}

messages! {
    /// What a stock can be told.
    pub enum StockCommand { SetStock = 1; RenameStock = 1; DropStock = 1; TakeStock = 1; GiveBackStock = 1 }
}

messages! {
    /// What happens to a stock.
    pub enum StockEvent { ProductInventoryRegisted = 1; StockChanged = 1; StockRenamed = 1; StockDropped = 1 }
}

impl Command for StockCommand {}
impl Event for StockEvent {
    const INTERNAL: &'static [&'static str] = &["StockDropped"];
}

/// Why items cannot be taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum StockRejection {
    /// Fewer are left than wanted.
    OutOfStock {
        /// How many are left.
        left: i32,
        /// How many were wanted.
        wanted: i32,
    },
    /// Delivery does not know the product.
    UnregisteredProduct(u64),
}

impl Rejection for StockRejection {
    fn refusal(&self) -> Refusal {
        match self {
            Self::OutOfStock { left, wanted } => {
                Refusal::rule("out-of-stock", format!("{wanted} wanted, {left} in stock"))
            }
            Self::UnregisteredProduct(id) => {
                Refusal::unknown_target("unregistered-product", format!("delivery knows no product {id}"))
            }
        }
    }
}

impl Aggregate for Stock {
    const KIND: Kind = Kind::new("oa-rental/delivery/product");
    const STATE_VERSION: u16 = 1;
    const IDS: IdRule = IdRule::TakenFrom(Product::KIND);
    type Command = StockCommand;
    type Event = StockEvent;
    type Rejection = StockRejection;

    fn decide(&self, command: &StockCommand, context: &Context) -> Result<Decision<StockEvent>, StockRejection> {
        let id = context.id;
        match command {
            StockCommand::TakeStock(_) if !self.exists() => Err(StockRejection::UnregisteredProduct(id)),
            _ if self.removed => Ok(Decision::nothing()),
            StockCommand::SetStock(set) if set.saved <= self.saved => Ok(Decision::nothing()),
            StockCommand::SetStock(SetStock { name, qty, saved }) => {
                Ok(Decision::facts([ProductInventoryRegisted { id, name: name.clone(), qty: *qty, saved: *saved }]))
            }
            StockCommand::RenameStock(rename) if rename.named <= self.named => Ok(Decision::nothing()),
            StockCommand::RenameStock(RenameStock { name, named }) => {
                Ok(Decision::facts([StockRenamed { id, name: name.clone(), named: *named }]))
            }
            StockCommand::DropStock(_) => Ok(Decision::facts([StockDropped { id }])),
            StockCommand::TakeStock(TakeStock { rental_id, qty }) if *qty <= self.qty => {
                Ok(Decision::facts([self.moved(id, *rental_id, self.qty - qty)]))
            }
            StockCommand::TakeStock(take) => Err(StockRejection::OutOfStock { left: self.qty, wanted: take.qty }),
            StockCommand::GiveBackStock(GiveBackStock { rental_id, qty }) => {
                Ok(Decision::facts([self.moved(id, *rental_id, self.qty.saturating_add(*qty))]))
            }
        }
    }

    fn evolve(&mut self, event: &StockEvent) {
        self.version += 1;
        match event {
            StockEvent::ProductInventoryRegisted(registed) => {
                self.product_id = registed.id;
                self.name.clone_from(&registed.name);
                self.qty = registed.qty;
                self.saved = registed.saved;
                self.named = registed.saved;
                self.registered = true;
            }
            StockEvent::StockChanged(changed) => self.qty = changed.qty,
            StockEvent::StockRenamed(renamed) => {
                self.name.clone_from(&renamed.name);
                self.named = renamed.named;
            }
            StockEvent::StockDropped(_) => self.removed = true,
        }
    }

    fn exists(&self) -> bool {
        self.registered && !self.removed
    }
}

impl Stock {
    fn moved(&self, id: u64, rental_id: u64, qty: i32) -> StockChanged {
        let version = StockVersion { saved: self.saved, stock: self.version + 1 };
        StockChanged { id, qty, rental_id, version }
    }
}

/// The fields clients see.
pub const FIELDS: &[Field] = &[Field::long("productId"), Field::text("name"), Field::int("qty")];

/// Shows a stock.
#[must_use]
pub fn represent(state: &dyn Held) -> Vec<Value> {
    let stock: Option<&Stock> = state.as_any().downcast_ref();
    stock.map_or_else(Vec::new, |stock| vec![stock.product_id.into(), (&stock.name).into(), stock.qty.into()])
}
