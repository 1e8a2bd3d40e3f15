//! A product as its team registers it. Its quantity is set here and moved by Delivery's stock.

use serde::{Deserialize, Serialize};

use crate::domain::{
    Aggregate, Body, Command, Context, Decision, Event, Field, Held, IdRule, Kind, Refusal, Rejection, Value,
};
use crate::messages;

/// A registered product.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Product {
    name: Option<String>,
    qty: i32,
    registered: bool,
    removed: bool,
    version: u64,
    followed: StockVersion,
}

/// How new a quantity is: the version of the `ProductSaved` it stands on, then Delivery's own version.
///
/// Copies take the higher pair, so facts of two streams may arrive in any order.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct StockVersion {
    /// The version of the `ProductSaved` that set the quantity.
    pub saved: u64,
    /// The version of Delivery's stock that moved it since.
    pub stock: u64,
}

/// Registers a product.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RegisterProduct {
    /// What it is called.
    pub name: Option<String>,
    /// How many there are.
    pub qty: i32,
}

/// Replaces name and quantity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ReplaceProduct {
    /// What it is called from now on.
    pub name: Option<String>,
    /// How many there are from now on.
    pub qty: i32,
}

/// Changes only what is given.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ChangeProduct {
    /// The new name, which may be none.
    pub name: Option<Option<String>>,
    /// The new quantity.
    pub qty: Option<i32>,
}

/// Takes the product out of the catalogue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RemoveProduct {}

/// Follows Delivery's stock.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct FollowStock {
    /// How many there are.
    pub qty: i32,
    /// How new that is.
    pub version: StockVersion,
}

/// Name and quantity were set.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProductSaved {
    /// The product.
    pub id: u64,
    /// Its name.
    pub name: Option<String>,
    /// Its quantity.
    pub qty: i32,
}

/// Only the name was changed; the stock is not touched.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProductRenamed {
    /// The product.
    pub id: u64,
    /// Its name.
    pub name: Option<String>,
}

/// The product left the catalogue.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ProductRemoved {
    /// The product.
    pub id: u64,
}

/// A copy took over Delivery's quantity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StockCopied {
    /// The product.
    pub id: u64,
    /// How many there are.
    pub qty: i32,
    /// How new that is.
    pub version: StockVersion,
}

messages! {
    /// What a product can be told.
    pub enum ProductCommand {
        RegisterProduct = 1; ReplaceProduct = 1; ChangeProduct = 1; RemoveProduct = 1; FollowStock = 1;
    }
}

messages! {
    /// What happens to a product.
    pub enum ProductEvent { ProductSaved = 1; ProductRenamed = 1; ProductRemoved = 1; StockCopied = 1 }
}

impl Command for ProductCommand {}
impl Event for ProductEvent {}

/// Why a product refuses.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum ProductRejection {
    /// A quantity below zero.
    StockIsNotNegative(i32),
    /// There is no such product.
    NoSuchProduct(u64),
}

impl Rejection for ProductRejection {
    fn refusal(&self) -> Refusal {
        match self {
            Self::StockIsNotNegative(qty) => {
                Refusal::rule("stock-is-not-negative", format!("qty is {qty}; a stock is 0 or more"))
            }
            Self::NoSuchProduct(id) => Refusal::missing(format!("there is no product {id}")),
        }
    }
}

impl Aggregate for Product {
    const KIND: Kind = Kind::new("oa-rental/product/product");
    const STATE_VERSION: u16 = 1;
    const IDS: IdRule = IdRule::Sequence;
    type Command = ProductCommand;
    type Event = ProductEvent;
    type Rejection = ProductRejection;

    fn decide(&self, command: &ProductCommand, context: &Context) -> Result<Decision<ProductEvent>, ProductRejection> {
        let id = context.id;
        match command {
            ProductCommand::RegisterProduct(RegisterProduct { name, qty }) => save(id, name.clone(), *qty),
            ProductCommand::FollowStock(FollowStock { qty, version }) => Ok(self.follow(id, *qty, *version)),
            _ if !self.exists() => Err(ProductRejection::NoSuchProduct(id)),
            ProductCommand::ReplaceProduct(ReplaceProduct { name, qty }) => save(id, name.clone(), *qty),
            ProductCommand::ChangeProduct(ChangeProduct { name, qty }) => {
                let kept = name.clone().unwrap_or_else(|| self.name.clone());
                match (name, qty) {
                    (_, Some(qty)) => save(id, kept, *qty),
                    (Some(_), None) => Ok(Decision::facts([ProductRenamed { id, name: kept }])),
                    (None, None) => Ok(Decision::nothing()),
                }
            }
            ProductCommand::RemoveProduct(_) => Ok(Decision::facts([ProductRemoved { id }])),
        }
    }

    fn evolve(&mut self, event: &ProductEvent) {
        self.version += 1;
        match event {
            ProductEvent::ProductSaved(saved) => {
                self.name.clone_from(&saved.name);
                self.qty = saved.qty;
                self.registered = true;
                self.followed = StockVersion { saved: self.version, stock: 0 };
            }
            ProductEvent::ProductRenamed(renamed) => self.name.clone_from(&renamed.name),
            ProductEvent::ProductRemoved(_) => self.removed = true,
            ProductEvent::StockCopied(copied) => {
                self.qty = copied.qty;
                self.followed = copied.version;
            }
        }
    }

    fn exists(&self) -> bool {
        self.registered && !self.removed
    }
}

impl Product {
    fn follow(&self, id: u64, qty: i32, version: StockVersion) -> Decision<ProductEvent> {
        if self.removed || version <= self.followed {
            return Decision::nothing();
        }
        Decision::facts([StockCopied { id, qty, version }])
    }
}

fn save(id: u64, name: Option<String>, qty: i32) -> Result<Decision<ProductEvent>, ProductRejection> {
    if qty < 0 {
        return Err(ProductRejection::StockIsNotNegative(qty));
    }
    Ok(Decision::facts([ProductSaved { id, name, qty }]))
}

/// The fields clients see.
pub const FIELDS: &[Field] = &[Field::text("name"), Field::int("qty")];

/// Shows a product.
#[must_use]
pub fn represent(state: &dyn Held) -> Vec<Value> {
    let product: Option<&Product> = state.as_any().downcast_ref();
    product.map_or_else(Vec::new, |product| vec![(&product.name).into(), product.qty.into()])
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
